"""The workloads, with their settings and targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.workloads.digits import digits_folder
from benchmarks.workloads.large import FAMILIES, figure_names

__all__ = ["Run", "Target", "all_runs"]


@dataclass(frozen=True)
class Target:
    """What a figure of ours shall be at most: in its own unit, or as a multiple of another contender's."""

    figure: str
    limit: float
    of: str | None = None


@dataclass(frozen=True)
class Run:
    """A workload with its settings.

    Attributes:
        name: what the command line selects.
        module: in ``benchmarks.workloads``.
        contenders: who runs it, in this order; the first is ours.
        settings, smoke: what the contenders are prepared with.
        rounds: how often each measures.
        targets: what is wanted.
        tolerance: how far the contenders' results may differ, relatively.
    """

    name: str
    module: str
    contenders: tuple[str, ...]
    settings: dict[str, Any]
    smoke: dict[str, Any]
    rounds: int
    targets: tuple[Target, ...] = field(default=())
    tolerance: float = 1e-4


def all_runs() -> list[Run]:
    """Every workload, in the order of the report."""
    runs = [*_engine(), *_functions(), *_training(), *_layers(), *_large(), *_compiled()]
    return [*runs, *_pictures(), *_memory_and_imports()]


def _engine() -> list[Run]:
    """Recording and sweeping: many small ops, and many ops."""
    everyone = ("chainrule", "torch", "numpy", "hips", "mygrad")
    per_op = "us per op"
    chains = [
        Run(f"chain-{size}", "chain", everyone, {"size": size, "repeats": 100}, {"size": size, "repeats": 1}, 15,
            (Target(per_op, 0.5, "torch"),))
        for size in (1, 16, 1024)
    ]  # fmt: skip
    scalars = Run("scalars", "scalars", ("chainrule", "micrograd", "torch"), {"repeats": 20}, {"repeats": 1}, 15,
                  (Target("us per step", 1.0, "micrograd"),))  # fmt: skip
    memory = (
        Target("bytes per op", 500), Target("resident bytes per op", 500), Target("KiB left of the graph", 1024),
    )  # fmt: skip
    deep = [
        Run(
            f"deep-{depth}", "deep", ("chainrule", "torch"),
            {"depth": depth, "repeats": max(1, 100_000 // depth), "memory": depth >= 100_000},
            {"depth": min(depth, 10_000), "repeats": 1, "memory": True},
            15 if depth < 1_000_000 else 5,
            (Target(per_op, 0.5, "torch"), *(memory if depth >= 100_000 else ())),
        )
        for depth in (1_000, 10_000, 100_000, 1_000_000)
    ]  # fmt: skip
    return [*chains, scalars, *deep]


def _functions() -> list[Run]:
    """Programs written for HIPS autograd: derivatives of functions of arrays."""
    return [
        Run(f"{function}-{derivative}", "functions", ("chainrule", "hips"),
            {"function": function, "derivative": derivative, "repeats": repeats},
            {"function": function, "derivative": derivative, "repeats": 1}, 15, (Target("us per call", 0.5, "hips"),))
        for function, derivative, repeats in (
            ("mlp", "gradient", 50), ("mlp", "hvp", 20), ("rnn", "gradient", 5), ("rosenbrock", "gradient", 100),
            ("rosenbrock", "hessian", 20), ("density", "gradient", 50),
        )
    ]  # fmt: skip


def _training() -> list[Run]:
    """Whole training steps: forward, backward, update."""
    both = ("chainrule", "torch")
    layers: dict[str, Any] = {"sizes": [64, 64, 64, 10], "batch": 32, "optimizer": "adam"}
    runs = [
        Run("mlp-64", "training", both, {**layers, "steps": 500}, {**layers, "steps": 1}, 15,
            (Target("us per step", 0.4, "torch"),)),
    ]  # fmt: skip
    for batch_norm in (False, True):
        for optimizer in ("sgd", "momentum", "adagrad", "adam"):
            layers = {"sizes": [784, 100, 100, 100, 100, 10], "batch": 100, "optimizer": optimizer}
            layers["batch_norm"] = batch_norm
            runs.append(
                Run(f"mlp-784-{optimizer}{'-bn' * batch_norm}", "training", both, {**layers, "steps": 100},
                    {**layers, "steps": 1}, 15, (Target("us per step", 0.9, "torch"),))
            )  # fmt: skip
    update = {"count": 50, "optimizer": "Adam"}
    runs.append(
        Run("adam-50", "many", both, {**update, "steps": 500}, {**update, "steps": 1}, 15,
            (Target("us per step", 0.3, "torch"),))
    )  # fmt: skip
    folder = digits_folder()
    runs.append(
        Run("digits", "digits", both, {"epochs": 100, "folder": folder}, {"epochs": 1, "folder": folder}, 5,
            (Target("s", 0.4, "torch"),))
    )  # fmt: skip
    sizes = {"layers": 2, "size": 128, "heads": 4, "length": 64, "batch": 8, "vocabulary": 65}
    small = {"layers": 1, "size": 8, "heads": 2, "length": 4, "batch": 2, "vocabulary": 5}
    runs += [
        Run("cnn", "cnn", both, {"batch": 64, "channels": (16, 32), "repeats": 20},
            {"batch": 2, "channels": (2, 3), "repeats": 1}, 15, (Target("ms per step", 2.0, "torch"),)),
        Run("gpt", "gpt", both, {**sizes, "repeats": 5}, {**small, "repeats": 1}, 15,
            (Target("ms per step", 1.2, "torch"),)),
    ]  # fmt: skip
    return runs


def _layers() -> list[Run]:
    """Single layers, forward and backward."""
    both = ("chainrule", "torch")
    rows = [
        Run(name, "rows", both, {"layer": name, "rows": 4096, "width": width, "repeats": 10},
            {"layer": name, "rows": 8, "width": 16, "repeats": 1}, 15, (Target("ms per step", 2.0, "torch"),))
        for name, width in (("layer-norm", 512), ("cross-entropy", 1000))
    ]  # fmt: skip
    recurrent = [
        Run(kind.lower(), "lstm", both, {"kind": kind, "sizes": [32, 32, 32, 64], "repeats": 10},
            {"kind": kind, "sizes": [3, 2, 4, 5], "repeats": 1}, 15, (Target("ms per step", 3, "torch"),))
        for kind in ("LSTM", "GRU", "RNN")
    ]  # fmt: skip
    return [*rows, *recurrent]


def _large() -> list[Run]:
    """Ops on a million and on ten million elements, forward and backward: a run for each family of them."""
    sizes, width = [1_000_000, 10_000_000], 1000
    return [
        Run(f"large-{family}", "large", ("chainrule", "torch"), {"family": family, "sizes": sizes, "width": width},
            {"family": family, "sizes": [20_000], "width": 100, "repeats": 1}, 7,
            tuple([Target(name, 1.5, "torch") for name in figure_names(family, sizes)]),
            1e-3)  # of float32 sums over ten million elements
        for family in FAMILIES
    ]  # fmt: skip


def _compiled() -> list[Run]:
    """The same steps, compiled, beside NumPy by hand, PyTorch and JAX."""
    limits = {
        "mlp-64": (Target("us per step", 1.05, "numpy"),), "cnn": (Target("ms per step", 1.5, "torch"),),
        "gpt": (Target("ms per step", 0.9, "torch"),), "lstm": (Target("ms per step", 2.0, "torch"),),
        "layer-norm": (Target("ms per step", 1.2, "torch"),), "cross-entropy": (Target("ms per step", 1.0, "torch"),),
    }  # fmt: skip
    runs = []
    for run in [*_engine(), *_training(), *_layers()]:
        if run.module in ("training", "cnn", "gpt", "lstm", "rows", "chain"):
            targets = limits.get(run.name, ())
            if run.module == "training" and not targets:
                targets = (Target("us per step", 0.7, "torch"),)
            if run.module == "chain":
                targets = (Target("us per op", 0.2, "torch"),)
            others = ("numpy", "torch") if run.module in ("training", "chain") else ("torch",)
            kernels = ("numba",) if run.module in ("training", "rows", "gpt") else ()
            contenders = ("compiled", *kernels, *others)
            runs.append(Run(f"{run.name}-compiled", run.module, contenders, run.settings, run.smoke, 15, targets))
    runs.append(
        Run("gelu-compiled", "gelu", ("compiled", "numba", "chainrule", "torch", "jax"),
            {"size": 1 << 22, "repeats": 5}, {"size": 1 << 19, "repeats": 1}, 15,
            (Target("ms per step", 0.25, "torch"),))
    )  # fmt: skip
    return runs


def _pictures() -> list[Run]:
    """Large graphs drawn: a transformer's forward and backward, folded at two depths, and a million ops."""
    sizes, small = {"layers": 12, "heads": 64}, {"layers": 2, "heads": 2}
    runs = [
        Run(f"picture-{depth}", "pictures", ("chainrule",), {**sizes, "depth": depth}, {**small, "depth": depth}, 3,
            (Target("s", 3.0),))
        for depth in (1, 2)
    ]  # fmt: skip
    runs.append(
        Run("picture-million", "pictures", ("chainrule",), {"chain": 1_000_000}, {"chain": 1_000}, 3,
            (Target("s", 5.0),))
    )  # fmt: skip
    return runs


def _memory_and_imports() -> list[Run]:
    grown = (Target("KiB grown, traced", 1024), Target("KiB grown, resident", 1024))
    steps = [
        Run(name, "steps", (contender,), {"steps": 10_000}, {"steps": 20}, 1, grown)
        for name, contender in (("steps", "chainrule"), ("steps-nn", "chainrule_nn"))
    ]  # fmt: skip
    imports = [
        Run(
            name, "imports", ("chainrule", "torch"), {"names": names}, {"names": names}, 11,
            (Target("ms beyond NumPy's import", limit),),
        )
        for name, names, limit in (("import-engine", "autograd", 60), ("import-all", "autograd, nn, optim", 120))
    ]  # fmt: skip
    return [*steps, *imports]
