"""Whether everything that a function can reach is as it was: the tests of it, as Python text."""

from __future__ import annotations

import copy
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from .history import NUMBERS
from .keeping import Kept
from .places import Place
from .reach import Reach

__all__ = ["LITERAL", "PLAIN_NUMBERS", "Space", "Unchanged"]

PLAIN_NUMBERS = (bool, int, float, complex, str)
LITERAL = (bool, int, float, str)
"""What is written into a test as it is."""
_VALUES = (*LITERAL, complex, bytes, slice, range)
"""What is the same if it is equal, and of the same class."""


_CONTAINERS = (list, deque, dict, OrderedDict, defaultdict)


class Space:
    """What the text of a written function names.

    Attributes:
        variables: its globals; cells: the cells of other functions that it shares, by the names of what they hold.
    """

    def __init__(self, **variables: Any) -> None:
        self.variables: dict[str, Any] = variables
        self.cells: dict[str, Any] = {}

    def bind(self, thing: Any) -> str:
        """The name of a thing."""
        name = f"o{id(thing)}"
        self.variables[name] = thing
        return name

    def place(self, place: Place, path: tuple[Any, ...] = ()) -> str:
        """The expression that gets what stands at a place, or further along a path of keys and attributes."""
        if place.kind == "cell":
            text = f"c{id(place.container)}"  # a variable takes less time than an attribute of the cell
            self.cells[text] = place.container
        else:
            text = place.text(self.bind(place.container) if place.kind != "argument" else "", self.bind)
        for step in path:
            text += f".{step}" if isinstance(step, str) else f"[{step}]"
        return text + ("._data" if path and path[-1] == "_grad" else "")

    def function(self, name: str, lines: list[str]) -> Callable[..., Any]:
        """The function of this name that some lines define."""
        body = "".join([f"    {line}\n" for line in lines])
        text = f"def sharing({', '.join(self.cells)}):\n{body}    return {name}\n"
        exec(compile(text, "<compiled guards>", "exec"), self.variables)
        made = self.variables.pop("sharing")(*self.cells.values())
        shared = tuple([self.cells[cell] for cell in made.__code__.co_freevars])
        return types.FunctionType(made.__code__, self.variables, name, None, shared)

    def identity(self, text: str, thing: Any) -> str:
        """The test that something is a certain object."""
        return f"{text} is {'None' if thing is None else self.bind(thing)}"

    @staticmethod
    def array(text: str, found: Any) -> str:
        """The expression ``text``; where it gets a tensor's only number, that as an array also if it is a scalar."""
        tensor, _, attribute = text.rpartition(".")
        return f"_array_of({tensor})" if attribute == "_data" and not found.shape else text

    def same(self, text: str, value: Any, strict: bool) -> str:
        """The test that something is a certain value: a number or text by what it is worth, others by identity.

        With ``strict`` ``2`` and ``2.0``, or ``0.0`` and ``-0.0``, are not the same.
        """
        kind = type(value)
        if value is None:
            return f"{text} is None"
        if not (kind in _VALUES or isinstance(value, np.generic)) or value != value:
            return f"{text} is {self.bind(value)}"
        if strict and kind is float and value == 0:
            return f"type({text}) is {self.bind(kind)} and repr({text}) == '{value!r}'"
        test = f"{text} == {repr(value) if kind in LITERAL else self.bind(value)}"
        return f"type({text}) is {self.bind(kind)} and {test}" if strict or kind not in LITERAL else test


