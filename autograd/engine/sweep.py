"""The sweep: carries gradients from the roots to the leaves, each node once, newest first.

Complex gradients travel as plain transposes (``g * f'(z)``, no conjugate in any rule) and are conjugated once
where they enter and once where they leave, which gives PyTorch's convention.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, FreedGraphError, MutationError, RuleError
from .foreign import like_of
from .hooks import keep, run_hooks
from .modes import AS_IT_IS, Mode, local
from .mutation import clock, mutated_since, untouched
from .nodes import RELEASED, Handle, Leaf, Node, NodeOp, Packed, Pick, make_node, new_tensor
from .order import are_all, collect, collect_to, leaves_of, needed_for, oldest
from .ownership import LARGE, summed
from .quiet import quiet
from .sums import sum_keepdims

__all__ = [
    "add",
    "add_all",
    "as_given",
    "check_saved",
    "conform",
    "sum_to",
    "sweep",
    "sweep_to",
]


def sweep(
    roots: Sequence[Any],
    seeds: Sequence[Any],
    *,
    targets: Iterable[Any] | None = None,
    retain: bool = False,
    create_graph: bool = False,
    ends: Collection[Any] | None = None,
    order: list[Any] | None = None,
    kept: list[tuple[Any, Any]] | None = None,
) -> dict[Any, Any]:
    """Backpropagate ``seeds`` (arrays; Tensors with ``create_graph``) from the nodes ``roots``.

    Args:
        ends: nodes at which to stop as at leaves: neither their hooks nor their rules are run.
        order: what ``collect(roots)`` returned, if that was called before.
        kept: a list for what ``retain_grad`` keeps, if the caller gives that to the Tensors when nothing can raise.

    Returns:
        The gradient of every leaf that was reached or, given ``targets`` (Nodes, Picks, Leaves), of those of
        them that were reached. Nothing else has changed, but that saved arrays are released (not with ``retain``).

    Raises:
        FreedGraphError, MutationError: before anything is computed or released.
        RuleError: a rule returned what cannot be a gradient.
    """
    # 1. The nodes that lead to the roots, newest first; given targets, those of them to which a target leads.
    found: dict[Any, Any] = {} if targets is None else dict.fromkeys(targets)
    since = oldest(found)  # what is older does not lead to a target
    if order is None:
        order = collect(roots, since) if ends is None else collect_to(roots, ends)
    needed: set[Any] | None = None
    idle: Collection[Any] = ()  # targets whose own rules are not needed
    if targets is not None and (since or not are_all(found, order)):  # else as if all were asked for
        needed = needed_for(found, order)
        order = [node for node in order if node in needed]
        idle = {target for target in found if needed.isdisjoint(target.parents)}
    check_saved([node for node in order if node not in idle] if idle else order)
    # 2. The gradients to start from. From here on ``grads`` has what has arrived at nodes that were not visited yet.
    grads: dict[Any, Any] = {}
    for i, root in enumerate(roots):
        if needed is None or root in needed:
            seed = np.conj(seeds[i]) if root.dtype.kind == "c" else seeds[i]
            grads[root] = grads[root] + seed if root in grads else seed
    # 3. The rules of each node, of which each adds to the gradients of its parents.
    put_aside = [] if kept is None else kept
    if create_graph or needed is not None or local.observers:
        visit = _Visit(grads, found, needed, create_graph, put_aside)
        with _mode(create_graph):
            last = _run(order, grads, visit, idle, not retain, put_aside)
    else:
        last = _run(order, grads, None, idle, not retain, put_aside)
    if _SLOPE in grads:
        _settle(grads, None if targets is None else found)
    # 4. What is left belongs to leaves, or was found for targets; it leaves in their dtype.
    if targets is not None:
        grads = {target: grads.get(target, g) for target, g in found.items()}
    for target, g in grads.items():
        dtype = target.dtype
        if g is not None and (g.dtype is not dtype or dtype.kind == "c"):
            g = conform(g, target, last.op if last is not None else None)
            grads[target] = np.conj(g) if dtype.kind == "c" else g
    if kept is None and put_aside:
        keep(put_aside)
    return grads


def sweep_to(leaf: Any, order: list[Any], seed: Any) -> Any:
    """``sweep`` of a graph of which no other leaf and no hook is part: the gradient of ``leaf``, an array or None.

    Args:
        leaf: of a real dtype.
        order: the whole graph; the first node is the root.
        seed: an array, the gradient of the root.
    """
    check_saved(order)
    grads = {order[0]: seed}
    last = _run(order, grads, None, (), True, [])
    if _SLOPE in grads:
        _settle(grads, {leaf: None})
    g = grads.pop(leaf, None)
    return g if g is None or g.dtype is leaf.dtype else conform(g, leaf, last.op)


@quiet
def _run(
    order: list[Any], grads: dict[Any, Any], visit: _Visit | None, idle: Collection[Any], release: bool, kept: list[Any]
) -> Any:
    """Run the rules of the nodes in ``order``, by ``visit`` if there is one; returns the last node."""
    every = visit is not None
    pop = grads.pop
    node = None
    try:
        for node in order:
            g = pop(node, None)
            if g is None:
                continue
            op = node.op
            if every or op.elaborate or node.hooks is not None:
                visit = visit or _Visit(grads, {}, None, False, kept)
                visit(node, g)
                if node in idle:
                    continue
            else:
                op.backward(node, g, node.saved, node.parents, grads)
            if release and op.saves_arrays is not False and (op.saves_arrays or _holds_arrays(node)):
                node.saved = RELEASED
    except Exception as error:
        if node is not None:
            error.add_note(f"(in the backward of op '{node.op.name}')")
        raise
    return node


_PLAIN = frozenset({int, float, slice, type(None)})


def _holds_arrays(node: Any) -> bool:
    """Whether there are arrays among what a node saved."""
    saved = node.saved
    if type(saved) is tuple and _PLAIN.issuperset(map(type, saved)):
        return False
    return isinstance(saved, Packed) or any(True for _ in node.op.saved_arrays(node))


class _Visit:
    """What the sweep does at a node that needs more than a call of its rules."""

    def __init__(
        self, grads: dict[Any, Any], found: dict[Any, Any], needed: set[Any] | None, create_graph: bool, kept: list[Any]
    ) -> None:
        self.grads = grads
        self.found = found
        self.needed = needed
        self.create_graph = create_graph
        self.kept = kept
        self.observers = local.observers

    def __call__(self, node: Any, g: Any) -> None:
        if node.hooks is not None:
            g = run_hooks(node.hooks, g, node, self.create_graph, self.kept)
        if node in self.found:
            self.found[node] = g
        if type(node) is Pick:
            _deposit(self.grads, node, g)
            return
        op, parents = node.op, node.parents
        if self.needed is not None:
            parents = tuple([parent if parent in self.needed else None for parent in parents])
            if not any(parents):
                return
        if self.create_graph or op.always_revive or isinstance(node.saved, Packed):
            saved = op.revive(node, self.create_graph)
        else:
            saved = node.saved
        if op.outputs is not None and op.fills_absent:
            g = _fill_absent(g, node)
        tied = self.create_graph and op.tied
        if not (self.observers or tied):
            op.backward(node, g, saved, parents, self.grads)
            return
        derivatives: dict[Any, Any] = {}
        op.backward(node, g, saved, parents, derivatives)
        if tied:
            derivatives = {parent: _tied(d, parent) for parent, d in derivatives.items()}
        if op is _SLOPE:
            self.grads.setdefault(_SLOPE, []).extend(derivatives.pop(_SLOPE, ()))
        for observer in self.observers:
            observer.after_rule(node, g, derivatives)
        for parent, d in derivatives.items():
            add(self.grads, parent, d)


class _Slope(NodeOp):
    """Stands at a slope that varies with the input by jumps only: its own is zero.

    Of zeros nothing is computed: what they alone lead to is looked for when all else is done.
    """

    name = "slope"

    def backward(self, node: Any, g: Any, saved: Any, parents: Any, grads: dict[Any, Any]) -> None:
        place, *before = parents
        if place is not None:
            grads.setdefault(self, []).append((place, g))
        for parent in before:
            if parent is not None:
                add(grads, parent, g)

    def push(self, node: Any, saved: Any, parents: Any, tangents: dict[Any, Any], record: bool) -> Any:
        """The tangent of what the slope was computed from, None if that does not move."""
        return tangents.get(parents[-1]) if len(parents) > 1 else None


_SLOPE = _Slope()


def _settle(grads: dict[Any, Any], found: dict[Any, Any] | None) -> None:
    """Give zeros to what only slopes of zero lead to: to the targets in ``found``, or to all leaves if it is None."""
    places = grads.pop(_SLOPE)
    if found is not None and not any(g is None and target not in grads for target, g in found.items()):
        return
    ends = [place for place, _ in places]
    order = collect(ends)
    reached = leaves_of(order).union(ends, order)
    for target in reached if found is None else reached.intersection(found):
        if target not in grads and (type(target) is Leaf if found is None else found[target] is None):
            zero = np.sum(np.zeros_like(places[0][1]))  # as that is, recorded or one of several examples
            grads[target] = zero + np.zeros(target.shape, target.dtype)


def _tied(d: Any, parent: Any) -> Any:
    """A derivative with respect to ``parent`` as a Tensor that depends on it, with a slope of zero.

    And as before on what it depends on already, as the gradient from which it was computed.
    """
    parents: tuple[Any, ...] = (parent,)
    if isinstance(d, Handle):
        if d._node is not None:
            parents = (parent, d._node)  # also of a view: nobody wrote to it since
        d = d._data
    return new_tensor(d, make_node(_SLOPE, parents, (), d))  # of an array too: a rule may return a constant


def _mode(create_graph: bool) -> Any:
    """The mode in which a sweep runs."""
    mode = Mode(grad=True) if create_graph else AS_IT_IS
    return _Told(local.observers, create_graph, mode) if local.observers else mode


class _Told:
    """The mode of a sweep that tells the observers of its beginning and its end."""

    def __init__(self, observers: Sequence[Any], create_graph: bool, mode: Any) -> None:
        self.observers, self.create_graph, self.mode = observers, create_graph, mode

    def __enter__(self) -> None:
        for observer in self.observers:
            observer.before_sweep(self.create_graph)
        self.mode.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self.mode.__exit__(*exception)
        for observer in self.observers:
            observer.after_sweep()


def add(grads: dict[Any, Any], parent: Any, d: Any) -> None:
    """Add a derivative to the gradient of its node."""
    held = grads.get(parent)
    if held is not None:
        d = held + d if type(d) is not np.ndarray or d.size < LARGE else summed(held, d)
    grads[parent] = d


def add_all(op: Any, derivatives: Any, parents: Any, grads: dict[Any, Any]) -> None:
    """Add the derivatives that one rule returned for several inputs.

    Raises:
        RuleError: there are more or fewer than inputs, or one cannot be a gradient.
    """
    if not isinstance(derivatives, (tuple, list)) or len(derivatives) != len(parents):
        count = len(derivatives) if isinstance(derivatives, (tuple, list)) else type(derivatives).__name__
        raise RuleError(f"a rule of op '{op.name}' returned {count} gradients for {len(parents)} inputs")
    for parent, d in zip(parents, derivatives, strict=True):
        if parent is not None:
            if d is None or d.shape != parent.shape or d.dtype is not parent.dtype:
                d = conform(d, parent, op)
            add(grads, parent, d)


def check_saved(order: list[Any]) -> None:
    """Raise if a node's saved arrays are gone or were overwritten."""
    now = clock.now
    for node in order:
        if type(node) is Pick:
            continue
        saved = node.saved
        if saved is RELEASED:
            raise FreedGraphError(
                f"backward through op '{node.op.name}' a second time, but its saved arrays were released by the "
                "first. Is a loss, or a hidden state, carried from one iteration to the next? Then .detach() it "
                "at the end of the iteration. To backpropagate twice through the same graph on purpose, call the "
                "first backward with retain_graph=True."
            )
        if node.time != now and not (type(saved) is tuple and untouched(saved, node.time)):
            for name, array in node.op.saved_arrays(node):
                line = mutated_since(array, node.time)
                if line is not None and not node.op.renew(node, name):
                    where = line or "to see which line did it, run under autograd.detect_anomaly()"
                    raise MutationError(
                        f"op '{node.op.name}' saved its '{name}' (shape {array.shape}) for backward, but that array "
                        f"was overwritten in place since ({where}). Do it out of place (x = x + 1 instead of x += 1), "
                        "overwrite a .clone(), or do it after backward."
                    )


