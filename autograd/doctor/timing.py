"""The measuring: matrix products in processes of their own, the rest here. It takes the best of several tries."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from .. import ones
from . import blas
from .findings import Blas, Kernel, Processor, Product, Timings
from .software import THREAD_LIMITS

__all__ = ["Worker", "candidates", "compare_kernels", "measure"]

_SAFE = {"avx512": ("SkylakeX", "Haswell", "Zen"), "avx2": ("Haswell", "Zen"), "avx": ("Sandybridge",),
         "sve": ("NEOVERSEN1", "ARMV8"), "neon": ("NEOVERSEN1", "ARMV8")}  # fmt: skip
"""Kernels of OpenBLAS worth a try on a processor of each level."""
_KERNEL_SIZE = 512


def candidates(level: str, forced: str) -> tuple[str, ...]:
    """The settings of OPENBLAS_CORETYPE to try beside the present one; empty is OpenBLAS's own choice."""
    return tuple(name for name in (*([""] if forced else []), *_SAFE.get(level, ())) if name.lower() != forced.lower())


class Worker:
    """A process that measures matrix products in its own environment.

    Attributes:
        kernel: what BLAS says that it runs there.
        failure: why it ended, empty while it runs.
    """

    def __init__(self, environment: Mapping[str, str], patience: float = 30.0) -> None:
        self.kernel = "unknown"
        self.failure = ""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", blas.__name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=_finding_this(environment),
        )  # fmt: skip
        self._timer = threading.Timer(patience, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def hello(self) -> None:
        """Wait until it has started, and note its kernel."""
        answer = self._read()
        if answer:
            self.kernel = answer["kernel"]

    def ask(self, size: int, dtype: str, seconds: float) -> float:
        """The GFLOP/s of a product, 0 if the process died of it."""
        if self.failure or self._process.stdin is None:
            return 0.0
        with contextlib.suppress(OSError):  # if it is dead, reading says how it died
            self._process.stdin.write(f"{size} {dtype} {seconds}\n")
            self._process.stdin.flush()
        return float(self._read() or 0.0)

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line:
            return json.loads(line)
        self.failure = _cause(self._process.wait())
        return None

    def close(self) -> None:
        """End it."""
        self._timer.cancel()
        self._process.kill()
        self._process.communicate()


def _cause(status: int) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        reason = " (it took too long, or memory ran out)" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{reason}"
    return f"the process ended with status {status}"


def measure(
    processor: Processor,
    found: Blas,
    environment: Mapping[str, str],
    quick: bool,
    progress: Callable[[int], Iterator[None]] = lambda steps: iter([None] * steps),
) -> Timings:
    """Measure everything; if it is to be quick, small products only, in about a second, and no other kernels.

    Args:
        progress: gets the number of steps, and gives an iterator from which each step takes one item.
    """
    forced = environment.get("OPENBLAS_CORETYPE", "")
    tried = candidates(processor.level, forced) if found.is_openblas and not quick else ()
    sizes = (256,) if quick else (256, 512, 1024)
    rounds = 1 if quick else 2
    step = progress(4 + 2 * len(sizes) * rounds + 5 * bool(tried))
    alone = {**environment, **dict.fromkeys(THREAD_LIMITS, "1")}
    without = {name: value for name, value in alone.items() if name != "OPENBLAS_CORETYPE"}
    settings = [{**without, "OPENBLAS_CORETYPE": name} if name else without for name in tried]
    workers = [Worker(variables) for variables in (environment, alone, *settings)]
    try:
        for worker in workers:
            worker.hello()
        next(step, None)
        products = _products(workers[0], workers[1], sizes, rounds, 0.03 if quick else 0.1, step)
        kernels = compare_kernels(workers[1:], (forced, *tried), step) if tried else ()
        failures = [f"matrix products: {worker.failure}" for worker in workers[:2] if worker.failure]
    finally:
        for worker in workers:
            worker.close()
    copied = _copy(1 << (22 if quick else 24), 3 if quick else 8)
    next(step, None)
    ufunc, op = _best_call(quick), _best_op(quick)
    next(step, None)
    imports = (None, None) if quick else _imports(environment)
    for _ in step:
        pass  # whatever failed took no step
    return Timings(products, kernels, copied, ufunc, op, *imports, failures=tuple(dict.fromkeys(failures)))


def _products(
    together: Worker, alone: Worker, sizes: tuple[int, ...], rounds: int, seconds: float, step: Iterator[None]
) -> tuple[Product, ...]:
    """In turns, so that a busy moment of the machine hits all alike."""
    best: dict[tuple[int, str, bool], float] = {}
    for _ in range(rounds):
        for size in sizes:
            for dtype in ("float32", "float64"):
                for worker in (alone, together):
                    key = (size, dtype, worker is alone)
                    best[key] = max(best.get(key, 0.0), worker.ask(size, dtype, seconds / rounds))
                next(step, None)
    made = (
        Product(size, dtype, best[size, dtype, True], best[size, dtype, False])
        for size in sizes
        for dtype in ("float32", "float64")
    )
    return tuple(product for product in made if product.one and product.all)


def compare_kernels(workers: Sequence[Worker], settings: tuple[str, ...], step: Iterator[None]) -> tuple[Kernel, ...]:
    """The speed of each kernel, in turns, the present one first; each once, though two settings may give the same."""
    chosen: dict[str, tuple[str, Worker]] = {}
    for setting, worker in zip(settings, workers, strict=True):
        name = setting if worker.kernel == "unknown" else worker.kernel
        chosen.setdefault(name.lower(), (setting, worker))
    best = dict.fromkeys(chosen, 0.0)
    for _ in range(5):
        for name, (_, worker) in chosen.items():
            best[name] = max(best[name], worker.ask(_KERNEL_SIZE, "float32", 0.03))
        next(step, None)
    return tuple(
        Kernel(setting, worker.kernel, best[name], current=worker is workers[0])
        for name, (setting, worker) in chosen.items()
    )


def _copy(size: int, tries: int) -> float:
    a, b = np.ones((2, size), np.float32)

    def copy() -> None:
        np.copyto(b, a)

    return 2 * a.nbytes / _best(copy, tries) / 1e9


def _best(call: Callable[[], None], tries: int) -> float:
    best = float("inf")
    for _ in range(tries):
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


def _best_call(quick: bool) -> float:
    x = np.ones(16, np.float32)

    def calls() -> None:
        for _ in range(1000):
            np.multiply(x, x)

    return _best(calls, 10 if quick else 50) / 1000 * 1e6


def _best_op(quick: bool) -> float:
    start = ones(16, requires_grad=True)
    factor = ones(16)
    gradient = ones(16)

    def chain() -> None:
        x = start
        for _ in range(100):
            x = x * factor
        x.backward(gradient)
        start.grad = None

    return _best(chain, 50 if quick else 300) / 100 * 1e6


def _finding_this(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that imports this package, wherever it lies."""
    home = str(Path(__file__).resolve().parent.parent.parent)
    paths = os.pathsep.join(path for path in (home, environment.get("PYTHONPATH", "")) if path)
    return {**environment, "PYTHONPATH": paths}


_IMPORTS = """\
import time
start = time.perf_counter(); import numpy; middle = time.perf_counter(); import autograd
print((middle - start) * 1e3, (time.perf_counter() - middle) * 1e3)
"""


def _imports(environment: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Milliseconds of ``import numpy``, and of ``import autograd`` after it: in fresh processes."""
    taken = []
    for _ in range(3):
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-c", _IMPORTS],
                capture_output=True, text=True, check=True, timeout=20, env=_finding_this(environment),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        taken.append(tuple(float(word) for word in done.stdout.split()))
    if not taken:
        return None, None
    return min(numpy for numpy, _ in taken), min(own for _, own in taken)
