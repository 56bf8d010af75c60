"""Derivatives by finite differences: how wrong they are for every step size, and why none is best for all.

The slope of ``exp(x) / sqrt(sin(x)**3 + cos(x)**3)`` is taken at random points in five ways, with steps h from 1/4
down to 1e-15, and held against SymPy's derivative with 40 digits. You should see a V for every difference: on the
right the formula is too coarse, and its error falls as h (forward), h^2 (central) or h^4 (Richardson: two central
differences that cancel each other's first error); on the left the two values agree in so many digits that rounding
eats the rest, and the error rises as 1/h whatever the formula. A better formula meets the rounding at a larger h and
so ends lower. The complex step ``imag(f(x + ih)) / h`` subtracts nothing: its error falls as h^2 and stays down. In
float32 the V stands far higher: such a difference is good to a few digits only. Backpropagation has no h at all; its
error is the dashed line.

Beside it: the tangents to 0.01 x^2 + 0.1 x at 5 and 10, drawn from central differences, and the gradient of
x0^2 + x1^2, whose arrows (drawn downhill) point at the minimum and shorten on the way.

    python -m examples.numerical_differentiation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import sympy

import autograd
from autograd import numerical

from .story import COLORS, chart, parser, save, table

EPS = float(np.finfo(np.float64).eps)
STEPS = 0.5 ** np.arange(2, 51)
"""Powers of two: x + h is exact then, and what one sees is the formula and the rounding of f."""
METHODS: dict[str, tuple[int, Callable[[Callable[[Any], Any], Any, float], Any]]] = {
    "forward": (1, lambda f, x, h: numerical.derivative(f, x, h, method="forward")),
    "central": (2, lambda f, x, h: numerical.derivative(f, x, h)),
    "Richardson": (4, lambda f, x, h: numerical.extrapolate(lambda t: f(x + t), h, levels=2)[0]),
    "complex step": (2, lambda f, x, h: numerical.derivative(f, x, h, method="complex")),
}
"""Each method's order, by which power of h its error falls, and how it is called."""
SINGLE = "central, float32"
TOUCHED = (5.0, 10.0)


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        errors: the median relative error for each of ``STEPS`` by method; NaN where a step is lost in rounding.
        slopes: by which power of h the error falls, fitted where rounding does not count yet.
        best: the step with the smallest error, and that error, by method.
        automatic: the median relative error of backpropagation.
        tangents: the lines that touch the parabola.
        field: the largest difference of the drawn gradient field from backpropagation's.
    """

    errors: dict[str, np.ndarray]
    slopes: dict[str, float]
    best: dict[str, tuple[float, float]]
    automatic: float
    tangents: tuple[numerical.Line, ...]
    field: float


def steep(x: Any) -> Any:
    """The function to differentiate (Squire and Trapp 1998); takes numbers, arrays and Tensors."""
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def parabola(x: Any) -> Any:
    """The function that gets tangents."""
    return 0.01 * x**2 + 0.1 * x


def bowl(x: Any) -> Any:
    """The function whose gradients are drawn: the sum of squares along the first axis."""
    return (x**2).sum(0)


def true_slopes(points: np.ndarray) -> np.ndarray:
    """The derivative of ``steep`` by SymPy with 40 digits, rounded to float64 only in the end."""
    x = sympy.Symbol("x")
    slope = sympy.diff(sympy.exp(x) / sympy.sqrt(sympy.sin(x) ** 3 + sympy.cos(x) ** 3), x)
    # a float64 is a fraction, so that nothing is rounded before the end
    return np.array([float(slope.evalf(40, subs={x: sympy.Rational(point)})) for point in points.tolist()])


def automatic(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    """The gradient of ``f(x).sum()`` by backpropagation."""
    leaf = autograd.tensor(x, requires_grad=True)
    (found,) = autograd.grad(f(leaf).sum(), leaf)
    return found.numpy()


def errors_at(points: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """The median relative errors of all methods for all steps; and that of backpropagation."""
    true = true_slopes(points)

    def error(found: Any) -> float:
        return float(np.median(np.abs(found - true) / np.abs(true)))

    errors = {name: np.array([error(call(steep, points, h)) for h in STEPS]) for name, (_, call) in METHODS.items()}
    # below float32's spacing x + h rounds back to x: there is no difference to take
    seen = np.finfo(np.float32).eps < STEPS
    errors[SINGLE] = np.full(len(STEPS), np.nan)
    errors[SINGLE][seen] = [
        error(numerical.derivative(lambda x: steep(x.astype(np.float32)), points, h)) for h in STEPS[seen]
    ]
    return errors, error(automatic(steep, points))


def fitted_slope(errors: np.ndarray) -> float:
    """The power of h by which errors fall, where they are a thousand times what rounding does, and h is small."""
    chosen = (STEPS <= 1 / 16) & (errors > 1000 * EPS / STEPS)
    return float(np.polyfit(np.log(STEPS[chosen]), np.log(errors[chosen]), 1)[0])


def gradient_field() -> tuple[np.ndarray, np.ndarray]:
    """Points (2, 13, 13) and the gradients of ``bowl`` there by central differences."""
    axis = np.linspace(-3, 3, 13)
    points = np.stack(np.meshgrid(axis, axis))
    flat = points.reshape(2, -1)
    found = np.stack([numerical.gradient(bowl, flat[:, i]) for i in range(flat.shape[1])], axis=1)
    return points, found.reshape(points.shape)


def measure(seed: int, count: int) -> Figures:
    """All figures, with errors at so many random points."""
    # float32 numbers, so that single precision differentiates at the same points
    points = np.random.default_rng(seed).uniform(1.0, 1.7, count).astype(np.float32).astype(np.float64)
    errors, by_backward = errors_at(points)
    grid, gradients = gradient_field()
    return Figures(
        errors,
        {name: fitted_slope(errors[name]) for name in METHODS},
        {name: (float(STEPS[np.nanargmin(e)]), float(np.nanmin(e))) for name, e in errors.items()},
        by_backward,
        tuple(numerical.tangent_line(parabola, x) for x in TOUCHED),
        float(np.abs(gradients - automatic(bowl, grid)).max()),
    )


def draw_errors(axes: Any, figures: Figures) -> None:
    """Error against step, with the slopes and backpropagation's line."""
    for (name, errors), color in zip(figures.errors.items(), (*COLORS[:4], COLORS[6]), strict=True):
        label = f"{name}: $h^{{{figures.slopes[name]:.2f}}}$" if name in figures.slopes else name
        style: dict[str, Any] = {"color": color, "marker": "o", "markersize": 3, "label": label}
        if name == SINGLE:
            style |= {"linestyle": "--"}
        elif name == "complex step":  # it lies on the central difference's line: a broad band behind it
            style |= {"linewidth": 6, "alpha": 0.45, "markersize": 0, "zorder": 1}
        axes.plot(STEPS, np.maximum(errors, EPS / 4), **style)
    axes.axhline(figures.automatic, color="black", linestyle="--", linewidth=1.2, label="backpropagation, no h")
    axes.set(xscale="log", yscale="log", ylim=(1e-17, 10), xlabel="step h", ylabel="relative error (median of points)")
    axes.set_title("Error of the derivative")
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 0.07))


