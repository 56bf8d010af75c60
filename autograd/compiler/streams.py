"""What stands for random generators while a function is recorded: their draws are written down, and drawn once.

A function may go back, as ``checkpoint`` does, which computes in backward what it has computed before: it keeps the
generator's state and sets it again. What it draws then is what it has drawn, so the program takes copies of that.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from .arrays import RecordingArray

__all__ = ["Stream", "state_of"]


class Stream:
    """Stands for NumPy's random generator while a function is recorded."""

    def __init__(self, tape: Any, stream: Any, place: Any) -> None:
        self._tape = tape
        self._stream = stream
        self._place = place
        self._draws: list[tuple[str, Any]] = []
        self._at = 0
        tape.streams.append(self)

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
        what = repr((method, args, kwargs))
        self._at += 1
        if self._at > len(self._draws):
            found = self._tape.draw(self, method, args, kwargs)
            self._draws.append((what, found))
            return found
        again = getattr(self._stream, method)(*args, **kwargs)
        before, found = self._draws[self._at - 1]
        value = found._value if type(found) is RecordingArray else None
        if what != before or value is None or value.storage.written:
            self._tape.escape("the state of a random generator, which is set back,", None)
            return again
        return found if found._scalar else self._tape.call(np.ndarray.copy, (found,), {})


class _State(dict[str, Any]):
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
        return _State(self._of)

    @state.setter
    def state(self, state: Any) -> None:
        self._of._stream.bit_generator.state = state
        if type(state) is _State and state.stream is self._of:
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
