"""Every public name says what it is and what it takes, in words and in hints; the examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PACKAGES = ("autograd", "nn", "optim")
ROOT = Path(__file__).resolve().parent.parent


def all_modules() -> list[str]:
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


MODULES = all_modules()


def public_names(module: Any) -> list[str]:
    """What a module offers: its ``__all__``; of a package or module without one, every name without underscore."""
    return list(getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]))


def public_things(module: Any, packages: tuple[str, ...] = PACKAGES) -> Iterator[tuple[str, Any]]:
    """The public functions and classes of a module that are ours, and the public methods of the classes."""
    for name in public_names(module):
        thing = getattr(module, name)
        if not callable(thing) or (getattr(thing, "__module__", None) or "").split(".")[0] not in packages:
            continue
        yield name, thing
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                if not method.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
                    yield f"{name}.{method}", getattr(thing, method)


def undocumented(module: Any, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """Public things without a docstring; a method may have that of a base class."""

    def documented(name: str, thing: Any) -> bool:
        owner, _, method = name.rpartition(".")
        bases = getattr(module, owner).__mro__ if owner else ()
        places = [thing, *[vars(base).get(method) for base in bases]]
        return any((getattr(found, "__doc__", None) or "").strip() for found in places if found is not None)

    return [name for name, thing in public_things(module, packages) if not documented(name, thing)]


def unhinted(module: Any, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """Parameters and results of public functions and methods that have no type hint."""
    faults = []
    for name, thing in public_things(module, packages):
        function = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        faults += [
            f"{name}({parameter.name})"
            for number, parameter in enumerate(signature.parameters.values())
            if parameter.annotation is parameter.empty
            and not (number == 0 and ("." in name or parameter.name in ("self", "cls")))
        ]
        if signature.return_annotation is signature.empty:
            faults.append(f"{name} -> ?")
    return faults


def misdescribed(module: Any, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """Arguments in the docstrings of public functions and classes that these do not take."""
    faults = []
    for name, thing in public_things(module, packages):
        section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", inspect.getdoc(thing) or "", re.MULTILINE)
        if section is None or isinstance(thing, property):
            continue
        parameters = inspect.signature(thing).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            continue
        lines = re.findall(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): ", section[1], re.MULTILINE)
        described = [word.lstrip("*") for line in lines for word in line.split(", ")]
        faults += [f"{name}({word})" for word in described if word not in parameters]
    return faults


class Finder(doctest.DocTestFinder):
    """Finds examples in the docstrings of ops too, whose functions are written by ``op`` and not by their module."""

    def _from_module(self, module: ModuleType | None, thing: Any) -> bool:
        return module is not None and getattr(thing, "__module__", module.__name__) == module.__name__


def run_examples(module: Any) -> tuple[int, list[str]]:
    """Run the examples of a module's docstrings: how many there were, and what went wrong.

    Each runs as whoever copies it runs it: with no names but those that it imports itself.
    """
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in Finder().find(module, module.__name__):
        test.globs = {"__name__": "__main__"}
        runner.run(test, out=said.append)
    return runner.tries, said if runner.failures else []


@pytest.mark.parametrize("name", MODULES)
def test_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip(), f"{name} does not say what it is"
    faults = undocumented(module)
    assert not faults, ", ".join(faults)


@pytest.mark.parametrize("name", MODULES)
def test_hinted(name: str) -> None:
    faults = unhinted(importlib.import_module(name))
    assert not faults, ", ".join(faults)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    _, faults = run_examples(importlib.import_module(name))
    assert not faults, "".join(faults)


@pytest.mark.parametrize("name", MODULES)
def test_arguments_exist(name: str) -> None:
    faults = misdescribed(importlib.import_module(name))
    assert not faults, ", ".join(faults)


BAD = '''
"""A module."""
from autograd import op

__all__ = ["Thing", "cube", "nothing_said"]

def nothing_said(x: int, y=2):
    return x + y

class Thing:
    """A class.

    Args:
        x, colour: what it once took.
    """

    def __init__(self, x: int) -> None:
        self.x = x

    def method(self, x) -> int:
        return 1

    @property
    def size(self):
        return 2

@op(x=lambda g, x: 3 * x * x * g)
def cube(x):
    """The third power.

    >>> 1 + 1
    3
    """
    return x * x * x
'''


@pytest.fixture
def bad() -> SimpleNamespace:
    module = ModuleType("made_up")
    exec(BAD, vars(module))
    return module  # type: ignore[return-value]


def test_faults_are_noticed(bad: Any) -> None:
    assert undocumented(bad, ("made_up",)) == ["Thing.method", "Thing.size", "nothing_said"]
    assert unhinted(bad, ("made_up",)) == [
        "Thing.method(x)",
        "Thing.size -> ?",
        "cube(x)",
        "cube -> ?",
        "nothing_said(y)",
        "nothing_said -> ?",
    ]
    assert misdescribed(bad, ("made_up",)) == ["Thing(colour)"]


def test_wrong_example_is_noticed(bad: Any) -> None:
    count, faults = run_examples(bad)
    assert count == 1
    assert faults


def test_an_example_imports_what_it_uses() -> None:
    module = ModuleType("made_up")
    exec('def one():\n    """One.\n\n    >>> one()\n    1\n    """\n    return 1', vars(module))
    assert "name 'one' is not defined" in "".join(run_examples(module)[1])


def test_examples_are_found() -> None:
    assert run_examples(importlib.import_module("autograd._op"))[0] > 5
