"""PyTorch's older weight and spectral normalization: what is trained stands in the module itself.

``parametrizations`` has their successors. A module gets a class of its own, of the same name, in which the weight is a
property that computes it: so it always fits what is trained, and modules can be copied and pickled.
"""

from __future__ import annotations

import functools
from typing import Any

from autograd import ArgumentError, BoundsError, Tensor, no_grad, randn, vdot

from .. import functional as F
from ..module import Module
from ..parameter import Parameter, UninitializedParameter
from .parametrizations import _norm_except, _SpectralNorm, _WeightNorm
from .parametrize import is_parametrized, remove_parametrizations

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class _Length:
    """A weight of a direction ``<name>_v`` and lengths ``<name>_g``."""

    parts = ("_g", "_v")
    successor = _WeightNorm

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, None if dim == -1 else dim

    def split(self, module: Any, weight: Any) -> None:
        """Register what is trained for a weight."""
        if self.dim is not None and not -weight.ndim <= self.dim < weight.ndim:
            raise BoundsError(f"weight_norm: dim {self.dim} is out of range for a weight of shape {weight.shape}")
        with no_grad():
            lengths = _norm_except(weight, self.dim)
        del module.__dict__[self.name]
        module.register_parameter(f"{self.name}_g", Parameter(lengths))
        module.register_parameter(f"{self.name}_v", Parameter(weight.data))

    def weight(self, module: Any) -> Any:
        """The weight."""
        g, v = (getattr(module, self.name + part) for part in self.parts)
        return v * (g / _norm_except(v, self.dim))

    def left(self, module: Any, weight: Tensor) -> Any:
        """The parameter that the weight becomes when it is no longer computed."""
        return Parameter(weight)


class _Largest:
    """A weight ``<name>_orig`` over its largest singular value, of which ``<name>_u`` and ``<name>_v`` are the vectors.

    Called before each forward, as a hook: in training mode that brings the vectors nearer.
    """

    parts = ("_orig", "_u", "_v")
    successor = _SpectralNorm

    def __init__(self, name: str, times: int, eps: float, dim: int) -> None:
        if times <= 0:
            raise ArgumentError(f"spectral_norm: expected n_power_iterations > 0, got {times}")
        self.name, self.times, self.eps, self.dim = name, times, eps, dim

    def split(self, module: Any, weight: Any) -> None:
        """Register what is trained for a weight, and vectors drawn at random."""
        matrix = self._matrix(weight.detach())
        u, v = (F.normalize(randn(size, dtype=matrix.dtype), dim=0, eps=self.eps) for size in matrix.shape)
        del module.__dict__[self.name]
        module.register_parameter(f"{self.name}_orig", weight)
        module.register_buffer(f"{self.name}_u", u)
        module.register_buffer(f"{self.name}_v", v)
        module.register_forward_pre_hook(self)

    def _matrix(self, weight: Any) -> Any:
        return weight.movedim(self.dim, 0).flatten(1)

    def _held(self, module: Any) -> Any:
        return (getattr(module, self.name + part) for part in self.parts)

    def __call__(self, module: Any, args: Any) -> None:
        if not module.training:
            return
        weight, u, v = self._held(module)
        with no_grad():
            matrix = self._matrix(weight.detach())
            for _ in range(self.times):
                v.copy_(F.normalize(matrix.T @ u, dim=0, eps=self.eps))
                u.copy_(F.normalize(matrix @ v, dim=0, eps=self.eps))

    def weight(self, module: Any) -> Any:
        """The weight. The vectors are cloned: backward may come after they have moved on."""
        weight, u, v = self._held(module)
        return weight / vdot(u.clone(), self._matrix(weight) @ v.clone())

    def left(self, module: Any, weight: Tensor) -> Any:
        """The parameter that the weight becomes when it is no longer computed."""
        hooks = module._forward_pre_hooks
        del hooks[next(key for key, (hook, _) in hooks.items() if hook is self)]
        return Parameter(weight)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Train length and direction of a weight apart; returns the module. ``parametrizations`` has a newer one.

    Args:
        module: the module.
        name: of the weight. Trained are ``<name>_g``, the lengths, and ``<name>_v``.
        dim: one length for each index of this dimension; None, or -1, for one in all.

    Raises:
        ValueError: there is no such parameter, or it is normalized already.
        IndexError: there is no such dimension.

    Source: Salimans and Kingma 2016.
    """
    return _normalized(module, _Length(name, dim), "weight_norm")


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Keep the largest singular value of a weight at 1; returns the module. ``parametrizations`` has a newer one.

    Args:
        module: the module.
        name: of the weight. Trained is ``<name>_orig``; the buffers ``<name>_u`` and ``<name>_v`` are its vectors.
        n_power_iterations: steps of power iteration at each call in training mode.
        eps: the least norm to divide by.
        dim: that of the outputs (default: 1 for transposed convolutions, else 0).

    Raises:
        ValueError: there is no such parameter, or it is normalized already.

    Source: Miyato et al. 2018.
    """
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    return _normalized(module, _Largest(name, n_power_iterations, eps, dim), "spectral_norm")


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make a weight under ``weight_norm`` a plain parameter of its present value; returns the module.

    Raises:
        ValueError: it is not under ``weight_norm``.
    """
    return _removed(module, name, _Length, "remove_weight_norm")


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make a weight under ``spectral_norm`` a plain parameter of its present value; returns the module.

    Raises:
        ValueError: it is not under ``spectral_norm``.
    """
    return _removed(module, name, _Largest, "remove_spectral_norm")


