"""What every workload measures with."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable

__all__ = ["collector_off", "resident", "seconds"]


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
