"""``autograd.compile``: the NumPy program that one would have written by hand."""

from .compiled import Compiled as Compiled
from .compiled import compile as compile  # noqa: A004
