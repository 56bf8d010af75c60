"""Embeddings: rows of a matrix, by their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op, unwrap
from ..engine.failures import explained
from ..engine.foreign import ForeignArray, as_array, bare, everywhere
from ..engine.modes import Mode
from ..engine.nodes import Handle, new_tensor
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic
from ._foreign import foreign
from .norms import norm
from .selection import keep, where
from .shapes import also_named, integer, reshape

if TYPE_CHECKING:
    from .._tensor import Tensor


def check_range(name: str, what: str, indices: Any, size: int) -> None:
    """Raise IndexError unless all ``indices`` lie in ``range(size)``, DtypeError unless they are integers.

    ``name``, of the function, is empty in the forward of an op, whose errors are given its name and inputs later.
    """
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"{name}expected integers to name each {what}, got {indices.dtype}; convert with .long()")
    indices = bare(indices)
    if isinstance(indices, (np.ndarray, np.generic)) and indices.size:
        low, high = indices.min(), indices.max()
        if low < 0 or high >= size:
            raise (BoundsError if name else IndexError)(
                f"{name}{what} {low if low < 0 else high} is out of range: there are {size}, from 0 to {size - 1}"
            )


def _selected(index: Any, rows: int, dtype: Any) -> Any:
    """The sparse matrix (rows, entries) with a 1 for each entry in the row that it belongs to."""
    from scipy.sparse import csc_array

    ones = np.ones(len(index), np.float32 if dtype.itemsize == 2 else dtype)
    return csc_array((ones, index, np.arange(len(index) + 1)), shape=(rows, len(index)))


@foreign
def _sums(index: Any, x: Any, rows: int) -> Any:
    """For each of ``rows`` rows the sum of the vectors of ``x`` that belong to it."""
    if len(index) <= rows <= 4 * len(index) and index.dtype.kind == "i" and np.bincount(index).max() == 1:
        out = np.zeros((rows, x.shape[1]), x.dtype)  # every row at most once, as with positions in a text
        out[index] = x
        return out
    return np.asarray(_selected(index, rows, x.dtype) @ x, x.dtype)


_IDS = np.array([[2, 0, 2], [1, 2, 0]])


def _taken_rows(g: Any, index: Any, padding_idx: int | None) -> Any:
    rows = embedding_.kernel(index, g)
    return rows if padding_idx is None else keep.kernel(rows, np.expand_dims(index != padding_idx, -1))


@op(
    x=_taken_rows,
    constants=("index",),
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 3, 2)), index=_IDS, rows=4),
        case(x=reals(shape=(2, 3, 2)), index=_IDS, rows=3, padding_idx=0),
    ],
)  # fmt: skip
def add_rows(x: Any, index: Any, rows: int, padding_idx: int | None = None) -> Any:
    """Zeros of ``rows`` rows, with the vectors ``x`` added to the rows ``index`` (but to the row ``padding_idx``)."""
    size = x.shape[-1]
    index, x = np.reshape(index, -1), np.reshape(x, (index.size, size))
    if isinstance(x, np.ndarray) and x.size >= 4096:
        out = _sums(index, x, rows)  # ten times as fast as np.add.at
    else:
        out = np.zeros((rows, size), x.dtype, like=np.asanyarray(x))
        np.add.at(out, index, x)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


def _embed_rule(
    g: Any, x: Any, weight_shape: tuple[int, ...], padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    if scale_grad_by_freq:
        counts = _sizes(np.reshape(x, -1), weight_shape[0])
        g = g / np.expand_dims(np.take(counts, x), -1).astype(g.dtype)
    return add_rows.kernel(g, x, weight_shape[0], padding_idx)


@op(weight=_embed_rule, constants=("x",), jvp="linear", samples=[
    case(x=_IDS, weight=reals(shape=(4, 2))), case(x=np.array(1), weight=reals(shape=(3, 2))),
])  # fmt: skip
def embedding_(x: Any, weight: Any, padding_idx: int | None = None, scale_grad_by_freq: bool = False) -> Any:
    """The rows ``x`` of ``weight``."""
    check_range("", "index", x, weight.shape[0])
    return np.take(weight, x, 0)


@composed()
def embedding(
    x: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` with the numbers ``x``.

    Args:
        x: integers.
        weight: a matrix.
        padding_idx: a row that gets no gradient.
        max_norm: rows that are used and longer than this are shortened to it first, in place.
        norm_type: the exponent of that norm.
        scale_grad_by_freq: divide the gradient of each row by how often it was used.
        sparse: must be False: gradients are dense.

    Raises: IndexError, DtypeError; ShapeError if the weight is not a matrix; ValueError for ``sparse=True``.

    >>> import autograd
    >>> import nn.functional as F
    >>> F.embedding(autograd.tensor([2, 0]), autograd.eye(3))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    index, padding_idx = _prepared("embedding", x, weight, padding_idx, max_norm, norm_type, sparse)
    return embedding_(index, weight, padding_idx, scale_grad_by_freq)


def _prepared(
    name: str, x: Any, weight: Any, padding_idx: int | None, max_norm: float | None, norm_type: float, sparse: bool
) -> tuple[Any, int | None]:
    """The indices, and ``padding_idx`` counted from the front; rows that are too long have been shortened."""
    if sparse:
        raise ArgumentError(
            f"{name}: there are no sparse gradients; leave out sparse=True, the dense ones are the same"
        )
    if weight.ndim != 2:
        raise ShapeError(f"{name}: the weight must be a matrix (rows, size), got shape {tuple(weight.shape)}")
    index = x if hasattr(x, "dtype") else np.asanyarray(x)
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise BoundsError(f"{name}: padding_idx {padding_idx} is out of range: there are {rows} rows")
    if max_norm is not None:
        with Mode(grad=False):
            used = unwrap(index).reshape(-1)  # each as often as it is there: their number is known beforehand
            check_range(f"{name}: ", "index", used, rows)
            there = weight[used]
            lengths = unwrap(norm(there, norm_type, -1))
            longer = lengths > max_norm
            if np.any(bare(longer)):
                factors = np.where(longer, max_norm / (lengths.astype(np.float64) + 1e-7), 1).astype(weight.dtype)
                weight[used] = there * np.expand_dims(factors, -1)
    return index, None if padding_idx is None else padding_idx % rows


# ---- bags ------------------------------------------------------------------------------------------------------------


def _bags(index: Any, offsets: Any, include_last_offset: bool) -> tuple[Any, int]:
    """For each entry of a 1-d ``index`` the number of its bag, and how many bags there are."""
    offsets = as_array(unwrap(offsets))
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu":
        raise ShapeError(
            f"embedding_bag: offsets must be a 1-d tensor of integers, got {offsets.dtype} of shape {offsets.shape}"
        )
    ends = np.append(offsets, len(index)) if not include_last_offset else offsets
    if not len(ends):
        raise ArgumentError(
            "embedding_bag: include_last_offset=True needs at least one offset, the end of the last bag"
        )
    lengths = np.diff(ends)
    if not (everywhere(ends[0] == 0) and everywhere(lengths >= 0) and everywhere(ends[-1] == len(index))):
        raise ArgumentError(
            f"embedding_bag: offsets {bare(offsets).tolist()} must start with 0 and not fall, and with the bags that "
            f"they begin cover the {len(index)} indices"
        )
    if isinstance(lengths, ForeignArray):  # bags of other lengths in each example
        return np.searchsorted(ends[1:], np.arange(len(index)), side="right"), len(lengths)
    return np.repeat(np.arange(len(lengths), like=lengths), lengths), len(lengths)


def _sizes(owner: Any, bags: int) -> Any:
    """How many entries each bag has."""
    if isinstance(owner, ForeignArray):
        return np.count_nonzero(np.expand_dims(owner, 1) == np.arange(bags), axis=0)
    return np.bincount(owner, minlength=bags)


def _largest(rows: Any, owner: Any, bags: int) -> Any:
    """The largest element in each column of the rows of each bag; 0 for an empty bag."""
    size = rows.shape[1]
    if not len(owner):
        return add_rows(rows, owner, bags)
    values = unwrap(rows)
    length = len(owner) // max(bags, 1)
    if length * bags == len(owner) and everywhere(np.reshape(owner, (bags, length)) == np.arange(bags)[:, None]):
        first = np.argmax(np.reshape(values, (bags, length, size)), 1)  # of NaNs, too, the first
        return np.take_along_axis(rows, first + np.arange(0, len(owner), length)[:, None], 0)
    if isinstance(owner, ForeignArray):
        inside = np.expand_dims(owner == np.arange(bags)[:, None], 2)
        first = np.argmax(np.where(inside, values, -np.inf), 1)
        return where(np.any(inside, 1), np.take_along_axis(rows, first, 0), 0)
    full, starts = np.unique(owner, return_index=True)
    best = np.maximum.reduceat(values, starts, axis=0)
    number = np.empty(bags, np.int64, like=full)
    number[full] = np.arange(len(full))
    at = best[number[owner]]
    places = np.where((values == at) | np.isnan(values), np.arange(len(owner))[:, None], len(owner))
    first = np.minimum.reduceat(places, starts, axis=0)
    found = np.take_along_axis(rows, first, 0)
    return found if len(full) == bags else add_rows(reshape(found, (len(full), size)), full, bags)


@composed(inputs=("weight", "per_sample_weights"), samples=[
    case(x=_IDS, weight=reals(shape=(4, 2)), mode="sum", per_sample_weights=reals(shape=(2, 3))),
    case(x=_IDS, weight=reals(shape=(4, 2)), padding_idx=0),
    case(x=_IDS.ravel(), weight=reals(shape=(4, 2)), offsets=np.array([0, 0, 4]), mode="max"),
    case(x=_IDS.ravel(), weight=reals(shape=(4, 2)), offsets=np.array([0, 2, 2, 6]), include_last_offset=True),
])  # fmt: skip
def embedding_bag(
    x: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima over bags of rows of ``weight``; zeros for an empty bag.

    Args:
        x: integers: a row for each bag, or all bags in one line.
        weight: a matrix.
        offsets: where each bag begins, if ``x`` is a line.
        max_norm: rows that are used and longer than this are shortened to it first, in place.
        norm_type: the exponent of that norm.
        scale_grad_by_freq: divide the gradient of each row by how often it was used.
        mode: ``"sum"``, ``"mean"`` or ``"max"`` (the first of equal ones gets the gradient).
        sparse: must be False: gradients are dense.
        per_sample_weights: factors of the rows, of the shape of ``x``; for sums only.
        include_last_offset: ``offsets`` ends with the end of the last bag.
        padding_idx: a row that does not count and gets no gradient.

    Shape: (bags, n), or (entries,) with offsets (bags,); weight (rows, size) -> (bags, size).

    Raises: ShapeError, IndexError, DtypeError; ValueError for arguments that do not go together.
    """
    if mode not in ("sum", "mean", "max"):
        raise ArgumentError(f"embedding_bag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise ArgumentError("embedding_bag: mode='max' has no scale_grad_by_freq")
    if per_sample_weights is not None and mode != "sum":
        raise ArgumentError(f"embedding_bag: per_sample_weights are for mode='sum', got mode={mode!r}")
    index = x._data if isinstance(x, Handle) else np.asanyarray(x)
    if index.ndim not in (1, 2) or (index.ndim == 1) != (offsets is not None):
        raise ShapeError(
            f"embedding_bag: expected indices of two dimensions without offsets or of one with them, got shape "
            f"{index.shape} {'without' if offsets is None else 'with'} offsets"
        )
    if per_sample_weights is not None and tuple(per_sample_weights.shape) != index.shape:
        raise ShapeError(
            f"embedding_bag: per_sample_weights have shape {tuple(per_sample_weights.shape)}; expected {index.shape}"
        )
    if offsets is None:
        owner, bags = np.repeat(np.arange(len(index)), index.shape[1]), len(index)
    else:
        owner, bags = _bags(index, offsets, include_last_offset)
    index, padding_idx = _prepared("embedding_bag", index, weight, padding_idx, max_norm, norm_type, sparse)
    index = index.reshape(-1)
    counted, every = None, bags
    if padding_idx is not None and (isinstance(index, ForeignArray) or isinstance(owner, ForeignArray)):
        owner, every = np.where(index == padding_idx, bags, owner), bags + 1  # a bag for what does not count
    elif padding_idx is not None:
        counted = np.flatnonzero(index != padding_idx)
        index, owner = index[counted], owner[counted]
    rows = embedding_(index, weight, padding_idx, scale_grad_by_freq)
    if per_sample_weights is not None:
        factors = reshape(per_sample_weights, (-1, 1))
        rows = arithmetic.mul(rows, factors if counted is None else embedding_(counted, factors))
    total = _largest(rows, owner, every) if mode == "max" else add_rows(rows, owner, every)
    if every > bags:
        total = total[:bags]
    if mode != "mean":
        return total
    return arithmetic.div(total, np.expand_dims(np.maximum(_sizes(owner, bags), 1), 1).astype(total.dtype))


@also_named(input="tensor")
@explained
def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """int64 vectors with a 1 at the place that ``tensor`` says, of ``num_classes`` elements (-1: as many as needed).

    Raises: IndexError, DtypeError; ValueError if ``tensor`` is empty and ``num_classes`` is left out.

    >>> import autograd
    >>> import nn.functional as F
    >>> F.one_hot(autograd.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    index = tensor._data if isinstance(tensor, Handle) else np.asanyarray(tensor)
    num_classes = integer(num_classes, "num_classes")
    if num_classes == -1:
        if not index.size:
            raise ArgumentError("one_hot: the tensor is empty, so num_classes must be given")
        num_classes = int(index.max()) + 1
    if num_classes < 1:
        raise ArgumentError(f"one_hot: expected at least one class, or -1 for as many as needed, got {num_classes}")
    check_range("one_hot: ", "class", index, num_classes)
    return new_tensor((np.expand_dims(index, -1) == np.arange(num_classes)).astype(np.int64))
