"""The engine: backward and grad with all their options, accumulation, hooks, higher orders, what failures leave."""

import copy
import threading

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import errors, func
from autograd.engine.order import collect
from autograd.engine.ownership import LARGE
from tests.helpers import leaf, values

# ---- backward -------------------------------------------------------------------------------------------------------


def test_gradient_of_a_scalar():
    x = leaf(1, 2, 3)
    (x * x).sum().backward()
    assert values(x.grad) == [2, 4, 6]
    assert x.grad.dtype == x.dtype
    assert not x.grad.requires_grad


def test_one_element_is_scalar_enough_whatever_its_shape():
    for shape in ((), (1,), (1, 1)):
        x = autograd.tensor(np.full(shape, 5.0), requires_grad=True)
        (x * x).backward()
        assert x.grad.shape == shape
        assert x.grad.item() == 10


def test_given_gradient_is_cast_to_the_dtype_of_the_tensor():
    x = leaf(1, 2, dtype="float32")
    (x * x).backward(np.array([1.0, 0.5]))
    assert values(x.grad) == [2, 2]
    assert x.grad.dtype == np.float32


def test_backward_from_a_leaf():
    x = leaf(1, 2)
    x.backward(autograd.tensor([3.0, 4.0]))
    assert values(x.grad) == [3, 4]


def test_backward_from_several_tensors_at_once():
    x = leaf(1, 2)
    autograd.backward([x * 2, (x * 3).sum()], [np.ones(2), None])
    assert values(x.grad) == [5, 5]


def test_the_same_root_twice_counts_twice():
    x = leaf(1, 2)
    y = (x * x).sum()
    autograd.backward([y, y])
    assert values(x.grad) == [4, 8]


def test_gradients_accumulate_over_calls():
    x = leaf(1, 2)
    for _ in range(3):
        (x * 2).sum().backward()
    assert values(x.grad) == [6, 6]


def test_a_tensor_used_in_many_ways_gets_the_sum():
    x = leaf(2)
    y = x * x
    ((y + x) * (y - x) + y).backward()  # x**4 - x**2 + x**2
    assert values(x.grad) == [32]


def test_broadcasting_is_undone():
    x, y, z = leaf(1, 2, 3), autograd.ones(2, 1, requires_grad=True), autograd.tensor(2.0, requires_grad=True)
    (x * y * z).sum().backward()
    assert values(x.grad) == [4, 4, 4]
    assert values(y.grad) == [[12], [12]]
    assert values(z.grad) == 12


def test_every_leaf_gets_its_own_dtype_and_shape():
    x, y = leaf(1, 2, dtype="float32"), leaf(3, 4, dtype="float64")
    h = leaf(5, dtype="float16")
    out = x * y * h
    assert out.dtype == np.float64
    out.sum().backward()
    assert [t.grad.dtype for t in (x, y, h)] == [np.float32, np.float64, np.float16]
    assert values(h.grad) == [11]


def test_only_what_requires_grad_is_differentiated():
    asked = []

    @autograd.op(x=lambda g, y: asked.append("x") or g * y, y=lambda g, x: asked.append("y") or g * x)
    def product(x, y):
        return x * y

    x, c = leaf(1, 2), autograd.tensor([3.0, 4.0])
    product(x, c).sum().backward()
    assert asked == ["x"]
    assert c.grad is None


def test_inputs_restrict_what_is_computed():
    asked = []

    @autograd.op(x=lambda g, y: asked.append("x") or g * y, y=lambda g, x: asked.append("y") or g * x)
    def product(x, y):
        return x * y

    x, y = leaf(1, 2), leaf(3, 4)
    out = product(x, y).sum()
    out.backward(inputs=[y], retain_graph=True)
    assert asked == ["y"]
    assert x.grad is None
    assert values(y.grad) == [1, 2]
    (gx,) = autograd.grad(out, x)
    assert asked == ["y", "x"]
    assert values(gx) == [3, 4]


def test_inputs_may_be_inner_tensors():
    x = leaf(1, 2)
    y = x * 3
    (y * y).sum().backward(inputs=[y])
    assert values(y.grad) == [6, 12]
    assert x.grad is None


def test_inputs_that_are_not_reached_keep_no_gradient():
    x, w = leaf(1, 2), leaf(1, 1)
    (x * x).sum().backward(inputs=[w, x])
    assert w.grad is None
    assert values(x.grad) == [2, 4]


def test_backward_inside_no_grad():
    x = leaf(1, 2)
    y = (x * x).sum()
    with autograd.no_grad():
        y.backward()
    assert values(x.grad) == [2, 4]


def test_complex_gradients_are_pytorchs():
    z = autograd.tensor(1 + 2j, requires_grad=True)
    w = autograd.tensor(3 - 1j, requires_grad=True)
    (z * w + z).backward(autograd.tensor(1 + 0j))
    assert z.grad.item() == 4 + 1j  # conj(w) + 1
    assert w.grad.item() == 1 - 2j


