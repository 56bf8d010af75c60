"""The order of dimensions, and of the elements along them.

``transpose`` and the like are views where NumPy gives one; ``flip``, ``rot90`` and ``roll`` copy, as in PyTorch.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._operands import unwrap
from .._protocols import numpy_function
from ..engine.blocks import BLOCK, copied
from ..errors import ShapeError
from ..samples import case, reals
from .shapes import also_named, dims_of, normalized_dim, reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- order of dimensions --------------------------------------------------------------------------------------------


@op(x=lambda g, dim0, dim1: transpose.kernel(g, dim0, dim1), view=True, jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), dim0=0, dim1=1), case(x=reals(shape=(2, 3, 2)), dim0=-1, dim1=0),
    case(x=reals(shape=(0, 3)), dim0=0, dim1=1),
])  # fmt: skip
def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped (PyTorch's meaning; ``permute`` is NumPy's ``transpose``).

    >>> import autograd
    >>> autograd.transpose(autograd.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    return np.swapaxes(x, dim0, dim1) if x.ndim else np.reshape(np.swapaxes(np.reshape(x, 1), dim0, dim1), ())


def _back(dims: Any) -> Any:
    """The permutation that undoes ``dims``."""
    if dims is None:
        return None
    dims = dims_of(dims)
    back = [0] * len(dims)
    for i, dim in enumerate(dims):
        back[dim] = i
    return tuple(back)


@op(x=lambda g, dims: np.transpose(g, _back(dims)), view=True, jvp="linear", samples=[
    case(x=reals(shape=(2, 3, 2)), dims=(2, 0, 1)), case(x=reals(shape=(2, 3)), dims=(-1, 0)),
    case(x=reals(shape=(2, 3, 1)), dims=None), case(x=reals(shape=()), dims=()), case(x=reals(shape=(3,)), dims=0),
])  # fmt: skip
def permute(x: Any, dims: Any) -> Any:
    """The dimensions in another order; None reverses them.

    >>> import autograd
    >>> autograd.permute(autograd.zeros(2, 3, 5), (2, 0, 1)).shape
    (5, 2, 3)
    """
    try:
        return np.transpose(x, dims)
    except ValueError:
        raise ShapeError(f"permute: dims must name each of the {x.ndim} dimensions once, got {dims_of(dims)}") from None


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 3, 1)), source=0, destination=-1),
    case(x=reals(shape=(2, 3, 1)), source=(0, 1), destination=(1, 2)),
])  # fmt: skip
def movedim(x: Any, source: Any, destination: Any) -> Tensor:
    """The dimensions ``source`` moved to the places ``destination``; the others keep their order.

    >>> import autograd
    >>> autograd.movedim(autograd.zeros(2, 3, 5), 0, -1).shape
    (3, 5, 2)
    """
    ndim = len(shape_of(x))
    origin = [normalized_dim(dim, ndim or 1) for dim in dims_of(source)]
    target = [normalized_dim(dim, ndim or 1) for dim in dims_of(destination)]
    if len(origin) != len(target) or len(set(origin)) < len(origin) or len(set(target)) < len(target):
        raise ShapeError(
            f"movedim: source {source} and destination {destination} must be equally many dimensions, each only once"
        )
    if not ndim:
        return reshape(x, ())
    order = [dim for dim in range(ndim) if dim not in origin]
    for place, dim in sorted(zip(target, origin, strict=True)):
        order.insert(place, dim)
    return permute(x, tuple(order))


@also_named(input="x")
def t(x: Any) -> Tensor:
    """A matrix transposed; a vector or a 0-d tensor as it is.

    Raises: ShapeError for more than two dimensions.
    """
    if len(shape_of(x)) > 2:
        raise ShapeError(f"t: expected at most 2 dimensions, got shape {shape_of(x)}: use transpose, mT or permute")
    return permute(x, None)


def reverse_dims(x: Any) -> Tensor:
    """All dimensions in reverse order (the property ``T``): a matrix transposed."""
    return permute(x, None)


def matrix_transpose(x: Any) -> Tensor:
    """The last two dimensions swapped (the property ``mT``); a 0-d tensor as it is.

    Raises: ShapeError for one dimension.
    """
    if not shape_of(x):
        return permute(x, None)
    if len(shape_of(x)) < 2:
        raise ShapeError(f"mT: expected a matrix or a batch of matrices, got shape {shape_of(x)}")
    return transpose(x, -2, -1)


@also_named(input="x")
def adjoint(x: Any) -> Tensor:
    """The last two dimensions swapped, conjugated (the property ``mH``); a 0-d tensor conjugated.

    Raises: ShapeError for one dimension.
    """
    turned: Any = matrix_transpose(x)
    return np.conjugate(turned) if np.iscomplexobj(x) else turned


def hermitian(x: Any) -> Tensor:
    """A matrix transposed and conjugated (the property ``H``).

    Raises: ShapeError unless there are two dimensions (or none).
    """
    if len(shape_of(x)) not in (0, 2):
        raise ShapeError(f"H: expected a matrix, got shape {shape_of(x)}: use mH for a batch of matrices")
    turned: Any = permute(x, None)
    return np.conjugate(turned) if np.iscomplexobj(x) else turned


@op(x=lambda g, dims: flip.kernel(g, dims), jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), dims=0), case(x=reals(shape=(2, 3)), dims=(0, -1)),
    case(x=reals(shape=(2, 3)), dims=()),
    case(x=reals(shape=(2, 3))), case(x=reals(shape=()), dims=()),
])  # fmt: skip
def flip(x: Any, dims: Any = None) -> Any:
    """The order of the elements reversed along ``dims`` (None: along all), a copy.

    >>> import autograd
    >>> autograd.flip(autograd.tensor([[1, 2], [3, 4]]), 1)
    tensor([[2, 1],
            [4, 3]])
    """
    turned = np.flip(x, dims) if x.ndim else np.reshape(np.flip(np.reshape(x, 1), dims), ())
    return copied(turned) if x.size > BLOCK else np.copy(turned, subok=True)


@composed(np.fliplr, samples=reals(shape=(2, 3)))
def fliplr(x: Any) -> Tensor:
    """The columns in reverse order, a copy. Raises: ShapeError for less than two dimensions."""
    if len(shape_of(x)) < 2:
        raise ShapeError(f"fliplr: expected at least two dimensions, got shape {shape_of(x)}")
    return flip(x, 1)


@composed(np.flipud, samples=reals(shape=(2, 3)))
def flipud(x: Any) -> Tensor:
    """The rows in reverse order, a copy. Raises: ShapeError for no dimension."""
    if not len(shape_of(x)):
        raise ShapeError("flipud: expected at least one dimension, got a 0-d tensor")
    return flip(x, 0)


@op(x=lambda g, k, dims: np.rot90(g, -k, dims), jvp="linear", samples=[
    case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 3)), k=2), case(x=reals(shape=(2, 3, 2)), k=-1, dims=(2, 0)),
])  # fmt: skip
def rot90(x: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """``k`` quarter turns in the plane of two dimensions, from the first towards the second; a copy."""
    return np.copy(np.rot90(x, operator.index(k), dims), subok=True)


def _opposite(shifts: Any) -> Any:
    return tuple([-n for n in shifts]) if isinstance(shifts, (tuple, list)) else -shifts


@op(x=lambda g, shifts, dims: roll.kernel(g, _opposite(shifts), dims), jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), shifts=1), case(x=reals(shape=(2, 3)), shifts=-4, dims=1),
    case(x=reals(shape=(2, 3)), shifts=(1, 2), dims=(0, -1)), case(x=reals(shape=(0,)), shifts=1),
    case(x=reals(shape=(2, 3)), shifts=2, dims=()),
])  # fmt: skip
def roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    """The elements shifted along ``dims``, those pushed out coming in again at the other end; None: as if flat.

    >>> import autograd
    >>> autograd.roll(autograd.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """
    counts = [operator.index(n) for n in np.ravel(shifts).tolist()]
    axes = () if dims is None else dims_of(dims)
    if not counts:
        raise ShapeError("roll: shifts is empty; give at least one")
    if len(counts) != (len(axes) or 1):
        raise ShapeError(f"roll: {len(counts)} shifts {shifts} for the dimensions {dims}: they must be equally many")
    return np.roll(x, counts, axes) if axes else np.roll(x, counts[0])


# ---- second names ----------------------------------------------------------------------------------------------------

swapaxes, swapdims = also_named(axis0="dim0", axis1="dim1")(transpose), transpose
swapaxes.__name__ = swapaxes.__qualname__ = "swapaxes"

# ---- NumPy's spellings ----------------------------------------------------------------------------------------------


@numpy_function(np.reshape)
def _reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    shape = shape.tolist() if isinstance(shape, np.ndarray) else shape
    if order == "F":
        return permute(reshape(permute(a, None), dims_of(shape)[::-1]), None)
    return reshape(a, shape) if not copy else reshape(a, shape).clone()


@numpy_function(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, -1, order)


@numpy_function(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return permute(a, axes.tolist() if isinstance(axes, np.ndarray) else axes)


@numpy_function(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return transpose(a, axis1, axis2)


@numpy_function(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return movedim(a, source, destination)


@numpy_function(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return flip(m, axis)


@numpy_function(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return rot90(m, k, axes)


@numpy_function(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return roll(a, np.sum(unwrap(shift)))
    shifts, axes = np.broadcast_arrays(unwrap(shift), axis)
    return roll(a, shifts.ravel().tolist(), axes.ravel().tolist())


numpy_function(np.matrix_transpose, np.linalg.matrix_transpose)(matrix_transpose)
