"""What training programs do in and around a compiled step: it goes on as it would uncompiled, bit for bit.

Each was found by programs put together at random of models, losses, optimizers and what users do between two steps.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import importlib.util
import pickle
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd import compiler
from autograd.compiler.arrays import RecordingArray
from tests.helpers import require_same


def rows(seed: int, *shape: int, dtype: str = "float32") -> Any:
    return autograd.tensor(np.random.default_rng(seed).normal(size=shape or (4, 3)).astype(dtype))


def check(make: Callable[[Any], Any], data: Any = rows, calls: int = 8, whole: bool = True) -> None:
    """Run what ``make(compile)`` returns, a step and what tells its state, uncompiled and compiled.

    There must be a program, of all of it or of all but its last lines, without a warning, and few recordings.
    """
    (eager, expected), (compiled, state) = make(lambda function: function), make(compiler.compile)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(calls):
            draws = autograd.get_rng_state()
            result = eager(data(i))
            after = autograd.get_rng_state()
            autograd.set_rng_state(draws)
            require_same(compiled(data(i)), result, f"call {i}: the result")
            require_same(state(), expected(), f"call {i}: the state")
            require_same(autograd.get_rng_state(), after, f"call {i}: the generator")
    assert (compiled._halves is None) is whole
    made = compiled if whole else compiled._halves[0]
    assert made.source
    assert made.recordings <= 4


def trained(model: Callable[[], Any], loss: Callable[[Any, Any], Any], optimizer: Any = optim.Adam) -> Any:
    """A step of training, to be made twice."""

    def make(compile: Any) -> Any:
        autograd.manual_seed(0)
        made = model()
        update = optimizer(made.parameters())

        def step(x: Any) -> Any:
            update.zero_grad()
            found = loss(made, x)
            found.backward()
            update.step()
            return found.detach()

        return compile(step), lambda: [made.state_dict(), *made.buffers(), update.state_dict()]

    return make


# ---- state -----------------------------------------------------------------------------------------------------------


class Centred(nn.Module):
    """A buffer that is another Tensor after each call."""

    def __init__(self, persistent: bool) -> None:
        self.inner = nn.Linear(3, 3)
        self.register_buffer("mean", autograd.zeros(1), persistent=persistent)

    def forward(self, x: Any) -> Any:
        y = self.inner(x)
        self.mean = 0.9 * self.mean + 0.1 * y.detach().mean()
        return y - self.mean


@pytest.mark.parametrize("persistent", [True, False])
def test_buffers_that_are_replaced_remain_buffers(persistent: bool) -> None:
    check(trained(lambda: Centred(persistent), lambda model, x: model(x).square().mean()))


def test_a_buffer_is_returned_as_one() -> None:
    compiled = compiler.compile(lambda x: nn.Buffer(x * 2, persistent=False))
    for i in range(4):
        found = compiled(rows(i))
        assert type(found) is nn.Buffer
        assert not found.persistent
    assert compiled.source


def test_data_that_is_replaced_at_each_step() -> None:
    def make(compile: Any) -> Any:
        w = autograd.ones(3, requires_grad=True)

        def step(x: Any) -> Any:
            loss = (x @ w).square().mean()
            loss.backward()
            w.data = w.data - 0.1 * w.grad
            w.grad = None
            return loss.detach()

        return compile(step), lambda: w

    check(make)


@pytest.mark.parametrize("kind", [optim.RMSprop, optim.SGD])
def test_weights_clipped_into_new_arrays(kind: Any) -> None:
    def make(compile: Any) -> Any:
        autograd.manual_seed(0)
        critic = nn.Linear(3, 2)
        update = kind(critic.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            update.zero_grad()
            loss = critic(x).square().mean()
            loss.backward()
            update.step()
            for p in critic.parameters():
                p.data = p.data.clamp(-0.1, 0.1)
            return loss.detach()

        return compile(step), lambda: [critic.state_dict(), update.state_dict()]

    check(make)


@pytest.mark.parametrize("before", [True, False])
def test_what_shares_the_memory_of_parameters(before: bool) -> None:
    """A view taken before the optimizer was made, or after."""

    def make(compile: Any) -> Any:
        autograd.manual_seed(0)
        net = nn.Linear(3, 2)
        view = net.weight.detach() if before else None
        update = optim.Adam(net.parameters(), lr=0.1)
        view = net.weight.detach() if view is None else view

        def step(x: Any) -> Any:
            update.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            update.step()
            return loss.detach()

        return compile(step), lambda: [net.state_dict(), update.state_dict(), view.clone()]

    check(make)


def test_data_of_another_shape_is_refused() -> None:
    w = autograd.ones(3, requires_grad=True)

    @compiler.compile
    def step(x: Any) -> Any:
        loss = (x * w).sum()
        loss.backward()
        w.grad, w.data = None, autograd.ones(len(w) + 1)
        return loss.detach()

    assert step(autograd.ones(3)).item() == 3  # once, as a lazy parameter is
    with pytest.warns(UserWarning, match="w requires grad, and is given another shape"):
        assert step(autograd.ones(4)).item() == 4
    for n in (5, 6):
        assert step(autograd.ones(n)).item() == n


@pytest.mark.parametrize("verify", [True, False])
def test_the_shape_of_a_state_that_is_not_read_is_guarded(verify: bool) -> None:
    class Smooth:
        last: Any = None

        def __call__(self, x: Any) -> Any:
            y = x * 1
            if self.last is not None and self.last.shape == y.shape:
                y = 0.5 * (y + self.last)
            self.last = y.detach()
            return y

    eager, compiled = Smooth(), compiler.compile(Smooth(), verify=verify)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i, n in enumerate([4, 4, 4, 4, 4, 1, 4, 4, 4, 1, 4, 4, 1, 1, 4]):
            require_same(compiled(rows(i, n, 2)), eager(rows(i, n, 2)), f"call {i}")


def test_a_limit_of_gradients_that_changes_between_the_steps() -> None:
    model = nn.Linear(3, 2)
    limits = [0.1 * 0.9**i for i in range(30)]

    @compiler.compile(fullgraph=True)
    def step(x: Any, limit: float) -> Any:
        model.zero_grad()
        model(x).square().mean().backward()
        nn.utils.clip_grad_value_(model.parameters(), limit)

    for i, limit in enumerate(limits):
        step(rows(i), limit)
        assert model.weight.grad.abs().max().item() == np.float32(limit)
    assert step.recordings <= 3


@pytest.mark.parametrize("rate", [float, autograd.tensor])
def test_groups_that_are_added_between_the_steps(rate: Any) -> None:
    """The optimizer lays out its state anew, and begins it with a rate that is an argument of the program."""
    model = nn.Linear(3, 3)
    update = optim.Rprop(model.parameters(), lr=rate(0.01))

    @compiler.compile(fullgraph=True)
    def step(x: Any) -> Any:
        update.zero_grad()
        loss = model(x).square().mean() + sum(p.sum() for group in update.param_groups[1:] for p in group["params"])
        loss.backward()
        update.step()
        return loss.detach()

    for i in range(12):
        update.param_groups[0]["lr"] *= 0.99
        step(rows(i))
        if i == 6:
            update.add_param_group({"params": [nn.Parameter(autograd.ones(2))], "lr": rate(0.1)})
    assert step.recordings <= 6


# ---- models ----------------------------------------------------------------------------------------------------------


def checkpointed(model: Any, x: Any) -> Any:
    y = autograd.checkpoint(model[0], x)
    return (autograd.checkpoint(model[1], y) + autograd.randn(4, 4)).square().mean()


CHECKPOINTS = {
    "of numbers": lambda model, x: autograd.checkpoint(lambda y: (y * 2.5).tanh() / 3, model(x)),
    "of a list": lambda model, x: autograd.checkpoint(lambda ys: model(ys[0]) * ys[1], [x * 1, x.exp()]),
    "by a variable": lambda model, x: autograd.checkpoint(lambda scale: model(x.sin()) * scale, scale=x.square()),
    "with dropout": lambda model, x: autograd.checkpoint(lambda y: F.dropout(model(y)).tanh(), x),
    "one in another": lambda model, x: autograd.checkpoint(lambda y: autograd.checkpoint(model, y * 2).exp(), x + 1),
    "of saved halves": lambda model, x: halved(lambda y: model(y).tanh() * y, x * 1),
}


def halved(function: Any, x: Any) -> Any:
    with autograd.saved_tensors_hooks(lambda t: t.half(), lambda t: t.float()):
        return function(x)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpointed_result_is_differentiated_afterwards(name: str) -> None:
    """The backward of a call that was recorded raised, and what stood for arrays then was left in its graph."""
    model = nn.Linear(4, 4)
    compiled = autograd.compile(lambda x: CHECKPOINTS[name](model, x).sum())
    for i in range(4):
        found = []
        for function in (compiled, compiled.function):
            autograd.manual_seed(i)
            model.zero_grad()
            x = (autograd.ones(2, 4) * i).requires_grad_()
            out = function(x)
            computed = [x for x in gc.get_objects() if isinstance(x, autograd.Tensor) and not x.is_leaf]
            assert not [tensor for tensor in computed if isinstance(tensor._data, RecordingArray)]
            autograd.rand(1)
            out.backward()
            found.append([out.detach(), x.grad, *[p.grad.clone() for p in model.parameters()]])
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_checkpoints_draw_again_what_they_drew() -> None:
    def model() -> Any:
        first = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh())
        return nn.ModuleList([first, nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.3))])

    check(trained(model, checkpointed))


def test_a_generator_that_is_set_back_is_refused() -> None:
    @compiler.compile
    def noisy(x: Any) -> Any:
        state = autograd.get_rng_state()
        y = x + autograd.randn(3)
        autograd.set_rng_state(state)
        return y

    with pytest.warns(UserWarning, match="a random generator is set back"):
        first = noisy(autograd.zeros(3))
    for _ in range(3):
        require_same(noisy(autograd.zeros(3)), first)


def test_other_draws_after_a_generator_was_set_back_are_refused() -> None:
    def noisy(x: Any) -> Any:
        state = autograd.get_rng_state()
        y = autograd.randn(3)
        autograd.set_rng_state(state)
        return x + y * autograd.randn(2, 3)

    def at(seed: int, function: Any) -> Any:
        autograd.manual_seed(seed)
        return function(autograd.zeros(3))

    compiled = compiler.compile(noisy)
    require_same(at(0, compiled), at(0, noisy))
    with pytest.warns(UserWarning, match="a random generator"):  # of what stands before that line
        require_same(at(1, compiled), at(1, noisy))
    for i in range(2, 5):
        require_same(at(i, compiled), at(i, noisy))


def test_rows_of_an_embedding_that_are_shortened() -> None:
    """How many are, and how many there are, differs from call to call."""
    words = lambda seed: autograd.tensor(np.random.default_rng(seed).integers(0, 9, (4, 5)))  # noqa: E731
    grown = lambda model, x: -model(x).square().mean()  # noqa: E731
    sgd = functools.partial(optim.SGD, lr=5.0)
    check(trained(lambda: nn.Embedding(9, 3, max_norm=1.0), grown, sgd), words, calls=12)


def penalized(model: Any, x: Any) -> Any:
    y = model(x)
    y = y / y.detach().abs().max()
    loss = y.square().mean()
    found = autograd.grad(loss, list(model.parameters()), create_graph=True)
    return loss + sum(g.square().sum() for g in found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_gradients_through_a_number(dtype: str) -> None:
    check(trained(lambda: nn.Linear(3, 2).to(dtype), penalized), functools.partial(rows, dtype=dtype))


def test_means_of_float16_are_rounded_as_uncompiled() -> None:
    def make(compile: Any) -> Any:
        mean = autograd.zeros(1, 6, dtype=autograd.float16)

        def step(x: Any) -> Any:
            np.add(mean.numpy(), np.mean(x.numpy() ** 2, -2, keepdims=True), out=mean.numpy())
            return mean * 2

        return compile(step), lambda: mean

    check(make, lambda seed: rows(seed, 50, 6, dtype="float16"))


# ---- arguments, methods, objects -------------------------------------------------------------------------------------


@dataclasses.dataclass
class Batch:
    """What data loaders give."""

    x: Any
    weight: float = 1.0

    def doubled(self) -> Any:
        return self.x * 2


def test_batches_are_dataclasses() -> None:
    kept: Any = Batch(None)

    def function(batch: Any, more: Any, state: Any) -> Any:
        state.weight += 1
        kept.x = batch
        return batch.doubled() * more["x"].weight + more["x"].x, batch is more["x"], state.weight, batch

    compiled, state = compiler.compile(function), Batch(None, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(10):
            first, second = Batch(rows(i)), Batch(rows(i + 1), i)
            second = first if i % 4 == 3 else second
            found, same, steps, given = compiled(first, {"x": second}, state)
            require_same(found, first.x * 2 * second.weight + second.x, f"call {i}")
            assert same is (first is second)
            assert steps == state.weight == i + 1
            assert given is kept.x is first
    assert compiled.recordings <= 5


def test_states_that_are_dataclasses_have_programs_of_their_own() -> None:
    def function(state: Any) -> Any:
        state.weight += 1
        state.x += state.weight
        return state.x * 2

    compiled = compiler.compile(function)
    found, expected = ([Batch(rows(i)) for i in range(3)] for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(15):
            require_same(compiled(found[i % 3]), function(expected[i % 3]), f"call {i}")
            require_same(vars(found[i % 3]), vars(expected[i % 3]), f"call {i}")
    assert compiled.recordings <= 8


def test_what_a_failing_function_left_in_containers_counts_once() -> None:
    """From the second call on they were known to change, and not put back before the function was called again."""
    counts = Batch(autograd.zeros(1), 0.0)
    history, logs, nested = list[int](), dict[str, Any](), {"losses": list[Any](), "counts": counts}

    @compiler.compile
    def failing(x: Any) -> Any:
        history.append(1)
        logs[f"call {len(logs)}"] = float(x.sum())
        nested["losses"].append(x)
        nested[f"{len(nested)}"] = x
        counts.x += 1
        counts.weight += 1
        raise LookupError

    for i in range(5):
        with pytest.raises(LookupError):
            failing(rows(i))
        assert (len(history), len(logs), len(nested["losses"]), len(nested) - 2) == (i + 1,) * 4
        assert counts.x.item() == counts.weight == i + 1


@pytest.mark.parametrize("asks", [True, False], ids=["reads", "writes"])
def test_settings_that_are_replaced_by_other_dataclasses(asks: bool) -> None:
    """``dataclasses.replace`` between calls: the second recording raised ``TypeError``, or lost what was written."""

    def make(compile: Any) -> Any:
        trainer = Trainer()
        trainer.settings = Batch(None)

        def step(x: Any) -> Any:
            if asks:
                return x * trainer.settings.weight
            trainer.settings.x = x * 2
            return x + 1

        return compile(step), trainer

    (eager, expected), (compiled, state) = make(lambda function: function), make(compiler.compile)
    for i in range(8):
        for trainer in (expected, state):
            if i in (2, 5):
                trainer.settings = dataclasses.replace(trainer.settings, weight=float(i))
        require_same(compiled(rows(i)), eager(rows(i)), f"call {i}")
        require_same(vars(state.settings), vars(expected.settings), f"call {i}: the settings")


class Trainer:
    """A compiled method, which is pickled and copied with its object."""

    def __init__(self) -> None:
        self.model = nn.Linear(3, 2)
        self.update = optim.Adam(self.model.parameters())
        self.history: list[float] = []
        self.settings: Any = None

    @compiler.compile
    def step(self, x: Any) -> Any:
        self.update.zero_grad()
        loss = self.model(x).square().mean()
        loss.backward()
        self.update.step()
        return loss.detach()

    def __call__(self, x: Any) -> Any:
        for part in (x[:2], x[2:]):
            self.update.zero_grad()
            loss = self.model(part).square().mean()
            loss.backward()
            self.update.step()
        self.history.append(loss.item())
        return loss.detach(), [p.grad for p in self.model.parameters()], [(lambda part: part)(1) for part in (1, 2)]


def test_pickled_methods_are_methods() -> None:
    trainer = Trainer()
    for i in range(4):
        trainer.step(rows(i))
    other = pickle.loads(pickle.dumps(trainer))
    assert not isinstance(other.step.function, compiler.Compiled)
    for i in range(4):
        require_same(other.step(rows(i)), trainer.step(rows(i)), f"call {i}")
    alone = pickle.loads(pickle.dumps(trainer.step))
    assert alone.function.__self__.step is alone
    assert trainer.step.source
    assert other.step.source


def test_other_threads_read_numbers_while_one_records() -> None:
    """What another thread wrote as a text was said to be the function's, and its arrays held what records."""
    state, found = {"rate": 1.0}, list[Any]()

    def read() -> None:
        rate = state["rate"]
        found.append((rate + 1, np.sqrt(rate), np.multiply(np.ones(2), rate), f"{rate:.1f}", rate > 2))

    def function(x: Any) -> Any:
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        return x * state["rate"]

    compiled = compiler.compile(function)
    for i in range(5):
        state["rate"] = rate = 1.0 + i
        require_same(compiled(np.ones(2)), np.ones(2) * rate)
    assert len(found) == 5
    for rate, made in zip(np.arange(1.0, 6.0).tolist(), found, strict=True):
        assert repr(made) == repr((rate + 1, np.sqrt(rate), np.full(2, rate), f"{rate:.1f}", rate > 2))


