"""``autograd.compile``: what a function depends on changes between the calls, and the program sees it."""

from __future__ import annotations

import array
import collections
import contextlib
import contextvars
import dataclasses
import enum
import functools
import importlib
import itertools
import operator
import random
import sys
import textwrap
import types
import warnings
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.random import default_rng

import autograd
import nn
import optim
from autograd import compiler, func, tensor
from tests.helpers import require_same


class Box:
    """An object with attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Small(Box):
    """An object of one class, and then of the other."""

    def factor(self) -> float:
        return 1.0


class Large(Box):
    """The other class."""

    def factor(self) -> float:
        return 3.0


class Unset:
    """An object with a slot in which nothing stands."""

    __slots__ = ("k",)


class Mode(enum.IntEnum):
    """Numbers with names."""

    ONE = 1
    TWO = 2


SCALE = 1.0


def batches(count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [tensor(rng.normal(size=(3, 4)).astype(np.float32)) for _ in range(count)]


def equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, (tuple, list)):
        return len(found) == len(expected) and all(map(equal, found, expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(equal(found[key], expected[key]) for key in expected)
    if isinstance(expected, (autograd.Tensor, np.ndarray)):
        return type(found) is type(expected) and found.dtype == expected.dtype and np.array_equal(found, expected)
    if dataclasses.is_dataclass(expected):
        return type(found) is type(expected) and equal(vars(found), vars(expected))
    return type(found) is type(expected) and found == expected


def trained(between: Any, steps: int = 12, **extra: Any) -> Any:
    """Train eagerly and compiled, with something done between the steps; the compiled function."""
    worlds = []
    for _ in range(2):
        autograd.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
        worlds.append(Box(model=model, optimizer=optim.Adam(model.parameters(), lr=0.1), **extra))

    def written(world: Box) -> Any:
        def step(x: Any) -> Any:
            world.optimizer.zero_grad()
            loss = world.model(x).square().mean()
            loss.backward()
            world.optimizer.step()
            return loss.detach()

        return step

    eager, compiled = written(worlds[0]), compiler.compile(written(worlds[1]))
    schedules = [between(world) for world in worlds]
    for i, x in enumerate(batches(steps)):
        assert equal(compiled(x), eager(x)), i
        for after in schedules:
            after(i)
    states = [list(world.model.state_dict().values()) for world in worlds]
    assert equal(states[1], states[0])
    return compiled


# ---- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_a_rate_set_between_the_steps_is_an_argument(kind: Any) -> None:
    def between(world: Box) -> Any:
        return lambda i: world.optimizer.param_groups[0].update(lr=kind(0.1 / (i + 1)))

    assert trained(between).recordings <= 4


def test_a_scheduler_outside_of_the_step() -> None:
    def between(world: Box) -> Any:
        scheduler = optim.lr_scheduler.CosineAnnealingLR(world.optimizer, 20)
        return lambda i: scheduler.step()

    assert trained(between).recordings <= 4


@pytest.mark.parametrize("later", [False, True], ids=["hook", "later hook"])
def test_hooks_of_parameters_set_between_the_steps(later: bool) -> None:
    def between(world: Box) -> Any:
        weight, box, handles = next(iter(world.model.parameters())), Box(factor=2.0), []

        def after(i: int) -> None:
            if i == 4 and later:
                handles.append(weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(box.factor)))
            elif i == 4:
                handles.append(weight.register_hook(lambda g: g * box.factor))
            elif i == 8:
                box.factor = 3.0
            elif i == 11:
                handles.pop().remove()

        return after

    compiled = trained(between, 15)
    assert compiled.recordings <= 7
    assert compiled.source


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.int32])
def test_numbers_of_numpy_are_arguments(kind: Any) -> None:
    compiled = compiler.compile(lambda x, k: x * k)
    for i, x in enumerate(batches(5)):
        assert equal(compiled(x, kind(i)), x * kind(i))
    assert compiled.recordings == 2


@pytest.mark.parametrize("value", [Mode.TWO, np.float64(2), np.float32(2), 1j, slice(1), range(3), b"x", float("nan")])
def test_arguments_of_any_kind_are_told_apart(value: Any) -> None:
    def function(x: Any, k: Any) -> Any:
        return x * 2 if isinstance(k, type(value)) else x

    compiled = compiler.compile(function)
    for x in batches(3):
        for given in (value, None, 3, value):
            assert equal(compiled(x, given), function(x, given))
    assert compiled.recordings == 3


def test_a_number_that_is_needed_itself_has_a_program_for_each() -> None:
    compiled = compiler.compile(lambda x, k: x * float(np.sqrt(k)) ** 2 + x.topk(k).values.sum())
    for i, x in enumerate(batches(9)):
        k = i % 3 + 1
        assert equal(compiled(x, k), x * float(np.sqrt(k)) ** 2 + x.topk(k).values.sum())
    assert compiled.recordings <= 5
    assert compiled.source


def test_whole_numbers_and_their_bits_are_arguments() -> None:
    def function(x: Any, k: int) -> Any:
        first, second = divmod(k, 4)
        x = x * (k & 3) + (1 | k) - (k ^ 5) + (k << 2) + (100 >> k) + divmod(9, k + 1)[1]
        return x, first, second, ~k, 3 & k, k | 1, 5 ^ k, 2 << k, k >> 1

    compiled = compiler.compile(function)
    for i, x in enumerate(batches(7)):
        assert equal(compiled(x, i), function(x, i))
    assert compiled.recordings == 2


@pytest.mark.parametrize("where", ["argument", "attribute"])
def test_minus_zero_is_not_zero(where: str) -> None:
    box = Box(zero=0.0)
    compiled = compiler.compile(lambda x, k: 1 / (x * (k if where == "argument" else box.zero)))
    with np.errstate(divide="ignore"):
        for zero in (0.0, 0.0, 0.0, -0.0, 0.0):
            box.zero = zero
            found = compiled(autograd.ones(2), zero if where == "argument" else None)
            assert np.signbit(found.numpy()[0]) == np.signbit(zero)


# ---- what is read without a call of NumPy ---------------------------------------------------------------------------


def _class() -> type:
    return type("Settings", (), {"k": 1.0, "__module__": __name__})


def _rename(function: Any, code: Any) -> None:
    function.__code__ = code.__code__


CHANGED: dict[str, tuple[Any, Any, Any]] = {
    "class": (_class, lambda c: lambda x: x * c.k, lambda c: setattr(c, "k", 3.0)),
    "class of an instance": (lambda: _class()(), lambda c: lambda x: x * c.k, lambda c: setattr(type(c), "k", 3.0)),
    "base class": (
        lambda: type("Sub", (_class(),), {"__module__": __name__}),
        lambda c: lambda x: x * c.k,
        lambda c: setattr(c.__bases__[0], "k", 3.0),
    ),
    "set": (lambda: {1}, lambda s: lambda x: x * sum(s), lambda s: (s.clear(), s.add(7))),
    "context": (
        lambda: contextvars.ContextVar("v", default=1.0),
        lambda v: lambda x: x * v.get(),
        lambda v: v.set(3.0),
    ),
    "weak reference": (
        lambda: Box(k=1.0),
        lambda b: (lambda ref: lambda x: x * ref().k)(weakref.ref(b)),
        lambda b: setattr(b, "k", 3.0),
    ),
    "proxy": (
        lambda: {"k": 1.0},
        lambda d: (lambda proxy: lambda x: x * proxy["k"])(types.MappingProxyType(d)),
        lambda d: d.update(k=3.0),
    ),
    "bound method": (
        lambda: {"k": 1.0},
        lambda d: (lambda get: lambda x: x * get("k"))(d.get),
        lambda d: d.update(k=3.0),
    ),
    "bytes": (lambda: bytearray(b"a"), lambda b: lambda x: x * b[0], lambda b: b.__setitem__(0, 1)),
    "array of Python": (lambda: array.array("d", [1]), lambda a: lambda x: x * a[0], lambda a: a.__setitem__(0, 3)),
    "objects": (lambda: np.array([1.0], object), lambda a: lambda x: x * a[0], lambda a: a.__setitem__(0, 3.0)),
    "dates": (
        lambda: np.array([1], "m8[s]"),
        lambda a: lambda x: x * int(a[0].astype(int)),
        lambda a: a.__setitem__(0, 3),
    ),
    "defaults": (lambda: lambda k=1.0: k, lambda f: lambda x: x * f(), lambda f: setattr(f, "__defaults__", (3.0,))),
    "keyword defaults": (
        lambda: lambda *, k=1.0: k,
        lambda f: lambda x: x * f(),
        lambda f: setattr(f, "__kwdefaults__", {"k": 3.0}),
    ),
    "slot": (Unset, lambda s: lambda x: x * getattr(s, "k", 1.0), lambda s: setattr(s, "k", 3.0)),
    "code": (lambda: lambda: 1.0, lambda f: lambda x: x * f(), lambda f: _rename(f, lambda: 3.0)),
    "attribute of a function": (
        lambda: lambda: 0,
        lambda f: lambda x: x * getattr(f, "k", 1.0),
        lambda f: setattr(f, "k", 3.0),
    ),
    "partial": (
        lambda: functools.partial(lambda k: k, 1.0),
        lambda p: lambda x: x * p(),
        lambda p: p.__setstate__((p.func, (3.0,), {}, {})),
    ),
    "empty list": (list, lambda v: lambda x: x * (1 + len(v)), lambda v: v.append(2)),
    "empty dict": (dict, lambda v: lambda x: x * v.get("k", 1.0), lambda v: v.update(k=3.0)),
    "empty deque": (collections.deque, lambda v: lambda x: x * (1 + sum(v)), lambda v: v.append(2)),
    "empty object": (Box, lambda b: lambda x: x * getattr(b, "k", 1.0), lambda b: setattr(b, "k", 3.0)),
    "class of an object": (Small, lambda b: lambda x: x * b.factor(), lambda b: setattr(b, "__class__", Large)),
    "name of an attribute": (
        lambda: Box(k=1.0),
        lambda b: lambda x: x * getattr(b, "k", 3.0),
        lambda b: setattr(b, "other", b.__dict__.pop("k")),
    ),
    "globals()": (lambda: 0, lambda _: lambda x: x * globals()["SCALE"], lambda _: globals().update(SCALE=3.0)),
    "eval": (lambda: 0, lambda _: lambda x: x * eval("SCALE + 0"), lambda _: globals().update(SCALE=5.0)),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_changes_unseen_is_guarded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SCALE", 1.0)
    make, write, change = CHANGED[name]
    thing = make()
    function = write(thing)
    compiled = compiler.compile(function)
    for i, x in enumerate(batches(10)):
        if i == 5:
            change(thing)
        assert equal(compiled(x), function(x)), i
    assert 2 <= compiled.recordings <= 3


@pytest.mark.parametrize("size", [1, 4])
def test_arrays_in_tuples_are_known_by_what_they_are(size: int) -> None:
    """One with the same numbers is another: what is written into it later counts."""
    held: list[Any] = [(None, np.ones(size, np.float32), {"k": np.ones(size, np.float32)})]

    def function(x: Any) -> Any:
        _, factor, more = held[0]
        return x * factor * more["k"]

    compiled = compiler.compile(function)
    for i, x in enumerate(batches(14)):
        if i in (5, 8):
            held[0] = (None, held[0][1].copy(), dict(held[0][2])) if i == 5 else (None, held[0][1], {"k": held[0][1]})
        if i in (6, 9):
            held[0][1][:] = i
        assert equal(compiled(x), function(x)), i
    assert 2 <= compiled.recordings <= 4


FACTOR = contextvars.ContextVar("FACTOR", default=1.0)
CALLING: dict[str, Any] = {
    "each": lambda x, v: np.frompyfunc(lambda a: a * v.get(), 1, 1)(x).astype(x.dtype),
    "piecewise": lambda x, v: np.piecewise(x, [x > 0], [lambda a: a * v.get(), 0]),
    "along": lambda x, v: np.apply_along_axis(lambda a: a * v.get(), 0, x),
    "vectorize": lambda x, v: np.vectorize(lambda a: a * v.get(), otypes=[x.dtype])(x),
    "objects": lambda x, v: (x.astype(object) * Factor(v)).astype(x.dtype),
}


class Factor:
    """What multiplies by a variable of the context."""

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def __rmul__(self, other: Any) -> Any:
        return other * self.variable.get()


@pytest.mark.parametrize("name", CALLING)
def test_functions_that_a_program_calls_see_the_context(name: str) -> None:
    """A program runs in a context of its own, if it calls nothing of the user's."""
    function = functools.partial(CALLING[name], v=FACTOR)
    compiled = compiler.compile(function)
    token = FACTOR.set(3.0)
    try:
        for x in batches(5):
            assert equal(compiled(x.numpy()), function(x.numpy()))
    finally:
        FACTOR.reset(token)


