"""``autograd.scipy``: SciPy's values on arrays, and derivatives of first and second order on boxes."""

from __future__ import annotations

import numpy as onp
import pytest
import scipy.integrate
import scipy.signal
import scipy.special
import scipy.stats

import autograd
import autograd.numpy as np
from autograd import func, numerical
from autograd.errors import NotDifferentiableError, ShapeError
from autograd.scipy import _linalg_ops, _special_ops, integrate, linalg, signal, special, stats
from autograd.testing import check_op
from autograd.tracer import getval

V = onp.array([0.4, 1.3, 0.8, 2.1])
U = onp.array([0.15, 0.35, 0.62, 0.9])
S = onp.array([[2.0, 0.4, -0.3], [0.1, 3.0, 0.5], [0.2, -0.6, 2.5]])
P = S @ S.T
OPS = [
    *[getattr(_special_ops, name) for name in _special_ops.__all__],
    _linalg_ops.normal_log_density,
    _linalg_ops.solve_banded,
]
"""Not those by Schur's decomposition: complex steps through it, with which gradients are compared, are not exact."""


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_ops_keep_what_ops_promise(op):
    check_op(op)


def test_betainc_has_all_digits_of_single_precision():
    a, b, x = onp.random.default_rng(0).uniform(0.1, 0.9, (3, 1000)).astype(onp.float32)
    expected = scipy.special.betainc(*[z.astype(onp.float64) for z in (4 * a, 4 * b, x)])
    onp.testing.assert_allclose(_special_ops.betainc(4 * a, 4 * b, x).numpy(), expected, rtol=3e-7)


def derivatives_agree(f, x, rtol=1e-7):
    """Values on boxes against those on arrays, and first and second derivatives against differences."""

    def weighted(x):
        y = f(x)
        return np.sum(y * onp.cos(onp.arange(onp.size(getval(y)))).reshape(np.shape(y)))

    seen = []

    def look(x):
        seen.append(getval(f(x)))
        return np.sum(x)

    func.grad(look)(x)
    onp.testing.assert_allclose(seen[0], f(x), rtol=1e-11, atol=1e-12)
    g = func.grad(weighted)
    onp.testing.assert_allclose(g(x), numerical.jacobian(weighted, x), rtol=rtol, atol=1e-8)
    onp.testing.assert_allclose(func.jacobian(g)(x), numerical.jacobian(g, x), rtol=1e-5, atol=1e-6)


UNARY = (
    "digamma", "entr", "erf", "erfc", "erfcx", "exp2", "expit", "expm1", "gamma", "gammaln", "i0", "i0e", "i1", "i1e",
    "j0", "j1", "log1p", "log_ndtr", "log_softmax", "ndtr", "psi", "rgamma", "softmax", "y0", "y1",
)  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_special_functions(name):
    derivatives_agree(getattr(special, name), V)


