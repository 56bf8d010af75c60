"""Convolutions: against sums written out, for every argument; layers, their names, reprs and errors as in PyTorch."""

import itertools

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import DtypeError, ShapeError
from autograd.func import vmap
from autograd.ops import columns, shifted


def written_out(x, weight, bias, stride, padding, dilation, groups):
    """A convolution, place by place."""
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    counts = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], weight.shape[2:], stride, dilation, strict=True)
    ]
    out = np.zeros((len(x), len(weight), *counts))
    channels, outputs = x.shape[1] // groups, len(weight) // groups
    for place in np.ndindex(*counts):
        cut = tuple(
            slice(i * s, i * s + d * (k - 1) + 1, d)
            for i, s, d, k in zip(place, stride, dilation, weight.shape[2:], strict=True)
        )
        for group in range(groups):
            window = x[(slice(None), slice(group * channels, (group + 1) * channels), *cut)]
            part = slice(group * outputs, (group + 1) * outputs)
            axes = list(range(1, rank + 2))
            out[(slice(None), part, *place)] = np.tensordot(window, weight[part], (axes, axes))
    return out if bias is None else out + bias.reshape(-1, *[1] * rank)


ARGUMENTS = [
    (rank, stride, padding, dilation, groups)
    for rank, stride, padding, dilation, groups in itertools.product(
        (1, 2, 3), ((1, 1, 1), (2, 1, 3)), ((0, 0, 0), (2, 1, 0)), ((1, 1, 1), (1, 2, 2)), (1, 2)
    )
]


def always_shifted(monkeypatch, piece):
    """Convolutions of a stride of 1 are sums of shifted products, however small."""
    for name, value in {"LEAST": 0, "LONG": (0, 0), "MANY": (1000, 1000), "FEW": 0, "PIECE": piece}.items():
        monkeypatch.setattr(shifted, name, value)