def test_complex_and_real_leaves_together():
    z = autograd.tensor(1 + 2j, requires_grad=True)
    x = autograd.tensor(2.0, requires_grad=True)
    seen = []
    y = z * x
    y.register_hook(lambda g: seen.append(g.item()))
    (y * y).backward(autograd.tensor(1 + 1j))
    assert (z.grad.item(), x.grad.item(), seen) == (24 - 8j, 4.0, [12 - 4j])  # as PyTorch 2.13
    assert x.grad.dtype == np.float32


# ---- the graph after backward ---------------------------------------------------------------------------------------


def test_saved_arrays_are_released_unless_retained():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert values(x.grad) == [4, 8]
    with pytest.raises(errors.FreedGraphError, match="retain_graph=True"):
        y.backward()
    assert values(x.grad) == [4, 8]


def test_a_graph_that_saved_nothing_can_be_used_again():
    x = leaf(1, 2)
    y = (x + x).sum()
    y.backward()
    y.backward()
    assert values(x.grad) == [4, 4]


def test_parts_taken_by_numbers_can_be_used_again_parts_taken_by_arrays_cannot():
    x = leaf([1, 2, 3], [4, 5, 6])
    part, pieces = x[1:, ::2], x.split(1)
    for _ in range(2):  # as where two losses use a part of a weight
        (part * leaf(2, 3)).sum().backward()
        pieces[0].sum().backward()
    assert values(x.grad) == [[2, 2, 2], [4, 0, 6]]
    chosen = x[autograd.tensor([0, 0])].sum()
    chosen.backward()
    with pytest.raises(errors.FreedGraphError, match="getitem"):
        chosen.backward()
    packed = []
    with autograd.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        chosen = x[autograd.tensor([0, 0])].sum()
    chosen.backward()
    with pytest.raises(errors.FreedGraphError):
        chosen.backward()


def test_a_gradient_with_respect_to_an_inner_tensor_leaves_what_made_it():
    x = leaf(1, 2)
    y = x * x
    (h,) = autograd.grad((y * y).sum(), y)
    assert values(h) == [2, 8]
    (y * 3).sum().backward()
    assert values(x.grad) == [6, 12]


def test_a_gradient_with_respect_to_an_inner_tensor_needs_nothing_of_what_made_it():
    x = leaf(1, 2)
    y = x * x
    y.sum().backward()
    assert values(autograd.grad((y * 3).sum(), y)[0]) == [3, 3]
    x.data.zero_()
    assert values(autograd.grad((y * 3).sum(), y)[0]) == [3, 3]


def test_a_part_of_the_graph_that_is_not_needed_is_not_released():
    x, w = leaf(1, 2), leaf(3, 4)
    left, right = x * x, w * w
    autograd.grad((left * right).sum(), x)
    right.sum().backward()
    assert values(w.grad) == [6, 8]


def test_arrays_die_with_backward():
    import weakref

    x = leaf(1, 2)
    y = x * 2
    z = (y * y).sum()
    array = weakref.ref(y._data)
    del y
    assert array() is not None
    z.backward()
    assert array() is None


# ---- grad -----------------------------------------------------------------------------------------------------------


def test_grad_returns_a_tuple_and_touches_nothing():
    x, y = leaf(1, 2), leaf(3, 4)
    out = autograd.grad((x * y).sum(), [x, y])
    assert type(out) is tuple
    assert [values(g) for g in out] == [[3, 4], [1, 2]]
    assert x.grad is y.grad is None


def test_grad_of_a_tensor_with_respect_to_itself():
    x = leaf(1, 2)
    y = x * 2
    gy, gx = autograd.grad(y, [y, x], np.ones(2))
    assert (values(gy), values(gx)) == ([1, 1], [2, 2])


def test_grad_with_one_input_named_twice():
    x = leaf(1, 2)
    seen = []
    x.register_hook(lambda g: seen.append(values(g)))
    a, b = autograd.grad((x * x).sum(), [x, x])
    assert values(a) == values(b) == [2, 4]
    assert seen == [[2, 4]]
    assert not np.shares_memory(a.numpy(), b.numpy())


def test_unused_inputs():
    x, w = leaf(1, 2), leaf(1, 2, 3)
    with pytest.raises(errors.GradientError, match=r"input 1 \(shape \(3,\)\).*allow_unused=True"):
        autograd.grad((x * 2).sum(), [x, w])
    assert autograd.grad((x * 2).sum(), [x, w], allow_unused=True)[1] is None
    zeros = autograd.grad((x * 2).sum(), [x, w], materialize_grads=True)[1]
    assert values(zeros) == [0, 0, 0]
    assert zeros.dtype == w.dtype
    assert not zeros.requires_grad
    zeros = autograd.grad((x * 2).sum(), [x, w], create_graph=True, materialize_grads=True)[1]
    assert zeros.requires_grad
    assert autograd.grad(zeros.sum(), w, materialize_grads=True)[0].shape == w.shape
    with pytest.raises(ValueError, match="allow_unused cannot be False"):
        autograd.grad((x * 2).sum(), [x, w], allow_unused=False, materialize_grads=True)


