"""Muon."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import ArgumentError

from .optimizer import Optimizer, non_negative

__all__ = ["Muon"]


class Muon(Optimizer):
    """Momentum whose steps are made nearly orthogonal, for the weight matrices of hidden layers.

    Args:
        params: Tensors, or groups; real matrices only (the others want another optimizer, such as AdamW).
        lr: step size.
        weight_decay: the decay of ``AdamW``.
        momentum: how much of the gradient's mean is kept at each step.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the polynomial ``a x + b x^3 + c x^5`` that draws all singular values towards 1.
        eps: smallest norm to divide by.
        ns_steps: how often the polynomial is applied.
        adjust_lr_fn: what multiplies the step size: ``sqrt(max(1, rows / columns))`` for ``"original"`` or None,
            ``0.2 * sqrt(max(rows, columns))`` for ``"match_rms_adamw"``.

    Raises:
        ValueError: a hyper-parameter outside its range, or a parameter that is not a real matrix.

    Source: Jordan et al. 2024. The polynomial is computed in the parameter's dtype (PyTorch uses bfloat16, and so
    differs in the third digit of a step).
    """

    states = ("momentum_buffer",)
    numbers = {}  # noqa: RUF012 (typed in the base)
    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        non_negative("Muon", lr=lr, weight_decay=weight_decay, momentum=momentum)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ArgumentError(f"Muon: adjust_lr_fn is None, 'original' or 'match_rms_adamw', got {adjust_lr_fn!r}")
        if len(ns_coefficients) != 3:
            raise ArgumentError(f"Muon: ns_coefficients are three numbers, got {ns_coefficients}")
        if not 0 <= ns_steps < 100:
            raise ArgumentError(f"Muon: ns_steps must lie in [0, 100), got {ns_steps}")
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )

    def _check(self, params: list[Any]) -> None:
        super()._check(params)
        for i, p in enumerate(params):
            if p.ndim != 2 or p.is_complex():
                raise ArgumentError(
                    f"Muon: parameter {i} has shape {p.shape} and dtype {p.dtype}, but it takes real matrices; give "
                    "the others to another optimizer, such as AdamW"
                )

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``b`` = mean of ``g``; ``p -= lr * orthogonal(b)``, with Nesterov of a mean of ``g`` and ``b``."""
        mean, momentum, lr = state["momentum_buffer"], group["momentum"], group["lr"]
        mean += (1 - momentum) * (g - mean)
        direction = g + momentum * (mean - g) if group["nesterov"] else mean
        p *= 1 - lr * group["weight_decay"]
        p -= lr * _scale(p.shape, group["adjust_lr_fn"]) * _orthogonal(direction, group)


def _scale(shape: tuple[int, int], rule: str | None) -> float:
    rows, columns = shape
    return 0.2 * math.sqrt(max(shape)) if rule == "match_rms_adamw" else math.sqrt(max(1.0, rows / max(1, columns)))


def _orthogonal(x: Any, group: dict[str, Any]) -> Any:
    """``U @ V.T`` of the singular value decomposition of ``x``, roughly, by Newton and Schulz's iteration."""
    a, b, c = group["ns_coefficients"]
    if x.shape[0] > x.shape[1]:
        return _orthogonal(x.T, group).T
    x = x / np.maximum(np.linalg.norm(x).item(), group["eps"]).item()
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
