"""``nn.functional``: the functions of neural networks, under PyTorch's names and with its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as _np

from autograd._inplace import inplace as _inplace
from autograd.engine.callsite import warn as _warn
from autograd.ops import activations as _activations
from autograd.ops import neural as _neural
from autograd.ops import windows as _windows
from autograd.ops.activations import gelu as gelu
from autograd.ops.activations import glu as glu
from autograd.ops.activations import hardshrink as hardshrink
from autograd.ops.activations import logsigmoid as logsigmoid
from autograd.ops.activations import prelu as prelu
from autograd.ops.activations import softplus as softplus
from autograd.ops.activations import softshrink as softshrink
from autograd.ops.activations import softsign as softsign
from autograd.ops.activations import tanhshrink as tanhshrink
from autograd.ops.adaptive_pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from autograd.ops.adaptive_pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from autograd.ops.adaptive_pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from autograd.ops.adaptive_pooling import adaptive_max_pool1d as adaptive_max_pool1d
from autograd.ops.adaptive_pooling import adaptive_max_pool2d as adaptive_max_pool2d
from autograd.ops.adaptive_pooling import adaptive_max_pool3d as adaptive_max_pool3d
from autograd.ops.attention import scaled_dot_product_attention as scaled_dot_product_attention
from autograd.ops.averaging import avg_pool1d as avg_pool1d
from autograd.ops.averaging import avg_pool2d as avg_pool2d
from autograd.ops.averaging import avg_pool3d as avg_pool3d
from autograd.ops.averaging import lp_pool1d as lp_pool1d
from autograd.ops.averaging import lp_pool2d as lp_pool2d
from autograd.ops.averaging import lp_pool3d as lp_pool3d
from autograd.ops.bilinear import bilinear as bilinear
from autograd.ops.convolution import conv1d as conv1d
from autograd.ops.convolution import conv2d as conv2d
from autograd.ops.convolution import conv3d as conv3d
from autograd.ops.convolution import conv_transpose1d as conv_transpose1d
from autograd.ops.convolution import conv_transpose2d as conv_transpose2d
from autograd.ops.convolution import conv_transpose3d as conv_transpose3d
from autograd.ops.distances import pairwise_distance as pairwise_distance
from autograd.ops.distances import pdist as pdist
from autograd.ops.embeddings import embedding as embedding
from autograd.ops.embeddings import embedding_bag as embedding_bag
from autograd.ops.embeddings import one_hot as one_hot
from autograd.ops.exponential import sigmoid as sigmoid
from autograd.ops.fractional_pooling import fractional_max_pool2d as fractional_max_pool2d
from autograd.ops.fractional_pooling import fractional_max_pool3d as fractional_max_pool3d
from autograd.ops.multihead import multi_head_attention_forward as multi_head_attention_forward
from autograd.ops.neural import cosine_similarity as cosine_similarity
from autograd.ops.neural import linear as linear
from autograd.ops.neural import normalize as normalize
from autograd.ops.normalization import batch_norm as batch_norm
from autograd.ops.normalization import group_norm as group_norm
from autograd.ops.normalization import instance_norm as instance_norm
from autograd.ops.normalization import layer_norm as layer_norm
from autograd.ops.normalization import local_response_norm as local_response_norm
from autograd.ops.normalization import rms_norm as rms_norm
from autograd.ops.padding import pad as pad
from autograd.ops.pooling import max_pool1d as max_pool1d
from autograd.ops.pooling import max_pool2d as max_pool2d
from autograd.ops.pooling import max_pool3d as max_pool3d
from autograd.ops.resampling import affine_grid as affine_grid
from autograd.ops.resampling import grid_sample as grid_sample
from autograd.ops.resampling import interpolate as interpolate
from autograd.ops.shapes import also_named as _also_named
from autograd.ops.shuffling import channel_shuffle as channel_shuffle
from autograd.ops.shuffling import pixel_shuffle as pixel_shuffle
from autograd.ops.shuffling import pixel_unshuffle as pixel_unshuffle
from autograd.ops.trigonometric import tanh as tanh
from autograd.ops.unpooling import max_unpool1d as max_unpool1d
from autograd.ops.unpooling import max_unpool2d as max_unpool2d
from autograd.ops.unpooling import max_unpool3d as max_unpool3d

from .loss_functions import binary_cross_entropy as binary_cross_entropy
from .loss_functions import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .loss_functions import cosine_embedding_loss as cosine_embedding_loss
from .loss_functions import cross_entropy as cross_entropy
from .loss_functions import ctc_loss as ctc_loss
from .loss_functions import gaussian_nll_loss as gaussian_nll_loss
from .loss_functions import hinge_embedding_loss as hinge_embedding_loss
from .loss_functions import huber_loss as huber_loss
from .loss_functions import kl_div as kl_div
from .loss_functions import l1_loss as l1_loss
from .loss_functions import margin_ranking_loss as margin_ranking_loss
from .loss_functions import mse_loss as mse_loss
from .loss_functions import multi_margin_loss as multi_margin_loss
from .loss_functions import multilabel_margin_loss as multilabel_margin_loss
from .loss_functions import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .loss_functions import nll_loss as nll_loss
from .loss_functions import poisson_nll_loss as poisson_nll_loss
from .loss_functions import smooth_l1_loss as smooth_l1_loss
from .loss_functions import soft_margin_loss as soft_margin_loss
from .loss_functions import triplet_margin_loss as triplet_margin_loss
from .loss_functions import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss

if TYPE_CHECKING:
    from autograd import Tensor

# ---- activations: inplace=True writes the result over the input ------------------------------------------------------


def _in_place(op: Any) -> Any:
    write = _also_named(input="x")(_inplace(op))
    write.__qualname__ = write.__name__  # a function of this module
    return write


relu_ = _in_place(_activations.relu)
elu_ = _in_place(_activations.elu)
celu_ = _in_place(_activations.celu)
selu_ = _in_place(_activations.selu)
leaky_relu_ = _in_place(_activations.leaky_relu)
hardtanh_ = _in_place(_activations.hardtanh)
threshold_ = _in_place(_activations.threshold)
rrelu_ = _in_place(_activations.rrelu)
_relu6_ = _in_place(_activations.relu6)
_silu_ = _in_place(_activations.silu)
_mish_ = _in_place(_activations.mish)
_hardsigmoid_ = _in_place(_activations.hardsigmoid)
_hardswish_ = _in_place(_activations.hardswish)


def relu(input: Any, inplace: bool = False) -> Tensor:
    """``max(input, 0)``; the gradient at 0 is 0."""
    return relu_(input) if inplace else _activations.relu(input)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """``min(max(input, 0), 6)``."""
    return _relu6_(input) if inplace else _activations.relu6(input)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` if positive, else ``alpha * (exp(input) - 1)``."""
    return elu_(input, alpha) if inplace else _activations.elu(input, alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` if positive, else ``alpha * (exp(input / alpha) - 1)``."""
    return celu_(input, alpha) if inplace else _activations.celu(input, alpha)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """The self-normalizing ``elu``."""
    return selu_(input) if inplace else _activations.selu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` if positive, else ``negative_slope * input``."""
    return leaky_relu_(input, negative_slope) if inplace else _activations.leaky_relu(input, negative_slope)


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """``leaky_relu`` with a random slope for each element, from ``lower`` to ``upper``; their mean outside training."""
    return (rrelu_ if inplace else _activations.rrelu)(input, lower, upper, training)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` clipped to between ``min_val`` and ``max_val``."""
    return hardtanh_(input, min_val, max_val) if inplace else _activations.hardtanh(input, min_val, max_val)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it exceeds ``threshold``, else ``value``."""
    return threshold_(input, threshold, value) if inplace else _activations.threshold(input, threshold, value)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``."""
    return _silu_(input) if inplace else _activations.silu(input)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """``input * tanh(softplus(input))``."""
    return _mish_(input) if inplace else _activations.mish(input)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """``input / 6 + 1 / 2``, clipped to 0 .. 1."""
    return _hardsigmoid_(input) if inplace else _activations.hardsigmoid(input)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """``input * hardsigmoid(input)``."""
    return _hardswish_(input) if inplace else _activations.hardswish(input)


# ---- softmax: with PyTorch's old guess of dim ------------------------------------------------------------------------


def _guessed(name: str, input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    _warn(f"{name}: the choice of dim by the number of dimensions is deprecated; give dim=")
    return 0 if _np.ndim(input) in (0, 1, 3) else 1


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``exp(input)`` divided by its sum along ``dim``, without overflow."""
    return _neural.softmax(input, _guessed("softmax", input, dim) if dim is None else dim, dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of ``softmax``, exact where that is near 0."""
    return _neural.log_softmax(input, _guessed("log_softmax", input, dim) if dim is None else dim, dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``softmax(-input)``."""
    return _neural.softmin(input, _guessed("softmin", input, dim) if dim is None else dim, dtype)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A random choice among classes, by logits, that can be differentiated (E. Jang et al., 2017).

    Args:
        logits: floating.
        tau: the lower this temperature, the nearer to a choice of one class.
        hard: return the choice of one class, 0 and 1, with the gradient of the soft one.
        eps: without effect.
        dim: the dimension of the classes.
    """
    if not hasattr(logits, "dtype"):
        raise TypeError(f"gumbel_softmax: expected a Tensor or a NumPy array, got {type(logits).__name__}")
    floating = logits if logits.dtype.kind == "f" else logits.float()
    noise = _activations.gumbel_noise(tuple(logits.shape), floating.dtype)
    soft = _neural.softmax((floating + noise) / tau, dim)
    if not hard:
        return soft
    likely = soft.detach().numpy()
    choice = _np.zeros_like(likely)
    if choice.size:
        _np.put_along_axis(choice, _np.expand_dims(likely.argmax(dim), dim), 1, dim)
    return soft - soft.detach() + choice


# ---- dropout ---------------------------------------------------------------------------------------------------------


def _placed(input: Any, out: Any, inplace: bool) -> Any:
    return input.copy_(out) if inplace and out is not input else out


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability ``p``, the others divided by ``1 - p``; ``input`` itself outside training."""
    return _placed(input, _neural.dropout(input, p, training), inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """``dropout`` of whole channels of (N, C, L) or (C, L)."""
    return _placed(input, _neural.feature_dropout("dropout1d", 3, input, p, training), inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """``dropout`` of whole channels of (N, C, H, W) or (N, C, L)."""
    return _placed(input, _neural.feature_dropout("dropout2d", 4, input, p, training), inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """``dropout`` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _placed(input, _neural.feature_dropout("dropout3d", 5, input, p, training), inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for ``selu`` networks: keeps mean and variance."""
    return _placed(input, _neural.alpha_dropout(input, p, training), inplace)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """``alpha_dropout`` of whole channels of (N, C, ...)."""
    return _placed(input, _neural.feature_alpha_dropout(input, p, training), inplace)


# ---- columns ---------------------------------------------------------------------------------------------------------


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """``interpolate``, under the name that PyTorch had for it."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``interpolate`` to the nearest element."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``interpolate`` of images between four pixels, the corners in place."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of images as columns: (N, C, H, W) becomes (N, C * window, places); without batch too."""
    return _windows.im2col(input, kernel_size, dilation, padding, stride)


def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns added up into images where their windows overlap: (N, C * window, places) becomes (N, C, H, W)."""
    return _windows.col2im(input, output_size, kernel_size, dilation, padding, stride)