@pytest.mark.parametrize("way", ["rows", "planes", "shifted"])
@pytest.mark.parametrize("piece", [1 << 18, 64], ids=["whole", "pieces"])
def test_values_and_gradients(way, piece, monkeypatch):
    monkeypatch.setattr(columns, "FEW", 0 if way == "rows" else 1000)
    monkeypatch.setattr(columns, "PIECE", piece)
    if way == "shifted":
        always_shifted(monkeypatch, piece)
    drawn = np.random.default_rng(0)
    for rank, stride, padding, dilation, groups in ARGUMENTS:
        stride, padding, dilation = stride[:rank], padding[:rank], dilation[:rank]
        x = drawn.standard_normal((3, 4, *(7, 6, 5)[:rank]))
        weight = drawn.standard_normal((6, 4 // groups, *(3, 2, 2)[:rank]))
        bias = drawn.standard_normal(6)
        leaves = [autograd.tensor(a, requires_grad=True) for a in (x, weight, bias)]
        convolve = getattr(F, f"conv{rank}d")
        out = convolve(*leaves, stride, padding, dilation, groups)
        expected = written_out(x, weight, bias, stride, padding, dilation, groups)
        np.testing.assert_allclose(out.detach().numpy(), expected, atol=1e-12)
        assert out.is_contiguous()
        g = drawn.standard_normal(expected.shape)
        found = autograd.grad(out, leaves, autograd.tensor(g))
        # It is linear in each input: the gradient's product with a direction is g's with the output there.
        for leaf, slope in zip(range(3), found, strict=True):
            direction = drawn.standard_normal(leaves[leaf].shape)
            there = [x, weight, bias]
            there[leaf] = direction
            without = 0 if leaf == 2 else bias.reshape(-1, *[1] * rank)
            if leaf == 2:
                there[0] = np.zeros_like(x)
            change = written_out(*there, stride, padding, dilation, groups) - without
            np.testing.assert_allclose((slope.numpy() * direction).sum(), (g * change).sum(), rtol=1e-9)


SHIFTED = {
    "depthwise": ((4, 40, 14, 13), (40, 1, 3, 5), {"groups": 40, "padding": 2}),
    "skipping": ((4, 40, 22, 21), (40, 1, 3, 4), {"groups": 40, "padding": (1, 2), "stride": (2, 1)}),
    "grouped": ((3, 32, 15, 13), (48, 8, 3, 3), {"groups": 4, "padding": 1}),
    "dilated": ((3, 16, 25, 24), (20, 16, 3, 3), {"padding": 2, "dilation": 2}),
    "volumes": ((3, 8, 9, 10, 11), (9, 8, 3, 2, 3), {"padding": 1}),
    "large": ((2, 6, 80, 90), (6, 1, 7, 7), {"groups": 6, "padding": 3}),
    "spreading": ((3, 8, 24, 25), (30, 8, 3, 3), {"padding": 2, "dilation": 2}),
}
"""Where sums of shifted products are taken, for some or all: input, weight, settings."""


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", SHIFTED)
def test_shifted_products_give_what_columns_give(name, dtype, threads, monkeypatch):
    shape, weights, settings = SHIFTED[name]
    drawn = np.random.default_rng(3)
    arrays = [drawn.standard_normal(s).astype(dtype) for s in (shape, weights, weights[:1])]
    taken = []
    for way in (shifted.convolve, shifted.weight_gradient):
        monkeypatch.setattr(shifted, way.__name__, lambda *a, way=way: taken.append(way.__name__) or way(*a))
    rank = len(shape) - 2

    def found():
        leaves = [autograd.tensor(a, requires_grad=True) for a in arrays]
        out = getattr(F, f"conv{rank}d")(*leaves, **settings)
        g = np.random.default_rng(4).standard_normal(out.shape).astype(dtype)
        out.backward(autograd.tensor(g))
        return [out.detach().numpy(), *[leaf.grad.numpy() for leaf in leaves]]

    before = autograd.get_num_threads()
    autograd.set_num_threads(threads)
    try:
        results, again = found(), found()
    finally:
        autograd.set_num_threads(before)
    assert taken.count("weight_gradient") == (0 if name == "spreading" else 2)
    assert taken.count("convolve") == (2 if name in ("spreading", "skipping") else 4)
    monkeypatch.setattr(shifted, "LEAST", np.inf)
    tolerance = {"e": 2e-2, "f": 1e-4, "d": 1e-11}[np.dtype(dtype).char]
    for value, repeated, expected in zip(results, again, found(), strict=True):
        assert value.dtype == dtype
        assert value.flags.c_contiguous
        np.testing.assert_allclose(value, expected, tolerance, 3 * tolerance * np.abs(expected).max())
        np.testing.assert_array_equal(value, repeated)


@pytest.mark.parametrize("settings", [{"padding": 1, "output_padding": 1}, {"padding": (2, 0), "dilation": 2}])
def test_transposed_of_single_channels_in_shifted_products(settings, monkeypatch):
    drawn = np.random.default_rng(7)
    arrays = [drawn.standard_normal(s) for s in ((3, 30, 12, 13), (30, 1, 3, 4), (30,))]

    def found():
        leaves = [autograd.tensor(a, requires_grad=True) for a in arrays]
        out = F.conv_transpose2d(*leaves, stride=2, groups=30, **settings)
        out.backward(autograd.tensor(np.random.default_rng(8).standard_normal(out.shape)))
        return [out.detach().numpy(), *[leaf.grad.numpy() for leaf in leaves]]

    results = found()
    monkeypatch.setattr(shifted, "LEAST", np.inf)
    for value, expected in zip(results, found(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_shifted_products_keep_what_is_not_finite_at_its_place(what, monkeypatch):
    drawn = np.random.default_rng(5)
    x, weight = drawn.standard_normal((2, 3, 5, 4)), drawn.standard_normal((3, 1, 2, 2))
    x[1, 2, 1, 0] = what  # the row before goes on into it
    results = []
    for shifting in (False, True):
        if shifting:
            always_shifted(monkeypatch, 64)
        leaves = [autograd.tensor(a, requires_grad=True) for a in (x, weight)]
        out = F.conv2d(*leaves, groups=3)
        out.backward(autograd.ones_like(out))
        results.append([out.detach().numpy(), *[leaf.grad.numpy() for leaf in leaves]])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.isfinite(results[0][2]).sum() == 10


def test_derivatives_of_shifted_products(monkeypatch):
    always_shifted(monkeypatch, 64)
    drawn = np.random.default_rng(6)
    x, weight = [autograd.tensor(drawn.standard_normal(s), requires_grad=True) for s in ((2, 4, 4, 3), (4, 2, 2, 2))]

    def convolve(x, weight):
        return F.conv2d(x, weight, padding=1, groups=2)

    assert autograd.gradcheck(convolve, (x, weight), check_forward_ad=True)
    assert autograd.gradgradcheck(convolve, (x, weight))
    each = [convolve(row, weight) for row in x.detach()]
    np.testing.assert_allclose(
        vmap(convolve, (0, None))(x.detach(), weight.detach()).numpy(), [e.detach() for e in each]
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_is_the_transpose(rank):
    drawn = np.random.default_rng(1)
    for stride, padding, more, dilation, groups in itertools.product((1, 2, 3), (0, 1), (0, 1), (1, 2), (1, 2)):
        if more >= max(stride, dilation):
            continue
        x = drawn.standard_normal((2, 4, *(4, 3, 2)[:rank]))
        weight = drawn.standard_normal((4, 3, *(3, 2, 2)[:rank]))
        transpose = getattr(F, f"conv_transpose{rank}d")
        out = transpose(autograd.tensor(x), autograd.tensor(weight), None, stride, padding, more, groups, dilation)
        sizes = [
            (n - 1) * stride - 2 * padding + dilation * (k - 1) + more + 1
            for n, k in zip(x.shape[2:], weight.shape[2:], strict=True)
        ]
        assert out.shape == (2, 3 * groups, *sizes)
        y = drawn.standard_normal(out.shape)
        there = written_out(y, weight, None, (stride,) * rank, (padding,) * rank, (dilation,) * rank, groups)
        there = there[(..., *[slice(n) for n in x.shape[2:]])]
        np.testing.assert_allclose((out.numpy() * y).sum(), (there * x).sum(), rtol=1e-9, atol=1e-9)


def test_transposed_of_one_element_is_the_kernel():
    weight = autograd.arange(6.0).reshape(1, 1, 2, 3)
    out = F.conv_transpose2d(autograd.full((1, 1, 1), 2.0), weight, stride=5, output_padding=(1, 0))
    assert out.tolist() == [[[0.0, 2.0, 4.0], [6.0, 8.0, 10.0], [0.0, 0.0, 0.0]]]


def test_same_padding_puts_the_odd_one_behind():
    x = autograd.tensor([[1.0, 2.0, 3.0]])
    assert F.conv1d(x, autograd.ones(1, 1, 2), padding="same").tolist() == [[3.0, 5.0, 3.0]]
    assert F.conv1d(x, autograd.ones(1, 1, 2), padding="valid").tolist() == [[3.0, 5.0]]


def test_half_precision_adds_up_in_single():
    x = autograd.full((1, 4096, 3), 1.0, dtype="float16")
    out = F.conv1d(x, autograd.full((1, 4096, 3), 1 / 64, dtype="float16"))
    assert out.dtype == np.float16
    assert out.item() == 192.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"input": (3, 3)}, ShapeError, ["(3, 3)", "without batch"]),
        ({"input": (1, 3, 4, 4)}, ShapeError, ["takes 2 input channels", "has 3"]),
        ({"weight": (4, 2, 3)}, ShapeError, ["4 dimensions", "(4, 2, 3)"]),
        ({"weight": (4, 2, 0, 3)}, ShapeError, ["must not be empty", "(4, 2, 0, 3)"]),
        ({"groups": 3}, ShapeError, ["groups=3"]),
        ({"bias": (3,)}, ShapeError, ["(3,)", "4 output channels"]),
        ({"weight": (4, 2, 5, 3)}, ShapeError, ["(5, 3)", "does not fit"]),
        ({"stride": (1, 1, 1)}, ShapeError, ["stride", "(1, 1, 1)"]),
        ({"stride": 0}, ValueError, ["stride", "at least 1"]),
        ({"padding": -1}, ValueError, ["padding", "at least 0"]),
        ({"padding": "half"}, ValueError, ["'same'", "'half'"]),
        ({"padding": "same", "stride": 2}, ValueError, ["stride"]),
        ({"dtype": "float64"}, DtypeError, ["float64", "float32", ".to(dtype)"]),
    ],
)
def test_errors(arguments, error, words):
    arguments = dict(arguments)
    dtype = arguments.pop("dtype", "float32")
    bias = arguments.pop("bias", None)
    x = autograd.zeros(*arguments.pop("input", (1, 2, 4, 4)))
    weight = autograd.zeros(*arguments.pop("weight", (4, 2, 3, 3)), dtype=dtype)
    with pytest.raises(error) as raised:
        F.conv2d(x, weight, None if bias is None else autograd.zeros(*bias), **arguments)
    for word in ["conv2d", *words]:
        assert word in str(raised.value)


def test_transposed_errors():
    x, weight = autograd.zeros(1, 2, 3), autograd.zeros(2, 1, 3)
    with pytest.raises(ValueError, match="output_padding"):
        F.conv_transpose1d(x, weight, output_padding=1)
    with pytest.raises(ShapeError, match="empty"):
        F.conv_transpose1d(x, weight, padding=3)
    with pytest.raises(ShapeError, match="takes 2 input channels"):
        F.conv_transpose1d(autograd.zeros(1, 3, 3), weight)


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "text", "weight"),
    [
        (lambda: nn.Conv2d(2, 4, 3), "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1))", (4, 2, 3, 3)),
        (
            lambda: nn.Conv2d(2, 4, (3, 1), 2, 1, 2, 2, False, "reflect"),
            (
                "Conv2d(2, 4, kernel_size=(3, 1), stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=2, "
                "bias=False, padding_mode=reflect)"
            ),
            (4, 1, 3, 1),
        ),
        (
            lambda: nn.Conv1d(2, 4, 3, padding="same"),
            "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=same)",
            (4, 2, 3),
        ),
        (
            lambda: nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1, groups=2),
            "ConvTranspose2d(2, 4, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1), groups=2)",
            (2, 2, 3, 3),
        ),
        (lambda: nn.Conv3d(1, 1, 1), "Conv3d(1, 1, kernel_size=(1, 1, 1), stride=(1, 1, 1))", (1, 1, 1, 1, 1)),
    ],
)
def test_layers(layer, text, weight):
    layer = layer()
    assert repr(layer) == text
    assert layer.weight.shape == weight
    assert list(layer.state_dict()) == (["weight"] if layer.bias is None else ["weight", "bias"])


