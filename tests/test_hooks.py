"""Hooks of modules: what they are called with, what they can replace, in which order, and that they go."""

from collections import OrderedDict
from typing import NamedTuple

import pytest

import autograd
import nn
from nn import hooks


def doubling():
    layer = nn.Linear(2, 1)
    with autograd.no_grad():
        layer.weight.copy_(autograd.tensor([[1.0, 2.0]]))
        layer.bias.zero_()
    return layer


def test_forward_hooks_replace_arguments_and_output():
    layer = doubling()
    layer.register_forward_pre_hook(lambda module, args: args[0] * 3)
    layer.register_forward_hook(lambda module, args, output: output + 1)
    assert layer(autograd.ones(1, 2)).tolist() == [[10.0]]


def test_hooks_see_keywords_and_change_them():
    class Scaled(nn.Module):
        def forward(self, x, *, by=1.0):
            return x * by

    module, seen = Scaled(), []
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] * 2}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert module(autograd.ones(1), by=2.0).tolist() == [4.0]
    assert seen == [{"by": 4.0}]
    module.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(TypeError, match=r"must return None or a tuple \(args, kwargs\)"):
        module(autograd.ones(1), by=2.0)


def test_order_prepending_and_removal():
    layer, seen = doubling(), []
    first = layer.register_forward_hook(lambda *_: seen.append("first"))
    layer.register_forward_hook(lambda *_: seen.append("second"))
    with layer.register_forward_hook(lambda *_: seen.append("before"), prepend=True):
        layer(autograd.ones(1, 2))
    first.remove()
    first.remove()
    layer(autograd.ones(1, 2))
    assert seen == ["before", "first", "second", "second"]


def test_a_hook_can_be_called_although_forward_failed():
    layer, seen = doubling(), []
    layer.register_forward_hook(lambda m, args, output: seen.append(output), always_call=True)
    layer.register_forward_hook(lambda m, args, output: seen.append("not called"))
    with pytest.raises(autograd.ShapeError):
        layer(autograd.ones(1, 3))
    assert seen == [None]

    def failing(*_):
        raise ValueError("mine")

    layer.register_forward_hook(failing, always_call=True)
    with pytest.warns(UserWarning, match="mine"), pytest.raises(autograd.ShapeError):
        layer(autograd.ones(1, 3))


def test_backward_hooks_see_and_replace_gradients():
    layer, seen = doubling(), []
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))

    def hook(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    layer.register_full_backward_hook(hook)
    x = autograd.ones(1, 2).requires_grad_()
    layer(x).sum().backward()
    assert seen == [([[2.0, 4.0]], [[2.0]])]
    assert x.grad.tolist() == [[20.0, 40.0]]
    assert layer.weight.grad.tolist() == [[2.0, 2.0]]


def test_backward_hooks_are_called_for_first_derivatives_alone():
    """A second one comes to the inputs through what was saved, without a gradient of the outputs to go with it."""
    layer, seen = nn.MSELoss(), []
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_output[0].item()))
    x = autograd.tensor([3.0], requires_grad=True)
    (gradient,) = autograd.grad(layer(x, autograd.zeros(1)), x, create_graph=True)
    assert seen == [1.0]
    (second,) = autograd.grad(gradient, x, retain_graph=True)
    assert (gradient.item(), second.item(), seen) == (6.0, 2.0, [1.0])


def test_backward_hook_without_inputs_that_require_grad():
    layer, seen = doubling(), []
    layer.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((grad_input, len(grad_output)))
    )
    layer(autograd.ones(1, 2)).sum().backward()
    assert seen == [((None,), 1)]


def test_a_backward_hook_may_return_the_gradients_that_are_none():
    layer = doubling()
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: grad_input)
    layer(autograd.ones(1, 2)).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0]]
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: grad_output)
    with pytest.raises(RuntimeError, match="replaced gradients of inputs, but no input requires grad"):
        layer(autograd.ones(1, 2)).sum().backward()


