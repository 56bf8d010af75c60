"""Several schedulers: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from autograd import ArgumentError
from autograd.engine.failures import explained

from ..optimizer import Optimizer
from .base import LRScheduler, put_lr
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combined(LRScheduler):
    _unsaved = (*LRScheduler._unsaved, "_schedulers")

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        """Check the schedulers and keep them.

        Raises:
            ValueError: there are none, one needs a metric, or they are not of one optimizer.
        """
        title = type(self).__name__
        if not schedulers:
            raise ArgumentError(f"{title}: expected at least one scheduler, got none")
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{title}: item {i} must be a scheduler, got {type(scheduler).__name__}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(f"{title}: item {i} is ReduceLROnPlateau, which needs a metric; step it by itself")
            optimizer = scheduler.optimizer if optimizer is None else optimizer
            if scheduler.optimizer is not optimizer:
                raise ArgumentError(f"{title}: item {i} ({type(scheduler).__name__}) belongs to another optimizer")
        self._schedulers = list(schedulers)
        assert optimizer is not None
        self.optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, and the states of the schedulers."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, found in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(found)

    def _update_lr(self, epoch: int | None = None) -> None:
        """What ``step`` does; with an epoch, which can only be 0, begin anew from the initial ``lr``."""
        if epoch is None:
            self.step()
            return
        for group in self.optimizer.param_groups:
            put_lr(group, group["initial_lr"])
        _set_epoch(self, -1)
        self._initial_step()


class ChainedScheduler(_Combined):
    """Steps all its schedulers at once, one after the other.

    Args:
        schedulers: of one optimizer.
        optimizer: theirs.
    """

    @explained
    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = tuple(self._lrs())

    def step(self) -> None:  # type: ignore[override]
        """Step every scheduler."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = tuple(self._lrs())

    def _initial_step(self) -> None:
        """Begin with every scheduler."""
        for scheduler in self._schedulers:
            scheduler._initial_step()
        self._last_lr = tuple(self._lrs())


class SequentialLR(_Combined):
    """Steps one scheduler up to its milestone, then the next, which begins there at its epoch 0.

    Args:
        optimizer: the schedulers'.
        schedulers: in order.
        milestones: at which epoch each but the first begins.
        last_epoch: as for every scheduler.

    Raises:
        ValueError: the numbers of schedulers and milestones do not fit.
    """

    @explained
    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got "
                f"{len(milestones)}"
            )
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:  # undo what the schedulers did when they were made
            put_lr(group, group["initial_lr"])
        _rewind(self)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = tuple(first.get_last_lr())

    def step(self) -> None:  # type: ignore[override]
        """Step the scheduler whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = tuple(scheduler.get_last_lr())

    def _initial_step(self) -> None:
        """Begin with the first scheduler."""
        self.last_epoch = 0
        self._schedulers[0]._initial_step()
        self._last_lr = tuple(self._lrs())


def _rewind(scheduler: LRScheduler) -> None:
    """Go one epoch back, in all schedulers below."""
    if isinstance(scheduler, _Combined):
        for below in scheduler._schedulers:
            _rewind(below)
    else:
        scheduler.last_epoch -= 1


def _set_epoch(scheduler: LRScheduler, epoch: int) -> None:
    """Set the epoch of all schedulers below."""
    if isinstance(scheduler, _Combined):
        for below in scheduler._schedulers:
            _set_epoch(below, epoch)
    else:
        scheduler.last_epoch = epoch
