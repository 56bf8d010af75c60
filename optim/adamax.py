"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, fractions, non_negative

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root of the mean square.

    Args:
        params: Tensors, or groups.
        lr: step size.
        betas: how much of the mean, and of the maximum, is kept at each step.
        eps: added to the gradient's size.
        weight_decay: L2 penalty.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range.

    Source: Kingma and Ba 2015, section 7.1.
    """

    states = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        non_negative("Adamax", lr=lr, eps=eps, weight_decay=weight_decay)
        fractions("Adamax", betas)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``m`` = mean of ``g``; ``u = max(beta2 * u, |g| + eps)``; ``p -= lr * m_hat / u``."""
        beta1, beta2 = group["betas"]
        m, u = state["exp_avg"], state["exp_inf"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        m *= beta1
        m += (1 - beta1) * g
        u *= beta2
        np.maximum(u, np.abs(g) + group["eps"], out=u)
        p -= group["lr"] / (1 - beta1**step) * m / u
