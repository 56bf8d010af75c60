"""The ops of normalization: over the last dimensions, and over all but the channels."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._op import op
from ..engine.foreign import require_plain
from ..samples import case, reals
from ._group_moments import groups_backward, groups_normalized
from ._moments import (
    channels_backward,
    channels_normalized,
    channels_scaled,
    channels_scaled_backward,
    rows_backward,
    rows_normalized,
)
from .axes import widened

# ---- derivatives of second and higher order, in plain NumPy ------------------------------------


def _fit(weight: Any, ndim: int, rank: int) -> Any:
    """A weight so that it broadcasts to the input: one for each channel if ``rank`` is 0."""
    return weight if rank else np.reshape(weight, (-1, *(1,) * (ndim - 2)))


def _dims(ndim: int, rank: int) -> tuple[int, ...]:
    """The dimensions over which means are taken: the last ``rank``, or all but 1."""
    return tuple(range(ndim - rank, ndim)) if rank else (0, *range(2, ndim))


def _unit(x: Any, dims: tuple[int, ...], eps: float, centered: bool) -> tuple[Any, Any, int]:
    """``x`` normalized, the factor by which that scaled it, and over how many elements a mean goes."""
    n = max(math.prod([x.shape[d] for d in dims]), 1)
    if centered:
        x = x - np.sum(x, axis=dims, keepdims=True) / n
    scale = 1 / np.sqrt(np.sum(x * x, axis=dims, keepdims=True) / n + eps)
    return x * scale, scale, n


def _slopes_rule(
    g_dx: Any, g_dw: Any, g_db: Any, x: Any, y: Any, weight: Any, rank: int, eps: float, centered: bool
) -> tuple[Any, Any, Any]:
    """Second derivatives. The Jacobian ``J`` of the normalization is symmetric, ``dx = J (y * weight)``; it depends on
    ``x`` through the unit and the scale.
    """
    dims = _dims(x.ndim, rank)
    unit, scale, n = _unit(widened(x), dims, eps, centered)

    def along(a: Any, b: Any) -> Any:
        return np.sum(a * b, axis=dims, keepdims=True)

    def jacobian(h: Any) -> Any:
        if centered:
            h = h - np.sum(h, axis=dims, keepdims=True) / n
        return scale * (h - unit * (along(h, unit) / n))

    h, y = widened(g_dx), widened(y)
    back = jacobian(h)
    factor = 1 if weight is None else _fit(weight, x.ndim, rank)
    scaled = y * factor
    forth = jacobian(scaled)
    d_x = -(scale / n) * (unit * along(h, forth) + back * along(scaled, unit) + forth * along(h, unit))
    d_y = back * factor
    if weight is None:
        return d_x, d_y, None
    by_weight, by_bias = _fit(g_dw, x.ndim, rank), _fit(g_db, x.ndim, rank)
    d_x = d_x + jacobian(y * by_weight)
    d_y = d_y + unit * by_weight + by_bias
    return d_x, d_y, np.sum(y * back, axis=tuple(range(x.ndim - rank)) if rank else dims)


def _slopes_moved(
    backward: Any, rule: Callable[..., Any], t_x: Any, t_y: Any, t_weight: Any, x: Any, y: Any, weight: Any, *how: Any
) -> tuple[Any, Any, Any]:
    """The tangents of slopes by input, weight and bias: a gradient, whose Jacobian by these is symmetric."""
    dx = dw = db = None
    if t_y is not None:
        dx, dw, db = backward.kernel(x, t_y, weight, *how)
    if t_x is not None or t_weight is not None:
        still = None if weight is None else np.zeros_like(weight)
        by_x = np.zeros_like(x) if t_x is None else t_x
        more_x, _, more_w = rule(by_x, still if t_weight is None else t_weight, still, x, y, weight, *how)
        dx, dw = more_x if dx is None else dx + more_x, more_w if dw is None or weight is None else dw + more_w
    return (dx, None, None) if weight is None else (dx, dw, db)


def _moved(t_unit: Any, t_weight: Any, t_bias: Any, unit: Callable[[], Any], weight: Any, ndim: int, rank: int) -> Any:
    """The tangent of ``unit * weight + bias``, from those of the three."""
    found = t_unit if t_unit is None or weight is None else t_unit * _fit(weight, ndim, rank)
    if t_weight is not None:
        by_weight = unit() * _fit(t_weight, ndim, rank)
        found = by_weight if found is None else found + by_weight
    if t_bias is not None:
        by_bias = _fit(t_bias, ndim, rank)
        found = by_bias if found is None else found + by_bias
    return found


# ---- the ops: over the last dimensions, and over all but the channels ------------------------------------------------

_ROWS = [
    case(x=reals(shape=(2, 4))),
    case(x=reals(shape=(2, 4)), weight=reals(shape=(4,)), eps=0.1),
    case(x=reals(shape=(2, 2, 3)), weight=reals(shape=(2, 3)), rank=2, eps=0.1),
    case(x=reals(shape=(2, 4)), weight=reals(shape=(4,)), eps=0.1, centered=False),
    case(x=reals(shape=(3,)), centered=False),
    case(x=reals(shape=(0, 3)), weight=reals(shape=(3,))),
]
_CHANNELS = [
    case(x=reals(shape=(4, 2))),
    case(x=reals(shape=(4, 2)), weight=reals(shape=(2,))),
    case(x=reals(shape=(3, 2, 2)), weight=reals(shape=(2,)), eps=0.1),
    case(x=reals(shape=(2, 2, 2, 2)), weight=reals(shape=(2,))),
    case(x=reals(shape=(0, 3)), weight=reals(shape=(3,))),
]


def _with(name: str, like: str, cases: Sequence[Any]) -> list[Any]:
    """The cases, with one more array of the shape of the one named ``like`` where there is one."""
    return [
        case(**{**found.arguments, **({name: found.arguments[like]} if like in found.arguments else {})})
        for found in cases
    ]


@op(
    joint=_slopes_rule,
    jvp=lambda t_x, t_y, t_weight, x, y, weight, rank, eps, centered: _slopes_moved(
        layer_norm_backward, _slopes_rule, t_x, t_y, t_weight, x, y, weight, rank, eps, centered
    ),
    inputs=("x", "y", "weight"),
    outputs=("dx", "dw", "db"),
    samples=_with("y", "x", _ROWS),
)
def layer_norm_backward(
    x: Any, y: Any, weight: Any = None, rank: int = 1, eps: float = 1e-5, centered: bool = True, memo: Any = None
) -> Any:
    """The derivatives of ``layer_norm`` with respect to input, weight and bias.

    The last two are 0 without weight. ``y`` is the gradient of its result.
    """
    require_plain(x, y, weight)
    found = rows_backward(widened(x), widened(y), weight, rank, eps, centered, memo)
    return [d.astype(x.dtype, copy=False) for d in found]


def _layer_norm_rule(
    g: Any, x: Any, weight: Any, rank: int, eps: float, centered: bool, memo: Any, needs: tuple[bool, ...]
) -> tuple[Any, Any, Any]:
    if weight is None and not needs[0]:
        return None, None, g
    dx, dw, db = layer_norm_backward.kernel(x, g, weight, rank, eps, centered, memo)
    return dx if needs[0] else None, dw, g if weight is None else db


def _layer_norm_jvp(
    t_x: Any, t_weight: Any, t_bias: Any, x: Any, weight: Any, rank: int, eps: float, centered: bool, memo: Any
) -> Any:
    t_unit = None if t_x is None else layer_norm_backward.kernel(x, t_x, None, rank, eps, centered, memo)[0]
    unit = functools.partial(layer_norm_.kernel, x, None, None, rank, eps, centered)
    return _moved(t_unit, t_weight, t_bias, unit, weight, x.ndim, rank)


@op(
    joint=_layer_norm_rule,
    inputs=("x", "weight", "bias"),
    jvp=_layer_norm_jvp,
    samples=_with("bias", "weight", _ROWS),
)
def layer_norm_(
    x: Any, weight: Any = None, bias: Any = None, rank: int = 1, eps: float = 1e-5, centered: bool = True,
    memo: Any = None,
) -> Any:  # fmt: skip
    """``layer_norm`` over the last ``rank`` dimensions, or ``rms_norm`` if not ``centered``.

    ``memo``: an empty list, in which mean and scale are kept for backward.
    """
    require_plain(x, weight, bias)
    out = rows_normalized(widened(x), weight, bias, rank, eps, centered, memo)
    return out.astype(x.dtype, copy=False)


def _batch_slopes_rule(
    g_dx: Any, g_dw: Any, g_db: Any, x: Any, y: Any, weight: Any, eps: float
) -> tuple[Any, Any, Any]:
    return _slopes_rule(g_dx, g_dw, g_db, x, y, weight, 0, eps, True)


@op(
    joint=_batch_slopes_rule,
    jvp=lambda t_x, t_y, t_weight, x, y, weight, eps: _slopes_moved(
        batch_norm_backward, _batch_slopes_rule, t_x, t_y, t_weight, x, y, weight, eps
    ),
    inputs=("x", "y", "weight"),
    outputs=("dx", "dw", "db"),
    samples=_with("y", "x", _CHANNELS),
)
def batch_norm_backward(x: Any, y: Any, weight: Any = None, eps: float = 1e-5, memo: Any = None) -> Any:
    """The derivatives of ``batch_norm`` with respect to input, weight and bias.

    The last two are 0 without weight. ``y`` is the gradient of its result.
    """
    found = channels_backward(widened(x), widened(y), weight, eps, memo)
    return found if found[0].dtype is x.dtype else [d.astype(x.dtype, copy=False) for d in found]


def _batch_norm_rule(
    g: Any, x: Any, weight: Any, eps: float, memo: Any, needs: tuple[bool, ...]
) -> tuple[Any, Any, Any]:
    dx, dw, db = batch_norm_backward.kernel(x, g, weight, eps, memo)
    if weight is None:
        db = np.sum(widened(g), axis=_dims(g.ndim, 0))
    return dx if needs[0] else None, dw, db


def _batch_norm_jvp(t_x: Any, t_weight: Any, t_bias: Any, x: Any, weight: Any, eps: float, memo: Any) -> Any:
    t_unit = None if t_x is None else batch_norm_backward.kernel(x, t_x, None, eps, memo)[0]
    unit = functools.partial(batch_norm_.kernel, x, None, None, eps)
    return _moved(t_unit, t_weight, t_bias, unit, weight, x.ndim, 0)


@op(
    joint=_batch_norm_rule,
    inputs=("x", "weight", "bias"),
    jvp=_batch_norm_jvp,
    samples=_with("bias", "weight", _CHANNELS),
)
def batch_norm_(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, memo: Any = None) -> Any:
    """``batch_norm`` in training.

    ``memo``: an empty list, in which mean, scale and variance of the channels are kept.
    """
    out = channels_normalized(widened(x), weight, bias, eps, memo)
    return out if out.dtype is x.dtype else out.astype(x.dtype)


# ---- a weight and a bias for each channel ----------------------------------------------------------------------------


def _scaling_rule(g_dx: Any, g_dw: Any, g_db: Any, x: Any, y: Any, weight: Any) -> tuple[Any, Any, Any]:
    by_weight = _fit(g_dw, x.ndim, 0)
    forth = g_dx * _fit(weight, x.ndim, 0) + widened(x) * by_weight + _fit(g_db, x.ndim, 0)
    return widened(y) * by_weight, forth, np.sum(g_dx * widened(y), axis=_dims(x.ndim, 0))


@op(
    joint=_scaling_rule,
    jvp=lambda t_x, t_y, t_weight, x, y, weight: _slopes_moved(
        scale_channels_backward, _scaling_rule, t_x, t_y, t_weight, x, y, weight
    ),
    inputs=("x", "y", "weight"),
    outputs=("dx", "dw", "db"),
    samples=[
        case(x=reals(shape=shape), y=reals(shape=shape), weight=reals(shape=(2,)))
        for shape in ((4, 2), (3, 2, 2), (2, 2, 1, 2), (0, 2))
    ],
)
def scale_channels_backward(x: Any, y: Any, weight: Any) -> Any:
    """The derivatives of ``scale_channels`` with respect to input, weight and bias; ``y`` is that of its result."""
    found = channels_scaled_backward(widened(x), widened(y), weight)
    return [d.astype(x.dtype, copy=False) for d in found]


def _scale_channels_rule(g: Any, x: Any, weight: Any, needs: tuple[bool, ...]) -> tuple[Any, Any, Any]:
    dx, dw, db = scale_channels_backward.kernel(x, g, weight)
    return dx if needs[0] else None, dw, db


def _scale_channels_jvp(t_x: Any, t_weight: Any, t_bias: Any, x: Any, weight: Any) -> Any:
    return _moved(t_x, t_weight, t_bias, lambda: x, weight, x.ndim, 0)


@op(joint=_scale_channels_rule, inputs=("x", "weight", "bias"), jvp=_scale_channels_jvp, samples=[
    case(x=reals(shape=shape), weight=reals(shape=(2,)), bias=reals(shape=(2,)))
    for shape in ((4, 2), (3, 2, 2), (2, 2, 1, 2), (0, 2))
])  # fmt: skip
def scale_channels(x: Any, weight: Any, bias: Any) -> Any:
    """``x`` times its channel's weight, plus its channel's bias."""
    return channels_scaled(widened(x), weight, bias).astype(x.dtype, copy=False)


# ---- groups of channels, with a weight and a bias for each channel ---------------------------------------------------


def _group_slopes_rule(
    g_dx: Any, g_dw: Any, g_db: Any, x: Any, y: Any, weight: Any, groups: int, eps: float
) -> tuple[Any, Any, Any]:
    """Through the two steps that it consists of: rows are normalized, channels scaled."""
    rows = (x.shape[0] * groups, math.prod(x.shape[1:]) // groups)
    lines = np.reshape(x, rows)
    unit = np.reshape(layer_norm_.kernel(lines, None, None, 1, eps), x.shape)
    back = np.reshape(y * _fit(weight, x.ndim, 0), rows)
    by_lines, by_back, _ = _slopes_rule(np.reshape(g_dx, rows), None, None, lines, back, None, 1, eps, True)
    by_unit, by_y, by_weight = _scaling_rule(np.reshape(by_back, x.shape), g_dw, g_db, unit, y, weight)
    through_unit = layer_norm_backward.kernel(lines, np.reshape(by_unit, rows), None, 1, eps)[0]
    return np.reshape(by_lines + through_unit, x.shape), by_y, by_weight


_GROUPS = [
    case(x=reals(shape=(2, 4, 3)), weight=reals(shape=(4,)), groups=2, eps=0.1),
    case(x=reals(shape=(2, 2, 2, 2)), weight=reals(shape=(2,)), groups=1),
]


@op(
    joint=_group_slopes_rule,
    jvp=lambda t_x, t_y, t_weight, x, y, weight, groups, eps: _slopes_moved(
        group_norm_backward, _group_slopes_rule, t_x, t_y, t_weight, x, y, weight, groups, eps
    ),
    inputs=("x", "y", "weight"),
    outputs=("dx", "dw", "db"),
    samples=_with("y", "x", _GROUPS),
)
def group_norm_backward(x: Any, y: Any, weight: Any, groups: int, eps: float = 1e-5, memo: Any = None) -> Any:
    """The derivatives of ``group_norm`` with respect to input, weight and bias; ``y`` is that of its result."""
    return list(groups_backward(x, y, weight, groups, eps, memo))


def _group_norm_rule(
    g: Any, x: Any, weight: Any, groups: int, eps: float, memo: Any, needs: tuple[bool, ...]
) -> tuple[Any, Any, Any]:
    dx, dw, db = group_norm_backward.kernel(x, g, weight, groups, eps, memo)
    return dx if needs[0] else None, dw, db


def _group_norm_jvp(t_x: Any, t_weight: Any, t_bias: Any, x: Any, weight: Any, groups: int, eps: float) -> Any:
    rows = (x.shape[0] * groups, math.prod(x.shape[1:]) // groups)
    lines = np.reshape(x, rows)
    t_unit = t_x
    if t_x is not None:
        t_unit = np.reshape(layer_norm_backward.kernel(lines, np.reshape(t_x, rows), None, 1, eps)[0], x.shape)
    unit = functools.partial(layer_norm_.kernel, lines, None, None, 1, eps)
    return _moved(t_unit, t_weight, t_bias, lambda: np.reshape(unit(), x.shape), weight, x.ndim, 0)


@op(
    joint=_group_norm_rule,
    inputs=("x", "weight", "bias"),
    jvp=_group_norm_jvp,
    samples=_with("bias", "weight", _GROUPS),
)
def group_norm_(x: Any, weight: Any, bias: Any, groups: int, eps: float = 1e-5, memo: Any = None) -> Any:
    """``group_norm``, of one dtype.

    ``memo``: an empty list, in which mean and scale are kept for backward.
    """
    return groups_normalized(x, weight, bias, groups, eps, memo)
