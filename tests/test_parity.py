"""Answers of PyTorch 2.13 that a search with random calls once found ours to differ from: a line each."""

import fractions
import math

import numpy as np
import pytest

import autograd
import autograd.testing
import nn.functional as F
from autograd import errors, linalg, tensor
from tests.helpers import leaf, values

INF, NAN = math.inf, math.nan
u8, i64, f16 = autograd.uint8, autograd.int64, autograd.float16


def bytes_(*numbers):
    return tensor(np.array(numbers, np.uint8))


def bools(*flags):
    return tensor(list(flags))


MATRIX = [[1.0, 2.0, 4.0], [3.0, 4.0, 9.0]]

# ---- values and dtypes -----------------------------------------------------------------------------------------------

VALUES = [
    # integers beyond the range of an integer dtype wrap around
    (lambda: bytes_(3, 255) + -3, [0, 252], "uint8"),
    (lambda: bytes_(3, 255) * 300, [132, 212], "uint8"),
    (lambda: autograd.add(bytes_(3), bytes_(5), alpha=-3), [244], "uint8"),
    (lambda: bytes_(44) == 300, [True], "bool"),
    (lambda: (-3) ** bytes_(3, 200), [229, 161], "uint8"),
    (lambda: autograd.full((2,), -5, dtype=u8), [251, 251], "uint8"),
    (lambda: autograd.full_like(bytes_(1), -9), [247], "uint8"),
    (lambda: autograd.full((1,), -2.5, dtype=u8), [254], "uint8"),
    (lambda: autograd.full((1,), 2 + 0j, dtype=autograd.float32), [2.0], "float32"),
    (lambda: autograd.scalar_tensor(s=-5, dtype=u8), 251, "uint8"),
    (lambda: bytes_(1, 2).masked_fill(bools(True, False), -5), [251, 2], "uint8"),
    (lambda: bytes_(1, 2).new_full((1,), -1), [255], "uint8"),
    (lambda: bytes_(1, 2).index_add(0, tensor([0]), bytes_(1), alpha=-1), [0, 2], "uint8"),
    (lambda: autograd.lcm(tensor([2**31 - 1], dtype=autograd.int32), tensor(2)), [2], "int32"),
    (lambda: autograd.xlogy(bytes_(0), -3), [0.0], "float32"),
    (lambda: autograd.xlogy(bytes_(1), 300), [pytest.approx(math.log(300))], "float32"),
    (lambda: bytes_(1, 2).scatter(0, tensor([1]), -3), [1, 253], "uint8"),
    (lambda: autograd.fill(bytes_(1), -3), [253], "uint8"),
    (lambda: tensor([[-1, 255], [-255, 0]], dtype=u8), [[255, 255], [1, 0]], "uint8"),
    (lambda: tensor([tensor(-3), 5], dtype=u8), [253, 5], "uint8"),
    (lambda: F.threshold(bytes_(1, 2), 1, -9), [247, 2], "uint8"),
    (lambda: bytes_(1, 2).index_fill(0, tensor([1]), -2), [1, 254], "uint8"),
    # ranges of integers cut their ends
    (lambda: autograd.arange(0.0, -8.000001, -4.0, dtype=i64), [0, -4], "int64"),
    (lambda: autograd.arange(-0.9, 2.1, 2.0, dtype=i64), [0], "int64"),
    (lambda: autograd.arange(2.1, -2.9, -1.0, dtype=u8), [2, 1, 0, 255, 254], "uint8"),
    (lambda: autograd.linspace(-2.0, -3, 5, dtype=i64), [-2, -2, -2, -2, -3], "int64"),
    (lambda: autograd.linspace(0, 5, 3, dtype=i64), [0, 2, 5], "int64"),
    (lambda: autograd.logspace(2, 1.2, 4, 5.0, dtype=i64), [25, 14, 8, 5], "int64"),
    # ... and of complex numbers are complex
    (lambda: autograd.linspace(0, 1 + 1j, 3), [0, 0.5 + 0.5j, 1 + 1j], "complex64"),
    (lambda: autograd.linspace(tensor(2j), 0, 2), [2j, 0], "complex64"),
    (lambda: autograd.logspace(0, 1j, 2, base=math.e)[1], pytest.approx(np.exp(1j)), "complex64"),
    # where the dtype is kept, or is not
    (lambda: bools(True, False).conj(), [True, False], "bool"),
    (lambda: linalg.vander(bytes_(5, 1), N=3), [[1, 5, 25], [1, 1, 1]], "int64"),
    (lambda: tensor([tensor(1), tensor(2.0)]), [1.0, 2.0], "float32"),
    (lambda: tensor([2.0, tensor(1.0, dtype=autograd.float64)]), [2.0, 1.0], "float64"),
    (lambda: autograd.trapezoid(bytes_(5, 1, 6), bytes_(2, 5, 9)), 23.0, "float32"),
    (lambda: autograd.trapezoid(bytes_(200, 100, 90)), 245.0, "float32"),
    (lambda: autograd.cumulative_trapezoid(bytes_(200, 100, 90)), [150.0, 245.0], "float32"),
    (lambda: autograd.trapezoid(tensor([1.0, 2.0]), bytes_(3, 1)), -3.0, "float32"),
    (lambda: linalg.vector_norm(autograd.ones(5000, 2, dtype=autograd.float16), 0, 0), [5000.0, 5000.0], "float16"),
    (lambda: autograd.einsum("i->", bytes_(200, 100)), 300, "int64"),
    (lambda: autograd.einsum("i,->i", tensor([1.0]), tensor(2.0, dtype=autograd.float64)), [2.0], "float64"),
    (lambda: autograd.einsum("i->", bools(True, True)), 2, "int64"),
    (lambda: autograd.addmv(bytes_(9), bytes_(3)[None], bytes_(5), beta=0), [15], "uint8"),
    (lambda: autograd.addr(bools(True), bools(False), bools(True), beta=3), [[True]], "bool"),
    (lambda: autograd.addr(bools(True), bools(False), bools(True), beta=0), [[False]], "bool"),
    # nothing, and no dimension
    (lambda: autograd.zeros(2, 0).softmax(-1), [[], []], "float32"),
    (lambda: autograd.zeros(2, 0).log_softmax(-1), [[], []], "float32"),
    (lambda: autograd.unique_consecutive(tensor(3.0)), [3.0], "float32"),
    (lambda: autograd.where(tensor(3.0))[0], [0], "int64"),
    (lambda: tensor(3.0).nonzero(as_tuple=True)[0], [0], "int64"),
    (lambda: tensor([1.0]).gather(0, autograd.zeros(2, 0, dtype=i64)), [[], []], "float32"),
    (lambda: linalg.vander(tensor(2.0), N=2), [[1.0, 2.0]], "float32"),
    (lambda: F.prelu(tensor(-2.0), tensor([0.5])), -1.0, "float32"),
    (lambda: autograd.diff(tensor([1.0, 4.0]), 0, 0, tensor([9.0])), [1.0, 4.0], "float32"),
    (lambda: autograd.histogram(tensor(0.5), tensor([0.0, 1.0])).hist, [1.0], "float32"),
    (lambda: linalg.matrix_norm(autograd.zeros(2, 0, 3), 2), [0.0, 0.0], "float32"),
    (lambda: linalg.matrix_norm(autograd.zeros(2, 3, 0), 1), [0.0, 0.0], "float32"),
    (lambda: linalg.matrix_norm(autograd.zeros(0, 3), INF), 0.0, "float32"),
    (lambda: linalg.cond(autograd.zeros(2, 0, 0)), [0.0, 0.0], "float32"),
    (lambda: autograd.multinomial(autograd.ones(0, 3), 2, replacement=True).reshape(-1), [], "int64"),
    (lambda: autograd.norm(tensor([[3.0, 0.0], [0.0, -4.0]]), "nuc"), 7.0, "float32"),
    (lambda: linalg.cond(autograd.ones(2, 2), "fro"), INF, "float32"),
    (lambda: linalg.cond(tensor([[[1.0, 1.0], [1.0, 1.0]], [[4.0, 0.0], [0.0, 2.0]]]), 1), [INF, 2.0], "float32"),
    (lambda: tensor([2.0, 1.0]).sort(stable=None).indices, [1, 0], "int64"),
    (lambda: autograd.clamp_min(2, tensor([1, 3])), [2, 3], "int64"),
    (lambda: autograd.logaddexp(0, tensor([0])), [pytest.approx(math.log(2))], "float32"),
    (lambda: reversed(tensor(MATRIX)), MATRIX[::-1], "float32"),
    # copies of what was expanded lie in memory row by row
    (lambda: tensor([1.0, 2.0]).expand(2, 2).clone().view(-1), [1.0, 2.0, 1.0, 2.0], "float32"),
    (lambda: tensor([1.0, 2.0]).expand(2, 2).double().view(-1), [1.0, 2.0, 1.0, 2.0], "float64"),
    (lambda: tensor([1.0, 2.0]).expand(2, 2).int().view(-1), [1, 2, 1, 2], "int32"),
    (lambda: tensor(MATRIX).t().clone(memory_format=autograd.contiguous_format).view(-1)[:2], [1.0, 3.0], "float32"),
    # others
    (lambda: tensor([0, 1, 1]).bincount(tensor([1.0, 2.0, 0.5], dtype=f16)), [1.0, 2.5], "float64"),
    (lambda: tensor([1 + 2j]).resolve_conj(), [1 + 2j], "complex64"),
    (lambda: autograd.repeat_interleave(tensor([1, 0, 2])), [0, 2, 2], "int64"),
    (lambda: autograd.repeat_interleave(repeats=tensor([2])), [0, 0], "int64"),
    (
        lambda: autograd.zeros(1, dtype=autograd.bool).scatter_reduce(
            0, tensor([0]), bools(False), "amax", include_self=False
        ),
        [False],
        "bool",
    ),
    (
        lambda: bools(True, True).scatter_reduce(0, tensor([0]), bools(False), "amin", include_self=False),
        [False, True],
        "bool",
    ),
    (lambda: autograd.tensordot(tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]]), ([0], [0])), [[7.0], [14.0]], "float32"),
    (lambda: autograd.tensordot(tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]]), tensor([1])), [[11.0]], "float32"),
    (lambda: autograd.tensordot(tensor([1.0, 2.0]), tensor([3.0, 4.0]), tensor([[0], [0]])), 11.0, "float32"),
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values(number):
    call, expected, dtype = VALUES[number]
    found = call()
    assert values(found) == expected
    assert found.dtype == dtype


