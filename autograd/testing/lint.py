"""What a derivative rule must not contain, found in its source: whatever is not the same for every kind of array."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["forbidden"]

PLAIN = {"shape", "dtype", "ndim"}
"""Attributes that arrays, Tensors and recording arrays have alike, and that are not arrays."""
METHODS = {name for name in dir(np.ndarray) if not name.startswith("__")} - PLAIN - {"astype", "T", "mT"}
METHODS |= {"_data", "_node", "detach", "numpy", "grad", "requires_grad"}
"""Methods of arrays are NumPy's on an array and PyTorch's on a Tensor, so a rule uses NumPy's functions."""
TYPE_TESTS = {isinstance, issubclass, type, hasattr, float, int, bool, complex}
"""Builtins that look at an array's type or take its number out."""
STRIPPING = {np.asarray, np.array, np.ascontiguousarray, np.asfortranarray}
WRITING = {np.copyto, np.put, np.putmask, np.place, np.put_along_axis, np.fill_diagonal}


def forbidden(rule: Callable[..., Any], arrays: Iterable[str]) -> list[str]:
    """Complaints about a rule, each with its line; none if its source cannot be found.

    Args:
        rule: a derivative rule.
        arrays: which of its parameters are arrays; what is made of them is followed, also into helper functions of
            the library and of the rule's own module.
    """
    return _Reader(rule, set(arrays), set()).read() if inspect.isfunction(rule) else []


class _Reader(ast.NodeVisitor):
    """Follows the arrays through one function of a rule, and collects what is done to them that must not be."""

    def __init__(self, function: Callable[..., Any], arrays: set[str], seen: set[Any]) -> None:
        self.function: Any = function
        self.arrays = arrays
        self.lists: set[str] = set()
        self.seen = seen
        self.complaints: list[str] = []
        self.names = {**vars(builtins), **self.function.__globals__, **inspect.getclosurevars(function).nonlocals}

    def read(self) -> list[str]:
        for node in _definitions(self.function):
            body = node.body if isinstance(node.body, list) else [node.body]
            for part in body * 2:  # twice: an array may flow back through a loop
                self._follow(part)
            for part in body:
                self.visit(part)
        return self.complaints

    def _follow(self, tree: ast.AST) -> None:
        """Names that are bound to something made of arrays are arrays, or lists of them."""
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                value = node.value
            elif isinstance(node, (ast.For, ast.comprehension)):
                targets, value = [node.target], node.iter
            else:
                continue
            if value is not None and self.is_array(value):
                parts = (part for target in targets for part in ast.walk(target))
                names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
                self.arrays |= names
                if isinstance(node, ast.Assign) and isinstance(value, (ast.List, ast.ListComp, ast.Dict, ast.DictComp)):
                    self.lists |= names

    def is_array(self, node: ast.AST) -> bool:
        """Whether an expression may hold an array: it names one other than to ask for its shape or dtype."""
        if isinstance(node, ast.Name):
            return node.id in self.arrays
        if isinstance(node, ast.Attribute) and node.attr in PLAIN:
            return False
        if isinstance(node, ast.Compare) and all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            return False
        if isinstance(node, ast.Call) and self._called(node) in (np.shape, np.ndim, len):
            return False
        return any(self.is_array(child) for child in ast.iter_child_nodes(node))

    def _called(self, node: ast.Call) -> Any:
        """The function that a call calls, if it is known by name here; else None."""
        parts = []
        target: Any = node.func
        while isinstance(target, ast.Attribute):
            parts.append(target.attr)
            target = target.value
        if not isinstance(target, ast.Name) or target.id in self.arrays:
            return None
        found = self.names.get(target.id)
        for part in reversed(parts):
            found = getattr(found, part, None)
        return found

    def _complain(self, node: ast.AST, text: str) -> None:
        code = self.function.__code__
        line = getattr(node, "lineno", code.co_firstlineno)
        self.complaints.append(f"{Path(code.co_filename).name}:{line} {text}: {ast.unparse(node)}")

    def _is_list(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self.lists

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in METHODS and self.is_array(node.value) and not self._is_list(node.value):
            self._complain(node, f"uses .{node.attr} of an array, which a Tensor does otherwise; use NumPy's function")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        given = [argument.value if isinstance(argument, ast.Starred) else argument for argument in node.args]
        given += [keyword.value for keyword in node.keywords]
        if any(self.is_array(argument) for argument in given):
            called = self._called(node)
            if _is_in(called, TYPE_TESTS):
                self._complain(node, "looks at the type of an array, or makes a Python number of it")
            elif _is_in(called, STRIPPING):
                self._complain(node, "strips Tensors and array subclasses")
            elif _is_in(called, WRITING) or _writes(called, node):
                self._complain(node, "writes into an array, in place")
            elif hasattr(called, "op") and hasattr(called, "kernel"):
                self._complain(node, "calls an op itself, not its .kernel")
            elif inspect.isfunction(called) and not hasattr(called, "kernel") and self._is_near(called):
                self._enter(called, node)
        self.generic_visit(node)

    def _is_near(self, called: Any) -> bool:
        module = called.__module__ or ""
        return module == self.function.__module__ or module.startswith("autograd.")

    def _enter(self, called: Any, node: ast.Call) -> None:
        """Read a helper to which arrays are given."""
        parameters = list(inspect.signature(called).parameters)
        arrays = {keyword.arg for keyword in node.keywords if keyword.arg and self.is_array(keyword.value)}
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            arrays |= set(parameters)
        for i, argument in enumerate(node.args):
            if self.is_array(argument):
                arrays.add(parameters[min(i, len(parameters) - 1)])
        key = (called, frozenset(arrays))
        if key not in self.seen:
            self.seen.add(key)
            self.complaints += _Reader(called, arrays, self.seen).read()

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, (ast.Store, ast.Del)) and self.is_array(node.value) and not self._is_list(node.value):
            self._complain(node, "writes into an array, in place")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id in self.arrays and not self._is_list(node.target):
            self._complain(node, "changes an array in place")
        self.generic_visit(node)


def _is_in(called: Any, functions: set[Any]) -> bool:
    return any(called is function for function in functions)


def _writes(called: Any, node: ast.Call) -> bool:
    """Whether a call of a NumPy function is ``ufunc.at`` or has ``out=``."""
    owner = getattr(called, "__self__", called)
    if isinstance(owner, np.ufunc) and getattr(node.func, "attr", "") == "at":
        return True
    module = getattr(called, "__module__", None) or ("numpy" if isinstance(owner, np.ufunc) else "")
    return module.split(".")[0] == "numpy" and any(keyword.arg == "out" for keyword in node.keywords)


@functools.cache
def _tree(filename: str) -> ast.AST:
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:  # a notebook's cell with commands, say
        return ast.Module([], [])


def _definitions(function: Callable[..., Any]) -> list[Any]:
    """The syntax of a function: of lambdas with equal parameters on one line, all; nothing if there is no source."""
    code: Any = inspect.unwrap(function).__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    found = []
    for node in ast.walk(_tree(code.co_filename)):
        if isinstance(node, (ast.Lambda, ast.FunctionDef)):
            lines = {node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))}
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            if code.co_firstlineno in lines and tuple(argument.arg for argument in arguments) == names:
                found.append(node)
    return found
