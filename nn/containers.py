"""Modules made of modules, and collections of modules and parameters that ``Module.parameters`` sees into."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, TypeVar

from autograd import ArgumentError, Tensor

from .module import Module, indented
from .parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

S = TypeVar("S", bound="_Numbered")


class _Items(Module):
    """A module whose items are attributes of their own, in order."""

    def _names(self) -> list[str]:
        """The names of the items."""
        return [name for name, value in self.__dict__.items() if isinstance(value, Module)]

    def _fit(self, name: str, value: Any) -> Any:
        """The value that becomes an item, or an error."""
        if not isinstance(value, Module):
            what = f"the class {value.__name__}: write {value.__name__}(...)" if isinstance(value, type) else ""
            raise TypeError(f"{type(self).__name__}: item {name} must be a Module, got {what or type(value).__name__}")
        return value

    def _checked(self, name: str, value: Any) -> Any:
        """``_fit``, also of a name."""
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: a key must be a string, got {type(name).__name__}")
        if not name or "." in name or (hasattr(self, name) and name not in self._names()):
            raise KeyError(
                f"{type(self).__name__}: {name!r} cannot be the name of an item (empty, with a dot, or taken)"
            )
        return self._fit(name, value)

    def _put(self, name: str, value: Any) -> None:
        """Set an item, a new one at the end."""
        setattr(self, name, self._checked(name, value))

    def _values(self) -> list[Any]:
        """The items."""
        return [self.__dict__[name] for name in self._names()]

    def __len__(self) -> int:
        return len(self._names())


class _Numbered(_Items):
    """Items named "0", "1", ... unless given names."""

    def __init__(self, values: Any = ()) -> None:
        self.extend(values)

    def _name_at(self, index: Any) -> str:
        names = self._names()
        if not hasattr(index, "__index__"):
            raise TypeError(f"{type(self).__name__}: an index must be an int or a slice, got {index!r}")
        place = operator.index(index)
        if not -len(names) <= place < len(names):
            raise IndexError(f"{type(self).__name__}: index {place} is out of range for {len(names)} items")
        return names[place]

    def _renumber(self, values: list[Any]) -> None:
        """Make these, under new numbers, the items."""
        values = [self._fit(str(i), value) for i, value in enumerate(values)]
        for name in self._names():
            del self.__dict__[name]
        for i, value in enumerate(values):
            self.__dict__[str(i)] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self._values()[index])
        return self.__dict__[self._name_at(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        name = self._name_at(index)
        setattr(self, name, self._fit(name, value))

    def __delitem__(self, index: Any) -> None:
        if not isinstance(index, slice):
            self._name_at(index)
        values = self._values()
        del values[index]
        self._renumber(values)

    def append(self: S, value: Any) -> S:
        """Add an item at the end; returns the container."""
        self._put(str(len(self)), value)
        return self

    def extend(self: S, values: Iterable[Any]) -> S:
        """Add items at the end; returns the container."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"{type(self).__name__}.extend: expected several items, got {type(values).__name__}")
        items = [self._fit(str(len(self) + i), value) for i, value in enumerate(values)]
        for item in items:
            self.append(item)
        return self

    def insert(self: S, index: int, value: Any) -> S:
        """Add an item before the one at ``index``; returns the container."""
        values = self._values()
        if not -len(values) <= index <= len(values):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(values)} items")
        values.insert(index, value)
        self._renumber(values)
        return self

    def pop(self, index: Any = -1) -> Any:
        """Remove an item and return it."""
        value = self[index]
        del self[index]
        return value

    def __iadd__(self: S, other: Iterable[Any]) -> S:
        return self.extend(other)

    def __add__(self: S, other: Iterable[Any]) -> S:
        return type(self)([*self, *other])


