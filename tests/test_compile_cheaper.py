"""What makes a compiled step cheap: calls that cost less for the same numbers, and gradients whose arrays are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd.compiler.memory import placed
from autograd.compiler.passes import PASSES
from autograd.compiler.runs import LARGE
from tests.helpers import code_of

ODD = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.0]


def text(function: Callable[..., Any], *args: Any, without: str = "") -> str:
    """The program, whose results must be the function's bit for bit."""
    program = autograd.compile(function, fullgraph=True, passes=set(PASSES) - {without})
    with np.errstate(all="ignore"):
        for _ in range(3):
            assert np.asarray(program(*args)).tobytes() == np.asarray(function(*args)).tobytes()
    return code_of(program)


def draw(*shape: int, dtype: Any = np.float32) -> Any:
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    if array.ndim > 1:
        flat = array.reshape(-1)
        flat[: min(len(flat), len(ODD))] = ODD[: len(flat)]
    return array


def clean(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def masked(x: Any, mask: Any) -> Any:
    return np.multiply(x, mask)


CASES: list[tuple[str, str, Callable[..., Any], tuple[Any, ...]]] = [
    ("use_dot", "np.dot", lambda x, y: np.matmul(x, y), (clean(5, 7), clean(7, 3))),
    ("use_dot", "np.dot", lambda x, y: np.matmul(x, y.T), (clean(5, 7), clean(3, 7))),
    ("use_dot", "np.dot", lambda x: np.matmul(x, x.T), (clean(5, 7, dtype=np.float64),)),
    ("use_dot", "np.dot", lambda x, v: np.matmul(x, v), (clean(5, 7), clean(7))),
    ("use_dot", "np.dot", lambda v, x: np.matmul(v, x), (clean(5), clean(5, 7))),
    ("use_square", "np.square", lambda x: np.multiply(x, x), (draw(4, 4),)),
    ("use_square", "np.square", lambda x: np.multiply(x, x), (draw(4, 4, dtype=np.float64),)),
    ("drop_views", "", lambda x: np.add(np.reshape(x, (4,)), 1), (clean(4),)),
    ("reduce_in_segments", "reduceat", lambda x: np.max(x, axis=1), (draw(6, 9),)),
    ("reduce_in_segments", "reduceat", lambda x: np.min(x, axis=-1, keepdims=True), (draw(2, 3, 9),)),
    ("reduce_in_segments", "reduceat", lambda x: np.max(x, axis=1, initial=-np.inf), (draw(6, 9),)),
    ("reduce_in_segments", "reduceat", lambda x: np.minimum.reduce(x, 1, dtype=None, initial=np.inf), (draw(6, 9),)),
    ("widen_masks", "] = mask", masked, (draw(4, 4), np.eye(4, dtype=bool))),
    ("widen_masks", "] = mask", lambda x, mask: masked(x.view(np.int32), mask), (draw(4, 4), np.eye(4, dtype=bool))),
    ("spread_operands", "] = row", lambda x, row: np.add(x, row), (draw(4, 5), clean(5))),
    ("spread_operands", "] = row", lambda x, row: np.divide(row, x), (draw(4, 5), clean(4, 1))),
    ("spread_operands", "(x, c,", lambda x: np.exp(np.maximum(x, 0.0)), (draw(4, 5),)),
]


@pytest.mark.parametrize(("name", "sign", "function", "args"), CASES)
def test_a_cheaper_call_gives_the_same_bits(name, sign, function, args):
    if name == "drop_views":
        assert "reshape" not in text(function, *args)
        assert "reshape" in text(function, *args, without=name)
    else:
        assert sign in text(function, *args)
        assert sign not in text(function, *args, without=name)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lambda x, y: np.matmul(x, y), (clean(2, 3, 4), clean(4, 5))),  # a stack
        (lambda x, y: np.matmul(x, y), (clean(3, 1), clean(1, 5))),
        (lambda x, y: np.matmul(x, y), (clean(3, 4).astype(np.int32), clean(4, 5))),
        (lambda x, y: np.matmul(x[::2, ::2], y), (clean(6, 8), clean(4, 5))),
        (lambda x: np.multiply(x, x), (np.arange(5),)),
        (lambda x: np.max(x, axis=0), (draw(3, 4),)),
        (lambda x: np.max(x, axis=1), (clean(4, 200),)),
        (lambda x: np.max(x, axis=1, initial=0.5), (draw(6, 9),)),
        (lambda x: np.max(x, axis=1, initial=np.inf), (draw(6, 9),)),
        (lambda x, row: np.add(x, row), (clean(3, 4), clean(4, dtype=np.float64))),
        (lambda x, row: np.add(x, row), (clean(300, 200), clean(200))),
        (lambda x, row: np.add(x, row), (clean(3, 1), clean(1, 4))),
        (masked, (clean(3, 4), np.ones(4, bool))),
    ],
)
def test_what_would_not_be_the_same_or_not_cheaper_stays(function, args):
    program = text(function, *args)
    assert not any(sign in program for sign in ("np.dot", "np.square", "reduceat", "[...]"))


