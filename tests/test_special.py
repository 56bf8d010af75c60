"""``autograd.special``: values, first and second derivatives, edges, dtypes, messages.

Expected numbers are PyTorch 2.13's in float64; ``tests/test_ops.py`` checks the rules against differences.
"""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import special

inf, nan = math.inf, math.nan

# fmt: off
ONE_INPUT = [
    ("erfcx", [0.25, 1.5, -2.0, 8.0],
     [0.770346547731, 0.321585416454, 108.94090439, 0.0699851662009],
     [-0.74320589323, -0.163622917733, -436.891996727, -0.00861650788142],
     [1.16909014885, 0.152302079711, 1965.44979569, 0.00210620629908]),
    ("i0", [0.25, -1.5, 4.0],
     [1.01568614122, 1.64672318977, 11.3019219521],
     [0.125979108945, -0.981666428578, 9.7594651537],
     [0.511769705442, 0.992278904054, 8.86205566371]),
    ("i0e", [0.25, -1.5, 40.0],
     [0.79101716214, 0.367433609054, 0.0632782798752],
     [-0.692904533442, 0.148394221633, -0.000796050800793],
     [0.993358552095, 0.150762184986, 3.00458747255e-05]),
    ("i1", [0.25, -1.5, 4.0],
     [0.125979108945, -0.981666428578, 9.7594651537],
     [0.511769705442, 0.992278904054, 8.86205566371],
     [0.094566030306, -0.756443349687, 8.15391780988]),
    ("i1e", [0.25, -1.5, 40.0],
     [0.0981126286974, -0.219039387421, 0.0624822290744],
     [0.300454018653, 0.00236796335262, -0.000766004926068],
     [-0.625372567549, 0.0549899883672, 2.81556415977e-05]),
    ("ndtr", [0.25, -1.5, 4.0],
     [0.598706325683, 0.0668072012689, 0.999968328758],
     [0.386668116803, 0.129517595666, 0.000133830225765],
     [-0.0966670292007, 0.194276393499, -0.00053532090306]),
    ("log_ndtr", [0.25, -1.5, -20.0],
     [-0.512984075409, -2.70594440082, -203.917155371],
     [0.645839371017, 1.93867716662, 20.0497530685],
     [-0.57856833591, -0.85045340645, -0.997536738397]),
    ("ndtri", [0.25, 0.001, 0.9],
     [-0.674489750196, -3.09023230617, 1.28155156554],
     [3.14686508056, 296.992351589, 5.69805985612],
     [-6.67931000753, -272572.262268, 41.609270292]),
    ("entr", [0.25, 1.5, 4.0],
     [0.34657359028, -0.608197662162, -5.54517744448],
     [0.38629436112, -1.40546510811, -2.38629436112],
     [-4.0, -0.666666666667, -0.25]),
]

TWO_INPUTS = [
    ("xlog1py", [0.5, -2.0, 0.0], [0.25, 3.0, -0.5], [0.111571775657, -2.77258872224, 0.0], [0.4, -0.5, 0.0]),
    ("zeta", [2.0, 3.5, 1.5],
     [1.0, 0.25, 4.0],
     [1.64493406685, 128.546958964, 1.06637186836],
     [-2.40411380632, -1793.40006148, -0.150840798066]),
    ("gammainc", [0.5, 3.0, 10.0],
     [0.25, 3.0, 4.0],
     [0.520499877813, 0.576809918873, 0.00813224279693],
     [0.878782578935, 0.224041807655, 0.0132311916911]),
    ("gammaincc", [0.5, 3.0, 10.0],
     [0.25, 3.0, 4.0],
     [0.479500122187, 0.423190081127, 0.991867757203],
     [-0.878782578935, -0.224041807655, -0.0132311916911]),
]
# fmt: on

