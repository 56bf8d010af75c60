"""Normalization on plain arrays, with few passes over memory: the values and the derivatives.

Each function has a form for rows, whose mean and variance are each row's own, and one for channels, where they are
taken over all examples (dimension 0) and places (dimension 2, if there is one).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.sums import dot_lines, ones
from ._blocks import block_rows, in_blocks
from ._column_sums import column_means, column_sums

__all__ = [
    "channels_backward", "channels_normalized", "channels_scaled", "far", "rows_backward", "rows_normalized",
    "channels_scaled_backward",
]  # fmt: skip

FAR = 1e2
"""Where a squared mean exceeds the variance this many times, sums lose digits: center first, or once more."""
SMALL = 1 << 15
"""Up to this many elements another pass over them costs less than to look whether it is needed."""


def far(level: Any, variance: Any) -> bool:
    """Whether squared means exceed variances so much."""
    return not isinstance(level, np.ndarray) or bool(np.logical_or.reduce(level > FAR * variance, axis=None))


# ---- rows ------------------------------------------------------------------------------------------------------------


def _rows(x: Any, rank: int) -> Any:
    """``x`` as a matrix with a row for each mean."""
    front = x.ndim - rank
    return x.reshape(math.prod(x.shape[:front]), math.prod(x.shape[front:]))


def _invert(variance: Any, eps: float) -> None:
    """1 over the deviation, in place."""
    variance += eps
    np.sqrt(variance, out=variance)
    np.divide(1, variance, out=variance)


def rows_normalized(x: Any, weight: Any, bias: Any, rank: int, eps: float, centered: bool, memo: Any) -> Any:
    """``layer_norm`` of the last ``rank`` dimensions. ``memo`` (a list) gets, for backward, the mean, 1 / deviation
    and, if there are large means, what these lack to be exact.
    """
    rows = _rows(x, rank)
    count, n = rows.shape
    out = np.empty_like(rows)
    means, scales, rests = np.zeros((3, count, 1), rows.dtype, like=x)
    distant: list[bool] = []
    weight, bias = (None if a is None else a.reshape(-1).astype(rows.dtype, copy=False) for a in (weight, bias))

    def work(block: slice) -> None:
        part, into, mean, scale = rows[block], out[block], means[block], scales[block]
        if centered:
            dot_lines(part, out=mean[:, 0])
            mean /= max(n, 1)
            part = np.subtract(part, mean, out=into)
        dot_lines(part, part, scale[:, 0])
        if centered and far(np.square(mean) * n, scale):
            distant.append(True)
            rest = np.divide(dot_lines(part)[:, None], max(n, 1), out=rests[block])  # a large mean is not exact
            np.subtract(part, rest, out=part)
            dot_lines(part, part, scale[:, 0])
        scale /= max(n, 1)
        _invert(scale, eps)
        np.multiply(part, scale, out=into)
        if weight is not None:
            np.multiply(into, weight, out=into)
        if bias is not None:
            np.add(into, bias, out=into)

    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # inf and NaN give NaN, as in PyTorch
        in_blocks(rows, lambda: work)
    if memo is not None:
        memo[:] = means, scales, rests if distant else None
    return out.reshape(x.shape)


def _row_moments(rows: Any, eps: float, centered: bool) -> tuple[Any, Any]:
    n = max(rows.shape[1], 1)
    mean = np.add.reduce(rows, 1, keepdims=True) / n if centered else np.zeros((len(rows), 1), rows.dtype, like=rows)
    variance = np.add.reduce(np.square(rows - mean), 1, keepdims=True) / n
    _invert(variance, eps)
    return mean, variance


def rows_backward(
    x: Any, g: Any, weight: Any, rank: int, eps: float, centered: bool, memo: Any
) -> tuple[Any, Any, Any]:
    """The derivatives of ``layer_norm`` with respect to input, weight and bias.

    The last two are 0 without weight. ``g`` is the gradient of its output.
    """
    rows, g = _rows(x, rank), _rows(g, rank)
    means, scales, rests = memo or (*_row_moments(rows, eps, centered), None)
    count, n = rows.shape
    size = block_rows(rows)
    out = np.empty_like(rows)
    unit = ones(size, rows.dtype)
    flat = None if weight is None else weight.reshape(-1).astype(rows.dtype, copy=False)
    by_weight, by_bias = np.zeros((2, 1 if flat is None else max(1, -(-count // size)), n), rows.dtype, like=x)

    def start() -> Callable[[slice], None]:
        scratch = np.empty((size, n), rows.dtype, like=x)

        def work(block: slice) -> None:
            part, slope, mean, scale = rows[block], g[block], means[block], scales[block]
            into, offset = out[block], scratch[: len(part)]
            if flat is None and rows.size > SMALL and not far(np.square(mean * scale), 1):
                _uncentered_rows_backward(part, slope, mean, scale, centered, into, offset)
                return
            if centered:
                np.subtract(part, mean, out=offset)
                if rests is not None:
                    np.subtract(offset, rests[block], out=offset)
                part = offset
            np.multiply(slope, part, out=into)
            if flat is not None:
                number = block.start // size
                np.dot(scale[:, 0], into, out=by_weight[number])
                np.dot(unit[: len(part)], slope, out=by_bias[number])
            _centered_rows_backward(part, slope, scale, flat, centered, into, offset)

        return work

    in_blocks(rows, start)
    if weight is None:
        return out.reshape(x.shape), *np.zeros(2, rows.dtype, like=x)
    return (
        out.reshape(x.shape),
        np.add.reduce(by_weight, 0).reshape(weight.shape),
        np.add.reduce(by_bias, 0).reshape(weight.shape),
    )


# With h = g * weight, level = mean(h), along = mean(h * (x - mean)) * scale**2:
# dx = scale * (h - level - (x - mean) * along)


def _uncentered_rows_backward(x: Any, g: Any, mean: Any, scale: Any, centered: bool, out: Any, scratch: Any) -> None:
    """The gradient of rows without weight: a share of ``g`` and of ``x`` each, and something for the whole row."""
    n = max(x.shape[1], 1)
    level = dot_lines(g)[:, None] if centered else np.zeros_like(mean)
    along = dot_lines(g, x)[:, None]
    along -= mean * level
    along *= scale * scale * scale / n
    level *= scale / n
    level -= mean * along
    np.multiply(x, along, out=scratch)
    np.add(scratch, level, out=scratch)
    np.multiply(g, scale, out=out)
    np.subtract(out, scratch, out=out)


def _centered_rows_backward(x: Any, g: Any, scale: Any, weight: Any, centered: bool, out: Any, scratch: Any) -> None:
    """The gradient of rows ``x`` less their means (which may be ``scratch``); ``out`` holds ``g * x``."""
    n = max(x.shape[1], 1)
    along = dot_lines(out, weight)[:, None]
    along *= np.square(scale) / n
    np.multiply(x, along, out=scratch)
    if weight is None:
        np.subtract(g, scratch, out=out)
    else:
        np.multiply(g, weight, out=out)
        np.subtract(out, scratch, out=out)
    if centered:
        level = dot_lines(g, weight)[:, None]
        level /= n
        np.subtract(out, level, out=out)
    np.multiply(out, scale, out=out)


# ---- channels --------------------------------------------------------------------------------------------------------


def _channels(x: Any) -> Any:
    """``x`` with all places in one dimension: (examples, channels) or (examples, channels, places)."""
    return x if x.ndim < 4 else x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _channel_column(values: Any, x: Any) -> Any:
    """One value for each channel, so that it broadcasts to ``x``."""
    values = values.astype(x.dtype, copy=False)
    return values if x.ndim == 2 else values[:, None]


def _channel_dot(x: Any, y: Any) -> Any:
    """For each channel the sum of ``x * y``, shaped to broadcast to it."""
    if x.ndim == 3:
        return np.add.reduce(np.vecdot(x, y), 0)[:, None]
    return _channel_sum(x * y) if x.size <= SMALL else np.einsum("ij,ij->j", x, y)


def _channel_sum(x: Any) -> Any:
    return column_sums(x) if x.ndim == 2 else _channel_dot(x, ones(x.shape[2], x.dtype))


def _channel_sums(x: Any, y: Any) -> tuple[Any, Any]:
    """For each channel the sum of ``x``, and that of ``x * y``."""
    if x.ndim == 2 or x.size <= SMALL:
        return _channel_sum(x), _channel_dot(x, y)
    sums = np.empty((2, *x.shape[:2]), x.dtype, like=x)

    def work(block: slice) -> None:
        dot_lines(x[block], out=sums[0, block])
        dot_lines(x[block], y[block], sums[1, block])

    in_blocks(x, lambda: work)
    total = np.add.reduce(sums, 1)[:, :, None]
    return total[0], total[1]


def _channel_moments(x: Any, n: int) -> tuple[Any, Any, Any, Any]:
    """Mean and variance of each channel; where more was needed for that, ``x`` less that mean, and the rest of it."""
    if x.size > SMALL:
        mean, squares = _channel_sums(x, x)
        mean /= n
        squares /= n
        level = np.square(mean)
        variance = squares - level
        if not far(level, variance):
            return mean, variance, None, None
    elif x.ndim == 2 and len(x):
        mean = column_means(x)
        offset = x - mean
        rest, squares = column_means(offset), column_means(offset * offset)
        return mean, squares - rest * rest, offset, rest
    else:
        mean = _channel_sum(x)
        mean /= n
    offset = x - mean
    rest, squares = _channel_sums(offset, offset)
    rest /= n
    return mean, squares / n - np.square(rest), offset, rest


@np.errstate(invalid="ignore", over="ignore", divide="ignore")
def channels_normalized(x: Any, weight: Any, bias: Any, eps: float, memo: Any) -> Any:
    """``batch_norm``. ``memo`` (a list) gets mean, 1 / deviation and variance, for backward and running statistics.

    For backward it also gets the mean in two parts, if a sum alone was not exact.
    """
    shape, x = x.shape, _channels(x)
    mean, variance, offset, rest = _channel_moments(x, max(x.size // max(x.shape[1], 1), 1))
    scale = variance + eps
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    if memo is not None:
        memo[:] = mean if rest is None else mean + rest, scale, variance, None if rest is None else (mean, rest)
    factor = scale if weight is None else scale * _channel_column(weight, x)
    level = None if bias is None else _channel_column(bias, x)
    level = (0 if level is None else level) - (mean if rest is None else rest) * factor
    if offset is not None and x.size <= SMALL:
        offset *= factor
        offset += level
        return offset.reshape(shape)
    out = np.empty(x.shape, x.dtype, like=x) if offset is None else offset

    def work(block: slice) -> None:
        into = np.multiply((x if offset is None else offset)[block], factor, out=out[block])
        np.add(into, level, out=into)

    in_blocks(x, lambda: work)
    return out.reshape(shape)


def channels_backward(x: Any, g: Any, weight: Any, eps: float, memo: Any) -> tuple[Any, Any, Any]:
    """The derivatives of ``batch_norm`` with respect to input, weight and bias; see ``rows_backward``."""
    shape, x, g = x.shape, _channels(x), _channels(g)
    n = max(x.size // max(x.shape[1], 1), 1)
    if memo:
        mean, scale, _, parts = memo
    else:
        mean, scale, _, rest = _channel_moments(x, n)
        mean, parts = (mean, None) if rest is None else (mean + rest, (mean, rest))
        _invert(scale, eps)
    if parts is not None and (x.size <= SMALL or far(np.square(mean * scale), 1)):
        x = x - parts[0]
        x -= parts[1]
        mean = None
    by_bias, by_weight = _channel_sums(g, x)
    if mean is not None:
        by_weight -= mean * by_bias
    by_weight *= scale
    # dx = factor * (g - level - (x - mean) * along)
    factor = scale if weight is None else scale * _channel_column(weight, x)
    share = factor / n
    along = by_weight * scale * share
    level = by_bias * share
    if mean is not None:
        level -= mean * along
    if mean is None and x.size <= SMALL:
        x *= along
        x += level
        out = g * factor
        out -= x
        return _slopes(out.reshape(shape), weight, by_weight, by_bias)
    out = np.empty(x.shape, x.dtype, like=x)

    def start() -> Callable[[slice], None]:
        scratch = x if mean is None else np.empty((block_rows(x), *x.shape[1:]), x.dtype, like=x)

        def work(block: slice) -> None:
            into = np.multiply(g[block], factor, out=out[block])
            rest = np.multiply(x[block], along, out=scratch[block] if mean is None else scratch[: len(into)])
            np.add(rest, level, out=rest)
            np.subtract(into, rest, out=into)

        return work

    in_blocks(x, start)
    return _slopes(out.reshape(shape), weight, by_weight, by_bias)


def _slopes(out: Any, weight: Any, by_weight: Any, by_bias: Any) -> tuple[Any, Any, Any]:
    if weight is None:
        return out, *np.zeros(2, out.dtype, like=out)
    return out, by_weight.reshape(-1), by_bias.reshape(-1)


def channels_scaled(x: Any, weight: Any, bias: Any) -> Any:
    """``x`` times its channel's weight, plus its channel's bias if there is one."""
    shape, x = x.shape, _channels(x)
    weight, bias = _channel_column(weight, x), None if bias is None else _channel_column(bias, x)
    out = np.empty(x.shape, x.dtype, like=x)

    def work(block: slice) -> None:
        into = np.multiply(x[block], weight, out=out[block])
        if bias is not None:
            np.add(into, bias, out=into)

    in_blocks(x, lambda: work)
    return out.reshape(shape)


def channels_scaled_backward(x: Any, g: Any, weight: Any) -> tuple[Any, Any, Any]:
    """The derivatives of ``channels_scaled`` with respect to input, weight and bias, where ``g`` is its output's."""
    by_bias, by_weight = _channel_sums(_channels(g), _channels(x))
    return channels_scaled(g, weight, None), by_weight.reshape(-1), by_bias.reshape(-1)
