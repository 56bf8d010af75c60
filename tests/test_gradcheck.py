"""gradcheck and gradgradcheck: what they accept, what they reject, whom they blame."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import GradcheckError, gradcheck, gradgradcheck, op
from autograd.extend import defjvp, defvjp, primitive

rng = np.random.default_rng(0)


def leaf(*shape: int, dtype: Any = np.float64) -> Any:
    return autograd.tensor(rng.uniform(0.5, 1.5, shape).astype(dtype), requires_grad=True)


@op(x=lambda g, x: 2.02 * x * g)
def scaled(x: Any) -> Any:
    """A square with a rule that is one percent off."""
    return x * x


@op(x=lambda g, x: 2 * x * np.ones_like(g))
def deaf(x: Any) -> Any:
    """A square whose rule ignores the gradient that it is given."""
    return x * x


@op(x=lambda g, x: 2.0 * getattr(x, "_data", x) * g)
def cut(x: Any) -> Any:
    """A square whose rule is right but takes x out of the graph."""
    return x * x


def test_right_functions_pass() -> None:
    x, y = leaf(2, 3), leaf(3)
    assert gradcheck(lambda x, y: (x * y).tanh() + x, (x, y))
    assert gradgradcheck(lambda x, y: (x * y).tanh() + x, (x, y))
    assert gradcheck(lambda x: x * x, x)
    assert gradgradcheck(lambda x: x * x * x, x, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: x * x * x, x, autograd.tensor(rng.normal(size=(2, 3)), requires_grad=True))


def test_fast_mode_and_large_inputs() -> None:
    big = leaf(30, 10)
    assert gradcheck(lambda x: x.tanh() * x, (big,))
    assert gradcheck(lambda x: x.tanh() * x, (leaf(3),), fast_mode=True)
    with pytest.raises(GradcheckError, match="scaled"):
        gradcheck(scaled, (leaf(3),), fast_mode=True)


def test_a_single_wrong_entry_among_many_is_found() -> None:
    x = leaf(20, 20)

    @op(x=lambda g, x: np.where(x == x[3, 4], 2.2, 2.0) * x * g)
    def nearly(x: Any) -> Any:
        return x * x

    with pytest.raises(GradcheckError, match=r"input 0 at index \(3, 4\)"):
        gradcheck(nearly, (x,))


def test_several_outputs_and_inputs_that_are_no_tensors() -> None:
    assert gradcheck(lambda x, n, y: (x * n, x + y), (leaf(2), 3.0, leaf(2)))
    assert gradcheck(lambda x: (x * 2.0, autograd.tensor([1, 2])), (leaf(2),))


def test_the_message_names_input_index_values_and_richardsons_estimate() -> None:
    x = autograd.tensor(np.array([1.0, 3.0]), requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda y, x: scaled(x) * y, (1.0, x))
    text = str(caught.value)
    assert "Jacobian mismatch for output 0 with respect to input 1" in text
    assert "at index (1,)" in text
    assert "analytical: 6.06" in text
    assert "Richardson: 6 +-" in text


def test_a_composite_is_bisected_to_the_guilty_op() -> None:
    x, y = leaf(2), leaf(2)
    with pytest.raises(
        GradcheckError, match=r"The first wrong op is 'scaled', call 3 of 5, in .*test_gradcheck"
    ) as caught:
        gradcheck(lambda x, y: (scaled((x * y).tanh()) + x).tanh(), (x, y))
    assert "with respect to 'x'" in str(caught.value)


def test_a_function_is_to_blame_too() -> None:
    class Cubed(autograd.Function):
        @staticmethod
        def forward(ctx, x, *exponents):
            ctx.save_for_backward(x)
            return x ** exponents[0]

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x**2, None

    with pytest.raises(GradcheckError, match=r"The first wrong op is 'Cubed', call 2 of 3, .* with respect to 'x'"):
        gradcheck(lambda x: Cubed.apply(x.tanh(), 3).sum(), (leaf(2),))


def test_what_cannot_be_checked_by_itself_is_named() -> None:
    @primitive
    def squared(x):
        return x * x

    defvjp(squared, lambda ans, x: lambda g: g * 3 * x)
    with pytest.raises(GradcheckError, match=r"Look at 'squared' in .*test_gradcheck.*could not be checked by itself"):
        gradcheck(lambda x: squared(x).tanh(), (leaf(2),))


def test_a_second_derivative_is_bisected_too() -> None:
    x = leaf(2)
    assert gradcheck(lambda x: cut(x.tanh()), (x,))
    with pytest.raises(GradcheckError, match=r"The first wrong op is 'cut'.*second derivative"):
        gradgradcheck(lambda x: cut(x.tanh()) * x, (x,))


def test_a_rule_that_ignores_its_gradient_is_caught_even_for_a_number() -> None:
    """Seeds are not all 1."""
    with pytest.raises(GradcheckError, match="deaf"):
        gradcheck(deaf, (leaf(),))


def test_a_gradient_that_never_arrives_is_explained() -> None:
    with pytest.raises(GradcheckError, match=r"\.detach\(\)"):
        gradcheck(lambda x: x.detach() * 2.0, (leaf(2),))
    with pytest.raises(GradcheckError, match="right by itself"):
        gradcheck(lambda x: x * x.detach(), (leaf(2),))


def test_a_kink_is_said_to_be_one() -> None:
    x = autograd.tensor(np.array([1e-9]), requires_grad=True)
    with pytest.raises(GradcheckError, match="kink"):
        gradcheck(lambda x: abs(x), (x,))


def test_without_exceptions() -> None:
    assert gradcheck(scaled, (leaf(2),), raise_exception=False) is False
    assert gradgradcheck(cut, (leaf(2),), raise_exception=False) is False


def test_tolerances_and_step_are_used() -> None:
    assert gradcheck(scaled, (leaf(2),), rtol=0.02)
    assert gradcheck(scaled, (leaf(2),), atol=0.1)
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: x * x * x, (leaf(2),), eps=0.5)


def test_functions_that_are_not_deterministic_are_refused() -> None:
    state = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: x * state.uniform(), (leaf(2),))
    assert gradcheck(lambda x: x * (1 + 1e-13 * state.uniform()), (leaf(2),), nondet_tol=1e-6)


def test_a_backward_that_changes_is_refused() -> None:
    calls = iter(range(1000))

    @op(x=lambda g: g * (1.0 + 1e-3 * next(calls)))
    def drifting(x: Any) -> Any:
        return x + 0.0

    with pytest.raises(GradcheckError, match="reentrant"):
        gradcheck(drifting, (leaf(2),))


def test_a_function_may_hold_its_inputs_in_a_closure() -> None:
    """As a module holds its parameters; and the inputs are as before afterwards."""
    x, w = leaf(2), leaf(2)
    before = w.tolist()
    assert gradcheck(lambda x, _: (x * w).tanh(), (x, w))
    assert w.tolist() == before


def test_read_only_and_strided_inputs() -> None:
    data = rng.uniform(0.5, 1.5, (4, 3))[::2, ::-1]
    data.flags.writeable = False
    x = autograd.Tensor(data, requires_grad=True)
    assert gradcheck(lambda x: x * x, (x,))


def test_complex_inputs_and_outputs() -> None:
    z = autograd.tensor(rng.normal(size=2) + 1j * rng.normal(size=2), requires_grad=True)
    assert gradcheck(lambda z: z * z * 1j, (z,))
    assert gradgradcheck(lambda z: z * z * z, (z,))
    assert gradcheck(lambda z: (z * z.conj()).real, (z,))

    @op(x=lambda g, x: 3 * g * x)
    def wrong(x: Any) -> Any:
        return x * x

    with pytest.raises(GradcheckError, match=r"imaginary part|real part"):
        gradcheck(wrong, (z,))


def test_float32_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        gradcheck(lambda x: x * 1.0, (leaf(2, dtype=np.float32),), eps=1e-2, atol=1e-2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradcheck(lambda x: x * 1.0, (leaf(2),))


def test_nothing_to_check_is_an_error() -> None:
    for check in (gradcheck, autograd.gradgradcheck):
        with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
            check(lambda x: x * 1.0, (autograd.tensor([1.0]),))
    with pytest.raises(ValueError, match="must return"):
        gradcheck(lambda x: 3, (leaf(2),))


def test_dtypes_and_empty_inputs() -> None:
    assert gradcheck(lambda x: x * 2.0, (leaf(2),), check_grad_dtypes=True)
    assert gradcheck(lambda x: x * 2.0, (leaf(0, 3),))


# ---- forward mode and batches ----------------------------------------------------------------------------------------


FORWARD: Any = {"check_forward_ad": True, "check_batched_grad": True, "check_batched_forward_grad": True}


class Moved(autograd.Function):
    """A product whose jvp is right, or wrong by a factor."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y, g * x

    @staticmethod
    def jvp(ctx, t_x, t_y):
        x, y = ctx.saved_tensors
        return t_x * y + Moved.factor * x * t_y


