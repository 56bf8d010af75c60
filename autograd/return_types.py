"""The named tuples that operations with several results return, under PyTorch's names: ``return_types.max``, ...

They are printed field by field, and can be pickled: each is made when it is first asked for, by name and fields.
"""

from __future__ import annotations

import functools
from collections import namedtuple
from typing import Any

__all__ = ["named_tuple", "shown"]

_ALONG = dict.fromkeys(
    ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk"), ("values", "indices")
)
_EIGEN = dict.fromkeys(("linalg_eig", "linalg_eigh"), ("eigenvalues", "eigenvectors"))
_PYTORCH = {
    **_ALONG,
    **_EIGEN,
    "aminmax": ("min", "max"),
    "frexp": ("mantissa", "exponent"),
    "histogram": ("hist", "bin_edges"),
    "histogramdd": ("hist", "bin_edges"),
    "linalg_cholesky_ex": ("L", "info"),
    "linalg_inv_ex": ("inverse", "info"),
    "linalg_lu": ("P", "L", "U"),
    "linalg_lu_factor": ("LU", "pivots"),
    "linalg_lu_factor_ex": ("LU", "pivots", "info"),
    "linalg_qr": ("Q", "R"),
    "linalg_slogdet": ("sign", "logabsdet"),
    "linalg_solve_ex": ("result", "info"),
    "linalg_svd": ("U", "S", "Vh"),
    "lu_unpack": ("P", "L", "U"),
    "svd": ("U", "S", "V"),
}


def named_tuple(name: str, fields: tuple[str, ...], module: str = __name__) -> Any:
    """The class of an operation's results: always the same for a name, its fields and the module.

    Args:
        name: the operation's; those that PyTorch calls ``linalg_svd`` and the like, and ``max`` along a dimension, are
            given PyTorch's name.
        fields: the results' names.
        module: where the class says that it is from.
    """
    if module == __name__:
        name = name.removesuffix("_along")
        name = f"linalg_{name}" if _PYTORCH.get(f"linalg_{name}") == fields else name
    return _made(name, fields, module)


@functools.cache
def _made(name: str, fields: tuple[str, ...], module: str) -> Any:
    name = name if name.isidentifier() else "result"
    base: Any = namedtuple(name, fields)  # type: ignore[misc]
    return type(name, (base,), {"__slots__": (), "__module__": module, "__repr__": shown, "__reduce__": _reduced})


def shown(result: Any) -> str:
    """A named tuple as PyTorch prints it: a line for each field."""
    kind = type(result)
    fields = (f"{name}={value!r}" for name, value in zip(result._fields, result, strict=True))
    return f"{kind.__module__}.{kind.__qualname__}(\n" + ",\n".join(fields) + ")"


def _reduced(result: Any) -> tuple[Any, ...]:
    kind = type(result)
    return _again, (kind.__name__, kind._fields, kind.__module__, tuple(result))


def _again(name: str, fields: tuple[str, ...], module: str, values: tuple[Any, ...]) -> Any:
    return _made(name, fields, module)._make(values)


def __getattr__(name: str) -> Any:
    if name not in _PYTORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it has {', '.join(sorted(_PYTORCH))}")
    return _made(name, _PYTORCH[name], __name__)


def __dir__() -> list[str]:
    return [*__all__, *_PYTORCH]
