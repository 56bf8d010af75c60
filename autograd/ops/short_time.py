"""The short-time Fourier transform: the spectra of overlapping pieces of a signal; and the signal from them.

Source: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform" (1984).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, unwrap
from ..engine.foreign import bare
from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import as_complex, case, reals
from . import fourier
from .casting import astype, clone
from .complex_pairs import view_as_real
from .dimensions import swapaxes
from .indexing import getitem
from .padding import pad
from .repetition import constant_pad_nd
from .shapes import shape_of, unsqueeze
from .windows import overlap_add, windows

if TYPE_CHECKING:
    from .._tensor import Tensor

_NARROWEST = 1e-11
"""Where the squared windows add up to less, nothing is known of the signal."""


def _lengths(name: str, n_fft: int, hop: int | None, win_length: int | None, window: Any) -> tuple[int, int]:
    """The hop and the window's length, checked."""
    if n_fft < 1:
        raise ShapeError(f"{name}: n_fft must be positive, got {n_fft}")
    if win_length is None:
        win_length = n_fft
    if not 0 < win_length <= n_fft:
        raise ShapeError(f"{name}: win_length must be between 1 and n_fft = {n_fft}, got {win_length}")
    if hop is None:
        hop = n_fft // 4
        if not hop:
            raise ShapeError(f"{name}: hop_length is n_fft // 4 by default, which is 0 for n_fft = {n_fft}; give one")
    if hop < 1:
        raise ShapeError(f"{name}: hop_length must be positive, got {hop}")
    if window is not None and shape_of(window) != (win_length,):
        raise ShapeError(
            f"{name}: expected a window of shape {(win_length,)}, as long as win_length, got shape "
            f"{tuple(shape_of(window))}"
        )
    return hop, win_length


def _centred(window: Any, win_length: int, n_fft: int, dtype: Any) -> Any:
    """The window with zeros on both sides up to ``n_fft``; None if there is nothing to multiply with."""
    if window is None:
        if win_length == n_fft:
            return None
        window = np.ones(win_length, dtype)
    left = (n_fft - win_length) // 2
    return constant_pad_nd(window, (left, n_fft - win_length - left)) if win_length < n_fft else window


def _complex(x: Any) -> bool:
    return x is not None and x.dtype.kind == "c"


_HANN = reals(0.2, 1, shape=(4,))
_SHORT = reals(0.2, 1, shape=(3,))


