"""Elements read at steps of one's own: ``as_strided``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided as numpy_strided

from .._op import op
from ..engine.failures import explained
from ..engine.foreign import bare
from ..engine.nodes import Handle, Leaf, array_of
from ..engine.views import node_of
from ..errors import ArgumentError, BoundsError
from ..samples import case, reals
from .dimensions import permute
from .indexing import scatter_index
from .shapes import integer, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

__all__ = ["as_strided"]


def _numbers(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """The numbers of the elements that are read."""
    found = np.full(size, offset)
    for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
        found += np.reshape(np.arange(n) * step, (-1, *(1,) * (len(size) - axis - 1)))
    return found


@op(
    x=lambda g, x_shape, size, stride, offset: scatter_index.kernel(g, (_numbers(size, stride, offset),), x_shape),
    view="several of its elements may share one place in memory",
    jvp="linear",
    samples=[
        case(x=reals(shape=(6,)), size=(2, 3), stride=(1, 2), offset=0),
        case(x=reals(shape=(5,)), size=(3, 2), stride=(1, 1), offset=1),
        case(x=reals(shape=(3,)), size=(2, 2), stride=(0, 1), offset=1),
        case(x=reals(shape=(3,)), size=(), stride=(), offset=2),
    ],
)  # fmt: skip
def strided(x: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """The elements of a line ``x`` at ``offset``, and as many steps of ``stride`` on as ``size`` says, read-only."""
    if type(x) is np.ndarray:
        (step,) = x.strides
        return numpy_strided(x[offset:], size, [step * s for s in stride], writeable=False)
    return x[_numbers(size, stride, offset)]  # what watches NumPy's calls sees no memory


def _whole(x: Handle) -> Handle:
    """The tensor at the root of a view, or a tensor itself."""
    while x._view is not None:
        x = x._view.root
    return x


def _begins(array: Any) -> int:
    """Where an array begins in memory."""
    return int(bare(array).__array_interface__["data"][0])


def _is_whole(x: Handle) -> bool:
    """Whether a tensor is no part of another one, as what was detached from a view of that is, too."""
    memory = base = bare(array_of(x))
    while isinstance(base.base, np.ndarray):
        base = base.base
    return x._view is None and _begins(memory) == _begins(base)


def _in_memory(x: Handle, counted: bool) -> tuple[Handle, int] | None:
    """The whole that a tensor is a part of, its dimensions in the order of memory, and where in it the tensor begins.

    None if that memory has gaps, or the two do not have the same part in the graph; or if it is to be ``counted`` from
    the beginning of the memory, and that is not known.
    """
    whole = _whole(x)
    array, part = array_of(whole), array_of(x)
    if not isinstance(array, np.ndarray) or array.dtype != part.dtype or (counted and not _is_whole(whole)):
        return None
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    if not np.transpose(array, order).flags.c_contiguous:
        return None
    if whole is not x and (type(x._node) is Leaf or (node_of(x) is None) != (node_of(whole) is None)):
        return None
    return permute(whole, tuple(order)), (_begins(part) - _begins(array)) // array.itemsize


@explained
def as_strided(x: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """The elements of a tensor at steps of ``stride`` elements in memory, ``size`` of them along each dimension.

    A read-only view: several elements of it may be one of ``x``, whose gradient is the sum of theirs. Beyond ``x``, in
    the whole of which it is a part, elements have theirs, too (in PyTorch none).

    Args:
        x: contiguous, or turned (``x.t()``), or a part of such a tensor.
        size, stride: for each dimension of the result how many elements, and how many places in memory from one to
            the next (``x.stride()`` are those of ``x``).
        storage_offset: the first element, counted from the beginning of the whole of which ``x`` is a part; None for
            the first of ``x``.

    Raises: ValueError for a tensor whose memory has gaps, or sizes and strides that do not go together; IndexError
        beyond the last element.

    >>> import autograd
    >>> autograd.as_strided(autograd.arange(5), (3, 3), (1, 1))
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    sizes, steps = tuple([integer(n, "a size") for n in size]), tuple([integer(s, "a stride") for s in stride])
    if len(sizes) != len(steps) or any(n < 0 for n in (*sizes, *steps)):
        raise ArgumentError(f"as_strided: expected as many sizes as strides, none negative, got {sizes} and {steps}")
    first = 0 if storage_offset is None else integer(storage_offset, "storage_offset")
    counted = storage_offset is not None
    if isinstance(x, Handle) and not (x.is_contiguous() and (not counted or _is_whole(x))):  # type: ignore[attr-defined]
        found = _in_memory(x, counted)
        if found is None:
            raise ArgumentError(
                f"as_strided: the tensor of shape {shape_of(x)} lies in memory that is not known as a whole, so that "
                "steps and places in that are not those of its elements: .contiguous() it first"
            )
        x, start = found
        first = first if counted else start
    shape = tuple(shape_of(x))
    last = first + sum([(n - 1) * s for n, s in zip(sizes, steps, strict=True)])
    if first < 0 or (0 not in sizes and last >= math.prod(shape)):
        raise BoundsError(
            f"as_strided: sizes {sizes} with strides {steps} from element {first} on reach element {last}, but the "
            f"tensor of shape {shape} has {math.prod(shape)}"
        )
    return strided(np.reshape(x, -1), sizes, steps, first)
