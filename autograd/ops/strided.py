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
from ..engine.nodes import Handle, array_of
from ..errors import ArgumentError, BoundsError
from ..samples import case, reals
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


def _begins_elsewhere(x: Handle) -> bool:
    """Whether a tensor is a view of another one that does not begin with that one's first element."""
    if x._view is None:
        return False
    first, second = [bare(array_of(t)).__array_interface__["data"][0] for t in (x, x._view.root)]
    return bool(first != second)


@explained
def as_strided(x: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """The elements of a contiguous tensor at steps of ``stride`` elements, ``size`` of them along each dimension.

    A read-only view: several elements of it may be one of ``x``, whose gradient is the sum of theirs.

    Args:
        x: contiguous.
        size, stride: for each dimension of the result how many elements, and how many elements of ``x`` from one to
            the next.
        storage_offset: the first element; None for 0. For a part of another tensor it must be None: PyTorch counts
            from the beginning of the whole.

    Raises: ValueError for a tensor that is not contiguous, or sizes and strides that do not go together; IndexError
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
    shape = tuple(shape_of(x))
    if isinstance(x, Handle):
        if not x.is_contiguous():  # type: ignore[attr-defined]
            raise ArgumentError(
                f"as_strided: the tensor of shape {shape} is not contiguous, so that steps in its memory are not steps "
                "in its elements: .contiguous() it first"
            )
        if storage_offset is not None and _begins_elsewhere(x):
            raise ArgumentError(
                "as_strided: the tensor is a part of another one, from whose beginning PyTorch counts storage_offset: "
                "leave it out, or take the whole"
            )
    first = 0 if storage_offset is None else integer(storage_offset, "storage_offset")
    last = first + sum([(n - 1) * s for n, s in zip(sizes, steps, strict=True)])
    if first < 0 or (0 not in sizes and last >= math.prod(shape)):
        raise BoundsError(
            f"as_strided: sizes {sizes} with strides {steps} from element {first} on reach element {last}, but the "
            f"tensor of shape {shape} has {math.prod(shape)}"
        )
    return strided(np.reshape(x, -1), sizes, steps, first)
