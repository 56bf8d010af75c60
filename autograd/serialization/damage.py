"""What reading a damaged or hostile file may raise, as one error of ours."""

from __future__ import annotations

import contextlib
import pickle
import zlib
from collections.abc import Iterator
from tokenize import TokenError

from ..errors import CheckpointError

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "SMALL", "reported"]

MAX_MEMBERS = 1 << 16
"""Parts that a file may have."""
MAX_RATIO = 200
"""By how much a large file may be compressed."""
SMALL = 1 << 28
"""Bytes that are allocated whatever the ratio."""

EXPECTED: tuple[type[BaseException], ...] = (
    ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, EOFError, OSError, SyntaxError, AttributeError,
    TokenError, zlib.error, pickle.PickleError,
)  # fmt: skip
"""What Python's and NumPy's readers raise at bytes that make no sense. Sizes are checked before."""


@contextlib.contextmanager
def reported(path: str, others: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Raise CheckpointError for whatever the readers below raise at bytes that they do not understand.

    Args:
        path: of the file.
        others: errors of the format's own library.
    """
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{error} [in {path}]") from error.__cause__
    except (*EXPECTED, *others) as error:
        raise CheckpointError(f"load: {path} is damaged: {type(error).__name__}: {error}") from error
