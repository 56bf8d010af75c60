"""What an optimizer keeps for each parameter, as PyTorch shows it: mappings that can be read and written to."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, MutableMapping, Sequence, ValuesView
from typing import Any

from autograd import ArgumentError, Tensor

__all__ = ["Entry", "States"]

Found = Mapping[Tensor, Mapping[str, Any]]


class States(MutableMapping[Tensor, "Entry"]):
    """The state of each parameter that was updated; to set, change or delete one is to change the optimizer's.

    Args:
        stores: gives the stores in which an optimizer keeps its state now.
        write: replaces all of it.
    """

    def __init__(self, stores: Callable[[], Sequence[Any]], write: Callable[[Found], None]) -> None:
        self._stores = stores
        self._write = write

    def found(self) -> dict[Tensor, dict[str, Any]]:
        """All of it as it is now: numbers copied, arrays sharing memory."""
        return {p: entry for store in self._stores() for p, entry in store.states()}

    def entry(self, p: Tensor) -> dict[str, Any]:
        """The state of one parameter as it is now, empty before the first step.

        Raises: KeyError if the optimizer does not have the parameter.
        """
        for store in self._stores():
            for i, other in enumerate(store.params):
                if other is p:
                    return store.entry(i) or {}
        raise KeyError(p)

    def __getitem__(self, p: Tensor) -> Entry:
        self.entry(p)
        return Entry(self, p)

    def __setitem__(self, p: Tensor, entry: Mapping[str, Any]) -> None:
        if not any(p is other for store in self._stores() for other in store.params):
            raise ArgumentError(f"the state is that of the optimizer's parameters, got {type(p).__name__} as key")
        before = self.found()
        self._write({**before, p: entry})
        kept = self.entry(p)
        lost = [name for name, value in entry.items() if value is not None and name not in kept]
        if lost:
            self._write(before)
            raise ArgumentError(f"the optimizer has no {lost[0]!r} in its state, only {list(kept)}; keep it elsewhere")

    def __delitem__(self, p: Tensor) -> None:
        kept = self.found()
        del kept[p]
        self._write(kept)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.found())

    def __contains__(self, p: object) -> bool:
        return p in self.found()

    def get(self, p: Tensor, default: Any = None) -> Any:
        """The state of a parameter that was updated, else ``default``."""
        return Entry(self, p) if p in self else default

    def __len__(self) -> int:
        return len(self.found())

    def clear(self) -> None:
        """Forget everything: the next step is like the first."""
        self._write({})

    def items(self) -> ItemsView[Tensor, Entry]:
        """Parameters and their states."""
        return {p: Entry(self, p) for p in self}.items()

    def values(self) -> ValuesView[Entry]:
        """The states."""
        return {p: Entry(self, p) for p in self}.values()

    def __repr__(self) -> str:
        return repr(self.found())


class Entry(MutableMapping[str, Any]):
    """The state of one parameter: numbers and arrays by name, as Tensors. Arrays share the optimizer's memory."""

    def __init__(self, states: States, p: Tensor) -> None:
        self._states = states
        self._p = p

    def __getitem__(self, name: str) -> Any:
        return self._states.entry(self._p)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._states[self._p] = {**self._states.entry(self._p), name: value}

    def __delitem__(self, name: str) -> None:
        kept = self._states.entry(self._p)
        del kept[name]
        self._states[self._p] = kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._states.entry(self._p))

    def __len__(self) -> int:
        return len(self._states.entry(self._p))

    def __repr__(self) -> str:
        return repr(self._states.entry(self._p))
