"""In what the results of a program differ from the function's: trees of both, beyond rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.nodes import Handle
from ..engine.ownership import owner_of
from .trees import is_record

__all__ = ["Copy", "array_difference", "difference", "frozen"]

_NOISE = 8
"""As many times what rounding the arguments otherwise changes, a program may differ from its function."""
_TOLERANCES = {"float16": 1e-2, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}


class Copy:
    """What a Tensor or array was, and whose memory it lies in."""

    def __init__(self, array: Any, tensor: Any) -> None:
        self.owner = id(owner_of(array))
        self.array = array.copy()
        self.tensor = tensor


def frozen(tree: Any) -> Any:
    """A tree with copies in the places of arrays."""
    if isinstance(tree, Handle):
        return Copy(np.asarray(tree._data), tree)
    if isinstance(tree, np.ndarray):
        return Copy(tree, None)
    if isinstance(tree, (tuple, list)):
        return [frozen(item) for item in tree]
    if is_record(tree):
        tree = vars(tree)
    return {key: frozen(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def difference(
    name: str, ran: Any, true: Any, owners: set[int], digits: str = "float64", shaken: Any = None
) -> str | None:
    """In what a frozen tree of the program differs from the function's; None if it does not.

    ``digits`` is the dtype of the arrays out of which Python's numbers were read, ``shaken`` what the program gives
    for arguments and a state that are rounded otherwise.
    """
    if is_record(true):
        true = vars(true)
    if isinstance(true, (tuple, list)):
        if not isinstance(ran, list) or len(ran) != len(true):
            return f"{name}: another number of items"
        others: list[Any] = shaken if isinstance(shaken, list) and len(shaken) == len(ran) else [None] * len(ran)
        parts = [(f"{name}[{i}]", *three) for i, three in enumerate(zip(ran, true, others, strict=True))]
    elif isinstance(true, dict):
        if not isinstance(ran, dict) or list(ran) != list(true):
            return f"{name}: other keys"
        known = shaken if isinstance(shaken, dict) else {}
        parts = [(f"{name}[{key!r}]", ran[key], true[key], known.get(key)) for key in true]
    else:
        return _of_leaf(name, ran, true, owners, digits, shaken)
    found = (difference(part, a, b, owners, digits, other) for part, a, b, other in parts)
    return next((text for text in found if text), None)


def _of_leaf(name: str, ran: Any, true: Any, owners: set[int], digits: str, shaken: Any) -> str | None:
    if not isinstance(true, (Handle, np.ndarray)):
        if isinstance(ran, Copy) or type(ran) is not type(true):
            return f"{name} is {type(true).__name__}, and {type(ran).__name__} in the program"
        if isinstance(true, (float, complex, np.inexact)):
            dtype = digits if type(true) is float else None
            other = shaken if type(shaken) is type(ran) else ran
            with np.errstate(over="ignore"):
                return array_difference(name, *[np.asarray(number, dtype) for number in (ran, true, other)])
        return None if ran is true or ran == true else f"{name} is {true!r}, and {ran!r} in the program"
    if not isinstance(ran, Copy) or (isinstance(true, Handle) and type(ran.tensor) is not type(true)):
        return f"{name} is {type(true).__name__}, and something else in the program"
    if isinstance(true, Handle) and (ran.tensor._node is None) is not (true._node is None):
        return f"whether {name} requires grad"
    array = np.asarray(true._data) if isinstance(true, Handle) else true
    owner = id(owner_of(array))
    if owner != ran.owner and (owner in owners or ran.owner in owners):
        return f"{name} shares memory with something else in the program"
    return array_difference(name, ran.array, array, shaken.array if isinstance(shaken, Copy) else None)


def array_difference(name: str, ran: Any, true: Any, shaken: Any = None) -> str | None:
    """In what an array differs from what it should be, beyond rounding; None if it does not.

    Where numbers cancel, all that is left is rounding: ``shaken`` tells how much that is.
    """
    if ran.shape != true.shape or ran.dtype != true.dtype:
        return f"{name} has shape {true.shape} and dtype {true.dtype}, in the program {ran.shape} and {ran.dtype}"
    tolerance = _TOLERANCES.get(str(true.dtype))
    if tolerance is None or not true.size:
        equal = ran.tobytes() == true.tobytes() or bool(np.all((ran == true) | ((ran != ran) & (true != true))))
        return None if equal else f"{name} has other values"
    with np.errstate(all="ignore"):
        finite = np.isfinite(true)
        same = (ran == true) | (np.isnan(ran) & np.isnan(true)) if not finite.all() else finite
        if not np.where(finite, True, same).all() or not np.array_equal(np.isfinite(ran), finite):
            return f"{name} has other infinite or missing values"
        off = np.abs(np.where(finite, ran, 0) - np.where(finite, true, 0)).max()
        scale = np.abs(np.where(finite, true, 0)).max()
        noise = 0 if shaken is None or shaken.shape != ran.shape else np.abs(np.where(finite, shaken - ran, 0)).max()
    if off <= max(tolerance * max(scale, np.finfo(true.dtype).tiny), _NOISE * noise):
        return None
    return f"{name} differs by {off:.3g} (of at most {scale:.3g})"