def test_inputs_from_an_iterator_or_a_dict():
    x, w = leaf(1, 2), leaf(3, 4)
    parameters = {"x": x, "w": w}
    for inputs in (iter([x, w]), parameters.values(), (t for t in (x, w))):
        assert [values(g) for g in autograd.grad((x * w).sum(), inputs)] == [[3, 4], [1, 2]]
    found = autograd.grad((x * w).sum(), parameters)
    assert {name: values(g) for name, g in found.items()} == {"x": [3, 4], "w": [1, 2]}
    rows = autograd.grad(x * w, parameters, autograd.eye(2, dtype=x.dtype), is_grads_batched=True)
    assert values(rows["w"]) == [[1, 0], [0, 2]]
    (x * w).sum().backward(inputs=iter([x]))
    (x * w).sum().backward(inputs={"x": x})
    assert (values(x.grad), w.grad) == ([6, 8], None)
    for nothing in ([], {}, iter(())):
        with pytest.raises(errors.GradientError, match="inputs is empty"):
            autograd.grad((x * w).sum(), nothing)


def test_the_dtype_of_the_gradient_to_start_from():
    x = leaf(1, 2)
    seed = autograd.ones(2, requires_grad=True)  # float32
    (found,) = autograd.grad(x * x, x, seed, create_graph=True)
    assert found.dtype == x.dtype
    assert values(autograd.grad(found.sum(), seed)[0]) == [2, 4]
    with pytest.raises(errors.DtypeError, match="complex128, but the tensor is float64"):
        autograd.grad(x * x, x, autograd.ones(2, dtype=autograd.complex128))


def test_seeds_that_do_not_fit():
    x = leaf(1, 2)
    with pytest.raises(errors.GradientError, match="1 gradients for 2 tensors"):
        autograd.grad([x * 2, x * 3], x, [np.ones(2)])
    with pytest.raises(errors.ShapeError, match=r"\(2, 1\).*\(2,\)"):
        autograd.grad(x * 2, x, np.ones((2, 1)))
    with pytest.raises(errors.GradientError, match="does not require grad"):
        autograd.grad((x * 2).sum(), autograd.ones(2))
    with pytest.raises(TypeError, match="expected a Tensor, got float"):
        autograd.grad(1.0, x)


def test_higher_orders():
    x = autograd.tensor(3.0, requires_grad=True)
    g = x * x * x
    orders = []
    for _ in range(3):
        (g,) = autograd.grad(g, x, create_graph=True)
        orders.append(g.item())
    assert orders == [27, 18, 6]
    assert not g.requires_grad  # PyTorch finds the same: nothing in it depends on x


def test_mixed_second_derivatives():
    x, y = leaf(1, 2), leaf(3, 4)
    out = (x * x * y).sum()
    gx, gy = autograd.grad(out, [x, y], create_graph=True)
    assert values(autograd.grad(gx.sum(), y, retain_graph=True)[0]) == [2, 4]
    assert values(autograd.grad(gy.sum(), x)[0]) == [2, 4]


def test_backward_with_create_graph_makes_differentiable_gradients():
    x = autograd.tensor(3.0, requires_grad=True)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.backward()
    assert x.grad.item() == 18


def test_a_gradient_stays_differentiable_when_a_plain_one_is_added():
    x = autograd.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward(create_graph=True)
    y.backward()
    total = x.grad
    assert total.item() == 12
    x.grad = None
    total.backward()
    assert x.grad.item() == 2


