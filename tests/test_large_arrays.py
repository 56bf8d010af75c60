"""Large arrays take ways of their own, in blocks: they must give what their parts give, at every edge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import func
from autograd.engine import blocks
from autograd.engine.many_products import FITS, is_thin, large_product
from autograd.errors import BoundsError
from autograd.func import grad as gradient
from autograd.func import jvp, vmap

ROWS, WIDTH = 280, 1000
"""More than a block of elements."""
PART = 14
"""Rows (or columns) that are few enough for the ways of small arrays."""


def _numbers(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((ROWS, WIDTH), np.float32)


def _edges() -> np.ndarray:
    """Many equal numbers, zeros of both signs, infinities and NaN of both signs."""
    x = np.round(_numbers() * 4) / 4
    x[3] = 0
    x[4, ::3] = -0.0
    x[5, 7], x[5, 800], x[6, 0], x[6, 500:] = np.nan, -np.nan, -np.inf, np.inf
    x[7] = np.nan
    return x


def _factors() -> np.ndarray:
    """Near 1, but in some lines a zero or two, or numbers so large that their product overflows."""
    x = (1 + 0.01 * _numbers()).astype(np.float32)
    x[3, 40] = x[4, 50] = x[4, 900] = 0
    x[5] *= 1e3
    return x


_INDEX = np.random.default_rng(1).integers(0, WIDTH, (ROWS, WIDTH))

ALONG: dict[str, tuple[Any, list[Any], float]] = {
    "softmax": (lambda x, d: F.softmax(x, d), [_edges], 1e-5),
    "log_softmax": (lambda x, d: F.log_softmax(x, d), [_edges], 1e-5),
    "logsumexp": (lambda x, d: autograd.logsumexp(x, d), [_edges], 1e-5),
    "layer_norm": (lambda x, d: F.layer_norm(x.movedim(d, -1), (WIDTH,)).movedim(-1, d), [_numbers], 1e-4),
    "layer_norm, far": (
        lambda x, d: F.layer_norm(x.movedim(d, -1), (WIDTH,)).movedim(-1, d), [lambda: _numbers() + 50], 1e-3
    ),
    "rms_norm": (lambda x, d: F.rms_norm(x.movedim(d, -1), (WIDTH,)).movedim(-1, d), [_numbers], 1e-4),
    "var": (lambda x, d: autograd.var(x, d), [_edges], 1e-5),
    "std": (lambda x, d: autograd.std(x, d, keepdim=True), [_edges], 1e-5),
    "prod": (lambda x, d: autograd.prod(x, d), [_factors], 1e-4),
    "amax": (lambda x, d: autograd.amax(x, d), [_edges], 1e-6),
    "amin, once in each line": (lambda x, d: autograd.amin(x, d, keepdim=True), [_numbers], 1e-6),
    "cumsum": (lambda x, d: autograd.cumsum(x, d), [_numbers], 1e-4),
    "cumsum, edges": (lambda x, d: autograd.cumsum(x, d), [_edges], 1e-5),
    "cumprod": (lambda x, d: autograd.cumprod(x, d), [lambda: 1 + (_factors() - 1) * 0.1], 1e-4),
    "cumprod, to nothing": (lambda x, d: autograd.cumprod(x, d), [_numbers], 1e-6),
    "prod, to nothing": (lambda x, d: autograd.prod(x, d), [_numbers], 1e-6),
    "cumprod, edges": (lambda x, d: autograd.cumprod(x, d), [_factors], 1e-4),
    "cummax": (lambda x, d: autograd.cummax(x, d), [_edges], 1e-5),
    "cummin": (lambda x, d: autograd.cummin(x, d), [_edges], 1e-5),
    "sort": (lambda x, d: autograd.sort(x, d), [_edges], 0),
    "sort, descending": (lambda x, d: autograd.sort(x, d, descending=True), [_edges], 0),
    "topk": (lambda x, d: autograd.topk(x, 9, d), [_edges], 0),
    "topk, smallest": (lambda x, d: autograd.topk(x, 9, d, largest=False), [_edges], 0),
    "median": (lambda x, d: autograd.median(x, d), [_edges], 0),
    "kthvalue": (lambda x, d: autograd.kthvalue(x, 30, d), [_edges], 0),
    "gather": (lambda x, i, d: autograd.gather(x, d, i), [_numbers, _INDEX.copy], 1e-5),
    "take_along_dim": (lambda x, i, d: autograd.take_along_dim(x, i, d), [_numbers, (_INDEX - WIDTH).copy], 1e-5),
    "scatter": (lambda x, i, y, d: autograd.scatter(x, d, i, y), [_numbers, _INDEX.copy, lambda: _numbers(2)], 0),
    "scatter_add": (
        lambda x, i, y, d: autograd.scatter_add(x, d, i, y), [_numbers, _INDEX.copy, lambda: _numbers(2)], 1e-5
    ),
}  # fmt: skip
POINTWISE = {
    "exp": autograd.exp, "tanh": autograd.tanh, "sigmoid": autograd.sigmoid, "silu": F.silu, "gelu": F.gelu,
    "relu": F.relu, "hardtanh": F.hardtanh, "hardswish": F.hardswish, "mish": F.mish, "elu": F.elu,
    "selu": F.selu, "softplus": F.softplus, "softplus in steps": lambda x: F.softplus(x, 2.0, 3.0),
    "logsigmoid": F.logsigmoid, "threshold": lambda x: F.threshold(x, 0.25, -2.0), "leaky_relu": F.leaky_relu,
    "leaky_relu, steep": lambda x: F.leaky_relu(x, 1.5), "relu6": F.relu6, "hardsigmoid": F.hardsigmoid,
    "hardtanh at one point": lambda x: F.hardtanh(x, 0.25, 0.25), "celu": lambda x: F.celu(x, 0.5),
    "hardshrink": F.hardshrink, "softshrink": F.softshrink, "clamp": lambda x: autograd.clamp(x, -0.5, 0.75),
    "clamp below": lambda x: autograd.clamp(x, 0.25), "clamp above": lambda x: autograd.clamp(x, max=-0.25),
    "clamp, crossed": lambda x: autograd.clamp(x, 0.5, -0.5), "clamp to nan": lambda x: autograd.clamp(x, math.nan, 1),
    "maximum": lambda x: autograd.maximum(x, autograd.tensor(0.5)),
    "minimum": lambda x: autograd.minimum(x, autograd.tensor(math.inf)),
}  # fmt: skip
PAIRS = {
    "hypot": (np.hypot, autograd.hypot, 1e-6), "atan2": (np.arctan2, autograd.atan2, 1e-6),
    "logaddexp": (np.logaddexp, autograd.logaddexp, 1e-6), "fmod": (np.fmod, autograd.fmod, 0),
    "remainder": (np.remainder, autograd.remainder, 0), "floor_divide": (np.floor_divide, autograd.floor_divide, 0),
}  # fmt: skip


@np.errstate(all="ignore")
def _run(function: Any, arrays: list[np.ndarray], seed: np.ndarray | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The outputs, and the gradients of the floating inputs."""
    tensors = [autograd.from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
    found = function(*tensors)
    outs = list(found) if isinstance(found, tuple) else [found]
    if seed is not None:
        outs[0].backward(autograd.from_numpy(seed))
    return [out.detach().numpy() for out in outs], [t.grad.numpy() for t in tensors if t.grad is not None]


def _agree(whole: list[np.ndarray], parts: list[np.ndarray], tolerance: float) -> None:
    for ours, expected in zip(whole, parts, strict=True):
        assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape)
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1) if expected.dtype.kind == "f" else 1
        np.testing.assert_allclose(ours, expected, tolerance, tolerance * min(scale, 1e3))


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("dim", [-1, 0])
@pytest.mark.parametrize("name", ALONG)
def test_lines(name: str, dim: int, layout: Any) -> None:
    """Lines of a large array, along either dimension, give what they give in small arrays."""
    function, makers, tolerance = ALONG[name]
    arrays = [np.array(make().T if dim == 0 else make(), order=layout) for make in makers]
    across = 1 if dim == 0 else 0

    def call(*tensors: Any) -> Any:
        return function(*tensors, dim)

    outs, _ = _run(call, arrays, None)
    kept = outs[0].ndim == 2
    seed = np.random.default_rng(3).standard_normal(outs[0].shape).astype(np.float32)
    outs, grads = _run(call, arrays, seed)
    parts = []
    for first in range(0, ROWS, PART):
        block = slice(first, first + PART)
        at = (slice(None), block) if across else (block,)
        parts.append(_run(call, [np.ascontiguousarray(a[at]) for a in arrays], seed[at if kept else block].copy()))
    for k, out in enumerate(outs):
        _agree([out], [np.concatenate([p[0][k] for p in parts], across if kept else 0)], tolerance)
    for k, grad in enumerate(grads):
        _agree([grad], [np.concatenate([p[1][k] for p in parts], across)], tolerance)


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise(name: str) -> None:
    """Large arrays of any layout, and gradients that are broadcast, give what rows give."""
    x = _edges()
    x[8, :4] = 1e4, -1e4, 100, -100
    for array in (x, x[:, ::-1], np.asfortranarray(x)):
        seed = _numbers(4)
        (out,), (grad,) = _run(POINTWISE[name], [array], seed)
        rows = [_run(POINTWISE[name], [array[i : i + 1].copy()], seed[i : i + 1].copy()) for i in range(ROWS)]
        _agree([out, grad], [np.concatenate([r[j][0] for r in rows]) for j in (0, 1)], 1e-6)
    _, (grad,) = _run(lambda t: POINTWISE[name](t).sum(), [x], np.ones((), np.float32))
    _agree([grad], _run(POINTWISE[name], [x], np.ones((ROWS, WIDTH), np.float32))[1], 1e-6)


