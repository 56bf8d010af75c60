"""From an optimizer's state to the dict that is saved, in PyTorch's layout, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd import ArgumentError, Tensor, tensor

__all__ = ["copied", "fitting", "pack", "unpack"]

Group = dict[str, Any]


def pack(groups: Sequence[Group], state: Mapping[Tensor, Mapping[str, Any]]) -> dict[str, Any]:
    """The state and the groups, with the parameters numbered through all groups; Tensors are copied."""
    numbers: dict[int, int] = {}
    packed = []
    for group in groups:
        for p in group["params"]:
            numbers.setdefault(id(p), len(numbers))
        others = {key: value for key, value in group.items() if key != "params"}
        packed.append({**copied(others), "params": [numbers[id(p)] for p in group["params"]]})
    entries = {numbers[id(p)]: copied(found) for p, found in state.items() if id(p) in numbers}
    return {"state": dict(sorted(entries.items())), "param_groups": packed}


def copied(value: Any, like: Tensor | None = None) -> Any:
    """Tensors and arrays inside dicts, lists and tuples copied; with ``like``, real ones into its dtype if that is."""
    if isinstance(value, Tensor) or (like is not None and hasattr(value, "__array__")):
        array = array_from(value)
        cast = like is not None and array.dtype.kind == like.dtype.kind == "f" and array.ndim
        return tensor(array.astype(like.dtype) if cast and like is not None else array)
    if isinstance(value, dict):
        return {key: copied(item, like) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([copied(item, like) for item in value])
    return value


def array_from(value: Any) -> Any:
    """The array of a Tensor (ours or another library's), array or number."""
    return np.asarray(value.detach().numpy() if hasattr(value, "detach") else value)


def unpack(name: str, groups: Sequence[Group], state_dict: Mapping[str, Any]) -> tuple[list[Group], dict[int, Any]]:
    """The groups with the saved hyper-parameters, and the saved state by the parameters' ids.

    Raises:
        ValueError: it is no state of an optimizer, or there are other groups.
    """
    if "param_groups" not in state_dict or "state" not in state_dict:
        raise ArgumentError(
            f"{name}: expected what an optimizer's state_dict() returned, with 'state' and 'param_groups', got a dict "
            f"with {list(state_dict)[:8]}; of a checkpoint of several parts pass the optimizer's"
        )
    saved = state_dict["param_groups"]
    sizes = [len(group["params"]) for group in saved], [len(group["params"]) for group in groups]
    if sizes[0] != sizes[1]:
        raise ArgumentError(f"{name}: the state has groups of {sizes[0]} parameters, this optimizer of {sizes[1]}")
    merged = []
    for theirs, ours in zip(saved, groups, strict=True):
        kept = {"params": ours["params"]}
        if "param_names" in ours:
            kept["param_names"] = ours["param_names"]
        merged.append({**ours, **copied(dict(theirs)), **kept})
    found = {}
    for number, p in _matched(saved, groups):
        entry = state_dict["state"].get(number, state_dict["state"].get(str(number)))
        if entry:
            found[id(p)] = entry
    return merged, found


def _matched(saved: Sequence[Group], groups: Sequence[Group]) -> Iterator[tuple[Any, Tensor]]:
    """For each saved parameter's number the parameter that it is: by name if both sides have the same names."""
    theirs, ours = _by_name(saved), _by_name(groups)
    if theirs and theirs.keys() == ours.keys():
        yield from ((number, ours[name]) for name, number in theirs.items())
    else:
        for group, own in zip(saved, groups, strict=True):
            yield from zip(group["params"], own["params"], strict=True)


def _by_name(groups: Sequence[Group]) -> dict[str, Any]:
    return {name: p for group in groups for name, p in zip(group.get("param_names", ()), group["params"], strict=False)}


def fitting(name: str, p: Tensor, found: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers and arrays of a parameter's saved state.

    Raises:
        ValueError: an array has another shape than it must have.
    """
    arrays = {key: array_from(value) for key, value in found.items() if value is not None}
    for key, array in arrays.items():
        if key in shapes and array.shape != tuple(shapes[key]):
            raise ArgumentError(
                f"{name}: the state's {key} has shape {array.shape}, but for this parameter of shape {p.shape} it "
                f"must have {tuple(shapes[key])}"
            )
    return arrays
