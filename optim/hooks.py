"""The hooks of an optimizer: functions called around its steps, and when its state is saved or loaded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from autograd.engine.hooks import RemovableHandle, add_hook

__all__ = ["Hooks", "hook_at", "hooked", "hooks_at"]

F = TypeVar("F", bound=Callable[..., Any])
Hooks = dict[str, dict[object, Callable[..., Any]]]
"""The hooks of one optimizer, in the order in which they are called, by when that is; empty before the first."""


def hook_at(hooks: Hooks, when: str, hook: Callable[..., Any], first: bool = False) -> RemovableHandle:
    """Add a hook behind, or before, those that are there."""
    return add_hook(hooks.setdefault(when, {}), hook, first)


def hooks_at(hooks: Hooks, when: str) -> list[Callable[..., Any]]:
    """The hooks that are called then."""
    return list(hooks[when].values()) if when in hooks else []


def _before_step(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the hooks before a step; the arguments, as the hooks left them."""
    for hook in hooks_at(optimizer._hooks, "before_step"):
        returned = hook(optimizer, args, kwargs)
        if returned is not None:
            if not isinstance(returned, tuple) or len(returned) != 2:
                raise TypeError(
                    f"{type(optimizer).__name__}: a hook before step returned {type(returned).__name__}; expected "
                    "None or the new arguments, (args, kwargs)"
                )
            args, kwargs = returned
    return args, kwargs


def hooked(step: F) -> F:
    """The method ``step`` of an optimizer with the hooks around it; and it notes that it was called."""

    @functools.wraps(step)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._stepped = True
        if not self._hooks:
            return step(self, *args, **kwargs) if args or kwargs else step(self)
        args, kwargs = _before_step(self, args, kwargs)
        result = step(self, *args, **kwargs)
        for hook in hooks_at(self._hooks, "after_step"):
            hook(self, args, kwargs)
        return result

    return wrapped  # type: ignore[return-value]