def _extremes(seed: int, dtype: Any) -> np.ndarray:
    """Numbers of every size, many of them whole, and all that is special."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((ROWS, WIDTH)) * 2.0 ** random.integers(-40, 40, (ROWS, WIDTH))
    x[:90] = np.round(x[:90])
    x = x.astype(dtype)
    tiny, big = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, tiny, -tiny, big, -big, tiny * 1000, big / 2]
    x[100:120] = random.choice(np.array(special, dtype), (20, WIDTH))
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
@np.errstate(all="ignore")
def test_pairs(name: str, dtype: Any) -> None:
    """Pairs of many numbers, also where one of both is a row, a column or a number, give what NumPy makes of them."""
    reference, function, tolerance = PAIRS[name]
    x, y = _extremes(7, dtype), _extremes(8, dtype)
    y[200:220] = x[200:220]
    for first, second in [(x, y), (x, y[105]), (x[:, :1], y), (x.T, y.T), (x[:5], y[:5]), (x, y[9, 9]), (y[3, 3], x)]:
        out = function(autograd.from_numpy(np.array(first)), autograd.from_numpy(np.array(second))).numpy()
        expected = reference(first, second)
        assert (out.dtype, out.shape) == (expected.dtype, expected.shape)
        exact = 1 if dtype == np.float32 else 1e-8
        near = 1e-7 if name == "logaddexp" else 0  # of numbers below 0 the sum of both cancels
        np.testing.assert_allclose(out, expected, tolerance * exact, near * exact)
        if not tolerance:
            np.testing.assert_array_equal(np.signbit(out[expected == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_nothing(name: str) -> None:
    assert PAIRS[name][1](autograd.ones(0, 1), autograd.ones(1, 9000)).shape == (0, 9000)


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "floor_divide"])
def test_gradients_of_pairs(name: str) -> None:
    """Large arrays have the gradients that their rows have."""
    x, y, seed = _extremes(7, np.float32), _extremes(8, np.float32), _numbers(4)
    _, grads = _run(PAIRS[name][1], [x, y], seed)
    rows = [
        _run(PAIRS[name][1], [x[i : i + 1].copy(), y[i : i + 1].copy()], seed[i : i + 1].copy())[1] for i in range(ROWS)
    ]
    _agree(grads, [np.concatenate([row[k] for row in rows]) for k in (0, 1)], 1e-6)


def test_quotients_next_to_whole_numbers() -> None:
    """What is left of single precision numbers is exact, also if their quotient is nearly whole or very large."""
    random = np.random.default_rng(9)
    y = random.standard_normal(1 << 17, np.float32)
    x = (y * random.integers(1, 1 << 30, y.size) / (1 << random.integers(0, 30, y.size))).astype(np.float32)
    x[::2] = (np.round(x[::2] / y[::2]) * y[::2]).astype(np.float32)
    for end in (np.inf, -np.inf, 0):
        a, b = autograd.from_numpy(np.nextafter(x, np.float32(end)) if end else x), autograd.from_numpy(y)
        for name in ("fmod", "remainder", "floor_divide"):
            reference, function, _ = PAIRS[name]
            np.testing.assert_array_equal(function(a, b).numpy(), reference(a.numpy(), y))


@pytest.mark.parametrize("take", ["triu", "tril"])
@pytest.mark.parametrize("diagonal", [0, 1, -3, 400, -400, 999, -999])
def test_triangles(take: str, diagonal: int) -> None:
    """Triangles keep what NumPy keeps, and nan and inf leave nothing outside."""
    for x in (_edges(), _edges().T, _edges().reshape(28, 10, WIDTH), _edges().astype(np.float16), _edges() > 0):
        out = getattr(autograd, take)(autograd.from_numpy(x), diagonal).numpy()
        expected = getattr(np, take)(x, diagonal)
        assert out.dtype == expected.dtype
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", [1, 2, 4, 5])
@np.errstate(all="ignore")
def test_derivatives_of_digamma(order: int, dtype: Any) -> None:
    """Many numbers give what a few give, from next to 0 to very large ones, and at the poles."""
    x = (10 ** np.random.default_rng(11).uniform(-8, 8, (40, 2000))).astype(dtype)
    x[3, :8] = 0, -0.0, -1, -1.5, np.nan, np.inf, -np.inf, np.finfo(dtype).max
    out = autograd.special.polygamma(order, autograd.from_numpy(x)).numpy()
    rows = [autograd.special.polygamma(order, autograd.from_numpy(row[None].copy())).numpy() for row in x]
    np.testing.assert_allclose(out, np.concatenate(rows), 3e-7 if dtype == np.float32 else 4e-15, 1e-300)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_digamma_around_its_root(dtype: Any) -> None:
    """Many numbers give what a few give, between the poles at 0 and -1 to the last digits, and elsewhere the same."""
    root, rng = -0.5040830082644554, np.random.default_rng(12)
    away = np.concatenate([rng.uniform(0.29, 0.33, 40), 10 ** rng.uniform(-15, -0.5, 300), [0, 0.004, 0.3, 0.31]])
    x = np.concatenate([root + away, root - away, rng.uniform(-1, 0, 300)]).astype(dtype)
    others = np.array([0.0, -0.0, -1, -2, -1.5, np.nan, np.inf, -np.inf, -1e4, -1e-3, 1e-3], dtype)
    digits = np.finfo(dtype).eps * (20 if dtype is np.float64 else 1)
    for array, tolerance in ((x, digits), (np.tile(others, 9), 0)):
        out = autograd.digamma(autograd.from_numpy(array)).numpy()
        parts = [autograd.digamma(autograd.from_numpy(array[i : i + 50])).numpy() for i in range(0, len(array), 50)]
        np.testing.assert_allclose(out, np.concatenate(parts), tolerance)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_erfinv_outside(dtype: Any) -> None:
    x = np.random.default_rng(13).standard_normal(1000).astype(dtype)
    x[:6] = 1, -1, np.nextafter(dtype(1), dtype(2)), np.inf, -np.inf, np.nan
    out = autograd.erfinv(autograd.from_numpy(x)).numpy()
    parts = [autograd.erfinv(autograd.from_numpy(x[i : i + 50])).numpy() for i in range(0, len(x), 50)]
    np.testing.assert_array_equal(out, np.concatenate(parts))
    np.testing.assert_array_equal(np.isnan(out), ~(np.abs(x) <= 1))


@pytest.mark.parametrize("name", ["erf", "erfcx", "log_ndtr", "i0", "i1e", "gammaln", "digamma"])
def test_special_functions(name: str) -> None:
    x = np.abs(_edges()[:100])
    out = getattr(autograd.special, name)(autograd.from_numpy(x)).numpy()
    rows = [getattr(autograd.special, name)(autograd.from_numpy(row)).numpy() for row in x]
    np.testing.assert_array_equal(out, np.stack(rows))


@pytest.mark.parametrize("layout", ["turned", "channels last"])
def test_layouts_stay(layout: str) -> None:
    """An elementwise function of a large array gives an array whose elements stand in memory as those of that do."""
    x = np.random.default_rng(10).standard_normal((40, 100, 100), np.float32)
    array = x.T if layout == "turned" else x.transpose(0, 2, 1)
    out = F.softplus(autograd.from_numpy(array)).numpy()
    assert out.strides == array.strides
    row = np.broadcast_to(x[0, 0], (4000, 100))
    assert F.softplus(autograd.from_numpy(row)).numpy().flags.c_contiguous
    np.testing.assert_array_equal(out, F.softplus(autograd.from_numpy(array.copy("C"))).numpy())


@pytest.mark.parametrize("rows", [40_000, 1 << 16])
def test_gradients_of_a_bias_are_added_up_in_pieces(rows: int) -> None:
    seed = np.random.default_rng(5).standard_normal((rows, 3), np.float32) + 100
    bias = autograd.zeros(3, requires_grad=True)
    F.linear(autograd.zeros(rows, 2), autograd.ones(3, 2), bias).backward(autograd.from_numpy(seed))
    np.testing.assert_allclose(bias.grad.numpy(), seed.sum(0, dtype=np.float64), rtol=1e-6)


@pytest.mark.parametrize("shape", [(1 << 20,), (500,), (500, 3), (500, 1)])
@pytest.mark.parametrize("order", ["sorted", "any", "from the end"])
def test_gradients_of_many_indices(shape: tuple[int, ...], order: str) -> None:
    random, n = np.random.default_rng(6), shape[0]
    index = random.integers(0, n, 1 << 19 if len(shape) == 1 else 3000)
    index = np.sort(index) if order == "sorted" else index if order == "any" else index - n
    seed = random.standard_normal((*index.shape, *shape[1:]))
    x = autograd.zeros(*shape, dtype="float64", requires_grad=True)
    x[index].backward(autograd.from_numpy(seed))
    expected = np.zeros(shape)
    np.add.at(expected, index, seed)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-9, atol=1e-9)
    y = autograd.zeros(*shape, dtype="float64")
    y[index[::-1].copy()] = autograd.from_numpy(seed)
    expected[...] = 0
    expected[index[::-1]] = seed
    np.testing.assert_array_equal(y.numpy(), expected)


@pytest.mark.parametrize("name", ["var", "std", "prod", "prod of a line", "logsumexp", "cumsum", "median", "unique"])
def test_all_elements(name: str) -> None:
    """Reductions of everything, against NumPy in double precision."""
    x = (_numbers() * 0.01 + 1).astype(np.float32)
    wide = x.astype(np.float64)
    t = autograd.tensor(x)
    got, expected = {
        "var": lambda: (autograd.var(t), wide.var(ddof=1)),
        "std": lambda: (autograd.std(t), wide.std(ddof=1)),
        "prod": lambda: (autograd.log(autograd.prod(t)), np.log(wide).sum()),
        "prod of a line": lambda: (autograd.log(t.reshape(-1).prod(0)), np.log(wide).sum()),
        "logsumexp": lambda: (autograd.logsumexp(t, (0, 1)), np.log(np.exp(wide).sum())),
        "cumsum": lambda: (autograd.cumsum(t.reshape(-1), 0), wide.reshape(-1).cumsum()),
        "median": lambda: (autograd.median(t), np.sort(wide.reshape(-1))[(wide.size - 1) // 2]),
        "unique": lambda: (autograd.unique(t), np.unique(x)),
    }[name]()
    np.testing.assert_allclose(got.numpy(), expected, 1e-4, 1e-6)


def test_spread_of_equal_numbers() -> None:
    """It is 0, with gradient 0, however large they are."""
    x = autograd.tensor(np.full((ROWS, WIDTH), 12345.678, np.float32), requires_grad=True)
    for dim in (None, 0, 1):
        x.grad = None
        spread = autograd.std(x, dim)
        assert not spread.detach().numpy().any()
        spread.sum().backward()
        assert not x.grad.numpy().any()


@pytest.mark.parametrize("largest", [True, False])
def test_topk_of_a_lonely_nan(largest: bool) -> None:
    """NaN is larger than any number, also where it stands beside a number that is among the leading ones itself."""
    x = np.zeros((2, 4096), np.float32)
    x[0, 5], x[0, 5 + 2048], x[0, 100] = np.nan, 9, 5
    values, indices = autograd.topk(autograd.from_numpy(x), 2, largest=largest)
    np.testing.assert_array_equal(indices.numpy(), [[5, 2053], [0, 1]] if largest else [[0, 1], [0, 1]])
    np.testing.assert_array_equal(values.numpy(), [[np.nan, 9], [0, 0]] if largest else np.zeros((2, 2)))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float64, np.bool_])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable(dtype: Any, descending: bool) -> None:
    """Equal elements keep their order in large arrays of every dtype."""
    x = (_numbers() * 40).astype(dtype)
    x[0, :2] = (0, 1) if dtype is np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype != np.float64 else 0
    order = autograd.argsort(autograd.tensor(x), -1, descending).numpy()
    keys = x.astype(np.float64) * (-1 if descending else 1)
    np.testing.assert_array_equal(order, np.argsort(keys, -1, kind="stable"))


@pytest.mark.parametrize("pick", [autograd.sort, lambda x, dim: autograd.topk(x, 99, dim)], ids=["sort", "topk"])
@pytest.mark.parametrize(("shape", "dim"), [((ROWS, WIDTH), -1), ((WIDTH, ROWS), -2), ((ROWS * WIDTH,), -1)])
def test_what_is_selected_moves(pick: Any, shape: tuple[int, ...], dim: int) -> None:
    """In forward mode, and where a gradient is differentiated, what was selected moves as it does where it lies."""
    x, v = (autograd.from_numpy(_numbers(seed).reshape(shape)) for seed in (1, 2))
    expected = np.take_along_axis(v.numpy(), pick(x, dim)[1].numpy(), dim)
    np.testing.assert_array_equal(func.jvp(lambda x: pick(x, dim)[0], (x,), (v,))[1].numpy(), expected)
    weights = autograd.zeros(expected.shape, requires_grad=True)
    (pulled,) = autograd.grad(pick(x.requires_grad_(), dim)[0], x, weights, create_graph=True)
    np.testing.assert_array_equal(autograd.grad(pulled, weights, v)[0].numpy(), expected)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "u1", "i8", "u8"])
@pytest.mark.parametrize(("shape", "k"), [((1, 30_000), 100), ((700, 400), 12), ((70, 4000), 1), ((3, 32 * 30), 30)])
def test_topk(shape: tuple[int, int], k: int, dtype: str, largest: bool) -> None:
    """A few leading elements are those at the head of the whole order, however many are equal, lowest or NaN."""
    x = np.round(np.random.default_rng(0).standard_normal(shape) * 1000)
    x[0, ::2] = x.min() if largest else x.max()
    x[-1] = 7
    if dtype[0] == "f":
        x[1 % len(x), 10:] = -np.inf if largest else np.inf
        x[2 % len(x), 5:300:7] = np.nan
    elif dtype.endswith("1"):
        x = x.astype(np.int64)
    x = x.astype(dtype)
    values, indices = autograd.topk(autograd.from_numpy(x), k, largest=largest)
    expected = autograd.argsort(autograd.from_numpy(x), 1, largest).numpy()[:, :k]
    np.testing.assert_array_equal(indices.numpy(), expected)
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, expected, 1))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
@pytest.mark.parametrize(("low", "high"), [(-100, 100), (5, 5), (0, 10**6)])
def test_unique(dtype: Any, low: int, high: int) -> None:
    """Integers of a small range are marked in it, others are sorted: the answers are NumPy's."""
    x = np.random.default_rng(0).integers(low, high, (40, 50), endpoint=True).astype(np.int64)
    x[0, :2] = low, high
    x = x.astype(dtype) + (np.iinfo(dtype).max - 10**6 if high == 10**6 and dtype(0).itemsize == 8 else dtype(0))
    values, inverse, counts = autograd.unique(autograd.from_numpy(x), return_inverse=True, return_counts=True)
    expected = np.unique(x, return_inverse=True, return_counts=True)
    for ours, theirs in zip((values, inverse, counts), expected, strict=True):
        assert ours.numpy().dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)
    np.testing.assert_array_equal(autograd.unique(autograd.from_numpy(x)).numpy(), expected[0])


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("negative", [False, True])
def test_slices(dim: int, negative: bool) -> None:
    """Slices selected many times, and added many times, along each dimension of three."""
    x = _numbers().reshape(20, 70, 200)
    n = x.shape[dim]
    index = np.random.default_rng(5).integers(0, n, n)
    place = (slice(None),) * (dim % 3)
    given = index - n if negative else index
    seed = _numbers(6).reshape(x.shape)
    expected = np.zeros(x.shape)
    np.add.at(expected, (*place, index), seed)
    (out,), (grad,) = _run(lambda t: t[(*place, given)], [x], seed)
    np.testing.assert_array_equal(out, x[(*place, index)])
    np.testing.assert_allclose(grad, expected, 1e-4, 1e-4)
    if not negative:
        (out,), (grad,) = _run(lambda t: autograd.index_select(t, dim, autograd.tensor(index)), [x], seed)
        np.testing.assert_allclose(grad, expected, 1e-4, 1e-4)
        (added,), _ = _run(lambda t, y: autograd.index_add(t, dim, autograd.tensor(index), y), [x, seed], seed)
        np.testing.assert_allclose(added, x + expected, 1e-4, 1e-4)


