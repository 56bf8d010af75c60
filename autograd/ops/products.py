"""Matrix and tensor products.

Two dtypes are promoted to their common one, also two float dtypes, where PyTorch raises. Wrong shapes raise
ShapeError, which names both shapes and the likely transpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._operands import setting
from .._protocols import numpy_function, of_arrays
from ..engine.failures import explained
from ..engine.many_products import SOME, are_some, many_products
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic
from ._matrices import conj, integer_product, spread_beside
from .selection import where
from .shapes import also_named, normalized_dim, shape_of

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- the matrix product and its cases ------------------------------------------------------------------------------


def flat(x: Any) -> Any:
    """``x`` as a matrix, all leading dimensions in one."""
    return np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _vector(g: Any) -> Any:
    """``g`` as a vector in memory of its own: one that is broadcast, as the gradient of a sum, BLAS does not take."""
    return np.positive(np.reshape(g, -1))


def _left(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    """The gradient of the first factor of a matrix product."""
    if y.ndim == 1:
        return (g if len(x_shape) == 1 else np.expand_dims(g, -1)) * y
    if len(x_shape) == 1:
        return np.matmul(y, _vector(g)) if y.ndim == 2 else np.matmul(y, np.expand_dims(g, -1))[..., 0]
    if y.ndim == 2 < g.ndim:
        return np.reshape(np.matmul(flat(g), y.T), (*g.shape[:-1], y.shape[0]))
    return matmul.kernel(g, y.mT) if are_some(g.shape) else np.matmul(g, y.mT)


def _right(g: Any, x: Any, y_shape: tuple[int, ...]) -> Any:
    """The gradient of the second factor of a matrix product."""
    if len(y_shape) == 1:
        return x * g if x.ndim == 1 else np.matmul(_vector(g), flat(x))
    if x.ndim == 1:
        return np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if len(y_shape) == 2 < x.ndim:  # one product over all batches, instead of many and their sum
        return np.matmul(flat(x).T, flat(g))
    return matmul.kernel(x.mT, g) if are_some(g.shape) else np.matmul(x.mT, g)


_SHAPES = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)), ((2, 1, 2, 2), (3, 2, 1)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)),
]  # fmt: skip


@op(
    np.matmul,
    x=_left,
    y=_right,
    promote="common",
    jvp="multilinear",
    samples=[case(x=reals(shape=x), y=reals(shape=y)) for x, y in _SHAPES],
)
def matmul(x: Any, y: Any) -> Any:
    """The matrix product ``x @ y`` of vectors, matrices or batches of matrices (which broadcast).

    Shape: ``(..., n, k), (..., k, m) -> (..., n, m)``; a 1-d ``x`` counts as a row, a 1-d ``y`` as a column, and the
    result lacks that dimension.

    Raises: ShapeError.
    """
    if y.ndim == 2 < x.ndim and x.shape[-1] == y.shape[0]:  # one product instead of one for each batch
        return matmul.op.forward(flat(x), y).reshape(*x.shape[:-1], y.shape[1])
    if y.dtype.kind in "iub":
        return integer_product(x, y)
    return np.matmul(x, y) if x.ndim < 3 or x.size < SOME else many_products(x, y)


def rmatmul(y: Any, x: Any) -> Tensor:
    """``x @ y``, as Python asks the second operand for it."""
    return matmul.op.operator(x, y)


def _expect(name: str, ranks: tuple[int, ...], *operands: Any) -> None:
    """Raise ShapeError unless the operands have these numbers of dimensions."""
    shapes = [tuple(item.shape) if hasattr(item, "shape") else np.shape(item) for item in operands]
    if any(len(shape) != rank for shape, rank in zip(shapes, ranks, strict=True)):
        wanted = " and ".join(
            {1: "a vector", 2: "a matrix", 3: "a batch of matrices"}[rank] + f" ({rank}-d)" for rank in ranks
        )
        raise ShapeError(
            f"{name}: expected {wanted}, got shapes {' and '.join(map(str, shapes))}; matmul (x @ y) takes any number "
            "of dimensions"
        )


@also_named(mat2="y")
@composed(samples=case(x=reals(shape=(2, 3)), y=reals(shape=(3, 2))))
def mm(x: Any, y: Any) -> Tensor:
    """The product of two matrices. ``(n, k), (k, m) -> (n, m)``. Raises: ShapeError."""
    _expect("mm", (2, 2), x, y)
    return matmul(x, y)


@also_named(mat2="y")
@composed(samples=case(x=reals(shape=(2, 2, 3)), y=reals(shape=(2, 3, 2))))
def bmm(x: Any, y: Any) -> Tensor:
    """The products of two batches of matrices. ``(b, n, k), (b, k, m) -> (b, n, m)``. Raises: ShapeError."""
    _expect("bmm", (3, 3), x, y)
    if x.shape[0] != y.shape[0]:
        raise ShapeError(f"bmm: the batches of {x.shape} and {y.shape} differ; matmul (x @ y) broadcasts them")
    return matmul(x, y)


@also_named(vec="y")
@composed(samples=case(x=reals(shape=(2, 3)), y=reals(shape=(3,))))
def mv(x: Any, y: Any) -> Tensor:
    """A matrix times a vector. ``(n, k), (k,) -> (n,)``. Raises: ShapeError."""
    _expect("mv", (2, 1), x, y)
    return matmul(x, y)


@also_named(tensor="y")
@composed(samples=case(x=reals(shape=(3,)), y=reals(shape=(3,))))
def dot(x: Any, y: Any) -> Tensor:
    """The dot product of two vectors, without conjugating. Raises: ShapeError."""
    _expect("dot", (1, 1), x, y)
    return matmul(x, y)


@composed(samples=case(x=reals(shape=(3,)), y=reals(shape=(3,))))
def vdot(x: Any, y: Any) -> Tensor:
    """The dot product of two vectors, the first conjugated. Raises: ShapeError."""
    _expect("vdot", (1, 1), x, y)
    return matmul(np.conj(x), y) if np.iscomplexobj(x) else matmul(x, y)


@also_named(vec2="y")
@op(
    x=lambda g, y: np.matmul(g, y),
    y=lambda g, x: np.matmul(x, g),
    promote="common",
    jvp="multilinear",
    samples=[case(x=reals(shape=(2,)), y=reals(shape=(3,))), case(x=reals(shape=(0,)), y=reals(shape=(3,)))],
)
def outer(x: Any, y: Any) -> Any:
    """The products of all pairs of elements of two vectors. ``(n,), (m,) -> (n, m)``. Raises: ShapeError."""
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"outer: expected two vectors (1-d), got shapes {x.shape} and {y.shape}; flatten them first")
    return np.expand_dims(x, 1) * y


@op(
    x=lambda g, x_shape, y, dim: conj(np.expand_dims(g, dim) * spread_beside(y, x_shape)),
    y=lambda g, x, y_shape, dim: np.expand_dims(g, dim) * conj(spread_beside(x, y_shape)),
    promote="common",
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 3))), case(x=reals(shape=(3,)), y=reals(shape=(2, 3))),
        case(x=reals(shape=(2, 1)), y=reals(shape=(2, 3)), dim=-2), case(x=reals(shape=(3, 0)), y=reals(shape=(3, 0))),
        case(x=reals(shape=(2,)), y=reals(shape=(2, 2))), case(x=reals(shape=(2, 3, 2)), y=reals(shape=(3, 2)), dim=0),
    ],
)  # fmt: skip
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The dot products ``sum(conj(x) * y, dim)`` along ``dim`` of the broadcast shape. Raises: ShapeError."""
    if x.shape != y.shape:
        x, y = np.broadcast_arrays(x, y)
    return np.vecdot(x, y, axis=dim)  # type: ignore[call-overload] # the stubs lack axis