def test_forward_mode_and_batches_of_right_functions_pass() -> None:
    x, y = leaf(2, 3), leaf(3)
    z = autograd.tensor(rng.normal(size=2) + 1j * rng.normal(size=2), requires_grad=True)
    assert gradcheck(lambda x, y: ((x * y).tanh().sum(1), x @ y, y), (x, y), **FORWARD)
    assert gradcheck(lambda x, y: x.softmax(0) * y, (x, y), fast_mode=True, **FORWARD)
    assert gradcheck(lambda z: (z * z.conj(), z.abs(), z * z * 1j), (z,), **FORWARD)
    assert gradcheck(lambda x: x.tanh() * x, (leaf(30, 10),), check_forward_ad=True)
    assert gradcheck(lambda x, n: x.prod() * n, (x, 2.0), **FORWARD)
    assert gradcheck(lambda x, _: (x * y).tanh(), (x, y), **FORWARD)  # an input in the closure
    assert gradcheck(lambda x: (x.svd()[1], x.detach()[0] * 0), (x,), **FORWARD)
    assert gradcheck(Moved.apply, (x, leaf(2, 3)), **FORWARD)
    assert gradgradcheck(lambda x, y: (x * y).tanh(), (x, y), check_fwd_over_rev=True, check_batched_grad=True)
    assert gradgradcheck(lambda z: z * z * z, (z,), check_fwd_over_rev=True)


