"""Scattering: writing or adding elements at given positions of a copy.

All of it is ``with_item`` (write) or ``scatter_index`` (add) with an index made from the arguments. Where a position is
written twice, the last value stays and alone gets a gradient; where it is added to twice, both count.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op, unwrap
from ..engine.foreign import ForeignArray, as_array, bare, first_foreign
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from ._indices import from_start
from .arithmetic import add, mul
from .axes import MANY, along, line_positions, place_along
from .diagonals import diagonal_scatter as diagonal_scatter
from .indexing import getitem, scatter_index, with_item
from .lines import are_many_lines, put_lines
from .repetition import broadcast_to
from .selection import require_order, where
from .shapes import normalized_dim, reshape, shape_of
from .sorting import order
from .taking import as_index, as_mask, gather_index

if TYPE_CHECKING:
    from .._tensor import Tensor

_INDEX = np.array([[2, 0], [2, 1]])
_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")

# ---- at places given for each element -------------------------------------------------------------------------------


def _places(name: str, x: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any]:
    """The index tuple of a scatter, and the part of ``src`` (an array or a number) that belongs to it."""
    places = gather_index(name, shape_of(x) or (1,), dim, index)
    shape = np.broadcast_shapes(*[place.shape for place in places])
    if len(shape_of(src)) == 0 or shape_of(src) == shape:
        return places, src
    if len(shape_of(src)) != len(shape) or any(m > n for m, n in zip(shape, shape_of(src), strict=True)):
        raise ShapeError(f"{name}: an index of shape {shape} needs a src at least as large, got {shape_of(src)}")
    return places, getitem(src, tuple([slice(n) for n in shape]))


def _check_dtype(name: str, x: Any, src: Any) -> None:
    """Raise DtypeError if what is to be written over elements of ``x`` would lose its fractions or imaginary parts."""
    if len(shape_of(src)) and hasattr(src, "dtype") and not dtypes.can_cast(src.dtype, x.dtype):
        raise DtypeError(
            f"{name}: {src.dtype} values cannot be written into a tensor of dtype {x.dtype}, which would lose a part "
            "of them: convert one of the two first"
        )


def _at_least_1d(function: Any, x: Any, *arguments: Any) -> Any:
    """``function`` for a 0-d ``x``, seen as a vector of one element."""
    return reshape(function(reshape(x, (1,)), *arguments), ())


@composed(inputs=("x", "src"), samples=[
    case(x=reals(shape=(3, 2)), src=reals(shape=(2, 2)), dim=0, index=_INDEX),
    case(x=reals(shape=(2, 3)), src=reals(shape=(2, 3)), dim=-1, index=np.array([[2, 0], [1, 1]])),
    case(x=reals(shape=(2, 3)), src=0.5, dim=1, index=np.array([[2], [0]])),
    case(x=reals(shape=(1,)), src=reals(shape=()), dim=0, index=np.array([0, 0]), reduce="multiply"),
])  # fmt: skip
def scatter(x: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """A copy of ``x`` in which ``src`` is written where ``gather`` with the same ``dim`` and ``index`` would read.

    Args:
        x: what to start from.
        dim: along which ``index`` counts.
        index: integers, with as many dimensions as ``x``, nowhere larger than ``src`` nor, except along ``dim``, ``x``.
        src: the values, or one number (which PyTorch also calls ``value``).
        value: see ``src``.
        reduce: None to write, "add" or "multiply" to combine with what is there.

    Raises: ShapeError; IndexError; TypeError if there is neither ``src`` nor ``value``; DtypeError if ``x`` is integer
        and ``src`` is not.

    >>> import autograd
    >>> autograd.zeros(2, 3).scatter(1, autograd.tensor([[0], [2]]), 1.0)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter: expected src, a Tensor, or value, a number")
    src = dtypes.stored(src, x.dtype)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise ArgumentError(f"scatter: reduce must be None, 'add' or 'multiply', got {reduce!r}")
        index = as_array(unwrap(index))
        if not len(shape_of(src)):
            src = broadcast_to(np.asanyarray(src, x.dtype) if unwrap(src) is src else src, index.shape)
        return scatter_reduce(x, dim, index, src, "sum" if reduce == "add" else "prod")
    if not len(shape_of(x)):
        return _at_least_1d(scatter, x, dim, index, src if len(shape_of(src)) == 0 else reshape(src, (-1,)))
    _check_dtype("scatter", x, src)
    places, src = _places("scatter", x, dim, index, src)
    dim = normalized_dim(dim, len(places))
    if len(shape_of(src)) and are_many_lines(x, places[dim], dim):
        return put_lines(x, src, places[dim], dim)
    return with_item(x, src, places)


