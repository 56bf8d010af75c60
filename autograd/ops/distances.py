"""Distances between vectors: of pairs, between all of two sets, among all of one.

The gradient of a distance of 0 is 0 (a subgradient).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.foreign import require_plain
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions, shapes
from .axes import wide_dtype, widened
from .casting import in_order
from .indexing import getitem
from .norms import norm
from .repetition import broadcast_to

if TYPE_CHECKING:
    from .._tensor import Tensor

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
_FEW = 25
_CLOSE = 0.05
_SHORT = 4
_BLOCK = 1 << 18
_LONG = 4


@composed(inputs=("x1", "x2"), samples=[
    case(x1=reals(shape=(2, 3)), x2=reals(shape=(2, 3))), case(x1=reals(shape=(3,)), x2=reals(shape=(2, 3)), p=1.0),
    case(x1=reals(shape=(2, 3)), x2=reals(shape=(3,)), p=3.0, keepdim=True),
])  # fmt: skip
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension.

    Shape: ``(N, D), (N, D) -> (N)``; either may lack N; ``(N, 1)`` with ``keepdim``.

    Raises: ShapeError.
    """
    return norm(arithmetic.add(arithmetic.sub(x1, x2), eps), p, -1, keepdim)


# ---- between all vectors of two sets ---------------------------------------------------------------------------------


def _euclidean_rule(g: Any, x: Any, y: Any, out: Any) -> Any:
    """The gradient of ``x``: for each of its vectors the sum of the directions from all of ``y``, times ``g``.

    From the differences where these are few, which is exact for close vectors too, else by a product of matrices.
    Sums of many 16-bit floats are taken in float32.
    """
    apart = out != 0
    share = np.where(apart, widened(g), 0) / np.where(apart, out, 1)
    if _are_few(y, out):
        return np.add.reduce(np.expand_dims(share, -1) * (np.expand_dims(x, -2) - np.expand_dims(y, -3)), -2)
    middle = np.mean(y, -2, keepdims=True)  # the difference of two sums is exact only for small numbers
    return (x - middle) * np.add.reduce(share, -1, keepdims=True) - np.matmul(share, y - middle)


def _are_few(y: Any, out: Any) -> bool:
    """Whether the differences of all vectors are few enough, or short."""
    return bool(y.shape[-1] <= _SHORT or math.prod(out.shape) * y.shape[-1] <= _BLOCK)


def _euclidean_along(t_x: Any, t_y: Any, x: Any, y: Any, out: Any) -> Any:
    moved: Any = 0.0
    if _are_few(y, out):
        apart = np.expand_dims(x, -2) - np.expand_dims(y, -3)
        if t_x is not None:
            moved = np.add.reduce(apart * np.expand_dims(t_x, -2), -1)
        if t_y is not None:
            moved = moved - np.add.reduce(apart * np.expand_dims(t_y, -3), -1)
    else:
        middle = np.mean(y, -2, keepdims=True)
        a, b = x - middle, y - middle
        if t_x is not None:
            moved = np.add.reduce(a * t_x, -1, keepdims=True) - np.matmul(t_x, np.swapaxes(b, -1, -2))
        if t_y is not None:
            by_y = np.expand_dims(np.add.reduce(b * t_y, -1), -2) - np.matmul(a, np.swapaxes(t_y, -1, -2))
            moved = moved + by_y
    return np.where(out != 0, moved, 0) / np.where(out != 0, out, 1)