def test_logsumexp_of_complex_numbers_has_its_principal_value():
    z = tensor(np.array([0.5 + 3.0j, 0.2 + 3.1j]))
    found = z.logsumexp(0).item()
    assert found == pytest.approx(np.log(np.exp(0.5 + 3.0j) + np.exp(0.2 + 3.1j)), rel=1e-12)
    assert abs(found.imag) <= math.pi


def test_an_assigned_number_wraps_or_raises():
    x = autograd.zeros(2, dtype=u8)
    x[0] = -1
    assert values(x) == [255, 0]
    for wrong in (300, None, "a"):
        with pytest.raises(errors.DtypeError):
            x[0] = wrong
    assert values(x) == [255, 0]


def test_an_index_of_no_dimension_counts_as_a_number():
    x = autograd.zeros(2, 3)
    x[tensor(1), tensor([0, 2])] = 5
    x[np.array(0), bools(True, False, True)] = 6
    assert values(x) == [[6.0, 0.0, 6.0], [5.0, 0.0, 5.0]]
    row = x[tensor(0)]
    row += 1
    assert values(x[0]) == [7.0, 1.0, 7.0]


def test_a_bool_beside_numbers_in_an_index_is_a_dimension():
    x = tensor(np.arange(6).reshape(2, 3))
    assert values(x[1, True]) == [[3, 4, 5]]
    assert x[:, False, 1].shape == (2, 0)
    assert values(x[0, True, tensor([2])]) == [2]


