"""A whole training step of a small GPT: pre-norm blocks, GELU, causal attention, cross entropy, Adam; float32.

Weights and data are equal; what is compared are the losses of the first steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.libraries import Library, jax_update, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.updates import in_jax, in_library

OPTIMIZER = "adam"


def _shapes(layers: int, size: int, length: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """The parameters, by name."""
    found: dict[str, tuple[int, ...]] = {"tokens.weight": (vocabulary, size), "places.weight": (length, size)}
    parts = {"norm1": (size,), "qkv": (3 * size, size), "out": (size, size), "norm2": (size,)}
    parts |= {"wide": (4 * size, size), "narrow": (size, 4 * size)}
    for i in range(layers):
        for name, shape in parts.items():
            found |= {f"blocks.{i}.{name}.weight": shape, f"blocks.{i}.{name}.bias": shape[:1]}
    return found | {"norm.weight": (size,), "norm.bias": (size,), "head.weight": (vocabulary, size)}


def _data(batch: int, length: int, vocabulary: int, **sizes: int) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, texts, and what should follow each of their letters."""
    drawn = np.random.default_rng(0)
    shapes = _shapes(sizes["layers"], sizes["size"], length, vocabulary)
    state = {name: (drawn.standard_normal(shape) * 0.05).astype(np.float32) for name, shape in shapes.items()}
    x, y = (drawn.integers(0, vocabulary, (batch, length)) for _ in range(2))
    return state, x, y


def _model(nn: Any, F: Any, layers: int, size: int, heads: int, length: int, vocabulary: int) -> Any:
    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(size)
            self.qkv = nn.Linear(size, 3 * size)
            self.out = nn.Linear(size, size)
            self.norm2 = nn.LayerNorm(size)
            self.wide = nn.Linear(size, 4 * size)
            self.narrow = nn.Linear(4 * size, size)

        def forward(self, x: Any) -> Any:
            batch = x.shape[0]
            parts = self.qkv(self.norm1(x)).split(size, 2)
            q, k, v = (part.view(batch, length, heads, size // heads).transpose(1, 2) for part in parts)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(batch, length, size))
            return x + self.narrow(F.gelu(self.wide(self.norm2(x))))

    class Model(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, size)
            self.places = nn.Embedding(length, size)
            self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(size)
            self.head = nn.Linear(size, vocabulary, bias=False)

        def forward(self, x: Any, places: Any) -> Any:
            return self.head(self.norm(self.blocks(self.tokens(x) + self.places(places))))

    return Model()


def program(library: Library, batch: int, length: int, vocabulary: int, **sizes: int) -> Program:
    """This library or PyTorch."""
    t, F = library.t, library.F
    state, texts, following = _data(batch, length, vocabulary, **sizes)
    model = _model(library.nn, F, length=length, vocabulary=vocabulary, **sizes)
    model.load_state_dict({name: t.tensor(value) for name, value in state.items()})
    x, y, places = t.tensor(texts), t.tensor(following), t.tensor(np.arange(length))
    forward = library.compile(lambda: F.cross_entropy(model(x, places).view(-1, vocabulary), y.view(-1)))
    return Program(in_library(library, OPTIMIZER, model, forward))


def jax(batch: int, length: int, vocabulary: int, layers: int, size: int, heads: int) -> Program:
    """JAX: the whole step compiled."""
    jax = start_jax()
    state, texts, following = _data(batch, length, vocabulary, layers=layers, size=size)
    mask = np.tri(length, dtype=bool)

    def loss_of(p: Any, kept: Any, x: Any, y: Any) -> Any:
        def linear(name: str, x: Any) -> Any:
            return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

        def norm(name: str, x: Any) -> Any:
            x = x - x.mean(-1, keepdims=True)
            x = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)
            return x * p[f"{name}.weight"] + p[f"{name}.bias"]

        x = p["tokens.weight"][x] + p["places.weight"]
        for i in range(layers):
            block = f"blocks.{i}."
            parts = jax.numpy.split(linear(block + "qkv", norm(block + "norm1", x)), 3, -1)
            q, k, v = (part.reshape(batch, length, heads, -1).swapaxes(1, 2) for part in parts)
            scores = jax.numpy.where(mask, q @ k.swapaxes(2, 3) * (size // heads) ** -0.5, -np.inf)
            mixed = (jax.nn.softmax(scores) @ v).swapaxes(1, 2).reshape(batch, length, size)
            x = x + linear(block + "out", mixed)
            wide = jax.nn.gelu(linear(block + "wide", norm(block + "norm2", x)), approximate=False)
            x = x + linear(block + "narrow", wide)
        scores = jax.nn.log_softmax(norm("norm", x) @ p["head.weight"].T)
        return -(jax.nn.one_hot(y, vocabulary) * scores).sum(2).mean(), kept

    step = jax_update(jax, loss_of, state, (), *in_jax(jax, OPTIMIZER, state))
    x, y = jax.numpy.asarray(texts), jax.numpy.asarray(following)
    return Program(lambda: step(x, y))
