"""Where an optimizer keeps parameters and their state: together in flat buffers, or each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, is_not
from sys import getrefcount
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import numpy as np

from autograd import Tensor, float32, float64, get_default_dtype
from autograd.engine.blocks import BLOCK
from autograd.engine.mutation import stamp
from autograd.engine.nodes import array_of, new_tensor
from autograd.engine.ownership import owner_of

__all__ = ["Block", "Single", "real_view"]

PIECE = 1 << 16
"""Elements updated at a time: the arrays of a piece stay in the processor's cache through the whole formula."""

_values = attrgetter("_data")
_gradients = attrgetter("_grad._data")


def real_view(array: Any) -> Any:
    """A complex array as real numbers, real and imaginary parts in turn; any other as it is."""
    return array.view(array.real.dtype) if array.dtype.kind == "c" else array


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _stretch(params: Sequence[Tensor], bounds: Sequence[int], part: bool) -> Any:
    """What of another optimizer's buffer these parameters are, one behind the other; None if they lie otherwise.

    Args:
        part: whether they may be a part of it; else they must be all of it.
    """
    buffer = owner_of(params[0]._data)
    if buffer.dtype != params[0].dtype or not buffer.flags.c_contiguous or (buffer.ndim != 1 and not part):
        return None
    start = _address(params[0]._data)
    for p, bound in zip(params, bounds, strict=False):
        array = p._data
        if owner_of(array) is not buffer or not array.flags.c_contiguous:
            return None
        if _address(array) != start + bound * array.itemsize:
            return None
    first = (start - _address(buffer)) // buffer.itemsize
    if part:
        return buffer.reshape(-1)[first : first + bounds[-1]]
    return buffer if buffer.shape == (bounds[-1],) else None


_blocks: WeakSet[Block] = WeakSet()
_buffers: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""Where blocks keep parameters, by id."""


def _holders(p: Tensor) -> int:
    """How many hold the parameter's array or, where that is a view, the array that it is a view of."""
    if p._data.base is None or id(p._data.base) in _buffers:
        return getrefcount(p._data)
    return getrefcount(p._data) + getrefcount(p._data.base)


_lone_array, _lone_view = new_tensor(np.empty(1)), new_tensor(np.empty(1)[:])


def _is_shared(p: Tensor) -> bool:
    """Whether a parameter's memory is another's, too: a view's, a state dict's, that of the array it was made from.

    Not known of an array that records what NumPy does to it.
    """
    if type(p._data) is not np.ndarray or not (p._data.flags.writeable and p._data.flags.c_contiguous):
        return False
    if isinstance(p._data.base, np.ndarray) and id(p._data.base) not in _buffers:
        return _holders(p) > _holders(_lone_view)
    others = _holders(p) - _holders(_lone_array)
    return others > 0 and others > sum(view is p._data for block in list(_blocks) for view in block.views)


def _place(array: Any) -> tuple[int, int]:
    """Where an array begins in memory, and how many bytes it has."""
    return _address(array), array.nbytes


def _places(blocks: Iterable[Any]) -> set[tuple[int, int]]:
    """Where blocks keep parameters."""
    return {_place(view) for block in blocks for view in block.views if view is not None}


class _Store:
    """Parameters, and for each of them how often it was updated and further numbers.

    Args:
        params: the parameters, in order.
        numbers: what the numbers that belong to each parameter start from, by name. Without "step" among them the
            number of updates is no part of the state, and counts only while there is a state.

    Attributes:
        marks: for each parameter the number of its updates and then its other numbers.
    """

    def __init__(self, params: Sequence[Tensor], numbers: Mapping[str, float]) -> None:
        self.params = list(params)
        self.counted = "step" in numbers
        self.numbers = {name: start for name, start in numbers.items() if name != "step"}
        self.fresh = (0, *self.numbers.values())
        self.marks: list[tuple[Any, ...]] = [self.fresh] * len(self.params)
        self.state: dict[str, Any] = {}

    def ready(self) -> bool:
        """Whether the parameters still have the dtypes and shapes for which this was made."""
        return True

    def arrays(self, i: int) -> dict[str, Any]:
        """The state of the parameter number ``i``, in its shape, sharing memory."""
        raise NotImplementedError

    def entry(self, i: int) -> dict[str, Any] | None:
        """The state of the parameter number ``i``, as PyTorch names it, as Tensors; None if it has none."""
        if self.marks[i] is self.fresh:
            return None
        count, *values = self.marks[i]
        wide = get_default_dtype() == float64
        found = {"step": new_tensor(np.asarray(count, float64 if wide else float32))} if self.counted else {}
        for name, value in zip(self.numbers, values, strict=True):
            found[name] = new_tensor(np.asarray(value, np.float64))
        return {**found, **{name: new_tensor(array) for name, array in self.arrays(i).items()}}

    def states(self) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        """Each parameter that was updated, with its ``entry``; arrays share memory."""
        for i, p in enumerate(self.params):
            entry = self.entry(i)
            if entry is not None:
                yield p, entry

    def load(self, found: Mapping[int, Mapping[str, Any]], shapes: Mapping[int, Mapping[str, Any]]) -> None:
        """Start anew from states given by the parameters' ids.

        Args:
            found: for each parameter with a state its numbers and arrays, by name.
            shapes: for each parameter the shapes of the arrays that it is to keep, by name.
        """
        self.state = {}
        for i, p in enumerate(self.params):
            entry = found.get(id(p))
            if entry is None:
                self.marks[i] = self.fresh
                continue
            values = [float(entry.get(name, start)) for name, start in self.numbers.items()]
            self.marks[i] = (int(entry.get("step", 1)), *values)
            held = {name: entry[name] for name in shapes[id(p)] if name in entry}
            self.keep(held)
            for name, array in self.arrays(i).items():
                if name in held:
                    array[...] = held[name]

    def keep(self, shapes: Mapping[str, Any]) -> None:
        """Have a state array of each of these names (and shapes, if they can differ), of zeros if it is new."""
        raise NotImplementedError


