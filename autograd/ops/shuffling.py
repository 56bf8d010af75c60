"""Moving elements between channels and pixels, and channels between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._op import composed
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from .casting import clone
from .dimensions import permute
from .shapes import reshape, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor


def _last_three(name: str, x: Any, factor: int) -> tuple[tuple[int, ...], int, int, int]:
    shape = tuple(shape_of(x))
    if len(shape) < 3:
        raise ShapeError(f"{name}: expected (..., channels, height, width), got shape {shape}")
    if factor < 1:
        raise ArgumentError(f"{name}: the factor must be positive, got {factor}")
    return shape[:-3], *shape[-3:]  # type: ignore[return-value]


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(4, 2, 1)), upscale_factor=2), case(x=reals(shape=(2, 4, 1, 2)), upscale_factor=2),
])  # fmt: skip
def pixel_shuffle(x: Any, upscale_factor: int) -> Tensor:
    """Images enlarged by moving channels to new pixels: (..., C r r, H, W) becomes (..., C, H r, W r).

    Args:
        x: images.
        upscale_factor: ``r``.

    Raises: ShapeError, ValueError.

    Source: W. Shi et al., Real-Time Single Image and Video Super-Resolution, 2016.
    """
    r = upscale_factor
    lead, channels, height, width = _last_three("pixel_shuffle", x, r)
    if channels % (r * r):
        raise ShapeError(f"pixel_shuffle: {channels} channels of shape {shape_of(x)} are not divisible by {r} * {r}")
    if r == 1:
        return clone(x)
    n = len(lead)
    apart = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    apart = permute(apart, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(apart, (*lead, channels // (r * r), height * r, width * r))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(1, 4, 2)), downscale_factor=2), case(x=reals(shape=(2, 1, 2, 4)), downscale_factor=2),
])  # fmt: skip
def pixel_unshuffle(x: Any, downscale_factor: int) -> Tensor:
    """Images made smaller by moving pixels to new channels: what undoes ``pixel_shuffle``.

    Args:
        x: images.
        downscale_factor: by which height and width are divided.

    Raises: ShapeError, ValueError.
    """
    r = downscale_factor
    lead, channels, height, width = _last_three("pixel_unshuffle", x, r)
    if height % r or width % r:
        raise ShapeError(f"pixel_unshuffle: height and width of shape {shape_of(x)} are not divisible by {r}")
    if r == 1:
        return clone(x)
    n = len(lead)
    apart = reshape(x, (*lead, channels, height // r, r, width // r, r))
    apart = permute(apart, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(apart, (*lead, channels * r * r, height // r, width // r))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(1, 4, 2)), groups=2), case(x=reals(shape=(2, 6, 1)), groups=3),
])  # fmt: skip
def channel_shuffle(x: Any, groups: int) -> Tensor:
    """The channels of (examples, channels, ...) dealt out anew: one of each group, then the next of each, and so on.

    Args:
        x: an array.
        groups: into how many groups the channels are divided.

    Raises: ShapeError.

    Source: X. Zhang et al., ShuffleNet, 2018.
    """
    shape = tuple(shape_of(x))
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle: expected (examples, channels, size, ...), got shape {shape}")
    if groups < 1 or shape[1] % groups:
        raise ShapeError(f"channel_shuffle: {shape[1]} channels of shape {shape} do not divide into {groups} groups")
    if groups == 1:
        return clone(x)
    apart = reshape(x, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return reshape(permute(apart, (0, 2, 1, *range(3, len(shape) + 1))), shape)
