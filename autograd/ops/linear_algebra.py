"""Linear algebra: inverses, determinants, equations, functions of matrices. Factorizations are in ``decompositions``.

Shape, of every op here: matrices are the last two dimensions, those before are a batch. Integers are computed in the
default float dtype; float16 is computed in float32. Rules after M. Giles, "An extended collection of matrix derivative
results for forward and reverse mode algorithmic differentiation" (2008), where no other source is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._op import composed, op
from .._protocols import numpy_function, of_arrays
from .._saving import needed_for
from ..engine.foreign import everywhere, require_plain
from ..errors import ShapeError
from ..samples import case, reals
from ._elimination import substitute
from ._matrices import H, T, computed, conj, positive_definite, require_square, square, well_conditioned
from ._small_systems import determinants, inverses, log_determinants, solutions
from .shapes import also_named

if TYPE_CHECKING:
    from .._tensor import Tensor

# ---- inverse and determinants ----------------------------------------------------------------------------------------


@op(
    np.linalg.inv,
    x=lambda g, out: -np.matmul(np.matmul(T(out), g), T(out)),
    jvp=lambda t_x, out: -np.matmul(np.matmul(out, t_x), out),
    promote="float",
    samples=square((3, 3), (2, 2, 2), (1, 1), (0, 2, 2)),
)
def inv(x: Any) -> Any:
    """The inverse of square matrices. Raises: ShapeError; LinAlgError if one is singular."""
    require_square("inv", x)
    a, dtype = computed(x)
    return inverses(a).astype(dtype, copy=False)


def _products_without(s: Any) -> Any:
    """For each pair (i, j) the product of all ``s`` but the i-th and the j-th; on the diagonal of all but one."""
    n = s.shape[-1]
    if n == 0:
        return np.zeros((*s.shape, 0), s.dtype, like=s)
    keep = np.ones((n, n, n), bool)
    i = np.arange(n)
    keep[i, :, i] = False
    keep[:, i, i] = False
    return np.prod(np.where(keep, np.expand_dims(s, (-2, -3)), 1), axis=-1)


def _products_without_one(s: Any) -> Any:
    """For each i the product of all ``s`` but the i-th."""
    return np.prod(np.where(np.eye(s.shape[-1], dtype=bool), 1, np.expand_dims(s, -2)), axis=-1)


def _in_singular_basis(x: Any) -> tuple[Any, Any, Any, Any]:
    """The phase of det(U) det(Vh), U, V (as plain transposes need them) and the singular values.

    Of a matrix with infinities or NaN, which has no such basis, the phase is NaN, and so are the derivatives.
    """
    finite = np.all(np.isfinite(x), axis=(-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, x, 0))
    phase = np.expand_dims(np.linalg.det(u) * np.linalg.det(vh), (-1, -2))
    return np.where(finite, phase, np.nan), conj(u), conj(vh), s


@op(x=lambda g, x: cofactor_change.kernel(x, g), jvp="symmetric", samples=square((3, 3), (2, 2, 2), (1, 1), (0, 2, 2)))
def cofactor(x: Any) -> Any:
    """The cofactors of square matrices, also of singular ones: the derivative of the determinant.

    Those of matrices far from singular are computed from the inverse, which is much faster than singular vectors.
    """
    a, dtype = computed(x)
    out, regular = _cofactors_by_inverse(a)
    if not everywhere(regular):
        if type(a) is np.ndarray:
            others = np.logical_not(regular[..., 0, 0])
            out[others] = _cofactors_by_basis(a[others])
        else:
            out = np.where(regular, out, _cofactors_by_basis(a))
    return out.astype(dtype, copy=False)


def _cofactors_by_basis(a: Any) -> Any:
    phase, u, vh, s = _in_singular_basis(a)
    return phase * np.matmul(u * np.expand_dims(_products_without_one(s), -2), vh)


def _cofactors_by_inverse(a: Any) -> tuple[Any, Any]:
    """The cofactors from the inverse, and (..., 1, 1) of which matrices they are: those that are far from singular."""
    with np.errstate(all="ignore"):
        limits, values = np.finfo(a.dtype), np.expand_dims(determinants(a), (-1, -2))
        size = np.abs(values)
        usable = np.logical_and(size >= limits.tiny, size <= limits.max)
        inverse = inverses(np.where(usable, a, np.eye(a.shape[-1], dtype=a.dtype)))
        first, second = [
            np.max(np.sum(np.abs(b), axis=-1, keepdims=True), axis=-2, keepdims=True, initial=0) for b in (a, inverse)
        ]
        return values * T(inverse), np.logical_and(usable, first * second <= limits.eps**-0.5)


def _third_derivative(g: Any, x: Any, y: Any) -> Any:
    b = T(inv.kernel(x))

    def trace(a: Any) -> Any:
        return np.sum(b * a, axis=(-1, -2), keepdims=True)

    ty, tg = np.matmul(np.matmul(b, T(y)), b), np.matmul(np.matmul(b, T(g)), b)
    mixed = np.sum(g * ty, axis=(-1, -2), keepdims=True)
    change = b * (trace(y) * trace(g) - mixed) - trace(g) * ty - trace(y) * tg
    change = change + np.matmul(np.matmul(ty, T(g)), b) + np.matmul(np.matmul(tg, T(y)), b)
    return np.expand_dims(det.kernel(x), (-1, -2)) * change


@op(
    x=_third_derivative,
    y=lambda g, x: cofactor_change.kernel(x, g),
    jvp="multilinear",
    samples=[case(x=reals(shape=s, make=well_conditioned), y=reals(shape=s)) for s in ((3, 3), (2, 3, 3))],
)
def cofactor_change(x: Any, y: Any) -> Any:
    """The change of the cofactors of ``x`` along ``y``, also of singular matrices (its own rule needs an inverse)."""
    a, dtype = computed(x)
    phase, u, vh, s = _in_singular_basis(a)
    products = _products_without(s)
    turned = np.matmul(np.matmul(T(u), y.astype(a.dtype, copy=False)), T(vh))
    i = np.arange(a.shape[-1])
    pairs = np.array(products, subok=True)
    pairs[..., i, i] = 0
    along = np.matmul(pairs, np.expand_dims(np.diagonal(turned, axis1=-2, axis2=-1), -1))[..., 0]
    middle = -pairs * T(turned)
    middle[..., i, i] = along
    return (phase * np.matmul(np.matmul(u, middle), vh)).astype(dtype, copy=False)


@op(
    np.linalg.det,
    x=lambda g, x: np.expand_dims(g, (-1, -2)) * cofactor.kernel(x),
    promote="float",
    samples=square((3, 3), (2, 2, 2), (1, 1), (0, 2, 2)),
)
def det(x: Any) -> Any:
    """The determinant of square matrices. First and second derivatives are exact for singular matrices too.

    Raises: ShapeError.

    >>> import autograd
    >>> autograd.linalg.det(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    require_square("det", x)
    a, dtype = computed(x)
    return determinants(a).astype(dtype, copy=False)


def _slogdet_rule(g_sign: Any, g_logabsdet: Any, x: Any, sign: Any) -> Any:
    if x.dtype.kind == "c":
        g_logabsdet = g_logabsdet + np.imag(g_sign * sign) * 1j
    return np.expand_dims(g_logabsdet, (-1, -2)) * T(inv.kernel(x))


@op(
    np.linalg.slogdet,
    x=_slogdet_rule,
    outputs=("sign", "logabsdet"),
    promote="float",
    samples=square((3, 3), (2, 2, 2), (1, 1), (0, 2, 2)),
)
def slogdet(x: Any) -> Any:
    """Sign and logarithm of the magnitude of the determinant: ``(sign, logabsdet)``.

    Raises: ShapeError; in backward LinAlgError, if a matrix is singular.
    """
    require_square("slogdet", x)
    a, dtype = computed(x)
    sign, logabsdet = log_determinants(a)
    return sign.astype(dtype, copy=False), logabsdet.astype(np.real(x).dtype, copy=False)


@composed(samples=square((3, 3), (2, 2, 2), make=positive_definite))
def logdet(x: Any) -> Tensor:
    """The logarithm of the determinant: NaN if that is negative, -inf if it is 0."""
    sign, logabsdet = slogdet(x)
    if sign.dtype.kind == "c":
        return logabsdet + np.log(sign)
    found: Any = np.where(sign < 0, np.nan, logabsdet)
    return found


# ---- equations -------------------------------------------------------------------------------------------------------


def _systems(**arguments: Any) -> list[Any]:
    shapes = [((3, 3), (3, 2)), ((2, 2, 2), (2, 2, 1)), ((2, 2), (3, 2, 2)), ((2, 2, 2), (2, 1))]
    return [case(x=reals(shape=a, make=well_conditioned), y=reals(shape=b), **arguments) for a, b in shapes]


def _right_side_along(t_x: Any, t_y: Any, out: Any) -> Any:
    """How the right-hand side of ``x @ out = y`` would move if ``x`` did not, and ``out`` as it does."""
    if t_x is None:
        return t_y
    return -np.matmul(t_x, out) if t_y is None else t_y - np.matmul(t_x, out)


@needed_for(out=("x",))
def _solve_rule(g: Any, x: Any, out: Any, needs: tuple[bool, ...]) -> tuple[Any, Any]:
    by_y = solve_.kernel(T(x), g)
    return (-np.matmul(by_y, T(out)) if needs[0] else None), (by_y if needs[1] else None)


@op(
    joint=_solve_rule,
    jvp=lambda t_x, t_y, x, out=None: solve_.kernel(x, _right_side_along(t_x, t_y, out)),
    inputs=("x", "y"),
    promote="float",
    samples=_systems(),
)
def solve_(x: Any, y: Any) -> Any:
    """The solution of ``x @ out = y`` for matrices ``y``. Raises: ShapeError; LinAlgError if one is singular."""
    require_square("solve", x)
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(f"solve: a matrix of shape {x.shape} does not fit a right-hand side of shape {y.shape}")
    (a, dtype), (b, _) = computed(x), computed(y)
    return solutions(a, b).astype(dtype, copy=False)


def is_vector(x: Any, y: Any) -> bool:
    """Whether ``y`` is a (batch of) vectors, by PyTorch's rule."""
    return y.ndim == 1 or (x.ndim - 1 == y.ndim and tuple(y.shape) == tuple(x.shape[:-1]))


@composed(samples=[
    *_systems(), case(x=reals(shape=(3, 3), make=well_conditioned), y=reals(shape=(3,))),
    case(x=reals(shape=(2, 3, 3), make=well_conditioned), y=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 2), make=well_conditioned), y=reals(shape=(3, 2)), left=False),
])  # fmt: skip
def solve(x: Any, y: Any, *, left: bool = True) -> Tensor:
    """The solution of ``x @ out = y``; of ``out @ x = y`` with ``left=False``. ``y`` may be a vector.

    Raises: ShapeError; LinAlgError if a matrix is singular.

    >>> import autograd
    >>> a = autograd.tensor([[2.0, 0.0], [0.0, 4.0]])
    >>> autograd.linalg.solve(a, autograd.tensor([1.0, 2.0]))
    tensor([0.5000, 0.5000])
    """
    if not left:
        return T(solve_(T(x), T(y)))
    if is_vector(x, y):
        return solve_(x, np.expand_dims(y, -1))[..., 0]
    return solve_(x, y)


