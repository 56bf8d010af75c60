"""ASGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .optimizer import Optimizer, non_negative

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Gradient descent with decaying steps, which also keeps the mean of the parameters it passed, in ``state``.

    Args:
        params: Tensors, or groups.
        lr: step size.
        lambd: decay of parameters and step size.
        alpha: power with which the step size decays.
        t0: the step from which on the mean is taken.
        weight_decay: L2 penalty.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a negative ``lr`` or ``weight_decay``.

    Source: Polyak and Juditsky 1992. The mean is ``state[p]["ax"]``. The step size is kept in double precision
    (PyTorch keeps it in single).
    """

    states = ("ax",)
    numbers = {"step": 0, "eta": 0.0, "mu": 1.0}  # noqa: RUF012 (typed in the base)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        non_negative("ASGD", lr=lr, weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``p -= eta * (g + lambd * p)``; the mean moves to ``p`` by the share ``mu``; then the next eta and mu."""
        lr, lambd, mean, mu = group["lr"], group["lambd"], state["ax"], state["mu"]
        eta = lr if step == 1 else state["eta"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        p *= 1 - lambd * eta
        p -= eta * g
        if mu == 1:
            mean[...] = p
        else:
            mean += mu * (p - mean)
        state["eta"] = lr / (1 + lambd * lr * step) ** group["alpha"]
        state["mu"] = 1 / max(1, step - group["t0"])
