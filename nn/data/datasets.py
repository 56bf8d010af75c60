"""Data sets: samples by number (``Dataset``) or one after the other (``IterableDataset``)."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic

import numpy as np

from autograd import ArgumentError, BoundsError, Generator, ShapeError, Tensor, as_tensor
from autograd.engine.callsite import warn
from autograd.engine.failures import describe, explained
from autograd.engine.nodes import array_of, new_tensor
from autograd.generator import source

from .generics import T

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
    "random_split",
]  # fmt: skip


class Dataset(Generic[T]):
    """Base of data sets with numbered samples: define ``__getitem__``, and ``__len__`` for most samplers.

    A method ``__getitems__(indices)``, if there is one, is asked for all samples of a batch at once.

    >>> from nn.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> list(DataLoader(Squares(), batch_size=2))
    [tensor([0, 1]), tensor([4, 9])]
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, index)")

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Base of data sets whose samples come one after the other: define ``__iter__``.

    In worker processes every worker has the whole data set; ``get_worker_info`` tells it which part is its own.

    >>> from nn.data import DataLoader, IterableDataset
    >>> class Lines(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(["one", "two", "three"])
    >>> list(DataLoader(Lines(), batch_size=2))
    [['one', 'two'], ['three']]
    """

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__(self)")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[Any]):
    """Tensors (or arrays, whose memory is shared) that are numbered along their first dimension.

    Args:
        *tensors: all of the same length.

    Raises:
        ShapeError: lengths that differ, or a Tensor without dimensions.

    >>> from nn.data import TensorDataset
    >>> TensorDataset([[1.0, 2.0], [3.0, 4.0]], [0, 1])[1]
    (tensor([3., 4.]), tensor(1))
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ArgumentError("TensorDataset: expected at least one Tensor")
        self.tensors: tuple[Tensor, ...] = tuple(as_tensor(tensor) for tensor in tensors)
        shapes = [tensor.shape for tensor in self.tensors]
        if () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(f"TensorDataset: expected Tensors of one length, got shapes {', '.join(map(str, shapes))}")

    def __repr__(self) -> str:
        return f"<TensorDataset: {len(self)} samples in {', '.join(map(describe, self.tensors))}>"

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: Any) -> list[Tensor]:
        """The samples of an index array, collated: one fancy index for each Tensor."""
        return [
            tensor[indices] if tensor.requires_grad else new_tensor(array_of(tensor).take(indices, 0))
            for tensor in self.tensors
        ]


class StackDataset(Dataset[T]):
    """Data sets side by side: a sample is a tuple (or a dict) of their samples.

    Args:
        *args: data sets of one length; or
        **kwargs: named ones.
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ArgumentError("StackDataset: expected data sets either by position or by name")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ArgumentError(f"StackDataset: expected data sets of one length, got {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        named = isinstance(self.datasets, dict)
        parts = self.datasets.values() if isinstance(self.datasets, dict) else self.datasets
        columns = [_samples(dataset, indices) for dataset in parts]
        for column in columns:
            if len(column) != len(indices):
                raise ArgumentError(f"StackDataset: asked a data set for {len(indices)} samples, got {len(column)}")
        rows = zip(*columns, strict=True)
        return [dict(zip(self.datasets, row, strict=True)) for row in rows] if named else list(rows)

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T]):
    """Data sets one behind the other.

    Args:
        datasets: data sets with lengths.
    """

    @explained
    def __init__(self, datasets: Iterable[Any]) -> None:
        if not isinstance(datasets, Iterable):
            raise TypeError(f"ConcatDataset: expected several data sets, got {type(datasets).__name__}")
        self.datasets = list(datasets)
        if not self.datasets:
            raise ArgumentError("ConcatDataset: expected at least one data set")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise TypeError("ConcatDataset: an IterableDataset has no numbered samples; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        part = bisect.bisect_right(self.cumulative_sizes, number)
        return self.datasets[part][number - (self.cumulative_sizes[part - 1] if part else 0)]


class ChainDataset(IterableDataset[T]):
    """Iterable data sets one after the other.

    Args:
        datasets: iterable data sets.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(f"ChainDataset: expected IterableDatasets, got {type(dataset).__name__}")

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class Subset(Dataset[T]):
    """Some samples of a data set.

    Args:
        dataset: the whole.
        indices: which of its samples.

    >>> from nn.data import Subset
    >>> list(Subset(["a", "b", "c"], [2, 0]))
    ['c', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        try:
            place = self.indices[index]
        except IndexError:
            raise BoundsError(f"Subset: index {index} is out of range for {len(self.indices)} samples") from None
        return self.dataset[place]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        return _samples(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def _samples(dataset: Any, indices: Sequence[int]) -> Any:
    """Several samples, at once if the data set can give them so."""
    together = getattr(dataset, "__getitems__", None)
    return together(indices) if callable(together) else [dataset[index] for index in indices]


def batch_taker(dataset: Any) -> Callable[[Any], list[Tensor]] | None:
    """For array data (a TensorDataset, or a Subset of one) the function from an index array to a batch, else None."""
    if type(dataset) is TensorDataset:
        return dataset.batch
    take = batch_taker(dataset.dataset) if type(dataset) is Subset else None
    if take is None:
        return None
    outer, numbers = take, np.asarray(dataset.indices, np.int64)
    return lambda indices: outer(numbers[indices])


def random_split(
    dataset: Any, lengths: Sequence[int] | Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Distribute the samples at random over subsets.

    Args:
        dataset: with a length.
        lengths: how many samples each gets; or fractions, which sum to 1 (what rounding leaves over goes to the first).
        generator: of the random numbers.

    Raises:
        ValueError: the lengths do not sum to the data set's.

    >>> from nn.data import TensorDataset, random_split
    >>> [len(part) for part in random_split(TensorDataset(range(10)), [0.75, 0.25])]
    [8, 2]
    """
    if not isinstance(lengths, Iterable):
        raise TypeError(f"random_split: lengths must be several numbers, one for each part, got {lengths!r}")
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        if not all(0 <= fraction <= 1 for fraction in lengths):
            raise ArgumentError(f"random_split: fractions must lie between 0 and 1, got {list(lengths)}")
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if count == 0:
                warn(f"random_split: part {i} gets no samples")
    else:
        counts = [int(count) for count in lengths]
    if sum(counts) != total or any(count < 0 for count in counts):
        raise ArgumentError(f"random_split: the lengths {list(lengths)} do not sum to the data set's length {total}")
    order = source(generator).permutation(total).tolist()
    ends = itertools.accumulate(counts)
    return [Subset(dataset, order[end - count : end]) for count, end in zip(counts, ends, strict=True)]
