"""An op's derivatives and dtypes, measured on its own samples with numbers from a fixed seed."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import GradientError
from ..samples import Case, Domain
from ..testing.calls import flat
from ..testing.derivatives import FIRST_ORDER, SECOND_ORDER, compare_along, compare_gradient, compare_second
from ..testing.differences import Comparison, InconclusiveError
from ..testing.drawing import TYPICAL, draw_arguments, draw_shapes
from ..testing.subject import Arguments, Slot, Subject
from .contracts import contract_of
from .findings import Finding, Measured

__all__ = ["measure"]

FLOATING = ("float16", "float32", "float64")
INTEGER = ("int64", "int32", "bool")
COMPLEX = ("complex64", "complex128")
SPARE = 4
"""How many more calls of a case are drawn if the first prove nothing, as they come too near to a kink."""
DIRECTIONS = 2
"""Along how many the gradient of complex inputs is compared."""
_RANK = ("failed", "wrong", "undecided", "proven")
"""Of the cases' verdicts the first of these is that of the op."""

Compare = Callable[[Arguments], Iterable[Comparison]]


def measure(target: Any, draws: int = 1, seed: int = 0) -> Measured:
    """Run an op or composed function on its samples and compare its derivatives with differences.

    Args:
        target: what ``autograd.op`` or ``autograd.composed`` made.
        draws: how often each case is drawn; of shapes that are free the first is (2, 3), the others random.
        seed: of all random numbers; an op's numbers do not depend on which others are measured.

    >>> import autograd
    >>> from autograd.optable.measuring import measure
    >>> found = measure(autograd.tanh)
    >>> found.first.verdict, found.second.verdict, found.dtypes["int64"]
    ('proven', 'proven', ('float32',))
    >>> bool(found.first.error < 1e-10)
    True
    """
    subject = Subject(target)
    calls = [_Drawn(subject, case, number, seed) for number, case in enumerate(subject.cases)]
    intricate = [_Drawn(subject, case, number, seed, twice=True) for number, case in enumerate(subject.cases)]
    dtypes: dict[str, tuple[str, ...]] = {}
    refusals: dict[str, str] = {}
    for dtype in (*FLOATING, *INTEGER):
        dtypes[dtype], reason = _results([drawn[0] for drawn in calls], dtype)
        if reason:
            refusals[dtype] = reason
    for dtype in COMPLEX:
        dtypes[dtype], reason = _results([drawn[0] for drawn in intricate], dtype)
        if reason:
            refusals[dtype] = reason
    if subject.differentiable:
        first = _judge(calls, draws, compare_gradient, FIRST_ORDER)
        second = _judge(calls, draws, compare_second, SECOND_ORDER)
    else:
        first = second = Finding("none")
    if contract_of(target).paths or not (subject.op and subject.op.trusted):
        found = _complex(subject, intricate, draws, dtypes["complex128"], refusals.get("complex128", ""))
    else:
        found = Finding("internal")
    return Measured(first, second, found, dtypes, refusals, len(calls), draws)


# ---- drawing -------------------------------------------------------------------------------------------------------


class _Drawn:
    """The calls of a case by number, each drawn when it is first asked for; ``twice``: with complex numbers."""

    def __init__(self, subject: Subject, case: Case, number: int, seed: int, twice: bool = False) -> None:
        self.subject, self.case, self.number, self.seed, self.twice = subject, case, number, seed, twice
        self.drawn: dict[int, Arguments] = {}

    def __getitem__(self, draw: int) -> Arguments:
        if draw not in self.drawn:
            self.drawn[draw] = self._draw(draw)
        return self.drawn[draw]

    def _draw(self, draw: int) -> Arguments:
        subject, case = self.subject, self.case
        own = zlib.crc32(f"{subject.name}/{self.number}/{draw}/{self.seed}".encode())
        slots = subject.slots(case)
        free = [TYPICAL] * len(slots) if draw == 0 else draw_shapes(len(slots), own)
        shapes = [
            any_ if slot.domain.shape is None else slot.domain.shape for slot, any_ in zip(slots, free, strict=True)
        ]
        plain = draw_arguments(subject, case, slots, shapes, own)
        if not self.twice or any(array.dtype.kind == "c" for array in plain.made):
            return plain  # some samples are complex by themselves
        slots = [_doubled(slot, array) if slot.leaf else slot for slot, array in zip(slots, plain.made, strict=True)]
        shapes = [(2, *shape) if slot.leaf else shape for slot, shape in zip(slots, shapes, strict=True)]
        return draw_arguments(subject, case, slots, shapes, own)


def _doubled(slot: Slot, made: Any) -> Slot:
    """The slot of a complex array, whose two parts are drawn; Hermitian, if ``made``, the real one, is symmetric."""
    domain = slot.domain
    make = domain.make or _same
    symmetric = domain.make is not None and made.ndim > 1 and made.shape[-1] == made.shape[-2] > 1
    symmetric = symmetric and np.array_equal(made, np.swapaxes(made, -1, -2))

    def join(parts: Any) -> Any:
        real, imaginary = make(parts[0]), make(parts[1])
        if symmetric:
            imaginary = np.tril(imaginary, -1) - np.triu(imaginary, 1)
        return real + 0.5j * imaginary

    return Slot(slot.name, slot.number, Domain(domain.low, domain.high, "f", None, domain.avoid, join), True)


