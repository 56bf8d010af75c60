"""Guards: when a program holds. They are written as one function, which runs before every call of the program."""

from __future__ import annotations

import copy
import inspect
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..dtypes import default as default_dtype
from ..engine.modes import local, status
from ..engine.nodes import Handle, Leaf, array_of, new_tensor
from ..engine.quiet import begin, end
from .history import NUMBERS, History
from .places import Place
from .program import Program, reads_of
from .reach import Reach
from .recording import Tape
from .trees import Given, plain
from .values import Value

__all__ = ["MISSED", "PLAIN", "Guards"]

MISSED = object()
"""What a program's guards return when it does not hold."""
PLAIN = object()
"""What they return where it is known that no program can be made: the function is to be called as it is."""
_NUMBERS = (bool, int, float, complex, str)
_LITERAL = (bool, int, float, str)
"""What is written into a test as it is."""
_VALUES = (*_LITERAL, complex, bytes, slice, range)
"""What is the same if it is equal, and of the same class."""


class Guards:
    """The arguments of a call, as the function is recorded with them, and the tests that later ones must pass.

    Attributes:
        args, kwargs: the arguments with recording arrays.
        objects: arguments that are neither numbers nor arrays, with their names: in the function's reach.
        containers: for each list or dict among the arguments what stands for it, itself, its name, and its contents.
        given: for each argument that is a Tensor the one that stands for it, the argument, and what to call it.
        space: the globals of the written function.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        history: History,
    ) -> None:
        self._history = history
        self._names = _parameter_names(function)
        self._volatile = history.volatile
        self._tests: list[str] = []
        self._fetches: list[tuple[str, Value]] = []
        self.space: dict[str, Any] = {
            "_MISSED": MISSED,
            "_ndarray": np.ndarray,
            "_local": local,
            "_status": status,
            "inf": np.inf,
        }
        self._within: set[int] = set()
        self._by_identity: dict[int, tuple[Any, str]] = {}
        self._call: Any = args, kwargs
        self.objects: list[tuple[Any, str]] = []
        self.given: list[tuple[Any, Any, Given]] = []
        self.containers: list[tuple[Any, Any, str, Any]] = []
        for i, arg in enumerate((*args, *kwargs.values())):
            self._collect(arg, self._name(i))

    def _collect(self, arg: Any, name: str) -> None:
        """Find the arguments that lead on to other things."""
        if isinstance(arg, (tuple, list)):
            for item in arg:
                self._collect(item, name)
        elif type(arg) in (dict, OrderedDict):
            for item in arg.values():
                self._collect(item, name)
        elif hasattr(arg, "__dict__") or not isinstance(arg, (Handle, np.ndarray, *_NUMBERS, type(None))):
            self.objects.append((arg, name))

    def enter(self, reach: Reach, tape: Tape) -> None:
        """Make the arguments with which the function is recorded."""
        self._reach = reach
        self._tape = tape
        self._known = {id(thing): thing for thing in reach._keep}
        args, kwargs = self._call
        del self._call
        self._tests.append(f"len(args) == {len(args)}" if args else "not args")
        self._tests.append(f"[*kwargs] == {[*kwargs]!r}" if kwargs else "not kwargs")  # in this order
        self.args: Any = tuple([self._argument(arg, f"args[{i}]", self._name(i)) for i, arg in enumerate(args)])
        self.kwargs: Any = {}
        for name, arg in kwargs.items():
            self.kwargs[name] = self._argument(arg, f"kwargs[{name!r}]", name)
        self._tests += self._distinct()

    def _distinct(self) -> Iterator[str]:
        """The tests that arguments which could be one, being alike, are none."""
        alike: dict[Any, list[str]] = {}
        for made, text in self._by_identity.values():
            array = made if isinstance(made, np.ndarray) else made._data
            alike.setdefault((type(made), array.shape, array.dtype, array.strides), []).append(text)
        for texts in alike.values():
            if len(texts) == 2:
                yield " is not ".join(texts)
            elif len(texts) > 2:
                yield f"len({{{', '.join([f'id({text})' for text in texts])}}}) == {len(texts)}"

    def _name(self, i: int) -> str:
        return self._names[i] if i < len(self._names) else f"arg{i}"

    def _bind(self, thing: Any) -> str:
        name = f"o{id(thing)}"
        self.space[name] = thing
        return name

    # ---- arguments ---------------------------------------------------------------------------------------------------

    def _argument(self, arg: Any, text: str, name: str) -> Any:
        kind = type(arg)
        self._history.tell(f"the argument '{name}'", arg)
        if isinstance(arg, Handle) and id(arg) not in self._known:
            return self._tensor(arg, text, name)
        if kind is np.ndarray:
            known = self._by_identity.get(id(arg))
            if known is not None:
                self._tests.append(f"{text} is {known[1]}")
                return known[0]
            made = self._array(arg, text, name, f"type({text}) is _ndarray")
            self._by_identity[id(arg)] = made, text
            return made
        if isinstance(arg, tuple) or kind is list:
            self._tests.append(f"type({text}) is {self._bind(kind)} and len({text}) == {len(arg)}")
            items = [self._argument(item, f"{text}[{i}]", f"{name}_{i}") for i, item in enumerate(arg)]
            if kind is list:
                self.containers.append((items, arg, name, list(items)))
                return items
            return kind._make(items) if hasattr(kind, "_make") else tuple(items)
        if kind in (dict, OrderedDict):
            self._tests.append(f"type({text}) is {self._bind(kind)} and list({text}) == {self._bind(list(arg))}")
            made = kind(
                [(key, self._argument(x, f"{text}[{self._key(key)}]", f"{name}_{key}")) for key, x in arg.items()]
            )
            self.containers.append((made, arg, name, dict(made)))
            return made
        if kind in NUMBERS:
            self._history.note(("argument", text), arg)
            if (("argument", text), ()) in self._volatile:
                self._tests.append(f"type({text}) is {self._bind(kind)}")
                number = self._tape.number(arg, "", ())
                number.place = Place("argument", None, text, name), ()
                return number
        if kind is types.FunctionType and not (arg.__closure__ or arg.__defaults__ or arg.__kwdefaults__):
            code, space = self._bind(arg.__code__), self._bind(arg.__globals__)
            alike = f"{text}.__code__ is {code} and not ({text}.__closure__ or {text}.__defaults__)"
            self._tests.append(f"type({text}) is {self._bind(kind)} and {alike} and {text}.__globals__ is {space}")
            return arg
        self._tests.append(self._is(text, arg, True))
        return arg

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in _LITERAL else self._bind(key)

    def _tensor(self, arg: Any, text: str, name: str) -> Any:
        known = self._by_identity.get(id(arg))
        if known is not None:
            self._tests.append(f"{text} is {known[1]}")
            return known[0]
        node = "is None" if arg._node is None else "is not None"
        first = f"type({text}) is {self._bind(type(arg))} and {text}._node {node}"
        made = new_tensor(self._array(array_of(arg), f"{text}._data", name, first))
        made.__class__ = type(arg)
        self._by_identity[id(arg)] = made, text
        if arg._node is not None:
            made._node = Leaf(made)
        if arg._grad is not None and arg.is_leaf:
            made._grad = self._argument(arg._grad, f"{text}._grad", f"{name}_grad")
        elif arg.is_leaf:
            self._tests.append(f"{text}._grad is None")
        self.given.append((made, arg, Given(text, name)))
        return made

    def _array(self, array: Any, text: str, name: str, first: str) -> Any:
        made = self._tape.enter(array, "input")
        assert made._value is not None
        made._value.name = name
        place = f"x{len(self._fetches)}"
        self._fetches.append((place, made._value))
        self._tests.append(
            f"{first} and ({place} := {text}).shape == {array.shape} and {place}.dtype == {self._bind(array.dtype)} "
            f"and {place}.strides == {array.strides}"
        )
        return made

    def known(self, thing: Any) -> Any:
        """What stands in a program for a thing that was there before the call; None for others."""
        if id(thing) in self._known:
            return thing
        return next((given for made, _, given in self.given if made is thing), None)

    def returned(self, result: Any) -> Any:
        """The function's result without recording arrays; arguments that it returned are themselves."""
        return _swapped(plain(result), {id(made): arg for made, arg, _ in self.given})

    # ---- writing -----------------------------------------------------------------------------------------------------

    def inputs(self, program: Program) -> list[Value]:
        """The values that the program gets at each call: of the arguments, and of places whose array changes."""
        used = {value for item in program.items for value in reads_of(item)} | set(program.given())
        used |= {item.target for item in program.instructions() if item.target is not None}
        self._used = [value for _, value in self._fetches if value in used]
        self._fetched = [(place, value) for place, value in self._reach.inputs() if value in used]
        return [*self._used, *[value for _, value in self._fetched]]

    def write(self, emitter: Any) -> Callable[[Any, Any], Any]:
        """The function of ``args, kwargs`` that tests, and calls the program (``step`` among its globals)."""
        given = []
        used = [number.place for number in emitter.numbers] if emitter is not None else []
        self._changed = (
            {id(effect.place.container) for effect in emitter.program.effects} if emitter is not None else set()
        )
        self._used_numbers = {(place.identity(), path) for place, path in used}
        tests = ["(not _status.special or _local.grad)" if local.grad else "not _local.grad"]
        kept = self._kept()
        tests += [f"{self._bind(default_dtype)}.dtype is {self._bind(default_dtype.dtype)}", *self._tests, *kept]
        if emitter is not None:
            given = [place for place, value in self._fetches if value in self._used]
            for place, value in self._fetched:
                name = f"y{len(given)}"
                tests.append(
                    f"({name} := {self._place(*place)}).shape == {value.shape} and {name}.dtype == "
                    f"{self._bind(value.dtype)} and {name}.strides == {value.array.strides}"
                )
                given.append(name)
            tests += self._apart(emitter, given)
            given += [self._place(*number.place) for number in emitter.numbers]
            given += [self._place(place) for place in emitter.streams]
            given += [argument.text for argument in emitter.given]
        self.space.update(_PLAIN=PLAIN, _begin=begin, _end=end)
        body = ["def run(args, kwargs):", "    try:", "        if not ("]
        body += [f"            {'and ' if i else ''}{test}" for i, test in enumerate(dict.fromkeys(tests))]
        body += ["        ):", "            return _MISSED"]
        if emitter is not None:
            named = [f"g{i}" for i in range(len(given))]
            if given:
                body.append(f"        {', '.join(named)}, = {', '.join(given)},")
        body += ["    except _gone:", "        return _MISSED"]
        if emitter is not None:
            body += [
                "    token = _begin()",
                "    try:",
                f"        return step({', '.join(named)})",
                "    finally:",
                "        _end(token)",
            ]
        else:
            body += ["    return _PLAIN"]
        self.space["_gone"] = (LookupError, AttributeError, TypeError, ValueError, DeprecationWarning)
        exec(compile("\n".join(body), "<compiled guards>", "exec"), self.space)
        run: Callable[[Any, Any], Any] = self.space["run"]
        return run

    def _apart(self, emitter: Any, names: list[str]) -> list[str]:
        """The tests that what is given lies to what is written as in the record, if calls have changed places."""
        if not emitter.reorders:
            return []
        self.space.update(_overlap=np.may_share_memory, _gap=_gap)
        given = dict(zip([*self._used, *[value for _, value in self._fetched]], names, strict=True))
        first = {value.storage: (name, value.array) for value, name in reversed(given.items())}
        written = [item.target.storage for item in emitter.program.instructions() if item.target is not None]
        found = []
        for storage in dict.fromkeys(written):
            if storage.kind not in ("state", "input"):
                continue
            other, array = first.get(storage) or (self._bind(storage.array), storage.array)
            for value, name in given.items():
                if value.storage is not storage:
                    found.append(f"not _overlap({name}, {other})")
                elif name != other:
                    found.append(f"_gap({name}, {other}) == {_gap(value.array, array)}")
        return found

    def _place(self, place: Place, path: tuple[Any, ...] = ()) -> str:
        text = place.text(self._bind(place.container) if place.kind != "argument" else "", self._bind)
        for step in path:
            text += f".{step}" if isinstance(step, str) else f"[{step}]"
        return text + ("._data" if path and path[-1] == "_grad" else "")

    # ---- what is in reach --------------------------------------------------------------------------------------------

    def _kept(self) -> list[str]:
        """The tests of everything that is there before the call.

        Dicts and lists are compared all at once, by C code, with copies of them. Equal counts as the same there, so
        what can be equal without being the same is tested by itself too, and before: those tests never call ``__eq__``.
        """
        tests: list[str] = []
        places: dict[int, list[tuple[Place, Any]]] = {}
        for place, original in self._reach.places:
            if place.kind == "item":
                places.setdefault(id(place.container), []).append((place, original))
            elif place.kind != "link":
                tests += self._holds(place, original)
        live, copies = [], []
        tests += [f"{self._bind(thing)} == {self._bind(was)}" for thing, was in self._reach.sets]
        for container, size in self._reach.containers:
            if isinstance(container, (set, frozenset)):
                continue
            strict = id(container) in self._reach.strict
            inside = places.pop(id(container), [])
            nested = not strict and id(container) not in self._changed
            if len(inside) < size or any(self._is_volatile_in(value, place, ()) for place, value in inside):
                tests.append(f"len({self._bind(container)}) == {size}")
                tests += self._one_by_one(container, inside)
                continue
            alone = [(place, value) for place, value in inside if self._stands_alone(place, value, nested)]
            tests += [test for place, value in alone for test in self._holds(place, value)]
            was = copy.copy(container)
            for place, value in inside:  # not what the function left there
                was[place.key] = value
            live.append(container)
            copies.append(was)
            if strict:
                tests += [self._of_kind(place, value) for place, value in inside if type(value) in (bool, int)]
                if isinstance(container, dict) and size > 1 and not self._is_attributes(container):
                    tests.append(f"[*{self._bind(container)}] == {self._bind(list(container))}")
        for rest in places.values():  # global variables: the dict is not in reach as a whole
            tests += [test for place, value in rest for test in self._holds(place, value)]
        tests.append(f"{self._bind(live)} == {self._bind(copies)}")
        tests += [f"{self._bind(thing)}._node is {self._bind(thing._node)}" for thing in self._reach.tensors]
        for kind, was in self._reach.classes:
            tests += self._of_class(kind, was)
        for thing, expression, was in self._reach.contents:
            tests.append(f"{expression.format(self._bind(thing))} == {self._bind(was)}")
        for function in self._reach.functions:
            name, code, defaults = map(self._bind, (function, function.__code__, function.__defaults__))
            tests += [f"{name}.__code__ is {code}", f"{name}.__defaults__ is {defaults}"]
        return tests

    def _of_class(self, kind: type, was: dict[str, Any]) -> list[str]:
        """The tests of what stands in a class, but for numbers that change."""
        same = {name: value for name, value in was.items() if ((id(kind), name), ()) not in self._volatile}
        if len(same) == len(was):
            return [f"vars({self._bind(kind)}) == {self._bind(was)}"]
        names, values = self._bind(list(same)), self._bind(list(same.values()))
        return [
            f"len(vars({self._bind(kind)})) == {len(was)}",
            f"[*map(vars({self._bind(kind)}).get, {names})] == {values}",
        ]

    def _one_by_one(self, container: Any, inside: list[tuple[Place, Any]]) -> list[str]:
        """The tests of a container in which numbers change."""
        alike = len(inside) == len(container) and len({id(value) for _, value in inside}) == 1
        if alike and type(container) is list and type(inside[0][1]) is tuple:  # step counts, which go together
            name = self._bind(container)
            return [*self._holds(*inside[0]), f"{name}.count({name}[0]) == {len(container)}"]
        return [test for place, value in inside for test in self._holds(place, value)]

    def _of_kind(self, place: Place, value: Any) -> str:
        return f"type({self._place(place)}) is {self._bind(type(value))}"

    def _is_attributes(self, container: Any) -> bool:
        return id(container) in self._reach.attributes

    def _stands_alone(self, place: Place, value: Any, nested: bool) -> bool:
        """Whether something else can be equal to what stands at a place.

        With ``nested`` lists and dicts of what cannot do not count: one that is equal means the same to the program.
        """
        if self._is_volatile_in(value, place, ()):
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
        plain = type(value) in _NUMBERS or isinstance(value, (type(None), type, np.dtype))
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
        text = self._place(place)
        if place.key == "_grad":
            return [f"{text} is {'not ' if original is not None else ''}None"]
        return self._same(text, original, place, ())

    def _same(self, text: str, original: Any, place: Place, path: tuple[int, ...]) -> list[str]:
        if (place.identity(), path) in self._volatile:
            if isinstance(original, Handle):
                return [f"type({text}) is {self._bind(type(original))} and {text}._node is None"]
            if (place.identity(), path) not in self._used_numbers and path and type(original) in NUMBERS:
                return []
            return [f"type({text}) is {self._bind(type(original))}"]
        if (place.identity(), "unseen") in self._volatile:
            return [f"type({text}) is {self._bind(type(original))}"]
        if type(original) is list and (place.identity(), "list") in self._volatile:
            tests = [f"type({text}) is {self._bind(list)} and len({text}) == {len(original)}"]
            return tests + [
                test for i, item in enumerate(original) for test in self._same(f"{text}[{i}]", item, place, (i,))
            ]
        if type(original) is tuple:
            first = self._reach.shared(original)
            if any(self._is_volatile_in(item, place, (*path, i)) for i, item in enumerate(original)):
                if first is not None and first is not place:
                    return [f"{text} == {self._place(first)}"]
                tests = [f"len({text}) == {len(original)}"]
                for i, item in enumerate(original):
                    tests += self._same(f"{text}[{i}]", item, place, (*path, i))
                return tests
            if first is not None and first is not place:
                return [f"{text} is {self._place(first)}"]
            return [
                f"{text} == {self._bind(original)}" if _comparable(original) else f"{text} is {self._bind(original)}"
            ]
        if isinstance(original, np.random.Generator):
            return []  # fetched at each call
        return [self._is(text, original, id(place.container) in self._reach.strict)]

    def _is(self, text: str, value: Any, strict: bool) -> str:
        """The test that something is a certain value: a number or text by what it is worth, others by identity.

        With ``strict`` ``2`` and ``2.0``, or ``0.0`` and ``-0.0``, are not the same.
        """
        kind = type(value)
        if value is None:
            return f"{text} is None"
        if not (kind in _VALUES or isinstance(value, np.generic)) or value != value:
            return f"{text} is {self._bind(value)}"
        if strict and kind is float and value == 0:
            return f"type({text}) is {self._bind(kind)} and repr({text}) == '{value!r}'"
        test = f"{text} == {repr(value) if kind in _LITERAL else self._bind(value)}"
        return f"type({text}) is {self._bind(kind)} and {test}" if strict or kind not in _LITERAL else test

    def _is_volatile_in(self, item: Any, place: Place, path: tuple[int, ...]) -> bool:
        if not {(place.identity(), key) for key in (path, "list", "unseen")}.isdisjoint(self._volatile):
            return True
        return type(item) is tuple and any(self._is_volatile_in(x, place, (*path, i)) for i, x in enumerate(item))


def _gap(a: Any, b: Any) -> int:
    """How many bytes one array begins after another."""
    return int(a.__array_interface__["data"][0] - b.__array_interface__["data"][0])


def _comparable(value: Any) -> bool:
    if type(value) is tuple:
        return all(_comparable(item) for item in value)
    return value is None or isinstance(value, _NUMBERS)


def _swapped(result: Any, swaps: dict[int, Any]) -> Any:
    if id(result) in swaps:
        return swaps[id(result)]
    if type(result) in (tuple, list):
        return type(result)([_swapped(item, swaps) for item in result])
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make([_swapped(item, swaps) for item in result])
    if type(result) in (dict, OrderedDict):
        return type(result)((key, _swapped(item, swaps)) for key, item in result.items())
    return result


def _parameter_names(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
