"""Complex numbers from pairs of real ones, and back.

The rules are plain transposes, as in every op (see ``complexes``): of ``a + bi`` the gradient reaches ``b`` times i, of
which the engine takes the real part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from ..engine.foreign import require_plain
from ..errors import DtypeError, ShapeError
from ..samples import as_complex, case, elementwise, reals
from .complexes import imag as imag_of
from .complexes import real as real_of
from .indexing import with_item

if TYPE_CHECKING:
    from .._tensor import Tensor


def _require_pair(name: str, first: str, x: Any, second: str, y: Any) -> None:
    """Raise DtypeError unless both are real floating arrays of one dtype."""
    for label, value in ((first, x), (second, y)):
        if not hasattr(value, "dtype"):
            raise DtypeError(f"{name}: '{label}' must be a tensor, got {value!r}; use autograd.full_like, say")
    if x.dtype.kind not in "fV" or x.dtype != y.dtype:
        raise DtypeError(
            f"{name}: '{first}' and '{second}' must be floating tensors of one dtype, got {x.dtype} and {y.dtype}; "
            "convert them first, with .float() or .double()"
        )


@op(real=lambda g: g, imag=lambda g: g * 1j, jvp="symmetric", samples=elementwise(real=reals(), imag=reals()))
def complex_(real: Any, imag: Any) -> Any:
    """The complex numbers ``real + i * imag``; float16 gives complex64. Raises: DtypeError."""
    _require_pair("complex", "real", real, "imag", imag)
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    dtype = np.complex128 if real.dtype.itemsize == 8 else np.complex64
    out = np.empty(shape, dtype, like=np.asanyarray(real))
    np.real(out)[...] = real
    np.imag(out)[...] = imag
    return out


def _unit(angle: Any) -> Any:
    """The complex number of magnitude 1 at an angle."""
    return complex_.kernel(np.cos(angle), np.sin(angle))


@op(
    abs=lambda g, angle: g * _unit(angle),
    angle=lambda g, out: g * out * 1j,
    jvp="symmetric",
    samples=elementwise(abs=reals(), angle=reals()),
)
def polar(abs: Any, angle: Any) -> Any:
    """The complex numbers of a magnitude and an angle; float16 gives complex64.

    The magnitude may be zero or negative; its derivative is then that of the formula, ``exp(i * angle)``, where
    PyTorch has 0 and the opposite.

    Raises: DtypeError.
    """
    _require_pair("polar", "abs", abs, "angle", angle)
    if abs.dtype.itemsize == 2:
        abs, angle = abs.astype(np.float32), angle.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return complex_.op.forward(abs * np.cos(angle), abs * np.sin(angle))


_PARTS = [
    case(x=reals(shape=(2, 3), make=as_complex), value=reals(shape=(2, 3))),
    case(x=reals(shape=(2,), make=as_complex), value=reals(shape=())),
]


@composed(inputs=("x", "value"), samples=[*_PARTS, case(x=reals(shape=(2,)), value=reals(shape=(2,)))])
def set_real(x: Any, value: Any) -> Tensor:
    """``x`` with ``value``, which broadcasts, as its real part: what ``x.real = value`` writes."""
    if x.dtype.kind != "c":
        return with_item(x, value, ...)
    return complex_(with_item(real_of(x), value, ...), imag_of(x))


@composed(inputs=("x", "value"), samples=_PARTS)
def set_imag(x: Any, value: Any) -> Tensor:
    """``x`` with ``value``, which broadcasts, as its imaginary part. Raises: TypeError if ``x`` is not complex."""
    return complex_(real_of(x), with_item(imag_of(x), value, ...))


@op(
    x=lambda g: g[..., 0] - g[..., 1] * 1j,
    view="the tensor holds the parts of a complex one",
    jvp="linear",
    samples=[case(x=reals(shape=shape, make=as_complex)) for shape in ((2, 3), (), (0, 2))],
)
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs of real ones, real part first, along a new last dimension: a view.

    Raises: DtypeError if ``x`` is not complex.
    """
    if x.dtype.kind != "c":
        raise DtypeError(f"view_as_real: expected complex numbers, got {x.dtype}")
    require_plain(x)
    return np.asanyarray(x)[..., None].view(np.float64 if x.itemsize == 16 else np.float32)


@op(
    x=lambda g: np.stack((g, g * 1j), -1),
    view="the tensor is made of the parts of another one",
    jvp="linear",
    samples=[case(x=reals(shape=shape)) for shape in ((2, 3, 2), (2,), (0, 2))],
)
def view_as_complex(x: Any) -> Any:
    """Pairs of real numbers, along the last dimension, as complex ones; a view where the pairs lie together.

    Raises: ShapeError if the last dimension is not of size 2; DtypeError if ``x`` is not of float32 or float64.
    """
    if not x.ndim or x.shape[-1] != 2:
        raise ShapeError(f"view_as_complex: expected a last dimension of size 2, got shape {tuple(x.shape)}")
    if x.dtype.kind not in "fV":
        raise DtypeError(f"view_as_complex: expected floating numbers, got {x.dtype}")
    require_plain(x)
    if x.dtype.itemsize > 2 and x.strides[-1] == x.itemsize:
        return x.view(np.complex128 if x.itemsize == 8 else np.complex64)[..., 0]
    return complex_.op.forward(x[..., 0], x[..., 1])