def test_a_program_is_compared_while_no_other_thread_records() -> None:
    """What is recorded stands in the places of what others share with it, such as the default generator."""

    def slow(x: Any) -> Any:
        time.sleep(0.3)
        return x * 2

    first, second = compiler.compile(slow), compiler.compile(lambda x: slow(x) + slow(x))
    first(rows(0))
    other = threading.Timer(0.1, second, [rows(0)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.start()
        require_same(first(rows(1)), rows(1) * 2)
    other.join()
    assert first.source
    require_same(second(rows(1)), rows(1) * 4)


# ---- last lines ------------------------------------------------------------------------------------------------------


def logging(compile: Any, kind: str) -> Any:
    autograd.manual_seed(0)
    trainer = Trainer()
    function = trainer if kind == "object" else functools.partial(Trainer.__call__, trainer)
    return compile(function), lambda: [trainer.model.state_dict(), trainer.history]


@pytest.mark.parametrize("kind", ["object", "partial"])
def test_objects_and_partials_that_log_at_their_end(kind: str) -> None:
    """Of a loop's variables, and lists made with variables of the same names."""
    check(functools.partial(logging, kind=kind), whole=False)


def test_last_lines_that_use_what_may_not_be_bound() -> None:
    history: list[float] = []

    @compiler.compile
    def step(parts: Any, flag: int) -> Any:
        if flag == 1:
            extra = 7.0
        for i, part in enumerate(parts):
            y = part * 2 + i * 0
        history.append(y.sum().item())
        if flag:
            history.append(extra)
        return y, i

    for n in (2, 2, 2, 2, 3, 3, 3):
        found, last = step([rows(i) for i in range(n)], n - 2)
        require_same(found, rows(n - 1) * 2)
        assert last == n - 1
    assert len(history) == 7 + 3
    assert step._halves is not None
    with pytest.raises(UnboundLocalError, match="extra"):
        step([rows(0)], 2)
    with pytest.raises(UnboundLocalError, match="y"):
        step([], 0)


def _named_in_a_comprehension(x: Any, seen: list[Any]) -> Any:
    y = x * 2
    finite = all(p > 0 for p in (1, 2))
    seen.append(float(y.sum()))
    for p in (1, 2):
        y = y * p
    return y, finite


def _imported(x: Any, seen: list[Any]) -> Any:
    import math as numbers
    from math import pi

    y = x * numbers.e
    seen.append(float(y.sum()) * pi)
    return y, numbers.sqrt(4)


def _matched(x: Any, seen: list[Any]) -> Any:
    match x.shape:
        case (rows, *columns):
            y = x * rows
    seen.append(float(y.sum()))
    return y, columns


@pytest.mark.parametrize("function", [_named_in_a_comprehension, _imported, _matched])
def test_names_that_the_last_lines_use(function: Any) -> None:
    """They were asked of the lines before, which do not have them, or were not: ``NameError``."""
    compiled = compiler.compile(function)
    found, expected = list[Any](), list[Any]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(4):
            require_same(compiled(rows(i), found), function(rows(i), expected), f"call {i}")
            assert found == expected
    assert compiled._halves is not None


def test_a_closure_before_the_last_lines() -> None:
    def make(compile: Any) -> Any:
        autograd.manual_seed(0)
        model, history = nn.Linear(3, 2), []
        update = optim.SGD(model.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            def closure() -> Any:
                update.zero_grad()
                loss = model(x).square().mean() + sum(p.sum() for p in model.parameters())
                loss.backward()
                return loss

            total = update.step(closure)
            history.append(total.detach())
            return total.detach(), [p.sum() for p in model.parameters()]

        return compile(step), lambda: [model.state_dict(), history]

    check(make, whole=False)


def test_a_function_is_not_cut_before_a_second_derivative() -> None:
    model = nn.Linear(3, 2)

    @compiler.compile
    def step(x: Any) -> Any:
        loss = model(x).square().mean()
        found = autograd.grad(loss * float(loss), [*model.parameters()], create_graph=True)
        return sum(g.square().sum() for g in found).detach()

    with pytest.warns(UserWarning, match="runs as it is"):
        first = step(rows(0))
    require_same(step(rows(0)), first)


def test_the_reason_for_too_many_recordings_is_the_last_one() -> None:
    class Settings:
        count = 0

    settings = Settings()

    @compiler.compile
    def step(x: Any) -> Any:
        settings.count += 1
        for _ in range(int((x > 0).sum())):
            x = x * 2
        return x

    def calls() -> None:
        for i in range(60):
            step(rows(i, 200))

    with pytest.warns(UserWarning, match="one more: what it decides by values turns out otherwise"):
        calls()


# ---- exported --------------------------------------------------------------------------------------------------------


class Twice(nn.Module):
    """A state that stands in two places."""

    def __init__(self) -> None:
        self.inner = nn.Linear(3, 3)
        self.last = self.first = autograd.zeros(3)

    def forward(self, x: Any) -> Any:
        self.last = self.first = 0.5 * self.last + self.inner(x).detach().mean(0)
        return self.inner(x) + self.first


def test_exported_states_in_two_places_and_watched_arrays(tmp_path: Any) -> None:
    model = Twice()
    update = optim.Adam(model.parameters())
    rate = autograd.tensor(0.1)

    @compiler.compile
    def step(x: Any) -> Any:
        update.zero_grad()
        loss = model(x).square().mean() + 0.1 * F.dropout(model.inner.weight, 0.5).abs().sum() * rate.item()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1, norm_type=float("inf"))
        update.step()
        return loss.detach()

    for i in range(6):
        step(rows(i))
    found = importlib.util.spec_from_file_location("exported_twice", step.export(tmp_path / "exported_twice.py"))
    assert found is not None
    module = importlib.util.module_from_spec(found)
    assert found.loader is not None
    found.loader.exec_module(module)
    for i in range(4):
        require_same(module.step(rows(i).numpy()), step(rows(i)).numpy(), f"call {i}")


# ---- what requires grad ----------------------------------------------------------------------------------------------


def test_networks_that_take_turns_in_requiring_grad() -> None:
    """As in adversarial training: each time the parameters were others to the guards, until there were too many."""

    def run(compile: Any) -> Any:
        autograd.manual_seed(0)
        made, judge = nn.Linear(2, 3), nn.Linear(3, 1)
        first, second = optim.Adam(judge.parameters()), optim.Adam(made.parameters())

        def judged(x: Any, z: Any) -> Any:
            first.zero_grad()
            loss = F.softplus(-judge(x)).mean() + F.softplus(judge(made(z).detach())).mean()
            loss.backward()
            first.step()
            return loss.detach()

        def improved(z: Any) -> Any:
            second.zero_grad()
            loss = F.softplus(-judge(made(z))).mean()
            loss.backward()
            second.step()
            return loss.detach()

        judged, improved = compile(judged), compile(improved)
        found = []
        for i in range(20):
            judge.requires_grad_(True)
            found.append(judged(rows(i), rows(i, 4, 2)))
            judge.requires_grad_(False)
            found.append(improved(rows(-i % 7, 4, 2)))
        return [*found, made.state_dict(), judge.state_dict()], judged, improved

    expected, (found, *compiled) = run(lambda function: function)[0], run(compiler.compile)
    require_same(found, expected)
    assert [step.recordings for step in compiled] == [2, 2]


def test_a_model_that_is_frozen_now_and_then() -> None:
    model = compiler.compile(nn.Linear(3, 2))
    for i in range(20):
        model.requires_grad_(i % 2 == 0)
        out = model(rows(i))
        assert out.requires_grad is (i % 2 == 0)
        if out.requires_grad:
            slopes = autograd.grad(out.sum(), list(model.parameters()))
            require_same(slopes[0], rows(i).sum(0).expand(2, 3).clone(), "the gradient of the weight")
    assert model.recordings == 2


def test_arguments_that_are_made_to_require_grad() -> None:
    """As for attacks, and for pictures of what a network looks at."""
    model = nn.Linear(3, 2)

    def attacked(x: Any, y: Any) -> Any:
        x.requires_grad_(True)
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        return (x + 0.1 * x.grad.sign()).detach()

    compiled = compiler.compile(attacked, fullgraph=True)
    for i in range(6):
        x, same, y = rows(i), rows(i), autograd.tensor([0, 1, 1, 0])
        require_same(compiled(x, y), attacked(same, y), f"call {i}")
        require_same(x.grad, same.grad, f"call {i}: the gradient")
        assert x.requires_grad
        assert x.is_leaf
    assert compiled.recordings == 2  # the first call finds parameters without gradients


def test_hooks_of_arguments_run_in_a_call_that_is_recorded() -> None:
    """The first call lost those that run after accumulation."""
    seen: list[Any] = []
    compiled = compiler.compile(lambda x: (x * x).sum().backward())
    for i in range(3):
        x = autograd.ones(2, requires_grad=True)
        x.register_post_accumulate_grad_hook(lambda tensor: seen.append(tensor.grad.tolist()))
        with pytest.warns(UserWarning, match="has hooks") if not i else contextlib.nullcontext():
            compiled(x)
    assert seen == [[2.0, 2.0]] * 3


@pytest.mark.filterwarnings("ignore:compile.*of which a program knows nothing")
def test_hooks_that_a_function_sets_at_its_argument_can_be_removed() -> None:
    compiled = compiler.compile(lambda x: x.register_hook(lambda g: g * 3))
    for _ in range(3):
        x = autograd.ones(2, requires_grad=True)
        compiled(x).remove()
        x.sum().backward()
        assert x.grad.tolist() == [1.0, 1.0]


def test_hooks_that_a_function_sets_at_its_argument_stay() -> None:
    def hooked(x: Any) -> None:
        x.requires_grad_(True)
        x.register_hook(lambda g: g * 3)

    compiled = compiler.compile(hooked)
    for i in range(3):
        x = autograd.ones(2)
        with pytest.warns(UserWarning, match="is given hooks") if not i else contextlib.nullcontext():
            compiled(x)
        x.sum().backward()
        assert x.grad.tolist() == [3.0, 3.0]


def _clipped(w: Any, y: Any, seen: list[Any]) -> None:
    y.register_hook(lambda g: seen.append(True) or g * 0.5)


def _kept(w: Any, y: Any, seen: list[Any]) -> None:
    y.retain_grad()
    seen[:] = [y]


@pytest.mark.filterwarnings("ignore:compile.*(hooks are set where|asked for .retain_grad)")
@pytest.mark.parametrize("hooked", [_clipped, _kept])
def test_hooks_run_once_in_a_backward_that_comes_after_the_call(hooked: Any) -> None:
    """They ran when the backward was recorded and compared, too, and never in later calls."""
    found = []
    for compile in (compiler.compile, lambda function: function):
        w, seen = autograd.ones(3, 2, requires_grad=True), list[Any]()

        def outputs(x: Any, w: Any = w, seen: Any = seen) -> Any:
            y = (x @ w).tanh()
            hooked(w, y, seen)
            return y.square().sum()

        step = compile(outputs)
        for i in range(4):
            w.grad = None
            step(rows(i)).backward()
            found.append([w.grad, len(seen), *[y.grad for y in seen if y is not True]])
    for i in range(4):
        require_same(found[i], found[4 + i], f"call {i}")


@pytest.mark.filterwarnings("ignore:compile.*hooks are set where")
def test_backward_hooks_of_a_compiled_module_run_once() -> None:
    model, seen = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1)), list[Any]()
    compiled = compiler.compile(model)
    for i in range(8):
        if i == 3:
            handle = model[1].register_full_backward_hook(lambda module, inputs, outputs: seen.append(1))
        if i == 6:
            handle.remove()
        compiled(rows(i)).sum().backward()
        assert len(seen) == min(max(i - 2, 0), 3)


