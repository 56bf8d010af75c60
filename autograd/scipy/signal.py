"""``convolve``, along chosen axes, with sums over others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._operands import unwrap
from ..engine.foreign import as_array
from ..engine.nodes import Handle
from ..errors import ArgumentError, ShapeError
from ..numpy._mirror import contains_box, mirrored
from ..ops.casting import astype
from ..ops.convolution import conv1d, conv2d, conv3d
from ._mirrors import mirror

__all__ = ["convolve"]

Axes = Sequence[Sequence[int]]


def _convolve(A: Any, B: Any, axes: Any, dot_axes: Any, mode: str, method: str) -> Any:
    if isinstance(axes, str):  # SciPy's arguments
        axes, dot_axes, mode, method = None, None, axes, method if dot_axes is None else str(dot_axes)
    if method not in ("auto", "direct", "fft"):
        raise ArgumentError(f"convolve: method is 'auto', 'direct' or 'fft', got {method!r}")
    if mode not in ("valid", "full", "same"):
        raise ArgumentError(f"convolve: mode is 'valid', 'full' or 'same', got {mode!r}")
    along_a, along_b = axes if axes is not None else (list(range(np.ndim(A))), list(range(np.ndim(B))))
    dot_a, dot_b = dot_axes if dot_axes is not None else ((), ())
    rank = len(along_a)
    if not rank:
        return np.tensordot(A, B, (dot_a, dot_b))
    if rank > 3:
        raise ShapeError(f"convolve: expected at most 3 axes to convolve along, got {rank}")
    (x, free_a), (k, free_b) = _arranged(A, along_a, dot_a), _arranged(B, along_b, dot_b)
    swapped = mode == "valid" and any(n < m for n, m in zip(x.shape[2:], k.shape[2:], strict=True))
    if swapped:
        x, k = k, x
    if any(n < m for n, m in zip(x.shape[2:], k.shape[2:], strict=True)) and mode == "valid":
        raise ArgumentError("convolve: with mode='valid' one array must be the larger one along all axes")
    window = k.shape[2:]
    pads = {
        "valid": [(0, 0)] * rank,
        "full": [(m - 1, m - 1) for m in window],
        "same": [(m // 2, (m - 1) // 2) for m in window],
    }[mode]
    if any(before or after for before, after in pads):
        x = np.pad(x, [(0, 0), (0, 0), *pads])
    k = np.flip(k, tuple(range(2, 2 + rank)))
    dtype = np.result_type(x.dtype, k.dtype)
    wide = np.result_type(dtype, np.float32)
    result: Any = (conv1d, conv2d, conv3d)[rank - 1](_converted(x, wide), _converted(k, wide))
    if dtype.kind in "biu":
        result = astype(np.rint(result), dtype)
    if swapped:
        result = np.swapaxes(result, 0, 1)
    return np.reshape(result, (*free_a, *free_b, *result.shape[2:]))


def _converted(x: Any, dtype: Any) -> Any:
    return x if x.dtype == dtype else astype(x, dtype)


def _arranged(x: Any, along: Sequence[int], dot: Sequence[int]) -> tuple[Any, tuple[int, ...]]:
    """An array as (all free axes, all that are summed over, those to convolve along), and the free sizes."""
    x = x if isinstance(x, Handle) else as_array(x)
    dims = len(x.shape)
    along, dot = [i % dims for i in along], [i % dims for i in dot]
    free = [i for i in range(dims) if i not in along and i not in dot]
    sizes = tuple(x.shape[i] for i in free)
    x = np.transpose(x, [*free, *dot, *along])
    summed = math.prod(x.shape[len(free) : len(free) + len(dot)])
    return np.reshape(x, (math.prod(sizes), summed, *x.shape[len(free) + len(dot) :])), sizes


def convolve(
    A: Any,
    B: Any,
    axes: Axes | str | None = None,
    dot_axes: Axes | str | None = None,
    mode: str = "full",
    method: str = "auto",
) -> Any:
    """The convolution of two arrays. ``convolve(A, B, mode, method)``, as in SciPy, is understood, too.

    Args:
        A, B: the arrays.
        axes: for each of the two the axes to convolve along (at most 3); all by default.
        dot_axes: for each of the two the axes to multiply and sum over.
        mode: ``"full"``, ``"valid"`` (only where the arrays overlap wholly) or ``"same"`` (as large as ``A``).
        method: SciPy's; without effect.

    Shape: the other axes of ``A``, then those of ``B``, then the axes convolved along.

    Raises: ValueError for another mode or method, or if neither array contains the other in mode ``"valid"``.
    """
    if contains_box((A, B)):
        return _mirrored(A, B, axes, dot_axes, mode, method)
    result = _convolve(as_array(A), as_array(B), axes, dot_axes, mode, method)
    return unwrap(result)


_mirrored = mirrored(convolve, _convolve)

__getattr__, __dir__ = mirror("scipy.signal", {}, globals())