def test_gradient_penalty():
    w, x = leaf(0.5, -1.0), leaf(2.0, 3.0)
    out = (w * x).tanh().sum()
    (g,) = autograd.grad(out, x, create_graph=True)
    (g * g).sum().backward()

    def penalty(v):
        slope = v * (1 - np.tanh(v * x.detach().numpy()) ** 2)
        return (slope * slope).sum()

    h = 1e-6
    numeric = [(penalty(w.detach().numpy() + h * e) - penalty(w.detach().numpy() - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(w.grad.numpy(), numeric, rtol=1e-8)


PIECES = {
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda x: F.prelu(x, autograd.full((1,), 0.5)),
    "hardtanh": F.hardtanh,
    "threshold": lambda x: F.threshold(x, 0.1, 2.0),
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "max_pool": lambda x: F.max_pool1d(x, 2),
    "max_pool, indices": lambda x: F.max_pool1d(x, 2, return_indices=True)[0],
    "adaptive_max_pool": lambda x: F.adaptive_max_pool1d(x, 3),
    "avg_pool": lambda x: F.avg_pool1d(x, 2),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool1d(x, 3),
    "pad": lambda x: F.pad(x, (1, 2), "reflect"),
    "nll_loss": lambda x: F.nll_loss(x, autograd.tensor([1, 0])),
}


@pytest.mark.parametrize("name", PIECES)
def test_slopes_that_jump_require_grad_as_in_pytorch(name):
    x = leaf([0.3, -0.7, 1.2, 8.0], [2.5, -1.5, 0.7, -0.2])
    (g,) = autograd.grad(PIECES[name](x).sum(), x, create_graph=True)
    assert g.requires_grad
    assert values(g) == values(autograd.grad(PIECES[name](x).sum(), x)[0])
    (again,) = autograd.grad((g * g + g).sum(), x, create_graph=True)
    assert values(again) == values(autograd.zeros(2, 4))


@pytest.mark.parametrize("name", PIECES)
def test_slopes_that_jump_have_a_slope_of_zero_also_where_they_depend_on_the_gradient(name):
    x = leaf([0.3, -0.7, 1.2, 8.0], [2.5, -1.5, 0.7, -0.2])
    y = PIECES[name](x)
    seed = autograd.ones_like(y).requires_grad_()
    (g,) = autograd.grad(y, x, seed, create_graph=True)
    over, back = autograd.grad((g * g).sum(), [x, seed])
    assert values(over) == values(autograd.zeros(2, 4))
    _, moved = func.jvp(lambda u: PIECES[name](u), (x.detach(),), (2 * g.detach(),))
    assert values(back) == values(moved)  # the slope is what it was: its transpose carries tangents on


def test_second_derivatives_of_a_network_of_relus_are_zero_and_reach_all_of_it():
    x = leaf([0.3, -0.7, 1.2], [2.5, -1.5, 0.7])
    first, second = leaf([1.0, -2.0], [0.5, 1.0], [-1.0, 0.3]), leaf([2.0], [3.0])
    bias = leaf(0.1, 0.2)
    (g,) = autograd.grad((F.relu(x @ first + bias) @ second).sum(), x, create_graph=True)
    assert values(autograd.grad(g.sum(), x, retain_graph=True)[0]) == values(autograd.zeros(2, 3))
    g.pow(2).sum().backward()
    assert values(bias.grad) == [0, 0]
    assert values(x.grad) == values(autograd.zeros(2, 3))
    assert second.grad.abs().sum() > 0


def test_a_slope_that_is_a_constant_array_is_tied_too():
    @autograd.op(x=lambda g: np.full(3, 2.0), tied=True)
    def twice(x):
        """Twice ``x``, summed up alone."""
        return 2 * x

    x = leaf(1, 2, 3)
    (g,) = autograd.grad(twice(x).sum(), x, create_graph=True)
    assert values(g) == [2, 2, 2]
    assert values(autograd.grad(g.sum(), x)[0]) == [0, 0, 0]


@pytest.mark.parametrize("linear", [lambda x: x * 2, lambda x: x.clamp(0, 1), lambda x: x.max(1)[0]])
def test_slopes_of_others_do_not(linear):
    x = leaf([0.3, -0.7], [2.5, -1.5])
    assert not autograd.grad(linear(x).sum(), x, create_graph=True)[0].requires_grad


# ---- gradients share no memory --------------------------------------------------------------------------------------

ROUTES = {
    "leaf": lambda x, y: [x],
    "add": lambda x, y: [x + y],
    "sub": lambda x, y: [x - y],
    "twice": lambda x, y: [x + x],
    "reshape": lambda x, y: [(x + y).reshape(3, -1).reshape(-1)],
    "thrice": lambda x, y: [x * 2 + x.clone() + x * y],
    "getitem": lambda x, y: [x[:] + y[:]],
    "both roots": lambda x, y: [x, y],
    "same root": lambda x, y: [x + y, x + y],
    "clone": lambda x, y: [x.clone() + y.clone()],
}


@pytest.mark.parametrize("n", [3, 3 * LARGE])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("route", ROUTES)
def test_gradients_share_no_memory(route, create_graph, n):
    x, y = (autograd.ones(n, dtype="float64", requires_grad=True) for _ in range(2))
    outs = ROUTES[route](x, y)
    seeds = [autograd.tensor(np.ones(n)) for _ in outs]
    autograd.backward(outs, seeds, create_graph=create_graph)
    held = [t.grad for t in (x, y) if t.grad is not None]
    again = autograd.grad(ROUTES[route](x, y), [x, y], seeds, create_graph=create_graph, allow_unused=True)
    arrays = [t.detach().numpy() for t in (*held, *(g for g in again if g is not None), *seeds, x, y)]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.shares_memory(a, b)
    assert all((t.numpy() == 1).all() for t in seeds)


@pytest.mark.parametrize("turned", [autograd.Tensor.t, lambda w: w.transpose(0, 1) * 2, lambda w: w.flip(1).mT])
@pytest.mark.parametrize("inputs", [False, True])
def test_gradients_can_be_flattened(turned, inputs):
    """A gradient lies as its leaf does, by whatever way it came: ``torch.cat([p.grad.view(-1) for p in ...])``."""
    for compile in (lambda f: f, autograd.compile):
        w = autograd.randn(3, 4, requires_grad=True)

        @compile
        def step(w=w):
            w.grad = None
            loss = turned(w).square().sum()
            loss.backward(inputs=[w] if inputs else None)

        for _ in range(3):
            step()
            assert w.grad.stride() == w.stride() == (4, 1)
            assert w.grad.view(-1).shape == (12,)


def test_what_others_hold_of_large_gradients_is_not_added_to():
    """Sums are taken in place, but not in what a hook, a tensor or an op of the user's keeps."""
    n, kept, seen = LARGE, [], []

    def rule(g):
        kept.append(g * 5)
        return kept[-1]

    @autograd.op(x=rule)
    def keeping(x):
        return x * 5

    x = autograd.ones(n, requires_grad=True)
    inner, seed = x * 1, autograd.ones(n)
    inner.retain_grad()
    inner.register_hook(seen.append)
    parts = keeping(inner), inner * 2, keeping(inner), inner * 3, inner.clone(), keeping(x), x * 7
    parts[1].register_hook(seen.append)
    sum(parts[1:], parts[0]).backward(seed)
    assert [set(g.tolist()) for g in (x.grad, inner.grad, seed, *seen)] == [{28.0}, {16.0}, {1.0}, {1.0}, {16.0}]
    assert all((g == 5).all() for g in kept)
    assert len(kept) == 3


def test_writing_to_a_gradient_changes_no_other():
    x, y, seed = leaf(1, 2), leaf(3, 4), autograd.ones(2, dtype="float64")
    (x + y).backward(seed)
    x.grad.add_(10)
    assert (values(x.grad), values(y.grad), values(seed)) == ([11, 11], [1, 1], [1, 1])


def test_accumulation_does_not_write_into_a_gradient_that_was_handed_in():
    x, given = leaf(1, 2), autograd.tensor(np.array([5.0, 5.0]))
    saved = x * given
    x.grad = given
    (x * 2).sum().backward()
    assert values(x.grad) == [7, 7]
    with pytest.raises(errors.MutationError, match="'mul' saved its 'y'"):  # the sum stands in its memory: said aloud
        saved.sum().backward()


# ---- hooks ----------------------------------------------------------------------------------------------------------


def test_a_hook_sees_and_replaces_the_gradient():
    x = leaf(1, 2)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(values(g)))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(values(g)))
    y.sum().backward()
    assert seen == [[1, 1], [10, 10]]
    assert values(x.grad) == [20, 20]


def test_a_hook_runs_once_on_the_whole_gradient():
    x = leaf(1, 2)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(values(g)))
    (y * 2 + y * 3).sum().backward()
    assert seen == [[5, 5]]