@pytest.mark.parametrize("name", ["erfinv", "erfcinv", "logit", "ndtri"])
def test_special_functions_between_0_and_1(name):
    derivatives_agree(getattr(special, name), U)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.beta(x, 1.5) * special.betaln(2.5, x),
        lambda x: special.betainc(1.5, 2.0, x / 3),
        lambda x: special.gammainc(1.5, x) + special.gammaincc(onp.array([1.0, 2.0, 3.0, 4.0]), x),
        lambda x: special.polygamma(1, x),
        lambda x: special.multigammaln(x[1] + 3.0, 3),
        lambda x: special.xlogy(x, x + 1) + special.xlog1py(x, x),
        lambda x: special.logsumexp(x) + special.logsumexp(np.outer(x, x), axis=0, keepdims=True),
        lambda x: special.logsumexp(np.outer(x, x), axis=1, b=V),
        lambda x: special.logsumexp(x, b=[1.0, -2.0, -3.0, 0.5], return_sign=True)[0],
        lambda x: special.logsumexp(x + 2j * x * x, return_sign=True)[0],
        lambda x: np.imag(special.logsumexp(x + 2j * x * x, return_sign=True)[1]),
        lambda x: special.softmax(np.outer(x, x), axis=1),
        lambda x: special.jn(2, x) + special.jv(0.5, x) + special.yn(2, x) + special.yv(1.5, x),
        lambda x: special.iv(1.5, x) + special.ive(2, x) + special.kv(0.5, x) + special.kn(1, x),
        lambda x: special.stdtr(3.0, x) + special.zeta(2.5, x),
        lambda x: special.gammasgn(x) * x,
    ],
)
def test_special_functions_of_several_arguments(f):
    derivatives_agree(f, V)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: stats.norm.logpdf(x, x[0], x[1]) + stats.norm.pdf(x, 0.5, 2.0),
        lambda x: stats.norm.cdf(x, scale=x[1]) + stats.norm.sf(x),
        lambda x: stats.norm.logcdf(-x * 9) + stats.norm.logsf(x, loc=x[0]),
        lambda x: stats.norm.ppf(x / 3, x[0], x[1]) + stats.norm.entropy(0.0, x[0]),
        lambda x: stats.t.logpdf(x, x[1] + 2, x[0], x[2]) + stats.t.pdf(x, 3.0),
        lambda x: stats.t.cdf(x, 3.0, x[0], x[1]) + stats.t.logcdf(x, 2.0),
        lambda x: stats.gamma.logpdf(x, x[1]) + stats.gamma.pdf(x, 2.0, scale=x[0]),
        lambda x: stats.gamma.cdf(x, 2.0, scale=x[0]),
        lambda x: stats.chi2.logpdf(x, x[1] + 1) + stats.chi2.pdf(x, 3.0) + stats.chi2.cdf(x, 4.0),
        lambda x: stats.beta.logpdf(x / 3, x[0], x[1]) + stats.beta.pdf(x / 3, 2.0, x[2]),
        lambda x: stats.beta.cdf(x / 3, 2.0, 3.0),
        lambda x: stats.poisson.logpmf([0, 1, 2, 5], x) + stats.poisson.pmf(3, x) + stats.poisson.cdf(2.5, x),
        lambda x: stats.bernoulli.logpmf([0, 1, 1, 0], x / 3) + stats.bernoulli.pmf(1, x / 3),
        lambda x: stats.bernoulli.cdf([-1, 0, 1, 0], x / 3) + stats.bernoulli.entropy(x / 3),
        lambda x: stats.dirichlet.logpdf([0.2, 0.3, 0.4, 0.1], x) + stats.dirichlet.pdf([0.2, 0.3, 0.4], x),
        lambda x: stats.multivariate_normal.logpdf(x[:3], x[1:], P * x[0]),
        lambda x: stats.multivariate_normal.logpdf(np.reshape(x, (2, 2)), None, np.diag(x[:2])),
        lambda x: stats.multivariate_normal.pdf(x, 0.3, x[1]) + stats.multivariate_normal.pdf(x, x, x),
        lambda x: stats.multivariate_normal.entropy(None, P * x[0]),
    ],
)
def test_distributions(f):
    derivatives_agree(f, V)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: stats.gamma.logpdf(x, 2.0), [-onp.inf, scipy.stats.gamma.logpdf(0.5, 2.0)]),
        (lambda x: stats.gamma.cdf(x, 2.0), [0.0, scipy.stats.gamma.cdf(0.5, 2.0)]),
        (lambda x: stats.beta.pdf(x, 2.0, 3.0), [0.0, scipy.stats.beta.pdf(0.5, 2.0, 3.0)]),
        (lambda x: stats.poisson.logpmf(2.5, x + 1), [-onp.inf, -onp.inf]),
        (lambda x: stats.poisson.cdf(-1.0, x + 1), [0.0, 0.0]),
    ],
)
def test_outside_of_the_support(f, expected):
    seen = []

    def look(x):
        seen.append(getval(f(x)))
        return np.sum(f(x)[1:])

    assert onp.isfinite(autograd.grad(look)(onp.array([-0.5, 0.5]))).all()
    onp.testing.assert_allclose(seen[0], expected)


@pytest.mark.parametrize(
    ("name", "function", "args"),
    [
        ("gamma", "logpdf", (0.5, -1.5)), ("gamma", "cdf", (0.5, 2.0, 0.0, -1.0)), ("gamma", "pdf", (onp.nan, 2.0)),
        ("chi2", "logpdf", (0.5, -1.0)), ("beta", "pdf", (0.5, -1.5, 2.0)), ("beta", "logpdf", (onp.nan, 2.0, 2.0)),
        ("t", "cdf", (0.5, 2.0, 0.0, -1.0)), ("t", "logpdf", (0.5, -3.0)), ("norm", "cdf", (0.5, 0.0, -1.0)),
        ("norm", "logsf", (0.5, 0.0, -1.0)), ("norm", "ppf", (0.5, 0.0, -1.0)), ("poisson", "logpmf", (onp.nan, 2.0)),
        ("bernoulli", "logpmf", (1.0, 1.5)), ("bernoulli", "logpmf", (onp.nan, 0.5)),
    ],
)  # fmt: skip
def test_what_no_distribution_is_defined_for_is_nan(name, function, args):
    ours, scipys = [getattr(getattr(module, name), function) for module in (stats, scipy.stats)]
    seen = []
    func.grad(lambda x: seen.append(getval(ours(x, *args[1:]))) or x)(args[0])
    assert onp.isnan(scipys(*args))
    assert onp.isnan(seen[0])


