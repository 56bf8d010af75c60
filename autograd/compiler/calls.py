"""Calls: how one instruction is written as a line of Python."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..engine.many_products import divided, large_product, many_products
from ..engine.sums import sum_tall
from .buffers import filling, is_copied
from .memory import Plan
from .numbers import Number, value_of
from .signatures import METHODS
from .values import Instruction, Value
from .wording import Wording

__all__ = ["Calls", "takes_out_by_place"]

_OPERATORS = {"__getitem__": "{0}[{1}]", "T": "{0}.T", "mT": "{0}.mT", "real": "{0}.real", "imag": "{0}.imag"}
_SCALAR = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/", np.less: "<", np.less_equal: "<=",
    np.greater: ">", np.greater_equal: ">=", np.equal: "==", np.not_equal: "!=", operator.pow: "**",
}  # fmt: skip
"""Ufuncs that are faster as operators on NumPy's scalars."""
_MIXED = {np.power, np.float_power, np.ldexp}


class Calls(Wording):
    """Writes instructions.

    Attributes:
        plan: where results lie.
        streams: the places of the random generators that calls draw from.
    """

    plan: Plan

    def __init__(self, namespace: dict[str, Any]) -> None:
        super().__init__(namespace)
        self.streams: list[Any] = []
        self._stream_names: dict[Any, str] = {}
        self._functions: dict[int, str] = {}
        self._places: dict[tuple[int, str], str] = {}

    def _where_it_belongs(self, item: Instruction) -> None:
        """One instruction; views of arrays that stay are made once, at the top."""
        if item.kind == "view" and self.plan.is_static(item.outs):
            body, self._body = self._body, self._setup
            self._line(item)
            self._setup, self._body = self._body, body
        elif item.kind == "view" and self.plan.is_remade(item.outs):
            body, self._body = self._body, self._remade
            self._line(item)
            self._remade, self._body = self._body, body
        else:
            self._line(item)

    def _line(self, item: Instruction) -> None:
        """One instruction."""
        if id(item) in self.plan.joined:
            return
        if isinstance(item.outs, Value) and item.outs.storage in self.plan.parts and item.kind == "call":
            self._part(item.outs)
        if item.target is not None:
            self._body.append(self._call(item))
        elif isinstance(item.outs, Value) and self.plan.is_fixed(item.outs):
            self._write_into(item)
        elif isinstance(item.outs, Value):
            self._body.append(f"{self.name(item.outs)} = {self._call(item)}")
        else:
            self._body.append(f"{self._targets(item.outs)} = {self._call(item)}")

    def _write_into(self, item: Instruction) -> None:
        """The line that computes a result in its buffer, if there is anything to compute."""
        name = self.name(item.outs)
        if number := filling(item):
            self._body.append(f"{name}.fill({self.text(number[0])})")
        elif is_copied(item):
            self._body.append(f"{name}[...] = {self.text(item.args[0])}")
        elif item.function not in (np.empty_like, np.empty):
            self._body.append(self._call(item))

    def _targets(self, outs: Any) -> str:
        if isinstance(outs, Value):
            return self.name(outs)
        if outs is None:
            return "_"
        return f"({', '.join(self._targets(out) for out in outs)}{',' if len(outs) == 1 else ''})"

    def _call(self, item: Instruction) -> str:
        function = item.function
        args = [self._argument(item, arg) for arg in item.args]
        kwargs = {name: self.text(value) for name, value in item.kwargs.items()}
        if type(item.kwargs.get("out")) is tuple:
            kwargs["out"] = self.text(item.kwargs["out"][0])
        if isinstance(item.outs, Value) and self.plan.is_fixed(item.outs) and item.target is None:
            if item.stream is not None:
                kwargs.pop("size", None)
                args = []
                kwargs["dtype"] = self.text(item.outs.dtype)
            if kwargs.get("order") == "'C'":
                del kwargs["order"]  # the buffer has its order
            kwargs["out"] = self.name(item.outs)
        if isinstance(function, METHODS) or item.name in ("T", "mT", "real", "imag"):
            return self._method(item, args, kwargs)
        sign = _SCALAR.get(function)
        if sign and len(args) == 2 and not kwargs and all(not getattr(arg, "shape", ()) for arg in item.args):
            return f"{args[0]} {sign} {args[1]}"
        if kwargs.keys() == {"out"} and takes_out_by_place(item):
            args.append(kwargs.pop("out"))
        listed = ", ".join([*args, *[f"{name}={value}" for name, value in kwargs.items()]])
        if item.stream is not None:
            return f"{self.stream(item.stream)}.{function.__name__}({listed})"
        return f"{self._function(item)}({listed})"

    def stream(self, place: Any) -> str:
        """The name of a random generator, which the program is given at each call."""
        key = place.identity()
        if key not in self._stream_names:
            self._stream_names[key] = self._fresh(place.name if place.kind == "argument" else "stream")
            self.streams.append(place)
        return self._stream_names[key]

    def _argument(self, item: Instruction, arg: Any) -> str:
        number = value_of(arg)
        if type(number) in (float, int) and (isinstance(item.function, np.ufunc) or item.function is np.where):
            out = item.result
            arrays = [x for x in item.args if type(x) is Value]
            floating = [x.dtype for x in arrays if x.dtype.kind == "f" and x.shape]
            if isinstance(out, Value) and floating and item.function not in _MIXED:
                write = self._scalar if number is arg else self._number_argument
                return write(arg, floating[0])
        return self.text(arg)

    def _number_argument(self, number: Number, dtype: Any) -> str:
        """A number that is another at each call, beside an array: as an array of no dimensions, like ``_scalar``."""
        key = id(number), str(dtype)
        place = self._places.get(key)
        if place is None:
            name = self.number(number)
            place = self._places[key] = self._fresh(f"{name}_array")
            self._setup.append(f"{place} = empty((), '{dtype}')")
            self._body.append(f"{place}[()] = {name}")
        return place

    def _method(self, item: Instruction, args: list[str], kwargs: dict[str, str]) -> str:
        if item.name == "__setitem__":
            return f"{args[0]}[{self.index(item.args[1])}] = {args[2]}"
        if item.name == "__getitem__":
            return f"{args[0]}[{self.index(item.args[1])}]"
        if item.name in _OPERATORS:
            return _OPERATORS[item.name].format(*args)
        listed = ", ".join([*args[1:], *[f"{name}={value}" for name, value in kwargs.items()]])
        return f"{args[0]}.{item.name}({listed})"

    def _function(self, item: Instruction) -> str:
        """The name of a function, made short by a line at the top."""
        function = item.function
        for own, called in ((sum_tall, "sum_tall"), (large_product, "large_product")):
            if function is own:
                self.namespace[called] = own
                return called
        if function is np.matmul and _are_many(item):
            self.namespace["many_products"] = many_products
            return "many_products"
        key = id(getattr(function, "__self__", None) or function), item.name
        name = self._functions.get(hash(key))
        if name is None:
            name = self._functions[hash(key)] = self._fresh(item.name.replace(".", "_"))
            path = _numpy_path(item)
            if path is None:
                self.namespace[f"_{name}"] = function
                path = f"_{name}"
            self._setup.append(f"{name} = {path}")
        return name

    def _part(self, value: Value) -> None:
        """The place of a value in the buffer that it is a part of."""
        whole, _ = self.plan.parts[value.storage]
        if whole.storage in self.plan.kept:
            return
        static = self.plan.is_static(whole)
        if not static and not whole.name:
            self._body.append(f"{self.name(whole)} = empty({whole.array.size}, '{whole.dtype}')")
        (self._setup if static else self._body).append(self._cut(value))

    def _cut(self, value: Value) -> str:
        """The line that cuts a value from the buffer that it is a part of."""
        whole, offset = self.plan.parts[value.storage]
        shape = "" if value.array.ndim == 1 else f".reshape{value.shape or '(())'}"
        return f"{self.name(value)} = {self.name(whole)}[{offset}:{offset + value.array.size}]{shape}"


