"""Writes what an op does in forward mode as Python text, from what ``jvp=`` says of it.

``push`` is to tangents, the directions in which values move, what ``backward`` is to gradients: it carries those of a
node's inputs to its output. No op has a second set of rules for it; most need one word.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ._saving import savable
from ._signatures import asks, required
from ._writing import argument, built, derivative
from .engine.foreign import like_of
from .engine.modes import local, status
from .engine.push import all_fitted, by_transposes, fitted, gathered, spread

__all__ = ["KINDS", "kind_of", "settings", "write_push"]

KINDS = ("symmetric", "reduction", "linear", "multilinear", "unknown")
"""What ``jvp`` may say."""

_NAMES: dict[str, Any] = {
    "_all_fitted": all_fitted,
    "_by_transposes": by_transposes,
    "_fitted": fitted,
    "_gathered": gathered,
    "_like_of": like_of,
    "_local": local,
    "_ndarray": np.ndarray,
    "_ones": np.ones,
    "_spread": spread,
    "_status": status,
    "_zeros": np.zeros,
}


RULE = "rule"
"""What stands for a word where ``jvp`` is a rule."""


def kind_of(op: Any, said: Any) -> str | None:
    """What is known of an op's Jacobian, or None: what was said of it; all that ufuncs do is elementwise.

    Raises:
        TypeError: it is no word for it, or not one for such an op; or a rule that asks for what there is not.
    """
    if callable(said):
        if op.outputs == "many" or op.lists:
            raise TypeError(
                f"op '{op.name}': a rule as jvp is for ops of one output, or of outputs with names; no lists"
            )
        allowed = [*_tangent_names(op), *savable(op)]
        for name in asks(said):
            if name not in allowed:
                raise TypeError(f"op '{op.name}': jvp asks for {name!r}; it may ask for {', '.join(allowed)}")
        return RULE
    if said is None:
        elementwise = any(isinstance(function, np.ufunc) and function.signature is None for function in op.numpy)
        return "symmetric" if elementwise and op.rules and op.outputs is None and not op.lists else None
    if said not in KINDS:
        raise TypeError(f"op '{op.name}': jvp is one of {', '.join(map(repr, KINDS))}, got {said!r}")
    if said in ("symmetric", "reduction") and (op.joint is not None or op.outputs is not None or op.lists):
        raise TypeError(
            f"op '{op.name}': jvp={said!r} is for ops with one output and a rule for each of their inputs, no lists"
        )
    if said == "multilinear" and (op.outputs is not None or op.lists):
        raise TypeError(f"op '{op.name}': jvp='multilinear' is for ops with one output and no lists")
    return None if said == "unknown" else said


def _tangent_names(op: Any) -> list[str]:
    """What a rule calls the tangents of the inputs."""
    return [f"t_{name}" for name in op.inputs]


def settings(op: Any) -> set[str]:
    """What a node must save for ``push`` beside what the rules ask for: the forward is called again, on tangents."""
    if op.jvp == RULE:
        asked = set(asks(op.jvp_rule)).difference(_tangent_names(op))
        saved = {name for rule in op.all_rules() for name in asks(rule)}
        return asked.difference(saved.difference(required(op.jvp_rule)))
    if op.jvp not in ("linear", "multilinear"):
        return {"dim", "keepdim"}.intersection(op.params) if op.jvp == "reduction" else set()
    found = {name for name in op.params if name not in op.inputs}
    several = op.jvp == "linear" and (len(op.inputs) > 1 or op.lists)
    return found | {f"{name}_shape" for name in op.inputs} if several else found


def write_push(op: Any) -> tuple[Callable[..., Any], str]:
    """The function ``push`` of an op of which ``jvp`` says something, and its text."""
    lines = ["def push(_node, _saved, _parents, _tangents, _record):"]
    if op.saved_names:
        lines.append(f"    ({', '.join(op.saved_names)},) = _saved")
    source = "\n".join(lines + _BODIES[op.jvp](op))
    closed = {"OP": op, "forward": op.forward, "_kernel": op.kernel, "_jvp": op.jvp_rule}
    return built(op, source, "push", closed, _NAMES, f"<autograd op {op.name}, forward mode>"), source


_FIT = [
    "    if _move.shape != _node.shape or _move.dtype is not _node.dtype:",
    "        _move = _fitted(_move, _node, OP)",
    "    return _move",
]
_FIT_DTYPE = ["    if _move.dtype is not _node.dtype:", *_FIT[1:]]
_NOTHING = ["    if _move is None:", "        return None"]
_MOVES = [
    "    _ts = [_tangents.get(_p) for _p in _parents]",
    "    for _t in _ts:",
    "        if _t is not None:",
    "            break",
    "    else:",
    "        return None",
]
_CHOICE = "    _call = _kernel if _record or (_status.special and _local.levels) else forward"


def _symmetric(op: Any) -> list[str]:
    """A rule is its own transpose: it is called with the tangent in the place of the gradient."""
    lines = []
    if any("needs" in asks(rule) for rule in op.rules.values()):
        lines.append("    needs = tuple([_p is not None for _p in _parents])")
    one = op.trusted and len(op.inputs) == 1  # it has the shape of its input
    if not one:
        lines.append("    _move = None")
    for i, name in enumerate(op.inputs):
        if name not in op.rules:
            continue
        lines.append(f"    g = _tangents.get(_parents[{i}])")
        if one:
            lines += ["    if g is None:", "        return None", f"    _move = {derivative(op, name)}"]
            break
        lines.append("    if g is not None:")
        code: Any = getattr(op.rules[name], "__code__", None)
        if code is None or code.co_names or code.co_freevars:  # else it consists of operators, which broadcast
            lines += [
                "        if g.shape != _node.shape or g.dtype is not _node.dtype:",
                "            g = _spread(g, _node, OP)",
            ]
        lines.append(f"        _d = {derivative(op, name)}")
        lines.append("        _move = _d if _move is None else _move + _d" if i else "        _move = _d")
    return [*lines, *_FIT_DTYPE] if one else [*lines, *_NOTHING, *_FIT]


def _reduction(op: Any) -> list[str]:
    """What the rule makes of ones are the weights with which the tangent is summed up."""
    given = "".join(f"{name}, " for name in op.saved_names if not name.endswith("_shape"))
    lines = [*_MOVES, f"    g = _ones(_node.shape, _node.dtype, like=_like_of(({given}*_ts)))", "    _move = None"]
    axis = f"{'dim' if 'dim' in op.params else None}, {'keepdim' if 'keepdim' in op.params else False}"
    for i, name in enumerate(op.inputs):
        if name not in op.rules:
            continue
        lines += [
            f"    _t = _ts[{i}]",
            "    if _t is not None:",
            f"        _d = _gathered({derivative(op, name)} * _t, _node, {axis})",
            "        _move = _d if _move is None else _move + _d",
        ]
    return [*lines, *_NOTHING, *_FIT]


def _called(op: Any, function: str, values: dict[str, str]) -> str:
    """A call of the forward with these texts for some arguments."""
    given = []
    for parameter in op.signature.parameters.values():
        text = argument(parameter)
        if parameter.name in values:
            text = f"{parameter.name}={values[parameter.name]}" if "=" in text else values[parameter.name]
        given.append(text)
    return f"{function}({', '.join(given)})"


def _linear(op: Any) -> list[str]:
    """The forward itself, on tangents, with zeros for an input that does not move."""
    end = _FIT if op.outputs is None else ["    return _move"]
    if len(op.inputs) == 1 and not op.lists:
        (name,) = op.inputs
        call = "(_kernel if type(_t) is not _ndarray or (_status.special and _local.levels) else forward)"
        lines = ["    _t = _tangents.get(_parents[0])", "    if _t is None:", "        return None"]
        return [*lines, f"    _move = {_called(op, call, {name: '_t'})}", *end]
    lines = [*_MOVES, "    _like = _like_of(_ts)"]
    for i, name in enumerate(op.inputs):
        if name in op.lists:
            made = "_zeros(_s, _node.dtype, like=_like) if _t is None else _t"
            lines.append(f"    {name} = [{made} for _t, _s in zip(_ts[{i}:], {name}_shape)]")
        else:
            made = f"_zeros({name}_shape, _node.dtype, like=_like) if _ts[{i}] is None else _ts[{i}]"
            lines.append(f"    {name} = {made}")
    return [*lines, _CHOICE, f"    _move = {_called(op, '_call', {})}", *end]


def _multilinear(op: Any) -> list[str]:
    """For each factor the forward with its tangent in its place; inputs with a default are added to the product."""
    added = [name for name in op.inputs if op.signature.parameters[name].default is not inspect.Parameter.empty]
    lines = ["    _move = None", _CHOICE]
    for i, name in enumerate(op.inputs):
        if name in added:
            lines.append(f"    _t_{name} = _tangents.get(_parents[{i}])")
    for i, name in enumerate(op.inputs):
        if name in added:
            continue
        call = _called(op, "_call", {name: "_t", **{other: f"_t_{other}" for other in added}})
        lines += [f"    _t = _tangents.get(_parents[{i}])", "    if _t is not None:", f"        _d = {call}"]
        lines += [f"        _t_{other} = None" for other in added]
        lines.append("        _move = _d if _move is None else _move + _d")
    if added:
        left = " or ".join(f"_t_{other} is not None" for other in added)
        lines += [
            f"    if {left}:  # nothing else moves",
            "        return _by_transposes(_node, _saved, _parents, _tangents, _record)",
        ]
    return [*lines, *_NOTHING, *_FIT]


def _by_rule(op: Any) -> list[str]:
    """The rule, called with the tangents: None for those of inputs that do not move, and of outputs that do not."""
    names = _tangent_names(op)
    lines = [f"    {name} = _tangents.get(_parents[{i}])" for i, name in enumerate(names)]
    lines += [f"    if {' and '.join(f'{name} is None' for name in names)}:", "        return None"]
    if op.outputs is not None:
        return [*lines, f"    return _all_fitted(_jvp({', '.join(asks(op.jvp_rule))}), _node, OP)"]
    fits = '    if getattr(_move, "shape", None) != _node.shape or _move.dtype is not _node.dtype:'
    return [*lines, f"    _move = _jvp({', '.join(asks(op.jvp_rule))})", fits, *_FIT[1:]]


_BODIES = {
    "symmetric": _symmetric, "reduction": _reduction, "linear": _linear, "multilinear": _multilinear, RULE: _by_rule,
}  # fmt: skip
