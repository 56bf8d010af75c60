"""Sums of many elements keep their digits, in single and in half precision, and so does what is made of them."""

from __future__ import annotations

import itertools
import runpy
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.compiler.passes import PASSES
from autograd.engine.sums import dot_lines

_FAR = (1e4 + np.random.default_rng(17).standard_normal((120_000, 4))).astype(np.float32)
"""So many rows that NumPy, which adds them up one by one, would keep three digits of their sum."""


@pytest.mark.parametrize("columns", [3, 300])
@pytest.mark.parametrize("layout", ["rows", "strided", "transposed", "tuple"])
def test_sums_of_many_rows_keep_their_digits(layout: str, columns: int) -> None:
    """Far from 0, in single precision: against double precision."""
    x = _FAR if columns == 3 else np.broadcast_to(_FAR[:5000, :1], (5000, 300)).copy()
    x = {"rows": x, "strided": x[:, :columns], "transposed": x[:, :columns].T, "tuple": x.reshape(-1, 10, x.shape[1])}[
        layout
    ]
    dim: Any = {"transposed": 1, "tuple": (0, 1)}.get(layout, 0)
    wide = x.astype(np.float64)
    t = autograd.from_numpy(x)
    np.testing.assert_allclose(autograd.sum(t, dim).numpy(), wide.sum(dim), 3e-7)
    np.testing.assert_allclose(autograd.mean(t, dim, keepdim=True).numpy(), wide.mean(dim, keepdims=True), 3e-7)
    np.testing.assert_allclose(autograd.var(t, dim).numpy(), wide.var(dim, ddof=1), 1e-3)
    np.testing.assert_allclose(autograd.std(t, dim).numpy(), wide.std(dim, ddof=1), 1e-3)
    np.testing.assert_allclose(autograd.linalg.vector_norm(t, 2, dim).numpy(), np.sqrt((wide**2).sum(dim)), 1e-6)
    np.testing.assert_allclose(autograd.logsumexp(t, dim).numpy(), _log_sum(wide, dim), 1e-6)


def _log_sum(x: np.ndarray, dim: Any) -> np.ndarray:
    top = x.max(dim, keepdims=True)
    return np.squeeze(np.log(np.exp(x - top).sum(dim, keepdims=True)) + top, dim)


@pytest.mark.parametrize("shape", [(3, 8), (40, 300), (400, 500)])
@pytest.mark.parametrize(("size", "middle"), [(1e-30, 0.0), (1e-22, 0.0), (1.0, 1e6), (1e30, 0.0)])
@pytest.mark.parametrize("dim", [0, 1, None])
def test_spreads_of_tiny_huge_and_distant_numbers_in_single_precision(
    shape: tuple[int, int], size: float, middle: float, dim: int | None
) -> None:
    """As PyTorch's they are right where squares overflow or vanish, and where the mean is no number of the dtype.

    The gradient is (x - mean) / ((n - 1) * std), in double precision. A line of equal numbers has none.
    """
    x = (np.random.default_rng(0).normal(size=shape) * size + middle).astype(np.float32)
    x[:, 2] = x[0, 2]
    wide = x.astype(np.float64)
    spread = wide.std(dim, ddof=1, keepdims=True)
    t = autograd.from_numpy(x).requires_grad_()
    out = autograd.std(t, dim, keepdim=True)
    np.testing.assert_allclose(out.detach().numpy(), spread, 2e-6)
    out.sum().backward()
    n = x.size // spread.size
    still = spread == 0
    expected = np.where(still, 0, wide - wide.mean(dim, keepdims=True)) / ((n - 1) * np.where(still, 1, spread))
    np.testing.assert_allclose(t.grad.numpy(), expected, 2e-4, 2e-7 * np.abs(expected).max())
    if size <= 1:
        variance = autograd.var(t, dim, keepdim=True).detach().numpy()
        np.testing.assert_allclose(variance, wide.var(dim, ddof=1, keepdims=True), 4e-6, 1e-45)


