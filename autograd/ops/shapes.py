"""Shapes and views: the same elements in another shape (``dimensions`` has their order).

Where NumPy gives a view, so do these: the result shares memory with the input, and an in-place operation on
either is seen, and differentiated, through the other.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, new_tensor, op, unwrap
from .._op_function import OpFunction, P, R
from .._protocols import numpy_function, of_arrays
from ..engine.failures import describe
from ..engine.nodes import Handle, array_of
from ..engine.views import shares_memory
from ..errors import ShapeError
from ..samples import case, reals
from .casting import contiguous

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- sizes and dimensions -------------------------------------------------------------------------------------------


def spread(function: Callable[..., R]) -> Callable[..., R]:
    """The method form of a function ``(x, sizes, ...)`` that takes its sizes also one by one: ``t.reshape(2, 3)``."""

    @functools.wraps(function)
    def method(x: Any, *sizes: Any, **kwargs: Any) -> R:
        if len(sizes) > 1 or not (sizes or kwargs):
            return function(x, sizes, **kwargs)
        return function(x, *sizes, **kwargs)

    return method


def also_named(**names: str) -> Callable[[Callable[P, R]], OpFunction[P, R]]:
    """Let a function take an argument by PyTorch's name for it, too: ``also_named(mat2="y")``."""

    def define(function: Callable[P, R]) -> OpFunction[P, R]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                kwargs = {names.get(name, name): value for name, value in kwargs.items()}
            return function(*args, **kwargs)

        call.__module__ = sys._getframe(1).f_globals["__name__"]  # where pickle is to look for it
        return call  # type: ignore[return-value]

    return define


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a Tensor, an array or a number; on Tensors ``np.shape`` takes ten times as long."""
    shape = getattr(x, "shape", None)
    return np.shape(x) if shape is None else shape


def dims_of(dims: Any) -> tuple[int, ...]:
    """One dimension or several as a tuple."""
    return tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)


def integer(value: Any, what: str) -> int:
    """``value`` as an integer, which it must be: 2.0 is none.

    Raises: TypeError that says what it was.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise _no_integer(value, what) from None


def _no_integer(value: Any, what: str) -> TypeError:
    kind = "" if value is None else f"{type(value).__name__} "
    return TypeError(f"{what} must be an integer, got {kind}{describe(value)}")


def normalized_dim(dim: int, ndim: int) -> int:
    """``dim`` counted from the front: ``-1`` is the last of ``ndim`` dimensions.

    Raises: AxisError (an IndexError) if there is no such dimension; TypeError if it is no integer, but True, say.
    """
    if dim is True or dim is False:
        raise _no_integer(dim, "a dimension")
    try:
        index = operator.index(dim)
    except TypeError:
        raise _no_integer(dim, "a dimension") from None
    if not -ndim <= index < ndim:
        raise np.exceptions.AxisError(index, ndim)
    return index % ndim


# ---- reshaping ------------------------------------------------------------------------------------------------------


