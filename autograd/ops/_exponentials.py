"""Exponentials of batches of matrices, and their derivatives: scaling and squaring with a Taylor polynomial.

How far a matrix is scaled follows from norms of its powers (A. Al-Mohy, N. Higham, "A new scaling and squaring
algorithm for the matrix exponential", 2009), so that one far from normal is not scaled too far. SciPy, which works
matrix by matrix, computes those for which it has ways of its own, or which would be squared many times.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._foreign import foreign

__all__ = ["exponential", "exponential_along"]

_DEGREES = {"f": (12, 1.19), "d": (16, 0.65)}
"""The degree of the polynomial, four times a number, and up to which norm it and its derivative are exact."""
_SQUARINGS = 8
_FEW = 64
"""SciPy is faster for so many rows of all matrices together, where there are no derivatives for three times as many."""


@foreign
def exponential(a: Any) -> Any:
    """The exponentials of square matrices ``(..., n, n)``."""
    from scipy.linalg import expm

    if not a.size or a.shape[-1] == 1:
        return np.exp(a)
    matrices = np.reshape(a, (-1, *a.shape[-2:]))
    if matrices.shape[0] * matrices.shape[1] < 3 * _FEW:
        return expm(a)
    triangular = np.logical_not(np.any(np.tril(matrices, -1), (-2, -1)) & np.any(np.triu(matrices, 1), (-2, -1)))
    (out,), inexact = _scaled_and_squared((matrices,))
    inexact |= triangular
    if np.any(inexact):
        out[inexact] = expm(matrices[inexact])
    return np.reshape(out, a.shape)


@foreign
def exponential_along(a: Any, t: Any) -> Any:
    """The derivatives of the exponentials of square matrices ``(..., n, n)`` along ``t``, of the same shape."""
    from scipy.linalg import expm

    dtype = np.result_type(a, t)
    a, t = (x.astype(dtype, copy=False) for x in np.broadcast_arrays(a, t))
    if not a.size or a.shape[-1] == 1:
        return np.exp(a) * t
    n = a.shape[-1]

    def by_blocks(first: Any, second: Any) -> Any:
        return expm(np.block([[first, second], [np.zeros_like(first), first]]))[..., :n, n:]

    matrices, along = np.reshape(a, (-1, n, n)), np.reshape(t, (-1, n, n))
    if matrices.shape[0] * n < _FEW:
        return by_blocks(a, t)
    (_, out), inexact = _scaled_and_squared((matrices, along))
    if np.any(inexact):
        out[inexact] = by_blocks(matrices[inexact], along[inexact])
    return np.reshape(out, a.shape)


def _product(p: tuple[Any, ...], q: tuple[Any, ...]) -> tuple[Any, ...]:
    """The product of matrices, each alone or with its derivative."""
    value = np.matmul(p[0], q[0])
    return (value,) if len(p) == 1 else (value, np.matmul(p[0], q[1]) + np.matmul(p[1], q[0]))


def _scaled_and_squared(x: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """The exponentials of matrices ``(count, n, n)``, alone or with derivatives, and for which others should do it."""
    with np.errstate(all="ignore"):
        degree, bound = _DEGREES[x[0].dtype.char.lower()]
        (_, first), one = np.frexp(_norms(x[0])), x[0].real.dtype.type(1)
        x = tuple([part * np.ldexp(one, -first)[:, None, None] for part in x])  # of norms up to 1
        square = _product(x, x)
        powers = [x, square, _product(square, x), _product(square, square)]
        norms = _norms_by_powers([power[0] for power in powers])
        _, needed = np.frexp(norms / bound)  # of the matrices as they were scaled first
        squarings = np.where(np.isfinite(norms), np.maximum(needed + first, 0), 0)
        many = squarings > _SQUARINGS
        squarings = np.where(many, 0, squarings)
        for k, power in enumerate(powers, 1):
            for part in power:
                part *= np.ldexp(one, k * (first - squarings))[:, None, None]
        out = _polynomial(powers, degree)
        for step in range(int(squarings.max(initial=0))):
            out = _squared(out, squarings > step)
        return out, many | ~np.all(np.isfinite(out[-1]), (-2, -1))


def _norms(a: Any) -> Any:
    """The largest sums of magnitudes of columns."""
    return np.max(np.sum(np.abs(a), -2), -1)


def _norms_by_powers(powers: list[Any]) -> Any:
    """What counts as the norms of matrices in a polynomial of degree 12 or more, from their first four powers."""
    sizes = [_norms(power) for power in powers]
    _, second, third, fourth = [size ** (1 / k) for k, size in enumerate(sizes, 1)]
    fifth = (sizes[1] * sizes[2]) ** (1 / 5)  # no less than the root of the fifth power's norm
    return np.minimum(np.maximum(second, third), np.maximum(fourth, np.minimum(third, fifth)))


def _polynomial(powers: list[tuple[Any, ...]], degree: int) -> tuple[Any, ...]:
    """Taylor's polynomial of the exponential, from the first four powers (M. Paterson, L. Stockmeyer, 1973)."""
    out = tuple([p / math.factorial(degree) for p in powers[3]])
    diagonal = np.arange(out[0].shape[-1])
    for k in range(degree - 4, -1, -4):  # the terms of the powers k to k + 3, without the k-th power
        for i, power in enumerate(powers[:3], 1):
            out = tuple([p / math.factorial(k + i) + rest for p, rest in zip(power, out, strict=True)])
        out[0][:, diagonal, diagonal] += 1 / math.factorial(k)
        out = _product(out, powers[3]) if k else out
    return out


def _squared(x: tuple[Any, ...], which: Any) -> tuple[Any, ...]:
    """The squares of those matrices, the others as they are."""
    if np.all(which):
        return _product(x, x)
    chosen = tuple([part[which] for part in x])
    for part, square in zip(x, _product(chosen, chosen), strict=True):
        part[which] = square
    return x
