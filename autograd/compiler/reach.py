"""What a function can reach: the arrays, numbers and random generators that it may read and change.

Before a function is recorded, every array in its reach is replaced, where it is kept, by a recording array of the
same memory; afterwards all is put back. What stands elsewhere then is what the function changed.
"""

from __future__ import annotations

import contextvars
import enum
import functools
import gc
import itertools
import random
import types
import weakref
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._op import Op
from ..engine.callsite import is_ours
from ..engine.nodes import Handle, Leaf, array_of
from ..generator import Generator, default_generator
from .arrays import RecordingArray
from .history import NUMBERS, History
from .places import LIBRARIES, all_names, global_names, imported, in_module, is_namespace, looked_up, package
from .places import Place as Place
from .recording import Tape
from .standins import Globals, Unseen
from .streams import Stream, state_of
from .trees import Effect as Effect
from .trees import Given as Given
from .trees import Slot as Slot
from .trees import TensorOf as TensorOf
from .trees import maker_like, mend
from .trees import plain as plain
from .trees import tree_of as tree_of
from .values import Value

__all__ = ["Place", "Reach"]

_ATOMS = (
    bool, int, float, complex, str, bytes, type(None), np.dtype, np.generic, types.ModuleType, slice, range, Op,
)  # fmt: skip
"""What leads on to nothing that may change; what an op leads on to are functions, made when they are first used."""
_ARRAYS = (np.ndarray, np.memmap)
"""The classes of arrays whose calls are written down."""


