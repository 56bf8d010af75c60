"""Attention with many heads."""

from __future__ import annotations

from typing import Any

from autograd import ArgumentError, Tensor, empty
from autograd.engine.failures import explained

from . import functional as F
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """The ``Linear`` at the end of attention: a class of its own, by PyTorch's name, though nothing is quantized.

    So it prints as there, and programs that initialize what ``type(module) == nn.Linear`` leave the same layers alone.
    """


class MultiheadAttention(Module):
    """Values averaged by how well their keys match the queries, in several heads side by side.

    Args:
        embed_dim: the size of queries and outputs, divided among the heads.
        num_heads: how many.
        dropout: share of the weights that is dropped in training.
        bias: whether the linear maps have one.
        add_bias_kv: learn one more key and value, which every sequence gets.
        add_zero_attn: add one more key and value of zeros.
        kdim, vdim: sizes of keys and values (default: ``embed_dim``).
        batch_first: (batch, length, size) instead of (length, batch, size).
        device, dtype: of the parameters.

    Shape: query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim); without batch (L, embed_dim) and so on.

    Raises: ValueError if the heads cannot share the size.

    Source: Vaswani et al. 2017.

    >>> import autograd, nn
    >>> x = autograd.ones(5, 2, 8)
    >>> out, weights = nn.MultiheadAttention(8, 4)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    @explained
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ArgumentError(
                f"MultiheadAttention: embed_dim must be a positive multiple of num_heads, got embed_dim={embed_dim} "
                f"and num_heads={num_heads}"
            )

        def matrix(*shape: int) -> Parameter:
            return Parameter(empty(*shape, device=device, dtype=dtype))

        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        together = self.kdim == embed_dim and self.vdim == embed_dim
        self.q_proj_weight = None if together else matrix(embed_dim, embed_dim)
        self.k_proj_weight = None if together else matrix(embed_dim, self.kdim)
        self.v_proj_weight = None if together else matrix(embed_dim, self.vdim)
        self.in_proj_weight = matrix(3 * embed_dim, embed_dim) if together else None
        self.in_proj_bias = matrix(3 * embed_dim) if bias else None
        self.bias_k = matrix(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = matrix(1, 1, embed_dim) if add_bias_kv else None
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, but for ``out_proj.weight``; biases are zero."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """The output, and the weights (N, L, S) or None.

        Args:
            query, key, value: see the class.
            key_padding_mask: (N, S), True where a key does not count; floating: added to the scores.
            need_weights: return the weights.
            attn_mask: (L, S) or (N * num_heads, L, S), True where a query may not look; floating: added to the scores.
            average_attn_weights: over the heads; else (N, num_heads, L, S).
            is_causal: ``attn_mask`` is causal; without one, make it so.

        Raises: ShapeError, DtypeError.
        """
        return F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, self.in_proj_weight is None, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, None, None, average_attn_weights, is_causal,
            batch_first=self.batch_first,
        )  # fmt: skip
