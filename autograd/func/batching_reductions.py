"""NumPy's functions that work along axes, on batched arrays: sums, extremes, scans, sorting, Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._protocols import newer
from ..engine.foreign import ForeignArray
from .batching import METHODS, Level, Unsuited, elementwise, rank_of, rule, shifted
from .batching_errors import unwritable

__all__: list[str] = []


def _all_axes(axis: Any, ndim: int) -> Any:
    """The axes of one example, among those of all; None for all of them."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if not ndim and axis in (0, -1):  # NumPy's ufuncs take it for a number's only axis
        return ()
    return tuple([shifted(one, ndim) for one in axis]) if isinstance(axis, (tuple, list)) else shifted(axis, ndim)


def _refuse_batched(values: Any) -> None:
    if any(isinstance(value, ForeignArray) for value in values):
        raise Unsuited


def _along(function: Callable[..., Any], default: Any, place: int = 0, flat: bool = False) -> Callable[..., Any]:
    """The rule of a function whose argument number ``place`` behind the array is ``axis``.

    Args:
        default: the default of ``axis``.
        flat: ``axis=None`` means the array with one axis only, instead of all axes.
    """

    def call(level: Level, a: Any, *rest: Any, **kwargs: Any) -> Any:
        _refuse_batched(rest)
        _refuse_batched(kwargs.values())
        value, ndim = level.lift(a), rank_of(a) if hasattr(a, "ndim") else np.ndim(a)
        axis = rest[place] if len(rest) > place else kwargs.pop("axis", default)
        if axis is None and flat:
            if kwargs.get("keepdims") not in (None, False, np._NoValue):
                raise Unsuited
            value, where = np.reshape(value, (level.size, a.size)), 1
        elif not ndim and flat:
            raise Unsuited
        else:
            where = _all_axes(axis, ndim)
        if len(rest) > place:
            rest = (*rest[:place], where, *rest[place + 1 :])
            return level.wrap(function(value, *rest, **kwargs))
        return level.wrap(function(value, *rest, axis=where, **kwargs))

    return call


_function: Any
for _function in (
    np.sum, np.prod, np.mean, np.std, np.var, np.max, np.min, np.amax, np.amin, np.any, np.all, np.ptp, np.nansum,
    np.nanprod, np.nanmean, np.nanstd, np.nanvar, np.nanmax, np.nanmin, np.median, np.nanmedian, np.count_nonzero,
):  # fmt: skip
    rule(_function)(_along(_function, None))
for _function in (
    np.argmax, np.argmin, np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, np.nanargmax, np.nanargmin,
):  # fmt: skip
    rule(_function)(_along(_function, None, flat=True))
for _function in (np.sort, np.argsort):
    rule(_function)(_along(_function, -1, flat=True))
for _function in (np.partition, np.argpartition):
    rule(_function)(_along(_function, -1, 1, flat=True))
for _function in newer("cumulative_sum", "cumulative_prod"):
    rule(_function)(_along(_function, -1))


@rule(np.diff)
def _diff(level: Level, a: Any, n: int = 1, axis: int = -1, **kwargs: Any) -> Any:
    if kwargs:
        raise Unsuited
    return level.wrap(np.diff(a.value, n, shifted(axis, a.ndim)))


def _quantile(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(level: Level, a: Any, q: Any, axis: Any = None, out: Any = None, *rest: Any, **kwargs: Any) -> Any:
        _refuse_batched((q, *rest, *kwargs.values()))
        if out is not None or "weights" in kwargs:
            raise Unsuited
        found = function(a.value, q, _all_axes(axis, a.ndim), None, *rest, **kwargs)
        return level.wrap(np.moveaxis(found, np.ndim(q), 0))

    return call


for _function in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    rule(_function)(_quantile(_function))

# ---- Fourier ---------------------------------------------------------------------------------------------------------


def _line_transform(function: Callable[..., Any]) -> Callable[..., Any]:
    def transform(level: Level, a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise Unsuited
        return level.wrap(function(a.value, n, shifted(axis, a.ndim), norm))

    return transform


for _function in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft):
    rule(_function)(_line_transform(_function))


def _transform(function: Callable[..., Any], default: Any) -> Callable[..., Any]:
    def transform(level: Level, a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise Unsuited
        if axes is None:
            axes = range(-len(s) if s is not None else -a.ndim, 0)
        return level.wrap(function(a.value, s, tuple([shifted(axis, a.ndim) for axis in axes]), norm))

    return transform


for _function in (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn):
    rule(_function)(_transform(_function, None))
for _function in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2):
    rule(_function)(_transform(_function, (-2, -1)))


def _shift(function: Callable[..., Any]) -> Callable[..., Any]:
    def shift(level: Level, x: Any, axes: Any = None) -> Any:
        return level.wrap(function(x.value, _all_axes(axes, x.ndim)))

    return shift


rule(np.fft.fftshift)(_shift(np.fft.fftshift))
rule(np.fft.ifftshift)(_shift(np.fft.ifftshift))

# ---- methods of ufuncs -----------------------------------------------------------------------------------------------


def _given(level: Level, made: Any, out: Any) -> Any:
    """The result of which ``made`` has all examples; written into ``out``, if that is given."""
    (target,) = out if isinstance(out, tuple) else (out,)
    if target is None:
        return level.wrap(made)
    if not level.owns(target):
        raise unwritable(target)
    target.value[...] = made
    return target


def _reduce(
    level: Level, ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None,
    keepdims: bool = False, initial: Any = np._NoValue, where: Any = True,
) -> Any:  # fmt: skip
    kwargs: dict[str, Any] = {"dtype": dtype, "keepdims": keepdims}
    rank = rank_of(array)
    if initial is not np._NoValue:
        if level.owns(initial):
            made = level.looped(
                lambda of: ufunc.reduce(of[0], axis, dtype, None, keepdims=keepdims, initial=of[1], where=of[2]),
                (array, initial, where),
                f"numpy.{ufunc.__name__}.reduce",
            )
            return _given(level, made.value, out)
        kwargs["initial"] = initial
    if where is not True:
        kwargs["where"] = level.aligned(where, rank)
    return _given(level, ufunc.reduce(level.lift(array), _all_axes(axis, rank), **kwargs), out)


def _accumulate(level: Level, ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    return _given(level, ufunc.accumulate(level.lift(array), shifted(axis, rank_of(array)), dtype), out)


def _reduceat(level: Level, ufunc: np.ufunc, array: Any, indices: Any, axis: int = 0, *rest: Any, **kwargs: Any) -> Any:
    if level.owns(indices) or rest or any(value is not None for value in kwargs.values()):
        return level.looped(lambda given: ufunc.reduceat(*given), (array, indices, axis), f"numpy.{ufunc.__name__}")
    return level.wrap(ufunc.reduceat(level.lift(array), indices, shifted(axis, rank_of(array))))


def _outer(level: Level, ufunc: np.ufunc, a: Any, b: Any, **kwargs: Any) -> Any:
    a, b = [item if hasattr(item, "ndim") else np.asarray(item) for item in (a, b)]
    return elementwise(level, ufunc, (a[(..., *(None,) * b.ndim)], b), kwargs)


def _at(level: Level, ufunc: np.ufunc, a: Any, indices: Any, *b: Any) -> None:
    if not level.owns(a):
        raise unwritable(a)
    for i in range(level.size):
        ufunc.at(level.example(a, i), level.example(indices, i), *level.example(b, i))


METHODS.update(reduce=_reduce, accumulate=_accumulate, reduceat=_reduceat, outer=_outer, at=_at)
