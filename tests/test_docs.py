"""The documentation is true: its programs run, its links lead somewhere, every example and every name has its place."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from PIL import Image

from autograd.optable import op_table
from docs import docstrings, gallery_pages, optable_page, programs, reference_pages
from examples.__main__ import APART, stories

PAGES = {page.stem: page for page in programs.pages()}
ROOT = programs.DOCS.parent


# ---- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_a_pages_program_runs_and_draws_what_the_page_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    programs.run_page(PAGES[name], tmp_path / name)
    text = PAGES[name].read_text(encoding="utf-8")
    shown = {*re.findall(rf"\(_made/written/{name}/([^)]+)\)", text), *re.findall(rf'src="{name}/([^"]+)"', text)}
    missing = shown - {path.name for path in (tmp_path / name).iterdir()}
    assert not missing
    assert Path.cwd() == ROOT


def links(text: str) -> set[str]:
    """The targets of a page's links and pictures that lie in the documentation."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    return {target.partition("#")[0] for target in found if not re.match(r"https?:|#", target)}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages(name):
    made = {"gallery/index.md", "api/index.rst", "api/op_table.md", *[f"gallery/{story}.md" for story in stories()]}
    written = {link for link in links(PAGES[name].read_text(encoding="utf-8")) if not link.startswith("_made/written/")}
    missing = {link for link in written - made if not (programs.DOCS / link).exists()}
    assert not missing


