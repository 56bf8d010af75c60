"""The benchmarks' harness: who takes part, what is said of targets, tables, the picture (times are not tested)."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.labels import LABELS, duration
from benchmarks.markdown import BEGIN, END, markdown, write_markdown
from benchmarks.measure import COMPARED, SETTLED, Program, timed
from benchmarks.plot import LOOKS, draw
from benchmarks.processes import compare, disagreement
from benchmarks.report import print_rows, print_summary, rows_of
from benchmarks.runs import Run, Target, all_runs


class FakeWorker:
    """A contender that has measured already."""

    def __init__(self, contender, rounds, values=(1.0,), missing=None):
        self.contender, self.rounds, self.values, self.missing = contender, rounds, list(values), missing
        self.about = {"missing": missing} if missing else {"versions": {contender: "1.0"}}

    def median(self, figure):
        found = sorted(figures[figure] for figures in self.rounds if figure in figures)
        return found[len(found) // 2] if found else None


STEP, FIRST = "us per step", "ms first step"
TARGETS = (Target(STEP, 0.5, "torch"), Target(STEP, 0.2, "torch"), Target(STEP, 1.0, "jax"), Target(FIRST, 40))


@pytest.fixture
def rows():
    contenders = ("compiled", "chainrule", "torch", "jax", "hips")
    run = Run("mlp-compiled", "training", contenders, {}, {}, 3, TARGETS, title="MLP")
    workers = [
        FakeWorker("compiled", [{STEP: 30.0, FIRST: 50.0, "ms first 5 steps": 60.0}] * 3),
        FakeWorker("chainrule", [{STEP: 75.0}] * 3),
        FakeWorker("torch", [{STEP: 100.0}, {STEP: 50.0}, {STEP: 100.0}]),
        FakeWorker("jax", [], missing="ImportError: no jax"),
        FakeWorker("hips", [{STEP: 1500.0}] * 3),
    ]
    return rows_of(run, workers)


@pytest.fixture
def data(rows):
    about = {"compiled": {"versions": {"chainrule": "0.1", "numpy": "2"}}, "jax": {"missing": "ImportError: no jax"}}
    return {"command": "python -m benchmarks compiled", "machine": "a machine", "about": about, "figures": rows}


# ---- measuring -----------------------------------------------------------------------------------------------------


def test_the_first_calls_results_are_compared():
    calls = []
    measure = timed(Program(lambda: calls.append(0) or len(calls), figure="us per op", parts=10), 3, first=True)
    figures, values = measure()
    assert values == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(calls) == COMPARED + SETTLED + 3  # compared, not timed, timed
    assert set(figures) == {"us per op", "ms first step", "ms first 5 steps"}
    assert figures["ms first step"] <= figures["ms first 5 steps"]
    assert set(timed(Program(lambda: 0.0), 1)()[0]) == {"ms per step"}


def test_another_result_is_noticed():
    ours = FakeWorker("compiled", [], [1.0, 2.0])
    assert disagreement([ours, FakeWorker("torch", [], [1.0, 2.00001])], 1e-4) is None
    fault = disagreement([ours, FakeWorker("torch", [], [1.0, 2.1]), FakeWorker("jax", [], [1.0])], 1e-4)
    assert "compiled computed [1.0, 2.0], torch [1.0, 2.1]" in fault
    assert "jax" in disagreement([ours, FakeWorker("jax", [], [1.0])], 1e-4)


def test_contenders_run_in_their_processes():
    (run,) = [run for run in all_runs() if run.name == "chain-16-compiled"]
    run = replace(run, contenders=("compiled", "numpy", "mygrad"))
    workers = compare(run, sys.executable, smoke=True)
    assert [worker.missing is None for worker in workers] == [True, True, False]
    assert "mygrad" in workers[2].missing
    assert disagreement(workers[:2], run.tolerance) is None
    assert {*workers[0].rounds[0]} == {"us per op", "ms first step", "ms first 5 steps"}
    assert {*workers[1].rounds[0]} == {"us per op"}


def test_pythonpath_does_not_put_this_library_in_the_place_of_another(tmp_path, monkeypatch):
    (tmp_path / "autograd.py").write_text("raise ImportError('the other autograd')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(command.__file__).parents[1]), str(tmp_path)]))
    (run,) = [run for run in all_runs() if run.name == "rosenbrock-gradient"]
    workers = compare(run, sys.executable, smoke=True)
    assert [worker.missing for worker in workers] == [None, "ImportError: the other autograd"]


def test_every_contender_has_a_name_and_every_target_a_contender():
    names = [run.name for run in all_runs()]
    assert len({*names}) == len(names)
    for run in all_runs():
        assert {*run.contenders} - {"chainrule_nn"} <= {*LABELS}
        assert {target.of for target in run.targets} - {None} <= {*run.contenders}
    assert {*LABELS} == {*LOOKS, "torch"}


# ---- what is said --------------------------------------------------------------------------------------------------


def test_ratios_are_medians_of_rounds_and_targets_are_judged_by_them(rows, capsys):
    step, first, _ = rows
    assert step["ratios"] == {"chainrule": 0.4, "torch": 0.3, "hips": 0.02}
    assert [target["met"] for target in step["targets"]] == [True, False, None]
    assert [target["met"] for target in first["targets"]] == [False]
    print_rows(rows)
    print_summary(rows)
    said = capsys.readouterr().out
    assert "at most 0.5 x torch: met (0.3)" in said
    assert "at most 1 x jax: not measured" in said
    assert "1 of 3 targets met; missed:\n    mlp-compiled, us per step: at most 0.2 x torch: MISSED (0.3)" in said


@pytest.mark.parametrize(
    ("value", "figure", "text"),
    [(0.5, "us per op", "0.50 us"), (999, "us per step", "999 us"), (1500, "us per step", "1.50 ms"),
     (12.34, "ms per step", "12.3 ms"), (2500, "ms first step", "2.50 s"), (None, "s", "")],
)  # fmt: skip
def test_durations(value, figure, text):
    assert duration(value, figure) == text


def test_tables(data, rows):
    data["figures"] = rows + [{**row, "title": "CNN", "medians": {"compiled": 2000.0, "torch": 1.0}} for row in rows]
    text = markdown(data, "docs/speed.svg")
    assert "`python -m benchmarks compiled`" in text
    assert "a machine, with chainrule 0.1, NumPy 2." in text
    assert "](docs/speed.svg)" in text
    assert "|  | chainrule, compiled | chainrule, eager | PyTorch | others | compiled / PyTorch |" in text
    assert "| MLP | 30.0 us | 75.0 us | 100 us | HIPS autograd 1.50 ms | 0.30 |" in text
    assert "| MLP | 50.0 ms; 60.0 ms |  |\n| CNN | 2.00 s; 2.00 s | 1.00 ms; 1.00 ms |" in text
    assert all(len(line) <= 120 or line.startswith("|") for line in text.splitlines())


def test_tables_take_the_place_of_those_that_were_there(data, tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_markdown(page, data, tmp_path / "docs" / "speed.svg")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\nMeasured by")
    assert text.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in text
    assert "](docs/speed.svg)" in text
    write_markdown(page, data, tmp_path / "docs" / "speed.svg")
    assert page.read_text() == text


def test_the_picture(data, tmp_path):
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    draw(one, data)
    draw(other, data)
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(SystemExit, match="nothing to draw"):
        draw(one, {"figures": []})


# ---- the command ---------------------------------------------------------------------------------------------------


def test_pictures_and_tables_of_earlier_figures(data, tmp_path, monkeypatch, capsys):
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps(data))
    files = [str(tmp_path / name) for name in ("page.md", "picture.png")]
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--read", str(figures), "--markdown", files[0], "--plot", files[1]])
    command.main()
    assert (tmp_path / "page.md").read_text() == markdown(data, "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000
    assert capsys.readouterr().out == ""


def test_paths_of_this_machine_are_not_shown(data, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "measure", lambda *given: [])
    line = ["benchmarks", "scalars", "--against", sys.executable, "--json", str(tmp_path / "figures.json")]
    monkeypatch.setattr(sys, "argv", line)
    command.main()
    said = "python -m benchmarks scalars --against PYTHON"
    assert capsys.readouterr().out.startswith(f"$ {said}\n")
    assert json.loads((tmp_path / "figures.json").read_text())["command"] == said


def test_workloads_alike_run_once_when_nothing_is_timed(monkeypatch, capsys):
    asked = []

    def fake(run, against, smoke):
        asked.append((run.module, run.contenders))
        return [FakeWorker(contender, [{}]) for contender in run.contenders]

    monkeypatch.setattr(command, "compare", fake)
    runs = [run for run in all_runs() if run.name in ("rnn", "rnn-compiled", "cnn")]
    assert command.smoke(runs, None, {"about": {}}) == []
    assert sorted(asked) == [("cnn", ("chainrule", "torch")), ("lstm", ("chainrule", "torch", "compiled"))]
    assert "rnn, rnn-compiled: chainrule, torch, compiled: the same numbers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mlp-63"], "no workload is called 'mlp-63'; did you mean mlp-64"),
        (["zzz"], "no workload is called 'zzz'; there are chain, "),
        (["chain-1", "--against", "/nowhere/python"], "--against: /nowhere/python cannot be run as a program"),
        (["chain-1", "--rounds", "0"], "--rounds: expected a whole number of at least 1, got 0"),
    ],
)
def test_what_cannot_be_run_is_refused(words, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", *words])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert said in capsys.readouterr().err
