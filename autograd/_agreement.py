"""What derivatives must agree with beside differences: themselves, computed again, in parts, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._gradients import grad
from ._jacobians import Problem, Tolerances, direction, from_real, to_real
from .engine.nodes import new_tensor
from .errors import GradcheckError
from .func.vectorizing import vmap

__all__ = [
    "check_batched_gradients",
    "check_batched_tangents",
    "check_dtypes",
    "check_reentrant",
    "check_repeatable",
    "check_still_inputs",
    "check_undefined",
]


def check_repeatable(problem: Problem, outputs: list[Any], tolerances: Tolerances) -> None:
    """Two calls of the function must agree."""
    again = problem.values()
    for j, out in enumerate(outputs):
        first = to_real(out._data)
        if first.shape != again[j].shape or not np.all(
            (np.abs(first - again[j]) <= tolerances.nondet)
            | (first == again[j])
            | (np.isnan(first) & np.isnan(again[j]))
        ):
            _require_unwritten(problem)
            raise GradcheckError(
                f"gradcheck: func is not deterministic: two calls with the same inputs gave different output {j}. Does "
                "it draw random numbers (dropout)? Then seed the generator inside func, or set nondet_tol"
            )


def _require_unwritten(problem: Problem) -> None:
    """The function's calls must leave its inputs as they are."""
    for i, start in problem.start.items():
        if not np.array_equal(to_real(problem.inputs[i]._data), start, equal_nan=True):
            raise GradcheckError(
                f"gradcheck: func wrote into input {i}, so that each call begins with other numbers: have it .clone() "
                "the input first"
            )


def check_reentrant(problem: Problem, outputs: list[Any], tolerances: Tolerances) -> None:
    """Two runs of backward through the same graph must agree."""
    for j, out in enumerate(outputs):
        v = np.ones(to_real(out._data).size)
        once, twice = problem.pulled(outputs, j, v), problem.pulled(outputs, j, v)
        for i in problem.checked:
            if not np.all(
                (np.abs(once[i] - twice[i]) <= tolerances.nondet) | (once[i] == twice[i]) | np.isnan(once[i])
            ):
                raise GradcheckError(
                    f"gradcheck: Backward is not reentrant: running it twice through the same graph gave different "
                    f"gradients of input {i} (largest difference {np.max(np.abs(once[i] - twice[i])):.3g}). Does a "
                    "rule write into what it was given?"
                )


def check_undefined(problem: Problem, outputs: list[Any]) -> None:
    """The gradient of a sum is the sum of the gradients, where outputs without gradient count as zeros."""
    reached = [out for out in outputs if out._node is not None]
    if not reached:
        return
    seeds = [new_tensor(np.ones_like(np.asarray(out._data))) for out in reached]
    targets = [problem.inputs[i] for i in problem.checked]
    together = grad(reached, targets, seeds, retain_graph=True, materialize_grads=True)
    apart = [
        grad(out, targets, seed, retain_graph=True, materialize_grads=True)
        for out, seed in zip(reached, seeds, strict=True)
    ]
    for n, i in enumerate(problem.checked):
        total = sum(to_real(found[n]._data) for found in apart)
        if not np.allclose(to_real(together[n]._data), total, rtol=1e-6, atol=1e-9):
            raise GradcheckError(
                f"gradcheck: the gradient of input {i} differs when some of the outputs have none: an undefined "
                "gradient must count as zeros"
            )


def check_still_inputs(problem: Problem, outputs: list[Any]) -> None:
    """The tangent of an output is the sum of those that single inputs give it: one without tangent is one of zeros."""
    rng = np.random.default_rng(0)
    moves = {i: direction(rng, problem.start[i].size) for i in problem.checked}
    given = {i: from_real(u, problem.inputs[i]._data) for i, u in moves.items()}
    for i in problem.checked:
        zero = np.zeros_like(given[i])
        without = problem.carried(outputs, {n: t for n, t in given.items() if n != i})
        _equal_tangents(problem.carried(outputs, {**given, i: zero}), without, f"input {i} moves by zeros", i)
    together = problem.carried(outputs, given)
    apart = [problem.carried(outputs, {i: t}) for i, t in given.items()]
    _equal_tangents(together, [sum(parts) for parts in zip(*apart, strict=True)], "the inputs move together", None)


