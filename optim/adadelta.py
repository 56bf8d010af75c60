"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import ArgumentError

from .optimizer import Optimizer, non_negative

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps in the proportion of the mean square of past steps to that of past gradients.

    Args:
        params: Tensors, or groups.
        lr: factor of the steps.
        rho: how much of the means is kept at each step.
        eps: added to both means.
        weight_decay: L2 penalty.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range.

    Source: Zeiler 2012.
    """

    states = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        non_negative("Adadelta", lr=lr, eps=eps, weight_decay=weight_decay)
        if not 0 <= rho <= 1:
            raise ArgumentError(f"Adadelta: rho must lie in [0, 1], got {rho}")
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``d = sqrt(mean(d**2) + eps) / sqrt(mean(g**2) + eps) * g``; ``p -= lr * d``."""
        rho, eps = group["rho"], group["eps"]
        squares, steps = state["square_avg"], state["acc_delta"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        squares *= rho
        squares += (1 - rho) * g * g
        d = np.sqrt(steps + eps) / np.sqrt(squares + eps) * g
        steps *= rho
        steps += (1 - rho) * d * d
        p -= group["lr"] * d
