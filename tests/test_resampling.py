"""Resampling: images brought to another size, and sampled at points. Numbers without derivation are PyTorch 2.13's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import ShapeError, tensor

IMAGE = tensor(np.arange(6.0).reshape(1, 1, 2, 3))
POINTS = tensor([[[[-1.2, -0.5], [0.3, 0.9], [0.1, 2.3]]]], dtype=autograd.float64)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"size": (3, 5), "mode": "bilinear"}, [0, 0.4, 1, 1.6, 2, 1.5, 1.9, 2.5, 3.1, 3.5, 3, 3.4, 4, 4.6, 5]),
        (
            {"scale_factor": 1.7, "mode": "bilinear"},
            [0, 0.382353, 0.970588, 1.558824, 2, 1.147059, 1.529412, 2.117647, 2.705882, 3.147059, 2.911765, 3.294118,
             3.882353, 4.470588, 4.911765],
        ),
        (
            {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True},
            [0, 0.4, 1, 1.6, 2, 1.5, 1.9, 2.5, 3.1, 3.5, 3, 3.4, 4, 4.6, 5],
        ),
        (
            {"size": (2, 6), "mode": "bilinear", "align_corners": True},
            [0, 0.4, 0.8, 1.2, 1.6, 2, 3, 3.4, 3.8, 4.2, 4.6, 5],
        ),
        ({"size": (2, 5), "mode": "bicubic"}, [-0.096, 0.316, 1, 1.684, 2.096, 2.904, 3.316, 4, 4.684, 5.096]),
        ({"size": (3, 2), "mode": "nearest"}, [0, 1, 0, 1, 3, 4]),
        ({"size": (3, 2), "mode": "nearest-exact"}, [0, 2, 3, 5, 3, 5]),
        ({"size": (1, 2), "mode": "area"}, [2, 3]),
        ({"size": 1, "mode": "area"}, [2.5]),
        ({"size": (1, 1), "mode": "bilinear", "align_corners": True}, [0]),
        ({"scale_factor": 1}, [0, 1, 2, 3, 4, 5]),
        # a factor that leaves the size, or doubles it, is not looked at, except by some modes
        ({"scale_factor": 1.1}, [0, 1, 2, 3, 4, 5]),
        ({"scale_factor": 1.3, "mode": "bilinear"}, [0, 1, 2, 3, 4, 5]),
        ({"scale_factor": 1.3, "mode": "nearest-exact"}, [0, 1, 1, 3, 4, 4]),
        ({"scale_factor": (1, 2.2)}, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        ({"size": (1, 2), "mode": "bilinear", "antialias": True}, [1.875, 3.125]),
        ({"size": (1, 2), "mode": "bicubic", "antialias": True, "align_corners": True}, [0.298307, 1.541031]),
        ({"size": (1, 2), "mode": "lanczos", "antialias": True}, [1.773951, 3.226049]),
        ({"size": (3, 1), "mode": "bicubic", "antialias": True}, [0.802632, 2.5, 4.197368]),
        ({"scale_factor": 1.3, "mode": "bilinear", "antialias": True}, [0, 1, 2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_interpolate(arguments: dict[str, Any], expected: list[float]) -> None:
    out = F.interpolate(IMAGE, **arguments)
    np.testing.assert_allclose(out.flatten().numpy(), expected, atol=1e-6)


def test_nearest_of_a_signal_keeps_to_the_factor() -> None:
    assert F.interpolate(tensor([[[0.0, 1.0, 2.0]]]), scale_factor=1.3).tolist() == [[[0, 0, 1]]]
    assert F.interpolate(tensor([[[0.0, 1.0, 2.0]]]), scale_factor=2.2).tolist() == [[[0, 0, 0, 1, 1, 2]]]


@pytest.mark.parametrize(("n", "size"), [(5, 9), (9, 5), (4, 4), (3, 1), (1, 3)])
@pytest.mark.parametrize("align", [False, True])
def test_trilinear_is_linear_along_each_dimension(n: int, size: int, align: bool) -> None:
    volume = np.random.default_rng(0).standard_normal((1, 2, n, 2, n))
    once = F.interpolate(tensor(volume), (size, 2, size), mode="trilinear", align_corners=align).numpy()
    places = np.linspace(0, n - 1, size) if align else (np.arange(size) + 0.5) * n / size - 0.5
    places = np.zeros(1) if align and size == 1 else places
    expected = volume
    for axis in (2, 4):
        expected = np.apply_along_axis(lambda line: np.interp(places, np.arange(n), line), axis, expected)
    np.testing.assert_allclose(once, expected, atol=1e-12)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area"])
@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_constant_stays_constant_and_gradient_is_shared_out(mode: str, size: int) -> None:
    x = tensor(np.full((1, 1, 7), 3.0), requires_grad=True)
    out = F.interpolate(x, size, mode=mode)
    np.testing.assert_allclose(out.detach().numpy(), np.full((1, 1, size), 3.0))
    out.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.sum().item(), size)


@pytest.mark.parametrize(
    ("mode", "padding", "expected"),
    [
        ("bilinear", "zeros", [0, 2.67, 0]),
        ("bilinear", "border", [0, 4.45, 4.15]),
        ("bilinear", "reflection", [0, 4.45, 1.75]),
        ("nearest", "zeros", [0, 4, 0]),
        ("nearest", "border", [0, 4, 4]),
        ("nearest", "reflection", [0, 4, 1]),
        ("bicubic", "zeros", [-0.024, 3.388764, -0.102735]),
        ("bicubic", "border", [-0.024, 4.869906, 4.208972]),
        ("bicubic", "reflection", [-0.12, 5.085907, 1.736971]),
    ],
)
def test_grid_sample(mode: str, padding: str, expected: list[float]) -> None:
    out = F.grid_sample(IMAGE.double(), POINTS, mode, padding, False)
    np.testing.assert_allclose(out.flatten().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 3, 2, 4)])
def test_identity_grid(shape: tuple[int, ...], align: bool) -> None:
    images = tensor(np.random.default_rng(0).standard_normal(shape))
    rank = len(shape) - 2
    theta = tensor(np.tile(np.eye(rank, rank + 1), (shape[0], 1, 1)))
    grid = F.affine_grid(theta, shape, align)
    assert grid.shape == (shape[0], *shape[2:], rank)
    np.testing.assert_allclose(F.grid_sample(images, grid, align_corners=align).numpy(), images.numpy(), atol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("threads", [1, 2])
def test_many_points_are_sampled_as_few(mode: str, padding: str, threads: int) -> None:
    drawn = np.random.default_rng(0)
    images, grid = drawn.standard_normal((3, 24, 11, 12)), drawn.uniform(-1.4, 1.4, (3, 32, 31, 2))
    images[1, 2, 0, 0] = np.inf  # which is the first pixel, but not what lies outside
    g = drawn.standard_normal((3, 24, 32, 31))
    before = autograd.get_num_threads()
    autograd.set_num_threads(threads)
    try:
        leaves = [tensor(a, requires_grad=True) for a in (images, grid)]
        out = F.grid_sample(*leaves, mode, padding, False)
        out.backward(tensor(g))
    finally:
        autograd.set_num_threads(before)
    slope = np.zeros(images.shape)
    for n, row in itertools.product(range(3), range(32)):
        one, line = slice(n, n + 1), slice(row, row + 1)
        few = [tensor(a, requires_grad=True) for a in (images[one], grid[one, line])]
        part = F.grid_sample(*few, mode, padding, False)
        part.backward(tensor(g[one, :, line]))
        np.testing.assert_allclose(out[one, :, line].detach().numpy(), part.detach().numpy(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(leaves[1].grad[n, row].numpy(), few[1].grad[0, 0].numpy(), rtol=1e-9, atol=1e-9)
        slope[n] += few[0].grad[0].numpy()
    np.testing.assert_allclose(leaves[0].grad.numpy(), slope, rtol=1e-9, atol=1e-9)
    assert np.isfinite(out.detach().numpy()).mean() > 0.95


def test_points_of_another_precision_than_the_images() -> None:
    images = tensor(np.random.default_rng(0).standard_normal((1, 2, 4, 5)).astype(np.float32))
    grid = tensor(np.random.default_rng(1).uniform(-1, 1, (1, 3, 2, 2)))
    out = F.grid_sample(images, grid, align_corners=False)
    assert out.dtype == autograd.float64
    np.testing.assert_allclose(out.numpy(), F.grid_sample(images.double(), grid, align_corners=False).numpy())


def test_affine_grid() -> None:
    grid = F.affine_grid(tensor([[[1.0, 0.5, 0.1], [0.0, 2.0, 0.2]]]), (1, 1, 2, 2), align_corners=False)
    expected = [[[[-0.65, -0.8], [0.35, -0.8]], [[-0.15, 1.2], [0.85, 1.2]]]]
    np.testing.assert_allclose(grid.numpy(), expected, atol=1e-6)


def test_points_that_are_no_numbers_lie_outside() -> None:
    points = tensor([[[[np.nan, 0.0], [np.inf, 0.0]]]], dtype=autograd.float64)
    assert F.grid_sample(IMAGE.double(), points, "nearest").flatten().tolist() == [0, 0]


def test_grid_of_nearest_pixels_has_no_slope() -> None:
    grid = autograd.tensor([[[[-0.4, 0.3]]]], dtype=autograd.float64, requires_grad=True)
    F.grid_sample(IMAGE.double(), grid, "nearest").sum().backward()
    assert grid.grad.tolist() == [[[[0.0, 0.0]]]]


@pytest.mark.parametrize(
    ("layer", "text", "shape"),
    [
        (nn.Upsample(scale_factor=2), "Upsample(scale_factor=2.0, mode='nearest')", (1, 1, 4, 6)),
        (nn.Upsample(size=(3, 4), mode="bilinear"), "Upsample(size=(3, 4), mode='bilinear')", (1, 1, 3, 4)),
        (nn.UpsamplingNearest2d(size=4), "UpsamplingNearest2d(size=4, mode='nearest')", (1, 1, 4, 4)),
        (nn.UpsamplingBilinear2d(scale_factor=2), "UpsamplingBilinear2d(scale_factor=2.0, mode='bilinear')",
         (1, 1, 4, 6)),
    ],
)  # fmt: skip
def test_layers(layer: nn.Module, text: str, shape: tuple[int, ...]) -> None:
    assert repr(layer) == text
    assert layer(IMAGE).shape == shape


def test_upsampling_bilinear_keeps_the_corners() -> None:
    out = nn.UpsamplingBilinear2d(scale_factor=3)(IMAGE).numpy()[0, 0]
    np.testing.assert_allclose([out[0, 0], out[0, -1], out[-1, 0], out[-1, -1]], [0, 2, 3, 5], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.interpolate(IMAGE), ValueError, "either size or scale_factor"),
        (lambda: F.interpolate(IMAGE, 2, 2), ValueError, "either size or scale_factor"),
        (lambda: F.interpolate(IMAGE, 2, align_corners=True), ValueError, "align_corners"),
        (lambda: F.interpolate(IMAGE, 2, mode="linear"), ShapeError, "3 dimensions"),
        (lambda: F.interpolate(IMAGE, (2, 2, 2)), ShapeError, "2 spatial dimensions"),
        (lambda: F.interpolate(IMAGE, 0), ShapeError, "positive"),
        (lambda: F.interpolate(IMAGE, 2, mode="lanczos"), ValueError, "lanczos"),
        (lambda: F.interpolate(IMAGE, 2, antialias=True), ValueError, "antialias"),
        (lambda: F.interpolate(IMAGE, 2, recompute_scale_factor=True), ValueError, "recompute_scale_factor"),
        (lambda: F.grid_sample(IMAGE, autograd.zeros(1, 2, 3)), ShapeError, "grid"),
        (lambda: F.grid_sample(IMAGE, autograd.zeros(1, 2, 3, 2), "cubic"), ValueError, "'cubic'"),
        (lambda: F.grid_sample(IMAGE, autograd.zeros(1, 2, 3, 2), padding_mode="wrap"), ValueError, "'wrap'"),
        (lambda: F.affine_grid(autograd.zeros(1, 2, 2), (1, 1, 2, 2)), ShapeError, "theta"),
    ],
)
def test_errors(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_older_names_of_interpolate():
    x = autograd.tensor(np.arange(12.0).reshape(1, 1, 3, 4))
    for found, expected in (
        (F.upsample(x, 5), F.interpolate(x, 5)),
        (F.upsample(x, scale_factor=2, mode="bicubic", align_corners=True),
         F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=True)),
        (F.upsample_nearest(x, scale_factor=2), F.interpolate(x, (6, 8))),
        (F.upsample_bilinear(x, (5, 7)), F.interpolate(x, (5, 7), mode="bilinear", align_corners=True)),
    ):  # fmt: skip
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("space", [(3, 4), (3, 4, 2)])
def test_grid_sample_of_no_examples(mode: str, space: tuple[int, ...]) -> None:
    x = autograd.ones(0, 2, *space, requires_grad=True)
    grid = autograd.ones(0, *space, len(space), requires_grad=True)
    out = F.grid_sample(x, grid, mode=mode, align_corners=False)
    assert out.shape == (0, 2, *space)
    out.sum().backward()
    assert (x.grad.shape, grid.grad.shape) == (x.shape, grid.shape)
