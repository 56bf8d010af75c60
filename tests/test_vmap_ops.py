"""``vmap`` of every op and every composed function: as a Python loop and a stack, values and first derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional  # noqa: F401 (whose ops autograd alone does not import)
from autograd.errors import BatchingError
from autograd.func import vmap
from autograd.testing.calls import require_same
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


def pulled(outputs: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
    """The gradients of all outputs, each weighted differently in every element."""
    total: Any = 0.0
    for out in outputs:
        if out.requires_grad:
            weights = np.cos(np.arange(out.numel(), dtype=np.float64)).reshape(out.shape)
            part = (out * weights).sum()
            total = total + (part.real + 2 * part.imag if part.is_complex() else part)
    if not isinstance(total, autograd.Tensor):
        return [np.zeros(leaf.shape) for leaf in leaves]
    return [np.asarray(g.numpy()) for g in autograd.grad(total, list(leaves), materialize_grads=True)]


def compare(subject: Subject, examples: list[Arguments], mapped: Sequence[int], dims: Sequence[int]) -> None:
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
    require_same([out.detach().numpy() for out in found], [out.detach().numpy() for out in expected], where)
    if needed:
        chosen = [leaves[n] for n in needed]
        require_same(pulled(found, chosen), pulled(expected, chosen), f"gradients of {where}", 1e-9, 1e-11)


@pytest.mark.parametrize("subject", SUBJECTS, ids=[subject.name for subject in SUBJECTS])
def test_as_a_loop(subject: Subject) -> None:
    if subject.name in DEPENDING:
        message = f"the result of {DEPENDING[subject.name]} has a shape that depends on values"
        with pytest.raises(BatchingError, match=message):
            compare(subject, [drawn(subject, subject.cases[0], seed) for seed in range(EXAMPLES)], [0], [0])
        return
    for number, case in enumerate(subject.cases):
        examples = [drawn(subject, case, seed) for seed in range(EXAMPLES)]
        count = len(examples[0].slots)
        everything = range(count)
        ranks = [np.ndim(array) for array in examples[0].made]
        choices = [everything] if count < 2 else [everything, *[[n] for n in everything]]
        for turn, mapped in enumerate(choices):
            dims = [0 if subject.name in FIRST else (number + turn) % (rank + 1) for rank in ranks]
            compare(subject, examples, list(mapped), dims)
