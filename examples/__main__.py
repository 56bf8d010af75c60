"""``python -m examples``: the stories that there are; with names, runs these; with ``all``, every one.

Options go to each story that is named: ``python -m examples xor weight_init --fast``.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

SHARED = ("__init__", "__main__", "story", "networks", "architectures")
APART = ("from_pytorch",)
"""Needs an interpreter with PyTorch: run by its name only."""


def stories() -> dict[str, str]:
    """Each story's name, and the first line of what it says of itself."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in SHARED:
            found[path.stem] = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
    return found


def main(arguments: list[str]) -> int:
    """List the stories, or run those that are named; options (``--fast``, ``--seed 1``) go to each of them."""
    known = stories()
    names = [word for word in arguments if word in known or word == "all"]
    if not names:
        wrong = set(arguments) - {"-h", "--help"}
        if wrong:
            print(f"examples: no story is named among {' '.join(arguments)}", file=sys.stderr)
        width = max(map(len, known))
        for name, line in known.items():
            print(f"{name.ljust(width)}  {line}")
        print("\npython -m examples.NAME --help, or: python -m examples NAME... [options]")
        return 2 if wrong else 0
    if "all" in names:
        names = [name for name in known if name not in APART]
    options = [word for word in arguments if word not in known and word != "all"]
    for name in names:
        print(f"==== {name}: {known[name]}", flush=True)
        sys.argv[0] = f"{name}.py"  # by which its usage message names it
        importlib.import_module(f"examples.{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
