"""How a kernel moves over an array, and where an array lies in itself padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Geometry", "unpadded", "padded"]


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
