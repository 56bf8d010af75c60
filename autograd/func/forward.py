"""Products of Jacobians with vectors, in forward mode: the function is recorded, and tangents are pushed through it.

Once recorded, a function can be pushed through in any number of directions. Where more goes on than derivatives (hooks
are to run, observers to be told of rules), the product is computed in reverse mode instead, by two transposes: what
backward computes, ``u = v . J``, is linear in the weights ``v``, so its own derivative with respect to ``v``, weighted
with a direction ``t``, is ``J . t``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from .. import _gradients
from ..boxes import ArrayBox
from ..engine.foreign import ForeignArray
from ..engine.modes import local
from ..engine.nodes import Handle, new_tensor, next_rank, own_leaf
from ..engine.ownership import ALONE
from ..engine.push import push
from ..engine.views import node_of
from ..errors import GradientError
from ..ops.casting import clone
from .alone import closed, is_usual
from .calls import Call, filled, lifted, titled
from .captured import let_go

_ndarray = np.ndarray

__all__ = ["Push", "jvp", "linearize", "linearized"]


class Push:
    """The linear map from directions of a call's inputs to those of its outputs."""

    def __init__(self, call: Call, outputs: Sequence[Any]) -> None:
        self.call = call
        self.outputs = outputs
        self._places = [node_of(out) for out in outputs]
        self._order = call.order(self._places)
        self._transposes: _Transposes | None = None
        told = local.observers or any(node.hooks is not None for node in [*self._order, *call.targets])
        if told and not any(node.op.has_jvp for node in self._order):
            self._transposes = _Transposes(call, outputs)

    def __call__(self, directions: Sequence[Any], record: bool) -> list[Any]:
        """The direction in which each output moves, as Tensors; None as the direction of an input that does not."""
        if self._transposes is not None:
            return self._transposes(directions, record)
        tangents: dict[Any, Any] = {}
        held = set()
        for place, t in zip(self.call.targets, directions, strict=True):
            if t is not None:
                tangents[place] = t if record else t._data
                held.add(id(t._data))
        if record:
            with self.call.mode():
                push(self._order, tangents, True, self._places)
        else:
            push(self._order, tangents, False, self._places)
        found = [tangents.get(place) for place in self._places]
        tangents.clear()
        results: list[Any] = []
        for i, out in enumerate(self.outputs):
            t = found[i]  # zip would refer to it, too
            if isinstance(t, (np.ndarray, ForeignArray)):
                if t.base is not None or id(t) in held or getrefcount(t) > ALONE + 1:
                    t = t.copy()
            elif isinstance(t, Handle):
                if t._view is not None or id(t._data) in held:
                    t = clone(t)
            elif t is None:
                t = np.zeros_like(out._data)
            results.append(t if record and isinstance(t, Handle) else new_tensor(t))
            held.add(id(results[-1]._data))
        return results


class _Transposes:
    """``Push`` by two transposes."""

    def __init__(self, call: Call, outputs: Sequence[Any]) -> None:
        self.call = call
        self.outputs = outputs
        self._live = [i for i, out in enumerate(outputs) if node_of(out) is not None]
        self._weights = [own_leaf(np.zeros_like(outputs[i]._data)) for i in self._live]
        with call.mode():
            self._pulled = call.pull([outputs[i] for i in self._live], self._weights, record=True, retain=True)

    def __call__(self, directions: Sequence[Any], record: bool) -> list[Any]:
        found = [new_tensor(np.zeros_like(out._data)) for out in self.outputs]
        live = [i for i, pulled in enumerate(self._pulled) if node_of(pulled) is not None and directions[i] is not None]
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

    What ``func`` computes inside ``no_grad`` counts as constant, as for ``grad`` (in PyTorch it does not).

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the same kinds.
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
    if len(primals) == 1 and is_usual(primals[0]) and not (strict or has_aux):
        value, jvp_fn = _of_one("jvp", func, primals[0], keeps=False)
        return value, jvp_fn(*tangents)
    call = Call("jvp", func, primals)
    result, aux = call.run(call.tree, {}, has_aux)
    outputs, spec = call.outputs(result)
    directions = call.directions(tangents, call.inputs, call.spec, "tangents", "the primals")
    if strict and any(node_of(out) is None for out in outputs):
        raise GradientError("jvp: with strict=True every output must depend on the primals, but one is constant")
    linked = call.linked(outputs)
    record = call.records(directions, linked)
    moved = Push(call, outputs)(directions, record)
    pair = call.release_tree(result, linked), call.release_moves(moved, spec, record)
    return (*pair, call.release_tree(aux)) if has_aux else pair


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Call a function, and get its derivative there: the linear function of directions.

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the same kinds.
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
    outputs, jvp_fn = linearized(func, primals)
    return outputs, titled(jvp_fn, "jvp", func)


def linearized(func: Callable[..., Any], primals: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
    """``linearize``, with a derivative without a name."""
    if len(primals) == 1 and is_usual(primals[0]):
        return _of_one("linearize", func, primals[0], keeps=True)
    call = Call("linearize", func, primals, keeps=True)
    result, _ = call.run(call.tree, {})
    return _finished(call, result)


def _finished(call: Call, result: Any) -> tuple[Any, Callable[..., Any]]:
    """What ``linearize`` returns, from what the function returned."""
    outputs, spec = call.outputs(result)
    linked = call.linked(outputs)
    push = Push(call, outputs)

    def jvp_fn(*tangents: Any) -> Any:
        directions = call.directions(tangents, call.inputs, call.spec, "tangents", "the primals")
        record = call.records(directions, linked)
        return call.release_moves(push(directions, record), spec, record)

    return call.release_tree(result, linked), jvp_fn


def _of_one(name: str, func: Callable[..., Any], x: Any, keeps: bool) -> tuple[Any, Callable[..., Any]]:
    """``linearized`` of a function of one array or number.

    The usual case, in which the function returns one as well and nothing else could be differentiated, has a short way:
    what surrounds a push would otherwise take longer than the push.
    """
    data = np.float64(x) if type(x) is float else x.copy() if keeps else x
    running, since = [True], next_rank()
    box = lifted(data, ArrayBox, running)
    before, local.entered = local.entered, []
    result = None
    try:
        result = func(box)
    finally:
        running.clear()
        entered, local.entered = local.entered, before
        if entered:
            result = let_go(entered, since, result)
    leaf = box._node
    order = closed(result, leaf, since)
    if not order:
        return _finished(Call.around(name, func, box, keeps, since), result)

    root = order[0]

    def jvp_fn(*tangents: Any) -> Any:
        t = tangents[0] if len(tangents) == 1 else None
        if type(t) is float and leaf.shape == ():
            t = leaf.dtype.type(t)
        elif type(t) is not _ndarray or t.shape != leaf.shape or t.dtype is not leaf.dtype:
            return _finished(Call.around(name, func, box, keeps, since), result)[1](*tangents)
        moves = {leaf: t}
        push(order, moves, False, (root,))
        move = moves.pop(root, None)
        moves.clear()
        if type(move) is _ndarray and move.base is None and move is not t and getrefcount(move) == ALONE:
            return move
        if move is None:
            return np.zeros_like(result._data)
        return move if isinstance(move, np.generic) else move.copy()

    return result._data.copy() if keeps else result._data, jvp_fn


def _check_tuples(name: str, **given: Any) -> None:
    for what, value in given.items():
        if not isinstance(value, tuple):
            raise TypeError(
                f"{name}: expected {what} to be the tuple of arguments, got {type(value).__name__}: write ({what},)"
            )
