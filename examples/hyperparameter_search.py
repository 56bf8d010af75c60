"""Random search for the learning rate and weight decay, wide at first and then narrow.

A network of seven layers learns 400 digits by SGD; 100 others, the validation set, judge the setting (the test images
are not looked at before the end). Learning rates from 1e-6 to 1e-2 and weight decays from 1e-8 to 1e-4 are drawn
log-uniformly: each power of ten gets as many trials as any other. A trial that after a third of its time is below
twice what chance gives is given up. Then a second round draws from the range of the first one's best, from half the
least to twice the greatest value of the best tenth.

You should see that nearly all depends on the learning rate: most of the first range is too small to learn anything in
this time, which costs little, for those trials are given up early. The best ones lie at the upper end of the range, so
the second round looks beyond it, and most of its trials are better than most of the first round's. The weight decay
hardly matters, for all of this range is small: the scatter shows no change of colour along its axis. The accuracy of
the very best trial may flatter, for it is the greatest of many figures that each rest on 100 images; the test tells.

    python -m examples.hyperparameter_search --processes 2
"""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import autograd
import optim
from examples.networks import Curves, network, subset, train
from examples.story import COLORS, Images, at_least_one, chart, load_images, parser, save, table

RATES, DECAYS = (1e-6, 1e-2), (1e-8, 1e-4)
SHOWN = 20
IMAGES, VALIDATION = 500, 0.2


class Trial(NamedTuple):
    """One setting, and how training went."""

    lr: float
    decay: float
    curves: Curves
    """The held-out images are those of the validation set."""
    given_up: bool

    @property
    def score(self) -> float:
        """The accuracy on the validation set, in the mean of the last five measurements."""
        return float(self.curves.test[-5:].mean())


class Search(NamedTuple):
    """What the search gave."""

    first: list[Trial]
    second: list[Trial]
    best: Trial
    test: float
    """The accuracy on the test images of the best setting, trained anew with the validation images too."""

    def median(self, number: int) -> float:
        """The median validation accuracy of the first (0) or second (1) round."""
        return float(np.median([trial.score for trial in self[number]]))


def run(images: Images, steps: int, seed: int, setting: tuple[float, float]) -> Trial:
    """Try a setting; all trials have the same first weights and mini-batches."""
    lr, decay = setting

    def hopeless(curves: Curves) -> bool:
        return curves.steps[-1] >= steps / 3 and curves.test[-1] < 0.2

    autograd.manual_seed(seed)
    model = network(images.train_x.shape[1], hidden=6)
    optimizer = optim.SGD(model.parameters(), lr=lr, weight_decay=decay)
    curves = train(model, optimizer, images, steps=steps, every=4, seed=seed, hopeless=hopeless)
    return Trial(lr, decay, curves, bool(curves.steps[-1] < steps))


def draw_settings(
    rng: np.random.Generator, count: int, rates: tuple[float, float], decays: tuple[float, float]
) -> list[tuple[float, float]]:
    """Settings drawn log-uniformly from the ranges."""
    columns = [np.exp(rng.uniform(*np.log(bounds), count)).tolist() for bounds in (rates, decays)]
    return list(zip(*columns, strict=True))


def ranked(trials: list[Trial]) -> list[Trial]:
    """The trials, the best first."""
    return sorted(trials, key=lambda trial: -trial.score)


