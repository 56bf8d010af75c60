"""Reverse-mode automatic differentiation on NumPy: Tensors, their graph, gradients and their proof.

``docs/source.md`` follows one operation through the modules of this package, and says what each of them is for.
"""

import sys as _sys
from importlib import import_module as _import_module
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from numpy import dtype as dtype

from . import fft as fft
from . import linalg as linalg
from . import return_types as return_types
from ._gradients import backward as backward
from ._gradients import grad as grad
from ._op import MANY as MANY
from ._op import OPS as OPS
from ._op import composed as composed
from ._op import op as op
from ._tensor import Tensor as Tensor
from .creation import arange as arange
from .creation import as_tensor as as_tensor
from .creation import asarray as asarray
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import eye as eye
from .creation import from_numpy as from_numpy
from .creation import frombuffer as frombuffer
from .creation import full as full
from .creation import full_like as full_like
from .creation import linspace as linspace
from .creation import logspace as logspace
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import scalar_tensor as scalar_tensor
from .creation import tensor as tensor
from .creation import tril_indices as tril_indices
from .creation import triu_indices as triu_indices
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .devices import accelerator as accelerator
from .devices import backends as backends
from .devices import channels_last as channels_last
from .devices import channels_last_3d as channels_last_3d
from .devices import contiguous_format as contiguous_format
from .devices import cuda as cuda
from .devices import device as device
from .devices import get_default_device as get_default_device
from .devices import get_float32_matmul_precision as get_float32_matmul_precision
from .devices import memory_format as memory_format
from .devices import preserve_format as preserve_format
from .devices import set_default_device as set_default_device
from .devices import set_float32_matmul_precision as set_float32_matmul_precision
from .devices import use_deterministic_algorithms as use_deterministic_algorithms
from .dtypes import bool_ as bool
from .dtypes import can_cast as can_cast
from .dtypes import complex64 as cfloat
from .dtypes import complex64 as complex64
from .dtypes import complex128 as cdouble
from .dtypes import complex128 as complex128
from .dtypes import finfo as finfo
from .dtypes import float16 as float16
from .dtypes import float16 as half
from .dtypes import float32 as float
from .dtypes import float32 as float32
from .dtypes import float64 as double
from .dtypes import float64 as float64
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import iinfo as iinfo
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int16 as short
from .dtypes import int32 as int
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import int64 as long
from .dtypes import promote_types as promote_types
from .dtypes import result_type as result_type
from .dtypes import set_default_dtype as set_default_dtype
from .dtypes import uint8 as uint8
from .engine.anomaly import detect_anomaly as detect_anomaly
from .engine.anomaly import set_detect_anomaly as set_detect_anomaly
from .engine.blocks import get_num_threads as get_num_threads
from .engine.blocks import set_num_threads as set_num_threads
from .engine.heap import keep_freed_memory as _keep_freed_memory
from .engine.modes import enable_grad as enable_grad
from .engine.modes import inference_mode as inference_mode
from .engine.modes import is_grad_enabled as is_grad_enabled
from .engine.modes import is_inference_mode_enabled as is_inference_mode_enabled
from .engine.modes import no_grad as no_grad
from .engine.modes import set_grad_enabled as set_grad_enabled
from .errors import *  # noqa: F403 (errors.__all__ is the list)
from .formatting import set_printoptions as set_printoptions
from .function import Function as Function
from .function import once_differentiable as once_differentiable
from .generator import Generator as Generator
from .generator import default_generator as default_generator
from .inspection import is_complex as is_complex
from .inspection import is_floating_point as is_floating_point
from .inspection import is_nonzero as is_nonzero
from .inspection import is_tensor as is_tensor
from .inspection import numel as numel
from .interchange import from_dlpack as from_dlpack
from .ops import numpy_names as _numpy_names
from .ops.activations import celu as celu
from .ops.activations import hardshrink as hardshrink
from .ops.activations import prelu as prelu
from .ops.activations import relu as relu
from .ops.activations import selu as selu
from .ops.activations import threshold as threshold
from .ops.arithmetic import abs as abs
from .ops.arithmetic import absolute as absolute
from .ops.arithmetic import add as add
from .ops.arithmetic import addcdiv as addcdiv
from .ops.arithmetic import addcmul as addcmul
from .ops.arithmetic import copysign as copysign
from .ops.arithmetic import div as div
from .ops.arithmetic import divide as divide
from .ops.arithmetic import floor_divide as floor_divide
from .ops.arithmetic import fmod as fmod
from .ops.arithmetic import gcd as gcd
from .ops.arithmetic import lcm as lcm
from .ops.arithmetic import lerp as lerp
from .ops.arithmetic import mul as mul
from .ops.arithmetic import multiply as multiply
from .ops.arithmetic import neg as neg
from .ops.arithmetic import negative as negative
from .ops.arithmetic import nextafter as nextafter
from .ops.arithmetic import positive as positive
from .ops.arithmetic import remainder as remainder
from .ops.arithmetic import rsub as rsub
from .ops.arithmetic import sgn as sgn
from .ops.arithmetic import sign as sign
from .ops.arithmetic import sub as sub
from .ops.arithmetic import subtract as subtract
from .ops.arithmetic import true_divide as true_divide
from .ops.bessel import i0 as i0
from .ops.casting import clone as clone
from .ops.comparison import allclose as allclose
from .ops.comparison import bitwise_and as bitwise_and
from .ops.comparison import bitwise_left_shift as bitwise_left_shift
from .ops.comparison import bitwise_not as bitwise_not
from .ops.comparison import bitwise_or as bitwise_or
from .ops.comparison import bitwise_right_shift as bitwise_right_shift
from .ops.comparison import bitwise_xor as bitwise_xor
from .ops.comparison import eq as eq
from .ops.comparison import equal as equal
from .ops.comparison import ge as ge
from .ops.comparison import greater as greater
from .ops.comparison import greater_equal as greater_equal
from .ops.comparison import gt as gt
from .ops.comparison import isclose as isclose
from .ops.comparison import isfinite as isfinite
from .ops.comparison import isinf as isinf
from .ops.comparison import isnan as isnan
from .ops.comparison import isneginf as isneginf
from .ops.comparison import isposinf as isposinf
from .ops.comparison import isreal as isreal
from .ops.comparison import le as le
from .ops.comparison import less as less
from .ops.comparison import less_equal as less_equal
from .ops.comparison import logical_and as logical_and
from .ops.comparison import logical_not as logical_not
from .ops.comparison import logical_or as logical_or
from .ops.comparison import logical_xor as logical_xor
from .ops.comparison import lt as lt
from .ops.comparison import ne as ne
from .ops.comparison import not_equal as not_equal
from .ops.comparison import signbit as signbit
from .ops.complex_pairs import complex_ as complex
from .ops.complex_pairs import polar as polar
from .ops.complex_pairs import view_as_complex as view_as_complex
from .ops.complex_pairs import view_as_real as view_as_real
from .ops.complexes import angle as angle
from .ops.complexes import conj as conj
from .ops.complexes import conj_physical as conj_physical
from .ops.complexes import imag as imag
from .ops.complexes import real as real
from .ops.contraction import einsum as einsum
from .ops.convolution import conv1d as conv1d
from .ops.convolution import conv2d as conv2d
from .ops.convolution import conv3d as conv3d
from .ops.convolution import conv_transpose1d as conv_transpose1d
from .ops.convolution import conv_transpose2d as conv_transpose2d
from .ops.convolution import conv_transpose3d as conv_transpose3d
from .ops.counts import bincount as bincount
from .ops.counts import histc as histc
from .ops.counts import histogram as histogram
from .ops.counts import histogramdd as histogramdd
from .ops.decompositions import cholesky as cholesky
from .ops.decompositions import qr_some as qr
from .ops.decompositions import svd_some as svd
from .ops.diagonals import diag as diag
from .ops.diagonals import diag_embed as diag_embed
from .ops.diagonals import diagflat as diagflat
from .ops.diagonals import diagonal as diagonal
from .ops.diagonals import diagonal_scatter as diagonal_scatter
from .ops.diagonals import tril as tril
from .ops.diagonals import triu as triu
from .ops.dimensions import adjoint as adjoint
from .ops.dimensions import flip as flip
from .ops.dimensions import fliplr as fliplr
from .ops.dimensions import flipud as flipud
from .ops.dimensions import movedim as moveaxis
from .ops.dimensions import movedim as movedim
from .ops.dimensions import permute as permute
from .ops.dimensions import roll as roll
from .ops.dimensions import rot90 as rot90
from .ops.dimensions import swapaxes as swapaxes
from .ops.dimensions import swapdims as swapdims
from .ops.dimensions import t as t
from .ops.dimensions import transpose as transpose
from .ops.distances import cdist as cdist
from .ops.distinct import unique as unique
from .ops.distinct import unique_consecutive as unique_consecutive
from .ops.error_functions import erf as erf
from .ops.error_functions import erfc as erfc
from .ops.error_functions import erfinv as erfinv
from .ops.exponential import exp as exp
from .ops.exponential import exp2 as exp2
from .ops.exponential import expit as expit
from .ops.exponential import expm1 as expm1
from .ops.exponential import log as log
from .ops.exponential import log1p as log1p
from .ops.exponential import log2 as log2
from .ops.exponential import log10 as log10
from .ops.exponential import logaddexp as logaddexp
from .ops.exponential import logaddexp2 as logaddexp2
from .ops.exponential import logit as logit
from .ops.exponential import sigmoid as sigmoid
from .ops.exponential import sinc as sinc
from .ops.exponential import xlogy as xlogy
from .ops.extremes import amax as amax
from .ops.extremes import amin as amin
from .ops.extremes import aminmax as aminmax
from .ops.extremes import max as max
from .ops.extremes import min as min
from .ops.factors import lu_unpack as lu_unpack
from .ops.finite_differences import gradient as gradient
from .ops.gamma import digamma as digamma
from .ops.gamma import igamma as igamma
from .ops.gamma import igammac as igammac
from .ops.gamma import lgamma as lgamma
from .ops.gamma import mvlgamma as mvlgamma
from .ops.gamma import polygamma as polygamma
from .ops.indexing import fill as fill
from .ops.joining import block_diag as block_diag
from .ops.joining import cartesian_prod as cartesian_prod
from .ops.joining import cat as cat
from .ops.joining import cat as concat
from .ops.joining import cat as concatenate
from .ops.joining import chunk as chunk
from .ops.joining import column_stack as column_stack
from .ops.joining import combinations as combinations
from .ops.joining import dsplit as dsplit
from .ops.joining import dstack as dstack
from .ops.joining import hsplit as hsplit
from .ops.joining import hstack as hstack
from .ops.joining import split as split
from .ops.joining import split_with_sizes as split_with_sizes
from .ops.joining import stack as stack
from .ops.joining import tensor_split as tensor_split
from .ops.joining import unbind as unbind
from .ops.joining import vsplit as vsplit
from .ops.joining import vstack as row_stack
from .ops.joining import vstack as vstack
from .ops.kronecker import kron as kron
from .ops.least_squares import pinverse as pinverse
from .ops.linear_algebra import cholesky_inverse as cholesky_inverse
from .ops.linear_algebra import cholesky_solve as cholesky_solve
from .ops.linear_algebra import det as det
from .ops.linear_algebra import inv as inverse
from .ops.linear_algebra import logdet as logdet
from .ops.linear_algebra import slogdet as slogdet
from .ops.log_sums import logsumexp as logsumexp
from .ops.mantissas import frexp as frexp
from .ops.matrix_functions import matrix_exp as matrix_exp
from .ops.matrix_functions import matrix_power as matrix_power
from .ops.matrix_functions import vander_of_vector as vander
from .ops.neural import alpha_dropout as alpha_dropout
from .ops.neural import cosine_similarity as cosine_similarity
from .ops.neural import dropout as dropout
from .ops.neural import log_softmax as log_softmax
from .ops.neural import softmax as softmax
from .ops.norm_limits import renorm as renorm
from .ops.normalization import batch_norm as batch_norm
from .ops.normalization import group_norm as group_norm
from .ops.normalization import instance_norm as instance_norm
from .ops.normalization import layer_norm as layer_norm
from .ops.normalization import rms_norm as rms_norm
from .ops.norms import dist as dist
from .ops.norms import norm as norm
from .ops.powers import float_power as float_power
from .ops.powers import hypot as hypot
from .ops.powers import ldexp as ldexp
from .ops.powers import pow as pow
from .ops.powers import reciprocal as reciprocal
from .ops.powers import rsqrt as rsqrt
from .ops.powers import sqrt as sqrt
from .ops.powers import square as square
from .ops.products import addbmm as addbmm
from .ops.products import addmm as addmm
from .ops.products import addmv as addmv
from .ops.products import addr as addr
from .ops.products import baddbmm as baddbmm
from .ops.products import bmm as bmm
from .ops.products import chain_matmul as chain_matmul
from .ops.products import cross as cross
from .ops.products import dot as dot
from .ops.products import inner as inner
from .ops.products import matmul as matmul
from .ops.products import mm as mm
from .ops.products import mv as mv
from .ops.products import outer as ger
from .ops.products import outer as outer
from .ops.products import tensordot as tensordot
from .ops.products import vdot as vdot
from .ops.quantiles import median as median
from .ops.quantiles import mode as mode
from .ops.quantiles import nanmedian as nanmedian
from .ops.quantiles import nanquantile as nanquantile
from .ops.quantiles import quantile as quantile
from .ops.reductions import all as all
from .ops.reductions import any as any
from .ops.reductions import count_nonzero as count_nonzero
from .ops.reductions import mean as mean
from .ops.reductions import nanmean as nanmean
from .ops.reductions import nansum as nansum
from .ops.reductions import prod as prod
from .ops.reductions import sum as sum
from .ops.reductions import trace as trace
from .ops.repetition import broadcast_shapes as broadcast_shapes
from .ops.repetition import broadcast_tensors as broadcast_tensors
from .ops.repetition import broadcast_to as broadcast_to
from .ops.repetition import broadcast_to as expand
from .ops.repetition import constant_pad_nd as constant_pad_nd
from .ops.repetition import expand_as as expand_as
from .ops.repetition import meshgrid as meshgrid
from .ops.repetition import repeat as repeat
from .ops.repetition import repeat_interleave as repeat_interleave
from .ops.repetition import sum_to_size as sum_to_size
from .ops.repetition import tile as tile
from .ops.rounding import ceil as ceil
from .ops.rounding import fix as fix
from .ops.rounding import floor as floor
from .ops.rounding import frac as frac
from .ops.rounding import round as round
from .ops.rounding import trunc as trunc
from .ops.scans import cummax as cummax
from .ops.scans import cummin as cummin
from .ops.scans import cumprod as cumprod
from .ops.scans import cumsum as cumsum
from .ops.scans import cumulative_trapezoid as cumulative_trapezoid
from .ops.scans import diff as diff
from .ops.scans import logcumsumexp as logcumsumexp
from .ops.scans import trapezoid as trapezoid
from .ops.scans import trapz as trapz
from .ops.scattering import index_add as index_add
from .ops.scattering import index_copy as index_copy
from .ops.scattering import index_fill as index_fill
from .ops.scattering import index_put as index_put
from .ops.scattering import index_reduce as index_reduce
from .ops.scattering import masked_scatter as masked_scatter
from .ops.scattering import put as put
from .ops.scattering import scatter as scatter
from .ops.scattering import scatter_add as scatter_add
from .ops.scattering import scatter_reduce as scatter_reduce
from .ops.scattering import select_scatter as select_scatter
from .ops.scattering import slice_scatter as slice_scatter
from .ops.selection import clamp as clamp
from .ops.selection import clamp_max as clamp_max
from .ops.selection import clamp_min as clamp_min
from .ops.selection import clip as clip
from .ops.selection import fmax as fmax
from .ops.selection import fmin as fmin
from .ops.selection import heaviside as heaviside
from .ops.selection import masked_fill as masked_fill
from .ops.selection import maximum as maximum
from .ops.selection import minimum as minimum
from .ops.selection import nan_to_num as nan_to_num
from .ops.selection import where as where
from .ops.shapes import atleast_1d as atleast_1d
from .ops.shapes import atleast_2d as atleast_2d
from .ops.shapes import atleast_3d as atleast_3d
from .ops.shapes import flatten as flatten
from .ops.shapes import ravel as ravel
from .ops.shapes import reshape as reshape
from .ops.shapes import reshape_as as reshape_as
from .ops.shapes import squeeze as squeeze
from .ops.shapes import unflatten as unflatten
from .ops.shapes import unsqueeze as unsqueeze
from .ops.shapes import view as view
from .ops.shapes import view_as as view_as
from .ops.short_time import istft as istft
from .ops.short_time import stft as stft
from .ops.sorting import argmax as argmax
from .ops.sorting import argmin as argmin
from .ops.sorting import argsort as argsort
from .ops.sorting import bucketize as bucketize
from .ops.sorting import isin as isin
from .ops.sorting import kthvalue as kthvalue
from .ops.sorting import msort as msort
from .ops.sorting import searchsorted as searchsorted
from .ops.sorting import sort as sort
from .ops.sorting import topk as topk
from .ops.statistics import corrcoef as corrcoef
from .ops.statistics import cov as cov
from .ops.statistics import std as std
from .ops.statistics import std_mean as std_mean
from .ops.statistics import var as var
from .ops.statistics import var_mean as var_mean
from .ops.strided import as_strided as as_strided
from .ops.taking import argwhere as argwhere
from .ops.taking import gather as gather
from .ops.taking import index_select as index_select
from .ops.taking import masked_select as masked_select
from .ops.taking import narrow as narrow
from .ops.taking import nonzero as nonzero
from .ops.taking import select as select
from .ops.taking import take as take
from .ops.taking import take_along_dim as take_along_dim
from .ops.taking import unravel_index as unravel_index
from .ops.trigonometric import acos as acos
from .ops.trigonometric import acosh as acosh
from .ops.trigonometric import arccos as arccos
from .ops.trigonometric import arccosh as arccosh
from .ops.trigonometric import arcsin as arcsin
from .ops.trigonometric import arcsinh as arcsinh
from .ops.trigonometric import arctan as arctan
from .ops.trigonometric import arctan2 as arctan2
from .ops.trigonometric import arctanh as arctanh
from .ops.trigonometric import asin as asin
from .ops.trigonometric import asinh as asinh
from .ops.trigonometric import atan as atan
from .ops.trigonometric import atan2 as atan2
from .ops.trigonometric import atanh as atanh
from .ops.trigonometric import cos as cos
from .ops.trigonometric import cosh as cosh
from .ops.trigonometric import deg2rad as deg2rad
from .ops.trigonometric import rad2deg as rad2deg
from .ops.trigonometric import sin as sin
from .ops.trigonometric import sinh as sinh
from .ops.trigonometric import tan as tan
from .ops.trigonometric import tanh as tanh
from .ops.windows import unfold as unfold
from .random import bernoulli as bernoulli
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import multinomial as multinomial
from .random import normal as normal
from .random import rand as rand
from .random import rand_like as rand_like
from .random import randint as randint
from .random import randint_like as randint_like
from .random import randn as randn
from .random import randn_like as randn_like
from .random import randperm as randperm
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .recompute import checkpoint as checkpoint
from .recompute import checkpoint_sequential as checkpoint_sequential
from .recompute import saved_tensors_hooks as saved_tensors_hooks

