"""State dicts: the parameters and buffers of a module by dotted path, out of it and into it.

Each module writes and reads what is its own, under PyTorch's names ``_save_to_state_dict`` and
``_load_from_state_dict``, so that a class can migrate old keys. Reading only notes what is to be copied where; it is
copied when all modules have read and everything fits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd import DtypeError, StateDictError, Tensor, no_grad

from .parameter import Buffer, Parameter, is_lazy, roles

__all__ = ["IncompatibleKeys", "StateMethods"]

EXTRA = "_extra_state"
ASSIGN = "assign_to_params_buffers"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find a place or a value for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class _Metadata(dict[str, Any]):
    """What is known of one module's part of a state dict: perhaps its version; and what is to be done with it."""

    def __init__(self, known: Mapping[str, Any], plan: list[Callable[[], None]]) -> None:
        super().__init__(known)
        self.plan = plan


class StateMethods:
    """The methods of a module that deal with state dicts."""

    _version = 1
    """Of the keys that a class writes; a state dict in memory keeps it in its attribute ``_metadata``."""

    def get_extra_state(self) -> Any:
        """What the state dict keeps besides Tensors; a class that needs it defines this and ``set_extra_state``.

        Raises:
            RuntimeError: the class has not defined it.
        """
        raise RuntimeError(f"{type(self).__name__} has no extra state: define get_extra_state and set_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Take back what ``get_extra_state`` returned.

        Raises:
            RuntimeError: the class has not defined it.
        """
        raise RuntimeError(f"{type(self).__name__} takes no extra state: define get_extra_state and set_extra_state")

    def state_dict(self, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> OrderedDict[str, Any]:
        """The parameters and persistent buffers by dotted path: detached, sharing memory.

        A module that defines ``get_extra_state`` and ``set_extra_state`` keeps what these return and take as well.

        Args:
            destination: a dict to add them to.
            prefix: put before the paths as it is: it ends with a dot if it is a path.
            keep_vars: the parameters themselves instead of detached Tensors.
        """
        into: Any = destination
        if into is None:
            into = OrderedDict()
            into._metadata = OrderedDict()
        hooks = self.__dict__.get("_hooks")
        for hook in list(hooks.before_state.values()) if hooks else ():
            hook(self, prefix, keep_vars)
        if hasattr(into, "_metadata"):
            into._metadata[prefix[:-1]] = {"version": self._version}
        self._save_to_state_dict(into, prefix, keep_vars)
        for name, child in _children(self):
            child.state_dict(destination=into, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in list(hooks.after_state.values()) if hooks else ():
            _nothing(hook(self, into, prefix, {"version": self._version}), "state_dict", "the state dict")
        return into

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add what is this module's own."""
        for name, tensor in _own(self).items():
            destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
        if _defines(self, "get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers.

        Args:
            state_dict: values (Tensors or arrays) by dotted path.
            strict: raise unless the keys are exactly this module's.
            assign: make the values themselves, in their dtype, the parameters and buffers.

        Raises:
            StateDictError: missing or unexpected keys (with ``strict``), or shapes that differ: the message names all
                of them. Whatever is raised, nothing has been copied; but where there is a hook after loading, which
                may strike out keys, missing and unexpected ones are looked at after it.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a dict of Tensors by path, got {type(state_dict).__name__}")
        keys = IncompatibleKeys([], [key for key in state_dict if not isinstance(key, str)])
        faults: list[str] = []
        plan: list[Callable[[], None]] = []
        known = getattr(state_dict, "_metadata", {})
        values = OrderedDict((key, value) for key, value in state_dict.items() if isinstance(key, str))
        _read(self, values, "", known, {ASSIGN: True} if assign else {}, plan, (*keys, faults))
        hooked = list(_with_hooks_after(self))
        _check(self, keys, faults, strict and not hooked)
        for step in plan:
            step()
        for module, hooks in hooked:
            for hook in hooks:
                _nothing(hook(module, keys), "load_state_dict", "the lists of keys")
        if hooked:
            _check(self, keys, [], strict, "what fits was loaded")
        return keys

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Read what is this module's own, which in ``state_dict`` has keys that begin with ``prefix``.

        A class that knows old keys changes ``state_dict``, which is a copy, and calls this of its base class.
        """
        hooks = self.__dict__.get("_hooks")
        for hook in list(hooks.before_load.values()) if hooks else ():
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        now: list[Callable[[], None]] = []
        plan = getattr(local_metadata, "plan", now)
        own = _own(self)
        for name, tensor in own.items():
            if (key := prefix + name) not in state_dict:
                missing_keys.extend([key] if strict else [])
            elif not (is_lazy(tensor) and is_lazy(state_dict[key])):
                plan.append(_copying(self, name, key, state_dict[key], ASSIGN in local_metadata, error_msgs))
        if _defines(self, "set_extra_state"):
            if prefix + EXTRA in state_dict:
                plan.append(lambda: self.set_extra_state(state_dict[prefix + EXTRA]))
            elif strict:
                missing_keys.append(prefix + EXTRA)
            own[EXTRA] = None
        if strict:
            unexpected_keys.extend(_without_a_place(state_dict, prefix, own, dict(_children(self))))
        for step in now:
            step()


def _children(module: Any) -> list[tuple[str, Any]]:
    """The modules that are attributes, one that has several names under each of them."""
    return [(name, value) for name, value in module.__dict__.items() if isinstance(value, StateMethods)]


def _own(module: Any) -> dict[str, Any]:
    """The parameters and persistent buffers that are attributes of a module."""
    held, counted = module.__dict__, roles(module).items()
    own = {name: held[name] for name, role in counted if isinstance(role, Parameter)}
    own.update({name: held[name] for name, role in counted if isinstance(role, Buffer) and role.persistent})
    return own


def _defines(module: Any, method: str) -> bool:
    return getattr(type(module), method) is not getattr(StateMethods, method)


def _with_hooks_after(module: Any) -> Any:
    """The modules that have hooks after loading, with these, children before parents."""
    for _, child in _children(module):
        yield from _with_hooks_after(child)
    hooks = module.__dict__.get("_hooks")
    if hooks and hooks.after_load:
        yield module, list(hooks.after_load.values())


def _nothing(returned: Any, name: str, what: str) -> None:
    if returned is not None:
        raise TypeError(
            f"a hook after {name} returned {type(returned).__name__}; it must return None and change {what}"
        )


def _read(
    module: Any,
    values: dict[str, Any],
    prefix: str,
    known: Mapping[str, Any],
    options: dict[str, Any],
    plan: list[Callable[[], None]],
    found: tuple[list[str], list[str], list[str]],
) -> None:
    """Let a module and all below it read their values."""
    metadata = _Metadata({**known.get(prefix[:-1], {}), **options}, plan)
    module._load_from_state_dict(values, prefix, metadata, True, *found)
    for name, child in _children(module):
        start = f"{prefix}{name}."
        inner = OrderedDict((key, value) for key, value in values.items() if key.startswith(start))
        _read(child, inner, start, known, options, plan, found)


def _without_a_place(state_dict: dict[str, Any], prefix: str, own: Any, children: Any) -> list[str]:
    """The keys that neither name something of the module's own nor begin with the name of a child."""
    found = []
    for key in state_dict:
        name, *below = key.removeprefix(prefix).split(".", 1)
        if key.startswith(prefix) and name not in (children if below else own):
            found.append(key)
    return found


def _check(
    module: Any, keys: IncompatibleKeys, faults: list[str], strict: bool, loaded: str = "nothing was loaded"
) -> None:
    """Raise StateDictError for faults and, if ``strict``, for keys without a place or a value."""
    hint = ""
    if strict and (keys.missing_keys or keys.unexpected_keys):
        hint = "; pass strict=False to load what fits"
        named = (("missing", keys.missing_keys), ("unexpected", keys.unexpected_keys))
        faults = [*[f"{kind} keys: {', '.join(map(str, found))}" for kind, found in named if found], *faults]
    if faults:
        raise StateDictError(
            f"load_state_dict for {type(module).__name__}, of which {loaded}: {'; '.join(faults)}{hint}"
        )


def _copying(module: Any, name: str, key: str, given: Any, assign: bool, faults: list[str]) -> Callable[[], None]:
    """What sets a parameter or buffer to a value; ``faults`` tells if that does not fit."""
    own = module.__dict__[name]
    if is_lazy(given):
        faults.append(f"{key} is that of a lazy module which was not called yet")
        return lambda: None
    array = _array(key, given)
    if not is_lazy(own) and array.shape != own.shape:
        faults.append(f"{key} has shape {own.shape} here, but {array.shape} in the state dict")
    if array.dtype.kind == "c" and own.dtype.kind != "c" and not assign:
        faults.append(f"{key} has dtype {own.dtype} here, but {array.dtype} in the state dict")
    return lambda: _set(module, name, array, given, assign)


def _array(key: str, value: Any) -> Any:
    array = value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "biufcV":
        raise DtypeError(f"load_state_dict: {key} must be a Tensor or an array of numbers, got {type(value).__name__}")
    return array


def _set(module: Any, name: str, array: Any, given: Any, assign: bool) -> None:
    own = module.__dict__[name]
    if not assign:
        if is_lazy(own):  # the shape is known now
            own.materialize(array.shape)
        with no_grad():
            own.copy_(array)
    elif not isinstance(own, Parameter):
        module.__dict__[name] = Buffer.of(
            given.detach() if isinstance(given, Tensor) else Tensor(array), own.persistent
        )
    elif isinstance(given, Parameter):
        module.__dict__[name] = given.requires_grad_(own.requires_grad)
    else:
        data = given.detach() if isinstance(given, Tensor) else Tensor(array)
        module.__dict__[name] = Parameter(data, own.requires_grad)
