"""Threads that share the work on one large array: how many, where they run, what they raise."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd
from autograd.engine import blas, blocks, threads
from autograd.engine.blocks import block_rows, in_blocks


def test_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_wanted", None)
    monkeypatch.setattr(threads, "_team", None)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # BLAS, of the whole process, stays as it is
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    for text, number in {"": 2, "many": 2, "1": 1, "6": 6, "9": 8, "4,2": 4, " 3 ": 3, "²": 2, "-1": 2, "0": 1}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert autograd.get_num_threads() == number
    x = np.zeros((64, 10))
    for number in (3, 1, 2):
        autograd.set_num_threads(number)
        assert autograd.get_num_threads() == number
        barrier = threading.Barrier(number, timeout=10)
        seen: set[int] = set()

        def start(barrier=barrier, seen=seen):  # type: ignore[no-untyped-def]
            seen.add(threading.get_ident())
            barrier.wait()  # passes only if as many threads are at work
            return lambda rows: None

        in_blocks(x, start, 10)
        assert len(seen) == number
    with pytest.raises(ValueError, match="at least one thread, got 0"):
        autograd.set_num_threads(0)
    assert autograd.get_num_threads() == 2


def test_blas_follows_if_threadpoolctl_is_there() -> None:
    pytest.importorskip("threadpoolctl")
    code = (
        "import numpy, autograd, threadpoolctl; autograd.set_num_threads(1); "
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{1}"


def test_blocks_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 10)
    monkeypatch.setattr(threads, "_team", None)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    x = np.zeros((23, 4))
    assert block_rows(x) == 4
    seen = set()

    def start() -> Any:
        seen.add(threading.get_ident())

        def work(block: slice) -> None:
            x[block] += 1

        return work

    in_blocks(x, start)
    assert (x == 1).all()
    assert 1 <= len(seen) <= 2
    assert block_rows(np.zeros((0, 4))) == block_rows(np.zeros((3, 0))) // 3 == 1
    assert block_rows(np.zeros((12, 1)), 10) == 6


def test_blocks_of_long_rows_leave_the_buffers_of_numpy_as_they_were() -> None:
    x, before, meanwhile = np.ones((128, 600)), np.getbufsize(), []

    def work(block: slice) -> None:
        meanwhile.append(np.getbufsize())
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            in_blocks(x, lambda: work)
        assert np.getbufsize() == before
    assert all(0 < size < 2 * 600 for size in meanwhile)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads, of which one does not exist yet."""
    monkeypatch.setattr(threads, "_wanted", 2)
    monkeypatch.setattr(threads, "_team", None)


@pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="threads are placed by Linux, on processors"
)
def test_threads_that_work_together_run_on_processors_of_their_own(two: None) -> None:
    allowed, here, places = os.sched_getaffinity(0), threading.get_ident(), {}
    both = threading.Barrier(2, timeout=10)

    def start() -> Any:
        places[threading.get_ident()] = os.sched_getaffinity(0)
        both.wait()
        return lambda rows: None

    in_blocks(np.zeros((4, 10)), start, 10)
    own = places.pop(here)
    (other,) = places.values()
    assert len(own) == 1
    assert other == allowed - own
    assert os.sched_getaffinity(0) == allowed, "after the work this thread may run anywhere again"

    def fails() -> Any:
        raise ArithmeticError("in the work")

    with pytest.raises(ArithmeticError, match="in the work"):
        in_blocks(np.zeros((4, 10)), fails, 10)
    assert os.sched_getaffinity(0) == allowed


def test_what_a_helping_thread_raises_is_raised_where_it_was_called(two: None) -> None:
    here, both = threading.get_ident(), threading.Barrier(2, timeout=10)

    def start() -> Any:
        both.wait()
        if threading.get_ident() != here:
            raise ArithmeticError("in the other thread")
        return lambda rows: None

    with pytest.raises(ArithmeticError, match="in the other thread"):
        in_blocks(np.zeros((4, 10)), start, 10)


def _at_work(items: int, seconds: float | None = None, long: bool = False) -> int:
    """How many threads did some work of so many items; with ``seconds`` two, of which the other takes these."""
    here, seen, both = threading.get_ident(), set(), threading.Barrier(2, timeout=10)

    def start() -> Any:
        seen.add(threading.get_ident())
        if seconds is not None:
            both.wait()
        return lambda item: time.sleep(0 if seconds is None or threading.get_ident() == here else seconds)

    threads.shared(range(items), start, long)
    return len(seen)


