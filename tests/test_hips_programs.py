"""Programs in the style of HIPS autograd: its operators on functions, flatten, optimizers, and whole programs."""

from __future__ import annotations

import itertools

import numpy as onp
import pytest
import scipy.optimize

import autograd
import autograd.core
import autograd.numpy as np
from autograd import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from autograd.differential_operators import checkpoint, make_jvp_reversemode
from autograd.errors import GradientError
from autograd.misc import const_graph
from autograd.misc.fixed_points import fixed_point
from autograd.misc.flatten import flatten, flatten_func
from autograd.misc.optimizers import adam, rmsprop, sgd
from autograd.misc.tracers import full_graph
from autograd.test_util import check_grads
from autograd.tracer import getval

X = onp.array([0.5, -1.5, 2.0])
A = onp.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])


def curve(x, scale=1.0):
    return scale * np.sum(np.sin(x) * x) + x[0] * x[1] ** 2


def vectors(x, y=1.0):
    return np.tanh(np.dot(A, x)) * y


HESSIAN = autograd.func.hessian(curve)(X)
JACOBIAN = autograd.func.jacobian(vectors)(X)
V, W = onp.array([1.0, -2.0, 0.5]), onp.array([0.3, -0.7])


def vectors_sum(x, y):
    return np.sum(vectors(x, y))


def gauss_newton_of_powers():
    return JACOBIAN.T @ (12 * onp.tanh(A @ X) ** 2 * (JACOBIAN @ V))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: grad(curve)(X), onp.cos(X) * X + onp.sin(X) + [X[1] ** 2, 2 * X[0] * X[1], 0]),
        (lambda: grad(curve, 0)(X, scale=0.0), [X[1] ** 2, 2 * X[0] * X[1], 0]),
        (lambda: grad(vectors_sum, argnum=1)(X, 2.0), onp.sum(onp.tanh(A @ X))),
        (lambda: grad(vectors_sum, (0, 1))(X, 2.0)[0], 2 * onp.sum(JACOBIAN, 0)),
        (lambda: value_and_grad(curve)(X)[0], curve(X)),
        (lambda: elementwise_grad(np.exp)(X), onp.exp(X)),
        (lambda: deriv(np.exp)(0.5), onp.exp(0.5)),
        (lambda: jacobian(vectors)(X), JACOBIAN),
        (lambda: jacobian(vectors, argnum=1)(X, 2.0), onp.tanh(A @ X)),
        (lambda: hessian(curve)(X), HESSIAN),
        (lambda: hessian_vector_product(curve)(X, V), HESSIAN @ V),
        (lambda: hessian_tensor_product(curve)(X, V, scale=1.0), HESSIAN @ V),
        (lambda: vector_jacobian_product(vectors)(X, W), W @ JACOBIAN),
        (lambda: tensor_jacobian_product(vectors)(X, 2.0, onp.ones((2,))), 2 * onp.sum(JACOBIAN, 0)),
        (lambda: make_vjp(vectors)(X)[0](W), W @ JACOBIAN),
        (lambda: make_vjp(vectors, (0, 1))(X, 1.0)[0](W)[1], W @ onp.tanh(A @ X)),
        (lambda: make_jvp(vectors)(X)(V)[1], JACOBIAN @ V),
        (lambda: make_jvp_reversemode(vectors)(X)(V), JACOBIAN @ V),
        (lambda: make_hvp(curve)(X)[0](V), HESSIAN @ V),
        (lambda: make_ggnvp(vectors)(X)(V), JACOBIAN.T @ JACOBIAN @ V),
        (lambda: make_ggnvp(vectors, lambda y: np.sum(y**4))(X)(V), gauss_newton_of_powers()),
        (lambda: grad_named(vectors_sum, "y")(X, 1.0), onp.sum(onp.tanh(A @ X))),
        (lambda: grad_and_aux(lambda x: (np.sum(x**2), x[0] * 3))(X)[0], 2 * X),
        (lambda: grad_and_aux(lambda x: (np.sum(x**2), x[0] * 3))(X)[1], 1.5),
        (lambda: multigrad_dict(vectors_sum)(X, y=2.0)["x"], 2 * onp.sum(JACOBIAN, 0)),
        (lambda: holomorphic_grad(lambda z: z**3)(1 + 1j), 3 * (1 + 1j) ** 2),
        (lambda: autograd.core.make_vjp(vectors, X)[0](W), W @ JACOBIAN),
        (lambda: autograd.core.make_jvp(vectors, X)(V)[1], JACOBIAN @ V),
        (lambda: grad(checkpoint(curve))(X), autograd.func.grad(curve)(X)),
        (lambda: grad(grad(np.tanh))(0.3), -2 * onp.tanh(0.3) * (1 - onp.tanh(0.3) ** 2)),
        (lambda: grad(const_graph(curve, scale=2.0))(X), autograd.func.grad(curve)(X, 2.0)),
    ],
)
def test_operators_on_functions(found, expected):
    onp.testing.assert_allclose(found(), expected, rtol=1e-12, atol=1e-13)


