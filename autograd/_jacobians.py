"""Jacobians of functions of Tensors, by backward, in forward mode and by differences, in real coordinates.

Arrays are looked at as vectors of real coordinates (a complex number is two), so that one comparison
serves all: ``v . J . u`` from backward or forward mode against the central difference of ``v . f`` along ``u``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._gradients import grad
from .engine.failures import describe
from .engine.nodes import Handle, new_tensor
from .engine.order import collect_to
from .engine.push import push
from .engine.views import node_of
from .errors import ArgumentError, GradcheckError
from .numerical import extrapolate

__all__ = [
    "FULL",
    "Problem",
    "Tolerances",
    "badness",
    "basis",
    "checked_inputs",
    "direction",
    "entry",
    "from_real",
    "gradients_of",
    "has_kink",
    "index_text",
    "locate",
    "outputs_of",
    "seeds_for",
    "to_real",
]

FULL = 64
"""Up to this many elements of an input or output all are compared one by one; of more, random directions."""
DIRECTIONS = 8


class Tolerances(NamedTuple):
    """The step of the differences, and how near the gradients must come.

    Attributes:
        eps: the step.
        atol, rtol: the absolute and the relative tolerance.
        nondet: how much two runs of the same gradient may differ.
        full: up to this many elements all are compared.
    """

    eps: float
    atol: float
    rtol: float
    nondet: float
    full: int

    def __str__(self) -> str:
        return f"atol={self.atol:g} + rtol={self.rtol:g} * abs(numerical)"

    def fits(self, analytic: Any, numerical: Any) -> Any:
        """Where two arrays agree; NaN agrees with nothing."""
        near = np.abs(analytic - numerical) <= self.atol + self.rtol * np.abs(numerical)
        return near | (analytic == numerical)


def checked_inputs(inputs: Sequence[Any]) -> list[int]:
    """Which of the inputs are to be checked. Raises: ValueError if none requires grad."""
    found = [i for i, value in enumerate(inputs) if isinstance(value, Handle) and value._node is not None]
    if not found:
        raise ArgumentError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    return found


def outputs_of(result: Any) -> list[Any]:
    """The outputs that can have a gradient."""
    if isinstance(result, Handle):
        result = (result,)
    if not isinstance(result, (tuple, list)) or not all(isinstance(item, Handle) for item in result):
        raise ArgumentError(
            f"gradcheck: func must return a Tensor or a tuple of Tensors, it returned {type(result).__name__}"
        )
    found = [item for item in result if item._data.dtype.kind in "fc"]
    if not found:
        raise ArgumentError(
            "gradcheck: func returned no Tensor of floating or complex dtype, so there is no gradient to check"
        )
    return found


def gradients_of(func: Callable[..., Any], count: int, checked: list[int]) -> Callable[..., Any]:
    """The function from ``func``'s inputs and the gradients of its outputs to the gradients of its inputs."""

    def gradients(*args: Any) -> Any:
        inputs, seeds = args[:count], args[count:]
        outputs = outputs_of(func(*inputs))
        reached = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if out._node is not None]
        targets = [inputs[i] for i in checked]
        found = grad(
            [out for out, _ in reached], targets, [seed for _, seed in reached], create_graph=True, allow_unused=True
        )
        return tuple(g for g in found if g is not None)

    return gradients


def seeds_for(outputs: list[Any], gaps: bool) -> tuple[Any, ...]:
    """A Tensor that requires grad for each output, its numbers between 0.5 and 1.5 in size."""
    rng = np.random.default_rng(0)
    seeds = []
    for out in outputs:
        data = from_real(direction(rng, to_real(out._data).size), out._data)
        if gaps:
            data = np.repeat(data[..., None], 2, axis=-1)[..., 0]
        seeds.append(new_tensor(data).requires_grad_())
    return tuple(seeds)


def direction(rng: np.random.Generator, size: int) -> Any:
    """A random vector none of whose components is near 0: no error can hide behind it."""
    return rng.uniform(0.5, 1.5, size) * rng.choice([-1.0, 1.0], size)


def to_real(array: Any) -> Any:
    """The real coordinates of an array."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype.kind == "c":
        return flat.astype(np.complex128).view(np.float64)
    return flat.astype(np.float64)


def from_real(vector: Any, like: Any) -> Any:
    """The array of ``like``'s shape and dtype with these real coordinates."""
    if like.dtype.kind == "c":
        vector = np.ascontiguousarray(vector).view(np.complex128)
    return vector.astype(like.dtype).reshape(like.shape)


