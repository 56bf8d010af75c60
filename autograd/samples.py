"""What an op's ``samples=`` says: from which inputs its rules are to be tested. Plain data, no Hypothesis.

>>> from autograd.samples import case, elementwise, reals
>>> samples = reals(-3, 3)                                             # every input, any shape
>>> samples = elementwise(x=reals(-3, 3), y=reals(0.5, 3))             # a domain per input, shapes that broadcast
>>> samples = [case(x=reals(shape=(2, 3)), dim=0), case(x=reals(shape=(4,)), dim=-1)]   # fixed shapes, arguments
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Case", "Domain", "as_complex", "booleans", "case", "elementwise", "integers", "reals"]


class Domain(NamedTuple):
    """Where an array input may lie.

    Attributes:
        low, high: bounds of its elements.
        kind: "f" floating, "i" int64, "b" bool.
        shape: fixed shape; None lets the test choose (only in ``elementwise``).
        avoid: points where the derivative does not exist; tests of derivatives keep away from them, tests of edges
            go there.
        make: a plain NumPy function that turns the drawn array into the input (``a @ a.T``, say); it is
            differentiated along with the op.
    """

    low: float = -3.0
    high: float = 3.0
    kind: str = "f"
    shape: tuple[int, ...] | None = None
    avoid: tuple[float, ...] = ()
    make: Callable[[Any], Any] | None = None


class Case(NamedTuple):
    """One way to call an op: a Domain, or a list of Domains, for each array input, and the other arguments as they are.

    Attributes:
        arguments: by parameter name.
        free: shapes are the test's choice, any that broadcast together, empty and 0-d ones too.
    """

    arguments: dict[str, Any]
    free: bool = False


def reals(
    low: float = -3.0,
    high: float = 3.0,
    *,
    shape: tuple[int, ...] | None = None,
    avoid: tuple[float, ...] = (),
    make: Callable[[Any], Any] | None = None,
) -> Domain:
    """Floating numbers between ``low`` and ``high``, no two of one case nearly equal."""
    return Domain(low, high, "f", shape, avoid, make)


def integers(low: int, high: int, *, shape: tuple[int, ...] | None = None) -> Domain:
    """Integers from ``low`` up to and including ``high`` (repeats occur)."""
    return Domain(low, high, "i", shape)


def booleans(*, shape: tuple[int, ...] | None = None) -> Domain:
    """True and False."""
    return Domain(0, 1, "b", shape)


def as_complex(a: Any) -> Any:
    """A drawn array as complex numbers that are not real: ``reals(make=as_complex)``."""
    return a * (2 - 1j)


def case(**arguments: Any) -> Case:
    """A call with arrays of the given shapes and with the given arguments."""
    return Case(arguments)


def elementwise(**arguments: Any) -> Case:
    """A call with arrays of any shapes that broadcast together."""
    return Case(arguments, free=True)


def as_cases(samples: Any, inputs: tuple[str, ...]) -> list[Case]:
    """``samples`` in any of its forms as a list of cases for an op with these array inputs."""
    if samples is None:
        return []
    if isinstance(samples, Domain):
        if samples.shape is not None:
            return [Case(dict.fromkeys(inputs, samples))]
        return [Case(dict.fromkeys(inputs, samples), free=True)]
    if isinstance(samples, Case):
        return [samples]
    return [found for item in samples for found in as_cases(item, inputs)]
