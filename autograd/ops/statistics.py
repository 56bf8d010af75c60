"""Statistics: variance, standard deviation, covariance.

``dim`` and ``keepdim`` as in ``ops/reductions``. ``correction`` is what is subtracted from the number of elements
(1: Bessel's; NumPy's ``ddof``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._op import composed, op, unwrap
from .._protocols import numpy_function
from ..engine.foreign import as_array, everywhere
from ..engine.sums import SHORT, dot_lines
from ..errors import ArgumentError, DtypeError, ShapeError
from ..samples import case, reals
from . import arithmetic
from ._blocks import BLOCK, in_blocks, own
from ._sums import add_reduce, has_lost
from .axes import accumulation_dtype, axes_of, cast_input, count, first_of, kept, restore
from .joining import cat
from .reductions import counted, mean, numpy_axes, numpy_mean
from .selection import clamp
from .shapes import reshape

if TYPE_CHECKING:
    from .._tensor import Tensor

_SPREADS = [
    case(x=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 3)), dim=0, correction=0),
    case(x=reals(shape=(2, 3)), dim=-1, keepdim=True, correction=1.5),
    case(x=reals(shape=(2, 3, 2)), dim=(0, -1)),
    case(x=reals(shape=(2, 2)), dim=()),
    case(x=reals(shape=(2, 0)), dim=0),
]
_MEANS = [
    case(x=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 3)), dim=-1),
    case(x=reals(shape=(2, 3, 2)), dim=(0, -1)),
    case(x=reals(shape=())),
    case(x=reals(shape=(0, 2)), dim=0),
]
_FORMS = [
    case(x=reals(shape=(2, 3))),
    case(x=reals(shape=(2, 3)), dim=1, keepdim=True),
    case(x=reals(shape=(3, 2)), dim=0, unbiased=False),
]


# ---- variance and standard deviation --------------------------------------------------------------------------------

_NEAR = 1e-3
"""In the share of the mean: rounding errors are far smaller."""


def _degrees(shape: tuple[int, ...], dim: Any, correction: float) -> float:
    """The number that the sum of squares is divided by."""
    freedom = count(shape, dim) - correction
    return freedom if freedom > 0 else 0.0


def _is_large(x: Any) -> bool:
    return type(x) is np.ndarray and x.size > BLOCK and x.dtype.kind == "f"


def _is_line(x: Any, dim: Any) -> bool:
    """Whether all elements are reduced, of an array in C order with several dimensions: it may be seen as a line."""
    return x.ndim > 1 and len(axes_of(dim, x.ndim)) == x.ndim and x.flags.c_contiguous


def _part(level: Any, block: slice) -> Any:
    """What of the levels, with the reduced dimensions as 1, belongs to a block."""
    return level if len(level) == 1 else level[block]


def _of_blocks(x: Any, compute: Callable[[slice], Any]) -> list[Any]:
    """What ``compute`` makes of each block of ``x``, in their order."""
    parts: dict[int, Any] = {}
    in_blocks(x, lambda: lambda block: parts.__setitem__(block.start, compute(block)), cheap=True)
    return [parts[start] for start in sorted(parts)]


def _summed(x: Any, dim: Any, terms: Callable[[slice], Any]) -> Any:
    """The sum over ``dim``, dimensions kept, of the terms that ``terms`` makes of each block of ``x``."""
    found = _of_blocks(x, lambda block: add_reduce(terms(block), dim, True))
    if len(found) == 1:
        return found[0]
    return np.add.reduce(found, 0) if 0 in axes_of(dim, x.ndim) else np.concatenate(found)


def _shift(x: Any, dim: Any) -> tuple[Any, Any]:
    """The mean of a large array, dimensions kept, in two parts: the first element and the rest.

    Where the mean is far from the first element, its rounding error is small beside the distances: one part will do.
    """
    n = count(x.shape, dim)
    mean = add_reduce(x, dim, True) / n
    start = first_of(x, dim)
    if not (np.abs(start - mean) <= _NEAR * np.abs(mean)).any():
        return mean, None
    return start, _summed(x, dim, lambda block: x[block] - _part(start, block)) / n


def _distances(x: Any, mean: tuple[Any, Any], block: slice, out: Any = None) -> Any:
    start, rest = mean
    away = np.subtract(x[block], _part(start, block), out=out)
    if rest is not None:
        away -= _part(rest, block)
    return away


def _squares(x: Any, dim: Any) -> Any:
    """The sum of the squared distances from the mean of a large array, dimensions kept."""
    if _is_line(x, dim):
        return _squares(x.reshape(-1), 0).reshape((1,) * x.ndim)
    mean = _shift(x, dim)
    whole = x.ndim > 1 and x.ndim - 1 in axes_of(dim, x.ndim) and x.shape[-1] <= SHORT
    others = tuple([d for d in axes_of(dim, x.ndim) if d != x.ndim - 1])

    def terms(block: slice) -> Any:
        away = _distances(x, mean, block)
        return np.expand_dims(dot_lines(away, away), -1) if whole else np.multiply(away, away, out=away)

    return _summed(x, others if whole else dim, terms) if others or not whole else np.concatenate(_of_blocks(x, terms))


_DOUBLE = {"f": np.dtype(np.float64), "F": np.dtype(np.complex128)}


def _centred(x: Any, dim: Any, exact: bool, share: Any = 1) -> Any:
    """``share`` times the distances from the mean, a new array, in the dtype that they are computed in.

    Of single precision that is double precision unless there are many, so that squares neither overflow nor vanish; of
    16-bit floats it is float32. ``exact``: of equal numbers the distances are 0, not rounding errors (which ``std``
    would blow up in its gradient), as those from the first are taken before; in double precision sums are exact.
    """
    double = _DOUBLE.get(x.dtype.char) if x.size <= BLOCK else None
    wide = double or accumulation_dtype(x.dtype)
    x = np.asanyarray(x if wide is None else x.astype(wide))
    if not x.size:
        return x
    if _is_large(x) and _is_line(x, dim):
        return _centred(x.reshape(-1), 0, exact, np.reshape(share, -1) if np.ndim(share) else share).reshape(x.shape)
    if _is_large(x):
        mean, out = _shift(x, dim), np.empty_like(x)

        def work(block: slice) -> None:
            away = _distances(x, mean, block, out[block])
            if np.ndim(share):
                away *= _part(share, block)

        in_blocks(x, lambda: work, cheap=True)
        return out
    away = x - first_of(x, dim) if exact and double is None else x
    away = np.subtract(away, add_reduce(away, dim, True) / count(x.shape, dim), out=own(away) if double else None)
    return away * share if np.ndim(share) else away


@op(x=lambda g, dim: centred.kernel(g, dim), jvp="linear", samples=_MEANS)
@np.errstate(invalid="ignore")  # as a decorator this costs a tenth of a with statement
def centred(x: Any, dim: Any = None, exact: bool = True) -> Any:
    """The distances from the mean over ``dim``; ``exact``: they are 0 of equal numbers, without rounding errors."""
    return _centred(x, dim, exact).astype(x.dtype, copy=False)


@op(
    share=lambda g, x, dim, exact: g * centred.kernel(x, dim, exact),
    x=lambda g, share, dim: centred.kernel(g * share, dim),
    jvp="multilinear",
    samples=[
        case(share=reals(shape=(1, 1)), x=reals(shape=(2, 3))),
        case(share=reals(shape=(2, 1)), x=reals(shape=(2, 3)), dim=-1),
        case(share=reals(shape=(1, 3, 1)), x=reals(shape=(2, 3, 2)), dim=(0, -1)),
    ],
)
@np.errstate(invalid="ignore")
def centred_share(share: Any, x: Any, dim: Any = None, exact: bool = True) -> Any:
    """``share`` (with the dimensions ``dim`` as 1) times the distances from the mean over ``dim``."""
    return _centred(x, dim, exact, share).astype(x.dtype, copy=False)


@np.errstate(invalid="ignore", divide="ignore", over="ignore")
def _variance(x: Any, dim: Any, correction: float, keepdim: bool, exact: bool) -> Any:
    """In two passes; in the dtype of ``_centred``."""
    x = cast_input("std" if exact else "var", x, None)
    if _is_large(x) and accumulation_dtype(x.dtype) is None:
        total = _squares(x, dim)
        total = total if keepdim else np.squeeze(total, axes_of(dim, x.ndim))
        if x.dtype.char in _DOUBLE and has_lost(total, x, dim, keepdim):
            return _variance(x.astype(_DOUBLE[x.dtype.char]), dim, correction, keepdim, exact)
    else:
        away = _centred(x, dim, exact)
        squares = np.real(away * np.conj(away)) if away.dtype.kind == "c" else np.multiply(away, away, out=own(away))
        total = add_reduce(squares, dim, keepdim)
    return total / _degrees(x.shape, dim, correction) if count(x.shape, dim) else total + float("nan")


def _towards(g: Any, x: Any, dim: Any, correction: float, keepdim: bool, exact: bool) -> Any:
    """``g`` times the distances from the mean over the degrees of freedom (conjugate: the rule is of a real output)."""
    degrees = _degrees(np.shape(x), dim, correction)
    share = restore(g * (1 / degrees if degrees else float("inf")), np.shape(x), dim, keepdim)
    if np.size(x) > BLOCK and x.dtype.kind != "c" and share.dtype == x.dtype:
        return centred_share.kernel(np.reshape(share, kept(np.shape(x), dim)), x, dim, exact)
    away = centred.kernel(x, dim, exact)
    return share * (np.conj(away) if away.dtype.kind == "c" else away)


@op(
    x=lambda g, x, dim, correction, keepdim: _towards(g * 2, x, dim, correction, keepdim, False),
    jvp="reduction",
    samples=_SPREADS,
)
def var_(x: Any, dim: Any = None, correction: float = 1, keepdim: bool = False) -> Any:
    """The mean square distance from the mean; NaN without a degree of freedom."""
    return _in_real(_variance(x, dim, correction, keepdim, False), x)


def _std_rule(g: Any, x: Any, out: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    still = out < np.finfo(np.float64 if out.dtype.itemsize > 4 else np.float32).smallest_normal  # as 0: no reciprocal
    share = np.where(still, 0, g) / np.where(still, 1, out)
    return _towards(share, x, dim, correction, keepdim, True)


@op(
    x=_std_rule,
    jvp="reduction",
    samples=_SPREADS,
)
def std_(x: Any, dim: Any = None, correction: float = 1, keepdim: bool = False) -> Any:
    """The square root of the variance; its gradient is 0 where it is 0."""
    return _in_real(np.sqrt(_variance(x, dim, correction, keepdim, True)), x)


def _in_real(out: Any, x: Any) -> Any:
    """A real output in the precision of the input."""
    return out.astype(x.real.dtype if x.dtype.kind == "c" else x.dtype, copy=False)


def _arguments(dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> tuple[Any, float, bool]:
    """The arguments of ``std`` and ``var`` from those of all their forms."""
    if isinstance(dim, bool):  # std(x, False)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction, keepdim


@composed(samples=_FORMS)
def var(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Variance: the sum of the squared distances from the mean over ``n - correction`` (1; ``unbiased=False``: 0).

    Computed in two passes. NaN where ``n - correction`` is 0.

    Raises: DtypeError for integers and bools.
    """
    return var_(x, *_arguments(dim, unbiased, keepdim, correction))