def test_hooks_of_a_leaf_run_in_grad_too():
    x = leaf(1, 2)
    x.register_hook(lambda g: g * 2)
    assert values(autograd.grad((x * x).sum(), x)[0]) == [4, 8]
    (x * x).sum().backward()
    assert values(x.grad) == [4, 8]


def test_a_removed_hook_is_silent():
    x = leaf(1, 2)
    handle = x.register_hook(lambda g: g * 0)
    with x.register_hook(lambda g: g * 5):
        pass
    handle.remove()
    x.register_hook(lambda g: g * 3)
    handle.remove()  # gone already: it must not take another's place
    (x * 2).sum().backward()
    assert values(x.grad) == [6, 6]


def test_a_hook_may_remove_itself():
    x = leaf(1, 2)

    def once(g):
        handle.remove()
        return g * 2

    handle = x.register_hook(once)
    (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert values(x.grad) == [3, 3]


def test_a_hook_may_write_to_what_it_is_given():
    x, w, seed = leaf(1, 2), leaf(1, 2), autograd.tensor(np.ones(2))
    y = x * 1
    y.register_hook(lambda g: g.mul_(5))
    (y + w).backward(seed)
    assert (values(x.grad), values(w.grad), values(seed)) == ([5, 5], [1, 1], [1, 1])
    z = x * 1

    def double(g):
        g.mul_(2)

    z.register_hook(double)
    x.grad = None
    z.sum().backward()
    assert values(x.grad) == [2, 2]


def test_a_hook_may_keep_what_it_is_given():
    x, kept = leaf(1, 2), []
    x.register_hook(kept.append)
    (x * 2).sum().backward()
    x.grad.zero_()
    assert values(kept[0]) == [2, 2]


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (lambda g: g.sum(), r"float64\[\]"),
        (lambda g: g.to(autograd.float32), r"float32\[2\]"),
        (lambda g: 3.0, "returned float"),
        (lambda g: g.numpy(), "returned ndarray"),
    ],
)
@pytest.mark.parametrize("inner", [False, True])
def test_a_hook_that_returns_something_else_is_refused(returned, text, inner):
    x = leaf(1, 2)
    y = x * 1 if inner else x
    y.register_hook(returned)
    with pytest.raises(errors.GradientError, match=text):
        (y * 1).sum().backward()
    assert x.grad is None


