"""Normalization: over the last dimensions, over a batch, over groups of channels, over neighbouring channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, unwrap
from .._operands import refuse
from ..engine.mutation import stamp
from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import as_complex, case, reals
from . import arithmetic, powers, reductions
from ._blocks import BLOCK
from .axes import wide_dtype, widened
from .dimensions import movedim
from .repetition import constant_pad_nd
from .shapes import reshape, shape_of
from .standardization import batch_norm_, group_norm_, layer_norm_, scale_channels
from .windows import windows

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- over the last dimensions ----------------------------------------------------------------------------------------


def _check_float(name: str, x: Any) -> None:
    dtype = getattr(x, "dtype", None)
    if dtype is not None and dtype.kind not in "fV":
        raise DtypeError(f"{name}: expected floating numbers, got {dtype}; convert with .float()")


def _last_shape(name: str, x: Any, normalized_shape: Any, **values: Any) -> int:
    """How many last dimensions to normalize, when they and the parameters have that shape."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    found = shape_of(x)
    if found[len(found) - len(shape) :] != shape or len(shape) > len(found) or not shape:
        raise ShapeError(f"{name}: the last dimensions of x, of shape {found}, are not normalized_shape={shape}")
    for parameter, value in values.items():
        if value is not None and shape_of(value) != shape:
            raise ShapeError(f"{name}: the {parameter} has shape {shape_of(value)}; expected normalized_shape={shape}")
    return len(shape)


@composed(
    inputs=("x", "weight", "bias"),
    samples=[
        case(x=reals(shape=(2, 4)), normalized_shape=(4,)),
        case(x=reals(shape=(2, 4)), normalized_shape=4, weight=reals(shape=(4,)), bias=reals(shape=(4,))),
        case(x=reals(shape=(2, 4)), normalized_shape=4, bias=reals(shape=(4,))),
        case(
            x=reals(shape=(2, 2, 3)), normalized_shape=(2, 3), weight=reals(shape=(2, 3)), bias=reals(shape=(2, 3)),
            eps=0.1,
        ),
        case(x=reals(shape=(3,)), normalized_shape=(3,), weight=reals(shape=(3,))),
    ],
)  # fmt: skip
def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with mean and variance over the last dimensions.

    Args:
        x: floating.
        normalized_shape: the sizes of these dimensions.
        weight: of that shape, or None for 1.
        bias: of that shape, or None for 0.
        eps: added to the variance.

    Raises: ShapeError, DtypeError.

    Source: J. L. Ba et al., Layer Normalization, 2016.
    """
    _check_float("layer_norm", x)
    rank = _last_shape("layer_norm", x, normalized_shape, weight=weight, bias=bias)
    return layer_norm_(x, weight, bias, rank, eps, True, [])


@composed(
    inputs=("x", "weight"),
    samples=[
        case(x=reals(shape=(2, 4)), normalized_shape=(4,)),
        case(x=reals(shape=(2, 2, 3)), normalized_shape=(2, 3), weight=reals(shape=(2, 3)), eps=0.1),
        case(x=reals(shape=(2, 3), make=as_complex), normalized_shape=3, weight=reals(shape=(3,)), eps=0.1),
    ],
)
def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """``x / sqrt(mean(x * x) + eps) * weight`` with the mean over the last dimensions.

    Args:
        x: floating or complex.
        normalized_shape: the sizes of these dimensions.
        weight: of that shape, or None for 1.
        eps: added to the mean; None is the dtype's machine epsilon (float32's for 16 bits).

    Raises: ShapeError, DtypeError.

    Source: B. Zhang and R. Sennrich, Root Mean Square Layer Normalization, 2019.
    """
    if not (is_complex := np.iscomplexobj(x)):
        _check_float("rms_norm", x)
    rank = _last_shape("rms_norm", x, normalized_shape, weight=weight)
    if eps is None:
        eps = float(np.finfo(wide_dtype(x.dtype)).eps)
    if is_complex:
        mean = reductions.mean(arithmetic.mul(x, x), tuple(range(-rank, 0)), keepdim=True)
        out = arithmetic.mul(x, powers.rsqrt(arithmetic.add(mean, eps)))
        return out if weight is None else arithmetic.mul(out, weight)
    return layer_norm_(x, weight, None, rank, eps, False, [])


# ---- over batches, groups and instances ------------------------------------------------------------------------------


def _check_channels(name: str, x: Any, **values: Any) -> tuple[int, ...]:
    _check_float(name, x)
    shape: tuple[int, ...] = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"{name}: expected (examples, channels, ...), got shape {shape}")
    channels = shape[1:2]
    for what, value in values.items():
        if value is not None and shape_of(value) != channels:
            raise ShapeError(
                f"{name}: {what} has shape {tuple(shape_of(value))}, but the input of shape {shape} has {shape[1]} "
                f"channels in dimension 1: expected ({shape[1]},)"
            )
    return shape


def _check_running(name: str, mean: Any, variance: Any) -> None:
    """Raise if running statistics are none that can be kept: only one of them, integers, or requiring grad."""
    if (mean is None) != (variance is None):
        missing = "running_var" if variance is None else "running_mean"
        raise ArgumentError(f"{name}: expected both running statistics or neither, but {missing} is None")
    if mean is None:
        return
    for what, value in (("running_mean", mean), ("running_var", variance)):
        held = value
        if isinstance(value, Handle):
            held = value._data
            if value.requires_grad:  # type: ignore[attr-defined]
                refuse(name, what, value)
        if not hasattr(held, "dtype") or held.dtype.kind not in "fcV":
            came = held.dtype if hasattr(held, "dtype") else type(held).__name__
            raise DtypeError(f"{name}: {what} must be a floating Tensor or array, got {came}")


def _track(momentum: float, running_mean: Any, mean: Any, running_var: Any, variance: Any) -> None:
    """Move running statistics towards new values, in place: both, or none."""
    first, second = unwrap(running_mean), unwrap(running_var)
    moved, spread = first * (1 - momentum) + mean * momentum, second * (1 - momentum) + variance * momentum
    np.copyto(first, moved, casting="same_kind")
    np.copyto(second, spread, casting="same_kind")
    stamp(first)
    stamp(second)


def _by_channel(x: Any, shape: tuple[int, ...]) -> Any:
    return x if len(shape) == 2 else reshape(x, (-1, *(1,) * (len(shape) - 2)))


def _alike(x: Any, weight: Any, bias: Any) -> bool:
    """Whether there are weight and bias, of the input's dtype, which is that of sums."""
    return (
        weight is not None and bias is not None and bool(x.dtype.char in "fd" and x.dtype == weight.dtype == bias.dtype)
    )