class Block(_Store):
    """Parameters of one dtype in one buffer, of which each is a view, and their state in further buffers like it.

    Args:
        params: the parameters.
        numbers: as for every store.
        apart: whether the only parameter stays where it is, for its memory is another's, too.
        part: whether they stay where they are, one behind the other in a buffer that is another block's, too.

    Attributes:
        data: the buffer.
        state: for each name an array as long as the buffer.
    """

    def __init__(
        self, params: Sequence[Tensor], numbers: Mapping[str, float], apart: bool = False, part: bool = False
    ) -> None:
        super().__init__(params, numbers)
        sizes = [p.numel() for p in self.params]
        self.bounds = [0, *np.cumsum(sizes).tolist()]
        self.apart = apart
        self._settle(part)

    def _settle(self, part: bool = False) -> None:
        """Bring the parameters into one buffer."""
        self.dtype = self.params[0].dtype
        self.parts = 2 if self.dtype.kind == "c" else 1  # numbers an element consists of
        self.views: list[Any] = [None] * len(self.params)
        found = self.params[0]._data.reshape(-1) if self.apart else _stretch(self.params, self.bounds, part)
        if found is None:
            self.data = np.empty(self.bounds[-1], self.dtype)
            if type(self.data) is np.ndarray:
                _buffers[id(self.data)] = self.data
        else:
            self.data, self.views = found, [p._data for p in self.params]
        _blocks.add(self)
        self._cuts: dict[tuple[int, int], list[tuple[Any, Any, dict[str, Any]]]] = {}
        self._all = self._runs(range(len(self.params)))
        self._adopt()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("params", "counted", "numbers", "fresh", "marks", "state", "bounds", "apart")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._settle()

    @staticmethod
    def of(
        params: Sequence[Tensor], numbers: Mapping[str, float] | None = None, former: Sequence[Any] | None = None
    ) -> list[Any]:
        """The blocks of a group: one for each dtype, and one for each parameter whose memory is another's, too.

        Args:
            params, numbers: as for every store.
            former: the blocks that the group had. If another optimizer has taken parameters out of them, all stay where
                they are now, or both would take them from each other at every step. None for a new group, which has
                all its parameters in a buffer of its own.
        """
        others = [] if former is None else [block for block in list(_blocks) if block not in former]
        taken = _places(others) if others else set()
        moved = bool(taken) and any(_place(p._data) in taken for p in params)
        taken = taken | _places(former or ()) if moved else set()
        kinds: dict[Any, list[Tensor]] = {}
        ends: dict[Any, tuple[int]] = {}  # for the end of each stretch of a buffer its kind
        for p in params:
            kind: Any = p.dtype
            if taken and (place := _place(p._data)) in taken and p.numel():
                buffer = id(owner_of(p._data)), p.dtype
                kind = ends.pop((*buffer, place[0]), (id(p),))
                ends[(*buffer, sum(place))] = kind
            elif _is_shared(p):
                kind = id(p)
            kinds.setdefault(kind, []).append(p)
        return [
            Block(members, numbers or {}, apart=type(kind) is int, part=type(kind) is tuple)
            for kind, members in kinds.items()
        ]

    def ready(self) -> bool:
        """Make each parameter a view of the buffer; False if one has other memory that must stay, dtype or shape."""
        if any(map(is_not, map(_values, self.params), self.views)):
            for p, view in zip(self.params, self.views, strict=True):
                if p.dtype != view.dtype or p.shape != view.shape:
                    return False
                if p._data is not view and (self.apart or id(owner_of(p._data)) in _buffers):  # as another parameter's
                    return False
            self._adopt()
        return True

    def _adopt(self) -> None:
        for i, p in enumerate(self.params):
            if p._data is not self.views[i]:
                view = self.data[self.bounds[i] : self.bounds[i + 1]].reshape(p.shape)
                view[...] = p._data
                p._data = self.views[i] = view

    def arrays(self, i: int) -> dict[str, Any]:
        """The state of the parameter number ``i``, in its shape, sharing memory."""
        place = slice(self.bounds[i], self.bounds[i + 1])
        return {name: array[place].reshape(self.params[i].shape) for name, array in self.state.items()}

    def keep(self, shapes: Iterable[str]) -> None:
        """Have a state buffer of each of these names."""
        for name in shapes:
            if name not in self.state:
                self.state[name] = np.zeros(self.data.shape, self.dtype)
                self._cuts = {}

    def pieces(self, names: Sequence[str]) -> Iterator[tuple[Any, Any, dict[str, Any], int]]:
        """What to update: values, gradients, state (arrays of these ``names``) and step number, by stretches.

        A stretch fits into the cache; it joins neighbouring parameters that have a gradient and the same steps behind
        them.
        """
        for name in names:
            if name not in self.state:
                self.keep(names)
        marks = self.marks
        try:
            grads = list(map(_gradients, self.params))
            runs = self._all if marks.count(marks[0]) == len(marks) else self._runs(range(len(grads)))
        except AttributeError:  # some have none
            grads = [None if p._grad is None else p._grad._data for p in self.params]
            runs = self._runs([i for i, g in enumerate(grads) if g is not None])
        for first, last in runs:
            count, values = marks[first][0], marks[first][1:]
            g = np.concatenate(grads[first:last], None) if last - first > 1 else np.ravel(grads[first])
            if self.parts > 1:
                g = real_view(g)
            for place, p, arrays in self._stretches(first, last, g):
                state = {**arrays, **dict(zip(self.numbers, values, strict=True))} if values else arrays
                yield p, g if place is None else g[place], state, count + 1
            if self.counted or names:
                marks[first:last] = [(count + 1, *(state[name] for name in self.numbers))] * (last - first)
        if runs:
            stamp(self.data)

    def _stretches(self, first: int, last: int, g: Any) -> list[tuple[Any, Any, dict[str, Any]]]:
        """The stretches of a run: places in its gradient (None: all), views of the buffer and of the state.

        They are kept, for making a view takes as long as a ufunc. A gradient that is not quite an array, but records
        what NumPy does to it, is cut into equal stretches, so that the program needs as little memory between, and not
        cut if it is so large that the program works in blocks.
        """
        found = self._cuts.get((first, last))
        if found is None:
            found = self._cuts[first, last] = self._cut(first, last, PIECE)
        if len(found) == 1 or type(g) is np.ndarray:
            return found
        return self._cut(first, last, g.size if g.size >= BLOCK else -(-g.size // len(found)))

    def _cut(self, first: int, last: int, piece: int) -> list[tuple[Any, Any, dict[str, Any]]]:
        """A run in stretches of this many elements."""
        start, end = self.bounds[first] * self.parts, self.bounds[last] * self.parts
        made = []
        for low in range(start, max(end, start + 1), piece):
            high = min(low + piece, end)
            arrays = {name: real_view(array)[low:high] for name, array in self.state.items()}
            place = slice(low - start, high - start) if high - low < end - start else None
            made.append((place, real_view(self.data)[low:high], arrays))
        return made

    def _runs(self, chosen: Sequence[int]) -> list[tuple[int, int]]:
        """Neighbours among the chosen parameters with equal marks; a large parameter is a run of its own."""
        runs: list[tuple[int, int]] = []
        for i in chosen:
            if runs:
                first, last = runs[-1]
                small = (self.bounds[i + 1] - self.bounds[first]) * self.parts <= PIECE
                if last == i and small and self.marks[i] == self.marks[first]:
                    runs[-1] = first, i + 1
                    continue
            runs.append((i, i + 1))
        return runs


class Single(_Store):
    """One parameter by itself, with state of any shapes, for algorithms that are not elementwise."""

    def __init__(self, param: Tensor, numbers: Mapping[str, float]) -> None:
        super().__init__([param], numbers)

    @staticmethod
    def of(
        params: Sequence[Tensor], numbers: Mapping[str, float] | None = None, former: Sequence[Any] | None = None
    ) -> list[Any]:
        """A store for each parameter."""
        return [Single(p, numbers or {}) for p in params]

    def arrays(self, i: int) -> dict[str, Any]:
        """The state."""
        return self.state

    def keep(self, shapes: Mapping[str, Any]) -> None:
        """Have a state array of each of these names, in these shapes (or like these arrays)."""
        for name, shape in shapes.items():
            if name not in self.state:
                self.state[name] = np.zeros(getattr(shape, "shape", shape), self.params[0].dtype)

    def pieces(self, shapes: Mapping[str, Any]) -> Iterator[tuple[Any, Any, dict[str, Any], int]]:
        """The parameter, if it has a gradient: values, gradient, state and step number, in its shape."""
        (param,) = self.params
        if param._grad is None:
            return
        self.keep(shapes)
        count, *values = self.marks[0]
        p = array_of(param)
        state = {**self.state, **dict(zip(self.numbers, values, strict=True))}
        yield p, param._grad._data, state, count + 1
        self.marks[0] = (count + 1, *(state[name] for name in self.numbers))
        stamp(p)
