"""Floating numbers taken apart into mantissa and exponent."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..errors import DtypeError
from ..samples import reals


@op(
    np.frexp,
    x=lambda g_mantissa, exponent: np.ldexp(g_mantissa, -exponent),
    jvp=lambda t_x, exponent: (np.ldexp(t_x, -exponent), None),
    outputs=("mantissa", "exponent"),
    promote="common",
    samples=[reals(2.1, 3.9), reals(-0.45, -0.3)],
)
def frexp(x: Any) -> Any:
    """``x`` as ``mantissa * 2**exponent``, the mantissa's magnitude in [0.5, 1) (0, inf and nan: exponent 0).

    The exponent (int32) is constant between the powers of 2, so only the mantissa has a derivative.

    Raises: DtypeError for integers and complex numbers.
    """
    if x.dtype.kind not in "fV":
        raise DtypeError(f"frexp: expected floating numbers, got {x.dtype}; convert it first, with .float(), say")
    return np.frexp(x)
