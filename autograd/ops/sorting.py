"""Sorting and searching: orders, largest elements, positions.

PyTorch's order: NaN is larger than every number. Sorting is stable: equal elements keep their order, descending too,
so that results and gradients are repeatable. A 0-d input is a line of one element.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._protocols import numpy_function
from ..engine.failures import explained
from ..errors import ArgumentError, ShapeError
from ..samples import case, integers, reals
from ._blocks import in_blocks
from .axes import (
    MANY,
    axes_of,
    folded,
    in_one_line,
    line_axis,
    picked,
    place_along,
    take_lines,
    tangents_at,
    true_places,
)
from .extremes import extreme_and_place, require_elements

if TYPE_CHECKING:
    from .._tensor import Tensor

_ALONG = [
    case(x=reals(shape=(2, 3)), dim=0),
    case(x=reals(shape=(2, 3, 2)), dim=-2),
    case(x=reals(shape=(4,))),
    case(x=reals(shape=(1,)), dim=0),
    case(x=reals(shape=()), dim=-1),
    case(x=reals(shape=(2, 0))),
]
_DESCENDING = [case(x=reals(shape=(2, 3)), descending=True), case(x=reals(shape=(3, 2)), dim=0, descending=True)]


def order(x: Any, dim: int, descending: bool = False) -> Any:
    """The stable order of the elements along ``dim``."""
    if x.size >= MANY and type(x) is np.ndarray and x.dtype.str[1:] in _NARROW | _WIDE and x.shape[dim] < 1 << 31:
        return _order_of_many(x, dim, descending)
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backward = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    return x.shape[dim] - 1 - np.flip(backward, dim)


_NARROW = {"f4", "i4", "i2", "i1", "u2", "u1", "b1"}
"""Dtypes of which a number and its place fit into 64 bits together."""
_WIDE = {"f8", "i8", "u8"}
"""Dtypes that NumPy sorts much faster if equal elements need not keep their order."""


def _order_of_many(x: Any, dim: int, descending: bool) -> Any:
    """``order`` of a large array."""
    lines = np.moveaxis(x, dim, -1)
    ordered = _order_by_keys if x.dtype.str[1:] in _NARROW else _order_by_ranks
    if lines.ndim == 1:
        return ordered(lines, descending)
    out = np.empty(lines.shape, np.int64)

    def work(block: slice) -> None:
        out[block] = ordered(lines[block], descending)

    in_blocks(lines, lambda: work)
    return np.ascontiguousarray(np.moveaxis(out, -1, dim))


def _order_by_keys(lines: Any, descending: bool) -> Any:
    """By sorting integers made of each number, above, and its place: NumPy sorts numbers fast, orders not."""
    if lines.dtype.kind == "f":
        bits = (lines + 0).view(np.int32)  # + 0 makes 0 of -0
        ranks = np.where(lines != lines, np.int32(0x7FFFFFFF), bits ^ ((bits >> 31) & 0x7FFFFFFF))
    else:
        ranks = lines
    keys = ranks.astype(np.int64)
    return _sorted_places(np.invert(keys, out=keys) if descending else keys, np.arange(lines.shape[-1]))


def _sorted_places(keys: Any, places: Any) -> Any:
    """Places in the order of their keys, which are lost, and where these are equal in their own."""
    keys <<= 32
    keys |= places
    keys.sort(-1)
    keys &= 0xFFFFFFFF
    return keys


def _order_by_ranks(lines: Any, descending: bool) -> Any:
    """By any order, in which afterwards equal elements are put into their own."""
    found = np.argsort(lines, axis=-1)
    values = np.take_along_axis(lines, found, -1)
    later, before = values[..., 1:], values[..., :-1]
    differ = later != before
    if lines.dtype.kind == "f":
        differ &= before == before  # NaN, which come last, are equal
    if differ.all():
        return found[..., ::-1] if descending else found
    ranks = np.zeros(lines.shape, np.int64)
    np.cumsum(differ, -1, out=ranks[..., 1:])
    return _sorted_places(np.negative(ranks, out=ranks) if descending else ranks, found)


def _selected(x: Any, indices: Any, dim: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The elements at ``indices`` and the indices, in ``shape`` (an input of no dimension was made a line)."""
    values = take_lines.op.forward(x, indices, dim)
    return np.reshape(values, shape), np.reshape(indices, shape)