class Reach:
    """Everything in the reach of a function.

    Args:
        function: the function.
        history: which of the places with numbers, or arrays, change from call to call: they become Numbers, and inputs.
        objects: other things that it is given, with their names.

    Attributes:
        places: every place in reach with what stands there.
        containers: everything that could grow, with its length.
        strict: the ids of those containers in which ``2`` and ``2.0`` are not the same: they are not of our modules
            and optimizers.
        attributes: the ids of the dicts of objects' attributes, whose order does not count.
        classes: the user's classes, with what stood in them.
        functions: the user's functions; named: the names that they use.
        sets: the sets, with what was in them.
        steps: random generators of Python's, and the like, with their state: the function may not step on.
        contents: things that change in their own way: for each an expression of it, ``{0}``, and what that gave.
        tensors: the Tensors in reach; graphs: with what stood for each in the graph.
        renewed: what stands for Tensors that are others at each call, and these, with where they are.
    """

    def __init__(self, function: Any, history: History, objects: Sequence[tuple[Any, str]] = ()) -> None:
        self.history = history
        self.volatile = history.volatile
        self.places: list[tuple[Place, Any]] = []
        self.containers: list[tuple[Any, Any]] = []
        self.classes: list[tuple[type, dict[str, Any]]] = []
        self.functions: list[types.FunctionType] = []
        self.contents: list[tuple[Any, str, Any]] = []
        self.sets: list[tuple[Any, frozenset[Any]]] = []
        self.steps: list[tuple[Any, Any]] = []
        self.strict: set[int] = set()
        self.attributes: set[int] = set()
        self._strict = True
        self._made: dict[int, Any] = {}
        self._given: list[RecordingArray] = []
        self.renewed: list[tuple[Any, Any, Place, Any]] = []
        self._first: dict[int, Place] = {}
        self._entered: list[tuple[Place, Any, Any]] = []
        self._unseen: list[tuple[Place, Unseen]] = []
        self._globals = Globals()
        self.named: dict[str, None] = {}
        self._held: list[tuple[Any, str]] = []  # modules that are kept elsewhere than among variables, with their names
        self._seen: set[int] = set()
        self._keep: list[Any] = []
        for thing, name in ((function, ""), *objects, (default_generator, "")):
            self._walk(thing, name)
        self.tensors = [thing for thing in self._keep if isinstance(thing, Handle)]
        self.graphs = [(tensor, tensor._node) for tensor in self.tensors]

    # ---- finding -----------------------------------------------------------------------------------------------------

    def _walk(self, start: Any, called: str) -> None:
        self._near = near = deque([(start, called, True)])
        # what only private names lead to: its names are the worse ones
        self._far = far = deque[tuple[Any, str, bool]]()
        while near or far or self._held:
            if not (near or far):
                module, name = self._held.pop()
                self._visit(in_module(Place("link", [module], 0, name), tuple(self.named), set()), name, True)
                continue
            thing, name, strict = near.popleft() if near else far.popleft()
            if isinstance(thing, _ATOMS) or id(thing) in self._seen:
                continue
            self._seen.add(id(thing))
            self._keep.append(thing)
            if hasattr(thing, "__dict__"):
                strict = package(type(thing)) not in ("nn", "optim", "autograd")
            self._strict = strict
            self._visit(self._inside(thing, name), name, strict)

    def _visit(self, places: Iterator[Place], name: str, strict: bool) -> None:
        """Note what stands at some places of a thing, and where to walk on to."""
        for place in places:
            try:
                value = place.get()
            except (ValueError, AttributeError):  # an empty cell, an unset slot
                continue
            if isinstance(value, RecordingArray):  # an earlier recording left it where it was not looked for
                value = plain(value)
                place.set(value)
            self.places.append((place, value))
            self.history.note(identity := place.identity(), value)
            if strict:
                self.history.note_object(place, value)
            if (identity, ()) not in self.volatile and place.key == "_data" and isinstance(value, np.ndarray):
                self.history.tell(f"the memory of {name}", f"at {value.__array_interface__['data'][0]:#x}")
            elif (identity, ()) not in self.volatile and place.name and place.kind != "link":
                self.history.tell(place.name, value)
            if isinstance(value, types.ModuleType) and place.kind != "link" and not is_namespace(place.container):
                self._held.append((value, place.name))
            if place.key != "_grad" and not {(identity, p) for p in ("list", "unseen")} & self.volatile:
                queue = self._far if "._" in place.name or place.name.startswith("_") else self._near
                queue.extend((item, place.name, strict) for item in self._items(value, identity, ()))

    def _items(self, value: Any, identity: Any, path: tuple[int, ...]) -> Iterator[Any]:
        """What to walk on to: the value, or what stands in a tuple, but for what is another at each call."""
        if (identity, path) in self.volatile:
            return
        if isinstance(value, tuple):
            for i, item in enumerate(value):
                yield from self._items(item, identity, (*path, i))
        else:
            yield value

    def _inside(self, thing: Any, name: str) -> Iterator[Place]:
        if isinstance(thing, Handle):
            array_of(thing)
            yield Place("slot", thing, "_data", name)
            yield Place("slot", thing, "_grad", f"{name}.grad")
            if thing._node is not None:
                yield Place("slot", thing._node, "hooks", f"the hooks of {name}")
            if type(thing._node) is Leaf and thing._node.hooks is not None:
                yield Place("slot", thing._node, "after", f"the later hooks of {name}")
            if getattr(thing, "__dict__", None):
                yield from self._entries(thing.__dict__, name + ".{}")
        elif isinstance(thing, Generator):
            yield Place("slot", thing, "_stream", name)
        elif hasattr(type(thing), "compiled_from"):
            yield Place("link", [thing.compiled_from], 0, name)
        elif isinstance(thing, types.FunctionType):
            yield from self._of_function(thing)
        elif isinstance(thing, type):
            yield from self._of_class(thing)
        elif isinstance(thing, types.MethodType):
            yield Place("link", [thing.__self__], 0, name or type(thing.__self__).__name__.lower())
            yield Place("link", [thing.__func__], 0, name)
        elif isinstance(thing, functools.partial):
            yield Place("link", [(thing.func, thing.args, thing.keywords)], 0, name)
            self._has(thing, "{0}.__reduce__()[2][:2]")
        elif isinstance(thing, (dict, OrderedDict, defaultdict)):
            yield from self._entries(thing, name + "[{!r}]")
        elif isinstance(thing, (list, deque)):
            self.containers.append((thing, len(thing)))
            if self._strict:
                self.strict.add(id(thing))
            for i in range(len(thing)):
                yield Place("item", thing, i, f"{name}[{i}]")
        elif isinstance(thing, (set, frozenset)):
            self.containers.append((thing, len(thing)))
            self.sets.append((thing, frozenset(thing)))
            for item in thing:
                yield Place("link", [item], 0, name)
        elif isinstance(thing, np.ndarray):
            yield from self._of_array(thing, name)
        elif not isinstance(thing, np.random.Generator):
            yield from self._of_builtin(thing, name)
            yield from self._of_object(thing, name)

    def _has(self, thing: Any, expression: str) -> Any:
        """Note what an expression of a thing gives: the program holds while it gives the same."""
        found = eval(expression.format("thing"), {"thing": thing})
        self.contents.append((thing, expression, found))
        return found

    def _of_array(self, thing: Any, name: str) -> Iterator[Place]:
        """An array of which no calls are written down: of texts, dates, records or objects, or of another class."""
        if thing.dtype.kind == "O":
            self._has(thing, "[*map(id, {0}.flat)]")
            for item in thing.flat:
                yield Place("link", [item], 0, name)
        elif thing.dtype.kind not in "biufc" or type(thing) not in _ARRAYS:
            self._has(thing, "{0}.tobytes()")

    def _of_builtin(self, thing: Any, name: str) -> Iterator[Place]:
        """Python's own objects that lead on to others, or hold what is no attribute of theirs."""
        if isinstance(thing, (types.BuiltinMethodType, types.MethodWrapperType)):
            yield Place("link", [thing.__self__], 0, name)
        elif isinstance(thing, types.MappingProxyType):
            yield Place("link", gc.get_referents(thing), 0, name)
        elif isinstance(thing, weakref.ref):
            self._has(thing, "id({0}())")
            yield Place("link", [thing()], 0, name)
        elif isinstance(thing, contextvars.ContextVar):
            self._has(thing, "id({0}.get(None))")
            yield Place("link", [thing.get(None)], 0, name)
        elif isinstance(thing, (array, bytearray, memoryview)):
            self._has(thing, "bytes({0})")
        elif isinstance(thing, (itertools.count, itertools.repeat)):
            self._has(thing, "repr({0})")
        elif isinstance(thing, (random.Random, np.random.RandomState)):
            self.steps.append((thing, state_of(thing)))
        elif isinstance(thing, types.GeneratorType):
            held = self._has(thing, "({0}.gi_frame and {{**{0}.gi_frame.f_locals}})")
            yield Place("link", [tuple((held or {}).values())], 0, name)
        elif hasattr(type(thing), "__length_hint__"):
            self._has(thing, "{0}.__length_hint__()")
        elif isinstance(thing, Iterator) and package(type(thing)) in LIBRARIES:  # enumerate, zip, map
            yield Place("link", [tuple(gc.get_referents(thing))], 0, name)

    def _of_object(self, thing: Any, name: str) -> Iterator[Place]:
        """An object's attributes, and the functions and constants of its class, if that is the user's."""
        prefix = (name + "." if name else "") + "{}"
        if isinstance(getattr(thing, "__dict__", None), dict):
            self.attributes.add(id(thing.__dict__))
            yield from self._entries(thing.__dict__, prefix)
        for kind in type(thing).__mro__[:-1]:
            if package(kind) in LIBRARIES:
                continue
            slots = kind.__dict__.items() if "__slots__" in kind.__dict__ else ()
            for slot, value in slots:
                # not where a derived class puts something else in a slot's place, as a property
                if isinstance(value, types.MemberDescriptorType) and getattr(type(thing), slot, None) is value:
                    yield Place("slot", thing, slot, prefix.format(slot))
            yield Place("link", [kind], 0, kind.__name__)
        if callable(thing) and not name:
            yield Place("link", [type(thing).__call__], 0, name)

    def _of_class(self, kind: type) -> Iterator[Place]:
        """What stands in a class of the user's, and in those that it is made of."""
        if package(kind) in LIBRARIES or isinstance(kind, enum.EnumMeta):
            return
        self.classes.append((kind, dict(kind.__dict__)))
        self.strict.add(id(kind))
        for name, value in dict(kind.__dict__).items():
            if isinstance(value, property):
                value = value.fget
            value = getattr(value, "__func__", value)  # what a static or class method is made of
            if not name.startswith("__") and not hasattr(type(value), "__get__"):
                yield Place("slot", kind, name, f"{kind.__name__}.{name}")
            elif isinstance(value, types.FunctionType) or not name.startswith("__"):
                yield Place("link", [value], 0, f"{kind.__name__}.{name}")
        for other in (*kind.__bases__, type(kind)):
            yield Place("link", [other], 0, other.__name__)

    def _entries(self, entries: dict[Any, Any], name: str) -> Iterator[Place]:
        self.containers.append((entries, len(entries)))
        if self._strict:
            self.strict.add(id(entries))
        for key in entries:
            yield Place("item", entries, key, name.format(key))

    def _of_function(self, function: Any) -> Iterator[Place]:
        module = package(function)
        if module in ("numpy", "scipy") or function.__code__.co_filename.startswith("<autograd op "):
            return
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield Place("cell", cell, None, name)
        if function.__defaults__:
            yield Place("link", [function.__defaults__], 0, function.__name__)
        if function.__kwdefaults__:
            yield Place("link", [function.__kwdefaults__], 0, function.__name__)
        if module in LIBRARIES or is_ours(function.__code__.co_filename):
            if function.__dict__.get("__wrapped__") is not None:
                yield Place("link", [function.__wrapped__], 0, function.__name__)
        else:
            self.functions.append(function)
            yield from self._entries(function.__dict__, function.__name__ + ".{}")
            named = dict.fromkeys(all_names(function.__code__))
            self.named.update(named)
            seen: set[int] = set()
            space = function.__globals__
            for place in imported(function.__code__, space.get("__package__") or ""):
                yield from in_module(place, named, seen)
            for place in looked_up(function):
                yield from in_module(place, named, seen)
            for name in global_names(function.__code__):
                self._globals.note(space, name)
                if name in space:
                    yield from self._of_global(Place("item", space, name, name), named, seen)

    def _of_global(self, place: Place, names: Any, seen: set[int]) -> Iterator[Place]:
        """A global variable; of a module of the user's those of its variables that the function names."""
        value = place.get()
        if isinstance(value, types.ModuleType):
            yield from in_module(place, names, seen)
        elif not isinstance(value, type) or package(value) not in LIBRARIES:
            yield place

    # ---- replacing and putting back ----------------------------------------------------------------------------------

    def enter(self, tape: Tape, streams: dict[int, Stream]) -> None:
        """Replace arrays by recording arrays, numbers that change by Numbers, generators by what stands for them."""
        self._tape, self._made = tape, {**self._made, **streams}
        self._globals.enter()
        for place, value in self.places:
            made = self._convert(value, place, ())
            self._entered.append((place, value, made))
            if made is not value:
                place.set(made)

    def _convert(self, value: Any, place: Place, path: tuple[int, ...]) -> Any:
        if id(value) in self._made:
            return self._made[id(value)]
        made = value
        if type(value) in _ARRAYS:
            if value.dtype.kind in "biufc":
                kind = "input" if (place.identity(), path) in self.volatile else "state"
                made = self._enter(value, kind, (place, path))
        elif type(value) is tuple:
            items = tuple([self._convert(item, place, (*path, i)) for i, item in enumerate(value)])
            if any(a is not b for a, b in zip(items, value, strict=True)):
                made = items
                if self.varies(value, place, path):
                    self._first[id(value)] = place
        elif (place.identity(), "unseen") in self.volatile:
            made = Unseen(value)
            self._unseen.append((place, made))
            return made
        elif type(value) is list and (place.identity(), "list") in self.volatile:
            made = [self._convert(item, place, (i,)) for i, item in enumerate(value)]
        elif isinstance(value, Handle) and (place.key == "_grad" or (place.identity(), path) in self.volatile):
            # another Tensor at each call, as gradients are: not looked for by what it is, but by where it stands
            made = maker_like(value)(self._enter(array_of(value), "input", (place, (*path, "_data"))))
            if place.key != "_grad":
                self.renewed.append((made, value, place, path))
        elif isinstance(value, np.random.Generator):
            made = Stream(self._tape, value, place)
        elif type(value) in NUMBERS and (place.identity(), path) in self.volatile:
            number = self._tape.number(value, "", ())
            number.place = (place, path)
            return number
        if made is not value:
            self._made[id(value)] = made
            self._keep.append(value)
        return made

    def inputs(self) -> Iterator[tuple[Any, Value]]:
        """The arrays that are another at each call, and where they stand (a place and the way on from there)."""
        for given in self._given:
            value = given._value
            if value is not None and value.storage.kind == "input" and value.place is not None:
                yield value.place, value

    def _enter(self, array: Any, kind: str, place: Any) -> RecordingArray:
        made = self._tape.enter(array, kind, place)
        self._given.append(made)
        return made

    def shared(self, value: Any) -> Place | None:
        """The first place where this tuple stands, if something in it changes from call to call."""
        return self._first.get(id(value))

    def varies(self, item: Any, place: Place, path: tuple[int, ...]) -> bool:
        """Whether something at a place, or in a tuple there, is another from call to call."""
        if not {(place.identity(), key) for key in (path, "list", "unseen")}.isdisjoint(self.volatile):
            return True
        return type(item) is tuple and any(self.varies(x, place, (*path, i)) for i, x in enumerate(item))

    def leave(self) -> list[tuple[Place, Any, Any]]:
        """Put everything back; returns what the function changed: where, from what, to what (still recording)."""
        changes = []
        self._globals.leave()
        for place, value, made in self._entered:
            try:
                now = place.get()
            except (KeyError, ValueError, IndexError):
                changes.append((place, value, _GONE))
                continue
            if now is made:
                if made is not value:
                    place.set(value)
            else:
                changes.append((place, value, now))
        return changes

    def clean(self, changes: list[tuple[Place, Any, Any]], restored: Any = plain) -> None:
        """Leave no recording arrays in what the function changed, as ``restored`` makes of what stands there."""
        for place, _, now in changes:
            if now is not _GONE:
                place.set(restored(now))
        for container, size in self.containers:
            if len(container) != size:
                mend(container, restored)

    def looked_at(self, restored: Any = plain) -> str | None:
        """The name of a container that the function looked at though it changes from call to call: it no longer may."""
        found = [place for place, made in self._unseen if made._used]
        self.history.settle([(place.identity(), "unseen") for place in found])
        for place in found:
            mend(place.get(), restored)
        return found[0].name if found else None

    def altered(self) -> str | None:
        """What the function changed that no program could change."""
        holds = [eval(text.format("thing"), {"thing": thing}) == was for thing, text, was in self.contents]
        changed = [thing for (thing, _, _), same in zip(self.contents, holds, strict=True) if not same]
        changed += [thing for thing, was in self.steps if state_of(thing) != was]
        changed += [thing for thing, was in self.sets if len(thing) == len(was) and thing != was]
        self.contents = [item for item, same in zip(self.contents, holds, strict=True) if same]
        if changed:
            return f"a {type(changed[0]).__name__} is changed, by no call of NumPy"
        return None

    def grown(self) -> str | None:
        """The name of a container that has more or fewer entries than before, if there is one."""
        for container, size in self.containers:
            if len(container) != size:
                return f"a {type(container).__name__} that had {size} entries has {len(container)}"
        return None


_GONE = object()
