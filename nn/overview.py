"""``summary``: what a model consists of, and what one call of it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor, no_grad
from autograd.engine.hooks import RemovableHandle
from autograd.engine.modes import Mode, local
from autograd.engine.observing import Observer

from .module import Module

__all__ = ["Summary", "summary"]


class Row(NamedTuple):
    """One module: its depth and path, its class, the shapes it returned, and what is its own, not its children's.

    Attributes:
        depth, path, kind: its place in the model, and its class.
        shapes: of what it returned, as text; empty if it was not called.
        calls: how often it was called.
        parameters: the elements of its own parameters.
        multiply_adds: those of the matrix products and convolutions in its own code.
    """

    depth: int
    path: str
    kind: str
    shapes: str
    calls: int
    parameters: int
    multiply_adds: int


class Summary(NamedTuple):
    """What ``summary`` found; its text is a table.

    Attributes:
        rows: a ``Row`` for each module, parents first; their numbers add up to the totals.
        parameters, trainable: elements of all parameters, and of those that require grad.
        multiply_adds: of one call.
        parameter_bytes: of parameters and buffers.
        activation_bytes: of all results of operations in one call, which training keeps for backward.
    """

    rows: list[Row]
    parameters: int
    trainable: int
    multiply_adds: int
    parameter_bytes: int
    activation_bytes: int

    def __repr__(self) -> str:
        lines = [("layer", "output", "parameters", "multiply-adds")]
        for row in self.rows:
            name = row.path.rpartition(".")[2]
            label = "  " * row.depth + (f"{name}: {row.kind}" if name else row.kind)
            times = f" ({row.calls} calls)" if row.calls > 1 else ""
            lines.append((label + times, row.shapes, _count(row.parameters), _count(row.multiply_adds)))
        widths = [max(len(line[i]) for line in lines) for i in range(4)]
        table = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in lines
        ]
        rule = "-" * (sum(widths) + 6)
        frozen = self.parameters - self.trainable
        parameter_bytes, activation_bytes = _bytes(self.parameter_bytes), _bytes(self.activation_bytes)
        return "\n".join(
            [
                table[0],
                rule,
                *table[1:],
                rule,
                f"parameters: {self.parameters:,}" + (f" ({frozen:,} of them frozen)" if frozen else ""),
                f"multiply-adds: {self.multiply_adds:,}",
                f"memory: {parameter_bytes} for parameters and buffers, {activation_bytes} for results",
            ]
        )


def _count(n: int) -> str:
    return f"{n:,}" if n else ""


def _bytes(n: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if n < 1024:
            return f"{n:,.0f} {unit}" if unit == "bytes" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} GiB"


def summary(model: Module, *inputs: Any, **kwargs: Any) -> Summary:
    """The layers of a model: shapes, parameters, multiply-adds, memory, as one call in evaluation mode shows them.

    Args:
        model: stays as it is; nothing is recorded, no running statistics change.
        *inputs: what to call it with.
        **kwargs: the same by name.

    >>> import autograd, nn
    >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> print(nn.summary(model, autograd.zeros(1, 64)))
    layer        output  parameters  multiply-adds
    ----------------------------------------------
    Sequential   1 x 10
      0: Linear  1 x 32       2,080          2,048
      1: ReLU    1 x 32
      2: Linear  1 x 10         330            320
    ----------------------------------------------
    parameters: 2,410
    multiply-adds: 2,368
    memory: 9.4 KiB for parameters and buffers, 296 bytes for results
    """
    if not isinstance(model, Module):
        raise TypeError(f"nn.summary: expected a Module, got {type(model).__name__}")
    counter = _counted(model, inputs, kwargs)
    rows = []
    seen: set[int] = set()
    for path, module in model.named_modules():
        own = [p for p in module.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, own))
        rows.append(
            Row(
                path.count(".") + 1 if path else 0,
                path,
                type(module).__name__,
                counter.shapes.get(module, ""),
                counter.calls.get(module, 0),
                sum(p.numel() for p in own),
                counter.multiply_adds.get(module, 0),
            )
        )
    parameters = list(model.parameters())
    return Summary(
        rows,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(row.multiply_adds for row in rows),
        sum(tensor.nbytes for tensor in (*parameters, *model.buffers())),
        counter.bytes,
    )


def _counted(model: Module, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> _Counter:
    """What one call of the model in evaluation mode consists of; the model is left as it was."""
    counter = _Counter()
    before = {module: dict(module.__dict__) for module in model.modules()}
    handles: list[RemovableHandle] = []
    try:
        for module in before:
            module.training = False
            handles.append(module.register_forward_pre_hook(counter.enter, prepend=True))
            handles.append(module.register_forward_hook(counter.leave, always_call=True))
        with no_grad(), Mode(observers=(*local.observers, counter)):
            model(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        for module, held in before.items():
            for name in ("training", "_hooks"):
                if name in held:
                    module.__dict__[name] = held[name]
                else:
                    del module.__dict__[name]
    return counter


class _Counter(Observer):
    """Watches a call: which module is at work, what it returns, what its operations cost."""

    def __init__(self) -> None:
        self.stack: list[Module] = []
        self.shapes: dict[Module, str] = {}
        self.calls: dict[Module, int] = {}
        self.multiply_adds: dict[Module, int] = {}
        self.bytes = 0

    def enter(self, module: Module, args: Any) -> None:
        self.stack.append(module)

    def leave(self, module: Module, args: Any, output: Any) -> None:
        self.stack.pop()
        self.calls[module] = self.calls.get(module, 0) + 1
        self.shapes[module] = ", ".join(_shapes(output))

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        """Called by the engine after each operation."""
        if not op.view:
            self.bytes += sum(item.nbytes for item in (out if isinstance(out, (tuple, list)) else (out,)))
        cost = _COSTS.get(op.name)
        if cost is not None and self.stack:
            module = self.stack[-1]
            self.multiply_adds[module] = self.multiply_adds.get(module, 0) + cost(
                dict(zip(op.params, values, strict=True)), out
            )


def _shapes(output: Any) -> list[str]:
    if isinstance(output, Tensor):
        return [" x ".join(map(str, output.shape)) or "scalar"]
    if isinstance(output, (tuple, list)):
        return [text for item in output for text in _shapes(item)]
    if isinstance(output, dict):
        return [text for item in output.values() for text in _shapes(item)]
    return []


def _product(inner: str) -> Callable[[dict[str, Any], Any], int]:
    """The cost of a matrix product: as many multiply-adds for each result as the last dimension of ``inner`` has."""
    return lambda given, out: int(np.size(out) * given[inner].shape[-1])


def _einsum(given: dict[str, Any], out: Any) -> int:
    sizes: dict[str, int] = {}
    for labels, operand in zip(given["spec"].split("->")[0].split(","), (given["x"], given["y"]), strict=True):
        sizes.update((label, n) for label, n in zip(labels, operand.shape, strict=True) if sizes.get(label, 1) == 1)
    return math.prod(sizes.values())


def _convolution(given: dict[str, Any], out: Any) -> int:
    return int(out.size * math.prod(given["weight"].shape[1:]))


def _transposed_convolution(given: dict[str, Any], out: Any) -> int:
    return int(given["x"].size * math.prod(given["weight"].shape[1:]))


def _recurrence(given: dict[str, Any], out: Any) -> int:
    weights = [given[name] for name in ("w_ih", "w_hh", "w_hr") if given.get(name) is not None]
    return sum(weight.size for weight in weights) * math.prod(given["x"].shape[:-1])


def _attention(given: dict[str, Any], out: Any) -> int:
    return int(out[1].size * (given["key"].shape[-1] + given["value"].shape[-1]))


_COSTS: dict[str, Callable[[dict[str, Any], Any], int]] = {
    "linear": _product("x"),
    "matmul": _product("x"),
    "multiply_labels": _einsum,
    "convolution": _convolution,
    "transposed_convolution": _transposed_convolution,
    "rnn": _recurrence,
    "gru": _recurrence,
    "lstm": _recurrence,
    "attend": _attention,
}
"""What an operation costs, by its name, from its arguments and its result; others count nothing."""