@pytest.mark.parametrize("name", PAGES)
def test_references_have_targets(name):
    known = {
        f"{entry.found}.{entry.name}"
        for part in reference_pages.PARTS.values()
        for entry in reference_pages.entries(part)
    }
    named = set(re.findall(r"\{py:\w+\}`([\w.]+)`", PAGES[name].read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("name", PAGES)
def test_names_exist(name):
    text = PAGES[name].read_text(encoding="utf-8")
    text = re.sub(r"^\| .*? \|", "", text, flags=re.MULTILINE)  # the other library's column
    for found in set(re.findall(r"`((?:autograd|nn|optim)(?:\.\w+)+)", text)):
        pkgutil.resolve_name(found)  # raises if there is nothing called so


def test_every_page_is_reached_from_the_front_page():
    front = PAGES["index"].read_text(encoding="utf-8")
    listed = {line for tree in re.findall(r"```\{toctree\}\n(.*?)```", front, re.DOTALL) for line in tree.splitlines()}
    assert {*PAGES} - {"index"} == {line for line in listed if re.fullmatch(r"\w+", line)}
    assert {"gallery/index", "api/index", "api/op_table"} <= listed


def test_the_map_of_the_source_is_complete():
    named = set(re.findall(r"`(\w+)/?`", PAGES["source"].read_text(encoding="utf-8")))
    parts = {path.stem for path in (ROOT / "autograd").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {part for part in parts if not part.startswith("__")} <= named


def test_a_wrong_answer_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Text\n\n```python\na = 1\n```\n\n```py\nimport torch\n```\n\n```python\n>>> a + 1\n3\n```\n")
    assert [block.line for block in programs.blocks(page)] == [4, 12]
    with pytest.raises(AssertionError, match=r"line 12[\s\S]*Expected:\s+3\s+Got:\s+2"):
        programs.run_page(page, tmp_path / "made")


def test_an_error_has_the_line_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Text\n\n```python\na = 1\nb = a / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        programs.run_page(page, tmp_path / "made")
    assert (str(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == ("page.md", 5)


# ---- gallery -------------------------------------------------------------------------------------------------------

WIDE = f"""{"task":60}  {"loss":60}
{"-" * 60}  {"-" * 60}
{"one of many":60}  {"cross entropy":60}"""
SAID = """rows     value
-------  -----
one         12

out/xor.png
The first row has 12; *this* is a sentence, so long that no table of \
ours would have it as one of its rows, whatever stands in them: 1 < 2, a_b.
"""


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "out"
    folder.mkdir(parents=True)
    Image.new("RGB", (900, 300), "white").save(folder / "xor.png")
    return gallery_pages.Run(SAID, 12.3, False, (folder / "xor.png",))


def test_what_was_printed_is_tables_and_sentences():
    lines = list(gallery_pages.printed(SAID))
    assert lines[:5] == ["```text", "rows     value", "-------  -----", "one         12", "```"]
    assert lines[6].startswith(r"The first row has 12; \*this\* is")
    assert lines[6].endswith(r"1 \< 2, a\_b.")
    assert "out/xor.png" not in "\n".join(lines)
    assert list(gallery_pages.printed(WIDE)) == ["```text", *WIDE.splitlines(), "```", ""]


@pytest.mark.parametrize("name", stories())
def test_every_example_has_a_page(name, run, tmp_path):
    text = gallery_pages.page(name, None if name in APART else run, tmp_path / "gallery")
    title = text.splitlines()[0]
    assert title == f"# {stories()[name].rstrip('.')}"
    assert f"python -m examples.{name}" in text
    source = re.search(r"```\{literalinclude\} (\S+)", text)
    assert (tmp_path / "gallery" / source[1]).resolve() == ROOT / "examples" / f"{name}.py"
    assert ("../runs/out/xor.png" in text) == (name not in APART)
    assert "This took 12 s" in text or name in APART


def test_a_graph_as_a_page_is_a_player_in_the_page(run, tmp_path, monkeypatch):
    player = run.figures[0].with_suffix(".html")
    player.write_text("a page")
    monkeypatch.setattr(gallery_pages, "run_example", lambda *args: run._replace(players=(player,)))
    gallery_pages.write_gallery(tmp_path / "gallery", tmp_path, tmp_path / "written", fast=False)
    assert 'src="../players/xor.html"' in (tmp_path / "gallery" / "xor.md").read_text()
    assert (tmp_path / "written" / "players" / "xor.html").read_text() == "a page"
    assert {path.stem for path in (tmp_path / "gallery").glob("*.md")} == {"index", *stories()}


def test_the_contact_sheet_shows_every_example(run, tmp_path):
    folder = tmp_path / "gallery"
    text = gallery_pages.index({name: None if name in APART else run for name in stories()}, folder)
    assert {name for name in stories() if f"]({name}.md)" in text} == {*stories()}
    assert {path.stem for path in (folder / "thumbnails").iterdir()} == {*stories()} - {*APART}
    assert links(text) <= {f"{name}.md" for name in stories()} | {f"thumbnails/{name}.png" for name in stories()}
    for name in stories():
        assert f"{name.replace('_', ' ')} <{name}>" in text
    assert "FAST=1" not in text
    assert "FAST=1" in gallery_pages.index({"xor": run._replace(fast=True)}, folder)


def test_an_example_is_run_once(tmp_path, monkeypatch):
    calls = []

    def fake(command, cwd, **rest):
        calls.append(command[2:])
        (cwd / "out").mkdir(exist_ok=True)
        (cwd / "out" / f"{len(calls)}.png").write_bytes(b"")
        return type("Done", (), {"returncode": 0, "stdout": "said\n", "stderr": ""})

    monkeypatch.setattr(gallery_pages.subprocess, "run", fake)
    first = gallery_pages.run_example("xor", tmp_path / "xor", fast=True)
    assert gallery_pages.run_example("xor", tmp_path / "xor", fast=True) == first
    assert calls == [["examples.xor", "--out", "out", "--fast"]]
    assert gallery_pages.run_example("xor", tmp_path / "xor", fast=False).fast is False
    assert calls[1] == ["examples.xor", "--out", "out"]
    assert [path.name for path in first.figures] == ["1.png"]
    assert [path.name for path in (tmp_path / "xor" / "out").iterdir()] == ["2.png"]


def test_an_example_that_fails_says_so(tmp_path, monkeypatch):
    done = type("Done", (), {"returncode": 1, "stdout": "", "stderr": "ValueError: no"})
    monkeypatch.setattr(gallery_pages.subprocess, "run", lambda *args, **rest: done)
    with pytest.raises(RuntimeError, match=r"examples\.xor.* failed with 1:\nValueError: no"):
        gallery_pages.run_example("xor", tmp_path / "xor", fast=True)
    assert not (tmp_path / "xor" / gallery_pages.RECORD).exists()


# ---- reference -----------------------------------------------------------------------------------------------------


def test_every_public_name_is_in_the_reference():
    parts = {slug: reference_pages.entries(part) for slug, part in reference_pages.PARTS.items()}
    known = {id(entry.thing) for found in parts.values() for entry in found}
    for name in (
        "autograd",
        "autograd.func",
        "autograd.functional",
        "autograd.forward_ad",
        "autograd.linalg",
        "autograd.special",
        "nn",
        "nn.functional",
        "nn.hooks",
        "nn.init",
        "nn.data",
        "nn.utils",
        "optim",
    ):
        module = importlib.import_module(name)
        public = [key for key in dir(module) if not key.startswith("_")]
        things = {key: getattr(module, key) for key in getattr(module, "__all__", None) or public}
        ours = {
            key
            for key, thing in things.items()
            if callable(thing) and (getattr(thing, "__module__", "") or "").split(".")[0] in ("autograd", "nn", "optim")
        }
        assert len(ours) > 5
        assert not {key for key in ours if id(things[key]) not in known}, name


def test_a_thing_is_once_on_its_page_under_its_own_name():
    found = {entry.name: entry for entry in reference_pages.entries(reference_pages.PARTS["ops"])}
    assert found["acos"].also == ("arccos",)
    assert "arccos" not in found
    assert found["acos"].defined == "autograd.ops.trigonometric"
    assert inspect.isfunction(found["acos"].thing)


def test_docstrings_are_put_for_napoleon():
    attributes = ["Attributes:", "    a, b: text", "        more", "    c: d", ""]
    lines = ["A: b.", "", "Shape: (N, C).", "", *attributes, "Args:", "    e, f: g"]
    docstrings.before_napoleon(None, "class", "", None, None, lines)
    assert "\n".join(lines) == (
        "A: b.\n\n**Shape:** (N, C).\n\n"
        "Attributes:\n    a: text\n        more\n    b: text\n        more\n    c: d\n\nArgs:\n    e, f: g"
    )
    lines = ["Where it lies: here."]
    docstrings.before_napoleon(None, "property", "", None, None, lines)
    assert ":" not in lines[0]
    docstrings.after_napoleon(None, "property", "", None, None, lines)
    assert lines == ["Where it lies: here."]


def test_the_reference_is_written(tmp_path):
    reference_pages.write_reference(tmp_path)
    index = (tmp_path / "index.rst").read_text()
    for slug in reference_pages.PARTS:
        assert f"   {slug}\n" in index
        assert (tmp_path / f"{slug}.rst").exists()
    page = (tmp_path / "ops" / "trigonometric.rst").read_text()
    assert ".. autofunction:: autograd.tanh" in page
    assert "   Also ``arccos``." in page


# ---- op contract table -----------------------------------------------------------------------------------------------


def test_the_op_contract_table_leads_to_the_reference():
    text = optable_page.page(op_table(["acos", "attend", "relu6"]), True)
    assert "| {py:func}`acos <autograd.acos>` | np.arccos | x | each | x | all | f32 |" in text
    assert "| {py:func}`nn.functional.relu6 <nn.functional.relu6>` |" in text
    assert "| `(attend)` |" in text
    assert optable_page.MEASURED in text


def test_a_fast_page_of_ops_says_what_it_lacks(tmp_path):
    optable_page.write_optable(tmp_path / "page.md", fast=True)
    text = (tmp_path / "page.md").read_text()
    assert optable_page.UNMEASURED in text
    assert text.count("\n| ") > 400
