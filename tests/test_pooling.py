"""Pooling: against windows written out; ties, NaN, empty windows; layers and errors as in PyTorch."""

import itertools
import math

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import ArgumentError, ShapeError

INF, NAN = math.inf, math.nan


def places(n, k, s, p, d, ceil_mode):
    """For each window the places of its elements, those outside left out, and how many the padded input holds."""
    count = (math.ceil if ceil_mode else math.floor)((n + 2 * p - d * (k - 1) - 1) / s) + 1
    if ceil_mode and (count - 1) * s >= n + p:
        count -= 1
    starts = [i * s - p for i in range(count)]
    inside = [[start + j * d for j in range(k) if 0 <= start + j * d < n] for start in starts]
    return inside, [min(start + k, n + p) - start for start in starts]


ARGUMENTS = list(itertools.product((1, 2, 3), (2, 3), (1, 2, 3), (0, 1), (1, 2), (False, True)))


def test_max_pool_against_windows_written_out():
    drawn = np.random.default_rng(0)
    for rank, k, s, p, d, ceil_mode in ARGUMENTS:
        sizes = (6, 5, 4)[:rank]
        x = drawn.integers(0, 4, (2, *sizes)).astype(float)  # ties
        rows = [places(n, k, s, p, d, ceil_mode)[0] for n in sizes]
        if any(not all(row) or not row for row in rows):
            continue
        leaf = autograd.tensor(x, requires_grad=True)
        pool = getattr(F, f"max_pool{rank}d")
        values, indices = pool(leaf, k, s, p, d, ceil_mode, True)
        plain = pool(leaf, k, s, p, d, ceil_mode)
        expected, slope = np.zeros_like(x), np.arange(1.0, plain.numel() + 1).reshape(plain.shape)
        for channel, place in itertools.product(range(2), np.ndindex(*[len(row) for row in rows])):
            window = list(itertools.product(*[row[i] for row, i in zip(rows, place, strict=True)]))
            best = max(window, key=lambda at, channel=channel: x[(channel, *at)])  # the first of equals
            assert plain[(channel, *place)].item() == values[(channel, *place)].item() == x[(channel, *best)]
            assert indices[(channel, *place)].item() == np.ravel_multi_index(best, sizes)
            expected[(channel, *best)] += slope[(channel, *place)]
        for out in (plain, values):
            (found,) = autograd.grad(out, leaf, autograd.tensor(slope))
            np.testing.assert_array_equal(found.numpy(), expected)


def test_average_pool_against_windows_written_out():
    drawn = np.random.default_rng(0)
    for rank, k, s, p, d, ceil_mode in ARGUMENTS:
        if d > 1:
            continue
        sizes = (6, 5, 4)[:rank]
        x = drawn.standard_normal((2, *sizes))
        rows = [places(n, k, s, p, 1, ceil_mode) for n in sizes]
        pool = getattr(F, f"avg_pool{rank}d")
        for counting in (False, True):
            found = pool(autograd.tensor(x), k, s, p, ceil_mode, counting)
            for place in np.ndindex(*found.shape[1:]):
                window = x[(slice(None), *np.ix_(*[row[0][i] for row, i in zip(rows, place, strict=True)]))]
                full = math.prod(row[1][i] for row, i in zip(rows, place, strict=True))
                number = full if counting else window[0].size
                mean = window.reshape(2, -1).sum(1) / number
                np.testing.assert_allclose(found.numpy()[(slice(None), *place)], mean, atol=1e-12)


def test_means_of_integers_are_cut():
    x = autograd.tensor([[-4, -3, 3, 4, 5, -1]])
    assert F.avg_pool1d(x, 2).tolist() == [[-3, 3, 2]]
    assert F.avg_pool2d(x[None], (1, 2), divisor_override=-2).tolist() == [[[3, -3, -2]]]


def test_divisor_override():
    x = autograd.arange(4.0).reshape(1, 2, 2)
    assert F.avg_pool2d(x, 2, divisor_override=3).item() == 2.0
    with pytest.raises(ValueError, match="divisor_override"):
        F.avg_pool2d(x, 2, divisor_override=0)