class Problem:
    """``func`` at ``inputs``, in real coordinates.

    The steps are taken by giving the Tensors themselves other arrays for the time of a call, so that they are also
    seen by a function that holds an input in its closure, such as a module that holds its parameters.

    Attributes:
        checked: which inputs are; ``start``: their values.
        forward: whether its derivatives are those in forward mode; else those by backward.
        forms: the shapes and dtypes of the outputs, which must be the same in all calls.
    """

    def __init__(self, func: Callable[..., Any], inputs: tuple[Any, ...], forward: bool = False) -> None:
        self.func = func
        self.inputs = inputs
        self.forward = forward
        self.checked = checked_inputs(inputs)
        self.start = {i: to_real(inputs[i]._data) for i in self.checked}
        self.forms: list[str] | None = None

    def outputs(self) -> list[Any]:
        """The outputs as Tensors. Raises: GradcheckError if they are of other shapes or dtypes than before."""
        outputs = outputs_of(self.func(*self.inputs))
        forms = [describe(out._data) for out in outputs]
        if forms != (self.forms or forms):
            raise GradcheckError(
                f"gradcheck: func returned {', '.join(forms)}, and {', '.join(self.forms or ())} before: the shapes "
                "and dtypes of its outputs must not depend on the values of its inputs, nor vary from call to call"
            )
        self.forms = forms
        return outputs

    def in_forward_mode(self) -> Problem:
        """The same function at the same inputs, where derivatives are those in forward mode."""
        moving = Problem(self.func, self.inputs, forward=True)
        moving.forms = self.forms
        return moving

    def values(self) -> list[Any]:
        """The outputs in real coordinates."""
        return [to_real(out._data) for out in self.outputs()]

    def moved(self, i: int, step: Any) -> list[Any]:
        """The outputs with input ``i`` moved by ``step``."""
        tensor = self.inputs[i]
        kept = tensor._data
        tensor._data = from_real(self.start[i] + step, kept)
        try:
            return self.values()
        finally:
            tensor._data = kept

    def differences(self, i: int, u: Any, eps: float) -> list[Any]:
        """The derivative of each output along ``u`` of input ``i``, by a central difference."""
        above, below = self.moved(i, eps * u), self.moved(i, -eps * u)
        return [(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)]

    def pulled(self, outputs: list[Any], j: int, v: Any) -> dict[int, Any]:
        """For each checked input the gradient of ``v . output j`` by backward."""
        out = outputs[j]
        if out._node is None:
            return {i: np.zeros(start.size) for i, start in self.start.items()}
        seed = new_tensor(from_real(v, out._data))
        found = grad(out, [self.inputs[i] for i in self.checked], seed, retain_graph=True, allow_unused=True)
        gradients = {}
        for i, g in zip(self.checked, found, strict=True):
            gradients[i] = np.zeros(self.start[i].size) if g is None else to_real(g._data)
        return gradients

    def carried(self, outputs: list[Any], tangents: dict[int, Any]) -> list[Any]:
        """How the outputs move in forward mode, as arrays, with inputs that move along these arrays."""
        places = [node_of(out) for out in outputs]
        nodes = {i: node_of(self.inputs[i]) for i in self.checked}
        moves: dict[Any, Any] = {nodes[i]: t for i, t in tangents.items()}
        push(collect_to([p for p in places if p is not None], set(nodes.values())), moves, False, places)
        found = [moves.get(place) for place in places]
        return [np.zeros_like(out._data) if t is None else t for t, out in zip(found, outputs, strict=True)]

    def pushed(self, outputs: list[Any], directions: dict[int, Any]) -> list[Any]:
        """``carried``, all in real coordinates."""
        tangents = {i: from_real(u, self.inputs[i]._data) for i, u in directions.items()}
        return [to_real(t) for t in self.carried(outputs, tangents)]

    def product(self, outputs: list[Any], j: int, v: Any, i: int, u: Any) -> float:
        """``v . J . u`` of output ``j`` and input ``i``."""
        return float(v @ self.pushed(outputs, {i: u})[j] if self.forward else self.pulled(outputs, j, v)[i] @ u)

    def products(
        self, outputs: list[Any], ways: dict[int, Any], directions: dict[int, Any]
    ) -> dict[tuple[int, int], Any]:
        """By input ``i`` and output ``j``, ``v . J . u`` of all ``v`` in ``ways[j]`` and ``u`` in ``directions[i]``."""
        found: dict[tuple[int, int], Any] = {}
        if self.forward:
            for i, columns in directions.items():
                moved = [(self.pushed(outputs, {i: u * size}), size) for u, size in _scaled(columns)]
                for j, rows in ways.items():
                    found[i, j] = np.array([rows @ (moves[j] / size) for moves, size in moved]).T
            return found
        for j, rows in ways.items():
            pulled = [(self.pulled(outputs, j, v * size), size) for v, size in _scaled(rows)]
            for i, columns in directions.items():
                found[i, j] = np.array([columns @ (gradients[i] / size) for gradients, size in pulled])
        return found

    def element(self, outputs: list[Any], j: int, k: int, i: int, m: int) -> float:
        """The derivative of coordinate ``k`` of output ``j`` by coordinate ``m`` of input ``i``."""
        if self.forward:
            return float(self.pushed(outputs, {i: _unit(self.start[i].size, m, 2.0)})[j][k]) / 2
        return float(self.pulled(outputs, j, _unit(to_real(outputs[j]._data).size, k, 2.0))[i][m]) / 2