@pytest.mark.parametrize("lost", [None, np.inf, np.nan])
def test_few_columns(lost: float | None) -> None:
    """Columns selected many times, and added many times; what is not finite stays in its column."""
    x = np.random.default_rng(29).standard_normal((40_000, 7))
    if lost is not None:
        x[5, 3] = lost
    index = np.array([3, 0, 3, 6, 1, 1, 3])
    expected = np.zeros(x.shape)
    np.add.at(expected, (slice(None), index), x)
    (out,), (grad,) = _run(lambda t: autograd.index_select(t, 1, autograd.tensor(index)), [x], x)
    np.testing.assert_array_equal(out, x[:, index])
    np.testing.assert_allclose(grad, expected, 1e-12, 1e-12)
    (added,), _ = _run(lambda t: autograd.index_add(t, 1, autograd.tensor(index), t), [x], None)
    np.testing.assert_allclose(added, x + expected, 1e-12, 1e-12)


@pytest.mark.parametrize("ordered", [False, True])
def test_places(ordered: bool) -> None:
    """Elements taken, added and written by many integers: of repeated ones the last written stays."""
    size = ROWS * WIDTH
    x = _numbers().reshape(-1)
    index = np.random.default_rng(7).integers(-size, size, size)
    index = np.sort(np.abs(index) % size) if ordered else index
    seed = _numbers(8).reshape(-1)
    expected = np.zeros(size)
    np.add.at(expected, index, seed)
    (out,), (grad,) = _run(lambda t: t[index], [x], seed)
    np.testing.assert_array_equal(out, x[index])
    np.testing.assert_allclose(grad, expected, 1e-4, 1e-4)
    written = x.copy()
    for place, value in zip(index.tolist(), seed.tolist(), strict=True):
        written[place] = value
    t = autograd.tensor(x)
    t[index] = autograd.tensor(seed)
    np.testing.assert_array_equal(t.numpy(), written)


