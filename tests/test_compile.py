"""``autograd.compile``: programs do what the functions do, or there are none, and it is said why."""

from __future__ import annotations

import contextlib
import copy
import gc
import importlib.util
import io
import itertools
import json
import os
import pickle
import re
import runpy
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
import optim
from autograd import compile, func, tensor  # noqa: A004
from autograd.compiler import again, hosting, memory, runs
from autograd.compiler.passes import PASSES
from autograd.errors import CompileError, FreedGraphError, GradientError, MutationError
from nn import functional as F

SCALE = 2.0


def arrays(count: int, shape: tuple[int, ...] = (3, 4), seed: int = 0) -> list[Any]:
    """Tensors of noise in double precision."""
    rng = np.random.default_rng(seed)
    return [tensor(rng.standard_normal(shape)) for _ in range(count)]


def leaves(tree: Any) -> Iterator[Any]:
    """The arrays and numbers of a result."""
    if isinstance(tree, (tuple, list)):
        for item in tree:
            yield from leaves(item)
    elif isinstance(tree, dict):
        yield from leaves(list(tree.values()))
    else:
        yield tree.detach().numpy() if isinstance(tree, autograd.Tensor) else tree


def assert_same(found: Any, true: Any) -> None:
    """Equal bit for bit."""
    for a, b in zip(leaves(found), leaves(true), strict=True):
        np.testing.assert_array_equal(a, b)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)


def agree(function: Callable[..., Any], calls: list[tuple[Any, ...]], recordings: int = 1, **options: Any) -> Any:
    """Compiled and as it is the function gives the same at every call; returns it compiled."""
    compiled = compile(function, **options)
    for args in calls:
        assert_same(compiled(*args), function(*args))
    assert compiled.recordings == recordings, compiled
    assert compiled.source
    return compiled


def trainers(make: Callable[[], Any], optimizer: Callable[[Any], Any]) -> tuple[Any, Any, Any, Any]:
    """Two equal models, each with a training step."""
    found = []
    for _ in range(2):
        autograd.manual_seed(0)
        model = make()
        opt = optimizer(model.parameters())

        def step(x: Any, y: Any, model: Any = model, opt: Any = opt) -> Any:
            opt.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            opt.step()
            return loss.detach()

        found += [model, step]
    return tuple(found)  # type: ignore[return-value]


def batches(count: int, shape: tuple[int, ...], classes: int) -> list[tuple[Any, Any]]:
    """Noise with classes."""
    rng = np.random.default_rng(1)
    return [
        (tensor(rng.standard_normal(shape).astype(np.float32)), tensor(rng.integers(0, classes, shape[0])))
        for _ in range(count)
    ]


def small() -> Any:
    """A model with everything that changes by itself: running statistics, random masks."""
    return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3))


# ---- whole steps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: optim.SGD(p, lr=0.1),
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
        lambda p: optim.Adam(p, lr=0.01),
        lambda p: optim.AdamW(p, lr=0.01),
        lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9),
        lambda p: optim.Adagrad(p, lr=0.01),
    ],
    ids=["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"],
)
def test_training_is_the_same_bit_for_bit(optimizer: Any) -> None:
    model, step, other, same = trainers(small, optimizer)
    compiled = compile(same)
    for x, y in batches(7, (8, 5), 3):
        state = autograd.get_rng_state()
        loss = step(x, y)
        autograd.set_rng_state(state)
        assert_same(compiled(x, y), loss)
    assert_same(list(other.state_dict().values()), list(model.state_dict().values()))
    assert_same([p.grad for p in other.parameters()], [p.grad for p in model.parameters()])
    assert compiled.source.count("def step") == 1
    assert compiled.recordings <= 3


def test_a_schedulers_learning_rate_takes_effect_without_recording_again() -> None:
    found = []
    for wrap in (lambda f: f, compile):
        autograd.manual_seed(0)
        model = nn.Linear(4, 1)
        opt = optim.SGD(model.parameters(), lr=0.1)
        scheduler = optim.lr_scheduler.ExponentialLR(opt, 0.5)

        def step(x: Any, model: Any = model, opt: Any = opt, scheduler: Any = scheduler) -> Any:
            opt.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            opt.step()
            scheduler.step()
            return loss.detach()

        run = wrap(step)
        found.append([float(run(x.float())) for x in arrays(8)])
    assert found[0] == found[1]
    assert run.recordings <= 4
    assert run.source


# ---- reading values ------------------------------------------------------------------------------------------------


def test_decisions_make_a_program_each() -> None:
    def function(x: Any) -> Any:
        return x * 2 if x.sum() > 0 else x - 1

    plus, minus = tensor([1.0, 2.0]), tensor([-1.0, -2.0])
    agree(function, [(x,) for x in (plus, minus, plus * 2, minus * 2, plus, minus)], 2, fullgraph=True)


def test_item_is_part_of_the_program() -> None:
    agree(lambda x: (x.sum().item() * 2, x * x.mean().item()), [(x,) for x in arrays(4)], fullgraph=True)


def test_a_sum_of_losses_is_part_of_the_program() -> None:
    total = 0.0

    @compile(fullgraph=True)
    def step(x: Any) -> Any:
        nonlocal total
        total += x.sum().item()
        return total

    inputs = arrays(5)
    expected = list(itertools.accumulate(float(x.sum()) for x in inputs))
    assert [step(x) for x in inputs] == expected
    assert total == expected[-1]
    assert step.recordings == 2


def test_last_lines_that_read_values_run_as_they_are() -> None:
    log: list[float] = []

    @compile
    def step(x: Any) -> Any:
        """With a docstring."""
        y = (x * 2).exp()
        log.append(float(y.sum()))
        return y

    inputs = arrays(5)
    assert_same([step(x) for x in inputs], [(x * 2).exp() for x in inputs])
    np.testing.assert_array_equal(log, [float((x * 2).exp().sum()) for x in inputs])
    assert "exp(" in step.source
    assert step.explain().instructions


def test_a_list_that_grows_in_the_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log: list[Any] = []

    @compile
    def step(x: Any) -> None:
        y = (x * 2).exp().sum()
        log.append(y.item())
        print(f"{y.item():.3f}")  # noqa: T201

    inputs = arrays(5)
    for x in inputs:
        step(x)
    assert log == [(x * 2).exp().sum().item() for x in inputs]
    assert capsys.readouterr().out.splitlines() == [f"{value:.3f}" for value in log]
    assert step.source


def test_a_value_read_where_no_cut_is_possible_warns_and_names_the_line() -> None:
    def function(x: Any) -> Any:
        for _ in range(2):
            x = x + float(x.sum())
        return x

    compiled = compile(function)
    line = function.__code__.co_firstlineno + 2
    inputs = arrays(4)
    with pytest.warns(UserWarning, match=rf"runs as it is, uncompiled: float\(\) at .*test_compile.py:{line}"):
        compiled(inputs[0])
    assert_same([compiled(x) for x in inputs], [function(x) for x in inputs])
    with pytest.raises(CompileError, match=rf"cannot be compiled whole: float\(\) at .*test_compile.py:{line}"):
        compile(function, fullgraph=True)(inputs[0])


def test_what_fails_while_it_is_recorded_alone_is_told_with_its_line() -> None:
    def written(x: Any) -> str:
        return json.dumps(x.sum().item())

    line = written.__code__.co_firstlineno + 1
    compiled = compile(lambda x: [written(x), x * 2][1])
    with pytest.warns(UserWarning, match=rf"cannot be recorded \(TypeError: .*\) at .*test_compile.py:{line}"):
        assert_same(compiled(tensor([1.0])), tensor([2.0]))


# ---- trust ---------------------------------------------------------------------------------------------------------


def a_counter() -> Callable[[Any], Any]:
    """A function of something that no program can see."""
    numbers = io.BytesIO()
    return lambda x: x * (numbers.write(b" ") * 0 + numbers.tell() - 1)


def hidden(x: Any) -> Any:
    """A function whose values leave NumPy's protocols."""
    return tensor(np.array(memoryview(x.numpy()).tolist()).reshape(x.shape))


def a_list_that_grows_at_times() -> Callable[[Any], Any]:
    """A function that does something else at the second call."""
    log: list[int] = []
    times = io.BytesIO()

    def function(x: Any) -> Any:
        times.write(b" ")
        if times.tell() == 2:
            log.append(1)
        return x * 2

    return function


