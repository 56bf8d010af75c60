"""The batched array: it looks like one example to the function that ``vmap`` maps, and computes with all of them.

It speaks NumPy's protocols, as Tensors do: a NumPy call on it is made once, on arrays with one axis more. A
table of rules (``RULES``, which the modules ``batching_*`` fill) says what it means for a batch; a function without a
rule is called for one example after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.foreign import ForeignArray, bare
from ..engine.modes import local
from ..engine.nodes import Handle, next_rank
from ..errors import ArgumentError, BatchingError
from .batching_errors import dynamic, escaped, reader, unwritable
from .batching_methods import NumpyMethods
from .pytrees import map_arrays

__all__ = ["METHODS", "RULES", "BatchedArray", "Level", "Unsuited", "highest", "rule", "shifted"]


class Unsuited(Exception):
    """A rule does not know this case: the examples are computed one by one."""


RULES: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For each NumPy function what computes it on batched arrays: called with the level, then as the function itself."""
METHODS: dict[str, Callable[..., Any]] = {}
"""For each method of ufuncs (``reduce``) what computes it: called with the level, the ufunc, then as the method."""
DYNAMIC = frozenset({
    np.argwhere, np.bincount, np.compress, np.delete, np.extract, np.flatnonzero, np.intersect1d, np.nonzero,
    np.setdiff1d, np.setxor1d, np.trim_zeros, np.union1d, np.unique, np.unique_all, np.unique_counts,
    np.unique_inverse, np.unique_values,
})  # fmt: skip
"""NumPy functions whose result has a shape that depends on values."""
_MAKING = frozenset[Any]({np.arange, np.asarray, np.empty, np.eye, np.full, np.identity, np.ones, np.tri, np.zeros})
"""NumPy functions that make an array, for which there are rules."""
_WRITING = frozenset({np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask})
"""NumPy functions that write into their first argument."""
_WHERE = np.where  # something else has its name while a function is recorded


