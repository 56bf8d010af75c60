"""Containers: lists and dicts of modules and parameters, numbered, named, printed and saved as in PyTorch."""

import copy
from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn


def linears(count=3):
    return [nn.Linear(1, 1) for _ in range(count)]


def kinds(modules):
    return [type(module).__name__ for module in modules]


def test_module_list_is_a_list():
    modules = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    modules.append(nn.Tanh()).extend([nn.Sigmoid()]).insert(1, nn.ELU())
    assert kinds(modules) == ["Linear", "ELU", "ReLU", "Tanh", "Sigmoid"]
    assert kinds(modules[1:3]) == ["ELU", "ReLU"]
    assert isinstance(modules[1:3], nn.ModuleList)
    del modules[1]
    assert kinds([modules.pop(), modules[-1]]) == ["Sigmoid", "Tanh"]
    modules[0] = nn.Linear(2, 3)
    assert list(modules.state_dict()) == ["0.weight", "0.bias"]
    modules += [nn.GELU()]
    assert kinds(modules + [nn.ELU()]) == ["Linear", "ReLU", "Tanh", "GELU", "ELU"]
    assert [name for name, _ in modules.named_children()] == ["0", "1", "2", "3"]


def test_none_keeps_a_place_free_in_a_module_list():
    stages = nn.ModuleList([nn.Linear(1, 1), None])
    stages.append(None).insert(1, nn.Tanh())
    assert kinds(stages) == ["Linear", "Tanh", "NoneType", "NoneType"]
    assert kinds(stages.children()) == ["Linear", "Tanh"]
    stages[3] = nn.Linear(2, 2)
    assert list(stages.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    stages[0] = None
    assert list(stages.eval().state_dict()) == ["3.weight", "3.bias"]
    assert kinds(stages[:2]) == ["NoneType", "Tanh"]
    assert stages.pop(0) is None
    assert len(stages) == 3
    assert repr(nn.ModuleList([None, None])) == "ModuleList(\n  (0-1): 2 x None\n)"


def test_module_list_folds_equal_items_in_its_repr():
    assert repr(nn.ModuleList([*linears(), nn.ReLU()])) == (
        "ModuleList(\n"
        "  (0-2): 3 x Linear(in_features=1, out_features=1, bias=True)\n"
        "  (3): ReLU()\n"
        ")"
    )  # fmt: skip


def test_a_bad_item_changes_nothing():
    modules = nn.ModuleList([nn.ReLU()])
    with pytest.raises(TypeError, match="ModuleList: item 2 must be a Module, got int"):
        modules.extend([nn.ReLU(), 3])
    with pytest.raises(TypeError, match="expected several items, got int"):
        modules.extend(3)
    with pytest.raises(IndexError, match="index 5 is out of range for 1 items"):
        modules[5]
    with pytest.raises(IndexError, match="index 2 is out of range"):
        modules.insert(2, nn.ReLU())
    assert kinds(modules) == ["ReLU"]


def test_sequential_is_sliced_repeated_and_joined():
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    twice = model * 2
    assert kinds(twice) == ["Linear", "ReLU"] * 2
    assert twice[0] is model[0]
    assert twice[2] is model[0]
    assert len(list(twice.parameters())) == 2
    joined = model + nn.Sequential(nn.Tanh())
    assert kinds(joined) == ["Linear", "ReLU", "Tanh"]
    del joined[1]
    assert list(joined.state_dict()) == ["0.weight", "0.bias"]
    model *= 2
    assert len(model) == 4
    assert model[2] is model[0]
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.ELU()))
    assert [name for name, _ in named[1:].named_children()] == ["b", "c"]
    with pytest.raises(TypeError, match=r"another Sequential after '\+', got list"):
        model + [nn.ReLU()]
    with pytest.raises(ValueError, match="positive number of repetitions, got 0"):
        model * 0


