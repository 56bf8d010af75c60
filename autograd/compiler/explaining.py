"""What a program costs: its instructions, its memory, and the time of its parts and calls."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from .emit import Emitter
from .timing import Cost, call_costs, part_seconds

__all__ = ["Explanation", "explain"]

SHOWN = 5
"""So many calls, those that take longest, are printed."""


class Explanation(NamedTuple):
    """What a program does, and what it costs.

    Attributes:
        name: the function's.
        instructions: how many NumPy calls each part makes; views that are made at each call count, others do not.
        bytes_before, bytes_after: of the results that lie in buffers: one by one, and as they share memory.
        seconds: how long each part takes; empty if it could not be measured.
        costs: what single calls cost (``call``, ``seconds``, ``line``), in their order; empty likewise.
        recordings: how often the function was recorded; programs: how many there are.
        kernels: how many seconds it took to compile each.
    """

    name: str
    instructions: dict[str, int]
    bytes_before: int
    bytes_after: int
    seconds: dict[str, float]
    costs: list[Cost]
    recordings: int
    programs: int
    kernels: dict[str, float]

    def __str__(self) -> str:
        lines = [f"{self.name}: {sum(self.instructions.values())} calls of NumPy, recorded {self.recordings} times"]
        for part, count in self.instructions.items():
            took = f"  {self.seconds[part] * 1e6:10.1f} us" if part in self.seconds else ""
            lines.append(f"  {part:<10} {count:>5} calls{took}")
        lines.append(f"  buffers: {self.bytes_after:,} bytes; {self.bytes_before:,} if none were shared")
        if self.kernels:
            lines.append(f"  kernels: {len(self.kernels)}, compiled in {sum(self.kernels.values()):.2f} s")
        if self.costs:
            lines.append("  most of the time:")
            lines += [f"  {cost}" for cost in sorted(self.costs, key=lambda cost: -cost.seconds)[:SHOWN]]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def explain(emitter: Emitter, recordings: int, programs: int) -> Explanation:
    """Count and measure. Nothing that the function can reach changes: the program runs on copies."""
    counts: Counter[str] = Counter()
    for item in emitter.program.instructions():
        if item.kind != "view" or not emitter.plan.is_static(item.outs):
            counts[item.section] += 1
    return Explanation(
        name=emitter.title,
        instructions=dict(counts),
        bytes_before=emitter.plan.before,
        bytes_after=emitter.plan.after,
        seconds=part_seconds(emitter),
        costs=call_costs(emitter),
        recordings=recordings,
        programs=programs,
        kernels=dict(emitter.seconds),
    )
