"""The pseudo-inverse, and least squares.

Shape, of every op here: matrices are the last two dimensions, those before are a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function, of_arrays
from ..engine.foreign import everywhere
from ..engine.nodes import Handle, new_tensor
from ..errors import ShapeError
from ..return_types import named_tuple
from ..samples import case, reals
from ._matrices import H, computed, conj, square
from .casting import astype
from .decompositions import svdvals
from .products import matmul
from .shapes import also_named

if TYPE_CHECKING:
    from .._tensor import Tensor


def _pinv_rule(g: Any, x: Any, out: Any) -> Any:
    g, p = conj(g), H(out)
    left = g - np.matmul(np.matmul(g, x), out)  # g (I - x out)
    right = g - np.matmul(out, np.matmul(x, g))  # (I - out x) g
    d = np.matmul(np.matmul(H(left), out), p) + np.matmul(p, np.matmul(out, H(right)))
    return conj(d - np.matmul(np.matmul(p, g), p))


def _pinv_along(t_x: Any, x: Any, out: Any) -> Any:
    t, p = H(t_x), H(out)
    left = np.matmul(np.matmul(out, p), t - np.matmul(np.matmul(t, x), out))
    right = np.matmul(t - np.matmul(out, np.matmul(x, t)), np.matmul(p, out))
    return left + right - np.matmul(np.matmul(out, t_x), out)


@op(
    x=_pinv_rule,
    jvp=_pinv_along,
    constants=("rtol", "atol"),
    refused=("rtol", "atol"),
    promote="float",
    samples=[case(x=reals(shape=s, make=lambda a: a + np.eye(*a.shape[-2:]) * 5)) for s in ((3, 2), (2, 3), (2, 2, 2))],
)
def pinv(x: Any, rtol: Any = None, *, atol: float | None = None, hermitian: bool = False) -> Any:
    """The pseudo-inverse (Moore, Penrose) of matrices of any shape.

    Args:
        x: matrices.
        rtol: singular values up to ``rtol`` times the largest count as 0 (default: eps times the larger dimension).
        atol: singular values up to this count as 0; the larger of the two bounds holds.
        hermitian: ``x`` is symmetric (Hermitian), which is faster. Of another matrix the result makes no sense.

    The derivative supposes that the rank does not change (G. Golub, V. Pereyra, 1973). Raises: ShapeError.
    """
    a, dtype = computed(x)
    if atol is not None:
        largest = np.linalg.norm(a, 2, axis=(-2, -1)) if a.size else np.zeros(a.shape[:-2], a.dtype)
        rtol = np.maximum(atol / np.where(largest == 0, 1, largest), 0 if rtol is None else rtol)
    elif rtol is None:
        rtol = max(a.shape[-2:], default=0) * float(np.finfo(a.dtype).eps)
    return np.linalg.pinv(a, rtol=rtol, hermitian=hermitian).astype(dtype, copy=False)


@numpy_function(np.linalg.pinv)
def _numpy_pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return pinv(a, rcond if rtol is None else rtol, hermitian=hermitian)


@composed(samples=square((3, 3)))
def pinverse(x: Any, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse, with PyTorch's older name and tolerance."""
    return pinv(x, rcond)


_Found = named_tuple("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))


@also_named(input="x", b="y")
def lstsq(x: Any, y: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The solution of ``x @ out = y`` in the least-squares sense, of least norm if there are many.

    Args:
        x: matrices.
        y: the right-hand sides, matrices or one vector.
        rcond: singular values up to ``rcond`` times the largest count as 0.
        driver: accepted as PyTorch's; the computation is always by singular values.

    Returns:
        ``(solution, residuals, rank, singular_values)``; all but the rank have gradients. Residuals are empty unless
        all columns of ``x`` are independent and fewer than its rows. All four are there whatever the driver, of
        which PyTorch's usual one leaves out the residuals and the singular values.

    Raises: ShapeError.
    """
    if x.dtype.kind in "biu":
        x = astype(x, y.dtype)
    vector = y.ndim == 1
    right = np.expand_dims(y, -1) if vector else y
    if x.ndim < 2 or x.shape[-2] != right.shape[-2]:
        raise ShapeError(
            f"lstsq: a matrix of shape {tuple(x.shape)} does not fit a right-hand side of shape {tuple(y.shape)}"
        )
    rows, columns = x.shape[-2:]
    singular = svdvals(x)
    values = singular._data if isinstance(singular, Handle) else singular
    bound = (max(rows, columns) * float(np.finfo(values.dtype).eps) if rcond is None else rcond) * values[..., :1]
    rank = np.sum(values > bound, axis=-1)
    solution = matmul(pinv(x, rcond), right)
    residuals = new_tensor(np.zeros(0, values.dtype))
    if rows > columns and everywhere(rank == columns):
        error = matmul(x, solution) - right
        residuals = np.sum(np.square(np.abs(error)), axis=-2)
    solution = solution[..., 0] if vector else solution
    return _Found(solution, residuals, new_tensor(np.reshape(rank, values.shape[:-1])), singular)


numpy_function(np.linalg.lstsq)(of_arrays(lstsq))
