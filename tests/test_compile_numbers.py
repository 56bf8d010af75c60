"""``autograd.compile``: numbers that change from call to call, and NumPy's scalars: what they index and shape."""

from __future__ import annotations

import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import compiler, func, tensor
from autograd.errors import MutationError
from tests.helpers import require_same

KS = [(1, 1), (2, 2), (3, 3), (3, 0), (0, 2), (2, 3), (1, 0), (3, 3)]
"""Two numbers of each call: in the calls that are recorded they are equal, later they are not."""


class Box:
    """An object with attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def rows(i: int) -> Any:
    return tensor(np.random.default_rng(i).normal(size=(6, 4)).astype(np.float32))


def _held() -> Box:
    return Box(k=0, j=0, buffer=autograd.zeros(6, 4), array=np.zeros((6, 4), np.float32))


def _window(box: Any, x: Any, k: int, j: int) -> Any:
    return x[k : k + 2].sum(0) - x[j : j + 2].sum(0) * 2, box.buffer[k:j], x[k:].sum()


def _written(box: Any, x: Any, k: int, j: int) -> Any:
    box.buffer[k] = x[j]
    return box.buffer.sum(0), box.buffer[: max(1, j)].mean(0)


def _written_through_a_view(box: Any, x: Any, k: int, j: int) -> Any:
    before = box.buffer[0] * 1
    box.buffer[k].fill_(7.0 + j)
    return before, box.buffer[0] * 1, box.buffer[j] * 1


def _read_through_a_view(box: Any, x: Any, k: int, j: int) -> Any:
    before = box.array[j] * 1
    box.array[0] += k
    return before, box.array[j] * 1


def _moved(box: Any, x: Any, k: int, j: int) -> Any:
    box.array[3] = box.array[k]
    np.add(box.array[k], x[j].numpy(), out=box.array[j])
    box.array[j : j + 2] *= 2
    return box.array.copy()


def _scaled(box: Any, x: Any, k: int, j: int) -> Any:
    return (x * k).sin() - (x * j).sin(), x.clamp(max=k) - x.clamp(max=j), np.full(3, k) - np.full(3, j)


def _shaped(box: Any, x: Any, k: int, j: int) -> Any:
    made = np.zeros(k), np.ones((j, 2)), np.arange(k), np.eye(k), np.linspace(0, j, k + 1)
    return made, np.array_split(x.numpy(), k + 1), np.repeat(x.numpy(), j, 0), x.diagonal(j)


def _along(box: Any, x: Any, k: int, j: int) -> Any:
    square = (x @ x.t()).numpy()
    return square.sum(k % 2), np.argmax(square, axis=j % 2), np.flip(square, k % 2), x.tril(j), x.roll(k, 0)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("own", [False, True], ids=["argument", "own"])
@pytest.mark.parametrize(
    "function",
    [_window, _written, _written_through_a_view, _read_through_a_view, _moved, _scaled, _shaped, _along],
)
def test_numbers_that_index_and_shape(function: Callable[..., Any], own: bool, verify: bool) -> None:
    """What is cut, made or found equal by numbers is so for those of the call, not of the recording."""
    results = []
    for compiled in (True, False):
        box = _held()

        def stepped(x: Any, box: Box = box) -> Any:
            box.k, box.j = (box.k + 1) % 4, (box.j + 2) % 3
            return function(box, x, box.k, box.j)

        def called(x: Any, k: int, j: int, box: Box = box) -> Any:
            return function(box, x, k, j)

        step = stepped if own else called
        step = compiler.compile(step, verify=verify) if compiled else step
        found = [step(rows(i), *(() if own else KS[i])) for i in range(len(KS))]
        results.append((found, box.buffer, box.array))
    require_same(results[0], results[1], function.__name__)


def test_a_number_is_known_by_how_it_is_computed_not_by_what_it_was() -> None:
    compiled = compiler.compile(lambda x, a, b: (x * (a + 1)).exp() - (x * (b + 1)).exp(), verify=False)
    for i, (a, b) in enumerate(KS):
        require_same(compiled(rows(i), a, b), (rows(i) * (a + 1)).exp() - (rows(i) * (b + 1)).exp(), f"call {i}")
    assert compiled.recordings == 2


@pytest.mark.parametrize(
    "loss",
    [
        lambda w, x, k, j: (x[k] * w * k).sum() * (j + 1),
        lambda w, x, k, j: nn.functional.leaky_relu(x @ w, k / 10).sum() / (j + 1),
        lambda w, x, k, j: (w.clamp(max=k * 0.3) * x[j]).sum() * k,
        lambda w, x, k, j: (x[x[:, 0].argmax().item()] * w[j:].sum()).sum() * k,
        lambda w, x, k, j: (w.clamp(max=x.sum().item()) * x[j]).sum() * x.sum().item(),
    ],
)
def test_backwards_take_numbers(loss: Callable[..., Any]) -> None:
    """A result that requires grad: its backward, a program of its own, uses the numbers of its call."""
    weight = nn.Parameter(autograd.ones(4))
    compiled = compiler.compile(lambda x, k, j: loss(weight, x, k, j), verify=False)
    for i, (k, j) in enumerate(KS):
        grads = []
        for function in (compiled, compiled.function):
            weight.grad = None
            function(rows(i), k, j).backward()
            grads.append(weight.grad)
        require_same(grads[0], grads[1], f"call {i}")


def _best(x: Any) -> Any:
    return x[:, 0].argmax()


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("number", [_best, lambda x: (x[:, 0] > 0).sum() - 1, lambda x: np.argmax(x.copy()[:, 1])])
@pytest.mark.parametrize(
    "index",
    [
        lambda i: i,
        lambda i: (i, 1),
        lambda i: (i, slice(1, None)),
        lambda i: (slice(0, 2), i % 4),
        lambda i: slice(i, None),
        lambda i: slice(None, None, i + 2),
        lambda i: (None, i),
        lambda i: [i, 0],
    ],
)
def test_scalars_as_indices(number: Callable[..., Any], index: Callable[..., Any], verify: bool) -> None:
    """By a scalar NumPy cuts a view, and so does the program; how much a slice takes may vary."""

    def step(x: Any) -> Any:
        array = x.numpy().copy()
        i = number(array)
        part = array[index(i)]
        part += 1
        array[index(i)] *= 2
        return part, array, array[0] * 1

    compiled = compiler.compile(step, verify=verify)
    for i in range(6):
        require_same(compiled(rows(i)), step(rows(i)), f"call {i}")


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    "step",
    [
        lambda x: (np.zeros((x > 0).sum()), np.arange((x > 0).sum())),
        lambda x: (np.repeat(x, (x > 0).sum()), x[: (x[:, 0] > 0).sum()]),
        lambda x: (np.array((x > 0).sum()), np.asarray(x.sum()), x.sum().astype(float), x.sum().copy()),
        lambda x: (round(x[0, 0]), round(x[0, 0], 2), isinstance(x[0, 0], np.generic), np.isscalar(x.max())),
        lambda x: ([1] * (x > 0).sum(), np.ones(3).sum(), np.interp(0.5, [0, 1], [0, 2])),
    ],
)
def test_scalars_shape_and_are_returned_as_scalars(step: Callable[..., Any], verify: bool) -> None:
    compiled = compiler.compile(step, verify=verify)
    for i in range(6):
        found, expected = compiled(rows(i).numpy()), step(rows(i).numpy())
        require_same(found, expected, f"call {i}")
        assert [*map(type, found)] == [*map(type, expected)]


@pytest.mark.parametrize("number", [lambda x: x.sum(), lambda x: x.mean(), lambda x: x[0, 0], lambda x: x.max() * 1])
def test_tensors_of_one_number_have_a_memory(number: Callable[..., Any]) -> None:
    """What shares the memory of a tensor that holds a scalar does so in the program."""

    def step(x: Any) -> Any:
        made = number(x)
        view = made.reshape(1)
        view.add_(1)
        array = made.numpy()
        array[...] *= 2
        return made, view, array

    compiled = compiler.compile(step, fullgraph=True)
    for i in range(4):
        found, expected = compiled(rows(i)), step(rows(i))
        require_same(found, expected, f"call {i}")
        assert np.shares_memory(found[0].numpy(), found[1].numpy())
        assert np.shares_memory(found[0].numpy(), found[2])


def test_a_trial_that_begins_with_another_decision() -> None:
    """A program whose decisions come out otherwise at its first comparison is compared at the next."""
    box = Box(k=1, buffer=autograd.arange(24).reshape(6, 4).float())
    compiled = compiler.compile(lambda: autograd.arange(box.k) * box.buffer.sum())
    for k in (3, 4, 2, 5, 3, 1, 0, 4, 2, 3):
        box.k = k
        require_same(compiled(), autograd.arange(k) * box.buffer.sum(), f"{k}")


@pytest.mark.parametrize(
    "function",
    [lambda a, b: a // b + a % b, lambda a, b: autograd.div(a, b, rounding_mode="trunc"), lambda a, b: a // int(b[0])],
)
def test_whole_numbers_divide_in_programs(function: Callable[..., Any]) -> None:
    """A divisor of 0 raises as in the function itself."""
    compiled = compiler.compile(function, fullgraph=True)
    a = autograd.arange(6) + 9
    for divisor in ([1, 2, 3, 4, 5, 6], [1, 1, 2, 2, 3, 3], [1, -3, 4, 5, 7, 1]):
        require_same(compiled(a, tensor(divisor)), function(a, tensor(divisor)), f"{divisor}")
    with pytest.raises(ZeroDivisionError):
        compiled(a, tensor([0, 1, 1, 1, 1, 1]))


def test_numbers_read_from_large_arrays_are_compared_as_exactly_as_these() -> None:
    """Sums over many rows are added up in another order: a number read from one is no more exact than the array."""
    box = Box(mean=0.0)

    @compiler.compile(fullgraph=True)
    def step(x: Any) -> Any:
        box.mean = 0.9 * box.mean + x.mean().item()
        return x.sum().item()

    mean = 0.0
    for i in range(5):
        x = tensor(np.random.default_rng(i).normal(size=(600, 500)).astype(np.float32) + 1)
        assert step(x) == pytest.approx(x.sum().item(), rel=1e-5)
        mean = 0.9 * mean + x.mean().item()
        assert box.mean == pytest.approx(mean, rel=1e-5)
    assert step.source


def test_backwards_of_lists_of_numbers_as_indices() -> None:
    weight = nn.Parameter(autograd.ones(4))
    compiled = compiler.compile(lambda k: (weight[[k, 0]] ** 2).sum(), verify=False)
    for k in (1, 2, 3, 0, 1):
        grads = []
        for function in (compiled, compiled.function):
            weight.grad = None
            function(k).backward()
            grads.append(weight.grad)
        require_same(grads[0], grads[1], f"{k}")
    assert compiled.recordings == 2


@pytest.mark.parametrize("power", [lambda x, n: x**n, lambda x, n: x.pow(n), lambda x, n: x.clone().pow_(n)])
def test_powers_whose_exponent_changes(power: Callable[..., Any]) -> None:
    """Exponents that were arguments took the way of exponents in a Tensor, with another rounding."""
    compiled = compiler.compile(power, fullgraph=True)
    for n in (0.5, 1.5, 2.0, 3.0, 2.5, 3.0, 0.5):
        for i in range(3):
            np.testing.assert_array_equal(compiled(rows(i).abs(), n), power(rows(i).abs(), n))


@pytest.mark.parametrize("verify", [True, False])
def test_a_state_that_is_written_and_then_saved_for_backward(verify: bool) -> None:
    """The result's graph was made after the write: a program may not say that what it saved was overwritten."""
    weight, state = nn.Parameter(autograd.ones(4)), autograd.zeros(4)

    @compiler.compile(verify=verify, fullgraph=True)
    def step(x: Any) -> Any:
        state.add_(x)
        return (weight * state).sum()

    total = np.zeros(4, np.float32)
    for i in range(4):
        weight.grad = None
        step(rows(i)[0]).backward()
        total = total + rows(i)[0].numpy()
        require_same(weight.grad, tensor(total), f"call {i}")
    assert step.source


