"""Activation functions of neural networks, elementwise.

At a kink the derivative is PyTorch's: 0 for relu at 0, 0 at both ends of hardtanh and its kind. At nan it is 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import composed, op
from ..errors import ShapeError
from ..samples import case, elementwise, reals
from . import arithmetic
from .exponential import erfc, sigmoid
from .joining import chunk
from .selection import keep, where

_ZEROS = {np.dtype(kind): np.zeros((), kind) for kind in "efdbhilqBHILQ"}
"""0 in each dtype: as an operand NumPy takes it in half the time of the Python number."""
for _zero in _ZEROS.values():
    _zero.flags.writeable = False
_ROOT = math.sqrt(2 / math.pi)


@op(x=lambda g, out: keep.kernel(g, out != _ZEROS.get(out.dtype, 0)), samples=elementwise(x=reals(avoid=(0.0,))))
def relu(x: Any) -> Any:
    """``max(x, 0)``."""
    if isinstance(x, np.generic):  # three times as fast as a ufunc
        return type(x)(0) if x <= 0 else x  # type: ignore[operator] # the stubs allow no comparison
    return np.maximum(x, _ZEROS.get(x.dtype, 0) if isinstance(x, np.ndarray) else 0)


@op(
    x=lambda g, x, min_val, max_val: keep.kernel(g, ~((x <= min_val) | (x >= max_val))),
    samples=[
        elementwise(x=reals(avoid=(-1.0, 1.0))),
        elementwise(x=reals(avoid=(-2.0, 0.5)), min_val=-2.0, max_val=0.5),
    ],
)
def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``x`` clipped to ``min_val .. max_val``; there is no gradient at either end. Raises: ValueError."""
    if min_val > max_val:
        raise ValueError(f"min_val must not be above max_val, got {min_val} and {max_val}")
    return np.clip(x, min_val, max_val).astype(x.dtype, copy=False)


@composed(samples=elementwise(x=reals(-2, 8, avoid=(0.0, 6.0))))
def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``."""
    return hardtanh(x, 0.0, 6.0)


@op(
    x=lambda g, x, negative_slope: np.where(x > 0, g, g * negative_slope),
    promote="float",
    samples=[elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), negative_slope=-0.5)],
)
def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """``x`` if positive, else ``negative_slope * x``."""
    if 0 <= negative_slope <= 1:
        return np.maximum(x, x * negative_slope)
    return np.where(x > 0, x, x * negative_slope)


def _elu_rule(g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    low = np.where(x < 0, x, 0)
    return np.where(x <= 0, g * np.exp(low * input_scale) * (alpha * scale * input_scale), g * scale)


@op(x=_elu_rule, promote="float", samples=[
    elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), alpha=0.5, scale=1.5, input_scale=2.0),
])  # fmt: skip
def elu(x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """``scale * x`` if positive, else ``scale * alpha * (exp(input_scale * x) - 1)``."""
    low = np.expm1(np.minimum(x, 0) * input_scale) * (alpha * scale)
    return np.where(x > 0, x * scale, low)


@composed(samples=[elementwise(x=reals(avoid=(0.0,))), elementwise(x=reals(avoid=(0.0,)), alpha=0.5)])
def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` if positive, else ``alpha * (exp(x / alpha) - 1)``."""
    return elu(x, alpha, 1.0, 1 / alpha)


