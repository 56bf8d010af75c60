"""The gallery: each example is run once, and its page shows what it printed and drew.

A new example gets a page by being in ``examples/``.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from examples.__main__ import APART, SHARED, stories

__all__ = ["ROOT", "Run", "index", "page", "run_example", "thumbnail", "write_gallery"]

ROOT = Path(__file__).resolve().parent.parent
THUMBNAIL = (800, 480)
LONGEST_ROW = 120
"""Of a printed table, in characters: a longer line is a sentence."""
RECORD = "run.json"
PLAYERS = "players"
"""The folder of the built documentation for graphs as pages."""


class Run(NamedTuple):
    """What an example gave.

    Attributes:
        said: what it printed.
        seconds: how long it took.
        fast: whether this was the small run.
        figures: the pictures' paths.
        players: the paths of graphs as pages.
    """

    said: str
    seconds: float
    fast: bool
    figures: tuple[Path, ...]
    players: tuple[Path, ...] = ()


# ---- running -------------------------------------------------------------------------------------------------------


def run_example(name: str, folder: Path, fast: bool) -> Run:
    """Run an example in a folder, or take what it left there when its source was the same.

    Only the sources in ``examples/`` are compared: after a change elsewhere, ``make clean`` has all of them run again.

    Raises:
        RuntimeError: the example failed; with the end of what it said.
    """
    record, digest = folder / RECORD, _digest(name, fast)
    if not record.exists() or json.loads(record.read_text(encoding="utf-8"))["digest"] != digest:
        folder.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        for old in folder.glob("out/*"):
            old.unlink()
        command = [sys.executable, "-m", f"examples.{name}", "--out", "out", *(["--fast"] if fast else [])]
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[1:])} failed with {done.returncode}:\n{done.stderr[-3000:]}")
        record.write_text(json.dumps({"digest": digest, "said": done.stdout, "seconds": seconds}), encoding="utf-8")
    found = json.loads(record.read_text(encoding="utf-8"))
    players = tuple(sorted(folder.glob("out/*.html")))
    return Run(found["said"], found["seconds"], fast, tuple(_figures(folder / "out")), players)


def _digest(name: str, fast: bool) -> str:
    """Of the sources that an example is made of."""
    whole = hashlib.sha256(str(fast).encode())
    own = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    others = re.findall(r"^from \.(\w+) import", own, re.MULTILINE)
    for stem in (name, *[stem for stem in SHARED if not stem.startswith("__")], *others):
        whole.update((ROOT / "examples" / f"{stem}.py").read_bytes())
    return whole.hexdigest()


def _figures(folder: Path) -> Iterator[Path]:
    """The pictures, oldest first; of one that was written in several ways the SVG."""
    found = sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime_ns)
    for path in found:
        vector = path.with_suffix(".svg")
        yield vector if vector.exists() else path


# ---- pages ---------------------------------------------------------------------------------------------------------


def page(name: str, run: Run | None, folder: Path) -> str:
    """The page of an example, in a folder; ``run`` is None of one that is not run when the documentation is built."""
    doc = ast.get_docstring(ast.parse((ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8"))) or ""
    title, _, story = doc.partition("\n")
    command = re.search(r"^ {4}(python -m examples\..*)$", story, re.MULTILINE)
    lines = [f"# {title.rstrip('.')}", ""]
    for figure in run.figures if run else ():
        lines += [
            f":::{{figure}} {_relative(figure, folder)}",
            f":alt: {figure.stem.replace('_', ' ')}, drawn by the example",
            ":class: drawn",
            f":target: ../_images/{figure.name}",
            ":::",
            "",
        ]
    for player in run.players if run else ():
        source = f"../{PLAYERS}/{player.name}"
        lines += [f'<iframe class="player" src="{source}" title="The graph" height="620" loading="lazy"></iframe>', ""]
    lines += [
        re.sub(r"^ {4}python -m examples\..*$\n?", "", story, flags=re.MULTILINE).strip(),
        "",
        "## What it prints",
        "",
    ]
    lines += printed(run.said) if run else ["It needs another program, so it is not run when these pages are built."]
    lines += ["", "## Run it", "", "```sh", command[1] if command else f"python -m examples.{name}", "```", ""]
    if run and run.fast:
        lines += [
            f"The page shows a run with `--fast`, which took {run.seconds:.0f} s: a small one, to see that it works.",
            "",
        ]
    elif run:
        lines += [
            f"This took {run.seconds:.0f} s where these pages were built. `--fast` makes a small run of seconds.",
            "",
        ]
    source = _relative(ROOT / "examples" / f"{name}.py", folder)
    lines += [
        "<details><summary>Source</summary>",
        "",
        f"```{{literalinclude}} {source}",
        ":language: python",
        "```",
        "",
    ]
    return "\n".join([*lines, "</details>", ""])


def printed(said: str) -> Iterator[str]:
    """Markdown of what an example printed: tables as they stand, sentences as text; without the paths of pictures."""
    table: list[str] = []
    for line in [*said.splitlines(), ""]:
        sentence = len(line) > LONGEST_ROW and "   " not in line and bool(line.strip("- "))  # a head's line is none
        if not sentence and not re.fullmatch(r"out/\S+", line):
            table.append(line)
        if (sentence or not line) and any(row.strip() for row in table):
            yield from ["```text", *"\n".join(table).strip("\n").splitlines(), "```", ""]
        if sentence or not line:
            table = []
        if sentence:
            yield from [re.sub(r"([\\`*_<>\[\]#|$])", r"\\\1", line), ""]


def index(runs: dict[str, Run | None], folder: Path) -> str:
    """The contact sheet: a thumbnail and a line of each example."""
    lines = [
        "# Gallery",
        "",
        "Each example is a story that runs: `python -m examples.NAME`. It trains or measures something, prints a",
        "table, draws a figure and says in a sentence what this run shows. `python -m examples` lists them.",
        "",
    ]
    if any(run and run.fast for run in runs.values()):
        lines += ["These pages were built with `FAST=1`: figures and numbers are those of small runs.", ""]
    lines += ["::::{container} sheet", ""]
    for name, run in runs.items():
        lines += [":::{container} card", ""]
        if run and run.figures:
            lines += [f"[![{name}]({_relative(thumbnail(run.figures[0], folder, name), folder)})]({name}.md)", ""]
        lines += [f"[{name.replace('_', ' ')}]({name}.md)", "", stories()[name], "", ":::", ""]
    lines += ["::::", "", "```{toctree}", ":hidden:", ""]
    return "\n".join([*lines, *[f"{name.replace('_', ' ')} <{name}>" for name in runs], "```", ""])


def thumbnail(figure: Path, folder: Path, name: str) -> Path:
    """A small picture of a figure."""
    target = folder / "thumbnails" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(figure.with_suffix(".png")) as picture:
        small = picture.convert("RGB")
        small.thumbnail(THUMBNAIL)
        small.save(target, optimize=True)
    return target


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def write_gallery(folder: Path, runs_folder: Path, written: Path, fast: bool) -> None:
    """Run what is to be run, and write all pages; and, where other files for the built documentation lie, players."""
    runs: dict[str, Run | None] = {}
    names = list(stories())
    for number, name in enumerate(names, 1):
        print(f"example {number} of {len(names)}: {name}", flush=True)
        runs[name] = None if name in APART else run_example(name, runs_folder / name, fast)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    (written / PLAYERS).mkdir(parents=True, exist_ok=True)
    for name, run in runs.items():
        for player in run.players if run else ():
            shutil.copy(player, written / PLAYERS)
        (folder / f"{name}.md").write_text(page(name, run, folder), encoding="utf-8")
    (folder / "index.md").write_text(index(runs, folder), encoding="utf-8")
