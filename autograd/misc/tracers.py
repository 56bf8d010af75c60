"""Functions run once and replayed, and the graph of a call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..tracer import Node, trace

__all__ = ["const_graph", "full_graph"]


def const_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """``fun``, called as ``fun(*args, x, **kwargs)``: its graph must be the same for every ``x``.

    In HIPS autograd the first call is recorded and then replayed, which saves the time of ``fun``'s own lines. Here
    each call runs ``fun``, which takes less time than a replay; the result is the same.
    """
    return functools.wraps(fun)(functools.partial(fun, *args, **kwargs))


class _Full(Node):
    """An op of a recorded call, with its value."""

    def __init__(
        self, value: Any, fun: Any, args: Sequence[Any], kwargs: Any, parent_argnums: Sequence[int], parents: Any
    ) -> None:
        self.value = value
        self.recipe = (fun, args, kwargs, list(zip(parent_argnums, parents, strict=True)))

    def initialize_root(self) -> None:
        self.value = None
        self.recipe = (lambda x: x, (), {}, [])


def full_graph(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The node of the result of ``fun(*args, **kwargs)``: its ``value``, and its ``recipe``.

    A recipe is the op, its arguments, its keywords, and pairs of an argument's number and the node that it came from.
    """
    return trace(_Full.new_root(), lambda given: fun(*given, **kwargs), args)[1]
