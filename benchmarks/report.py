"""What was measured, as data, and in print: everyone's medians, and how far each figure is from its target."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.processes import Worker
from benchmarks.runs import Run, Target

__all__ = ["print_rows", "print_summary", "rows_of"]


def rows_of(run: Run, workers: list[Worker]) -> list[dict[str, Any]]:
    """A row for each of the workload's figures: medians, ratios of ours to the others', and targets."""
    ours, rows = workers[0], []
    present = [worker for worker in workers if worker.missing is None]
    for figure in ours.rounds[0]:
        medians = {worker.contender: worker.median(figure) for worker in present}
        ratios = {
            worker.contender: statistics.median(
                a[figure] / b[figure] for a, b in zip(ours.rounds, worker.rounds, strict=True) if b[figure]
            )
            for worker in present[1:]
            if worker.median(figure)
        }
        targets = [
            _judged(target, medians[ours.contender] if target.of is None else ratios.get(target.of))
            for target in run.targets
            if target.figure == figure
        ]
        rows.append(
            {"workload": run.name, "title": run.title or run.name, "contender": ours.contender, "figure": figure,
             "medians": medians, "ratios": ratios, "targets": targets,
             "rounds": {worker.contender: [r.get(figure) for r in worker.rounds] for worker in present}}
        )  # fmt: skip
    return rows


def _judged(target: Target, reached: float | None) -> dict[str, Any]:
    met = None if reached is None else reached <= target.limit
    return {"limit": target.limit, "of": target.of, "reached": reached, "met": met}


def _verdict(target: dict[str, Any]) -> str:
    unit = f" x {target['of']}" if target["of"] else ""
    if target["met"] is None:
        return f"at most {target['limit']:g}{unit}: not measured"
    return f"at most {target['limit']:g}{unit}: {'met' if target['met'] else 'MISSED'} ({target['reached']:.3g})"


def print_rows(rows: Iterable[dict[str, Any]]) -> None:
    """One line for each figure, and below it one for each target."""
    for row in rows:
        others = ", ".join(
            f"{name} {row['medians'][name]:.4g} (ratio {ratio:.2f})" for name, ratio in row["ratios"].items()
        )
        ours = row["medians"][row["contender"]]
        print(f"{row['workload']:<24} {row['figure']:<30} {ours:>9.4g}   {others}".rstrip(), flush=True)
        for target in row["targets"]:
            print(f"    {_verdict(target)}")


def print_summary(rows: list[dict[str, Any]]) -> None:
    """How much the time per op varies over the depths of the deep chains, and which targets were missed."""
    times = [
        row["medians"]["chainrule"]
        for row in rows
        if row["workload"].startswith("deep-") and row["figure"] == "us per op"
    ]
    if len(times) > 1:
        spread = max(times) / min(times)
        print(f"{'deep':<24} {'largest / smallest us per op':<30} {spread:>9.3g}")
        print(f"    {_verdict({'limit': 1.3, 'of': None, 'reached': spread, 'met': spread <= 1.3})}")
    judged = [(row, target) for row in rows for target in row["targets"] if target["met"] is not None]
    if judged:
        print(f"\n{sum(target['met'] for _, target in judged)} of {len(judged)} targets met; missed:")
        for row, target in judged:
            if not target["met"]:
                print(f"    {row['workload']}, {row['figure']}: {_verdict(target)}")
