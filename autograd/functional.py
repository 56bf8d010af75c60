"""Derivatives of functions at a point, as in ``torch.autograd.functional``.

Each takes a function, and its input or the tuple of its inputs, and returns values; ``autograd.func`` makes functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .engine.modes import Mode
from .engine.nodes import Handle
from .engine.views import node_of
from .errors import ArgumentError, GradientError
from .func import forward, jacobians, reverse
from .func.calls import name_of
from .func.pytrees import flatten

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _arguments(inputs: Any) -> tuple[Any, ...]:
    """The arguments of the call."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _shaped(result: Any, inputs: Any) -> Any:
    """One result if there was one input, else a tuple of them."""
    return result if isinstance(inputs, tuple) else result[0]


def _formed(v: Any, like: Any) -> Any:
    """A vector in the form of inputs or outputs: a tuple of one stands for what is in it, and the other way round."""
    if v is None or isinstance(v, tuple) == isinstance(like, tuple):
        return v
    return (v,) if isinstance(like, tuple) else v[0] if len(v) == 1 else v


def _mode(create_graph: bool) -> Mode:
    """Results are only connected to the graph of the inputs if they are to be."""
    return Mode(grad=create_graph)


def _strictly(name: str, func: Callable[..., Any], strict: bool, what: str = "output", pairs: bool = False) -> Any:
    """``func``, which raises if ``strict`` and a part of its result depends on no argument, or the other way round.

    With ``pairs`` every part must depend on every argument.
    """

    def called(*args: Any) -> Any:
        result = func(*args)
        nodes = [arg._node for arg in args]
        behind = [_ancestors(out) for out in flatten(result)[0]]
        for i, seen in enumerate(behind):
            if not any(node in seen for node in nodes):
                raise GradientError(f"{name}: with strict=True, {what} {i} of {name_of(func)} depends on no input")
        for j, node in enumerate(nodes):
            without = [i for i, seen in enumerate(behind) if node not in seen]
            if without and (pairs or len(without) == len(behind)):
                raise GradientError(
                    f"{name}: with strict=True, {what} {without[0]} of {name_of(func)} does not depend on input {j}"
                )
        return result

    called.__name__ = name_of(func)
    return called if strict else func


def _ancestors(out: Any) -> set[Any]:
    """Everything in the graph that a result was computed from, and its own place in it."""
    seen: set[Any] = set()
    stack = [node_of(out)] if isinstance(out, Handle) else []
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            stack.extend(node.parents)
    return seen


def _check_bent(name: str, derivative: Callable[..., Any], given: tuple[Any, ...]) -> None:
    """Raise if a derivative that is to be differentiated itself is the same everywhere, as ``strict`` asks for."""

    def checked(*args: Any) -> Any:
        for i, out in enumerate(flatten(derivative(*args))[0]):
            if _ancestors(out).isdisjoint([arg._node for arg in args]):
                raise GradientError(f"{name}: with strict=True, derivative {i} is the same for all inputs")
        return ()

    with Mode(grad=True):
        reverse.vjp(checked, *given)


