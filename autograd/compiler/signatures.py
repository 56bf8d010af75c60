"""How NumPy's functions take their arguments: which of them they write into, and what tells the shape of a result."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Collection
from typing import Any

import numpy as np

from ..engine.modes import local
from ..engine.nodes import Handle, array_of
from .arrays import RecordingArray, bare
from .numbers import Number
from .values import UnrecordableError, leaves_in, map_tree

__all__ = [
    "DIVIDING",
    "FACTS",
    "METHODS",
    "OF_PLACES",
    "WRITERS",
    "is_whole",
    "may_vary",
    "settled",
    "told",
    "writes_into",
]

WRITERS = {
    np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal, np.ndarray.__setitem__,
    np.ndarray.fill, np.ndarray.sort, np.ndarray.partition, np.ndarray.put, np.ndarray.setfield,
}  # fmt: skip
"""Functions and methods that write into their first argument."""
FACTS = {"shape", "ndim", "size", "broadcast_shapes", "iscomplexobj", "isrealobj", "result_type", "can_cast",
          "common_type", "isscalar"}  # fmt: skip
"""Functions whose result is no value of an array."""
OF_PLACES = {"may_share_memory", "shares_memory"}
"""Functions of where arrays lie: it is known of what the program makes itself."""
METHODS = (type(np.ndarray.reshape), type(np.ndarray.__getitem__))
"""The classes of the methods of arrays."""
_VARYING = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "extract", "compress", "union1d", "intersect1d", "setdiff1d", "setxor1d", "bincount", "trim_zeros",
}  # fmt: skip
"""Functions whose result may be of another shape for other values."""
_TOLD_BY_VALUES = {"repeat", "split", "array_split", "delete", "insert", "tile", "resize", "pad", "reshape",
                   "broadcast_to"}  # fmt: skip
"""Functions whose result's shape depends on the values of the arguments after the first."""


_METHODS_WITH_OUT = {
    **dict.fromkeys(("all", "any", "argmax", "argmin", "max", "min"), ("self", "axis", "out")),
    **dict.fromkeys(("cumprod", "cumsum", "mean", "prod", "std", "sum", "var"), ("self", "axis", "dtype", "out")),
    "choose": ("self", "choices", "out", "mode"), "clip": ("self", "min", "max", "out"), "dot": ("self", "b", "out"),
    "compress": ("self", "condition", "axis", "out"), "round": ("self", "decimals", "out"),
    "take": ("self", "indices", "axis", "out", "mode"),
    "trace": ("self", "offset", "axis1", "axis2", "dtype", "out"),
}  # fmt: skip
"""The parameters of methods, which not every version of NumPy tells."""


