"""Embeddings and bags of them: values, gradients that add up, padding, renormalizing, errors."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import func
from autograd.ops.embeddings import add_rows

W = np.random.default_rng(0).standard_normal((6, 3))
IDS = np.array([[1, 2, 1, 5], [2, 2, 0, 1]])


def weight():
    return autograd.tensor(W.copy(), requires_grad=True)


@pytest.mark.parametrize(("padding_idx", "by_freq"), [(None, False), (2, False), (-5, False), (None, True), (1, True)])
def test_gradient_adds_up_over_repeats(padding_idx, by_freq):
    w = weight()
    g = np.random.default_rng(1).standard_normal((2, 4, 3))
    out = F.embedding(autograd.tensor(IDS), w, padding_idx, scale_grad_by_freq=by_freq)
    np.testing.assert_array_equal(out.detach().numpy(), W[IDS])
    out.backward(autograd.tensor(g))
    expected = np.zeros_like(W)
    for place in np.ndindex(2, 4):
        row = IDS[place]
        if padding_idx is None or row != padding_idx % 6:
            expected[row] += g[place] / ((row == IDS).sum() if by_freq else 1)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-12)


def test_gradients_by_frequency_are_mapped():
    def loss(w, ids):
        return (F.embedding(ids, w, scale_grad_by_freq=True) ** 2).sum()

    w = autograd.tensor(W)
    each = [func.grad(loss)(w, autograd.tensor(row)).tolist() for row in IDS]
    np.testing.assert_allclose(func.vmap(func.grad(loss), (None, 0))(w, autograd.tensor(IDS)), each)


@pytest.mark.parametrize("twice", [False, True])
def test_rows_that_are_used_once(twice):
    index, x = np.random.default_rng(3).permutation(80)[:64], np.random.default_rng(4).standard_normal((64, 70))
    index[1] = index[0] if twice else index[1]
    expected = np.zeros((80, 70))
    np.add.at(expected, index, x)
    np.testing.assert_array_equal(add_rows(x, index, 80).numpy(), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_many_rows_are_added_as_few_are(dtype):
    drawn = np.random.default_rng(2)
    index, x = drawn.integers(0, 50, (40, 25)), drawn.standard_normal((40, 25, 8)).astype(dtype)
    total = add_rows(x, index, 60, 3)
    assert total.dtype == dtype
    expected = np.zeros((60, 8), "complex128" if dtype == "complex64" else "float64")
    np.add.at(expected, index.ravel(), x.reshape(-1, 8))
    expected[3] = 0
    np.testing.assert_allclose(total, expected, atol=0.05 if dtype == "float16" else 1e-4)
    assert not total[50:].any()


@pytest.mark.parametrize(("norm_type", "lengths"), [(2.0, (1.0, 1.0)), (1.0, (1.0, 1.0))])
def test_long_rows_are_shortened_in_place_and_others_left_alone(norm_type, lengths):
    start = np.array([[3.0, 4.0], [0.1, 0.2], [6.0, 8.0]])
    w = autograd.tensor(start.copy(), requires_grad=True)
    out = F.embedding(autograd.tensor([1, 0, 0]), w, max_norm=1.0, norm_type=norm_type)
    changed = w.detach().numpy()
    np.testing.assert_array_equal(changed[1:], start[1:])
    assert np.linalg.norm(changed[0], norm_type) == pytest.approx(lengths[0], abs=1e-6)
    np.testing.assert_array_equal(out.detach().numpy(), changed[[1, 0, 0]])
    out.sum().backward()
    assert w.grad.tolist() == [[2.0, 2.0], [1.0, 1.0], [0.0, 0.0]]


def test_module_settings():
    autograd.manual_seed(0)
    layer = nn.Embedding(50, 40, padding_idx=-1)
    assert layer.padding_idx == 49
    values = layer.weight.detach().numpy()
    assert not values[49].any()
    assert abs(values[:49].std() - 1) < 0.05
    assert repr(layer) == "Embedding(50, 40, padding_idx=49)"
    told = "Embedding(3, 2, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True)"
    assert repr(nn.Embedding(3, 2, None, 1.0, 1.0, True)) == told
    assert list(layer.state_dict()) == ["weight"]
    assert nn.Embedding(3, 2, dtype="float64").weight.dtype == np.float64
    frozen = nn.Embedding.from_pretrained(autograd.tensor(W), padding_idx=0)
    assert not frozen.weight.requires_grad
    np.testing.assert_array_equal(frozen.weight.numpy(), W)
    assert nn.Embedding.from_pretrained(autograd.tensor(W), freeze=False).weight.requires_grad
    assert not nn.EmbeddingBag.from_pretrained(autograd.tensor(W), mode="sum").weight.requires_grad
    assert repr(nn.EmbeddingBag(3, 2, padding_idx=1)) == "EmbeddingBag(3, 2, mode='mean', padding_idx=1)"


# ---- bags ------------------------------------------------------------------------------------------------------------

BAGS = [[1, 2, 1, 5], [], [2, 2, 0, 1], [4]]
LINE = np.array([i for bag in BAGS for i in bag])
OFFSETS = np.array([0, 4, 4, 8])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 4, 1])
@pytest.mark.parametrize("include_last", [False, True])
def test_bags(mode, padding_idx, include_last):
    w = weight()
    offsets = np.append(OFFSETS, len(LINE)) if include_last else OFFSETS
    out = F.embedding_bag(
        autograd.tensor(LINE), w, autograd.tensor(offsets), mode=mode, include_last_offset=include_last,
        padding_idx=padding_idx,
    )  # fmt: skip
    g = np.random.default_rng(1).standard_normal((4, 3))
    out.backward(autograd.tensor(g))
    expected, grad = np.zeros((4, 3)), np.zeros_like(W)
    for b, bag in enumerate([[i for i in bag if i != padding_idx] for bag in BAGS]):
        if not bag:
            continue
        rows = W[bag]
        expected[b] = {"sum": rows.sum, "mean": rows.mean, "max": rows.max}[mode](0)
        for place, i in enumerate(bag):
            share = {"sum": 1, "mean": 1 / len(bag), "max": rows.argmax(0) == place}[mode]
            grad[i] += g[b] * share
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(w.grad.numpy(), grad, rtol=1e-12)


def test_bags_as_rows_with_weights_of_samples():
    w = weight()
    factors = autograd.tensor(np.arange(8.0).reshape(2, 4), requires_grad=True)
    out = F.embedding_bag(autograd.tensor(IDS), w, mode="sum", per_sample_weights=factors, padding_idx=2)
    kept = IDS != 2
    expected = [sum(W[i] * f * k for i, f, k in zip(*row, strict=True)) for row in zip(IDS, factors.tolist(), kept)]  # noqa: B905
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12)
    out.sum().backward()
    np.testing.assert_allclose(factors.grad.numpy(), W[IDS].sum(-1) * kept, rtol=1e-12)
    assert not w.grad.numpy()[2].any()
    module = nn.EmbeddingBag.from_pretrained(autograd.tensor(W), mode="sum", padding_idx=2)
    np.testing.assert_array_equal(module(autograd.tensor(IDS), None, factors).detach().numpy(), out.detach().numpy())


def test_empty_bags_alone():
    for mode in ("sum", "mean", "max"):
        assert F.embedding_bag(np.zeros((2, 0), int), autograd.tensor(W), mode=mode).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.Embedding(3, 2)(autograd.tensor([3])), IndexError, "index 3 is out of range: there are 3"),
        (lambda: nn.Embedding(3, 2)(autograd.tensor([-1])), IndexError, "index -1 is out of range"),
        (lambda: nn.Embedding(3, 2)(autograd.tensor([1.0])), autograd.DtypeError, "integers"),
        (lambda: nn.Embedding(2, 2)(autograd.tensor([True, False])), autograd.DtypeError, "integers"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), IndexError, "padding_idx 3 is out of range: there are 3"),
        (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "leave sparse=True out"),
        (lambda: nn.Embedding(3, 2, _weight=autograd.ones(2, 2)), autograd.ShapeError, r"expected \(3, 2\)"),
        (lambda: nn.Embedding.from_pretrained(autograd.ones(2)), autograd.ShapeError, r"a matrix \(rows, size\)"),
        (lambda: F.embedding(autograd.tensor([0]), weight(), sparse=True), ValueError, "leave out sparse=True"),
        (lambda: F.embedding(autograd.tensor([0]), autograd.ones(3)), autograd.ShapeError, "must be a matrix"),
        (lambda: F.embedding_bag(LINE, weight()), autograd.ShapeError, "without offsets or of one with them"),
        (lambda: F.embedding_bag(IDS, weight(), OFFSETS), autograd.ShapeError, "without offsets or of one with them"),
        (lambda: F.embedding_bag(LINE, weight(), OFFSETS + 1), ValueError, "must start with 0 and not fall"),
        (lambda: F.embedding_bag(LINE, weight(), [0, 20]), ValueError, "cover the 9 indices"),
        (lambda: F.embedding_bag(IDS, weight(), mode="min"), ValueError, "'sum', 'mean' or 'max', got 'min'"),
        (lambda: F.embedding_bag(IDS, weight(), per_sample_weights=autograd.ones(2, 4)), ValueError, "for mode='sum'"),
        (
            lambda: F.embedding_bag(IDS, weight(), mode="sum", per_sample_weights=autograd.ones(2, 3)),
            autograd.ShapeError, r"shape \(2, 3\); expected \(2, 4\)",
        ),
        (lambda: F.embedding_bag(IDS, weight(), mode="max", scale_grad_by_freq=True), ValueError, "scale_grad_by_freq"),
        (lambda: F.embedding_bag(IDS + 6, weight()), IndexError, "out of range"),
    ],
)  # fmt: skip
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_nothing_is_shortened_when_an_index_is_wrong():
    w = weight()
    with pytest.raises(IndexError, match="out of range"):
        F.embedding(autograd.tensor([0, 9]), w, max_norm=0.1)
    np.testing.assert_array_equal(w.detach().numpy(), W)


def test_vectors_of_no_elements():
    layer = nn.Embedding(4, 0)
    out = layer(autograd.tensor([[1, 2, 3]]))
    out.sum().backward()
    assert (out.shape, layer.weight.grad.shape) == ((1, 3, 0), (4, 0))


@pytest.mark.parametrize("what", [1.0, np.nan, -np.inf])
def test_maxima_of_bags_of_one_length_are_those_of_bags_of_any(what):
    drawn = np.random.default_rng(0)
    ids = drawn.integers(0, 12, (9, 7))
    rows = np.round(drawn.standard_normal((12, 5)))  # many are equal
    rows[3, 2:4] = what
    slopes = drawn.standard_normal((9, 5))
    found = []
    for index, offsets in ((ids, None), (ids.ravel(), np.arange(0, 63, 7)), (np.append(ids, 0), np.arange(0, 64, 7))):
        leaf = autograd.tensor(rows, requires_grad=True)
        offsets = None if offsets is None else autograd.tensor(offsets)
        out = F.embedding_bag(autograd.tensor(index), leaf, offsets, mode="max")
        (slope,) = autograd.grad(out[:9], leaf, autograd.tensor(slopes))
        found.append((out[:9].detach().numpy(), slope.numpy()))
    for values, slope in found[:2]:
        np.testing.assert_array_equal(values, found[2][0])
        np.testing.assert_allclose(slope, found[2][1], atol=1e-12)


def test_few_shortened_rows_stay_longer_than_max_norm():
    autograd.manual_seed(0)
    weight = autograd.randn(5000, 5)
    F.embedding(autograd.arange(5000), weight, max_norm=1.0)
    lengths = np.linalg.norm(weight.numpy().astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths[lengths > 0.999], 1, rtol=4e-7)
    assert (lengths > 1).mean() < 0.2  # by rounding
