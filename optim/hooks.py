"""The hooks of an optimizer: functions called around its steps, and when its state is saved or loaded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from autograd.engine.hooks import RemovableHandle, add_hook

__all__ = ["Hooks", "hooked"]

F = TypeVar("F", bound=Callable[..., Any])


class Hooks:
    """The hooks of one optimizer, in the order in which they are called."""

    def __init__(self) -> None:
        self.step_before: dict[object, Callable[..., Any]] = {}
        self.step_after: dict[object, Callable[..., Any]] = {}
        self.before_state_dict: dict[object, Callable[..., Any]] = {}
        self.after_state_dict: dict[object, Callable[..., Any]] = {}
        self.before_load: dict[object, Callable[..., Any]] = {}
        self.after_load: dict[object, Callable[..., Any]] = {}

    def add(self, when: str, hook: Callable[..., Any], first: bool = False) -> RemovableHandle:
        """Add a hook behind, or before, those that are there."""
        return add_hook(getattr(self, when), hook, first)

    def before_step(self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the hooks before a step; the arguments, as the hooks left them."""
        for hook in list(self.step_before.values()):
            returned = hook(optimizer, args, kwargs)
            if returned is not None:
                if not isinstance(returned, tuple) or len(returned) != 2:
                    raise TypeError(
                        f"{type(optimizer).__name__}: a hook before step returned {type(returned).__name__}; expected "
                        "None or the new arguments, (args, kwargs)"
                    )
                args, kwargs = returned
        return args, kwargs

    def after_step(self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Call the hooks after a step."""
        for hook in list(self.step_after.values()):
            hook(optimizer, args, kwargs)


def hooked(step: F) -> F:
    """The method ``step`` of an optimizer with the hooks around it; and it notes that it was called."""

    @functools.wraps(step)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        hooks = self._hooks
        self._stepped = True
        if not hooks.step_before and not hooks.step_after:
            return step(self, *args, **kwargs) if args or kwargs else step(self)
        args, kwargs = hooks.before_step(self, args, kwargs)
        result = step(self, *args, **kwargs)
        hooks.after_step(self, args, kwargs)
        return result

    return wrapped  # type: ignore[return-value]