@composed(samples=elementwise(x=reals(avoid=(0.0,))))
def selu(x: Any) -> Any:
    """The self-normalizing ``elu``, with the scale and alpha of G. Klambauer et al. (2017)."""
    return elu(x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


def _gelu_rule(g: Any, x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        square = x * x
        t = np.tanh(x * (square * (0.044715 * _ROOT) + _ROOT))
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * (square * (3 * 0.044715 * 0.5 * _ROOT) + 0.5 * _ROOT))
    return g * (erfc.kernel(x * -math.sqrt(0.5)) * 0.5 + x * np.exp(x * x * -0.5) * (0.5 * math.sqrt(2 / math.pi)))


@op(x=_gelu_rule, promote="float", samples=[reals(), elementwise(x=reals(), approximate="tanh")])
def gelu(x: Any, approximate: str = "none") -> Any:
    """``x`` times the normal distribution function of ``x``.

    Args:
        x: floating.
        approximate: ``"tanh"`` for the approximation by that function, several times as fast.

    Raises: ValueError for another name.
    """
    if approximate == "tanh":
        return x * 0.5 * (np.tanh(x * (x * x * (0.044715 * _ROOT) + _ROOT)) + 1)
    if approximate != "none":
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    return erfc.op.forward(x * -math.sqrt(0.5)) * x * 0.5


def _silu_rule(g: Any, x: Any) -> Any:
    s = sigmoid.kernel(x)
    return g * (s + x * (s - s * s))


@op(x=_silu_rule, promote="float", samples=reals())
def silu(x: Any) -> Any:
    """``x * sigmoid(x)``, also called swish."""
    return x * sigmoid.op.forward(x)


def soft_maximum(x: Any) -> Any:
    """``log(1 + exp(x))`` without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _mish_rule(g: Any, x: Any) -> Any:
    t = np.tanh(softplus.kernel(x))
    return g * (t + x * (1 - t * t) * sigmoid.kernel(x))


@op(x=_mish_rule, promote="float", samples=reals())
def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))``."""
    return x * np.tanh(soft_maximum(x))


@op(
    x=lambda g, x, beta, threshold: np.where(x * beta > threshold, g, g * sigmoid.kernel(x * beta)),
    promote="float",
    samples=[reals(), elementwise(x=reals(avoid=(1.0,)), beta=2.0, threshold=2.0)],
)
def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``log(1 + exp(beta * x)) / beta``, and ``x`` itself where ``beta * x`` exceeds ``threshold``."""
    scaled = x if beta == 1 else x * beta
    out = soft_maximum(scaled)
    return np.where(scaled > threshold, x, out if beta == 1 else out / beta)


@op(x=lambda g, x: g * sigmoid.kernel(-x), promote="float", samples=reals())
def logsigmoid(x: Any) -> Any:
    """``log(sigmoid(x))`` without overflow."""
    return -soft_maximum(-x)


def _softsign_rule(g: Any, x: Any) -> Any:
    size = np.abs(x) + 1
    if x.dtype.kind != "c":
        return g / np.square(size)
    return g / size - np.real(g * x) / np.square(size) * np.conj(np.sign(x))


@op(x=_softsign_rule, promote="float", samples=elementwise(x=reals(avoid=(0.0,))))
def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``."""
    return x / (np.abs(x) + 1)


@op(
    x=lambda g, x: keep.kernel(g, np.logical_and(x > -3, x < 3)) / 6,
    promote="float",
    samples=elementwise(x=reals(-5, 5, avoid=(-3.0, 3.0))),
)
def hardsigmoid(x: Any) -> Any:
    """``x / 6 + 1 / 2``, clipped to 0 .. 1."""
    return np.clip(x + 3, 0, 6) / 6


def _hardswish_rule(g: Any, x: Any) -> Any:
    inside = np.logical_and(x > -3, x < 3)
    return np.where(inside, g * (np.where(inside, x, 0) / 3 + 0.5), keep.kernel(g, x >= 3))


@op(x=_hardswish_rule, promote="float", samples=elementwise(x=reals(-5, 5, avoid=(-3.0, 3.0))))
def hardswish(x: Any) -> Any:
    """``x * hardsigmoid(x)``."""
    return x * np.clip(x + 3, 0, 6) / 6


def _tanhshrink_rule(g: Any, x: Any) -> Any:
    t = np.tanh(x)
    return g * t * t


@op(x=_tanhshrink_rule, promote="float", samples=reals())
def tanhshrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    return x - np.tanh(x)


@op(
    x=lambda g, x, lambd: keep.kernel(g, ~((x >= -lambd) & (x <= lambd))),
    promote="float",
    samples=[elementwise(x=reals(avoid=(-0.5, 0.5))), elementwise(x=reals(avoid=(-1.5, 1.5)), lambd=1.5)],
)
def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` moved towards 0 by ``lambd``, 0 within that distance of it. Raises: ValueError if that is negative."""
    if lambd < 0:
        raise ValueError(f"lambd must not be negative, got {lambd}")
    return x - np.clip(x, -lambd, lambd)


@op(
    x=lambda g, x, lambd: keep.kernel(g, ~(np.abs(x) <= lambd)),
    promote="float",
    samples=[elementwise(x=reals(avoid=(-0.5, 0.5))), elementwise(x=reals(avoid=(-1.5, 1.5)), lambd=1.5)],
)
def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` where its magnitude exceeds ``lambd``, else 0; NaN stays."""
    return np.where(np.abs(x) <= lambd, 0, x)


@op(
    x=lambda g, x, threshold: keep.kernel(g, ~(x <= threshold)),
    samples=elementwise(x=reals(avoid=(0.5,)), threshold=0.5, value=-1.0),
)
def threshold(x: Any, threshold: float, value: float) -> Any:
    """``x`` where it exceeds ``threshold``, else ``value``; NaN stays."""
    return np.where(x <= threshold, value, x)


@composed(inputs=("x", "weight"), samples=[
    case(x=reals(shape=(2, 3), avoid=(0.0,)), weight=reals(shape=(3,))),
    case(x=reals(shape=(2, 3), avoid=(0.0,)), weight=reals(shape=(1,))),
    case(x=reals(shape=(2, 3, 2), avoid=(0.0,)), weight=reals(shape=(3,))),
    case(x=reals(shape=(3,), avoid=(0.0,)), weight=reals(shape=(1,))),
])  # fmt: skip
def prelu(x: Any, weight: Any) -> Any:
    """``x`` if positive, else ``weight * x``, with one weight for all or one for each channel (dimension 1).

    Raises: ShapeError if the weights are of another number.
    """
    count = weight.shape[0] if weight.ndim == 1 else 1
    if weight.ndim > 1 or (count != 1 and count != (x.shape[1] if x.ndim > 1 else x.ndim)):
        raise ShapeError(
            f"prelu: expected one weight, or one for each channel (dimension 1) of {tuple(x.shape)}, "
            f"got shape {tuple(weight.shape)}"
        )
    weight = np.reshape(weight, () if count == 1 else (-1, *(1,) * (x.ndim - 2)))
    return where(x > 0, x, arithmetic.mul(x, weight))


@composed(samples=[case(x=reals(shape=(2, 4))), case(x=reals(shape=(2, 3)), dim=0)])
def glu(x: Any, dim: int = -1) -> Any:
    """The first half of ``x`` along ``dim`` times the sigmoid of the second."""
    if not x.ndim or x.shape[dim] % 2:
        raise ValueError(f"glu: dimension {dim} of shape {tuple(x.shape)} must have an even size")
    first, second = chunk(x, 2, dim)
    return arithmetic.mul(first, sigmoid(second))
