"""BLAS, which computes NumPy's matrix products: what it says of itself, and how fast it is.

This file runs as a program too, in a process with another environment, where another kernel may be tried, and may
crash. There it reads lines of ``size dtype seconds`` and answers each with the GFLOP/s of a product.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
from time import perf_counter
from typing import Any

import numpy as np

from ..engine.blas import function_of, libraries, opened

__all__ = ["describe", "gflops", "serve"]


def describe() -> dict[str, Any]:
    """The name, version, kernel and threads of NumPy's BLAS, and who told them; "unknown" where nobody does."""
    found: dict[str, Any] = {"name": "unknown", "version": "", "kernel": "unknown", "threads": None, "source": ""}
    with contextlib.suppress(TypeError, KeyError, AttributeError):
        built: Any = np.show_config(mode="dicts")
        blas = built["Build Dependencies"]["blas"]
        found |= {"name": str(blas["name"]), "version": str(blas.get("version", ""))}
    told = _from_threadpoolctl() or _from_library()
    if (
        told and told["name"] in found["name"]
    ):  # what NumPy was built with is said more precisely, but may be a stand-in
        del told["name"], told["version"]
    return found | told


def _from_threadpoolctl() -> dict[str, Any]:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return {}
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    for pool in sorted(pools, key=lambda pool: "numpy" not in str(pool["filepath"])):  # SciPy may have one of its own
        return {
            "name": pool["internal_api"],
            "version": pool.get("version") or "",
            "kernel": pool.get("architecture") or "unknown",
            "threads": pool["num_threads"],
            "source": "threadpoolctl",
        }
    return {}


def _from_library() -> dict[str, Any]:
    """OpenBLAS asked itself, by the functions that threadpoolctl asks too."""
    for path in libraries():
        library = opened(path)
        kernel, threads = (function_of(library, name) for name in ("get_corename", "get_num_threads"))
        if kernel is not None and threads is not None:
            kernel.restype = ctypes.c_char_p
            return {
                "name": "openblas",
                "version": "",
                "kernel": (kernel() or b"unknown").decode(errors="replace"),
                "threads": int(threads()),
                "source": "the library",
            }
    return {}


def gflops(size: int, dtype: str, seconds: float) -> float:
    """The best GFLOP/s of a product of square matrices, tried over and over for some time, at least three times."""
    a, b = np.full((2, size, size), 0.5, dtype)
    out = np.empty_like(a)
    np.matmul(a, b, out=out)
    best, tries, end = float("inf"), 0, perf_counter() + seconds
    while tries < 3 or perf_counter() < end:
        start = perf_counter()
        np.matmul(a, b, out=out)
        best = min(best, perf_counter() - start)
        tries += 1
    return 2 * size**3 / best / 1e9


def serve() -> None:
    """Answer every line read, until there are no more."""
    sys.stdout.write(json.dumps(describe()) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        size, dtype, seconds = line.split()
        sys.stdout.write(json.dumps(gflops(int(size), dtype, float(seconds))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