def _normalized(module: Any, norm: Any, function: str) -> Any:
    norms = module.__dict__.get("_norms", {})
    if norm.name in norms:
        raise ArgumentError(f"{function}: {norm.name!r} of this {type(module).__name__} is normalized already")
    weight = module.__dict__.get(norm.name)
    if not isinstance(weight, Parameter) or isinstance(weight, UninitializedParameter):
        made = "one that is not made before the first call" if isinstance(weight, Parameter) else "none"
        raise ArgumentError(f"{function}: expected a parameter {norm.name!r} of {type(module).__name__}, found {made}")
    norm.split(module, weight)
    module.__dict__["_norms"] = {**norms, norm.name: norm}
    _set_class(module)
    return module


def _removed(module: Any, name: str, kind: Any, function: str) -> Any:
    if is_parametrized(module, name) and isinstance(module.parametrizations[name][0], kind.successor):
        return remove_parametrizations(module, name)
    norms = module.__dict__.get("_norms", {})
    norm = norms.get(name)
    if not isinstance(norm, kind):
        raise ArgumentError(f"{function}: the {name!r} of this {type(module).__name__} is not normalized so")
    with no_grad():
        weight = norm.weight(module)
    made = norm.left(module, weight)
    for part in norm.parts:
        del module.__dict__[name + part]
    module.__dict__["_norms"] = {other: held for other, held in norms.items() if other != name}
    _set_class(module)
    module.__dict__[name] = made
    return module


# ---- the class of a normalized module --------------------------------------------------------------------------------


def _set_class(module: Any) -> None:
    kind: Any = getattr(type(module), "_normalized", type(module))
    names = tuple(module._norms)
    if names:
        module.__class__ = _class(kind, names)
    else:
        module.__class__ = kind
        del module.__dict__["_norms"]


@functools.cache
def _class(kind: type, names: tuple[str, ...]) -> type:
    members: dict[str, Any] = {name: property(functools.partial(_weight, name)) for name in names}
    members.update({"_normalized": kind, "__doc__": kind.__doc__, "__reduce_ex__": _reduce})
    return type(kind.__name__, (kind,), members | {"__module__": kind.__module__, "__qualname__": kind.__qualname__})


def _weight(name: str, module: Any) -> Any:
    return module._norms[name].weight(module)


def _reduce(module: Any, protocol: Any) -> tuple[Any, ...]:
    """For copies and pickles, which would find the class without properties by its name."""
    return _rebuilt, (type(module)._normalized, tuple(module._norms)), dict(module.__dict__)


def _rebuilt(kind: type, names: tuple[str, ...]) -> Any:
    made: Any = _class(kind, names)
    return made.__new__(made)