def test_a_backward_that_cannot_be_recorded_raises_when_it_is_asked_for() -> None:
    weight = nn.Parameter(autograd.ones(4))

    @compiler.compile
    def step(x: Any) -> Any:
        y = x * 2
        out = (weight * y).sum()
        y.mul_(2)
        return out

    with pytest.warns(UserWarning, match="the backward of the result cannot be recorded"):
        out = step(rows(0)[0])
    for i in range(3):
        require_same(out.detach(), (rows(i)[0] * 2).sum(), f"call {i}")
        with pytest.raises(MutationError):
            out.backward()
        out = step(rows(i + 1)[0])


@pytest.mark.parametrize("function", [
    lambda c, x: func.vmap(lambda row: c * row + np.multiply(c, row))(x),
    lambda c, x: func.vmap(lambda row: np.where(row > 0, c, row))(x),
    lambda c, x: func.vmap(func.grad(lambda row: c * (row @ row)))(x),
    lambda c, x: func.vmap(func.grad(lambda row: c * (row @ row)))(tensor(x)),
])  # fmt: skip
def test_numbers_beside_what_is_mapped_over(function: Callable[..., Any]) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    compiled = compiler.compile(function, fullgraph=True)
    for number in (0.5, 1.5, 2.5, 3.5):
        np.testing.assert_allclose(compiled(number, x), function(number, x), rtol=1e-14)
    assert compiled.recordings <= 2


