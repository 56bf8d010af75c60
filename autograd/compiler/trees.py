"""What a function returned, or left somewhere: trees of values, numbers, constants, and Tensors made of values."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.nodes import Handle, new_tensor
from .arrays import RecordingArray
from .numbers import Number
from .recording import Tape
from .standins import Unseen
from .streams import State, Stream
from .values import UnrecordableError, Value, address

__all__ = [
    "Effect",
    "Fields",
    "Given",
    "Itself",
    "Slot",
    "TensorOf",
    "is_record",
    "made_like",
    "maker_like",
    "mend",
    "plain",
    "shapes_in",
    "tree_of",
]


_CONSTANT = (bool, int, float, complex, str, bytes, np.generic, np.dtype, type, slice, range, enum.Enum)
"""What can be returned as it is."""


class Effect:
    """What a function left at a place: a tree of Values, Numbers and constants, and of Tensors to be made of Values."""

    __slots__ = ("place", "tree")

    def __init__(self, place: Any, tree: Any) -> None:
        self.place = place
        self.tree = tree


class Given:
    """In the tree of the results: an argument of the call itself.

    Attributes:
        text: the expression that gets it; name: what it is called in the program.
    """

    __slots__ = ("name", "text")

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name


class Itself:
    """In the tree of the results: a container that was there before the call, which is that itself.

    Attributes:
        thing: the container.
    """

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing


class Slot:
    """In the tree of the results: a Tensor that requires grad, by its number among these."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Fields(tuple[Any, ...]):
    """In the tree of the results: a new object of a dataclass, as what its fields hold. Called, it makes the object.

    Attributes:
        kind: the dataclass; names: of its fields.
    """

    kind: type
    names: tuple[str, ...]

    @classmethod
    def of(cls, record: Any, items: list[Any]) -> Any:
        """The tree of an object, of the trees of what its fields hold."""
        kind = type(record)
        told = {"kind": kind, "names": tuple(vars(record)), "__module__": kind.__module__}
        made: type[Fields] = type(kind.__name__, (cls,), told)
        return made._make(items)

    @classmethod
    def _make(cls, items: Any) -> Any:
        return tuple.__new__(cls, items)

    def __new__(cls, *items: Any) -> Any:
        made: Any = object.__new__(cls.kind)
        made.__dict__.update(zip(cls.names, items, strict=True))
        return made


class TensorOf:
    """In the tree of an effect or of the results: a new Tensor of a Value.

    Attributes:
        make: makes it of an array.
    """

    __slots__ = ("make", "value")

    def __init__(self, make: Callable[[Any], Any], value: Value) -> None:
        self.make = make
        self.value = value


def maker_like(thing: Any) -> Callable[[Any], Any]:
    """What makes a Tensor of an array, of the same class and with the same attributes as a Tensor."""
    kept = getattr(thing, "__dict__", None)
    return new_tensor if kept is None else functools.partial(made_like, type(thing), dict(kept))


def made_like(kind: Any, attributes: dict[str, Any], data: Any) -> Any:
    """A Tensor around ``data`` of a class that has attributes, such as a module's buffer."""
    made = kind.__new__(kind)
    made._data = data
    made._node = made._grad = made._view = None
    made.__dict__.update(attributes)
    return made


def plain(thing: Any) -> Any:
    """The same without recording arrays and Numbers; Tensors are mended in place."""
    if isinstance(thing, RecordingArray):
        if thing._value is not None and isinstance(thing._value.array, np.ndarray):  # one array however often it is met
            return thing._value.array[()] if thing._scalar else thing._value.array
        return _bare(thing)
    if isinstance(thing, Number):
        return thing.value
    if isinstance(thing, Stream):
        return thing._stream
    if type(thing) is Unseen:
        return thing.used()
    if type(thing) is State:
        return dict(thing)
    if isinstance(thing, Handle):
        if isinstance(thing._data, RecordingArray):
            thing._data = plain(thing._data)
        if thing._grad is not None:
            plain(thing._grad)
        return thing
    kind = type(thing)
    if kind in (tuple, list):
        items = [plain(item) for item in thing]
        if kind is list:
            thing[:] = items
            return thing
        return tuple(items) if any(a is not b for a, b in zip(items, thing, strict=True)) else thing
    if isinstance(thing, tuple) and hasattr(thing, "_make"):
        return thing._make([plain(item) for item in thing])
    if kind is dict or kind is OrderedDict:
        mend(thing)
    return thing


def _bare(array: RecordingArray) -> Any:
    """The same memory as an array, or NumPy's scalar, that does not keep the record alive."""
    if array._scalar:
        return np.ndarray.view(array, np.ndarray)[()]
    root: Any = array
    while isinstance(base := root.base, np.ndarray):
        root = base
    if isinstance(root, RecordingArray):  # an array that C code made like it
        return np.ndarray.view(array, np.ndarray)
    if root.shape == array.shape and root.strides == array.strides and root.dtype == array.dtype:
        return root
    offset = address(array) - address(root)
    if root.flags.c_contiguous:
        made = np.ndarray(array.shape, array.dtype, root, offset, array.strides)
        made.flags.writeable = array.flags.writeable
        return made
    return np.ndarray.view(array, np.ndarray)


