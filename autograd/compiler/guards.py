"""Guards: when a program holds. They are written as one function, which runs before every call of the program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.nodes import Handle, array_of, new_tensor
from .program import Program, reads_of
from .reach import Place, Reach, plain
from .recording import Tape, Value

__all__ = ["MISSED", "Guards"]

MISSED = object()
"""What a program's guards return when it does not hold."""


class Guards:
    """The arguments of a call, as the function is recorded with them, and the tests that later ones must pass.

    Attributes:
        args, kwargs: the arguments with recording arrays.
        refusal: why no program can be made for such arguments, or None.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reach: Reach,
        tape: Tape,
        volatile: set[Any],
    ) -> None:
        self._reach = reach
        self._tape = tape
        self._volatile = volatile
        self._names = _parameter_names(function)
        self.refusal: str | None = None
        self._tests: list[str] = []
        self._fetches: list[tuple[str, Value]] = []
        self._space: dict[str, Any] = {"_MISSED": MISSED, "_ndarray": np.ndarray, "inf": np.inf}
        self._given: dict[int, tuple[Any, Any]] = {}
        self._known = {id(thing) for thing in reach._keep if isinstance(thing, Handle)}
        self._tests.append(f"len(args) == {len(args)} and len(kwargs) == {len(kwargs)}")
        self.args = tuple([self._argument(arg, f"args[{i}]", self._name(i)) for i, arg in enumerate(args)])
        self.kwargs = {}
        for name, arg in kwargs.items():
            self._tests.append(f"{name!r} in kwargs")
            self.kwargs[name] = self._argument(arg, f"kwargs[{name!r}]", name)

    def _name(self, i: int) -> str:
        return self._names[i] if i < len(self._names) else f"arg{i}"

    def _bind(self, thing: Any) -> str:
        name = f"o{id(thing)}"
        self._space[name] = thing
        return name

    # ---- arguments ---------------------------------------------------------------------------------------------------

    def _argument(self, arg: Any, text: str, name: str) -> Any:
        kind = type(arg)
        if isinstance(arg, Handle):
            if arg._node is not None:
                self.refusal = (
                    f"argument '{name}' requires grad: what is differentiated by must be made, or held, inside the function"
                )
                return arg
            known = self._given.get(id(arg))
            if known is not None:
                self._tests.append(f"{text} is {known[1]}")
                return known[0]
            value = self._array(array_of(arg), f"{text}._data", name, f"type({text}) is {self._bind(kind)} and {text}._node is None")
            made = new_tensor(value)
            made.__class__ = kind
            self._given[id(arg)] = made, text
            self._returns = getattr(self, "_returns", [])
            self._returns.append((made, arg))
            self._known.add(id(made))
            return made
        if kind is np.ndarray:
            return self._array(arg, text, name, f"type({text}) is _ndarray")
        if kind in (tuple, list):
            self._tests.append(f"type({text}) is {self._bind(kind)} and len({text}) == {len(arg)}")
            return kind([self._argument(item, f"{text}[{i}]", f"{name}_{i}") for i, item in enumerate(arg)])
        if kind is dict:
            self._tests.append(f"type({text}) is dict and list({text}) == {self._bind(list(arg))}")
            return {key: self._argument(item, f"{text}[{key!r}]", f"{name}_{key}") for key, item in arg.items()}
        if isinstance(arg, (bool, int, float, complex, str)):
            self._tests.append(f"type({text}) is {self._bind(kind)} and {text} == {arg!r}")
        else:
            self._tests.append(f"{text} is {self._bind(arg)}")
        return arg

    def _array(self, array: Any, text: str, name: str, first: str) -> Any:
        made = self._tape.enter(array, "input")
        assert made._value is not None
        made._value.name = name
        local = f"x{len(self._fetches)}"
        self._fetches.append((local, made._value))
        self._tests.append(
            f"{first} and ({local} := {text}).shape == {array.shape} and {local}.dtype == {self._bind(array.dtype)} "
            f"and {local}.strides == {array.strides}"
        )
        return made

    def known(self, tensor: Handle) -> bool:
        """Whether a Tensor was there before the call."""
        return id(tensor) in self._known

    def returned(self, result: Any) -> Any:
        """The function's result without recording arrays; arguments that it returned are themselves."""
        swaps = {id(made): arg for made, arg in getattr(self, "_returns", [])}
        return _swapped(plain(result), swaps)

    # ---- writing -----------------------------------------------------------------------------------------------------

    def inputs(self, program: Program) -> list[Value]:
        """The values that the program gets at each call: of the arguments, and of places whose array changes."""
        used = {value for item in program.items for value in reads_of(item)} | set(program.given())
        used |= {item.target for item in program.instructions() if item.target is not None}
        self._used = [value for _, value in self._fetches if value in used]
        self._fetched = []
        for place, made in self._reach.inputs():
            if made._value in used:
                self._fetched.append((place, made._value))
        return [*self._used, *[value for _, value in self._fetched]]

    def write(self, step: Callable[..., Any], emitter: Any) -> Callable[[Any, Any], Any]:
        """The function of ``args, kwargs`` that tests, and calls the program."""
        tests = [*self._tests]
        given = [local for local, value in self._fetches if value in self._used]
        for place, original in self._reach.places:
            tests += self._holds(place, original)
        lines = []
        for place, value in self._fetched:
            local = f"y{len(lines)}"
            expression = self._place(place[0], place[1])
            lines.append(
                f"    if ({local} := {expression}).shape != {value.shape} or {local}.dtype != {self._bind(value.dtype)} "
                f"or {local}.strides != {value.array.strides}: return _MISSED"
            )
            given.append(local)
        given += [self._place(*number.place) for number in emitter.numbers]
        given += [self._place(place) for place in emitter.streams]
        body = ["def run(args, kwargs):"]
        body += [f"    if not ({test}): return _MISSED" for test in dict.fromkeys(tests)]
        body += lines
        self._space["_step"], self._space["_errstate"] = step, np.errstate
        body += ["    with _errstate(all='ignore'):", f"        return _step({', '.join(given)})"]
        text = "\n".join(body)
        exec(compile(text, "<compiled guards>", "exec"), self._space)
        run: Callable[[Any, Any], Any] = self._space["run"]
        return run

    def _place(self, place: Place, path: tuple[Any, ...] = ()) -> str:
        text = place.text(self._bind(place.container))
        for step in path:
            text += f".{step}" if isinstance(step, str) else f"[{step}]"
        return text + ("._data" if path and path[-1] == "_grad" else "")

    def _holds(self, place: Place, original: Any) -> list[str]:
        """The tests of what stands at a place."""
        text = self._place(place)
        if place.key == "_grad":
            return [f"{text} is {'not ' if original is not None else ''}None"]
        return self._same(text, original, place, ())

    def _same(self, text: str, original: Any, place: Place, path: tuple[int, ...]) -> list[str]:
        if (place.identity(), path) in self._volatile:
            return [f"type({text}) is {self._bind(type(original))}"] if type(original) in (int, float) else []
        if type(original) is tuple:
            if any(self._is_volatile_in(item, place, (*path, i)) for i, item in enumerate(original)):
                tests = [f"len({text}) == {len(original)}"]
                for i, item in enumerate(original):
                    tests += self._same(f"{text}[{i}]", item, place, (*path, i))
                return tests
            first = self._reach.shared(original)
            if first is not None and first is not place:
                return [f"{text} is {self._place(first)}"]
            return [f"{text} == {self._bind(original)}" if _comparable(original) else f"{text} is {self._bind(original)}"]
        if isinstance(original, np.random.Generator):
            return []  # fetched at each call
        if isinstance(original, (bool, int, float, complex, str)) and original == original:
            return [f"{text} == {original!r}"]
        return [f"{text} is {self._bind(original)}"]

    def _is_volatile_in(self, item: Any, place: Place, path: tuple[int, ...]) -> bool:
        if (place.identity(), path) in self._volatile:
            return True
        return type(item) is tuple and any(self._is_volatile_in(x, place, (*path, i)) for i, x in enumerate(item))


def _comparable(value: Any) -> bool:
    if type(value) is tuple:
        return all(_comparable(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, complex, str))


def _swapped(result: Any, swaps: dict[int, Any]) -> Any:
    if id(result) in swaps:
        return swaps[id(result)]
    if type(result) in (tuple, list):
        return type(result)([_swapped(item, swaps) for item in result])
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make([_swapped(item, swaps) for item in result])  # type: ignore[attr-defined]
    if type(result) is dict:
        return {key: _swapped(item, swaps) for key, item in result.items()}
    return result


def _parameter_names(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