EDGES = [
    # name, x, value, derivative
    ("entr", [0.0, -1.0, inf, nan], [0.0, -inf, -inf, nan], [inf, nan, -inf, nan]),
    ("erfcx", [inf, -inf, -30.0, nan], [0.0, inf, inf, nan], [0.0, -inf, -inf, nan]),
    ("i0", [0.0, inf, -inf, nan], [1.0, inf, inf, nan], [0.0, inf, -inf, nan]),
    ("i0e", [0.0, inf, -inf, nan], [1.0, 0.0, 0.0, nan], [0.0, 0.0, 0.0, nan]),
    ("i1", [0.0, inf, -inf, nan], [0.0, inf, -inf, nan], [0.5, inf, inf, nan]),
    ("i1e", [0.0, inf, -inf, nan], [0.0, 0.0, 0.0, nan], [0.5, 0.0, 0.0, nan]),
    ("ndtr", [0.0, inf, -inf, nan], [0.5, 1.0, 0.0, nan], [0.3989422804014327, 0.0, 0.0, nan]),
    ("log_ndtr", [inf, -inf, nan], [0.0, -inf, nan], [0.0, inf, nan]),
    ("ndtri", [0.0, 1.0, 0.5, -0.1, nan], [-inf, inf, 0.0, nan, nan], [inf, inf, 2.5066282746310002, nan, nan]),
    ("gammaln", [0.0, inf, -inf], [inf, inf, inf], None),
]


def tensor(values: Any, dtype: Any = "float64") -> Any:
    return autograd.tensor(values, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(("name", "x", "value", "slope", "bend"), ONE_INPUT, ids=[case[0] for case in ONE_INPUT])
def test_values_and_derivatives(name: str, x: Any, value: Any, slope: Any, bend: Any) -> None:
    given = tensor(x)
    out = getattr(special, name)(given)
    (first,) = autograd.grad(out.sum(), [given], create_graph=True)
    (second,) = autograd.grad(first.sum(), [given])
    np.testing.assert_allclose(out.detach().numpy(), value, rtol=1e-11)
    np.testing.assert_allclose(first.detach().numpy(), slope, rtol=1e-11)
    np.testing.assert_allclose(second.numpy(), bend, rtol=1e-9)


@pytest.mark.parametrize(("name", "x", "y", "value", "slope"), TWO_INPUTS, ids=[case[0] for case in TWO_INPUTS])
def test_values_and_derivatives_of_two_inputs(name: str, x: Any, y: Any, value: Any, slope: Any) -> None:
    given = tensor(y)
    out = getattr(special, name)(autograd.tensor(x, dtype="float64"), given)
    (first,) = autograd.grad(out.sum(), [given])
    np.testing.assert_allclose(out.detach().numpy(), value, rtol=1e-11)
    np.testing.assert_allclose(first.numpy(), slope, rtol=1e-11)


@pytest.mark.parametrize(("name", "x", "value", "slope"), EDGES, ids=[case[0] for case in EDGES])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_edges(name: str, x: Any, value: Any, slope: Any, dtype: str) -> None:
    given = tensor(x, dtype)
    out = getattr(special, name)(given)
    out.backward(autograd.ones_like(out))
    np.testing.assert_allclose(out.detach().numpy(), value, rtol=1e-6)
    if slope is not None:
        np.testing.assert_allclose(given.grad.numpy(), slope, rtol=1e-6)
    assert out.dtype == given.grad.dtype == dtype


def test_derivatives_far_out_do_not_cancel() -> None:
    """The expected numbers are the asymptotic series to three terms, exact there."""
    x = tensor([1e3, 1e6])
    special.erfcx(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), -(x.numpy(force=True) ** -2.0) / math.sqrt(math.pi), rtol=2e-6)
    x = tensor([-100.0, -1e4])
    (first,) = autograd.grad(special.log_ndtr(x).sum(), [x], create_graph=True)
    (second,) = autograd.grad(first.sum(), [x])
    np.testing.assert_allclose(first.detach().numpy(), [100.00999800099926, 10000.000099999999], rtol=1e-14)
    np.testing.assert_allclose(second.numpy(), [-0.9999000599500, -0.9999999900000], rtol=1e-9)
    single = tensor([-1e4], "float32")
    special.log_ndtr(single).backward()
    assert single.grad.item() == 10000


