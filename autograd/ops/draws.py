"""Drawing by a Tensor of probabilities, and filling a Tensor with random numbers.

Random numbers do not vary with what they were drawn by: its gradient is zero, as in PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from .._inplace import recorded_write
from .._op import op
from ..engine.callsite import line_if_debugging
from ..engine.failures import explained
from ..engine.foreign import as_array, everywhere
from ..engine.modes import local
from ..engine.nodes import Handle, array_of, new_tensor
from ..engine.views import check_writable, node_of, rebase
from ..errors import ArgumentError, DtypeError, ShapeError
from ..generator import Generator, floating, moved, source
from ..samples import case, reals
from .rounding import zero
from .shapes import also_named, integer

if TYPE_CHECKING:
    from .._tensor import Tensor

__all__ = [
    "bernoulli", "bernoulli_", "cauchy_", "drawn_by", "exponential_", "geometric_", "log_normal_", "multinomial",
    "normal_", "random_", "uniform_",
]  # fmt: skip


@op(
    values=lambda g: g,
    x=zero,
    y=zero,
    samples=[
        case(values=reals(shape=(2, 3)), x=reals(shape=(2, 3))),
        case(values=reals(shape=(2, 3)), x=reals(shape=(3,)), y=reals(shape=(2, 1))),
    ],
)
def drawn_by(values: Any, x: Any, y: Any = None) -> Any:
    """Random numbers, ``values``, of a distribution with the parameters ``x`` and ``y``."""
    return np.positive(values)  # no op hands out an array that it was given


def _array(x: Any) -> Any:
    return array_of(x) if isinstance(x, Handle) else as_array(x)


def _real(name: str, dtype: np.dtype[Any]) -> None:
    """Raise DtypeError for complex numbers."""
    if dtype.kind == "c":
        raise DtypeError(f"{name}: the distribution is one of real numbers, but the dtype is {dtype}; use a real one")


@also_named(input="x")
@explained
def bernoulli(x: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Ones with the probabilities ``x`` (or all with probability ``p``), else zeros, in the shape and dtype of ``x``.

    Raises:
        DtypeError: a complex dtype.
        ValueError: a probability outside [0, 1].
    """
    probabilities = _array(x)
    _real("bernoulli", probabilities.dtype)
    chance = probabilities if p is None else p
    if not everywhere((chance >= 0) & (chance <= 1)):
        raise ArgumentError("bernoulli: expected probabilities between 0 and 1")
    drawn = source(generator).uniform(probabilities.shape, dtypes.float64) < chance
    return drawn_by(as_array(drawn).astype(dtypes.to_float(probabilities.dtype)), x)


