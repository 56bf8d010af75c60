"""Derivatives of functions at a point, as in ``torch.autograd.functional``.

Each takes a function, and its input or the tuple of its inputs, and returns values; ``autograd.func`` makes functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .engine.modes import Mode
from .errors import GradientError
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


def _mode(create_graph: bool) -> Mode:
    """Results are only connected to the graph of the inputs if they are to be."""
    return Mode(grad=create_graph)


def _strictly(name: str, func: Callable[..., Any], strict: bool) -> Callable[..., Any]:
    """``func``, which raises if ``strict`` and a result does not depend on its arguments."""

    def called(*args: Any) -> Any:
        result = func(*args)
        for i, out in enumerate(flatten(result)[0]):
            if getattr(out, "_node", None) is None:
                raise GradientError(f"{name}: with strict=True, output {i} of {name_of(func)} depends on no input")
        return result

    return called if strict else func


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of a vector with its Jacobian.

    Args:
        func: a function of Tensors (or arrays) that returns one or a tuple of them.
        inputs: its argument, or the tuple of its arguments.
        v: the vector, like the output; not needed if that is a single number.
        create_graph: record the computation, so that the results can be differentiated by the inputs.
        strict: raise if an output does not depend on the inputs.

    Returns:
        ``(outputs, product)``, the product like the inputs.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0])
    >>> autograd.functional.vjp(lambda x: x**2, x, autograd.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    given = _arguments(inputs)
    with _mode(create_graph):
        outputs, pull = reverse.vjp(_strictly("vjp", func, strict), *given)
        return outputs, _shaped(pull(v), inputs)


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
    with _mode(create_graph):
        outputs, moved = forward.jvp(_strictly("jvp", func, strict), given, v if isinstance(v, tuple) else (v,))
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
        raise ValueError(f"jacobian: strategy is 'reverse-mode' or 'forward-mode', got {strategy!r}")
    make = jacobians.jacrev if strategy == "reverse-mode" else jacobians.jacfwd
    argnums: Any = tuple(range(len(given))) if isinstance(inputs, tuple) else 0
    with _mode(create_graph):
        return make(_strictly("jacobian", func, strict), argnums)(*given)


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
        raise ValueError(
            f"hessian: outer_jacobian_strategy is 'reverse-mode' or 'forward-mode', got {outer_jacobian_strategy!r}"
        )
    outer = jacobians.jacrev if outer_jacobian_strategy == "reverse-mode" else jacobians.jacfwd
    argnums: Any = tuple(range(len(given))) if isinstance(inputs, tuple) else 0
    with _mode(create_graph):
        return outer(reverse.grad(_strictly("hessian", func, strict), argnums), argnums)(*given)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func``, which returns one number, and the product of its Hessian with a vector like the inputs.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0])
    >>> autograd.functional.hvp(lambda x: (x**3).sum(), x, autograd.tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with _mode(create_graph):
        return jacobians.hvp(_strictly("hvp", func, strict), inputs, v)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """As ``hvp``: the Hessian is symmetric, so the vector may stand on either side."""
    with _mode(create_graph):
        return jacobians.vhp(_strictly("vhp", func, strict), inputs, v)