def _scaled(x: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> Any:
    """``x`` times its channel's weight plus its channel's bias."""
    if math.prod(shape) > BLOCK and _alike(x, weight, bias):  # then it pays to do all at once
        return scale_channels(x, weight, bias)
    if weight is not None:
        x = arithmetic.mul(x, _by_channel(weight, shape))
    return x if bias is None else arithmetic.add(x, _by_channel(bias, shape))


def _by_running(x: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: float, shape: tuple[int, ...]) -> Any:
    """``batch_norm`` in evaluation: an affine map with constants from training."""
    dtype = x.dtype
    wide = wide_dtype(dtype)
    scale = (1 / np.sqrt(unwrap(variance) + eps)).astype(wide, copy=False)
    factor = scale if weight is None else arithmetic.mul(weight, scale)
    out = arithmetic.sub(x, _by_channel(unwrap(mean).astype(wide, copy=False), shape))
    out = _scaled(out, factor, bias, shape)
    return out if out.dtype == dtype else out.astype(dtype)


@composed(
    inputs=("x", "weight", "bias"),
    samples=[
        case(x=reals(shape=(4, 2)), training=True),
        case(x=reals(shape=(4, 2)), weight=reals(shape=(2,)), bias=reals(shape=(2,)), training=True),
        case(x=reals(shape=(4, 2)), bias=reals(shape=(2,)), training=True),
        case(x=reals(shape=(3, 2, 2)), weight=reals(shape=(2,)), bias=reals(shape=(2,)), training=True, eps=0.1),
        case(
            x=reals(shape=(2, 2, 2)), running_mean=np.array([0.5, -1.0]), running_var=np.array([2.0, 0.3]),
            weight=reals(shape=(2,)), bias=reals(shape=(2,)),
        ),
        case(x=reals(shape=(3, 2)), running_mean=np.array([0.5, -1.0]), running_var=np.array([2.0, 0.3])),
    ],
)  # fmt: skip
def batch_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias``, with mean and variance of each channel over the batch.

    Args:
        x: floating, (examples, channels, ...).
        running_mean, running_var: for each channel; used outside training. In training they are moved towards the
            batch's mean and unbiased variance, in place.
        weight, bias: for each channel, or None for 1 and 0.
        training: whether to use the batch's statistics, not the running ones.
        momentum: how far the running statistics move.
        eps: added to the variance.

    Raises:
        ShapeError: the shapes do not fit, or there is only one value in each channel, whose variance is none.
        DtypeError: the input is not floating.
        ValueError: ``eps`` is negative, or 0 in training, or there are no running statistics outside training.
        NotDifferentiableError: a running statistic requires grad.

    Source: S. Ioffe and C. Szegedy, Batch Normalization, 2015.
    """
    shape = _check_channels(
        "batch_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    _check_running("batch_norm", running_mean, running_var)
    if not training:
        if running_mean is None:
            raise ArgumentError("batch_norm: outside training it needs running_mean and running_var")
        if eps < 0:
            raise ArgumentError(f"batch_norm: eps must not be negative, got {eps}")
        return _by_running(x, running_mean, running_var, weight, bias, eps, shape)
    if eps <= 0:
        raise ArgumentError(f"batch_norm: eps must be positive in training, got {eps}")
    n = math.prod(shape) // max(shape[1], 1)
    if n == 1:
        raise ShapeError(
            f"batch_norm: expected more than 1 value per channel when training, got input of shape {shape}. Use a "
            "larger batch, or .eval()"
        )
    memo: list[Any] = []
    out = batch_norm_(x, weight, bias, eps, memo)
    if n and running_mean is not None:
        variance = memo[2].reshape(-1) * (n / (n - 1))
        _track(momentum, running_mean, memo[0].reshape(-1), running_var, variance)
    return out


@composed(
    inputs=("x", "weight", "bias"),
    samples=[
        case(x=reals(shape=(2, 4)), num_groups=2, eps=2.0),
        case(x=reals(shape=(2, 4, 2)), num_groups=2, weight=reals(shape=(4,)), bias=reals(shape=(4,)), eps=0.1),
        case(x=reals(shape=(2, 2, 2, 2)), num_groups=1, weight=reals(shape=(2,))),
    ],
)
def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` with each example's mean and variance of a group of channels.

    Args:
        x: floating, (examples, channels, ...).
        num_groups: into how many groups the channels are divided.
        weight, bias: for each channel, or None for 1 and 0.
        eps: added to the variance.

    Raises: ShapeError, DtypeError.

    Source: Y. Wu and K. He, Group Normalization, 2018.
    """
    shape = _check_channels("group_norm", x, weight=weight, bias=bias)
    if num_groups < 1 or shape[1] % num_groups:
        raise ShapeError(f"group_norm: {shape[1]} channels of the input, of shape {shape}, in {num_groups} groups")
    if math.prod(shape) == num_groups:
        raise ShapeError(
            f"group_norm: expected more than 1 value in a group of channels, got input of shape {shape} and "
            f"{num_groups} groups"
        )
    if len(shape) > 2 and _alike(x, weight, bias):
        return group_norm_(x, weight, bias, num_groups, eps, [])
    width = math.prod(shape[1:]) // num_groups
    rows = layer_norm_(reshape(x, (shape[0] * num_groups, width)), None, None, 1, eps, True, [])
    return _scaled(reshape(rows, shape), weight, bias, shape)


@composed(
    inputs=("x", "weight", "bias"),
    samples=[
        case(x=reals(shape=(2, 2, 3))),
        case(x=reals(shape=(2, 2, 2, 2)), weight=reals(shape=(2,)), bias=reals(shape=(2,)), eps=0.1),
        case(
            x=reals(shape=(2, 2, 2)), running_mean=np.array([0.5, -1.0]), running_var=np.array([2.0, 0.3]),
            use_input_stats=False,
        ),
    ],
)  # fmt: skip
def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``batch_norm`` with mean and variance of each example by itself; the running ones are averages over examples.

    Args:
        x: floating, (examples, channels, ...).
        running_mean, running_var, weight, bias: as in ``batch_norm``.
        use_input_stats: whether to use the example's statistics, not the running ones.
        momentum, eps: as in ``batch_norm``.

    Raises: ShapeError, DtypeError.

    Source: D. Ulyanov et al., Instance Normalization, 2016.
    """
    shape = _check_channels(
        "instance_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    _check_running("instance_norm", running_mean, running_var)
    if not use_input_stats:
        if running_mean is None:
            raise ArgumentError("instance_norm: without use_input_stats it needs running_mean and running_var")
        return _by_running(x, running_mean, running_var, weight, bias, eps, shape)
    n = math.prod(shape[2:])
    if n == 1:
        raise ShapeError(
            f"instance_norm: expected more than 1 spatial element when training, got input of shape {shape}"
        )
    out = group_norm(x, max(shape[1], 1), weight, bias, eps)
    if math.prod(shape) and running_mean is not None:
        rows = np.reshape(widened(unwrap(x)), (shape[0], shape[1], n))
        variance = np.mean(np.var(rows, axis=2, ddof=1), axis=0)
        _track(momentum, running_mean, np.mean(rows, axis=(0, 2)), running_var, variance)
    return out


@composed(
    inputs=("x",),
    samples=[
        case(x=reals(shape=(2, 4, 1)), size=2),
        case(x=reals(shape=(1, 3, 2)), size=3, alpha=0.5, beta=0.5, k=2.0),
    ],
)
def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """``x / (k + alpha * mean) ** beta``, where the mean goes over the squares of ``size`` neighbouring channels.

    Args:
        x: (examples, channels, ...).
        size: the number of channels; beyond the first and the last, squares count as 0.
        alpha, beta, k: as in the formula.

    Raises: ShapeError.

    Source: A. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012.
    """
    shape = tuple(shape_of(x))
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm: expected (examples, channels, size, ...), got shape {shape}")
    if size < 1:
        raise ArgumentError(f"local_response_norm: size must be at least 1, got {size}")
    if 0 in shape:
        return x
    squares = movedim(arithmetic.mul(x, x), 1, -1)
    near = windows(constant_pad_nd(squares, (size // 2, (size - 1) // 2)), size)
    mean = movedim(reductions.mean(near, -1), -1, 1)
    return arithmetic.div(x, powers.pow(arithmetic.add(arithmetic.mul(mean, alpha), k), beta))
