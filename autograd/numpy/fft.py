"""Fourier transforms for functions that are differentiated: the names of ``numpy.fft``."""

from typing import Any as _Any

import numpy as _numpy

from .._op import NUMPY as _NUMPY
from . import _mirror


def __getattr__(name: str) -> _Any:
    found = globals()[name] = _mirror.find(name, _numpy.fft, _NUMPY, {})
    return found


def __dir__() -> list[str]:
    return _mirror.names(_numpy.fft, {})
