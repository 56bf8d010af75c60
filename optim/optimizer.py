"""``Optimizer``: parameter groups kept in flat buffers, so that an update is a few NumPy calls for all parameters.

Each algorithm is a subclass that states its defaults, its state and the bare formula of ``update``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from inspect import signature
from itertools import chain
from math import prod
from operator import is_not
from typing import Any, ClassVar

from autograd import ArgumentError, DtypeError, ShapeError, Tensor, enable_grad
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.engine.hooks import RemovableHandle
from autograd.engine.quiet import quiet

from . import saving
from .flat import Block, Single
from .hooks import Hooks, hook_at, hooked, hooks_at
from .states import States

__all__ = ["Optimizer", "required"]

required: Any = object()
"""As a default: a hyper-parameter that each group must give, for PyTorch's older optimizers of users."""


def _slips(group: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a group holds that is almost a hyper-parameter, and which; anything else may be the user's own."""
    unknown = sorted(group.keys() - known.keys() - {"params"})
    if unknown:
        from difflib import get_close_matches
    for name in unknown:
        near = ["lr"] if name == "learning_rate" else get_close_matches(name, known, 1, 0.85)
        yield from ((name, meant) for meant in near)


class Optimizer:
    """Base of all optimizers.

    Args:
        params: the Tensors to optimize, or (name, Tensor) pairs; or dicts, each with "params" and hyper-parameters of
            its own.
        defaults: hyper-parameters of groups that do not set them.

    Raises:
        ValueError: no parameters, one of them twice, one that is not a leaf, or some with a name and some without.

    The parameters of a group become views of one buffer, which a step updates as a whole. A parameter whose memory is
    another's, too (a view's, a state dict's, that of the array it was made from), stays where it is, and is updated by
    itself.

    ``foreach``, ``fused`` and ``capturable``, which choose among implementations in PyTorch, are accepted and change
    nothing here; ``differentiable=True`` is refused.

    A subclass defines ``update``; or, as in PyTorch, ``step`` itself, with whatever it likes in ``state[p]``.
    """

    states: ClassVar[tuple[str, ...]] = ()
    """The names of the arrays that the algorithm keeps for each parameter, as in PyTorch's ``state_dict``."""
    numbers: ClassVar[dict[str, float]] = {"step": 0}
    """The numbers that it keeps for each parameter, and what they start from."""
    elementwise: ClassVar[bool] = True
    """Whether ``update`` treats each element by itself, so that it can be given all parameters as one flat array."""
    _by_formula: ClassVar[bool] = False
    _stores: list[list[Any]]
    _known: list[list[Tensor]]
    _free: MutableMapping[Tensor, Any]
    _hooks: Hooks
    _stepped: bool
    _watched: bool

    def __new__(cls, *args: Any, **kwargs: Any) -> Optimizer:
        """With what each optimizer has, also one around another, which may not call ``__init__``."""
        made = super().__new__(cls)
        made._stores = []
        made._known = []  # the parameters for which the stores were made
        made._free = defaultdict(dict)
        made._hooks = {}
        made._stepped = made._watched = False  # for schedulers, which must step after it
        return made

    @explained
    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"{type(self).__name__}: params must be an iterable of Tensors, got one Tensor; put it in a list"
            )
        if hasattr(params, "parameters"):
            raise TypeError(
                f"{type(self).__name__}: params must be an iterable of Tensors, got the module "
                f"{type(params).__name__}; give its .parameters()"
            )
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ArgumentError(
                f"{type(self).__name__}: got no parameters; is model.parameters() empty (layers in a plain list "
                "are not found: use nn.ModuleList), or used up before?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.update is not Optimizer.update  # in PyTorch's programs update may be anything
        cls._by_formula = own and len(signature(cls.update).parameters) == len(signature(Optimizer.update).parameters)
        if "step" in cls.__dict__:
            cls.step = hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    # ---- the algorithm -----------------------------------------------------------------------------------------

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """Update the values ``p`` in place by the algorithm's formula.

        Args:
            p, g: values and gradients (negated for ``maximize``) of some parameters, flat arrays; for an algorithm
                that is not ``elementwise`` those of one, in its shape. ``g`` must not be changed.
            state: the arrays named in ``states``, to be changed in place, zeros before the first step; and the
                ``numbers``, to be replaced.
            group: the hyper-parameters.
            step: the number of this step for these parameters, from 1 on.
        """
        raise TypeError(f"{type(self).__name__} needs a method update")

    def used_states(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Which of ``states`` a group with these hyper-parameters keeps."""
        return self.states

    def shapes(self, shape: tuple[int, ...], group: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays that are kept for a parameter of this shape; elementwise ones are like it."""
        return dict.fromkeys(self.used_states(group), shape)

    # ---- steps -------------------------------------------------------------------------------------------------

    @hooked
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: computes the loss anew, with gradients, and returns it.

        Returns:
            What ``closure`` returned, else None.
        """
        loss = None
        if closure is not None:
            if not callable(closure):
                raise TypeError(
                    f"{type(self).__name__}.step: closure must be a function that computes the loss, got "
                    f"{type(closure).__name__}; after loss.backward() call step() without arguments"
                )
            with enable_grad():
                loss = closure()
        self._update_all()
        return loss

    @quiet
    def _update_all(self) -> None:
        for i, group in enumerate(self.param_groups):
            lr: Any = group.get("lr")  # Tensors stay in their group, where they may be changed
            if type(lr) is not float and hasattr(lr, "item"):
                group = {**group, "lr": lr.item()}
            betas: Any = group.get("betas", ())
            if Tensor in map(type, betas):
                group = {**group, "betas": tuple(beta.item() if hasattr(beta, "item") else beta for beta in betas)}
            maximize = group.get("maximize", False)
            for store in self._ready(i):
                wanted = self.used_states(group) if self.elementwise else self.shapes(store.params[0].shape, group)
                for p, g, state, step in store.pieces(wanted):
                    self.update(p, -g if maximize else g, state, group, step)

    def _ready(self, i: int) -> list[Any]:
        """The stores of a group; made anew, state kept, if its parameters are not those for which they were made."""
        params, known, stores = self.param_groups[i]["params"], self._known[i], self._stores[i]
        changed = len(params) != len(known) or any(map(is_not, params, known))
        for store in () if changed else stores:  # all of them, not up to the first
            changed = not store.ready() or changed
        if changed:
            self._settle(i, {id(p): found for store in stores for p, found in store.states()})
        return self._stores[i]

    def _settle(self, i: int, found: Mapping[int, dict[str, Any]]) -> None:
        """Make the stores of a group, with this state by the parameters' ids."""
        group = self.param_groups[i]
        entries, shapes = {}, {}
        for p in group["params"]:
            if id(p) in found:
                idle = dict.fromkeys(self.states, p.shape) if self.elementwise else {}
                shapes[id(p)] = {**idle, **self.shapes(p.shape, group)}
                entries[id(p)] = saving.fitting(type(self).__name__, p, found[id(p)], shapes[id(p)])
        former = self._stores[i] or None
        params = [p for p in group["params"] if not hasattr(p, "materialize")]  # a lazy layer's has no shape yet
        stores = (Block if self.elementwise else Single).of(params, self.numbers, former)
        for store in stores if entries else ():
            store.load(entries, shapes)
        self._stores[i], self._known[i] = stores, params

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with ``set_to_none=False`` to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad = p._grad.detach()
                    p._grad.copy_(0)

    # ---- groups ------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with "params" (a Tensor or several) and hyper-parameters that differ from the defaults.

        Raises:
            ValueError: as the constructor; nothing is then added.
        """
        title = type(self).__name__
        if not isinstance(param_group, dict):
            raise TypeError(f"{title}: a group is a dict with 'params', got {type(param_group).__name__}")
        group = dict(param_group)
        if "params" not in group:
            raise ArgumentError(f"{title}: a group needs 'params', got {sorted(group)}")
        if isinstance(group["params"], (set, frozenset)):
            raise TypeError(f"{title}: params must have an order, got a set; give a list")
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        names = [p[0] for p in params if isinstance(p, tuple)]
        if names and len(names) != len(params):
            raise ArgumentError(f"{title}: {len(names)} of {len(params)} parameters have a name; give all or none one")
        params = [p[1] for p in params] if names else params
        if self.param_groups and ("param_names" in self.param_groups[0]) != bool(names or "param_names" in group):
            raise ArgumentError(f"{title}: the parameters of all groups must have names, or none")
        self._check(params)
        if group.get("differentiable", self.defaults.get("differentiable")):
            raise ArgumentError(
                f"{title}: differentiable=True is not supported: a step changes the parameters in place, outside the "
                "graph. To differentiate through it, write the update out with autograd.grad(..., create_graph=True)"
            )
        for name, meant in _slips(group, self.defaults):
            warn(f"{title}: {name!r} in a group changes nothing; do you mean {meant!r}? It has {sorted(self.defaults)}")
        group["params"] = params
        if names:
            group["param_names"] = names
        group |= {k: v for k, v in self.defaults.items() if k not in group}
        absent = [name for name, value in group.items() if value is required]
        if absent:
            raise ArgumentError(f"{title}: a group needs {absent[0]!r}, for which there is no default: give it")
        self.param_groups.append(group)
        self._stores.append([])
        self._known.append([])
        if self._by_formula:
            self._settle(len(self.param_groups) - 1, {})

    def _check(self, params: list[Any]) -> None:
        """Raise for what cannot be optimized, or is already."""
        name = type(self).__name__
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: parameter {i} must be a Tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise ArgumentError(
                    f"{name}: parameter {i} (shape {p.shape}) is the result of '{p.grad_fn.name()}', not a leaf; "
                    "optimize the Tensors that it is computed from"
                )
            if id(p) in known:
                raise ArgumentError(f"{name}: parameter {i} (shape {p.shape}) appears twice; give each parameter once")
            known.add(id(p))

    # ---- state -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> MutableMapping[Tensor, Any]:
        """For each parameter that was updated its numbers and arrays, by name, as Tensors; arrays share memory.

        It can be written to, and be set: to an empty dict, to start anew. In a subclass that defines ``step`` itself
        it is whatever that put there.
        """
        return States(lambda: list(chain(*self._stores)), self._set_states) if self._by_formula else self._free

    @state.setter
    def state(self, state: Mapping[Tensor, Any]) -> None:
        if self._by_formula:
            self._set_states(dict(state.items()))
        else:
            self._free = state if isinstance(state, (defaultdict, States)) else defaultdict(dict, state)

    def _set_states(self, state: Mapping[Tensor, Any]) -> None:
        found = {id(p): entry for p, entry in state.items() if entry}
        for i in range(len(self.param_groups)):
            self._settle(i, found)

    def state_dict(self) -> dict[str, Any]:
        """The state and the hyper-parameters in PyTorch's layout: parameters are numbered through all groups."""
        for hook in hooks_at(self._hooks, "before_state_dict"):
            hook(self)
        state = self.state
        found = saving.pack(self.param_groups, state.found() if isinstance(state, States) else state)
        for hook in hooks_at(self._hooks, "after_state_dict"):
            returned = hook(self, found)
            found = found if returned is None else returned
        return found

    @explained
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned, here or in PyTorch (values may be Tensors, arrays or numbers).

        If both this optimizer and the state have names of the parameters, and the same ones, they are matched by
        name, else by their order.

        Raises:
            ValueError: it has other groups, or arrays of other shapes; nothing is then changed.
        """
        state_dict = dict(state_dict)
        for hook in hooks_at(self._hooks, "before_load"):
            returned = hook(self, state_dict)
            state_dict = state_dict if returned is None else returned
        title = type(self).__name__
        groups, found = saving.unpack(title, self.param_groups, state_dict)
        if self._by_formula:
            before = self.param_groups, self._stores, self._known
            self.param_groups, self._stores, self._known = groups, list(self._stores), [[] for _ in groups]
            try:
                for i in range(len(groups)):
                    self._settle(i, found)
            except ValueError:
                self.param_groups, self._stores, self._known = before
                raise
        else:
            self.param_groups = groups
            self._free.clear()
            for p in (p for group in groups for p in group["params"]):
                if id(p) in found:
                    self._free[p] = saving.copied(found[id(p)], p)
        for hook in hooks_at(self._hooks, "after_load"):
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hooks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._hooks = {}

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"\nParameter Group {i}\n")
            lines += [f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"]
        return f"{type(self).__name__} ({''.join(lines)})"

    # ---- hooks -------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; a pair that it returns replaces the arguments."""
        return hook_at(self._hooks, "before_step", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return hook_at(self._hooks, "after_step", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before each ``state_dict``."""
        return hook_at(self._hooks, "before_state_dict", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after each ``state_dict``; what it returns replaces it."""
        return hook_at(self._hooks, "after_state_dict", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before each ``load_state_dict``; what it returns is loaded instead."""
        return hook_at(self._hooks, "before_load", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after each ``load_state_dict``."""
        return hook_at(self._hooks, "after_load", hook, prepend)


def non_negative(name: str, **values: float) -> None:
    """Raise ValueError for a hyper-parameter that is negative, NaN or several, TypeError for one that is no number."""
    for key, value in values.items():
        if not hasattr(value, "__float__"):
            raise TypeError(f"{name}: {key} must be a number, got {type(value).__name__} {value!r}")
        if prod(getattr(value, "shape", ())) != 1:
            raise ShapeError(f"{name}: {key} must be one number, got shape {tuple(value.shape)}")  # type: ignore[attr-defined]
        if not value >= 0:
            raise ArgumentError(f"{name}: {key} must not be negative, got {value}")


def fractions(name: str, betas: tuple[float, ...]) -> None:
    """Raise ValueError for a beta outside [0, 1), TypeError for what are not several numbers."""
    if not isinstance(betas, (tuple, list)) or not all(hasattr(beta, "__float__") for beta in betas):
        raise DtypeError(f"{name}: betas must be a pair of numbers, such as (0.9, 0.999), got {betas!r}")
    if len(betas) != 2:
        raise ArgumentError(f"{name}: betas must be a pair of numbers, such as (0.9, 0.999), got {betas!r}")
    if any(prod(getattr(beta, "shape", ())) != 1 for beta in betas):
        raise ShapeError(f"{name}: each of betas must be one number, got {betas!r}")
    if not all(0 <= beta < 1 for beta in betas):
        raise ArgumentError(f"{name}: betas must lie in [0, 1), got {betas}")


def decayed(p: Any, g: Any, group: dict[str, Any]) -> Any:
    """The gradient ``g`` with the slope of an L2 penalty; a decoupled decay is taken off ``p`` instead, in place."""
    if not group["weight_decay"]:
        return g
    if group["decoupled_weight_decay"]:
        p *= 1 - group["lr"] * group["weight_decay"]
        return g
    return g + group["weight_decay"] * p
