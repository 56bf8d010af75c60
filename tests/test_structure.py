"""The house's rules: which way imports go, what modules are called, what derivative rules may be written with.

Every check is a function that returns the faults it found, and is seen failing on examples made to be bad.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autograd", "nn", "optim", "examples")
LAYERS = (
    ("autograd.errors", "autograd.samples"),
    ("autograd.engine",),
    ("autograd.dtypes",),
    ("autograd._operands",),
    ("autograd._writing",),
    ("autograd._op",),
    (
        "autograd._gradients",
        "autograd._inplace",
        "autograd._protocols",
        "autograd.draw",
        "autograd.formatting",
        "autograd.generator",
        "autograd.interchange",
    ),
    ("autograd.ops",),
    ("autograd._array_methods", "autograd._pointwise_methods", "autograd.construction"),
    ("autograd._tensor",),
    ("autograd",),
    ("autograd.testing",),
    ("nn", "optim"),
    ("examples",),
)
"""From the bottom up. A module belongs where the longest name it starts with stands."""
STRANGERS = ({"nn"}, {"optim"})
"""Packages that stand side by side and never import each other."""
LAZY = (
    "scipy",
    "hypothesis",
    "matplotlib",
    "graphviz",
    "pygraphviz",
    "safetensors",
    "tqdm",
    "sklearn",
    "ml_dtypes",
    "gzip",
    "json",
    "multiprocessing",
    "pickletools",
    "queue",
    "random",
    "signal",
    "traceback",
    "zipfile",
    "dataclasses",
    "pathlib",
    "shutil",
    "string",
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


def imports_of(name: str, tree: ast.Module, modules: dict[str, Any]) -> Iterator[Import]:
    """All imports of a module; ``from package import module`` counts as one of the module."""
    is_package = any(other.startswith(name + ".") for other in modules)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    inside = {id(child) for function in functions for child in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, id(node) in inside)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - is_package
                parents = name.split(".")[: len(name.split(".")) - up]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in modules else base, node.lineno, id(node) in inside)


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
            faults.extend(f"{package}.{name} is a module and is exported too" for name in sorted(bound & children))
    return faults


def loaded_by(statement: str) -> list[str]:
    """The lazy packages that a fresh interpreter has loaded after ``statement``, beyond what NumPy loads."""
    seen = f"{{name.split('.')[0] for name in sys.modules}} & set({LAZY!r})"
    code = f"import sys, numpy; before = {seen}; {statement}; print(*sorted(({seen}) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return run.stdout.split()


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    return read_modules(ROOT)


@pytest.mark.parametrize("check", [upward_imports, inner_imports, import_cycles, hidden_functions])
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
        (import_cycles, {"nn": "", "nn.a": "from .b import f", "nn.b": "from . import c", "nn.c": "import nn.a"}),
        (hidden_functions, {"autograd": "from ._compiler import compile as compile", "autograd.compile": ""}),
        (hidden_functions, {"autograd": "def tensor(): ...", "autograd.tensor": ""}),
    ],
)  # fmt: skip
def test_bad_house_is_noticed(check: Callable[[dict[str, ast.Module]], list[str]], sources: dict[str, str]) -> None:
    assert len(check({name: ast.parse(source) for name, source in sources.items()})) == 1


@pytest.mark.parametrize(
    ("check", "sources"),
    [
        (upward_imports, {"autograd": "", "autograd._op": "from .errors import RuleError", "autograd.errors": ""}),
        (upward_imports, {"nn": "import numpy\nfrom autograd import ops", "autograd": "", "autograd.ops": ""}),
        (inner_imports, {"nn": "def f():\n    import scipy.special\n    from tqdm import tqdm"}),
        (import_cycles, {"nn": "from . import a, b", "nn.a": "from .b import f", "nn.b": ""}),
        (hidden_functions, {"nn": "from . import init as init\nfrom .init import fill as fill", "nn.init": ""}),
    ],
)  # fmt: skip
def test_good_house_passes(check: Callable[[dict[str, ast.Module]], list[str]], sources: dict[str, str]) -> None:
    assert check({name: ast.parse(source) for name, source in sources.items()}) == []


# ---- rules ---------------------------------------------------------------------------------------------------------

PLAIN = {"shape", "dtype", "ndim"}
"""Attributes that arrays, Tensors and recording arrays have alike, and that are no arrays."""
METHODS = {name for name in dir(np.ndarray) if not name.startswith("__")} - PLAIN - {"astype"}
"""Methods of arrays: they are NumPy's on an array and PyTorch's on a Tensor, so a rule uses NumPy's functions."""
TYPE_TESTS = {"isinstance", "type", "hasattr", "float", "int", "bool", "complex"}
"""Builtins that look at an array's type or take its number out."""


