"""Recording: a function runs once, on arrays that write down every NumPy call made of them.

The engine, nn and optim know nothing of it. They are plain NumPy, so the list of NumPy calls is all that they did.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.callsite import HOME, NUMPY, is_ours, scipy_part
from ..engine.nodes import Handle
from ..engine.ownership import owner_of
from ..engine.sweep import sweep, sweep_to
from .arrays import RecordingArray, bare, plain_array
from .numbers import Number, being
from .signatures import DIVIDING, FACTS, METHODS, OF_PLACES, is_whole, may_vary, settled, told, writes_into
from .values import (
    Check,
    Instruction,
    Storage,
    Value,
    lie_alike,
    map_tree,
    same_numbers,
    strided,
    strides_in,
    varying,
    within,
)

__all__ = ["Tape"]


_SILENT = {"ignore", "warn"}
"""What NumPy may do at a division by zero for a program to do without it."""
_CONVERSIONS = {"float()", "complex()"}
"""By what a number is made one that is known as it is."""
_PLAIN_ARRAYS = (np.ndarray, np.memmap, RecordingArray)
"""The classes of arrays that compute alike."""


class Tape:
    """What a function did: its instructions and checks, in order.

    Attributes:
        escapes: where a number left the record, as text with the line: no program can be made of it.
        escaped: for each in which part of a step, and whether it is a number of Python's, such as a rate or a count.
        unsure: why no program can be made of this run, though maybe of the next; None if one can.
        code: of the function that is recorded; stops: at which of its lines numbers left the record;
            last_line: at which of them something was recorded last.
        running: whether calls are still written down; afterwards its arrays are like others.
        busy: whether a call is being made: what NumPy does inside of it is not written down.
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.prelude: list[Instruction] = []
        self.checks: list[Check] = []
        self.gradients: list[tuple[Any, Any]] = []
        self.escapes: list[str] = []
        self.escaped: set[tuple[str, bool]] = set()
        self.unsure: str | None = None
        self.is_own: Callable[[Any], bool] = lambda place: False  # whether the function changes the number there
        self.needed: str | None = None  # where the value itself of a number from outside was used
        self.streams: list[Any] = []  # what stands for random generators
        self.unnamed: list[Any] = []  # arrays that C code made of recorded ones, perhaps, by copying them
        self._running = True
        self._thread = threading.get_ident()
        self.busy = False
        self.code: Any = None
        self.stops: list[int] = []
        self.last_line = 0
        self._storages: dict[int, Storage] = {}
        self._constants: dict[int, Value] = {}
        self._wholes: dict[Storage, Value] = {}  # what a call made there

    @property
    def running(self) -> bool:
        """Whether this call is to be written down: other threads may use the same arrays meanwhile."""
        return self._running and threading.get_ident() == self._thread

    @running.setter
    def running(self, value: bool) -> None:
        self._running = value

    def clear(self) -> None:
        """Forget what was written down."""
        for part in (self.instructions, self.prelude, self.checks, self._storages, self._constants, self._wholes):
            part.clear()
        self.gradients.clear()

    # ---- arrays ------------------------------------------------------------------------------------------------------

    def enter(self, array: Any, kind: str, place: Any = None) -> RecordingArray:
        """An array that is there before the function runs, as a recording array of the same memory."""
        value = Value(self._storage(array, kind), array, None, place)
        value.storage.whole = value.storage.whole or value
        return self.wrap(array, value)

    def _storage(self, array: Any, kind: str) -> Storage:
        root = owner_of(array)
        found = self._storages.get(id(root))
        if found is None:
            found = self._storages[id(root)] = Storage(kind, root)
        return found

    def wrap(self, array: Any, value: Value) -> RecordingArray:
        """A recording array for a value."""
        made: RecordingArray = np.ndarray.view(np.asarray(array), RecordingArray)
        made._tape, made._value, made._parent = self, value, None
        return made

    def value(self, array: Any) -> Value:
        """The value of any array among arguments or results.

        Raises:
            UnrecordableError: it was made of recorded ones, but not by NumPy calls that could be seen.
        """
        if isinstance(array, RecordingArray) and array._tape is self:
            return array._value if array._value is not None else self._adopted(array)
        known = self._constants.get(id(array))
        if known is not None and known.array is array:
            return known
        root = owner_of(array)
        storage = self._storages.get(id(root))
        if storage is not None and storage.kind != "constant":
            return self._alias(array, storage)
        storage = storage or Storage("constant", root)
        self._storages[id(root)] = storage
        value = self._constants[id(array)] = Value(storage, array)
        return value

    def _alias(self, array: Any, storage: Storage) -> Value:
        """A view of known memory that was cut without a call that could be seen: as strides of its owner."""
        whole = storage.whole or self._wholes.get(storage)
        if whole is not None and lie_alike(array, whole.array):
            return whole
        if storage.kind == "state" and (whole is None or not within(array, whole.array)):
            whole = storage.whole = Value(storage, storage.array)
        if whole is None or not whole.array.flags.c_contiguous or not within(array, whole.array):
            self.unsure = f"an array of shape {array.shape} was cut from one that is not in the record"
            return Value(storage, array)
        for view in self.instructions:  # it may have been cut from one of these, as that lay in this run
            for leaf in varying(view) if view.kind == "view" and view.makes()[0].storage is storage else ():
                known = leaf.array.item() if type(leaf) is Value else leaf.value
                self.check(True, f"{{0}} == {known!r}", (leaf,))
        args = (whole, *strides_in(array, whole.array))
        instruction = Instruction("view", "strided", strided, args, {}, self._where())
        made = instruction.outs = Value(storage, array, instruction)
        self.instructions.append(instruction)
        return made

    def _adopted(self, array: RecordingArray) -> Value:
        """The value of a recording array that C code made of another: a copy or an alias of it."""
        parent = array._parent
        bare, source = plain_array(array), plain_array(parent)
        if np.shares_memory(bare, source):
            value = self.value(parent)
            if not lie_alike(bare, source):
                value = self._alias(bare, value.storage)
        elif bare.shape == source.shape and same_numbers(bare, source.astype(bare.dtype)):
            layout = {"order": "C"} if bare.flags.c_contiguous and not source.flags.c_contiguous else {}
            instruction = Instruction(
                "call", "array", np.array, (self.value(parent), bare.dtype), layout, self._where()
            )
            value = instruction.outs = Value(self._storage(bare, "fresh"), bare, instruction)
            self._wholes[value.storage] = value
            self.instructions.append(instruction)
        else:
            self.unsure = f"an array of shape {bare.shape} was made of one of shape {source.shape} without a NumPy call"
            value = Value(self._storage(bare, "fresh"), bare)
        array._value, array._parent = value, None
        return value

    # ---- calls -------------------------------------------------------------------------------------------------------

    def ufunc(self, ufunc: np.ufunc, method: str, inputs: Any, kwargs: Any) -> Any:
        """A ufunc was called."""
        plain = method == "__call__"
        if not self.running:
            return getattr(ufunc, method)(*map_tree(inputs, bare), **map_tree(kwargs, bare))
        if kwargs.get("out") is not None and all(target is None for target in kwargs["out"]):
            kwargs = {name: value for name, value in kwargs.items() if name != "out"}
        return self.call(
            ufunc if plain else getattr(ufunc, method),
            inputs,
            kwargs,
            ufunc.__name__ if plain else sys.intern(f"{ufunc.__name__}.{method}"),
        )

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any, name: str | None = None) -> Any:
        """Make and record one call."""
        name = name or function.__name__
        if not self.running:
            return function(*map_tree(args, bare), **map_tree(kwargs, bare))
        if not self.busy and not _SILENT.issuperset(np.geterr().values()):
            self._may_raise(function, name, args)
        args, kwargs = settled(function, name, *told(function, args, kwargs))
        given = kwargs.get("out", ())
        outs = [item for item in (given if isinstance(given, tuple) else (given,)) if item is not None]
        target = self._writable(args[0]) if writes_into(function, name, args, kwargs) else None
        for item in outs:
            self._writable(item)
        instruction = self.instruction(name, function, args, kwargs)
        result = self._made(function, map_tree(args, bare), map_tree(kwargs, bare))
        if outs and isinstance(result, tuple):
            self.escape(f"{name}(out=...), which has several results,", None)
            return tuple([made if item is None else item for item, made in zip(given, result, strict=True)])
        if outs:
            self._writes(instruction, value := self._writable(outs[0]))
            return outs[0] if isinstance(outs[0], RecordingArray) else self.wrap(outs[0], value)
        if target is not None:
            self._writes(instruction, target)
            self._refuse_arrays_in(target.array, name)
            return result if result is None else args[0][...]
        if name in FACTS or (name in OF_PLACES and not all(value.is_given for value in instruction.reads())):
            return result
        if isinstance(result, bool):
            value = instruction.outs = Value(Storage("fresh", found := np.asarray(result)), found, instruction)
            self.instructions.append(instruction)
            self.check(bool(result), "bool({0})", (value,))
            return result
        made = self.result(result, instruction)
        if instruction.outs is not None:
            self.instructions.append(instruction)
            if may_vary(name, args):
                for value in instruction.makes():
                    self.check(True, f"{{0}}.shape == {value.shape}", (value,))
        return made

    def _may_raise(self, function: Any, name: str, args: Any) -> None:
        """A call under ``np.errstate``, by which NumPy raises: in whole numbers for a 0 alone, which is a decision."""
        if not is_whole(function, args):
            self.escape(f"{name}() under np.errstate, by which it may raise,", None)
        elif function in DIVIDING:
            with np.errstate(all="ignore"):
                bool(np.any(np.equal(args[1], 0)))

    def _made(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a function returns; what it calls is not written down."""
        if args and isinstance(args[0], np.generic) and isinstance(function, METHODS):
            function, args = getattr(args[0], function.__name__), args[1:]  # NumPy's scalars have their own
        before, self.busy = self.busy, True
        try:
            return function(*args, **kwargs)
        finally:
            self.busy = before

    def _writable(self, array: Any) -> Value:
        """The value of an array that is about to be written.

        One that is not in the record was made by Python in this run: the program makes it anew, as it is now.
        """
        pending, self.unnamed = self.unnamed, []
        for reference in pending:  # a copy made before the write is a copy of what was there before
            made = reference()
            if made is not None and made._value is None and made._parent is not None:
                self.value(made)
        value = self.value(array)
        storage = value.storage
        if isinstance(array, RecordingArray) and array._scalar:  # asanyarray made an array of NumPy's scalar
            instruction = Instruction("call", "array", np.array, (value, array.dtype), {}, self._where())
            storage = self._storages[id(owner_of(array))] = Storage("fresh", owner_of(array))
            value = array._value = instruction.outs = Value(storage, plain_array(array), instruction)
            self._wholes[storage] = value
            array._scalar = False
            self.instructions.append(instruction)
        if storage.kind == "constant":
            root = storage.array
            start = Value(Storage("constant", root.copy()), root.copy())
            instruction = Instruction("call", "copy", np.ndarray.copy, (start,), {}, self._where())
            storage.kind = "fresh"
            whole = instruction.outs = Value(storage, root, instruction)
            self._wholes[storage] = whole
            storage.written = True
            self.prelude.append(instruction)
            known = [v for v in self._constants.values() if v.storage is storage]
            for v in known:
                cut = Instruction("view", "strided", strided, (whole, *strides_in(v.array, root)), {}, self._where())
                v.source, cut.outs = cut, v
                self.prelude.append(cut)
        return value

    def _writes(self, instruction: Instruction, target: Value) -> None:
        instruction.target = target
        target.storage.written = True
        self.instructions.append(instruction)

    def result(self, result: Any, instruction: Instruction) -> Any:
        """What stands for the result of a call."""
        if isinstance(result, np.ndarray) and type(result) not in _PLAIN_ARRAYS:
            self.escape(f"{instruction.name}(), which gives a {type(result).__name__},", None)
            instruction.outs = None
            return result
        if isinstance(result, (np.ndarray, np.generic)):
            array = np.asarray(result)
            self._refuse_arrays_in(array, instruction.name)
            root = owner_of(array)
            storage = self._storages.get(id(root)) if isinstance(result, np.ndarray) else None
            if storage is not None:
                instruction.kind = "view"
            else:
                storage = self._storages[id(root)] = Storage("fresh", root)
            value = Value(storage, array, instruction)
            if instruction.kind != "view":
                self._wholes[storage] = value
            instruction.outs = value
            wrapped = self.wrap(array, value)
            wrapped._scalar = value.scalar = isinstance(result, np.generic)
            return wrapped
        if isinstance(result, (tuple, list)):
            made, outs = [], []
            for item in result:
                made.append(self.result(item, instruction))
                outs.append(instruction.outs)
            instruction.outs = outs
            return result._make(made) if hasattr(result, "_make") else type(result)(made)
        if result is not None:
            self.escape(f"{instruction.name}()", None)
        instruction.outs = None
        return result

    def _refuse_arrays_in(self, array: Any, name: str) -> None:
        """An array of arrays would hold the program's own, which the next call overwrites."""
        if array.dtype.hasobject and any(isinstance(item, (np.ndarray, Handle)) for item in array.flat):
            self.escape(f"{name}(), which leaves arrays in an array of objects,", None)

    def instruction(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Instruction:
        """One call with Values in the places of arrays, before it is made."""
        return Instruction("call", name, function, self._frozen(args), self._frozen(kwargs), self._where(3))

    def _frozen(self, tree: Any) -> Any:
        return map_tree(tree, lambda item: self.value(item) if isinstance(item, np.ndarray) else item)

    # ---- numbers -----------------------------------------------------------------------------------------------------

    def number(self, value: Any, text: str, parts: tuple[Any, ...]) -> Number:
        """A number computed of others; later, or in another thread, it is an ordinary one."""
        return Number(self, value, text, parts) if self.running else value

    def check(self, outcome: bool, text: str, parts: tuple[Any, ...]) -> None:
        """Python decided by a number."""
        if not self.running:
            return
        dropped = all(tensor._grad is not grad for tensor, grad in self.gradients)
        self.checks.append(Check(bool(outcome), text, parts, len(self.instructions), self._where()[0], dropped))

    def escape(self, how: str, number: Any) -> None:
        """A number was read in a way that cannot be written down, by this thread.

        If it follows from what was changed from outside of the function, the program holds for its value.
        """
        if not self.running:
            return
        if how in _CONVERSIONS and number is not None and self._is_given(number):
            self.check(True, being(number.value), (number,))
            self.needed = f"{how} at {self._where()[0]}"
            return
        line, section = self._where()
        self.escapes.append(f"{how} at {line}")
        self.escaped.add((section, type(number) is Number))
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        self.stops.append(frame.f_lineno if frame is not None else 0)

    def _is_given(self, item: Any) -> bool:
        """Whether a number follows from the arguments, and what else is changed between the calls, alone."""
        if type(item) is not Number:
            return not isinstance(item, Value)
        return not self.is_own(item.place) if item.place is not None else all(map(self._is_given, item.parts))

    def read(self, array: RecordingArray, how: str) -> Any:
        """Python reads the one number that an array has."""
        if how in ("float()", "complex()"):
            self.escape(how, None)
            return float(plain_array(array)) if how == "float()" else complex(plain_array(array))
        if how == "tolist()":
            return self._listed(array, plain_array(array).tolist(), "")
        value = plain_array(array).item()
        if how == "bool":
            self.check(bool(value), "bool({0})", (self.value(array),))
            return bool(value)
        if how in ("index", "int"):
            value, text = (value, "{0}") if how == "index" else (int(value), "int({0})")
            self.check(True, f"{text} == {value!r}", (self.value(array),))
            return value
        if how == "item":
            if isinstance(value, bool):
                self.check(True, f"{{0}} == {value!r}", (self.value(array),))
                return value
            return Number(self, value, "{0}.item()", (self.value(array),))
        raise AssertionError(how)

    def _listed(self, array: RecordingArray, found: Any, place: str) -> Any:
        """The numbers of an array as a list of lists: whole ones are checked, others stand for what they will be."""
        if array.dtype.kind in "biu":
            self.check(True, f"{{0}}.tolist() == {found!r}", (self.value(array),))
            return found
        if isinstance(found, list):
            return [self._listed(array, item, f"{place}{i}, ") for i, item in enumerate(found)]
        return Number(self, found, f"{{0}}[{place}].item()" if place else "{0}.item()", (self.value(array),))

    # ---- where -------------------------------------------------------------------------------------------------------

    def _where(self, depth: int = 2) -> tuple[str, str]:
        """The user's line, and which part of a step is running."""
        frame: Any = sys._getframe(depth)
        section, line = "forward", ""
        while frame is not None:
            code = frame.f_code
            filename = code.co_filename
            if not line and not is_ours(filename) and not filename.startswith(NUMPY) and not scipy_part(filename):
                line = sys.intern(f"{filename}:{frame.f_lineno}")
            if code is self.code:
                self.last_line = frame.f_lineno
            if line and (code is self.code or self.code is None):
                return line, section
            if code is sweep.__code__ or code is sweep_to.__code__ or filename == _GRADIENTS:
                section = "backward"
            elif filename.startswith(_OPTIM):
                section = "update"
            elif filename == _CLIPPING:
                section = "clipping"
            frame = frame.f_back
        return line, section


_OPTIM = os.path.join(HOME, "optim", "")
_GRADIENTS = os.path.join(HOME, "autograd", "_gradients.py")
_CLIPPING = os.path.join(HOME, "nn", "utils", "clip_grad.py")