def test_a_variable_that_is_deleted() -> None:
    """The function says itself that it is not there, and goes on when it is there again."""
    factor = 2.0

    def delete() -> None:
        nonlocal factor
        del factor

    compiled = compiler.compile(lambda x: x * factor)
    x = batches(1)[0]
    for _ in range(4):
        assert equal(compiled(x), x * 2)
    delete()
    with pytest.raises(NameError, match="factor"):
        compiled(x)
    factor = 3.0
    assert equal(compiled(x), x * 3)


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_gradient_that_is_taken_away_is_missed(gone: int) -> None:
    """A step that asks whether there are gradients, which it writes again, does as it would without a program."""
    results = []
    for wrap in (lambda step: step, compiler.compile):
        model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2))
        for i, p in enumerate(model.parameters()):
            p.data = autograd.full(p.shape, 0.5 + i)

        def step(x: Any, model: Any = model) -> Any:
            known = sum(p.grad is not None for p in model.parameters())
            model.zero_grad()
            loss = (model(x) * known).sum()
            loss.backward()
            return loss.detach()

        run, found = wrap(step), []
        for i, x in enumerate(batches(20)):
            if i % 5 == 4:
                [*model.parameters()][gone].grad = None
            found.append((run(x), [p.grad.clone() for p in model.parameters()]))
        results.append(found)
    assert all(equal(*pair) for pair in zip(*results, strict=True))


