"""optim: the formulas, against plain NumPy written out; groups, flat buffers, state and bad input."""

import copy

import numpy as np
import pytest

import autograd
import nn
import optim


def parameters(dtype="float64"):
    rng = np.random.default_rng(0)
    return [
        autograd.tensor(rng.standard_normal(shape), dtype=dtype, requires_grad=True)
        for shape in ((3, 4), (), (5,), (2, 0))
    ]


def set_grads(params, step):
    for i, p in enumerate(params):
        p.grad = autograd.tensor(np.cos(step + i + np.arange(p.numel())).reshape(p.shape), dtype=p.dtype)


def run(make, steps=5):
    params = parameters()
    optimizer = make(params)
    for step in range(steps):
        set_grads(params, step)
        optimizer.step()
    return [p.detach().numpy() for p in params]


def by_hand(formula, steps=5):
    params = [p.detach().numpy().copy() for p in parameters()]
    results = []
    for i, p in enumerate(params):
        state = {}
        for step in range(steps):
            g = np.cos(step + i + np.arange(p.size)).reshape(p.shape)
            p = formula(p, g, state, step + 1)
        results.append(p)
    return results


def sgd(lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False):
    def formula(p, g, state, step):
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            state["b"] = g if step == 1 else momentum * state["b"] + (1 - dampening) * g
            g = g + momentum * state["b"] if nesterov else state["b"]
        return p - lr * g

    return formula


def adam(lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, maximize=False):
    def formula(p, g, state, step):
        g = (-g if maximize else g) + weight_decay * p
        state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
        state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g * g
        state["top"] = np.maximum(state.get("top", 0), state["v"])
        v = state["top"] if amsgrad else state["v"]
        m_hat, v_hat = state["m"] / (1 - betas[0] ** step), v / (1 - betas[1] ** step)
        return p - lr * m_hat / (np.sqrt(v_hat) + eps)

    return formula


