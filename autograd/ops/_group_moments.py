"""Group normalization of large arrays with few passes over memory: all that is needed are sums for each channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.sums import dot_lines
from ._blocks import block_rows, in_blocks
from ._moments import channels_scaled, channels_scaled_backward, far, rows_backward, rows_normalized

__all__ = ["groups_backward", "groups_normalized"]


def _places(x: Any) -> Any:
    """``x`` as (examples, channels, places)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _rows(x: Any, groups: int) -> Any:
    return x.reshape(x.shape[0] * groups, math.prod(x.shape[1:]) // max(groups, 1))


def _sums(x: Any, y: Any) -> tuple[Any, Any]:
    """For each example and channel the sum of ``x``, and that of ``x * y``."""
    sums, products = np.empty((2, *x.shape[:2]), x.dtype, like=x)

    def work(block: slice) -> None:
        dot_lines(x[block], out=sums[block])
        dot_lines(x[block], y[block], products[block])

    in_blocks(x, lambda: work, cheap=True)
    return sums, products


@np.errstate(invalid="ignore", over="ignore", divide="ignore")  # inf and NaN give NaN, as in PyTorch
def groups_normalized(x: Any, weight: Any, bias: Any, groups: int, eps: float, memo: Any) -> Any:
    """``group_norm``. ``memo`` (a list) gets mean and 1 / deviation of each group, for backward.

    Where means are far from 0, sums lose digits: then ``memo`` stays empty, and numbers are centered first.
    """
    shape, x = x.shape, _places(x)
    n = max(math.prod(x.shape[1:]) // groups, 1)
    channels = len(x), groups, x.shape[1] // groups
    mean, squares = [np.add.reduce(sums.reshape(channels), -1, keepdims=True) / n for sums in _sums(x, x)]
    level = np.square(mean)
    squares -= level
    if far(level, squares):
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, None)
        return channels_scaled(rows.reshape(shape), weight, bias)
    scale = 1 / np.sqrt(squares + eps)
    factor = scale * weight.reshape(channels[1:])
    level = (bias.reshape(channels[1:]) - mean * factor).reshape(*x.shape[:2], 1)
    factor = factor.reshape(*x.shape[:2], 1)
    out = np.empty(x.shape, x.dtype, like=x)

    def work(block: slice) -> None:
        into = np.multiply(x[block], factor[block], out=out[block])
        np.add(into, level[block], out=into)

    in_blocks(x, lambda: work)
    if memo is not None:
        memo[:] = mean, scale
    return out.reshape(shape)


def groups_backward(x: Any, g: Any, weight: Any, groups: int, eps: float, memo: Any) -> tuple[Any, Any, Any]:
    """The derivatives of ``group_norm`` with respect to input, weight and bias, where ``g`` is its output's."""
    shape = x.shape
    if not memo:
        moments: list[Any] = []
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, moments)
        back, by_weight, by_bias = channels_scaled_backward(rows.reshape(shape), g, weight)
        by_x = rows_backward(_rows(x, groups), _rows(back, groups), None, 1, eps, True, moments)[0]
        return by_x.reshape(shape), by_weight, by_bias
    x, g = _places(x), _places(g)
    n = max(math.prod(x.shape[1:]) // groups, 1)
    mean, scale = memo
    channels = len(x), groups, x.shape[1] // groups
    weight = weight.reshape(channels[1:])
    by_bias, by_weight = [sums.reshape(channels) for sums in _sums(g, x)]
    by_weight -= mean * by_bias
    by_weight *= scale
    # dx = scale * (g * weight - level - (x - mean) * along), with level and along of each group
    share = scale / n
    level, along = [np.add.reduce(sums * weight, -1, keepdims=True) * share for sums in (by_bias, by_weight)]
    along *= scale
    level -= mean * along
    factor = (scale * weight).reshape(*x.shape[:2], 1)
    out = np.empty(x.shape, x.dtype, like=x)
    lines, into = [a.reshape(len(x), groups, channels[2] * x.shape[2]) for a in (x, out)]

    def start() -> Callable[[slice], None]:
        scratch = np.empty((block_rows(x), *lines.shape[1:]), x.dtype, like=x)

        def work(block: slice) -> None:
            np.multiply(g[block], factor[block], out=out[block])
            rest = np.multiply(lines[block], along[block], out=scratch[: len(lines[block])])
            np.add(rest, level[block], out=rest)
            np.subtract(into[block], rest, out=into[block])

        return work

    in_blocks(x, start)
    return out.reshape(shape), *[np.add.reduce(sums, 0).reshape(-1) for sums in (by_weight, by_bias)]
