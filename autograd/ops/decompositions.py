"""Factorizations of matrices: Cholesky, QR, LU, singular values. Eigenvalues are in ``eigenvalues``.

Shape, of every op here: matrices are the last two dimensions, those before are a batch. Factors come in NumPy's order.
The rules work with conjugate transposes; ``conj`` at their ends turns them into plain transposes, as the sweep wants.

Singular and eigenvectors are determined up to sign or phase, so a loss must not depend on that: of complex vectors,
where it would show, that is a GradientError. So are vectors of singular values or eigenvalues that coincide, which have
no derivative (PyTorch's is infinite or NaN there). Derivatives of the values alone always exist; their second ones
use the vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function
from ..errors import ArgumentError, GradientError, ShapeError
from ..return_types import named_tuple
from ..samples import case, reals
from ._elimination import factorize
from ._matrices import H, T, computed, conj, positive_definite, require_square, square
from .linear_algebra import solve_triangular_


def main_diagonal(x: Any) -> Any:
    """The diagonals of matrices, along the last dimension."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def unit_like(x: Any) -> Any:
    """The unit matrix of the size of a square ``x``."""
    return np.eye(x.shape[-1], dtype=x.dtype)


@op(
    x=lambda g, gaps: g / gaps,
    gaps=lambda g, gaps, out: -g * out / gaps,
    jvp="symmetric",
    samples=case(x=reals(shape=(2, 2)), gaps=reals(1, 3, shape=(2, 2)), name="svd"),
)
def over_gaps(x: Any, gaps: Any, name: str) -> Any:
    """``x / gaps``, in the derivative of singular or eigenvectors. Raises: GradientError if a gap is 0."""
    if np.any(gaps == 0):
        raise GradientError(
            f"{name}: values coincide{' or are 0' if name == 'svd' else ''}, so their vectors, on which the loss "
            "depends, have no derivative; use the values alone, or add a small perturbation to the matrix"
        )
    return x / gaps


@op(inputs=("x",), constants=("vectors",), samples=case(x=reals(shape=(2, 2)), vectors=np.eye(2), name="svd"))
def phase_check(x: Any, vectors: Any, name: str) -> Any:
    """``x``, products of vectors with their gradients: not differentiable, and only there to raise.

    Raises: GradientError if the loss depends on the phase of complex vectors, which is arbitrary.
    """
    slope = np.abs(np.imag(main_diagonal(x)))
    free = np.any(np.imag(vectors) != 0, axis=-2)
    if np.any(np.logical_and(free, slope > 0.01 * np.max(np.abs(x), initial=1.0))):
        raise GradientError(
            f"{name}: complex vectors are determined only up to a phase, and this loss depends on it, so it has no "
            "derivative; use what does not depend on it, as magnitudes or products of a vector with its conjugate"
        )
    return x.copy()


# ---- Cholesky and QR -------------------------------------------------------------------------------------------------


def _cholesky_rule(g: Any, out: Any, upper: bool) -> Any:
    g = conj(g)
    factor, g = (H(out), H(g)) if upper else (out, g)
    inner = np.tril(np.matmul(H(factor), g)) * (1 - unit_like(factor) / 2)
    left = solve_triangular_.kernel(H(factor), inner, True)
    d = H(solve_triangular_.kernel(H(factor), H(left), True))
    return conj((d + H(d)) / 2)


def _cholesky_along(t_x: Any, out: Any, upper: bool) -> Any:
    factor = H(out) if upper else out
    half = solve_triangular_.kernel(factor, (t_x + H(t_x)) / 2, False)
    inner = solve_triangular_.kernel(factor, H(half), False)
    d = np.matmul(factor, np.tril(inner) * (1 - unit_like(factor) / 2))
    return H(d) if upper else d


