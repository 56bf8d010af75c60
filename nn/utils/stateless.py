"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import autograd

__all__ = ["functional_call"]


def functional_call(
    module: Any,
    parameters_and_buffers: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``autograd.func.functional_call`` under its older name: call a module with these Tensors as its parameters.

    >>> import autograd, nn
    >>> from nn.utils.stateless import functional_call
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> functional_call(layer, {"weight": autograd.tensor([[2.0, 3.0]])}, autograd.ones(1, 2))
    tensor([[5.]])
    """
    return autograd.func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