def a_write_that_is_not_seen() -> Callable[[Any], Any]:
    """A function that writes into memory by other means than NumPy."""
    state = np.zeros(3)

    def function(x: Any) -> Any:
        memoryview(state).cast("B")[:8] = memoryview(x.numpy()).cast("B")[:8]
        return x * 2 + tensor(state * 0)

    return function


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_counter, "the result differs by"),
        (lambda: hidden, "the result differs by"),
        (a_list_that_grows_at_times, "a list grew or shrank"),
        (a_write_that_is_not_seen, "state was written"),
    ],
    ids=["iterator", "bytes", "effect", "write"],
)
def test_a_program_that_does_not_do_the_same_is_not_trusted(make: Any, message: str) -> None:
    one, two, three = (tensor(np.arange(1.0, 4.0) * n) for n in (1, 2, 3))
    function = make()
    compiled = compile(function)
    compiled(one)
    with pytest.warns(UserWarning, match=f"did not do the same as the function .*{message}"):
        found = compiled(two)
    assert_same(found, two * (1 if make is a_counter or function is hidden else 2))
    if function is hidden:
        assert_same(compiled(three), three)
    strict = compile(make(), fullgraph=True)
    strict(one)
    with pytest.raises(CompileError, match=message):
        strict(two)


def test_what_an_optimizer_keeps_is_called_its_state() -> None:
    weight = tensor(np.ones(3), requires_grad=True)
    weight.grad = tensor(np.ones(3))
    update = optim.Adam([weight], lr=0.1)
    times = io.BytesIO()

    def step() -> None:
        times.write(b" ")
        for _ in range(2 if times.tell() == 3 else 1):
            update.step()

    compiled = compile(step)
    compiled()
    compiled()
    with pytest.warns(UserWarning, match=r"the function \(the state of update is 4, and 3 in the program\)$"):
        compiled()
    assert update.state[weight]["step"].item() == 4


def test_what_did_not_vary_yet_stays_on_trial() -> None:
    one, two = tensor(np.ones(3)), tensor(np.full(3, 2.0))
    compiled = compile(hidden)
    for _ in range(4):
        assert_same(compiled(one), one)
    with pytest.warns(UserWarning, match="did not do the same as the function"):
        assert_same(compiled(two), two)
    weight = tensor(np.ones(3), requires_grad=True)

    def of_state(x: Any) -> Any:
        return x * hidden(weight.detach())

    compiled = compile(of_state)
    for x in (one, two, one, two):
        assert_same(compiled(x), x)
    with autograd.no_grad():
        weight.mul_(3)
    with pytest.warns(UserWarning, match="did not do the same as the function"):
        assert_same(compiled(two), two * 3)
    harmless = compile(lambda x: x * weight.detach() + np.arange(3.0))
    for x in (one, one, two, two):
        assert_same(harmless(x), x * 3 + np.arange(3.0))
    with autograd.no_grad():
        weight.mul_(3)
    assert_same(harmless(two), np.full(3, 18.0) + np.arange(3.0))
    assert harmless.recordings == 1


@pytest.mark.parametrize("read", [lambda a: a.dumps(), lambda a: a.tobytes()], ids=["dumps", "tobytes"])
def test_arrays_that_leave_numpy_are_noticed_at_once(read: Any) -> None:
    def function(x: Any) -> Any:
        return x * 2 if len(read(x.numpy())) else x

    (x,) = arrays(1)
    with pytest.raises(CompileError, match=r"(dumps|tobytes)\(\) at .*test_compile.py"):
        compile(function, fullgraph=True)(x)


