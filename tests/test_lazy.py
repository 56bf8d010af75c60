"""Lazy layers: what they become, when, and that a wrong first input changes nothing."""

import copy
import pickle

import numpy as np
import pytest

import autograd
import nn
import optim

CASES = [
    (lambda: nn.LazyLinear(3), nn.Linear, (2, 5), {"weight": (3, 5), "bias": (3,)}),
    (lambda: nn.LazyLinear(3, bias=False), nn.Linear, (5,), {"weight": (3, 5)}),
    (lambda: nn.LazyConv1d(4, 3), nn.Conv1d, (2, 6, 7), {"weight": (4, 6, 3), "bias": (4,)}),
    (lambda: nn.LazyConv2d(4, (3, 2), groups=2), nn.Conv2d, (6, 7, 7), {"weight": (4, 3, 3, 2), "bias": (4,)}),
    (lambda: nn.LazyConv3d(4, 1), nn.Conv3d, (1, 2, 3, 3, 3), {"weight": (4, 2, 1, 1, 1), "bias": (4,)}),
    (lambda: nn.LazyConvTranspose1d(4, 3), nn.ConvTranspose1d, (2, 6, 7), {"weight": (6, 4, 3), "bias": (4,)}),
    (
        lambda: nn.LazyConvTranspose2d(4, 3, groups=2), nn.ConvTranspose2d, (6, 7, 7),
        {"weight": (6, 2, 3, 3), "bias": (4,)},
    ),
    (
        lambda: nn.LazyConvTranspose3d(4, 1), nn.ConvTranspose3d, (1, 2, 3, 3, 3),
        {"weight": (2, 4, 1, 1, 1), "bias": (4,)},
    ),
]  # fmt: skip
STATISTICS = ("weight", "bias", "running_mean", "running_var")
NORMS = [
    (nn.LazyBatchNorm1d, nn.BatchNorm1d, (4, 3, 5)),
    (nn.LazyBatchNorm2d, nn.BatchNorm2d, (4, 3, 5, 5)),
    (nn.LazyBatchNorm3d, nn.BatchNorm3d, (4, 3, 2, 2, 2)),
    (nn.LazyInstanceNorm1d, nn.InstanceNorm1d, (3, 5)),
    (nn.LazyInstanceNorm2d, nn.InstanceNorm2d, (4, 3, 5, 5)),
    (nn.LazyInstanceNorm3d, nn.InstanceNorm3d, (3, 2, 2, 2)),
]


@pytest.mark.parametrize(("make", "becomes", "shape", "shapes"), CASES)
def test_a_lazy_layer_becomes_the_layer(make, becomes, shape, shapes):
    layer = make()
    parameter = layer.weight
    assert repr(parameter) == "<UninitializedParameter>"
    with pytest.raises(autograd.ShapeError, match="after the first call of the lazy module"):
        parameter.shape  # noqa: B018
    assert isinstance(layer, becomes)
    layer(autograd.ones(*shape)).sum().backward()
    assert type(layer) is becomes
    assert layer.weight is parameter
    assert type(parameter) is nn.Parameter
    assert {name: p.shape for name, p in layer.named_parameters()} == shapes
    assert all(np.ptp(p.detach().numpy()) > 0 for p in layer.parameters())
    assert all(p.grad.shape == p.shape for p in layer.parameters())


@pytest.mark.parametrize(("lazy", "becomes", "shape"), NORMS)
def test_lazy_normalisations(lazy, becomes, shape):
    layer = lazy(affine=True, track_running_stats=True)
    layer(autograd.randn(*shape))
    assert type(layer) is becomes
    assert layer.num_features == 3
    assert [getattr(layer, name).shape for name in STATISTICS] == [(3,)] * 4
    assert layer.num_batches_tracked.item() == (1 if "Batch" in becomes.__name__ else layer.num_batches_tracked.item())
    assert layer.weight.tolist() == [1.0] * 3


def test_without_parameters_there_is_nothing_to_make():
    layer = nn.LazyBatchNorm1d(affine=False, track_running_stats=False)
    assert layer(autograd.randn(4, 3)).shape == (4, 3)
    assert list(layer.parameters()) == []


@pytest.mark.parametrize(
    ("layer", "argument", "error", "message"),
    [
        (nn.LazyConv2d(4, 3), autograd.ones(3, 3), autograd.ShapeError, "expected 3 or 4 dimensions, got shape"),
        (nn.LazyConv2d(4, 3, groups=2), autograd.ones(3, 5, 5), autograd.ShapeError, "3 channels cannot be divided by"),
        (nn.LazyLinear(4), autograd.tensor(1.0), autograd.ShapeError, "at least one dimension"),
        (nn.LazyBatchNorm2d(), autograd.ones(3, 5, 5), autograd.ShapeError, "expected 4D input"),
        (nn.LazyLinear(4), 3, TypeError, "the first call needs a Tensor, which tells in_features"),
    ],
)
def test_a_wrong_first_input_changes_nothing(layer, argument, error, message):
    kind = type(layer)
    with pytest.raises(error, match=message):
        layer(argument)
    assert type(layer) is kind
    assert layer.has_uninitialized_params()


def test_state_is_loaded_before_the_first_call():
    source = nn.Linear(5, 3)
    layer = nn.LazyLinear(3)
    layer.load_state_dict(source.state_dict())
    assert not layer.has_uninitialized_params()
    x = autograd.randn(2, 5)
    np.testing.assert_array_equal(layer(x).detach(), source(x).detach())
    assert (type(layer), layer.in_features) == (nn.Linear, 5)


