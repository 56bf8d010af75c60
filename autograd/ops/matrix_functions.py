"""Functions of matrices: powers, the exponential, norms, rank; and equations between tensors."""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op
from .._protocols import numpy_function, of_arrays
from ..errors import ArgumentError, LinAlgError, ShapeError
from ..samples import case, reals
from ._exponentials import exponential, exponential_along
from ._matrices import T, computed, require_square, square
from .arithmetic import add
from .casting import cast, clone
from .decompositions import svdvals
from .diagonals import diagonal
from .factors import replaced, singular_info
from .linear_algebra import inv, solve
from .norms import norm
from .products import matmul
from .selection import where
from .shapes import dims_of, normalized_dim, unsqueeze

if TYPE_CHECKING:
    from .._tensor import Tensor

_INF = math.inf

# ---- powers and the exponential --------------------------------------------------------------------------------------


@composed(np.linalg.matrix_power, samples=[
    *square((2, 2), n=3), *square((2, 2, 2), n=-2), *square((2, 2), n=0), *square((2, 2), n=1),
])  # fmt: skip
def matrix_power(x: Any, n: int) -> Tensor:
    """The ``n``-th power of square matrices, of their inverses for negative ``n``. Raises: ShapeError; LinAlgError."""
    require_square("matrix_power", x)
    n = index(n)
    if n < 0:
        x, n = inv(x), -n
    out = None
    while n:
        if n & 1:
            out = x if out is None else matmul(out, x)
        n >>= 1
        x = matmul(x, x) if n else x
    if out is None:
        return add(where(np.False_, x, 0.0), np.eye(x.shape[-1], dtype=x.dtype))
    return clone(out) if out is x else out


def _beside(x: Any, t: Any) -> Any:
    """The matrices ``[[x, t], [0, x]]``, whose exponentials have that of ``x`` and its change along ``t`` above."""
    above = np.concatenate([x, t], axis=-1)
    below = np.concatenate([np.zeros_like(x), x], axis=-1)
    return np.concatenate([above, below], axis=-2)


def _exponential_along_rule(g: Any, x: Any, t: Any) -> Any:
    n, zeros = x.shape[-1], np.zeros_like(x)
    d = matrix_exp_along.kernel(T(_beside(x, t)), _beside(zeros, g))
    return d[..., :n, :n] + d[..., n:, n:]


def _exponential_along_moved(t_x: Any, t_t: Any, x: Any, t: Any) -> Any:
    if t_x is None:
        return matrix_exp_along.kernel(x, t_t)
    n = x.shape[-1]
    moved = _beside(t_x, np.zeros_like(x) if t_t is None else t_t)
    return matrix_exp_along.kernel(_beside(x, t), moved)[..., :n, n:]


@op(
    x=_exponential_along_rule,
    t=lambda g, x: matrix_exp_along.kernel(T(x), g),
    jvp=_exponential_along_moved,
    promote="float",
    samples=[case(x=reals(-1, 1, shape=s), t=reals(shape=s)) for s in ((2, 2), (2, 2, 2), (1, 1), (0, 2, 2))],
)
def matrix_exp_along(x: Any, t: Any) -> Any:
    """The change of ``matrix_exp(x)`` along ``t``. Rule after I. Najfeld and T. Havel (1995)."""
    (a, dtype), (b, _) = computed(x), computed(t)
    return exponential_along(a, b).astype(dtype, copy=False)


@op(
    x=lambda g, x: matrix_exp_along.kernel(T(x), g),
    jvp=lambda t_x, x: matrix_exp_along.kernel(x, t_x),
    promote="float",
    samples=[case(x=reals(-1, 1, shape=s)) for s in ((2, 2), (2, 2, 2), (1, 1), (0, 2, 2))],
)
def matrix_exp(x: Any) -> Any:
    """The exponential of square matrices. Raises: ShapeError."""
    require_square("matrix_exp", x)
    a, dtype = computed(x)
    return exponential(a).astype(dtype, copy=False)


# ---- norms -----------------------------------------------------------------------------------------------------------