def _imports(x: Any) -> Any:
    from package_of_tests import settings  # type: ignore[import-not-found]

    return x * settings.k


def _imports_within(x: Any) -> Any:
    import package_of_tests.settings as renamed

    return (lambda y: y * renamed.k)(x)


def _imports_after_many_names() -> Any:
    """A function with so many names that the number of the imported one takes two bytes of its code."""
    lines = ["if x is None:", *(f"    x.name_{i}" for i in range(300))]
    lines += ["from package_of_tests import settings", "return x * settings.k"]
    space: dict[str, Any] = {"__name__": __name__}
    exec("def function(x):\n" + textwrap.indent("\n".join(lines), "    "), space)
    return space["function"]


MODULES: dict[str, Any] = {
    "in a module": lambda settings: lambda x: x * package.settings.k,  # type: ignore[name-defined]  # noqa: F821
    "imported": lambda settings: _imports,
    "imported by another name": lambda settings: _imports_within,
    "imported after many names": lambda settings: _imports_after_many_names(),
    "attribute": lambda settings: (lambda box: lambda x: x * box.settings.k)(Box(settings=settings)),
    "of the function around": lambda settings: lambda x: x * settings.k,
    "by getattr": lambda settings: lambda x: x * getattr(package.settings, "k"),  # type: ignore[name-defined]  # noqa: B009, F821
    "in sys.modules": lambda settings: lambda x: x * sys.modules["package_of_tests.settings"].k,
    "in sys.modules, by a variable": lambda settings: lambda x: x * sys.modules[settings.__name__].k,
    "in sys.modules, sys being called otherwise": lambda settings: (
        lambda system: lambda x: x * system.modules["package_of_tests.settings"].k
    )(sys),
    "import_module": lambda settings: lambda x: x * importlib.import_module("package_of_tests.settings").k,
}


@pytest.mark.parametrize("name", MODULES)
def test_variables_of_modules_are_guarded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, settings = types.ModuleType("package_of_tests"), types.ModuleType("package_of_tests.settings")
    package.settings, settings.k = settings, 2.0  # type: ignore[attr-defined]
    monkeypatch.setitem(globals(), "package", package)
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, settings.__name__, settings)
    function = MODULES[name](settings)
    compiled = compiler.compile(function)
    for i, x in enumerate(batches(6)):
        if i == 3:
            settings.k = 3.0  # type: ignore[attr-defined]
        assert equal(compiled(x), x * (2.0 if i < 3 else 3.0)), i
    assert compiled.recordings == 2
    assert compiled.source


def test_a_network_that_names_its_modules_looks_no_modules_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """``self.modules()`` is no look-up in ``sys.modules``: what stands in modules elsewhere has no part in it."""
    elsewhere = types.ModuleType("package_of_tests")
    monkeypatch.setitem(sys.modules, elsewhere.__name__, elsewhere)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(4, 4)
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.weight)

        def forward(self, x: Any) -> Any:
            return self.line(x)

    net = Net()
    compiled = compiler.compile(lambda x: net(x).detach(), fullgraph=True)
    for i, x in enumerate(batches(4)):
        elsewhere.line = i  # type: ignore[attr-defined]
        assert equal(compiled(x), net(x).detach())
    assert compiled.recordings == 1


def test_a_class_of_the_user_may_be_called_tensor() -> None:
    class Tensor:
        scale = 2.0

    own = Tensor()
    compiled = compiler.compile(lambda x: x * own.scale, fullgraph=True)
    for i, x in enumerate(batches(4)):
        own.scale = scale = 2.0 if i < 2 else 3.0
        assert equal(compiled(x), x * scale)


class Slotted:
    """Slots, one of them private."""

    __slots__ = ("__private", "own")

    def __init__(self) -> None:
        self.own = 2.0
        self.__private = 1.0

    def scale(self) -> float:
        return self.own * self.__private

    def set_private(self, value: float) -> None:
        self.__private = value


class Derived(Slotted):
    """A property in a slot's place, which cannot be set."""

    @property
    def own(self) -> float:  # type: ignore[override]
        return 2.0

    def __init__(self) -> None:
        self.set_private(1.0)


@pytest.mark.parametrize("kind", [Slotted, Derived])
def test_slots(kind: type[Slotted]) -> None:
    thing = kind()
    compiled = compiler.compile(lambda x: x * thing.scale(), fullgraph=True)
    for i, x in enumerate(batches(6)):
        thing.set_private(private := 1.0 if i < 3 else 3.0)
        assert equal(compiled(x), x * (2.0 * private))


class Drawing:
    """Of a package that no code of the user's uses but that which draws: what it holds changes with each picture."""

    __module__ = "package_that_draws"

    def __init__(self) -> None:
        self.pictures = itertools.count()
        self.factor = tensor(2.0)

    def scaled(self, x: Any) -> Any:
        return x * self.factor


