"""State dicts: the parameters and buffers of a module by dotted path, out of it and into it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd import DtypeError, StateDictError, Tensor, no_grad

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


def collect(module: Any, destination: OrderedDict[str, Any], prefix: str, keep_vars: bool) -> OrderedDict[str, Any]:
    """Add the state of a module to ``destination``; returns that."""
    for key, place in _places(module, prefix).items():
        if place.name == EXTRA:
            destination[key] = place.module.get_extra_state()
        else:
            destination[key] = place.tensor() if keep_vars else place.tensor().detach()
    return destination


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Copy a state into a module, all of it or, if anything does not fit, nothing."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected a dict of Tensors by path, got {type(state_dict).__name__}")
    places = _places(module)
    missing = [key for key in places if key not in state_dict]
    unexpected = [key for key in state_dict if key not in places]
    faults = []
    if strict and missing:
        faults.append(f"missing keys: {', '.join(missing)}")
    if strict and unexpected:
        faults.append(f"unexpected keys: {', '.join(map(str, unexpected))}")
    values = {}
    for key, place in places.items():
        if key not in state_dict or place.name == EXTRA:
            continue
        values[key] = value = _array(key, state_dict[key])
        own = place.tensor()
        if value.shape != own.shape and not hasattr(own, "materialize"):
            faults.append(f"{key} has shape {own.shape} here, but {value.shape} in the state dict")
        if value.dtype.kind == "c" and own.dtype.kind != "c" and not assign:
            faults.append(f"{key} has dtype {own.dtype} here, but {value.dtype} in the state dict")
    if faults:
        hint = "; pass strict=False to load what fits" if strict and (missing or unexpected) else ""
        raise StateDictError(
            f"load_state_dict for {type(module).__name__}, of which nothing was loaded: {'; '.join(faults)}{hint}"
        )
    with no_grad():
        for key, value in values.items():
            _set(places[key], value, state_dict[key], assign)
    for key, place in places.items():
        if place.name == EXTRA and key in state_dict:
            place.module.set_extra_state(state_dict[key])
    return IncompatibleKeys(missing, unexpected)


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
