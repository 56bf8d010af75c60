"""``graph``: walks the nodes that lead to a Tensor and makes boxes and arrows of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from .. import dtypes
from ..engine.nodes import Handle, Leaf, Pick
from ..engine.views import node_of
from ..errors import GradientError
from .boxes import Arrow, Box, counted
from .calls import Call, Constant, output_name, shape_text, type_lines
from .picture import Graph

__all__ = ["graph"]

_DIRECTIONS = ("TB", "LR", "BT", "RL")


def graph(tensors: Any, params: Any = None, *, direction: str = "TB", max_nodes: int = 500) -> Graph:
    """A picture of the graph that leads to a Tensor: from inputs and parameters through the ops to the output.

    A notebook shows it; ``.render("graph.svg")`` writes it to a file. Call it before or after ``backward``;
    afterwards, the saved arrays are released, and the shapes of constants (data without gradient) are not known.

    Args:
        tensors: the output: a Tensor, a sequence of them, or a dict of names to Tensors.
        params: how Tensors are called: a Module (anything with ``named_parameters``), a dict of names to Tensors, or
            pairs (name, Tensor). Leaves, results of ops and data can be named so.
        direction: where the arrows point: "TB" (down), "LR" (right), "BT" or "RL".
        max_nodes: of a larger graph only the newest nodes are drawn; the picture says how many are not.

    Raises:
        GradientError: there is no graph, because the output does not require grad.

    >>> from autograd import graph, tensor
    >>> w = tensor([1.0, -2.0], requires_grad=True)
    >>> graph((w * w).tanh(), params={"w": w})
    <Graph: 2 ops, 1 leaf, 1 output>
    """
    if direction not in _DIRECTIONS:
        raise ValueError(f"graph: direction must be one of {_DIRECTIONS}, got {direction!r}")
    if not isinstance(max_nodes, int) or max_nodes < 1:
        raise ValueError(f"graph: max_nodes must be an integer of at least 1, got {max_nodes!r}")
    survey = _Survey(_outputs(tensors), _Names(params), max_nodes)
    survey.draw()
    return Graph(
        survey.boxes, survey.arrows, direction, survey.counts(), survey.hidden_ops, survey.names.unreached()
    )  # fmt: skip


def _outputs(tensors: Any) -> list[tuple[str, Handle]]:
    """The outputs with their names."""
    if isinstance(tensors, Handle):
        outputs = [("output", tensors)]
    elif isinstance(tensors, Mapping):
        outputs = [(str(name), tensor) for name, tensor in tensors.items()]
    elif isinstance(tensors, Iterable) and not isinstance(tensors, (str, bytes)):
        outputs = [(f"output {i}", tensor) for i, tensor in enumerate(tensors, 1)]
    else:
        raise TypeError(f"graph: expected a Tensor, a sequence or a dict of Tensors, got {type(tensors).__name__}")
    for name, tensor in outputs:
        if not isinstance(tensor, Handle):
            raise TypeError(f"graph: {name!r} must be a Tensor, got {type(tensor).__name__}")
    if not outputs:
        raise ValueError("graph: there is no Tensor in the collection of outputs")
    if all(node_of(tensor) is None for _, tensor in outputs):
        what = f"the tensor of shape {outputs[0][1]._data.shape} does" if len(outputs) == 1 else "the tensors do"
        raise GradientError(
            f"graph: {what} not require grad, so there is no graph to draw. What is computed from a tensor with "
            "requires_grad=True is recorded, but not under no_grad, and not beyond detach()"
        )
    return outputs


class _Names:
    """What the user calls Tensors: found by their place in the graph, those without one by their array."""

    def __init__(self, params: Any) -> None:
        self.pairs = list(_named(params))  # keeps the arrays alive, so that an id stays theirs
        self.given: dict[Any, list[str]] = {}
        for name, tensor in self.pairs:
            self.given.setdefault(_place(tensor), []).append(name)
        self.met: set[str] = set()

    def of(self, place: Any) -> str | None:
        """The name of a Node, Pick or Leaf, or of the array with this id."""
        names = self.given.get(place)
        if names is None:
            return (getattr(place, "note", None) or {}).get("name")
        self.met.update(names)
        return " = ".join(names)

    def unreached(self) -> list[str]:
        """The names that were not asked for."""
        return [name for name, _ in self.pairs if name not in self.met]


def _place(tensor: Handle) -> Any:
    node = node_of(tensor)
    return id(tensor._data) if node is None else node


def _named(params: Any) -> Iterator[tuple[str, Handle]]:
    """The names and Tensors in ``params``, in any of its forms."""
    expected = "graph: params must be a Module, a dict of names to Tensors, or pairs (name, Tensor)"
    pairs: Any = ()
    if hasattr(params, "named_parameters"):
        pairs = [*params.named_parameters(), *(params.named_buffers() if hasattr(params, "named_buffers") else ())]
    elif isinstance(params, Mapping):
        pairs = params.items()
    elif isinstance(params, Iterable) and not isinstance(params, (Handle, str)):
        pairs = params
    elif params is not None:
        raise TypeError(f"{expected}, got {type(params).__name__}")
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[1], Handle):
            what = pair[1] if isinstance(pair, tuple) and len(pair) == 2 else pair
            raise TypeError(f"{expected}; among them is a {type(what).__name__}")
        yield str(pair[0]), pair[1]


_HIDDEN = "hidden"
"""The key of the box from which arrows come whose true origin is not drawn."""


def _key(source: Any) -> Any:
    """What tells sources apart: an array is one constant wherever it enters, and outputs of a node have one box."""
    if type(source) is Pick:
        return source.source
    if isinstance(source, Constant) and source.value is not None:
        return id(source.value)
    return source


class _Survey:
    """Walks a graph, without recursion, and makes boxes and arrows of its newest part."""

    def __init__(self, outputs: list[tuple[str, Handle]], names: _Names, max_nodes: int) -> None:
        self.outputs = outputs
        self.names = names
        self.ends = [Constant(tensor._data) if (node := node_of(tensor)) is None else node for _, tensor in outputs]
        self.ops, self.leaves = _collect(self.ends)
        self.constants: dict[Any, Constant] = {}  # holds the arrays, so that an id stays theirs
        self.room = max_nodes
        self.admitted: set[Any] = set()
        self.hidden_ops = 0
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self.ids: dict[Any, str] = {}

    def draw(self) -> None:
        """Make the boxes and arrows: the newest nodes are chosen, then drawn from the oldest to the newest."""
        for end in self.ends:
            if isinstance(end, (Leaf, Constant)):
                self._admit(end)
        calls = []
        for node in self.ops:
            if not self._admit(node):
                break
            calls.append(Call(node))
            for source, _ in calls[-1].sources:
                if isinstance(source, (Leaf, Constant)):
                    self._admit(source)
        self.hidden_ops = len(self.ops) - len(calls)
        self._draw_hidden()
        for call in reversed(calls):
            self._draw_op(call)
        for (title, tensor), end in zip(self.outputs, self.ends, strict=True):
            tail, label, tip = self._origin(end, title)
            dtype = tensor._data.dtype
            head = self._box(None, "output", title, [] if dtype == dtypes.default.dtype else [str(dtype)])
            self.arrows.append(Arrow(tail, head, label, tip))

    def counts(self) -> dict[str, int]:
        return {
            "ops": len(self.ops),
            "leaves": len(self.leaves),
            "constants": len(self.constants),
            "outputs": len(self.outputs),
        }

    def _admit(self, source: Any) -> bool:
        """Give ``source`` a place in the picture, if there is room and it has none."""
        key = _key(source)
        if isinstance(source, Constant):
            self.constants[key] = source
        if key not in self.admitted:
            if self.room < 1:
                return False
            self.room -= 1
            self.admitted.add(key)
        return True

    def _box(self, key: Any, kind: str, title: str, lines: Iterable[str] = (), tooltip: str = "") -> str:
        self.ids[key] = f"n{len(self.boxes)}"
        self.boxes.append(Box(self.ids[key], kind, title, tuple(lines), tooltip))
        return self.ids[key]

    def _draw_hidden(self) -> None:
        """One box for all that there is no room for."""
        inputs = sum(key not in self.admitted for key in (*self.leaves, *self.constants))
        facts = [counted(n, kind) for n, kind in ((self.hidden_ops, "ops"), (inputs, "inputs")) if n]
        if facts:
            more = facts[0].replace(" ", " more ")
            self._box(_HIDDEN, "hidden", f"\u2026 {more}", [f"and {fact}" for fact in facts[1:]])

    def _draw_op(self, call: Call) -> None:
        incoming: dict[tuple[str, str], list[str]] = {}
        for source, name in call.sources:
            tail, label, tip = self._origin(source, name)
            incoming.setdefault((tail, label), []).append(tip)
        given, name = self.names.of(call.node), str(call.node.op.name)
        head = self._box(call.node, "op", f"{given} = {name}" if given else name, call.facts(), call.summary())
        for (tail, label), tips in incoming.items():
            if len(tips) <= 2:
                self.arrows.extend(Arrow(tail, head, label, tip) for tip in tips)
            else:  # a list of thousands of tensors is one arrow
                times = f"{len(tips):,} of {label}" if label else f"{len(tips):,} times"
                self.arrows.append(Arrow(tail, head, times, f"{tips[0]} and {len(tips) - 1:,} more"))

    def _origin(self, source: Any, name: str) -> tuple[str, str, str]:
        """The id of the box where an arrow starts (an input's box is drawn now), the arrow's label and tooltip."""
        key = _key(source)
        label = shape = shape_text(source.shape)
        tip = f"{name}: {shape}" if shape else name
        if type(source) is Pick:
            label = f"{self.names.of(source) or output_name(source)}: {shape}"
        if key not in self.admitted:
            return self.ids[_HIDDEN], label, tip
        if isinstance(source, (Leaf, Constant)):
            label = ""  # its box says the shape
            if key not in self.ids:
                self._draw_input(key, source)
        return self.ids[key], label, tip

    def _draw_input(self, key: Any, source: Any) -> None:
        name = self.names.of(key)
        if isinstance(source, Constant):
            self._box(key, "constant", name or "constant", type_lines(source))
        elif key in self.names.given:
            self._box(key, "parameter", str(name), type_lines(source))
        else:
            self._box(key, "input", name or ("input" if self.names.given else "leaf"), type_lines(source))


def _collect(roots: Iterable[Any]) -> tuple[list[Any], dict[Any, None]]:
    """All Nodes that lead to ``roots``, newest first, and all Leaves."""
    seen: set[Any] = set()
    leaves: dict[Any, None] = {}
    stack = [root for root in roots if not isinstance(root, Constant)]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is Leaf:
            leaves[node] = None
            continue
        if kind is Pick:
            node = node.source
        if node not in seen:
            seen.add(node)
            stack.extend([parent for parent in node.parents if parent is not None])
    return sorted(seen, key=attrgetter("rank"), reverse=True), leaves
