"""Modules whose parameters are not drawn, because they are about to be loaded or drawn otherwise."""

from __future__ import annotations

from typing import Any

from .. import init
from ..module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters have arbitrary values: its class's calls of ``nn.init`` do nothing.

    Args:
        module_cls: its class.
        args, kwargs: what the class is called with.

    Raises:
        TypeError: it is no class of modules.

    >>> import nn
    >>> nn.utils.skip_init(nn.Linear, 2, 3).weight.shape
    (3, 2)
    """
    if not isinstance(module_cls, type) or not issubclass(module_cls, Module):
        raise TypeError(f"skip_init: expected a class of modules, got {module_cls!r}")
    with init.skipped():
        return module_cls(*args, **kwargs)
