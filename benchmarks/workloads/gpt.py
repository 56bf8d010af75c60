"""A whole training step of a small GPT: pre-norm blocks, GELU, causal attention, cross entropy, Adam; float32.

One text of model for both libraries. Weights and data are equal; what is compared are the losses of the first steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import seconds

Measure = Callable[[], tuple[dict[str, float], list[float]]]


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


def _measure(
    tensor: Callable[[Any], Any],
    nn: Any,
    F: Any,
    optim: Any,
    repeats: int,
    batch: int,
    length: int,
    vocabulary: int,
    compile: Callable[..., Any] | None = None,
    **sizes: int,
) -> Measure:
    drawn = np.random.default_rng(0)
    model = _model(nn, F, length=length, vocabulary=vocabulary, **sizes)
    state = {name: drawn.standard_normal(value.shape) * 0.05 for name, value in model.state_dict().items()}
    model.load_state_dict({name: tensor(value.astype(np.float32)) for name, value in state.items()})
    x, y = (tensor(drawn.integers(0, vocabulary, (batch, length))) for _ in range(2))
    places = tensor(np.arange(length))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x, places).view(-1, vocabulary), y.view(-1))
        loss.backward()
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    if compile is not None:
        step = compile(step, fullgraph=True)
    losses = [step() for _ in range(5)]

    def measure() -> tuple[dict[str, float], list[float]]:
        return {"ms per step": seconds(step, repeats) * 1e3}, losses

    return measure


def chainrule(**settings: int) -> Measure:
    """This library."""
    import autograd
    import nn
    import nn.functional as F
    import optim

    return _measure(autograd.tensor, nn, F, optim, **settings)


def compiled(**settings: int) -> Measure:
    """The same step, compiled."""
    import autograd
    import nn
    import nn.functional as F
    import optim

    return _measure(autograd.tensor, nn, F, optim, compile=autograd.compile, **settings)


def numba(**settings: int) -> Measure:
    """The same step, compiled with kernels."""
    import numba as numba

    import autograd
    import nn
    import nn.functional as F
    import optim

    compile = functools.partial(autograd.compile, backend="numba")
    return _measure(autograd.tensor, nn, F, optim, compile=compile, **settings)


def torch(**settings: int) -> Measure:
    """PyTorch, eager."""
    import torch

    torch.set_num_threads(2)
    return _measure(torch.tensor, torch.nn, torch.nn.functional, torch.optim, **settings)
