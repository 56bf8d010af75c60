"""optim: state dicts in PyTorch's layout, and what is loaded from them."""

import collections
import copy

import numpy as np
import pytest

import autograd
import optim

LAYOUT = {
    optim.SGD: ([], "lr momentum dampening weight_decay nesterov maximize foreach differentiable fused"),
    optim.Adam: (
        ["step", "exp_avg", "exp_avg_sq"],
        "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused decoupled_weight_decay",
    ),
    optim.Adamax: (
        ["step", "exp_avg", "exp_inf"], "lr betas eps weight_decay foreach maximize differentiable capturable"
    ),
    optim.NAdam: (
        ["step", "mu_product", "exp_avg", "exp_avg_sq"],
        "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize foreach capturable differentiable",
    ),
    optim.RMSprop: (
        ["step", "square_avg"],
        "lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable",
    ),
    optim.Rprop: (
        ["step", "prev", "step_size"], "lr etas step_sizes foreach maximize differentiable capturable"
    ),
    optim.ASGD: (
        ["step", "eta", "mu", "ax"], "lr lambd alpha t0 weight_decay foreach maximize differentiable capturable"
    ),
    optim.Adadelta: (
        ["step", "square_avg", "acc_delta"],
        "lr rho eps weight_decay maximize capturable foreach differentiable",
    ),
    optim.Adagrad: (
        ["step", "sum"],
        "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused",
    ),
    optim.Adafactor: (["step", "row_var", "col_var"], "lr beta2_decay eps d weight_decay foreach maximize"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "layout"), LAYOUT.items())
def test_state_has_pytorchs_layout(kind, layout):
    w = autograd.tensor(np.ones((2, 3)), requires_grad=True)
    w.grad = autograd.tensor(np.ones((2, 3)))
    optimizer = kind([w])
    optimizer.step()
    state = optimizer.state_dict()
    names, settings = layout
    assert list(state["state"].get(0, {})) == names
    assert list(state["param_groups"][0]) == [*settings.split(), "params"]
    for name, value in state["state"].get(0, {}).items():
        shapes = {"step": (), "mu_product": (), "eta": (), "mu": (), "row_var": (2, 1), "col_var": (1, 3)}
        assert value.shape == shapes.get(name, (2, 3))
    lines = "".join(f"    {key}: {state['param_groups'][0][key]}\n" for key in sorted(settings.split()))
    assert repr(optimizer) == f"{kind.__name__} (\nParameter Group 0\n{lines})"


