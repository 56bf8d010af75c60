"""Tensors from nothing: zeros, ones, ranges, identity, and those shaped like another."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from ._operands import refuse, unwrap
from ._tensor import Tensor
from .construction import as_shape, to_array
from .devices import check_device
from .engine.failures import explained
from .engine.foreign import ForeignArray, as_array
from .engine.nodes import Handle, new_tensor
from .errors import ArgumentError, DtypeError, ShapeError
from .ops.shapes import integer

__all__ = [
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "from_numpy", "frombuffer", "full", "full_like",
    "linspace", "logspace", "ones", "ones_like", "scalar_tensor", "tensor", "tril_indices", "triu_indices", "zeros",
    "zeros_like",
]  # fmt: skip


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of ``data``.

    Args:
        data: numbers, nested lists, an array or a Tensor.
        dtype: of the elements; by default arrays keep theirs, Python floats become the default dtype.
        device: ``'cpu'``.
        requires_grad: record the operations on it.

    >>> from autograd import tensor
    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    check_device(device)
    made = Tensor(to_array(data, dtype, copy=True), requires_grad)
    if not made._data.ndim:
        made._data = made._data[()]  # as a NumPy scalar, whose arithmetic is much faster
    return made


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a Tensor without a copy where possible: a Tensor stays itself, an array shares its memory.

    >>> import autograd, numpy as np
    >>> array = np.zeros(2)
    >>> autograd.as_tensor(array).add_(1)
    tensor([1., 1.], dtype=float64)
    >>> array
    array([1., 1.])
    """
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(to_array(data, dtype))


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """``as_tensor`` with a say in whether memory is shared.

    Args:
        obj: numbers, nested lists, an array or a Tensor, which stays in the graph.
        dtype: of the elements; by default arrays keep theirs, Python floats become the default dtype.
        device: ``'cpu'``.
        copy: True copies, False never does, None only where it must.
        requires_grad: record the operations on it.

    Raises: ValueError if ``copy`` is False and the memory cannot be shared.

    >>> import autograd, numpy as np
    >>> array = np.zeros(2)
    >>> autograd.asarray(array, copy=True).add_(1)
    tensor([1., 1.], dtype=float64)
    >>> array
    array([0., 0.])
    """
    made = as_tensor(obj, dtype, device)
    shared = made is obj or (isinstance(obj, np.ndarray) and (made._data is obj or made._data.base is obj))
    if copy is False and not shared:
        raise ArgumentError(
            f"asarray: a tensor of {made.dtype} cannot share the memory of this {type(obj).__name__}: leave copy out"
        )
    if copy and shared:
        made = made.clone()
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


@explained
def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector of the numbers in a buffer, such as ``bytes``, whose memory it shares (read-only where that is).

    Args:
        buffer: bytes, a bytearray, a memory map.
        dtype: as what to read the bytes.
        count: how many numbers; -1 for all there are.
        offset: at which byte to begin.
        requires_grad: record the operations on it.

    Raises: ValueError if the buffer is too short, or no whole number of elements long.

    >>> import autograd
    >>> autograd.frombuffer(b"abcd", dtype=autograd.uint8, offset=1)
    tensor([ 98,  99, 100], dtype=uint8)
    """
    return Tensor(np.frombuffer(buffer, dtypes.as_dtype(dtype), count, offset), requires_grad)


def from_numpy(ndarray: Any) -> Tensor:
    """A Tensor that shares the memory of an array, in its dtype: writing into one changes the other.

    >>> import autograd, numpy as np
    >>> autograd.from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(ndarray, (np.ndarray, ForeignArray)):
        raise TypeError(
            f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; use tensor() for other data"
        )
    return Tensor(ndarray)


