"""Primitives with rules of one's own, vector spaces, boxes seen from outside, traces."""

from __future__ import annotations

import numpy as onp
import pytest

import autograd
import autograd.numpy as np
from autograd import func
from autograd.builtins import isinstance as box_isinstance
from autograd.builtins import type as box_type
from autograd.errors import GradientError, NotDifferentiableError, RuleError
from autograd.extend import (
    VJPNode,
    VSpace,
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
    register_notrace,
    vspace,
)
from autograd.test_util import check_grads, combo_check
from autograd.tracer import Node, getval, isbox, trace
from autograd.util import subval, subvals, toposort
from autograd.wrap_util import get_name, unary_to_nary, wraps

X = onp.array([0.5, -1.5, 2.0])


def product_by(define):
    """A primitive ``x * y * scale`` of arrays, with rules that ``define`` gives it."""

    @primitive
    def product(x, y, scale=1.0):
        """Computed on arrays only."""
        assert not isbox(x)
        assert not isbox(y)
        return x * y * scale

    define(product)
    return product


DEFINITIONS = {
    "defvjp": lambda f: defvjp(
        f,
        lambda ans, x, y, scale=1.0: lambda g: g * y * scale,
        lambda ans, x, y, scale=1.0: lambda g: g * x * scale,
    ),
    "defvjp_argnum": lambda f: defvjp_argnum(
        f, lambda argnum, ans, args, kwargs: lambda g: g * args[1 - argnum] * kwargs.get("scale", 1.0)
    ),
    "defvjp_argnums": lambda f: defvjp_argnums(
        f, lambda argnums, ans, args, kwargs: lambda g: [g * ans / args[argnum] for argnum in argnums]
    ),
    "defjvp": lambda f: defjvp(
        f,
        lambda g, ans, x, y, scale=1.0: g * y * scale,
        lambda g, ans, x, y, scale=1.0: g * x * scale,
    ),
    "defjvp_argnum": lambda f: defjvp_argnum(f, lambda argnum, g, ans, args, kwargs: g * ans / args[argnum]),
    "defjvp_argnums": lambda f: defjvp_argnums(
        f,
        lambda argnums, gs, ans, args, kwargs: sum(g * ans / args[i] for i, g in zip(argnums, gs, strict=True)),
    ),
    "both": lambda f: (DEFINITIONS["defjvp"](f), DEFINITIONS["defvjp"](f)),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_primitive_has_the_derivatives_that_were_defined(name):
    product = product_by(DEFINITIONS[name])
    assert product.__name__ == "product"
    assert product.__doc__ == "Computed on arrays only."
    assert product(X, X).tolist() == (X * X).tolist()
    g = autograd.grad(lambda x, y: np.sum(product(x, np.sin(y), scale=2.0)), (0, 1))(X, X)
    onp.testing.assert_allclose(g[0], 2 * onp.sin(X))
    onp.testing.assert_allclose(g[1], 2 * X * onp.cos(X))
    check_grads(lambda x: product(x, x, scale=3.0), order=3)(X)


def test_a_rule_counts_also_if_the_primitive_was_called_before():
    cube = primitive(lambda x: x * x * x)
    defvjp(cube, lambda ans, x: lambda g: g * 3 * x**2)
    assert func.grad(cube)(2.0) == 12.0
    assert func.jvp(cube, (2.0,), (1.0,))[1] == 12.0
    defjvp(cube, lambda g, ans, x: -g)
    assert func.jvp(cube, (2.0,), (1.0,))[1] == -1.0
    defvjp(cube, lambda ans, x: lambda g: 5 * g)
    assert func.grad(cube)(2.0) == 5.0


def test_tensors_give_tensors():
    product = product_by(DEFINITIONS["defvjp"])
    t = autograd.tensor([1.0, 2.0], requires_grad=True)
    y = product(t, t)
    assert type(y) is autograd.Tensor
    (g,) = autograd.grad(y.sum(), t, create_graph=True)
    assert type(g) is autograd.Tensor
    assert autograd.grad(g.sum(), t)[0].tolist() == [2.0, 2.0]
    with autograd.no_grad():
        assert not product(t, t).requires_grad


def test_containers_go_in_and_out():
    @primitive
    def split(pair, n):
        return {"first": pair[0] * n, "all": [pair[0] + pair[1], n]}

    defvjp(split, lambda ans, pair, n: lambda g: (g["first"] * n + g["all"][0], g["all"][0]), None)

    def f(x, y):
        made = split((x, y * y), 3)
        assert made["all"][1] == 3
        return np.sum(made["first"] * made["all"][0])

    check_grads(f, (0, 1))(X, X + 1)


def test_a_container_without_rule_is_looked_into():
    @primitive
    def total(items, weight):
        return items[0] * items[1] * weight

    defvjp(total, lambda ans, items, weight: lambda g: g * ans / weight, argnums=(1,))
    assert autograd.grad(lambda x: np.sum(total([x, x], 2.0)))(X).tolist() == (4 * X).tolist()


def test_arguments_without_influence_have_zero_derivatives():
    @primitive
    def first(x, y):
        return x * 2.0

    defvjp(first, lambda ans, x, y: lambda g: 2.0 * g, None)
    assert autograd.grad(lambda x: np.sum(first(x, x)))(X).tolist() == [2.0, 2.0, 2.0]


def test_no_gradient_flows_through_what_is_not_traced():
    @notrace_primitive
    def plain(x):
        return onp.floor(x)

    @primitive
    def registered(x):
        return x * 5

    register_notrace(VJPNode, registered)
    assert autograd.grad(lambda x: np.sum(x * plain(x) + registered(x)))(X).tolist() == onp.floor(X).tolist()


def test_a_linear_primitive_has_no_transpose_by_itself():
    @primitive
    def turned(x):
        return x[::-1]

    def_linear(turned)
    with pytest.raises(NotDifferentiableError, match=r"turned.*defvjp"):
        autograd.grad(lambda x: np.sum(turned(x)))(X)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: defvjp(onp.sin, None), TypeError, "sin is not a primitive"),
        (lambda: defvjp(primitive(lambda x: x), 3), TypeError, "expected a function or None"),
        (lambda: defjvp(primitive(lambda x: x), "sam"), TypeError, "expected a function, 'same' or None"),
        (lambda: autograd.grad(primitive(lambda x: x * 1.0))(1.0), NotDifferentiableError, "no derivative with resp"),
        (lambda: autograd.grad(primitive(lambda x: x * 1.0))(1.0), NotImplementedError, "argument 0"),
        (lambda: vspace("text"), TypeError, "vector space"),
        (lambda: trace(Node.new_root(), np.sin, 1.0), TypeError, "must define __init__"),
        (lambda: unary_to_nary(lambda f, x: x)(np.sin, "x"), TypeError, "argnum"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_rule_that_returns_too_few_gradients_is_an_error():
    f = product_by(lambda f: defvjp_argnums(f, lambda argnums, ans, args, kwargs: lambda g: [g]))
    with pytest.raises(RuleError, match="1 gradients for 2 arguments"):
        autograd.grad(lambda x: np.sum(f(x, x)))(X)


def test_a_primitive_that_returns_text_is_an_error():
    f = primitive(lambda x: "text")
    defvjp(f, lambda ans, x: lambda g: g)
    with pytest.raises(TypeError, match="type str"):
        autograd.grad(f)(1.0)


def test_an_overwritten_argument_is_noticed():
    @primitive
    def square(x, y):
        return x * y

    defvjp(square, lambda ans, x, y: lambda g: g * y, None)
    t = autograd.tensor([1.0, 2.0], requires_grad=True)
    held = autograd.tensor([3.0, 4.0])
    y = square(t, held)
    held += 1
    with pytest.raises(autograd.MutationError, match="square"):
        y.sum().backward()


# ---- vector spaces ---------------------------------------------------------------------------------------------------


def test_vector_spaces():
    space = vspace({"w": X, "b": [1.0, 2j]})
    assert space.size == 3 + 1 + 2
    assert space.zeros()["w"].tolist() == [0, 0, 0]
    assert space.ones()["b"][1] == 1 + 1j
    basis = list(space.standard_basis())
    assert len(basis) == 6
    assert basis[5]["b"][1] == 1j
    x = space.randn()
    assert space.inner_prod(x, space.scalar_mul(x, 2.0)) == pytest.approx(
        2 * (onp.sum(x["w"] ** 2) + abs(x["b"][0]) ** 2 + abs(x["b"][1]) ** 2)
    )
    assert space.mut_add(None, x) is x
    assert space.add(x, x)["w"].tolist() == (2 * x["w"]).tolist()
    assert space.covector(x)["b"][1] == onp.conj(x["b"][1])
    assert space.shape["b"][0] == vspace(1.0) == VSpace(2.0)
    assert hash(vspace(1.0)) == hash(vspace(2.0))
    assert vspace(X) != vspace(X[:2])
    assert (vspace(X).shape, vspace(X).ndim, vspace(1j).iscomplex) == ((3,), 1, True)
    assert "float64 (3,)" in repr(vspace([X]))


# ---- boxes from outside ----------------------------------------------------------------------------------------------


def test_boxes_from_outside():
    seen = []

    def f(x):
        seen.append((isbox(x), type(getval(x)), box_isinstance(x, onp.ndarray), box_type(x)))
        return np.sum(x * getval(x))

    assert autograd.grad(f)(X).tolist() == X.tolist()
    assert seen == [(True, onp.ndarray, True, onp.ndarray)]
    assert not isbox(X)
    assert getval("text") == "text"
    assert box_isinstance([], list)
    assert (autograd.builtins.list, autograd.list, autograd.tuple, autograd.dict) == (list, list, tuple, dict)


class Step(Node):
    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.name, self.value, self.parents, self.argnums = fun.__name__, value, parents, parent_argnums

    def initialize_root(self, name):
        self.name, self.parents = name, ()


def test_a_trace_has_a_node_for_each_op():
    value, node = trace(Step.new_root("x"), lambda x: np.sin(x) * np.sum([x, 2.0]), 0.5)
    assert value == pytest.approx(onp.sin(0.5) * 2.5)
    names = [step.name for step in toposort(node)]
    assert names[0] == "mul"
    assert names[-1] == "x"
    assert {"sin", "stack", "sum"} <= {*names}
    assert node.argnums == (0, 1)
    assert node.value == value


def test_a_trace_goes_through_gradients_and_primitives():
    product = product_by(DEFINITIONS["defvjp"])
    _, node = trace(Step.new_root("x"), autograd.grad(lambda x: np.sum(np.sin(product(x, x)))), X)
    names = {step.name for step in toposort(node)}
    assert {"product", "cos"} <= names


def test_a_trace_of_a_constant_warns():
    with pytest.warns(UserWarning, match="independent of input"):
        assert trace(Step.new_root("x"), lambda x: 3.0, 1.0) == (3.0, None)


# ---- helpers ---------------------------------------------------------------------------------------------------------


def test_helpers():
    assert subval((1, 2), 0, "a") == ("a", 2)
    assert subvals((1, 2, 3), [(2, "c"), (0, "a")]) == ("a", 2, "c")
    assert get_name(3) == "[unknown name]"
    named = wraps(onp.sum, "{op} of {fun}", op="x")(lambda: None)
    assert named.__name__ == "x of sum"


def test_checks_find_wrong_rules():
    @primitive
    def wrong(x):
        return x * x

    defvjp(wrong, lambda ans, x: lambda g: g * x * 2.001)
    for mode in ("fwd", "rev"):
        with pytest.raises(AssertionError, match=r"check|mismatch"):
            check_grads(wrong, modes=[mode], order=1)(X)
    with pytest.raises(GradientError, match="'fwd' and 'rev'"):
        check_grads(np.sin, modes=["sideways"])(X)
    combo_check(np.sum, (0,))([X, onp.ones((2, 3))], axis=[None, 0])
    with pytest.raises(AssertionError):
        combo_check(wrong, (0,), order=1)([X, X[:1]])


def test_func_differentiates_primitives_in_forward_mode():
    product = product_by(DEFINITIONS["defvjp"])
    assert func.jvp(lambda x: product(x, x), (X,), (onp.ones(3),))[1].tolist() == (2 * X).tolist()
