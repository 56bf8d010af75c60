"""What stands for random generators while a function is recorded: their draws are written down, and drawn once.

A function may go back, as ``checkpoint`` does, which computes in backward what it has computed before: it keeps the
generator's state and sets it again. What it draws then is what it has drawn, so the program takes copies of that.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from .arrays import RecordingArray, bare
from .numbers import Number
from .signatures import settled
from .values import Value, leaves_in, map_tree

__all__ = ["State", "Stream", "state_of"]


class Stream:
    """Stands for NumPy's random generator while a function is recorded."""

    def __init__(self, tape: Any, stream: Any, place: Any) -> None:
        self._tape = tape
        self._stream = stream
        self.place = place
        self._draws: list[tuple[str, Any]] = []
        self._at = 0
        tape.streams.append(self)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` asks."""
        return type(self._stream)

    @property
    def bit_generator(self) -> Any:
        """What has the stream's state."""
        return _Bits(self) if self._tape.running else self._stream.bit_generator

    @property
    def rewound(self) -> bool:
        """Whether it is not where the program, which never goes back, has its own."""
        return self._at != len(self._draws)

    def __getattr__(self, method: str) -> Any:
        return lambda *args, **kwargs: self._draw(method, args, kwargs)

    def _draw(self, method: str, args: Any, kwargs: Any) -> Any:
        if not self._tape.running:  # another thread draws
            return getattr(self._stream, method)(*args, **kwargs)
        if _writes(method, args, kwargs):
            self._tape.escape(f"random numbers that {method}() writes into what it is given,", None)
            found = getattr(self._stream, method)(*map(bare, args), **{key: bare(x) for key, x in kwargs.items()})
            return found if found is None else kwargs.get("out", args[-1] if args else None)
        what = repr((method, map_tree((args, kwargs), _told)))
        self._at += 1
        if self._at > len(self._draws):
            found = self._drawn(method, args, kwargs)
            self._draws.append((what, found))
            return found
        again = getattr(self._stream, method)(*map_tree(args, bare), **map_tree(kwargs, bare))
        before, found = self._draws[self._at - 1]
        if what == before and type(found) is Number:
            return found
        value = found._value if type(found) is RecordingArray else None
        if what != before or value is None or value.storage.written:
            self._tape.escape("the state of a random generator, which is set back,", None)
            return again
        return found if found._scalar else self._tape.call(np.ndarray.copy, (found,), {})

    def _drawn(self, method: str, args: Any, kwargs: Any) -> Any:
        """Draw random numbers, and write it down."""
        tape = self._tape
        if method in ("random", "standard_normal"):  # which write into buffers of a size that is known
            args, kwargs = settled(np.zeros, "zeros", args, kwargs)
        function = getattr(self._stream, method)
        instruction = tape.instruction(f"stream.{method}", function, args, kwargs)
        instruction.stream = self.place
        found = function(*map_tree(args, bare), **map_tree(kwargs, bare))
        number = type(found) in (int, float)
        made = tape.result(np.asarray(found)[()] if number else found, instruction)
        tape.instructions.append(instruction)
        if number:
            return tape.number(found, f"{type(found).__name__}({{0}})", (instruction.outs,))
        if any(type(leaf) in (Number, Value) for leaf in leaves_in((instruction.args, instruction.kwargs))):
            for value in instruction.makes():
                tape.check(True, f"{{0}}.shape == {value.shape}", (value,))
        return made


_PLACES_OF_OUT = {"random": 2, "standard_normal": 2, "standard_exponential": 3, "standard_gamma": 3}


def _writes(method: str, args: Any, kwargs: Any) -> bool:
    """Whether a draw writes into one of its arguments."""
    return method == "shuffle" or kwargs.get("out") is not None or len(args) > _PLACES_OF_OUT.get(method, len(args))


def _told(item: Any) -> Any:
    """What tells an argument of a draw from another: an array by its memory, as its numbers are not read."""
    return id(item) if isinstance(item, (np.ndarray, Number)) else item


class State(dict[str, Any]):
    """A generator's state, and after how many draws it was there."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream._stream.bit_generator.state)
        self.stream, self.at = stream, stream._at


class _Bits:
    """Stands for what has the state of a generator."""

    def __init__(self, stream: Stream) -> None:
        self._of = stream

    @property
    def state(self) -> Any:
        return State(self._of)

    @state.setter
    def state(self, state: Any) -> None:
        self._of._stream.bit_generator.state = state
        if type(state) is State and state.stream is self._of:
            self._of._at = state.at
        else:
            self._of._tape.escape("the state of a random generator", None)

    def __getattr__(self, name: str) -> Any:
        self._of._tape.escape("the state of a random generator", None)
        return getattr(self._of._stream.bit_generator, name)


def state_of(generator: random.Random | np.random.RandomState) -> Any:
    """Where one of the older generators is in its sequence."""
    if isinstance(generator, np.random.RandomState):
        state: Any = generator.get_state()
        return state[1].tobytes(), state[2:]
    return None if isinstance(generator, random.SystemRandom) else generator.getstate()
