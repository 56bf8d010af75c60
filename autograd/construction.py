"""From Python's numbers and lists to the array of a Tensor; Tensors like another one."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from ._operands import refuse, unwrap
from .devices import check_device
from .engine.failures import explained
from .engine.foreign import ForeignArray
from .engine.nodes import Handle, array_of
from .engine.nodes import new_tensor as wrap
from .errors import ArgumentError, DtypeError, ShapeError

if TYPE_CHECKING:
    from ._tensor import Tensor

__all__ = [
    "as_shape", "new", "new_empty", "new_empty_strided", "new_full", "new_ones", "new_tensor", "new_zeros",
    "of_sizes_or_data", "to_array",
]  # fmt: skip


def to_array(data: Any, dtype: Any = None, copy: bool = False) -> Any:
    """Numbers, nested sequences (Tensors in them too), an array or a Tensor as an array that a Tensor can hold.

    Raises:
        DtypeError, ShapeError: it is not an array of numbers.
    """
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, Handle):
        data = array_of(data)
    if isinstance(data, ForeignArray):
        return data.copy() if copy and dtype is None else data if dtype is None else data.astype(dtype, copy=copy)
    is_array = isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array__")
    if not is_array:
        if dtype is None and any(issubclass(kind, (Handle, np.generic, np.ndarray)) for kind in _kinds(data)):
            dtype = _common_dtype(data)
        data = _unwrap_nested(data)
    try:
        array = np.array(data, dtype) if copy else np.asarray(data, dtype)
    except OverflowError:
        array = dtypes.wrapped(np.array(data), dtype)
    except (ValueError, TypeError) as error:
        if "inhomogeneous" in str(error):
            raise ShapeError(f"tensor: the nested lists have rows of different lengths ({error})") from None
        raise DtypeError(f"tensor: cannot make a tensor from {type(data).__name__}: {error}") from None
    if array.dtype.kind not in "biufcV" or array.dtype.names:
        if isinstance(data, Iterable) and not (is_array or isinstance(data, (list, tuple, str, bytes))):
            raise DtypeError(f"tensor: expected numbers or a list of them, got {type(data).__name__}; use list(...)")
        raise DtypeError(
            f"tensor: a Tensor holds bool, integer, floating or complex numbers, got dtype {array.dtype}"
            + (" (nested sequences of different lengths, None, or text?)" if array.dtype.kind in "OUS" else "")
        )
    if array.dtype == np.uint64 and not is_array:
        raise ArgumentError(f"tensor: an integer beyond int64 in {data!r}; use floats")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None and not is_array and array.dtype in (np.float64, np.complex128):
        array = array.astype(dtypes.weak_dtype(0.0 if array.dtype.kind == "f" else 0j))
    return array


def _kinds(data: Any) -> set[type]:
    """The types of what is in nested lists."""
    if not isinstance(data, (list, tuple)):
        return {type(data)}
    kinds = set(map(type, data))
    if not kinds.isdisjoint((list, tuple)):
        kinds = kinds.union(*map(_kinds, data))
    return kinds


def _common_dtype(data: Any) -> np.dtype[Any] | None:
    """The dtype of nested lists with Tensors and NumPy's arrays and scalars in them: a number counts in its own dtype.

    None if there is something in them that has none.
    """
    if isinstance(data, (list, tuple)):
        found = {_common_dtype(item) for item in data if not isinstance(item, (list, tuple)) or item}
        return None if None in found or not found else functools.reduce(dtypes.promote_types, found)
    if isinstance(data, (bool, int, float, complex)) and not isinstance(data, np.generic):
        return dtypes.weak_dtype(data)
    dtype = getattr(data, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) and dtype.kind in "biufc" else None


def _unwrap_nested(data: Any) -> Any:
    if isinstance(data, Handle):
        return array_of(data)
    if isinstance(data, (list, tuple)):
        return [_unwrap_nested(item) for item in data]
    if hasattr(data, "__array_ufunc__") and not hasattr(data, "__array__"):
        return np.positive(data)  # a number that stands for others, of which a NumPy call makes an array
    return data


def as_shape(given: tuple[Any, ...], name: str, size: Any = None) -> tuple[int, ...]:
    """The shape from the arguments ``(2, 3)`` or ``((2, 3),)``, or from the keyword ``size`` if that is not None.

    Raises:
        ShapeError: it has something that is not a size.
    """
    if size is not None:
        given = tuple(size)
    elif len(given) == 1 and isinstance(given[0], (tuple, list, np.ndarray)):
        given = tuple(given[0])
    try:
        shape = tuple(int(n.__index__()) for n in given)
    except AttributeError:
        hint = f"; a dtype is given by name: {name}(shape, dtype=...)" if isinstance(given[0], (tuple, list)) else ""
        raise ShapeError(f"{name}: a shape consists of integers, got {given!r}{hint}") from None
    if any(n < 0 for n in shape):
        raise ShapeError(f"{name}: a size must not be negative, got {shape}")
    return shape


@explained
def new_full(
    x: Any, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``fill_value`` in a shape, by default in the dtype of ``x``."""
    if isinstance(fill_value, Handle):
        refuse("new_full", "fill_value", fill_value)
    return _filled("new_full", x, size, fill_value, dtype, device, requires_grad)


