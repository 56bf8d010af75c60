"""Units whose values are multiplied by a share: of themselves (``silu``, ``mish``), of as many others (``glu``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.modes import local
from ..engine.nodes import Handle
from ..engine.views import node_of
from ..errors import ShapeError
from ..samples import case, reals
from ._blocks import BLOCK, blockwise, pointwise
from .axes import widened
from .exponential import logistic_into, sigmoid, sigmoid_backward
from .selection import where_
from .shapes import normalized_dim

if TYPE_CHECKING:
    from .._tensor import Tensor


@np.errstate(over="ignore", invalid="ignore")  # -inf gives nan, as in PyTorch
def _silu(x: Any) -> Any:
    return x / (1 + np.exp(-x))


@np.errstate(over="ignore", invalid="ignore")
def _silu_into(x: Any, out: Any = None) -> Any:
    """``_silu`` of many numbers, in ``out``."""
    d = np.negative(x, out=out)
    d = np.exp(d, out=out)
    d = np.add(d, 1, out=out)
    return np.divide(x, d, out=out)


def _silu_slope(y: Any, x: Any) -> Any:
    s = sigmoid.op.forward(x)
    return y * (s + x * (s - s * s))


def _silu_slope_into(y: Any, x: Any, out: Any = None) -> Any:
    """``_silu_slope`` of many numbers, in ``out``."""
    s = logistic_into(x)
    slope = np.subtract(1, s, out=out)
    slope = np.multiply(slope, x, out=out)
    slope = np.add(slope, 1, out=out)
    slope = np.multiply(slope, s, out=out)
    return np.multiply(slope, y, out=out)


def _silu_slope_by_x(g: Any, y: Any, x: Any) -> Any:
    x = -np.abs(x)  # with the same result, but there the sigmoid has all its digits
    s = sigmoid.kernel(x)
    slope = s - s * s
    return g * y * slope * (2 + x * (1 - 2 * s))


@op(
    y=lambda g, x: silu_backward.kernel(g, x),
    x=_silu_slope_by_x,
    jvp="symmetric",
    samples=[reals(shape=(2, 3)), reals(shape=())],
)
def silu_backward(y: Any, x: Any) -> Any:
    """``y`` times the derivative of ``silu`` at ``x``."""
    if x.dtype.itemsize == 2:
        return silu_backward.kernel(y.astype(np.float32), x.astype(np.float32)).astype(y.dtype)
    return _silu_slope(y, x) if x.size <= BLOCK else pointwise(_silu_slope_into, y, x)


@op(x=lambda g, x: silu_backward.kernel(g, x), promote="float", jvp="symmetric", samples=reals())
def silu(x: Any) -> Any:
    """``x * sigmoid(x)``, also called swish."""
    if x.dtype.itemsize == 2:
        return silu.kernel(x.astype(np.float32)).astype(x.dtype)
    return _silu(x) if x.size <= BLOCK else pointwise(_silu_into, x)


_FAR = 22.0
"""From there on ``mish(x)`` is ``x``, in double precision too."""


def _mish_bend(g: Any, y: Any, x: Any) -> Any:
    """``g * y`` times the second derivative of ``mish``, from powers of the one of exp(x) and exp(-x) that is small."""
    wide = widened(x)
    right = wide > 0
    u = np.exp(where_.kernel(right, -wide, wide))
    whole = where_.kernel(right, (2 * u + 2) * u + 1, (u + 2) * u + 2)
    once = u * (u + 1) * where_.kernel(right, u, np.ones_like(u))
    twice = u * where_.kernel(right, (((2 * u + 2) * u - 3) * u - 2) * u, ((-2 * u - 3) * u + 2) * u + 2)
    return g * y * ((2 * once + wide * twice / whole) * 4 / whole / whole)


@op(
    y=lambda g, x: mish_backward.kernel(g, x),
    x=_mish_bend,
    promote="real",
    jvp="symmetric",
    samples=[reals(shape=(2, 3)), reals(shape=())],
)
@blockwise
def mish_backward(y: Any, x: Any) -> Any:
    """``y`` times the derivative of ``mish`` at ``x``."""
    wide = np.minimum(widened(x), _FAR)
    power = np.exp(wide)
    product = power * (power + 1)
    below = product + power
    share = 1 / (below + 2)
    slope = share * (below + wide * (product * (share * 4)))
    return (y * slope).astype(y.dtype, copy=False)


@op(x=lambda g, x: mish_backward.kernel(g, x), promote="real", jvp="symmetric", samples=reals())
@blockwise
def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))``: with ``u = exp(x)`` that is ``x * (u**2 + 2 * u) / (u**2 + 2 * u + 2)``."""
    wide = widened(x)
    power = np.exp(np.minimum(wide, _FAR))
    below = power * (power + 2)
    return (wide * (below / (below + 2))).astype(x.dtype, copy=False)