@composed(samples=_FORMS)
def std(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Standard deviation, the square root of ``var``. Where it is 0, so is its gradient.

    Raises: DtypeError for integers and bools.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0, 3.0, 4.0])
    >>> x.std(), x.std(correction=0)
    (tensor(1.2910), tensor(1.1180))
    """
    return std_(x, *_arguments(dim, unbiased, keepdim, correction))


@composed(samples=_FORMS)
def var_mean(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """The pair ``(var, mean)``; arguments as for ``var``."""
    dim, correction, keepdim = _arguments(dim, unbiased, keepdim, correction)
    return var_(x, dim, correction, keepdim), mean(x, dim, keepdim)


@composed(samples=_FORMS)
def std_mean(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """The pair ``(std, mean)``; arguments as for ``std``."""
    dim, correction, keepdim = _arguments(dim, unbiased, keepdim, correction)
    return std_(x, dim, correction, keepdim), mean(x, dim, keepdim)


# ---- covariance -----------------------------------------------------------------------------------------------------


def _rows(name: str, x: Any) -> Any:
    """``x`` as rows of observations, one for each variable."""
    shape = np.shape(x)
    if len(shape) > 2:
        raise ShapeError(f"{name}: expected at most two dimensions (variables, observations), got shape {shape}")
    return reshape(x, shape if len(shape) == 2 else (1, -1))


@composed(inputs=("x",), samples=[
    case(x=reals(shape=(2, 4))), case(x=reals(shape=(2, 4)), correction=0), case(x=reals(shape=(3,))),
    case(x=reals(shape=(2, 3)), fweights=np.array([1, 2, 1]), aweights=np.array([0.5, 1.0, 2.0])),
])  # fmt: skip
def cov(x: Any, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance matrix of variables (rows) from observations (columns); a number for one variable.

    Args:
        x: one row for each variable; one dimension is one variable.
        correction: what is subtracted from the number of observations.
        fweights: how often each observation was made (integers).
        aweights: how much each observation weighs.

    Raises: ShapeError if the weights are not one for each observation; DtypeError for fweights that are not integers.
    """
    rows = _rows("cov", x)
    n = rows.shape[1]
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is not None and np.shape(given) not in ((n,), () if n == 1 else (n,)):
            raise ShapeError(f"cov: expected {n} {name}, one for each observation, got shape {np.shape(given)}")
        if given is not None and not everywhere(as_array(unwrap(given)) >= 0):
            raise ArgumentError(f"cov: {name} must not be negative")
    if fweights is not None and fweights.dtype.kind not in "iu":
        raise DtypeError(f"cov: fweights must be integers, got {fweights.dtype}")
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            weights = given if weights is None else arithmetic.mul(weights, given)
    if rows.dtype.kind not in "fcV":
        rows = rows.to(dtypes.to_float(dtypes.default.dtype if weights is None else weights.dtype))
    away = weighted = centred(rows, 1)
    if weights is None:
        freedom = max(n - correction, 0.0)
    else:
        total = np.sum(weights)
        away = away - np.sum(away * weights, axis=1, keepdims=True) / total
        weighted = away * weights
        share = 1 if aweights is None else np.sum(weights * aweights) / total
        freedom = np.maximum(total - correction * share, 0)
    other = np.conj(away) if away.dtype.kind == "c" else away
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.matmul(weighted, np.swapaxes(other, 0, 1)) / freedom
    return out if np.shape(out) != (1, 1) else reshape(out, ())


