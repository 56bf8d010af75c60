"""Connectionist temporal classification: the likelihood of labels that are not aligned to the input.

Source: A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist Temporal Classification", ICML 2006. A path
goes through the labels with blanks between them: at each step it stays, goes on by one, or jumps over a blank between
two different labels. Sums of probabilities are computed by their logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.foreign import as_array, bare
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic, reductions, shapes
from .axes import place_along, wide_dtype
from .losses import check_reduction
from .selection import where

if TYPE_CHECKING:
    from .._tensor import Tensor

_NEVER = -1e30
"""The logarithm of the probability of what cannot be: finite, so that differences of two are 0 and not nan."""
_FEW_CLASSES = 128


def _states(targets: Any, target_lengths: Any, blank: int) -> tuple[Any, Any, Any]:
    """The classes of the states of each example (labels with blanks between), whether to jump to each, their number."""
    states = np.full((len(targets), 2 * targets.shape[1] + 1), blank, np.int64, like=targets)
    states[:, 1::2] = targets
    jump = np.zeros(states.shape, bool, like=targets)
    jump[:, 3::2] = targets[:, 1:] != targets[:, :-1]
    return states, jump, 2 * target_lengths + 1


def _forward(emit: Any, jump: Any, steps: Any) -> list[Any]:
    """For each time the log-probabilities of all paths to each state; they stand still after ``steps`` times."""
    n, width = jump.shape
    before = np.full((n, 2), _NEVER, emit.dtype)  # two states from which no path comes
    blocked = np.where(jump, 0, _NEVER).astype(emit.dtype)
    found = [np.where(np.arange(width) < 2, emit[0], _NEVER)]
    shortest = int(np.min(bare(steps), initial=emit.shape[0])) if n else 0
    for t in range(1, emit.shape[0]):
        stay = found[-1]
        padded = np.concatenate([before, stay], 1)
        one, two = padded[:, 1:-1], padded[:, :-2] + blocked
        top = np.maximum(np.maximum(stay, one), two)
        after = top + np.log(np.exp(stay - top) + np.exp(one - top) + np.exp(two - top)) + emit[t]
        found.append(after if t < shortest else np.where(np.expand_dims(t < steps, 1), after, stay))
    return found


def _likelihood(last: Any, counts: Any) -> Any:
    """The logarithm of the probability of all paths that end in one of the last two states."""
    ends = np.arange(last.shape[1]) >= np.expand_dims(counts - 2, 1)
    ends = ends & (np.arange(last.shape[1]) < np.expand_dims(counts, 1))
    last = np.where(ends, last, _NEVER)
    top = np.max(last, 1, keepdims=True)
    return np.reshape(top, (-1,)) + np.log(np.add.reduce(np.exp(last - top), 1))


def _emitted(x: Any, states: Any) -> Any:
    """For each time and example the log-probabilities of the states' classes."""
    index = np.broadcast_to(states, (x.shape[0], *states.shape))
    return np.maximum(np.take_along_axis(x, index, 2), _NEVER)


def _reversed(emit: Any, steps: Any, counts: Any) -> Any:
    """Times and states of each example in reverse, from its last ones."""
    times = (np.expand_dims(steps, 0) - 1 - np.expand_dims(np.arange(emit.shape[0]), 1)) % emit.shape[0]
    places = (np.expand_dims(counts, 1) - 1 - np.arange(emit.shape[2])) % emit.shape[2]
    emit = np.take_along_axis(emit, np.broadcast_to(np.expand_dims(times, 2), emit.shape), 0)
    return np.take_along_axis(emit, np.broadcast_to(places, emit.shape), 2)


def _jumps_back(jump: Any, counts: Any) -> Any:
    """Whether to jump to each state when times and states run in reverse."""
    places = np.expand_dims(counts, 1) + 1 - np.arange(jump.shape[1])
    inside = (places >= 0) & (places < jump.shape[1]) & (np.arange(jump.shape[1]) >= 2)
    return np.take_along_axis(jump, np.where(inside, places, 0), 1) & inside


