"""Arithmetic: sums, products, quotients, powers, rounding and remainders, elementwise.

Shape, of every op here: inputs broadcast together; the output has the broadcast shape. Numbers and arrays are
accepted beside Tensors; dtypes are promoted by PyTorch's rules. Floating-point warnings are NumPy's
(``np.errstate`` silences them).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals


@op(np.add, x=lambda g: g, y=lambda g, alpha: g if alpha == 1 else g * alpha, samples=[
    elementwise(x=reals(), y=reals()), elementwise(x=reals(), y=reals(), alpha=-2.5),
])  # fmt: skip
def add(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """Sum ``x + alpha * y``."""
    return x + y if alpha == 1 else x + y * alpha


@op(np.subtract, x=lambda g: g, y=lambda g, alpha: -g if alpha == 1 else g * -alpha, samples=[
    elementwise(x=reals(), y=reals()), elementwise(x=reals(), y=reals(), alpha=0.5),
])  # fmt: skip
def sub(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """Difference ``x - alpha * y``."""
    return x - y if alpha == 1 else x - y * alpha


@op(np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x, samples=reals())
def mul(x: Any, y: Any) -> Any:
    """Product ``x * y``."""
    return x * y
@op(np.tanh, x=lambda g, out: g - g * out * out, samples=reals())
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x)