def test_hooks_on_second_order():
    x = leaf(1, 2)
    y = x * x
    y.register_hook(lambda g: g * 2)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    assert values(g) == [4, 8]
    assert values(autograd.grad(g.sum(), x)[0]) == [4, 4]


def test_retain_grad():
    x = leaf(1, 2)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert not x.retains_grad
    y.register_hook(lambda g: g * 3)  # what is kept is the gradient after the hooks
    y.sum().backward(retain_graph=True)
    assert values(y.grad) == [3, 3]
    y.sum().backward()
    assert values(y.grad) == [6, 6]


def test_retain_grad_follows_an_in_place_operation():
    x = leaf(1, 2, 3)
    y = x * 1
    y.retain_grad()
    y.mul_(2)
    (y * y).sum().backward()
    assert y.retains_grad
    assert values(y.grad) == [4, 8, 12]  # of the value after the operation, as in PyTorch


def test_retain_grad_follows_a_write_through_a_view():
    x = leaf(1, 2, 3)
    y = x * 1
    y.retain_grad()
    y[:2].mul_(5)
    (y * y).sum().backward()
    assert values(y.grad) == [10, 20, 6]
    assert values(x.grad) == [50, 100, 6]


def test_retained_gradients_do_not_keep_the_tensor():
    import weakref

    x = leaf(1, 2)
    y = x * 2
    y.retain_grad()
    ref = weakref.ref(y)
    z = y.sum()
    del y
    assert ref() is None
    z.backward()
    assert values(x.grad) == [2, 2]


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_inner_tensor_among_the_inputs_gets_its_gradient_once(create_graph):
    x = leaf(1, 2)
    for retained in (False, True):
        y = x * 1
        if retained:
            y.retain_grad()
        z = (y * 3).sum()
        z.backward(inputs=[y], retain_graph=True, create_graph=create_graph)
        assert values(y.grad) == [3, 3]
        assert y.retains_grad  # from then on
        z.backward(inputs=[y], retain_graph=True, create_graph=create_graph)
        z.backward(retain_graph=True, create_graph=create_graph)
        assert values(y.grad) == [9, 9]
    unreached = x * 2
    z.backward(inputs=[unreached])
    assert unreached.grad is None
    assert unreached.retains_grad


def test_a_handle_on_the_same_node_retains_by_itself():
    y = leaf(1, 2) * 2
    other = copy.copy(y)
    y.retain_grad()
    assert not other.retains_grad
    other.retain_grad()
    y.sum().backward()
    assert values(y.grad) == values(other.grad) == [1, 1]


def test_hooks_under_gradients_that_are_batched():
    x = leaf(1, 2)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.shape))
    x.register_hook(lambda g: g * 2)
    y.retain_grad()
    (g,) = autograd.grad(y, x, autograd.ones(3, 2), is_grads_batched=True)
    assert values(g) == [[4, 8]] * 3
    assert seen == [(2,)]
    assert y.grad is None  # each of the three would be another one


def test_gradients_recorded_inside_no_grad():
    x, z = leaf(1, 2), leaf(1j, 2, dtype="complex128")
    y, square = (x * x).sum(), z * z
    same = x * 1
    with autograd.no_grad():
        y.backward(create_graph=True)
        y.backward(create_graph=True)
        (g,) = autograd.grad(square, z, autograd.ones(2), create_graph=True)
        (h,) = autograd.grad(same, x, x, create_graph=True)
        assert not autograd.is_grad_enabled()
    assert values(autograd.grad(x.grad.sum(), x)[0]) == [4, 4]
    assert values(autograd.grad(g.real.sum(), z)[0]) == [2, 2]
    assert values(autograd.grad(h.sum(), x)[0]) == [1, 1]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("reduce", ["sum", "mean", "amax"])
def test_the_gradient_of_one_element_may_be_overwritten(shape, reduce):
    x = autograd.ones(shape, requires_grad=True)
    for times in (1, 2):
        getattr(x, reduce)().backward()
        assert x.grad.item() == times
    x.grad.zero_()
    assert x.grad.item() == 0


