"""Hooks of modules: functions called around forward and around state dicts, and with gradients that pass through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Function, GradientError, Tensor
from autograd.engine.callsite import warn
from autograd.engine.hooks import EVERYWHERE, RemovableHandle, add_hook

__all__ = [
    "HookMethods", "Hooks", "register_module_forward_hook", "register_module_forward_pre_hook",
    "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
]  # fmt: skip

_AROUND = ("forward_pre", "forward", "backward_pre", "backward")


class Hooks:
    """The hooks of one module, of each kind in the order in which they are called."""

    def __init__(self) -> None:
        self.forward_pre: dict[object, tuple[Callable[..., Any], bool]] = {}
        self.forward: dict[object, tuple[Callable[..., Any], bool]] = {}
        self.always: set[object] = set()
        self.backward_pre: dict[object, Callable[..., Any]] = {}
        self.backward: dict[object, Callable[..., Any]] = {}
        self.before_state: dict[object, Callable[..., Any]] = {}
        self.after_state: dict[object, Callable[..., Any]] = {}
        self.before_load: dict[object, Callable[..., Any]] = {}
        self.after_load: dict[object, Callable[..., Any]] = {}

    @staticmethod
    def of(module: Any) -> Hooks:
        """The hooks of a module, which has none until the first is asked for."""
        hooks = module.__dict__.get("_hooks")
        if hooks is None:
            hooks = module.__dict__["_hooks"] = Hooks()
        return hooks

    def call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module's forward, with all hooks around it."""
        return (self._with_those_of_all() if EVERYWHERE else self)._call(module, args, kwargs)

    def _with_those_of_all(self) -> Hooks:
        joined = Hooks()
        for key, (kind, hook, always) in EVERYWHERE.items():
            getattr(joined, kind)[key] = hook
            joined.always.update([key] if always else [])
        for kind in _AROUND:
            getattr(joined, kind).update(getattr(self, kind))
        joined.always |= self.always
        return joined

    def _call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[object] = set()
        output = None
        try:
            for hook, with_kwargs in list(self.forward_pre.values()):
                args, kwargs = _before(module, hook, with_kwargs, args, kwargs)
            gate = _Gate(module, self) if self.backward or self.backward_pre else None
            if gate is not None:
                args = gate.inputs(args)
            output = module.forward(*args, **kwargs)
            for key, (hook, with_kwargs) in list(self.forward.items()):
                called.add(key)
                returned = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
                output = output if returned is None else returned
        except Exception:
            for key, (hook, with_kwargs) in list(self.forward.items()):
                if key in self.always and key not in called:
                    _anyway(hook, (module, args, kwargs, output) if with_kwargs else (module, args, output))
            raise
        return output if gate is None else gate.outputs(output)


def _dict_of(kind: str) -> Any:
    """PyTorch's name for the dict of a module's hooks of one kind, which programs ask and empty."""

    def hooks(self: Any) -> Any:
        return getattr(Hooks.of(self), kind)

    def empty(self: Any, value: Any) -> None:
        if value:
            raise TypeError(f"the hooks of a module can be set to an empty dict only; register each, got {value!r}")
        hooks(self).clear()

    return property(hooks, empty)


