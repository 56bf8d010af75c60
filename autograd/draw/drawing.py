"""``graph``: the picture of the graph that leads to a Tensor."""

from __future__ import annotations

from typing import Any

from ..engine.views import node_of
from ..errors import ArgumentError
from .calls import Constant
from .contents import Contents, Wanted
from .names import Names, outputs_of
from .picture import Graph
from .plan import Plan, collected
from .survey import Survey
from .tally import TOO_MANY, tally

__all__ = ["graph"]

_DIRECTIONS = ("TB", "LR", "BT", "RL")
_HEATS = (None, "gradient", "time")


def graph(
    tensors: Any,
    params: Any = None,
    *,
    direction: str = "TB",
    depth: int | None = None,
    fold: bool | None = None,
    values: bool | None = None,
    gradients: bool | None = None,
    saved: bool = False,
    time: bool = False,
    heat: str | None = None,
    max_nodes: int = 500,
) -> Graph:
    """A picture of the graph that leads to a Tensor: from inputs and parameters through the ops to the output.

    A notebook shows it; ``.render("graph.svg")`` writes it to a file. Call it before or after ``backward``;
    afterwards, the saved arrays are released, and the shapes of constants (data without gradient) are not known.
    Of what ran inside ``autograd.watch(model)`` it knows all: modules, values, gradients, lines, times. Otherwise
    modules are known by the names of their parameters, and values as far as they were saved for backward.

    Args:
        tensors: the output: a Tensor, a sequence of them, or a dict of names to Tensors.
        params: what Tensors are called: a Module (anything with ``named_parameters``), a dict of names to Tensors and
            Modules, or pairs of a name and one of these. Leaves, results of ops and data can be named so.
        direction: where the arrows point: "TB" (down), "LR" (right), "BT" or "RL".
        depth: how many modules may lie in each other, the model not counted, before those inside are drawn as one box.
            Default: as many as give a readable picture.
        fold: draw equal modules one after the other once, with their number. Default: in large graphs.
        values, gradients: write into the boxes what they hold, and what backward brought. Default: in small graphs, if
            it was recorded. True also shows what is known without a record.
        saved: write how many bytes each op saves for backward.
        time: write how long each op took, if it was recorded: from the end of the op before on.
        heat: colour the boxes by the norm of their "gradient", or by "time", on a logarithmic scale.
        max_nodes: of a larger graph only the newest nodes are drawn; the picture says how many are not.

    Raises:
        GradientError: there is no graph, because the output does not require grad.

    >>> from autograd import graph, tensor
    >>> w = tensor([1.0, -2.0], requires_grad=True)
    >>> graph((w * w).tanh(), params={"w": w})
    <Graph: 2 ops, 1 leaf, 1 output>
    """
    if direction not in _DIRECTIONS:
        raise ArgumentError(f"graph: direction must be one of {_DIRECTIONS}, got {direction!r}")
    if not isinstance(max_nodes, int) or max_nodes < 1:
        raise ArgumentError(f"graph: max_nodes must be an integer of at least 1, got {max_nodes!r}")
    if depth is not None and (not isinstance(depth, int) or depth < 0):
        raise ArgumentError(f"graph: depth must be None or an integer of at least 0, got {depth!r}")
    if heat not in _HEATS:
        raise ArgumentError(f"graph: heat must be one of {_HEATS}, got {heat!r}")
    outputs, names = outputs_of(tensors), Names(params)
    ends = [Constant(tensor._data) if (node := node_of(tensor)) is None else node for _, tensor in outputs]
    ops, leaves = collected(ends)
    if len(ops) > TOO_MANY and depth is None:
        return tally(ops, leaves, len(outputs), direction)
    plan = Plan(ops, names, max_nodes, depth, fold)
    for record in plan.records:
        names.recognise(record)
    contents = Contents(plan, names, outputs, Wanted(values, gradients, saved, time, heat))
    survey = Survey(outputs, ends, ops, leaves, plan, contents, max_nodes)
    survey.draw()
    counts = {"ops": len(ops), "leaves": len(leaves), "constants": len(survey.constants), "outputs": len(outputs)}
    boxes, caption = contents.finished(survey.boxes)
    return Graph(
        boxes,
        survey.arrows,
        direction,
        counts,
        survey.hidden_ops,
        survey.unreached(),
        groups=survey.groups.values(),
        depth=plan.depth if any(scope.folded for scope in plan.repeats.shown) else None,
        heat=heat,
        caption=caption,
    )
