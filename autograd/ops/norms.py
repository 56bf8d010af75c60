"""Norms of vectors, over some or all dimensions, and distances.

The gradient of every norm at 0 is 0 (a subgradient).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._operands import setting
from ..errors import ArgumentError, ShapeError
from ..samples import case, elementwise, reals
from . import arithmetic
from ._blocks import SOME
from ._matrices import conj
from ._sums import add_reduce
from .axes import axes_of, axis_of, cast_input, restore, wide_dtype, widened
from .decompositions import svd
from .extremes import extreme, require_elements, tied

if TYPE_CHECKING:
    from .._tensor import Tensor

_INF = float("inf")
_add: Any = np.add.reduce


def _order(p: Any) -> float:
    """The exponent: 2 for Frobenius's norm."""
    if p is None or p == "fro":
        return 2.0
    if isinstance(p, str):
        raise ArgumentError(f"norm: p must be a number, inf, -inf, 'fro' or 'nuc', got {p!r}")
    return float(setting("norm", "p", p))


def _matrix_axes(shape: tuple[int, ...], dim: Any) -> tuple[int, ...]:
    """The two dimensions of matrices."""
    axes = axes_of(dim, len(shape))
    if len(axes) != 2:
        raise ShapeError(f"norm: p='nuc' is of matrices, so over two dimensions; got dim={dim} of shape {shape}")
    return axes


