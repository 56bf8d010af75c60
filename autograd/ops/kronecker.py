"""Kronecker products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function, of_arrays
from ..samples import case, reals
from . import arithmetic

if TYPE_CHECKING:
    from .._tensor import Tensor

_WIDE = 8
"""Blocks of so many rows and columns are multiplied one by one faster than all of them as one matrix."""


def _blocks(g: Any, x: tuple[int, ...], y: tuple[int, ...]) -> Any:
    """A product taken apart: the rows of ``x``, of ``y``, the columns of ``x``, of ``y``."""
    return np.reshape(g, (x[0], y[0], x[1], y[1]))


def _first_rule(g: Any, x_shape: tuple[int, ...], y: Any) -> Any:
    g = _blocks(g, x_shape, y.shape)
    if min(x_shape[1], y.shape[1]) < _WIDE:
        return np.tensordot(g, y, ([1, 3], [0, 1]))
    return np.sum(np.matmul(g, np.expand_dims(y, -1))[..., 0], axis=1)


def _second_rule(g: Any, x: Any, y_shape: tuple[int, ...]) -> Any:
    g = _blocks(g, x.shape, y_shape)
    if min(x.shape[1], y_shape[1]) < _WIDE:
        return np.tensordot(g, x, ([0, 2], [0, 1]))
    return np.sum(np.matmul(np.expand_dims(x, (1, 2)), g)[..., 0, :], axis=0)


@op(
    x=_first_rule,
    y=_second_rule,
    promote="common",
    jvp="multilinear",
    samples=[
        case(x=reals(shape=a), y=reals(shape=b))
        for a, b in (((2, 2), (1, 3)), ((1, 8), (2, 8)), ((3, 1), (2, 2)), ((0, 2), (2, 2)), ((2, 9), (1, 8)))
    ],
)
def kron_of_matrices(x: Any, y: Any) -> Any:
    """``kron`` of two matrices."""
    product = np.expand_dims(x, (1, 3)) * np.expand_dims(y, (0, 2))
    return np.reshape(product, (x.shape[0] * y.shape[0], x.shape[1] * y.shape[1]))


@composed(samples=[
    case(x=reals(shape=(2, 2)), y=reals(shape=(1, 3))), case(x=reals(shape=(2,)), y=reals(shape=(2, 2))),
    case(x=reals(shape=()), y=reals(shape=(2,))),
])  # fmt: skip
def kron(x: Any, y: Any) -> Tensor:
    """The Kronecker product: ``y`` in blocks, times each element of ``x``."""
    if x.ndim == y.ndim == 2:
        return kron_of_matrices(x, y)
    rank = max(x.ndim, y.ndim)
    left, right = (1,) * (rank - x.ndim) + tuple(x.shape), (1,) * (rank - y.ndim) + tuple(y.shape)
    apart = [size for a in left for size in (a, 1)], [size for b in right for size in (1, b)]
    product = arithmetic.mul(np.reshape(x, apart[0]), np.reshape(y, apart[1]))
    found: Any = np.reshape(product, [a * b for a, b in zip(left, right, strict=True)])
    return found


numpy_function(np.kron)(of_arrays(kron))
