"""Outputs that require grad: their backward is recorded too, and becomes a second program.

At each call the outputs get one node. Its rule runs the second program, on arrays that the first one made for this
call alone, so that any number of calls can be pending.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..boxes import ArrayBox
from ..engine.hooks import keeps_gradient
from ..engine.nodes import RELEASED, Handle, Leaf, Node, NodeOp, Packed, Pick, make_node, new_tensor
from ..engine.order import collect
from ..engine.sweep import add, conform, sweep
from ..errors import FreedGraphError, GradientError
from .guards import Guards
from .numbers import Number
from .program import Part, Program, reads_of
from .recording import Tape
from .trees import Given, is_record, plain
from .values import Check, Instruction, Storage, UnrecordableError, Value, map_tree

__all__ = ["Graded", "ProgramOp", "clean_graph", "outputs_of"]


def outputs_of(result: Any, known: Callable[[Any], Any]) -> list[Any]:
    """The Tensors in a result that require grad, and were not there before the call."""
    found: dict[int, Any] = {}

    def visit(item: Any) -> None:
        if isinstance(item, Handle):
            if item._node is not None and known(item) is None:
                found[id(item)] = item
        elif isinstance(item, (tuple, list)):
            for part in item:
                visit(part)
        elif isinstance(item, dict) or is_record(item):
            for part in (item if isinstance(item, dict) else vars(item)).values():
                visit(part)

    visit(result)
    return list(found.values())


def _leaves(node: Any) -> Iterator[Any]:
    """The leaves among the parents of a node."""
    return (parent for parent in node.parents if type(parent) is Leaf)


def _calls_hooks(node: Any) -> bool:
    """Whether the user's functions run when a gradient passes a node, or a Tensor keeps it: once, at each backward."""
    hooks = (node.hooks or {}).values()
    if any(hook.keeps() is not None if keeps_gradient(hook) else True for hook in hooks):
        return True
    return type(node) is not Pick and getattr(getattr(node.op, "function", None), "calls_hooks", False)


def clean_graph(guards: Guards, first_rank: int) -> None:
    """Leave no recording arrays in the graphs that were made while recording, and join them to that of the arguments.

    Args:
        guards: they have met the Tensors of these graphs.
        first_rank: that of the first node which was made.
    """
    packed: dict[int, Packed] = {}
    while guards.met:
        met, nodes, new = guards.met, [], {}
        guards.met = []
        for tensor in met:
            tensor._node = guards.leaves.get(tensor._node, tensor._node)
            if tensor._view is not None:
                _cut_from_arguments(tensor, guards)
            if tensor._node is not None:
                nodes.append(tensor._node)
        for node in collect(nodes, first_rank):
            if type(node) is not Pick:
                _clean_node(node, guards.leaves)
                if type(node.saved) is Packed and id(node.saved) not in packed:
                    new[id(node.saved)] = node.saved
        held = guards.returned([(saved._hook, saved._items) for saved in new.values()])  # which meets Tensors, too
        for saved, (hook, items) in zip(new.values(), held, strict=True):
            saved._hook, saved._items = hook, items
        packed |= new


def _clean_node(node: Any, leaves: dict[Any, Any]) -> None:
    if type(node.saved) is tuple:
        node.saved = plain(node.saved)
    elif type(getattr(node.saved, "_arrays", None)) is tuple:  # of a Function
        node.saved._arrays = plain(node.saved._arrays)
    if any(parent in leaves for parent in node.parents):
        node.parents = tuple([leaves.get(parent, parent) for parent in node.parents])


def _cut_from_arguments(tensor: Any, guards: Guards) -> None:
    """Make a view of what stood for an argument one of the argument."""
    arguments = {id(made): arg for made, arg, _ in guards.given}
    while (view := tensor._view) is not None:
        view.root_node = guards.leaves.get(view.root_node, view.root_node)
        view.root = arguments.get(id(view.root), view.root)
        if id(view.base) in arguments:
            view.base = arguments[id(view.base)]
            view.seen = view.base._data
            return
        tensor = plain(view.base)


