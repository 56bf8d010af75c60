"""Properties of how rules are run: the same by every kind of array, plain, quiet and documented."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from ..engine.modes import Mode
from ..engine.nodes import new_tensor
from .calls import differentiate, flat, leaf_of, made_run, require_same, values_and_gradients
from .lint import forbidden
from .recording import LostError, Recording
from .subject import Arguments, Subject, differentiable_outputs

__all__ = ["documented", "interpreters", "plain_rules", "quiet", "recordable"]


def documented(subject: Subject) -> None:
    """It has a docstring whose first line says what it is, and samples to test it with."""
    if not (subject.doc or "").strip() and sys.flags.optimize < 2:  # python -OO drops all docstrings
        raise AssertionError("it has no docstring: say in one line what it computes")
    if not subject.cases:
        raise AssertionError("it has no samples: give op(..., samples=reals(-3, 3)) or cases, see autograd.samples")
    for case in subject.cases:
        for name in case.arguments:
            if name not in subject.signature.parameters:
                raise AssertionError(f"a case has the argument {name!r}, but the parameters are {subject.signature}")
        if subject.differentiable and not any(slot.leaf for slot in subject.slots(case)):
            raise AssertionError(f"no differentiable input is drawn in the case {case.arguments}")


def plain_rules(subject: Subject) -> None:
    """Its rules are plain NumPy: no methods, no type checks, no Python numbers, nothing in place."""
    op = subject.op
    assert op is not None
    outputs = op.outputs if isinstance(op.outputs, tuple) else ()
    arrays = {"g", "out", *op.inputs, *outputs, *(f"g_{name}" for name in outputs)}
    for name, rule in {**op.rules, **({"joint": op.joint} if op.joint else {})}.items():
        for complaint in forbidden(rule, arrays):
            raise AssertionError(f"the rule of {name!r}: {complaint}")


def interpreters(a: Arguments) -> None:
    """Arrays, Tensors with and without a graph, a recorded backward and one input's gradient alone agree."""
    arrays = a.made
    plain = [np.asarray(getattr(out, "_data", out)) for out in flat(a.call(arrays))]
    wrapped = [new_tensor(np.array(array)) if isinstance(array, np.ndarray) else array for array in arrays]
    require_same([np.asarray(getattr(out, "_data", out)) for out in flat(a.call(wrapped))], plain, "Tensors", 0, 0)
    with Mode(grad=False):
        inside = [np.asarray(getattr(out, "_data", out)) for out in flat(a.call(wrapped))]
    require_same(inside, plain, "under no_grad", 0, 0)
    if not (a.subject.differentiable and a.leaves):
        return
    eager = made_run(a)
    floating = [array for array in plain if array.dtype.kind in "fc"]
    require_same([np.asarray(out._data) for out in eager.outputs], floating, "while recording a graph", 0, 0)
    graph = made_run(a, None, [leaf_of(seed) for seed in eager.seeds], create_graph=True)
    require_same(graph.arrays, eager.arrays, "the gradient with create_graph=True", 1e-12, 1e-13)
    for n, whole in zip(a.leaves if len(a.leaves) > 1 else (), eager.arrays, strict=False):
        alone = differentiate([leaf_of(arrays[n].copy())], lambda leaf, n=n: _call_with(a, n, leaf[0]), eager.seeds)
        require_same(alone.arrays, [whole], f"the gradient of {a.slots[n]} alone, where no other is asked for")


def _call_with(a: Arguments, n: int, value: Any) -> Any:
    """The call with another value in slot ``n``."""
    return a.call([value if k == n else array for k, array in enumerate(a.made)])


def recordable(a: Arguments) -> None:
    """Forward and backward are NumPy calls only: recorded and made again on other numbers they give their results."""
    tape = Recording()
    arrays = [tape.input(array) if isinstance(array, np.ndarray) else array for array in a.made]
    differentiable = a.subject.differentiable and bool(a.leaves)
    seeds: list[Any] = []
    try:
        if differentiable:
            seeds = made_run(a).seeds
            recorded = [tape.input(seed) for seed in seeds]
            run = made_run(a, arrays, [new_tensor(seed) for seed in recorded])
            reached = [g for g in run.gradients if isinstance(g._data, np.ndarray)]
            results = [out._data for out in run.outputs]
            results += [g._data for g in reached if _depends(g._data)]
        else:
            recorded = []
            results = [out._data for out in differentiable_outputs(a.call([new_tensor(x) for x in arrays]))]
        inputs = dict(zip([*arrays, *recorded], [*a.made, *seeds], strict=True))
        again = [np.asarray(value) for value in tape.replay(inputs, results)]
    except LostError as error:
        raise AssertionError(str(error)) from None
    require_same(again, [np.asarray(result) for result in results], "the recorded calls, made again")
    if tape.escapes:
        return
    other = [_other_numbers(slot, array) for slot, array in zip(a.slots, a.made, strict=True)]
    replayed = [
        np.asarray(v) for v in tape.replay(dict(zip([*arrays, *recorded], [*other, *seeds], strict=True)), results)
    ]
    if differentiable:
        direct = made_run(a, other, seeds)
        expected = [np.asarray(out._data) for out in direct.outputs]
        expected += [
            g for g, source in zip(direct.arrays, run.gradients, strict=True)
            if isinstance(source._data, np.ndarray) and _depends(source._data)
        ]  # fmt: skip
    else:
        expected = [np.asarray(out._data) for out in differentiable_outputs(a.call([new_tensor(x) for x in other]))]
    require_same(replayed, expected, "the recorded calls, made on other numbers")


def _depends(array: Any) -> bool:
    """Whether an array is more than zeros that the engine put where no gradient arrives."""
    return getattr(array, "_tape", None) is not None or bool(np.any(array))


def _other_numbers(slot: Any, array: Any) -> Any:
    """Other numbers that are as legal for a slot: each a little nearer to the middle of all, or reversed."""
    if array.dtype.kind not in "fc" or slot.domain.make is not None:
        return array
    return array[tuple(slice(None, None, -1) for _ in array.shape)].copy()


def quiet(a: Arguments) -> None:
    """Ordinary inputs raise no floating-point warning, forward or backward."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values_and_gradients(a, a.made)
        except Warning as warning:
            raise AssertionError(f"{type(warning).__name__}: {warning}") from None
