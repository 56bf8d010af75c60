"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import ArgumentError

from .optimizer import Optimizer, non_negative

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with classical or Nesterov momentum.

    Args:
        params: Tensors, or groups.
        lr: step size.
        momentum: the share of the last step that is kept.
        dampening: the share of the gradient that is left out of the momentum.
        weight_decay: L2 penalty.
        nesterov: look ahead along the momentum.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a negative hyper-parameter, or Nesterov without momentum.

    Source: Sutskever et al. 2013, in PyTorch's form (the step size multiplies the momentum).

    >>> import autograd, optim
    >>> w = autograd.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    states = ("momentum_buffer",)
    numbers = {}  # noqa: RUF012 (typed in the base)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        non_negative("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ArgumentError("SGD: nesterov needs a momentum above 0 and dampening=0")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def used_states(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The momentum, if there is one."""
        return self.states if group["momentum"] else ()

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``b = momentum * b + (1 - dampening) * g``, ``p -= lr * b``."""
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if momentum:
            b = state["momentum_buffer"]
            if step == 1:
                b[...] = g
            else:
                b *= momentum
                b += (1 - group["dampening"]) * g if group["dampening"] else g
            g = g + momentum * b if group["nesterov"] else b
        p -= group["lr"] * g