def test_an_ellipsis_for_no_dimension_does_not_stand_between_arrays():
    x = leaf(*np.arange(30.0).reshape(5, 2, 3))
    found = x[:, [0, 1], ..., [2, 0]]
    assert values(found[1:3]) == [[8.0, 9.0], [14.0, 15.0]]
    autograd.backward(found.sum())
    expected = np.zeros((5, 2, 3))
    expected[:, 0, 2] = expected[:, 1, 0] = 1
    assert values(x.grad) == expected.tolist()
    y = x.detach().clone()
    y[:, [0, 1], ..., [2, 0]] = autograd.ones(5, 1)
    assert values(y) == np.where(expected == 1, 1.0, x.detach().numpy()).tolist()
    assert x[..., 1, [[0, 1]]].shape == (5, 1, 2)


@pytest.mark.parametrize("columns", [(2, 0), range(2, -1, -2), [2, 0]])
def test_a_tuple_or_range_in_an_index_is_an_array(columns):
    x = leaf(*np.arange(24.0).reshape(2, 4, 3))
    found = x[1, :, columns]
    assert values(found) == [[14.0, 12.0], [17.0, 15.0], [20.0, 18.0], [23.0, 21.0]]
    autograd.backward(found.sum() + x[(columns[1:],)].sum())
    assert values(x.grad[0]) == [[1.0, 1.0, 1.0]] * 4
    assert values(x.grad[1]) == [[1.0, 0.0, 1.0]] * 4


def test_an_empty_list_as_an_index_selects_nothing():
    for index, shape in [([], (0, 3)), ([[]], (1, 0, 3)), (([], slice(1)), (0, 1)), ((0, []), (0,))]:
        x = leaf([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
        found = x[index]
        assert found.shape == shape
        autograd.backward(found.sum())
        assert values(x.grad) == [[0.0] * 3] * 2


@pytest.mark.parametrize("write", [
    lambda x, src: x.scatter(0, tensor([2, 0]), src),
    lambda x, src: x.scatter_(0, tensor([2, 0]), src),
    lambda x, src: x.index_copy(0, tensor([2, 0]), src),
    lambda x, src: x.index_put((tensor([2, 0]),), src),
    lambda x, src: x.index_put_((tensor([2, 0]),), src),
    lambda x, src: x.put(tensor([2, 0]), src),
    lambda x, src: x.masked_scatter(bools(True, False, True), src),
])  # fmt: skip
def test_fractions_are_not_lost_where_they_are_written_at_an_index(write):
    for dtype, src in [("int64", tensor([0.7, 1.7])), ("bool", tensor([2, 3])), ("float32", tensor([1j, 2.0]))]:
        x = autograd.ones(3, dtype=dtype)
        with pytest.raises(errors.DtypeError, match="cannot be written into a tensor of dtype " + dtype):
            write(x, src)
        assert values(x) == [1, 1, 1]
    assert write(autograd.ones(3, dtype="float32"), tensor([4, 5])).dtype == "float32"
    assert sorted(values(write(autograd.ones(3, dtype="int32"), tensor([4, 5])))) == [1, 4, 5]


def test_values_are_added_at_numbers_of_no_dimension():
    x = autograd.zeros(2, 3).index_put_((tensor(1), tensor(2)), tensor(5.0), accumulate=True)
    assert values(x) == [[0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]


def test_the_parts_of_complex_numbers_can_be_written():
    z, w = tensor(np.array([1 + 2j, 3 - 1j]), requires_grad=True), leaf(5.0, 6.0)
    y = z * 2
    y.real = w
    y.imag = 4.0
    assert values(y) == [5 + 4j, 6 + 4j]
    autograd.backward((y * y).real.sum())
    assert values(z.grad) == [0, 0]
    assert values(w.grad) == [10.0, 12.0]
    x = autograd.zeros(2)
    x.real = tensor([1.0, 2.0])
    assert values(x) == [1.0, 2.0]
    with pytest.raises(TypeError, match="no imaginary part"):
        x.imag = 1.0
    with pytest.raises(errors.ShapeError):
        y.real = tensor([1.0, 2.0, 3.0])
    assert values(y) == [5 + 4j, 6 + 4j]


# ---- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (F.relu, [1.0, 0.0, 1.0]),
        (F.relu6, [0.0, 0.0, 1.0]),
        (F.hardtanh, [0.0, 0.0, 1.0]),
        (F.softshrink, [1.0, 1.0, 1.0]),
        (F.hardshrink, [1.0, 1.0, 1.0]),
        (lambda x: F.threshold(x, 0.5, 2.0), [1.0, 0.0, 1.0]),
        (F.elu, [1.0, 0.0, 1.0]),
        (F.celu, [1.0, 0.0, 1.0]),
    ],
)
def test_slope_at_the_ends_and_at_nan(function, expected):
    x = leaf(INF, -INF, NAN)
    (found,) = autograd.grad(function(x), x, autograd.ones(3, dtype=autograd.float64))
    assert values(found) == expected


def test_second_derivative_of_elu_at_0_is_0():
    x = leaf(0.0, -1.0)
    (slope,) = autograd.grad(F.elu(x).sum(), x, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), x)
    assert values(slope) == pytest.approx([1.0, math.exp(-1)])
    assert values(bend) == pytest.approx([0.0, math.exp(-1)])


