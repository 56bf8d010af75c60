"""Time the library beside its alternatives, and print how far each figure is from its target.

    python -m benchmarks [NAME ...] [--smoke] [--explain] [--rounds N] [--against PYTHON]
                         [--json FILE] [--markdown FILE] [--plot FILE] [--read FILE]

PyTorch, JAX, HIPS autograd, MyGrad and micrograd are never needed by this library: ``--against`` names an interpreter
of an environment that has them (as many as it has). Every contender runs in a process of its own, all with two
threads; they take turns, round by round (A B C, A B C, ...), so that whatever else the machine does meets all
alike. A ratio is the median over the rounds of ours over theirs in the same round.

``--smoke`` runs everything once, tiny, asserts that all contenders compute the same numbers, and times nothing.

``--explain`` says of compiled programs which of their calls take how long, instead of comparing them.

``compiled`` names all workloads of compiled programs. ``--markdown`` writes tables, and ``--plot`` a picture, of what
was measured; ``--read`` makes them from the file that an earlier ``--json`` wrote.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.explaining import explain
from benchmarks.markdown import write_markdown
from benchmarks.plot import draw
from benchmarks.processes import Worker, compare, disagreement
from benchmarks.report import print_rows, print_summary, rows_of
from benchmarks.runs import Run, all_runs


def machine() -> str:
    """Processor, system and Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    """Run what the command line asks for."""
    arguments = command_line()
    if arguments.explain:
        for run in all_runs():
            if run.name.endswith("-compiled") and is_chosen(run, arguments.names):
                explain(run)
        return
    data, faults = figures(arguments)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(data, indent=1), encoding="utf-8")
    plot = Path(arguments.plot) if arguments.plot else None
    if plot is not None:
        draw(plot, data)
    if arguments.markdown:
        write_markdown(Path(arguments.markdown), data, plot)
    if faults:
        raise SystemExit("benchmarks: " + "; ".join(faults))


def command_line() -> argparse.Namespace:
    """What the command line asks for; ends the program if that cannot be done."""
    names = list(dict.fromkeys(name for run in all_runs() for name in sorted(names_of(run))))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog=textwrap.fill(
                                         f"workloads: {', '.join(names)}", 100, break_on_hyphens=False),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="workloads, from the list below (default: all)")
    parser.add_argument("--smoke", action="store_true", help="once and tiny: only whether all compute the same")
    parser.add_argument("--explain", action="store_true", help="which calls of the compiled programs take how long")
    parser.add_argument("--rounds", type=int, help="rounds of each workload (default: its own number)")
    parser.add_argument("--against", metavar="PYTHON", help="an interpreter that has PyTorch, micrograd, ...")
    parser.add_argument("--json", metavar="FILE", help="write every figure of every round there")
    parser.add_argument("--markdown", metavar="FILE", help="write tables there (between its marks, if it has them)")
    parser.add_argument("--plot", metavar="FILE", help="draw the compiled workloads there (.svg, .png)")
    parser.add_argument("--read", metavar="FILE", help="measure nothing: take the figures from this file of --json")
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error(f"--rounds: expected a whole number of at least 1, got {arguments.rounds}")
    unknown = set(arguments.names) - set(names)
    if unknown:
        name = sorted(unknown)[0]
        near = ", ".join(difflib.get_close_matches(name, names))
        hint = f"did you mean {near}?" if near else f"there are {', '.join(names)}"
        parser.error(f"no workload is called {name!r}; {hint}")
    if arguments.against and shutil.which(arguments.against) is None:
        parser.error(f"--against: {arguments.against} cannot be run as a program; name an interpreter of Python")
    if arguments.plot and importlib.util.find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'chainrule[examples]'")
    return arguments


def figures(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The figures, measured or read from a file, and what is wrong."""
    if arguments.read:
        return json.loads(Path(arguments.read).read_text(encoding="utf-8")), []
    chosen = [run for run in all_runs() if is_chosen(run, arguments.names)]
    data: dict[str, Any] = {"command": shown(arguments), "machine": machine(), "about": {}, "figures": []}
    print(f"$ {data['command']}\n{data['machine']}")
    print("2 threads each, OPENBLAS_CORETYPE unset, contenders in turns, medians over the rounds; less is better\n")
    faults = smoke(chosen, arguments.against, data) if arguments.smoke else measure(chosen, arguments, data)
    print()
    for contender, about in data["about"].items():
        found = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
        print(f"{contender}: {about.get('missing') or found}")
    return data, faults


def names_of(run: Run) -> set[str]:
    """What selects a workload: its name, its module's, and "compiled" if it is a compiled program's."""
    return {run.name, run.module, *(["compiled"] if run.name.endswith("-compiled") else [])}


def is_chosen(run: Run, names: list[str]) -> bool:
    """Whether the command line names a workload, or none at all."""
    return not names or not names_of(run).isdisjoint(names)


def shown(arguments: argparse.Namespace) -> str:
    """The command line, without the paths of this machine."""
    options = ["--smoke"] * arguments.smoke + ["--rounds", str(arguments.rounds)] * bool(arguments.rounds)
    options += ["--against", "PYTHON"] * bool(arguments.against)
    return shlex.join(["python", "-m", "benchmarks", *arguments.names, *options])


def smoke(runs: list[Run], against: str | None, data: dict[str, Any]) -> list[str]:
    """Run everything once, several workloads at a time. Returns what is wrong."""
    alike: dict[str, list[Run]] = {}  # eager and compiled: together, so that what both have runs once
    for run in runs:
        alike.setdefault(run.module + json.dumps(run.smoke), []).append(run)
    runs = [
        replace(
            group[0],
            name=", ".join(run.name for run in group),
            contenders=tuple(dict.fromkeys(one for run in group for one in run.contenders)),
        )
        for group in alike.values()
    ]
    faults = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(cores) as pool:
        for run, workers in zip(runs, pool.map(lambda run: compare(run, against, smoke=True), runs), strict=True):
            fault = checked(run, workers, data)
            if fault is None and workers[0].missing is not None:
                fault = workers[0].missing
            if fault is not None:
                faults.append(f"{run.name}: {fault}")
            present = ", ".join(worker.contender for worker in workers if worker.missing is None)
            print(f"{run.name}: {present}: {fault or 'the same numbers'}", flush=True)
    return faults


def measure(runs: list[Run], arguments: argparse.Namespace, data: dict[str, Any]) -> list[str]:
    """Measure everything, and print it. Returns what is wrong."""
    faults = []
    for run in runs:
        workers = compare(run, arguments.against, arguments.rounds)
        fault = checked(run, workers, data)
        if fault is not None:
            faults.append(f"{run.name}: {fault}")
        for worker in workers:
            if worker.missing is not None:
                print(f"{run.name:<24} {worker.contender} did not run: {worker.missing}", flush=True)
        if workers[0].missing is None:
            rows = rows_of(run, workers)
            print_rows(rows)
            data["figures"] += rows
    print_summary(data["figures"])
    return faults


def checked(run: Run, workers: list[Worker], data: dict[str, Any]) -> str | None:
    """Note who took part; return which of them computed other numbers, or None."""
    for worker in workers:
        if worker.missing is None and worker.about["versions"]:
            data["about"][worker.contender] = worker.about
        else:
            data["about"].setdefault(worker.contender, worker.about)
    present = [worker for worker in workers if worker.missing is None]
    return disagreement(present, run.tolerance) if present else None


if __name__ == "__main__":
    main()
