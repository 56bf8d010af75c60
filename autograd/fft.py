"""``autograd.fft``: discrete Fourier transforms under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from ._tensor import Tensor
from .creation import finish
from .errors import DtypeError, ShapeError
from .ops.fourier import fft as fft
from .ops.fourier import fft2 as fft2
from .ops.fourier import fftn as fftn
from .ops.fourier import fftshift as fftshift
from .ops.fourier import hfft as hfft
from .ops.fourier import hfft2 as hfft2
from .ops.fourier import hfftn as hfftn
from .ops.fourier import ifft as ifft
from .ops.fourier import ifft2 as ifft2
from .ops.fourier import ifftn as ifftn
from .ops.fourier import ifftshift as ifftshift
from .ops.fourier import ihfft as ihfft
from .ops.fourier import ihfft2 as ihfft2
from .ops.fourier import ihfftn as ihfftn
from .ops.fourier import irfft as irfft
from .ops.fourier import irfft2 as irfft2
from .ops.fourier import irfftn as irfftn
from .ops.fourier import rfft as rfft
from .ops.fourier import rfft2 as rfft2
from .ops.fourier import rfftn as rfftn

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip


def _frequencies(name: str, n: int, d: float, places: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    dtype = dtypes.or_default(dtype)
    if dtype.kind not in "fcV":
        raise DtypeError(f"{name}: frequencies are fractions, so the dtype must be floating or complex, got {dtype}")
    if n < 0:
        raise ShapeError(f"{name}: the number of elements must not be negative, got {n}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return finish((places / np.float64(n * d)).astype(dtype), requires_grad, device)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the output of ``fft``: 0, the positive ones, then the negative ones, rising.

    Args:
        n: how many elements were transformed.
        d: the distance between two of them.
        dtype: of the result.
        device: ``'cpu'``.
        requires_grad: record the operations on it.

    >>> from autograd import fft
    >>> fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    places = (np.arange(n) + n // 2) % max(n, 1) - n // 2
    return _frequencies("fftfreq", n, d, places, dtype, device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the output of ``rfft`` of ``n`` elements with distance ``d``: none is negative."""
    return _frequencies("rfftfreq", n, d, np.arange(n // 2 + 1), dtype, device, requires_grad)
