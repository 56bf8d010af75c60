"""Layouts in compiled programs: results of wide products lie by columns where nothing else could notice."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd.compiler import sharing
from autograd.compiler.passes import PASSES
from tests.helpers import code_of

ROWS, WIDE = 64, 1024
BY_COLUMNS = f"strides=(4, {4 * ROWS})"


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)


def draw(*shape: int, seed: int = 0) -> Any:
    return autograd.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32) / 8)


X, W = draw(ROWS, WIDE), draw(WIDE, WIDE, seed=1)


def busy() -> Any:
    """Large elementwise work, beside which products are shared out."""
    z = W
    for _ in range(40):
        z = (z + 1) * 0.5
    return z


def code_beside(function: Callable[[Any], Any], x: Any = X, without: tuple[str, ...] = ()) -> str:
    """The program of a function, after it gave what the function gives, also of other numbers."""

    def step(x: Any) -> Any:
        return function(x), busy()

    program = autograd.compile(step, fullgraph=True, passes=set(PASSES) - set(without))
    for factor in (1, 1, 1, -2):
        for found, true in zip(program(x * factor)[0], step(x * factor)[0], strict=True):
            np.testing.assert_allclose(found, true, 1e-4, 1e-4)
            assert found.stride() == true.stride()
    return code_of(program)


def training(seed: int) -> tuple[Callable[[], Any], Any]:
    """A step of a wide perceptron, and its model."""
    autograd.manual_seed(seed)
    model = nn.Sequential(nn.Linear(WIDE, WIDE), nn.ReLU(), nn.Linear(WIDE, WIDE), nn.Tanh(), nn.Linear(WIDE, 10))
    optimizer, y = optim.Adam(model.parameters()), autograd.arange(ROWS) % 10

    def step() -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, model


def test_a_wide_perceptron_trains_alike_by_columns():
    (step, model), (eager, true) = training(3), training(3)
    program = autograd.compile(step, fullgraph=True)
    for _ in range(5):
        np.testing.assert_allclose(program(), eager(), 1e-5)
    for a, b in zip(model.parameters(), true.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, 1e-3, 1e-6)
        assert a.grad.stride() == b.grad.stride()
    code = code_of(program)
    assert code.count(BY_COLUMNS) >= 4  # two activations and their gradients
    plain = autograd.compile(training(3)[0], fullgraph=True, passes=set(PASSES) - {"lay_out_columns"})
    for _ in range(3):
        plain()
    assert "strides=(" not in code_of(plain)
    assert plain.explain().bytes_after == program.explain().bytes_after


def test_what_is_elementwise_and_transposed_follows():
    def function(x: Any) -> Any:
        y = (x @ W.T + 1).tanh() * 2
        return (y.T @ y,)

    assert BY_COLUMNS in code_beside(function)
    assert BY_COLUMNS not in code_beside(function, without=("lay_out_columns",))
    assert BY_COLUMNS not in code_beside(function, without=("share_products",))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x @ W.T,),
        lambda x: ((x @ W.T).tanh() + x, x @ x.T),
        lambda x: ((x @ W.T).softmax(-1) @ W,),
        lambda x: ((x @ W.T).sum(0),),
        lambda x: ((x @ W.T)[:, 1:3] * 2,),
        lambda x: ((x @ W.T).reshape(-1, 2).sum(1),),
        lambda x: ((x @ W.T + autograd.rand(ROWS, WIDE) * 0) @ W,),
        lambda x: ((x @ W.T) @ W + (x @ W.T).view(2, ROWS // 2, WIDE).amax(),),
        lambda x: ((x @ W.T + autograd.ones(3, 1, 1)).sum(0),),
        lambda x: (x @ W @ W,),
    ],
    ids=["returned", "given", "softmax", "sum", "slice", "reshape", "drawn", "view", "broadcast", "as it is"],
)
def test_where_something_else_works_with_it_nothing_changes(function: Callable[[Any], Any]):
    assert "strides=(" not in code_beside(function)


@pytest.mark.parametrize("rows", [16, 768])
def test_few_rows_and_many_stay_as_they_are(rows: int):
    code = code_beside(lambda x: ((x @ W.T).tanh() @ W,), draw(rows, WIDE))
    assert "large_product(" in code
    assert "strides=(" not in code


def test_arrays_written_in_place_follow():
    def function(x: Any) -> Any:
        y = x @ W.T
        y += 1
        y.mul_(2).tanh_()
        return (y @ W,)

    assert BY_COLUMNS in code_beside(function)


def test_an_exported_program_has_the_layouts(tmp_path: Any):
    def step(x: Any) -> Any:
        return (x @ W.T).tanh() @ W, busy()

    program = autograd.compile(step, fullgraph=True)
    for _ in range(3):
        found = program(X)
    path = program.export(tmp_path / "step.py")
    assert f"(4, {4 * ROWS})" in Path(path).read_text(encoding="utf-8")
    for a, b in zip(runpy.run_path(path)["step"](X.numpy()), found, strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-4)
