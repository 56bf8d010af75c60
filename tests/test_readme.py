"""The README's programs run as they stand there."""

import re
from pathlib import Path

import pytest

PROGRAMS = re.findall(r"```python\n(.*?)```", (Path(__file__).parent.parent / "README.md").read_text(), re.DOTALL)


def test_there_are_programs():
    assert len(PROGRAMS) == 4


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_runs(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # one epoch shows as much as five
    exec(PROGRAMS[number].replace("range(5)", "range(1)"), {})
    written = [path.name for path in tmp_path.iterdir()]
    assert written == (["loss.svg"] if number == 0 else ["checkpoint.safetensors"])
    assert number == 0 or "multiply-adds" in capsys.readouterr().out


def test_the_operation_is_proven(monkeypatch, tmp_path):
    (tmp_path / "cube.py").write_text(PROGRAMS[2])
    monkeypatch.syspath_prepend(tmp_path)
    names = {}
    exec("from cube import cube\n" + PROGRAMS[3], names)
    names["test_cube"]()
