"""The compiler's passes, buffers and runs: what each takes out of a program, and that no number changes by it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd.compiler.passes import PASSES
from autograd.compiler.runs import LARGE
from tests.helpers import code_of

ALL = frozenset(PASSES)


def compiled(function: Callable[..., Any], *args: Any, without: tuple[str, ...] = ()) -> Any:
    """The compiled function after its first program was made, which must give what the function gives."""
    program = autograd.compile(function, fullgraph=True, passes=ALL - set(without))
    for _ in range(3):
        found, expected = program(*args), function(*args)
        for a, b in zip(
            autograd.func.pytrees.flatten(found)[0], autograd.func.pytrees.flatten(expected)[0], strict=True
        ):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert program.source
    return program


def calls(program: Any) -> list[str]:
    """The lines of the program's step that compute something."""
    _, body = program.source.split("    def step(", 1)
    lines = [line.strip() for line in body.splitlines()[2:]]
    return [line for line in lines if line and not line.startswith(("#", "return"))]


def draw(*shape: int, seed: int = 0) -> Any:
    return autograd.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_what_nobody_uses_is_not_computed():
    def f(x):
        unused = x.exp() @ x
        unused += 1
        return x * 2

    assert len(calls(compiled(f, draw(3, 3)))) == 1
    assert len(calls(compiled(f, draw(3, 3), without=("remove_dead",)))) > 1


def test_an_array_times_one_is_no_scalar_where_a_view_of_it_would_be_taken():
    """What was made of the scalar has memory of its own, which is free for others once it is not needed itself."""

    def f(x):
        before = np.add.reduce(np.sin(x[:2] + x[1:]), axis=(0,), keepdims=True)
        whole = np.broadcast_to(np.add.reduce(x, axis=(0,), keepdims=True).reshape(()) * np.ones_like(x[0]), (2,))
        return np.sin(whole * x[1:]) + np.cos(whole * x[:2]) * before

    compiled(f, draw(3).numpy())


def test_equal_calls_are_made_once_but_not_across_a_write():
    def f(x):
        a = x.exp() + x.exp()
        y = x.clone()
        b = y.exp()
        y += 1
        return a, b, y.exp()

    lines = calls(compiled(f, draw(4)))
    assert sum("exp(" in line for line in lines) == 3
    assert sum("exp(" in line for line in calls(compiled(f, draw(4), without=("share_equal",)))) == 4


def test_what_is_needed_no_more_becomes_what_would_be_computed_again():
    def f(x):
        a = x.exp()
        total = a.sum()
        again = x.exp()
        again += total
        late = x.exp()
        return again, late, late.sum() + x.exp().sum()

    assert sum("exp(" in line for line in calls(compiled(f, draw(4)))) == 2
    assert sum("exp(" in line for line in calls(compiled(f, draw(4), without=("take_over",)))) == 3


def test_a_view_is_made_once_whatever_is_written_in_between():
    def f(x):
        y = x.clone()
        first = y[:2].exp()
        y += 1
        return first, y[:2].exp(), y

    assert code_of(compiled(f, draw(4))).count("[:2]") == 1


def test_views_of_equal_values_may_be_taken_in_the_other_order():
    def f(x):
        first, second = x.exp(), x.exp()
        row = second[None]
        return first[None] * row + first, second + 1, row.sum()

    assert sum("exp(" in line for line in calls(compiled(f, draw(4)))) == 1


