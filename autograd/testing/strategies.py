"""Hypothesis strategies: Tensors, memory layouts, and the arguments of an op from its ``samples``.

Two kinds of arguments. ``arguments`` draws every number from its own cell of one shuffled lattice, so that no two
numbers of a call are nearly equal and none is near a kink: good for differencing. ``edges`` draws a few numbers
many times, and the points to avoid themselves: good for ties, kinks and zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .. import dtypes
from ..engine.nodes import new_tensor
from ..samples import Case
from .drawing import MAX_DIMS, MAX_SIDE, draw_arguments, draw_edges
from .subject import Arguments, Subject

__all__ = ["LAYOUTS", "arguments", "edges", "layouts", "shapes", "tensors", "with_layout"]

# ---- layouts -------------------------------------------------------------------------------------------------


def _strided(array: Any) -> Any:
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _negative(array: Any) -> Any:
    return np.array(array[tuple(slice(None, None, -1) for _ in array.shape)])[
        tuple(slice(None, None, -1) for _ in array.shape)
    ]


def _offset(array: Any) -> Any:
    buffer = np.zeros(array.size + 3, array.dtype)
    buffer[3:] = array.reshape(-1)
    return buffer[3:].reshape(array.shape)


def _read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def _broadcast(array: Any) -> Any:
    return np.broadcast_to(array[tuple(slice(0, 1) for _ in array.shape)].copy(), array.shape)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda array: np.array(array, order="C"),
    "fortran": lambda array: np.array(array, order="F"),
    "strided": _strided,
    "negative": _negative,
    "offset": _offset,
    "read_only": _read_only,
    "broadcast": _broadcast,
}
"""For each layout a function that gives the same numbers in it ("broadcast": the first one everywhere)."""


def with_layout(array: Any, layout: str) -> Any:
    """``array``'s numbers laid out in memory as ``layout`` says (0-d and empty arrays: as they are, but copied)."""
    if not array.ndim or not array.size:
        return _read_only(array) if layout == "read_only" else array.copy()
    return LAYOUTS[layout](array)


def layouts() -> st.SearchStrategy[str]:
    """The name of a memory layout."""
    return st.sampled_from(list(LAYOUTS))


# ---- Tensors -------------------------------------------------------------------------------------------------


def shapes(min_dims: int = 0, max_dims: int = MAX_DIMS, min_side: int = 0, max_side: int = MAX_SIDE) -> Any:
    """Shapes, 0-d and empty ones included."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def tensors(
    dtype: Any = None,
    shape: Any = None,
    *,
    elements: st.SearchStrategy[Any] | None = None,
    layout: str | st.SearchStrategy[str] | None = None,
    requires_grad: bool = False,
) -> st.SearchStrategy[Any]:
    """Tensors.

    Args:
        dtype: of the elements (default: the default floating dtype).
        shape: a tuple, or a strategy of tuples (default: ``shapes()``).
        elements: of the elements (default: those of -1000 to 1000, repeats and zeros included).
        layout: of the memory, a name in ``LAYOUTS`` or a strategy of names (default: any).
        requires_grad: as for ``autograd.tensor``.

    >>> from hypothesis import given
    >>> from autograd.testing.strategies import tensors
    >>> @given(tensors("float64", (2, 3), requires_grad=True))
    ... def test_sum(x): assert x.sum().shape == ()
    >>> test_sum()
    """
    dtype = dtypes.or_default(dtype)
    if elements is None:
        width = 8 * dtype.itemsize
        if dtype.kind == "f":
            elements = st.floats(-1000, 1000, width=width)
        elif dtype.kind == "c":
            elements = st.complex_numbers(max_magnitude=1000, width=width)
        elif dtype.kind == "i":
            elements = st.integers(-100, 100)
        elif dtype.kind == "u":
            elements = st.integers(0, 200)
    arrays = hnp.arrays(dtype, shapes() if shape is None else shape, elements=elements)
    if layout is None or isinstance(layout, st.SearchStrategy):
        arrays = st.builds(with_layout, arrays, layouts() if layout is None else layout)
    else:
        arrays = arrays.map(lambda array: with_layout(array, layout))

    def tensor(array: Any) -> Any:
        made = new_tensor(array)
        return made.requires_grad_() if requires_grad else made

    return arrays.map(tensor)


# ---- arguments of an op --------------------------------------------------------------------------------------


def arguments(op: Any, case: Case | None = None, shape: tuple[int, ...] | None = None) -> Any:
    """Calls of an op (a strategy of ``Arguments``) with numbers that are spaced, for tests of derivatives.

    Args:
        op: what ``autograd.op`` or ``autograd.composed`` made.
        case: one of its cases (default: any).
        shape: of the arrays whose shape is free (default: any that broadcast together).
    """
    return _drawn(op, case, shape, draw_arguments)


def edges(op: Any, case: Case | None = None, shape: tuple[int, ...] | None = None) -> Any:
    """Calls of an op with few different numbers, each repeated, for tests of ties; arguments as for ``arguments``."""
    return _drawn(op, case, shape, draw_edges)


def _drawn(op: Any, case: Case | None, shape: tuple[int, ...] | None, draw: Callable[..., Arguments]) -> Any:
    subject = op if isinstance(op, Subject) else Subject(op)
    if case is None:
        return st.sampled_from(subject.cases).flatmap(lambda chosen: _drawn(subject, chosen, shape, draw))
    slots = subject.slots(case)
    if case.free and slots and shape is None:
        broadcastable = hnp.mutually_broadcastable_shapes(
            num_shapes=len(slots), min_side=1, max_side=MAX_SIDE, max_dims=MAX_DIMS
        )
        found: Any = broadcastable.map(lambda drawn: drawn.input_shapes)
    else:
        found = st.just([shape or ()] * len(slots))

    def build(shapes: Sequence[Any], seed: int) -> Arguments:
        fixed = [slot.domain.shape for slot in slots]
        chosen = [free if known is None else known for free, known in zip(shapes, fixed, strict=True)]
        return draw(subject, case, slots, chosen, seed)

    return st.builds(build, found, st.integers(0, 2**32 - 1))
