"""Indexing: taking, gathering, scattering and assigning elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inplace import check_writable, recorded_write
from .._op import op, unwrap
from ..engine.nodes import Handle, array_of
from ..errors import ShapeError
from ..samples import case, reals

_INDICES: list[tuple[tuple[int, ...], Any]] = [
    ((4,), 1),
    ((4,), slice(None, None, -2)),
    ((3, 4), (slice(1, None), slice(None, None, 2))),
    ((3, 4), (Ellipsis, None, 0)),
    ((3, 4), [2, 0, 2]),
    ((3, 4), ([0, 2, 0], [1, 3, 1])),
    ((2, 3, 4), (slice(None), [0, 2], slice(1, 3))),
    ((2, 3), [[True, False, True], [False, True, True]]),
    ((0, 3), slice(None)),
]
_AS_ARRAYS = [
    (shape, tuple(np.array(i) if isinstance(i, list) else i for i in index) if isinstance(index, tuple)
     else np.array(index) if isinstance(index, list) else index)
    for shape, index in _INDICES
]  # fmt: skip


def _is_basic(index: Any) -> bool:
    """Whether ``index`` selects every element at most once by its form alone (ints, slices, None, Ellipsis)."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool)
        for part in parts
    )


@op(
    x=lambda g, index, x_shape: scatter_index.kernel(g, index, x_shape),
    view=True,
    constants=("index",),
    samples=[case(x=reals(shape=shape), index=index) for shape, index in _AS_ARRAYS],
)
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``, in every form that NumPy knows: ints, slices, None, Ellipsis, masks, integer arrays, mixed.

    Basic indices give a view, the others a copy. Repeated indices accumulate in the gradient.

    Raises: IndexError.
    """
    return x[index]


@op(
    x=lambda g, index: getitem.kernel(g, index),
    constants=("index",),
    samples=[case(x=reals(shape=np.empty(shape)[index].shape), index=index, shape=shape) for shape, index in _AS_ARRAYS],
)
def scatter_index(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``x`` added at ``index``: the transpose of ``getitem``."""
    out = np.zeros(shape, x.dtype, like=np.asanyarray(x))
    if _is_basic(index):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


def _winners(index: Any, shape: tuple[int, ...]) -> Any:
    """Which of the values written at ``index`` stay: all, but where an index is repeated only the last."""
    if _is_basic(index):
        return np.True_
    places = np.zeros(shape, np.int64)
    numbers = np.arange(places[index].size).reshape(places[index].shape)
    places[index] = numbers
    return places[index] == numbers


@op(
    x=lambda g, index: with_item.kernel(g, 0.0, index),
    y=lambda g, index, x_shape: np.where(_winners(index, x_shape), getitem.kernel(g, index), 0),
    constants=("index",),
    samples=[
        case(x=reals(shape=shape), y=reals(shape=np.empty(shape)[index].shape), index=index)
        for shape, index in _AS_ARRAYS
    ],
)
def with_item(x: Any, y: Any, index: Any) -> Any:
    """A copy of ``x`` in which ``x[index] = y`` was done (``y`` broadcasts to the place)."""
    out = np.array(x, subok=True)
    out[index] = y
    return out


def setitem(x: Any, index: Any, value: Any) -> None:
    """``x[index] = value``, recorded: gradients flow to ``value``, and to ``x`` outside the index.

    Raises: IndexError; ShapeError if ``value`` does not broadcast to the place; MutationError if ``x`` must not be
    overwritten now. ``x`` is then unchanged.
    """
    check_writable(x, "item assignment")
    index = unwrap(index)
    array, source = array_of(x), unwrap(value)
    try:
        array[index] = source
    except ValueError as error:
        raise ShapeError(
            f"item assignment: a value of shape {np.shape(source)} does not broadcast to the place x[index] of shape "
            f"{array[index].shape} ({error})"
        ) from None
    recorded_write(x, with_item.op, (x, value), (array, source, index))