class Reporting:
    """What computes, and beside that reports: in a method, and in an attribute, that ``compute`` does not use."""

    def __init__(self) -> None:
        self.drawing = Drawing()

    def report(self) -> None:
        next(self.drawing.pictures)

    def compute(self, x: Any) -> Any:
        return x * 2.0


class ReportingByText(Reporting):
    """What does not say in its code which attribute it uses."""

    kind = "draw"

    def compute(self, x: Any) -> Any:
        return getattr(self, self.kind + "ing").scaled(x)


def test_what_no_code_in_reach_names_is_another_packages() -> None:
    """A figure of a plotting library leads to all of that library; what it holds is no part of the program."""
    own = Reporting()
    compiled = compiler.compile(own.compute, fullgraph=True)
    for x in batches(5):
        own.report()
        assert equal(compiled(x), x * 2.0)
    assert compiled.recordings == 1


def test_what_code_may_name_by_a_text_is_followed_everywhere() -> None:
    own = ReportingByText()
    compiled = compiler.compile(own.compute, fullgraph=True)
    for i, x in enumerate(batches(6)):
        if i >= 3:
            own.drawing.factor = tensor(float(i))
        assert equal(compiled(x), own.compute(x))


@pytest.mark.parametrize("get", [operator.attrgetter("a.b.scale"), operator.methodcaller("get")])
@pytest.mark.parametrize("foreign", [False, True])
def test_attributes_that_no_code_names_are_guarded(get: Any, foreign: bool) -> None:
    inner, outer = Drawing() if foreign else Box(), Box()
    inner.scale = tensor(2.0)
    outer.a = Box(b=inner)
    outer.get = lambda: getattr(outer.a.b, "scale")  # noqa: B009
    own = Box(settings=outer)
    compiled = compiler.compile(lambda x: x * get(own.settings), fullgraph=True)
    for i, x in enumerate(batches(6)):
        scale = 2.0 if i < 3 else 3.0
        inner.scale = tensor(scale)
        assert equal(compiled(x), x * scale)


class Keywords:
    """Slots whose names are words of Python's."""

    __slots__ = ("def", "is")


def test_attributes_named_by_words_of_python() -> None:
    own = Keywords()
    setattr(own, "def", 2.0)
    setattr(own, "is", tensor(0.0))

    def function(x: Any) -> Any:
        setattr(own, "is", getattr(own, "is") + x.sum())
        return x * getattr(own, "def")

    compiled = compiler.compile(function, fullgraph=True)
    total = tensor(0.0)
    for i, x in enumerate(batches(6)):
        scale = 2.0 if i < 3 else 3.0
        setattr(own, "def", scale)
        assert equal(compiled(x), x * scale)
        total = total + x.sum()
        assert equal(getattr(own, "is"), total)


class Scaled(type):
    """A metaclass with a property."""

    @property
    def scale(cls) -> Any:
        return np.array(7.0, np.float32)


def test_a_class_attribute_that_a_property_of_the_metaclass_hides() -> None:
    class Own(metaclass=Scaled):
        scale = tensor(3.0)
        other = 2.0

    compiled = compiler.compile(lambda x: x * Own().scale * Own.scale * Own.other, fullgraph=True)
    for i, x in enumerate(batches(6)):
        Own.other = 2.0 if i < 3 else 5.0
        Own().scale.fill_(scale := 3.0 if i < 4 else 4.0)
        assert equal(compiled(x), x * scale * 7.0 * Own.other)


def test_imports_of_a_long_function() -> None:
    """The number of a constant beyond the first 256 takes two instructions."""
    lines = [f"    {1000 + i}.5 + x" for i in range(300)]
    text = "\n".join(["def function(x):", *lines, "    if x is None:", "        from . import nothing"])
    space: dict[str, Any] = {}
    exec(f"{text}\n    from math import floor\n    return x * floor(2.5)", space)
    compiled = compiler.compile(space["function"], fullgraph=True)
    for x in batches(3):
        assert equal(compiled(x), x * 2)


@pytest.mark.parametrize("verify", [True, False])
def test_variables_of_a_module_that_is_first_imported_in_the_call(
    verify: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module_of_tests.py").write_text("k = 1.0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "module_of_tests", raising=False)

    def function(x: Any) -> Any:
        import module_of_tests  # type: ignore[import-not-found]

        return x * module_of_tests.k

    compiled = compiler.compile(function, verify=verify, fullgraph=True)
    for k, x in zip((1.0, 2.0, 2.0, 2.0, 3.0, 3.0), batches(6), strict=True):
        if "module_of_tests" in sys.modules:
            sys.modules["module_of_tests"].k = k  # type: ignore[attr-defined]
        assert equal(compiled(x), x * k)
    monkeypatch.delitem(sys.modules, "module_of_tests")


@pytest.mark.parametrize("maxsize", [None, 8])
@pytest.mark.parametrize("filled", [True, False])
def test_a_table_that_a_cache_of_results_holds(maxsize: int | None, filled: bool) -> None:
    """Indexed by what is another at each call; first made before, or while another program was recorded."""

    @functools.lru_cache(maxsize=maxsize)
    def table(rows: int) -> Any:
        return autograd.arange(rows) * 10, {"negated": -autograd.arange(rows)}

    def function(order: Any) -> Any:
        tens, others = table(3)
        return tens[order], others["negated"].gather(0, order)

    if filled:
        table(3)
    orders = [tensor(list(order)) for order in itertools.permutations(range(3))]
    for _ in range(2):
        compiled = compiler.compile(function, fullgraph=True)
        for order in orders:
            assert equal(compiled(order), (order * 10, -order))
            table(int(order[0]))  # more of them change nothing
        assert compiled.recordings == 1


def _leaf() -> Any:
    return tensor([1.0, 2.0, 3.0], requires_grad=True)


def _array(writeable: bool = True) -> Any:
    array = np.array([1.0, 2.0, 3.0])
    array.flags.writeable = writeable
    return array


def _part() -> Any:
    return np.array([1.0, 2.0, 3.0, 4.0])[:3]


