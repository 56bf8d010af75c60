"""Transforms: functions that take a function and return another, as in ``torch.func``."""

from .vectorizing import vmap as vmap
