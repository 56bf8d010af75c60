"""Worker processes of a DataLoader: each is asked for batches through a pipe of its own and answers in order."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd import manual_seed

from .fetching import Exhausted, Failure, Fetcher

__all__ = ["Pool", "WorkerInfo", "get_worker_info"]

PATIENCE = 5.0
"""Seconds that a worker has to end by itself before it is terminated."""


class WorkerInfo(NamedTuple):
    """What a worker process knows about itself: its number, how many there are, its seed, its copy of the data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here:
    """What this process is."""

    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process its ``WorkerInfo``, else None."""
    return _Here.info


# ---- in the worker ---------------------------------------------------------------------------------------------------


class _Job(NamedTuple):
    """What a worker is started with."""

    fetcher: Fetcher
    number: int
    workers: int
    seed: int
    init: Callable[[int], Any] | None


def _seed(seed: int) -> None:
    """Seed everything that draws random numbers: ours, NumPy's and Python's."""
    import random

    manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (a user's data set may draw from it)
    random.seed(seed)


def _work(pipe: Any, parents_end: Any, job: _Job) -> None:
    """The life of a worker process: answer requests until the pipe is closed."""
    import queue
    import signal

    parents_end.close()  # else this process would keep its own pipe open after the parent's death
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def receive() -> None:  # a thread, so that the parent never waits to get rid of a request
        try:
            while True:
                requests.put(pipe.recv())
        except (EOFError, OSError):
            requests.put(None)

    threading.Thread(target=receive, daemon=True).start()
    failure = None
    try:
        _start(job, job.seed)
        if job.init is not None:
            job.init(job.number)
    except Exception as error:  # noqa: BLE001 (whatever happens is reported to the parent)
        failure = ("failed", _described(error)[1])
    while (request := requests.get()) is not None:
        kind, content = request
        if kind == "seed":
            _start(job, content)
            continue
        try:
            answer = failure or ("batch", job.fetcher.next(content))
        except Exhausted:
            answer = ("end", None)
        except Exception as error:  # noqa: BLE001 (as above)
            answer = _described(error)
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            break
        except Exception as error:  # noqa: BLE001 (a batch that cannot be pickled)
            pipe.send(_described(error))


def _start(job: _Job, seed: int) -> None:
    _seed(seed)
    _Here.info = WorkerInfo(job.number, job.workers, seed, job.fetcher.dataset)
    job.fetcher.restart()


def _described(error: Exception) -> tuple[str, Any]:
    """An error as a message to the parent: its class, if that can be sent, and its traceback."""
    import traceback

    kind: type[BaseException] = type(error)
    try:
        pickle.dumps(kind)
    except (pickle.PicklingError, AttributeError, TypeError):
        kind = RuntimeError
    return "error", (kind, "".join(traceback.format_exception(error)))


# ---- in the parent ---------------------------------------------------------------------------------------------------


class Pool:
    """The workers of a loader.

    Args:
        fetcher: makes the batches; each worker gets a copy.
        count: how many workers.
        seed: worker ``i`` draws random numbers from ``seed + i``.
        init: called with its number in each worker.
        context: a multiprocessing context, the name of a start method, or None for the platform's own.
        ahead: how many batches each worker prepares in advance.
        timeout: seconds to wait for a batch; 0 is for ever.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        count: int,
        seed: int,
        init: Callable[[int], Any] | None,
        context: Any,
        ahead: int,
        timeout: float,
    ) -> None:
        import multiprocessing

        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        self.ahead = ahead
        self.timeout = timeout
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        self._pending: deque[int] = deque()
        self.close = weakref.finalize(self, _shut_down, os.getpid(), self._pipes, self._processes)
        try:
            for number in range(count):
                ours, theirs = context.Pipe()
                self._pipes.append(ours)
                job = _Job(fetcher, number, count, seed + number, init)
                process = context.Process(target=_work, args=(theirs, ours, job), daemon=True)
                process.start()
                self._processes.append(process)
                theirs.close()
        except BaseException:
            self.close()
            raise

    def reseed(self, seed: int) -> None:
        """Start a new epoch in workers that are kept: forget what they still prepare, and seed them anew."""
        while self._pending:
            self._answer(self._pending.popleft())
        for number in range(len(self._pipes)):
            self._send(number, ("seed", seed + number))

    def batches(self, tasks: Iterable[Any], endless: bool) -> Iterator[Any]:
        """The batches in the order of their tasks; in the place of one that could not be made, a ``Failure``.

        Args:
            tasks: what to fetch: the workers take turns.
            endless: the tasks never end, but each worker says when it has no more.
        """
        remaining = iter(tasks)

        def ask(number: int) -> None:
            for task in remaining:
                self._send(number, ("fetch", task))
                self._pending.append(number)
                return

        for _ in range(self.ahead):
            for number in range(len(self._pipes)):
                ask(number)
        finished: set[int] = set()
        while self._pending:
            number = self._pending.popleft()
            kind, content = self._answer(number)
            if kind == "failed" or (kind == "end" and endless):
                finished.add(number)
            if number not in finished:
                ask(number)
            if kind in ("error", "failed"):
                yield Failure(_reported(number, *content))
            elif kind == "batch":
                yield content

    def _send(self, number: int, message: Any) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what it still answered is read first
            self._pipes[number].send(message)

    def _answer(self, number: int) -> Any:
        pipe = self._pipes[number]
        try:
            if self.timeout and not pipe.poll(self.timeout):
                raise RuntimeError(
                    f"DataLoader: no batch from worker {number} within timeout={self.timeout} s; it still runs"
                )
            return pipe.recv()
        except (EOFError, ConnectionResetError):
            raise self._died(number) from None

    def _died(self, number: int) -> RuntimeError:
        process = self._processes[number]
        process.join(PATIENCE)
        error = RuntimeError(
            f"DataLoader: worker {number} (process {process.pid}) ended with exit code {process.exitcode}; "
            "was it killed, or short of memory? num_workers=0 shows errors where they happen"
        )
        self.close()
        return error


def _reported(number: int, kind: type[Exception], text: str) -> Exception:
    """The error of a worker, of its class if that takes a message alone."""
    message = f"in DataLoader worker {number}:\n{text}"
    try:
        return kind(message)
    except TypeError:
        return RuntimeError(message)


def _shut_down(owner: int, pipes: list[Any], processes: list[Any]) -> None:
    """End all workers: closed pipes tell them to, and who does not listen is terminated."""
    if os.getpid() != owner:  # a forked copy of the pool
        return
    for pipe in pipes:
        pipe.close()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
            process.join()
        process.close()
