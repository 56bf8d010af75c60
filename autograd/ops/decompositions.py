"""Factorizations of matrices: Cholesky, QR, LU, singular values, eigenvalues.

Shape, of every op here: matrices are the last two dimensions, those before are a batch. Factors come in NumPy's order.
The rules work with conjugate transposes; ``conj`` at their ends turns them into plain transposes, as the sweep wants.

Singular and eigenvectors are determined up to sign or phase, so a loss must not depend on that; where singular values
or eigenvalues coincide, the derivatives of their vectors do not exist, and come out infinite or NaN as in PyTorch.
Derivatives of the values alone are always finite.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..errors import GradientError, ShapeError
from ..samples import case, reals
from ._foreign import foreign
from .linear_algebra import (
    H,
    T,
    computed,
    conj,
    inv,
    positive_definite,
    require_square,
    solve_triangular_,
    square,
)


def _diagonal(x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1)


def _eye(x: Any) -> Any:
    """The unit matrix of the size of a square ``x``."""
    return np.eye(x.shape[-1], dtype=x.dtype)


def _quotient(x: Any, y: Any) -> Any:
    """``x / y``, and 0 for 0 / 0: what does not flow in does not matter where values coincide."""
    return x / np.where(np.logical_and(y == 0, x == 0), 1, y)


# ---- Cholesky and QR -------------------------------------------------------------------------------------------------


def _cholesky_rule(g: Any, out: Any, upper: bool) -> Any:
    g = conj(g)
    factor, g = (H(out), H(g)) if upper else (out, g)
    inner = np.tril(np.matmul(H(factor), g)) * (1 - _eye(factor) / 2)
    left = solve_triangular_.kernel(H(factor), inner, True)
    d = H(solve_triangular_.kernel(H(factor), H(left), True))
    return conj((d + H(d)) / 2)


@op(
    x=_cholesky_rule,
    promote="float",
    samples=square((3, 3), (2, 2, 2), (1, 1), make=positive_definite)
    + square((3, 3), make=positive_definite, upper=True),
)
def cholesky(x: Any, upper: bool = False) -> Any:
    """The triangular ``out`` with ``out @ out.mH = x`` (``out.mH @ out`` if ``upper``) of positive definite matrices.

    Only one triangle of ``x`` is read; the gradient is symmetric. Rule after I. Murray, "Differentiation of the
    Cholesky decomposition" (2016). Raises: ShapeError; LinAlgError if a matrix is not positive definite.
    """
    require_square("cholesky", x)
    a, dtype = computed(x)
    return (H(np.linalg.cholesky(H(a))) if upper else np.linalg.cholesky(a)).astype(dtype, copy=False)


@numpy_function(np.linalg.cholesky)
def _numpy_cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return cholesky(a, upper)


def _qr_tall(q: Any, r: Any, gq: Any, gr: Any) -> Any:
    m = np.matmul(r, H(gr)) - np.matmul(H(gq), q)
    lower = np.tril(m, -1)
    middle = lower + H(lower) + np.real(m) * _eye(m)
    return H(solve_triangular_.kernel(r, H(gq + np.matmul(q, middle)), True))


def _qr_rule(g_Q: Any, g_R: Any, x: Any, Q: Any, R: Any, mode: str) -> Any:
    rows, columns = x.shape[-2:]
    if mode == "complete" and rows > columns:
        raise GradientError(
            f"qr: mode='complete' has no derivative for a matrix with more rows than columns ({rows} x {columns}): the "
            "further columns of Q are not determined; use mode='reduced'"
        )
    gq, gr = conj(g_Q), conj(g_R)
    if rows >= columns:
        return conj(_qr_tall(Q, R, gq, gr))
    beyond = gr[..., rows:]
    first = _qr_tall(Q, R[..., :rows], gq + np.matmul(x[..., rows:], H(beyond)), gr[..., :rows])
    return conj(np.concatenate([first, np.matmul(Q, beyond)], axis=-1))


def _apart(a: Any) -> Any:
    """A sample's raw draw as a matrix whose singular values are far from 0 and from one another."""
    n, m = a.shape[-2:]
    return a * 0.2 + np.eye(n, m) * np.arange(2.0, 2 * m + 1, 2)


