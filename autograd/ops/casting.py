"""Copies and casts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import dtypes
from .._op import op
from .._protocols import numpy_function
from ..devices import check_device, contiguous_format
from ..engine.blocks import BLOCK, copied, in_blocks
from ..engine.nodes import Handle, new_tensor
from ..engine.observing import tell_replaced
from ..errors import ArgumentError
from ..samples import case, reals

if TYPE_CHECKING:
    from .._tensor import Tensor


@op(x=lambda g: g, jvp="symmetric", samples=reals())
def clone(x: Any, *, memory_format: Any = None) -> Any:
    """A copy with memory of its own, still connected to the graph.

    It lies in memory as ``x`` does; row by row with ``autograd.contiguous_format`` as ``memory_format``, or if ``x``
    was expanded. Other formats mean nothing here.
    """
    if 0 in x.strides or (memory_format is not None and memory_format == contiguous_format):
        return np.array(x, order="C", subok=True)
    return np.array(x, subok=True)


@numpy_function(np.copy)
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return clone(a)


@op(x=lambda g: g, jvp="linear", samples=reals())
def cast(x: Any, dtype: Any = np.float64) -> Any:
    """``x`` in another dtype, a copy; no gradient flows through an integer or bool dtype.

    The gradient is cast back to the dtype of ``x``.
    """
    if type(x) is np.ndarray and x.size > _MANY and np.float16 in (x.dtype, dtype):
        return _halves(x, np.dtype(dtype))
    return _converted(x, dtype)


def _converted(x: Any, dtype: Any) -> Any:
    """A copy in another dtype, in the order of ``x`` in memory, or if that was expanded, row by row, as in PyTorch."""
    return x.astype(dtype, "C") if 0 in x.strides else x.astype(dtype)


_MANY = 1 << 11


def _halves(x: Any, dtype: Any) -> Any:
    """Many numbers in or from half precision, in blocks: NumPy converts them one by one."""
    if x.dtype == np.bool_:
        ones = x.astype(np.uint16)
        ones *= np.ones(1, dtype).view(np.uint16)
        return ones.view(dtype)
    if x.size <= BLOCK:
        return x.astype(dtype)
    out = np.empty_like(x, dtype)
    source, target = (x, out) if out.flags.c_contiguous else (x.T, out.T)
    in_blocks(target, lambda: lambda block: np.copyto(target[block], source[block], casting="unsafe"))
    return out


_DEVICES = {"cpu", "cuda", "gpu", "mps", "xpu", "xla", "hpu", "meta", "vulkan", "mtia"}
"""PyTorch's devices, and what others call theirs: to tell them from the names of dtypes."""


def to(
    x: Any,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    other: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A Tensor in another dtype: ``to(dtype)``, ``to(other_tensor)``, ``to('cpu')``; itself if nothing changes.

    Args:
        x: the Tensor.
        *args: a device, a dtype, both, or a Tensor that has them; then perhaps ``non_blocking`` and ``copy``.
        dtype: of the result.
        device: ``'cpu'``.
        other: a Tensor whose dtype the result gets.
        copy: a new Tensor even if nothing changes.
        non_blocking, memory_format: for PyTorch's scripts; mean nothing here.

    Raises:
        ValueError: a device other than the CPU.
    """
    flags = []
    for arg in (*args, device, other):
        if isinstance(arg, Handle):
            dtype = arg._data.dtype
        elif isinstance(arg, bool):
            flags.append(arg)
        elif isinstance(arg, int) or (isinstance(arg, str) and arg.split(":")[0] in _DEVICES):
            check_device(arg)
        elif arg is not None:
            dtype = dtypes.as_dtype(arg)
    if flags:
        if len(flags) > 2:
            raise TypeError(f"to: expected at most two bools, non_blocking and copy, got {len(flags)}")
        copy = copy or flags[1:] == [True]
    dtype = x.dtype if dtype is None else dtypes.as_dtype(dtype)
    if dtype == x.dtype:
        return clone(x) if copy else x
    if dtype.kind not in "fcV":
        return new_tensor(tell_replaced(x._data, _converted(x._data, dtype)))
    return cast(x, dtype)


def astype(x: Any, dtype: Any) -> Tensor:
    """A copy in another dtype (NumPy's name)."""
    return to(x, dtype, copy=True)


def type_(x: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The legacy name of the Tensor's type (``'torch.FloatTensor'``, as PyTorch's); or the Tensor in another dtype.

    Args:
        dtype: a dtype, or a legacy type or its name.
        non_blocking: without effect here.

    Raises: ValueError for a type of another device.
    """
    if dtype is None:
        return next((f"torch.{name}" for name, kind in dtypes.LEGACY_NAMES.items() if kind == x.dtype), str(x.dtype))
    if isinstance(dtype, str):
        *modules, name = dtype.split(".")
        check_device("cuda" if "cuda" in modules else None)
        dtype = dtypes.LEGACY_NAMES.get(name, dtype)
    return to(x, dtype=dtype)


def type_as(x: Any, other: Any) -> Tensor:
    """A Tensor in the dtype of another."""
    return to(x, other.dtype)


def _converter(name: str, dtype: Any) -> Callable[..., Tensor]:
    def convert(x: Any, memory_format: Any = None) -> Tensor:
        return to(x, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = (
        f"The Tensor as {dtype}; itself if it is that already.\n\n    "
        "``memory_format`` is for PyTorch's scripts, and means nothing here."
    )
    return convert


float_ = _converter("float", dtypes.float32)
double = _converter("double", dtypes.float64)
half = _converter("half", dtypes.float16)
int_ = _converter("int", dtypes.int32)
long = _converter("long", dtypes.int64)
short = _converter("short", dtypes.int16)
char = _converter("char", dtypes.int8)
byte = _converter("byte", dtypes.uint8)
bool_ = _converter("bool", dtypes.bool_)
cfloat = _converter("cfloat", dtypes.complex64)
cdouble = _converter("cdouble", dtypes.complex128)


def cpu(x: Any, memory_format: Any = None) -> Tensor:
    """The Tensor: it is there already. ``memory_format`` is for PyTorch's scripts, and means nothing here."""
    return x


def cuda(x: Any, device: Any = None) -> NoReturn:
    """Raises ValueError: there is no such device here."""
    raise ArgumentError("there is no device 'cuda' here: chainrule computes on the CPU, with NumPy")


@op(
    x=lambda g: g,
    jvp="linear",
    samples=[case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 2, 3), make=np.transpose))],
)
def in_order(x: Any) -> Any:
    """A copy whose elements lie in C order."""
    return copied(x) if x.size > BLOCK else np.array(x, order="C", subok=True)


def contiguous(x: Any, memory_format: Any = None) -> Tensor:
    """The Tensor if its elements lie in C order, else a copy in which they do.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    return x if x.is_contiguous() else in_order(x)