def rule(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark what computes NumPy functions on batched arrays."""

    def define(found: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(functions, found))
        return found

    return define


class Level:
    """One run of a function by ``vmap``: to it belong the arrays that are batched by it.

    Attributes:
        size: the number of examples.
        randomness: what random numbers mean: "error", "same" or "different" for each example.
        depth: its place among the levels that are open, from 1 on; 0 if it is closed.
        spans: from which to which rank of nodes it was open.
    """

    __slots__ = ("__weakref__", "depth", "randomness", "size", "spans")

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.size = size
        self.randomness = randomness
        self.depth = 0
        self.spans: list[tuple[int, float]] = []

    def __enter__(self) -> Level:
        local.set({"levels": (*local.levels, self)})
        self.depth = len(local.levels)
        self.spans.append((next_rank(), float("inf")))
        return self

    def __exit__(self, *exception: Any) -> None:
        self.spans[-1] = (self.spans[-1][0], next_rank())
        self.depth = 0
        local.set({"levels": local.levels[:-1]})

    def made(self, node: Any) -> bool:
        """Whether a node was made while this level was open."""
        return any(first < node.rank < last for first, last in self.spans)

    # ---- arrays of this level --------------------------------------------------------------------------------

    def owns(self, item: Any) -> bool:
        """Whether ``item`` is an array that is batched by this level."""
        return type(item) is BatchedArray and item.level is self

    def wrap(self, value: Any) -> Any:
        """The array of which ``value`` has one example at each place of its first axis; several, in their structure."""
        if isinstance(value, tuple):
            items = [self.wrap(item) for item in value]
            return type(value)._make(items) if hasattr(value, "_make") else tuple(items)
        return [self.wrap(item) for item in value] if isinstance(value, list) else BatchedArray(value, self)

    def lift(self, item: Any) -> Any:
        """The examples of an array along a first axis; of one that is not batched a view that repeats it."""
        if type(item) is BatchedArray and item.level is self:
            return item.value
        item = item if isinstance(item, ForeignArray) else np.asanyarray(item)
        return np.broadcast_to(item, (self.size, *item.shape))

    def aligned(self, item: Any, rank: int) -> Any:
        """``item`` as an operand of an elementwise call whose result has ``rank`` dimensions for one example."""
        if type(item) is not BatchedArray or item.level is not self:
            return item
        missing = rank - item.ndim
        return item.value[(slice(None), *(None,) * missing)] if missing > 0 else item.value

    def example(self, values: Any, i: int) -> Any:
        """``values`` with the example number ``i`` in place of every array of this level."""
        return map_arrays(values, lambda item: self._one(item, i) if self.owns(item) else item)

    def _one(self, item: Any, i: int) -> Any:
        if self.size:
            return item.value[i, ...]
        # no example at all: the result's shape must be known, also of what needs different singular values
        made = np.sqrt(np.arange(1, item.size + 1)) if item.dtype.kind in "fc" else np.zeros(item.size)
        return made.astype(item.dtype).reshape(item.shape)

    def looped(self, function: Callable[[Any], Any], values: Any, name: str) -> Any:
        """``function`` of the ``values`` of one example after the other."""
        outs = [function(self.example(values, i)) for i in range(max(self.size, 1))]
        if isinstance(outs[0], (tuple, list)):
            if any(len(out) != len(outs[0]) for out in outs):
                raise dynamic(name)
            items = [self._stacked([out[k] for out in outs], name) for k in range(len(outs[0]))]
            kind: Any = type(outs[0])
            return kind._make(items) if hasattr(kind, "_make") else kind(items)
        return self._stacked(outs, name)

    def _stacked(self, outs: Sequence[Any], name: str) -> Any:
        first = outs[0]
        if first is None:
            return None
        if not isinstance(first, (np.ndarray, np.generic, ForeignArray)):
            raise BatchingError(
                f"vmap: {name} makes a Python value, {type(first).__name__}, of a batched array, and there is one "
                f"for each of {self.size} examples"
            )
        if any(out.shape != first.shape for out in outs):
            raise dynamic(name)
        return self.wrap(np.stack(outs)[: self.size])


def _copied(made: Any, given: Any, name: str) -> Any:
    """What a function made of the arrays in ``given``.

    Raises:
        BatchingError: it is a view of one of them, which a copy of all results would not be.
    """
    seen: list[Any] = []
    map_arrays(given, lambda item: seen.append(bare(item)) if isinstance(item, (np.ndarray, ForeignArray)) else None)
    for one in made if isinstance(made, (tuple, list)) else (made,):
        if any(np.may_share_memory(bare(one), item) for item in seen if isinstance(bare(one), np.ndarray)):
            raise BatchingError(f"vmap: {name} returns a view of its argument, for which there is no rule for batches")
    return made


def _found(values: Any, level: Level | None) -> Level | None:
    for item in values:
        kind = type(item)
        if kind is BatchedArray:
            depth = item.level.depth
            if not depth:
                raise escaped(item)
            if level is None or depth > level.depth:
                level = item.level
        elif kind is tuple or kind is list:
            level = _found(item, level)
        elif kind is dict:
            level = _found(item.values(), level)
        elif kind is slice:
            level = _found((item.start, item.stop, item.step), level)
    return level


def highest(*values: Any) -> Any:
    """The innermost level that an array in nested ``values`` belongs to, or None.

    Raises:
        BatchingError: an array's level is over.
    """
    return _found(values, None)


def shifted(axis: Any, ndim: int) -> int:
    """The place of an example's axis among all axes.

    Raises:
        AxisError: an example of ``ndim`` dimensions has no such axis.
    """
    axis = int(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim + 1


def rank_of(item: Any) -> int:
    """The number of dimensions of an operand. Raises: Unsuited for a list, which stands for an array."""
    if isinstance(item, (list, tuple)):
        raise Unsuited
    return item.ndim if hasattr(item, "ndim") else 0


def _side_by_side(level: Level, inputs: Sequence[Any]) -> list[Any] | None:
    """The values of operands that need nothing to fit each other: batched arrays of one rank, others, and numbers."""
    rank, widest, values = 0, 0, []
    for item in inputs:
        kind = type(item)
        if kind is BatchedArray and item.level is level:
            value = item.value
            if rank and rank != value.ndim:
                return None
            rank = value.ndim
            values.append(value)
        elif kind is np.ndarray:
            widest = max(widest, item.ndim)
            values.append(item)
        elif kind is float or kind is int:
            values.append(item)
        else:
            return None
    return values if widest < rank else None


def elementwise(level: Level, function: Callable[..., Any], inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call what works on each element by itself, once for all examples."""
    if not kwargs and (values := _side_by_side(level, inputs)) is not None:
        return level.wrap(function(*values))
    inputs = [np.asarray(item) if type(item) is list or type(item) is tuple else item for item in inputs]
    rank = max([rank_of(item) for item in inputs], default=0)
    out, where = kwargs.pop("out", None), kwargs.pop("where", None)
    if where is not None and where is not True:
        rank = max(rank, rank_of(where))
        kwargs["where"] = level.aligned(where, rank)
    targets = out if isinstance(out, tuple) else (out,)
    if all(target is None for target in targets):
        return level.wrap(function(*[level.aligned(item, rank) for item in inputs], **kwargs))
    for target in targets:
        if not level.owns(target):
            raise unwritable(target)
        rank = max(rank, target.ndim)
    kwargs["out"] = tuple([level.aligned(target, rank) for target in targets])
    function(*[level.aligned(item, rank) for item in inputs], **kwargs)
    return targets[0] if len(targets) == 1 else targets


class BatchedArray(NumpyMethods, ForeignArray, NDArrayOperatorsMixin):
    """An array for each example of a batch, with the shape and the methods of a single one.

    Attributes:
        value: all examples along the first axis: an ndarray, or another BatchedArray inside of an outer ``vmap``.
        level: the run of ``vmap`` that it belongs to.
    """

    __slots__ = ("level", "value")
    __array_priority__ = 900
    __hash__ = object.__hash__

    def __init__(self, value: Any, level: Level) -> None:
        self.value = value
        self.level = level

    def __repr__(self) -> str:
        return f"BatchedArray(shape={self.shape}, dtype={self.dtype}, examples={self.level.size}, value=\n{self.value})"

    # ---- NumPy's protocols -------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for item in inputs:
            if isinstance(item, Handle):
                return NotImplemented
        level: Any = _found(inputs, _found(kwargs.values(), None) if kwargs else None)
        if method != "__call__":
            return METHODS[method](level, ufunc, *inputs, **kwargs)
        if ufunc.signature is None:
            return elementwise(level, ufunc, inputs, kwargs)
        try:
            return RULES[ufunc](level, *inputs, **kwargs)
        except (Unsuited, KeyError):
            if kwargs.get("out") is not None:
                raise
            return level.looped(lambda given: ufunc(*given, **kwargs), inputs, f"numpy.{ufunc.__name__}")

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, Handle) for kind in types):
            return NotImplemented
        level = _found(args, _found(kwargs.values(), None) if kwargs else None)
        if level is None:  # the argument like= of a function that makes an array
            level = self.level
            function = getattr(function, "original", function)  # NumPy hands on what is there by its name: a wrapper
            if function in _MAKING and type(self.value) is not np.ndarray:  # batched by the maps around this one, too
                kwargs = {**kwargs, "like": self.value}
        name = f"numpy.{function.__name__}"
        if function in DYNAMIC or (function is _WHERE and len(args) + len(kwargs) < 3):
            raise dynamic(name)
        known = RULES.get(function)
        if known is not None:
            try:
                return known(level, *args, **kwargs)
            except Unsuited:
                pass
        target = args[0] if function in _WRITING and args else kwargs.get("out")
        if target is not None and not level.owns(target):
            raise unwritable(target)
        made = level.looped(lambda given: _copied(function(*given[0], **given[1]), given, name), (args, kwargs), name)
        return made if kwargs.get("out") is None else target

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        if not self.level.depth:
            raise escaped(self)
        raise BatchingError(
            f"vmap: a batched array of shape {self.shape}, of which each of {self.level.size} examples has its own, "
            "cannot be turned into one np.ndarray, nor be written into one: inside of the mapped function use NumPy's "
            "functions or autograd's on it, write only into batched arrays, and read values outside"
        )

    def refuse(self, target: Any) -> NoReturn:
        """Raise, because this array cannot be written into ``target``, which is not batched."""
        raise unwritable(target)

    # ---- what it is ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of dimensions of one example."""
        return self.value.ndim - 1

    @property
    def size(self) -> int:
        """The number of elements of one example."""
        return math.prod(self.value.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.value.dtype

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.value.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of one example."""
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """The steps in memory along the dimensions of one example."""
        return self.value.strides[1:]

    @property
    def base(self) -> Any:
        """The array that owns the memory, or None if this one does."""
        return self.value.base

    @property
    def kind(self) -> tuple[Level, ...]:
        """The levels, outermost first."""
        return (*(self.value.kind if type(self.value) is BatchedArray else ()), self.level)

    def of_kind(self, kind: tuple[Level, ...]) -> Any:
        """The array with these levels instead of its own."""
        return BatchedArray(self.value.of_kind(kind[:-1]) if len(kind) > 1 else self.value, kind[-1])

    @property
    def memory(self) -> Any:
        """The ndarray of all examples of all levels."""
        value = self.value
        return value.memory if type(value) is BatchedArray else value

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # ---- methods ---------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return RULES[BatchedArray.__getitem__](highest(self, index), self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        level = highest(self, index, value)
        if level is not self.level:
            raise unwritable(self)
        RULES[BatchedArray.__setitem__](level, self, index, value)

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """The array in another dtype."""
        highest(self)
        if not copy and self.value.dtype == dtype:
            return self
        return BatchedArray(self.value.astype(dtype, casting=casting), self.level)

    def copy(self, order: str = "C") -> Any:
        """A copy with memory of its own."""
        highest(self)
        return BatchedArray(self.value.copy(), self.level)

    def view(self, dtype: Any) -> Any:
        """The same bytes read as another dtype.

        Raises: ValueError if an example of no dimensions would not be of as many.
        """
        highest(self)
        if not self.ndim and np.dtype(dtype).itemsize != self.itemsize:
            raise ArgumentError(f"view: a number of {self.dtype} cannot be read as {np.dtype(dtype)}, of another size")
        return BatchedArray(self.value.view(dtype), self.level)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    __bool__ = reader("bool(x), as in `if x` or `while x`,")
    __int__ = reader("int(x)")
    __float__ = reader("float(x)")
    __complex__ = reader("complex(x)")
    __index__ = reader("using it as a Python index (range(x), list[x])")
    item = reader(".item()")
    tolist = reader(".tolist()")
    tobytes = reader(".tobytes()")
