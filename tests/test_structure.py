"""The house's rules: which way imports go, and what modules are called (``test_lint`` has those for derivative rules).

Every check is a function that returns the faults it found, and is seen failing on examples made to be bad.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autograd", "nn", "optim", "examples")
LAYERS = (
    ("autograd.devices", "autograd.errors", "autograd.return_types", "autograd.samples"),
    ("autograd.engine",),
    ("autograd.dtypes",),
    ("autograd._signatures",),
    ("autograd._operands",),
    ("autograd._writing",),
    ("autograd._pushing", "autograd._saving"),
    ("autograd._composed", "autograd._op", "autograd._op_function"),
    (
        "autograd._gradients",
        "autograd._inplace",
        "autograd._protocols",
        "autograd._tensor_hooks",
        "autograd.draw",
        "autograd.formatting",
        "autograd.generator",
        "autograd.interchange",
    ),
    ("autograd.ops",),
    ("autograd._array_methods", "autograd._pointwise_methods", "autograd.construction"),
    ("autograd._tensor",),
    ("autograd",),
    ("autograd.doctor",),
    ("nn", "optim"),
    ("autograd.optable",),  # a program about all of them, nn.functional's ops too
    ("examples",),
)
"""From the bottom up. A module belongs where the longest name it starts with stands."""
STRANGERS = ({"nn"}, {"optim"})
"""Packages that stand side by side and never import each other."""
FOREIGN = ("autograd.misc.flatten",)
"""Modules whose name is a function's too because HIPS autograd's is: both have to be importable."""
MAPPED = ("compiler", "doctor", "draw", "engine", "func", "optable", "serialization", "testing")
"""Packages of ``autograd`` whose docstring is a map: it names each of their modules and says what for."""
LAZY = (
    "scipy",
    "hypothesis",
    "matplotlib",
    "graphviz",
    "pygraphviz",
    "safetensors",
    "tqdm",
    "sklearn",
    "threadpoolctl",
    "ml_dtypes",
    "numba",
    "llvmlite",
    "base64",
    "difflib",
    "gzip",
    "hashlib",
    "json",
    "multiprocessing",
    "pickletools",
    "pkgutil",
    "queue",
    "random",
    "signal",
    "traceback",
    "zipfile",
    "dataclasses",
    "pathlib",
    "shutil",
    "string",
    "subprocess",
    "tempfile",
    "webbrowser",
)
"""Third-party packages, and slow modules of Python, that no import of ours may load: imported where they are used."""


# ---- imports -------------------------------------------------------------------------------------------------------


class Import:
    """One import statement's target: in which module it stands, where, and whether inside a function."""

    def __init__(self, source: str, target: str, line: int, inside: bool) -> None:
        self.source = source
        self.target = target
        self.line = line
        self.inside = inside

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def read_modules(root: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, ast.Module]:
    """The syntax tree of every module of these packages by its dotted name."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


@cache
def statements_of(tree: ast.Module) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    """All import statements of a module, each with whether it stands inside a function.

    What only type checkers import (``if TYPE_CHECKING:``) makes no module depend on another.
    """
    found = []
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, inside = stack.pop()
        inner = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for_checkers = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        stack.extend((child, inner) for child in (node.orelse if for_checkers else ast.iter_child_nodes(node)))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.append((node, inside))
    return found


def imports_of(name: str, tree: ast.Module, modules: dict[str, Any]) -> Iterator[Import]:
    """All imports of a module; ``from package import module`` counts as one of the module."""
    is_package = any(other.startswith(name + ".") for other in modules)
    for node, inside in statements_of(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, inside)
        else:
            base = node.module or ""
            if node.level:
                up = node.level - is_package
                parents = name.split(".")[: len(name.split(".")) - up]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in modules else base, node.lineno, inside)


def layer_of(name: str, layers: tuple[tuple[str, ...], ...] = LAYERS) -> int:
    """The number of a module's layer."""
    fits = [
        (len(prefix), number)
        for number, layer in enumerate(layers)
        for prefix in layer
        if name == prefix or name.startswith(prefix + ".")
    ]
    return max(fits)[1]


def upward_imports(modules: dict[str, ast.Module]) -> list[str]:
    """Imports of a higher layer, or of a package that stands beside."""
    faults = []
    for name, tree in modules.items():
        for found in imports_of(name, tree, modules):
            top, own = found.target.split(".")[0], name.split(".")[0]
            if top not in PACKAGES:
                continue
            if {own} in STRANGERS and {top} in STRANGERS and own != top:
                faults.append(f"{found}: {own} and {top} stand side by side")
            elif layer_of(found.target) > layer_of(name):
                faults.append(f"{found}, which is above it")
    return faults


