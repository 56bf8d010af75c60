"""Attention: against NumPy written out, masks of every kind, rows that may look nowhere, heads, errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd.ops.attention import attend, attend_backward
from autograd.ops.gaussian_units import gelu_backward

RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 5, 4)), RNG.standard_normal((2, 5, 3))
SOME = np.array([[True, False, True, True, False], [False] * 5, [False, True, False, False, False]])


def written_out(q, k, v, mask=None, bias=None, scale=None):
    """One batch, one query, one key at a time."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for b, i in np.ndindex(*q.shape[:2]):
        seen = [j for j in range(k.shape[1]) if mask is None or mask[i, j]]
        scores = [
            q[b, i] @ k[b, j] * (scale or 1 / math.sqrt(q.shape[-1])) + (0 if bias is None else bias[i, j])
            for j in seen
        ]
        powers = np.exp(scores)
        for power, j in zip(powers, seen, strict=True):
            out[b, i] += power / powers.sum() * v[b, j]
    return out


def leaves(*arrays, dtype="float64"):
    return [autograd.tensor(array.astype(dtype), requires_grad=True) for array in arrays]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"scale": -0.3}, {"scale": -0.3}),
        ({"is_causal": True}, {"mask": np.tri(3, 5, dtype=bool)}),
        ({"attn_mask": autograd.tensor(SOME)}, {"mask": SOME}),
        ({"attn_mask": autograd.tensor(SOME[:1])}, {"mask": np.tile(SOME[:1], (3, 1))}),
        ({"attn_mask": autograd.tensor(np.cos(SOME * 3.0))}, {"bias": np.cos(SOME * 3.0)}),
        ({"attn_mask": autograd.tensor(np.where(SOME, 0.5, -np.inf))}, {"mask": SOME}),
    ],
)
def test_values(given, expected):
    out = F.scaled_dot_product_attention(*leaves(Q, K, V), **given)
    np.testing.assert_allclose(out.detach().numpy(), written_out(Q, K, V, **expected), rtol=1e-12)


def test_masked_keys_and_queries_that_look_nowhere_get_no_gradient():
    q, k, v = leaves(Q, K, V)
    out = F.scaled_dot_product_attention(q, k, v, autograd.tensor(SOME))
    assert out.detach().numpy()[:, [0, 2]].all()
    assert not out.detach().numpy()[:, 1].any()
    (out * out).sum().backward()
    assert q.grad.numpy()[:, 0].all()
    assert not q.grad.numpy()[:, 1].any()
    assert v.grad.numpy()[:, :4].all()
    for grad in (k.grad, v.grad):
        assert not grad.numpy()[:, 4].any()
        assert grad.numpy()[:, [0, 2, 3]].all()


def test_large_scores_do_not_overflow_and_warn(recwarn):
    q, k, v = leaves(Q * 1e4, K * 1e4, V, dtype="float32")
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    best = np.where(np.tri(3, 5, dtype=bool), Q @ K.swapaxes(1, 2), -np.inf).argmax(-1)
    np.testing.assert_allclose(out.detach().numpy(), np.take_along_axis(V, best[..., None], 1), rtol=1e-5)
    out.sum().backward()
    assert np.isfinite(q.grad.numpy()).all()
    assert not recwarn.list


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_is_kept(dtype):
    arrays = leaves(Q, K, V, dtype=dtype)
    out = F.scaled_dot_product_attention(*arrays)
    grads = autograd.grad(out.sum(), arrays)
    assert {x.dtype for x in (out, *grads)} == {np.dtype(dtype)}
    np.testing.assert_allclose(out.detach().numpy(), written_out(Q, K, V), atol=3e-3 if dtype == "float16" else 1e-5)


def test_heads_side_by_side_come_out_side_by_side_in_memory():
    x = autograd.randn(2, 6, 3 * 8)
    q, k, v = (part.view(2, 6, 4, 2).transpose(1, 2) for part in x.split(8, 2))
    out = F.scaled_dot_product_attention(q, k, v)
    rows = out.transpose(1, 2).reshape(2, 6, 8)
    assert np.shares_memory(rows.numpy(), out.numpy())
    alone = F.scaled_dot_product_attention(q[:, 1].clone(), k[:, 1].clone(), v[:, 1].clone())
    np.testing.assert_allclose(rows.numpy()[:, :, 2:4], alone.numpy(), rtol=1e-5)
    slopes = attend_backward(q, k, v, attend(q, k, v)[1], autograd.randn(2, 4, 6, 2))
    assert all(slope.transpose(1, 2).is_contiguous() for slope in slopes)


