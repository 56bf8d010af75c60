"""The table: what is measured of many ops, its summary, and its forms as text, Markdown and JSON."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .contracts import Contract, contract_of, select
from .findings import Finding, Measured
from .measuring import measure

__all__ = ["OpTable", "op_table"]

_FLOATING = ("float16", "float32", "float64")
_SHORT = {"float16": "f16", "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128"}
_HEADS = ("op", "NumPy", "inputs", "rules", "saves", "dtypes", "ints", "complex", "1st", "2nd")
_WIDTHS = (25, 13, 14, 5, 12, 8, 5, 7, 6, 6)
"""Of the columns of the text, which with two blanks between them are 119 wide."""
LONGEST_CALL = 150
"""Of the call that shows a problem, in characters of the text; the JSON has it whole."""
LEGEND = (
    ("op", "how users write it; of autograd's functions without that word; in brackets: other functions use it"),
    ("inputs", "[lists], (tensors through which no derivative flows); -> several outputs"),
    ("rules", "each: one a differentiable input, by its name; joint: one for all; parts: composed of ops;"),
    ("", "view: the result may share memory with the first input"),
    ("dtypes", "which of float16, float32, float64 are kept: all, or what becomes of the others (-: not taken)"),
    ("ints", "what int64 becomes (-: not taken)"),
    ("complex", "worst error of first and second derivatives with complex inputs; value: no gradient; -: not taken"),
    ("1st, 2nd", "the worst relative error of the gradient, and of its gradient, against central differences with"),
    ("", "Richardson's extrapolation or the complex step; none: not differentiable"),
)
"""What the columns say."""


@dataclass(frozen=True)
class OpTable:
    """The contracts of ops, measured or not.

    Attributes:
        contracts: of each op, by family and name.
    """

    contracts: tuple[Contract, ...]

    @property
    def problems(self) -> list[tuple[Contract, str, Finding]]:
        """All findings that ask for attention: of which op, of what, and the finding."""
        return [(c, what, found) for c in self.contracts if c.measured for what, found in c.measured.problems]

    @property
    def summary(self) -> dict[str, Any]:
        """Counts, and the worst errors with the op and the call where they were."""
        measured = [c for c in self.contracts if c.measured is not None]
        found: dict[str, Any] = {
            "ops": sum(not c.composed for c in self.contracts),
            "composed": sum(c.composed for c in self.contracts),
            "differentiable": sum(c.differentiable for c in self.contracts),
            "measured": len(measured),
        }
        if measured:
            for order in ("first", "second", "complex"):
                findings = [(c, getattr(c.measured, order)) for c in measured]
                found[f"{order}_proven"] = sum(f.verdict == "proven" for _, f in findings)
                worst = max(((f.error, c.path, f.where) for c, f in findings if f.error is not None), default=None)
                found[f"{order}_worst"] = worst and {"error": worst[0], "op": worst[1], "where": worst[2]}
            found["problems"] = len(self.problems)
        return found

    def summary_line(self) -> str:
        """The summary as a sentence or two."""
        s = self.summary
        line = f"{s['ops']} ops and {s['composed']} functions composed of them; {s['differentiable']} differentiable"
        if not s["measured"]:
            return f"{line}; nothing measured"
        line += f", of {s['first_proven']} the gradient proven, of {s['second_proven']} the second order too"
        worst = [
            f"{number(s[f'{order}_worst']['error'])} ({what}: {_plain(s[f'{order}_worst']['op'])})"
            for order, what in (("first", "gradient"), ("second", "second order"), ("complex", "complex"))
            if s[f"{order}_worst"] is not None
        ]
        if worst:
            line += f". Worst relative errors: {', '.join(worst)}"
        count = s["problems"]
        return f"{line}. {'No problems' if not count else f'{count} problem' + 's' * (count > 1)}."

    # ---- text ----------------------------------------------------------------------------------------------------

    def to_text(self) -> str:
        """For a terminal of 120 columns: a table by families, what is wrong, the summary."""
        lines = [_row(_HEADS), _row(["-" * width for width in _WIDTHS])]
        for family, group in self._families():
            lines += ["", f"{family}"]
            for contract in group:
                lines += _wrapped(_cells(contract))
        lines += ["", *[f"{name:9}{text}".rstrip() for name, text in LEGEND], ""]
        for contract, what, finding in self.problems:
            where = textwrap.shorten(finding.where, LONGEST_CALL, placeholder=" ...")
            lines += _fold(f"{_plain(contract.path)}: {what} {finding.verdict}: {finding.message} In {where}")
        lines += [*([""] if self.problems else []), *_fold(self.summary_line())]
        return "\n".join(lines) + "\n"

    def _families(self) -> Iterator[tuple[str, Iterable[Contract]]]:
        return itertools.groupby(self.contracts, key=lambda contract: contract.family)

    # ---- Markdown ------------------------------------------------------------------------------------------------

    def to_markdown(self, link: Callable[[Contract], str] | None = None, level: int = 2) -> str:
        """A table for each family, under a heading of a level; ``link`` makes the first cell of a row."""
        lines = [self.summary_line(), ""]
        lines += [f"- **{name}**: {text}" if name else f"  {text}" for name, text in LEGEND]
        for family, group in self._families():
            lines += ["", f"{'#' * level} {family.replace('_', ' ')}", ""]
            lines += [f"| {' | '.join(_HEADS)} |", "|" + "---|" * len(_HEADS)]
            for contract in group:
                cells = [_escaped(cell) for cell in _cells(contract)]
                first = f"`{_plain(contract.path)}`" if link is None else link(contract)
                lines.append(f"| {' | '.join([first, *cells[1:]])} |")
        if self.problems:
            lines += ["", f"{'#' * level} Problems", ""]
        for contract, what, finding in self.problems:
            lines.append(f"- `{_plain(contract.path)}`: {what} {finding.verdict}: {_escaped(finding.message)}")
        return "\n".join(lines) + "\n"

    # ---- JSON ----------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """All that is known, the calls and messages too; ``from_json`` reads it. Infinite errors are "inf"."""
        contracts = [_plain_data(dataclasses.asdict(contract)) for contract in self.contracts]
        return json.dumps({"summary": _plain_data(self.summary), "contracts": contracts}, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> OpTable:
        """The table that ``to_json`` wrote.

        >>> from autograd.optable import OpTable, op_table
        >>> table = op_table(["tanh"])
        >>> OpTable.from_json(table.to_json()) == table
        True
        """
        return cls(tuple(_contract(found) for found in json.loads(text)["contracts"]))


def op_table(
    patterns: Sequence[str] = (),
    family: Sequence[str] = (),
    *,
    measured: bool = True,
    draws: int = 1,
    seed: int = 0,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> OpTable:
    """The contracts of the library's ops and composed functions.

    Args:
        patterns: which ops (default: all); see ``select``.
        family: of which modules of ``autograd.ops`` (default: all).
        measured: whether to run them; of all that takes about a minute.
        draws: how often each case of an op's samples is drawn.
        seed: of all random numbers.
        progress: wraps the list of ops, as ``tqdm`` does.

    Raises:
        UnknownOpError: there is no such op or family.

    >>> from autograd.optable import op_table
    >>> op_table(["log1p"], measured=False).contracts[0].saves
    ('x',)
    """
    chosen = select(patterns, family)
    return OpTable(
        tuple(contract_of(found, measure(found, draws, seed) if measured else None) for found in progress(chosen))
    )


# ---- cells ---------------------------------------------------------------------------------------------------------


def number(error: float | None) -> str:
    """An error with one digit."""
    if error is None:
        return ""
    if math.isinf(error):
        return "NaN"
    return f"{error:.1g}" if error == 0 or error >= 0.01 else f"{error:.0e}".replace("e-0", "e-")


def _plain(path: str) -> str:
    return path.removeprefix("autograd.").replace("nn.functional.", "F.")


def _cells(contract: Contract) -> list[str]:
    """A row's texts; blanks and line breaks are where a long one may be broken."""
    inputs = [f"[{name}]" if name in contract.lists else name for name in contract.inputs]
    inputs += [f"({name})" for name in contract.constants]
    arrow = f" -> {', '.join(contract.outputs)}" if contract.outputs else ""
    rules = "parts" if contract.composed else contract.rules
    shown = [
        _plain(contract.path),
        ", ".join(contract.numpy),
        ", ".join(inputs) + arrow,
        f"{rules} view" if contract.view else rules,
        ", ".join(contract.saves),
    ]
    found = contract.measured
    if found is None:
        return [*shown, "", "", "", "", "" if contract.differentiable else "none"]
    return [
        *shown,
        _kept(found),
        _becomes(found.dtypes["int64"]),
        _complex(found.complex),
        _verdict(found.first),
        _verdict(found.second),
    ]


