"""Arrays in short: their numbers written out or summed up, and sizes and times as text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .boxes import Values

__all__ = ["bytes_text", "line_text", "number_text", "shape_text", "summarise", "time_text"]

_WRITTEN_OUT = 6
"""Arrays of this many elements are written out."""
_BINS = 16


def shape_text(shape: tuple[int, ...] | None) -> str:
    """``32 x 64``; ``scalar``; nothing for a shape that is not known."""
    if shape is None:
        return ""
    return " \u00d7 ".join(map(str, shape)) if shape else "scalar"


def number_text(value: Any, digits: int = 4) -> str:
    """A number with this many digits: ``0.25``, ``1.234e-05``, ``1-2j``."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, complex):
        return f"{value.real:.{digits}g}{value.imag:+.{digits}g}j"
    if not isinstance(value, float):
        return str(value)
    return f"{value + 0.0:.{digits}g}"  # no minus before a zero


def summarise(value: Any) -> Values | None:
    """What an array (or NumPy scalar, or list of arrays that is one output) holds; None of what is not an array."""
    array = np.asarray(value)
    shape, dtype = shape_text(array.shape), str(array.dtype)
    if array.dtype.type.__module__ == "ml_dtypes":  # bfloat16 and its kind, which NumPy does not know
        array = array.astype(np.float32)
    kind = array.dtype.kind
    if kind not in "fciub":
        return None
    numbers = array if kind in "fc" and array.dtype.itemsize > 2 else array.astype(np.float64)
    with np.errstate(all="ignore"):
        finite = numbers[np.isfinite(numbers)] if kind in "fc" else numbers.reshape(-1)
        bad = array.size - finite.size
        sizes = np.abs(finite) if kind == "c" else finite
        greatest = float(np.maximum.reduce(np.abs(sizes), initial=0.0))
        norm = greatest and greatest * math.sqrt(float(np.add.reduce(np.square(np.abs(sizes / greatest)), dtype=float)))
        if not finite.size:
            low = high = mean = 0.0
        else:
            low, high = float(np.minimum.reduce(sizes)), float(np.maximum.reduce(sizes))
            mean = float(np.add.reduce(sizes, dtype=float)) / finite.size
        if array.size <= _WRITTEN_OUT:
            return Values(shape, dtype, _written(array), (), low, high, norm, bad)
        text = _mean_and_range(mean, low, high, bad, array, "|z| " if kind == "c" else "")
        return Values(shape, dtype, text, _histogram(sizes, low, high), low, high, norm, bad)


def _written(array: Any) -> str:
    """All elements, with the brackets of their dimensions."""
    if not array.ndim:
        return number_text(array[()])
    if array.ndim == 1:
        return f"[{', '.join(number_text(item) for item in array)}]"
    if array.ndim == 2 and array.size:
        return f"[{', '.join(_written(row) for row in array)}]"
    flat = ", ".join(number_text(item) for item in array.reshape(-1))
    return f"{flat} (flat)" if flat else "no elements"


def _mean_and_range(mean: float, low: float, high: float, bad: int, array: Any, what: str) -> str:
    if bad == array.size:
        return f"all {array.size:,} NaN" if np.isnan(array).all() else f"all {array.size:,} NaN or infinite"
    if array.dtype.kind == "b":
        text = f"{mean:.0%} true"
    elif low == high:
        text = f"all {what}{number_text(low)}"
    else:
        if abs(mean) < 1e-6 * max(abs(low), abs(high)):
            mean = 0.0  # but for rounding
        text = f"{what}mean {number_text(mean, 2)}, {number_text(low, 3)} to {number_text(high, 3)}"
    return f"{text}, {bad:,} NaN or infinite" if bad else text


def _histogram(numbers: Any, low: float, high: float) -> tuple[int, ...]:
    """How many of the numbers lie in each of equal bins."""
    if not numbers.size:
        return ()
    half = high / 2 - low / 2  # of numbers so large that their difference overflows
    if not half:
        return (int(numbers.size), *(0,) * (_BINS - 1))
    places = (numbers.astype(float) / 2 - low / 2) / half * _BINS
    return tuple(np.bincount(np.minimum(places.astype(np.intp), _BINS - 1).reshape(-1), minlength=_BINS).tolist())


def bytes_text(n: int) -> str:
    """``96 bytes``, ``2.0 KiB``."""
    amount = float(n)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{n} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def time_text(seconds: float) -> str:
    """``12 \u00b5s``, ``3.4 ms``."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} \u00b5s"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def line_text(line: str) -> str:
    """A line of the program without the folders above its file: ``model.py:12 in forward``."""
    return line.replace("\\", "/").rpartition("/")[2]
