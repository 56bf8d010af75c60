"""``einsum``: sums of products, written with a letter for each dimension."""

from __future__ import annotations

import math
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import op
from .._protocols import numpy_function
from ..errors import ArgumentError, ShapeError
from ..samples import case, reals
from ._matrices import integer_product
from .axes import wide_dtype
from .casting import cast
from .diagonals import diagonal
from .dimensions import permute

if TYPE_CHECKING:
    from .._tensor import Tensor

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = 4096
"""Up to this many multiplications NumPy's own loop is faster than the way through a matrix product."""


def _reduce_rule(g: Any, spec: str, x_shape: tuple[int, ...]) -> Any:
    """Each label goes back to its first place; the diagonal of a repeated one is picked by a unit matrix."""
    source, target = spec.split("->")
    firsts = [source.index(label) == i for i, label in enumerate(source)]
    g = np.transpose(
        g, [target.index(label) for label, first in zip(source, firsts, strict=True) if first and label in target]
    )
    g = np.reshape(
        g, [n if first and label in target else 1 for n, label, first in zip(x_shape, source, firsts, strict=True)]
    )
    for i, label in enumerate(source):
        if not firsts[i]:
            shape = [n if j in (i, source.index(label)) else 1 for j, n in enumerate(x_shape)]
            g = g * np.reshape(np.eye(x_shape[i], dtype=g.dtype), shape)
    return np.broadcast_to(g, x_shape)


@op(
    x=_reduce_rule,
    jvp="linear",
    samples=[
        case(x=reals(shape=(2, 3)), spec="ab->ba"), case(x=reals(shape=(2, 3)), spec="ab->b"),
        case(x=reals(shape=(2, 2)), spec="aa->a"), case(x=reals(shape=(2, 2)), spec="aa->"),
        case(x=reals(shape=(2, 3, 2, 2)), spec="abaa->ba"), case(x=reals(shape=()), spec="->"),
        case(x=reals(shape=(0, 3)), spec="ab->b"),
    ],
)  # fmt: skip
def reduce_labels(x: Any, spec: str) -> Any:
    """``einsum`` of one operand, with the output written out: diagonals, sums and transposes. A copy.

    Integers and bools are summed in int64.
    """
    source, target = spec.split("->")
    summed = x.dtype.kind in "biu" and set(source) != set(target)
    out = np.einsum(spec, x, dtype=np.int64) if summed else _einsum(spec, x)
    return out if out.base is None else out.copy("K")


def _einsum(spec: str, *operands: Any) -> Any:
    """NumPy's ``einsum``, of 16-bit floats with sums in float32."""
    dtype = operands[0].dtype
    wide = wide_dtype(dtype)
    return np.einsum(spec, *operands) if wide is dtype else np.einsum(spec, *operands, dtype=wide).astype(dtype)


def _multiply_rule(g: Any, y: Any, mine: str, theirs: str, target: str, shape: tuple[int, ...]) -> Any:
    d = multiply_labels.kernel(g, y, f"{target},{theirs}->{mine}")
    return d if d.shape == shape else np.broadcast_to(d, np.broadcast_shapes(d.shape, shape))


@op(
    x=lambda g, y, spec, x_shape: _multiply_rule(g, y, *_parts(spec), x_shape),
    y=lambda g, x, spec, y_shape: _multiply_rule(g, x, *_parts(spec, 1), y_shape),
    promote="common",
    jvp="multilinear",
    samples=[
        case(x=reals(shape=(2, 3)), y=reals(shape=(3, 2)), spec="ab,bc->ac"),
        case(x=reals(shape=(2, 2, 3)), y=reals(shape=(2, 3)), spec="abc,ac->ba"),
        case(x=reals(shape=(2, 3)), y=reals(shape=(2, 3)), spec="ab,ab->"),
        case(x=reals(shape=(2, 1)), y=reals(shape=(2, 3)), spec="ab,ab->b"),
        case(x=reals(shape=(1, 2)), y=reals(shape=(1, 2, 2)), spec="ab,cab->ca"),
        case(x=reals(shape=(2,)), y=reals(shape=(3,)), spec="a,b->ba"),
        case(x=reals(shape=(0, 3)), y=reals(shape=(3,)), spec="ab,b->a"),
    ],
)  # fmt: skip
def multiply_labels(x: Any, y: Any, spec: str) -> Any:
    """``einsum`` of two operands, with the output written out.

    No label occurs twice in one operand, and each occurs in the other operand or in the output. Dimensions of size 1
    broadcast.
    """
    x, y = np.asanyarray(x), np.asanyarray(y)  # of no dimension, it may have become a number
    mine, theirs, (batch, rows, inner, columns), (left_order, right_order, order) = _grouped(spec)
    sizes = dict(zip(mine, x.shape, strict=True))
    fits = all(sizes.get(label, n) == n for label, n in zip(theirs, y.shape, strict=True))
    if not fits or x.size * y.size <= _SMALL or not x.ndim or not y.ndim:
        return _einsum(spec, x, y)
    sizes.update(zip(theirs, y.shape, strict=True))
    shape = [sizes[label] for label in batch]
    n, k, m = [math.prod([sizes[label] for label in group]) for group in (rows, inner, columns)]
    left = x.transpose(left_order).reshape(*shape, n, k)
    right = y.transpose(right_order).reshape(*shape, k, m)
    if k == 1:
        product = left * right
    else:
        product = integer_product(left, right) if x.dtype.kind in "iub" else np.matmul(left, right)
    return product.reshape([sizes[label] for label in batch + rows + columns]).transpose(order)


