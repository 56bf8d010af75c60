"""``watch``: records what a program computes, for pictures and for ``why``: values, gradients, modules, lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from .._operands import unwrap
from ..engine.callsite import user_line
from ..engine.failures import INTERNAL
from ..engine.foreign import bare
from ..engine.modes import Mode, local
from ..engine.nodes import Handle, Leaf, source_of
from ..engine.observing import Observer
from ..engine.ownership import owner_of
from .calls import Call, Constant, saved_bytes
from .events import Event, Frame, Record, event_of

__all__ = ["Replay", "watch"]


class watch(Mode):
    """Record what is computed meanwhile: for ``graph``, which then draws it, and for ``why``. A context manager.

    Of each op: the module that called it, the line of the program, time, value, gradient, and where a NaN was born or a
    gradient's path was cut. Values and gradients are summed up at once, so ``backward`` may release what it likes.
    Slow: for looking, not for training. Of two, one inside the other, it is the inner one that records.

    Args:
        model: the model whose modules are to be seen: anything with ``named_modules``, such as a ``nn.Module``.
        values: whether to sum up values and gradients.

    Raises:
        TypeError: the model has no ``named_modules``.

    >>> import autograd
    >>> x = autograd.tensor(3.0, requires_grad=True)
    >>> with autograd.watch():
    ...     y = x * x
    ...     y.backward()
    >>> print([line for box in autograd.graph(y, {"x": x}).boxes for line in box.lines if "grad" in line])
    ['grad 6', 'grad 1', 'grad 1']
    """

    def __init__(self, model: Any = None, *, values: bool = True) -> None:
        if model is not None and (not hasattr(model, "named_modules") or isinstance(model, type)):
            got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
            raise TypeError(f"watch: expected a Module (anything with named_modules), got {got}")
        self.model = model
        self.record = Record(values)
        super().__init__()
        self._hooked: list[tuple[Any, ...]] = []

    def _fresh(self) -> watch:
        return watch(self.model, values=self.record.kept)

    def __enter__(self) -> Any:
        watcher = _Watcher(self.record)
        others = [observer for observer in local.observers if not isinstance(observer, _Watcher)]
        self._settings = {"observers": (*others, watcher)}
        hooked = []
        for path, module in self.model.named_modules() if self.model is not None else ():
            if hasattr(module, "register_forward_hook") and hasattr(module, "register_forward_pre_hook"):
                enter, leave = watcher.hooks(path, type(module).__name__)
                held = module.__dict__.get("_hooks")
                before = module.register_forward_pre_hook(enter, prepend=True, with_kwargs=True)
                after = module.register_forward_hook(leave, always_call=True)
                hooked.append((module, held, before, after))
        self._hooked.append(tuple(hooked))
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        for module, held, before, after in self._hooked.pop():
            before.remove()
            after.remove()
            if held is None and "_hooks" in module.__dict__:
                del module.__dict__["_hooks"]
        super().__exit__(*exception)


class _Watcher(Observer):
    """The observer that makes the events."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.stack: tuple[Frame, ...] = ()
        self.calls: dict[str, int] = {}
        self.leaves: dict[Any, Event] = {}
        self.sweeps: list[dict[Any, Any]] = []
        self.fresh: list[Event] | None = None  # those of ops that a rule is calling
        self.told = perf_counter()
        self.last = Event(record, "data", "", ())

    # ---- modules -------------------------------------------------------------------------------------------------

    def hooks(self, path: str, kind: str) -> tuple[Any, Any]:
        """The hooks of a module."""

        def enter(module: Any, args: Any, kwargs: Any) -> None:
            for arg in (*args, *kwargs.values()):
                if isinstance(arg, Handle) and self.record.origin(_in_memory(arg)) is None:
                    self.record.remember(_in_memory(arg), Event(self.record, "data", "", self.stack))
            self.calls[path] = call = self.calls.get(path, 0) + 1
            self.stack = (*self.stack, Frame(path, kind, call))
            self.told = perf_counter()

        def leave(module: Any, args: Any, output: Any) -> None:
            self.stack = self.stack[:-1]

        return enter, leave

    # ---- forward -------------------------------------------------------------------------------------------------

    def after_forward(self, op: Any, values: Sequence[Any], out: Any, node: Any) -> None:
        """Make the event of an op with a node; the others are made by ``after_cut``, or are mere data."""
        event = self.last = Event(self.record, "plain" if node is None else "node", str(op.name), self.stack)
        event.seconds = perf_counter() - self.told
        event.line = user_line()
        names = op.params
        arrays = list(_named_arrays(names, values))
        outs = tuple(map(_in_memory, out if isinstance(out, (list, tuple)) else (out,)))
        event.values = tuple([self.record.values_of(item) for item in outs])
        if wrong := _wrong(outs):
            numbers = [np.asarray(value) for value in values if isinstance(value, float)]
            event.had = _wrong([*[array for _, array in arrays], *numbers])
            event.born = _born(event.had, wrong)
        self._note_inputs(event, op, node, arrays)
        if node is not None:
            event.saved = saved_bytes(node)
            event.facts = tuple(_with_numbers(Call(node), values).facts())
            node.note = {**(node.note or {}), "watch": event, "line": event.line}
        if self.fresh is not None:
            self.fresh.append(event)
        for item in outs:
            if node is not None or not any(item is array for _, array in arrays):
                self.record.remember(item, event)
        self.told = perf_counter()

    def _note_inputs(self, event: Event, op: Any, node: Any, arrays: list[tuple[str, Any]]) -> None:
        """Note what an op was called with: the inputs of its node, and other arrays, which no gradient reaches."""
        parents: list[Any] = [] if node is None else [self._event(p) for p in node.parents if p is not None]
        constants = []
        for name, array in _without_node(op, node, arrays):
            origin = self.record.origin(array)
            if origin is None and array.ndim:
                origin = self._data(array)
            if origin is not None:
                constants.append((name, Constant.seen(array, origin, self.record.values_of(array))))
        event.constants = tuple(constants)
        inputs = {parent.serial: (parent, True) for parent in parents if parent is not None}
        for _, constant in constants:
            inputs.setdefault(constant.origin.serial, (constant.origin, False))
        event.inputs = tuple(inputs.values())

    def _data(self, array: Any) -> Event:
        """The event of an array that was not seen before, and of the one that it is a view of."""
        base = owner_of(array)
        event = Event(self.record, "data", "", self.stack)
        if base is not array:
            whole = Event(self.record, "data", "", self.stack)
            self.record.remember(base, whole)
            event.inputs = ((whole, False),)
        self.record.remember(array, event)
        return event

    def after_cut(self, op: Any, values: Sequence[Any], out: Any, nodes: Sequence[Any]) -> None:
        """Note in the event just made that no gradient passes, and where it would have gone."""
        outs = tuple(out) if isinstance(out, (list, tuple)) else (out,)
        event = self.last
        event.cut = "no_grad" if all(item.dtype.kind in "fcV" for item in outs) else "integer"
        inputs = {found.serial: (found, False) for node in nodes if (found := self._event(node)) is not None}
        event.inputs = tuple({**{item.serial: (item, False) for item, _ in event.inputs}, **inputs}.values())

    def replaced(self, old: Any, new: Any) -> None:
        """A copy comes from where the original came from."""
        origin = self.record.origin(_in_memory(old))
        if origin is not None:
            self.record.remember(_in_memory(new), origin)

    def _event(self, node: Any) -> Event | None:
        """The event of a node or leaf, made now if there is none."""
        if node is None:
            return None
        if type(node) is not Leaf:
            found = event_of(node)
            if found is not None and found.record is self.record:
                return found
            node = source_of(node)
            made = Event(self.record, "node", str(node.op.name), self.stack)
            made.line = (node.note or {}).get("line", "")
            node.note = {**(node.note or {}), "watch": made}
            return made
        found = self.leaves.get(node)
        if found is None:
            tensor = node.tensor()
            found = None if tensor is None else self.record.origin(_in_memory(tensor))
            if found is None or found.kind != "data":  # else its data were used before it was
                found = Event(self.record, "leaf", "", self.stack)
            found.kind = "leaf"
            self.leaves[node] = found
            node.note = {**(node.note or {}), "watch": found}
            if tensor is not None:
                found.values = (self.record.values_of(_in_memory(tensor)),)
                self.record.remember(_in_memory(tensor), found)
        return found

    # ---- backward ------------------------------------------------------------------------------------------------

    def before_sweep(self, create_graph: bool) -> None:
        """Begin to add up the gradients of leaves."""
        self.sweeps.append({})
        if len(self.sweeps) == 1:
            self.record.sweeps += 1
            self.record.root = None
            self.fresh = [] if create_graph else None
        self.told = perf_counter()

    def after_rule(self, node: Any, g: Any, derivatives: dict[Any, Any]) -> None:
        """Note a node's gradient, and what its rules made of it."""
        event = self._event(node)
        if event is None:
            return
        event.backward_seconds = perf_counter() - self.told
        if self.record.root is None:
            self.record.root = event
        parts = [_in_memory(part) for part in (g if isinstance(g, (list, tuple)) else (g,))]
        event.gradients = tuple([self.record.values_of(_conjugate(part)) for part in parts])
        event.step = self.record.next()
        self._note_harm(event, parts, derivatives)
        sums = self.sweeps[-1] if self.sweeps else {}
        for parent, d in derivatives.items():
            if type(parent) is Leaf:
                before = sums.get(parent)
                sums[parent] = (_in_memory(d) if before is None else before[0] + _in_memory(d), self.record.next())
        if self.fresh:
            frames = tuple([frame._replace(backward=True) for frame in event.frames])
            for made in self.fresh:
                made.frames = frames
            self.fresh.clear()
        self.told = perf_counter()

    def _note_harm(self, event: Event, gradients: list[Any], derivatives: dict[Any, Any]) -> None:
        """Note whether a rule made NaN or infinity, and to which inputs it passed zeros on."""
        if after := _wrong([_in_memory(d) for d in derivatives.values()]):
            seen = [value for item, _ in event.inputs for value in item.values]
            seen += [constant.summary for _, constant in event.constants]
            had = event.had or any(value is not None and value.bad for value in seen)
            event.born_backward = _born("NaN" if had else _wrong(gradients), after)
        killed = set()
        if any(part is not None and np.any(part) for part in gradients):
            for parent, d in derivatives.items():
                if not np.any(_in_memory(d)) and (found := self._event(parent)) is not None:
                    killed.add(found.serial)
        event.killed = frozenset(killed)

    def after_sweep(self) -> None:
        """Note the gradients of leaves."""
        sums = self.sweeps.pop()
        if self.sweeps:
            return  # what an inner backward found goes on to the outer one
        self.fresh = None
        for leaf, (total, step) in sums.items():
            event = self._event(leaf)
            if event is not None:
                event.gradients, event.step = (self.record.values_of(_conjugate(total)),), step


