"""The whole examination: everything is asked and measured, in the order of the report."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from .. import __version__
from .blas import describe
from .findings import Blas, Report
from .processor import examine_processor, examine_simd
from .software import examine_packages, examine_surroundings
from .timing import measure

__all__ = ["examine"]


def examine(
    quick: bool = False,
    *,
    root: Path = Path("/"),
    environment: Mapping[str, str] | None = None,
    progress: Callable[[int], Iterator[None]] = lambda steps: iter([None] * steps),
) -> Report:
    """Find out what this machine and its software are, and how fast.

    Args:
        quick: measure for about a second, and try no other kernels of BLAS; else it takes about ten.
        root: where the system's files are looked for.
        environment: the variables that count (default: those of this process).
        progress: gets the number of steps, and gives an iterator from which each step takes one item.
    """
    environment = os.environ if environment is None else environment
    processor = examine_processor(root, platform.system())
    blas = Blas(**describe())
    return Report(
        version=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=examine_packages(),
        processor=processor,
        simd=examine_simd(),
        blas=blas,
        surroundings=examine_surroundings(root, environment),
        timings=measure(processor, blas, environment, quick, progress),
    )
