"""``python -m autograd.doctor``: versions, processor, BLAS, measured speed; and what to fix, with the line that does.

python -m autograd.doctor            about ten seconds
python -m autograd.doctor --quick    about one, without a look at other kernels of BLAS
python -m autograd.doctor --json     for programs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from .advice import advise
from .examining import examine
from .text import to_json, to_text

__all__ = ["main"]


def _bar(steps: int) -> Iterator[None]:
    """A step is done when the next one is asked for, so the first item comes at the start."""
    from tqdm import tqdm

    yield from tqdm([None] * steps, desc="measuring", leave=False, file=sys.stderr, disable=not sys.stderr.isatty())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; the exit status is 0, or 1 if something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd.doctor",
        description="Print versions, processor, BLAS and measured speed, and what to fix.",
        epilog="The exit status is 0, also if something is to be fixed; 1 if something could not be measured.",
    )
    parser.add_argument("--quick", action="store_true", help="measure for about a second only, and no other kernels")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    report = examine(options.quick, progress=_bar)
    advice = advise(report)
    text = to_json(report, advice) + "\n" if options.json else to_text(report, advice)
    sys.stdout.write(text)
    return 1 if report.timings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