def _filled(name: str, x: Any, size: Any, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Any:
    check_device(device)
    kind = x.dtype if dtype is None else dtypes.as_dtype(dtype)
    like: Any = {"like": x._data} if isinstance(x, Handle) and isinstance(x._data, ForeignArray) else {}
    made = wrap(np.full(as_shape(size, name), dtypes.stored(unwrap(value), kind), kind, **like))
    return made.requires_grad_(requires_grad)


@explained
def new_zeros(
    x: Any, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of a shape, by default in the dtype of ``x``."""
    return _filled("new_zeros", x, shape if size is None else size, 0, dtype, device, requires_grad)


@explained
def new_ones(
    x: Any, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of a shape, by default in the dtype of ``x``."""
    return _filled("new_ones", x, shape if size is None else size, 1, dtype, device, requires_grad)


@explained
def new_empty(
    x: Any, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Unset elements of a shape, by default in the dtype of ``x``."""
    return _filled("new_empty", x, shape if size is None else size, 0, dtype, device, requires_grad)


@explained
def new_empty_strided(
    x: Any, size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Unset elements of a shape with the given steps (in elements) between neighbours along each dimension.

    Raises: ShapeError unless there is a step, not negative, for each dimension.
    """
    check_device(device)
    kind = x.dtype if dtype is None else dtypes.as_dtype(dtype)
    if len(size) != len(stride) or any(step < 0 for step in stride):
        raise ShapeError(f"new_empty_strided: expected a step, not negative, for each size of {size}, got {stride}")
    room = 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if all(size) else 0
    steps = [step * kind.itemsize for step in stride]
    made = wrap(np.ndarray(tuple(size), kind, np.zeros(room, kind), 0, steps))
    return made.requires_grad_(requires_grad)


def new_tensor(x: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of ``data``, by default in the dtype of ``x``."""
    check_device(device)
    made = wrap(to_array(data, x.dtype if dtype is None else dtype, copy=True))
    return made.requires_grad_(requires_grad)


def of_sizes_or_data(name: str, dtype: Any, data: tuple[Any, ...]) -> Any:
    """What PyTorch's early constructors made: unset elements of sizes, or a Tensor of a list, an array or a Tensor.

    Args:
        name: of the constructor, for messages.
        dtype: of the Tensor.
        data: the arguments.

    Raises:
        DtypeError: a Tensor of another dtype. TypeError: what could be sizes or data.
    """
    if len(data) != 1 or isinstance(data[0], (int, np.integer)):
        return wrap(np.zeros(as_shape(data or (0,), name), dtype))
    if isinstance(data[0], Handle):
        given: Any = data[0]
        if given.dtype != dtype:
            raise DtypeError(f"{name}: this tensor is {given.dtype}; use .to({dtype})")
        return given.view(given.shape) if given.requires_grad else given.detach()
    if isinstance(data[0], (tuple, float)):
        raise TypeError(
            f"{name}({data[0]!r}): a list is data, numbers one by one are sizes, but this could mean "
            f"either; use autograd.tensor(data, dtype=autograd.{dtype}) or autograd.empty(shape, ...)"
        )
    return wrap(to_array(data[0], dtype, copy=True))


def new(x: Any, *data: Any, device: Any = None) -> Tensor:
    """A Tensor of sizes, or with the numbers of a list or an array, in the dtype of ``x``.

    It is legacy: new programs say ``x.new_empty(sizes)`` and ``x.new_tensor(data)``.
    """
    check_device(device)
    return of_sizes_or_data("new", x.dtype, data)