__version__ = "0.1.0"
newaxis = None
Size = tuple
autograd = _sys.modules[__name__]
"""PyTorch's ``torch.autograd``: here the two are one."""

_keep_freed_memory()

if _TYPE_CHECKING:
    from . import extend as extend
    from . import forward_ad as forward_ad
    from . import func as func
    from . import functional as functional
    from . import misc as misc
    from . import numerical as numerical
    from . import numpy as numpy
    from . import scipy as scipy
    from . import special as special
    from . import testing as testing
    from . import tracer as tracer
    from ._gradcheck import GradcheckError as GradcheckError
    from ._gradcheck import gradcheck as gradcheck
    from ._gradcheck import gradgradcheck as gradgradcheck
    from .builtins import dict as dict
    from .builtins import isinstance as isinstance
    from .builtins import list as list
    from .builtins import tuple as tuple
    from .builtins import type as type
    from .compiler import compile as compile
    from .differential_operators import deriv as deriv
    from .differential_operators import elementwise_grad as elementwise_grad
    from .differential_operators import grad_and_aux as grad_and_aux
    from .differential_operators import grad_named as grad_named
    from .differential_operators import hessian as hessian
    from .differential_operators import hessian_tensor_product as hessian_tensor_product
    from .differential_operators import hessian_vector_product as hessian_vector_product
    from .differential_operators import holomorphic_grad as holomorphic_grad
    from .differential_operators import jacobian as jacobian
    from .differential_operators import make_ggnvp as make_ggnvp
    from .differential_operators import make_hvp as make_hvp
    from .differential_operators import make_jvp as make_jvp
    from .differential_operators import make_vjp as make_vjp
    from .differential_operators import multigrad_dict as multigrad_dict
    from .differential_operators import tensor_jacobian_product as tensor_jacobian_product
    from .differential_operators import value_and_grad as value_and_grad
    from .differential_operators import vector_jacobian_product as vector_jacobian_product
    from .draw import Graph as Graph
    from .draw import RenderError as RenderError
    from .draw import graph as graph
    from .draw import watch as watch
    from .draw import why as why
    from .extend import primitive as primitive
    from .func import vmap as vmap
    from .legacy import BoolTensor as BoolTensor
    from .legacy import ByteTensor as ByteTensor
    from .legacy import CharTensor as CharTensor
    from .legacy import DoubleTensor as DoubleTensor
    from .legacy import FloatTensor as FloatTensor
    from .legacy import HalfTensor as HalfTensor
    from .legacy import IntTensor as IntTensor
    from .legacy import LongTensor as LongTensor
    from .legacy import ShortTensor as ShortTensor
    from .legacy import Variable as Variable
    from .serialization.files import load as load
    from .serialization.files import save as save
    from .window_functions import bartlett_window as bartlett_window
    from .window_functions import blackman_window as blackman_window
    from .window_functions import hamming_window as hamming_window
    from .window_functions import hann_window as hann_window
    from .window_functions import kaiser_window as kaiser_window