def _same(array: Any) -> Any:
    return array


# ---- derivatives ---------------------------------------------------------------------------------------------------


def _judge(calls: Sequence[_Drawn], draws: int, compare: Compare, rtol: float) -> Finding:
    """What the comparisons of all calls, those of one case together, say."""
    found = [_judge_case(drawn, draws, compare, rtol) for drawn in calls if drawn[0].leaves]
    if not found:
        return Finding("none")
    worst = min(found, key=lambda finding: (_RANK.index(finding.verdict), -(finding.error or 0.0)))
    errors = [finding.error for finding in found if finding.error is not None]
    return Finding(worst.verdict, max(errors, default=None), len(found), worst.where, worst.message)


def _judge_case(drawn: _Drawn, draws: int, compare: Compare, rtol: float) -> Finding:
    """What the comparisons of one case say: of this many calls, or more if these prove nothing."""
    worst, where, conclusive, reason = 0.0, "", False, ""
    for draw in range(draws + SPARE):
        if draw >= draws and (conclusive or not reason):
            break
        a = drawn[draw]
        try:
            comparisons = list(compare(a))
        except Exception as error:  # noqa: BLE001 (whatever an op raises is what the table has to show)
            return Finding("failed", None, 1, repr(a), f"{type(error).__name__}: {error}")
        for comparison in comparisons:
            with np.errstate(all="ignore"):
                here = float(np.nanmax(np.append(comparison.relative, 0.0)))
            if here >= worst:
                worst, where = here, repr(a)
            try:
                comparison.require(rtol)
                conclusive = True
            except InconclusiveError as error:
                reason = reason or str(error)
            except AssertionError as error:
                return Finding("wrong", here, 1, repr(a), str(error))
    if not conclusive and reason:
        return Finding("undecided", None, 1, repr(drawn[0]), reason)
    return Finding("proven", worst, 1, where)


def _both_orders(a: Arguments) -> Iterator[Comparison]:
    yield from compare_along(a, DIRECTIONS)
    yield from compare_second(a)


def _complex(subject: Subject, calls: list[_Drawn], draws: int, results: tuple[str, ...], refusal: str) -> Finding:
    """What is measured of the derivatives with respect to complex inputs, of the cases that take them."""
    accepted = [drawn for drawn in calls if _outcome(drawn[0], "complex128")[0]]
    if not accepted:
        return Finding("refused", None, len(calls), message=refusal)
    if not subject.differentiable or not any(result.startswith(("complex", "float")) for result in results):
        return Finding("value", None, len(accepted), message=refusal)
    found = _judge(accepted, draws, _both_orders, SECOND_ORDER)
    verdict = "value" if found.message.startswith(f"{GradientError.__name__}: ") else found.verdict
    return Finding(verdict, found.error, found.cases, found.where, found.message or refusal)


# ---- dtypes --------------------------------------------------------------------------------------------------------


def _results(calls: Sequence[Arguments], dtype: str) -> tuple[tuple[str, ...], str]:
    """The dtypes that come out where ``dtype`` goes in, and why some case did not take it."""
    found: dict[str, None] = {}
    reason = ""
    for a in calls:
        if "dtype" in a.case.arguments:
            continue  # it says itself which
        results, refusal = _outcome(a, dtype)
        found |= dict.fromkeys(results)
        reason = reason or refusal
    return tuple(found), reason


def _outcome(a: Arguments, dtype: str) -> tuple[list[str], str]:
    """The dtypes of one call's results, or why there are none."""
    wide = [np.asarray(array) for array in a.made]
    target = np.dtype(dtype)
    given = list(a.made)
    for n in _varying(a, wide):
        given[n] = _cast(wide[n], target)
        if given[n] is None:
            return [], ""
    narrowed = a.narrowed(target) if target.kind == "f" else a
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            reference = [_dtype_of(out) for out in flat(a.call(a.made))]
            outs = [_dtype_of(out) for out in flat(narrowed.call(given))]
    except np.linalg.LinAlgError:
        return [], ""  # rounding to whole numbers made the matrix singular
    except Exception as error:  # noqa: BLE001 (a refusal may be of any kind)
        return [], f"{type(error).__name__}: {error}".split("\n")[0]
    chosen = [out for out, was in zip(outs, reference, strict=False) if was is not None and was.kind in "fc"]
    return [str(out) for out in chosen or outs if out is not None], ""


def _varying(a: Arguments, arrays: Sequence[Any]) -> list[int]:
    """The slots whose dtype is tried: floating ones, and all inputs of an op that has no derivatives."""
    op = a.subject.op
    inputs = () if op is None or op.differentiable else op.inputs
    return [
        n
        for n, (slot, array) in enumerate(zip(a.slots, arrays, strict=True))
        if (slot.domain.kind == "f" and array.dtype.kind in "fc") or slot.name in inputs
    ]


def _cast(array: Any, target: Any) -> Any:
    """The array in a dtype, or in the complex one of its size if it is complex; None if there is none."""
    if array.dtype.kind == "c" and target.kind != "c":
        sizes = {"float32": np.complex64, "float64": np.complex128}
        return array.astype(sizes[target.name]) if target.name in sizes else None
    if target.kind == "b":
        return array > 0
    return np.round(array).astype(target) if target.kind == "i" else array.astype(target)


def _dtype_of(out: Any) -> Any:
    return getattr(out, "dtype", None)