@pytest.mark.parametrize(
    ("row", "arguments", "values", "indices"),
    [
        ([NAN, 1, NAN, 2], {"kernel_size": 4}, [NAN], [2]),
        ([NAN, 1, NAN, 2], {"kernel_size": 3, "stride": 1, "padding": 1}, [NAN] * 4, [0, 2, 2, 2]),
        ([-INF] * 4, {"kernel_size": 3, "stride": 1, "padding": 1}, [-INF] * 4, [0, 0, 1, 2]),
        ([-INF] * 4, {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2}, [-INF] * 2, [1, 0]),
        ([3, 3, 3], {"kernel_size": 2, "stride": 1}, [3, 3], [0, 1]),
    ],
)
def test_max_pool_edges(row, arguments, values, indices):
    x = autograd.tensor([[float(n) for n in row]], requires_grad=True)
    found, where = F.max_pool1d(x, **arguments, return_indices=True)
    np.testing.assert_array_equal(found.detach().numpy(), [values])
    assert where.tolist() == [indices]
    plain = F.max_pool1d(x, **arguments)
    np.testing.assert_array_equal(plain.detach().numpy(), [values])
    for out in (found, plain):
        (slope,) = autograd.grad(out.sum(), x)
        assert slope.tolist() == [[float(indices.count(n)) for n in range(len(row))]]


def test_integers_are_pooled():
    assert F.max_pool1d(autograd.tensor([[1, 3, 2, 0]]), 2).tolist() == [[3, 2]]


def test_half_precision_averages_in_single():
    x = autograd.full((1, 4096), 2.0, dtype="float16")
    out = F.avg_pool1d(x, 4096)
    assert (out.dtype, out.item()) == (np.float16, 2.0)


@pytest.mark.parametrize(("size", "count"), [(5, 3), (3, 5), (6, 3), (7, 7), (4, 1)])
def test_adaptive_windows(size, count):
    x = np.random.default_rng(0).standard_normal((2, size))
    windows = [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    leaf = autograd.tensor(x, requires_grad=True)
    mean = F.adaptive_avg_pool1d(leaf, count)
    np.testing.assert_allclose(mean.detach().numpy(), np.stack([x[:, w].mean(1) for w in windows], 1), rtol=1e-12)
    largest, where = F.adaptive_max_pool1d(leaf, count, True)
    np.testing.assert_array_equal(largest.detach().numpy(), np.stack([x[:, w].max(1) for w in windows], 1))
    np.testing.assert_array_equal(np.take_along_axis(x, where.numpy(), 1), largest.detach().numpy())
    (slope,) = autograd.grad(largest.sum() + mean.sum(), leaf)
    assert slope.sum().item() == pytest.approx(4 * count)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("what", [0.0, np.nan, np.inf, 6e4])
def test_adaptive_means_of_many_elements_are_those_of_few(what, dtype):
    drawn = np.random.default_rng(1)
    x = drawn.integers(-50, 50, (2, 5, 14, 13)).astype(dtype)  # whose sums are exact
    x[1, 2, 3:6, 4:7] = what
    leaf = autograd.tensor(x, requires_grad=True)
    out = F.adaptive_avg_pool2d(leaf, (3, 5))
    g = drawn.integers(-8, 8, out.shape).astype(dtype)
    out.backward(autograd.tensor(g))
    for i, j in np.ndindex(2, 5):
        few = autograd.tensor(x[i, j : j + 1], requires_grad=True)
        mean = F.adaptive_avg_pool2d(few, (3, 5))
        mean.backward(autograd.tensor(g[i, j : j + 1]))
        np.testing.assert_allclose(
            out[i, j].detach().numpy(),
            mean[0].detach().numpy(),
            {"e": 1e-3, "f": 1e-5, "d": 1e-12}[np.dtype(dtype).char],
        )
        np.testing.assert_allclose(
            leaf.grad[i, j].numpy(), few.grad[0].numpy(), rtol=1e-6, atol=1e-2 if dtype == np.float16 else 1e-5
        )
    assert np.isfinite(out.detach().numpy()).sum() > 140


def test_an_infinite_slope_of_a_mean_stays_at_its_window():
    x = autograd.zeros(2, 40, 5, 7, requires_grad=True)
    g = np.ones((2, 40, 3, 4), np.float32)
    g[1, 39, 2, 3] = np.inf
    F.adaptive_avg_pool2d(x, (3, 4)).backward(autograd.tensor(g))
    assert np.argwhere(np.isinf(x.grad.numpy())).tolist() == [[1, 39, i, j] for i in (3, 4) for j in (5, 6)]
    assert not np.isnan(x.grad.numpy()).any()


def test_adaptive_maxima_of_windows_of_different_lengths():
    x = np.round(np.random.default_rng(2).standard_normal((3, 2, 7, 8)))  # many are equal
    x[0, 1, 2:4, 3:] = np.nan
    values, indices = F.adaptive_max_pool2d(autograd.tensor(x), (3, 5), True)
    for n, c, i, j in np.ndindex(3, 2, 3, 5):
        rows, columns = slice(i * 7 // 3, -(-(i + 1) * 7 // 3)), slice(j * 8 // 5, -(-(j + 1) * 8 // 5))
        window, numbers = x[n, c, rows, columns].ravel(), np.arange(56).reshape(7, 8)[rows, columns].ravel()
        nan = np.flatnonzero(np.isnan(window))
        place = nan[-1] if len(nan) else window.argmax()  # of equal ones the first, of NaNs the last
        assert indices[n, c, i, j].item() == numbers[place]
        np.testing.assert_array_equal(values[n, c, i, j].item(), window[place])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((3, 60, 21, 20), (3, 1, 1)),
        ((2, 50, 27, 26), ((2, 5), 1, (0, 2), (3, 2))),
        ((1, 300, 5, 9, 8), ((2, 3, 2), 1, (0, 1, 1))),
    ],
)
def test_slopes_of_many_maxima_are_those_of_few(shape, arguments, dtype, threads):
    drawn = np.random.default_rng(4)
    x = np.round(drawn.standard_normal(shape) * 2).astype(dtype)  # many are equal
    x[0, 1] = -np.inf
    pool = getattr(F, f"max_pool{len(shape) - 2}d")
    before = autograd.get_num_threads()
    autograd.set_num_threads(threads)
    try:
        leaf = autograd.tensor(x, requires_grad=True)
        out = pool(leaf, *arguments)
        g = drawn.standard_normal(out.shape).astype(dtype)
        g[0, 2].ravel()[:3] = np.inf, -np.inf, np.nan
        out.backward(autograd.tensor(g))
    finally:
        autograd.set_num_threads(before)
    for n, c in np.ndindex(shape[:2]):
        few = autograd.tensor(x[n, c : c + 1], requires_grad=True)
        pool(few, *arguments).backward(autograd.tensor(g[n, c : c + 1]))
        np.testing.assert_array_equal(leaf.grad[n, c].numpy(), few.grad[0].numpy())


