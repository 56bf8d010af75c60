"""What a node saves of the call that it records, and how backward gets it back.

A rule names what it uses. A node saves what the rules that will run name, and nothing else: arguments, outputs, shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._operands import shapes_of
from ._signatures import asks
from .engine.foreign import ForeignArray
from .engine.nodes import Leaf, Node, Packed, Pick, new_tensor

__all__ = [
    "needed_for", "renew", "revive", "savable", "save", "saved_arrays", "saved_names", "saves_arrays", "saving_plan",
]  # fmt: skip


def needed_for(**inputs: tuple[str, ...]) -> Callable[[Any], Any]:
    """Marks a joint rule: what is named is saved, and not None, only if one of these inputs requires grad."""

    def mark(rule: Any) -> Any:
        rule.needed_for = inputs
        return rule

    return mark


def savable(op: Any) -> list[str]:
    """What a node can save, in the order in which it does."""
    outs = list(op.outputs) if isinstance(op.outputs, tuple) else ["out"]
    return [*op.params, *[f"{name}_shape" for name in op.inputs], *outs]


def saved_names(op: Any) -> tuple[str, ...]:
    """What a node saves: all that a rule asks for, and what it takes to call the forward again on tangents."""
    asked = {name for rule in op.all_rules() for name in asks(rule)} | op.settings
    return tuple(name for name in savable(op) if name in asked)


def saves_arrays(op: Any) -> bool | None:
    """Whether there are arrays among what a node saves; None where it depends on the constants (an index)."""
    saved = set(op.saved_names)
    if not saved.isdisjoint([*op.inputs, "out", *(op.outputs if isinstance(op.outputs, tuple) else ())]):
        return True
    return False if saved.isdisjoint(op.constants) else None


def saving_plan(op: Any) -> list[tuple[str, int, tuple[int, ...]]]:
    """For each saved name: what it is, its place among arguments or outputs, the inputs whose rules ask for it."""
    plan = []
    outputs = op.outputs if isinstance(op.outputs, tuple) else ()
    for name in op.saved_names:
        asking: tuple[int, ...] = ()
        if op.joint is not None:
            asking = tuple(op.inputs.index(x) for x in getattr(op.joint, "needed_for", {}).get(name, ()))
        elif not op.lists and name not in op.settings:
            asking = tuple(i for i, x in enumerate(op.inputs) if x in op.rules and name in asks(op.rules[x]))
        if name in op.params:
            plan.append(("value", op.params.index(name), asking))
        elif name in outputs:
            plan.append(("output", outputs.index(name), asking))
        elif name == "out":
            plan.append(("out", 0, asking))
        else:
            kind = "shapes" if name[:-6] in op.lists else "shape"
            plan.append((kind, op.params.index(name[:-6]), asking))
    return plan


def save(op: Any, out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the rules that will run ask for, in the order of ``saved_names``; None for the rest."""
    saved: list[Any] = []
    for kind, place, asking in op._saving_plan:
        if asking and not any(nodes[i] is not None for i in asking):
            saved.append(None)
        elif kind == "value":
            saved.append(values[place])
        elif kind == "shape":
            saved.append(np.shape(values[place]))
        elif kind == "shapes":
            saved.append(shapes_of(values[place]))
        else:
            saved.append(out if kind == "out" else out[place])
    return tuple(saved)


# ---- in backward ---------------------------------------------------------------------------------------------------


def revive(op: Any, node: Node, create_graph: bool) -> Any:
    """The saved values; as Tensors connected to the graph if ``create_graph``."""
    saved = node.saved
    if isinstance(saved, Packed):
        saved = saved.unpack()
    if not create_graph:
        return saved
    parents = dict(zip(op.inputs, node.parents, strict=False))
    revived = []
    for name, value in zip(op.saved_names, saved, strict=True):
        if value is None:
            pass
        elif name in op.lists:
            first = op.inputs.index(name)
            value = [_connect(v, p) for v, p in zip(value, node.parents[first:], strict=True)]
        elif name in parents:
            value = _connect(value, parents[name])
        elif name == "out" and op.outputs is None:
            value = _connect(value, node)
        elif isinstance(op.outputs, tuple) and name in op.outputs:
            value = _connect(value, Pick(node, op.outputs.index(name)))
        revived.append(value)
    return tuple(revived)


def saved_arrays(op: Any, node: Node) -> Iterator[tuple[str, Any]]:
    """The arrays that ``node`` saved, with their names."""
    saved = node.saved
    if isinstance(saved, Packed):
        return
    for name, value in zip(op.saved_names, saved, strict=True):
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, (np.ndarray, ForeignArray)):
                yield name, item


def renew(op: Any, node: Node, name: str) -> bool:
    """Whether an output that was overwritten is there again: what it was computed from is saved, as ``max_pool`` does.

    So ``max_pool2d(x, 2).relu_()`` is no mistake, as it is none in PyTorch. The inputs come before the output among
    what is saved, so that they have been found intact. Ops of users are not called again: they may do other things.
    """
    values = dict(zip(op.saved_names, node.saved, strict=True))
    if name != "out" or not op.trusted or op.lists or not values.keys() >= set(op.params):
        return False
    if any(values[x] is None for x in op.inputs):
        return False
    anew = op.forward(*[values[param] for param in op.params])
    node.saved = tuple([anew if saved == "out" else value for saved, value in values.items()])
    return True


def _connect(value: Any, node: Any) -> Any:
    """A Tensor of ``value`` at ``node`` of the graph; the value itself where there is no node."""
    if node is None or value is None:
        return value
    if type(node) is Leaf and (tensor := node.tensor()) is not None and tensor._data is value:
        return tensor
    return new_tensor(value, node)