COMPLEX = tensor([0.5 + 1j, -2.0 + 0.1j])
REAL_ONLY = {
    **{
        name: lambda name=name: getattr(F, name)(COMPLEX)
        for name in ("logsigmoid", "mish", "softplus", "leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardswish",
                     "hardtanh", "hardshrink", "softshrink")
    },
    "threshold": lambda: F.threshold(COMPLEX, 0.1, 0.0),
    "prelu": lambda: F.prelu(COMPLEX, tensor([0.1])),
    "cross_entropy": lambda: F.cross_entropy(COMPLEX, tensor(1)),
    "binary_cross_entropy": lambda: F.binary_cross_entropy(COMPLEX, autograd.ones(2)),
    "binary_cross_entropy_with_logits": lambda: F.binary_cross_entropy_with_logits(COMPLEX, autograd.ones(2)),
    "multilabel_soft_margin_loss": lambda: F.multilabel_soft_margin_loss(COMPLEX, autograd.ones(2)),
    "soft_margin_loss": lambda: F.soft_margin_loss(COMPLEX, autograd.ones(2)),
    "huber_loss": lambda: F.huber_loss(COMPLEX, autograd.ones(2)),
    "smooth_l1_loss": lambda: F.smooth_l1_loss(autograd.ones(2), COMPLEX),
    "digamma": lambda: autograd.digamma(COMPLEX),
    "polygamma": lambda: autograd.polygamma(1, COMPLEX),
    "logit": lambda: autograd.logit(COMPLEX),
    "xlogy": lambda: autograd.xlogy(2j, autograd.ones(2)),
    "erfcx": lambda: autograd.special.erfcx(COMPLEX),
    "scatter_reduce": lambda: autograd.zeros(2).to(COMPLEX.dtype).scatter_reduce(0, tensor([0, 1]), COMPLEX, "amax"),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL_ONLY)
def test_what_is_defined_for_real_numbers_refuses_complex_ones(name):
    with pytest.raises(errors.DtypeError, match="complex"):
        REAL_ONLY[name]()


@pytest.mark.parametrize(
    "mean",
    [
        lambda x: F.interpolate(x, 4, mode="linear"),
        lambda x: F.interpolate(x, 4, mode="area"),
        lambda x: F.adaptive_avg_pool1d(x, 2),
    ],
)
def test_means_of_integers_are_not_cut_off(mean):
    with pytest.raises(errors.DtypeError, match=r"convert with \.float\(\)"):
        mean(autograd.arange(6).reshape(1, 1, 6))


@pytest.mark.parametrize(
    "vectors",
    [lambda x: linalg.eigh(x).eigenvectors, lambda x: linalg.eig(x).eigenvectors, lambda x: linalg.svd(x).U],
)
def test_a_loss_that_depends_on_the_phase_of_vectors_has_no_derivative(vectors):
    x = tensor(np.array([[2.0, 1 - 2j, 0.5j], [1 + 2j, 4.0, 0.3], [-0.5j, 0.3, 7.0]]), requires_grad=True)
    weights = tensor(np.arange(9.0).reshape(3, 3))
    with pytest.raises(errors.GradientError, match="up to a phase, and this loss depends on it"):
        (vectors(x).real * weights).sum().backward()
    assert x.grad is None
    (vectors(x).abs() * weights).sum().backward()
    assert np.all(np.isfinite(x.grad.numpy()))


def test_softsign_and_l1_loss_of_complex_numbers():
    z = tensor(np.array([3.0 + 4.0j]), requires_grad=True)
    (found,) = autograd.grad(F.l1_loss(z, tensor(np.array([0j]))), z)
    assert found.item() == pytest.approx(0.6 + 0.8j)
    (found,) = autograd.grad(F.softsign(z).real.sum(), z)
    # of Re(z / (1 + |z|)): 1 / 6 - Re(z) / 36 * z / |z|
    assert found.item() == pytest.approx(1 / 6 - 3 / 36 * (0.6 + 0.8j))


def test_logaddexp_of_complex_numbers():
    x, y = tensor(np.array([1 + 3j, 800 + 1j]), requires_grad=True), tensor(np.array([1.1 + 3.1j, -800 + 0j]))
    out = autograd.logaddexp(x, y)
    assert values(out) == pytest.approx([np.log(np.exp(1 + 3j) + np.exp(1.1 + 3.1j)), 800 + 1j])
    (found,) = autograd.grad(out, x, autograd.ones_like(out))
    assert values(found.conj()) == pytest.approx([1 / (1 + np.exp(0.1 + 0.1j)), 1])
    running = tensor(np.array([[1 + 3j, 1.1 + 3.1j, -np.inf]])).logcumsumexp(-1)
    assert values(running)[0] == pytest.approx([1 + 3j, out[0].item(), out[0].item()])


_OF_ROWS = ("sum", "mean", "prod", "amax", "max", "min", "argmax", "all", "any", "sort", "argsort", "cumsum", "median")


@pytest.mark.parametrize("name", _OF_ROWS)
def test_a_flag_is_no_dimension(name):
    """By the True in ``x.sum(True)``, keepdim is meant; Python would take it for the dimension 1."""
    for wrong in (True, False):
        with pytest.raises(errors.DtypeError, match=f"'dim' must be a dimension, got {wrong}"):
            getattr(tensor(MATRIX), name)(wrong)


