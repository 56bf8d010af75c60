"""``gelu``; in float32 the normal distribution is computed by a polynomial, in blocks that fit the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals
from .exponential import erfc

_ROOT = math.sqrt(2 / math.pi)
_BLOCK = 1 << 15
"""Elements computed at a time."""
_FAR = np.array(40, np.float32)
"""From here on the bell is 0 in float32."""
_DENSITY = np.array(1 / math.sqrt(2 * math.pi), np.float32)
_HALF = np.array(-0.5, np.float32)
_ONE, _ZERO = np.array(1, np.float32), np.array(0, np.float32)
_SLANT = np.array(0.35, np.float32)
_TAIL = [
    np.array(c, np.float32)
    for c in (
        -0.02916412757328133, 0.14406192914906998, -0.25590447667961486, 0.1593962061363966, -0.023266306018169383,
        0.10557593027951528, 0.11981519187732934, 0.13986438123313702, 0.13962125562313507,
    )
]  # fmt: skip
"""``t * P(t)`` with ``t = 1 / (1 + 0.35 a)`` is the share of the normal distribution beyond ``a``, divided by
``exp(-a**2 / 2)``, to a relative error of 4e-8: the coefficients of P from the highest, by weighted least squares."""


def _tail(x: Any, size: Any, bell: Any, share: Any, scratch: Any) -> None:
    """For a block: ``|x|`` but at most 40, ``exp(-x**2 / 2)``, and the share of the distribution beyond ``|x|``."""
    np.abs(x, out=size)
    np.minimum(size, _FAR, out=size)
    np.multiply(size, size, out=bell)
    np.multiply(bell, _HALF, out=bell)
    np.exp(bell, out=bell)
    t = np.multiply(size, _SLANT, out=scratch)
    np.add(t, _ONE, out=t)
    np.reciprocal(t, out=t)
    np.multiply(t, _TAIL[0], out=share)
    for coefficient in _TAIL[1:]:
        np.add(share, coefficient, out=share)
        np.multiply(share, t, out=share)
    np.multiply(share, bell, out=share)


def _gelu_block(x: Any, out: Any, size: Any, bell: Any, share: Any) -> None:
    _tail(x, size, bell, share, out)
    np.multiply(share, size, out=share)
    np.maximum(x, _ZERO, out=out)
    np.subtract(out, share, out=out)


def _slope_block(x: Any, out: Any, size: Any, bell: Any, share: Any) -> None:
    _tail(x, size, bell, share, out)
    np.multiply(bell, _DENSITY, out=bell)
    np.multiply(bell, size, out=bell)
    np.subtract(bell, share, out=bell)
    np.copysign(_ONE, x, out=size)
    np.multiply(bell, size, out=bell)
    np.add(bell, size > _ZERO, out=out)


def _in_blocks(compute: Callable[..., None], x: Any) -> Any:
    """What ``compute`` makes of an array of float32."""
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.shape, np.float32)
    length = min(_BLOCK, max(len(flat), 1))
    work = np.empty((3, length), np.float32)
    for start in range(0, len(flat), length):
        part = flat[start : start + length]
        compute(part, out[start : start + length], *(work if len(part) == length else work[:, : len(part)]))
    return out.reshape(x.shape)


def _plain(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float32


@op(
    x=lambda g, x: g * (np.exp(x * x * -0.5) * (2 - x * x)) * (0.5 * math.sqrt(2 / math.pi)),
    promote="float",
    samples=reals(),
)
def gelu_slope(x: Any) -> Any:
    """The derivative of ``gelu``: the normal distribution function at ``x``, plus ``x`` times its density."""
    if _plain(x):
        return _in_blocks(_slope_block, x)
    size = np.minimum(np.abs(x), 40)
    away = (
        size * np.exp(size * size * -0.5) * (0.5 * math.sqrt(2 / math.pi)) - erfc.op.forward(size * math.sqrt(0.5)) / 2
    )
    return (np.where(np.signbit(x), -away, away + 1)).astype(x.dtype, copy=False)


def _gelu_rule(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        square = x * x
        t = np.tanh(x * (square * (0.044715 * _ROOT) + _ROOT))
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * (square * (3 * 0.044715 * 0.5 * _ROOT) + 0.5 * _ROOT))
    return g * gelu_slope.kernel(x)


@op(x=_gelu_rule, promote="float", samples=[reals(), elementwise(x=reals(), approximate="tanh")])
def gelu(x: Any, approximate: str = "none") -> Any:
    """``x`` times the normal distribution function of ``x``.

    Args:
        x: floating. At -inf the value is the limit, 0.
        approximate: ``"tanh"`` for the approximation by that function.

    Raises: ValueError for another name.
    """
    if approximate == "tanh":
        return x * 0.5 * (np.tanh(x * (x * x * (0.044715 * _ROOT) + _ROOT)) + 1)
    if approximate != "none":
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    if _plain(x):
        return _in_blocks(_gelu_block, x)
    size = np.minimum(np.abs(x), 40)
    return np.maximum(x, 0) - erfc.op.forward(size * math.sqrt(0.5)) * size * 0.5
