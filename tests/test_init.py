"""nn.init: distributions, structures, generators, bad arguments; nn.utils: clipping, parameters as a vector."""

import math

import numpy as np
import pytest

import autograd
import nn
from nn import init


def drawn(function, *shape, **arguments):
    return function(autograd.zeros(*shape, dtype="float64"), generator=autograd.Generator().manual_seed(1), **arguments)


def quantiles(tensor, levels=(0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)):
    return np.quantile(tensor.numpy().ravel(), levels)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"), [(0, 1, -2, 2), (1, 0.5, 0, 3), (0, 1, 4, 6), (0, 1, -9, -5), (2, 3, -1, 1.5)]
)
def test_truncated_normal(mean, std, a, b):
    from scipy import stats

    values = drawn(init.trunc_normal_, 200, 100, mean=mean, std=std, a=a, b=b)
    assert a <= values.min().item() <= values.max().item() <= b
    expected = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert stats.kstest(values.numpy().ravel(), expected.cdf).statistic < 0.015


def test_truncated_normal_without_deviation_and_wrong_bounds():
    assert drawn(init.trunc_normal_, 2, mean=5.0, std=0.0).tolist() == [2.0, 2.0]
    with pytest.raises(ValueError, match="expected a <= b and std >= 0, got a=1, b=-1"):
        init.trunc_normal_(autograd.empty(2), a=1, b=-1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 3, 2, 2), (2, 3, 5)])
def test_orthogonal(shape):
    w = drawn(init.orthogonal_, *shape, gain=2.0).numpy().reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    corners = np.array([drawn_corner(seed) for seed in range(400)])
    assert abs(corners.mean()) < 0.1  # a QR without its signs put right has only negative ones
    assert np.mean(corners**2) == pytest.approx(1 / 3, abs=0.05)


def drawn_corner(seed):
    return init.orthogonal_(autograd.empty(3, 3), generator=autograd.Generator().manual_seed(seed))[0, 0].item()


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 1.0])
def test_sparse(sparsity):
    w = drawn(init.sparse_, 50, 40, sparsity=sparsity, std=3.0).numpy()
    assert ((w == 0).sum(0) == math.ceil(sparsity * 50)).all()
    if sparsity < 1:
        assert w[w != 0].std() == pytest.approx(3, rel=0.1)
    if sparsity == 0.5:
        assert len({tuple(column) for column in (w == 0).T}) > 1


def test_eye():
    assert init.eye_(autograd.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("shape", "groups"), [((2, 3, 3), 1), ((4, 2, 3, 3), 2), ((3, 2, 3, 3, 3), 1), ((6, 1, 5), 6)])
