"""The push: carries tangents, the directions in which values move, from the inputs to the outputs, oldest node first.

It is forward mode, on the graph that was recorded for reverse mode, and with its rules. Of most ops one word (``jvp=``
in their blocks) says how a rule that carries gradients back carries tangents on: see ``autograd._pushing``. For any
other op there is the trick of two transposes: what its rules compute, ``u = v . J``, is linear in the gradient ``v``,
so the derivative of that with respect to ``v``, weighted with a tangent ``t``, is ``J . t``.

Source: J. Townsend, "A new trick for calculating Jacobian vector products", 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import RuleError
from .foreign import like_of
from .modes import AS_IT_IS, Mode, local
from .mutation import clock
from .nodes import RELEASED, Handle, Node, Packed, Pick, new_tensor, own_leaf
from .quiet import begin, current, end
from .sweep import check_saved, conform, sweep
from .views import node_of

__all__ = ["all_fitted", "by_transposes", "fitted", "gathered", "push", "spread"]


_ndarray = np.ndarray
LARGE = 1 << 16
"""Bytes of a tangent from which on none is kept longer than it is needed: to know how long that is takes time, too."""


def push(order: Sequence[Any], tangents: dict[Any, Any], record: bool, roots: Sequence[Any]) -> None:
    """Add to ``tangents`` those of the nodes ``roots``, as far as they move (and maybe others).

    Args:
        order: the Nodes and Picks that lead to the roots, newest first, as ``collect`` returns them.
        tangents: by node, of the shapes and dtypes of what the nodes made: arrays; Tensors with ``record``. They are
            no longer there where they were not needed any more.
        record: whether the tangents get a graph of their own, through which they can be differentiated.
        roots: the nodes whose tangents are asked for, and kept.

    Raises:
        FreedGraphError, MutationError: what a node saved is gone, or was overwritten.
        RuleError: a rule returned what cannot be a tangent.
    """
    now = clock.now
    node = None
    done: dict[Any, list[Any]] | None = None
    before = current()
    try:
        begin()
        for node in reversed(order):
            if type(node) is Pick:
                parts = tangents.get(node.source)
                found = None if parts is None else parts[node.index]
                if parts is not None and callable(found):  # it is only computed if it is needed
                    found = parts[node.index] = fitted(found(), node, node.source.op)
            else:
                saved = node.saved
                carry = node.op.push
                if carry is None or record or node.time != now or saved is RELEASED or type(saved) is Packed:
                    found = _carefully(node, tangents, record)
                else:
                    found = carry(node, saved, node.parents, tangents, False)
            if found is not None:
                tangents[node] = found
            if done is not None:
                for parent in done.get(node, ()):
                    tangents.pop(parent, None)
            elif (type(found) is not _ndarray or found.nbytes > LARGE) and not record and _is_large(found):
                done = _last_uses(order, roots)
    except Exception as error:
        if node is not None:
            error.add_note(f"(in forward mode, at op '{node.op.name}')")
        raise
    finally:
        end(before)


def _carefully(node: Node, tangents: dict[Any, Any], record: bool) -> Any:
    """The tangent of a node where more is to be done than to call what its op has for it."""
    parents = node.parents
    for parent in parents:
        if parent in tangents:
            break
    else:
        return None
    saved = node.saved
    if node.time != clock.now or saved is RELEASED:
        check_saved([node])
    op = node.op
    if op.push is None:
        return by_transposes(node, saved, parents, tangents, record)
    if record or type(saved) is Packed:
        saved = op.revive(node, record)
    return op.push(node, saved, parents, tangents, record)


def _is_large(found: Any) -> bool:
    """Whether a tangent, or those of several outputs together, are worth the time that freeing them early takes."""
    if isinstance(found, list):
        return sum([0 if part is None or callable(part) else part.nbytes for part in found]) > LARGE
    return not (found is None or isinstance(found, np.generic))


def _last_uses(order: Sequence[Any], roots: Sequence[Any]) -> dict[Any, list[Any]]:
    """For each node what no later one needs, of its parents."""
    seen = set(roots)
    found: dict[Any, list[Any]] = {}
    for node in order:
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                found.setdefault(node, []).append(parent)
    return found


def by_transposes(node: Node, saved: Any, parents: Any, tangents: dict[Any, Any], record: bool) -> Any:
    """The tangent of a node of any op (of several outputs a list of tangents), by its rules for gradients alone."""
    op = node.op
    parents = tuple([parent if parent in tangents else None for parent in parents])
    like = like_of([*(saved if type(saved) is tuple else ()), *[tangents[p] for p in parents if p is not None]])
    if op.outputs is None and node.shape == () and node.dtype.kind != "c":
        return _of_number(node, parents, tangents, record, like)
    outputs = [(node.shape, node.dtype)] if op.outputs is None else zip(node.shape, node.dtype, strict=True)
    weights = [_weight(shape, dtype, like) for shape, dtype in outputs]
    with AS_IT_IS if local.grad else Mode(grad=True):
        pulled = _pulled(node, weights[0] if op.outputs is None else weights, parents, record or op.always_revive)
        ends = {weight._node for weight in weights if weight is not None}
        pairs = [(place, tangents[p]) for p, d in pulled.items() if isinstance(d, Handle) and (place := node_of(d))]
        moved = sweep(
            [place for place, _ in pairs],
            [_flipped(t) for _, t in pairs],
            targets=ends,
            retain=True,
            create_graph=record,
            ends=ends.union(node.parents, (node,)),
        )
    found = [None if w is None or moved[w._node] is None else _flipped(moved[w._node]) for w in weights]
    return found[0] if op.outputs is None else found


def _weight(shape: tuple[int, ...], dtype: Any, like: Any) -> Any:
    """A gradient of an output, to be differentiated with respect to; None of integers."""
    if dtype.kind not in "fcV":
        return None
    return own_leaf(np.zeros(shape, dtype, like=like))


def _pulled(node: Node, g: Any, parents: Any, record: bool) -> dict[Any, Any]:
    """What the rules of one node make of its gradient."""
    found: dict[Any, Any] = {}
    node.op.backward(node, g, node.op.revive(node, record), parents, found)
    return found


def _flipped(t: Any) -> Any:
    """A tangent or gradient between PyTorch's convention, that of sweeps from outside, and that of rules."""
    return np.conj(t) if t.dtype.kind == "c" else t


