"""How long the parts of a program take, and its single calls: it runs on copies, with a clock between them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .emit import Emitter
from .values import Value

__all__ = ["Cost", "call_costs", "part_seconds"]

ROUNDS = 20
_SECTION = re.compile(r"^( +)# -{12} (\w+) -{12}$")
_LINE = re.compile(r"^        # (\S+:\d+)  ")
_STATEMENT = re.compile(r"^        [^\s#]")
_END = re.compile(r"^        (# -{12} what stays -{12}|graded = _attach.*|return .*)$")
_IN_BLOCKS = re.compile(r"^in_blocks\(\w+, (\w+)")
_CALL = re.compile(r"^ {16}(\w+)\(")


class Cost(NamedTuple):
    """What one call of a program costs.

    Attributes:
        call: its text; of a run of calls in blocks, what is called how often.
        seconds: how long it takes.
        line: the line of the user's code that caused it, as "file:line"; empty if that is not known.
    """

    call: str
    seconds: float
    line: str

    def __str__(self) -> str:
        return f"{self.seconds * 1e6:10.1f} us  {self.call}{self.line and f'  ({self.line})'}"


def part_seconds(emitter: Emitter) -> dict[str, float]:
    """How long each part takes; empty if that cannot be measured."""
    clocks = _Clocks(emitter.source, _SECTION)
    times: dict[str, float] = {}
    for name, seconds in zip(clocks.names, _measured(emitter, clocks.text), strict=False):
        part = name.strip("# -")
        times[part] = times.get(part, 0.0) + seconds
    return times


def call_costs(emitter: Emitter) -> list[Cost]:
    """What each call costs, in the program's order; empty if that cannot be measured."""
    clocks = _Clocks(emitter.source, _STATEMENT)
    seconds = _measured(emitter, clocks.text)
    return [
        Cost(name, took, line)
        for name, line, took in zip(clocks.names, clocks.lines, seconds, strict=False)
        if not name.startswith(("def ", '"'))
    ]


def _measured(emitter: Emitter, text: str) -> list[float]:
    """The seconds between one clock and the next, in the median of some runs; none if a run fails."""
    space = {**emitter.namespace, "_clock": time.perf_counter, "_kept": lambda make: make()}
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
            return []
    return [float(seconds) for seconds in np.median(rounds, axis=0)]


def _example(value: Value, rng: Any) -> Any:
    """Some array in the form of a parameter."""
    if value.dtype.kind in "fc":
        return rng.standard_normal(value.shape).astype(value.dtype)
    return np.zeros(value.shape, value.dtype)


class _Clocks:
    """A program with a clock before each line of some form, without checks and without what it leaves behind.

    Attributes:
        text: the program.
        names: the lines at which there is a clock; lines: of each the line of the user's code that caused it.
    """

    def __init__(self, source: str, place: re.Pattern[str]) -> None:
        self.names: list[str] = []
        self.lines: list[str] = []
        made: list[str] = []
        inside, cause, i = False, "", 0
        lines = source.splitlines()
        runs = _calls_in_blocks(lines)
        while i < len(lines):
            line = lines[i]
            if line.startswith("    def step("):
                inside = True
                made += [line, "        clocks = []"]
            elif inside and _END.match(line):
                break
            elif inside and line.startswith("        if ") and (end := _end_of_check(lines, i)):
                i = end
            else:
                if inside and place.match(line):
                    name = line.strip()
                    run = _IN_BLOCKS.match(name)
                    self.names.append(runs.get(run[1], name) if run else name)
                    self.lines.append(cause)
                    made.append("        clocks.append(_clock())")
                elif found := _LINE.match(line):
                    cause = found[1]
                made.append(line)
            i += 1
        self.text = "\n".join([*made, "        clocks.append(_clock())", "        return clocks", lines[-1]])


def _calls_in_blocks(lines: list[str]) -> dict[str, str]:
    """What each run of calls does in each of its blocks, by the run's name."""
    calls: dict[str, Counter[str]] = {}
    name = ""
    for line in lines:
        if line.startswith("        def "):
            name = line[12 : line.index("(")]
            calls[name] = Counter()
        elif name and (found := _CALL.match(line)):
            calls[name][found[1]] += 1
        elif not line.startswith("            "):
            name = ""
    return {
        name: "in blocks: " + ", ".join(f"{call}{f' x {times}' if times > 1 else ''}" for call, times in found.items())
        for name, found in calls.items()
    }


def _end_of_check(lines: list[str], start: int) -> int:
    """The last line of a check that begins here; 0 if none does."""
    for i in range(start + 1, len(lines)):
        if not lines[i].startswith("            "):
            return 0
        if lines[i].strip() == "return _DEVIATED":
            return i
    return 0