@pytest.mark.parametrize("share", [0.0, 20.0])
def test_the_last_of_long_work_is_waited_for_busily_and_then_asleep(two: None, share: float) -> None:
    assert _at_work(2, share * threads._BUSY, long=True) == 2


def test_who_was_kept_waiting_works_alone_for_a_while(two: None) -> None:
    assert _at_work(4, 0.5) == 2
    assert _at_work(threads.MANY + 1, 0.0) == 2, "what takes long is shared all the same"
    assert _at_work(4, 0.0, long=True) == 2, "and so is what takes long for each item"
    assert {_at_work(4) for _ in range(threads._PAUSES[0])} == {1}
    assert _at_work(4, 0.0) == 2


def test_threads_that_shared_a_processor_are_kept_apart_for_a_while() -> None:
    team = threads._Team()
    if team.place() < 0:
        pytest.skip("where threads run is not known")

    def moved() -> bool:
        seen: list[bool] = []
        team.apart(lambda: seen.append(len(os.sched_getaffinity(0)) == 1))
        return seen[0]

    allowed = os.sched_getaffinity(0)
    for _ in range(2):
        team.met([team.place()])
        for _ in range(threads._APART):
            assert moved() is (len(allowed) > 1)
            team.met([-1])
        assert moved() is False
    assert os.sched_getaffinity(0) == allowed


def test_savings_make_up_for_waiting() -> None:
    team, (first, most) = threads._Team(), threads._PAUSES

    def pause() -> int:
        return next(i for i in range(2 * most) if team.pays(2))

    for _ in range(100):
        team.note(0.001, 0.0004)
        assert team.pays(2)
    pauses = []
    for _ in range(9):
        team.note(0.0, 0.006)
        pauses.append(pause())
    assert pauses == [first, 2 * first, 4 * first, 8 * first, 16 * first, 32 * first, 64 * first, most, most]
    team.note(1.0, 0.0)
    team.note(0.0, 0.006)
    assert pause() == first


def test_after_an_error_nobody_begins_anything(two: None) -> None:
    here, both, others = threading.get_ident(), threading.Barrier(2, timeout=10), []

    def start() -> Any:
        both.wait()
        if threading.get_ident() == here:
            raise ArithmeticError

        def work(rows: slice) -> None:
            others.append(rows)
            time.sleep(0.005)

        return work

    with pytest.raises(ArithmeticError):
        in_blocks(np.zeros((300, 1)), start, 1)
    assert len(others) < 200


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="interrupts go elsewhere")
def test_an_interrupt_at_any_call_leaves_threads_and_processors_as_they_were(
    two: None, blas_threads: Callable[[], int]
) -> None:
    """Each call, and each return, of a function of Python on the way is interrupted once."""
    x, work = np.zeros((128, 600)), np.ones((2, 2))
    files = {*(module.__file__ for module in (threads, blas, blocks, contextlib)), np.setbufsize.__code__.co_filename}
    calls, stop = 0, 1

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal calls
        if frame.f_code.co_filename not in files:
            return None
        if event in ("call", "return"):
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt
        return trace

    def run() -> bool:
        sys.settrace(trace)
        try:
            in_blocks(x, lambda: lambda rows: np.matmul(work, work), 16 * 600)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
        return False

    def state() -> Any:
        affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        placing = threads._team is not None and threads._team._placing.locked()
        return affinity, blas_threads(), set(blas._users), placing, np.getbufsize()

    in_blocks(x, lambda: lambda rows: None, 16 * 600)
    before = state()
    while run():
        assert state() == before, f"after the interrupt of call or return {stop}"
        calls, stop = 0, stop + 1
    assert stop > 20


