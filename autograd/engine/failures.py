"""Turns an exception of NumPy in an op's forward into one that says what came, what was expected, what to do."""

from __future__ import annotations

import functools
import inspect
import math
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import ArgumentError, BoundsError, DtypeError, LinAlgError, NotDifferentiableError, ShapeError
from .callsite import is_ours
from .modes import local

__all__ = [
    "INTERNAL",
    "RAW",
    "check_setting",
    "describe",
    "explain",
    "explain_composed",
    "explained",
    "operand_error",
    "picked",
    "rescue",
    "without_rules",
]

P = ParamSpec("P")
R = TypeVar("R")


def describe(value: Any) -> str:
    """A value in a message: shape and dtype of an array, else its repr."""
    if isinstance(value, (list, tuple)) and any(hasattr(item, "shape") for item in value):
        return "[" + ", ".join(describe(item) for item in value) + "]"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}{list(value.shape)}"
    text = repr(value)
    if "\n" in text:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 60 else text[:57] + "..."


def rescue(op: Any, error: Exception, values: Sequence[Any]) -> Any:
    """What to do about ``error``, which the forward of ``op`` raised for ``values``: another way to its result.

    Raises:
        Exception: the explained error, unless a transform whose arrays are among the values knows such a way.
    """
    if local.levels:
        found = local.levels[-1].rescue(op, error, values)
        if found is not NotImplemented:
            return found
    better = explain(op, error, values)
    if op.trusted:
        raise better from None
    if better is error:
        raise error  # the user wants to see the line of the forward
    raise better from error


def without_rules(op: Any) -> Exception:
    """The error to raise where a gradient arrives at an op that has no derivative."""
    name = str(op.name).removesuffix("_parts")  # an op behind the function of that name
    return NotDifferentiableError(
        f"{name}: its results have no derivative, so the gradient would be lost here; .detach() its input, or its "
        "result, if none is to flow through it"
    )


def explain(op: Any, error: Exception, values: Sequence[Any]) -> Exception:
    """The error to raise instead of ``error``, which the forward of ``op`` raised for ``values``, in params' order."""
    if isinstance(error, (ShapeError, DtypeError, NotDifferentiableError)):
        return error
    parameters = op.signature.parameters
    if isinstance(error, TypeError):
        required = [p.name for p in parameters.values() if p.default is p.empty]
        left_out = [name for name, value in zip(op.params, values, strict=False) if value is None and name in required]
        if left_out:
            return TypeError(_missing(op, left_out[0]))
    found = _worded(op.name, parameters, list(zip(op.params, values, strict=False)), error)
    if found is not None:
        return found
    error.add_note(f"(in the forward of op {op.name}({_named(zip(op.params, values, strict=False))}))")
    return error


def _worded(
    name: str, parameters: Mapping[str, inspect.Parameter], given: list[tuple[str, Any]], error: Exception
) -> Exception | None:
    """What an exception of Python's or NumPy's means that a function raised for what it was given, None if unknown."""
    if isinstance(error, AttributeError):
        found: Exception | None = _misplaced(name, given, error)
        if found is not None:
            return found
    if isinstance(error, (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)):
        found = _misfit(name, parameters, given)
        if found is not None:
            return found
    call = f"{name}({_named(given)})"
    arrays = [array for _, value in given if (array := _array_in(value)) is not None]
    if isinstance(error, MemoryError):
        return MemoryError(f"{call}: {error}. {_broadcast_hint(arrays)}".strip())
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{call}: {error}")
    if isinstance(error, ValueError) and len(arrays) >= 2 and any(word in str(error) for word in _SHAPE_TROUBLE):
        hint = _matmul_hint(arrays) if name in _PRODUCTS else _shape_hint(arrays)
        if hint:
            return ShapeError(f"{call}: {hint}")
    if isinstance(error, TypeError):
        return DtypeError(f"{call}: {error}")
    if isinstance(error, np.exceptions.AxisError):
        return BoundsError(f"{call}: {error}")
    if isinstance(error, ValueError):
        about_shapes = any(word in str(error) for word in _SHAPE_WORDS)
        return (ShapeError if about_shapes else ArgumentError)(f"{call}: {error}")
    if isinstance(error, IndexError):
        return BoundsError(f"{call}: {error}")
    if isinstance(error, OverflowError):
        return OverflowError(f"{call}: {error}")
    return None


def _named(given: Iterable[tuple[str, Any]]) -> str:
    """Arguments as they stand in a message."""
    return ", ".join(f"{name}={describe(value)}" for name, value in given if name not in INTERNAL)


def _array_in(value: Any) -> Any:
    """The array that is an argument, or that of a Tensor, else None."""
    array = getattr(value, "_data", value)
    return array if isinstance(array, (np.ndarray, np.generic)) else None


