"""Group normalization of large arrays with few passes over memory: all that is needed are sums for each channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.sums import ones
from ._blocks import block_rows, in_blocks
from ._moments import channels_scaled, channels_scaled_backward, far, rows_backward, rows_normalized

__all__ = ["groups_backward", "groups_normalized"]


def _places(x: Any) -> Any:
    """``x`` as (examples, channels, places)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _rows(x: Any, groups: int) -> Any:
    return x.reshape(x.shape[0] * groups, math.prod(x.shape[1:]) // max(groups, 1))


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
    unit = ones(x.shape[2], x.dtype)
    means, scales = np.empty((2, len(x), groups), x.dtype, like=x)
    out = np.empty(x.shape, x.dtype, like=x)
    inexact: list[slice] = []

    def work(block: slice) -> None:
        part = x[block]
        mean = _grouped(np.vecdot(part, unit), groups) / n
        variance = _grouped(np.vecdot(part, part), groups) / n
        level = np.square(mean)
        variance -= level
        if inexact or far(level, variance):
            inexact.append(block)
            return
        means[block] = mean
        scale = scales[block] = 1 / np.sqrt(variance + eps)
        factor = _spread(scale, x.shape[1]) * weight[:, None]
        into = np.multiply(part, factor, out=out[block])
        np.add(into, bias[:, None] - _spread(mean, x.shape[1]) * factor, out=into)

    in_blocks(x, lambda: work)
    if inexact:
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, None)
        return channels_scaled(rows.reshape(shape), weight, bias)
    if memo is not None:
        memo[:] = means, scales
    return out.reshape(shape)


def groups_backward(x: Any, g: Any, weight: Any, groups: int, eps: float, memo: Any) -> tuple[Any, Any, Any]:
    """The derivatives of ``group_norm`` with respect to input, weight and bias, where ``g`` is its output's."""
    shape = x.shape
    if not memo:
        rows = rows_normalized(_rows(x, groups), None, None, 1, eps, True, None)
        back, by_weight, by_bias = channels_scaled_backward(rows.reshape(shape), g, weight)
        by_x = rows_backward(_rows(x, groups), _rows(back, groups), None, 1, eps, True, None)[0]
        return by_x.reshape(shape), by_weight, by_bias
    x, g = _places(x), _places(g)
    channels = x.shape[1]
    n = max(math.prod(x.shape[1:]) // groups, 1)
    means, scales = memo
    unit = ones(x.shape[2], x.dtype)
    by_weight, by_bias = np.empty((2, *x.shape[:2]), x.dtype, like=x)
    out = np.empty(x.shape, x.dtype, like=x)

    def start() -> Callable[[slice], None]:
        scratch = np.empty((block_rows(x), *x.shape[1:]), x.dtype, like=x)

        def work(block: slice) -> None:
            part, slope, scale = x[block], g[block], scales[block]
            mean, widely = _spread(means[block], channels), _spread(scale, channels)
            level = np.vecdot(slope, unit, out=by_bias[block])
            along = np.vecdot(slope, part) - mean[:, :, 0] * level
            np.multiply(along, widely[:, :, 0], out=by_weight[block])
            # dx = scale * (g * weight - level - (x - mean) * along), with level and along of each group
            scale = scale / n
            level = _spread(_grouped(level * weight, groups) * scale, channels)
            along = _spread(_grouped(along * weight, groups) * scale * np.square(scales[block]), channels)
            into = np.multiply(slope, widely * weight[:, None], out=out[block])
            rest = np.multiply(part, along, out=scratch[: len(into)])
            np.add(rest, level - mean * along, out=rest)
            np.subtract(into, rest, out=into)

        return work

    in_blocks(x, start)
    return out.reshape(shape), np.add.reduce(by_weight, 0), np.add.reduce(by_bias, 0)
