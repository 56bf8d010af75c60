"""``assert_close``, as in ``torch.testing``."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._operands import unwrap
from ..engine.nodes import Handle
from ..errors import ArgumentError

__all__ = ["assert_close"]

PRECISION = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
PRECISION |= {"complex64": PRECISION["float32"], "complex128": PRECISION["float64"]}
"""For each dtype the default ``rtol`` and ``atol``; of the others they are 0."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Assert that ``abs(actual - expected) <= atol + rtol * abs(expected)``, elementwise, with PyTorch's defaults.

    Args:
        actual: Tensor, array, number, or a sequence or mapping of them.
        expected: likewise.
        allow_subclasses: whether two different classes of tensor-likes may be compared.
        rtol: give this and ``atol``, or neither (default: by dtype, the laxer of the two).
        atol: see ``rtol``.
        equal_nan: whether NaN equals NaN.
        check_device: without effect: there is one device.
        check_dtype: whether dtypes must be the same; if not, they are promoted.
        check_layout: without effect: there is one layout.
        check_stride: whether strides must be the same.
        msg: the message, or a function from the message to another one.

    Raises:
        AssertionError: they are not close; says where most.
        TypeError: they are no such things, or of kinds that cannot be compared.
        ValueError: only one of ``rtol`` and ``atol`` was given.

    >>> import autograd
    >>> from autograd.testing import assert_close
    >>> assert_close(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 2.0000001]))
    """
    if (rtol is None) != (atol is None):
        raise ArgumentError(
            f"rtol and atol must both be either specified or unspecified, but got rtol={rtol} and atol={atol} instead."
        )
    options = _Options(rtol, atol, equal_nan, check_dtype, check_stride, allow_subclasses)
    problem = _compare(actual, expected, options, "")
    if problem:
        raise AssertionError(msg(problem) if callable(msg) else problem if msg is None else msg)


class _Options:
    def __init__(
        self, rtol: float | None, atol: float | None, equal_nan: bool, dtype: bool, stride: bool, subclasses: bool
    ) -> None:
        self.rtol, self.atol, self.equal_nan = rtol, atol, equal_nan
        self.dtype, self.stride, self.subclasses = dtype, stride, subclasses

    def tolerances(self, *dtypes: Any) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [PRECISION.get(str(dtype), (0.0, 0.0)) for dtype in dtypes]
        return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def _is_array(value: Any) -> bool:
    return isinstance(value, (Handle, np.ndarray, np.generic))


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Number, bool)) and not isinstance(value, np.generic)


def _compare(actual: Any, expected: Any, options: _Options, where: str) -> str | None:
    """The complaint, or None."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, extra = sorted(set(expected) - set(actual), key=str), sorted(set(actual) - set(expected), key=str)
        if missing or extra:
            return (
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\n"
                f"Additional keys in the actual mapping: {extra}{_at(where)}"
            )
        return next(
            filter(None, (_compare(actual[k], expected[k], options, f"{where}[{k!r}]") for k in expected)), None
        )
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{_at(where)}"
        pairs = enumerate(zip(actual, expected, strict=True))
        return next(filter(None, (_compare(x, y, options, f"{where}[{i}]") for i, (x, y) in pairs)), None)
    if _is_number(actual) and _is_number(expected):
        return _compare_numbers(actual, expected, options, where)
    if actual is None and expected is None:
        return None
    if not (_is_array(actual) and _is_array(expected)):
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.{_at(where)}"
        )
    if not options.subclasses and type(actual) is not type(expected):
        return f"the classes do not match: {type(actual)} and {type(expected)}{_at(where)}"
    return _compare_arrays(actual, expected, options, where)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and not _is_array(value)


def _at(where: str) -> str:
    return f"\n\nThe failure occurred for item {where}" if where else ""


def _compare_numbers(actual: Any, expected: Any, options: _Options, where: str) -> str | None:
    kinds = [np.asarray(value).dtype for value in (actual, expected)]
    rtol, atol = options.tolerances(*kinds)
    if actual == expected or (options.equal_nan and actual != actual and expected != expected):
        return None
    if not options.dtype or type(actual) is type(expected):
        difference = abs(actual - expected)
        if np.isfinite(difference) and difference <= atol + rtol * abs(expected):
            return None
    else:
        return f"The (d)types do not match: {type(actual)} != {type(expected)}.{_at(where)}"
    relative = difference / abs(expected) if expected else np.inf
    head = "Scalars are not close!" if rtol or atol else "Scalars are not equal!"
    allowed = (f" (up to {atol} allowed)", f" (up to {rtol} allowed)") if rtol or atol else ("", "")
    return (
        f"{head}\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{allowed[0]}\nRelative difference: {relative}{allowed[1]}{_at(where)}"
    )


def _compare_arrays(actual: Any, expected: Any, options: _Options, where: str) -> str | None:
    x, y = (np.asarray(unwrap(value)) for value in (actual, expected))
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}.{_at(where)}"
    if options.dtype and x.dtype != y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}.{_at(where)}"
    if options.stride and x.strides != y.strides:
        return f"The values for attribute 'stride()' do not match: {x.strides} != {y.strides}.{_at(where)}"
    rtol, atol = options.tolerances(x.dtype, y.dtype)
    wide = np.result_type(x, y)
    wide = np.result_type(wide, np.float64) if wide.kind in "fc" else np.dtype(object) if wide.kind in "iub" else wide
    x, y = x.astype(wide), y.astype(wide)
    with np.errstate(all="ignore"):
        same = x == y
        if options.equal_nan and wide.kind in "fc":
            same |= np.isnan(x) & np.isnan(y)
        difference = np.abs(x - y) if wide.kind in "fc" else np.abs(x.astype(object) * 1 - y.astype(object) * 1)
        near = np.asarray(difference <= atol + rtol * np.abs(y * 1)) & np.isfinite(np.asarray(difference, np.float64))
        wrong = ~(np.asarray(same, np.bool_) | np.asarray(near, np.bool_))
    if not wrong.any():
        return None
    with np.errstate(all="ignore"):
        relative = np.asarray(difference, np.float64) / np.asarray(np.abs(y * 1), np.float64)
    lines = [
        f"Tensor-likes are not {'close' if rtol or atol else 'equal'}!",
        "",
        f"Mismatched elements: {int(wrong.sum())} / {wrong.size} ({100 * wrong.mean():.1f}%)",
    ]
    for name, amounts, allowed in (("absolute", difference, atol), ("relative", relative, rtol)):
        shown = np.where(wrong, np.asarray(amounts, np.float64), -1.0)
        place = np.unravel_index(int(np.argmax(shown)), wrong.shape)
        index = f" at index {tuple(int(i) for i in place)}" if wrong.ndim else ""
        limit = f" (up to {allowed} allowed)" if rtol or atol else ""
        lines.append(f"Greatest {name} difference: {amounts[place]}{index}{limit}")
    return "\n".join(lines) + _at(where)
