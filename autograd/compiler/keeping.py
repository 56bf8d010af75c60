"""Gradients that a program leaves: their arrays are written again by the next call, if nobody has seen them.

An eager step makes new arrays for the gradients and drops those of the step before. A program can keep them, with the
Tensors around them, as long as only the ``grad`` of the parameters refers to them: references are counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.nodes import Handle, new_tensor
from .buffers import can_be_told, empty_text
from .memory import Plan
from .program import Program, values_of
from .trees import Effect, TensorOf
from .values import Check, Instruction, Storage, Value

__all__ = ["Kept", "keepable", "made_together"]

_count: Any = getattr(sys, "getrefcount", None)


class Kept:
    """The arrays of one program's gradients.

    Args:
        owners: the Tensors that get gradients.
        numbers: for each of them which of the arrays is its gradient.
        count: how many arrays there are; what is made with them lies in them.
        hosting: whether they hold other numbers until they are written: then the owners have no gradients meanwhile.

    Attributes:
        graded: those of the owners that must have a gradient for the program to hold: what is ours is seen here anyway.
    """

    def __init__(self, owners: list[Any], numbers: list[int], count: int, hosting: bool) -> None:
        self.graded: list[Any] = []
        self._owners = owners
        self._numbers = numbers
        self._count = count
        self._hosting = hosting
        self._before: list[Any] = []
        self._made: tuple[Any, ...] = ()
        self._rows: list[tuple[Any, Any, Any]] = []
        self._held: list[Any] = []
        self._counts: list[int] = []
        self._new = True

    def arrays(self, make: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...] | None:
        """The arrays to write gradients into, and what lies in them; ``make`` makes new ones.

        None if the program does not hold.
        """
        if not self._are_ours():
            if any(owner._grad is None for owner in self.graded):
                return None
            self._make(make)
            self._counts = self._found()
        if self._hosting:
            self._before = [owner._grad for owner in self._owners]
            for owner in self._owners:
                owner._grad = None
        return self._made

    def sees(self, owner: Any) -> bool:
        """Take over the test that this Tensor has a gradient, if it is an owner."""
        if not any(owner is one for one in self._owners):
            return False
        self.graded.append(owner)
        return True

    def _are_ours(self) -> bool:
        """Whether the gradients stand where they were left, as they were, and nothing else refers to them."""
        if self._new or [*map(_count, self._held)] != self._counts:
            return False
        for owner, tensor, array in self._rows:
            if (
                owner._grad is not tensor
                or tensor._data is not array
                or tensor._node is not None
                or tensor._grad is not None
                or tensor._view is not None
            ):
                return False
        return True

    def _make(self, make: Callable[[], tuple[Any, ...]]) -> None:
        self._rows, self._held, self._made, self._before, self._new = [], [], (), [], True
        self._made = make()
        made = [self._made[i] for i in self._numbers]
        self._rows = [(owner, new_tensor(array), array) for owner, array in zip(self._owners, made, strict=True)]
        self._held = [*self._made[: self._count], *[tensor for _, tensor, _ in self._rows]]

    def _found(self) -> list[int]:
        """How many references there are to each array, and to each Tensor once it stands at its owner."""
        counts = [*map(_count, self._held)]
        at = self._count
        return [*counts[:at], *[count + 1 for count in counts[at:]]]

    def drop(self) -> None:
        """Take the gradients from their owners: what is in them is half of one call, and half of another."""
        for owner, tensor, _ in self._rows:
            if owner._grad is tensor:
                owner._grad = None

    def leave(self) -> None:
        """Give each owner its gradient."""
        if self._new or self._hosting:
            for owner, tensor, _ in self._rows:
                owner._grad = tensor
            self._new = False
            self._before = []

    def back(self) -> None:
        """Give each owner what it had: the function runs otherwise than in the record, and will drop it itself."""
        for owner, grad in zip(self._owners, self._before, strict=True):
            owner._grad = grad
        self._before = []


def keepable(program: Program, plan: Plan, parameters: list[Value]) -> dict[Storage, Effect]:
    """The gradients among the effects whose arrays can be kept, by where they lie.

    Not if the program reads gradients of the call before, or may find out that it does not hold after it wrote some.
    """
    if _count is None or any(value.place is not None and value.place[0].key == "_grad" for value in parameters):
        return {}
    seen = {value.storage for value in values_of([program.results, program.graded])}
    found: dict[Storage, Effect] = {}
    for effect in program.effects:
        storages = [value.storage for value in values_of([effect.tree])]
        if not _is_gradient(effect, plan):
            seen.update(storages)
        elif storages[0] in found:
            seen.add(storages[0])
        else:
            found[storages[0]] = effect
    wholes: dict[Storage, list[Storage]] = {}
    for part, (whole, _) in plan.parts.items():
        wholes.setdefault(whole.storage, []).append(part)
    for storage, parts in wholes.items():
        if storage in seen or seen & set(parts):
            seen.update(parts)
    found = {storage: effect for storage, effect in found.items() if storage not in seen}
    first = next((i for i, item in enumerate(program.items) if _writes(item, found)), 0)
    return {} if any(isinstance(item, Check) for item in program.items[first:]) else found


def made_together(
    program: Program,
    plan: Plan,
    found: dict[Storage, Effect],
    name: Callable[[Value], str],
    cut: Callable[[Value], str],
) -> tuple[list[Value], list[str]]:
    """Tell the plan what is kept; the arrays of gradients, with the buffers that they are parts of, and their lines."""
    wholes = {plan.parts[storage][0].storage for storage in found if storage in plan.parts}
    parts = [storage for storage, (whole, _) in plan.parts.items() if whole.storage in wholes]
    plan.kept = {*found, *parts, *wholes}
    arrays: list[Value] = []
    lines: list[str] = []
    for item in program.instructions():
        value = item.outs
        if type(value) is not Value or value.storage not in plan.kept or item.kind == "view" or value in arrays:
            continue
        whole = plan.parts.get(value.storage, (value, 0))[0]
        if whole not in arrays:
            arrays.append(whole)
            lines.append(f"{name(whole)} = {empty_text(whole.array)}")
        if whole is not value:
            arrays.append(value)
            lines.append(cut(value))
    return arrays, lines


def _is_gradient(effect: Effect, plan: Plan) -> bool:
    tree = effect.tree
    if effect.place.key != "_grad" or not isinstance(effect.place.container, Handle) or type(tree) is not TensorOf:
        return False
    value = tree.value
    if type(value) is not Value or value.source is None or value.source.outs is not value:
        return False
    if value.source.kind != "call" or value.storage.kind != "fresh" or value.source.target is not None:
        return False
    return value.storage in plan.parts or (can_be_told(value.source) and value.source.function is not np.concatenate)


def _writes(item: Any, found: dict[Storage, Effect]) -> bool:
    return isinstance(item, Instruction) and type(item.outs) is Value and item.outs.storage in found
