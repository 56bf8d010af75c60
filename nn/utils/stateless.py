"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd import StateDictError, Tensor

from ..module import Module
from ..parameter import Buffer, Parameter

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``module(*args, **kwargs)`` with these Tensors in the places of its parameters and buffers.

    Args:
        module: stays as it is, but for what its forward itself changes.
        parameters_and_buffers: Tensors by dotted path; gradients flow through them.
        args: the arguments of the call; one that is no tuple stands for itself.
        kwargs: the keyword arguments.
        tie_weights: a parameter that stands in several places is replaced in all of them.
        strict: the paths must be exactly those of the module.

    Raises:
        StateDictError: a path does not exist, or (``strict``) is missing.

    >>> import autograd, nn
    >>> from nn.utils.stateless import functional_call
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> functional_call(layer, {"weight": autograd.tensor([[2.0, 3.0]])}, autograd.ones(1, 2))
    tensor([[5.]])
    """
    places: dict[str, tuple[Any, str]] = {}
    same: dict[int, list[str]] = {}
    for path, below in module.named_modules(remove_duplicate=False):
        for name, value in below.__dict__.items():
            if isinstance(value, (Parameter, Buffer)):
                full = f"{path}.{name}" if path else name
                places[full] = (below, name)
                same.setdefault(id(value), []).append(full)
    unknown = [path for path in parameters_and_buffers if path not in places]
    missing = [path for path in places if path not in parameters_and_buffers] if strict else []
    if unknown or missing:
        raise StateDictError(
            f"functional_call of {type(module).__name__}: unknown paths {unknown}, missing paths {missing}"
        )
    given: dict[str, Any] = {}
    for path, tensor in parameters_and_buffers.items():
        owner, name = places[path]
        for other in same[id(owner.__dict__[name])] if tie_weights else [path]:
            if other == path or other not in parameters_and_buffers:
                given[other] = tensor
    before = {path: places[path][0].__dict__[places[path][1]] for path in given}
    try:
        for path, tensor in given.items():
            owner, name = places[path]
            owner.__dict__[name] = tensor
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for path, held in before.items():
            owner, name = places[path]
            owner.__dict__[name] = held
