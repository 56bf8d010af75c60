"""``autograd.special``: special functions under PyTorch's names."""

from .ops.bessel import i0 as i0
from .ops.bessel import i0e as i0e
from .ops.bessel import i1 as i1
from .ops.bessel import i1e as i1e
from .ops.error_functions import erf as erf
from .ops.error_functions import erfc as erfc
from .ops.error_functions import erfcx as erfcx
from .ops.error_functions import erfinv as erfinv
from .ops.error_functions import log_ndtr as log_ndtr
from .ops.error_functions import ndtr as ndtr
from .ops.error_functions import ndtri as ndtri
from .ops.exponential import entr as entr
from .ops.exponential import exp2 as exp2
from .ops.exponential import expit as expit
from .ops.exponential import expm1 as expm1
from .ops.exponential import log1p as log1p
from .ops.exponential import logit as logit
from .ops.exponential import sinc as sinc
from .ops.exponential import xlog1py as xlog1py
from .ops.exponential import xlogy as xlogy
from .ops.gamma import digamma as digamma
from .ops.gamma import digamma as psi
from .ops.gamma import gammaln as gammaln
from .ops.gamma import igamma as gammainc
from .ops.gamma import igammac as gammaincc
from .ops.gamma import mvlgamma as multigammaln
from .ops.gamma import polygamma as polygamma
from .ops.gamma import zeta as zeta
from .ops.log_sums import logsumexp as logsumexp
from .ops.neural import log_softmax as log_softmax
from .ops.neural import softmax as softmax
from .ops.rounding import round as round  # noqa: A004 (PyTorch's name)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln",
    "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr",
    "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip
