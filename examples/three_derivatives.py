"""Symbolic, numerical and automatic derivatives of the same functions: how accurate they are, and what they cost.

SymPy derives formulas, central, Richardson's and complex differences run the function at neighbouring points, and
``autograd.func`` runs it once and walks back. The functions are the loss of a robust regression for a few real
patients (eleven weights, see ``robust_regression``), and the logistic map 3.7 x (1 - x) applied n times: a program of
three operations a turn, whose formula has 2^n leaves once it is written out. Every derivative, first and second, is
held against SymPy's formula with 40 digits.

You should see that symbolic and automatic derivatives are right to rounding, the complex step too for first ones, and
differences to some digits. SymPy's code is the fastest to run for small formulas. But it takes long to obtain, and it
swells: more than doubled by each turn. Computing equal subexpressions only once (dashed lines are the time to obtain
a derivative, solid ones to evaluate it) makes the first derivative fast and leaves the second as it is. Automatic ones
need no formula: nothing is to be obtained, and their time grows as the program's, by one turn with each turn.
Differences are quick for one argument; with eleven they run the function again and again, hundreds of times for a
matrix of second derivatives.

    python -m examples.three_derivatives
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy
from tqdm import tqdm

from autograd import func, numerical

from .robust_regression import load, loss
from .story import COLORS, chart, parser, save, table

LIMITS = {1: 8, 2: 6}
"""By the order of the derivative, how often the logistic map is applied at most: SymPy takes seconds for it."""
PATIENTS = 3
EPS = float(np.finfo(np.float64).eps)
MAP = "logistic map"
LOSS = "loss of patients"
SHADES = tuple(COLORS[i] for i in (0, 5, 1, 3, 2, 6))
"""A colour for each way."""
Function = Callable[[Any], Any]


class Way(NamedTuple):
    """A derivative: the operations in its formula (0: it has none), its relative error.

    ``seconds``: to obtain it, and to evaluate it once.
    """

    operations: int
    error: float
    seconds: tuple[float, float]


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        runs: how often each way ran the loss for one gradient, and for one matrix of second derivatives.
        ways: by function, way of deriving, order of the derivative and how often the map is applied (or the patients).
    """

    runs: dict[str, tuple[int, int]]
    ways: dict[tuple[str, str, int, int], Way]


def logistic(x: Any, n: int) -> Any:
    """The logistic map, applied n times to a vector of one element."""
    y = x[0]
    for _ in range(n):
        y = 3.7 * y * (1 - y)
    return y


def symbolic(f: Function, size: int, order: int, **options: Any) -> tuple[Function, int]:
    """SymPy's derivative as a function, and how many operations are in its formula."""
    symbols = sympy.symbols(f"x:{size}")
    found: Any = [sympy.diff(f(np.array(symbols)), symbol) for symbol in symbols]
    if order == 2:
        found = [[sympy.diff(slope, symbol) for symbol in symbols] for slope in found]
    operations = int(sum(sympy.count_ops(entry) for entry in np.ravel(found)))
    return sympy.lambdify([symbols], found, **{"modules": "numpy", **options}), operations


def differences(f: Function, order: int, method: Any) -> Function:
    """The gradient, or Jacobian of the gradient, by differences."""
    if order == 1:
        return functools.partial(numerical.gradient, f, method=method)
    if method == "central":  # of second differences the rounding is divided by h^2: a larger step is best
        h = EPS**0.25
        return lambda x: numerical.jacobian(lambda x: numerical.gradient(f, x, h), x, h)
    return lambda x: numerical.jacobian(lambda x: numerical.gradient(f, x, method=method), x, method="richardson")


WAYS: dict[str, Callable[[Function, int, int], tuple[Function, int]]] = {
    "symbolic": symbolic,
    "symbolic, shared": functools.partial(symbolic, cse=True),
    "central": lambda f, size, order: (differences(f, order, "central"), 0),
    "Richardson": lambda f, size, order: (differences(f, order, "richardson"), 0),
    "complex step": lambda f, size, order: (differences(f, order, "complex"), 0),
    "automatic": lambda f, size, order: ((func.grad if order == 1 else func.hessian)(f), 0),
}
"""Each takes a function, the size of its argument and the order; "shared": equal subexpressions are computed once."""