def test_post_accumulate_hooks():
    x, seen = leaf(1, 2), []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, values(t.grad))))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    autograd.grad((x * 2).sum(), x)
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [(True, [2, 2]), (True, [4, 4])]


def test_an_optimizer_in_backward():
    x = leaf(1, 2)

    def step(t):
        with autograd.no_grad():
            t -= 0.5 * t.grad
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    assert values(x) == [0, 0]
    assert x.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_post_accumulate_hooks_record_as_other_hooks_do(create_graph):
    x, seen = leaf(1, 2), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(autograd.is_grad_enabled()))
    (x * x).sum().backward(create_graph=create_graph)
    assert seen == [create_graph]


def test_a_step_in_one_line_in_backward():
    x = leaf(1, 2)
    x.register_post_accumulate_grad_hook(lambda t: t.add_(t.grad, alpha=-0.5))
    (x * x).sum().backward()
    assert values(x) == [0, 0]


def test_hooks_need_a_gradient():
    plain, inner = autograd.ones(2), leaf(1, 2) * 2
    with pytest.raises(errors.GradientError, match=r"register_hook.*does not require grad"):
        plain.register_hook(lambda g: g)
    with pytest.raises(errors.GradientError, match=r"retain_grad.*does not require grad"):
        plain.retain_grad()
    with pytest.raises(errors.GradientError, match="only a leaf"):
        inner.register_post_accumulate_grad_hook(lambda t: None)


# ---- failures leave nothing half-changed ----------------------------------------------------------------------------


def test_a_rule_that_raises_leaves_every_grad_alone():
    def fail(g):
        raise ZeroDivisionError("in the rule")

    @autograd.op(x=fail)
    def broken(x):
        return x * 2.0

    x, w = leaf(1, 2), leaf(3, 4)
    x.grad = autograd.tensor(np.array([7.0, 7.0]))
    out = (w * 2).sum() + broken(x * 1).sum()
    with pytest.raises(ZeroDivisionError, match="in the rule") as caught:
        out.backward()
    assert "(in the backward of op 'broken')" in caught.value.__notes__
    assert values(x.grad) == [7, 7]
    assert w.grad is None


def test_a_leaf_hook_that_raises_leaves_every_grad_alone():
    x, w = leaf(1, 2), leaf(3, 4)

    def fail(g):
        raise ValueError("in the hook")

    for failing in (x, w):
        with failing.register_hook(fail), pytest.raises(ValueError, match="in the hook"):
            (x * w).sum().backward()
        assert x.grad is w.grad is None
    (x * w).sum().backward()
    assert values(w.grad) == [1, 2]


def test_what_is_retained_before_something_raises_is_not_kept():
    x = leaf(1, 2)

    def fail(g):
        raise ValueError("in the hook")

    y = x * x
    z = y * 3
    z.retain_grad()
    for failing in (x, y):
        with failing.register_hook(fail), pytest.raises(ValueError, match="in the hook"):
            z.sum().backward(retain_graph=True)
        assert z.grad is None
    with pytest.raises(errors.GradientError, match="do not depend on input 1"):
        autograd.grad(z.sum(), [x, leaf(1)], retain_graph=True)
    assert z.grad is None
    z.sum().backward()
    assert values(z.grad) == [1, 1]


def test_a_graph_that_cannot_be_used_is_refused_before_anything_runs():
    x = leaf(1, 2)
    seen = []
    y = x * x
    z = y * 1
    z.register_hook(seen.append)
    x.data.mul_(2)
    with pytest.raises(errors.MutationError):
        z.sum().backward()
    assert seen == []


def test_the_mode_is_restored_after_a_failure_in_second_order():
    def fail(g):
        raise ZeroDivisionError

    @autograd.op(x=fail)
    def broken(x):
        return x * 2.0

    x = leaf(1, 2)
    with autograd.no_grad():
        with autograd.enable_grad():
            y = broken(x).sum()
        with pytest.raises(ZeroDivisionError):
            autograd.grad(y, x, create_graph=True)
        assert not autograd.is_grad_enabled()


def test_backward_warns_of_nothing_and_leaves_error_handling_alone():
    x = autograd.tensor(np.array([1e300, 0.0]), requires_grad=True)
    with np.errstate(all="raise"):
        (x * 2).sum().backward(np.array(1e308))  # overflows in the rule of mul
        assert np.geterr()["over"] == "raise"
    assert values(x.grad) == [np.inf, np.inf]


# ---- properties of leaves -------------------------------------------------------------------------------------------


