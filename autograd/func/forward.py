"""Products of Jacobians with vectors, by differentiating reverse mode: the trick of two transposes.

What backward computes, ``u = v . J``, is linear in the weights ``v``. So its own derivative with respect to ``v``,
weighted with a direction ``t``, is ``J . t``. It costs a few times the function and needs no second set of rules: it is
right for all ops whose gradient can be differentiated.

Source: J. Townsend, "A new trick for calculating Jacobian vector products", 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _gradients
from ..engine.nodes import Leaf, new_tensor
from ..engine.views import node_of
from ..errors import GradientError
from .calls import RUNNING, Call, filled
from .pytrees import unflatten
from .reverse import titled

__all__ = ["Push", "jvp", "linearize"]


class Push:
    """The linear map from directions of a call's inputs to those of its outputs."""

    def __init__(self, call: Call, outputs: Sequence[Any]) -> None:
        self.call = call
        self.outputs = outputs
        self._live = [i for i, out in enumerate(outputs) if node_of(out) is not None]
        self._weights = [new_tensor(np.zeros_like(outputs[i]._data)) for i in self._live]
        for weight in self._weights:
            weight._node = Leaf(weight)
            weight._node.note = {RUNNING: ()}
        with call.mode():
            self._pulled = call.pull([outputs[i] for i in self._live], self._weights, record=True, retain=True)

    def __call__(self, directions: Sequence[Any], record: bool) -> list[Any]:
        """The direction in which each output moves, as Tensors."""
        found = [new_tensor(np.zeros_like(out._data)) for out in self.outputs]
        live = [i for i, pulled in enumerate(self._pulled) if node_of(pulled) is not None]
        if not live or not self._weights:
            return found
        with self.call.mode():
            moved = _gradients.grad(
                [self._pulled[i] for i in live],
                self._weights,
                [directions[i] for i in live],
                retain_graph=True,
                create_graph=record,
                allow_unused=True,
            )
        for i, direction in zip(self._live, filled(moved, self._weights), strict=True):
            found[i] = direction
        return found


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """A function's value and its derivative along a direction.

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the like.
        primals: the tuple of its arguments.
        tangents: the direction, a tuple of the same structure and shapes.
        strict: raise if an output does not depend on the arguments, instead of giving zeros.
        has_aux: ``func`` returns a pair, of which the second is not differentiated.

    Returns:
        ``(outputs, derivatives)``, or ``(outputs, derivatives, aux)``.

    Raises:
        TypeError: primals or tangents are not tuples.
        GradientError: they differ in structure, or (``strict``) an output is constant.
        ShapeError: they differ in shape.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.jvp(np.square, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    _check_tuples("jvp", primals=primals, tangents=tangents)
    call = Call("jvp", func, primals)
    result, aux = call.run(call.tree, {}, has_aux)
    outputs, spec = call.outputs(result)
    directions = call.directions(tangents, call.inputs, call.spec, "tangents", "the primals")
    if strict and any(node_of(out) is None for out in outputs):
        raise GradientError("jvp: with strict=True every output must depend on the primals, but one is constant")
    linked = call.linked(outputs)
    record = call.records(directions, linked)
    moved = Push(call, outputs)(directions, record)
    pair = call.release_tree(result, linked), unflatten([call.release(move, record) for move in moved], spec)
    return (*pair, call.release_tree(aux)) if has_aux else pair


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Call a function, and get its derivative there: the linear function of directions.

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the like.
        primals: its arguments.

    Returns:
        ``(outputs, jvp_fn)``, where ``jvp_fn(*tangents)`` is the derivative along them. The function itself runs only
        once, however often that is called.

    >>> import numpy as np
    >>> from autograd import func
    >>> y, push = func.linearize(np.sin, 0.0)
    >>> push(2.0)
    np.float64(2.0)
    """
    call = Call("linearize", func, primals, keeps=True)
    result, _ = call.run(call.tree, {})
    outputs, spec = call.outputs(result)
    linked = call.linked(outputs)
    push = Push(call, outputs)

    def jvp_fn(*tangents: Any) -> Any:
        directions = call.directions(tangents, call.inputs, call.spec, "tangents", "the primals")
        record = call.records(directions, linked)
        return unflatten([call.release(move, record) for move in push(directions, record)], spec)

    return call.release_tree(result, linked), titled(jvp_fn, "jvp", func)


def _check_tuples(name: str, **given: Any) -> None:
    for what, value in given.items():
        if not isinstance(value, tuple):
            raise TypeError(
                f"{name}: expected {what} to be the tuple of arguments, got {type(value).__name__}: write ({what},)"
            )