def is_record(thing: Any) -> bool:
    """Whether it is an object of a dataclass that has the fields of that and nothing else."""
    if not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return False
    return [*getattr(thing, "__dict__", ())] == [field.name for field in dataclasses.fields(thing)]


def mend(container: Any, restored: Callable[[Any], Any] = plain) -> None:
    """Leave no recording arrays in a container or dataclass, but what ``restored`` makes of what stands there."""
    if isinstance(container, frozenset):
        return
    if dataclasses.is_dataclass(container):
        container = vars(container)
    if isinstance(container, (dict, set)):
        _mend_keys(container, restored)
    if isinstance(container, set):
        return
    kind: Any = next(kind for kind in (list, deque, dict) if isinstance(container, kind))
    for key in list(container) if kind is dict else range(len(container)):
        value = kind.__getitem__(container, key)
        if (made := restored(value)) is not value:
            kind.__setitem__(container, key, made)


def _mend_keys(container: Any, restored: Callable[[Any], Any] = plain) -> None:
    """Leave no Numbers among the keys of a dict, or in a set: there they are what they were in the recording."""
    keys = [*container]
    made = [restored(key) for key in keys]
    if all(a is b for a, b in zip(made, keys, strict=True)):
        return
    if isinstance(container, set):
        container.clear()
        container.update(made)
        return
    kind: Any = OrderedDict if isinstance(container, OrderedDict) else dict
    values = [kind.__getitem__(container, key) for key in keys]
    kind.clear(container)
    for key, value in zip(made, values, strict=True):
        kind.__setitem__(container, key, value)


def shapes_in(arguments: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of the arrays and Tensors among arguments, and in tuples, lists, dicts and dataclasses there."""
    if isinstance(arguments, Handle):
        arguments = arguments._data
    if isinstance(arguments, (np.ndarray, np.generic)):
        return (arguments.shape,)
    if isinstance(arguments, dict) or is_record(arguments):
        arguments = (arguments if isinstance(arguments, dict) else vars(arguments)).values()
    elif not isinstance(arguments, (tuple, list)):
        return ()
    return tuple([shape for argument in arguments for shape in shapes_in(argument)])


def tree_of(thing: Any, tape: Tape, known: Callable[[Any], Any], where: str, made: dict[int, Any]) -> Any:
    """What a function returned, or left somewhere: a tree of Values, Numbers, constants and Tensors to be made.

    What stands in several places is one object in all (``made`` has what was seen before). ``known`` tells what stands
    for things that were there before the call, and None of others.

    Raises:
        UnrecordableError: there is something else in it.
    """
    if id(thing) not in made:
        made[id(thing)] = _tree_of(thing, tape, known, where, made), thing
    return made[id(thing)][0]


def _tree_of(thing: Any, tape: Tape, known: Callable[[Any], Any], where: str, made: dict[int, Any]) -> Any:
    if type(thing) is not RecordingArray and (thing is None or isinstance(thing, (Number, *_CONSTANT))):
        return thing
    if type(thing) is Unseen:
        thing.used()
        raise UnrecordableError(f"{where} is a container that changes from call to call")
    stands = known(thing)
    if stands is not None:
        return stands
    if isinstance(thing, Handle):
        if thing._node is not None:
            raise UnrecordableError(
                f"{where} is a Tensor that requires grad: its graph is not kept. Call backward inside the function, or "
                "return it detached"
            )
        for name, held in getattr(thing, "__dict__", {}).items():
            if not isinstance(held, (type(None), *_CONSTANT)):
                raise UnrecordableError(f"{where} is a {type(thing).__name__} with {type(held).__name__} as .{name}")
        return TensorOf(maker_like(thing), tape.value(np.asanyarray(thing._data)))
    if isinstance(thing, np.ndarray):
        return tape.value(thing)
    kind: Any = type(thing)
    if kind in (tuple, list):
        return kind([tree_of(item, tape, known, where, made) for item in thing])
    if isinstance(thing, tuple) and hasattr(thing, "_make"):
        return thing._make([tree_of(item, tape, known, where, made) for item in thing])
    if kind is dict or kind is OrderedDict:
        return kind([(plain(key), tree_of(item, tape, known, where, made)) for key, item in thing.items()])
    if is_record(thing) and kind.__new__ is object.__new__:
        return Fields.of(thing, [tree_of(item, tape, known, where, made) for item in vars(thing).values()])
    raise UnrecordableError(f"{where} is {thing.__class__.__name__}, of which a program knows nothing")