@pytest.mark.parametrize("shape", [(3, 8), (40, 300)])
@pytest.mark.parametrize("size", [1e-30, 1e-22, 1.0, 1e30])
@pytest.mark.parametrize("p", [2, 3, 1.5])
@pytest.mark.parametrize("dim", [0, 1, None])
def test_norms_of_tiny_and_huge_numbers_in_single_precision(
    shape: tuple[int, int], size: float, p: float, dim: int | None
) -> None:
    """Against double precision, in which no power overflows or vanishes; the gradient is (|x| / norm) ** (p - 1)."""
    x = (np.random.default_rng(0).normal(size=shape) * size).astype(np.float32)
    x[:, 2] = 0
    wide = np.abs(x.astype(np.float64))
    t = autograd.from_numpy(x).requires_grad_()
    out = autograd.norm(t, p, dim, keepdim=True)
    expected = (wide**p).sum(dim, keepdims=True) ** (1 / p)
    np.testing.assert_allclose(out.detach().numpy(), expected, 1e-6)
    assert autograd.norm(t, p, dim).detach().numpy().tobytes() == out.detach().numpy().tobytes()
    out.sum().backward()
    slopes = np.sign(x) * (wide / np.where(expected == 0, 1, expected)) ** (p - 1)
    np.testing.assert_allclose(t.grad.numpy(), slopes, 3e-6, 1e-30)


@pytest.mark.parametrize("shape", [(3, 8), (40, 300)])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
def test_norms_of_complex_numbers_of_single_precision(shape: tuple[int, int], size: float, p: float) -> None:
    """They count both parts, and neither vanish nor overflow; the gradient has the direction of each number."""
    x = (np.random.default_rng(1).normal(size=(*shape, 2)) * size).astype(np.float32).view(np.complex64)[..., 0]
    wide = np.abs(x.astype(np.complex128))
    expected = np.linalg.norm(wide, p, axis=1)
    t = autograd.from_numpy(x).requires_grad_()
    out = autograd.norm(t, p, 1)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.detach().numpy(), expected, 1e-6)
    if p < np.inf:
        out.sum().backward()
        slopes = x / wide * (wide / expected[:, None]) ** (p - 1)
        np.testing.assert_allclose(t.grad.numpy(), slopes, 3e-6, 1e-6)


def test_covariance_of_many_numbers_far_from_zero() -> None:
    x = _FAR.T[:3]
    wide = x.astype(np.float64)
    np.testing.assert_allclose(autograd.cov(autograd.from_numpy(x)).numpy(), np.cov(wide), 1e-3, 1e-3)
    np.testing.assert_allclose(autograd.corrcoef(autograd.from_numpy(x)).numpy(), np.corrcoef(wide), 1e-3, 1e-3)


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e-20])
@pytest.mark.parametrize("function", [autograd.norm, autograd.std], ids=["norm", "std"])
def test_gradients_of_tiny_norms(function: Any, size: float) -> None:
    """The reciprocal of a subnormal norm is infinite: it counts as 0."""
    x = np.random.default_rng(0).normal(size=(4, 6)) * size
    slopes = []
    for dtype in (np.float32, np.float64):
        t = autograd.tensor(x, dtype=dtype, requires_grad=True)
        (function(t, dim=1) * autograd.tensor([1.0, -2.0, 0.5, 3.0], dtype=dtype)).sum().backward()
        slopes.append(t.grad.numpy())
    if size == 1e-40:
        assert not slopes[0].any()
    else:
        np.testing.assert_allclose(*slopes, 0, 2e-6 * np.abs(slopes[1]).max())


@pytest.mark.parametrize("weights", [None, [1, 2, 1, 1, 3, 1, 1, 2]])
def test_covariance_of_numbers_whose_mean_is_none_of_single_precision(weights: Any) -> None:
    x = (1e7 + np.random.default_rng(4).integers(-3, 4, size=(3, 8))).astype(np.float32)
    weights = None if weights is None else np.array(weights)
    expected = np.cov(x.astype(np.float64), fweights=weights)
    given = None if weights is None else autograd.from_numpy(weights)
    np.testing.assert_allclose(autograd.cov(autograd.from_numpy(x), fweights=given).numpy(), expected, 1e-5, 1e-6)
    if weights is None:
        np.testing.assert_allclose(autograd.corrcoef(autograd.from_numpy(x)).numpy(), np.corrcoef(x), 1e-5, 1e-6)


