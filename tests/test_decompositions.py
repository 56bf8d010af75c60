"""Factorizations where their derivatives have no answer, and what does have one there; batches of small matrices."""

import numpy as np
import pytest
import scipy.linalg

import autograd
from autograd import GradientError, LinAlgError, linalg, tensor
from tests.helpers import values

RNG = np.random.default_rng(0)
COMPLEX = RNG.standard_normal((3, 2)) + 1j * RNG.standard_normal((3, 2))
HERMITIAN = COMPLEX @ COMPLEX.conj().T + np.diag([1.0, 2.0, 3.0])
WEIGHTS = RNG.standard_normal((2, 2))


def variable(array):
    return tensor(np.asarray(array), requires_grad=True)


# ---- vectors with a free phase ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "loss", "array"),
    [
        ("svd", lambda x: linalg.svd(x).U.real.sum(), COMPLEX),
        ("svd", lambda x: linalg.svd(x, False).Vh.imag.sum(), COMPLEX),
        ("eigh", lambda x: linalg.eigh(x).eigenvectors.imag.sum(), HERMITIAN),
        ("eig", lambda x: (linalg.eig(x).eigenvectors * (1 + 2j)).imag.sum(), [[0.0, 1.0], [-1.0, 0.5]]),
    ],
)
def test_a_loss_must_not_depend_on_a_phase(name, loss, array):
    x = variable(array)
    with pytest.raises(GradientError, match=f"{name}: complex vectors .* phase"):
        loss(x).backward()
    assert x.grad is None


def test_what_no_phase_changes_has_its_derivative():
    x = variable(COMPLEX)
    u, s, vh = linalg.svd(x, full_matrices=False)
    ((u * s) @ vh).real.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.ones((3, 2)), atol=1e-12)
    x = variable(HERMITIAN)
    e, v = linalg.eigh(x)
    ((v * e) @ v.mH).diagonal().real.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)


# ---- values that coincide --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "loss", "array"),
    [
        ("svd", lambda x: linalg.svd(x).U.sum(), np.eye(2)),
        ("svd", lambda x: linalg.svd(x).Vh[0].sum(), np.diag([2.0, -2.0])),
        ("svd", lambda x: linalg.svd(x, False).U.sum(), np.diag([1.0, 0.0, 0.0])[:, :2]),
        ("eigh", lambda x: linalg.eigh(x).eigenvectors.sum(), np.eye(2)),
        ("eigh", lambda x: linalg.eigh(x).eigenvectors[0].sum(), np.stack([np.diag([1.0, 3.0]), np.eye(2)])),
        ("eig", lambda x: linalg.eig(x).eigenvectors.real.sum(), np.eye(2)),
    ],
)
def test_vectors_of_equal_values_have_no_derivative(name, loss, array):
    with pytest.raises(GradientError, match=f"{name}: values coincide"):
        loss(variable(array)).backward()


@pytest.mark.parametrize("function", [linalg.svdvals, linalg.eigvalsh, linalg.eigvals, lambda x: linalg.svd(x).S])
def test_equal_values_themselves_have_one(function):
    x = variable(np.eye(2))
    (slope,) = autograd.grad((function(x) ** 2).sum().real, x, create_graph=True)
    assert values(slope) == [[2.0, 0.0], [0.0, 2.0]]
    with pytest.raises(GradientError, match="values coincide"):  # it passes through the vectors: never silently wrong
        autograd.grad((slope * tensor(WEIGHTS)).sum(), x)


@pytest.mark.parametrize("loss", [lambda x: linalg.qr(x).Q.sum(), lambda x: linalg.lu(x).L.sum()])
def test_factors_of_singular_matrices(loss):
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        loss(variable([[1.0, 0.0], [0.0, 0.0]])).backward()


# ---- LU ------------------------------------------------------------------------------------------------------------


