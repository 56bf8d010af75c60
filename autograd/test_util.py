"""Checks of derivatives against differences, under the names of HIPS autograd's ``test_util``.

``autograd.gradcheck`` and ``autograd.testing`` check more, and to more digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from . import func as _func
from .errors import GradientError
from .func.pytrees import map_leaves
from .tracer import getval
from .vspaces import vspace
from .wrap_util import get_name, unary_to_nary

__all__ = [
    "check_equivalent", "check_grads", "check_jvp", "check_vjp", "combo_check", "make_numerical_jvp", "scalar_close",
]  # fmt: skip

EPS = 1e-6
TOL = RTOL = 1e-6


def scalar_close(a: float, b: float) -> bool:
    """Whether two numbers are nearly equal, absolutely or relatively."""
    return abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL


def make_numerical_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The derivative of ``f`` at ``x`` along a direction, by a central difference."""

    def jvp(v: Any) -> Any:
        after = f(map_leaves(lambda a, b: a + b * (EPS / 2), x, v))
        before = f(map_leaves(lambda a, b: a - b * (EPS / 2), x, v))
        return map_leaves(lambda a, b: (a - b) / EPS, after, before)

    return jvp


def check_vjp(f: Callable[[Any], Any], x: Any) -> None:
    """Check reverse mode in a random direction.

    Raises: AssertionError if it is wrong.
    """
    y, pull = _func.vjp(f, x)
    inputs, outputs = vspace(x), vspace(y)
    v, g = inputs.randn(), outputs.randn()
    found = inputs.covector(pull(outputs.covector(g))[0])
    if vspace(found) != inputs:
        raise AssertionError(f"the gradient of {get_name(f)} lies in {vspace(found)}, its argument in {inputs}")
    exact, numeric = inputs.inner_prod(v, found), outputs.inner_prod(g, make_numerical_jvp(f, x)(v))
    if not scalar_close(numeric, exact):
        raise AssertionError(
            f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\nanalytic: {exact}\nnumeric:  {numeric}"
        )


def check_jvp(f: Callable[[Any], Any], x: Any) -> None:
    """Check forward mode in a random direction.

    Raises: AssertionError if it is wrong.
    """
    v = vspace(x).randn()
    check_equivalent(_func.jvp(f, (x,), (v,))[1], make_numerical_jvp(f, x)(v))


def check_equivalent(x: Any, y: Any) -> None:
    """Check that two values are nearly equal in a random direction, and lie in one space.

    Raises: AssertionError if not.
    """
    space = vspace(x)
    if space != vspace(y):
        raise AssertionError(f"VSpace mismatch:\nx: {space}\ny: {vspace(y)}")
    v = space.randn()
    if not scalar_close(space.inner_prod(x, v), space.inner_prod(y, v)):
        raise AssertionError(f"Value mismatch:\nx: {x}\ny: {y}")


@unary_to_nary
def check_grads(f: Callable[[Any], Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2) -> None:
    """Check the derivatives of a function up to an order: ``check_grads(f, argnum)(*args)``.

    Args:
        f: the function.
        modes: ``"fwd"``, ``"rev"``, or both.
        order: up to which derivatives are checked.

    Raises: AssertionError if one is wrong.
    """
    modes = modes or ("fwd", "rev")
    if not {*modes} <= {"fwd", "rev"}:
        raise GradientError(f"check_grads: modes are 'fwd' and 'rev', got {modes}")
    if "fwd" in modes:
        check_jvp(f, x)
        if order > 1:
            _check_next(lambda x, v: _func.jvp(f, (x,), (v,))[1], f"jvp_{get_name(f)}", x, x, modes, order)
    if "rev" in modes:
        check_vjp(f, x)
        if order > 1:
            _check_next(lambda x, v: _func.vjp(f, x)[1](v)[0], f"vjp_{get_name(f)}", x, getval(f(x)), modes, order)


def _check_next(made: Callable[..., Any], name: str, x: Any, like: Any, modes: Sequence[str], order: int) -> None:
    made.__name__ = name
    check_grads(made, (0, 1), modes, order=order - 1)(x, vspace(like).randn())


def combo_check(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., None]:
    """``check_grads`` for all combinations of the values that are given for each argument."""

    def check(*choices: Any, **named: Any) -> None:
        pairs = [[(name, value) for value in values] for name, values in named.items()]
        for chosen in itertools.product(*choices):
            for settings in itertools.product(*pairs):
                check_grads(fun, *args, **kwargs)(*chosen, **dict(settings))

    return check