def test_lazy_models_are_converted_copied_and_counted_as_others():
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2)).double()
    twin = copy.deepcopy(model)
    assert nn.summary(model, autograd.ones(1, 3, dtype="float64")).parameters == 3 * 4 + 4 + 4 * 2 + 2
    assert {p.dtype for p in model.parameters()} == {autograd.float64}
    assert twin(autograd.ones(1, 7, dtype="float64")).shape == (1, 2)
    assert twin[0].in_features == 7
    assert model[0].in_features == 3


@pytest.mark.parametrize("compiled", [False, True])
def test_an_optimizer_made_before_the_first_call(compiled):
    """It trains as one made afterwards; what a layer that was not called yet learns later is missed by neither."""
    x, y = autograd.randn(8, 3), autograd.randn(8, 2)

    def losses(early):
        autograd.manual_seed(0)
        layers = [nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(2), nn.LazyLinear(1)]
        model, late = nn.Sequential(*layers[:3]), layers[3]
        params = [p for layer in layers for p in layer.parameters()]
        if not early:
            late(model(x))
            autograd.manual_seed(0)
            for layer in (layers[0], layers[2], late):
                layer.reset_parameters()
        else:
            assert any(hasattr(p, "materialize") for p in params)
        optimizer = optim.Adam(params, lr=0.1)

        def step(whole):
            optimizer.zero_grad()
            out = model(x)
            loss = nn.functional.mse_loss(late(out) - 1 if whole else out, y[:, :1] if whole else y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = autograd.compile(step) if compiled else step
        return [run(i > 3).item() for i in range(8)], sorted(optimizer.state_dict()["state"])

    early, keys = losses(True)
    assert early == losses(False)[0]
    assert len(keys) == 6
    assert early[3] < early[0]
    assert early[7] < early[4]


def test_an_optimizer_needs_shapes_to_load_a_state():
    layer, lazy = nn.Linear(3, 2), nn.LazyLinear(2)
    trained, new = optim.Adam(layer.parameters()), optim.Adam(lazy.parameters())
    layer(autograd.ones(1, 3)).sum().backward()
    trained.step()
    with pytest.raises(ValueError, match="will be known after the first call"):
        new.load_state_dict(trained.state_dict())
    lazy(autograd.ones(1, 3))
    new.load_state_dict(trained.state_dict())
    assert new.state[lazy.weight]["exp_avg"].shape == (2, 3)


def test_lazy_instance_normalizations_learn_and_keep_statistics_as_pytorchs():
    layer = nn.LazyInstanceNorm2d(0.1)
    layer(autograd.randn(2, 3, 4, 4))
    assert repr(layer) == ("InstanceNorm2d(3, eps=0.1, momentum=0.1, affine=True, bias=True, track_running_stats=True)")
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    plain = nn.LazyInstanceNorm2d(affine=False, track_running_stats=False)
    plain(autograd.randn(2, 3, 4, 4))
    assert list(plain.state_dict()) == []


@pytest.mark.parametrize(
    "use",
    [
        nn.init.ones_,
        nn.init.kaiming_uniform_,
        lambda weight: weight * 2,
        lambda weight: weight.sum(),
        lambda weight: autograd.stack([weight]),
        lambda weight: nn.init.normal_(weight),
        lambda weight: nn.init.constant_(weight, 2.0),
        lambda weight: nn.init.orthogonal_(weight),
        lambda weight: weight.data.fill_(1.0) if weight.shape else None,
        lambda weight: nn.utils.parameters_to_vector([weight]),
    ],
)
def test_a_parameter_without_a_shape_cannot_be_used(use):
    layer = nn.LazyLinear(3)
    with pytest.raises(autograd.ShapeError, match="first call"):
        use(layer.weight)
    layer(autograd.ones(1, 2))
    assert use(layer.weight) is not None


def test_lazy_layers_are_converted_frozen_copied_and_pickled_before_the_first_call():
    layer = nn.LazyBatchNorm1d(dtype="float64").requires_grad_(False)
    assert layer.weight.dtype == autograd.float64
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.half()):
        twin.double()(autograd.ones(2, 3, dtype="float64"))
        assert twin.weight.tolist() == [1.0] * 3
        assert not twin.weight.requires_grad
        assert list(twin.state_dict())[2:] == ["running_mean", "running_var", "num_batches_tracked"]


def test_the_state_of_a_lazy_layer_before_its_first_call():
    state = nn.LazyLinear(3).state_dict()
    layer = nn.LazyLinear(3)
    layer.load_state_dict(state)
    assert layer(autograd.ones(1, 2)).shape == (1, 3)
    with pytest.raises(autograd.StateDictError, match="weight is that of a lazy module which was not called yet"):
        layer.load_state_dict(state)
    assert layer.weight.shape == (3, 2)


def test_a_compiled_function_calls_a_lazy_model_first():
    model = nn.Sequential(nn.LazyLinear(3), nn.Tanh(), nn.LazyBatchNorm1d()).eval()
    compiled, x = autograd.compile(lambda x: model(x)), autograd.randn(5, 4)
    first = compiled(x)
    assert [type(layer) for layer in model] == [nn.Linear, nn.Tanh, nn.BatchNorm1d]
    for given in (x, x + 1):
        np.testing.assert_allclose(compiled(given).detach(), model(given).detach(), rtol=1e-6)
    np.testing.assert_allclose(first.detach(), model(x).detach(), rtol=1e-6)


@pytest.mark.parametrize("kind", [nn.UninitializedParameter, nn.UninitializedBuffer])
def test_lazy_tensors_take_a_device(kind):
    assert kind(device="cpu", dtype=autograd.float64).dtype == autograd.float64
    with pytest.raises(ValueError, match="there is no device 'cuda' here"):
        kind(device="cuda")
