"""``Optimizer``: parameter groups kept in flat buffers, so that an update is a few NumPy calls for all parameters.

Each algorithm is a subclass that states its defaults, its state and the bare formula of ``update``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from autograd import Tensor, enable_grad

from .flat import Block

__all__ = ["Optimizer"]


class Optimizer:
    """Base of all optimizers.

    Args:
        params: the Tensors to optimise; or dicts, each with "params" and hyper-parameters of its own.
        defaults: hyper-parameters of groups that do not set them.

    Raises:
        ValueError: no parameters, one of them twice, or one that is no leaf requiring grad.

    From the first ``step`` on, the parameters of a group are views of one buffer: arrays that were taken from a
    parameter before (``p.detach()``, ``p.numpy()``) then no longer share its memory.
    """

    states: ClassVar[tuple[str, ...]] = ()
    """The names of the arrays that the algorithm keeps for each parameter, as in PyTorch's ``state_dict``."""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"{type(self).__name__}: params must be an iterable of Tensors, got one Tensor; put it in a list"
            )
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._blocks: list[list[Block]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: got no parameters; is model.parameters() empty, or used up before?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # ---- the algorithm -----------------------------------------------------------------------------------------

    def update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any], step: int) -> None:
        """Update the values ``p`` in place by the algorithm's formula.

        Args:
            p, g: values and gradients of some parameters, flat arrays; ``g`` must not be changed.
            state: the arrays named in ``states``, alike; zeros before the first step.
            group: the hyper-parameters.
            step: the number of this step for these parameters, from 1 on.
        """
        raise TypeError(f"{type(self).__name__} needs a method update")

    def used_states(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Which of ``states`` a group with these hyper-parameters keeps."""
        return self.states

    # ---- steps -------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: computes the loss anew, with gradients, and returns it.

        Returns:
            What ``closure`` returned, else None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, blocks in zip(self.param_groups, self._blocks, strict=True):
            if sum(block.count for block in blocks) != len(group["params"]):
                blocks[:] = Block.of(group["params"])
            names = self.used_states(group)
            for block in blocks:
                for p, g, state, step in block.pieces(names):
                    self.update(p, g, state, group, step)
                block.written()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters (or set them to zero)."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad.data.copy_(0)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with "params" (a Tensor or several) and hyper-parameters that differ from the defaults.

        Raises:
            ValueError: as the constructor; nothing is then added.
        """
        group = dict(param_group)
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            name = type(self).__name__
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: parameter {i} must be a Tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(
                    f"{name}: parameter {i} (shape {p.shape}) is the result of '{p.grad_fn.name()}', not a leaf; "
                    "optimise the Tensors that it is computed from"
                )
            if id(p) in known:
                raise ValueError(f"{name}: parameter {i} (shape {p.shape}) appears twice; give each parameter once")
            known.add(id(p))
        unknown = set(group) - set(self.defaults) - {"params", "initial_lr"}
        if unknown:
            raise ValueError(
                f"{type(self).__name__}: unknown hyper-parameters {sorted(unknown)}; it has {sorted(self.defaults)}"
            )
        group["params"] = params
        self.param_groups.append({**self.defaults, **group})
        self._blocks.append([])

    # ---- state -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[Tensor, dict[str, Any]]:
        """For each parameter that was updated its step number and its arrays, as Tensors that share memory."""
        return {p: found for blocks in self._blocks for block in blocks for p, found in block.states()}

    def state_dict(self) -> dict[str, Any]:
        """The state and the hyper-parameters in PyTorch's layout: parameters are numbered through all groups."""
        state = self.state
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
            groups.append({**group, "params": [numbers[id(p)] for p in group["params"]]})
        return {
            "state": {
                numbers[id(p)]: {k: v.clone() if isinstance(v, Tensor) else v for k, v in found.items()}
                for p, found in state.items()
            },
            "param_groups": groups,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned.

        Raises:
            ValueError: it has other groups, or arrays of other shapes; nothing is then changed.
        """
        name = type(self).__name__
        theirs, ours = state_dict["param_groups"], self.param_groups
        sizes = [len(group["params"]) for group in theirs], [len(group["params"]) for group in ours]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{name}: the state has groups of {sizes[0]} parameters, this optimizer of {sizes[1]}")
        found = {}
        for their_group, group in zip(theirs, ours, strict=True):
            for number, p in zip(their_group["params"], group["params"], strict=True):
                entry = state_dict["state"].get(number)
                if entry is None:
                    continue
                arrays = {key: _array(value) for key, value in entry.items() if key != "step" and value is not None}
                for key, array in arrays.items():
                    if array.shape != p.shape:
                        raise ValueError(
                            f"{name}: {key} of parameter {number} has shape {array.shape}, but the parameter has "
                            f"{p.shape}"
                        )
                found[id(p)] = (int(_array(entry.get("step", 1))), arrays)
        for their_group, group, blocks in zip(theirs, ours, self._blocks, strict=True):
            group.update({key: value for key, value in their_group.items() if key != "params"})
            blocks[:] = Block.of(group["params"])
            for block in blocks:
                block.load(found, self.used_states(group))

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            count = sum(p.numel() for p in group["params"])
            lines.append(f"Parameter Group {i}: {len(group['params'])} tensors, {count} elements")
            lines += [f"    {key}: {value}" for key, value in sorted(group.items()) if key != "params"]
        return "\n".join([*lines, ")"])


def _array(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def non_negative(name: str, **values: float) -> None:
    """Raise ValueError for a hyper-parameter that is negative or not a number."""
    for key, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name}: {key} must not be negative, got {value}")