def test_one_point_of_a_dirichlet_distribution_in_a_column():
    alpha, seen = onp.array([1.5, 2.0, 3.0]), []
    x = onp.array([[0.2], [0.3], [0.5]])
    func.grad(lambda x: seen.append(getval(stats.dirichlet.logpdf(x, alpha))) or np.sum(x))(x)
    assert onp.shape(seen[0]) == ()
    assert seen[0] == pytest.approx(scipy.stats.dirichlet.logpdf(x, alpha))


def test_a_singular_covariance_is_a_density_in_a_subspace():
    a = onp.array([[1.0], [0.0], [2.0]])
    x = onp.array([1.0, 0.0, 2.0])

    def density(x, s):
        return stats.multivariate_normal.logpdf(x, onp.zeros(3), np.matmul(a, a.T) * s, allow_singular=True)

    expected = scipy.stats.multivariate_normal.logpdf(x, onp.zeros(3), a @ a.T * 2.0, allow_singular=True)
    value, (by_x, by_s) = func.value_and_grad(density, (0, 1))(x, 2.0)
    assert value == pytest.approx(expected)
    onp.testing.assert_allclose(by_x, -x / 10)
    assert by_s == pytest.approx(-0.25 + 0.125)


def symmetric(x):
    return np.matmul(x, np.transpose(x)) + 2 * np.eye(3)


def newer(f):
    """A function that SciPy has since 1.17."""
    old = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17)
    return pytest.param(f, marks=pytest.mark.skipif(old, reason="SciPy has it since 1.17"))


@pytest.mark.parametrize(
    "f",
    [
        lambda a: linalg.sqrtm(symmetric(a)),
        lambda a: linalg.solve_sylvester(symmetric(a), a, a * a),
        lambda a: linalg.solve_triangular(a, a[:, 0], lower=True) + linalg.solve_triangular(a, [1.0, 2.0, 3.0], "T"),
        lambda a: linalg.solve_triangular(a, a * a, trans=2, unit_diagonal=True),
        lambda a: linalg.solve_banded((1, 1), a + 3 * onp.array([[0.0], [1.0], [0.0]]), a[0]),
        lambda a: linalg.solve_banded((2, 0), a + 1, a) + linalg.solve_banded((0, 2), np.flip(a, 0), a * a),
        lambda a: linalg.inv(a) + linalg.det(a) + linalg.pinv(a) + linalg.norm(a) + linalg.norm(a, axis=0),
        lambda a: linalg.solve(a, a[0]) + linalg.solve(a, a[0], transposed=True),
        lambda a: linalg.cholesky(symmetric(a)) + linalg.cholesky(symmetric(a), lower=True),
        lambda a: linalg.solve(symmetric(a) + np.tril(a), a[0], assume_a="pos"),
        lambda a: linalg.solve(symmetric(a) + np.triu(a), a[0], True, assume_a="sym"),
        newer(
            lambda a: (
                linalg.solve(a + 1, a[0], assume_a="lower triangular") + linalg.solve(a, a[1], assume_a="diagonal")
            )
        ),
        newer(lambda a: linalg.inv(symmetric(a) + np.triu(a, 1), assume_a="her", lower=True)),
        newer(lambda a: np.real(linalg.inv(symmetric(a) + 1j * a, assume_a="her"))),
        newer(lambda a: linalg.solve(a, a[0], assume_a="tridiagonal")),
        newer(lambda a: linalg.solve_triangular(np.array([a, a.T]), onp.arange(3.0))),
        lambda a: linalg.pinv(a, rtol=0.6) + linalg.pinv(a, atol=0.5),
        lambda a: linalg.expm(a / 3),
        lambda a: linalg.block_diag(a, a[:1], [[1.0]]),
    ],
)
def test_linear_algebra(f):
    derivatives_agree(f, S)