@op(
    x=lambda g, y, dim: cross.kernel(y, g, dim),
    y=lambda g, x, dim: cross.kernel(g, x, dim),
    promote="common",
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 3))), case(x=reals(shape=(3,)), y=reals(shape=(3,)), dim=-1),
        case(x=reals(shape=(3, 2)), y=reals(shape=(3, 1)), dim=0), case(x=reals(shape=(0, 3)), y=reals(shape=(0, 3))),
    ],
)  # fmt: skip
def cross(x: Any, y: Any, dim: int | None = None) -> Any:
    """The cross products of 3-vectors along ``dim`` (default: the first dimension of size 3). Raises: ShapeError."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    if dim is None:
        dim = shape.index(3) - len(shape) if 3 in shape else None
    if dim is None or shape[dim] != 3 or x.ndim != y.ndim:
        where = "any dimension" if dim is None else f"dimension {dim}"
        raise ShapeError(f"cross: {where} of {x.shape} and {y.shape} must have size 3, and both as many dimensions")
    return np.cross(x, y, axis=dim)


@composed(np.linalg.cross, samples=case(x=reals(shape=(3, 3)), y=reals(shape=(3, 3))))
def cross_along(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """``linalg.cross``: the cross products of 3-vectors along ``dim``. Raises: ShapeError."""
    return cross(x, y, dim)


# ---- tensor products -----------------------------------------------------------------------------------------------


def _axes(dims: Any, ndim: int) -> tuple[list[int], list[int]]:
    """The two lists of dimensions that ``dims`` names."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
        while isinstance(dims, list) and len(dims) == 1:  # a tensor of one element is a number
            dims = dims[0]
    if isinstance(dims, int):
        if dims < 0:
            raise ShapeError(f"tensordot: the number of dimensions must not be negative, got {dims}")
        return list(range(ndim - dims, ndim)), list(range(dims))
    if not isinstance(dims, (list, tuple)) or len(dims) != 2:
        raise ArgumentError(f"tensordot: dims must be a number or two lists of dimensions, got {dims}")
    first, second = dims
    as_list = [[item] if isinstance(item, int) else [int(i) for i in item] for item in (first, second)]
    return as_list[0], as_list[1]


