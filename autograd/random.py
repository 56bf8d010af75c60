"""Tensors of random numbers, from the default generator unless one is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from ._tensor import Tensor
from .creation import finish, shape_of
from .engine.nodes import Handle
from .errors import ShapeError
from .generator import Generator, default_generator, source

__all__ = [
    "Generator", "bernoulli", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "multinomial",
    "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]  # fmt: skip


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(state: dict[str, Any]) -> None:
    """Set the state of the default generator to one that ``get_rng_state`` returned."""
    default_generator.set_state(state)


def _kind(dtype: Any) -> Any:
    return dtypes.default.dtype if dtype is None else dtypes.as_dtype(dtype)


def rand(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers from [0, 1) of a shape."""
    return finish(
        source(generator).uniform(shape_of(shape if size is None else (tuple(size),), "rand"), _kind(dtype)),
        requires_grad,
        device,
    )


def randn(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers of mean 0 and deviation 1 of a shape."""
    return finish(
        source(generator).normal(shape_of(shape if size is None else (tuple(size),), "randn"), _kind(dtype)),
        requires_grad,
        device,
    )


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from ``low`` up to, not including, ``high``: ``randint(high, size)`` or ``randint(low, high, size)``."""
    if size is None:
        low, high, size = 0, low, high
    if size is None:
        raise TypeError("randint: expected a size: randint(high, size) or randint(low, high, size)")
    if high <= low:
        raise ValueError(f"randint: expected low < high, got low={low} and high={high}")
    drawn = source(generator).integers(low, high, shape_of(tuple(size), "randint"))
    return finish(drawn.astype(dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)), requires_grad, device)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The numbers 0 to ``n - 1`` in random order."""
    drawn = source(generator).permutation(n)
    return finish(drawn.astype(dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)), device=device)


def _array(x: Any) -> Any:
    return x._data if isinstance(x, Handle) else np.asarray(x)


def rand_like(x: Any, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers from [0, 1) in the shape and dtype of ``x``."""
    kind = _array(x).dtype if dtype is None else dtype
    return rand(_array(x).shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def randn_like(x: Any, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal numbers of mean 0 and deviation 1 in the shape and dtype of ``x``."""
    kind = _array(x).dtype if dtype is None else dtype
    return randn(_array(x).shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def randint_like(
    x: Any, low: int, high: int | None = None, *, generator: Generator | None = None, dtype: Any = None
) -> Tensor:
    """Integers from ``low`` up to but not including ``high`` in the shape and dtype of ``x``."""
    if high is None:
        low, high = 0, low
    kind = _array(x).dtype if dtype is None else dtype
    return randint(low, high, _array(x).shape, generator=generator, dtype=kind)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None
) -> Tensor:
    """Normal numbers with the given means and deviations (Tensors or numbers, which broadcast), or of a ``size``.

    Raises:
        ValueError: a negative deviation.
    """
    means, deviations = _array(mean), _array(std)
    if np.any(deviations < 0):
        raise ValueError(f"normal: std must not be negative, got {deviations.min()}")
    given = [v._data for v in (mean, std) if isinstance(v, Handle)]
    kind = _kind(dtype) if dtype is not None or not given else dtypes.to_float(given[0].dtype)
    shape = np.broadcast_shapes(means.shape, deviations.shape) if size is None else shape_of((tuple(size),), "normal")
    drawn = source(generator).normal(shape, kind)
    return finish((drawn * deviations + means).astype(kind))


def bernoulli(x: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Ones with the probabilities ``x`` (or all with probability ``p``), else zeros, in the shape and dtype of ``x``.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    probabilities = _array(x)
    chance = probabilities if p is None else p
    if not np.all((chance >= 0) & (chance <= 1)):
        raise ValueError("bernoulli: expected probabilities between 0 and 1")
    drawn = source(generator).uniform(probabilities.shape, dtypes.float64) < chance
    return finish(np.asarray(drawn).astype(dtypes.to_float(probabilities.dtype)))


def multinomial(x: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Indices drawn with probabilities proportional to the weights ``x``, a row of them for each row.

    Args:
        x: weights (n,) or (rows, n), not negative, with a positive sum in each row.
        num_samples: how many a row.
        replacement: whether an index can be drawn again.

    Raises:
        ValueError: weights that are negative, not finite or all zero, or too few of them.

    Source: without replacement the largest ``log(weight) + Gumbel noise`` (Efraimidis and Spirakis, 2006).
    """
    weights = _array(x).astype(np.float64)
    rows = np.atleast_2d(weights)
    if weights.ndim not in (1, 2):
        raise ShapeError(f"multinomial: expected weights of 1 or 2 dimensions, got shape {weights.shape}")
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
    return finish((drawn if weights.ndim == 2 else drawn[0]).astype(np.int64))
