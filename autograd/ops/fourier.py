"""Discrete Fourier transforms, of which each one's transpose is another one of them.

Three pairs: ``fft`` and ``ifft`` are their own transposes; ``rfft`` (real numbers to half of a spectrum) and ``hfft``
(half of a spectrum to real numbers) are each other's, but for the weight of the middle frequencies, which stand for
two of the whole spectrum; so are ``irfft`` and ``ihfft``.

Dtypes: float32 and complex64 are computed in single precision; float16, integers and bools become float32 (the
default dtype). ``norm`` says which direction is divided by the number of elements: ``"backward"`` (the default) the
inverse one, ``"forward"`` the other one, ``"ortho"`` both by its root.

Raises, of every transform here: BoundsError if there is no such dimension; ShapeError for a dimension given twice or
transformed with less than one element; ValueError for another ``norm``; DtypeError for complex numbers where only
real ones have the transform (``rfft``, ``ihfft`` and their kind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._op_function import OpFunction, P
from .._protocols import numpy_function
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..samples import as_complex, case, reals
from ._blocks import get_num_threads
from ._foreign import foreign
from ._matrices import computed
from .dimensions import roll
from .repetition import constant_pad_nd
from .shapes import shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

_NORMS = (None, "backward", "ortho", "forward")
_TO_HALF = ("rfft", "ihfft")
"""From real numbers to the first half of a spectrum."""
_FROM_HALF = ("irfft", "hfft")
_TRANSPOSED = {"fft": "fft", "ifft": "ifft", "rfft": "hfft", "hfft": "rfft", "irfft": "ihfft", "ihfft": "irfft"}
_OTHERS = {"fft": "fft", "ifft": "ifft", "rfft": "fft", "hfft": "fft", "irfft": "ifft", "ihfft": "ifft"}
"""What is done along the other dimensions, where the last one is transformed so."""
_LARGE = 1 << 16
"""This many elements are worth SciPy, which takes a while to import and more per call than NumPy."""


# ---- what is to be transformed --------------------------------------------------------------------------------------


def _place(name: str, dim: Any, shape: Sequence[int]) -> int:
    """A dimension counted from the front."""
    place = index(dim)
    if not -len(shape) <= place < len(shape):
        had = f"of shape {tuple(shape)} has dimensions {-len(shape)} to {len(shape) - 1}" if shape else "has none"
        raise BoundsError(f"{name}: there is no dimension {place} to transform along: the input {had}")
    return place % len(shape)


def _as_tuple(value: Any) -> tuple[int, ...]:
    return tuple([index(v) for v in value]) if hasattr(value, "__iter__") else (index(value),)


def _plan(name: str, shape: Sequence[int], s: Any, dim: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions to transform along, and how many elements of the time domain each has."""
    kind = name.removesuffix("n")
    if dim is not None:
        dims = tuple([_place(name, d, shape) for d in _as_tuple(dim)])
    elif s is None:
        dims = tuple(range(len(shape)))
    else:
        if len(_as_tuple(s)) > len(shape):
            raise ShapeError(f"{name}: s = {s} has more sizes than the input of shape {tuple(shape)} has dimensions")
        dims = tuple(range(len(shape) - len(_as_tuple(s)), len(shape)))
    if len(set(dims)) < len(dims):
        raise ShapeError(f"{name}: the dimensions to transform along must differ, got {dim}")
    sizes = [-1] * len(dims) if s is None else list(_as_tuple(s))
    if len(sizes) != len(dims):
        raise ShapeError(f"{name}: s = {s} and dim = {dim} must have the same length")
    if not dims and kind not in ("fft", "ifft"):
        raise ShapeError(f"{name}: needs at least one dimension to transform along, got none")
    for i, d in enumerate(dims):
        if sizes[i] == -1:
            last_of_half = i == len(dims) - 1 and kind in _FROM_HALF
            sizes[i] = 2 * (shape[d] - 1) if last_of_half else shape[d]
        if sizes[i] < 1:
            remedy = "; give the length of the output" if kind in _FROM_HALF else ""
            raise ShapeError(f"{name}: {sizes[i]} elements along dimension {d} of {tuple(shape)}, not one{remedy}")
    return tuple(sizes), dims