def _nuclear_rule(g: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    axes = _matrix_axes(np.shape(x), dim)
    u, s, vh = svd.kernel(np.moveaxis(x, axes, (-2, -1)), False)
    g = np.moveaxis(restore(g, np.shape(x), axes, keepdim), axes, (-2, -1))
    return np.moveaxis(g * conj(np.matmul(u * np.expand_dims(s > 0, -2), vh)), (-2, -1), axes)


def _direction(x: Any, magnitude: Any) -> Any:
    """``x / |x|``, conjugate as the rules of real outputs are, and 0 at 0."""
    if x.dtype.kind != "c":
        return np.sign(x)
    zero = magnitude == 0  # the second derivative at 0 is 0 too
    return np.where(zero, 0, np.conj(x)) / np.where(zero, 1, magnitude)


def _norm_rule(g: Any, x: Any, out: Any, p: Any, dim: Any, keepdim: bool) -> Any:
    if p == "nuc":
        return _nuclear_rule(g, x, dim, keepdim)
    p, shape = _order(p), np.shape(x)
    if p == 0:
        return np.zeros_like(x)
    if abs(p) == _INF:
        magnitude = np.abs(x)
        return _direction(x, magnitude) * tied(g, out, magnitude, dim, keepdim)
    g, out = restore(g, shape, dim, keepdim), widened(restore(out, shape, dim, keepdim))
    if p == 1:
        return _direction(x, np.abs(x)) * g
    zero = out < np.finfo(out.dtype).smallest_normal  # as 0: the reciprocal would be infinite
    g, out = np.where(zero, 0, g), np.where(zero, 1, out)
    if p == 2:
        return (np.conj(x) if x.dtype.kind == "c" else x) * (widened(g) / out)
    magnitude = np.abs(x)
    ratio = magnitude / out
    if p < 2:
        ratio = np.where(magnitude == 0, 1, ratio)
    return _direction(x, magnitude) * (np.power(ratio, p - 1) * g)


def _apart(a: Any) -> Any:
    """A sample's raw draw as matrices whose singular values are far from 0 and from one another."""
    n, m = a.shape[-2:] if a.ndim == 2 else (a.shape[0], a.shape[2])
    unit = np.eye(n, m) * np.arange(2.0, 2 * m + 1, 2)
    return a * 0.2 + (unit if a.ndim == 2 else np.expand_dims(unit, 1))


_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
"""In the second one powers of numbers of the first neither overflow nor vanish."""


def _few_squares(x: Any, axis: Any, keepdim: bool) -> Any:
    """The sum of squares, of a few numbers in half the time if they lie side by side."""
    if not keepdim and x.ndim and type(x) is np.ndarray:
        if axis == -1 or axis == x.ndim - 1:
            return np.vecdot(x, x)
        if axis is None:
            return np.vdot(x, x)
    return add_reduce(x * x, axis, keepdim)


def _length(x: Any, p: float, axis: Any, keepdim: bool) -> Any:
    """The norm of real numbers, of single precision if they are many."""
    if p == 2:
        return np.sqrt(add_reduce(x * x, axis, keepdim))
    with np.errstate(divide="ignore"):  # np.power, as the operator computes scalars in another way
        return np.power(add_reduce(np.power(np.abs(x), p), axis, keepdim), 1 / p)


@np.errstate(over="ignore")
def _length_of_many(x: Any, p: float, axis: Any, keepdim: bool) -> Any:
    """The same of float32; in double precision if powers have overflowed, or vanished beside numbers that are not 0."""
    out = _length(x, p, axis, keepdim)
    least, most = (np.minimum.reduce(out, None), np.maximum.reduce(out, None)) if np.ndim(out) else (out, out)
    if least >= 2.0 ** (-80 / p) and most < _INF:
        return out
    small = out < 2.0 ** (-80 / p)
    lost = np.any(small) and np.any((x != 0) & restore(small, x.shape, axis, keepdim))
    return _length(x.astype(_DOUBLE), p, axis, keepdim) if lost or not np.all(out < _INF) else out


@op(
    x=_norm_rule,
    jvp="reduction",
    samples=[
        case(x=reals(shape=(2, 3), avoid=(0.0,)), **arguments)
        for arguments in (
            {}, {"dim": 0}, {"p": 1, "dim": -1, "keepdim": True}, {"p": _INF, "dim": 1}, {"p": -_INF},
            {"p": 3, "dim": (0, 1)}, {"p": 0.5, "dim": 1}, {"p": 1.5, "dim": 0}, {"p": -1}, {"p": 0, "dim": 0},
            {"dim": ()},
        )
    ] + [case(x=reals(shape=())), case(x=reals(shape=(0, 2)), dim=0)] + [
        case(x=reals(shape=shape, make=_apart), p="nuc", dim=dim, keepdim=keepdim)
        for shape, dim, keepdim in (((2, 3), None, False), ((3, 2, 2), (0, -1), True), ((2, 0), (1, 0), False))
    ],
)  # fmt: skip
def norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The vector norm ``sum(|x|**p) ** (1/p)`` over ``dim``, or over all elements.

    Args:
        x: real or complex; the norm is real.
        p: a number, inf (the largest magnitude), -inf (the smallest), 0 (how many are not 0), "fro", which is 2, or
            "nuc": over two dimensions, the sum of the singular values of matrices.
        dim: one dimension or several, None for all.
        keepdim: keep them with size 1.
        dtype: to compute in.

    Raises: DtypeError for integers and bools; BoundsError for inf or a negative number over nothing; ShapeError.
    """
    if p != "nuc":
        p = _order(p)
    x = cast_input("norm", x, dtype)
    real = np.real(x).dtype if x.dtype.kind == "c" else x.dtype
    few = x.size <= SOME
    if p != "nuc" and x.dtype.kind == "c":
        x = np.abs(x)
    x = x.astype(_DOUBLE if few and x.dtype is _SINGLE else wide_dtype(x.dtype), copy=False)
    if p == "nuc":
        axes = _matrix_axes(x.shape, dim)
        out = _add(np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False), -1)
        return (np.expand_dims(out, axes) if keepdim else out).astype(real, copy=False)
    axis = axis_of(dim) if x.ndim else axes_of(dim, 0) and None
    if p < 0 and not x.size:
        require_elements(x, dim)
    if p == 2 and few:
        out = np.sqrt(_few_squares(x, axis, keepdim))
    elif abs(p) == _INF:
        out = extreme(np.maximum if p > 0 else np.minimum, np.abs(x), axis, keepdim)
    elif p == 0:
        out = _add(x != 0, axis, np.int64, None, keepdim)  # as floats, a count ends where one more is rounded off
    elif p == 1:
        out = add_reduce(np.abs(x), axis, keepdim)
    elif p > 0 and x.dtype is _SINGLE and type(x) is np.ndarray:
        out = _length_of_many(x, p, axis, keepdim)
    else:
        out = _length(x, p, axis, keepdim)
    return out.astype(real, copy=False)


@composed(samples=[elementwise(x=reals(-3, -1), y=reals(1, 3)), elementwise(x=reals(-3, -1), y=reals(1, 3), p=3)])
def dist(x: Any, y: Any, p: float = 2) -> Tensor:
    """The ``p``-norm of ``x - y``."""
    return norm(arithmetic.sub(x, y), p)
