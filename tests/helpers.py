"""What several test files share: leaves, plain lists of values, fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import autograd

ROOT = Path(__file__).resolve().parent.parent


def leaf(*values: float, dtype: Any = "float64") -> Any:
    """A 1-d leaf that requires grad."""
    return autograd.tensor(np.array(values, dtype), requires_grad=True)


def values(tensor: Any) -> Any:
    """The elements as nested lists, None for None."""
    return None if tensor is None else tensor.tolist()


def run_python(program: str, **environment: str) -> str:
    """What a fresh interpreter prints when it runs ``program`` with warnings as errors; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
