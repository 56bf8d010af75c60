"""LU factors to be kept and used again; and inverses, solutions and factors with which singular matrices do not raise.

What was found of a matrix is its ``info``, as LAPACK's: 0, or the number from 1 on of the column where it broke off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.foreign import bare, require_plain
from ..errors import ArgumentError, LinAlgError, ShapeError
from ..return_types import named_tuple
from ..samples import case, integers, reals
from ._foreign import foreign
from ._matrices import H, computed, positive_definite, require_square, square, well_conditioned
from .decompositions import apart, cholesky, lu_
from .linear_algebra import inv, is_vector, solve, solve_triangular_

if TYPE_CHECKING:
    from .._tensor import Tensor

_SYSTEM = {"x": reals(shape=(2, 2), make=well_conditioned), "y": reals(shape=(2, 3))}

# ---- where a decomposition breaks off --------------------------------------------------------------------------------


def _each_place(a: Any, decompose: Callable[[Any], Any], place: Callable[[Any], int]) -> Any:
    """For each matrix 0, or ``place`` of it if ``decompose`` raises."""
    found = np.zeros(a.shape[:-2], np.int32)
    try:
        decompose(a)
    except np.linalg.LinAlgError:
        for i in np.ndindex(a.shape[:-2]):
            try:
                decompose(a[i])
            except np.linalg.LinAlgError:
                found[i] = place(a[i])
    return found


def _first_zero(a: Any) -> int:
    """The first pivot of a singular matrix that is 0."""
    zeros = np.flatnonzero(np.diagonal(lu_.op.forward(a)[2]) == 0)
    return int(zeros[0]) + 1 if zeros.size else len(a)


def _definite(a: Any) -> Any:
    factors = np.linalg.cholesky(a)
    if np.isnan(factors).any():  # which NumPy lets pass
        raise np.linalg.LinAlgError
    return factors


def _first_minor(a: Any) -> int:
    """The order of the first leading minor that is not positive."""
    for n in range(1, len(a)):
        try:
            _definite(a[:n, :n])
        except np.linalg.LinAlgError:
            return n
    return len(a)


@foreign
def _singular(a: Any) -> Any:
    return _each_place(a, np.linalg.inv, _first_zero)


@foreign
def _indefinite(a: Any) -> Any:
    return _each_place(a, _definite, _first_minor)


@op(samples=square((3, 3), (2, 2, 2), (0, 2, 2)))
def singular_info(x: Any) -> Any:
    """For each square matrix 0, or if it is singular the first pivot that is 0."""
    require_plain(x)
    return _singular(computed(x)[0])


@op(samples=square((3, 3), (2, 2, 2), make=positive_definite))
def indefinite_info(x: Any) -> Any:
    """For each matrix 0, or if it is not positive definite the order of the first leading minor that is not."""
    require_plain(x)
    return _indefinite(computed(x)[0])


def replaced(x: Any, info: Any) -> tuple[Any, Any]:
    """Which matrices broke off, (..., 1, 1), and ``x`` with unit matrices in their places."""
    bad = np.expand_dims(info != 0, (-1, -2))
    return bad, np.where(bad, np.eye(x.shape[-1], dtype=x.dtype), x)


def _require_none(name: str, info: Any, what: str) -> None:
    """Raise LinAlgError if a matrix broke off."""
    found = np.ravel(bare(info._data if hasattr(info, "_data") else info))
    if found.any():
        number = int(np.flatnonzero(found)[0])
        raise LinAlgError(f"{name}: matrix {number} of {found.size} is {what} (info {found[number]})")


@composed(samples=square((3, 3), (2, 2, 2)))
def inv_ex(x: Any, *, check_errors: bool = False) -> Any:
    """``(inverse, info)``: the inverses of square matrices, NaN for those that are singular.

    Shapes: (..., n, n), (...); ``info`` is int32: 0, or for a singular matrix the number of the first pivot that is 0.
    With ``check_errors`` they raise LinAlgError. Raises: ShapeError.
    """
    require_square("inv_ex", x)
    info = singular_info(x)
    if check_errors:
        _require_none("inv_ex", info, "singular")
    bad, regular = replaced(x, info)
    return named_tuple("inv_ex", ("inverse", "info"))(np.where(bad, np.nan, inv(regular)), info)


@composed(samples=[case(**_SYSTEM), case(x=_SYSTEM["x"], y=reals(shape=(3, 2)), left=False)])
def solve_ex(x: Any, y: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """``(result, info)``: the solution of ``x @ result = y`` as ``solve`` has it, NaN where ``x`` is singular.

    ``info`` is that of ``inv_ex``. With ``check_errors`` singular matrices raise LinAlgError. Raises: ShapeError.
    """
    require_square("solve_ex", x)
    info = singular_info(x)
    if check_errors:
        _require_none("solve_ex", info, "singular")
    bad, regular = replaced(x, info)
    found = solve(regular, y, left=left)
    bad = bad[..., 0] if left and is_vector(x, y) else bad
    return named_tuple("solve_ex", ("result", "info"))(np.where(bad, np.nan, found), info)


@composed(samples=square((3, 3), (2, 2, 2), make=positive_definite)
                  + square((2, 2), make=positive_definite, upper=True))  # fmt: skip
def cholesky_ex(x: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """``(L, info)``: Cholesky factors, NaN for matrices that are not positive definite.

    ``info`` is int32: 0, or the order of the first leading minor that is not positive. With ``check_errors`` such
    matrices raise LinAlgError. Raises: ShapeError.
    """
    require_square("cholesky_ex", x)
    info = indefinite_info(H(x) if upper else x)
    if check_errors:
        _require_none("cholesky_ex", info, "not positive definite")
    bad, definite = replaced(x, info)
    factors = cholesky(definite, upper)
    triangle = (np.triu if upper else np.tril)(np.ones(tuple(x.shape[-2:]), bool))
    return named_tuple("cholesky_ex", ("L", "info"))(np.where(bad & triangle, np.nan, factors), info)


# ---- LU factors ------------------------------------------------------------------------------------------------------


def _swapped(rows: Any, i: int, j: Any) -> Any:
    """The numbers ``rows`` with those at the places ``i`` and ``j`` (one for each line) swapped."""
    places, there = np.arange(rows.shape[-1]), np.expand_dims(j, -1)
    other = np.take_along_axis(rows, there, -1)
    return np.where(places == i, other, np.where(places == there, rows[..., i : i + 1], rows))


@op(samples=[case(x=integers(0, 2, shape=(3,)), count=2), case(x=integers(0, 1, shape=(2, 2)), count=2)])
def pivots_of_rows(x: Any, count: int) -> Any:
    """From where each row of the product comes to LAPACK's pivots: with which row, from 1 on, the i-th was swapped."""
    require_plain(x)
    order = np.argsort(x, -1, kind="stable")
    rows, pivots = np.broadcast_to(np.arange(x.shape[-1]), x.shape), np.zeros((*x.shape[:-1], count), np.int32, like=x)
    for i in range(count):
        j = np.argmax(rows == order[..., i : i + 1], -1)
        pivots[..., i] = j + 1
        rows = _swapped(rows, i, j)
    return pivots


