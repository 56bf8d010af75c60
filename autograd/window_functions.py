"""Windows for spectra: what ``stft`` multiplies the pieces of a signal with."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from . import dtypes
from ._tensor import Tensor
from .creation import finish
from .errors import DtypeError, ShapeError

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def _places(name: str, window_length: int, periodic: bool) -> Any:
    """Where the elements lie between -1 and 1: the ends of the window. A periodic one lacks the last."""
    count = operator.index(window_length)
    if count < 0:
        raise ShapeError(f"{name}: window_length must not be negative, got {count}")
    if count <= 1:
        return np.zeros(count)
    return np.linspace(-1, 1, count + bool(periodic))[:count]


def _made(name: str, array: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    kind = dtypes.or_default(dtype)
    if kind.kind not in "fV":
        raise DtypeError(f"{name}: expected a floating dtype, got {kind}")
    return finish(array.astype(kind), requires_grad, device)


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One period of a raised cosine, that is 0 at both ends.

    Args:
        window_length: how many elements it has.
        periodic: leave the last one out, which is the first of the next period, as one does for spectra; without it the
            window is symmetric, as ``numpy.hanning``.
        dtype: of the elements; by default the default float dtype.
        device: ``'cpu'``.
        requires_grad: record the operations on it.

    Raises: ShapeError for a negative length, DtypeError for a dtype that is not floating.

    >>> import autograd
    >>> autograd.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    x = _places("hann_window", window_length, periodic)
    return _made("hann_window", 0.5 + 0.5 * np.cos(np.pi * x), dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """One period of a cosine raised by ``alpha``, as high as ``beta``; arguments and errors as for ``hann_window``."""
    x = _places("hamming_window", window_length, periodic)
    return _made("hamming_window", alpha + beta * np.cos(np.pi * x), dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A triangle, that is 0 at both ends; arguments and errors as for ``hann_window``."""
    x = _places("bartlett_window", window_length, periodic)
    return _made("bartlett_window", 1 - np.abs(x), dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``0.42 + 0.5 * cos(t) + 0.08 * cos(2 * t)``, from -pi to pi; arguments and errors as for ``hann_window``."""
    t = np.pi * _places("blackman_window", window_length, periodic)
    return _made("blackman_window", 0.42 + 0.5 * np.cos(t) + 0.08 * np.cos(2 * t), dtype, device, requires_grad)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Kaiser's window of the shape ``beta``, see ``numpy.kaiser``; arguments and errors as for ``hann_window``."""
    x = _places("kaiser_window", window_length, periodic)
    array = np.i0(beta * np.sqrt(np.maximum(1 - x * x, 0))) / np.i0(beta)
    return _made("kaiser_window", array, dtype, device, requires_grad)
