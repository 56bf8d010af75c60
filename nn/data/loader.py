"""``DataLoader``: the batches of a data set, epoch for epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic

from autograd import ArgumentError, DtypeError, Generator
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.generator import default_generator, source

from .collate import default_collate, default_convert
from .datasets import Dataset, IterableDataset
from .fetching import Exhausted, Failure, Fetcher
from .generics import T
from .samplers import BatchSampler, OrderSampler, RandomSampler, SequentialSampler
from .workers import Pool

__all__ = ["DataLoader"]

_FIXED = frozenset(("dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"))
"""What other attributes were made from."""


class DataLoader(Generic[T]):
    """The batches of a data set; each ``for`` loop over it is an epoch.

    Args:
        dataset: samples by number, or an IterableDataset.
        batch_size: samples a batch; None for single samples as they are.
        shuffle: whether each epoch has a new random order.
        sampler: yields the indices in order, instead of ``shuffle``.
        batch_sampler: yields lists of indices, instead of all three.
        num_workers: processes that prepare batches; 0 for none. The order of batches does not depend on it.
        collate_fn: makes a batch of a list of samples; by default ``default_collate``.
        pin_memory: for PyTorch's scripts; means nothing on the CPU.
        drop_last: whether to drop the last batch if it is smaller.
        timeout: seconds to wait for a worker; 0 is for ever.
        worker_init_fn: called with its number in each worker, after seeding.
        multiprocessing_context: a context or the name of a start method ("fork", "spawn", "forkserver").
        generator: of the order and of the workers' seeds; by default the default generator.
        prefetch_factor: batches that each worker prepares ahead (by default 2).
        persistent_workers: keep the workers from epoch to epoch.
        pin_memory_device, in_order: for PyTorch's scripts; batches always come in order.

    Raises:
        ValueError: arguments that exclude each other.
        TypeError: ``dataset`` is no data set.

    If a batch raises an error, the iterator goes on with the next one, when it is asked again.

    Worker ``i`` draws its random numbers (autograd's, NumPy's, Python's) from a seed of its own, which changes from
    epoch to epoch. Batches of a TensorDataset (or of a Subset of one) are made by one fancy index each, in which
    case workers only cost time.

    >>> from nn.data import DataLoader, TensorDataset
    >>> [y.tolist() for x, y in DataLoader(TensorDataset([[1.0], [2.0], [3.0]], [1, 2, 3]), batch_size=2)]
    [[1, 2], [3]]
    """

    @explained
    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_context(multiprocessing_context, num_workers)
        _check_order(dataset, batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(() if sampler is None else sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        batched = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        if not callable(self.collate_fn):
            raise DtypeError(f"DataLoader: collate_fn must be a function of a list of samples, got {collate_fn!r}")
        source(generator)  # which must be one
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers = persistent_workers
        self._fetcher = Fetcher(dataset, self.collate_fn, batched, batch_size, drop_last)
        self._pool: Pool | None = None
        self._begun: list[dict[str, Any]] | None = None
        self._delivered = 0
        self._resumed = False
        self._told: int | None = None

    def __repr__(self) -> str:
        what = repr(self.dataset) if isinstance(self.dataset, Dataset) else type(self.dataset).__name__
        return f"<DataLoader: batch_size={self.batch_size} of {what}>"

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            full, rest = divmod(len(self.dataset), self.batch_size or 1)  # type: ignore[arg-type]
            self._told = full + (rest > 0 and not self.drop_last)
            return self._told
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__:
            raise ArgumentError(f"DataLoader: {name} cannot be changed any more; make a new DataLoader")
        super().__setattr__(name, value)

    # ---- an epoch ------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return _Epoch(self._outcomes())

    def _outcomes(self) -> Iterator[Any]:
        """The batches of an epoch; in the place of one that could not be made, a ``Failure``."""
        now = [stream.get_state() for stream in self._streams()]
        resumed, self._resumed = self._resumed, False
        if not resumed:
            self._begun, self._delivered = now, 0
        begun = self._begun
        if resumed:
            self._rewind(begun or ())
        seed = int(source(self.generator).integers(0, 2**62, ()))
        iterable = isinstance(self.dataset, IterableDataset)
        tasks = itertools.repeat(None) if iterable else self._tasks()
        batches = self._from_workers(seed, tasks) if self.num_workers else self._from_here(tasks)
        if resumed:
            for _ in itertools.islice(batches if iterable else tasks, self._delivered):
                pass
            self._rewind(now)  # what is drawn from here on follows what was drawn since the epoch's start
        for number, batch in enumerate(batches, 1):
            if self._begun is begun:
                self._delivered += 1
            if number - 1 == self._told:
                warn(
                    f"{self!r}: its length was said to be {self._told}, but more batches come; if each of several "
                    "workers has the whole IterableDataset, divide it among them: see get_worker_info"
                )
            yield batch
        if self._begun is begun:
            self._begun, self._delivered = None, 0

    def _rewind(self, states: Iterable[dict[str, Any]]) -> None:
        for stream, state in zip(self._streams(), states, strict=True):
            stream.set_state(state)

    def _tasks(self) -> Iterator[Any]:
        batches = self.batch_sampler
        if batches is None:
            return iter(self.sampler or ())
        if type(batches) is BatchSampler and isinstance(batches.sampler, OrderSampler):
            arrays = batches.arrays()
            return arrays if self._fetcher.takes_arrays else (array.tolist() for array in arrays)
        return iter(batches)

    def _from_here(self, tasks: Iterator[Any]) -> Iterator[Any]:
        self._fetcher.restart()
        fetch = self._fetcher.next
        for task in tasks:
            try:
                batch = fetch(task)
            except Exhausted:
                return
            except Exception as error:  # noqa: BLE001 (whatever happens, there are further batches)
                batch = Failure(error)
            yield batch

    def _from_workers(self, seed: int, tasks: Iterator[Any]) -> Iterator[Any]:
        pool = self._pool
        if pool is not None and pool.close.alive:
            pool.reseed(seed)
        else:
            pool = Pool(
                self._fetcher,
                self.num_workers,
                seed,
                self.worker_init_fn,
                self.multiprocessing_context,
                self.prefetch_factor or 2,
                self.timeout,
            )
            self._pool = pool if self.persistent_workers else None
        try:
            yield from pool.batches(tasks, isinstance(self.dataset, IterableDataset))
        finally:
            if pool is not self._pool:
                pool.close()

    # ---- state ---------------------------------------------------------------------------------------------------

    def _streams(self) -> list[Generator]:
        """The generators that an epoch's order may come from, each once."""
        owners = (self, self.sampler, self.batch_sampler, getattr(self.batch_sampler, "sampler", None))
        found = [source(getattr(owner, "generator", None)) for owner in owners]
        return [stream for i, stream in enumerate(found) if stream not in found[:i]]

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch is: for ``load_state_dict``, and for ``autograd.save``.

        The state of the default generator, which other things draw from too, is not part of it but for the one at
        the epoch's start: save ``autograd.get_rng_state()`` beside it.
        """
        own = [stream.get_state() for stream in self._streams() if stream is not default_generator]
        return {"batches": self._delivered, "epoch": self._begun, "generators": own}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was called: the next loop delivers the rest of that epoch.

        A sampler of your own must draw from an ``autograd.Generator``: the default one, or its attribute ``generator``.
        Random numbers that samples draw in worker processes start from the epoch's seeds again.

        Raises:
            ValueError: the state is that of a loader with other generators; nothing is then changed.
        """
        streams = self._streams()
        own = [stream for stream in streams if stream is not default_generator]
        begun, states = state_dict["epoch"], state_dict["generators"]
        if len(states) != len(own) or (begun is not None and len(begun) != len(streams)):
            raise ArgumentError(
                f"DataLoader: the state is that of a loader with {len(states)} generators of its own, this one has "
                f"{len(own)}"
            )
        for stream, state in zip(own, states, strict=True):
            stream.set_state(state)
        self._begun, self._delivered, self._resumed = begun, state_dict["batches"], begun is not None


class _Epoch(Iterator[Any]):
    """An iterator that goes on after an error: the next batch is that after the one that could not be made."""

    def __init__(self, outcomes: Iterator[Any]) -> None:
        self._outcomes = outcomes

    def __next__(self) -> Any:
        batch = next(self._outcomes)
        if type(batch) is Failure:
            error = batch.take()
            try:
                raise error
            finally:
                del error  # which its traceback would keep alive
        return batch


def _check_order(
    dataset: Any, batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    """Raise unless there is a data set, and one way to order its samples and to divide them into batches."""
    iterable = isinstance(dataset, IterableDataset)
    if not (iterable or hasattr(dataset, "__getitem__") or hasattr(dataset, "__getitems__")):
        raise TypeError(
            f"DataLoader: expected a data set, with __getitem__ and __len__, or an IterableDataset, got "
            f"{type(dataset).__name__}"
        )
    if iterable and (shuffle or sampler is not None or batch_sampler is not None):
        raise ArgumentError("DataLoader: an IterableDataset sets its own order: no shuffle, sampler or batch_sampler")
    if sampler is not None and shuffle:
        raise ArgumentError("DataLoader: sampler and shuffle exclude each other; shuffle in the sampler")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ArgumentError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
    if batch_sampler is None and batch_size is None and drop_last:
        raise ArgumentError("DataLoader: drop_last needs a batch_size")


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0 or timeout < 0 or (prefetch_factor is not None and prefetch_factor < 1):
        raise ArgumentError(
            "DataLoader: num_workers and timeout must not be negative and prefetch_factor must be positive, got "
            f"num_workers={num_workers}, timeout={timeout}, prefetch_factor={prefetch_factor}"
        )
    if not num_workers and (prefetch_factor is not None or persistent_workers):
        raise ArgumentError("DataLoader: prefetch_factor and persistent_workers need num_workers of at least 1")


def _check_context(context: Any, num_workers: int) -> None:
    if context is None:
        return
    if not num_workers:
        raise ArgumentError("DataLoader: multiprocessing_context needs num_workers of at least 1")
    if isinstance(context, str):
        import multiprocessing

        if context not in multiprocessing.get_all_start_methods():
            known = ", ".join(map(repr, multiprocessing.get_all_start_methods()))
            raise ArgumentError(f"DataLoader: multiprocessing_context must be one of {known}, got {context!r}")
    elif not hasattr(context, "Process"):
        raise TypeError(
            "DataLoader: multiprocessing_context must be a context or the name of a start method, got "
            f"{type(context).__name__}"
        )
