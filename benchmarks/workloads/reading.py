"""What contenders must agree on, where a step computes whole arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["absolute_sum", "absolute_sums"]


def absolute_sum(array: Any) -> float:
    """The sum of an array's absolute values, in double precision."""
    return float(np.abs(np.asarray(array, np.float64)).sum())


def absolute_sums(arrays: Iterable[Any]) -> list[float]:
    """``absolute_sum`` of each array."""
    return [absolute_sum(array) for array in arrays]
