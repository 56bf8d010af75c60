"""The text of a program, kept for whoever reads it: tracebacks, debuggers, ``step.source``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Lines"]


class Lines(Sequence[str]):
    """The lines of a text, packed: as strings they would take up more memory than all else that a program consists of.

    Args:
        text: the text, whose lines end as Python ends them.
    """

    def __init__(self, text: str) -> None:
        self._packed = zlib.compress(text.encode())
        self._count = len(text.splitlines())

    @property
    def text(self) -> str:
        """The text."""
        return zlib.decompress(self._packed).decode()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return iter(self.text.splitlines(keepends=True))

    def __getitem__(self, index: Any) -> Any:
        return self.text.splitlines(keepends=True)[index]