def test_hooks_of_a_computed_argument_are_not_run_by_the_comparison() -> None:
    seen: list[Any] = []
    compiled = compiler.compile(lambda x: (x * x).sum())
    for i in range(4):
        x = rows(i).requires_grad_() * 2
        x.register_hook(lambda g: seen.append(1))
        compiled(x).backward()
    assert len(seen) == 4


@pytest.mark.filterwarnings("ignore:compile.*(has hooks|hook of the Tensor|is given hooks)")
@pytest.mark.parametrize("hooked", [range(8), range(4, 8), range(4)])
def test_hooks_of_an_argument_that_requires_grad_in_the_function_alone(hooked: range) -> None:
    """They were there, and out of sight."""

    def attacked(x: Any) -> Any:
        x.requires_grad_(True)
        (x * x).sum().backward()
        x.requires_grad_(False)
        return x.grad.sign()

    compiled = compiler.compile(attacked)
    for i in range(8):
        x = rows(i)
        expected = (-2 if i in hooked else 2) * x
        if i in hooked:
            x.requires_grad_().register_hook(lambda g: -g)
            x.requires_grad_(False)
        require_same(compiled(x), expected.sign(), f"call {i}")
        require_same(x.grad, expected, f"call {i}: the gradient")


@pytest.mark.filterwarnings("ignore:compile.*(hook of the Tensor|is given hooks|grew or shrank)")
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen before", "not"])
@pytest.mark.parametrize("given", [True, False], ids=["argument", "in reach"])
def test_hooks_that_a_function_sets_before_it_freezes_a_tensor(frozen: bool, given: bool) -> None:
    weight = autograd.ones(2)

    def hooked(x: Any) -> Any:
        tensor = x if given else weight
        tensor.requires_grad_(True)
        tensor.register_hook(lambda g: g * 2)
        tensor.requires_grad_(False)

    compiled = compiler.compile(hooked)
    for i in range(4):
        x = autograd.ones(2)
        tensor = x if given else weight
        tensor.requires_grad_(not frozen)
        compiled(x)
        tensor.requires_grad_(True).grad = None
        tensor.sum().backward()
        assert tensor.grad.tolist() == [2.0 ** (1 if given else i + 1)] * 2


