"""Robust regression: SciPy's optimizers with our derivatives, and error bars from a Hessian.

442 real patients (ten measurements, and how far their diabetes went on within a year), of whose training targets one in
twenty has been typed with a zero too many. Least squares believes the typing errors. The pseudo-Huber loss, a parabola
near zero and a cone far off, hardly does; but it has no closed form, so an optimizer must find its minimum. It is
written once, in plain NumPy, and SciPy gets gradients (``jac``), products with the Hessian (``hessp``) and Hessians
(``hess``) from ``autograd.func``, or gradients from ``autograd.numerical``, or makes differences itself.

You should see that all find the same minimum, gradient descent too, which stops when the gradient's norm is small; and
what they pay for it. With second derivatives a dozen steps are enough, gradient descent takes thousands, and
differences run the loss a dozen times and more for every gradient. SciPy's own differences, one-sided ones, err by
about 1e-7: see where their line ends. The error bars from the Hessian and the gradients of single patients should agree
with those of the bootstrap, which fits again and again.

    python -m examples.robust_regression
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import optim
from autograd import func, numerical
from nn import data

from .story import COLORS, chart, parser, save, table

TOLERANCE = 1e-7
SCALE = 0.5
"""How large a miss is when the parabola turns into a cone."""
RIDGE = 1e-3
TYPOS = 0.05
Function = Callable[[Any], Any]


class Patients(NamedTuple):
    """Standardised measurements, targets in robust units, those of the training part spoiled; and the names."""

    x: np.ndarray
    clean_y: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    names: tuple[str, ...]


class Fit(NamedTuple):
    """How a method came to its minimum: iterations, runs of the loss, gradient's norm, distance to the best weights.

    ``path`` has a row for each iteration: the runs of the loss so far, and the gradient's norm there.
    """

    steps: int
    runs: int
    norm: float
    off: float
    path: np.ndarray
    seconds: float


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        patients: the data.
        fits: by method.
        weights: of the measurements and, last, the intercept, by the kind of regression.
        r2: the share of the test targets' variance that each explains.
        one_step: how far one Newton step on squares is from the closed form.
        bars: standard errors of the robust weights, by the Hessian and by the bootstrap.
    """

    patients: Patients
    fits: dict[str, Fit]
    weights: dict[str, np.ndarray]
    r2: dict[str, float]
    one_step: float
    bars: tuple[np.ndarray, np.ndarray]


def load(seed: int) -> Patients:
    """The patients, a quarter of them for testing; targets are centred at their median, in median deviations."""
    found = data.bundled("diabetes")
    x, test_x, y, test_y = train_test_split(
        found.x.astype(np.float64), found.y.astype(np.float64), test_size=0.25, random_state=seed
    )
    spoiled = np.where(np.random.default_rng(seed).random(len(y)) < TYPOS, 10 * y, y)
    middle = np.median(spoiled)
    unit = np.median(np.abs(spoiled - middle))
    inputs = [(part - x.mean(0)) / x.std(0) for part in (x, test_x)]
    targets = [(part - middle) / unit for part in (y, spoiled, test_y)]
    return Patients(inputs[0], targets[0], targets[1], inputs[1], targets[2], found.feature_names)


def misses(w: Any, x: Any, y: Any) -> Any:
    """By how much each prediction misses its target."""
    return x @ w[:-1] + w[-1] - y


def costs_of(w: Any, x: Any, y: Any) -> Any:
    """The pseudo-Huber loss of each patient, in arithmetic that arrays, Tensors and SymPy's symbols have."""
    return (1 + (misses(w, x, y) / SCALE) ** 2) ** 0.5 - 1


def loss(w: Any, x: Any, y: Any) -> Any:
    """Their mean, with a ridge on the weights but for the intercept."""
    return np.mean(costs_of(w, x, y)) + RIDGE * np.sum(w[:-1] ** 2)


def squares(w: Any, x: Any, y: Any) -> Any:
    """The loss of least squares."""
    return np.mean(misses(w, x, y) ** 2)