def test_the_permutation_has_no_gradient():
    p, lower, upper = linalg.lu(variable([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]))
    assert not p.requires_grad
    assert lower.requires_grad
    assert upper.requires_grad
    assert values(p) == [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    np.testing.assert_allclose((p @ lower @ upper).detach().numpy(), [[1, 2], [3, 4], [5, 7]])


# ---- batches: many small matrices at once, large ones each by itself -------------------------------------------------

BATCHES = [
    ((200,), (200,), 3), ((20,), (20,), 3), ((200,), (), 4), ((), (200,), 4), ((40, 1), (1, 5), 2), ((6,), (6,), 40),
]  # fmt: skip
"""Many small matrices, few, right-hand sides in common, one matrix, broadcasting; and large ones."""


def triangles(shape, n, upper):
    """Well-conditioned triangular matrices, and the same with NaN in the other triangle."""
    a = RNG.standard_normal((*shape, n, n)) / n + 2 * np.eye(n)
    kept = np.triu(np.ones((n, n), bool)) if upper else np.tril(np.ones((n, n), bool))
    return np.where(kept, a, 0), np.where(kept, a, np.nan)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(("first", "second", "n"), BATCHES)
def test_triangular_systems_of_batches(first, second, n, upper):
    a, given = triangles(first, n, upper)
    b = RNG.standard_normal((*second, n, 2))
    x, y = variable(given), variable(b)
    out = linalg.solve_triangular(x, y, upper=upper)
    np.testing.assert_allclose(out.detach().numpy(), np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    weights = RNG.standard_normal(out.shape)
    (out * tensor(weights)).sum().backward()
    plain_x, plain_y = variable(a), variable(b)
    (linalg.solve(plain_x, plain_y) * tensor(weights)).sum().backward()
    kept = np.triu if upper else np.tril
    np.testing.assert_allclose(x.grad.numpy(), kept(plain_x.grad.numpy()), rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(y.grad.numpy(), plain_y.grad.numpy(), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize(("count", "n"), [(200, 3), (5, 3), (5, 30)])
@pytest.mark.parametrize("kind", ["f", "D"])
def test_triangular_systems_with_ones_on_the_diagonal(count, n, kind):
    a = np.tril(RNG.standard_normal((count, n, n)), -1).astype(kind) / n
    b = RNG.standard_normal((count, n, 2)).astype(kind) * (1 + 1j if kind == "D" else 1)
    given = np.where(np.eye(n, dtype=bool), np.nan, a).astype(kind)  # is not read
    out = linalg.solve_triangular(tensor(given), tensor(b), upper=False, unitriangular=True).numpy()
    assert out.dtype == kind
    np.testing.assert_allclose(a @ out + out, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("count", "n"), [(100, 3), (3, 3), (3, 40)])
def test_one_zero_on_a_diagonal_of_a_batch(count, n):
    a = np.tile(np.eye(n), (count, 1, 1))
    a[count // 2, 1, 1] = 0
    b = np.ones((count, n, 1))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        linalg.solve_triangular(tensor(a), tensor(b), upper=True)
    assert linalg.solve_triangular(tensor(a), tensor(b), upper=True, unitriangular=True).numpy().tolist() == b.tolist()
    assert linalg.solve_triangular(tensor(a), tensor(b[..., :0]), upper=True).shape == (count, n, 0)


@pytest.mark.parametrize("shape", [(150, 4, 4), (150, 5, 3), (150, 3, 5), (2, 80, 4, 4), (150, 1, 1), (150, 17, 17)])
@pytest.mark.parametrize("kind", ["f", "d", "F", "D"])
def test_lu_of_batches(shape, kind):
    a = RNG.standard_normal(shape).astype(kind)
    a = a + 1j * RNG.standard_normal(shape).astype(kind) if kind in "FD" else a
    p, lower, upper = linalg.lu(tensor(a))
    assert {p.dtype, lower.dtype, upper.dtype} == {np.dtype(kind)}
    np.testing.assert_allclose((p @ lower @ upper).numpy(), a, atol=1e-5 if kind in "fF" else 1e-13)
    alone = [linalg.lu(tensor(matrix)) for matrix in a.reshape(-1, *shape[-2:])]
    for found, *expected in zip((p, lower, upper), *alone, strict=True):
        expected = np.stack([e.numpy() for e in expected])
        np.testing.assert_allclose(
            found.numpy().reshape(expected.shape), expected, atol=2e-3 if kind in "fF" else 1e-10
        )


def test_lu_of_a_batch_with_singular_matrices():
    a = np.zeros((130, 3, 3))
    a[:, 1, 2] = 3.0
    a[5] = [[0.0, 0.0, 1.0], [0.0, 2.0, 0.0], [0.0, 4.0, 0.0]]
    p, lower, upper = linalg.lu(tensor(a))
    np.testing.assert_array_equal((p @ lower @ upper).numpy(), a)
    assert np.isfinite(lower.numpy()).all()


# ---- inverses, solutions and determinants: of many small matrices at once --------------------------------------------


def regular(kind, *shape):
    """Well-conditioned matrices whose largest elements stand anywhere."""
    n = shape[-1]
    a = RNG.standard_normal(shape) / n + 2 * np.eye(n)
    a = a + 1j * RNG.standard_normal(shape) / n if kind in "FD" else a
    return np.take_along_axis(a, np.argsort(RNG.standard_normal(shape[:-1]))[..., None], -2).astype(kind)


@pytest.mark.parametrize(
    "shape", [(1200, 2, 2), (1100, 3, 3), (2, 600, 4, 4), (1030, 6, 6), (1030, 7, 7), (70_000, 2, 2)]
)
@pytest.mark.parametrize("kind", ["f", "d", "F", "D"])
def test_equations_of_many_small_matrices(shape, kind):
    a, b = regular(kind, *shape), RNG.standard_normal((*shape[:-1], 3)).astype(kind)
    x, y = tensor(a), tensor(b)
    found = [linalg.inv(x), linalg.inv(x.mT).mT, linalg.solve(x, y), linalg.det(x), *linalg.slogdet(x)]
    inverse = np.linalg.inv(a)
    expected = [inverse, inverse, np.linalg.solve(a, b), np.linalg.det(a), *np.linalg.slogdet(a)]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one.numpy(), other, rtol=1e-5 if kind in "fF" else 1e-11, atol=1e-6)


@pytest.mark.parametrize(
    "function", [linalg.inv, linalg.det, lambda x: linalg.slogdet(x)[1], lambda x: linalg.solve(x, x[..., :1])]
)
def test_what_is_computed_of_many_small_matrices_is_compiled(function):
    x = tensor(regular("f", 1100, 3, 3))
    np.testing.assert_array_equal(autograd.compile(function)(x).numpy(), function(x).numpy())


def test_a_singular_matrix_among_many_small_ones():
    a = regular("d", 1100, 3, 3)
    a[7], b = np.ones((3, 3)), np.ones((1100, 3, 1))
    for solve in (linalg.inv, lambda x: linalg.solve(x, tensor(b))):
        with pytest.raises(np.linalg.LinAlgError, match=r"[Ss]ingular"):
            solve(tensor(a))
    sign, logarithm = linalg.slogdet(tensor(a))
    assert (sign[7].item(), logarithm[7].item(), linalg.det(tensor(a))[7].item()) == (0, -np.inf, 0)
    np.testing.assert_allclose(logarithm.numpy(), np.linalg.slogdet(a)[1], rtol=1e-10)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_among_many_small_ones(value):
    a, b = regular("d", 1100, 3, 3), np.ones((1100, 3, 1))
    a[7, 1, 2] = value
    x = tensor(a)
    np.testing.assert_allclose(linalg.inv(x).numpy(), np.linalg.inv(a), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(linalg.solve(x, tensor(b)).numpy(), np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(linalg.slogdet(x)[1].numpy(), np.linalg.slogdet(a)[1], rtol=1e-9)


@pytest.mark.parametrize("which", ["both", "matrix", "right side"])
def test_backward_of_a_solution_solves_one_system(monkeypatch, which):
    a, b = variable(regular("d", 3, 3)), variable(np.ones((3, 2)))
    out = linalg.solve(a if which != "right side" else a.detach(), b if which != "matrix" else b.detach())
    calls, solve = [], np.linalg.solve
    monkeypatch.setattr(np.linalg, "solve", lambda *args: calls.append(args) or solve(*args))
    out.sum().backward()
    assert len(calls) == 1
    back = solve(a.detach().numpy().T, np.ones((3, 2)))
    if which != "right side":
        np.testing.assert_allclose(a.grad.numpy(), -back @ out.detach().numpy().T)
    if which != "matrix":
        np.testing.assert_allclose(b.grad.numpy(), back)


# ---- determinants: by the inverse, and near singular matrices by singular vectors ------------------------------------


def minors(a):
    """The signed minors: the derivative of the determinant."""
    n = a.shape[-1]
    out = np.empty_like(a)
    for i in range(n):
        for j in range(n):
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, -2), j, -1))
    return out


@pytest.mark.parametrize("kind", ["f", "d", "F", "D"])
def test_derivatives_of_determinants_of_a_batch_in_which_some_are_singular(kind):
    a = RNG.standard_normal((12, 4, 4)) + (1j * RNG.standard_normal((12, 4, 4)) if kind in "FD" else 0)
    a[3, 2] = a[3, 1]  # of rank 3
    a[5, 1:] = a[5, 0]  # of rank 1
    a[7] = 0
    a[8, 3] = a[8, 2] * (1 + 1e-9)  # almost singular
    a[9] *= 1e-9  # the determinant vanishes in float32
    a = a.astype(kind)
    wide = a.astype("D" if kind in "FD" else "d")
    x = variable(a)
    out = linalg.det(x)
    (out.real.sum() if kind in "FD" else out.sum()).backward()
    expected = np.conj(minors(wide))
    scale = np.abs(expected).max((-1, -2), keepdims=True) + np.finfo(kind).tiny
    eps = np.finfo(kind).eps
    near = np.abs(x.grad.numpy() - expected) / scale
    regular = np.delete(near, [3, 5, 7, 8], 0)
    assert regular.max() < 100 * eps
    assert np.delete(near, [5, 7], 0).max() < 200 * eps  # of rank 1 the minors are rounding errors themselves
    assert np.abs(x.grad.numpy()[[5, 7]]).max() < 100 * eps**2 * np.abs(a[5]).max() ** 3 + eps


def test_the_derivative_of_a_determinant_that_overflows():
    a = (np.eye(3) * 1e13 + RNG.standard_normal((3, 3)) * 1e12).astype("f")
    x = variable(a)
    with np.errstate(over="ignore"):
        out = linalg.det(x)
    assert np.isinf(out.item())
    out.backward()
    expected = minors(a.astype("d"))
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("matrix", [np.array([[np.inf, 1.0], [1.0, 2.0]]), np.full((2, 2), np.nan)])
def test_a_matrix_that_is_not_finite_leaves_the_others_of_its_batch_alone(matrix):
    x = variable(np.stack([np.array([[1.0, 2.0], [3.0, 4.0]]), matrix]))
    with np.errstate(all="ignore"):
        linalg.det(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[0], [[4.0, -3.0], [-2.0, 1.0]])
    assert np.isnan(x.grad.numpy()[1]).all()


def test_a_compiled_derivative_of_determinants_sees_that_a_matrix_became_singular():
    step = autograd.compile(autograd.func.grad(lambda x: linalg.det(x).sum()))
    regular = RNG.standard_normal((3, 3, 3)) + 3 * np.eye(3)
    singular = regular.copy()
    singular[1, 0] = singular[1, 2]
    for array in (regular, regular * 1.1, singular, regular):
        np.testing.assert_allclose(step(tensor(array)).numpy(), minors(array), rtol=1e-9, atol=1e-9)


# ---- exponentials ----------------------------------------------------------------------------------------------------


def exponentials(a):
    from scipy.linalg import expm

    return np.stack([expm(matrix) for matrix in a])


@pytest.mark.parametrize("count", [3, 50])
@pytest.mark.parametrize("kind", ["f", "d", "F", "D"])
@pytest.mark.parametrize("size", [1e-6, 0.1, 1.0, 5.0, 40.0])
def test_exponentials_of_batches(kind, size, count):
    skew = RNG.standard_normal((count, 5, 5))
    skew = skew - skew.mT + (1j * (skew + skew.mT) if kind in "FD" else 0)
    a = (skew * size * np.linspace(0.1, 1, count)[:, None, None]).astype(kind)  # of each norm another
    expected = exponentials(a.astype("D"))
    atol = np.finfo(kind).eps * (10 + 30 * size)
    found = autograd.matrix_exp(tensor(a)).numpy()
    assert found.dtype == kind
    np.testing.assert_allclose(found, expected, atol=atol)
    t = RNG.standard_normal(a.shape).astype(kind)
    _, slope = autograd.func.jvp(autograd.matrix_exp, (tensor(a),), (tensor(t),))
    assert slope.dtype == kind
    blocks = np.block([[a.astype("D"), t], [np.zeros_like(a), a]])
    np.testing.assert_allclose(slope.numpy(), exponentials(blocks)[:, :5, 5:], atol=atol * 10)


def test_exponentials_of_triangular_far_from_normal_and_huge_matrices():
    a = RNG.standard_normal((70, 3, 3))
    a[0] = np.diag([1000.0, -1000.0, 1.0])
    a[1] = [[1.0, 1e6, 0.0], [0.0, -1.0, 1e6], [0.0, 0.0, 0.5]]
    a[2] = [[1.0, 1e5, 0.0], [1e-5, -1.0, 1e5], [0.0, 1e-9, 0.5]]
    a[3] = -np.full((3, 3), 300.0) - 1e3 * np.eye(3)
    a[4] = 0.0
    a[5] = np.nan
    with np.errstate(all="ignore"):
        found, expected = autograd.matrix_exp(tensor(a)).numpy(), exponentials(a)
    np.testing.assert_array_equal(found[[0, 1, 3, 4]], expected[[0, 1, 3, 4]])  # by ways of their own
    assert np.isposinf(found[0, 0, 0])
    for i in (2, 6, 7, 8):
        np.testing.assert_allclose(found[i], expected[i], atol=1e-10 * np.abs(expected[i]).max())
    assert np.isnan(found[5]).all()


def test_derivatives_of_exponentials():
    a = RNG.standard_normal((30, 3, 3))
    a = (a - a.mT) * np.linspace(0, 2, 30)[:, None, None]
    a[7] *= 1000  # is squared very often
    t = RNG.standard_normal((2, 30, 3, 3))
    x = variable(a)
    (slope,) = autograd.grad(autograd.matrix_exp(x), x, tensor(t[0]), create_graph=True)
    slope.backward(tensor(t[1]))
    for i in range(30):  # one matrix goes SciPy's way
        one = variable(a[i])
        (expected,) = autograd.grad(autograd.matrix_exp(one), one, tensor(t[0, i]), create_graph=True)
        expected.backward(tensor(t[1, i]))
        atol = 1e-8 if i == 7 else 1e-12
        np.testing.assert_allclose(slope[i].detach().numpy(), expected.detach().numpy(), atol=atol)
        np.testing.assert_allclose(x.grad[i].numpy(), one.grad.numpy(), atol=1e-7 if i == 7 else 1e-11)
    few = variable(0.3 * a[:2])
    assert autograd.gradcheck(autograd.matrix_exp, (few,))
    assert autograd.gradgradcheck(autograd.matrix_exp, (few,))


# ---- Kronecker products ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shapes", [((9, 8), (3, 11)), ((3, 11), (9, 8)), ((4, 2), (3, 30)), ((5, 9), (2, 1)), ((0, 9), (2, 8))]
)
def test_kronecker_products(shapes):
    x, y = [variable(RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)) for shape in shapes]
    out = autograd.kron(x, y)
    np.testing.assert_array_equal(out.detach().numpy(), np.kron(x.detach().numpy(), y.detach().numpy()))
    weights = tensor(RNG.standard_normal(out.shape))
    found = autograd.grad((out * weights).sum().real, [x, y])
    apart = x[:, None, :, None] * y[None, :, None, :]
    expected = autograd.grad((apart.reshape(out.shape) * weights).sum().real, [x, y])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)