@pytest.mark.parametrize(
    ("kind", "formula", "settings"),
    [
        (optim.SGD, sgd, {"lr": 0.1}),
        (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
        (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}),
        (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
        (optim.Adam, adam, {"lr": 0.01}),
        (optim.Adam, adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
        (optim.Adam, adam, {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ],
)
def test_formula(kind, formula, settings):
    for ours, expected in zip(run(lambda p: kind(p, **settings)), by_hand(formula(**settings)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-14)


def test_large_parameters_are_updated_piece_by_piece():
    w = autograd.tensor(np.ones(200_001), requires_grad=True)
    b = autograd.tensor(np.ones(3), requires_grad=True)
    optimizer = optim.Adam([b, w], lr=0.5)
    for _ in range(2):
        w.grad = autograd.tensor(np.arange(200_001.0) - 100_000)
        b.grad = autograd.tensor([1.0, -1.0, 2.0], dtype="float64")
        optimizer.step()
    np.testing.assert_allclose(b.detach().numpy(), [0, 2, 0], atol=1e-6)
    expected = 1 - np.sign(np.arange(200_001.0) - 100_000)
    np.testing.assert_allclose(w.detach().numpy(), expected, atol=1e-6)


def test_parameters_without_gradient_are_left_alone_and_count_their_own_steps():
    a, b, c = (autograd.tensor([1.0], requires_grad=True) for _ in range(3))
    optimizer = optim.Adam([a, b, c], lr=0.1)
    for step in range(3):
        a.grad = autograd.tensor([1.0])
        c.grad = autograd.tensor([1.0])
        b.grad = autograd.tensor([1.0]) if step == 2 else None
        optimizer.step()
    assert b.item() == pytest.approx(0.9, abs=1e-6)
    assert a.item() == pytest.approx(0.7, abs=1e-6)
    assert a.item() == c.item()
    assert [optimizer.state[p]["step"] for p in (a, b, c)] == [3, 1, 3]


def test_parameters_are_views_of_one_buffer_and_keep_their_identity():
    params = parameters()
    values = [p.detach().numpy().copy() for p in params]
    optimizer = optim.SGD(params, lr=0.0)
    set_grads(params, 0)
    optimizer.step()
    base = params[0].detach().numpy().base
    assert all(p.detach().numpy().base is base for p in params)
    for p, value in zip(params, values, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), value)


def descended(net, optimizer):
    net.zero_grad()
    net(autograd.ones(1, 3)).sum().backward()
    optimizer.step()


SHARING = {
    "a view": lambda net: net.weight.detach(),
    "a view of a part": lambda net: net.weight.detach()[0],
    "data": lambda net: net.weight.data,
    "an array": lambda net: net.weight.detach().numpy(),
    "a state dict": lambda net: net.state_dict()["weight"],
}


@pytest.mark.parametrize("name", SHARING)
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.Muon])
@pytest.mark.parametrize("when", ["before", "after", "after a step"])
def test_what_shares_a_parameters_memory_sees_its_updates(name, kind, when):
    net = nn.Linear(3, 2, bias=False)
    before = SHARING[name](net) if when == "before" else None
    optimizer = kind(net.parameters(), lr=0.5)
    if when == "after a step":
        descended(net, optimizer)
    shared = SHARING[name](net) if before is None else before
    old = np.array(shared)
    for _ in range(2):
        descended(net, optimizer)
        assert not np.array_equal(shared, old)
        np.testing.assert_array_equal(shared, np.array(SHARING[name](net)))


def test_an_array_that_became_a_parameter_sees_its_updates():
    array = np.ones((4, 2), np.float32)
    rows = [nn.Parameter(autograd.from_numpy(array[i : i + 2])) for i in (0, 2)]
    optimizer = optim.SGD(rows, lr=0.5)
    (rows[0].sum() + 2 * rows[1].sum()).backward()
    optimizer.step()
    assert array.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("before", [True, False])
def test_parameters_that_share_memory_go_on_sharing_it(before):
    """Weights tied by their data are descended along the sum of both gradients, each in its turn."""
    a, b, other = (nn.Parameter(autograd.ones(2)) for _ in range(3))
    if before:
        a.data = b.data
    optimizer = optim.SGD([a, b, other], lr=0.1)
    if not before:
        a.data = b.data
    for step in (1, 2):
        optimizer.zero_grad()
        (a.sum() + 2 * b.sum() + other.sum()).backward()
        optimizer.step()
        np.testing.assert_allclose(a.detach(), [1 - 0.3 * step] * 2, rtol=1e-6)
        np.testing.assert_array_equal(a.detach(), b.detach())
    a.data = a.data * 1.0
    (a.sum() + 2 * b.sum()).backward()
    optimizer.step()
    assert not np.array_equal(a.detach(), b.detach())


def test_a_new_optimizer_brings_parameters_together_again():
    """Neither another optimizer's hold on a parameter, nor the other parameters in its buffer, keep it apart."""
    params = parameters()
    old = optim.SGD(params, lr=0.1)
    new = optim.SGD(params[1:], lr=0.1)
    base = params[1].detach().numpy().base
    assert base is not params[0].detach().numpy().base
    assert all(p.detach().numpy().base is base for p in params[1:])
    assert old is not new


def test_a_complex_parameter_that_stays_where_it_is():
    p = nn.Parameter(autograd.tensor([1 + 2j, 3 - 1j]))
    view = p.detach()
    q = nn.Parameter(autograd.tensor([1 + 2j, 3 - 1j]))
    first, second = optim.Adam([p], lr=0.1), optim.Adam([q], lr=0.1)
    for _ in range(2):
        p.grad = q.grad = autograd.tensor([1 - 1j, 0.5 + 2j])
        first.step()
        second.step()
    np.testing.assert_array_equal(view, q.detach())


def test_two_optimizers_may_share_parameters():
    params = parameters()
    first, second = optim.SGD(params, lr=0.1), optim.SGD(params[::-1], lr=0.01)
    expected = [p.detach().numpy().copy() for p in params]
    for step in range(4):
        set_grads(params, step)
        optimizer, lr = ((first, 0.1), (second, 0.01))[step % 2]
        expected = [e - lr * p.grad.numpy() for e, p in zip(expected, params, strict=True)]
        optimizer.step()
    for p, e in zip(params, expected, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), e, rtol=1e-12)


@pytest.mark.parametrize("places", [[1, 2], [2], [2, 1], [0, 2]])
def test_two_optimizers_that_take_turns_leave_parameters_where_they_are(places):
    """Not to take them from each other at every step, which took longer than the step, and could not be compiled."""
    params = parameters()
    first = optim.Adam(params, lr=0.1)
    second = optim.Adam([params[i] for i in places], lr=0.01)
    apart = parameters()
    alone = [optim.Adam([p], lr=0.1) for p in apart], [optim.Adam([apart[i]], lr=0.01) for i in places]
    where = []
    for step in range(4):
        set_grads(params, step)
        set_grads(apart, step)
        for optimizers in ((first,), (second,), *alone):
            for optimizer in optimizers:
                optimizer.step()
        where.append([p.detach().numpy().__array_interface__["data"][0] for p in params])
    assert where[1:] == where[:-1]
    for p, e in zip(params, apart, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), e.detach().numpy(), rtol=1e-12)
    pair = copy.deepcopy((first, second))
    for optimizer in pair:
        optimizer.step()
    for optimizer in (first, second):
        optimizer.step()
    for p, e in zip(params, pair[0].param_groups[0]["params"], strict=True):
        np.testing.assert_array_equal(p.detach(), e.detach())