@pytest.mark.parametrize("function", [special.i0e, special.i1e])
def test_scaled_bessel_functions_far_out(function: Any) -> None:
    x = tensor([1e9, -1e12, 1e300])
    (first,) = autograd.grad(function(x).sum(), [x], create_graph=True)
    (second,) = autograd.grad(first.sum(), [x])
    assert np.isfinite(first.detach().numpy()).all()
    assert np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_derivatives_at_the_ends_of_the_range(dtype: Any) -> None:
    """No square overflows where the derivative is a number, none of SciPy's functions has NaN near 0."""

    def derivatives(function: Any, *inputs: float) -> list[float]:
        x, *others = (autograd.tensor(a, dtype=dtype) for a in inputs)
        out = function(x.requires_grad_(), *others)
        (first,) = autograd.grad(out, x, create_graph=True)
        (second,) = autograd.grad(first, x)
        return [out.item(), first.item(), second.item()]

    top, least = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_normal)
    few, many = autograd.tensor([-top / 4, 3.0], dtype=dtype), autograd.full((5000,), -top / 4, dtype=dtype)
    for x in (few, many):  # 1 / |x|, and -x / |x| ** 3, which vanishes
        (first,) = autograd.grad(autograd.asinh(x.requires_grad_()).sum(), x, create_graph=True)
        (second,) = autograd.grad(first.sum(), x)
        np.testing.assert_allclose(first.detach().numpy()[0], 4 / top, 1e-6)
        np.testing.assert_array_equal(second.numpy()[0], 0)
    with np.errstate(over="ignore"):
        assert derivatives(special.ndtr, top)[1:] == [0, 0]
    for x in (least, 1.5 * least, 3 * least):
        np.testing.assert_allclose(derivatives(special.i0, x), [1, x / 2, 0.5], 1e-6)
        np.testing.assert_allclose(derivatives(special.i1, x)[:2], [x / 2, 0.5], 1e-6)
    subnormal = float(np.finfo(dtype).smallest_subnormal) * 4
    np.testing.assert_allclose(autograd.lgamma(autograd.tensor([subnormal, -subnormal], dtype=dtype)).numpy(),
                               -math.log(subnormal), 1e-6)  # fmt: skip
    # 1 / (1 + 2 ** (y - x)) is a power of 2 in double precision, and so in single, if the exponent is not rounded
    for x, y in ((-100.0, 0.0), (-103.0, 10.0)):
        _, slope, bend = derivatives(autograd.logaddexp2, x, y)
        np.testing.assert_allclose([slope, bend], [2.0 ** (x - y), 2.0 ** (x - y) * math.log(2)], 3e-7)


def test_next_to_nothing_and_infinity() -> None:
    x = autograd.tensor([5e-324, -2e-308, 0.0], dtype=autograd.float64, requires_grad=True)
    special.i1(x).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0.5]
    assert autograd.mvlgamma(autograd.tensor(-math.inf), 2).item() == math.inf


@pytest.mark.parametrize(("dtype", "tol"), [(np.complex64, 1e-6), (np.complex128, 1e-15)])
def test_logarithm_of_one_and_a_small_complex_number(dtype: Any, tol: float) -> None:
    """The series ``z - z**2 / 2 + z**3 / 3`` of it, and the logarithm itself where that is exact."""
    z = np.array([1e-30, 1e-12j, 1e-7 - 1e-9j, -1e-6 + 1e-6j, 1e-25 + 1e-30j])
    found = autograd.log1p(autograd.tensor(z.astype(dtype))).numpy()
    expected = z - z**2 / 2 + z**3 / 3
    np.testing.assert_allclose(found.real, expected.real, tol, 1e-40)
    np.testing.assert_allclose(found.imag, expected.imag, tol, 1e-40)
    z = np.array([0.7 + 0.2j, -3 + 2j, -3 - 2j, 0.2 - 5j, -0.3 + 0.4j, -1.5, 1e30 + 1e30j])
    found = autograd.log1p(autograd.tensor(z.astype(dtype))).numpy()
    np.testing.assert_allclose(found, np.log(1 + z), tol)
    # of two terms far apart log(exp(x) + exp(y)) is x + exp(y - x)
    total = autograd.logaddexp(autograd.tensor([0j], dtype=dtype), autograd.tensor([-60 + 1j], dtype=dtype))
    np.testing.assert_allclose(total.numpy(), np.exp(-60 + 1j), tol * 20)


