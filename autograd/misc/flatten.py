"""Nested containers of arrays as one vector, and back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..boxes import ArrayBox, boxed
from ..engine.nodes import Handle
from ..ops.joining import split_with_sizes

__all__ = ["flatten", "flatten_func"]


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """A vector of all numbers in nested lists, tuples and dicts, and the function from a vector to such a structure.

    Dicts are gone through in the order of their sorted keys. Both are differentiable.

    >>> from autograd.misc import flatten
    >>> vector, unflatten = flatten({"w": [[1.0, 2.0]], "b": 3.0})
    >>> vector
    array([3., 1., 2.])
    >>> unflatten(vector * 10)["w"]
    [[array(10.), array(20.)]]
    """
    leaves: list[Any] = []
    build = _plan(value, leaves)
    shapes = [np.shape(leaf) for leaf in leaves]
    sizes = [math.prod(shape) for shape in shapes]
    ends = list(itertools.accumulate(sizes))

    def unflatten(vector: Any) -> Any:
        if isinstance(vector, Handle):
            parts: Any = split_with_sizes(vector, sizes) if len(sizes) > 1 else [vector] * len(sizes)
            pieces = [np.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
            return build(iter([boxed(piece) for piece in pieces] if isinstance(vector, ArrayBox) else pieces))
        vector = np.asarray(vector)
        pieces = [vector[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes, strict=True)]
        return build(iter(pieces))

    flat = [np.ravel(leaf) for leaf in leaves]
    return (np.concatenate(flat) if flat else np.array([])), unflatten


def _plan(value: Any, leaves: list[Any]) -> Callable[[Any], Any]:
    """Add the leaves of ``value``, and return what builds its structure from an iterator of leaves."""
    kind = type(value)
    if kind is list or kind is tuple:
        plans = [_plan(item, leaves) for item in value]
        return lambda parts: kind([plan(parts) for plan in plans])
    if kind is dict:
        named = [(key, _plan(value[key], leaves)) for key in sorted(value)]
        order = list(value)

        def build(parts: Any) -> Any:
            made = {key: plan(parts) for key, plan in named}
            return {key: made[key] for key in order}

        return build
    leaves.append(value)
    return next


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """``func`` as a function from vector to vector; what makes its argument of a vector; ``example`` as a vector."""
    vector, unflatten = flatten(example)
    return (lambda x, *args: flatten(func(unflatten(x), *args))[0]), unflatten, vector