def power(x: Any) -> Any:
    return x * x * x


def product(x: Any, y: Any) -> Any:
    return x * y


CUBED: Any = {"x": lambda g, x: 3 * x * x * g}
TIMES: Any = {"x": lambda g, y: g * y, "y": lambda g, x: g * x}


@pytest.mark.parametrize("jvp", ["linear", lambda t_x, x: 2.97 * x * x * t_x], ids=["word", "rule"])
def test_what_jvp_says_of_an_op_is_held_against_differences(jvp: Any) -> None:
    wrong = op(jvp=jvp, **CUBED)(power)
    x = autograd.tensor(np.array([1.0, 2.0]), requires_grad=True)
    assert gradcheck(lambda x: wrong(x) * 2.0, (x,))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda n, x: wrong(x) * n, (2.0, x), check_forward_ad=True)
    text = str(caught.value)
    assert "Jacobian computed with forward mode mismatch for output 0 with respect to input 1" in text
    assert "at index (1,)" in text
    assert "(in forward mode)" in text
    assert "Richardson: 24 +-" in text
    assert "The first wrong op is 'power', call 1 of 2" in text
    assert "its derivative in forward mode with respect to 'x'" in text
    assert gradcheck(wrong, (x,), raise_exception=False, check_forward_ad=True) is False
    with pytest.raises(GradcheckError, match="forward mode"):
        gradcheck(wrong, (x,), fast_mode=True, check_forward_ad=True, check_backward_ad=False)


def test_a_wrong_jvp_of_a_function_or_primitive_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moved, "factor", 1.01)
    x, y = leaf(2), leaf(2)
    assert gradcheck(Moved.apply, (x, y))
    with pytest.raises(GradcheckError, match=r"with respect to input 1,(.|\n)*The first wrong op is 'Moved'"):
        gradcheck(lambda x, y: Moved.apply(x, y).tanh(), (x, y), check_forward_ad=True)

    @primitive
    def squared(x):
        return x * x

    defvjp(squared, lambda ans, x: lambda g: g * 2 * x)
    defjvp(squared, lambda g, ans, x: g * 3 * x)
    assert gradcheck(squared, (x,))
    with pytest.raises(GradcheckError, match="Look at 'squared'"):
        gradcheck(squared, (x,), check_forward_ad=True)


