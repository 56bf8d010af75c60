"""Every place that a function can reach, found by walking from thing to thing: what a variable, an item or an attribute
holds, what a function's code names, what its class's methods do.

What no code in reach names (a method that draws, an attribute that logs) is looked at last, and not beyond what belongs
to the packages of the code in reach: a figure of a plotting library leads to all of that library.
"""

from __future__ import annotations

import contextvars
import enum
import functools
import gc
import inspect
import itertools
import operator
import random
import types
import weakref
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .._op import Op
from ..engine.callsite import is_ours
from ..engine.nodes import Handle, Leaf, array_of
from ..generator import Generator, default_generator
from .arrays import RecordingArray
from .history import History
from .places import LIBRARIES, Place, all_names, global_names, imported, in_module, is_namespace, looked_up, package
from .standins import Globals
from .streams import state_of
from .trees import plain

__all__ = ["ARRAYS", "Walk"]

_ATOMS = (
    bool, int, float, complex, str, bytes, type(None), np.dtype, np.generic, types.ModuleType, slice, range, Op,
)  # fmt: skip
"""What leads on to nothing that may change; what an op leads on to are functions, made when they are first used."""
_CONTAINERS = (dict, list, deque, set, frozenset)
"""What has attributes beside what it contains only if its class is the user's."""
ARRAYS = (np.ndarray, np.memmap)
"""The classes of arrays whose calls are written down."""
_BY_TEXT = {"getattr", "vars", "__dict__", "__getattribute__", "attrgetter", "methodcaller", "eval", "exec", "locals"}
"""Names of what reaches for attributes that no code need name."""
_SWITCHES = {"requires_grad", "requires_grad_"}
"""Names of what has a Tensor require grad: with the hooks that it had before."""
_Item = tuple[Any, str, bool]
"""What to look at, how it is called, and whether ``2`` and ``2.0`` are not the same in it."""


