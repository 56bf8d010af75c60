"""Properties of derivatives: right by differences, to any order, at kinks and at ties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _gradients
from ..engine.nodes import new_tensor
from ..func.forward import jvp
from .calls import differentiate, leaf_of, pull, require_same, seeds_for
from .differences import (
    Comparison,
    InconclusiveError,
    derivative_along,
    direction,
    gradient_by_differences,
    join,
    one_sided,
    step_of,
)
from .subject import Arguments, differentiable_outputs

__all__ = [
    "FIRST_ORDER",
    "SECOND_ORDER",
    "compare_along",
    "compare_gradient",
    "compare_second",
    "forward_again",
    "forward_mode",
    "gradient",
    "kinks",
    "second_order",
    "ties",
]

FIRST_ORDER = 1e-8
SECOND_ORDER = 1e-7


def gradient(a: Arguments) -> None:
    """The gradient is that of the differences, to eight digits."""
    for comparison in compare_gradient(a):
        comparison.require(FIRST_ORDER)


def second_order(a: Arguments) -> None:
    """The gradient of the gradient is that of the gradient's differences."""
    for comparison in compare_second(a):
        comparison.require(SECOND_ORDER)


def compare_gradient(a: Arguments) -> Iterator[Comparison]:
    """The gradient with respect to each number of the raw leaves beside that of the differences."""
    if not a.leaves:
        return
    raw = [a.raw[n] for n in a.leaves]
    run = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, rng=a.rng())
    value = scalar(a, run.seeds)
    steps = [step_of(a.spacing, array) for array in raw]
    expected, error = gradient_by_differences(value, raw, steps, a.rng())
    yield Comparison("the gradient", labels(a), join(run.arrays), expected, error)


def compare_along(a: Arguments, count: int) -> Iterator[Comparison]:
    """The gradient along random directions of the raw leaves beside the differences: less work than each by itself."""
    if not a.leaves:
        return
    rng = a.rng()
    raw = [a.raw[n] for n in a.leaves]
    run = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, rng=rng)
    value = scalar(a, run.seeds)
    step = _shortest_step(a, raw)
    for number in range(count):
        u = [direction(rng, array.shape) for array in raw]
        terms = join([g * along for g, along in zip(run.arrays, u, strict=True)])

        def moved(t: Any, u: Any = u) -> Any:
            return np.asarray(value([array + t * along for array, along in zip(raw, u, strict=True)]))

        expected, error = derivative_along(moved, step / 1.5)
        yield Comparison(
            "the gradient", [f"random direction {number}"], np.sum(terms).reshape(1), expected.reshape(1),
            error.reshape(1), float(np.sum(np.abs(terms))),
        )  # fmt: skip


def compare_second(a: Arguments) -> Iterator[Comparison]:
    """The gradient of the gradient, along random directions of the leaves and of the seeds, beside the differences."""
    if not a.leaves:
        return
    raw = [a.raw[n] for n in a.leaves]
    count = len(raw)
    rng = a.rng()
    seeds = seeds_for(rng, differentiable_outputs(a.call_raw([new_tensor(array) for array in raw])))
    weights = [direction(rng, array.shape) for array in raw]

    def first(points: Sequence[Any], starts: Sequence[Any], create: bool) -> tuple[list[Any], list[Any], list[Any]]:
        leaves = [leaf_of(np.array(point)) for point in points]
        tensors = [leaf_of(np.array(start)) for start in starts] if create else list(starts)
        run = differentiate(leaves, a.call_raw, tensors, create_graph=create)
        return leaves, tensors, run.gradients

    leaves, tensors, gradients = first(raw, seeds, True)
    reached = [(g, w) for g, w in zip(gradients, weights, strict=True) if g.requires_grad]
    if reached:
        second = _gradients.grad(
            [g for g, _ in reached], [*leaves, *tensors], [w for _, w in reached], materialize_grads=True
        )
    else:
        second = tuple(new_tensor(np.zeros_like(np.asarray(t._data))) for t in (*leaves, *tensors))
    slopes = [np.asarray(g._data) for g in second]
    step = _shortest_step(a, raw)

    def pulled(points: Sequence[Any], starts: Sequence[Any]) -> Any:
        return np.asarray(pull([np.asarray(g._data) for g in first(points, starts, False)[2]], weights))

    def beside(what: str, where: str, parts: Sequence[Any], u: Sequence[Any], expected: Any, error: Any) -> Comparison:
        terms = [g * along for g, along in zip(parts, u, strict=True)]
        found = np.asarray(sum(float(np.sum(np.real(term))) for term in terms))
        size = sum(float(np.sum(np.abs(term))) for term in terms)  # of it rounding is left where they cancel
        label = [f"a random direction in the {where}"]
        return Comparison(what, label, found.reshape(1), expected.reshape(1), np.reshape(error, 1), size)

    for _ in range(2):
        u = [direction(rng, array.shape) for array in raw]

        def moved(t: Any, u: Any = u) -> Any:
            return pulled([array + t * along for array, along in zip(raw, u, strict=True)], seeds)

        yield beside("the second derivative", "inputs", slopes[:count], u, *derivative_along(moved, step / 1.5))
    for _ in range(2):
        u = [direction(rng, seed.shape).astype(seed.dtype) for seed in seeds]
        # the gradient is linear in the seeds: along a direction it grows by what it is there
        yield beside("the derivative with respect to the seed", "seeds", slopes[count:], u, pulled(raw, u), 0.0)