def draw_tangents(axes: Any, tangents: Sequence[numerical.Line]) -> None:
    """The parabola and the lines that touch it."""
    x = np.linspace(0, 20, 200)
    axes.plot(x, parabola(x), color=COLORS[0], linewidth=2, label=r"$0.01\,x^2 + 0.1\,x$")
    for line, color in zip(tangents, (COLORS[1], COLORS[2]), strict=True):
        axes.plot(x, line(x), color=color, label=f"at {line.point:g}: {line}")
        axes.plot(line.point, line.value, "o", color=color)
    axes.set(xlabel="x", ylabel="f(x)", title="Tangents by central differences")
    axes.legend(frameon=False, fontsize=8)


def draw_field(axes: Any, points: np.ndarray, gradients: np.ndarray) -> None:
    """Arrows downhill over the contours of the bowl."""
    fine = np.stack(np.meshgrid(*[np.linspace(-3.4, 3.4, 100)] * 2))
    axes.contour(*fine, bowl(fine), levels=[0.5, 2, 4.5, 8], colors=COLORS[6], linewidths=0.6, alpha=0.6)
    axes.quiver(*points, *-gradients, color=COLORS[0], angles="xy", scale_units="xy", scale=13, width=0.005)
    axes.plot(0, 0, "*", color=COLORS[1], markersize=12)
    axes.set(xlabel="$x_0$", ylabel="$x_1$", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
    axes.set_title("Downhill: minus the gradient of $x_0^2 + x_1^2$")


def conclusion(figures: Figures) -> str:
    """What the figures show, in a sentence or two."""
    names = [name for name in METHODS if name != "complex step"]
    ordered = all(figures.best[a][1] > figures.best[b][1] for a, b in pairwise(names))
    fits = all(abs(figures.slopes[name] - METHODS[name][0]) < 0.1 for name in METHODS)
    exact = max(figures.automatic, figures.best["complex step"][1]) < 4 * EPS
    lost = figures.errors["central"][-1] / figures.best["central"][1]
    return (
        f"The errors {'fall' if fits else 'do NOT all fall'} by the textbook's powers of h, and the better formula "
        f"{'ends lower' if ordered else 'does NOT always end lower'}: with its best step, "
        + ", ".join(f"{name} is off by {figures.best[name][1]:.0e}" for name in names)
        + f". The complex step and backpropagation {'are' if exact else 'are NOT'} right to rounding. The definition's "
        f"h -> 0 is no advice for a computer: at h = {STEPS[-1]:.0e} the central difference is {lost:.0e} times worse "
        "than at its best step."
    )


def report(figures: Figures) -> None:
    """Print the tables."""
    table(
        ("method", "order", "fitted", "best h", "error there", "error at h = 0.001"),
        [
            (
                name,
                METHODS[name][0] if name in METHODS else "",
                f"{figures.slopes[name]:.2f}" if name in METHODS else "",
                *figures.best[name],
                float(errors[8]),
            )
            for name, errors in figures.errors.items()
        ],
    )
    print(f"backpropagation: error {figures.automatic:.2g}; the field's gradients differ by {figures.field:.1g}")
    for line in figures.tangents:
        print(f"the tangent at {line.point:g}: {line}")


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Run the story; returns its figures."""
    options = parser(__doc__).parse_args(arguments)
    figures = measure(options.seed, 9 if options.fast else 101)
    report(figures)
    figure, (left, middle, right) = chart(1, 3, size=(4.8, 4.4))
    draw_errors(left, figures)
    draw_tangents(middle, figures.tangents)
    draw_field(right, *gradient_field())
    save(figure, options.out / "numerical_differentiation.png")
    print(conclusion(figures))
    return figures


if __name__ == "__main__":
    main()
