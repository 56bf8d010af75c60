"""Compiled functions that mix Tensors, NumPy's arrays and Python's numbers, and hand containers through.

Without the comparison at the second call (``verify=False``): the record itself must be right.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
import sys
import types
import warnings
from collections.abc import Callable
from math import cos as cosine
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy
from numpy import zeros
from scipy import interpolate, linalg, ndimage, signal, special

import autograd
import autograd.numpy as anp
from autograd import compiler
from autograd.errors import BatchingError
from autograd.numpy import zeros as mirrored_zeros
from tests.helpers import require_same, run_python


def rows(seed: int) -> Any:
    return autograd.tensor(np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32))


def _written(x: Any) -> Any:
    made = np.zeros((3, 4))
    made[:] = x
    made[0] = x[1]
    made[2, 1] = x[0, 0]
    made[1:] += [x[0], x[1] * 2]
    return made


def _indexed(x: Any) -> Any:
    order, made = x[0].argsort(), np.arange(4)
    made[order[0]] = 9
    return made[order], made[x[1] > 0], made[order[1]], made[x[1] > x[2]].sum()


ASKED: dict[str, Callable[[Any], Any]] = {
    "asarray": lambda x: np.asarray(x) * 2,
    "asarray of another dtype": lambda x: np.asarray(x, np.float64) * 2,
    "array": lambda x: np.array(x) * 2,
    "array of a list": lambda x: np.array([x[0], x[1] * 2]) + 1,
    "ascontiguousarray": lambda x: np.ascontiguousarray(x.t()) * 2,
    "full": lambda x: np.full(3, x[0, 0]),
    "as_strided": lambda x: np.lib.stride_tricks.as_strided(x.numpy(), (2, 2), (4, 4)) * 2,
    "written": _written,
    "indexed": _indexed,
}


@pytest.mark.parametrize("function", ASKED.values(), ids=ASKED)
def test_numpy_asks_tensors_for_their_arrays(function: Callable[[Any], Any]) -> None:
    compiled = compiler.compile(function, verify=False, fullgraph=True)
    for i in range(5):
        require_same(compiled(rows(i)), function(rows(i)), f"call {i}")


@pytest.mark.parametrize(
    "convert",
    [np.asarray, np.array, lambda w: w.numpy() * 1.0, lambda w: np.array([w, w])[1], lambda w: np.full((2, 3), w)[0]],
)
def test_parameters_become_arrays_inside_of_no_grad(convert: Callable[[Any], Any]) -> None:
    def run(wrap: Any) -> list[Any]:
        w = autograd.ones(3, requires_grad=True)

        def step(x: Any) -> Any:
            (gradient,) = autograd.grad((w * x).sum(), w)
            with autograd.no_grad():
                before = convert(w) * 2
                w.sub_(0.1 * gradient)
                return before + np.asarray(w)

        call = wrap(step)
        return [call(autograd.tensor([1.0, 2.0, i])).tolist() for i in range(4)]

    assert np.allclose(run(functools.partial(autograd.compile, verify=False)), run(lambda step: step), rtol=1e-6)


@pytest.mark.parametrize(
    "read",
    [lambda x: np.frombuffer(x.numpy(), np.float32), np.from_dlpack, lambda x: np.array([x.numpy().ctypes.data > 0])],
)
def test_memory_that_is_read_without_numpy_is_told(read: Callable[[Any], Any]) -> None:
    compiled = compiler.compile(lambda x: read(x) * 2, verify=False)
    with pytest.warns(UserWarning, match="frombuffer, which reads the memory|__dlpack__|ctypes"):
        require_same(compiled(rows(0)), read(rows(0)) * 2)
    require_same(compiled(rows(1)), read(rows(1)) * 2)


def never(*args: Any) -> Any:
    raise AssertionError("the program was to run, and the function was called")


SPECIAL = [1.0, 2.0, 3.0, float("inf"), 2.0, -float("inf"), 0.0, -0.0, float("nan"), 1.0, 0.0, -0.0, 7.0]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: x * math.exp(-abs(k)),
        lambda x, k: x * math.copysign(1.0, k),
        lambda x, k: x if {k: 1}.get(2.0) else x * 2,
        lambda x, k: (x, math.isnan(k), math.isinf(k)),
    ],
)
def test_numbers_that_are_needed_themselves_may_be_infinite(function: Any, verify: bool) -> None:
    """Each has a program that knows it again: by what it is, as 0 equals -0, and nan does not equal nan."""
    compiled = compiler.compile(function, verify=verify)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i, k in enumerate(SPECIAL):
            require_same(compiled(rows(i), k), function(rows(i), k), f"call {i}")
    assert compiled.recordings <= 2 + len({repr(k) for k in SPECIAL})


@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: x * math.sqrt(abs(k)) + math.pi,
        lambda x, k: x * cosine(k) * math.pow(abs(k), 0.5) * math.hypot(k, 2.0, -k),
        lambda x, k: x if math.isnan(k * 0.0) or math.isclose(k, 100.0) else x * 2,
        lambda x, k: x * math.floor(k) * math.exp(-abs(k)),
        lambda x, k: x * math.fsum([1.0, 2.0]) * k,
    ],
)
def test_functions_of_math_are_part_of_the_program(function: Any) -> None:
    """They are called with the number itself, as uncompiled: no program for each number, and no digits that differ."""
    compiled = compiler.compile(function, fullgraph=True)
    for i in range(8):
        if i == 4:
            compiled.function = never
        k = 0.3 + 1.7 * i
        require_same(compiled(rows(i), k), function(rows(i), k), f"call {i}")
    assert compiled.recordings == 2
    assert math is sys.modules["math"]
    assert cosine is math.cos


def test_a_function_of_math_that_raises_raises_in_the_program() -> None:
    compiled = compiler.compile(lambda x, k: x * math.log(k))
    for i, k in enumerate((1.0, 2.0, 3.0, 4.0)):
        require_same(compiled(rows(i), k), rows(i) * math.log(k))
    with pytest.raises(ValueError, match=r"math domain error|positive"):
        compiled(rows(0), 0.0)
    require_same(compiled(rows(0), 5.0), rows(0) * math.log(5.0))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: (np.round(x.numpy(), 1), round(k, 1)),
        lambda x, k: (np.abs(x.numpy()), abs(k)),
        lambda x, k: (np.zeros(2, np.dtype(bool)), bool(k)),
        lambda x, k: (np.True_, x if x.abs().sum() > 0 else x * 2),
        lambda x, k: (x.numpy().astype(np.dtype(int)), int(k)),
    ],
)
def test_names_of_numpys_functions_are_not_those_of_pythons(function: Any) -> None:
    compiled = compiler.compile(function, verify=False)
    for i, k in enumerate((0.26, 0.52, 0.78)):
        if i == 2:
            compiled.function = never
        found, expected = compiled(rows(i), k), function(rows(i), k)
        require_same(found, expected, f"call {i}")
        assert [type(item) for item in found] == [type(item) for item in expected]


def test_arguments_named_like_pythons_functions() -> None:
    def function(abs: Any, round: Any, int: Any) -> Any:
        return abs * round + int if int > 1 and abs.sum() < round * 5 else abs

    compiled = compiler.compile(function, verify=False, fullgraph=True)
    for i in range(6):
        require_same(compiled(rows(i), i, i * 0.5), function(rows(i), i, i * 0.5), f"call {i}")


def test_containers_that_are_returned_are_the_arguments() -> None:
    def function(batch: Any, items: Any) -> Any:
        return batch, [items, batch["x"] * 2, items]

    compiled = compiler.compile(function)
    for i in range(4):
        batch, items = {"x": rows(i)}, [rows(i), 1]
        found = compiled(batch, items)
        assert found[0] is batch
        assert found[1][0] is found[1][2] is items
        require_same(found[1][1], batch["x"] * 2)
    assert compiled.recordings == 1


@pytest.mark.parametrize("verify", [True, False])
def test_containers_of_the_state_that_are_returned_are_themselves(verify: bool) -> None:
    """They were copies, with the arrays of the recording in them."""
    kept, items = {"a": np.zeros(3), "b": np.ones(3)}, [np.zeros(3)]

    def function(x: Any) -> Any:
        kept["a"] = kept["a"] + x
        items[0] += x
        return kept, [items, x * 2]

    compiled = compiler.compile(function, verify=verify)
    for i in range(5):
        found, (other, _) = compiled(np.full(3, float(i)))
        assert found is kept
        assert other is items
    require_same((kept["a"], items[0]), (np.full(3, 10.0), np.full(3, 10.0)))


def test_last_lines_get_the_containers_themselves() -> None:
    """What they kept was lost: they wrote into a copy."""

    def function(x: Any, kept: Any = {}) -> Any:  # noqa: B006
        size = x.shape
        if size not in kept:
            kept[size] = np.ones(size)
        kept[size] = kept[size] * 0.5 + x
        return kept[size]

    compiled, true = compiler.compile(function), types.FunctionType(function.__code__, {"np": np}, None, ({},))
    for i in range(8):
        x = np.random.default_rng(i).normal(size=3 + i % 2)
        require_same(compiled(x), true(x), f"call {i}")


@pytest.mark.parametrize("passes", [None, set()])
def test_a_new_container_in_several_places_of_a_result_is_one(passes: Any) -> None:
    def function(x: Any) -> Any:
        made = [x * 2, x.sum()]
        named = {"made": made, "x": x + 1}
        return made, (named, [made, named])

    compiled = compiler.compile(function, passes=passes, fullgraph=True)
    for i in range(4):
        made, (named, both) = compiled(rows(i))
        assert made is named["made"] is both[0]
        assert named is both[1]
        require_same((made, named["x"]), ([rows(i) * 2, rows(i).sum()], rows(i) + 1))


def test_containers_that_are_kept_or_given_twice_are_themselves():
    class Kept:
        last: Any = None
        seen: Any = None

    kept = Kept()

    def function(a: Any, b: Any) -> Any:
        kept.last, kept.seen = a, b["x"]
        return a["x"] + b["x"], a is b

    compiled = compiler.compile(function)
    for i in range(8):
        a, b = {"x": rows(i)}, {"x": rows(i + 1)}
        found, same = compiled(a, a if i % 2 else b)
        require_same(found, a["x"] + (a if i % 2 else b)["x"], f"call {i}")
        assert same is bool(i % 2)
        assert kept.last is a
        assert kept.seen is (a if i % 2 else b)["x"]


def _out(x: Any, call: Callable[[Any, Any], Any]) -> Any:
    made = np.zeros((3, 4))
    return call(x.numpy(), made) is made, made * 2


def _resized(x: Any) -> Any:
    made = x.numpy() * 2
    made.resize((4, 3))
    return made


IN_PLACE: dict[str, Callable[[Any], Any]] = {
    "np.sum": lambda x: _out(x, lambda a, out: np.sum(a[None], 0, None, out)),
    "np.clip": lambda x: _out(x, lambda a, out: np.clip(a, 0, 1, out)),
    "np.dot": lambda x: _out(x, lambda a, out: np.dot(a * 1.0, np.eye(4), out)),
    "np.take": lambda x: _out(x, lambda a, out: np.take(a.astype(float), [2, 1, 0], 0, out, "raise")),
    ".sum()": lambda x: _out(x, lambda a, out: a[None].sum(0, np.float64, out)),
    ".clip()": lambda x: _out(x, lambda a, out: a.clip(0, 1, out)),
    ".dot()": lambda x: _out(x, lambda a, out: a.astype(float).dot(np.eye(4), out)),
    "nan_to_num": lambda x: [a := x.numpy() / (x.numpy() > 0), np.nan_to_num(a, False), a + 1],
    "byteswap": lambda x: [a := x.numpy().view(np.int32) + 0, a.byteswap(True), a + 1],
    "setfield": lambda x: [a := x.numpy() * 2, a.setfield(x.numpy()[0], np.float32), a + 1],
    "resize": _resized,
}


@pytest.mark.filterwarnings("ignore:(divide|invalid)")
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("function", IN_PLACE.values(), ids=IN_PLACE)
def test_arrays_that_numpy_writes_into_when_told_to(function: Callable[[Any], Any], verify: bool) -> None:
    """What was given by its place as ``out`` was not seen to be written: later calls returned what lay there."""
    compiled = compiler.compile(function, verify=verify, fullgraph=True)
    for i in range(5):
        require_same(compiled(rows(i)), function(rows(i)), f"call {i}")


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    change(x)
    return x


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another dtype": (lambda x: _changed(x * 2, lambda a: setattr(a, "dtype", np.int64)), "dtype of an array is set"),
    "shape of an argument": (lambda x: _changed(x, lambda a: setattr(a, "shape", (4, 3))), "shape of an array is set"),
    "another size": (lambda x: _changed(x * 2, lambda a: a.resize((2, 3), refcheck=False)), "given another size"),
    "flags": (lambda x: _changed(x * 2, lambda a: a.setflags(write=False)), "flags of an array are set"),
    "overwritten": (lambda x: np.median(x * 2, overwrite_input=True), "told to overwrite its input"),
    "several results": (lambda x: np.modf(x, out=(np.empty((3, 4)), np.empty((3, 4)))), "has several results"),
    "a result of two": (lambda x: np.modf(x * 2, np.empty((3, 4))), "has several results"),
    "arrays in an array": (lambda x: np.array([x * 2, None], dtype=object), "leaves arrays in an array of objects"),
}


@pytest.mark.parametrize(("function", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:Setting the")
def test_what_no_program_does_with_arrays_is_refused_and_done(function: Callable[[Any], Any], message: str) -> None:
    compiled = compiler.compile(function, verify=False)
    for i in range(3):
        given, same = np.random.default_rng(i).normal(size=(3, 4)), np.random.default_rng(i).normal(size=(3, 4))
        if i:
            found = compiled(given)
        else:
            with pytest.warns(UserWarning, match=message):
                found = compiled(given)
        expected = function(same)
        assert repr(found) == repr(expected)
        assert getattr(found, "flags", None) == getattr(expected, "flags", None)
        require_same(given, same)


def test_a_constant_of_objects_that_is_broadcast() -> None:
    """``np.vectorize`` makes one of a number."""
    compiled = compiler.compile(lambda x: np.vectorize(lambda a, b: a + b)(x, 2))
    for i in range(4):
        x = np.random.default_rng(i).normal(size=3)
        require_same(compiled(x), x + 2)


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: Any
    other: Any = None


@dataclasses.dataclass(slots=True)
class Slotted:
    value: Any


class Named(NamedTuple):
    value: Any


class Items(list[Any]):
    pass


HOLDERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "dataclass": (Frozen, lambda made: made.value),
    "dataclass in one": (lambda x: Frozen(None, Frozen(x)), lambda made: made.other.value),
    "slots": (Slotted, lambda made: made.value),
    "namespace": (lambda x: types.SimpleNamespace(x=x), lambda made: made.x),
    "list of a class": (lambda x: Items([[x]]), lambda made: made[0][0]),
    "named tuple": (lambda x: Frozen(Named(x)), lambda made: made.value.value),
    "deque": (lambda x: collections.deque([x]), lambda made: made[0]),
    "default dict": (lambda x: collections.defaultdict(list, a=x), lambda made: made["a"]),
    "closure": (lambda x: lambda: x, lambda made: made()),
    "partial": (lambda x: functools.partial(Named, x), lambda made: made().value),
    "method": (lambda x: Items([x]).copy, lambda made: made()[0]),
    "exception": (ValueError, lambda made: made.args[0]),
}


@pytest.mark.filterwarnings("ignore:compile")
@pytest.mark.parametrize("kind", ["array", "tensor", "number", "argument"])
@pytest.mark.parametrize(("hold", "held"), HOLDERS.values(), ids=HOLDERS)
def test_no_object_is_left_with_what_records(hold: Any, held: Any, kind: str) -> None:
    """The call that was recorded returned objects, and left some, that held recording arrays."""
    kept = types.SimpleNamespace(last=None)

    def function(x: Any) -> Any:
        value = {"array": lambda: x.numpy() * 2, "number": lambda: x.sum().item() * 2, "argument": lambda: x}
        kept.last = hold(value.get(kind, lambda: x * 2)())
        return hold(value.get(kind, lambda: x * 2)())

    compiled = compiler.compile(function)
    for i in range(3):
        given = rows(i)
        found = compiled(given)
        for made in (held(found), held(kept.last)):
            expected = {"array": np.ndarray, "number": float}.get(kind, autograd.Tensor)
            assert type(made) is expected
            assert kind != "argument" or made is given
            assert type(made.numpy() if expected is autograd.Tensor else np.asarray(made)) is np.ndarray
            require_same(np.asarray(made), np.asarray(held(function(rows(i)))), f"call {i}")


def test_what_leads_to_itself_is_returned() -> None:
    def function(x: Any) -> Any:
        made = types.SimpleNamespace(value=x * 2)
        made.own = made
        return made

    compiled = compiler.compile(function)
    with pytest.warns(UserWarning, match="the result is SimpleNamespace"):
        found = compiled(rows(0))
    assert found.own is found
    assert type(found.value.numpy()) is np.ndarray


class Making:
    """An object that has functions of NumPy's among its attributes."""

    def __init__(self) -> None:
        self.zeros, self.others = np.zeros, [np.ones]

    def __call__(self, x):
        made, other = self.zeros(3), self.others[0](3)
        made[:], other[:2] = x, x[1:]
        return made * other


