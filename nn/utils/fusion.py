"""Folding a batch normalization in evaluation mode into the layer before it."""

from __future__ import annotations

import copy
from typing import Any

from autograd import ArgumentError, Tensor, no_grad, zeros_like

from ..module import Module
from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the convolution that does what a convolution and a normalization after it do.

    Args:
        conv_w, conv_b: of the convolution; no bias is None.
        bn_rm, bn_rv, bn_eps: running mean, running variance and what is added to it.
        bn_w, bn_b: of the normalization, or None.
        transpose: the convolution is a transposed one: its outputs are the second dimension of its weight.
    """
    with no_grad():
        bias = zeros_like(bn_rm) if conv_b is None else conv_b
        scale = (bn_rv + bn_eps).rsqrt()
        scale = scale if bn_w is None else scale * bn_w
        shape = [1] * conv_w.ndim
        shape[1 if transpose else 0] = -1
        fused = (bias - bn_rm) * scale
        fused = fused if bn_b is None else fused + bn_b
        weight = conv_w * scale.reshape(shape)
        return (
            Parameter(weight.to(conv_w.dtype), conv_w.requires_grad),
            Parameter(fused.to(conv_w.dtype), bias.requires_grad),
        )


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution ``conv`` that also does what the normalization ``bn`` after it does.

    Raises:
        RuntimeError: one of them is in training mode, or ``bn`` keeps no running statistics.
    """
    return _fused(conv, bn, transpose)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """As ``fuse_conv_bn_weights``, for a linear layer."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """As ``fuse_conv_bn_eval``, for a linear layer."""
    if bn.num_features not in (linear.out_features, 1):
        raise ArgumentError(
            f"fuse_linear_bn_eval: the linear layer has {linear.out_features} outputs, the normalization "
            f"{bn.num_features} features"
        )
    return _fused(linear, bn, False)


def _fused(layer: Module, bn: Any, transpose: bool) -> Any:
    if layer.training or bn.training:
        raise ArgumentError("fusing is for evaluation: call .eval() of both modules first")
    if bn.running_mean is None or bn.running_var is None:
        raise ArgumentError("fusing needs a normalization that keeps running statistics")
    fused: Any = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused
