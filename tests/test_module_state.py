"""Attributes, state dicts and conversions of modules: what is registered, saved, loaded and converted."""

import copy
from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", autograd.zeros(2))
        self.scale = nn.Parameter(autograd.ones(1))
        self.register_parameter("nothing", None)
        self.register_buffer("scratch", autograd.ones(1), persistent=False)

    def forward(self, x):
        self.count = self.count + 1
        return self.layer(x) * self.scale


def test_state_has_pytorchs_keys_in_its_order():
    model = Net()
    assert list(model.state_dict()) == ["scale", "count", "layer.weight", "layer.bias"]
    assert list(model.state_dict(prefix="a."))[-1] == "a.layer.bias"
    assert model.state_dict(keep_vars=True)["scale"] is model.scale
    into = OrderedDict(x=1)
    assert model.state_dict(destination=into) is into
    assert list(into)[:2] == ["x", "scale"]
    assert model.state_dict(into, "by place.", True)["by place.scale"] is model.scale


def test_a_tensor_set_in_place_of_a_buffer_is_a_buffer():
    model = Net()
    model(autograd.zeros(1, 2))
    assert model.count.tolist() == [1.0, 1.0]
    assert [name for name, _ in model.named_buffers()] == ["count", "scratch"]
    model.scratch = autograd.zeros(3)
    assert "scratch" not in model.state_dict()


def test_a_buffer_keeps_its_place_in_the_graph():
    model = Net()
    x = autograd.ones(2).requires_grad_()
    model.count = x * 3
    model.count.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_parameter_is_replaced_by_parameters_only():
    model = Net()
    with pytest.raises(TypeError, match=r"Net\.scale is a Parameter; set it to a Parameter or None"):
        model.scale = autograd.zeros(1)
    model.lin = nn.Linear(1, 1)
    for name, value, kind in [("scale", 3, "Parameter"), ("scale", nn.ReLU(), "Parameter"), ("count", 3, "buffer"),
                              ("lin", 3, "module"), ("lin", autograd.zeros(1), "module")]:  # fmt: skip
        with pytest.raises(TypeError, match=rf"Net\.{name} is a {kind}; set it to"):
            setattr(model, name, value)
    model.lin = nn.Tanh()
    model.scale = None
    assert "scale" not in model.state_dict()
    model.register_parameter("scale", nn.Parameter(autograd.zeros(4)))
    assert model.scale.shape == (4,)


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (lambda m: m.register_buffer("a.b", autograd.ones(1)), KeyError, "'a.b' cannot be the name of a buffer"),
        (lambda m: m.register_buffer("forward", autograd.ones(1)), KeyError, "'forward' cannot be the name"),
        (lambda m: m.register_buffer("scale", autograd.ones(1)), KeyError, "'scale' cannot be the name"),
        (lambda m: m.register_buffer("b", 3), TypeError, "'b' must be a Tensor or None, got int"),
        (
            lambda m: m.register_parameter("p", autograd.ones(1)),
            TypeError,
            "'p' must be a Parameter or None, got Tensor",
        ),
        (lambda m: m.register_parameter("", None), KeyError, "'' cannot be the name of a parameter"),
        (lambda m: m.register_parameter(3, None), TypeError, "a name must be a string, got int"),
        (lambda m: m.add_module("z", 3), TypeError, "'z' must be a Module or None, got int"),
        (lambda m: m.register_module("train", nn.ReLU()), KeyError, "'train' cannot be the name of a module"),
    ],
)
def test_registering_refuses(register, error, message):
    model = Net()
    before = list(vars(model))
    with pytest.raises(error, match=message):
        register(model)
    assert list(vars(model)) == before


def test_everything_that_does_not_fit_is_named_and_nothing_is_loaded():
    model = Net()
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    state = {"count": np.zeros(2), "layer.weight": np.zeros((2, 2), complex), "layer.bias": np.zeros(3), "more": 1}
    with pytest.raises(autograd.StateDictError) as caught:
        model.load_state_dict(state)
    assert str(caught.value) == (
        "load_state_dict for Net, of which nothing was loaded: missing keys: scale; unexpected keys: more; "
        "layer.weight has dtype float32 here, but complex128 in the state dict; "
        "layer.bias has shape (2,) here, but (3,) in the state dict; pass strict=False to load what fits"
    )
    assert isinstance(caught.value, (RuntimeError, KeyError))
    with pytest.raises(autograd.DtypeError, match="scale must be a Tensor or an array of numbers, got str"):
        model.load_state_dict({"scale": "text"}, strict=False)
    with pytest.raises(TypeError, match="expected a dict of Tensors by path, got list"):
        model.load_state_dict([1])
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_assigning_keeps_dtype_and_requires_grad():
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    model.load_state_dict({"weight": autograd.zeros(2, 2, dtype="float64"), "bias": np.ones(2)}, assign=True)
    assert (model.weight.dtype, model.weight.requires_grad) == (autograd.float64, True)
    assert (model.bias.tolist(), model.bias.requires_grad) == ([1.0, 1.0], False)
    assert [type(p) for p in model.parameters()] == [nn.Parameter] * 2