def test_parameters_that_two_optimizers_share_are_updated_by_stretches():
    """Also if something else holds their memory, as a state dict does."""
    calls = []

    class Counting(optim.SGD):
        def update(self, *args):
            calls.append(1)
            super().update(*args)

    params = parameters()[:3] + parameters()[:3]
    first = Counting(params, lr=0.1)
    set_grads(params, 0)
    first.step()
    second = optim.Adam(params[4:], lr=0.1)
    views = [p.detach() for p in params]
    for step in range(3):
        set_grads(params, step)
        calls.clear()
        first.step()
        second.step()
        assert len(calls) == 2
    for p, view in zip(params, views, strict=True):
        np.testing.assert_array_equal(p.detach(), view)


def test_what_shares_a_parameters_memory_sees_the_updates_of_two_optimizers():
    net = nn.Linear(3, 2)
    view = net.weight.detach()
    first, second = optim.SGD(net.parameters(), lr=0.5), optim.Adam([net.weight, net.bias], lr=0.1)
    third = optim.SGD([net.weight], lr=0.1)
    part = net.bias.detach()
    for _ in range(2):
        for optimizer in (first, second, third):
            old = np.array(view), np.array(part)
            descended(net, optimizer)
            assert not np.array_equal(view, old[0])
            assert np.array_equal(part, old[1]) is (optimizer is third)
            np.testing.assert_array_equal(view, net.weight.detach())
            np.testing.assert_array_equal(part, net.bias.detach())


def test_a_parameter_whose_data_were_replaced_is_still_updated():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    w.grad = autograd.ones(2)
    optimizer.step()
    w.data = autograd.tensor([10.0, 20.0])
    optimizer.step()
    assert w.tolist() == [9.0, 19.0]


def test_updating_between_forward_and_backward_is_noticed():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
    loss = (w * w).sum()
    optimizer.step()
    with pytest.raises(autograd.MutationError, match="op 'mul' saved its"):
        loss.backward()


def test_groups_have_hyper_parameters_of_their_own():
    a, b = autograd.tensor([1.0], requires_grad=True), autograd.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([{"params": [a], "lr": 1.0}, {"params": b}], lr=0.1)
    a.grad, b.grad = autograd.tensor([1.0]), autograd.tensor([1.0])
    optimizer.step()
    assert a.item() == 0.0
    assert b.item() == pytest.approx(0.9)
    optimizer.param_groups[1]["lr"] = 0.5
    optimizer.step()
    assert b.item() == pytest.approx(0.4)
    c = autograd.tensor([1.0], requires_grad=True)
    optimizer.add_param_group({"params": [c], "momentum": 0.5})
    assert optimizer.param_groups[2]["lr"] == 0.1
    assert repr(optimizer).count("Parameter Group") == 3


