"""What a program takes up: parts that are computed in place, scratch space, and that no number changes by it."""

from __future__ import annotations

import inspect
import re
import runpy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
import optim
from autograd.compiler.hosting import Area, hosted
from autograd.compiler.runs import BLOCK, FINE, LARGE, SMALL
from autograd.compiler.values import Storage, Value
from tests.helpers import code_of
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


def plan_of(program: Any) -> Any:
    return program._versions[0].emitter.plan


def update(x: Any) -> Any:
    """A run with scratch space, where no buffer leaves room for it."""
    y = x.clone()
    y -= (y.square() + 1).sqrt() / 3
    return y


def test_blocks_are_small_where_scratch_space_would_need_more_memory():
    rows = BLOCK // 256
    plan = plan_of(compiled(update, draw(rows, 256)))
    (run,) = plan.scratch
    assert run.height == FINE
    assert plan.after == 0


def test_blocks_are_large_where_the_buffers_leave_room_for_scratch_space():
    rows = 2 * BLOCK // 256

    def f(x, w):
        z = (x @ w).cumsum(0)
        z = (z @ w).sum()
        return update(x + z)

    plan = plan_of(compiled(f, draw(rows, 256).sign(), draw(256, 256).sign()))
    run = next(run for run, found in plan.scratch.items() if found)
    assert run.height == BLOCK
    assert plan.rooms
    assert plan.after == 3 * rows * 256 * 4  # as much as the products and sums before need


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_find_scratch_space_where_there_is_half_as_much_room(threads):
    def f(x, w):
        return update(x), (x[:400] @ w).sum()

    before = autograd.get_num_threads()
    autograd.set_num_threads(threads)
    try:
        program = compiled(f, draw(2 * BLOCK // 256, 256).sign(), draw(256, 256).sign())
    finally:
        autograd.set_num_threads(before)
    plan = plan_of(program)
    run = next(run for run, found in plan.scratch.items() if found)
    assert (run.height, len(plan.rooms)) == (FINE, 1)
    assert "if turn < 2 else empty" in program.source


@pytest.mark.parametrize(("rows", "alone"), [(1024, True), (1535, True), (1536, False)])
def test_small_runs_one_thread_does_alone_in_small_blocks(rows, alone):
    """BLAS's thread may still wait for work on the other processor."""
    program = compiled(lambda x: (x * 2 + 1).exp() * x, draw(rows, 256))
    (line,) = [line for line in program.source.splitlines() if "in_blocks(" in line]
    assert ("alone=True" in line) is alone
    assert f"rows={SMALL if alone else rows * 256 // 2}" in line


def test_an_optimizer_needs_scratch_space_for_a_stretch_only():
    def made(compiled):
        autograd.manual_seed(0)
        layer = nn.Linear(400, 400)  # as long as three stretches
        optimizer = optim.Adam(layer.parameters(), lr=0.01)

        def step(x):
            optimizer.zero_grad()
            (layer(x) ** 2).mean().backward()
            optimizer.step()

        return autograd.compile(step, fullgraph=True) if compiled else step, layer.weight

    (step, weight), (other, twin) = made(True), made(False)
    for i in range(6):
        x = draw(8, 400, seed=i)
        step(x), other(x)
        np.testing.assert_array_equal(weight.detach(), twin.detach())
    assert plan_of(step).after <= 400 * 400 * 4 // 3 + 4096


# ---- buffers in the memory of gradients ------------------------------------------------------------------------------


def trained(decide: Any = None, first: bool = True, **options: Any) -> Any:
    """A training step, compiled or not, and its parameters; ``decide`` is called with the loss.

    Args:
        decide: what says whether the gradients of the call before are dropped; else they are added to.
        first: whether they are dropped at the start, whatever is decided.
    """
    autograd.manual_seed(0)
    model = nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(128, 128), nn.Tanh())])
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step(x):
        if first:
            optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        if decide is not None and decide(loss):
            optimizer.zero_grad()
            loss = loss * 2
        loss.backward()
        optimizer.step()
        return loss.detach()

    return autograd.compile(step, fullgraph=True, **options) if options else step, list(model.parameters())


def same(step: Any, parameters: Any, others: Any) -> None:
    """Whether two steps leave the same, bit for bit, at each of some calls."""
    other, twins = others
    for i in range(8):
        x = draw(128, 128, seed=i) * (1 + i % 3)
        np.testing.assert_array_equal(step(x), other(x))
        for p, q in zip(parameters, twins, strict=True):
            np.testing.assert_array_equal(p.detach(), q.detach())
            np.testing.assert_array_equal(p.grad, q.grad)


def test_buffers_lie_where_gradients_will():
    step, parameters = trained(verify=True)
    same(step, parameters, trained())
    plan = plan_of(step)
    assert len(plan.hosts) > 2
    assert plan.after < plan.before / 4


def test_gradients_that_someone_keeps_stay_as_they_were():
    step, parameters = trained(verify=True)
    kept: list[Any] = []
    for i in range(9):
        step(draw(128, 128, seed=i))
        grad = parameters[0].grad
        kept += [(held, np.array(held)) for held in (grad, grad.numpy()[3:5])[: i % 3]]
    assert plan_of(step).hosts
    assert len(kept) == 9
    for held, was in kept:
        np.testing.assert_array_equal(held, was)


@pytest.mark.parametrize("first", [True, False])
def test_a_step_that_decides_otherwise_finds_what_it_needs(first):
    def decide(loss):
        return bool(loss > 0.012)

    step, parameters = trained(decide, first, verify=True)
    same(step, parameters, trained(decide, first))
    found = [version.emitter for version in step._versions]
    assert len(found) == 2
    for emitter in found:
        assert ("_back()" in emitter.source) is bool(emitter.plan.hosts)
    assert any(emitter.plan.hosts for emitter in found)


