"""Padding with what is at the edges: mirrored, repeated, or from the other side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from .casting import clone
from .repetition import constant_pad_nd
from .shapes import integer, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor


def _sources(n: int, low: int, high: int, mode: str) -> Any:
    """For each place of a padded dimension the place from which it comes. ``low`` or ``high`` may be negative."""
    places = np.arange(-low, n + high)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    if mode == "reflect":
        return n - 1 - np.abs(n - 1 - np.abs(places))
    first, last = max(-low, 0), n - max(-high, 0)  # what negative numbers leave is what goes around
    return first + (places - first) % max(last - first, 1)


def _padded_dims(pad: Sequence[int], ndim: int) -> list[tuple[int, int, int]]:
    """The dimensions that ``pad`` changes, and how."""
    pairs = zip(range(ndim - 1, -1, -1), pad[::2], pad[1::2], strict=False)
    return [(dim, low, high) for dim, low, high in pairs if low or high]


_CASES: list[dict[str, Any]] = [
    {"pad": (2, 1), "mode": "reflect"}, {"pad": (4, 1), "mode": "replicate"}, {"pad": (1, 3), "mode": "circular"},
    {"pad": (1, 0, 0, 1), "mode": "reflect"}, {"pad": (2, 2, 1, 2), "mode": "replicate"},
    {"pad": (0, 3, 2, 2), "mode": "circular"}, {"pad": (-1, 2), "mode": "circular"},
    {"pad": (-1, 1), "mode": "reflect"}, {"pad": (2, -1), "mode": "replicate"}, {"pad": (-1, -1), "mode": "reflect"},
]  # fmt: skip


@op(
    x=lambda g, x_shape, pad, mode: fold_edges.kernel(g, x_shape, pad, mode),
    tied=True,
    jvp="linear",
    samples=[case(x=reals(shape=(2, 3)), **arguments) for arguments in _CASES],
)
def pad_edges(x: Any, pad: Sequence[int], mode: str) -> Any:
    """``x`` with elements added before and after the last dimensions, as ``pad`` says."""
    for dim, low, high in _padded_dims(pad, x.ndim):
        x = np.take(x, _sources(x.shape[dim], low, high, mode), dim)
    return x


@op(
    x=lambda g, pad, mode: pad_edges.kernel(g, pad, mode),
    jvp="linear",
    samples=[
        case(x=reals(shape=pad_edges.op.forward(np.zeros((2, 3)), **arguments).shape), shape=(2, 3), **arguments)
        for arguments in _CASES
    ],
)
def fold_edges(x: Any, shape: Sequence[int], pad: Sequence[int], mode: str) -> Any:
    """What was added is added up onto the places of ``shape`` from which it came: the transpose of ``pad_edges``."""
    kind = x.dtype
    if kind == np.float16:
        x = x.astype(np.float32)
    for dim, low, high in reversed(_padded_dims(pad, len(shape))):
        n = shape[dim]
        sources = _sources(n, low, high, mode)
        out = np.zeros((*x.shape[:dim], n, *x.shape[dim + 1 :]), x.dtype, like=x)
        front: Any = (slice(None),) * dim
        first, last = max(-low, 0), n - max(-high, 0)
        before, after = max(low, 0), max(low, 0) + last - first
        out[(*front, slice(first, last))] = x[(*front, slice(before, after))]
        for part in (slice(0, before), slice(after, None)):
            into, added = sources[part], x[(*front, part)]
            if mode == "replicate" and len(into):  # all come from one place
                into, added = into[:1], np.add.reduce(added, dim, keepdims=True)
            out[(*front, into)] += added
        x = out
    return x.astype(kind, copy=False)


def _check(shape: tuple[int, ...], pad: Sequence[int], mode: str) -> None:
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ShapeError(f"pad: expected pairs, at most one for each size in {shape}, got {tuple(pad)}")
    for dim, low, high in _padded_dims(pad, len(shape)):
        n = shape[dim]
        left = n + min(low, 0) + min(high, 0)
        most = {"reflect": n - 1, "circular": left}.get(mode, max(low, high))
        if max(low, high) > most or left < 0 or (n < 1 and max(low, high) > 0):
            raise ShapeError(
                f"pad: {(low, high)} is too much for dimension {dim} of shape {shape}: with mode {mode!r} at most "
                f"{max(most, 0)} can be added on a side, and no more cut off than there is"
            )


@composed(
    inputs=("x",),
    samples=[
        case(x=reals(shape=(2, 3)), pad=(1, 2), value=0.5), case(x=reals(shape=(2, 3)), pad=(-1, 1, 1, 0)),
        case(x=reals(shape=(2, 3)), pad=(1, 2), mode="reflect"),
        case(x=reals(shape=(2, 3)), pad=(1, 2, 2, 1), mode="replicate"),
        case(x=reals(shape=(2, 3)), pad=(1, 2, 2, 1), mode="circular"),
    ],
)  # fmt: skip
def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """``x`` with elements added (or, for negative numbers, cut off) before and after the last dimensions.

    Args:
        x: an array.
        pad: how many before and after the last dimension, then those of the last but one, and so on.
        mode: ``"constant"``; ``"reflect"``: mirrored without the edge itself; ``"replicate"``: the edge repeated;
            ``"circular"``: from the other side.
        value: the constant, 0 by default.

    Raises: ShapeError; ValueError for another mode, or a value with one that has none.

    >>> import autograd
    >>> import nn.functional as F
    >>> F.pad(autograd.tensor([1.0, 2.0, 3.0]), (1, 2), mode="circular")
    tensor([3., 1., 2., 3., 1., 2.])
    """
    pad = tuple([integer(n, "an element of pad") for n in pad])
    if mode == "constant":
        return constant_pad_nd(x, pad, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise ArgumentError(f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value:
        raise ArgumentError(f"pad: mode {mode!r} takes no value, got {value}")
    _check(tuple(shape_of(x)), pad, mode)
    return pad_edges(x, pad, mode) if any(pad) else clone(x)
