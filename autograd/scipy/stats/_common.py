"""What the distributions share: shift and scale, and values outside of the support."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import numpy as anp
from ...engine.foreign import as_array, everywhere
from ...engine.nodes import Handle

__all__ = ["LOG_2PI", "anp", "positive", "scaled", "standard", "valid", "within"]

LOG_2PI = math.log(2 * math.pi)


def standard(x: Any, loc: Any, scale: Any) -> Any:
    """``(x - loc) / scale``, without the work that changes nothing."""
    if type(loc) not in (int, float) or loc != 0:
        x = x - loc
    if type(scale) not in (int, float) or scale != 1:
        x = x / positive(scale)
    return x


def valid(condition: Any, parameter: Any) -> Any:
    """A parameter, with NaN in place of what it must not be: so SciPy's results become NaN."""
    return parameter if everywhere(condition) else np.where(condition, parameter, np.nan)


def positive(parameter: Any) -> Any:
    """A parameter that must be positive."""
    return valid(value(parameter) > 0, parameter)


def scaled(logpdf: Any, scale: Any) -> Any:
    """A logarithm of a density for the scale that it is stretched by."""
    return logpdf if type(scale) in (int, float) and scale == 1 else logpdf - anp.log(scale)


def value(x: Any) -> Any:
    """The array of a box."""
    return x._data if isinstance(x, Handle) else as_array(x)


def within(inside: Any, x: Any, stand_in: float, function: Callable[[Any], Any], outside: float = -np.inf) -> Any:
    """``function(x)`` where ``inside`` (or NaN), and elsewhere ``outside``, with gradients that stay finite."""
    if everywhere(inside):
        return function(x)
    inside = inside | np.isnan(value(x))
    return np.where(inside, function(np.where(inside, x, stand_in)), outside)