def _check(name: str, x: Any, norm: Any) -> Any:
    """The input in a dtype that is transformed."""
    if norm not in _NORMS:
        raise ArgumentError(f"{name}: norm must be 'backward', 'ortho' or 'forward', got {norm!r}")
    if x.dtype.kind == "c" and name.removesuffix("n") in _TO_HALF:
        whole = _OTHERS[name.removesuffix("n")] + ("n" if name.endswith("n") else "")
        raise DtypeError(f"{name}: is of real numbers, got {x.dtype}; use fft.{whole}, or take the .real part")
    return computed(x)[0]


def _line_plan(name: str, shape: Sequence[int], n: Any, dim: int) -> tuple[int, int]:
    if n is not None and index(n) < 1:
        raise ShapeError(f"{name}: the number of elements to transform must be positive, got n = {n}")
    (size,), (place,) = _plan(name, shape, None if n is None else (n,), (dim,))
    return size, place


def _along_line(name: str, x: Any, n: Any, dim: int, norm: Any) -> Any:
    """The forward of a transform along one dimension."""
    a = _check(name, x, norm)
    size, place = _line_plan(name, x.shape, n, dim)
    return _kept(_along(name, a, size, place, norm), x)


def _kept(out: Any, x: Any) -> Any:
    """A real output of 16-bit floats is of these."""
    return out.astype(x.dtype) if x.dtype.itemsize == 2 and out.dtype.kind != "c" else out


@foreign
def _large(kind: str, x: Any, size: int, place: int, norm: Any) -> Any:
    """SciPy computes several lines at once, in several threads."""
    import scipy.fft

    return getattr(scipy.fft, kind)(x, size, place, norm, workers=get_num_threads() if x.size >= 4 * _LARGE else 1)


def _along(kind: str, x: Any, size: int, place: int, norm: Any) -> Any:
    if isinstance(x, np.ndarray) and x.size >= _LARGE:
        return _large(kind, x, size, place, norm)
    function: Any = getattr(np.fft, kind)
    return function(x, size, place, norm)


def _along_dims(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    """The forward of a transform along several dimensions."""
    out = _check(name, x, norm)
    sizes, dims = _plan(name, x.shape, s, dim)
    kind = name.removesuffix("n")
    if not dims:
        return out.astype(np.result_type(out.dtype, np.complex64))
    steps = [(kind, sizes[-1], dims[-1])] + [
        (_OTHERS[kind], n, d) for n, d in zip(sizes[-2::-1], dims[-2::-1], strict=True)
    ]
    for step, size, place in reversed(steps) if kind in _FROM_HALF else steps:
        out = _along(step, out, size, place, norm)
    return _kept(out, x)


# ---- the rule of all ------------------------------------------------------------------------------------------------


def _weights(n: int, middle: float, place: int, ndim: int, dtype: Any) -> Any:
    """For the first half of the spectrum of ``n`` elements: 1, and ``middle`` for each that stands for two."""
    weights = np.full(n // 2 + 1, middle, np.float32 if dtype.itemsize <= 8 else np.float64)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape([-1 if d == place else 1 for d in range(ndim)])


def _fit(g: Any, shape: Sequence[int], dims: Sequence[int]) -> Any:
    """Cut off what was added to the input, and zeros for what was cut off from it."""
    if g.shape == shape:
        return g
    pad = [0] * (2 * len(shape))
    for d in dims:
        pad[2 * (len(shape) - d) - 1] = shape[d] - g.shape[d]
    return constant_pad_nd.kernel(g, tuple(pad))


def _line_rule(name: str) -> Callable[..., Any]:
    """The derivative rule of a transform along one dimension: another such transform."""
    back = _TRANSPOSED[name]

    def rule(g: Any, x_shape: Any, n: Any, dim: int, norm: Any) -> Any:
        size, place = _line_plan(name, x_shape, n, dim)
        if name in _TO_HALF:
            g = g * _weights(size, 0.5, place, len(x_shape), g.dtype)
        out = _LINES[back].kernel(g, size, place, norm)
        if name in _FROM_HALF:
            out = out * _weights(size, 2, place, len(x_shape), out.dtype)
        return _fit(out, x_shape, (place,))

    return rule


def _dims_rule(name: str) -> Callable[..., Any]:
    """The derivative rule of a transform along several dimensions: another such transform."""
    kind = name.removesuffix("n")
    back = _TRANSPOSED[kind] + "n"

    def rule(g: Any, x_shape: Any, s: Any, dim: Any, norm: Any) -> Any:
        sizes, dims = _plan(name, x_shape, s, dim)
        if kind in _TO_HALF:
            g = g * _weights(sizes[-1], 0.5, dims[-1], len(x_shape), g.dtype)
        out = _FIELDS[back].kernel(g, sizes, dims, norm)
        if kind in _FROM_HALF:
            out = out * _weights(sizes[-1], 2, dims[-1], len(x_shape), out.dtype)
        return _fit(out, x_shape, dims)

    return rule


# ---- along one dimension --------------------------------------------------------------------------------------------


def _samples(name: str, shapes: Sequence[tuple[tuple[int, ...], dict[str, Any]]]) -> list[Any]:
    """Real samples and complex ones, as the transform takes them, of these shapes and with these arguments."""
    kind = name.removesuffix("n")
    made = as_complex if kind in _FROM_HALF else None
    found = [case(x=reals(shape=shape, make=made), **arguments) for shape, arguments in shapes]
    if kind in ("fft", "ifft"):
        found += [case(x=reals(shape=shape, make=as_complex), **arguments) for shape, arguments in shapes[:2]]
    if kind in _FROM_HALF:
        shape, arguments = shapes[0]
        found.append(case(x=reals(shape=shape), **arguments))
    return found


def _line(name: str) -> Callable[[Callable[P, Any]], OpFunction[P, Tensor]]:
    """Define the transform ``name`` along one dimension: an op with NumPy's identity, its rule and its samples."""
    shapes: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2, 3), {}), ((4, 2), {"dim": 0, "norm": "ortho"}), ((3,), {"n": 5, "norm": "forward"}), ((4,), {"n": 2}),
        ((2, 3), {"n": 4, "dim": -2}), ((3, 2), {"n": 1, "dim": 0}), ((0, 3), {}), ((1,), {"n": 3}),
    ]  # fmt: skip
    return op(getattr(np.fft, name), x=_line_rule(name), promote="float", jvp="linear", samples=_samples(name, shapes))


