"""Arrays that a function makes while it is recorded, of nothing that NumPy's protocols could tell: ``np.zeros(3)``.

Such an array is an ordinary one, and what is written into it, or computed of it, could not be seen. So while something
is recorded, NumPy's creating functions are replaced by others, which write the call down if it comes from the user's
code (or makes a Tensor) in the thread that records: in ``numpy`` and ``autograd.numpy``, and by ``Reach`` where the
function has them by names of their own (``from numpy import zeros``). The library's own scratch arrays are made like
their inputs.
"""

from __future__ import annotations

import functools
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import func as func  # its tables are of NumPy's functions: not of what stands for them, were it imported then
from .. import numpy as mirror
from ..engine.callsite import HOME, NUMPY, is_ours, scipy_part
from ..engine.foreign import ForeignArray
from ..engine.nodes import Handle
from .arrays import RecordingArray, tape_in
from .interrupts import surely
from .numbers import Number
from .recording import Tape
from .streams import Stream
from .values import map_tree

__all__ = ["creators_watched", "stand_ins"]

_CREATORS = (
    "arange", "array", "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray", "empty", "empty_like",
    "eye", "fromiter", "full", "full_like", "geomspace", "identity", "indices", "linspace", "logspace", "ones",
    "ones_like", "require", "tri", "zeros", "zeros_like",
)  # fmt: skip
_OF_LISTS = (
    "atleast_1d", "atleast_2d", "atleast_3d", "bartlett", "blackman", "block", "broadcast_to", "column_stack",
    "concatenate", "cumprod", "cumsum", "diag", "diag_indices", "diagflat", "diff", "dstack", "flip", "hamming",
    "hanning", "hstack", "ix_", "kaiser", "kron", "meshgrid", "outer", "pad", "ravel", "repeat", "reshape", "roll",
    "sort", "stack", "tile", "transpose", "tril", "tril_indices", "triu", "triu_indices", "vander", "vstack", "where",
)  # fmt: skip
"""Functions that make arrays of numbers and lists, too: of arrays that record they are seen anyway."""
_COMPILER = os.path.join(HOME, "autograd", "compiler", "")
_MIRROR = os.path.join(HOME, "autograd", "numpy", "")
_MAKES_TENSORS = ("creation.py", "construction.py")
_POLYNOMIALS = os.path.join(NUMPY, "polynomial", "")
_BY_MEMORY = frozenset({
    "cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial",
})  # fmt: skip
"""The parts of SciPy that are C code behind; others compute with NumPy's functions, where they can."""
_local = threading.local()
_originals: list[tuple[Any, str, Any]] = []


@contextmanager
def creators_watched(tape: Tape) -> Iterator[None]:
    """While this lasts, ``tape`` sees which arrays this thread makes, and which random numbers it draws unseen.

    One thread records at a time, and one function.
    """
    try:
        _local.tape = tape
        _install()
        yield
    finally:
        surely(lambda: _remove(tape))


def _remove(tape: Tape) -> None:
    if getattr(_local, "tape", None) is tape:  # else it was done: an interrupt may have us close late
        for owner, name, original in _originals:
            setattr(owner, name, original)
        _originals.clear()
        _local.tape = None


def _install() -> None:
    for owner, name in _watched_names():
        _replace(owner, name, _watched(getattr(owner, name)))
    for name in ("nditer", "ndenumerate", "frombuffer"):
        _replace(np, name, _like(getattr(np, name), _reading))
    for owner in (np.random, random):
        for name in getattr(owner, "__all__", ()):
            if not isinstance(found := getattr(owner, name), type):
                _replace(owner, name, _like(found, _drawing))


def _watched_names() -> Iterator[tuple[Any, str]]:
    """Where functions are that make arrays, by which names."""
    yield np.lib.stride_tricks, "as_strided"
    for name in (*_CREATORS, *_OF_LISTS):
        if _of_numpy(getattr(mirror, name)) is getattr(np, name):
            yield mirror, name
        yield np, name


