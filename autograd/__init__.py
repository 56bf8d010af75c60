"""Reverse-mode automatic differentiation on NumPy: Tensors, their graph, gradients and their proof."""

from ._gradients import backward as backward
from ._gradients import grad as grad
from ._op import MANY as MANY
from ._op import OPS as OPS
from ._op import composed as composed
from ._op import op as op
from ._tensor import Tensor as Tensor
from ._tensor import as_tensor as as_tensor
from ._tensor import from_numpy as from_numpy
from ._tensor import tensor as tensor
from .dtypes import can_cast as can_cast
from .dtypes import complex64 as complex64
from .dtypes import complex128 as complex128
from .dtypes import float16 as float16
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import promote_types as promote_types
from .dtypes import result_type as result_type
from .dtypes import set_default_dtype as set_default_dtype
from .dtypes import uint8 as uint8
from .engine.modes import enable_grad as enable_grad
from .engine.modes import inference_mode as inference_mode
from .engine.modes import is_grad_enabled as is_grad_enabled
from .engine.modes import is_inference_mode_enabled as is_inference_mode_enabled
from .engine.modes import no_grad as no_grad
from .engine.modes import set_grad_enabled as set_grad_enabled
from .errors import *  # noqa: F403 (errors.__all__ is the list)
from .formatting import set_printoptions as set_printoptions
from .interchange import from_dlpack as from_dlpack

# ---- arithmetic, rounding
from .ops.arithmetic import add as add
from .ops.arithmetic import mul as mul
from .ops.arithmetic import sub as sub

# ---- casting
from .ops.casting import clone as clone

# ---- comparison

# ---- exponential

# ---- indexing

# ---- joining

# ---- linear_algebra

# ---- neural

# ---- products

# ---- reductions

# ---- scans

# ---- shapes

# ---- sorting

# ---- trigonometric

# ---- windows

__version__ = "0.1.0"
