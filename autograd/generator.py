"""The random generator, drawing by a Tensor of probabilities, and filling a Tensor with random numbers.

One default generator is seeded by ``manual_seed``. A forked process gets a stream of its own, which depends on the
seed and on how many processes were forked before.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import Any

import numpy as np

from . import dtypes
from .engine.callsite import line_if_debugging
from .engine.foreign import as_array, everywhere
from .engine.modes import local
from .engine.nodes import Handle, array_of, new_tensor
from .engine.views import check_writable, rebase
from .errors import DtypeError, ShapeError

__all__ = ["Generator", "bernoulli", "default_generator", "moved", "multinomial", "source"]


class Generator:
    """A stream of random numbers (NumPy's PCG64).

    Args:
        device: ``'cpu'``.

    >>> from autograd import Generator, rand
    >>> g = Generator().manual_seed(0)
    >>> rand(2, generator=g).shape
    (2,)
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to ``seed``; returns the generator."""
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

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state that ``get_state`` returned; one that is none changes nothing."""
        other = Generator(self.device).manual_seed(state["seed"])
        other._stream.bit_generator.state = state["stream"]
        self.__dict__.update(other.__dict__)

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
    """``generator``, or the default one for None."""
    return default_generator if generator is None else generator


def _array(x: Any) -> Any:
    return array_of(x) if isinstance(x, Handle) else as_array(x)


def bernoulli(x: Any, p: float | None = None, *, generator: Generator | None = None) -> Any:
    """Ones with the probabilities ``x`` (or all with probability ``p``), else zeros, in the shape and dtype of ``x``.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    probabilities = _array(x)
    chance = probabilities if p is None else p
    if not everywhere((chance >= 0) & (chance <= 1)):
        raise ValueError("bernoulli: expected probabilities between 0 and 1")
    drawn = source(generator).uniform(probabilities.shape, dtypes.float64) < chance
    return new_tensor(as_array(drawn).astype(dtypes.to_float(probabilities.dtype)))


def multinomial(x: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Indices drawn with probabilities proportional to the weights ``x``, a row of them for each row.

    Args:
        x: weights (n,) or (rows, n), not negative, with a positive sum in each row.
        num_samples: how many a row.
        replacement: whether an index can be drawn again.

    Raises:
        ValueError: weights that are negative, not finite or all zero, or too few of them.

    Source: without replacement the largest ``log(weight) + Gumbel noise`` (Efraimidis and Spirakis, 2006).
    """
    if local.levels:
        return new_tensor(local.levels[-1].draw_each(
            source(generator), lambda given: multinomial(given, num_samples, replacement, generator=generator)._data,
            _array(x),
        ))  # fmt: skip
    weights = _array(x).astype(np.float64)
    rows = np.atleast_2d(weights)
    if weights.ndim not in (1, 2):
        raise ShapeError(f"multinomial: expected weights of 1 or 2 dimensions, got shape {weights.shape}")
    if num_samples < 1:
        raise ValueError(f"multinomial: expected at least one sample, got num_samples={num_samples}")
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(-1) > 0).all()):
        raise ValueError("multinomial: weights must be finite and not negative, with a positive sum in each row")
    stream = source(generator)
    if replacement:
        shares = np.cumsum(rows, -1) / rows.sum(-1, keepdims=True)
        points = stream.uniform((rows.shape[0], num_samples), dtypes.float64)
        drawn = np.stack([np.searchsorted(s, p, side="right") for s, p in zip(shares, points, strict=True)])
        drawn = np.minimum(drawn, rows.shape[1] - 1)
    else:
        if (np.count_nonzero(rows, -1) < num_samples).any():
            raise ValueError(
                f"multinomial: {num_samples} different indices asked for, but a row has fewer positive weights; "
                "pass replacement=True"
            )
        with np.errstate(divide="ignore"):
            noise = -np.log(-np.log1p(-stream.uniform(rows.shape, dtypes.float64)))
            drawn = np.argsort(-(np.log(rows) + noise), -1, kind="stable")[:, :num_samples]
    return new_tensor((drawn if weights.ndim == 2 else drawn[0]).astype(np.int64))


def _drawn(draw: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array of a floating or complex dtype, from a ``draw(shape, dtype)`` that knows float32 and float64."""
    if dtype.kind == "c":
        parts = _drawn(draw, (*shape, 2), np.finfo(dtype).dtype)
        return parts[..., 0] + parts[..., 1] * 1j
    if dtype in (dtypes.float32, dtypes.float64):
        return np.asanyarray(draw(shape, dtype))
    return np.asanyarray(draw(shape, np.float32)).astype(_floating("a draw from a continuous distribution", dtype))


def _floating(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """``dtype``. Raises: DtypeError if it is one of integers or bools, which would cut random numbers off."""
    if dtype.kind not in "fcV":
        raise DtypeError(f"{name}: {dtype} would cut the numbers off; use a floating dtype, or randint or random_")
    return dtype


def _fill(x: Any, drawn: Any, name: str) -> Any:
    """Overwrite ``x`` with an array of random numbers."""
    check_writable(x, name)
    np.copyto(array_of(x), drawn, casting="unsafe")
    rebase(x, None, line_if_debugging())
    return x


def uniform_(x: Any, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Overwrite with uniform numbers from [low, high).

    Raises:
        ValueError: ``high`` is below ``low``.
    """
    if high < low:
        raise ValueError(f"uniform_: expected low <= high, got low={low} and high={high}")
    drawn = source(generator).uniform(x.shape, _floating("uniform_", x.dtype))
    return _fill(x, moved(drawn * (high - low), low), "uniform_")


def normal_(x: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Overwrite with normal numbers.

    Raises:
        ValueError: a negative deviation.
    """
    if std < 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    drawn = source(generator).normal(x.shape, _floating("normal_", x.dtype))
    return _fill(x, moved(drawn * std, mean), "normal_")


def bernoulli_(x: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
    """Overwrite with ones, each with probability ``p`` (a number or a Tensor), and zeros.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    chance = p._data if isinstance(p, Handle) else as_array(p)
    if not everywhere((chance >= 0) & (chance <= 1)):
        raise ValueError("bernoulli_: expected probabilities between 0 and 1")
    return _fill(x, source(generator).uniform(x.shape, dtypes.float64) < chance, "bernoulli_")


def exponential_(x: Any, lambd: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Overwrite with exponentially distributed numbers of rate ``lambd``. Raises: ValueError if it is not positive."""
    _floating("exponential_", x.dtype)
    if not lambd > 0:
        raise ValueError(f"exponential_: the rate must be positive, got lambd={lambd}")
    drawn = source(generator).uniform(x.shape, dtypes.float64)
    return _fill(x, -np.log1p(-drawn) / lambd, "exponential_")


def random_(x: Any, low: int = 0, high: int | None = None, *, generator: Generator | None = None) -> Any:
    """Overwrite with integers from ``low`` up to but not including ``high`` (``random_(high)`` starts at 0)."""
    if high is None and low:
        low, high = 0, low
    if high is None:
        bits = np.finfo(x.dtype).nmant + 1 if x.dtype.kind == "f" else x.dtype.itemsize * 8 - (x.dtype.kind == "i")
        high = 2 ** min(int(bits), 62)
    return _fill(x, source(generator).integers(low, high, x.shape), "random_")