@functools.lru_cache(maxsize=512)
def _place_of_out(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters, if ``out`` is one that can be given by its place."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return _METHODS_WITH_OUT.get(getattr(function, "__name__", ""), ())
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    places = tuple(name for name, p in parameters.items() if p.kind in by_place)
    return places if "out" in places else ()


def told(function: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments with ``out``, and what comes after it, by name; in the places of Tensors their arrays."""
    if getattr(function, "__name__", "") in _INDEXED:
        args = (args[0], map_tree(args[1], _indexing), *args[2:])
    args, kwargs = map_tree(args, _asked), map_tree(kwargs, _asked)
    names = () if isinstance(function, np.ufunc) else _place_of_out(function)  # ufuncs have it by name
    if names and len(args) > (at := names.index("out")):
        kwargs = {**dict(zip(names[at:], args[at:], strict=False)), **kwargs}
        args = args[:at]
    if kwargs.get("out", 0) is None:
        kwargs = {name: value for name, value in kwargs.items() if name != "out"}
    return args, kwargs


def writes_into(function: Any, name: str, args: Any, kwargs: Any) -> bool:
    """Whether a call writes into its first argument.

    Raises: UnrecordableError if nobody knows what it leaves there.
    """
    if kwargs.get("overwrite_input"):
        raise UnrecordableError(f"{name}() is told to overwrite its input, with numbers in any order")
    option = _IN_PLACE.get(name)
    if option is None or function in WRITERS:
        return function in WRITERS or name.endswith(".at")
    chosen = args[1] if len(args) > 1 else kwargs.get(option[0], not option[1])
    return bool(chosen) is option[1]


def _asked(item: Any) -> Any:
    """What NumPy makes of an argument that is a Tensor: it asks for its array, in C code that cannot be seen."""
    if not isinstance(item, Handle) or (item._node is not None and local.grad):
        return item
    array = array_of(item)
    return array if isinstance(array, np.ndarray) else item


def _indexing(item: Any) -> Any:
    """A single number as an index is no array: ``array[number]`` is a view."""
    array = _asked(item)
    return array[()] if array is not item and not array.ndim else array


_INDEXED = {"__getitem__", "__setitem__"}
_IN_PLACE = {"nan_to_num": ("copy", False), "byteswap": ("inplace", True)}
"""Functions whose second argument, when it is this, has them write into their first, and return it."""


_ALL: Collection[Any] = range(64)
_OF_VALUES: dict[str, Collection[Any]] = {
    **dict.fromkeys(("__getitem__", "__setitem__", "array", "asanyarray", "asarray", "clip", "copyto", "dot", "fill",
                     "isin", "outer", "place", "pow", "put", "putmask", "searchsorted", "where"), _ALL),
    **dict.fromkeys(("linspace", "logspace", "geomspace"), (0, 1, "start", "stop")),
    **dict.fromkeys(("full", "full_like"), (1, "fill_value")), "take": (1, "indices"), "roll": (1, "shift"),
    **dict.fromkeys(("tril", "triu"), (1, "k")), "round": (1, "decimals"), "item": _ALL,
}  # fmt: skip
"""Which arguments, by place and by name, of functions that are no ufuncs say nothing of the shape of the result."""


DIVIDING = {np.floor_divide, np.remainder, np.fmod, np.divmod, np.divide}
"""Ufuncs that divide."""
_WHOLE = {np.add, np.subtract, np.multiply, np.negative, np.absolute, np.sign, np.equal, np.not_equal, *DIVIDING}
"""Ufuncs that go wrong with whole numbers only where these divide by 0."""


def is_whole(function: Any, args: Any) -> bool:
    """Whether a call computes with whole numbers."""
    return function in _WHOLE and all(np.asarray(bare(arg)).dtype.kind in "biu" for arg in args)


_SHAPED = {"arange", "empty", "eye", "full", "identity", "indices", "linspace", "logspace", "geomspace", "ones", "tri",
           "zeros", "split", "array_split", "hsplit", "vsplit", "dsplit"}  # fmt: skip
"""Functions that make an array of a shape, or as many arrays, as they are told."""


def settled(function: Any, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments; whole numbers that may say of what shape the result is are known: the program holds for these."""
    if isinstance(function, np.ufunc):
        return args, kwargs
    free = _OF_VALUES.get(name, ())
    known = _known_or_float if name == "arange" else _known if name in _SHAPED else _known_number
    if name in _INDEXED:
        args = (args[0], _stepping(args[1]), *args[2:])
    args = tuple([arg if i in free else map_tree(arg, known) for i, arg in enumerate(args)])
    return args, {key: arg if key in free else map_tree(arg, known) for key, arg in kwargs.items()}


def _stepping(index: Any) -> Any:
    """An index whose slices' steps are known: they say what lies between the elements."""
    parts = [slice(x.start, x.stop, _known(x.step)) if type(x) is slice else x for x in _parts(index)]
    return tuple(parts) if type(index) is tuple else parts[0]


def _parts(index: Any) -> Any:
    return index if type(index) is tuple else (index,)


def _known_number(item: Any) -> Any:
    return operator.index(item) if type(item) is Number and isinstance(item.value, (int, np.integer)) else item


def _known(item: Any) -> Any:
    scalar = type(item) is RecordingArray and item.dtype.kind in "iu" and not item.ndim
    return operator.index(item) if scalar else _known_number(item)


def _known_or_float(item: Any) -> Any:
    if type(item) is Number:
        hash(item)  # which is a question for what it is
        return item.value
    return _known(item)


def may_vary(name: str, args: Any) -> bool:
    """Whether values say how large the result of such a call is."""
    if name == "where":
        return len(args) == 1
    arrays = [item for item in leaves_in(args[1:]) if isinstance(item, RecordingArray)]
    if name == "__getitem__":
        slices = [part for part in _parts(args[1]) if type(part) is slice]
        sliced = any(type(item) in (Number, RecordingArray) for part in slices for item in (part.start, part.stop))
        return sliced or any(array.dtype.kind == "b" for array in arrays)
    return name in _VARYING or (name in _TOLD_BY_VALUES and len(arrays) > 0)
