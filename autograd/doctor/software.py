"""The software around: packages and their versions, variables of the environment, memory."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .. import get_num_threads
from .findings import Package, Surroundings
from .processor import read

__all__ = ["THREAD_LIMITS", "VARIABLES", "examine_packages", "examine_surroundings", "version_numbers"]

_REQUIRED = {
    "numpy": ("2.0", "all arrays"),
    "scipy": ("1.13", "special functions, FFTs, some of linalg"),
    "graphviz": ("0.20", "pictures of graphs, by the program dot"),
    "safetensors": ("0.4.3", "saving models"),
    "tqdm": ("4.66", "progress bars"),
}
_OPTIONAL = {
    "pygraphviz": ("2.0", "PNG and PDF pictures, without the program dot", "pip install 'chainrule[examples]'"),
    "threadpoolctl": ("3.1", "set_num_threads for matrix products too", "pip install threadpoolctl"),
    "ml_dtypes": ("0.5", "reading bfloat16 from files", "pip install ml_dtypes"),
    "matplotlib": ("3.8", "figures of the examples", "pip install 'chainrule[examples]'"),
    "scikit-learn": ("1.6", "nn.sklearn", "pip install 'chainrule[sklearn]'"),
    "sympy": ("1.13", "one of the examples", "pip install 'chainrule[examples]'"),
    "hypothesis": ("6.100", "autograd.testing", "pip install hypothesis"),
}  # fmt: skip

THREAD_LIMITS = (
    "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
"""In how many threads BLAS computes: each kind of it reads one or two of these."""

VARIABLES = (
    "OPENBLAS_CORETYPE", *THREAD_LIMITS, "OMP_PROC_BIND", "OMP_WAIT_POLICY", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR",
    "MKL_DYNAMIC", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "NUMPY_MADVISE_HUGEPAGE", "PYTHONMALLOC",
    "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONTRACEMALLOC", "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "LD_PRELOAD",
)  # fmt: skip
"""Those that change how fast arrays are computed, or programs start."""


def version_numbers(text: str) -> tuple[int, ...]:
    """The numbers at the start of a version.

    >>> from autograd.doctor.software import version_numbers
    >>> version_numbers("2.4.0rc1")
    (2, 4, 0)
    """
    found: list[int] = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if digits:
            found.append(int(digits))
        if digits != part:
            break
    return tuple(found)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def examine_packages() -> tuple[Package, ...]:
    """The packages that the library needs or can use, and the program ``dot``."""
    dot = Package(
        "dot", shutil.which("dot") and "found", "", "PNG and PDF pictures of graphs; pygraphviz does as well",
        "install your system's package graphviz",
    )  # fmt: skip
    return (
        *(Package(name, _version(name), least, purpose, f"pip install -U '{name}>={least}'", True)
          for name, (least, purpose) in _REQUIRED.items()),
        dot,
        *(Package(name, _version(name), least, purpose, install)
          for name, (least, purpose, install) in _OPTIONAL.items()),
    )  # fmt: skip


def examine_surroundings(root: Path, environment: Mapping[str, str]) -> Surroundings:
    """The environment's variables that matter, the memory, and what else runs."""
    try:
        load: float | None = os.getloadavg()[0]
    except (AttributeError, OSError):
        load = None
    ours = sys.modules[__package__.partition(".")[0]].__file__ or ""
    return Surroundings(
        environment={name: environment[name] for name in VARIABLES if environment.get(name)},
        threads=get_num_threads(),
        libc=" ".join(platform.libc_ver()).strip(),
        huge_pages=_chosen(read(root, "sys/kernel/mm/transparent_hugepage/enabled")),
        load=load,
        compiled=not sys.dont_write_bytecode or Path(importlib.util.cache_from_source(ours)).exists(),
        debug=sys.flags.dev_mode or hasattr(sys, "gettotalrefcount"),
    )


def _chosen(text: str) -> str:
    """Linux writes all choices, and that which holds in brackets."""
    return text.partition("[")[2].partition("]")[0]
