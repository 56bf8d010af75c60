"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, non_negative

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

    Args:
        params: Tensors, or groups.
        lr: step size.
        lr_decay: how fast it decays: ``lr / (1 + (step - 1) * lr_decay)``.
        weight_decay: L2 penalty.
        initial_accumulator_value: what the sum starts from.
        eps: added to the root.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a negative hyper-parameter.

    Source: Duchi, Hazan and Singer 2011.
    """

    states = ("sum",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        non_negative("Adagrad", lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        non_negative("Adagrad", initial_accumulator_value=initial_accumulator_value)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``sum += g**2``; ``p -= lr * g / (sqrt(sum) + eps)``."""
        total = state["sum"]
        if step == 1:
            total[...] = group["initial_accumulator_value"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        total += g * g
        root = np.sqrt(total)
        root += group["eps"]
        change = np.divide(g, root, out=root)
        change *= group["lr"] / (1 + (step - 1) * group["lr_decay"])
        p -= change