_ANY = [case(x=reals(shape=shape, make=_apart)) for shape in ((3, 2), (2, 3), (2, 2), (2, 3, 2), (1, 1))]


@op(
    x=_qr_rule,
    outputs=("Q", "R"),
    promote="float",
    samples=[*_ANY, case(x=reals(shape=(2, 3), make=_apart), mode="complete")],
)
def qr_(x: Any, mode: str = "reduced") -> Any:
    """``qr`` in the modes "reduced" and "complete"."""
    a, dtype = computed(x)
    q, r = np.linalg.qr(a, mode)  # type: ignore[call-overload] # a str, checked by qr
    return q.astype(dtype, copy=False), r.astype(dtype, copy=False)


@composed(samples=[*_ANY, case(x=reals(shape=(3, 2), make=_apart), mode="reduced")])
def qr(x: Any, mode: str = "reduced") -> Any:
    """``(Q, R)`` with ``Q @ R = x``, the columns of ``Q`` orthonormal and ``R`` upper triangular.

    Args:
        x: matrices.
        mode: "reduced" (Q has as many columns as R rows), "complete" (Q is square; no derivative for more rows than
            columns) or "r" (Q is empty).

    Rule after S. Walter and L. Lehmann (2018). Raises: ShapeError; ValueError for another mode.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    if x.ndim < 2:
        raise ShapeError(f"qr: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    found = qr_(x, "complete" if mode == "complete" else "reduced")
    return type(found)(found.Q[..., :0, :0], found.R) if mode == "r" else found


@numpy_function(np.linalg.qr)
def _numpy_qr(a: Any, mode: str = "reduced") -> Any:
    return qr(a, mode).R if mode == "r" else qr(a, mode)


@composed(samples=[*_ANY])
def qr_some(x: Any, some: bool = True) -> Any:
    """``autograd.qr``, PyTorch's older form: ``(Q, R)``, of mode "reduced" (``some``) or "complete"."""
    return qr(x, "reduced" if some else "complete")


# ---- LU --------------------------------------------------------------------------------------------------------------


def _lu_rule(g_L: Any, g_U: Any, P: Any, L: Any, U: Any) -> Any:
    gl, gu = conj(g_L), conj(g_U)
    k = min(L.shape[-2], U.shape[-1])
    top, square_u = L[..., :k, :], U[..., :k]
    gl_top, gu_left = gl[..., :k, :], gu[..., :k]
    across = solve_triangular_.kernel(H(top), gu[..., k:], True, True)  # of the columns beyond the square
    below = H(solve_triangular_.kernel(square_u, H(gl[..., k:, :]), True))  # of the rows beyond the square
    gl_top = gl_top - np.matmul(across, H(U[..., k:]))
    gu_left = gu_left - np.matmul(H(L[..., k:, :]), below)
    inner = np.tril(np.matmul(H(top), gl_top), -1) + np.triu(np.matmul(gu_left, H(square_u)))
    left = solve_triangular_.kernel(H(top), inner, True, True)
    d = H(solve_triangular_.kernel(square_u, H(left), True))
    d = np.concatenate([d, across], axis=-1) if L.shape[-2] == k else np.concatenate([d, below], axis=-2)
    return conj(np.matmul(P, d))


@foreign
def _factorize(a: Any) -> Any:
    from scipy.linalg import lu as factorize

    if a.size:
        return factorize(a, check_finite=False)
    batch, (rows, columns) = a.shape[:-2], a.shape[-2:]
    k = min(rows, columns)
    return tuple(
        np.broadcast_to(np.eye(*s, dtype=a.dtype), (*batch, *s)) for s in ((rows, rows), (rows, k), (k, columns))
    )


