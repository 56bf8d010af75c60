"""``pull_back``: the gradient of a composition of ops, as a composition of ops.

For an op whose first derivative is a fused op of its own: the rule of that one can be the derivative of the same thing
written out step by step, which the engine finds by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._gradients import grad
from .._op import composed
from ..engine.modes import Mode
from ..engine.nodes import Handle, own_leaf
from .casting import clone

__all__ = ["pull_back"]


@composed()
def pull_back(function: Callable[[list[Any]], Sequence[Any]], values: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """The gradients of ``sum(seed * out)`` over the outputs of ``function(values)`` with respect to each of the values.

    Arrays give arrays and Tensors give Tensors, which are recorded. Inside rules it is called as ``pull_back.kernel``.

    Args:
        function: takes a list of Tensors, and returns some; composed of ops.
        values: its arguments; None is handed on as it is, and has the gradient None.
        seeds: a gradient for each output; None for an output through which none comes.
    """
    recorded = any(isinstance(value, Handle) for value in (*values, *seeds))
    with Mode(grad=True):
        # One value may depend on another: each is given a node of its own, so that the derivatives are partial ones.
        points = [None if value is None else _point(value) for value in values]
        outputs = function(points)
        reached = [
            (out, seed) for out, seed in zip(outputs, seeds, strict=True) if seed is not None and out._node is not None
        ]
        found = iter(
            grad(
                [out for out, _ in reached],
                [point for point in points if point is not None],
                [seed for _, seed in reached],
                create_graph=recorded,
                materialize_grads=True,
            )
        )
    gradients = [None if value is None else next(found) for value in values]
    return gradients if recorded else [None if g is None else g._data for g in gradients]


def _point(value: Any) -> Any:
    """A Tensor that requires grad, with ``value``'s numbers and, if it has one, its graph."""
    if isinstance(value, Handle):
        return clone(value) if value._node is not None else own_leaf(value._data)
    return own_leaf(value)
