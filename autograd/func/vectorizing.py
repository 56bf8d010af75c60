"""``vmap``: a function of one example becomes one of a batch, without a loop."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._operands import unwrap
from ..engine.foreign import ForeignArray
from ..engine.mutation import clock
from ..engine.nodes import Handle
from ..engine.views import node_of, rebase
from ..errors import ArgumentError, BoundsError
from ..generator import default_generator
from . import (
    batching_indices,
    batching_losses,
    batching_products,
    batching_reductions,
    batching_shapes,
    batching_whole,
)
from .batching_ops import Batch
from .pytrees import Misfit, flatten, spread, unflatten
from .regions import enter, leave

__all__ = ["vmap"]

RULES_OF = (
    batching_indices, batching_losses, batching_products, batching_reductions, batching_shapes, batching_whole,
)  # fmt: skip
"""The modules that fill the tables of rules."""
_ARRAYS: Any = (Handle, np.ndarray, np.generic, ForeignArray)
_RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that applies ``func`` to every example of a batch, by computing with all of them at once.

    ``func`` is written for one example: inside of it shapes, dimensions and indices are those of one. Tensors and
    arrays that it captures are the same for all examples. It may itself use ``vmap``, ``grad`` and any other transform;
    gradients flow through the mapped function to arguments and captured Tensors, to any order.

    Args:
        func: takes Tensors or arrays (any pytrees of them, and anything else) and returns pytrees of them.
        in_dims: along which dimension of each argument the examples lie: an int, None for an argument that is the same
            for all, or nested tuples, lists and dicts of these for the arguments and what they contain.
        out_dims: along which dimension the examples lie in the results, in the same way; None returns what is the same
            for all examples once.
        randomness: what random numbers in ``func`` are: an "error", the "same" or "different" for each example.
        chunk_size: how many examples to compute at a time, to save memory; None for all.

    Returns:
        The mapped function. Keyword arguments are passed on as they are. Tensors give Tensors, arrays give arrays.

    Raises:
        ValueError: the dims do not fit the arguments or results, or the arguments have different numbers of examples.
        BatchingError: ``func`` does something that has no meaning for a whole batch: it reads a value
            (``.item()``, ``if x > 0``), has a result whose shape depends on values, or writes different values into a
            Tensor that is the same for all examples.

    Source: as ``torch.func.vmap``, and JAX before it.

    >>> import autograd
    >>> from autograd.func import vmap
    >>> x, y = autograd.tensor([[1.0, 2.0], [3.0, 4.0]]), autograd.tensor([5.0, 6.0])
    >>> vmap(autograd.dot)(x, x)
    tensor([ 5., 25.])
    >>> vmap(autograd.dot, in_dims=(1, None))(x, y)
    tensor([23., 34.])
    """
    if randomness not in _RANDOMNESS:
        raise ArgumentError(f"vmap: randomness is one of {', '.join(map(repr, _RANDOMNESS))}, got {randomness!r}")
    if chunk_size is not None and (type(chunk_size) is not int or chunk_size < 1):
        raise ArgumentError(f"vmap: chunk_size must be None or a positive int, got {chunk_size!r}")
    if not callable(func):
        raise TypeError(f"vmap: expected a function to map, got {type(func).__name__}")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, args, kwargs, in_dims, out_dims, randomness)
        return call.in_chunks(chunk_size) if chunk_size is not None and chunk_size < call.size else call.whole()

    return mapped


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", type(func).__name__))


# ---- dims ------------------------------------------------------------------------------------------------------------


def _dim(dim: int, ndim: int, what: str) -> int:
    if not -ndim <= dim < ndim:
        raise BoundsError(f"{what} has {ndim} dimensions, but the dim given for it is {dim}")
    return dim % ndim


# ---- a call ----------------------------------------------------------------------------------------------------------


class _Argument(NamedTuple):
    """A mapped argument outside and inside, and its place in the graph inside when the function was called."""

    outer: Any
    inner: Any
    node: Any
    dim: int


