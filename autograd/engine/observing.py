"""``Observer``: what the engine tells a mode that watches, and of what; without one nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .modes import local

__all__ = ["Observer", "tell_replaced"]


class Observer:
    """Base of what stands in ``local.observers``: every method does nothing."""

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        """``op`` was called with ``values`` and returned ``out``; ``node`` records it, or is None."""

    def after_cut(self, op: Any, values: Sequence[Any], out: Any, nodes: Sequence[Any]) -> None:
        """So it was, without a record, although some of the inputs' ``nodes`` are not None: no gradient will pass."""

    def replaced(self, old: Any, new: Any) -> None:
        """The array ``new``, a copy of ``old`` (as an array, or in another dtype), is used in its place."""

    def before_sweep(self, create_graph: bool) -> None:
        """A backward begins, maybe inside another."""

    def after_rule(self, node: Any, g: Any, derivatives: dict[Any, Any]) -> None:
        """The rules of ``node`` turned its complete gradient ``g`` into ``derivatives`` by parent."""

    def after_sweep(self) -> None:
        """The backward that began last is over, or has failed."""


def tell_replaced(old: Any, new: Any) -> Any:
    """Tell the observers of a copy; returns it."""
    for observer in local.observers:
        observer.replaced(old, new)
    return new
