"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd import ArgumentError, Tensor, enable_grad
from autograd.engine.mutation import stamp
from autograd.engine.nodes import new_tensor

from .flat import real_view
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, non_negative

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Newton's method with the curvature estimated from the last steps; for full batches, with a closure.

    Args:
        params: Tensors; one group.
        lr: length of a step, in Newton steps.
        max_iter: iterations in a call of ``step``.
        max_eval: evaluations of the closure in a call (default: ``max_iter * 5 // 4``).
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when a step changes neither a parameter nor the value by more.
        history_size: how many steps are remembered.
        line_search_fn: ``"strong_wolfe"`` searches the best step length, None always takes ``lr``.

    Raises:
        ValueError: a hyper-parameter outside its range, or several groups.

    Source: Liu and Nocedal 1989.

    >>> import autograd, optim
    >>> x = autograd.tensor([-1.0, 2.0], dtype=autograd.float64, requires_grad=True)
    >>> optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=50)
    >>> def rosenbrock():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(rosenbrock)
    >>> x
    tensor([1.0000, 1.0000], dtype=float64, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        non_negative("LBFGS", lr=lr)
        if line_search_fn not in (None, "strong_wolfe"):
            raise ArgumentError(f"LBFGS: line_search_fn is None or 'strong_wolfe', got {line_search_fn!r}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the group.

        Raises:
            ValueError: there is one already.
        """
        if self.param_groups:
            raise ArgumentError("LBFGS: it has one group of parameters and cannot have another")
        super().add_param_group(param_group)

    # ---- parameters and gradients as one vector ------------------------------------------------------------------

    def _values(self) -> list[Any]:
        """What the vector is made of: a buffer that has all parameters in their order, or each by itself."""
        blocks = self._ready(0)
        for block in blocks:
            if not block.ready():
                raise ArgumentError("LBFGS: a parameter changed its dtype or shape during the step")
        if len(blocks) == 1:
            return [real_view(blocks[0].data)]
        return [real_view(np.ravel(p._data)) for p in self.param_groups[0]["params"]]

    def _vector(self) -> Any:
        return np.concatenate(self._values())

    def _assign(self, x: Any) -> None:
        start = 0
        for values in self._values():
            values[...] = x[start : start + len(values)]
            start += len(values)
            stamp(values)

    def _gradient(self) -> Any:
        grads = [
            np.zeros(p.shape, p.dtype) if p._grad is None else p._grad._data for p in self.param_groups[0]["params"]
        ]
        return np.concatenate([real_view(np.ravel(g)) for g in grads])

    # ---- the step ------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Iterate until a tolerance is met, or the iterations or evaluations are used up.

        Args:
            closure: clears the gradients, computes the loss anew, with gradients, and returns it.

        Returns:
            What ``closure`` returned first.
        """
        if not callable(closure):
            raise TypeError("LBFGS: step needs a closure that computes the loss anew: optimizer.step(closure)")
        group = self.param_groups[0]
        lr, tolerance, searches = float(group["lr"]), group["tolerance_change"], group["line_search_fn"] is not None
        memory = _Memory.of(self.state[group["params"][0]], group["history_size"])

        def evaluated() -> tuple[Any, Any]:
            with enable_grad():
                loss = closure()
            return loss, self._gradient()

        def loss_at(vector: Any) -> tuple[Any, Any]:
            self._assign(vector)
            return evaluated()

        first, g = evaluated()
        value, evaluations = float(first), 1
        memory.evaluations += 1
        try:
            if _largest(g) <= group["tolerance_grad"]:
                return first
            for iteration in range(1, group["max_iter"] + 1):
                d = memory.direction(g)
                memory.gradient, memory.value, before = g, value, value
                t = min(1.0, 1 / (float(np.sum(np.abs(g))) or 1.0)) * lr if memory.iterations == 1 else lr
                memory.t = t
                slope = float(g @ d)
                if slope > -tolerance:
                    break
                spent = 0
                x = self._vector()  # the closure may have changed the parameters, to keep them in bounds
                if searches:
                    here, left = Point(0.0, value, slope, g), group["max_eval"] - evaluations
                    point, spent = _searched(loss_at, x, d, here, t, left)
                    t, value, g = point.t, point.value, point.gradient
                    memory.t = t
                self._assign(x + t * d)
                if not searches and iteration < group["max_iter"]:  # the next call would evaluate there anyway
                    loss, g = evaluated()
                    value, spent = float(loss), 1
                evaluations += spent
                memory.evaluations += spent
                if (
                    evaluations >= group["max_eval"]
                    or _largest(g) <= group["tolerance_grad"]
                    or _largest(t * d) <= tolerance
                    or abs(value - before) < tolerance
                ):
                    break
        finally:
            memory.save(self.state[group["params"][0]])
        return first


def _searched(
    loss_at: Callable[[Any], tuple[Any, Any]], x: Any, d: Any, here: Point, t: float, max_evaluations: int
) -> tuple[Point, int]:
    """The point on the line from ``x`` along ``d`` where to go, and how many evaluations that took."""

    def point_at(t: float) -> Point:
        loss, gradient = loss_at(x + t * d)
        return Point(t, float(loss), float(gradient @ d), gradient)

    return strong_wolfe(point_at, here, t, d, 1e-9, max_evaluations)


def _largest(array: Any) -> float:
    return float(np.max(np.abs(array))) if array.size else 0.0


class _Memory:
    """What is remembered from iteration to iteration, in PyTorch's names for it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.evaluations = self.iterations = 0
        self.d: Any = None
        self.t: float = 0.0
        self.changes: list[Any] = []
        self.steps: list[Any] = []
        self.weights: list[float] = []
        self.scale = 1.0
        self.gradient: Any = None
        self.value = 0.0
        self.shares: list[float] = []

    @staticmethod
    def of(state: dict[str, Any], size: int) -> _Memory:
        memory = _Memory(size)
        memory.evaluations, memory.iterations = int(state.get("func_evals", 0)), int(state.get("n_iter", 0))
        if state.get("prev_flat_grad") is not None:
            memory.d, memory.t, memory.gradient = _array(state["d"]), float(state["t"]), _array(state["prev_flat_grad"])
            memory.changes, memory.steps = ([_array(item) for item in state[key]] for key in ("old_dirs", "old_stps"))
            memory.weights = [float(item) for item in state["ro"]]
            memory.scale, memory.value = float(state["H_diag"]), float(state["prev_loss"])
        return memory

    def save(self, state: dict[str, Any]) -> None:
        state.update(func_evals=self.evaluations, n_iter=self.iterations)
        if self.iterations > 1:
            state["al"] = [*self.shares, *[None] * (self.size - len(self.shares))]
        if self.gradient is not None:
            state.update(
                d=new_tensor(self.d),
                t=self.t,
                old_dirs=[new_tensor(y) for y in self.changes],
                old_stps=[new_tensor(s) for s in self.steps],
                ro=list(self.weights),
                H_diag=self.scale,
                prev_flat_grad=new_tensor(self.gradient),
                prev_loss=self.value,
            )

    def direction(self, g: Any) -> Any:
        """Minus the gradient ``g`` times the estimated inverse curvature, into which the last step enters first."""
        self.iterations += 1
        if self.gradient is None:
            self.d = -g
            return self.d
        y, s = g - self.gradient, self.t * self.d
        curvature = float(y @ s)
        if curvature > 1e-10:
            if len(self.changes) == self.size:
                del self.changes[0], self.steps[0], self.weights[0]
            self.changes.append(y)
            self.steps.append(s)
            self.weights.append(1 / curvature)
            self.scale = curvature / float(y @ y)
        q = -g
        shares = self.shares = [0.0] * len(self.changes)
        for i in reversed(range(len(self.changes))):
            shares[i] = self.weights[i] * float(self.steps[i] @ q)
            q -= shares[i] * self.changes[i]
        q *= self.scale
        for i, share in enumerate(shares):
            q += (share - self.weights[i] * float(self.changes[i] @ q)) * self.steps[i]
        self.d = q
        return q


def _array(value: Any) -> Any:
    return value._data if isinstance(value, Tensor) else np.asarray(value)
