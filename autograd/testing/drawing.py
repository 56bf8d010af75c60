"""The arguments of an op from its ``samples`` and a seed: the numbers behind the strategies, without Hypothesis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..samples import Case, Domain
from .subject import Arguments, Slot, Subject

__all__ = ["MAX_DIMS", "MAX_SIDE", "TYPICAL", "draw_arguments", "draw_edges", "draw_shapes"]

MAX_SIDE = 3
MAX_DIMS = 2
TYPICAL = (2, 3)
"""A shape that shows mistakes with axes."""


def draw_shapes(count: int, seed: int) -> list[tuple[int, ...]]:
    """Shapes, none of them empty, that broadcast together: for the slots of a case whose shapes are free."""
    rng = np.random.default_rng(seed)
    full = tuple(
        int(side) for side in rng.integers(1, MAX_SIDE, int(rng.integers(0, MAX_DIMS, endpoint=True)), endpoint=True)
    )
    shapes = []
    for _ in range(count):
        sides = [side if rng.random() < 0.7 else 1 for side in full]
        shapes.append(tuple(sides[int(rng.integers(0, len(full), endpoint=True)) if rng.random() < 0.3 else 0 :]))
    return shapes


def draw_arguments(subject: Subject, case: Case, slots: list[Slot], shapes: Sequence[Any], seed: int) -> Arguments:
    """The call that ``seed`` stands for, with numbers from a shuffled lattice."""
    rng = np.random.default_rng(seed)
    floating = [n for n, slot in enumerate(slots) if slot.domain.kind == "f"]
    count = sum(math.prod(shapes[n]) for n in floating)
    lattice = _Lattice(rng, [slots[n].domain for n in floating], count)
    raw = [
        lattice.take(slot.domain, shape) if slot.domain.kind == "f" else _whole(rng, slot.domain, shape)
        for slot, shape in zip(slots, shapes, strict=True)
    ]
    return Arguments(subject, case, slots, raw, lattice.width, seed)


def draw_edges(subject: Subject, case: Case, slots: list[Slot], shapes: Sequence[Any], seed: int) -> Arguments:
    """The call that ``seed`` stands for, with numbers from a few points of a lattice."""
    rng = np.random.default_rng(seed)
    floating = [n for n, slot in enumerate(slots) if slot.domain.kind == "f"]
    # of three and more inputs (a value and its bounds, say) the roles differ: there equal numbers stand within one
    keys = {n: (slots[n].domain, n if len(floating) > 2 else 0) for n in floating}
    distinct = list(dict.fromkeys(keys.values()))
    lattice = _Lattice(rng, [domain for domain, _ in distinct], 3 * len(distinct))
    # few binary digits: sums of equal numbers are exact, and their mean is that number
    grid = 2.0 ** np.floor(np.log2(lattice.width / 8)) if lattice.width > 0 else 1.0
    pools = {key: np.round(lattice.take(key[0], (3,)) / grid) * grid for key in distinct}
    raw = [
        rng.choice(pools[keys[n]], shape) if n in keys else _whole(rng, slot.domain, shape)
        for n, (slot, shape) in enumerate(zip(slots, shapes, strict=True))
    ]
    return Arguments(subject, case, slots, [np.asarray(array) for array in raw], lattice.width, seed)


def _whole(rng: np.random.Generator, domain: Domain, shape: tuple[int, ...]) -> Any:
    drawn = np.asarray(rng.integers(int(domain.low), int(domain.high), shape, endpoint=True), np.int64)
    return drawn.astype(np.bool_) if domain.kind == "b" else drawn


class _Lattice:
    """Cells of one width on the real line; each gives at most one number, from its inner half."""

    def __init__(self, rng: np.random.Generator, domains: Sequence[Domain], count: int) -> None:
        self.rng = rng
        widths = [(d.high - d.low) / (count + 2 * len(_inside(d)) + 3) for d in domains]
        self.width = float(min(widths, default=1.0))
        self.origin = float(rng.uniform(0, self.width)) if self.width > 0 else 0.0
        self.used: set[int] = set()

    def take(self, domain: Domain, shape: tuple[int, ...]) -> Any:
        """Numbers of ``domain``, away from its bounds and the points that it avoids."""
        count = math.prod(shape)
        if not self.width > 0:
            return np.full(shape, float(domain.low))
        first = int(np.ceil((domain.low - self.origin) / self.width))
        last = int(np.floor((domain.high - self.origin) / self.width))
        barred = {int(np.floor((point - self.origin) / self.width)) for point in _inside(domain)}
        if (last - first) > 4096:  # much wider than the narrowest domain: no need to list all its cells
            cells: Any = self.rng.choice(
                last - first, min(4096, count + len(self.used) + len(barred) + 8), replace=False
            )
            cells = cells + first
        else:
            cells = self.rng.permutation(np.arange(first, last))
        free = [int(cell) for cell in cells if int(cell) not in self.used and int(cell) not in barred][:count]
        self.used.update(free)
        jitter = self.rng.uniform(0.25, 0.75, count)
        return (self.origin + (np.array(free, np.float64).reshape(count) + jitter) * self.width).reshape(shape)


def _inside(domain: Domain) -> list[float]:
    return [point for point in domain.avoid if domain.low <= point <= domain.high]
