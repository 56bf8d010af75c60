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


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("map_", ["matrix_exp", "cayley"])
@pytest.mark.parametrize("trivialized", [True, False])
def test_orthogonal_keeps_complex_matrices_unitary(shape, map_, trivialized):
    autograd.manual_seed(0)
    module = nn.Linear(*shape, dtype="complex128")
    before = module.weight.detach().numpy().copy()
    before = before if before.shape[0] >= before.shape[1] else before.T
    parametrizations.orthogonal(module, "weight", map_, use_trivialization=trivialized)
    optimizer = optim.SGD(module.parameters(), lr=0.1)
    for step in range(3):
        q = module.weight.detach().numpy()
        q = q if q.shape[0] >= q.shape[1] else q.T
        np.testing.assert_allclose(q.conj().T @ q, np.eye(q.shape[1]), atol=1e-12)
        if trivialized and step == 0:  # it starts as the unitary factor whose other one has a positive diagonal
            ends = np.diagonal(q.conj().T @ before)
            np.testing.assert_allclose(ends, np.abs(ends), atol=1e-12)
        optimizer.zero_grad()
        module(autograd.ones(2, shape[0], dtype="complex128")).abs().square().sum().backward()
        optimizer.step()
    with pytest.raises(ValueError, match="'householder' is for real matrices"):
        parametrizations.orthogonal(nn.Linear(2, 3, dtype="complex64"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_spectral_norm_of_complex_matrices(dtype):
    autograd.manual_seed(0)
    module = parametrizations.spectral_norm(nn.Linear(4, 6, dtype=dtype), n_power_iterations=100)
    weight = module.weight.detach().numpy()
    np.testing.assert_allclose(np.linalg.norm(weight, 2), 1, rtol=1e-5)


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


@pytest.mark.parametrize("inverse", [lambda x: (x, x), lambda x: x > 0, lambda x: x[:-1]], ids=["two", "bools", "less"])
def test_a_further_parametrization_has_an_inverse_that_keeps_shape_and_dtype(inverse):
    module = parametrize.register_parametrization(layer(), "weight", Symmetric())
    further = nn.Identity()
    further.right_inverse = inverse
    with pytest.raises(ValueError, match=r"must return Tensors, got tuple|pass unsafe=True if that is meant"):
        parametrize.register_parametrization(module, "weight", further)
    assert len(module.parametrizations.weight) == 1


def test_a_parametrization_that_begins_with_nothing_is_refused_by_value():
    none = nn.Identity()
    none.right_inverse = lambda value: None
    with pytest.raises(ValueError, match="right_inverse must return Tensors, got NoneType"):
        parametrize.register_parametrization(layer(), "weight", none)


def test_a_parametrization_is_in_the_mode_of_its_module():
    module = layer().eval()
    for count in (1, 2):
        parametrize.register_parametrization(module, "weight", nn.Dropout(0.5))
        assert [part.training for part in module.parametrizations.weight] == [False] * count


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


# ---- PyTorch's older functions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("norm", "keys", "trained"),
    [
        (nn.utils.weight_norm, ["bias", "weight_g", "weight_v"], ["bias", "weight_g", "weight_v"]),
        (nn.utils.spectral_norm, ["bias", "weight_orig", "weight_u", "weight_v"], ["bias", "weight_orig"]),
    ],
)
def test_older_norms_have_the_names_and_the_print_of_pytorchs(norm, keys, trained):
    module = norm(layer(4, 3))
    assert list(module.state_dict()) == keys
    assert [name for name, _ in module.named_parameters()] == trained
    assert repr(module) == "Linear(in_features=4, out_features=3, bias=True)"
    module(autograd.randn(2, 4)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        np.testing.assert_array_equal(twin.weight.detach(), module.weight.detach())
        twin.load_state_dict(module.state_dict())
    with pytest.raises(RuntimeError, match="'weight' of this Linear is normalized already"):
        norm(module)
    with pytest.raises(ValueError, match="expected a parameter 'kernel' of Linear, found none"):
        norm(module, "kernel")
    with pytest.raises(ValueError, match="found one that is not made before the first call"):
        norm(nn.LazyLinear(2))


def test_the_older_weight_norm_has_lengths_and_directions():
    module = nn.utils.weight_norm(nn.Conv1d(2, 3, 5), dim=1)
    assert (module.weight_g.shape, module.weight_v.shape) == ((1, 2, 1), (3, 2, 5))
    with autograd.no_grad():
        module.weight_g.fill_(2.0)
    norms = autograd.linalg.vector_norm(module.weight, dim=(0, 2)).detach()
    np.testing.assert_allclose(norms, [2.0, 2.0], rtol=1e-6)
    assert nn.utils.weight_norm(layer(), dim=None).weight_g.shape == ()
    with pytest.raises(IndexError, match=r"dim 2 is out of range for a weight of shape \(3, 3\)"):
        nn.utils.weight_norm(layer(), dim=2)


def test_the_older_spectral_norm_moves_its_vectors_in_calls_in_training_alone():
    module = nn.utils.spectral_norm(layer(5, 4), n_power_iterations=30)
    start = module.weight_u.tolist()
    _ = module.weight
    module.eval()(autograd.randn(2, 5))
    assert module.weight_u.tolist() == start
    module.train()(autograd.randn(2, 5))
    assert module.weight_u.tolist() != start
    np.testing.assert_allclose(autograd.linalg.svdvals(module.weight.detach())[0], 1, rtol=1e-4)
    assert nn.utils.spectral_norm(nn.ConvTranspose1d(2, 3, 5)).weight_u.shape == (3,)
    with pytest.raises(ValueError, match="expected n_power_iterations > 0, got 0"):
        nn.utils.spectral_norm(layer(), n_power_iterations=0)


def test_older_norms_of_several_weights_are_removed_one_by_one():
    module = nn.LSTM(2, 3)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        nn.utils.weight_norm(module, name)
    value = module.weight_hh_l0.detach().numpy()
    nn.utils.remove_weight_norm(module, "weight_hh_l0")
    assert isinstance(module.weight_hh_l0, nn.Parameter)
    np.testing.assert_array_equal(module.weight_hh_l0.detach(), value)
    assert "weight_ih_l0_g" in module.state_dict()
    nn.utils.remove_weight_norm(module, "weight_ih_l0")
    assert type(module) is nn.LSTM
    module = nn.utils.remove_spectral_norm(nn.utils.spectral_norm(layer()))
    assert list(module.state_dict()) == ["bias", "weight"]
    assert not module._forward_pre_hooks
    newer = parametrizations.spectral_norm(layer())
    assert type(nn.utils.remove_spectral_norm(newer)) is nn.Linear
