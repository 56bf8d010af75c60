"""What a derivative rule must not contain, found in its source."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["forbidden"]

ALLOWED = {"shape", "dtype", "ndim", "astype"}
"""The attributes of an array that a rule may use: they mean the same for arrays, Tensors and recording arrays."""
ATTRIBUTES = {name for name in dir(np.ndarray) if not name.startswith("_")} - ALLOWED - {"kernel"}
ATTRIBUTES |= {"_data", "_node", "detach", "numpy", "grad", "requires_grad"}
CALLS = {
    "isinstance": "looks at the type of an array",
    "issubclass": "looks at the type of an array",
    "type": "looks at the type of an array",
    "hasattr": "looks at the type of an array",
    "float": "makes a Python number of an array",
    "complex": "makes a Python number of an array",
    "bool": "makes a Python number of an array",
}
NUMPY_CALLS = {
    "asarray": "strips Tensors and array subclasses",
    "ascontiguousarray": "strips Tensors and array subclasses",
    "copyto": "writes in place",
    "put": "writes in place",
    "putmask": "writes in place",
    "place": "writes in place",
    "put_along_axis": "writes in place",
    "fill_diagonal": "writes in place",
}


def forbidden(rule: Callable[..., Any]) -> Iterator[str]:
    """Complaints about a rule: the line, and what in it would not work for every kind of array."""
    code = getattr(rule, "__code__", None)
    if code is None:
        return
    for node in _definitions(code.co_filename, code.co_firstlineno):
        arguments = node.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        if tuple(names) == code.co_varnames[: len(names)] and len(names) == code.co_argcount + code.co_kwonlyargcount:
            yield from _complaints(node, set(names))


@functools.cache
def _tree(filename: str) -> Any:
    lines = linecache.getlines(filename)
    try:
        return ast.parse("".join(lines)) if lines else None
    except SyntaxError:
        return None


def _definitions(filename: str, line: int) -> Iterator[Any]:
    tree = _tree(filename)
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == line:
            yield node
        elif isinstance(node, ast.FunctionDef):
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            if first == line:
                yield node


def _complaints(rule: Any, parameters: set[str]) -> Iterator[str]:
    body = rule.body if isinstance(rule.body, list) else [rule.body]
    lists = {
        target.id
        for top in body
        for node in ast.walk(top)
        if isinstance(node, ast.Assign)
        and (
            isinstance(node.value, (ast.List, ast.ListComp, ast.Dict, ast.BinOp))
            or _called(node.value) in ("list", "dict")
        )
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for top in body:
        for node in ast.walk(top):
            complaint = _complaint(node, lists, parameters)
            if complaint:
                yield f"line {getattr(node, 'lineno', '?')}: {ast.unparse(node)} {complaint}"


def _called(node: Any) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _root(node: Any) -> Any:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _is_module(node: Any, parameters: set[str]) -> bool:
    root = _root(node)
    return (
        isinstance(root, ast.Name)
        and root.id in {"np", "math", "special", "linalg", "scipy"}
        and root.id not in parameters
    )


def _complaint(node: Any, lists: set[str], parameters: set[str]) -> str | None:
    if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES and not _is_module(node.value, parameters):
        if isinstance(_root(node), ast.Name) and _root(node).id in lists:
            return None
        return f"uses .{node.attr}, which is not the same for arrays and Tensors: use NumPy's function"
    if isinstance(node, ast.Call):
        if any(keyword.arg == "out" for keyword in node.keywords) and _is_module(node.func, parameters):
            return "writes in place"
        name = _called(node)
        if name in CALLS and not (name in ("float", "bool", "complex") and not _mentions(node, parameters)):
            return CALLS[name]
        if isinstance(node.func, ast.Attribute) and _is_module(node.func.value, parameters):
            if node.func.attr in NUMPY_CALLS:
                return NUMPY_CALLS[node.func.attr]
            if node.func.attr == "at":
                return "writes in place"
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Subscript) and not (
                isinstance(target.value, ast.Name) and target.value.id in lists
            ):
                return "writes in place"
            if isinstance(node, ast.AugAssign) and isinstance(target, ast.Name) and target.id in parameters:
                return "writes in place"
    return None


ARRAYS = ("g", "out", "x", "y", "z", "value", "weight")


def _mentions(node: Any, parameters: set[str]) -> bool:
    """Whether a call's arguments name what may be an array (``float(alpha)`` is a number already)."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return bool(names & parameters & set(ARRAYS))
