"""Embeddings: rows of a matrix, by their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import composed, op
from ..engine.modes import Mode
from ..engine.nodes import Handle, new_tensor
from ..errors import DtypeError, ShapeError
from ..samples import case, reals
from .norms import norm
from .selection import clamp, keep


def check_range(name: str, what: str, indices: Any, size: int) -> None:
    """Raise IndexError unless all ``indices`` lie in ``range(size)``, DtypeError unless they are integers.

    Only of plain arrays: what watches NumPy's calls must not see a number read out of an array.
    """
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"{name}expected integers as {what}s, got {indices.dtype}; convert with .long()")
    if type(indices) is np.ndarray and indices.size:
        low, high = indices.min(), indices.max()
        if low < 0 or high >= size:
            raise IndexError(
                f"{name}{what} {low if low < 0 else high} is out of range: there are {size}, from 0 to {size - 1}"
            )


_IDS = np.array([[2, 0, 2], [1, 2, 0]])


def _taken_rows(g: Any, index: Any, padding_idx: int | None) -> Any:
    rows = embedding_.kernel(index, g)
    return rows if padding_idx is None else keep.kernel(rows, np.expand_dims(index != padding_idx, -1))


@op(
    x=_taken_rows,
    constants=("index",),
    samples=[
        case(x=reals(shape=(2, 3, 2)), index=_IDS, rows=4),
        case(x=reals(shape=(2, 3, 2)), index=_IDS, rows=3, padding_idx=0),
    ],
)  # fmt: skip
def add_rows(x: Any, index: Any, rows: int, padding_idx: int | None = None) -> Any:
    """Zeros of ``rows`` rows, with the vectors ``x`` added to the rows ``index`` (but to the row ``padding_idx``)."""
    out = np.zeros((rows, x.shape[-1]), x.dtype, like=np.asanyarray(x))
    index, x = np.reshape(index, -1), np.reshape(x, (-1, x.shape[-1]))
    if x.size < 4096:
        np.add.at(out, index, x)
    else:  # many times faster: bring equal indices together and add up what stands side by side
        order = np.argsort(index, kind="stable")
        index = index[order]
        starts = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
        out[index[starts]] = np.add.reduceat(x[order], starts, axis=0)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


def _embed_rule(
    g: Any, x: Any, weight_shape: tuple[int, ...], padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    if scale_grad_by_freq:
        counts = np.bincount(np.reshape(x, -1), minlength=weight_shape[0])
        g = g / np.expand_dims(np.take(counts, x), -1).astype(g.dtype)
    return add_rows.kernel(g, x, weight_shape[0], padding_idx)


@op(weight=_embed_rule, constants=("x",), samples=[
    case(x=_IDS, weight=reals(shape=(4, 2))), case(x=np.array(1), weight=reals(shape=(3, 2))),
])  # fmt: skip
def embedding_(x: Any, weight: Any, padding_idx: int | None = None, scale_grad_by_freq: bool = False) -> Any:
    """The rows ``x`` of ``weight``."""
    if x.dtype.kind in "iuf":
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
) -> Any:
    """The rows of ``weight`` with the numbers ``x``.

    Args:
        x: integers.
        weight: a matrix.
        padding_idx: a row that gets no gradient.
        max_norm: rows that are used and longer than this are shortened to it first, in place.
        norm_type: the exponent of that norm.
        scale_grad_by_freq: divide the gradient of each row by how often it was used.
        sparse: accepted as PyTorch's; gradients are always dense.

    Raises: IndexError, DtypeError; ShapeError if the weight is no matrix.
    """
    if weight.ndim != 2:
        raise ShapeError(f"embedding: the weight must be a matrix (rows, size), got shape {tuple(weight.shape)}")
    index = x if hasattr(x, "dtype") else np.asarray(x)
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise IndexError(f"embedding: padding_idx {padding_idx} is out of range: there are {weight.shape[0]} rows")
    if padding_idx is not None:
        padding_idx %= weight.shape[0]
    if max_norm is not None:
        with Mode(grad=False):
            used = np.unique(index._data if isinstance(index, Handle) else index)
            check_range("embedding: ", "index", used, weight.shape[0])
            lengths = norm(weight[used], norm_type, -1, True)
            weight[used] = weight[used] * clamp(max_norm / (lengths + 1e-7), max=1.0)
    return embedding_(index, weight, padding_idx, scale_grad_by_freq)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """int64 vectors with a 1 at the place that ``tensor`` says, of ``num_classes`` elements (-1: as many as needed).

    Raises: IndexError, DtypeError; ValueError if ``tensor`` is empty and ``num_classes`` is left out.
    """
    index = tensor._data if isinstance(tensor, Handle) else np.asarray(tensor)
    if num_classes == -1:
        if not index.size:
            raise ValueError("one_hot: the tensor is empty, so num_classes must be given")
        num_classes = int(index.max()) + 1
    check_range("one_hot: ", "class", index, num_classes)
    return new_tensor((np.expand_dims(index, -1) == np.arange(num_classes)).astype(np.int64))