def test_verify_can_be_switched_off() -> None:
    compiled = compile(a_counter(), verify=False)
    one = tensor([1.0])
    assert [float(compiled(one)) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_the_trial_leaves_no_trace() -> None:
    state = {"n": 0, "w": np.zeros(3)}
    calls = []

    def function(x: Any) -> Any:
        calls.append(1) if not calls else None
        state["n"] += 1
        state["w"] += x
        return state["w"] * state["n"]

    compiled = compile(function)
    calls.append(1)
    for i in range(1, 7):
        assert_same(compiled(np.ones(3)), np.full(3, float(i * i)))
    assert state["n"] == 6
    assert compiled.source


# ---- outputs that require grad -------------------------------------------------------------------------------------


def test_outputs_that_require_grad() -> None:
    weight = tensor(np.random.default_rng(0).standard_normal((4, 2)), requires_grad=True)

    def loss(x: Any) -> Any:
        return (x @ (weight * weight)).tanh().mean(), {"extra": (weight * 3).sum()}, x * 2

    compiled = compile(loss, fullgraph=True)
    for x in arrays(4):
        pairs = []
        for run in (loss, compiled):
            one, more, plain = run(x)
            assert one.requires_grad
            assert more["extra"].requires_grad
            assert not plain.requires_grad
            pairs.append([one, more["extra"], plain, *autograd.grad(one * 2 + more["extra"], [weight])])
        assert_same(pairs[1], pairs[0])
    assert compiled.recordings == 1


def test_graphs_of_several_calls_are_pending_at_once() -> None:
    weight = tensor(np.array([1.0, 2.0]), requires_grad=True)
    compiled = compile(lambda x: (x * weight).exp().sum())
    inputs = arrays(5, (2,))
    losses = [compiled(x) for x in inputs]
    for x, loss in reversed(list(zip(inputs, losses, strict=True))):
        (found,) = autograd.grad(loss, [weight], retain_graph=True)
        assert_same(found, x * (x * weight.detach()).exp())
    losses[-1].backward()
    with pytest.raises(FreedGraphError):
        losses[-1].backward()


def test_arguments_that_require_grad() -> None:
    def function(x: Any, y: Any) -> Any:
        return (x * y).sin()

    compiled = compile(function, fullgraph=True)
    for x, y in zip(arrays(4), arrays(4, seed=1), strict=True):
        x.requires_grad_()
        inner = x * 2  # not a leaf
        (true,) = autograd.grad(function(inner, y).sum(), [x], retain_graph=True)
        (found,) = autograd.grad(compiled(inner, y).sum(), [x], retain_graph=True)
        assert_same(found, true)
        compiled(x, y).sum().backward()
        assert_same(x.grad, autograd.grad(function(x, y).sum(), [x])[0])
    assert compiled.recordings == 1


@pytest.mark.filterwarnings("ignore:compile.*has hooks")
@pytest.mark.parametrize("hooked", [range(3, 6), range(3)], ids=["later", "first"])
def test_hooks_of_an_argument_by_which_the_function_differentiates(hooked: range) -> None:
    compiled = compile(lambda x: autograd.grad(x.square().sum(), x)[0])
    for i, x in enumerate(arrays(9)):
        x.requires_grad_()
        x = x * 2 if i % 2 else x
        if i in hooked:
            x.register_hook(lambda g: g * 10)
        assert_same(compiled(x), (20 if i in hooked else 2) * x.detach())
    assert compiled.source


@pytest.mark.filterwarnings("ignore:compile.*a hook of the Tensor 'x' is set")
def test_a_hook_that_the_function_sets_stays() -> None:
    compiled = compile(lambda x: x.register_hook(lambda g: g * 10) and x.detach() * 2)
    for x in arrays(3):
        compiled(x.requires_grad_())
        x.sum().backward()
        assert_same(x.grad, autograd.full_like(x.detach(), 10))


BY_ARGUMENT: dict[str, Callable[[Any], Any]] = {
    "read": lambda x: x.detach() * 3 if x.grad is None else x.detach() + x.grad,
    "written": lambda x: x.detach() * 2 if x.grad is None else x.grad.mul_(2) + 1,
    "added to": lambda x: (x * x).sum().backward() or x.detach() * 2,
    "returned": lambda x: (x * x).sum().backward() or x.grad,
    "forgotten": lambda x: setattr(x, "grad", None) or x.detach() * 2,
    "asked for": lambda x: (x.requires_grad_() * x).sum().backward() or x.grad,
    "not asked for": lambda x: x.requires_grad_(False) * 2,
}


@pytest.mark.filterwarnings("ignore:compile")
@pytest.mark.parametrize("has", [False, True], ids=["none", "some"])
@pytest.mark.parametrize("name", BY_ARGUMENT)
def test_the_gradient_of_an_argument(name: str, has: bool) -> None:
    function = BY_ARGUMENT[name]
    compiled = compile(function)
    for i, (data, grad) in enumerate(zip(arrays(5), arrays(5), strict=True)):
        x, y = (data.clone().requires_grad_(name != "asked for") for _ in range(2))
        if has == (i < 3):
            x.grad, y.grad = grad.clone(), grad.clone()
        found, true = compiled(x), function(y)
        assert_same(found, true)
        assert (found is x.grad) == (true is y.grad)
        assert x.requires_grad == y.requires_grad
        assert (x.grad is None) == (y.grad is None)
        if y.grad is not None:
            assert_same(x.grad, y.grad)


def test_a_parameter_among_the_arguments() -> None:
    model = nn.Linear(4, 4)
    compiled = compile(lambda weight, x: x @ weight)
    for x in arrays(6):
        for weight in model.parameters():
            assert_same(compiled(weight, x.float()), x.float() @ weight)
    assert compiled.recordings == 2


@pytest.mark.parametrize("options", [{}, {"verify": False}, {"reuse_outputs": True}], ids=str)
def test_backward_inside_leaves_gradients_in_arguments(options: dict[str, Any]) -> None:
    def function(w: Any, x: Any) -> Any:
        loss = (w * x).square().sum()
        loss.backward()
        return loss.detach()

    compiled, kept = compile(function, fullgraph=True, **options), []
    for x in arrays(6):
        w, same = (tensor(np.ones((3, 4)), requires_grad=True) for _ in range(2))
        assert_same(compiled(w, x), function(same, x))
        kept.append((w.grad, same.grad))
    assert compiled.recordings == 1
    for found, expected in kept:
        assert_same(found, expected)
    with pytest.raises(CompileError, match="leaves gradients in them"):
        compiled.export("step.py")


def test_gradients_of_arguments_that_are_dropped_zeroed_or_added_to() -> None:
    def dropped(w: Any, x: Any) -> None:
        w.grad = None
        (w * x).square().sum().backward()
        with autograd.no_grad():
            w.sub_(0.1 * w.grad)

    def zeroed(w: Any, x: Any) -> None:
        (w * x).square().sum().backward()
        with autograd.no_grad():
            w.sub_(0.1 * w.grad)
        w.grad.zero_()

    def added(w: Any, x: Any) -> None:
        (w * x).square().sum().backward()

    for function in (dropped, zeroed, added):
        compiled = compile(function, fullgraph=True)
        w, same = (tensor(np.ones((3, 4)), requires_grad=True) for _ in range(2))
        for x in arrays(6):
            compiled(w, x)
            function(same, x)
            assert_same([w, w.grad], [same, same.grad])
        assert compiled.recordings == 2


def test_an_overwritten_parameter_is_not_differentiated() -> None:
    weight = tensor(np.array([1.0, 2.0]), requires_grad=True)
    compiled = compile(lambda x: (x * weight * weight).sum())
    for x in arrays(3, (2,)):
        loss = compiled(x)
    with autograd.no_grad():
        weight.mul_(2)
    with pytest.raises(MutationError):
        loss.backward()


def test_second_derivatives_through_a_program_are_refused() -> None:
    weight = tensor(np.array([1.0, 2.0]), requires_grad=True)
    compiled = compile(lambda x: (x * weight).exp().sum())
    for x in arrays(3, (2,)):
        loss = compiled(x)
    with pytest.raises(GradientError, match=r"cannot be differentiated again.*its attribute 'function'"):
        autograd.grad(loss, [weight], create_graph=True)


@pytest.mark.parametrize("transform", ["jvp", "jacfwd", "linearize", "dual", "hessian"])
def test_forward_mode_through_a_program_is_refused(transform: str) -> None:
    """It said that a Tensor was turned into an array, of which the user knew nothing."""
    compiled = compile(lambda x: x.exp().sum())
    x = tensor(np.array([1.0, 2.0]))
    for _ in range(3):
        autograd.func.grad(compiled)(x)

    def forward() -> Any:
        if transform == "dual":
            with autograd.forward_ad.dual_level():
                dual = autograd.forward_ad.make_dual(x, x)
                return autograd.forward_ad.unpack_dual(compiled(dual)).tangent
        if transform == "linearize":
            return autograd.func.linearize(compiled, x)[1](x)
        given = ((x,), (x,)) if transform == "jvp" else ()
        made = getattr(autograd.func, transform)(compiled, *given)
        return made if given else made(x)

    with pytest.raises(GradientError, match=r"compiled <lambda>: its gradient cannot.*its attribute 'function'"):
        forward()


def test_a_graph_used_up_inside_stays_so() -> None:
    weight = tensor(np.array([1.0, 2.0]), requires_grad=True)

    @compile
    def step(x: Any) -> Any:
        loss = (weight * x).square().sum()
        loss.backward()
        return loss

    for x in arrays(4, (2,)):
        loss = step(x)
        assert loss.requires_grad
        with pytest.raises(FreedGraphError):
            loss.backward()


# ---- models --------------------------------------------------------------------------------------------------------


def test_a_compiled_model_is_the_model() -> None:
    model = small()
    compiled = compile(model)
    assert list(compiled.state_dict()) == list(model.state_dict())
    assert compiled.eval() is compiled
    assert model.training is False
    assert compiled.training is False
    with autograd.no_grad():
        for x, _ in batches(3, (8, 5), 3):
            assert_same(compiled(x), model(x))
    assert compiled.recordings == 1
    compiled.train()
    twin = copy.deepcopy(model)
    state = autograd.get_rng_state()
    for x, _ in batches(3, (8, 5), 3):
        compiled(x).sum().backward()
    autograd.set_rng_state(state)
    for x, _ in batches(3, (8, 5), 3):
        twin(x).sum().backward()
    assert_same([p.grad for p in compiled.parameters()], [p.grad for p in twin.parameters()])
    compiled.note = "kept by the model"
    assert model.note == "kept by the model"
    del compiled.note
    assert not hasattr(model, "note")


def test_a_result_of_which_backward_was_called_by_a_leaf_made_inside() -> None:
    """Its graph is freed; by what only the function knew nothing can be differentiated afterwards."""

    def function(x: Any) -> Any:
        z = autograd.tensor([-4.0], requires_grad=True)
        y = z * z * x
        y.backward()
        return z.grad, y

    compiled = compile(function, fullgraph=True)
    for x in arrays(4, (1,)):
        found = compiled(x.float())
        assert_same(found, function(x.float()))
        with pytest.raises(autograd.FreedGraphError):
            found[1].backward()
    assert compiled.recordings == 1


def test_decisions_of_a_backward_are_made_by_forward() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
    compiled = compile(model, fullgraph=True)
    twin = copy.deepcopy(model)
    for x in arrays(4, (2, 1, 6, 6)):
        compiled(x.float()).square().sum().backward()
        twin(x.float()).square().sum().backward()
        assert_same([p.grad for p in model.parameters()], [p.grad for p in twin.parameters()])
    assert compiled.recordings == 2


def test_a_hidden_state_that_is_carried_along() -> None:
    class Cell(nn.Module):
        def __init__(self) -> None:
            self.linear = nn.Linear(4, 4)
            self.hidden = autograd.zeros(3, 4)

        def forward(self, x: Any) -> Any:
            self.hidden = (self.linear(x) + self.hidden).tanh().detach()
            return self.hidden

    cells = []
    for _ in range(2):
        autograd.manual_seed(0)
        cells.append(Cell())
    compiled = compile(cells[1])
    for x in arrays(6):
        assert_same(compiled(x.float()), cells[0](x.float()))
    assert_same(cells[1].hidden, cells[0].hidden)
    assert compiled.recordings == 2
    assert compiled.source


# ---- guards --------------------------------------------------------------------------------------------------------


class World:
    """What the function below depends on."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
        self.model.eval()
        self.weight = tensor(np.ones(4), requires_grad=True)
        self.settings = {"power": 2, "names": ["a", "b"]}
        self.offset = 1.0
        self.hooks: list[Any] = []

    def scaled(self, x: Any) -> Any:
        """A method, which can be replaced."""
        return x * SCALE


def _set_scale(world: World) -> None:
    global SCALE
    SCALE += 1.0


CHANGES: dict[str, Callable[[World], Any]] = {
    "global variable": _set_scale,
    "attribute": lambda world: setattr(world, "offset", 3.0),
    "item": lambda world: world.settings.update(power=3),
    "kind of number": lambda world: world.settings.update(power=2.0),
    "nested list": lambda world: world.settings["names"].append("c"),  # type: ignore[attr-defined]
    "new attribute": lambda world: setattr(world, "bias", 5.0),
    "mode": lambda world: world.model.train(),
    "parameter's data": lambda world: setattr(world.weight, "data", tensor(np.full(4, 3.0))),
    "parameter in place": lambda world: world.weight.data.fill_(7.0),
    "parameter": lambda world: setattr(world, "weight", tensor(np.full(4, 2.0), requires_grad=True)),
    "requires_grad": lambda world: world.weight.requires_grad_(False),
    "gradient": lambda world: setattr(world.weight, "grad", autograd.ones(4).double()),
    "state dict": lambda world: world.model.load_state_dict(
        {name: value * 2 for name, value in world.model.state_dict().items()}
    ),
    "module": lambda world: setattr(world.model, "0", nn.Linear(4, 4)),
    "hook": lambda world: world.model.register_forward_hook(lambda module, args, out: out * 2),
    "method": lambda world: setattr(World, "scaled", lambda self, x: x * 100),
    "default dtype": lambda world: autograd.set_default_dtype(autograd.float64),
    "seed": lambda world: autograd.manual_seed(5),
    "threads": lambda world: autograd.set_num_threads(1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_it_depends_on_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "scaled", World.scaled)
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # BLAS, of the whole process, stays as it is
    threads = autograd.get_num_threads()
    autograd.manual_seed(0)
    world = World()

    def function(x: Any) -> Any:
        y = world.scaled(x) * world.weight ** world.settings["power"] + world.offset + getattr(world, "bias", 0.0)
        y = y + autograd.zeros(1) + len(world.settings["names"]) + (world.weight.grad is not None)
        y = y + autograd.rand(4)
        return y, world.model(x.float())

    compiled = compile(function)
    inputs = arrays(4)

    def check(x: Any) -> None:
        state = autograd.get_rng_state()
        true = function(x)
        autograd.set_rng_state(state)
        found = compiled(x)
        assert_same(found, true)
        assert [t.requires_grad for t in found] == [t.requires_grad for t in true]

    try:
        for x in inputs:
            check(x)
        CHANGES[name](world)
        for x in inputs:
            check(x)
    finally:
        autograd.set_default_dtype(autograd.float32)
        autograd.set_num_threads(threads)
    assert compiled.recordings <= 3, compiled


@pytest.mark.parametrize(
    "other",
    [
        np.ones((2, 4)),
        np.ones((3, 4), np.float32),
        np.ones((4, 3)).T,
        np.ones((3, 8))[:, ::2],
        np.ones((3, 4), int),
        np.ones((0, 4)),
        np.ones(()),
        np.ones((3, 4), complex),
        np.ones((3, 4), np.float16),
    ],
    ids=["shape", "dtype", "order", "strides", "integers", "empty", "number", "complex", "half"],
)
def test_other_arrays_are_recorded_anew(other: Any) -> None:
    def function(x: Any) -> Any:
        return (x * 2 + x).sum(), x - 1, x.reshape(-1)

    for wrap in (np.asarray, autograd.from_numpy):
        first = wrap(np.ones((3, 4)))
        agree(function, [(first,), (wrap(other),), (first,), (wrap(other),), (wrap(other),)], 2)


def test_grad_mode_is_noticed() -> None:
    weight = tensor([2.0], requires_grad=True)
    compiled = compile(lambda x: x * weight)
    (x,) = arrays(1, (1,))
    for _ in range(3):
        assert compiled(x).requires_grad
        with autograd.no_grad():
            assert not compiled(x).requires_grad
    assert compiled.recordings == 2


def test_python_arguments() -> None:
    def function(x: Any, factor: float = 1.0, *rest: Any, flag: bool = False, **named: Any) -> Any:
        y = x * factor if flag else x + factor
        return {"y": y, "rest": [r * 2 for r in rest], "more": named.get("more"), "none": None}

    (x,) = arrays(1)
    compiled = compile(function)
    for _ in range(3):
        for args, kwargs in (
            ((x,), {}),
            ((x, 2.0), {}),
            ((x, 2.0), {"flag": True}),
            ((x, 3.0, x, x), {"more": "text"}),
        ):
            assert_same(compiled(*args, **kwargs), function(*args, **kwargs))
    numbers = compile(function)
    for i in range(20):
        assert_same(numbers(x, 0.5 * i), function(x, 0.5 * i))
    assert numbers.recordings == 2


def test_the_order_of_named_arguments_is_noticed() -> None:
    def function(**named: Any) -> Any:
        first, second = named.values()
        return first - second

    x, y = arrays(2)
    compiled = compile(function, verify=False)
    for _ in range(2):
        assert_same(compiled(a=x, b=y), x - y)
        assert_same(compiled(b=y, a=x), y - x)
    assert compiled.recordings == 2


def test_whether_arguments_are_one_is_noticed() -> None:
    def function(*given: Any) -> Any:
        first, *_, last = given
        return first * 2 if first is last else first * 3

    for count in (2, 3):
        compiled = compile(function)
        for one, two in zip(arrays(6), arrays(6, seed=1), strict=True):
            for last in (two, one):
                given = (one, *[one + 1] * (count - 2), last)
                assert_same(compiled(*given), function(*given))
        assert compiled.recordings == 2


def test_numbers_that_decide_are_recorded_anew() -> None:
    compiled = compile(lambda x, n: x.sum() if n > 1 else x * range(5)[n])
    (x,) = arrays(1)
    for n in (0, 1, 2, 3, 0, 1, 2, 3):
        assert_same(compiled(x, n), x.sum() if n > 1 else x * n)
    assert compiled.recordings == 3


def test_objects_among_the_arguments() -> None:
    model, _, other, _ = trainers(small, lambda p: optim.SGD(p, lr=0.1))
    compiled = compile(lambda model, x: model(x).sum())
    with autograd.no_grad():
        for x, _ in batches(3, (8, 5), 3):
            model.eval()
            other.eval()
            assert_same([compiled(model, x), compiled(other, x)], [model(x).sum(), other(x).sum()])
            model[0].weight.mul_(2)
    assert compiled.recordings == 2


def test_too_many_recordings_warn_and_programs_stay() -> None:
    compiled = compile(lambda x: x * 2)
    for n in range(1, 17):
        compiled(np.ones(n))
    with pytest.warns(UserWarning, match="recorded 16 times"):
        assert_same(compiled(np.ones(20)), np.full(20, 2.0))
    assert_same([compiled(np.ones(20)), compiled(np.ones(3))], [np.full(20, 2.0), np.full(3, 2.0)])
    assert compiled.recordings == 16


def test_dynamic_shapes_have_a_program_each() -> None:
    compiled = compile(lambda x, y: x @ y["weight"], dynamic=True)
    weight = np.ones((3, 2))
    for _ in range(3):
        for n in range(1, 40):
            assert_same(compiled(np.ones((n, 3)), {"weight": weight}), np.full((n, 2), 3.0))
    assert compiled.recordings == 39
    for n in range(40, 80):
        compiled(np.ones((n, 3)), {"weight": weight})
    assert repr(compiled) == "<compiled <lambda>: 64 programs, recorded 79 times>"


def test_what_changes_at_every_call_is_found_with_dynamic_shapes_too() -> None:
    compiled = compile(lambda x, word: x * len(word), dynamic=True)
    compiled(np.ones(3), "")
    for n in range(16):
        assert_same(compiled(np.ones(2), "a" * n), np.full(2, float(n)))
    with pytest.warns(UserWarning, match="recorded 17 times, this call would be one more"):
        assert_same(compiled(np.ones(2), "a" * 16), np.full(2, 16.0))


# ---- safety --------------------------------------------------------------------------------------------------------


def test_results_are_not_overwritten_unless_asked() -> None:
    def function(x: Any) -> Any:
        y = x * 2
        return y, y + 1, y[1:]

    inputs = arrays(5)
    compiled = compile(function)
    kept = [compiled(x) for x in inputs]
    assert_same(kept, [function(x) for x in inputs])
    reusing = compile(function, reuse_outputs=True)
    for x in inputs:
        assert_same(reusing(x), function(x))
    assert reusing(inputs[0])[0].numpy() is not kept[0][0].numpy()


def test_a_result_that_is_overwritten_can_be_the_next_argument(tmp_path: Any) -> None:
    def function(h: Any, x: Any) -> Any:
        h *= 1.5
        y = np.tanh(np.concatenate([h, h[:, :1]], 1)) + x
        return y - h.sum(), y.T, y[1:]

    reusing = compile(function, reuse_outputs=True)
    cuts: list[Callable[[Any], Any]] = [lambda r: r[0][:, 1:], lambda r: r[1][1:].T, lambda r: r[0][:, :-1]]
    found, true = (np.ones((3, 5))[:, 1:] for _ in range(2))
    for i, (x, cut) in enumerate(zip(arrays(15, (3, 5)), 5 * cuts, strict=True)):
        results, expected = reusing(found, x.numpy()), function(true, x.numpy())
        if i == 12:
            reusing.export(str(tmp_path / "step.py"))
            reusing = runpy.run_path(str(tmp_path / "step.py"))["step"]
        assert_same(results, expected)
        found, true = cut(results), cut(expected)


def test_what_is_kept_is_not_overwritten_with_the_results() -> None:
    worlds = []
    for wrap in (compile(reuse_outputs=True), lambda function: function):
        weight, state = tensor(np.ones(4), requires_grad=True), [autograd.zeros(4)]

        def step(x: Any, weight: Any = weight, state: Any = state) -> Any:
            y = (weight * x).tanh()
            state[0] = state[0] + y.detach()
            y.sum().backward()
            return y.detach() * 2, (weight * y.detach()).exp().sum()

        worlds.append((wrap(step), weight, state, []))
    for i, x in enumerate(arrays(9)):
        for step, _, _, pending in worlds:
            pending.append(step(x)[1])
            if i % 3 == 2:
                sum(pending).backward()
                pending.clear()
        assert_same(worlds[0][1].grad, worlds[1][1].grad)
        assert_same(worlds[0][2], worlds[1][2])


def test_gradients_are_not_overwritten() -> None:
    weight = tensor(np.ones(4), requires_grad=True)

    @compile
    def step(x: Any) -> None:
        weight.grad = None
        (weight * x).exp().sum().backward()

    kept = []
    for x in arrays(5):
        step(x)
        kept.append((weight.grad, (x * x.exp()).sum(0)))
    assert len({id(grad) for grad, _ in kept}) == 5
    for grad, true in kept:
        np.testing.assert_allclose(grad.numpy(), true.numpy(), rtol=1e-12)


def test_constants_returned_are_copies() -> None:
    compiled = compile(lambda x: (np.arange(3.0), x))
    for _ in range(4):
        found, _ = compiled(np.ones(2))
        assert_same(found, np.arange(3.0))
        found += 1


def test_arguments_are_neither_kept_alive_nor_changed() -> None:
    compiled = compile(lambda x: (x * 2).sum())
    for _ in range(4):
        x = np.ones(5)
        before, alive = x.copy(), weakref.ref(x)
        compiled(x)
        assert_same(x, before)
        del x
        gc.collect()
        assert alive() is None


def test_arguments_can_be_overwritten_and_returned() -> None:
    def function(x: Any) -> Any:
        x.mul_(2)
        x[0] = 0
        return x

    compiled = compile(function)
    for x in arrays(4):
        mine, same = x.clone(), x.clone()
        assert compiled(mine) is mine
        assert_same(mine, function(same))


def _append(items: list[Any]) -> Any:
    items.append(items[0] * 3)
    return items[0] * 2


def _replace(items: list[Any]) -> Any:
    items[0] = items[0] * 3
    return items[0]


@pytest.mark.parametrize("change", [_append, _replace])
def test_lists_among_the_arguments_that_are_changed(change: Any) -> None:
    compiled = compile(change)
    pairs = [([tensor([1.0, n])], [tensor([1.0, n])]) for n in (2.0, 3.0, 4.0)]
    with pytest.warns(UserWarning, match="the argument 'items' is a list that was changed"):
        found = [compiled(pairs[0][0])]
    found += [compiled(mine) for mine, _ in pairs[1:]]
    assert_same(found, [change(same) for _, same in pairs])
    assert_same([mine for mine, _ in pairs], [same for _, same in pairs])


def test_named_tuples_go_in_and_out() -> None:
    class Pair(NamedTuple):
        x: Any
        y: Any

    compiled = compile(lambda pair: Pair(pair.x * 2, {"y": pair.y + 1}), fullgraph=True)
    for x in arrays(4):
        found = compiled(Pair(x, x * 3))
        assert type(found) is Pair
        assert_same(found, [x * 2, x * 3 + 1])
    assert compiled.recordings == 1


def test_arguments_overwritten_before_a_decision_are_put_back() -> None:
    def function(x: Any, y: Any) -> Any:
        x.add_(1)
        y[1:].mul_(2)
        return x * 3 if x.sum() > y.sum() else y - x

    compiled = compile(function, fullgraph=True)
    for i, (x, y) in enumerate(zip(arrays(12), arrays(12, seed=1), strict=True)):
        y = y if i % 3 else x.t().t()
        a, b = x.clone(), y.clone()
        b = b if i % 3 else a.t().t()
        assert_same([compiled(x, y), x, y], [function(a, b), a, b])
    assert compiled.recordings <= 4


def test_arguments_may_be_one_or_overlap() -> None:
    def function(x: Any, y: Any) -> Any:
        z = x * 1
        x += y
        return x.sum(), (z * y).sum(), y * 2

    compiled = compile(function)
    for pattern in (lambda a: (a[:3], a[3:]), lambda a: (a[:3], a[1:4]), lambda a: (a[:3], a[:3])):
        for _ in range(3):
            assert_same(compiled(*pattern(np.arange(6.0))), function(*pattern(np.arange(6.0))))
    whole = np.arange(3.0)
    assert_same(compiled(whole, whole), function(*[np.arange(3.0)] * 2))


def test_nothing_is_kept_alive_after_all() -> None:
    def used() -> list[weakref.ref[Any]]:
        weight = tensor(np.ones(3), requires_grad=True)

        def function(x: Any) -> Any:
            return x * weight

        compiled = compile(function)
        for x in arrays(3, (3,)):
            compiled(x)
        return [weakref.ref(compiled), weakref.ref(function), weakref.ref(weight)]

    alive = used()
    gc.collect()
    assert [ref() for ref in alive] == [None, None, None]


def test_an_exception_leaves_all_as_it_was_or_says_otherwise() -> None:
    table = tensor(np.ones((4, 2)), requires_grad=True)
    count = np.zeros(2)

    @compile
    def careful(i: Any, x: Any) -> Any:
        y = np.take(x, i)
        count[...] = count + y.sum()
        return y

    @compile
    def careless(i: Any, x: Any) -> Any:
        count[...] = count + 1
        return np.take(x, i)

    good, bad, x = np.array([0, 1]), np.array([0, 9]), table.detach().numpy()
    for _ in range(3):
        careful(good, x)
        careless(good, x)
    before = count.copy()
    with pytest.raises(IndexError) as caught:
        careful(bad, x[0])
    with pytest.raises(IndexError):
        careful(np.array([0, 90]), x)
    assert_same(count, before)
    with pytest.raises(IndexError) as caught:
        careless(np.array([0, 90]), x)
    assert "not as before the call" in caught.value.__notes__[0]
    assert "count" in caught.value.__notes__[0]
    assert_same(careful(good, x), np.take(x, good))


def test_what_an_exception_left_overwritten_is_known_to_be() -> None:
    """A graph from before the call, that had saved it, gives no gradient of the new numbers."""
    count = tensor(np.ones(2))
    weight = tensor(np.ones(2), requires_grad=True)

    @compile
    def careless(i: Any, x: Any) -> Any:
        count.add_(1)
        return np.take(x, i)

    for x in arrays(3, (4,)):
        careless(np.array([0, 1]), x)
    product = (weight * count).sum()
    with pytest.raises(IndexError) as caught:
        careless(np.array([0, 90]), x)
    assert "not as before the call" in caught.value.__notes__[0]
    with pytest.raises(MutationError):
        product.backward()


def test_an_exception_while_recording_is_the_functions_own() -> None:
    state = np.zeros(2)

    def function(x: Any) -> Any:
        state[...] = state + 1
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        compile(function)(np.ones(2))
    assert type(state) is np.ndarray
    assert state[0] == 1


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: (state,)], ids=["tensor", "tuple"])
def test_what_an_exception_interrupts_is_not_done_twice(wrap: Any) -> None:
    held = [wrap(autograd.zeros(2))]

    def function(fail: bool) -> None:
        state = held[0][0] if type(held[0]) is tuple else held[0]
        state += 1
        if fail:
            raise KeyError("mine")
        held[0] = wrap(state * 2)

    compiled = compile(function)
    for _ in range(4):
        compiled(False)
    for i in (1, 2):
        with pytest.raises(KeyError, match="mine"):
            compiled(True)
        assert_same(held[0], wrap(autograd.full((2,), 30.0 + i)))


def test_nested_and_recursive_functions() -> None:
    inner = compile(lambda x: x * 2)
    outer = compile(lambda x: inner(x) + 1)
    for x in arrays(4):
        assert_same([outer(x), inner(x)], [x * 2 + 1, x * 2])
    assert outer.recordings == 1
    assert "multiply" in outer.source

    @compile
    def power(x: Any, n: int) -> Any:
        return x if n == 0 else power(x * x, n - 1)

    for x in arrays(3):
        assert_same(power(x, 2), x * x * (x * x))


def test_eight_threads() -> None:
    weight = tensor(np.ones((4, 4)), requires_grad=True)
    shared = compile(lambda x: (x @ weight).exp().sum(0))
    other = compile(lambda x: (x @ weight).tanh())
    faults: list[Any] = []

    def work(seed: int) -> None:
        for x in arrays(30, seed=seed):
            if not np.allclose(shared(x).detach().numpy(), np.exp(x.numpy() @ np.ones((4, 4))).sum(0), rtol=1e-12):
                faults.append(seed)
            if not np.allclose(other(x).detach().numpy(), np.tanh(x.numpy() @ np.ones((4, 4))), rtol=1e-12):
                faults.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert type(weight._data) is np.ndarray


def test_other_threads_use_the_model_while_one_records() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    (x,) = arrays(1)
    x = x.float()
    with autograd.no_grad():
        true = model(x).numpy()
    stop = threading.Event()
    faults: list[Any] = []

    def watch() -> None:
        with autograd.no_grad():
            while not stop.is_set():
                if not np.array_equal(model(x).numpy(), true):
                    faults.append(x)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with autograd.no_grad():
            for n in range(1, 13):
                compiled = compile(lambda x, n=n: model(x) * n, fullgraph=True)
                for _ in range(3):
                    np.testing.assert_array_equal(compiled(x).numpy(), true * n)
                assert compiled.recordings == 1
    finally:
        stop.set()
        thread.join()
    assert not faults


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process() -> None:
    text = (
        "import os, threading, time, numpy as np, autograd\n"
        "f = autograd.compile(lambda x: x * 2)\n"
        "[f(np.ones(3)) for _ in range(3)]\n"
        "f._lock.acquire()\n"  # as another thread may hold it at the moment of the fork, in the program
        "threading.Thread(target=f._versions[0]._space['_call'], args=(time.sleep, 1)).start()\n"
        "child = os.fork()\n"
        "if not child:\n    f.function = None\n    os._exit(int(f(np.ones(3)).sum()))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "6\n", done.stderr


@compile
def at_module_level(x: Any) -> Any:
    """For the pickle."""
    return x * 3


def test_copies_and_pickles_are_recorded_anew() -> None:
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    model = compile(nn.Linear(4, 2))
    (x,) = arrays(1)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert made.function is not model.function
        assert made.recordings == 0
        assert_same(made(x.float()), model.function(x.float()))
    assert copy.copy(model).function is model.function


def test_methods_have_programs_of_their_own_and_die_with_the_instance() -> None:
    class Scaler:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @compile
        def scaled(self, x: Any) -> Any:
            return x * self.factor

        @staticmethod
        @compile
        def doubled(x: Any) -> Any:
            return x * 2

    two, three = Scaler(2.0), Scaler(3.0)
    for x in arrays(4):
        assert_same([two.scaled(x), three.scaled(x), two.doubled(x)], [x * 2, x * 3, x * 2])
    assert two.scaled.recordings == three.scaled.recordings == 1
    alive = weakref.ref(two)
    del two
    gc.collect()
    assert alive() is None


def test_what_cannot_be_compiled_is_refused() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def coroutine() -> None:
        pass

    for function in (generator, coroutine):
        with pytest.raises(TypeError, match="stops in the middle"):
            compile(function)
    with pytest.raises(TypeError, match="expected a function or a model, got int"):
        compile(3)  # type: ignore[call-overload]
    with pytest.raises(CompileError, match="has no program yet"):
        compile(lambda x: x).explain()


def test_observers_see_the_function_itself() -> None:
    weight = tensor([1.0, 0.0], requires_grad=True)
    compiled = compile(lambda x: (x * weight).sqrt().sum())
    x = tensor([1.0, 1.0])
    for _ in range(3):
        compiled(x)
    with autograd.watch():
        loss = compiled(x)
    assert "sqrt" in autograd.graph(loss).dot
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError):
        compiled(x).backward()


def test_transforms_inside_and_around() -> None:
    def cube(x: Any) -> Any:
        return (x**3).sum()

    inputs = [(x,) for x in arrays(4)]
    product = func.hessian(lambda x: x.prod(0).sum())  # arrays times what stands for a batch
    for function in (
        func.grad(cube),
        lambda x: func.vjp(cube, x)[1](tensor(1.0).double()),
        func.hessian(cube),
        product,
        func.grad(lambda x: func.grad(lambda y: (y[:2] * y[1:]).sum() * y.sin().sum())(x).sum()),
    ):
        agree(function, inputs)
    compiled = compile(cube)
    for (x,) in inputs:
        assert_same(func.grad(cube)(x), func.grad(compiled)(x))


def _pulled(x: Any) -> Any:
    out, pull = autograd.func.vjp(autograd.sin, x)
    return out, pull(autograd.ones_like(out))


def _written(made: Any, x: Any) -> Any:
    made[:1] = x[:1]
    return made


@pytest.mark.parametrize(
    "function",
    [
        autograd.func.vmap(_pulled),
        autograd.func.vmap(lambda x: autograd.full_like(x, 2.0) * x + autograd.zeros_like(x)),
        lambda x: autograd.func.linearize(lambda s: autograd.func.vmap(lambda row: row * s)(x), x[0])[1](x[1]),
        lambda x: autograd.func.jacfwd(lambda s: autograd.func.vmap(lambda row: (row * s).sin())(x))(x[0]),
        autograd.func.vmap(lambda x: _written(autograd.zeros_like(x), x)),
        autograd.func.vmap(autograd.func.vmap(lambda x: _written(x.new_zeros(2), x.reshape(1)))),
        autograd.func.vmap(lambda x: _written(np.zeros(3, like=x.numpy()), x.numpy())),
        autograd.func.vmap(lambda x: _written(np.zeros_like(x.numpy()), x.numpy())),
        autograd.func.vmap(func.hessian(lambda x: x[:1].sin().sum())),
        func.jacfwd(lambda x: _written(x * 1, x.sum().sin().expand(4)).sin().sum()),
        autograd.func.vmap(lambda x: (x * 0).index_put_(((x > 0).long(),), x, accumulate=True)),
    ],
)
def test_what_batches_are_made_of_is_recorded(function: Any) -> None:
    """New arrays like a batch, and batches that cannot be written, were none that could be recorded."""
    agree(function, [(x,) for x in arrays(4)], fullgraph=True)


def test_plain_numpy_functions() -> None:
    def function(x: Any, axis: int) -> Any:
        u, s = np.unique(x.round(), return_counts=True) if x.size < 2 else (x.mean(axis), np.sort(x, axis)[::-1])
        return np.where(x > 0, x, -x) + u.sum(), s, np.concatenate([x, x * 2], axis=axis)

    agree(function, [(x.numpy(), 0) for x in arrays(4)])


def test_random_draws_are_draws_of_the_same_generator() -> None:
    def function(x: Any) -> Any:
        return F.dropout(x, 0.5) + autograd.randn(4), np.random.Generator

    compiled = compile(lambda x: function(x)[0])
    (x,) = arrays(1)
    for seed in (0, 1, 2, 0):
        autograd.manual_seed(seed)
        true = [function(x)[0] for _ in range(3)]
        autograd.manual_seed(seed)
        assert_same([compiled(x) for _ in range(3)], true)
    assert compiled.recordings == 1


# ---- source, explain, export, graph --------------------------------------------------------------------------------


@pytest.fixture
def trained() -> tuple[Any, Any, Any]:
    """A compiled training step that has run, and a batch."""
    _, _, _, step = trainers(small, lambda p: optim.Adam(p, lr=0.01))
    compiled = compile(step)
    (x, y), *_ = batches(1, (8, 5), 3)
    for _ in range(5):
        compiled(x, y)
    return compiled, x, y


def test_source_reads_like_a_program(trained: Any) -> None:
    source = trained[0].source
    for part in ("def step(x, y", "# ------------ forward", "# ------------ backward", "# ------------ update"):
        assert part in source
    assert "test_compile.py:" in source


def test_a_module_compiles_its_forward_in_place(tmp_path: Any) -> None:
    model, other = (nn.Sequential(nn.Linear(5, 4), nn.ReLU()) for _ in range(2))
    other.load_state_dict(model.state_dict())
    seen: list[Any] = []
    model.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    (x,) = arrays(1, (2, 5))
    x = x.float()
    model.compile(fullgraph=True)
    model.compile()  # once more changes nothing
    for _ in range(4):
        assert_same([model(x)], [other(x)])
    assert seen == [(2, 4)] * 4
    assert model.forward.recordings < 4
    assert "compiled" in repr(model.forward)
    assert list(model.state_dict()) == list(other.state_dict())
    again = pickle.loads(pickle.dumps(copy.deepcopy(other)))
    for copied in (copy.deepcopy(model), again):
        copied.load_state_dict({name: value * 2 for name, value in other.state_dict().items()})
        for _ in range(3):
            assert not np.array_equal(copied(x).detach(), model(x).detach())


def test_a_compiled_container_is_one() -> None:
    layers = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
    compiled = compile(layers)
    assert (len(compiled), compiled[0], [*compiled], layers[1] in compiled) == (2, layers[0], [*layers], True)
    compiled[1] = nn.Tanh()
    (x,) = arrays(1, (2, 5))
    for _ in range(3):
        assert_same([compiled(x.float())], [layers(x.float())])
    alone = compile(nn.Linear(5, 4))
    assert alone
    with pytest.raises(TypeError, match="not iterable"):
        iter(alone)
    with pytest.raises(TypeError, match="not subscriptable"):
        alone[0]


def test_what_follows_an_optimizers_first_step_belongs_to_the_program() -> None:
    """Its state is made then, but only then: nothing is cut off behind that line."""
    model = nn.Linear(5, 3)
    update = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    decay = optim.lr_scheduler.StepLR(update, 2)
    rates = []

    @compile
    def step(x: Any) -> None:
        update.zero_grad()
        model(x).square().mean().backward()
        update.step()
        decay.step()

    for x in arrays(6, (2, 5)):
        step(x.float())
        rates.append(update.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.01, 0.01, 0.001, 0.001, 0.0001])
    assert "decay['last_epoch'] = " in step.source
    assert "update_param_groups_0['lr'] = " in step.source


def test_what_a_program_leaves_has_the_names_by_which_it_is_known(tmp_path: Any) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    descent = optim.Adam(model.parameters(), lr=0.01, betas=(0.8, 0.9))
    decay = optim.lr_scheduler.ExponentialLR(descent, 0.9)
    update = {"seen": 0}  # a word that stands in a comment of the program, too: it is a section's name

    @autograd.compile
    def step(x: Any) -> Any:
        descent.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        descent.step()
        decay.step()
        update["seen"] += 1
        return loss.item()

    (x,) = arrays(1, (2, 5))
    for _ in range(3):
        step(x)
    lines = [line.strip() for line in step.source.splitlines()]
    sections = [line.strip("# -") for line in lines if line.startswith("# ---")]
    assert sections == ["forward", "backward", "clipping", "update", "what stays"]
    assert "model_1_weight_tensor._grad = _new_tensor(model_1_weight_grad)" in lines
    assert any(line.endswith(", model_1_weight_grad)") for line in lines)
    for name in ("decay['last_epoch'] = ", "descent_param_groups_0['lr'] = ", "update['seen'] = "):
        assert any(line.startswith(name) for line in lines), name
    assert re.search(r"def step\(.*\blr\b", step.source)
    step.export(tmp_path / "step.py")


def test_parts_are_named_by_what_the_library_does_not_by_the_users_files(tmp_path: Any) -> None:
    (tmp_path / "optim").mkdir()
    (tmp_path / "optim" / "sweep.py").write_text(
        "def sweep(x):\n    return helper(x)\n\n\ndef helper(x):\n    return x * 2\n"
    )
    user = runpy.run_path(str(tmp_path / "optim" / "sweep.py"))["sweep"]
    whole = autograd.compile(lambda x: user(x) + 1)
    slope = autograd.compile(func.grad(lambda x: (x**3).sum()))
    for _ in range(2):
        whole(tensor([1.0, 2.0]))
        slope(tensor([1.0, 2.0]))
    parts = [part for part in ("forward", "backward", "update") if f"--- {part} ---" in whole.source]
    assert parts == ["forward"]
    assert "--- backward ---" in slope.source


def test_explain_counts_and_measures(trained: Any) -> None:
    compiled = trained[0]
    state = {name: value.clone() for name, value in compiled.function.__defaults__[0].state_dict().items()}
    draws = autograd.get_rng_state()["stream"]
    found = compiled.explain()
    assert list(found.instructions) == ["forward", "backward", "update"] == list(found.seconds)
    assert 0 < found.bytes_after < found.bytes_before
    assert all(took > 0 for took in found.seconds.values())
    assert "calls of NumPy, recorded 2 times" in str(found)
    assert "us" in repr(found)
    assert len(found.costs) > 10
    costliest = max(found.costs, key=lambda cost: cost.seconds)
    assert 0 < costliest.seconds < sum(found.seconds.values())
    assert f"{costliest.call}  ({costliest.line})" in str(found)
    assert costliest.line.startswith("test_compile.py:")
    assert_same(list(compiled.function.__defaults__[0].state_dict().values()), list(state.values()))
    assert autograd.get_rng_state()["stream"] == draws


def test_export_needs_numpy_alone(trained: Any, tmp_path: Any) -> None:
    compiled, x, y = trained
    assert compiled.export(tmp_path / "exported.py") == str(tmp_path / "exported.py")
    np.savez(tmp_path / "batch.npz", x=x.numpy(), y=y.numpy())
    text = (
        "import sys, numpy as np, exported\n"
        "batch = np.load('batch.npz')\n"
        "print([float(exported.step(batch['x'], batch['y'])) for _ in range(4)])\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('autograd', 'nn', 'optim', 'scipy')])\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = [sys.executable, "-c", text]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60, check=False)
    losses, modules = done.stdout.splitlines() or ["", done.stderr]
    assert modules == "[]"
    assert losses == str([float(compiled(x, y)) for _ in range(4)])
    with pytest.raises(ValueError, match=r"ends in \.py"):
        compiled.export(tmp_path / "exported.txt")


def test_what_is_exported_takes_arguments_in_their_order(tmp_path: Any) -> None:
    """Numbers are where they are among the function's; another decision is an error of Python's own."""
    compiled = compile(lambda rate, x, bias: (x - bias) * (x.sum() * rate) if x.max() > bias else x)
    for i, x in enumerate(arrays(4, (3,))):
        compiled(i / 2, x.abs(), -1 - i)
    spec = importlib.util.spec_from_file_location("ordered", compiled.export(tmp_path / "ordered.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x = np.array([1, 2, 3], np.float32)
    assert np.array_equal(module.step(0.5, x, -2), (x + 2) * 3)
    with pytest.raises(ValueError, match="decides otherwise"):
        module.step(0.5, x, 4)


def test_export_of_results_whose_graph_is_released(tmp_path: Any) -> None:
    """A step may return its loss as it is; last lines that were split off are no part of the module."""
    weight, history = tensor([1.0, 2.0], requires_grad=True), list[float]()

    def step(x: Any) -> Any:
        weight.grad = None
        loss = (x * weight).square().sum()
        loss.backward()
        weight.data -= 0.1 * weight.grad
        return loss

    def logged(x: Any) -> Any:
        loss = step(x)
        size = x.abs().sum()
        history.append(float(loss))
        return size, loss

    for function, says in ((step, "the same numbers"), (logged, "returns (loss, size), with which")):
        compiled = compile(function)
        for x in arrays(6, (2,)):
            compiled(x)
        exported = runpy.run_path(compiled.export(tmp_path / "released.py"))["step"]
        assert says in exported.__doc__
        for x in arrays(3, (2,)):
            found, expected = exported(x.numpy()), compiled(x)
            if function is logged:
                found = found[::-1]
            assert_same(found, expected)


def test_numbers_that_are_exported(tmp_path: Any) -> None:
    """``inf`` and ``nan`` are no names of the module's, and ``np.bool_`` of any text is true."""
    state = {"rate": 1.0, "pair": (1.0, 2.0)}

    def step(x: Any) -> Any:
        low, high = state["pair"]
        return x * state["rate"], x.clip(low, high), np.where(np.bool_(False), x, -x), np.bool_(False), np.float32(2)

    compiled, x = compile(step), np.array([1.0, 2.0])
    for rate in (2.0, 3.0, np.inf):
        state["rate"] = rate
        compiled(x)
    for rate, low in ((np.inf, -np.inf), (np.nan, 1.5)):
        state["rate"], state["pair"] = rate, (low, np.inf)
        compiled(x)
        exported = runpy.run_path(compiled.export(tmp_path / "numbers.py"))["step"]
        for found, expected in zip(exported(x), step(x), strict=True):
            assert type(found) is type(expected)
            assert np.array_equal(found, expected, equal_nan=True)


def test_export_refuses_what_numpy_cannot_do(tmp_path: Any) -> None:
    weight = tensor([1.0], requires_grad=True)
    compiled = compile(lambda x: x * weight)
    for x in arrays(2, (1,)):
        compiled(x)
    with pytest.raises(CompileError, match="require grad"):
        compiled.export(tmp_path / "a.py")


def test_graph_draws_the_program(trained: Any, tmp_path: Any) -> None:
    graph = trained[0].graph()
    titles = [box.title for box in graph.boxes]
    assert {"dot", "exp", "x", "y", "result"} <= set(titles)
    assert {group.path for group in graph.groups} == {"forward", "backward", "update"}
    ids = {box.id for box in graph.boxes}
    assert all(arrow.tail in ids and arrow.head in ids for arrow in graph.arrows)
    graph.render(tmp_path / "step.svg", tmp_path / "step.html", tmp_path / "step.dot")


# ---- random programs -----------------------------------------------------------------------------------------------

ELEMENTWISE: list[Callable[..., Any]] = [
    lambda a: a.tanh(),
    lambda a: a.exp() / (1 + a.exp().abs()),
    lambda a: -a,
    lambda a: a * a,
    lambda a: a.clamp(-1, 1),
    lambda a: a.relu() + 1,
    lambda a: a.flip(0),
    lambda a: a.t().contiguous().t(),
    lambda a: a.clone(),
    lambda a: a - a.mean(),
    lambda a: a / (1 + a.abs().max()),
    lambda a: a.cumsum(1).tanh(),
    lambda a: a.softmax(-1),
    lambda a: autograd.where(a > 0, a, a * 0.1),
]
BINARY: list[Callable[..., Any]] = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b * 2,
    lambda a, b: autograd.maximum(a, b),
    lambda a, b: (a @ b).tanh(),
    lambda a, b: (a @ b.t()).tanh(),
    lambda a, b: a + b[0],
    lambda a, b: a * b[:, :1],
]