def test_a_row_of_zeros_stands_beside_wide_arrays():
    x = draw(64, 1024)
    program = autograd.compile(lambda x: np.maximum(x, 0.0) + 1, fullgraph=True)
    for _ in range(3):
        np.testing.assert_array_equal(program(x), np.maximum(x, 0.0) + 1)
    assert [value.shape for value in program._versions[0].emitter.static] == [(1024,)]


def test_numbers_that_change_are_rounded_as_numpy_rounds_them():
    x, rate = clean(5), [0.1]

    def step():
        rate[0] = rate[0] * 0.7
        return np.multiply(x, rate[0])

    program = autograd.compile(step, fullgraph=True)
    found = [program().tobytes() for _ in range(6)]
    rate[0] = 0.1
    assert found == [step().tobytes() for _ in range(6)]
    assert "_array" in program.source


# ---- gradients -------------------------------------------------------------------------------------------------------


class Trained:
    """A model with its compiled step, after its program is trusted; a twin takes the same steps eagerly."""

    def __init__(self, optimizer: str) -> None:
        self.models, self.steps = [], []
        for _ in range(2):
            autograd.manual_seed(0)
            model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
            made = getattr(optim, optimizer)(model.parameters(), lr=0.1)
            self.models.append(model)
            self.steps.append(self._step(model, made))
        self.steps[0] = autograd.compile(self.steps[0], fullgraph=True)
        self.x = autograd.tensor(clean(5, 3))
        for _ in range(5):
            self.step()

    def _step(self, model: Any, optimizer: Any) -> Callable[[Any], Any]:
        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    def step(self) -> None:
        """One step of both, which must agree."""
        losses = [step(self.x).item() for step in self.steps]
        assert losses[0] == losses[1]
        for a, b in zip(self.models[0].parameters(), self.models[1].parameters(), strict=True):
            assert a.tolist() == b.tolist()
            assert a.grad.tolist() == b.grad.tolist()
            assert not a.grad.requires_grad

    @property
    def weight(self) -> Any:
        return self.models[0][0].weight


@pytest.fixture(params=["SGD", "Adam"])
def trained(request: Any) -> Trained:
    return Trained(request.param)


def test_gradients_that_nobody_has_seen_are_written_again(trained):
    places = set()
    for _ in range(4):
        trained.step()
        places.add(trained.weight.grad.numpy().ctypes.data)
    assert len(places) == 1


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the Tensor": lambda p: p.grad,
    "its array": lambda p: p.grad.numpy(),
    "a view": lambda p: p.grad.numpy()[1:],
    "a view's Tensor": lambda p: p.grad[0],
    "its bytes": lambda p: memoryview(p.grad.numpy()),
    "a graph": lambda p: p.grad * p.detach().clone().requires_grad_(),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_gradients_that_somebody_holds_stay(trained, holder):
    def value(held):
        return bytes(held) if isinstance(held, memoryview) else np.array(getattr(held, "_data", held)).tobytes()

    held = HOLDERS[holder](trained.weight)
    before = value(held)
    trained.step()
    trained.step()
    assert value(held) == before


