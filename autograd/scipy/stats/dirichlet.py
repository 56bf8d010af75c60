"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import special as _special
from .._mirrors import mirror
from ._common import anp


def _logpdf(x: Any, alpha: Any) -> Any:
    if np.shape(x)[0] == np.shape(alpha)[0] - 1:  # the last share may be left out
        x = anp.concatenate([x, 1.0 - anp.sum(x, axis=0, keepdims=True)])
    normalizer = _special.gammaln(anp.sum(alpha)) - anp.sum(_special.gammaln(alpha))
    return np.squeeze(normalizer + anp.sum(_special.xlogy(alpha - 1.0, np.transpose(x)), axis=-1))


def _pdf(x: Any, alpha: Any) -> Any:
    return anp.exp(_logpdf(x, alpha))


_OWN = {"logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.dirichlet", _OWN, globals())