def _of_numpy(function: Any) -> Any:
    """The function of NumPy's for which one of ``autograd.numpy`` stands; another is that itself."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_filename.startswith(_MIRROR):
        return function
    return getattr(function, "__wrapped__", None)  # some know by themselves what to do with numbers and lists


def _replace(owner: Any, name: str, made: Any) -> None:
    _originals.append((owner, name, getattr(owner, name)))
    setattr(owner, name, made)


def _like(original: Any, wrapped: Callable[[Any], Any]) -> Any:
    made: Any = functools.update_wrapper(wrapped(original), original, updated=())
    made.original = original  # for calls with like=, which NumPy hands on by the function's name
    return made


@functools.cache
def _watched(original: Any) -> Any:
    """What a creating function is replaced by, always the same."""
    return _like(original, _gathering if original.__name__ in _OF_LISTS else _creating)


def stand_ins() -> dict[int, Any]:
    """For each creating function, by its id, what is to stand where a function has it by a name of its own."""
    found = [getattr(owner, name) for owner, name in _watched_names()]
    return {id(original): _watched(original) for original in found}


def _tape(frame: Any, args: Any = ()) -> Any:
    """The tape that is to see a call from a frame, None if there is none."""
    tape = getattr(_local, "tape", None)
    if tape is None or not tape.running or tape.busy:
        return None
    filename = frame.f_code.co_filename
    if filename.startswith(NUMPY):  # what its functions do is written down as one call, but these ask nobody
        return tape if filename.startswith(_POLYNOMIALS) and args and type(args[0]) is RecordingArray else None
    if not is_ours(filename) or filename.endswith(_MAKES_TENSORS) or filename.startswith(_MIRROR):
        return tape
    inner = type(args[0]) in (RecordingArray, list) if args and _COMPILER not in filename else False
    return tape if inner and tape_in(args[0]) is not None else None


def _creating(original: Any) -> Any:
    function = _of_numpy(original)

    def make(*args: Any, **kwargs: Any) -> Any:
        tape = _tape(frame := sys._getframe(1), args)
        _refuse_memory(tape, frame, args)
        if tape is None or (args and isinstance(args[0], Handle) and original.__name__.endswith("_like")):
            return original(*args, **kwargs)  # a Tensor like the one given makes it of arrays that are seen
        like = kwargs.get("like")
        if type(like) is RecordingArray:
            del kwargs["like"]  # which has seen to it that the call is written down
        elif like is not None and not isinstance(like, np.ndarray):
            return original(*args, **kwargs)  # what stands for a batch makes one of arrays of its own
        elif args and isinstance(args[0], ForeignArray):
            return original(*args, **kwargs)
        elif function is not original and _contains((args, kwargs), Handle):
            return original(*args, **kwargs)  # that of autograd.numpy, which knows what to do with boxes
        return tape.call(function, args, kwargs)

    return make


def _gathering(original: Any) -> Any:
    function = _of_numpy(original)

    def gather(*args: Any, **kwargs: Any) -> Any:
        tape = _tape(frame := sys._getframe(1))
        _refuse_memory(tape, frame, args)
        if tape is None or _contains((args, kwargs), (RecordingArray, Number, Handle, ForeignArray)):
            return original(*args, **kwargs)  # which they see by themselves
        return tape.call(function, args, kwargs)

    return gather


def _refuse_memory(tape: Any, frame: Any, args: Any) -> None:
    """SciPy makes an array of what it was given to hand its memory to C code."""
    if tape is not None and args and type(args[0]) is RecordingArray:
        part = scipy_part(frame.f_code.co_filename)
        if part.split(os.sep)[0] in _BY_MEMORY:
            name = part.removesuffix(".py").replace(os.sep, ".")
            tape.escape(f"scipy.{name}, which takes the memory of arrays by no call of NumPy,", None)


def _contains(tree: Any, kinds: Any) -> bool:
    """Whether there is one of some kinds among arguments, or in their lists."""
    found: list[Any] = []
    map_tree(tree, lambda item: found.append(item) if isinstance(item, kinds) else None)
    return bool(found)


def _reading(original: Any) -> Any:
    def read(*args: Any, **kwargs: Any) -> Any:
        tape = _tape(sys._getframe(1))
        if tape is not None and tape_in((args, kwargs)) is not None:
            tape.escape(f"np.{original.__name__}, which reads the memory by no call of NumPy,", None)
        return original(*args, **kwargs)

    return read


def _drawing(original: Any) -> Any:
    def draw(*args: Any, **kwargs: Any) -> Any:
        tape = _tape(sys._getframe(1))
        if original is _default_rng and args and type(args[0]) is Stream:
            return args[0]
        if tape is not None and not (original is _default_rng and args and args[0] is not None):
            tape.escape(f"random numbers of {original.__name__}, whose generator no program can be given,", None)
        return original(*args, **kwargs)

    return draw


_default_rng = np.random.default_rng