def test_hooks_around_state_dict():
    model, seen = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1, bias=False))), []
    inner = model[1][0]
    inner.register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append((module, prefix, keep_vars)))
    inner.register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.update({f"{prefix}w": state.pop(f"{prefix}weight")})
    )
    model.register_state_dict_post_hook(lambda module, state, prefix, metadata: seen.append(list(state)))
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.0.w"]
    assert seen == [(inner, "1.0.", False), ["0.weight", "0.bias", "1.0.w"]]
    assert list(model.state_dict(prefix="net."))[-1] == "net.1.0.w"
    handle = model.register_state_dict_post_hook(lambda *args: 1)
    with pytest.raises(TypeError, match="returned int; it must return None"):
        model.state_dict()
    handle.remove()
    model.state_dict()


def test_hooks_around_load_state_dict():
    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        state[f"{prefix}weight"] = state.pop(f"{prefix}w")

    def forgive(module, keys):
        seen.append((module.bias.item(), *map(list, keys)))
        keys.missing_keys.clear()

    model, seen = nn.Sequential(nn.Linear(1, 1)), []
    given = {"0.w": autograd.tensor([[3.0]])}
    model[0].register_load_state_dict_pre_hook(rename)
    with pytest.raises(autograd.StateDictError, match=r"nothing was loaded: missing keys: 0\.bias; pass strict=False"):
        model.load_state_dict(given)
    handle = model[0].register_load_state_dict_post_hook(forgive)
    nn.init.zeros_(model[0].bias)
    assert model.load_state_dict(given) == ([], [])
    assert seen == [(0.0, ["0.bias"], [])]
    assert model[0].weight.item() == 3.0
    assert list(given) == ["0.w"]
    with pytest.raises(autograd.StateDictError, match="what fits was loaded: unexpected keys: more"):
        model.load_state_dict({**given, "more": 1.0})
    handle.remove()
    model.register_load_state_dict_pre_hook(lambda *args: args[-1].append("too old"))
    with pytest.raises(autograd.StateDictError, match="too old"):
        model.load_state_dict(given, strict=False)


def test_extra_state_is_saved_and_loaded():
    class Counting(nn.Module):
        steps = 0

        def get_extra_state(self):
            return {"steps": self.steps}

        def set_extra_state(self, state):
            self.steps = state["steps"]

    model, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    model[0].steps = 7
    assert model.state_dict() == {"0._extra_state": {"steps": 7}}
    other.load_state_dict(model.state_dict())
    assert other[0].steps == 7


def test_modules_are_found_set_and_listed_by_path():
    model = nn.Sequential(Net())
    assert model.get_parameter("0.layer.weight") is model[0].layer.weight
    assert model.get_buffer("0.count") is model[0].count
    with pytest.raises(
        AttributeError, match=r"Linear has no parameter 'q' \(in '0.layer.q'\); it has \['weight', 'bias'\]"
    ):
        model.get_parameter("0.layer.q")
    model.set_submodule("0.layer", nn.Identity())
    assert type(model[0].layer) is nn.Identity
    with pytest.raises(AttributeError, match="no module 'other'"):
        model.set_submodule("0.other", nn.Identity(), strict=True)
    with pytest.raises(ValueError, match="expected a path and a Module, got '', Identity"):
        model.set_submodule("", nn.Identity())
    layer = nn.Linear(1, 1)
    shared = nn.Sequential(layer, layer)
    assert [path for path, _ in shared.named_modules()] == ["", "0"]
    assert [path for path, _ in shared.named_modules(remove_duplicate=False)] == ["", "0", "1"]
    memo = {layer}
    assert [path for path, _ in shared.named_modules(memo)] == [""]
    assert shared in memo
    names = [name for name, _ in shared.named_parameters(remove_duplicate=False)]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_conversions_keep_parameters_gradients_and_integers():
    model = Net()
    model.register_buffer("steps", autograd.tensor(3))
    parameter = model.scale
    model(autograd.ones(1, 2)).sum().backward()
    assert model.double() is model
    assert model.scale is parameter
    assert (parameter.dtype, parameter.grad.dtype, model.steps.dtype) == ("float64", "float64", "int64")
    assert model(autograd.ones(1, 2, dtype="float64")).dtype == "float64"
    assert model.type(autograd.float32).steps.dtype == "float32"
    assert model.cpu() is model
    with pytest.raises(autograd.DtypeError, match=r"Module\.to: expected a floating or complex dtype, got int32"):
        model.to(autograd.int32)
    with pytest.raises(ValueError, match="there is no device 'cuda'"):
        nn.Identity().cuda()