def test_fewer_key_heads_are_shared():
    q, k, v = RNG.standard_normal((4, 3, 2)), RNG.standard_normal((2, 5, 2)), RNG.standard_normal((1, 5, 2))
    out = F.scaled_dot_product_attention(*leaves(q, k, v), enable_gqa=True)
    expected = [written_out(q[None, h], k[None, h // 2], v)[0] for h in range(4)]
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12)


def test_dropout_scales_what_stays_and_is_repeatable():
    ones = autograd.ones(1, 200, 4), autograd.ones(1, 50, 4), autograd.ones(1, 50, 1)
    autograd.manual_seed(3)
    out = F.scaled_dot_product_attention(*ones, dropout_p=0.25).numpy()
    assert abs(out.mean() - 1) < 0.02
    assert 0.03 < out.std() < 0.2
    np.testing.assert_allclose(out * 50 * 0.75, np.round(out * 50 * 0.75), atol=1e-4)
    autograd.manual_seed(3)
    np.testing.assert_array_equal(F.scaled_dot_product_attention(*ones, dropout_p=0.25).numpy(), out)
    assert not F.scaled_dot_product_attention(*ones, dropout_p=1.0).numpy().any()


def test_weights_alone_have_a_gradient():
    q, k, v = leaves(Q, K, V)
    _, weights = attend(q, k, v)
    np.testing.assert_allclose(weights.sum(-1).detach().numpy(), 1)
    grads = autograd.grad((weights * weights).sum(), [q, k, v], allow_unused=True)
    assert grads[0].abs().sum().item() > 0.01
    assert not grads[2].numpy().any()


@pytest.mark.parametrize(
    ("shapes", "given", "error", "text"),
    [
        (((2, 3), (4, 2), (4, 2)), {}, autograd.ShapeError, "queries have 3 features, keys 2"),
        (((2, 3), (4, 3), (5, 2)), {}, autograd.ShapeError, "there are 4 keys, but 5 values"),
        (((3,), (4, 3), (4, 3)), {}, autograd.ShapeError, "at least two dimensions"),
        (((2, 3), (4, 3), (4, 3)), {"enable_gqa": True}, autograd.ShapeError, "needs a dimension of heads"),
        (((3, 2, 3), (2, 4, 3), (1, 4, 3)), {"enable_gqa": True}, autograd.ShapeError, "3 query heads are not"),
        (((2, 3),) * 3, {"is_causal": True, "attn_mask": autograd.ones(2, 2)}, ValueError, "not both"),
        (((2, 3),) * 3, {"attn_mask": autograd.ones(2, 2).long()}, autograd.DtypeError, "bool or floating, got int64"),
        (((2, 3),) * 3, {"dropout_p": 1.5}, ValueError, "between 0 and 1, got 1.5"),
    ],
)
def test_errors(shapes, given, error, text):
    with pytest.raises(error, match=text):
        F.scaled_dot_product_attention(*[autograd.ones(*shape) for shape in shapes], **given)


def test_integers_are_refused():
    with pytest.raises(autograd.DtypeError, match="expected floating numbers, got int64"):
        F.scaled_dot_product_attention(*[autograd.ones(2, 2).long()] * 3)


# ---- MultiheadAttention ----------------------------------------------------------------------------------------------


def filled(module):
    """Every parameter with numbers that are not symmetric in any way."""
    with autograd.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(np.sin(np.arange(p.numel()) * (0.7 + 0.1 * i) + i).reshape(p.shape) * 0.5)
    return module


def wave(*shape, k=1.3):
    return autograd.tensor(np.cos(np.arange(math.prod(shape)) * k).reshape(shape), requires_grad=True)


def attention_by_head(m, q, k, v, allowed=None):
    """(L, E), (S, E), (S, E) of arrays: the output and the weights of each head."""
    d = m.head_dim
    w = m.in_proj_weight.detach().numpy().reshape(3, m.num_heads, d, m.embed_dim)
    b = m.in_proj_bias.detach().numpy().reshape(3, m.num_heads, d)
    heads, weights = [], []
    for h in range(m.num_heads):
        hq, hk, hv = (x @ w[i, h].T + b[i, h] for i, x in enumerate((q, k, v)))
        powers = np.exp(hq @ hk.T / math.sqrt(d)) * (1 if allowed is None else allowed)
        weights.append(powers / powers.sum(1, keepdims=True))
        heads.append(weights[-1] @ hv)
    out = np.concatenate(heads, 1) @ m.out_proj.weight.detach().numpy().T + m.out_proj.bias.detach().numpy()
    return out, np.array(weights)


@pytest.mark.parametrize(("batch_first", "same"), [*itertools.product([False, True], ["all", "key", "none"])])
def test_heads_and_layouts(batch_first, same):
    m = filled(nn.MultiheadAttention(4, 2, batch_first=batch_first, dtype="float64"))
    q, k, v = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 3, 4))
    k = q if same == "all" else k
    v = k if same != "none" else v
    made = {}
    for array in (q, k, v):
        made.setdefault(id(array), autograd.tensor(array if batch_first else array.swapaxes(0, 1).copy()))
    padding = np.array([[False, False, True], [False, False, False]])
    out, weights = m(*[made[id(x)] for x in (q, k, v)], key_padding_mask=autograd.tensor(padding),
                     average_attn_weights=False)  # fmt: skip
    out = out.detach().numpy() if batch_first else out.detach().numpy().swapaxes(0, 1)
    for b in range(2):
        expected, each = attention_by_head(m, q[b], k[b], v[b], ~padding[b])
        np.testing.assert_allclose(out[b], expected, rtol=1e-10)
        np.testing.assert_allclose(weights.detach().numpy()[b], each, rtol=1e-10)
        alone, averaged = m(*[autograd.tensor(x[b]) for x in (q, k, v)], autograd.tensor(padding[b]))
        np.testing.assert_allclose(alone.detach().numpy(), expected, rtol=1e-10)
        np.testing.assert_allclose(averaged.detach().numpy(), each.mean(0), rtol=1e-10)


