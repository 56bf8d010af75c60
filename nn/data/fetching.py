"""Fetching: from indices to a batch; the same in this process and in workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from .collate import default_collate
from .datasets import IterableDataset, batch_taker

__all__ = ["Exhausted", "Failure", "Fetcher"]


class Exhausted(Exception):
    """An IterableDataset has ended."""


class Failure:
    """An error in the place of the batch that could not be made."""

    __slots__ = ("_errors",)

    def __init__(self, error: Exception) -> None:
        if isinstance(error, StopIteration):  # which would end the epoch without a word
            cause, error = error, RuntimeError("a data set raised StopIteration")
            error.__cause__ = cause
        self._errors = [error]

    def take(self) -> Exception:
        """The error, which is then kept no longer: its traceback keeps those alive that keep this."""
        return self._errors.pop()


class Fetcher:
    """Makes the batches of a data set.

    Args:
        dataset: the samples.
        collate_fn: from a list of samples to a batch (from a sample, if not ``batched``).
        batched: whether batches are made, or samples come as they are.
        batch_size, drop_last: of the batches of an IterableDataset.
    """

    def __init__(
        self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool, batch_size: int | None, drop_last: bool
    ) -> None:
        self.dataset = dataset
        self.collate_fn = collate_fn
        self.batched = batched
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.iterable = isinstance(dataset, IterableDataset)
        self._samples: Iterator[Any] | None = None
        self.restart()

    def restart(self) -> None:
        """Begin an epoch."""
        self._samples = None
        self._take = batch_taker(self.dataset) if self.takes_arrays else None

    @property
    def takes_arrays(self) -> bool:
        """Whether a batch is one fancy index."""
        return self.batched and self.collate_fn is default_collate and batch_taker(self.dataset) is not None

    def next(self, indices: Any) -> Any:
        """The batch of some indices (of an array of them, if it ``takes_arrays``), or an IterableDataset's next.

        Raises:
            Exhausted: an IterableDataset has ended.
        """
        if self._take is not None:
            return self._take(indices)
        if self.iterable:
            return self._following()
        if not self.batched:
            return self.collate_fn(self.dataset[indices])
        together = getattr(self.dataset, "__getitems__", None)
        return self.collate_fn(together(indices) if together else [self.dataset[index] for index in indices])

    def _following(self) -> Any:
        if self._samples is None:
            self._samples = iter(self.dataset)
        samples = list(itertools.islice(self._samples, self.batch_size or 1))
        if not samples or (self.drop_last and len(samples) < (self.batch_size or 1)):
            raise Exhausted
        return self.collate_fn(samples if self.batched else samples[0])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_samples": None, "_take": None}