def _summed(x: Any, dims: list[int]) -> Any:
    """``x`` summed over ``dims``, which stay with size 1."""
    return np.sum(x, axis=tuple(dims), dtype=x.dtype, keepdims=True) if dims else x


@also_named(a="x", b="y")
@composed(samples=[
    case(x=reals(shape=(2, 3)), y=reals(shape=(3, 2)), dims=1),
    case(x=reals(shape=(2, 3)), y=reals(shape=(2, 3)), dims=2),
    case(x=reals(shape=(2, 3, 2)), y=reals(shape=(2, 3)), dims=([1, 0], [1, 0])),
    case(x=reals(shape=(2,)), y=reals(shape=(3,)), dims=0),
    case(x=reals(shape=(2, 3)), y=reals(shape=(3, 2)), dims=([-1], [0])),
])  # fmt: skip
def tensordot(x: Any, y: Any, dims: Any = 2) -> Tensor:
    """Sum of products over the dimensions ``dims``: a number (the last of ``x``, the first of ``y``) or two lists.

    Raises:
        ShapeError: the sizes of these dimensions differ.
        ArgumentError: ``dims`` is something else.
    """
    mine, theirs = _axes(dims, x.ndim)
    mine, theirs = [normalized_dim(d, x.ndim) for d in mine], [normalized_dim(d, y.ndim) for d in theirs]
    inner = [x.shape[d] for d in mine]
    if len(mine) == len(theirs):  # PyTorch broadcasts here
        x = _summed(x, [d for d, e in zip(mine, theirs, strict=True) if y.shape[e] == 1 != x.shape[d]])
        y = _summed(y, [e for d, e in zip(mine, theirs, strict=True) if x.shape[d] == 1 != y.shape[e]])
        inner = [x.shape[d] for d in mine]
    if inner != [y.shape[d] for d in theirs]:
        raise ShapeError(f"tensordot: dimensions {mine} of {x.shape} and {theirs} of {y.shape} differ in size")
    rows, columns = [d for d in range(x.ndim) if d not in mine], [d for d in range(y.ndim) if d not in theirs]
    size = math.prod(inner)
    outside = (*[x.shape[d] for d in rows], *[y.shape[d] for d in columns])
    m, n = (math.prod([item.shape[d] for d in free]) for item, free in ((x, rows), (y, columns)))
    product = matmul(
        np.reshape(np.transpose(x, [*rows, *mine]), (m, size)),
        np.reshape(np.transpose(y, [*theirs, *columns]), (size, n)),
    )
    found: Any = np.reshape(product, outside)
    return found


