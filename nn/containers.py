"""Modules made of modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from .module import Module

__all__ = ["ModuleList", "Sequential"]


class Sequential(Module):
    """Modules one after the other: each takes the output of the one before.

    Args:
        *modules: the modules, named "0", "1", ...; or one OrderedDict that names them.

    >>> import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): Tanh()
    )
    """

    def __init__(self, *modules: Any) -> None:
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], OrderedDict) else enumerate(modules)
        for name, module in named:
            self._add(str(name), module)

    def _add(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"Sequential: item {name} must be a Module, got {type(module).__name__}")
        if not name or "." in name or hasattr(self, name):
            raise KeyError(f"Sequential: {name!r} cannot be the name of a module (empty, with a dot, or taken)")
        self.__dict__[name] = module

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in self.__dict__.values():
            if isinstance(module, Module):
                x = module(x)
        return x

    def append(self, module: Module) -> Sequential:
        """Add a module at the end; returns the Sequential."""
        self._add(str(len(self)), module)
        return self

    def _items(self) -> list[Module]:
        return [value for value in self.__dict__.values() if isinstance(value, Module)]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._items())

    def __getitem__(self, index: Any) -> Any:
        names = [name for name, value in self.__dict__.items() if isinstance(value, Module)]
        if isinstance(index, slice):
            return Sequential(OrderedDict((name, self.__dict__[name]) for name in names[index]))
        return self.__dict__[names[index]]


class ModuleList(Module):
    """Modules in a list.

    Args:
        modules: the modules.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end; returns the list."""
        self.__dict__[str(len(self))] = module
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; returns the list."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return sum(isinstance(value, Module) for value in self.__dict__.values())

    def __iter__(self) -> Iterator[Module]:
        return iter([value for value in self.__dict__.values() if isinstance(value, Module)])

    def __getitem__(self, index: int) -> Module:
        return list(self)[index]