_HIPS = ".differential_operators"
"""Where the names of HIPS autograd are."""
_WINDOWS = ".window_functions"
_LATER = {
    "GradcheckError": "._gradcheck", "gradcheck": "._gradcheck", "gradgradcheck": "._gradcheck",
    "Graph": ".draw", "RenderError": ".draw", "draw": ".draw", "graph": ".draw", "watch": ".draw", "why": ".draw",
    "BoolTensor": ".legacy", "ByteTensor": ".legacy", "CharTensor": ".legacy", "DoubleTensor": ".legacy",
    "FloatTensor": ".legacy", "HalfTensor": ".legacy", "IntTensor": ".legacy", "LongTensor": ".legacy",
    "ShortTensor": ".legacy", "Variable": ".legacy",
    "compile": ".compiler", "forward_ad": ".forward_ad", "func": ".func", "functional": ".functional",
    "load": ".serialization.files", "numerical": ".numerical", "save": ".serialization.files",
    "special": ".special", "testing": ".testing", "vmap": ".func",
    "bartlett_window": _WINDOWS, "blackman_window": _WINDOWS, "hamming_window": _WINDOWS, "hann_window": _WINDOWS,
    "kaiser_window": _WINDOWS,
    "extend": ".extend", "misc": ".misc", "numpy": ".numpy", "scipy": ".scipy", "tracer": ".tracer",
    "dict": ".builtins", "isinstance": ".builtins", "list": ".builtins", "primitive": ".extend",
    "tuple": ".builtins", "type": ".builtins",
    "deriv": _HIPS, "elementwise_grad": _HIPS, "grad_and_aux": _HIPS, "grad_named": _HIPS, "hessian": _HIPS,
    "hessian_tensor_product": _HIPS, "hessian_vector_product": _HIPS, "holomorphic_grad": _HIPS, "jacobian": _HIPS,
    "make_ggnvp": _HIPS, "make_hvp": _HIPS, "make_jvp": _HIPS, "make_vjp": _HIPS, "multigrad_dict": _HIPS,
    "tensor_jacobian_product": _HIPS, "value_and_grad": _HIPS, "vector_jacobian_product": _HIPS,
}  # fmt: skip
"""What only some programs use: imported when it is first asked for, so that the rest is there sooner."""

