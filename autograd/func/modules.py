"""Modules as functions of their parameters, for the transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.nodes import Handle
from ..errors import ArgumentError, DtypeError, GradientError, StateDictError
from ..ops.joining import stack

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``module(*args, **kwargs)`` with these Tensors in the places of its parameters and buffers.

    Args:
        module: an ``nn.Module``. It stays as it is, but for what its forward itself changes.
        parameter_and_buffer_dicts: Tensors (or None for none) by dotted path, or several such dicts; gradients flow
            through them.
        args: the arguments of the call; one that is not a tuple stands for itself, None for no argument.
        kwargs: the keyword arguments.
        tie_weights: a parameter that stands in several places is replaced in all of them.
        strict: the paths must be exactly those of the module; one of those that are tied suffices.

    Raises:
        StateDictError: a path does not exist, or (``strict``) is missing.
        ValueError: two dicts have a path in common, or there are two Tensors for a parameter that stands in two places.
        TypeError: ``module`` is no Module, or something given for a parameter is no Tensor or array.

    >>> import autograd, nn
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> weights = {"weight": autograd.tensor([[2.0, 3.0]])}
    >>> autograd.func.functional_call(layer, weights, autograd.ones(1, 2))
    tensor([[5.]])
    >>> autograd.func.grad(lambda w: autograd.func.functional_call(layer, w, autograd.ones(1, 2)).sum())(weights)
    {'weight': tensor([[1., 1.]])}
    """
    if not hasattr(module, "named_modules"):
        raise TypeError(f"functional_call: expected a Module, got {type(module).__name__}")
    tensors = _merged(parameter_and_buffer_dicts)
    places, same = _places(module)
    unknown = [path for path in tensors if path not in places]
    given = {} if unknown else _tied(module, tensors, places, same) if tie_weights else tensors
    missing = [path for paths in same.values() for path in paths if path not in given] if strict and not unknown else []
    if unknown or missing:
        raise StateDictError(
            f"functional_call of {type(module).__name__}: unknown paths {unknown}, missing paths {missing}"
        )
    for path, tensor in tensors.items():
        if not (tensor is None or isinstance(tensor, (Handle, np.ndarray))):
            raise TypeError(f"functional_call: expected a Tensor for {path!r}, got {type(tensor).__name__} {tensor!r}")
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    before = [(owner, name, owner[name], owner.get(STAND_FOR)) for owner, name in map(places.__getitem__, given)]
    try:
        for path, tensor in given.items():
            _replace(*places[path], tensor)
        return module(*args, **(kwargs or {}))
    finally:
        for owner, name, held, stand_for in before:
            owner[name] = held
            if stand_for is None:
                owner.pop(STAND_FOR, None)
            else:
                owner[STAND_FOR] = stand_for


STAND_FOR = "_stand_for"
"""The attribute of a module that notes, by name, for what parameters and buffers other Tensors stand during a call."""


def _replace(owner: dict[str, Any], name: str, tensor: Any) -> None:
    """Put a Tensor in the place of a parameter or buffer."""
    held, stand_for = owner[name], owner.get(STAND_FOR, {})
    original = stand_for[name] if name in stand_for else owner["_vacant"][name] if held is None else held
    owner[STAND_FOR] = {**stand_for, name: original}
    owner[name] = tensor


def _tied(module: Any, tensors: Mapping[str, Any], places: Any, same: Mapping[int, list[str]]) -> dict[str, Any]:
    """The Tensors, also for the other paths of what stands under several.

    Raises:
        ValueError: two were given for one parameter.
    """
    given: dict[str, Any] = {}
    for path, tensor in tensors.items():
        owner, name = places[path]
        for other in same.get(id(owner[name]), [path]):
            if tensors.get(other, tensor) is not tensor:
                raise ArgumentError(
                    f"functional_call: {path!r} and {other!r} are one parameter of {type(module).__name__}, for which "
                    "two Tensors were given: give one, or tie_weights=False"
                )
            given[other] = tensor
    return given