def test_apply_visits_children_first():
    names = []
    nn.Sequential(Net()).apply(lambda module: names.append(type(module).__name__))
    assert names == ["Linear", "Net", "Sequential"]


def test_a_buffer_that_is_none_is_a_buffer_again_when_it_is_set():
    class Masked(nn.Module):
        def __init__(self):
            self.register_buffer("mask", None)
            self.register_buffer("scratch", None, persistent=False)
            self.register_parameter("gain", None)

    model = copy.deepcopy(Masked())
    for name in ("mask", "scratch"):
        setattr(model, name, autograd.ones(2))
    assert (list(model.state_dict()), len(list(model.buffers()))) == (["mask"], 2)
    model.mask = None
    assert list(model.state_dict()) == []
    model.mask = autograd.zeros(1)
    assert list(model.double().state_dict()) == ["mask"]
    assert model.mask.dtype == autograd.float64
    with pytest.raises(TypeError, match=r"Masked\.gain is a Parameter; set it to a Parameter or None"):
        model.gain = autograd.ones(1)
    model.gain = nn.Parameter(autograd.ones(1))
    assert list(model.state_dict()) == ["gain", "mask"]
    del model.mask
    model.mask = 3
    assert model.mask == 3


def test_what_a_child_makes_of_train_and_conversions_is_asked():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    class Timed(nn.Module):
        def __init__(self):
            self.times = autograd.arange(3.0)

        def _apply(self, fn):
            self.times = fn(self.times)
            return super()._apply(fn)

    model = nn.Sequential(nn.Sequential(Frozen(2)), Timed()).train()
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert model.double()[1].times.dtype == autograd.float64


def test_zeroing_gradients_takes_them_out_of_the_graph():
    layer = nn.Linear(2, 2)
    (layer(autograd.ones(1, 2)) ** 2).sum().backward(create_graph=True)
    layer.zero_grad(set_to_none=False)
    assert not layer.weight.grad.requires_grad
    assert layer.weight.grad.tolist() == [[0.0, 0.0]] * 2


class Renamed(nn.Module):
    """Reads the key that it wrote before, and keeps more than Tensors."""

    _version = 2

    def __init__(self):
        self.weight = nn.Parameter(autograd.zeros(2))

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}note"] = autograd.ones(1)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        self.version = local_metadata.get("version")
        state_dict.pop(f"{prefix}note", None)
        if f"{prefix}old" in state_dict:
            state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}old")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def test_a_class_says_how_its_state_is_written_and_read():
    model = nn.Sequential(Renamed(), nn.Linear(1, 1))
    assert list(model.state_dict()) == ["0.weight", "0.note", "1.weight", "1.bias"]
    given = {"0.old": autograd.ones(2), "1.weight": autograd.ones(1, 1), "1.bias": autograd.ones(3)}
    with pytest.raises(autograd.StateDictError, match=r"nothing was loaded: 1\.bias has shape"):
        model.load_state_dict(given)
    assert model[0].weight.tolist() == [0.0, 0.0]
    model.load_state_dict({**given, "1.bias": autograd.ones(1)})
    assert (model[0].weight.tolist(), model[0].version) == ([1.0, 1.0], None)
    assert model.load_state_dict(model.state_dict()) == ([], [])
    assert model[0].version == 2
    model[0]._load_from_state_dict({"old": autograd.full((2,), 5.0)}, "", {}, True, [], [], [])
    assert model[0].weight.tolist() == [5.0, 5.0]


def test_a_class_that_overrides_state_dict_does_so_as_a_child_too():
    class Extended(nn.Linear):
        def state_dict(self, **settings):
            found = super().state_dict(**settings)
            found[f"{settings.get('prefix', '')}more"] = 1
            return found

    assert list(nn.Sequential(Extended(1, 1, bias=False)).state_dict()) == ["0.weight", "0.more"]