def test_constants_are_computed_when_the_program_is_made():
    def f(x):
        scale = autograd.ones(4).cumsum(0) / 10
        return x * scale

    assert len(calls(compiled(f, draw(4)))) == 1


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_large_products_of_the_same_factors_are_computed_once(backend: str):
    if backend == "numba":
        pytest.importorskip("numba")
    for size, fewer in ((LARGE, 4), (LARGE // 8, 0)):
        x = autograd.linspace(-3, 3, size, requires_grad=True)

        def step(x=x):
            (slope,) = autograd.grad((x + 0.3 * x * x * x).tanh().sum(), x)
            return slope

        program = autograd.compile(step, fullgraph=True, backend=backend)
        plain = autograd.compile(step, fullgraph=True, passes=set(PASSES) - {"match_products"})
        for _ in range(3):
            found, other, true = program().numpy(), plain().numpy(), step().numpy()
        np.testing.assert_array_equal(other, true)
        if backend == "numpy":
            assert code_of(plain).count("multiply(") - code_of(program).count("multiply(") == fewer
            assert np.array_equal(found, true) is not bool(fewer)
            assert (abs(found - true) <= 2 * np.spacing(abs(true))).all(), "2 ulp"
        np.testing.assert_allclose(found, true, 1e-5, 2e-6)  # 1 - tanh(x)**2 is rounding for large x


def test_products_of_the_same_factors_stay_apart_unless_both_are_added_up():
    def apart(x):
        return (x * x) * 1e-30, x * (x * 1e-30)

    def written_in_between(x):
        a = (x * 2.0) * x
        x += 1
        return (a + x * (x * 2.0),)

    def added(x):
        return ((x * 2.0) * 3.0 * x + (x * 3.0) * (x * 2.0),)

    def doubled(x):
        a, b = (x * 2.0) * 3.0, (x * 3.0) * 2.0
        for _ in range(50):  # in each sum twice
            a, b = a + a, b + b
        return (a, b)

    for function, given, matched in (
        (apart, 1e30, 0), (written_in_between, 1.0, 0), (doubled, 1.0, 0), (added, 0.1, 2),
    ):  # fmt: skip
        program = autograd.compile(function, fullgraph=True)
        plain = autograd.compile(function, fullgraph=True, passes=set(PASSES) - {"match_products"})
        with np.errstate(over="ignore"):
            for _ in range(3):
                for f in (program, plain):
                    found, true = (f(autograd.full((LARGE,), given)) for f in (f, function))
                    for a, b in zip(found, true, strict=True):
                        np.testing.assert_allclose(a, b, 3e-7 if matched else 0)
        assert code_of(plain).count("multiply(") - code_of(program).count("multiply(") == matched


def test_copies_are_left_out_unless_one_side_is_written():
    def only_read(x):
        return x.exp().clone() * 2

    def written(x):
        y = x.exp()
        z = y.clone()
        y *= 2
        return y + z

    def in_part(x):
        y = x.exp()
        y[1:] += x[1:]
        return y

    assert not any("b[1:] = " in line for line in calls(compiled(in_part, draw(4))))
    assert any("b[1:] = " in line for line in calls(compiled(in_part, draw(4), without=("remove_copies",))))
    assert not any("[...] = " in line for line in calls(compiled(only_read, draw(4))))
    assert any("[...] = " in line for line in calls(compiled(written, draw(4))))
    assert any("[...] = " in line for line in calls(compiled(only_read, draw(4), without=("remove_copies",))))


def test_what_nothing_else_needs_is_written_in_the_place_of_its_copy():
    def alone(x):
        z = x.exp().clone()
        z *= 2
        return z

    def shared(x):
        y = x.exp()
        z, w = y.clone(), y.clone()
        z *= 2
        return z, w

    def given(x):
        z = x.clone()
        z *= 2
        return z

    assert [" = array(" in line for line in calls(compiled(alone, draw(4)))] == [False, False]
    for function in (shared, given):
        assert sum(" = array(" in line for line in calls(compiled(function, draw(4)))) == 1


def test_a_copy_of_what_was_cut_from_a_copy_is_still_one():
    """Of an argument at least one is left, for the result may not be a part of that."""
    x = draw(4, 3)
    step = compiled(lambda x: x.clone().reshape(-1)[2:].clone(), x)
    assert not np.shares_memory(step(x).numpy(), x.numpy())
    assert sum("copy" in line or "array(" in line or "[...] = " in line for line in calls(step)) == 1


def test_what_is_written_in_place_is_computed_there():
    def f(x, w):
        y = x * 2
        y += 1
        y[1:] *= y[:-1].clone()
        w.copy_(w @ x)
        return y

    def run(**options):
        w = draw(3, 3, seed=1)
        program = autograd.compile(lambda x: f(x, w), fullgraph=True, **options)
        return [program(draw(3, 3)).tolist() for _ in range(3)], w.tolist(), calls(program)

    found, w, lines = run()
    expected, same, more = run(passes=ALL - {"write_directly"})
    assert (found, w) == (expected, same)
    assert len(lines) < len(more)


def test_a_result_is_never_the_argument_itself():
    def f(x):
        return x.clone()

    program = compiled(f, draw(4))
    x = draw(4)
    y = program(x)
    y += 1
    assert x.tolist() == draw(4).tolist()


def test_numpys_slow_reductions_are_called_by_what_they_come_to():
    def f(x):
        return np.sum(np.exp(x), axis=0) + np.max(x)

    assert "np.sum" not in code_of(compiled(f, np.ones((2, 3))))
    assert "np.sum" in code_of(compiled(f, np.ones((2, 3)), without=("simplify_calls",)))


def test_buffers_share_bytes_when_they_live_one_after_the_other():
    def f(x):
        for _ in range(10):
            x = (x @ x).tanh()
        return x

    plan = compiled(f, draw(16, 16))._versions[0].emitter.plan
    assert plan.before >= 19 * 16 * 16 * 4
    assert plan.after <= 2 * 16 * 16 * 4


def peak_of(call: Callable[[], Any]) -> int:
    """The bytes that a call needs at its worst moment, beyond what is there before."""
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_dead_takes_up_no_memory():
    def f(x, w):
        for _ in range(8):
            x = nn.functional.pad(x @ w, (1, 1, 1, 1)).tanh()[1:-1, 1:-1].clone() + x[None].transpose(1, 2)[0]
        return x.sum()

    x, w = draw(128, 128), draw(128, 128, seed=1) / 16
    program = compiled(f, x, w)
    plan = program._versions[0].emitter.plan
    assert plan.before >= 8 * 4 * 128 * 128 * 4  # sums, pads, tanhs and copies
    assert plan.after < 4 * 130 * 130 * 4
    program(w, x)  # from now on it is not compared with the function any more
    assert peak_of(lambda: program(x, w)) < 128 * 128 * 4


def test_of_a_recording_no_array_is_kept():
    x = draw(256, 256)

    def make():
        program = autograd.compile(lambda x: sum([(x * i).tanh().sum() for i in range(20)]), fullgraph=True)
        for _ in range(4):
            program(x)
        made.append((program, tracemalloc.get_traced_memory()[0]))

    made: list[Any] = []
    peak_of(make)
    assert made[0][1] < 3 * x.numpy().nbytes


def test_an_array_is_let_go_before_another_is_made():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))

    def step(x):
        model.zero_grad()
        model(x).sum().backward()
        return [p.grad.clone() for p in model.parameters()]

    x = draw(128, 256)
    plan = compiled(step, x)._versions[0].emitter.plan
    other = compiled(step, x, without=("free_early", "make_late"))._versions[0].emitter.plan
    assert plan.after < other.after


