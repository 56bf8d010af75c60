"""Contenders that bear the same names, so that a workload is written once for all of them; and how JAX is used.

A workload's ``program(library, **settings)`` is called with one of `LIBRARIES`; other contenders have a function of
their own in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.measure import Program

__all__ = ["LIBRARIES", "REPLAYED", "Library", "compiled", "jax_update", "start_jax"]

REPLAYED = ("compiled", "numba", "torch-compile", "jax")
"""Contenders that turn a program into another first."""


class Library(NamedTuple):
    """This library or PyTorch.

    Attributes:
        t: tensors, and functions of them.
        nn, F, optim: modules, their functional form, optimizers.
        compile: what a forward pass (and with it its backward pass) is passed through before it is used.
        options: further arguments of every optimizer.
    """

    t: Any
    nn: Any
    F: Any
    optim: Any
    compile: Callable[[Any], Any] = lambda function: function
    options: dict[str, Any] = {}  # noqa: RUF012 (it is a NamedTuple)


def _chainrule() -> Library:
    import autograd
    import nn
    import nn.functional as F
    import optim

    return Library(autograd, nn, F, optim)


def _torch(compile: bool = False, **options: Any) -> Library:
    import torch

    torch.set_num_threads(2)
    library = Library(torch, torch.nn, torch.nn.functional, torch.optim, options=options)
    return library._replace(compile=torch.compile) if compile else library


LIBRARIES: dict[str, Callable[[], Library]] = {
    "chainrule": _chainrule,
    "compiled": _chainrule,
    "numba": _chainrule,
    "torch": _torch,
    "torch-fused": lambda: _torch(fused=True),
    "torch-compile": lambda: _torch(compile=True, fused=True),
}


def compiled(program: Program, backend: str = "numpy") -> Program:
    """This library's program, compiled whole."""
    import autograd

    if backend == "numba":
        import numba  # noqa: F401 (whoever has none leaves this contender out)
    return program._replace(step=autograd.compile(program.step, fullgraph=True, backend=backend))


def start_jax(float64: bool = False) -> Any:
    """JAX, on the processor."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", float64)
    return jax


def jax_update(
    jax: Any,
    loss_of: Callable[..., tuple[Any, Any]],
    parameters: Any,
    kept: Any,
    optimizer: Callable[..., tuple[Any, Any]],
    state: Any,
) -> Callable[..., Any]:
    """A training step of JAX, one function compiled whole, whose state is overwritten.

    Args:
        jax: the package.
        loss_of: the loss and what replaces ``kept``, of parameters, ``kept`` and the step's inputs.
        parameters, kept, state: what changes from step to step: by gradients, by the loss, by the optimizer.
        optimizer: new parameters and new state, of parameters, gradients and state.
    """

    def whole(state: Any, *inputs: Any) -> Any:
        parameters, kept, more = state
        (loss, kept), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters, kept, *inputs)
        parameters, more = optimizer(parameters, gradients, more)
        return (parameters, kept, more), loss

    call = jax.jit(whole, donate_argnums=0)
    state = jax.tree.map(jax.numpy.asarray, (parameters, kept, state))

    def step(*inputs: Any) -> Any:
        nonlocal state
        state, loss = call(state, *inputs)
        return loss.block_until_ready()

    return step