@also_named(input="x")
@explained
def multinomial(x: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Indices drawn with probabilities proportional to the weights ``x``, a row of them for each row.

    Args:
        x: weights (n,) or (rows, n), not negative, with a positive sum in each row.
        num_samples: how many a row.
        replacement: whether an index can be drawn again.

    Raises:
        ValueError: weights that are negative, not finite or all zero, or too few of them.

    Source: without replacement the largest ``log(weight) + Gumbel noise`` (Efraimidis and Spirakis, 2006).
    """
    if local.levels:
        return new_tensor(local.levels[-1].draw_each(
            source(generator), lambda given: multinomial(given, num_samples, replacement, generator=generator)._data,
            _array(x),
        ))  # fmt: skip
    weights = _array(x).astype(np.float64)
    rows = np.atleast_2d(weights)
    if weights.ndim not in (1, 2):
        raise ShapeError(f"multinomial: expected weights of 1 or 2 dimensions, got shape {weights.shape}")
    if integer(num_samples, "num_samples") < 1:
        raise ArgumentError(f"multinomial: expected at least one sample, got num_samples={num_samples}")
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(-1) > 0).all()):
        raise ArgumentError("multinomial: weights must be finite and not negative, with a positive sum in each row")
    stream = source(generator)
    if replacement:
        shares = np.cumsum(rows, -1) / rows.sum(-1, keepdims=True)
        points = stream.uniform((rows.shape[0], num_samples), dtypes.float64)
        drawn = np.empty(points.shape, np.int64)
        for row, share, point in zip(drawn, shares, points, strict=True):
            row[...] = np.searchsorted(share, point, side="right")
        drawn = np.minimum(drawn, rows.shape[1] - 1)
    else:
        if (np.count_nonzero(rows, -1) < num_samples).any():
            raise ArgumentError(
                f"multinomial: {num_samples} different indices asked for, but a row has fewer positive weights; "
                "pass replacement=True"
            )
        with np.errstate(divide="ignore"):
            noise = -np.log(-np.log1p(-stream.uniform(rows.shape, dtypes.float64)))
            drawn = np.argsort(-(np.log(rows) + noise), -1, kind="stable")[:, :num_samples]
    return new_tensor((drawn if weights.ndim == 2 else drawn[0]).astype(np.int64))


def _fill(x: Any, drawn: Any, name: str) -> Any:
    """Overwrite ``x`` with an array of random numbers."""
    check_writable(x, name)
    data = array_of(x)
    np.copyto(data, drawn, casting="unsafe")
    if local.grad and node_of(x) is not None:
        recorded_write(x, drawn_by.op, (None, x, None), (data, data, None))
    else:
        rebase(x, None, line_if_debugging())
    return x


@also_named(**{"from": "low", "to": "high"})
@explained
def uniform_(x: Any, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with uniform numbers from [low, high).

    Raises:
        ValueError: ``high`` is below ``low``, or too far above it for the dtype.
    """
    dtype = floating("uniform_", x.dtype)
    if not (low <= high and max(-low, high, high - low) <= float(np.finfo(dtype).max)):
        raise ArgumentError(f"uniform_: expected low <= high, not infinite in {dtype}, got low={low} and high={high}")
    drawn = source(generator).uniform(x.shape, dtype)
    return _fill(x, moved(drawn * (high - low), low), "uniform_")


@explained
def normal_(x: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with normal numbers.

    Raises:
        ValueError: a negative deviation.
    """
    if std < 0:
        raise ArgumentError(f"normal_: std must not be negative, got {std}")
    drawn = source(generator).normal(x.shape, floating("normal_", x.dtype))
    return _fill(x, moved(drawn * std, mean), "normal_")


@explained
def bernoulli_(x: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with ones, each with probability ``p`` (a number or a Tensor), and zeros.

    Raises:
        DtypeError: a complex dtype.
        ValueError: a probability outside [0, 1].
    """
    _real("bernoulli_", x.dtype)
    chance = p._data if isinstance(p, Handle) else as_array(p)
    if not everywhere((chance >= 0) & (chance <= 1)):
        raise ArgumentError("bernoulli_: expected probabilities between 0 and 1")
    return _fill(x, source(generator).uniform(x.shape, dtypes.float64) < chance, "bernoulli_")


@explained
def exponential_(x: Any, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with exponentially distributed numbers of rate ``lambd``.

    Raises:
        DtypeError: a dtype that is not floating.
        ValueError: the rate is not positive.
    """
    _real("exponential_", floating("exponential_", x.dtype))
    if not lambd > 0:
        raise ArgumentError(f"exponential_: the rate must be positive, got lambd={lambd}")
    drawn = source(generator).uniform(x.shape, dtypes.float64)
    return _fill(x, -np.log1p(-drawn) / lambd, "exponential_")


@explained
def cauchy_(x: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers of a Cauchy distribution, half of them within ``sigma`` of the median.

    Raises:
        DtypeError: a dtype that is not floating.
        ValueError: ``sigma`` is not positive.
    """
    _real("cauchy_", floating("cauchy_", x.dtype))
    if not sigma > 0:
        raise ArgumentError(f"cauchy_: sigma must be positive, got {sigma}")
    drawn = source(generator).uniform(x.shape, dtypes.float64)
    return _fill(x, median + sigma * np.tan(np.pi * (drawn - 0.5)), "cauchy_")


@explained
def log_normal_(x: Any, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers whose logarithms are normal, of this mean and deviation.

    Raises:
        DtypeError: a dtype that is not floating.
        ValueError: the deviation is not positive.
    """
    _real("log_normal_", floating("log_normal_", x.dtype))
    if not std > 0:
        raise ArgumentError(f"log_normal_: std must be positive, got {std}")
    return _fill(x, np.exp(source(generator).normal(x.shape, dtypes.float64) * std + mean), "log_normal_")


@explained
def geometric_(x: Any, p: float, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with how many trials it takes, each with probability ``p``, until the first success: 1, 2, ...

    Raises:
        DtypeError: a complex dtype.
        ValueError: ``p`` is not between 0 and 1.
    """
    _real("geometric_", x.dtype)
    if not 0 < p < 1:
        raise ArgumentError(f"geometric_: expected a probability between 0 and 1, neither of them, got p={p}")
    drawn = source(generator).uniform(x.shape, dtypes.float64)
    return _fill(x, np.maximum(np.ceil(np.log1p(-drawn) / np.log1p(-p)), 1), "geometric_")


def _integers(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the largest integer that a dtype holds, of a floating one up to where it leaves some out."""
    if dtype.kind == "f":
        most = 1 << int(np.finfo(dtype).nmant) + 1
        return -most, most
    return (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


@also_named(**{"from": "low", "to": "high"})
@explained
def random_(x: Any, low: int = 0, high: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with integers from ``low`` up to but not including ``high`` (``random_(high)`` starts at 0).

    Raises:
        DtypeError: a complex dtype.
        ValueError: an integer dtype cannot hold all of them.
    """
    _real("random_", x.dtype)
    if high is None and low:
        low, high = 0, low
    least, most = _integers(x.dtype)
    if high is None:
        high = most + 1
    elif x.dtype.kind in "biu" and not least <= low <= high <= most + 1:
        raise ArgumentError(f"random_: {x.dtype} holds {least} to {most}, got low={low} and high={high}")
    return _fill(x, source(generator).integers(low, high, x.shape), "random_")
