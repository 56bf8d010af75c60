"""Tails: a function whose last lines cannot be recorded is cut in two, and only its head becomes a program.

The last lines of a training step print a number, or append one to a list. What stands before them is compiled as a
function of its own, that returns the variables which the tail uses; the tail runs as it is.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.callsite import is_ours

__all__ = ["code_of", "cut", "handed_on"]

_TREE = "_syntax_tree"
_HANDED_ON = "_handed_on"
_MAYBE = "_{}_if_bound"
"""What is handed on of a variable that the head may not have bound: a tuple of it, or none."""
_PACKED = "try:\n    {maybe} = ({0},)\nexcept UnboundLocalError:\n    {maybe} = ()\n"
_UNPACKED = "if {maybe}:\n    ({0},) = {maybe}\n"
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
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
    if not isinstance(function, types.FunctionType):
        around = _around(function)
        halves = around and cut(around[0], line, after)
        return (around[1](halves[0]), halves[1]) if around and halves else None
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
    return _halves(function, node, at, offset)


def _halves(
    function: Any, node: ast.FunctionDef, at: int, offset: int
) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """The two functions into which one is cut before one of its statements; None if they cannot be told apart."""
    head, tail = node.body[:at], node.body[at:]
    if any(isinstance(item, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Delete)) for item in _inside(head)):
        return None
    sure = _bound(head) | {arg.arg for arg in _arguments(node)}
    maybe = _stored(head)
    imports = [item for item in head if isinstance(item, (ast.Import, ast.ImportFrom))]
    imported = _stored(imports) - _stored([item for item in head if item not in imports])
    scopes = [item for item in _inside(node.body) if isinstance(item, (ast.Global, ast.Nonlocal))]
    shared = {name for item in scopes for name in item.names}
    read = _read(tail) - shared
    if imported & read:  # the tail imports it once more: no program returns modules
        tail, read = [*imports, *tail], read - imported
    if any(getattr(item, "name", None) in read for item in head):
        return None  # no program returns functions
    live, unsure = sorted(read & sure), sorted(read & (maybe - sure))
    if (_enclosed(head) & _stored(tail) | _rebound(head)) & read:
        return None
    if any(isinstance(item, ast.keyword) and item.arg == "create_graph" for each in tail for item in ast.walk(each)):
        return None  # the graph of a program's results, which may be passed on, cannot be differentiated twice
    given = [*live, *[_MAYBE.format(name) for name in unsure]]
    returned = ast.Return(ast.Tuple([ast.Name(name, ast.Load()) for name in given], ast.Load()))
    parameters = ast.arguments([], [ast.arg(name) for name in given], None, [], [], None, [])
    plain = [item for item in tail if not isinstance(item, (ast.Global, ast.Nonlocal))]
    first = _made(function, node.args, [*head, *_parsed(_PACKED, unsure), returned], node.name, offset)
    second = _made(function, parameters, [*scopes, *_parsed(_UNPACKED, unsure), *plain], f"{node.name}_tail", offset)
    first.__defaults__, first.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    first.__dict__[_HANDED_ON] = given
    return first, second


def handed_on(function: Any) -> list[str]:
    """The variables that a head returns; none of a function that is no head."""
    while found := _around(function):
        function = found[0]
    names: list[str] = getattr(function, "__dict__", {}).get(_HANDED_ON, [])
    return names


def code_of(function: Any) -> Any:
    """The code whose lines are a function's, or a method's, an object's or a partial's; None if there is none."""
    while found := _around(function):
        function = found[0]
    return getattr(function, "__code__", None)


def _around(function: Any) -> tuple[Any, Callable[[Any], Any]] | None:
    """What a method, a partial or an object calls, and what makes the like of it that calls another function."""
    if isinstance(function, types.MethodType):
        return function.__func__, lambda inner: types.MethodType(inner, function.__self__)
    if isinstance(function, functools.partial):
        return function.func, lambda inner: functools.partial(inner, *function.args, **function.keywords)
    call = inspect.getattr_static(type(function), "__call__", None)
    if isinstance(call, types.FunctionType) and not is_ours(call.__code__.co_filename):
        return call, lambda inner: types.MethodType(inner, function)
    return None


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


def _parsed(text: str, names: list[str]) -> list[Any]:
    """The statements of a text, once for each name."""
    return ast.parse("".join([text.format(name, maybe=_MAYBE.format(name)) for name in names])).body


def _is_text(item: Any) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _inside(items: list[Any]) -> Iterator[Any]:
    """All nodes of statements, but for those of functions inside."""
    stack = list(items)
    while stack:
        item = stack.pop()
        yield item
        stack += [] if isinstance(item, _NESTED) else ast.iter_child_nodes(item)


def _names(items: list[Any]) -> set[str]:
    """The variables that statements name."""
    nodes = [node for item in items for node in ast.walk(item)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _stored(items: list[Any]) -> set[str]:
    """The variables that statements bind, but for those that comprehensions and functions in them have for themselves.

    The names of functions and classes are among them, and what is imported.
    """
    found: set[str] = set()
    for item in items:
        inner = set() if isinstance(item, _NESTED) else _stored(list(ast.iter_child_nodes(item)))
        if isinstance(item, _COMPREHENSIONS):
            inner -= _names([part.target for part in item.generators])  # but ``:=`` binds outside
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            inner.add(item.id)
        elif isinstance(item, ast.alias):
            inner.add(item.asname or item.name.split(".")[0])
        elif isinstance(item, (ast.ExceptHandler, ast.FunctionDef, ast.ClassDef, ast.MatchAs, ast.MatchStar)):
            inner.add(item.name or "")
        elif isinstance(item, ast.MatchMapping):
            inner.add(item.rest or "")
        found |= inner
    return found


def _read(items: list[Any]) -> set[str]:
    """The variables that statements name, but for those that comprehensions and lambdas in them have for themselves."""
    found: set[str] = set()
    for item in items:
        inner = _read(list(ast.iter_child_nodes(item)))
        if isinstance(item, _COMPREHENSIONS):
            first, *_ = item.generators
            inner -= _names([part.target for part in item.generators])
            inner |= _read([first.iter])
        elif isinstance(item, ast.Lambda):
            inner -= {arg.arg for arg in _arguments(item)}
        found |= inner | ({item.id} if isinstance(item, ast.Name) else set())
    return found


def _bound(items: list[Any]) -> set[str]:
    """The names that the outermost block surely binds."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, ast.Assign):
            found |= _stored(item.targets)
        elif isinstance(item, (ast.Import, ast.ImportFrom)) or (isinstance(item, ast.AnnAssign) and item.value):
            found |= _stored([item])
        elif isinstance(item, (ast.FunctionDef, ast.ClassDef)):
            found.add(item.name)
        elif isinstance(item, ast.With):
            found |= _bound(item.body)
    return found


def _arguments(node: ast.FunctionDef | ast.Lambda) -> list[Any]:
    args = node.args
    return [x for x in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if x is not None]


def _rebound(items: list[Any]) -> set[str]:
    """The variables that functions inside of the head bind: the tail has them as they were at the cut."""
    nodes = [node for item in items for node in ast.walk(item) if isinstance(node, ast.Nonlocal)]
    return {name for node in nodes for name in node.names}


def _enclosed(items: list[Any]) -> set[str]:
    """The names that functions inside of the head use: they see what the tail makes of them."""
    nested = [node for item in items for node in ast.walk(item) if isinstance(node, _NESTED)]
    return {name.id for node in nested for name in ast.walk(node) if isinstance(name, ast.Name)}