class _Call:
    """One call of a mapped function.

    Attributes:
        leaves, spec: the arguments; ``dims``: for each leaf its dim, not negative, or None.
        size: the number of examples.
    """

    def __init__(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], in_dims: Any, out_dims: Any, randomness: str
    ) -> None:
        self.func = func
        self.kwargs = kwargs
        self.out_dims = out_dims
        self.randomness = randomness
        self.leaves, self.spec = flatten(args)
        self.dims = self._in_dims(in_dims, args)
        mapped = [(i, dim) for i, dim in enumerate(self.dims) if dim is not None]
        sizes = {self.leaves[i].shape[dim]: i for i, dim in mapped}
        if not sizes:
            raise ArgumentError(
                f"vmap({_name(func)}): none of the arguments is mapped over; at least one needs a dim that is not None "
                f"in in_dims={in_dims!r}"
            )
        if len(sizes) > 1:
            found = ", ".join(f"{n} (argument {i})" for n, i in sizes.items())
            raise ArgumentError(f"vmap({_name(func)}): expected the same number of examples everywhere, got {found}")
        (self.size,) = sizes

    def _in_dims(self, in_dims: Any, args: tuple[Any, ...]) -> list[Any]:
        what = f"vmap({_name(self.func)})"
        if not isinstance(in_dims, (int, tuple, list)) or isinstance(in_dims, bool):
            raise ArgumentError(
                f"{what}: in_dims must be an int, or a tuple with one item for each argument, got {in_dims!r}"
            )
        if not args:
            raise ArgumentError(f"{what}: called without arguments, so there is nothing to map over")
        if isinstance(in_dims, (tuple, list)) and len(in_dims) != len(args):
            raise ArgumentError(
                f"{what}: in_dims={in_dims!r} has {len(in_dims)} items, but the function was called with {len(args)} "
                "positional arguments"
            )
        try:
            dims = list(spread(in_dims, args))
        except Misfit:
            raise ArgumentError(
                f"{what}: in_dims={in_dims!r} has another structure than the arguments; for each argument give an int, "
                "None, or what is nested as the argument itself is"
            ) from None
        return [None if dim is None else self._checked(i, dim, what) for i, dim in enumerate(dims)]

    def _checked(self, i: int, dim: int, what: str) -> int:
        leaf: Any = self.leaves[i]
        if not isinstance(leaf, _ARRAYS):
            raise ArgumentError(
                f"{what}: in_dims maps over dim {dim} of argument {i}, which is not a Tensor or array but "
                f"{type(leaf).__name__}; give None for it in in_dims"
            )
        return _dim(dim, leaf.ndim, f"{what}: argument {i}, of shape {tuple(leaf.shape)},")

    # ---- running ---------------------------------------------------------------------------------------------

    def whole(self) -> Any:
        """The result for all examples at once."""
        items, _, spec = self._run(self.leaves, self.size)
        return unflatten(items, spec)

    def in_chunks(self, chunk_size: int) -> Any:
        """The result, computed for ``chunk_size`` examples at a time."""
        state = default_generator.get_state() if self.randomness == "same" else None
        parts = []
        for first in range(0, self.size, chunk_size):
            if state is not None:
                default_generator.set_state(state)
            last = min(first + chunk_size, self.size)
            leaves = [
                leaf if dim is None else leaf[(*(slice(None),) * dim, slice(first, last))]
                for leaf, dim in zip(self.leaves, self.dims, strict=True)
            ]
            parts.append(self._run(leaves, last - first))
        _, dims, spec = parts[0]
        columns = zip(*[part[0] for part in parts], strict=True)
        joined = [
            column[0] if dim is None else np.concatenate(list(column), axis=dim)
            for column, dim in zip(columns, dims, strict=True)
        ]
        return unflatten(joined, spec)

    def _run(self, leaves: Sequence[Any], size: int) -> tuple[list[Any], list[Any], Any]:
        """The results for these leaves: flat, with their dims and structure."""
        level = Batch(size, self.randomness)
        began = clock.now
        with level:
            given, mapped = list(leaves), []
            for i, dim in enumerate(self.dims):
                if dim is not None:
                    given[i] = inner = enter(level, leaves[i], dim)
                    if isinstance(inner, Handle):
                        mapped.append(_Argument(leaves[i], inner, inner._node, dim))
            returned = self.func(*unflatten(given, self.spec), **self.kwargs)
            items, spec = flatten(returned)
            written = []
            if clock.now != began:
                written = [a for a in mapped if node_of(a.inner) is not a.node]
                for item in items:
                    if isinstance(item, Handle):
                        node_of(item)  # of a view of what was overwritten it is made anew, of batched arrays
        dims = self._out_dims(level, returned, items)
        moving = [k for k, dim in enumerate(dims) if dim is not None]
        outside = leave(
            level,
            [items[k] for k in moving] + [a.inner for a in written],
            [dims[k] for k in moving] + [a.dim for a in written],
        )
        for k, item in zip(moving, outside, strict=False):
            items[k] = item
        for argument, made in zip(written, outside[len(moving) :], strict=True):
            rebase(argument.outer, made._node, None)
        return items, dims, spec

    def _out_dims(self, level: Batch, returned: Any, items: Sequence[Any]) -> list[Any]:
        """For each result the place of the examples' axis, not negative; None for what is returned once."""
        what = f"vmap({_name(self.func)})"
        try:
            dims = list(spread(self.out_dims, returned))
        except Misfit:
            dims = self._single(returned, items)
        found: list[Any] = []
        for item, dim in zip(items, dims, strict=True):
            data: Any = unwrap(item)
            if dim is None:
                if level.owns(data):
                    raise ArgumentError(f"{what}: out_dims is None for a result that differs between examples")
                found.append(None)
                continue
            if not isinstance(data, (np.ndarray, np.generic, ForeignArray)):
                raise ArgumentError(
                    f"{what}: the function must return Tensors or arrays, got {type(item).__name__}; to return it "
                    "once, give None for it in out_dims"
                )
            found.append(_dim(dim, data.ndim + 1, f"{what}: a result, with the examples' axis,"))
        return found

    def _single(self, returned: Any, items: Sequence[Any]) -> list[Any]:
        """``out_dims`` as a tuple with one item for a function that returns one thing."""
        dims = self.out_dims
        if isinstance(dims, (tuple, list)) and len(dims) == 1 and len(items) == 1 and items[0] is returned:
            with contextlib.suppress(Misfit):
                return list(spread(dims[0], returned))
        raise ArgumentError(
            f"vmap({_name(self.func)}): out_dims={dims!r} has another structure than what the function returned; give "
            "an int, None, or what is nested as the result is"
        )
