"""Guards: when a program holds. They are written as one function, which runs before every call of the program."""

from __future__ import annotations

import inspect
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..dtypes import default as default_dtype
from ..engine.hooks import EVERYWHERE
from ..engine.modes import local, status
from ..engine.nodes import Handle, Leaf, array_of, new_tensor
from .history import NUMBERS, History
from .mending import Mending
from .places import Place
from .program import Program, reads_of
from .reach import Reach
from .recording import Tape
from .streams import Stream
from .trees import Given, Itself, is_record
from .unchanged import LITERAL, PLAIN_NUMBERS, Space, Unchanged
from .values import UnrecordableError, Value, address

__all__ = ["MISSED", "PLAIN", "Guards", "parameter_names"]

MISSED = object()
"""What a program's guards return when it does not hold."""
PLAIN = object()
"""What they return where it is known that no program can be made: the function is to be called as it is."""


_OF_COMPUTED = {"is_leaf", "grad_fn", "retain_grad", "retains_grad"}
"""What is asked only of Tensors that were computed."""
_TOLD_APART = (np.ndarray, list, dict, OrderedDict)
"""The classes of arguments, besides Tensors, that are told from things in reach by what they are."""


class Guards:
    """The arguments of a call, as the function is recorded with them, and the tests that later ones must pass.

    Attributes:
        args, kwargs: the arguments with recording arrays.
        objects: what is in the function's reach: arguments that are neither numbers nor arrays, hooks; with names.
        containers: for each list, dict or dataclass among the arguments what stands for it, itself, what to call it,
            and its contents.
        given: for each argument that is a Tensor the one that stands for it, the argument, and what to call it; after
            ``take_renewed`` for others, too.
        leaves: what stands for arguments in the graph, and what it stands for; met: Tensors that may lead to it.
        streams: what stands for random generators among the arguments, by the generator's id.
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
        self._names = parameter_names(function)
        self._volatile = history.volatile
        self._tests: list[str] = []
        self._fetches: list[tuple[str, Value]] = []
        self._space = Space(
            _MISSED=MISSED, _ndarray=np.ndarray, _local=local, _status=status, _PLAIN=PLAIN,
            _gone=(LookupError, AttributeError, TypeError, ValueError, NameError, DeprecationWarning),
            _array_of=array_of, inf=np.inf,
        )  # fmt: skip
        self._bind = self._space.bind
        self.space = self._space.variables
        self._by_identity: dict[int, tuple[Any, str]] = {}
        self._call: Any = args, kwargs
        self.objects: list[tuple[Any, str]] = [(EVERYWHERE, "the hooks of all modules")]
        self.given: list[tuple[Any, Any, Given]] = []
        self.leaves: dict[Any, Any] = {}
        self.met: list[Any] = []
        self.containers: list[tuple[Any, Any, Given, Any]] = []
        self._records: set[int] = set()
        self.streams: dict[int, Stream] = {}
        for i, arg in enumerate((*args, *kwargs.values())):
            self._collect(arg, self._name(i))

    def _collect(self, arg: Any, name: str) -> None:
        """Find the arguments that lead on to other things."""
        if isinstance(arg, (tuple, list)):
            if type(arg) not in (tuple, list):
                self.objects.append((type(arg), type(arg).__name__))
            for item in arg:
                self._collect(item, name)
        elif type(arg) in (dict, OrderedDict):
            for item in arg.values():
                self._collect(item, name)
        elif is_record(arg) and self._history.is_renewed(name, arg):
            self._records.add(id(arg))
            self.objects.append((type(arg), type(arg).__name__))
            self._collect(list(vars(arg).values()), name)
        elif hasattr(arg, "__dict__") or not isinstance(arg, (Handle, np.ndarray, *PLAIN_NUMBERS, type(None))):
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

    def take_renewed(self) -> None:
        """Tensors in reach that are others at each call are like arguments."""
        for made, value, place, path in self._reach.renewed:
            self.given.append((made, value, Given(self._space.place(place, path), place.name)))

    def _distinct(self) -> Iterator[str]:
        """The tests that arguments which could be one, or a thing in reach, being alike, are none."""
        alike: dict[Any, list[str]] = {}
        for made, text in self._by_identity.values():
            alike.setdefault(_form(made), []).append(text)
        for texts in alike.values():
            if len(texts) == 2:
                yield " is not ".join(texts)
            elif len(texts) > 2:
                yield f"len({{{', '.join([f'id({text})' for text in texts])}}}) == {len(texts)}"
        for thing in self._known.values():
            if type(thing) in _TOLD_APART or isinstance(thing, Handle):
                yield from [f"{text} is not {self._bind(thing)}" for text in alike.get(_form(thing), ())]

    def _name(self, i: int) -> str:
        return self._names[i] if i < len(self._names) else f"arg{i}"

    # ---- arguments ---------------------------------------------------------------------------------------------------

    def _argument(self, arg: Any, text: str, name: str) -> Any:
        """What stands for an argument, or a part of one, while the function is recorded; with the tests of later ones.

        Args:
            arg: the argument.
            text: the expression that gives it in the guards, such as ``args[0]``.
            name: what to call it.
        """
        kind = type(arg)
        self._history.tell(f"the argument '{name}'", arg)
        is_known = id(arg) in self._known
        is_tensor = isinstance(arg, Handle) and not is_known
        renewed = id(arg) in self._records and not is_known
        is_container = renewed or (kind in (list, dict, OrderedDict) and not is_known)
        if (is_tensor or is_container or kind is np.ndarray) and id(arg) in self._by_identity:
            made, first = self._by_identity[id(arg)]
            self._tests.append(f"{text} is {first}")
            return made
        if is_tensor:
            return self._tensor(arg, text, name)
        if kind is np.ndarray and is_known:
            self._tests.append(self._space.same(text, arg, True))
            return self._reach.standing_for(arg, self._tape)
        if kind is np.ndarray:
            made = self._array(arg, text, name, f"type({text}) is _ndarray")
            self._by_identity[id(arg)] = made, text
            return made
        if is_container:
            return self._container(arg, text, name)
        if isinstance(arg, tuple):
            items = self._items(arg, text, name)
            return kind._make(items) if hasattr(kind, "_make") else tuple(items)
        if isinstance(arg, np.random.Generator):
            return self._stream(arg, text, name)
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
        self._tests.append(self._space.same(text, arg, True))
        return arg

    def _items(self, arg: Any, text: str, name: str) -> list[Any]:
        """What stands for the items of a tuple or list."""
        self._tests.append(f"type({text}) is {self._bind(type(arg))} and len({text}) == {len(arg)}")
        return [self._argument(item, f"{text}[{i}]", f"{name}_{i}") for i, item in enumerate(arg)]

    def _container(self, arg: Any, text: str, name: str) -> Any:
        """A list, dict or dataclass like ``arg``, of what stands for its contents."""
        kind = type(arg)
        made: Any
        contents: Any
        if kind is list:
            made = self._items(arg, text, name)
            contents = list(made)
        elif kind in (dict, OrderedDict):
            self._tests.append(f"type({text}) is {self._bind(kind)} and list({text}) == {self._bind(list(arg))}")
            made = kind(
                [(key, self._argument(x, f"{text}[{self._key(key)}]", f"{name}_{key}")) for key, x in arg.items()]
            )
            contents = dict(made)
        else:
            self._tests.append(f"type({text}) is {self._bind(kind)} and [*{text}.__dict__] == {[*vars(arg)]!r}")
            made = object.__new__(kind)
            for field, x in vars(arg).items():
                made.__dict__[field] = self._argument(x, f"{text}.{field}", f"{name}_{field}")
            contents = dict(vars(made))
        self.containers.append((made, arg, Given(text, name), contents))
        self._by_identity[id(arg)] = made, text
        return made

    def _stream(self, arg: Any, text: str, name: str) -> Any:
        """What stands for a random generator: the program draws from that which it is given."""
        made = self.streams.setdefault(id(arg), Stream(self._tape, arg, Place("argument", None, text, name)))
        first = made.place.key
        self._tests.append(f"type({text}) is {self._bind(type(arg))}" if first == text else f"{text} is {first}")
        if any(value is arg for _, value in self._reach.places):
            self._tests.append(self._space.same(text, arg, True))
        return made

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in LITERAL else self._bind(key)

    def _tensor(self, arg: Any, text: str, name: str) -> Any:
        node = f"{text}._node is None"
        if arg._node is not None:
            node = f"{text}._node is not None"
        if arg._node is not None and not _OF_COMPUTED.isdisjoint(self._reach.named):
            other = "is" if arg.is_leaf else f"is not {self._bind(type(None))} and type({text}._node) is not"
            node = f"type({text}._node) {other} {self._bind(Leaf)}"
        first = f"type({text}) is {self._bind(type(arg))} and {node}"
        array = array_of(arg)
        made = new_tensor(self._array(array, self._space.array(f"{text}._data", array), name, first))
        made.__class__ = type(arg)
        self._by_identity[id(arg)] = made, text
        leaf = Leaf(made)
        leaf.hooks = {self: self._hook(arg, text, name)}
        if arg._node is not None:
            made._node = leaf
            self.leaves[leaf] = arg._node
        else:
            made._resting = leaf  # the function may have it require grad
        if arg._grad is not None and arg.is_leaf:
            made._grad = self._argument(arg._grad, f"{text}._grad", f"{name}_grad")
        else:
            self._tests.append(f"{text}._grad is {'not ' if arg._grad is not None else ''}None")
        self.given.append((made, arg, Given(text, name)))
        return made

    def _hook(self, arg: Any, text: str, name: str) -> Any:
        """What is called with the gradient by an argument, where the function takes it: there must be no other hooks.

        Raises:
            UnrecordableError: there are.
        """

        def hook(g: Any, node: Any, create_graph: bool) -> Any:
            own = arg._node
            hooks = f"({text}._node.hooks or {text}._node.after)" if arg.is_leaf else f"{text}._node.hooks"
            if own is None:  # and does so in the function alone
                own = getattr(arg, "_resting", None)
                hooks = f"hasattr({text}, '_resting') and ({text}._resting.hooks or {text}._resting.after)"
                hooks = f"({hooks})"
            if own is not None and (own.hooks or getattr(own, "after", None)):
                self._tests.append(hooks)
                raise UnrecordableError(f"the argument '{name}' has hooks, and its gradient is taken inside")
            self._tests.append(f"not {hooks}")
            return g

        return hook

    def refuse_computed(self) -> None:
        """What stands for an argument that was computed is a leaf: no function of the user's may ask for it.

        Raises:
            UnrecordableError: there is such an argument, and a function that may ask.
        """
        for _, arg, given in self.given:
            hidden = _OF_COMPUTED if arg._grad is None else {*_OF_COMPUTED, "grad"}
            asked = next((name for name in self._reach.named if name in hidden), None)
            if asked is not None and not arg.is_leaf:
                raise UnrecordableError(f"the argument '{given.name}' was computed, and may be asked for .{asked}")

    def _array(self, array: Any, text: str, name: str, first: str) -> Any:
        made = self._tape.enter(array, "input")
        assert made._value is not None
        made._value.name = name
        place = f"x{len(self._fetches)}"
        self._fetches.append((place, made._value))
        self._tests.append(f"{first} and {self._form(place, text, made._value)}")
        return made

    def _form(self, name: str, text: str, value: Value) -> str:
        """The test that the array which an expression gives, then to be called ``name``, lies as one of the record."""
        shape, dtype, strides = value.shape, self._bind(value.dtype), value.array.strides
        return f"({name} := {text}).shape == {shape} and {name}.dtype == {dtype} and {name}.strides == {strides}"

    def known(self, thing: Any) -> Any:
        """What stands in a program for a thing that was there before the call; None for others."""
        if id(thing) in self._known:
            return Itself(thing) if type(thing) in (list, dict, OrderedDict) else thing
        if type(thing) is Stream and thing.place.kind == "argument":
            return Given(thing.place.key, thing.place.name)
        return next((given for made, _, given, *_ in (*self.given, *self.containers) if made is thing), None)

    def returned(self, result: Any) -> Any:
        """The function's result without recording arrays; arguments that it returned are themselves."""
        swaps = {id(made): arg for made, arg, *_ in (*self.given, *self.containers)}
        return Mending(swaps, lambda thing: id(thing) in self._known, self.met)(result)

    # ---- writing -----------------------------------------------------------------------------------------------------

    def inputs(self, program: Program) -> list[Value]:
        """The values that the program gets at each call: of the arguments, and of places whose array changes."""
        used = {value for item in program.items for value in reads_of(item)} | set(program.given())
        used |= {item.target for item in program.instructions() if item.target is not None}
        self._used = [value for _, value in self._fetches if value in used]
        self._fetched = list(self._reach.inputs())
        self._unused = [(place, value) for place, value in self._fetched if value not in used]
        self._fetched = [(place, value) for place, value in self._fetched if value in used]
        return [*self._used, *[value for _, value in self._fetched]]

    def write(self, emitter: Any) -> Callable[[Any, Any], Any]:
        """The function of ``args, kwargs`` that tests, and calls the program (globals: ``step``, ``_call``)."""
        given = []
        numbers, effects = (emitter.numbers, emitter.program.effects) if emitter is not None else ((), ())
        kept = Unchanged(
            self._space, self._reach, self._volatile,
            changed={id(effect.place.container) for effect in effects},
            used={(place.identity(), path) for place, path in [number.place for number in numbers]},
            gradients=emitter.kept if emitter is not None else None,
        ).tests()  # fmt: skip
        tests = ["(not _status.special or _local.grad)" if local.grad else "not _local.grad"]
        tests += [f"{self._bind(default_dtype)}.dtype is {self._bind(default_dtype.dtype)}", *self._tests, *kept]
        if emitter is not None:
            given = [place for place, value in self._fetches if value in self._used]
            for place, value in self._fetched:
                name = f"y{len(given)}"
                tests.append(self._form(name, self._space.array(self._space.place(*place), value), value))
                given.append(name)
            for place, value in self._unused:  # the function may have asked for its shape
                if place[0].key != "_grad":
                    tests.append(self._form("y", self._space.array(self._space.place(*place), value), value))
            tests += self._apart(emitter, given)
            given += [self._space.place(*number.place) for number in emitter.numbers]
            given += [self._space.place(place) for place in emitter.streams]
            given += [argument.text for argument in emitter.given]
        body = ["def run(args, kwargs):", "    try:", "        if not ("]
        body += [f"            {'and ' if i else ''}{test}" for i, test in enumerate(dict.fromkeys(tests))]
        body += ["        ):", "            return _MISSED"]
        named = [f"g{i}" for i in range(len(given))]
        body += [f"        {name} = {text}" for name, text in zip(named, given, strict=True)]
        body += ["    except _gone:", "        return _MISSED"]
        body.append("    return _PLAIN" if emitter is None else f"    return _call({', '.join(['step', *named])})")
        return self._space.function("run", body)

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
            if not storage.is_given:
                continue
            other, array = first.get(storage) or (self._bind(storage.array), storage.array)
            for value, name in given.items():
                if value.storage is not storage:
                    found.append(f"not _overlap({name}, {other})")
                elif name != other:
                    found.append(f"_gap({name}, {other}) == {_gap(value.array, array)}")
        return found


def _form(thing: Any) -> Any:
    """What is the same of two things that could be one."""
    if isinstance(thing, np.ndarray):
        return np.ndarray, thing.shape, thing.dtype, thing.strides
    if isinstance(thing, Handle):
        return type(thing), thing._node is None, _form(array_of(thing))
    return type(thing), len(thing if isinstance(thing, (list, dict)) else vars(thing))


def _gap(a: Any, b: Any) -> int:
    """How many bytes one array begins after another."""
    return address(a) - address(b)


def parameter_names(function: Any) -> list[str]:
    """The names of a function's parameters, as far as they are known."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
