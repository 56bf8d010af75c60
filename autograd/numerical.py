"""Derivatives by differences: what every rule of this library is held against.

The functions here know nothing of graphs. ``f`` takes and returns NumPy arrays or numbers; if ``x`` is given as a
Tensor, ``f`` is called with Tensors. Everything is computed in float64.

==============  ==========================================  ==================  =======================
method          formula                                     truncation error    default step
==============  ==========================================  ==================  =======================
``central``     ``(f(x + h) - f(x - h)) / 2h``              ``h**2``            ``eps**(1/3)``
``forward``     ``(f(x + h) - f(x)) / h``                   ``h``               ``eps**(1/2)``
``richardson``  central, extrapolated to ``h -> 0``         ``h**10``           ``eps**(1/8)`` (halved 4 times)
``complex``     ``imag(f(x + ih)) / h``, for analytic f     ``h**2``            ``1e-30``
==============  ==========================================  ==================  =======================

Default steps are multiplied by ``max(1, |x|)``.

>>> import numpy as np
>>> from autograd.numerical import derivative, gradient
>>> round(float(derivative(np.sin, 0.0)), 9)
1.0
>>> gradient(lambda x: np.sum(x**2), np.array([1.0, -3.0])).round(6)
array([ 2., -6.])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ._operands import unwrap
from .engine.nodes import Handle, new_tensor
from .errors import ArgumentError, ShapeError

__all__ = ["Line", "derivative", "extrapolate", "gradient", "jacobian", "tangent_line"]

Method = Literal["central", "forward", "richardson", "complex"]

_EPS = float(np.finfo(np.float64).eps)
_STEPS: dict[str, float] = {
    "central": _EPS ** (1 / 3),
    "forward": _EPS ** (1 / 2),
    "richardson": _EPS ** (1 / 8),
    "complex": 1e-30,
}
LEVELS = 5
"""How many steps, each half the one before, Richardson's extrapolation takes by default."""


def derivative(
    f: Callable[[Any], Any],
    x: Any,
    h: Any = None,
    method: Method = "central",
    *,
    return_error: bool = False,
) -> Any:
    """The derivative of ``f`` at ``x``; for an elementwise ``f`` and an array ``x``, that at every element.

    Args:
        f: takes and returns an array, a number, or (if ``x`` is one) a Tensor.
        x: where.
        h: the step, positive; a number or an array of ``x``'s shape (default: see the table above).
        method: "central", "forward", "richardson" or "complex".
        return_error: return a pair: the derivative and an estimate of its absolute error (only "richardson").

    Returns:
        A float if ``x`` is a number, else a float64 array of ``x``'s shape.

    Raises:
        ValueError: the step is not positive and finite or has another shape than ``x``; an unknown method;
            ``return_error`` without "richardson".
        ShapeError: ``f`` is not elementwise: it returned another shape than ``x``'s.
        TypeError: ``x`` or what ``f`` returned is not a number or array of numbers; "complex" and ``f`` returned reals.
    """
    function = _Function("derivative", f, x)
    start = function.start
    h = _step("derivative", h, method, start, return_error)

    def along(t: Any) -> Any:
        value = function(start + t)
        if value.shape != start.shape:
            raise ShapeError(
                f"derivative: f returned shape {value.shape} for x of shape {start.shape}; it must act on each element "
                "by itself. Use gradient for a scalar function of an array, jacobian for any other"
            )
        return value

    value, error = _slope(along, h, method)
    if function.is_number:
        value, error = float(value), float(error)
    return (value, error) if return_error else value


def gradient(
    f: Callable[[Any], Any],
    x: Any,
    h: Any = None,
    method: Method = "central",
    *,
    return_error: bool = False,
) -> Any:
    """The gradient of the scalar function ``f`` at the array ``x``: an array of ``x``'s shape, whatever it is.

    Arguments and errors are those of ``derivative``; ``f`` must return one number (a ShapeError otherwise).
    ``x`` is not changed; integers are converted to float64.
    """
    function = _Function("gradient", f, x)

    def scalar(point: Any) -> Any:
        value = function(point)
        if value.size != 1:
            raise ShapeError(
                f"gradient: f returned shape {value.shape}, a gradient is that of one number; use jacobian, or sum "
                "the result"
            )
        return value.reshape(())

    value, error = _partials("gradient", scalar, function.start, h, method, return_error, ())
    return (value, error) if return_error else value