def test_dirac_weights_pass_channels_through(shape, groups):
    w = init.dirac_(autograd.empty(*shape), groups).numpy()
    middle = w[(slice(None), slice(None), *(n // 2 for n in shape[2:]))]
    block = np.eye(shape[0] // groups, shape[1])
    np.testing.assert_array_equal(middle, np.concatenate([block] * groups))
    assert w.sum() == middle.sum()


@pytest.mark.parametrize(
    ("name", "param", "expected"),
    [
        *[(f"conv{t}{n}d", None, 1.0) for t in ("", "_transpose") for n in (1, 2, 3)],
        ("linear", None, 1.0),
        ("sigmoid", None, 1.0),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / (1 + 0.01**2))),
        ("leaky_relu", 0.5, math.sqrt(1.6)),
        ("selu", None, 0.75),
    ],
)
def test_gains(name, param, expected):
    assert init.calculate_gain(name, param) == expected


def test_the_gain_of_linear_functions_is_an_integer():
    assert repr(init.calculate_gain("conv2d")) == "1"


@pytest.mark.parametrize(
    ("function", "deviation"),
    [
        (init.xavier_normal_, math.sqrt(2 / (60 + 80) / 4)),
        (init.xavier_uniform_, math.sqrt(2 / (60 + 80) / 4)),
        (init.kaiming_normal_, math.sqrt(2 / 240)),
        (init.kaiming_uniform_, math.sqrt(2 / 240)),
    ],
)
def test_variance_by_the_fans(function, deviation):
    assert drawn(function, 80, 60, 4).numpy().std() == pytest.approx(deviation, rel=0.03)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (init.uniform_, {"a": -1.0, "b": 2.0}),
        (init.normal_, {"mean": 1.0, "std": 2.0}),
        (init.trunc_normal_, {}),
        (init.orthogonal_, {}),
        (init.sparse_, {"sparsity": 0.3}),
        (init.xavier_uniform_, {}),
        (init.xavier_normal_, {}),
        (init.kaiming_uniform_, {}),
        (init.kaiming_normal_, {}),
    ],
)
def test_generators_and_the_seed_decide(function, arguments):
    first, second = (drawn(function, 3, 4, **arguments).tolist() for _ in range(2))
    assert first == second
    weight = nn.Parameter(autograd.empty(3, 4))
    autograd.manual_seed(5)
    assert function(weight, **arguments) is weight
    assert weight.is_leaf
    seen = weight.tolist()
    autograd.manual_seed(5)
    assert function(autograd.empty(3, 4), **arguments).tolist() == seen


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.eye_(autograd.empty(2)), r"eye_: needs a tensor of 2 dimensions, got shape \(2,\)"),
        (lambda: init.dirac_(autograd.empty(2, 2)), "dirac_: needs a weight of 3, 4 or 5 dimensions"),
        (lambda: init.dirac_(autograd.empty(3, 2, 3), 2), "3 output channels cannot be divided into 2 groups"),
        (lambda: init.orthogonal_(autograd.empty(2)), r"orthogonal_: needs a tensor of 2 dimensions or more"),
        (lambda: init.sparse_(autograd.empty(2), 0.5), "sparse_: needs a tensor of 2 dimensions"),
        (lambda: init.sparse_(autograd.empty(2, 2), 1.5), r"sparsity must lie in \[0, 1\], got 1.5"),
        (lambda: init.calculate_gain("leaky_relu", True), "the slope of leaky_relu must be a number, got True"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "function", [init.orthogonal_, init.trunc_normal_, lambda t: init.sparse_(t, 0.1), init.normal_, init.uniform_]
)
def test_integers_are_not_drawn(function):
    with pytest.raises(autograd.DtypeError, match="int64 would cut the numbers off"):
        function(autograd.ones(2, 2, dtype="int64"))


def test_a_module_without_its_initial_values_draws_nothing():
    autograd.manual_seed(3)
    module = nn.utils.skip_init(nn.LSTM, 4, 3, num_layers=2)
    expected = autograd.rand(2)
    assert module.weight_ih_l1.shape == (12, 3)
    autograd.manual_seed(3)
    assert autograd.rand(2).tolist() == expected.tolist()
    assert nn.init.ones_(autograd.zeros(2)).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="expected a class of modules, got 3"):
        nn.utils.skip_init(3)


def test_fans_under_pytorchs_name():
    assert init._calculate_fan_in_and_fan_out(autograd.empty(4, 3, 2, 2)) == (12, 16)
    with pytest.raises(ValueError, match="needs a weight of 2 dimensions or more"):
        init._calculate_fan_in_and_fan_out(autograd.empty(4))


def test_nothing_to_initialize_warns():
    with pytest.warns(UserWarning, match="has no elements to initialize"):
        init.kaiming_uniform_(autograd.empty(0, 3))


# ---- clipping --------------------------------------------------------------------------------------------------------


def parameters(*grads):
    made = []
    for grad in grads:
        array = np.asarray(grad, np.float64)
        made.append(autograd.tensor(np.zeros(array.shape), requires_grad=True))
        made[-1].grad = autograd.tensor(array)
    return [*made, autograd.tensor([1.0], dtype="float64", requires_grad=True)]


