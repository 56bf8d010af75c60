"""Limits on norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from .norms import norm
from .selection import where
from .shapes import normalized_dim, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 3)), p=2, dim=0, maxnorm=1.0), case(x=reals(shape=(3, 2)), p=1, dim=-1, maxnorm=2.5),
    case(x=reals(shape=(2, 2, 2)), p=3, dim=1, maxnorm=100.0),
    case(x=reals(shape=(2, 3)), p=float("inf"), dim=0, maxnorm=0.5),
])  # fmt: skip
def renorm(x: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """``x`` with each of its slices along ``dim`` whose ``p``-norm exceeds ``maxnorm`` scaled down to that norm.

    Raises: ShapeError for less than two dimensions; ValueError unless ``p`` is positive and ``maxnorm`` not negative.
    """
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"renorm: needs slices, so at least 2 dimensions, got shape {tuple(shape)}")
    if not p > 0 or not maxnorm >= 0:
        raise ArgumentError(f"renorm: p must be positive and maxnorm not negative, got p={p} and maxnorm={maxnorm}")
    place = normalized_dim(dim, len(shape))
    if 0 in shape:
        return x * 1
    size = norm(x, p, tuple([d for d in range(len(shape)) if d != place]), keepdim=True)
    with np.errstate(invalid="ignore"):  # inf in x
        return x * where(size > maxnorm, maxnorm / (size + 1e-7), np.ones((), size.dtype))
