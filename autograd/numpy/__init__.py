"""NumPy for functions that are differentiated: ``import autograd.numpy as np``.

It has all names of ``numpy``. On arrays they are NumPy's own functions; on what a transform such as ``autograd.grad``
passes to a function, and on Tensors, they are the ops of ``autograd``. Lists may contain both.

>>> import autograd.numpy as np
>>> from autograd import grad
>>> float(grad(lambda x: np.sum(np.tanh(np.array([x, 2.0]))))(1.0))
0.41997434161402614
"""

from typing import Any as _Any

import numpy as _numpy

from .._op import NUMPY as _NUMPY
from . import _adapted, _mirror
from . import fft as fft
from . import linalg as linalg
from . import random as random

__version__ = _numpy.__version__
__all__ = [*_numpy.__all__]


def __getattr__(name: str) -> _Any:
    found = globals()[name] = _mirror.find(name, _numpy, _NUMPY, _adapted.ADAPTED)
    return found


def __dir__() -> list[str]:
    return _mirror.names(_numpy, _adapted.ADAPTED)