def test_calls_whose_place_matters_stay_there():
    w = draw(128, 256, seed=1)

    def step(x):
        y = x @ w  # 128 KiB; needed again before x is written, and after
        z = y.exp()
        s = z.sum(0)
        x += 1
        big = x @ w
        return (y * s).sum() + (big * z).sum(), x.clone()

    for names in ((), ("free_early",), ("make_late",)):
        program = autograd.compile(step, fullgraph=True, passes=ALL - set(names))
        for seed in range(3):
            ours, theirs = draw(128, 128, seed=seed), draw(128, 128, seed=seed)
            for a, b in zip(program(ours), step(theirs), strict=True):
                np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_what_is_written_after_it_was_concatenated_is_no_part_of_the_result():
    def f(a, b):
        x, z = a + b, a * b
        y = autograd.cat([x, z])
        x += 1
        return y * 3, x * 2

    compiled(f, draw(4), draw(4, seed=1))


def test_a_result_is_scratch_space_until_it_is_made():
    program = compiled(lambda x: (x * x + 1).exp() * x, draw(2 * LARGE))
    assert "scratch" not in code_of(program)
    program = compiled(lambda x: (x.exp() + 1, x.exp() * (x + 2)), draw(2 * LARGE))
    assert code_of(program).count("scratch1 = ") <= 1