@pytest.mark.parametrize(
    ("shapes", "arguments"),
    [
        (((4,), (3,)), {}),
        (((3,), (4,)), {}),
        (((4,), (2,)), {"mode": "valid"}),
        (((2,), (4,)), {"mode": "valid"}),
        (((5,), (3,)), {"mode": "same"}),
        (((3, 4), (2, 2)), {}),
        (((2, 3, 4), (3, 2)), {"axes": ([2], [1]), "dot_axes": ([1], [0]), "mode": "valid"}),
        (((3, 4), (3, 2)), {"axes": ([1], [1])}),
        (((3, 4), (3, 2)), {"axes": ([], []), "dot_axes": ([0], [0])}),
    ],
)
def test_convolution(shapes, arguments):
    rng = onp.random.default_rng(0)
    a, b = [rng.standard_normal(shape) for shape in shapes]
    found = signal.convolve(a, b, **arguments)
    if "axes" not in arguments:
        onp.testing.assert_allclose(found, scipy.signal.convolve(a, b, arguments.get("mode", "full")))
    assert type(found) is onp.ndarray
    derivatives_agree(lambda a: signal.convolve(a, b, **arguments), a)
    derivatives_agree(lambda b: signal.convolve(a, b, **arguments), b)


@pytest.mark.parametrize("kinds", ["f4 f8", "f8 f4", "u1 f8", "f4 c16", "i4 i8", "u1 u1", "? f4"])
def test_convolution_of_two_dtypes(kinds):
    dtypes = kinds.split()
    a, b = onp.array([3, 0, 1, 2]).astype(dtypes[0]), onp.array([1, 2, 4]).astype(dtypes[1])
    found, expected = signal.convolve(a, b), scipy.signal.convolve(a, b)
    onp.testing.assert_allclose(found, expected)
    assert found.dtype == onp.result_type(a, b)
    if b.dtype.kind == "f":
        gradient = func.grad(lambda b: np.sum(signal.convolve(a, b, mode="valid")))(b)
        assert (gradient.tolist(), gradient.dtype) == ([a[2:].sum(), a[1:3].sum(), a[:2].sum()], b.dtype)


@pytest.mark.parametrize("lower", [False, True])
def test_cholesky_reads_the_triangle_that_scipy_reads(lower):
    a, seen = symmetric(S) + 1j * (onp.triu(S, 1) - onp.tril(S.T, -1)), []
    a[2, 0] += 1 - lower  # in the other triangle
    a[0, 2] += lower
    func.grad(lambda a: seen.append(getval(linalg.cholesky(a, lower))) or np.sum(np.abs(a)))(a)
    onp.testing.assert_allclose(seen[0], scipy.linalg.cholesky(a, lower), rtol=1e-12)


def test_convolution_takes_scipys_arguments():
    rng = onp.random.default_rng(0)
    a, b = rng.standard_normal(5), rng.standard_normal(3)
    for call in (
        lambda a: signal.convolve(a, b, "same"), lambda a: signal.convolve(a, b, "valid", "fft"),
        lambda a: signal.convolve(a, b, mode="same", method="direct"),
    ):  # fmt: skip
        derivatives_agree(call, a)
    onp.testing.assert_allclose(signal.convolve(a, b, "same"), scipy.signal.convolve(a, b, "same"))


def test_convolution_sums_over_dot_axes():
    a, b = onp.arange(6.0).reshape(2, 3), onp.arange(4.0).reshape(2, 2)
    found = signal.convolve(a, b, axes=([1], [1]), dot_axes=([0], [0]))
    onp.testing.assert_allclose(found, sum(onp.convolve(a[i], b[i]) for i in range(2)))


def test_solutions_of_differential_equations():
    def flow(y, t, rate, push):
        return -rate * y + np.sin(t) * push * y[0] ** 2

    t = onp.array([0.0, 0.3, 0.7])
    y0, rate, push = onp.array([1.0, 0.5]), onp.array([1.0, 2.0]), onp.array(0.5)

    def weighted(y0, t, args):
        return np.sum(integrate.odeint(flow, y0, t, args, rtol=1e-11, atol=1e-11) * onp.arange(6.0).reshape(3, 2))

    by_y, by_t, (by_rate, by_push) = func.grad(weighted, (0, 1, 2))(y0, t, (rate, push))
    onp.testing.assert_allclose(by_y, numerical.jacobian(lambda y: weighted(y, t, (rate, push)), y0), rtol=1e-6)
    onp.testing.assert_allclose(by_t, numerical.jacobian(lambda t: weighted(y0, t, (rate, push)), t), rtol=1e-5)
    onp.testing.assert_allclose(by_rate, numerical.jacobian(lambda r: weighted(y0, t, (r, push)), rate), rtol=1e-6)
    onp.testing.assert_allclose(by_push, numerical.jacobian(lambda p: weighted(y0, t, (rate, p)), push), rtol=1e-6)


