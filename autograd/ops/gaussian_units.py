"""Gaussian error linear units: in float32 from a polynomial for the normal distribution, in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.modes import local
from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import ArgumentError
from ..samples import case, elementwise, reals
from ._blocks import SOME, block_rows, blockwise, in_blocks, own
from .axes import widened
from .error_functions import erfc
from .exponential import sigmoid

if TYPE_CHECKING:
    from .._tensor import Tensor

_ROOT = math.sqrt(2 / math.pi)
_DENSITY = np.array(0.5 * _ROOT, np.float32)
_FAR = 3000.0
"""Squares beyond change nothing, in double precision too, but may be infinite."""
_BLOCK = 1 << 17
"""Elements computed at a time: few, as many calls work on them, but enough for several threads."""
_ONE = np.array(1, np.float32)
_HALF = np.array(0.5, np.float32)
_SIGN = np.uint32(1 << 31)
_SHIFT = np.array(3.1, np.float32)
_TAIL = [np.array(c, np.float32) for c in (
    -35.5401912720059, 42.616344229320156, -6.377198729061052, 2.6946621528767998, 0.28824798226249946,
    0.003364273034046498,
)]  # fmt: skip
"""The normal distribution function at ``-a`` is ``exp(-a * a / 2) * P(1 / (a + _SHIFT))`` for positive ``a``, with the
coefficients of P from the highest: fitted such that it errs by less than 4e-8."""


def _compute(x: Any, out: Any, work: Any, slope: Any = None) -> None:
    """``gelu`` of a block of float32, and its derivative if there is an array for it."""
    np.abs(x, out=work)
    np.add(work, _SHIFT, out=work)
    np.divide(_ONE, work, out=work)
    np.multiply(work, _TAIL[0], out=out)
    for coefficient in _TAIL[1:-1]:
        np.add(out, coefficient, out=out)
        np.multiply(out, work, out=out)
    np.add(out, _TAIL[-1], out=out)
    np.multiply(x, x, out=work)
    np.multiply(work, -_HALF, out=work)
    np.exp(work, out=work)
    np.multiply(out, work, out=out)
    np.subtract(_HALF, out, out=out)
    if x.size < SOME:
        np.copysign(out, x, out=out)
    else:  # in a third of the time
        bits = out.view(np.uint32)
        np.bitwise_or(bits, np.bitwise_and(x.view(np.uint32), _SIGN), out=bits)
    np.add(out, _HALF, out=out)  # the normal distribution function
    if slope is not None:
        np.multiply(work, x, out=work)
        np.multiply(work, _DENSITY, out=work)
        np.add(out, work, out=slope)
    np.multiply(out, x, out=out)


@np.errstate(all="ignore")  # far out there are zeros times inf; at -inf the result is nan, as PyTorch's
def _in_blocks(x: Any, memo: Any) -> Any:
    """``gelu`` of float32. ``memo``, if a list, gets the derivative."""
    flat = np.array(x, order="C", copy=None, subok=True).reshape(-1)
    out = np.empty_like(flat)
    slopes: Any = None if memo is None else np.empty_like(flat)

    def start() -> Callable[[slice], None]:
        scratch = np.empty_like(out[: block_rows(out, _BLOCK)])

        def work(block: slice) -> None:
            part = flat[block]
            _compute(part, out[block], scratch[: len(part)], None if slopes is None else slopes[block])

        return work

    in_blocks(out, start, _BLOCK)
    if memo is not None:
        memo[:] = (slopes.reshape(x.shape),)
    return out.reshape(x.shape)


def _slope_by_x(g: Any, y: Any, x: Any) -> Any:
    x = widened(x)
    power = np.exp(x * x * -0.5)
    return g * y * (power * 2 - x * (x * power)) * (0.5 * _ROOT)  # far out x * x is infinite, but not x


def _plain(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == np.float32


@op(
    y=lambda g, x, memo: gelu_backward.kernel(g, x, memo),
    x=_slope_by_x,
    jvp="symmetric",
    samples=[
        reals(shape=(2, 3)),
        case(y=reals(shape=()), x=reals(shape=())),
    ],
)
def gelu_backward(y: Any, x: Any, memo: Any = None) -> Any:
    """``y`` times the derivative of ``gelu`` at ``x``: the normal distribution function, plus ``x`` times its density.

    ``memo``: what ``gelu_`` has kept of it.
    """
    if memo:
        return y * memo[0]
    wide = widened(x)
    slope = (erfc.op.forward(wide * -math.sqrt(0.5)) + wide * np.exp(wide * wide * -0.5) * _ROOT) * 0.5
    return (y * slope).astype(x.dtype, copy=False)


@op(x=lambda g, x, memo: gelu_backward.kernel(g, x, memo), promote="float", jvp="symmetric", samples=reals())
def gelu_(x: Any, memo: Any = None) -> Any:
    """``gelu``. ``memo``: an empty list, in which the derivative may be kept for backward."""
    if _plain(x):
        return _in_blocks(x, memo)
    wide = widened(x)
    tail = erfc.op.forward(wide * -math.sqrt(0.5))
    if memo is not None and isinstance(x, np.ndarray) and x.dtype == np.float64:
        memo[:] = ((tail + x * np.exp(x * x * -0.5) * _ROOT) * 0.5,)
    return (tail * (wide * 0.5)).astype(x.dtype, copy=False)


_LINEAR = 2 * _ROOT
_CUBIC = 0.044715 * _LINEAR


def _tanh_bend(g: Any, y: Any, x: Any) -> Any:
    """``g * y`` times the second derivative of ``gelu_tanh``, which is even: where the sigmoid has all its digits."""
    x = -np.minimum(np.abs(widened(x)), math.sqrt(_FAR))
    square = x * x
    s = sigmoid.kernel(x * (square * _CUBIC + _LINEAR))
    inner = square * (3 * _CUBIC) + _LINEAR
    bend = 2 * inner + x * ((1 - 2 * s) * inner * inner + x * (6 * _CUBIC))
    return g * y * (bend * (s - s * s))


def _power(x: Any, out: Any) -> Any:
    """The power that the sigmoid is made of, in the place of the cubic part of its argument over ``-x``."""
    out -= _LINEAR
    out *= x
    return np.exp(out, out=own(out))


@op(
    y=lambda g, x: gelu_tanh_backward.kernel(g, x),
    x=_tanh_bend,
    promote="real",
    jvp="symmetric",
    samples=[reals(shape=(2, 3)), reals(shape=())],
)
@blockwise
@np.errstate(over="ignore")
def gelu_tanh_backward(y: Any, x: Any) -> Any:
    """``y`` times the derivative of ``gelu_tanh`` at ``x``."""
    wide = widened(x)
    slope = wide * wide
    slope = np.minimum(slope, _FAR, out=own(slope))
    s = _power(wide, slope * -_CUBIC)
    s += 1
    s = np.reciprocal(s, out=own(s))
    slope *= 3 * _CUBIC
    slope += _LINEAR
    bend = 1 - s
    bend *= s  # which is 0 far out, before it meets what is large there
    slope *= bend
    slope *= wide
    slope += s
    slope = slope.astype(y.dtype, copy=False)
    slope *= y
    return slope


@op(x=lambda g, x: gelu_tanh_backward.kernel(g, x), promote="real", jvp="symmetric", samples=reals())
@blockwise
@np.errstate(over="ignore", invalid="ignore")  # -inf gives nan, as in PyTorch
def gelu_tanh(x: Any) -> Any:
    """``gelu`` approximated by the hyperbolic tangent: by a sigmoid, as ``1 + tanh(x)`` loses its digits below 0."""
    wide = widened(x)
    power = _power(wide, wide * wide * -_CUBIC)
    power += 1
    return np.divide(wide, power, out=own(power)).astype(x.dtype, copy=False)


@composed(samples=[reals(), elementwise(x=reals(), approximate="tanh")])
def gelu(x: Any, approximate: str = "none") -> Tensor:
    """``x`` times the normal distribution function of ``x``.

    Args:
        x: floating.
        approximate: ``"tanh"`` for the approximation by that function.

    Raises: ValueError for another name.
    """
    if approximate == "tanh":
        return gelu_tanh(x)
    if approximate != "none":
        raise ArgumentError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    recorded = local.grad and isinstance(x, Handle) and node_of(x) is not None
    return gelu_(x, [] if recorded else None)
