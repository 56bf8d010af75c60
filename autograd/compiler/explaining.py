"""What a program costs: its instructions, its memory, and the time of its parts, measured by running it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .emit import Emitter
from .values import Value

__all__ = ["Explanation", "explain"]

_SECTION = re.compile(r"^( +)# -{12} (\w+) -{12}$")
_END = re.compile(r"^        (# -{12} what stays -{12}|graded = _attach.*|return .*)$")
ROUNDS = 20


class Explanation(NamedTuple):
    """What a program does, and what it costs.

    Attributes:
        name: the function's.
        instructions: how many NumPy calls each part makes; views that are made at each call count, others do not.
        bytes_before, bytes_after: of the results that lie in buffers: one by one, and as they share memory.
        seconds: how long each part takes; empty if it could not be measured.
        recordings: how often the function was recorded; programs: how many there are.
        kernels: how many seconds it took to compile each.
    """

    name: str
    instructions: dict[str, int]
    bytes_before: int
    bytes_after: int
    seconds: dict[str, float]
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
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def explain(emitter: Emitter, recordings: int, programs: int) -> Explanation:
    """Count and measure. Nothing that the function can reach changes: the program runs on copies."""
    counts: Counter[str] = Counter()
    for item in emitter.program.instructions():
        if item.kind != "view" or not emitter.plan.is_static(item.outs):
            counts[item.section] += 1
    plan = emitter.plan
    spent = dict(emitter.seconds)
    took = _measure(emitter)
    return Explanation(emitter.title, dict(counts), plan.before, plan.after, took, recordings, programs, spent)


def _measure(emitter: Emitter) -> dict[str, float]:
    space = {**emitter.namespace, "_clock": time.perf_counter, "_kept": lambda make: make()}
    names, text = _timed(emitter.source)
    exec(compile(text, "<timed program>", "exec"), space)
    step: Callable[..., Any] = space["build"](*[np.array(value.array) for value in emitter.static])
    rng = np.random.default_rng(0)
    values = [_example(value, rng) for value in emitter.parameters]
    values += [number.value for number in emitter.numbers]
    values += [np.random.default_rng(0) for _ in emitter.streams]
    values += [None for _ in emitter.given]
    with np.errstate(all="ignore"):
        try:
            rounds = np.array([np.diff(step(*values)) for _ in range(ROUNDS)])
        except Exception:  # noqa: BLE001 (an index of 0 may be none that fits, a matrix of noise singular)
            return {}
    times: dict[str, float] = {}
    for name, took in zip(names, np.median(rounds, axis=0), strict=True):
        times[name] = times.get(name, 0.0) + float(took)
    return times


def _example(value: Value, rng: Any) -> Any:
    """Some array in the form of a parameter."""
    if value.dtype.kind in "fc":
        return rng.standard_normal(value.shape).astype(value.dtype)
    return np.zeros(value.shape, value.dtype)


def _timed(source: str) -> tuple[list[str], str]:
    """The program's text with a clock at each part, without checks and without what it leaves behind."""
    lines = source.splitlines()
    names: list[str] = []
    made: list[str] = []
    inside = False
    i = 0
    while i < len(lines):
        line = lines[i]
        if line.startswith("    def step("):
            inside = True
            made += [line, "        clocks = []"]
        elif not inside:
            made.append(line)
        elif _END.match(line):
            break
        elif found := _SECTION.match(line):
            names.append(found[2])
            made.append(f"{found[1]}clocks.append(_clock())")
        elif line.startswith("        if ") and (end := _end_of_check(lines, i)):
            i = end
        else:
            made.append(line)
        i += 1
    return names, "\n".join([*made, "        clocks.append(_clock())", "        return clocks", "    return step"])


def _end_of_check(lines: list[str], start: int) -> int:
    """The last line of a check that begins here; 0 if none does."""
    for i in range(start + 1, len(lines)):
        if not lines[i].startswith("            "):
            return 0
        if lines[i].strip() == "return _DEVIATED":
            return i
    return 0