class Replay(_Watcher):
    """Watches a backward through a graph that was not recorded, and leaves no note in it.

    Args:
        ops: its nodes, newest first.

    Attributes:
        events: of the nodes.
    """

    def __init__(self, ops: Sequence[Any]) -> None:
        super().__init__(Record())
        self.events: dict[Any, Event] = {}
        for node in reversed(ops):
            noted = event_of(node)
            event = self.events[node] = Event(self.record, "node", str(node.op.name), ())
            event.line = noted.line if noted is not None else (node.note or {}).get("line", "")
            parents = [self._event(parent) for parent in node.parents]
            event.inputs = tuple([(parent, True) for parent in parents if parent is not None])

    def _event(self, node: Any) -> Event | None:
        if type(node) is not Leaf:
            return self.events.get(source_of(node))
        found = self.leaves.get(node)
        if found is None:
            found = self.leaves[node] = Event(self.record, "leaf", "", ())
            if (tensor := node.tensor()) is not None:
                found.values = (self.record.values_of(_in_memory(tensor)),)
        return found


def _in_memory(value: Any) -> Any:
    """The array that lies in memory: a Tensor's, and inside of ``vmap`` that of all examples."""
    return bare(unwrap(value))


def _named_arrays(names: Sequence[str], values: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """The arrays among the arguments of an op, those in lists too, with the names of the parameters."""
    for i, value in enumerate(values):
        name = names[i] if i < len(names) else ""
        if name in INTERNAL:
            continue
        for item in value if isinstance(value, (list, tuple)) else (value,):
            item = _in_memory(item)
            if isinstance(item, (np.ndarray, np.generic)):
                yield name, item


def _born(before: str, after: str) -> str:
    """What is wrong after an op that was not before: a NaN may be born of an infinity."""
    return after if after and after != before and before != "NaN" else ""


def _without_node(op: Any, node: Any, arrays: list[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    """Those of the arguments' arrays that entered without a node, with their names."""
    if node is None:
        return arrays
    lists = op.lists
    single = [name for name in op.inputs if name not in lists]
    parents = dict(zip(single, node.parents, strict=False))
    of_list = iter(node.parents[len(single) :])
    return [
        (name, array) for name, array in arrays if (next(of_list, None) if name in lists else parents.get(name)) is None
    ]


def _with_numbers(call: Call, values: Sequence[Any]) -> Call:
    """A call that knows also the numbers among its inputs that were not saved."""
    op, node = call.node.op, call.node
    names = op.params
    for name, parent in zip([name for name in call.inputs if name not in op.lists], node.parents, strict=False):
        value = values[names.index(name)] if name in names and len(values) == len(names) else None
        if parent is None and isinstance(value, (int, float, complex, np.ndarray, np.generic)) and not np.ndim(value):
            call.numbers.setdefault(name, value)
    return call


def _conjugate(g: Any) -> Any:
    """A gradient in the user's convention."""
    return np.conj(g) if getattr(getattr(g, "dtype", None), "kind", "") == "c" else g


def _wrong(arrays: Iterable[Any]) -> str:
    """Whether there is a NaN or an infinity in the arrays: "NaN", "inf" or nothing."""
    found = ""
    for array in arrays:
        if getattr(getattr(array, "dtype", None), "kind", "") in ("f", "c") and not np.isfinite(array).all():
            if np.isnan(array).any():
                return "NaN"
            found = "inf"
    return found