class Sequential(_Numbered):
    """Modules one after the other: each takes the output of the one before.

    Args:
        *modules: the modules, named "0", "1", ...; or one OrderedDict that names them.

    ``model * 3`` is the model three times over: the same modules, not copies.

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
            self._put(str(name), module)

    def forward(self, input: Any) -> Any:
        """The last module's output."""
        for module in self.__dict__.values():
            if isinstance(module, Module):
                input = module(input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict((name, self.__dict__[name]) for name in self._names()[index]))
        return super().__getitem__(index)

    def __add__(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise TypeError(f"Sequential: expected another Sequential after '+', got {type(other).__name__}")
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        if not isinstance(times, int) or times <= 0:
            raise ArgumentError(f"Sequential: expected a positive number of repetitions, got {times!r}")
        return Sequential(*list(self) * times)

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        for module in (self * times)[len(self) :]:
            self.append(module)
        return self


class ModuleList(_Numbered):
    """Modules in a list, which ``parameters`` finds (not in a plain list); its forward is for the user to write.

    Args:
        modules: the modules; None keeps a place free.

    >>> import nn
    >>> nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(modules or ())

    def _names(self) -> list[str]:
        return [n for n, value in self.__dict__.items() if isinstance(value, Module) or (value is None and n.isdigit())]

    def _fit(self, name: str, value: Any) -> Any:
        return None if value is None else super()._fit(name, value)

    def __repr__(self) -> str:
        folded: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            if folded and folded[-1][2] == text:
                folded[-1] = (folded[-1][0], i, text)
            else:
                folded.append((i, i, text))
        return self._framed(
            [
                f"({i}): {indented(text)}" if i == j else f"({i}-{j}): {j - i + 1} x {indented(text)}"
                for i, j, text in folded
            ]
        )


class _Named(_Items):
    """Items by name."""

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(f"{type(self).__name__}: there is no item {key!r}; there are {self._names()}")
        return self.__dict__[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(key, value)

    def _drop(self, key: str) -> Any:
        value = self[key]
        del self.__dict__[key]
        return value

    def __delitem__(self, key: str) -> None:
        self._drop(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __contains__(self, key: object) -> bool:
        return key in self._names()

    def _dict(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self._names()}

    def keys(self) -> KeysView[str]:
        """The names that there are now."""
        return self._dict().keys()

    def values(self) -> ValuesView[Any]:
        """The items that there are now."""
        return self._dict().values()

    def items(self) -> ItemsView[str, Any]:
        """The names and items that there are now."""
        return self._dict().items()

    def pop(self, key: str) -> Any:
        """Remove an item and return it."""
        return self._drop(key)

    def clear(self) -> None:
        """Remove all items."""
        for name in self._names():
            self._drop(name)

    def update(self, items: Any) -> None:
        """Set items from a dict, or from pairs of name and item: all, or none if one is not fit."""
        if isinstance(items, (Mapping, _Named)):
            pairs = list(items.items())
        else:
            pairs = list(items) if isinstance(items, Iterable) else [items]
            for pair in pairs:
                if not isinstance(pair, Sequence) or len(pair) != 2:
                    raise TypeError(
                        f"{type(self).__name__}: expected a dict or pairs, got {type(pair).__name__}"
                        + (" in the list" if isinstance(items, Iterable) else "")
                    )
        for name, value in pairs:
            self._checked(name, value)
        for name, value in pairs:
            self._put(name, value)


class ModuleDict(_Named):
    """Modules by name; its forward is for the user to write.

    Args:
        modules: a dict, or pairs of name and module.

    >>> import nn
    >>> layers = nn.ModuleDict({"encode": nn.Linear(4, 2), "decode": nn.Linear(2, 4)})
    >>> layers["encode"]
    Linear(in_features=4, out_features=2, bias=True)
    """

    def __init__(self, modules: Any = None) -> None:
        self.update(modules or {})


def _as_parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


class ParameterList(_Numbered):
    """Parameters in a list: Tensors become Parameters; other objects are kept as they are.

    Args:
        values: the parameters.

    >>> import autograd, nn
    >>> nn.ParameterList([autograd.ones(2), autograd.ones(3)])
    ParameterList(
        (0): Parameter containing: [float32 of size 2]
        (1): Parameter containing: [float32 of size 3]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(values if values is not None else ())

    def _names(self) -> list[str]:
        return [name for name in self.__dict__ if name.isdigit()]

    def _fit(self, name: str, value: Any) -> Any:
        return _as_parameter(value)

    def __repr__(self) -> str:
        return self._framed([f"  ({name}): {_described(self.__dict__[name])}" for name in self._names()])


class ParameterDict(_Named):
    """Parameters by name: Tensors become Parameters; other objects are kept as they are.

    Args:
        parameters: a dict, or pairs of name and parameter. As in PyTorch the items of a plain dict are put in the order
            of their names; an OrderedDict, another ParameterDict and pairs keep theirs.
    """

    def __init__(self, parameters: Any = None) -> None:
        self.update(parameters or {})

    def _names(self) -> list[str]:
        return [name for name in self.__dict__.get("_keys", ()) if name in self.__dict__]

    def _put(self, name: str, value: Any) -> None:
        super()._put(name, value)
        self.__dict__.setdefault("_keys", {})[name] = None

    def _drop(self, key: str) -> Any:
        value = super()._drop(key)
        del self.__dict__["_keys"][key]
        return value

    def _fit(self, name: str, value: Any) -> Any:
        return _as_parameter(value)

    def update(self, items: Any) -> None:
        """Set items from a dict, of a plain one in the order of the names, or from pairs: all, or none if one fails."""
        if isinstance(items, Mapping) and not isinstance(items, OrderedDict):
            items = sorted(items.items(), key=lambda pair: str(pair[0]))
        super().update(items)

    def get(self, key: str, default: Any = None) -> Any:
        """The item ``key``, or ``default`` if there is none."""
        return self.__dict__[key] if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The item ``key``, which becomes ``default`` if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Remove the last item; returns its name and it."""
        if not len(self):
            raise KeyError("ParameterDict: popitem of an empty one")
        name = self._names()[-1]
        return name, self.pop(name)

    def copy(self) -> ParameterDict:
        """A dict of the same parameters."""
        return ParameterDict(self.items())

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A dict with these keys and one value."""
        return ParameterDict((key, default) for key in keys)

    def __or__(self, other: ParameterDict) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self._dict()}

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._names())

    def __repr__(self) -> str:
        return self._framed([f"  ({name}): {_described(value)}" for name, value in self.items()])


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{type(value).__name__} containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]"
    return f"Object of type: {type(value).__name__}"
