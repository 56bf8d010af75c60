"""Docstrings on their way to Sphinx: what its reader of Google's style, Napoleon, does not know is put for it."""

from __future__ import annotations

import itertools
import re
from typing import Any

from autograd._op import Op

__all__ = ["after_napoleon", "before_napoleon", "signature_of_op"]

_LINE = re.compile(r"^(Shape|Raises|Source|Sources|Returns): (?=\S)")


_NAMES = re.compile(r"( +)(\w+(?:, \w+)+)(: .*)")
_COLON = "\ue000"


def before_napoleon(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings have short sections on one line, ``Raises: ShapeError.``: their names are set in bold.

    Napoleon would take what stands before a colon in that of a property for its type, and so the first of two
    attributes that are described together.
    """
    lines[:] = _each([_LINE.sub(r"**\1:** ", line) for line in lines])
    if what in ("attribute", "property") and lines:
        lines[0] = lines[0].replace(":", _COLON)


def _each(lines: list[str]) -> list[str]:
    """In sections of attributes, ``a, b: text`` becomes ``a: text`` and ``b: text``."""
    found: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        inside = line == "Attributes:" or (inside and (not line or line.startswith(" ")))
        match = _NAMES.fullmatch(line) if inside else None
        if match is None:
            found.append(line)
            continue
        indent, names, text = match.groups()
        rest = list(itertools.takewhile(re.compile(f"{indent} ").match, lines[number + 1 :]))
        for name in names.split(", ")[:-1]:
            found += [f"{indent}{name}{text}", *rest]
        found.append(f"{indent}{names.rpartition(', ')[2]}{text}")
    return found


def after_napoleon(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """The colons come back."""
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def signature_of_op(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None] | None:
    """An op's signature is that of its forward, which returns arrays; what is called returns Tensors."""
    op = getattr(thing, "op", None)
    if not isinstance(op, Op):
        return None
    if isinstance(op.outputs, tuple):
        return signature, f"({', '.join(op.outputs)})"
    return signature, "Tensor" if op.outputs is None else "tuple[Tensor, ...]"