def test_initialised_within_pytorch_bounds():
    autograd.manual_seed(0)
    layer = nn.Conv2d(8, 64, 3, groups=2)
    bound = 1 / np.sqrt(4 * 9)
    for parameter in (layer.weight, layer.bias):
        largest = parameter.abs().max().item()
        assert 0.9 * bound < largest <= bound


@pytest.mark.parametrize(
    ("mode", "padding", "expected"),
    [
        ("zeros", 2, [0, 0, 1, 2, 3, 0, 0]),
        ("reflect", 2, [3, 2, 1, 2, 3, 2, 1]),
        ("replicate", 2, [1, 1, 1, 2, 3, 3, 3]),
        ("circular", 2, [2, 3, 1, 2, 3, 1, 2]),
        ("circular", "same", [1, 2, 3]),
        ("reflect", "valid", [1, 2, 3]),
    ],
)
def test_padding_modes(mode, padding, expected):
    layer = nn.Conv1d(1, 1, 1, padding=padding, padding_mode=mode, bias=False)
    with autograd.no_grad():
        layer.weight.fill_(1.0)
    x = autograd.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    out = layer(x)
    assert out.tolist() == [expected]
    out.sum().backward()
    assert x.grad.tolist() == [[expected.count(n) for n in (1, 2, 3)]]