class Graded:
    """The outputs of one recording that require grad, and the record of their backward.

    Attributes:
        tensors: the outputs.
        parents: the leaves that they are differentiated by; given: the arguments among them.
        outs: their values; saved: the values that backward needs of forward.

    Raises:
        UnrecordableError: there can be no program for this.
    """

    def __init__(self, tape: Tape, tensors: list[Any], guards: Guards, first_rank: int) -> None:
        self.tensors = tensors
        self.outs = [tape.value(np.asanyarray(tensor._data)) for tensor in tensors]
        self._start = self._end = Part.moment(tape)
        self._tape = tape
        self.given: list[Given] = []
        self.parents: list[Any] = []
        self.freed = False
        stand_ins = {made._node: given for made, _, given in guards.given if made._node is not None}
        roots = [tensor._node for tensor in tensors]
        leaves: dict[Any, None] = {}
        for node in collect(roots):
            if type(node) is not Pick and node.saved is RELEASED:
                self.freed = True
            if type(node) is Node and node.rank < first_rank:
                raise UnrecordableError(
                    "the result depends on a Tensor that was computed, with a graph, before the call"
                )
            if _calls_hooks(node):
                raise UnrecordableError("the result requires grad, and hooks are set where its backward will pass")
            leaves.update(dict.fromkeys(_leaves(node)))
        for tensor, out in zip(tensors, self.outs, strict=True):
            if type(tensor._node) is Leaf:
                raise UnrecordableError("the result is a Tensor made by the function that requires grad itself")
            if tensor._view is not None and out.storage.kind != "fresh":
                raise UnrecordableError("the result is a view of a Tensor that was there before, and requires grad")
        targets = [leaf for leaf in leaves if leaf in stand_ins or guards.known(leaf.variable) is not None]
        for leaf in targets:
            self.parents.append(None if leaf in stand_ins else leaf)
            if leaf in stand_ins:
                self.given.append(stand_ins[leaf])
        self._reached = [
            {targets.index(leaf) for node in collect([root]) for leaf in _leaves(node) if leaf in targets}
            for root in roots
        ]
        self.seeds: list[Value] = []
        self.results: list[Any] = []
        self.saved: list[Value] = []
        self._numbers: dict[int, Any] = {}
        self._advanced: tuple[list[Instruction], list[Check]] = [], []
        if not self.freed:
            self._record(tape, roots, targets)

    def _record(self, tape: Tape, roots: list[Any], targets: list[Any]) -> None:
        seeds = [tape.enter(np.ones(root.shape, root.dtype), "input") for root in roots]
        for seed in seeds:
            assert seed._value is not None
            seed._value.name = "g"
            self.seeds.append(seed._value)
        found = sweep(roots, seeds, targets=targets, retain=True)
        grads = [found[target] for target in targets]
        self.results = [None if g is None else tape.value(g) for g in grads]
        self._end = Part.moment(tape)
        self._part = Part(tape, self._start, self._end)
        self._advance_checks()
        self._separate()

    def _advance_checks(self) -> None:
        """Have forward make the decisions of backward, which cannot be taken back there: with what they are made by.

        Raises:
            UnrecordableError: one depends on the gradients that come in.
        """
        late = {seed.storage for seed in self.seeds}
        items = [*self._part.prelude, *self._part.instructions]
        makers: dict[Value, Instruction] = {}
        for item in items:
            makers.update(dict.fromkeys(item.makes(), item))
            if any(read.storage in late for read in item.reads()) or item.target is not None:
                late.update([made.storage for made in item.makes()])
                late.update([item.target.storage] if item.target is not None else [])
        needed: set[Instruction] = set()
        wanted = [value for check in self._part.checks for value in reads_of(check)]
        while wanted:
            value = wanted.pop()
            if value.storage in late:
                raise UnrecordableError("the backward of the result decides by the gradients that come in")
            maker = makers.get(value)
            if maker is not None and maker not in needed:
                needed.add(maker)
                wanted += maker.reads()
        self._advanced = [item for item in items if item in needed], self._part.checks
        self._part.prelude = [item for item in self._part.prelude if item not in needed]
        self._part.instructions = [item for item in self._part.instructions if item not in needed]
        self._part.checks = []

    def _separate(self) -> None:
        """Make the backward's own values and Numbers of those that it takes from forward."""
        items: list[Instruction] = [*self._part.prelude, *self._part.instructions]
        for item in items:
            item.args, item.kwargs = map_tree((item.args, item.kwargs), self._copied)
        own = {made for item in items for made in item.makes()}
        storages = {made.storage for made in own if made.storage.kind == "fresh" and made.source not in (None,)}
        own.update(self.seeds)
        swaps: dict[Value, Value] = {}
        for value in [
            *(read for item in items for read in reads_of(item)),
            *[v for v in self.results if v is not None],
        ]:
            if value in own or value in swaps:
                continue
            if value.storage.kind == "constant":
                swaps[value] = Value(value.storage, value.array)
                continue
            self.saved.append(value)
            made = swaps[value] = Value(Storage("input", value.array), value.array)
            made.name = "saved"
        for item in items:
            if item.stream is not None or (item.target is not None and item.target.storage not in storages):
                raise UnrecordableError("the backward of the result changes something besides gradients")
        self._swaps = swaps

    def _copied(self, item: Any) -> Any:
        if type(item) is not Number:
            return item
        if id(item) not in self._numbers:
            made = Number(item.tape, item.value, item.text, tuple([self._copied(part) for part in item.parts]))
            made.place = item.place
            self._numbers[id(item)] = made, item
        return self._numbers[id(item)][0]

    def needed_by(self, backward: Any) -> list[Any]:
        """What a backward's emitter needs of forward: values, and Numbers that are there before the call."""
        originals = {id(made): item for made, item in self._numbers.values()}
        return [*self.saved, *[originals[id(number)] for number in backward.numbers]]

    @property
    def forward(self) -> Part:
        """What was recorded besides the backward."""
        part, rest = Part(self._tape, stop=self._start), Part(self._tape, self._end)
        part.instructions += rest.instructions
        part.prelude += rest.prelude
        instructions, checks = self._advanced
        part.instructions += instructions
        for check in (*rest.checks, *checks):
            check.after = len(part.instructions)
            part.checks.append(check)
        return part

    def backward(self, tape: Tape) -> tuple[Program, list[Value]]:
        """The program of the backward, and its parameters."""
        program = Program(tape, [], list(self.results), self._part)
        program.replace(self._swaps)
        return program, [*self.seeds, *[self._swaps[value] for value in self.saved]]

    def attach(self, name: str, step: Callable[..., Any] | None) -> Callable[..., Any]:
        """The function that makes Tensors of the outputs of one call, with their node."""
        op = ProgramOp(name, self._reached if len(self.tensors) > 1 else None, step)
        parents = self.parents
        boxes = [i for i, tensor in enumerate(self.tensors) if type(tensor) is ArrayBox]

        def attach(outs: Any, saved: Any, given: Any) -> list[Any]:
            left = iter(given)
            joined = tuple([next(left)._node if parent is None else parent for parent in parents])
            node = make_node(op, joined, RELEASED if step is None else tuple(saved), outs if op.outputs else outs[0])
            picks = [node] if op.outputs is None else [Pick(node, i) for i in range(len(outs))]
            made = [new_tensor(out, pick) for out, pick in zip(outs, picks, strict=True)]
            for i in boxes:  # as functions of arrays get them while they are differentiated
                made[i].__class__ = ArrayBox
            return made

        return attach


