"""NumPy's functions, called on Tensors and on the batched arrays of ``vmap``: they give what they give of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import autograd
from autograd.errors import BatchingError
from autograd.func.batching import BatchedArray, Level

ROW = np.array([0.0, 1.0, 3.0, 4.0])

CALLS: dict[str, Callable[[Any], Any]] = {
    # ---- along axes
    "median": lambda a: np.median(a, 0),
    "median of all": lambda a: np.median(a, (0, 1), keepdims=True),
    "nanmedian": lambda a: np.nanmedian(a, 1),
    "median of infinities": lambda a: np.median(np.where(a > 1, np.inf, a), 0),
    "nanmedian of infinities": lambda a: np.nanmedian(np.where(a > 1, np.inf, a), 1),
    "percentile": lambda a: np.percentile(a, 30, 1),
    "percentiles": lambda a: np.percentile(a, [20, 70], axis=(0, 1), keepdims=True),
    "quantile": lambda a: np.quantile(a, [0.2, 0.5], 0, method="lower"),
    "nanquantile": lambda a: np.nanquantile(a, 0.3),
    "cumsum": lambda a: np.cumsum(a, None),
    "cumprod": lambda a: np.cumprod(a, 1),
    "cumprod of all": np.cumprod,
    "add.accumulate": lambda a: np.add.accumulate(a, 1),
    "multiply.accumulate": np.multiply.accumulate,
    "maximum.accumulate": np.maximum.accumulate,
    "minimum.accumulate": lambda a: np.minimum.accumulate(a, 1),
    "logaddexp.accumulate": np.logaddexp.accumulate,
    "logaddexp.reduce": lambda a: np.logaddexp.reduce(a, 1),
    "maximum.reduce": lambda a: np.maximum.reduce(a, 1),
    "add.reduce": lambda a: np.add.reduce(a, (0, 1), keepdims=True),
    "sum": lambda a: np.sum(a, dtype=np.float32),
    "nansum": lambda a: np.nansum(a, 0),
    "nanmean": lambda a: np.nanmean(a, 1),
    "any": lambda a: np.any(a > 1, 0),
    "all": lambda a: np.all(a > 1, 1, keepdims=True),
    "count_nonzero": lambda a: np.count_nonzero(a > 1, axis=0, keepdims=True),
    "ptp": lambda a: np.ptp(a, 0),
    "std": lambda a: np.std(a, 0, ddof=1),
    "var": lambda a: np.var(a, dtype=np.float64),
    "cov": lambda a: np.cov(a, rowvar=False),
    "cov of two": lambda a: np.cov(a[0], a[1]),
    "corrcoef": np.corrcoef,
    "corrcoef of two": lambda a: np.corrcoef(a[0], a[1]),
    "diff": lambda a: np.diff(a, 2, 0),
    "gradient": np.gradient,
    "gradient of a step": lambda a: np.gradient(a, 0.5, axis=1),
    "gradient at places": lambda a: np.gradient(a[0], ROW),
    "trapezoid": np.trapezoid,
    "trapezoid at places": lambda a: np.trapezoid(a, ROW),
    "argmin": lambda a: np.argmin(a, 1, keepdims=True),
    "argsort": lambda a: np.argsort(a, None),
    "sort": lambda a: np.sort(a, None),
    "searchsorted": lambda a: np.searchsorted(np.array([0.6, 1.0, 1.5]), a),
    # ---- products
    "dot": lambda a: np.dot(a, a.T),
    "dot of more dimensions": lambda a: np.dot(a, np.ones((2, 4, 3))),
    "dot of a number": lambda a: np.dot(a, 2.0),
    "vdot": lambda a: np.vdot(a, a),
    "vecdot": lambda a: np.vecdot(a, a),
    "inner": lambda a: np.inner(a, a),
    "outer": lambda a: np.outer(a, a),
    "linalg.outer": lambda a: np.linalg.outer(a[0], a[1]),
    "kron": lambda a: np.kron(a, np.eye(2)),
    "cross": lambda a: np.cross(a[:, :3], np.ones((3, 3)), axis=1),
    "tensordot": lambda a: np.tensordot(a, a, ([0], [0])),
    "tensordot of one": lambda a: np.tensordot(a, np.ones((4, 2)), 1),
    "multi_dot": lambda a: np.linalg.multi_dot([a, a.T, a]),
    "einsum": lambda a: np.einsum("...j,kj->...k", a, a),
    "einsum of three": lambda a: np.einsum("ij,kj,kl->il", a, a, a, optimize=True),
    "einsum of lists": lambda a: np.einsum(a, [0, 1], a, [2, 1], [0, 2]),
    "einsum of dots": lambda a: np.einsum(a, [Ellipsis, 1], np.ones(4), [1]),
    "trace": lambda a: np.trace(a, 1),
    # ---- linear algebra
    "linalg.trace": lambda a: np.linalg.trace(np.stack([a, a]), offset=1, dtype=np.float32),
    "linalg.matrix_transpose": np.linalg.matrix_transpose,
    "norm": np.linalg.norm,
    "norm of a row": lambda a: np.linalg.norm(a, axis=1, keepdims=True),
    "norm of a matrix": lambda a: np.linalg.norm(a, 1),
    "nuclear norm": lambda a: np.linalg.norm(a, "nuc"),
    "vector_norm": lambda a: np.linalg.vector_norm(a, axis=(0, 1)),
    "matrix_norm": np.linalg.matrix_norm,
    "qr": lambda a: np.linalg.qr(a.T, "r"),
    "pinv": np.linalg.pinv,
    "lstsq": lambda a: np.linalg.lstsq(a.T, np.ones(4))[0],
    "solve": lambda a: np.linalg.solve(np.matmul(a, a.T) + np.eye(3), np.ones(3)),
    "slogdet": lambda a: np.linalg.slogdet(np.matmul(a, a.T) + np.eye(3)),
    "eigvalsh": lambda a: np.linalg.eigvalsh(np.matmul(a, a.T)),
    "matrix_power": lambda a: np.linalg.matrix_power(np.matmul(a, a.T), 2),
    "matrix_rank": np.linalg.matrix_rank,
    "fftn": np.fft.fftn,
    "rfft2": np.fft.rfft2,
    "hfft": np.fft.hfft,
    "fftshift": np.fft.fftshift,
    # ---- shapes
    "reshape": lambda a: np.reshape(a, (4, 3), order="F"),
    "ravel": lambda a: np.ravel(a, order="F"),
    "expand_dims": lambda a: np.expand_dims(a, (0, 2)),
    "moveaxis": lambda a: np.moveaxis(a, 0, 1),
    "atleast_3d": lambda a: np.atleast_3d(a[0]),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, a[0]),
    "meshgrid": lambda a: np.meshgrid(a[0], a[1]),
    "diag": np.diag,
    "diagflat": lambda a: np.diagflat(a, 1),
    "tril": lambda a: np.tril(a, 1),
    "roll": lambda a: np.roll(a, 1),
    "rot90": np.rot90,
    "tile": lambda a: np.tile(a, (2, 1)),
    "repeat": lambda a: np.repeat(a, [1, 2, 0], 0),
    "append": lambda a: np.append(a, a),
    "column_stack": lambda a: np.column_stack([a, a[:, 0]]),
    "vstack": lambda a: np.vstack([a, a[0]]),
    "array_split": lambda a: np.array_split(a, 3, 1),
    "windows": lambda a: sliding_window_view(a, (2, 2), (1, 0)),
    "windows of one dimension": lambda a: sliding_window_view(a, 2, 1),
    # ---- elements
    "take": lambda a: np.take(a, [3, 1]),
    "take_along_axis": lambda a: np.take_along_axis(a, np.array([[0], [1], [2]]), 1),
    "nan_to_num": lambda a: np.nan_to_num(a, nan=1.0),
    "clip": lambda a: np.clip(a, None, 1.0),
    "isin": lambda a: np.isin(np.round(a), [1.0]),
    "unravel_index": lambda a: np.unravel_index(np.argmax(a), a.shape),
    "vander": lambda a: np.vander(a[0], 3),
    "divmod": lambda a: np.divmod(a, 0.3),
}  # fmt: skip
"""Calls of functions on a matrix of three rows and four columns."""

OF_TENSORS: dict[str, Callable[[Any], Any]] = {
    "quantiles of integers": lambda a: np.quantile((a * 100).astype(np.int8), 0.4),
    "quantiles of integers at a place": lambda a: np.quantile(np.arange(5, dtype=np.int8) * 7, a[0, 0] / 4),
    "median of integers": lambda a: np.median((a * 100).astype(np.int16), 0),
    "gradient of integers": lambda a: np.gradient((a * 100).astype(np.int32), axis=0),
    "cov in double precision": lambda a: np.cov(a.astype(np.float32)),
    "cov in single precision": lambda a: np.cov(a, dtype=np.float32),
    "concatenate in single precision": lambda a: np.concatenate([a, a], dtype=np.float32),
    "svd of one triangle": lambda a: np.abs(np.linalg.svd(a[:, :3] - 1, hermitian=True)[2]),
    "singular values of one triangle": lambda a: np.linalg.svd(a[:, :3], compute_uv=False, hermitian=True),
    "array_equal": lambda a: np.array_equal(a, a, equal_nan=True),
    "array_equal of other shapes": lambda a: np.array_equal(a, a[0]),
    "nonzero": lambda a: np.nonzero(a > 1),
    "flatnonzero": lambda a: np.flatnonzero(a > 1),
    "stack of rows": lambda a: np.stack(a, 1),
    "nanmean of integers": lambda a: np.nanmean((a * 100).astype(np.int16), 0),
    "gradient at places of small integers": lambda a: np.gradient(a[0], np.array([9, 5, 2, 0], np.uint8)),
    "gradient at small integers": lambda a: np.gradient(np.arange(4.0), (a[0] * 100).astype(np.int8)),
    "unique of nan": lambda a: np.unique(np.where(a > 1, np.nan, np.round(a)), return_inverse=True, return_counts=True),
    "unique of different nan": lambda a: np.unique(np.where(a > 1, np.nan, a), equal_nan=False),
    "unique": lambda a: np.unique(np.round(a), return_counts=True),
}

OF_BATCHES: dict[str, Callable[[Any], Any]] = {
    "swapaxes": lambda a: np.swapaxes(a, 0, 1),
    "matrix_transpose": np.matrix_transpose,
    "rollaxis": lambda a: np.rollaxis(a[None], 2, -1),
    "linalg.diagonal": np.linalg.diagonal,
    "diag of a row": lambda a: np.diag(a[0], 1),
    "hsplit": lambda a: np.hsplit(a, 2),
    "unstack": lambda a: np.unstack(a, axis=1) if hasattr(np, "unstack") else list(a.T),
    "concatenate": lambda a: np.concatenate([a, a], None),
    "full_like": lambda a: np.full_like(a, 2.0),
    "full": lambda a: np.full((2,), a[0, 0], like=a),
    "pad": lambda a: np.pad(a, ((1, 0), (0, 2)), constant_values=3.0),
    "pad otherwise": lambda a: np.pad(a, 1, "linear_ramp", end_values=1.0),
    "partition": lambda a: np.partition(a, 1, None),
    "sum of some": lambda a: np.sum(a, where=a > 1),
    "reduce from": lambda a: np.maximum.reduce(a, 0, initial=1.0),
    "reduce from its own where": lambda a: np.maximum.reduce(a, 0, initial=a[0, 0], where=a > 1),
    "reduce nothing from its own": lambda a: np.minimum.reduce(a[:0], 0, initial=a[0, 0]),
    "reduce into": lambda a: np.add.reduce(a, 0, None, np.zeros_like(a[0])),
    "reduce from its own": lambda a: np.add.reduce(a, 0, None, np.zeros_like(a[0]), initial=a[0, 0]),
    "accumulate into": lambda a: np.add.accumulate(a, 0, None, np.zeros_like(a)),
    "reduceat": lambda a: np.add.reduceat(a, [0, 2], 1),
    "ufunc's outer": lambda a: np.subtract.outer(np.ones(2), a),
    "ufunc where": lambda a: np.exp(a, where=a > 1, out=np.zeros_like(a)),
    "matmul into": lambda a: np.matmul(a, np.ones((4, 2)), out=np.zeros_like(a[:, :2])),
    "dot with a list": lambda a: np.dot([1, 2, 3], a) + np.dot(a, [0.1, 0.2, 0.3, 0.4])[0],
    "products with lists": lambda a: np.inner(a, [1, 2, 3, 4]) + np.matmul(a, [1, 2, 3, 4]),
    "tensordot with a list": lambda a: np.tensordot(a, [1, 2, 3, 4], 1),
    "cross with a list": lambda a: np.cross(a[:, :3], [1, 2, 3]),
    "at least one dimension of a number": lambda a: np.atleast_1d(0.1, a)[0] + np.atleast_2d(a[0], 2.0)[1] * a,
    "matvec": lambda a: np.matvec(a, np.ones(4)) if hasattr(np, "matvec") else np.matmul(a, np.ones(4)),
    "trace in single precision": lambda a: np.trace(a, dtype=np.float32),
    "norm of two axes": lambda a: np.linalg.norm(a, "fro", (0, 1)),
    "spectral norm": lambda a: np.linalg.norm(a, 2),
    "fft2": np.fft.fft2,
    "irfftn": lambda a: np.fft.irfftn(a + 0j),
    "put_along_axis": lambda a: _changed(a, lambda b: np.put_along_axis(b, np.argmax(a, 1)[:, None], 9.0, 1)),
    "copyto": lambda a: _changed(a, lambda b: np.copyto(b, 2 * a, where=a > 1)),
    "fill": lambda a: _changed(a, lambda b: b.fill(3.0)),
    "sort in place": lambda a: _changed(a, lambda b: b.sort(0)),
    "methods": lambda a: a.transpose(1, 0) + a.flatten("F").reshape(4, 3) * np.stack(list(a.flat)).reshape(4, 3),
    "parts": lambda a: (a + 1j).imag + a.real,
    "interp": lambda a: np.interp(a, [0.0, 1.0, 2.0], [0.0, 2.0, 3.0]),
    "clip into": lambda a: np.clip(a, 0.7, 1.0, out=np.zeros_like(a)),
    "average": lambda a: np.average(a, 0),
}


def _changed(a: Any, change: Callable[[Any], Any]) -> Any:
    made = a.copy()
    change(made)
    return made


def leaves(value: Any) -> Iterator[Any]:
    """The arrays of what a function returned."""
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from leaves(item)
    else:
        yield np.asarray(value._data if isinstance(value, autograd.Tensor) else value)


def numbers(*shape: int) -> Any:
    return np.random.default_rng(0).uniform(0.5, 2, shape)


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("name", [*CALLS, *OF_TENSORS])
def test_of_tensors(name: str, requires_grad: bool) -> None:
    call = {**CALLS, **OF_TENSORS}[name]
    expected = list(leaves(call(numbers(3, 4))))
    found = list(leaves(call(autograd.tensor(numbers(3, 4), requires_grad=requires_grad))))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, strict=True)


@pytest.mark.parametrize("name", [*CALLS, *OF_BATCHES])
def test_of_batched_arrays(name: str) -> None:
    call, batch = {**CALLS, **OF_BATCHES}[name], numbers(2, 3, 4)
    expected = [list(leaves(call(example.copy()))) for example in batch]
    with Level(2) as level:
        made = call(level.wrap(batch.copy()))
        found = list(made) if isinstance(made, (tuple, list)) else [made]
    for ours, *theirs in zip(found, *expected, strict=True):
        assert isinstance(ours, BatchedArray)
        np.testing.assert_allclose(ours.memory, np.stack(theirs), rtol=1e-6, strict=True)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda a: a.reshape(5, -1), ValueError),
        (lambda a: a.reshape(5, 5), ValueError),
        (lambda a: np.broadcast_to(a, (4,)), ValueError),
        (lambda a: np.tensordot(a, np.ones((3, 2)), 1), ValueError),
        (lambda a: np.matmul(a, np.ones((3, 2))), ValueError),
        (lambda a: np.matmul(a, 2.0), ValueError),
        (lambda a: np.sum(a, 5), np.exceptions.AxisError),
        (lambda a: a[0, 0, 0], IndexError),
        (lambda a: len(a[0, 0]), TypeError),
        (lambda a: iter(a[0, 0]), TypeError),
    ],
)
def test_mistakes_raise_what_numpy_raises(call: Callable[[Any], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call(numbers(3, 4))
    with Level(2) as level, pytest.raises(error):
        call(level.wrap(numbers(2, 3, 4)))


@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.array_equal(a, a),
        lambda a: np.arange(4.0)[a[0, 0] : 2],
        lambda a: np.add.reduce(a, 0, None, np.zeros(4)),
        lambda a: np.nonzero(a),
    ],
)
def test_what_has_no_meaning_for_a_batch_is_refused(call: Callable[[Any], Any]) -> None:
    with Level(2) as level, pytest.raises(BatchingError):
        call(level.wrap(numbers(2, 3, 4)))


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("median", [np.median, np.nanmedian])
def test_the_median_of_nothing_is_nan(median: Callable[..., Any]) -> None:
    for axis in (None, 1):
        expected = median(np.ones((2, 0)), axis)
        np.testing.assert_array_equal(
            median(autograd.ones((2, 0), dtype=np.float64), axis).numpy(), expected, strict=True
        )
