"""Export: a program as a Python module that needs NumPy alone, with its arrays in a file beside it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from ..engine.ownership import owner_of
from ..errors import ArgumentError, CompileError
from .emit import Emitter
from .numbers import Number
from .trees import TensorOf, made_like
from .values import address, map_tree

__all__ = ["export"]

_HEAD = '''"""{title}, as a program that needs NumPy alone. Written by autograd.compile.

``step({signature})`` takes and returns NumPy arrays. What it changes it keeps in this module.
"""

import math as _math
import os

import numpy as np
from numpy import empty, ndarray

with np.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), {archive!r})) as _file:
    _loaded = dict(_file)
_DEVIATED = object()


def strided(array, shape, dtype, offset, strides):
    return ndarray(shape, dtype, array, offset, strides)


def apart(array, others):
    if not any(np.may_share_memory(array, other) for other in others):
        return array
    low, high = np.lib.array_utils.byte_bounds(array)
    offset = array.__array_interface__["data"][0] - low
    made = ndarray(array.shape, array.dtype, empty(high - low, "uint8"), offset, array.strides)
    made[...] = array
    return made


def in_blocks(whole, make, rows, alone=True):
    work = make()
    for start in range(0, len(whole), rows):
        work(slice(start, start + rows))


def sum_tall(x, axis, out=None, keepdims=False):
    sums = np.add.reduce(x, axis, np.float64, keepdims=keepdims).astype(x.dtype)
    if out is None:
        return sums
    out[...] = sums
    return out


dot_lines = np.vecdot
many_products = large_product = np.matmul


def _kept(make):
    return make()


def _new_tensor(array):
    return array


def _attach(outs, saved, given):
    return outs

'''
_PROVIDED = {
    "np", "ndarray", "empty", "strided", "apart", "in_blocks", "dot_lines", "large_product", "many_products",
    "sum_tall", "_new_tensor", "_stamp", "_kept", "_DEVIATED", "_attach", "_math", "_errstate", "without_blas_threads",
    "build", "step", "__builtins__",
}  # fmt: skip


def export(emitter: Emitter, path: Any, names: Sequence[str] = (), returned: Sequence[str] = ()) -> str:
    """Write the program that an emitter wrote, and return the path of the module.

    Args:
        emitter: what wrote it.
        path: of the module.
        names: of the function's parameters, in whose order the module's function takes them.
        returned: the variables that it returns to the function's last lines, which are no part of it.

    Raises:
        CompileError: it calls functions that NumPy does not have, or its results require grad.
        ValueError: the path does not end in ``.py``.
    """
    path = os.fspath(path)
    if not path.endswith(".py"):
        raise ArgumentError(f"export: expected a path that ends in .py, got {path!r}")
    pending = emitter.program.attach is not None and not emitter.program.freed
    if pending or emitter.given:
        if pending:
            raise CompileError(f"export: the results of {emitter.title} require grad; call it under no_grad first")
        raise CompileError(f"export: {emitter.title} returns its own arguments, or leaves gradients in them")
    if emitter.kernels:
        raise CompileError(
            f"export: {emitter.title} has kernels, which need more than NumPy; export what backend='numpy' makes"
        )
    module = _Module(emitter, os.path.basename(path)[:-3] + ".npz", names, returned)
    text = module.text()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    np.savez(path[:-3] + ".npz", **module.arrays)
    return path


class _Module:
    """The text of the module, and the arrays in the file beside it."""

    def __init__(self, emitter: Emitter, archive: str, names: Sequence[str], returned: Sequence[str]) -> None:
        self.arrays: dict[str, Any] = {}
        self._emitter = emitter
        self._archive = archive
        self._order = list(names)
        what = "the same numbers as the function that was compiled"
        self._what = f"returns ({', '.join(returned)}), with which its last lines go on" if returned else what
        self._owners: dict[int, str] = {}
        self._keep: list[Any] = []
        self._lines: list[str] = []
        self._kept: dict[Any, str] = {}

    def text(self) -> str:
        emitter = self._emitter
        build = self._build()
        used = {node.id for node in ast.walk(ast.parse(build)) if isinstance(node, ast.Name)}
        for value in emitter.static:
            self._array(f"_{value.name}", value.array)
        for name, thing in emitter.namespace.items():
            if name in used and name not in _PROVIDED:
                self._constant(name, thing)
        stands = [f"_{value.name}" for value in emitter.static]
        given: list[str] = []
        signature: list[str] = []
        wishes: dict[str, str] = {}
        for value in emitter.parameters:
            given.append(value.name if value.place is None else self._kept_at(*value.place))
            signature += [value.name] if value.place is None else []
        for number in emitter.numbers:
            name = emitter.number(number)
            argument = number.place[0].kind == "argument"
            given.append(name if argument else self._kept_at(*number.place))
            signature += [name] if argument else []
            wishes[name] = number.place[0].name
        for i, place in enumerate(emitter.streams):
            if place.kind == "argument":
                name = emitter.stream(place)
                given.append(name)
                signature.append(name)
                wishes[name] = place.name
                continue
            state = place.get().bit_generator.state
            self._lines += [f"_stream{i} = np.random.Generator(np.random.{state['bit_generator']}())"]
            self._lines += [f"_stream{i}.bit_generator.state = {state!r}"]
            given.append(f"_stream{i}")
        signature.sort(key=lambda name: self._place_among_arguments(wishes.get(name) or name))
        changed = [name for name in self._after if name in self._kept.values()]
        head = _HEAD.format(title=emitter.title, signature=", ".join(signature), archive=self._archive)
        return "\n".join([
            head, *self._lines, "", "", build, "", f"_step = build({', '.join(stands)})", "", "",
            f"def step({', '.join(signature)}):",
            f'    """{emitter.title}: {self._what}."""',
            *([f"    global {', '.join(changed)}"] if changed else []),
            "    with np.errstate(all='ignore'):",
            f"        found = _step({', '.join(given)})",
            "    if found is _DEVIATED:",
            "        raise ValueError('for these values the function decides otherwise than when it was recorded')",
            f"    {self._assignment(changed)}",
            "    return result",
            "",
        ])  # fmt: skip

    def _place_among_arguments(self, name: str) -> int:
        """At which place a parameter stands that is called so, or of which a part is: ``x_0`` is one of ``x``."""
        found = [i for i, known in enumerate(self._order) if name == known or name.startswith(f"{known}_")]
        return max(found, key=lambda i: len(self._order[i]), default=len(self._order))

    def _assignment(self, changed: list[str]) -> str:
        names = [name if name in changed else "_" for name in self._after]
        return f"{', '.join(['result', *names])}, = found" if names else "(result,) = found"

    def _build(self) -> str:
        """The text of ``build``, whose step returns the result and what stays, one by one."""
        emitter = self._emitter
        lines = [line for line in emitter.source.rstrip().splitlines() if line.strip() != "_back()"]
        end = next(
            (i for i, line in enumerate(lines) if line.strip() == "# ------------ what stays ------------"), None
        )
        if end is None:
            end = max(i for i, line in enumerate(lines) if line.startswith("        return "))
        self._after = [f"_kept{i}" for i in range(len(emitter.program.effects))]
        for name, effect in zip(self._after, emitter.program.effects, strict=True):
            self._kept.setdefault(effect.place.identity(), name)
        returned = [self._result(emitter.program.results)]
        returned += [self._result(effect.tree) for effect in emitter.program.effects]
        graded = next((i for i, line in enumerate(lines) if line.startswith("        graded = _attach(")), len(lines))
        named = [line for line in lines[graded:] if re.match(r" {8}\w+ = ", line)]  # as numbers are that stay
        return "\n".join([*lines[:end], *named, f"        return {', '.join(returned)},", "", "    return step", ""])

    def _result(self, tree: Any) -> str:
        """A result's text; what is neither number nor array is None."""

        def leaf(item: Any) -> Any:
            if isinstance(item, TensorOf):
                return item.value
            plain = item is None or isinstance(item, (bool, int, float, complex, str, np.generic, Number))
            return item if plain or type(item).__name__ in ("Value", "Slot") else None

        return self._emitter.result(map_tree(tree, leaf))

    def _kept_at(self, place: Any, path: tuple[Any, ...]) -> str:
        """What the module keeps for a place, with its value of now."""
        name = self._kept.get(place.identity())
        if name is None:
            name = self._kept[place.identity()] = f"_held{len(self._kept)}"
        value = place.get()
        if not any(line.startswith(f"{name} = ") for line in self._lines):
            self._literal(name, value)
        return name + "".join([f"[{step}]" for step in path if not isinstance(step, str)])

    def _literal(self, name: str, value: Any) -> None:
        if isinstance(value, Handle):
            value = np.asarray(value._data)
        if isinstance(value, np.ndarray):
            self._array(name, value)
        else:
            self._lines.append(f"{name} = {_text_of(value)}")

    def _array(self, name: str, array: Any) -> None:
        """An array of the file, or a view of one: what shares memory here does so there."""
        owner = owner_of(array)
        if not (owner.flags.c_contiguous or owner.flags.f_contiguous):
            owner = array
        known = self._owners.get(id(owner))
        if known is None:
            known = self._owners[id(owner)] = name if owner is array else f"{name}_memory"
            self._keep.append(owner)
            self.arrays[known.lstrip("_")] = owner
            self._lines.append(f"{known} = _loaded[{known.lstrip('_')!r}]")
        if known != name:
            offset = address(array) - address(owner)
            self._lines.append(f"{name} = ndarray({array.shape}, '{array.dtype}', {known}, {offset}, {array.strides})")

    def _constant(self, name: str, thing: Any) -> None:
        """A line for what the program's text refers to."""
        if isinstance(thing, np.ndarray):
            self._array(name, thing)
        elif getattr(thing, "func", None) is made_like:
            self._lines.append(f"{name} = _new_tensor")
        elif isinstance(thing, np.dtype):
            self._lines.append(f"{name} = np.dtype('{thing}')")
        elif isinstance(thing, (float, complex, np.generic)):
            self._lines.append(f"{name} = {_text_of(thing)}")
        elif isinstance(thing, type) and thing.__module__ == "builtins":
            self._lines.append(f"{name} = {thing.__name__}")
        elif thing is None or isinstance(thing, (tuple, list, range, bytes, frozenset)):
            self._lines.append(f"{name} = {_text_of(thing)}")
        elif isinstance(thing, tuple) or not callable(thing):
            raise CompileError(
                f"export: {self._emitter.title} refers to {type(thing).__name__}, of which a module knows nothing"
            )
        elif getattr(np, str(getattr(thing, "__name__", "")), None) is thing:
            self._lines.append(f"{name} = np.{getattr(thing, '__name__', '')}")
        else:
            named: Any = thing
            where = f"{getattr(named, '__module__', '')}.{getattr(named, '__name__', type(named).__name__)}"
            raise CompileError(f"export: {self._emitter.title} calls {where}, which NumPy does not have")


def _text_of(thing: Any) -> str:
    """An expression of what is no array, in a module that has no names for ``inf`` and ``nan``."""
    if isinstance(thing, np.bool_):
        return f"np.bool_({thing})"  # of a text it is true
    if isinstance(thing, np.generic):
        return f"np.{type(thing).__name__}('{thing}')"
    if isinstance(thing, (float, complex)):
        return f"{type(thing).__name__}('{thing}')"
    if type(thing) in (tuple, list):
        items = "".join([f"{_text_of(item)}, " for item in thing])
        return f"({items})" if type(thing) is tuple else f"[{items}]"
    return repr(thing)
