"""A line search for the strong Wolfe conditions: enough descent, and a slope that has become flat enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Point", "strong_wolfe"]

DESCENT = 1e-4
FLATNESS = 0.9


class Point(NamedTuple):
    """A step length, and value, slope and gradient there."""

    t: float
    value: float
    slope: float
    gradient: Any


def _cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic through two points with their slopes is least, within bounds; their middle if nowhere."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    if not divisor:
        return (low + high) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor), low), high)


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, direction: Any, tolerance: float, max_evaluations: int
) -> tuple[Point, int]:
    """A step length that meets the conditions, or the best that was found.

    Args:
        evaluate: the point at a step length.
        start: the point at 0, of negative slope.
        t: the step length to try first.
        direction: in which the steps go.
        tolerance: stop when the interval left is no longer than this.
        max_evaluations: how often to evaluate beyond the first.

    Returns:
        The point, and the number of evaluations.

    Source: Nocedal and Wright 2006, algorithms 3.5 and 3.6, with cubic interpolation.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + DESCENT * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -FLATNESS * start.slope

    # grow the step until it meets the conditions, or until it and the one before hold a better one between them
    before, point, count = start, evaluate(t), 0
    while count < max_evaluations:
        if too_high(point) or (count > 1 and point.value >= before.value):
            break
        if flat(point):
            return point, count + 1
        if point.slope >= 0:
            break
        low, high = point.t + 0.01 * (point.t - before.t), 10 * point.t
        following = _cubic_minimum(before, point, low, high)
        before, point = point, evaluate(following)
        count += 1
    else:
        before = start

    # shrink the interval between the two
    low_end, high_end = (before, point) if before.value <= point.value else (point, before)
    longest = float(np.max(np.abs(direction))) if direction.size else 0.0
    stuck = False
    while count < max_evaluations and abs(high_end.t - low_end.t) * longest >= tolerance:
        left, right = sorted((low_end.t, high_end.t))
        t = _cubic_minimum(low_end, high_end, left, right)
        margin = 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (stuck or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near = False
        stuck = near
        point = evaluate(t)
        count += 1
        if too_high(point) or point.value >= low_end.value:
            high_end = point
            if high_end.value < low_end.value:
                low_end, high_end = high_end, low_end
            continue
        if flat(point):
            return point, count + 1
        if point.slope * (high_end.t - low_end.t) >= 0:
            high_end = low_end
        low_end = point
    return low_end, count + 1
