"""NumPy by hand for large arrays: a function of a block of rows, called for all blocks in two threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["in_blocks"]

THREADS = 2


def in_blocks(
    block: Callable[[slice, Any], Any], rows: int, at_once: int, work: Callable[[int], Any]
) -> Callable[[], list[Any]]:
    """What calls ``block`` for all rows, ``at_once`` at a time, and returns its results in order.

    Args:
        block: gets rows and memory to work in, which its thread has for itself.
        rows: how many there are.
        at_once: rows of a block.
        work: makes the memory for so many rows.
    """
    pool = ThreadPoolExecutor(THREADS - 1)
    parts = [slice(low, min(low + at_once, rows)) for low in range(0, rows, at_once)]
    ends = [number * len(parts) // THREADS for number in range(THREADS + 1)]
    shares = [(parts[ends[i] : ends[i + 1]], work(at_once)) for i in range(THREADS)]

    def share(number: int) -> list[Any]:
        mine, memory = shares[number]
        return [block(part, memory) for part in mine]

    def run() -> list[Any]:
        others = [pool.submit(share, number) for number in range(1, THREADS)]
        found = share(0)
        return found + [one for other in others for one in other.result()]

    return run