def _write(a: Any, b: Any, how: int) -> Any:
    """An in-place write into a copy, or into a view of one."""
    c = a.clone()
    if how == 0:
        c.add_(b)
    elif how == 1:
        c[1] = b[0]
    elif how == 2:
        c[:, 1:].mul_(b[:, :-1])
    else:
        c.t().sub_(b)
    return c


lines = st.lists(
    st.one_of(
        st.tuples(st.just("one"), st.integers(0, len(ELEMENTWISE) - 1), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("two"), st.integers(0, len(BINARY) - 1), st.integers(0, 99), st.integers(0, 99)),
        st.tuples(st.just("write"), st.integers(0, 3), st.integers(0, 99), st.integers(0, 99)),
        st.tuples(st.just("state"), st.integers(0, 1), st.integers(0, 99), st.just(0)),
    ),
    min_size=1,
    max_size=10,
)
choices = st.one_of(st.none(), st.sets(st.sampled_from(sorted(PASSES))).map(tuple))


def _made(program: Any, backward: bool, outputs: int) -> tuple[Callable[[Any], Any], Any]:
    """The function that these lines describe, with a state of its own."""
    rng = np.random.default_rng(3)
    weight = tensor(rng.standard_normal((3, 3)), requires_grad=True)
    state = tensor(np.zeros((3, 3)))

    def function(x: Any) -> Any:
        weight.grad = None
        values = [x, weight, x + state]
        for kind, which, first, second in program:
            a, b = values[first % len(values)], values[second % len(values)]
            if kind == "one":
                values.append(ELEMENTWISE[which](a))
            elif kind == "two":
                values.append(BINARY[which](a, b))
            elif kind == "write":
                values.append(_write(a, b, which))
            elif which:
                state.copy_((state + a.detach()).tanh())
            else:
                state.mul_(0.5).add_(a.detach().tanh())
        if backward:
            (values[-1] * weight).sum().backward()
        return [value.detach() for value in values[-outputs:]]

    return function, (weight, state)