def test_padding_that_is_too_much_is_refused():
    with pytest.raises(ShapeError, match=r"\(3, 3\) is too much .* with mode 'reflect' at most 2"):
        nn.Conv1d(1, 1, 1, padding=3, padding_mode="reflect")(autograd.zeros(1, 1, 3))
    with pytest.raises(ShapeError, match=r"\(4, 4\) is too much .* with mode 'circular' at most 3"):
        nn.Conv1d(1, 1, 1, padding=4, padding_mode="circular")(autograd.zeros(1, 1, 3))


def test_output_size_chooses_among_those_of_the_stride():
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    x = autograd.zeros(1, 1, 3, 3)
    assert layer(x).shape == (1, 1, 7, 7)
    assert layer(x, output_size=(8, 7)).shape == (1, 1, 8, 7)
    assert layer(x, output_size=(1, 1, 7, 8)).shape == (1, 1, 7, 8)
    with pytest.raises(ValueError, match=r"\(9, 9\) is not possible here: from \(7, 7\) to \(8, 8\)"):
        layer(x, output_size=(9, 9))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"groups": 2}, "divisible"), ({"padding_mode": "mirror"}, "mirror"), ({"padding": "half"}, "half"),
        ({"padding": "same", "stride": 2}, "stride"), ({"device": "cuda"}, "cuda"),
    ],
)  # fmt: skip
def test_impossible_layers(arguments, words):
    with pytest.raises(ValueError, match=words):
        nn.Conv2d(3, 4, 3, **arguments)


def test_an_error_names_the_layer():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    with pytest.raises(ShapeError, match=r"has 2 \[in module Sequential.2, a Conv2d\]"):
        model(autograd.zeros(1, 1, 8, 8))