def forward_mode(a: Arguments) -> None:
    """The derivative along a direction, as forward mode gives it, is that of the gradient."""
    if not a.leaves:
        return
    rng = a.rng()
    raw = [a.raw[n] for n in a.leaves]
    directions = [direction(rng, array.shape) for array in raw]
    run = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, rng=rng)
    everything = list(range(len(raw)))
    for moving in [everything] + [[k] for k in everything if len(raw) > 1]:
        moved = _pushed(a, [new_tensor(array.copy()) for array in raw], directions, moving)
        found = pull([np.asarray(move._data) for move in moved], run.seeds)
        which = "" if len(moving) == len(raw) else f" when {a.slots[a.leaves[moving[0]]]} moves alone"
        _require_equal(f"jvp moves the outputs{which}", found, [run.arrays[k] * directions[k] for k in moving])


def forward_again(a: Arguments) -> None:
    """What forward mode gives has the derivatives that it has as the gradient times the direction."""
    if not a.leaves:
        return
    rng = a.rng()
    raw = [a.raw[n] for n in a.leaves]
    directions = [direction(rng, array.shape) for array in raw]
    run = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, create_graph=True, rng=rng)
    terms = [np.sum(g * u) for g, u in zip(run.gradients, directions, strict=True)]
    leaves = [leaf_of(array.copy()) for array in raw]
    moved = _pushed(a, leaves, directions, list(range(len(raw))))
    found = _slopes(pull(moved, run.seeds), leaves)
    expected = _slopes(sum(terms[1:], terms[0]), run.leaves)
    weights = [direction(rng, array.shape) for array in raw]
    curved = [g * w for g, w in zip(expected, weights, strict=True)]
    size = sum(float(np.sum(np.abs(g * u))) for g, u in zip(run.arrays, directions, strict=True)) + 1e-4
    found = sum(np.sum(g * w) for g, w in zip(found, weights, strict=True))
    _require_equal("its derivatives move it", found, curved, size)


def _pushed(a: Arguments, leaves: Sequence[Any], directions: Sequence[Any], moving: Sequence[int]) -> Any:
    """How the outputs move if the leaves with these numbers do."""

    def call(*some: Any) -> Any:
        given = list(leaves)
        for k, leaf in zip(moving, some, strict=True):
            given[k] = leaf
        return tuple(differentiable_outputs(a.call_raw(given)))

    return jvp(call, tuple([leaves[k] for k in moving]), tuple([directions[k] for k in moving]))[1]


def _slopes(number: Any, leaves: Sequence[Any]) -> list[Any]:
    if not getattr(number, "requires_grad", False):
        return [np.zeros_like(np.asarray(leaf._data)) for leaf in leaves]
    return [np.asarray(g._data) for g in _gradients.grad(number, leaves, materialize_grads=True)]


