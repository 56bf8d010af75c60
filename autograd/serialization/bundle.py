"""A nested object as a tree, in which names stand for arrays, and the arrays by name; and back.

The tree is JSON. What JSON lacks is a dict with one key that starts with "$"::

    {"$tensor": name}  {"$array": name}  {"$number": name}      a Tensor, an array, a NumPy number
    {"$tuple": [...]}  {"$ordered": [[key, value], ...]}        a tuple, an OrderedDict
    {"$dict": [[key, value], ...]}  {"$counter": the same}      a dict whose keys are not all plain text, a Counter
    {"$complex": [real, imag]}  {"$dtype": name}                a complex number, a dtype
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import dtypes
from .._tensor import Tensor
from ..engine.nodes import Handle, array_of, new_tensor
from ..errors import CheckpointError

__all__ = ["KINDS", "UNTOLD", "Bundle"]

KINDS = frozenset({"bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16",
                   "float32", "float64", "complex64", "complex128", "bfloat16"})  # fmt: skip
"""The dtypes that are saved."""
DICTS: dict[str, type[dict[Any, Any]]] = {"$dict": dict, "$ordered": OrderedDict, "$counter": Counter}
UNTOLD: Any = object()
"""The tree of a file that another program wrote."""


class Bundle:
    """What a file holds.

    Attributes:
        tree: the structure, or UNTOLD.
        arrays: by name, C-contiguous.
        aliases: further names for arrays that share the memory of one: tied weights.
    """

    def __init__(self, tree: Any, arrays: dict[str, Any], aliases: dict[str, str]) -> None:
        self.tree = tree
        self.arrays = arrays
        self.aliases = aliases

    @classmethod
    def of(cls, thing: Any) -> Bundle:
        """Take an object apart.

        Raises:
            CheckpointError: something in it cannot be saved.
        """
        try:
            return _Packer().pack(thing)
        except RecursionError:
            raise CheckpointError("save: the dicts, lists and tuples are nested too deeply") from None

    def thing(self) -> Any:
        """The object; for another program's file a dict of Tensors.

        Raises:
            CheckpointError: the tree is not one that was saved, or names an array that is missing.
        """
        builder = _Builder(self)
        if self.tree is not UNTOLD:
            return builder.build(self.tree)
        aliases = [name for name, target in self.aliases.items() if target in self.arrays and name not in self.arrays]
        return {name: builder.tensor(name) for name in [*self.arrays, *aliases]}

    def checksum(self, tree: str) -> str:
        """Of everything: the tree's text, the aliases, and names, dtypes, shapes and contents of the arrays."""
        code = zlib.crc32(tree.encode())
        for name, target in sorted(self.aliases.items()):
            code = zlib.crc32(f"{name}\n{target}".encode("utf-8", "replace"), code)
        for name, array in sorted(self.arrays.items()):
            code = zlib.crc32(f"{name}\n{array.dtype.name}\n{array.shape}".encode("utf-8", "replace"), code)
            code = zlib.crc32(array.reshape(-1).view(np.uint8), code)
        return f"{code:08x}"


