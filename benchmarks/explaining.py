"""Which calls of a compiled program take how long."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

from benchmarks.measure import SETTLED
from benchmarks.processes import environment_of_contenders
from benchmarks.runs import Run

__all__ = ["explain"]

SHARE = 0.01
"""Calls that take less of the whole are not printed."""


def explain(run: Run) -> None:
    """Print what a workload's program costs, call by call; it runs in a process of its own, as when it is compared."""
    settings = {name: value for name, value in run.settings.items() if name != "repeats"}
    command = [sys.executable, "-m", __name__, run.module, json.dumps(settings)]
    print(f"{run.name}: {run.title}", flush=True)
    subprocess.run(command, env=environment_of_contenders(), check=True)


def _main(workload: str, settings: str) -> None:
    from benchmarks.libraries import LIBRARIES, compiled

    module = importlib.import_module(f"benchmarks.workloads.{workload}")
    step: Any = compiled(module.program(LIBRARIES["chainrule"](), **json.loads(settings))).step
    for _ in range(SETTLED):
        step()
    costs = sorted(step.explain().costs, key=lambda cost: -cost.seconds)
    total = sum(cost.seconds for cost in costs)
    print(f"   all {total * 1e6:10.1f} us, one call after the other")
    for cost in costs:
        if cost.seconds >= SHARE * total:
            print(f"{cost.seconds / total:6.0%}{cost}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
