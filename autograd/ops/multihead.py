"""Attention with many heads: projections, masks of two kinds, extra keys, and the map at the end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._op import composed
from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, ShapeError
from . import reductions
from .attention import attend, causal_mask, factors
from .dimensions import permute
from .indexing import getitem
from .joining import cat, chunk, split
from .neural import linear
from .repetition import broadcast_to
from .shapes import reshape


def _check_heads(query: Any, key: Any, value: Any, embed_dim: int, num_heads: int, separate: bool) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    told = f"multi_head_attention_forward: query {shapes[0]}, key {shapes[1]}, value {shapes[2]}: "
    if len(shapes[0]) not in (2, 3) or {*map(len, shapes)} != {len(shapes[0])}:
        raise ShapeError(f"{told}expected three dimensions each, or two without batch")
    if shapes[0][-1] != embed_dim:
        raise ShapeError(f"{told}expected queries with {embed_dim} features")
    if num_heads < 1 or embed_dim % num_heads:
        raise ShapeError(f"{told}{embed_dim} features cannot be divided among {num_heads} heads")
    if shapes[1][:-1] != shapes[2][:-1] or (not separate and shapes[1] != shapes[2]):
        raise ShapeError(f"{told}key and value must have the same {'length and batch' if separate else 'shape'}")


def _check_biases(embed_dim: int, in_proj_bias: Any, bias_k: Any, bias_v: Any) -> None:
    one = (1, 1, embed_dim)
    for name, bias, wanted in (
        ("in_proj_bias", in_proj_bias, (3 * embed_dim,)),
        ("bias_k", bias_k, one),
        ("bias_v", bias_v, one),
    ):
        if bias is not None and tuple(bias.shape)[-1:] != wanted[-1:]:
            raise ShapeError(f"multi_head_attention_forward: {name} has shape {tuple(bias.shape)}; expected {wanted}")


def _projected(
    query: Any, key: Any, value: Any, in_proj_weight: Any, in_proj_bias: Any, separate: tuple[Any, Any, Any] | None
) -> Any:
    """Queries, keys and values, in as few products as their inputs allow."""
    if separate is None and query is key and key is value:
        return chunk(linear(query, in_proj_weight, in_proj_bias), 3, -1)
    biases = (None,) * 3 if in_proj_bias is None else chunk(in_proj_bias, 3)
    if separate is None and key is value:
        size = in_proj_weight.shape[0] // 3
        own, common = split(in_proj_weight, [size, 2 * size])
        first, second = (None, None) if in_proj_bias is None else split(in_proj_bias, [size, 2 * size])
        return (linear(query, own, first), *chunk(linear(key, common, second), 2, -1))
    weights = chunk(in_proj_weight, 3) if separate is None else separate
    return tuple(linear(*given) for given in zip((query, key, value), weights, biases, strict=True))


def _with_one_more(x: Any, one: Any, dim: int) -> Any:
    """Keys or values with one more, the same in all of the batch, at the end of dimension ``dim``."""
    shape = (x.shape[0], 1, x.shape[2]) if dim == 1 else (1, *x.shape[1:])
    return cat([x, broadcast_to(one, shape)], dim)


def _split_heads(x: Any, num_heads: int, size: int, first: bool) -> Any:
    """(batch, length, heads * size) if ``first``, else (length, batch, ...), as (batch, heads, length, size)."""
    parts = reshape(x, (*x.shape[:2], num_heads, size))
    return permute(parts, (0, 2, 1, 3) if first else (1, 2, 0, 3))


def _join_heads(x: Any, first: bool) -> Any:
    """The inverse of ``_split_heads``."""
    parts = permute(x, (0, 2, 1, 3) if first else (2, 0, 1, 3))
    return reshape(parts, (*parts.shape[:2], parts.shape[2] * parts.shape[3]))


def _array(mask: Any, name: str, shapes: list[tuple[int, ...]]) -> Any:
    """A mask as an array of bool or a floating Tensor, once its shape and dtype are known to be right."""
    if mask is None:
        return None
    mask = mask if hasattr(mask, "dtype") else np.asanyarray(mask)
    told = f"multi_head_attention_forward: {name}"
    if mask.dtype.kind not in "fbV":
        raise DtypeError(f"{told} must be bool or floating, got {mask.dtype}; use .bool()")
    if tuple(mask.shape) not in shapes:
        raise ShapeError(f"{told} has shape {tuple(mask.shape)}; expected {' or '.join(map(str, shapes))}")
    return mask._data if mask.dtype == np.bool_ and isinstance(mask, Handle) else mask


def _masks(attn_mask: Any, padding: Any, batch: int, heads: int, more: int) -> tuple[Any, Any]:
    """What to add to the scores (batch, heads, L, S + more), and where a query may look; None for nothing."""
    bias = mask = None
    for given, rank, shape in ((attn_mask, 2, (batch, heads)), (padding, 1, (batch, 1, 1))):
        if given is None:
            continue
        if given is padding or given.ndim == 3:
            given = np.reshape(given, (*shape, *given.shape[given.ndim - rank :]))
        if more:
            last = np.zeros((*given.shape[:-1], more), given.dtype)
            given = np.concatenate([given, last], -1)
        if given.dtype == np.bool_:
            given = ~given
            mask = given if mask is None else mask & given
        else:
            bias = given if bias is None else bias + given
    return bias, mask


@composed()
def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    batch_first: bool = False,
) -> tuple[Any, Any]:
    """What ``nn.MultiheadAttention`` computes: the output, and the weights of attention or None.

    Args:
        query, key, value: (length, batch, size), or (length, size).
        embed_dim_to_check: the size of queries and output.
        num_heads: how many heads share it.
        in_proj_weight, in_proj_bias: the maps to queries, keys and values, one below the other.
        bias_k, bias_v: one more key and value for all, (1, 1, size).
        add_zero_attn: one more key and value of zeros.
        dropout_p: share of the weights that is dropped in training.
        out_proj_weight, out_proj_bias: the map at the end.
        training: whether to drop.
        key_padding_mask: (batch, S), True where a key does not count; floating: added to the scores.
        need_weights: return the weights.
        attn_mask: (L, S) or (batch * heads, L, S), True where a query may not look; floating: added to the scores.
        use_separate_proj_weight: take ``q_proj_weight`` and so on instead of ``in_proj_weight``.
        q_proj_weight, k_proj_weight, v_proj_weight: the maps one by one.
        static_k, static_v: keys and values, (batch * heads, S, size / heads), instead of those computed.
        average_attn_weights: over the heads.
        is_causal: ``attn_mask`` is causal; without one, make it so.
        batch_first: batch and length in the other order.

    A query that may look at no key gets a zero from every head (PyTorch: NaN, if ``need_weights``).

    Raises: ShapeError, DtypeError; ValueError for an impossible ``dropout_p``, or one of ``bias_k`` and ``bias_v``.
    """
    _check_heads(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    _check_biases(embed_dim_to_check, in_proj_bias, bias_k, bias_v)
    if (bias_k is None) != (bias_v is None) or (bias_k is not None and (static_k is not None or static_v is not None)):
        raise ArgumentError(
            "multi_head_attention_forward: give bias_k and bias_v both, and not with static_k or static_v"
        )
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias, separate)
    batched = q.ndim == 3
    if not batched:
        q, k, v = (reshape(x, (1, *x.shape)) for x in (q, k, v))
    first = batch_first or not batched
    if bias_k is not None:
        k, v = (_with_one_more(x, one, 1 if first else 0) for x, one in ((k, bias_k), (v, bias_v)))
    size = embed_dim_to_check // num_heads
    q, k, v = (_split_heads(x, num_heads, size, first) for x in (q, k, v))
    batch, length = q.shape[0], q.shape[2]
    k = k if static_k is None else reshape(static_k, (batch, num_heads, *static_k.shape[1:]))
    v = v if static_v is None else reshape(static_v, (batch, num_heads, *static_v.shape[1:]))
    if add_zero_attn:
        k, v = (cat([x, np.zeros((batch, num_heads, 1, size), x.dtype)], 2) for x in (k, v))
    more = (bias_k is not None) + add_zero_attn
    looked = k.shape[2] - more
    if is_causal and attn_mask is None:
        attn_mask = ~causal_mask(length, looked)
    attn_mask = _array(attn_mask, "attn_mask", [(length, looked), (batch * num_heads, length, looked)])
    padding = _array(key_padding_mask, "key_padding_mask", [(batch, looked) if batched else (looked,)])
    bias, mask = _masks(attn_mask, padding, batch, num_heads, more)
    kept = factors(dropout_p if training else 0.0, (batch, num_heads, length, k.shape[2]), q.dtype)
    out, weights = attend(q, k, v, bias, mask, kept, 1 / math.sqrt(size))
    out = linear(_join_heads(out, first), out_proj_weight, out_proj_bias)
    out = out if batched else getitem(out, 0)
    if not need_weights:
        return out, None
    weights = weights if kept is None else weights * kept
    weights = reductions.mean(weights, 1) if average_attn_weights else weights
    return out, weights if batched else getitem(weights, 0)
