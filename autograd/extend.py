"""Functions with derivative rules of one's own, in the form of HIPS autograd: ``primitive`` and ``defvjp``.

``autograd.op`` is shorter and faster, and its ops are compiled and tested like ours; this is for programs that were
written for HIPS autograd, and for functions whose arguments are not arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from ._gradients import grad as _grad
from ._tensor import Tensor
from .boxes import ArrayBox
from .engine.modes import local
from .engine.nodes import Handle, Node, NodeOp, Pick, make_node, new_tensor
from .engine.push import by_transposes, fitted
from .engine.sweep import add, conform
from .engine.views import node_of
from .errors import NotDifferentiableError, RuleError
from .func.pytrees import LEAF, flatten, unflatten
from .util import subval
from .vspaces import VSpace as VSpace
from .vspaces import vspace as vspace

__all__ = [
    "Box", "JVPNode", "VJPNode", "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp",
    "defvjp_argnum", "defvjp_argnums", "notrace_primitive", "primitive", "register_notrace", "vspace",
]  # fmt: skip

Box = ArrayBox
_CONTAINERS = (tuple, list, dict)


class VJPNode:
    """Stands for reverse mode in ``register_notrace``."""


class JVPNode:
    """Stands for forward mode in ``register_notrace``."""


class _Rules:
    """What is known of the derivatives of one primitive."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.vjp: Callable[..., Any] | None = None
        self.jvp: Callable[..., Any] | None = None
        self.argnums: Any = ()
        self.pushed: Any = None  # the arguments that ``jvp`` is for; None: all
        self.traced = True
        self.ops: dict[Any, _PrimitiveOp] = {}  # of results that are one array, by the slots of the arguments

    def op(self, spec: Any, slots: tuple[tuple[int, int | None], ...]) -> _PrimitiveOp:
        """What a call is to the engine, whose result has the structure ``spec``."""
        if spec.kind is not None:
            return _PrimitiveOp(self, spec, slots)
        found = self.ops.get(slots)
        if found is None:
            found = self.ops[slots] = _PrimitiveOp(self, spec, slots)
        return found

    def covers(self, argnum: int) -> bool:
        """Whether there is a rule for this argument."""
        return (self.vjp is not None or self.jvp is not None) and (self.argnums is None or argnum in self.argnums)


_rules: dict[Any, _Rules] = {}


# ---- primitives ------------------------------------------------------------------------------------------------------


def primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function on arrays one that is recorded as a whole; ``defvjp`` says what its derivatives are.

    Raises:
        NotDifferentiableError: at a call with something that is differentiated, if there is no rule for it.

    >>> import autograd.numpy as np
    >>> from autograd import grad
    >>> from autograd.extend import defvjp, primitive
    >>> @primitive
    ... def cube(x):
    ...     return x * x * x
    >>> defvjp(cube, lambda ans, x: lambda g: g * 3 * x**2)
    >>> float(grad(cube)(2.0))
    12.0
    """

    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            if isinstance(arg, Handle) or (type(arg) in _CONTAINERS and _holds_box(arg)):
                return _record(rules, args, kwargs)
        return f_raw(*args, **kwargs)

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if getattr(f_raw, name, None) is not None:
            setattr(f_wrapped, name, getattr(f_raw, name))
    f_wrapped.fun = f_wrapped.__wrapped__ = f_raw  # type: ignore[attr-defined]
    rules = _rules[f_wrapped] = _Rules(f_raw)
    return f_wrapped


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function one that is called with arrays in the place of boxes: no gradient flows through it."""

    @functools.wraps(f_raw)
    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*[arg._data if isinstance(arg, Handle) else arg for arg in args], **kwargs)

    return f_wrapped


def register_notrace(trace_type: type, primitive_fun: Callable[..., Any]) -> None:
    """Let no gradient flow through a primitive."""
    _rules_of(primitive_fun).traced = False


def _holds_box(value: Any) -> bool:
    items = value.values() if type(value) is dict else value
    return any(isinstance(item, Handle) or (type(item) in _CONTAINERS and _holds_box(item)) for item in items)


