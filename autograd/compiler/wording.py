"""Wording: names for what a program works with, and its arguments as Python text."""

from __future__ import annotations

import keyword
import re
from typing import Any

import numpy as np

from .numbers import Number
from .values import Value

__all__ = ["Wording", "for_users"]

_BUILTINS = {
    "abs", "bool", "dot_lines", "in_blocks", "int", "iter", "large_product", "many_products", "next", "range", "repr",
    "round", "slice", "sum_tall",
}  # fmt: skip
"""Functions, of Python and of ours, that a program calls by their names."""


class Wording:
    """The names of one program.

    Attributes:
        namespace: what the text refers to.
        static: the values whose arrays are the same at every call, in the order in which they were named.
        numbers: the Numbers that are there before a call, likewise.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.static: list[Value] = []
        self.numbers: list[Number] = []
        self._taken = {*namespace, *keyword.kwlist, *_BUILTINS, "build", "step"}
        self._wishes: dict[Value, str] = {}
        self._aliases: dict[int, str] = {}
        self._constants: dict[Any, str] = {}
        self._numbers: dict[int, str] = {}
        self._setup: list[str] = []
        self._remade: list[str] = []
        self._body: list[str] = []

    # ---- names -------------------------------------------------------------------------------------------------------

    def _fresh(self, wish: str) -> str:
        wish = re.sub(r"\W+", "_", _readable(wish)).strip("_") or "a"
        if wish[0].isdigit():
            wish = f"_{wish}"
        name, n = wish, 1
        while name in self._taken:
            n += 1
            name = f"{wish}_{n}"
        self._taken.add(name)
        return name

    def _bind(self, thing: Any, wish: str) -> str:
        """A name in the namespace for a thing."""
        known = self._aliases.get(id(thing))
        if known is None:
            known = self._aliases[id(thing)] = self._fresh(wish)
            self.namespace[known] = thing
        return known

    def name(self, value: Value) -> str:
        """The name of a value; those of arrays that stay are asked for here."""
        if value.name:
            return value.name
        if value.source is None:
            wish = "c"
            if value.place is not None:
                wish = value.place[0].name
            value.name = self._fresh(wish)
            self.static.append(value)
            return value.name
        value.name = self._fresh(self._wishes.get(value) or ("v" if value.source.kind == "view" else "b"))
        return value.name

    # ---- arguments ---------------------------------------------------------------------------------------------------

    def text(self, item: Any) -> str:
        """An argument as Python text."""
        kind = type(item)
        if kind is Value:
            return self.name(item)
        if kind is Number:
            return self.number(item)
        if kind is tuple:
            return f"({', '.join(self.text(x) for x in item)}{',' if len(item) == 1 else ''})"
        if kind is list:
            return f"[{', '.join(self.text(x) for x in item)}]"
        if kind is slice:
            return f"slice({self.text(item.start)}, {self.text(item.stop)}, {self.text(item.step)})"
        if item is None or item is Ellipsis or kind in (bool, int, str):
            return repr(item)
        if kind is float:
            return repr(item) if np.isfinite(item) else self._bind(item, "number")
        if isinstance(item, np.dtype):
            return self._bind(item, str(item))
        return self._bind(item, getattr(item, "__name__", kind.__name__))

    def index(self, item: Any) -> str:
        """An index as it stands between brackets."""
        if type(item) is tuple and item:
            parts = [self.text(x) if type(x) is tuple else self.index(x) for x in item]
            return ", ".join(parts) + ("," if len(item) == 1 else "")
        if type(item) is slice:
            parts = ["" if x is None else self.text(x) for x in (item.start, item.stop)]
            return ":".join(parts) + ("" if item.step is None else f":{self.text(item.step)}")
        return "..." if item is Ellipsis else self.text(item)

    def number(self, number: Number) -> str:
        """The name of a Number, computed on a line of its own."""
        known = self._numbers.get(id(number))
        if known is not None:
            return known
        if number.place is not None:
            name = self._fresh(_last_part(number.place[0].name) or "n")
            self.numbers.append(number)
        else:
            expression = self.expression(number.text, number.parts)
            name = self._fresh("n")
            self._body.append(f"{name} = {expression}")
        self._numbers[id(number)] = name
        return name

    def expression(self, text: str, parts: tuple[Any, ...]) -> str:
        """A Number's or a check's expression."""
        return text.format(*[self.text(part) for part in parts])

    def _scalar(self, value: Any, dtype: Any) -> str:
        """A Python number beside an array: as an array of no dimensions NumPy takes it in half the time."""
        key = (value, str(dtype), str(value))
        if key not in self._constants:
            name = self._fresh("k" if value < 0 or len(repr(value)) > 8 else "k" + repr(value).replace(".", "_"))
            self._constants[key] = name
            array = np.array(value, dtype)
            array.flags.writeable = False
            self.namespace[f"_{name}"] = array
            self._setup.append(
                f"{name} = np.array({value!r}, '{dtype}')" if np.isfinite(value) else f"{name} = _{name}"
            )
        return self._constants[key]


def _last_part(path: str) -> str:
    """By what name something is kept, and where in that it stands: ``lr``, ``betas[0]``."""
    starts = [found.start() for found in re.finditer(r"[^\W\d]\w*", path)]
    return path[starts[-1] :] if starts else ""


_INSIDE = re.compile(r"""([\w.\[\]'"]+?)\._stores\b[\w.\[\]'"]*""")


def for_users(text: str) -> str:
    """A message in which what an optimizer keeps in attributes of its own is called its state."""
    return _INSIDE.sub(r"the state of \1", text)


def _readable(path: str) -> str:
    """How to get to something, without the attributes that are not the user's, and where in them it stands."""
    kept, hidden = [], ""
    for part in re.findall(r"\[[^\]]*\]|\w+", path):
        if part[0] == "[":
            if not hidden or part[1] in "'\"":
                kept.append(part.strip("[]'\""))
                hidden = ""
        elif part[0] == "_":
            hidden = part.strip("_")
        else:
            kept.append(part)
            hidden = ""
    return "_".join([*kept, *([hidden] if hidden else [])])
