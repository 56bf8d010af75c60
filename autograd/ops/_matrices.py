"""What the ops on matrices share: transposes, checks, and samples of matrices that suit them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..samples import case, reals
from ._foreign import foreign

__all__ = [
    "H", "T", "computed", "conj", "integer_product", "positive_definite", "require_square", "spread_beside",
    "square", "well_conditioned",
]  # fmt: skip


def well_conditioned(a: Any) -> Any:
    """A sample's raw draw as a matrix far from singular."""
    n = a.shape[-1]
    return a * 0.3 + np.eye(n) * 2


def positive_definite(a: Any) -> Any:
    """A sample's raw draw as a symmetric positive definite matrix."""
    n = a.shape[-1]
    return np.matmul(a, np.swapaxes(a, -1, -2)) * 0.3 + np.eye(n)


def square(*shapes: tuple[int, ...], make: Any = well_conditioned, **arguments: Any) -> list[Any]:
    """Samples of a single square matrix."""
    return [case(x=reals(shape=shape, make=make), **arguments) for shape in shapes]


def T(x: Any) -> Any:
    """The transpose of the matrices."""
    return np.swapaxes(x, -1, -2)


def H(x: Any) -> Any:
    """The conjugate transpose of the matrices."""
    return np.conj(np.swapaxes(x, -1, -2)) if x.dtype.kind == "c" else np.swapaxes(x, -1, -2)


def conj(x: Any) -> Any:
    """The conjugate; a real array itself."""
    return np.conj(x) if x.dtype.kind == "c" else x


def spread_beside(x: Any, shape: tuple[int, ...]) -> Any:
    """``x`` as often as it is met in broadcasting with an array of ``shape``."""
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), shape))


def require_square(name: str, x: Any) -> None:
    """Raise ShapeError unless ``x`` is a (batch of) square matrices."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{name}: expected square matrices (..., n, n), got shape {tuple(x.shape)}")


_LONG, _WORK = 1 << 12, 1 << 14
"""From so many elements of vectors, and so many multiplications of matrices, on NumPy's own loop is the slower one."""


@foreign
def integer_product(x: Any, y: Any) -> Any:
    """``np.matmul`` of integers or bools of one dtype, of which NumPy multiplies large ones element by element.

    Where no sum can exceed what a float holds exactly, BLAS multiplies them as floats, a hundred times as fast.
    """
    plain = type(x) is np.ndarray and type(y) is np.ndarray and x.ndim and y.ndim
    if not plain or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        return np.matmul(x, y)
    if x.ndim == 1 or y.ndim == 1:
        if max(x.size, y.size) < _LONG:
            return np.matmul(x, y)
        return np.einsum("...k,k" if y.ndim == 1 else "k,...km", x, y)
    if min(x.size, y.size) == 0 or max(x.size * y.shape[-1], y.size * x.shape[-2]) < _WORK:
        return np.matmul(x, y)
    bound = x.shape[-1] * _largest(x) * _largest(y)
    if bound >= 1 << 53:
        return np.matmul(x, y)
    dtype = np.float32 if bound < 1 << 24 else np.float64
    found = np.matmul(x.astype(dtype), y.astype(dtype))
    if x.dtype == np.bool_:
        return found != 0
    return found.astype(np.int64).astype(x.dtype, copy=False)  # a smaller integer takes the last digits, as of a sum


def _largest(x: Any) -> int:
    """The largest absolute value of integers."""
    return max(int(np.max(x)), -int(np.min(x)))


def computed(x: Any) -> tuple[Any, Any]:
    """``x`` in a dtype that LAPACK knows, and the dtype that results are to have."""
    if x.dtype.itemsize == 2 and x.dtype.kind in "fV":
        return x.astype(np.float32), x.dtype
    return x, x.dtype