@op(samples=[case(x=integers(1, 3, shape=(2,)), count=3), case(x=integers(1, 2, shape=(3, 2)), count=2)])
def rows_of_pivots(x: Any, count: int) -> Any:
    """The numbers of ``count`` rows in the order into which pivots bring them."""
    require_plain(x)
    rows = np.broadcast_to(np.arange(count), (*x.shape[:-1], count))
    for i in range(x.shape[-1]):
        rows = _swapped(rows, i, x[..., i].astype(np.int64) - 1)
    return np.array(rows, subok=True)


def _packed(L: Any, U: Any) -> Any:
    """Both factors in one matrix, without the diagonal of ``L``."""
    lower, k = np.tril(L, -1), U.shape[-2]
    if L.shape[-2] > k:
        return np.concatenate([lower[..., :k, :] + U, lower[..., k:, :]], -2)
    return np.concatenate([lower + U[..., :k], U[..., k:]], -1) if U.shape[-1] > k else lower + U


@composed(samples=[case(x=reals(shape=shape, make=apart)) for shape in ((3, 2), (2, 3), (2, 2, 2))])
def lu_factor_ex(x: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """``(LU, pivots, info)``: LU factors with partial pivoting in one matrix, as LAPACK has them.

    Shapes: (..., n, m), (..., k), (...), ``k`` the smaller of ``n`` and ``m``. ``pivots`` (int32) say with which row,
    from 1 on, each was swapped; ``info`` (int32) is 0, or the number of the first pivot that is 0, which with
    ``check_errors`` raises LinAlgError. The derivative needs regular matrices. Raises: ShapeError; ValueError for
    ``pivot=False``, which PyTorch too has only on other devices.
    """
    if not pivot:
        raise ArgumentError("lu_factor: without pivoting the factors do not exist or are inexact; leave pivot=True")
    if x.ndim < 2:
        raise ShapeError(f"lu_factor: expected matrices (..., n, m), got shape {tuple(x.shape)}")
    rows, lower, upper = lu_(x)
    zero = np.diagonal(upper, axis1=-2, axis2=-1) == 0
    k = zero.shape[-1]
    first = np.argmax(zero, -1) + 1 if k else np.zeros(tuple(zero.shape[:-1]), np.int64)
    info = (first * np.any(zero, -1)).astype(np.int32)
    if check_errors:
        _require_none("lu_factor", info, "singular: a pivot is 0, by which lu_solve would divide; see lu_factor_ex")
    return named_tuple("lu_factor_ex", ("LU", "pivots", "info"))(_packed(lower, upper), pivots_of_rows(rows, k), info)


@composed(samples=[case(x=reals(shape=shape, make=apart)) for shape in ((3, 2), (2, 3), (2, 2, 2))])
def lu_factor(x: Any, *, pivot: bool = True) -> Any:
    """``(LU, pivots)``: LU factors with partial pivoting in one matrix, for ``lu_solve``; see ``lu_factor_ex``.

    Raises: ShapeError; LinAlgError if a pivot is 0; ValueError for ``pivot=False``.

    >>> import autograd
    >>> a, b = autograd.tensor([[1.0, 2.0], [4.0, 2.0]]), autograd.tensor([[3.0], [6.0]])
    >>> LU, pivots = autograd.linalg.lu_factor(a)
    >>> pivots
    tensor([2, 2], dtype=int32)
    >>> autograd.linalg.lu_solve(LU, pivots, b)
    tensor([[1.],
            [1.]])
    """
    LU, pivots, _ = lu_factor_ex(x, pivot=pivot, check_errors=True)
    return named_tuple("lu_factor", ("LU", "pivots"))(LU, pivots)


def _in_order(y: Any, rows: Any, lead: tuple[int, ...]) -> Any:
    """The rows of matrices in another order; for leading dimensions that broadcast to ``lead``."""
    y = np.broadcast_to(y, (*lead, *tuple(y.shape)[-2:]))
    return np.take_along_axis(y, np.broadcast_to(np.expand_dims(rows, -1), (*lead, rows.shape[-1], 1)), -2)


@composed(inputs=("LU", "B"), samples=[
    case(LU=reals(shape=(2, 2), make=well_conditioned), pivots=np.array([2, 2], np.int32), B=reals(shape=(2, 3))),
    case(LU=reals(shape=(2, 2), make=well_conditioned), pivots=np.array([2, 2], np.int32), B=reals(shape=(2, 2, 1)),
         adjoint=True),
    case(LU=reals(shape=(2, 2), make=well_conditioned), pivots=np.array([2, 2], np.int32), B=reals(shape=(3, 2)),
         left=False),
])  # fmt: skip
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """The solution of ``A @ out = B``, where ``lu_factor`` made ``LU`` and ``pivots`` of ``A``.

    Args:
        LU, pivots: (..., n, n) and (..., n).
        B: matrices; the leading dimensions broadcast.
        left: False for ``out @ A = B``; adjoint: with ``A.mH`` in place of ``A``.

    Raises: ShapeError; LinAlgError if a pivot is 0.
    """
    require_square("lu_solve", LU)
    if B.ndim < 2 or LU.shape[-1] != B.shape[-2 if left else -1]:
        raise ShapeError(f"lu_solve: factors of shape {tuple(LU.shape)} do not fit {'B' if left else 'B.mT'} of shape "
                         f"{tuple(B.shape)}")  # fmt: skip
    if tuple(pivots.shape) != tuple(LU.shape)[:-1]:
        raise ShapeError(f"lu_solve: pivots of shape {tuple(pivots.shape)} do not fit LU of shape {tuple(LU.shape)}")
    if not left:
        return H(lu_solve(LU, pivots, H(B), adjoint=not adjoint))
    rows = rows_of_pivots(pivots, LU.shape[-1])
    lead = np.broadcast_shapes(tuple(LU.shape)[:-2], tuple(B.shape)[:-2])
    if not adjoint:
        return solve_triangular_(LU, solve_triangular_(LU, _in_order(B, rows, lead), False, True), True)
    found = solve_triangular_(H(LU), solve_triangular_(H(LU), B, False), True, True)
    return _in_order(found, np.argsort(rows, -1), lead)


@composed(inputs=("LU",), samples=[
    case(LU=reals(shape=shape), pivots=np.array([2, 2], np.int32)) for shape in ((2, 2), (2, 3), (3, 2))
])  # fmt: skip
def lu_unpack(LU: Any, pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """``(P, L, U)`` of what ``lu_factor`` returned, with ``P @ L @ U`` the matrix; what is not unpacked is empty.

    Raises: ShapeError.
    """
    if LU.ndim < 2 or pivots.shape[-1] != min(tuple(LU.shape)[-2:]):
        raise ShapeError(f"lu_unpack: pivots of shape {tuple(pivots.shape)} do not fit LU of shape {tuple(LU.shape)}")
    n, k = LU.shape[-2], pivots.shape[-1]
    nothing = np.reshape(LU, -1)[:0]
    P, L, U = nothing, nothing, nothing
    if unpack_pivots:
        rows = np.argsort(rows_of_pivots(pivots, n), -1)
        one = np.ones_like(LU[..., :1, :1]) if LU.size else LU
        P = np.where(np.expand_dims(rows, -1) == np.arange(n), one, 0 * one)
    if unpack_data:
        L, U = np.tril(LU[..., :k], -1) + np.eye(n, k, dtype=LU.dtype), np.triu(LU[..., :k, :])
    return named_tuple("lu_unpack", ("P", "L", "U"))(P, L, U)
