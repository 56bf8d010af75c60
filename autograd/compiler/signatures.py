"""How NumPy's functions take their arguments: which of them they write into, and what tells the shape of a result."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

import numpy as np

from .arrays import RecordingArray
from .values import map_tree

__all__ = ["WRITERS", "may_vary", "told"]

WRITERS = {
    np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal, np.ndarray.__setitem__,
    np.ndarray.fill, np.ndarray.sort, np.ndarray.partition, np.ndarray.put,
}  # fmt: skip
"""Functions and methods that write into their first argument."""
_VARYING = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "extract", "compress", "union1d", "intersect1d", "setdiff1d", "setxor1d", "bincount", "trim_zeros",
}  # fmt: skip
"""Functions whose result may be of another shape for other values."""
_TOLD_BY_VALUES = {"repeat", "split", "array_split", "delete", "insert", "tile", "resize", "pad"}
"""Functions whose result's shape depends on the values of the arguments after the first."""


@functools.lru_cache(maxsize=512)
def _place_of_out(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters, if ``out`` is one that can be given by its place."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()
    places = tuple(name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD)
    return places if "out" in places else ()


def told(function: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments with ``out``, and what comes after it, by name."""
    if isinstance(function, types.FunctionType) or kwargs.get("out", 0) is None:  # ufuncs and methods take it by name
        names = () if isinstance(function, np.ufunc) else _place_of_out(function)
        at = names.index("out") if names else len(args)
        kwargs = {**dict(zip(names[at:], args[at:], strict=False)), **kwargs}
        args = args[:at]
        if kwargs.get("out", 0) is None:
            del kwargs["out"]
    elif args and args[-1] is None and getattr(function, "__name__", "") in _WITH_OUT:
        args = args[:-1]
    return args, kwargs


_WITH_OUT = {"all", "any", "argmax", "argmin", "cumprod", "cumsum", "max", "mean", "min", "prod", "std", "sum", "var"}
"""Methods whose last argument by place is ``out``, or one that may be None as well."""


def may_vary(name: str, args: Any) -> bool:
    """Whether values say how large the result of such a call is."""
    if name == "where":
        return len(args) == 1
    found: list[Any] = []
    map_tree(args[1:], found.append)
    arrays = [item for item in found if isinstance(item, RecordingArray)]
    if name == "__getitem__":
        return any(array.dtype.kind == "b" for array in arrays)
    return name in _VARYING or (name in _TOLD_BY_VALUES and len(arrays) > 0)