def _equal_tangents(found: Sequence[Any], expected: Sequence[Any], when: str, i: int | None) -> None:
    for j, (got, wanted) in enumerate(zip(found, expected, strict=True)):
        if not np.allclose(got, wanted, rtol=1e-6, atol=1e-9, equal_nan=True):
            other = "one by one, added up" if i is None else "it has no tangent"
            raise GradcheckError(
                f"gradcheck: the tangent of output {j} in forward mode is {_most(got, wanted)} when {when}, "
                f"{_most(wanted, got)} when {other}: an undefined tangent must count as zeros"
            )


def _most(array: Any, other: Any) -> str:
    """The element of an array that is farthest from another, and its index."""
    place = np.unravel_index(np.argmax(np.nan_to_num(np.abs(array - other), nan=np.inf)), np.shape(array))
    return f"{np.asarray(array)[place]:.12g} at index {tuple(map(int, place))}"


def check_dtypes(problem: Problem, outputs: list[Any]) -> None:
    """Each gradient must have the dtype of its input."""
    for j, out in enumerate(outputs):
        if out._node is None:
            continue
        targets = [problem.inputs[i] for i in problem.checked]
        found = grad(
            out, targets, new_tensor(np.ones_like(np.asarray(out._data))), retain_graph=True, allow_unused=True
        )
        for i, g in zip(problem.checked, found, strict=True):
            if g is not None and g.dtype != problem.inputs[i].dtype:
                raise GradcheckError(
                    f"gradcheck: the gradient of input {i} from output {j} is {g.dtype}, "
                    f"the input {problem.inputs[i].dtype}"
                )


def check_batched_gradients(problem: Problem, outputs: list[Any]) -> None:
    """``vmap`` of backward must give what backward gives for each gradient by itself."""
    targets = [problem.inputs[i] for i in problem.checked]
    for j, out in enumerate(outputs):
        if out._node is None:
            continue

        def pull(seed: Any, out: Any = out) -> Any:
            return grad(out, targets, seed, retain_graph=True, materialize_grads=True)

        titles = [f"the gradient of input {i} by output {j}" for i in problem.checked]
        _equal_batches(pull, out._data, titles, "gradients")


def check_batched_tangents(problem: Problem, outputs: list[Any]) -> None:
    """``vmap`` of forward mode must give what forward mode gives for each tangent by itself."""
    for i in problem.checked:

        def move(tangent: Any, i: int = i) -> Any:
            return tuple([new_tensor(t) for t in problem.carried(outputs, {i: tangent._data})])

        titles = [f"the tangent of output {j} by input {i}" for j in range(len(outputs))]
        _equal_batches(move, problem.inputs[i]._data, titles, "tangents")


def _equal_batches(compute: Callable[[Any], Any], like: Any, titles: list[str], what: str) -> None:
    """Compare what ``compute`` makes of two arrays like this one by one, and of both at once."""
    rng = np.random.default_rng(0)
    pair = np.stack([from_real(direction(rng, to_real(like).size), like) for _ in range(2)])
    expected = [compute(new_tensor(item)) for item in pair]
    try:
        together = vmap(compute)(new_tensor(pair))
    except (RuntimeError, TypeError, ValueError) as error:
        raise GradcheckError(
            f"gradcheck: while computing batched {what}, got: {error}\n"
            "The rule, or jvp, that it comes from does what has no meaning for many examples at once; to leave this "
            "unchecked, leave check_batched_grad and check_batched_forward_grad at False"
        ) from error
    for n, got in enumerate(together):
        wanted = np.stack([found[n]._data for found in expected])
        if not np.allclose(got._data, wanted, rtol=1e-5, atol=1e-8, equal_nan=True):
            raise GradcheckError(
                f"gradcheck: {titles[n]}, computed by vmap for two at once, differs from one by one: "
                f"{_most(got._data, wanted)} of the batch, expected {_most(wanted, got._data)}"
            )
