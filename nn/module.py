"""``Module``: a model, or a part of one.

A module is a plain object. Its parameters, buffers and children are those of its attributes that are a Parameter, a
Buffer or a Module, found by walking the instance, in the order in which they were set. Nothing is registered.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import autograd
from autograd import ArgumentError, DtypeError, GradientError, ShapeError, Tensor
from autograd.devices import check_device
from autograd.dtypes import as_dtype
from autograd.engine.failures import RAW, explain_composed
from autograd.engine.hooks import EVERYWHERE

from .hooks import HookMethods, Hooks
from .parameter import Buffer, Parameter, filled, replacement, roles, vacate
from .registry import Registry
from .state import StateMethods

__all__ = ["Module"]

M = TypeVar("M", bound="Module")


class Module(HookMethods, StateMethods):
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
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            hooks = self.__dict__.get("_hooks")
            if hooks is not None or EVERYWHERE:
                return (hooks or Hooks()).call(self, args, kwargs)
            return self.forward(*args, **kwargs) if kwargs else self.forward(*args)
        except (ShapeError, DtypeError, IndexError, GradientError) as error:
            self._locate(error)
            raise
        except RAW as error:
            if args and args[0] is None:
                if isinstance(error, (AttributeError, TypeError)) and not hasattr(error, "__notes__"):
                    error.add_note(f"({type(self).__name__} was called with None; it expects a Tensor)")
            elif type(self).__module__.startswith("nn."):
                explain_composed(type(self).forward, (self, *args), kwargs, error)
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

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if held is None:
            value = filled(self, name, value, Module)
        elif isinstance(held, (Tensor, Module)):
            if value is None:
                vacate(self, name, held)
            elif not isinstance(value, Parameter):
                value = replacement(self, name, held, value, Module)
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # to a type checker every name would then be an attribute

        def __getattr__(self, name):
            """What ``super().__getattr__`` of a subclass finds; else the error there was, which names the attribute."""
            return object.__getattribute__(self, name)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name[:1].isdigit()]  # model.0 is not Python

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def _modules(self) -> Registry:
        """The modules that are attributes, as the dict that PyTorch keeps them in."""
        return Registry(self, Module)

    @property
    def _parameters(self) -> Registry:
        return Registry(self, Parameter)

    @property
    def _buffers(self) -> Registry:
        return Registry(self, Buffer)

    # ---- attributes by name --------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a parameter (or None) as the attribute ``name``; if it is None, only a Parameter can be set there later.

        Raises:
            KeyError: the name has a dot, is empty or taken by something else.
            TypeError: it is no Parameter.
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(param).__name__}")
        self._set_new(name, param, Parameter)
        if param is None:
            vacate(self, name, Parameter())

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a Tensor that belongs to the state but is not learned as the attribute ``name``.

        Args:
            name: of the attribute.
            tensor: becomes a ``Buffer`` that shares its memory; None for none, and a Tensor set there later is one.
            persistent: whether it is part of ``state_dict``.

        Raises:
            KeyError, TypeError: as ``register_parameter``.
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}")
        self._set_new(name, None if tensor is None else Buffer.of(tensor, persistent), Buffer)
        if tensor is None:
            vacate(self, name, Buffer(persistent=persistent))

    def register_module(self, name: str, module: Module | None) -> None:
        """Set a module (or None) as the attribute ``name``; the same as ``add_module``.

        Raises:
            KeyError, TypeError: as ``register_parameter``.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} must be a Module or None, got {type(module).__name__}")
        self._set_new(name, module, Module)

    add_module = register_module

    def _set_new(self, name: str, value: Any, kind: type) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: a name must be a string, got {type(name).__name__}")
        held = self.__dict__.get(name)
        replaceable = name in self.__dict__ and (held is None or isinstance(held, kind))
        if not name or "." in name or (hasattr(self, name) and not replaceable):
            raise KeyError(
                f"{type(self).__name__}: {name!r} cannot be the name of a {kind.__name__.lower()} (empty, with a dot, "
                "or taken)"
            )
        object.__setattr__(self, name, value)

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

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted paths, parents before children.

        Args:
            memo: modules to leave out; those that are found are added.
            prefix: put before the paths.
            remove_duplicate: a module that stands in several places comes once.
        """
        seen = {id(module) for module in memo or ()}
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate:
                if id(module) in seen:
                    continue
                seen.add(id(module))
                if memo is not None:
                    memo.add(module)
            yield path, module
            below = [
                (f"{path}.{name}" if path else name, child)
                for name, child in module.__dict__.items()
                if isinstance(child, Module)
            ]
            stack.extend(reversed(below))

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it; one that stands in several places comes once, with ``remove_duplicate``."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def _named_tensors(self, kind: type[Tensor], prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        places = self.named_modules(None, prefix, once) if recurse else [(prefix, self)]
        for path, module in places:
            for name, role in roles(module).items():
                if isinstance(role, kind):
                    value = module.__dict__[name]
                    if not (once and id(value) in seen):
                        seen.add(id(value))
                        yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters here and (``recurse``) below, with their dotted paths; shared ones once."""
        return self._named_tensors(Parameter, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and (``recurse``) of all modules in it: what an optimizer is given."""
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
        if not isinstance(target, str):
            raise DtypeError(f"get_submodule: a path must be a string such as 'a.b', got {type(target).__name__}")
        module = self
        for name in target.split(".") if target else ():
            module = module._held(name, target, Module)
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        Raises:
            AttributeError: there is none.
        """
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._held(name, target, Parameter)

    def get_buffer(self, target: str) -> Buffer:
        """The buffer at a dotted path.

        Raises:
            AttributeError: there is none.
        """
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._held(name, target, Buffer)

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path, in place of the one there.

        Args:
            target: the path; all but its last name must exist.
            module: what to put there.
            strict: also the last name must exist.

        Raises:
            AttributeError: a name of the path does not exist, or something that is no module has the last one.
        """
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if not name or not isinstance(module, Module):
            raise ArgumentError(f"set_submodule: expected a path and a Module, got {target!r}, {type(module).__name__}")
        if strict or getattr(parent, name, None) is not None:
            parent._held(name, target, Module)
        setattr(parent, name, module)

    def _held(self, name: str, target: str, kind: type) -> Any:
        found = getattr(self, name, None)
        if not isinstance(found, kind):
            names = [other for other, value in self.__dict__.items() if isinstance(value, kind)]
            raise AttributeError(
                f"{type(self).__name__} has no {kind.__name__.lower()} {name!r} (in {target!r}); it has {names}"
            )
        return found

    # ---- modes and conversions -----------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it in training mode (or evaluation mode); returns it."""
        if not isinstance(mode, bool):
            raise ArgumentError(f"{type(self).__name__}.train: mode must be True or False, got {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Put this module and all below it in evaluation mode; returns it."""
        return self.train(False)

    def compile(self, **settings: Any) -> None:
        """Compile ``forward``, in place; hooks are called as they are. Other names of the module stay what they were.

        Args:
            settings: those of ``autograd.compile``.

        >>> import autograd, nn
        >>> layer = nn.Linear(3, 2)
        >>> layer.compile()
        >>> [layer(autograd.ones(4, 3)).shape for _ in range(3)][-1]
        (4, 2)
        >>> layer.forward
        <compiled forward: 1 program, recorded 1 time>
        """
        forward = self.__dict__.pop("forward", self.forward)
        self.forward = autograd.compile(getattr(forward, "compiled_from", forward), **settings)  # type: ignore[method-assign]

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Learn all parameters, or freeze them; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with ``set_to_none=False`` to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                if parameter.grad.requires_grad:
                    parameter.grad = parameter.grad.detach()
                parameter.grad.data.copy_(0)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call ``fn`` with every module, children first; returns this one."""
        if not callable(fn):
            raise DtypeError(f"apply: expected a function of a module, got {type(fn).__name__}")
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def _apply(self: M, convert: Callable[[Tensor], Tensor]) -> M:
        """Convert all parameters, their gradients and buffers; the Parameters and Buffers stay the same objects.

        A buffer may be a Tensor of the user's that requires grad: its conversion is recorded, as in PyTorch, so that
        the gradient arrives there in its dtype.
        """
        for child in self.children():
            child._apply(convert)
        for tensor in itertools.chain(self.parameters(recurse=False), self.buffers(recurse=False)):
            if tensor.requires_grad and isinstance(tensor, Buffer):
                tensor.become(convert(tensor))
                continue
            converted = convert(tensor.detach())
            grad = None if tensor.grad is None else convert(tensor.grad)
            tensor.grad = None
            tensor.data = converted
            tensor.grad = grad
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Convert all floating and complex parameters and buffers as ``Tensor.to`` does; returns the module.

        Raises:
            DtypeError: a dtype that is neither floating nor complex.
            ValueError: a device other than the CPU.
        """
        wanted = Tensor([0.0]).to(*args, **kwargs).dtype
        if wanted.kind not in "fcV":
            raise DtypeError(f"Module.to: expected a floating or complex dtype, got {wanted}")
        return self._apply(lambda t: t.to(*args, **kwargs) if t.is_floating_point() or t.is_complex() else t)

    def type(self: M, dst_type: Any) -> M:
        """Convert all parameters and buffers to a dtype, those of integers too."""
        dtype = as_dtype(dst_type)
        return self._apply(lambda t: t.to(dtype))

    def float(self: M) -> M:
        """Convert floating parameters and buffers to float32."""
        return self.to("float32")

    def double(self: M) -> M:
        """Convert floating parameters and buffers to float64."""
        return self.to("float64")

    def half(self: M) -> M:
        """Convert floating parameters and buffers to float16."""
        return self.to("float16")

    def cpu(self: M) -> M:
        """The module itself: there is no other device."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Raise ValueError: there is no such device."""
        check_device("cuda" if device is None else device)
        return self

    # ---- looks ---------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the brackets of the repr: the layer's settings."""
        return ""

    def __repr__(self) -> str:
        children = [
            f"({name}): {indented(repr(child))}" for name, child in self.__dict__.items() if isinstance(child, Module)
        ]
        return self._framed(children)

    def _framed(self, children: list[str]) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        if len(extra) <= 1 and not children:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*extra, *children]) + "\n)"

    def _get_name(self) -> str:
        return type(self).__name__


def indented(text: str) -> str:
    """``text`` with all lines but the first moved to the right."""
    return text.replace("\n", "\n  ")
