"""``autograd.forward_ad``: dual numbers, whom their tangents depend on, and when they end. Numbers are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import forward_ad, func, tensor
from tests.helpers import leaf, values


@pytest.fixture
def x() -> Any:
    return tensor([1.0, 2.0, 3.0], dtype=autograd.float64)


@pytest.fixture
def t() -> Any:
    return tensor([1.0, 0.5, -1.0], dtype=autograd.float64)


def tangent(out: Any) -> Any:
    return forward_ad.unpack_dual(out).tangent


def test_tangents_are_those_of_jvp(x, t):
    def function(x):
        return autograd.cat([x.sin() * x, x[1:].cumsum(0), x @ x + x.max()[None]])

    with forward_ad.dual_level():
        primal, moved = forward_ad.unpack_dual(function(forward_ad.make_dual(x, t)))
        expected = func.jvp(function, (x,), (t,))
        assert values(primal) == values(expected[0])
        np.testing.assert_allclose(moved.numpy(), expected[1].numpy())
        assert not primal.requires_grad
        assert not moved.requires_grad
        assert tangent(x * 2) is None


def test_a_tangent_inside_of_a_map_depends_on_the_row_that_is_mapped(x, t):
    def product(row):
        with forward_ad.dual_level():
            return tangent((forward_ad.make_dual(x, t) ** 2 * row).sum())

    rows = autograd.ones(2, 3, dtype=autograd.float64).requires_grad_()
    func.vmap(product)(rows).sum().backward()
    assert values(rows.grad) == values(autograd.stack([2 * x * t] * 2))


def test_only_what_depends_on_a_dual_number_has_a_tangent(x, t):
    w = leaf(2, 1, 4)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, t)
        assert tangent(dual) is t
        assert tangent(w * 2) is None
        assert tangent(dual.detach() * 2) is None
        assert tangent(x) is None
        assert values(tangent(forward_ad.make_dual(x, t * 2) + dual)) == [3, 1.5, -3]
        assert values(tangent(dual[1:])) == [0.5, -1]
        out = autograd.ones(3, dtype=autograd.float64) * 1
        out.mul_(dual)
        assert values(tangent(out)) == [1, 0.5, -1]
    assert tangent(dual) is None
    assert tangent(out) is None


def test_tangents_are_read_when_they_are_asked_for(x):
    moving = tensor([0.0, 0.0, 0.0], dtype=autograd.float64)
    with forward_ad.dual_level():
        out = forward_ad.make_dual(x, moving) ** 2
        moving[1] = 5.0
        found = tangent(out)
        assert values(found) == [0, 20, 0]
        dual = forward_ad.make_dual(x, moving)
        same = tangent(dual.view(3))
        same += 1.0  # in memory of its own
        assert values(moving) == [0, 5, 0]


def test_tangents_can_be_differentiated(x, t):
    w = leaf(2, 1, 4)
    with forward_ad.dual_level():
        primal, moved = forward_ad.unpack_dual((forward_ad.make_dual(x, t) * w).sum())
        assert primal.requires_grad
        assert values(autograd.grad(moved, w)[0]) == values(t)
        moved = tangent((forward_ad.make_dual(w, t) ** 3).sum())
        np.testing.assert_allclose(autograd.grad(moved, w)[0].numpy(), 6 * w.detach().numpy() * t.numpy())
        direction = leaf(1, 1, 1)
        primal, moved = forward_ad.unpack_dual(forward_ad.make_dual(x, direction) ** 2)
        assert not primal.requires_grad
        assert values(autograd.grad(moved.sum(), direction)[0]) == [2, 4, 6]


def test_inside_transforms(x, t):
    def moved(x):
        with forward_ad.dual_level():
            return tangent((forward_ad.make_dual(x, t) ** 3).sum())

    np.testing.assert_allclose(func.grad(moved)(x).numpy(), 6 * x.numpy() * t.numpy())
    np.testing.assert_allclose(func.jvp(moved, (x,), (x,))[1].numpy(), np.sum(6 * x.numpy() ** 2 * t.numpy()))
    with forward_ad.dual_level():
        rows = func.vmap(lambda t: tangent(forward_ad.make_dual(x, t) ** 2))(autograd.eye(3, dtype=autograd.float64))
        np.testing.assert_allclose(rows.numpy(), np.diag(2 * x.numpy()))


def test_no_grad_outside_records_all_the_same(x, t):
    w = leaf(2, 1, 4)
    with autograd.no_grad():
        with forward_ad.dual_level():
            primal, moved = forward_ad.unpack_dual(forward_ad.make_dual(w, t) * w)
            assert values(moved) == [2, 0.5, -4]
            assert not primal.requires_grad
            assert not moved.requires_grad
        assert not autograd.is_grad_enabled()
    assert autograd.is_grad_enabled()


def test_modules_and_functions(x):
    class Twice(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def jvp(ctx, t):
            return t * 3  # not the derivative, so that one sees that it is called

    layer = nn.Linear(3, 2).double()
    direction = autograd.ones_like(layer.weight)
    with forward_ad.dual_level():
        weights = {"weight": forward_ad.make_dual(layer.weight, direction), "bias": layer.bias}
        moved = tangent(Twice.apply(func.functional_call(layer, weights, x)))
    assert values(moved) == [18, 18]


def test_a_function_of_nothing_that_moves_has_no_tangent(x, t):
    class Twice(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def jvp(ctx, t):
            raise AssertionError("nothing moves")

    still, other = Twice.apply(x.clone().requires_grad_())
    with forward_ad.dual_level():
        assert tangent(still) is None
        assert values(tangent(forward_ad.make_dual(still, t) * other)) == values(3 * x * t)
    assert values(func.jvp(lambda x: x * still, (x,), (t,))[1]) == values(2 * x * t)


def test_a_level_ends_with_its_block(x, t):
    with pytest.raises(KeyError), forward_ad.dual_level():
        raise KeyError("k")
    assert forward_ad.enter_dual_level() == 0
    assert values(tangent(forward_ad.make_dual(x, t) * 2)) == [2, 1, -2]
    forward_ad.exit_dual_level()
    with forward_ad.dual_level() as level:
        dual = forward_ad.make_dual(x, t, level=level)
        forward_ad.exit_dual_level(level=level)
        assert tangent(dual) is None


def outside(x: Any, t: Any) -> None:
    forward_ad.make_dual(x, t)


def inside(function: Any) -> Any:
    def called(x: Any, t: Any) -> None:
        with forward_ad.dual_level():
            function(x, t)

    return called


def without_recording(x: Any, t: Any) -> None:
    with autograd.no_grad():
        forward_ad.make_dual(x, t)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (outside, RuntimeError, "make_dual: there is no level"),
        (lambda x, t: forward_ad.exit_dual_level(), RuntimeError, "no level is entered"),
        (inside(lambda x, t: forward_ad.exit_dual_level(level=3)), RuntimeError, "got level=3, where 0 is entered"),
        (inside(lambda x, t: forward_ad.enter_dual_level()), RuntimeError, "Nested forward mode AD is not supported"),
        (inside(lambda x, t: forward_ad.make_dual(x, t[:2])), ValueError, r"shape \(3,\) and float64.*got \(2,\)"),
        (inside(lambda x, t: forward_ad.make_dual(x, t.float())), ValueError, "got .* and float32"),
        (inside(lambda x, t: forward_ad.make_dual(x.long(), t)), TypeError, "tensor of floating .* got int64"),
        (inside(lambda x, t: forward_ad.make_dual(x, t.long())), TypeError, "tangent of floating .* got int64"),
        (inside(lambda x, t: forward_ad.make_dual(3.0, t)), TypeError, "expected tensor to be a Tensor, got float"),
        (inside(lambda x, t: forward_ad.unpack_dual(3.0)), TypeError, "expected a Tensor, got float"),
        (
            inside(lambda x, t: forward_ad.make_dual(forward_ad.make_dual(x, t), t)),
            RuntimeError,
            "has a tangent already",
        ),
        (
            inside(lambda x, t: forward_ad.make_dual(x, 2 * forward_ad.make_dual(x, t))),
            RuntimeError,
            "make_dual: tangent has a tangent already",
        ),
        (inside(lambda x, t: forward_ad.make_dual(x, t, level=1)), ValueError, "there is only level 0, got 1"),
        (inside(without_recording), RuntimeError, "nothing is recorded inside no_grad"),
    ],
)
def test_errors(call, error, message, x, t):
    with pytest.raises(error, match=message):
        call(x, t)
    with forward_ad.dual_level():  # none is left behind
        pass


@pytest.mark.parametrize("materialize", [True, False])
def test_a_function_is_only_pushed_through_if_an_input_moves(materialize: bool, x: Any, t: Any) -> None:
    """Its ``jvp`` cannot say that a result stands still, and need not expect that nothing moves."""
    calls = []

    class Twice(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 2

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            calls.append(t)
            return t * 2

    still = Twice.apply(x.clone().requires_grad_())
    with forward_ad.dual_level():
        assert forward_ad.unpack_dual(still).tangent is None
        moving = forward_ad.make_dual(still, t)
        assert forward_ad.unpack_dual(moving * still).tangent.tolist() == (t * still).tolist()
    assert autograd.func.jvp(lambda x: x * still, (x,), (t,))[1].tolist() == (t * still).tolist()
    assert not calls