def _of_number(node: Node, parents: Any, tangents: dict[Any, Any], record: bool, like: Any) -> Any:
    """The tangent of one real number: its gradient, times the tangents."""
    one: Any = np.ones((), node.dtype, like=like)
    with Mode(grad=True) if record and not local.grad else AS_IT_IS:
        found = None
        for parent, d in _pulled(node, new_tensor(one) if record else one, parents, record).items():
            part = np.sum(np.real(d * tangents[parent]))
            found = part if found is None else found + part
    return None if found is None else fitted(found, node, node.op)


# ---- what the written functions use ----------------------------------------------------------------------------------


def fitted(move: Any, node: Any, op: Any) -> Any:
    """What a rule made of tangents, in the shape and dtype of its node.

    Raises: RuleError if it cannot be a tangent.
    """
    if getattr(move, "shape", node.shape) != node.shape:
        move = _broadcast(move, node, op)
    return conform(move, node, op)


def all_fitted(moves: Any, node: Any, op: Any) -> list[Any]:
    """``fitted`` for each of several outputs: None of those that do not move, and functions as they are.

    Raises: RuleError if there are not as many, or they cannot be tangents.
    """
    if not isinstance(moves, (tuple, list)) or len(moves) != len(node.shape):
        got = f"{len(moves)} of them" if isinstance(moves, (tuple, list)) else type(moves).__name__
        raise RuleError(
            f"the jvp of op '{op.name}' must return the tangents of its {len(node.shape)} outputs (None of one that "
            f"does not move), got {got}"
        )
    return [
        move
        if move is None or callable(move) or (getattr(move, "shape", None) == shape and move.dtype is dtype)
        else fitted(move, Pick(node, i), op)
        for i, (move, shape, dtype) in enumerate(zip(moves, node.shape, node.dtype, strict=True))
    ]


def spread(t: Any, node: Any, op: Any) -> Any:
    """The tangent of an input of an elementwise op, broadcast to the shape of the output, in its dtype."""
    if type(t) is np.ndarray and t.dtype is node.dtype and t.ndim <= len(node.shape):
        whole = np.empty(node.shape, node.dtype)  # in a tenth of broadcast_to's time
        try:
            whole[...] = t
        except ValueError:
            return _broadcast(t, node, op)
        return whole
    if t.shape != node.shape:
        t = _broadcast(t, node, op)
    if t.dtype != node.dtype and (t.dtype.kind != "c" or node.dtype.kind == "c"):
        t = t.astype(node.dtype)
    return t


def _broadcast(move: Any, node: Any, op: Any) -> Any:
    try:
        return np.broadcast_to(move, node.shape)
    except ValueError:
        raise RuleError(
            f"forward mode moves the result of '{op.name}', of shape {node.shape}, by an array of shape {move.shape}: "
            "what jvp= says of the op, or its defjvp, is not true"
        ) from None


def gathered(d: Any, node: Any, dim: Any, keepdim: bool) -> Any:
    """The elements of ``d`` summed up to the shape of a reduction's output."""
    if d.shape == node.shape:
        return d
    if node.shape == () or dim is None:
        return np.reshape(np.sum(d), node.shape)
    return np.sum(d, axis=tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim)