def test_module_dict_is_a_dict():
    modules = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    modules["c"] = nn.Tanh()
    modules.update([("d", nn.ELU())])
    assert list(modules) == list(modules.keys()) == ["a", "b", "c", "d"]
    assert "a" in modules
    assert "z" not in modules
    assert kinds(modules.values()) == ["ReLU", "Linear", "Tanh", "ELU"]
    assert list(modules.state_dict()) == ["b.weight", "b.bias"]
    del modules["a"]
    assert type(modules.pop("c")) is nn.Tanh
    assert len(modules) == 2
    modules.clear()
    assert len(modules) == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: m.update({"x": nn.ReLU(), "y": 3}), TypeError, "item y must be a Module, got int"),
        (lambda m: m.update({"x": nn.ReLU(), "keys": nn.ReLU()}), KeyError, "'keys' cannot be the name of an item"),
        (lambda m: m.__setitem__("a.b", nn.ReLU()), KeyError, "'a.b' cannot be the name"),
        (lambda m: m.__setitem__(3, nn.ReLU()), TypeError, "a key must be a string, got int"),
        (lambda m: m["z"], KeyError, r"there is no item 'z'; there are \['a'\]"),
        (lambda m: m.update(3), TypeError, "expected a dict or pairs, got int"),
    ],
)
def test_module_dict_refuses(change, error, message):
    modules = nn.ModuleDict({"a": nn.ReLU()})
    with pytest.raises(error, match=message):
        change(modules)
    assert list(modules) == ["a"]


def test_parameter_list_makes_parameters_of_tensors():
    held = nn.ParameterList([autograd.zeros(2), nn.Parameter(autograd.ones(1))])
    held.append(autograd.zeros(2, 3))
    assert [name for name, _ in held.named_parameters()] == ["0", "1", "2"]
    assert all(parameter.requires_grad for parameter in held)
    assert repr(held) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [float32 of size 2]\n"
        "    (1): Parameter containing: [float32 of size 1]\n"
        "    (2): Parameter containing: [float32 of size 2x3]\n"
        ")"
    )  # fmt: skip
    assert type(held[:2]) is nn.ParameterList
    held[0] = autograd.ones(5)
    assert [p.shape for p in held.parameters()] == [(5,), (1,), (2, 3)]


def test_parameter_dict_makes_parameters_of_tensors():
    held = nn.ParameterDict({"a": autograd.zeros(2)})
    held["b"] = nn.Parameter(autograd.ones(1))
    assert list(held.state_dict()) == ["a", "b"]
    assert held.get("z") is None
    assert held.setdefault("c", autograd.ones(3)).requires_grad
    assert list(held | nn.ParameterDict({"d": autograd.ones(1)})) == ["a", "b", "c", "d"]
    assert list(reversed(held)) == ["c", "b", "a"]
    assert held.popitem()[0] == "c"
    assert held.copy()["a"] is held["a"]


def test_a_plain_dict_of_parameters_is_ordered_by_name_as_in_pytorch():
    held = nn.ParameterDict({"b": autograd.zeros(1), "a": autograd.zeros(2)})
    held.update(OrderedDict(d=autograd.zeros(1), c=autograd.zeros(1)))
    held.update([("f", autograd.zeros(1)), ("e", 3)])
    assert list(held) == list(held.copy()) == ["a", "b", "d", "c", "f", "e"]
    assert list(held.state_dict()) == ["a", "b", "d", "c", "f"]
    del held["a"]
    held["a"] = autograd.zeros(1)
    assert held.keys() == {"b", "d", "c", "f", "e", "a"}
    assert list(held)[-1] == "a"
    assert list({"x": 1} | held)[:2] == ["x", "b"]


def test_other_attributes_are_no_items():
    class Scaled(nn.ParameterDict):
        def __init__(self, parameters):
            super().__init__(parameters)
            self.scale = 2

    held = Scaled({"a": autograd.zeros(1)})
    held.register_buffer("mask", None)
    held.offset = nn.Parameter(autograd.ones(1))
    assert (list(held), len(held)) == (["a"], 1)
    assert list(copy.deepcopy(held).state_dict()) == ["a", "offset"]
    with pytest.raises(KeyError, match="'scale' cannot be the name of an item"):
        held["scale"] = autograd.zeros(1)


def test_an_item_that_is_a_parameter_is_not_lost():
    held, listed = nn.ParameterDict({"a": autograd.zeros(1)}), nn.ParameterList([autograd.zeros(1)])
    with pytest.raises(TypeError, match=r"ParameterDict\.a is a Parameter; set it to a Parameter or None"):
        held["a"] = 3
    with pytest.raises(TypeError, match=r"ParameterList\.0 is a Parameter"):
        listed[0] = 3
    listed[0] = autograd.ones(2)
    assert listed[0].requires_grad


def test_items_of_containers_are_trained():
    class Tower(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList(linears(2))
            self.scales = nn.ParameterList([autograd.ones(1)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x * self.scales[0]

    model = Tower()
    model(autograd.ones(1, 1)).sum().backward()
    assert all(np.isfinite(p.grad.item()) for p in model.parameters())
    assert len(list(model.parameters())) == 5
