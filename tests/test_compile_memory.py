"""What a program takes up: parts that are computed in place, scratch space, and that no number changes by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd.compiler.runs import BLOCK, FINE
from tests.test_compile_passes import calls, compiled, draw


@pytest.mark.parametrize(
    "index",
    [(slice(None), 1), 1, (..., slice(0, 4, 2)), slice(None, None, -1), (None, 2), (slice(1, 2), slice(None))],
    ids=str,
)
def test_a_part_of_an_array_is_computed_where_it_lies(index):
    shape = np.empty((4, 4))[index].shape

    def f(x):
        y = x.clone()
        y[index] = x[index].exp()
        return y * 2

    assert shape
    assert len(calls(compiled(f, draw(4, 4)))) < len(calls(compiled(f, draw(4, 4), without=("write_directly",))))


def test_a_part_is_copied_where_it_cannot_be_computed_there():
    def f(x, i):
        y, z, w = x.clone(), x.clone(), x.clone()
        y[1:] = y[:-1].exp()  # reads what it writes
        z[:, 1] = x[:, :1].exp()[0]  # one number for all
        w[0, 0] = x[1, 1].exp()
        x = x.clone()
        x[i] = y[0].exp()  # another row at each call
        return y, z, w, x

    program = autograd.compile(f, fullgraph=True)
    for i in (0, 1, 2, 3, 1):
        for found, expected in zip(program(draw(4, 4), i), f(draw(4, 4), i), strict=True):
            np.testing.assert_array_equal(found, expected)


def update(x: Any) -> Any:
    """A run with scratch space, where no buffer leaves room for it."""
    y = x.clone()
    y -= (y.square() + 1).sqrt() / 3
    return y


def test_blocks_are_small_where_scratch_space_would_need_more_memory():
    rows = BLOCK // 256
    plan = compiled(update, draw(rows, 256))._versions[0].emitter.plan
    (run,) = plan.scratch
    assert run.height == FINE
    assert plan.after == 0


def test_blocks_are_large_where_the_buffers_leave_room_for_scratch_space():
    rows = BLOCK // 256

    def f(x, w):
        z = (x @ w).cumsum(0)
        z = (z @ w).sum()
        return update(x + z)

    plan = compiled(f, draw(rows, 256).sign(), draw(256, 256).sign())._versions[0].emitter.plan
    run = next(run for run, found in plan.scratch.items() if found)
    assert run.height == BLOCK // 2
    assert plan.rooms
    assert plan.after == 3 * rows * 256 * 4  # as much as the products and sums before need
