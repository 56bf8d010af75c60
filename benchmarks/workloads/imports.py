"""What an import adds to NumPy's own, in fresh interpreters."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import Measure

CODE = """
import sys
sys.path[0] = {root!r}
import time, numpy
start = time.perf_counter()
import {names}
print(time.perf_counter() - start)
"""


def _measure(names: str, root: str) -> Measure:
    command = [sys.executable, "-c", CODE.format(root=root, names=names)]

    def measure() -> tuple[dict[str, float], list[float]]:
        taken = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return {"ms beyond NumPy's import": taken * 1e3}, []

    try:
        measure()
    except subprocess.CalledProcessError as error:
        raise ImportError(error.stderr.strip().splitlines()[-1]) from None
    return measure


def chainrule(names: str) -> Measure:
    """This library."""
    return _measure(names, sys.path[0])


def torch(names: str) -> Measure:
    """PyTorch, whole."""
    return _measure("torch", "")