_owned = _array()
ASKED: dict[str, Any] = {
    "is_leaf": (lambda x: x.is_leaf, _leaf, lambda: _leaf() * 1),
    "grad_fn": (lambda x: x.grad_fn is None, _leaf, lambda: _leaf() * 1),
    "requires_grad": (lambda x: x.requires_grad, _leaf, lambda: _leaf().detach()),
    "writeable": (lambda x: x.flags.writeable, _array, lambda: _array(False)),
    "a flag by its name": (lambda x: x.flags["WRITEABLE"], _array, lambda: _array(False)),
    "of the array of a Tensor": (
        lambda x: x.numpy().flags.writeable,
        lambda: autograd.from_numpy(_array()),
        lambda: autograd.from_numpy(_array(False)),
    ),
    "of what is computed": (lambda x: (x * 1).flags.owndata and (x * 1).base is None, _array, _part),
    "owndata": (lambda x: x.flags.owndata, _array, _part),
    "base": (lambda x: x.base is None, _array, _part),
    "shared memory": (lambda x: np.shares_memory(x, _owned), _array, lambda: _owned[:]),
}


@pytest.mark.filterwarnings("ignore:compile.*cannot be recorded")
@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_of_arguments_is_guarded(name: str, first: int) -> None:
    ask = ASKED[name][0]

    def function(x: Any) -> Any:
        return x * 2 if ask(x) else x * 3

    compiled = compiler.compile(function)
    for i in range(9):
        make = ASKED[name][first if i // 3 != 1 else 3 - first]
        found, expected = compiled(make()), function(make())
        assert np.array_equal(*[np.asarray(getattr(y, "_data", y)) for y in (found, expected)])
    assert compiled.recordings <= 3


def test_flags_of_states_are_guarded() -> None:
    state = _array()
    compiled = compiler.compile(lambda x: x * 2 if state.flags.writeable else x * 3)
    for i, x in enumerate(batches(6)):
        state.flags.writeable = i < 3
        assert equal(compiled(x), x * (2 if i < 3 else 3))
    assert compiled.source


def test_a_counter_in_a_class_goes_on() -> None:
    class Model:
        calls = 0

        def __call__(self, x: Any) -> Any:
            type(self).calls += 1
            return x * self.calls

    compiled = compiler.compile(Model())
    for i, x in enumerate(batches(6)):
        assert equal(compiled(x), x * (i + 1))
    assert Model.calls == 6
    assert compiled.recordings == 2


ITERATORS = [
    itertools.count,
    lambda: iter(range(99)),
    lambda: (i for i in range(99)),
    lambda: map(int, range(99)),
    lambda: filter(None, range(99)),
    lambda: itertools.chain([1, 2], range(99)),
    lambda: itertools.cycle(range(9)),
]


@pytest.mark.parametrize("make", ITERATORS)
def test_iterators_that_advance_are_refused(make: Any) -> None:
    values, other = make(), make()
    compiled = compiler.compile(lambda x: x * (1 if next(values) < 4 else 2))
    with pytest.warns(UserWarning, match="is changed, by no call of NumPy"):
        compiled(batches(1)[0])
    next(other)
    for x in batches(6):
        assert equal(compiled(x), x * (1 if next(other) < 4 else 2))


@pytest.mark.parametrize("make", [lambda: random.Random(5).random, lambda: np.random.RandomState(5).rand])
def test_older_generators_are_refused(make: Any) -> None:
    """Also where the run that would be compared decides alike."""
    draw, other = make(), make()
    compiled = compiler.compile(lambda x: x * 2 if draw() < 0.95 else x * 3)
    with pytest.warns(UserWarning, match="is changed, by no call of NumPy"):
        assert equal(compiled(batches(1)[0]), batches(1)[0] * (2 if other() < 0.95 else 3))
    for x in batches(30):
        assert equal(compiled(x), x * (2 if other() < 0.95 else 3))


@pytest.mark.parametrize("detach", [False, True])
def test_graphs_of_what_was_there_before_are_not_lost(detach: bool) -> None:
    """A Tensor that is written into within a graph, or made to require grad, is so after every call."""
    grads = []
    for compiled in (True, False):
        weight, total = nn.Parameter(autograd.ones(4)), autograd.zeros(3, 4)

        def step(x: Any, weight: Any = weight, total: Any = total) -> Any:
            total.add_(weight * x)
            loss = (total * weight).sum()
            weight.grad = None
            loss.backward(retain_graph=True)
            if detach:
                total.detach_()
            return loss.detach()

        run = compiler.compile(step, verify=False) if compiled else step
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grads.append([(run(x), weight.grad, total.requires_grad) for x in batches(5)])
        assert not compiled or bool(run.source) is detach
    assert equal(*grads)


# ---- containers and objects that change ------------------------------------------------------------------------------


def test_logs_that_grow_beside_the_steps_are_no_reason_to_record() -> None:
    def between(world: Box) -> Any:
        def after(i: int) -> None:
            world.log.append(i)
            world.log = world.log[-3:]
            world.best = tensor(float(i))
            world.metrics[f"step {i}"] = i
            world.seen.add(i)

        world.log, world.metrics, world.seen = [], {}, set()
        return after

    assert trained(between, log=None, metrics=None, seen=None, best=None).recordings <= 6


def test_a_list_that_grows_and_is_read_is_read() -> None:
    box = Box(log=[1.0])
    compiled = compiler.compile(lambda x: x * len(box.log))
    for i, x in enumerate(batches(6)):
        assert equal(compiled(x), x * len(box.log)), i
        if i in (1, 3):
            box.log.append(2.0)


def test_a_method_that_logs_at_its_end() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.total = autograd.zeros(4)
            self.log: list[float] = []

        def step(self, x: Any) -> Any:
            self.total += x.sum(0)
            out = self.total * 2
            self.log.append(out.sum().item())
            return out

    eager, other = Trainer(), Trainer()
    compiled = compiler.compile(other.step)
    for x in batches(6):
        assert equal(compiled(x), eager.step(x))
    assert equal(other.log, eager.log)
    assert "add" in compiled.source


def test_states_that_change_places() -> None:
    eager, other = Box(a=autograd.zeros(4), b=autograd.ones(4)), Box(a=autograd.zeros(4), b=autograd.ones(4))

    def written(box: Box) -> Any:
        def step(x: Any) -> Any:
            box.a, box.b = box.b, box.a + x.sum(0)
            return box.a * 2

        return step

    step, compiled = written(eager), compiler.compile(written(other))
    for x in batches(6):
        assert equal(compiled(x), step(x))
    assert equal([other.a, other.b], [eager.a, eager.b])
    assert compiled.source


def _first(box: Any, x: Any) -> Any:
    if box.flag:
        return x * 2
    box.flag = True
    return x * 5


def _toggled(box: Any, x: Any) -> Any:
    box.flag = not box.flag
    box.items[0] = "b" if box.items[0] == "a" else "a"
    return x * (2 if box.flag else 3) + (box.items[0] == "a")


def _turned(box: Any, x: Any) -> Any:
    box.name = {"a": "b", "b": "c", "c": "a"}[box.name]
    return x * ord(box.name)


def _averaged(box: Any, x: Any) -> Any:
    box.mean = x.mean() if box.mean is None else box.mean * 0.9 + x.mean() * 0.1
    return x - box.mean


def _held(box: Any, x: Any) -> Any:
    box.state = (x + 1, 0) if box.state is None else (box.state[0] + x, box.state[1] + 1)
    return box.state[0] * box.state[1]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("function", [_first, _toggled, _turned, _averaged, _held])
def test_what_a_function_changes_itself_is_guarded_as_it_was_before(function: Any, verify: bool) -> None:
    start = {"flag": False, "name": "a", "mean": None, "state": None}
    boxes = [Box(items=["a"], **start) for _ in range(2)]
    compiled = compiler.compile(lambda x: function(boxes[0], x), verify=verify)
    for i, x in enumerate(batches(14)):
        assert equal(compiled(x), function(boxes[1], x)), i
        assert equal(vars(boxes[0]), vars(boxes[1])), i
        if i == 6:
            for box in boxes:
                box.__dict__.update(start)
                box.items[0] = "a"
    assert compiled.recordings <= 5
    assert compiled.source


def test_a_set_that_is_changed_is_refused() -> None:
    seen, twin = {1}, {1}

    def change(seen: set[int], x: Any) -> Any:
        k = seen.pop()
        seen.add(3 - k)
        return x * k

    compiled = compiler.compile(lambda x: change(seen, x), verify=False)
    with pytest.warns(UserWarning, match="a set is changed"):
        assert all([equal(compiled(x), change(twin, x)) for x in batches(4)])  # noqa: C419
    assert seen == twin


def test_a_state_in_a_tuple_is_another_at_each_call() -> None:
    boxes = Box(state=None), Box(state=None)
    autograd.manual_seed(0)
    lstm = nn.LSTM(4, 4)

    def written(box: Box) -> Any:
        def step(x: Any) -> Any:
            out, (hidden, cell) = lstm(x, box.state and box.state[0])
            box.state = (hidden.detach(), cell.detach()), out.detach().numpy(), (box.state[2] + 1 if box.state else 0)
            return out.detach() * box.state[2]

        return step

    step, compiled = written(boxes[0]), compiler.compile(written(boxes[1]))
    kept = []
    for i, x in enumerate(batches(14)):
        if i in (5, 9):
            for box in boxes:
                box.state = None if i == 5 else ((autograd.ones(1, 4), autograd.zeros(1, 4)), np.ones(3), 7)
        assert equal(compiled(x), step(x)), i
        assert equal(boxes[1].state, boxes[0].state), i
        kept.append((boxes[1].state, boxes[0].state))
    assert all(equal(*each) for each in kept)
    assert compiled.recordings <= 5


def test_a_state_set_between_the_calls() -> None:
    box = Box(hidden=autograd.zeros(4))
    compiled = compiler.compile(lambda x: x + box.hidden)
    for i, x in enumerate(batches(6)):
        box.hidden = autograd.full((4,), float(i))
        assert equal(compiled(x), x + i)
    assert compiled.recordings == 2


def test_too_many_recordings_say_what_changes() -> None:
    compiled = compiler.compile(lambda x, k: x * k.k)
    (x,) = batches(1)
    for _ in range(16):
        compiled(x, Box(k=1.0))
    with pytest.warns(UserWarning, match=r"one more: the argument 'k' was a Box \(at .*, then a Box"):
        compiled(x, Box(k=1.0))


def test_a_list_that_grows_at_every_call_is_named() -> None:
    """In a loop, where nothing can be cut off, each call was recorded, and the warning named no list."""
    seen: list[Any] = []

    @compiler.compile
    def step(x: Any) -> Any:
        for i in range(2):
            seen.append(i)
            x = x * 2
        return x

    for x in batches(16):
        step(x)
    with pytest.warns(UserWarning, match="seen, a list, that had 30 entries has 32"):
        step(x)


def test_what_grew_once_has_not_grown_twice() -> None:
    """A second new entry, calls after the first one, cut the function in two, and its programs were dropped."""
    masks: dict[int, Any] = {}

    @compiler.compile
    def masked(x: Any) -> Any:
        if len(x) not in masks:
            masks[len(x)] = autograd.arange(len(x))
        return (x.sum(1) * masks[len(x)]).sum()

    for n in (2, 2, 2, 3, 3, 3, 4, 4, 4):
        masked(autograd.ones(n, 4))
    assert "arange" not in masked.source
    assert "multiply" in masked.source
    assert masked._halves is None


# ---- what the function does ------------------------------------------------------------------------------------------


def test_the_class_of_what_records() -> None:
    def function(x: Any, k: float, n: int) -> Any:
        a = x.numpy()
        kinds = type(a) is np.ndarray, type(a.sum()) is np.float32, type(k) is float, type(n) is int
        made = type("Made", (), {})
        return [x * 2 if kind else x for kind in kinds], isinstance(made, type), type(x.sum().item()).__name__

    compiled = compiler.compile(function)
    for i, x in enumerate(batches(5)):
        assert equal(compiled(x, i / 2, i), function(x, i / 2, i))
    assert "type" not in globals()
    assert compiled.source


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x * len(str(x)),
        lambda x: x * len(f"{x.numpy().sum():.3g}"),
        lambda x: x * len(repr(x.numpy())),
        lambda x: x * float(x.numpy().sum()),
        lambda x: sum(float(v) for v in np.nditer(x.numpy())),
        lambda x: (x.numpy() * np.ma.array([1, 2, 3, 4], mask=[0, 1, 0, 0])).filled(0),
    ],
    ids=["text of a Tensor", "formatted", "text of an array", "float", "nditer", "masked"],
)
def test_numbers_that_leave_are_noticed_at_once(read: Any) -> None:
    compiled = compiler.compile(read)
    (x,) = batches(1)
    with pytest.warns(UserWarning, match=r"runs as it is, uncompiled: .* at .*test_compile_changes.py"):
        found = compiled(x)
    assert equal(found, read(x))


