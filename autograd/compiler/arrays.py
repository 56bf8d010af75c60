"""Arrays that have every NumPy call that is made of them written down."""

from __future__ import annotations

import math
import operator
import sys
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.callsite import is_ours
from .numbers import Number, value_of
from .values import UnrecordableError, Value, map_tree

__all__ = ["RecordingArray", "bare", "plain_array"]


def plain_array(array: Any) -> Any:
    """The array itself, which records nothing."""
    return np.ndarray.view(array, np.ndarray)


def bare(item: Any) -> Any:
    """An argument without what records: the array itself, NumPy's scalar, the number itself."""
    if type(item) is RecordingArray:
        return plain_array(item)[()] if item._scalar else plain_array(item)
    return value_of(item)


_COUNTS_IN_NUMPY = isinstance(np.count_nonzero(np.ones(1)), np.generic)
"""Before NumPy 2.3 it counted in numbers of Python's, of which nothing can be written down."""


def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return np.sum(np.not_equal(a, 0), axis, np.intp, keepdims=keepdims)


def _method(name: str) -> Any:
    function = getattr(np.ndarray, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._tape is None or not self._tape.running:
            return function(plain_array(self), *args, **kwargs)
        return self._tape.call(function, (self, *args), kwargs, name)

    method.__doc__ = f"As ``numpy.ndarray.{name}``."
    return method


def _in_place(name: str) -> Any:
    function, beside = getattr(np.ndarray, f"__i{name}__"), getattr(operator, f"__{name}__")

    def method(self: Any, other: Any) -> Any:
        return beside(self, other) if self._scalar else function(self, other)

    return method


def _attribute(name: str, settable: bool = False) -> Any:
    def cut(array: Any) -> Any:
        return getattr(array, name)

    cut.__name__ = name

    def attribute(self: Any) -> Any:
        if self._tape is None or not self._tape.running:
            return cut(plain_array(self))
        return self._tape.call(cut, (self,), {}, name)

    def put(self: Any, value: Any) -> None:
        attribute(self)[...] = value

    return property(attribute, put if settable else None)


def _layout(name: str, cut: Any = None) -> Any:
    """What says how an array lies, and may be set where ``cut`` makes a view that lies so."""
    attribute: Any = getattr(np.ndarray, name)

    def get(self: Any) -> Any:
        return attribute.__get__(self)

    def put(self: Any, value: Any) -> None:
        if self._tape is not None and self._tape.running:
            before = self._tape.value(self)
            if cut is None or (before.is_given and before.source is None):
                raise UnrecordableError(
                    f"the {name} of an array is set, by no call of NumPy: use .reshape() or .view()"
                )
            self._value = cut(self, value)._value
        attribute.__set__(self, value)

    return property(get, put)


def _unseen(name: str) -> Any:
    """What gives the numbers away without a NumPy call."""

    def get(self: Any) -> Any:
        if self._tape is not None and self._tape.running and not self._tape.busy:
            self._tape.escape(f".{name}", None)
        return getattr(plain_array(self), name)

    return property(get)


def _flat(self: Any) -> Any:
    return _Flat(self)


def _flatten(self: Any, values: Any) -> None:
    _Flat(self)[:] = values


class _Flat:
    """``array.flat``, made of calls that can be seen."""

    def __init__(self, array: Any) -> None:
        self.base = array

    def __getitem__(self, index: Any) -> Any:
        return self.base.ravel()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        places = np.arange(self.base.size)[index]
        np.put(self.base, places, value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.base.ravel())

    def __len__(self) -> int:
        return int(self.base.size)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.base.ravel(), dtype, subok=True)


def _asked_by_user(name: str, answer: Any) -> Any:
    """What the library reads for itself, and what ``answer`` says if the user's code asks for it."""
    attribute = getattr(np.ndarray, name)

    def get(self: Any) -> Any:
        tape = self._tape
        if tape is None or not tape.running or tape.busy or is_ours(sys._getframe(1).f_code.co_filename):
            return attribute.__get__(self)
        return answer(tape, tape.value(self))

    return property(get)


def _base(tape: Any, value: Value) -> None:
    """``array.base``, of an array that owns its memory."""
    if value.array.base is not None:
        raise UnrecordableError("an array is asked for its .base, which no program knows")
    if value.is_given:
        tape.check(True, "{0}.base is None", (value,))


