"""The gradient of a function that is known at the points of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._operands import setting
from .._protocols import numpy_function
from ..engine.nodes import Handle
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..samples import case, reals
from .axes import along
from .casting import astype, clone
from .joining import cat
from .shapes import dims_of, normalized_dim, reshape, shape_of


def _at(dim: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    return along(dim, slice(start, stop))


def _even(x: Any, h: float, dim: int, edge_order: int) -> Any:
    """The differences along a dimension whose points are ``h`` apart."""
    per_step = 1 / h if h else float("inf")
    with np.errstate(invalid="ignore"):
        inside = (x[_at(dim, 2, None)] - x[_at(dim, None, -2)]) * (per_step / 2)
        first, last = x[_at(dim, 1, 2)] - x[_at(dim, 0, 1)], x[_at(dim, -1, None)] - x[_at(dim, -2, -1)]
        if edge_order == 2:
            first = first * 2 - (x[_at(dim, 2, 3)] - x[_at(dim, 0, 1)]) * 0.5
            last = last * 2 - (x[_at(dim, -1, None)] - x[_at(dim, -3, -2)]) * 0.5
        return np.concatenate((first * per_step, inside, last * per_step), dim)


def _even_back(g: Any, h: float, dim: int, edge_order: int) -> Any:
    """The transpose of ``_even``: each point receives what the differences around it took of it."""
    g = g * (1 / h if h else float("inf"))
    n, front, behind = g.shape[dim], g.shape[:dim], g.shape[dim + 1 :]
    first, last, middle = g[_at(dim, 0, 1)], g[_at(dim, -1, None)], g[_at(dim, 1, -1)] * 0.5
    gap = np.broadcast_to(np.zeros_like(first), (*front, 2, *behind))
    rest = np.broadcast_to(np.zeros_like(first), (*front, n - edge_order - 1, *behind))
    low, high = ((-1, 1), (-1, 1)) if edge_order == 1 else ((-1.5, 2, -0.5), (0.5, -2, 1.5))
    return (
        np.concatenate((gap, middle), dim)
        - np.concatenate((middle, gap), dim)
        + np.concatenate((*[first * weight for weight in low], rest), dim)
        + np.concatenate((rest, *[last * weight for weight in high]), dim)
    )


@op(
    x=lambda g, spacing, dim, edge_order: _even_back(g, spacing, dim, edge_order),
    jvp="linear",
    samples=[
        case(x=reals(shape=(4,)), spacing=0.5, dim=0), case(x=reals(shape=(2, 3)), spacing=2.0, dim=0),
        case(x=reals(shape=(2, 5)), spacing=-1.5, dim=1, edge_order=2),
        case(x=reals(shape=(3, 2)), spacing=1.0, dim=0, edge_order=2),
    ],
)  # fmt: skip
def differences(x: Any, spacing: float, dim: int, edge_order: int = 1) -> Any:
    """The central differences along a dimension (not negative), one-sided ones of an order at its ends."""
    return _even(x, spacing, dim, edge_order)


def _at_end(x: Any, steps: Any, dim: int, edge_order: int, way: int) -> Any:
    """The one-sided difference at the first point (``way`` 1) or the last one (-1)."""
    places = (0, 1, 2) if way == 1 else (-1, -2, -3)
    a, b = [x[_at(dim, place, place + 1 or None)] for place in places[:2]]
    near = steps[places[0]]
    if edge_order == 1:
        return (b - a) / near * way
    c = x[_at(dim, places[2], places[2] + 1 or None)]
    next_ = steps[places[1]]
    both = near + next_
    return ((b - a) * (both / (near * next_)) - (c - a) * (near / (next_ * both))) * way


def _uneven(x: Any, coordinates: Any, dim: int, edge_order: int) -> Any:
    """The differences along a dimension whose points are at ``coordinates``."""
    steps = coordinates[1:] - coordinates[:-1]
    behind = len(shape_of(x)) - dim - 1

    def aligned(part: Any) -> Any:
        return reshape(part, (-1, *[1] * behind))

    before, after = steps[:-1], steps[1:]
    both = before + after
    weights = (-after / (before * both), (after - before) / (before * after), before / (after * both))
    ends = (slice(None, -2), slice(1, -1), slice(2, None))
    parts = [x[along(dim, end)] * aligned(weight) for end, weight in zip(ends, weights, strict=True)]
    first, last = _at_end(x, steps, dim, edge_order, 1), _at_end(x, steps, dim, edge_order, -1)
    return cat((first, parts[0] + parts[1] + parts[2], last), dim)


def _tensor(value: Any) -> Any:
    return value if isinstance(value, Handle) else clone(value)


def _is_array(value: Any) -> bool:
    return bool(len(shape_of(value)))


def _dims(dim: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape and dim != ():
        raise BoundsError("gradient: a tensor without dimensions has no differences along one")
    dims = tuple([normalized_dim(d, len(shape)) for d in dims_of(dim)])
    if len(set(dims)) < len(dims):
        raise ShapeError(f"gradient: dim = {dim} names a dimension twice")
    return dims


def _spacings(spacing: Any, dims: tuple[int, ...], given: bool) -> list[Any]:
    """For each dimension the step between its points, or their coordinates."""
    if spacing is None:
        return [1.0] * len(dims)
    if isinstance(spacing, (list, tuple)):
        if len(spacing) != len(dims):
            which = f"dim names {len(dims)}" if given else f"the input has {len(dims)}"
            raise ShapeError(f"gradient: a spacing for each dimension expected, got {len(spacing)}, but {which}")
        return list(spacing)
    if not _is_array(spacing):
        return [spacing] * len(dims)
    if len(dims) == 1:
        return [spacing]
    raise ShapeError(
        f"gradient: spacing of shape {tuple(shape_of(spacing))}: give a number, or a list of numbers or of 1-d tensors "
        "of coordinates, one for each dimension"
    )


_GRIDS = [
    case(x=reals(shape=(4,)), spacing=0.5), case(x=reals(shape=(3, 4))), case(x=reals(shape=(3, 4)), edge_order=2),
    case(x=reals(shape=(2, 3)), spacing=[2, -1.5], dim=(1, 0)), case(x=reals(shape=(2, 3)), dim=-1),
    case(x=reals(shape=(4,)), spacing=[reals(shape=(4,), make=lambda a: a + np.arange(4) * 8)]),
    case(x=reals(shape=(2, 4)), spacing=[reals(shape=(4,), make=lambda a: a + np.arange(4) * 8)], dim=1, edge_order=2),
]  # fmt: skip


@composed(inputs=("x", "spacing"), samples=_GRIDS)
def gradient(x: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The partial derivatives of the function whose values on a grid are ``x``, estimated by central differences.

    Args:
        x: the values.
        spacing: the distance of neighbours (default 1), one number or one for each dimension; or for each dimension a
            1-d tensor of the coordinates of its points.
        dim: along which dimensions (default: all).
        edge_order: 1 or 2, the order of the one-sided differences at the ends.

    Returns: a tuple with a tensor like ``x`` for each dimension.

    Raises: ShapeError if there are less than ``edge_order + 1`` points along a dimension, or the spacings do not fit;
        DtypeError for bool and uint8, which have no differences; ValueError for another ``edge_order``.

    >>> import autograd
    >>> autograd.gradient(autograd.tensor([4.0, 1.0, 1.0, 16.0]), spacing=[autograd.tensor([-2.0, -1.0, 1.0, 4.0])])
    (tensor([-3., -2.,  2.,  5.]),)
    """
    if edge_order not in (1, 2):
        raise ArgumentError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    x = _tensor(x)
    shape = shape_of(x)
    dims = tuple(range(len(shape))) if dim is None else _dims(dim, tuple(shape))
    if x.dtype.kind in "bu":
        raise DtypeError(f"gradient: {x.dtype} has no negative numbers, which differences may be; use x.float()")
    out = []
    for d, step in zip(dims, _spacings(spacing, dims, dim is not None), strict=True):
        if shape[d] < edge_order + 1:
            raise ShapeError(
                f"gradient: dimension {d} of shape {tuple(shape)} has {shape[d]} points, at least {edge_order + 1} are "
                f"needed with edge_order={edge_order}"
            )
        out.append(_along(x, step, d, edge_order))
    return tuple(out)


def _along(x: Any, step: Any, dim: int, edge_order: int) -> Any:
    if x.dtype.kind == "i":
        x = astype(x, dtypes.default.dtype)
    if not _is_array(step):
        step = setting("gradient", "spacing", step)
        return differences(x, step.item() if isinstance(step, np.ndarray) else step, dim, edge_order)
    if shape_of(step) != (x.shape[dim],):
        raise ShapeError(
            f"gradient: expected coordinates of shape {(x.shape[dim],)} for dimension {dim} of {tuple(x.shape)}, got "
            f"{tuple(shape_of(step))}"
        )
    step = _tensor(step)
    return _uneven(x, astype(step, x.dtype) if step.dtype.kind in "iu" else step, dim, edge_order)


@numpy_function(np.gradient)
def _numpy_gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    if len(varargs) > 1:
        spacing: Any = varargs
    else:
        spacing = varargs[0] if varargs and not _is_array(varargs[0]) else list(varargs) or None
    f = f if hasattr(f, "dtype") else np.asarray(f)
    if f.dtype.kind in "iu":
        f = f.astype(np.float64)
    found = gradient(f, spacing=spacing, dim=axis, edge_order=edge_order)
    return found[0] if len(found) == 1 else found
