"""Derivatives of functions, under the names and with the arguments of HIPS autograd's ``differential_operators``.

Each takes a function, and the number of the argument to differentiate with respect to (a tuple of numbers for several),
and returns a function of the same arguments. ``autograd.func`` has the same in the form of ``torch.func``.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from . import func as _func
from . import recompute
from ._gradients import grad as grad
from .errors import ArgumentError, GradientError
from .func.forward import linearized
from .func.pytrees import map_leaves
from .util import subval
from .wrap_util import unary_to_nary

__all__ = [
    "checkpoint", "deriv", "elementwise_grad", "grad", "grad_and_aux", "grad_named", "hessian",
    "hessian_tensor_product", "hessian_vector_product", "holomorphic_grad", "jacobian", "make_ggnvp", "make_hvp",
    "make_jvp", "make_jvp_reversemode", "make_vjp", "multigrad_dict", "tensor_jacobian_product", "value_and_grad",
    "vector_jacobian_product",
]  # fmt: skip


# ---- gradients -------------------------------------------------------------------------------------------------------


def value_and_grad(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The function that computes both ``fun`` and its gradient, a pair: what ``scipy.optimize`` takes with jac=True."""
    return _func.value_and_grad(fun, argnum)


def elementwise_grad(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The function that computes the derivatives of one that works element by element.

    >>> import autograd.numpy as np
    >>> from autograd import elementwise_grad
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _func.elementwise_grad(fun, argnum)


def holomorphic_grad(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The complex derivative of a holomorphic function.

    >>> import autograd.numpy as np
    >>> from autograd import holomorphic_grad
    >>> holomorphic_grad(lambda z: z**2)(1 + 2j)
    np.complex128(2+4j)
    """

    @unary_to_nary
    def holomorphic_grad(fun: Callable[..., Any], x: Any) -> Any:
        if not np.iscomplexobj(x):
            warnings.warn("Input to holomorphic_grad is not complex", stacklevel=4)
        return _func.grad(lambda x: np.real(fun(x)))(x)

    return holomorphic_grad(fun, argnum)


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """The gradient with respect to the argument of this name, which must be given by its position.

    Raises: ValueError if there is none of this name.
    """
    names = list(inspect.signature(fun).parameters)
    if argname not in names:
        raise ArgumentError(f"grad_named: {argname!r} is no argument of the function; these are: {', '.join(names)}")
    return _func.grad(fun, names.index(argname))


def grad_and_aux(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The gradient of the first result of a function with two, beside the second."""
    return _func.grad(fun, argnum, has_aux=True)


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients with respect to all arguments, as a dict by their names.

    >>> from autograd import multigrad_dict
    >>> {name: float(g) for name, g in multigrad_dict(lambda x, y=2.0: x * y)(3.0).items()}
    {'x': 2.0, 'y': 3.0}
    """
    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()

        def call(arguments: dict[str, Any]) -> Any:
            bound = inspect.BoundArguments(signature, OrderedDict(arguments))
            return fun(*bound.args, **bound.kwargs)

        return OrderedDict(_func.grad(call)(dict(given.arguments)))

    return gradients


# ---- whole matrices --------------------------------------------------------------------------------------------------


def jacobian(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The Jacobian: for a result of shape ``a`` and an argument of shape ``b`` an array of shape ``a + b``."""
    return _func.jacobian(fun, argnum)


def hessian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The Hessian: the Jacobian of the Jacobian."""
    return _func.hessian(fun, argnum)


# ---- products with Jacobians -----------------------------------------------------------------------------------------


def _vjp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """``make_vjp`` of a function of one argument at a point."""
    value, pull = _func.vjp(fun, x)
    return (lambda g: pull(g)[0]), value


def _jvp(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """``make_jvp`` of a function of one argument at a point."""
    value, push = linearized(fun, (x,))
    return lambda v: (value, push(v))


_vjp.__name__, _jvp.__name__ = "make_vjp", "make_jvp"  # as they call what they return
_MAKE_VJP, _MAKE_JVP = unary_to_nary(_vjp), unary_to_nary(_jvp)


def make_vjp(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The function of the same arguments that returns ``(vjp, value)``; ``vjp(g)`` is ``g`` times the Jacobian.

    >>> import autograd.numpy as np
    >>> from autograd import make_vjp
    >>> vjp, value = make_vjp(np.square)(np.array([1.0, 2.0]))
    >>> vjp(np.array([1.0, 10.0]))
    array([ 2., 40.])
    """
    return _MAKE_VJP(fun, argnum)


def make_jvp(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The function of the same arguments that returns ``jvp``; ``jvp(v)`` is value and Jacobian times ``v``.

    >>> import autograd.numpy as np
    >>> from autograd import make_jvp
    >>> make_jvp(np.square)(np.array([1.0, 2.0]))(np.array([1.0, 10.0]))
    (array([1., 4.]), array([ 2., 40.]))
    """
    return _MAKE_JVP(fun, argnum)


def make_jvp_reversemode(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """As ``make_jvp``, but that the function made at the point returns only the Jacobian times ``v``."""
    return unary_to_nary(lambda fun, x: _func.linearize(fun, x)[1])(fun, argnum)


def deriv(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The change of the result if all elements of the argument grow alike: the derivative, of a number."""
    return unary_to_nary(_deriv)(fun, argnum)


def _deriv(fun: Callable[[Any], Any], x: Any) -> Any:
    return _jvp(fun, x)(map_leaves(np.ones_like, x))[1]


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The function of the arguments and then a tensor that returns the tensor times the Jacobian."""

    def product(*args: Any, **kwargs: Any) -> Any:
        *given, tensor = args
        return np.tensordot(tensor, fun(*given, **kwargs), np.ndim(tensor))

    return _func.jacobian(product, argnum)


vector_jacobian_product = tensor_jacobian_product


# ---- products with Hessians ------------------------------------------------------------------------------------------


def make_hvp(fun: Callable[..., Any], argnum: Any = 0) -> Callable[..., Any]:
    """The function of the same arguments that returns ``(hvp, gradient)``; ``hvp(v)`` is the Hessian times ``v``.

    The way for many products at one point: ``fun`` and its gradient are computed once.
    """
    return unary_to_nary(lambda fun, x: _vjp(_func.grad(fun), x))(fun, argnum)


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The function of the arguments and then a tensor that returns the Hessian times the tensor.

    >>> import autograd.numpy as np
    >>> from autograd import hessian_vector_product
    >>> hessian_vector_product(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 2.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        if len(args) < 2:
            raise GradientError("hessian_tensor_product: expected the function's arguments, then the tensor")
        *given, tensor = args

        def of_one(x: Any) -> Any:
            return fun(*subval(given, argnum, x), **kwargs)

        return _func.hvp(of_one, (given[argnum],), (tensor,))[1][0]

    return product


hessian_vector_product = hessian_tensor_product


def _half_square(x: Any) -> Any:
    return np.sum(x**2, axis=-1) / 2


def make_ggnvp(f: Callable[..., Any], g: Callable[[Any], Any] = _half_square, f_argnum: Any = 0) -> Callable[..., Any]:
    """The function of ``f``'s arguments that returns products with the generalized Gauss-Newton matrix of ``g(f)``.

    It is ``J' H J``, with ``J`` the Jacobian of ``f`` and ``H`` the Hessian of ``g``.
    """

    def at(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
        value, pull = _func.vjp(f, x)
        push = _func.linearize(f, x)[1]
        bend = _vjp(_func.grad(g), value)[0]
        return lambda v: pull(bend(push(v)))[0]

    return unary_to_nary(at)(f, f_argnum)


# ---- memory ----------------------------------------------------------------------------------------------------------


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """``fun``, but nothing is kept for its backward: it is run again then. ``autograd.checkpoint`` of all its calls."""

    @functools.wraps(fun)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        return recompute.checkpoint(fun, *args, **kwargs)

    return checkpointed