@composed(inputs=("x", "src"), samples=[
    case(x=reals(shape=(3, 2)), src=reals(shape=(2, 2)), dim=0, index=_INDEX),
    case(x=reals(shape=(2, 3)), src=reals(shape=(2, 3)), dim=-1, index=np.array([[2, 2], [1, 1]])),
])  # fmt: skip
def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Tensor:
    """``x`` plus the elements of ``src``, each added where ``gather`` would read; see ``scatter``.

    >>> import autograd
    >>> index = autograd.tensor([0, 1, 0])
    >>> autograd.zeros(2).scatter_add(0, index, autograd.tensor([1.0, 2.0, 3.0]))
    tensor([4., 2.])
    """
    if not len(shape_of(x)):
        return _at_least_1d(scatter_add, x, dim, index, reshape(src, (-1,)))
    places, src = _places("scatter_add", x, dim, index, src)
    dim = normalized_dim(dim, len(places))
    if len(shape_of(src)) and are_many_lines(x, places[dim], dim) and are_many_lines(src, places[dim], dim):
        return add(x, place_along(src, places[dim], shape_of(x), dim, True, True))
    return add(x, scatter_index(src, places, shape_of(x)))


@composed(inputs=("x", "src"), samples=[
    case(x=reals(shape=(3, 2)), src=reals(shape=(2, 2)), dim=0, index=_INDEX, reduce=reduce, include_self=include)
    for reduce in _REDUCTIONS for include in (True, False)
])  # fmt: skip
def scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """``x`` with ``src`` reduced into the places that ``index`` says; see ``scatter``.

    The gradient of "amax" and "amin" is divided evenly over ties; that of "prod" is exact with zeros.

    Args:
        x: what to start from.
        dim: along which ``index`` counts.
        index: the places.
        src: the values.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether the element of ``x`` takes part where there are elements of ``src``.

    Raises: ShapeError; IndexError.
    """
    if reduce not in _REDUCTIONS:
        raise ArgumentError(f"scatter_reduce: reduce must be one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    if not len(shape_of(x)):
        vector = reshape(x, (1,))
        return reshape(scatter_reduce(vector, dim, index, reshape(src, -1), reduce, include_self=include_self), ())
    places, src = _places("scatter_reduce", x, dim, index, src)
    shape = shape_of(x)
    place = normalized_dim(dim, len(shape))
    if len(shape) > 1 and type(places[place]) is np.ndarray and places[place].size >= MANY:
        flat = line_positions(places[place], shape, place).reshape(-1)  # one line is soon read and written
        src = src if len(shape_of(src)) == 0 else reshape(src, (-1,))
        return reshape(scatter_reduce(reshape(x, (-1,)), 0, flat, src, reduce, include_self=include_self), shape)
    if len(shape) == 1:
        (places,) = places
    start = x if include_self else with_item(x, _neutral(reduce, x.dtype), places)
    if reduce in ("amax", "amin"):
        return scatter_extreme(start, src, places, reduce == "amax")
    if reduce == "prod":
        return _scatter_prod(start, src, places)
    total = add(start, scatter_index(src, places, shape))
    if reduce == "sum":
        return total
    counts = np.zeros(shape, np.intp, like=as_array(unwrap(index)))
    np.add.at(counts, places, 1)
    counts = np.maximum(counts + 1 if include_self else counts, 1)
    if total.dtype.kind in "iu":
        return total // counts.astype(total.dtype)
    return total / counts.astype(total.dtype)


def _neutral(reduce: str, dtype: Any) -> Any:
    """What changes nothing: 0, 1, or the least or greatest value of the dtype."""
    if reduce not in ("amax", "amin"):
        return 1 if reduce == "prod" else 0
    return dtypes.extremes(dtype)[reduce == "amin"]


def _extreme_back(g: Any, x: Any, src: Any, out: Any, index: Any, x_shape: Any) -> tuple[Any, Any]:
    mine = np.equal(x, out).astype(g.dtype)
    theirs = np.equal(src, getitem.kernel(out, index)).astype(g.dtype)
    share = g / np.maximum(mine + scatter_index.kernel(theirs, index, x_shape), 1)
    return share * mine, getitem.kernel(share, index) * theirs


@op(joint=_extreme_back, inputs=("x", "src"), constants=("index",), promote="common", samples=[
    case(x=reals(shape=(3, 2)), src=reals(shape=(2, 2)), index=(_INDEX, np.array([[0, 1]])), largest=largest)
    for largest in (True, False)
])  # fmt: skip
def scatter_extreme(x: Any, src: Any, index: Any, largest: bool) -> Any:
    """A copy of ``x`` raised (lowered, if not ``largest``) to ``src`` at ``index``."""
    require_order(x, src)
    out = np.array(x, subok=True)
    (np.maximum if largest else np.minimum).at(out, index, src)
    return out


def _scatter_prod(x: Any, src: Any, places: Any) -> Any:
    """``x`` multiplied with ``src`` at ``places``: the factors of each place are laid out in a row of a matrix.

    ``prod`` over the rows is exact with zeros; the matrix has as many columns as the busiest place has factors.
    """
    shape = shape_of(x)
    flat = places if len(shape) == 1 else np.ravel_multi_index(places, shape).reshape(-1)
    by_place = order(flat, 0)
    rank, each = np.empty_like(flat), np.arange(flat.size)
    sorted_ = flat[by_place]
    same = np.concatenate([np.zeros_like(sorted_[:1], np.bool_), sorted_[1:] == sorted_[:-1]])
    rank[by_place] = each - np.maximum.accumulate(np.where(same, 0, each))  # how many of the same place come before
    columns = int(bare(rank).max(initial=-1)) + 2
    factors: Any = np.ones((math.prod(shape), columns), x.dtype, like=rank)
    factors = with_item(factors, reshape(x, -1), (slice(None), 0))
    factors = with_item(factors, reshape(src, -1), (flat, rank + 1))
    product = reshape(np.prod(factors, axis=1), shape)
    return product if product.dtype == x.dtype else product.astype(x.dtype)


# ---- slices along a dimension ---------------------------------------------------------------------------------------


def _slices(name: str, x: Any, dim: int, index: Any, negative: bool = False) -> Any:
    """The index tuple of the slices ``index`` along ``dim``."""
    shape = shape_of(x) or (1,)
    place = normalized_dim(dim, len(shape))
    index = np.atleast_1d(as_index(name, index))
    if negative:
        index = from_start(index, shape[place])
    index = as_index(name, index, shape[place])
    if index.ndim > 1:
        raise ShapeError(f"{name}: expected an index of one dimension, got shape {index.shape}")
    return along(place, index)


def _check_source(name: str, x: Any, places: Any, source: Any) -> None:
    shape = shape_of(x) or (1,)
    wanted = (*shape[: len(places) - 1], places[-1].size, *shape[len(places) :])
    if shape_of(source) != wanted and not (len(shape_of(source)) == 0 and wanted == (1,)):
        raise ShapeError(f"{name}: for this index the source must be of shape {wanted}, got {shape_of(source)}")


@composed(inputs=("x", "source"), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=np.array([2, 0, 2]), source=reals(shape=(3, 2))),
    case(x=reals(shape=(2, 3)), dim=-1, index=np.array([1]), source=reals(shape=(2, 1)), alpha=-2),
])  # fmt: skip
def index_add(x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """``x`` plus ``alpha`` times the slices of ``source``, each added to the slice along ``dim`` that ``index`` names.

    Raises: ShapeError; IndexError.

    >>> import autograd
    >>> rows = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> autograd.zeros(3, 2).index_add(0, autograd.tensor([0, 2]), rows)
    tensor([[1., 2.],
            [0., 0.],
            [3., 4.]])
    """
    places = _slices("index_add", x, dim, index)
    _check_source("index_add", x, places, source)
    if not len(shape_of(x)):
        return _at_least_1d(index_add, x, 0, index, reshape(source, (1,)) if alpha == 1 else mul(source, alpha))
    return add(x, scatter_index(source, places, shape_of(x)), alpha=alpha)


@composed(inputs=("x", "source"), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=np.array([2, 0]), source=reals(shape=(2, 2))),
    case(x=reals(shape=(2, 3)), dim=-1, index=np.array([1, 1]), source=reals(shape=(2, 2))),
])  # fmt: skip
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy of ``x`` in which the slices of ``source`` are written over those along ``dim`` that ``index`` names.

    Where an index is repeated, the last slice stays, and it alone has a gradient (PyTorch gives it to all of them).

    Raises: ShapeError; IndexError; DtypeError if ``x`` is integer and ``source`` is not.
    """
    places = _slices("index_copy", x, dim, index)
    _check_source("index_copy", x, places, source)
    _check_dtype("index_copy", x, source)
    if not len(shape_of(x)):
        return _at_least_1d(index_copy, x, 0, index, reshape(source, (1,)))
    return with_item(x, source, places)


@composed(inputs=("x",), samples=[case(x=reals(shape=(3, 2)), dim=0, index=np.array([2, 0, -1]), value=0.5)])
def index_fill(x: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy of ``x`` in which the slices along ``dim`` that ``index`` names hold ``value``, a number or 0-d tensor.

    Raises: ShapeError; IndexError.
    """
    if np.ndim(value):
        raise ShapeError(f"index_fill: expected a number or a 0-d tensor, got shape {shape_of(value)}")
    if not len(shape_of(x)):
        return _at_least_1d(index_fill, x, dim, index, value)
    return with_item(x, dtypes.stored(value, x.dtype), _slices("index_fill", x, dim, index, negative=True))


