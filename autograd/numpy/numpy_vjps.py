"""What derivative rules are made of, for programs that define their own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.sweep import sum_to

__all__ = ["match_complex", "repeat_to_match_shape", "unbroadcast", "unbroadcast_f"]


def unbroadcast(x: Any, target_meta: Any, broadcast_idx: int = 0) -> Any:
    """Sum ``x`` over the axes along which an array was broadcast; ``target_meta`` starts with that array's shape."""
    return sum_to(x, target_meta[0])


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative rule ``f`` with its result summed to the shape of ``target``."""
    shape = np.shape(target)
    return lambda g: sum_to(f(g), shape)


def match_complex(target: Any, x: Any) -> Any:
    """``x`` as complex as ``target``: its real part if ``target`` is real."""
    if np.iscomplexobj(x) and not np.iscomplexobj(target):
        return np.real(x)
    return x + 0j if np.iscomplexobj(target) and not np.iscomplexobj(x) else x


def repeat_to_match_shape(g: Any, shape: Any, dtype: Any, axis: Any, keepdims: bool) -> tuple[Any, int]:
    """The gradient of a reduction, repeated to the shape of what was reduced, and how often each element is there."""
    if shape == ():
        return g, 1
    axes = range(len(shape)) if axis is None else [i % len(shape) for i in ([axis] if isinstance(axis, int) else axis)]
    kept = [1 if i in axes else n for i, n in enumerate(shape)]
    count = math.prod([shape[i] for i in axes])
    return np.broadcast_to(np.reshape(g, kept), shape), count
