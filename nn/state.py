"""State dicts: the parameters and buffers of a module by dotted path, out of it and into it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd import DtypeError, StateDictError, Tensor, no_grad

from .hooks import Hooks
from .parameter import Buffer, Parameter

__all__ = ["IncompatibleKeys", "collect", "load"]

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find a place or a value for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class _Place(NamedTuple):
    """Where a value of the state lives: the attribute ``name`` of ``module``."""

    module: Any
    name: str

    def tensor(self) -> Any:
        return self.module.__dict__[self.name]


def _places(module: Any, prefix: str = "") -> dict[str, _Place]:
    """All places by dotted path, a shared module's under each of its paths: parameters, buffers, extra state."""
    places = {}
    for path, below in module.named_modules(None, prefix.removesuffix("."), remove_duplicate=False):
        start = f"{path}." if path else ""
        for kind in (Parameter, Buffer):
            for name, value in below.__dict__.items():
                if isinstance(value, kind) and getattr(value, "persistent", True):
                    places[start + name] = _Place(below, name)
        if hasattr(below, "get_extra_state"):
            places[start + EXTRA] = _Place(below, EXTRA)
    return places


def _hooked(module: Any, prefix: str = "") -> list[tuple[str, Any, Hooks]]:
    """The modules that have hooks, parents before children, with the prefix of their keys."""
    return [
        (f"{path}." if path else "", below, below.__dict__["_hooks"])
        for path, below in module.named_modules(None, prefix.removesuffix("."), remove_duplicate=False)
        if below.__dict__.get("_hooks") is not None
    ]


def collect(module: Any, destination: OrderedDict[str, Any], prefix: str, keep_vars: bool) -> OrderedDict[str, Any]:
    """Add the state of a module to ``destination``; returns that."""
    hooked = _hooked(module, prefix)
    for start, below, hooks in hooked:
        for hook in list(hooks.before_state.values()):
            hook(below, start, keep_vars)
    for key, place in _places(module, prefix).items():
        if place.name == EXTRA:
            destination[key] = place.module.get_extra_state()
        else:
            destination[key] = place.tensor() if keep_vars else place.tensor().detach()
    for start, below, hooks in reversed(hooked):
        for hook in list(hooks.after_state.values()):
            _nothing(hook(below, destination, start, {}), "state_dict", "the state dict")
    return destination


def _nothing(returned: Any, name: str, what: str) -> None:
    if returned is not None:
        raise TypeError(
            f"a hook after {name} returned {type(returned).__name__}; it must return None and change {what}"
        )


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Copy a state into a module, all of it or, if anything does not fit, nothing."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected a dict of Tensors by path, got {type(state_dict).__name__}")
    keys = IncompatibleKeys([], [])
    faults: list[str] = []
    hooked = _hooked(module)
    if hooked:
        state_dict = OrderedDict(state_dict)
    for start, below, hooks in hooked:
        for hook in list(hooks.before_load.values()):
            hook(below, state_dict, start, {}, True, *keys, faults)
    places = _places(module)
    keys.missing_keys.extend([key for key in places if key not in state_dict])
    keys.unexpected_keys.extend([key for key in state_dict if key not in places])
    values = _fitting(places, state_dict, assign, faults)
    forgivable = any(hooks.after_load for _, _, hooks in hooked)
    _check(module, keys, faults, strict and not forgivable)
    with no_grad():
        for key, value in values.items():
            _set(places[key], value, state_dict[key], assign)
    for key, place in places.items():
        if place.name == EXTRA and key in state_dict:
            place.module.set_extra_state(state_dict[key])
    for _, below, hooks in reversed(hooked):
        for hook in list(hooks.after_load.values()):
            _nothing(hook(below, keys), "load_state_dict", "the lists of keys")
    if forgivable:
        _check(module, keys, [], strict, "what fits was loaded")
    return keys


def _fitting(places: dict[str, _Place], state_dict: Mapping[str, Any], assign: bool, faults: list[str]) -> Any:
    """The values of a state dict as arrays, by path; ``faults`` tells of those that do not fit."""
    values = {}
    for key, place in places.items():
        if key not in state_dict or place.name == EXTRA:
            continue
        values[key] = value = _array(key, state_dict[key])
        own = place.tensor()
        if not hasattr(own, "materialize") and value.shape != own.shape:
            faults.append(f"{key} has shape {own.shape} here, but {value.shape} in the state dict")
        if value.dtype.kind == "c" and own.dtype.kind != "c" and not assign:
            faults.append(f"{key} has dtype {own.dtype} here, but {value.dtype} in the state dict")
    return values


def _check(
    module: Any, keys: IncompatibleKeys, faults: list[str], strict: bool, loaded: str = "nothing was loaded"
) -> None:
    """Raise StateDictError for faults and, if ``strict``, for keys without a place or a value."""
    hint = ""
    if strict and (keys.missing_keys or keys.unexpected_keys):
        hint = "; pass strict=False to load what fits"
        named = (("missing", keys.missing_keys), ("unexpected", keys.unexpected_keys))
        faults = [*[f"{kind} keys: {', '.join(map(str, found))}" for kind, found in named if found], *faults]
    if faults:
        raise StateDictError(
            f"load_state_dict for {type(module).__name__}, of which {loaded}: {'; '.join(faults)}{hint}"
        )


def _array(key: str, value: Any) -> Any:
    array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "biufcV":
        raise DtypeError(f"load_state_dict: {key} must be a Tensor or an array of numbers, got {type(value).__name__}")
    return array


def _set(place: _Place, array: Any, given: Any, assign: bool) -> None:
    own = place.tensor()
    if hasattr(own, "materialize"):  # a lazy module's, whose shape is known now
        own.materialize(array.shape)
    if not assign:
        own.copy_(array)
        return
    data = given.detach() if isinstance(given, Tensor) else Tensor(array)
    if isinstance(own, Parameter):
        place.module.__dict__[place.name] = Parameter(data, own.requires_grad)
    else:
        place.module.__dict__[place.name] = Buffer.of(data, own.persistent)
