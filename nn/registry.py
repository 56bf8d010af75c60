"""PyTorch's dicts of what a module has, ``_modules``, ``_parameters`` and ``_buffers``, as views of its attributes."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

__all__ = ["Registry"]


class Registry(MutableMapping[str, Any]):
    """The attributes of a module that are of one class, by name; what is set or deleted here is so in the module.

    Args:
        module: the module.
        kind: the class of the attributes.
    """

    def __init__(self, module: Any, kind: type) -> None:
        self._module = module
        self._kind = kind

    def __getitem__(self, name: str) -> Any:
        value = self._module.__dict__[name]
        if not isinstance(value, self._kind):
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        if not (value is None or isinstance(value, self._kind)):
            raise TypeError(f"{name!r} must be a {self._kind.__name__} or None, got {type(value).__name__}")
        setattr(self._module, name, value)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self._module, name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, value in self._module.__dict__.items() if isinstance(value, self._kind)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return repr(dict(self))
