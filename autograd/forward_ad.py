"""Dual numbers, as in ``torch.autograd.forward_ad``: Tensors that carry a tangent, the direction in which they move.

``func.jvp`` does the same for a function. Here too the computation is recorded, and the tangents are pushed along what
was recorded when they are asked for; so while a level is entered, Tensors that depend on dual ones say that they
require grad, and what is computed inside ``no_grad`` counts as constant, if that was entered later than the level.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .engine.modes import Mode, local
from .engine.nodes import RUNNING, Handle, Leaf, new_tensor
from .engine.order import collect, collect_to
from .engine.push import push
from .engine.views import node_of
from .errors import ArgumentError, DtypeError, GradientError, ShapeError
from .ops.casting import clone

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` returns.

    Attributes:
        primal: the Tensor without its tangent.
        tangent: the direction in which it moves; None if it is not dual.
    """

    primal: Any
    tangent: Any


class _Level:
    """While dual numbers live: their tangents, by their places in the graph."""

    def __init__(self) -> None:
        self.tangents: dict[Any, Any] = {}
        self.running = [True]
        self.recording = local.grad
        self.mode = Mode(grad=True)

    def linked(self, tensor: Any) -> bool:
        """Whether something beside dual numbers could be differentiated through a Tensor."""
        place = node_of(tensor)
        if place is None or not self.recording:
            return False
        order = collect([place])
        if any(not node.parents for node in order):  # where the argument of a mapped function has come in
            return True
        leaves = [place, *[parent for node in order for parent in node.parents]]
        return any(
            type(node) is Leaf and node not in self.tangents and (node.note is None or node.note.get(RUNNING, True))
            for node in leaves
        )

    def pushed(self, place: Any, linked: bool) -> Any:
        """The tangent of a place in the graph: a Tensor if it can be differentiated itself, None if there is none."""
        if place in self.tangents:
            return self.tangents[place]
        order = collect_to([place], set(self.tangents))
        above = {parent for node in order for parent in node.parents}
        given = {node: t for node, t in self.tangents.items() if node in above}
        record = linked or (self.recording and any(node_of(t) is not None for t in given.values()))
        moves = {node: t if record else t._data for node, t in given.items()}
        push(order, moves, record, [place])
        return moves.get(place)


class _Local(threading.local):
    level: _Level | None = None


_state = _Local()


def enter_dual_level() -> int:
    """Begin a level, in which there can be dual numbers, and return its number. ``dual_level`` also ends it.

    Raises: GradientError if there is one: levels cannot be nested (``func.jvp`` can).
    """
    if _state.level is not None:
        raise GradientError(
            "enter_dual_level: Nested forward mode AD is not supported: a level is entered already in this thread; "
            "func.jvp nests"
        )
    _state.level = level = _Level()
    level.mode.__enter__()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: what was dual in it is so no more. Raises: GradientError if there is none."""
    found = _state.level
    if found is None or level not in (None, 0):
        raise GradientError(
            f"exit_dual_level: expected the level that was entered last, got level={level}, where "
            + ("no level is entered" if found is None else "0 is entered")
        )
    _state.level = None
    found.running.clear()
    found.tangents.clear()
    found.mode.__exit__(None, None, None)


@contextmanager
def dual_level() -> Iterator[int]:
    """A ``with`` block in which there can be dual numbers.

    >>> import autograd
    >>> from autograd import forward_ad
    >>> with forward_ad.dual_level():
    ...     x = forward_ad.make_dual(autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 10.0]))
    ...     forward_ad.unpack_dual(x * x).tangent
    tensor([ 2., 40.])
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        if _state.level is not None:
            exit_dual_level(level=level)


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A Tensor like ``tensor``, in the same memory, that moves along ``tangent``.

    Args:
        tensor: of floating or complex dtype.
        tangent: of the same shape and dtype. Its values are read when a tangent is asked for.
        level: the level, of which there is only one.

    Raises:
        GradientError: no level is entered, or ``tensor`` or ``tangent`` is dual already.
        DtypeError, ShapeError: the two do not fit.
    """
    found = _level("make_dual", level)
    if found is None:
        raise GradientError("make_dual: there is no level; call it inside of `with forward_ad.dual_level():`")
    for what, value in (("tensor", tensor), ("tangent", tangent)):
        if not isinstance(value, Handle):
            raise TypeError(f"make_dual: expected {what} to be a Tensor, got {type(value).__name__}")
        if value._data.dtype.kind not in "fcV":
            raise DtypeError(f"make_dual: expected {what} of floating or complex dtype, got {value._data.dtype}")
    if tensor._data.shape != tangent._data.shape or tensor._data.dtype != tangent._data.dtype:
        raise ShapeError(
            f"make_dual: expected a tangent of shape {tensor._data.shape} and {tensor._data.dtype}, as tensor has, got "
            f"{tangent._data.shape} and {tangent._data.dtype}"
        )
    if not local.grad:
        raise GradientError("make_dual: nothing is recorded inside no_grad; enter it before dual_level, or not at all")
    place = node_of(tensor)
    for what, at in (("tensor", place), ("tangent", node_of(tangent))):
        if at is not None and found.pushed(at, False) is not None:
            raise GradientError(f"make_dual: {what} has a tangent already; unpack_dual it first")
    made: Any
    if place is not None and found.recording:
        made = clone(tensor)
    else:
        made = new_tensor(tensor._data)
        made._node = Leaf(made)
        made._node.note = {RUNNING: found.running}
    found.tangents[made._node] = tangent
    return made


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """A Tensor without its tangent, and its tangent: None if no level is entered, or it depends on no dual number.

    Both can be differentiated by what requires grad beside the dual numbers.
    """
    found = _level("unpack_dual", level)
    if not isinstance(tensor, Handle):
        raise TypeError(f"unpack_dual: expected a Tensor, got {type(tensor).__name__}")
    place = node_of(tensor)
    if found is None or place is None:
        return UnpackedDualTensor(tensor, None)
    linked = found.linked(tensor)
    t = found.pushed(place, linked)
    if t is None:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(t, Handle):
        owned = isinstance(t, np.generic) or (t.base is None and all(t is not d._data for d in found.tangents.values()))
        t = new_tensor(t if owned else t.copy())
    return UnpackedDualTensor(tensor if linked else new_tensor(tensor._data), t)


def _level(name: str, level: int | None) -> _Level | None:
    if level not in (None, 0):
        raise ArgumentError(f"{name}: there is only level 0, got {level!r}")
    return _state.level
