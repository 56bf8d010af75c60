"""The contenders' processes, and whether all computed the same."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.runs import Run

__all__ = ["Worker", "compare", "disagreement", "environment_of_contenders"]

WORKER = Path(__file__).with_name("worker.py")
OWN_INTERPRETER = ("chainrule", "chainrule_nn", "compiled", "numpy")
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "PJRT_NPROC"), "2"
)  # the last two are JAX's
REST = 0.1
"""Seconds before a contender's turn: BLAS's threads go on looking for work for some 25 ms, in the way of the next."""


def environment_of_contenders() -> dict[str, str]:
    """The environment variables under which contenders run."""
    # torch.compile keeps what it compiled for the next process: not here, where the first step is timed.
    found = {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1", **os.environ, **THREADS}
    for name in ("OPENBLAS_CORETYPE", "PYTHONDONTWRITEBYTECODE"):  # the library's own kernels; imports as installed
        found.pop(name, None)
    return found


class Worker:
    """A contender's process."""

    def __init__(self, run: Run, contender: str, settings: dict[str, Any], python: str) -> None:
        environment = environment_of_contenders()
        if contender not in OWN_INTERPRETER:
            environment["PYTHONWARNINGS"] = "ignore"  # of packages that are not ours
        self.contender = contender
        self.rounds: list[dict[str, float]] = []
        self.values: list[float] = []
        self._process = subprocess.Popen(
            [python, str(WORKER), run.module, contender, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self._answer()
        self.missing: str | None = self.about.get("missing")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"benchmarks: the worker of {self.contender} died with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def measure(self) -> None:
        """Let it measure once."""
        assert self._process.stdin is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.rounds.append(answer["figures"])
        self.values = answer["values"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def median(self, figure: str) -> float | None:
        """The median of a figure over the rounds; None if this contender has no such figure."""
        found = [figures[figure] for figures in self.rounds if figure in figures]
        return statistics.median(found) if found else None


def compare(run: Run, against: str | None, rounds: int | None = None, smoke: bool = False) -> list[Worker]:
    """Run all contenders of a workload in turns.

    Args:
        run: the workload.
        against: the interpreter that has the other libraries, if there is one.
        rounds: how often each measures (default: the workload's own number).
        smoke: once, on the small settings.
    """
    workers: list[Worker] = []
    try:
        for contender in run.contenders:
            own = contender in OWN_INTERPRETER
            if own or against:
                python = sys.executable if own else str(against)
                workers.append(Worker(run, contender, run.smoke if smoke else run.settings, python))
        for _ in range(1 if smoke else rounds or run.rounds):
            for worker in workers:
                if worker.missing is None:
                    time.sleep(0 if smoke else REST)
                    worker.measure()
    finally:
        for worker in workers:
            worker.close()
    return workers


def disagreement(workers: list[Worker], tolerance: float) -> str | None:
    """Which contender computed other numbers than the first, or None."""
    first = workers[0].values
    for worker in workers[1:]:
        same = len(worker.values) == len(first) and all(
            math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-6)
            for ours, theirs in zip(first, worker.values, strict=True)
        )
        if worker.values and not same:
            return f"{workers[0].contender} computed {first[:4]}, {worker.contender} {worker.values[:4]}"
    return None