def test_gradients_are_gone_if_a_step_fails_that_had_dropped_them():
    autograd.manual_seed(0)
    model = nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(128, 128), nn.Tanh())])

    def step(x, matrix):
        model.zero_grad()
        ((model(x) + autograd.linalg.inv(matrix).sum()) ** 2).mean().backward()

    program = autograd.compile(step, fullgraph=True)
    for _ in range(4):
        program(draw(128, 128), draw(2, 2))
    assert plan_of(program).hosts
    with pytest.raises(np.linalg.LinAlgError):
        program(draw(128, 128), autograd.zeros(2, 2))
    assert all(p.grad is None for p in model.parameters())
    program(draw(128, 128), draw(2, 2))
    found = [p.grad.numpy().copy() for p in model.parameters()]
    step(draw(128, 128), draw(2, 2))
    for p, grad in zip(model.parameters(), found, strict=True):
        np.testing.assert_array_equal(p.grad, grad)


def test_what_lies_in_gradients_is_shown_and_exported(tmp_path):
    (step, _), (other, _) = [trained(lambda loss: bool(loss > 0), **options) for options in ({"verify": True}, {})]
    x = draw(128, 128)
    for _ in range(5):
        step(x), other(x)
    assert plan_of(step).hosts
    assert "_back()" in step.source
    assert step.explain().seconds["forward"] > 0
    source = inspect.getsource(step._versions[0].step)
    assert source.startswith("    def step(")
    assert source in step.source
    path = step.export(str(tmp_path / "exported.py"))
    exported = runpy.run_path(path)["step"]
    np.testing.assert_array_equal([exported(x.numpy()) for _ in range(3)], [other(x) for _ in range(3)])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_needed_at_the_same_time_lies_apart_in_a_gradient(data):
    kib = st.integers(20, 300).map(lambda n: 1024 * n)
    whole = Value(Storage("fresh", None), np.empty(0))
    areas = [Area(whole, 1024 * 1024 * i, data.draw(kib), data.draw(st.integers(0, 20))) for i in range(3)]
    spans = [tuple(sorted(data.draw(st.tuples(st.integers(0, 20), st.integers(0, 20))))) for _ in range(12)]
    sizes = [data.draw(kib) for _ in spans]
    after = data.draw(st.integers(-1, 20))
    found = hosted(areas, dict(enumerate(spans)), sizes, after)
    for pool, (_, at) in found.items():
        area = areas[at // (1024 * 1024)]
        assert after < spans[pool][0]
        assert spans[pool][1] < area.until
        assert area.offset <= at
        assert at + sizes[pool] <= area.offset + area.size
        for other, (_, place) in found.items():
            if other != pool and spans[other][0] <= spans[pool][1] and spans[pool][0] <= spans[other][1]:
                assert at + sizes[pool] <= place or place + sizes[other] <= at


# ---- computed again --------------------------------------------------------------------------------------------------


def test_normalized_arrays_are_computed_again_for_backward():
    autograd.manual_seed(0)
    layers = [layer for _ in range(4) for layer in (nn.LayerNorm(128), nn.Linear(128, 128), nn.Tanh())]
    model = nn.Sequential(*layers)

    def step(x):
        model.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss.detach(), [p.grad.clone() for p in model.parameters()]

    x = draw(512, 128)
    plan = plan_of(compiled(step, x))
    other = plan_of(compiled(step, x, without=("compute_again",)))
    assert plan.after <= other.after - 2 * 512 * 128 * 4


def fills(x: Any) -> Any:
    """Something that needs much memory for a time."""
    return (x @ x).exp() @ (x @ x.T).exp() @ (x - x.T).cos()


def test_only_what_is_cheap_is_computed_again():
    def f(x):
        kept = x.square()
        dear = x.exp()
        return fills(kept @ x + dear @ x).tanh() * kept @ dear

    code = code_of(compiled(f, draw(256, 256) / 64))
    other = code_of(compiled(f, draw(256, 256) / 64, without=("compute_again",)))
    assert (code.count("square("), code.count(" exp(")) == (2, 3)
    assert (other.count("square("), other.count(" exp(")) == (1, 3)


def slope_of_gelu(x: Any) -> Any:
    x = x.detach().requires_grad_()
    y = 0.5 * x * (1 + autograd.tanh(0.8 * (x + 0.045 * x * x * x)))
    return autograd.grad(y.sum(), x)[0]


def test_what_lies_in_the_scratch_space_of_one_run_is_not_computed_again():
    code = code_of(compiled(slope_of_gelu, draw(16 * LARGE), without=("match_products",)))
    assert code.count("in_blocks(") == 1
    assert len(re.findall(r"multiply\(x\w*, k0_5,", code)) == 1
    assert len(re.findall(r"multiply\(x\w*, k0_045,", code)) == 1


def test_a_run_writes_over_what_it_has_just_read_for_the_last_time():
    code = code_of(compiled(slope_of_gelu, draw(16 * LARGE), without=("match_products",)))
    last = re.findall(r"multiply\((t\w*), k0_5, (\w+)\)", code)  # other places are free, too
    assert len(last) == 1
    assert last[0][0] == last[0][1]


@pytest.mark.parametrize("write", ["nothing", "source", "self", "late"])
def test_what_would_be_something_else_is_not_computed_again(write):
    def f(x):
        source = x.exp()
        kept = source.square()
        first = kept @ x
        if write == "source":
            source += 1
        if write == "self":
            kept[:, 0] = source[0]
        filled = fills(first).tanh()
        if write == "late":
            source *= 2
        return filled * kept * source

    code = code_of(compiled(f, draw(256, 256) / 64))
    assert code.count("square(") == 1 + (write == "nothing")