@pytest.mark.parametrize("kind", [optim.Adam, optim.NAdam, optim.RAdam, optim.Adamax])
@pytest.mark.parametrize("shapes", [((), ()), ((1, 1, 1), (1, 1))])
def test_betas_may_be_tensors_which_may_be_changed(kind, shapes):
    def change_numbers(group):
        group["betas"] = (0.25, 0.75)

    def change_tensors(group):
        group["betas"][0].fill_(0.25)

    tensors = tuple(autograd.full(shape, beta) for shape, beta in zip(shapes, (0.5, 0.75), strict=True))
    found = []
    for betas, change in (((0.5, 0.75), change_numbers), (tensors, change_tensors)):
        params = parameters()
        optimizer = kind(params, betas=betas, **({"amsgrad": True} if kind is optim.Adam else {}))
        for step in range(4):
            if step == 2:
                change(optimizer.param_groups[0])
            set_grads(params, step)
            optimizer.step()
        found.append([p.tolist() for p in params])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "make", [lambda p: optim.SGD(p, 0.1, momentum=0.9), lambda p: optim.Adam(p, 0.1, amsgrad=True)]
)
def test_state_round_trip_continues_exactly(make):
    ours, theirs = parameters(), parameters()
    optimizer = make(ours)
    for step in range(3):
        set_grads(ours, step)
        optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3]
    with autograd.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            q.copy_(p)
    resumed = make(theirs)
    resumed.load_state_dict(state)
    for step in range(3, 6):
        for params, opt in ((ours, optimizer), (theirs, resumed)):
            set_grads(params, step)
            opt.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_state_that_does_not_fit_changes_nothing():
    params = parameters()
    optimizer = optim.Adam(params, lr=0.1)
    set_grads(params, 0)
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = np.zeros((9, 9))
    state["param_groups"][0]["lr"] = 99
    with pytest.raises(ValueError, match=r"exp_avg has shape \(9, 9\), but for this parameter .* have \(3, 4\)"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.1
    with pytest.raises(ValueError, match=r"groups of \[1\] parameters, this optimizer of \[4\]"):
        optimizer.load_state_dict(optim.Adam(params[:1]).state_dict())


def test_closure_and_zero_grad():
    w = autograd.tensor([3.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with autograd.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert w.item() == 1.5
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert w.grad is None


def test_bad_input_is_refused():
    w = autograd.tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"got the module Linear; give its .parameters\(\)"):
        optim.SGD(nn.Linear(2, 1))
    with pytest.raises(TypeError, match="must be an iterable of Tensors, got one Tensor"):
        optim.SGD(w, lr=0.1)
    with pytest.raises(ValueError, match="got no parameters"):
        optim.SGD([], lr=0.1)
    with pytest.raises(ValueError, match=r"parameter 0 \(shape \(1,\)\) is the result of 'mul', not a leaf"):
        optim.SGD([w * 2], lr=0.1)
    with pytest.raises(ValueError, match="appears twice"):
        optim.SGD([w, w], lr=0.1)
    with pytest.raises(TypeError, match="parameter 0 must be a Tensor, got float"):
        optim.SGD([1.0], lr=0.1)
    with pytest.raises(ValueError, match="SGD: lr must not be negative, got -1"):
        optim.SGD([w], lr=-1)
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        optim.SGD([w], lr=0.1, nesterov=True)
    with pytest.raises(ValueError, match=r"betas must lie in \[0, 1\), got \(0.9, 1.0\)"):
        optim.Adam([w], betas=(0.9, 1.0))


@pytest.mark.parametrize(("slip", "meant"), [("learning_rate", "lr"), ("weight_dcay", "weight_decay")])
def test_a_slip_in_the_name_of_a_hyper_parameter_is_told(slip, meant):
    w = autograd.tensor([1.0], requires_grad=True)
    with pytest.warns(UserWarning, match=f"SGD: '{slip}' in a group changes nothing; do you mean '{meant}'"):
        optim.SGD([{"params": [w], slip: 0.1}])


def test_groups_may_hold_what_is_the_users():
    """Also the groups of an optimizer around this one, with hyper-parameters of its own."""
    w = autograd.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([{"params": [w], "lr_scale": 0.5, "layer": 3, "rho": 0.05}], lr=0.1)
    assert optimizer.param_groups[0]["layer"] == 3


# ---- what may happen to the parameters between two steps ----


def test_a_model_that_changes_its_dtype_keeps_its_state():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0, momentum=0.5)
    w.grad = autograd.ones(2)
    optimizer.step()
    w.data = w.detach().double()
    w.grad = autograd.ones(2, dtype="float64")
    optimizer.step()
    assert w.dtype == np.float64
    assert w.tolist() == [1 - 1 - 1.5, 2 - 1 - 1.5]


def test_a_parameter_that_joins_or_leaves_a_group_by_hand():
    a, b = (autograd.tensor([0.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([a], lr=1.0, momentum=0.5)
    a.grad, b.grad = autograd.ones(1), autograd.ones(1)
    optimizer.step()
    optimizer.param_groups[0]["params"].append(b)
    optimizer.step()
    assert (a.item(), b.item()) == (-2.5, -1.0)
    optimizer.param_groups[0]["params"][0] = autograd.tensor([0.0], requires_grad=True)
    optimizer.step()
    assert (a.item(), b.item()) == (-2.5, -2.5)


def test_a_deep_copy_lives_its_own_life():
    w = autograd.tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = autograd.ones(1)
    optimizer.step()
    twin, other = copy.deepcopy((w, optimizer))
    other.step()
    other.step()
    assert (optimizer.state[w]["step"], other.state[twin]["step"]) == (1, 3)
    assert w.item() == pytest.approx(0.9)
    assert twin.item() == pytest.approx(0.7)


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_a_large_gradient_does_not_stop_a_parameter_for_good(kind):
    w = autograd.tensor([1.0], requires_grad=True)
    optimizer = kind([w], lr=0.1, weight_decay=0)
    w.grad = autograd.tensor([1e20])  # its square exceeds float32
    optimizer.step()
    assert w.item() == pytest.approx(0.9)


def test_overflow_and_nan_give_no_warning():
    w = autograd.tensor([1.0, 1.0], requires_grad=True)
    optimizer = optim.Adam([w])
    w.grad = autograd.tensor([1e30, float("nan")])
    optimizer.step()
    assert np.isnan(w.detach().numpy()[1])


# ---- hooks, own optimizers ----


def test_hooks_are_called_in_order_until_they_are_removed():
    w = autograd.tensor([1.0], requires_grad=True)
    optimizer, calls = optim.SGD([w]), []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("before")),
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("after")),
        optimizer.register_state_dict_pre_hook(lambda o: calls.append("save")),
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1}),
        optimizer.register_load_state_dict_pre_hook(lambda o, state: {**state, "param_groups": before}),
        optimizer.register_load_state_dict_post_hook(lambda o: calls.append("loaded")),
        optimizer.register_state_dict_pre_hook(lambda o: calls.append("first"), prepend=True),
    ]
    optimizer.step()
    state = optimizer.state_dict()
    assert state["more"] == 1
    before = [{**state["param_groups"][0], "lr": 5.0}]
    optimizer.load_state_dict(state)
    assert calls == ["before", "after", "first", "save", "loaded"]
    assert optimizer.param_groups[0]["lr"] == 5.0
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(calls) == 5
    optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("another"))
    handles[0].remove()
    optimizer.step()
    assert calls[5:] == ["another"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 7.0,), {}))
    assert optimizer.step() == 7.0
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(TypeError, match="a hook before step returned int"):
        optimizer.step()


