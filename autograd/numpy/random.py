"""Random numbers: the names of ``numpy.random``, as they are there."""

from typing import Any as _Any

import numpy.random as _random


def __getattr__(name: str) -> _Any:
    return getattr(_random, name)


def __dir__() -> list[str]:
    return dir(_random)
