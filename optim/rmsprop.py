"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, non_negative

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps divided by the root of the gradient's mean square.

    Args:
        params: Tensors, or groups.
        lr: step size.
        alpha: how much of the mean is kept at each step.
        eps: added to the root.
        weight_decay: L2 penalty.
        momentum: the share of the last step that is kept.
        centered: divide by the deviation instead, the root of the mean square less the squared mean.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a negative hyper-parameter.

    Source: Tieleman and Hinton 2012; centered: Graves 2013.
    """

    states = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        non_negative("RMSprop", lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def used_states(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The mean square; the momentum and the mean, if they are asked for."""
        square, momentum, mean = self.states
        return (square, *([momentum] if group["momentum"] else []), *([mean] if group["centered"] else []))

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``v`` = mean of ``g**2``; ``b = momentum * b + g / (sqrt(v) + eps)``; ``p -= lr * b``."""
        alpha, v = group["alpha"], state["square_avg"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        v *= alpha
        v += (1 - alpha) * g * g
        if group["centered"]:
            mean = state["grad_avg"]
            mean += (1 - alpha) * (g - mean)
            v = v - mean * mean
        change = g / (np.sqrt(v) + group["eps"])
        if group["momentum"]:
            b = state["momentum_buffer"]
            b *= group["momentum"]
            b += change
            change = b
        p -= group["lr"] * change
