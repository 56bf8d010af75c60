"""optim.minimize: the study notes' examples, the path, when it stops, what it refuses."""

import numpy as np
import pytest

import autograd
import optim


def parabola(x):
    return x**2 + 2 * x + 3


def bowl(x):
    return x[0] ** 2 + 2 * x[1] ** 2


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def newton(params):
    return optim.LBFGS(params, line_search_fn="strong_wolfe", tolerance_change=0)


def test_gradient_descent_by_hand_is_the_path():
    found = optim.minimize(parabola, 4.0, lambda p: optim.SGD(p, lr=0.25), tol=1e-3)
    x = [4.0]
    while abs(2 * x[-1] + 2) > 1e-3:
        x.append(x[-1] - 0.25 * (2 * x[-1] + 2))
    np.testing.assert_allclose(found.path, x, rtol=1e-12)
    np.testing.assert_allclose(found.values, [a * a + 2 * a + 3 for a in x], rtol=1e-12)
    assert (found.steps, found.converged) == (len(x) - 1, True)
    assert found.x == found.path[-1]
    assert found.fun == found.values[-1]
    assert found.grad == pytest.approx(2 * x[-1] + 2)
    assert found.message == "the gradient's norm is at most 0.001"


@pytest.mark.parametrize(
    ("fun", "x0", "optimizer", "expected"),
    [
        (bowl, [3.0, -2.0], None, [0, 0]),
        (bowl, np.array([3.0, -2.0]), lambda p: optim.SGD(p, lr=0.05, momentum=0.8), [0, 0]),
        (bowl, [3, -2], lambda p: optim.Adam(p, lr=0.3), [0, 0]),
        (rosenbrock, [-1.2, 1.0], newton, [1, 1]),
        (lambda x: ((x - 2) ** 2).sum(), np.zeros((2, 3)), None, np.full((2, 3), 2.0)),
    ],
)
def test_minimum_is_found(fun, x0, optimizer, expected):
    found = optim.minimize(fun, x0, optimizer)
    assert found.converged
    assert found.x.dtype == np.float64
    np.testing.assert_allclose(found.x, expected, atol=1e-5)
    assert found.path.shape == (found.steps + 1, *np.shape(expected))
    np.testing.assert_array_equal(found.path[0], x0)
    assert np.linalg.norm(found.grad) <= 1e-6


def test_float32_stays_and_the_start_is_not_changed():
    start = autograd.tensor([3.0, -2.0])
    found = optim.minimize(bowl, start, tol=1e-3)
    assert found.x.dtype == np.float32
    assert start.tolist() == [3.0, -2.0]


def test_why_it_stopped():
    done = optim.minimize(parabola, -1.0)
    assert (done.steps, done.converged, done.path.tolist()) == (0, True, [-1.0])
    short = optim.minimize(parabola, 4.0, max_steps=2)
    assert (short.steps, short.converged) == (2, False)
    assert short.message == "the gradient's norm is still 6.4 after 2 steps"
    far = optim.minimize(parabola, 4.0, lambda p: optim.SGD(p, lr=1e200))
    assert not far.converged
    assert far.message == "the value is not finite after step 1; try a smaller step size, or another start"
    steep = optim.minimize(lambda x: x**0.5, 0.0)
    assert steep.message.startswith("the gradient is not finite after step 0")
    seen = []
    stopped = optim.minimize(parabola, 4.0, callback=lambda *call: seen.append(call) or len(seen) == 3)
    assert stopped.message == "the callback stopped it after step 2"
    assert [(step, float(x), value) for step, x, value in seen] == [
        (i, stopped.path[i], stopped.values[i]) for i in range(3)
    ]
    assert repr(short) == (
        "Minimum(x=2.2, fun=12.24, |grad|=6.4, steps=2, not converged: the gradient's norm is still 6.4 after 2 steps)"
    )


def test_one_evaluation_a_step():
    calls = []
    found = optim.minimize(lambda x: calls.append(1) or parabola(x), 4.0, max_steps=5)
    assert found.steps == 5
    assert len(calls) == 6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.minimize(lambda x: 3.0, 1.0), TypeError, "fun must return a Tensor of one element, got float"),
        (lambda: optim.minimize(lambda x: x * 2, [1.0, 2.0]), autograd.GradientError, "not one element"),
        (lambda: optim.minimize(lambda x: x.detach(), 1.0), autograd.GradientError, "does not require grad"),
        (lambda: optim.minimize(parabola, 1.0, lambda p: p), TypeError, "must make an Optimizer .* got list"),
        (lambda: optim.minimize(parabola, 1.0, tol=-1), ValueError, "must not be negative, got tol=-1"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
