"""The logarithm of a sum of exponentials, and what its gradient is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from .._protocols import ufunc_method
from ..samples import case, reals
from ._blocks import BLOCK, in_blocks
from ._extremes import LARGE, extreme_along
from ._sums import add_reduce
from .axes import axes_of, axis_of, restore
from .reductions import REDUCED, numpy_axes

_maximum: Any = np.maximum.reduce  # bound once, and free of stubs that do not know positional arguments


def _is_large(x: Any) -> bool:
    return type(x) is np.ndarray and x.size > BLOCK and x.dtype.char in "fd"


@op(
    y=lambda g, x, level: g * np.exp(x - level),
    x=lambda g, y, x, level: g * y * np.exp(x - level),
    level=lambda g, y, x, level: -g * y * np.exp(x - level),
    jvp="symmetric",
    samples=[
        case(y=reals(shape=(2, 1)), x=reals(shape=(2, 3)), level=reals(shape=(2, 1))),
        case(y=reals(shape=()), x=reals(shape=(2, 3)), level=reals(shape=())),
    ],
)
def relative_exp(y: Any, x: Any, level: Any) -> Any:
    """``y * exp(x - level)``, where ``y`` and ``level`` broadcast to the shape of ``x``."""
    if x.size <= BLOCK or type(x) is not np.ndarray or x.dtype != y.dtype:
        return y * np.exp(x - level)
    out = np.empty(x.shape, x.dtype)
    y, level = (np.broadcast_to(a, x.shape) for a in (y, level))

    def work(block: slice) -> None:
        into = np.subtract(x[block], level[block], out=out[block])
        np.exp(into, out=into)
        np.multiply(into, y[block], out=into)

    in_blocks(x, lambda: work)
    return out


def _shifted_sum(x: Any, axis: Any) -> Any:
    """``logsumexp``, dimensions kept."""
    if x.size >= LARGE and type(axis) is int and x.dtype.kind == "f":
        top = extreme_along(np.maximum, x, axis)
    else:
        top = _maximum(np.real(x), axis, None, None, True, -np.inf)
    top = np.where(np.isfinite(top), top, 0)
    terms = np.asanyarray(x - top)
    np.exp(terms, out=terms)
    with np.errstate(divide="ignore"):
        return np.log(add_reduce(terms, axis, True)) + top


def _shifted_sum_in_blocks(x: Any, axis: Any) -> Any:
    """The same of a large array: of the sums of blocks of rows, where these are summed too."""
    parts: dict[int, Any] = {}

    def work(block: slice) -> None:
        parts[block.start] = _shifted_sum(x[block], axis)

    in_blocks(x, lambda: work)
    rows = np.concatenate([parts[start] for start in sorted(parts)])
    return _shifted_sum(rows, 0) if len(rows) > 1 and 0 in axes_of(axis, x.ndim) else rows


@op(
    x=lambda g, out, x, dim, keepdim: relative_exp.kernel(
        restore(g, np.shape(x), dim, keepdim), x, restore(out, np.shape(x), dim, keepdim)
    ),
    promote="float",
    jvp="reduction",
    samples=REDUCED,
)
def logsumexp(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """``log(sum(exp(x)))``, computed without overflow; -inf of nothing and of all -inf."""
    if not np.ndim(x):
        axes_of(dim, 0)
        dim = None
    axis = axis_of(dim)
    out = (_shifted_sum_in_blocks if _is_large(x) else _shifted_sum)(x, axis).astype(x.dtype, copy=False)
    return out if keepdim else np.squeeze(out, axis)


@ufunc_method(np.logaddexp, "reduce")
def _logaddexp_reduce(a: Any, axis: Any = 0, keepdims: bool = False) -> Any:
    return logsumexp(*numpy_axes(a, axis, keepdims))
