"""Lazy layers: they learn the number of their inputs from the first input, and are then the layers they stand for."""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import ShapeError, Tensor

from . import convolution, linear, normalization
from .module import Module
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class _Lazy(Module):
    """What all lazy layers do: be made with 0 inputs, and take shape at the first call."""

    cls_to_become: ClassVar[type[Module]]
    _size: ClassVar[str]
    """The name of the argument that is left out, and of the attribute that keeps it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, *args, **kwargs)  # type: ignore[call-arg]
        for name, tensor in list(self.__dict__.items()):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                kind: Any = UninitializedParameter if isinstance(tensor, Parameter) else UninitializedBuffer
                self.__dict__[name] = kind(dtype=tensor.dtype)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = args or tuple(kwargs.values())
        if not given or not isinstance(given[0], Tensor):
            raise TypeError(f"{type(self).__name__}: the first call needs a Tensor, which tells {self._size}")
        self.initialize_parameters(given[0])
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)

    def has_uninitialized_params(self) -> bool:
        """Whether the shapes are still to come."""
        return any(map(is_lazy, self.__dict__.values()))

    def initialize_parameters(self, input: Tensor) -> None:
        """Give parameters and buffers the shapes that go with this input, and their initial values.

        Raises:
            ShapeError: the input has the wrong number of dimensions; nothing has changed then.
        """
        size = self._size_of(input)
        self.__dict__[self._size] = size
        if not self.has_uninitialized_params():  # a state dict was loaded before
            return
        for name, shape in self._shapes().items():
            tensor = self.__dict__[name]
            if tensor is not None:
                tensor.materialize(shape)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, as soon as they have shapes."""
        if self.__dict__[self._size]:
            super().reset_parameters()  # type: ignore[misc]

    def _size_of(self, input: Tensor) -> int:
        raise NotImplementedError

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        raise NotImplementedError


class LazyLinear(_Lazy, linear.Linear):
    """``Linear`` that takes ``in_features`` from its first input; the other arguments are those of ``Linear``."""

    cls_to_become = linear.Linear
    _size = "in_features"

    def _size_of(self, input: Tensor) -> int:
        if input.ndim == 0:
            raise ShapeError("LazyLinear: expected an input with at least one dimension, got a scalar")
        return input.shape[-1]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


class _LazyConv(_Lazy, convolution._Convolution):
    """Lazy convolutions."""

    _size = "in_channels"

    def _size_of(self, input: Tensor) -> int:
        if input.ndim not in (self._rank + 1, self._rank + 2):
            raise ShapeError(
                f"{type(self).__name__}: expected {self._rank + 1} or {self._rank + 2} dimensions, got shape "
                f"{tuple(input.shape)}"
            )
        channels = input.shape[-self._rank - 1]
        if channels % self.groups:
            raise ShapeError(f"{type(self).__name__}: {channels} channels cannot be divided by groups {self.groups}")
        return channels

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        ends = (self.out_channels, self.in_channels // self.groups)
        if self.transposed:
            ends = (self.in_channels, self.out_channels // self.groups)
        return {"weight": (*ends, *self.kernel_size), "bias": (self.out_channels,)}


class LazyConv1d(_LazyConv, convolution.Conv1d):
    """``Conv1d`` that takes ``in_channels`` from its first input; the other arguments are those of ``Conv1d``."""

    cls_to_become = convolution.Conv1d


class LazyConv2d(_LazyConv, convolution.Conv2d):
    """``Conv2d`` that takes ``in_channels`` from its first input; the other arguments are those of ``Conv2d``."""

    cls_to_become = convolution.Conv2d


class LazyConv3d(_LazyConv, convolution.Conv3d):
    """``Conv3d`` that takes ``in_channels`` from its first input; the other arguments are those of ``Conv3d``."""

    cls_to_become = convolution.Conv3d


class LazyConvTranspose1d(_LazyConv, convolution.ConvTranspose1d):
    """``ConvTranspose1d`` that takes ``in_channels`` from its first input; the other arguments stay."""

    cls_to_become = convolution.ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, convolution.ConvTranspose2d):
    """``ConvTranspose2d`` that takes ``in_channels`` from its first input; the other arguments stay."""

    cls_to_become = convolution.ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, convolution.ConvTranspose3d):
    """``ConvTranspose3d`` that takes ``in_channels`` from its first input; the other arguments stay."""

    cls_to_become = convolution.ConvTranspose3d


class _LazyNorm(_Lazy, normalization._RunningNorm):
    """Lazy normalizations."""

    _size = "num_features"

    def _size_of(self, input: Tensor) -> int:
        self._check_rank(input)
        alone = isinstance(self, normalization._InstanceNorm) and input.ndim < max(self._ranks)
        return input.shape[0 if alone else 1]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))


class LazyBatchNorm1d(_LazyNorm, normalization.BatchNorm1d):
    """``BatchNorm1d`` that takes ``num_features`` from its first input; the other arguments stay."""

    cls_to_become = normalization.BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, normalization.BatchNorm2d):
    """``BatchNorm2d`` that takes ``num_features`` from its first input; the other arguments stay."""

    cls_to_become = normalization.BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, normalization.BatchNorm3d):
    """``BatchNorm3d`` that takes ``num_features`` from its first input; the other arguments stay."""

    cls_to_become = normalization.BatchNorm3d


class _LazyInstanceNorm(_LazyNorm):
    """Lazy instance normalizations, which unlike the others learn a weight and keep statistics by default."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(eps, momentum, affine, track_running_stats, device, dtype, bias=bias)


class LazyInstanceNorm1d(_LazyInstanceNorm, normalization.InstanceNorm1d):
    """``InstanceNorm1d`` that takes ``num_features`` from its first input.

    The other arguments stay, but ``affine`` and ``track_running_stats`` are True by default, as in PyTorch.
    """

    cls_to_become = normalization.InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, normalization.InstanceNorm2d):
    """``InstanceNorm2d`` that takes ``num_features`` from its first input.

    The other arguments stay, but ``affine`` and ``track_running_stats`` are True by default, as in PyTorch.
    """

    cls_to_become = normalization.InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, normalization.InstanceNorm3d):
    """``InstanceNorm3d`` that takes ``num_features`` from its first input.

    The other arguments stay, but ``affine`` and ``track_running_stats`` are True by default, as in PyTorch.
    """

    cls_to_become = normalization.InstanceNorm3d
