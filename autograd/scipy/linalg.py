"""Linear algebra that is differentiated: the names of ``scipy.linalg``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import linalg as _torch
from ..engine.nodes import Handle
from ..errors import ArgumentError, NotDifferentiableError, ShapeError
from ..ops.joining import block_diag as _block_diag_of_tensors
from ..ops.linear_algebra import solve_triangular_ as _substituted
from . import _linalg_ops as _ops
from ._mirrors import mirror

# ---- with SciPy's arguments ------------------------------------------------------------------------------------------


def _refuse(name: str, **given: bool) -> None:
    for setting, unusual in given.items():
        if unusual:
            raise NotDifferentiableError(f"scipy.linalg.{name}: there is no derivative for this {setting}")


def _sqrtm(A: Any, disp: bool = True, blocksize: int = 64) -> Any:
    _refuse("sqrtm", disp=not disp)
    return _ops.sqrtm(A)


def _solve_banded(l_and_u: Any, ab: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
    if np.ndim(ab) != 2 or np.ndim(b) > 2:
        raise ShapeError(f"solve_banded: expected the bands of one matrix, got shapes {np.shape(ab)}, {np.shape(b)}")
    return _ops.solve_banded((int(l_and_u[0]), int(l_and_u[1])), ab, b)


def _solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    if not np.ndim(a) == np.ndim(b) == np.ndim(q) == 2:
        raise ShapeError(f"solve_sylvester: expected three matrices, got {np.shape(a)}, {np.shape(b)}, {np.shape(q)}")
    return _ops.solve_sylvester(a, b, q)


def _solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, *args: Any, **kwargs: Any
) -> Any:
    if trans in (1, "T", 2, "C"):
        a = np.swapaxes(a if trans in (1, "T") else np.conj(a), -1, -2)
        lower = not lower
    vector = np.ndim(b) == 1
    result = _substituted(a, b[:, None] if vector else b, not lower, unit_diagonal)
    return result[..., 0] if vector else result


def _solve(
    a: Any,
    b: Any,
    lower: bool = False,
    *args: Any,
    assume_a: str | None = None,
    transposed: bool = False,
    **kwargs: Any,
) -> Any:
    a = _as_read(a, assume_a, lower)
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def _inv(a: Any, *args: Any, assume_a: str | None = None, lower: bool = False, **kwargs: Any) -> Any:
    return np.linalg.inv(_as_read(a, assume_a, lower))


_SYMMETRIC = {"sym", "symmetric"}
_HERMITIAN = {"her", "hermitian", "pos", "positive definite"}
_GENERAL = {None, "gen", "general", "banded"}


def _as_read(a: Any, structure: str | None, lower: bool) -> Any:
    """The matrix of which SciPy reads only a part of ``a``, if it is told what matrix it is."""
    a = a if isinstance(a, Handle) else np.asarray(a)
    if structure in _GENERAL:
        return a
    if structure == "diagonal":
        return a * np.eye(a.shape[-1])
    if structure == "tridiagonal":
        return np.triu(np.tril(a, 1), -1)
    if structure in ("lower triangular", "upper triangular"):
        return np.tril(a) if structure == "lower triangular" else np.triu(a)
    if structure not in _SYMMETRIC | _HERMITIAN:
        raise ArgumentError(f"assume_a = {structure!r} is no structure that scipy.linalg knows")
    part = np.tril(a, -1) if lower else np.triu(a, 1)
    rest, diagonal = np.swapaxes(part, -1, -2), a * np.eye(a.shape[-1])
    return part + diagonal + rest if structure in _SYMMETRIC else part + np.real(diagonal) + np.conj(rest)


def _det(a: Any, *args: Any, **kwargs: Any) -> Any:
    return np.linalg.det(a)


def _pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    _refuse("pinv", return_rank=return_rank)
    return _torch.pinv(a, rtol=rtol, atol=atol)


def _cholesky(a: Any, lower: bool = False, *args: Any, **kwargs: Any) -> Any:
    if lower:
        return np.linalg.cholesky(a)  # which reads the lower triangle
    return np.conj(np.swapaxes(np.linalg.cholesky(np.conj(np.swapaxes(a, -1, -2))), -1, -2))


def _norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
    return np.linalg.norm(a, ord, axis, keepdims)


def _expm(A: Any) -> Any:
    return _torch.matrix_exp(A)


def _block_diag(*arrs: Any) -> Any:
    return _block_diag_of_tensors(*[a if isinstance(a, Handle) else np.asarray(a) for a in arrs])


_OWN: dict[str, Callable[..., Any]] = {
    "block_diag": _block_diag, "cholesky": _cholesky, "det": _det, "expm": _expm, "inv": _inv, "norm": _norm,
    "pinv": _pinv, "solve": _solve, "solve_banded": _solve_banded, "solve_sylvester": _solve_sylvester,
    "solve_triangular": _solve_triangular, "sqrtm": _sqrtm,
}  # fmt: skip
__getattr__, __dir__ = mirror("scipy.linalg", _OWN, globals())
