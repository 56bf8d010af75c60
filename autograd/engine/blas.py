"""BLAS, which computes NumPy's matrix products, and its own threads.

OpenBLAS lets one product at a time use its threads. Where several threads of a program each ask for products, they wait
for their turn busily, on the processors that the product needs: attention over 256 steps took ten times as long. So
while the library's own threads share some work, each product in it is computed by the thread that asks for it. SciPy
has an OpenBLAS of its own, whose threads and NumPy's are in each other's way likewise: small matrices need neither.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

try:
    import ctypes
except ImportError:  # Python can be built without it
    ctypes = None  # type: ignore[assignment]

__all__ = ["function_of", "in_one_thread_each", "libraries", "opened", "threads_of_blas", "without_blas_threads"]

T = TypeVar("T")


def opened(path: str | None) -> Any:
    """A shared library, or for None all that this process has loaded; None if it cannot be had.

    Its functions keep Python's lock: they are to take no time.
    """
    try:
        return ctypes.PyDLL(path) if ctypes is not None else None
    except OSError:
        return None


def libraries() -> Iterator[str]:
    """Where OpenBLAS may be: in NumPy's wheel, or among what this process has loaded."""
    from pathlib import Path  # which would slow down `import autograd`

    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs", home / ".libs"):
        yield from sorted(map(str, folder.glob("*openblas*")))
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        yield from sorted({line.split()[-1] for line in lines if "openblas" in line})


def function_of(library: Any, name: str) -> Any:
    """A function of OpenBLAS, which builds of it call by different names; None if there is none."""
    for prefix in ("scipy_openblas_", "openblas_"):
        for suffix in ("64_", "_64_", "64", ""):
            found = getattr(library, f"{prefix}{name}{suffix}", None)
            if found is not None:
                return found
    return None


_Controls = tuple[Callable[[], int], Callable[[int], None]]


@functools.cache
def _controls(scipy: bool) -> tuple[_Controls, ...]:
    """What tells, and what sets, the number of threads of NumPy's OpenBLAS and of that of ``scipy``, if it is there."""
    found: dict[str, _Controls] = {}
    for path in libraries():
        library = opened(path)
        get, put = function_of(library, "get_num_threads"), function_of(library, "set_num_threads")
        if get is not None and put is not None:
            found[os.path.realpath(path)] = get, put
    return tuple(found.values())


_lock = threading.RLock()
_users: set[object] = set()
_before: list[tuple[Callable[[int], None], int]] = []


def in_one_thread_each(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What ``work`` returns; meanwhile each product is computed by the thread that asks for it, in the whole process.

    It is no context manager, as an interrupt may come before the end of one begins.
    """
    user = object()
    try:
        _enter(user)
        return work(*args, **kwargs)
    finally:
        try:
            _leave(user)
        except KeyboardInterrupt:
            _leave(user)
            raise


def without_blas_threads(function: Callable[..., T]) -> Callable[..., T]:
    """A function that computes each product in the thread that asks for it: while it runs, in the whole process."""
    return functools.partial(in_one_thread_each, function)


def threads_of_blas() -> int:
    """In how many threads NumPy's products are computed; 0 where that is not known."""
    return max([get() for get, _ in _controls("scipy.linalg" in sys.modules)], default=0)


def _enter(user: object) -> None:
    with _lock:
        if not _before:
            _before[:] = [(put, get()) for get, put in _controls("scipy.linalg" in sys.modules)]
        _users.add(user)
        for put, _ in _before:
            put(1)


def _leave(user: object) -> None:
    """May be called again if it was interrupted. A handler of signals may call both at any line of either."""
    with _lock:
        _users.discard(user)
        if not _users:
            for put, number in _before:
                put(number)
            _before.clear()


def _forget() -> None:
    """In a forked process the threads that shared some work do not exist."""
    global _lock
    _lock = threading.RLock()
    for user in list(_users):
        _leave(user)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
