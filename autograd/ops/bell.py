"""``gelu``; in float32 the normal distribution is computed from a polynomial, in blocks that fit the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import composed, op
from ..samples import elementwise, reals
from .exponential import erfc

_ROOT = math.sqrt(2 / math.pi)
_BLOCK = 1 << 15
"""Elements computed at a time."""
_ONE = np.array(1, np.float32)
_ODDS = [
    np.array(c, np.float32)
    for c in (
        -2.66270196096345e-09, 2.2828869231107198e-07, -7.3774498055853125e-06, 1.0687229057237104e-04,
        7.657707913062906e-05, -0.07267984832098653, -1.595765677509385,
    )
]  # fmt: skip
"""``x * P(x * x)``, with the coefficients of P from the highest, is minus the logarithm of the odds ``p / (1 - p)`` of
the normal distribution function ``p``: by weighted least squares, so that ``x * p`` errs by less than 2e-7."""


def _value(x: Any, out: Any, work: Any) -> None:
    """``gelu`` of a block of float32."""
    np.multiply(x, x, out=work)
    np.multiply(work, _ODDS[0], out=out)
    for coefficient in _ODDS[1:-1]:
        np.add(out, coefficient, out=out)
        np.multiply(out, work, out=out)
    np.add(out, _ODDS[-1], out=out)
    np.multiply(out, x, out=out)
    np.exp(out, out=out)
    np.add(out, _ONE, out=out)
    np.divide(x, out, out=out)


def _gradient(x: Any, g: Any, y: Any, out: Any, work: Any) -> None:
    """``g`` times the derivative of ``gelu`` at a block ``x``, where its value is ``y``."""
    np.multiply(x, x, out=work)
    np.multiply(work, -0.5, out=work)
    np.exp(work, out=work)
    np.multiply(work, 0.5 * _ROOT, out=work)
    np.multiply(work, x, out=work)
    np.divide(y, x, out=out)
    np.copyto(out, 0.5, where=x == 0)
    np.add(out, work, out=out)
    np.multiply(out, g, out=out)


@np.errstate(all="ignore")  # far out exp is inf, and right; at -inf the result is nan, as PyTorch's
def _in_blocks(compute: Callable[..., None], *arrays: Any) -> Any:
    """What ``compute`` makes of arrays of one shape and dtype."""
    shape = arrays[0].shape
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    out = np.empty_like(flat[0])
    work = np.empty_like(out[:_BLOCK])
    for start in range(0, len(out), _BLOCK):
        parts = [array[start : start + _BLOCK] for array in (*flat, out)]
        compute(*parts, work[: len(parts[0])])
    return out.reshape(shape)


@op(
    x=lambda g, x: g * (np.exp(x * x * -0.5) * (2 - x * x)) * (0.5 * _ROOT),
    promote="float",
    samples=reals(),
)
def gelu_slope(x: Any) -> Any:
    """The derivative of ``gelu``: the normal distribution function at ``x``, plus ``x`` times its density."""
    return (erfc.op.forward(x * -math.sqrt(0.5)) + x * np.exp(x * x * -0.5) * _ROOT) * 0.5


@composed()
def times_slope(g: Any, x: Any, out: Any) -> Any:
    """``g`` times the derivative of ``gelu`` at ``x``; on arrays from the value, ``out``: without the polynomial."""
    if type(x) is type(g) is type(out) is np.ndarray and x.dtype.itemsize > 2:
        return _in_blocks(_gradient, x, g, out)
    return g * gelu_slope.kernel(x)


def _gelu_rule(g: Any, x: Any, out: Any, approximate: str) -> Any:
    if approximate == "tanh":
        square = x * x
        t = np.tanh(x * (square * (0.044715 * _ROOT) + _ROOT))
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * (square * (3 * 0.044715 * 0.5 * _ROOT) + 0.5 * _ROOT))
    return times_slope.kernel(g, x, out)


@op(x=_gelu_rule, promote="float", samples=[reals(), elementwise(x=reals(), approximate="tanh")])
def gelu(x: Any, approximate: str = "none") -> Any:
    """``x`` times the normal distribution function of ``x``.

    Args:
        x: floating.
        approximate: ``"tanh"`` for the approximation by that function.

    Raises: ValueError for another name.
    """
    if approximate == "tanh":
        return x * 0.5 * (np.tanh(x * (x * x * (0.044715 * _ROOT) + _ROOT)) + 1)
    if approximate != "none":
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    if type(x) is np.ndarray and x.dtype == np.float32:
        return _in_blocks(_value, x)
    return erfc.op.forward(x * -math.sqrt(0.5)) * x * 0.5