@composed(samples=[case(x=reals(shape=(2, 4))), case(x=reals(shape=(3, 5)))])
def corrcoef(x: Any) -> Tensor:
    """The matrix of Pearson's correlation coefficients of variables (rows) from observations (columns)."""
    c = cov(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        if not np.ndim(c):
            return c / c
        if c.dtype.kind == "c":
            deviations = np.sqrt(np.real(np.diagonal(c)))
            return c / np.expand_dims(deviations, 1) / np.expand_dims(deviations, 0)
        deviations = np.sqrt(np.diagonal(c))
        return clamp(c / np.expand_dims(deviations, 1) / np.expand_dims(deviations, 0), -1, 1)


# ---- NumPy's signatures ---------------------------------------------------------------------------------------------


def _in_dtype(a: Any, dtype: Any) -> Any:
    """The input in the dtype that NumPy computes in."""
    if dtype is None and a.dtype.kind in "biu":
        dtype = dtypes.float64
    return a if dtype is None else a.astype(dtype)


@numpy_function(np.var)
def _numpy_var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    a, ddof = _in_dtype(a, dtype), ddof if correction is None else correction
    if where is True and mean is None:
        a, axis, keepdims = numpy_axes(a, axis, keepdims)
        return var_(a, axis, ddof, keepdims)
    a = a if where is True else np.where(where, a, 0)  # what is left out has no gradient, were it NaN
    deviation = a - (numpy_mean(a, axis, keepdims=True, where=where) if mean is None else mean)
    squares = np.square(np.abs(deviation) if a.dtype.kind == "c" else deviation)
    result = np.sum(squares, axis, keepdims=True, where=where) / np.maximum(counted(squares, axis, where) - ddof, 0)
    return result if keepdims else np.squeeze(result, axis)


@numpy_function(np.std)
def _numpy_std(
    a: Any, axis: Any = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False, **options: Any
) -> Any:
    correction = options.pop("correction", None)
    ddof = ddof if correction is None else correction
    if options:
        found = _numpy_var(a, axis, dtype, ddof=ddof, keepdims=keepdims, **options)
        equal = found == 0  # the gradient of equal elements is 0, not NaN
        return np.where(equal, 0.0, np.sqrt(np.where(equal, 1.0, found)))
    a, axis, keepdims = numpy_axes(_in_dtype(a, dtype), axis, keepdims)
    return std_(a, axis, ddof, keepdims)


def _variables(x: Any, y: Any, rowvar: bool) -> Any:
    """NumPy's one or two sets of variables, as rows."""
    parts = [part if rowvar or np.ndim(part) < 2 else np.swapaxes(part, 0, 1) for part in (x, y) if part is not None]
    return parts[0] if len(parts) == 1 else cat([_rows("cov", part) for part in parts], 0)


def _in_numpys_dtype(rows: Any, dtype: Any) -> Any:
    """Variables in the dtype asked for, or in at least double precision: so NumPy computes covariances."""
    wanted = np.result_type(rows.dtype, np.float64) if dtype is None else np.dtype(dtype)
    return rows if rows.dtype == wanted else rows.astype(wanted)


@numpy_function(np.cov)
def _numpy_cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    correction = int(not bias) if ddof is None else ddof
    fweights, aweights = [np.asarray(w) if isinstance(w, (list, tuple)) else w for w in (fweights, aweights)]
    rows = _in_numpys_dtype(_variables(m, y, rowvar), dtype)
    return cov(rows, correction=correction, fweights=fweights, aweights=aweights)


@numpy_function(np.corrcoef)
def _numpy_corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    return corrcoef(_in_numpys_dtype(_variables(x, y, rowvar), dtype))
