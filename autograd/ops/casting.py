"""Copies and casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..samples import reals


@op(np.copy, x=lambda g: g, samples=reals())
def clone(x: Any) -> Any:
    """A copy with memory of its own, still connected to the graph."""
    return np.array(x, subok=True)


@op(x=lambda g: g, samples=reals())
def cast(x: Any, dtype: Any = np.float64) -> Any:
    """``x`` in another dtype, a copy; no gradient flows through an integer or bool dtype.

    The gradient is cast back to the dtype of ``x``.
    """
    return x.astype(dtype)