class Walk:
    """Everything in the reach of a function.

    Args:
        function: the function.
        history: which of the places with numbers, or arrays, change from call to call.
        objects: other things that it is given, with their names.

    Attributes:
        places: every place in reach with what stands there.
        containers: everything that could grow, with its length.
        strict: the ids of those containers in which ``2`` and ``2.0`` are not the same: they are not of our modules
            and optimizers.
        attributes: the ids of the dicts of objects' attributes, whose order does not count.
        classes: the user's classes, with what stood in them; instances: objects of these classes.
        functions: the user's functions; named: the names that they use.
        sets: the sets, with what was in them.
        unset: the slots of objects in which nothing stands.
        steps: random generators of Python's, and the like, with their state: the function may not step on.
        contents: things that change in their own way: for each an expression of it, ``{0}``, and what that gave.
        tensors: the Tensors in reach.
    """

    def __init__(self, function: Any, history: History, objects: Sequence[tuple[Any, str]] = ()) -> None:
        self.history = history
        self.volatile = history.volatile
        self.places: list[tuple[Place, Any]] = []
        self.containers: list[tuple[Any, Any]] = []
        self.classes: list[tuple[type, dict[str, Any]]] = []
        self.instances: list[Any] = []
        self.functions: list[types.FunctionType] = []
        self.contents: list[tuple[Any, str, Any]] = []
        self.sets: list[tuple[Any, frozenset[Any]]] = []
        self.unset: list[Place] = []
        self.steps: list[tuple[Any, Any]] = []
        self.strict: set[int] = set()
        self.attributes: set[int] = set()
        self.named: dict[str, None] = {}
        self._strict = True
        self._globals = Globals()
        self._held: list[tuple[Any, str]] = []  # modules that are kept elsewhere than among variables, with their names
        self._unnamed: dict[str, list[_Item]] = {}  # what only attributes lead to that no code has named so far
        self._known: set[str] | None = None  # the packages of the code in reach, as soon as that is all found
        self._seen: set[int] = set()
        self._keep: list[Any] = []
        for thing, name in ((function, ""), *objects, (default_generator, "")):
            self._walk([(thing, name, True)])
        if _BY_TEXT.isdisjoint(self.named):
            self._known = {*map(package, self.functions), *[package(kind) for kind, _ in self.classes], *LIBRARIES}
        while self._unnamed:
            unnamed, self._unnamed = self._unnamed, {}
            self._walk([item for items in unnamed.values() for item in items])
        self.tensors = [thing for thing in self._keep if isinstance(thing, Handle)]
        if not _SWITCHES.isdisjoint(self.named):
            resting = [tensor for tensor in self.tensors if tensor._node is None and hasattr(tensor, "_resting")]
            self._walk([(tensor._resting, "a Tensor that requires no grad", True) for tensor in resting])

    def _walk(self, starts: Iterable[_Item]) -> None:
        self._near = near = deque(starts)
        # what only private names lead to: its names are the worse ones
        self._far = far = deque[_Item]()
        while near or far or self._named_by_now() or self._held:
            if not (near or far):
                module, name = self._held.pop()
                self._visit(in_module(Place("link", [module], 0, name), tuple(self.named), set()), name, True)
                continue
            thing, name, strict = near.popleft() if near else far.popleft()
            if isinstance(thing, _ATOMS) or id(thing) in self._seen or self._is_foreign(thing):
                continue
            self._seen.add(id(thing))
            self._keep.append(thing)
            if hasattr(thing, "__dict__"):
                strict = package(type(thing)) not in ("nn", "optim", "autograd")
            self._strict = strict
            self._visit(self._inside(thing, name), name, strict)

    def _named_by_now(self) -> bool:
        """Go on to what stands in attributes that were not named when they were found, and are now."""
        if self._known is None:
            for name in [name for name in self._unnamed if name in self.named]:
                self._near.extend(self._unnamed.pop(name))
        return bool(self._near)

    def _is_foreign(self, thing: Any) -> bool:
        """Whether only attributes that no code names lead to this thing, and it is of a package of no code in reach."""
        if self._known is None:
            return False
        kinds = (thing,) if isinstance(thing, (type, types.FunctionType)) else type(thing).__mro__[:-1]
        return self._known.isdisjoint(map(package, kinds))

    def _visit(self, places: Iterator[Place], name: str, strict: bool) -> None:
        """Note what stands at some places of a thing, and where to walk on to."""
        for place in places:
            try:
                value = place.get()
            except (ValueError, AttributeError):  # an empty cell, an unset slot
                if place.kind == "slot" and not hasattr(type(place.container), "__getattr__"):
                    self.unset.append(place)
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
                queue: Any = self._far if "._" in place.name or place.name.startswith("_") else self._near
                if place.attribute is not None and place.attribute not in self.named:
                    queue = self._unnamed.setdefault(place.attribute, [])
                queue.extend((item, place.name, strict) for item in self._items(value, identity, ()))

    def _items(self, value: Any, identity: Any, path: tuple[int, ...]) -> Iterator[Any]:
        """What to walk on to: the value, or what stands in a tuple, but for what is another at each call."""
        if (identity, path) in self.volatile:
            return
        if isinstance(value, tuple):
            for i, item in enumerate(value):
                yield from self._items(item, identity, (*path, i))
            if type(value) is not tuple and package(type(value)) not in LIBRARIES:
                yield type(value)
                yield getattr(value, "__dict__", None)
        else:
            yield value

    def _inside(self, thing: Any, name: str) -> Iterator[Place]:
        if isinstance(thing, Handle):
            array_of(thing)
            yield Place("slot", thing, "_data", name)
            yield Place("slot", thing, "_grad", f"{name}.grad")
            if thing._node is not None:
                yield from self._hooks(thing._node, name)
            if getattr(thing, "__dict__", None):
                yield from self._entries(thing.__dict__, name + ".{}")
        elif isinstance(thing, Generator):
            yield Place("slot", thing, "_stream", name)
        elif isinstance(thing, Leaf):
            yield from self._hooks(thing, name)
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
        if isinstance(thing, _CONTAINERS) and package(type(thing)) not in LIBRARIES:
            yield from self._of_object(thing, name)

    @staticmethod
    def _hooks(node: Any, name: str) -> Iterator[Place]:
        yield Place("slot", node, "hooks", f"the hooks of {name}")
        if type(node) is Leaf and node.hooks is not None:
            yield Place("slot", node, "after", f"the later hooks of {name}")

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
        elif thing.dtype.kind not in "biufc" or type(thing) not in ARRAYS:
            self._has(thing, "{0}.tobytes()")

    def _of_builtin(self, thing: Any, name: str) -> Iterator[Place]:
        """Python's own objects that lead on to others, or hold what is no attribute of theirs."""
        if isinstance(thing, (types.BuiltinMethodType, types.MethodWrapperType)):
            yield Place("link", [thing.__self__], 0, name)
        elif isinstance(thing, (operator.attrgetter, operator.methodcaller)):
            self.named[type(thing).__name__] = None
        elif isinstance(thing, types.MappingProxyType):
            yield Place("link", gc.get_referents(thing), 0, name)
        elif isinstance(thing, functools._lru_cache_wrapper):
            for held in gc.get_referents(thing):  # what it returned so far, or a dict of that
                for item in held.values() if type(held) is dict else (held,):
                    if not isinstance(item, type):
                        yield Place("link", [item], 0, name)
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
        of_users = LIBRARIES.isdisjoint(map(package, type(thing).__mro__[:-1]))  # no library uses its attributes
        if package(type(thing)) not in LIBRARIES:
            self.instances.append(thing)
        if isinstance(getattr(thing, "__dict__", None), dict):
            self.attributes.add(id(thing.__dict__))
            yield from self._entries(thing.__dict__, prefix, of_users)
        for kind in type(thing).__mro__[:-1]:
            if package(kind) in LIBRARIES:
                continue
            slots = kind.__dict__.items() if "__slots__" in kind.__dict__ else ()
            for slot, value in slots:
                # not where a derived class puts something else in a slot's place, as a property
                if isinstance(value, types.MemberDescriptorType) and getattr(type(thing), slot, None) is value:
                    yield Place("slot", thing, slot, prefix.format(slot), slot if of_users else None)
            yield Place("link", [kind], 0, kind.__name__)
        if callable(thing) and not name:
            yield Place("link", [type(thing).__call__], 0, name)

    def _of_class(self, kind: type) -> Iterator[Place]:
        """What stands in a class of the user's, and in those that it is made of."""
        if package(kind) in LIBRARIES or isinstance(kind, enum.EnumMeta):
            return
        self.classes.append((kind, dict(kind.__dict__)))
        self.strict.add(id(kind))
        of_libraries = [base for base in kind.__mro__[1:-1] if package(base) in LIBRARIES]
        for name, value in dict(kind.__dict__).items():
            if isinstance(value, property):
                value = value.fget
            value = getattr(value, "__func__", value)  # what a static or class method is made of
            text = f"{kind.__name__}.{name}"
            if name.startswith("__"):
                if isinstance(value, types.FunctionType):  # an object that is there already is made again by no code
                    yield Place("link", [value], 0, text, kind.__name__ if name == "__init__" else None)
            elif hasattr(type(value), "__get__"):
                called = any(hasattr(base, name) for base in of_libraries)  # a library calls it, as Module does forward
                yield Place("link", [value], 0, text, None if called else name)
            elif hasattr(inspect.getattr_static(type(kind), name, None), "__set__"):  # a property of the metaclass
                yield Place("link", [value], 0, text)
            else:
                yield Place("slot", kind, name, text)
        for other in (*kind.__bases__, type(kind)):
            yield Place("link", [other], 0, other.__name__)

    def _entries(self, entries: dict[Any, Any], name: str, attributes: bool = False) -> Iterator[Place]:
        self.containers.append((entries, len(entries)))
        if self._strict:
            self.strict.add(id(entries))
        for key in entries:
            yield Place("item", entries, key, name.format(key), key if attributes else None)

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
