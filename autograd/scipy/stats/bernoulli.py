"""The Bernoulli distribution: differentiable with respect to its probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import special as _special
from .._mirrors import mirror
from ._common import anp, valid, value, within


def _logpmf(k: Any, p: Any, loc: Any = 0) -> Any:
    k, p = value(k) - value(loc), valid((value(p) >= 0) & (value(p) <= 1), p)
    return within((k == 0) | (k == 1), k, 0.0, lambda k: _special.xlogy(k, p) + _special.xlog1py(1.0 - k, -p))


def _pmf(k: Any, p: Any, loc: Any = 0) -> Any:
    return anp.exp(_logpmf(k, p, loc))


def _cdf(k: Any, p: Any, loc: Any = 0) -> Any:
    k = value(k) - value(loc)
    return np.where(k < 0, 0.0, np.where(k >= 1, 1.0, 1.0 - p))


def _entropy(p: Any, loc: Any = 0) -> Any:
    return _special.entr(p) + _special.entr(1.0 - p)


_OWN: dict[str, Callable[..., Any]] = {"cdf": _cdf, "entropy": _entropy, "logpmf": _logpmf, "pmf": _pmf}

__getattr__, __dir__ = mirror("scipy.stats.bernoulli", _OWN, globals())
