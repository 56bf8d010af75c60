"""What a function leaves of the Tensors and containers that were there before the call."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.nodes import Leaf
from .arrays import RecordingArray
from .guards import Guards
from .history import History
from .places import Place
from .reach import Reach
from .recording import Tape
from .trees import Effect, Given, tree_of
from .values import UnrecordableError

__all__ = ["Left"]

_LEAF = (Leaf, type(None))
"""What stands in the graph for a Tensor that is no result of an operation."""


class Left:
    """What is other after a recorded call than before; what a program can do, too, is among its ``effects``.

    The rest is told to the tape. Arguments get what the function did to what stood for them.
    """

    def __init__(self, guards: Guards, reach: Reach, tape: Tape, made: dict[int, Any], history: History) -> None:
        self.effects: list[Effect] = []
        self._guards, self._reach, self._tape, self._history = guards, reach, tape, history
        self._made = made

    def look_at_arguments(self, before: list[tuple[Any, Any, Any, Any]], graded: bool) -> None:
        """An argument may be written into, be given a gradient and require grad, but not be made another Tensor of.

        So may a Tensor in reach that is another at each call.

        Args:
            before: what stood for each argument, and its data, node and gradient.
            graded: whether the result requires grad.
        """
        for (made, data, node, grad), (_, arg, given) in zip(before, self._guards.given, strict=True):
            if made._data is not data:
                self._tape.escapes.append(f"the Tensor '{given.name}' was given other data")
                recorded = isinstance(made._data, RecordingArray)
                arg._data = np.ndarray.view(made._data, np.ndarray) if recorded else made._data
            if made._node is not node:
                self._switch_argument(made, arg, given, graded)
            elif self._hooked(leaf := _leaf_of(made)):
                self._tape.escapes.append(f"a hook of the Tensor '{given.name}' is set")
                _hand_over_hooks(arg, leaf)
            if made._grad is not grad:
                self._leave_gradient(made._grad, arg, given)

    def _hooked(self, leaf: Any) -> bool:
        """Whether there are hooks at a leaf besides that by which the guards notice a gradient."""
        if leaf is None:
            return False
        (leaf.hooks or {}).pop(self._guards, None)
        return bool(leaf.hooks or leaf.after)

    def _switch_argument(self, made: Any, arg: Any, given: Given, graded: bool) -> None:
        now = made._node
        if not arg.is_leaf or type(now) not in _LEAF:
            self._tape.escapes.append(f"the Tensor '{given.name}' was given another graph")
            arg._node = now
            self._guards.met.append(arg)
            return
        arg.requires_grad_(now is not None)
        if now is not None:
            self._guards.leaves[now] = arg._node
        if hooked := self._hooked(leaf := _leaf_of(made)):
            _hand_over_hooks(arg, leaf)
        if hooked or graded:
            what = "is given hooks" if hooked else "requires grad as it did not, and so does the result"
            self._tape.escapes.append(f"the Tensor '{given.name}' {what}")
        else:
            self._switch(given, given.name, now is not None)

    def _switch(self, owner: Any, name: str, requires_grad: bool) -> None:
        self.effects.append(Effect(Place("slot", owner, "requires_grad", f"{name}.requires_grad"), requires_grad))

    def _leave_gradient(self, grad: Any, arg: Any, given: Given) -> None:
        if not arg.is_leaf:
            self._tape.escapes.append(f"backward reached the Tensor '{given.name}', which was computed")
            arg.backward(type(grad)(np.array(np.ndarray.view(np.asarray(grad._data), np.ndarray))))
            return
        name = f"{given.name}.grad"
        try:
            tree = tree_of(grad, self._tape, self._guards.known, name, self._made)
            self.effects.append(Effect(Place("slot", given, "_grad", name), tree))
        except UnrecordableError as error:
            self._tape.escapes.append(f"{name} was changed: {error}")
        arg._grad = self._guards.returned(grad)

    def look_at_others(self, graded: bool) -> None:
        """Other Tensors that were there may be frozen, or require grad as they did not, if the result does not."""
        for tensor, node in self._reach.graphs:
            now = tensor._node
            if now is node or type(now) is type(node) is Leaf:
                continue
            if (graded and now is not None) or type(now) not in _LEAF or type(node) not in _LEAF:
                self._tape.escapes.append(
                    "a Tensor that was there before the call is given a graph, or requires grad as it did not"
                )
                self._guards.met.append(tensor)
                continue
            places = self._reach.places
            name = next((p.name for p, _ in places if p.container is tensor and p.key == "_data"), "a Tensor")
            self._switch(tensor, name, now is not None)

    def look_at_containers(self) -> None:
        """Lists, dicts and dataclasses among the arguments are changed as the function changed what stood for them."""
        for made, arg, given, before in self._guards.containers:
            kind, record = type(made), not isinstance(made, (list, dict))
            if record:
                made, arg = vars(made), vars(arg)
            items, old = (list(made.items()), list(before.items())) if isinstance(made, dict) else (made, before)
            if isinstance(made, dict) and list(made) == list(before):
                items, old = list(made.values()), list(before.values())
            if len(items) == len(old) and all(a is b for a, b in zip(items, old, strict=True)):
                continue
            if record:
                self._history.states.add(kind)
                self._tape.unsure = f"the argument '{given.name}' is a {kind.__name__} that is changed"
            else:
                self._tape.escapes.append(f"the argument '{given.name}' is a {kind.__name__} that was changed")
            arg.clear()
            (arg.update if isinstance(arg, dict) else arg.extend)(self._guards.returned(type(made)(made)))


def _leaf_of(tensor: Any) -> Any:
    """What stands for a Tensor in the graph, or did when it required grad; None if it never did."""
    return getattr(tensor, "_resting", None) if tensor._node is None else tensor._node


def _hand_over_hooks(arg: Any, node: Any) -> None:
    """Give an argument the hooks that what stood for it was given."""
    if arg._node is None and not hasattr(arg, "_resting"):
        arg._resting = Leaf(arg)
    own = _leaf_of(arg)
    for name in ("hooks", "after"):
        found = getattr(node, name, None)
        if found:
            hooks = {**(getattr(own, name) or {}), **found}
            setattr(own, name, found)  # not a copy: the function may have kept what removes a hook
            found.clear()
            found.update(hooks)