def _deposit(grads: dict[Any, Any], pick: Pick, g: Any) -> None:
    """Put the gradient of one output in its place among those of all outputs of its node."""
    parts = grads.get(pick.source)
    if parts is None:
        parts = grads[pick.source] = [None] * len(pick.source.shape)
    held = parts[pick.index]
    parts[pick.index] = g if held is None else held + g


def _fill_absent(parts: list[Any], node: Node) -> list[Any]:
    """Zeros for the outputs through which no gradient came."""
    like = like_of(parts)
    return [
        np.zeros(shape, dtype, like=like) if g is None and dtype.kind in "fc" else g
        for g, shape, dtype in zip(parts, node.shape, node.dtype, strict=True)
    ]


def as_given(d: Any, g: Any) -> Any:
    """What a rule returned for ``g``, a gradient or those of several outputs: for arrays, arrays, also of Tensors."""
    parts = d if isinstance(d, (tuple, list)) else (d,)
    given = g if isinstance(g, (tuple, list)) else (g,)
    if not any(isinstance(part, Handle) for part in parts) or any(isinstance(part, Handle) for part in given):
        return d
    arrays = [part._data if isinstance(part, Handle) else part for part in parts]
    return arrays if parts is d else arrays[0]


def conform(d: Any, parent: Any, op: Any) -> Any:
    """Make a rule's result the gradient of its input: undo broadcasting, restore the dtype.

    Raises:
        RuleError: it is not an array, or has a shape that broadcasting the input could not have given.
    """
    if not hasattr(d, "shape") or not hasattr(d, "dtype"):
        raise RuleError(
            f"a rule of op '{op.name}' returned {type(d).__name__} for an input of shape {parent.shape}; expected an "
            "array of that shape (or one that the input broadcasts to)"
        )
    if d.shape != parent.shape:
        try:
            d = sum_to(d, parent.shape)
        except ValueError:
            raise RuleError(
                f"a rule of op '{op.name}' returned a gradient of shape {d.shape} for an input of shape "
                f"{parent.shape}; a gradient has the shape of its input (or one that the input broadcasts to)"
            ) from None
    if d.dtype != parent.dtype:  # equal dtypes need not be one object
        if d.dtype.kind == "c" and parent.dtype.kind != "c":
            d = np.real(d)
        d = d.astype(parent.dtype)
    return d


def sum_to(d: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``d`` over the axes along which an array of ``shape`` was broadcast to ``d``'s shape.

    Raises:
        ValueError: ``shape`` does not broadcast to ``d.shape``.
    """
    wide = d.shape
    extra = len(wide) - len(shape)
    axes = tuple(range(extra))
    if extra < 0 or wide[extra:] != shape:
        if extra < 0 or any(n not in (1, m) for n, m in zip(shape, wide[extra:], strict=True)):
            raise ArgumentError(f"shape {shape} does not broadcast to {wide}")
        axes += tuple([axis for axis, n in enumerate(wide) if axis >= extra and n != shape[axis - extra]])
    if axes:
        total = sum_keepdims(d, axes)
        d = total if total.dtype == d.dtype else total.astype(d.dtype)
    if d.shape != shape:
        d = np.reshape(d, shape)
    return d