def seconds_of(call: Callable[[], Any], repeats: int = 7, budget: float = 0.5) -> float:
    """The least time of a call; one that is slow is not repeated often."""
    times: list[float] = []
    while len(times) < repeats and sum(times) < budget:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def exactly(f: Function, x: np.ndarray, order: int) -> np.ndarray:
    """SymPy's derivative, computed with 40 digits."""
    with mpmath.workdps(40):
        found = symbolic(f, len(x), order, modules="mpmath", cse=True)[0](list(map(mpmath.mpf, x)))
        return np.array(found, dtype=object).astype(np.float64)


def try_ways(f: Function, x: np.ndarray, order: int) -> dict[str, Way]:
    """All ways to the derivative of a function at a point."""
    true, found = exactly(f, x, order), {}
    for way, obtain in WAYS.items():
        start = time.perf_counter()
        derivative, operations = obtain(f, len(x), order)
        obtained = time.perf_counter() - start
        error = np.abs(np.array(derivative(x)) - true).max() / np.abs(true).max()
        found[way] = Way(operations, float(error), (obtained, seconds_of(functools.partial(derivative, x))))
    return found


def count_runs(f: Function, x: np.ndarray) -> dict[str, tuple[int, int]]:
    """How often the numerical and automatic ways run a function, for the first and for the second derivative."""
    counts: dict[str, list[int]] = {}
    for way in list(WAYS)[2:]:
        for order in (1, 2):
            runs: list[Any] = []

            def counted(x: Any, runs: list[Any] = runs) -> Any:
                runs.append(None)
                return f(x)

            WAYS[way](counted, len(x), order)[0](x)
            counts.setdefault(way, []).append(len(runs))
    return {way: (first, second) for way, (first, second) in counts.items()}


def measure(seed: int, few: int, columns: int, limits: dict[int, int]) -> Figures:
    """All figures, for the loss of a few patients by their first measurements, and the map up to ``limits`` times."""
    patients = load(seed)
    f = functools.partial(loss, x=patients.x[:few, :columns], y=patients.y[:few])
    rng = np.random.default_rng(seed)
    weights, point = rng.normal(size=columns + 1) / 3, rng.uniform(0.2, 0.4, 1)
    cases: list[tuple[str, Function, np.ndarray, int, int]] = [
        (MAP, functools.partial(logistic, n=n), point, order, n)
        for order, most in limits.items()
        for n in range(1, most + 1)
    ]
    cases += [(LOSS, f, weights, order, few) for order in (1, 2)]
    ways = {}
    for name, function, x, order, n in tqdm(cases, desc="derivatives", leave=False):
        for way, found in try_ways(function, x, order).items():
            ways[name, way, order, n] = found
    return Figures(count_runs(f, weights), ways)


def last_of(figures: Figures, name: str, order: int) -> int:
    """How often the map is applied at most, or how many patients there are."""
    return max(n for found, _, way_order, n in figures.ways if (found, way_order) == (name, order))


def draw_costs(axes: Any, figures: Figures, order: int) -> None:
    """Time to evaluate a derivative of the map, and to obtain it (dashed), against how often the map is applied."""
    turns = range(1, last_of(figures, MAP, order) + 1)
    for way, color in zip(WAYS, SHADES, strict=True):
        found = [figures.ways[MAP, way, order, n] for n in turns]
        axes.plot(turns, [one.seconds[1] for one in found], "o-", color=color, markersize=4, label=way)
        if found[-1].operations:
            axes.plot(turns, [one.seconds[0] for one in found], "o--", color=color, markersize=4, mfc="white")
    axes.set(yscale="log", xlabel="times the map is applied", ylabel="seconds (dashed: to obtain it)", ylim=(5e-7, 300))
    axes.set_xticks(turns)
    axes.set_title(f"{('First', 'Second')[order - 1]} derivative of the logistic map")
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)