@_line("fft")
def fft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The discrete Fourier transform along a dimension.

    Args:
        x: real or complex.
        n: how many elements to transform: the input is cut off after them, or zeros are appended.
        dim: along which dimension.
        norm: which direction is divided by the number of elements: ``"backward"`` (default, or None), ``"forward"`` or
            ``"ortho"`` (both, by its root).

    Shape: as the input's, with ``n`` along ``dim``.

    Raises: BoundsError, ShapeError, ValueError.
    """
    return _along_line("fft", x, n, dim, norm)


@_line("ifft")
def ifft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``fft``, with the same arguments."""
    return _along_line("ifft", x, n, dim, norm)


@_line("rfft")
def rfft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The first half of the ``fft`` of real numbers: the other half is its mirror image.

    Shape: as the input's, with ``n // 2 + 1`` along ``dim``.

    >>> import autograd
    >>> autograd.fft.rfft(autograd.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j])
    """
    return _along_line("rfft", x, n, dim, norm)


@_line("irfft")
def irfft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``rfft``: real numbers from the first half of their spectrum.

    ``n``: how many; twice as many as there are frequencies, less two, if not given.
    """
    return _along_line("irfft", x, n, dim, norm)


@_line("hfft")
def hfft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The ``fft``, which is real, of a signal that is its own mirror image, conjugate: the first half of it is given.

    ``n``: how many numbers come out; twice as many as are given, less two, by default.
    """
    return _along_line("hfft", x, n, dim, norm)


@_line("ihfft")
def ihfft(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``hfft``: of real numbers the first half of the ``ifft``."""
    return _along_line("ihfft", x, n, dim, norm)


_LINES: dict[str, Any] = {"fft": fft, "ifft": ifft, "rfft": rfft, "irfft": irfft, "hfft": hfft, "ihfft": ihfft}


# ---- along several dimensions ---------------------------------------------------------------------------------------


def _fields(name: str) -> Callable[[Callable[P, Any]], OpFunction[P, Tensor]]:
    """Define the transform ``name`` along several dimensions."""
    shapes: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((2, 3), {}), ((2, 2, 3), {"dim": (2, 0), "norm": "ortho"}), ((2, 3), {"s": (3, 2), "norm": "forward"}),
        ((2, 3), {"s": 5}), ((3, 2), {"s": (-1, 4), "dim": (1, 0)}), ((3, 2), {"dim": 0}),
    ]  # fmt: skip
    if name in ("fftn", "ifftn"):
        shapes += [((), {}), ((2,), {"dim": ()})]
    return op(x=_dims_rule(name), promote="float", jvp="linear", samples=_samples(name, shapes))