numpy_function(np.linalg.solve)(of_arrays(lambda a, b: solve_(a, b) if b.ndim > 1 else solve(a, b)))


def _triangle(x: Any, upper: bool, unitriangular: bool) -> Any:
    k = int(unitriangular)
    return np.triu(x, k) if upper else np.tril(x, -k)


@needed_for(out=("x",))
def _solve_triangular_rule(
    g: Any, x: Any, out: Any, upper: bool, unitriangular: bool, needs: tuple[bool, ...]
) -> tuple[Any, Any]:
    by_y = solve_triangular_.kernel(T(x), g, not upper, unitriangular)
    by_x = _triangle(-np.matmul(by_y, T(out)), upper, unitriangular) if needs[0] else None
    return by_x, (by_y if needs[1] else None)


def _solve_triangular_along(t_x: Any, t_y: Any, x: Any, upper: bool, unitriangular: bool, out: Any = None) -> Any:
    t_x = None if t_x is None else _triangle(t_x, upper, unitriangular)
    return solve_triangular_.kernel(x, _right_side_along(t_x, t_y, out), upper, unitriangular)


@op(
    joint=_solve_triangular_rule,
    jvp=_solve_triangular_along,
    inputs=("x", "y"),
    promote="float",
    samples=[*_systems(upper=True), *_systems(upper=False), *_systems(upper=True, unitriangular=True)],
)
def solve_triangular_(x: Any, y: Any, upper: bool, unitriangular: bool = False) -> Any:
    """The solution of ``x @ out = y`` for triangular ``x``; the other triangle is not read.

    Raises: ShapeError; LinAlgError if a diagonal element is 0.
    """
    require_plain(x, y)
    require_square("solve_triangular", x)
    if y.ndim < 2 or x.shape[-1] != y.shape[-2]:
        raise ShapeError(f"solve_triangular: shapes {x.shape} and {y.shape} do not fit (..., n, n) and (..., n, k)")
    (a, dtype), (b, _) = computed(x), computed(y)
    return substitute(a, b, not upper, unitriangular).astype(dtype, copy=False)