@contextlib.contextmanager
def small_is_large() -> Iterator[None]:
    """Do with small arrays what is otherwise done with large ones."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(runs, LARGE=1, ALONE=1, BLOCK=4, FINE=2, FEWEST=2))
        for module, name in ((memory, "BIG"), (again, "LARGE"), (hosting, "LEAST")):
            stack.enter_context(mock.patch.object(module, name, 1))
        yield


@settings(max_examples=60, deadline=None)
@given(program=lines, backward=st.booleans(), outputs=st.integers(1, 3), passes=choices, in_blocks=st.booleans())
def test_random_programs_are_the_same(program: Any, backward: bool, outputs: int, passes: Any, in_blocks: bool) -> None:
    eager, one = _made(program, backward, outputs)
    function, two = _made(program, backward, outputs)
    compiled = compile(function, passes=passes, fullgraph=True)
    with small_is_large() if in_blocks else contextlib.nullcontext():
        compiled(next(iter(arrays(1, (3, 3)))))
        eager(next(iter(arrays(1, (3, 3)))))
    for x in arrays(5, (3, 3)):
        for found, true in zip(leaves(compiled(x)), leaves(eager(x)), strict=True):
            np.testing.assert_allclose(found, true, rtol=1e-11, atol=1e-13)
        for a, b in zip(two, one, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-11, atol=1e-13)
        if backward:
            np.testing.assert_allclose(two[0].grad.numpy(), one[0].grad.numpy(), rtol=1e-11, atol=1e-13)
    assert compiled.source
    assert compiled.recordings <= 3


def test_modes_of_pytorch() -> None:
    def f(x: Any) -> Any:
        return (x * 2 + 1).tanh()

    x = autograd.ones(3)
    for mode in ("default", "reduce-overhead", "max-autotune", None):
        compiled = compile(f, mode=mode)
        for _ in range(4):
            assert autograd.equal(compiled(x), f(x))
        assert compiled.source
    assert compile(f, disable=True) is f
    assert compile(disable=True)(f) is f
    with pytest.raises(ValueError, match=r"mode must be None or one of default, reduce-overhead.*; got 'fast'"):
        compile(f, mode="fast")