def test_errors_asked_for_by_numpy_are_raised() -> None:
    def function(x: Any) -> Any:
        with np.errstate(all="raise"):
            return np.divide(1.0, x)

    compiled = compiler.compile(function)
    with pytest.warns(UserWarning, match="under np.errstate"):
        compiled(np.ones(3))
    with pytest.raises(FloatingPointError):
        compiled(np.zeros(3))


def test_comparisons_of_whole_arrays_are_checked() -> None:
    compiled = compiler.compile(lambda x: x * 2 if np.array_equal(x, np.abs(x)) else x, fullgraph=True)
    for x in (np.ones(2), -np.ones(2), np.full(2, 3.0), np.full(2, -3.0)):
        assert equal(compiled(x), x * 2 if x[0] > 0 else x)
    assert compiled.recordings == 2


def test_objects_do_not_share_bytes_with_numbers() -> None:
    compiled = compiler.compile(lambda a: (np.linalg.eigvalsh(a + a.T), np.vectorize(lambda v: v + 1)(a), a * 2))
    for i in range(5):
        a = np.random.default_rng(i).normal(size=(2, 2))
        assert equal(compiled(a), (np.linalg.eigvalsh(a + a.T), a + 1, a * 2))
    assert compiled.source


def test_one_tensor_in_several_places_of_a_result_is_one() -> None:
    model = nn.Linear(4, 3)

    @compiler.compile
    def step(x: Any) -> Any:
        model.zero_grad()
        model(x).sum().backward()
        y = x * 2
        return y, {"y": y}, [p.grad for p in model.parameters()]

    for x in batches(5):
        y, named, grads = step(x)
        assert named["y"] is y
        assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))


