"""What an op promises, read from its definition: names, inputs, rules, what it saves."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nn.functional

from .. import Tensor, fft, linalg, ops, special
from .. import __dict__ as _autograd
from .._op import COMPOSED, MANY, NUMPY, OPS, Op
from .findings import Measured

__all__ = ["Contract", "UnknownOpError", "contract_of", "everything", "families", "family_of", "name_of", "select"]

_PLACES: dict[str, dict[str, Any]] = {
    "autograd": _autograd,
    "autograd.linalg": vars(linalg),
    "autograd.fft": vars(fft),
    "autograd.special": vars(special),
    "nn.functional": vars(nn.functional),
}
"""Where users find functions, the best place first; after them Tensor's methods."""


class UnknownOpError(ValueError):
    """A name or pattern that fits no op, or a family that does not exist."""


@dataclass(frozen=True)
class Contract:
    """One row of the table.

    Attributes:
        name: the op's own name.
        family: the module of ``autograd.ops`` that defines it; of a user's op the whole module.
        composed: whether it is a function composed of ops, which has no rules of its own.
        paths: how users write it, the best first; empty of an op that only other functions use.
        numpy: the NumPy functions that it computes on Tensors.
        inputs: the differentiable inputs (of an op without rules: its array inputs).
        lists: those of the inputs that are lists.
        constants: inputs that may be Tensors, through which no derivative flows.
        outputs: the names of several outputs, ``("many",)`` if their number varies, else empty.
        rules: "each" (a rule for each input, by its name), "joint" (one for all), "none", or "composed".
        view: whether the result may share memory with the first input.
        saves: what a node keeps for backward.
        measured: what came out when it was run; None if it was not.
    """

    name: str
    family: str
    composed: bool
    paths: tuple[str, ...]
    numpy: tuple[str, ...]
    inputs: tuple[str, ...]
    lists: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    rules: str
    view: bool
    saves: tuple[str, ...]
    measured: Measured | None = None

    @property
    def path(self) -> str:
        """How users write it; its own name in brackets if only other functions use it."""
        return self.paths[0] if self.paths else f"({self.name})"

    @property
    def differentiable(self) -> bool:
        """Whether it has derivatives, its own or those of its parts."""
        return self.rules != "none"


def contract_of(target: Any, measured: Measured | None = None) -> Contract:
    """The contract of an op, of its public function or of a composed function; ``measured`` becomes a part of it.

    Raises:
        TypeError: this is no such thing.

    >>> import autograd
    >>> from autograd.optable.contracts import contract_of
    >>> contract_of(autograd.exp).saves
    ('out',)
    """
    op = target if isinstance(target, Op) else getattr(target, "op", None)
    found: dict[str, Any]
    if op is not None:
        outputs = op.outputs if isinstance(op.outputs, tuple) else (MANY,) if op.outputs == MANY else ()
        rules = "joint" if op.joint is not None else "each" if op.rules else "none"
        found = {
            "inputs": op.inputs, "lists": op.lists, "constants": op.constants, "outputs": outputs, "rules": rules,
            "view": bool(op.view), "saves": op.saved_names,
        }  # fmt: skip
    elif hasattr(target, "cases"):
        found = {
            "inputs": tuple(target.inputs), "lists": (), "constants": (), "outputs": (), "rules": "composed",
            "view": False, "saves": (),
        }  # fmt: skip
    else:
        raise TypeError(f"contract_of: expected an op or a function composed of ops, got {target!r:.80}")
    return Contract(
        name_of(target), family_of(target), op is None, tuple(_paths_of(target)),
        tuple(_numpy_names().get(_key(target), ())), measured=measured, **found,
    )  # fmt: skip


def everything() -> list[Any]:
    """Every op of the library and every composed function that has samples, by family and name."""
    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"{ops.__name__}.{module.name}")
    return sorted([*OPS.values(), *COMPOSED.values()], key=lambda found: (family_of(found), name_of(found)))


def families() -> list[str]:
    """The names of all families."""
    return sorted({family_of(found) for found in everything()})


def select(patterns: Sequence[str] = (), family: Sequence[str] = ()) -> list[Any]:
    """The ops and composed functions that fit one of the patterns and one of the families, if there are any of these.

    Args:
        patterns: names as users write them (``softmax``, ``linalg.inv``, ``Tensor.abs``), with or without the package
            before them, or an op's own name; with ``*``, ``?`` and ``[...]`` as for files.
        family: names of modules of ``autograd.ops``, or patterns.

    Raises:
        UnknownOpError: one of them fits nothing; with the names that are near.

    >>> from autograd.optable.contracts import name_of, select
    >>> [name_of(found) for found in select(["log1*", "tanh"])]
    ['log10', 'log1p', 'tanh']
    """
    known = everything()
    of_family = _chosen(known, family, lambda found: [family_of(found)], "family")
    named = _chosen(known, patterns, _names, "op")
    return [found for found in known if id(found) in of_family and id(found) in named]


