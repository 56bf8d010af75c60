"""Padding in every mode, and the layers that rearrange elements: shuffles, flatten, unflatten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import ShapeError, tensor

RNG = np.random.default_rng(0)
NUMPY_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize("pad", [(1, 2), (2, 0, 1, 1), (0, 2, 2, 1, 1, 0)])
def test_pad(mode: str, pad: tuple[int, ...]) -> None:
    x = RNG.standard_normal((2, 3, 4, 3))
    widths = [(0, 0)] * (4 - len(pad) // 2) + list(zip(pad[-2::-2], pad[-1::-2], strict=True))
    expected: Any = np.pad(x, widths, mode=NUMPY_MODES[mode])  # type: ignore[call-overload]
    np.testing.assert_array_equal(F.pad(tensor(x), pad, mode).numpy(), expected)


@pytest.mark.parametrize(
    ("pad", "mode", "expected"),
    [
        ((-1, 2), "constant", [1, 2, 0, 0]),
        ((-1, 2), "reflect", [1, 2, 1, 0]),
        ((-1, 2), "replicate", [1, 2, 2, 2]),
        ((-1, 2), "circular", [1, 2, 1, 2]),
        ((-1, -1), "circular", [1]),
        ((2, -1), "reflect", [2, 1, 0, 1]),
    ],
)
def test_negative_padding_cuts_off(pad: tuple[int, ...], mode: str, expected: list[int]) -> None:
    assert F.pad(tensor([[0.0, 1.0, 2.0]]), pad, mode).tolist() == [expected]


def test_pad_keeps_integers_and_takes_a_value() -> None:
    out = F.pad(tensor([1, 2]), (1, 1), value=7)
    assert out.dtype == np.int64
    assert out.tolist() == [7, 1, 2, 7]


def test_gradient_counts_how_often_an_element_is_used() -> None:
    for mode, expected in (("reflect", [1, 3, 2]), ("replicate", [3, 1, 2]), ("circular", [2, 2, 2])):
        x = tensor([[0.0, 1.0, 2.0]], requires_grad=True)
        F.pad(x, (2, 1), mode).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [expected], mode


@pytest.mark.parametrize(
    ("layer", "text", "shape", "expected"),
    [
        (nn.ConstantPad1d(1, 2.0), "ConstantPad1d(padding=(1, 1), value=2.0)", (2, 3), (2, 5)),
        (nn.ConstantPad2d((1, 2, 3, 4), 0), "ConstantPad2d(padding=(1, 2, 3, 4), value=0)", (2, 3, 3), (2, 10, 6)),
        (nn.ZeroPad2d(1), "ZeroPad2d((1, 1, 1, 1))", (1, 2, 3, 3), (1, 2, 5, 5)),
        (nn.ReflectionPad1d((1, 2)), "ReflectionPad1d((1, 2))", (1, 2, 3), (1, 2, 6)),
        (nn.ReflectionPad3d(1), "ReflectionPad3d((1, 1, 1, 1, 1, 1))", (1, 2, 2, 2), (1, 4, 4, 4)),
        (nn.ReplicationPad2d(2), "ReplicationPad2d((2, 2, 2, 2))", (1, 1, 1), (1, 5, 5)),
        (nn.CircularPad1d(3), "CircularPad1d((3, 3))", (1, 3), (1, 9)),
    ],
)
def test_layers(layer: nn.Module, text: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert repr(layer) == text
    assert layer(autograd.ones(*shape)).shape == expected


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.pad(autograd.ones(1, 3), (3, 0), "reflect"), ShapeError, "at most 2"),
        (lambda: F.pad(autograd.ones(1, 3), (4, 0), "circular"), ShapeError, "at most 3"),
        (lambda: F.pad(autograd.ones(1, 3), (-4, 2), "replicate"), ShapeError, "cut off"),
        (lambda: F.pad(autograd.ones(1, 0), (1, 0), "replicate"), ShapeError, "too much"),
        (lambda: F.pad(autograd.ones(3), (1, 1, 1, 1), "reflect"), ShapeError, "pairs"),
        (lambda: F.pad(autograd.ones(3), (1, 1), "mirror"), ValueError, "'mirror'"),
        (lambda: F.pad(autograd.ones(1, 3), (1, 1), "reflect", 2.0), ValueError, "no value"),
        (lambda: nn.ZeroPad2d((1, 2)), ValueError, "4 numbers"),
        (lambda: nn.ReflectionPad1d(1)(autograd.ones(3)), ShapeError, "2 or 3 dimensions"),
        (lambda: F.pixel_shuffle(autograd.ones(3, 2, 2), 2), ShapeError, "3 channels"),
        (lambda: F.pixel_unshuffle(autograd.ones(1, 3, 2), 2), ShapeError, "not divisible"),
        (lambda: F.pixel_shuffle(autograd.ones(4, 2), 2), ShapeError, "height, width"),
        (lambda: F.channel_shuffle(autograd.ones(1, 3, 1), 2), ShapeError, "2 groups"),
        (lambda: F.channel_shuffle(autograd.ones(1, 4), 2), ShapeError, r"got shape \(1, 4\)"),
        (lambda: F.pad(autograd.ones(4), (-5, 1)), ShapeError, "cuts more than there is"),
        (lambda: nn.Unflatten(1, 6), TypeError, "tuple"),
    ],
)
def test_errors(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


# ---- rearranging -----------------------------------------------------------------------------------------------------


def test_pixel_shuffle() -> None:
    x = autograd.arange(8).reshape(1, 8, 1, 1)
    shuffled = nn.PixelShuffle(2)(x)
    assert shuffled.tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]
    assert nn.PixelUnshuffle(2)(shuffled).tolist() == x.tolist()


def test_channel_shuffle() -> None:
    x = autograd.arange(6).reshape(1, 6, 1)
    assert nn.ChannelShuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_flatten_and_unflatten() -> None:
    x = autograd.ones(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, -1))(autograd.ones(2, 12)).shape == (2, 3, 4)
    assert nn.Unflatten(1, (-1, 2))(autograd.ones(0, 4)).shape == (0, 2, 2)
    assert F.pad(autograd.tensor(2.0), ()).item() == 2


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
        (nn.PixelShuffle(2), "PixelShuffle(upscale_factor=2)"),
        (nn.PixelUnshuffle(2), "PixelUnshuffle(downscale_factor=2)"),
        (nn.ChannelShuffle(2), "ChannelShuffle(groups=2)"),
    ],
)
def test_reprs(layer: nn.Module, text: str) -> None:
    assert repr(layer) == text
