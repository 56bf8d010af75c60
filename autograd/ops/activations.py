"""Activation functions of neural networks, elementwise.

At a kink the derivative is PyTorch's: 0 for relu at 0, 0 at both ends of hardtanh and its kind. At nan it is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from ..errors import ArgumentError, ShapeError
from ..generator import Generator, source
from ..samples import case, elementwise, reals
from ._blocks import BLOCK, SOME, blockwise, pointwise, zeros_for
from .exponential import FAST, is_vectorized, log1p_below_1, weighed
from .gated_units import glu as glu
from .gated_units import mish as mish
from .gated_units import silu as silu
from .gaussian_units import gelu as gelu
from .selection import keep, keep_into, require_order, where_

if TYPE_CHECKING:
    from .._tensor import Tensor

_ZEROS = {np.dtype(kind): np.zeros((), kind) for kind in "efdbhilqBHILQ"}
"""0 in each dtype: as an operand NumPy takes it in half the time of the Python number."""
for _zero in _ZEROS.values():
    _zero.flags.writeable = False


def _expm1(x: Any) -> Any:
    """``exp(x) - 1`` of numbers that are not positive, to three units in the last place."""
    if x.dtype != np.float32 or x.size < FAST or is_vectorized("expm1"):
        return np.expm1(x)
    t = np.tanh(x * 0.5)
    rest = 1 - t
    t += t
    t /= rest
    return t


def _rectified(x: Any, out: Any = None) -> Any:
    """``relu`` of many numbers."""
    return np.maximum(x, zeros_for(x), out=out)


@op(
    x=lambda g, out: keep.kernel(g, out != _ZEROS.get(out.dtype, 0)),
    tied=True,
    jvp="symmetric",
    samples=elementwise(x=reals(avoid=(0.0,))),
)
def relu(x: Any) -> Any:
    """``max(x, 0)``."""
    if isinstance(x, np.ndarray):
        if x.size < SOME:
            return np.maximum(x, _ZEROS.get(x.dtype, 0))
        return pointwise(_rectified, x, cheap=True)
    if isinstance(x, np.generic):  # three times as fast as a ufunc
        return type(x)(0) if x <= 0 else x  # type: ignore[operator] # the stubs allow no comparison
    return np.maximum(x, 0)


@blockwise(cheap=True)
def _hardtanh_rule(g: Any, x: Any, min_val: float, max_val: float, into: Any = None) -> Any:
    if min_val == max_val:
        return keep_into(g, x != x, into)
    return keep_into(g, (x <= min_val) == (x >= max_val), into)  # of nan both are false


@op(
    x=_hardtanh_rule,
    tied=True,
    jvp="symmetric",
    samples=[
        elementwise(x=reals(avoid=(-1.0, 1.0))),
        elementwise(x=reals(avoid=(-2.0, 0.5)), min_val=-2.0, max_val=0.5),
    ],
)
def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``x`` clipped to between ``min_val`` and ``max_val``; there is no gradient at either end.

    Raises: ValueError if the bounds are in the wrong order.
    """
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val, {min_val}, must not be greater than max_val, {max_val}")
    require_order(x, x)
    return np.clip(x, min_val, max_val).astype(x.dtype, copy=False)


@composed(samples=elementwise(x=reals(-2, 8, avoid=(0.0, 6.0))))
def relu6(x: Any) -> Tensor:
    """``min(max(x, 0), 6)``."""
    return hardtanh(x, 0.0, 6.0)


@blockwise(cheap=True)
def _leaky(x: Any, slope: float, into: Any = None) -> Any:
    """``leaky_relu`` of many numbers, with a slope from 0 to 1."""
    return np.maximum(x, np.multiply(x, slope, out=into), out=into)


@blockwise(cheap=True)
def _sloped(y: Any, x: Any, slope: float, into: Any = None) -> Any:
    """``leaky_relu_backward`` of many numbers, with a slope from 0 to 1.

    Of two numbers with one sign that with the larger bits is farther from 0; all bits 0 are below everything.
    """
    bits = f"u{y.itemsize}"
    out = np.multiply(y, slope, out=into)
    np.maximum(out.view(bits), y.view(bits) * (x > 0), out=out.view(bits))
    return out


