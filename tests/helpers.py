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


def require_same(found: Any, expected: Any, where: str = "") -> None:
    """Raise unless two trees of Tensors, arrays and numbers are equal, bit for bit."""
    if isinstance(expected, autograd.Tensor):
        assert isinstance(found, autograd.Tensor), where
        found, expected = found.detach().numpy(), expected.detach().numpy()
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            require_same(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        assert type(found) is type(expected), where
        assert len(found) == len(expected), where
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            require_same(a, b, f"{where}[{i}]")
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert np.shape(found) == expected.shape, where
        assert found.dtype == expected.dtype, where
        assert np.array_equal(found, expected, equal_nan=expected.dtype.kind in "fc"), f"{where}: {found} {expected}"
    elif isinstance(expected, (int, float, complex, str, bool, type(None))):
        assert type(found) is type(expected), where
        assert found == expected or expected != expected, where


def code_of(program: Any) -> str:
    """The text of a compiled program without its comments, which quote the user's lines."""
    return "\n".join(line.split("#")[0] for line in program.source.splitlines())
