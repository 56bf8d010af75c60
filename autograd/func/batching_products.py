"""Products of matrices, contractions and linear algebra on batched arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._protocols import newer
from ..errors import ArgumentError
from .batching import Level, Unsuited, elementwise, rank_of, rule

__all__: list[str] = []

# ---- products --------------------------------------------------------------------------------------------------------


@rule(np.matmul, np.linalg.matmul)
def matmul(level: Level, a: Any, b: Any, /, **kwargs: Any) -> Any:
    """The matrix product, as one product where one side is the same for all examples."""
    out = kwargs.pop("out", None)
    if any(value is not None for value in kwargs.values()):
        raise Unsuited
    made = level.wrap(_product(level, a, b, rank_of(a), rank_of(b)))
    if out is None:
        return made
    (target,) = out if isinstance(out, tuple) else (out,)
    target[...] = made
    return target


def _product(level: Level, a: Any, b: Any, rank_a: int, rank_b: int) -> Any:
    if not rank_a or not rank_b:
        raise ArgumentError("matmul: Input operand does not have enough dimensions (has 0, requires at least 1)")
    if not level.owns(b):
        if rank_b <= 2:
            return _from_left(a.value, b, rank_a)
    elif not level.owns(a) and rank_b == 1 and rank_a <= 2:  # a vector for each example
        return np.matmul(b.value, a if rank_a == 1 else np.swapaxes(a, 0, 1))
    loops = max(rank_a, rank_b, 2)
    first = _matrices(level, a, rank_a, loops, True)
    second = _matrices(level, b, rank_b, loops, False)
    outer = first.shape[-1] == second.shape[-2] == 1  # as in the gradient of a weight: many tiny products are slow
    made = np.multiply(first, second) if outer else np.matmul(first, second)
    if rank_a == 1:
        made = np.squeeze(made, -2)
    return np.squeeze(made, -1) if rank_b == 1 else made


def _from_left(a: Any, b: Any, rank_a: int) -> Any:
    """All examples of ``a`` times the one matrix or vector ``b``: one product of one tall matrix."""
    if rank_a == 1 or not a.size:
        return np.matmul(a, b)
    if a.shape[-1] != b.shape[0]:
        raise ArgumentError(f"matmul: Input operand 1 has a mismatch in its core dimension 0 ({a.shape}, {b.shape})")
    tall = np.reshape(a, (-1, a.shape[-1]))
    return np.reshape(np.matmul(tall, b), (*a.shape[:-1], *b.shape[1:]))


def _matrices(level: Level, x: Any, rank: int, loops: int, left: bool) -> Any:
    """An operand with a matrix at the end, and as many axes before it as the other has."""
    own = level.owns(x)
    value = x.value if own else x
    if rank == 1:
        value = np.expand_dims(value, -2 if left else -1)
        rank = 2
    if own and rank < loops:
        value = np.reshape(value, (value.shape[0], *(1,) * (loops - rank), *value.shape[1:]))
    return value


@rule(np.vecdot, np.linalg.vecdot)
def _vecdot(level: Level, a: Any, b: Any, /, *, axis: int = -1, **kwargs: Any) -> Any:
    if axis != -1 or any(value is not None for value in kwargs.values()) or not rank_of(a) or not rank_of(b):
        raise Unsuited
    return elementwise(level, np.vecdot, (a, b), {})


def _by_matmul(first: Callable[[Any], Any], second: Callable[[Any], Any], place: int) -> Callable[..., Any]:
    def product(level: Level, a: Any, b: Any, /, **kwargs: Any) -> Any:
        if any(value is not None for value in kwargs.values()):
            raise Unsuited
        return np.squeeze(np.matmul(first(a), second(b)), place)

    return product


rule(*newer("matvec"))(_by_matmul(lambda a: a, lambda b: np.expand_dims(b, -1), -1))
rule(*newer("vecmat"))(_by_matmul(lambda a: np.expand_dims(np.conj(a), -2), lambda b: b, -2))


@rule(np.dot)
def _dot(level: Level, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise Unsuited
    if not rank_of(a) or not rank_of(b):
        return np.multiply(a, b)
    return np.matmul(a, b) if rank_of(b) <= 2 else np.tensordot(a, b, (-1, -2))


@rule(np.inner)
def _inner(level: Level, a: Any, b: Any, /) -> Any:
    return np.multiply(a, b) if not rank_of(a) or not rank_of(b) else np.tensordot(a, b, (-1, -1))


@rule(np.outer, np.linalg.outer)
def _outer(level: Level, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise Unsuited
    return np.multiply(np.expand_dims(np.ravel(a), 1), np.expand_dims(np.ravel(b), 0))


@rule(np.vdot)
def _vdot(level: Level, a: Any, b: Any, /) -> Any:
    return np.vecdot(np.ravel(a), np.ravel(b))


@rule(np.tensordot, np.linalg.tensordot)
def _tensordot(level: Level, a: Any, b: Any, axes: Any = 2) -> Any:
    rank_a, rank_b = rank_of(a), rank_of(b)
    if isinstance(axes, int):
        first, second = list(range(rank_a - axes, rank_a)), list(range(axes))
    else:
        first, second = ([n] if isinstance(n, int) else list(n) for n in axes)
    first, second = [n % rank_a for n in first], [n % rank_b for n in second]
    if [a.shape[n] for n in first] != [b.shape[n] for n in second]:
        raise ArgumentError("shape-mismatch for sum")
    free_a = [n for n in range(rank_a) if n not in first]
    free_b = [n for n in range(rank_b) if n not in second]
    summed = math.prod([a.shape[n] for n in first])
    rows, columns = [a.shape[n] for n in free_a], [b.shape[n] for n in free_b]
    left = np.reshape(np.transpose(a, free_a + first), (math.prod(rows), summed))
    right = np.reshape(np.transpose(b, second + free_b), (summed, math.prod(columns)))
    return np.reshape(np.matmul(left, right), (*rows, *columns))


@rule(np.einsum)
def _einsum(level: Level, subscripts: Any, *operands: Any, out: Any = None, **kwargs: Any) -> Any:
    if out is not None or not isinstance(subscripts, str):
        raise Unsuited
    text = subscripts.replace(" ", "")
    free = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if letter not in text]
    if not free:
        raise Unsuited
    inputs, arrow, result = text.partition("->")
    parts = inputs.split(",")
    if not arrow:  # letters that appear once, in alphabetical order, behind those of the dots
        letters = inputs.replace(",", "").replace(".", "")
        result = ("..." if "..." in inputs else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    values = [operand.value if level.owns(operand) else operand for operand in operands]
    parts = [free[0] + part if level.owns(x) else part for part, x in zip(parts, operands, strict=True)]
    return level.wrap(np.einsum(f"{','.join(parts)}->{free[0]}{result}", *values, **kwargs))


@rule(np.cross)
def _cross(
    level: Level, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    rank = max(rank_of(a), rank_of(b))
    if a.shape[axisa] != 3 or b.shape[axisb] != 3:
        raise Unsuited
    first, second = (level.aligned(np.moveaxis(x, n, -1), rank) for x, n in ((a, axisa), (b, axisb)))
    return np.moveaxis(level.wrap(np.cross(first, second)), -1, axisc)


# ---- linear algebra --------------------------------------------------------------------------------------------------


def _of_matrices(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(level: Level, a: Any, *args: Any, **kwargs: Any) -> Any:
        if a.ndim < 2 or any(map(level.owns, (*args, *kwargs.values()))):
            raise Unsuited
        return level.wrap(function(a.value, *args, **kwargs))

    return call


for _function in (
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.qr, np.linalg.svd,
    np.linalg.svdvals, np.linalg.eig, np.linalg.eigvals, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.pinv,
    np.linalg.matrix_power, np.linalg.matrix_rank, np.linalg.cond,
):  # fmt: skip
    rule(_function)(_of_matrices(_function))


@rule(np.linalg.solve)
def _solve(level: Level, a: Any, b: Any) -> Any:
    rank_a, rank_b = rank_of(a), rank_of(b)
    if rank_a < 2 or not rank_b:
        raise Unsuited
    loops = max(rank_a, rank_b)
    first, second = _matrices(level, a, rank_a, loops, True), _matrices(level, b, rank_b, loops, False)
    made = np.linalg.solve(first, second)
    return level.wrap(np.squeeze(made, -1) if rank_b == 1 else made)


@rule(np.linalg.norm)
def _norm(level: Level, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None:
        if ord is None and not keepdims:
            return level.wrap(np.linalg.norm(np.reshape(x.value, (level.size, -1)), axis=1))
        if x.ndim not in (1, 2):
            raise Unsuited
        axis = tuple(range(x.ndim))
    axes = [int(n) % x.ndim + 1 for n in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    return level.wrap(np.linalg.norm(x.value, ord, axes[0] if len(axes) == 1 else tuple(axes), keepdims))


@rule(np.trace)
def _trace(
    level: Level, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    if out is not None:
        raise Unsuited
    return np.sum(np.diagonal(a, offset, axis1, axis2), -1, dtype=dtype)
