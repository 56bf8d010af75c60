"""What the ops on matrices share: transposes, checks, and samples of matrices that suit them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..samples import case, reals

__all__ = ["H", "T", "computed", "conj", "positive_definite", "require_square", "square", "well_conditioned"]


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


def require_square(name: str, x: Any) -> None:
    """Raise ShapeError unless ``x`` is a (batch of) square matrices."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{name}: expected square matrices (..., n, n), got shape {tuple(x.shape)}")


def computed(x: Any) -> tuple[Any, Any]:
    """``x`` in a dtype that LAPACK knows, and the dtype that results are to have."""
    if x.dtype.itemsize == 2 and x.dtype.kind in "fV":
        return x.astype(np.float32), x.dtype
    return x, x.dtype
