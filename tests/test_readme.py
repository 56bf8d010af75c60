"""The README's programs run as they stand there."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

PROGRAMS = re.findall(r"```python\n(.*?)```", (Path(__file__).parent.parent / "README.md").read_text(), re.DOTALL)


def test_there_are_programs():
    assert len(PROGRAMS) == 6


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_runs(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # one epoch shows as much as five
    exec(PROGRAMS[number].replace("range(5)", "range(1)"), {})
    written = [path.name for path in tmp_path.iterdir()]
    assert written == (["loss.svg"] if number == 0 else ["checkpoint.safetensors"])
    assert number == 0 or "multiply-adds" in capsys.readouterr().out


def test_the_compiled_step_is_a_program(tmp_path, monkeypatch, capsys):
    (tmp_path / "training.py").write_text(PROGRAMS[2])
    monkeypatch.syspath_prepend(tmp_path)
    training = importlib.import_module("training")
    assert training.losses[-1] < training.losses[0]
    assert "loss.backward()" in capsys.readouterr().out
    assert training.step.recordings <= 3


def test_the_transforms_give_what_they_promise():
    names = {}
    exec(PROGRAMS[3], names)
    assert {name: g.shape for name, g in names["gradient"].items()} == {"w": (3, 5), "v": (5,)}
    assert names["curvature"].shape == (3, 5, 5)
    assert names["each"]["w"].shape == (8, 3, 5)
    np.testing.assert_allclose(names["each"]["v"].mean(0), names["gradient"]["v"])


def test_the_operation_is_proven(monkeypatch, tmp_path):
    (tmp_path / "cube.py").write_text(PROGRAMS[4])
    monkeypatch.syspath_prepend(tmp_path)
    names = {}
    exec("from cube import cube\n" + PROGRAMS[5], names)
    names["test_cube"]()
