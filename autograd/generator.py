"""The random generator: streams of random numbers, as arrays.

One default generator is seeded by ``manual_seed``. A forked process gets a stream of its own, which depends on the
seed and on how many processes were forked before.
"""

from __future__ import annotations

import copy
import functools
import itertools
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import dtypes
from .devices import check_device
from .engine.failures import describe
from .engine.modes import local
from .errors import ArgumentError, DtypeError

__all__ = ["Generator", "default_generator", "floating", "moved", "source"]


class Generator:
    """A stream of random numbers (NumPy's PCG64).

    Args:
        device: ``'cpu'``.

    Raises: ValueError for another device.

    >>> from autograd import Generator, rand
    >>> g = Generator().manual_seed(0)
    >>> rand(2, generator=g).shape
    (2,)
    """

    def __init__(self, device: str = "cpu") -> None:
        check_device(device)
        self.device = device
        self.seed()

    def __repr__(self) -> str:
        return f"<Generator: seed {self._seed}>"

    def __copy__(self) -> Generator:
        """Another one, which goes on from the same state by itself."""
        return copy.deepcopy(self)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to ``seed``; returns the generator."""
        if not hasattr(seed, "__int__"):
            raise TypeError(f"manual_seed: expected an integer, got {type(seed).__name__} {seed!r}")
        self._seed = int(seed)
        self._branch: tuple[int, ...] = ()
        self.__dict__.pop("_stream", None)
        return self

    @functools.cached_property
    def _stream(self) -> Any:
        """NumPy's generator, made when it is first used (numpy.random takes a while to import)."""
        sequence = np.random.SeedSequence(self._seed % 2**128, spawn_key=self._branch)
        return np.random.Generator(np.random.PCG64(sequence))

    def seed(self) -> int:
        """Start a stream from the operating system's entropy; returns the seed chosen."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the running stream."""
        return self._seed

    def branch(self, number: int) -> None:
        """Continue with the stream number ``number`` of those that belong to the seed."""
        self._branch = (number,)
        self.__dict__.pop("_stream", None)

    def get_state(self) -> dict[str, Any]:
        """The state, to be given to ``set_state``."""
        return {"seed": self._seed, "stream": self._stream.bit_generator.state}

    def set_state(self, new_state: dict[str, Any]) -> Generator:
        """Go on from a state that ``get_state`` returned, and return this; one that is none changes nothing."""
        if not isinstance(new_state, Mapping) or not {"seed", "stream"} <= new_state.keys():
            raise ArgumentError(f"set_state: expected what get_state returned, got {describe(new_state)}")
        seed = int(new_state["seed"])
        self._stream.bit_generator.state = new_state["stream"]
        self._seed, self._branch = seed, ()
        return self

    def uniform(self, shape: tuple[int, ...], dtype: Any = dtypes.float32) -> Any:
        """Numbers between 0 and 1 (without 1), as an array; of complex ones both parts are."""
        if local.levels:
            return local.levels[-1].draw(lambda sizes: self.uniform(sizes, dtype), shape)
        return _drawn(self._stream.random, shape, np.dtype(dtype))

    def normal(self, shape: tuple[int, ...], dtype: Any = dtypes.float32) -> Any:
        """Normal numbers of mean 0 and deviation 1, as an array; half the variance of complex ones is each part's."""
        if local.levels:
            return local.levels[-1].draw(lambda sizes: self.normal(sizes, dtype), shape)
        drawn = _drawn(self._stream.standard_normal, shape, np.dtype(dtype))
        return drawn if drawn.dtype.kind != "c" else drawn * drawn.dtype.type(0.5**0.5)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Any:
        """Integers from ``low`` up to but not including ``high``, as an int64 array."""
        if local.levels:
            return local.levels[-1].draw(lambda sizes: self.integers(low, high, sizes), shape)
        return np.asanyarray(self._stream.integers(low, high, shape, dtype=np.int64))

    def permutation(self, n: int) -> Any:
        """The numbers below ``n`` in random order, as an int64 array."""
        if local.levels:
            return local.levels[-1].draw_each(self, lambda given: self.permutation(n), None)
        return self._stream.permutation(n)


def moved(drawn: Any, by: float) -> Any:
    """Random numbers plus a number; of complex ones both parts are moved, as in PyTorch."""
    return drawn + (by * (1 + 1j) if drawn.dtype.kind == "c" else by)


default_generator = Generator()
"""The generator that is used where none is given."""
_forks = itertools.count(1)


def _before_fork() -> None:
    global _fork_number
    _fork_number = next(_forks)


_fork_number = 0
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=lambda: default_generator.branch(_fork_number))


def source(generator: Generator | None) -> Generator:
    """``generator``, or the default one for None. Raises: TypeError for anything else."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"generator must be an autograd.Generator, got {type(generator).__name__} {generator!r}")
    return generator


def _drawn(draw: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array of a floating or complex dtype, from a ``draw(shape, dtype)`` that knows float32 and float64."""
    if dtype.kind == "c":
        parts = _drawn(draw, (*shape, 2), np.finfo(dtype).dtype)
        return parts[..., 0] + parts[..., 1] * 1j
    if dtype in (dtypes.float32, dtypes.float64):
        return np.asanyarray(draw(shape, dtype))
    floating("a draw from a continuous distribution", dtype)
    return np.asanyarray(draw(shape, np.float32)).astype(dtype)


def floating(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """``dtype``. Raises: DtypeError if it is one of integers or bools, which would cut random numbers off."""
    if dtype.kind not in "fcV":
        raise DtypeError(f"{name}: {dtype} would cut the numbers off; use a floating dtype, or randint or random_")
    return dtype
