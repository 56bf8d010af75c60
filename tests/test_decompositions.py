"""Factorizations where their derivatives have no answer, and what does have one there."""

import numpy as np
import pytest

import autograd
from autograd import GradientError, linalg, tensor
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