@composed(samples=[
    *_systems(upper=True),
    case(x=reals(shape=(2, 2), make=well_conditioned), y=reals(shape=(3, 2)), upper=False, left=False),
])  # fmt: skip
def solve_triangular(x: Any, y: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The solution of ``x @ out = y`` (``out @ x = y`` with ``left=False``) for triangular ``x``.

    Args:
        x: square matrices.
        y: the right-hand sides, matrices.
        upper: which triangle of ``x`` is read; the other is taken as 0.
        left: ``x`` stands left of the unknown.
        unitriangular: take the diagonal as 1.

    Raises: ShapeError; LinAlgError if a diagonal element is 0.
    """
    if left:
        return solve_triangular_(x, y, upper, unitriangular)
    return T(solve_triangular_(T(x), T(y), not upper, unitriangular))


@also_named(input2="y")
@composed(samples=[
    case(x=reals(shape=b), y=reals(shape=a, make=well_conditioned), upper=upper)
    for a, b, upper in (((3, 3), (3, 2), False), ((3, 3), (3, 2), True), ((2, 2, 2), (2, 2, 1), False))
])  # fmt: skip
def cholesky_solve(x: Any, y: Any, upper: bool = False) -> Tensor:
    """The solution of ``A @ out = x``, where ``y`` is the Cholesky factor of ``A``.

    Only one triangle of ``y`` is read, so the gradient of the other is 0 (PyTorch's is not). Raises: ShapeError;
    LinAlgError.
    """
    lower = solve_triangular_(H(y) if upper else y, x, False)
    return solve_triangular_(y if upper else H(y), lower, True)


@composed(samples=square((3, 3), (2, 2, 2)) + square((3, 3), upper=True))
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrix of which ``x`` is the Cholesky factor.

    Only one triangle of ``x`` is read, so the gradient of the other is 0 (PyTorch's is not). Raises: ShapeError;
    LinAlgError.
    """
    require_square("cholesky_inverse", x)
    return cholesky_solve(np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), tuple(x.shape)), x, upper)
