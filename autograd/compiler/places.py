"""Places: where something is kept that a function can reach, and by which names its code reaches for it."""

from __future__ import annotations

import dis
import re
import sys
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterable, Iterator
from functools import lru_cache
from importlib.util import resolve_name
from keyword import iskeyword
from typing import Any

__all__ = [
    "LIBRARIES",
    "Place",
    "all_names",
    "first_imported",
    "global_names",
    "imported",
    "in_module",
    "is_namespace",
    "looked_up",
    "package",
]

LIBRARIES = {"autograd", "nn", "optim", "numpy", "scipy", *sys.stdlib_module_names} - {"__main__"}
"""Packages whose functions are taken to be the same at every call, and to depend on what they are given alone."""
_OUT_OF_SIGHT = {"eval", "exec", "globals"}
"""Built-in functions by which code reads variables that it names in texts."""

_LOOK_UP = {"modules", "import_module", "__import__"}
"""Names of what finds modules by their names."""


class Place:
    """Where something is kept: an item of a dict or list, a variable that a function holds, a Tensor's slot.

    Attributes:
        kind: ``"item"``, ``"cell"``, ``"slot"`` (an attribute), ``"argument"``, or ``"link"``: no place of its own, but
            what leads on to other things, and cannot change.
        name: as the user would write it, for messages and for names in the program.
        attribute: the name by which code reaches for it, if that is the only way to it: an attribute, a method.
    """

    __slots__ = ("attribute", "container", "key", "kind", "name")

    def __init__(self, kind: str, container: Any, key: Any, name: str, attribute: str | None = None) -> None:
        self.kind = kind
        self.container = container
        self.key = key
        self.name = name
        self.attribute = attribute

    def get(self) -> Any:
        """What stands there now."""
        if self.kind in ("item", "link"):
            return _container(self.container).__getitem__(self.container, self.key)
        return self.container.cell_contents if self.kind == "cell" else getattr(self.container, self.key)

    def set(self, value: Any) -> None:
        """Put something there."""
        if self.kind in ("item", "link"):
            _container(self.container).__setitem__(self.container, self.key, value)
        elif self.kind == "cell":
            self.container.cell_contents = value
        else:
            setattr(self.container, self.key, value)

    def identity(self) -> tuple[int, Any]:
        """The same for Places that are the same."""
        return id(self.container), self.key

    def text(self, container: str, bind: Callable[[Any], str] = repr) -> str:
        """The expression that gets it, if ``container`` is the name of its container.

        ``bind`` names keys that are objects, and classes.
        """
        if self.kind == "argument":
            return str(self.key)
        if self.kind == "item":
            plain_key = isinstance(self.key, (str, int, float, bool, bytes, type(None))) or _is_plain(self.key)
            key = repr(self.key) if plain_key else bind(self.key)
            kind = _container(self.container)
            own = type(self.container).__getitem__ is not kind.__getitem__
            return f"{bind(kind)}.__getitem__({container}, {key})" if own else f"{container}[{key}]"
        if self.kind == "cell":
            return f"{container}.cell_contents"
        return f"getattr({container}, {self.key!r})" if iskeyword(self.key) else f"{container}.{self.key}"

    def store(self, container: str, value: str, bind: Callable[[Any], str] = repr) -> str:
        """The statement that puts a value there; as ``text``."""
        if self.kind == "slot" and iskeyword(self.key):
            return f"setattr({container}, {self.key!r}, {value})"
        if self.kind == "item" and type(self.container).__setitem__ is not _container(self.container).__setitem__:
            return f"{bind(_container(self.container))}.__setitem__({container}, {bind(self.key)}, {value})"
        return f"{self.text(container, bind)} = {value}"


def _container(thing: Any) -> Any:
    """Python's class of which a container is: one of the user's may do other things when entries are got and set."""
    return next((kind for kind in (OrderedDict, dict, list, deque) if isinstance(thing, kind)), type(thing))


def _is_plain(key: Any) -> bool:
    """Whether a key is a tuple of texts and numbers."""
    return type(key) is tuple and all(isinstance(x, (str, int, float, type(None))) or _is_plain(x) for x in key)


