"""The parts of complex numbers: real, imag, conj, angle.

Shape: as the input. The rules are plain transposes, as in every op: conjugates enter only where the function itself
is not holomorphic.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import op
from .._protocols import numpy_function
from ..samples import as_complex, elementwise, reals

if TYPE_CHECKING:
    from .._tensor import Tensor

_SAMPLES = [reals(), elementwise(x=reals(make=as_complex))]


@op(np.real, x=lambda g: g, view="the tensor is the real part of another one", jvp="symmetric", samples=_SAMPLES)
def real(x: Any) -> Any:
    """The real part, a view; of a real tensor the tensor itself."""
    return np.real(x)


@op(
    np.imag,
    x=lambda g: g * -1j,
    view="the tensor is the imaginary part of another one",
    jvp="symmetric",
    samples=_SAMPLES[1],
)
def imag(x: Any) -> Any:
    """The imaginary part, a view.

    Raises:
        DtypeError: ``x`` is not complex.
    """
    if x.dtype.kind != "c":
        raise TypeError(f"a tensor of dtype {x.dtype} has no imaginary part")
    return np.imag(x)


@numpy_function(np.imag)
def _numpy_imag(val: Any) -> Any:
    return imag(val) if val.dtype.kind == "c" else np.zeros_like(val)


@op(np.conjugate, x=lambda g: np.conj(g), samples=reals())
def conj(x: Any) -> Any:
    """The complex conjugate; of a real tensor a copy."""
    return np.conj(x) if x.dtype.kind == "c" else np.array(x, subok=True)


def resolve_conj(x: Any) -> Tensor:
    """``x`` itself: here a conjugate is computed at once."""
    return x


def resolve_neg(x: Any) -> Tensor:
    """``x`` itself: here a negative is computed at once."""
    return x


def _angle_rule(g: Any, x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.zeros_like(g)
    origin = x == 0
    return np.where(origin, 0, g * -1j / np.where(origin, 1, x))


@op(np.angle, x=_angle_rule, promote="float", jvp="symmetric", samples=[
    reals(avoid=(0.0,)), elementwise(x=reals(make=lambda a: a + (4 - 1j))),
])  # fmt: skip
def angle(x: Any) -> Any:
    """The angle of a complex number, in [-pi, pi]; pi for negative real numbers, else 0 (nan for nan)."""
    if x.dtype.kind == "c":
        return np.angle(x)
    return (x < 0) * x.dtype.type(math.pi) + np.minimum(np.abs(x), 0)  # which is 0, or nan


@numpy_function(np.angle)
def _numpy_angle(z: Any, deg: bool = False) -> Any:
    return angle(z) * (180 / math.pi) if deg else angle(z)


conj_physical = conj