@pytest.mark.filterwarnings("error")
def test_a_handler_of_signals_may_share_work_too_wherever_it_is_called(
    monkeypatch: pytest.MonkeyPatch, blas_threads: Callable[[], int]
) -> None:
    """At each line of the way once, as a handler runs between any two steps of the thread that is interrupted."""
    monkeypatch.setattr(threads, "_wanted", 2)
    files = {threads.__file__, blas.__file__}
    found: list[tuple[bool, bool]] = []

    def run(stop: int) -> None:
        x, lines = np.zeros((8, 10)), 0
        monkeypatch.setattr(threads, "_team", None)

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal lines
            if frame.f_code.co_filename not in files:
                return None
            if event == "line":
                lines += 1
                if lines == stop:
                    in_blocks(x, lambda: lambda rows: np.add(x[rows], 1, out=x[rows]), 10)
            return trace

        sys.settrace(trace)
        try:
            in_blocks(x, lambda: lambda rows: np.add(x[rows], 1, out=x[rows]), 10)
        finally:
            sys.settrace(None)
        reached = lines >= stop
        found.append((reached, bool((x == 1 + reached).all()) and blas_threads() == 3))

    for stop in range(1, 1000):
        thread = threading.Thread(target=run, args=(stop,), daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive(), f"it waits for itself at line {stop}"
        reached, right = found.pop()
        assert right, f"wrong at line {stop}"
        if not reached:
            break
    assert stop > 50


def _refused(*args: Any) -> Any:
    raise PermissionError


def _no_more(self: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


@pytest.mark.parametrize("lack", ["affinity", "setting", "permission", "threads", "libraries"])
def test_what_a_system_lacks_is_done_without(lack: str, two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if lack == "affinity":
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    if lack in ("affinity", "setting"):
        monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    elif lack == "permission":
        monkeypatch.setattr(os, "sched_getaffinity", _refused, raising=False)
        monkeypatch.setattr(os, "sched_setaffinity", _refused, raising=False)
    elif lack == "threads":
        monkeypatch.setattr(threading.Thread, "start", _no_more)
    else:
        monkeypatch.setattr(blas, "ctypes", None)
    x = np.zeros((8, 10))
    for wanted in (2, None):
        monkeypatch.setattr(threads, "_wanted", wanted)
        assert autograd.get_num_threads() >= 1
        in_blocks(x, lambda: lambda rows: np.add(x[rows], 1, out=x[rows]), 10)
    assert (x == 2).all()


def test_many_threads_ask_for_help_at_the_same_time(two: None) -> None:
    wrong = []

    def call(number: int) -> None:
        for _ in range(50):
            x = np.full((8, 10), number)
            in_blocks(x, lambda x=x: lambda rows: np.add(x[rows], 1, out=x[rows]), 10)
            if (x != number + 1).any():
                wrong.append(x)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert not wrong
    assert not any(caller.is_alive() for caller in callers)


# ---- BLAS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def blas_threads() -> Iterator[Callable[[], int]]:
    """What tells how many threads OpenBLAS has: three at first."""
    controls = blas._controls("scipy.linalg" in sys.modules)
    if not controls:
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    get, put = controls[0]
    before = get()
    put(3)
    yield get
    put(before)


def test_products_inside_of_shared_work_are_computed_by_the_thread_that_asks(
    two: None, blas_threads: Callable[[], int]
) -> None:
    assert blas_threads() == 3
    meanwhile = []
    in_blocks(np.zeros((4, 10)), lambda: lambda rows: meanwhile.append(blas_threads()), 10)
    assert meanwhile == [1] * 4
    assert blas_threads() == 3

    def fails() -> Any:
        raise ArithmeticError("in the work")

    with pytest.raises(ArithmeticError, match="in the work"):
        in_blocks(np.zeros((4, 10)), fails, 10)
    assert blas_threads() == 3


def test_who_is_last_gives_blas_its_threads_back(blas_threads: Callable[[], int]) -> None:
    blas._enter(first := object())
    blas._enter(second := object())
    assert blas_threads() == 1
    blas._leave(first)
    assert blas_threads() == 1, "the second still works"
    blas._leave(second)
    assert blas_threads() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_all_threads_of_blas(blas_threads: Callable[[], int]) -> None:

    def forked() -> int:
        if not (process := os.fork()):
            os._exit(blas_threads())
        return process

    child = blas.in_one_thread_each(forked)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_without_openblas_nothing_is_set(two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_controls", lambda scipy: ())
    x = np.zeros((4, 10))
    in_blocks(x, lambda: lambda rows: np.add(x[rows], 1, out=x[rows]), 10)
    assert (x == 1).all()


def test_blas_of_scipy_follows(blas_threads: Callable[[], int]) -> None:
    pytest.importorskip("scipy.linalg")
    both = [get for get, _ in blas._controls(True)]
    before = [get() for get in both]
    assert blas.in_one_thread_each(lambda: [get() for get in both]) == [1] * len(both)
    assert [get() for get in both] == before