@lru_cache(maxsize=1024)
def global_names(code: types.CodeType) -> tuple[str, ...]:
    """The global variables that a function, and those inside of it, use."""
    found: dict[str, None] = {}
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            found[instruction.argval] = None
    if _OUT_OF_SIGHT & found.keys():
        for text in code.co_consts:
            found |= dict.fromkeys(re.findall(r"\w+", text) if isinstance(text, str) else ())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= dict.fromkeys(global_names(constant))
    return tuple(found)


def all_names(code: types.CodeType) -> Iterator[str]:
    """All names of variables and attributes that a function, and those inside of it, use, also as texts."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from all_names(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            yield constant


def all_texts(code: types.CodeType) -> Iterator[str]:
    """The texts that a function, and those inside of it, use."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from all_texts(constant)
        elif isinstance(constant, str):
            yield constant


def imported(code: types.CodeType, package: str) -> Iterator[Place]:
    """The modules that a function of a package, and those inside of it, import, if they are there already."""
    before: list[Any] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            level = before[-2].argval
            if level and not package:
                continue  # such a line raises when it runs
            path = resolve_name("." * level + instruction.argval, package) if level else instruction.argval
            parts = path.split(".")
            names = [".".join(parts[: i + 1]) for i in range(len(parts))]
            yield from (Place("item", sys.modules, name, name) for name in names if name in sys.modules)
        if instruction.opname != "EXTENDED_ARG":  # a prefix of the next one
            before.append(instruction)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from imported(constant, package)


def first_imported(before: Container[str]) -> str | None:
    """What to say of a module of the user's that is there, and was not: it was not in reach."""
    new = (name for name in list(sys.modules) if name not in before and name.split(".")[0] not in LIBRARIES)
    return next((f"the module {name} was imported for the first time" for name in new), None)


def _may_look_up(function: types.FunctionType) -> bool:
    """Whether a function can look up modules by name: ``modules`` alone is a method of every network."""
    code, space = function.__code__, function.__globals__
    names = _LOOK_UP.intersection(all_names(code))
    if names != {"modules"} or "sys" in all_names(code):
        return bool(names)
    empty = types.CellType()
    held = [cell.cell_contents for cell in function.__closure__ or () if cell != empty]
    return any(value is sys or value is sys.modules for value in [*map(space.get, global_names(code)), *held])


def looked_up(function: types.FunctionType) -> Iterator[Place]:
    """The modules that a function, and those inside of it, look up by name: if that is not written there, all."""
    if not _may_look_up(function):
        return
    code, space = function.__code__, function.__globals__
    names = [name for name in all_texts(code) if name in sys.modules]
    names += [space["__name__"]] if "__name__" in all_names(code) and space.get("__name__") in sys.modules else []
    for name in names or list(sys.modules):
        if isinstance(sys.modules.get(name), types.ModuleType):
            yield Place("item", sys.modules, name, name)


def in_module(place: Place, names: Iterable[str], seen: set[int]) -> Iterator[Place]:
    """The place of a module of the user's, and those of its variables that are named; also of modules in it.

    ``seen`` has the ids of modules that are not looked at again.
    """
    module = place.get()
    if module.__name__.split(".")[0] in LIBRARIES or id(module) in seen:
        return
    seen.add(id(module))
    yield place
    for name in names:
        if name in module.__dict__:
            inner = Place("item", module.__dict__, name, f"{place.name}.{name}")
            if isinstance(module.__dict__[name], types.ModuleType):
                yield from in_module(inner, names, seen)
            else:
                yield inner


def is_namespace(container: Any) -> bool:
    """Whether a dict has the variables of a module, or the modules themselves."""
    return container is sys.modules or (type(container) is dict and "__spec__" in container)


def package(thing: Any) -> str:
    """The package in which a class or a function was defined; "" for what C code made and does not say."""
    module = getattr(thing, "__module__", None)
    return module.split(".")[0] if isinstance(module, str) else ""