# ---- with others -----------------------------------------------------------------------------------------------------


def _halves(x: Any, dim: int) -> tuple[Any, Any]:
    shape = np.shape(x)
    before, half = (slice(None),) * normalized_dim(dim, len(shape)), shape[dim] // 2
    return x[(*before, slice(None, half))], x[(*before, slice(half, None))]


def _slope_by_y(g: Any, x: Any, dim: int) -> Any:
    first, gate = _halves(x, dim)
    g_first, g_gate = _halves(g, dim)
    share = sigmoid.kernel(gate)
    return g_first * share + sigmoid_backward.kernel(g_gate * first, share)


def _slope_by_x(g: Any, y: Any, x: Any, dim: int) -> Any:
    first, gate = _halves(x, dim)
    g_first, g_gate = _halves(g, dim)
    share = sigmoid.kernel(gate)
    steep = sigmoid_backward.kernel(y, share)
    return np.concatenate([g_gate * steep, steep * (g_first + g_gate * first * (1 - 2 * share))], dim)


@op(
    y=_slope_by_y,
    x=_slope_by_x,
    samples=[
        case(y=reals(shape=(2, 2)), x=reals(shape=(2, 4)), dim=-1),
        case(y=reals(shape=(1, 3)), x=reals(shape=(2, 3)), dim=0),
    ],
)
def glu_backward(y: Any, x: Any, dim: int, memo: Any = None) -> Any:
    """The gradient of ``glu`` at ``x`` where that of its output is ``y``. ``memo``: what ``glu_`` has kept of it."""
    first, gate = _halves(x, dim)
    share = memo[0] if memo else sigmoid.op.forward(gate)
    gated = y * share
    return np.concatenate([gated, (1 - share) * gated * first], dim)


def _tangent(t_x: Any, x: Any, dim: int) -> Any:
    return _slope_by_y(t_x, x, dim)


@op(
    x=lambda g, x, dim, memo: glu_backward.kernel(g, x, dim, memo),
    promote="real",
    jvp=_tangent,
    samples=[case(x=reals(shape=(2, 4)), dim=-1), case(x=reals(shape=(2, 2, 2)), dim=1)],
)
def glu_(x: Any, dim: int, memo: Any = None) -> Any:
    """``glu``. ``memo``: an empty list, in which the sigmoid may be kept for backward."""
    if not x.ndim or x.shape[normalized_dim(dim, x.ndim)] % 2:
        raise ShapeError(f"glu: dimension {dim} of shape {tuple(x.shape)} must have an even size")
    first, gate = _halves(x, dim)
    share = sigmoid.op.forward(gate)
    if memo is not None:
        memo[:] = (share,)
    return first * share


@composed(samples=[case(x=reals(shape=(2, 4))), case(x=reals(shape=(2, 3)), dim=0)])
def glu(x: Any, dim: int = -1) -> Tensor:
    """The first half of ``x`` along ``dim`` times the sigmoid of the second.

    Raises: ShapeError.
    """
    recorded = local.grad and isinstance(x, Handle) and node_of(x) is not None
    return glu_(x, dim, [] if recorded else None)