@op(x=_lu_rule, outputs=("P", "L", "U"), promote="float", samples=_ANY)
def lu(x: Any, *, pivot: bool = True) -> Any:
    """``(P, L, U)`` with ``P @ L @ U = x``: a permutation, unit lower and upper triangular matrices.

    Raises: ShapeError; ValueError for ``pivot=False``, which PyTorch too has only on other devices.
    """
    if not pivot:
        raise ValueError("without pivoting the factors do not exist or are inexact; leave pivot=True")
    if x.ndim < 2:
        raise ShapeError(f"lu: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    a, dtype = computed(x)
    return tuple([factor.astype(dtype, copy=False) for factor in _factorize(a)])


# ---- singular values -------------------------------------------------------------------------------------------------


def _svd_rule(g_U: Any, g_S: Any, g_Vh: Any, U: Any, S: Any, Vh: Any) -> Any:
    k = S.shape[-1]
    u, vh = U[..., :k], Vh[..., :k, :]
    gu, gvh = conj(g_U)[..., :k], conj(g_Vh)[..., :k, :]
    row, column = np.expand_dims(S, -2), np.expand_dims(S, -1)
    eye = np.eye(k, dtype=S.dtype)
    gaps = (row - column) * (row + column)
    inner_u, inner_v = np.matmul(H(u), gu), np.matmul(vh, H(gvh))
    skew_u, skew_v = inner_u - H(inner_u), inner_v - H(inner_v)
    off = 1 - eye
    middle = (
        _quotient(skew_u * off, gaps) * row + column * _quotient(skew_v * off, gaps) + np.expand_dims(g_S, -1) * eye
    )
    if U.dtype.kind == "c":  # the phase that U and V share
        middle = middle + _quotient(skew_u * eye, 2 * column)
    d = np.matmul(np.matmul(u, middle), vh)
    if u.shape[-2] > k:
        d = d + np.matmul(_quotient(gu - np.matmul(u, inner_u), row), vh)
    if vh.shape[-1] > k:
        d = d + np.matmul(u, _quotient(gvh - np.matmul(H(inner_v), vh), column))
    return conj(d)


@op(
    x=_svd_rule,
    outputs=("U", "S", "Vh"),
    promote="float",
    samples=[
        case(x=reals(shape=s, make=_apart), full_matrices=False) for s in ((3, 2), (2, 3), (2, 2), (2, 3, 2), (1, 1))
    ],
)
def svd(x: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """``(U, S, Vh)`` with ``U[..., :k] * S @ Vh[..., :k, :] = x``: falling singular values, orthonormal vectors.

    Args:
        x: matrices.
        full_matrices: square ``U`` and ``Vh``. Gradients of their further columns and rows, which are not determined,
            are ignored.
        driver: accepted as PyTorch's, without effect.

    Rule after J. Townsend, "Differentiating the singular value decomposition" (2016). Raises: ShapeError.
    """
    if x.ndim < 2:
        raise ShapeError(f"svd: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    a, dtype = computed(x)
    u, s, vh = np.linalg.svd(a, full_matrices)
    return u.astype(dtype, copy=False), s.astype(np.real(x).dtype, copy=False), vh.astype(dtype, copy=False)


class _SVD(NamedTuple):
    U: Any
    S: Any
    V: Any


@composed(samples=[case(x=reals(shape=shape, make=_apart)) for shape in ((3, 2), (2, 3))])
def svd_some(x: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """``autograd.svd``, PyTorch's older form: ``(U, S, V)`` with ``V`` not transposed; ``some`` for reduced factors."""
    u, s, vh = svd(x, not some)
    return _SVD(u, s, H(vh)) if compute_uv else _SVD(np.zeros_like(u), s, np.zeros_like(H(vh)))


def _svdvals_rule(g: Any, x: Any) -> Any:
    u, _, vh = svd.kernel(x, False)
    return conj(np.matmul(u * np.expand_dims(g, -2), vh))


@op(x=_svdvals_rule, promote="float", samples=_ANY)
def svdvals(x: Any, *, driver: str | None = None) -> Any:
    """The singular values of matrices, falling (``driver`` is without effect). Raises: ShapeError."""
    if x.ndim < 2:
        raise ShapeError(f"svdvals: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    return np.linalg.svd(computed(x)[0], compute_uv=False).astype(np.real(x).dtype, copy=False)


numpy_function(np.linalg.svdvals)(svdvals)


@numpy_function(np.linalg.svd)
def _numpy_svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return svd(a, full_matrices) if compute_uv else svdvals(a)


# ---- eigenvalues -----------------------------------------------------------------------------------------------------


def _symmetric(a: Any) -> Any:
    """A sample's raw draw as a symmetric matrix whose eigenvalues are far apart."""
    return (a + T(a)) * 0.15 + np.eye(a.shape[-1]) * np.arange(a.shape[-1]) * 3


def _eigh_rule(g_eigenvalues: Any, g_eigenvectors: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, g = eigenvectors, conj(g_eigenvectors)
    eye = _eye(eigenvalues)
    gaps = np.expand_dims(eigenvalues, -2) - np.expand_dims(eigenvalues, -1)
    middle = _quotient(np.matmul(H(v), g) * (1 - eye), gaps) + np.expand_dims(g_eigenvalues, -1) * eye
    d = np.matmul(np.matmul(v, middle), H(v))
    return conj((d + H(d)) / 2)


_SYMMETRIC = square((3, 3), (2, 2, 2), (1, 1), make=_symmetric)


@op(
    x=_eigh_rule,
    outputs=("eigenvalues", "eigenvectors"),
    promote="float",
    samples=_SYMMETRIC + square((3, 3), make=_symmetric, UPLO="U"),
)
def eigh(x: Any, UPLO: str = "L") -> Any:
    """``(eigenvalues, eigenvectors)`` of symmetric (Hermitian) matrices: the values rise, the vectors are columns.

    Only the triangle ``UPLO`` is read; the gradient is symmetric. Raises: ShapeError.
    """
    require_square("eigh", x)
    a, dtype = computed(x)
    values, vectors = np.linalg.eigh(a, UPLO)  # type: ignore[call-overload] # a str, checked by NumPy
    return values.astype(np.real(x).dtype, copy=False), vectors.astype(dtype, copy=False)


def _eigvalsh_rule(g: Any, x: Any, UPLO: str) -> Any:
    _, v = eigh.kernel(x, UPLO)
    return conj(np.matmul(v * np.expand_dims(g, -2), H(v)))


@op(x=_eigvalsh_rule, promote="float", samples=_SYMMETRIC)
def eigvalsh(x: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric (Hermitian) matrices, rising. Raises: ShapeError."""
    require_square("eigvalsh", x)
    values = np.linalg.eigvalsh(computed(x)[0], UPLO)  # type: ignore[call-overload] # a str, checked by NumPy
    return values.astype(np.real(x).dtype, copy=False)


numpy_function(np.linalg.eigh)(lambda a, UPLO="L": eigh(a, UPLO))
numpy_function(np.linalg.eigvalsh)(lambda a, UPLO="L": eigvalsh(a, UPLO))


def _eig_rule(g_eigenvalues: Any, g_eigenvectors: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, g = eigenvectors, np.conj(g_eigenvectors)
    eye = np.eye(eigenvalues.shape[-1], dtype=eigenvalues.dtype)
    inner = np.matmul(H(v), g)
    lengths = np.expand_dims(np.real(_diagonal(inner)), -2)
    gaps = np.expand_dims(np.conj(eigenvalues), -2) - np.expand_dims(np.conj(eigenvalues), -1)
    middle = _quotient((inner - np.matmul(H(v), v) * lengths) * (1 - eye), gaps)
    middle = middle + np.expand_dims(np.conj(g_eigenvalues), -1) * eye
    return np.conj(np.matmul(np.matmul(H(inv.kernel(v)), middle), H(v)))


@op(
    np.linalg.eig,
    x=_eig_rule,
    outputs=("eigenvalues", "eigenvectors"),
    promote="float",
    samples=square((2, 2), (3, 3), make=_apart),
)
def eig(x: Any) -> Any:
    """``(eigenvalues, eigenvectors)`` of square matrices, always complex; the vectors are columns of length 1.

    Rule after C. Boeddeker et al., "On the computation of complex-valued gradients" (2017). Raises: ShapeError.
    """
    require_square("eig", x)
    values, vectors = np.linalg.eig(computed(x)[0])
    kind = np.result_type(x.dtype, np.complex64)
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


def _eigvals_rule(g: Any, x: Any) -> Any:
    _, v = eig.kernel(x)
    return np.matmul(T(inv.kernel(v)) * np.expand_dims(g, -2), T(v))


@op(np.linalg.eigvals, x=_eigvals_rule, promote="float", samples=square((2, 2), (3, 3), make=_apart))
def eigvals(x: Any) -> Any:
    """The eigenvalues of square matrices, always complex. Raises: ShapeError."""
    require_square("eigvals", x)
    return np.linalg.eigvals(computed(x)[0]).astype(np.result_type(x.dtype, np.complex64), copy=False)
