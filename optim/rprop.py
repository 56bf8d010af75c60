"""Rprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import ArgumentError
from autograd.engine.failures import explained

from .optimizer import Optimizer, non_negative

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Steps that follow the gradient's sign alone, each element with a step size of its own, for full batches.

    Args:
        params: Tensors, or groups.
        lr: the step sizes at first.
        etas: the factors by which a step size shrinks when the sign changed, and grows when it did not.
        step_sizes: the smallest and the largest.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a negative ``lr``, or etas that do not lie on both sides of 1.

    Source: Riedmiller and Braun 1993; where the sign changed no step is taken.
    """

    states = ("prev", "step_size")

    @explained
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        non_negative("Rprop", lr=lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ArgumentError(f"Rprop: expected etas with 0 < etas[0] < 1 < etas[1], got {etas}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``size *= eta``, by whether ``g`` kept its sign; ``p -= sign(g) * size``, but not where it changed."""
        shrink, grow = group["etas"]
        size, before = state["step_size"], state["prev"]
        if step == 1:
            size[...] = group["lr"]
        agreement = g * before
        turned = agreement < 0
        size *= np.where(turned, shrink, np.where(agreement > 0, grow, 1)).astype(size.dtype)
        np.clip(size, *group["step_sizes"], out=size)
        before[...] = np.where(turned, 0, g)
        p -= np.sign(before) * size