def test_every_extra_at_once_is_pytorch():
    m = filled(nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5, dtype="float64"))
    assert list(m.state_dict()) == [
        "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight",
        "out_proj.bias",
    ]  # fmt: skip
    q = wave(3, 2, 4)
    out, weights = m(q, wave(4, 2, 3, k=0.5), wave(4, 2, 5, k=0.8))
    assert weights.shape == (2, 3, 6)
    np.testing.assert_allclose(
        out.detach().numpy().ravel()[:4], [0.29247688, 0.74374564, 0.14929748, -0.49443675], atol=1e-8
    )
    (out * wave(*out.shape, k=0.9)).sum().backward()
    np.testing.assert_allclose(q.grad.numpy().ravel()[:4], [0.01050112, 0.01721384, 0.01583063, 0.00700202], atol=1e-8)
    total = sum((p.grad.numpy() ** 2).sum() for p in m.parameters())
    assert total == pytest.approx(4.65745032, abs=1e-7)


def test_masks_bool_floating_causal_and_combined_agree():
    m = filled(nn.MultiheadAttention(4, 2, batch_first=True, dtype="float64"))
    x = wave(2, 3, 4)
    ahead = np.triu(np.ones((3, 3), bool), 1)
    padding = np.array([[False, False, True], [False, True, False]])
    low = autograd.tensor(np.where(ahead, -np.inf, 0))
    each = autograd.tensor(np.repeat((ahead | padding[:, None])[:, None], 2, 1).reshape(4, 3, 3))
    ways = [
        {"attn_mask": autograd.tensor(ahead), "key_padding_mask": autograd.tensor(padding)},
        {"attn_mask": low, "key_padding_mask": autograd.tensor(padding)},
        {"attn_mask": low, "key_padding_mask": autograd.tensor(np.where(padding, -np.inf, 0))},
        {"attn_mask": each},
        {"is_causal": True, "key_padding_mask": autograd.tensor(padding), "need_weights": False},
    ]
    outs = [m(x, x, x, **way) for way in ways]
    assert outs[-1][1] is None
    for out, _ in outs[1:]:
        np.testing.assert_allclose(out.detach().numpy(), outs[0][0].detach().numpy(), rtol=1e-12)
    assert np.abs(outs[0][0].detach().numpy() - m(x, x, x)[0].detach().numpy()).max() > 0.01