@pytest.mark.parametrize("last", [True, False])
def test_parameters_that_a_step_freezes(last: bool) -> None:
    def make(compile: Any) -> Any:
        autograd.manual_seed(0)
        made, judge = nn.Linear(3, 3), nn.Linear(3, 1)
        first, second = optim.Adam(judge.parameters()), optim.Adam(made.parameters())

        def step(x: Any) -> Any:
            judge.requires_grad_(True)
            first.zero_grad()
            judged = F.softplus(-judge(x)).mean() + F.softplus(judge(made(x).detach())).mean()
            judged.backward()
            first.step()
            judge.requires_grad_(False)
            second.zero_grad()
            improved = F.softplus(-judge(made(x))).mean()
            improved.backward()
            second.step()
            judge.requires_grad_(last)
            return judged.detach(), improved.detach()

        modules = made, judge
        return compile(step), lambda: [
            *[module.state_dict() for module in modules],
            *[(p.requires_grad, p.grad) for module in modules for p in module.parameters()],
        ]

    check(make)


def test_frozen_parameters_beside_a_result_that_requires_grad() -> None:
    """What is returned leads to leaves as they are while the function runs."""
    model, head = nn.Linear(3, 3), nn.Linear(3, 1)

    def scored(x: Any) -> Any:
        model.requires_grad_(False)
        return head(model(x)).sum()

    compiled = compiler.compile(scored)
    for i in range(4):
        model.requires_grad_(True)
        slopes = []
        for function in (compiled, scored):
            head.zero_grad()
            function(rows(i)).backward()
            slopes.append([p.grad for p in head.parameters()])
            assert not model.weight.requires_grad
        require_same(*slopes, f"call {i}")


