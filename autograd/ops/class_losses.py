"""Losses between scores of classes and the right class: cross-entropy and negative log-likelihood.

Shape, of every op here: scores (N, C, ...) or (C,), with the classes in dimension 1 (0); targets are class numbers
(N, ...) or (), or, for ``cross_entropy``, probabilities of the scores' shape.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._op import composed, op
from ..engine.foreign import first_foreign, require_plain
from ..engine.sums import dot_lines, ones
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions
from ._blocks import block_rows, in_blocks
from ._extremes import extreme_along
from .axes import wide_dtype
from .class_targets import (
    by_rows,
    check_targets,
    class_dim,
    combine,
    counting,
    from_rows,
    read_targets,
    share_of,
    spread,
)  # fmt: skip
from .indexing import scatter_index
from .losses import combined
from .neural import log_softmax, softmax
from .shapes import reshape

if TYPE_CHECKING:
    from .._tensor import Tensor

_TARGETS: list[dict[str, Any]] = [
    {"x": reals(shape=(3, 4)), "target": np.array([1, 3, 1])},
    {"x": reals(shape=(3, 4)), "target": np.array([1, 3, 1]), "reduction": "sum"},
    {"x": reals(shape=(3, 4)), "target": np.array([1, -100, 0]), "reduction": "none"},
    {"x": reals(shape=(3, 2)), "target": np.array([1, 0, 1]), "ignore_index": 0},
    {"x": reals(shape=(3, 2)), "target": np.array([1, 0, -100]), "weight": np.array([0.5, 2.0])},
    {"x": reals(shape=(2, 3, 2)), "target": np.array([[1, 2], [0, 1]]), "weight": np.array([0.5, 2.0, 1.0])},
    {"x": reals(shape=(2, 3, 2)), "target": np.array([[1, 2], [0, 1]]), "reduction": "none"},
    {"x": reals(shape=(4,)), "target": np.array(2)},
]
_SMOOTH = [{**arguments, "label_smoothing": 0.2} for arguments in _TARGETS]

# ---- cross-entropy ---------------------------------------------------------------------------------------------------


_SMALL = 1 << 14
"""Up to this many scores a batch counts as small."""


class _Sums(NamedTuple):
    """What the cross entropy of a batch and its derivative share, one of each for every row of scores.

    Attributes:
        index, weights: the right classes and their weights, as ``read_targets`` gives them.
        tops: the largest score; None for a small batch, of which ``index`` gives places in the flat matrix.
        totals: the sum of all exponentials relative to it.
        below: the weighted sum of what is below it, if asked for.
        powers: these exponentials.
    """

    index: Any
    weights: Any
    tops: Any
    totals: Any
    below: Any
    powers: Any


def _sums(rows: Any, index: Any, weights: Any, factors: Any) -> _Sums:
    """The sums of each row; with ``factors``, one for each class, also what is below the largest score."""
    count = len(rows)
    if block_rows(rows) >= count:
        tops = extreme_along(np.maximum, rows, 1)[:, 0]
        powers = rows - tops[:, None]
        below = None if factors is None else np.vecdot(powers, factors)
        np.exp(powers, out=powers)
        return _Sums(index, weights, tops, np.add.reduce(powers, 1), below, powers)
    tops, totals, below = np.zeros((3, count), rows.dtype)
    powers = np.empty(rows.shape, rows.dtype)

    def work(block: slice) -> None:
        top = extreme_along(np.maximum, rows[block], 1)
        tops[block] = top[:, 0]
        part = np.subtract(rows[block], top, out=powers[block])
        if factors is not None:
            dot_lines(part, factors, below[block])
        np.exp(part, out=part)
        dot_lines(part, out=totals[block])

    in_blocks(rows, lambda: work)
    return _Sums(index, weights, tops, totals, below, powers)


def _is_small(rows: Any) -> bool:
    """Whether a batch is so small that it is the calls of NumPy that take time, not the numbers."""
    return isinstance(rows, np.ndarray) and 0 < rows.size <= _SMALL


def _small_losses(rows: Any, index: Any, reduction: str, x: Any, memo: Any) -> Any:
    """What ``cross_entropy_`` returns for a small batch without weights."""
    count, classes = rows.shape
    starts = _row_starts(count, classes)
    tops = rows.reshape(-1)[starts + rows.argmax(1)]  # in half the time of the maxima themselves
    powers = np.subtract(rows, tops[:, None], order="C")
    places = starts + index
    right = powers.reshape(-1)[places]
    np.exp(powers, out=powers)
    totals = np.dot(powers, ones(classes, powers.dtype))
    if memo is not None:
        memo[:] = (_Sums(places, None, None, totals, None, powers),)
    return combine(np.log(totals) - right, None, reduction, x.shape, x.dtype)


@functools.lru_cache(maxsize=64)
def _row_starts(count: int, classes: int) -> Any:
    """Where each row of a small matrix starts in its memory."""
    starts = np.arange(count) * classes
    starts.flags.writeable = False
    return starts


def _small_slope(sums: _Sums, y: Any, reduction: str) -> Any:
    """What ``cross_entropy_backward`` returns, as rows, for a small batch without weights."""
    count = len(sums.totals)
    if y.dtype is not sums.totals.dtype:
        y = y.astype(sums.totals.dtype)
    own = y / count if reduction == "mean" else y.reshape(-1) if y.ndim else y
    slopes = sums.powers * (own / sums.totals)[:, None]
    slopes.reshape(-1)[sums.index] -= own
    return slopes


def _cross_entropy_rule(
    g: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float, memo: Any
) -> Any:
    return cross_entropy_backward.kernel(x, g, target, weight, ignore_index, reduction, label_smoothing, memo)


def _slope_x_rule(
    g: Any, x: Any, y: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    """The slope is ``c * softmax(x)`` less what does not depend on ``x``, with a constant ``c`` for each target."""
    dim = class_dim(x.shape)
    total = _total_weight(x.shape, x.dtype, target, weight, ignore_index, reduction, label_smoothing)
    share = g * total * spread(y, x.shape)
    p = softmax.kernel(x, dim)
    return p * (share - np.add.reduce(share * p, dim, keepdims=True))


def _slope_y_rule(
    g: Any, x: Any, y: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    one = np.ones(y.shape, y.dtype)
    slope = cross_entropy_backward.kernel(x, one, target, weight, ignore_index, reduction, label_smoothing)
    return np.sum(g * slope, axis=class_dim(x.shape) if y.ndim or x.ndim == 1 else None)


def _slope_along(
    t_x: Any, t_y: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float,
    y: Any = None,
) -> Any:  # fmt: skip
    how = (target, weight, ignore_index, reduction, label_smoothing)
    by_y = None if t_y is None else cross_entropy_backward.kernel(x, t_y, *how)
    if t_x is None:
        return by_y
    by_x = _slope_x_rule(t_x, x, y, *how)  # a gradient, whose Jacobian is symmetric
    return by_x if by_y is None else by_x + by_y


def _total_weight(
    shape: tuple[int, ...],
    dtype: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """For each target the sum of the weights of all log-probabilities in the loss; it broadcasts to the scores."""
    dim = class_dim(shape)
    classes = shape[dim]
    _, weights = read_targets(target, weight, ignore_index, classes, dtype, "cross_entropy")
    count = max(math.prod(shape) // max(classes, 1), 0)
    found = np.ones(count, dtype) if weights is None else weights
    scale = share_of(weights, count, reduction, dtype)
    if label_smoothing:
        valid = (np.reshape(target, -1) != ignore_index).astype(dtype)
        evenly = 1 if weight is None else np.add.reduce(weight).astype(dtype) / classes
        found = found * (1 - label_smoothing) + valid * (label_smoothing * evenly)
    found = found * scale
    return np.expand_dims(np.reshape(found, (*shape[:dim], *shape[dim + 1 :])), dim)


@op(
    x=_slope_x_rule,
    y=_slope_y_rule,
    jvp=_slope_along,
    constants=("target", "weight"),
    refused=("weight",),
    samples=[
        case(y=reals(shape=arguments["target"].shape if arguments.get("reduction") == "none" else ()), **arguments)
        for arguments in (*_TARGETS, *_SMOOTH)
    ],
)
def cross_entropy_backward(
    x: Any,
    y: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    memo: Any = None,
) -> Any:
    """The derivative of ``cross_entropy`` with respect to the scores, where ``y`` is that of its result."""
    if memo and memo[0].tops is None:
        slope = from_rows(_small_slope(memo[0], y, reduction), x.shape)
        return slope if slope.dtype is x.dtype else slope.astype(x.dtype)
    require_plain(x, y, target)
    wide = wide_dtype(x.dtype)
    rows = by_rows(x).astype(wide, copy=False)
    count, classes = rows.shape
    if memo:
        sums = memo[0]
    else:
        sums = _sums(rows, *read_targets(target, weight, ignore_index, classes, wide, "cross_entropy"), None)
    index, weights, _, totals, _, powers = sums
    scale = share_of(weights, count, reduction, wide) * y.astype(wide, copy=False).reshape(-1)
    own = scale if weights is None else weights * scale  # what the result has of each target's loss
    each, total = None, own
    if label_smoothing:
        valid = np.reshape(target, -1) != ignore_index
        each = valid * (scale * wide.type(label_smoothing / classes))
        own = own * wide.type(1 - label_smoothing)
        total = own + each * (classes if weight is None else np.add.reduce(weight))
    factor = total / totals
    if block_rows(rows) >= count:
        out = np.empty_like(rows, order="C")
    else:  # the powers of a large batch are used up; another time they are computed anew
        out = powers
        if memo:
            memo.clear()

    def work(block: slice) -> None:
        p = np.multiply(powers[block], factor[block, None], out=out[block])
        if each is not None:
            np.subtract(p, each[block, None] if weight is None else each[block, None] * weight, out=p)

    in_blocks(rows, lambda: work)
    out[np.arange(count), index] -= own
    return from_rows(out, x.shape).astype(x.dtype, copy=False)


@op(
    x=_cross_entropy_rule,
    constants=("target", "weight"),
    refused=("weight",),
    promote="real",
    samples=[case(**arguments) for arguments in (*_TARGETS, *_SMOOTH)],
)
def cross_entropy_(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    memo: Any = None,
) -> Any:
    """``cross_entropy`` with class numbers. ``memo``: an empty list, in which sums are kept for backward."""
    if weight is not None or x.ndim != 2 or target.shape != x.shape[:1] or reduction != "mean":  # seldom
        check_targets("cross_entropy", x, target, weight, reduction)
    wide = wide_dtype(x.dtype)
    rows = x if x.ndim == 2 else by_rows(x)
    if wide is not x.dtype:
        rows = rows.astype(wide)
    count, classes = rows.shape
    index, weights = read_targets(target, weight, ignore_index, classes, wide, "cross_entropy")
    if weights is None and not label_smoothing and _is_small(rows):
        return _small_losses(rows, index, reduction, x, memo)
    require_plain(x, target)
    factors: Any = None
    if label_smoothing:
        factors = np.ones(classes, wide) if weight is None else weight.astype(wide, copy=False)
    sums = _sums(rows, index, weights, factors)
    if memo is not None:
        memo[:] = (sums,)
    logs = np.log(sums.totals)
    losses = logs - (rows[np.arange(count), index] - sums.tops)
    if weights is not None:
        losses = counting(losses, target, ignore_index) * weights
    if label_smoothing:
        evenly = logs * np.add.reduce(factors) - sums.below
        evenly = evenly if weights is None else counting(evenly, target, ignore_index)
        losses = losses * (1 - label_smoothing) + evenly * (label_smoothing / classes)
    return combine(losses, weights, reduction, x.shape, x.dtype)


def _entropy_of_probabilities(x: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    """``cross_entropy`` with probabilities of classes."""
    shape = tuple(x.shape)
    dim = class_dim(shape)
    logs = log_softmax(x, dim)
    if label_smoothing:
        target = arithmetic.add(arithmetic.mul(target, 1 - label_smoothing), label_smoothing / shape[dim])
    if weight is not None:
        logs = arithmetic.mul(logs, reshape(weight, (-1, *(1,) * (len(shape) - dim - 1))))
    losses = arithmetic.neg(reductions.sum(arithmetic.mul(logs, target), dim))
    return combined(losses, reduction)


@composed()
def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The negative logarithm of the probability that ``softmax`` of the scores ``x`` gives the right class.

    Args:
        x: floating.
        target: class numbers, or probabilities of the classes (floating, of the shape of ``x``).
        weight: a factor for each class; with probabilities as targets it has a gradient too.
        ignore_index: class numbers that are this one do not count; with probabilities it must be negative.
        reduction: ``"mean"`` (weighted, over the targets that count), ``"sum"`` or ``"none"``.
        label_smoothing: this share of each target is spread evenly over all classes.

    Raises:
        IndexError: a class number is out of range.
        ShapeError, DtypeError, ValueError: the arguments do not fit.

    >>> import autograd
    >>> import nn.functional as F
    >>> scores = autograd.tensor([[2.0, 1.0, 0.0]])
    >>> F.cross_entropy(scores, autograd.tensor([0]))
    tensor(0.4076)
    """
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"cross_entropy: label_smoothing must lie between 0 and 1, got {label_smoothing}")
    if target is None:
        raise TypeError("cross_entropy() needs the argument 'target': class numbers, or probabilities of the classes")
    dtype = getattr(target, "dtype", None)
    if dtype is None:
        target = np.asanyarray(target)
        dtype = target.dtype
    if dtype.kind in "iu":
        return cross_entropy_(x, target, weight, ignore_index, reduction, label_smoothing, [])
    if tuple(target.shape) != tuple(x.shape):
        raise ShapeError(
            f"cross_entropy: a floating target gives probabilities of classes and must have the input's shape "
            f"{tuple(x.shape)}, "
            f"got {target.dtype} of shape {tuple(target.shape)}; for class numbers convert it with .long()"
        )
    if ignore_index >= 0:
        raise DtypeError(
            f"cross_entropy: ignore_index is for class numbers, but the target is {target.dtype}, probabilities; leave "
            f"out ignore_index={ignore_index}, and give what must not count probabilities of 0"
        )
    if weight is not None or reduction not in ("mean", "sum", "none") or not len(x.shape):
        dim = class_dim(tuple(x.shape))
        check_targets("cross_entropy", x, np.empty((*x.shape[:dim], *x.shape[dim + 1 :])), weight, reduction)
    return _entropy_of_probabilities(x, target, weight, reduction, label_smoothing)


