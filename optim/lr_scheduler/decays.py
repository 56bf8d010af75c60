"""Schedules that lower (or first raise) the ``lr`` by a formula."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from autograd import ArgumentError
from autograd.engine.failures import explained

from ..optimizer import Optimizer
from .base import LRScheduler, cosine

__all__ = [
    "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ExponentialLR", "LinearLR", "MultiStepLR",
    "PolynomialLR", "StepLR",
]  # fmt: skip


class StepLR(LRScheduler):
    """``lr * gamma`` every ``step_size`` epochs.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        step_size: epochs between two decays.
        gamma: the factor.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: ``step_size`` is not positive.

    >>> import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler
    <StepLR: lr 0.01 at epoch 4>
    """

    @explained
    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if not step_size > 0:
            raise ArgumentError(f"StepLR: step_size must be positive, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times gamma if an interval ends."""
        return self._scaled(self.gamma) if self.last_epoch and self.last_epoch % self.step_size == 0 else self._lrs()

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times gamma for each interval."""
        return [lr * self.gamma ** (self.last_epoch // self.step_size) for lr in self.base_lrs]


class MultiStepLR(LRScheduler):
    """``lr * gamma`` at each milestone.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        milestones: epochs.
        gamma: the factor.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.
    """

    @explained
    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not isinstance(milestones, Iterable):
            raise TypeError(f"MultiStepLR: milestones must be several epochs, in a list, got {milestones!r}")
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times gamma if this is a milestone (as often as it is one)."""
        times = sum([n for epoch, n in self.milestones.items() if epoch == self.last_epoch])
        return self._scaled(self.gamma**times) if times else self._lrs()

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times gamma for each milestone passed."""
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


class ConstantLR(LRScheduler):
    """``lr * factor`` for the first epochs, then ``lr``.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        factor: from 0 to 1.
        total_iters: how many epochs.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: another factor.
    """

    @explained
    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ArgumentError(f"ConstantLR: factor must lie in [0, 1], got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, but at the first epoch times the factor, and at the last divided by it."""
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return self._scaled(1 / self.factor) if self.last_epoch == self.total_iters else self._lrs()

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times the factor at first."""
        return [lr * (1 if self.last_epoch >= self.total_iters else self.factor) for lr in self.base_lrs]


class LinearLR(LRScheduler):
    """``lr`` times a factor that goes in equal steps from one value to another.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        start_factor: the factor at first, above 0 up to 1.
        end_factor: the factor in the end, from 0 to 1.
        total_iters: how many epochs it takes.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: another factor.
    """

    @explained
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ArgumentError(f"LinearLR: start_factor must lie above 0 and be at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ArgumentError(f"LinearLR: end_factor must lie in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times this epoch's factor over that of the one before."""
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        way = self.end_factor - self.start_factor
        return self._scaled(1 + way / (self.total_iters * self.start_factor + (self.last_epoch - 1) * way))

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times this epoch's factor."""
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * (self.start_factor + (self.end_factor - self.start_factor) * share) for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """``lr * gamma`` every epoch.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        gamma: the factor.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.
    """

    @explained
    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times gamma."""
        return self._lrs() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times a power of gamma."""
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]


class PolynomialLR(LRScheduler):
    """``lr * (1 - epoch / total_iters) ** power``.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        total_iters: after how many epochs it is 0.
        power: 1 for a straight line.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.
    """

    @explained
    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The ``lr`` before, times this epoch's factor over that of the one before."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        now, before = (1.0 - epoch / self.total_iters for epoch in (self.last_epoch, self.last_epoch - 1))
        return self._scaled((now / before) ** self.power)

    def _get_closed_form_lr(self) -> list[float]:
        """The initial ``lr``, times this epoch's factor."""
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * left**self.power for lr in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from ``lr`` down to ``eta_min`` (and up again).

    After ``t`` steps the rate is ``eta_min + (lr - eta_min) * (1 + cos(pi * t / T_max)) / 2``.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        T_max: how many steps (epochs, mostly) it goes down.
        eta_min: the lowest ``lr``.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Source: Loshchilov and Hutter 2017, without restarts.

    >>> import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(round(scheduler.get_last_lr()[0], 6))
    0.5
    0.0
    """

    @explained
    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """From the ``lr`` before, so that it can work beside other schedulers."""
        epoch, lowest = self.last_epoch, self.eta_min
        if self._is_initial:
            return self._lrs()
        if self._step_count == 1 and epoch > 0:
            return self._get_closed_form_lr()
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the epoch before was at the bottom
            rise = (1 - cosine(math.pi / self.T_max)) / 2
            return [lr + (base - lowest) * rise for lr, base in zip(self._lrs(), self.base_lrs, strict=True)]
        now, before = (1 + cosine(math.pi * t / self.T_max) for t in (epoch, epoch - 1))
        return [now / before * (lr - lowest) + lowest for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        """The wave."""
        height = (1 + cosine(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from ``lr`` down to ``eta_min``, again and again.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        T_0: epochs of the first wave.
        T_mult: how many times longer each wave is than the one before, an integer.
        eta_min: the lowest ``lr``.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: ``T_0`` or ``T_mult`` is not a positive integer.

    Source: Loshchilov and Hutter 2017.
    """

    @explained
    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"CosineAnnealingWarmRestarts: {name} must be a positive integer, got {value!r}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The wave."""
        height = (1 + cosine(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the given one, which may be a fraction: after each batch.

        Raises:
            ValueError: a negative epoch.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ArgumentError(f"CosineAnnealingWarmRestarts: epoch must not be negative, got {epoch}")
        else:
            self.T_cur, self.T_i = epoch, self.T_0
            if self.T_mult == 1:
                self.T_cur = epoch % self.T_0
            else:
                while self.T_cur >= self.T_i:
                    self.T_cur -= self.T_i
                    self.T_i *= self.T_mult
        self.last_epoch = math.floor(epoch)
        self._set_lr(self.get_lr())