def test_state_of_plain_arrays_and_numbers_is_loaded():
    w = autograd.tensor([1.0, 1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    group = {**optimizer.state_dict()["param_groups"][0], "lr": 0.5}
    arrays = {"step": 7, "exp_avg": np.array([0.5, -0.5]), "exp_avg_sq": np.array([0.25, 0.25])}
    optimizer.load_state_dict({"state": {0: arrays}, "param_groups": [group]})
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state[w]["step"] == 7
    assert optimizer.state[w]["exp_avg"].tolist() == [0.5, -0.5]
    assert optimizer.state[w]["exp_avg"].dtype == np.float32


def test_state_is_matched_by_name_where_both_sides_have_the_same_names():
    def made(order):
        found = {name: autograd.tensor(np.ones(2), requires_grad=True) for name in "ab"}
        return found, optim.SGD([(name, found[name]) for name in order], lr=0.1, momentum=0.9)

    ours, optimizer = made("ab")
    ours["a"].grad, ours["b"].grad = autograd.tensor(np.full(2, 1.0)), autograd.tensor(np.full(2, 2.0))
    optimizer.step()
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    theirs, other = made("ba")
    other.load_state_dict(optimizer.state_dict())
    assert other.state[theirs["a"]]["momentum_buffer"].tolist() == [1.0, 1.0]
    assert other.state[theirs["b"]]["momentum_buffer"].tolist() == [2.0, 2.0]
    assert other.param_groups[0]["param_names"] == ["b", "a"]
    nameless = optim.SGD(list(theirs.values())[::-1], lr=0.1, momentum=0.9)
    nameless.load_state_dict(optimizer.state_dict())
    assert nameless.state[theirs["b"]]["momentum_buffer"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="1 of 2 parameters have a name"):
        optim.SGD([("a", ours["a"]), ours["b"]])
    with pytest.raises(ValueError, match="parameters of all groups must have names, or none"):
        other.add_param_group({"params": [autograd.tensor([1.0], requires_grad=True)]})


def test_momentum_that_is_switched_on_later_starts_from_that_gradient():
    w = autograd.tensor([0.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0, dampening=0.5)
    w.grad = autograd.tensor([1.0])
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.5
    optimizer.step()
    optimizer.step()
    assert w.item() == -1.0 - 1.0 - (0.5 + 0.5)


def stepped(*moments):
    """An Adam that took a step with each of two parameters, whose first moments it then has."""
    made = [autograd.tensor([1.0, 2.0], requires_grad=True) for _ in moments]
    optimizer = optim.Adam(made, lr=0.1)
    for p, moment in zip(made, moments, strict=True):
        p.grad = autograd.full((2,), 10 * moment)
    optimizer.step()
    return optimizer, made


def test_the_number_of_updates_is_single_precision_unless_that_is_not_the_default():
    optimizer, (a, _) = stepped(1.0, 2.0)
    assert optimizer.state[a]["step"].dtype == autograd.float32
    autograd.set_default_dtype(autograd.float64)
    try:
        assert optimizer.state_dict()["state"][0]["step"].dtype == autograd.float64
    finally:
        autograd.set_default_dtype(autograd.float32)


def test_the_state_can_be_read_like_a_dict():
    optimizer, (a, b) = stepped(1.0, 2.0)
    entry = optimizer.state[a]
    optimizer.step()
    assert (list(optimizer.state), len(optimizer.state), b in optimizer.state) == ([a, b], 2, True)
    assert entry["step"].item() == 2
    assert list(entry) == ["step", "exp_avg", "exp_avg_sq"]
    assert [e["step"].item() for e in optimizer.state.values()] == [2, 2]
    assert repr(entry).startswith("{'step': tensor(2.)")
    with pytest.raises(KeyError):
        optimizer.state[autograd.ones(1)]


@pytest.mark.parametrize(
    "reset",
    [
        lambda optimizer, p: optimizer.state.clear(),
        lambda optimizer, p: setattr(optimizer, "state", collections.defaultdict(dict)),
        lambda optimizer, p: optimizer.state.pop(p),
        lambda optimizer, p: optimizer.state.__setitem__(p, {}),
        lambda optimizer, p: optimizer.state[p].update(step=0.0, exp_avg=np.zeros(2), exp_avg_sq=np.zeros(2)),
    ],
)
def test_what_is_written_into_the_state_counts(reset):
    optimizer, (a, _) = stepped(1.0, 2.0)
    fresh, (c, _) = stepped(1.0, 2.0)
    a.data.copy_(autograd.tensor([1.0, 2.0]))
    reset(optimizer, a)
    optimizer.step()
    assert a.tolist() == c.tolist()  # its step was again the first
    assert optimizer.state[a]["exp_avg"].tolist() == fresh.state[c]["exp_avg"].tolist()


def test_one_number_or_array_of_the_state_is_set():
    optimizer, (a, b) = stepped(1.0, 2.0)
    optimizer.state[a]["step"] = 7
    optimizer.state[a]["exp_avg"] = autograd.tensor([3.0, 4.0])
    optimizer.state[b]["exp_avg"].zero_()
    assert (optimizer.state[a]["step"].item(), optimizer.state[b]["step"].item()) == (7, 1)
    assert optimizer.state_dict()["state"][0]["exp_avg"].tolist() == [3.0, 4.0]
    assert optimizer.state_dict()["state"][1]["exp_avg"].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"exp_avg has shape \(3,\)"):
        optimizer.state[a]["exp_avg"] = autograd.ones(3)
    del optimizer.state[b]
    assert list(optimizer.state_dict()["state"]) == [0]


def test_the_state_is_empty_before_the_first_step():
    w = autograd.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.5)
    assert (dict(optimizer.state[w]), len(optimizer.state), w in optimizer.state) == ({}, 0, False)
    assert optimizer.state.get(w) is None
    optimizer.state[w].update(step=autograd.tensor(3.0), exp_avg=autograd.ones(2), exp_avg_sq=autograd.ones(2))
    w.grad = autograd.ones(2)
    optimizer.step()
    assert optimizer.state.get(w)["step"].item() == 4
    np.testing.assert_allclose(w.detach(), np.array([1.0, 2.0]) - 0.5 / (1 - 0.9**4) * np.sqrt(1 - 0.999**4), rtol=1e-5)


def test_what_an_optimizer_does_not_keep_is_not_lost_in_silence():
    optimizer, (a, b) = stepped(1.0, 2.0)
    before = optimizer.state_dict()["state"]
    with pytest.raises(ValueError, match="no 'slow' in its state, only"):
        optimizer.state[a]["slow"] = autograd.ones(2)
    with pytest.raises(ValueError, match="that of the optimizer's parameters, got str as key"):
        optimizer.state["epoch"] = 3
    after = optimizer.state_dict()["state"]
    assert {i: {k: v.tolist() for k, v in e.items()} for i, e in after.items()} == {
        i: {k: v.tolist() for k, v in e.items()} for i, e in before.items()
    }
    optimizer.step()
    assert optimizer.state[b]["step"].item() == 2


def test_a_parameter_of_two_groups_has_one_number():
    optimizer, _ = stepped(1.0, 2.0)
    optimizer.param_groups.append(dict(optimizer.param_groups[0]))
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0, 1], [0, 1]]
    assert list(state["state"]) == [0, 1]