@pytest.mark.parametrize("name", ["avg", "max"])
def test_one_window_over_everything(name):
    x = np.random.default_rng(3).standard_normal((2, 3, 5, 7))
    for pool in (
        lambda leaf: getattr(F, f"adaptive_{name}_pool2d")(leaf, 1),
        lambda leaf: getattr(F, f"{name}_pool2d")(leaf, (5, 7)),
    ):
        leaf = autograd.tensor(x, requires_grad=True)
        out = pool(leaf)
        (slope,) = autograd.grad(out, leaf, autograd.full((2, 3, 1, 1), 2.0, dtype="float64"))
        every = (2, 3)
        if name == "avg":
            np.testing.assert_allclose(out.detach().numpy(), x.mean(every, keepdims=True))
            np.testing.assert_allclose(slope.numpy(), np.full(x.shape, 2 / 35))
        else:
            np.testing.assert_array_equal(out.detach().numpy(), x.max(every, keepdims=True))
            np.testing.assert_array_equal(slope.numpy(), 2.0 * (x == out.detach().numpy()))


def test_adaptive_sizes():
    x = autograd.zeros(2, 3, 5, 4)
    assert F.adaptive_avg_pool2d(x, (None, 2)).shape == (2, 3, 5, 2)
    assert F.adaptive_max_pool2d(x, 1).shape == (2, 3, 1, 1)
    assert F.adaptive_avg_pool2d(x, 0).shape == (2, 3, 0, 0)
    with pytest.raises(ValueError, match="negative"):
        F.adaptive_avg_pool2d(x, -1)
    with pytest.raises(ShapeError, match="one number or 2"):
        F.adaptive_max_pool2d(x, (1, 2, 3))