def test_results_are_arrays():
    assert type(grad(curve)(X)) is onp.ndarray
    value, gradient = value_and_grad(curve)(X)
    assert isinstance(value, onp.floating)
    assert type(gradient) is onp.ndarray
    assert isinstance(grad(np.tanh)(1.0), onp.floating)
    assert grad(curve).__name__ == "grad_of_curve"


def test_operators_nest():
    def products(x):
        return hessian_vector_product(curve)(x, V)

    onp.testing.assert_allclose(jacobian(products)(X), jacobian(lambda x: np.dot(hessian(curve)(x), V))(X))
    check_grads(lambda x, v: hessian_vector_product(curve)(x, v), (0, 1), order=1)(X, V)
    check_grads(lambda x, v: make_jvp(vectors)(x)(v)[1], (0, 1), order=2)(X, V)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: x * x)(X), GradientError, "one number"),
        (lambda: grad(np.sin)(3), TypeError, r"write 3\.0"),
        (lambda: hessian_vector_product(curve)(X), GradientError, "then the tensor"),
        (lambda: grad_named(curve, "nothing")(X), ValueError, "nothing"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_real_argument_of_holomorphic_grad_warns():
    with pytest.warns(UserWarning, match="not complex"):
        assert holomorphic_grad(np.sin)(0.5) == pytest.approx(onp.cos(0.5))


def test_checkpoint_is_both_of_a_function_and_of_a_call():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    autograd.checkpoint(lambda x: (x * x).tanh(), x).sum().backward()
    assert autograd.checkpoint(np.tanh)(0.5) == onp.tanh(0.5)
    assert x.grad is not None


# ---- flatten ---------------------------------------------------------------------------------------------------------

NESTED = {"w": [onp.arange(4.0).reshape(2, 2), (1.5, onp.array([7.0]))], "b": onp.array(2.0), "a": []}


def test_flatten_and_back():
    vector, unflatten = flatten(NESTED)
    assert vector.tolist() == [2, 0, 1, 2, 3, 1.5, 7]
    back = unflatten(vector + 1)
    assert list(back) == ["w", "b", "a"]
    assert back["w"][0].tolist() == [[1, 2], [3, 4]]
    assert (back["w"][1][0], back["w"][1][1].tolist(), back["b"], back["a"]) == (2.5, [8.0], 3.0, [])
    assert type(back["w"][1]) is tuple
    assert flatten([])[0].shape == (0,)


def test_flatten_is_differentiable():
    def through(x):
        tree = flatten(NESTED)[1](x)
        again, _ = flatten({"z": tree["w"], "y": tree["b"] * x[0]})
        return again * again

    check_grads(through)(flatten(NESTED)[0])
    assert grad(lambda tree: flatten(tree)[0][0] ** 2)((3.0, [1.0]))[0] == 6.0
    t = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert type(flatten([X[:1], X[:2]])[1](t)[1]) is autograd.Tensor


def test_flatten_func():
    flat, unflatten, vector = flatten_func(lambda tree, k: [tree["b"] * k, tree["b"]], {"b": X})
    assert flat(vector, 2.0).tolist() == [*(2 * X), *X]
    assert unflatten(vector)["b"].tolist() == X.tolist()


# ---- optimizers ------------------------------------------------------------------------------------------------------


def by_hand(name, x, steps):
    """Three steps of each, with numbers in the place of vectors."""
    velocity, mean, m, v = 0.0, 1.0, 0.0, 0.0
    for i in range(steps):
        g = 2 * x
        if name == "sgd":
            velocity = 0.9 * velocity - (1.0 - 0.9) * g
            x = x + 0.1 * velocity
        elif name == "rmsprop":
            mean = mean * 0.9 + g**2 * (1 - 0.9)
            x = x - 0.1 * g / (mean**0.5 + 10**-8)
        else:
            m = (1 - 0.9) * g + 0.9 * m
            v = (1 - 0.999) * g**2 + 0.999 * v
            x = x - 0.001 * (m / (1 - 0.9 ** (i + 1))) / ((v / (1 - 0.999 ** (i + 1))) ** 0.5 + 10**-8)
    return x


@pytest.mark.parametrize("optimize", [sgd, rmsprop, adam])
def test_optimizers_do_the_same_steps(optimize):
    seen = []
    start = {"a": onp.array([1.0, -2.0]), "b": [0.5]}
    gradient = grad(lambda tree, i: np.sum(tree["a"] ** 2) + tree["b"][0] ** 2)
    end = optimize(gradient, start, lambda x, i, g: seen.append((x["b"][0], i, g["a"].tolist())), num_iters=3)
    expected = [by_hand(optimize.__name__, x, 3) for x in (1.0, -2.0, 0.5)]
    onp.testing.assert_allclose([*end["a"], end["b"][0]], expected, rtol=1e-14)
    assert seen[0] == (0.5, 0, [2.0, -4.0])
    assert [i for _, i, _ in seen] == [0, 1, 2]
    assert start["a"].tolist() == [1.0, -2.0]


def test_an_optimizer_can_be_differentiated():
    def after(rate):
        return sgd(lambda x, i: 2 * x, onp.array([1.0, 2.0]), num_iters=3, step_size=rate)[1]

    check_grads(after, order=1)(0.1)


def test_gradients_for_scipys_minimisers():
    def rosenbrock(x):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    start = onp.zeros(2)
    found = scipy.optimize.minimize(value_and_grad(rosenbrock), start, jac=True, method="BFGS", tol=1e-10)
    onp.testing.assert_allclose(found.x, [1, 1], atol=1e-6)
    found = scipy.optimize.minimize(
        rosenbrock, start, jac=grad(rosenbrock), hessp=hessian_vector_product(rosenbrock), method="Newton-CG"
    )
    onp.testing.assert_allclose(found.x, [1, 1], atol=1e-3)


# ---- fixed points, graphs --------------------------------------------------------------------------------------------


def test_fixed_points_are_differentiable():
    def newton(a):
        return lambda x: 0.5 * (x + a / x)

    def root(a):
        return fixed_point(newton, a, 1.0, lambda x, y: np.abs(x - y), 1e-12)

    assert root(2.0) == pytest.approx(2**0.5)
    assert grad(root)(2.0) == pytest.approx(0.5 * 2**-0.5)
    assert grad(grad(root))(2.0) == pytest.approx(-0.25 * 2**-1.5)


def test_the_graph_of_a_call():
    node = full_graph(lambda x, y: np.sin(x) * y, 0.5, 2.0)
    assert node.value == pytest.approx(2 * onp.sin(0.5))
    _, args, kwargs, parents = node.recipe
    assert (args[1], kwargs, [place for place, _ in parents]) == (2.0, {}, [0, 1])
    assert parents[0][1].recipe[0].__name__ == "sin"


@pytest.mark.parametrize(
    ("f", "given"),
    [
        (lambda x: x - 2.0, ((2.0,), {})),
        (lambda x: np.sum(x, axis=0), ((0,), {})),
        (lambda x: np.var(x, axis=1, ddof=0), ((1, 0), {})),
        (lambda x: autograd.add(x, 1.0, alpha=3.0), ((1.0,), {"alpha": 3.0})),
        (lambda x: np.linalg.svd(x)[1], ((), {})),
        (lambda x: np.linalg.slogdet(x)[1], ((), {})),
    ],
)
def test_an_op_of_a_graph_can_be_called_again(f, given):
    x = A[:, :2]
    node = full_graph(f, x)
    function, args, kwargs, parents = node.recipe
    assert (args[1:], kwargs, [place for place, _ in parents]) == (*given, [0])
    again = function(*args, **kwargs)
    pairs = zip(again, node.value, strict=True) if type(node.value) is tuple else [(again, node.value)]
    for found, expected in pairs:
        onp.testing.assert_allclose(getval(found), expected)


# ---- whole programs --------------------------------------------------------------------------------------------------


def test_a_network_is_trained():
    rng = np.random.RandomState(0)
    sizes = [2, 8, 1]
    params = [(0.5 * rng.randn(m, n), np.zeros(n)) for m, n in itertools.pairwise(sizes)]
    inputs = rng.rand(32, 2)
    targets = (inputs[:, :1] > inputs[:, 1:]) * 1.0

    def predict(params, x):
        for w, b in params:
            y = np.dot(x, w) + b
            x = np.tanh(y)
        return 0.5 * (np.tanh(y) + 1)

    def loss(params, i):
        p = predict(params, inputs)
        penalty, _ = flatten(params)
        return -np.mean(np.log(p * targets + (1 - p) * (1 - targets))) + 1e-4 * np.dot(penalty, penalty)

    start = loss(params, 0)
    trained = adam(grad(loss), params, step_size=0.05, num_iters=60)
    assert loss(trained, 0) < 0.4 * start
    assert type(trained) is list
    assert type(trained[0]) is tuple


def test_a_recurrence_with_branches_and_a_dict_of_state():
    def simulate(x):
        state = {"position": x, "steps": []}
        for t in range(6):
            if np.max(state["position"]) > 1.1:
                state["position"] = state["position"] * 0.5
            else:
                state = dict(state, position=state["position"] + np.sin(x) * t)
            state["steps"].append(np.sum(state["position"]))
        return np.sum(np.array(state["steps"]) ** 2)

    check_grads(simulate)(X)


def test_a_function_of_plain_numpy_is_differentiated_too():
    def f(x):
        y = onp.exp(x) * x.T
        return onp.sum(y.reshape(-1, 1), axis=0)[0] + onp.linalg.norm(y)

    check_grads(f)(X)
