"""What every workload measures with."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["SETTLED", "Measure", "Program", "collector_off", "resident", "seconds", "timed"]

Measure = Callable[[], "tuple[dict[str, float], list[float]]"]
"""Measures once: figures by name, and numbers that every contender must have computed alike."""

COMPARED = 5
"""Of how many calls, the first ones, the results are compared."""

SETTLED = 120
"""Calls after which a compiled program is as it stays: ours is on trial for 100 if its inputs are always the same."""

UNITS = {"us": 1e6, "ms": 1e3, "s": 1}


class Program(NamedTuple):
    """What is timed by calling it.

    Attributes:
        step: what is called.
        read: the numbers that all contenders must agree on, of what a call returned (default: a single number).
        figure: what the time of one call is called; its first word is the unit.
        parts: how many equal parts a call has, if the figure is for one of them.
    """

    step: Callable[[], Any]
    read: Callable[[Any], list[float]] = lambda out: [float(out)]
    figure: str = "ms per step"
    parts: int = 1


def timed(program: Program, repeats: int, first: bool = False) -> Measure:
    """Time ``repeats`` calls of a program, after calls that are not timed.

    Args:
        program: what is called.
        repeats: how often; if only once, then nothing is called before but what is compared.
        first: whether the program is being compiled: it gets more calls that are not timed, and figures of the first.
    """
    step, read, figure, parts = program
    start = time.perf_counter()
    values = read(step())
    once = {"ms first step": 1e3 * (time.perf_counter() - start)}
    for _ in range(COMPARED - 1):
        values += read(step())
    once[f"ms first {COMPARED} steps"] = 1e3 * (time.perf_counter() - start)
    for _ in range(0 if repeats == 1 else SETTLED if first else min(repeats, 50)):
        step()
    scale = UNITS[figure.split()[0]] / parts

    def measure() -> tuple[dict[str, float], list[float]]:
        return {figure: scale * seconds(step, repeats), **(once if first else {})}, values

    return measure


def seconds(step: Callable[[], object], repeats: int) -> float:
    """Seconds that one of ``repeats`` calls takes, with the garbage collector as it is."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


class collector_off:
    """Without the garbage collector, so that only reference counting frees memory."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        gc.enable()


def resident() -> int:
    """Bytes of memory that this process holds (Linux), by the kernel's count."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