class Kept:
    """Where functions leave what they computed."""

    def __init__(self) -> None:
        self.entries: dict[str, Any] = {}
        self.seen: list[Any] = []
        self.buffer = autograd.zeros(3)
        self.module = nn.Module()


LEFT: dict[str, Callable[[Kept, Any], Any]] = {
    "an entry": lambda kept, x: kept.entries.update(h=x * 2),
    "an attribute": lambda kept, x: setattr(kept, "h", x * 2),
    "a list": lambda kept, x: kept.seen.append([x * 2, (x.exp(),)]),
    "a buffer": lambda kept, x: kept.module.register_buffer("h", x),
    "written in place": lambda kept, x: kept.buffer.add_(x * 2),
    "a view": lambda kept, x: setattr(kept, "h", x.view(3, 1)[1:].view(-1)),
    "a set": lambda kept, x: {x * 3},
    "an object": lambda kept, x: setattr(new := Kept(), "h", x.exp()) or new,
}


def tensors_in(thing: Any) -> Any:
    if isinstance(thing, autograd.Tensor):
        yield thing
    elif isinstance(thing, (list, tuple, set)):
        for item in thing:
            yield from tensors_in(item)
    elif isinstance(thing, dict):
        yield from tensors_in(list(thing.values()))
    elif hasattr(thing, "__dict__"):
        yield from tensors_in(vars(thing))