def jacobian(
    f: Callable[[Any], Any],
    x: Any,
    h: Any = None,
    method: Method = "central",
    *,
    return_error: bool = False,
) -> Any:
    """All partial derivatives of ``f`` at ``x``, an array of shape ``f(x).shape + x.shape``.

    Arguments and errors are those of ``derivative``.

    >>> import numpy as np
    >>> from autograd.numerical import jacobian
    >>> jacobian(lambda x: x[:2] * x[2], np.array([1.0, 2.0, 3.0])).round(6)
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    function = _Function("jacobian", f, x)
    shape = function(function.start).shape
    value, error = _partials("jacobian", function, function.start, h, method, return_error, shape)
    return (value, error) if return_error else value


class Line(NamedTuple):
    """The line ``value + slope * (t - point)``."""

    point: float
    value: float
    slope: float

    @property
    def intercept(self) -> float:
        """Where the line crosses the vertical axis."""
        return self.value - self.slope * self.point

    def __call__(self, t: Any) -> Any:
        """The line's height at ``t``."""
        return self.value + self.slope * (np.asarray(t) - self.point)

    def __str__(self) -> str:
        return f"y = {self.slope:.6g} * x {'-' if self.intercept < 0 else '+'} {abs(self.intercept):.6g}"


def tangent_line(f: Callable[[Any], Any], x: float, h: float | None = None, method: Method = "central") -> Line:
    """The tangent to ``f`` at the number ``x``, to call on numbers and arrays.

    >>> from autograd.numerical import tangent_line
    >>> line = tangent_line(lambda x: x**2, 3.0)
    >>> round(float(line(4.0)), 6), str(line)
    (15.0, 'y = 6 * x - 9')
    """
    function = _Function("tangent_line", f, x)
    if function.start.ndim:
        raise ShapeError(f"tangent_line: a tangent touches at one number, x has shape {function.start.shape}")
    value = function(function.start)
    if value.shape:
        raise ShapeError(f"tangent_line: f returned shape {value.shape} for a number; it must return a number")
    return Line(float(function.start), float(value), float(derivative(f, x, h, method)))


def extrapolate(along: Callable[[Any], Any], h: Any, levels: int = LEVELS) -> tuple[Any, Any]:
    """The derivative of ``along(t)`` at ``t = 0`` by Richardson's extrapolation of central differences, and its error.

    Of all entries of the extrapolation's table the one is taken, for each element, that agrees best with its
    neighbours (Ridders); their difference, and at least what rounding does to the smallest step used, is the
    error's estimate.

    Args:
        along: from a step to an array.
        h: the first and largest step; a number, or an array that broadcasts with the result.
        levels: how many steps, each half the one before.

    >>> import numpy as np
    >>> from autograd.numerical import extrapolate
    >>> value, error = extrapolate(np.sin, 0.1)
    >>> bool(abs(value - 1) < 1e-12), bool(error < 1e-10)
    (True, True)
    """
    with np.errstate(all="ignore"):
        previous: list[Any] = []
        best: Any = None
        error: Any = None
        for level in range(levels):
            step = h / 2.0**level
            above, below = along(step), along(-step)
            row = [(above - below) / (2 * step)]
            rounding = _EPS * (np.abs(above) + np.abs(below)) / step
            if best is None:
                best, error = row[0], np.full(row[0].shape, np.inf)
            for order, older in enumerate(previous):
                factor = 4.0 ** (order + 1)
                entry = (factor * row[order] - older) / (factor - 1)
                row.append(entry)
                found = np.maximum(np.abs(entry - row[order]), np.abs(entry - older)) + rounding
                closer = found < error
                best, error = np.where(closer, entry, best), np.where(closer, found, error)
            previous = row
        return best, error


