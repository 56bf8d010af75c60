"""Hosting: until gradients are written, their arrays hold buffers of the forward and backward passes.

An eager step frees the gradients of the step before and takes the memory for what it computes. A program keeps them
(see ``keeping``); so that it needs no more memory than that, buffers that are not needed any more when a gradient is
written lie where it will lie. The gradients of the call before are lost when the program begins to overwrite them. The
function itself would have dropped them before, or else nothing is hosted; until the end the parameters have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .memory import Plan, placed
from .program import Program
from .values import Check, Instruction, Storage, Value

__all__ = ["Area", "areas_of", "hosted", "kept_before"]

LEAST = 1 << 15
"""Bytes of a buffer that is worth its name: as the arrays of gradients are not always the same, it is passed on."""
_ALIGNED = 64


class Area(NamedTuple):
    """Memory that is free at first.

    Attributes:
        whole: the array; offset, size: which bytes of it.
        until: the number of the item by which they are written.
    """

    whole: Value
    offset: int
    size: int
    until: int


def areas_of(program: Program, plan: Plan, gradients: Iterable[Storage]) -> list[Area]:
    """The memory of gradients, and what else is a part of their buffers: up to where in the program it is free."""
    first: dict[Storage, tuple[int, Value]] = {}
    found: list[Area] = []
    for i, item in enumerate(program.items):
        for made in item.makes() if isinstance(item, Instruction) and item.kind == "call" else ():
            first.setdefault(made.storage, (plan.begin_of(i), made))
    wholes = {plan.parts[storage][0] for storage in gradients if storage in plan.parts}
    parts = [storage for storage, (whole, _) in plan.parts.items() if whole in wholes]
    for storage in dict.fromkeys([*gradients, *parts]):
        until, made = first[storage]
        whole, place = plan.parts.get(storage, (made, 0))
        start = place * made.dtype.itemsize
        offset = -(-start // _ALIGNED) * _ALIGNED
        size = start + made.array.nbytes - offset
        if whole.array.flags.c_contiguous and size >= LEAST:
            found.append(Area(whole, offset, size, until))
    return found


def kept_before(program: Program) -> int:
    """The number of the last check at which the function may still need the gradients of the call before; or -1."""
    held = [i for i, item in enumerate(program.items) if isinstance(item, Check) and not item.dropped]
    return max(held, default=-1)


def hosted(
    areas: Sequence[Area], spans: dict[int, tuple[int, int]], sizes: list[int], after: int
) -> dict[int, tuple[Value, int]]:
    """For pieces of memory the arrays in which they will lie, with the offsets: as many as lower the peak.

    Args:
        areas: where there is room.
        spans: for each piece its number, and from which item up to which it is needed.
        sizes: bytes of the pieces by number.
        after: only pieces that are needed from a later item on.
    """
    guests: list[dict[int, tuple[int, int]]] = [{} for _ in areas]
    rest = dict(spans)
    able = {pool for pool, (first, _) in spans.items() if first > after and sizes[pool] >= LEAST}
    while True:
        for pool in sorted(_at_peak(rest, sizes) & able, key=lambda pool: (-sizes[pool], pool)):
            fits = [i for i, area in enumerate(areas) if _fits(pool, area, guests[i], spans, sizes)]
            if fits:
                guests[min(fits, key=lambda i: areas[i].size)][pool] = rest.pop(pool)
                break
            able.remove(pool)
        else:
            break
    found: dict[int, tuple[Value, int]] = {}
    for area, inside in zip(areas, guests, strict=True):
        found.update({pool: (area.whole, area.offset + at) for pool, at in placed(inside, sizes)[1].items()})
    return found


def _fits(pool: int, area: Area, inside: dict[int, Any], spans: dict[int, Any], sizes: list[int]) -> bool:
    """Whether there is room for a piece of memory beside others."""
    if spans[pool][1] >= area.until or sizes[pool] > area.size:
        return False
    return placed({**inside, pool: spans[pool]}, sizes)[0] <= area.size


def _at_peak(spans: dict[int, tuple[int, int]], sizes: list[int]) -> set[int]:
    """The pieces that are needed when most memory is."""
    moments = {first for first, _ in spans.values()}
    alive = [{pool for pool, (first, last) in spans.items() if first <= at <= last} for at in sorted(moments)]
    found: set[int] = max(alive, key=lambda pools: sum(sizes[pool] for pool in pools), default=set())
    return found