def test_backward_hooks_under_their_older_name():
    layer, seen = doubling(), []
    handle = layer.register_backward_hook(lambda module, *grads: seen.append(grads))
    x = autograd.ones(1, 2).requires_grad_()
    layer(x).sum().backward()
    handle.remove()
    layer(x).sum().backward()
    ((grad_input, grad_output),) = seen
    assert [g.tolist() for g in (*grad_input, *grad_output)] == [[[1.0, 2.0]], [[1.0]]]


def test_backward_hook_of_several_outputs_is_called_once():
    class Both(nn.Module):
        def forward(self, x, y):
            return x * 2, "text", y * 3

    module, seen = Both(), []
    module.register_full_backward_hook(
        lambda m, gi, go: seen.append(
            ([g if g is None else g.item() for g in gi], [g if g is None else g.item() for g in go])
        )
    )
    x, y = (autograd.tensor(1.0, requires_grad=True) for _ in range(2))
    a, text, b = module(x, y)
    assert text == "text"
    (a + b).backward()
    assert seen == [([2.0, 3.0], [1.0, None, 1.0])]


def test_a_backward_hook_must_return_as_many_gradients():
    layer = doubling()
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with pytest.raises(RuntimeError, match="returned 2 gradients, expected 1"):
        layer(autograd.ones(1, 2).requires_grad_()).sum().backward()


def test_gradients_of_hooked_modules_can_be_differentiated():
    layer = doubling()
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] * 10,))
    x = autograd.ones(1, 2).requires_grad_()
    (g,) = autograd.grad((layer(x) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [[60.0, 120.0]]  # 10 * 2 y w, for y = 3
    (second,) = autograd.grad(g.sum(), x)
    assert second.tolist() == [[600.0, 1200.0]]  # the gradient of 60 y, times 10 by the hook again


def test_a_hook_after_one_that_fails_sees_the_output():
    layer, seen = nn.Linear(2, 1), []

    def fail(module, args, output):
        raise KeyError("no")

    layer.register_forward_hook(fail)
    layer.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    with pytest.raises(KeyError):
        layer(autograd.ones(3, 2))
    assert seen[0].shape == (3, 1)


def test_backward_hooks_leave_inputs_without_gradients_without():
    class Product(nn.Module):
        def forward(self, x, y):
            assert not y.requires_grad
            return x * float(y)

    model, seen = Product(), []
    model.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_input))
    model(autograd.ones(2, requires_grad=True), autograd.tensor(3.0)).sum().backward()
    assert [g if g is None else g.tolist() for g in seen[0]] == [[3.0, 3.0], None]


def test_backward_hooks_of_named_tuples_and_of_what_they_do_not_see():
    class Pair(NamedTuple):
        one: autograd.Tensor
        two: autograd.Tensor

    class Both(nn.Module):
        def __init__(self, make):
            self.make = make

        def forward(self, x):
            return self.make(x * 2, x * 3)

    seen = []
    for make in (Pair, lambda one, two: {"one": one, "two": two}):
        model, x = Both(make), autograd.ones(1, requires_grad=True)
        model.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(len(grad_output)))
        if make is Pair:
            out = model(x)
            assert type(out) is Pair
            (out.one + out.two).sum().backward()
        else:
            with pytest.warns(UserWarning, match="backward hooks of Both are not called: .* is a dict"):
                out = model(x)
            (out["one"] + out["two"]).sum().backward()
        assert x.grad.tolist() == [5.0]
    assert seen == [2]


