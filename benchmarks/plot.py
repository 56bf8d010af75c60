"""The figures as a picture: for each workload everyone's time, as a multiple of PyTorch's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.labels import LABELS, duration, steps_of

__all__ = ["draw"]

LOOKS = {
    "compiled": ("D", "#d55e00", 52),
    "numba": ("P", "#d55e00", 46),
    "chainrule": ("o", "#e69f00", 42),
    "numpy": ("s", "#0072b2", 30),
    "torch-fused": ("|", "#000000", 70),
    "torch-compile": ("v", "#4d4d4d", 40),
    "jax": ("^", "#009e73", 44),
    "hips": ("x", "#cc79a7", 30),
    "mygrad": ("+", "#cc79a7", 40),
    "micrograd": ("*", "#cc79a7", 60),
}
"""Marker, colour (of Okabe and Ito's palette, which colour-blind readers can tell apart) and size."""


def draw(path: Path, data: dict[str, Any]) -> None:
    """Draw the compiled workloads that PyTorch ran too."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = [row for row in steps_of(data) if row["medians"].get("torch")]
    if not rows:
        raise SystemExit("benchmarks: nothing to draw: no compiled workload was measured beside PyTorch")
    matplotlib.rcParams["svg.hashsalt"] = "chainrule"  # the same figures, the same file
    height = 1.5 + 0.3 * len(rows)
    figure, axes = plt.subplots(figsize=(9, height), layout="constrained", facecolor="white")
    for place, row in enumerate(rows):
        axes.axhline(place, color="#e4e4e4", linewidth=0.8, zorder=0)
        base = duration(row["medians"]["torch"], row["figure"])
        axes.annotate(base, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#4d4d4d")
    axes.axvline(1, color="#4d4d4d", linewidth=1.2, zorder=1)
    for name in reversed(LOOKS):  # ours on top
        marker, colour, size = LOOKS[name]
        found = [(row["medians"][name] / row["medians"]["torch"], place) for place, row in enumerate(rows)
                 if row["medians"].get(name)]  # fmt: skip
        if found:
            edge = {} if marker in "|x+" else {"edgecolors": "white", "linewidths": 0.6}
            axes.scatter(*zip(*found, strict=True), s=size, marker=marker, color=colour, label=LABELS[name],
                         zorder=3 + (name == "compiled"), **edge)  # fmt: skip
    axes.set(xscale="log", ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticks(range(len(rows)), [row["title"] for row in rows], fontsize=9)
    axes.tick_params(axis="y", length=0)
    low, high = axes.get_xlim()
    ticks = [n * 10.0**power for power in range(-3, 4) for n in (1, 2, 5) if low <= n * 10.0**power <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("time as a multiple of PyTorch's (eager; its times are on the right): left is faster")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
