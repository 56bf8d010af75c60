"""``python -m docs``: runs the examples and the pages' programs, then builds the pages.

python -m docs          the examples in full: some minutes the first time
python -m docs --fast   the examples' small runs, and an op contract table without measurements
"""

from __future__ import annotations

import argparse
import shutil
import sys

from sphinx.cmd.build import main as sphinx

import autograd
from docs.gallery_pages import write_gallery
from docs.optable_page import write_optable
from docs.programs import DOCS, pages, run_page
from docs.reference_pages import write_reference

BUILT = DOCS / "_build" / "html"


def main(arguments: list[str]) -> int:
    """Build everything; the exit status is Sphinx's, for which a warning is an error."""
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the documentation.")
    parser.add_argument(
        "--fast", action="store_true", help="the examples' small runs, of seconds each; no measurements of ops"
    )
    fast = parser.parse_args(arguments).fast
    made, written = DOCS / "_made", DOCS / "_made" / "written"
    shutil.rmtree(written, ignore_errors=True)
    write_gallery(DOCS / "gallery", made / ("runs-fast" if fast else "runs"), written, fast)
    for page in pages():
        print(f"program of {page.name}", flush=True)
        run_page(page, written / page.stem)
    write_reference(DOCS / "api")
    print("op contract table", flush=True)
    autograd.set_num_threads(1)  # the matrices are small: threads would only wait for each other
    write_optable(DOCS / "api" / "op_table.md", fast)
    status = sphinx(["-W", "--keep-going", "-n", "-q", "-j", "auto", "-b", "html", str(DOCS), str(BUILT)])
    if not status:
        print(f"\n{BUILT / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