def test_out_of_bounds() -> None:
    """One index too large among many is refused, and nothing is written."""
    x = _numbers().reshape(-1)
    t = autograd.tensor(x)
    index = np.arange(x.size)
    index[-1] = x.size
    with pytest.raises(IndexError):
        t[index] = 0.0
    np.testing.assert_array_equal(t.numpy(), x)
    with pytest.raises(IndexError):
        t[index]
    wrong = _INDEX.copy()
    wrong[-1, -1] = WIDTH
    for function in (autograd.gather, lambda x, dim, index: autograd.take_along_dim(x, index, dim)):
        with pytest.raises(BoundsError, match=f"index {WIDTH} is out of bounds"):
            function(autograd.tensor(_numbers()), 1, autograd.tensor(wrong))


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_group_norm(level: float) -> None:
    """A batch gives what its examples give, also where the mean is far from 0."""
    x = (_numbers() + level).reshape(28, 8, 25, 50)
    seed = _numbers(9).reshape(x.shape)
    weight, bias = np.linspace(0.5, 2, 8, dtype=np.float32), np.linspace(-1, 1, 8, dtype=np.float32)

    def norm(x: Any, w: Any, b: Any) -> Any:
        return F.group_norm(x, 4, w, b)

    (out,), (by_x, by_weight, by_bias) = _run(norm, [x, weight, bias], seed)
    parts = [_run(norm, [x[i : i + 1], weight, bias], seed[i : i + 1]) for i in range(len(x))]
    tolerance = 1e-4 if level == 0 else 2e-2
    np.testing.assert_allclose(out, np.concatenate([p[0][0] for p in parts]), tolerance, tolerance)
    np.testing.assert_allclose(by_x, np.concatenate([p[1][0] for p in parts]), tolerance, tolerance)
    np.testing.assert_allclose(by_weight, np.sum([p[1][1] for p in parts], 0), tolerance, 100 * tolerance)
    np.testing.assert_allclose(by_bias, np.sum([p[1][2] for p in parts], 0), 1e-3, 1e-1)


@pytest.mark.parametrize("shape", [(280_001,), (700, 401), (20, 14_003), (7, 200, 201)])
def test_sums(shape: tuple[int, ...]) -> None:
    """Sums, means and variances over every dimension, against double precision; infinities stay where they are."""
    x = np.abs(np.random.default_rng(10).standard_normal(shape, np.float32))
    for array in (x, x.T, x[::-1]):
        t = autograd.from_numpy(array)
        for dim in (None, *range(-1, x.ndim)):
            for keepdim in (False, True):
                expected = array.astype(np.float64).sum(dim, keepdims=keepdim)
                np.testing.assert_allclose(autograd.sum(t, dim, keepdim).numpy(), expected, 2e-6)
                mean = array.astype(np.float64).mean(dim, keepdims=keepdim)
                np.testing.assert_allclose(autograd.mean(t, dim, keepdim).numpy(), mean, 2e-6)
                spread = array.astype(np.float64).var(dim, ddof=1, keepdims=keepdim)
                np.testing.assert_allclose(autograd.var(t, dim, keepdim=keepdim).numpy(), spread, 2e-5, 1e-7)
    x.reshape(-1)[5] = np.inf
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(np.isinf(autograd.sum(autograd.tensor(x), -1).numpy()), np.isinf(x.sum(-1)))


_COLUMNS = np.random.default_rng(11).integers(-WIDTH, WIDTH, (3, 400))

MOVED: dict[str, tuple[Any, Any]] = {
    "cat": (lambda x, y: autograd.cat([x, y, x]), lambda x, y: np.concatenate([x, y, x])),
    "cat, columns": (lambda x, y: autograd.cat([x, y], -1), lambda x, y: np.concatenate([x, y], -1)),
    "stack": (lambda x, y: autograd.stack([x, y]), lambda x, y: np.stack([x, y])),
    "stack, last": (lambda x, y: autograd.stack([x, y], -1), lambda x, y: np.stack([x, y], -1)),
    "flip": (lambda x, y: autograd.flip(x, (0, 1)) * 1 + y, lambda x, y: x[::-1, ::-1] + y),
    "pad": (lambda x, y: F.pad(x, (1, 2, 3, 0)), lambda x, y: np.pad(x, ((3, 0), (1, 2)))),
    "crop": (lambda x, y: F.pad(x, (-1, 2)), lambda x, y: np.pad(x, ((0, 0), (0, 2)))[:, 1:]),
    "contiguous": (lambda x, y: x.T.contiguous(), lambda x, y: x.T),
    "columns": (lambda x, y: x[:, autograd.tensor(_COLUMNS)], lambda x, y: x[:, _COLUMNS]),
}


