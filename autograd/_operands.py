"""Operands: from what a caller may pass to what an op's forward takes, in the dtype in which PyTorch would compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dtypes
from ._signatures import PLAIN
from .engine.failures import check_setting, operand_error
from .engine.foreign import ForeignArray
from .engine.modes import local
from .engine.nodes import Handle
from .engine.observing import tell_replaced
from .engine.views import current, shares_memory
from .errors import DtypeError, GradientError, NotDifferentiableError, RuleError

__all__ = [
    "as_arrays",
    "operand",
    "operator_operand",
    "promote",
    "promote_one",
    "promote_pair",
    "promotion_of",
    "refuse",
    "refuse_flag",
    "require_real",
    "setting",
    "shapes_of",
    "unpack_list",
    "unwrap",
    "without_graphs",
]


def operand(op: Any, name: str, value: Any, alias: Any, optional: bool) -> tuple[Any, Any, Any]:
    """An input that is not a Tensor: its array or number, its node (if ``alias`` is a Tensor after all), its dtype."""
    if type(value) is np.ndarray and value.dtype.kind in "fi":
        return value, None, value.dtype
    if value is None and alias is not None:
        value = alias
        if isinstance(value, Handle):
            return value._data, value._node if value._view is None else current(value), value._data.dtype
    if isinstance(value, (np.float64, np.complex128)):
        value = value.item()
    if isinstance(value, (bool, int, float, complex)):
        if len(op.inputs) > 1:
            return value, None, None
        value = dtypes.weak_dtype(value).type(value)  # nothing beside it from which it could take its dtype
    if value is None and optional:
        return None, None, None
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        if isinstance(value, ForeignArray):
            return value, None, value.dtype
        given = value
        try:
            if isinstance(value, (list, tuple)):
                value = np.asarray(without_graphs(op.name, name, value) if op.differentiable else unwrap(value))
            elif type(value) is not np.ndarray:
                value = np.asarray(value, like=value if isinstance(value, np.ndarray) else None)
        except ValueError:
            raise operand_error(op, name, given) from None
        if isinstance(given, (list, tuple)) and value.dtype == np.float64:
            value = value.astype(dtypes.default.dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufcV":
            raise DtypeError(
                f"{op.name}: '{name}' is an array of dtype {value.dtype}, but a Tensor holds numbers or bools"
            )
        return value, None, value.dtype
    raise operand_error(op, name, value)


def operator_operand(op: Any, name: str, value: Any, alias: Any, optional: bool) -> tuple[Any, Any, Any]:
    """``operand`` of an operator: NotImplemented for a foreign object, so that Python asks that object's type next."""
    if (
        type(value) is np.ndarray
        or isinstance(value, (int, float, complex, list, tuple))
        or hasattr(value, "__array__")
    ):
        return operand(op, name, value, alias, optional)
    return NotImplemented, None, None


def without_graphs(op_name: str, name: str, value: Any) -> Any:
    """A nested list as one of arrays and numbers.

    Raises:
        GradientError: a Tensor in it requires grad, whose gradient would be lost.
    """
    if isinstance(value, (list, tuple)):
        return [without_graphs(op_name, name, item) for item in value]
    if isinstance(value, Handle) and value.requires_grad:  # type: ignore[attr-defined]
        raise GradientError(
            f"{op_name}: '{name}' is a list that contains a tensor that requires grad, and its gradient would be lost; "
            "join the tensors with autograd.stack, or .detach() them"
        )
    return unwrap(value)


def refuse(op_name: str, name: str, value: Any) -> None:
    """Raise NotDifferentiableError if a gradient is to be recorded with respect to which there is no derivative."""
    if value.requires_grad and local.grad:
        raise NotDifferentiableError(
            f"{op_name}: there is no derivative with respect to '{name}', but a tensor came that requires grad; "
            ".detach() it if no gradient is to flow through it, else write the formula with ops of tensors"
        )