class Unchanged:
    """The tests of everything that is there before the call.

    Attributes:
        changed: the ``id`` of each container that the program changes.
        used: the numbers that change from call to call and that the program takes, each as a place and a path.
        gradients: the arrays of gradients that the program writes again; None if there are none.
    """

    def __init__(
        self,
        space: Space,
        reach: Reach,
        volatile: Any,
        changed: set[int],
        used: set[tuple[Any, tuple[Any, ...]]],
        gradients: Kept | None,
    ) -> None:
        self._space = space
        self._reach = reach
        self._volatile = volatile
        self._changed = changed
        self._used = used
        self._gradients = gradients
        self._within: set[int] = set()

    def tests(self) -> list[str]:
        """The tests of everything that is there before the call."""
        tests: list[str] = []
        items: dict[int, list[tuple[Place, Any]]] = {}
        for place, original in self._reach.places:
            if place.kind == "item":
                items.setdefault(id(place.container), []).append((place, original))
            elif place.kind != "link":
                tests += self._holds(place, original)
        tests += [f"{self._space.bind(thing)} == {self._space.bind(was)}" for thing, was in self._reach.sets]
        tests += self._of_items(items)
        for thing, node in self._reach.graphs:
            tests.append(self._space.identity(f"{self._space.bind(thing)}._node", node))
        for place in self._reach.unset:
            tests.append(f"not hasattr({self._space.bind(place.container)}, {place.key!r})")
        for kind, was in self._reach.classes:
            tests += self._of_class(kind, was)
        if instances := self._reach.instances:
            tests.append(f"[*map(type, {self._space.bind(instances)})] == {self._space.bind([*map(type, instances)])}")
        for thing, expression, was in self._reach.contents:
            tests.append(f"{expression.format(self._space.bind(thing))} == {self._space.bind(was)}")
        for function in self._reach.functions:
            name = self._space.bind(function)
            tests.append(self._space.identity(f"{name}.__code__", function.__code__))
            tests.append(self._space.identity(f"{name}.__defaults__", function.__defaults__))
            if function.__code__.co_kwonlyargcount:
                tests.append(self._space.identity(f"{name}.__kwdefaults__", function.__kwdefaults__))
        return tests

    def _of_items(self, items: dict[int, list[tuple[Place, Any]]]) -> list[str]:
        """The tests of what dicts and lists contain, given by the container's ``id``.

        They are compared all at once, by C code, with copies of them. Equal counts as the same there, so what can be
        equal without being the same is tested by itself too, and before: those tests never call ``__eq__``.
        """
        tests: list[str] = []
        live, copies, empty = [], [], []
        for container, size in self._reach.containers:
            if isinstance(container, (set, frozenset)):
                continue
            if not size and type(container) in _CONTAINERS:
                empty.append(self._space.bind(container))
                continue
            strict = id(container) in self._reach.strict
            inside = items.pop(id(container), [])
            nested = not strict and id(container) not in self._changed
            if len(inside) < size or any(self._reach.varies(value, place, ()) for place, value in inside):
                tests += self._one_by_one(container, size, inside)
                continue
            alone = [(place, value) for place, value in inside if self._stands_alone(place, value, nested)]
            tests += [test for place, value in alone for test in self._holds(place, value)]
            of_users = isinstance(container, dict) and type(container) not in _CONTAINERS
            was = {} if of_users else copy.copy(container)
            for place, value in inside:  # not what the function left there
                was[place.key] = value
            live.append(container)
            copies.append(was)
            if strict:
                tests += [self._of_kind(place, value) for place, value in inside if type(value) in (bool, int)]
                if isinstance(container, dict) and size > 1 and not self._is_attributes(container):
                    tests.append(f"[*{self._space.bind(container)}] == {self._space.bind(list(container))}")
        for rest in items.values():  # global variables: the dict is not in reach as a whole
            tests += [test for place, value in rest for test in self._holds(place, value)]
        tests += [f"not ({' or '.join(empty)})"] if empty else []
        tests.append(f"{self._space.bind(live)} == {self._space.bind(copies)}")
        return tests

    def _of_class(self, kind: type, was: dict[str, Any]) -> list[str]:
        """The tests of what stands in a class, but for numbers that change."""
        same = {name: value for name, value in was.items() if ((id(kind), name), ()) not in self._volatile}
        if len(same) == len(was):
            return [f"vars({self._space.bind(kind)}) == {self._space.bind(was)}"]
        names, values = self._space.bind(list(same)), self._space.bind(list(same.values()))
        return [
            f"len(vars({self._space.bind(kind)})) == {len(was)}",
            f"[*map(vars({self._space.bind(kind)}).get, {names})] == {values}",
        ]

    def _one_by_one(self, container: Any, size: int, inside: list[tuple[Place, Any]]) -> list[str]:
        """The tests of a container in which numbers change."""
        name = self._space.bind(container)
        alike = len(inside) == len(container) and len({id(value) for _, value in inside}) == 1
        if alike and type(container) is list and type(inside[0][1]) is tuple:  # step counts, which go together
            return [*self._holds(*inside[0]), f"{name} == [{name}[0]] * {size}"]
        return [f"len({name}) == {size}", *[test for place, value in inside for test in self._holds(place, value)]]

    def _of_kind(self, place: Place, value: Any) -> str:
        return f"type({self._space.place(place)}) is {self._space.bind(type(value))}"

    def _is_attributes(self, container: Any) -> bool:
        return id(container) in self._reach.attributes

    def _stands_alone(self, place: Place, value: Any, nested: bool) -> bool:
        """Whether something else can be equal to what stands at a place.

        With ``nested`` lists and dicts of what cannot do not count: one that is equal means the same to the program.
        """
        if self._reach.varies(value, place, ()):
            return True
        if nested and type(value) in (list, dict, OrderedDict, defaultdict):
            return not self._means_the_same(value)
        if type(value) is tuple:
            if nested and self._reach.shared(value) is None:
                return any(self._stands_alone(place, item, True) for item in value)
            return self._reach.shared(value) is not None or not _comparable(value)
        if isinstance(value, (Handle, np.ndarray)):
            array = value if isinstance(value, np.ndarray) else np.asarray(value._data)
            return array.size < 2
        if type(value) is float and value == 0 and id(place.container) in self._reach.strict:
            return True
        plain = type(value) in PLAIN_NUMBERS or isinstance(value, (type(None), type, np.dtype))
        return not plain and getattr(type(value), "__eq__", None) is not object.__eq__

    def _means_the_same(self, container: Any) -> bool:
        """Whether a container that is equal to this one, in its place, makes no difference to the program."""
        if id(container) in self._changed | self._reach.strict | self._within:
            return False
        self._within.add(id(container))
        listed = container.items() if isinstance(container, dict) else enumerate(container)
        same = not any(self._stands_alone(Place("item", container, key, ""), item, True) for key, item in listed)
        self._within.remove(id(container))
        return same

    def _holds(self, place: Place, original: Any) -> list[str]:
        """The tests of what stands at a place."""
        text = self._space.place(place)
        if place.key == "_grad":
            if original is not None and self._gradients is not None and self._gradients.sees(place.container):
                return []
            return [f"{text} is {'not ' if original is not None else ''}None"]
        return self._same(text, original, place, ())

    def _same(self, text: str, original: Any, place: Place, path: tuple[int, ...]) -> list[str]:
        if (place.identity(), path) in self._volatile:
            if isinstance(original, Handle):
                return [f"type({text}) is {self._space.bind(type(original))} and {text}._node is None"]
            if (place.identity(), path) not in self._used and path and type(original) in NUMBERS:
                return []
            return [f"type({text}) is {self._space.bind(type(original))}"]
        if (place.identity(), "unseen") in self._volatile:
            return [f"type({text}) is {self._space.bind(type(original))}"]
        if type(original) is list and (place.identity(), "list") in self._volatile:
            tests = [f"type({text}) is {self._space.bind(list)} and len({text}) == {len(original)}"]
            return tests + [
                test for i, item in enumerate(original) for test in self._same(f"{text}[{i}]", item, place, (i,))
            ]
        if type(original) is tuple:
            first = self._reach.shared(original)
            if any(self._reach.varies(item, place, (*path, i)) for i, item in enumerate(original)):
                if first is not None and first is not place:
                    return [f"{text} == {self._space.place(first)}"]
                tests = [f"len({text}) == {len(original)}"]
                for i, item in enumerate(original):
                    tests += self._same(f"{text}[{i}]", item, place, (*path, i))
                return tests
            if first is not None and first is not place:
                return [f"{text} is {self._space.place(first)}"]
            return [
                f"{text} == {self._space.bind(original)}"
                if _comparable(original)
                else f"{text} is {self._space.bind(original)}"
            ]
        if isinstance(original, np.random.Generator):
            return []  # fetched at each call
        return [self._space.same(text, original, id(place.container) in self._reach.strict)]


def _comparable(value: Any) -> bool:
    if type(value) is tuple:
        return all(_comparable(item) for item in value)
    return value is None or isinstance(value, PLAIN_NUMBERS)