INTERNAL = {"memo", "self"}
"""Parameters in which ops keep intermediate results, of which users know nothing; and a method's object."""
_SHAPE_TROUBLE = ("broadcast", "mismatch", "aligned", "enough dimensions")
"""How NumPy's messages about shapes can be told from others."""
_SHAPE_WORDS = ("shape", "broadcast", "dimension", "axis", "axes", "size", "squeeze", "stack", "split", "concatenate")
_PRODUCTS = {"matmul", "mm", "bmm", "mv", "dot", "addmm"}


def _shape_hint(arrays: Sequence[Any]) -> str | None:
    """Why these shapes do not broadcast and what may have been meant, or None if they do."""
    shapes = [array.shape for array in arrays]
    rank = max(map(len, shapes))
    for axis in range(-1, -rank - 1, -1):
        sizes = list(dict.fromkeys(shape[axis] for shape in shapes if len(shape) >= -axis and shape[axis] != 1))
        if len(sizes) > 1:
            first, second = shapes[0], shapes[1]
            text = (
                f"shapes {' and '.join(map(str, shapes))} do not broadcast: dimension {axis} (counted from the "
                f"end) is {' and '.join(map(str, sizes))}; sizes must be equal or 1"
            )
            return text + _alignment(first, second) if len(shapes) == 2 else text
    return None


def _alignment(first: tuple[int, ...], second: tuple[int, ...]) -> str:
    """How two shapes that do not broadcast may have been meant."""
    if len(first) == 2 and first[::-1] == second:
        return ". The second is the transpose of the first: did you mean y.T?"
    for name, short, long in (("x", first, second), ("y", second, first)):
        if len(short) == 1 < len(long) and short[0] == long[0]:
            return f". To align along the first dimension, use {name}.reshape({(*short, *(1,) * (len(long) - 1))})"
    return ""


def _matmul_hint(arrays: Sequence[Any]) -> str:
    """Why two shapes do not multiply as matrices, and the likely transpose."""
    a, b = arrays[0].shape, arrays[1].shape
    if not a or not b:
        return f"shapes {a} and {b}: a matrix product needs at least one dimension on each side; use * for numbers"
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] == inner:
        return f"the batch dimensions of {a} and {b} do not broadcast: {a[:-2]} and {b[:-2]}"
    text = f"shapes {a} and {b} do not multiply: the last dimension of the first is {a[-1]}, the "
    text += f"{'second to last' if len(b) > 1 else 'only'} dimension of the second is {inner}; they must be equal"
    if len(b) > 1 and b[-1] == a[-1]:
        text += ". Did you mean x @ y.mT (the second transposed)?"
    elif len(a) > 1 and a[-2] == inner:
        text += ". Did you mean x.mT @ y (the first transposed)?"
    return text


def _broadcast_hint(arrays: Sequence[Any]) -> str:
    if len(arrays) < 2:
        return ""
    try:
        shape = np.broadcast_shapes(*[array.shape for array in arrays])
    except ValueError:
        return ""
    size = math.prod(shape) * max((array.dtype.itemsize for array in arrays), default=1)
    return f"The inputs broadcast to {shape}, {size:,} bytes: is a dimension of size 1 in the wrong place?"


def operand_error(op: Any, name: str, value: Any) -> Exception:
    """The error for an argument that is not a Tensor, array or number."""
    if value is None:
        return TypeError(_missing(op, name, ", a Tensor, a NumPy array or a number"))
    return TypeError(
        f"{op.name}: '{name}' must be a Tensor, a NumPy array or a number, got {type(value).__name__} {describe(value)}"
    )


