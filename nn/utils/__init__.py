"""Tools for models: parametrizations, calls with other parameters, fusing layers."""

from . import parametrizations as parametrizations
from . import parametrize as parametrize
from . import stateless as stateless
from .fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from .fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from .fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from .fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from .parametrizations import spectral_norm as spectral_norm
from .parametrizations import weight_norm as weight_norm
"""Helpers for models, as in ``torch.nn.utils``."""

from . import rnn as rnn