def test_norm_pooling():
    x = autograd.tensor([[3.0, 4.0, -1.0, 0.0]])
    np.testing.assert_allclose(F.lp_pool1d(x, 2, 2).numpy(), [[5.0, 1.0]], rtol=1e-6)
    np.testing.assert_allclose(F.lp_pool1d(x, 1, 2).numpy(), [[7.0, -1.0]], rtol=1e-6)
    assert F.lp_pool1d(x, math.inf, 2).tolist() == [[4.0, 1.0]]
    assert F.lp_pool1d(x, -math.inf, 2).tolist() == [[3.0, 0.0]]


def test_unpooling_puts_back():
    x = autograd.tensor(np.random.default_rng(0).permutation(30).reshape(1, 1, 5, 6).astype(float), requires_grad=True)
    values, where = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(values, where, output_size=(5, 6))
    assert back.shape == x.shape
    kept = back.detach().numpy() != 0
    np.testing.assert_array_equal(back.detach().numpy()[kept], x.detach().numpy()[kept])
    assert kept.sum() == 6
    (slope,) = autograd.grad(back.sum(), x)
    np.testing.assert_array_equal(slope.numpy(), kept)
    with pytest.raises(ValueError, match="differs by a stride"):
        nn.MaxUnpool2d(2)(values, where, output_size=(7, 6))
    with pytest.raises(IndexError, match="index 29 is outside"):
        F.max_unpool2d(autograd.ones(1, 1, 1), autograd.tensor([[[29]]]), 2)


@pytest.mark.parametrize(
    ("shape", "arguments", "error", "words"),
    [
        ((3, 3), {"kernel_size": 2}, ShapeError, "without batch"),
        ((1, 3, 3), {"kernel_size": 4}, ShapeError, "does not fit"),
        ((1, 3, 3), {"kernel_size": 2, "padding": 2}, ValueError, "half"),
        ((1, 3, 3), {"kernel_size": 2, "stride": 0}, ValueError, "stride"),
        ((2, 0, 3, 3), {"kernel_size": 2}, ShapeError, "only the batch"),
        ((1, 3, 3), {"kernel_size": (2, 2, 2)}, ShapeError, "kernel_size"),
    ],
)
def test_errors(shape, arguments, error, words):
    for pool in (F.max_pool2d, F.avg_pool2d):
        with pytest.raises(error, match=words):
            pool(autograd.zeros(*shape), **arguments)


