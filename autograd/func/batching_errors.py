"""What cannot be done for a whole batch at once: the errors, which say what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from ..errors import BatchingError

__all__ = ["DynamicError", "dynamic", "escaped", "reader", "unwritable"]


class DynamicError(BatchingError):
    """A result has a shape that depends on the values of each example."""


def dynamic(name: str) -> DynamicError:
    """The error for a result whose shape depends on the values of each example."""
    return DynamicError(
        f"vmap: the result of {name} has a shape that depends on values, which differ from one example to the next: "
        "use what keeps the shape (where, a mask times the values), or call it outside of vmap"
    )


def escaped(item: Any) -> BatchingError:
    """The error for an array whose level is over."""
    return BatchingError(
        f"vmap: a batched array of shape {item.shape} (one of {item.level.size} examples) is used after the function "
        "that vmap mapped has ended: return it from that function instead of storing it elsewhere"
    )


def unwritable(target: Any) -> BatchingError:
    """The error for a batched value that is to be written into an array that is the same for all examples."""
    return BatchingError(
        f"vmap: values that differ between examples cannot be written in place into an array of shape "
        f"{np.shape(target)} that is not batched, and the same for all of them: make it inside of the function from a "
        "batched one (x.new_zeros(...), zeros_like, clone of a batched tensor), map over it with in_dims, or compute "
        "out of place"
    )


def reader(what: str) -> Any:
    """A method that would make a Python value of the array."""

    def read(self: Any, *args: Any) -> NoReturn:
        raise BatchingError(
            f"vmap: {what} asks a batched tensor for its value, but it has another one for each of {self.level.size} "
            "examples. Instead of a Python `if` use where(condition, a, b); instead of .item() go on with the tensor; "
            "or read values outside of the mapped function"
        )

    read.__doc__ = f"Raise: {what} asks for a value that differs between the examples."
    return read