@composed(inputs=("x", "window"), samples=[
    case(x=reals(shape=(6,)), n_fft=4, return_complex=True),
    case(x=reals(shape=(2, 6)), n_fft=4, hop_length=2, window=_HANN, center=False, return_complex=True),
    case(x=reals(shape=(5,)), n_fft=4, win_length=3, window=_SHORT, normalized=True, return_complex=False),
    case(x=reals(shape=(6,)), n_fft=4, pad_mode="constant", onesided=False, return_complex=True, win_length=2),
    case(x=reals(shape=(5,), make=as_complex), n_fft=4, window=_HANN),
    case(x=reals(shape=(5,)), n_fft=4, win_length=2, center=False, align_to_window=True, return_complex=True),
])  # fmt: skip
def stft(
    x: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The short-time Fourier transform: the spectra of the signal's pieces of length ``n_fft``.

    Args:
        x: a signal or a batch of signals, real or complex.
        n_fft: the length of a piece.
        hop_length: from the start of a piece to that of the next (default: ``n_fft // 4``).
        win_length: the length of the window (default: ``n_fft``), which stands in the middle of the piece.
        window: what the pieces are multiplied with (default: ones).
        center: pad the signal so that piece t has its middle at ``t * hop_length``, else it starts there.
        pad_mode: how, see ``nn.functional.pad``.
        normalized: divide by the root of ``n_fft``.
        onesided: only the first half of the spectra (default: if signal and window are real).
        return_complex: complex spectra, or a last dimension for real and imaginary parts. Must be said of a real
            signal with a real window.
        align_to_window: without ``center``, the first window (not the first piece) starts with the signal.

    Shape: (batch, length) becomes (batch, frequencies, pieces), then 2 without ``return_complex``; without batch too.

    Raises: ShapeError; DtypeError for integers; ValueError for what contradicts itself.
    """
    if not isinstance(x, Handle):
        x = clone(x)
    _check_signal(x.dtype, tuple(shape_of(x)))
    hop, win_length = _lengths("stft", n_fft, hop_length, win_length, window)
    is_complex = _complex(x) or _complex(window)
    if onesided and is_complex:
        raise ArgumentError("stft: onesided=True needs a real signal and window: other spectra have no mirrored half")
    if return_complex is None:
        if not is_complex:
            raise ArgumentError(
                "stft: say return_complex=True (complex spectra), or return_complex=False (a last dimension of size 2 "
                "for real and imaginary parts)"
            )
        return_complex = True
    if center:
        if align_to_window is not None:
            raise ArgumentError("stft: align_to_window is for center=False only: center says where the pieces lie")
        x = pad(x, (n_fft // 2, n_fft // 2), pad_mode)
    elif align_to_window:
        left = (n_fft - win_length) // 2
        x = constant_pad_nd(x, (left, n_fft - win_length - left))
    if n_fft > x.shape[-1]:
        raise ShapeError(f"stft: pieces of n_fft = {n_fft} are longer than the signal of {x.shape[-1]} elements")
    pieces = windows(x, n_fft, hop)
    shape = _centred(window, win_length, n_fft, x.dtype)
    if shape is not None:
        pieces = pieces * shape
    if onesided is None:
        onesided = not is_complex
    out = (fourier.rfft if onesided else fourier.fft)(pieces, norm="ortho" if normalized else "backward")
    out = swapaxes(out, -1, -2)
    if return_complex:
        return out
    return astype(view_as_real(out), x.dtype) if x.dtype.itemsize == 2 else view_as_real(out)


@composed(inputs=("x", "window"), samples=[
    case(x=reals(shape=(3, 4), make=as_complex), n_fft=4),
    case(x=reals(shape=(1, 3, 3), make=as_complex), n_fft=4, hop_length=2, window=_HANN, center=False),
    case(x=reals(shape=(3, 3), make=as_complex), n_fft=4, win_length=3, window=_SHORT, normalized=True, length=3),
    case(x=reals(shape=(4, 3), make=as_complex), n_fft=4, onesided=False, length=8),
    case(x=reals(shape=(4, 3), make=as_complex), n_fft=4, window=_HANN, return_complex=True),
])  # fmt: skip
def istft(
    x: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal of which ``x`` is the ``stft``, or whose ``stft`` is nearest to ``x``.

    Args:
        x: complex, (frequencies, pieces) or (batch, frequencies, pieces).
        n_fft, hop_length, win_length, window, center, normalized: as given to ``stft``.
        onesided: ``x`` is the first half of the spectra (default: if it does not have ``n_fft`` frequencies).
        length: of the signal: it is cut off, or zeros are appended.
        return_complex: the signal is complex.

    Raises: ShapeError, also where the windows leave gaps; DtypeError if ``x`` is not complex; ValueError for what
        contradicts itself.

    >>> import autograd
    >>> x, window = autograd.arange(8.0), autograd.ones(4)
    >>> spectra = autograd.stft(x, 4, window=window, return_complex=True)
    >>> autograd.istft(spectra, 4, window=window).shape
    (8,)
    """
    if not isinstance(x, Handle):
        x = clone(x)
    sizes = tuple(shape_of(x))
    _check_spectra(x.dtype, sizes)
    hop, win_length = _lengths("istft", n_fft, hop_length, win_length, window)
    if hop > win_length:
        raise ShapeError(f"istft: windows of length {win_length} at a distance of {hop} leave gaps in the signal")
    _check_sides(sizes, n_fft, sizes[-2] != n_fft if onesided is None else onesided, return_complex, _complex(window))
    norm = "ortho" if normalized else "backward"
    spectra = swapaxes(x, -1, -2)
    if return_complex:
        pieces = fourier.ifft(spectra, norm=norm)
    else:
        pieces = fourier.irfft(getitem(spectra, (..., slice(n_fft // 2 + 1))), n_fft, norm=norm)
    shape = _centred(np.ones(win_length, pieces.dtype) if window is None else window, win_length, n_fft, None)
    count = sizes[-1]
    whole = n_fft + hop * (count - 1)
    total = overlap_add(pieces * shape, (*sizes[:-2], whole), n_fft, hop)
    square = unsqueeze(shape * shape, 0)
    covered = overlap_add(square + np.zeros((count, 1), square.dtype), (whole,), n_fft, hop)
    start = n_fft // 2 if center else 0
    stop = start + length if length is not None else whole - start
    inside = slice(start, min(stop, whole))
    covered = getitem(covered, inside)
    if inside.stop <= inside.start:
        raise ShapeError(f"istft: nothing is left of {count} pieces with n_fft = {n_fft}, center={center}, {length=}")
    magnitude = bare(np.abs(unwrap(covered)))
    if not np.min(magnitude, initial=np.inf) > _NARROWEST:
        raise ShapeError(
            f"istft: the windows leave gaps in the signal: at element {int(np.argmin(magnitude))} the squared windows "
            f"add up to {np.min(magnitude):.3g}; use a shorter hop_length, center=True, or a window without zeros"
        )
    out = getitem(total, (..., inside)) / covered
    return constant_pad_nd(out, (0, stop - whole)) if stop > whole else out


def _check_signal(dtype: Any, sizes: tuple[int, ...]) -> None:
    if dtype.kind not in "fcV":
        raise DtypeError(f"stft: expected a floating or complex signal, got {dtype}; use x.float()")
    if len(sizes) not in (1, 2):
        raise ShapeError(f"stft: expected a signal (length,) or a batch (batch, length), got shape {sizes}")


def _check_spectra(dtype: Any, sizes: tuple[int, ...]) -> None:
    if dtype.kind != "c":
        raise DtypeError(f"istft: expected complex spectra, as from stft(..., return_complex=True), got {dtype}")
    if len(sizes) not in (2, 3) or 0 in sizes:
        raise ShapeError(f"istft: expected (frequencies, pieces) or (batch, frequencies, pieces), got shape {sizes}")


def _check_sides(
    sizes: tuple[int, ...], n_fft: int, onesided: bool, return_complex: bool, complex_window: bool
) -> None:
    """Raise unless halves of spectra, or whole ones, are what is asked for and what there is."""
    if return_complex and onesided:
        raise ArgumentError("istft: return_complex=True needs whole spectra, but onesided is True or these are halves")
    if complex_window and not return_complex:
        raise ArgumentError("istft: a complex window gives a complex signal: say return_complex=True")
    expected = n_fft // 2 + 1 if onesided else n_fft
    if sizes[-2] != expected:
        raise ShapeError(
            f"istft: expected {expected} frequencies for n_fft = {n_fft} and onesided={onesided}, got {sizes[-2]} "
            f"(shape {sizes})"
        )
