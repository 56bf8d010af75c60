"""``gelu``; in float32 the normal distribution is computed from a polynomial, in blocks that fit the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import op
from ..samples import elementwise, reals
from .axes import accumulation_dtype
from .exponential import erfc

_ROOT = math.sqrt(2 / math.pi)
_BLOCK = 1 << 15
"""Elements computed at a time."""
_ONE, _HALF = np.array(1, np.float32), np.array(-0.5, np.float32)
_DENSITY = np.array(1 / math.sqrt(2 * math.pi), np.float32)
_ODDS = [
    np.array(c, np.float32)
    for c in (
        -1.1239162111608016e-12, 1.7575505983596865e-10, -1.1719792031465664e-08, 4.358871298639717e-07,
        -9.743694490392098e-06, 0.00012059945493998433, 3.795075833512682e-05, -0.072634559023226, -1.5957801309241972,
    )
]  # fmt: skip
"""``x * P(x * x)``, with the coefficients of P from the highest, is minus the logarithm of the odds ``p / (1 - p)`` of
the normal distribution function ``p``: fitted such that ``x * p`` errs by less than 4e-6 of itself down to 1e-4."""


def _wide(x: Any) -> Any:
    """``x`` in a dtype in which powers of it neither overflow nor vanish."""
    wide = accumulation_dtype(x.dtype)
    return x if wide is None else x.astype(wide)


def _distribution(x: Any, square: Any, out: Any) -> None:
    """For a block: ``x * x``, and 1 over the normal distribution function."""
    np.multiply(x, x, out=square)
    np.multiply(square, _ODDS[0], out=out)
    for coefficient in _ODDS[1:-1]:
        np.add(out, coefficient, out=out)
        np.multiply(out, square, out=out)
    np.add(out, _ODDS[-1], out=out)
    np.multiply(out, x, out=out)
    np.exp(out, out=out)
    np.add(out, _ONE, out=out)


def _gelu_block(x: Any, out: Any, square: Any) -> None:
    _distribution(x, square, out)
    np.divide(x, out, out=out)


def _slope_block(x: Any, out: Any, square: Any) -> None:
    _distribution(x, square, out)
    np.reciprocal(out, out=out)
    np.multiply(square, _HALF, out=square)
    np.exp(square, out=square)
    np.multiply(square, _DENSITY, out=square)
    np.multiply(square, x, out=square)
    np.add(out, square, out=out)


@np.errstate(over="ignore", invalid="ignore")  # far out exp is inf, and right; at -inf the result is nan, as PyTorch's
def _in_blocks(compute: Callable[..., None], x: Any) -> Any:
    """What ``compute`` makes of an array of float32."""
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.shape, np.float32)
    length = min(_BLOCK, max(len(flat), 1))
    work = np.empty(length, np.float32)
    for start in range(0, len(flat), length):
        part = flat[start : start + length]
        compute(part, out[start : start + length], work[: len(part)])
    return out.reshape(x.shape)


def _plain(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype == np.float32


@op(
    x=lambda g, x: g * (np.exp(x * x * -0.5) * (2 - x * x)) * (0.5 * _ROOT),
    promote="float",
    samples=reals(),
)
def gelu_slope(x: Any) -> Any:
    """The derivative of ``gelu``: the normal distribution function at ``x``, plus ``x`` times its density."""
    if _plain(x):
        return _in_blocks(_slope_block, x)
    wide = _wide(x)
    slope = (erfc.op.forward(wide * -math.sqrt(0.5)) + wide * np.exp(wide * wide * -0.5) * _ROOT) * 0.5
    return slope.astype(x.dtype, copy=False)


def _gelu_rule(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        x = _wide(x)
        square = x * x
        t = np.tanh(x * (square * (0.044715 * _ROOT) + _ROOT))
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * (square * (3 * 0.044715 * 0.5 * _ROOT) + 0.5 * _ROOT))
    return g * gelu_slope.kernel(x)


@op(x=_gelu_rule, promote="float", samples=[reals(), elementwise(x=reals(), approximate="tanh")])
def gelu(x: Any, approximate: str = "none") -> Any:
    """``x`` times the normal distribution function of ``x``.

    Args:
        x: floating.
        approximate: ``"tanh"`` for the approximation by that function.

    Raises: ValueError for another name.
    """
    if approximate == "tanh":
        wide = _wide(x)
        out = wide * 0.5 * (np.tanh(wide * (wide * wide * (0.044715 * _ROOT) + _ROOT)) + 1)
        return out.astype(x.dtype, copy=False)
    if approximate != "none":
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if _plain(x):
        return _in_blocks(_gelu_block, x)
    return erfc.op.forward(x * -math.sqrt(0.5)) * x * 0.5