def placed(g_values: Any, indices: Any, x_shape: tuple[int, ...], dim: int) -> Any:
    """The gradients of selected elements go to their places."""
    return place_along.kernel(g_values, indices, x_shape, dim)


# ---- sorting --------------------------------------------------------------------------------------------------------


@op(
    x=placed,
    jvp=lambda t_x, indices, dim: tangents_at(t_x, indices, dim),
    outputs=("values", "indices"),
    samples=[*_ALONG, *_DESCENDING],
)
def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Any:
    """The elements along ``dim`` in order, and the indices they came from. Always stable.

    Source: PyTorch's ``sort``; NumPy's, which returns the values alone, is ``msort`` or ``np.sort(t)``.

    >>> import autograd
    >>> values, indices = autograd.sort(autograd.tensor([3, 1, 2]))
    >>> values, indices
    (tensor([1, 2, 3]), tensor([1, 2, 0]))
    """
    x = np.asanyarray(x)
    line, dim = line_axis(x, dim)
    return _selected(line, order(line, dim, descending), dim, x.shape)


@op(samples=[*_ALONG, *_DESCENDING])
def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Any:
    """The indices that sort ``x`` along ``dim``. Always stable."""
    x = np.asanyarray(x)
    line, dim = line_axis(x, dim)
    return np.reshape(order(line, dim, descending), x.shape)


@composed(samples=[case(x=reals(shape=(3, 2))), case(x=reals(shape=()))])
def msort(x: Any) -> Tensor:
    """``x`` sorted along its first dimension."""
    return sort(x, 0).values


@op(
    x=placed,
    jvp=lambda t_x, indices, dim: tangents_at(t_x, indices, dim),
    outputs=("values", "indices"),
    samples=[
        case(x=reals(shape=(2, 4)), k=2),
        case(x=reals(shape=(4, 2)), k=3, dim=0, largest=False),
        case(x=reals(shape=(2, 3)), k=3, dim=-1, sorted=False),
        case(x=reals(shape=(3,)), k=0),
        case(x=reals(shape=()), k=1),
    ],
)
def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest (or smallest) elements along ``dim`` and their indices, in order; of equal ones the first.

    Raises: ShapeError if there are not ``k``.

    >>> from autograd import tensor, topk
    >>> values, indices = topk(tensor([3.0, 9.0, 4.0]), 2)
    >>> values, indices
    (tensor([9., 4.]), tensor([1, 2]))
    """
    x = np.asanyarray(x)
    line, dim = line_axis(x, dim)
    if not (not x.ndim) <= k <= line.shape[dim]:
        raise ShapeError(f"topk: k is {k}, but dimension {dim} of shape {x.shape} has {line.shape[dim]} elements")
    few = k <= line.shape[dim] // (_SPARSE_WIDE if line.dtype.itemsize == 8 else _SPARSE)
    if k > 0 and few and line.size >= _FEW and type(line) is np.ndarray:
        indices = _leading(line, k, dim, largest)
    else:
        indices = np.take(order(line, dim, largest), np.arange(k), dim)
    return _selected(line, indices, dim, indices.shape if x.ndim else ())


_SPARSE = 32
"""Of lines this many times as long as what is sought in them, most elements are passed over without sorting them."""
_SPARSE_WIDE = 5
"""The same of numbers of 64 bits, which are sorted more slowly."""
_FEW = 2048
"""Where there are fewer elements, it takes longer to choose than to sort."""


def _leading(x: Any, k: int, dim: int, largest: bool) -> Any:
    """The indices of the ``k`` largest (or smallest) elements along ``dim``, in order."""
    lines = np.moveaxis(x, dim, -1)
    out = np.empty((*lines.shape[:-1], k), np.int64)
    flat, found = lines.reshape(-1, lines.shape[-1]), out.reshape(-1, k)

    def work(block: slice) -> None:
        part = np.ascontiguousarray(flat[block])
        indices = _chosen(part, k, largest) if part.dtype.kind in "fiu" else None
        found[block] = order(part, 1, largest)[:, :k] if indices is None else indices

    in_blocks(flat, lambda: work)
    return np.moveaxis(out, -1, dim)


def _chosen(lines: Any, k: int, largest: bool) -> Any:
    """The indices of the ``k`` leading elements of each line, in order; None where sorting all is as good.

    The parts of a line that hold its ``k`` leading elements are ``k`` at most, so no element behind the ``k``-th
    leader of a part is among them. Few elements are left to be sorted, unless many are equal.
    """
    leaders = folded(np.maximum if largest else np.minimum, lines, 8 * k)
    if np.isnan(leaders).any():  # it hides the other leaders of its part
        return None
    place = leaders.shape[1] - k if largest else k - 1
    bound = np.partition(leaders, place, 1)[:, place : place + 1]
    found = true_places(lines >= bound if largest else lines <= bound)
    count, n = lines.shape
    rows = found // n
    counts = np.bincount(rows, minlength=count)
    width = int(counts.max())
    if width > n // 4:  # many are equal
        return None
    first = (np.cumsum(counts) - counts)[:, None]
    left = np.full((count, width), dtypes.extremes(lines.dtype)[not largest], lines.dtype)
    left[rows, np.arange(len(found)) - first[rows, 0]] = lines.reshape(-1)[found]
    ranks = order(left, 1, largest)[:, :k]
    return found[first + ranks] - np.arange(0, lines.size, n)[:, None]


@op(
    x=picked,
    jvp=tangents_at,
    outputs=("values", "indices"),
    samples=[
        case(x=reals(shape=(2, 4)), k=2),
        case(x=reals(shape=(4, 2)), k=4, dim=0, keepdim=True),
        case(x=reals(shape=()), k=1),
    ],
)
def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The ``k``-th smallest element along ``dim`` (the first is ``k=1``), and its index (the first of equal ones).

    Raises: ShapeError if there are not ``k``.
    """
    x = np.asanyarray(x)
    line, axis = line_axis(x, dim)
    if not 1 <= k <= line.shape[axis]:
        raise ShapeError(f"kthvalue: k is {k}, but dimension {dim} of shape {x.shape} has {line.shape[axis]} elements")
    return located(x, line, np.take(np.partition(line, k - 1, axis), [k - 1], axis), axis, keepdim)