@composed(inputs=("x", "source"), samples=[
    case(x=reals(shape=(3, 2)), dim=0, index=np.array([2, 0, 2]), source=reals(shape=(3, 2)), reduce=reduce)
    for reduce in ("prod", "mean", "amax", "amin")
])  # fmt: skip
def index_reduce(x: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """As ``index_add``, but with "prod", "mean", "amax" or "amin"; see ``scatter_reduce``.

    Raises: ShapeError; IndexError.
    """
    places = _slices("index_reduce", x, dim, index)
    _check_source("index_reduce", x, places, source)
    rank = max(len(shape_of(x)), 1)
    columns = np.reshape(places[-1], (1,) * (len(places) - 1) + (-1,) + (1,) * (rank - len(places)))
    return scatter_reduce(
        x, dim, np.broadcast_to(columns, shape_of(source) or (1,)), source, reduce, include_self=include_self
    )


# ---- at an index ----------------------------------------------------------------------------------------------------


@composed(inputs=("x", "values"), samples=[
    case(x=reals(shape=(3, 2)), indices=(np.array([0, 2]), np.array([1, 1])), values=reals(shape=(2,))),
    case(x=reals(shape=(3, 2)), indices=(np.array([0, 2, 0]),), values=reals(shape=(2,)), accumulate=True),
])  # fmt: skip
def index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of ``x`` with ``x[indices] = values`` done or, if ``accumulate``, ``values`` added there (repeats too).

    Raises: ShapeError; IndexError; DtypeError if ``x`` is integer and what is written is not.
    """
    places = tuple([slice(None) if index is None else index for index in unwrap(tuple(indices))])
    if not accumulate:
        _check_dtype("index_put", x, values)
        return with_item(x, values, places)
    like: Any = first_foreign(places)
    if like is None:
        like = next((index for index in places if isinstance(index, np.ndarray)), None)
    shape = np.empty(shape_of(x), np.bool_, like=like)[places].shape
    return add(x, scatter_index(broadcast_to(values, shape), places, shape_of(x)))


@composed(inputs=("x", "source"), samples=[
    case(x=reals(shape=(3, 2)), index=np.array([5, 0]), source=reals(shape=(2,))),
    case(x=reals(shape=(3, 2)), index=np.array([[-1, 0], [0, 1]]), source=reals(shape=(2, 2)), accumulate=True),
])  # fmt: skip
def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy of ``x`` with ``source`` written (added, if ``accumulate``) where ``take`` with this index would read.

    Raises: ShapeError; IndexError; DtypeError if ``x`` is integer and what is written is not.
    """
    index = as_index("put", index)
    if index.size != np.size(source):
        raise ShapeError(f"put: index and source differ in size: {index.shape} and {shape_of(source)}")
    filled = index_put(reshape(x, -1), (index.reshape(-1),), reshape(source, -1), accumulate)
    return reshape(filled, shape_of(x))


@composed(inputs=("x", "source"), samples=[
    case(x=reals(shape=(2, 3)), mask=np.array([[True, False, True], [False, True, False]]), source=reals(shape=(2, 2))),
    case(x=reals(shape=(2, 3)), mask=np.array([True, False, False]), source=reals(shape=(2,))),
])  # fmt: skip
def masked_scatter(x: Any, mask: Any, source: Any) -> Tensor:
    """A copy of ``x`` in which the elements where ``mask`` is True are replaced by those of ``source``, in order.

    Raises: ShapeError if ``source`` has too few; DtypeError if ``x`` is integer and ``source`` is not.
    """
    mask = as_mask("masked_scatter", mask)
    _check_dtype("masked_scatter", x, source)
    shape = np.broadcast_shapes(shape_of(x), mask.shape)
    mask = np.broadcast_to(mask, shape)
    line = np.reshape(mask, -1)
    count = int(np.max(bare(np.count_nonzero(line)), initial=0))
    if np.size(source) < count:
        raise ShapeError(f"masked_scatter: the mask has {count} True elements, source only {np.size(source)} elements")
    if isinstance(mask, ForeignArray):  # how many elements of source are used differs between examples
        places = np.maximum(np.cumsum(line) - 1, 0)
        return where(mask, reshape(getitem(reshape(source, -1), places), shape) if count else x, x)
    return with_item(broadcast_to(x, shape), getitem(reshape(source, -1), slice(count)), mask)


@composed(inputs=("x", "src"), samples=[case(x=reals(shape=(3, 2)), src=reals(shape=(3,)), dim=1, index=-1)])
def select_scatter(x: Any, src: Any, dim: int, index: int) -> Tensor:
    """A copy of ``x`` in which the slice number ``index`` along ``dim`` is ``src``.

    Raises: ShapeError; IndexError.
    """
    place = along(normalized_dim(dim, len(shape_of(x))), operator.index(index))
    return _exactly("select_scatter", x, src, place)


@composed(inputs=("x", "src"), samples=[
    case(x=reals(shape=(4, 2)), src=reals(shape=(2, 2)), start=1, end=4, step=2),
    case(x=reals(shape=(2, 3)), src=reals(shape=(2, 1)), dim=-1, start=-1),
])  # fmt: skip
def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of ``x`` in which the slices ``start:end:step`` along ``dim`` are ``src``.

    Raises: ShapeError.
    """
    place = along(normalized_dim(dim, len(shape_of(x))), slice(start, end, step))
    return _exactly("slice_scatter", x, src, place)


def _exactly(name: str, x: Any, src: Any, place: Any) -> Any:
    """``with_item``, but without broadcasting."""
    wanted = np.empty(shape_of(x), np.bool_)[place].shape
    if shape_of(src) != wanted:
        raise ShapeError(f"{name}: the place to be overwritten has shape {wanted}, src has {shape_of(src)}")
    return with_item(x, src, place)
