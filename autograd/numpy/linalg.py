"""Linear algebra for functions that are differentiated: the names of ``numpy.linalg``."""

from typing import Any as _Any

import numpy as _numpy

from .._op import NUMPY as _NUMPY
from . import _adapted, _mirror


def __getattr__(name: str) -> _Any:
    found = globals()[name] = _mirror.find(name, _numpy.linalg, _NUMPY, _adapted.LINALG)
    return found


def __dir__() -> list[str]:
    return _mirror.names(_numpy.linalg, _adapted.LINALG)