def located(x: Any, line: Any, values: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    """One value for each line (``dim`` kept), and the index of the first element equal to it (NaN equals NaN)."""
    indices = np.argmax((line == values) | ((line != line) & (values != values)), dim, keepdims=True)
    if not x.ndim:
        return np.reshape(values, ()), np.reshape(indices, ())
    return (values, indices) if keepdim else (np.squeeze(values, dim), np.squeeze(indices, dim))


# ---- positions of extremes ------------------------------------------------------------------------------------------

_POSITIONS = [
    case(x=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 3)), dim=-1),
    case(x=reals(shape=(2, 3)), dim=0, keepdim=True),
    case(x=reals(shape=()), dim=0),
]


def _position(ufunc: Any, find: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    x = np.asanyarray(x)
    if not x.ndim:
        axes_of(dim, 0)
        return np.zeros((), np.int64)
    if not x.size:
        require_elements(x, dim)
    found = None if dim is None else extreme_and_place(ufunc, x, axes_of(index(dim), x.ndim)[0])
    if found is not None:
        return found[1] if keepdim else np.squeeze(found[1], dim)
    return np.asanyarray(find(x, None if dim is None else index(dim), keepdims=keepdim))


@op(samples=_POSITIONS)
def argmax(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The index of the largest element, along ``dim`` or in the flattened ``x``; the first of equal ones.

    >>> from autograd import argmax, tensor
    >>> argmax(tensor([[1.0, 5.0], [4.0, 2.0]]), 1)
    tensor([1, 0])
    """
    return _position(np.maximum, np.argmax, x, dim, keepdim)


@op(samples=_POSITIONS)
def argmin(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the smallest element is, along ``dim`` or in the flattened ``x``; the first of equal ones."""
    return _position(np.minimum, np.argmin, x, dim, keepdim)


# ---- searching ------------------------------------------------------------------------------------------------------


@op(
    inputs=("sorted_sequence", "input"),
    constants=("sorter",),
    samples=[
        case(sorted_sequence=np.array([0.0, 1.0, 1.0, 2.0]), input=integers(-1, 3, shape=(5,)), right=True),
        case(sorted_sequence=np.array([[0, 2, 4], [1, 1, 2]]), input=integers(-1, 5, shape=(2, 2)), side="left"),
    ],
)
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where to insert ``input`` into a sorted sequence (its last dimension) so that it stays sorted.

    Shape: of ``input``. A sequence of several dimensions holds a sequence for each line of ``input``.

    >>> import autograd
    >>> autograd.searchsorted(autograd.tensor([1, 3, 5]), autograd.tensor([3, 4]))
    tensor([1, 2])
    """
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ArgumentError(f"searchsorted: side must be 'left' or 'right' and agree with right, got {side!r}, {right}")
    chosen: Any = "right" if right else side or "left"
    dtype = dtypes.int32 if out_int32 else dtypes.int64
    sequence = np.asanyarray(sorted_sequence)
    if sequence.ndim == 1:
        return np.asanyarray(np.searchsorted(sequence, input, chosen, sorter), dtype)
    values = np.asanyarray(input)
    if sequence.shape[:-1] != values.shape[:-1]:
        raise ShapeError(
            f"searchsorted: a sequence of shape {sequence.shape} needs input of shape {(*sequence.shape[:-1], 'n')}, "
            f"got {values.shape}"
        )
    if sequence.shape[-1] * values.shape[-1] <= _COMPARISONS and sequence.shape[-1] * values.size <= _MANY:
        ordered = sequence if sorter is None else np.take_along_axis(sequence, sorter, -1)
        return _counted(ordered, values, chosen == "right").astype(dtype, copy=False)
    out = np.empty(values.shape, dtype, like=values)
    for line in np.ndindex(sequence.shape[:-1]):
        out[line] = np.searchsorted(sequence[line], values[line], chosen, None if sorter is None else sorter[line])
    return out


_COMPARISONS = 1 << 10
"""With at most as many comparisons for each line counting is faster than to search in one line after the other."""
_MANY = 1 << 24
"""At most as many comparisons are made at once."""


def _counted(sequence: Any, values: Any, right: bool) -> Any:
    """``searchsorted`` in many lines: how many elements of each are less (or equal); NaN comes behind all numbers."""
    theirs, own = np.expand_dims(sequence, -2), np.expand_dims(values, -1)
    counts = np.add.reduce(theirs <= own if right else theirs < own, -1, np.int64)
    if values.dtype.kind != "f":
        return counts
    last = sequence.shape[-1] if right else np.add.reduce(sequence == sequence, -1, np.int64, keepdims=True)
    return np.where(values == values, counts, last)


@explained
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket, between sorted ``boundaries``, that each element falls into.

    A value on a boundary belongs to the bucket on its left, with ``right`` to that on its right.
    """
    if np.ndim(boundaries) != 1:
        raise ShapeError(f"bucketize: boundaries must have one dimension, got shape {np.shape(boundaries)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@op(
    inputs=("elements", "test_elements"),
    promote="common",
    samples=[
        case(elements=integers(0, 4, shape=(2, 3)), test_elements=integers(0, 4, shape=(3,))),
        case(elements=integers(0, 2, shape=(4,)), test_elements=integers(0, 2, shape=()), invert=True),
        case(elements=reals(shape=(0,)), test_elements=reals(shape=(2,)), assume_unique=True),
    ],
)
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Which of the elements are among ``test_elements`` (``invert``: are not). NaN is never among them.

    ``assume_unique``: neither has an element twice, which may be faster.
    """
    return np.isin(elements, test_elements, assume_unique=assume_unique and np.ndim(elements) > 0, invert=invert)


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


@numpy_function(np.sort)
def _numpy_sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return sort(*in_one_line(a, axis)).values


@numpy_function(np.argsort)
def _numpy_argsort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return argsort(*in_one_line(a, axis))


@numpy_function(np.argmax)
def _numpy_argmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmax(a, axis, keepdims)


@numpy_function(np.argmin)
def _numpy_argmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmin(a, axis, keepdims)


@numpy_function(np.searchsorted)
def _numpy_searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return searchsorted(a, v, side=side, sorter=sorter)


@numpy_function(np.isin)
def _numpy_isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    return isin(element, test_elements, assume_unique=assume_unique, invert=invert)
