"""Time the library beside its alternatives, and print how far each figure is from its target.

    python -m benchmarks [NAME ...] [--smoke] [--rounds N] [--json FILE] [--against PYTHON]

PyTorch, micrograd, HIPS autograd and MyGrad are never needed by this library: ``--against`` names an interpreter
of an environment that has them (as many as it has). Every contender runs in a process of its own, all with two
threads; they take turns, round by round (A B C, A B C, ...), so that whatever else the machine does meets all
alike. A ratio is the median over the rounds of ours over theirs in the same round.

``--smoke`` runs everything once, tiny, asserts that all contenders compute the same numbers, and times nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.runs import Run, all_runs

WORKER = Path(__file__).with_name("worker.py")
OURS = ("chainrule", "chainrule_nn", "compiled", "numba")
OWN_INTERPRETER = (*OURS, "numpy")


class Worker:
    """A contender's process."""

    def __init__(self, run: Run, contender: str, settings: dict[str, Any], python: str) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
        environment = {**os.environ, **threads}
        for name in ("OPENBLAS_CORETYPE", "PYTHONDONTWRITEBYTECODE"):  # the library's own kernels; imports as installed
            environment.pop(name, None)
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


def compare(run: Run, arguments: argparse.Namespace) -> list[Worker]:
    """Run all contenders of a workload in turns."""
    settings = run.smoke if arguments.smoke else run.settings
    workers = []
    for contender in run.contenders:
        own = contender in OWN_INTERPRETER
        if own or arguments.against:
            workers.append(Worker(run, contender, settings, sys.executable if own else arguments.against))
    present = [worker for worker in workers if worker.missing is None]
    try:
        for _ in range(1 if arguments.smoke else arguments.rounds or run.rounds):
            for worker in present:
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


def report(run: Run, workers: list[Worker]) -> list[dict[str, Any]]:
    """Print one line per figure: everyone's median, then the target. Returns the same as data."""
    ours = workers[0]
    rows = []
    wanted = {target.figure: target for target in run.targets}
    for figure in ours.rounds[0]:
        medians = {worker.contender: worker.median(figure) for worker in workers if worker.missing is None}
        ratios = {
            worker.contender: statistics.median(
                a[figure] / b[figure] for a, b in zip(ours.rounds, worker.rounds, strict=True) if b[figure]
            )
            for worker in workers[1:]
            if worker.missing is None and figure in worker.rounds[0]
        }
        target = wanted.get(figure)
        verdict, reached = "", None
        if target is not None:
            reached = medians[ours.contender] if target.of is None else ratios.get(target.of)
            unit = "" if target.of is None else f" x {target.of}"
            met = "not measured" if reached is None else "met" if reached <= target.limit else "MISSED"
            verdict = f"at most {target.limit:g}{unit}: {met}"
        others = ", ".join(
            f"{name} {medians[name]:.4g} (ratio {ratio:.2f})" for name, ratio in ratios.items() if medians[name]
        )
        print(f"{run.name:<16} {figure:<30} {medians[ours.contender]:>9.4g}   {verdict:<32} {others}", flush=True)
        rows.append(
            {"workload": run.name, "contender": ours.contender, "figure": figure, "medians": medians, "ratios": ratios,
             "target": None if target is None else vars(target), "reached": reached,
             "rounds": {worker.contender: [r.get(figure) for r in worker.rounds] for worker in workers}}
        )  # fmt: skip
    return rows


def flatness(rows: list[dict[str, Any]]) -> None:
    """Print how much the time per op varies over the depths of the deep chains."""
    times = [
        row["medians"]["chainrule"]
        for row in rows
        if row["workload"].startswith("deep-") and row["figure"] == "us per op"
    ]
    if len(times) > 1:
        spread = max(times) / min(times)
        verdict = "met" if spread <= 1.3 else "MISSED"
        print(f"{'deep':<16} {'largest / smallest us per op':<30} {spread:>9.3g}   at most 1.3: {verdict}")


def machine() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Run what the command line asks for."""
    names = list(dict.fromkeys(name for run in all_runs() for name in (run.name, run.module)))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"workloads (default: all): {', '.join(names)}")
    parser.add_argument("--smoke", action="store_true", help="once and tiny: only whether all compute the same")
    parser.add_argument("--rounds", type=int, help="rounds of each workload (default: its own number)")
    parser.add_argument("--against", metavar="PYTHON", help="an interpreter that has PyTorch, micrograd, ...")
    parser.add_argument("--json", metavar="FILE", help="write every figure of every round there")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(names)
    if unknown:
        parser.error(f"no workload is called {sorted(unknown)[0]!r}; there are {', '.join(names)}")

    print(f"$ {shlex.join(['python', '-m', 'benchmarks', *sys.argv[1:]])}")
    print(f"{machine()}, {os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}")
    print(
        "2 threads each, OPENBLAS_CORETYPE unset, contenders in turns, medians over the rounds; times: less is better\n"
    )
    rows: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}
    disagreements = []
    for run in all_runs():
        if arguments.names and not {run.name, run.module} & set(arguments.names):
            continue
        workers = compare(run, arguments)
        seen |= {worker.contender: worker.about for worker in workers if worker.about.get("versions") != {}}
        if workers[0].missing is not None:
            print(f"{run.name:<16} not run: {workers[0].missing}")
            if arguments.smoke:
                disagreements.append(f"{run.name}: {workers[0].missing}")
            continue
        present = [worker for worker in workers if worker.missing is None]
        fault = disagreement(present, run.tolerance)
        if fault is not None:
            disagreements.append(f"{run.name}: {fault}")
        if arguments.smoke:
            print(f"{run.name:<16} {', '.join(worker.contender for worker in present)}: {fault or 'the same numbers'}")
        else:
            rows += report(run, workers)
    if not arguments.smoke:
        flatness(rows)
    print()
    for contender, about in seen.items():
        found = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
        print(f"{contender}: {about.get('missing') or found}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"about": seen, "figures": rows}, indent=1), encoding="utf-8")
    if disagreements:
        raise SystemExit("benchmarks: " + "; ".join(disagreements))


if __name__ == "__main__":
    main()