def _chosen(known: list[Any], patterns: Sequence[str], names: Callable[[Any], list[str]], what: str) -> set[int]:
    """The ids of what fits one of the patterns, all if there are none."""
    chosen = set() if patterns else {id(found) for found in known}
    for pattern in patterns:
        fits = {id(found) for found in known if any(fnmatch.fnmatchcase(name, pattern) for name in names(found))}
        if not fits:
            raise UnknownOpError(f"there is no {what} {pattern!r}; {_hint(known, pattern, names, what)}")
        chosen |= fits
    return chosen


def _hint(known: list[Any], pattern: str, names: Callable[[Any], list[str]], what: str) -> str:
    """What may have been meant by a pattern that fits nothing."""
    word = pattern.strip("*").rpartition(".")[2]
    if what == "op" and word in families():
        return f"{word} is a family: use --family {word}, family=[{word!r}] in a program"
    words = sorted({names(found)[0] for found in known})
    near = [name for name in words if word and word in name] or difflib.get_close_matches(word, words, 5, 0.6)
    if near:
        return f"did you mean {', '.join(near[:5])}?"
    return "python -m autograd.optable --no-measure lists all"


def _names(target: Any) -> list[str]:
    """All that a function may be called in a pattern."""
    paths = _paths_of(target)
    return list(dict.fromkeys([name_of(target), *[end for path in paths for end in _ends(path)]]))


def _ends(path: str) -> Iterator[str]:
    """Of ``autograd.linalg.inv`` the path, ``linalg.inv`` and ``inv``."""
    while path:
        yield path
        path = path.partition(".")[2]


def name_of(target: Any) -> str:
    """The name of an op or a composed function."""
    op = getattr(target, "op", target)
    return str(op.name if isinstance(op, Op) else target.__name__)


def family_of(target: Any) -> str:
    """The module that defines it, by its last name if it is the library's."""
    op = getattr(target, "op", target)
    module = str(op.module if isinstance(op, Op) else target.__module__)
    return module.removeprefix(f"{ops.__name__}.")


def _key(thing: Any) -> int:
    """The same number for an op, its public function, its method and its operator."""
    return id(getattr(thing, "op", thing))


def _paths_of(target: Any) -> list[str]:
    """How users write it; a function of its name in front of it, which sorts out the arguments, counts as it."""
    by_key, fronts = _paths()
    name = name_of(target)
    hidden = isinstance(getattr(target, "op", target), Op) and name in COMPOSED
    paths = [*by_key.get(_key(target), []), *([] if hidden else fronts.get(name, []))]
    return sorted(paths, key=lambda path: path.rpartition(".")[2] != name)


@functools.cache
def _paths() -> tuple[dict[int, list[str]], dict[str, list[str]]]:
    """How users write each function, its own name before second ones of the same place; and those that are not rows."""
    rows = {_key(target) for target in everything()}
    found: dict[int, list[str]] = {}
    fronts: dict[str, list[str]] = {}
    methods = {name: getattr(Tensor, name) for name in dir(Tensor)}
    methods |= {name: value.fget for name, value in methods.items() if isinstance(value, property)}
    for place, names in [*_PLACES.items(), ("Tensor", methods)]:
        public = [name for name in names if not name.startswith("_") or place == "Tensor"]
        here: dict[int, list[str]] = {}
        for name in public:
            if callable(names[name]):
                here.setdefault(_key(names[name]), []).append(name)
        for key, given in here.items():
            given.sort(key=lambda name: (name.startswith("_"), name != getattr(names[name], "__name__", "")))
            found.setdefault(key, []).extend(f"{place}.{name}" for name in given)
            if key not in rows:
                for name in given:
                    fronts.setdefault(name, []).append(f"{place}.{name}")
    return found, fronts


@functools.cache
def _numpy_names() -> dict[int, list[str]]:
    """The NumPy functions that each function computes, directly or through one that takes NumPy's arguments."""
    found: dict[int, list[str]] = {}
    for identity, function in NUMPY.items():
        module = (getattr(identity, "__module__", None) or "numpy").replace("numpy", "np", 1)
        name = f"{module}.{identity.__name__}"
        code: Any = getattr(function, "__code__", None)
        reached: list[Any] = [function]
        if code is not None and not (hasattr(function, "op") or hasattr(function, "cases")):
            reached = [function.__globals__.get(used) for used in code.co_names]
        for thing in reached:
            if hasattr(thing, "op") or hasattr(thing, "cases"):
                found.setdefault(_key(thing), []).append(name)
    return {key: list(dict.fromkeys(names)) for key, names in found.items()}
