"""The gamma distribution."""

from __future__ import annotations

from typing import Any

from .. import special as _special
from .._mirrors import mirror
from ._common import anp, positive, scaled, standard, value, within


def _logpdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z, a = standard(x, loc, scale), positive(a)
    return scaled(within(value(z) >= 0, z, 1.0, lambda z: _special.xlogy(a - 1.0, z) - z - _special.gammaln(a)), scale)


def _pdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.exp(_logpdf(x, a, loc, scale))


def _cdf(x: Any, a: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z, a = standard(x, loc, scale), positive(a)
    return within(value(z) >= 0, z, 1.0, lambda z: _special.gammainc(a, z), 0.0)


_OWN = {"cdf": _cdf, "logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.gamma", _OWN, globals())
