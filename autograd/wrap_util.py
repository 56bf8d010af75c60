"""Names for functions made of functions, and operators on functions of one argument made to work on any argument.

The names are those of HIPS autograd's ``wrap_util``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .util import subval, subvals

__all__ = ["get_doc", "get_name", "unary_to_nary", "wrap_nary_f", "wraps"]


def get_name(f: Any) -> str:
    """The name of a function."""
    return str(getattr(f, "__name__", "[unknown name]"))


def get_doc(f: Any) -> Any:
    """The docstring of a function."""
    return getattr(f, "__doc__", "")


def wraps(fun: Any, namestr: str = "{fun}", docstr: str = "{doc}", **kwargs: Any) -> Callable[[Any], Any]:
    """Give a function the name and docstring of ``fun``, put into ``namestr`` and ``docstr``."""

    def decorate(f: Any) -> Any:
        f.__name__ = namestr.format(fun=get_name(fun), **kwargs)
        f.__doc__ = docstr.format(fun=get_name(fun), doc=get_doc(fun), **kwargs)
        return f

    return decorate


def wrap_nary_f(fun: Any, op: Any, argnum: Any) -> Callable[[Any], Any]:
    """Name a function for what it is: ``op`` of ``fun`` with respect to argument ``argnum``."""
    return lambda f: _named(f, get_name(op), fun, argnum)


def _named(f: Any, name: str, fun: Any, argnum: Any) -> Any:
    f.__name__, f.__doc__ = _texts(name, get_name(fun), argnum if type(argnum) is int else str(argnum))
    return f


@functools.lru_cache(256)
def _texts(name: str, of: str, argnum: Any) -> tuple[str, str]:
    """A name and a docstring, which one program needs again and again."""
    return (
        f"{name}_of_{of}_wrt_argnum_{argnum}",
        f"{name} of {of} with respect to argument {argnum}, as a function of the same arguments.",
    )


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """From ``operator(f, x)`` for functions of one argument make ``operator(f, argnum=0)`` for those of several.

    >>> from autograd.wrap_util import unary_to_nary
    >>> @unary_to_nary
    ... def twice(f, x):
    ...     return f(f(x))
    >>> twice(lambda a, b: a + b, 1)(10, 1)
    21
    """
    name = get_name(unary_operator)

    @wraps(unary_operator)
    def nary_operator(fun: Callable[..., Any], argnum: Any = 0, *op_args: Any, **op_kwargs: Any) -> Any:
        if type(argnum) not in (int, tuple, list):
            raise TypeError(f"argnum: expected the number of an argument or a tuple of them, got {argnum!r}")

        def nary_f(*args: Any, **kwargs: Any) -> Any:
            if len(args) == 1 and type(argnum) is int and not kwargs:
                if not op_args and not op_kwargs:
                    return unary_operator(fun, args[argnum])
                return unary_operator(fun, args[argnum], *op_args, **op_kwargs)

            def unary_f(x: Any) -> Any:
                if type(argnum) is int:
                    return fun(*subval(args, argnum, x), **kwargs)
                return fun(*subvals(args, zip(argnum, x, strict=True)), **kwargs)

            unary_f.__name__, unary_f.__doc__ = get_name(fun), get_doc(fun)
            x = args[argnum] if type(argnum) is int else tuple(args[i] for i in argnum)
            return unary_operator(unary_f, x, *op_args, **op_kwargs)

        return _named(nary_f, name, fun, argnum)

    return nary_operator
