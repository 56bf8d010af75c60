"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer, decayed, fractions, non_negative

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    ``m = b1 * m + (1 - b1) * g`` and ``v = b2 * v + (1 - b2) * g**2``, both corrected for their start at 0 as
    ``m_hat = m / (1 - b1**t)`` and ``v_hat = v / (1 - b2**t)``; then ``p -= lr * m_hat / (sqrt(v_hat) + eps)``.

    Args:
        params: Tensors, or groups.
        lr: step size (learning rate).
        betas: ``(b1, b2)``: how much of the two means is kept at each step.
        eps: added to the denominator.
        weight_decay: L2 penalty, part of the gradient; with ``decoupled_weight_decay`` a share of the parameter itself
            that is taken off, as in ``AdamW``.
        amsgrad: divide by the largest mean square so far.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range.

    Source: Kingma and Ba 2015; amsgrad: Reddi et al. 2018.

    >>> import autograd, optim
    >>> w = autograd.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w
    tensor([0.7016], requires_grad=True)
    """

    states = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        title = type(self).__name__
        non_negative(title, lr=lr, eps=eps, weight_decay=weight_decay)
        fractions(title, betas)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def used_states(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The two means, and for amsgrad the largest mean square."""
        return self.states if group["amsgrad"] else self.states[:2]

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``m, v`` = means of ``g, g**2``; ``p -= lr * m_hat / (sqrt(v_hat) + eps)``, hats for the start from zero."""
        beta1, beta2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        start1, start2 = 1 - beta1**step, (1 - beta2**step) ** 0.5
        g = decayed(p, g, group)
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        square = g * (1 - beta2)
        square *= g  # g * g would overflow earlier
        v += square
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        denominator = np.sqrt(v, out=square)
        denominator += group["eps"] * start2
        change = np.divide(m, denominator, out=denominator)
        change *= group["lr"] * start2 / start1
        p -= change