def _unit(size: int, place: int, value: float = 1.0) -> Any:
    vector = np.zeros(size)
    vector[place] = value
    return vector


def _scaled(rows: Any) -> list[tuple[Any, float]]:
    """Each row and a factor for it: other than 1 it shows a rule that is not linear; powers of two are exact."""
    return list(zip(rows, np.resize([-2.0, 0.5, 4.0], len(rows)).tolist(), strict=True))


def basis(rng: np.random.Generator, size: int, full: int) -> Any:
    """Rows to compare along: the unit vectors, or some random directions if there are more than ``full``."""
    if size <= full:
        return np.eye(size)
    return np.stack([direction(rng, size) for _ in range(DIRECTIONS)])


def badness(analytic: Any, numerical: Any) -> Any:
    """How far two arrays are apart, infinitely where one is NaN."""
    return np.nan_to_num(np.abs(analytic - numerical), nan=np.inf, posinf=np.inf) + 1e-300


def locate(problem: Problem, outputs: list[Any], i: int, j: int, v: Any, u: Any, eps: float) -> tuple[int, int]:
    """A coordinate of output ``j`` and one of input ``i`` where a mismatch along ``v`` and ``u`` shows, by halving."""

    def mismatch(v: Any, u: Any) -> float:
        numerical = v @ problem.differences(i, u, eps)[j]
        return float(badness(problem.product(outputs, j, v, i, u), numerical))

    def halve(vector: Any, size_of: Callable[[Any], float]) -> Any:
        support = np.flatnonzero(vector)
        while len(support) > 1:
            halves = [np.zeros_like(vector), np.zeros_like(vector)]
            for half, part in zip(halves, np.array_split(support, 2), strict=True):
                half[part] = vector[part]
            vector = max(halves, key=size_of)
            support = np.flatnonzero(vector)
        return vector

    u = halve(u, lambda half: mismatch(v, half))
    v = halve(v, lambda half: mismatch(half, u))
    return int(np.flatnonzero(v)[0]), int(np.flatnonzero(u)[0])


def index_text(coordinate: int, array: Any) -> str:
    """The index of a real coordinate in its array."""
    number, part = divmod(coordinate, 2) if array.dtype.kind == "c" else (coordinate, None)
    index = tuple(int(n) for n in np.unravel_index(number, array.shape))
    return f"{index}{'' if part is None else (' (real part)', ' (imaginary part)')[part]}"


def entry(problem: Problem, outputs: list[Any], i: int, j: int, place: tuple[int, int], eps: float) -> Any:
    """Of one entry of the Jacobian: the derivative, by a central difference, and Richardson's with its error."""
    k, m = place
    u = _unit(problem.start[i].size, m)
    analytic = problem.element(outputs, j, k, i, m)
    numerical = problem.differences(i, u, eps)[j][k]
    step = 0.01 * max(1.0, abs(problem.start[i][m]))
    best, error = extrapolate(lambda t: problem.moved(i, t * u)[j][k], step)
    near, near_error = extrapolate(lambda t: problem.moved(i, t * u)[j][k], step / 64)
    if not error <= near_error:  # there is a kink, or the end of the domain, within the larger step
        best, error = near, near_error
    return analytic, numerical, best, error


def has_kink(problem: Problem, i: int, j: int, place: tuple[int, int]) -> bool:
    """Whether the slopes of one output along one input differ on the two sides of where it is."""
    k, m = place
    u = _unit(problem.start[i].size, m, 1e-5 * max(1.0, abs(problem.start[i][m])))
    below, here, above = (problem.moved(i, step)[j][k] for step in (-u, 0 * u, u))
    right, left = (above - here) / u[m], (here - below) / u[m]
    return not bool(abs(right - left) <= 1e-2 * max(abs(right), abs(left)) + 1e-9)
