"""Parametrizations: a parameter that is computed from others, such as an orthogonal matrix, and trained through them.

A parametrized module gets a class of its own, in which the name of the parameter is a property that computes it. What
is trained stands in ``module.parametrizations.<name>``, under PyTorch's names.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from autograd import ArgumentError, Tensor, no_grad

from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Buffer, Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip


class _Cache(threading.local):
    """Computed values by module and name, while ``cached`` is active."""

    depth = 0

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], Any] = {}


_cache = _Cache()


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized Tensor once within this block, not at each access."""
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values = {}


class ParametrizationList(ModuleList):
    """The parametrizations of one Tensor, in the order in which they are applied, and the Tensors that are trained.

    Attributes:
        original: what is trained; ``original0``, ``original1``, ... if the first parametrization takes several.
        is_tensor: whether it is one Tensor.
        ntensors: how many there are.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor) -> None:
        value: Any = original.detach()
        with no_grad():
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):  # then what is trained starts as the Tensor itself
                        value = module.right_inverse(value)
        self.is_tensor = not isinstance(value, (tuple, list))
        parts = [value] if self.is_tensor else value
        self.ntensors = len(parts)
        for i, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ArgumentError(f"a parametrization's right_inverse must return Tensors, got {type(part).__name__}")
            if self.is_tensor and part.dtype != original.dtype:
                raise ArgumentError(
                    f"a parametrization's right_inverse turns {original.dtype} into {part.dtype}; what is trained must "
                    "have the dtype of the Tensor"
                )
            data = part.detach() if self.is_tensor else part.detach().clone()
            self.__dict__["original" if self.is_tensor else f"original{i}"] = _like(original, data)
        super().__init__(modules)

    def adopt(self, original: Tensor) -> None:
        """Train a Parameter itself, if one Tensor is trained: optimizers and other modules that have it keep it."""
        if self.is_tensor and isinstance(original, Parameter):
            original.data = self.__dict__["original"].data
            self.__dict__["original"] = original

    def _originals(self) -> list[Any]:
        return [value for name, value in self.__dict__.items() if name.startswith("original")]

    def right_inverse(self, value: Tensor) -> None:
        """Set what is trained such that the parametrized Tensor becomes ``value``."""
        with no_grad():
            found: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise ArgumentError(f"{type(module).__name__} cannot be set: it has no right_inverse")
                found = module.right_inverse(found)
            parts = [found] if self.is_tensor else found
            for original, part in zip(self._originals(), parts, strict=True):
                if not isinstance(part, Tensor) or part.dtype != original.dtype:
                    got = part.dtype if isinstance(part, Tensor) else type(part).__name__
                    raise ArgumentError(f"a parametrized Tensor of {original.dtype} was set to what is {got}")
            for original, part in zip(self._originals(), parts, strict=True):
                original.copy_(part)

    def forward(self) -> Any:
        """The parametrized Tensor."""
        first, *others = self
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value


def register_parametrization(module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Any:
    """Compute ``module.<tensor_name>`` by ``parametrization`` from now on; returns the module.

    Args:
        module: the module.
        tensor_name: a parameter or buffer of it.
        parametrization: its forward takes what is trained and returns the Tensor. If it has a method
            ``right_inverse``, that says what is trained at the start, else it is the Tensor as it is now. A further
            parametrization takes the Tensor as the one before computes it; what is trained stays as it is.
        unsafe: allow that the shape or dtype changes.

    The parametrization is put in the mode, of training or evaluation, in which the module is.

    Raises:
        ValueError: there is no such Tensor, or the parametrization changes its shape or dtype. The module is then as
            before.

    >>> import autograd, nn
    >>> from nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        with no_grad():
            before = getattr(module, tensor_name)
            with contextlib.suppress(NotImplementedError):
                if hasattr(parametrization, "right_inverse"):  # which may set a state that forward needs
                    _require_same(tensor_name, before, parametrization.right_inverse(before), unsafe)
            _require_same(tensor_name, before, parametrization(before), unsafe)
        held.append(parametrization)
        return module
    original = module.__dict__.get(tensor_name)
    if not isinstance(original, (Parameter, Buffer)):
        raise ArgumentError(f"{type(module).__name__} has no parameter or buffer {tensor_name!r} to parametrize")
    held = ParametrizationList([parametrization], original)
    with no_grad():
        _require_same(tensor_name, original, held(), unsafe)
    held.adopt(original)
    del module.__dict__[tensor_name]
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = held
    _set_class(module)
    return module