def test_forward_mode_alone() -> None:
    @op(x=lambda g, x: 7 * x * x * g, jvp=lambda t_x, x: 3 * x * x * t_x)
    def wrong_backward(x: Any) -> Any:
        return x * x * x

    x = leaf(3)
    assert gradcheck(wrong_backward, (x,), check_forward_ad=True, check_backward_ad=False)
    with pytest.raises(GradcheckError, match="by backward"):
        gradcheck(wrong_backward, (x,), check_forward_ad=True)


def test_tangents_of_inputs_that_move_together_are_added() -> None:
    wrong = op(jvp=lambda t_x, t_y, x, y: t_x * y if t_y is None else x * t_y, **TIMES)(product)
    x, y = leaf(2), leaf(2)
    with pytest.raises(GradcheckError, match="an undefined tangent must count as zeros"):
        gradcheck(wrong, (x, y), check_forward_ad=True)
    assert gradcheck(wrong, (x, y), check_forward_ad=True, check_undefined_grad=False)


def test_rules_that_have_no_meaning_for_batches_are_caught() -> None:
    def looked_at(d: Any, x: Any) -> Any:
        return 2 * x * d if np.sum(d) > 0 else x * d * 2

    @op(x=lambda g, x: looked_at(g, x))
    def looking(x: Any) -> Any:
        return x * x

    @op(x=lambda g, x: 2 * x * g, jvp=lambda t_x, x: looked_at(t_x, x))
    def looking_ahead(x: Any) -> Any:
        return x * x

    x = leaf(2)
    assert gradcheck(looking, (x,), check_forward_ad=True, check_batched_forward_grad=False)
    with pytest.raises(GradcheckError, match="while computing batched gradients, got: "):
        gradcheck(looking, (x,), check_batched_grad=True)
    assert gradcheck(looking_ahead, (x,), check_forward_ad=True, check_batched_grad=True)
    with pytest.raises(GradcheckError, match="while computing batched tangents, got: "):
        gradcheck(looking_ahead, (x,), check_forward_ad=True, check_batched_forward_grad=True)


def test_a_second_derivative_is_checked_in_forward_mode() -> None:
    @op(x=lambda g, x: g * bent(x))
    def third(x: Any) -> Any:
        return x * x * x / 3.0

    @op(x=lambda g, x: 2 * x * g, jvp="linear")
    def squared(x: Any) -> Any:
        return x * x

    bent = squared.op.kernel
    x = leaf(2)
    assert gradgradcheck(third, (x,))
    with pytest.raises(GradcheckError, match=r"second derivative(.|\n)*forward mode(.|\n)*'third'.* in forward mode"):
        gradgradcheck(third, (x,), check_fwd_over_rev=True)
    with pytest.raises(GradcheckError, match="forward mode"):
        gradgradcheck(third, (x,), check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False)


def test_options_that_do_not_go_together_are_refused() -> None:
    x = leaf(2)
    for check, options in (
        (gradcheck, {"check_backward_ad": False}),
        (gradcheck, {"check_batched_forward_grad": True}),
        (gradcheck, {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True}),
        (gradgradcheck, {"check_rev_over_rev": False, "check_undefined_grad": False}),
        (gradgradcheck, {"check_rev_over_rev": False, "check_fwd_over_rev": True}),
    ):
        with pytest.raises(ValueError, match=r"=True needs |nothing to check"):
            check(lambda x: x * x, (x,), **options)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize(
    "vary",
    [
        lambda x: autograd.cat([x, x]),
        lambda x: x.float(),
        lambda x: (x, x),
        lambda x: x[None],
    ],
)
def test_outputs_may_not_change_their_form_with_the_values(vary: Any, forward: bool, fast_mode: bool) -> None:
    def branching(x: Any) -> Any:
        return vary(x) if bool((x >= 1).all()) else x

    x = autograd.ones(1, dtype=autograd.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"func returned .* before: the shapes and dtypes of its outputs must not"):
        gradcheck(branching, x, fast_mode=fast_mode, check_forward_ad=forward, check_backward_ad=not forward,
                  check_undefined_grad=False)  # fmt: skip


def test_a_function_that_writes_into_its_input_is_named_as_such() -> None:
    def shifted(x: Any) -> Any:
        with autograd.no_grad():
            x += 1
        return x * x

    with pytest.raises(GradcheckError, match=r"func wrote into input 0, .*\.clone\(\)"):
        gradcheck(shifted, leaf(3))
