"""Writes an op's two functions as Python text, specialised to its signature, as ``dataclasses`` does.

The public function takes Tensors apart, brings them to a common dtype, calls the forward on plain arrays and records
a node. The plain form of its last part is ``Op.record``, to which it turns whenever more than that is to be done.
``backward`` calls the rules of the inputs that need a gradient.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterator
from keyword import iskeyword
from types import FunctionType
from typing import Any

import numpy as np

from . import dtypes
from ._operands import (
    as_arrays,
    operand,
    operator_operand,
    promote,
    promote_one,
    promote_pair,
    refuse,
    refuse_flag,
    require_real,
    setting,
    shapes_of,
    unpack_list,
    unwrap,
)
from ._signatures import ALIASES, PLAIN, asks, checked_of
from .engine.failures import rescue, without_rules
from .engine.modes import status
from .engine.mutation import clock
from .engine.nodes import Handle, Node, array_of, next_rank
from .engine.nodes import hand_out as _hand_out
from .engine.ownership import LARGE, summed
from .engine.sweep import add_all, as_given, conform
from .engine.views import View, current, shares_memory

__all__ = ["argument", "become", "built", "derivative", "hand_out", "stub", "taken", "write"]

_NAMES: dict[str, Any] = {
    "Handle": Handle,
    "Node": Node,
    "Tensor": Handle,
    "_array_of": array_of,
    "_as_arrays": as_arrays,
    "_clock": clock,
    "_add_all": add_all,
    "_as_given": as_given,
    "_conform": conform,
    "_current": current,
    "float32": dtypes.float32,
    "float64": dtypes.float64,
    "_generic": np.generic,
    "_LARGE": LARGE,
    "_ndarray": np.ndarray,
    "_summed": summed,
    "_View": View,
    "_shares_memory": shares_memory,
    "_new": object.__new__,
    "_next_rank": next_rank,
    "_setting": setting,
    "_operand": operand,
    "_promote": promote,
    "_promote_one": promote_one,
    "_promote_pair": promote_pair,
    "_require_real": require_real,
    "_refuse": refuse,
    "_refuse_flag": refuse_flag,
    "_rescue": rescue,
    "_shape": np.shape,
    "_shapes_of": shapes_of,
    "_status": status,
    "_unpack_list": unpack_list,
    "_unwrap": unwrap,
    "_without_rules": without_rules,
}
"""The names that the written functions share, none of which can be a parameter's. ``Tensor`` is the class that they
return: see ``hand_out``."""
_OPERATOR_NAMES = {**_NAMES, "_operand": operator_operand}
"""The names of an op as an operator: the same function, but for what it does about a foreign operand."""


def hand_out(tensor_class: type[Handle]) -> None:
    """Tell the ops which class of Tensors to return (once: Tensor is defined after the ops that are its methods)."""
    _NAMES["Tensor"] = _OPERATOR_NAMES["Tensor"] = tensor_class
    _hand_out(tensor_class)


_OWN = ("OP", "forward", "joint", "Handle", "Node", "Tensor")
"""The names in what is written that no parameter can have, beside those that begin with an underscore."""


def taken(op: Any) -> Iterator[tuple[str, str]]:
    """The parameters whose names mean something else in what is written around the forward, and what they mean."""
    for name in op.params:
        if name in ("g", "out", "needs"):
            yield name, "means something else to rules"
        if name in _OWN or name.startswith("_"):
            yield name, "the code written for the op has for itself"


def stub(op: Any, as_operator: bool = False) -> Callable[..., Any]:
    """The public function of an op until its first call: writing 250 ops at import would take a quarter of a second."""

    def make(OP: Any, forward: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            forward  # noqa: B018 (the written function closes over the same two names)
            OP.write()
            return OP.call(*args, **kwargs)

        def operate(*args: Any, **kwargs: Any) -> Any:
            forward  # noqa: B018
            OP.write()
            return OP.operator(*args, **kwargs)

        return operate if as_operator else call

    made = make(op, op.forward)
    names = _OPERATOR_NAMES if as_operator else _NAMES
    return FunctionType(made.__code__, names, op.title, None, made.__closure__)


def become(function: Any, written: Any) -> None:
    """Turn a stub into the written function; whoever holds it, holds that."""
    function.__defaults__, function.__kwdefaults__ = written.__defaults__, written.__kwdefaults__
    # of its own, as its caches belong to the names around it
    function.__code__ = written.__code__.replace(co_name=function.__name__)


def write(op: Any) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    """The public function and ``backward`` of an op, and their text."""
    name = _written_name(op)
    source = "\n".join([*_call(op, name), "", *_backward(op)])
    closed = {"OP": op, "forward": op.forward, "joint": op.joint}
    call, backward = built(op, source, f"{name}, backward", closed, _NAMES, f"<autograd op {op.name}>")
    return call, backward, source


def built(op: Any, source: str, returned: str, closed: dict[str, Any], names: dict[str, Any], filename: str) -> Any:
    """What ``source`` defines and ``returned`` names: functions that close over ``closed`` and the op's rules."""
    closed = {**closed, **{f"rule_{name}": rule for name, rule in op.rules.items()}}
    body = "\n".join("    " + line if line else "" for line in source.split("\n"))
    text = f"def make({', '.join(closed)}):\n{body}\n    return {returned}\n"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    place: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), names, place)
    return place["make"](*closed.values())


