"""The memory of large arrays: the C library is told to keep it from one training step to the next.

glibc's ``malloc`` gives freed memory back to the system, and gets it anew, page by page, for the next step: that can
take as long as the computation. How much it keeps depends on the largest array that the program has freed (up to 32
MiB; it keeps twice that). Where the C library is another, or the user has set ``MALLOC_TRIM_THRESHOLD_`` and the like,
nothing changes.
"""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

_LARGEST = (1 << 25) - (1 << 13)
"""The largest size that counts: 32 MiB, less what glibc adds to it."""


def keep_freed_memory() -> None:
    """Free an array of the largest size that counts, which was never touched: this takes microseconds."""
    np.empty(_LARGEST, np.uint8)
