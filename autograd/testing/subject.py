"""What is tested: an op, the library's or a user's, or a function composed of ops, seen in one way."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._op import COMPOSED, OPS, Op
from ..engine.modes import Mode
from ..engine.nodes import Handle, new_tensor
from ..samples import Case, Domain

__all__ = ["Arguments", "Slot", "Subject", "differentiable_outputs", "table"]


@dataclass(frozen=True)
class Slot:
    """One array among the arguments of a call: that of a parameter, or one in a parameter's list."""

    name: str
    number: int | None
    domain: Domain
    leaf: bool
    """Whether gradients with respect to it are tested."""

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}[{self.number}]"


class Subject:
    """An op or a composed function, as the properties see it.

    Attributes:
        name, doc, signature, cases: its own.
        function: the public function.
        op: the ``Op``; None of a composed function.
        differentiable: whether there is anything to test about gradients.
    """

    def __init__(self, target: Any) -> None:
        op = target if isinstance(target, Op) else getattr(target, "op", None)
        self.op: Op | None = op
        if op is not None:
            self.function: Callable[..., Any] = op.call
            self.name, self.doc, self.signature = op.name, op.doc, op.signature
            self.cases: list[Case] = op.cases
            self.differentiable = op.differentiable
            self._leaves = {
                name for name in op.inputs if op.joint is not None or name in op.rules or not op.differentiable
            }
        elif hasattr(target, "cases"):
            self.function = target
            self.name, self.doc = target.__name__, inspect.getdoc(target)
            self.signature = inspect.signature(target)
            self.cases = target.cases
            self.differentiable = True
            self._leaves = set(target.inputs)
        else:
            raise TypeError(
                "expected an op (a function made by autograd.op) or a function made by autograd.composed, got "
                f"{target!r:.80}; for an autograd.Function, or any function of Tensors, there are autograd.gradcheck "
                "and autograd.gradgradcheck"
            )

        parameters = list(self.signature.parameters.values())
        self._starred = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
        self._positional = [
            p.name
            for p in parameters
            if p.kind is p.POSITIONAL_ONLY or (self._starred and p.kind is p.POSITIONAL_OR_KEYWORD)
        ]

    def __repr__(self) -> str:
        return f"{'composed function' if self.op is None else 'op'} '{self.name}'"

    def slots(self, case: Case) -> list[Slot]:
        """The arrays that a call of this case takes."""
        found = []
        for name, value in case.arguments.items():
            listed = isinstance(value, (list, tuple)) and any(isinstance(item, Domain) for item in value)
            items = list(enumerate(value)) if listed else [(None, value)]
            for number, domain in items:
                if isinstance(domain, Domain):
                    found.append(Slot(name, number, domain, domain.kind == "f" and name in self._leaves))
        return found

    def tieable(self, case: Case) -> bool:
        """Whether equal numbers may stand anywhere in the case's arrays."""
        slots = self.slots(case)
        return any(slot.leaf for slot in slots) and all(slot.domain.make is None for slot in slots)

    def call(self, case: Case, slots: Sequence[Slot], arrays: Sequence[Any]) -> Any:
        """Call the function with ``arrays`` (or Tensors) in the slots, and the case's other arguments."""
        values = {name: list(value) if isinstance(value, list) else value for name, value in case.arguments.items()}
        for slot, array in zip(slots, arrays, strict=True):
            if slot.number is None:
                values[slot.name] = array
            else:
                if isinstance(values[slot.name], tuple):
                    values[slot.name] = list(values[slot.name])
                values[slot.name][slot.number] = array
        args = [values.pop(name) for name in self._positional if name in values]
        args.extend(values.pop(self._starred, ()))
        return self.function(*args, **values)


