"""Chains of up to a million ops of 0-d Tensors, the garbage collector off: time and memory per op, and all freed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Measure, collector_off, resident, seconds


def _build(x: Any, y: Any, depth: int) -> Any:
    for _ in range(depth // 4):
        y = y * 1.01
        y = y + x
        y = y.tanh()
        y = y * x
    return y


def _measure(x: Any, y: Any, depth: int, repeats: int, memory: bool, traced: bool) -> Measure:
    def step() -> None:
        x.grad = y.grad = None
        _build(x, y, depth).backward()

    def sizes(used: Callable[[], int]) -> tuple[int, int]:
        """Bytes that the graph adds, and bytes that stay when it is gone."""
        x.grad = y.grad = None
        before = used()
        end = _build(x, y, depth)
        built = used()
        end.backward()
        del end
        x.grad = y.grad = None
        return built - before, used() - before

    once: dict[str, float] = {}
    if memory:  # before anything else: a process keeps for reuse what it once had
        _build(x, y, 1_000).backward()
        with collector_off():
            once["resident bytes per op"] = sizes(resident)[0] / depth
            if traced:
                tracemalloc.start()
                built, left = sizes(lambda: tracemalloc.get_traced_memory()[0])
                tracemalloc.stop()
                once |= {"bytes per op": built / depth, "KiB left of the graph": left / 1024}
    step()

    def measure() -> tuple[dict[str, float], list[float]]:
        with collector_off():
            per_op = seconds(step, repeats) / depth
        return {"us per op": per_op * 1e6, **once}, [float(x.grad), float(y.grad)]

    return measure


def chainrule(depth: int, repeats: int, memory: bool = False) -> Measure:
    """This library."""
    import autograd

    x, y = (autograd.tensor(value, requires_grad=True) for value in (0.9, 0.7))
    return _measure(x, y, depth, repeats, memory, memory)


def torch(depth: int, repeats: int, memory: bool = False) -> Measure:
    """PyTorch, eager (its memory is not Python's, so only the kernel can count it)."""
    import torch

    torch.set_num_threads(2)
    x, y = (torch.tensor(value, requires_grad=True) for value in (0.9, 0.7))
    return _measure(x, y, depth, repeats, memory, False)
