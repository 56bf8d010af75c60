"""Weighted sums of pixels at given places, for ``grid_sample``.

Three ops, each the derivative of the others, as each is linear in what it takes: sums of pixels, pixels to which such
sums are spread, and weights. Of n pixels, the place ``n`` is outside: a zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..engine.blocks import shared
from ..samples import case, reals
from ._index_sums import weighted_rows_added
from .axes import wide_dtype

__all__ = ["sample_pixels", "spread_pixels", "weigh_pixels"]

_SOME = 1 << 12
"""From this many elements on, a sparse matrix product adds faster than ``np.add.at``."""
_LARGE = 1 << 16
"""So many elements are worth another thread."""

_PLACES = np.array([[[0, 2, 3], [1, 2, 2]], [[3, 3, 0], [1, 0, 2]]])


def _gathered(x: Any, place: Any) -> Any:
    """The pixels (images, channels, taps, points) of ``x`` (images, channels, pixels) at (images, taps, points)."""
    images, taps, points = place.shape
    index = np.reshape(place, (images, 1, taps * points))
    x = np.concatenate([x, np.zeros((*x.shape[:2], 1), x.dtype, like=x)], 2)
    return np.reshape(np.take_along_axis(x, index, 2), (images, x.shape[1], taps, points))


def _by_image(x: Any, place: Any, work: Any) -> None:
    """``work(image, pixels)`` for each image, with its pixels (channels, taps, points)."""
    images, taps, points = place.shape
    index = np.reshape(place, (images, taps * points))

    def start() -> Any:
        frame = np.zeros((x.shape[1], x.shape[2] + 1), x.dtype)
        seen = np.empty((x.shape[1], taps * points), x.dtype)

        def one(image: int) -> None:
            frame[:, :-1] = x[image]
            np.take(frame, index[image], 1, seen, "clip")  # without a check, and so without a copy
            work(image, np.reshape(seen, (x.shape[1], taps, points)))

        return one

    if x.shape[1] * place.size < _LARGE:
        one = start()
        for image in range(images):
            one(image)
    else:
        shared(range(images), start)


def _plain(*arrays: Any) -> bool:
    """Whether they are arrays of one dtype, and nothing else."""
    return all(type(array) is np.ndarray for array in arrays) and len({array.dtype for array in arrays[:2]}) == 1


@op(
    x=lambda g, x_shape, weights, place: spread_pixels.kernel(g, weights, place, x_shape[2]),
    weights=lambda g, x, place: weigh_pixels.kernel(x, g, place),
    constants=("place",),
    jvp="multilinear",
    samples=[case(x=reals(shape=(2, 2, 3)), weights=reals(shape=(2, 2, 3)), place=_PLACES)],
)
def sample_pixels(x: Any, weights: Any, place: Any) -> Any:
    """The sum of the pixels of ``x`` at ``place``, times ``weights``.

    Shape: (images, channels, pixels), (images, taps, points), (images, taps, points) -> (images, channels, points).
    """
    if not _plain(x, weights, place):
        return np.add.reduce(_gathered(x, place) * np.expand_dims(weights, 1), 2)
    out = np.empty((*x.shape[:2], place.shape[2]), x.dtype)

    def work(image: int, pixels: Any) -> None:
        np.multiply(pixels, weights[image], out=pixels)
        np.add.reduce(pixels, 1, out=out[image])

    _by_image(x, place, work)
    return out


@op(
    x=lambda g, weights, place: sample_pixels.kernel(g, weights, place),
    weights=lambda g, x, place: weigh_pixels.kernel(g, x, place),
    constants=("place",),
    jvp="multilinear",
    samples=[case(x=reals(shape=(2, 2, 3)), weights=reals(shape=(2, 2, 3)), place=_PLACES, size=3)],
)
def spread_pixels(x: Any, weights: Any, place: Any, size: int) -> Any:
    """Zeros, to which ``x``, times ``weights``, is added at ``place``: the transpose of ``sample_pixels``.

    Shape: (images, channels, points), (images, taps, points), (images, taps, points) -> (images, channels, size).
    """
    images, channels, points = x.shape
    start = np.reshape(np.arange(images) * (size + 1), (-1, 1, 1))
    dtype = np.result_type(x.dtype, weights.dtype)
    wide = wide_dtype(dtype)
    lines = np.reshape(np.swapaxes(x, 1, 2).astype(wide, order="C"), (images * points, channels))
    # a point after the other, each with its taps
    place = np.reshape(np.swapaxes(place + start, 1, 2), -1)
    weights = np.reshape(np.swapaxes(weights, 1, 2).astype(wide, order="C"), -1)
    out = _added(lines, weights, place, images * (size + 1))
    out = np.swapaxes(np.reshape(out, (images, size + 1, channels))[:, :size], 1, 2)
    return out.astype(dtype, order="C")


def _added(lines: Any, weights: Any, place: Any, size: int) -> Any:
    """Rows, times weights, added at places: of each row there are as many, one after the other."""
    if lines.shape[1] * place.size >= _SOME:
        return weighted_rows_added(lines, weights, place, size)
    taps = place.size // max(len(lines), 1)
    out = np.zeros((size, lines.shape[1]), lines.dtype, like=lines)
    np.add.at(out, place, np.repeat(lines, taps, 0) * np.expand_dims(weights, 1))
    return out


@op(
    x=lambda g, x_shape, y, place: spread_pixels.kernel(y, g, place, x_shape[2]),
    y=lambda g, x, place: sample_pixels.kernel(x, g, place),
    constants=("place",),
    jvp="multilinear",
    samples=[case(x=reals(shape=(2, 2, 3)), y=reals(shape=(2, 2, 3)), place=_PLACES)],
)
def weigh_pixels(x: Any, y: Any, place: Any) -> Any:
    """The products of the pixels of ``x`` at ``place`` with those of ``y``, summed over channels.

    Shape: (images, channels, pixels), (images, channels, points), (images, taps, points) -> (images, taps, points).
    """
    if not _plain(x, y, place):
        return np.add.reduce(_gathered(x, place) * np.expand_dims(y, 2), 1)
    out = np.empty(place.shape, x.dtype)

    def work(image: int, pixels: Any) -> None:
        np.multiply(pixels, np.expand_dims(y[image], 1), out=pixels)
        np.add.reduce(pixels, 0, out=out[image])

    _by_image(x, place, work)
    return out