def _occupancy(x: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    """How probable each class is at each time, given the labels: minus the derivative of the loss."""
    states, jump, counts = _states(targets, target_lengths, blank)
    wide = wide_dtype(x.dtype)
    emit = _emitted(x.astype(wide), states)
    both = np.concatenate([emit, _reversed(emit, input_lengths, counts)], 1)
    n = len(states)
    paths = np.stack(
        _forward(both, np.concatenate([jump, _jumps_back(jump, counts)]), np.concatenate([input_lengths] * 2))
    )
    there = paths[:, :n]
    back = _reversed(paths[:, n:], input_lengths, counts)
    total = np.expand_dims(np.expand_dims(_likelihood(there[-1], counts), 0), 2)
    possible = total > _NEVER / 2
    inside = np.expand_dims(np.expand_dims(np.arange(x.shape[0]), 1) < input_lengths, 2)
    inside = inside & (np.arange(states.shape[1]) < np.expand_dims(counts, 1))
    share = np.where(inside, there + back - emit - np.where(possible, total, 0), _NEVER)
    share = np.where(possible, np.exp(share), np.where(inside, np.nan, 0))
    if x.shape[2] > _FEW_CLASSES:
        index = np.broadcast_to(states, share.shape)
        return place_along.kernel(share, index, x.shape, 2, True, True)
    each = (np.expand_dims(states, 2) == np.arange(x.shape[2])).astype(wide)
    return np.swapaxes(np.matmul(np.swapaxes(share, 0, 1), each), 0, 1)


def _nll_rule(g: Any, x: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    share = np.reshape(g, (1, -1, 1))
    found = _occupancy(x, targets, input_lengths, target_lengths, blank)
    return np.where((share == 0) & np.isnan(found), 0, -share * found)  # linear in g, but for impossible labels


_CTC: list[dict[str, Any]] = [
    {"x": reals(shape=(4, 2, 3)), "targets": [[1, 2], [2, 2]], "input_lengths": [4, 3], "target_lengths": [2, 2]},
    {"x": reals(shape=(3, 2, 3)), "targets": [[0], [2]], "input_lengths": [3, 2], "target_lengths": [1, 0], "blank": 1},
]
_ARRAYS = [
    case(**{name: np.array(value) if isinstance(value, list) else value for name, value in arguments.items()})
    for arguments in _CTC
]


@op(x=_nll_rule, constants=("targets", "input_lengths", "target_lengths"), promote="real", samples=_ARRAYS)
def ctc_nll(x: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0) -> Any:
    """Minus the log-likelihood of each example's labels.

    Args:
        x: log-probabilities (T, N, C).
        targets: labels (N, S); what lies beyond a target's length does not count.
        input_lengths, target_lengths: (N).
        blank: the class that means no label.
    """
    states, jump, counts = _states(targets, target_lengths, blank)
    emit = _emitted(x.astype(wide_dtype(x.dtype), copy=False), states)
    if not len(emit):
        last = np.where(np.arange(states.shape[1]) < 1, emit.dtype.type(0), _NEVER) + np.zeros_like(states, emit.dtype)
    else:
        last = _forward(emit, jump, input_lengths)[-1]
        start = np.where(np.arange(states.shape[1]) < 1, 0, _NEVER)  # before the first time
        last = np.where(np.expand_dims(input_lengths == 0, 1), start, last)
    total = _likelihood(last, counts)
    return np.where(total > _NEVER / 2, -total, np.inf).astype(x.dtype, copy=False)


def _lengths(name: str, given: Any, n: int) -> Any:
    found = as_array(unwrap(given))
    if found.dtype.kind not in "iu":
        raise DtypeError(f"ctc_loss: {name} must be integers, got {found.dtype}")
    if found.size != n:
        raise ShapeError(f"ctc_loss: {name} has shape {found.shape}, but there are {n} examples")
    found = found.reshape(-1).astype(np.int64)
    least = np.min(bare(found), initial=0)
    if least < 0:
        raise ArgumentError(f"ctc_loss: {name} must not be negative, got {least}")
    return found


def _matrix_of(targets: Any, lengths: Any, n: int) -> Any:
    """The targets as a matrix with a row for each example."""
    if targets.dtype.kind not in "iu":
        raise DtypeError(f"ctc_loss: the targets must be class numbers, integers, got {targets.dtype}")
    longest = int(np.max(bare(lengths), initial=0))
    if targets.ndim == 1 and not (n == 1 and len(targets) >= longest):
        together = bare(np.sum(lengths))
        if np.any(together != len(targets)):
            raise ShapeError(
                f"ctc_loss: {len(targets)} targets, one after the other, but target_lengths adds up to {together}"
            )
        places = np.expand_dims(np.cumsum(lengths) - lengths, 1) + np.arange(longest)
        return np.take(targets, np.minimum(places, len(targets) - 1)).astype(np.int64)  # beyond, anything
    if targets.ndim == 1:
        targets = targets[None]
    if targets.ndim != 2 or len(targets) != n:
        raise ShapeError(f"ctc_loss: the targets have shape {targets.shape}; expected (N, S) with N={n}, or (S)")
    if targets.shape[1] < longest:
        raise ShapeError(
            f"ctc_loss: the longest target has length {longest}, but the targets have shape {targets.shape}"
        )
    return targets[:, :longest].astype(np.int64)


_BATCH = {
    "x": reals(shape=(4, 2, 3)),
    "targets": np.array([1, 2, 2]),
    "input_lengths": (4, 4),
    "target_lengths": (2, 1),
}


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(4, 2, 3)), targets=np.array([[1, 2], [2, 2]]), input_lengths=(4, 3), target_lengths=(2, 2)),
    case(**_BATCH, reduction="sum"), case(**_BATCH, reduction="none"),
    case(x=reals(shape=(3, 3)), targets=np.array([2, 1]), input_lengths=3, target_lengths=2, zero_infinity=True),
])  # fmt: skip
def ctc_loss(
    x: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    *,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-likelihood of label sequences that are not aligned to the input.

    Args:
        x: log-probabilities (T, N, C) or (T, C), of ``log_softmax``.
        targets: (N, S), or all one after the other; without blanks.
        input_lengths, target_lengths: of each example.
        blank: the number of the class that means no label.
        reduction: "mean" (each loss divided by its target's length first), "sum" or "none".
        zero_infinity: losses of inputs too short for their targets, which are infinite, count as 0, and so do their
            gradients, which are nan otherwise.

    The gradient is with respect to the log-probabilities themselves. PyTorch's has the probabilities added to it, which
    ``log_softmax`` before it takes away again: after that the two are equal.

    Raises: ShapeError, DtypeError, IndexError, ValueError.
    """
    check_reduction("ctc_loss", reduction)
    shape = tuple(x.shape)
    if len(shape) not in (2, 3):
        raise ShapeError(f"ctc_loss: log_probs must have shape (T, N, C) or (T, C), got {shape}")
    if not 0 <= blank < shape[-1]:
        raise ArgumentError(f"ctc_loss: blank is {blank}, but the classes go from 0 to {shape[-1] - 1}")
    single = len(shape) == 2
    n = 1 if single else shape[1]
    steps, counts = _lengths("input_lengths", input_lengths, n), _lengths("target_lengths", target_lengths, n)
    longest = np.max(bare(steps), initial=0)
    if longest > shape[0]:
        raise ShapeError(f"ctc_loss: input_lengths has {longest}, but log_probs has only {shape[0]} times")
    rows = _matrix_of(as_array(unwrap(targets)), counts, n)
    rows = np.where(np.arange(rows.shape[1]) < np.expand_dims(counts, 1), rows, blank)
    seen = bare(rows)
    if seen.size and (seen.min() < 0 or seen.max() >= shape[-1]):
        raise BoundsError(
            f"ctc_loss: targets go from {seen.min()} to {seen.max()}, but classes from 0 to {shape[-1] - 1}"
        )
    losses = ctc_nll(shapes.unsqueeze(x, 1) if single else x, rows, steps, counts, blank)
    if zero_infinity:
        losses = where(np.isinf(unwrap(losses)), 0, losses)
    if reduction == "mean":
        return reductions.mean(arithmetic.div(losses, np.maximum(counts, 1)))
    if reduction == "sum":
        return reductions.sum(losses)
    return losses[0] if single else losses
