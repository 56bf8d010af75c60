"""``graph``: the picture of a model, from one call of it."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd
from autograd import Tensor, from_numpy, no_grad, random

from .module import Module
from .parameter import UninitializedBuffer

__all__ = ["graph"]


def graph(model: Module, *inputs: Any, loss: Callable[[Any], Tensor] | None = None, **options: Any) -> autograd.Graph:
    """The picture of what a model computes from these inputs, with its modules, values and shapes.

    The model stays as it is: its mode, gradients, buffers (running statistics), and the state of the random numbers.
    Only a lazy model takes its sizes from the inputs, as from any first call.

    Args:
        model: the model.
        *inputs: what to call it with: Tensors or arrays.
        loss: a function of the output that gives a scalar. Its backward is run, and the picture shows the gradients.
            Tensors that it uses have in the picture the names that they have in it.
        **options: those of ``autograd.graph``: ``depth``, ``heat``, ``direction``, ...

    Raises:
        TypeError: ``model`` is not a Module, or ``loss`` gives no Tensor of one element.
        GradientError: the output does not require grad: all parameters are frozen.

    >>> import autograd, nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> nn.graph(model, autograd.zeros(1, 4))
    <Graph: 3 ops, 4 leaves, 1 constant, 1 output>
    >>> picture = nn.graph(model, autograd.zeros(1, 4), loss=lambda out: out.sum())
    >>> [group.path for group in picture.groups]
    ['', '0', '1', '2']
    """
    if not isinstance(model, Module):
        raise TypeError(f"nn.graph: expected a Module, got {type(model).__name__}; of a Tensor use autograd.graph")
    if loss is not None and not callable(loss):
        raise TypeError(f"nn.graph: loss must be a function of the output, got {type(loss).__name__}")
    given = [from_numpy(value) if isinstance(value, np.ndarray) else value for value in inputs]
    buffers = [(module, name, buffer, buffer.numpy().copy()) for module, name, buffer in _buffers(model)]
    state = random.get_rng_state()
    try:
        with autograd.enable_grad(), autograd.watch(model):
            output = model(*given)
            if loss is None:
                outputs = dict(_tensors(output, "output"))
            else:
                outputs = {"loss": loss(output)}
                if not isinstance(outputs["loss"], Tensor) or outputs["loss"].numel() != 1:
                    shape = getattr(outputs["loss"], "shape", type(outputs["loss"]).__name__)
                    raise TypeError(
                        f"nn.graph: loss must give a Tensor of one element, got {shape}; use .mean() or .sum()"
                    )
                leaves = [p for p in (*model.parameters(), *given) if isinstance(p, Tensor) and p.requires_grad]
                if outputs["loss"].requires_grad:
                    autograd.grad(outputs["loss"], leaves, allow_unused=True)
    finally:
        random.set_rng_state(state)
        _restore(buffers)
    return autograd.graph(outputs, _Named(model, given, loss), **options)


class _Named:
    """A model whose data have names too: inputs those of the parameters of ``forward``, others the loss's variables."""

    def __init__(self, model: Module, inputs: list[Any], loss: Any) -> None:
        self.model = model
        self.named_modules = model.named_modules
        self.named_parameters = model.named_parameters
        names = list(inspect.signature(model.forward).parameters)
        names += [f"input {i}" for i in range(len(names), len(inputs))]
        self.inputs = [
            (name, value)
            for name, value in zip(names, inputs, strict=False)
            if isinstance(value, Tensor) and not value.requires_grad
        ]
        known = {id(value) for _, value in (*self.inputs, *model.named_buffers())}
        self.inputs += [
            (name, value)
            for name, value in _variables(loss).items()
            if isinstance(value, Tensor) and not value.requires_grad and id(value) not in known
        ]

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.model.named_buffers()
        yield from self.inputs


def _variables(function: Any) -> dict[str, Any]:
    """The variables of the program that a function written there uses, by name."""
    if not inspect.isfunction(function):
        return {}
    with contextlib.suppress(ValueError):  # one that has no value yet
        found = inspect.getclosurevars(function)
        return {**found.globals, **found.nonlocals}
    return {}


def _tensors(output: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """The Tensors in an output, with names."""
    if isinstance(output, Tensor):
        yield name, output
    elif isinstance(output, dict):
        for key, value in output.items():
            yield from _tensors(value, str(key))
    elif isinstance(output, (tuple, list)):
        for i, value in enumerate(output, 1):
            yield from _tensors(value, f"{name} {i}")


def _buffers(model: Module) -> Iterator[tuple[Module, str, Tensor]]:
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if not isinstance(buffer, UninitializedBuffer):
                yield module, name, buffer


def _restore(buffers: list[tuple[Module, str, Tensor, Any]]) -> None:
    """Give buffers back their values, and modules their buffers; what did not change is not touched."""
    for module, name, buffer, value in buffers:
        if module.__dict__.get(name) is not buffer:
            module.__dict__[name] = buffer
        if not np.array_equal(buffer.numpy(), value, equal_nan=value.dtype.kind in "fc"):
            with no_grad():
                buffer.copy_(value)