def _places(module: Any) -> tuple[dict[str, tuple[dict[str, Any], str]], dict[int, list[str]]]:
    """Where each parameter and buffer stands, by its path; and by a Tensor's id all paths under which it stands.

    Places that are registered without a Tensor, as the bias of a layer without one, are places too.
    """
    places: dict[str, tuple[dict[str, Any], str]] = {}
    same: dict[int, list[str]] = {}
    state = {id(value) for named in (module.named_parameters, module.named_buffers) for _, value in named()}
    for path, below in module.named_modules(remove_duplicate=False):
        vacant = {*below.__dict__.get("_vacant", ()), *below.__dict__.get(STAND_FOR, ())}
        for name, value in below.__dict__.items():
            full = f"{path}.{name}" if path else name
            if isinstance(value, Handle) and id(value) in state:
                places[full] = (below.__dict__, name)
                same.setdefault(id(value), []).append(full)
            elif value is None and name in vacant:
                places[full] = (below.__dict__, name)
    return places, same


def _merged(dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    merged: dict[str, Any] = {}
    for tensors in dicts if isinstance(dicts, (tuple, list)) else (dicts,):
        if not isinstance(tensors, Mapping):
            raise TypeError(f"functional_call: expected a dict of Tensors by path, got {type(tensors).__name__}")
        twice = [path for path in tensors if path in merged]
        if twice:
            raise ArgumentError(f"functional_call: {twice} stand in more than one dict; give each path once")
        merged.update(tensors)
    return merged


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters, and the buffers, of several modules of one architecture, each stacked along a new first axis.

    With ``functional_call`` and ``vmap`` all these models run as one.

    Args:
        models: modules with the same parameters and buffers, all in train or all in eval mode.

    Returns:
        Two dicts by path. The stacked parameters are leaves that require grad where the modules' do.

    Raises:
        GradientError: there are none, or they differ in class, mode, shapes or in what requires grad.

    >>> import autograd, nn
    >>> params, buffers = autograd.func.stack_module_state([nn.Linear(2, 3) for _ in range(5)])
    >>> params["weight"].shape
    (5, 3, 2)
    """
    models = list(models) if np.iterable(models) else [models]
    for model in models:
        if not hasattr(model, "named_parameters"):
            raise DtypeError(f"stack_module_state: expected a list of Modules, got {type(model).__name__}")
    if not models:
        raise GradientError("stack_module_state: expected at least one module, got none")
    if any(type(model) is not type(models[0]) or model.training is not models[0].training for model in models):
        raise GradientError("stack_module_state: expected modules of one class, all in train or all in eval mode")
    stacked = []
    for named in ("named_parameters", "named_buffers"):
        columns = [dict(getattr(model, named)()) for model in models]
        kinds = [{path: (tensor.shape, tensor.requires_grad) for path, tensor in one.items()} for one in columns]
        if any(other != kinds[0] for other in kinds):
            raise GradientError(
                "stack_module_state: the modules' parameters or buffers differ in names or shapes, or in what requires "
                "grad"
            )
        stacked.append(
            {
                path: stack([column[path].detach() for column in columns]).requires_grad_(tensor.requires_grad)
                for path, tensor in columns[0].items()
            }
        )
    return stacked[0], stacked[1]


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let the batch norms of a module keep no running statistics, which ``vmap`` could not write for each example.

    Args:
        root: an ``nn.Module``. Every batch norm in it (or it itself) normalizes each batch by the mean and variance of
            that batch from now on, in evaluation too.

    Returns:
        ``root``, which is changed in place.

    Raises: TypeError if ``root`` is no Module.

    >>> import autograd, nn
    >>> model = autograd.func.replace_all_batch_norm_modules_(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """
    if not hasattr(root, "modules"):
        raise TypeError(f"replace_all_batch_norm_modules_: expected a Module, got {type(root).__name__}")
    for module in root.modules():
        if hasattr(module, "_drop_running_stats"):
            module._drop_running_stats()
    return root