def refuse_flag(op_name: str, dim: bool) -> None:
    """Raise DtypeError for what Python would take as the dimension 0 or 1, such as the True in ``x.sum(True)``."""
    raise DtypeError(f"{op_name}: 'dim' must be a dimension, got {dim}; flags have names, such as keepdim={dim}")


def setting(op_name: str, name: str, value: Any, kind: str = "float") -> Any:
    """What was given as a setting of an op, such as ``alpha``: a Tensor of one element becomes a number.

    A NumPy scalar becomes one, too: as it is, a float64 would make float64 of all that it is multiplied by.

    Raises:
        NotDifferentiableError: the Tensor requires grad.
        DtypeError: it is neither a number nor, if ``kind`` is ``"bool"``, True or False.
    """
    if value.__class__ in PLAIN[kind]:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, Handle):
        check_setting(op_name, name, value, PLAIN[kind])
        return value
    refuse(op_name, name, value)
    tensor: Any = value
    return tensor.item()


def as_arrays(op: Any, out: Any, values: tuple[Any, ...]) -> Any:
    """What a user's forward returned, as an array or, if the op has several outputs, as a list of arrays.

    What shares memory with an argument is copied, unless the op is declared a view.

    Raises:
        RuleError: it is nothing that can be the value of this op.
    """
    if op.outputs is None:
        return _as_array(op, out, values)
    if not isinstance(out, (tuple, list)) or (op.outputs != "many" and len(out) != len(op.outputs)):
        raise RuleError(f"the forward of op '{op.name}' must return {op.outputs} outputs, got {type(out).__name__}")
    return [_as_array(op, item, values) for item in out]


def _as_array(op: Any, out: Any, values: tuple[Any, ...]) -> Any:
    if isinstance(out, (bool, int, float, complex)) and not isinstance(out, np.generic):
        return np.asarray(out)
    if isinstance(out, ForeignArray):
        return out.copy() if not op.view and any(out is value for value in values) else out
    if not isinstance(out, (np.ndarray, np.generic)):
        tensors = [name for name, value in zip(op.params, values, strict=False) if isinstance(value, Handle)]
        hint = f"; '{tensors[0]}' came as a Tensor: annotate it as float, or name it in constants" if tensors else ""
        raise RuleError(f"the forward of op '{op.name}' must return an array, got {type(out).__name__}{hint}")
    if not op.view and isinstance(out, np.ndarray):
        for value in values:
            for array in value if isinstance(value, list) else (value,):
                if isinstance(array, np.ndarray) and shares_memory(out, array):
                    return out.copy()
    return out


def unwrap(value: Any) -> Any:
    """The array of a Tensor, also of those in nested tuples and lists; anything else as it is."""
    if isinstance(value, Handle):
        return value._data
    if type(value) in (tuple, list):
        return type(value)([unwrap(item) for item in value])
    return value


def unpack_list(op: Any, name: str, values: Any) -> tuple[list[Any], list[Any]]:
    """A list input: the arrays, in their common dtype, and the nodes."""
    if type(values) is not list and (isinstance(values, Handle) or not hasattr(values, "__iter__")):
        raise TypeError(f"{op.name}: '{name}' must be a list or tuple of Tensors, got {type(values).__name__}")
    arrays: list[Any] = []
    nodes: list[Any] = []
    several, dtype = False, None
    for i, value in enumerate(values):
        if isinstance(value, Handle):
            array = value._data
            nodes.append(value._node if value._view is None else current(value))
        else:
            plain = type(value) is np.ndarray and value.dtype.kind in "fi"
            array = value if plain else operand(op, f"{name}[{i}]", value, None, False)[0]
            nodes.append(None)
        if i and getattr(array, "dtype", None) is not dtype:
            several = True
        dtype = getattr(array, "dtype", None)
        arrays.append(array)
    if several and op.promote is not None:
        arrays = list(promote(*arrays, to_float=op.promote != "common"))
    return arrays, nodes


