"""Initial values of parameters: each function overwrites a Tensor, outside the graph, and returns it.

All numbers come from the default generator unless one is given.

Sources: Glorot and Bengio 2010 (xavier), He et al. 2015 (kaiming).
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator

import numpy as np

from autograd import ArgumentError, Generator, ShapeError, Tensor, no_grad
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.generator import floating, source

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
    "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

_LINEAR = ("linear", *[f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)], "sigmoid")


@explained
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer before this nonlinearity is scaled up, to keep the variance of its output.

    Args:
        nonlinearity: linear, conv1d (2d, 3d), conv_transpose1d (2d, 3d), sigmoid, tanh, relu, leaky_relu, selu.
        param: the slope of leaky_relu (default: 0.01).

    Raises:
        ValueError: another name, or a slope that is not a number.

    >>> from nn import init
    >>> init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity in _LINEAR:
        return 1  # an integer, as PyTorch's
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ArgumentError(f"calculate_gain: the slope of leaky_relu must be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ArgumentError(
        "calculate_gain: expected linear, sigmoid, tanh, relu, leaky_relu, selu, or a convolution such as conv2d or "
        f"conv_transpose2d, got {nonlinearity!r}"
    )


def _fans(tensor: Tensor, name: str) -> tuple[int, int]:
    """How many inputs and outputs an element of a weight ``(out, in, *kernel)`` connects."""
    if tensor.ndim < 2:
        raise ShapeError(f"{name}: needs a weight of 2 dimensions or more, (out, in, ...), got shape {tensor.shape}")
    if not tensor.numel():
        warn(f"{name}: a tensor of shape {tensor.shape} has no elements to initialize")
    area = math.prod(tensor.shape[2:])
    return tensor.shape[1] * area, tensor.shape[0] * area


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs an element of a weight connects, under the name by which PyTorch's users call it."""
    return _fans(tensor, "_calculate_fan_in_and_fan_out")


class _Skipping(threading.local):
    active = False


_skipping = _Skipping()


@contextlib.contextmanager
def skipped() -> Iterator[None]:
    """Within this block the functions of this module leave Tensors as they are."""
    before, _skipping.active = _skipping.active, True
    try:
        yield
    finally:
        _skipping.active = before


@explained
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` with uniform random numbers from [a, b).

    >>> import nn
    >>> layer = nn.Linear(3, 2)
    >>> bool((nn.init.uniform_(layer.weight, -0.1, 0.1).abs() <= 0.1).all())
    True
    """
    if _skipping.active:
        return tensor
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


@explained
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill ``tensor`` with normal random numbers of this mean and standard deviation."""
    if _skipping.active:
        return tensor
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def _write(tensor: Tensor, values: object) -> Tensor:
    if _skipping.active:
        return tensor
    with no_grad():
        return tensor.copy_(Tensor(values))


@explained
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers, but only such as lie between ``a`` and ``b``.

    Raises:
        ValueError: ``a`` above ``b``, or a negative deviation.
    """
    from scipy.special import ndtr, ndtri

    if a > b or std < 0:
        raise ArgumentError(f"trunc_normal_: expected a <= b and std >= 0, got a={a}, b={b}, std={std}")
    floating("trunc_normal_", tensor.dtype)
    if std == 0:
        return constant_(tensor, min(max(mean, a), b))
    side = 1 if a + b < 2 * mean else -1  # the distribution function is exact in the lower tail
    low, high = sorted((side * (a - mean) / std, side * (b - mean) / std))
    chance = ndtr(low) + source(generator).uniform(tensor.shape, np.dtype(np.float64)) * (ndtr(high) - ndtr(low))
    return _write(tensor, np.clip(ndtri(chance) * (side * std) + mean, a, b))


@explained
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill ``tensor`` with the number ``val``."""
    if _skipping.active:
        return tensor
    with no_grad():
        return tensor.copy_(val)


@explained
def zeros_(tensor: Tensor) -> Tensor:
    """Fill ``tensor`` with zeros."""
    return constant_(tensor, 0.0)


@explained
def ones_(tensor: Tensor) -> Tensor:
    """Fill ``tensor`` with ones."""
    return constant_(tensor, 1.0)


@explained
def eye_(tensor: Tensor) -> Tensor:
    """The identity, for a matrix.

    Raises:
        ShapeError: no matrix.
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: needs a tensor of 2 dimensions, got shape {tensor.shape}")
    return _write(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


@explained
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution that returns its input: 1 in the middle of the kernel from channel i to channel i.

    Args:
        tensor: ``(out, in, *kernel)`` with 1 to 3 kernel dimensions.
        groups: each of them is such a convolution.

    Raises:
        ShapeError: another number of dimensions.
        ValueError: the output channels cannot be divided into the groups.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ShapeError(f"dirac_: needs a weight of 3, 4 or 5 dimensions, (out, in, *kernel), got {tensor.shape}")
    if groups < 1 or tensor.shape[0] % groups:
        raise ArgumentError(f"dirac_: {tensor.shape[0]} output channels cannot be divided into {groups} groups")
    values = np.zeros(tensor.shape)
    outputs = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        for i in range(min(outputs, tensor.shape[1])):
            values[(group * outputs + i, i, *middle)] = 1
    return _write(tensor, values)


@explained
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A random matrix with orthonormal rows, or columns if these are fewer, times ``gain``.

    Args:
        tensor: of 2 dimensions or more; all but the first count as one.

    Raises:
        ShapeError: fewer dimensions.

    Source: Saxe et al. 2014; uniform among all such matrices.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: needs a tensor of 2 dimensions or more, got shape {tensor.shape}")
    floating("orthogonal_", tensor.dtype)
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = source(generator).normal((max(rows, columns), min(rows, columns)), np.dtype(np.float64))
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diagonal(r) < 0, -1, 1)
    return _write(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


@explained
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal numbers, but a share of each column zeros.

    Args:
        tensor: a matrix.
        sparsity: the share, rounded up to whole elements.
        std: the deviation of the others.

    Raises:
        ShapeError: no matrix.
        ValueError: a share outside [0, 1].

    Source: Martens 2010.
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: needs a tensor of 2 dimensions, got shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ArgumentError(f"sparse_: sparsity must lie in [0, 1], got {sparsity}")
    floating("sparse_", tensor.dtype)
    stream = source(generator)
    rows, columns = tensor.shape
    values = std * stream.normal((rows, columns), np.dtype(np.float64))
    order = np.argsort(stream.uniform((rows, columns), np.dtype(np.float64)), axis=0)
    np.put_along_axis(values, order[: math.ceil(sparsity * rows)], 0, axis=0)
    return _write(tensor, values)


@explained
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform within ``gain * sqrt(6 / (fan_in + fan_out))``."""
    bound = gain * math.sqrt(6.0 / (sum(_fans(tensor, "xavier_uniform_")) or 1))
    return uniform_(tensor, -bound, bound, generator)


@explained
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal of deviation ``gain * sqrt(2 / (fan_in + fan_out))``."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (sum(_fans(tensor, "xavier_normal_")) or 1)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str, name: str) -> float:
    fans = _fans(tensor, name)
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"{name}: mode is 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


@explained
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform within ``gain * sqrt(3 / fan)``.

    Args:
        a: the slope, for leaky_relu.
        mode: keep the variance forward (fan_in) or backward (fan_out).
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_uniform_")
    return uniform_(tensor, -bound, bound, generator)


@explained
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal of deviation ``gain / sqrt(fan)``; arguments as for ``kaiming_uniform_``."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity, "kaiming_normal_"), generator)
