"""``autograd.numerical``: against derivatives that are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd.numerical import derivative, extrapolate, gradient, jacobian, tangent_line

POINTS = np.array([-2.0, -0.3, 0.7, 1.9])
KNOWN: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = [
    (np.sin, np.cos),
    (np.exp, np.exp),
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
    (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
]
PRECISION = {"central": 1e-9, "forward": 1e-6, "richardson": 1e-11, "complex": 1e-14}


@pytest.mark.parametrize("method", PRECISION)
@pytest.mark.parametrize(("f", "slope"), KNOWN)
def test_known_derivatives(f: Any, slope: Any, method: Any) -> None:
    found = derivative(f, POINTS, method=method)
    np.testing.assert_allclose(found, slope(POINTS), rtol=PRECISION[method], atol=PRECISION[method])


def test_the_central_difference_is_the_central_difference() -> None:
    """With a step that is exact, to the last bit."""
    f = np.exp
    assert derivative(f, 1.0, h=0.25) == (f(1.25) - f(0.75)) / 0.5
    assert derivative(f, 1.0, h=0.25, method="forward") == (f(1.25) - f(1.0)) / 0.25


def test_the_error_of_central_differences_falls_with_the_square_of_the_step() -> None:
    errors = [abs(derivative(np.exp, 0.0, h=h) - 1) for h in (0.1, 0.05)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)
    errors = [abs(derivative(np.exp, 0.0, h=h, method="forward") - 1) for h in (0.1, 0.05)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4, 1e8])
def test_the_default_step_grows_with_x(scale: float) -> None:
    assert derivative(lambda x: x**2, scale) == pytest.approx(2 * scale, rel=1e-6)


@pytest.mark.parametrize(("f", "slope"), KNOWN)
def test_richardsons_error_estimate_covers_the_error_and_is_small(f: Any, slope: Any) -> None:
    value, error = derivative(f, POINTS, method="richardson", return_error=True)
    assert np.all(np.abs(value - slope(POINTS)) <= error)
    assert np.all(error < 1e-9)


def test_richardsons_error_estimate_is_large_at_a_kink() -> None:
    _, error = derivative(np.abs, 1e-3, method="richardson", return_error=True)
    assert error > 1e-2


def test_extrapolate_takes_the_best_entry_for_each_element() -> None:
    x = np.array([0.5, 1e-4])
    value, error = extrapolate(lambda t: np.abs(x + t), 0.01)
    assert value[0] == pytest.approx(1, abs=1e-12)
    assert error[0] < 1e-10 < error[1]


def test_numbers_give_numbers_and_functions_of_math_work() -> None:
    found = derivative(math.sin, 1)
    assert isinstance(found, float)
    assert found == pytest.approx(math.cos(1))


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3), (0, 3)])
@pytest.mark.parametrize("method", ["central", "richardson", "complex", "forward"])
def test_gradients_of_arrays_of_any_shape(shape: tuple[int, ...], method: Any) -> None:
    x = np.linspace(-1, 2, int(np.prod(shape))).reshape(shape)
    found = gradient(lambda a: np.sum(a**3 + a), x, method=method)
    assert found.shape == shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 3 * x**2 + 1, rtol=1e-6, atol=1e-6)


def test_integers_are_converted_and_x_is_not_mutated() -> None:
    x = np.arange(6).reshape(2, 3)
    kept = x.copy()
    np.testing.assert_allclose(gradient(lambda a: np.sum(a * a), x), 2.0 * kept, atol=1e-8)
    assert np.array_equal(x, kept)
    assert x.dtype == kept.dtype

    def greedy(a: Any) -> Any:
        a += 1.0
        return np.sum(a * a)

    y = np.array([1.0, 2.0])
    np.testing.assert_allclose(gradient(greedy, y), 2 * (y + 1), rtol=1e-8)
    assert y.tolist() == [1.0, 2.0]


def test_float32_is_differenced_in_float64() -> None:
    x = np.array([0.1, 1.0], np.float32)
    np.testing.assert_allclose(derivative(np.exp, x), np.exp(x.astype(np.float64)), rtol=1e-9)


def test_jacobian_has_the_outputs_shape_before_the_inputs() -> None:
    x = np.array([[1.0, 2.0, -1.0], [0.5, 3.0, 1.0]])
    found = jacobian(lambda a: a @ a.T, x)
    assert found.shape == (2, 2, 2, 3)
    eye = np.eye(2)
    expected = np.einsum("ik,jl->ijkl", eye, x) + np.einsum("jk,il->ijkl", eye, x)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_tensors_are_given_to_functions_of_tensors() -> None:
    x = autograd.tensor([[0.5, -1.0]])
    found = gradient(lambda t: (t.tanh() * t).sum(), x)
    a = np.array([[0.5, -1.0]])
    np.testing.assert_allclose(found, np.tanh(a) + a * (1 - np.tanh(a) ** 2), rtol=1e-8)


def test_tangent_line() -> None:
    line = tangent_line(lambda x: x**2, 3.0)
    assert line.slope == pytest.approx(6)
    assert line(3.0) == pytest.approx(9)
    assert line.intercept == pytest.approx(-9)
    np.testing.assert_allclose(line(np.array([0.0, 1.0])), [-9, -3], atol=1e-6)
    assert str(line) == "y = 6 * x - 9"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: derivative(np.sin, 1.0, h=0.0), ValueError, "positive"),
        (lambda: derivative(np.sin, 1.0, h=-1e-3), ValueError, "positive"),
        (lambda: derivative(np.sin, 1.0, h=np.inf), ValueError, "finite"),
        (lambda: derivative(np.sin, 1.0, h=1e-30), ValueError, "lost in rounding"),
        (lambda: derivative(np.sin, POINTS, h=[0.1, 0.2]), ValueError, r"shape \(4,\)"),
        (lambda: derivative(np.sin, 1.0, method="euler"), ValueError, "'richardson'"),  # type: ignore[arg-type]
        (lambda: derivative(np.sin, 1.0, return_error=True), ValueError, "richardson"),
        (lambda: derivative(np.sum, POINTS), ValueError, "gradient"),
        (lambda: gradient(np.sin, POINTS), ValueError, "jacobian"),
        (lambda: derivative(lambda x: None, 1.0), TypeError, "None"),
        (lambda: derivative(lambda x: "a", 1.0), TypeError, "number"),
        (lambda: derivative(np.sin, "a"), TypeError, "str"),
        (lambda: derivative(np.sin, 1j), TypeError, "real"),
        (lambda: derivative(1.0, np.sin), TypeError, "f must|x must"),  # type: ignore[arg-type]
        (lambda: derivative(np.abs, 1.0, method="complex"), TypeError, "analytic"),
        (lambda: derivative(lambda x: x * 1j, 1.0), TypeError, "complex numbers for real x"),
        (lambda: tangent_line(np.sin, POINTS), ValueError, "one number"),  # type: ignore[arg-type]
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_function_whose_shape_varies_is_refused() -> None:
    with pytest.raises(ValueError, match="must not vary"):
        jacobian(lambda a: a[a > 0.5], np.array([0.5000001, 1.0]), h=0.1)
