"""Kernels: what they do together, that no number changes by it, and how Numba computes them.

Most tests run the text of the kernels as plain Python, which needs no Numba and no compilation.
"""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
import nn.functional as F
import optim
from autograd.compiler import accelerated, compiling
from autograd.compiler.kernel_math import library
from autograd.errors import CompileError


def plain(function: Any, writes: list[str]) -> Any:
    """A kernel as Python runs it, on NumPy's scalars."""
    names: dict[str, Any] = {
        f"{name}{bits}": getattr(np, name) for name in ("exp", "expm1", "tanh", "log", "log1p") for bits in (32, 64)
    }
    names |= {"plus": operator.add, "highest": np.maximum, "lowest": np.minimum, "abs": np.absolute}
    names |= {"maximum": np.maximum, "minimum": np.minimum}
    for kind in ("float32", "float64", "int32", "int64"):
        names[f"bits_{kind}"] = lambda x, kind=kind: np.asarray(x).view(kind)[()]
    made = FunctionType(function.__code__, {**accelerated._NAMES, **names}, function.__name__)

    def run(*args: Any) -> None:
        arrays = [arg for arg in args if isinstance(arg, np.ndarray)]
        assert all(array.flags.c_contiguous for array in arrays)
        with np.errstate(all="ignore"):
            made(*args)

    return run


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels run as plain Python, a few elements at a call."""
    monkeypatch.setattr(accelerated, "_compiled", plain)
    monkeypatch.setattr(accelerated, "_made", {})
    monkeypatch.setattr(accelerated, "BLOCK", 8)
    monkeypatch.setattr(compiling, "check_available", lambda: None)


def numbers(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def require_close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    if isinstance(expected, (tuple, list)):
        for a, b in zip(found, expected, strict=True):
            require_close(a, b, tolerance)
        return
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


def with_kernels(function: Callable[..., Any], *args: Any, tolerance: float = 1e-12) -> Any:
    """The compiled function after runs that gave what the function gives, and left its arguments alike."""
    program = autograd.compile(function, backend="numba", fullgraph=True)
    for _ in range(3):
        ours, theirs = ([np.copy(arg) for arg in args] for _ in range(2))
        found = program(*ours)
        require_close(found, function(*theirs), tolerance)
        require_close(ours, theirs, tolerance)
    return program


# ---- what becomes a kernel -------------------------------------------------------------------------------------------


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def normalized(x: Any, weight: Any) -> Any:
    mean = np.sum(x, axis=1, keepdims=True) / 6
    off = x - mean
    deviation = np.sqrt(np.vecdot(off, off) / 6 + 1e-5)
    return off / deviation[:, None] * weight


def sums(x: Any, g: Any) -> Any:
    y = np.tanh(x) * g
    return np.add.reduce(y, axis=0), np.sum(y), np.matmul(np.ones(4), y * y), np.matmul(g[:, 0] * 1, y)


def in_place(x: Any, out: Any) -> Any:
    np.multiply(x, x, out=out)
    np.add(out, x, out=x)
    out *= 0.5
    return np.where(x > out, x, out)


def masked(x: Any) -> Any:
    mask = np.not_equal(np.maximum(x, 0), 0)
    return np.multiply((x * 2).view(np.int64), mask).view(np.float64) - 1


def masked_after_a_sum(x: Any) -> Any:
    off = x - np.sum(x, axis=1, keepdims=True)
    return np.multiply(off.view(np.int64), x > 0).view(np.float64) * 2


def kept_aside(x: Any) -> Any:
    """What is overwritten is still needed after a sum."""
    total = np.sum(np.exp(x), axis=1, keepdims=True)
    y = x * total
    x += 1
    return y, np.add(x, total, out=x)


def three_deep(x: Any) -> Any:
    y = np.tanh(x.reshape(2, 2, 6))
    return np.sum(y * y, axis=-1), y.astype(np.float32) + 1


def both_ways(x: Any, y: Any) -> Any:
    """An array that is a number for each row, and one for each column."""
    return np.minimum(y * 2, 1) + (y[:, None] > y) * x


CASES: dict[str, tuple[Callable[..., Any], list[Any], int]] = {
    "softmax": (softmax, [numbers(4, 6)], 1),
    "normalized": (normalized, [numbers(4, 6), numbers(6, seed=1)], 1),
    "sums": (sums, [numbers(4, 6), numbers(4, 6, seed=1)], 1),
    "in place": (in_place, [numbers(4, 6), numbers(4, 6, seed=1)], 1),
    "masked": (masked, [numbers(4, 6)], 1),
    "masked after a sum": (masked_after_a_sum, [numbers(4, 6)], 1),
    "kept aside": (kept_aside, [numbers(4, 6)], 1),
    "three deep": (three_deep, [numbers(4, 6)], 1),
    "many rows": (softmax, [numbers(50, 3)], 1),
    "flat": (lambda x: np.sum(np.exp(x) * x + x), [numbers(40)], 1),
    "after a sum of all": (lambda x: np.tanh(x * 2 + 1) / np.sum(np.abs(x) + x * x, axis=None), [numbers(4, 6)], 1),
    "of one another": (lambda x: np.cumsum(np.tanh(x * 2 + 1), axis=0) * 2 - 1 + x, [numbers(4, 6)], 2),
    "of whole numbers": (lambda x: (np.abs(x) * 2 + 1) * (x > 2), [np.arange(12).reshape(3, 4)], 1),
    "as many rows as columns": (both_ways, [numbers(4, 4), numbers(4)], 1),
}


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", CASES)
def test_kernels_compute_what_the_calls_compute(name: str) -> None:
    function, args, count = CASES[name]
    program = with_kernels(function, *args, tolerance=1e-6 if name == "three deep" else 1e-12)
    assert program.source.count("@kernel(") == count


@pytest.mark.usefixtures("interpreted")
def test_what_only_a_kernel_uses_has_no_memory() -> None:
    source = with_kernels(softmax, numbers(4, 6)).source
    assert "exp64" in source
    assert source.count("empty((") == 1  # the result
    assert source.count("for j in") == 3  # the maximum, the sum, the quotient


@pytest.mark.usefixtures("interpreted")
def test_what_was_cut_from_a_copy_that_is_left_out_goes_into_kernels() -> None:
    """As gradients do on their way to an optimizer."""

    def update(x: Any, w: Any, mean: Any, square: Any) -> Any:
        gradient = (x @ w).copy().ravel()
        mean *= 0.9
        mean += 0.1 * gradient
        square *= 0.99
        square += gradient * gradient
        return gradient, mean / np.sqrt(square)

    program = with_kernels(update, numbers(4, 6), numbers(6, 8), numbers(32), numbers(32) ** 2)
    assert program.source.count("@kernel(") == 1
    assert "multiply(" not in program.source


@pytest.mark.usefixtures("interpreted")
def test_arguments_may_overlap_or_be_one() -> None:
    def function(x: Any, y: Any) -> Any:
        z = x * 1
        x += y
        return z * y + 1, y * 2, x - y

    program = autograd.compile(function, backend="numba")
    for cut in (lambda a: (a[:3], a[3:]), lambda a: (a[:3], a[1:4]), lambda a: (a[:3], a[:3])):
        for _ in range(3):
            require_close(program(*cut(np.arange(6.0))), function(*cut(np.arange(6.0))))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 4), (4, 1), ()])
def test_small_and_empty_arrays(shape: tuple[int, ...]) -> None:
    with_kernels(lambda x: (np.tanh(x * 2) + 1, np.sum(x * x + x, axis=None)), numbers(*shape))


# ---- random programs -------------------------------------------------------------------------------------------------

ROWS, COLUMNS = 3, 4
SHAPES = [(ROWS, COLUMNS), (ROWS, 1), (ROWS,), (COLUMNS,), (1, COLUMNS), (), (ROWS * COLUMNS,)]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum]
CALLS: list[Callable[..., Any]] = [
    *BINARY,
    *BINARY,
    lambda a, b: np.tanh(a),
    lambda a, b: np.exp(np.tanh(b)),
    lambda a, b: np.sqrt(np.square(a) + 1),
    lambda a, b: a * -1.5,
    lambda a, b: np.where(a > b, a, b * 2),
    lambda a, b: np.add.reduce(a, axis=-1),
    lambda a, b: np.add.reduce(a, axis=-1, keepdims=True),
    lambda a, b: np.maximum.reduce(a, axis=-1, keepdims=True),
    lambda a, b: np.add.reduce(a, axis=0),
    lambda a, b: np.add.reduce(a, axis=None),
    np.vecdot,
    np.matmul,
    lambda a, b: a[:, None],
    lambda a, b: a.reshape(-1),
    lambda a, b: a.reshape(ROWS, COLUMNS),
    lambda a, b: a[1:],
    lambda a, b: a[0],
    lambda a, b: a.T,
    lambda a, b: np.cumsum(a, axis=0),
    lambda a, b: a.astype(np.float32),
    lambda a, b: np.add(a, b, out=a),
    lambda a, b: np.multiply(b, 0.5, out=a),
    lambda a, b: np.subtract(a, b, out=b),
]


@st.composite
def random_programs(draw: Any) -> Any:
    """Arguments, and calls of the values so far that NumPy can make of them."""
    args = [numbers(*draw(st.sampled_from(SHAPES)), seed=i) for i in range(draw(st.integers(1, 3)))]
    args.append(numbers(ROWS, COLUMNS, seed=9))
    values = [np.copy(arg) for arg in args]
    steps = []
    for _ in range(draw(st.integers(2, 14))):
        call = draw(st.sampled_from(CALLS))
        a, b = draw(st.integers(0, len(values) - 1)), draw(st.integers(0, len(values) - 1))
        try:
            made = call(values[a], values[b])
        except (ValueError, IndexError, TypeError):  # shapes that do not fit
            continue
        steps.append((call, a, b))
        values.append(made)
    results = draw(st.lists(st.integers(len(args), len(values) - 1), min_size=1, max_size=3)) if steps else [0]
    return args, steps, results


def run_program(args: Any, steps: Any, results: Any) -> Any:
    values = list(args)
    for call, a, b in steps:
        values.append(call(values[a], values[b]))
    return [values[i] for i in results]


@pytest.mark.usefixtures("interpreted")
def test_random_programs_compute_the_same() -> None:
    @settings(max_examples=120, deadline=None)
    @given(random_programs())
    def check(program: Any) -> None:
        args, steps, results = program

        def function(*args: Any) -> Any:
            return run_program(args, steps, results)

        fast = autograd.compile(function, backend="numba", verify=False)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some programs have no inputs that change
            for i in range(3):
                ours, theirs = ([np.asarray(arg + i) for arg in args] for _ in range(2))
                require_close(fast(*ours), function(*theirs), 1e-4)
                require_close(ours, theirs, 1e-4)

    check()


# ---- training --------------------------------------------------------------------------------------------------------


def trainer(**options: Any) -> tuple[Any, Any]:
    """A step of training, compiled if there are options, and its model; a bias before a normalization among others."""
    autograd.manual_seed(0)
    layers = [nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.LayerNorm(6), nn.Linear(6, 3)]
    model = nn.Sequential(*layers)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return (autograd.compile(step, fullgraph=True, **options) if options else step), model


def require_equal_training() -> Any:
    (step, model), (expected_step, expected) = trainer(backend="numba"), trainer()
    rng = np.random.default_rng(0)
    for _ in range(6):
        x, y = autograd.tensor(rng.standard_normal((8, 5), np.float32)), autograd.tensor(rng.integers(0, 3, 8))
        np.testing.assert_allclose(step(x, y).numpy(), expected_step(x, y).numpy(), rtol=1e-5)
    for ours, theirs in zip(model.state_dict().values(), expected.state_dict().values(), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-6)
    return step


@pytest.mark.usefixtures("interpreted")
def test_training_with_kernels_is_training() -> None:
    step = require_equal_training()
    assert step.recordings <= 3
    assert step.source.count("@kernel(") >= 3


@pytest.mark.usefixtures("interpreted")
def test_a_models_backward_has_kernels_too() -> None:
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))
    fast = autograd.compile(model, backend="numba")
    for seed in range(4):
        x = autograd.tensor(numbers(8, 5, dtype=np.float32, seed=seed))
        found, expected = [], []
        for run, kept in ((fast, found), (model, expected)):
            model.zero_grad()
            (run(x) ** 2).sum().backward()
            kept += [parameter.grad.numpy() for parameter in model.parameters()]
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("interpreted")
def test_an_error_after_a_kernel_says_what_was_overwritten() -> None:
    state = np.ones((3, 4))

    def function(x: Any, index: Any) -> Any:
        np.add(state, x * 2, out=state)
        return np.take(state * 1, index)

    program = autograd.compile(function, backend="numba")
    for _ in range(3):
        program(np.ones((3, 4)), np.array([1]))
    with pytest.raises(IndexError) as caught:
        program(np.ones((3, 4)), np.array([99]))
    assert "had begun to overwrite state" in caught.value.__notes__[0]


# ---- the interface ---------------------------------------------------------------------------------------------------


def test_a_backend_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="backend must be 'numpy' or 'numba', got 'cuda'"):
        autograd.compile(softmax, backend="cuda")


def test_without_numba_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(CompileError, match=r"needs Numba: pip install 'chainrule\[numba\]'"):
        autograd.compile(softmax, backend="numba")


@pytest.mark.usefixtures("interpreted")
def test_a_program_with_kernels_is_not_exported(tmp_path: Any) -> None:
    program = with_kernels(softmax, numbers(4, 6))
    with pytest.raises(CompileError, match=r"export: softmax has kernels.*backend='numpy'"):
        program.export(tmp_path / "step.py")


# ---- Numba -----------------------------------------------------------------------------------------------------------

FUNCTIONS = {"exp": 1.0, "expm1": 2.0, "tanh": 2.5, "log": 1.0, "log1p": 2.0}
"""How many units in the last place they may be off."""


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_elementary_functions(name: str, kind: Any) -> None:
    numba = pytest.importorskip("numba")
    place = {"f": library()[f"{name}{np.dtype(kind).itemsize * 8}"]}
    exec("def loop(x, out):\n    for i in range(len(x)):\n        out[i] = f(x[i])", place)
    rng = np.random.default_rng(0)
    tiny, largest = np.finfo(kind).tiny, np.finfo(kind).max
    edges = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, tiny, tiny / 8, -tiny / 8, largest]
    edges += [88.73, -103.9, 709.79, -745.1]  # where exp ends
    scales = (1e-6, 1e-3, 0.1, 1, 5, 30)
    with np.errstate(all="ignore"):
        x = np.concatenate([edges, *[rng.standard_normal(2000) * scale for scale in scales]]).astype(kind)
        found, exact = np.empty_like(x), getattr(np, name)(x.astype(np.longdouble))
        numba.njit(error_model="numpy")(place["loop"])(x, found)
        expected = exact.astype(kind)
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(found[~finite], expected[~finite])
        off = np.abs(found[finite] - exact[finite]) / np.spacing(np.abs(expected[finite]))
        assert off.max() <= FUNCTIONS[name]


def test_numba_runs_kernels_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setattr(accelerated, "BLOCK", 64)
    x = numbers(40, 6, dtype=np.float32)
    x[3, 2], x[5, 1] = np.nan, -np.inf
    program = with_kernels(softmax, x, tolerance=1e-5)
    with_kernels(lambda x, g: (np.add.reduce(np.tanh(x) * g, axis=0), np.sum(x * g)), x[7:], x[7:] * 2, tolerance=1e-4)
    x.flags.writeable = False
    require_close(program(x), softmax(x), 1e-5)
    assert "kernels: 1, compiled in " in str(program.explain())


def test_numba_trains() -> None:
    pytest.importorskip("numba")
    require_equal_training()


@pytest.mark.parametrize("kind", [float, int, np.float32, np.float64, np.int32])
@pytest.mark.usefixtures("interpreted")
def test_numbers_that_change_are_arguments_of_kernels(kind: Any) -> None:
    """NumPy's were written into the kernel as they were in the call that was recorded."""
    step = autograd.compile(lambda x, k: x * k + k, backend="numba", verify=False)
    for k in (2, 3, 4, 5):
        x = numbers(3, 4, seed=k)
        np.testing.assert_allclose(step(x, kind(k)), x * k + k, rtol=1e-14)
    assert step.recordings == 2
    assert "kernel_1(" in step.source