@composed(samples=[
    case(x=reals(shape=(2, 3)), y=reals(shape=(2, 2, 3))), case(x=reals(shape=(3,)), y=reals(shape=(3,))),
    case(x=reals(shape=()), y=reals(shape=(2,))),
])  # fmt: skip
def inner(x: Any, y: Any) -> Tensor:
    """The dot products of the vectors along the last dimensions: ``(..., k), (---, k) -> (..., ---)``.

    Raises: ShapeError.
    """
    if not x.ndim or not y.ndim:
        return arithmetic.mul(x, y)
    if x.shape[-1] != y.shape[-1]:  # size 1, too, which tensordot would broadcast
        raise ShapeError(f"inner: the last dimensions of shapes {tuple(x.shape)} and {tuple(y.shape)} must be equal")
    return tensordot(x, y, ([-1], [-1]))


@lru_cache(maxsize=256)
def _order(sizes: tuple[int, ...]) -> Any:
    """How to multiply a chain of matrices with the fewest operations: pairs, nested (dynamic programming)."""
    n = len(sizes) - 1
    best: dict[tuple[int, int], tuple[int, Any]] = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min(
                (
                    (
                        best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1],
                        (best[i, k][1], best[k + 1, j][1]),
                    )
                    for k in range(i, j)
                ),
                key=lambda found: found[0],
            )
    return best[0, n - 1][1]


@numpy_function(np.linalg.multi_dot)
@explained
def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of several matrices, multiplied in the order that needs the fewest operations.

    The first may be a row vector, the last a column vector. Raises: ShapeError.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise ShapeError(f"multi_dot: expected at least 2 tensors, got {len(tensors)}")
    for i, tensor in enumerate(tensors):
        if tensor.ndim != 2 and not (tensor.ndim == 1 and i in (0, len(tensors) - 1)):
            raise ShapeError(
                f"multi_dot: tensor {i} has shape {tensor.shape}; expected matrices (first and last may be 1-d)"
            )
    rows = [1 if t.ndim == 1 and i == 0 else t.shape[0] for i, t in enumerate(tensors)]
    last = tensors[-1]

    def multiply(tree: Any) -> Any:
        return tensors[tree] if isinstance(tree, int) else matmul(multiply(tree[0]), multiply(tree[1]))

    return multiply(_order((*rows, 1 if last.ndim == 1 else last.shape[1])))


def chain_matmul(*matrices: Any) -> Tensor:
    """The product of several matrices, multiplied in the best order (PyTorch's older name of ``linalg.multi_dot``)."""
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


# ---- products added to something -----------------------------------------------------------------------------------


def _plus(x: Any, product: Any, beta: float, alpha: float) -> Any:
    """``beta * x + alpha * product``; ``beta=0`` ignores ``x``, NaN too.

    Raises: DtypeError for integer tensors and a fraction (which PyTorch cuts off).
    """
    beta = setting("addmm", "beta", beta)
    if product.dtype.kind in "iu" and not (beta == int(beta) and alpha == int(alpha)):
        raise DtypeError(f"products of {product.dtype} tensors need integers as beta and alpha, got {beta} and {alpha}")
    if product.dtype.kind == "b":
        beta, alpha = bool(beta), bool(alpha)
    if beta != 1:
        x = arithmetic.mul(x, beta) if beta else where(np.False_, x, False)
    return arithmetic.add(x, product, alpha=alpha)