class Lookahead(optim.Optimizer):
    """As one wraps an optimizer in PyTorch: without the base's __init__, with a method ``update`` of its own."""

    def __init__(self, optimizer, k=2, alpha=0.5):
        self.optimizer, self.k, self.alpha = optimizer, k, alpha
        self.defaults, self.param_groups = optimizer.defaults, optimizer.param_groups
        self.state = collections.defaultdict(dict)
        for group in self.param_groups:
            group["counter"] = 0

    def update(self, group):
        for fast in group["params"]:
            state = self.state[fast]
            if "slow" not in state:
                state["slow"] = fast.data.clone()
            state["slow"] += (fast.data - state["slow"]) * self.alpha
            fast.data.copy_(state["slow"])

    def step(self, closure=None):
        loss = self.optimizer.step(closure)
        for group in self.param_groups:
            if group["counter"] == 0:
                self.update(group)
            group["counter"] = (group["counter"] + 1) % self.k
        return loss


def test_an_optimizer_around_another():
    w = autograd.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
    lookahead = Lookahead(optim.SGD([w], lr=0.25))
    scheduler = optim.lr_scheduler.StepLR(lookahead, 1, 0.5)
    fast, slow, rate = np.array([1.0, 2.0]), None, 0.25
    for step in range(6):
        lookahead.zero_grad()
        (w * w).sum().backward()
        lookahead.step()
        scheduler.step()
        fast = fast - rate * 2 * fast
        if step % 2 == 0:
            slow = fast if slow is None else slow + 0.5 * (fast - slow)
            fast = slow
        rate /= 2
        assert w.tolist() == fast.tolist()
    assert lookahead.state_dict()["state"][0]["slow"].tolist() == slow.tolist()
    assert lookahead.optimizer.state == {}
    copied = copy.deepcopy(lookahead)
    assert next(iter(copied.state.values()))["slow"].tolist() == slow.tolist()
