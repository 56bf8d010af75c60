"""Programs with kernels: what ``compile(backend="numba")`` emits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np

from ..engine.blocks import in_blocks
from ..errors import CompileError
from .emit import Emitter
from .fusing import Kernel, fuse
from .kernel_math import library
from .kernels import Argument, KernelText
from .memory import Plan
from .numbers import Number
from .operations import COLUMN, FULL, ROW, SCALAR
from .program import Program, reads_of
from .runs import Run
from .values import Instruction, Storage, Value

__all__ = ["KernelEmitter", "check_available", "in_the_order_of", "kernel", "names_kept"]

BLOCK = 1 << 17
"""Elements in what one call of a kernel does: others are done in other threads."""
_made: dict[Any, Any] = {}
"""Kernels that were compiled, by their text: equal layers share them."""


def kernel(writes: str, spent: dict[str, float] | None = None) -> Callable[[Any], Any]:
    """Compile a function for the types that its parameters are annotated with; the first four are whole numbers.

    Args:
        writes: the names of the parameters that it writes.
        spent: where to note the seconds that it took, by its name.
    """

    def compiled(function: Any) -> Any:
        code = function.__code__
        text = str((function.__annotations__, code.co_consts, code.co_names, code.co_varnames))
        key = writes, text, code.co_code
        if key not in _made:
            start = time.perf_counter()
            _made[key] = _compiled(function, writes.split()), time.perf_counter() - start
        found, seconds = _made[key]
        if spent is not None:
            spent[function.__name__] = seconds
        return found

    return compiled


def _compiled(function: Any, writes: list[str]) -> Any:
    from numba import njit
    from numba.core import types

    listed: list[Any] = [types.int64] * 4
    for name, text in function.__annotations__.items():
        kind, *dimensions = text.strip("'").rstrip("]").split("[")
        typed = types.boolean if kind == "bool" else getattr(types, kind)
        if dimensions:
            typed = types.Array(typed, dimensions[0].count(",") + 1, "C", readonly=name not in writes)
        listed.append(typed)
    plain = FunctionType(function.__code__, {**_NAMES, **library()}, function.__name__)
    return njit(types.void(*listed), nogil=True, error_model="numpy")(plain)


_NAMES = {
    "empty": np.empty, "sqrt": np.sqrt, "copysign": np.copysign, "float32": np.float32, "float64": np.float64,
    "int32": np.int32, "int64": np.int64, "bool_": np.bool_, "inf": np.inf, "nan": np.nan,
}  # fmt: skip


class _KernelPlan(Plan):
    """Where results lie: what a kernel reads and writes is in use until it is done."""

    def _last_uses(self) -> dict[Storage, int]:
        last = super()._last_uses()
        at = 0
        for group in self.groups:
            if not isinstance(group, Kernel):
                at += len(group.items) if isinstance(group, Run) else 1
                continue
            end = at + len(group.items) - 1
            for item in group.items:
                for value in (*item.reads(), *item.makes()):
                    if last.get(value.storage, end) < end:
                        last[value.storage] = end
            at = end + 1
        return last

    def _overwritten(self, item: Instruction, ending: Any) -> Storage | None:
        in_kernel = any(item in group.items for group in self.groups if isinstance(group, Kernel))
        return None if in_kernel else super()._overwritten(item, ending)


class KernelEmitter(Emitter):
    """Writes a program's text, with kernels.

    Attributes:
        kernels: their texts; seconds: what it took to compile each.
    """

    def __init__(self, program: Program, title: str, parameters: list[Value], reuse_outputs: bool) -> None:
        super().__init__(program, title, parameters, reuse_outputs)
        self.namespace["kernel"] = lambda writes: kernel(writes, self.seconds)
        self.namespace["in_blocks"] = in_blocks

    def _host(self) -> None:
        """Kernels keep what lies between in registers."""

    def _planned(self, reuse_outputs: bool) -> Plan:
        return _KernelPlan(self.program, reuse_outputs, fuse(self.program))

    def _text(self) -> str:
        """The kernels come first."""
        kernels = [line for lines in self.kernels.values() for line in [*lines, "", ""]]
        return "\n".join([*kernels, super()._text()])

    def _run(self, run: Run) -> None:
        if not isinstance(run, Kernel):
            super()._run(run)
            return
        noted = len(self._body), True
        text = KernelText(run)
        name = self._kernel(text)
        rows, columns = run.domain
        count, each = (rows * columns, 1) if text.flat else (rows, columns)
        step = max(1, BLOCK // each) if count * each > BLOCK else count
        parts = -(-count // step)
        for item in run.items:
            self._place_result(run, item)
        names = [self._given_as(argument, run, text.flat, parts) for argument in text.arguments]
        listed = "".join(f", {given}" for given in names)
        if parts == 1:
            call = len(self._body)  # which refuses what it is not made for before it writes anything
            self._body.append(f"{name}(0, {count}, 0, {each}{listed})")
            self._writes = [(call, False, note[2]) if note[:2] == noted else note for note in self._writes]
        else:
            whole = self._fresh("span")
            self._setup.append(f"{whole} = np.broadcast_to(0, {(count, each)})")
            run_name = self._fresh("run")
            self._body += [
                f"def {run_name}():",
                "    def work(block):",
                f"        {name}(block.start, block.stop, block.start // {step}, {each}{listed})",
                "    return work",
                f"in_blocks({whole}, {run_name}, rows={step})",
            ]
        for argument, given in zip(text.arguments, names, strict=True):
            if argument.level == "part":
                self._put_together(run, argument.value, given, parts)

    def _kernel(self, text: KernelText) -> str:
        """The name of a kernel: that of an equal one, if there is one."""
        for name, lines in self.kernels.items():
            if text.lines(name) == lines:
                return name
        name = self._fresh("kernel_1")
        self.kernels[name] = text.lines(name)
        return name

    def _place_result(self, run: Kernel, item: Instruction) -> None:
        """Memory for what an instruction makes, if it needs any."""
        made = item.outs
        if item.target is not None or made.storage in run.hidden:
            return
        if any(op.item is item and op.kind in ("columns", "total") for op in run.operations):
            return
        if made.storage in self.plan.parts:
            self._part(made)
        elif not self.plan.is_fixed(made):
            self._body.append(f"{self.name(made)} = empty({made.shape}, '{made.dtype}')")

    def _given_as(self, argument: Argument, run: Kernel, flat: bool, parts: int) -> str:
        """What a kernel is called with for one of its arguments."""
        value = argument.value
        if isinstance(value, Number):
            return self.number(value)
        if argument.level == SCALAR:
            return f"{self.name(value)}.item()"
        if argument.level == "part":
            name = self._fresh("parts")
            self._setup.append(f"{name} = empty({parts * max(1, value.array.size)}, '{argument.kind}')")
            return name
        shape = {FULL: tuple(run.domain), ROW: (run.domain.rows,), COLUMN: (run.domain.columns,)}[argument.level]
        shape = (run.domain.rows * run.domain.columns,) if flat else shape
        if value.shape == shape:
            return self.name(value)
        name = self._fresh(f"{self.name(value)}_in_rows")
        line = f"{name} = {self.name(value)}.reshape({', '.join(map(str, shape))})"
        (self._setup if self.plan.is_static(value) else self._body).append(line)
        return name

    def _put_together(self, run: Kernel, value: Value, given: str, parts: int) -> None:
        """Add up the sums of all parts."""
        op = next(op for op in run.operations if op.result is value and op.kind in ("columns", "total"))
        whole = f"{given}.reshape({(parts, *value.shape)})" if value.shape else given
        call = f"np.add.reduce({whole}, axis=0"
        if op.item.target is not None or self.plan.is_fixed(value) or value.storage in self.plan.parts:
            if op.item.target is None and value.storage in self.plan.parts:
                self._part(value)
            self._body.append(f"{call}, out={self.name(value)})")
        else:
            self._body.append(f"{self.name(value)} = {call})")


@contextlib.contextmanager
def names_kept(program: Program, parameters: list[Value]) -> Iterator[None]:
    """Let another emitter name a program's values, for once."""
    values = {*program.given(), *parameters}
    for item in program.items:
        values.update(reads_of(item))
        if isinstance(item, Instruction):
            values.update(item.makes(), [item.target] if item.target is not None else [])
    names = [(value, value.name) for value in values]
    yield
    for value, name in names:
        value.name = name


def in_the_order_of(emitter: Emitter, other: Emitter, step: Callable[..., Any]) -> Callable[..., Any]:
    """A program's function for the arguments of another emitter's program, which may come in another order."""

    def listed(one: Emitter) -> list[Any]:
        numbers = [("number", id(number)) for number in one.numbers]
        streams = [("stream", place.identity()) for place in one.streams]
        return [*one.parameters, *numbers, *streams, *[("given", given.text) for given in one.given]]

    ours, theirs = listed(emitter), listed(other)
    if ours == theirs:
        return step
    places = [ours.index(argument) for argument in theirs]
    return lambda *values: step(*[values[i] for i in places])


def check_available() -> None:
    """Raise if there is no Numba.

    Raises:
        CompileError: it says what to install.
    """
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise CompileError("compile: backend='numba' needs Numba: pip install 'chainrule[numba]'") from error
