"""The memory that training steps need, eager and compiled: what Python and NumPy have allocated at the worst moment."""

from __future__ import annotations

import gc
import importlib
import sys
import tracemalloc
from typing import Any

from benchmarks.libraries import LIBRARIES
from benchmarks.libraries import compiled as compiled_program
from benchmarks.measure import Measure

MIB = 1 << 20


def chainrule(workload: str, settings: dict[str, Any], before: int) -> Measure:
    """This library: steps of another workload, after so many ``before``."""
    return _measure(workload, settings, before, False)


def compiled(workload: str, settings: dict[str, Any], before: int) -> Measure:
    """The same, compiled: with the program itself."""
    return _measure(workload, settings, before, True)


def _measure(workload: str, settings: dict[str, Any], before: int, compile: bool) -> Measure:
    module = importlib.import_module("benchmarks.workloads." + workload)
    library = LIBRARIES["chainrule"]()
    module.program(library, **settings).step()  # loads what is only imported when used
    if compile:
        library.t.compile(lambda: None)()
    for i in range(1 << 16):  # Python's table of names doubles at some moment, by 1 MiB: not while it is measured
        sys.intern(f"name {i}")
    gc.collect()
    tracemalloc.start()
    program = module.program(library, **settings)
    for _ in range(2):
        program.step()
    kept = tracemalloc.get_traced_memory()[0]  # parameters, gradients, the optimizer's state
    if compile:
        program = compiled_program(program)
        for _ in range(before):
            program.step()
    gc.collect()
    tracemalloc.reset_peak()
    for _ in range(2):
        program.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"MiB at the peak": peak / MIB, "MiB beyond what is kept": (peak - kept) / MIB}, []

    return measure
