"""nn: modules are walked, saved, loaded, hooked and printed as in PyTorch; errors name the place."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from nn import init


def mlp():
    autograd.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


class Shared(nn.Module):
    def __init__(self):
        self.first = nn.Linear(2, 2)
        self.second = self.first
        self.scale = nn.Parameter([1.0])
        self.mean = nn.Buffer([0.0])
        self.scratch = nn.Buffer([0.0], persistent=False)

    def forward(self, x):
        return self.second(self.first(x)) * self.scale


def test_parameters_are_found_in_the_order_of_definition():
    names = [name for name, _ in mlp().named_parameters()]
    assert names == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [p.shape for p in mlp().parameters()] == [(5, 4), (5,), (3, 5), (3,)]


def test_shared_modules_and_parameters_come_once_but_are_saved_under_every_name():
    model = Shared()
    assert [name for name, _ in model.named_parameters()] == ["scale", "first.weight", "first.bias"]
    assert [name for name, _ in model.named_modules()] == ["", "first"]
    assert list(model.state_dict()) == [
        "scale", "mean", "first.weight", "first.bias", "second.weight", "second.bias",
    ]  # fmt: skip
    assert [name for name, _ in model.named_buffers()] == ["mean", "scratch"]


def test_a_parameter_set_later_is_found_and_a_deleted_one_is_not():
    model = nn.Linear(2, 2)
    model.extra = nn.Parameter([1.0])
    del model.bias
    assert [name for name, _ in model.named_parameters()] == ["weight", "extra"]


def test_a_module_needs_no_super_init():
    class Plain(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([2.0])

        def forward(self, x):
            return x * self.weight

    model = Plain()
    assert model.training
    assert model(autograd.tensor([3.0])).tolist() == [6.0]
    assert not model.eval().training


def test_train_and_eval_reach_all_modules():
    model = nn.Sequential(mlp(), nn.Tanh())
    model.eval()
    assert [m.training for m in model.modules()] == [False] * 6
    model.train()
    assert [m.training for m in model.modules()] == [True] * 6
    with pytest.raises(ValueError, match="True or False, got 'eval'"):
        model.train("eval")


@pytest.mark.parametrize(
    ("of", "weights", "expected"),
    [("int64", "float32", "float32"), ("bool", "float16", "float16"), ("float64", "float32", "float64")],
)
def test_linear_promotes_as_a_matrix_product_does(of, weights, expected):
    x, w = autograd.ones(2, 3, dtype=of), autograd.ones(4, 3, dtype=weights, requires_grad=True)
    y = nn.functional.linear(x, w, autograd.zeros(4, dtype=weights))
    y.sum().backward()
    assert (y.dtype, (x @ w.T).dtype, w.grad.dtype) == (expected, expected, weights)


def test_linear_is_initialised_within_pytorch_bounds():
    autograd.manual_seed(0)
    layer = nn.Linear(400, 300)
    bound = 1 / np.sqrt(400)
    for p in layer.parameters():
        values = p.detach().numpy()
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.95 * bound
        assert abs(values.mean()) < 0.1 * bound


def test_state_dict_shares_memory_and_round_trips():
    a, b = mlp(), mlp()
    state = a.state_dict()
    assert np.shares_memory(state["0.weight"].numpy(), next(a.parameters()).detach().numpy())
    with autograd.no_grad():
        for p in b.parameters():
            p.copy_(p * 0 + 7)
    assert repr(b.load_state_dict(state)) == "<All keys matched successfully>"
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
        assert not np.shares_memory(p.detach().numpy(), q.detach().numpy())


def test_load_state_dict_reports_keys_and_changes_nothing_on_a_wrong_shape():
    model = mlp()
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    state = OrderedDict((k, np.zeros(v.shape)) for k, v in before.items())
    with pytest.raises(KeyError, match=r"missing keys: 2\.bias; unexpected keys: extra; pass strict=False"):
        model.load_state_dict({**{k: v for k, v in state.items() if k != "2.bias"}, "extra": 1})
    state["2.bias"] = np.zeros(4)
    with pytest.raises(autograd.ShapeError, match=r"2\.bias has shape \(3,\) here, but \(4,\)"):
        model.load_state_dict(state)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])
    keys = model.load_state_dict({"0.bias": np.ones(5), "extra": 1}, strict=False)
    assert keys.missing_keys == ["0.weight", "2.weight", "2.bias"]
    assert keys.unexpected_keys == ["extra"]
    assert model.state_dict()["0.bias"].tolist() == [1.0] * 5


def test_an_error_inside_names_the_module_path():
    model = nn.Sequential(OrderedDict(body=mlp(), head=nn.Linear(9, 1)))
    with pytest.raises(autograd.ShapeError) as caught:
        model(autograd.ones(2, 4))
    text = str(caught.value)
    assert "linear(x=float32[2, 3]" in text
    assert "[in module Sequential.head, a Linear]" in text
    with pytest.raises(autograd.ShapeError, match=r"\[in module Sequential\.body\.0, a Linear\]"):
        model(autograd.ones(2, 7))


def test_hooks_see_and_replace_arguments_and_outputs():
    layer = nn.Linear(2, 1)
    seen = []
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    after = layer.register_forward_hook(lambda module, args, out: seen.append(args[0].tolist()) or out + 1)
    out = layer(autograd.ones(1, 2))
    assert seen == [[[0.0, 0.0]]]
    np.testing.assert_allclose(out.detach().numpy()[0], layer.bias.detach().numpy() + 1)
    before.remove()
    after.remove()
    layer(autograd.ones(1, 2))
    assert len(seen) == 1


def test_reprs():
    assert repr(mlp()) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=5, bias=True)\n"
        "  (1): ReLU()\n"
        "  (2): Linear(in_features=5, out_features=3, bias=True)\n"
        ")"
    )
    assert repr(nn.Softmax(dim=1)) == "Softmax(dim=1)"
    assert repr(nn.Parameter([1.0])) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_sequential_indexing_and_names():
    model = mlp()
    assert len(model) == 3
    assert isinstance(model[1], nn.ReLU)
    assert isinstance(model[-1], nn.Linear)
    assert [type(m).__name__ for m in model[:2]] == ["Linear", "ReLU"]
    model.append(nn.Tanh())
    assert [name for name, _ in model.named_children()] == ["0", "1", "2", "3"]
    with pytest.raises(TypeError, match="item 0 must be a Module, got int"):
        nn.Sequential(3)
    with pytest.raises(KeyError, match="cannot be the name"):
        nn.Sequential(OrderedDict({"a.b": nn.Tanh()}))


def test_zero_grad_requires_grad_apply_and_to():
    model = mlp()
    model(autograd.ones(1, 4)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.requires_grad_(False)
    assert not model(autograd.ones(1, 4)).requires_grad
    kinds = []
    model.apply(lambda m: kinds.append(type(m).__name__))
    assert kinds[-1] == "Sequential"
    assert sorted(kinds) == ["Linear", "Linear", "ReLU", "Sequential"]
    model.requires_grad_(True)
    model.double()
    assert {p.dtype for p in model.parameters()} == {np.dtype("float64")}
    model(autograd.ones(1, 4, dtype="float64")).sum().backward()
    assert next(model.parameters()).grad.dtype == np.float64


def test_copies_and_pickles_are_independent_and_equal():
    model = mlp()
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        x = autograd.ones(2, 4)
        np.testing.assert_array_equal(made(x).detach().numpy(), model(x).detach().numpy())
        assert [type(p) for p in made.parameters()] == [nn.Parameter] * 4
        assert all(p.requires_grad for p in made.parameters())
        with autograd.no_grad():
            next(made.parameters()).copy_(0)
        assert next(model.parameters()).abs().sum().item() > 0


def test_get_submodule():
    model = nn.Sequential(mlp())
    assert model.get_submodule("0.2") is model[0][2]
    assert model.get_submodule("") is model
    with pytest.raises(AttributeError, match="has no module '7'"):
        model.get_submodule("0.7")


def test_losses_are_their_functions():
    x = autograd.randn(6, 4)
    y = autograd.tensor([0, 1, 2, 3, 0, 1])
    weight = autograd.tensor([1.0, 2.0, 3.0, 4.0])
    loss = nn.CrossEntropyLoss(weight, ignore_index=3, label_smoothing=0.1)
    expected = F.cross_entropy(x, y, weight=weight, ignore_index=3, label_smoothing=0.1)
    assert loss(x, y).item() == expected.item()
    log = F.log_softmax(x, 1)
    assert nn.NLLLoss()(log, y).item() == pytest.approx(nn.CrossEntropyLoss()(x, y).item(), rel=1e-6)
    assert nn.MSELoss(reduction="sum")(x, x + 2).item() == pytest.approx(96, rel=1e-5)
    with pytest.raises(ValueError, match="reduction must be 'mean', 'sum' or 'none', got 'max'"):
        nn.MSELoss(reduction="max")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.ReLU(), F.relu), (nn.Sigmoid(), F.sigmoid), (nn.Tanh(), F.tanh), (nn.SiLU(), F.silu),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)), (nn.ELU(2.0), lambda x: F.elu(x, 2.0)),
        (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")),
        (nn.Softplus(2.0, 10.0), lambda x: F.softplus(x, 2.0, 10.0)),
        (nn.Softmax(0), lambda x: F.softmax(x, 0)), (nn.LogSoftmax(-1), lambda x: F.log_softmax(x, -1)),
        (nn.Identity(3, a=1), lambda x: x),
    ],
)  # fmt: skip
def test_activations_are_their_functions(module, function):
    x = autograd.linspace(-3, 3, 7)
    np.testing.assert_array_equal(module(x).numpy(), function(x).numpy())


class TestInit:
    w = staticmethod(lambda: autograd.empty(200, 300))

    def test_xavier(self):
        bound = 2 * np.sqrt(6 / 500)
        values = init.xavier_uniform_(self.w(), gain=2).numpy()
        assert 0.95 * bound < np.abs(values).max() <= bound
        assert init.xavier_normal_(self.w()).numpy().std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)

    def test_kaiming(self):
        std = np.sqrt(2 / 300)
        assert init.kaiming_normal_(self.w(), nonlinearity="relu").numpy().std() == pytest.approx(std, rel=0.02)
        std = np.sqrt(2 / 200)
        values = init.kaiming_uniform_(self.w(), mode="fan_out", nonlinearity="relu").numpy()
        assert values.std() == pytest.approx(std, rel=0.02)
        assert np.abs(values).max() <= np.sqrt(3) * std

    def test_constants_and_no_graph(self):
        p = nn.Parameter(autograd.empty(3))
        assert init.ones_(p) is p
        assert p.tolist() == [1.0, 1.0, 1.0]
        assert init.zeros_(p).tolist() == [0.0, 0.0, 0.0]
        assert init.constant_(p, 2.5).tolist() == [2.5] * 3
        assert p.is_leaf
        assert p.requires_grad

    def test_bad_arguments(self):
        with pytest.raises(autograd.ShapeError, match=r"kaiming_normal_: needs a weight of 2 dimensions.*\(3,\)"):
            init.kaiming_normal_(autograd.empty(3))
        with pytest.raises(ValueError, match="expected linear, sigmoid"):
            init.calculate_gain("swish")
        with pytest.raises(ValueError, match="'fan_in' or 'fan_out', got 'in'"):
            init.kaiming_normal_(self.w(), mode="in")


@pytest.mark.parametrize(
    ("kind", "args", "shape"),
    [
        (nn.Conv2d, (2, 3, 3, 1, 1, 1, 1, True, "circular"), (1, 2, 5, 5)),
        (nn.ConvTranspose2d, (2, 3, 3), (1, 2, 5, 5)),
        (nn.BatchNorm1d, (3,), (4, 3)),
        (nn.InstanceNorm1d, (3,), (4, 3, 5)),
        (nn.ReflectionPad2d, (1,), (1, 2, 5, 5)),
        (nn.MaxUnpool1d, (2,), (1, 2, 5)),
        (nn.LazyLinear, (3,), (2, 4)),
    ],
)
def test_attributes_of_a_layer_made_of_another_may_have_any_name(kind, args, shape):
    x = autograd.ones(shape)
    inputs = (x, autograd.arange(0, 10, 2).expand(shape)) if kind is nn.MaxUnpool1d else (x,)

    def found(layer):
        autograd.manual_seed(0)
        return layer(*inputs).shape, repr(layer).partition("(")[2]

    plain, named = kind(*args), type("Named", (kind,), {})(*args)
    for name in ("rank", "ranks", "size", "mode"):  # none of these layers has them in PyTorch
        setattr(named, name, 7)
    assert found(named) == found(plain)


def test_dir_names_what_can_be_written_after_a_dot():
    names = dir(nn.Sequential(nn.Linear(1, 1), nn.ReLU()))
    assert "forward" in names
    assert "0" not in names


@pytest.mark.parametrize("wrong", [{}, "V4", [("a", "f4")]])
def test_modules_are_not_converted_to_what_holds_no_numbers(wrong):
    model = nn.Linear(2, 2)
    with pytest.raises(autograd.DtypeError, match="a Tensor cannot hold dtype"):
        model.to(wrong)
    assert model.weight.dtype == autograd.float32


@pytest.mark.parametrize("clip", [nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_])
def test_clipping_the_gradients_of_a_used_up_iterator_warns(clip):
    parameters = nn.Linear(2, 2).parameters()
    list(parameters)
    with pytest.warns(UserWarning, match="there are no parameters, so nothing is clipped; was the iterator used up"):
        clip(parameters, 1.0)
    clip([], 1.0)
