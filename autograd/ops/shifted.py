"""Convolutions of a stride of 1 as sums of shifted products, for plain arrays with few channels in a group.

A padded image read as one line has all windows of such a kernel at equal distances: an element of the kernel is a
shift. So what is copied, multiplied and added are long runs, where windows are many short ones. Lines go on beyond the
last place of each row; what is found there belongs to no window and is left out at the end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.blocks import shared
from .axes import wide_dtype
from .geometry import Geometry, Lines, padded

__all__ = ["convolve", "pays", "weight_gradient"]

PIECE = 1 << 19
"""Elements that are worked on at a time."""
LEAST = 1 << 14
"""With fewer elements the calls cost more than the work."""
LONG = 512, 96
"""Shorter lines are better joined with those of other images, as rows of windows are: without groups, and with some."""
MANY = 127, 192
"""With more channels (times the kernel's width) and outputs, moving memory is little beside the products."""
FEW = 8
"""With fewer channels, and no groups, there is less to copy than to add."""
_SINGLE = 1 << 18
"""A matrix product of fewer multiplications is computed in one thread."""
_AT_ONCE = 1_000_000
"""The multiplications of a matrix product that needs no copies of its factors."""


def pays(x: Any, others: Sequence[Any], weights: Sequence[int], geometry: Geometry, groups: int) -> bool:
    """Whether to convolve ``x`` so; ``weights`` is the weight's shape, ``others`` are the other arrays, or None."""
    if x.size < LEAST or max(geometry.stride) > 1:
        return False
    if any(array is not None and type(array) is not np.ndarray for array in (x, *others)):
        return False
    each, channels, *kernel = weights
    if len(kernel) < 2 or math.prod(kernel) == 1 or (groups == 1 and channels < FEW):
        return False
    if groups == 1 and len(kernel) == 2 and max(geometry.dilation) == 1:
        return False  # the usual ones: compiled programs give the same numbers, digit for digit
    length, wide = math.prod(padded(x.shape[2:], geometry.padding)), channels * kernel[-1]
    each //= groups
    return each <= wide <= MANY[groups > 1] - each and length >= LONG[groups > 1]


def _pieces(images: int, groups: int, elements: int) -> tuple[list[slice], list[slice]]:
    """How images and groups are cut, of each of which ``elements`` are kept."""
    most = max(PIECE // max(elements, 1), 1)
    return (
        (_cut(images, most // groups), [slice(0, groups)]) if most >= groups else (_cut(images, 1), _cut(groups, most))
    )


def _cut(n: int, most: int) -> list[slice]:
    """Slices of ``range(n)``, about equal and not longer than ``most``."""
    size = -(-n // max(-(-n // most), 1))
    return [slice(first, min(first + size, n)) for first in range(0, n, size)] if n else []


class _Worker:
    """Works on one piece after the other, in arrays that are made anew for a piece of another size only."""

    size: Any = None

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def _is_new(self, piece: Any) -> bool:
        """Whether the piece is of another size than the last; how many images and groups it has."""
        before, self.size = self.size, tuple([part.stop - part.start for part in piece])
        return bool(self.size != before)

    def _framed(self, images: Any, frame: Any) -> Any:
        """Images as padded lines."""
        frame[self.lines.inside] = images
        return np.reshape(frame, (*frame.shape[:3], self.lines.length))


def _share(pieces: Sequence[Any], start: Any, multiplications: int) -> None:
    """Do the work on all pieces; in threads if each product is of so few multiplications that it is computed in one."""
    if multiplications < _SINGLE:
        shared(pieces, start)
        return
    work = start()
    for piece in pieces:
        work(piece)


# ---- the convolution -------------------------------------------------------------------------------------------------


def convolve(x: Any, weight: Any, bias: Any, geometry: Geometry, groups: int) -> Any:
    """``columns.convolve`` for a stride of 1: copies along the last dimension are multiplied, the products added."""
    lines = Lines(x.shape[2:], weight.shape[2:], geometry)
    each, channels, wide = weight.shape[0] // groups, weight.shape[1], wide_dtype(x.dtype)
    width, height = len(lines.across), len(lines.down)
    out = np.empty((len(x), groups, each, *lines.places), x.dtype)
    images = np.reshape(x, (len(x), groups, channels, *x.shape[2:]))
    factor = np.reshape(weight, (groups, each, channels, height, width)).astype(wide, copy=False)
    factor = np.reshape(np.transpose(factor, (0, 3, 1, 4, 2)), (groups, height * each, width * channels))
    added = None if bias is None else np.reshape(bias, (groups, each, *(1,) * len(lines.places)))
    some = _pieces(len(x), groups, lines.length * (channels * (width + 1) + each * (height + 1)))
    _share(
        list(itertools.product(*some)),
        lambda: _Convolver(lines, images, factor, added, out),
        factor[0].size * lines.reach,
    )
    return np.reshape(out, (len(x), groups * each, *lines.places))


class _Convolver(_Worker):
    """Convolves pieces of ``images`` with ``factor``, into ``out``; ``bias`` is added."""

    def __init__(self, lines: Lines, images: Any, factor: Any, bias: Any, out: Any) -> None:
        super().__init__(lines)
        self.images, self.factor, self.bias, self.out = images, factor, bias, out

    def _make_room(self) -> None:
        lines, wide, channels, each = self.lines, self.factor.dtype, self.images.shape[2], self.out.shape[2]
        self.frame = np.zeros((*self.size, channels, *lines.padded), wide)
        self.columns = np.empty((*self.size, len(lines.across), channels, lines.reach), wide)
        self.products = np.empty((*self.size, len(lines.down), each, lines.reach), wide)
        self.total = np.empty((*self.size, each, *lines.rows), wide)

    def __call__(self, piece: Any) -> None:
        """Convolve some groups of some images."""
        if self._is_new(piece):
            self._make_room()
        lines, columns, products, total = self.lines, self.columns, self.products, self.total
        line = self._framed(self.images[piece], self.frame)
        for i, shift in enumerate(lines.across):
            columns[:, :, i] = line[..., shift : shift + lines.reach]
        columns, flat = [np.reshape(a, (*self.size, -1, lines.reach)) for a in (columns, products)]
        np.matmul(self.factor[piece[1]], columns, out=flat)
        sums = np.reshape(total, (*total.shape[:3], -1))[..., : lines.used]
        first, *rest = [products[:, :, i, :, shift : shift + lines.used] for i, shift in enumerate(lines.down)]
        for part in rest:
            first = np.add(first, part, out=sums)
        if not rest:
            sums[...] = first
        target = self.out[piece]
        target[...] = total[lines.seen]
        if self.bias is not None:
            target += self.bias[piece[1]]


# ---- the gradient of its weight --------------------------------------------------------------------------------------


def weight_gradient(x: Any, g: Any, kernel: tuple[int, ...], geometry: Geometry, groups: int) -> Any:
    """``columns.weight_gradient`` for a stride of 1: a product of lines for each element of the kernel, without copies.

    None where it is not finite: what lies beside the places, times zero, would be NaN.
    """
    lines = Lines(x.shape[2:], kernel, geometry)
    each, channels, wide = g.shape[1] // groups, x.shape[1] // groups, wide_dtype(x.dtype)
    images = np.reshape(x, (len(x), groups, channels, *x.shape[2:]))
    places = np.reshape(g, (len(x), groups, each, *lines.places))
    total = np.zeros((len(lines.down) * len(lines.across), groups, each, channels), wide)
    some, of_groups = _pieces(len(x), groups, lines.length * (channels + each))
    pieces = [[(part, of) for part in some] for of in of_groups]
    with np.errstate(over="ignore", invalid="ignore"):
        _share(pieces, lambda: _Weigher(lines, images, places, total), each * channels * lines.used)
    if not np.isfinite(total).all():
        return None
    total = np.reshape(np.moveaxis(total, 0, -1), (groups * each, channels, *kernel))
    return total.astype(x.dtype, order="C", copy=False)


class _Weigher(_Worker):
    """Adds the products of pieces of ``images`` and ``places`` to ``total``."""

    def __init__(self, lines: Lines, images: Any, places: Any, total: Any) -> None:
        super().__init__(lines)
        self.images, self.places, self.total = images, places, total

    def __call__(self, pieces: Any) -> None:
        """Add up some groups of all images: in the same order each time, whatever the number of threads."""
        for piece in pieces:
            self._add(piece)

    def _add(self, piece: Any) -> None:
        lines, channels, each = self.lines, self.images.shape[2], self.places.shape[2]
        if self._is_new(piece):
            self.frame = np.zeros((*self.size, channels, *lines.padded), self.total.dtype)
            self.rows = np.zeros((*self.size, each, *lines.rows), self.total.dtype)
        line = np.swapaxes(self._framed(self.images[piece], self.frame), 2, 3)
        self.rows[lines.seen] = self.places[piece]
        rows = np.reshape(self.rows, (*self.rows.shape[:3], -1))[..., : lines.used]
        run = max(_AT_ONCE // (each * channels), 1)
        for total, shift in zip(self.total[:, piece[1]], lines.shifts, strict=True):
            for first in range(0, lines.used, run):
                last = min(first + run, lines.used)
                part = np.matmul(rows[..., first:last], line[:, :, first + shift : last + shift])
                total += np.add.reduce(part, 0)
