"""The chi-squared distribution: a gamma distribution."""

from __future__ import annotations

from typing import Any

from .._mirrors import mirror
from . import gamma as _gamma


def _logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _gamma._logpdf(x, df / 2.0, loc, scale * 2.0)


def _pdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _gamma._pdf(x, df / 2.0, loc, scale * 2.0)


def _cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _gamma._cdf(x, df / 2.0, loc, scale * 2.0)


_OWN = {"cdf": _cdf, "logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.chi2", _OWN, globals())