@composed(samples=[
    case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 3), avoid=(0.0,)), ord=3, dim=-1, keepdim=True),
    case(x=reals(shape=(2, 3), avoid=(0.0,)), ord=1, dim=(0, 1)), case(x=reals(shape=(3,), avoid=(0.0,)), ord=_INF),
])  # fmt: skip
def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm ``sum(|x|**ord) ** (1/ord)`` of vectors along ``dim``, or of all elements; its gradient at 0 is 0.

    Raises: DtypeError for integers; BoundsError for ``ord=inf`` or a negative one over nothing.
    """
    return norm(x, ord, dim, keepdim, dtype)


_MATRIX_NORMS = ("fro", None, "nuc", 1, -1, 2, -2, _INF, -_INF)


def _apart(a: Any) -> Any:
    return a * 0.2 + np.array([[4.0, 0.0, 0.0], [0.0, 2.0, 0.0]])


@composed(samples=[
    case(x=reals(shape=(2, 3), make=_apart, avoid=(0.0,)), ord=order)
    for order in ("fro", "nuc", 2, -2, 1, -1, _INF, -_INF)
] + [
    case(x=reals(shape=(2, 2, 3)), dim=(0, 2), keepdim=True),
    case(x=reals(shape=(3, 2, 2), avoid=(0.0,)), ord=1, dim=(1, 0), keepdim=True),
])  # fmt: skip
def matrix_norm(x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of matrices; its gradient at 0 is 0.

    Args:
        x: matrices.
        ord: "fro" (root of the sum of squares), "nuc" (sum of the singular values), 2 and -2 (largest and smallest
            singular value), 1 and -1 (largest and smallest column sum of magnitudes), inf and -inf (of rows).
        dim: the dimensions of rows and columns.
        keepdim: keep them with size 1.
        dtype: to compute in.

    The norms of a matrix without elements are 0, but for the negative ones, which do not exist.

    Raises: ShapeError; BoundsError for a negative one of nothing; ValueError for another ``ord``.
    """
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: expected matrices, got shape {tuple(x.shape)}; vector_norm takes any shape")
    if len(dims_of(dim)) != 2:
        raise ShapeError(f"matrix_norm: expected two dimensions, of rows and columns, got dim={dim!r}")
    out: Any
    rows, columns = [normalized_dim(d, x.ndim) for d in dim]
    if rows == columns:
        raise ShapeError(f"matrix_norm: dim {tuple(dim)} names one dimension twice; rows and columns must differ")
    if ord not in _MATRIX_NORMS:
        raise ArgumentError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    if ord in ("fro", None):
        return norm(x, 2, (rows, columns), keepdim, dtype)
    if ord == "nuc" or abs(ord) == 2:
        values = svdvals(np.moveaxis(x if dtype is None else x.astype(dtype), (rows, columns), (-2, -1)))
        nothing = ord == 2 and not values.shape[-1]
        out = norm(values, 1 if ord == "nuc" or nothing else math.copysign(_INF, ord), -1)
    else:
        along, across = (rows, columns) if abs(ord) == 1 else (columns, rows)
        nothing = ord > 0 and not x.shape[across]
        out = norm(norm(x, 1, along, True, dtype), 1 if nothing else math.copysign(_INF, ord), across, True)
        return out if keepdim else np.squeeze(out, (rows, columns))
    if keepdim:
        out = np.expand_dims(out, (rows, columns))
    return out


@composed(np.linalg.norm, samples=[
    case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 3), make=_apart, avoid=(0.0,)), ord=1),
    case(x=reals(shape=(2, 3), avoid=(0.0,)), ord=1, dim=0), case(x=reals(shape=(3,)), ord=2, keepdim=True),
])  # fmt: skip
def linalg_norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``linalg.norm``: a vector norm, or a matrix norm where ``ord`` and two dimensions say so.

    Its gradient at 0 is 0. Raises: as the two.
    """
    if isinstance(dim, (tuple, list)) and len(dim) > 2:
        raise ShapeError(f"norm: one dimension for a vector norm, or two for a matrix norm, got dim={dim}")
    if ord is None:
        return norm(x, 2, dim, keepdim, dtype)
    if dim is None and x.ndim not in (1, 2):
        raise ShapeError(f"norm: ord={ord!r} needs a vector or a matrix, or dim=, got shape {tuple(x.shape)}")
    pair = x.ndim == 2 if dim is None else isinstance(dim, (tuple, list)) and len(dim) == 2
    if pair or isinstance(ord, str):
        return matrix_norm(x, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(x, ord, dim, keepdim, dtype=dtype)


@numpy_function(np.linalg.vector_norm)
def _numpy_vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return vector_norm(x, ord, axis, keepdims)


@numpy_function(np.linalg.matrix_norm)
def _numpy_matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return matrix_norm(x, ord, (-2, -1), keepdims)


@composed(np.linalg.cond, samples=[
    *square((2, 2), make=lambda a: a * 0.2 + np.diag([4.0, 2.0])), *square((2, 2), p="fro"), *square((2, 2), p=1),
    case(x=reals(shape=(2, 3), make=_apart), p=-2),
])  # fmt: skip
def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number: the norm of a matrix times that of its inverse (2-norm if ``p`` is None), 0 of nothing.

    That of a singular matrix is infinite. Raises: ShapeError.
    """
    if not (x.shape[-1] and x.shape[-2]):
        return np.sum(np.abs(x), axis=(-2, -1))
    if p is None or p in (2, -2):
        values = svdvals(x)
        return values[..., 0] / values[..., -1] if p != -2 else values[..., -1] / values[..., 0]
    require_square("cond", x)
    try:
        return matrix_norm(x, p) * matrix_norm(inv(x), p)
    except LinAlgError:
        singular = singular_info(x) != 0
        regular = replaced(x, singular)[1]
        return where(singular, _INF, matrix_norm(regular, p) * matrix_norm(inv(regular), p))


