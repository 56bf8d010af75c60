"""Samplers: in which order the samples of a data set come, and in which batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic

import numpy as np

from autograd import ArgumentError, DtypeError, Generator, multinomial
from autograd.engine.failures import explained
from autograd.generator import source

from .generics import T

__all__ = [
    "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler",
]  # fmt: skip


class Sampler(Generic[T]):
    """Base of samplers: define ``__iter__``, which yields indices (or lists of them), and ``__len__``."""

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__(self)")


class OrderSampler(Sampler[int]):
    """Base of samplers that know the order of a whole epoch at its start: define ``order``."""

    def order(self) -> Any:
        """The indices of one epoch, as an array."""
        raise NotImplementedError(f"{type(self).__name__} needs a method order(self)")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


def _check_length(name: str, data: Any) -> None:
    if not hasattr(data, "__len__"):
        raise DtypeError(f"{name}: expected a data set with a length, got {type(data).__name__}")


class SequentialSampler(OrderSampler):
    """One sample after the other.

    Args:
        data_source: a data set with a length.
    """

    def __init__(self, data_source: Any) -> None:
        _check_length("SequentialSampler", data_source)
        self.data_source = data_source

    def order(self) -> Any:
        """0, 1, 2, ..."""
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(OrderSampler):
    """The samples in random order.

    Args:
        data_source: a data set with a length.
        replacement: whether a sample can come twice.
        num_samples: how many an epoch has; by default as many as the data set.
        generator: of the random numbers.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples <= 0):
            raise ArgumentError(f"RandomSampler: num_samples must be a positive integer, got {num_samples!r}")
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement must be True or False, got {replacement!r}")
        _check_length("RandomSampler", data_source)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator

    @property
    def num_samples(self) -> int:
        """How many samples an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> Any:
        """A permutation (several, if more samples are asked for than there are); or independent draws."""
        count, wanted, stream = len(self.data_source), self.num_samples, source(self.generator)
        if not count and wanted:
            raise ArgumentError(f"RandomSampler: {wanted} samples asked for, but the data set is empty")
        if self.replacement and count:
            return stream.integers(0, count, (wanted,))
        if wanted <= count:
            return stream.permutation(count)[:wanted]
        return np.concatenate([stream.permutation(count) for _ in range(0, wanted, count)])[:wanted]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(OrderSampler):
    """Given indices in random order.

    Args:
        indices: which.
        generator: of the random numbers.
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    @explained
    def order(self) -> Any:
        """A permutation of the indices."""
        return np.asarray(self.indices, np.int64)[source(self.generator).permutation(len(self.indices))]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(OrderSampler):
    """Indices with probabilities proportional to weights.

    Args:
        weights: one for each sample; they need not sum to 1.
        num_samples: how many an epoch has.
        replacement: whether a sample can come twice.
        generator: of the random numbers.

    >>> from nn.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 1.0], num_samples=3))
    [1, 1, 1]
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples <= 0:
            raise ArgumentError(f"WeightedRandomSampler: num_samples must be a positive integer, got {num_samples!r}")
        if not isinstance(replacement, bool):
            raise ArgumentError(f"WeightedRandomSampler: replacement must be True or False, got {replacement!r}")
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1:
            raise ArgumentError(f"WeightedRandomSampler: expected one weight a sample, got shape {self.weights.shape}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def order(self) -> Any:
        """The indices drawn."""
        return multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator).numpy()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Batches of what another sampler yields.

    Args:
        sampler: yields indices.
        batch_size: how many a batch.
        drop_last: whether to drop the last batch if it is smaller.

    >>> from nn.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size <= 0:
            raise ArgumentError(f"BatchSampler: batch_size must be a positive integer, got {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ArgumentError(f"BatchSampler: drop_last must be True or False, got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def arrays(self) -> Iterator[Any]:
        """The batches of an OrderSampler as arrays; the order is drawn at once, not at the first batch."""
        order = self.sampler.order()  # type: ignore[attr-defined]
        end = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        return (order[i : i + self.batch_size] for i in range(0, end, self.batch_size))

    def __iter__(self) -> Iterator[list[int]]:
        if isinstance(self.sampler, OrderSampler):
            yield from (batch.tolist() for batch in self.arrays())
            return
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full + (rest > 0 and not self.drop_last)
