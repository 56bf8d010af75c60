"""Reductions that leave NaN out, of boxes, with NumPy's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._operands import unwrap
from ..errors import ArgumentError, DtypeError

__all__ = ["WITHOUT_NAN"]


def _ignoring_nan(function: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    def own(
        a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        missing = np.isnan(unwrap(a)) | ~np.asarray(unwrap(where))
        there = np.where(missing, neutral, a)
        if initial is not None:
            return function(there, axis=axis, keepdims=keepdims, initial=initial)
        result = function(there, axis=axis, keepdims=keepdims)
        return np.where(np.all(missing, axis=axis, keepdims=keepdims), np.nan, result)

    return own


def _nanprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, *args: Any, **kwargs: Any) -> Any:
    options = dict(zip(("keepdims", "initial", "where"), args, strict=False)) | kwargs
    return np.prod(np.where(np.isnan(unwrap(a)), 1.0, a), axis=axis, dtype=dtype, **options)


def _moment(function: Callable[..., Any]) -> Callable[..., Any]:
    """``numpy.nanvar`` or ``nanstd``: ``function``, which is ``var`` or ``std``, of what is not NaN."""

    def own(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False,
        *, where: Any = True, mean: Any = None, correction: Any = None,
    ) -> Any:  # fmt: skip
        name = f"nan{function.__name__}"
        if dtype is not None and np.dtype(dtype).kind not in "fc":
            raise DtypeError(f"{name}: dtype must be a floating or complex one, got {np.dtype(dtype)}")
        if correction is not None:
            if ddof:
                raise ArgumentError(f"{name}: give ddof or correction, not both")
            ddof = correction
        there = ~np.isnan(unwrap(a)) & np.asarray(unwrap(where))
        given = {} if mean is None else {"mean": mean}
        with np.errstate(divide="ignore", invalid="ignore"):
            found = function(np.where(there, a, 0.0), axis, dtype, ddof=ddof, keepdims=keepdims, where=there, **given)
        return np.where(np.sum(there, axis=axis, keepdims=keepdims) - ddof <= 0, np.nan, found)

    return own


WITHOUT_NAN: dict[Callable[..., Any], Callable[..., Any]] = {
    np.nanmax: _ignoring_nan(np.max, -np.inf), np.nanmin: _ignoring_nan(np.min, np.inf),
    np.nanprod: _nanprod, np.nanstd: _moment(np.std), np.nanvar: _moment(np.var),
}  # fmt: skip
"""What computes NumPy's functions."""