def _written(made, x):
    made[:] = x
    return made * 2


MADE_BY = {
    "numpy's, imported by name": lambda x: _written(zeros(3), x),
    "numpy's, in a closure": (lambda make: lambda x: _written(make(3), x))(np.zeros),
    "numpy's, attributes": Making(),
    "autograd.numpy's": lambda x: _written(anp.zeros(3), x),
    "autograd.numpy's, imported by name": lambda x: _written(mirrored_zeros(3), x),
    "autograd.numpy's, of lists": lambda x: _written(anp.array([1.0, 2.0, 3.0]), x),
    "autograd.numpy's, of several": lambda x: anp.concatenate([[1.0, 2.0], [3.0]])[np.argsort(x)],
    "autograd.numpy's, read": lambda x: anp.arange(3.0)[np.argsort(x)] + anp.linspace(0, 1, 3).take(np.argsort(x)),
    "of a list's diagonal": lambda x: _written(np.diag([1.0, 2.0, 3.0]), x),
    "of lists joined": lambda x: np.concatenate([[1.0, 2.0], [3.0]])[np.argsort(x)],
    "of a list repeated": lambda x: np.tile([1.0, 2.0, 3.0], 2)[np.argsort(x)],
    "of lists chosen": lambda x: np.where([True, False, True], [1.0, 2.0, 3.0], 4.0)[np.argsort(x)],
}