class Signs(optim.Optimizer):
    """As one writes it for PyTorch: with a step and a state of its own."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        with autograd.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["step"] = state.get("step", 0) + 1
                    state.setdefault("sum", autograd.zeros_like(p)).add_(p.grad.sign())
                    p.sub_(group["lr"] * p.grad.sign())


def test_an_optimizer_of_ones_own():
    w = autograd.tensor([1.0, -1.0], requires_grad=True)
    optimizer, calls = Signs([w], lr=0.5), []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    (w * w).sum().backward()
    optimizer.step()
    assert w.tolist() == [0.5, -0.5]
    assert calls == [1]
    resumed = Signs([w])
    resumed.load_state_dict(optimizer.state_dict())
    resumed.step()
    assert resumed.state[w]["step"] == 2
    assert resumed.state[w]["sum"].tolist() == [2.0, -2.0]
    assert optimizer.state[w]["sum"].tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: optim.Adam([w], differentiable=True), "differentiable=True is not supported"),
        (lambda w: optim.Adam([{"params": [w], "differentiable": True}]), "differentiable=True is not supported"),
        (
            lambda w: optim.Muon([w]),
            r"Muon: parameter 0 has shape \(1,\) and dtype float32, but it takes real matrices",
        ),
        (lambda w: optim.Muon([autograd.ones(2, 2)], ns_steps=100), r"ns_steps must lie in \[0, 100\), got 100"),
        (lambda w: optim.Rprop([w], etas=(1.1, 1.2)), "expected etas with 0 < etas"),
        (lambda w: optim.Adadelta([w], rho=1.5), r"rho must lie in \[0, 1\], got 1.5"),
        (lambda w: optim.Adafactor([w], d=0.5), "d must be at least 1, got 0.5"),
        (lambda w: optim.Adafactor([autograd.tensor([1j], requires_grad=True)]), "is complex"),
        (lambda w: optim.NAdam([w], momentum_decay=-1), "NAdam: momentum_decay must not be negative, got -1"),
        (lambda w: optim.SGD([w], lr=float("nan")), "lr must not be negative, got nan"),
        (lambda w: optim.SGD([w], lr=autograd.ones(2)), r"SGD: lr must be one number, got shape \(2,\)"),
        (lambda w: optim.Adam([w], betas=(autograd.ones(2), 0.9)), r"Adam: each of betas must be one number"),
        (lambda w: optim.SGD([{"lr": 0.1}]), r"a group needs 'params', got \['lr'\]"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(autograd.tensor([1.0], requires_grad=True))
    with pytest.raises(TypeError, match="params must have an order, got a set"):
        optim.SGD([{"params": {autograd.tensor([1.0], requires_grad=True)}}])


def test_required_hyper_parameters():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr=optim.optimizer.required):
            super().__init__(params, {"lr": lr})

    weight = nn.Parameter(autograd.ones(2))
    with pytest.raises(autograd.ArgumentError, match="Plain: a group needs 'lr', for which there is no default"):
        Plain([weight])
    assert Plain([{"params": [weight], "lr": 0.5}]).param_groups[0]["lr"] == 0.5
    assert Plain([weight], lr=0.1).param_groups[0]["lr"] == 0.1