@pytest.mark.parametrize("layout", ["rows", "transposed", "reversed", "line", "wide"])
def test_running_sums_keep_their_digits(layout: str) -> None:
    """As those of PyTorch: single precision is carried along in double precision."""
    x = _FAR if layout != "wide" else np.broadcast_to(_FAR[:4000, :1], (4000, 600))
    x = {"transposed": x.T, "reversed": x[::-1], "line": x[:, 0]}.get(layout, x)
    dim = 1 if layout == "transposed" else 0
    wide = x.astype(np.float64)
    t = autograd.from_numpy(x.copy()).requires_grad_()
    out = autograd.cumsum(t, dim)
    out.backward(autograd.ones_like(out))
    np.testing.assert_allclose(out.detach().numpy(), wide.cumsum(dim), 1e-6)
    np.testing.assert_array_equal(t.grad.numpy(), np.flip(np.cumsum(np.ones_like(wide), dim), dim))
    np.testing.assert_allclose(
        autograd.cumprod(autograd.from_numpy(x) / 1e4, dim).numpy(), (wide / 1e4).cumprod(dim), 1e-4
    )
    logs = (wide - 1e4).astype(np.float32)
    expected = np.logaddexp.accumulate(logs.astype(np.float64), dim)
    np.testing.assert_allclose(autograd.logcumsumexp(autograd.from_numpy(logs), dim).numpy(), expected, 1e-6, 1e-6)


def test_running_sums_and_products_come_back_from_overflow() -> None:
    """As in PyTorch."""
    with np.errstate(over="ignore"):
        sums = autograd.cumsum(autograd.tensor([3e38, 3e38, -3e38]), 0)
        products = autograd.cumprod(autograd.tensor([1e30, 1e30, 1e-30]), 0)
    np.testing.assert_array_equal(sums.numpy(), np.float32([3e38, np.inf, 3e38]))
    np.testing.assert_allclose(products.numpy(), np.float32([1e30, np.inf, 1e30]))


