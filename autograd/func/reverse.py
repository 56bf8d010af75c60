"""Reverse mode: a function's gradient, and products of vectors with its Jacobian, as functions."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any

import numpy as np

from .._gradients import ones
from ..boxes import ArrayBox
from ..engine.modes import local, status
from ..engine.nodes import new_tensor, next_rank
from ..engine.ownership import ALONE
from ..engine.sweep import sweep_to
from .alone import closed, is_usual
from .calls import Call, chosen, lifted, replaced, titled
from .captured import let_go
from .pytrees import LEAF

_ndarray = np.ndarray

__all__ = ["elementwise_grad", "grad", "grad_and_value", "value_and_grad", "vjp"]


def _gradient(name: str, func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any) -> tuple[Any, Any, Any, Any]:
    """One call: the gradient; and the call, output and aux, from which the value can be had."""
    call = Call(name, func, chosen(name, func, args, argnums))
    result, aux = call.run(replaced(args, argnums, call.tree), kwargs, has_aux)
    out = call.scalar(result)
    return call.gradient(out, call.linked([out])), call, out, aux


def _of_one(name: str, func: Any, argnum: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The gradient with respect to one array or number, and the value: the short way, if nothing else is recorded."""
    x = args[argnum]
    running, since = [True], next_rank()
    box = lifted(np.float64(x) if type(x) is float else x, ArrayBox, running)
    before, local.entered = local.entered, []
    result = None
    try:
        result = func(*args[:argnum], box, *args[argnum + 1 :], **kwargs)
    finally:
        running.clear()
        entered, local.entered = local.entered, before
        if entered:
            result = let_go(entered, since, result)
    leaf = box._node
    order = closed(result, leaf, since)
    if not order or status.special or not _is_number(result._data):
        call = Call.around(name, func, box, False, since, LEAF)
        out = call.scalar(result)
        return call.gradient(out, call.linked([out])), call.release_tree(out)
    seed = ones(result._data)
    g = sweep_to(leaf, order, seed)
    if type(g) is _ndarray and (g.base is not None or g is seed or getrefcount(g) > ALONE):
        g = g.copy()
    return np.zeros_like(x) if g is None else g, result._data


def _is_number(data: Any) -> bool:
    return isinstance(data, (_ndarray, np.generic)) and data.size == 1 and data.dtype.kind == "f"


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of ``func``, as ``torch.func.grad``.

    Args:
        func: returns one real number. It may be written with Tensors, or for arrays with plain ``numpy``.
        argnums: which positional argument to differentiate with respect to, or a tuple of several. An argument may be a
            Tensor, an array, a number, or a pytree of them: dicts, lists, tuples and named tuples.
        has_aux: ``func`` returns a pair, of which the second is not differentiated.

    Returns:
        A function of the same arguments that returns the gradient: of the structure, shapes and dtypes of the
        argument (a tuple if ``argnums`` is one); with ``has_aux`` the pair of that and the second result. Tensors in
        give Tensors out, arrays and numbers give arrays. It can be differentiated itself, to any order. Of complex
        Tensors the gradient follows PyTorch's convention, of complex arrays it is the conjugate of that, as in JAX
        and HIPS autograd.

    Raises:
        GradientError: ``func`` returned anything but one real number; there is no such argument.
        DtypeError: an argument to differentiate with respect to is not of floating or complex dtype.

    >>> import numpy as np
    >>> from autograd import func, tensor
    >>> func.grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> func.grad(lambda p: (p["w"] * p["b"]).sum())({"w": tensor([1.0, 2.0]), "b": tensor(3.0)})
    {'w': tensor([3., 3.]), 'b': tensor(3.)}
    >>> func.grad(func.grad(np.sin))(0.5) == -np.sin(0.5)
    np.True_
    """
    short = type(argnums) is int and argnums >= 0 and not has_aux

    def transformed(*args: Any, **kwargs: Any) -> Any:
        if short and argnums < len(args) and is_usual(args[argnums]):  # type: ignore[operator,index]
            return _of_one("grad", func, argnums, args, kwargs)[0]
        gradient, call, _, aux = _gradient("grad", func, argnums, has_aux, args, kwargs)
        return (gradient, call.release_tree(aux)) if has_aux else gradient

    return titled(transformed, "grad", func)


def value_and_grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that computes both ``func`` and its gradient; see ``grad`` for arguments and errors.

    Returns:
        A function that returns ``(value, gradient)``; with ``has_aux`` ``((value, aux), gradient)``.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    short = type(argnums) is int and argnums >= 0 and not has_aux

    def transformed(*args: Any, **kwargs: Any) -> Any:
        if short and argnums < len(args) and is_usual(args[argnums]):  # type: ignore[operator,index]
            gradient, value = _of_one("value_and_grad", func, argnums, args, kwargs)
            return value, gradient
        gradient, call, out, aux = _gradient("value_and_grad", func, argnums, has_aux, args, kwargs)
        value = call.release_tree(out)
        return ((value, call.release_tree(aux)) if has_aux else value), gradient

    return titled(transformed, "value_and_grad", func)


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As ``value_and_grad`` in ``torch.func``'s order: ``(gradient, value)``, or ``(gradient, (value, aux))``."""
    both = value_and_grad(func, argnums, has_aux)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return gradient, value

    return titled(transformed, "grad_and_value", func)


def elementwise_grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that computes the derivatives of a function that works element by element.

    It is the gradient of the sum of ``func``'s results: if each element of a result depends on one element of the
    argument alone, that is its derivative.

    >>> import numpy as np
    >>> from autograd import func
    >>> func.elementwise_grad(lambda x: x**3)(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = Call("elementwise_grad", func, chosen("elementwise_grad", func, args, argnums))
        result, _ = call.run(replaced(args, argnums, call.tree), kwargs)
        outputs, _ = call.outputs(result)
        linked = call.linked(outputs)
        seeds = [new_tensor(np.ones_like(out._data)) for out in outputs]
        return call.gradients(call.pull(outputs, seeds, linked), linked)

    return titled(transformed, "elementwise_grad", func)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Call a function, and get the function from weights of its outputs to gradients of its inputs.

    Args:
        func: a function of Tensors, arrays, or pytrees of them, that returns the same kinds.
        primals: its arguments; it is differentiated with respect to all of them.
        has_aux: ``func`` returns a pair, of which the second is not differentiated.

    Returns:
        ``(outputs, vjp_fn)``, or ``(outputs, vjp_fn, aux)``. ``vjp_fn(weights)`` takes a tree like ``outputs`` and
        returns a tuple, for each argument the product of the weights with its Jacobian; it can be called any number of
        times.

    Raises:
        GradientError: the weights have another structure than the outputs.
        ShapeError: they have other shapes.

    >>> import numpy as np
    >>> from autograd import func
    >>> y, pull = func.vjp(np.multiply, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> pull(np.array([1.0, 10.0]))
    (array([ 3., 40.]), array([ 1., 20.]))
    """
    call = Call("vjp", func, primals, keeps=True)
    result, aux = call.run(call.tree, {}, has_aux)
    outputs, spec = call.outputs(result)
    linked = call.linked(outputs)

    def vjp_fn(weights: Any) -> Any:
        seeds = call.weights(weights, outputs, spec, "weights", "the outputs")
        record = call.records(seeds, linked)
        return call.gradients(call.pull(outputs, seeds, record, retain=True), record)

    released = call.release_tree(result, linked)
    titled(vjp_fn, "vjp", func)
    return (released, vjp_fn, call.release_tree(aux)) if has_aux else (released, vjp_fn)