@op(
    x=_euclidean_rule,
    y=lambda g, x, y, out: _euclidean_rule(np.swapaxes(g, -1, -2), y, x, np.swapaxes(out, -1, -2)),
    jvp=_euclidean_along,
    promote="float",
    samples=[
        case(x=reals(shape=(3, 2)), y=reals(shape=(4, 2))),
        case(x=reals(shape=(2, 2, 3)), y=reals(shape=(2, 1, 3))),
        case(x=reals(shape=(2, 2, 3)), y=reals(shape=(3, 3))),
    ],
)
def euclidean_distances(x: Any, y: Any) -> Any:
    """The distances between all vectors ``x`` and all vectors ``y``, through one product of matrices.

    ``(..., P, M), (..., R, M) -> (..., P, R)``; the leading dimensions broadcast. Where vectors are close, and the
    product would be inexact, their differences are taken.
    """
    require_plain(x, y)
    dtype = x.dtype
    wide = wide_dtype(dtype)
    middle = np.add.reduce(y, -2, wide, keepdims=True) / max(y.shape[-2], 1)
    a, b = (x - middle).astype(wide, copy=False), (y - middle).astype(wide, copy=False)
    squares = np.expand_dims(np.add.reduce(a * a, -1), -1) + np.expand_dims(np.add.reduce(b * b, -1), -2)
    out = squares - np.matmul(a, np.swapaxes(b, -1, -2)) * 2
    close = np.nonzero(out <= squares * _CLOSE)
    if a.ndim != b.ndim or a.shape[:-2] != b.shape[:-2]:
        a, b = (np.broadcast_to(m, (*out.shape[:-2], *m.shape[-2:])) for m in (a, b))
    step = max(_BLOCK // max(x.shape[-1], 1), 1)
    for start in range(0, len(close[0]), step):
        place = tuple([index[start : start + step] for index in close])
        difference = a[(*place[:-2], place[-2])] - b[(*place[:-2], place[-1])]
        out[place] = np.add.reduce(difference * difference, -1)
    return np.sqrt(out).astype(dtype, copy=False)


_SETS: list[dict[str, Any]] = [
    {"x1": reals(shape=(2, 3)), "x2": reals(shape=(3, 3))},
    {"x1": reals(shape=(2, 3)), "x2": reals(shape=(3, 3)), "p": 1.0},
    {"x1": reals(shape=(2, 2, 2)), "x2": reals(shape=(3, 2)), "p": 3.0},
    {"x1": reals(shape=(2, 2, 2)), "x2": reals(shape=(8, 2)), "p": 3.0},
    {"x1": reals(shape=(2, 1)), "x2": reals(shape=(2, 5, 1)), "p": 1.0},
    {"x1": reals(shape=(2, 2, 2)), "x2": reals(shape=(3, 2)), "compute_mode": "use_mm_for_euclid_dist"},
]


def _length(apart: Any, p: float, dim: int) -> Any:
    """The ``p``-norm; for 0 how many numbers differ, NaN if that is unknown of one."""
    if p:
        return norm(apart, p, dim)
    return reductions.sum(np.ceil(np.minimum(np.abs(apart), 1.0)), dim)


@composed(inputs=("x1", "x2"), samples=[case(**arguments) for arguments in _SETS])
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The ``p``-norms of the differences between all vectors of two sets.

    Shape: ``(..., P, M), (..., R, M) -> (..., P, R)``; the leading dimensions broadcast.

    Args:
        x1, x2: floating.
        p: a number, or inf.
        compute_mode: for ``p == 2``: "use_mm_for_euclid_dist_if_necessary" (the default: products of matrices for more
            than 25 vectors), "use_mm_for_euclid_dist" or "donot_use_mm_for_euclid_dist".

    Raises: ShapeError; ValueError for a negative ``p`` or an unknown mode.
    """
    first, second = tuple(x1.shape), tuple(x2.shape)
    if len(first) < 2 or len(second) < 2 or first[-1] != second[-1]:
        raise ShapeError(
            f"cdist: expected two sets of vectors of one length, (..., P, M) and (..., R, M), got {first} and {second}"
        )
    if p < 0:
        raise ArgumentError(f"cdist: p must not be negative, got {p}")
    if compute_mode is not None and compute_mode not in _MODES:
        raise ArgumentError(f"cdist: compute_mode must be one of {', '.join(map(repr, _MODES))}, got {compute_mode!r}")
    few = max(first[-2], second[-2]) <= _FEW and compute_mode != _MODES[1]
    if p != 2 or few or compute_mode == _MODES[2]:
        if second[-2] >= _LONG * first[-1]:  # the norms of columns, which are longer than the vectors
            x1, x2 = [in_order(np.swapaxes(x, -1, -2)) for x in (x1, x2)]
            return _length(arithmetic.sub(shapes.unsqueeze(x1, -1), shapes.unsqueeze(x2, -2)), p, -3)
        return _length(arithmetic.sub(shapes.unsqueeze(x1, -2), shapes.unsqueeze(x2, -3)), p, -1)
    try:
        lead = np.broadcast_shapes(first[:-2], second[:-2])
    except ValueError:
        raise ShapeError(f"cdist: the leading dimensions of {first} and {second} do not broadcast") from None
    if lead != first[:-2]:
        x1 = broadcast_to(x1, (*lead, *first[-2:]))
    if lead != second[:-2]:
        x2 = broadcast_to(x2, (*lead, *second[-2:]))
    return euclidean_distances(x1, x2)


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(4, 2))), case(x=reals(shape=(3, 2)), p=1.0), case(x=reals(shape=(3, 2)), p=3.0),
])  # fmt: skip
def pdist(x: Any, p: float = 2.0) -> Tensor:
    """The ``p``-norms of the differences between all vectors of one set: those of ``cdist`` above the diagonal.

    Shape: ``(N, M) -> (N * (N - 1) / 2)``.

    Raises: ShapeError; ValueError for a negative ``p``.
    """
    if len(x.shape) != 2:
        raise ShapeError(f"pdist: expected one set of vectors, (N, M), got shape {tuple(x.shape)}")
    if p < 0:
        raise ArgumentError(f"pdist: p must not be negative, got {p}")
    if p == 2 and x.shape[0] > _FEW:
        return getitem(euclidean_distances(x, x), np.triu(np.ones((x.shape[0],) * 2, bool), 1))
    upper = np.triu_indices(x.shape[0], 1)
    return _length(arithmetic.sub(getitem(x, upper[0]), getitem(x, upper[1])), p, -1)


# ---- between directions ----------------------------------------------------------------------------------------------


def cosine(x1: Any, x2: Any, eps: float) -> Any:
    """The cosine of the angle between vectors along the last dimension, ``eps`` added to their squared lengths."""
    along = reductions.sum(arithmetic.mul(x1, x2), -1)
    lengths = [arithmetic.add(reductions.sum(arithmetic.mul(x, x), -1), eps) for x in (x1, x2)]
    return arithmetic.div(along, np.sqrt(arithmetic.mul(*lengths)))
