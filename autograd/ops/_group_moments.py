"""Group normalization of large arrays with few passes over memory: all that is needed are sums for each channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._blocks import block_rows, in_blocks
from ._column_sums import ones
from ._moments import channels_scaled, far, row_slopes, rows_normalized, scaling_slopes

__all__ = ["group_slopes", "groups_normalized"]


def _places(x: Any) -> Any:
    """``x`` as (examples, channels, places)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _rows(x: Any, groups: int) -> Any:
    return x.reshape(x.shape[0] * groups, math.prod(x.shape[1:]) // max(groups, 1))


def _sums(x: Any, y: Any) -> Any:
    """For each example and channel the sum of ``x``, and that of ``x * y``."""
    unit = ones(x.shape[2], x.dtype)
    sums = np.empty((2, *x.shape[:2]), x.dtype, like=x)

    def work(block: slice) -> None:
        np.vecdot(x[block], unit, out=sums[0, block])
        np.vecdot(x[block], y[block], out=sums[1, block])

    in_blocks(x, lambda: work)
    return sums


def _grouped(sums: Any, groups: int) -> Any:
    """The sum over each group's channels."""
    return np.add.reduce(sums.reshape(len(sums), groups, -1), -1)


def _spread(values: Any, channels: int) -> Any:
    """A value for each group as one for each channel, so that it broadcasts to places."""
    return np.repeat(values, channels // values.shape[1], 1)[:, :, None]


def groups_normalized(x: Any, weight: Any, bias: Any, groups: int, eps: float, memo: Any) -> Any:
    """``group_norm``. ``memo`` (a list) gets mean and 1 / deviation of each group, for backward.

    Where means are far from 0, sums lose digits: then ``memo`` stays empty, and numbers are centered first.
    """
    shape, x = x.shape, _places(x)
    n = max(math.prod(x.shape[1:]) // groups, 1)
    mean, variance = (_grouped(sums, groups) / n for sums in _sums(x, x))
    level = np.square(mean)
    variance -= level
    if far(level, variance):
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, None)
        return channels_scaled(rows.reshape(shape), weight, bias)
    scale = 1 / np.sqrt(variance + eps)
    if memo is not None:
        memo[:] = mean, scale
    factor = _spread(scale, x.shape[1]) * weight[:, None]
    offset = bias[:, None] - _spread(mean, x.shape[1]) * factor
    out = np.empty(x.shape, x.dtype, like=x)

    def work(block: slice) -> None:
        into = np.multiply(x[block], factor[block], out=out[block])
        np.add(into, offset[block], out=into)

    in_blocks(x, lambda: work)
    return out.reshape(shape)


def group_slopes(x: Any, g: Any, weight: Any, groups: int, eps: float, memo: Any) -> tuple[Any, Any, Any]:
    """The derivatives of ``group_norm`` by input, weight and bias, where ``g`` is its output's."""
    shape = x.shape
    if not memo:
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, None)
        back, by_weight, by_bias = scaling_slopes(rows.reshape(shape), g, weight)
        by_x = row_slopes(_rows(x, groups), _rows(back, groups), None, 1, eps, True, None)[0]
        return by_x.reshape(shape), by_weight, by_bias
    x, g = _places(x), _places(g)
    n = max(math.prod(x.shape[1:]) // groups, 1)
    mean, scale = memo
    means, scales = _spread(mean, x.shape[1]), _spread(scale, x.shape[1])
    level, along = _sums(g, x)
    along -= means[:, :, 0] * level
    by_bias, by_weight = np.add.reduce(level, 0), np.add.reduce(along * scales[:, :, 0], 0)
    # dx = scale * (g * weight - level - (x - mean) * along), with level and along of each group
    shares = _grouped(level * weight, groups) * scale / n, _grouped(along * weight, groups) * scale**3 / n
    level, along = (_spread(share, x.shape[1]) for share in shares)
    level = level - means * along
    factor = scales * weight[:, None]
    out = np.empty(x.shape, x.dtype, like=x)

    def start() -> Callable[[slice], None]:
        scratch = np.empty((block_rows(x), *x.shape[1:]), x.dtype, like=x)

        def work(block: slice) -> None:
            into = np.multiply(g[block], factor[block], out=out[block])
            rest = np.multiply(x[block], along[block], out=scratch[: len(into)])
            np.add(rest, level[block], out=rest)
            np.subtract(into, rest, out=into)

        return work

    in_blocks(x, start)
    return out.reshape(shape), by_weight, by_bias