_GATHERED = {
    "broadcast": lambda b: autograd.zeros(5000, 3, dtype=b.dtype) + b,
    "expand": lambda b: b.expand(5000, 3),
    "repeat": lambda b: b.repeat(5000, 1),
    "repeat_interleave": lambda b: autograd.repeat_interleave(b, 5000),
    "linear": lambda b: F.linear(autograd.ones(5000, 2, dtype=b.dtype), autograd.ones(3, 2, dtype=b.dtype), b),
    "conv1d": lambda b: F.conv1d(autograd.ones(100, 2, 50, dtype=b.dtype), autograd.ones(3, 2, 1, dtype=b.dtype), b),
    "group_norm": lambda b: F.group_norm(autograd.ones(5000, 3, 1, dtype=b.dtype), 1, b.detach(), b),
    "batch_norm": lambda b: F.batch_norm(autograd.ones(5000, 3, dtype=b.dtype), None, None, None, b, True),
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", _GATHERED)
def test_gradients_from_many_places_are_added_up_in_single_precision(name: str, dtype: Any) -> None:
    """One by one float16 stops at 2048."""
    b = autograd.ones(3, dtype=dtype).requires_grad_()
    out = _GATHERED[name](b)
    out.backward(autograd.ones_like(out))
    np.testing.assert_array_equal(b.grad.numpy(), np.full(3, 5000, dtype))
    assert b.grad.dtype == dtype


def test_gradients_of_broadcast_rows_keep_their_digits() -> None:
    row = autograd.zeros(3, requires_grad=True)
    (autograd.zeros(120_000, 3) + row).backward(autograd.from_numpy(_FAR[:, :3].copy()))
    np.testing.assert_allclose(row.grad.numpy(), _FAR[:, :3].sum(0, dtype=np.float64), 3e-7)


def test_a_sum_of_multilabel_losses_does_not_overflow_before_it_is_divided() -> None:
    x = autograd.zeros(500, 500, dtype=autograd.float16)
    loss = F.multilabel_soft_margin_loss(x, x, reduction="sum")
    np.testing.assert_allclose(loss.item(), 500 * np.log(2), 1e-2)


@pytest.mark.parametrize("name", ["layer_norm", "group_norm"])
def test_gradients_of_normalization_far_from_zero(name: str) -> None:
    """Of an array whose sums NumPy takes one by one, as it goes backwards, so that the first mean is far off."""
    x = _FAR.reshape(4, -1)[:, ::-1]
    normalize: Any = {"layer_norm": lambda t: F.layer_norm(t, t.shape[1:]), "group_norm": lambda t: F.group_norm(t, 1)}
    grads = []
    for array in (x, x.astype(np.float64)):
        t = autograd.from_numpy(array).requires_grad_()
        normalize[name](t[..., None] if name == "group_norm" else t).pow(3).sum().backward()
        grads.append(t.grad.numpy())
    np.testing.assert_allclose(grads[0], grads[1], 1e-2, 2e-3 * np.abs(grads[1]).max())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
def test_a_broadcast_row_is_added_up_in_pieces(dtype: Any) -> None:
    x = np.broadcast_to((np.random.default_rng(23).standard_normal((1, 7)) + 3).astype(dtype), (8_000, 7))
    wide = x.astype(np.complex128 if dtype == np.complex64 else np.float64).sum(0)
    np.testing.assert_allclose(
        autograd.sum(autograd.from_numpy(x), 0).numpy(), wide.astype(dtype), max(5e-6, float(np.finfo(dtype).eps))
    )


def test_gradients_of_distances_in_float16_are_summed_in_float32():
    rng = np.random.default_rng(0)
    arrays = (rng.random((3000, 8)) + 0.5).astype("e"), (rng.random((3, 8)) + 2).astype("e")
    found = {}
    for dtype in (np.float16, np.float64):
        leaves = [autograd.tensor(a.astype(dtype), requires_grad=True) for a in arrays]
        found[dtype] = autograd.grad(autograd.cdist(*leaves).sum(), leaves)
    for half, full in zip(*found.values(), strict=True):
        np.testing.assert_allclose(half.numpy(), full.numpy(), rtol=0.002, atol=1e-3)


@pytest.mark.parametrize(("shape", "dim"), [
    ((70_000,), 0), ((300_000,), 0), ((40, 100, 30), 1), ((5, 6, 100, 30), (1, 2)), ((20_000, 4), 1), ((20_000, 4), 0),
    ((9000, 7), 0), ((3, 20_000, 5), 1), ((2000, 2, 3, 5), (1, 2)), ((300, 300), (0, 1)), ((1, 50_000, 1), 1),
])  # fmt: skip
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_any_lines(shape: tuple[int, ...], dim: Any, keepdim: bool, dtype: Any) -> None:
    """Also of NaN and infinity; the gradient is a copy of what was broadcast, in C order; compiled it is the same."""
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    x.reshape(-1)[[5, -7]] = np.nan, np.inf
    wide = x.astype(np.float64).sum(dim, keepdims=keepdim)
    t = autograd.tensor(x, requires_grad=True)
    out = autograd.sum(t, dim, keepdim)
    assert (out.shape, out.dtype) == (wide.shape, dtype)
    np.testing.assert_allclose(out.detach().numpy(), wide, 1e-4, 1e-4)
    g = np.random.default_rng(1).standard_normal(wide.shape).astype(dtype)
    out.backward(autograd.tensor(g))
    np.testing.assert_array_equal(t.grad.numpy(), np.broadcast_to(g if keepdim else np.expand_dims(g, dim), shape))
    assert t.grad.numpy().flags.c_contiguous
    assert not np.shares_memory(t.grad.numpy(), g)


def test_sums_between_dimensions_are_the_same_compiled() -> None:
    x = autograd.from_numpy(np.random.default_rng(0).standard_normal((30, 50, 40)).astype(np.float32))
    program = autograd.compile(lambda x: autograd.sum(x, 1))
    np.testing.assert_array_equal(program(x).numpy(), autograd.sum(x, 1).numpy())


_SHAPES = [(9000, 4, 4), (9000, 1, 6), (30, 40, 50), (5, 7000, 3, 1), (3, 20, 1, 2, 400), (2, 3, 9000)]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", _SHAPES)
def test_sums_over_any_dimensions(shape: tuple[int, ...], dtype: str) -> None:
    """Of arrays whose lines are short, over dimensions that are neighbours and such that are not, in any layout."""
    x = (np.random.default_rng(35).standard_normal(shape) + 0.25).astype(dtype)
    axes = range(len(shape))
    for dims in itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(1, len(shape) + 1)):
        for array in (x, np.ascontiguousarray(x.T).T, x[::-1], x[..., ::-1]):
            t = autograd.from_numpy(array)
            digits = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}[dtype]
            for keepdim in (False, True):
                expected = array.sum(dims, np.float64, keepdims=keepdim)
                found = t.sum(dims, keepdim)
                assert (found.dtype, found.shape) == (x.dtype, expected.shape)
                np.testing.assert_allclose(found.numpy(), expected, digits, digits * x.size / expected.size)


@pytest.mark.parametrize("times", [2, 3, 4, 7])
@pytest.mark.parametrize("shape", [(9000, 4, 4), (50, 60, 30), (12_000, 5)])
def test_gradients_of_repeated_elements(shape: tuple[int, ...], times: int) -> None:
    x = autograd.zeros(shape, requires_grad=True)
    for dim in range(len(shape)):
        y = autograd.repeat_interleave(x, times, dim)
        seed = np.random.default_rng(36).standard_normal(y.shape, np.float32)
        (grad,) = autograd.grad(y, x, autograd.from_numpy(seed))
        expected = seed.reshape(*shape[: dim + 1], times, *shape[dim + 1 :]).sum(dim + 1, dtype=np.float64)
        np.testing.assert_allclose(grad.numpy(), expected, 1e-5, 1e-5)


