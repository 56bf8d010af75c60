"""Normalization layers: over batches, instances, groups of channels, the last dimensions, neighbouring channels."""

from __future__ import annotations

from typing import Any

from autograd import ArgumentError, ShapeError, Tensor, empty, no_grad, ones, tensor, zeros
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.engine.mutation import stamp
from autograd.engine.nodes import array_of

from . import functional as F
from . import init
from .module import Module
from .parameter import Buffer, Parameter

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm",
]  # fmt: skip


class _Affine(Module):
    """What scales and shifts after normalizing: it has a weight and a bias, or None in their places."""

    weight: Parameter | None
    bias: Parameter | None

    def _set_parameters(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        """Make those that are wanted; their values come by ``reset_parameters``."""
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0: what was normalized stays as it is."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


# ---- with running statistics -----------------------------------------------------------------------------------------


class _RunningNorm(_Affine):
    """What batch and instance normalization share: a weight and a bias for each channel, running statistics."""

    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None
    _ranks: tuple[int, ...] = ()
    """How many dimensions an input may have."""
    _version = 2
    """As in PyTorch: states of version 1, and such as tell no version, may lack num_batches_tracked."""

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        self._set_parameters((num_features,), affine, affine and bias, **made)
        self.register_buffer("running_mean", zeros(num_features, **made) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **made) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batches."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            with no_grad():
                self.running_mean.zero_()
                self.running_var.fill_(1)
                self.num_batches_tracked.zero_()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        if local_metadata.get("version", 1) < 2 and self.num_batches_tracked is not None:
            state_dict.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked.detach())
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_rank(self, x: Tensor) -> None:
        if x.ndim not in self._ranks:
            wanted = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ShapeError(f"{type(self).__name__}: expected {wanted} input, got shape {tuple(x.shape)}")

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _drop_running_stats(self) -> None:
        """Normalize each batch by its own statistics from now on, in evaluation too."""
        self.running_mean = self.running_var = self.num_batches_tracked = None
        self.track_running_stats = False

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized: by its own statistics in training, else by the running ones if there are any."""
        self._check_rank(input)
        training = self.training or self.running_mean is None
        track = self.training and self.track_running_stats
        momentum = self.momentum
        if momentum is None:  # the average over all batches
            before = self.num_batches_tracked if track else None
            momentum = 1 / (before.item() + 1) if before is not None else 0.0
        mean, variance = (self.running_mean, self.running_var) if track or not training else (None, None)
        out = F.batch_norm(input, mean, variance, self.weight, self.bias, training, momentum, self.eps)
        if track and self.num_batches_tracked is not None:
            seen = array_of(self.num_batches_tracked)
            seen += 1
            stamp(seen)
        return out


class BatchNorm1d(_BatchNorm):
    """Normalizes each channel over the batch, then scales and shifts it.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: how far the running statistics move towards each batch's; None: they are the average over all batches.
        affine: whether there are a weight and (``bias``) a bias for each channel.
        track_running_stats: whether to keep running statistics, by which it normalizes in evaluation.
        device, dtype: of the parameters and the running statistics.

    Shape: (examples, channels) or (examples, channels, places), in and out.

    Raises: ShapeError, also in training if there is only one value for each channel.

    Source: S. Ioffe and C. Szegedy, Batch Normalization, 2015.

    >>> import autograd, nn
    >>> out = nn.BatchNorm1d(3)(autograd.randn(8, 3))
    >>> bool(out.mean(0).abs().max() < 1e-6)
    True
    """

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalizes each channel over a batch of images, then scales and shifts it.

    In training the mean and variance are those of the batch, and the running statistics follow them; in evaluation
    (``model.eval()``) the running statistics are used.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: how far the running statistics move towards each batch's; None: they are the average over all batches.
        affine: whether there are a weight and (``bias``) a bias for each channel.
        track_running_stats: whether to keep running statistics.
        device, dtype: of the parameters and the running statistics.

    Shape: (examples, channels, height, width), in and out.

    Raises: ShapeError.

    Source: S. Ioffe and C. Szegedy, Batch Normalization, 2015.
    """

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalizes each channel over a batch of volumes (examples, channels, depth, height, width).

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as for ``BatchNorm1d``.
    """

    _ranks = (5,)


class _InstanceNorm(_RunningNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized by each example's own statistics or, in evaluation, by running ones if there are any."""
        self._check_rank(input)
        if input.ndim < max(self._ranks):
            return self._normalized(input.unsqueeze(0)).squeeze(0)
        return self._normalized(input)

    def _normalized(self, x: Tensor) -> Tensor:
        own = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        if x.shape[1] != self.num_features and self.weight is None and self.running_mean is None:  # else it raises
            warn(
                f"{type(self).__name__}: expected {self.num_features} channels, got {x.shape[1]}, in dimension "
                f"{1 - max(self._ranks)} of the input; without affine=True the number is not needed, but is that meant?"
            )
        return F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps
        )  # fmt: skip


class InstanceNorm1d(_InstanceNorm):
    """Normalizes each channel of each example by itself.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as for ``BatchNorm1d``.

    Shape: (examples, channels, places) or (channels, places), in and out.

    Source: D. Ulyanov et al., Instance Normalization, 2016.
    """

    _ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalizes each channel of each image by itself, (examples, channels, height, width) or one without examples.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as for ``BatchNorm1d``.
    """

    _ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalizes each channel of each volume by itself, (examples, channels, depth, height, width) or one alone.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as for ``BatchNorm1d``.
    """

    _ranks = (4, 5)


# ---- without ---------------------------------------------------------------------------------------------------------


class LayerNorm(_Affine):
    """Normalizes each example over the last dimensions, then scales and shifts.

    Args:
        normalized_shape: their sizes, or the size of the last one.
        eps: added to the variance.
        elementwise_affine: whether there are a weight and (``bias``) a bias of that shape.
        device, dtype: of these.

    Shape: ``(..., *normalized_shape)``, in and out.

    Source: J. L. Ba et al., Layer Normalization, 2016.

    >>> import autograd, nn
    >>> nn.LayerNorm(2)(autograd.tensor([[1.0, 3.0], [20.0, 10.0]])).round(decimals=3)
    tensor([[-1.,  1.],
            [ 1., -1.]], grad_fn=<round>)
    """

    @explained
    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._set_parameters(shape, elementwise_affine, elementwise_affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divides by the root of the mean square over the last dimensions, then scales.

    Args:
        normalized_shape: their sizes, or the size of the last one.
        eps: added to the mean square; None is the machine epsilon.
        elementwise_affine: whether there is a weight of that shape.
        device, dtype: of the weight.

    Source: B. Zhang and R. Sennrich, Root Mean Square Layer Normalization, 2019.
    """

    weight: Parameter | None

    @explained
    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter(
            "weight", Parameter(empty(*shape, device=device, dtype=dtype)) if elementwise_affine else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` normalized."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Normalizes each example over groups of channels, then scales and shifts each channel.

    Args:
        num_groups: into how many groups the channels are divided.
        num_channels: how many channels there are.
        eps: added to the variance.
        affine: whether there are a weight and (``bias``) a bias for each channel.
        device, dtype: of these.

    Raises: ValueError if the channels cannot be divided so.

    Source: Y. Wu and K. He, Group Normalization, 2018.
    """

    @explained
    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(f"GroupNorm: num_channels={num_channels} must be divisible by num_groups={num_groups}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._set_parameters((num_channels,), affine, affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divides by a power of the mean square over neighbouring channels.

    Args:
        size: how many channels.
        alpha, beta, k: as in ``(k + alpha * mean) ** beta``.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