def _slope(along: Callable[[Any], Any], h: Any, method: str) -> tuple[Any, Any]:
    """The derivative of ``along(t)`` at 0 and, with "richardson", its error."""
    if method == "richardson":
        return extrapolate(along, h)
    with np.errstate(all="ignore"):
        if method == "central":
            return (along(h) - along(-h)) / (2 * h), np.nan
        if method == "forward":
            return (along(h) - along(np.zeros_like(h))) / h, np.nan
        value = along(1j * h)
        if value.dtype.kind != "c":
            raise TypeError(
                f"method 'complex': f returned {value.dtype} for complex numbers, so it is not analytic (abs, real, "
                "comparisons, casts are not); use 'richardson'"
            )
        return np.imag(value) / h, np.nan


def _partials(
    name: str,
    function: Callable[[Any], Any],
    start: Any,
    h: Any,
    method: str,
    return_error: bool,
    shape: tuple[int, ...],
) -> tuple[Any, Any]:
    """The derivatives of ``function`` along each element of ``start``: shape ``shape + start.shape``."""
    steps = np.broadcast_to(_step(name, h, method, start, return_error), start.shape)
    values = np.zeros((*shape, *start.shape))
    errors = np.zeros((*shape, *start.shape))
    for index in np.ndindex(start.shape):

        def along(t: Any, index: tuple[int, ...] = index) -> Any:
            point = start.astype(np.result_type(start, t))
            point[index] += t
            value = function(point)
            if value.shape != shape:
                raise ShapeError(
                    f"{name}: f returned shape {value.shape} after {shape}; its shape must not vary with x"
                )
            return value

        values[(..., *index)], errors[(..., *index)] = _slope(along, steps[index], method)
    return values, errors


class _Function:
    """``f`` as a function from float64 (or complex128) arrays to such arrays, which never sees the caller's ``x``."""

    def __init__(self, name: str, f: Callable[[Any], Any], x: Any) -> None:
        self.name = name
        self.f = f
        self.is_tensor = isinstance(x, Handle)
        data = unwrap(x)
        try:
            start = np.array(data)
            if start.dtype.kind not in "biuf":
                raise TypeError
        except (TypeError, ValueError):
            what = f"an array of dtype {start.dtype}" if isinstance(data, np.ndarray) else type(x).__name__
            raise TypeError(f"{name}: x must be a real number, array or Tensor, got {what}") from None
        self.start = start.astype(np.float64)
        self.is_number = not isinstance(x, (Handle, np.ndarray, list, tuple))
        if not callable(f):
            raise TypeError(f"{name}: f must be a function, got {type(f).__name__}; the order is {name}(f, x)")

    def __call__(self, point: Any) -> Any:
        given = np.array(point)
        if self.is_tensor:
            value = self.f(new_tensor(given))
        else:
            value = self.f(given[()] if self.is_number else given)
        value = unwrap(value)
        found = np.asarray(value) if value is not None else np.asarray(None)
        if found.dtype.kind not in "biufc":
            raise TypeError(f"{self.name}: f must return a number or an array of numbers, it returned {value!r:.80}")
        if found.dtype.kind == "c" and given.dtype.kind != "c":
            raise TypeError(f"{self.name}: f returned complex numbers for real x; take its real or imaginary part")
        return np.array(found, np.result_type(found, np.float64))


def _step(name: str, h: Any, method: str, start: Any, return_error: bool) -> Any:
    """The steps to take from each element of ``start``, made such that ``start + h`` is exact."""
    if method not in _STEPS:
        raise ArgumentError(f"{name}: method must be one of {', '.join(map(repr, _STEPS))}, got {method!r}")
    if return_error and method != "richardson":
        raise ArgumentError(f"{name}: only method='richardson' estimates its error, not {method!r}")
    if h is None:
        h = _STEPS[method] * np.maximum(1.0, np.abs(start))
    else:
        h = np.asarray(unwrap(h), np.float64)
        if h.shape not in ((), start.shape):
            raise ArgumentError(
                f"{name}: the step h must be a number or have x's shape {start.shape}, it has {h.shape}"
            )
        if not (np.all(h > 0) and np.all(np.isfinite(h))):
            raise ArgumentError(f"{name}: the step h must be positive and finite, got {h}")
    if method == "complex":
        return h
    exact = (start + h) - start
    if not np.all(exact > 0):
        raise ArgumentError(f"{name}: the step h is lost in rounding: x + h == x; take a larger one")
    return exact
