"""Special functions that are differentiated: the names of ``scipy.special``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import special as _torch
from .._operands import unwrap
from ..ops.exponential import scipy_special
from . import _special_ops as _ops
from ._mirrors import constant, mirror


def _with_parameter(name: str, op: Callable[..., Any], count: int = 1) -> Callable[..., Any]:
    """An op by whose first arguments there is no derivative."""

    def own(*args: Any) -> Any:
        given = [constant(f"scipy.special.{name}", f"argument {i}", value) for i, value in enumerate(args[:count])]
        if op is not _torch.polygamma:  # which takes an int
            given = [np.asarray(value) for value in given]
        return op(*given, args[count])

    return own


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if b is None and not return_sign:
        return _torch.logsumexp(a, axis, keepdims)
    top = np.max(np.real(unwrap(a)), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.sum((1.0 if b is None else b) * np.exp(a - top), axis=axis, keepdims=keepdims)
    top = top if keepdims else np.squeeze(top, axis)
    return (np.log(np.abs(total)) + top, np.sign(total)) if return_sign else np.log(total) + top


def _of_whole_order(op: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """A Bessel function whose order SciPy cuts to an integer."""
    return lambda order, x: op(np.trunc(order), x)


def _multigammaln(a: Any, d: int) -> Any:
    return _torch.multigammaln(a, d)


def _gammasgn(x: Any) -> Any:
    return scipy_special().gammasgn(unwrap(x))


def _loggamma(z: Any) -> Any:
    return _torch.gammaln(np.where(unwrap(z) < 0, np.nan, z))  # which is complex there


def _softmax(x: Any, axis: Any = None) -> Any:
    return _ratio(x, axis, lambda x, axis: _torch.softmax(x, axis))


def _log_softmax(x: Any, axis: Any = None) -> Any:
    return _ratio(x, axis, lambda x, axis: _torch.log_softmax(x, axis))


def _ratio(x: Any, axis: Any, op: Callable[[Any, int], Any]) -> Any:
    return op(x, axis) if axis is not None else np.reshape(op(np.ravel(x), 0), np.shape(x))


_OWN: dict[str, Callable[..., Any]] = {
    "beta": _ops.beta, "betaln": _ops.betaln, "digamma": _torch.psi, "entr": _torch.entr, "erf": _torch.erf,
    "erfc": _torch.erfc, "erfcinv": _ops.erfcinv, "erfcx": _torch.erfcx, "erfinv": _torch.erfinv,
    "exp2": _torch.exp2, "expit": _torch.expit, "expm1": _torch.expm1, "gamma": _ops.gamma,
    "gammaln": _torch.gammaln, "gammasgn": _gammasgn, "i0": _torch.i0, "i0e": _torch.i0e, "i1": _torch.i1,
    "i1e": _torch.i1e, "j0": _ops.j0, "j1": _ops.j1, "log1p": _torch.log1p, "log_ndtr": _torch.log_ndtr,
    "log_softmax": _log_softmax, "logit": _torch.logit, "logsumexp": _logsumexp, "loggamma": _loggamma,
    "multigammaln": _multigammaln, "ndtr": _torch.ndtr, "ndtri": _torch.ndtri, "psi": _torch.psi,
    "rgamma": _ops.rgamma, "softmax": _softmax, "xlog1py": _torch.xlog1py, "xlogy": _torch.xlogy, "y0": _ops.y0,
    "y1": _ops.y1,
}  # fmt: skip
_WITH_PARAMETER: dict[str, Callable[..., Any]] = {
    "gammainc": _torch.gammainc, "gammaincc": _torch.gammaincc, "iv": _ops.iv, "ive": _ops.ive, "jn": _ops.jv,
    "jv": _ops.jv, "kn": _of_whole_order(_ops.kn), "kv": _ops.kn, "polygamma": _torch.polygamma, "stdtr": _ops.stdtr,
    "yn": _of_whole_order(_ops.yv), "yv": _ops.yv, "zeta": _torch.zeta,
}  # fmt: skip
_OWN |= {name: _with_parameter(name, op) for name, op in _WITH_PARAMETER.items()}
_OWN["betainc"] = _with_parameter("betainc", _ops.betainc, 2)

__getattr__, __dir__ = mirror("scipy.special", _OWN, globals())