@pytest.mark.filterwarnings("ignore:compile. <lambda> runs as it is")
@pytest.mark.parametrize("computed", [True, False])
@pytest.mark.parametrize("function", LEFT.values(), ids=LEFT)
def test_graphs_that_are_left_somewhere_lead_to_the_arguments(function: Any, computed: bool) -> None:
    """As an auxiliary loss of what a block keeps needs: the gradient was lost in calls that are recorded."""
    slopes = []
    for compiled in (compiler.compile(lambda kept, x: function(kept, x)), function):
        kept, found = Kept(), []
        for i in range(4):
            weight = rows(i, 3).requires_grad_()
            out = compiled(kept, weight * 1 if computed else weight)
            sum(t.sum() for t in tensors_in([kept, out]) if t.requires_grad).backward()
            found.append(weight.grad)
            kept.buffer = autograd.zeros(3)
            kept.seen.clear()
        slopes.append(found)
    require_same(*slopes)


@pytest.mark.filterwarnings("ignore:compile. <lambda> runs as it is")
def test_views_of_arguments_that_are_written_later() -> None:
    """In a call that is recorded, they were views of what stood for the argument."""
    for view in (lambda x: x.view(-1), lambda x: (x.view(3, 1)[1:].view(-1),)[0], lambda x: x.unsqueeze(0)):
        compiled = compiler.compile(view)
        for i in range(3):
            found = []
            for function in (compiled, view):
                weight = rows(i, 3).requires_grad_()
                x = weight * 1
                function(x).mul_(2)
                x.cumsum(0).sum().backward()
                found.append((x.detach(), weight.grad))
            require_same(*found, f"call {i}")


