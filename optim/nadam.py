"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, decayed, fractions, non_negative

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, on a schedule: ``beta1 * (1 - 0.96**(step * momentum_decay) / 2)``.

    Args:
        params: Tensors, or groups.
        lr: step size.
        betas: how much of the means of gradient and square is kept at each step.
        eps: added to the denominator.
        weight_decay: L2 penalty; with ``decoupled_weight_decay`` the decay of ``AdamW``.
        momentum_decay: how fast the momentum grows to ``beta1``.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range.

    Source: Dozat 2016. The product of all momenta so far is kept in double precision (PyTorch keeps it in single).
    """

    states = ("exp_avg", "exp_avg_sq")
    numbers = {"step": 0, "mu_product": 1.0}  # noqa: RUF012 (typed in the base)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        non_negative("NAdam", lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        fractions("NAdam", betas)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``p -= lr * ((1 - mu) / (1 - product) * g + next / (1 - product * next) * m) / (sqrt(v_hat) + eps)``."""
        beta1, beta2 = group["betas"]
        m, v, lr = state["exp_avg"], state["exp_avg_sq"], group["lr"]
        g = decayed(p, g, group)
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        state["mu_product"] *= mu
        product = state["mu_product"]
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        denominator = np.sqrt(v / (1 - beta2**step)) + group["eps"]
        p -= lr * ((1 - mu) / (1 - product) * g + following / (1 - product * following) * m) / denominator