def _written_name(op: Any) -> str:
    """What the public function is called in its text: by its name, unless that is none, or another's there."""
    others = ("backward", *_OWN, *_NAMES, *[f"rule_{name}" for name in op.rules])
    return op.title if op.title.isidentifier() and not iskeyword(op.title) and op.title not in others else "call"


def _alias(op: Any, name: str) -> str | None:
    """The second spelling of a parameter, unless the op uses that name itself."""
    alias = ALIASES.get(name)
    return None if alias in op.params else alias


def _signature(op: Any) -> str:
    """The public function's parameters: the forward's; those with a second spelling must be optional."""
    parts = []
    starred = optional = False
    for parameter in op.signature.parameters.values():
        name, default = parameter.name, parameter.default
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append(f"*{name}")
            starred = True
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        if default is not parameter.empty:
            plain = default is None or type(default) in (bool, int, float, str, tuple)
            parts.append(f"{name}={default!r}" if plain else f"{name}=OP.signature.parameters[{name!r}].default")
            optional = True
        elif _alias(op, name) is not None or (optional and not starred):
            parts.append(f"{name}=None")
            optional = True
        else:
            parts.append(name)
    aliases = [alias for name in op.params if (alias := _alias(op, name)) is not None]
    if aliases and not starred:
        parts.append("*")
    return ", ".join([*parts, *[f"{alias}=None" for alias in aliases]])


def _call(op: Any, name: str) -> list[str]:
    """The public function's lines."""
    lines = [f"def {name}({_signature(op)}):"]
    for param in op.params:
        lines += _unpack(op, param)
    lines += _promote(op)
    values = "(" + "".join(f"{param}, " for param in op.params) + ")"
    lines += [
        "    try:",
        f"        out = forward({', '.join(argument(parameter) for parameter in op.signature.parameters.values())})",
        "    except Exception as _error:",
        f"        out = _rescue(OP, _error, {values})",
    ]
    if not op.trusted:
        lines.append(f"    out = _as_arrays(OP, out, {values})")
    nodes = [f"*{param}_nodes" if param in op.lists else f"{param}_node" for param in op.inputs]
    parents = "(" + "".join(f"{node}, " for node in nodes) + ")"
    record = f"return OP.record(out, {parents}, {values}{', _source' if op.view else ''})"
    if op.outputs is not None:
        return [*lines, f"    {record}"]
    lines += [
        "    if _status.special:",
        f"        {record}",
        "    _result = _new(Tensor)",
        "    _result._data = out",
        "    _result._grad = _result._view = None",
    ]
    if op.view:
        obstacle = ", None, OP.view" if isinstance(op.view, str) else ""
        lines += [
            f"    if _source is not None and _shares_memory(out, {op.params[0]}):",
            f"        _result._view = _View(_source, OP, ({''.join(f'{name}, ' for name in op.params[1:])}){obstacle})",
        ]
    if not op.differentiable:
        return [*lines, "    _result._node = None", "    return _result"]
    return [*lines, *_node(op, nodes[0], parents)]


