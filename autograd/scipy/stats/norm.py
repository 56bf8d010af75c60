"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import special as _special
from .._mirrors import mirror
from .._special_ops import normal_logpdf
from ._common import anp, positive, standard


def _logpdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return normal_logpdf(x, loc, scale)


def _pdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.exp(_logpdf(x, loc, scale))


def _cdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.ndtr(standard(x, loc, scale))


def _logcdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.log_ndtr(standard(x, loc, scale))


def _sf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.ndtr(-standard(x, loc, scale))


def _logsf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.log_ndtr(-standard(x, loc, scale))


def _ppf(q: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.ndtri(q) * positive(scale) + loc


def _entropy(loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.log(scale) + 0.5 * math.log(2 * math.pi * math.e) + 0 * loc


_OWN: dict[str, Callable[..., Any]] = {
    "cdf": _cdf, "entropy": _entropy, "logcdf": _logcdf, "logpdf": _logpdf, "logsf": _logsf, "pdf": _pdf,
    "ppf": _ppf, "sf": _sf,
}  # fmt: skip

__getattr__, __dir__ = mirror("scipy.stats.norm", _OWN, globals())
