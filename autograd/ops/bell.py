"""``gelu``; in float32 the normal distribution is computed from a polynomial, in blocks that fit the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._op import op
from ..samples import case, elementwise, reals
from ._blocks import block_rows, in_blocks
from .axes import accumulation_dtype
from .error_functions import erfc

_ROOT = math.sqrt(2 / math.pi)
_BLOCK = 1 << 17
"""Elements computed at a time: few, as many calls work on them, but enough for several threads."""
_ONE = np.array(1, np.float32)
_ODDS = [
    np.array(c, np.float32)
    for c in (
        -3.522064651838972e-14, 3.105033759457964e-12, -3.3884322505651654e-11, -6.148721634102177e-09,
        3.497211826768998e-07, -8.956190214004741e-06, 0.00011647548423139474, 4.9339508350678646e-05,
        -0.0726484580424896, -1.5957752987194453,
    )
]  # fmt: skip
"""``x * P(x * x)``, with the coefficients of P from the highest, is minus the logarithm of the odds ``p / (1 - p)`` of
the normal distribution function ``p``: fitted such that ``p`` errs by less than 4e-7,
and ``x * p`` by 7e-6 of itself down to 1e-4."""


def _wide(x: Any) -> Any:
    """``x`` in a dtype in which powers of it neither overflow nor vanish."""
    wide = accumulation_dtype(x.dtype)
    return x if wide is None else x.astype(wide)


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
    """``g`` times the derivative of ``gelu`` at a block ``x`` of float32, where its value is ``y``."""
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
    flat = [np.array(array, order="C", copy=None, subok=True).reshape(-1) for array in arrays]
    out = np.empty_like(flat[0])

    def start() -> Callable[[slice], None]:
        scratch = np.empty_like(out[: block_rows(out, _BLOCK)])

        def work(block: slice) -> None:
            parts = [array[block] for array in (*flat, out)]
            compute(*parts, scratch[: len(parts[0])])

        return work

    in_blocks(out, start, _BLOCK)
    return out.reshape(shape)


def _plain(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == np.float32


@op(
    y=lambda g, x, value: gelu_gradient.kernel(g, x, value),
    x=lambda g, y, x: g * y * (np.exp(x * x * -0.5) * (2 - x * x)) * (0.5 * _ROOT),
    constants=("value",),
    samples=[
        case(y=reals(shape=(2, 3)), x=reals(shape=(2, 3))),
        case(y=reals(shape=()), x=reals(shape=())),
    ],
)
def gelu_gradient(y: Any, x: Any, value: Any = None) -> Any:
    """``y`` times the derivative of ``gelu`` at ``x``: the normal distribution function, plus ``x`` times its density.

    ``value``: that of ``gelu`` at ``x``, which spares the distribution function.
    """
    if value is not None and _plain(x) and _plain(value) and _plain(y):
        return _in_blocks(_gradient, x, y, value)
    wide = _wide(x)
    slope = (erfc.op.forward(wide * -math.sqrt(0.5)) + wide * np.exp(wide * wide * -0.5) * _ROOT) * 0.5
    return (y * slope).astype(x.dtype, copy=False)


def _gelu_rule(g: Any, x: Any, out: Any, approximate: str) -> Any:
    if approximate == "tanh":
        x = _wide(x)
        square = x * x
        t = np.tanh(x * (square * (0.044715 * _ROOT) + _ROOT))
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * (square * (3 * 0.044715 * 0.5 * _ROOT) + 0.5 * _ROOT))
    return gelu_gradient.kernel(g, x, out)


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
        return _in_blocks(_value, x)
    return erfc.op.forward(x * -math.sqrt(0.5)) * x * 0.5