def test_qr_without_q_gives_an_empty_one():
    found = linalg.qr(autograd.randn(2, 3, 3), mode="r")
    assert (found.Q.shape, found.R.shape) == ((0,), (2, 3, 3))


def test_singular_values_of_least_squares_are_differentiated():
    x = autograd.tensor(np.array([[2.0, 0.3], [0.1, 1.0], [0.4, -0.7]]), requires_grad=True)
    found = linalg.lstsq(x, autograd.ones(3, 1, dtype=x.dtype))
    (g,) = autograd.grad(found.singular_values.sum(), x)
    (expected,) = autograd.grad(linalg.svdvals(x).sum(), x)
    np.testing.assert_allclose(values(g), values(expected), rtol=1e-12)


# ---- LU factors, and what tells of singular matrices -----------------------------------------------------------------

MIXED = np.array([[[4.0, 1.0], [1.0, 3.0]], [[1.0, 2.0], [2.0, 4.0]], [[-4.0, -1.0], [-1.0, -3.0]]])
"""A matrix that is positive definite, one that is singular, one that is negative definite."""


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3), (0, 2, 2), (1, 1), (0, 0)])
@pytest.mark.parametrize("kind", [float, complex])
def test_lu_factors_are_lapacks(shape, kind):
    a = RNG.standard_normal(shape) + (1j * RNG.standard_normal(shape) if kind is complex else 0)
    LU, pivots = linalg.lu_factor(tensor(a))
    assert pivots.dtype == "int32"
    for i in np.ndindex(shape[:-2] if a.size else (0,)):  # SciPy before 1.14 does not take empty ones
        expected, swaps = scipy.linalg.lu_factor(a[i])
        np.testing.assert_allclose(LU[i].numpy(), expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(pivots[i].numpy(), swaps + 1)
    P, L, U = autograd.lu_unpack(LU, pivots)
    np.testing.assert_allclose((P @ L @ U).numpy(), a, rtol=1e-12, atol=1e-12)
    assert [t.shape for t in autograd.lu_unpack(LU, pivots, unpack_pivots=False)] == [(0,), L.shape, U.shape]


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_systems_with_lu_factors(left, adjoint):
    a = RNG.standard_normal((2, 1, 3, 3)) + 1j * RNG.standard_normal((2, 1, 3, 3))
    b = RNG.standard_normal((4, 3, 2) if left else (4, 2, 3)) + 0j
    x, y = variable(a), variable(b)
    found = linalg.lu_solve(*linalg.lu_factor(x), y, left=left, adjoint=adjoint)
    matrix = np.conj(np.swapaxes(a, -1, -2)) if adjoint else a
    np.testing.assert_allclose((matrix @ found.detach().numpy() if left else found.detach().numpy() @ matrix),
                               np.broadcast_to(b, found.shape), rtol=1e-10, atol=1e-12)  # fmt: skip
    whole = (found.abs() ** 2).sum()
    slopes = autograd.grad(whole, [x, y])
    again = linalg.solve(x.mH if adjoint else x, y, left=left)
    for slope, expected in zip(slopes, autograd.grad((again.abs() ** 2).sum(), [x, y]), strict=True):
        np.testing.assert_allclose(slope.numpy(), expected.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("function", "info", "plain"),
    [
        (linalg.inv_ex, [0, 2, 0], linalg.inv),
        (linalg.cholesky_ex, [0, 2, 1], linalg.cholesky),
        (lambda a, **kwargs: linalg.solve_ex(a, autograd.ones(2, 3), **kwargs), [0, 2, 0],
         lambda a: linalg.solve(a, autograd.ones(2, 3))),
        (lambda a, **kwargs: linalg.solve_ex(a, autograd.ones(len(a), 2), **kwargs), [0, 2, 0],
         lambda a: linalg.solve(a, autograd.ones(len(a), 2))),
    ],
    ids=["inv", "cholesky", "solve", "solve vectors"],
)  # fmt: skip
def test_matrices_without_an_answer_do_not_spoil_a_batch(function, info, plain):
    x = variable(MIXED)
    found, said = function(x)
    assert said.tolist() == info
    assert said.dtype == "int32"
    good = [i for i, n in enumerate(info) if not n]
    expected = plain(variable(MIXED[good]))
    np.testing.assert_allclose(found[good].detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    assert np.isnan(found[1].detach().numpy()).any()
    found[good].sum().backward()
    y = variable(MIXED[good])
    plain(y).sum().backward()
    np.testing.assert_allclose(x.grad[good].numpy(), y.grad.numpy(), rtol=1e-12)
    assert not x.grad[1].any()
    with pytest.raises(LinAlgError, match=r"_ex: matrix 1 of 3 is (singular|not positive definite) \(info 2\)"):
        function(x, check_errors=True)
    compiled = autograd.compile(function)
    for _ in range(3):
        assert compiled(tensor(MIXED))[1].tolist() == info
    assert compiled(tensor(np.stack([np.eye(2)] * 3)))[1].tolist() == [0, 0, 0]


def test_singular_matrices_have_lu_factors_but_not_for_systems():
    LU, pivots, info = linalg.lu_factor_ex(tensor(MIXED))
    np.testing.assert_array_equal(LU[1], [[2.0, 4.0], [0.5, 0.0]])
    assert (pivots[1].tolist(), info.tolist()) == ([2, 2], [0, 2, 0])
    with pytest.raises(LinAlgError, match="lu_factor: matrix 1 of 3 is singular: a pivot is 0"):
        linalg.lu_factor(tensor(MIXED))
    with pytest.raises(LinAlgError, match="solve_triangular"):
        linalg.lu_solve(LU, pivots, autograd.ones(3, 2, 1))


def test_a_matrix_that_is_not_finite_is_told_of():
    x = tensor([[np.nan, 1.0], [1.0, 1.0]])
    assert linalg.cholesky_ex(x).info.item() == 1
    assert np.isnan(linalg.inv_ex(x).inverse.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linalg.lu_factor(autograd.ones(3)), autograd.ShapeError, r"lu_factor: expected matrices .* \(3,\)"),
        (lambda: linalg.lu_factor(autograd.eye(2), pivot=False), ValueError, "lu_factor: without pivoting"),
        (lambda: linalg.inv_ex(autograd.ones(2, 3)), autograd.ShapeError, "inv_ex: expected square matrices"),
        (lambda: linalg.lu_solve(autograd.eye(2), tensor([1, 2]), autograd.ones(3, 1)), autograd.ShapeError,
         r"lu_solve: factors of shape \(2, 2\) do not fit B of shape \(3, 1\)"),
        (lambda: linalg.lu_solve(autograd.eye(2), tensor([1, 2]), autograd.ones(2, 1), left=False),
         autograd.ShapeError, "do not fit B.mT"),
        (lambda: autograd.lu_unpack(autograd.eye(2), tensor([1])), autograd.ShapeError, "lu_unpack: pivots of shape"),
    ],
)  # fmt: skip
def test_errors_of_factors(call, error, message):
    with pytest.raises(error, match=message):
        call()
