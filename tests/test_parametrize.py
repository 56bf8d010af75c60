"""Parametrizations: what is trained, what is computed, what is saved; and calls with other parameters."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
import optim
from nn.utils import parametrizations, parametrize
from nn.utils.stateless import functional_call


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, value):
        return value / 2


def layer(inputs=3, outputs=3):
    autograd.manual_seed(0)
    return nn.Linear(inputs, outputs)


def test_a_parametrized_weight_is_computed_and_its_original_trained():
    module = parametrize.register_parametrization(layer(), "weight", Symmetric())
    assert (module.weight == module.weight.T).all()
    assert list(module.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert repr(module).startswith("ParametrizedLinear(\n  in_features=3")
    module(autograd.ones(1, 3)).sum().backward()
    grad = module.parametrizations.weight.original.grad
    assert grad.tolist() == [[1.0, 2.0, 2.0], [0.0, 1.0, 2.0], [0.0, 0.0, 1.0]]


def test_right_inverse_keeps_the_value_and_allows_setting():
    module = layer()
    before = module.weight.detach().clone()
    parametrize.register_parametrization(module, "weight", Doubled())
    np.testing.assert_array_equal(module.weight.detach(), before)
    np.testing.assert_array_equal(module.parametrizations.weight.original.detach(), before / 2)
    module.weight = before * 4
    np.testing.assert_array_equal(module.weight.detach(), before * 4)
    parametrize.register_parametrization(module, "weight", Symmetric())
    with pytest.raises(RuntimeError, match="Symmetric cannot be set: it has no right_inverse"):
        module.weight = before


def test_removing_leaves_a_plain_parameter_and_copies_alone():
    module = parametrize.register_parametrization(layer(), "weight", Doubled())
    parametrize.register_parametrization(module, "bias", Doubled())
    twin = copy.deepcopy(module)
    value = module.weight.detach().clone()
    parametrize.remove_parametrizations(module, "weight")
    assert type(module.weight) is nn.Parameter
    np.testing.assert_array_equal(module.weight.detach(), value)
    assert parametrize.is_parametrized(module, "bias")
    parametrize.remove_parametrizations(module, "bias", leave_parametrized=False)
    assert type(module) is nn.Linear
    assert list(module.state_dict()) == ["weight", "bias"]
    assert parametrize.is_parametrized(twin, "weight")
    np.testing.assert_array_equal(twin.weight.detach(), value)
    assert parametrize.type_before_parametrizations(twin) is nn.Linear


def test_cached_computes_once():
    module = parametrize.register_parametrization(layer(), "weight", Symmetric())
    assert module.weight is not module.weight
    with parametrize.cached():
        assert module.weight is module.weight


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda m: parametrize.register_parametrization(m, "q", Symmetric()), "no parameter or buffer 'q'"),
        (
            lambda m: parametrize.register_parametrization(m, "weight", nn.Linear(3, 1)),
            "of shape .3, 3., float32, into",
        ),
        (lambda m: parametrizations.orthogonal(m, "bias"), "expected a matrix or several, 'bias' has shape"),
        (lambda m: parametrizations.orthogonal(m, orthogonal_map="qr"), "orthogonal_map is 'matrix_exp'"),
        (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), "expected n_power_iterations > 0, got 0"),
        (lambda m: parametrize.remove_parametrizations(m, "weight"), "no parametrization of 'weight'"),
    ],
)
def test_refusals_change_nothing(register, message):
    module = layer()
    with pytest.raises(ValueError, match=message):
        register(module)
    assert type(module) is nn.Linear
    assert list(module.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize(("dim", "shape"), [(0, (4, 1)), (1, (1, 3)), (None, ())])
def test_weight_norm_trains_length_and_direction(dim, shape):
    module = layer(3, 4)
    before = module.weight.detach().numpy().copy()
    parametrizations.weight_norm(module, dim=dim)
    assert list(module.state_dict()) == [
        "bias", "parametrizations.weight.original0", "parametrizations.weight.original1",
    ]  # fmt: skip
    length = module.parametrizations.weight.original0
    assert length.shape == shape
    np.testing.assert_allclose(module.weight.detach(), before, rtol=1e-6)
    with autograd.no_grad():
        length.mul_(2)
    np.testing.assert_allclose(module.weight.detach(), before * 2, rtol=1e-6)


def test_spectral_norm_makes_the_largest_singular_value_1():
    module = parametrizations.spectral_norm(layer(5, 4), n_power_iterations=5)
    for _ in range(10):
        module(autograd.ones(1, 5))
    assert np.linalg.svd(module.weight.detach().numpy())[1][0] == pytest.approx(1, rel=1e-4)
    module.eval()
    before = module.parametrizations.weight[0]._u.tolist()
    module(autograd.ones(1, 5)).sum().backward()
    assert module.parametrizations.weight[0]._u.tolist() == before
    assert np.abs(module.parametrizations.weight.original.grad.numpy()).max() > 0


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
@pytest.mark.parametrize("map_", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("trivialized", [True, False])
def test_orthogonal_stays_orthogonal_in_training(shape, map_, trivialized):
    module = parametrizations.orthogonal(layer(*shape), orthogonal_map=map_, use_trivialization=trivialized)
    original = module.parametrizations.weight.original
    for _ in range(3):
        module(autograd.ones(2, shape[0])).square().sum().backward()
        with autograd.no_grad():
            original.sub_(0.05 * original.grad)
        original.grad = None
    weight = module.weight.detach().numpy()
    weight = weight if weight.shape[0] <= weight.shape[1] else weight.T
    np.testing.assert_allclose(weight @ weight.T, np.eye(3), atol=1e-5)


def test_functional_call_uses_other_parameters_and_restores():
    module = layer(2, 1)
    held = module.weight
    weight = autograd.tensor([[2.0, 3.0]], requires_grad=True)
    out = functional_call(module, {"weight": weight, "bias": autograd.zeros(1)}, autograd.ones(1, 2))
    assert out.tolist() == [[5.0]]
    out.sum().backward()
    assert weight.grad.tolist() == [[1.0, 1.0]]
    assert module.weight is held
    assert held.grad is None
    with pytest.raises(autograd.ShapeError):
        functional_call(module, {"weight": weight}, autograd.ones(1, 3))
    assert module.weight is held
    with pytest.raises(autograd.StateDictError, match=r"unknown paths \['w'\], missing paths \[\]"):
        functional_call(module, {"w": weight}, autograd.ones(1, 2))
    with pytest.raises(autograd.StateDictError, match=r"missing paths \['bias'\]"):
        functional_call(module, {"weight": weight}, autograd.ones(1, 2), strict=True)


def test_functional_call_ties_shared_weights():
    shared = layer(1, 1)
    model = nn.Sequential(shared, shared)
    with autograd.no_grad():
        shared.bias.zero_()
    two = {"0.weight": autograd.tensor([[2.0]])}
    assert functional_call(model, two, autograd.ones(1, 1)).tolist() == [[4.0]]


@pytest.mark.parametrize("map_", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivialized", [True, False])
def test_orthogonal_keeps_each_matrix_of_a_batch_orthogonal(map_, trivialized):
    module = nn.Conv2d(2, 3, (2, 3), dtype=autograd.float64)
    parametrizations.orthogonal(module, orthogonal_map=map_, use_trivialization=trivialized)
    if trivialized or map_ == "householder":
        module.weight = autograd.randn(3, 2, 2, 3, dtype=autograd.float64)
    module.weight.sin().sum().backward()
    original = module.parametrizations.weight.original
    with autograd.no_grad():
        original.sub_(0.05 * original.grad)
    weight = module.weight.detach().numpy()
    unit = np.broadcast_to(np.eye(2), (3, 2, 2, 2))
    np.testing.assert_allclose(weight @ np.swapaxes(weight, -1, -2), unit, atol=1e-12)


def test_what_is_trained_is_the_parameter_itself():
    module = layer()
    weight, other = module.weight, nn.Linear(3, 3)
    other.weight = weight
    optimizer = optim.SGD(module.parameters(), lr=0.1)
    parametrize.register_parametrization(module, "weight", Doubled())
    assert module.parametrizations.weight.original is weight
    assert len(list(nn.Sequential(module, other).parameters())) == 3
    before = module.weight.detach().clone()
    module(autograd.ones(1, 3)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(module.weight.detach(), before - 0.4, rtol=1e-5)
    parametrize.remove_parametrizations(module, "weight")
    assert module.weight is weight
    optimizer.zero_grad()
    module(autograd.ones(1, 3)).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(module.weight.detach(), before - 0.5, rtol=1e-5)


def test_a_further_parametrization_is_applied_to_what_there_is():
    module = layer()
    trained = module.weight.detach().clone()
    parametrize.register_parametrization(module, "weight", Symmetric())
    symmetric = module.weight.detach().clone()
    parametrize.register_parametrization(module, "weight", Doubled())
    np.testing.assert_array_equal(module.weight.detach(), 2 * symmetric)
    np.testing.assert_array_equal(module.parametrizations.weight.original.detach(), trained)
    assert module.parametrizations.weight.is_tensor
    assert module.parametrizations.weight.ntensors == 1


@pytest.mark.parametrize("value", [3, autograd.ones(3, 3, dtype="float64")])
def test_a_parametrized_tensor_is_set_to_a_tensor_of_its_dtype(value):
    module = parametrize.register_parametrization(layer(), "weight", Doubled())
    before = module.weight.detach().clone()
    with pytest.raises(autograd.ArgumentError, match="a parametrized Tensor of float32 was set to what is float"):
        module.weight = value
    np.testing.assert_array_equal(module.weight.detach(), before)


def test_weight_norm_refuses_a_dimension_and_reads_the_former_keys():
    with pytest.raises(IndexError, match=r"dim 5 is out of range for a weight of shape \(3, 3\)"):
        parametrizations.weight_norm(layer(), dim=5)
    model = nn.Sequential(parametrizations.weight_norm(layer()))
    model.load_state_dict({"0.bias": np.zeros(3), "0.weight_g": np.full((3, 1), 2.0), "0.weight_v": np.eye(3)})
    np.testing.assert_array_equal(model[0].weight.detach(), 2 * np.eye(3))


def test_parametrized_modules_are_pickled():
    module = parametrizations.weight_norm(layer())
    twin = pickle.loads(pickle.dumps(module))
    np.testing.assert_array_equal(twin.weight.detach(), module.weight.detach())
    assert parametrize.type_before_parametrizations(twin) is nn.Linear
    parametrize.remove_parametrizations(twin, "weight")
    assert parametrize.is_parametrized(module, "weight")


@pytest.mark.parametrize(
    ("norm", "remove"),
    [
        (nn.utils.weight_norm, nn.utils.remove_weight_norm),
        (nn.utils.spectral_norm, nn.utils.remove_spectral_norm),
    ],
)
def test_norms_are_removed_under_pytorchs_older_names(norm, remove):
    module = norm(layer()).eval()
    value = module.weight.detach().clone()
    assert remove(module) is module
    assert type(module) is nn.Linear
    np.testing.assert_array_equal(module.weight.detach(), value)
    parametrizations.orthogonal(module)
    with pytest.raises(ValueError, match="the 'weight' of this ParametrizedLinear is not normalized so"):
        remove(module)
