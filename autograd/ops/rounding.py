"""Rounding: floor, ceil, trunc, round and the fraction that is left.

Shape: as the input. Integers and bools are whole already and come back as they are. The gradient is zero (of
``frac`` one) everywhere, at the jumps too, as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals

_WHOLE = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_HALVES = (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)


def zero(g: Any) -> Any:
    """The rule of an op that is constant between its jumps."""
    return np.zeros_like(g)


def _is_whole(x: Any) -> bool:
    return bool(x.dtype.kind in "biu")


@op(np.floor, x=zero, samples=reals(avoid=_WHOLE))
def floor(x: Any) -> Any:
    """The largest whole number not above ``x``."""
    return np.array(x, subok=True) if _is_whole(x) else np.floor(x)


@op(np.ceil, x=zero, samples=reals(avoid=_WHOLE))
def ceil(x: Any) -> Any:
    """The smallest whole number not below ``x``."""
    return np.array(x, subok=True) if _is_whole(x) else np.ceil(x)


@op(np.trunc, np.fix, x=zero, samples=reals(avoid=_WHOLE))
def trunc(x: Any) -> Any:
    """``x`` without its fraction: rounded towards zero."""
    return np.array(x, subok=True) if _is_whole(x) else np.trunc(x)


@op(np.round, np.around, np.rint, x=zero, promote="common", samples=[
    reals(avoid=_HALVES),
    elementwise(x=reals(-1, 1, avoid=tuple(i / 20 for i in range(-19, 20, 2))), decimals=1),
    elementwise(x=reals(-40, 40, avoid=(-35.0, -25.0, -15.0, -5.0, 5.0, 15.0, 25.0, 35.0)), decimals=-1),
])  # fmt: skip
def round(x: Any, decimals: int = 0) -> Any:
    """``x`` rounded to ``decimals`` places after the point (if negative, before it), halves to the even neighbour."""
    if decimals == 0 and not _is_whole(x):
        return np.rint(x)
    if x.dtype == np.float16:  # x * 10**decimals overflows soon
        return np.round(x.astype(np.float32), decimals).astype(x.dtype)
    return np.round(x, decimals)


@op(x=lambda g: g, jvp="symmetric", samples=reals(avoid=_WHOLE))
def frac(x: Any) -> Any:
    """The fraction ``x - trunc(x)``, with the sign of ``x``."""
    return x - np.trunc(x)


fix = trunc