def _require_equal(what: str, found: Any, terms: Sequence[Any], size: float = 0.0) -> None:
    expected = sum(np.sum(term) for term in terms)
    size += sum(float(np.sum(np.abs(term))) for term in terms)  # of it rounding is left where they cancel
    if not abs(found - expected) <= 1e-10 * size + 1e-300 and not (np.isnan(expected) and np.isnan(found)):
        raise AssertionError(f"{what} by {float(found)!r} along a direction, the gradient by {float(expected)!r}")


def kinks(a: Arguments) -> None:
    """At a kink the gradient lies between the slopes on its two sides."""
    with np.errstate(all="ignore"):  # it may be a pole
        _check_kinks(a)


def _check_kinks(a: Arguments) -> None:
    rng = a.rng()
    raw = [np.array(a.raw[n]) for n in a.leaves]
    for number, n in enumerate(a.leaves):
        domain = a.slots[n].domain
        if domain.make is not None or not raw[number].size:
            continue
        for point in domain.avoid:
            if not domain.low <= point <= domain.high:
                continue
            index = tuple(int(rng.integers(size)) for size in raw[number].shape)
            at = [array.copy() for array in raw]
            at[number][index] = point
            run = differentiate([leaf_of(array.copy()) for array in at], a.call_raw, rng=a.rng())
            if not all(np.all(np.isfinite(np.asarray(out._data))) for out in run.outputs):
                continue
            value = scalar(a, run.seeds)

            def along(t: float, number: int = number, index: Any = index, at: Any = at, value: Any = value) -> float:
                moved = [array.copy() for array in at]
                moved[number][index] += t
                return float(np.real(value(moved)))

            low, high = one_sided(along, min(a.spacing / 8, 1e-3))
            found = float(run.arrays[number][index])
            if not (low <= found <= high):
                raise AssertionError(
                    f"at {a.slots[n]} = {point}: the gradient is {found!r}, the slopes on the two sides span "
                    f"[{low:.9g}, {high:.9g}]"
                )


def ties(a: Arguments) -> None:
    """Equal numbers: gradients are repeatable, and right along the direction that keeps the numbers equal."""
    if not a.leaves or not a.subject.tieable(a.case):
        return
    raw = [a.raw[n] for n in a.leaves]
    run = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, rng=a.rng())
    again = differentiate([leaf_of(array.copy()) for array in raw], a.call_raw, rng=a.rng())
    require_same(again.arrays, run.arrays, "the same call a second time", 0, 0)
    found = join(run.arrays)
    if not all(np.all(np.isfinite(np.asarray(out._data))) for out in run.outputs):
        return
    value = scalar(a, run.seeds)
    step = _shortest_step(a, raw)
    expected, error = derivative_along(lambda t: np.asarray(np.real(value([array + t for array in raw]))), step)
    total = float(np.sum(np.abs(found)))
    here, nearby = value(raw), min(1e-6, step / 64)
    right = np.real(value([array + nearby for array in raw]) - here) / nearby
    left = np.real(here - value([array - nearby for array in raw])) / nearby
    bent = not abs(right - left) <= 1e-3 * max(abs(right), abs(left), 1e-3 * total) + 1e-6
    if bent or not np.isfinite(expected) or error > 1e-6 * max(1.0, abs(expected)):
        raise InconclusiveError("the function is not smooth where all numbers move together")
    alike = ["the direction in which all numbers grow alike"]
    Comparison("the gradient", alike, np.sum(found).reshape(1), expected.reshape(1), error.reshape(1), total).require(
        FIRST_ORDER
    )


def _shortest_step(a: Arguments, raw: Sequence[Any]) -> float:
    """The step along which all numbers of the raw leaves can move together."""
    return min((float(np.min(step_of(a.spacing, array), initial=1.0)) for array in raw), default=1.0)


def scalar(a: Arguments, seeds: Sequence[Any]) -> Callable[[Sequence[Any]], Any]:
    """The one number that a call's outputs are pulled together to, as a function of its raw leaves."""
    return lambda leaves: pull(a.values(leaves), seeds)


def labels(a: Arguments) -> list[str]:
    """A name and a value for each number in the raw leaves."""
    return [
        f"{a.slots[n]}{list(index) if index else ''} = {a.raw[n][index]:.17g}"
        for n in a.leaves
        for index in np.ndindex(a.raw[n].shape)
    ]
