"""``vmap`` of every op and every composed function: as a Python loop and a stack.

Values, first and second derivatives through it; and rules that get one array for all examples and one for each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional  # noqa: F401 (whose ops autograd alone does not import)
from autograd.errors import BatchingError
from autograd.func import vmap
from autograd.samples import Case
from autograd.testing.calls import require_same, seeds_for
from autograd.testing.strategies import draw_arguments
from autograd.testing.subject import Arguments, Subject, table

EXAMPLES = 3
DEPENDING = {"bincount": "bincount", "unique_parts": "unique", "unique_consecutive_parts": "unique_consecutive"}
"""Ops that are refused, because the shape of the result depends on values; and how the message calls them."""
SHARED = {
    "average_pool": "cannot be turned into one np.ndarray",
    "ctc_nll": r"int\(x\)",
    "getitem": "x.mask., with a mask that differs",
    "masked_select": "x.mask., with a mask that differs",
    "scatter_index": "x.mask. = values, with a mask that differs",
    "spread_averages": "cannot be turned into one np.ndarray",
    "with_item": "x.mask. = values, with a mask that differs",
}
"""Functions with arguments (masks, lengths) that must be the same for all examples, and what is said of them."""
UNORDERED = {"embedding_bag", "histogram", "histogramdd_parts", "resample", "searchsorted"}
"""Functions whose constants have an order, which must not be changed."""
FIRST = {"view"}
"""Ops that ask how their argument lies in memory: there the examples must lie along the first dimension."""
SUBJECTS = [Subject(target) for target in table()]


def drawn(subject: Subject, case: Any, seed: int) -> Arguments:
    slots = subject.slots(case)
    shapes = [
        slot.domain.shape if slot.domain.shape is not None else ((2, 3) if n == 0 else (3,))
        for n, slot in enumerate(slots)
    ]
    return draw_arguments(subject, case, slots, shapes, seed)


def tensors(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [out for item in result for out in tensors(item)]
    if isinstance(result, dict):
        return tensors(list(result.values()))
    return [result]


def total(outputs: Sequence[Any]) -> Any:
    """The sum of all elements, each weighted differently; None if nothing requires grad."""
    found: Any = None
    for out in outputs:
        if out.requires_grad:
            weights = np.cos(np.arange(out.numel(), dtype=np.float64)).reshape(out.shape)
            part = (out * weights).sum()
            part = part.real + 2 * part.imag if part.is_complex() else part
            found = part if found is None else found + part
    return found


def pulled(outputs: Sequence[Any], leaves: Sequence[Any], create_graph: bool = False) -> list[Any]:
    """The gradients of ``total``."""
    whole = total(outputs)
    if whole is None:
        return [autograd.zeros_like(leaf).detach() for leaf in leaves]
    return list(autograd.grad(whole, list(leaves), materialize_grads=True, create_graph=create_graph))


def arrays_of(found: Sequence[Any]) -> list[Any]:
    return [np.asarray(item.detach().numpy()) for item in found]


def compare(
    subject: Subject, examples: list[Arguments], mapped: Sequence[int], dims: Sequence[int], second: bool
) -> None:
    """Map over the slots ``mapped``, the examples lying along ``dims``; the others are those of the first example."""
    first = examples[0]
    arrays = [
        np.stack([a.made[n] for a in examples], dims[n]) if n in mapped else first.made[n]
        for n in range(len(first.slots))
    ]
    leaves = [autograd.from_numpy(np.array(array)) for array in arrays]
    needed = [n for n in first.leaves if subject.differentiable and leaves[n].is_floating_point()]
    for n in needed:
        leaves[n].requires_grad_()
    in_dims = tuple(dims[n] if n in mapped else None for n in range(len(leaves)))

    def call(*given: Any) -> list[Any]:
        return tensors(first.call(given))

    found = vmap(call, in_dims=in_dims)(*leaves)
    each = [
        call(*[leaf if n not in mapped else leaf[(*(slice(None),) * dims[n], i)] for n, leaf in enumerate(leaves)])
        for i in range(len(examples))
    ]
    expected = [autograd.stack(list(outs)) for outs in zip(*each, strict=True)]
    where = f"{first!r}, mapped over {in_dims}"
    require_same(arrays_of(found), arrays_of(expected), where)
    if not needed:
        return
    chosen = [leaves[n] for n in needed]
    slopes = [pulled(outputs, chosen, second) for outputs in (found, expected)]
    require_same(*map(arrays_of, slopes), f"gradients of {where}", 1e-9, 1e-11)
    if second:
        slopes = [pulled(outputs, chosen) for outputs in slopes]
        require_same(*map(arrays_of, slopes), f"second derivatives of {where}", 1e-8, 1e-10)


@pytest.mark.parametrize("subject", SUBJECTS, ids=[subject.name for subject in SUBJECTS])
def test_as_a_loop(subject: Subject) -> None:
    if subject.name in DEPENDING:
        message = f"the result of {DEPENDING[subject.name]} has a shape that depends on values"
        with pytest.raises(BatchingError, match=message):
            compare(subject, [drawn(subject, subject.cases[0], seed) for seed in range(EXAMPLES)], [0], [0], False)
        return
    for number, case in enumerate(subject.cases):
        examples = [drawn(subject, case, seed) for seed in range(EXAMPLES)]
        count = len(examples[0].slots)
        everything = range(count)
        ranks = [np.ndim(array) for array in examples[0].made]
        choices = [everything] if count < 2 else [everything, *[[n] for n in everything]]
        for turn, mapped in enumerate(choices):
            dims = [0 if subject.name in FIRST else (number + turn) % (rank + 1) for rank in ranks]
            compare(subject, examples, list(mapped), dims, second=number == turn == 0)


@pytest.mark.parametrize("subject", SUBJECTS, ids=[subject.name for subject in SUBJECTS])
def test_many_gradients_of_one_result(subject: Subject) -> None:
    if subject.name in DEPENDING or not subject.differentiable:
        return
    for case in subject.cases:
        a = drawn(subject, case, 0)
        leaves = [autograd.from_numpy(np.array(array)) for array in a.made]
        chosen = [leaves[n].requires_grad_() for n in a.leaves if leaves[n].is_floating_point()]
        outputs = [out for out in tensors(a.call(leaves)) if out.requires_grad]
        if not outputs:
            continue
        draws = [seeds_for(np.random.default_rng(seed), outputs) for seed in range(EXAMPLES)]
        seeds = [autograd.from_numpy(np.stack(column)) for column in zip(*draws, strict=True)]

        def pull(*seeds: Any, outputs: Any = outputs, chosen: Any = chosen) -> Any:
            return autograd.grad(outputs, chosen, list(seeds), retain_graph=True, materialize_grads=True)

        each = [pull(*[seed[i] for seed in seeds]) for i in range(EXAMPLES)]
        expected = [autograd.stack(list(column)) for column in zip(*each, strict=True)]
        require_same(arrays_of(vmap(pull)(*seeds)), arrays_of(expected), f"gradients of {a!r}", 1e-9, 1e-11)


def constants(value: Any) -> list[Any]:
    """The arrays in an argument of a case."""
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in constants(item)]
    return [value] if isinstance(value, np.ndarray) else []


def replaced(value: Any, arrays: Any) -> Any:
    """An argument of a case with the next of ``arrays`` in place of each array."""
    if isinstance(value, (tuple, list)) and constants(value):
        return type(value)([replaced(item, arrays) for item in value])
    return next(arrays) if isinstance(value, np.ndarray) else value


def unlike(array: Any, i: int) -> Any:
    """What stands in place of a constant for the example ``i``: the same numbers in another order."""
    return np.flip(array, -1) if i == 1 and array.ndim else array


@pytest.mark.parametrize("subject", SUBJECTS, ids=[subject.name for subject in SUBJECTS])
def test_constants_that_differ_as_a_loop(subject: Subject) -> None:
    for case in subject.cases:
        fixed = [array for value in case.arguments.values() for array in constants(value)]
        if not fixed or subject.name in UNORDERED:
            continue
        a = drawn(subject, case, 0)
        slots = [autograd.from_numpy(np.array(array)) for array in a.made]
        leaves = [
            slots[n].requires_grad_() for n in a.leaves if subject.differentiable and slots[n].is_floating_point()
        ]

        def call(*given: Any, case: Any = case, a: Any = a, slots: Any = slots) -> list[Any]:
            arrays = iter(given)
            changed = {name: replaced(value, arrays) for name, value in case.arguments.items()}
            return tensors(subject.call(Case(changed, case.free), a.slots, slots))

        for mapped in [range(len(fixed)), *([[n] for n in range(len(fixed))] if len(fixed) > 1 else [])]:
            given = [
                autograd.from_numpy(np.stack([unlike(array, i) for i in range(EXAMPLES)]) if n in mapped else array)
                for n, array in enumerate(fixed)
            ]
            each = [
                call(*[array[i] if n in mapped else array for n, array in enumerate(given)]) for i in range(EXAMPLES)
            ]
            expected = [autograd.stack(list(outs)) for outs in zip(*each, strict=True)]
            try:
                found = vmap(call, in_dims=tuple(0 if n in mapped else None for n in range(len(fixed))))(*given)
                slopes = [pulled(outputs, leaves) for outputs in (found, expected)]
            except BatchingError as error:
                assert re.search(SHARED.get(subject.name, "nothing"), str(error)), str(error)  # noqa: PT017
                continue
            require_same(arrays_of(found), arrays_of(expected), f"{a!r}, mapped over {mapped}")
            require_same(*map(arrays_of, slopes), f"gradients of {a!r}, mapped over {mapped}", 1e-9, 1e-11)