def test_only_numbers_that_vary_continuously_require_grad():
    for dtype in ("bool", "uint8", "int32", "int64"):
        data = np.ones(2, dtype)
        with pytest.raises(errors.DtypeError, match=f"this one is {dtype}"):
            autograd.tensor(data, requires_grad=True)
        t = autograd.tensor(data)
        with pytest.raises(errors.DtypeError):
            t.requires_grad_()
        with pytest.raises(errors.DtypeError):
            t.requires_grad = True
        assert not t.requires_grad
    for dtype in ("float16", "float32", "float64", "complex64", "complex128"):
        assert autograd.tensor(np.ones(2, dtype), requires_grad=True).requires_grad


def test_requires_grad_can_be_switched_on_a_leaf_only():
    x = leaf(1, 2)
    y = x * 2
    with pytest.raises(errors.GradientError, match="detach"):
        y.requires_grad_(False)
    with pytest.raises(errors.GradientError, match="can only be set on a leaf"):
        y.requires_grad = True
    assert y.requires_grad_() is y
    for wrong in ("no", 1, None):
        with pytest.raises(TypeError, match="must be True or False"):
            autograd.ones(2).requires_grad_(wrong)
    with pytest.raises(TypeError, match="must be True or False"):
        autograd.zeros(2, requires_grad="no")
    x.requires_grad = False
    assert not (x * 2).requires_grad
    assert x.is_leaf
    assert not y.is_leaf
    y.sum().backward(retain_graph=True)
    assert x.grad is None
    x.requires_grad = True
    (y.sum() + x.sum()).backward(create_graph=True)
    assert values(x.grad) == [3, 3]


def test_results_of_leaves_without_gradient_are_leaves():
    y = autograd.ones(2) * 2
    assert y.is_leaf
    assert y.grad_fn is None
    y.requires_grad_()
    (y * 3).sum().backward()
    assert values(y.grad) == [3, 3]


def test_integer_results_have_no_gradient():
    x = leaf(1.5, 2.5)
    for result in (x.to(autograd.int64), x > 2, x.argmax()):
        assert not result.requires_grad


def test_grad_can_only_be_set_to_what_fits():
    x = leaf(1, 2)
    with pytest.raises(errors.ShapeError, match=r"\(2,\).*\(3,\)"):
        x.grad = autograd.ones(3, dtype="float64")
    with pytest.raises(errors.DtypeError, match=r"float64.*float32"):
        x.grad = autograd.ones(2)
    with pytest.raises(TypeError, match="Tensor or None, got int"):
        x.grad = 5
    x.grad = autograd.ones(2, dtype="float64")
    assert values(x.grad) == [1, 1]
    del x.grad
    assert x.grad is None


def test_detach_cuts_and_shares():
    x = leaf(1, 2)
    y = (x * 2).detach()
    assert y.is_leaf
    y.requires_grad_()
    (y * y).sum().backward()
    assert values(y.grad) == [4, 8]
    assert x.grad is None
    assert np.shares_memory(x.detach().numpy(), x.data.numpy())


def test_detach_in_place():
    x = leaf(1, 2)
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad


def test_detach_in_place_after_a_change_of_shape():
    x = leaf([1, 2])
    y = x * 2
    row = y[0]
    y.t_()
    y.detach_().requires_grad_()
    (y * 3).sum().backward()
    assert values(y.grad) == [[3], [3]]
    row.sum().backward()  # which was cut before
    assert values(x.grad) == [[2, 2]]
    with pytest.raises(errors.MutationError, match="is a view"):
        (x * 2)[:].t_().detach_()


@pytest.mark.parametrize("frozen", [True, False])
def test_views_stay_in_the_graph_that_their_base_leaves(frozen):
    x = leaf(1, 2)
    y = x if frozen else x * 2
    view = y[:1]
    if frozen:
        y.requires_grad_(False)
    else:
        y.detach_()
    assert view.requires_grad
    view.sum().backward()
    assert frozen or values(x.grad) == [2, 0]
    x.requires_grad_()


def test_a_view_written_to_before_its_base_left_the_graph():
    x = leaf(1, 2)
    y = x * x
    view = y[:1]
    y.mul_(3)
    y.detach_()
    assert not view.requires_grad  # of what it holds now, there is no graph any more


def test_gradients_flow_in_no_particular_thread():
    x = leaf(1, 2)
    y = (x * x).sum()
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert values(x.grad) == [2, 4]


def test_a_sweep_to_results_does_not_look_at_what_is_older():
    x = leaf(2)
    y = x
    for _ in range(50):
        y = y * 1.5
    z = (y * y).sum()
    assert collect([z._node], y._node.rank) == [z._node, z._node.parents[0], y._node]
    (found,) = autograd.grad(z, y, retain_graph=True)
    assert values(found) == [2 * y.item()]
    (found,) = autograd.grad(z, x)
    assert values(found) == pytest.approx([2 * y.item() * 1.5**50])
