"""NumPy's functions that rearrange, join, cut and make arrays, on batched arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._protocols import newer
from ..engine.foreign import ForeignArray
from ..errors import ArgumentError
from .batching import BatchedArray, Level, Unsuited, elementwise, rank_of, rule, shifted
from .pytrees import map_arrays

__all__: list[str] = []

# ---- rearranging -----------------------------------------------------------------------------------------------------


def _sizes(shape: Any, size: int) -> tuple[int, ...]:
    """The shape of ``size`` elements that ``shape``, maybe with a -1, means."""
    sizes = tuple([int(n) for n in shape]) if isinstance(shape, (tuple, list)) else (int(shape),)
    if -1 not in sizes:
        return sizes
    known = math.prod([n for n in sizes if n != -1])
    if not known or size % known:
        raise ArgumentError(f"cannot reshape array of size {size} into shape {sizes}")
    return tuple([size // known if n == -1 else n for n in sizes])


@rule(np.reshape)
def _reshape(
    level: Level, a: Any, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    if order == "F":
        sizes = _sizes(newshape if shape is None else shape, a.size)
        return np.transpose(np.reshape(np.transpose(a), sizes[::-1]))
    if order != "C":
        raise Unsuited
    sizes = _sizes(newshape if shape is None else shape, a.size)
    if math.prod(sizes) != a.size:
        raise ArgumentError(f"cannot reshape array of size {a.size} into shape {sizes}")
    return level.wrap(np.reshape(a.value, (level.size, *sizes)))


@rule(np.ravel)
def _ravel(level: Level, a: Any, order: Any = "C") -> Any:
    return _reshape(level, a, (a.size,), order)


@rule(np.transpose, np.permute_dims)
def _transpose(level: Level, a: Any, axes: Any = None) -> Any:
    ndim = a.ndim
    order = range(ndim, 0, -1) if axes is None else [shifted(axis, ndim) for axis in axes]
    return level.wrap(np.transpose(a.value, (0, *order)))


@rule(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(level: Level, x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


@rule(np.swapaxes)
def _swapaxes(level: Level, a: Any, axis1: int, axis2: int) -> Any:
    return level.wrap(np.swapaxes(a.value, shifted(axis1, a.ndim), shifted(axis2, a.ndim)))


@rule(np.moveaxis)
def _moveaxis(level: Level, a: Any, source: Any, destination: Any) -> Any:
    return level.wrap(np.moveaxis(a.value, _axes(source, a.ndim), _axes(destination, a.ndim)))


def _axes(axis: Any, ndim: int) -> Any:
    return tuple([shifted(one, ndim) for one in axis]) if isinstance(axis, (tuple, list)) else shifted(axis, ndim)


@rule(np.expand_dims)
def _expand_dims(level: Level, a: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    return level.wrap(np.expand_dims(a.value, _axes(axis, a.ndim + count)))


@rule(np.squeeze)
def _squeeze(level: Level, a: Any, axis: Any = None) -> Any:
    if axis is None:
        axes: Any = tuple([i + 1 for i, n in enumerate(a.shape) if n == 1])
    else:
        axes = _axes(axis, a.ndim)
    return level.wrap(np.squeeze(a.value, axes))


@rule(np.broadcast_to)
def _broadcast_to(level: Level, array: Any, shape: Any, subok: bool = False) -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if array.ndim > len(shape):
        raise ArgumentError(f"shape {array.shape} does not broadcast to {shape}")
    return level.wrap(np.broadcast_to(level.aligned(array, len(shape)), (level.size, *shape)))


@rule(np.broadcast_arrays)
def _broadcast_arrays(level: Level, *args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*[np.shape(arg) for arg in args])
    return tuple([np.broadcast_to(arg, shape) for arg in args])


def _raised(a: Any, rank: int) -> Any:
    """``a`` with at least ``rank`` axes; of three, NumPy adds one before and one behind."""
    shape = a.shape if rank_of(a) else ()
    if len(shape) >= rank:
        return a
    if rank < 3:
        return np.reshape(a, (*(1,) * (rank - len(shape)), *shape))
    return np.reshape(a, ((1, 1, 1), (1, *shape, 1), (*shape, 1))[len(shape)])


def _at_least(rank: int) -> Callable[..., Any]:
    def function(level: Level, *arys: Any) -> Any:
        made = [_raised(a, rank) for a in arys]
        return made[0] if len(made) == 1 else tuple(made)

    return function


rule(np.atleast_1d)(_at_least(1))
rule(np.atleast_2d)(_at_least(2))
rule(np.atleast_3d)(_at_least(3))
rule(np.fliplr)(lambda level, m: np.flip(m, 1))
rule(np.flipud)(lambda level, m: np.flip(m, 0))


@rule(np.rollaxis)
def _rollaxis(level: Level, a: Any, axis: int, start: int = 0) -> Any:
    axis, start = shifted(axis, a.ndim) - 1, start + a.ndim if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@rule(np.diag)
def _diag(level: Level, v: Any, k: int = 0) -> Any:
    if v.ndim != 2:
        raise Unsuited
    return np.diagonal(v, k)


@rule(np.lib.stride_tricks.sliding_window_view)
def _sliding_window_view(level: Level, x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Any:
    sizes = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    where = tuple([shifted(one, x.ndim) for one in axes])
    return level.wrap(np.lib.stride_tricks.sliding_window_view(x.value, sizes, where, **kwargs))


@rule(np.tile)
def _tile(level: Level, A: Any, reps: Any) -> Any:
    if isinstance(reps, ForeignArray):
        raise Unsuited
    reps = tuple(reps) if np.ndim(reps) else (int(reps),)
    rank = max(A.ndim, len(reps))
    return level.wrap(np.tile(level.aligned(A, rank), (1, *(1,) * (rank - len(reps)), *reps)))


@rule(np.repeat)
def _repeat(level: Level, a: Any, repeats: Any, axis: Any = None) -> Any:
    if level.owns(repeats):
        raise Unsuited
    if axis is None:
        a, axis = np.ravel(a), 0
    return level.wrap(np.repeat(a.value, repeats, shifted(axis, a.ndim)))


@rule(np.flip)
def _flip(level: Level, m: Any, axis: Any = None) -> Any:
    return level.wrap(np.flip(m.value, tuple(range(1, m.ndim + 1)) if axis is None else _axes(axis, m.ndim)))


@rule(np.roll)
def _roll(level: Level, a: Any, shift: Any, axis: Any = None) -> Any:
    if isinstance(shift, ForeignArray):
        raise Unsuited
    if axis is None:
        return np.reshape(_roll(level, np.ravel(a), shift, 0), a.shape)
    return level.wrap(np.roll(a.value, shift, _axes(axis, a.ndim)))


@rule(np.rot90)
def _rot90(level: Level, m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return level.wrap(np.rot90(m.value, k, _axes(axes, m.ndim)))


@rule(np.pad)
def _pad(level: Level, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if callable(mode) or isinstance(pad_width, dict) or not set(kwargs) <= {"constant_values", "reflect_type"}:
        raise Unsuited
    if any(np.ndim(value) for value in kwargs.values()) or any(map(level.owns, kwargs.values())):
        raise Unsuited
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return level.wrap(np.pad(array.value, [(0, 0), *map(tuple, widths)], mode, **kwargs))


@rule(np.diagonal)
def _diagonal(level: Level, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return level.wrap(np.diagonal(a.value, offset, shifted(axis1, a.ndim), shifted(axis2, a.ndim)))


@rule(np.linalg.diagonal)
def _matrix_diagonal(level: Level, x: Any, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, -2, -1)


def _triangle(function: Callable[..., Any]) -> Callable[..., Any]:
    def triangle(level: Level, m: Any, k: int = 0) -> Any:
        if m.ndim < 2:
            raise Unsuited
        return level.wrap(function(m.value, k))

    return triangle


rule(np.tril)(_triangle(np.tril))
rule(np.triu)(_triangle(np.triu))

# ---- joining and cutting ---------------------------------------------------------------------------------------------


@rule(np.concatenate)
def _concatenate(level: Level, arrays: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    if out is not None:
        raise Unsuited
    if axis is None:
        arrays, axis = [np.ravel(array) for array in arrays], 0
    ndim = rank_of(arrays[0])
    return level.wrap(np.concatenate([level.lift(array) for array in arrays], shifted(axis, ndim), **kwargs))


@rule(np.stack)
def _stack(level: Level, arrays: Any, axis: int = 0, out: Any = None, **kwargs: Any) -> Any:
    if out is not None:
        raise Unsuited
    arrays = list(arrays)
    return level.wrap(np.stack([level.lift(a) for a in arrays], shifted(axis, rank_of(arrays[0]) + 1), **kwargs))


@rule(np.block)
def _block(level: Level, arrays: Any) -> Any:
    return _blocked(arrays, _depth(arrays))


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) and arrays else 0


def _blocked(arrays: Any, depth: int) -> Any:
    """Nested lists of arrays, joined along as many of the last axes as they are deep."""
    if not isinstance(arrays, list):
        return arrays
    parts = [_blocked(part, depth - 1) for part in arrays]
    rank = max(depth, *[rank_of(part) for part in parts])
    parts = [part if hasattr(part, "ndim") else np.asarray(part) for part in parts]
    return np.concatenate([np.reshape(part, (*(1,) * (rank - part.ndim), *part.shape)) for part in parts], -depth)


def _cutting(function: Callable[..., Any]) -> Callable[..., Any]:
    def cut(level: Level, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        return level.wrap(list(function(ary.value, indices_or_sections, shifted(axis, ary.ndim))))

    return cut


rule(np.split)(_cutting(np.split))
rule(np.array_split)(_cutting(np.array_split))
rule(np.hsplit)(lambda level, ary, indices_or_sections: np.split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0))
rule(np.vsplit)(lambda level, ary, indices_or_sections: np.split(ary, indices_or_sections, 0))
rule(np.dsplit)(lambda level, ary, indices_or_sections: np.split(ary, indices_or_sections, 2))
rule(*newer("unstack"))(lambda level, x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)))

# ---- making ----------------------------------------------------------------------------------------------------------


def _like(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(
        level: Level, a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **kwargs: Any
    ) -> Any:
        sizes = a.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
        return level.wrap(make(a.value, dtype=dtype, shape=(level.size, *sizes)))

    return made


_make: Any
for _make in (np.zeros_like, np.ones_like, np.empty_like):
    rule(_make)(_like(_make))


@rule(np.full_like)
def _full_like(level: Level, a: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    made = np.empty_like(a if level.owns(a) else level.wrap(level.lift(a)), dtype, *args, **kwargs)
    made[...] = fill_value
    return made


def _of_shape(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(level: Level, shape: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        return level.wrap(make((level.size, *sizes), dtype or float, like=kwargs.get("like")))

    return made


for _make in (np.zeros, np.ones, np.empty):
    rule(_make)(_of_shape(_make))


@rule(np.full)
def _full(level: Level, shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    kind = dtype or (fill_value if level.owns(fill_value) else np.asarray(fill_value)).dtype
    made = level.wrap(np.empty((level.size, *sizes), kind, like=kwargs.get("like")))
    made[...] = fill_value
    return made


@rule(np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
def _array(level: Level, a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if level.owns(a):
        return a.copy() if dtype is None else a.astype(dtype)
    if isinstance(a, (list, tuple)):
        raise Unsuited
    if isinstance(a, ForeignArray):
        return level.wrap(np.copy(level.lift(a)).astype(dtype))
    return level.wrap(np.array(level.lift(a), dtype, like=kwargs.get("like")))


for _make in (np.arange, np.eye, np.identity, np.tri):
    rule(_make)(lambda level, *args, _make=_make, **kwargs: _make(*args, **kwargs))

# ---- asking ----------------------------------------------------------------------------------------------------------

rule(np.shape)(lambda level, a: a.shape)
rule(np.ndim)(lambda level, a: a.ndim)
rule(np.iscomplexobj)(lambda level, x: x.dtype.kind == "c")
rule(np.isrealobj)(lambda level, x: x.dtype.kind != "c")


@rule(np.size)
def _size(level: Level, a: Any, axis: int | None = None) -> Any:
    return a.size if axis is None else a.shape[axis]


def _of_dtypes(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(level: Level, *args: Any, **kwargs: Any) -> Any:
        return function(*map_arrays(args, lambda item: item.dtype if type(item) is BatchedArray else item), **kwargs)

    return answer


rule(np.result_type)(_of_dtypes(np.result_type))
rule(np.can_cast)(_of_dtypes(np.can_cast))


def _of_memory(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(level: Level, a: Any, b: Any, *args: Any) -> bool:
        return bool(function(getattr(a, "memory", a), getattr(b, "memory", b)))

    return answer


rule(np.may_share_memory)(_of_memory(np.may_share_memory))
rule(np.shares_memory)(_of_memory(np.shares_memory))

# ---- each element by itself ------------------------------------------------------------------------------------------


def _pointwise(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(level: Level, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, ForeignArray) for value in kwargs.values()):
            raise Unsuited
        return elementwise(level, function, args, kwargs)

    return call


for _function in (
    np.where, np.real, np.imag, np.angle, np.nan_to_num, np.round, np.around, np.isclose, np.sinc, np.i0, np.copy,
    np.fix, np.isreal, np.iscomplex, np.isposinf, np.isneginf,
):  # fmt: skip
    rule(_function)(_pointwise(_function))


@rule(np.isin)
def _isin(level: Level, element: Any, test_elements: Any, assume_unique: bool = False, **kwargs: Any) -> Any:
    if not level.owns(test_elements):
        return level.wrap(np.isin(element.value, test_elements, assume_unique, **kwargs))
    tests = np.sort(np.ravel(test_elements))
    if not tests.size or tests.dtype.kind not in "iuf" or kwargs.get("kind"):
        raise Unsuited
    found = np.searchsorted(tests, element)  # of NaN, which is none of them, too
    made = np.equal(np.take(tests, np.minimum(found, tests.size - 1)), element)
    return np.logical_not(made) if kwargs.get("invert") else made


@rule(np.ravel_multi_index)
def _ravel_multi_index(level: Level, multi_index: Any, dims: Any, *settings: Any, **kwargs: Any) -> Any:
    rank = max(map(rank_of, multi_index))
    return level.wrap(
        np.ravel_multi_index(tuple([level.aligned(i, rank) for i in multi_index]), dims, *settings, **kwargs)
    )


@rule(np.clip)
def _clip(level: Level, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    low, high = kwargs.pop("min", a_min), kwargs.pop("max", a_max)
    if out is not None:
        kwargs["out"] = (out,)
    if low is None or high is None:
        known = [bound for bound in (low, high) if bound is not None]
        if not known:
            raise Unsuited
        return elementwise(level, np.minimum if low is None else np.maximum, (a, *known), kwargs)
    return elementwise(level, np.clip, (a, low, high), kwargs)