def inner_imports(modules: dict[str, ast.Module]) -> list[str]:
    """Imports inside functions, but for those of third-party packages that are loaded only when needed."""
    return [
        str(found)
        for name, tree in modules.items()
        for found in imports_of(name, tree, modules)
        if found.inside and found.target.split(".")[0] not in LAZY
    ]


def import_cycles(modules: dict[str, ast.Module]) -> list[str]:
    """Groups of modules that import each other."""
    edges = {
        name: {found.target for found in imports_of(name, tree, modules) if found.target in modules} - {name}
        for name, tree in modules.items()
    }
    done: set[str] = set()
    faults = []
    for start in edges:
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            path.append(start)
            stack.append((start, iter(sorted(edges[start]))))
        while stack:
            step = next(stack[-1][1], None)
            if step is None:
                stack.pop()
                done.add(path.pop())
            elif step in path:
                faults.append(" -> ".join([*path[path.index(step) :], step]))
            elif step not in done:
                path.append(step)
                stack.append((step, iter(sorted(edges[step]))))
    return faults


def hidden_functions(modules: dict[str, ast.Module]) -> list[str]:
    """Modules that bear the name of something that their package also exports under that name."""
    faults = []
    for package, tree in modules.items():
        children = {
            name.rpartition(".")[2] for name in modules if name.rpartition(".")[0] == package and name != package
        }
        if not children:
            continue
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                bound = {
                    alias.asname or alias.name
                    for alias in node.names
                    if node.module or alias.asname not in (None, alias.name)
                }
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                bound = {node.name}
            else:
                continue
            both = [f"{package}.{name}" for name in sorted(bound & children)]
            faults.extend(f"{path} is a module and is exported too" for path in both if path not in FOREIGN)
    return faults


def drifted_lazy_names(modules: dict[str, ast.Module]) -> list[str]:
    """Names that only type checkers see in a module, or only programs, of those that are imported when asked for."""
    faults = []
    for module, tree in modules.items():
        seen: set[str] = set()
        lazy: set[str] = set()
        for node in tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "_TYPE_CHECKING":
                seen |= {alias.asname or alias.name for part in ast.walk(node) if isinstance(part, ast.ImportFrom)
                         for alias in part.names}  # fmt: skip
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_LATER":
                assert isinstance(node.value, ast.Dict)
                lazy |= {ast.literal_eval(key) for key in node.value.keys if key is not None}
        own = {name for name in lazy if f"{module}.{name}" in modules}  # submodules are seen by both
        faults.extend(f"{module}.{name} stands in one list only" for name in sorted((seen ^ lazy) - own))
    return faults


def bare_errors(modules: dict[str, ast.Module]) -> list[str]:
    """Arguments that are refused with Python's ValueError: ``ArgumentError`` is what a user of PyTorch catches too."""
    return [
        f"{name}:{node.lineno} raises ValueError; make it an ArgumentError"
        for name, tree in modules.items()
        if name.split(".")[0] in ("autograd", "nn", "optim")
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc is not None and ast.unparse(node.exc).startswith("ValueError")
    ]


def unmapped_modules(modules: dict[str, ast.Module]) -> list[str]:
    """Modules that the docstring of their package does not name, where it is a map of the package."""
    faults = []
    for package in [f"autograd.{name}" for name in MAPPED if f"autograd.{name}" in modules]:
        named = set(re.findall(r"``(\w+)``", ast.get_docstring(modules[package]) or ""))
        inside = {name.removeprefix(f"{package}.") for name in modules if name.startswith(f"{package}.")}
        faults.extend(f"{package}'s docstring does not say what '{name}' is for" for name in inside - named)
    return [fault for fault in sorted(faults) if "__main__" not in fault]


def undocumented_modules(modules: dict[str, ast.Module]) -> list[str]:
    """Modules without a docstring."""
    return [f"{name} does not say what it is for" for name, tree in modules.items() if not ast.get_docstring(tree)]


def loaded_by(statement: str) -> list[str]:
    """The lazy packages that a fresh interpreter has loaded after ``statement``, beyond what NumPy loads."""
    seen = f"{{name.split('.')[0] for name in sys.modules}} & set({LAZY!r})"
    code = f"import sys, numpy; before = {seen}; {statement}; print(*sorted(({seen}) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return run.stdout.split()


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    return read_modules(ROOT)


@pytest.mark.parametrize(
    "check",
    [
        upward_imports,
        inner_imports,
        import_cycles,
        hidden_functions,
        drifted_lazy_names,
        bare_errors,
        unmapped_modules,
        undocumented_modules,
    ],
)
def test_house(check: Callable[[dict[str, ast.Module]], list[str]], modules: dict[str, ast.Module]) -> None:
    faults = check(modules)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("package", ["autograd", "nn", "optim"])