@op(constants=("tol", "atol", "rtol"), samples=square((2, 2), (3, 2, 2)))
def matrix_rank(x: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """How many singular values exceed ``max(atol, rtol * largest)`` (``rtol``: eps times the larger dimension).

    Not differentiable.
    """
    a, _ = computed(x)
    atol = tol if atol is None else atol
    if a.dtype.kind not in "fc":
        a = a.astype(np.float64)
    values = np.abs(np.linalg.eigvalsh(a)) if hermitian else np.linalg.svd(a, compute_uv=False)
    if rtol is None:
        rtol = max(a.shape[-2:]) * float(np.finfo(values.dtype).eps) if atol is None else 0.0
    largest = np.max(values, axis=-1, keepdims=True, initial=0)
    bound = np.maximum(0.0 if atol is None else np.expand_dims(atol, -1), np.expand_dims(rtol, -1) * largest)
    return np.sum(values > bound, axis=-1)


@numpy_function(np.linalg.matrix_rank)
def _numpy_matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if tol is not None and rtol is not None:
        raise ArgumentError("matrix_rank: give tol or rtol, not both")
    return matrix_rank(A, tol, hermitian, rtol=rtol)


@composed(np.linalg.diagonal, samples=[case(x=reals(shape=(2, 3))), case(x=reals(shape=(2, 2, 2)), offset=1)])
def matrix_diagonal(x: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """``linalg.diagonal``: the diagonals of matrices, as the last dimension: a view. Raises: ShapeError."""
    return diagonal(x, offset, dim1, dim2)


# ---- matrices of powers, equations between tensors -------------------------------------------------------------------


@composed(samples=[case(x=reals(shape=(3,))), case(x=reals(shape=(2, 2)), N=3), case(x=reals(shape=(2,)), N=1)])
def vander(x: Any, N: int | None = None) -> Tensor:
    """``linalg.vander``: the powers ``x**0`` to ``x**(N-1)`` in a new last dimension (``N`` as many as elements)."""
    if not x.ndim:
        x = unsqueeze(x, 0)
    if x.dtype.kind in "biu":
        x = cast(x, dtypes.int64)
    n = x.shape[-1] if N is None else index(N)
    column = unsqueeze(x, -1)
    powers: list[Any] = [np.ones_like(column)]
    for _ in range(n - 1):
        powers.append(powers[-1] * column)
    joined: Any = np.concatenate(powers[: n or None], axis=-1)
    return joined if n else joined[..., :0]


@composed(samples=[case(x=reals(shape=(3,))), case(x=reals(shape=(3,)), N=2, increasing=True)])
def vander_of_vector(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """``autograd.vander``: the powers of a vector's elements in columns, the highest first. Raises: ShapeError."""
    if x.ndim != 1:
        raise ShapeError(f"vander: expected a vector (1-d), got shape {tuple(x.shape)}; linalg.vander takes batches")
    out: Any = vander(x, N)
    return out if increasing else np.flip(out, 1)


numpy_function(np.vander)(lambda x, N=None, increasing=False: vander_of_vector(x, N, increasing))


def _square_up(name: str, x: Any, split: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first ``split`` and the other dimensions, whose products must be equal."""
    first, second = tuple(x.shape[:split]), tuple(x.shape[split:])
    if math.prod(first) != math.prod(second):
        raise ShapeError(f"{name}: the dimensions {first} and {second} of {tuple(x.shape)} have different products")
    return first, second


def _as_square(a: Any) -> Any:
    return a * 0.3 + np.reshape(np.eye(4) * 2, (2, 2, 4))


@composed(np.linalg.tensorinv, samples=case(x=reals(shape=(2, 2, 4), make=_as_square)))
def tensorinv(x: Any, ind: int = 2) -> Tensor:
    """The inverse of ``x`` as a map from its last dimensions to its first ``ind``. Raises: ShapeError; LinAlgError."""
    if ind < 1:
        raise ShapeError(f"tensorinv: ind must be at least 1, got {ind}")
    first, second = _square_up("tensorinv", x, ind)
    n = math.prod(first)
    inverse: Any = np.reshape(inv(np.reshape(x, (n, n))), (*second, *first))
    return inverse


@composed(samples=case(x=reals(shape=(2, 2, 4), make=_as_square), y=reals(shape=(2, 2))))
def tensorsolve(x: Any, y: Any, dims: tuple[int, ...] | None = None) -> Tensor:
    """The solution of ``tensordot(x, out, out.ndim) = y``; ``dims`` of ``x`` are moved to its end first.

    Raises: ShapeError; LinAlgError.
    """
    if dims is not None:
        x = np.moveaxis(x, dims, tuple(range(-len(dims), 0)))
    _, second = _square_up("tensorsolve", x, y.ndim)
    n = math.prod(second)
    solution: Any = np.reshape(solve(np.reshape(x, (n, n)), np.reshape(y, (n,))), second)
    return solution


numpy_function(np.linalg.tensorsolve)(of_arrays(lambda a, b, axes=None: tensorsolve(a, b, axes)))
