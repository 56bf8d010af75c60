"""``Module``: a model, or a part of one.

A module is a plain object. Its parameters, buffers and children are those of its attributes that are a Parameter, a
Buffer or a Module, found by walking the instance, in the order in which they were set. Nothing is registered.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd import DtypeError, GradientError, ShapeError, Tensor, no_grad

from .parameter import Buffer, Parameter

__all__ = ["IncompatibleKeys", "Module"]

M = TypeVar("M", bound="Module")

_hook_keys = itertools.count()


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find a place or a value for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module:
    """Base of all models and layers: define ``forward``, and set Parameters and Modules as attributes.

    >>> import autograd, nn
    >>> class Doubler(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Doubler()(autograd.tensor([3.0]))
    tensor([6.], grad_fn=<mul>)
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; define it in the subclass."""
        raise TypeError(f"{type(self).__name__} needs a method forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            hooks = self.__dict__.get("_hooks")
            if hooks is not None:
                return hooks.call(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except (ShapeError, DtypeError, IndexError, GradientError) as error:
            self._locate(error)
            raise

    def _locate(self, error: Exception) -> None:
        """Add to an error the path of the module in which it happened, one name a level."""
        place = getattr(error, "_place", None)
        if place is None:
            message = str(error.args[0]) if error.args else ""
            place = {"module": self, "path": [], "kind": type(self).__name__, "message": message}
            error._place = place  # type: ignore[attr-defined]
        else:
            name = next((name for name, child in self.named_children() if child is place["module"]), None)
            if name is not None:
                place["path"].insert(0, name)
            place["module"] = self
        where = ".".join([type(self).__name__, *place["path"]])
        kind = f", a {place['kind']}" if place["path"] else ""
        error.args = (f"{place['message']} [in module {where}{kind}]",)

    # ---- walking -----------------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, with their names; each once."""
        seen = set()
        for name, value in self.__dict__.items():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted paths; each once, parents before children."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            below = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
            stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def _named_tensors(self, kind: type[Tensor], prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, value in module.__dict__.items():
                if isinstance(value, kind) and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters here and (``recurse``) below, with their dotted paths; shared ones once."""
        return self._named_tensors(Parameter, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters here and (``recurse``) below."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Buffer]]:
        """The buffers here and (``recurse``) below, with their dotted paths."""
        return self._named_tensors(Buffer, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """The buffers here and (``recurse``) below."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path.

        Raises:
            AttributeError: there is none.
        """
        module = self
        for name in target.split(".") if target else ():
            found = module.__dict__.get(name)
            if not isinstance(found, Module):
                raise AttributeError(
                    f"{type(module).__name__} has no child {name!r} (in {target!r}); it has "
                    f"{[child for child, _ in module.named_children()]}"
                )
            module = found
        return module

    # ---- state -------------------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> OrderedDict[str, Tensor]:
        """The parameters and persistent buffers by dotted path: detached, sharing memory."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self._all_paths(prefix):
            for kind in (Parameter, Buffer):
                for name, value in module.__dict__.items():
                    if isinstance(value, kind) and getattr(value, "persistent", True):
                        state[f"{path}.{name}" if path else name] = value.detach()
        return state

    def _all_paths(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """As ``named_modules``, but a module that is shared comes under each of its paths."""
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            yield path, module
            below = [
                (f"{path}.{name}" if path else name, child)
                for name, child in module.__dict__.items()
                if isinstance(child, Module)
            ]
            stack.extend(reversed(below))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers.

        Args:
            state_dict: values (Tensors or arrays) by dotted path.
            strict: raise unless the keys are exactly this module's.

        Raises:
            KeyError: missing or unexpected keys (with ``strict``).
            ShapeError: a value has another shape. Whatever is raised, nothing has been copied.
        """
        own = self.state_dict()
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        if strict and (missing or unexpected):
            raise KeyError(
                f"load_state_dict for {type(self).__name__}: missing keys {missing}, unexpected keys {unexpected}; "
                "pass strict=False to load what fits"
            )
        values = {}
        for key, target in own.items():
            if key not in state_dict:
                continue
            value = state_dict[key]
            array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
            if array.shape != target.shape:
                raise ShapeError(
                    f"load_state_dict for {type(self).__name__}: {key} has shape {target.shape} here, but "
                    f"{array.shape} in the state dict; nothing was loaded"
                )
            values[key] = array
        with no_grad():
            for key, array in values.items():
                own[key].copy_(array)
        return IncompatibleKeys(missing, unexpected)

    # ---- modes and conversions -----------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it in training mode (or evaluation mode); returns it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Put this module and all below it in evaluation mode; returns it."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Learn all parameters, or freeze them; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters (or set them to zero)."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.data.copy_(0)

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call ``function`` with every module, children first; returns this one."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Convert all floating parameters and buffers as ``Tensor.to`` does; returns the module."""
        for tensor in itertools.chain(self.parameters(), self.buffers()):
            if tensor.is_floating_point() or tensor.is_complex():
                tensor.data = tensor.detach().to(*args, **kwargs)
        return self

    def float(self: M) -> M:
        """Convert floating parameters and buffers to float32."""
        return self.to("float32")

    def double(self: M) -> M:
        """Convert floating parameters and buffers to float64."""
        return self.to("float64")

    def half(self: M) -> M:
        """Convert floating parameters and buffers to float16."""
        return self.to("float16")

    # ---- hooks ---------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[[Module, Any], Any]) -> _HookHandle:
        """Call ``hook(module, args)`` before forward; what it returns (a tuple, or one value) replaces the args."""
        return _Hooks.of(self).add("before", hook)

    def register_forward_hook(self, hook: Callable[[Module, Any, Any], Any]) -> _HookHandle:
        """Call ``hook(module, args, output)`` after forward; what it returns replaces the output."""
        return _Hooks.of(self).add("after", hook)

    # ---- looks ---------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the brackets of the repr: the layer's settings."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {_indented(repr(child))}" for name, child in self.named_children()]
        extra = self.extra_repr()
        if not children:
            return f"{type(self).__name__}({extra})"
        lines = ([extra] if extra else []) + children
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


class _Hooks:
    """The hooks of one module."""

    def __init__(self) -> None:
        self.before: dict[int, Callable[..., Any]] = {}
        self.after: dict[int, Callable[..., Any]] = {}

    @staticmethod
    def of(module: Module) -> _Hooks:
        hooks = module.__dict__.get("_hooks")
        if hooks is None:
            hooks = module.__dict__["_hooks"] = _Hooks()
        return hooks

    def add(self, when: str, hook: Callable[..., Any]) -> _HookHandle:
        key = next(_hook_keys)
        getattr(self, when)[key] = hook
        return _HookHandle(getattr(self, when), key)

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in list(self.before.values()):
            returned = hook(module, args)
            if returned is not None:
                args = returned if isinstance(returned, tuple) else (returned,)
        output = module.forward(*args, **kwargs)
        for hook in list(self.after.values()):
            returned = hook(module, args, output)
            output = output if returned is None else returned
        return output


class _HookHandle:
    """Removes a hook."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self._hooks, self._key = hooks, key

    def remove(self) -> None:
        """Remove the hook; nothing happens if it is gone already."""
        self._hooks.pop(self._key, None)
