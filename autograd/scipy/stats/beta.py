"""The beta distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import special as _special
from .._mirrors import mirror
from ._common import anp, positive, scaled, standard, value, within


def _log_density(z: Any, a: Any, b: Any) -> Any:
    return _special.xlogy(a - 1.0, z) + _special.xlog1py(b - 1.0, -z) - _special.betaln(a, b)


def _logpdf(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z, a, b = standard(x, loc, scale), positive(a), positive(b)
    inside = (value(z) >= 0) & (value(z) <= 1)
    return scaled(within(inside, z, 0.5, lambda z: _log_density(z, a, b)), scale)


def _pdf(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return anp.exp(_logpdf(x, a, b, loc, scale))


def _cdf(x: Any, a: Any, b: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    return _special.betainc(a, b, np.clip(standard(x, loc, scale), 0.0, 1.0))


_OWN = {"cdf": _cdf, "logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.beta", _OWN, globals())
