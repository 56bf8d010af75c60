"""Which op of a wrong composite is to blame: each call is checked by itself, at the inputs that it had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ._jacobians import (
    FULL,
    Problem,
    Tolerances,
    basis,
    checked_inputs,
    entry,
    gradients_of,
    index_text,
    locate,
    outputs_of,
    seeds_for,
    to_real,
)
from ._op import Op
from .engine.callsite import user_line
from .engine.modes import Mode, local
from .engine.nodes import Handle, array_of, new_tensor
from .engine.observing import Observer

__all__ = ["blame"]


class _Recorder(Observer):
    """An observer that notes every recorded call of an op."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...], str]] = []

    def after_forward(self, op: Any, values: Any, out: Any, node: Any) -> None:
        if node is not None:
            self.calls.append((op, values, user_line()))


def blame(
    func: Callable[..., Any],
    inputs: tuple[Any, ...],
    tolerances: Tolerances,
    second: bool = False,
    forward: bool = False,
) -> str:
    """The first op, of those that ``func`` calls, whose own gradient is wrong at what it was called with.

    With ``second`` it is the second derivative that is looked at; with ``forward`` the last derivative in forward mode.
    """
    recorder = _Recorder()
    with Mode(observers=(*local.observers, recorder)):
        func(*inputs)
    seen = set()
    opaque: dict[str, str] = {}
    for number, (op, values, line) in enumerate(recorder.calls):
        if not hasattr(op, "call"):  # a primitive of autograd.extend, or what vmap made
            opaque.setdefault(op.name, line)
            continue
        key = (op.name, repr([getattr(value, "shape", value) for value in values]))
        if key in seen:
            continue
        seen.add(key)
        fault = _fault_of(op, values, tolerances, second, forward)
        if fault:
            return (
                f"The first wrong op is '{op.name}', call {number + 1} of {len(recorder.calls)}, in {line}: checked by "
                f"itself at its inputs there, {fault}"
            )
    if opaque:
        places = ", ".join(f"'{name}' in {line}" for name, line in opaque.items())
        return f"Look at {places}: the other ops are right by themselves, and this could not be checked by itself.\n"
    if not seen:
        return ""
    names = ", ".join(dict.fromkeys(op.name for op, _, _ in recorder.calls))
    return f"Each of its ops is right by itself ({names}): look at what func does between them.\n"


def _fault_of(op: Any, values: tuple[Any, ...], tolerances: Tolerances, second: bool, forward: bool) -> str | None:
    """What is wrong with the gradient of one call of an op, or None."""
    call, tensors, labels = _rebuild(op, values)
    if not tensors:
        return None
    inputs: tuple[Any, ...] = tuple(tensors)
    try:
        if second:
            seeds = seeds_for(outputs_of(call(*inputs)), False)
            call, inputs = gradients_of(call, len(inputs), checked_inputs(inputs)), (*inputs, *seeds)
        problem = Problem(call, inputs, forward)
        outputs = problem.outputs()
        for i, j in itertools.product(problem.checked, range(len(outputs))):
            for place in _suspects(problem, outputs, i, j, tolerances):
                found, _, best, error = entry(problem, outputs, i, j, place, tolerances.eps)
                if error < 0.1 * abs(found - best) and not tolerances.fits(found, best):
                    label = labels[i] if i < len(labels) else f"the gradient of output {i - len(labels)}"
                    order = "second derivative" if second else "derivative" if forward else "gradient"
                    order += " in forward mode" if forward else ""
                    return (
                        f"its {order} with respect to '{label}' at index {index_text(place[1], inputs[i]._data)} "
                        f"is {found:.12g}, the differences give {best:.12g} +- {error:.1g} (for the output's index "
                        f"{index_text(place[0], outputs[j]._data)})\n"
                    )
    except (ValueError, TypeError, RuntimeError) as error:
        return f"it raises {type(error).__name__}: {error}\n"
    return None


def _suspects(
    problem: Problem, outputs: list[Any], i: int, j: int, tolerances: Tolerances
) -> Iterator[tuple[int, int]]:
    """Entries of one Jacobian that do not fit their central difference."""
    rng = np.random.default_rng(1)
    directions = basis(rng, problem.start[i].size, FULL)
    differences = [problem.differences(i, u, tolerances.eps)[j] for u in directions]
    rows = basis(rng, to_real(outputs[j]._data).size, FULL)
    analytic = problem.products(outputs, {j: rows}, {i: directions})[i, j]
    for k, v in enumerate(rows):
        for m, (u, difference) in enumerate(zip(directions, differences, strict=True)):
            if not tolerances.fits(analytic[k, m], v @ difference):
                yield locate(problem, outputs, i, j, v, u, tolerances.eps)


def _rebuild(op: Any, values: tuple[Any, ...]) -> tuple[Callable[..., Any], list[Any], list[str]]:
    """One recorded call as a function of its differentiable inputs, these as float64 leaves, and their names."""
    tensors: list[Any] = []
    labels: list[str] = []
    template: dict[str, Any] = {}

    def leaf(value: Any, label: str) -> Any:
        value = array_of(value) if isinstance(value, Handle) else value
        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "fc":
            return value
        wide = np.array(value, np.complex128 if value.dtype.kind == "c" else np.float64)
        tensors.append(new_tensor(wide).requires_grad_())
        labels.append(label)
        return _Slot(len(tensors) - 1)

    if not isinstance(op, Op):  # a Function, which takes all its arguments by position
        slots = [leaf(value, name) for name, value in zip(op.params, values, strict=True)]
        return lambda *given: op.call(*_filled(slots, given)), tensors, labels
    for name, value in zip(op.params, values, strict=True):
        if name in op.lists:
            template[name] = [leaf(item, f"{name}[{n}]") for n, item in enumerate(value)]
        elif name in op.inputs and (op.joint is not None or name in op.rules):
            template[name] = leaf(value, name)
        else:
            template[name] = value

    def call(*given: Any) -> Any:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, parameter in op.signature.parameters.items():
            value = _filled(template[name], given)
            if parameter.kind is parameter.VAR_POSITIONAL:
                args.extend(value)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[name] = value
            else:
                args.append(value)
        return op.call(*args, **kwargs)

    return call, tensors, labels


class _Slot(NamedTuple):
    number: int


def _filled(value: Any, given: tuple[Any, ...]) -> Any:
    """A value of a recorded call, with these in its slots."""
    if isinstance(value, list):
        return [_filled(item, given) for item in value]
    return given[value.number] if isinstance(value, _Slot) else value
