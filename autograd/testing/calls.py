"""Calls on Tensors and their backward, as the properties make them; and the comparison of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _gradients
from ..engine.nodes import new_tensor
from .differences import direction
from .subject import Arguments, differentiable_outputs

__all__ = [
    "Run",
    "differentiate",
    "flat",
    "leaf_of",
    "made_run",
    "pull",
    "require_same",
    "seeds_for",
    "values_and_gradients",
]


@dataclass
class Run:
    """A call on Tensors: its leaves, its differentiable outputs, the gradients that were asked for."""

    leaves: list[Any]
    outputs: list[Any]
    seeds: list[Any]
    gradients: list[Any]

    @property
    def arrays(self) -> list[Any]:
        """The gradients as arrays."""
        return [np.asarray(g._data) for g in self.gradients]


def leaf_of(array: Any) -> Any:
    """A Tensor around ``array`` that requires grad."""
    return new_tensor(array).requires_grad_()


def seeds_for(rng: np.random.Generator, outputs: Sequence[Any]) -> list[Any]:
    """A gradient for each output, none of its numbers near 0 or alike."""
    seeds = []
    for out in outputs:
        seed = direction(rng, out.shape)
        if out.dtype.kind == "c":
            seed = seed + 1j * direction(rng, out.shape)
        seeds.append(seed.astype(out.dtype))
    return seeds


def differentiate(
    leaves: Sequence[Any], call: Callable[..., Any], seeds: Any = None, create_graph: bool = False, rng: Any = None
) -> Run:
    """Call and backpropagate; the gradients are zeros where none arrives."""
    outputs = differentiable_outputs(call(leaves))
    if seeds is None:
        seeds = seeds_for(rng, outputs)
    reached = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if out.requires_grad]
    if reached:
        found = _gradients.grad(
            [out for out, _ in reached], list(leaves), [seed for _, seed in reached],
            retain_graph=True, create_graph=create_graph, materialize_grads=True,
        )  # fmt: skip
    else:
        found = tuple(new_tensor(np.zeros_like(np.asarray(leaf._data))) for leaf in leaves)
    return Run(list(leaves), outputs, list(seeds), list(found))


def made_run(a: Arguments, arrays: Sequence[Any] | None = None, seeds: Any = None, **options: Any) -> Run:
    """Backpropagate to the arrays that the function is called with."""
    arrays = list(a.made if arrays is None else arrays)

    def call(leaves: Sequence[Any]) -> Any:
        given = list(arrays)
        for n, leaf in zip(a.leaves, leaves, strict=True):
            given[n] = leaf
        return a.call(given)

    return differentiate([leaf_of(np.asanyarray(arrays[n])) for n in a.leaves], call, seeds, rng=a.rng(), **options)


def pull(arrays: Sequence[Any], seeds: Sequence[Any]) -> Any:
    """The one number ``sum(seed * out)``; for complex outputs its real part, with the seed conjugated."""
    total: Any = 0.0
    for array, seed in zip(arrays, seeds, strict=True):
        total = total + (np.sum(np.conj(seed) * array).real if seed.dtype.kind == "c" else (seed * array).sum())
    return total


def values_and_gradients(a: Arguments, arrays: Sequence[Any]) -> list[Any]:
    """The results for ``arrays``, and the gradients if it has any."""
    if a.subject.differentiable and a.leaves:
        run = made_run(a, arrays)
        return [*[np.asarray(out._data) for out in run.outputs], *run.arrays]
    return [np.asarray(getattr(out, "_data", out)) for out in flat(a.call(arrays))]


def flat(result: Any) -> Iterator[Any]:
    """What a function returned, one by one."""
    if isinstance(result, (tuple, list)):
        for item in result:
            yield from flat(item)
    else:
        yield result


def require_same(
    found: Sequence[Any], expected: Sequence[Any], where: str, rtol: float = 1e-10, atol: float = 1e-12,
    noise: float = 1e-300,
) -> None:  # fmt: skip
    """Raise AssertionError unless two lists of arrays are equal, but for rounding; ``where`` is the message's start.

    ``rtol`` counts by element, ``atol`` by the largest of an array, and ``noise`` is what rounding leaves where larger
    numbers cancel each other.
    """
    if len(found) != len(expected):
        raise AssertionError(f"{where}: {len(found)} results instead of {len(expected)}")
    for x, y in zip(found, expected, strict=True):
        if x.shape != y.shape or x.dtype != y.dtype:
            raise AssertionError(f"{where}: {x.dtype}{x.shape} instead of {y.dtype}{y.shape}")
        same = bool(np.array_equal(x, y))
        if not same and x.dtype.kind in "fc":
            scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
            same = bool(np.allclose(x, y, rtol=rtol, atol=max(atol * scale, noise), equal_nan=True))
        if not same:
            raise AssertionError(f"{where}:\n{x}\ninstead of\n{y}{_farthest(x, y)}")


def _farthest(x: Any, y: Any) -> str:
    """Where two arrays that are printed differ most, to all digits: what is printed may look the same."""
    if x.dtype.kind not in "fc" or x.size < 2:
        return ""
    with np.errstate(all="ignore"):
        off = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.nan_to_num(np.abs(x - y), nan=np.inf))
    k = tuple(map(int, np.unravel_index(np.argmax(off), off.shape)))
    return f"\nat {list(k)} {x[k]!r} instead of {y[k]!r}, {np.count_nonzero(off)} of {x.size} differ"
