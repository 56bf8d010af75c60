"""What NumPy has and the table of ops has not: composed of what it has, with NumPy's arguments.

Every function that is marked here is called only with a box, or a list that contains one, among its arguments: with
arrays only, NumPy's own is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._op import NUMPY
from .._operands import refuse, unwrap
from .._tensor import Tensor
from ..boxes import boxed
from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, ShapeError
from ..ops.diagonals import diag_embed
from ._mirror import TRACED, contains_box, mirrored
from ._mirror import array as array_of
from ._without_nan import WITHOUT_NAN

__all__ = ["ADAPTED", "LINALG"]

F = TypeVar("F", bound=Callable[..., Any])
ADAPTED: dict[str, Any] = {}
"""By name, what the mirror of ``numpy`` has that is not found in the table of ops."""
LINALG: dict[str, Any] = {}
"""The same for ``numpy.linalg``."""


def _adapts(function: Callable[..., Any], table: dict[str, Any] = ADAPTED) -> Callable[[F], F]:
    """Mark what computes ``function`` of NumPy where boxes are among its arguments."""

    def define(own: F) -> F:
        table[function.__name__] = mirrored(function, own)
        return own

    return define


# ---- arrays made of boxes --------------------------------------------------------------------------------------------


def array(object: Any, dtype: Any = None, *args: Any, ndmin: int = 0, **kwargs: Any) -> Any:
    """As ``numpy.array``; nested lists may contain boxes."""
    if not contains_box(object, TRACED):
        return np.array(object, dtype, *args, ndmin=ndmin, **kwargs)
    result = array_of(object)
    if result is object and kwargs.get("copy", True):
        result = np.copy(result)
    if dtype is not None:
        result = result.astype(np.dtype(dtype))
    return np.reshape(result, (1,) * (ndmin - result.ndim) + result.shape) if result.ndim < ndmin else result


def asarray(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    """As ``numpy.asarray``; nested lists may contain boxes."""
    if not contains_box(a, TRACED):
        return np.asarray(a, dtype, *args, **kwargs)
    result = array_of(a)
    return result if dtype is None or result.dtype == dtype else result.astype(np.dtype(dtype))


def _as(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, of ``asarray``'s kind, for which a box has the class and layout that it wants."""

    @functools.wraps(function)
    def own(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        return asarray(a, dtype) if contains_box(a, TRACED) else function(a, dtype, *args, **kwargs)

    return own


ADAPTED["array"] = array
ADAPTED["asarray"] = asarray
ADAPTED |= {function.__name__: _as(function) for function in (np.asanyarray, np.ascontiguousarray, np.asfortranarray)}


@_adapts(np.astype)
def _astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Any:
    return x.astype(np.dtype(dtype))


@_adapts(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> Any:
    return np.broadcast_to(fill_value if dtype is None else fill_value.astype(dtype), shape)


@_adapts(np.full_like)
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    dtype, shape = dtype or np.asarray(unwrap(a)).dtype, np.shape(a) if shape is None else shape
    if not isinstance(fill_value, Handle):
        return np.full(shape, fill_value, dtype)
    return np.broadcast_to(fill_value.astype(dtype), shape)  # type: ignore[attr-defined]


@_adapts(np.linspace)
def _linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: str | None = None,
) -> Any:  # fmt: skip
    share, step = np.linspace(0.0, 1.0, num, endpoint, retstep=True)
    share = np.reshape(share, (num,) + (1,) * max(np.ndim(start), np.ndim(stop)))
    result = start * (1 - share) + stop * share
    if dtype is not None:
        result = (np.floor(result) if np.issubdtype(dtype, np.integer) else result).astype(np.dtype(dtype))
    result = np.moveaxis(result, 0, axis)
    return (result, (stop - start) * step) if retstep else result


class _Joiner:
    """``r_`` or ``c_``: joins what stands in its brackets; boxes too."""

    def __init__(self, original: Any, dims: int) -> None:
        self._original = original
        self._dims = dims

    def __getitem__(self, items: Any) -> Any:
        items = items if isinstance(items, tuple) else (items,)
        if not contains_box(items, TRACED):
            return self._original[items]
        arrays = [array_of(self._original[item] if isinstance(item, slice) else item) for item in items]
        if self._dims == 1:
            return np.concatenate([np.atleast_1d(item) for item in arrays])
        return np.concatenate([np.atleast_1d(item)[:, None] if item.ndim < 2 else item for item in arrays], axis=-1)


ADAPTED["r_"] = _Joiner(np.r_, 1)
ADAPTED["c_"] = _Joiner(np.c_, 2)


def block(arrays: Any) -> Any:
    """As ``numpy.block``; the nested lists may contain boxes."""
    return _blocks(arrays, _depth(arrays)) if contains_box(arrays, TRACED) else np.block(arrays)


ADAPTED["block"] = block


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _blocks(arrays: Any, axis: int) -> Any:
    if not isinstance(arrays, list):
        return array_of(arrays)
    parts = [_blocks(item, axis - 1) for item in arrays]
    dims = max(axis, *[np.ndim(part) for part in parts])
    return np.concatenate([np.reshape(p, (1,) * (dims - np.ndim(p)) + np.shape(p)) for p in parts], axis=-axis)


ADAPTED["row_stack"] = mirrored(np.vstack, np.vstack)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """As ``numpy.select``; boxes may be chosen, beside arrays and numbers that broadcast with them."""
    if not contains_box([condlist, choicelist, default], TRACED):
        return np.select(condlist, choicelist, default)
    result = default
    for condition, choice in reversed(list(zip(unwrap(list(condlist)), choicelist, strict=True))):
        result = np.where(condition, choice, result)
    return result


ADAPTED["select"] = select


def where(condition: Any, x: Any = np._NoValue, y: Any = np._NoValue) -> Any:
    """As ``numpy.where``; its arguments may be named."""
    return np.where(condition, *[value for value in (x, y) if value is not np._NoValue])


ADAPTED["where"] = mirrored(where, NUMPY[np.where])


# ---- elements chosen -------------------------------------------------------------------------------------------------


@_adapts(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None, out: None = None) -> Any:
    return np.take(a, np.flatnonzero(unwrap(condition)), axis)


@_adapts(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return np.take(arr, np.flatnonzero(unwrap(condition)))


@_adapts(np.delete)
def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    return np.take(arr, np.delete(np.arange(np.size(arr) if axis is None else np.shape(arr)[axis]), obj), axis)


@_adapts(np.partition)
def _partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), -1
    return np.take_along_axis(a, np.argpartition(unwrap(a), kth, axis), axis)


def choose(a: Any, choices: Any, out: Any = None, mode: Literal["raise", "wrap", "clip"] = "raise") -> Any:
    """As ``numpy.choose``; boxes may be chosen, beside arrays and numbers that broadcast with them."""
    if not contains_box([a, choices], TRACED):
        return np.choose(a, choices, out, mode)
    places = np.choose(unwrap(a), np.arange(len(choices)), mode=mode)
    result = choices[-1]
    for i in range(len(choices)):
        result = np.where(places == i, choices[i], result)
    return result


ADAPTED["choose"] = choose


@_adapts(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis = axis % np.ndim(a)
    start = start + np.ndim(a) if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@_adapts(np.real_if_close)
def _real_if_close(a: Any, tol: float = 100) -> Any:
    return a if np.iscomplexobj(np.real_if_close(unwrap(a), tol)) else np.real(a)


@_adapts(np.apply_along_axis)
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    rows = np.moveaxis(arr, axis, -1)
    results = array([func1d(rows[place], *args, **kwargs) for place in np.ndindex(rows.shape[:-1])])
    results = np.reshape(results, rows.shape[:-1] + results.shape[1:])
    last = rows.ndim - 1
    added = results.ndim - last
    first = axis % rows.ndim
    return np.moveaxis(results, [*range(last, last + added)], [*range(first, first + added)])


# ---- sums and means --------------------------------------------------------------------------------------------------


@_adapts(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    if weights is None:
        mean = np.mean(a, axis, keepdims=keepdims)
        total = np.full(np.shape(mean), np.size(a) / np.size(unwrap(mean)))
    else:
        if np.shape(weights) != np.shape(a):
            if axis is None:
                raise ArgumentError(
                    f"average: the weights have shape {np.shape(weights)} and the array {np.shape(a)}; give the axis "
                    "or the axes to which they belong"
                )
            axes = normalize_axis_tuple(axis, np.ndim(a))
            weights = np.transpose(weights, np.argsort(axes).tolist())
            weights = np.expand_dims(weights, [i for i in range(np.ndim(a)) if i not in axes])
        weights = np.broadcast_to(weights, np.shape(a))
        total = np.sum(weights, axis, keepdims=keepdims)
        mean = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


for _function, _own in WITHOUT_NAN.items():
    _adapts(_function)(_own)


@_adapts(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = np.diff(np.ravel(ary))
    ends = [end if end is None else np.ravel(array_of(end)) for end in (to_begin, to_end)]
    for end in ends:
        if end is not None and not np.can_cast(end.dtype, steps.dtype, "same_kind"):
            raise DtypeError(f"ediff1d: an end of dtype {end.dtype} does not fit differences of {steps.dtype}")
    parts = (ends[0], steps, ends[1])
    return np.concatenate([part.astype(steps.dtype) for part in parts if part is not None])


_MODES = {0: "valid", 1: "same", 2: "full", "valid": "valid", "same": "same", "full": "full"}


@_adapts(np.convolve)
def _convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if mode not in _MODES or not np.size(v) * np.size(a) or a.ndim > 1 or v.ndim > 1:
        return np.convolve(unwrap(a), unwrap(v), mode)  # which says what is wrong
    if np.size(v) > np.size(a):
        a, v = v, a
    n, m = np.size(a), np.size(v)
    before = {"full": m - 1, "same": m // 2, "valid": 0}[_MODES[mode]]
    after = {"full": m - 1, "same": (m - 1) // 2, "valid": 0}[_MODES[mode]]
    places = np.arange(n + before + after - m + 1)[:, None] + np.arange(m)
    return np.matmul(np.pad(a, (before, after))[places], np.flip(v))


@_adapts(np.cbrt)
def _cbrt(x: Any) -> Any:
    sign = np.copysign(1, unwrap(x))
    return sign * np.power(sign * x, 1 / 3)


@_adapts(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    result = p[0] * np.ones_like(unwrap(x))
    for coefficient in p[1:]:
        result = result * x + coefficient
    return result


@_adapts(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    xp, fp = array_of(xp), array_of(fp)
    if np.shape(xp) != np.shape(fp) or np.ndim(xp) != 1 or not np.size(xp):
        raise ShapeError(f"interp: expected as many values as places, got shapes {np.shape(fp)} and {np.shape(xp)}")
    fp = fp.astype(np.result_type(fp.dtype, np.float64))
    if period is not None:
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(unwrap(xp))
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    at, known = unwrap(x), unwrap(xp)
    place = np.clip(np.searchsorted(known, at, side="right"), 1, np.size(known) - 1)
    take = NUMPY[np.take]  # NumPy's own asks only what is taken from, not the places
    if np.size(known) == 1:
        result = np.broadcast_to(fp[0], np.shape(at))
    else:
        left_x, left_f = take(xp, place - 1), take(fp, place - 1)
        result = left_f + (x - left_x) / (take(xp, place) - left_x) * (take(fp, place) - left_f)
    result = np.where(at < known[0], fp[0] if left is None else left, result)
    return np.where(at > known[-1], fp[-1] if right is None else right, result)


# ---- parts -----------------------------------------------------------------------------------------------------------


def _as_list(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(NUMPY[function], updated=())
    def own(*args: Any, **kwargs: Any) -> list[Any]:
        return list(NUMPY[function](*args, **kwargs))

    return own


for _split in (np.split, np.array_split, np.vsplit, np.hsplit, np.dsplit):
    _adapts(_split)(_as_list(_split))


@_adapts(np.imag)
def _imag(val: Any) -> Any:
    return NUMPY[np.imag](val) if np.iscomplexobj(val) else np.zeros_like(unwrap(val))


# ---- matrices --------------------------------------------------------------------------------------------------------


def make_diagonal(D: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with the last axis of ``D`` as their diagonal, and 0 elsewhere: what ``numpy.diagonal`` undoes.

    Args:
        D: the diagonals.
        offset: how far above the main diagonal they lie.
        axis1, axis2: the axes of the result along which the rows and the columns lie.
    """
    made = diag_embed(D, offset, axis1, axis2)
    return made if type(D) is Tensor else boxed(made)


ADAPTED["make_diagonal"] = make_diagonal


def _of_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """``tril`` or ``triu``, to which a vector is a matrix of equal rows."""

    def own(m: Any, k: int = 0) -> Any:
        return NUMPY[function](np.broadcast_to(m, (m.shape[0], m.shape[0])) if m.ndim == 1 else m, k)

    return own


for _triangle in (np.tril, np.triu):
    _adapts(_triangle)(_of_rows(_triangle))


def _from_triangle(a: Any, UPLO: str) -> Any:
    """The symmetric matrix of which ``a`` is only read in one triangle."""
    keep, strict = (np.tril, -1) if UPLO.upper() == "L" else (np.triu, 1)
    return keep(a) + np.conj(np.swapaxes(keep(a, strict), -1, -2))


@_adapts(np.linalg.eigh, LINALG)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    return NUMPY[np.linalg.eigh](_from_triangle(a, UPLO), UPLO)


@_adapts(np.linalg.eigvalsh, LINALG)
def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return NUMPY[np.linalg.eigvalsh](_from_triangle(a, UPLO), UPLO)


@_adapts(np.linalg.svd, LINALG)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return NUMPY[np.linalg.svd](_from_triangle(a, "L") if hermitian else a, full_matrices, compute_uv, hermitian)


@_adapts(np.linalg.pinv, LINALG)
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return NUMPY[np.linalg.pinv](_from_triangle(a, "L") if hermitian else a, rcond, hermitian, rtol=rtol)


@_adapts(np.histogram)
def _histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    moves = range is None and not np.ndim(unwrap(bins))  # the edges, with the ends of the data
    for name, value in (*([("a", a)] if moves and density else []), ("bins", bins), ("weights", weights)):
        if isinstance(value, Handle):
            refuse("histogram", name, value)
    found, edges = np.histogram(unwrap(a), unwrap(bins), range, density, unwrap(weights))
    if not moves or getattr(a, "requires_grad", False) is False or not np.size(a):
        return found, edges
    low, high, share = NUMPY[np.min](a), NUMPY[np.max](a), np.linspace(0.0, 1.0, np.size(edges))
    return found, edges + (1 - share) * (low - unwrap(low)) + share * (high - unwrap(high))


# ---- without derivative ----------------------------------------------------------------------------------------------


def _of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    def own(*args: Any, **kwargs: Any) -> Any:
        return function(*[unwrap(arg) for arg in args], **{name: unwrap(value) for name, value in kwargs.items()})

    return own


for _function in (
    np.argpartition, np.array_equiv, np.array_repr, np.array_str, np.common_type, np.diag_indices_from, np.digitize,
    np.iscomplex, np.isrealobj, np.isscalar, np.lexsort, np.may_share_memory, np.nanargmax,
    np.nanargmin, np.result_type, np.shares_memory, np.tril_indices_from, np.triu_indices_from,
):  # fmt: skip
    _adapts(_function)(_of_arrays(_function))