class RuleReader(ast.NodeVisitor):
    """Follows the arrays through one function of a rule, and collects what is done to them that must not be."""

    def __init__(self, function: Callable[..., Any], arrays: set[str], seen: set[Any]) -> None:
        self.function = function
        self.arrays = set(arrays)
        self.seen = seen
        self.faults: list[str] = []

    def read(self) -> list[str]:
        for node in nodes_of(self.function):
            body = node.body if isinstance(node.body, list) else [node.body]
            for part in body:  # twice: an array may flow back through a loop
                self._follow(part)
                self._follow(part)
            for part in body:
                self.visit(part)
        return self.faults

    def _follow(self, tree: ast.AST) -> None:
        """Names that are bound to something made of arrays are arrays."""
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                value = node.value
            elif isinstance(node, (ast.For, ast.comprehension)):
                targets, value = [node.target], node.iter
            else:
                continue
            if value is not None and self.is_array(value):
                names = (name for target in targets for name in ast.walk(target))
                self.arrays |= {
                    name.id for name in names if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                }

    def is_array(self, node: ast.AST) -> bool:
        """Whether an expression may hold an array: it names one other than to ask for its shape or dtype."""
        if isinstance(node, ast.Name):
            return node.id in self.arrays
        if isinstance(node, ast.Attribute) and node.attr in PLAIN:
            return False
        if isinstance(node, ast.Compare) and all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
            return False
        if isinstance(node, ast.Call) and self._called(node) in (np.shape, np.ndim, len):
            return False
        return any(self.is_array(child) for child in ast.iter_child_nodes(node))

    def _called(self, node: ast.Call) -> Any:
        """The function that a call calls, if it is known by name here; else None."""
        names = {**vars(builtins), **self.function.__globals__, **inspect.getclosurevars(self.function).nonlocals}
        parts = []
        target: Any = node.func
        while isinstance(target, ast.Attribute):
            parts.append(target.attr)
            target = target.value
        if not isinstance(target, ast.Name) or target.id in self.arrays:
            return None
        found = names.get(target.id)
        for part in reversed(parts):
            found = getattr(found, part, None)
        return found

    def _fault(self, node: ast.AST, text: str) -> None:
        code = self.function.__code__
        line = getattr(node, "lineno", code.co_firstlineno)
        self.faults.append(f"{Path(code.co_filename).name}:{line} {text}: {ast.unparse(node)}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in METHODS and self.is_array(node.value):
            self._fault(node, f"uses .{node.attr} of an array, not NumPy's function")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        given = [argument.value if isinstance(argument, ast.Starred) else argument for argument in node.args]
        given += [keyword.value for keyword in node.keywords]
        if any(self.is_array(argument) for argument in given):
            called = self._called(node)
            if isinstance(node.func, ast.Name) and node.func.id in TYPE_TESTS:
                self._fault(node, "looks at the type of an array")
            elif hasattr(called, "op") and hasattr(called, "kernel"):
                self._fault(node, "calls an op itself, not its .kernel")
            elif (
                inspect.isfunction(called)
                and called.__module__.startswith("autograd")
                and not hasattr(called, "kernel")
            ):
                self._enter(called, node)
        self.generic_visit(node)

    def _enter(self, called: Any, node: ast.Call) -> None:
        """Read a helper to which arrays are given."""
        parameters = list(inspect.signature(called).parameters)
        arrays = {keyword.arg for keyword in node.keywords if keyword.arg and self.is_array(keyword.value)}
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            arrays |= set(parameters)
        for i, argument in enumerate(node.args):
            if self.is_array(argument):
                arrays.add(parameters[min(i, len(parameters) - 1)])
        key = (called, frozenset(arrays))
        if key not in self.seen:
            self.seen.add(key)
            self.faults += RuleReader(called, {name for name in arrays if name}, self.seen).read()

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, (ast.Store, ast.Del)) and self.is_array(node.value):
            self._fault(node, "writes into an array")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id in self.arrays and self.is_array(node.target):
            self._fault(node, "changes an array in place")
        self.generic_visit(node)


