"""Dtypes, and PyTorch's rules of which dtype a result has.

Dtypes are NumPy's. PyTorch orders them in categories, bool < integer < float < complex, and lets a lower
category never widen a higher one: ``int64 tensor * float32 tensor`` is float32. Within a category, tensors with
dimensions decide before 0-d tensors, and these before Python numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .engine.nodes import Handle
from .errors import DtypeError

bool_ = np.dtype(np.bool_)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
complex64 = np.dtype(np.complex64)
complex128 = np.dtype(np.complex128)

_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2, "c": 3}
_COMPLEX_OF: dict[Any, np.dtype[Any]] = {float16: complex64, float32: complex64, float64: complex128}
NAMES: dict[str, np.dtype[Any]] = {
    "bool": bool_, "uint8": uint8, "byte": uint8, "int8": int8, "char": int8, "int16": int16, "short": int16,
    "int32": int32, "int": int32, "int64": int64, "long": int64, "float16": float16, "half": float16,
    "float32": float32, "float": float32, "float64": float64, "double": float64,
    "complex64": complex64, "cfloat": complex64, "complex128": complex128, "cdouble": complex128,
}  # fmt: skip

LEGACY_NAMES: dict[str, np.dtype[Any]] = {
    "FloatTensor": float32, "DoubleTensor": float64, "HalfTensor": float16, "ByteTensor": uint8, "CharTensor": int8,
    "ShortTensor": int16, "IntTensor": int32, "LongTensor": int64, "BoolTensor": bool_,
    "ComplexFloatTensor": complex64, "ComplexDoubleTensor": complex128,
}  # fmt: skip
"""What PyTorch calls Tensors of each dtype where it still speaks of types of Tensors."""


class _Default:
    """The default floating dtype, in one place that can be looked up fast."""

    __slots__ = ("dtype",)

    def __init__(self) -> None:
        self.dtype = float32


default = _Default()


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of floating results for which nothing else decides (float32 unless it was changed)."""
    return default.dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the default floating dtype.

    Raises:
        DtypeError: ``dtype`` is not a floating dtype.
    """
    dtype = as_dtype(dtype)
    if dtype.kind != "f":
        raise DtypeError(f"set_default_dtype: expected a floating dtype such as autograd.float64, got {dtype}")
    default.dtype = dtype


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """A NumPy dtype from a dtype, a scalar type, a name or a Python type (``float`` is float64, as everywhere).

    Raises:
        DtypeError: it names no dtype that a Tensor can have.
    """
    if isinstance(dtype, str) and dtype in NAMES:
        return NAMES[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"{dtype!r} is not a dtype; use autograd.float32, 'float32', np.float32, ...") from None
    if found.kind not in _CATEGORY or found.type is np.void:
        raise DtypeError(f"a Tensor cannot hold dtype {found}; it holds bool, integer, floating or complex numbers")
    return found


def or_default(dtype: Any) -> np.dtype[Any]:
    """``as_dtype``, where None stands for the default floating dtype."""
    return default.dtype if dtype is None else as_dtype(dtype)


class finfo:
    """The limits of a floating dtype (default: the default one) as Python's floats; of a complex one, of its parts.

    Attributes:
        bits, eps, max, min, resolution, smallest_normal, tiny: as ``numpy.finfo``'s, which has more of them.
        dtype: the real dtype's name.

    Raises:
        DtypeError: it is not a floating or complex dtype.
    """

    _shown = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")

    def __init__(self, type: Any = None) -> None:
        dtype = or_default(type)
        if dtype.kind not in "fc":
            raise DtypeError(f"finfo: expected a floating dtype, got {dtype}; iinfo is for integers")
        self._info = np.finfo(dtype)
        self.dtype = self._info.dtype.name
        self.resolution = 10.0**-self._info.precision

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_info":
            raise AttributeError(f"finfo has no attribute {name!r}")
        value = getattr(self._info, name)
        return value.item() if isinstance(value, np.generic) else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __reduce__(self) -> Any:
        return finfo, (self.dtype,)

    def __repr__(self) -> str:
        limits = ", ".join(f"{name}={getattr(self, name):g}" for name in self._shown)
        return f"finfo({limits}, dtype={self.dtype})"


def iinfo(type: Any) -> Any:
    """The limits of an integer dtype: ``min``, ``max``, ``bits``.

    Raises:
        DtypeError: it is not an integer dtype.
    """
    dtype = as_dtype(type)
    if dtype.kind not in "iu":
        raise DtypeError(f"iinfo: expected an integer dtype, got {dtype}; finfo is for floating ones")
    return np.iinfo(dtype)


def extremes(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """The least and the greatest value of a real dtype; infinities, where there are any."""
    if dtype.kind == "b":
        return False, True
    if dtype.kind in "iu":
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return -np.inf, np.inf


def category(dtype: np.dtype[Any]) -> int:
    """0 bool, 1 integer, 2 floating, 3 complex."""
    return _CATEGORY[dtype.kind]


def weak_dtype(value: Any) -> np.dtype[Any]:
    """The dtype of a Python number standing alone: bool, int64, or the default float or complex dtype."""
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    return default.dtype if isinstance(value, float) else _COMPLEX_OF[default.dtype]


def result_type(*operands: Any) -> np.dtype[Any]:
    """The dtype in which an operation on ``operands`` (Tensors, arrays, numbers, dtypes) is computed.

    >>> import autograd
    >>> autograd.result_type(autograd.tensor([1, 2]), 1.5)
    dtype('float32')
    """
    return common_dtype([operand._data if isinstance(operand, Handle) else _plain(operand) for operand in operands])


def _plain(operand: Any) -> Any:
    """An operand as ``common_dtype`` wants it: a NumPy scalar that is a Python number by inheritance becomes one."""
    if isinstance(operand, (np.float64, np.complex128)):
        return operand.item()
    return as_dtype(operand) if isinstance(operand, (type, str)) else operand


def common_dtype(operands: Sequence[Any]) -> np.dtype[Any]:
    """``result_type`` of arrays (0-d ones may be NumPy scalars), Python numbers and dtypes."""
    levels: list[np.dtype[Any] | None] = [None, None, None]  # Python numbers, 0-d arrays, arrays with dimensions
    for operand in operands:
        if isinstance(operand, np.dtype):
            level, dtype = 2, operand
        elif hasattr(operand, "dtype"):
            level, dtype = (2 if operand.ndim else 1), operand.dtype
        else:
            level, dtype = 0, weak_dtype(operand)
        held = levels[level]
        levels[level] = dtype if held is None else _promoted(held, dtype)
    found: np.dtype[Any] | None = None
    for candidate in reversed(levels):
        if candidate is None:
            continue
        if found is None:
            found = candidate
        elif category(candidate) > category(found):
            halves = category(candidate) == 3 and category(found) == 2
            found = _COMPLEX_OF.get(found, candidate) if halves else candidate
    if found is None:
        raise TypeError("result_type: expected at least one operand")
    return found


def weak(value: Any, dtype: np.dtype[Any]) -> Any:
    """A Python number as an operand beside arrays of ``dtype``; beyond the range of an integer dtype it wraps around.

    So -1 beside uint8 is 255, also in a comparison. Beyond int64 it is left to NumPy, which raises OverflowError.
    """
    if isinstance(value, bool) or category(dtype) < category(weak_dtype(value)):
        return dtype.type(value)
    if dtype.kind in "iu" and type(value) is int and dtype.itemsize < 8:
        bits = 8 * dtype.itemsize - (dtype.kind == "i")
        if not (0 if dtype.kind == "u" else -1 << bits) <= value < 1 << bits and -1 << 63 <= value < 1 << 63:
            return np.int64(value).astype(dtype)
    return value


def stored(value: Any, dtype: np.dtype[Any]) -> Any:
    """A Python number as what an array of ``dtype`` is filled with; into an unsigned dtype negative ones wrap around.

    Raises: DtypeError for what an integer dtype cannot hold, and for an imaginary part that a dtype has not.
    """
    kind = dtype.kind
    if type(value) is complex and kind in "fiu" and not value.imag:
        value = value.real
    if type(value) is float and kind in "iu" and math.isfinite(value):
        value = int(value)
    if (type(value) is complex and kind in "fiu") or (type(value) is float and kind in "iu"):
        raise DtypeError(f"the number {value} cannot be written into a tensor of dtype {dtype}")
    if type(value) is not int or kind not in "iu":
        return value
    bits = 8 * dtype.itemsize - (dtype.kind == "i")
    if not -1 << bits <= value < 1 << bits:
        raise DtypeError(f"the number {value} does not fit a tensor of dtype {dtype}")
    return value % (1 << bits) if dtype.kind == "u" else value


def wrapped(values: Any, dtype: Any) -> Any:
    """An array of Python's integers as one of an integer dtype that not all of them fit, as ``stored`` does it.

    Raises: DtypeError.
    """
    held = [stored(int(value), dtype) for value in values.flat]
    return np.array(held, dtype).reshape(values.shape)


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that both can be computed in, by PyTorch's rules (an integer never widens a float)."""
    return _promoted(as_dtype(type1), as_dtype(type2))


@functools.cache
def _promoted(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    if category(a) != category(b):
        low, high = sorted((a, b), key=category)
        return high if category(low) < 2 else np.promote_types(low, high)
    return np.promote_types(a, b)


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of dtype ``from_`` may be written into one of ``to`` in place: never to a lower category."""
    return category(as_dtype(from_)) <= category(as_dtype(to))


def to_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """``dtype`` if it is floating or complex, else the default dtype."""
    return dtype if dtype.kind in "fcV" else default.dtype
