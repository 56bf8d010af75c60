"""Eigenvalues and eigenvectors. What ``decompositions`` says of shapes, phases and values that coincide holds here."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from .._operands import unwrap
from .._protocols import numpy_function
from ._matrices import H, T, computed, conj, require_square, square
from .decompositions import apart, main_diagonal, over_gaps, phase_check, svd, svdvals, unit_like
from .linear_algebra import inv, solve_


def _symmetric(a: Any) -> Any:
    """A sample's raw draw as a symmetric matrix whose eigenvalues are far apart."""
    return (a + T(a)) * 0.15 + np.eye(a.shape[-1]) * np.arange(a.shape[-1]) * 3


def _gaps(eigenvalues: Any) -> Any:
    """How far each eigenvalue (column) lies above each other one (row)."""
    return np.expand_dims(eigenvalues, -2) - np.expand_dims(eigenvalues, -1)


def _eigh_rule(g_eigenvalues: Any, g_eigenvectors: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, eye = eigenvectors, unit_like(eigenvalues)
    middle = [] if g_eigenvalues is None else [np.expand_dims(g_eigenvalues, -1) * eye]
    if g_eigenvectors is not None:
        inner = np.matmul(H(v), conj(g_eigenvectors))
        if v.dtype.kind == "c":
            phase_check.kernel(inner, v, "eigh")
        gaps = _gaps(eigenvalues)
        middle.append(over_gaps.kernel(inner * (1 - eye), gaps + eye, "eigh"))
    d = np.matmul(np.matmul(v, sum(middle)), H(v))
    return conj((d + H(d)) / 2)


def _eigh_along(t_x: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, eye = eigenvectors, unit_like(eigenvalues)
    inner = np.matmul(np.matmul(H(v), (t_x + H(t_x)) / 2), v)

    def of_vectors() -> Any:
        gaps = _gaps(eigenvalues)
        return np.matmul(v, over_gaps.kernel(inner * (1 - eye), gaps + eye, "eigh"))

    return np.real(main_diagonal(inner)), of_vectors


_SYMMETRIC = square((3, 3), (2, 2, 2), (1, 1), make=_symmetric)


@op(
    x=_eigh_rule,
    jvp=_eigh_along,
    outputs=("eigenvalues", "eigenvectors"),
    promote="float",
    samples=_SYMMETRIC + square((3, 3), make=_symmetric, UPLO="U"),
)
def eigh(x: Any, UPLO: str = "L") -> Any:
    """``(eigenvalues, eigenvectors)`` of symmetric (Hermitian) matrices: the values rise, the vectors are columns.

    Only the triangle ``UPLO`` is read; the gradient is symmetric. Raises: ShapeError.

    >>> import autograd
    >>> values, vectors = autograd.linalg.eigh(autograd.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> values
    tensor([1., 3.])
    """
    require_square("eigh", x)
    a, dtype = computed(x)
    values, vectors = np.linalg.eigh(a, UPLO)  # type: ignore[call-overload] # a str, checked by NumPy
    return values.astype(np.real(x).dtype, copy=False), vectors.astype(dtype, copy=False)


eigh.op.fills_absent = False  # vectors without gradient may coincide


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


@numpy_function(np.linalg.svd)
def _numpy_svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if not hermitian:
        return svd(a, full_matrices) if compute_uv else svdvals(a)
    if not compute_uv:
        return np.flip(np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1), -1)
    values, vectors = np.linalg.eigh(a)  # which reads one triangle, too
    sizes = np.abs(values)
    order = np.flip(np.argsort(unwrap(sizes), axis=-1), -1)
    values, sizes = (np.take_along_axis(part, order, -1) for part in (values, sizes))
    vectors = np.take_along_axis(vectors, np.expand_dims(order, -2), -1)
    signs = np.where(unwrap(values) < 0, -1, 1).astype(sizes.dtype)
    return svd.op.result([vectors, sizes, H(vectors * np.expand_dims(signs, -2))])


def _eig_rule(g_eigenvalues: Any, g_eigenvectors: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, eye = eigenvectors, unit_like(eigenvalues)
    middle = [] if g_eigenvalues is None else [np.expand_dims(np.conj(g_eigenvalues), -1) * eye]
    if g_eigenvectors is not None:
        inner = np.matmul(H(v), np.conj(g_eigenvectors))
        phase_check.kernel(inner, v, "eig")
        lengths = np.expand_dims(np.real(main_diagonal(inner)), -2)
        gaps = _gaps(np.conj(eigenvalues))
        middle.append(over_gaps.kernel((inner - np.matmul(H(v), v) * lengths) * (1 - eye), gaps + eye, "eig"))
    return np.conj(np.matmul(np.matmul(H(inv.kernel(v)), sum(middle)), H(v)))


def _eig_along(t_x: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    v, eye = eigenvectors, unit_like(eigenvalues)
    inner = solve_.kernel(v, np.matmul(t_x, v))

    def of_vectors() -> Any:
        gaps = _gaps(eigenvalues)
        moved = np.matmul(v, over_gaps.kernel(inner * (1 - eye), gaps + eye, "eig"))
        return moved - v * np.sum(np.real(np.conj(v) * moved), axis=-2, keepdims=True)  # which are of length 1

    return main_diagonal(inner), of_vectors


@op(
    np.linalg.eig,
    x=_eig_rule,
    jvp=_eig_along,
    outputs=("eigenvalues", "eigenvectors"),
    promote="float",
    samples=square((2, 2), (3, 3), make=apart),
)
def eig(x: Any) -> Any:
    """``(eigenvalues, eigenvectors)`` of square matrices, always complex; the vectors are columns of length 1.

    Rule after C. Boeddeker et al., "On the computation of complex-valued gradients" (2017). Raises: ShapeError.
    """
    require_square("eig", x)
    values, vectors = np.linalg.eig(computed(x)[0])
    kind = np.result_type(x.dtype, np.complex64)
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


eig.op.fills_absent = False  # vectors without gradient may coincide


def _eigvals_rule(g: Any, x: Any) -> Any:
    _, v = eig.kernel(x)
    return np.matmul(T(inv.kernel(v)) * np.expand_dims(g, -2), T(v))


@op(np.linalg.eigvals, x=_eigvals_rule, promote="float", samples=square((2, 2), (3, 3), make=apart))
def eigvals(x: Any) -> Any:
    """The eigenvalues of square matrices, always complex. Raises: ShapeError."""
    require_square("eigvals", x)
    return np.linalg.eigvals(computed(x)[0]).astype(np.result_type(x.dtype, np.complex64), copy=False)