def test_extra_state_without_a_taker_is_refused_before_anything_is_loaded():
    class Giving(nn.Linear):
        def get_extra_state(self):
            return 3

    class Taking(nn.Linear):
        def set_extra_state(self, state):
            self.taken = state

    model = Giving(1, 1, bias=False)
    with pytest.raises(autograd.StateDictError, match="unexpected keys: _extra_state"):
        model.load_state_dict({"weight": model.weight.detach() + 1, "_extra_state": 3})
    other = Taking(1, 1, bias=False)
    other.load_state_dict(model.state_dict())
    assert other.taken == 3
    with pytest.raises(RuntimeError, match="Taking has no extra state"):
        other.get_extra_state()


def test_batch_normalizations_of_before_the_count_are_loaded():
    source, layer = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    source(autograd.randn(4, 2))
    state = source.state_dict()
    del state["num_batches_tracked"]
    layer.load_state_dict(dict(state))
    assert layer.num_batches_tracked.item() == 0
    np.testing.assert_array_equal(layer.running_mean, source.running_mean)
    with pytest.raises(autograd.StateDictError, match="missing keys: num_batches_tracked"):
        layer.load_state_dict(state)


def test_assigning_takes_parameters_as_they_are():
    source, layer = nn.Linear(2, 2), nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    layer.load_state_dict(source.state_dict(keep_vars=True), assign=True)
    assert layer.weight is source.weight
    assert not layer.bias.requires_grad


def test_a_prefix_is_taken_as_it_is():
    assert list(nn.Linear(1, 1).state_dict(prefix="net_")) == ["net_weight", "net_bias"]


def test_a_module_is_not_put_over_something_else():
    model = nn.Sequential(nn.Linear(1, 1))
    for path in ("0.weight", "0.training"):
        with pytest.raises(AttributeError, match="Linear has no module"):
            model.set_submodule(path, nn.ReLU())
    assert model[0].training is True


def test_pytorchs_dicts_are_views_of_the_attributes():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    assert list(model._modules) == ["0", "1"]
    assert list(model[0]._parameters) == ["weight", "bias"]
    assert list(model[1]._buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    model._modules["0"] = nn.Tanh()
    del model._modules["1"]
    assert repr(model) == "Sequential(\n  (0): Tanh()\n)"
    assert (len(model._modules), model._modules.get("weight")) == (1, None)
    with pytest.raises(TypeError, match="'0' must be a Module or None, got int"):
        model._modules["0"] = 3


def test_a_subclass_asks_further_for_what_it_does_not_have():
    class Wrapper(nn.Module):
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("inner"), name)

    assert Wrapper(nn.Linear(3, 4)).out_features == 4
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'nothing'"):
        Wrapper(nn.Linear(3, 4)).nothing  # noqa: B018
    with pytest.raises(NotImplementedError, match=r"Module needs a method forward\(self, \.\.\.\)"):
        nn.Module()(1)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(2, 2, bias=False),
        nn.Conv2d(1, 1, 1, bias=False),
        nn.BatchNorm1d(2, affine=False),
        nn.LayerNorm(2, bias=False),
        nn.GroupNorm(1, 2, affine=False),
        nn.Bilinear(1, 1, 1, bias=False),
    ],
)
def test_what_is_learned_of_a_layer_without_it_must_be_a_parameter(layer):
    with pytest.raises(TypeError, match=r"\.bias is a Parameter; set it to a Parameter or None"):
        layer.bias = autograd.ones(2)
    layer.bias = nn.Parameter(autograd.ones(2))
    assert "bias" in layer.state_dict()


def test_statistics_of_a_layer_without_them_become_buffers():
    layer = nn.BatchNorm1d(2, track_running_stats=False)
    layer.running_mean = autograd.ones(2)
    assert "running_mean" in layer.state_dict()


def test_a_class_adds_to_how_it_is_unpickled():
    class Warm(nn.Linear):
        def __setstate__(self, state):
            super().__setstate__(state)
            self.warm = True

    twin = copy.deepcopy(Warm(1, 1))
    assert twin.warm
    assert "weight" in twin.state_dict()


def test_the_gradient_of_a_converted_buffer_arrives_in_the_users_tensor_in_its_dtype():
    mask = autograd.tensor([1.0, 2.0], requires_grad=True)
    model = nn.Module()
    model.register_buffer("mask", mask)
    assert model.double().mask.dtype == autograd.float64
    assert not model.mask.is_leaf
    (model.mask * 3).sum().backward()
    assert mask.grad.dtype == mask.dtype == autograd.float32
    assert mask.grad.tolist() == [3, 3]
    assert isinstance(model.mask, nn.Buffer)
