"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import ArgumentError

from .optimizer import Optimizer, non_negative

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Steps divided by the root of the mean square, of which for a matrix only row and column means are kept.

    Args:
        params: Tensors, or groups; real.
        lr: the largest relative step size.
        beta2_decay: the power with which the weight of a new square in the means decays.
        eps: smallest mean square (None: the dtype's), smallest size of a parameter that a step is relative to.
        d: the largest root mean square of a step, in step sizes.
        weight_decay: the decay of ``AdamW``.
        maximize: step along the gradient, not against it.

    Raises:
        ValueError: a hyper-parameter outside its range, or a complex parameter.

    Source: Shazeer and Stern 2018.
    """

    states = ("row_var", "col_var", "variance")
    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        non_negative("Adafactor", lr=lr, weight_decay=weight_decay)
        if not beta2_decay <= 0:
            raise ArgumentError(f"Adafactor: beta2_decay must not be positive, got {beta2_decay}")
        if not all(value is None or value >= 0 for value in eps):
            raise ArgumentError(f"Adafactor: eps must not be negative, got {eps}")
        if not d >= 1:
            raise ArgumentError(f"Adafactor: d must be at least 1, got {d}")
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def _check(self, params: list[Any]) -> None:
        super()._check(params)
        for i, p in enumerate(params):
            if p.is_complex():
                raise ArgumentError(f"Adafactor: parameter {i} (shape {p.shape}) is complex; it takes real ones")

    def shapes(self, shape: tuple[int, ...], group: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """A mean for each row and each column of the last two dimensions; for a vector one for each element."""
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """``v = row @ col / mean(row)``; ``u = g / sqrt(v)``, shortened to ``d``; ``p -= rho * rms(p) * u``."""
        smallest, least = group["eps"]
        smallest = float(np.finfo(p.dtype).eps) if smallest is None else smallest
        share = step ** group["beta2_decay"]
        size = np.fmax(least, _rms(p)).item() * min(group["lr"], step**-0.5)
        if group["weight_decay"]:
            p *= 1 - group["lr"] * group["weight_decay"]
        square = g * g
        if p.ndim > 1:
            row, column = state["row_var"], state["col_var"]
            row += share * (np.mean(square, -1, keepdims=True) - row)
            column += share * (np.mean(square, -2, keepdims=True) - column)
            v = row * column / np.maximum(np.mean(row, -2, keepdims=True), smallest)
        else:
            v = state["variance"]
            v += share * (square - v)
        change = g / np.sqrt(np.maximum(v, smallest**2))
        change *= size / np.fmax(1.0, _rms(change) / group["d"]).item()
        p -= change


def _rms(array: Any) -> float:
    return (np.vdot(array, array).item() / array.size) ** 0.5 if array.size else 0.0