@dataclass
class Arguments:
    """One drawn call: raw arrays for the slots of a case.

    Attributes:
        raw: float64, int64 or bool arrays, before ``Domain.make``.
        spacing: no two numbers of the case are nearer than half of this to each other, nor a quarter to a point to
            avoid or a bound.
        seed: for whatever else the test needs at random.
    """

    subject: Subject
    case: Case
    slots: list[Slot]
    raw: list[Any]
    spacing: float = 0.0
    seed: int = 0
    made: list[Any] = field(init=False)
    """The arrays that the function is called with."""

    def __post_init__(self) -> None:
        self.made = [make(slot, array) for slot, array in zip(self.slots, self.raw, strict=True)]

    @property
    def leaves(self) -> list[int]:
        """The numbers of the slots that gradients are tested of."""
        return [n for n, slot in enumerate(self.slots) if slot.leaf]

    def rng(self) -> np.random.Generator:
        """The same random numbers each time."""
        return np.random.default_rng(self.seed)

    def call(self, arrays: Sequence[Any] | None = None) -> Any:
        """The function's result for ``arrays`` (default: the drawn ones) in the slots."""
        return self.subject.call(self.case, self.slots, self.made if arrays is None else arrays)

    def call_raw(self, leaves: Sequence[Any]) -> Any:
        """The function's result for raw arrays (or Tensors) in the leaves, through ``Domain.make``."""
        arrays = list(self.made)
        for n, leaf in zip(self.leaves, leaves, strict=True):
            arrays[n] = make(self.slots[n], leaf)
        return self.call(arrays)

    def values(self, leaves: Sequence[Any]) -> list[Any]:
        """As ``call_raw``, the arrays of the floating outputs, without a graph."""
        with Mode(grad=False):
            given = [new_tensor(np.asarray(leaf)) for leaf in leaves]
            return [np.asarray(out._data) for out in differentiable_outputs(self.call_raw(given))]

    def outputs(self, arrays: Sequence[Any] | None = None) -> list[Any]:
        """The floating outputs of a call on Tensors that need no gradient."""
        arrays = list(self.made if arrays is None else arrays)
        for n in self.leaves:
            arrays[n] = new_tensor(np.asarray(arrays[n]))
        return differentiable_outputs(self.call(arrays))

    def narrowed(self, dtype: Any) -> Arguments:
        """The same call with the case's own floating arrays in another dtype."""
        arguments = {
            name: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
            for name, value in self.case.arguments.items()
        }
        found = copy.copy(self)
        found.case = Case(arguments, self.case.free)
        return found

    def __repr__(self) -> str:
        others = {
            name: value for name, value in self.case.arguments.items() if name not in {s.name for s in self.slots}
        }
        parts = [f"{slot}={_short(array)}" for slot, array in zip(self.slots, self.made, strict=True)]
        parts += [f"{name}={_short(value)}" for name, value in others.items()]
        return f"{self.subject.name}({', '.join(parts)})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=17, separator=", ", threshold=50, max_line_width=10**6)
        return f"array({' '.join(text.split())}, {value.dtype}, shape {value.shape})"
    text = repr(value)
    return text if len(text) < 200 else text[:197] + "..."


def make(slot: Slot, array: Any) -> Any:
    """The argument that a raw array is made into."""
    made = array if slot.domain.make is None else slot.domain.make(array)
    # a NumPy scalar of float64 is a Python number by inheritance, and would be a weak one
    return np.asarray(made) if isinstance(made, np.generic) else made


def differentiable_outputs(result: Any) -> list[Any]:
    """The Tensors of floating or complex dtype in what a function returned."""
    if isinstance(result, Handle):
        return [result] if result._data.dtype.kind in "fc" else []
    if isinstance(result, (tuple, list)):
        return [out for item in result for out in differentiable_outputs(item)]
    if isinstance(result, dict):
        return [out for item in result.values() for out in differentiable_outputs(item)]
    return []


def table() -> list[Any]:
    """Every op of the library, and every composed function that has samples."""
    return [*OPS.values(), *COMPOSED.values()]
