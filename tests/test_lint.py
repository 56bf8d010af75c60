"""The check that derivative rules are plain NumPy: what it must notice, and what it must let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd.testing.lint import forbidden


def _helper(a: Any, shape: Any) -> Any:
    scaled = a * 2
    return scaled.reshape(shape)


def _looping(g: Any, x: Any) -> Any:
    total = 0
    for item in x:
        total = total + item
    return g * total.sum()


def _writing(g: Any, x: Any) -> Any:
    out = g * x
    out[0] = 0
    return out


def _growing(g: Any) -> Any:
    g *= 2
    return g


def _listing(g: Any, x: Any) -> Any:
    both = [g * x, g]
    both[1] = both[0] + g
    return both.copy()


BAD_RULES: list[Callable[..., Any]] = [
    lambda g: g.sum(),
    lambda g, x: (g * x).reshape(x.shape),
    lambda g: np.exp(g).transpose(0, 1),
    lambda g, x: g * x.size,
    lambda g, x: g * x.data,
    lambda g, x: g if isinstance(x, np.ndarray) else -g,
    lambda g, x: g * float(x),
    lambda g, out: [part.max() for part in out],
    lambda g, x: _helper(g, x.shape),
    lambda g, y: autograd.mul(g, y),
    lambda g, x: np.asarray(g) * x,
    lambda g, x: np.multiply(g, x, out=x),
    lambda g, x: np.add.at(x, 0, g),
    lambda g, x: np.copyto(x, g),
    lambda g, x: g.detach() * x,
    _looping,
    _writing,
    _growing,
]
GOOD_RULES: list[Callable[..., Any]] = [
    lambda g, x: np.reshape(np.sum(g), x.shape) * x.dtype.itemsize,
    lambda g, x, dim: g if isinstance(dim, tuple) else g * np.finfo(x.dtype).max,
    lambda g, y: autograd.mul.kernel(g, y),
    lambda g, x_shape: np.broadcast_to(g, x_shape).astype(np.float32),
    lambda g, x: g * max(len(x.shape), x.ndim),
    lambda g, alpha: g * float(alpha),
    lambda g, index: g * np.asarray(index),
    _listing,
]


@pytest.mark.parametrize("rule", BAD_RULES)
def test_bad_rule_is_noticed(rule: Callable[..., Any]) -> None:
    assert forbidden(rule, {"g", "x", "y", "out"})


@pytest.mark.parametrize("rule", GOOD_RULES)
def test_good_rule_passes(rule: Callable[..., Any]) -> None:
    assert forbidden(rule, {"g", "x", "y", "out"}) == []