@pytest.mark.parametrize("name", MOVED)
def test_moved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only moves elements, and the way back, which adds them: against NumPy, for any layout."""
    monkeypatch.setattr(blocks, "_MANY", 1)
    ours, theirs = MOVED[name]
    numbers = np.arange(ROWS * WIDTH, dtype=np.float64).reshape(ROWS, WIDTH)
    for x in (_numbers(12), _numbers(12)[::-1], np.asfortranarray(_numbers(12))):
        y = _numbers(13)
        expected = theirs(x, y)
        seed = np.random.default_rng(14).integers(-4, 5, expected.shape).astype(np.float32)
        kept = seed.copy()
        (out,), grads = _run(ours, [x, y], seed)
        np.testing.assert_array_equal(out, expected)
        if name == "flip":
            np.testing.assert_array_equal(grads, [seed[::-1, ::-1], seed])
            continue
        where = theirs(numbers, numbers + numbers.size if len(grads) == 2 else numbers)  # 0 in a frame, so seed[0] too
        inside = np.ones_like(seed) if "pad" not in name and name != "crop" else theirs(np.ones_like(x), y)
        total = np.bincount(where.astype(int).ravel(), (seed * inside).ravel(), numbers.size * len(grads))
        np.testing.assert_array_equal(np.stack(grads).ravel(), total)
        for grad in grads:
            grad += 1
        np.testing.assert_array_equal(seed, kept)  # which no gradient shares memory with


@pytest.mark.parametrize("width", [200, 333, 1013, 300_007])
@pytest.mark.parametrize("op", [autograd.cummax, autograd.cummin])
def test_records_of_long_lines(op: Any, width: int) -> None:
    """The running extreme and where it was reached last, among equal numbers and NaN: as in lines one by one."""
    rng = np.random.default_rng(20)
    x = rng.standard_normal((300_007 // width, width), np.float32)
    x[::3] = np.round(x[::3] * 2)
    x[rng.random(x.shape) < 1e-3] = np.nan
    x[::4, 0] = np.inf
    x[::5] = -np.inf
    for array in (x, x[:, ::-1], (x * 8).astype(np.float16)):
        values, indices = op(autograd.tensor(array), -1)
        lines = [op(autograd.tensor(part), -1) for row in array for part in [row[: 1 << 18]]]
        np.testing.assert_array_equal(values.numpy()[:, : 1 << 18], [line.values.numpy() for line in lines])
        np.testing.assert_array_equal(indices.numpy()[:, : 1 << 18], [line.indices.numpy() for line in lines])
        columns = op(autograd.tensor(np.stack([array.T, array.T])), -2)
        for part in range(2):
            np.testing.assert_array_equal(columns.values.numpy()[part], values.numpy().T)
            np.testing.assert_array_equal(columns.indices.numpy()[part], indices.numpy().T)


@pytest.mark.parametrize("few", [1, 1 << 21])
@pytest.mark.parametrize("shape", [(1000, 700), (700, 513), (2, 300, 700), (600, 3, 300)])
def test_copies_of_transposes(shape: tuple[int, ...], few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_MANY", few)
    x = np.random.default_rng(17).standard_normal(shape, np.float32)
    row = np.broadcast_to(x[:1, ..., :1], shape)
    for array in (x.T, np.swapaxes(x, -1, -2), np.moveaxis(x, 0, -1)[::-1], x[..., ::-1].T, row.T, x.T[:, ::2]):
        got = blocks.copied(array)
        np.testing.assert_array_equal(got, array)
        assert got.flags.c_contiguous
        assert got.flags.owndata


def test_spread_of_nearly_equal_numbers() -> None:
    """Its digits come from how far numbers are from each other, also where they are far from 0."""
    x = (_numbers(18) / 64 + 10_000).astype(np.float32)
    x[3], x[5] = 2, _numbers(19)[5]
    exact = x.astype(np.float64)
    for dim in (None, 0, 1):
        t = autograd.tensor(x, requires_grad=True)
        spread = autograd.std(t, dim, keepdim=True)
        expected = exact.std(dim, ddof=1, keepdims=True)
        np.testing.assert_allclose(spread.detach().numpy(), expected, 1e-5)
        spread.sum().backward()
        away = exact - exact.mean(dim, keepdims=True)
        n = x.size if dim is None else x.shape[dim]
        slopes = np.divide(away, expected * (n - 1), out=np.zeros_like(away), where=expected != 0)
        np.testing.assert_allclose(t.grad.numpy(), slopes, 1e-3, 1e-5)


@pytest.mark.parametrize("length", [64, 97, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_running_sums(length: int, dtype: Any) -> None:
    """From both ends, of lines of any length, against double precision; infinities stay in their line."""
    x = np.random.default_rng(15).standard_normal((300_000 // length, length)).astype(dtype)
    for array in (x, x[:, ::-1], x.reshape(-1)):
        seed = np.random.default_rng(16).standard_normal(array.shape).astype(dtype)
        (out,), (grad,) = _run(lambda t: autograd.cumsum(t, -1), [array], seed)
        wide = seed.astype(np.float64)
        np.testing.assert_allclose(out, array.astype(np.float64).cumsum(-1), 1e-5, 2e-3)
        np.testing.assert_allclose(grad, wide[..., ::-1].cumsum(-1)[..., ::-1], 1e-5, 2e-3)
    seed = x.copy()
    seed[7, 30], x[5, 40] = np.inf, -np.inf
    (out,), (grad,) = _run(lambda t: autograd.cumsum(t, -1), [x], seed)
    assert np.isinf(out).sum() == length - 40
    assert np.isinf(grad).sum() == 31


def _reversed_sums(x: np.ndarray, dim: int) -> np.ndarray:
    return np.flip(np.flip(x, dim).cumsum(dim), dim)


@pytest.mark.parametrize(
    "shape", [(100_003, 3), (3, 100_003), (7, 999, 40), (40, 33, 211), (1, 300_007, 1), (5, 60_000)]
)
def test_running_sums_along_any_dimension(shape: tuple[int, ...]) -> None:
    """Of short lines and of long, beside few lines and beside many, from both ends; what is not finite spreads."""
    drawn = np.random.default_rng(25)
    x, seed = drawn.standard_normal((2, *shape))
    lost = x.copy()
    lost.reshape(-1)[[x.size // 3, x.size // 2, -1]] = np.inf, -np.inf, np.nan
    for dim in range(len(shape)):
        (out,), (grad,) = _run(lambda t, d=dim: autograd.cumsum(t, d), [x], seed)
        np.testing.assert_allclose(out, x.cumsum(dim), 1e-9, 1e-9)
        np.testing.assert_allclose(grad, _reversed_sums(seed, dim), 1e-9, 1e-9)
        with np.errstate(invalid="ignore"):
            (out,), (grad,) = _run(lambda t, d=dim: autograd.cumsum(t, d), [lost], lost)
            np.testing.assert_allclose(out, lost.cumsum(dim), 1e-9, 1e-9)
            np.testing.assert_allclose(grad, _reversed_sums(lost, dim), 1e-9, 1e-9)


def test_the_last_number_written_to_a_place_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where threads share the writing: no place is written by two of them."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    index = np.repeat(np.arange(4), blocks.BLOCK)[:1_000_000]
    values = np.arange(1e6)
    for form in (index, index.reshape(1000, 1000)):
        for _ in range(10):
            t = autograd.zeros(10, dtype=autograd.float64)
            t[autograd.from_numpy(form)] = autograd.from_numpy(values.reshape(form.shape))
            assert t[:4].tolist() == [blocks.BLOCK - 1, 2 * blocks.BLOCK - 1, 3 * blocks.BLOCK - 1, 999_999]


@pytest.mark.parametrize("shape", [(100_000, 3), (3, 100_000), (7, 1000, 40), (40, 33, 211)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_gathered_along_any_dimension(shape: tuple[int, ...], dtype: Any) -> None:
    """Gathered, and added up where it came from; also with an index that reaches over a part alone."""
    drawn = np.random.default_rng(26)
    x = drawn.integers(-9, 9, shape).astype(dtype)
    for dim, n in enumerate(shape):
        for part in (shape, tuple(-(-size // 2) for size in shape)):
            index = drawn.integers(0, n, part)
            inner = x[tuple(slice(n if d == dim else size) for d, size in enumerate(part))]
            out = autograd.gather(autograd.from_numpy(x), dim, autograd.from_numpy(index)).numpy()
            np.testing.assert_array_equal(out, np.take_along_axis(inner, index, dim))
            expected = np.zeros(shape, dtype)
            places: list[Any] = list(np.ogrid[tuple(slice(size) for size in part)])
            places[dim] = index
            np.add.at(expected, tuple(places), x[tuple(slice(size) for size in part)])
            added = autograd.scatter_add(autograd.zeros(shape, dtype=dtype), dim, index, autograd.from_numpy(x))
            np.testing.assert_array_equal(added.numpy(), expected)


@pytest.mark.parametrize("shape", [(1000, 500), (90, 5000), (60, 5, 1200), (1, 300_000), (30_011, 25)])
@pytest.mark.parametrize("kind", ["near one", "zeros", "infinities", "nan", "huge", "tiny"])
def test_running_products(shape: tuple[int, ...], kind: str) -> None:
    """Of few lines and of many: what double precision carried along gives, come what may in between."""
    drawn = np.random.default_rng(23)
    x = (1 + drawn.standard_normal(shape) / 100).astype(np.float32)
    at = drawn.random(shape) < 1e-3
    if kind == "zeros":
        x[at] = -0.0
    elif kind == "infinities":
        x[at], x[drawn.random(shape) < 1e-3] = np.inf, 0
    elif kind == "nan":
        x[at] = np.nan
    elif kind != "near one":  # those at the end alone would leave double precision
        x[..., :10], x[..., -11:] = (1e-30, 1e30) if kind == "huge" else (1e30, 1e-30)
    loud = {"all": "ignore"} if kind in ("infinities", "tiny") else {"over": "raise", "invalid": "raise"}
    with np.errstate(**loud):
        found = autograd.cumprod(autograd.from_numpy(x), -1).numpy()
    with np.errstate(all="ignore"):
        expected = np.multiply.accumulate(x.astype(np.float64), -1).astype(np.float32)
    np.testing.assert_array_equal(np.signbit(found) & (found == 0), np.signbit(expected) & (expected == 0))
    np.testing.assert_allclose(found, expected, 2e-7, 1e-45)


@pytest.mark.parametrize("name", ["cumprod", "prod"])
def test_small_factors_of_products_too_small(name: str) -> None:
    """Where digits are lost in the product, it is not divided by what made it so small."""
    x = np.ones((700, 500), np.float32)
    x[:, 0], x[:, 1] = 1e-25, 1e-20
    tensor = autograd.from_numpy(x).requires_grad_()
    getattr(autograd, name)(tensor, -1).sum().backward()
    steps = 499 if name == "cumprod" else 1
    np.testing.assert_allclose(tensor.grad.numpy()[:, 1], steps * 1e-25, 1e-5)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", ["different", "ties", "equal", "nan"])
@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint64])
def test_the_order_of_wide_numbers(dtype: Any, kind: str, descending: bool) -> None:
    """Equal elements, NaN too, keep their order, also among the first few."""
    x = np.random.default_rng(28).standard_normal((500, 90)) * (2 if kind == "ties" else 1e6)
    x = np.abs(x) if dtype is np.uint64 else x
    x = (np.ones_like(x) if kind == "equal" else np.round(x)).astype(dtype)
    if kind == "nan" and dtype is np.float64:
        x[:, ::7] = np.nan
    for dim in (0, 1):
        expected = np.argsort(x[:: -1 if descending else 1, :: -1 if descending else 1], dim, kind="stable")
        if descending:
            expected = x.shape[dim] - 1 - expected[::-1, ::-1]
        tensor = autograd.from_numpy(x)
        np.testing.assert_array_equal(autograd.argsort(tensor, dim, descending).numpy(), expected)
        values, indices = autograd.topk(tensor, 9, dim, largest=descending)
        np.testing.assert_array_equal(indices.numpy(), expected[(slice(None),) * dim + (slice(9),)])
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, indices.numpy(), dim))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_running_logarithms_of_sums(dtype: Any) -> None:
    """Of lines that are each taken alone."""
    x = np.random.default_rng(24).standard_normal((3, 150, 700)).astype(dtype)
    x[0, :3, :5] = -np.inf
    expected = np.logaddexp.accumulate(x.astype(np.float64), -1)
    np.testing.assert_allclose(autograd.logcumsumexp(autograd.from_numpy(x), -1).numpy(), expected, 1e-6)


@pytest.mark.parametrize("dim", [-1, -2])
@pytest.mark.parametrize("name", ["sort", "topk", "cummax", "cummin"])
def test_second_derivatives_of_lines(name: str, dim: int) -> None:
    """Dimensions counted from the end, as the way back of the way back has them, too."""
    pick = {
        "sort": lambda x: autograd.sort(x, dim), "topk": lambda x: autograd.topk(x, 110, dim),
        "cummax": lambda x: autograd.cummax(x, dim), "cummin": lambda x: autograd.cummin(x, dim),
    }[name]  # fmt: skip
    lines = np.random.default_rng(18).permutation(150 * 120).reshape(150, 120) / 1e4
    x = autograd.from_numpy(lines if dim == -1 else lines.T.copy()).requires_grad_()
    values, indices = pick(x)
    (first,) = autograd.grad((values**3).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x)
    places = [*np.indices(indices.shape)]
    places[dim] = indices.numpy()
    expected = np.zeros(x.shape)
    np.add.at(expected, tuple(places), 6 * values.detach().numpy())
    np.testing.assert_allclose(second.numpy(), expected, 1e-12)


def test_batched_indices_of_many_elements() -> None:
    """One for each example: they cannot be looked at, to see whether one is negative."""
    x = autograd.from_numpy(np.random.default_rng(20).standard_normal((2, 6)))
    index = autograd.from_numpy(np.random.default_rng(21).integers(-6, 6, (2, 20_000)))
    found = vmap(lambda x, i: autograd.take_along_dim(x, i, 0))(x, index)
    np.testing.assert_array_equal(found.numpy(), np.take_along_axis(x.numpy(), index.numpy(), 1))
    points = autograd.linspace(0.0, 1.0, 20_000, dtype=autograd.float64)
    found = vmap(lambda x: autograd.quantile(x, points))(x)
    np.testing.assert_allclose(found.numpy(), np.quantile(x.numpy(), points.numpy(), axis=1).T, 1e-12)


def test_a_batch_of_derivatives_chooses_between_an_array_and_a_number() -> None:
    """In double precision, whose dtype equals None."""
    x = autograd.from_numpy(np.random.default_rng(22).standard_normal((2, 10_000)))

    def slopes(x: Any) -> Any:
        return vmap(gradient(lambda row: autograd.sinc(row).sum()))(x)

    _, moved = jvp(slopes, (x,), (autograd.ones_like(x),))
    _, part = jvp(slopes, (x[:, :50],), (autograd.ones(2, 50, dtype=autograd.float64),))
    np.testing.assert_allclose(moved[:, :50].numpy(), part.numpy(), 1e-12)


LIMITS = [(5000, 53), (5000, 54), (2200, 128), (2200, 129), (400, 53)]
"""About what limits the ways of finding extremes in short lines."""


@pytest.mark.parametrize(
    "shape",
    [(700, 500), (3, 300, 400), (2, 5, 100, 400), (50_000, 6), (6, 50_000), (9001, 3, 11), (2, 9, 16_000), *LIMITS],
)
def test_extremes_along_any_dimension(shape: tuple[int, ...]) -> None:
    """Values and first places, where numbers are equal, NaN or all the same, against NumPy."""
    rng = np.random.default_rng(21)
    x = rng.standard_normal(shape, np.float32)
    gaps = np.where(rng.random(shape) < 1e-3, np.nan, x).astype(np.float32)
    for array in (x, np.round(3 * x), gaps, np.ones_like(x), (1000 * x).astype(int), np.asfortranarray(x)):
        t = autograd.tensor(array)
        for dim in range(-len(shape), len(shape)):
            for name, find in (("max", np.argmax), ("min", np.argmin)):
                expected = find(array, dim, keepdims=True)
                kept, squeezed = getattr(t, name)(dim, True), getattr(t, name)(dim)
                np.testing.assert_array_equal(kept.indices.numpy(), expected)
                np.testing.assert_array_equal(kept.values.numpy(), np.take_along_axis(array, expected, dim))
                np.testing.assert_array_equal(squeezed.indices.numpy(), np.squeeze(expected, dim))
                np.testing.assert_array_equal(getattr(t, f"arg{name}")(dim, True).numpy(), expected)
    for call in (t.argmax, t.max):
        with pytest.raises(IndexError, match="out of bounds"):
            call(len(shape), True)


@pytest.mark.parametrize("shape", [(50_000, 6), (6, 50_000), (9001, 3, 11)])
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_exponentials_along_any_dimension(name: str, shape: tuple[int, ...]) -> None:
    """Of short lines and beside few, also of numbers whose exponentials overflow, against NumPy in double precision."""
    x = np.random.default_rng(30).standard_normal(shape, np.float32)
    x.reshape(-1)[:: x.size // 9] = 500
    for dim in range(len(shape)):
        top = x.max(dim, keepdims=True).astype(np.float64)
        total = np.exp(x - top).sum(dim, keepdims=True)
        logs = x - top - np.log(total)
        expected = {"logsumexp": np.squeeze(np.log(total) + top, dim), "softmax": np.exp(logs), "log_softmax": logs}
        t = autograd.tensor(x, requires_grad=True)
        found = getattr(autograd, name)(t, dim)
        np.testing.assert_allclose(found.detach().numpy(), expected[name], 1e-5, 1e-5)
        seed = np.random.default_rng(dim).standard_normal(found.shape, np.float32)
        found.backward(autograd.tensor(seed))
        y, wide = np.exp(logs), seed.astype(np.float64)
        if name == "logsumexp":
            slopes = y * np.expand_dims(wide, dim)
        elif name == "softmax":
            slopes = y * (wide - (wide * y).sum(dim, keepdims=True))
        else:
            slopes = wide - y * wide.sum(dim, keepdims=True)
        np.testing.assert_allclose(t.grad.numpy(), slopes, 1e-4, 1e-5)


@pytest.mark.parametrize("largest", [10, 39.9, 40, 60, 88, 3e38, math.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_numbers_of_any_size(largest: float, dtype: Any) -> None:
    """Also where one line, or all, are so large or so small that their exponentials are no numbers."""
    x = np.random.default_rng(31).standard_normal((400, 800)).astype(dtype)
    x[3, 5], x[4], x[5, 1:], x[6] = largest, -largest, -largest, largest / 2
    with np.errstate(invalid="ignore"):
        found = F.softmax(autograd.tensor(x), -1).numpy()
        powers = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True))
        np.testing.assert_allclose(
            found, powers / powers.sum(-1, keepdims=True), 1e-5 if dtype == np.float32 else 1e-12
        )


@pytest.mark.parametrize("n", [64, 65, 100, 513, 4096, 4097])
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint64", "bool"])
def test_extremes_of_lines_of_any_length(n: int, dtype: str) -> None:
    x = (np.random.default_rng(n).standard_normal((-(-20_000 // n), 2, n)) * 50).astype(np.int8).astype(dtype)
    if x.dtype.kind == "f":
        x[1, 1, n // 2], x[0, 0, -1], x[0, 1] = np.nan, np.inf, -np.inf
    for found, expected in ((autograd.amax, np.max), (autograd.amin, np.min)):
        np.testing.assert_array_equal(found(autograd.tensor(x), -1).numpy(), expected(x, -1))
        np.testing.assert_array_equal(found(autograd.tensor(x), 2, True).numpy(), expected(x, 2, keepdims=True))


@pytest.mark.parametrize("shape", [(50_000, 6), (6, 50_000), (9001, 3, 11), (3, 300, 400), (2, 9, 16_000), *LIMITS])
def test_gradients_of_extremes_along_any_dimension(shape: tuple[int, ...]) -> None:
    """Divided evenly among equal elements, NaN among them, as of the parts of the array."""
    x = np.random.default_rng(27).standard_normal(shape).astype(np.float32)
    some = np.where(np.random.default_rng(28).random(shape) < 1e-3, np.nan, x).astype(np.float32)
    for array in (x, np.round(x), some):
        for dim in range(len(shape)):
            for op in (autograd.amax, autograd.amin):
                seed = np.asarray(np.max(array, dim) * 0 + 1)
                _, (grad,) = _run(lambda t, op=op, d=dim: op(t, d), [array], seed)
                extreme = (np.max if op is autograd.amax else np.min)(array, dim, keepdims=True)
                equal = (array == extreme) | (np.isnan(array) & np.isnan(extreme))
                shares = np.expand_dims(seed, dim) / equal.sum(dim, keepdims=True)
                np.testing.assert_allclose(grad, np.where(equal, shares, 0), 1e-6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "complex64"])
@pytest.mark.parametrize("shape", [(2000,), (3, 700), (700, 3), (1, 1500), (1500, 1), (10, 1, 20, 9), (5, 0, 999)])
def test_places_of_what_is_not_zero(shape: tuple[int, ...], dtype: str) -> None:
    """As NumPy finds them: of many elements they are computed in another way, with NaN and -0.0 among them."""
    x = np.round(np.random.default_rng(31).standard_normal(shape)).astype(dtype)
    if x.dtype.kind in "fc":
        x *= -1
        x.reshape(-1)[::7] = np.nan
    for array in (x, x.T, x[::-1], np.concatenate([x, x])[::2], x[..., :1]):
        t = autograd.from_numpy(array)
        for found in (t.nonzero(as_tuple=True), np.nonzero(t), autograd.where(t)):
            for mine, expected in zip(found, np.nonzero(array), strict=True):
                np.testing.assert_array_equal(mine.numpy(), expected, strict=True)
        for rows in (t.nonzero(), autograd.argwhere(t)):
            np.testing.assert_array_equal(rows.numpy(), np.argwhere(array), strict=True)
        np.testing.assert_array_equal(np.flatnonzero(t).numpy(), np.flatnonzero(array), strict=True)


_FACTORS = [
    ((70, 80), (80, 90)), ((40, 9000), (9000, 40)), ((5000,), (5000,)), ((90, 80), (80,)), ((80,), (80, 90)),
    ((3, 70, 80), (80,)), ((80,), (3, 80, 70)), ((4, 1, 30, 20), (5, 20, 30)), ((7, 30, 40), (40, 30)),
    ((300, 0), (0, 300)), ((100, 1), (1, 200)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "uint64"])
@pytest.mark.parametrize(("first", "second"), _FACTORS)
def test_products_of_integers_are_exact(first: tuple[int, ...], second: tuple[int, ...], dtype: str) -> None:
    """As NumPy's, also where sums wrap around, and where they are near or beyond what a float holds exactly."""
    rng = np.random.default_rng(33)
    for size in (2, 250, 1 << 17, 1 << 26, (1 << 63) - 1):
        signed = np.dtype(dtype).kind == "i"
        x, y = [rng.integers(-size * signed, size, shape).astype(dtype) for shape in (first, second)]
        for a, b in ((x, y), (np.ascontiguousarray(x.T).T, y[::-1].copy()[::-1])):
            expected = np.asarray(np.matmul(a, b))
            found = autograd.matmul(autograd.from_numpy(a), autograd.from_numpy(b))
            np.testing.assert_array_equal(found.numpy(), expected, strict=True)
            if x.ndim == y.ndim == 2:
                found = autograd.einsum("ij,jk->ki", autograd.from_numpy(a), autograd.from_numpy(b))
                np.testing.assert_array_equal(found.numpy(), expected.T, strict=True)