_alive: weakref.WeakSet[ProgramOp] = weakref.WeakSet()


def _after_fork() -> None:
    """Another thread may have been in a program; that thread is not in the child."""
    for op in _alive:
        op.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ProgramOp(NodeOp):
    """What a compiled function is to the engine.

    Args:
        name: of the function.
        reached: of several outputs for each to which of the parents it leads, by number; None of a single one.
        step: the program of the backward.
    """

    elaborate = True
    saves_arrays = True
    fills_absent = False

    def __init__(self, name: str, reached: list[set[int]] | None, step: Callable[..., Any] | None) -> None:
        self.name = f"compiled {name}"
        self.outputs = "many" if reached is not None else None
        self._reached = reached or []
        self._step = step
        self.lock = threading.RLock()  # the program computes in buffers of its own
        _alive.add(self)

    def revive(self, node: Node, create_graph: bool) -> Any:
        if create_graph:
            raise self._only_once("be differentiated again")
        return node.saved

    def _only_once(self, what: str) -> GradientError:
        return GradientError(
            f"{self.name}: its gradient cannot {what}. Compile a function that computes both, or call the function "
            "itself, which is its attribute 'function'"
        )

    def push(self, node: Node, saved: Any, parents: tuple[Any, ...], tangents: dict[Any, Any], record: bool) -> None:
        """Forward mode would differentiate what backward computes, which is a program.

        Raises: GradientError, if what the node depends on moves.
        """
        if not tangents.keys().isdisjoint(parents):
            raise self._only_once("be taken in forward mode (jvp, jacfwd, linearize, dual numbers)")

    def saved_arrays(self, node: Node) -> Iterator[tuple[str, Any]]:
        for i, array in enumerate(node.saved):
            if isinstance(array, np.ndarray):
                yield f"saved {i}", array

    def backward(self, node: Node, g: Any, saved: Any, parents: tuple[Any, ...], grads: dict[Any, Any]) -> None:
        if self._step is None:
            raise FreedGraphError(f"{self.name}: the graph of its result was released by a backward inside of it")
        parts = [g] if self.outputs is None else g
        unreached: set[int] = set()
        if any(part is None for part in parts):
            parts, unreached = self._filled(parts, node)
        with self.lock:
            found = self._step(*map(_seed, parts), *saved)
        for i, (parent, d) in enumerate(zip(parents, found, strict=True)):
            if parent is not None and d is not None and i not in unreached:
                add(grads, parent, conform(np.conj(d) if d.dtype.kind == "c" else d, parent, self))

    def _filled(self, parts: list[Any], node: Node) -> tuple[list[Any], set[int]]:
        """Gradients with zeros for those that are absent, and which of the parents none of the others reaches."""
        reached = [parents for part, parents in zip(parts, self._reached, strict=True) if part is not None]
        full = [
            np.zeros(shape, dtype) if part is None else part
            for part, shape, dtype in zip(parts, node.shape, node.dtype, strict=True)
        ]
        return full, set(range(len(node.parents))).difference(*reached)


def _seed(part: Any) -> Any:
    """A gradient in the layout in which the backward was recorded."""
    part = np.asarray(part)
    if part.dtype.kind == "c":
        part = np.conj(part)
    return part if part.flags.c_contiguous else part.copy()