_trees: dict[str, ast.Module] = {}


def nodes_of(function: Callable[..., Any]) -> list[Any]:
    """The syntax of a function: of lambdas with equal parameters on one line, all."""
    code = inspect.unwrap(function).__code__
    if code.co_filename not in _trees:
        _trees[code.co_filename] = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    found = []
    for node in ast.walk(_trees[code.co_filename]):
        if isinstance(node, (ast.Lambda, ast.FunctionDef)):
            lines = {node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))}
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            if code.co_firstlineno in lines and tuple(argument.arg for argument in arguments) == names:
                found.append(node)
    assert found, f"no source found of {function}"
    return found


def rule_faults(function: Callable[..., Any], arrays: set[str]) -> list[str]:
    """What a rule does that is not plain NumPy, given which of its parameters are arrays."""
    if not inspect.isfunction(function):
        return []
    return RuleReader(function, arrays, set()).read()


def array_names(record: Any) -> set[str]:
    """The names by which the rules of an op can ask for arrays."""
    outputs = record.outputs if isinstance(record.outputs, tuple) else ()
    return {"g", "out", *record.inputs, *outputs, *(f"g_{name}" for name in outputs)}


def all_ops() -> dict[str, Any]:
    for module in pkgutil.walk_packages(autograd.__path__, "autograd."):
        importlib.import_module(module.name)
    return dict(autograd.OPS)


def test_rules_are_plain_numpy() -> None:
    faults = []
    for record in all_ops().values():
        rules = [record.joint] if record.joint is not None else record.rules.values()
        for rule in rules:
            faults += [f"{record.name}: {fault}" for fault in rule_faults(rule, array_names(record))]
    assert not faults, "\n".join(faults)


def _helper(a: Any, shape: Any) -> Any:
    scaled = a * 2
    return scaled.reshape(shape)


_helper.__module__ = "autograd.made_up"


def _looping(g: Any, x: Any) -> Any:
    total = 0
    for item in x:
        total = total + item
    return g * total.sum()


def _writing(g: Any, x: Any) -> Any:
    out = g * x
    out[0] = 0
    return out


def _growing(g: Any) -> Any:
    g *= 2
    return g


BAD_RULES: list[Callable[..., Any]] = [
    lambda g: g.sum(),
    lambda g, x: (g * x).reshape(x.shape),
    lambda g: np.exp(g).transpose(0, 1),
    lambda g, x: g * x.size,
    lambda g, x: g * x.data,
    lambda g, x: g if isinstance(x, np.ndarray) else -g,
    lambda g, x: g * float(x),
    lambda g, out: [part.max() for part in out],
    lambda g, x: _helper(g, x.shape),
    lambda g, y: autograd.mul(g, y),
    _looping,
    _writing,
    _growing,
]
GOOD_RULES: list[Callable[..., Any]] = [
    lambda g, x: np.reshape(np.sum(g), x.shape) * x.dtype.itemsize,
    lambda g, x, dim: g if isinstance(dim, tuple) else g * np.finfo(x.dtype).max,
    lambda g, y: autograd.mul.kernel(g, y),
    lambda g, x_shape: np.broadcast_to(g, x_shape).astype(np.float32),
    lambda g, x: g * max(len(x.shape), x.ndim),
]


@pytest.mark.parametrize("rule", BAD_RULES)
def test_bad_rule_is_noticed(rule: Callable[..., Any]) -> None:
    assert rule_faults(rule, {"g", "x", "y", "out"})


@pytest.mark.parametrize("rule", GOOD_RULES)
def test_good_rule_passes(rule: Callable[..., Any]) -> None:
    assert rule_faults(rule, {"g", "x", "y", "out"}) == []