def _like(tensor: Any, data: Tensor) -> Any:
    """A Parameter of ``data`` or, if ``tensor`` is a buffer, a buffer."""
    if isinstance(tensor, Parameter):
        return Parameter(data, tensor.requires_grad)
    return Buffer.of(data)


def _set_class(module: Any) -> None:
    """Give the module the class in which its parametrized Tensors are properties."""
    module.__class__ = _class(type_before_parametrizations(module), tuple(module.parametrizations))


@functools.cache
def _class(kind: type, names: tuple[str, ...]) -> type:
    members: dict[str, Any] = {name: _property(name) for name in names}
    members.update({"_parametrized": kind, "__doc__": kind.__doc__, "__reduce_ex__": _reduce})
    return type(f"Parametrized{kind.__name__}", (kind,), members)


def _reduce(module: Any, protocol: Any) -> tuple[Any, ...]:
    """For copies and pickles, which do not find the class by a name."""
    return _rebuilt, (type_before_parametrizations(module), tuple(module.parametrizations)), dict(module.__dict__)


def _rebuilt(kind: type, names: tuple[str, ...]) -> Any:
    made: Any = _class(kind, names)
    return made.__new__(made)


def _require_same(name: str, before: Any, after: Any, unsafe: bool) -> None:
    if not isinstance(after, Tensor):
        raise ArgumentError(f"a parametrization and its right_inverse must return Tensors, got {type(after).__name__}")
    if not unsafe and (after.shape, after.dtype) != (before.shape, before.dtype):
        raise ArgumentError(
            f"the parametrization turns {name!r} of shape {before.shape}, {before.dtype}, into one of shape "
            f"{after.shape}, {after.dtype}; pass unsafe=True if that is meant"
        )


def _property(name: str) -> property:
    def compute(module: Any) -> Any:
        if not _cache.depth:
            return module.parametrizations[name]()
        key = (id(module), name)
        if key not in _cache.values:
            _cache.values[key] = module.parametrizations[name]()
        return _cache.values[key]

    def set_to(module: Any, value: Any) -> None:
        module.parametrizations[name].right_inverse(value)

    return property(compute, set_to)


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether the module has a parametrization (of this Tensor)."""
    held = module.__dict__.get("parametrizations")
    if not isinstance(held, ModuleDict) or not hasattr(type(module), "_parametrized"):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def type_before_parametrizations(module: Module) -> type:
    """The module's class without its parametrizations."""
    return getattr(type(module), "_parametrized", type(module))


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make ``module.<tensor_name>`` a plain parameter or buffer again; returns the module.

    Args:
        module: the module.
        tensor_name: the Tensor.
        leave_parametrized: with the value as computed now, else with that of what was trained.

    Raises:
        ValueError: it has no parametrization, or what was trained are several Tensors and cannot be left.
    """
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(f"{type(module).__name__} has no parametrization of {tensor_name!r}")
    held = module.parametrizations[tensor_name]
    if not leave_parametrized and not held.is_tensor:
        raise ArgumentError(f"what is trained for {tensor_name!r} are several Tensors: use leave_parametrized=True")
    value = held._originals()[0]
    if leave_parametrized:
        with no_grad():
            data = getattr(module, tensor_name).detach().clone()
        if held.is_tensor and (data.shape, data.dtype) == (value.shape, value.dtype):
            value.data = data
        else:
            value = _like(value, data)
    del module.parametrizations[tensor_name]
    if len(module.parametrizations):
        _set_class(module)
    else:
        del module.__dict__["parametrizations"]
        module.__class__ = type_before_parametrizations(module)
    module.__dict__[tensor_name] = value
    return module
