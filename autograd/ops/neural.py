"""The primitives of neural networks: linear maps, softmax, directions, dropout."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from ..engine.callsite import warn
from ..engine.failures import describe
from ..engine.sums import dot_lines
from ..errors import ArgumentError, DtypeError, ShapeError
from ..generator import Generator, source
from ..samples import case, reals
from . import arithmetic, reductions
from ._blocks import BLOCK, linewise
from ._column_sums import column_sums
from ._extremes import extreme_along
from ._softmax_columns import (
    columns_log_softmax,
    columns_log_softmax_backward,
    columns_softmax,
    columns_softmax_backward,
)
from ._sums import add_reduce
from .axes import accumulation_dtype, axes_of
from .casting import cast
from .norms import norm
from .products import flat
from .repetition import broadcast_tensors
from .selection import clamp
from .shapes import also_named, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- linear ----------------------------------------------------------------------------------------------------------


def _linear_input_rule(g: Any, weight: Any) -> Any:
    return np.expand_dims(g, -1) * weight if weight.ndim == 1 else _flat_product(g, weight)


def _linear_weight_rule(g: Any, x: Any) -> Any:
    if g.ndim < x.ndim:  # of a vector
        n = math.prod(g.shape)
        return np.matmul(np.reshape(g, (n,)), np.reshape(x, (n, x.shape[-1])))
    if x.ndim == 2:
        return np.matmul(g.T, x)
    return np.matmul(flat(g).T, flat(x))


def _flat_product(x: Any, weight: Any) -> Any:
    """``x @ weight`` as one product over all leading dimensions."""
    if weight.ndim > 2:
        raise ArgumentError("a batch of matrices is not a weight")
    if x.ndim <= 2 or weight.ndim == 1:
        return np.matmul(x, weight)
    return np.reshape(np.matmul(flat(x), weight), (*x.shape[:-1], weight.shape[1]))


def _bias_rule(g: Any) -> Any:
    return g if g.ndim <= 1 else column_sums(g)


@op(
    x=_linear_input_rule,
    weight=_linear_weight_rule,
    bias=_bias_rule,
    promote="common",
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(4, 3)), weight=reals(shape=(2, 3)), bias=reals(shape=(2,))),
        case(x=reals(shape=(4, 3)), weight=reals(shape=(2, 3))),
        case(x=reals(shape=(3,)), weight=reals(shape=(2, 3)), bias=reals(shape=(2,))),
        case(x=reals(shape=(2, 2, 3)), weight=reals(shape=(2, 3)), bias=reals(shape=(2,))),
        case(x=reals(shape=(0, 3)), weight=reals(shape=(2, 3)), bias=reals(shape=(2,))),
        *[case(x=reals(shape=s), weight=reals(shape=(3,)), bias=reals(shape=())) for s in ((3,), (4, 3), (2, 2, 3))],
    ],
)
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """``x @ weight.T + bias``.

    Shape: ``(..., inputs), (outputs, inputs), (outputs,) -> (..., outputs)``; a weight ``(inputs,)`` gives ``(...)``.

    Raises: ShapeError.
    """
    try:
        out = np.matmul(x, weight.T) if x.ndim <= 2 and weight.ndim == 2 else _flat_product(x, weight.T)
        if bias is None:
            return out
        if bias.dtype is not out.dtype or bias.ndim != 1:
            return out + bias
        out += bias
        return out
    except (ValueError, IndexError) as error:
        raise ShapeError(_linear_misfit(x, weight, bias, error)) from None


def _linear_misfit(x: Any, weight: Any, bias: Any, error: Exception) -> str:
    text = f"linear(x={describe(x)}, weight={describe(weight)}, bias={describe(bias)}): "
    if weight.ndim not in (1, 2):
        return f"{text}the weight must be a matrix of shape (outputs, inputs), or a vector of shape (inputs,)"
    if not x.ndim:
        return f"{text}x must have at least one dimension"
    if x.shape[-1] != weight.shape[-1]:
        text += f"the last dimension of x is {x.shape[-1]}, but the weight takes {weight.shape[-1]} inputs"
        if x.shape[-1] == weight.shape[0]:
            return f"{text}. Did you mean weight.T? Its shape is (outputs, inputs)"
        if x.ndim > 1 and math.prod(x.shape[1:]) == weight.shape[-1]:
            return f"{text}. Did you mean x.flatten(1)?"
        return text
    if bias is None:
        return f"{text}{error}"
    return f"{text}the bias has shape {bias.shape}, but there are {math.prod(weight.shape[:-1])} outputs"


# ---- softmax ---------------------------------------------------------------------------------------------------------


def _shifted(x: Any, dim: int, out: Any) -> Any:
    """``x`` less its largest element along ``dim``, in a dtype fit to add up in."""
    return np.subtract(x, extreme_along(np.maximum, x, dim), out=out, dtype=accumulation_dtype(x.dtype))


_SOFTMAX = [
    case(x=reals(shape=(2, 3)), dim=1), case(x=reals(shape=(2, 3, 2)), dim=-2), case(x=reals(shape=()), dim=0),
    case(x=reals(shape=(0, 3)), dim=-1), case(x=reals(shape=(2, 1)), dim=1),
]  # fmt: skip

_SLOPES = [
    case(x=reals(shape=shape), y=reals(shape=shape), dim=dim)
    for shape, dim in (((2, 3), 1), ((2, 3, 2), -2), ((2, 3), -1), ((0, 3), -1), ((), 0))
]


def _along(x: Any, y: Any, dim: int) -> Any:
    """The sum of ``x * y`` along ``dim``, kept as 1."""
    if dim in (-1, x.ndim - 1) and x.dtype.char in "fd" and x.ndim:  # in one pass; of complex x it takes the conjugate
        return np.expand_dims(np.vecdot(x, y), -1)
    return np.add.reduce(x * y, dim, keepdims=True)


def softmax_slope_along(t_x: Any, t_y: Any, y: Any, dim: int, x: Any = None) -> Any:
    """How ``softmax_backward`` of ``x`` and ``y`` moves."""
    by_x = None if t_x is None else softmax_backward.kernel(t_x, y, dim)
    if t_y is None:
        return by_x
    by_y = t_y * (x - _along(x, y, dim)) - y * _along(x, t_y, dim)
    return by_y if by_x is None else by_x + by_y


@op(
    x=lambda g, y, dim: softmax_backward.kernel(g, y, dim),
    y=lambda g, x, y, dim: g * (x - _along(x, y, dim)) - x * _along(g, y, dim),
    jvp=softmax_slope_along,
    samples=_SLOPES,
)
def softmax_backward(x: Any, y: Any, dim: int) -> Any:
    """The gradient of the input of ``softmax``, from that of its output, ``x``, and the output ``y``."""
    if x.size <= BLOCK:
        return _softmax_backward(x, y, dim)
    return linewise(_softmax_backward, columns_softmax_backward, dim, x, y)


def _softmax_backward(x: Any, y: Any, dim: int, out: Any = None) -> Any:
    out = np.subtract(x, _along(x, y, dim) if out is None else _total(x, dim, y), out=out)
    out *= y
    return out


def _total(x: Any, dim: int, y: Any = None) -> Any:
    """The sum of a large plain array, or of its products with another, along ``dim``, kept as 1."""
    if dim in (-1, x.ndim - 1):
        return dot_lines(x, y)[..., None]
    return add_reduce(x if y is None else x * y, dim, True)


_MODERATE = 40
"""The exponentials of numbers between minus and plus this, their sums and inverses neither overflow nor vanish."""


def _is_moderate(x: Any) -> bool:
    return bool(np.maximum.reduce(x, None) < _MODERATE and np.minimum.reduce(x, None) > -_MODERATE)


def _softmax(x: Any, dim: int, out: Any = None) -> Any:
    shifts = out is None or not _is_moderate(x)  # to find that out takes less time than to shift every line
    powers = _shifted(x, dim, out) if shifts else x
    if not x.ndim:
        return np.exp(powers)
    powers = np.exp(powers, out=powers if out is None else out)
    if out is None:
        powers /= add_reduce(powers, dim, True)
    else:
        powers *= 1 / _total(powers, dim)
    return powers


@op(x=lambda g, out, dim: softmax_backward.kernel(g, out, dim), promote="float", jvp="symmetric", samples=_SOFTMAX)
def softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    """``exp(x)`` divided by its sum along ``dim``, without overflow.

    Args:
        x: floating; integers are computed in the default float dtype.
        dim: a dimension.
        dtype: compute (and return) in this dtype.

    >>> import autograd
    >>> autograd.softmax(autograd.tensor([[1.0, 1.0], [0.0, 2.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.1192, 0.8808]])
    """
    if dtype is not None:
        x = x.astype(dtypes.as_dtype(dtype), copy=False)
    if not x.size:
        axes_of(dim, x.ndim)
        return np.array(x, subok=True)
    out = _softmax(x, dim) if x.size <= BLOCK else linewise(_softmax, columns_softmax, dim, x)
    return out if out.dtype is x.dtype else out.astype(x.dtype)


def _log_softmax(x: Any, dim: int, out: Any = None) -> Any:
    shifted = _shifted(x, dim, out)
    if not x.ndim:
        return shifted
    powers = np.exp(shifted)
    shifted -= np.log(add_reduce(powers, dim, True) if out is None else _total(powers, dim))
    return shifted


def _log_softmax_backward(x: Any, y: Any, dim: int, out: Any = None) -> Any:
    if out is None:
        return x - np.exp(y) * np.add.reduce(x, dim, keepdims=True)
    out = np.exp(y, out=out)
    out *= _total(x, dim)
    return np.subtract(x, out, out=out)


def _log_softmax_slope_along(t_x: Any, t_y: Any, y: Any, dim: int, x: Any = None) -> Any:
    total: Any = 0.0
    if t_x is not None:
        total = np.add.reduce(t_x, dim, keepdims=True)
    if t_y is not None:
        total = total + t_y * np.add.reduce(x, dim, keepdims=True)
    moved = np.exp(y) * total
    return -moved if t_x is None else t_x - moved


@op(
    x=lambda g, y, dim: g - np.add.reduce(g * np.exp(y), dim, keepdims=True),
    y=lambda g, x, y, dim: -g * np.exp(y) * np.add.reduce(x, dim, keepdims=True),
    jvp=_log_softmax_slope_along,
    samples=_SLOPES,
)
def log_softmax_backward(x: Any, y: Any, dim: int) -> Any:
    """The gradient of the input of ``log_softmax``, from that of its output, ``x``, and the output ``y``."""
    if x.size <= BLOCK:
        return _log_softmax_backward(x, y, dim)
    return linewise(_log_softmax_backward, columns_log_softmax_backward, dim, x, y)


@op(
    x=lambda g, out, dim: log_softmax_backward.kernel(g, out, dim),
    promote="float",
    jvp=lambda t_x, out, dim: t_x - np.add.reduce(t_x * np.exp(out), dim, keepdims=True),
    samples=_SOFTMAX,
)
def log_softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of ``softmax``, exact where that is near 0.

    Args:
        x: floating; integers are computed in the default float dtype.
        dim: a dimension.
        dtype: compute (and return) in this dtype.
    """
    if dtype is not None:
        x = x.astype(dtypes.as_dtype(dtype), copy=False)
    if not x.size:
        axes_of(dim, x.ndim)
        return np.array(x, subok=True)
    out = _log_softmax(x, dim) if x.size <= BLOCK else linewise(_log_softmax, columns_log_softmax, dim, x)
    return out if out.dtype is x.dtype else out.astype(x.dtype)


@composed(samples=_SOFTMAX)
def softmin(x: Any, dim: int, dtype: Any = None) -> Tensor:
    """``softmax(-x)``."""
    return softmax(arithmetic.neg(x), dim, dtype)


# ---- directions ------------------------------------------------------------------------------------------------------


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 3))), case(x=reals(shape=(3,)), dim=0, p=3.0),
    case(x=reals(shape=(2, 3), avoid=(0.0,)), p=1.0, dim=0),
])  # fmt: skip
def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """``x`` divided by its ``p``-norm along ``dim``, or by ``eps`` where that is smaller."""
    return arithmetic.div(x, clamp(norm(x, p, dim, True), min=eps))


