"""The reference: a page for each module that offers public names, written by Sphinx from the docstrings.

A name that the packages begin to offer is in the reference by that.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Entry", "PARTS", "Part", "entries", "write_reference"]


class Part(NamedTuple):
    """A part of the reference: a package or module whose names are public.

    Attributes:
        title: of the part's first page.
        module: where the names are found.
        ops: of ``autograd``'s names those of operations; else the others.
        whole: one page of all, instead of one for each module in which names are defined.
    """

    title: str
    module: str
    ops: bool = False
    whole: bool = False


PARTS = {
    "autograd": Part("autograd: Tensors, graphs, gradients", "autograd"),
    "ops": Part("autograd: operations, by family", "autograd", ops=True),
    "func": Part("autograd.func: transforms of functions", "autograd.func", whole=True),
    "derivatives": Part("autograd.functional: derivatives at a point", "autograd.functional", whole=True),
    "forward_ad": Part("autograd.forward_ad: dual numbers", "autograd.forward_ad", whole=True),
    "linalg": Part("autograd.linalg", "autograd.linalg", whole=True),
    "fft": Part("autograd.fft", "autograd.fft", whole=True),
    "special": Part("autograd.special", "autograd.special", whole=True),
    "samples": Part("autograd.samples", "autograd.samples", whole=True),
    "testing": Part("autograd.testing", "autograd.testing", whole=True),
    "optable": Part("autograd.optable", "autograd.optable", whole=True),
    "doctor": Part("autograd.doctor", "autograd.doctor", whole=True),
    "numerical": Part("autograd.numerical", "autograd.numerical", whole=True),
    "extend": Part("autograd.extend", "autograd.extend", whole=True),
    "tracer": Part("autograd.tracer", "autograd.tracer", whole=True),
    "flatten": Part("autograd.misc.flatten", "autograd.misc.flatten", whole=True),
    "optimizers": Part("autograd.misc.optimizers", "autograd.misc.optimizers", whole=True),
    "nn": Part("nn: modules", "nn"),
    "functional": Part("nn.functional", "nn.functional", whole=True),
    "hooks": Part("nn.hooks", "nn.hooks", whole=True),
    "init": Part("nn.init", "nn.init", whole=True),
    "utils": Part("nn.utils", "nn.utils", whole=True),
    "parametrize": Part("nn.utils.parametrize", "nn.utils.parametrize", whole=True),
    "parametrizations": Part("nn.utils.parametrizations", "nn.utils.parametrizations", whole=True),
    "rnn": Part("nn.utils.rnn", "nn.utils.rnn", whole=True),
    "data": Part("nn.data", "nn.data", whole=True),
    "sklearn": Part("nn.sklearn", "nn.sklearn", whole=True),
    "optim": Part("optim", "optim", whole=True),
    "lr_scheduler": Part("optim.lr_scheduler", "optim.lr_scheduler", whole=True),
    "swa_utils": Part("optim.swa_utils", "optim.swa_utils", whole=True),
}


TOGETHER = {
    "Tensor": ("autograd._tensor",),
    "Making Tensors": ("autograd.creation", "autograd.interchange"),
    "Gradients": ("autograd._gradients", "autograd._gradcheck", "autograd.recompute"),
    "Modes": ("autograd.engine",),
    "Pictures of graphs": ("autograd.draw",),
    "Ops of your own": ("autograd._op", "autograd.function"),
    "Random numbers": ("autograd.random", "autograd.generator", "autograd.ops.draws"),
    "Saving and loading": ("autograd.serialization",),
    "Dtypes, devices, printing": ("autograd.dtypes", "autograd.inspection", "autograd.devices", "autograd.formatting"),
    "Errors": ("autograd.errors",),
}
"""Modules that share a page, by its title; every other module has one of its own."""


class Entry(NamedTuple):
    """A public name: the module where it is found, the one where it is defined, and further names of the same thing."""

    name: str
    found: str
    defined: str
    thing: Any
    also: tuple[str, ...] = ()


def entries(part: Part) -> list[Entry]:
    """The names of a part, each thing once: under its own name, if it has that here."""
    module = importlib.import_module(part.module)
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    held: dict[int, list[str]] = {}
    things = {}
    for name in names:
        thing = getattr(module, name)
        if _belongs(thing, part):
            held.setdefault(id(thing), []).append(name)
            things[id(thing)] = thing
    found = []
    for key, given in held.items():
        thing = things[key]
        own = thing.__name__ if getattr(thing, "__name__", "") in given else given[0]
        also = tuple(name for name in given if name != own)
        found.append(Entry(own, part.module, thing.__module__, thing, also))
    return sorted(found, key=lambda entry: entry.name.lower())


def _belongs(thing: Any, part: Part) -> bool:
    home = getattr(thing, "__module__", None) or ""
    if not callable(thing) or home.split(".")[0] not in ("autograd", "nn", "optim"):
        return False
    if part.module == "autograd":
        return home.startswith("autograd.ops.") == part.ops
    return True


def _page(title: str, intro: str, found: list[Entry]) -> str:
    """A page in reStructuredText: a table of the names, then each with its docstring."""
    lines = [title, "=" * len(title), "", intro, ""]
    if found:
        lines += [f".. currentmodule:: {found[0].found}", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {entry.name}" for entry in found] + [""]
    for entry in found:
        lines += list(_entry(entry))
    return "\n".join([*lines, ""])


def _entry(entry: Entry) -> Iterator[str]:
    if inspect.isclass(entry.thing):
        error = issubclass(entry.thing, BaseException)
        yield f".. {'autoexception' if error else 'autoclass'}:: {entry.found}.{entry.name}"
        if not error:
            yield "   :members:"
            elsewhere = _described_elsewhere(entry.thing)
            if elsewhere:
                yield f"   :exclude-members: {', '.join(elsewhere)}"
    else:
        yield f".. autofunction:: {entry.found}.{entry.name}"
    yield ""
    if entry.also:
        yield f"   Also {', '.join(f'``{name}``' for name in entry.also)}."
        yield ""


def _described_elsewhere(thing: type) -> list[str]:
    """The methods that are operations, which have their own pages, or another library's."""
    found = {name: getattr(thing, name, None) for name in dir(thing) if not name.startswith("_")}
    homes = {name: getattr(value, "__module__", None) or "" for name, value in found.items()}
    return sorted(name for name, home in homes.items() if home.startswith(("autograd.ops.", "sklearn.")))