def test_the_slope_of_the_incomplete_gamma_function_of_high_order() -> None:
    """``x ** (a - 1) * exp(-x) / gamma(a)``: powers of e with exponents near 80000, whose sum is about -5."""
    order, x = np.array([9999.0, 500.0, 120.0]), np.array([9990.0, 510.0, 130.0])
    for function in (special.gammainc, special.gammaincc):
        slopes = []
        for dtype in (np.float32, np.float64):
            t = autograd.tensor(x, dtype=dtype, requires_grad=True)
            function(autograd.tensor(order, dtype=dtype), t).sum().backward()
            slopes.append(t.grad.numpy())
        assert slopes[0].dtype == np.float32
        np.testing.assert_allclose(*slopes, 1e-6)


def test_the_slope_of_erfcx_in_single_precision() -> None:
    """``2 * x * erfcx(x)`` is all but ``2 / sqrt(pi)`` for large ``x``."""
    x = np.linspace(4.05, 12, 200, dtype=np.float32)
    found, expected = (autograd.tensor(x.astype(dtype), requires_grad=True) for dtype in (np.float32, np.float64))
    for t in (found, expected):
        special.erfcx(t).sum().backward()
    np.testing.assert_allclose(found.grad.numpy(), expected.grad.numpy(), 4e-6)


def test_zero_times_log() -> None:
    x, y = tensor([0.0, 0.0, 0.0, nan]), tensor([-1.0, -3.0, nan, 0.0])
    out = special.xlog1py(x, y)
    np.testing.assert_array_equal(out.detach().numpy(), [0, 0, nan, nan])
    out[:2].sum().backward()
    assert (x.grad.tolist()[:2], y.grad.tolist()[:2]) == ([0, 0], [0, 0])
    assert special.xlog1py(2, autograd.tensor([1.0])).dtype == autograd.float32
    assert special.xlog1py(autograd.tensor([1.0]), 1.0).item() == pytest.approx(math.log(2))


def test_incomplete_gamma_function() -> None:
    x = tensor([0.0, -1.0, inf])
    out = autograd.igamma(autograd.ones(3, dtype="float64"), x)
    (slope,) = autograd.grad(out.sum(), [x])
    np.testing.assert_array_equal(out.detach().numpy(), [0, nan, 1])
    np.testing.assert_array_equal(slope.numpy(), [1, nan, 0])
    a, b = autograd.tensor([[2.0], [3]]), autograd.tensor([1.0, 2, 3])
    assert (a.igamma(b) + a.igammac(b)).tolist() == pytest.approx(np.ones((2, 3)))
    kept = a.igamma(1.5)
    assert a.igamma_(autograd.tensor(1.5)) is a
    assert a.tolist() == kept.tolist()
    assert special.gammainc(autograd.tensor([1, 2]), autograd.tensor([1, 2])).dtype == autograd.float32
    assert special.gammaincc(input=a, other=b).shape == (2, 3)


@pytest.mark.parametrize("function", [autograd.igamma, autograd.igammac, special.zeta])
def test_a_parameter_without_derivative_says_so(function: Any) -> None:
    with pytest.raises(autograd.GradientError, match=rf"{function.__name__}: .*first argument.*\.detach\(\)"):
        function(tensor([2.0]), tensor([1.0]))
    with autograd.no_grad():
        function(tensor([2.0]), tensor([1.0]))


def test_polygamma() -> None:
    x = autograd.tensor([1.0, 2.0])
    assert special.polygamma(1, x).tolist() == pytest.approx([math.pi**2 / 6, math.pi**2 / 6 - 1])
    assert x.polygamma_(1) is x
    assert x.tolist() == pytest.approx([math.pi**2 / 6, math.pi**2 / 6 - 1])
    with pytest.raises(ValueError, match="negative"):
        special.polygamma(-1, x)


