"""The normal distribution of several variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.shapes import shape_of
from .._linalg_ops import normal_log_density
from .._mirrors import mirror
from ._common import LOG_2PI, anp


def _parameters(x: Any, mean: Any, cov: Any) -> tuple[Any, Any, Any, int]:
    """Points in rows, the mean, the covariance as a matrix, and the number of variables, as SciPy reads them."""
    dims = len(shape_of(cov))
    n = (shape_of(cov) or shape_of(mean) or (1,))[-1]
    if dims == 0:
        cov = cov * np.eye(n)
    elif dims == 1:
        cov = anp.diag(cov)
    if not shape_of(x):
        x = anp.reshape(x, (1,))
    elif len(shape_of(x)) == 1 and n == 1:
        x = anp.reshape(x, (-1, 1))
    return x, mean, cov, n


def _logpdf(x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False) -> Any:
    x, mean, cov, n = _parameters(x, 0.0 if mean is None else mean, cov)
    shift = x - mean
    if allow_singular:
        return np.squeeze(_singular(shift, cov))
    rows = shift if shift.ndim == 2 else np.reshape(shift, (-1, n))
    result = normal_log_density(rows, cov) - 0.5 * n * LOG_2PI
    return np.squeeze(np.reshape(result, shift.shape[:-1]))  # as SciPy does


def _singular(shift: Any, cov: Any) -> Any:
    """The logarithm of the density in the subspace in which the distribution lies, which must not change."""
    values = anp.linalg.eigvalsh(cov)
    share = 1e6 * np.finfo(np.float64).eps
    large = np.flatnonzero(_value(values) > share * np.max(np.abs(_value(values))))
    squares = anp.sum(anp.matmul(shift, anp.linalg.pinv(cov, share)) * shift, axis=-1)
    return -0.5 * (len(large) * LOG_2PI + anp.sum(anp.log(values[large])) + squares)


def _value(x: Any) -> Any:
    return getattr(x, "_data", x)


def _pdf(x: Any, mean: Any = None, cov: Any = 1.0, allow_singular: bool = False) -> Any:
    return anp.exp(_logpdf(x, mean, cov, allow_singular))


def _entropy(mean: Any = None, cov: Any = 1.0) -> Any:
    _, _, cov, n = _parameters(0.0, 0.0 if mean is None else mean, cov)
    return 0.5 * (n * (LOG_2PI + 1.0) + anp.linalg.slogdet(cov)[1])


_OWN: dict[str, Callable[..., Any]] = {"entropy": _entropy, "logpdf": _logpdf, "pdf": _pdf}

__getattr__, __dir__ = mirror("scipy.stats.multivariate_normal", _OWN, globals())