def _kept(found: Measured) -> str:
    """Which floating dtypes are kept, and what becomes of the others."""
    shown = {}
    for dtype in _FLOATING:
        results = found.dtypes[dtype]
        if results != (dtype,):
            shown[dtype] = _becomes(results)
    if not shown:
        return "all"
    if len(set(shown.values())) == 1 and len(shown) == len(_FLOATING):
        return f"-> {shown['float64']}" if shown["float64"] != "-" else "-"
    return ", ".join(f"{_SHORT[dtype]} {result}" for dtype, result in shown.items())


def _becomes(results: tuple[str, ...]) -> str:
    return " ".join(_SHORT.get(result, result) for result in results) or "-"


def _complex(finding: Finding) -> str:
    shown = {"refused": "-", "value": "value", "internal": ""}
    return shown[finding.verdict] if finding.verdict in shown else _verdict(finding)


def _verdict(finding: Finding) -> str:
    """The error of what is proven, else the word for what is wrong."""
    shown = {"proven": number(finding.error), "wrong": "WRONG", "failed": "ERROR", "undecided": "?"}
    return shown.get(finding.verdict, finding.verdict)


# ---- lines ---------------------------------------------------------------------------------------------------------


def _row(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _wrapped(cells: Sequence[str]) -> list[str]:
    """A row as lines: cells that are too long go on below."""
    parts = [_broken(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    return [_row(line) for line in itertools.zip_longest(*parts, fillvalue="")]


def _broken(cell: str, width: int) -> list[str]:
    """A text in lines: broken at blanks, and names that are too long at a point or underscore."""
    for mark in "._":
        cell = " ".join(word if len(word) <= width else word.replace(mark, f"{mark}\0 ") for word in cell.split(" "))
    lines = [""]
    for word in cell.split(" "):
        joint = "" if not lines[-1] or lines[-1].endswith("\0") else " "
        if len((lines[-1] + joint + word).replace("\0", "")) <= width:
            lines[-1] += joint + word
        else:
            lines.append(word)
    plain = [line.replace("\0", "") for line in lines if line]
    return [piece for line in plain for piece in textwrap.wrap(line, width)]


def _fold(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), 119, subsequent_indent="  ", break_on_hyphens=False)


def _escaped(cell: str) -> str:
    for mark in "\\`*_<>[]|":
        cell = cell.replace(mark, f"\\{mark}")
    return " ".join(cell.split())


def _plain_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_data(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _contract(found: dict[str, Any]) -> Contract:
    measured = found.pop("measured")
    if measured is not None:
        for order in ("first", "second", "complex"):
            finding = measured[order]
            error = finding.pop("error")
            measured[order] = Finding(error=None if error is None else float(error), **finding)
        dtypes = {dtype: tuple(results) for dtype, results in measured.pop("dtypes").items()}
        found["measured"] = Measured(dtypes=dtypes, **measured)
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
    return Contract(**fields)
