"""The numerical side of the properties: derivatives with an error estimate, and the comparison with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ..numerical import extrapolate

__all__ = [
    "Comparison",
    "InconclusiveError",
    "derivative_along",
    "direction",
    "gradient_by_differences",
    "join",
    "one_sided",
    "split",
    "step_of",
]

FULL = 64
"""Up to this many numbers, all partial derivatives are compared; of more, random directions."""
DIRECTIONS = 16
CONCLUSIVE = 1e-6
"""An error estimate above this fraction of the gradient proves nothing."""
ROUNDING = 1e-14
"""What rounding leaves of a derivative that is 0."""


class InconclusiveError(Exception):
    """The differences do not converge here: too near to a kink, or noise."""


def direction(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Random numbers between 0.5 and 1.5 in size, of either sign: no error can hide behind a component near 0."""
    drawn = rng.uniform(-1.0, 1.0, shape)
    return np.asarray(drawn + np.copysign(0.5, drawn))


def join(arrays: Sequence[Any]) -> Any:
    """All numbers in one vector."""
    return np.concatenate([np.ravel(array) for array in arrays]) if arrays else np.zeros(0)


def split(vector: Any, like: Sequence[Any]) -> list[Any]:
    """The arrays that ``join`` made a vector of."""
    ends = accumulate(array.size for array in like)
    return [vector[end - array.size : end].reshape(array.shape) for end, array in zip(ends, like, strict=True)]


def step_of(spacing: float, array: Any) -> Any:
    """For each number the largest step that stays clear of its neighbours and of kinks."""
    return np.minimum(spacing / 8 if spacing > 0 else 1.0, 2.0**-6 * np.maximum(1.0, np.abs(array)))


def derivative_along(value: Callable[[Any], Any], step: Any) -> tuple[Any, Any]:
    """The derivative of ``value(t)`` at 0 and its error; from much smaller steps if it does not converge."""
    best, error = extrapolate(value, step)
    vague = ~(error <= CONCLUSIVE * np.maximum(np.abs(best), 1e-3))
    if np.any(vague):
        near, near_error = extrapolate(value, step / 64, 4)
        closer = vague & ~(error <= near_error)
        best, error = np.where(closer, near, best), np.where(closer, near_error, error)
    return np.asarray(best), np.asarray(error)


def gradient_by_differences(
    value: Callable[[Sequence[Any]], Any], start: Sequence[Any], steps: Sequence[Any], rng: np.random.Generator
) -> tuple[Any, Any]:
    """The gradient of the number ``value(arrays)``, as one vector, and the error of each component.

    The complex step is used where ``value`` proves to be analytic, else Richardson's extrapolation.
    """
    x, h = join(start), join(steps)
    by_complex_step = _complex_step(value, x, start, steps, rng)
    if by_complex_step is not None:
        return by_complex_step, 1e-13 * np.abs(by_complex_step) + 1e-15 * np.max(np.abs(by_complex_step), initial=0.0)

    def along(t: Any) -> Any:
        found = np.zeros(x.size)
        for k in range(x.size):
            moved = x.copy()
            moved[k] += t[k]
            found[k] = value(split(moved, start))
        return found

    return derivative_along(along, h)


def _complex_step(
    value: Callable[[Sequence[Any]], Any], x: Any, start: Sequence[Any], steps: Sequence[Any], rng: np.random.Generator
) -> Any:
    """The gradient by ``imag(f(x + ih)) / h``; None where the function does not take complex numbers as it should."""
    h = 1e-30
    found = np.zeros(x.size)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            for k in range(x.size):
                moved = x.astype(np.complex128)
                moved[k] += 1j * h
                result = np.asarray(value(split(moved, start)))
                if result.dtype.kind != "c":
                    return None
                found[k] = result.imag / h
    except Exception:  # noqa: BLE001 (whatever it is: this forward is not one for complex numbers)
        return None
    # an abs() or a cast inside would drop imaginary parts silently: ordinary differences must agree
    u = direction(rng, x.shape)
    step = float(np.min(join(steps), initial=1.0)) / 2
    rough, error = extrapolate(lambda t: np.asarray(value(split(x + t * u, start)), np.float64), step, 3)
    size = float(np.sum(np.abs(found * u)))
    return (
        found
        if np.abs(found @ u - rough) <= 1e-5 * size + 10 * error + 1e-12 and error <= 1e-4 * size + 1e-12
        else None
    )


