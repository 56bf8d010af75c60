"""``vmap`` of every op and every composed function: as a Python loop and a stack.

Values, first and second derivatives through it; and rules that get one array for all examples and one for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional  # noqa: F401 (whose ops autograd alone does not import)
from autograd.errors import BatchingError
from autograd.func import vmap
from autograd.testing.calls import require_same, seeds_for
from autograd.testing.strategies import draw_arguments
from autograd.testing.subject import Arguments, Subject, table

EXAMPLES = 3
DEPENDING = {"bincount": "bincount", "unique_parts": "unique", "unique_consecutive_parts": "unique_consecutive"}
"""Ops that are refused, because the shape of the result depends on values; and how the message calls them."""
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
