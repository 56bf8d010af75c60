"""A schedule that follows a metric."""

from __future__ import annotations

import math
from typing import Any

from autograd import ArgumentError
from autograd.engine.callsite import warn
from autograd.engine.failures import explained

from ..optimizer import Optimizer
from .base import LRScheduler, checked, for_groups, put_lr

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """``lr * factor`` when a metric has stopped improving.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        mode: whether the metric is to become small (``"min"``) or large (``"max"``).
        factor: below 1.
        patience: after how many epochs without improvement.
        threshold: how much better counts as an improvement.
        threshold_mode: whether that is relative to the best (``"rel"``) or not (``"abs"``).
        cooldown: how many epochs after a reduction do not count.
        min_lr: the lowest ``lr`` (or a list, one for each group).
        eps: a smaller change is not made.

    Raises:
        ValueError: a factor from 1 on, or an unknown mode.

    >>> import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     optimizer.step()
    ...     scheduler.step(loss)
    >>> scheduler
    <ReduceLROnPlateau: lr 0.1 at epoch 4>
    """

    @explained
    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ArgumentError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        if mode not in ("min", "max"):
            raise ArgumentError(f"ReduceLROnPlateau: mode is 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ArgumentError(f"ReduceLROnPlateau: threshold_mode is 'rel' or 'abs', got {threshold_mode!r}")
        self.optimizer = checked(optimizer, "ReduceLROnPlateau")
        self.factor = factor
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = for_groups("ReduceLROnPlateau", "min_lr", min_lr, optimizer)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self._last_lr = tuple(self._lrs())
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self._reset()

    def _reset(self) -> None:
        """Forget the metrics so far."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs do not count now."""
        return self.cooldown_counter > 0

    @explained
    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric after an epoch, and lower the ``lr`` if it is time to."""
        value = metrics.item() if hasattr(metrics, "item") else metrics
        if epoch is not None:
            warn("ReduceLROnPlateau: step(metrics, epoch) is deprecated; leave out the epoch")
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._better(value):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = tuple(self._lrs())

    def _better(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            bar = self.best * (1 - sign * self.threshold)
        else:
            bar = self.best - sign * self.threshold
        return sign * value < sign * bar

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise ArgumentError(
                    f"ReduceLROnPlateau: the optimizer has {len(groups)} groups now, but min_lr was given for "
                    f"{len(self.min_lrs)}; set min_lrs to a list of {len(groups)}"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lr, lowest in zip(groups, self._lrs(), self.min_lrs, strict=True):
            lowered = max(lr * self.factor, lowest)
            if lr - lowered > self.eps:
                put_lr(group, lowered)