@pytest.mark.parametrize("function", MADE_BY.values(), ids=MADE_BY)
def test_arrays_that_are_made_by_whatever_name(function):
    """What is written into an array that does not record, or read of it at a place, was a constant of the program."""
    before = zeros, mirrored_zeros, anp.zeros, np.zeros, np.diag
    compiled, rng = autograd.compile(function, verify=False), np.random.default_rng(0)
    for _ in range(5):
        x = rng.normal(size=3)
        require_same(compiled(x), function(x))
    assert compiled.recordings == 1
    assert compiled.source
    assert (zeros, mirrored_zeros, anp.zeros, np.zeros, np.diag) == before


def test_names_of_autograd_numpy_that_are_first_used_while_a_function_is_recorded():
    """They stayed what stands in their places then, which knows nothing of boxes."""
    found = run_python(
        "import numpy as np, autograd, autograd.numpy as anp\n"
        "step = autograd.compile(lambda x: anp.ones_like(x) + anp.eye(3))\n"
        "step(np.ones(3))\n"
        "print(anp.zeros(2), autograd.grad(lambda x: anp.ones_like([x, 2.0])[0] * x)(1.0), anp.eye is np.eye)"
    )
    assert found == "[0. 0.] 1.0 True\n"


def test_modules_of_the_library_that_are_first_imported_while_a_function_is_recorded():
    """Their tables had what stands for NumPy's functions then, for good."""
    found = run_python(
        "import numpy as np, autograd\n"
        "def step(x):\n"
        "    import autograd.numpy as anp\n"
        "    return autograd.func.vmap(lambda row: np.zeros_like(row) + anp.ones_like(row))(x)\n"
        "print(autograd.compile(step)(np.ones((1, 2))))\n"
        "from autograd.func.batching import RULES\n"
        "print(np.zeros_like in RULES, autograd.grad(lambda x: autograd.numpy.ones_like([x, 2.0])[0] * x)(1.0))"
    )
    assert found == "[[1. 1.]]\nTrue 1.0\n"


