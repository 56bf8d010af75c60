"""Schedules that are a function of the epoch, given by the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.engine.failures import explained

from ..optimizer import Optimizer
from .base import LRScheduler, for_groups, saved_function

__all__ = ["LambdaLR", "MultiplicativeLR"]

Function = Callable[[int], float]


class _OfFunctions(LRScheduler):
    _unsaved = (*LRScheduler._unsaved, "lr_lambdas")

    @explained
    def __init__(self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Function] = for_groups(type(self).__name__, "lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"{type(self).__name__}: lr_lambda must be a function of the epoch, got {type(function).__name__}"
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and plain functions; of objects that are called, their attributes."""
        return {**super().state_dict(), "lr_lambdas": [saved_function(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, found in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if found is not None:
                function.__dict__.update(found)


class LambdaLR(_OfFunctions):
    """The initial ``lr``, times a function of the epoch.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        lr_lambda: the function, or a list of one for each group.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    >>> import autograd, optim
    >>> optimizer = optim.SGD([autograd.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def get_lr(self) -> list[float]:
        """The initial ``lr``, times the function."""
        return [lr * function(self.last_epoch) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_OfFunctions):
    """The ``lr`` before, times a function of the epoch.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        lr_lambda: the function, or a list of one for each group.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.
    """

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times the function."""
        if self._is_initial:
            return self._lrs()
        return [lr * function(self.last_epoch) for lr, function in zip(self._lrs(), self.lr_lambdas, strict=True)]
