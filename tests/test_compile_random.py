"""Compiled functions that draw from NumPy's random generators, wherever these come from.

Without the comparison at the second call (``verify=False``) too: the record itself must be right.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import compiler
from autograd.errors import CompileError
from tests.helpers import require_same

DRAWS: dict[str, Callable[[Any, Any], Any]] = {
    "an array": lambda g, x: x + g.normal(size=6),
    "a number": lambda g, x: (x * g.normal(), g.random(), g.integers(5), g.poisson(3.0)),
    "a decision": lambda g, x: x * 2 if g.random() < 0.5 else x,
    "an index": lambda g, x: (x[g.integers(6)], x[g.permutation(6)[:2]]),
    "parameters": lambda g, x: (g.normal(x, np.abs(x)), g.dirichlet(np.abs(x))),
    "a matrix": lambda g, x: g.multivariate_normal(x[:2], np.eye(2)),
    "a selection": lambda g, x: (g.choice(x, 3), g.permuted(x), g.permutation(x)),
    "a size by value": lambda g, x: g.normal(size=1 + int(x[0] > 0)),
    "a number of trials": lambda g, x: g.binomial((x > 0).sum(), 0.3, size=4),
}  # fmt: skip


@pytest.mark.parametrize("given", ["argument", "closure", "in a dict"])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_are_those_of_the_function(draw: Callable[[Any, Any], Any], verify: bool, given: str) -> None:
    """The function itself draws from a generator of its own, and both are in the same state after each call."""
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    if given == "closure":
        compiled = compiler.compile(lambda x: draw(other, x), verify=verify, fullgraph=True)
        call = compiled
    elif given == "argument":
        compiled = compiler.compile(draw, verify=verify, fullgraph=True)
        call = lambda x: compiled(other, x)  # noqa: E731
    else:
        compiled = compiler.compile(lambda x, state: draw(state["rng"], x), verify=verify, fullgraph=True)
        call = lambda x: compiled(x, {"rng": other})  # noqa: E731
    for i in range(8):
        x = np.random.default_rng(i).normal(size=6)
        require_same(call(x), draw(one, x), f"call {i}")
        assert one.bit_generator.state == other.bit_generator.state
    assert compiled.recordings <= 4


@pytest.mark.parametrize("verify", [True, False])
def test_a_program_draws_from_the_generator_that_it_is_given(verify: bool) -> None:
    compiled = compiler.compile(lambda a, b: (a.normal(size=3), b.normal(size=3)), verify=verify, fullgraph=True)
    for i in range(5):
        one, other = np.random.default_rng(i), np.random.default_rng(-i % 3)
        require_same(compiled(np.random.default_rng(i), other), (one.normal(size=3), other_of(i).normal(size=3)))
    assert compiled.recordings == 1
    both = np.random.default_rng(1)
    expected = np.random.default_rng(1)
    require_same(compiled(both, both), (expected.normal(size=3), expected.normal(size=3)))


def other_of(i: int) -> Any:
    return np.random.default_rng(-i % 3)


def test_a_generator_of_the_closure_that_is_an_argument_too() -> None:
    kept = np.random.default_rng(0)
    compiled = compiler.compile(lambda g: (g.normal(), kept.normal()), verify=False, fullgraph=True)
    for i in range(6):
        state = kept.bit_generator.state
        found = compiled(kept if i % 2 else np.random.default_rng(i))
        was = np.random.default_rng(0)
        was.bit_generator.state = state
        given = was if i % 2 else np.random.default_rng(i)
        require_same(found, (given.normal(), was.normal()), f"call {i}")


def _shuffled(g: Any, x: Any) -> Any:
    order, made = [0, 1, 2, 3, 4, 5], x * 2
    g.shuffle(order)
    g.shuffle(made)
    return x[order], made


def _put_out(g: Any, x: Any) -> Any:
    made = np.empty(6)
    return g.standard_normal(out=made) is made, made + x, g.permuted(x, out=made)


@pytest.mark.parametrize("draw", [_shuffled, _put_out])
def test_draws_into_what_is_given_run_as_they_are(draw: Callable[[Any, Any], Any]) -> None:
    """The first call shuffled a copy of the list, and nothing was said."""
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    compiled = compiler.compile(draw, verify=False)
    for i in range(4):
        x = np.random.default_rng(i).normal(size=6)
        require_same(compiled(other, x), draw(one, x), f"call {i}")
    with pytest.raises(CompileError, match=r"random numbers that \w+\(\) writes into what it is given"):
        compiler.compile(draw, fullgraph=True)(other, x)


def test_the_seed_of_the_global_generator_is_set_at_each_call() -> None:
    """What stands before the draw ran only while it was recorded, and the draw was one without a seed."""

    def draw(x: Any) -> Any:
        x = x * 2
        np.random.seed(7)  # noqa: NPY002
        return x + np.random.randn(6)  # noqa: NPY002

    compiled = compiler.compile(draw)
    for i in range(4):
        np.random.seed(i)  # noqa: NPY002
        require_same(compiled(np.ones(6)), draw(np.ones(6)))


def test_what_is_asked_of_a_generator() -> None:
    kept = np.random.default_rng(0)
    compiled = compiler.compile(
        lambda: (isinstance(kept, np.random.Generator), np.random.default_rng(kept).normal(size=2)), fullgraph=True
    )
    expected = np.random.default_rng(0)
    for _ in range(4):
        require_same(compiled(), (True, expected.normal(size=2)))


def test_the_state_of_a_generator_that_is_returned_is_a_dict() -> None:
    kept = np.random.default_rng(0)
    compiled = compiler.compile(lambda: [kept.bit_generator.state])
    with pytest.warns(UserWarning, match="of which a program knows nothing"):
        (state,) = compiled()
    assert type(state) is dict
    assert state == kept.bit_generator.state


def test_a_function_that_cannot_be_recorded_has_drawn_once() -> None:
    """It is run once more, from where a generator among the arguments was."""

    def draw(g: Any) -> Any:
        made = g.normal(size=3)
        made.setflags(write=False)
        return made

    one, other = np.random.default_rng(3), np.random.default_rng(3)
    compiled = compiler.compile(draw)
    with pytest.warns(UserWarning, match="flags of an array are set"):
        require_same(compiled(one), draw(other))


def test_an_exported_program_is_given_the_generator(tmp_path: Any) -> None:
    compiled = compiler.compile(lambda x, rng: x + rng.normal(size=3))
    given = np.random.default_rng(0)
    for _ in range(3):
        compiled(np.ones(3), given)
    spec = importlib.util.spec_from_file_location("drawing", compiled.export(str(tmp_path / "drawing.py")))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        require_same(module.step(np.ones(3), rng=one), np.ones(3) + other.normal(size=3))


@pytest.mark.parametrize("verify", [True, False])
def test_draws_that_are_set_back_and_drawn_again(verify: bool) -> None:
    """Of one number, and of what depends on an array."""

    def twice(g: Any, x: Any) -> Any:
        state = g.bit_generator.state
        first = g.normal(), g.normal(x), x * 2
        g.bit_generator.state = state
        return first, (g.normal(), g.normal(x)), first[0] + first[1]

    one, other = np.random.default_rng(3), np.random.default_rng(3)
    compiled = compiler.compile(twice, verify=verify, fullgraph=True)
    for i in range(5):
        x = np.random.default_rng(i).normal(size=6)
        require_same(compiled(one, x), twice(other, x), f"call {i}")
        assert one.bit_generator.state == other.bit_generator.state
    assert compiled.recordings == 1


def test_a_generator_that_is_returned_is_the_one_that_was_given() -> None:
    compiled = compiler.compile(lambda g: (g.normal(), g), fullgraph=True)
    for i in range(4):
        given = np.random.default_rng(i)
        found, same = compiled(given)
        assert same is given
        require_same(found, np.random.default_rng(i).normal())
    assert compiled.recordings == 1