TRANSFORMED = {
    "grad": lambda x, k: autograd.func.grad(lambda k: (x * k).sum() * k)(k),
    "value_and_grad": lambda x, k: autograd.func.value_and_grad(lambda k: np.sin(k) ** 2)(k),
    "jvp": lambda x, k: autograd.func.jvp(lambda k: np.sin(k) * x, (k,), (1.0,)),
    "hessian": lambda x, k: autograd.func.hessian(lambda k: np.sin(k) * x.sum())(k),
    "of several": lambda x, k: autograd.func.grad(lambda x, k: (x * k).sum(), argnums=(0, 1))(x, k),
}


@pytest.mark.parametrize("function", TRANSFORMED.values(), ids=TRANSFORMED)
@pytest.mark.parametrize("kind", [float, np.float64])
def test_derivatives_by_numbers_that_change(function, kind):
    """Each number needed a program of its own, and after 16 of them the function ran uncompiled."""
    compiled, x = autograd.compile(function, verify=False), np.arange(3.0)
    for k in (0.5, 1.5, 2.5, 3.5):
        require_same(compiled(x, kind(k)), function(x, kind(k)))
    assert compiled.recordings == 2


def _keyed(kept: Any, x: Any, n: int) -> Any:
    return {n: x * 2, (n, "a"): [n, {n + 1: x}]}


