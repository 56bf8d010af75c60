"""Histograms and memberships, common shapes, and new Tensors with strides; expected values are PyTorch 2.13's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd import errors

nan = float("nan")


def tensor(values: Any) -> Any:
    return autograd.tensor(values, dtype="float64")


@pytest.mark.parametrize(
    ("x", "settings", "hist", "edges"),
    [
        ([1, 2, 3], {"bins": 4}, [1, 0, 1, 1], [1, 1.5, 2, 2.5, 3]),
        ([], {"bins": 4}, [0, 0, 0, 0], [0, 0.25, 0.5, 0.75, 1]),
        ([1, 1], {"bins": 4}, [0, 0, 2, 0], [0.5, 0.75, 1, 1.25, 1.5]),
        ([1, 2, nan], {"bins": 4, "range": (0, 3)}, [0, 1, 1, 0], [0, 0.75, 1.5, 2.25, 3]),
        ([[1, 2], [3, 9]], {"bins": [0, 2, 3]}, [1, 2], [0, 2, 3]),
        ([1, 2, 3], {"bins": 2, "range": (0, 4), "weight": [0.5, 1, 2]}, [0.5, 3], [0, 2, 4]),
        ([1, 2, 3, 4], {"bins": [0, 2, 6], "density": True}, [0.125, 0.1875], [0, 2, 6]),
    ],
)
def test_histogram(x: Any, settings: dict[str, Any], hist: Any, edges: Any) -> None:
    settings = {name: tensor(v) if isinstance(v, list) else v for name, v in settings.items()}
    out = autograd.histogram(tensor(x), **settings)
    assert out.hist.tolist() == pytest.approx(hist)
    assert out.bin_edges.tolist() == pytest.approx(edges)
    assert out.hist.dtype == out.bin_edges.dtype == autograd.float64
    assert tensor(x).histogram(**settings).hist.tolist() == out.hist.tolist()


def test_histogram_of_points() -> None:
    points = tensor([[0, 1], [1, 0], [2, 0], [2, 2]])
    out = autograd.histogramdd(points, [3, 3], weight=tensor([1, 2, 4, 8]))
    assert out.hist.tolist() == [[0, 1, 0], [2, 0, 0], [4, 0, 8]]
    assert [edges.tolist() for edges in out.bin_edges] == [pytest.approx([0, 2 / 3, 4 / 3, 2])] * 2
    hist, edges = autograd.histogramdd(points, 2, range=[0, 1, 0, 2], density=True)
    assert hist.tolist() == [[0, 1], [1, 0]]
    hist, edges = autograd.histogramdd(points, (tensor([0, 1, 3]), tensor([0, 2])))
    assert hist.tolist() == [[1], [3]]
    assert len(edges) == 2
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    ours = autograd.histogramdd(autograd.tensor(np.stack([x, y], 1).reshape(5, 10, 2)), [4, 3]).hist
    assert ours.tolist() == np.histogram2d(x, y, [4, 3])[0].tolist()


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: autograd.histogram(autograd.tensor([1, 2]), 2), errors.DtypeError, "histogram: .*int64"),
        (lambda: autograd.histogram(tensor([1, nan]), 2), ValueError, "histogram: the range .*finite"),
        (lambda: autograd.histogram(tensor([1]), 2, range=(3, 0)), ValueError, "lower end first"),
        (lambda: autograd.histogram(tensor([1]), 0), ValueError, "at least one bin, got 0"),
        (lambda: autograd.histogram(tensor([1]), tensor([2, 1])), ValueError, "ascending"),
        (lambda: autograd.histogram(tensor([1]), tensor([2])), ValueError, "two or more"),
        (lambda: autograd.histogram(tensor([1]), 2, weight=tensor([1, 2])), errors.ShapeError, r"\(1,\), got \(2,\)"),
        (lambda: autograd.histogramdd(tensor([1]), 2), errors.ShapeError, "use histogram"),
        (lambda: autograd.histogramdd(tensor([[1, 2]]), [3]), errors.ShapeError, "1 bins for the 2 coordinates"),
        (lambda: autograd.histogramdd(tensor([[1, 2]]), 3, range=[0, 1]), errors.ShapeError, "two numbers for each"),
    ],
)
def test_histogram_errors(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_isin() -> None:
    x = autograd.tensor([[2, 3], [4, 5]])
    assert autograd.isin(x, autograd.tensor([[2, 3, 4]])).tolist() == [[True, True], [True, False]]
    assert autograd.isin(x, autograd.tensor([2, 5]), invert=True).tolist() == [[False, True], [True, False]]
    assert autograd.isin(x, 4, assume_unique=True).tolist() == [[False, False], [True, False]]
    assert autograd.isin(2, x).item() is True
    assert autograd.isin(tensor([1, nan]), tensor([nan, 1.0])).tolist() == [True, False]
    assert autograd.isin(tensor([1.5, 2]), x).tolist() == [False, True]
    assert np.isin(x, autograd.tensor([3])).tolist() == [[False, True], [False, False]]
    assert autograd.isin(x, autograd.tensor([], dtype="int64")).sum().item() == 0


def test_broadcast_shapes() -> None:
    assert autograd.broadcast_shapes((2, 1), 3, (1,)) == (2, 3)
    assert autograd.broadcast_shapes() == ()
    with pytest.raises(errors.ShapeError, match=r"\(2, 3\), \(4,\) do not broadcast"):
        autograd.broadcast_shapes((2, 3), (4,))


def test_new_empty_strided() -> None:
    x = autograd.ones(1, dtype="float64")
    made = x.new_empty_strided((2, 3), (1, 2))
    assert (made.shape, made.stride(), made.dtype) == ((2, 3), (1, 2), autograd.float64)
    made.fill_(1)
    assert made.sum().item() == 6
    assert x.new_empty_strided((2, 2), (0, 1), dtype=autograd.int8).dtype == autograd.int8
    assert x.new_empty_strided((0, 2), (2, 1)).shape == (0, 2)
    assert x.new_empty_strided((), ()).shape == ()
    for size, stride in [((2,), (1, 1)), ((2,), (-1,))]:
        with pytest.raises(errors.ShapeError, match="a step, not negative"):
            x.new_empty_strided(size, stride)


def test_methods_that_draw() -> None:
    autograd.manual_seed(0)
    ones = autograd.full((50,), 0.5).bernoulli()
    assert set(ones.tolist()) == {0.0, 1.0}
    assert autograd.zeros(3).bernoulli(1.0).tolist() == [1, 1, 1]
    assert autograd.tensor([0.0, 1.0]).multinomial(3, replacement=True).tolist() == [1, 1, 1]