def shapes_of(values: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    """The shapes of the arrays and numbers of a list input."""
    return tuple([value.shape if hasattr(value, "shape") else () for value in values])


def promote_one(x: Any) -> Any:
    """An integer, bool or Python number in the default floating dtype; anything else as it is."""
    if not hasattr(x, "dtype"):
        return x if isinstance(x, complex) else dtypes.default.dtype.type(x)
    return x if x.dtype.kind in "fcV" else tell_replaced(x, x.astype(dtypes.default.dtype))


def promotion_of(numpy: Sequence[Callable[..., Any]]) -> str | None:
    """How a ufunc promotes: "float" if it has no loop from integers to integers or bools."""
    for function in numpy:
        if isinstance(function, np.ufunc) and function.signature is None:
            loops = [loop.split("->") for loop in function.types]
            keeps = any(set(a) <= set("lq") and set(b) <= set("lq?") for a, b in loops)
            return "common" if keeps else "float"
    return None


def require_real(op: Any, *values: Any) -> None:
    """Raise DtypeError if there is a complex array or number among the values."""
    for value in values:
        if isinstance(value, complex) or (hasattr(value, "dtype") and value.dtype.kind == "c"):
            raise DtypeError(f"{op.name}: there is none of complex numbers; take their .abs(), .real or .imag")


_constants32: dict[Any, Any] = {}
_constants64: dict[Any, Any] = {}
_MAX_CONSTANTS = 1024
_INEXACT = {dtypes.float16, dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128}
_PLAIN = {*_INEXACT, dtypes.bool_, dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64}
_SMALL = 1 << 31
"""A number below it surely lies in int64's range. Outside of that NumPy would raise where PyTorch wraps around."""


def _constant(value: Any, dtype: Any, cache: dict[Any, Any]) -> Any:
    """A Python number as a read-only 0-d array: NumPy takes it in half the time of the number itself."""
    array = np.array(value, dtype)
    array.flags.writeable = False
    if len(cache) < _MAX_CONSTANTS and value != 0:  # 0.0 and -0.0 are one key
        cache[value] = array
    return array


def promote_pair(x: Any, y: Any, to_float: bool) -> Any:
    """``promote`` of two operands, with a short way for an array and a Python number."""
    if type(y) is float or type(y) is int:
        array, number = x, y
    elif type(x) is float or type(x) is int:
        array, number = y, x
    else:
        return promote(x, y, to_float=to_float)
    dtype: Any = getattr(array, "dtype", None)
    if dtype is dtypes.float32:
        cache = _constants32
    elif dtype is dtypes.float64:
        cache = _constants64
    elif dtype is dtypes.int64 and type(number) is int and not to_float and -_SMALL < number < _SMALL:
        return x, y
    elif dtype in _INEXACT or (dtype in _PLAIN and dtype.kind in "iu" and type(number) is int and not to_float):
        constant = dtypes.weak(number, dtype)
        return (x, constant) if array is x else (constant, y)
    else:
        return promote(x, y, to_float=to_float)
    if type(array) is not np.ndarray:  # arithmetic of NumPy scalars is fast with Python numbers
        return x, y
    constant = cache.get(number)
    if constant is None:
        constant = _constant(number, dtype, cache)
    return (x, constant) if array is x else (constant, y)


def promote(*values: Any, to_float: bool) -> Any:
    """Arrays and Python numbers brought to their common dtype by PyTorch's rules; beside arrays, numbers stay weak."""
    dtype = getattr(values[0], "dtype", None)
    if dtype in (_INEXACT if to_float else _PLAIN):
        for value in values:
            if value is not None and getattr(value, "dtype", None) is not dtype:
                break
        else:
            return values
    dtype = dtypes.common_dtype([value for value in values if value is not None])
    if to_float:
        dtype = dtypes.to_float(dtype)
    if not any(hasattr(value, "dtype") for value in values):
        return [None if value is None else dtype.type(value) for value in values]
    return [
        value
        if value is None
        else (value if value.dtype == dtype else tell_replaced(value, value.astype(dtype)))
        if hasattr(value, "dtype")
        else dtypes.weak(value, dtype)
        for value in values
    ]
