"""Gradient descent: the learning rate decides, the start decides, and where the gradient comes from does not.

The paths go down x^2 + 2x + 3 (minimum 2 at -1) and x^2 + 2y^2 (minimum 0 at the origin) until the gradient's norm is
at most 1e-6. A step multiplies the distance to the minimum by 1 - rate * curvature, in each direction by itself. So
you should see three kinds of path: a rate that is too small creeps (a factor just below 1), a right one arrives in a
dozen or two of steps, one that is too large jumps over the minimum and ends farther away each time (a factor below -1).
On the bowl it is enough that the steeper direction, y with curvature 4, cannot bear the rate: x settles, y runs away.

Himmelblau's function is not convex: it has four minima, all of value 0, and the start decides which one is found. The
rate has a say too: a minimum whose largest curvature is above 2 / rate throws every path out again, so that with the
large rate the sharpest of the four is never found (white: starts that settle nowhere), however near one starts.

The last picture follows gradients from SymPy (symbolic), from central differences (numerical) and from backpropagation
(automatic) down the same slopes. They should be the same paths, to rounding for the automatic one.

    python -m examples.gradient_descent
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy
from matplotlib.colors import ListedColormap
from tqdm import tqdm

import autograd
import optim
from autograd import numerical

from .story import COLORS, chart, parser, save, table

TOLERANCE = 1e-6
MAX_STEPS = 500
RATES = {"curve": (0.02, 0.3, 1.03), "bowl": (0.02, 0.3, 0.52)}
KINDS = ("too small", "right", "too large")
SMALL, LARGE = 0.01, 0.0175
"""Learning rates on Himmelblau's function."""
MINIMA = np.array([[3.0, 2.0], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]])
"""Those of Himmelblau's function."""


class Difference(NamedTuple):
    """How far a path is from the symbolic gradient's: its steps, and the largest distance at equal steps."""

    steps: int
    largest: float


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        runs: what ``optim.minimize`` found, by function ("curve", "bowl") and kind of learning rate.
        walks: the same on Himmelblau's function, from random starts.
        reached: the number of the minimum that each of these found (-1: none).
        limits: 2 / the largest curvature at each minimum: the rate above which it does not attract.
        basins: for both rates the number of the minimum that each start of a grid ends in (-1: none).
        differences: by function and by way ("symbolic", "numerical", "automatic").
    """

    runs: dict[tuple[str, str], optim.Minimum]
    walks: tuple[optim.Minimum, ...]
    reached: np.ndarray
    limits: np.ndarray
    basins: tuple[np.ndarray, np.ndarray]
    differences: dict[tuple[str, str], Difference]


def curve(x: Any) -> Any:
    """x^2 + 2x + 3, of a vector of one element; like all functions here for arrays, Tensors and SymPy's symbols."""
    return x[0] ** 2 + 2 * x[0] + 3


def bowl(x: Any) -> Any:
    """x^2 + 2y^2."""
    return x[0] ** 2 + 2 * x[1] ** 2


def himmelblau(x: Any) -> Any:
    """Himmelblau's function, with four minima."""
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], tuple[float, ...], float]] = {
    "curve": (curve, (4.0,), 0.3),
    "bowl": (bowl, (-3.0, 2.0), 0.3),
    "Himmelblau": (himmelblau, (0.0, -1.0), 0.01),
}
"""Each function with a start and a learning rate that suits it."""


def symbolic(f: Callable[[Any], Any], size: int) -> Callable[[np.ndarray], np.ndarray]:
    """The gradient as SymPy writes it."""
    symbols = sympy.symbols(f"x:{size}")
    written = sympy.lambdify([symbols], [sympy.diff(f(symbols), symbol) for symbol in symbols], "numpy")
    return lambda x: np.array(written(x))


