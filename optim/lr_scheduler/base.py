"""``LRScheduler``: what all schedulers share, from the order of calls to saving."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import ArgumentError, Tensor
from autograd.engine.callsite import warn
from autograd.engine.failures import explained

from ..optimizer import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """Base of the schedulers: define ``get_lr``; and ``_get_closed_form_lr``, if ``step`` is to be given an epoch.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        TypeError: no optimizer.
        KeyError: going on, but the groups have no ``initial_lr``.

    Call ``step()`` after ``optimizer.step()``, once an epoch or once a batch, as the schedule is meant. Each group
    keeps what it started from as ``initial_lr``.
    """

    _unsaved: tuple[str, ...] = ("optimizer", "_is_initial", "_get_lr_called_within_step")
    _is_initial = _get_lr_called_within_step = False  # PyTorch's names, which schedulers of a program's own ask

    @explained
    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer, type(self).__name__)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", number(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: to go on from last_epoch={last_epoch}, group {i} needs 'initial_lr'; "
                    "load the optimizer's state dict first, or begin with last_epoch=-1"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def __repr__(self) -> str:
        place = f" at epoch {self.last_epoch}" if hasattr(self, "last_epoch") else ""  # those made of others have none
        return f"<{type(self).__name__}: lr {', '.join(f'{lr:g}' for lr in self._lrs())}{place}>"

    def _initial_step(self) -> None:
        """Set what the groups begin with."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The next ``lr`` of each group, which ``step`` sets; ``get_last_lr`` says what is set now."""
        raise TypeError(f"{type(self).__name__} needs a method get_lr")

    def _get_closed_form_lr(self) -> list[float] | None:
        """The ``lr`` of each group at ``last_epoch``, computed from ``base_lrs`` alone; None if there is no formula."""
        return None

    def get_last_lr(self) -> list[float]:
        """The ``lr`` of each group as this scheduler last set it."""
        return list(self._last_lr)

    def _lrs(self) -> list[float]:
        """The ``lr`` of each group as it is now."""
        return [number(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        """The ``lr`` of each group, multiplied."""
        return [lr * factor for lr in self._lrs()]

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or, deprecated, to the given one) and set the ``lr`` of each group."""
        if self._step_count == 1 and not self.optimizer._stepped:
            warn(
                f"{type(self).__name__}: step() was called before optimizer.step(), so the schedule's first value is "
                "never used. Call optimizer.step() first, then the scheduler's step()",
            )
        self._step_count += 1
        if epoch is not None:
            warn(f"{type(self).__name__}: step(epoch) is deprecated; call step() once an epoch instead")
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """What ``step`` does, without its checks."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._get_lr_called_within_step = True
        try:
            values = None if epoch is None else self._get_closed_form_lr()
            values = self.get_lr() if values is None else values
        finally:
            self._get_lr_called_within_step = False
        self._set_lr(values)

    def _set_lr(self, values: list[float]) -> None:
        """Set the ``lr`` of each group."""
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            put_lr(group, value)
        self._last_lr = tuple(self._lrs())

    # ---- saving --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions; of objects that are called, their attributes."""
        found = {key: value for key, value in self.__dict__.items() if key not in self._unsaved}
        return {key: list(value) if key == "_last_lr" else value for key, value in found.items()}

    @explained
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned. Load before the optimizer's own state, which has the ``lr``."""
        found = {key: value for key, value in state_dict.items() if key not in self._unsaved}
        self.__dict__.update({key: tuple(value) if key == "_last_lr" else value for key, value in found.items()})


def checked(optimizer: Any, name: str) -> Optimizer:
    """The optimizer, which from now on notes whether ``step`` was called.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: expected an Optimizer, got {type(optimizer).__name__}")
    if not optimizer._watched:
        optimizer._watched, optimizer._stepped = True, False
    return optimizer


def number(value: Any) -> Any:
    """A number, or the one in a Tensor."""
    return value.item() if isinstance(value, Tensor) else value


def put_lr(group: dict[str, Any], value: Any) -> None:
    """Set the ``lr`` of a group; if that is a Tensor, which others may hold too, its content."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(number(value))
    else:
        group["lr"] = value


def for_groups(title: str, name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """A value for each group: the values given, or the same for all.

    Raises:
        ValueError: there are more or fewer than groups.
    """
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(f"{title}: {name} has {len(value)} values, but the optimizer has {count} groups")
    return list(value)


def cosine(x: float) -> float:
    """The cosine, of a number that may stand for others too."""
    return math.cos(x) if type(x) is float else np.cos(x).item()


def saved_function(function: Callable[..., Any] | None) -> dict[str, Any] | None:
    """The attributes of an object that is called; None for a plain function, which cannot be saved."""
    if function is None or isinstance(function, (types.FunctionType, types.BuiltinFunctionType)):
        return None
    return dict(getattr(function, "__dict__", {}))