def test_products_of_integers_are_compiled() -> None:
    step = autograd.compile(lambda a, b: (a @ b, autograd.einsum("ij,kj->ik", a, b), a @ b[0]))
    rng = np.random.default_rng(34)
    for size in (2, 100, 1 << 30, 1 << 62, 3):
        a, b = [autograd.from_numpy(rng.integers(-size, size, (70, 70))) for _ in range(2)]
        for found, expected in zip(step(a, b), (a @ b, a @ b.T, a @ b[0]), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy(), strict=True)
    assert step.source


_MANY = {
    "angle": 1, "nan_to_num": 1, "logical_not": 1, "logical_and": 2, "logical_or": 2, "logical_xor": 2, "logaddexp2": 2,
    "pow": 2,
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", _MANY)
@np.errstate(all="ignore")
def test_many_pairs_of_edges(name: str, dtype: Any) -> None:
    """Many numbers give what few give, signs of zeros too: whole and other powers of what is negative or not finite."""
    info = np.finfo(dtype)
    sizes = [0, 1, 2, 3, 0.5, 1.5, 4096, np.nan, np.inf, info.max, info.tiny, info.smallest_subnormal, 0.001]
    edges = np.array(sizes + [-size for size in sizes], dtype)
    pairs = [np.tile(array.reshape(-1), 12) for array in np.meshgrid(edges, edges)]
    few = 25 if name == "pow" else 50
    op, count = getattr(autograd, name), _MANY[name]
    out = op(*[autograd.from_numpy(array) for array in pairs[:count]]).numpy()
    parts = [
        op(*[autograd.from_numpy(array[i : i + few]) for array in pairs[:count]]).numpy()
        for i in range(0, len(pairs[0]), few)
    ]
    expected = np.concatenate(parts)
    assert out.dtype == expected.dtype
    digits = 4 * info.eps if name in ("logaddexp2", "pow") else 0
    np.testing.assert_allclose(out, expected, digits, digits if name == "logaddexp2" else 0)
    if out.dtype.kind == "f":
        there = ~np.isnan(out)
        np.testing.assert_array_equal(np.signbit(out[there]), np.signbit(expected[there]))


@pytest.mark.parametrize("dim", [None, 0, 1, (0, 1)])
@np.errstate(invalid="ignore")
def test_sums_of_what_is_not_nan(dim: Any) -> None:
    """With NaN nowhere, in some lines, and beside infinities of both signs."""
    x = _numbers()
    for places in ((), (3,), (3, 7)):
        x[places, ::3] = np.nan
        t = autograd.from_numpy(x)
        for name in ("nansum", "nanmean"):
            found = getattr(autograd, name)(t, dim).numpy()
            np.testing.assert_allclose(found, getattr(np, name)(x.astype(np.float64), dim), 1e-4, 1e-3)
    x[9, :2] = np.inf, -np.inf
    found = autograd.nansum(autograd.from_numpy(x), 1).numpy()
    assert np.flatnonzero(np.isnan(found)).tolist() == [9]


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(60, 50), (900, 400), (30, 40, 10)])
@np.errstate(all="ignore")
def test_remainders_of_broadcast_and_transposed_arrays(shape: tuple[int, ...], dtype: Any, name: str) -> None:
    """To the bit as NumPy's, whichever of both repeats its numbers."""
    x, y = [np.random.default_rng(seed).standard_normal(shape, dtype) for seed in (39, 40)]
    x[0, 0], y[1, 1], y[2, 2] = np.nan, 0, np.inf
    op, expected = getattr(autograd, name), getattr(np, name)
    for a, b in (
        (x, y), (x.T, y.T), (x, y[:1]), (x[..., :1], y), (x.T, y.T[..., :1]), (x[:1], y[..., :1]),
        (x.T, dtype(0.3)),
    ):  # fmt: skip
        found = op(autograd.from_numpy(a), autograd.tensor(b)).numpy()
        np.testing.assert_array_equal(found, expected(a, b), strict=True)


