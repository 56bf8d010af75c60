"""The Poisson distribution: differentiable with respect to its mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import special as _special
from .._mirrors import mirror
from ._common import anp, value, within


def _count(k: Any, loc: Any) -> Any:
    return value(k) - value(loc)


def _logpmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    k = _count(k, loc)
    inside = (k >= 0) & (k % 1 == 0)
    return within(inside, k, 0.0, lambda k: _special.xlogy(k, mu) - _special.gammaln(k + 1.0) - mu)


def _pmf(k: Any, mu: Any, loc: Any = 0) -> Any:
    return anp.exp(_logpmf(k, mu, loc))


def _cdf(k: Any, mu: Any, loc: Any = 0) -> Any:
    k = np.floor(_count(k, loc))
    return within(k >= 0, k, 0.0, lambda k: _special.gammaincc(k + 1.0, mu), 0.0)


_OWN = {"cdf": _cdf, "logpmf": _logpmf, "pmf": _pmf}

__getattr__, __dir__ = mirror("scipy.stats.poisson", _OWN, globals())
