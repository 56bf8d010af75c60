"""The workloads, with their settings and targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import SETTLED
from benchmarks.workloads.digits import digits_folder
from benchmarks.workloads.large import FAMILIES, figure_names

__all__ = ["Run", "Target", "all_runs"]


@dataclass(frozen=True)
class Target:
    """What a figure of ours may be at most: in its own unit, or as a multiple of another contender's."""

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
        title: what it is called in tables and pictures.
    """

    name: str
    module: str
    contenders: tuple[str, ...]
    settings: dict[str, Any]
    smoke: dict[str, Any]
    rounds: int
    targets: tuple[Target, ...] = field(default=())
    tolerance: float = 1e-4
    title: str = ""


def all_runs() -> list[Run]:
    """Every workload, in the order of the report."""
    runs = [*_engine(), *_functions(), *_training(), *_layers(), *_large(), *_compiled(), *_memory()]
    return [*runs, *_pictures(), *_growth_and_imports()]


BOTH = ("chainrule", "torch")
MLP_784 = [
    (f"mlp-784-{optimizer}{'-bn' * batch_norm}", optimizer, batch_norm)
    for batch_norm in (False, True)
    for optimizer in ("sgd", "momentum", "adagrad", "adam")
]


def _repeated(settings: dict[str, Any], repeats: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings, and those of a smoke run on the same sizes."""
    return {**settings, "repeats": repeats}, {**settings, "repeats": 1}


