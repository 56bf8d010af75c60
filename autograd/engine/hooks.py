"""Hooks: functions that users have called on the way, and the handle that takes one away again."""

from __future__ import annotations

from typing import Any

__all__ = ["EVERYWHERE", "RemovableHandle", "add_hook", "keep", "keeps_gradient", "run_hooks"]

EVERYWHERE: dict[object, tuple[str, Any, bool]] = {}
"""The hooks of all modules: kind, hook, and whether it is called after an error too. It stands here, and not with the
modules, because what is compiled depends on it."""


class RemovableHandle:
    """Removes a hook: by ``remove()``, or at the end of a ``with`` block."""

    def __init__(self, hooks: dict[object, Any]) -> None:
        self._hooks = hooks
        self.key = object()  # not a number, which another hook could have once this one is gone

    def remove(self) -> None:
        """Remove the hook; nothing happens if it is gone already."""
        self._hooks.pop(self.key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def add_hook(hooks: dict[object, Any], hook: Any, first: bool = False) -> RemovableHandle:
    """Put a hook behind those in ``hooks``, or before them."""
    handle = RemovableHandle(hooks)
    others = dict(hooks) if first else {}
    if first:
        hooks.clear()
    hooks[handle.key] = hook
    hooks.update(others)
    return handle


def run_hooks(hooks: dict[object, Any], g: Any, node: Any, create_graph: bool, kept: list[tuple[Any, Any]]) -> Any:
    """Pass a gradient through a tensor's hooks; each may replace it.

    What ``retain_grad`` keeps is the result: it is added to ``kept`` with its Tensor, which gets it when nothing can
    raise any more.
    """
    for hook in sorted(hooks.values(), key=keeps_gradient):
        if not keeps_gradient(hook):
            g = hook(g, node, create_graph)
        elif (tensor := hook.keeps()) is not None and (own := hook(g, node, create_graph)) is not None:
            kept.append((tensor, own))
    return g


def keep(kept: list[tuple[Any, Any]]) -> None:
    """Add to the ``.grad`` of Tensors what ``run_hooks`` put aside for them."""
    for tensor, g in kept:
        tensor._grad = g if tensor._grad is None else tensor._grad + g


def keeps_gradient(hook: Any) -> bool:
    """Whether a hook is that of ``retain_grad``: ``hook.keeps()`` is then its Tensor, or None if that is gone."""
    return hasattr(hook, "keeps")
