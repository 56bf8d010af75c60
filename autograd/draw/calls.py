"""What a node tells of the call that it records: where the inputs came from, and what else is worth saying."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import dtypes
from ..engine.nodes import Pick
from .values import number_text, shape_text

__all__ = ["Call", "Constant", "output_name", "saved_bytes", "type_lines"]


class Constant:
    """An input through which no gradient goes: a batch of data, a mask, an index.

    Attributes:
        value, shape, dtype: of the array, if they are known.
        origin: the ``Event`` of the array, if it was recorded, and ``summary`` its ``Values``.
    """

    __slots__ = ("dtype", "origin", "shape", "summary", "value")

    def __init__(self, value: Any = None, shape: tuple[int, ...] | None = None) -> None:
        self.value = value
        self.shape = shape if value is None else value.shape
        self.dtype = None if value is None else value.dtype
        self.origin: Any = None
        self.summary: Any = None

    @staticmethod
    def seen(value: Any, origin: Any, summary: Any) -> Constant:
        """What was recorded of an array, which is not kept alive."""
        constant = Constant(None, value.shape)
        constant.dtype, constant.origin, constant.summary = value.dtype, origin, summary
        return constant


class Call:
    """A node, read.

    Attributes:
        sources: the inputs: where each comes from (a Node, Pick, Leaf or Constant), and what the op calls it.
        numbers: inputs that are plain numbers, by what the op calls them.
    """

    def __init__(self, node: Any) -> None:
        self.node = node
        self.sources: list[tuple[Any, str]] = []
        self.numbers: dict[str, Any] = {}
        op = node.op
        # saved is not a tuple where backward released it, or where the user's hooks packed it
        saved = node.saved if isinstance(node.saved, tuple) else ()
        self.saved: dict[str, Any] = dict(zip(op.saved_names, saved, strict=False))
        self.inputs: tuple[str, ...] = op.inputs
        lists = op.lists
        single = [name for name in self.inputs if name not in lists]
        for i, parent in enumerate(node.parents):
            name, place = single[i] if i < len(single) else "", None
            if not name and lists:
                name, place = lists[0], i - len(single)
            title = name if place is None else f"{name}[{place}]"
            if parent is not None:
                self.sources.append((parent, title))
            elif name:
                self._add_constant(name, place, title)
        for name in op.constants:
            if isinstance(value := self.saved.get(name), np.ndarray) and value.ndim:
                self.sources.append((Constant(value), name))

    def _add_constant(self, name: str, place: int | None, title: str) -> None:
        """An input without a node: what was saved of it tells which it is; maybe it was not given at all."""
        value, shape = self.saved.get(name), self.saved.get(f"{name}_shape")
        if place is not None:
            value = value[place] if isinstance(value, (list, tuple)) else None
            shape = shape[place] if shape else None
        if isinstance(value, (int, float, complex, np.generic)) or getattr(value, "ndim", 1) == 0:
            self.numbers[title] = value
        elif hasattr(value, "shape"):
            self.sources.append((Constant(value), title))
        elif shape is not None or not _optional(self.node.op, name):
            self.sources.append((Constant(shape=shape), title))

    def facts(self) -> Iterator[str]:
        """Lines for the op's box: numbers among its inputs, its arguments; a dtype that none of its inputs has."""
        facts = [f"{name} = {number_text(value, 6)}" for name, value in self.numbers.items()]
        signature = getattr(self.node.op, "signature", None)
        for name, parameter in signature.parameters.items() if signature is not None else ():
            value = self.saved.get(name)
            default = parameter.default
            if isinstance(default, tuple) and len(default) == 1:
                value, default = _for_all(value), _for_all(default)
            text = None if value is None or name in self.inputs else _argument_text(value)
            if text is not None and value != default:
                facts.append(f"{name} = {text}")
        if facts:
            yield ", ".join(facts)
        dtype = self.node.dtype
        if not isinstance(dtype, tuple) and all(
            source.dtype != dtype for source, _ in self.sources if type(source) is not Constant
        ):
            yield str(dtype)

    def summary(self) -> str:
        """The first line of the op's documentation, without its marks of code."""
        doc = getattr(self.node.op, "doc", None) or ""
        return str(next(iter(doc.strip().splitlines()), self.node.op.name)).replace("``", "")


def saved_bytes(node: Any) -> int:
    """How much a node keeps for backward; an array that it keeps twice counts once."""
    if not isinstance(node.saved, tuple) or not hasattr(node.op, "saved_arrays"):
        return 0
    return sum({id(array): array.nbytes for _, array in node.op.saved_arrays(node)}.values())


def type_lines(value: Any) -> list[str]:
    """The shape, and the dtype where it is not the default one."""
    if value.shape is None:
        return []
    text = shape_text(value.shape)
    return [text if value.dtype is None or value.dtype == dtypes.default.dtype else f"{text}, {value.dtype}"]


def output_name(pick: Pick) -> str:
    """What an op with several outputs calls this one."""
    outputs = pick.source.op.outputs
    return str(outputs[pick.index]) if isinstance(outputs, tuple) else f"[{pick.index}]"


def _for_all(value: Any) -> Any:
    """One number where an argument has the same for every dimension (and both sides of it)."""
    while isinstance(value, tuple) and value and all(item == value[0] for item in value):
        value = value[0]
    return value


def _argument_text(value: Any) -> str | None:
    """An argument as it would be written; None if that is too much to read at a glance."""
    if isinstance(value, (int, float, complex, np.number)):
        return number_text(value, 6)
    if value is None or isinstance(value, str):
        return str(value)
    if value is Ellipsis:
        return "..."
    if isinstance(value, slice):
        start, stop, step = ("" if part is None else str(part) for part in (value.start, value.stop, value.step))
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if isinstance(value, (tuple, list)) and 0 < len(value) <= 4:
        texts = [text for item in value if (text := _argument_text(item)) is not None]
        if len(texts) == len(value):
            return f"[{', '.join(texts)}]" if isinstance(value, list) else f"({', '.join(texts)})"
    return None


def _optional(op: Any, name: str) -> bool:
    signature = getattr(op, "signature", None)
    return signature is not None and signature.parameters[name].default is not inspect.Parameter.empty