def _node(op: Any, first: str, parents: str) -> list[str]:
    """The lines that give the result its node, unless no gradient is needed."""
    still = [f"not any({name}_nodes)" if name in op.lists else f"{name}_node is None" for name in op.inputs]
    lines = [
        f"    if {' and '.join(still)}:",
        "        _result._node = None",
        "        return _result",
        "    _dtype = out.dtype",
        "    if _dtype is not float32 and _dtype is not float64 and _dtype.kind not in 'fcV':",
        "        _result._node = None  # no gradient flows through integers",
        "        return _result",
        "    _result._node = _node = Node()",
        "    _node.op = OP",
        f"    _node.parents = {parents}",
        f"    _node.saved = ({''.join(f'{value}, ' for value in _saved(op))})",
        "    _node.rank = _next_rank()",
        "    _node.time = _clock.now",
        "    _node.shape = _shape_out = out.shape",
    ]
    if not op.lists:
        lines += [
            f"    if {first} is not None and {first}.shape == _shape_out:",
            f"        _node.shape = {first}.shape  # one object, so that backward knows equal shapes at a glance",
        ]
    return [*lines, "    _node.dtype = _dtype", "    _node.hooks = _node.note = None", "    return _result"]


def _saved(op: Any) -> Iterator[str]:
    """What the node saves: each value only if a rule that asks for it will run."""
    for name, (kind, place, asking) in zip(op.saved_names, op._saving_plan, strict=True):
        value, param = name, op.params[place]
        if kind == "shapes":
            value = f"_shapes_of({param})"
        elif kind == "shape":
            value = f"_shape({param})" if len(op.inputs) > 1 else f"{param}.shape"
        if 0 < len(asking) < len(op.inputs):
            value = f"({value} if {' or '.join(f'{op.inputs[i]}_node is not None' for i in asking)} else None)"
        yield value


def argument(parameter: inspect.Parameter) -> str:
    """How the forward is given a parameter."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    return f"{parameter.name}={parameter.name}" if parameter.kind is parameter.KEYWORD_ONLY else parameter.name


def _unpack(op: Any, name: str) -> list[str]:
    """From a parameter to its array, and for an input to its node and dtype."""
    alias = _alias(op, name)
    if name in op.lists:
        return [f"    {name}, {name}_nodes = _unpack_list(OP, {name!r}, {name})"]
    if name in op.inputs:
        source, materialise, no_source = [], [], []
        if op.view and name == op.inputs[0]:
            source = [f"        _source = {name}"]
            materialise = [f"        if isinstance({name}._data, _generic):", f"            _array_of({name})"]
            no_source = ["        _source = None"]
        optional = op.signature.parameters[name].default is not inspect.Parameter.empty
        dtype = (
            []
            if op.promote is None
            else [f"        {name}_dtype = {name}.dtype if {name}_node is None else {name}_node.dtype"]
        )
        number = (
            []
            if len(op.inputs) == 1
            else [
                f"    elif type({name}) is float or type({name}) is int:",
                f"        {name}_node = {name}_dtype = None",
            ]
        )
        return [
            f"    if type({name}) is Tensor or isinstance({name}, Handle):",
            *source,
            *materialise,
            f"        {name}_node = {name}._node if {name}._view is None else _current({name})",
            f"        {name} = {name}._data",
            *dtype,
            *number,
            "    else:",
            *no_source,
            f"        {name}, {name}_node, {name}_dtype = _operand(OP, {name!r}, {name}, {alias}, {optional})",
            *([f"        if {name} is NotImplemented:", f"            return {name}"] if len(op.inputs) > 1 else []),
        ]
    if name in op.constants:
        refused = [f"        _refuse(OP.name, {name!r}, {name})"] if name in op.refused else []
        return [
            f"    if isinstance({name}, Handle):",
            *refused,
            f"        {name} = {name}._data",
            f"    elif type({name}) is tuple or type({name}) is list:",
            f"        {name} = _unwrap({name})",
        ]
    chosen = [] if alias is None else [f"    if {alias} is not None:", f"        {name} = {alias}"]
    kind = checked_of(op.forward).get(name)
    if kind is None and name in ("dim", "dims"):
        return [*chosen, f"    if {name} is True or {name} is False:", f"        _refuse_flag(OP.name, {name})"]
    if kind is None:
        return chosen
    if kind == "bool" and alias is not None:  # NumPy's keepdims=1
        chosen[1:] = [f"        {name} = {alias} if {alias}.__class__ is not int else {alias} != 0"]
    default = op.signature.parameters[name].default
    others = [cls.__name__ for cls in PLAIN[kind] if cls is not type(None) and cls is not type(default)]
    usual = [type(default).__name__] if type(default) in PLAIN[kind] and default is not None else []
    unless = [f"{name}.__class__ is not {cls}" for cls in (*usual, *sorted(others))]
    unless += [f"{name} is not None"] if default is None or type(None) in PLAIN[kind] else []
    return [
        *chosen,
        f"    if {' and '.join(unless)}:",
        f"        {name} = _setting(OP.name, {name!r}, {name}, {kind!r})",
    ]


def _promote(op: Any) -> list[str]:
    """Bring the inputs to a common dtype, unless they visibly have one already."""
    names = [name for name in op.inputs if name not in op.lists]
    if op.promote is None or not names:
        return []
    first = names[0]
    other_float = f"{first}_dtype is not float32 and {first}_dtype is not float64"
    joined = ", ".join(names)
    refusal = [f"        _require_real(OP, {joined})"] if op.promote == "real" else []
    if len(names) == 1:
        if op.promote == "common":
            return []
        return [f"    if {other_float}:", f"        {first} = _promote_one({first})", *refusal]
    differ = " or ".join(f"{first}_dtype is not {name}_dtype" for name in names[1:])
    call = f"_promote_pair({joined}, " if len(names) == 2 else f"_promote({joined}, to_float="
    return [f"    if {differ} or ({other_float}):", f"        {joined} = {call}{op.promote != 'common'})", *refusal]


_INLINE = {
    (lambda a: a).__code__.co_code: "{0}",
    (lambda a: -a).__code__.co_code: "-{0}",
    (lambda a, b: a * b).__code__.co_code: "{0} * {1}",
}
"""Rules so short that a call would cost as much as their work: by their bytecode, what is written instead."""


def derivative(op: Any, name: str) -> str:
    """The call of an input's rule, or what the rule does."""
    rule = op.rules[name]
    asked = asks(rule)
    code: Any = getattr(rule, "__code__", None)
    short = _INLINE.get(code.co_code) if code is not None and not code.co_freevars and not code.co_names else None
    return short.format(*asked) if short and len(asked) == code.co_argcount else f"rule_{name}({', '.join(asked)})"