def test_hooks_of_all_modules_come_before_a_modules_own():
    model, seen = nn.Sequential(nn.Linear(2, 2)), []

    def note(what):
        return lambda module, *rest: seen.append((what, type(module).__name__))

    with (
        hooks.register_module_forward_pre_hook(note("pre")),
        hooks.register_module_forward_hook(note("forward")),
        hooks.register_module_full_backward_pre_hook(note("backward pre")),
        hooks.register_module_full_backward_hook(note("backward")),
    ):
        model[0].register_forward_hook(note("own"))
        model(autograd.ones(1, 2, requires_grad=True)).sum().backward()
    model(autograd.ones(1, 2))
    around = [(kind, name) for name in ("Sequential", "Linear") for kind in ("backward pre",)]
    assert seen == [
        ("pre", "Sequential"), ("pre", "Linear"), ("forward", "Linear"), ("own", "Linear"), ("forward", "Sequential"),
        *around, ("backward", "Linear"), ("backward", "Sequential"), ("own", "Linear"),
    ]  # fmt: skip


def test_hooks_of_a_tensor_outlast_a_time_without_gradients():
    weight, seen = nn.Parameter(autograd.ones(2)), []
    handle = weight.register_hook(lambda g: g * 0)
    weight.register_post_accumulate_grad_hook(lambda tensor: seen.append(tensor.grad.tolist()))
    weight.requires_grad_(False)
    weight.data = autograd.ones(3, dtype="float64")
    weight.requires_grad_(True)
    (weight * 2).sum().backward()
    assert seen == [[0.0, 0.0, 0.0]]
    weight.requires_grad_(False)
    handle.remove()
    weight.requires_grad_(True)
    (weight * 2).sum().backward()
    assert weight.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_graph_leads_to_a_leaf_that_required_no_gradient_for_a_while():
    """``grad`` said that the tensor was no part of the graph."""
    weight = autograd.ones(2, requires_grad=True)
    loss = (weight * 3).sum()
    weight.requires_grad_(False)
    weight.requires_grad_(True)
    (slope,) = autograd.grad(loss, [weight])
    assert slope.tolist() == [3.0, 3.0]


def test_a_hook_after_accumulation_must_not_return_a_gradient():
    x = autograd.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda tensor: tensor.grad * 2)
    with pytest.raises(autograd.GradientError, match=r"returned Tensor, which would be lost; .* change the \.grad"):
        (x * 2).sum().backward()


def test_hooks_before_loading_under_their_older_name():
    layer, seen = nn.Linear(1, 1), []
    layer._register_load_state_dict_pre_hook(lambda state, prefix, *rest: seen.append(prefix))
    layer._register_load_state_dict_pre_hook(lambda module, *rest: seen.append(module), with_module=True)
    nn.Sequential(layer).load_state_dict({"0.weight": autograd.ones(1, 1), "0.bias": autograd.ones(1)})
    assert seen == ["0.", layer]


def test_hooks_are_counted_and_emptied_under_pytorchs_names():
    layer, seen = nn.Linear(1, 1), []
    handle = layer.register_forward_hook(lambda *args: seen.append("forward"))
    layer.register_forward_pre_hook(lambda *args: seen.append("pre"))
    layer.register_full_backward_hook(lambda *args: seen.append("backward"))
    assert (len(layer._forward_hooks), len(layer._backward_pre_hooks)) == (1, 0)
    layer._forward_hooks.clear()
    layer._forward_pre_hooks = {}
    layer._backward_hooks = OrderedDict()
    layer(autograd.ones(1, 1)).sum().backward()
    handle.remove()
    assert seen == []
    with pytest.raises(TypeError, match="register each"):
        layer._forward_hooks = {1: print}


def test_what_is_compiled_notices_the_hooks_of_all_modules():
    model, factor = nn.Sequential(nn.Tanh()), [2.0]
    compiled, x = autograd.compile(lambda x: model(x)), autograd.ones(2)
    plain = compiled(x).tolist()
    with hooks.register_module_forward_hook(lambda module, args, output: output * factor[0]):
        assert compiled(x).tolist() == [4 * value for value in plain]
        factor[0] = 3.0
        assert compiled(x).tolist() == pytest.approx([9 * value for value in plain])
    assert compiled(x).tolist() == plain
