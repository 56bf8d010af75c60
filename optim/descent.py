"""``minimize``: follow an optimizer down a function and keep the path."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import ArgumentError, Tensor, backward, tensor

from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["Minimum", "minimize"]


class Minimum(NamedTuple):
    """What ``minimize`` found.

    Attributes:
        x, fun, grad: the last point, and value and gradient there, as arrays.
        steps: how many steps led there.
        converged: whether the gradient's norm fell to the tolerance.
        path, values: every visited point and its value, from the start on: ``steps + 1`` of them.
        message: why it stopped.
    """

    x: Any
    fun: float
    grad: Any
    steps: int
    converged: bool
    path: Any
    values: Any
    message: str

    def __repr__(self) -> str:
        x = np.array2string(self.x, precision=6, threshold=10, separator=", ")
        norm = float(np.linalg.norm(self.grad))
        state = "converged" if self.converged else "not converged"
        return f"Minimum(x={x}, fun={self.fun:.6g}, |grad|={norm:.3g}, steps={self.steps}, {state}: {self.message})"


def minimize(
    fun: Callable[[Tensor], Any],
    x0: Any,
    optimizer: Callable[[list[Tensor]], Optimizer] | None = None,
    *,
    tol: float = 1e-6,
    max_steps: int = 1000,
    callback: Callable[[int, Any, float], Any] | None = None,
) -> Minimum:
    """Walk down ``fun`` from ``x0`` until the norm of its gradient is at most ``tol``.

    Args:
        fun: takes a Tensor like ``x0`` and returns a Tensor of one element.
        x0: where to start: a number, list, array or Tensor; numbers, lists and integers become float64.
        optimizer: makes an optimizer of a list of Tensors: a class such as ``optim.Adam``, or
            ``lambda params: optim.SGD(params, lr=0.1, momentum=0.9)``. Default: ``optim.SGD`` with ``lr=0.1``.
            (``optim.LBFGS`` stops moving by a tolerance of its own: give it ``tolerance_change=0``.)
        tol: how small the gradient's Euclidean norm must be.
        max_steps: stop after this many steps.
        callback: called as ``callback(steps, x, value)`` at every visited point; if it returns True, that is the last.

    Returns:
        A ``Minimum``; one that did not converge says why.

    Raises:
        TypeError: ``fun`` returned no Tensor.
        ShapeError, GradientError: ... of several elements, or one that does not depend on the argument.

    >>> import optim
    >>> found = optim.minimize(lambda x: x**2 + 2 * x + 3, 4.0)
    >>> found
    Minimum(x=-1., fun=2, |grad|=8.42e-07, steps=73, converged: the gradient's norm is at most 1e-06)
    >>> found.path.shape
    (74,)
    """
    if max_steps < 0 or not tol >= 0:
        raise ArgumentError(
            f"minimize: tol and max_steps must not be negative, got tol={tol} and max_steps={max_steps}"
        )
    x = _start(x0)
    made = SGD([x], lr=0.1) if optimizer is None else optimizer([x])
    if not isinstance(made, Optimizer):
        raise TypeError(f"minimize: optimizer must make an Optimizer of a list of Tensors, got {type(made).__name__}")
    path: list[Any] = []
    values: list[float] = []
    stopped = False

    def evaluate() -> Any:
        made.zero_grad()
        with np.errstate(all="ignore"):  # what is not finite is reported in the end
            value = fun(x)
        if not isinstance(value, Tensor):
            raise TypeError(f"minimize: fun must return a Tensor of one element, got {type(value).__name__}")
        backward(value)
        return value

    value = evaluate()
    while True:
        point, steps = x.detach().numpy().copy(), len(path)
        path.append(point)
        values.append(float(value))
        grad = np.zeros_like(point) if x.grad is None else x.grad.numpy().copy()
        with np.errstate(over="ignore", invalid="ignore"):
            norm = float(np.linalg.norm(grad))
        if callback is not None:
            stopped = callback(steps, point.copy(), values[-1]) is True
        finite = math.isfinite(values[-1]) and math.isfinite(norm)
        if not finite or norm <= tol or stopped or steps == max_steps:
            break
        made.step(_first_known(value, evaluate))
        value = evaluate()
    message = _why_stopped(values[-1], norm, tol, steps, stopped)
    return Minimum(point, values[-1], grad, steps, finite and norm <= tol, np.stack(path), np.array(values), message)


def _start(x0: Any) -> Tensor:
    """The Tensor that is moved: a copy of ``x0``."""
    start = x0.detach().numpy() if isinstance(x0, Tensor) else np.asarray(x0)
    keeps = hasattr(x0, "dtype") and start.dtype.kind == "f"
    return tensor(start if keeps else start.astype(np.float64), requires_grad=True)


def _why_stopped(value: float, norm: float, tol: float, steps: int, by_callback: bool) -> str:
    """What ``Minimum.message`` says."""
    if not (math.isfinite(value) and math.isfinite(norm)):
        what = "the gradient" if math.isfinite(value) else "the value"
        return f"{what} is not finite after step {steps}; try a smaller step size, or another start"
    if norm <= tol:
        return f"the gradient's norm is at most {tol:g}"
    if by_callback:
        return f"the callback stopped it after step {steps}"
    return f"the gradient's norm is still {norm:.3g} after {steps} steps"


def _first_known(value: Any, evaluate: Callable[[], Any]) -> Callable[[], Any]:
    """A closure for ``step``: the first evaluation that the optimizer asks for is made already."""
    known = [value]
    return lambda: known.pop() if known else evaluate()
