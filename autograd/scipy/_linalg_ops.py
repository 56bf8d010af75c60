"""Solutions and roots of matrices that PyTorch has not, as ops: values from SciPy, rules in each other's terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import op
from ..ops._foreign import foreign
from ..ops._matrices import computed
from ..ops.linear_algebra import inv
from ..samples import case, reals

__all__ = ["normal_log_density", "solve_banded", "solve_sylvester", "sqrtm"]


def _scipy(name: str) -> Any:
    """The function of ``scipy.linalg``, imported when it is first needed."""

    def call(*args: Any) -> Any:
        from scipy import linalg

        return getattr(linalg, name)(*args)

    call.__name__ = name
    return foreign(call)


_sqrtm, _solve_sylvester, _solve_banded = _scipy("sqrtm"), _scipy("solve_sylvester"), _scipy("solve_banded")


def _positive(a: Any) -> Any:
    return np.matmul(a, np.swapaxes(a, -1, -2)) + 2 * np.eye(a.shape[-1])


@op(
    x=lambda g, out: solve_sylvester.kernel(np.swapaxes(out, 0, 1), np.swapaxes(out, 0, 1), g),
    samples=[case(x=reals(shape=(2, 2), make=_positive)), case(x=reals(shape=(3, 3), make=_positive))],
)
def sqrtm(x: Any) -> Any:
    """The matrix ``out`` with ``out @ out == x``."""
    a, dtype = computed(x)
    out = _sqrtm(a)
    return out if out.dtype.kind == "c" else out.astype(dtype, copy=False)


def _sylvester_rule(g: Any, a: Any, b: Any, out: Any) -> tuple[Any, Any, Any]:
    d = solve_sylvester.kernel(np.swapaxes(a, 0, 1), np.swapaxes(b, 0, 1), g)
    turned = np.swapaxes(out, 0, 1)
    return -np.matmul(d, turned), -np.matmul(turned, d), d


@op(
    inputs=("a", "b", "q"),
    joint=_sylvester_rule,
    promote="float",
    samples=case(a=reals(shape=(2, 2), make=_positive), b=reals(shape=(3, 3), make=_positive), q=reals(shape=(2, 3))),
)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """The solution of ``a @ out + out @ b == q``."""
    (a, dtype), (b, _), (q, _) = computed(a), computed(b), computed(q)
    return _solve_sylvester(a, b, q).astype(dtype, copy=False)


def _turned_bands(bands: tuple[int, int], ab: Any) -> Any:
    """The bands of the transposed matrix."""
    lower, upper = bands
    n = ab.shape[1]
    row, column = np.arange(lower + upper + 1)[:, None], np.arange(n)
    source = column + row - lower
    inside = (source >= 0) & (source < n)
    return np.where(inside, ab[upper + lower - row, np.clip(source, 0, n - 1)], 0)


def _bands_rule(g: Any, bands: tuple[int, int], ab: Any, out: Any) -> Any:
    d = _against_bands(g, bands, ab)
    n = ab.shape[1]
    row = np.arange(n) + np.arange(bands[0] + bands[1] + 1)[:, None] - bands[1]
    products = np.reshape(d, (n, -1))[np.clip(row, 0, n - 1)] * np.reshape(out, (n, -1))
    return -np.where((row >= 0) & (row < n), np.sum(products, axis=-1), 0)


def _against_bands(g: Any, bands: tuple[int, int], ab: Any) -> Any:
    return solve_banded.kernel((bands[1], bands[0]), _turned_bands(bands, ab), g)


def _dominant(ab: Any) -> Any:
    return ab + np.array([[0.0], [5.0], [0.0]])


@op(
    ab=_bands_rule,
    b=lambda g, bands, ab: _against_bands(g, bands, ab),
    promote="float",
    samples=[
        case(bands=(1, 1), ab=reals(shape=(3, 4), make=_dominant), b=reals(shape=(4,))),
        case(bands=(1, 1), ab=reals(shape=(3, 3), make=_dominant), b=reals(shape=(3, 2))),
    ],
)
def solve_banded(bands: tuple[int, int], ab: Any, b: Any) -> Any:
    """The solution of a system whose matrix is given by its bands."""
    (ab, dtype), (b, _) = computed(ab), computed(b)
    return _solve_banded(bands, ab, b).astype(dtype, copy=False)


def _density_rule(g: Any, x: Any, cov: Any) -> tuple[Any, Any]:
    inverse = inv.kernel(cov).T
    solved = np.matmul(x, inverse)
    weighted = np.reshape(g, (-1, 1)) * solved
    return -weighted, (np.matmul(weighted.T, solved) - np.add.reduce(g) * inverse) / 2


@op(
    inputs=("x", "cov"),
    joint=_density_rule,
    promote="float",
    samples=case(x=reals(shape=(4, 2)), cov=reals(shape=(2, 2), make=_positive)),
)
def normal_log_density(x: Any, cov: Any) -> Any:
    """For each row of ``x`` the logarithm of the normal density around 0 with this covariance, but for the ``2 pi``.

    Shape: (m, n) and (n, n) give (m).

    Raises: LinAlgError if ``cov`` is not positive definite.
    """
    (a, dtype), (b, _) = computed(x), computed(cov)
    root = np.linalg.cholesky(b)
    z = np.linalg.solve(root, a.T)
    return (np.add.reduce(z * z, 0) * -0.5 - np.add.reduce(np.log(np.diagonal(root)))).astype(dtype, copy=False)