def _title(module: str) -> str:
    words = module.rpartition(".")[2].strip("_").replace("_", " ")
    return words[0].upper() + words[1:]


def write_reference(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.rglob("*.rst"):
        old.unlink()
    for slug, part in PARTS.items():
        module = importlib.import_module(part.module)
        found = entries(part)
        if part.whole:
            _write(folder / f"{slug}.rst", _page(part.title, inspect.getdoc(module) or "", found))
            continue
        made = {}
        for title, homes in _groups(found).items():
            # of several modules each says only what it has itself
            intro = inspect.getdoc(importlib.import_module(homes[0])) if len(homes) == 1 else ""
            here = [entry for entry in found if entry.defined in homes]
            made[title] = f"{slug}/{_slug(title)}"
            _write(folder / f"{made[title]}.rst", _page(title, intro or "", here))
        lines = [part.title, "=" * len(part.title), "", inspect.getdoc(module) or "" if not part.ops else "", ""]
        lines += [".. toctree::", "   :maxdepth: 1", "", *[f"   {page}" for page in made.values()], ""]
        if slug == "autograd":
            lines += ["Dtypes are NumPy's: " + ", ".join(f"``{name}``" for name in _dtypes(module)) + ".", ""]
        _write(folder / f"{slug}.rst", "\n".join(lines))
    lines = ["Reference", "=========", "", "From the docstrings.", "", ".. toctree::", "   :maxdepth: 1", ""]
    _write(folder / "index.rst", "\n".join([*lines, *[f"   {slug}" for slug in PARTS], ""]))


def _dtypes(module: Any) -> list[str]:
    return [
        name
        for name in dir(module)
        if isinstance(getattr(module, name), np.dtype)
        or (inspect.isclass(getattr(module, name)) and issubclass(getattr(module, name), np.generic))
    ]


def _groups(found: list[Entry]) -> dict[str, list[str]]:
    """The modules on each page, by its title."""
    homes = sorted({entry.defined for entry in found})
    groups = {
        title: [home for prefix in prefixes for home in homes if f"{home}.".startswith(f"{prefix}.")]
        for title, prefixes in TOGETHER.items()
    }
    taken = {home for group in groups.values() for home in group}
    groups |= {_title(home): [home] for home in homes if home not in taken}
    return {title: group for title, group in groups.items() if group}


def _slug(title: str) -> str:
    return "_".join(re.findall(r"\w+", title.lower()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
