"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

from .. import special as _special
from .._mirrors import mirror
from ._common import anp, positive, scaled, standard


def _logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z, df = standard(x, loc, scale), positive(df)
    half = (df + 1.0) / 2.0
    factor = _special.gammaln(half) - _special.gammaln(df / 2.0) - 0.5 * anp.log(df * math.pi)
    return scaled(factor - half * anp.log1p(z * z / df), scale)


def _pdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.exp(_logpdf(x, df, loc, scale))


def _cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.stdtr(df, standard(x, loc, scale))


def _logcdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.log(_cdf(x, df, loc, scale))


_OWN = {"cdf": _cdf, "logcdf": _logcdf, "logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.t", _OWN, globals())
