"""The type of what ``op`` and ``composed`` make of a function, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from ._op import Op

__all__ = ["OpFunction", "P", "R", "attribute"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)


class _Called(Protocol[P, R]):
    """What is called with the arguments of a function, or with their second spellings, as ``axis`` for ``dim``."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> R: ...


class OpFunction(_Called[P, R], Protocol[P, R]):
    """The public function of an op, or a composition of ops: also a method where a class has it as an attribute."""

    op: Op
    kernel: Callable[..., Any]
    __name__: str
    __qualname__: str

    def __get__(self: OpFunction[Concatenate[Any, Q], R], instance: Any, owner: Any = None) -> _Called[Q, R]:
        """Bind it as a method."""
        ...


def attribute(get: Callable[..., R], put: Callable[..., Any] | None = None) -> R:
    """A property, to type checkers of what ``get`` returns."""
    made: Any = property(get, put)
    return made