@pytest.mark.parametrize("dtype", ["bool", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("width", [2, 3, 8, 9, 16, 17])
@np.errstate(all="ignore")
def test_extremes_of_many_short_lines(width: int, dtype: str) -> None:
    x = (np.random.default_rng(41).standard_normal((300, width)) * 9).astype(dtype)
    if x.dtype.kind == "f":
        x[5, 1] = np.nan
    for array in (x, x[::-1], np.ascontiguousarray(x.T).T):
        t = autograd.from_numpy(array)
        for name in ("any", "all") if dtype == "bool" else ("amax", "amin", "prod"):
            for keepdim in (False, True):
                found = getattr(autograd, name)(t, -1, keepdim).numpy()
                wide = array.astype(np.float64) if x.dtype.kind == "f" else array
                expected = getattr(np, name)(wide, -1, keepdims=keepdim).astype(found.dtype)
                np.testing.assert_allclose(found, expected, 1e-2 if dtype == "float16" else 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sinc", "log_ndtr", "erfcx", "digamma"])
@np.errstate(all="ignore")
def test_gradients_of_special_functions(name: str, dtype: Any) -> None:
    x = _edges().astype(dtype) * 3
    (whole,), (grad,) = _run(getattr(autograd.special, name), [x], np.ones_like(x))
    parts = [_run(getattr(autograd.special, name), [row], np.ones_like(row)) for row in x]
    digits = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(whole, np.stack([outs[0] for outs, _ in parts]), digits)
    np.testing.assert_allclose(grad, np.stack([grads[0] for _, grads in parts]), digits, digits)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((128, 96, 64), (128, 64, 96)), ((3, 32, 96, 64), (3, 32, 64, 96)), ((70, 2, 64, 80), (70, 2, 80, 64)),
        ((1, 40, 96, 128), (1, 40, 128, 96)), ((64, 96, 128), (1, 128, 96)), ((4, 256, 256), (4, 256, 256)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_many_products(left: tuple[int, ...], right: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(32)
    a, b = [rng.standard_normal(shape, np.float32).astype(dtype) for shape in (left, right)]
    x, y = [autograd.tensor(array, requires_grad=True) for array in (a, b)]
    for turned in (False, True):  # as views of arrays whose matrices lie otherwise
        first, second = (x.mT.clone().mT, y.mT.clone().mT) if turned else (x, y)
        out = first @ second
        np.testing.assert_allclose(out.detach().numpy(), np.matmul(a, b), 1e-5, 1e-4)
        seed = rng.standard_normal(out.shape, np.float32).astype(dtype)
        slopes = np.matmul(seed, b.mT.conj()), np.matmul(a.mT.conj(), seed)
        for found, slope in zip(autograd.grad(out, (x, y), autograd.tensor(seed)), slopes, strict=True):
            expected = slope.sum(0, keepdims=True) if len(found) == 1 else slope
            np.testing.assert_allclose(found.numpy(), expected, 1e-4, 1e-2)


def test_many_products_are_shared_out_in_compiled_programs() -> None:
    rng = np.random.default_rng(33)
    x, y = [autograd.tensor(rng.standard_normal((16, 8, 64, 64), np.float32), requires_grad=True) for _ in range(2)]

    def step() -> Any:
        x.grad = y.grad = None
        loss = (x @ y.mT).tanh().sum()
        loss.backward()
        return loss.detach(), x.grad, y.grad

    program = autograd.compile(step, fullgraph=True)
    for _ in range(3):
        for found, expected in zip(program(), step(), strict=True):
            np.testing.assert_allclose(found, expected, 1e-5, 1e-4)
    assert program.source.count("many_products(") == 3


@pytest.mark.parametrize(
    "shape",
    [
        *[(512, 96, 300), (96, 512, 1000), (256, 700, 129), (1, 2000, 4000), (130, 1, 65)],
        *[(130, 1024, 10), (16, 976, 1001), (3, 129, 4097), (1000, 900, 1), (10, 5000, 64), (65, 4000, 16)],
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_large_product(shape: tuple[int, int, int], turned: bool) -> None:
    rows, inner, columns = shape
    rng = np.random.default_rng(34)
    x, y = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    if turned:
        x, y = x.T.copy().T, y.T.copy().T
    out = np.full((rows, columns), np.nan)
    assert large_product(x, y, out) is out
    for found in (out, large_product(x, y)):
        np.testing.assert_allclose(found, np.matmul(x, y), 1e-12, 1e-11)


def test_products_are_thin_where_parts_of_them_fit() -> None:
    assert is_thin(128, 1024, 10)
    assert is_thin(10, 128, 1024)
    assert not is_thin(64, FITS // 640, 10), "as it is, it fits"
    assert not is_thin(128, 1024, 17)
    assert not is_thin(128, 10, 1024), "the sums are short"
    assert not is_thin(128, FITS // 640 + 1, 10), "no 64 rows fit"
    assert is_thin(128, FITS // 640, 10)