def test_a_flag_behind_other_arguments_is_no_dimension():
    t = tensor(MATRIX)
    for call in (lambda: t.topk(1, True), lambda: t.norm(2, True), lambda: t.sum(axis=True), lambda: t.amax(dim=True)):
        with pytest.raises(errors.DtypeError, match="'dim' must be a dimension"):
            call()


@pytest.mark.parametrize("call", [
    lambda t: t.select(True, 0), lambda t: t.narrow(True, 0, 1), lambda t: t.flip(True), lambda t: t.movedim(0, True),
    lambda t: t.gather(False, t.long()), lambda t: t.index_select(True, tensor([0])), lambda t: t.diff(1, True),
    lambda t: t.roll(1, True), lambda t: t.flatten(True), lambda t: t.scatter(True, t.long(), 1.0),
])  # fmt: skip
def test_a_flag_is_no_dimension_of_which_a_part_is_taken_either(call):
    with pytest.raises(TypeError, match=r"True|False"):
        call(autograd.zeros(2, 2))


@pytest.mark.parametrize("other", [1 + 1j, complex(INF, 1), complex(-INF, 0)])
@pytest.mark.parametrize("lost", [complex(NAN, 1), complex(1, NAN), complex(-INF, NAN)])
def test_nan_in_a_part_of_a_complex_number_stays_in_the_logarithm_of_a_sum(lost, other):
    for pair in ([lost, other], [other, lost]):
        z = tensor(pair)
        for found in (autograd.logaddexp(z[0], z[1]), z.logcumsumexp(0)[1]):
            assert np.isnan(found.item().real)
            assert np.isnan(found.item().imag)


def test_random_numbers_reach_the_ends_of_their_dtype():
    autograd.manual_seed(0)
    drawn = autograd.zeros(2000, dtype=i64).random_()
    assert 0 <= drawn.min() < 2**54 < 2**63 - 2**54 < drawn.max()
    assert set(values(autograd.zeros(100, dtype=autograd.bool).random_())) == {False, True}


def test_a_product_of_the_shape_of_a_factor_that_was_broadcast():
    row, y = leaf(1.0, 1.0).reshape(1, 2) * 1, leaf(1.0, 2.0, 3.0, 4.0).reshape(1, 2, 2)
    for product in (lambda: autograd.einsum("...i,...i->...", row, y), lambda: linalg.vecdot(row, y)):
        (found,) = autograd.grad(product().sum(), row, retain_graph=True)
        assert values(found) == [[4, 6]]


@pytest.mark.parametrize(("x", "y", "dim"), [((2, 3, 4), (3, 4), 1), ((2, 3, 4), (4,), -2), ((2, 1), (2, 3), -1)])
def test_vecdot_is_along_a_dimension_of_the_broadcast_shape(x, y, dim):
    rng = np.random.default_rng(0)
    x, y = [autograd.from_numpy(rng.normal(size=(*shape, 2)).view(complex)[..., 0]) for shape in (x, y)]
    x.requires_grad_(), y.requires_grad_()
    found, expected = linalg.vecdot(x, y, dim=dim), (x.conj() * y).sum(dim)
    weights = autograd.arange(found.numel()).reshape(found.shape) + 1
    for ours, theirs in zip(
        (found, *autograd.grad((found * weights).abs().sum(), (x, y))),
        (expected, *autograd.grad((expected * weights).abs().sum(), (x, y))),
        strict=True,
    ):
        autograd.testing.assert_close(ours, theirs)


def test_assignment_of_a_value_with_more_dimensions_of_size_1():
    y = autograd.tensor([[5.0]], requires_grad=True)
    mask = tensor([[True, False], [True, True]])
    for index in [(0, 0), mask, None, (slice(None), 1)]:
        x = autograd.zeros(2, 2)
        x[index] = y
        y.grad = None
        x.sum().backward()
        assert y.grad.tolist() == [[np.count_nonzero(x.detach().numpy())]]
    x, y = tensor(1.0, requires_grad=True) * 1, tensor(2.0, requires_grad=True)
    x[None] = y
    x.backward()
    assert y.grad.shape == ()
    with pytest.raises(autograd.ShapeError, match=r"\(3, 1\) does not broadcast .* shape \(3,\)"):
        autograd.zeros(2, 2)[mask] = autograd.ones(3, 1)


def test_einsum_with_an_integer_of_no_dimension_is_recorded():
    x = leaf(1.0, 2.0)
    (slope,) = autograd.grad(autograd.einsum("i,->i", x * x, tensor(3)).sum(), x, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), x)
    assert (values(slope), values(bend)) == ([6.0, 12.0], [6.0, 6.0])