class Counted:
    """A function that counts its runs."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.runs = 0

    def __call__(self, w: Any) -> Any:
        self.runs += 1
        return self.f(w)


def scipy_by(method: str, **options: Any) -> Callable[..., Any]:
    """SciPy's ``minimize``, which stops on the gradient's norm."""

    def run(f: Function, start: np.ndarray, visit: Callable[[Any], Any], **given: Any) -> Any:
        return optimize.minimize(f, start, method=method, callback=lambda xk: visit(xk), options=options, **given)

    return run


# L-BFGS-B asks for the largest component of the gradient, the others for its norm
LBFGS = scipy_by("L-BFGS-B", gtol=TOLERANCE / 4, ftol=0, maxiter=1000)
DESCENT = "gradient descent"
METHODS: dict[str, Callable[[Function, np.ndarray, Callable[[Any], Any]], Any]] = {
    "L-BFGS, jac automatic": lambda f, w, visit: LBFGS(func.value_and_grad(f), w, visit, jac=True),
    "L-BFGS, jac numerical": lambda f, w, visit: LBFGS(f, w, visit, jac=functools.partial(numerical.gradient, f)),
    "L-BFGS, SciPy's differences": lambda f, w, visit: LBFGS(f, w, visit),
    "Newton-CG, jac and hessp": lambda f, w, visit: scipy_by("Newton-CG", xtol=1e-10)(
        func.value_and_grad(f), w, visit, jac=True, hessp=lambda w, v: func.hvp(f, w, v)[1]
    ),
    "trust-ncg, jac and hessp": lambda f, w, visit: scipy_by("trust-ncg", gtol=TOLERANCE)(
        func.value_and_grad(f), w, visit, jac=True, hessp=lambda w, v: func.hvp(f, w, v)[1]
    ),
    "trust-exact, jac and hess": lambda f, w, visit: scipy_by("trust-exact", gtol=TOLERANCE)(
        func.value_and_grad(f), w, visit, jac=True, hess=func.hessian(f)
    ),
}
"""Each takes the loss, the start, and what to call at every visited point."""


def descend(f: Function, start: np.ndarray, visit: Callable[[Any], Any], rate: float) -> Any:
    """Gradient descent until the gradient's norm is small."""
    with tqdm(desc=DESCENT, unit="step", leave=False) as bar:

        def callback(step: int, x: np.ndarray, value: float) -> None:
            bar.update()
            visit(x)

        made = optim.minimize(
            f, start, lambda p: optim.SGD(p, lr=rate), tol=TOLERANCE, max_steps=50_000, callback=callback
        )
    return optimize.OptimizeResult(x=made.x, nit=made.steps)


def run(method: Callable[..., Any], f: Function, best: np.ndarray) -> Fit:
    """Fit by a method, from zero."""
    counted = Counted(f)
    path: list[tuple[int, np.ndarray]] = []
    start = time.perf_counter()
    found = method(counted, np.zeros_like(best), lambda w: path.append((counted.runs, np.array(w))))
    seconds = time.perf_counter() - start
    gradient = func.grad(f)
    norms = np.array([(runs, np.linalg.norm(gradient(w))) for runs, w in path])
    norm, off = np.linalg.norm(gradient(found.x)), np.abs(found.x - best).max()
    return Fit(int(found.nit), counted.runs, float(norm), float(off), norms, seconds)


def newton(f: Function, w: np.ndarray, steps: int) -> np.ndarray:
    """So many plain Newton steps, for a start near the minimum, or for a parabola."""
    for _ in range(steps):
        w = w - np.linalg.solve(func.hessian(f)(w), func.grad(f)(w))
    return w