@composed(
    samples=[
        case(x1=reals(shape=(2, 3)), x2=reals(shape=(2, 3))),
        case(x1=reals(shape=(2, 3)), x2=reals(shape=(3,)), dim=-1),
    ]
)
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``dim``; norms below ``eps`` count as ``eps``.

    One of them may hold integers.

    Raises: ShapeError; DtypeError for integers alone; ValueError if ``eps`` is negative.
    """
    if not eps >= 0:
        raise ArgumentError(f"cosine_similarity: eps must not be negative, got {eps}")
    pair = broadcast_tensors(x1, x2)
    if {x.dtype.kind for x in pair} & set("biu"):  # of integers there is no norm
        dtype = dtypes.result_type(*pair)
        pair = tuple([cast(x, dtype) for x in pair])
    first, second = (arithmetic.div(x, clamp(norm(x, 2, dim, True), min=eps)) for x in pair)
    return reductions.sum(arithmetic.mul(first, second), dim)


# ---- dropout ---------------------------------------------------------------------------------------------------------


def _drops(name: str, x: Any, p: float, training: bool) -> bool:
    """Whether anything of ``x`` is to be dropped at all."""
    try:
        possible = 0 <= p <= 1
    except TypeError:
        raise DtypeError(f"{name}: the probability p must be a number, got {type(p).__name__} {p!r}") from None
    if not possible:
        raise ArgumentError(f"{name}: the probability p must lie between 0 and 1, got {p}")
    if not training or p == 0:
        return False
    if not hasattr(x, "dtype"):
        raise TypeError(f"{name}: expected a Tensor or a NumPy array, got {type(x).__name__}")
    if x.dtype.kind not in "fcV":
        raise DtypeError(f"{name}: {x.dtype} cannot hold what is kept, which is scaled up; convert it: input.float()")
    return True


def _dropped(name: str, x: Any, p: float, training: bool, shape: tuple[int, ...], generator: Generator | None) -> Any:
    """``x`` times a random mask of ``shape``, in which a share ``p`` is 0 and the rest ``1 / (1 - p)``."""
    if not _drops(name, x, p, training):
        return x
    kept = source(generator).uniform(shape) >= p
    return arithmetic.mul(x, np.multiply(kept, 0.0 if p == 1 else 1 / (1 - p), dtype=x.dtype))


@also_named(train="training")
@composed()
def dropout(x: Any, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """``x`` with each element 0 with probability ``p``, the others divided by ``1 - p``; ``x`` itself outside training.

    Raises: ValueError for an impossible ``p``.
    """
    return _dropped("dropout", x, p, training, tuple(x.shape), generator)


def feature_dropout(name: str, rank: int, x: Any, p: float, training: bool) -> Tensor:
    """``dropout`` of whole channels of a batch (N, C, ...) with ``rank`` dimensions, or of one example (C, ...).

    As in PyTorch ``dropout2d`` takes everything as a batch, and it and ``dropout3d`` warn of other shapes.

    Raises: ShapeError; ValueError for an impossible ``p``.
    """
    shape = tuple(shape_of(x))
    ndim = len(shape)
    leading = 2 if ndim == rank or rank == 4 else 1
    if ndim < leading or (rank == 3 and ndim not in (2, 3)):
        raise ShapeError(f"{name}: expected {rank - 1} or {rank} dimensions, got shape {shape}")
    if rank == 4 and ndim == 3:
        warn(f"dropout2d: shape {shape} is taken as (N, C, L), not as an image without batch; use dropout1d")
    elif ndim not in (rank, rank - 1):
        warn(f"{name}: expected {rank - 1} or {rank} dimensions, got shape {shape}; use dropout for other shapes")
    return _dropped(name, x, p, training, (*shape[:leading], *(1,) * (ndim - leading)), None)


def _alpha_dropped(name: str, x: Any, p: float, training: bool, shape: tuple[int, ...]) -> Any:
    """``x`` with what a random mask of ``shape`` drops set to selu's lower limit, and mean and variance restored."""
    if not _drops(name, x, p, training):
        return x
    if p == 1:
        return arithmetic.mul(x, 0.0)
    low = -1.7580993408473766
    scale = 1 / math.sqrt((low * low * p + 1) * (1 - p))
    kept = source(None).uniform(shape) >= p
    shift = np.multiply(~kept, low * scale, dtype=x.dtype) + x.dtype.type(-low * scale * p)
    return arithmetic.add(arithmetic.mul(x, np.multiply(kept, scale, dtype=x.dtype)), shift)


@also_named(train="training")
@composed()
def alpha_dropout(x: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """Dropout for ``selu`` networks: keeps mean and variance (G. Klambauer et al., 2017).

    Raises: ValueError for an impossible ``p``.
    """
    return _alpha_dropped("alpha_dropout", x, p, training, tuple(x.shape))


@also_named(train="training")
@composed()
def feature_alpha_dropout(x: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """``alpha_dropout`` of whole channels of (examples, channels, ...).

    Raises: ShapeError; ValueError for an impossible ``p``.
    """
    if x.ndim < 2 and training and p and x.size:
        raise ShapeError(f"feature_alpha_dropout: expected (examples, channels, ...), got shape {tuple(x.shape)}")
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2))
    return _alpha_dropped("feature_alpha_dropout", x, p, training, shape)