def _added(x: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], first: str, second: str) -> list[Any]:
    """Samples of ``beta * x + alpha * (a @ b)``."""
    shapes = {"x": reals(shape=x), first: reals(shape=a), second: reals(shape=b)}
    return [case(**shapes), case(**shapes, beta=0.5, alpha=-2.0), case(**shapes, beta=0)]


@composed(samples=_added((3,), (2, 2), (2, 3), "mat1", "mat2"))
def addmm(x: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * x + alpha * (mat1 @ mat2)`` of matrices. Raises: ShapeError."""
    return _plus(x, mm(mat1, mat2), beta, alpha)


@composed(samples=_added((2,), (2, 3), (3,), "mat", "vec"))
def addmv(x: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * x + alpha * (mat @ vec)``. Raises: ShapeError."""
    return _plus(x, mv(mat, vec), beta, alpha)


@composed(samples=_added((2, 3), (2,), (3,), "vec1", "vec2"))
def addr(x: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * x + alpha * outer(vec1, vec2)``. Raises: ShapeError."""
    return _plus(x, outer(vec1, vec2), beta, alpha)


@composed(samples=_added((2, 2, 2), (2, 2, 1), (2, 1, 2), "batch1", "batch2"))
def baddbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * x + alpha * (batch1 @ batch2)`` of batches of matrices. Raises: ShapeError."""
    return _plus(x, bmm(batch1, batch2), beta, alpha)


@composed(samples=_added((2, 2), (2, 2, 1), (2, 1, 2), "batch1", "batch2"))
def addbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * x + alpha * sum(batch1 @ batch2, 0)`` of batches of matrices. Raises: ShapeError."""
    _expect("addbmm", (3, 3), batch1, batch2)
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise ShapeError(f"addbmm: shapes {batch1.shape} and {batch2.shape} do not fit (b, n, k) and (b, k, m)")
    return _plus(x, tensordot(batch1, batch2, ([0, 2], [0, 1])), beta, alpha)


# ---- NumPy's forms ---------------------------------------------------------------------------------------------------


@numpy_function(np.dot)
def _numpy_dot(a: Any, b: Any) -> Any:
    rank = len(shape_of(b))
    if rank == 0 or not shape_of(a):
        return arithmetic.mul(a, b)
    if rank <= 2:
        return matmul(a, b)
    return tensordot(a, b, ([-1], [-2]))


@numpy_function(np.vdot)
def _numpy_vdot(a: Any, b: Any) -> Any:
    return vdot(np.ravel(a), np.ravel(b))


@numpy_function(np.outer, np.linalg.outer)
def _numpy_outer(a: Any, b: Any) -> Any:
    return outer(np.ravel(a), np.ravel(b))


def _numpy_cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    rank = max(a.ndim, b.ndim)
    a, b = [np.expand_dims(x, tuple(range(rank - x.ndim))) for x in (a, b)]
    crossed: Any = cross(a, b, -1)
    return np.moveaxis(crossed, -1, axisc)


numpy_function(np.cross)(of_arrays(_numpy_cross))
numpy_function(np.inner)(of_arrays(inner))


def _numpy_tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    made = tensordot(a, b, axes)
    first, second = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else axes
    sizes = [[np.shape(x)[d] for d in np.atleast_1d(dims)] for x, dims in ((a, first), (b, second))]
    if sizes[0] != sizes[1]:  # as PyTorch broadcasts dimensions of size 1
        raise ShapeError(f"tensordot: of {np.shape(a)} and {np.shape(b)} sizes {sizes[0]} and {sizes[1]} do not fit")
    return made


numpy_function(np.tensordot, np.linalg.tensordot)(of_arrays(_numpy_tensordot))


numpy_function(np.linalg.matmul)(matmul)
