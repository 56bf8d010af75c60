"""Boxes, which stand for arrays in functions that are differentiated: NumPy's methods, operators and dtypes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import func
from autograd.boxes import ArrayBox

X = np.arange(6.0).reshape(2, 3) - 1.75
V = np.array([0.5, -1.0, 2.0])
WHOLE = np.array([1, 2, 3])
SINGLE = X.astype(np.float32)


def test_a_box_has_the_methods_of_an_array():
    x = np.arange(6.0).reshape(2, 3) + 1.5

    def f(x):
        assert x.size == 6
        assert x.ndim == 2
        assert x.strides == (24, 8)
        assert type(x > 2) is np.ndarray
        assert x.argmax() == 5
        assert (x.T.shape, x.transpose(1, 0).shape, x.transpose().shape) == ((3, 2),) * 3
        assert (x.reshape(3, 2).shape, x.reshape((-1,)).shape, x.flatten().shape) == ((3, 2), (6,), (6,))
        parts = x.sum(axis=0).max() + x.mean() + x.std(ddof=1) + x.repeat(2, axis=1)[0].prod() + x.cumsum()[-1]
        y = x.copy()
        y += 1
        return parts + x.clip(2, 4).sum() + (y @ x.T).trace() + x.swapaxes(0, 1).dot(x).min() + x.astype(float).var()

    found = func.grad(f)(x)
    h = 1e-6
    for i in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[i] = h
        numerical = (_plain(x + unit) - _plain(x - unit)) / (2 * h)
        assert found[i] == pytest.approx(numerical, rel=1e-6), i


def _plain(x: Any) -> Any:
    parts = x.sum(axis=0).max() + x.mean() + x.std(ddof=1) + x.repeat(2, axis=1)[0].prod() + x.cumsum()[-1]
    y = x + 1
    return parts + x.clip(2, 4).sum() + (y @ x.T).trace() + x.swapaxes(0, 1).dot(x).min() + x.astype(float).var()


@pytest.mark.parametrize(
    ("escape", "message"),
    [
        (math.sin, r"float\(\) of a value that is being differentiated"),
        (lambda x: x.item(), "a Python number has no gradient"),
        (lambda x: [1, 2][x], r"index\(\)|int\(\)"),
        (lambda x: np.asarray(x), "not turned into an array silently"),
        (lambda x: x.sort(), "sort the array in place"),
        (lambda x: x.put([0], 1.0), "change the array in place"),
    ],
)
def test_a_box_does_not_lose_its_gradient_silently(escape, message):
    with pytest.raises(autograd.GradientError, match=message):
        func.grad(escape)(1.0)


def inside(f: Any, *arrays: Any) -> Any:
    """What ``f`` computes of boxes of these arrays, as it is there."""
    seen = []

    def run(*boxes: Any) -> float:
        seen.append(f(*boxes))
        return 0.0

    func.vjp(run, *arrays)
    return seen[0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(0, np.float64),
        lambda x: x.sum(dtype=float),
        lambda x: x.cumsum(axis=1, dtype=np.float64),
        lambda x: x.astype(float),
        lambda x: x.astype("float64"),
        lambda x: x.astype(np.float32, copy=False),
        lambda x: x * V,
        lambda x: V - x,
        lambda x: x * WHOLE,
        lambda x: x / WHOLE.max(),
        lambda x: x + np.float64(2),
        lambda x: np.float64(2) - x,
        lambda x: np.float32(2) * x,
        lambda x: x * np.array(2.0),
        lambda x: x * 2.5,
        lambda x: 2**x,
        lambda x: x * (WHOLE > 1),
        lambda x: [1.0, 2.0, 3.0] - x,
        lambda x: x @ [1.0, 2.0, 3.0],
        lambda x: x[0].dot([0.1, 0.2, 0.3]),
        lambda x: x.clip(max=[0.1, 0.2, 0.3]),
        lambda x: x.clip([0.1, 0.2, 0.3]),
        lambda x: np.maximum(x, V),
        lambda x: np.arctan2(V, x),
        lambda x: np.ldexp(x, 2),
        lambda x: x.sum() * V,
        lambda x: x * 1j,
        lambda x: x > V,
        lambda x: x.copy("F"),
        lambda x: x.imag,
        lambda x: (x * (1 + 2j)).imag,
        lambda x: x.flat[4],
        lambda x: x.view(),
        lambda x: x.view(x.dtype),
        lambda x: round(x[0, 0], 1),
        lambda x: np.float64(3) < x,
        lambda x: x[[0, 1], 2],
    ],
)
@pytest.mark.parametrize("x", [X, SINGLE], ids=["float64", "float32"])
def test_values_and_dtypes_are_those_of_arrays(f, x):
    found, expected = inside(f, x), f(x)
    assert isinstance(found, (ArrayBox, np.ndarray, np.generic))
    found = found._data if isinstance(found, ArrayBox) else found
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_two_boxes_of_different_dtypes():
    assert inside(lambda a, b: a * b, X, SINGLE).dtype == np.float64
    assert inside(lambda a, b: a.sum() * b, X, SINGLE).dtype == np.float64
    wide, narrow = func.grad(lambda a, b: (a * b).sum(), (0, 1))(X, SINGLE)
    assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)


def test_bits_are_not_read_anew():
    with pytest.raises(autograd.GradientError, match=r"use x\.astype to convert it"):
        inside(lambda x: x.view(np.int64), X)
