"""Compiled functions that mix Tensors, NumPy's arrays and Python's numbers, and hand containers through.

Without the comparison at the second call (``verify=False``): the record itself must be right.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import compiler
from tests.helpers import require_same


def rows(seed: int) -> Any:
    return autograd.tensor(np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32))


def _written(x: Any) -> Any:
    made = np.zeros((3, 4))
    made[:] = x
    made[0] = x[1]
    made[2, 1] = x[0, 0]
    made[1:] += [x[0], x[1] * 2]
    return made


def _indexed(x: Any) -> Any:
    order, made = x[0].argsort(), np.arange(4)
    made[order[0]] = 9
    return made[order], made[x[1] > 0], made[order[1]], made[x[1] > x[2]].sum()


ASKED: dict[str, Callable[[Any], Any]] = {
    "asarray": lambda x: np.asarray(x) * 2,
    "asarray of another dtype": lambda x: np.asarray(x, np.float64) * 2,
    "array": lambda x: np.array(x) * 2,
    "array of a list": lambda x: np.array([x[0], x[1] * 2]) + 1,
    "ascontiguousarray": lambda x: np.ascontiguousarray(x.t()) * 2,
    "full": lambda x: np.full(3, x[0, 0]),
    "as_strided": lambda x: np.lib.stride_tricks.as_strided(x.numpy(), (2, 2), (4, 4)) * 2,
    "written": _written,
    "indexed": _indexed,
}


@pytest.mark.parametrize("function", ASKED.values(), ids=ASKED)
def test_numpy_asks_tensors_for_their_arrays(function: Callable[[Any], Any]) -> None:
    compiled = compiler.compile(function, verify=False, fullgraph=True)
    for i in range(5):
        require_same(compiled(rows(i)), function(rows(i)), f"call {i}")


@pytest.mark.parametrize(
    "read",
    [lambda x: np.frombuffer(x.numpy(), np.float32), np.from_dlpack, lambda x: np.array([x.numpy().ctypes.data > 0])],
)
def test_memory_that_is_read_without_numpy_is_told(read: Callable[[Any], Any]) -> None:
    compiled = compiler.compile(lambda x: read(x) * 2, verify=False)
    with pytest.warns(UserWarning, match="frombuffer, which reads the memory|__dlpack__|ctypes"):
        require_same(compiled(rows(0)), read(rows(0)) * 2)
    require_same(compiled(rows(1)), read(rows(1)) * 2)


def never(*args: Any) -> Any:
    raise AssertionError("the program was to run, and the function was called")


SPECIAL = [1.0, 2.0, 3.0, float("inf"), 2.0, -float("inf"), 0.0, -0.0, float("nan"), 1.0, 0.0, -0.0, 7.0]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: x * math.exp(-abs(k)),
        lambda x, k: x * math.copysign(1.0, k),
        lambda x, k: x if {k: 1}.get(2.0) else x * 2,
        lambda x, k: (x, math.isnan(k), math.isinf(k)),
    ],
)
def test_numbers_that_are_needed_themselves_may_be_infinite(function: Any, verify: bool) -> None:
    """Each has a program that knows it again: by what it is, as 0 equals -0, and nan does not equal nan."""
    compiled = compiler.compile(function, verify=verify)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i, k in enumerate(SPECIAL):
            require_same(compiled(rows(i), k), function(rows(i), k), f"call {i}")
    assert compiled.recordings <= 2 + len({repr(k) for k in SPECIAL})


@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: (np.round(x.numpy(), 1), round(k, 1)),
        lambda x, k: (np.abs(x.numpy()), abs(k)),
        lambda x, k: (np.zeros(2, np.dtype(bool)), bool(k)),
        lambda x, k: (np.True_, x if x.abs().sum() > 0 else x * 2),
        lambda x, k: (x.numpy().astype(np.dtype(int)), int(k)),
    ],
)
def test_names_of_numpys_functions_are_not_those_of_pythons(function: Any) -> None:
    compiled = compiler.compile(function, verify=False)
    for i, k in enumerate((0.26, 0.52, 0.78)):
        if i == 2:
            compiled.function = never
        found, expected = compiled(rows(i), k), function(rows(i), k)
        require_same(found, expected, f"call {i}")
        assert [type(item) for item in found] == [type(item) for item in expected]


def test_arguments_named_like_pythons_functions() -> None:
    def function(abs: Any, round: Any, int: Any) -> Any:
        return abs * round + int if int > 1 and abs.sum() < round * 5 else abs

    compiled = compiler.compile(function, verify=False, fullgraph=True)
    for i in range(6):
        require_same(compiled(rows(i), i, i * 0.5), function(rows(i), i, i * 0.5), f"call {i}")


def test_containers_that_are_returned_are_the_arguments() -> None:
    def function(batch: Any, items: Any) -> Any:
        return batch, [items, batch["x"] * 2, items]

    compiled = compiler.compile(function)
    for i in range(4):
        batch, items = {"x": rows(i)}, [rows(i), 1]
        found = compiled(batch, items)
        assert found[0] is batch
        assert found[1][0] is found[1][2] is items
        require_same(found[1][1], batch["x"] * 2)
    assert compiled.recordings == 1


def test_containers_that_are_kept_or_given_twice_are_themselves():
    class Kept:
        last: Any = None
        seen: Any = None

    kept = Kept()

    def function(a: Any, b: Any) -> Any:
        kept.last, kept.seen = a, b["x"]
        return a["x"] + b["x"], a is b

    compiled = compiler.compile(function)
    for i in range(8):
        a, b = {"x": rows(i)}, {"x": rows(i + 1)}
        found, same = compiled(a, a if i % 2 else b)
        require_same(found, a["x"] + (a if i % 2 else b)["x"], f"call {i}")
        assert same is bool(i % 2)
        assert kept.last is a
        assert kept.seen is (a if i % 2 else b)["x"]
