"""Attention: values averaged with weights that queries give to keys, with one head or many."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.sums import dot_lines
from ..errors import ArgumentError, DtypeError, ShapeError
from ..generator import source
from ..samples import case, reals
from ._blocks import in_blocks
from ._matrices import T
from .axes import accumulation_dtype
from .neural import softmax_backward, softmax_slope_along
from .pullback import pull_back
from .repetition import repeat_interleave

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- one head, or a batch of them ------------------------------------------------------------------------------------


_QKV: dict[str, Any] = {
    "query": reals(-1, 1, shape=(2, 3, 2)), "key": reals(-1, 1, shape=(2, 4, 2)),
    "value": reals(-1, 1, shape=(2, 4, 2)),
}  # fmt: skip
_BELOW = np.tri(3, 4, dtype=bool)


def _step_by_step(
    g_out: Any,
    g_weights: Any,
    query: Any,
    key: Any,
    value: Any,
    kept: Any,
    scale: float,
    weights: Any,
    needs: tuple[bool, ...],
) -> Any:
    """The gradients of query, key, value and bias, from those of the averages and of the weights."""
    d_value = None
    slope = g_weights
    if g_out is not None:
        if needs[2]:
            d_value = np.matmul(T(weights if kept is None else weights * kept), g_out)
        along = np.matmul(g_out, T(value))
        along = along if kept is None else along * kept
        slope = along if slope is None else slope + along
    elif needs[2]:
        d_value = np.zeros_like(value)
    if not (needs[0] or needs[1] or needs[3]):
        return None, None, d_value, None
    slope = softmax_backward.kernel(slope, weights, -1)
    return (
        np.matmul(slope, key) * scale if needs[0] else None,
        np.matmul(T(slope), query) * scale if needs[1] else None,
        d_value,
        slope if needs[3] else None,
    )


def _slopes_rule(
    g_d_query: Any, g_d_key: Any, g_d_value: Any,
    query: Any, key: Any, value: Any, weights: Any, y: Any, kept: Any, scale: float,
) -> Any:  # fmt: skip
    def slopes(values: list[Any]) -> Any:
        query, key, value, weights, y = values
        return _step_by_step(y, None, query, key, value, kept, scale, weights, (True, True, True, False))[:3]

    return pull_back.kernel(slopes, [query, key, value, weights, y], [g_d_query, g_d_key, g_d_value])


def _product_along(a: Any, b: Any, t_a: Any, t_b: Any) -> Any:
    """How ``a @ b`` moves; None if neither does."""
    by_a = None if t_a is None else np.matmul(t_a, b)
    if t_b is None:
        return by_a
    by_b = np.matmul(a, t_b)
    return by_b if by_a is None else by_a + by_b


def _slopes_along(
    t_query: Any, t_key: Any, t_value: Any, t_weights: Any, t_y: Any,
    query: Any, key: Any, value: Any, weights: Any, y: Any, kept: Any, scale: float,
) -> Any:  # fmt: skip
    factors = 1 if kept is None else kept
    t_used = None if t_weights is None else t_weights * factors
    d_value = _product_along(T(weights * factors), y, None if t_used is None else T(t_used), t_y)
    along = np.matmul(y, T(value)) * factors
    t_along = _product_along(y, T(value), t_y, None if t_value is None else T(t_value))
    t_slope = None
    if t_along is not None or t_weights is not None:
        t_slope = softmax_slope_along(None if t_along is None else t_along * factors, t_weights, weights, -1, along)
    slope = softmax_backward.kernel(along, weights, -1)
    d_query = _product_along(slope, key, t_slope, t_key)
    d_key = _product_along(T(slope), query, None if t_slope is None else T(t_slope), t_query)
    return None if d_query is None else d_query * scale, None if d_key is None else d_key * scale, d_value


@op(
    joint=_slopes_rule,
    jvp=_slopes_along,
    inputs=("query", "key", "value", "weights", "y"),
    outputs=("d_query", "d_key", "d_value"),
    constants=("kept",),
    samples=[
        case(**_QKV, weights=reals(shape=(2, 3, 4)), y=reals(shape=(2, 3, 2))),
        case(**_QKV, weights=reals(shape=(2, 3, 4)), y=reals(shape=(2, 3, 2)), kept=np.ones((2, 3, 4)), scale=0.5),
    ],
)
def attend_backward(
    query: Any, key: Any, value: Any, weights: Any, y: Any, kept: Any = None, scale: float = 1.0
) -> Any:
    """The derivatives of ``attend`` with respect to query, key and value, which are of one batch shape.

    ``y`` is the gradient of its ``out``.
    """
    if not isinstance(query, np.ndarray):
        return list(_step_by_step(y, None, query, key, value, kept, scale, weights, (True, True, True, False))[:3])
    wide, dtype = accumulation_dtype(query.dtype), query.dtype
    if wide is not None:
        query, key, value, weights, y = [a.astype(wide) for a in (query, key, value, weights, y)]
    # Laid out in memory as the inputs are: those of many heads side by side then become theirs without a copy.
    slopes = [np.empty_like(a) for a in (query, key, value)]

    def work(block: Any) -> None:
        d_query, d_key, d_value = [a[block] for a in slopes]
        p, g = weights[block], y[block]
        factors = None if kept is None else np.broadcast_to(kept, weights.shape)[block]
        np.matmul(T(p if factors is None else p * factors), g, out=d_value)
        slope = np.matmul(g, T(value[block]))
        if factors is not None:
            slope *= factors
        slope -= np.expand_dims(dot_lines(slope, p), -1)
        slope *= p
        np.matmul(slope, key[block], out=d_query)
        np.matmul(T(slope), query[block], out=d_key)
        d_query *= scale
        d_key *= scale

    if query.ndim > 2:
        in_blocks(weights, lambda: work, _BLOCK)
    else:
        work(...)
    return [a.astype(dtype, copy=False) for a in slopes]


def _attention_rule(
    g_out: Any, g_weights: Any, query: Any, key: Any, value: Any, kept: Any, scale: float, weights: Any,
    needs: tuple[bool, ...],
) -> Any:  # fmt: skip
    alike = query.shape[:-2] == key.shape[:-2] == value.shape[:-2] and query.shape[:-1] == weights.shape[:-1]
    if g_out is None or g_weights is not None or needs != (True, True, True, False) or not alike:
        return _step_by_step(g_out, g_weights, query, key, value, kept, scale, weights, needs)
    if not query.dtype == key.dtype == value.dtype == g_out.dtype:
        return _step_by_step(g_out, g_weights, query, key, value, kept, scale, weights, needs)
    return *attend_backward.kernel(query, key, value, weights, g_out, kept, scale), None


def _attention_along(
    t_query: Any, t_key: Any, t_value: Any, t_bias: Any,
    query: Any, key: Any, value: Any, kept: Any, scale: float, weights: Any,
) -> Any:  # fmt: skip
    used = weights if kept is None else weights * kept
    scores = [] if t_bias is None else [t_bias]
    if t_query is not None:
        scores.append(np.matmul(t_query, T(key)) * scale)
    if t_key is not None:
        scores.append(np.matmul(query, T(t_key)) * scale)
    out = [] if t_value is None else [np.matmul(used, t_value)]
    if not scores:
        return out[0], None
    moved = softmax_backward.kernel(np.broadcast_to(sum(scores), weights.shape), weights, -1)  # which is symmetric
    out.append(np.matmul(moved if kept is None else moved * kept, value))
    return sum(out), moved


@op(
    joint=_attention_rule,
    jvp=_attention_along,
    inputs=("query", "key", "value", "bias"),
    outputs=("out", "weights"),
    constants=("mask", "kept"),
    samples=[
        case(**_QKV),
        case(**_QKV, scale=0.5, mask=_BELOW),
        case(**_QKV, bias=reals(shape=(2, 3, 4)), mask=_BELOW, kept=np.where(np.tri(3, 4, 1), 1.5, 0)),
        case(**_QKV, bias=reals(shape=(1, 4)), mask=np.array([[True], [False], [True]])),
        case(query=reals(shape=(2, 1, 2, 3)), key=reals(shape=(2, 3, 3)), value=reals(shape=(2, 3, 1)), scale=-0.7),
        case(query=reals(shape=(0, 2)), key=reals(shape=(3, 2)), value=reals(shape=(3, 2))),
        case(query=reals(shape=(2, 2)), key=reals(shape=(0, 2)), value=reals(shape=(0, 2))),
    ],
)
def attend(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, kept: Any = None, scale: float = 1.0
) -> Any:
    """``weights = softmax(scale * query @ key.T + bias)`` and ``out = (weights * kept) @ value``.

    Args:
        query, key, value: floating, (..., L, E), (..., S, E), (..., S, F).
        bias: added to the scores.
        mask: of bool, True where a query may look at a key. A query that may look nowhere gets zeros.
        kept: factors of the weights (dropout).
        scale: of the scores.

    Raises: ShapeError.
    """
    wide = accumulation_dtype(query.dtype)
    dtype = query.dtype
    if wide is not None:
        query, key, value = query.astype(wide), key.astype(wide), value.astype(wide)
    if mask is not None:
        hidden = np.where(mask, 0, -math.inf).astype(query.dtype)
        bias = hidden if bias is None else bias + hidden
    batch = query.shape[:-2]
    shape = (*query.shape[:-1], key.shape[-2])
    alike = isinstance(query, np.ndarray) and batch == key.shape[:-2] == value.shape[:-2]
    alike = alike and query.dtype == key.dtype == value.dtype
    if not alike or not all(a is None or np.broadcast_shapes(a.shape, shape) == shape for a in (bias, kept)):
        out, weights = _attend(query, key, value, bias, kept, scale)
        return out.astype(dtype, copy=False), weights.astype(dtype, copy=False)
    # Laid out in memory as the query is: that of many heads side by side then becomes theirs without a copy.
    out = np.empty_like(query, value.dtype, shape=(*query.shape[:-1], value.shape[-1]))
    weights = np.empty(shape, query.dtype, like=query)

    def of(a: Any, block: slice) -> Any:
        return a[block] if a is not None and a.ndim == len(shape) and len(a) > 1 else a

    def work(block: slice) -> None:
        parts = query[block], key[block], value[block], of(bias, block), of(kept, block)
        _attend(*parts, scale, weights[block], out[block])

    if batch:
        in_blocks(weights, lambda: work, _BLOCK)
    else:
        _attend(query, key, value, bias, kept, scale, weights, out)
    return out.astype(dtype, copy=False), weights.astype(dtype, copy=False)


_BLOCK = 1 << 16
"""How many weights make work for a thread."""


def _attend(
    query: Any, key: Any, value: Any, bias: Any, kept: Any, scale: float, weights: Any = None, out: Any = None
) -> tuple[Any, Any]:
    """``attend`` of what is computed in its own dtype; the results can be given memory."""
    scores = np.matmul(query * scale, T(key), out=weights)
    if bias is not None:
        scores = _plus(scores, bias)
    # Where every score is -inf the finite start makes all powers 0; else the largest is 1, and so the sum 1 or more.
    lowest = np.finfo(scores.dtype).min
    scores -= np.maximum.reduce(scores, -1, keepdims=True, initial=lowest)
    weights = np.exp(scores, out=scores) if isinstance(scores, np.ndarray) else np.exp(scores)
    total = np.expand_dims(np.matmul(weights, np.ones(weights.shape[-1], weights.dtype)), -1)  # in a third of the time
    weights /= np.maximum(total, 1)
    return np.matmul(weights if kept is None else weights * kept, value, out=out), weights


attend.op.fills_absent = False


def _plus(scores: Any, bias: Any) -> Any:
    if np.broadcast_shapes(scores.shape, bias.shape) != scores.shape:
        return scores + bias
    scores += bias
    return scores


@lru_cache(maxsize=32)
def causal_mask(rows: int, columns: int) -> Any:
    """True where a query may look at a key that does not come after it."""
    mask = np.tri(rows, columns, dtype=bool)
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=8)
def _causal_bias(rows: int, columns: int, dtype: Any) -> Any:
    """0 where a query may look at a key that does not come after it, -inf elsewhere."""
    bias = np.where(causal_mask(rows, columns), 0, -math.inf).astype(dtype)
    bias.flags.writeable = False
    return bias


def factors(p: float, shape: tuple[int, ...], dtype: Any) -> Any:
    """Random factors for dropout, 0 with probability ``p`` and else ``1 / (1 - p)``; None where nothing is dropped."""
    if not 0 <= p <= 1:
        raise ArgumentError(f"attention: the probability of dropout must lie between 0 and 1, got {p}")
    if p == 0:
        return None
    return np.multiply(source(None).uniform(shape) >= p, 0.0 if p == 1 else 1 / (1 - p), dtype=dtype)


def _heads_repeated(x: Any, name: str, heads: int) -> Any:
    """``x`` with each head repeated, so that there are as many as query heads."""
    own = x.shape[-3]
    if heads % own:
        raise ShapeError(f"scaled_dot_product_attention: {heads} query heads are not a multiple of {own} {name} heads")
    return x if own == heads else repeat_interleave(x, heads // own, -3)


def _fit(query: Any, key: Any, value: Any) -> None:
    """Raise unless queries, keys and values go together."""
    shapes = [tuple(x.shape) for x in (query, key, value)]
    told = f"scaled_dot_product_attention: query {shapes[0]}, key {shapes[1]}, value {shapes[2]}: "
    for x in (query, key, value):
        if x.dtype.kind not in "fV":
            raise DtypeError(f"{told}expected floating numbers, got {x.dtype}; convert with .float()")
    if min(map(len, shapes)) < 2:
        raise ShapeError(f"{told}each needs at least two dimensions, (..., length, size)")
    if shapes[0][-1] != shapes[1][-1]:
        raise ShapeError(
            f"{told}queries have {shapes[0][-1]} features, keys {shapes[1][-1]}; the last dimensions must agree"
        )
    if shapes[1][-2] != shapes[2][-2]:
        raise ShapeError(
            f"{told}there are {shapes[1][-2]} keys, but {shapes[2][-2]} values (the dimension before last)"
        )


@composed(inputs=("query", "key", "value"), samples=[
    case(**_QKV), case(**_QKV, is_causal=True, scale=-0.5), case(**_QKV, attn_mask=np.tri(3, 4, 1, bool)),
    case(query=reals(shape=(4, 1, 2)), key=reals(shape=(2, 2, 2)), value=reals(shape=(2, 2, 1)), enable_gqa=True),
])  # fmt: skip
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ key.T * scale + mask) @ value``: values averaged by how well their keys match a query.

    Args:
        query, key, value: floating, of any leading dimensions (batch, heads), which broadcast.
        attn_mask: of bool, True where a query may look at a key; or floating, added to the scores.
        dropout_p: this share of the weights is set to 0, the rest scaled up; also outside training.
        is_causal: query ``i`` may look at keys ``0 .. i`` only; instead of ``attn_mask``.
        scale: default ``1 / sqrt(E)``.
        enable_gqa: fewer heads (dimension -3) of keys and values, each shared by several heads of queries.

    Shape: (..., L, E), (..., S, E), (..., S, F) -> (..., L, F); mask broadcasting to (..., L, S).

    A query that may look at no key gets zeros, and no gradient.

    Raises: ShapeError, DtypeError; ValueError for both masks, or an impossible ``dropout_p``.

    Source: Vaswani et al. 2017.

    >>> import autograd
    >>> import nn.functional as F
    >>> x = autograd.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> F.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    if attn_mask is not None and is_causal:
        raise ArgumentError("scaled_dot_product_attention: give attn_mask or is_causal=True, not both")
    _fit(query, key, value)
    if enable_gqa:
        if min(query.ndim, key.ndim, value.ndim) < 3:
            raise ShapeError("scaled_dot_product_attention: enable_gqa needs a dimension of heads, (..., H, L, E)")
        heads = query.shape[-3]
        key, value = _heads_repeated(key, "key", heads), _heads_repeated(value, "value", heads)
    bias = mask = None
    if is_causal:
        bias = _causal_bias(query.shape[-2], key.shape[-2], query.dtype)
    elif attn_mask is not None:
        mask, bias = (attn_mask, None) if attn_mask.dtype == np.bool_ else (None, attn_mask)
        if attn_mask.dtype.kind not in "fbV":
            raise DtypeError(
                f"scaled_dot_product_attention: attn_mask must be bool or floating, got {attn_mask.dtype}; use .bool()"
            )
    kept = None
    if dropout_p:
        masked = () if attn_mask is None else attn_mask.shape[:-2]
        lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], masked)
        kept = factors(dropout_p, (*lead, query.shape[-2], key.shape[-2]), query.dtype)
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1] or 1)
    return attend(query, key, value, bias, mask, kept, scale)[0]
