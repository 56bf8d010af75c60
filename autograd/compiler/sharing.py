"""Products on the threads that share runs.

OpenBLAS's threads wait for the next product busily, on the processors that the library's own threads need for a run,
and these in turn hold up the next product: now and then a step loses a tick of the system's clock, 4 ms, or several.
Where products are large, the library's threads compute them too, and OpenBLAS's sleep.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine.blas import threads_of_blas
from ..engine.many_products import is_thin, large_product
from ..engine.threads import get_num_threads
from .program import Program
from .runs import Run, grouped
from .values import Instruction, Value

__all__ = ["share_products"]

LEAST = 1 << 24
"""Multiplications in a large product, at least."""
WAKING = 5e-5
"""Seconds that it takes longer to share a product out than OpenBLAS's waiting threads take."""
MULTIPLYING = 3e-12
"""Seconds, for each multiplication, that one thread takes longer for a smaller product than OpenBLAS's."""
WORKING = 5e-11
"""Seconds that a second thread saves in a run, for each element of each call."""


def share_products(program: Program) -> None:
    """Where it saves more than it costs, the threads that share runs compute large products too, and one the others.

    None is where OpenBLAS has more threads than these. The last digits of products may be others: those that OpenBLAS
    would compute with another number of threads. Products of few rows or columns are computed in parts.
    """
    if not 1 < threads_of_blas() <= get_num_threads():
        return
    large, thin = [], []
    cost = saved = 0.0
    for item in grouped(program):
        if isinstance(item, Run):
            saved += WORKING * sum([rows.size for rows in item.rows.values()]) * (item.team > 1)
        elif isinstance(item, Instruction) and (work := _multiplications(item)):
            if work >= LEAST and _is_one(item):
                large.append(item)
                cost += WAKING
            else:
                cost += MULTIPLYING * work
                if _is_one(item) and is_thin(item.outs.shape[0], item.args[0].shape[1], item.outs.shape[1]):
                    thin.append(item)
    if large and cost < saved:
        for item in large + thin:
            item.function, item.name = large_product, "large_product"
        program.without_blas_threads = True


def _multiplications(item: Instruction) -> int:
    """How many multiplications there are in products of matrices; 0 if a call computes something else."""
    made = item.result
    if item.function not in (np.dot, np.matmul) or type(made) is not Value or not set(item.kwargs) <= {"out"}:
        return 0
    if len(item.args) != 2 or not all(type(arg) is Value and arg.dtype == made.dtype for arg in item.args):
        return 0
    if made.dtype.char not in "fd" or not made.shape or not item.args[0].shape:
        return 0
    return math.prod(made.shape) * item.args[0].shape[-1]


def _is_one(item: Instruction) -> bool:
    """Whether a call computes one product of two matrices, into an array of its own."""
    return item.target is None and all(value.array.ndim == 2 for value in (item.outs, *item.args))
