"""Tensors of random numbers, from the default generator unless one is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from ._operands import unwrap
from ._tensor import Tensor
from .construction import as_shape
from .creation import finish
from .devices import check_device
from .engine.failures import explained
from .engine.foreign import as_array, bare, everywhere
from .engine.nodes import Handle
from .errors import ArgumentError, DtypeError
from .generator import Generator, default_generator, moved, source
from .ops.draws import bernoulli as bernoulli
from .ops.draws import drawn_by
from .ops.draws import multinomial as multinomial
from .ops.shapes import also_named, integer

__all__ = [
    "Generator", "bernoulli", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "multinomial",
    "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]  # fmt: skip


@explained
def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which ``randn``, dropout, initialization and shuffling draw; returns it.

    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> first = autograd.rand(3)
    >>> _ = autograd.manual_seed(0)
    >>> autograd.equal(autograd.rand(3), first)
    True
    """
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


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Set the state of the default generator to one that ``get_rng_state`` returned."""
    default_generator.set_state(new_state)


def _possible(dtype: np.dtype[Any], requires_grad: bool, device: Any) -> np.dtype[Any]:
    """``dtype``. Raises what ``finish`` would, but before anything is drawn: the generator stays as it was."""
    if requires_grad or device is not None:
        finish(np.empty(0, dtype), requires_grad, device)
    return dtype


def rand(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random numbers from the uniform distribution on [0, 1), of a shape; both parts of complex ones are."""
    kind = _possible(dtypes.or_default(dtype), requires_grad, device)
    drawn = source(generator).uniform(as_shape(shape, "rand", size), kind)
    return finish(drawn, requires_grad, device)


def randn(
    *shape: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random numbers from the standard normal distribution (mean 0, variance 1), of a shape.

    Of complex ones the real and the imaginary part have half of the variance each.

    >>> import autograd
    >>> autograd.randn(2, 3).shape
    (2, 3)
    """
    kind = _possible(dtypes.or_default(dtype), requires_grad, device)
    drawn = source(generator).normal(as_shape(shape, "randn", size), kind)
    return finish(drawn, requires_grad, device)


@explained
def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from ``low`` up to, not including, ``high``: ``randint(high, size)`` or ``randint(low, high, size)``.

    >>> import autograd
    >>> autograd.randint(10, (2, 3)).shape
    (2, 3)
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None or low is None:
        low, high = 0, low if high is None else high
    if size is None or hasattr(size, "__index__"):
        got = "none" if size is None else f"{size!r}"
        raise TypeError(
            f"randint: expected a size such as (3,), got {got}: randint(high, size) or randint(low, high, size)"
        )
    if high is None:
        raise TypeError("randint: expected a bound beside the size: randint(high, size) or randint(low, high, size)")
    low, high = integer(low, "low"), integer(high, "high")
    if high <= low:
        raise ArgumentError(f"randint: expected low < high, got low={low} and high={high}")
    kind = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    if kind.kind == "c":
        raise DtypeError(f"randint: integers are real numbers, but the dtype is {kind}; use a real one")
    _possible(kind, requires_grad, device)
    drawn = source(generator).integers(low, high, as_shape(tuple(size), "randint"))
    return finish(drawn.astype(kind), requires_grad, device)


@explained
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The numbers 0 to ``n - 1`` in random order."""
    kind = _possible(dtypes.int64 if dtype is None else dtypes.as_dtype(dtype), False, device)
    drawn = source(generator).permutation(*as_shape((n,), "randperm"))
    return finish(drawn.astype(kind), device=device)


def _form(x: Any, dtype: Any) -> tuple[Any, Any]:
    """The shape of ``x``, and its dtype unless another is given."""
    array = as_array(unwrap(x))
    return array.shape, array.dtype if dtype is None else dtype


@also_named(input="x")
def rand_like(
    x: Any,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform numbers from [0, 1) in the shape and dtype of ``x``.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    shape, kind = _form(x, dtype)
    return rand(shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad)


@also_named(input="x")
def randn_like(
    x: Any,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Normal numbers of mean 0 and deviation 1 in the shape and dtype of ``x``.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    shape, kind = _form(x, dtype)
    return randn(shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad)


@also_named(input="x")
def randint_like(
    x: Any,
    low: Any = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Integers from ``low`` up to but not including ``high`` in the shape and dtype of ``x``.

    ``memory_format`` is for PyTorch's scripts, and means nothing here.
    """
    shape, kind = _form(x, dtype)
    return randint(low, high, shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad)


@explained
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers with the given means and deviations (Tensors or numbers, which broadcast), or of a ``size``.

    Raises:
        ValueError: a negative deviation.
    """
    means, deviations = as_array(unwrap(mean)), as_array(unwrap(std))
    for what, numbers in (("mean", means), ("std", deviations)):
        if numbers.dtype.kind not in "biufcV":
            raise DtypeError(f"normal: '{what}' must be a number or a Tensor, got {mean if what == 'mean' else std!r}")
    if not everywhere(deviations >= 0):
        raise ArgumentError(f"normal: std must not be negative, got {bare(deviations).min()}")
    given = [v._data for v in (mean, std) if isinstance(v, Handle)]
    kind = dtypes.or_default(dtype) if dtype is not None or not given else dtypes.to_float(given[0].dtype)
    _possible(kind, requires_grad, device)
    shape = np.broadcast_shapes(means.shape, deviations.shape) if size is None else as_shape((tuple(size),), "normal")
    drawn = source(generator).normal(shape, kind)
    spread = drawn * deviations
    values = (moved(spread, mean) if isinstance(mean, (int, float)) else spread + means).astype(kind)
    if not given:
        return finish(values, requires_grad, device)
    check_device(device)
    made: Tensor = drawn_by(values, mean, std)
    return made.requires_grad_() if requires_grad else made