def test_where_with_a_condition_alone_while_a_function_that_maps_it_is_recorded():
    compiled = autograd.compile(autograd.func.vmap(lambda row: np.where(row > 0)[0]))
    with pytest.raises(BatchingError, match=r"numpy\.where has a shape that depends on values"):
        compiled(np.ones((2, 2)))


OF_SCIPY = {
    "linalg": lambda x: linalg.solve(x @ x.T + np.eye(3), x),
    "signal": lambda x: signal.lfilter([1.0, 0.5], [1.0, 0.2], x),
    "ndimage": lambda x: ndimage.gaussian_filter(x, 1.0),
    "interpolate": lambda x: interpolate.CubicSpline(np.arange(4.0), x[0])(1.5),
}


@pytest.mark.parametrize("name", OF_SCIPY)
def test_functions_of_scipy_are_not_compiled(name):
    """What C code made of an array's memory was a constant of the program, unless the comparison told."""
    function = OF_SCIPY[name]
    if name == "signal" and tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17):
        pytest.skip("SciPy before 1.17 hands the memory on without a call that could be seen")
    compiled, rng = autograd.compile(lambda x: function(x), verify=False), np.random.default_rng(0)
    with pytest.warns(UserWarning, match=r"uncompiled: .*(memory of arrays|\.base).* at .*mixing.py"):
        compiled(rng.normal(size=(3, 4)))
    for _ in range(3):
        x = rng.normal(size=(3, 4))
        require_same(compiled(x), function(x))