def test_a_graph_that_saved_a_gradient_can_still_be_swept(trained):
    w = autograd.ones(4, 3, requires_grad=True)
    expected = trained.weight.grad.tolist()
    out = (trained.weight.grad * w).sum()
    trained.step()
    out.backward()
    assert w.grad.tolist() == expected


def test_an_array_that_was_replaced_in_the_gradient_stays(trained):
    held = trained.weight.grad.numpy()
    before = held.copy()
    trained.weight.grad.data = autograd.zeros(4, 3)
    trained.step()
    np.testing.assert_array_equal(held, before)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "none": lambda p: setattr(p, "grad", None),
    "another": lambda p: setattr(p, "grad", autograd.ones(4, 3)),
    "overwritten": lambda p: p.grad.mul_(3),
    "requires grad": lambda p: p.grad.requires_grad_(),
    "has a gradient": lambda p: setattr(p.grad, "grad", autograd.ones(4, 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_gradients_are_made_anew(trained, change):
    CHANGES[change](trained.weight)
    trained.step()
    assert trained.weight.grad.grad is None
    trained.step()


def test_gradients_that_add_up_are_read_and_not_kept():
    w = autograd.ones(3, requires_grad=True)

    def step(x):
        (w * x).sum().backward()

    program = autograd.compile(step, fullgraph=True)
    x = autograd.tensor(clean(3))
    for count in range(1, 7):
        program(x)
        np.testing.assert_allclose(w.grad.numpy(), count * x.numpy(), rtol=1e-6)


# ---- guards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda group: group["params"].pop(),
        lambda group: group.update(params=group["params"][::-1]),
        lambda group: group.update(lr=0.3),
        lambda group: group.update(betas=(0.5, 0.6)),
        lambda group: group["params"][0].requires_grad_(False),
    ],
)
def test_changes_of_an_optimizers_group_are_noticed(change):
    runs = []
    for compiled in (True, False):
        autograd.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = autograd.compile(step, fullgraph=True) if compiled else step
        x = autograd.tensor(clean(5, 3))
        losses = [run(x).item() for _ in range(5)]
        change(optimizer.param_groups[0])
        losses += [run(x).item() for _ in range(5)]
        change(optimizer.param_groups[0])
        losses += [run(x).item() for _ in range(3)]
        runs.append((losses, [p.tolist() for p in model.parameters()]))
    assert runs[0] == runs[1]