class _Packer:
    """Takes an object apart."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.aliases: dict[str, str] = {}
        self.first_names: dict[Any, str] = {}
        self.kept: list[Any] = []  # so that no two arrays get the same address
        self.open: set[int] = set()

    def pack(self, thing: Any) -> Bundle:
        return Bundle(self._tree(thing, ()), self.arrays, self.aliases)

    def _tree(self, value: Any, path: tuple[str, ...]) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, Handle):
            return {"$tensor": self._name(array_of(value), path)}
        if isinstance(value, np.ndarray):
            return {"$array": self._name(value, path)}
        if isinstance(value, np.generic):
            return {"$number": self._name(np.asarray(value), path)}
        if type(value) is complex:
            return {"$complex": [value.real, value.imag]}
        if isinstance(value, np.dtype) and value.name in KINDS:
            return {"$dtype": value.name}
        if type(value) not in (*DICTS.values(), list, tuple):
            raise CheckpointError(
                f"save: cannot save an object of type {type(value).__name__} (at {_where(path)}): a file holds "
                "Tensors, arrays, numbers, text, None, and dicts, lists and tuples of them; of a module or optimizer "
                "save the state_dict()"
            )
        if id(value) in self.open:
            raise CheckpointError(f"save: the {type(value).__name__} at {_where(path)} contains itself")
        self.open.add(id(value))
        packed = self._container(value, path)
        self.open.discard(id(value))
        return packed

    def _container(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, (list, tuple)):
            items = [self._tree(item, (*path, str(i))) for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        plain = all(type(key) is str and not key.startswith("$") for key in value)
        if plain and type(value) is dict:
            return {key: self._tree(item, (*path, key)) for key, item in value.items()}
        pairs = [[self._key(key, path), self._tree(item, (*path, str(key)))] for key, item in value.items()]
        return {next(mark for mark, kind in DICTS.items() if kind is type(value)): pairs}

    def _key(self, key: Any, path: tuple[str, ...]) -> Any:
        if key is None or type(key) in (bool, int, float, str, complex):
            return self._tree(key, path)
        if type(key) is tuple:
            return {"$tuple": [self._key(item, path) for item in key]}
        raise CheckpointError(
            f"save: cannot save a dict with a {type(key).__name__} as key (at {_where(path)}); use text or numbers"
        )

    def _name(self, array: Any, path: tuple[str, ...]) -> str:
        """Enter an array under its path; one that shares the memory of another as an alias of that."""
        if array.dtype.name not in KINDS:
            raise CheckpointError(f"save: cannot save an array of dtype {array.dtype} (at {_where(path)})")
        name = re.sub(r"[\x00-\x1f\x7f\\]", "_", ".".join(path)).encode("utf-8", "replace").decode() or "value"
        while name in self.arrays or name in self.aliases or name.startswith("__"):
            name = "+" + name
        memory = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype)
        if array.size and memory in self.first_names:
            self.aliases[name] = self.first_names[memory]
            return name
        self.first_names[memory] = name
        self.kept.append(array)
        self.arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
        return name


def _where(path: tuple[str, ...]) -> str:
    return repr(".".join(path)) if path else "the top"


class _Builder:
    """Puts an object together."""

    def __init__(self, bundle: Bundle) -> None:
        self.arrays: Mapping[str, Any] = bundle.arrays
        self.aliases = bundle.aliases

    def array(self, name: Any) -> Any:
        found = self.arrays.get(self.aliases.get(name, name)) if isinstance(name, str) else None
        if found is None:
            raise CheckpointError(f"load: the file names an array {name!r}, but has none of that name")
        return found

    def tensor(self, name: Any) -> Tensor:
        made: Tensor = new_tensor(self.array(name))
        return made

    def build(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.build(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((key, content),) = node.items()
            if key.startswith("$"):
                return self._special(key, content)
        return {key: self.build(item) for key, item in node.items()}

    def _special(self, kind: str, content: Any) -> Any:
        if kind == "$tensor":
            return self.tensor(content)
        if kind == "$array":
            return self.array(content)
        if kind == "$number":
            return self.array(content)[()]
        if kind == "$dtype" and content in KINDS:
            return dtypes.as_dtype(content)
        if kind == "$complex":
            return complex(*content)
        if kind == "$tuple" and isinstance(content, list):
            return tuple(self.build(item) for item in content)
        if kind in DICTS and isinstance(content, list):
            return DICTS[kind](dict(self._pairs(content)))
        raise CheckpointError(
            f"load: the file's structure has an unknown part {kind!r}; was it saved by a newer version?"
        )

    def _pairs(self, pairs: list[Any]) -> Iterator[tuple[Any, Any]]:
        for key, item in pairs:
            yield self.build(key), self.build(item)