@_fields("fftn")
def fftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The discrete Fourier transform along several dimensions.

    Args:
        x: real or complex.
        s: how many elements to transform along each (-1: as many as there are).
        dim: along which dimensions; by default the last ones, as many as ``s`` has, else all.
        norm: which direction is divided by the number of elements: ``"backward"`` (default, or None), ``"forward"`` or
            ``"ortho"`` (both, by its root).

    Raises: BoundsError, ShapeError, ValueError.
    """
    return _along_dims("fftn", x, s, dim, norm)


@_fields("ifftn")
def ifftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``fftn``, with the same arguments."""
    return _along_dims("ifftn", x, s, dim, norm)


@_fields("rfftn")
def rfftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """Of real numbers the ``fftn``, the first half of it along the last of the dimensions."""
    return _along_dims("rfftn", x, s, dim, norm)


@_fields("irfftn")
def irfftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``rfftn``; ``s`` has the sizes of the real output."""
    return _along_dims("irfftn", x, s, dim, norm)


@_fields("hfftn")
def hfftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The ``fftn`` of a conjugate-symmetric signal, given its first half along the last of the dimensions."""
    return _along_dims("hfftn", x, s, dim, norm)


@_fields("ihfftn")
def ihfftn(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``hfftn``; the input is real."""
    return _along_dims("ihfftn", x, s, dim, norm)


_FIELDS: dict[str, Any] = {
    "fftn": fftn, "ifftn": ifftn, "rfftn": rfftn, "irfftn": irfftn, "hfftn": hfftn, "ihfftn": ihfftn,
}  # fmt: skip


def _plane(transform: Any) -> OpFunction[..., Tensor]:
    """The transform along two dimensions, the last ones by default."""

    def plane(x: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
        return transform(x, s, dim, norm)

    name = transform.__name__
    plane.__name__ = plane.__qualname__ = name.removesuffix("n") + "2"
    plane.__doc__ = f"``{name}`` along two dimensions, by default the last ones."
    shapes: list[tuple[tuple[int, ...], dict[str, Any]]] = [((2, 3), {}), ((2, 2, 2), {"s": (3, 2)})]
    return composed(samples=_samples(name, shapes))(plane)


fft2, ifft2, rfft2, irfft2, hfft2, ihfft2 = [_plane(transform) for transform in _FIELDS.values()]


# ---- the order of frequencies ---------------------------------------------------------------------------------------


def _rolled(x: Any, dim: Any, steps: Callable[[int], int]) -> Any:
    shape = shape_of(x)
    dims = tuple(range(len(shape))) if dim is None else _as_tuple(dim)
    return roll(x, tuple([steps(shape[_place("fftshift", d, shape)]) for d in dims]), dims)


@composed(samples=[case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 5)), dim=-1)])
def fftshift(x: Any, dim: Any = None) -> Tensor:
    """The output of a transform with the frequency 0 moved to the middle, along some dimensions or all."""
    return _rolled(x, dim, lambda n: n // 2)


@composed(samples=[case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 5)), dim=(0, 1))])
def ifftshift(x: Any, dim: Any = None) -> Tensor:
    """The inverse of ``fftshift``: the frequency 0 moved back to the front."""
    return _rolled(x, dim, lambda n: -(n // 2))


numpy_function(np.fft.fftshift)(lambda x, axes=None: fftshift(x, axes))
numpy_function(np.fft.ifftshift)(lambda x, axes=None: ifftshift(x, axes))
numpy_function(np.fft.fftn)(lambda a, s=None, axes=None, norm=None: fftn(a, s, axes, norm))
numpy_function(np.fft.ifftn)(lambda a, s=None, axes=None, norm=None: ifftn(a, s, axes, norm))
numpy_function(np.fft.rfftn)(lambda a, s=None, axes=None, norm=None: rfftn(a, s, axes, norm))
numpy_function(np.fft.irfftn)(lambda a, s=None, axes=None, norm=None: irfftn(a, s, axes, norm))
numpy_function(np.fft.fft2)(lambda a, s=None, axes=(-2, -1), norm=None: fftn(a, s, axes, norm))
numpy_function(np.fft.ifft2)(lambda a, s=None, axes=(-2, -1), norm=None: ifftn(a, s, axes, norm))
numpy_function(np.fft.rfft2)(lambda a, s=None, axes=(-2, -1), norm=None: rfftn(a, s, axes, norm))
numpy_function(np.fft.irfft2)(lambda a, s=None, axes=(-2, -1), norm=None: irfftn(a, s, axes, norm))
