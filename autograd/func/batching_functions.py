"""What a ``Function`` computes for all examples at once: its own static method ``vmap``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._operands import unwrap
from ..engine.modes import local
from ..engine.nodes import Handle, new_tensor
from ..errors import RuleError
from .batching import Level, highest
from .pytrees import Misfit, flatten, spread, unflatten

__all__ = ["VmapInfo", "own_rule"]


class VmapInfo(NamedTuple):
    """What the static method ``vmap`` of a ``Function`` is told of the map inside of which it is called."""

    batch_size: int
    randomness: str


def own_rule(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``function.vmap`` makes of arguments of which some are batched by the innermost map that any of them knows.

    That map, and those inside of it, are closed meanwhile.

    Raises:
        RuleError: the Function is told to be mapped in another way as well, or its ``vmap`` did not return outputs
            and their dims.
    """
    name = function.__name__
    if function.generate_vmap_rule:
        raise RuleError(f"{name} defines vmap and has generate_vmap_rule=True, which are two rules for one; keep one")
    leaves, spec = flatten(args)
    level = highest([unwrap(leaf) for leaf in leaves])
    if level is None:
        return function.forward(*args, **kwargs)
    owned = [level.owns(unwrap(leaf)) for leaf in leaves]
    given = [_examples(leaf) if own else leaf for leaf, own in zip(leaves, owned, strict=True)]
    dims = unflatten([0 if own else None for own in owned], spec)
    opened = local.levels
    local.set({"levels": opened[: level.depth - 1]})
    try:
        returned = function.vmap(VmapInfo(level.size, level.randomness), dims, *unflatten(given, spec), **kwargs)
    finally:
        local.set({"levels": opened})
    return _batched(level, name, returned)


def _examples(leaf: Any) -> Any:
    """All examples of a batched Tensor or array, along its first dimension."""
    value = unwrap(leaf).value
    return new_tensor(value) if isinstance(leaf, Handle) else value


def _batched(level: Level, name: str, returned: Any) -> Any:
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise RuleError(f"{name}.vmap must return a pair (outputs, out_dims), got {type(returned).__name__}")
    outputs, out_dims = returned
    items, spec = flatten(outputs)
    try:
        dims = list(spread(out_dims, outputs))
    except Misfit:
        raise RuleError(f"{name}.vmap returned out_dims={out_dims!r} of another structure than its outputs") from None
    return unflatten([_one_of(level, name, item, dim) for item, dim in zip(items, dims, strict=True)], spec)


def _one_of(level: Level, name: str, item: Any, dim: int | None) -> Any:
    if dim is None:
        return item
    shape = getattr(item, "shape", ())
    if not -len(shape) <= dim < len(shape) or shape[dim] != level.size:
        raise RuleError(
            f"{name}.vmap returned an output of shape {tuple(shape)}, whose examples lie along dim {dim} by its "
            f"out_dims; there are {level.size} examples"
        )
    value = level.wrap(np.moveaxis(unwrap(item), dim, 0))
    return new_tensor(value) if isinstance(item, Handle) else value