def test_in_place_operations_on_nothing():
    x, factor = leaf(), tensor(2.0, dtype=autograd.float64, requires_grad=True)
    y = x * 1
    y *= factor
    y /= factor
    autograd.backward(y.sum())
    assert (values(x.grad), values(factor.grad)) == ([], 0.0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (autograd.asin, [INF, -INF]),
        (autograd.acos, [-INF, INF]),
        (autograd.atanh, [INF, -INF]),
        (autograd.acosh, [-INF, NAN]),
    ],
)
def test_second_derivatives_where_the_slope_is_infinite(function, expected):
    x = leaf(1.0, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        (slope,) = autograd.grad(function(x).sum(), x, create_graph=True)
        (bend,) = autograd.grad(slope.sum(), x)
    assert values(bend) == pytest.approx(expected, nan_ok=True)


def test_infinity_in_logcumsumexp_leaves_the_gradients_before_it():
    x = leaf(1.0, 2.0, INF, 3.0)
    (slope,) = autograd.grad(x.logcumsumexp(0), x, autograd.ones(4, dtype=autograd.float64))
    assert values(slope[tensor([0, 1, 3])]) == pytest.approx([1 + 1 / (1 + math.e), math.e / (1 + math.e), 0])


def test_second_derivative_of_logcumsumexp_of_large_numbers():
    x = leaf(1000.0, 1000.0, 5000.0)
    (slope,) = autograd.grad(x.logcumsumexp(0), x, tensor([1.0, -2.0, 0.5], dtype=autograd.float64), create_graph=True)
    (bend,) = autograd.grad(slope[0], x)
    assert values(bend) == pytest.approx([-0.5, 0.5, 0.0])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("p", [0, 1, 2, 3, math.inf, -math.inf, "nuc"])
@pytest.mark.parametrize("n", [2, 40])
def test_norms_of_complex_numbers_are_of_their_magnitudes(dtype, p, n):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 3)) + 1j * rng.normal(size=(n, 3))
    expected = np.linalg.norm(z, p) if p == "nuc" else np.linalg.norm(z.ravel(), p)
    out = autograd.norm(autograd.tensor(z, dtype=dtype), p)
    assert out.dtype == np.zeros(0, dtype).real.dtype
    np.testing.assert_allclose(out, expected, rtol=2e-6)
    if p == 2:
        np.testing.assert_allclose(autograd.norm(autograd.tensor(z * 1e25, dtype=dtype)), expected * 1e25, rtol=2e-6)
        unit = F.normalize(autograd.tensor(z, dtype=dtype), dim=0)
        np.testing.assert_allclose(unit, z / np.linalg.norm(z, axis=0), rtol=2e-6)


def test_second_derivative_of_the_norm_of_complex_zeros_is_0():
    z = tensor(np.array([1.0 + 0j, 0j]), requires_grad=True)
    (slope,) = autograd.grad(linalg.vector_norm(z, 1), z, create_graph=True)
    (bend,) = autograd.grad(slope, z, tensor(np.array([2 + 3j, 4 + 5j])))
    assert values(bend) == [3j, 0]


_SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 1e30, -1e30, -1.5, 1.5]


@pytest.mark.parametrize("size", [len(_SPECIAL), 5000])
@pytest.mark.parametrize(
    "exponent", [-4, -3, -2.5, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 2.5, 51, np.inf, np.nan]
)
def test_powers_are_those_of_each_number_alone(exponent, size):
    """Of many numbers, negative and special ones too, to a number, to one for each, and of a number to many."""
    x = np.resize(np.array(_SPECIAL), size)
    with np.errstate(all="ignore"):
        expected = np.array([np.power([number, 2], [exponent, 3.0])[0] for number in x])  # not by a root
        found = [autograd.tensor(x) ** autograd.full(x.shape, exponent, dtype=autograd.float64)]
        if exponent not in (0.5, -0.5):  # by roots, of which that of -inf is nan
            found += [
                autograd.tensor(x) ** exponent,
                autograd.pow(autograd.tensor(x), autograd.tensor(float(exponent))),
            ]
        for powers in found:
            np.testing.assert_allclose(powers.numpy(), expected, 1e-14)
            signed = expected == expected  # all but NaN
            np.testing.assert_array_equal(np.signbit(powers.numpy())[signed], np.signbit(expected)[signed])
        expected = np.array([np.power([exponent, 2], [number, 3.0])[0] for number in x])
        np.testing.assert_allclose((exponent ** autograd.tensor(x)).numpy(), expected, 1e-14)


@pytest.mark.parametrize("base", [0.0, -0.0, 1e-45, -1e-45])
def test_a_constant_power_of_next_to_nothing_has_no_slope(base):
    x = leaf(base, 2.0, dtype="float32")
    (x ** autograd.zeros(2)).sum().backward()
    assert values(x.grad) == [0.0, 0.0]


@pytest.mark.parametrize("number", [INF, -INF, NAN])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_gradient_of_a_determinant_that_is_not_finite_is_nan(number):
    x = tensor([[[number, 1.0], [2.0, 3.0]], [[1.0, 2.0], [3.0, 4.0]]], requires_grad=True)
    linalg.det(x).sum().backward()
    assert np.isnan(x.grad[0].numpy()).all()
    np.testing.assert_allclose(x.grad[1].numpy(), [[4.0, -3.0], [-2.0, 1.0]], rtol=1e-6)


def test_float16_norms_of_small_numbers_have_a_gradient():
    x = tensor([1e-5, 0.0], dtype=f16, requires_grad=True)
    x.norm().backward()
    assert values(x.grad) == [1.0, 0.0]


def test_float16_sums_of_einsum_do_not_overflow_on_the_way():
    x = tensor([[300.0, -300.0], [290.0, -290.0]], dtype=f16)
    y = tensor([[300.0, 1.0], [290.0, 1.0]], dtype=f16)
    assert values(autograd.einsum("ij,jk->ik", x, y)) == [[3000.0, 0.0], [2900.0, 0.0]]


# ---- names of arguments ----------------------------------------------------------------------------------------------

x = tensor(MATRIX)
square = tensor([[1.0, 2.0], [3.0, 4.0]])