@op(
    y=lambda g, x, negative_slope: leaky_relu_backward.kernel(g, x, negative_slope),
    constants=("x",),
    tied=True,
    jvp="symmetric",
    samples=[
        case(y=reals(shape=(2, 3)), x=reals(shape=(2, 3)), negative_slope=0.1),
        case(y=reals(shape=()), x=reals(shape=()), negative_slope=-0.5),
    ],
)
def leaky_relu_backward(y: Any, x: Any, negative_slope: float) -> Any:
    """``y`` times the derivative of ``leaky_relu`` at ``x``."""
    if x.size >= SOME and type(y) is type(x) is np.ndarray and y.dtype == x.dtype and 0 < negative_slope <= 1:
        return _sloped(y, x, negative_slope)
    return where_.op.forward(x > 0, y, y * negative_slope)


@op(
    x=lambda g, x, negative_slope: leaky_relu_backward.kernel(g, x, negative_slope),
    promote="real",
    tied=True,
    jvp="symmetric",
    samples=[elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), negative_slope=-0.5)],
)
def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """``x`` if positive, else ``negative_slope * x``."""
    if 0 < negative_slope <= 1:
        return np.maximum(x, x * negative_slope) if x.size <= BLOCK else _leaky(x, negative_slope)
    return where_.op.forward(x > 0, x, np.minimum(x, 0) * negative_slope)


@blockwise
def _elu_rule(g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    low = keep.kernel(x, x < 0)
    slope = np.exp(low if input_scale == 1 else low * input_scale)
    if alpha * scale * input_scale != 1:
        slope = slope * (alpha * scale * input_scale)
    if alpha * input_scale == 1:
        return g * slope
    return where_.kernel(np.logical_not(x <= 0), g * scale, g * slope)


@op(x=_elu_rule, promote="real", jvp="symmetric", samples=[
    elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), alpha=0.5, scale=1.5, input_scale=2.0),
])  # fmt: skip
@blockwise
def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """``scale * x`` if positive, else ``scale * alpha * (exp(input_scale * x) - 1)``."""
    zeros = zeros_for(x)
    low, high = np.minimum(x, zeros), np.maximum(x, zeros)
    low = low if input_scale == 1 else low * input_scale
    low = _expm1(low) if input_scale > 0 else np.expm1(low)
    low = low if alpha * scale == 1 else low * (alpha * scale)
    return low + (high if scale == 1 else high * scale)  # one of the two is 0


@composed(samples=[elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), alpha=0.5)])
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """``x`` if positive, else ``alpha * (exp(x / alpha) - 1)``.

    Raises: ValueError for an ``alpha`` of 0.
    """
    if alpha == 0:
        raise ArgumentError("celu: alpha must not be 0")
    return elu(x, alpha, 1.0, 1 / alpha)


