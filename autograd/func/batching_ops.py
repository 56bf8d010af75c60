"""Ops on batched arrays: what is done where the forward, run as plain NumPy on all examples at once, does not suffice.

Three ways, in this order: a rule for the whole op (``OPERATIONS``), as folding the examples of a convolution into its
channels; the forward again with every input batched; the forward of one example after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any

import numpy as np

from ..engine.failures import explain
from ..engine.foreign import ForeignArray
from ..engine.modes import local
from ..errors import BatchingError
from .batching import BatchedArray, Level, highest
from .batching_errors import DynamicError, dynamic
from .batching_functions import own_rule

__all__ = ["OPERATIONS", "Batch", "forward", "operation"]

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""For each op by name what computes it: called with the level, the op, and its values in the order of ``op.params``."""
_DYNAMIC = {"bincount": "bincount", "unique_parts": "unique", "unique_consecutive_parts": "unique_consecutive"}
"""Ops whose result has a shape that depends on values, and their names for the user."""


def operation(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark what computes ops, by their names, on batched arrays."""

    def define(found: Callable[..., Any]) -> Callable[..., Any]:
        OPERATIONS.update(dict.fromkeys(names, found))
        return found

    return define


class Batch(Level):
    """A level as the engine sees it."""

    __slots__ = ()

    def rescue(self, op: Any, error: Exception, values: Sequence[Any]) -> Any:
        """The value of an op whose forward raised ``error``; NotImplemented if none of its values is batched."""
        level = highest(values)
        return NotImplemented if level is None else _compute(level, op, values)

    def own_rule(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the static method ``vmap`` of a ``Function`` makes of arguments of which some are batched."""
        return own_rule(function, args, kwargs)

    def draw(self, draw: Callable[[tuple[int, ...]], Any], shape: Sequence[int]) -> Any:
        """What ``draw(shape)``, random numbers, means inside of all open levels."""
        drawing = _allowed(local.levels)
        apart = [level for level in drawing if level.randomness == "different"]
        local.set({"levels": ()})
        try:
            drawn = draw((*[level.size for level in apart], *shape))
        finally:
            local.set({"levels": drawing})
        for level in apart:
            drawn = BatchedArray(drawn, level)
        return drawn

    def draw_each(self, generator: Any, draw: Callable[[Any], Any], given: Any) -> Any:
        """What ``draw(given)`` means inside of all open levels, where numbers are not drawn one by one."""
        drawing = _allowed(local.levels)
        local.set({"levels": ()})
        try:
            return _drawn_each(drawing, generator, draw, given)
        finally:
            local.set({"levels": drawing})


def _allowed(levels: tuple[Any, ...]) -> tuple[Any, ...]:
    """The levels, if random numbers may be drawn inside of all of them."""
    if any(level.randomness == "error" for level in levels):
        raise BatchingError(
            "vmap: the mapped function draws random numbers, but vmap was not told whether they are the same for "
            "every example: call vmap(..., randomness='different') or vmap(..., randomness='same')"
        )
    return levels


def _drawn_each(levels: tuple[Any, ...], generator: Any, draw: Callable[[Any], Any], given: Any) -> Any:
    if not levels:
        return draw(given)
    level, same = levels[-1], levels[-1].randomness == "same"
    if same and not level.owns(given):
        return _drawn_each(levels[:-1], generator, draw, given)
    state, made = generator.get_state(), []
    for i in range(level.size):
        if same:
            generator.set_state(state)
        made.append(_drawn_each(levels[:-1], generator, draw, level.example(given, i)))
    return level.wrap(np.stack(made))


def forward(op: Any, *values: Any) -> Any:
    """An op's value for arrays, batched by any level or none; ``values`` in the order of ``op.params``."""
    args, kwargs = _arguments(op, values)
    try:
        return op.forward(*args, **kwargs)
    except Exception:
        level = highest(values)
        if level is None:
            raise
    return _compute(level, op, values)


def _compute(level: Level, op: Any, values: Sequence[Any]) -> Any:
    if op.name in _DYNAMIC:
        raise dynamic(_DYNAMIC[op.name])
    _forget(op, values)
    known = OPERATIONS.get(op.name)
    if known is not None:
        try:
            return known(level, op, *values)
        except DynamicError:
            raise
        except Exception:  # noqa: BLE001 (one by one, it raises again if it is an error of the user's)
            _forget(op, values)
    lifted = [_lifted(level, op, name, value) for name, value in zip(op.params, values, strict=True)]
    if any(new is not old for new, old in zip(lifted, values, strict=True)):
        try:
            args, kwargs = _arguments(op, lifted)
            return op.forward(*args, **kwargs)
        except Exception:  # noqa: BLE001 (one by one, it raises again if it is an error of the user's)
            _forget(op, values)
    return _one_by_one(level, op, values)


def _arguments(op: Any, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The values as the forward takes them."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter, value in zip(op.signature.parameters.values(), values, strict=True):
        if parameter.kind is Parameter.VAR_POSITIONAL:
            args.extend(value)
        elif parameter.kind is Parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = value
        else:
            args.append(value)
    return args, kwargs


def _lifted(level: Level, op: Any, name: str, value: Any) -> Any:
    """An input as a batched array; anything else as it is."""
    if name in op.lists:
        return [_lifted_one(level, item) for item in value]
    return _lifted_one(level, value) if name in op.inputs or name in op.constants else value


def _lifted_one(level: Level, item: Any) -> Any:
    if level.owns(item) or not isinstance(item, (np.ndarray, np.generic, ForeignArray)):
        return item
    return BatchedArray(level.lift(item), level)


def _forget(op: Any, values: Sequence[Any]) -> None:
    """Empty the list in which a forward, which failed since, keeps what backward may use."""
    for name, value in zip(op.params, values, strict=True):
        if name == "memo" and isinstance(value, list):
            value.clear()


def _one_by_one(level: Level, op: Any, values: Sequence[Any]) -> Any:
    place = op.params.index("memo") if "memo" in op.params else None
    kept: list[list[Any]] = []

    def run(example: Sequence[Any]) -> Any:
        if place is not None:
            kept.append([])
            example = [*example[:place], kept[-1], *example[place + 1 :]]
        return forward(op, *example)

    try:
        out = level.looped(run, list(values), op.name)
    except BatchingError:
        raise
    except Exception as error:  # noqa: BLE001 (explained as the op does)
        raise explain(op, error, level.example(list(values), 0)) from None
    if place is not None and isinstance(values[place], list) and all(_are_arrays(items) for items in kept):
        values[place][:] = [level.wrap(np.stack(items)[: level.size]) for items in zip(*kept, strict=True)]
    return out


def _are_arrays(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, (np.ndarray, np.generic, ForeignArray)) for item in items)