def _product(
    name: str,
    product: Callable[..., Any],
    func: Callable[..., Any],
    inputs: Any,
    v: Any,
    create_graph: bool,
    strict: bool,
) -> tuple[Any, Any]:
    """``hvp`` or ``vhp``.

    With ``strict`` it raises if the function, a part of its gradient or, if that is to be differentiated, of the
    product is the same for all inputs.
    """
    given = _arguments(inputs)
    v = _formed(v, inputs)
    if strict:
        gradient = reverse.grad(_strictly(name, func, strict), tuple(range(len(given))))
        with Mode(grad=True):
            reverse.vjp(_strictly(name, gradient, strict, "gradient"), *given)
        if create_graph:
            weights = v if v is None else _arguments(v)
            _check_bent(name, lambda *args: product(func, args, weights)[1], given)
    with _mode(create_graph):
        return product(func, inputs, v)


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of a vector with its Jacobian.

    Args:
        func: a function of Tensors (or arrays) that returns one or a tuple of them.
        inputs: its argument, or the tuple of its arguments.
        v: the vector, like the output; not needed if that is a single number.
        create_graph: record the computation, so that the results can be differentiated with respect to the inputs.
        strict: raise if an output or an input has nothing to do with the others, or (``create_graph``) a derivative is
            the same for all inputs, instead of giving zeros.

    Returns:
        ``(outputs, product)``, the product like the inputs.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0])
    >>> autograd.functional.vjp(lambda x: x**2, x, autograd.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    given = _arguments(inputs)
    called = _strictly("vjp", func, strict)
    with _mode(create_graph):
        outputs, pull = reverse.vjp(called, *given)
        if strict and create_graph:
            weights = _formed(v, outputs)
            _check_bent("vjp", lambda *args: reverse.vjp(called, *args)[1](weights), given)
        return outputs, _shaped(pull(_formed(v, outputs)), inputs)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of its Jacobian with a vector; arguments as for ``vjp``.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0])
    >>> autograd.functional.jvp(lambda x: x.prod(), x, autograd.tensor([1.0, 0.0]))
    (tensor(2.), tensor(2.))
    """
    given = _arguments(inputs)
    if v is None:
        if len(given) != 1 or np.size(given[0]) != 1:
            raise GradientError("jvp: v may be left out only where the input is a single number")
        v = np.ones(np.shape(given[0]))
    called, directions = _strictly("jvp", func, strict), _formed(v, given)
    with _mode(create_graph):
        if strict and create_graph:
            _check_bent("jvp", lambda *args: forward.jvp(called, args, directions)[1], given)
        outputs, moved = forward.jvp(called, given, directions)
        return outputs, moved


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``.

    Args:
        func, inputs, create_graph, strict: as for ``vjp``.
        vectorize: for PyTorch's sake; it changes no value.
        strategy: ``"reverse-mode"``, or ``"forward-mode"`` for functions with more outputs than inputs.

    Returns:
        An array of shape ``output.shape + input.shape``: a tuple for several inputs, a tuple of these for several
        outputs.

    >>> import autograd
    >>> autograd.functional.jacobian(lambda x: x**2, autograd.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    given = _arguments(inputs)
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(f"jacobian: strategy is 'reverse-mode' or 'forward-mode', got {strategy!r}")
    make = jacobians.jacrev if strategy == "reverse-mode" else jacobians.jacfwd
    argnums: Any = tuple(range(len(given))) if isinstance(inputs, tuple) else 0
    transformed = make(_strictly("jacobian", func, strict, pairs=True), argnums)
    with _mode(create_graph):
        if strict and create_graph:
            _check_bent("jacobian", transformed, given)
        return transformed(*given)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of ``func``, which returns one number; arguments as for ``jacobian``.

    Returns:
        An array of shape ``input.shape + input.shape``; a tuple of tuples for several inputs.

    >>> import autograd
    >>> autograd.functional.hessian(lambda x: (x**3).sum(), autograd.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    given = _arguments(inputs)
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(
            f"hessian: outer_jacobian_strategy is 'reverse-mode' or 'forward-mode', got {outer_jacobian_strategy!r}"
        )
    outer = jacobians.jacrev if outer_jacobian_strategy == "reverse-mode" else jacobians.jacfwd
    argnums: Any = tuple(range(len(given))) if isinstance(inputs, tuple) else 0
    gradient = reverse.grad(_strictly("hessian", func, strict), argnums)
    transformed = outer(_strictly("hessian", gradient, strict, "gradient", pairs=True), argnums)
    with _mode(create_graph):
        if strict and create_graph:
            _check_bent("hessian", transformed, given)
        return transformed(*given)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func``, which returns one number, and the product of its Hessian with a vector like the inputs.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0])
    >>> autograd.functional.hvp(lambda x: (x**3).sum(), x, autograd.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _product("hvp", jacobians.hvp, func, inputs, v, create_graph, strict)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """As ``hvp``: the Hessian is symmetric, so the vector may stand on either side."""
    return _product("vhp", jacobians.vhp, func, inputs, v, create_graph, strict)