def finish(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A Tensor that owns ``array``."""
    check_device(device)
    made: Tensor = new_tensor(array)
    return made.requires_grad_(requires_grad) if requires_grad else made


def zeros(*shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape, given as ``zeros(2, 3)`` or ``zeros((2, 3))``.

    >>> import autograd
    >>> autograd.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return finish(np.zeros(as_shape(shape, "zeros", size), dtypes.or_default(dtype)), requires_grad, device)


def ones(*shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of a shape, given as for ``zeros``."""
    return finish(np.ones(as_shape(shape, "ones", size), dtypes.or_default(dtype)), requires_grad, device)


def empty(
    *shape: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A Tensor of a shape (given as for ``zeros``) whose elements are whatever was in memory: to be overwritten.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    return finish(np.empty(as_shape(shape, "empty", size), dtypes.or_default(dtype)), requires_grad, device)


@explained
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of a shape in which every element is ``fill_value``, in whose dtype unless another is given.

    >>> import autograd
    >>> autograd.full((2, 3), 7)
    tensor([[7, 7, 7],
            [7, 7, 7]])
    """
    if isinstance(fill_value, Handle):
        refuse("full", "fill_value", fill_value)
    value = unwrap(fill_value)
    if not hasattr(value, "dtype") and not isinstance(value, (int, float, complex)):
        raise TypeError(f"full: fill_value must be a number or a 0-d tensor, got {value!r}")
    kind = dtypes.result_type(value) if dtype is None else dtypes.as_dtype(dtype)
    shape = as_shape(tuple(size) if isinstance(size, (tuple, list)) else (size,), "full")
    return finish(np.full(shape, dtypes.stored(value, kind), kind), requires_grad, device)


@explained
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d Tensor of the default dtype."""
    kind = dtypes.or_default(dtype)
    return tensor(dtypes.stored(s, kind), dtype=kind, device=device, requires_grad=requires_grad)


def _like(make: str, what: str) -> Callable[..., Tensor]:
    def made(
        input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
    ) -> Tensor:
        data = input._data if isinstance(input, Handle) else as_array(input)
        kind = data.dtype if dtype is None else dtypes.as_dtype(dtype)
        like: Any = {"like": data} if isinstance(data, ForeignArray) else {}
        return finish(getattr(np, make)(data.shape, kind, **like), requires_grad, device)

    made.__name__ = made.__qualname__ = f"{make}_like"
    made.__doc__ = (
        f"{what} in the shape, and unless another is given in the dtype, of ``input``.\n\n"
        "``memory_format`` is for PyTorch's scripts, and means nothing here."
    )
    return made


zeros_like = _like("zeros", "Zeros")
ones_like = _like("ones", "Ones")
empty_like = _like("empty", "Unset elements")


@explained
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """``fill_value`` in the shape, and unless another is given in the dtype, of ``input``.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    data = input._data if isinstance(input, Handle) else as_array(input)
    if isinstance(data, ForeignArray):
        like: Tensor = new_tensor(data)
        return like.new_full(data.shape, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)
    return full(
        data.shape, fill_value, dtype=data.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad
    )


@explained
def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` up to but not including ``end``: ``arange(end)``, ``arange(start, end, step)``.

    Integers if all arguments are, else the default dtype. For an integer dtype the arguments are cut to integers.

    Raises: ValueError if ``step`` is 0 or has the wrong sign; DtypeError for bool.

    >>> import autograd
    >>> autograd.arange(2, 10, 3)
    tensor([2, 5, 8])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (value.item() if isinstance(value, Handle) else value for value in (start, end, step))  # type: ignore[attr-defined]
    for value in (start, end, step):
        if not hasattr(value, "__float__"):
            raise TypeError(f"arange: expected numbers, got {type(value).__name__} {value!r}")
    if dtype is None and all(isinstance(v, (int, np.integer)) for v in (start, end, step)):
        dtype = dtypes.int64
    kind = dtypes.or_default(dtype)
    if kind.kind == "b":
        raise DtypeError("arange: counts; it cannot be bool")
    if kind == dtypes.int64:
        start, end, step = (int(value) for value in (start, end, step))
    if not all(map(math.isfinite, (start, end, step))):
        raise ArgumentError(f"arange: expected finite numbers, got start={start}, end={end} and step={step}")
    if step == 0:
        raise ArgumentError("arange: step must not be 0")
    if (end - start) / step < 0:
        raise ArgumentError(f"arange: from {start} to {end} the step must have the other sign, got {step}")
    values = np.arange(start, end, step)
    if kind.kind in "iu" and values.dtype.kind == "f":
        values = int(start) + int(step) * np.arange(values.size)
    return finish(values.astype(kind), requires_grad, device)


def _ends(name: str, start: Any, end: Any, dtype: Any) -> tuple[Any, Any, np.dtype[Any]]:
    """Both ends of a range as Python numbers (inside of ``vmap`` as arrays), and its dtype, by default a floating one.

    For an integer dtype they are cut to integers.

    Raises: ShapeError for a tensor with dimensions; DtypeError for a complex end of a range of real numbers.
    """
    if np.ndim(start) or np.ndim(end):
        raise ShapeError(f"{name}: start and end must be numbers or 0-d, got {np.shape(start)} and {np.shape(end)}")
    is_complex = np.iscomplexobj(unwrap(start)) or np.iscomplexobj(unwrap(end))
    kind = dtypes.weak_dtype(0j) if is_complex and dtype is None else dtypes.or_default(dtype)
    if is_complex and kind.kind != "c":
        raise DtypeError(f"{name}: from {start} to {end} the numbers are complex, but the dtype is {kind}")
    return _end(start, kind), _end(end, kind), kind


def _end(value: Any, dtype: Any) -> Any:
    data = unwrap(value)
    if isinstance(data, ForeignArray):
        data = data.astype(np.result_type(data.dtype, np.float64))
        return np.trunc(data) if dtype.kind in "iu" else data
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, (int, float, complex)) and not hasattr(number, "__float__"):
        raise TypeError(f"an end of the range must be a number, got {type(number).__name__} {number!r}")
    return int(number) if dtype.kind in "iu" else number


def _steps(name: str, steps: Any) -> int:
    if not hasattr(steps, "__index__"):
        raise TypeError(f"{name}: the number of steps must be an integer, got {type(steps).__name__} {steps!r}")
    if steps < 0:
        raise ArgumentError(f"{name}: the number of steps must not be negative, got {steps}")
    return operator.index(steps)


@explained
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` evenly spaced numbers from ``start`` to ``end``, both included; for an integer dtype cut to integers.

    Raises: ShapeError; ValueError for a negative number of steps.

    >>> import autograd
    >>> autograd.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    start, end, kind = _ends("linspace", start, end, dtype)
    return finish(np.linspace(start, end, _steps("linspace", steps)).astype(kind), requires_grad, device)


@explained
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers from ``base**start`` to ``base**end``, evenly spaced in their logarithm.

    Raises: ShapeError; ValueError for a negative number of steps.
    """
    start, end, kind = _ends("logspace", start, end, dtype)
    return finish(np.logspace(start, end, _steps("logspace", steps), base=base).astype(kind), requires_grad, device)


@explained
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The ``n`` x ``m`` matrix with ones on the diagonal. Raises: ShapeError for a negative size."""
    as_shape((n, n if m is None else m), "eye")
    return finish(np.eye(n, m, dtype=dtypes.or_default(dtype)), requires_grad, device)


@explained
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None) -> Tensor:
    """The indices (2, count) of the lower triangle of a ``row`` x ``col`` matrix, row by row."""
    as_shape((row, col), "tril_indices")
    return finish(
        np.stack(np.tril_indices(row, integer(offset, "offset"), col)).astype(dtypes.as_dtype(dtype)), device=device
    )


@explained
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None) -> Tensor:
    """The indices (2, count) of the upper triangle of a ``row`` x ``col`` matrix, row by row."""
    as_shape((row, col), "triu_indices")
    return finish(
        np.stack(np.triu_indices(row, integer(offset, "offset"), col)).astype(dtypes.as_dtype(dtype)), device=device
    )