def test_functions_of_scipy_that_compute_with_numpy_are_compiled():
    rng = np.random.default_rng(0)
    compiled = autograd.compile(lambda x: special.softmax(x, axis=1) + special.erf(x), verify=False)
    for _ in range(4):
        x = rng.normal(size=(3, 4))
        require_same(compiled(x), compiled.function(x))
    assert compiled.source


def test_polynomials_of_numpy():
    """They make arrays of their arguments without asking these."""
    compiled = autograd.compile(
        lambda x: (np.polynomial.Polynomial(x)(2.0), np.polynomial.chebyshev.chebval(0.5, x)), verify=False
    )
    for i in range(4):
        x = np.arange(3.0) + i
        require_same(compiled(x), compiled.function(x))
    assert compiled.recordings == 1


DERIVED = {
    "grad": lambda f: autograd.func.grad(f),
    "value_and_grad": lambda f: autograd.func.value_and_grad(f),
    "vjp": lambda f: lambda x: autograd.func.vjp(f, x)[1](np.float64(2)),
    "jacrev": lambda f: autograd.func.jacrev(lambda x: f(x) * x),
    "NumPy's methods of the result": lambda f: autograd.func.grad(lambda x: (f(x) * np.ones((2, 3))).max(axis=0).sum()),
    "with and without": lambda f: lambda x: (autograd.func.grad(f)(x), f(x)),
    "autograd.grad": autograd.grad,
}


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("transform", DERIVED.values(), ids=DERIVED)
def test_compiled_functions_of_arrays_that_are_differentiated(transform, verify):
    """The program made Tensors where the function makes what transforms pass to functions of arrays."""

    def loss(x):
        return np.sum(np.sin(x) ** 2)

    compiled, rng = autograd.compile(loss, verify=verify), np.random.default_rng(0)
    for _ in range(4):
        x = rng.normal(size=3)
        require_same(transform(compiled)(x), transform(loss)(x))
        t = autograd.tensor(x, requires_grad=True)
        assert type(compiled(t)) is autograd.Tensor
    assert compiled.source


def test_compiled_functions_that_are_mapped():
    """They run as they are: there was a warning, and each of 16 calls was recorded in vain."""
    compiled, x = autograd.compile(np.sort, fullgraph=True), np.random.default_rng(0).normal(size=(2, 3))
    slopes = autograd.func.vmap(autograd.func.grad(lambda row: compiled(row)[0]))
    for _ in range(3):
        require_same(autograd.func.vmap(compiled)(x), np.sort(x))
        require_same(slopes(x), 1.0 * (x == x.min(1)[:, None]))
    assert compiled.recordings == 0
