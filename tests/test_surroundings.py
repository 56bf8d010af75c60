"""The library where programs really run: in archives, as compiled code alone, in systems that lack what ours has."""

from __future__ import annotations

import compileall
import os
import shutil
from pathlib import Path

import pytest

from tests.helpers import ROOT, run_python

USED = """
import os, sys; sys.path.insert(0, os.environ["PACKAGES"])
import autograd, nn, optim
model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
optimizer = optim.Adam(model.parameters())

@autograd.compile
def step(x):
    optimizer.zero_grad()
    loss = model(x).square().sum()
    loss.backward()
    optimizer.step()
    return loss

x = autograd.ones(2, 3)
for _ in range(3):
    step(x)
print(autograd.__file__)
print(step)
print([section for section in ("forward", "backward", "update") if section + " " in str(step.explain())])
print(len(autograd.graph(step.function(x), params=model).html) > 1000)
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, without what was compiled of them."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("autograd", "nn", "optim"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_packages_in_an_archive(packages: Path) -> None:
    archive = shutil.make_archive(str(packages.parent / "packages"), "zip", packages)
    where, program, sections, drawn = run_python(USED, PACKAGES=archive).splitlines()
    assert where.startswith(archive)
    assert program == "<compiled step: 1 program, recorded 2 times>"
    assert (sections, drawn) == ("['forward', 'backward', 'update']", "True")


def test_packages_that_were_compiled_elsewhere(packages: Path, tmp_path: Path) -> None:
    """As in programs that were frozen, functions do not say there in which files their modules lie now."""
    compiled = shutil.copytree(packages, tmp_path / "compiled")
    assert compileall.compile_dir(compiled, quiet=2, legacy=True, stripdir=str(compiled), force=True)
    for source in compiled.rglob("*.py"):
        source.unlink()
    where, program, sections, _ = run_python(USED, PACKAGES=str(compiled)).splitlines()
    assert where == str(compiled / "autograd" / "__init__.pyc")
    assert program == "<compiled step: 1 program, recorded 2 times>"
    assert sections == "['forward', 'backward', 'update']"


# ---- forks beside threads --------------------------------------------------------------------------------------------

FORKS = """
import os, signal, threading, time, warnings
import autograd
from autograd import _gradients
from autograd.engine import modes, mutation

warnings.simplefilter("ignore")  # since 3.12 Python warns of forks beside threads
w = autograd.ones(3, requires_grad=True)
program = autograd.compile(lambda x: (x.exp() * 2).sum())
for _ in range(3):
    program(w).backward()

def hold(lock, held):
    with lock:
        held.set()
        time.sleep(0.1)

def child():
    v = autograd.ones(2, requires_grad=True)
    (v * v).sum().backward()
    with autograd.no_grad():
        v.add_(1)
    program(w).backward()
    os._exit(v.grad.sum().item() == 4)

for lock in (mutation._lock, modes.status._lock, _gradients._commit_lock, program(w).grad_fn.op.lock):
    held = threading.Event()
    thread = threading.Thread(target=hold, args=(lock, held))
    thread.start()
    held.wait()
    if not (process := os.fork()):
        signal.alarm(10)  # which ends a child that waits for what a thread of its parent held
        child()
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_children_wait_for_no_thread_of_their_parent() -> None:
    assert run_python(FORKS).split() == ["1"] * 4