_IN_PLACE = [
    "abs_", "acos_", "acosh_", "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_", "arctanh_", "asin_",
    "asinh_", "atan_", "atanh_", "ceil_", "clamp_", "clamp_max_", "clamp_min_", "clip_", "conj_physical_", "cos_",
    "cosh_", "deg2rad_", "detach_", "erf_", "erfc_", "exp2_", "exp_", "expm1_", "fill_", "fix_", "floor_", "frac_",
    "gcd_", "i0_", "index_put_", "lcm_", "ldexp_", "log10_", "log1p_", "log2_", "log_", "logit_", "nan_to_num_", "neg_",
    "negative_", "rad2deg_", "reciprocal_", "relu_", "round_", "rsqrt_", "sigmoid_", "sin_", "sinc_", "sinh_", "sqrt_",
    "square_", "tan_", "tanh_", "trunc_", "xlogy_", "zero_",
]  # fmt: skip
"""PyTorch's functions that overwrite a Tensor: its methods."""

_ELSEWHERE = {
    "nn": "what is torch.nn in PyTorch is a package of its own: import nn",
    "optim": "what is torch.optim in PyTorch is a package of its own: import optim",
    "utils": "what is torch.utils.data in PyTorch is nn.data, and torch.utils.checkpoint is autograd.checkpoint",
}
"""Where a program that calls this ``torch`` finds what it looks for here."""


def __getattr__(name: str) -> _Any:
    if name in _IN_PLACE:
        found = globals()[name] = getattr(Tensor, name)
        return found
    if name not in _LATER:
        hint = f"; {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
        raise AttributeError(f"module 'autograd' has no attribute {name!r}{hint}", name=name, obj=autograd)
    module = _import_module(_LATER[name], __name__)
    globals()[name] = found = getattr(module, name, module)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_IN_PLACE, *_LATER})