# ---- negative log-likelihood -----------------------------------------------------------------------------------------


def _nll_rule(g: Any, x_shape: tuple[int, ...], target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    return spread(g, x_shape) * _nll_slope(g.dtype, x_shape, target, weight, ignore_index, reduction)


def _nll_slope(dtype: Any, shape: tuple[int, ...], target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    classes = shape[class_dim(shape)]
    wide = wide_dtype(dtype)
    index, weights = read_targets(target, weight, ignore_index, classes, wide, "nll_loss")
    scale = share_of(weights, len(index), reduction, wide)
    entries = -scale if weights is None else weights * -scale
    places = (np.arange(len(index)), index)
    if first_foreign(index, entries) is not None:
        entries = np.broadcast_to(entries, index.shape)
        return from_rows(scatter_index.kernel(entries, places, (len(index), classes)), shape)
    rows = np.zeros((len(index), classes), wide, like=index)
    rows[places] = entries
    return from_rows(rows, shape)


@op(
    x=_nll_rule,
    constants=("target", "weight"),
    refused=("weight",),
    promote="float",
    tied=True,
    jvp="linear",
    samples=[case(**arguments) for arguments in _TARGETS],
)
def nll_loss(x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Minus the element of the right class, where ``x`` are log-probabilities (of ``log_softmax``).

    Args:
        x: floating.
        target: class numbers.
        weight: a factor for each class.
        ignore_index: targets of this number do not count.
        reduction: ``"mean"`` (weighted, over the targets that count), ``"sum"`` or ``"none"``.

    Raises: IndexError, ShapeError, DtypeError, ValueError.
    """
    check_targets("nll_loss", x, target, weight, reduction)
    wide = wide_dtype(x.dtype)
    index, weights = read_targets(target, weight, ignore_index, x.shape[class_dim(x.shape)], wide, "nll_loss")
    losses = -by_rows(x)[np.arange(len(index)), index].astype(wide, copy=False)
    if weights is not None:
        losses = counting(losses, target, ignore_index) * weights
    return combine(losses, weights, reduction, x.shape, x.dtype)
