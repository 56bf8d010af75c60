"""The programs in the pages: they are run, so that they are true, and what they draw is what the page shows.

The blocks marked ``python`` of a page are one program, run from top to bottom; those that begin with ``>>>`` are
compared with the answers that stand there. A block marked ``py`` is another library's program and is not run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import linecache
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["DOCS", "Block", "blocks", "pages", "run_page"]

DOCS = Path(__file__).resolve().parent
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code of a page: its text, and the number of its first line in the page."""

    text: str
    line: int


def pages() -> list[Path]:
    """The pages that are written by hand."""
    return sorted(DOCS.glob("*.md"))


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are run."""
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        yield Block(match[1], text.count("\n", 0, match.start()) + 2)


def run_page(page: Path, folder: Path) -> None:
    """Run a page's program in a folder, where it leaves its pictures.

    Raises:
        AssertionError: an answer is not what the page says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = list(blocks(page))
    names: dict[str, Any] = {"__name__": page.stem}
    before = Path.cwd()
    os.chdir(folder)
    try:
        for block in program:
            if block.text.startswith(">>>"):
                _compare(block, page.name, names)
            else:
                _execute(block, page.name, names)
    finally:
        os.chdir(before)


def _execute(block: Block, name: str, names: dict[str, Any]) -> None:
    source = "\n" * (block.line - 1) + block.text  # so that a line has the number that it has in the page
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, name, "exec"), names)


def _compare(block: Block, name: str, names: dict[str, Any]) -> None:
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(block.text, names, name, name, block.line - 1)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append, clear_globs=False)
    if runner.failures:
        raise AssertionError("".join(said))
    names.update(test.globs)
