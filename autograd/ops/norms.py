"""Norms of vectors, over some or all dimensions, and distances.

The gradient of every norm at 0 is 0 (a subgradient).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import composed, op
from ..samples import case, elementwise, reals
from . import arithmetic
from .axes import accumulation_dtype, axes_of, axis_of, cast_input, restore
from .extremes import extreme, require_elements, tied

_INF = float("inf")
_add: Any = np.add.reduce


def _order(p: Any) -> float:
    """The exponent: 2 for Frobenius's norm."""
    if p is None or p == "fro":
        return 2.0
    if isinstance(p, str):
        raise ValueError(f"norm: p must be a number, inf, -inf or 'fro', got {p!r}; linalg.matrix_norm has {p!r}")
    return float(p)


def _direction(x: Any, magnitude: Any) -> Any:
    """``x / |x|``, conjugate as the rules of real outputs are, and 0 at 0."""
    if x.dtype.kind != "c":
        return np.sign(x)
    zero = magnitude == 0  # the second derivative at 0 is 0 too
    return np.where(zero, 0, np.conj(x)) / np.where(zero, 1, magnitude)


def _norm_rule(g: Any, x: Any, out: Any, p: Any, dim: Any, keepdim: bool) -> Any:
    p, shape = _order(p), np.shape(x)
    if p == 0:
        return np.zeros_like(x)
    magnitude = np.abs(x)
    if abs(p) == _INF:
        return _direction(x, magnitude) * tied(g, out, magnitude, dim, keepdim)
    g, out = restore(g, shape, dim, keepdim), restore(out, shape, dim, keepdim)
    if p == 1:
        return _direction(x, magnitude) * g
    zero = out == 0
    g, out = np.where(zero, 0, g), np.where(zero, 1, out)
    if p == 2:
        return (np.conj(x) if x.dtype.kind == "c" else x) * (g / out)
    ratio = magnitude / out
    if p < 2:
        ratio = np.where(magnitude == 0, 1, ratio)
    return _direction(x, magnitude) * (ratio ** (p - 1) * g)


@op(
    x=lambda g, x, out, p, dim, keepdim: _norm_rule(g, x, out, p, dim, keepdim),
    samples=[
        case(x=reals(shape=(2, 3), avoid=(0.0,)), **arguments)
        for arguments in (
            {}, {"dim": 0}, {"p": 1, "dim": -1, "keepdim": True}, {"p": _INF, "dim": 1}, {"p": -_INF},
            {"p": 3, "dim": (0, 1)}, {"p": 0.5, "dim": 1}, {"p": 1.5, "dim": 0}, {"p": -1}, {"p": 0, "dim": 0},
            {"dim": ()},
        )
    ] + [case(x=reals(shape=())), case(x=reals(shape=(0, 2)), dim=0)],
)  # fmt: skip
def norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The vector norm ``sum(|x|**p) ** (1/p)`` over ``dim``, or over all elements.

    Args:
        x: real or complex; the norm is real.
        p: a number, inf (the largest magnitude), -inf (the smallest), 0 (how many are not 0), or "fro", which is 2.
            ("nuc" is a matter of matrices: ``linalg.matrix_norm``.)
        dim: one dimension or several, None for all.
        keepdim: keep them with size 1.
        dtype: to compute in.

    Raises: DtypeError for integers and bools; BoundsError for inf or a negative number over nothing.
    """
    p = _order(p)
    x = cast_input("norm", x, dtype)
    real = np.real(x).dtype if x.dtype.kind == "c" else x.dtype
    x = x.astype(accumulation_dtype(x.dtype) or x.dtype, copy=False)
    axis = axis_of(dim) if x.ndim else axes_of(dim, 0) and None
    if p < 0 and not x.size:
        require_elements(x, dim)
    if p == 2 and x.dtype.kind != "c":
        out = np.sqrt(_add(x * x, axis, None, None, keepdim))
    elif abs(p) == _INF:
        out = extreme(np.maximum if p > 0 else np.minimum, np.abs(x), axis, keepdim)
    elif p == 0:
        out = _add(x != 0, axis, real, None, keepdim)
    else:
        magnitude = np.abs(x)
        with np.errstate(divide="ignore"):
            powers = magnitude if p == 1 else magnitude**p
            out = _add(powers, axis, None, None, keepdim)
            out = out if p == 1 else out ** (1 / p)
    return out.astype(real, copy=False)


@composed(samples=[elementwise(x=reals(-3, -1), y=reals(1, 3)), elementwise(x=reals(-3, -1), y=reals(1, 3), p=3)])
def dist(x: Any, y: Any, p: float = 2) -> Any:
    """The ``p``-norm of ``x - y``."""
    return norm(arithmetic.sub(x, y), p)
