"""``autograd.why``: programs that go wrong in the ways that programs do, and what it says of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import Function, Tensor, no_grad, tensor, watch, why
from tests.helpers import leaf


class TestNone:
    def test_requires_grad_is_false(self):
        assert "requires_grad is False" in why(tensor([1.0]))

    def test_integers(self):
        assert "dtype is int64" in why(tensor([1]))

    def test_no_backward_yet(self):
        w = leaf(1.0)
        loss = (w * 2.0).sum()
        assert "no backward has run yet" in why(w, loss)
        with watch():
            loss = (w * 2.0).sum()
        assert "no backward has run yet" in why(w, loss)
        assert "no backward has run yet" in why(w)

    def test_nothing_is_known(self):
        assert "Give the loss too" in why(leaf(1.0))

    def test_no_leaf(self):
        w = leaf(1.0)
        h = w * 2.0
        h.sum().backward()
        assert "result of op 'mul'" in why(h)
        assert "retain_grad()" in why(h)

    def test_a_weight_replaced_by_an_update_out_of_place(self):
        w = leaf(1.0)
        with watch():
            w = w - 0.1 * w
            (w * w).sum().backward()
        text = why(w)
        assert "not a leaf, but the result of op 'sub'" in text
        assert "test_why.py:" in text

    def test_detached_on_the_way(self):
        w = leaf(1.0, 2.0)
        with watch():
            hidden = (w * 3.0).tanh()
            loss = (hidden.detach() * leaf(1.0, 1.0)).sum()
            loss.backward()
        for text in (why(w, loss), why(w)):
            assert "cut. It ends before op 'mul'" in text
            assert "what op 'tanh'" in text
            assert ".detach(), .data or .numpy()" in text

    @pytest.mark.parametrize("through", [lambda t: t.data, lambda t: t.detach(), lambda t: t.detach().numpy()[:]])
    def test_a_parameter_used_through_its_data(self, through):
        w, v = leaf(1.0, 2.0), leaf(1.0, 1.0)
        with watch():
            loss = (through(w) * v).sum()
            loss.backward()
        assert "where the tensor itself went in detached" in why(w, loss)

    def test_a_detached_loss(self):
        w = leaf(1.0, 2.0)
        with watch():
            loss = (w * w).sum().detach()
        assert "What op 'sum'" in why(w, loss)
        assert "was detached to be the output" in why(w, loss)
        assert "does not require grad itself" in why(leaf(1.0), (leaf(1.0) * 2.0).detach())

    def test_no_grad_on_the_way(self):
        w, v = leaf(1.0, 2.0), leaf(1.0, 1.0)
        with watch():
            with no_grad():
                hidden = (w * 2.0).exp()
            loss = (hidden * v).sum()
            loss.backward()
        assert "It ends at op 'mul'" in why(w, loss)
        assert "ran under no_grad" in why(w, loss)
        assert "the gradient is there" in why(v, loss).lower()

    def test_argmax_in_between(self):
        w, v = leaf(1.0, 2.0), leaf(1.0)
        with watch():
            choice = (w * 2.0).argmax()
            loss = (choice * v).sum()
            loss.backward()
        text = why(w, loss)
        assert "It ends at op 'argmax'" in text
        assert "integers" in text

    def test_a_loss_of_integers(self):
        w = leaf(1.0, 2.0)
        with watch():
            loss = ((w * 2.0).argmax(0) - 1).sum()
        assert "op 'argmax'" in why(w, loss)
        assert "int64" in why(w, (w * 2.0).argmax(0))

    def test_integers_brought_back_to_floats(self):
        w, v = leaf(1.0, 2.0), leaf(1.0)
        with watch():
            loss = ((w * 2.0).long().float() * v).sum()
            loss.backward()
        assert "went in as integers" in why(w, loss)

    def test_another_tensor_was_used(self):
        model = nn.Linear(2, 1)
        old = model.weight
        model.weight = nn.Parameter(np.ones((1, 2), np.float32))
        with watch(model):
            loss = model(tensor([[1.0, 2.0]])).sum()
            loss.backward()
        assert "not used at all while that was watched" in why(old, loss)
        assert "is there" in why(model.weight, loss)

    def test_used_but_not_for_this_output(self):
        w, v = leaf(1.0), leaf(2.0)
        with watch():
            other = w * 2.0
            loss = (v * 3.0).sum()
            loss.backward()
        assert other.requires_grad
        assert "used, but not for this output" in why(w, loss)

    def test_numbers_that_went_through_numpy(self):
        w, v = leaf(1.0), leaf(2.0)
        with watch():
            loss = (tensor((w * 2.0).detach().numpy()) * v).sum()
            loss.backward()
        assert re.search(r"not for this output, unless .* a new Tensor: through \.numpy\(\)", why(w, loss))

    def test_without_a_record_the_leaves_are_named(self):
        w, v = leaf(1.0), leaf(2.0)
        loss = (w.detach() * v).sum()
        text = why(w, loss)
        assert "does not lead to it, only to one of shape (1,)" in text
        assert "autograd.watch()" in text

    def test_zeroed_since(self):
        w = leaf(1.0, 2.0)
        loss = (w * w).sum()
        loss.backward()
        w.grad = None
        assert "zero_grad() does" in why(w, loss)
        with watch():
            loss = (w * w).sum()
            loss.backward()
        w.grad = None
        assert "backward did compute a gradient" in why(w)
        assert "norm 4.472" in why(w)

    def test_autograd_grad_returns_it(self):
        w = leaf(1.0, 2.0)
        with watch():
            autograd.grad((w * w).sum(), [w])
        assert "autograd.grad, which returns it" in why(w)

    def test_a_record_that_is_over(self):
        w = leaf(1.0)
        with watch():
            (w * 2.0).sum()
        loss = (w.detach() * leaf(1.0)).sum()
        assert "does not lead to it" in why(w, loss)


class TestZero:
    def test_dead_relu(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        with no_grad():
            model[0].bias.fill_(-100.0)
        with watch(model):
            model(tensor([[1.0, 2.0]])).sum().backward()
        text = why(model[0].weight)
        assert text.startswith("The gradient is zero everywhere. It ends at op 'relu'")
        assert "nowhere positive (-" in text
        assert "is there" in why(model[2].bias)

    def test_dead_relu_without_a_record(self):
        w = leaf(1.0, 2.0)
        loss = (-w).relu().sum()
        loss.backward(retain_graph=True)
        assert "op 'relu'" in why(w, loss)
        assert w.grad.tolist() == [0.0, 0.0]
        assert loss.grad_fn.note is None

    def test_a_graph_that_was_released(self):
        w = leaf(1.0, 2.0)
        loss = (-w).relu().sum()
        loss.backward()
        assert "autograd.watch()" in why(w, loss)

    def test_hooks_do_not_run_again(self):
        called = []
        w = leaf(1.0)
        h = -w
        h.register_hook(lambda g: called.append(g))
        loss = h.relu().sum()
        loss.backward(retain_graph=True)
        assert "autograd.watch()" in why(w, loss)
        assert len(called) == 1

    def test_a_mask(self):
        w = leaf(1.0, 2.0)
        with watch():
            (w * np.zeros(2, np.float32)).sum().backward()
        assert "a mask, dropout, or a zero tensor" in why(w)

    def test_all_was_dropped(self):
        w = leaf(1.0, 2.0)
        with watch():
            F.dropout(w, 1.0, True).sum().backward()
        assert "op 'mul'" in why(w)
        assert "dropout" in why(w)

    def test_a_step_function(self):
        w = leaf(1.2, 2.7)
        with watch():
            w.round().sum().backward()
        assert "op 'round'" in why(w)
        assert "step function" in why(w)

    def test_saturated(self):
        w = leaf(50.0, 60.0)
        with watch():
            w.clamp(0.0, 1.0).sum().backward()
        assert "op 'clamp_between'" in why(w)
        assert "lies wholly where it is flat" in why(w)

    def test_ways_that_cancel(self):
        w = leaf(1.0)
        with watch():
            (w * 2.0 - w * 2.0).sum().backward()
        assert "several ways" in why(w)

    def test_it_was_zero_from_the_start(self):
        w = leaf(1.0)
        with watch():
            (w * 2.0).backward(tensor([0.0]))
        assert "where backward began" in why(w)

    def test_no_elements(self):
        w = Tensor(np.empty(0, np.float32), requires_grad=True)
        (w * 2.0).sum().backward()
        assert "no elements" in why(w)

    def test_the_kept_gradient_of_a_result(self):
        w = leaf(1.0)
        with watch():
            h = w * 2.0
            h.retain_grad()
            (-h).relu().sum().backward()
        assert "op 'relu'" in why(h)


class TestNaN:
    def test_log_of_zero(self):
        w = leaf(0.0, 1.0)
        with watch(), np.errstate(all="ignore"):
            w.log().sum().backward()
        text = why(w)
        assert "NaN or infinite in 1 of 2 places" in text
        assert "Forward, op 'log'" in text
        assert "logarithm" in text

    def test_zero_by_zero(self):
        w = leaf(0.0)
        with watch(), np.errstate(all="ignore"):
            (w / w).sum().backward()
        assert "Forward, op 'div'" in why(w)
        assert "divided by zero" in why(w)

    def test_the_slope_of_a_square_root_times_zero(self):
        w = leaf(0.0, 1.0)
        with watch():
            ((w * w).sqrt() * leaf(1.0, 1.0)).sum().backward()
        text = why(w)
        assert "Backward, the derivative of op 'sqrt'" in text
        assert "slope at 0 is infinite" in text
        assert "Backward, the derivative of op 'mul'" in text
        assert "0 times infinity" in text

    def test_without_a_record(self):
        w = leaf(0.0, 1.0)
        loss = (w * w).sqrt().sum()
        loss.backward(retain_graph=True)
        assert "op 'sqrt'" in why(w, loss)

    def test_it_came_from_outside(self):
        w = leaf(1.0)
        with watch():
            (w * np.array([np.nan], np.float32)).sum().backward()
        assert "from outside, at op 'mul'" in why(w)
        assert "'y' had 1 number NaN or infinite" in why(w)

    def test_it_came_from_another_leaf(self):
        w, other = leaf(1.0, 2.0, 3.0), leaf(np.inf, np.nan, 3.0)
        with watch():
            (w * other).sum().backward()
        assert "op 'mul'" in why(w)
        assert "a leaf of shape 3 had 2 numbers NaN or infinite when it went in" in why(w)

    def test_an_infinity_beside_a_nan_is_no_birth(self):
        w = leaf(1.0, 2.0)
        with watch():
            (w * tensor([np.inf, 1.0])).add(tensor([np.nan, 1.0])).sum().backward()
        assert "made NaN" not in why(w)

    def test_it_came_with_the_gradient_to_begin_with(self):
        w = leaf(1.0, 2.0)
        with watch():
            (w * 2.0).backward(tensor([1.0, np.nan], dtype=autograd.float64))
        assert "from outside: the gradient that backward began with" in why(w)

    def test_a_factor_that_is_nan(self):
        for factor in (tensor(np.nan), np.nan):
            w = leaf(1.0)
            with watch():
                (w[0] * factor).backward()
            assert "from outside, at op 'mul'" in why(w)
            assert "a number went in that was NaN" in why(w)

    def test_a_number_that_is_infinite_is_no_birth(self):
        w = leaf(1.0, 2.0)
        with watch():
            loss = w.masked_fill(np.array([True, False]), -np.inf).softmax(0)[1]
            loss.backward()
        assert "The gradient is zero everywhere. It ends at op 'softmax'" in why(w)


class TestNoReason:
    def test_a_gradient_that_is_fine(self):
        w = leaf(3.0, 4.0)
        (w * w).sum().backward()
        assert why(w) == "The gradient is there, finite and not zero: norm 10, [6, 8]."

    def test_forgotten_zero_grad_is_no_reason(self):
        w = leaf(1.0)
        for _ in range(2):
            (w * 2.0).sum().backward()
        assert "is there" in why(w)

    def test_overwritten_data_is_no_reason(self):
        w = leaf(1.0)
        w.data = tensor([2.0])
        with watch():
            (w * 2.0).sum().backward()
        assert "is there" in why(w)

    def test_a_function_of_the_user(self):
        class Double(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2.0

            @staticmethod
            def backward(ctx, g):
                return g * 0.0

        w = leaf(1.0)
        with watch():
            Double.apply(w).sum().backward()
        assert "op 'Double'" in why(w)

    @pytest.mark.parametrize("bad", [None, 3.0, np.ones(2)])
    def test_what_is_no_tensor(self, bad):
        with pytest.raises(TypeError, match="param must be a Tensor"):
            why(bad)
        if bad is not None:
            with pytest.raises(TypeError, match="output must be a Tensor"):
                why(leaf(1.0), bad)
