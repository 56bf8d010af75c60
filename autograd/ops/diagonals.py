"""Diagonals and triangles of matrices."""

from __future__ import annotations

import functools
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..errors import ShapeError
from ..samples import case, reals
from .casting import clone
from .selection import keep
from .shapes import normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor


def _diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """A diagonal as a view that can be written to, which NumPy's cannot."""
    first, second = normalized_dim(dim1, x.ndim), normalized_dim(dim2, x.ndim)
    if first == second:
        raise ShapeError(f"diagonal: dim1 and dim2 are the same dimension, {dim1}")
    if x.ndim > 2 or first > second:
        others = [dim for dim in range(x.ndim) if dim not in (first, second)]
        x = np.transpose(x, (*others, first, second))
    x = x[..., max(-offset, 0) :, max(offset, 0) :]
    size = min(x.shape[-2:])
    return np.einsum("...ii->...i", x[..., :size, :size])


@op(
    x=lambda g, x_shape, offset, dim1, dim2: place_diagonal.kernel(g, x_shape, offset, dim1, dim2), view=True,
    jvp="linear", samples=[
    case(x=reals(shape=(3, 3))), case(x=reals(shape=(2, 4)), offset=1), case(x=reals(shape=(3, 2)), offset=-2),
    case(x=reals(shape=(2, 3, 2)), dim1=-1, dim2=0), case(x=reals(shape=(2, 2)), offset=5),
])  # fmt: skip
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal in the plane of two dimensions, as the last dimension: a view.

    Args:
        x: at least a matrix.
        offset: how far above (below, if negative) the main diagonal.
        dim1: the dimension that counts as rows.
        dim2: the dimension that counts as columns.

    Raises: ShapeError.
    """
    return _diagonal(x, offset, dim1, dim2)


diagonal_view = diagonal  # ``diag`` has an argument of that name


@op(x=lambda g, offset, dim1, dim2: diagonal.kernel(g, offset, dim1, dim2), jvp="linear", samples=[
    case(x=reals(shape=(2,)), shape=(2, 3), offset=1, dim1=0, dim2=1),
    case(x=reals(shape=(3, 2)), shape=(2, 3, 2), offset=0, dim1=-1, dim2=0),
])  # fmt: skip
def place_diagonal(x: Any, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    """Zeros of ``shape`` with ``x`` as a diagonal: the transpose of ``diagonal``."""
    out = np.zeros(shape, x.dtype, like=x)
    _diagonal(out, offset, dim1, dim2)[...] = x
    return out


@op(
    x=lambda g, offset, dim1, dim2: diagonal_scatter.kernel(g, 0.0, offset, dim1, dim2),
    src=lambda g, offset, dim1, dim2: diagonal.kernel(g, offset, dim1, dim2),
    jvp="linear",
    samples=[
        case(x=reals(shape=(3, 3)), src=reals(shape=(3,))),
        case(x=reals(shape=(2, 3)), src=reals(shape=(2,)), offset=1),
        case(x=reals(shape=(2, 3, 2)), src=reals(shape=(3, 2)), dim1=0, dim2=2),
    ],
)  # fmt: skip
def diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of ``x`` with ``src`` as its diagonal.

    Raises: ShapeError.
    """
    out = np.array(x, subok=True)
    place = _diagonal(out, offset, dim1, dim2)
    if len(shape_of(src)) and src.shape != place.shape:
        raise ShapeError(f"diagonal_scatter: the diagonal has shape {place.shape}, src has {src.shape}")
    place[...] = src
    return out


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2,))), case(x=reals(shape=(2, 2)), offset=1),
    case(x=reals(shape=(2,)), offset=-2, dim1=1, dim2=0),
    case(x=reals(shape=(2, 2)), dim1=0, dim2=-1),
])  # fmt: skip
def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in the plane of ``dim1`` and ``dim2``: the last dimension of ``x`` as their diagonal, 0 elsewhere."""
    shape = shape_of(x)
    rank = len(shape) + 1
    first, second = normalized_dim(dim1, rank), normalized_dim(dim2, rank)
    if first == second or rank < 2:
        raise ShapeError(f"diag_embed: two different dimensions and an input of at least one are needed, got {shape}")
    side = shape[-1] + abs(offset)
    sizes = list(shape[:-1])
    for place in sorted((first, second)):
        sizes.insert(place, side)
    return place_diagonal(x, tuple(sizes), offset, first, second)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2,)), diagonal=-1), case(x=reals(shape=(2, 3)), diagonal=1), case(x=reals(shape=(2, 2))),
])  # fmt: skip
def diag(x: Any, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix, or the diagonal of a matrix as a vector; a copy.

    Raises: ShapeError for another number of dimensions.

    >>> import autograd
    >>> autograd.diag(autograd.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if len(shape_of(x)) == 1:
        return diag_embed(x, diagonal)
    if len(shape_of(x)) != 2:
        raise ShapeError(f"diag: expected a vector or a matrix, got shape {shape_of(x)}: see diagonal and diag_embed")
    return clone(diagonal_view(x, diagonal))


@composed(inputs=("x",), samples=[case(x=reals(shape=(2, 2))), case(x=reals(shape=()), offset=1)])
def diagflat(x: Any, offset: int = 0) -> Tensor:
    """All elements of ``x`` as the diagonal of a matrix."""
    return diag_embed(reshape(x, -1), offset)


def _mask(take: Any, rows: int, columns: int, diagonal: int) -> Any:
    """Where ``take`` keeps what there is."""
    mask = np.tri(rows, columns, diagonal - (take is np.triu), np.bool_)
    mask = np.logical_not(mask) if take is np.triu else mask
    mask.flags.writeable = False
    return mask


_small_mask = functools.lru_cache(64)(_mask)
_SMALL = 1 << 12


def _triangle(take: Any, x: Any, diagonal: int) -> Any:
    """``take(x, diagonal)``; where the elements have bits to be kept, faster."""
    if x.ndim < 2:
        raise ShapeError(f"{take.__name__}: expected a matrix or a batch of matrices, got shape {x.shape}")
    diagonal = index(diagonal)
    if not isinstance(x, np.ndarray) or x.dtype.itemsize > 8:
        return take(x, diagonal)
    rows, columns = x.shape[-2:]
    mask = (_small_mask if rows * columns <= _SMALL else _mask)(take, rows, columns, diagonal)
    return keep.op.forward(x, mask)


@op(x=lambda g, diagonal: tril.kernel(g, diagonal), jvp="linear", samples=[
    case(x=reals(shape=(3, 2))), case(x=reals(shape=(2, 2, 3)), diagonal=1), case(x=reals(shape=(2, 0)), diagonal=-1),
])  # fmt: skip
def tril(x: Any, diagonal: int = 0) -> Any:
    """The lower triangle of each matrix, up to the given diagonal; 0 above it.

    >>> import autograd
    >>> autograd.tril(autograd.ones(3, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    return _triangle(np.tril, x, diagonal)


@op(x=lambda g, diagonal: triu.kernel(g, diagonal), jvp="linear", samples=[
    case(x=reals(shape=(3, 2))), case(x=reals(shape=(2, 2, 3)), diagonal=1), case(x=reals(shape=(2, 0)), diagonal=-1),
])  # fmt: skip
def triu(x: Any, diagonal: int = 0) -> Any:
    """The upper triangle of each matrix, from the given diagonal on; 0 below it."""
    return _triangle(np.triu, x, diagonal)


@numpy_function(np.diagonal)
def _np_diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return diagonal(a, offset, axis1, axis2)


@numpy_function(np.diag)
def _np_diag(v: Any, k: int = 0) -> Any:
    return diag(v, k)


@numpy_function(np.diagflat)
def _np_diagflat(v: Any, k: int = 0) -> Any:
    return diagflat(v, k)


@numpy_function(np.tril)
def _np_tril(m: Any, k: int = 0) -> Any:
    return tril(m, k)


@numpy_function(np.triu)
def _np_triu(m: Any, k: int = 0) -> Any:
    return triu(m, k)
