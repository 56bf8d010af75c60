"""Normalization and dropout layers: values, running statistics, state, errors; large arrays, worked on in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import DtypeError, NotDifferentiableError, ShapeError, Tensor, tensor
from autograd.engine import blocks
from autograd.engine.blocks import in_blocks

RNG = np.random.default_rng(0)


def normal(*shape: int, dtype: Any = np.float64) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def standardized(x: Any, axes: Any, eps: float = 1e-5) -> Any:
    """The definition, in float64."""
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 2, 3)])
def test_batch_norm(shape: tuple[int, ...]) -> None:
    x, weight, bias = normal(*shape), normal(3), normal(3)
    axes = (0, *range(2, len(shape)))
    column = (3, *(1,) * (len(shape) - 2))
    expected = standardized(x, axes) * weight.reshape(column) + bias.reshape(column)
    out = F.batch_norm(tensor(x), weight=tensor(weight), bias=tensor(bias), training=True)
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-10)


def test_running_statistics() -> None:
    x, y = normal(6, 3, 2), normal(6, 3, 2) + 5
    layer = nn.BatchNorm1d(3, momentum=0.2, dtype=autograd.float64)
    layer(tensor(x))
    layer(tensor(y))
    assert layer.running_mean is not None
    assert layer.running_var is not None
    mean, var = np.zeros(3), np.ones(3)
    for batch in (x, y):
        mean = 0.8 * mean + 0.2 * batch.mean((0, 2))
        var = 0.8 * var + 0.2 * batch.var((0, 2), ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean)
    np.testing.assert_allclose(layer.running_var.numpy(), var)
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 2
    out = layer.eval()(tensor(x))
    np.testing.assert_allclose(out.detach().numpy(), (x - mean[:, None]) / np.sqrt(var + 1e-5)[:, None])
    assert layer.num_batches_tracked.item() == 2
    layer.reset_running_stats()
    assert [layer.running_mean.tolist(), layer.running_var.tolist()] == [[0, 0, 0], [1, 1, 1]]
    assert layer.num_batches_tracked.item() == 0


def test_running_statistics_without_momentum_are_averages() -> None:
    batches = [normal(5, 2) for _ in range(3)]
    layer = nn.BatchNorm1d(2, momentum=None, dtype=autograd.float64)
    for batch in batches:
        layer(tensor(batch))
    assert layer.running_mean is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean([batch.mean(0) for batch in batches], 0))


def test_without_running_statistics_evaluation_uses_the_batch() -> None:
    x = normal(5, 2)
    layer = nn.BatchNorm1d(2, track_running_stats=False, dtype=autograd.float64).eval()
    np.testing.assert_allclose(layer(tensor(x)).detach().numpy(), standardized(x, 0), rtol=1e-10)


def test_instance_norm_tracks_the_average_over_examples() -> None:
    x = normal(4, 3, 6)
    layer = nn.InstanceNorm1d(3, track_running_stats=True, dtype=autograd.float64)
    np.testing.assert_allclose(layer(tensor(x)).numpy(), standardized(x, 2), rtol=1e-10)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean((0, 2)))
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.var(2, ddof=1).mean(0))
    expected = (x - 0.1 * x.mean((0, 2))[:, None]) / np.sqrt(layer.running_var.numpy() + 1e-5)[:, None]
    np.testing.assert_allclose(layer.eval()(tensor(x)).numpy(), expected)


def test_instance_norm_of_one_example() -> None:
    x = normal(3, 6)
    out = nn.InstanceNorm1d(3)(tensor(x))
    np.testing.assert_allclose(out.numpy(), standardized(x, 1), rtol=1e-10)


def test_group_layer_and_rms_norm() -> None:
    x = normal(2, 6, 4)
    grouped = standardized(x.reshape(2, 3, 8), 2).reshape(x.shape)
    np.testing.assert_allclose(F.group_norm(tensor(x), 3).numpy(), grouped, rtol=1e-10)
    np.testing.assert_allclose(F.layer_norm(tensor(x), (6, 4)).numpy(), standardized(x, (1, 2)), rtol=1e-10)
    rms = x / np.sqrt((x * x).mean(-1, keepdims=True) + np.finfo(np.float64).eps)
    np.testing.assert_allclose(nn.RMSNorm(4, dtype=autograd.float64)(tensor(x)).detach().numpy(), rms, rtol=1e-10)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_norm(size: int) -> None:
    x = normal(2, 4, 3)
    expected = np.empty_like(x)
    for c in range(4):
        near = [x[:, i] ** 2 for i in range(c - size // 2, c + (size - 1) // 2 + 1) if 0 <= i < 4]
        expected[:, c] = x[:, c] / (1.5 + 0.1 * np.sum(near, 0) / size) ** 0.6
    out = nn.LocalResponseNorm(size, 0.1, 0.6, 1.5)(tensor(x))
    np.testing.assert_allclose(out.numpy(), expected)


@pytest.mark.parametrize("kind", ["layer", "batch", "images"])
def test_mean_far_from_zero(kind: str) -> None:
    x = (1e4 + normal(64, 32, 16)).astype(np.float32)
    if kind == "layer":
        out, axes = F.layer_norm(tensor(x), 16), 2
    elif kind == "batch":
        x = x.reshape(-1, 16)
        out, axes = F.batch_norm(tensor(x), training=True), 0
    else:
        out, axes = F.batch_norm(tensor(x), training=True), (0, 2)
    np.testing.assert_allclose(out.numpy(), standardized(x, axes), atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 8), (64, 100), (3000, 20), (4, 8, 40, 40)])
@pytest.mark.parametrize("kind", ["layer", "batch", "group"])
@pytest.mark.parametrize("middle", [1e4, 1e6])
def test_gradients_far_from_zero(kind: str, shape: tuple[int, ...], middle: float) -> None:
    """As of the same numbers in double precision: the mean that is subtracted is not rounded to single precision."""
    rng = np.random.default_rng(3)
    x = (middle + rng.normal(size=shape)).astype(np.float32)
    features = shape[-1] if kind == "layer" else shape[1]
    inputs = [x, *rng.normal(size=(2, features)), rng.normal(size=shape)]

    def gradients(dtype: Any) -> list[Any]:
        leaves = [tensor(array, dtype=dtype, requires_grad=True) for array in inputs[:3]]
        if kind == "layer":
            out = F.layer_norm(leaves[0], features, *leaves[1:])
        elif kind == "batch":
            out = F.batch_norm(leaves[0], None, None, *leaves[1:], training=True)
        else:
            out = F.group_norm(leaves[0], 2, *leaves[1:])
        return [g.numpy() for g in autograd.grad(out, leaves, tensor(inputs[3], dtype=dtype))]

    for found, expected in zip(gradients(np.float32), gradients(np.float64), strict=True):
        np.testing.assert_allclose(found, expected, 0, 2e-5 * np.abs(expected).max())


def test_constant_and_missing_values() -> None:
    x = np.full((4, 3), 7.0, np.float32)
    assert not F.layer_norm(tensor(x), 3).numpy().any()
    assert not F.batch_norm(tensor(x), training=True).numpy().any()
    x[1, 1] = np.nan
    assert np.isnan(F.layer_norm(tensor(x), 3).numpy()).tolist() == [[i == 1] * 3 for i in range(4)]
    assert np.isnan(F.batch_norm(tensor(x), training=True).numpy()).tolist() == [[False, True, False]] * 4


def test_half_precision_accumulates_in_single() -> None:
    x = (300 + normal(8, 512)).astype(np.float16)  # the squares overflow, and the sum is past 2048
    out = F.layer_norm(tensor(x), 512)
    assert out.dtype == np.float16
    np.testing.assert_allclose(out.numpy(), standardized(x, 1), atol=2e-3)


# ---- large arrays ----------------------------------------------------------------------------------------------------


def _gradients(function: Any, *arrays: Any) -> list[Any]:
    inputs = [tensor(array, requires_grad=True) for array in arrays]
    out = function(*inputs)
    seed = np.random.default_rng(5).standard_normal(out.shape)
    return [out.detach().numpy(), *[g.numpy() for g in autograd.grad(out, inputs, tensor(seed))]]


@pytest.mark.parametrize(
    ("function", "shape", "features"),
    [
        (lambda x, w, b: F.layer_norm(x, w.shape, w, b), (64, 24), 24),
        (lambda x, w, b: F.layer_norm(x, x.shape[1:]) * w + b, (64, 24), 24),
        (lambda x, w, b: F.rms_norm(x, w.shape, w) + b, (64, 24), 24),
        (lambda x, w, b: F.batch_norm(x, weight=w, bias=b, training=True), (16, 4, 3, 5), 4),
        (lambda x, w, b: F.batch_norm(x + 1e3, weight=w, bias=b, training=True), (16, 4, 15), 4),
        (lambda x, w, b: F.cross_entropy(x * w + b, tensor(np.arange(64) % 24), label_smoothing=0.1), (64, 24), 24),
    ],
)
def test_blocks_change_nothing(
    function: Any, shape: tuple[int, ...], features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = normal(*shape), normal(features), normal(features)
    whole = _gradients(function, *arrays)
    monkeypatch.setattr(blocks, "BLOCK", 100)
    for found, expected in zip(_gradients(function, *arrays), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_blocks_within_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 10)
    x = np.zeros((40, 40))

    def count(line: Any) -> Any:
        def work(block: slice) -> None:
            line[block] += 1

        return work

    def work(block: slice) -> None:
        for row in x[block]:
            in_blocks(row, lambda: count(row))  # noqa: B023 (it is called at once)

    in_blocks(x, lambda: work)
    assert (x == 1).all()


def test_an_error_in_a_block_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 10)

    def work(block: slice) -> None:
        raise ArithmeticError(str(block.start))

    for _ in range(3):  # the threads go on
        with pytest.raises(ArithmeticError):
            in_blocks(np.zeros((50, 4)), lambda: work)


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "text", "keys"),
    [
        (
            nn.BatchNorm2d(3),
            "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
            ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"],
        ),
        (
            nn.InstanceNorm2d(3),
            "InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
            [],
        ),
        (
            nn.LayerNorm((2, 3), bias=False),
            "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)",
            ["weight"],
        ),
        (nn.GroupNorm(1, 2), "GroupNorm(1, 2, eps=1e-05, affine=True, bias=True)", ["weight", "bias"]),
        (nn.RMSNorm(3), "RMSNorm((3,), eps=None, elementwise_affine=True)", ["weight"]),
        (nn.LocalResponseNorm(2), "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)", []),
        (nn.Dropout2d(0.3), "Dropout2d(p=0.3, inplace=False)", []),
    ],
)  # fmt: skip
def test_repr_and_state(layer: nn.Module, text: str, keys: list[str]) -> None:
    assert repr(layer) == text
    state = layer.state_dict()
    assert list(state) == keys
    for key, value in state.items():
        assert value.dtype == (np.int64 if key == "num_batches_tracked" else np.float32)
        assert (value.numpy() == (1 if key in ("weight", "running_var") else 0)).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.BatchNorm1d(3)(autograd.ones(1, 3)), ShapeError, "more than 1 value per channel"),
        (lambda: nn.BatchNorm1d(3)(autograd.ones(3)), ShapeError, "2D or 3D"),
        (lambda: nn.BatchNorm2d(3)(autograd.ones(3, 3)), ShapeError, "4D"),
        (lambda: nn.BatchNorm1d(3)(autograd.ones(2, 4)), ShapeError, "4 channels"),
        (lambda: nn.BatchNorm1d(2)(tensor([[1, 2], [3, 4]])), DtypeError, "float"),
        (lambda: F.batch_norm(autograd.ones(2, 3)), ValueError, "running_mean"),
        (
            lambda: F.batch_norm(autograd.ones(2, 3), autograd.ones(3, requires_grad=True), autograd.ones(3)),
            NotDifferentiableError,
            "'running_mean'",
        ),
        (lambda: nn.BatchNorm1d(3, eps=0)(autograd.ones(2, 3)), ValueError, "eps must be positive in training, got 0"),
        (lambda: nn.BatchNorm1d(3, eps=-1).eval()(autograd.ones(2, 3)), ValueError, "eps must not be negative, got -1"),
        (lambda: nn.InstanceNorm1d(3)(autograd.ones(2, 3, 1)), ShapeError, "more than 1 spatial"),
        (lambda: nn.LayerNorm(3)(autograd.ones(2, 4)), ShapeError, "normalized_shape"),
        (lambda: nn.GroupNorm(2, 3), ValueError, "divisible"),
        (lambda: F.group_norm(autograd.ones(2, 3), 2), ShapeError, "groups"),
        (lambda: F.group_norm(autograd.ones(1, 2, 1), 2), ShapeError, "more than 1 value in a group"),
        (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1"),
        (lambda: nn.Dropout2d()(autograd.ones(3)), ShapeError, "3 or 4 dimensions"),
        (lambda: F.local_response_norm(autograd.ones(2, 3), 2), ShapeError, "local_response_norm"),
        (lambda: F.local_response_norm(autograd.ones(2, 3, 1), 0), ValueError, "at least 1"),
        (lambda: nn.LayerNorm(3, device="cuda"), ValueError, "cuda"),
    ],
)
def test_errors(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_failed_batch_leaves_statistics_alone() -> None:
    layer = nn.BatchNorm1d(2)
    with pytest.raises(ShapeError):
        layer(tensor([[1.0, 2.0]]))
    assert layer.num_batches_tracked is not None
    assert layer.running_mean is not None
    assert [layer.num_batches_tracked.item(), *layer.running_mean.tolist()] == [0, 0, 0]


# ---- dropout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "apart"),
    [
        (nn.Dropout(0.3), (200, 100), 2),
        (nn.Dropout1d(0.3), (100, 200, 3), 2),
        (nn.Dropout1d(0.3), (20_000, 3), 1),
        (nn.Dropout2d(0.3), (100, 200, 2, 2), 2),
        (nn.Dropout3d(0.3), (100, 200, 1, 2, 2), 2),
    ],
)
def test_dropout(layer: nn.Module, shape: tuple[int, ...], apart: int) -> None:
    autograd.manual_seed(1)
    x = autograd.ones(*shape)
    out = layer(x).numpy().reshape(*shape[:apart], -1)
    assert (out == out[..., :1]).all()  # whole channels
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.7], rtol=1e-6)
    assert abs((out[..., 0] == 0).mean() - 0.3) < 0.02
    assert layer.eval()(x) is x


@pytest.mark.parametrize(
    ("layer", "shape", "apart", "words"),
    [
        (nn.Dropout2d(0.5), (20, 30, 4), 2, r"taken as \(N, C, L\)"),
        (nn.Dropout2d(0.5), (20, 30), 2, "use dropout"),
        (nn.Dropout3d(0.5), (30, 4, 5), 1, "use dropout"),
    ],
)
def test_dropout_of_channels_takes_other_shapes_as_pytorch_does(
    layer: nn.Module, shape: tuple[int, ...], apart: int, words: str
) -> None:
    autograd.manual_seed(1)
    with pytest.warns(UserWarning, match=words):
        out = layer(autograd.ones(*shape)).numpy().reshape(*shape[:apart], -1)
    assert (out == out[..., :1]).all()
    np.testing.assert_array_equal(np.unique(out[0] if apart == 2 else out), [0, 2])


@pytest.mark.parametrize("layer", [nn.AlphaDropout(0.2), nn.FeatureAlphaDropout(0.2)])
def test_alpha_dropout_keeps_mean_and_variance(layer: nn.Module) -> None:
    autograd.manual_seed(1)
    x = tensor(normal(300, 400, 2, dtype=np.float32))
    out = layer(x).numpy()
    assert abs(out.mean()) < 0.02
    assert abs(out.std() - 1) < 0.02
    values, counts = np.unique(out, return_counts=True)
    assert abs(counts.max() / out.size - 0.2) < 0.02  # what is dropped has one value
    dropped = out == values[counts.argmax()]
    assert (dropped[..., 0] == dropped[..., 1]).all() == isinstance(layer, nn.FeatureAlphaDropout)
    assert layer.eval()(x) is x


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.Dropout1d(), nn.AlphaDropout(), nn.FeatureAlphaDropout()])
def test_dropout_of_integers_is_refused(layer: nn.Module) -> None:
    counts = autograd.ones(3, 2, dtype="int64")
    with pytest.raises(autograd.DtypeError, match="int64 cannot hold what is kept"):
        layer(counts)
    assert layer.eval()(counts) is counts


def test_dropout_in_place() -> None:
    x = autograd.ones(10)
    out: Tensor = nn.Dropout(0.5, inplace=True)(x)
    assert out is x
    assert set(x.tolist()) <= {0.0, 2.0}


# ---- folded into the layer before ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d, nn.Linear])
def test_a_layer_that_a_normalization_was_folded_into_does_what_both_did(kind: Any, affine: bool, bias: bool) -> None:
    dense = kind is nn.Linear
    layer = nn.Linear(3, 4, bias) if dense else kind(3, 4, 3, bias=bias)
    norm: Any = (nn.BatchNorm1d if dense else nn.BatchNorm2d)(4, affine=affine)
    norm.running_mean.copy_(normal(4))
    norm.running_var.copy_(normal(4) ** 2 + 0.5)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    with pytest.raises(RuntimeError, match="eval"):
        nn.utils.fuse_conv_bn_eval(layer, norm)
    both = nn.Sequential(layer, norm).eval()
    x = tensor(normal(2, 3, *(() if dense else (5, 5)), dtype=np.float32))
    if dense:
        folded = nn.utils.fuse_linear_bn_eval(layer, norm)
        with pytest.raises(ValueError, match="4 outputs, the normalization 5 features"):
            nn.utils.fuse_linear_bn_eval(layer, nn.BatchNorm1d(5))
    else:
        folded = nn.utils.fuse_conv_bn_eval(layer, norm, kind is nn.ConvTranspose2d)
    np.testing.assert_allclose(folded(x).detach(), both(x).detach(), rtol=1e-4, atol=1e-5)
    assert type(folded) is kind
    assert folded.weight is not layer.weight
    with pytest.raises(RuntimeError, match="running statistics"):
        nn.utils.fuse_conv_bn_eval(layer, nn.BatchNorm2d(4, track_running_stats=False).eval())


@pytest.mark.parametrize("shape", [(4, 10), (2, 4, 10)])
def test_instance_norm_warns_of_another_number_of_channels(shape: tuple[int, ...]) -> None:
    x = autograd.rand(*shape)
    with pytest.warns(UserWarning, match=r"InstanceNorm1d: expected 10 channels, got 4, in dimension -2 of the input"):
        out = nn.InstanceNorm1d(10)(x)
    np.testing.assert_array_equal(out, nn.InstanceNorm1d(4)(x))
    for settings in ({"affine": True}, {"track_running_stats": True}):
        with pytest.raises(autograd.ShapeError):
            nn.InstanceNorm1d(10, **settings)(x)
