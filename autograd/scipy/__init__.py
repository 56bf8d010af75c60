"""SciPy for functions that are differentiated: ``special``, ``linalg``, ``stats``, ``signal``, ``integrate``.

Each has the names of SciPy's module. On arrays these are SciPy's own functions; on what a transform such as
``autograd.grad`` passes to a function, and on Tensors, those that have derivatives are the ops of ``autograd``, and the
others raise. SciPy itself is imported when the first of them is asked for.
"""

from . import integrate as integrate
from . import linalg as linalg
from . import signal as signal
from . import special as special
from . import stats as stats