@pytest.mark.parametrize("size", [1, 4000])
@pytest.mark.parametrize(
    ("order", "x", "expected"),
    [(1, -0.3, 13.9451602678057), (2, -0.75, -124.586999196796), (2, -10.25, 124.016472021487),
     (3, -2.5, 194.747876219188), (1, -1000000.25, 19.7392078021795), (2, -1e300, -inf), (1, -3, inf), (1, 0, inf),
     (1, -inf, nan)],
)  # fmt: skip
def test_polygamma_below_zero_takes_no_longer_however_far_it_is(
    order: int, x: float, expected: float, size: int
) -> None:
    """Expected numbers are mpmath's."""
    found = special.polygamma(order, autograd.full((size,), x, dtype=autograd.float64))
    assert found[-1].item() == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_integers_shapes_and_numpy() -> None:
    for name in ("entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri"):
        function = getattr(special, name)
        assert function(autograd.tensor([0, 1])).dtype == autograd.float32
        assert function(autograd.tensor([True])).dtype == autograd.float32
        assert function(autograd.ones(0, 2)).shape == (0, 2)
        assert function(autograd.tensor(0.5)).shape == ()
        assert function(np.ones((2, 1))).shape == (2, 1)
        assert function(autograd.ones(2, dtype="float16")).dtype == autograd.float16


def test_aliases() -> None:
    x = autograd.tensor([0.25, 0.75])
    for name, function in [
        ("expit", autograd.sigmoid), ("psi", autograd.digamma), ("gammaln", autograd.lgamma), ("exp2", autograd.exp2),
        ("erf", autograd.erf), ("erfc", autograd.erfc), ("erfinv", autograd.erfinv), ("expm1", autograd.expm1),
        ("log1p", autograd.log1p), ("logit", autograd.logit), ("sinc", autograd.sinc), ("round", autograd.round),
        ("digamma", autograd.digamma),
    ]:  # fmt: skip
        assert getattr(special, name)(x).tolist() == function(x).tolist()
    assert special.softmax(x, 0).tolist() == x.softmax(0).tolist()
    assert special.log_softmax(x, 0).tolist() == x.log_softmax(0).tolist()
    assert special.logsumexp(x, 0).item() == x.logsumexp(0).item()
    assert special.multigammaln(x + 2, 2).tolist() == autograd.mvlgamma(x + 2, 2).tolist()
    assert special.xlogy(x, x).tolist() == x.xlogy(x).tolist()


def test_the_module_is_there_without_an_import_and_costs_none() -> None:
    code = "import sys, autograd; print('autograd.special' in sys.modules, autograd.special.ndtr(autograd.zeros(1)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "tensor([0.5000])"]


def test_sinc_far_from_zero_in_float16() -> None:
    """In float16 itself 100 times pi is 0.09 off."""
    x = np.array([1.0, 100.0, 100.5, 1000.5, 0.3, 0.0], "e")
    found, expected = (autograd.tensor(x.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
    for t in (found, expected):
        autograd.sinc(t).backward(autograd.ones_like(t))
    np.testing.assert_allclose(autograd.sinc(found).detach(), autograd.sinc(expected).detach(), 1e-3, 1e-6)
    np.testing.assert_allclose(found.grad.numpy(), expected.grad.numpy(), 2e-3, 1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "asinh", "reciprocal_square", "hardswish", "mish", "gelu_tanh"])
def test_float16_where_what_lies_between_would_overflow(name: str) -> None:
    """``exp(12)`` and the square of 300 are beyond float16; what is computed of them is not."""
    x = np.array([-300.0, -12.0, -11.5, -1.501, 0.5, 300.0], "e")
    found, expected = (autograd.tensor(x.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
    composed = {"reciprocal_square": lambda x: x**-2, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh")}
    function = composed.get(name) or getattr(F, name, None) or getattr(autograd, name)
    for t in (found, expected):
        function(t).backward(autograd.ones_like(t))
    np.testing.assert_allclose(function(found).detach(), function(expected).detach(), 2e-3, 1e-7)
    np.testing.assert_allclose(found.grad.numpy(), expected.grad.numpy(), 2e-3, 1e-7)
