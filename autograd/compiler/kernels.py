"""Kernels as text: the function that does a kernel's operations, row by row.

A row is gone through as often as its reductions need: what a sum needs comes first, what needs the sum comes after.
Numbers of one row, and single elements, are variables; what a later turn needs of a whole row, and no array keeps, has
scratch space of one row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .fusing import Kernel, Region, region_of
from .numbers import Number
from .operations import COLUMN, FULL, ROW, SCALAR, Operation
from .values import Value

__all__ = ["Argument", "KernelText"]

_FIRST = {"add": "{kind}(0)", "maximum": "-{kind}(inf)", "minimum": "{kind}(inf)"}
_STEP = {"add": "plus", "maximum": "highest", "minimum": "lowest"}


class Argument:
    """What a kernel is given.

    Attributes:
        level: a whole array, a number for each row or column, or one number; ``"part"`` of sums over all rows.
        value: the Value or Number; of sums the Value that they are put together to.
        kind: the name of its dtype.
        name: in the kernel's text.
        written: whether the kernel writes it.
    """

    def __init__(self, level: str, value: Any, kind: str, name: str) -> None:
        self.level = level
        self.value = value
        self.kind = kind
        self.name = name
        self.written = False

    def typed(self) -> str:
        """Its type, as Numba says it."""
        return {FULL: f"{self.kind}[:, ::1]", SCALAR: self.kind}.get(self.level, f"{self.kind}[::1]")


class _Variable:
    """What an operation computes, or what is read, in one row.

    Attributes:
        turn: of whole rows in which turn it is computed or read; of numbers before which turn they are there.
        last: the last turn in which it is used.
        home: the argument that keeps it, from which it can be read again.
        scratch: the name of the row that keeps it otherwise.
        source: the argument that it is read from; fleeting: which overwrites it.
    """

    def __init__(self, level: str, kind: str, name: str, turn: int) -> None:
        self.level = level
        self.kind = kind
        self.name = name
        self.turn = self.last = turn
        self.home: Argument | None = None
        self.scratch = ""
        self.source: Argument | None = None
        self.fleeting = False


class _Step:
    """An operation with the variables that it uses and makes."""

    def __init__(self, op: Operation, uses: list[Any], made: _Variable, turn: int) -> None:
        self.op = op
        self.uses = uses
        self.made = made
        self.turn = turn
        self.stores: Argument | None = None


class KernelText:
    """Writes a kernel.

    Attributes:
        arguments: what it is given, after the rows, the number of the part and that of the columns.
        flat: whether it knows no rows, only elements.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.arguments: list[Argument] = []
        self._by_region: dict[Any, Argument] = {}
        self._content: dict[Any, _Variable] = {}
        self._numbers: dict[Any, Argument] = {}
        self._steps: list[_Step] = []
        self._count = 0
        for op in kernel.operations:
            self._add(op)
        self._keep_last()
        plain = all(step.op.level in (FULL, SCALAR) for step in self._steps)
        self.flat = plain and not any(argument.level in (ROW, COLUMN) for argument in self.arguments)
        self._sink()
        self._space()

    # ---- what is computed when ---------------------------------------------------------------------------------------

    def _add(self, op: Operation) -> None:
        uses: list[Any] = []
        for (level, operand), kind in zip(op.operands, op.kinds, strict=True):
            uses.append(self._literal(operand, kind) if level == SCALAR else self._variable(level, operand))
        turn = max([use.turn for use in map(_plain, uses) if use is not None], default=0)
        kind = op.result.dtype.name
        made = _Variable(op.level, kind, self._name("t"), turn if op.kind == "map" else turn + 1)
        step = _Step(op, uses, made, turn)
        self._steps.append(step)
        if op.kind in ("columns", "total"):
            step.stores = self._argument("part", op.result, kind)
            step.stores.written = True
            return
        self._content[region_of(op.result), op.level] = made

    def _variable(self, level: str, value: Value) -> Any:
        """The variable that has a value's numbers in this row, as its dtype."""
        key = region_of(value), level
        known = self._content.get(key)
        if known is None:
            argument = self._argument(level, value, value.dtype.name, key)
            known = _Variable(level, argument.kind, f"{argument.name}_i" if level == ROW else self._name("x"), 0)
            known.home = known.source = argument
            self._content[key] = known
        return known if known.kind == value.dtype.name else _Bits(known, value.dtype.name)

    def _argument(self, level: str, value: Any, kind: str, key: Any = None) -> Argument:
        if key in self._by_region:
            return self._by_region[key]
        argument = Argument(level, value, kind, f"{level[0]}{len(self.arguments)}")
        self.arguments.append(argument)
        if key is not None:
            self._by_region[key] = argument
        return argument

    def _name(self, wish: str) -> str:
        self._count += 1
        return f"{wish}{self._count}"

    def _literal(self, operand: Any, kind: Any) -> str:
        """A single number: written out if it is known, else an argument."""
        if type(operand) is Value and operand.storage.kind == "constant":
            operand = operand.array.reshape(-1)[0].item()
        elif issubclass(type(operand), np.generic):  # by isinstance a Number is what it stands for
            operand = operand.item()
        if type(operand) in (bool, int, float):
            if kind.kind == "b":
                return str(bool(operand))
            text = repr(operand) if np.isfinite(operand) else str(float(operand))
            return f"{kind.name}({text})"
        key = id(operand) if type(operand) is Number else region_of(operand)
        argument = self._numbers.get(key)
        if argument is None:
            value = operand.value if type(operand) is Number else operand
            own = value.dtype.name if hasattr(value, "dtype") else ("float64" if type(value) is float else "int64")
            argument = self._numbers[key] = self._argument(SCALAR, operand, own)
        return argument.name if argument.kind == kind.name else f"{kind.name}({argument.name})"

    def _keep_last(self) -> None:
        """What is left in an array when the kernel is done is stored."""
        final: dict[Region, _Step] = {}
        places: dict[Region, Value] = {}
        for step in self._steps:
            if step.op.kind not in ("columns", "total"):
                region = region_of(step.op.result)
                final[region] = step
                places.setdefault(region, step.op.result)  # later ones may be views of it, which do not exist yet
        for region, step in final.items():
            if region[0] not in self.kernel.hidden | self.kernel.unread:
                place = places[region]
                step.stores = self._argument(step.op.level, place, place.dtype.name, (region, step.op.level))
                step.stores.written = True
                if step.stores.kind == step.made.kind:
                    step.made.home = step.stores

    def _sink(self) -> None:
        """Compute elements in the turn that first needs them; what is overwritten is read before."""
        first: dict[_Variable, int] = {}
        for step in reversed(self._steps):
            made = step.made
            if step.op.kind == "map" and made.level == FULL and step.stores is None and made in first:
                step.turn = made.turn = max(made.turn, first[made])
            for use in self._used(step):
                first[use] = min(first.get(use, step.turn), step.turn)
        stored = {step.stores: step.turn for step in self._steps if step.stores is not None}
        for use, turn in first.items():
            if use.source is not None and use.level == FULL:
                use.fleeting = use.source in stored
                use.turn = min(turn, stored.get(use.source, turn))
        for variable in (*first, *[step.made for step in self._steps]):
            variable.last = variable.turn
        for step in self._steps:
            for use in self._used(step):
                use.last = max(use.last, step.turn)

    @staticmethod
    def _used(step: _Step) -> list[_Variable]:
        """The variables that an operation on elements uses."""
        return [use for use in map(_plain, step.uses) if use is not None] if step.op.is_large() else []

    def _space(self) -> None:
        """Scratch rows for what a later turn needs, where no array keeps it as it was."""
        for use in dict.fromkeys(use for step in self._steps for use in self._used(step)):
            if use.level == FULL and use.last > use.turn and (use.home is None or use.fleeting):
                use.scratch = self._name("row")

    # ---- text --------------------------------------------------------------------------------------------------------

    def lines(self, name: str) -> list[str]:
        """The function."""
        listed = [f"{argument.name}: '{self._typed(argument)}'" for argument in self.arguments]
        written = " ".join(argument.name for argument in self.arguments if argument.written)
        body = self._flat() if self.flat else self._rows()
        head = f"def {name}({', '.join(['start', 'stop', 'part', 'columns', *listed])}):"
        return [f"@kernel(writes='{written}')", head, *[f"    {line}" for line in body]]

    def _typed(self, argument: Argument) -> str:
        text = argument.typed()
        return text.replace("[:, ::1]", "[::1]") if self.flat else text

    def _flat(self) -> list[str]:
        whole = [argument for argument in self.arguments if argument.level == FULL]
        lines = [f"{argument.name}_i = {argument.name}[start:stop]" for argument in whole]
        return [*lines, *self._sums(), *self._loop(0, "stop - start"), *self._totals()]

    def _rows(self) -> list[str]:
        lines: list[str] = []
        scratch = {use.scratch: use.kind for step in self._steps for use in self._used(step) if use.scratch}
        lines += [f"{row} = empty(columns, {kind if kind != 'bool' else 'bool_'})" for row, kind in scratch.items()]
        for argument in self._parts("columns"):
            lines.append(f"{argument.name}_i = {argument.name}[part * columns:(part + 1) * columns]")
            lines.append(f"{argument.name}_i[:] = 0")
        whole = (argument for argument in self.arguments if argument.level == FULL)
        inner = [f"{argument.name}_i = {argument.name}[i]" for argument in whole]
        inner += self._row_loads()
        for turn in range(max(step.made.turn for step in self._steps) + 1):
            for step in self._steps:
                if not step.op.is_large() and step.turn == turn:
                    inner += self._single(step)
            inner += self._turn(turn)
        lines += [*self._sums(), "for i in range(start, stop):", *[f"    {line}" for line in inner]]
        return [*lines, *self._totals()]

    def _parts(self, kind: str) -> list[Argument]:
        return [step.stores for step in self._steps if step.op.kind == kind and step.stores is not None]

    def _row_loads(self) -> list[str]:
        """The lines that read the numbers of a row from arrays."""
        uses = dict.fromkeys(use for step in self._steps for use in map(_plain, step.uses) if use is not None)
        return [f"{use.name} = {use.source.name}[i]" for use in uses if use.level == ROW and use.source is not None]

    def _sums(self) -> list[str]:
        return [f"{step.made.name} = {step.op.made.name}(0)" for step in self._steps if step.op.kind == "total"]

    def _totals(self) -> list[str]:
        sums = [(step.stores, step.made) for step in self._steps if step.op.kind == "total"]
        return [f"{stores.name}[part] = {made.name}" for stores, made in sums if stores is not None]

    def _single(self, step: _Step) -> list[str]:
        """An operation on numbers of a row."""
        lines = [f"{step.made.name} = {self._say(step)}"]
        if step.stores is not None:
            lines.append(f"{step.stores.name}[i] = {self._stored(step)}")
        return lines

    def _turn(self, turn: int) -> list[str]:
        """One turn through the elements of a row."""
        lines = self._loop(turn, "columns")
        if not lines:
            return []
        sums = [step for step in self._steps if step.op.is_large() and step.turn == turn and step.op.kind == "rows"]
        before = [f"{step.made.name} = {_FIRST[step.op.text].format(kind=step.op.made.name)}" for step in sums]
        after = [f"{step.stores.name}[i] = {self._stored(step)}" for step in sums if step.stores is not None]
        return [*before, *lines, *after]

    def _loop(self, turn: int, count: str) -> list[str]:
        steps = [step for step in self._steps if step.op.is_large() and step.turn == turn]
        used = dict.fromkeys(use for step in self._steps for use in self._used(step))
        fleeting = [use for use in used if use.fleeting and use.turn == turn]
        body = [line for use in fleeting for line in self._fetch(use, turn)]
        there: set[Any] = set(fleeting)
        for step in steps:
            for use in self._used(step):
                if use.level in (FULL, COLUMN) and use not in there:
                    there.add(use)
                    body += self._fetch(use, turn)
            body += self._element(step)
            there.add(step.made)
        return [f"for j in range({count}):", *[f"    {line}" for line in body]] if body else []

    @staticmethod
    def _fetch(use: _Variable, turn: int) -> list[str]:
        """Read what is not computed in this turn."""
        if use.scratch and turn > use.turn:
            return [f"{use.name} = {use.scratch}[j]"]
        source = use.source if use.source is not None else use.home
        assert source is not None
        lines = [f"{use.name} = {source.name}{'_i' if use.level == FULL else ''}[j]"]
        return [*lines, f"{use.scratch}[j] = {use.name}"] if use.scratch else lines

    def _element(self, step: _Step) -> list[str]:
        """An operation on an element."""
        made, stores = step.made, step.stores
        if step.op.kind == "map":
            lines = [f"{made.name} = {self._say(step)}"]
            if made.scratch:
                lines.append(f"{made.scratch}[j] = {made.name}")
            if stores is not None:
                lines.append(f"{stores.name}_i[j] = {self._stored(step)}")
            return lines
        factor = " * ".join(self._operands(step))
        if step.op.kind == "columns" and stores is not None:
            return [f"{stores.name}_i[j] += {factor}"]
        return [f"{made.name} = {_STEP[step.op.text]}({made.name}, {factor})"]

    @staticmethod
    def _stored(step: _Step) -> str:
        """What is put into an array: the bits, if the array was last met as one of another dtype."""
        kind = step.made.kind if step.stores is None else step.stores.kind
        return step.made.name if kind == step.made.kind else f"bits_{kind}({step.made.name})"

    def _say(self, step: _Step) -> str:
        kind = step.op.made
        text = step.op.text.format(*self._operands(step), bits=kind.itemsize * 8, one=f"{kind.name}(1)")
        text = f"{kind.name}({text})" if kind.kind == "i" else text
        return _cast(text, kind.name, step.made.kind)

    def _operands(self, step: _Step) -> list[str]:
        found = []
        for use, kind in zip(step.uses, step.op.kinds, strict=True):
            if isinstance(use, str):
                found.append(use)
            elif isinstance(use, _Bits):
                found.append(_cast(f"bits_{use.kind}({use.variable.name})", use.kind, kind.name))
            else:
                found.append(_cast(use.name, use.kind, kind.name))
        return found


class _Bits:
    """The bits of a variable as another type."""

    def __init__(self, variable: _Variable, kind: str) -> None:
        self.variable = variable
        self.kind = kind


def _plain(use: Any) -> Any:
    """The variable that is used, None for a number that is written out."""
    return use.variable if isinstance(use, _Bits) else use if isinstance(use, _Variable) else None


def _cast(text: str, kind: str, wanted: str) -> str:
    if kind == wanted:
        return text
    return f"({text}) != 0" if wanted == "bool" else f"{wanted}({text})"
