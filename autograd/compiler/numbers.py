"""Numbers that are not known when a program is made: step counts, learning rates, values read out of arrays.

A ``Number`` stands for a Python number while a function is recorded. It computes like one and writes down how; what
Python decides by it (a comparison, an index) becomes a check of the program: it holds for numbers that decide alike.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import default
from ..engine.nodes import Handle, new_tensor

__all__ = ["Escape", "Number", "being", "value_of"]


class Escape(Exception):
    """A number left the record: what is computed from it is not known to the program."""


def _binary(function: Callable[..., Any], text: str, swapped: bool = False) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self._combine(other, function, text, swapped)

    return method


def _decision(function: Callable[..., Any], text: str) -> Any:
    def method(self: Any, other: Any) -> Any:
        return self._decide(other, function, text)

    return method


class Number:
    """A number with how it was computed.

    Attributes:
        tape: the record it belongs to.
        value: what it is in this run.
        text: the Python expression that computes it, in which ``{0}``, ``{1}``, ... stand for ``parts``.
        parts: the Numbers, array values and plain numbers that it is computed from.
        place: for a number that is there before the call where it is found.
    """

    __slots__ = ("parts", "place", "tape", "text", "value")

    def __init__(self, tape: Any, value: Any, text: str, parts: tuple[Any, ...]) -> None:
        self.tape = tape
        self.value = value
        self.text = text
        self.parts = parts
        self.place: Any = None

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` asks: it is a number like that which it stands for."""
        return type(self.value)

    def __getattr__(self, name: str) -> Any:
        if name == "item" and isinstance(self.value, np.generic):
            return lambda: self.tape.number(self.value.item(), "{0}.item()", (self,))
        raise AttributeError(f"a {type(self.value).__name__} that changes from call to call is not asked for .{name}")

    # ---- arithmetic --------------------------------------------------------------------------------------------------

    def _combine(self, other: Any, function: Callable[..., Any], text: str, swapped: bool) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if isinstance(other, Handle):
            left, right = (other, self.tensor(other)) if swapped else (self.tensor(other), other)
            return function(left, right)
        if not isinstance(other, (Number, int, float, complex)):
            return NotImplemented
        left, right = (other, self) if swapped else (self, other)
        return self.tape.number(function(value_of(left), value_of(right)), text, (left, right))

    def tensor(self, beside: Any) -> Any:
        """A 0-d Tensor of it, in the dtype that a Python number takes beside another Tensor."""
        like = beside._data.dtype
        whole = isinstance(self.value, (int, np.integer))
        python = 0 if whole else 0j if isinstance(self.value, complex) else 0.0
        weak = np.result_type(like, python) if like.kind in "fc" or whole else default.dtype
        return new_tensor(self.tape.call(np.array, (self, weak), {}))

    __add__ = _binary(operator.add, "({0} + {1})")
    __radd__ = _binary(operator.add, "({0} + {1})", swapped=True)
    __sub__ = _binary(operator.sub, "({0} - {1})")
    __rsub__ = _binary(operator.sub, "({0} - {1})", swapped=True)
    __mul__ = _binary(operator.mul, "({0} * {1})")
    __rmul__ = _binary(operator.mul, "({0} * {1})", swapped=True)
    __truediv__ = _binary(operator.truediv, "({0} / {1})")
    __rtruediv__ = _binary(operator.truediv, "({0} / {1})", swapped=True)
    __floordiv__ = _binary(operator.floordiv, "({0} // {1})")
    __rfloordiv__ = _binary(operator.floordiv, "({0} // {1})", swapped=True)
    __mod__ = _binary(operator.mod, "({0} % {1})")
    __rmod__ = _binary(operator.mod, "({0} % {1})", swapped=True)
    __pow__ = _binary(operator.pow, "({0} ** {1})")
    __rpow__ = _binary(operator.pow, "({0} ** {1})", swapped=True)

    __and__ = _binary(operator.and_, "({0} & {1})")
    __rand__ = _binary(operator.and_, "({0} & {1})", swapped=True)
    __or__ = _binary(operator.or_, "({0} | {1})")
    __ror__ = _binary(operator.or_, "({0} | {1})", swapped=True)
    __xor__ = _binary(operator.xor, "({0} ^ {1})")
    __rxor__ = _binary(operator.xor, "({0} ^ {1})", swapped=True)
    __lshift__ = _binary(operator.lshift, "({0} << {1})")
    __rlshift__ = _binary(operator.lshift, "({0} << {1})", swapped=True)
    __rshift__ = _binary(operator.rshift, "({0} >> {1})")
    __rrshift__ = _binary(operator.rshift, "({0} >> {1})", swapped=True)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __invert__(self) -> Any:
        return self.tape.number(~self.value, "~{0}", (self,))

    def __neg__(self) -> Any:
        return self.tape.number(-self.value, "-{0}", (self,))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self.tape.number(abs(self.value), "abs({0})", (self,))

    # ---- what Python decides by it -----------------------------------------------------------------------------------

    def _decide(self, other: Any, function: Callable[..., Any], text: str) -> Any:
        if isinstance(other, np.ndarray) or not isinstance(other, (Number, int, float, complex)):
            return NotImplemented
        found = function(self.value, value_of(other))
        self.tape.check(found, text, (self, other))
        return found

    __lt__ = _decision(operator.lt, "{0} < {1}")
    __le__ = _decision(operator.le, "{0} <= {1}")
    __gt__ = _decision(operator.gt, "{0} > {1}")
    __ge__ = _decision(operator.ge, "{0} >= {1}")
    __eq__ = _decision(operator.eq, "{0} == {1}")
    __ne__ = _decision(operator.ne, "{0} != {1}")

    def __bool__(self) -> bool:
        self.tape.check(bool(self.value), "bool({0})", (self,))
        return bool(self.value)

    def __index__(self) -> int:
        found = operator.index(self.value)
        self.tape.check(True, f"{{0}} == {found!r}", (self,))
        return found

    def __hash__(self) -> int:
        self.tape.check(True, being(self.value), (self,))
        return hash(self.value)

    def __float__(self) -> float:
        self.tape.escape("float()", self)
        return float(self.value)

    def __int__(self) -> int:
        found = int(self.value)
        self.tape.check(True, f"int({{0}}) == {found!r}", (self,))
        return found

    __trunc__ = __int__

    def __floor__(self) -> Any:
        return self.tape.number(math.floor(self.value), "int({0} // 1)", (self,))

    def __ceil__(self) -> Any:
        return self.tape.number(math.ceil(self.value), "-int(-{0} // 1)", (self,))

    def __complex__(self) -> complex:
        self.tape.escape("complex()", self)
        return complex(self.value)

    def __format__(self, spec: str) -> str:
        self.tape.escape("a text", self)
        return format(self.value, spec)

    def __str__(self) -> str:
        self.tape.escape("a text", self)
        return str(self.value)

    def __repr__(self) -> str:
        self.tape.escape("a text", self)
        return repr(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        return self.tape.number(round(self.value, digits), f"round({{0}}, {digits!r})", (self,))

    # ---- NumPy -------------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known = (np.ndarray, np.generic, Number)
        if any(hasattr(item, "__array_ufunc__") and not isinstance(item, known) for item in inputs):
            return NotImplemented  # a Tensor, or what stands for a batch, does it in its own way
        return self.tape.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if any(not issubclass(kind, (np.ndarray, Number)) for kind in types):
            return NotImplemented
        return self.tape.call(function, args, kwargs)


def being(value: Any) -> str:
    """The expression of ``{0}`` being this number itself: nan is, and one zero is not the other."""
    told = value != 0 and abs(value) < math.inf and not isinstance(value, complex)
    return f"{{0}} == {value!r}" if told or isinstance(value, int) else f"repr({{0}}) == {repr(value)!r}"


def value_of(number: Any) -> Any:
    """A number itself."""
    return number.value if isinstance(number, Number) else number