def takes_out_by_place(item: Instruction) -> bool:
    """Whether where the result goes is to be a call's last argument: that takes less time than to name it."""
    function = item.function
    if not isinstance(function, np.ufunc) or function in (np.maximum, np.minimum):  # these take it by name alone
        return function in (np.dot, large_product) and len(item.args) == 2
    return function.nout == 1 and len(item.args) == function.nin


def _are_many(item: Instruction) -> bool:
    """Whether a call of ``matmul`` is for so many small matrices that threads share them."""
    arrays = [arg.array for arg in item.args if type(arg) is Value]
    return len(arrays) == 2 and set(item.kwargs) <= {"out"} and divided(*arrays) is not None


def _numpy_path(item: Instruction) -> str | None:
    """How NumPy's function is called in Python."""
    function = item.function
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}" if getattr(np, function.__name__, None) is function else None
    owner: Any = getattr(function, "__self__", None)
    name = str(getattr(owner, "__name__", ""))
    if isinstance(owner, np.ufunc) and getattr(np, name, None) is owner:
        return f"np.{name}.{function.__name__}"
    module = str(getattr(function, "__module__", ""))
    if module.split(".")[0] != "numpy":
        return None
    path = f"{module}.{function.__name__}".replace("numpy.", "np.", 1)
    found: Any = np
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
    return path if found is function else None
