"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, decayed, fractions, non_negative

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam that starts as plain momentum, until the mean square rests on enough gradients to divide by it.

    Args:
        params: Tensors, or groups.
        lr: step size.
        betas: how much of the means of gradient and square is kept at each step.
        eps: added to the denominator.
        weight_decay: L2 penalty; with ``decoupled_weight_decay`` the decay of ``AdamW``.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range.

    Source: Liu et al. 2020.
    """

    states = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        non_negative("RAdam", lr=lr, eps=eps, weight_decay=weight_decay)
        fractions("RAdam", betas)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``p -= lr * m_hat * r / (sqrt(v_hat) + eps)`` once the mean is ``rho > 5`` long, before ``lr * m_hat``."""
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        g = decayed(p, g, group)
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        change = group["lr"] / (1 - beta1**step) * m
        longest = 2 / (1 - beta2) - 1
        rho = longest - 2 * step * beta2**step / (1 - beta2**step)
        if rho > 5:
            r = ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5
            change *= r * (1 - beta2**step) ** 0.5
            change /= np.sqrt(v) + group["eps"]
        p -= change