def test_a_result_does_not_lie_over_what_the_same_blocks_read_otherwise():
    def f(x):
        y = x.cumsum(0)
        return (y.T * 3 + 1).T.sum(1) + (y * 2).square().sum(1) + (y + y.T).sum(1)

    compiled(f, draw(600, 600).sign())  # whole numbers: in whatever order, sums are exact


def test_gradients_are_made_where_the_optimizer_wants_them():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = draw(6, 4)

    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    program = autograd.compile(step, fullgraph=True)
    for _ in range(5):
        program(x)
    assert "concatenate(" not in code_of(program).split("def step(")[1]
    first = [p.grad for p in model.parameters()]
    kept = [g.numpy().copy() for g in first]
    program(x)
    for g, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(g.numpy(), before)


@pytest.mark.parametrize("size", [LARGE, 2 * LARGE + 12345])
def test_large_elementwise_runs_are_computed_in_blocks(size):
    def gelu(x):
        x = x.detach().requires_grad_()
        y = 0.5 * x * (1 + (0.7978845608 * (x + 0.044715 * x * x * x)).tanh())
        (g,) = autograd.grad(y.sum(), x)
        return g, y.detach()

    program = compiled(gelu, draw(size), without=("match_products",))
    assert code_of(program).count("in_blocks(") == 1
    plan = program._versions[0].emitter.plan
    assert plan.after == 0  # all between is scratch space of a block


def test_small_arrays_are_not_cut_into_blocks():
    assert "in_blocks" not in code_of(compiled(lambda x: (x.exp() * 2).tanh(), draw(1000)))


def test_broadcast_operands_and_written_arrays_take_part_in_runs():
    def f(x, row):
        y = x * 2
        y += 1
        y *= x
        return (y + row).exp(), y

    compiled(f, draw(512, LARGE // 256), draw(LARGE // 256))


@pytest.mark.parametrize("left_out", sorted(PASSES))
def test_no_pass_changes_a_number(left_out):
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    x, y = draw(6, 4), autograd.tensor([0, 1, 2, 0, 1, 2])

    def losses(passes):
        for p, value in zip(model.parameters(), start, strict=True):
            p.data = value.clone()
        optimizer = optim.Adam(model.parameters(), lr=0.05)

        def step():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        run = step if passes is None else autograd.compile(step, fullgraph=True, passes=passes)
        return [run() for _ in range(6)]

    start = [p.detach().clone() for p in model.parameters()]
    assert losses(ALL - {left_out}) == losses(None)


def test_an_array_that_is_made_to_be_written_whole_is_made_by_the_call():
    def f(x):
        out, sums = np.empty(x.shape, x.dtype), np.zeros(x.shape, x.dtype)
        np.multiply(x, 2.0, out=out[:])
        np.add(sums, out, out=sums)  # which reads what was there
        return out, sums

    x = np.arange(4.0)
    assert "empty(" not in code_of(compiled(f, x)).split("def step")[1]
    assert "zeros(" in code_of(compiled(f, x))
    assert "empty" in code_of(compiled(f, x, without=("make_directly",))).split("def step")[1]


def test_the_result_keeps_its_dtype_where_the_call_alone_would_make_another():
    def f(x, y):
        out = np.empty(x.shape, np.float32)
        return np.multiply(x, y, out=out)

    made = autograd.compile(f, fullgraph=True)
    for _ in range(3):
        assert made(np.ones(3, np.float32), np.ones(3)).dtype == np.float32


def test_a_pass_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no pass 'remove_all'; expected some of simplify_calls"):
        autograd.compile(lambda x: x, passes=["remove_all"])