def test_arrays_are_scipys():
    assert special.gamma(5) == 24.0
    assert special.gamma is special.gamma
    assert special.comb(4, 2) == scipy.special.comb(4, 2)
    assert stats.norm.logpdf(1.0) == scipy.stats.norm.logpdf(1.0)
    assert stats.norm.rvs(size=2, random_state=0).tolist() == scipy.stats.norm.rvs(size=2, random_state=0).tolist()
    assert linalg.sqrtm(onp.diag([4.0, 9.0])).tolist() == [[2.0, 0.0], [0.0, 3.0]]
    assert {"gamma", "jn", "comb"} <= {*dir(special)}
    assert "logpdf" in dir(stats.norm)


def test_tensors_stay_tensors():
    t = autograd.tensor([0.5, 1.0], requires_grad=True)
    assert type(special.gammaln(t)) is autograd.Tensor
    assert type(stats.norm.logpdf(t)) is autograd.Tensor


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: special.jv(x, 1.0), NotDifferentiableError, "jv: .*respect to argument 0 has no closed form"),
        (lambda x: stats.t.cdf(1.0, x), NotDifferentiableError, "stdtr"),
        (lambda x: stats.multivariate_normal.pdf(x[:2], None, -np.diag(x[:2])), onp.linalg.LinAlgError, "definite"),
        (lambda x: special.ellipk(x), NotDifferentiableError, "ellipk has no differentiable op"),
        (lambda x: linalg.sqrtm(np.diag(x), disp=False), NotDifferentiableError, "disp"),
        (lambda x: signal.convolve(x, x, mode="half"), ValueError, "'half'"),
        (lambda x: signal.convolve(x, x, "same", "slow"), ValueError, "'slow'"),
        (lambda x: linalg.solve_banded((0, 0), x.reshape((2, 1, 2)), onp.ones((2, 2))), ShapeError, "one matrix"),
        (lambda x: linalg.solve_sylvester(x.reshape((1, 2, 2)), onp.eye(2), onp.eye(2)), ShapeError, "three matrices"),
        (lambda x: linalg.inv(np.outer(x, x), assume_a="square"), ValueError, "'square'"),
        (lambda x: signal.convolve(np.ones((2, 3)), np.outer(x, x)[:3, :2], mode="valid"), ValueError, "larger one"),
        (lambda x: signal.convolve(x.reshape((1, 1, 2, 2)), np.ones((1,) * 4)), ShapeError, "at most 3 axes"),
        (lambda x: special.no_such_function(x), AttributeError, "no_such_function"),
    ],
)
def test_errors(f, error, message):
    with pytest.raises(error, match=message):
        autograd.grad(lambda x: np.sum(f(x)))(V)


@pytest.mark.filterwarnings("ignore:floating point number truncated")
@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.beta(1.7, x) + special.betaln(2, x),
        lambda x: special.kn(1.7, x) + special.kn(0.3, x),
        lambda x: special.yn(1.7, x) + special.yn(-1.2, x),
    ],
)
def test_numbers_before_boxes_and_orders_that_are_cut(f):
    derivatives_agree(f, V)


@pytest.mark.parametrize("f", [special.loggamma, special.gammasgn])
def test_gamma_at_negative_numbers_and_poles_is_scipys(f):
    x, seen = onp.array([-4.0, -3.5, -0.0, 0.5, 3.0]), []
    slope = func.grad(lambda x: seen.append(getval(f(x))) or np.sum(f(x)[3:]))(x)
    onp.testing.assert_array_equal(seen[0], f(x))
    assert onp.isfinite(slope[3:]).all()


def test_odeint_with_arguments_by_name():
    def loss(b):
        return np.sum(integrate.odeint(lambda y, t, b: -b * y, y0=onp.ones(2), t=onp.linspace(0, 1, 4), args=(b,)))

    onp.testing.assert_allclose(func.grad(loss)(0.3), numerical.jacobian(loss, onp.array(0.3)), rtol=1e-4)


def test_other_names_of_scipys_modules_are_theirs():
    assert stats.pearsonr is scipy.stats.pearsonr
    assert signal.windows is scipy.signal.windows
    assert integrate.quad is scipy.integrate.quad
    assert "laplace" in dir(stats)
    with pytest.raises(AttributeError, match="laplacian"):
        stats.laplacian  # noqa: B018


def test_densities_of_several_variables_are_squeezed_as_scipys():
    for x, mean, cov in ((onp.ones(1), onp.zeros(1), onp.eye(1)), (onp.ones((1, 2)), onp.zeros(2), onp.eye(2))):
        for singular in (False, True):
            seen = []
            func.grad(
                lambda x: seen.append(stats.multivariate_normal.logpdf(x, mean, cov, singular)) or np.sum(seen[0])  # noqa: B023
            )(x)
            assert seen[0].shape == scipy.stats.multivariate_normal.logpdf(x, mean, cov, singular).shape