def test_a_factor_of_matmul_is_no_number() -> None:
    """A gradient that is one number everywhere, where the shapes would fit a number as well."""
    weight = tensor(np.ones((3, 4), np.float32), requires_grad=True)
    compiled = compiler.compile(lambda x: autograd.grad((x @ weight.t()).sum(), weight)[0], fullgraph=True)
    for x in batches(4):
        assert equal(compiled(x), x.sum(0).expand(3, 4) * 1)


def test_ordered_dicts_go_in_and_out() -> None:
    compiled = compiler.compile(lambda d: collections.OrderedDict((k, v * 2) for k, v in d.items()))
    for x in batches(3):
        assert equal(compiled(collections.OrderedDict(a=x, b=x + 1)), collections.OrderedDict(a=x * 2, b=(x + 1) * 2))
    assert compiled.recordings == 1


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model returns."""

    scores: Any
    loss: Any = None
    count: int = 0


def _predicted(model: Any, x: Any, n: int) -> Any:
    return Prediction(model(x), count=n)


def _one_in_two_places(model: Any, x: Any, n: int) -> Any:
    found = Prediction(x.numpy() * n, [n])
    return found, {"again": found}, Prediction(Prediction(x * 2), n)


def _with_its_loss(model: Any, x: Any, n: int) -> Any:
    model.zero_grad()
    found = Prediction(model(x), count=n)
    loss = found.scores.square().mean()
    loss.backward()
    return dataclasses.replace(found, scores=found.scores.detach(), loss=loss.item())


@pytest.mark.parametrize("function", [_predicted, _one_in_two_places, _with_its_loss])
def test_dataclasses_are_returned(function: Any) -> None:
    """A function that returned one ran uncompiled."""
    model = nn.Linear(4, 4)
    compiled = compiler.compile(functools.partial(function, model), fullgraph=True)
    for i, x in enumerate(batches(8)):
        found, expected = compiled(x, i // 3), function(model, x, i // 3)
        assert equal(found, expected)
        if function is _one_in_two_places:
            assert found[0] is found[1]["again"]
        if function is _predicted:
            grads = [autograd.grad(out.scores.sum(), [*model.parameters()]) for out in (found, expected)]
            assert equal(*grads)
    assert compiled.recordings <= 4


def test_functions_written_in_the_call() -> None:
    compiled = compiler.compile(lambda x, f: f(x))
    for x in batches(20):
        assert equal(compiled(x, lambda t: t * 3), x * 3)
    assert compiled.recordings == 1


def test_inside_of_vmap_it_runs_as_it_is() -> None:
    compiled = compiler.compile(lambda x: (x * 2).sum())
    (x,) = batches(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert equal(func.vmap(compiled)(x), (x * 2).sum(1))
    for _ in range(3):
        assert equal(compiled(x), (x * 2).sum())
    assert compiled.source


def test_calls_that_raise_do_not_count_as_recordings() -> None:
    def function(x: Any) -> Any:
        if x.ndim != 2:
            raise ValueError("two dimensions")
        return x * 2

    compiled = compiler.compile(function)
    for _ in range(20):
        with pytest.raises(ValueError, match="two dimensions"):
            compiled(autograd.ones(3))
    for x in batches(3):
        assert equal(compiled(x), x * 2)
    assert compiled.source


def test_functions_of_c_code_are_among_what_a_function_can_reach() -> None:
    """The class of Cython's functions may not say in which module it is."""

    @autograd.compile
    def step(x: Any) -> Any:
        return x * 2 if x.ndim else default_rng(0).normal(x)

    assert [step(tensor([float(i)])).item() for i in range(3)] == [0, 2, 4]
    assert step.recordings == 1


def test_a_compiled_model_is_a_part_of_a_model() -> None:
    class Outer(nn.Module):
        def __init__(self, wrap: Any) -> None:
            super().__init__()
            self.first = nn.Linear(4, 6)
            self.block = wrap(nn.Sequential(nn.Tanh(), nn.Dropout(0.1), nn.Linear(6, 3)))

        def forward(self, x: Any) -> Any:
            return self.block(self.first(x))

    found = []
    for wrap in (compiler.compile, lambda block: block):
        autograd.manual_seed(0)
        model = nn.Sequential(Outer(wrap), wrap(nn.Softplus()))
        optimizer = optim.Adam(model.parameters())
        for i, x in enumerate(batches(6)):
            model.train(i != 4)
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
        found.append({**model.state_dict()})
    assert equal(*found)


def test_outputs_without_a_gradient_leave_parameters_without_one() -> None:
    """A parameter that only leads to outputs through which no gradient comes keeps its gradient as it is."""
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    compiled = compiler.compile(lambda x: (model(x), model[0](x), x * 2))
    for i, x in enumerate(batches(6)):
        grads = []
        for function in (compiled, compiled.function):
            model.zero_grad()
            outs = function(x)
            (outs[0].sum() if i % 3 == 0 else outs[1].sum() if i % 3 == 1 else outs[0].sum() + outs[1].sum()).backward()
            grads.append([p.grad for p in model.parameters()])
        assert equal(*grads)
        assert (grads[0][2] is None) is (i % 3 == 1)