def test_lists_of_ours_that_are_equal_but_others_are_watched():
    optimizer = optim.SGD([autograd.ones(3, requires_grad=True)], lr=0.1)
    (w,) = optimizer.param_groups[0]["params"]

    def step(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    program = autograd.compile(step)
    x = autograd.tensor(clean(3))
    for _ in range(4):
        program(x)
    other = list(optimizer.param_groups[0]["params"])
    optimizer.param_groups[0]["params"] = other
    program(x)
    before = w.tolist()
    other.clear()
    program(x)
    assert w.tolist() == before


def test_numbers_are_checked_before_anything_is_written():
    rates = [0.5]
    w = autograd.ones(3)

    def step():
        w.mul_(2)
        rates[0] += 0.25
        if rates[0] < 2.25:
            w.add_(rates[0])

    program = autograd.compile(step, fullgraph=True)
    for _ in range(6):
        program()
    assert program.source.index("return _DEVIATED") < program.source.index("multiply(w")
    assert "saved" not in program.source
    for _ in range(3):
        program()
    twin, rate = np.ones(3, np.float32), 0.5
    for _ in range(9):
        twin *= 2
        rate += 0.25
        twin += np.float32(rate) if rate < 2.25 else 0
    assert w.tolist() == twin.tolist()


def test_what_a_check_needs_is_computed_before_anything_is_written():
    count, total = autograd.zeros(()), autograd.zeros(3)

    def step(x, limit):
        total.add_(x)
        big = x.sum() > limit  # of what is there before the call
        count.add_(1)
        if big:
            return total * 2
        return total * 3

    program, x = autograd.compile(step), autograd.arange(3.0)
    for limit in (100.0, 100.0, 100.0, 100.0):
        program(x, limit)
    assert "saved" not in program.source
    assert (
        program.source.index("return _DEVIATED") < program.source.index("add(total") < program.source.index("add(count")
    )
    before = total.tolist()
    np.testing.assert_array_equal(program(x, 0.0).numpy(), 2 * (np.float32(before) + x.numpy()))
    assert count.item() == 5


def test_only_what_is_written_before_a_check_is_put_back():
    first, second = autograd.zeros(3), autograd.zeros(3)

    def step(x):
        first.add_(x)
        if first.sum() > 10:
            return first * 1
        second.add_(x)
        if second.sum() > 8:
            second.zero_()
        return first + second

    program = autograd.compile(step, fullgraph=True)
    expected = np.zeros((2, 3), np.float32)
    for number in (1.0, 0.5, 0.5, 0.5, 1.0, -2.0, 0.25, 3.0, 0.25):
        program(autograd.full((3,), number))
        expected[0] += number
        if expected[0].sum() <= 10:
            expected[1] += number
            expected[1] *= expected[1].sum() <= 8
        assert [first.tolist(), second.tolist()] == expected.tolist()
    restored = [version.emitter.source.count("[...] = saved") for version in program._versions]
    assert sorted(restored) == [1, 3]  # after the first check one array, after the second both


def test_equal_checks_are_made_once():
    rates = [0.5]
    weights = [autograd.ones(3) for _ in range(4)]

    def step():
        rates[0] += 0.25
        for w in weights:
            if rates[0] < 100:
                w.add_(rates[0])

    program = autograd.compile(step, fullgraph=True)
    for _ in range(5):
        program()
    assert program.source.count("return _DEVIATED") == 1


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_pieces_of_memory_that_are_needed_together_do_not_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        starts = rng.integers(0, 30, 25)
        spans = {i: (int(at), int(at + rng.integers(0, 10))) for i, at in enumerate(starts)}
        sizes = [int(size) for size in rng.integers(1, 5000, 25)]
        total, offsets = placed(spans, sizes)
        for a in spans:
            assert offsets[a] % 64 == 0
            assert offsets[a] + sizes[a] <= total
            for b in range(a):
                if spans[a][0] <= spans[b][1] and spans[b][0] <= spans[a][1]:
                    assert offsets[a] + sizes[a] <= offsets[b] or offsets[b] + sizes[b] <= offsets[a]


def test_large_buffers_take_the_bytes_of_those_that_are_done():
    def f(x):
        for size in (96, 128, 64, 112):
            x = np.tanh(np.matmul(x[:, :1].repeat(size, 1), np.ones((size, 256), np.float32)))
        return x

    program = autograd.compile(f, fullgraph=True)
    x = clean(256, 256)
    for _ in range(3):
        np.testing.assert_array_equal(program(x), f(x))
    plan = program._versions[0].emitter.plan
    assert plan.after < plan.before / 2


def test_what_blocks_read_is_not_overwritten_by_other_blocks():
    def f(x):
        y = np.exp(x)  # used for the last time inside of the run, by another call than the first
        z = np.multiply(np.add(y, x), 2.0)
        return np.greater(z, y).astype(np.float32) + np.less(x, z)

    x = clean(LARGE * 3)
    program = autograd.compile(f, fullgraph=True)
    for _ in range(3):
        np.testing.assert_array_equal(program(x), f(x))