@pytest.mark.parametrize("order", [2.0, 1.0, 3.0, 0.5, math.inf, -math.inf])
@pytest.mark.parametrize("largest", [0.5, 100.0])
def test_clipped_to_a_norm(order, largest):
    values = [[[3.0, -4.0], [1.0, 2.0]], 12.0, [0.5]]
    params = parameters(*values)
    flat = np.concatenate([np.ravel(v) for v in values])
    norm = np.linalg.norm(flat, order)
    total = nn.utils.clip_grad_norm_(params, largest, order)
    assert total.item() == pytest.approx(norm)
    after = np.concatenate([p.grad.numpy().ravel() for p in params[:-1]])
    np.testing.assert_allclose(after, flat * min(1, largest / (norm + 1e-6)), rtol=1e-12)
    assert params[-1].grad is None


def test_norm_of_large_tiny_and_no_gradients():
    for scale in (1e30, 1e-30):
        grad = autograd.tensor([3 * scale, 4 * scale])
        assert nn.utils.get_total_norm(grad).item() == pytest.approx(5 * scale, rel=1e-6)
    assert nn.utils.get_total_norm([]).item() == 0.0
    assert nn.utils.get_total_norm(autograd.tensor([300.0, 400.0], dtype="float16")).dtype == np.float16
    assert nn.utils.get_total_norm(autograd.tensor([3 + 4j])).item() == pytest.approx(5)


def test_a_norm_that_is_not_finite():
    params = parameters([1.0, math.nan], [2.0])
    with pytest.raises(RuntimeError, match="the total norm of order 2 is nan"):
        nn.utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[1].grad.tolist() == [2.0]
    assert math.isnan(nn.utils.clip_grad_norm_(params, 1.0).item())
    assert math.isnan(params[1].grad.item())  # no step is taken as if nothing had happened


def test_integers_have_no_norm_of_their_dtype():
    with pytest.raises(autograd.DtypeError, match="expected floating or complex Tensors, got one of int64"):
        nn.utils.get_total_norm([autograd.ones(3, dtype="int64")])


@pytest.mark.filterwarnings("error")
def test_clipping_an_infinite_gradient_says_nothing():
    params = parameters([math.inf, 1.0])
    assert nn.utils.clip_grad_norm_(params, 1.0).item() == math.inf
    np.testing.assert_array_equal(params[0].grad, [math.nan, 0.0])


def test_clipped_elements():
    params = parameters([-3.0, 0.5, 2.0])
    nn.utils.clip_grad_value_(params, 1.0)
    assert params[0].grad.tolist() == [-1.0, 0.5, 1.0]
    nn.utils.clip_grad_value_(params[0], 0.25)
    assert params[0].grad.tolist() == [-0.25, 0.25, 0.25]


def test_clipping_a_gradient_that_backward_needs_is_noticed():
    w = autograd.tensor([2.0], requires_grad=True)
    (w**3).sum().backward()
    loss = (w.grad * w).sum()
    nn.utils.clip_grad_norm_(w, 1.0)
    with pytest.raises(autograd.MutationError):
        loss.backward()


# ---- parameters as a vector ------------------------------------------------------------------------------------------


def test_parameters_to_vector_and_back():
    model = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (9,)
    vector.sum().backward()
    assert model.weight.grad.tolist() == [[1, 1]] * 3
    nn.utils.vector_to_parameters(autograd.arange(9.0), model.parameters())
    assert model.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert model.bias.tolist() == [6, 7, 8]
    with pytest.raises(autograd.ShapeError, match=r"have 9 elements, so vec must have shape \(9,\), got \(8,\)"):
        nn.utils.vector_to_parameters(autograd.zeros(8), model.parameters())
    assert model.bias.tolist() == [6, 7, 8]
    with pytest.raises(TypeError, match="vec must be a Tensor, got list"):
        nn.utils.vector_to_parameters([1.0] * 9, model.parameters())