class HookMethods:
    """The methods of a module that register hooks; each returns a handle whose ``remove()`` removes the hook."""

    _forward_pre_hooks = _dict_of("forward_pre")
    _forward_hooks = _dict_of("forward")
    _backward_pre_hooks = _dict_of("backward_pre")
    _backward_hooks = _dict_of("backward")

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; what it returns (a tuple, or one value) replaces the args.

        Args:
            hook: the function.
            prepend: call it before the hooks that are there, not after them.
            with_kwargs: call ``hook(module, args, kwargs)``, which returns None or ``(args, kwargs)``.
        """
        return add_hook(Hooks.of(self).forward_pre, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after forward; what it returns replaces the output.

        Args:
            hook: the function.
            prepend: call it before the hooks that are there, not after them.
            with_kwargs: call ``hook(module, args, kwargs, output)``.
            always_call: also after forward (then the output is None) or a hook before this one has failed.
        """
        hooks = Hooks.of(self)
        handle = add_hook(hooks.forward, (hook, with_kwargs), prepend)
        if always_call:
            hooks.always.add(handle.key)
        return handle

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known; it may return others."""
        return add_hook(Hooks.of(self).backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known.

        Both are tuples, None for what is no Tensor or has no gradient; what the hook returns replaces ``grad_input``.
        """
        return add_hook(Hooks.of(self).backward, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The same under the name that older programs use; PyTorch's gives the inputs of the last operation alone."""
        return self.register_full_backward_hook(hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before each ``state_dict``, that of a module around this one too."""
        return add_hook(Hooks.of(self).before_state, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after each ``state_dict``, which it may change.

        The keys of this module start with ``prefix``; the metadata are its version.
        """
        return add_hook(Hooks.of(self).after_state, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before each ``load_state_dict``; it may change the copy of the state dict that it is given.

        Args:
            hook: is called ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                error_msgs)``; what it adds to the three lists is reported with what is found.
        """
        return add_hook(Hooks.of(self).before_load, hook)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any], with_module: bool = False) -> Any:
        """The same under the name that older programs use; the hook gets no module unless ``with_module``."""
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *given: hook(*given))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after each ``load_state_dict``; it may change the lists of keys."""
        return add_hook(Hooks.of(self).after_load, hook)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module, as ``Module.register_forward_pre_hook`` does."""
    return add_hook(EVERYWHERE, ("forward_pre", (hook, False), False))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module, as ``Module.register_forward_hook`` does.

    >>> import autograd, nn
    >>> from nn.hooks import register_module_forward_hook
    >>> with register_module_forward_hook(lambda module, args, output: print(module)):
    ...     _ = nn.Sequential(nn.Tanh(), nn.ReLU())(autograd.zeros(2))
    Tanh()
    ReLU()
    Sequential(
      (0): Tanh()
      (1): ReLU()
    )
    """
    return add_hook(EVERYWHERE, ("forward", (hook, with_kwargs), always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` at every module, as ``Module.register_full_backward_pre_hook`` does."""
    return add_hook(EVERYWHERE, ("backward_pre", hook, False))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` at every module; see ``Module.register_full_backward_hook``."""
    return add_hook(EVERYWHERE, ("backward", hook, False))


def _before(
    module: Any, hook: Callable[..., Any], with_kwargs: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What forward is called with after a hook before it."""
    if not with_kwargs:
        returned = hook(module, args)
        if returned is None:
            return args, kwargs
        return returned if isinstance(returned, tuple) else (returned,), kwargs
    returned = hook(module, args, kwargs)
    if returned is None:
        return args, kwargs
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise TypeError(
            "a forward pre-hook with with_kwargs=True must return None or a tuple (args, kwargs), "
            f"got {type(returned).__name__}"
        )
    return returned


def _anyway(hook: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Call a hook after forward failed: the error of forward counts, not the hook's."""
    try:
        hook(*arguments)
    except Exception as error:  # noqa: BLE001 (any error of the user's hook)
        warn(f"a forward hook with always_call=True raised {error!r} after forward failed")


class _Pass(Function):
    """The identity, through whose backward the gradients of all its Tensors pass together."""

    calls_hooks = True  # functions of the user's, which need not be functions of the gradients alone

    @staticmethod
    def forward(ctx: Any, change: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        """The Tensors."""
        ctx.change = change
        ctx.set_materialize_grads(False)
        passed = tuple(tensor.detach() for tensor in tensors)
        ctx.mark_non_differentiable(
            *[out for out, given in zip(passed, tensors, strict=True) if not given.requires_grad]
        )
        return passed

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradients as ``change`` returns them."""
        return (None, *ctx.change(grads))


class _Gate:
    """Shows a module's backward hooks the gradients of its outputs, and then those of its inputs, in one call."""

    def __init__(self, module: Any, hooks: Hooks) -> None:
        self.module = module
        self.before = list(hooks.backward_pre.values())
        self.after = list(hooks.backward.values())
        self.grad_output: tuple[Any, ...] | None = None
        self.inputs_count = 0
        self.has_inputs = False
        self.is_open = True

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of forward, their Tensors led through the gate."""
        self.inputs_count = len(args)
        self.has_inputs = any(isinstance(arg, Tensor) and arg.requires_grad for arg in args)
        return self._led(args, self._leave) if self.has_inputs and self.after else args

    def outputs(self, output: Any) -> Any:
        """The output of forward, its Tensors led through the gate."""
        if isinstance(output, Tensor):
            return self._led((output,), self._enter)[0]
        if isinstance(output, (tuple, list)):
            led = self._led(tuple(output), self._enter)
            return output._make(led) if hasattr(output, "_make") else type(output)(led)
        self.is_open = False
        warn(
            f"the backward hooks of {type(self.module).__name__} are not called: its output must be a Tensor, or a "
            f"tuple or list of them, and is a {type(output).__name__}"
        )
        return output

    @staticmethod
    def _led(values: tuple[Any, ...], change: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
        places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
        if not any(values[i].requires_grad for i in places):
            return values

        def change_all(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            spread: list[Any] = [None] * len(values)
            for i, g in zip(places, grads, strict=True):
                spread[i] = g
            changed = change(tuple(spread))
            return tuple(changed[i] for i in places)

        led = dict(zip(places, _Pass.apply(change_all, *[values[i] for i in places]), strict=True))
        return tuple(led.get(i, value) for i, value in enumerate(values))

    def _enter(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.before:
            returned = hook(self.module, grads)
            if returned is not None:
                grads = _replaced(grads, returned, "pre-")
        self.grad_output = grads
        if not self.has_inputs:
            for hook in self.after:
                returned = hook(self.module, (None,) * self.inputs_count, grads)
                if any(g is not None for g in (returned if isinstance(returned, tuple) else (returned,))):
                    raise GradientError("a backward hook replaced gradients of inputs, but no input requires grad")
        return grads

    def _leave(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # a second derivative, which came through saved inputs, not through the outputs
            return grads
        for hook in self.after if self.is_open else ():
            returned = hook(self.module, grads, grad_output)
            if returned is not None:
                grads = _replaced(grads, returned, "")
        return grads


def _replaced(grads: tuple[Any, ...], returned: Any, kind: str) -> tuple[Any, ...]:
    found = returned if isinstance(returned, tuple) else (returned,)
    if len(found) != len(grads):
        raise GradientError(f"a backward {kind}hook returned {len(found)} gradients, expected {len(grads)}")
    return found