def _mlp(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the multilayer perceptrons."""
    if name == "mlp-64":
        return _repeated({"sizes": [64, 64, 64, 10], "batch": 32, "optimizer": "adam"}, 500)
    if name == "mlp-1024":
        settings = {"sizes": [784, 1024, 1024, 10], "batch": 128, "optimizer": "adam", "repeats": 20}
        return settings, {**settings, "sizes": [20, 16, 16, 10], "batch": 4, "repeats": 1}
    optimizer, batch_norm = next((o, bn) for other, o, bn in MLP_784 if other == name)
    chosen = {"optimizer": optimizer, "batch_norm": batch_norm}
    return (
        {"sizes": [784, 100, 100, 100, 100, 10], "batch": 100, **chosen, "repeats": 100},
        {"sizes": [20, 8, 8, 8, 8, 10], "batch": 16, **chosen, "repeats": 1},
    )


GPT = {"layers": 2, "size": 128, "heads": 4, "length": 64, "batch": 8, "vocabulary": 65, "repeats": 5}
SMALL_GPT = {"layers": 1, "size": 8, "heads": 2, "length": 4, "batch": 2, "vocabulary": 5, "repeats": 1}
CNN = {"batch": 64, "channels": (16, 32), "repeats": 20}
SMALL_CNN = {"batch": 2, "channels": (2, 3), "repeats": 1}
ROWS = {"layer-norm": 512, "cross-entropy": 1000}
CELLS = ("LSTM", "GRU", "RNN")


def _rows(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {"layer": name, "rows": 4096, "width": ROWS[name], "repeats": 10},
        {"layer": name, "rows": 8, "width": 16, "repeats": 1},
    )


def _cell(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {"kind": kind, "sizes": [32, 32, 32, 64], "repeats": 10},
        {"kind": kind, "sizes": [3, 2, 4, 5], "repeats": 1},
    )


def _digits() -> tuple[dict[str, Any], dict[str, Any]]:
    return _repeated({"folder": digits_folder()}, 20)


def _engine() -> list[Run]:
    """Recording and sweeping: many small ops, and many ops."""
    per_op = "us per op"
    chains = [
        Run(f"chain-{size}", "chain", ("chainrule", "torch", "numpy", "hips", "mygrad"),
            *_repeated({"size": size}, 100), 15, (Target(per_op, 0.5, "torch"),))
        for size in (1, 16, 1024)
    ]  # fmt: skip
    scalars = Run("scalars", "scalars", ("chainrule", "micrograd", "torch"), *_repeated({}, 20), 15,
                  (Target("us per step", 1.0, "micrograd"),))  # fmt: skip
    memory = (
        Target("bytes per op", 500), Target("resident bytes per op", 500), Target("KiB left of the graph", 1024),
    )  # fmt: skip
    deep = [
        Run(
            f"deep-{depth}", "deep", BOTH,
            {"depth": depth, "repeats": max(1, 100_000 // depth), "memory": depth >= 100_000},
            {"depth": min(depth, 10_000), "repeats": 1, "memory": True},
            15 if depth < 1_000_000 else 5,
            (Target(per_op, 0.5, "torch"), *(memory if depth >= 100_000 else ())),
            title=f"chain of {depth:,} ops on one element",
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
            ("rosenbrock", "hessian", 20), ("density", "gradient", 50), ("mlp", "jvp", 50), ("rnn", "jvp", 5),
            ("rosenbrock", "jvp", 100), ("elementwise", "jvp", 200),
        )
    ]  # fmt: skip


def _training() -> list[Run]:
    """Whole training steps: forward, backward, update."""
    everyone = (*BOTH, "hips", "mygrad")
    per_step = "us per step"
    update = {"count": 50, "optimizer": "Adam"}
    return [
        Run("mlp-64", "training", everyone, *_mlp("mlp-64"), 15, (Target(per_step, 0.4, "torch"),)),
        *[Run(name, "training", BOTH, *_mlp(name), 15, (Target(per_step, 0.9, "torch"),)) for name, _, _ in MLP_784],
        Run("mlp-1024", "training", BOTH, *_mlp("mlp-1024"), 15),
        Run("adam-50", "many", BOTH, {**update, "steps": 500}, {**update, "steps": 1}, 15,
            (Target(per_step, 0.3, "torch"),)),
        Run("digits", "digits", everyone, *_digits(), 5, (Target("ms per epoch", 0.4, "torch"),)),
        Run("cnn", "cnn", BOTH, CNN, SMALL_CNN, 15, (Target("ms per step", 2.0, "torch"),)),
        Run("gpt", "gpt", BOTH, GPT, SMALL_GPT, 15, (Target("ms per step", 1.2, "torch"),)),
    ]  # fmt: skip


def _layers() -> list[Run]:
    """Single layers, forward and backward."""
    rows = [Run(name, "rows", BOTH, *_rows(name), 15, (Target("ms per step", 2.0, "torch"),)) for name in ROWS]
    cells = [Run(kind.lower(), "lstm", BOTH, *_cell(kind), 15, (Target("ms per step", 3, "torch"),)) for kind in CELLS]
    return [*rows, *cells]


def _large() -> list[Run]:
    """Ops on a million and on ten million elements, forward and backward: a run for each family of them."""
    sizes, width = [1_000_000, 10_000_000], 1000
    return [
        Run(f"large-{family}", "large", BOTH, {"family": family, "sizes": sizes, "width": width},
            {"family": family, "sizes": [20_000], "width": 100, "repeats": 1}, 7,
            tuple([Target(name, 1.5, "torch") for name in figure_names(family, sizes)]),
            1e-3)  # of float32 sums over ten million elements
        for family in FAMILIES
    ]  # fmt: skip


def _compiled() -> list[Run]:
    """Steps compiled, beside the library eager, NumPy by hand, PyTorch, JAX and others."""
    ours = ("compiled", "chainrule")
    torches = ("torch", "torch-fused", "torch-compile")
    kernels = ("compiled", "numba", "chainrule")
    array = ("numpy", "torch", "torch-compile", "jax")
    training = (*kernels, "numpy", *torches, "jax")
    step, call, op = "ms per step", "us per call", "us per op"

    def run(name: str, module: str, contenders: tuple[str, ...], settings: Any, figure: str, title: str,
            *limits: tuple[float, str], first: float | None = None, tolerance: float = 1e-4) -> Run:  # fmt: skip
        targets = [Target(figure, limit, of) for limit, of in limits]
        if first is not None:
            targets.append(Target("ms first step", first))
        return Run(f"{name}-compiled", module, contenders, *settings, 15, tuple(targets), tolerance, title)

    chains = [
        run(f"chain-{size}", "chain", (*ours, *array, "hips", "mygrad"), _repeated({"size": size}, 100), op,
            f"100 ops on {size} element{'s' * (size > 1)}, per op", (0.2, "torch"))
        for size in (1, 16, 1024)
    ]  # fmt: skip
    perceptrons = [
        run("mlp-64", "training", (*training, "hips", "mygrad"), _mlp("mlp-64"), "us per step",
            "MLP 64-64-64-10, Adam", (1.05, "numpy"), (0.3, "torch-fused"), (1.2, "jax"), first=50),
        *[
            run(name, "training", training, _mlp(name), "us per step",
                f"MLP 784-100x4-10{', batch norm' * batch_norm}, {_PROPER[optimizer]}", (1.0, "jax"), (0.7, "torch"))
            for name, optimizer, batch_norm in MLP_784
        ],
        run("mlp-1024", "training", training, _mlp("mlp-1024"), "us per step", "MLP 784-1024-1024-10, Adam",
            (0.6, "torch-fused"), (0.85, "numpy"), (1.0, "jax"), tolerance=1e-3),  # Adam makes much of rounding
    ]  # fmt: skip
    gelu = {"size": 1 << 22, "repeats": 5}, {"size": 1 << 19, "repeats": 1}
    arrays = [
        run("gelu", "gelu", (*kernels, *array), gelu, step, "GELU written out, 4 Mi elements", (0.25, "torch"),
            (1.0, "torch-compile")),
        run("cross-entropy", "rows", (*kernels, *array), _rows("cross-entropy"), step,
            "softmax cross entropy (4096, 1000)", (1.0, "torch")),
        run("layer-norm", "rows", (*kernels, *array), _rows("layer-norm"), step,
            "layer norm (4096, 512)", (1.2, "torch")),
    ]  # fmt: skip
    networks = [
        run("cnn", "cnn", (*ours, *torches, "jax"), (CNN, SMALL_CNN), step, "CNN, SGD", (1.5, "torch")),
        run("lstm", "lstm", (*ours, "torch", "jax"), _cell("LSTM"), step, "LSTM, forward and backward", (2, "torch")),
        *[run(kind.lower(), "lstm", (*ours, "torch"), _cell(kind), step, f"{kind}, forward and backward")
          for kind in CELLS[1:]],
        run("gpt", "gpt", (*kernels, *torches, "jax"), (GPT, SMALL_GPT), step, "GPT, Adam", (0.9, "torch"), first=1000),
        run("digits", "digits", (*ours, "numpy", *torches, "jax", "hips", "mygrad"), _digits(), "ms per epoch",
            "logistic regression, SGD, an epoch"),
        run("mlp-hvp", "hvp", (*ours, "numpy", "torch", "jax", "hips"), _repeated({}, 100), call,
            "Hessian-vector product of an MLP", (0.4, "torch")),
        run("scalars", "scalars", (*ours, "micrograd", "torch", "jax"), _repeated({}, 20), "us per step",
            "MLP 2-16-16-1 of single numbers"),
    ]  # fmt: skip
    return [*chains, *perceptrons, *arrays, *networks]


_PROPER = {"sgd": "SGD", "momentum": "momentum", "adagrad": "AdaGrad", "adam": "Adam"}


def _memory() -> list[Run]:
    """The memory of compiled steps beside eager ones."""
    targets = tuple(Target(figure, 0.8, "chainrule") for figure in ("MiB at the peak", "MiB beyond what is kept"))
    runs = []
    for run in _compiled():
        if run.name in ("mlp-784-adam-compiled", "mlp-1024-compiled", "gelu-compiled", "cnn-compiled",
                        "lstm-compiled", "gpt-compiled"):  # fmt: skip
            settings, smoke = (
                {"workload": run.module, "settings": {n: v for n, v in one.items() if n != "repeats"}, "before": before}
                for one, before in ((run.settings, SETTLED), (run.smoke, 3))
            )
            name = f"memory-{run.name.removesuffix('-compiled')}"
            runs.append(Run(name, "memory", ("compiled", "chainrule"), settings, smoke, 1, targets, title=run.title))
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


def _growth_and_imports() -> list[Run]:
    grown = (Target("KiB grown, traced", 1024), Target("KiB grown, resident", 1024))
    steps = [
        Run(name, "steps", (contender,), {"steps": 10_000}, {"steps": 20}, 1, grown)
        for name, contender in (("steps", "chainrule"), ("steps-nn", "chainrule_nn"))
    ]  # fmt: skip
    imports = [
        Run(
            name, "imports", BOTH, {"names": names}, {"names": names}, 11,
            (Target("ms beyond NumPy's import", limit),), title=f"import {names}",
        )
        for name, names, limit in (("import-engine", "autograd", 60), ("import-all", "autograd, nn, optim", 120))
    ]  # fmt: skip
    return [*steps, *imports]