NAMED = [
    (lambda: autograd.mm(x, mat2=x.T), [[21.0, 47.0], [47.0, 106.0]]),
    (lambda: autograd.bmm(x[None], mat2=x.T[None]), [[[21.0, 47.0], [47.0, 106.0]]]),
    (lambda: autograd.mv(x, vec=x[0]), [21.0, 47.0]),
    (lambda: autograd.dot(x[0], tensor=x[1]), 47.0),
    (lambda: autograd.outer(x[0], vec2=x[1][:1]), [[3.0], [6.0], [12.0]]),
    (lambda: autograd.swapaxes(x, axis0=0, axis1=1), [[1.0, 3.0], [2.0, 4.0], [4.0, 9.0]]),
    (lambda: x.swapaxes(axis0=0, axis1=1)[0], [1.0, 3.0]),
    (lambda: autograd.split(x, split_size_or_sections=[1, 2], dim=1)[1], [[2.0, 4.0], [4.0, 9.0]]),
    (lambda: autograd.hsplit(x, sections=3)[2], [[4.0], [9.0]]),
    (lambda: autograd.hsplit(x, indices=[1])[0], [[1.0], [3.0]]),
    (lambda: autograd.tensor_split(x, sections=2, dim=1)[1], [[4.0], [9.0]]),
    (lambda: linalg.det(A=square), pytest.approx(-2.0)),
    (lambda: linalg.inv(A=square)[0], pytest.approx([-2.0, 1.0])),
    (lambda: linalg.solve(A=square, B=x)[0], pytest.approx([1.0, 0.0, 1.0], abs=1e-6)),
    (lambda: linalg.svd(A=x, full_matrices=False, driver=None).S, pytest.approx([11.2635, 0.3661], abs=1e-3)),
    (lambda: linalg.slogdet(A=square).logabsdet, pytest.approx(math.log(2))),
    (lambda: linalg.lu(A=square, pivot=True).U[0], [3.0, 4.0]),
    (lambda: linalg.pinv(square, rcond=1e-5)[0], pytest.approx([-2.0, 1.0], abs=1e-5)),
    (lambda: autograd.ones_like(input=square)[0], [1.0, 1.0]),
    (lambda: autograd.full_like(input=square, fill_value=2)[0], [2.0, 2.0]),
    (lambda: square.new_zeros(2, device="cpu"), [0.0, 0.0]),
    (lambda: square.new_full((1,), 3, device="cpu"), [3.0]),
    (lambda: autograd.triu_indices(2, 2, dtype=autograd.int32, device="cpu"), [[0, 0, 1], [0, 1, 1]]),
    (lambda: autograd.tril_indices(2, 2, dtype=autograd.int32), [[0, 1, 1], [0, 0, 1]]),
    (lambda: autograd.cholesky_solve(x[:, :1], input2=autograd.eye(2)), [[1.0], [3.0]]),
]


@pytest.mark.parametrize("number", range(len(NAMED)))
def test_arguments_by_their_names(number):
    call, expected = NAMED[number]
    assert values(call()) == expected


def test_can_cast_by_names():
    assert not autograd.can_cast(from_=autograd.float32, to=autograd.int64)


# ---- errors ----------------------------------------------------------------------------------------------------------

Z = tensor([1 + 1j])
EMPTY = autograd.zeros(2, 0)