def test_empty_batch():
    assert F.max_pool2d(autograd.zeros(0, 2, 4, 4), 2, return_indices=True).indices.shape == (0, 2, 2, 2)
    assert F.avg_pool2d(autograd.zeros(0, 2, 4, 4), 2).shape == (0, 2, 2, 2)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (nn.AvgPool1d(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"),
        (nn.AvgPool3d((1, 2, 3)), "AvgPool3d(kernel_size=(1, 2, 3), stride=(1, 2, 3), padding=0)"),
        (nn.AdaptiveMaxPool2d((None, 3)), "AdaptiveMaxPool2d(output_size=(None, 3))"),
        (nn.LPPool2d(2, 3), "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)"),
        (nn.MaxUnpool1d(3, 2, 1), "MaxUnpool1d(kernel_size=(3,), stride=(2,), padding=(1,))"),
        (nn.Unfold(2), "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"),
        (nn.Fold((3, 3), 2), "Fold(output_size=(3, 3), kernel_size=2, dilation=1, padding=0, stride=1)"),
    ],
)
def test_looks(layer, text):
    assert repr(layer) == text
    assert not layer.state_dict()


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    ("layer", "function", "settings"),
    [
        ("AdaptiveAvgPool", "adaptive_avg_pool", {"output_size": 3}),
        ("AdaptiveMaxPool", "adaptive_max_pool", {"output_size": 3}),
        ("AvgPool", "avg_pool", {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("LPPool", "lp_pool", {"norm_type": 2.0, "kernel_size": 2}),
        ("MaxPool", "max_pool", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ],
)
def test_layers_are_the_functions_of_their_names(layer, function, rank, settings):
    x = autograd.arange(2.0 * 5**rank).reshape(1, 2, *(5,) * rank).cos().abs()
    made = getattr(nn, f"{layer}{rank}d")(**settings)
    assert made(x).tolist() == getattr(F, f"{function}{rank}d")(x, **settings).tolist()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_puts_maxima_back(rank):
    x = autograd.arange(2.0 * 4**rank).reshape(1, 2, *(4,) * rank)
    largest, places = getattr(nn, f"MaxPool{rank}d")(2, return_indices=True)(x)
    back = getattr(nn, f"MaxUnpool{rank}d")(2)(largest, places)
    assert back[back > 0].tolist() == largest.reshape(-1).tolist()
    assert bool(((back == x) | (back == 0)).all())


def test_fold_undoes_unfold_up_to_the_overlap():
    x = autograd.arange(2.0 * 4 * 5).reshape(1, 2, 4, 5)
    columns = nn.Unfold((2, 3), stride=(2, 1))(x)
    assert columns.shape == (1, 12, 6)
    assert columns[0, :, 0].tolist() == [0, 1, 2, 5, 6, 7, 20, 21, 22, 25, 26, 27]
    fold = nn.Fold((4, 5), (2, 3), stride=(2, 1))
    overlap = fold(nn.Unfold((2, 3), stride=(2, 1))(autograd.ones(1, 2, 4, 5)))
    assert overlap[0, 0, 0].tolist() == [1, 2, 3, 2, 1]
    assert (fold(columns) / overlap).tolist() == x.tolist()
    for settings in ({"kernel_size": 0}, {"kernel_size": 2, "padding": -1}):
        for layer in (nn.Unfold(**settings), nn.Fold((4, 5), **settings)):
            with pytest.raises(ArgumentError, match=r"must be at least [01]"):
                layer(x[0])


@pytest.mark.parametrize("in_place", [lambda y: y.relu_(), lambda y: y.mul_(3), lambda y: y.zero_()])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_pooled_may_be_overwritten(in_place, compiled):
    """``Sequential(Conv2d, MaxPool2d, ReLU(inplace=True))`` is usual: the largest elements are found again."""

    def step(x, weight, overwrite):
        y = F.max_pool2d(x * weight, 2)
        z = in_place(y) if overwrite else in_place(y.clone())
        (slope,) = autograd.grad((z * z).sum(), weight, create_graph=True)
        (second,) = autograd.grad((slope * slope).sum(), weight)
        return slope.detach(), second

    x = autograd.randn(2, 3, 6, 6, dtype=autograd.float64)
    weight = autograd.randn(3, 6, 6, dtype=autograd.float64, requires_grad=True)
    run = autograd.compile(step) if compiled else step
    for _ in range(4 if compiled else 1):
        for found, expected in zip(run(x, weight, True), step(x, weight, False), strict=True):
            autograd.testing.assert_close(found, expected)


def test_what_was_pooled_must_not_be_overwritten():
    x = autograd.randn(1, 1, 4, 4, requires_grad=True)
    h = x * 2
    y = F.max_pool2d(h, 2)
    y.relu_()
    h.zero_()
    with pytest.raises(autograd.MutationError, match="max_pool"):
        y.sum().backward()


def begun(u, n, count, size):
    """Where the windows of B. Graham's pooling begin: multiples of a step, shifted by a random part of it, cut off."""
    if count == 1:
        return [n - size]
    step = (n - size) / (count - 1)
    return [*[math.floor((i + u) * step) - math.floor(u * step) for i in range(count - 1)], n - size]


@pytest.mark.parametrize(
    ("sizes", "size", "counts"),
    [((7, 6), (2, 3), (4, 2)), ((5, 5), (2, 2), (4, 1)), ((4, 6, 5), (2, 1, 3), (2, 4, 2))],
)
@pytest.mark.parametrize("batched", [True, False])
def test_fractional_max_pool_against_windows_written_out(sizes, size, counts, batched):
    rng = np.random.default_rng(0)
    rank = len(sizes)
    lead = (2, 3) if batched else (1, 3)
    x, u = rng.normal(size=(*lead, *sizes)), rng.random((*lead, rank))
    values, indices = np.empty((*lead, *counts)), np.empty((*lead, *counts), int)
    for plane in np.ndindex(lead):
        samples = u[plane][::-1] if rank == 2 else u[plane]  # of images the width is first
        starts = [begun(*each) for each in zip(samples, sizes, counts, size, strict=True)]
        for place in np.ndindex(counts):
            first = [starts[d][i] for d, i in enumerate(place)]
            window = x[plane][tuple([slice(a, a + k) for a, k in zip(first, size, strict=True)])]
            inside = np.unravel_index(window.argmax(), window.shape)
            values[(*plane, *place)] = window.max()
            indices[(*plane, *place)] = np.ravel_multi_index([a + i for a, i in zip(first, inside, strict=True)], sizes)
    if not batched:
        x, values, indices = x[0], values[0], indices[0]
    function = F.fractional_max_pool2d if rank == 2 else F.fractional_max_pool3d
    t = autograd.tensor(x, requires_grad=True)
    found, places = function(t, size, counts, return_indices=True, _random_samples=autograd.tensor(u))
    np.testing.assert_array_equal(found.detach(), values)
    np.testing.assert_array_equal(places, indices)
    found.sum().backward()
    expected = np.zeros((math.prod(values.shape[:-rank]), math.prod(sizes)))
    np.add.at(expected, (np.arange(len(expected))[:, None], indices.reshape(len(expected), -1)), 1)
    np.testing.assert_array_equal(t.grad, expected.reshape(x.shape))
    layer = (nn.FractionalMaxPool2d if rank == 2 else nn.FractionalMaxPool3d)(
        size, counts, None, False, autograd.tensor(u)
    )
    np.testing.assert_array_equal(layer(t).detach(), values)
    assert list(layer.state_dict()) == ["_random_samples"]


def test_fractional_max_pool_draws_from_the_generator():
    x = autograd.tensor(np.random.default_rng(0).normal(size=(2, 3, 9, 9)))
    layer = nn.FractionalMaxPool2d(2, output_ratio=(0.7, 0.5))
    assert "kernel_size=2, output_size=None, output_ratio=(0.7, 0.5)" in repr(layer)
    found = []
    for seed in (0, 0, 1):
        autograd.manual_seed(seed)
        found.append(layer(x).numpy())
    assert found[0].shape == (2, 3, 6, 4)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    same = autograd.func.vmap(lambda x: layer(x), randomness="same")(autograd.stack([x, x]))
    np.testing.assert_array_equal(same[0], same[1])
    different = autograd.func.vmap(lambda x: layer(x), randomness="different")(autograd.stack([x, x]))
    assert not np.array_equal(different[0], different[1])
    compiled = autograd.compile(layer)
    assert not np.array_equal(compiled(x), compiled(x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.FractionalMaxPool2d(2), ValueError, "either output_size or output_ratio is needed, got None"),
        (lambda: nn.FractionalMaxPool3d(2, 3, 0.5), ValueError, "either output_size or output_ratio is needed, got 3"),
        (lambda: F.fractional_max_pool2d(autograd.ones(1, 4, 4), 2, output_ratio=1.5), ValueError,
         "output_ratio is one or 2 numbers between 0 and 1, got 1.5"),
        (lambda: F.fractional_max_pool2d(autograd.ones(1, 4, 4), 3, 3), ShapeError,
         r"\(3, 3\) windows of size \(3, 3\) do not fit into \(4, 4\)"),
        (lambda: F.fractional_max_pool3d(autograd.ones(4, 4), 2, 2), ShapeError, "with 3 spatial dimensions"),
        (lambda: F.fractional_max_pool2d(autograd.ones(1, 4, 4), 2, 2, _random_samples=autograd.ones(2)), ShapeError,
         r"expected _random_samples of shape \(1, 1, 2\), got \(2,\)"),
    ],
)  # fmt: skip
def test_errors_of_fractional_max_pool(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("lead", [(0,), (0, 2)])
@pytest.mark.parametrize(
    ("kind", "rank"),
    [*itertools.product(["adaptive_avg", "adaptive_max"], [1, 2, 3]), ("fractional_max", 2), ("fractional_max", 3)],
)
def test_the_first_dimension_may_be_empty(kind, rank, lead):
    x = autograd.ones(*lead, *[6] * rank, requires_grad=True)
    settings = {"kernel_size": 2} if kind == "fractional_max" else {}
    out = getattr(F, f"{kind}_pool{rank}d")(x, output_size=2, **settings)
    assert out.shape == (*lead, *[2] * rank)
    out.sum().backward()
    assert x.grad.shape == x.shape
