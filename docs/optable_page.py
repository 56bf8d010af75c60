"""The op contract table as a page: measured where the pages are built."""

from __future__ import annotations

from pathlib import Path

from autograd.optable import Contract, OpTable, op_table
from docs import reference_pages

__all__ = ["page", "write_optable"]

INTRO = """\
# Op contract table

What each operation takes and gives, what it saves for backward, and how far its derivatives are from finite
differences. `python -m autograd.optable` prints it, `python -m autograd.optable 'log*' softmax` of these alone;
`--json` has the calls of the worst errors and the reasons of every refusal too.
"""
MEASURED = "The numbers here were measured when these pages were built; another machine's differ in the last place.\n"
UNMEASURED = (
    "These pages were built with `FAST=1`: nothing was measured, so the columns of dtypes and errors are empty.\n"
)


def page(table: OpTable, measured: bool) -> str:
    """The page of a table; names lead to the reference."""
    known = {
        f"{entry.found}.{entry.name}"
        for part in reference_pages.PARTS.values()
        for entry in reference_pages.entries(part)
    }

    def link(contract: Contract) -> str:
        found = next((path for path in contract.paths if path in known), None)
        shown = contract.path.removeprefix("autograd.")
        return f"`{shown}`" if found is None else f"{{py:func}}`{shown} <{found}>`"

    return "\n".join([INTRO, MEASURED if measured else UNMEASURED, table.to_markdown(link)])


def write_optable(path: Path, fast: bool) -> None:
    """Measure (not if it is to be fast) and write the page."""
    path.write_text(page(op_table(measured=not fast), not fast), encoding="utf-8")
