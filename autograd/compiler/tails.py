"""Tails: a function whose last lines cannot be recorded is cut in two, and only its head becomes a program.

The last lines of a training step print a number, or append one to a list. What stands before them is compiled as a
function of its own, that returns the variables which the tail uses; the tail runs as it is.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["cut"]

_TREE = "_syntax_tree"
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def cut(function: Any, line: int, after: bool) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """The head and the tail of a function, which begins with the statement at ``line`` of its file.

    Args:
        function: the function.
        line: where to cut.
        after: cut after that statement; then the tail must do more than return.

    Returns:
        Two functions: the head, of the same arguments, returns a tuple of what the tail takes. None if the line does
        not stand in the outermost block, or the two cannot be told apart.
    """
    if isinstance(function, types.MethodType):
        halves = cut(function.__func__, line, after)
        return halves and (types.MethodType(halves[0], function.__self__), halves[1])
    found = _statements(function)
    if found is None:
        return None
    node, offset = found
    body = node.body
    there = [i for i, item in enumerate(body) if item.lineno <= line - offset <= (item.end_lineno or 0)]
    at = there[0] if there else None
    if there and after:
        at = there[-1] + 1  # of several statements in a line the last may have been the one
        at = None if all(isinstance(item, ast.Return) for item in body[at:]) else at
    if at is None or all(_is_text(item) for item in body[:at]):
        return None
    head, tail = body[:at], body[at:]
    if any(isinstance(item, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Delete)) for item in _inside(head)):
        return None
    sure = _bound(head) | {arg.arg for arg in _arguments(node)}
    maybe = _names(head, ast.Store)
    shared = {name for item in _inside(body) if isinstance(item, (ast.Global, ast.Nonlocal)) for name in item.names}
    read = _names(tail) - shared
    live = sorted(read & sure)
    if read & (maybe - sure - shared) or _enclosed(head) & _names(tail, ast.Store):
        return None
    scopes = [item for item in _inside(body) if isinstance(item, (ast.Global, ast.Nonlocal))]
    returned = ast.Return(ast.Tuple([ast.Name(name, ast.Load()) for name in live], ast.Load()))
    parameters = ast.arguments([], [ast.arg(name) for name in live], None, [], [], None, [])
    plain = [item for item in tail if not isinstance(item, (ast.Global, ast.Nonlocal))]
    first = _made(function, node.args, [*head, returned], node.name, offset)
    second = _made(function, parameters, [*scopes, *plain], f"{node.name}_tail", offset)
    first.__defaults__, first.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return first, second


def _statements(function: Any) -> tuple[ast.FunctionDef, int] | None:
    """The syntax tree of a function, and what is to be added to its line numbers."""
    if not isinstance(function, types.FunctionType):
        return None
    if _TREE in function.__dict__:  # a head that is cut again: its lines are those of the file
        return function.__dict__[_TREE], 0
    try:
        lines, start = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (OSError, SyntaxError, TypeError):
        return None
    return (tree, start - 1) if isinstance(tree, ast.FunctionDef) else None


def _made(function: Any, parameters: ast.arguments, body: list[Any], name: str, offset: int) -> Any:
    """A function with the same globals and the same variables of the functions around it."""
    free = function.__code__.co_freevars
    bare = ast.arguments(
        parameters.posonlyargs, parameters.args, parameters.vararg, parameters.kwonlyargs,
        [None] * len(parameters.kwonlyargs), parameters.kwarg, [],
    )  # fmt: skip
    inner = ast.FunctionDef(name, bare, body, [], None, None)
    outer = ast.FunctionDef(
        "around",
        ast.arguments([], [], None, [], [], None, []),
        [*[ast.Assign([ast.Name(n, ast.Store())], ast.Constant(None)) for n in free], inner],
        [],
        None,
        None,
    )
    module = ast.fix_missing_locations(ast.Module([outer], []))
    ast.increment_lineno(module, offset)
    code = compile(module, function.__code__.co_filename, "exec")
    around = next(item for item in code.co_consts if isinstance(item, types.CodeType))
    own = next(item for item in around.co_consts if isinstance(item, types.CodeType) and item.co_name == name)
    cells = dict(zip(free, function.__closure__ or (), strict=True))
    made = types.FunctionType(own, function.__globals__, name, None, tuple([cells[n] for n in own.co_freevars]))
    made.__dict__[_TREE] = inner
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made


def _is_text(item: Any) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _inside(items: list[Any]) -> Iterator[Any]:
    """All nodes of statements, but for those of functions inside."""
    stack = list(items)
    while stack:
        item = stack.pop()
        yield item
        stack += [child for child in ast.iter_child_nodes(item) if not isinstance(child, _NESTED)]


def _names(items: list[Any], context: Any = ast.expr_context) -> set[str]:
    """The variables that statements name: those they bind, with ``ast.Store``."""
    nodes = [node for item in items for node in ast.walk(item)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _bound(items: list[Any]) -> set[str]:
    """The names that the outermost block surely binds."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            found |= _names([item], ast.Store)
        elif isinstance(item, (ast.FunctionDef, ast.ClassDef)):
            found.add(item.name)
        elif isinstance(item, ast.With):
            found |= _bound(item.body)
    return found


def _arguments(node: ast.FunctionDef) -> list[Any]:
    args = node.args
    return [x for x in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if x is not None]


def _enclosed(items: list[Any]) -> set[str]:
    """The names that functions inside of the head use: they see what the tail makes of them."""
    nested = [node for item in items for node in ast.walk(item) if isinstance(node, _NESTED)]
    return {name.id for node in nested for name in ast.walk(node) if isinstance(name, ast.Name)}