class _Flags:
    """``array.flags``, which are checked where the memory is not the program's own."""

    def __init__(self, tape: Any, value: Value) -> None:
        self.__dict__.update(_tape=tape, _value=value)

    def _known(self, found: Any, text: str) -> Any:
        if self._value.is_given:
            self._tape.check(True, f"{text} == {found!r}", (self._value,))
        return found

    def __getattr__(self, name: str) -> Any:
        return self._known(getattr(self._value.array.flags, name), f"{{0}}.flags.{name}")

    def __getitem__(self, name: str) -> Any:
        return self._known(self._value.array.flags[name], f"{{0}}.flags[{name!r}]")

    def __setattr__(self, name: str, value: Any) -> None:
        raise UnrecordableError(f"the flag {name} of an array is set, by no call of NumPy")

    __setitem__ = __setattr__


_LEAVING = {"a text", "tobytes()", "tofile()", "dumps()", "dump()"}
"""What hands the numbers of an array to others."""


def _reading(name: str, how: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        if self._tape is None or not self._tape.running:
            return getattr(np.ndarray, name)(plain_array(self), *args)
        if how in _LEAVING:
            self._tape.escape(how, None)
            plain = plain_array(self)[()] if self._scalar else plain_array(self)
            return getattr(plain, name)(*args)
        if args and name == "item":
            at = args[0] if len(args) == 1 else args
            return (self[at] if isinstance(at, tuple) else self.ravel()[at]).item()
        return self._tape.read(self, how)

    return method


class RecordingArray(np.ndarray):
    """An array whose NumPy calls are written down by its tape."""

    _tape: Any
    _value: Value | None
    _parent: Any
    _scalar: bool
    """Whether NumPy would give a scalar, which is never written: ``x += y`` makes another."""

    def __array_finalize__(self, source: Any) -> None:
        self._scalar = False
        self._tape = getattr(source, "_tape", None)
        self._value = None
        self._parent = source if self._tape is not None else None
        if self._tape is not None and self._tape.running:
            self._tape.unnamed.append(weakref.ref(self))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` asks: NumPy's scalar is one to the engine, which makes an array of it for a view."""
        return self.dtype.type if self._scalar else RecordingArray

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __round__(self, digits: int | None = None) -> Any:
        if not self._scalar:
            raise TypeError("an array is rounded by np.round")
        return int(self.round()) if digits is None else self.round(digits)

    def __mul__(self, other: Any) -> Any:
        return other * operator.index(self) if self._repeats(other) else np.ndarray.__mul__(self, other)

    def __rmul__(self, other: Any) -> Any:
        return other * operator.index(self) if self._repeats(other) else np.ndarray.__rmul__(self, other)

    def __pow__(self, other: Any, modulo: Any = None) -> Any:
        single = self._scalar and type(other) in (int, float, Number, RecordingArray) and not np.ndim(other)
        if not single or self._tape is None or not self._tape.running:
            return np.ndarray.__pow__(self, other)
        return self._tape.call(operator.pow, (self, other), {})  # NumPy's scalars do not ask np.power

    def _repeats(self, other: Any) -> bool:
        """Whether a product is another thing so many times, as of NumPy's whole numbers and a list."""
        return self._scalar and type(other) in (list, tuple, str)

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        """Give the array itself another shape, of as many elements: NumPy refuses others to arrays that are views."""
        if self._tape is None or not self._tape.running:
            np.ndarray.resize(self, *shape, refcheck=refcheck)
        elif len(shape) != 1 or shape[0] is not None:
            whole = shape[0] if len(shape) == 1 else shape
            if math.prod(whole if isinstance(whole, (tuple, list)) else (whole,)) != self.size:
                raise UnrecordableError("an array is given another size in its place")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # from NumPy 2.5 on: it has no other way yet
                self.shape = whole

    def setflags(self, *args: Any, **flags: Any) -> None:
        """Set whether the array can be written, which no program does: the library sets it of what it hands out."""
        tape = self._tape
        if tape is not None and tape.running and not (tape.busy or is_ours(sys._getframe(1).f_code.co_filename)):
            raise UnrecordableError("the flags of an array are set, by no call of NumPy")
        np.ndarray.setflags(self, *args, **flags)

    def __contains__(self, item: Any) -> bool:
        return bool(np.any(np.equal(self, item)))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    __repr__ = _reading("__repr__", "a text")
    __str__ = _reading("__str__", "a text")
    __format__ = _reading("__format__", "a text")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known = (np.ndarray, np.generic, Number)
        if any(hasattr(item, "__array_ufunc__") and not isinstance(item, known) for item in inputs):
            return NotImplemented  # a Tensor, or what stands for a batch, does it in its own way
        tape = tape_in((inputs, kwargs))
        if tape is None:
            function = ufunc if method == "__call__" else getattr(ufunc, method)
            return function(*map_tree(inputs, bare), **map_tree(kwargs, bare))
        return tape.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        function = getattr(function, "original", function)
        if any(not issubclass(kind, (np.ndarray, Number)) for kind in types):
            return NotImplemented
        if function is np.count_nonzero and not _COUNTS_IN_NUMPY:
            return _count_nonzero(*args, **kwargs)
        # The array that like= names is in neither.
        tape = self._tape if self._tape is not None and self._tape.running else tape_in((args, kwargs))
        if tape is None:
            return function(*map_tree(args, bare), **map_tree(kwargs, bare))
        return tape.call(function, args, kwargs)

    __getitem__ = _method("__getitem__")
    __setitem__ = _method("__setitem__")
    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    astype = _method("astype")
    byteswap = _method("byteswap")
    choose = _method("choose")
    clip = _method("clip")
    compress = _method("compress")
    conj = _method("conj")
    conjugate = _method("conjugate")
    copy = _method("copy")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    fill = _method("fill")
    flatten = _method("flatten")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    nonzero = _method("nonzero")
    partition = _method("partition")
    prod = _method("prod")
    put = _method("put")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _method("reshape")
    round = _method("round")
    searchsorted = _method("searchsorted")
    setfield = _method("setfield")
    sort = _method("sort")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    take = _method("take")
    trace = _method("trace")
    transpose = _method("transpose")
    var = _method("var")
    view = _method("view")

    __iadd__ = _in_place("add")
    __iand__ = _in_place("and")
    __ifloordiv__ = _in_place("floordiv")
    __ilshift__ = _in_place("lshift")
    __imatmul__ = _in_place("matmul")
    __imod__ = _in_place("mod")
    __imul__ = _in_place("mul")
    __ior__ = _in_place("or")
    __ipow__ = _in_place("pow")
    __irshift__ = _in_place("rshift")
    __isub__ = _in_place("sub")
    __itruediv__ = _in_place("truediv")
    __ixor__ = _in_place("xor")

    T = _attribute("T")
    mT = _attribute("mT")
    real = _attribute("real", settable=True)
    imag = _attribute("imag", settable=True)
    flat: Any = property(_flat, _flatten)
    shape: Any = _layout("shape", lambda array, shape: array.reshape(shape))
    dtype: Any = _layout("dtype")
    strides: Any = _layout("strides")
    base: Any = _asked_by_user("base", _base)
    flags: Any = _asked_by_user("flags", _Flags)
    data = _unseen("data")
    ctypes = _unseen("ctypes")
    __dlpack__ = _unseen("__dlpack__")
    __reduce__ = _unseen("__reduce__")
    __reduce_ex__ = _unseen("__reduce_ex__")

    __bool__ = _reading("__bool__", "bool")
    __index__ = _reading("__index__", "index")
    __int__ = _reading("__int__", "int")
    __float__ = _reading("__float__", "float()")
    __complex__ = _reading("__complex__", "complex()")
    item = _reading("item", "item")
    tolist = _reading("tolist", "tolist()")
    tobytes = _reading("tobytes", "tobytes()")
    tofile = _reading("tofile", "tofile()")
    dumps = _reading("dumps", "dumps()")
    dump = _reading("dump", "dump()")


def tape_in(tree: Any) -> Any:
    """The running tape of the arrays and Numbers among a call's arguments, None if there is none."""
    found: list[Any] = []

    def leaf(item: Any) -> None:
        tape = item._tape if isinstance(item, RecordingArray) else item.tape if type(item) is Number else None
        if tape is not None and tape.running:
            found.append(tape)

    map_tree(tree, leaf)
    return found[0] if found else None