def automatic(f: Callable[[Any], Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The gradient by backpropagation; for points along further axes, that at every point."""

    def gradient(x: np.ndarray) -> np.ndarray:
        leaf = autograd.tensor(x, requires_grad=True)
        return autograd.grad(f(leaf).sum(), leaf)[0].numpy()

    return gradient


def descend(gradient: Callable[[np.ndarray], np.ndarray], start: Sequence[float], rate: float) -> np.ndarray:
    """Gradient descent in its three lines; returns the path (steps + 1, size)."""
    path = [np.array(start)]
    while np.linalg.norm(slope := gradient(path[-1])) > TOLERANCE and len(path) <= MAX_STEPS:
        path.append(path[-1] - rate * slope)
    return np.stack(path)


def walk(f: Callable[[Any], Any], start: Any, rate: float) -> optim.Minimum:
    """The same by ``optim.minimize``."""
    return optim.minimize(f, start, lambda p: optim.SGD(p, lr=rate), tol=TOLERANCE, max_steps=MAX_STEPS)


def compare() -> dict[tuple[str, str], Difference]:
    """Descend every function with the three kinds of gradient."""
    found = {}
    for name, (f, start, rate) in FUNCTIONS.items():
        paths = {
            "symbolic": descend(symbolic(f, len(start)), start, rate),
            "numerical": descend(lambda x, f=f: numerical.gradient(f, x), start, rate),
            "automatic": walk(f, start, rate).path,
        }
        for way, path in paths.items():
            both = min(len(path), len(paths["symbolic"]))
            apart = np.linalg.norm(path[:both] - paths["symbolic"][:both], axis=1)
            found[name, way] = Difference(len(path) - 1, float(apart.max()))
    return found


def limits() -> np.ndarray:
    """For each of Himmelblau's minima the learning rate above which gradient descent is thrown out of it."""
    hessians = [numerical.jacobian(automatic(himmelblau), minimum) for minimum in MINIMA]
    return np.array([2 / np.linalg.eigvalsh((hessian + hessian.T) / 2).max() for hessian in hessians])


def nearest(points: np.ndarray) -> np.ndarray:
    """For points (2, ...) the number of the minimum that each has come to, or -1."""
    with np.errstate(invalid="ignore"):
        apart = np.linalg.norm(points[None] - MINIMA.reshape(4, 2, *[1] * (points.ndim - 1)), axis=1)
    # what has run away to NaN is near to nothing
    apart = np.nan_to_num(apart, nan=np.inf)
    return np.where(apart.min(0) < 1e-3, apart.argmin(0), -1)


def basins(rate: float, size: int, steps: int = 400) -> np.ndarray:
    """Which minimum every start of a grid of size x size ends in; all of them walk at once."""
    axis = np.linspace(-5, 5, size)
    x = np.stack(np.meshgrid(axis, axis))
    gradient = automatic(himmelblau)
    with np.errstate(all="ignore"):
        for _ in tqdm(range(steps), desc=f"basins at rate {rate:g}", unit="step"):
            x = x - rate * gradient(x)
    return nearest(x)


def shares_of(ends: np.ndarray) -> np.ndarray:
    """The share of each minimum, and of none."""
    return np.array([(ends == which).mean() for which in (0, 1, 2, 3, -1)])


def measure(seed: int, size: int) -> Figures:
    """All figures, with basins of size x size starts."""
    runs = {
        (name, kind): walk(FUNCTIONS[name][0], FUNCTIONS[name][1], rate)
        for name, rates in RATES.items()
        for kind, rate in zip(KINDS, rates, strict=True)
    }
    starts = np.random.default_rng(seed).uniform(-5, 5, (8, 2))
    walks = tuple(walk(himmelblau, start, SMALL) for start in starts)
    reached = nearest(np.stack([found.x for found in walks], axis=1))
    return Figures(runs, walks, reached, limits(), (basins(SMALL, size), basins(LARGE, size)), compare())


def draw_curve(axes: Any, runs: dict[tuple[str, str], optim.Minimum]) -> None:
    """The parabola, and the first steps of the three rates on it."""
    x = np.linspace(-9.5, 7.5, 200)
    axes.plot(x, curve([x]), color=COLORS[6], linewidth=1, alpha=0.6)
    for kind, rate, color in zip(KINDS, RATES["curve"], COLORS, strict=False):
        path = runs["curve", kind].path[:10, 0]
        axes.plot(path, curve([path]), "o-", color=color, markersize=4, label=f"{kind}: {rate:g}")
    axes.set(xlabel="x", ylabel="f(x)", title="$x^2 + 2x + 3$ from 4: the first 9 steps", ylim=(-4, 108))
    axes.legend(frameon=False, fontsize=9, loc="upper center", title="learning rate")


def draw_bowl(axes: Any, runs: dict[tuple[str, str], optim.Minimum]) -> None:
    """Contours of the bowl, and the paths of the three rates."""
    fine = np.stack(np.meshgrid(np.linspace(-3.6, 3, 120), np.linspace(-5, 5, 120)))
    axes.contour(*fine, bowl(fine), levels=[0.5, 2, 6, 12, 20, 30, 42], colors=COLORS[6], linewidths=0.5, alpha=0.6)
    for kind, rate, color in zip(KINDS, RATES["bowl"], COLORS, strict=False):
        path = runs["bowl", kind].path[: 12 if kind == "too large" else None]
        axes.plot(*path.T, "o-", color=color, markersize=3, linewidth=1.2, label=f"{kind}: {rate:g}")
    axes.plot(0, 0, "*", color="black", markersize=11)
    axes.set(xlabel="x", ylabel="y", title="$x^2 + 2y^2$ from (-3, 2)", xlim=(-3.6, 3), ylim=(-5, 5))
    axes.legend(frameon=True, fontsize=9, loc="lower right", title="learning rate")


def draw_norms(axes: Any, runs: dict[tuple[str, str], optim.Minimum]) -> None:
    """The gradient's norm along all paths, with the line where they stop."""
    gradients = {"curve": automatic(curve), "bowl": automatic(bowl)}
    for (name, kind), found in runs.items():
        norms = np.linalg.norm(gradients[name](found.path.T), axis=0)
        label = f"{kind}, {'$x^2+2x+3$' if name == 'curve' else '$x^2+2y^2$'}"
        style = "-" if name == "curve" else "--"
        axes.plot(np.arange(1, len(norms) + 1), norms, style, color=COLORS[KINDS.index(kind)], label=label)
    axes.axhline(TOLERANCE, color="black", linewidth=1, linestyle=":")
    axes.text(30, TOLERANCE * 1.6, "stop: $10^{-6}$", fontsize=9)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(1e-7, 1e10),
        xlabel="point of the path (1: the start)",
        ylabel="norm of the gradient",
    )
    axes.set_title("Stopping criterion")
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def draw_basins(axes: Any, ends: np.ndarray, rate: float, paths: Sequence[np.ndarray] = ()) -> None:
    """The basins of Himmelblau's four minima, with paths."""
    shades = ListedColormap(["#ffffff", *COLORS[:4]])
    axes.imshow(ends, cmap=shades, vmin=-1, vmax=3, extent=(-5, 5, -5, 5), origin="lower", alpha=0.45)
    fine = np.stack(np.meshgrid(*[np.linspace(-5, 5, 150)] * 2))
    axes.contour(*fine, himmelblau(fine), levels=[5, 30, 80, 160, 300], colors=COLORS[6], linewidths=0.5, alpha=0.7)
    for path in paths:
        axes.plot(*path.T, color="black", linewidth=1.2)
        axes.plot(*path[0], "o", color="black", markersize=4)
    axes.plot(*MINIMA.T, "*", color="black", markersize=11, markeredgecolor="white")
    axes.grid(visible=False)
    axes.set(xlabel="x", ylabel="y", xlim=(-5, 5), ylim=(-5, 5), title=f"Himmelblau's basins, learning rate {rate:g}")


def draw_differences(axes: Any, differences: dict[tuple[str, str], Difference]) -> None:
    """How far the numerical and the automatic path are from the symbolic one, as bars."""
    for shift, way, color in ((-0.18, "numerical", COLORS[1]), (0.18, "automatic", COLORS[0])):
        # an exact agreement has no logarithm: it is drawn at the bottom and says so
        heights = [differences[name, way].largest for name in FUNCTIONS]
        bars = axes.bar(np.arange(3) + shift, np.maximum(heights, 1e-17), 0.34, color=color, label=way)
        axes.bar_label(bars, [f"{h:.0e}" if h else "0" for h in heights], fontsize=8, padding=2)
    axes.set(yscale="log", ylim=(1e-17, 1e-6), ylabel="largest distance from the symbolic path")
    axes.set_xticks(range(3), ["$x^2+2x+3$", "$x^2+2y^2$", "Himmelblau"])
    axes.set_title("Three gradients, one path")
    axes.legend(frameon=False, fontsize=9)


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    runs = figures.runs
    slow, right = (runs["bowl", kind].steps for kind in KINDS[:2])
    lost = [name for name in RATES if runs[name, "too large"].fun > runs[name, "too large"].values[0]]
    reached = len(set(figures.reached.tolist()) - {-1})
    unstable = (figures.limits < LARGE).sum()
    nowhere = [shares_of(ends)[-1] for ends in figures.basins]
    numerically, automatically = (
        max(figures.differences[name, way].largest for name in FUNCTIONS) for way in ("numerical", "automatic")
    )
    return (
        f"On the bowl the right rate stops after {right} steps, the small one after {slow}; the large rate ran away on "
        f"{len(lost)} of {len(RATES)} functions. {len(figures.walks)} random starts found {reached} of the four "
        f"minima, all equally good: without convexity a norm of {TOLERANCE:g} says only that a flat place is found. "
        f"Rate {LARGE:g} is above the limit of {unstable} of the four: {nowhere[1]:.0%} of all starts "
        f"settle nowhere (rate {SMALL:g}: {nowhere[0]:.0%}). Paths by numerical gradients stay within "
        f"{numerically:.0e} of the symbolic ones, by automatic ones within {automatically:.0e}."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    rates = {(name, kind): rate for name in RATES for kind, rate in zip(KINDS, RATES[name], strict=True)}
    table(
        ("function", "", "rate", "steps", "value", "stopped because"),
        [(*key, rates[key], found.steps, float(found.fun), found.message) for key, found in figures.runs.items()],
    )
    print()
    names = [*(f"({x:.3f}, {y:.3f})" for x, y in MINIMA), "none"]
    counts = [int((figures.reached == which).sum()) for which in (0, 1, 2, 3, -1)]
    bounds = [f"{limit:.4f}" for limit in figures.limits] + [""]
    shares = [[f"{share:.1%}" for share in shares_of(ends)] for ends in figures.basins]
    table(
        ("Himmelblau's minimum", "attracts up to rate", "random starts", f"grid, rate {SMALL:g}", f"rate {LARGE:g}"),
        list(zip(names, bounds, counts, *shares, strict=True)),
    )
    print()
    table(
        ("function", "gradient", "steps", "from the symbolic path"),
        [(*key, difference.steps, difference.largest) for key, difference in figures.differences.items()],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, 60 if options.fast else 300)
    report(figures)
    figure, axes = chart(2, 3, size=(4.8, 4.4))
    draw_curve(axes[0, 0], figures.runs)
    draw_bowl(axes[0, 1], figures.runs)
    draw_norms(axes[0, 2], figures.runs)
    draw_basins(axes[1, 0], figures.basins[0], SMALL, [found.path for found in figures.walks])
    draw_basins(axes[1, 1], figures.basins[1], LARGE)
    draw_differences(axes[1, 2], figures.differences)
    save(figure, options.out / "gradient_descent.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