@composed(samples=elementwise(x=reals(avoid=(0.0,))))
def selu(x: Any) -> Tensor:
    """The self-normalizing ``elu``, with the scale and alpha of G. Klambauer et al. (2017)."""
    return elu(x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


def _excess(x: Any) -> Any:
    """``log(1 + exp(-abs(x)))``."""
    return log1p_below_1(np.exp(-np.abs(x)))


def soft_maximum(x: Any) -> Any:
    """``log(1 + exp(x))`` without overflow."""
    return np.maximum(x, zeros_for(x)) + _excess(x)


def _meets(x: Any, beta: float, threshold: float) -> bool:
    """Whether ``softplus`` is ``x`` itself above the threshold, rounded, and its derivative 1."""
    return threshold >= 20 and beta == 1 and x.dtype == np.float32


@blockwise
def _softplus_rule(g: Any, x: Any, beta: float, threshold: float) -> Any:
    if _meets(x, beta, threshold):
        return weighed.kernel(g, x)
    return where_.kernel(x * beta > threshold, g, weighed.kernel(g, x * beta))


@op(
    x=_softplus_rule,
    promote="real",
    jvp="symmetric",
    samples=[reals(), elementwise(x=reals(avoid=(1.0,)), beta=2.0, threshold=2.0)],
)
@blockwise
def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``log(1 + exp(beta * x)) / beta``, and ``x`` itself where ``beta * x`` exceeds ``threshold``."""
    scaled = x if beta == 1 else x * beta
    out = soft_maximum(scaled)
    if _meets(x, beta, threshold):
        return out
    return where_.op.forward(scaled > threshold, x, out if beta == 1 else out / beta)


@blockwise
def _logsigmoid_rule(g: Any, x: Any) -> Any:
    return weighed.kernel(g, -x)


@op(x=_logsigmoid_rule, promote="real", jvp="symmetric", samples=reals())
@blockwise
def logsigmoid(x: Any) -> Any:
    """``log(sigmoid(x))`` without overflow."""
    return np.minimum(x, zeros_for(x)) - _excess(x)


def _softsign_rule(g: Any, x: Any) -> Any:
    size = np.abs(x) + 1
    if x.dtype.kind != "c":
        return g / size / size
    return g / size - np.real(g * x) / np.square(size) * np.conj(np.sign(x))


@op(x=_softsign_rule, promote="float", samples=elementwise(x=reals(avoid=(0.0,))))
def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``."""
    return x / (np.abs(x) + 1)


@blockwise(cheap=True)
def _hardsigmoid_rule(g: Any, x: Any, into: Any = None) -> Any:
    return keep_into(g / 6, np.abs(x) < 3, into)


@op(
    x=_hardsigmoid_rule,
    promote="real",
    jvp="symmetric",
    samples=elementwise(x=reals(-5, 5, avoid=(-3.0, 3.0))),
)
@blockwise(cheap=True)
def hardsigmoid(x: Any) -> Any:
    """``x / 6 + 1 / 2``, clipped to 0 .. 1."""
    return np.clip(x + 3, 0, 6) / 6


@blockwise
@np.errstate(all="ignore")  # what is computed outside is not used
def _many_hardswish_slopes(y: Any, x: Any, into: Any = None) -> Any:
    below = x < 3
    out = np.multiply(y, x / 3 + 0.5, out=into)
    bits = f"i{y.itemsize}"
    inner, outer = out.view(bits), y.view(bits) * ~below
    np.multiply(inner, below & (x > -3), out=inner)
    np.bitwise_or(inner, outer, out=inner)  # one of them is 0
    return out


@op(
    y=lambda g, x: hardswish_backward.kernel(g, x),
    x=lambda g, y, x: keep.kernel(g * y / 3, np.abs(x) < 3),
    jvp="symmetric",
    samples=[
        case(y=reals(shape=(2, 3)), x=reals(-5, 5, shape=(2, 3), avoid=(-3.0, 3.0))),
        case(y=reals(shape=()), x=reals(shape=())),
    ],
)
def hardswish_backward(y: Any, x: Any) -> Any:
    """``y`` times the derivative of ``hardswish`` at ``x``."""
    if x.dtype.itemsize == 2:
        return hardswish_backward.kernel(y.astype(np.float32), x.astype(np.float32)).astype(y.dtype)
    if x.size >= SOME and type(y) is type(x) is np.ndarray and y.dtype == x.dtype:
        return _many_hardswish_slopes(y, x)
    inside = np.abs(x) < 3
    slope = y * (keep.op.forward(x, inside) / 3 + 0.5)
    return where_.op.forward(inside, slope, keep.op.forward(y, ~(x <= -3)))


@op(
    x=lambda g, x: hardswish_backward.kernel(g, x),
    promote="real",
    jvp="symmetric",
    samples=elementwise(x=reals(-5, 5, avoid=(-3.0, 3.0))),
)
@blockwise
def hardswish(x: Any) -> Any:
    """``x * hardsigmoid(x)``."""
    return x * (np.clip(x + 3, 0, 6) / 6)


def _tanhshrink_rule(g: Any, x: Any) -> Any:
    t = np.tanh(x)
    return g * t * t


@op(x=_tanhshrink_rule, promote="float", jvp="symmetric", samples=reals())
def tanhshrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    return x - np.tanh(x)


@blockwise(cheap=True)
def _shrink_rule(g: Any, x: Any, lambd: float, into: Any = None) -> Any:
    return keep_into(g, ~(np.abs(x) <= lambd), into)


@op(
    x=_shrink_rule,
    promote="real",
    tied=True,
    jvp="symmetric",
    samples=[elementwise(x=reals(avoid=(-0.5, 0.5))), elementwise(x=reals(avoid=(-1.5, 1.5)), lambd=1.5)],
)
def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` moved towards 0 by ``lambd``, 0 within that distance of it.

    Raises: ValueError for a negative ``lambd``.
    """
    if lambd < 0:
        raise ArgumentError(f"softshrink: lambd must not be negative, got {lambd}")
    return x - np.clip(x, -lambd, lambd)


@op(
    x=_shrink_rule,
    promote="real",
    tied=True,
    jvp="symmetric",
    samples=[elementwise(x=reals(avoid=(-0.5, 0.5))), elementwise(x=reals(avoid=(-1.5, 1.5)), lambd=1.5)],
)
@blockwise(cheap=True)
def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` where its magnitude exceeds ``lambd``, else 0; NaN stays."""
    return keep.op.forward(x, ~(np.abs(x) <= lambd))


@op(
    x=lambda g, x, threshold: keep.kernel(g, ~(x <= threshold)),
    tied=True,
    jvp="symmetric",
    samples=elementwise(x=reals(avoid=(0.5,)), threshold=0.5, value=-1.0),
)
@blockwise(cheap=True)
def threshold(x: Any, threshold: float, value: float) -> Any:
    """``x`` where it exceeds ``threshold``, else ``value``; NaN stays."""
    require_order(x, x)
    like = x if hasattr(x, "__array_function__") else None  # which a NumPy scalar has not
    return where_.op.forward(x <= threshold, np.asarray(dtypes.stored(value, x.dtype), x.dtype, like=like), x)


@op(
    x=lambda g, x, weight: where_.kernel(x > 0, g, g * weight),
    weight=lambda g, x: g * keep.kernel(x, np.logical_not(x > 0)),
    promote="real",
    tied=True,
    jvp="symmetric",
    samples=elementwise(x=reals(avoid=(0.0,)), weight=reals()),
)
def prelu_(x: Any, weight: Any) -> Any:
    """``prelu`` with a weight that broadcasts."""
    return where_.op.forward(x > 0, x, x * weight)


@composed(inputs=("x", "weight"), samples=[
    case(x=reals(shape=(2, 3), avoid=(0.0,)), weight=reals(shape=(3,))),
    case(x=reals(shape=(2, 3), avoid=(0.0,)), weight=reals(shape=(1,))),
    case(x=reals(shape=(2, 3, 2), avoid=(0.0,)), weight=reals(shape=(3,))),
    case(x=reals(shape=(3,), avoid=(0.0,)), weight=reals(shape=(1,))),
    case(x=reals(shape=(), avoid=(0.0,)), weight=reals(shape=(1,))),
])  # fmt: skip
def prelu(x: Any, weight: Any) -> Tensor:
    """``x`` if positive, else ``weight * x``, with one weight for all or one for each channel (dimension 1).

    Raises: ShapeError.
    """
    shape, wanted = tuple(x.shape), tuple(weight.shape)
    if wanted not in ((), (1,)):
        channels = shape[1] if len(shape) > 1 else 1
        if wanted != (channels,):
            raise ShapeError(
                f"prelu: weight has shape {wanted}; for an input of shape {shape} it must be ({channels},), one for "
                "each channel (dimension 1), or (1,)"
            )
        weight = np.reshape(weight, (-1, *(1,) * (len(shape) - 2)))
    elif wanted:
        weight = np.reshape(weight, ())
    return prelu_(x, weight)


# ---- random ----------------------------------------------------------------------------------------------------------


@composed()
def rrelu(
    x: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """``leaky_relu`` with a random slope for each element, from ``lower`` to ``upper``; their mean outside training.

    Raises: ValueError if the bounds are in the wrong order, or not finite.
    """
    if not -np.inf < lower <= upper < np.inf:
        raise ArgumentError(f"rrelu: lower must not be greater than upper, and both finite, got {lower} and {upper}")
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    slopes = source(generator).uniform(tuple(x.shape)) * (upper - lower) + lower
    return prelu_(x, slopes.astype(x.dtype if x.dtype.kind == "f" else slopes.dtype))


def gumbel_noise(shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers from Gumbel's standard distribution, an array."""
    uniform = source(None).uniform(shape, np.dtype(np.float64))
    return -np.log(np.maximum(-np.log1p(-uniform), 1e-300)).astype(dtype)