@pytest.mark.parametrize("width", [2, 3, 4, 64, 100, 127, 128, 129])
def test_products_of_short_lines(width: int) -> None:
    x = 1 + 0.1 * np.random.default_rng(37).standard_normal((300_000 // width, width))
    x[5, -1], x[6, 0], x[7, 1] = 0, np.nan, np.inf
    for array in (x, x.astype(np.float32)):
        found = autograd.prod(autograd.from_numpy(array), -1, keepdim=True).numpy()
        np.testing.assert_allclose(found, x.prod(-1, keepdims=True), 1e-4 if array is not x else 1e-12)
    part = x[8:] / np.exp(np.log(x[8:]).mean())
    for array in (part, np.ascontiguousarray(part.T).T):
        np.testing.assert_allclose(autograd.prod(autograd.from_numpy(array)).item(), 1, 1e-8)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
@pytest.mark.parametrize("shape", [(20_000, 4), (9000, 2, 5), (3000, 20), (500, 100, 1), (1, 40_000, 3), (3, 20, 700)])
def test_sums_of_integers_are_exact(shape: tuple[int, ...], dtype: str) -> None:
    """Over any dimensions; beyond the largest integer they wrap around, as NumPy's."""
    info = np.iinfo(np.uint8 if dtype == "bool" else dtype)
    x = np.random.default_rng(38).integers(info.min, info.max, shape, info.dtype, endpoint=True)
    x = (x > 250 if dtype == "bool" else x).astype(dtype)
    axes = range(len(shape))
    for dims in itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(1, len(shape) + 1)):
        for array in (x, np.ascontiguousarray(x.T).T, x[::-1]):
            t = autograd.from_numpy(array)
            for keepdim in (False, True):
                expected = np.asarray(array.sum(dims, np.int64, keepdims=keepdim))
                np.testing.assert_array_equal(t.sum(dims, keepdim).numpy(), expected, strict=True)
                if dtype == "bool" and len(dims) == 1:
                    for name in ("any", "all"):
                        expected = np.asarray(getattr(np, name)(array, dims, keepdims=keepdim))
                        found = getattr(autograd, name)(t, dims[0], keepdim).numpy()
                        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize(
    "shape", [(3, 70_000), (16, 5000), (100, 997), (131, 1999), (64, 4096), (600, 512), (8, 5, 4000), (7,)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_products_of_few_lines(shape: tuple[int, ...], dtype: str) -> None:
    x, y = np.random.default_rng(0).uniform(0.5, 1.5, (2, *shape)).astype(dtype)
    digits = 1e-6 if dtype == "float32" else 1e-14
    for other in (y, y.reshape(-1, shape[-1])[0], None):
        out = np.empty((2, *shape[:-1]), dtype)
        expected = (x.astype(np.longdouble) * (1 if other is None else other)).sum(-1)
        np.testing.assert_allclose(dot_lines(x, other), expected, digits)
        dot_lines(x, other, out[1, ...])
        np.testing.assert_allclose(out[1], expected, digits)
    turned = np.ascontiguousarray(x.T).T
    np.testing.assert_allclose(dot_lines(turned, y), (x.astype(np.longdouble) * y).sum(-1), digits)


def test_runs_of_few_rows_add_up_as_many_do(tmp_path: Any) -> None:
    x = autograd.tensor(np.random.default_rng(0).normal(size=(600, 1000)).astype(np.float32), requires_grad=True)

    def step() -> Any:
        x.grad = None
        y = F.layer_norm(x, (1000,))
        (y * y * y).sum().backward()
        return y.detach(), x.grad

    program = autograd.compile(step, fullgraph=True)
    for _ in range(3):
        for found, true in zip(program(), step(), strict=True):
            np.testing.assert_allclose(found, true, atol=3e-5)
    assert "dot_lines(" in program.source
    path = program.export(tmp_path / "normalized.py")
    np.testing.assert_allclose(runpy.run_path(path)["step"]()[0], step()[0], atol=3e-5)
    plain = autograd.compile(step, fullgraph=True, passes=set(PASSES) - {"join_sums"})
    plain()
    assert plain.source
    assert "dot_lines(" not in plain.source
