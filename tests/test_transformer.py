"""Transformer layers and stacks: PyTorch's values and gradients, both orders of normalization, names, masks, errors."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from tests.test_attention import filled, wave

LATER = nn.Transformer.generate_square_subsequent_mask
PADDING = autograd.tensor([[False] * 4 + [True], [False] * 5])

PYTORCH = {
    "encoder layer": (
        lambda: nn.TransformerEncoderLayer(4, 2, 6, 0.0, "gelu", norm_first=True, batch_first=True, dtype="float64"),
        lambda: (wave(2, 3, 4),), lambda: {"src_mask": LATER(3)},
        [1.65175675, -0.16168192, -1.81005515, -0.54919911], [0.99475831, 0.65522113, -0.19605623, -0.96358748],
        9.23760055,
    ),
    "decoder layer": (
        lambda: nn.TransformerDecoderLayer(4, 2, 6, 0.0, "relu", dtype="float64"),
        lambda: (wave(3, 2, 4), wave(5, 2, 4, k=0.5)), dict,
        [-0.46330551, 0.56433342, 0.87938133, -0.27773173], [0.03936312, -0.00754503, 0.0589694, -0.14060842],
        7.07309973,
    ),
    "whole": (
        lambda: nn.Transformer(4, 2, 1, 1, 6, 0.0, F.silu, dtype="float64"),
        lambda: (wave(5, 2, 4), wave(3, 2, 4, k=0.5)),
        lambda: {"tgt_mask": LATER(3), "src_key_padding_mask": PADDING},
        [0.52438724, -0.48597294, 0.42250266, 0.64677584], [-2.112e-05, -4.617e-05, -3.427e-05, -3.926e-05],
        7.07433702,
    ),
}  # fmt: skip
"""Model, inputs, masks; the first elements of output and of the first input's gradient; the squared norm of all
gradients of parameters: by PyTorch 2.13."""


@pytest.mark.parametrize("name", PYTORCH)
def test_pytorch(name):
    make, inputs, masks, values, slopes, norm = PYTORCH[name]
    model, given = filled(make()), inputs()
    out = model(*given, **masks())
    np.testing.assert_allclose(out.detach().numpy().ravel()[:4], values, atol=1e-8)
    (out * wave(*out.shape, k=0.9)).sum().backward()
    np.testing.assert_allclose(given[0].grad.numpy().ravel()[:4], slopes, atol=1e-8)
    assert sum((p.grad.numpy() ** 2).sum() for p in model.parameters()) == pytest.approx(norm, abs=1e-7)


def test_encoder_layer_is_what_its_docstring_says():
    for norm_first in (False, True):
        layer = filled(nn.TransformerEncoderLayer(4, 2, 6, 0.0, norm_first=norm_first, dtype="float64"))
        x = wave(3, 2, 4)

        def attention(x, layer=layer):
            return layer.self_attn(x, x, x)[0]

        def network(x, layer=layer):
            return layer.linear2(F.relu(layer.linear1(x)))

        if norm_first:
            y = x + attention(layer.norm1(x))
            expected = y + network(layer.norm2(y))
        else:
            y = layer.norm1(x + attention(x))
            expected = layer.norm2(y + network(y))
        np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_causal_stack_looks_at_nothing_ahead(batch_first):
    layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=batch_first, norm_first=True)
    stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4), enable_nested_tensor=False).eval().double()
    x = autograd.randn(5, 5, 4).double()  # in single precision the norm of a row rounds in the company of the others
    time = 1 if batch_first else 0
    changed = x.clone()
    changed.select(time, 3).copy_(7.0)
    for given in ({"mask": LATER(5)}, {"mask": LATER(5) < 0, "is_causal": True}, {"is_causal": True}):
        before, after = stack(x, **given).detach().numpy(), stack(changed, **given).detach().numpy()
        same = np.isclose(before, after).all(axis=(1 - time, 2))
        assert same.tolist() == [True, True, True, False, False]


def test_unbatched_is_a_batch_of_one():
    model = nn.Transformer(4, 2, 1, 1, 6, 0.0).eval()
    src, tgt = autograd.randn(5, 4), autograd.randn(3, 4)
    np.testing.assert_allclose(
        model(src, tgt).detach().numpy(),
        model(src.unsqueeze(1), tgt.unsqueeze(1)).squeeze(1).detach().numpy(),
        rtol=1e-4,
        atol=1e-6,
    )


def test_layers_are_copies_and_names_are_pytorchs():
    stack = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6), 2, nn.LayerNorm(4))
    layer = [
        "self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias",
        "multihead_attn.in_proj_weight", "multihead_attn.in_proj_bias", "multihead_attn.out_proj.weight",
        "multihead_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
        "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "norm3.weight", "norm3.bias",
    ]  # fmt: skip
    names = [f"layers.{i}.{name}" for i in range(2) for name in layer]
    assert list(stack.state_dict()) == [*names, "norm.weight", "norm.bias"]
    first, second = stack.layers
    assert first.linear1.weight is not second.linear1.weight
    np.testing.assert_array_equal(first.linear1.weight.detach().numpy(), second.linear1.weight.detach().numpy())
    plain = nn.TransformerEncoderLayer(4, 2, 6, bias=False)
    assert not [name for name in plain.state_dict() if "bias" in name]


def test_repr():
    children = [name for name, _ in nn.TransformerEncoderLayer(4, 2, 6, activation=nn.GELU()).named_children()]
    assert children == [
        "self_attn", "linear1", "dropout", "linear2", "norm1", "norm2", "dropout1", "dropout2", "activation",
    ]  # fmt: skip
    assert "(dropout2): Dropout(p=0.1, inplace=False)\n)" in repr(nn.TransformerEncoderLayer(4, 2, 6))


def test_initial_values_and_dropout():
    autograd.manual_seed(0)
    model = nn.Transformer(32, 4, 1, 1, 64)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            bound = np.sqrt(6 / sum(p.shape))
            assert 0.97 * bound < p.abs().max().item() <= bound, name
    src, tgt = autograd.randn(5, 2, 32), autograd.randn(3, 2, 32)
    assert (model(src, tgt) != model(src, tgt)).any().item()
    model.eval()
    assert (model(src, tgt) == model(src, tgt)).all().item()


def test_custom_parts_are_used():
    class Halves(nn.Module):
        def forward(self, x, **masks):
            return x / 2

    model = nn.Transformer(4, 2, num_decoder_layers=1, custom_encoder=Halves()).eval()
    src, tgt = autograd.randn(5, 2, 4), autograd.randn(3, 2, 4)
    np.testing.assert_allclose(
        model(src, tgt).detach().numpy(), model.decoder(tgt, src / 2).detach().numpy(), rtol=1e-6
    )


def test_subsequent_mask():
    assert LATER(2).tolist() == [[0.0, -np.inf], [0.0, 0.0]]
    assert LATER(2, dtype="float64").dtype == np.float64


@pytest.mark.parametrize(
    ("src", "tgt", "text"),
    [((5, 2, 4), (3, 3, 4), "the batch, dimension 1, must be equal"), ((5, 2, 4), (3, 2, 5), "must be d_model=4")],
)
def test_errors(src, tgt, text):
    with pytest.raises(autograd.ShapeError, match=text):
        nn.Transformer(4, 2, 1, 1, 6)(autograd.ones(*src), autograd.ones(*tgt))
    with pytest.raises(ValueError, match="'relu', 'gelu' or a function, got 'swish'"):
        nn.TransformerEncoderLayer(4, 2, activation="swish")