def test_a_lazy_module_is_as_it_was_after_a_call_that_fails() -> None:
    """It had become another module without the numbers of that, and failed at each call from then on."""
    layer = nn.LazyBatchNorm1d()

    def step(x: Any) -> Any:
        y = layer(x)
        if x.ndim == 3:
            raise KeyError("three dimensions")
        return y

    compiled = compiler.compile(step)
    for _ in range(2):
        with pytest.raises(KeyError, match="three dimensions"):
            compiled(autograd.randn(2, 3, 4))
    x = autograd.randn(5, 3)
    assert equal(compiled(x).detach(), nn.functional.batch_norm(x, None, None, training=True))


def _of_the_same_gradient(w: Any, x: Any) -> Any:
    w.grad = x.grad = None
    (w * x).sum().backward()
    return x.grad


REACHED = {
    "tensor": (autograd.ones(3), lambda i: autograd.ones(3) * i, lambda kept, x: x * 2 if x is kept else x * 3),
    "array": (np.ones(3), lambda i: np.ones(3) * i, lambda kept, x: x * 2 if x is kept else x * 3),
    "list": ([1, 2], lambda i: [1, 2], lambda kept, x: [*x, 3] if x is kept else x[0]),
    "dict": ({"a": 1}, lambda i: {"a": 1}, lambda kept, x: x["a"] * 2 if x is kept else x["a"] * 3),
    "in a dict": (autograd.ones(3), lambda i: autograd.ones(3), lambda kept, x: {"x": x}["x"] * (2 + (x is kept))),
    "in a set": (autograd.ones(3), lambda i: autograd.ones(3) * i, lambda kept, x: x * len({x, kept})),
    "gradient": (
        autograd.ones(3, requires_grad=True), lambda i: tensor([1.0 * i] * 3, requires_grad=True), _of_the_same_gradient
    ),
}  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", REACHED)
def test_an_argument_may_be_what_the_function_holds(name: str, first: bool) -> None:
    """Whether it was the same thing was not guarded, and of an array, list or dict not even recorded."""
    kept, other, function = REACHED[name]
    compiled = autograd.compile(lambda x: function(kept, x), fullgraph=True)
    for i, same in enumerate([first, first, first, not first, not first, first, not first]):
        x = kept if same else other(i)
        expected = function(kept, x)
        require_same(compiled(x), expected, f"call {i}")
    assert compiled.recordings == 2


class Listed(list):  # type: ignore[type-arg]
    """A list with an attribute, and a method."""

    def factor(self) -> Any:
        return self.k * len(self)


class Keyed(dict):  # type: ignore[type-arg]
    """The same of a dict."""

    factor = Listed.factor


class Queued(collections.deque):  # type: ignore[type-arg]
    """The same of a deque."""

    factor = Listed.factor


class Distinct(set):  # type: ignore[type-arg]
    """The same of a set."""

    factor = Listed.factor


class Fixed(tuple[Any, ...]):
    """The same of a tuple."""

    factor = Listed.factor


@pytest.mark.parametrize("kind", [Listed, Keyed, Queued, Distinct, Fixed])
def test_attributes_of_containers(kind: Any) -> None:
    """A program went on with what the attributes and methods of a container's class had been, and changed none."""
    made = kind({1: 2.0})
    made.k, made.calls = 2.0, 0

    def scaled(x: Any) -> Any:
        made.calls += 1
        return x * made.factor()

    compiled = compiler.compile(scaled, fullgraph=True)
    (x,) = batches(1)
    for i in range(6):
        made.k = 2.0 if i < 3 else 3.0
        assert equal(compiled(x), x * made.k)
        assert made.calls == i + 1
    assert compiled.recordings <= 4


class Pair(NamedTuple):
    """A tuple whose method uses a global variable."""

    x: Any
    n: int

    def scaled(self) -> Any:
        return self.x * SCALE


@pytest.mark.parametrize("given", [True, False])
def test_what_methods_of_named_tuples_use(given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods of a tuple's class were not among what the function can reach."""
    kept = Pair(tensor(2.0), 1)
    compiled = compiler.compile(
        (lambda pair: pair.scaled()) if given else (lambda x: x * kept.scaled()), fullgraph=True
    )
    for i, x in enumerate(batches(6)):
        scale = 1.0 if i < 3 else 3.0
        monkeypatch.setitem(globals(), "SCALE", scale)
        assert equal(compiled(Pair(x, 1) if given else x), x * scale if given else x * (scale * 2.0))
    assert compiled.recordings == 2


class Makers(collections.OrderedDict):  # type: ignore[type-arg]
    """Makes what is asked of it, as tables of activations do; counts what is put into it."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name)()

    def __setitem__(self, name: str, kind: Any) -> None:
        super().__setitem__(name, kind)
        super().__setitem__("puts", super().get("puts", 0) + 1)


def test_a_dict_that_does_more_than_get_and_set() -> None:
    """What its ``__getitem__`` made was put into it while the function was recorded."""
    makers = Makers(tanh=nn.Tanh, relu=nn.ReLU)
    before = [*dict.items(makers)]
    compiled = compiler.compile(lambda x, name: makers[name](x), fullgraph=True)
    for name in ("tanh", "tanh", "tanh", "relu", "relu", "tanh"):
        for x in batches(2):
            assert equal(compiled(x, name), x.tanh() if name == "tanh" else x.relu())
        assert [*dict.items(makers)] == before
    assert compiled.recordings <= 3
    makers["relu"] = nn.Sigmoid
    assert equal(compiled(x, "relu"), x.sigmoid())


def test_a_call_that_raises_draws_no_numbers_of_python_twice() -> None:
    """It is called once more, as it is: with the generators as they were."""

    def drawn(x: Any) -> Any:
        n = random.random() + np.random.rand()  # noqa: NPY002
        if x.dtype == autograd.float64:
            raise ValueError("no")
        return x * n

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for function in (drawn, compiler.compile(drawn)):
            random.seed(0)
            np.random.seed(0)  # noqa: NPY002
            draws = []
            for dtype in (autograd.float32, autograd.float64, autograd.float32, autograd.float64):
                with contextlib.suppress(ValueError):
                    draws.append(function(autograd.ones(2, dtype=dtype)))
            found.append(draws)
    assert equal(*found)