@lru_cache(maxsize=1024)
def _grouped(spec: str) -> tuple[str, str, tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """How two operands are multiplied as batches of matrices.

    Returns:
        The labels of each operand; the labels of the batches, rows, contracted dimensions and columns; and the orders
        of dimensions in which the operands become such batches, and the product becomes the output.
    """
    mine, theirs, target = _parts(spec)
    batch = "".join([label for label in mine if label in theirs and label in target])
    inner = "".join([label for label in mine if label in theirs and label not in target])
    rows = "".join([label for label in mine if label not in theirs])
    columns = "".join([label for label in theirs if label not in mine])
    orders = ((batch + rows + inner, mine), (batch + inner + columns, theirs), (target, batch + rows + columns))
    return (
        mine, theirs, (batch, rows, inner, columns),
        tuple([tuple([held.index(label) for label in wanted]) for wanted, held in orders]),
    )  # fmt: skip


def _parts(spec: str, first: int = 0) -> tuple[str, str, str]:
    """The labels of operand ``first``, of the other, and of the output."""
    sources, target = spec.split("->")
    pair = sources.split(",")
    return pair[first], pair[1 - first], target


# ---- reading the equation --------------------------------------------------------------------------------------------


def _from_sublists(arguments: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The form ``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as an equation."""

    def word(labels: Any) -> str:
        return "".join("..." if label is Ellipsis else _LETTERS[int(label)] for label in labels)

    count = len(arguments) // 2
    equation = ",".join(word(labels) for labels in arguments[1 : 2 * count : 2])
    if len(arguments) % 2:
        equation += "->" + word(arguments[-1])
    return equation, list(arguments[0 : 2 * count : 2])


@lru_cache(maxsize=1024)
def _explicit(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[str, ...], str]:
    """The labels of each operand and of the output, ``...`` replaced by letters.

    Raises:
        ValueError: the equation is malformed.
        ShapeError: it does not fit the shapes.
    """
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    words = left.split(",")
    if len(words) != len(shapes):
        raise ArgumentError(f"einsum: '{equation}' is for {len(words)} operands, got {len(shapes)}")
    bad = set(text.replace("...", "").replace("->", "").replace(",", "")) - set(_LETTERS)
    if bad or any(word.count("...") > 1 for word in (*words, right)):
        raise ArgumentError(f"einsum: '{equation}' may contain letters, one '...' for each operand, ',' and '->' only")
    free = [letter for letter in _LETTERS if letter not in text]
    longest = max((len(s) - len(w) + 3 for w, s in zip(words, shapes, strict=True) if "..." in w), default=0)
    dots = "".join(free[: max(longest, 0)])
    operands = []
    for i, (word, shape) in enumerate(zip(words, shapes, strict=True)):
        rest = len(shape) - len(word.replace("...", ""))
        if rest < 0 or (rest > 0 and "..." not in word):
            raise ShapeError(
                f"einsum: '{word}' names {len(word.replace('...', ''))} dimensions, but operand {i} has shape {shape}"
            )
        operands.append(word.replace("...", dots[len(dots) - rest :]))
    joined = "".join(operands)
    if not arrow:
        right = "..." + "".join(sorted(label for label in set(left) if label.isalpha() and left.count(label) == 1))
    target = right.replace("...", dots)
    for label in target:
        if label not in joined:
            raise ArgumentError(f"einsum: the output of '{equation}' names '{label}', which no operand has")
        if target.count(label) > 1:
            raise ArgumentError(f"einsum: the output of '{equation}' names '{label}' twice")
    sizes: dict[str, int] = {}
    for i, (labels, shape) in enumerate(zip(operands, shapes, strict=True)):
        own: dict[str, int] = {}  # dimensions of one operand do not broadcast to each other
        for label, n in zip(labels, shape, strict=True):
            if own.setdefault(label, n) != n or (sizes.setdefault(label, n) != n and 1 not in (n, sizes[label])):
                where = f"'{label}'" if label in text else "a dimension of '...'"
                raise ShapeError(
                    f"einsum: '{equation}': {where} has size {sizes[label]}, but {n} in operand {i} of shape {shape}"
                )
            sizes[label] = max(sizes[label], n) if n else 0
    return tuple(operands), target


@lru_cache(maxsize=256)
def _path(operands: tuple[str, ...], target: str, shapes: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    """In which order to multiply: positions in the list of operands, where each product joins at the end."""
    if len(operands) == 2:
        return [(0, 1)]
    stand_ins = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    method = "optimal" if len(operands) < 5 else "greedy"
    path = np.einsum_path(f"{','.join(operands)}->{target}", *stand_ins, optimize=(method, 2**60))[0]
    return [tuple(step) for step in path[1:]]


def _single(x: Any, labels: str, wanted: str) -> tuple[Any, str]:
    """An operand reduced to the labels that are ``wanted`` elsewhere, each once."""
    kept = "".join(dict.fromkeys(label for label in labels if label in wanted))
    return (x, labels) if kept == labels else (reduce_labels(x, f"{labels}->{kept}"), kept)


def _rearranged(x: Any, labels: str, target: str) -> Any:
    """An operand of which nothing is summed: a view, with the diagonals of labels that it repeats."""
    while len(labels) > len(target):
        second = next(i for i, label in enumerate(labels) if label in labels[:i])
        first = labels.index(labels[second])
        x = diagonal(x, 0, first, second)
        labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + labels[first]
    return permute(x, tuple([labels.index(label) for label in target]))


def einsum(*operands: Any) -> Tensor:
    """Sums of products, with a letter for each dimension: ``einsum('ij,jk->ik', x, y)`` is ``x @ y``.

    A letter that the output lacks is summed over; a letter that an operand repeats takes its diagonal; ``...`` stands
    for any dimensions, which broadcast; without ``->`` the output has the letters that occur once, in alphabetical
    order. Of one operand of which nothing is summed it is a view. More than two operands are multiplied in the best
    order. PyTorch's forms and NumPy's are accepted, with lists of numbers for letters too:
    ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Raises: ShapeError, ValueError.

    >>> import autograd
    >>> x, y = autograd.ones(2, 3), autograd.ones(3, 4)
    >>> autograd.einsum("ij,jk->ik", x, y).shape
    (2, 4)
    >>> autograd.einsum("ii->", autograd.eye(3))
    tensor(3.)
    """
    if len(operands) < 2:
        raise ArgumentError("einsum: expected an equation and operands, such as einsum('ij,jk->ik', x, y)")
    if isinstance(operands[0], str):
        equation, given = operands[0], list(operands[1:])
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = list(given[0])
    else:
        equation, given = _from_sublists(operands)
    tensors = [item if hasattr(item, "shape") else np.asanyarray(item) for item in given]
    if len({tensor.dtype for tensor in tensors}) > 1:  # here those of no dimension count as the others
        common = reduce(dtypes.promote_types, [tensor.dtype for tensor in tensors])
        tensors = [cast(tensor, common) for tensor in tensors]
    shapes = tuple(tuple(tensor.shape) for tensor in tensors)
    words, target = _explicit(equation, shapes)
    if len(tensors) == 1:
        if set(words[0]) == set(target):
            return _rearranged(tensors[0], words[0], target)
        return reduce_labels(tensors[0], f"{words[0]}->{target}")
    pending = list(zip(tensors, words, strict=True))
    for step in _path(words, target, shapes):
        chosen = [pending[i] for i in step]
        pending = [item for i, item in enumerate(pending) if i not in step]
        x, mine = chosen[0]
        for number, (y, theirs) in enumerate(chosen[1:], 2):
            last = not pending and number == len(chosen)
            elsewhere = target + "".join(labels for _, labels in (*pending, *chosen[number:]))
            x, mine = _single(x, mine, theirs + elsewhere)
            y, theirs = _single(y, theirs, mine + elsewhere)
            out = target if last else "".join(label for label in dict.fromkeys(mine + theirs) if label in elsewhere)
            x, mine = multiply_labels(x, y, f"{mine},{theirs}->{out}"), out
        pending.append((x, mine))
    return pending[0][0]


@numpy_function(np.einsum)
def _numpy_einsum(*operands: Any, optimize: Any = None) -> Any:
    return einsum(*operands)
