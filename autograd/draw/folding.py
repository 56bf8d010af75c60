"""What a large graph is reduced to: equal blocks one after the other become one, deep modules one box."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..engine.nodes import source_of
from .modules import Scope

__all__ = ["Repeats", "depth_that_fits", "fold_deeper"]

_LONGEST = 64
"""This many ops and modules may make up a pattern that repeats."""
_MANY = 4
"""This many equal blocks side by side are folded, though none of them uses what another has computed."""
_LOOSE = 12
"""This many ops outside of modules become one box where there are too many boxes."""
_LEVELS = 20


class Repeats:
    """Finds equal blocks that stand one after the other: of the same class, with the same ops of the same shapes.

    Args:
        whole, scopes, homes: what ``arranged`` returns.
        least: how many must stand one after the other; 0 looks for none.

    Attributes:
        standin: for each op of the second and later blocks the op in its place in the first.
        runs: for each op the blocks' series that it belongs to, outermost first, with the number of its block there.
        shown: the scopes that are left, those around before those in them.
    """

    def __init__(self, whole: Scope, scopes: Sequence[Scope], homes: dict[Any, Scope], least: int) -> None:
        self.standin: dict[Any, Any] = {}
        self.runs: dict[Any, dict[int, int]] = {}
        self.homes = homes
        self.shown: list[Scope] = []
        self._numbers: dict[Any, int] = {}
        self._series = 0
        self._kinds: dict[Any, int] = {}
        self._least = least
        if least:
            for scope in reversed(scopes):
                what = scope.frame and (scope.frame.kind, scope.frame.backward)
                self._kinds[scope] = self._number((what, *map(self._kind, scope.items)))
        stack = [whole]
        while stack:
            scope = stack.pop()
            if least and len(scope.items) > 1:
                self._fold(scope)
            if scope is not whole:
                self.shown.append(scope)
            stack.extend([item for item in reversed(scope.items) if type(item) is Scope])

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _kind(self, item: Any) -> int:
        if type(item) is Scope:
            return self._kinds[item]
        return self._number((item.op.name, item.shape, item.dtype))

    def _fold(self, scope: Scope) -> None:
        """Leave of each series the first block."""
        items = scope.items
        kinds = [self._kind(item) for item in items]
        is_scope = [type(item) is Scope for item in items]
        if True not in is_scope:
            return
        kept: list[Any] = []
        i = 0
        while i < len(items):
            period, times = _series(kinds, is_scope, i, self._least)
            block, after = items[i : i + period], items[i + period : i + 2 * period]
            if times == 1 or (times < _MANY and not _follows(block, after)):
                kept.append(items[i])
                i += 1
                continue
            self._hide(block, [items[i + n * period : i + (n + 1) * period] for n in range(1, times)])
            kept.append(self._series_of(scope, block, items[i + (times - 1) * period], times))
            i += period * times
        scope.items = kept

    def _series_of(self, scope: Scope, block: list[Any], last: Any, times: int) -> Scope:
        """The scope that stands for a series."""
        if len(block) == 1:
            shown: Scope = block[0]
            if last.frame.path != shown.frame.path:  # type: ignore[union-attr] # a block of one is a module
                shown.last = last.frame.path
        else:
            shown = Scope(None, scope)
            shown.items = block
            for item in block:
                if type(item) is Scope:
                    item.parent = shown
                else:
                    self.homes[item] = shown
        shown.times = times
        return shown

    def _hide(self, block: list[Any], copies: list[list[Any]]) -> None:
        self._series += 1
        originals = [op for item in block for op in _ops(item)]
        for op in originals:
            self.runs.setdefault(op, {})[self._series] = 0
        for number, copy in enumerate(copies, 1):
            for original, op in zip(originals, (op for item in copy for op in _ops(item)), strict=True):
                self.standin[op] = original
                self.runs.setdefault(op, {})[self._series] = number

    def shown_op(self, op: Any) -> Any:
        """The op that is shown in the place of this one."""
        while op in self.standin:
            op = self.standin[op]
        return op


def _ops(item: Any) -> Any:
    return item.ops() if type(item) is Scope else (item,)


def _follows(block: list[Any], after: list[Any]) -> bool:
    """Whether an op of the second block uses what one of the first has computed."""
    made = {op for item in block for op in _ops(item)}
    return any(source_of(parent) in made for item in after for op in _ops(item) for parent in op.parents)


def _series(kinds: list[int], is_scope: list[bool], start: int, least: int) -> tuple[int, int]:
    """The length of the block at ``start`` that saves most by repeating, and how often it stands there."""
    best = (1, 1)
    for period in range(1, min(_LONGEST, (len(kinds) - start) // 2) + 1):
        if kinds[start] != kinds[start + period] or True not in is_scope[start : start + period]:
            continue
        end = start + period
        while end < len(kinds) and kinds[end] == kinds[end - period]:
            end += 1
        times = (end - start) // period
        if times >= least and period * (times - 1) > best[0] * (best[1] - 1):
            best = (period, times)
    return best


def fold_deeper(shown: Sequence[Scope], depth: int) -> None:
    """Fold the scopes that lie deeper than ``depth`` modules."""
    for scope in shown:
        scope.folded = scope.folded or (scope.frame is not None and scope.depth > depth)


def fold_loose(whole: Scope, shown: list[Scope], homes: dict[Any, Scope]) -> None:
    """Make one box of many ops that stand one after the other in no module, or beside the modules in one."""
    for scope in (whole, *shown):
        if scope.folded or not any(type(item) is Scope for item in scope.items):
            continue
        kept: list[Any] = []
        for is_scope, group in itertools.groupby(scope.items, lambda item: type(item) is Scope):
            items = list(group)
            if is_scope or len(items) < _LOOSE:
                kept += items
                continue
            loose = Scope(None, scope)
            loose.items, loose.folded, loose.count = items, True, len(items)
            homes.update(dict.fromkeys(items, loose))
            shown.append(loose)
            kept.append(loose)
        scope.items = kept


def boxes_drawn(homes: dict[Any, Scope], repeats: Repeats, depth: int | None) -> int:
    """How many boxes there are if modules are folded at a depth, before they are."""
    inner = math.inf if depth is None else depth
    ops = sum(not scope.folded and scope.depth <= inner and op not in repeats.standin for op, scope in homes.items())
    loose = sum(scope.folded and scope.depth <= inner for scope in repeats.shown)
    return ops + loose + sum(scope.frame is not None and scope.depth == inner + 1 for scope in repeats.shown)


def depth_that_fits(homes: dict[Any, Scope], repeats: Repeats, limit: int) -> int | None:
    """The greatest depth at which at most ``limit`` boxes are drawn; None if nothing need be folded.

    If none is small enough, it is 0.

    Args:
        homes, repeats: of the graph, before modules are folded.
        limit: of boxes.
    """
    deepest = max((scope.depth for scope in repeats.shown), default=0)
    for depth in (None, *range(min(deepest, _LEVELS) - 1, -1, -1)):
        if boxes_drawn(homes, repeats, depth) <= limit:
            return depth
    return 0 if deepest else None
