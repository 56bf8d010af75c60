"""``python -m autograd.optable``: the op contract table of the library, measured at the call.

python -m autograd.optable                          all ops: about a minute
python -m autograd.optable 'log*' softmax           these
python -m autograd.optable --family trigonometric   those of one module of autograd.ops
python -m autograd.optable --no-measure             what the definitions say, at once
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from .. import set_num_threads
from .contracts import UnknownOpError
from .tables import op_table

__all__ = ["main"]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(text)


def _with_bar(ops: Sequence[Any]) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(ops, unit="op", leave=False, file=sys.stderr, disable=not sys.stderr.isatty())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit status is 0, 1 if something is wrong with an op, 2 if there is no such op."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd.optable",
        description="Print the contract of each op: inputs, rules, what it saves, dtypes, errors of its derivatives.",
        epilog="The exit status is 1 if a derivative is wrong, raises an error or cannot be decided.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="names of ops or patterns: softmax, linalg.inv, 'log*'"
    )
    parser.add_argument(
        "--family", action="append", default=[], metavar="NAME", help="only of this module of autograd.ops"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="as Markdown")
    form.add_argument("--json", action="store_true", help="as JSON, with the calls of the worst errors and all reasons")
    parser.add_argument("--draws", type=_count, default=1, metavar="N", help="calls drawn of each sample (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the numbers drawn (default: 0)")
    parser.add_argument("--no-measure", action="store_true", help="only what the definitions say")
    options = parser.parse_args(arguments)
    try:
        table = op_table(
            options.names, options.family, measured=not options.no_measure, draws=options.draws, seed=options.seed,
            progress=_with_bar,
        )  # fmt: skip
    except UnknownOpError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    text = table.to_json() if options.json else table.to_markdown() if options.markdown else table.to_text()
    sys.stdout.write(text.rstrip("\n") + "\n")
    return 1 if table.problems else 0


if __name__ == "__main__":
    set_num_threads(1)  # the matrices are small: threads would only wait for each other
    sys.exit(main())
