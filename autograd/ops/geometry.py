"""How a kernel moves over an array, and where an array lies in itself padded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["Geometry", "Lines", "padded", "unpadded"]


class Geometry(NamedTuple):
    """How a kernel moves over an array; each a tuple with one item for each of the last dimensions.

    Attributes:
        padding: how many zeros before and after; negative ones cut off.
    """

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    def places(self, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """How many places a kernel has."""
        return tuple([
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, k, s, (low, high), d in zip(sizes, kernel, self.stride, self.padding, self.dilation, strict=True)
        ])  # fmt: skip


def unpadded(sizes: Sequence[int], padding: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    """The place of an array in itself padded."""
    return tuple([slice(low, low + n) for n, (low, _) in zip(sizes, padding, strict=True)])


def padded(sizes: Sequence[int], padding: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The sizes of an array with its padding."""
    return tuple([n + low + high for n, (low, high) in zip(sizes, padding, strict=True)])


class Lines:
    """A padded array read as one line of ``length``, on which a kernel moves with a stride of 1.

    All windows have their elements at equal distances: an element of the kernel is a shift. Of the line, ``used``
    elements are places of the kernel; some of them, where it would reach over the end of a row, are none of its own.

    Attributes:
        across: by how much each element of the kernel's last dimension shifts; ``down``: each of the others.
        shifts: by how much each element of the kernel shifts.
        rows: the shape of a line with all places of the first dimension, as a padded array.
    """

    def __init__(self, sizes: Sequence[int], kernel: Sequence[int], geometry: Geometry) -> None:
        self.places = geometry.places(sizes, kernel)
        self.padded = padded(sizes, geometry.padding)
        self.inside: Any = (..., *unpadded(sizes, geometry.padding))
        self.length = math.prod(self.padded)
        steps = [d * math.prod(self.padded[i + 1 :]) for i, d in enumerate(geometry.dilation)]
        ranges = [range(0, k * step, step) for k, step in zip(kernel, steps, strict=True)]
        self.across = list(ranges[-1])
        self.down = [sum(at) for at in itertools.product(*ranges[:-1])]
        self.shifts = [down + across for down in self.down for across in self.across]
        self.reach = self.length - self.across[-1]
        self.used = self.reach - self.down[-1]
        self.rows = (self.places[0], *self.padded[1:])
        self.seen: Any = (..., *[slice(n) for n in self.places])
