"""Activations: PyTorch's values and gradients, far tails, writing over the input, modules, random ones."""

import math
import warnings

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd.ops import activations, exponential

X = [-30.0, -3.0, -1.0, -0.5, -1e-6, 0.0, 1e-6, 0.5, 1.0, 3.0, 6.0, 30.0]

# name, settings, values at X, derivatives at X: from PyTorch
FROM_PYTORCH = [
    ("relu", {},
     [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 30.0],
     [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("relu6", {},
     [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 6.0],
     [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
    ("elu", {"alpha": 1.5},
     [-1.5, -1.4253194, -0.94818084, -0.59020401, -1.4999993e-06, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 30.0],
     [1.4036434e-13, 0.074680603, 0.55181916, 0.90979599, 1.4999985, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("celu", {"alpha": 1.5},
     [-1.5, -1.2969971, -0.72987432, -0.42520303, -9.9999967e-07, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 30.0],
     [2.0611536e-09, 0.13533528, 0.51341712, 0.71653131, 0.99999933, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("selu", {},
     [-1.7580993, -1.6705687, -1.1113307, -0.69175819, -1.7580985e-06, 0.0, 1.050701e-06, 0.52535049, 1.050701,
      3.152103, 6.3042059, 31.52103],
     [1.6451631e-13, 0.087530612, 0.6467686, 1.0663412, 1.7580976, 1.7580993, 1.050701, 1.050701, 1.050701, 1.050701,
      1.050701, 1.050701]),
    ("leaky_relu", {"negative_slope": 0.2},
     [-6.0, -0.6, -0.2, -0.1, -2e-07, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 30.0],
     [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("gelu", {},
     [0.0, -0.0040496941, -0.15865525, -0.15426877, -4.999996e-07, 0.0, 5.000004e-07, 0.34573123, 0.84134475,
      2.9959503, 6.0, 30.0],
     [-4.4209384e-195, -0.011945647, -0.083315471, 0.13250488, 0.4999992, 0.5, 0.5000008, 0.86749512, 1.0833155,
      1.0119456, 1.0, 1.0]),
    ("gelu", {"approximate": "tanh"},
     [0.0, -0.0036373921, -0.15880801, -0.15428599, -4.999996e-07, 0.0, 5.000004e-07, 0.34571401, 0.84119199,
      2.9963626, 6.0, 30.0],
     [0.0, -0.011584167, -0.082964084, 0.1326301, 0.4999992, 0.5, 0.5000008, 0.8673699, 1.0829641, 1.0115842, 1.0,
      1.0]),
    ("silu", {},
     [-2.8072869e-12, -0.14227762, -0.26894142, -0.18877033, -4.9999975e-07, 0.0, 5.0000025e-07, 0.31122967,
      0.73105858, 2.8577224, 5.9851643, 30.0],
     [-2.7137107e-12, -0.088104106, 0.072329488, 0.26003881, 0.4999995, 0.5, 0.5000005, 0.73996119, 0.92767051,
      1.0881041, 1.0123264, 1.0]),
    ("mish", {},
     [-2.8072869e-12, -0.14564746, -0.30340146, -0.22074377, -5.9999968e-07, 0.0, 6.0000032e-07, 0.37524521,
      0.86509839, 2.986535, 5.9999266, 30.0],
     [-2.7137107e-12, -0.093393115, 0.059216756, 0.28951068, 0.59999936, 0.6, 0.60000064, 0.88642438, 1.0490362,
      1.0211069, 1.0001341, 1.0]),
    ("softplus", {},
     [9.357623e-14, 0.048587352, 0.31326169, 0.47407698, 0.69314668, 0.69314718, 0.69314768, 0.97407698, 1.3132617,
      3.0485874, 6.0024757, 30.0],
     [9.357623e-14, 0.047425873, 0.26894142, 0.37754067, 0.49999975, 0.5, 0.50000025, 0.62245933, 0.73105858,
      0.95257413, 0.99752738, 1.0]),
    ("softplus", {"beta": 2.0, "threshold": 2.0},
     [4.3782554e-27, 0.0012378426, 0.063464006, 0.15663084, 0.34657309, 0.34657359, 0.34657409, 0.65663084, 1.063464,
      3.0, 6.0, 30.0],
     [8.7565108e-27, 0.0024726232, 0.11920292, 0.26894142, 0.4999995, 0.5, 0.5000005, 0.73105858, 0.88079708, 1.0,
      1.0, 1.0]),
    ("logsigmoid", {},
     [-30.0, -3.0485874, -1.3132617, -0.97407698, -0.69314768, -0.69314718, -0.69314668, -0.47407698, -0.31326169,
      -0.048587352, -0.0024756851, -9.357623e-14],
     [1.0, 0.95257413, 0.73105858, 0.62245933, 0.50000025, 0.5, 0.49999975, 0.37754067, 0.26894142, 0.047425873,
      0.0024726232, 9.357623e-14]),
    ("sigmoid", {},
     [9.357623e-14, 0.047425873, 0.26894142, 0.37754067, 0.49999975, 0.5, 0.50000025, 0.62245933, 0.73105858,
      0.95257413, 0.99752738, 1.0],
     [9.357623e-14, 0.04517666, 0.19661193, 0.23500371, 0.25, 0.25, 0.25, 0.23500371, 0.19661193, 0.04517666,
      0.0024665093, 9.3480779e-14]),
    ("tanh", {},
     [-1.0, -0.99505475, -0.76159416, -0.46211716, -1e-06, 0.0, 1e-06, 0.46211716, 0.76159416, 0.99505475,
      0.99998771, 1.0],
     [0.0, 0.0098660372, 0.41997434, 0.78644773, 1.0, 1.0, 1.0, 0.78644773, 0.41997434, 0.0098660372, 2.4576547e-05,
      0.0]),
    ("tanhshrink", {},
     [-29.0, -2.0049452, -0.23840584, -0.037882843, -3.3330746e-19, 0.0, 3.3330746e-19, 0.037882843, 0.23840584,
      2.0049452, 5.0000123, 29.0],
     [1.0, 0.99013396, 0.58002566, 0.21355227, 9.9997788e-13, 0.0, 9.9997788e-13, 0.21355227, 0.58002566, 0.99013396,
      0.99997542, 1.0]),
    ("softsign", {},
     [-0.96774194, -0.75, -0.5, -0.33333333, -9.99999e-07, 0.0, 9.99999e-07, 0.33333333, 0.5, 0.75, 0.85714286,
      0.96774194],
     [0.0010405827, 0.0625, 0.25, 0.44444444, 0.999998, 1.0, 0.999998, 0.44444444, 0.25, 0.0625, 0.020408163,
      0.0010405827]),
    ("hardsigmoid", {},
     [0.0, 0.0, 0.33333333, 0.41666667, 0.49999983, 0.5, 0.50000017, 0.58333333, 0.66666667, 1.0, 1.0, 1.0],
     [0.0, 0.0, 0.16666667, 0.16666667, 0.16666667, 0.16666667, 0.16666667, 0.16666667, 0.16666667, 0.0, 0.0, 0.0]),
    ("hardswish", {},
     [0.0, 0.0, -0.33333333, -0.20833333, -4.9999983e-07, 0.0, 5.0000017e-07, 0.29166667, 0.66666667, 3.0, 6.0, 30.0],
     [0.0, 0.0, 0.16666667, 0.33333333, 0.49999967, 0.5, 0.50000033, 0.66666667, 0.83333333, 1.0, 1.0, 1.0]),
    ("hardtanh", {},
     [-1.0, -1.0, -1.0, -0.5, -1e-06, 0.0, 1e-06, 0.5, 1.0, 1.0, 1.0, 1.0],
     [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
    ("hardtanh", {"min_val": -3.0, "max_val": 0.5},
     [-3.0, -3.0, -1.0, -0.5, -1e-06, 0.0, 1e-06, 0.5, 0.5, 0.5, 0.5, 0.5],
     [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    ("hardshrink", {},
     [-30.0, -3.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 6.0, 30.0],
     [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ("softshrink", {},
     [-29.5, -2.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 2.5, 5.5, 29.5],
     [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ("threshold", {"threshold": 0.5, "value": -7.0},
     [-7.0, -7.0, -7.0, -7.0, -7.0, -7.0, -7.0, -7.0, 1.0, 3.0, 6.0, 30.0],
     [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ("rrelu", {"lower": 0.1, "upper": 0.3},
     [-6.0, -0.6, -0.2, -0.1, -2e-07, 0.0, 1e-06, 0.5, 1.0, 3.0, 6.0, 30.0],
     [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
]  # fmt: skip
IDS = [f"{row[0]}-{number}" for number, row in enumerate(FROM_PYTORCH)]


@pytest.mark.parametrize(("name", "settings", "values", "slopes"), FROM_PYTORCH, ids=IDS)
@pytest.mark.parametrize("repeat", [1, 100])
@pytest.mark.parametrize(("dtype", "tol"), [("float64", 1e-7), ("float32", 1e-5), ("float16", 4e-3)])
def test_values_and_gradients_are_pytorchs(name, settings, values, slopes, dtype, tol, repeat):
    x = autograd.tensor(np.tile(np.array(X, dtype), repeat), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = getattr(F, name)(x, **settings)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    small = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-9}[dtype]
    np.testing.assert_allclose(out.detach().numpy(), np.tile(values, repeat), rtol=tol, atol=small * 1e-1)
    np.testing.assert_allclose(x.grad.numpy(), np.tile(slopes, repeat), rtol=tol, atol=small)


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (F.softplus, math.exp(-20), 1e4),
        (lambda x: -F.logsigmoid(-x), math.exp(-20), 1e4),
        (F.elu, -1.0, 1e4),
        (F.mish, -20 * math.exp(-20), 1e4),
        (F.silu, -20 * math.exp(-20), 1e4),
    ],
)
@pytest.mark.parametrize("n", [1, 300])
def test_tails_are_exact_in_float32(function, low, high, n):
    x = autograd.tensor(np.repeat(np.float32([-1e4, -20, 1e4]), n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = function(x).numpy().reshape(3, n)
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[1], low, rtol=1e-5)
    np.testing.assert_allclose(out[2], high)


# name, input, value, first and second derivative: computed from the definitions with 400 digits
IN_THE_TAILS = [
    ("mish", -30, -2.8072868906519209e-12, -2.7137106609633922e-12, -2.6201344312747411e-12),
    ("mish", -5, -0.033576237730161704, -0.026747498019901932, -0.019850678262608362),
    ("mish", 3, 2.9865350049679575, 1.0211069109294437, -0.030266496639326991),
    ("mish", 9.984375, 9.9843749575387388, 1.0000000806658351, -1.5281516432151822e-07),
    ("mish", 18.25, 18.249999999999996, 1.00000000000001, -1.9414690575472545e-14),
    ("mish", 80, 80, 1, -2.0587327523551533e-67),
    ("gelu_tanh", -8, -3.1077829375011112e-21, -4.7147845041068414e-20, -7.0458213960972915e-19),
    ("gelu_tanh", -5.375, -1.56001763779539e-08, -1.1847052098839894e-07, -8.6324726991846419e-07),
    ("gelu_tanh", 3, 2.9963626079182268, 1.0115841666309697, -0.031767658886074704),
    ("gelu_tanh", 5.375, 5.3749999843998237, 1.0000001184705209, -8.6324726991846419e-07),
    ("gelu_tanh", 10, 10, 1, -6.2639306260228787e-35),
    ("gelu_tanh", -17592186044416.0, 0.0, 0.0, 0.0),
    ("silu", 8, 7.9973171989562681, 1.0023465512355854, -0.002009627272592838),
    ("silu", 15, 14.999995411466596, 1.0000042826297733, -3.9767249262585657e-06),
    ("silu", 34.75, 34.749999999999972, 1.0000000000000273, -2.6514171323821178e-14),
    ("softplus", -30, 9.3576229688397368e-14, 9.3576229688392989e-14, 9.3576229688384229e-14),
    ("softplus", 13.5, 13.500001370958147, 0.99999862904279313, 1.3709553273341815e-06),
    ("softplus", 19, 19.000000005602796, 0.99999999439720355, 5.6027963747546125e-09),
    ("logsigmoid", -25, -25.000000000013888, 0.99999999998611211, -1.388794386457827e-11),
    ("logsigmoid", -12, -12.000006144193478, 0.99999385582539779, -6.1441368513331755e-06),
    ("logsigmoid", 30, -9.3576229688397368e-14, 9.3576229688392989e-14, -9.3576229688384229e-14),
    ("gelu", 2.0**127, 2.0**127, 1, 0.0),
]


@pytest.mark.parametrize(("dtype", "tol"), [("float32", 2e-5), ("float64", 4e-14)])
@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize(("name", "x", "value", "slope", "bend"), IN_THE_TAILS)
def test_second_derivatives_keep_their_digits_in_the_tails(name, x, value, slope, bend, dtype, tol, many):
    """Where they are made of 1 less something near 1, or powers overflow, if they are not written with care."""
    function = {"gelu_tanh": lambda x: F.gelu(x, approximate="tanh")}.get(name) or getattr(F, name)
    t = autograd.full((300_000 if many else 3,), x, dtype=dtype).requires_grad_()
    with np.errstate(over="ignore"):  # squares of the largest inputs
        out = function(t)
        (first,) = autograd.grad(out.sum(), t, create_graph=True)
        (second,) = autograd.grad(first.sum(), t)
    least = float(np.finfo(dtype).smallest_normal)
    for found, expected in ((out, value), (first, slope), (second, bend)):
        np.testing.assert_allclose(found.detach().numpy()[-1], expected, tol, least)


def test_small_numbers_keep_their_precision_in_long_vectors():
    small = -np.exp(np.linspace(-60, 4, 1001)).astype(np.float32)
    out = F.elu(autograd.tensor(small)).numpy()
    np.testing.assert_allclose(out, np.expm1(small.astype(np.float64)), rtol=3e-7)
    small = small * 20
    out = F.softplus(autograd.tensor(small)).numpy()
    np.testing.assert_allclose(out, np.log1p(np.exp(small.astype(np.float64))), rtol=3e-7, atol=1e-38)


@pytest.mark.parametrize("name", sorted({row[0] for row in FROM_PYTORCH} - {"sigmoid", "tanh"}))
def test_nan_stays_nan(name):
    settings = next(row[1] for row in FROM_PYTORCH if row[0] == name)
    assert math.isnan(getattr(F, name)(autograd.tensor([math.nan]), **settings).item())


@pytest.mark.parametrize(("name", "slope"), [
    ("relu", 1), ("relu6", 1), ("hardtanh", 1), ("hardswish", 1), ("hardsigmoid", 0), ("elu", 1), ("selu", 1.0507),
    ("celu", 1), ("hardshrink", 1), ("softshrink", 1), ("leaky_relu", 0.01), ("rrelu", 11 / 48),
])  # fmt: skip
def test_gradients_at_nan_are_pytorchs(name, slope):
    x = autograd.tensor([math.nan], requires_grad=True)
    getattr(F, name)(x).backward()
    assert x.grad.item() == pytest.approx(slope, rel=1e-4)


# ---- writing over the input ------------------------------------------------------------------------------------------

IN_PLACE = [
    "relu",
    "relu6",
    "elu",
    "celu",
    "selu",
    "leaky_relu",
    "silu",
    "mish",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_is_the_same_with_the_same_gradient(name):
    found = []
    for inplace in (False, True):
        leaf = autograd.tensor(X, requires_grad=True)
        x = leaf * 0.7
        out = getattr(F, name)(x, inplace=inplace)
        assert (out is x) is inplace
        out.sum().backward()
        found.append((out.detach().numpy(), leaf.grad.numpy()))
    np.testing.assert_array_equal(found[0], found[1])


def test_what_silu_returned_may_be_overwritten():
    x = autograd.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    out = F.silu(x)
    out += 1
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.07232949, 0.5, 1.09078425], 1e-6)


def test_functions_with_an_underscore():
    x = autograd.tensor([-2.0, 1.0])
    for write, settings, expected in (
        (F.relu_, {}, [0.0, 1.0]),
        (F.leaky_relu_, {"negative_slope": 0.5}, [-1.0, 1.0]),
        (F.hardtanh_, {"min_val": -1.5}, [-1.5, 1.0]),
        (F.threshold_, {"threshold": 0.0, "value": 9.0}, [9.0, 1.0]),
        (F.rrelu_, {"lower": 0.2, "upper": 0.6}, [-0.8, 1.0]),
        (F.elu_, {}, [math.expm1(-2), 1.0]),
        (F.celu_, {}, [math.expm1(-2), 1.0]),
        (F.selu_, {}, [1.0507009873554805 * 1.6732632423543772 * math.expm1(-2), 1.0507009873554805]),
    ):
        y = x.clone()
        assert write(y, **settings) is y
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)


def test_a_leaf_is_not_overwritten():
    x = autograd.tensor([-1.0, 1.0], requires_grad=True)
    with pytest.raises(autograd.MutationError):
        F.relu(x, inplace=True)
    assert x.tolist() == [-1.0, 1.0]


# ---- random ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [F.gelu, F.hardswish])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_largest_number_stays_itself(function, dtype):
    largest = np.array(np.finfo(dtype).max)
    assert function(autograd.tensor(largest)).numpy() == largest


def test_derivatives_of_softsign_far_out():
    largest = float(np.finfo("d").max)
    x = autograd.tensor([largest, -largest], dtype=autograd.float64, requires_grad=True)
    (slope,) = autograd.grad(F.softsign(x).sum(), x, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), x)
    assert slope.tolist() == [0.0, 0.0]
    assert bend.tolist() == [0.0, 0.0]


def test_rrelu_draws_slopes_in_training_only():
    autograd.manual_seed(0)
    x = autograd.tensor(np.where(np.arange(2000) % 2, -1.0, 1.0), requires_grad=True)
    out = F.rrelu(x, 0.1, 0.5, training=True)
    out.sum().backward()
    slopes = -out.detach().numpy()[1::2]
    assert 0.1 <= slopes.min() < 0.11
    assert 0.49 < slopes.max() <= 0.5
    np.testing.assert_array_equal(x.grad.numpy()[1::2], slopes)
    np.testing.assert_array_equal(x.grad.numpy()[::2], 1.0)
    module = nn.RReLU(0.1, 0.5).eval()
    np.testing.assert_allclose(module(x).detach().numpy()[1::2], -0.3)
    assert np.unique(module.train()(x).detach().numpy()).size > 500


def test_gumbel_softmax_chooses_with_the_probabilities_of_softmax():
    autograd.manual_seed(0)
    logits = autograd.tensor(np.log([[0.2, 0.5, 0.3]]).repeat(20000, 0), requires_grad=True)
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(soft.sum(1).detach().numpy(), 1, rtol=1e-10)
    hard = F.gumbel_softmax(logits, hard=True, dim=-1)
    values = hard.detach().numpy()
    assert set(np.unique(values)) == {0.0, 1.0}
    np.testing.assert_allclose(values.mean(0), [0.2, 0.5, 0.3], atol=0.02)
    (hard * autograd.tensor([1.0, 2.0, 4.0])).sum().backward()
    assert np.abs(logits.grad.numpy()).max() > 0.1


# ---- with a weight, in halves, along a dimension ---------------------------------------------------------------------


def test_prelu_has_a_weight_for_all_or_for_each_channel():
    x = autograd.tensor([[[-1.0, 2.0], [-3.0, -4.0]]], requires_grad=True)
    weight = autograd.tensor([0.5, 0.1], requires_grad=True)
    out = F.prelu(x, weight)
    out.sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), [[[-0.5, 2.0], [-0.3, -0.4]]], rtol=1e-6)
    np.testing.assert_allclose(weight.grad.numpy(), [-1.0, -7.0])
    np.testing.assert_allclose(x.grad.numpy(), [[[0.5, 1.0], [0.1, 0.1]]])
    assert F.prelu(autograd.tensor(-2.0), autograd.tensor([0.5])).item() == -1.0
    with pytest.raises(autograd.ShapeError, match=r"weight has shape \(3,\).*it must be \(2,\)"):
        F.prelu(x, autograd.ones(3))


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax, F.softmin])
def test_softmax_of_nothing_along_no_dimension(function):
    assert function(autograd.ones(0, 3), dim=-2).shape == (0, 3)
    with pytest.raises(IndexError, match="axis 5 is out of bounds"):
        function(autograd.ones(0, 3), dim=5)


@pytest.mark.parametrize("vectorized", [True, False])
@pytest.mark.parametrize("function", [F.softplus, F.logsigmoid, F.elu, F.mish])
def test_logarithms_and_exponentials_on_any_processor(function, vectorized, monkeypatch):
    """Whichever of NumPy's functions this processor computes many at a time, float32 is exact to a few units."""
    for module in (exponential, activations):
        monkeypatch.setattr(module, "is_vectorized", lambda name: vectorized)
    x = np.concatenate([np.linspace(-30, 30, 3001), 10.0 ** np.arange(-40, 1), -(10.0 ** np.arange(-40, 1))])
    x = x.astype(np.float32)
    expected = function(autograd.from_numpy(x.astype(np.float64))).numpy()
    np.testing.assert_allclose(function(autograd.from_numpy(x)).numpy(), expected, 1e-6, 1e-44)


def test_the_gradient_of_glu_does_not_overflow():
    x = autograd.tensor([3e38, -20.0], requires_grad=True)
    F.glu(x).backward(autograd.tensor([2.0]))
    share = 1 / (1 + np.exp(20.0))
    np.testing.assert_allclose(x.grad.numpy(), [2 * share, 6e38 * share * (1 - share)], rtol=1e-6)


def test_glu_and_softmaxes():
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    t = autograd.tensor(x)
    np.testing.assert_allclose(F.glu(t, 1).numpy(), x[:, :2] / (1 + np.exp(-x[:, 2:])), rtol=1e-12)
    e = np.exp(x)
    np.testing.assert_allclose(nn.Softmax(1)(t).numpy(), e / e.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(nn.LogSoftmax(0)(t).numpy(), np.log(e / e.sum(0)), rtol=1e-12)
    np.testing.assert_allclose(nn.Softmin(-1)(t).numpy(), (1 / e) / (1 / e).sum(-1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(nn.Softmax2d()(t).numpy(), e / e.sum(0), rtol=1e-12)
    with pytest.raises(autograd.ShapeError, match=r"expected \(N, C, H, W\) or \(C, H, W\), got shape \(4, 3\)"):
        nn.Softmax2d()(t[0])
    with pytest.raises(autograd.ShapeError, match=r"glu: dimension -1 .* must have an even size"):
        F.glu(t)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.hardtanh(autograd.ones(1), 1, -1), "min_val, 1, must not be greater than max_val, -1"),
        (lambda: nn.Hardtanh(1.0, 1.0), "max_val, 1.0, must be greater than min_val, 1.0"),
        (lambda: F.softshrink(autograd.ones(1), -1), "lambd must not be negative"),
        (lambda: F.celu(autograd.ones(1), 0.0), "alpha must not be 0"),
        (lambda: F.rrelu(autograd.ones(1), 0.5, 0.1), r"lower must not be greater than upper, .* got 0.5 and 0.1"),
        (lambda: F.gelu(autograd.ones(1), approximate="erf"), "must be 'none' or 'tanh', got 'erf'"),
    ],
)
def test_impossible_settings_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- modules ---------------------------------------------------------------------------------------------------------

MODULES = [
    (nn.ReLU(), "ReLU()", F.relu, {}),
    (nn.ReLU6(), "ReLU6()", F.relu6, {}),
    (nn.SELU(), "SELU()", F.selu, {}),
    (nn.SiLU(), "SiLU()", F.silu, {}),
    (nn.Mish(), "Mish()", F.mish, {}),
    (nn.Hardsigmoid(), "Hardsigmoid()", F.hardsigmoid, {}),
    (nn.Hardswish(), "Hardswish()", F.hardswish, {}),
    (nn.Sigmoid(), "Sigmoid()", F.sigmoid, {}),
    (nn.LogSigmoid(), "LogSigmoid()", F.logsigmoid, {}),
    (nn.Tanh(), "Tanh()", F.tanh, {}),
    (nn.Tanhshrink(), "Tanhshrink()", F.tanhshrink, {}),
    (nn.Softsign(), "Softsign()", F.softsign, {}),
    (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)", F.leaky_relu, {"negative_slope": 0.2}),
    (nn.ELU(2.0), "ELU(alpha=2.0)", F.elu, {"alpha": 2.0}),
    (nn.CELU(2.0), "CELU(alpha=2.0)", F.celu, {"alpha": 2.0}),
    (nn.Threshold(0.5, -7.0), "Threshold(threshold=0.5, value=-7.0)", F.threshold, {"threshold": 0.5, "value": -7.0}),
    (nn.Hardtanh(-3.0, 0.5), "Hardtanh(min_val=-3.0, max_val=0.5)", F.hardtanh, {"min_val": -3.0, "max_val": 0.5}),
    (nn.GELU("tanh"), "GELU(approximate='tanh')", F.gelu, {"approximate": "tanh"}),
    (nn.Softplus(2.0, 3.0), "Softplus(beta=2.0, threshold=3.0)", F.softplus, {"beta": 2.0, "threshold": 3.0}),
    (nn.Softshrink(0.7), "Softshrink(0.7)", F.softshrink, {"lambd": 0.7}),
    (nn.Hardshrink(0.7), "Hardshrink(0.7)", F.hardshrink, {"lambd": 0.7}),
    (nn.GLU(0), "GLU(dim=0)", F.glu, {"dim": 0}),
    (nn.PReLU(), "PReLU(num_parameters=1)", F.leaky_relu, {"negative_slope": 0.25}),
    (nn.RReLU(0.1, 0.3).eval(), "RReLU(lower=0.1, upper=0.3)", F.rrelu, {"lower": 0.1, "upper": 0.3}),
]


@pytest.mark.parametrize(("module", "text", "function", "settings"), MODULES, ids=lambda v: v if type(v) is str else "")
def test_modules_are_their_functions_and_print_as_in_pytorch(module, text, function, settings):
    x = autograd.tensor(X)
    np.testing.assert_array_equal(module(x).detach().numpy(), function(x, **settings).numpy())
    assert repr(module) == text


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.ReLU(True), "ReLU(inplace=True)"),
        (nn.ReLU6(True), "ReLU6(inplace=True)"),
        (nn.Hardswish(True), "Hardswish()"),
        (nn.LeakyReLU(0.1, True), "LeakyReLU(negative_slope=0.1, inplace=True)"),
        (nn.Threshold(1, 2, True), "Threshold(threshold=1, value=2, inplace=True)"),
        (nn.Hardtanh(inplace=True), "Hardtanh(min_val=-1.0, max_val=1.0, inplace=True)"),
    ],
)
def test_modules_that_write_over_their_input(module, text):
    x = autograd.tensor(X)
    assert module(x) is x
    assert repr(module) == text


def test_prelu_learns_its_weights():
    layer = nn.PReLU(3, 0.1, dtype="float64")
    assert [(name, p.dtype, p.tolist()) for name, p in layer.named_parameters()] == [("weight", "float64", [0.1] * 3)]
    layer(-autograd.ones(2, 3, dtype="float64")).sum().backward()
    assert layer.weight.grad.tolist() == [-2.0] * 3


# ---- affine and bilinear ---------------------------------------------------------------------------------------------


def test_bilinear():
    rng = np.random.default_rng(1)
    layer = nn.Bilinear(400, 3, 5, dtype="float64")
    assert repr(layer) == "Bilinear(in1_features=400, in2_features=3, out_features=5, bias=True)"
    assert list(layer.state_dict()) == ["weight", "bias"]
    bound = 1 / math.sqrt(400)
    assert 0.95 * bound < np.abs(layer.weight.detach().numpy()).max() <= bound
    assert np.abs(layer.bias.detach().numpy()).max() <= bound
    x1, x2 = rng.normal(size=(2, 7, 400)), rng.normal(size=(2, 7, 3))
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = np.einsum("...i,kij,...j->...k", x1, weight, x2) + bias
    np.testing.assert_allclose(layer(autograd.tensor(x1), autograd.tensor(x2)).detach().numpy(), expected, rtol=1e-10)
    assert nn.Bilinear(2, 3, 4, bias=False).bias is None
    with pytest.raises(autograd.ShapeError, match=r"bilinear: expected shapes .*\(2, 400\).*module Bilinear"):
        layer(autograd.ones(2, 400), autograd.ones(3, 3))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 2, 3), (0, 3)])
def test_linear_with_a_vector_as_weight_has_one_output_without_a_dimension(shape):
    x = autograd.tensor(np.arange(np.prod(shape), dtype="f").reshape(shape), requires_grad=True)
    weight, bias = (autograd.tensor(value, requires_grad=True) for value in ([1.0, -2.0, 3.0], 0.5))
    out = F.linear(x, weight, bias)
    out.sum().backward()
    assert out.tolist() == (x.detach().numpy() @ np.array([1.0, -2.0, 3.0]) + 0.5).tolist()
    assert x.grad.tolist() == np.broadcast_to([1.0, -2.0, 3.0], shape).tolist()
    assert weight.grad.tolist() == x.detach().numpy().reshape(-1, 3).sum(0).tolist()
    assert bias.grad.item() == np.prod(shape[:-1])


def test_linear_takes_a_device():
    assert nn.Linear(2, 3, True, "cpu", "float64").weight.dtype == np.float64
    with pytest.raises(Exception, match="cuda"):
        nn.Linear(2, 3, device="cuda")


# ---- very many classes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cutoffs", "head_bias"), [([3], True), ([2, 5, 9], False)])
def test_adaptive_log_softmax(cutoffs, head_bias):
    """Against its probabilities of all classes, which are those of a head whose clusters share theirs out."""
    layer = nn.AdaptiveLogSoftmaxWithLoss(12, 20, cutoffs, div_value=2.0, head_bias=head_bias).double()
    rng = np.random.default_rng(0)
    x = autograd.tensor(rng.normal(size=(9, 12)) * 2, requires_grad=True)
    target = autograd.tensor([0, 19, 3, 2, 9, 8, 5, 1, 10])
    whole = layer.log_prob(x)
    np.testing.assert_allclose(whole.exp().sum(1).detach().numpy(), np.ones(9), rtol=1e-12)
    head = F.log_softmax(layer.head(x), 1)
    np.testing.assert_allclose(whole[:, : cutoffs[0]].detach().numpy(), head[:, : cutoffs[0]].detach().numpy())
    first, last = [*cutoffs, 20][:2]
    inside = whole[:, first:last].exp().sum(1).log()
    np.testing.assert_allclose(inside.detach().numpy(), head[:, first].detach().numpy(), rtol=1e-10)
    output, loss = layer(x, target)
    expected = whole.gather(1, target.unsqueeze(1)).squeeze(1)
    np.testing.assert_allclose(output.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    assert loss.item() == pytest.approx(-output.mean().item())
    leaves = [x, *layer.parameters()]
    slopes = autograd.grad(loss, leaves), autograd.grad(-expected.mean(), leaves)
    for found, wanted in zip(*slopes, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(layer.predict(x).numpy(), whole.argmax(1).numpy())
    one = layer(x[1], target[1])
    assert one.output.shape == ()
    assert one.loss.item() == pytest.approx(-output[1].item())
    frequent = layer(x[:2], autograd.tensor([0, 1]))
    assert frequent.loss.item() == pytest.approx(-(whole[0, 0] + whole[1, 1]).item() / 2)


def test_adaptive_log_softmax_has_pytorchs_parameters():
    layer = nn.AdaptiveLogSoftmaxWithLoss(16, 100, [10, 50], head_bias=True)
    shapes = {name: p.shape for name, p in layer.named_parameters()}
    assert shapes == {
        "head.weight": (12, 16), "head.bias": (12,), "tail.0.0.weight": (4, 16), "tail.0.1.weight": (40, 4),
        "tail.1.0.weight": (1, 16), "tail.1.1.weight": (50, 1),
    }  # fmt: skip
    before = layer.tail[0][1].weight.detach().clone()
    layer.reset_parameters()
    assert not np.array_equal(before, layer.tail[0][1].weight.detach())
    assert "n_classes=100, cutoffs=[10, 50]" in repr(layer)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *[(lambda c=c: nn.AdaptiveLogSoftmaxWithLoss(4, 20, c), ValueError, "cutoffs are one or more increasing")
          for c in ([], [0, 3], [5, 3], [3, 3], [3, 20], [2.5])],
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(autograd.ones(2, 4), autograd.tensor([1, 9])), IndexError,
         "classes from 0 to 8, got values from 1 to 9"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [2])(autograd.ones(2, 4), autograd.tensor([1])),
         autograd.ShapeError, r"expected input \(N, 4\) and target \(N\), .* got \(2, 4\) and \(1,\)"),
    ],
)  # fmt: skip
def test_adaptive_log_softmax_of_what_is_no_class(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "elu", "softplus"])
def test_half_precision_rounds_only_the_result(name):
    x = np.linspace(-16, 8, 3001).astype(np.float16)
    exact = getattr(F, name)(autograd.tensor(x.astype(np.float64))).numpy()
    got = getattr(F, name)(autograd.tensor(x)).numpy()
    assert got.dtype == np.float16
    assert np.max(np.abs(got - exact) / np.spacing(np.abs(exact).astype(np.float16))) < 1.6


@pytest.mark.parametrize(("lower", "upper"), [(0.5, 0.25), (-math.inf, 0.3), (0.1, math.inf), (math.nan, 0.3)])
@pytest.mark.parametrize("training", [False, True])
def test_rrelu_refuses_bounds_between_which_nothing_can_be_drawn(lower, upper, training):
    with pytest.raises(ValueError, match="lower must not be greater than upper, and both finite"):
        F.rrelu(autograd.ones(2), lower, upper, training)
