"""The figures as Markdown: tables of times, first steps and memory, with a note on how they were measured."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.labels import LABELS, duration, steps_of

__all__ = ["markdown", "write_markdown"]

BEGIN, END = "<!-- benchmarks: python -m benchmarks writes what is between these lines -->", "<!-- benchmarks end -->"
OTHERS = ("hips", "mygrad", "micrograd")
FIRST, FIRST_FIVE, PEAK, BEYOND = "ms first step", "ms first 5 steps", "MiB at the peak", "MiB beyond what is kept"


def write_markdown(path: Path, data: dict[str, Any], plot: Path | None) -> None:
    """Write the figures to a file; into one that has our two marks, between them.

    Args:
        path: the file.
        data: what was measured.
        plot: the picture to show above the tables.
    """
    text = markdown(data, None if plot is None else Path(os.path.relpath(plot, path.parent)).as_posix())
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if BEGIN in old and END in old:
        before, _, rest = old.partition(BEGIN)
        text = f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}"
    path.write_text(text, encoding="utf-8")


def markdown(data: dict[str, Any], plot: str | None = None) -> str:
    """The figures as Markdown."""
    parts = [_note(data)]
    if plot is not None:
        parts.append(f"![Times relative to PyTorch's: less is better]({plot})")
    parts += [part for part in (_times(data), _first_steps(data), _memory(data), _rest(data)) if part]
    return "\n\n".join(parts) + "\n"


def _note(data: dict[str, Any]) -> str:
    versions: dict[str, str] = {}
    for about in data["about"].values():
        versions |= about.get("versions", {})
    found = ", ".join(f"{_proper(name)} {version}" for name, version in versions.items())
    note = (
        f"Measured by `{data['command']}` on {data['machine']}, with {found}. "
        "Two threads each, OPENBLAS_CORETYPE unset; the contenders ran in turns, a "
        "tenth of a second apart, and the figures are medians over the rounds."
    )
    return textwrap.fill(note, 118, break_long_words=False, break_on_hyphens=False)


def _proper(name: str) -> str:
    return {"torch": "PyTorch", "numpy": "NumPy", "jax": "JAX", "autograd": "HIPS autograd", "mygrad": "MyGrad"}.get(
        name, name
    )


def _table(head: Sequence[str], rows: list[list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _used(rows: list[dict[str, Any]], among: Sequence[str]) -> list[str]:
    return [name for name in among if any(row["medians"].get(name) is not None for row in rows)]


def _times(data: dict[str, Any]) -> str:
    rows = steps_of(data)
    if not rows:
        return ""
    columns = _used(rows, [name for name in LABELS if name not in OTHERS])
    others = _used(rows, OTHERS)
    head = ["", *[LABELS[name] for name in columns], *["others"] * bool(others), "compiled / PyTorch"]
    lines = []
    for row in rows:
        medians, figure = row["medians"], row["figure"]
        rest = ", ".join(
            f"{LABELS[name]} {duration(medians[name], figure)}" for name in others if medians.get(name) is not None
        )
        ratio = row["ratios"].get("torch")
        cells = [duration(medians.get(name), figure) for name in columns]
        lines.append([row["title"], *cells, *[rest] * bool(others), "" if ratio is None else f"{ratio:.2f}"])
    return _table(head, lines)


def _by_title(data: dict[str, Any], figure: str) -> dict[str, dict[str, Any]]:
    return {row["title"]: row["medians"] for row in data["figures"] if row["figure"] == figure}


def _first_steps(data: dict[str, Any]) -> str:
    first, five = _by_title(data, FIRST), _by_title(data, FIRST_FIVE)
    if not first:
        return ""
    columns = [name for name in LABELS if any(name in medians for medians in first.values())]
    columns = [name for name in columns if any(medians.get(name) is not None for medians in first.values())]
    lines = []
    for title, medians in first.items():
        times = [[duration(one.get(name), FIRST) for one in (medians, five[title])] for name in columns]
        lines.append([title, *["; ".join(filter(None, pair)) for pair in times]])
    head = ["the first step; the first five", *[LABELS[name] for name in columns]]
    return _table(head, lines)


def _memory(data: dict[str, Any]) -> str:
    peak, beyond = _by_title(data, PEAK), _by_title(data, BEYOND)
    if not peak:
        return ""
    lines = [
        [title, *[f"{found[title][name]:.1f} MiB" for found in (peak, beyond) for name in ("compiled", "chainrule")]]
        for title in peak
    ]
    return _table(
        ["memory at the peak of a step", "compiled", "eager", "compiled, beyond what is kept", "eager, the same"], lines
    )


def _rest(data: dict[str, Any]) -> str:
    """Workloads that are not compiled."""
    rows = [row for row in data["figures"] if row["contender"] == "chainrule"]
    lines = list(_lines_of(rows))
    return _table(["eager only", "", "chainrule", "others"], lines) if lines else ""


def _lines_of(rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    for row in rows:
        others = [f"{LABELS.get(name, name)} {row['medians'][name]:.4g}" for name in row["ratios"]]
        figure = re.sub(r"\bus\b", "µs", row["figure"])
        yield [row["title"], figure, f"{row['medians']['chainrule']:.4g}", ", ".join(others)]