def test_tensors_that_are_others_at_each_call_are_themselves() -> None:
    """What a function returned, kept or differentiated in their places was a Tensor of the program's own."""

    def returned(kept: Kept, x: Any) -> Any:
        kept.buffer.add_(x)
        return [kept.buffer], kept.buffer.view(-1)

    def kept_twice(kept: Kept, x: Any) -> Any:
        kept.buffer.add_(x)
        kept.other = kept.buffer
        return kept.buffer.sum()

    def differentiated(kept: Kept, x: Any) -> Any:
        kept.buffer.requires_grad_(True)
        (kept.buffer * x).square().sum().backward()
        return kept.buffer.detach()

    for function in (returned, kept_twice, differentiated):
        compiled, found = compiler.compile(function, fullgraph=True), []
        for call in (compiled, function):
            state = Kept()
            state.other = None
            outs = []
            for i in range(6):
                state.buffer = rows(i, 3)
                out = call(state, rows(-i % 5, 3))
                assert function is not returned or out[0][0] is state.buffer
                assert function is not kept_twice or state.other is state.buffer
                outs.append((out, state.buffer, state.buffer.requires_grad, state.buffer.grad))
            found.append(outs)
        require_same(*found)
        assert compiled.recordings <= 3


@pytest.mark.parametrize("verify", [True, False])
def test_results_that_require_grad_and_stand_elsewhere_too(verify: bool) -> None:
    """The program named them before they were made."""
    model, kept = nn.Linear(3, 2), {"h": None}

    def left(x: Any) -> Any:
        kept["h"] = y = model(x)
        return y

    def listed(x: Any) -> Any:
        both = [model(x)]
        return both, both

    for function in (left, listed):
        compiled = compiler.compile(function, verify=verify, fullgraph=True)
        for i in range(4):
            found = []
            for call in (compiled, function):
                kept["h"] = None
                model.zero_grad()
                out = call(rows(i))
                y, again = (out, kept["h"]) if function is left else (out[0][0], out[1][0])
                assert y is again
                y.square().sum().backward()
                found.append((y, [p.grad for p in model.parameters()]))
            require_same(*found, f"call {i}")


def test_arrays_like_a_tensor_are_tensors_while_recording_too():
    def make(compile: Any) -> Any:
        def step(x: Any) -> Any:
            found = np.ones_like(x)
            found += np.divide(x, 2, out=np.empty_like(x))
            return found, np.full_like(x, 3.0)

        return compile(step), list

    check(make)