@pytest.mark.parametrize("function", [np.logical_and, np.logical_or])
@pytest.mark.usefixtures("interpreted")
def test_logic_of_numbers_of_two_kinds(function: Any) -> None:
    """A kernel took whole numbers bit by bit, and could not be compiled for others."""
    step = autograd.compile(lambda a, b: (function(a, b), a * 2 + b), backend="numba", verify=False)
    for kinds in ((np.int32, np.int64), (np.float32, np.int32), (np.bool_, np.float64)):
        a, b = (np.arange(6, dtype=np.int64).reshape(2, 3) % n for n in (3, 4))
        a, b = a.astype(kinds[0]), b.astype(kinds[1])
        for _ in range(2):
            np.testing.assert_array_equal(step(a, b)[0], function(a, b))
    assert "kernel_1(" in step.source


def test_an_argument_that_cannot_be_written() -> None:
    """The error was Numba's, of a definition that does not match, and said that the argument had been overwritten."""
    pytest.importorskip("numba")

    def step(x: Any) -> Any:
        x += 1
        return x * 2

    compiled, x = autograd.compile(step, backend="numba", verify=False), numbers(3, 4)
    for _ in range(3):
        assert np.array_equal(compiled(x.copy()), step(x.copy()))
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        compiled(x)
    assert "kernel_1(" in compiled.source