ERRORS = [
    (lambda: Z < Z, RuntimeError, "no order"),
    (lambda: Z >= 1.0, RuntimeError, "no order"),
    (lambda: autograd.maximum(Z, Z), RuntimeError, "no order"),
    (lambda: Z.clamp(0, 1), RuntimeError, "no order"),
    (lambda: Z.isposinf(), RuntimeError, "no order"),
    (lambda: Z.isneginf(), RuntimeError, "no order"),
    (lambda: autograd.linspace(0, 1j, 3, dtype=autograd.float32), RuntimeError, "complex"),
    (lambda: tensor([1, 256], dtype=u8), RuntimeError, "256 does not fit"),
    (lambda: tensor([1, 2**40], dtype=autograd.int32), RuntimeError, "does not fit"),
    (lambda: autograd.zeros(1).uniform_(-1e39, 0), ValueError, "infinite in float32"),
    (lambda: autograd.zeros(1).uniform_(-3e38, 3e38), ValueError, "infinite in float32"),
    (lambda: autograd.zeros(1).uniform_(0, NAN), ValueError, "low <= high"),
    (lambda: bytes_(1).random_(0, 257), ValueError, "uint8 holds 0 to 255"),
    (lambda: bytes_(1).random_(-1, 3), ValueError, "uint8 holds 0 to 255"),
    (lambda: bools(True).random_(3), ValueError, "bool holds 0 to 1"),
    (lambda: autograd.cumulative_trapezoid(x, tensor([1.0, 2.0])), RuntimeError, "3 elements"),
    (lambda: autograd.trapezoid(x, tensor([[1.0], [2.0]])), RuntimeError, "3 elements"),
    (lambda: autograd.trapezoid(x, tensor(1.0)), RuntimeError, "0-d"),
    (lambda: x.unflatten(1, ()), RuntimeError, "at least one size"),
    (lambda: bytes_(1).clamp(max=300), RuntimeError, "300 does not fit"),
    (lambda: bytes_(1).index_fill(0, tensor([0]), 300), RuntimeError, "300 does not fit"),
    (lambda: autograd.full((2,), 1j, dtype=autograd.float32), RuntimeError, "cannot be written"),
    (lambda: autograd.full_like(x, 1 + 1j), RuntimeError, "cannot be written"),
    (lambda: tensor([1]).new_full((1,), NAN), RuntimeError, "cannot be written"),
    (lambda: autograd.full((2,), -INF, dtype=i64), RuntimeError, "cannot be written"),
    (lambda: autograd.full((2,), 1e20, dtype=i64), RuntimeError, "does not fit"),
    (lambda: autograd.quantile(tensor([1, 2]), 0.5), RuntimeError, "int64"),
    (lambda: autograd.nanquantile(tensor([1, 2]), 0.5, interpolation="midpoint"), RuntimeError, "int64"),
    (lambda: autograd.fill(bytes_(1), 300), RuntimeError, "300 does not fit"),
    (lambda: bools(True) // bools(True), RuntimeError, "bools"),
    (lambda: bools(True) % True, RuntimeError, "bools"),
    (lambda: bools(True) << bools(True), RuntimeError, "bools"),
    (lambda: x.amax(dim=0).reshape(0), RuntimeError, "reshape"),
    (lambda: EMPTY.amax(dim=1), IndexError, "no elements"),
    (lambda: EMPTY.max(dim=1), IndexError, "no elements"),
    (lambda: EMPTY.argmin(dim=1), IndexError, "no elements"),
    (lambda: EMPTY.max(), RuntimeError, "no elements"),
    (lambda: linalg.vector_norm(EMPTY, -1), RuntimeError, "no elements"),
    (lambda: x.narrow(1, 4, 0), IndexError, "do not fit"),
    (lambda: x.gather(1, tensor([[5], [0]])), RuntimeError, "out of bounds"),
    (lambda: x.index_select(1, tensor([5])), IndexError, "out of bounds"),
    (lambda: autograd.flipud(tensor(1.0)), RuntimeError, "0-d"),
    (lambda: autograd.fliplr(tensor([1.0])), RuntimeError, "two dimensions"),
    (lambda: x.roll(()), RuntimeError, "shifts"),
    (lambda: tensor(1.0).movedim((0, 1), (1, 0)), IndexError, "dim"),
    (lambda: autograd.norm(x, "nuc", dim=1), RuntimeError, "two dimensions"),
    (lambda: autograd.hsplit(x, "abc"), TypeError, "str"),
    (lambda: autograd.linspace(tensor([1.0]), 2, 3), RuntimeError, "0-d"),
    (lambda: autograd.linspace(0, 1, -1), ValueError, "steps"),
    (lambda: autograd.eye(-1), RuntimeError, "negative"),
    (lambda: autograd.arange(3, dtype=autograd.bool), RuntimeError, "bool"),
    (lambda: autograd.full((2,), None), TypeError, "fill_value"),
    (lambda: tensor([2**63]), ValueError, "int64"),
    (lambda: autograd.isclose(x, x, rtol=-1.0), ValueError, "negative"),
    (lambda: x.masked_fill(x > 2, 1j), RuntimeError, "cannot be written"),
    (lambda: tensor([1, 2]).masked_fill(bools(True, False), NAN), RuntimeError, "cannot be written"),
    (lambda: bytes_(1).masked_fill(bools(True), 300), RuntimeError, "does not fit"),
    (lambda: autograd.cov(x, aweights=tensor([1.0])), RuntimeError, "3 aweights"),
    (lambda: autograd.cov(x, fweights=tensor([1.0, 1.0, 1.0])), RuntimeError, "integers"),
    (lambda: F.hardtanh(x, 1.0, -1.0), ValueError, "min_val"),
    (lambda: F.softshrink(x, -0.5), ValueError, "lambd"),
    (lambda: F.prelu(x, tensor([0.1, 0.2])), RuntimeError, "prelu"),
    (lambda: autograd.addmm(tensor([[1]]), tensor([[1]]), tensor([[1]]), alpha=0.5), RuntimeError, "integers"),
    (lambda: autograd.repeat_interleave(x, 2, 0, output_size=3), RuntimeError, "output_size"),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(number):
    call, kind, words = ERRORS[number]
    with pytest.raises(kind, match=words):
        call()


# ---- operators with foreign types ------------------------------------------------------------------------------------


class Foreign:
    """Answers every reflected operator by its name."""


for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
):
    setattr(Foreign, f"__r{_name}__", lambda self, other, name=_name: f"r{name}")
Foreign.__rdivmod__ = lambda self, other: "rdivmod"
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Foreign, f"__{_name}__", lambda self, other, name=_name: name)


def test_the_other_type_answers_first_hand():
    t, f = tensor([1.0, 2.0]), Foreign()
    found = [t + f, t - f, t * f, t / f, t // f, t % f, t**f, t @ f, t & f, t | f, t ^ f, t << f, t >> f]
    assert found == [
        "radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul", "rand", "ror", "rxor", "rlshift",
        "rrshift",
    ]  # fmt: skip
    assert divmod(t, f) == "rdivmod"
    assert [t < f, t <= f, t > f, t >= f, t == f, t != f] == ["gt", "ge", "lt", "le", "eq", "ne"]


def test_in_place_operators_ask_it_too():
    t = before = tensor([1.0, 2.0])
    t += Foreign()
    assert t == "radd"
    assert values(before) == [1.0, 2.0]


def test_fractions_and_what_nobody_can_add():
    t = tensor([4.0])
    assert values(t ** fractions.Fraction(1, 2)) == [2.0]
    for wrong in (object(), None, "a"):
        with pytest.raises(TypeError):
            t + wrong
        with pytest.raises(TypeError):
            wrong - t
        with pytest.raises(TypeError):
            wrong**t
    with pytest.raises(TypeError, match="add: 'y' must be a Tensor"):
        autograd.add(t, object())
    assert (t == object()) is False


def test_operators_and_functions_record_alike():
    t = leaf(3.0)
    assert values(autograd.grad(t * t + t**2 - 2 / t, t)[0]) == pytest.approx([12 + 2 / 9])
    assert type((t + 1).grad_fn.op) is type(autograd.add(t, 1).grad_fn.op)
    assert (t + 1).grad_fn.op is autograd.add.op


def test_floor_and_ceil_of_python_give_integers():
    assert math.floor(tensor(-2.5)) == -3
    assert type(math.ceil(tensor([2.5]))) is int