_RESHAPING = {"dim", "index", "reduction", "spec"}
"""Parameters by which an input may be broadcast to a shape that the result does not have."""


def _backward(op: Any) -> list[str]:
    """The lines of ``backward``, which adds the derivatives to ``grads``, the gradients by node."""
    lines = ["def backward(_node, g, _saved, _parents, _grads):"]
    if op.saved_names:
        lines.append(f"    ({', '.join(op.saved_names)},) = _saved")
    if isinstance(op.outputs, tuple):
        lines.append(f"    ({', '.join(f'g_{name}' for name in op.outputs)},) = g")
    if any("needs" in asks(rule) for rule in op.all_rules()):
        lines.append("    needs = tuple([_p is not None for _p in _parents])")
    # rules of users return numbers, tuples and, where they call an op itself, Tensors for arrays, too
    absent, given = ("_d is None", "{}") if op.trusted else ("type(_d) is not _ndarray", "_as_given({}, g)")
    if op.joint is not None:
        found = given.format(f"joint({', '.join(asks(op.joint))})")
        return [*lines, f"    _add_all(OP, {found}, _parents, _grads)"]
    for i, name in enumerate(op.inputs):
        if name not in op.rules:
            continue
        if name in op.lists:
            found = given.format(f"rule_{name}({', '.join(asks(op.rules[name]))})")
            lines.append(f"    _add_all(OP, {found}, _parents[{i}:], _grads)")
            continue
        known = "(_p.shape is not _node.shape or _p.dtype is not _node.dtype) and " if op.trusted else ""
        if len(op.inputs) > 1 and _RESHAPING & set(op.params):
            known = ""
        lines += [
            f"    _p = _parents[{i}]",
            "    if _p is not None:",
            f"        _d = {derivative(op, name)}",
            f"        if {known}({absent} or _d.shape != _p.shape or _d.dtype is not _p.dtype):",
            f"            _d = _conform({given.format('_d')}, _p, OP)",
            "        _held = _grads.get(_p)",
            "        if _held is not None:",
            "            _d = _held + _d if type(_d) is not _ndarray or _d.size < _LARGE else _summed(_held, _d)",
            "        _grads[_p] = _d",
        ]
    return lines if op.differentiable else [*lines, "    raise _without_rules(OP)"]