def test_dropout_only_in_training():
    m = nn.MultiheadAttention(4, 2, dropout=0.5)
    x = autograd.ones(8, 2, 4)
    autograd.manual_seed(0)
    dropped = m(x, x, x)[1].detach().numpy()
    assert (dropped == 0).any()
    np.testing.assert_allclose(m.eval()(x, x, x)[1].detach().numpy(), 1 / 8, rtol=1e-6)


def test_settings_initial_values_and_names():
    autograd.manual_seed(0)
    m = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    assert list(m.state_dict()) == [
        "in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight", "out_proj.bias",
    ]  # fmt: skip
    bound = math.sqrt(6 / (64 + 192))
    assert 0.98 * bound < m.in_proj_weight.abs().max().item() <= bound
    assert not m.in_proj_bias.detach().numpy().any()
    assert not m.out_proj.bias.detach().numpy().any()
    assert [p.shape for p in nn.MultiheadAttention(4, 2, bias=False).parameters()] == [(12, 4), (4, 4)]
    assert repr(m).startswith("MultiheadAttention(\n  (out_proj): NonDynamicallyQuantizableLinear(in_features=")
    assert not any(type(layer) is nn.Linear for layer in m.modules())  # as those who initialize by type expect
    for bad in ((5, 2), (0, 1), (4, 0)):
        with pytest.raises(ValueError, match="positive multiple of num_heads"):
            nn.MultiheadAttention(*bad)


@pytest.mark.parametrize(
    ("shapes", "given", "error", "text"),
    [
        (((3, 4), (3, 2, 4), (3, 2, 4)), {}, autograd.ShapeError, "three dimensions each, or two"),
        (((3, 2, 5),) * 3, {}, autograd.ShapeError, "expected queries with 4 features"),
        (((3, 2, 4), (3, 2, 4), (2, 2, 4)), {}, autograd.ShapeError, "key and value must have the same shape"),
        (
            ((3, 2, 4),) * 3,
            {"attn_mask": np.ones((3, 2), bool)},
            autograd.ShapeError,
            r"expected \(3, 3\) or \(4, 3, 3\)",
        ),
        (((3, 2, 4),) * 3, {"key_padding_mask": np.ones((3, 2), bool)}, autograd.ShapeError, r"expected \(2, 3\)"),
        (((3, 2, 4),) * 3, {"attn_mask": np.ones((3, 3), int)}, autograd.DtypeError, "bool or floating, got int64"),
    ],
)
def test_module_errors(shapes, given, error, text):
    with pytest.raises(error, match=text):
        nn.MultiheadAttention(4, 2)(*[autograd.ones(*shape) for shape in shapes], **given)


# ---- gelu, whose float32 has a way of its own ------------------------------------------------------------------------


def test_gelu_of_float32_is_that_of_float64(recwarn):
    x = np.concatenate([np.linspace(-14, 14, 100_001), [0.0, -0.0, 1e-40, 1e4, -1e4, 1e30, -1e30]]).astype(np.float32)
    for part in (x, x[::-3], x[:7].reshape(7, 1), x[:0]):
        ours, exact = (autograd.tensor(part.astype(kind), requires_grad=True) for kind in ("float32", "float64"))
        for t in (ours, exact):
            out = F.gelu(t)
            (out * 2).sum().backward()
            assert out.dtype == t.dtype
        np.testing.assert_allclose(F.gelu(ours).detach().numpy(), F.gelu(exact).detach().numpy(), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(ours.grad.numpy(), exact.grad.numpy(), atol=1e-6)
        np.testing.assert_allclose(
            exact.grad.numpy(), gelu_backward.kernel(np.full(part.shape, 2.0), part.astype("float64")), atol=1e-14
        )
    assert not recwarn.list
    assert F.gelu(autograd.tensor([np.inf, np.nan])).tolist()[0] == np.inf