def narrowed(trials: list[Trial]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of learning rate and decay: from half the least to twice the greatest of the best tenth (at least 2)."""
    best = ranked(trials)[: max(2, len(trials) // 10)]
    rates, decays = ([getattr(trial, name) for trial in best] for name in ("lr", "decay"))
    return (min(rates) / 2, 2 * max(rates)), (min(decays) / 2, 2 * max(decays))


def rounds(images: Images, seed: int, count: int, steps: int, apply: Callable[..., Iterable[Trial]]) -> Search:
    """Two rounds, and the test of the best setting; ``apply`` is ``map`` or works like it."""
    held = int(VALIDATION * len(images.train_x))
    judged = Images(images.train_x[held:], images.train_y[held:], images.train_x[:held], images.train_y[:held])
    one = functools.partial(run, judged, steps, seed)
    rng = np.random.default_rng(seed)
    settings = draw_settings(rng, count, RATES, DECAYS)
    first = list(tqdm(apply(one, settings), total=count, desc="first round", unit="trial"))
    settings = draw_settings(rng, count, *narrowed(first))
    second = list(tqdm(apply(one, settings), total=count, desc="second round", unit="trial"))
    best = ranked(first + second)[0]
    final = run(images, steps, seed, (best.lr, best.decay))
    return Search(first, second, best, float(final.curves.test[-1]))


def search(images: Images, seed: int, *, count: int, steps: int, processes: int) -> Search:
    """Search by ``count`` trials a round, in this process or in several; the result is the same."""
    if processes == 1:
        return rounds(images, seed, count, steps, map)
    # Processes that are spawned, and not forked, inherit neither threads nor locks, and exist on every system.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return rounds(images, seed, count, steps, pool.map)


def draw_scatter(result: Search, path: Path) -> Path:
    """Both rounds' settings, coloured by validation accuracy; and all accuracies in order."""
    figure, (*panels, ranks) = chart(1, 3, size=(4.7, 4))
    rates, decays = narrowed(result.first)
    for axes, trials, name in zip(panels, result[:2], ("First", "Second"), strict=True):
        axes.grid(visible=False)
        gone = [trial for trial in trials if trial.given_up]
        kept = [trial for trial in trials if not trial.given_up]
        axes.scatter([t.lr for t in gone], [t.decay for t in gone], marker="x", color="#b0b0b0", s=22, label="given up")
        colors = [100 * t.score for t in kept]
        dots = axes.scatter(
            [t.lr for t in kept],
            [t.decay for t in kept],
            c=colors,
            cmap="viridis",
            vmin=20,
            vmax=100,
            edgecolor="#4d4d4d",
            linewidth=0.4,
            s=42,
        )
        axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay", title=f"{name} round")
    x, y = [rates[i] for i in (0, 1, 1, 0, 0)], [decays[i] for i in (0, 0, 1, 1, 0)]
    panels[0].plot(x, y, color=COLORS[1], label="second round's range")
    panels[1].plot(result.best.lr, result.best.decay, "*", color=COLORS[1], markersize=15, label="chosen", zorder=3)
    ticks = [step * 10.0**power for power in range(-7, 1) for step in (1, 2, 3, 5)]
    ticks = [tick for tick in ticks if rates[0] <= tick <= rates[1]]
    panels[1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[1].xaxis.set_minor_formatter("")
    handles = [handle for axes in panels for handle in axes.get_legend_handles_labels()[0]]
    labels = [handle.get_label() for handle in handles]
    known = [handle for i, handle in enumerate(handles) if labels[i] not in labels[:i]]
    figure.legend(known, dict.fromkeys(labels), loc="outside lower center", ncols=3, frameon=False)
    figure.colorbar(dots, ax=panels[1], label="validation accuracy (%)")
    for color, trials, name in zip(COLORS, result[:2], ("first round", "second round"), strict=False):
        scores = sorted((100 * trial.score for trial in trials), reverse=True)
        ranks.plot(range(1, len(scores) + 1), scores, color=color, label=name)
    ranks.set(xlabel="trials, the best first", ylabel="validation accuracy (%)", ylim=(0, 100))
    ranks.set_title("All trials in order")
    ranks.legend(frameon=False)
    return save(figure, path)


def draw_best(trials: list[Trial], path: Path) -> Path:
    """The best trials' curves, a panel for each."""
    best = ranked(trials)[:SHOWN]
    rows = -(-len(best) // 5)
    figure, grid = chart(rows, 5, size=(2.3, 1.9), sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(best) :]:
        axes.axis("off")
    for number, (axes, trial) in enumerate(zip(grid.flat, best, strict=False), 1):
        axes.plot(trial.curves.steps, 100 * trial.curves.train, color=COLORS[0], linestyle="--", label="training")
        axes.plot(trial.curves.steps, 100 * trial.curves.test, color=COLORS[1], label="validation")
        axes.set_title(f"{number}: rate {trial.lr:.2g}, decay {trial.decay:.0e}", fontsize=8)
        axes.set(ylim=(0, 103), yticks=(0, 50, 100))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.supxlabel("mini-batches", fontsize=11)
    figure.supylabel("accuracy (%)", fontsize=11)
    return save(figure, path)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """The correlation of the ranks."""
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(ranks)[0, 1])


def sentence(result: Search) -> str:
    """What the figures say."""
    through = [trial for trial in result.first + result.second if not trial.given_up]
    scores = [trial.score for trial in through]
    by_rate, by_decay = (
        rank_correlation([getattr(trial, name) for trial in through], scores) if len(through) > 2 else None
        for name in ("lr", "decay")
    )
    matters = (
        "Too few went through to say what the accuracy depends on"
        if by_rate is None
        else "Among those that went through, the rank correlation of accuracy with the learning rate is "
        f"{by_rate:.2f}, with the decay {by_decay:.2f}"
    )
    beyond = "beyond" if result.best.lr > RATES[1] else "inside"
    return (
        f"{sum(trial.given_up for trial in result.first)} of {len(result.first)} trials of the first round were given "
        f"up, {sum(trial.given_up for trial in result.second)} of the second. The median validation accuracy went from "
        f"{100 * result.median(0):.1f} to {100 * result.median(1):.1f} %. {matters}. The chosen rate "
        f"{result.best.lr:.3g} lies {beyond} the first range; its validation accuracy is {100 * result.best.score:.1f} "
        f"%, that on the test images {100 * result.test:.1f} %."
    )


def main(arguments: Sequence[str] | None = None) -> Search:
    """Run the story; returns all trials, the best one, and its test accuracy."""
    line = parser(__doc__, mnist=True)
    line.add_argument(
        "--processes", type=at_least_one, metavar="N", help="any give the same (one a core, up to 4; one with --fast)"
    )
    options = line.parse_args(arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = options.processes or (1 if options.fast else min(4, cores))
    count, steps = (10, 80) if options.fast else (100, 200)
    images = subset(load_images(options.seed, options.mnist), IMAGES)
    result = search(images, options.seed, count=count, steps=steps, processes=processes)
    rows = [
        [number, f"{trial.lr:.2e}", f"{trial.decay:.1e}", 100 * float(trial.curves.train[-1]), 100 * trial.score]
        for number, trials in enumerate(result[:2], 1)
        for trial in trials
    ]
    rows.sort(key=lambda row: -row[-1])
    table(["round", "learning rate", "weight decay", "train %", "validation %"], rows[:10])
    draw_scatter(result, options.out / "hyperparameter_search.png")
    draw_best(result.first, options.out / "hyperparameter_search_best.png")
    print(sentence(result))
    return result


if __name__ == "__main__":
    main()