def _record(rules: _Rules, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive with boxes among its arguments."""
    values: list[Any] = []
    nodes: list[Any] = []
    slots: list[tuple[int, int | None]] = []
    boxes = False
    for argnum, arg in enumerate(args):
        value = arg
        if isinstance(arg, Handle):
            value, node = arg._data, node_of(arg)
            boxes = boxes or isinstance(arg, ArrayBox)
            if node is not None:
                nodes.append(node)
                slots.append((argnum, None))
        elif type(arg) in _CONTAINERS and _holds_box(arg):
            if rules.traced and not rules.covers(argnum):
                return rules.function(*args, **kwargs)  # its parts are differentiated one by one
            leaves, spec = flatten(arg)
            for i, leaf in enumerate(leaves):
                if isinstance(leaf, Handle):
                    boxes = boxes or isinstance(leaf, ArrayBox)
                    leaves[i] = leaf._data
                    if (node := node_of(leaf)) is not None:
                        nodes.append(node)
                        slots.append((argnum, i))
            value = unflatten(leaves, spec)
        values.append(value)
    out = rules.function(*values, **kwargs)
    if not nodes or not rules.traced or not local.grad:
        return out if boxes else _tensors(out)
    for argnum, _ in slots:
        if not rules.covers(argnum):
            raise NotDifferentiableError(
                f"{_name(rules.function)}: there is no derivative with respect to argument {argnum}; define one with "
                "autograd.extend.defvjp"
            )
    return _outputs(rules, out, tuple(values), kwargs, tuple(nodes), tuple(slots), ArrayBox if boxes else Tensor)


def _outputs(
    rules: _Rules, out: Any, values: tuple[Any, ...], kwargs: Any, nodes: Any, slots: Any, kind: type[Tensor]
) -> Any:
    """What a primitive returned, recorded."""
    if isinstance(out, (np.ndarray, np.generic)) and out.dtype.kind in "fcV":
        return _at(out, _node(rules.op(LEAF, slots), out, values, kwargs, nodes, out), kind)
    leaves, spec = flatten(out)
    arrays = [leaf if isinstance(leaf, (np.ndarray, np.generic)) else np.asarray(leaf) for leaf in leaves]
    for array in arrays:
        if array.dtype.kind not in "biufcV":
            raise TypeError(f"{_name(rules.function)}: a result of type {type(out).__name__} has no derivative")
    alone = spec.kind is None
    node = _node(rules.op(spec, slots), out, values, kwargs, nodes, arrays[0] if alone else arrays)
    made = [
        leaves[i] if array.dtype.kind not in "fcV" else _at(array, node if alone else Pick(node, i), kind)
        for i, array in enumerate(arrays)
    ]
    return made[0] if alone else unflatten(made, spec)


def _node(op: _PrimitiveOp, out: Any, values: tuple[Any, ...], kwargs: Any, nodes: Any, arrays: Any) -> Node:
    """The node of a call; ``arrays`` are those that the primitive returned."""
    node = make_node(op, nodes, (out, values, kwargs), arrays)
    for observer in local.observers:
        observer.after_forward(op, values, arrays, node)
    return node


def _at(array: Any, node: Any, kind: type[Tensor]) -> Any:
    result = new_tensor(array, node)
    result.__class__ = kind
    return result


def _tensors(out: Any) -> Any:
    leaves, spec = flatten(out)
    return unflatten([new_tensor(x) if isinstance(x, (np.ndarray, np.generic)) else x for x in leaves], spec)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", function))


class _PrimitiveOp(NodeOp):
    """What a call of a primitive is to the engine. A node saves what it returned and what it was called with."""

    always_revive = True
    saves_arrays = True
    differentiable = True
    trusted = False
    view = False

    def __init__(self, rules: _Rules, spec: Any, slots: tuple[tuple[int, int | None], ...]) -> None:
        self.rules = rules
        self.spec = spec
        self.slots = slots
        self.name = self.__name__ = _name(rules.function)
        self.outputs = None if spec.kind is None else "many"
        self.elaborate = self.outputs is not None
        self.argnums = tuple([argnum for argnum, _ in slots])  # for each parent that of the argument it came in
        self.whole = self.outputs is None and all(place is None for _, place in slots)
        self.has_jvp = rules.jvp is not None and self.whole
        self.push = self._push if self.has_jvp else None

    def revive(self, node: Node, create_graph: bool) -> Any:
        out, values, kwargs = node.saved
        if not create_graph:
            return out, values, kwargs, False
        if self.spec.kind is None:
            out = _at(out, node, ArrayBox)
        else:
            leaves = flatten(out)[0]
            out = unflatten([_at(leaf, Pick(node, i), ArrayBox) for i, leaf in enumerate(leaves)], self.spec)
        revived = list(values)
        for (argnum, place), parent in zip(self.slots, node.parents, strict=True):
            if place is None:
                revived[argnum] = _at(values[argnum], parent, ArrayBox)
            else:
                leaves, spec = flatten(revived[argnum])
                leaves[place] = _at(leaves[place], parent, ArrayBox)
                revived[argnum] = unflatten(leaves, spec)
        return out, tuple(revived), kwargs, True

    def saved_arrays(self, node: Node) -> Iterator[tuple[str, Any]]:
        out, values, _ = node.saved
        for name, value in (("result", out), *[(f"argument {i}", value) for i, value in enumerate(values)]):
            for leaf in flatten(value)[0]:
                if isinstance(leaf, np.ndarray):
                    yield name, leaf

    def backward(self, node: Node, g: Any, saved: Any, parents: tuple[Any, ...], grads: dict[Any, Any]) -> None:
        out, values, kwargs = saved[:3]
        create_graph = len(saved) > 3 and saved[3]  # else it is what the node saved
        if create_graph:
            g = [_box(part) for part in g] if self.outputs else _box(g)
        if self.outputs:
            g = unflatten(g, self.spec)
        argnums = self.argnums
        if not self.whole or None in parents:
            argnums = tuple(dict.fromkeys(n for n, p in zip(argnums, parents, strict=True) if p is not None))
        derivatives = self._derivatives(argnums, g, out, values, kwargs, create_graph)
        if argnums is not self.argnums:
            found = dict(zip(argnums, derivatives, strict=True))
            derivatives = [_part(found.get(argnum), place) for argnum, place in self.slots]
        for d, parent in zip(derivatives, parents, strict=True):
            if d is not None and parent is not None:
                d = _for_sweep(d, create_graph)
                exact = d.shape == parent.shape and d.dtype is parent.dtype
                add(grads, parent, d if exact else conform(d, parent, self))

    def _push(self, node: Node, saved: Any, parents: Any, tangents: dict[Any, Any], record: bool) -> Any:
        jvp: Any = self.rules.jvp
        moving = [(slot[0], tangents[p]) for slot, p in zip(self.slots, parents, strict=True) if p in tangents]
        if self.rules.pushed is not None and not self.rules.pushed.issuperset([n for n, _ in moving]):
            return by_transposes(node, saved, parents, tangents, record)
        given = [_box(t) if record else t for _, t in moving]
        return fitted(_for_sweep(jvp([n for n, _ in moving], given, *saved[:3]), record), node, self)

    def _derivatives(
        self, argnums: tuple[int, ...], g: Any, out: Any, values: Any, kwargs: Any, create_graph: bool
    ) -> list[Any]:
        """The gradients of the arguments with these numbers."""
        if self.rules.vjp is None:
            return self._transposed(argnums, g, out, values, kwargs, create_graph)
        derivatives = list(self.rules.vjp(argnums, out, values, kwargs)(g))
        if len(derivatives) != len(argnums):
            raise RuleError(
                f"a rule of primitive '{self.name}' returned {len(derivatives)} gradients for {len(argnums)} arguments"
            )
        return derivatives

    def _transposed(
        self, argnums: tuple[int, ...], g: Any, out: Any, values: Any, kwargs: Any, create_graph: bool
    ) -> list[Any]:
        """The gradients by the rule for forward mode: it is linear in the tangents, so its transpose is theirs."""
        jvp: Any = self.rules.jvp
        tangents = []
        for argnum in argnums:
            tangent = Tensor(np.zeros_like(values[argnum]), requires_grad=True)
            tangent.__class__ = ArrayBox
            tangents.append(tangent)
        end = jvp(argnums, tangents, out, values, kwargs)
        if not isinstance(end, Handle) or node_of(end) is None:
            return [None] * len(argnums)
        if getattr(getattr(node_of(end), "op", None), "rules", None) is self.rules:
            raise NotDifferentiableError(
                f"{self.name}: it is declared linear, but its transpose is not known; define it with "
                "autograd.extend.defvjp"
            )
        seed = np.conj(g)
        found = _grad(end, tangents, seed, create_graph=create_graph, allow_unused=True)
        plain = [None if d is None else np.conj(d) for d in found]
        return plain if create_graph else [None if d is None else d._data for d in plain]


def _part(d: Any, place: int | None) -> Any:
    """Of the gradient of a container that at one place in it."""
    return d if place is None or d is None else flatten(d)[0][place]


def _box(value: Any) -> Any:
    """A gradient in the sweep as the rules of primitives take it."""
    return _at(value._data, node_of(value), ArrayBox) if isinstance(value, Handle) else value


def _for_sweep(d: Any, create_graph: bool) -> Any:
    """What a rule returned, as the sweep takes it: an array, or a Tensor if there is to be a graph."""
    if isinstance(d, Handle):
        return new_tensor(d._data, node_of(d)) if create_graph else d._data
    array = d if isinstance(d, (np.ndarray, np.generic)) else np.asarray(d)
    return new_tensor(array) if create_graph else array


# ---- rules -----------------------------------------------------------------------------------------------------------


def _rules_of(fun: Any) -> _Rules:
    found = _rules.get(fun)
    if found is None:
        raise TypeError(
            f"{_name(fun)} is not a primitive, so it can have no rules of its own: define it with "
            "autograd.extend.primitive (functions of numpy have their rules already)"
        )
    return found


def defvjp(
    fun: Callable[..., Any], *vjpmakers: Callable[..., Any] | None, argnums: Sequence[int] | None = None
) -> None:
    """Say what the derivatives of a primitive are, in reverse mode.

    Args:
        fun: the primitive.
        vjpmakers: for each argument ``maker(ans, *args, **kwargs)``, which returns the function from the gradient of
            the result to that of the argument; None for an argument without influence.
        argnums: the numbers of the arguments, if they are not the first ones.

    Raises: TypeError if ``fun`` is not a primitive, or a maker cannot be called.
    """
    makers = dict(zip(count() if argnums is None else argnums, vjpmakers, strict=False))
    for maker in vjpmakers:
        if maker is not None and not callable(maker):
            raise TypeError(f"defvjp: expected a function or None as rule of '{_name(fun)}', got {maker!r}")

    def rule(argnums: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Any:
        vjps = [None if (maker := makers[n]) is None else maker(ans, *args, **kwargs) for n in argnums]
        return lambda g: [None if vjp is None else vjp(g) for vjp in vjps]

    rules = _rules_of(fun)
    rules.vjp, rules.argnums = rule, frozenset(makers)


def defvjp_argnum(fun: Callable[..., Any], vjpmaker: Callable[..., Any]) -> None:
    """As ``defvjp``, by one maker for all arguments: ``maker(argnum, ans, args, kwargs)``."""

    def rule(argnums: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Any:
        vjps = [vjpmaker(argnum, ans, args, kwargs) for argnum in argnums]
        return lambda g: [vjp(g) for vjp in vjps]

    defvjp_argnums(fun, rule)


def defvjp_argnums(fun: Callable[..., Any], vjpmaker: Callable[..., Any]) -> None:
    """As ``defvjp``, by one maker for several arguments at once: ``maker(argnums, ans, args, kwargs)``.

    It returns a function from the gradient of the result to the gradients of these arguments, in their order.
    """
    rules = _rules_of(fun)
    rules.vjp, rules.argnums = vjpmaker, None


def defjvp(fun: Callable[..., Any], *jvpfuns: Any, argnums: Sequence[int] | None = None) -> None:
    """Say what the derivatives of a primitive are, in forward mode.

    Reverse mode is their transpose, unless ``defvjp`` was given rules too.

    Args:
        fun: the primitive.
        jvpfuns: for each argument ``jvp(g, ans, *args, **kwargs)``, the change of the result if the argument changes
            by ``g``; ``"same"`` if the primitive is linear in it; None for an argument without influence.
        argnums: the numbers of the arguments, if they are not the first ones.
    """
    functions = dict(zip(count() if argnums is None else argnums, jvpfuns, strict=False))
    for function in jvpfuns:
        if function is not None and function != "same" and not callable(function):
            raise TypeError(f"defjvp: expected a function, 'same' or None for '{_name(fun)}', got {function!r}")

    def jvp(argnum: int, g: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        function = functions[argnum]
        if function is None:
            return np.zeros_like(ans)
        return fun(*subval(args, argnum, g), **kwargs) if function == "same" else function(g, ans, *args, **kwargs)

    defjvp_argnum(fun, jvp)
    rules = _rules_of(fun)
    rules.pushed = frozenset(functions)
    if rules.vjp is None:
        rules.argnums = rules.pushed


def defjvp_argnum(fun: Callable[..., Any], jvpmaker: Callable[..., Any]) -> None:
    """As ``defjvp``, by one function for all arguments: ``jvp(argnum, g, ans, args, kwargs)``."""

    def jvp(argnums: Sequence[int], gs: Sequence[Any], ans: Any, args: Any, kwargs: Any) -> Any:
        terms = [jvpmaker(argnum, g, ans, args, kwargs) for argnum, g in zip(argnums, gs, strict=True)]
        return functools.reduce(lambda a, b: a + b, terms)

    defjvp_argnums(fun, jvp)


def defjvp_argnums(fun: Callable[..., Any], jvpmaker: Callable[..., Any]) -> None:
    """As ``defjvp``, by one function for several arguments at once: ``jvp(argnums, gs, ans, args, kwargs)``."""
    rules = _rules_of(fun)
    rules.jvp, rules.pushed = jvpmaker, None
    rules.ops.clear()
    if rules.vjp is None:
        rules.argnums = None


def def_linear(fun: Callable[..., Any]) -> None:
    """Say that a primitive is linear in each of its arguments."""
    defjvp_argnum(fun, lambda argnum, g, ans, args, kwargs: fun(*subval(args, argnum, g), **kwargs))
