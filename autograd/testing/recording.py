"""Arrays that write down every NumPy call that is made of them, so that the calls can be made again on other numbers.

The strictest reading of "rules are plain NumPy": what a forward and a backward did to such arrays is a list of
NumPy calls; a value that left NumPy's protocols on the way (``np.asarray``, a Python number) is missing there.

``autograd.compile`` has a recorder of its own, which makes the best of what it meets: it takes such values for
constants, lets numbers stand for what they will be, and knows what shares memory. What is to be shown here is that
nothing of the sort is needed: a call is a call, and all else is an error.

>>> import numpy as np
>>> from autograd.testing.recording import Recording
>>> tape = Recording()
>>> x = tape.input(np.array([1.0, 2.0]))
>>> y = np.sum(x * x)
>>> [call.name for call in tape.calls]
['multiply', 'sum']
>>> tape.replay({x: np.array([3.0, 4.0])}, [y])
[array(25.)]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Call", "LostError", "Recording", "RecordingArray"]


class LostError(AssertionError):
    """A value that does not come from recorded NumPy calls was met where one was expected."""


@dataclass(frozen=True)
class _Ref:
    """In a recorded call: the value of a slot."""

    slot: int


@dataclass(frozen=True)
class Call:
    """One NumPy call; ``slots`` is where its results went, of the same structure as these."""

    name: str
    function: Callable[..., Any]
    args: Any
    kwargs: Any
    slots: Any


class Recording:
    """A list of NumPy calls.

    Attributes:
        calls: these, in order.
        escapes: where a number was read out of an array into Python (``bool(x)``, ``x.item()``): from there on the
            calls are those for these numbers only.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.escapes: list[str] = []
        self._slots = 0

    def input(self, array: Any) -> RecordingArray:
        """A copy of ``array`` as a recording array."""
        return self._wrap_array(np.array(array), self._new_slot())

    def replay(self, inputs: Mapping[RecordingArray, Any], outputs: Sequence[Any]) -> list[Any]:
        """Make the calls again, with other arrays for the inputs: the values of ``outputs``.

        Raises:
            LostError: an output is not the result of recorded calls.
        """
        slots = [_slot_of(out) for out in outputs]
        env = {_slot_of(made): np.array(value) for made, value in inputs.items()}
        for call in self.calls:
            result = call.function(*_fill(call.args, env), **_fill(call.kwargs, env))
            _store(call.slots, result, env)
        return [env[slot] for slot in slots]

    def run(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make and record one call."""
        frozen = _freeze(args), _freeze(kwargs)
        result = function(*_bare(args), **_bare(kwargs))
        given = kwargs.get("out")
        if given is not None:
            targets = given if isinstance(given, tuple) else (given,)
            if all(isinstance(target, RecordingArray) for target in targets):
                self.calls.append(Call(name, function, *frozen, None))
                return targets[0] if len(targets) == 1 else targets
        wrapped, slots = self._wrap(result, name)
        self.calls.append(Call(name, function, *frozen, slots))
        return wrapped

    def _new_slot(self) -> int:
        self._slots += 1
        return self._slots

    def _wrap_array(self, array: Any, slot: int) -> RecordingArray:
        made: RecordingArray = np.ndarray.view(np.asarray(array), RecordingArray)
        made._tape, made._slot, made._parent = self, slot, None
        return made

    def _wrap(self, result: Any, name: str) -> tuple[Any, Any]:
        if isinstance(result, (np.ndarray, np.generic)):
            slot = self._new_slot()
            return self._wrap_array(result, slot), slot
        if isinstance(result, (tuple, list)) and name not in _SHAPES:
            pairs = [self._wrap(item, name) for item in result]
            items, slots = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            kind: Any = type(result)
            return (kind._make(items) if hasattr(kind, "_make") else kind(items)), slots
        if result is not None and name not in _SHAPES:
            self.escapes.append(name)
        return result, None


_SHAPES = {
    "shape",
    "ndim",
    "size",
    "broadcast_shapes",
    "iscomplexobj",
    "isrealobj",
    "result_type",
    "can_cast",
    "common_type",
}
"""Functions whose result is not a value of an array."""


def _map(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """``leaf`` applied to everything inside nested tuples, lists, dicts and slices."""
    if type(value) in (tuple, list):
        return type(value)([_map(item, leaf) for item in value])
    if type(value) is dict:
        return {key: _map(item, leaf) for key, item in value.items()}
    if type(value) is slice:
        return slice(_map(value.start, leaf), _map(value.stop, leaf), _map(value.step, leaf))
    return leaf(value)


def _plain(array: Any) -> Any:
    """The array itself, which records nothing."""
    return np.ndarray.view(array, np.ndarray)


def _freeze(value: Any) -> Any:
    def leaf(item: Any) -> Any:
        if isinstance(item, RecordingArray):
            return _Ref(_slot_of(item))
        return item.copy() if type(item) is np.ndarray else item

    return _map(value, leaf)


def _bare(value: Any) -> Any:
    return _map(value, lambda item: _plain(item) if isinstance(item, RecordingArray) else item)


def _fill(value: Any, env: dict[int, Any]) -> Any:
    return _map(value, lambda item: env[item.slot] if isinstance(item, _Ref) else item)


def _store(slots: Any, result: Any, env: dict[int, Any]) -> None:
    if isinstance(slots, list):
        for slot, item in zip(slots, result, strict=True):
            _store(slot, item, env)
    elif slots is not None:
        env[slots] = np.asarray(result)


def _slot_of(array: Any) -> int:
    """The slot of a recording array; a plain copy or alias that C code made of one is recognised as such.

    Raises:
        LostError: it is something else.
    """
    if not isinstance(array, RecordingArray) or array._tape is None:
        raise LostError(
            f"{type(array).__name__} of shape {np.shape(array)} was not made by recorded NumPy calls: was it made by "
            "np.asarray, by np.array without subok=True, or by np.zeros or np.empty without like=?"
        )
    if array._slot is None:
        parent = array._parent
        bare, source = _plain(array), _plain(parent)
        if np.shares_memory(bare, source):
            if bare.shape != source.shape or bare.strides != source.strides or bare.dtype != source.dtype:
                raise LostError(f"a view of shape {bare.shape} was cut from shape {source.shape} without a NumPy call")
            array._slot = _slot_of(parent)
        elif bare.shape == source.shape and np.array_equal(
            bare, source.astype(bare.dtype), equal_nan=bare.dtype.kind in "fc"
        ):
            array._slot = array._tape._new_slot()
            array._tape.calls.append(Call("array", np.array, (_Ref(_slot_of(parent)), bare.dtype), {}, array._slot))
        else:
            raise LostError(
                f"an array of shape {bare.shape} was made from one of shape {source.shape} without a NumPy call"
            )
        array._parent = None
    return array._slot


def _method(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        function = getattr(np.ndarray, name)
        return (
            function(_plain(self), *args, **kwargs)
            if self._tape is None
            else self._tape.run(name, function, (self, *args), kwargs)
        )

    method.__doc__ = f"As ``numpy.ndarray.{name}``."
    return method


def _attribute(name: str) -> Any:
    def cut(array: Any) -> Any:
        return getattr(array, name)

    def attribute(self: Any) -> Any:
        return cut(_plain(self)) if self._tape is None else self._tape.run(name, cut, (self,), {})

    return property(attribute)


def _escape(name: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        if self._tape is not None:
            self._tape.escapes.append(name)
        return getattr(_plain(self), name)(*args)

    return method


class RecordingArray(np.ndarray):
    """An array whose NumPy calls are written down by its ``Recording``."""

    _tape: Recording | None
    _slot: int | None
    _parent: Any

    def __array_finalize__(self, source: Any) -> None:
        self._tape = getattr(source, "_tape", None)
        self._slot = None
        self._parent = source if self._tape is not None else None

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(hasattr(item, "_node") for item in inputs):
            return NotImplemented
        tape = _tape_in((inputs, kwargs))
        plain = method == "__call__"
        name = ufunc.__name__ if plain else f"{ufunc.__name__}.{method}"
        function = ufunc if plain else getattr(ufunc, method)
        if all(target is None for target in kwargs.get("out", ())):
            kwargs.pop("out", None)
        if tape is None:
            return function(*_bare(inputs), **_bare(kwargs))
        return tape.run(name, function, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(not issubclass(kind, np.ndarray) for kind in types):
            return NotImplemented
        tape = self._tape if self._tape is not None else _tape_in((args, kwargs))
        if tape is None:
            return function(*_bare(args), **_bare(kwargs))
        return tape.run(function.__name__, function, args, kwargs)

    __getitem__ = _method("__getitem__")
    __setitem__ = _method("__setitem__")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argsort = _method("argsort")
    astype = _method("astype")
    clip = _method("clip")
    conj = _method("conj")
    copy = _method("copy")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    fill = _method("fill")
    flatten = _method("flatten")
    nonzero = _method("nonzero")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _method("reshape")
    round = _method("round")
    searchsorted = _method("searchsorted")
    sort = _method("sort")
    squeeze = _method("squeeze")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    transpose = _method("transpose")
    view = _method("view")

    T = _attribute("T")
    mT = _attribute("mT")
    real = _attribute("real")
    imag = _attribute("imag")

    __bool__ = _escape("__bool__")
    __int__ = _escape("__int__")
    __float__ = _escape("__float__")
    __complex__ = _escape("__complex__")
    __index__ = _escape("__index__")
    item = _escape("item")
    tolist = _escape("tolist")


def _tape_in(value: Any) -> Recording | None:
    found: list[Recording] = []

    def leaf(item: Any) -> None:
        if isinstance(item, RecordingArray) and item._tape is not None:
            found.append(item._tape)

    _map(value, leaf)
    return found[0] if found else None
