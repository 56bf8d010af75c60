"""A training step of a recurrent layer, forward and backward: ours beside PyTorch's fused kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.libraries import Library, start_jax
from benchmarks.measure import Program
from benchmarks.workloads.reading import absolute_sums

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _arrays(kind: str, sizes: list[int]) -> tuple[Any, list[Any], Any]:
    """Sequences, parameters, and the gradient of the output."""
    time, batch, features, hidden = sizes
    drawn, gates = np.random.default_rng(0), GATES[kind]
    sequences = drawn.standard_normal((time, batch, features), np.float32)
    shapes = [(gates * hidden, features), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    parameters = [drawn.uniform(-1, 1, shape).astype(np.float32) / np.float32(hidden**0.5) for shape in shapes]
    return sequences, parameters, drawn.standard_normal((time, batch, hidden), np.float32)


def program(library: Library, kind: str, sizes: list[int]) -> Program:
    """This library or PyTorch."""
    t = library.t
    arrays, values, ends = _arrays(kind, sizes)
    layer = getattr(library.nn, kind)(*sizes[2:])
    with t.no_grad():
        for name, value in zip(PARAMETERS, values):  # noqa: B905 (a worker's Python may be old)
            getattr(layer, name).copy_(t.tensor(value))
    sequences, seed = t.tensor(arrays), t.tensor(ends)

    def step() -> Any:
        layer.zero_grad()
        output, _ = layer(sequences)
        output.backward(seed)
        return [getattr(layer, name).grad for name in PARAMETERS]

    return Program(step, absolute_sums)


def jax(kind: str, sizes: list[int]) -> Program:
    """JAX, compiled: an LSTM as a scan."""
    if kind != "LSTM":
        raise ImportError(f"{kind} is not written for JAX")
    jax = start_jax()
    sequences, parameters, seed = jax.tree.map(jax.numpy.asarray, _arrays(kind, sizes))
    start = jax.numpy.zeros((sizes[1], sizes[3]), np.float32)

    def forward(w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        def one(state: Any, gates: Any) -> Any:
            h, c = state
            i, f, g, o = jax.numpy.split(gates + h @ w_hh.T, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
            h = jax.nn.sigmoid(o) * jax.numpy.tanh(c)
            return (h, c), h

        return jax.lax.scan(one, (start, start), sequences @ w_ih.T + (b_ih + b_hh))[1]

    def whole(seed: Any, *parameters: Any) -> Any:
        output, backward = jax.vjp(forward, *parameters)
        return output, backward(seed)

    call = jax.jit(whole)
    return Program(lambda: jax.block_until_ready(call(seed, *parameters))[1], absolute_sums)