def draw_errors(axes: Any, figures: Figures) -> None:
    """The relative error of each way, for both functions and both orders."""
    place = np.arange(len(WAYS))[::-1]
    kinds = [(name, order) for name in (MAP, LOSS) for order in (1, 2)]
    for (name, order), shift in zip(kinds, (0.24, 0.08, -0.08, -0.24), strict=True):
        n = last_of(figures, name, order)
        errors = [max(figures.ways[name, way, order, n].error, EPS / 4) for way in WAYS]
        color = COLORS[0] if name == MAP else COLORS[1]
        style = {"marker": "o", "mfc": color} if order == 1 else {"marker": "D", "mfc": "white"}
        label = f"{('first', 'second')[order - 1]}, {name if name == MAP else 'loss'}"
        axes.plot(errors, place + shift, linestyle="", color=color, label=label, **style)
    axes.axvline(EPS, color="black", linewidth=1, linestyle=":")
    axes.set_yticks(place, WAYS)
    axes.set(xscale="log", xlabel="relative error (dotted: one rounding)", title="How accurate they are")
    axes.legend(frameon=True, fontsize=8, loc="upper right")


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    few, turns = last_of(figures, LOSS, 2), last_of(figures, MAP, 2)
    loss_of = {way: figures.ways[LOSS, way, 2, few] for way in WAYS}
    ended, before = (figures.ways[MAP, "symbolic", 2, n] for n in (turns, turns - 1))
    automatic = figures.ways[MAP, "automatic", 2, turns]
    exact = max(
        found.error
        for (name, way, _, _), found in figures.ways.items()
        if name == LOSS and way in ("symbolic", "automatic")
    )
    slower = {way: loss_of[way].seconds[1] / loss_of["automatic"].seconds[1] for way in WAYS}
    formula = loss_of["symbolic"]
    return (
        f"Symbolic and automatic derivatives of the loss are right to {exact:.0e}. Its second derivatives take "
        f"{figures.runs['central'][1]:,} runs of it by central differences, good to "
        f"{loss_of['central'].error:.0e}, and {figures.runs['Richardson'][1]:,} by Richardson's, good to "
        f"{loss_of['Richardson'].error:.0e}: {slower['central']:.1f} and {slower['Richardson']:.0f} times the time of "
        f"automatic ones. SymPy needed {formula.seconds[0]:.1f} s for its {formula.operations:,} operations, which "
        f"run in {slower['symbolic']:.1f} times that. Turn {turns} of the logistic map made the second derivative's "
        f"formula grow by a factor of {ended.operations / before.operations:.1f}, to {ended.operations:,} operations: "
        f"{1e3 * ended.seconds[1]:.2f} ms to evaluate, the automatic one {1e3 * automatic.seconds[1]:.2f} ms."
    )


def report(figures: Figures) -> None:
    """Print the table of the largest cases."""
    table(
        ("function", "order", "derivative", "operations", "runs", "s to obtain", "ms to evaluate", "relative error"),
        [
            (
                f"{name} ({n})",
                order,
                way,
                found.operations or "",
                figures.runs[way][order - 1] if name == LOSS and way in figures.runs else "",
                f"{found.seconds[0]:.4f}",
                f"{1e3 * found.seconds[1]:.3f}",
                f"{found.error:.0e}",
            )
            for (name, way, order, n), found in figures.ways.items()
            if n == last_of(figures, name, order)
        ],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, *((2, 3, {1: 4, 2: 4}) if options.fast else (PATIENTS, 10, LIMITS)))
    report(figures)
    figure, (left, middle, right) = chart(1, 3, size=(4.8, 4.4))
    draw_costs(left, figures, 1)
    draw_costs(middle, figures, 2)
    draw_errors(right, figures)
    save(figure, options.out / "three_derivatives.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