@op(
    x=_cholesky_rule,
    jvp=_cholesky_along,
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
    middle = lower + H(lower) + np.real(m) * unit_like(m)
    return H(solve_triangular_.kernel(r, H(gq + np.matmul(q, middle)), True))


def _require_determined(rows: int, columns: int, mode: str) -> None:
    """Raise GradientError if Q has columns that are not determined."""
    if mode == "complete" and rows > columns:
        raise GradientError(
            f"qr: mode='complete' has no derivative for a matrix with more rows than columns ({rows} x {columns}): the "
            "further columns of Q are not determined; use mode='reduced'"
        )


def _qr_rule(g_Q: Any, g_R: Any, x: Any, Q: Any, R: Any, mode: str) -> Any:
    rows, columns = x.shape[-2:]
    _require_determined(rows, columns, mode)
    gq, gr = conj(g_Q), conj(g_R)
    if rows >= columns:
        return conj(_qr_tall(Q, R, gq, gr))
    beyond = gr[..., rows:]
    first = _qr_tall(Q, R[..., :rows], gq + np.matmul(x[..., rows:], H(beyond)), gr[..., :rows])
    return conj(np.concatenate([first, np.matmul(Q, beyond)], axis=-1))


def _qr_along(t_x: Any, Q: Any, R: Any, mode: str) -> Any:
    rows, columns = t_x.shape[-2:]
    _require_determined(rows, columns, mode)
    k = R.shape[-2]
    right = H(solve_triangular_.kernel(H(R[..., :k]), H(t_x[..., :k]), False))
    inner = np.matmul(H(Q), right)
    lower = np.tril(inner, -1)
    turn = lower - H(lower) + (inner - np.real(inner)) * unit_like(inner)  # H(Q) @ t_Q: R's diagonal stays real
    return right - np.matmul(Q, inner - turn), np.triu(np.matmul(H(Q), t_x) - np.matmul(turn, R))


def apart(a: Any) -> Any:
    """A sample's raw draw as a matrix whose singular values are far from 0 and from one another."""
    n, m = a.shape[-2:]
    return a * 0.2 + np.eye(n, m) * np.arange(2.0, 2 * m + 1, 2)


_ANY = [case(x=reals(shape=shape, make=apart)) for shape in ((3, 2), (2, 3), (2, 2), (2, 3, 2), (1, 1))]


@op(
    x=_qr_rule,
    jvp=_qr_along,
    outputs=("Q", "R"),
    promote="float",
    samples=[*_ANY, case(x=reals(shape=(2, 3), make=apart), mode="complete")],
)
def qr_(x: Any, mode: str = "reduced") -> Any:
    """``qr`` in the modes "reduced" and "complete"."""
    a, dtype = computed(x)
    q, r = np.linalg.qr(a, mode)  # type: ignore[call-overload] # a str, checked by qr
    return q.astype(dtype, copy=False), r.astype(dtype, copy=False)


@composed(samples=[*_ANY, case(x=reals(shape=(3, 2), make=apart), mode="reduced")])
def qr(x: Any, mode: str = "reduced") -> Any:
    """``(Q, R)`` with ``Q @ R = x``, the columns of ``Q`` orthonormal and ``R`` upper triangular.

    Args:
        x: matrices.
        mode: "reduced" (Q has as many columns as R rows), "complete" (Q is square; no derivative for more rows than
            columns) or "r" (Q is empty).

    Rule after S. Walter and L. Lehmann (2018), for matrices whose first columns are independent: else its derivative
    raises LinAlgError. Raises: ShapeError; ValueError for another mode.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError(f"qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    if x.ndim < 2:
        raise ShapeError(f"qr: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    found = qr_(x, "complete" if mode == "complete" else "reduced")
    return type(found)(np.reshape(found.Q[..., :0, :0], (0,)), found.R) if mode == "r" else found


@numpy_function(np.linalg.qr)
def _numpy_qr(a: Any, mode: str = "reduced") -> Any:
    return qr(a, mode).R if mode == "r" else qr(a, mode)


@composed(samples=[*_ANY])
def qr_some(x: Any, some: bool = True) -> Any:
    """``autograd.qr``, PyTorch's older form: ``(Q, R)``, of mode "reduced" (``some``) or "complete"."""
    return qr(x, "reduced" if some else "complete")


# ---- LU --------------------------------------------------------------------------------------------------------------


def _lu_rule(g_L: Any, g_U: Any, rows: Any, L: Any, U: Any) -> Any:
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
    return conj(np.matmul(_permutation(rows).astype(d.dtype), d))


def _lu_along(t_x: Any, rows: Any, L: Any, U: Any) -> Any:
    k = min(L.shape[-2], U.shape[-1])
    top, square_u = L[..., :k, :], U[..., :k]
    t = np.matmul(T(_permutation(rows).astype(t_x.dtype)), t_x)
    left = solve_triangular_.kernel(top, t[..., :k, :], False, True)
    right = H(solve_triangular_.kernel(H(square_u), H(t[..., :k]), False))
    if L.shape[-2] == k:
        inner = H(solve_triangular_.kernel(H(square_u), H(left[..., :k]), False))
        t_l = np.matmul(top, np.tril(inner, -1))
        beyond = left[..., k:] - np.matmul(np.tril(inner, -1), U[..., k:])
        return None, t_l, np.concatenate([np.matmul(np.triu(inner), square_u), beyond], axis=-1)
    inner = solve_triangular_.kernel(top, right[..., :k, :], False, True)
    beyond = right[..., k:, :] - np.matmul(L[..., k:, :], np.triu(inner))
    t_u = np.matmul(np.triu(inner), square_u)
    return None, np.concatenate([np.matmul(top, np.tril(inner, -1)), beyond], axis=-2), t_u


def _permutation(rows: Any) -> Any:
    """The matrices that bring row ``rows[i]`` to place ``i``, as bools."""
    return np.expand_dims(rows, -1) == np.arange(rows.shape[-1])


@op(x=_lu_rule, jvp=_lu_along, outputs=("rows", "L", "U"), promote="float", samples=_ANY)
def lu_(x: Any) -> Any:
    """``lu``, with the permutation as the rows of ``x`` in their new order."""
    a, dtype = computed(x)
    rows, lower, upper = factorize(a)
    return rows.astype(np.int64), lower.astype(dtype, copy=False), upper.astype(dtype, copy=False)


@composed(samples=[*_ANY])
def lu(x: Any, *, pivot: bool = True) -> Any:
    """``(P, L, U)`` with ``P @ L @ U = x``: a permutation, unit lower and upper triangular matrices.

    The derivatives of ``L`` and ``U`` need the leading square of ``U`` to be regular: else they raise LinAlgError.

    Raises: ShapeError; ValueError for ``pivot=False``, which PyTorch too has only on other devices.
    """
    if not pivot:
        raise ArgumentError("without pivoting the factors do not exist or are inexact; leave pivot=True")
    if x.ndim < 2:
        raise ShapeError(f"lu: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    rows, lower, upper = lu_(x)
    return named_tuple("lu", ("P", "L", "U"))(_permutation(rows).astype(lower.dtype), lower, upper)


# ---- singular values -------------------------------------------------------------------------------------------------


def _spread(S: Any) -> tuple[Any, ...]:
    """Singular values as a row and a column, ones on and off the diagonal, and how far apart their squares are."""
    row, column = np.expand_dims(S, -2), np.expand_dims(S, -1)
    eye = np.eye(S.shape[-1], dtype=S.dtype)
    return row, column, eye, 1 - eye, (row - column) * (row + column) + eye


def _svd_rule(g_U: Any, g_S: Any, g_Vh: Any, U: Any, S: Any, Vh: Any) -> Any:
    k = S.shape[-1]
    u, vh = U[..., :k], Vh[..., :k, :]
    row, column, eye, off, gaps = _spread(S)
    middle, phases = [], []  # between U and Vh; where a phase would show
    beyond = []  # of the rows or columns of a matrix that is not square
    if g_S is not None:
        middle.append(np.expand_dims(g_S, -1) * eye)
    if g_U is not None:
        g = conj(g_U)[..., :k]
        inner = np.matmul(H(u), g)
        skew = inner - H(inner)
        middle.append(over_gaps.kernel(skew * off, gaps, "svd") * row)
        if U.dtype.kind == "c" and g_Vh is not None:  # the phase that U and V share
            middle.append(over_gaps.kernel(skew * eye, 2 * column * eye + off, "svd"))
        if u.shape[-2] > k:
            beyond.append(np.matmul(over_gaps.kernel(g - np.matmul(u, inner), row, "svd"), vh))
        phases.append(inner)
    if g_Vh is not None:
        g = conj(g_Vh)[..., :k, :]
        inner = np.matmul(vh, H(g))
        middle.append(column * over_gaps.kernel((inner - H(inner)) * off, gaps, "svd"))
        if vh.shape[-1] > k:
            beyond.append(np.matmul(u, over_gaps.kernel(g - np.matmul(H(inner), vh), column, "svd")))
        phases.append(inner)
    if U.dtype.kind == "c" and phases:
        phase_check.kernel(sum(phases), u, "svd")
    return conj(sum(beyond, np.matmul(np.matmul(u, sum(middle)), vh)))


def _svd_along(t_x: Any, U: Any, S: Any, Vh: Any) -> Any:
    k = S.shape[-1]
    u, vh = U[..., :k], Vh[..., :k, :]
    row, column, eye, off, gaps = _spread(S)
    right, left = np.matmul(t_x, H(vh)), np.matmul(H(u), t_x)
    inner = np.matmul(H(u), right)

    def of_left() -> Any:
        turn = over_gaps.kernel((inner * row + column * H(inner)) * off, gaps, "svd")
        if U.dtype.kind == "c":  # the phase that U and V share
            turn = turn + over_gaps.kernel((inner - H(inner)) * eye, 2 * column * eye + off, "svd")
        moved = np.matmul(u, turn)
        if u.shape[-2] > k:
            moved = moved + over_gaps.kernel(right - np.matmul(u, inner), row, "svd")
        return np.concatenate([moved, np.zeros_like(U[..., k:])], axis=-1)

    def of_right() -> Any:
        turn = over_gaps.kernel((column * inner + H(inner) * row) * off, gaps, "svd")
        moved = -np.matmul(turn, vh)
        if vh.shape[-1] > k:
            moved = moved + over_gaps.kernel(left - np.matmul(inner, vh), column, "svd")
        return np.concatenate([moved, np.zeros_like(Vh[..., k:, :])], axis=-2)

    return of_left, np.real(main_diagonal(inner)), of_right


@op(
    x=_svd_rule,
    jvp=_svd_along,
    outputs=("U", "S", "Vh"),
    promote="float",
    samples=[
        case(x=reals(shape=s, make=apart), full_matrices=False) for s in ((3, 2), (2, 3), (2, 2), (2, 3, 2), (1, 1))
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

    >>> import autograd
    >>> U, S, Vh = autograd.linalg.svd(autograd.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> S
    tensor([4., 3.])
    """
    if x.ndim < 2:
        raise ShapeError(f"svd: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    a, dtype = computed(x)
    u, s, vh = np.linalg.svd(a, full_matrices)
    return u.astype(dtype, copy=False), s.astype(np.real(x).dtype, copy=False), vh.astype(dtype, copy=False)


svd.op.fills_absent = False  # vectors without gradient may coincide


@composed(samples=[case(x=reals(shape=shape, make=apart)) for shape in ((3, 2), (2, 3))])
def svd_some(x: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """``autograd.svd``, PyTorch's older form: ``(U, S, V)`` with ``V`` not transposed; ``some`` for reduced factors.

    Without ``compute_uv`` the vectors are square matrices of zeros.
    """
    u, s, vh = svd(x, compute_uv and not some)
    if not compute_uv:
        u, vh = (np.zeros_like(u, shape=(*u.shape[:-2], n, n)) for n in (u.shape[-2], vh.shape[-1]))
    return named_tuple("svd", ("U", "S", "V"))(u, s, H(vh))


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
