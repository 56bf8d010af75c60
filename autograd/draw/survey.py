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
        survey.boxes, survey.arrows, direction, survey.counts(), survey.hidden_ops, survey.unreached()
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

    def of(self, place: Any) -> str | None:
        """The name of a Node, Pick or Leaf, or of the array with this id."""
        names = self.given.get(place)
        if names is None:
            name = (getattr(place, "note", None) or {}).get("name")
            return None if name is None else str(name)
        return " = ".join(names)


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
"""The key of what arrows come from whose true origin is not drawn."""
_FAR = (1_000_000_000, 8, 4, 2)
"""How many layers an arrow may span. Layout time grows with the layers that arrows span in all."""
_MAX_SPAN = 500
"""More layers than this, in all and beyond one for each arrow, are too much; then the next of ``_FAR`` is tried."""
_MAX_ARROWS = 4
"""Arrows drawn for each node allowed; of further ones an op has only a common one."""


def _key(source: Any) -> Any:
    """What tells sources apart: an array is one constant wherever it enters, and outputs of a node have one box."""
    if type(source) is Pick:
        return source.source
    if isinstance(source, Constant) and source.value is not None:
        return id(source.value)
    return source


class _Survey:
    """Walks a graph, without recursion, and makes boxes and arrows of its newest part.

    Where arrows would have to cross many layers, as from a weight that is used in each of hundreds of steps, the box
    that they come from is drawn again near to where they go: otherwise it is the layout that would take hours.
    """

    def __init__(self, outputs: list[tuple[str, Handle]], names: _Names, max_nodes: int) -> None:
        self.outputs = outputs
        self.names = names
        self.ends = [Constant(tensor._data) if (node := node_of(tensor)) is None else node for _, tensor in outputs]
        self.ops, self.leaves = _collect(self.ends)
        self.constants: dict[Any, Constant] = {}  # holds the arrays, so that an id stays theirs
        self.max_nodes = max_nodes
        self.admitted: set[Any] = set()
        self.hidden_ops = 0
        self.depths: dict[Any, int] = {}
        self.far = _FAR[0]
        self.boxes: list[Box] = []
        self.arrows: list[Arrow] = []
        self.originals: dict[Any, int] = {}
        self.copies: dict[tuple[Any, int], str] = {}
        self.referred: set[int] = set()

    def draw(self) -> None:
        """Make the boxes and arrows: the newest nodes are chosen, then drawn from the oldest to the newest."""
        calls = self._choose()
        self.hidden_ops = len(self.ops) - len(calls)
        self._measure(calls)
        for call in calls:
            self._draw_op(call)
        for (title, tensor), end in zip(self.outputs, self.ends, strict=True):
            tail, label, tip = self._origin(end, title, self.depths.get(_key(end), 0))
            dtype = tensor._data.dtype
            head = self._box("output", title, [] if dtype == dtypes.default.dtype else [str(dtype)])
            self.arrows.append(Arrow(tail, head, label, tip))
        for number in self.referred:
            self.boxes[number] = self.boxes[number]._replace(title=f"{self.boxes[number].title} #{number}")

    def counts(self) -> dict[str, int]:
        """How many there are of each kind, drawn or not (but of constants only those of ops that are drawn)."""
        return {
            "ops": len(self.ops),
            "leaves": len(self.leaves),
            "constants": len(self.constants),
            "outputs": len(self.outputs),
        }

    def unreached(self) -> list[str]:
        """The given names of leaves and results that do not lead to the output."""
        reached = {*self.ops, *self.leaves}
        places = self.names.given.items()
        return [
            name
            for place, names in places
            if not isinstance(place, int) and _key(place) not in reached
            for name in names
        ]

    # ---- what is drawn, and where ----------------------------------------------------------------------------

    def _choose(self) -> list[Call]:
        """The newest ops for which there is room, oldest first; they and their inputs are admitted."""
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
        return calls[::-1]

    def _admit(self, source: Any) -> bool:
        """Whether ``source`` is to be drawn: as long as there is room."""
        key = _key(source)
        if isinstance(source, Constant):
            self.constants[key] = source
        if len(self.admitted) < self.max_nodes:
            self.admitted.add(key)
        return key in self.admitted

    def _measure(self, calls: list[Call]) -> None:
        """Find each op's layer, and how far arrows may go."""
        links = []
        for call in calls:
            keys = {_key(source) for source, _ in call.sources}
            above = [self.depths[key] for key in keys if key in self.depths]
            self.depths[call.node] = depth = 1 + max(above, default=0)
            links.extend([(key if key in self.admitted else _HIDDEN, depth) for key in keys])
        for self.far in _FAR:
            first: dict[tuple[Any, int], int] = {}
            span = 0
            for key, depth in links:
                home = self.depths.get(key)
                if home is None or depth - home > self.far:
                    home = first.setdefault((key, depth // self.far), depth) - 1
                span += abs(depth - home) - 1
            if span <= _MAX_SPAN:
                break

    # ---- boxes and arrows ------------------------------------------------------------------------------------

    def _box(self, kind: str, title: str, lines: Iterable[str] = (), tooltip: str = "", again: bool = False) -> str:
        self.boxes.append(Box(f"n{len(self.boxes)}", kind, title, tuple(lines), tooltip, again))
        return self.boxes[-1].id

    def _draw_op(self, call: Call) -> None:
        depth = self.depths[call.node]
        incoming: dict[tuple[str, str], list[str]] = {}
        for source, name in call.sources:
            if len(incoming) + len(self.arrows) >= _MAX_ARROWS * self.max_nodes:
                source = Constant(shape=source.shape)  # stands for what is not drawn
            tail, label, tip = self._origin(source, name, depth)
            incoming.setdefault((tail, label), []).append(tip)
        given, name = self.names.of(call.node), str(call.node.op.name)
        self.originals[call.node] = len(self.boxes)
        head = self._box("op", f"{given} = {name}" if given else name, call.facts(), call.summary())
        for (tail, label), tips in incoming.items():
            if len(tips) <= 2:
                self.arrows.extend(Arrow(tail, head, label, tip) for tip in tips)
            else:  # a list of thousands of tensors is one arrow
                times = f"{len(tips):,} of {label}" if label else f"{len(tips):,} times"
                self.arrows.append(Arrow(tail, head, times, f"{tips[0]} and {len(tips) - 1:,} more"))

    def _origin(self, source: Any, name: str, depth: int) -> tuple[str, str, str]:
        """The id of the box where an arrow to layer ``depth`` starts (drawn now if need be), its label and tooltip."""
        key = _key(source)
        if key not in self.admitted:
            key = _HIDDEN
        label = shape = shape_text(source.shape)
        tip = f"{name}: {shape}" if name and shape else name or shape
        if type(source) is Pick:
            label = f"{self.names.of(source) or output_name(source)}: {shape}"
        elif key is not _HIDDEN and isinstance(source, (Leaf, Constant)):
            label = ""  # its box says the shape
        home = self.depths.get(key)
        if home is not None and depth - home <= self.far:
            return self.boxes[self.originals[key]].id, label, tip
        place = (key, depth // self.far)
        if place not in self.copies:
            self.copies[place] = self._draw_again(key) if key in self.originals else self._draw_input(key, source)
        return self.copies[place], label, tip

    def _draw_input(self, key: Any, source: Any) -> str:
        """The box of what no drawn op computes, for the first time."""
        self.originals[key] = len(self.boxes)
        if key is _HIDDEN:
            inputs = sum(item not in self.admitted for item in (*self.leaves, *self.constants))
            facts = [counted(n, kind) for n, kind in ((self.hidden_ops, "ops"), (inputs, "inputs")) if n]
            lines = [facts[0].replace(" ", " more "), *[f"and {fact}" for fact in facts[1:]]] if facts else []
            return self._box("hidden", " ".join(["\u2026", *lines[:1]]), lines[1:])
        name = self.names.of(key)
        if isinstance(source, Constant):
            return self._box("constant", name or "constant", type_lines(source))
        if key in self.names.given:
            return self._box("parameter", str(name), type_lines(source))
        return self._box("input", name or ("input" if self.names.given else "leaf"), type_lines(source))

    def _draw_again(self, key: Any) -> str:
        """A second box for what is drawn already; a number tells which it is, where there is no name."""
        number = self.originals[key]
        original = self.boxes[number]
        if key is _HIDDEN:
            return self._box("hidden", "\u2026", again=True)
        if original.kind == "op" or self.names.of(key) is None:
            self.referred.add(number)
            return self._box(original.kind, f"{original.title} #{number}", tooltip=original.tooltip, again=True)
        return self._box(original.kind, original.title, original.lines, original.tooltip, again=True)


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