class Comparison(NamedTuple):
    """Derivatives beside those of the differences, number by number.

    Attributes:
        what: "the gradient", say.
        labels: what each number is a derivative with respect to.
        found: the derivatives.
        expected: those of the differences.
        error: what these may themselves be wrong by.
        terms: the size of what was added up to give them and may have cancelled: its rounding is left behind.
    """

    what: str
    labels: Sequence[str]
    found: Any
    expected: Any
    error: Any
    terms: float = 0.0

    @property
    def scale(self) -> Any:
        """What the difference of each number is relative to."""
        with np.errstate(all="ignore"):
            largest = float(np.max(np.abs(self.expected[np.isfinite(self.expected)]), initial=0.0))
            size = np.where(np.isfinite(self.found), np.abs(self.found), 0.0)
            scale = np.maximum(np.maximum(size, np.abs(self.expected)), 1e-3 * largest)
            return np.maximum(scale, 1e-3 * self.terms)

    @property
    def vague(self) -> Any:
        """Where the differences do not tell."""
        return ~(self.error <= CONCLUSIVE * self.scale + 1e-11)

    @property
    def relative(self) -> Any:
        """The relative difference of each number, NaN where it is vague; infinite for a NaN that should not be there.

        What is less than the differences may be wrong by is not held against a number that is nearly 0.
        """
        with np.errstate(all="ignore"):
            off = np.abs(self.found - self.expected)
            off = np.where(self.found == self.expected, 0.0, np.where(np.isnan(self.found), np.inf, off))
            floor = np.where(off <= self.error + ROUNDING, 1.0, 0.0)
            found = np.where(off > 0, off / np.maximum(self.scale, floor), 0.0)
        return np.where(self.vague, np.nan, found)

    def require(self, rtol: float) -> None:
        """Raise unless ``found`` is ``expected``, relatively, within the error that ``expected`` itself may have.

        Raises:
            AssertionError: it is not.
            InconclusiveError: the error is too large to tell.
        """
        found, expected, error, vague = self.found, self.expected, self.error, self.vague
        if not found.size:
            return
        with np.errstate(all="ignore"):
            allowed = rtol * self.scale + 10 * error + ROUNDING
            wrong = ~((np.abs(found - expected) <= allowed) | (found == expected))
        sure = wrong & ~vague
        if sure.any():
            k = int(np.argmax(np.where(sure, np.nan_to_num(np.abs(found - expected), nan=np.inf), -1.0)))
            raise AssertionError(
                f"{self.what} for {self.labels[k]} is {found[k]:.15g}, the differences give {expected[k]:.15g} +- "
                f"{error[k]:.1g} (allowed: {allowed[k]:.2g}; {int(sure.sum())} of {found.size} are wrong)"
            )
        if vague.any():
            k = int(np.argmax(vague))
            raise InconclusiveError(
                f"{self.what} for {self.labels[k]}: the differences give {expected[k]:.9g} +- {error[k]:.1g}"
            )


def one_sided(along: Callable[[float], float], h: float) -> tuple[float, float]:
    """An interval that just holds the slopes of ``along`` on both sides of 0; infinite where they diverge."""
    slopes: list[float] = []
    with np.errstate(all="ignore"):
        middle = along(0.0)

        def from_here(t: float) -> float:
            return (along(t) - middle) / t

        def beside(t: float) -> float:
            return (along(1.5 * t) - along(0.5 * t)) / t

        for sign in (1.0, -1.0):
            for slope in (from_here, beside):
                near, nearer = slope(sign * h / 32), slope(sign * h / 1024)
                if not (np.isfinite(near) and np.isfinite(nearer)):
                    continue
                limit = nearer + (nearer - near) / 31
                if abs(nearer) > 3 * abs(near) + 1e-6:
                    limit = np.copysign(np.inf, nearer)
                slopes.append(limit)
    if not slopes:
        return -np.inf, np.inf
    low, high = min(slopes), max(slopes)
    sizes = [abs(limit) for limit in (low, high) if np.isfinite(limit)]
    slack = 1e-4 * max([1.0, *sizes])
    return low - slack, high + slack