def robust(x: np.ndarray, y: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The weights with the least loss."""
    return METHODS["trust-exact, jac and hess"](functools.partial(loss, x=x, y=y), start, lambda w: None).x


def sandwich(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Standard errors of the weights: the spread of single patients' gradients, seen through the inverse Hessian."""
    inverse = np.linalg.inv(func.hessian(loss)(w, x, y))
    gradients = func.jacfwd(costs_of)(w, x, y)
    return np.sqrt(np.diag(inverse @ np.cov(gradients.T) @ inverse) / len(x))


def bootstrap(w: np.ndarray, x: np.ndarray, y: np.ndarray, seed: int, times: int) -> np.ndarray:
    """Standard errors of the weights: the spread of fits to patients drawn again and again from these."""
    rng = np.random.default_rng(seed)
    fits = []
    for _ in tqdm(range(times), desc="bootstrap", unit="fit", leave=False):
        drawn = rng.integers(0, len(x), len(x))
        fits.append(robust(x[drawn], y[drawn], w))
    return np.std(fits, axis=0, ddof=1)


def closed_form(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares by linear algebra."""
    return np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]


def measure(seed: int, fits: int) -> Figures:
    """All figures, with so many fits of the bootstrap."""
    patients = load(seed)
    x, y = patients.x, patients.y
    f = functools.partial(loss, x=x, y=y)
    with threadpool_limits(1):  # the matrices are small: threads would only wait for each other
        best = newton(f, robust(x, y, np.zeros(x.shape[1] + 1)), 2)
        # a larger rate than 2 / the largest curvature would not settle
        rate = 1.8 / np.linalg.eigvalsh(func.hessian(f)(best))[-1]
        methods = {**METHODS, DESCENT: functools.partial(descend, rate=float(rate))}
        found = {name: run(method, f, best) for name, method in tqdm(methods.items(), desc="fits", leave=False)}
        bars = sandwich(best, x, y), bootstrap(best, x, y, seed, fits)
        step = newton(functools.partial(squares, x=x, y=y), np.zeros_like(best), 1)
    weights = {
        "robust": best,
        "least squares": closed_form(x, y),
        "least squares before the errors": closed_form(x, patients.clean_y),
    }
    apart = float(np.abs(step - weights["least squares"]).max())
    spread = patients.test_y.var()
    r2 = {name: float(1 - squares(w, patients.test_x, patients.test_y) / spread) for name, w in weights.items()}
    return Figures(patients, found, weights, r2, apart, bars)


def draw_fits(axes: Any, fits: dict[str, Fit]) -> None:
    """The gradient's norm against runs of the loss."""
    for (name, fit), color in zip(fits.items(), COLORS, strict=True):
        axes.plot(*fit.path.T, color=color, linewidth=1.6, label=name)
        axes.plot(*fit.path[-1], "o", color=color, markersize=5)
    axes.axhline(TOLERANCE, color="black", linewidth=1, linestyle=":")
    axes.text(1.1, TOLERANCE * 1.5, "stop: $10^{-7}$", fontsize=9)
    axes.set(xscale="log", yscale="log", xlabel="runs of the loss", ylabel="norm of the gradient", ylim=(1e-13, 10))
    axes.set_title("Paths to the minimum")
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def draw_weights(axes: Any, figures: Figures) -> None:
    """The weights, with error bars from both sources."""
    place = np.arange(len(figures.patients.names))
    kinds = ("Hessian", "bootstrap")
    for kind, bars, color, shift in zip(kinds, figures.bars, (COLORS[0], COLORS[5]), (-0.3, -0.12), strict=True):
        axes.errorbar(
            place + shift,
            figures.weights["robust"][:-1],
            2 * bars[:-1],
            fmt="o",
            markersize=4,
            color=color,
            capsize=2,
            label=f"robust, 2 errors by {kind}",
        )
    others = list(figures.weights.items())[1:]
    for (name, weights), style, color, shift in zip(others, "sD", (COLORS[1], COLORS[2]), (0.06, 0.24), strict=True):
        axes.plot(place + shift, weights[:-1], style, color=color, markersize=4, label=name)
    axes.axhline(0, color="black", linewidth=0.7)
    axes.set_xticks(place, figures.patients.names)
    axes.set(ylabel="weight", title="Weights of the standardised measurements")
    axes.set_ylim(top=1.25)
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    exact = {name: fit for name, fit in figures.fits.items() if "SciPy" not in name}
    coarse = figures.fits["L-BFGS, SciPy's differences"]
    off = max(fit.off for fit in exact.values())
    r2, (hessian, drawn) = figures.r2, figures.bars
    steps = {name: fit.steps for name, fit in figures.fits.items()}
    ratio = figures.fits["L-BFGS, jac numerical"].runs / figures.fits["L-BFGS, jac automatic"].runs
    before = r2["least squares before the errors"]
    return (
        f"{len(exact)} methods end within {off:.0e} of the same weights: the trust region with Hessians in "
        f"{steps['trust-exact, jac and hess']} steps, L-BFGS in {steps['L-BFGS, jac automatic']}, gradient descent in "
        f"{steps[DESCENT]:,}. Numerical gradients cost L-BFGS {ratio:.0f} times as many runs of the loss; with SciPy's "
        f"own it ends at a norm of {coarse.norm:.0e}. With {TYPOS:.0%} typing errors robust regression explains "
        f"{r2['robust']:.2f} of the test targets' variance, least squares {r2['least squares']:.2f} (before the errors "
        f"{before:.2f}). Error bars from the Hessian are {np.min(hessian / drawn):.2f} to "
        f"{np.max(hessian / drawn):.2f} times the bootstrap's. One Newton step on squares is the closed form, to "
        f"{figures.one_step:.0e}."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    table(
        ("method and derivatives", "steps", "runs of the loss", "milliseconds", "norm of gradient", "weights off by"),
        [
            (name, fit.steps, fit.runs, round(1e3 * fit.seconds), f"{fit.norm:.0e}", f"{fit.off:.0e}")
            for name, fit in figures.fits.items()
        ],
    )
    print()
    table(("regression", "R^2 on test patients"), [(name, round(r2, 4)) for name, r2 in figures.r2.items()])
    print()
    others = [figures.weights[name] for name in list(figures.weights)[1:]]
    columns = [figures.weights["robust"], *figures.bars, *others]
    table(
        ("weight", "robust", "error by Hessian", "by bootstrap", "least squares", "before the errors"),
        [
            (name, *(f"{value:.3f}" for value in row))
            for name, row in zip([*figures.patients.names, "intercept"], np.transpose(columns), strict=True)
        ],
    )


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, 30 if options.fast else 200)
    report(figures)
    figure, (left, right) = chart(1, 2, size=(6.2, 4.8))
    draw_fits(left, figures.fits)
    draw_weights(right, figures)
    save(figure, options.out / "robust_regression.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
