"""Pictures of large graphs: a transformer written with small ops and differentiated twice, and a deep chain."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import Measure


def _block(nn: Any, width: int, heads: int) -> Any:
    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            import autograd

            y = self.norm1(x)
            parts = self.query(y), self.key(y), self.value(y)
            found = []
            for q, k, v in zip(*(part.split(width // heads, 2) for part in parts), strict=True):
                scores = q @ k.transpose(1, 2) * (width // heads) ** -0.5
                powers = (scores - scores.amax(2, keepdim=True)).exp()
                found.append(powers / powers.sum(2, keepdim=True) @ v)
            x = x + self.out(autograd.cat(found, 2))
            return x + self.narrow(self.wide(self.norm2(x)).relu())

    return Block()


def _transformer(layers: int, heads: int) -> tuple[Any, Any]:
    """The squared gradients of a loss, whose graph holds forward and backward, and the model."""
    import autograd
    import nn

    model = nn.Sequential(*[_block(nn, 2 * heads, heads) for _ in range(layers)])
    loss = model(autograd.randn(2, 8, 2 * heads)).square().mean()
    gradients = autograd.grad(loss, list(model.parameters()), create_graph=True)
    return sum((g * g).sum() for g in gradients), model


def _chain(depth: int) -> tuple[Any, None]:
    import autograd

    x = autograd.ones(1, requires_grad=True)
    for _ in range(depth):
        x = x * 1.0
    return x, None


def chainrule(layers: int = 0, heads: int = 0, chain: int = 0, depth: int | None = None) -> Measure:
    """This library: making the picture and writing it as SVG and as a page."""
    import autograd

    end, model = _chain(chain) if chain else _transformer(layers, heads)

    def measure() -> tuple[dict[str, float], list[float]]:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            picture = autograd.graph(end, params=model, depth=depth)
            picture.render(Path(folder, "graph.svg"), Path(folder, "graph.html"))
            taken = time.perf_counter() - start
        return {"s": taken, "ops": float(picture.counts["ops"])}, []

    return measure