def test_import_loads_nothing_heavy(package: str) -> None:
    assert loaded_by(f"import {package}") == []


def test_loading_is_noticed() -> None:
    assert "graphviz" in loaded_by("import graphviz")


@pytest.mark.parametrize(
    ("check", "sources"),
    [
        (upward_imports, {"autograd": "", "autograd.errors": "from ._op import op", "autograd._op": ""}),
        (upward_imports, {"autograd": "", "autograd.ops.sums": "from .. import _tensor", "autograd._tensor": ""}),
        (upward_imports, {"autograd": "", "autograd.engine.nodes": "import autograd"}),
        (upward_imports, {"autograd": "", "autograd.graph": "def f():\n    from nn import Module", "nn": ""}),
        (upward_imports, {"nn": "", "nn.data": "from optim import SGD", "optim": ""}),
        (upward_imports, {"nn": "", "optim": "from nn.utils import clip", "nn.utils": ""}),
        (upward_imports, {"optim": "import examples.digits", "examples": "", "examples.digits": ""}),
        (inner_imports, {"nn": "def f():\n    import autograd", "autograd": ""}),
        (inner_imports, {"nn": "class A:\n    def f(self):\n        from os import path"}),
        (inner_imports, {"nn": "def f():\n    import numpy as np"}),
        (import_cycles, {"nn": "", "nn.a": "from . import b", "nn.b": "from .a import f"}),
        (import_cycles, {"nn": "from .a import f", "nn.a": "import nn"}),
        (import_cycles, {"nn": "from .a import f", "nn.a": "if TYPE_CHECKING:\n    pass\nelse:\n    import nn"}),
        (import_cycles, {"nn": "", "nn.a": "from .b import f", "nn.b": "from . import c", "nn.c": "import nn.a"}),
        (hidden_functions, {"autograd": "from ._compiler import compile as compile", "autograd.compile": ""}),
        (hidden_functions, {"autograd": "def tensor(): ...", "autograd.tensor": ""}),
        (drifted_lazy_names, {"autograd": "_LATER = {'save': '.files'}", "autograd.files": ""}),
        (drifted_lazy_names, {"nn": "if _TYPE_CHECKING:\n    from .a import f as f\n_LATER = {}", "nn.a": ""}),
        (bare_errors, {"nn.pooling": "def f(x):\n    if x < 0:\n        raise ValueError(f'{x} is negative')"}),
        (unmapped_modules, {"autograd.draw": "'''Pictures: ``dot``.'''", "autograd.draw.dot": "",
                            "autograd.draw.svg": ""}),
        (undocumented_modules, {"nn": "'''Models.'''", "nn.linear": "x = 1"}),
    ],
)  # fmt: skip
def test_bad_house_is_noticed(check: Callable[[dict[str, ast.Module]], list[str]], sources: dict[str, str]) -> None:
    assert len(check({name: ast.parse(source) for name, source in sources.items()})) == 1


@pytest.mark.parametrize(
    ("check", "sources"),
    [
        (upward_imports, {"autograd": "", "autograd._op": "from .errors import RuleError", "autograd.errors": ""}),
        (upward_imports, {"nn": "import numpy\nfrom autograd import ops", "autograd": "", "autograd.ops": ""}),
        (upward_imports, {"autograd": "", "autograd._op": "if TYPE_CHECKING:\n    from ._tensor import Tensor",
                          "autograd._tensor": ""}),
        (inner_imports, {"nn": "def f():\n    import scipy.special\n    from tqdm import tqdm"}),
        (import_cycles, {"nn": "from . import a, b", "nn.a": "from .b import f", "nn.b": ""}),
        (hidden_functions, {"nn": "from . import init as init\nfrom .init import fill as fill", "nn.init": ""}),
        (drifted_lazy_names, {"nn": "if _TYPE_CHECKING:\n    from .a import f as f\n_LATER = {'f': '.a', 'a': '.a'}",
                              "nn.a": ""}),
        (unmapped_modules, {"autograd.draw": "'''Pictures: ``dot``.'''", "autograd.draw.dot": "",
                            "autograd.draw.__main__": ""}),
        (bare_errors, {"optim": "raise ArgumentError('lr')", "examples.digits": "raise ValueError('no')"}),
    ],
)  # fmt: skip
def test_good_house_passes(check: Callable[[dict[str, ast.Module]], list[str]], sources: dict[str, str]) -> None:
    assert check({name: ast.parse(source) for name, source in sources.items()}) == []