@op(x=lambda g, x_shape: np.reshape(g, x_shape), view=True, jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), shape=(3, 2)), case(x=reals(shape=(2, 3, 2)), shape=(-1, 4)),
    case(x=reals(shape=()), shape=(1, 1)), case(x=reals(shape=(1,)), shape=()),
    case(x=reals(shape=(0, 3)), shape=(3, 0)),
])  # fmt: skip
def reshape(x: Any, shape: Any) -> Any:
    """``x`` in another shape: a view where the layout in memory allows it, else a copy.

    Args:
        x: any.
        shape: of as many elements; one size may be -1, which is then computed.

    Raises: ShapeError if the number of elements differs.

    >>> import autograd
    >>> autograd.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return _in_shape(x, shape)


def _in_shape(x: Any, shape: Any) -> Any:
    out = np.reshape(x, shape)
    if out.shape != shape:
        sizes = tuple(shape) if np.iterable(shape) else (shape,)
        if min(sizes, default=0) < -1:  # NumPy takes it for -1
            raise ShapeError(f"reshape: a size must not be negative, save one of -1, which is computed; got {sizes}")
    return out


@op(x=lambda g, x_shape: np.reshape(g, x_shape), view=True, jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), shape=(3, 2)), case(x=reals(shape=(2, 3)), shape=-1),
])  # fmt: skip
def view_(x: Any, shape: Any) -> Any:
    """``x`` in another shape. Not refused where that takes a copy: gradients and tangents may be laid out otherwise."""
    return _in_shape(x, shape)


def view(x: Any, shape: Any) -> Tensor:
    """``x`` in another shape, never a copy.

    Raises: ShapeError if the number of elements differs, or if the layout in memory demands a copy.
    """
    out = view_(x, shape)
    made, array = unwrap(out), unwrap(x)
    if made.size and not shares_memory(made, array):
        raise ShapeError(
            f"view: a tensor of shape {array.shape} with strides {array.strides} cannot be seen as {made.shape} "
            "without a copy: use reshape"
        )
    return out


@op(x=lambda g, x_shape: np.reshape(g, x_shape), view=True, jvp="linear", samples=[
    case(x=reals(shape=(1, 2, 1)), dim=None), case(x=reals(shape=(1, 2, 1)), dim=0),
    case(x=reals(shape=(1, 2, 1)), dim=1),
    case(x=reals(shape=(1, 2, 1)), dim=(0, -1)), case(x=reals(shape=())), case(x=reals(shape=(1, 0))),
])  # fmt: skip
def squeeze(x: Any, dim: Any = None) -> Any:
    """Drop the dimensions of size 1: all, or those among ``dim`` (an int or several; of another size they stay).

    >>> import autograd
    >>> x = autograd.zeros(1, 3, 1)
    >>> x.squeeze().shape, x.squeeze(0).shape
    ((3,), (3, 1))
    """
    if dim is None:
        return np.squeeze(x)
    ndim = max(x.ndim, 1)
    dims = [normalized_dim(d, ndim) for d in dims_of(dim)]
    if len(set(dims)) != len(dims):
        raise ShapeError(f"squeeze: dim {dim} names a dimension twice")
    return np.squeeze(x, tuple([d for d in dims if x.ndim and x.shape[d] == 1]))


@op(np.expand_dims, x=lambda g, x_shape: np.reshape(g, x_shape), view=True, jvp="linear", samples=[
    case(x=reals(shape=(2, 3)), dim=0), case(x=reals(shape=(2, 3)), dim=-1), case(x=reals(shape=()), dim=0),
    case(x=reals(shape=(3,)), dim=(0, 2)), case(x=reals(shape=(0,)), dim=1),
])  # fmt: skip
def unsqueeze(x: Any, dim: Any) -> Any:
    """A dimension of size 1 inserted at ``dim`` (or several).

    >>> import autograd
    >>> autograd.unsqueeze(autograd.zeros(2, 3), 1).shape
    (2, 1, 3)
    """
    return np.expand_dims(x, dim)


@composed(samples=[
    case(x=reals(shape=(2, 3, 2))), case(x=reals(shape=(2, 3, 2)), start_dim=1),
    case(x=reals(shape=(2, 3, 2)), end_dim=-2),
    case(x=reals(shape=())),
])  # fmt: skip
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from ``start_dim`` to ``end_dim`` merged into one; a 0-d input gets one, a 1-d one is returned.

    >>> import autograd
    >>> autograd.flatten(autograd.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    shape = shape_of(x) or (1,)
    first, last = normalized_dim(start_dim, len(shape)), normalized_dim(end_dim, len(shape))
    if first > last:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {shape}")
    if first == last and isinstance(x, Handle) and x._data.ndim:
        return x  # type: ignore[return-value]
    return reshape(x, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@composed(samples=reals(shape=(2, 3)))
def ravel(x: Any) -> Tensor:
    """All elements in one dimension, side by side in memory: a view if they lie so, else a copy."""
    flat = reshape(x, -1)
    return contiguous(flat) if isinstance(flat, Handle) else flat


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 6)), dim=1, sizes=(2, -1)), case(x=reals(shape=(4, 2)), dim=-2, sizes=(2, 2)),
])  # fmt: skip
def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Tensor:
    """Dimension ``dim`` unfolded into several; one size may be -1.

    >>> import autograd
    >>> autograd.unflatten(autograd.zeros(2, 12), 1, (3, 4)).shape
    (2, 3, 4)
    """
    shape = shape_of(x)
    place = normalized_dim(dim, len(shape))
    size, free = shape[place], list(sizes).count(-1)
    known = math.prod([n for n in sizes if n != -1])
    if not len(sizes):
        raise ShapeError(f"unflatten: expected at least one size in place of dim {dim} of {shape}, got none")
    if known != size if not free else free > 1 or not known or size % known:
        raise ShapeError(f"unflatten: sizes {tuple(sizes)} do not multiply to {size}, dim {dim} of {shape}")
    return reshape(x, (*shape[:place], *[size // known if n == -1 else n for n in sizes], *shape[place + 1 :]))


def view_or_cast(x: Any, *shape: Any, **kwargs: Any) -> Tensor:
    """``x.view(2, -1)``: another shape, never a copy; or ``x.view(dtype)``: the same bytes read as another dtype."""
    dtype = shape[0] if len(shape) == 1 else kwargs.get("dtype")
    if isinstance(dtype, (np.dtype, type)):
        array = array_of(x)
        try:
            return new_tensor(array.view(dtype))
        except ValueError:
            raise ShapeError(
                f"view: the bytes of {array.dtype} of shape {array.shape} cannot be read as {np.dtype(dtype)}, whose "
                "elements are of another size: that needs a last dimension whose elements lie side by side in memory "
                "(.contiguous() sees to it) and make up whole new ones"
            ) from None
    return _view_spread(x, *shape, **kwargs)


_view_spread = spread(also_named(size="shape")(view))


def view_as(x: Any, other: Any) -> Tensor:
    """``x`` in the shape of ``other``, never a copy."""
    return view(x, shape_of(other))


def reshape_as(x: Any, other: Any) -> Tensor:
    """``x`` in the shape of ``other``."""
    return reshape(x, shape_of(other))


def _each(grown: Callable[[tuple[int, ...]], tuple[int, ...]], tensors: tuple[Any, ...]) -> Any:
    """The tensor, or a tuple of each of several, in the shape that ``grown`` makes of its own."""
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        shape = shape_of(tensors[0])
        return tensors[0] if grown(shape) == shape else reshape(tensors[0], grown(shape))
    return tuple([_each(grown, (x,)) for x in (tensors[0] if len(tensors) == 1 else tensors)])


def atleast_1d(*tensors: Any) -> Any:
    """The tensor, or each of several, with at least one dimension."""
    return _each(lambda shape: shape or (1,), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """The tensor, or each of several, with at least two dimensions (new ones in front)."""
    return _each(lambda shape: (1,) * (2 - len(shape)) + shape, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """The tensor, or each of several, with at least three dimensions: (n,) gives (1, n, 1), (m, n) gives (m, n, 1)."""
    return _each(lambda shape: shape if len(shape) > 2 else (1,) * (2 - len(shape)) + shape + (1,), tensors)


# ---- NumPy's spellings ----------------------------------------------------------------------------------------------


@numpy_function(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return squeeze(a, axis)


numpy_function(np.atleast_1d)(of_arrays(atleast_1d, None))
numpy_function(np.atleast_2d)(of_arrays(atleast_2d, None))
numpy_function(np.atleast_3d)(of_arrays(atleast_3d, None))
