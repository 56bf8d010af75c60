"""Schedules that raise and lower the ``lr``, and the momentum against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd import ArgumentError
from autograd.engine.failures import explained

from ..optimizer import Optimizer
from .base import LRScheduler, checked, cosine, for_groups, put_lr, saved_function

__all__ = ["CyclicLR", "OneCycleLR"]


class _WithMomentum(LRScheduler):
    """A scheduler that may cycle the momentum too: ``momentum`` of the groups, or the first of ``betas``."""

    cycle_momentum: bool

    def _prepare_momentum(self, base: Any, largest: Any, last_epoch: int) -> tuple[list[float], list[float]]:
        """Set what the momenta begin with; their bounds, a list for the groups each."""
        title, optimizer = type(self).__name__, self.optimizer
        self.use_beta1 = "betas" in optimizer.defaults
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ArgumentError(
                f"{title}: {type(optimizer).__name__} has neither momentum nor betas; pass cycle_momentum=False"
            )
        lows = for_groups(title, "base_momentum", base, optimizer)
        highs = for_groups(title, "max_momentum", largest, optimizer)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_WithMomentum):
    """``lr`` up and down in straight lines between two bounds.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        base_lr, max_lr: the bounds (or lists of them, one for each group).
        step_size_up, step_size_down: batches up, and down (default: as many).
        mode: ``"triangular"``; ``"triangular2"`` halves the height every cycle; ``"exp_range"`` multiplies it by
            ``gamma**batch``.
        gamma: for ``"exp_range"``.
        scale_fn: a function to multiply the height by, instead of a mode.
        scale_mode: whether ``scale_fn`` is one of the ``"cycle"`` (from 1 on) or of the ``"iterations"``.
        cycle_momentum: whether the momentum goes down as the ``lr`` goes up.
        base_momentum, max_momentum: its bounds.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: an unknown mode; or an optimizer without momentum.

    Source: Smith 2017.
    """

    _unsaved = (*LRScheduler._unsaved, "_scale_fn_custom")

    @explained
    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer, "CyclicLR")
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ArgumentError(
                f"CyclicLR: mode is 'triangular', 'triangular2' or 'exp_range' (or give scale_fn), got {mode!r}"
            )
        base_lrs = for_groups("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = for_groups("CyclicLR", "max_lr", max_lr, optimizer)
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self._scale_fn_custom = scale_fn
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            limits = self._prepare_momentum(base_momentum, max_momentum, last_epoch)
            self.base_momentums, self.max_momentums = limits
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                put_lr(group, lr)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """What the height is multiplied by, in cycle (or at batch) ``x``."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[float]:
        """Where the lines are now; sets the momentum on the way."""
        turns = self.last_epoch / self.total_size
        cycle = math.floor(1 + turns)
        x = 1 + turns - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        factor = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            limits = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in limits:
                self._set_momentum(group, high - (high - low) * height * factor)
        return [low + (high - low) * height * factor for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a plain function; of an object that is called, its attributes."""
        return {**super().state_dict(), "_scale_fn_custom": saved_function(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_scale_fn_custom"})
        found = state_dict.get("_scale_fn_custom")
        if found is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(found)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (cosine(math.pi * share) + 1)


def _line(start: float, end: float, share: float) -> float:
    return (end - start) * share + start


class OneCycleLR(_WithMomentum):
    """One rise to ``max_lr`` and one fall, far below the start: for a whole training, stepped after every batch.

    Args:
        optimizer: whose groups' ``lr`` it varies.
        max_lr: the highest ``lr`` (or a list, one for each group).
        total_steps: of the cycle; or ``epochs`` and ``steps_per_epoch``.
        pct_start: the share of them that it rises, a float.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: whether the momentum goes down as the ``lr`` goes up.
        base_momentum, max_momentum: its bounds.
        div_factor: ``max_lr`` over the first ``lr``.
        final_div_factor: the first ``lr`` over the last.
        three_phase: fall as long as it rose, to the first ``lr``, and only then on to the last.
        last_epoch: the number of the last step that was taken, to go on from it; -1 to begin.

    Raises:
        ValueError: an argument outside its range; an optimizer without momentum; in ``step``: more than all steps.

    Source: Smith and Topin 2019.
    """

    @explained
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer, "OneCycleLR")
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ArgumentError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
        counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
        if total_steps is not None:
            counts = {"total_steps": total_steps}
        for name, count in counts.items():
            if not isinstance(count, int) or count <= 0:
                raise ArgumentError(f"OneCycleLR: {name} must be a positive integer, got {count!r}")
        self.total_steps = math.prod(count for count in counts.values() if count is not None)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ArgumentError(f"OneCycleLR: pct_start must be a float in [0, 1], got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"OneCycleLR: anneal_strategy is 'cos' or 'linear', got {anneal_strategy!r}")
        self._anneal_func_type = anneal_strategy
        top, last = pct_start * self.total_steps - 1, self.total_steps - 1
        up = ("initial_lr", "max_lr", "max_momentum", "base_momentum")
        self._schedule_phases: list[dict[str, Any]] = [
            {"end_step": end, "start_lr": a, "end_lr": b, "start_momentum": c, "end_momentum": d}
            for end, (a, b, c, d) in (
                [
                    (top, up),
                    (2 * pct_start * self.total_steps - 2, ("max_lr", "initial_lr", "base_momentum", "max_momentum")),
                    (last, ("initial_lr", "min_lr", "max_momentum", "max_momentum")),
                ]
                if three_phase
                else [(top, up), (last, ("max_lr", "min_lr", "base_momentum", "max_momentum"))]
            )
        ]
        highest = for_groups("OneCycleLR", "max_lr", max_lr, optimizer)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._prepare_momentum(base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"], group["max_lr"] = lr / div_factor, lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Where the cycle is now; sets the momentum on the way."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ArgumentError(f"OneCycleLR: step {step} is beyond the cycle of {self.total_steps} steps")
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"]:
                break
            if phase is not self._schedule_phases[-1]:
                start = phase["end_step"]
        share = (step - start) / (phase["end_step"] - start)
        between = _cosine if self._anneal_func_type == "cos" else _line
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            self._set_momentum(group, between(group[phase["start_momentum"]], group[phase["end_momentum"]], share))
        return [
            between(group[phase["start_lr"]], group[phase["end_lr"]], share) for group in self.optimizer.param_groups
        ]
