from numpy import *

from . import fft as fft  # type: ignore[no-redef]
from . import linalg as linalg  # type: ignore[no-redef]
from . import random as random  # type: ignore[no-redef]
