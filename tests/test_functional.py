"""``autograd.functional``: the forms of inputs and results, what stays connected, and ``strict``."""

from __future__ import annotations

import pytest

import autograd
from autograd import functional

X, Y = autograd.tensor([1.0, 2.0]), autograd.tensor([3.0, 4.0])


def test_functional_returns_values_in_the_form_of_its_inputs():
    x, y = autograd.tensor([1.0, 2.0]), autograd.tensor([3.0, 4.0])
    assert functional.jacobian(lambda x: x**2, x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    (dx, dy), (ex, ey) = functional.jacobian(lambda x, y: (x * y, x.sum()), (x, y), strategy="forward-mode")
    assert dx.tolist() == [[3.0, 0.0], [0.0, 4.0]]
    assert dy.tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert ex.tolist() == [1.0, 1.0]
    assert ey.tolist() == [0.0, 0.0]
    ((xx, xy), _) = functional.hessian(lambda x, y: (x**2 * y).sum(), (x, y))
    assert xx.tolist() == [[6.0, 0.0], [0.0, 8.0]]
    assert xy.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    out, product = functional.vjp(lambda x, y: x * y, (x, y), autograd.ones(2))
    assert out.tolist() == [3.0, 8.0]
    assert [p.tolist() for p in product] == [[3.0, 4.0], [1.0, 2.0]]
    assert functional.jvp(lambda x: x.prod(), x, x)[1] == 4.0
    assert functional.vhp(lambda x: (x**3).sum(), x, x)[1].tolist() == [6.0, 24.0]
    w = x.clone().requires_grad_()
    assert not functional.jacobian(lambda x: x**2, w).requires_grad
    assert functional.hvp(lambda x: (x**3).sum(), w, w, create_graph=True)[1].requires_grad
    with pytest.raises(autograd.GradientError, match=r"output 1 of .* depends on no input"):
        functional.jacobian(lambda x: (x, autograd.ones(1)), x, strict=True)
    with pytest.raises(ValueError, match="strategy is"):
        functional.jacobian(lambda x: x, x, strategy="sideways")
    with pytest.raises(autograd.GradientError, match="may be left out only where the outputs"):
        functional.vjp(lambda x: x, x)


@pytest.mark.parametrize("product", [functional.vjp, functional.jvp, functional.hvp, functional.vhp])
@pytest.mark.parametrize("inputs", [X, (X,)])
@pytest.mark.parametrize("v", [autograd.tensor(2.0), (autograd.tensor(2.0),)])
def test_a_vector_may_come_as_a_tuple_of_one(product, inputs, v):
    if product is not functional.vjp:
        v = (v[0] * Y,) if isinstance(v, tuple) else v * Y
    _, found = product(lambda x: (x**3).sum(), inputs, v)
    assert isinstance(found, tuple) == (isinstance(inputs, tuple) and product is not functional.jvp)
    expected = {functional.vjp: [6.0, 24.0], functional.jvp: 114.0}.get(product, [36.0, 96.0])
    assert (found[0] if isinstance(found, tuple) else found).tolist() == expected


def first(x, y):
    return (x**2).sum()


def mixed(x, y):
    return (x * y * y).sum()


def line(x, y):
    return (2 * x + y).sum()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("call", "function", "message"),
    [
        (functional.jacobian, first, "output 0 of first does not depend on input 1"),
        (functional.hessian, first, "output 0 of first does not depend on input 1"),
        (functional.hessian, mixed, "gradient 0 of grad_of_mixed does not depend on input 0"),
        (functional.hessian, line, "gradient 0 of grad_of_line depends on no input"),
        (functional.jacobian, lambda x, y: X, "output 0 of <lambda> depends on no input"),
        (functional.vjp, first, "output 0 of first does not depend on input 1"),
        (lambda *args, **kwargs: functional.jvp(*args, v=(X, Y), **kwargs), first, "does not depend on input 1"),
        (
            lambda *args, **kwargs: functional.hvp(*args, v=(X, Y), **kwargs),
            line,
            "gradient 0 of .* depends on no input",
        ),
        (lambda *args, **kwargs: functional.vhp(*args, v=(X, Y), **kwargs), first, "does not depend on input 1"),
    ],
)
def test_strict_refuses_what_does_not_depend(call, function, message, create_graph):
    call(function, (X, Y), create_graph=create_graph)
    with pytest.raises(autograd.GradientError, match=f"with strict=True, .*{message}"):
        call(function, (X, Y), strict=True, create_graph=create_graph)


def test_strict_refuses_constant_derivatives_that_are_to_be_differentiated():
    calls = (
        lambda f, **more: functional.jacobian(f, (X, Y), strict=True, **more),
        lambda f, **more: functional.vjp(f, (X, Y), strict=True, **more),
        lambda f, **more: functional.jvp(f, (X, Y), (Y, X), strict=True, **more),
    )
    for call in calls:
        call(line)
        call(mixed, create_graph=True)
        with pytest.raises(autograd.GradientError, match="derivative 0 is the same for all inputs"):
            call(line, create_graph=True)


def square(x):
    return (x * x).sum()


def bent(x):
    return (x**3).sum()


@pytest.mark.parametrize("call", [
    functional.hessian,
    lambda *args, **more: functional.hvp(*args, Y, **more),
    lambda *args, **more: functional.vhp(*args, (Y,), **more),
])  # fmt: skip
def test_strict_refuses_constant_hessians_that_are_to_be_differentiated(call):
    """They were returned, as if they could be differentiated with respect to the inputs."""
    call(square, X, strict=True)
    call(square, X, create_graph=True)
    call(bent, X, strict=True, create_graph=True)
    call(bent, (X,), strict=True, create_graph=True)
    for inputs in (X, (X,)):
        with pytest.raises(autograd.GradientError, match="derivative 0 is the same for all inputs"):
            call(square, inputs, strict=True, create_graph=True)


def test_strict_changes_no_value():
    plain, strict = (functional.hvp(mixed, (X, Y), (Y, X), strict=strict) for strict in (False, True))
    assert plain[0] == strict[0]
    assert [p.tolist() for p in plain[1]] == [p.tolist() for p in strict[1]]