def _kept_in_a_dict(kept: Any, x: Any, n: int) -> Any:
    kept.found[n] = n * 2
    kept.found.pop(n - 1, None)
    return x * 2, list(kept.found)


def _counted(kept: Any, x: Any, n: int) -> Any:
    kept.counter[n % 3] += 1
    return x * 2


def _in_a_set(kept: Any, x: Any, n: int) -> Any:
    kept.seen.add((n, 1))
    kept.seen.discard((n - 1, 1))
    return x * len(kept.seen)


def _classes_in(thing: Any) -> Any:
    if isinstance(thing, dict):
        thing = [*thing.items()]
    return [*map(_classes_in, thing)] if isinstance(thing, (list, tuple, set)) else type(thing)


@pytest.mark.parametrize("function", [_keyed, _kept_in_a_dict, _counted, _in_a_set])
def test_keys_are_numbers_as_they_are(function: Callable[..., Any]) -> None:
    """What stood for a number while the function was recorded stayed behind as the key of a dict, and in a set."""

    def made() -> Box:
        return Box(found=OrderedDict(first=1), counter=Counter(), seen={(7, 1)})

    first, second = made(), made()
    compiled = compiler.compile(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a set that is changed has no program
        for i, n in enumerate([0, 0, 0, 1, 2, 3, 0, 2]):
            found, expected = compiled(second, rows(i), n), function(first, rows(i), n)
            require_same(found, expected, f"call {i}")
            assert [*vars(first).values()] == [*vars(second).values()]
            assert _classes_in([found, *vars(second).values()]) == _classes_in([expected, *vars(first).values()])


@pytest.mark.parametrize("text", [repr, lambda n: str([n]), lambda n: f"{n!r:>4}"])
def test_texts_of_numbers_are_noticed(text: Any) -> None:
    """``repr`` gave the text of what stood for the number."""
    compiled = compiler.compile(lambda x, n: (x * 2, {text(n): n}))
    for _ in range(3):
        assert compiled(rows(0), 0)[1] == {text(0): 0}
    with pytest.warns(UserWarning, match="uncompiled: a text"):
        assert compiled(rows(0), 1)[1] == {text(1): 1}
    assert compiled(rows(0), 2)[1] == {text(2): 2}