RAW = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""The exceptions that Python and NumPy raise about arguments, whose words a function should explain."""


def check_setting(name: str, param: str, value: Any, plain: Collection[type]) -> None:
    """Raise DtypeError for what was given for a flag (``plain`` are bools), or for a number, and is none.

    Such as the 1 in ``x.sum(0, 1)``, by which two dimensions are meant. What stands for a number may do so.
    """
    if type(None) in plain and value is None:
        return
    flag = bool in plain
    if isinstance(value, (bool, np.bool_)) if flag else not isinstance(value, _NO_NUMBERS):
        return
    hint = "; several dimensions are given as a tuple: dim=(0, 1)" if param == "keepdim" else ""
    raise DtypeError(f"{name}: '{param}' must be {'True or False' if flag else 'a number'}, got {_came(value)}{hint}")


_NO_NUMBERS = (str, bytes, list, tuple, dict, set, type(None))


def _came(value: Any) -> str:
    return "None" if value is None else f"{type(value).__name__} {describe(value)}"


def picked(name: str, numbers: tuple[int, ...], dim: Any) -> int:
    """What ``numbers`` has for a dimension. Raises: BoundsError, DtypeError."""
    if not _is_integer(dim):
        raise DtypeError(f"{name}: a dimension must be an integer, got {_came(dim)}")
    rank = len(numbers)
    if not -rank <= dim < rank:
        raise BoundsError(f"{name}: there is no dimension {dim} in {numbers}: expected {-rank} to {rank - 1}")
    return numbers[dim]


def explain_composed(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception) -> None:
    """Raise what explains ``error`` of a function that is composed of ops, as ops name themselves.

    Nothing is raised where it explains itself: it is of a class of this library, or begins with a name; nor if it comes
    from the user's code, which the function called.

    Raises:
        BoundsError: of a dimension or an index that is not there.
        TypeError: an argument is of the wrong kind; this and the other errors are ``autograd.errors``'.
    """
    axis = isinstance(error, np.exceptions.AxisError)
    if type(error).__module__ == ArgumentError.__module__ or (not axis and _OWN_WORDS.match(str(error))):
        return
    if _is_users(error):
        return
    of_module = function.__name__ in ("__init__", "forward")
    name = type(args[0]).__name__ if of_module else str(function.__qualname__).rpartition("<locals>.")[2]
    parameters = inspect.signature(function).parameters
    better: Exception | None = BoundsError(f"{name}: {error}") if axis else None
    if better is None:
        better = _worded(name, parameters, [*zip(parameters, args, strict=False), *kwargs.items()], error)
    if better is not None:
        raise better from None


_OWN_WORDS = re.compile(r"[A-Za-z_][\w.]*((\(.*?\))?: |\(\) (got|missing|takes|needs|cannot|must))")
"""How messages begin that say which function they are of: this library's, and Python's about a call."""


def _is_users(error: Exception) -> bool:
    """Whether an exception was raised in code that is neither this library's nor NumPy's, SciPy's or Python's."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        known = package in ("numpy", "scipy") or package in sys.stdlib_module_names
        if not known and not is_ours(frame.f_code.co_filename):
            return True
        trace = trace.tb_next
    return False


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors that are Python's or NumPy's are explained: it, what came, what was expected."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except RAW as error:
            explain_composed(function, args, kwargs, error)
            raise

    return call


def _is_integer(value: Any) -> bool:
    try:
        return not isinstance(value, str) and value.__index__() is not None
    except (AttributeError, TypeError):
        return False


def _are_integers(value: Any) -> bool:
    return not isinstance(value, str) and (not np.iterable(value) or all(map(_is_integer, value)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) or getattr(value, "shape", None) == ()


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("an integer", _is_integer),
    "float": ("a number", _is_number),
    "bool": ("True or False", lambda value: isinstance(value, (bool, np.bool_))),
    "str": ("a string", lambda value: isinstance(value, str)),
    "Sequence[int]": ("integers", _are_integers),
    "tuple[int, ...]": ("integers", _are_integers),
    "None": ("None", lambda value: value is None),
}
"""What annotations of settings ask for: in words, and whether a value is that."""


def _misfit(
    name: str, parameters: Mapping[str, inspect.Parameter], given: Iterable[tuple[str, Any]]
) -> DtypeError | None:
    """The error for the first argument that is not what its parameter's annotation says, None if all are."""
    for param, value in given:
        if param not in parameters:
            continue
        kinds = [_KINDS.get(kind.strip()) for kind in str(parameters[param].annotation).split("|")]
        known = [kind for kind in kinds if kind is not None]
        if len(known) == len(kinds) and not any(fits(value) for _, fits in known):
            wanted = " or ".join([words for words, _ in known])
            return DtypeError(f"{name}: '{param}' must be {wanted}, got {_came(value)}")
    return None


def _misplaced(name: str, given: Iterable[tuple[str, Any]], error: AttributeError) -> DtypeError | None:
    """The error for an argument that was asked for its shape or dtype and is no array; None if it was none of these."""
    for param, value in given:
        if value is error.obj and not hasattr(value, "shape"):
            came = "NoneType" if value is None else _came(value)
            return DtypeError(f"{name}: '{param}' must be a Tensor or a NumPy array, got {came}")
    return None


def _missing(op: Any, name: str, kind: str = "") -> str:
    """That an argument is missing, and which ones the op takes."""
    found = [p.replace(annotation=p.empty) for p in op.signature.parameters.values() if p.name not in INTERNAL]
    takes = ", ".join(map(str, found))
    return f"{op.name}() needs the argument '{name}'{kind}; it was left out or None. It takes ({takes})"
