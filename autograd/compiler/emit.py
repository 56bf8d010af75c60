"""Emit: a program as Python text, one line a NumPy call, into buffers that are made once."""

from __future__ import annotations

import linecache
import math
import os
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.blas import without_blas_threads
from ..engine.mutation import stamper
from ..engine.nodes import Handle, new_tensor
from .blockwise import Blockwise
from .hosting import areas_of, hosted, kept_before
from .keeping import Kept, keepable, made_together
from .memory import Plan
from .program import Program
from .runs import Run
from .text import Lines
from .trees import Fields, Given, Itself, Slot, TensorOf
from .values import Check, Instruction, Storage, Value, apart, strided

__all__ = ["DEVIATED", "Emitter"]

_STAYS = "# ------------ what stays ------------"
DEVIATED = object()
"""What a program returns where Python would have decided otherwise than in the record; nothing has changed then."""


class Emitter(Blockwise):
    """Writes a program's text: the function ``build``, which takes the arrays that stay and returns ``step``.

    Attributes:
        kernels: the texts of the kernels that it calls; seconds: what it took to compile each.
        kept: the arrays of gradients that it writes again; None if there are none.
    """

    kernels: dict[str, list[str]]
    seconds: dict[str, float]

    def __init__(self, program: Program, title: str, parameters: list[Value], reuse_outputs: bool) -> None:
        namespace = {
            "np": np, "ndarray": np.ndarray, "empty": np.empty, "_new_tensor": new_tensor, "_DEVIATED": DEVIATED,
            "strided": strided, "apart": apart, "_errstate": np.errstate, "_math": math,
            "without_blas_threads": without_blas_threads,
        }  # fmt: skip
        super().__init__(namespace)
        self.kernels, self.seconds = {}, {}
        self._lines: Lines | None = None
        self.program = program
        self.plan = self._planned(reuse_outputs)
        self.parameters = parameters
        self._left = keepable(program, self.plan, parameters)
        if self._left:
            self._host()
        self._taken.update([line.split(" ")[0] for line in self.plan.pools()])
        self.given: list[Given] = []
        self._given_names: dict[str, str] = {}
        for value in parameters:
            value.name = self._fresh(value.name or "x")
        for effect in program.effects:
            if type(effect.tree) is TensorOf:
                self._wishes.setdefault(effect.tree.value, effect.place.name)
        self.title = title
        self._write()

    def _planned(self, reuse_outputs: bool) -> Plan:
        return Plan(self.program, reuse_outputs)

    def _host(self) -> None:
        """Let buffers lie where gradients will, as long as these are not written."""
        areas = areas_of(self.program, self.plan, self._left)
        self.plan.host(hosted(areas, *self.plan.pieces, kept_before(self.program)))

    # ---- lines -------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        section = line = ""
        self._setup += self.plan.pools()
        for value, text in self.plan.buffers():
            value.name = self._fresh(self._wishes.get(value, "b"))
            self._setup.append(f"{value.name} = {text}")
        if reused := self.plan.reused():
            names = ", ".join([value.name for value in reused])
            self._body += [
                "# arguments do not lie in the results",
                *[f"{value.name} = apart({value.name}, ({names},))" for value in self.parameters],
            ]
        self._writes: list[tuple[int, bool, Any]] = []
        self._graded_from = self._stays_from = 1 << 30
        self._keep()
        self._checks = {item: i for i, item in enumerate(self.program.items) if isinstance(item, Check)}
        self._guard_before(max(self._checks.values(), default=0))
        for item in self.plan.groups:
            if isinstance(item, Check):
                self._check(item)
                continue
            if isinstance(item, Run):
                section, line = self._place_of(item.items[0], section, line)
                self._note_writes(item.items, True)
                self._run(item)
                line = ""
                continue
            if item.kind != "view" or not self.plan.is_static(item.outs):
                section, line = self._place_of(item, section, line)
            self._where_it_belongs(item)
            self._note_writes([item], False)
        self._finish()

    def _note_writes(self, items: list[Instruction], several: bool) -> None:
        """Note which line it is that overwrites what stays: the next one, of ``several`` that follow, or the last."""
        at = len(self._body) - (not several)
        for item in items:
            if item.target is not None and item.target.is_given:
                self._writes.append((at, several, item.target))
            if type(item.outs) is Value and item.outs.storage in self.plan.kept:
                self._graded_from = min(self._graded_from, at)

    def _place_of(self, item: Instruction, section: str, line: str) -> tuple[str, str]:
        """Say which section and which line of the user's program begins."""
        if item.section != section:
            self._body.append(f"# {'-' * 12} {item.section} {'-' * 12}")
        if item.line != line:
            self._body.append(f"# {item.line}")
        return item.section, item.line

    def _keep(self) -> None:
        """Arrays of gradients are made by a function of their own, when those of the last call cannot be taken."""
        plan = self.plan
        self.kept: Kept | None = None
        if not self._left:
            return
        arrays, self._remade = made_together(self.program, plan, self._left, self.name, self._cut)
        for value, text in plan.buffers(guests=True):
            value.name = self._fresh(self._wishes.get(value, "b"))
            self._remade.append(f"{value.name} = {text}")
        at = {value.storage: i for i, value in enumerate(arrays)}
        owners = [effect.place.container for effect in self._left.values()]
        numbers = [at[storage] for storage in self._left]
        self.kept = kept = Kept(owners, numbers, len(arrays), bool(plan.hosts))
        self.namespace.update(_kept=kept.arrays, _leave=kept.leave, _back=kept.back)
        self._body += ["# the gradients of the last call, if nobody else has them, are written again", *[""] * 4]
        self._kept_at = len(self._body) - 4

    def _take_kept(self) -> None:
        """The function that makes the arrays of gradients, with what lies in them, and the lines that take these."""
        if self._left:
            names = ", ".join([line.split(" = ")[0] for line in self._remade])
            made, left = self._fresh("gradients"), self._fresh("left")
            self._setup += [f"def {made}():", *[f"    {line}" for line in self._remade], f"    return {names},"]
            self._body[self._kept_at : self._kept_at + 4] = [
                f"{left} = _kept({made})",
                f"if {left} is None:  # that of a parameter is gone",
                "    return _DEVIATED",
                f"{names}, = {left}",
            ]

    def _check(self, check: Check) -> None:
        test = self.expression(check.text, check.parts)
        self._body.append(f"if {'not ' if check.expected else ''}({test}):  # {check.line}")
        self._body += [f"    {line}" for i, line in self._restoring if i < self._checks[check]]
        if self.plan.hosts:
            self._body.append("    _back()")
        self._body.append("    return _DEVIATED")

    def _guard_before(self, last: int) -> None:
        """Keep what is written before the last check, to be put back: the lines for that, and from which item on."""
        self._restoring: list[tuple[int, str]] = []
        seen: set[Any] = set()
        for i, item in enumerate(self.program.items[:last]):
            if not isinstance(item, Instruction):
                continue
            if item.target is not None and item.target.is_given:
                if item.target.storage not in seen:
                    seen.add(item.target.storage)
                    for name in self._memory(item.target.storage):
                        copy = self._fresh("saved")
                        self._body.append(f"{copy} = {name}.copy()")
                        self._restoring.append((i, f"{name}[...] = {copy}"))
            elif item.stream is not None and item.stream.identity() not in seen:
                seen.add(item.stream.identity())
                name = self.stream(item.stream)
                state = self._fresh("state")
                self._body.append(f"{state} = {name}.bit_generator.state")
                self._restoring.append((i, f"{name}.bit_generator.state = {state}"))

    def _memory(self, storage: Storage) -> list[str]:
        """The names of arrays in which all lies that a program may write of what was there before."""
        if storage.kind == "state":
            return [self._bind(storage.array, "memory")]
        return [self.name(value) for value in self.parameters if value.storage is storage]

    # ---- the end -----------------------------------------------------------------------------------------------------

    def result(self, tree: Any) -> str:
        """The text of a result or an effect."""
        kind = type(tree)
        if kind is TensorOf:
            maker = "_new_tensor" if tree.make is new_tensor else self._bind(tree.make, "new_tensor")
            text = f"{maker}({self.result(tree.value)})"
            return self._one(tree, text, "tensor")
        if kind is Value:
            copied = tree.storage.kind == "constant"
            return f"{self.name(tree)}.copy()" if copied else self.name(tree)
        if isinstance(tree, tuple) and hasattr(tree, "_make"):
            text = f"{self._bind(kind, kind.__name__)}({', '.join(self.result(x) for x in tree)})"
            return self._one(tree, text, "record")
        if kind is tuple:
            return f"({', '.join(self.result(x) for x in tree)}{',' if len(tree) == 1 else ''})"
        if kind is list:
            return self._one(tree, f"[{', '.join(self.result(x) for x in tree)}]", "items")
        if kind is dict or kind is OrderedDict:
            text = "{" + ", ".join(f"{self.text(key)}: {self.result(x)}" for key, x in tree.items()) + "}"
            text = text if kind is dict else f"{self._bind(kind, kind.__name__)}({text})"
            return self._one(tree, text, "entries")
        if isinstance(tree, Handle):
            return self._bind(tree, "tensor")
        if kind is Slot:
            return f"graded[{tree.number}]"
        if kind is Itself:
            return self._bind(tree.thing, "kept")
        if kind is Given:
            if tree.text not in self._given_names:
                self._given_names[tree.text] = self._fresh(tree.name)
                self.given.append(tree)
            return self._given_names[tree.text]
        return self.text(tree)

    def _one(self, tree: Any, text: str, called: str) -> str:
        """The text of what is made by the program; its name if it stands in several places."""
        if id(tree) not in self._objects:
            return text
        if self._objects[id(tree)] is None:
            self._objects[id(tree)] = name = self._fresh(called)
            self._body.append(f"{name} = {text}")
        return str(self._objects[id(tree)])

    def _finish(self) -> None:
        self._take_kept()
        kept = {id(effect) for effect in self._left.values()}
        effects = [effect for effect in self.program.effects if id(effect) not in kept]
        seen = Counter(id(thing) for thing in _made_in((*[e.tree for e in effects], self.program.results)))
        self._objects: dict[int, str | None] = {key: None for key, count in seen.items() if count > 1}
        written = {item.target.storage for item in self.program.instructions() if item.target is not None}
        roots = [storage.array for storage in written if storage.is_given]
        if roots:
            self.namespace["_stamp"] = stamper(tuple(roots))
        graded = self.program.attach is not None
        if graded:  # results and effects are made of outputs that require grad; what these save was written before
            self.namespace["_attach"] = self.program.attach
            parts = ", ".join([self.result(part) for part in self.program.graded])
            self._body += [_STAYS, *["_stamp()"] * bool(roots), f"graded = _attach({parts})"]
        made: dict[int, str] = {}
        stores = [self._store(effect, made) for effect in effects]
        stores += ["_leave()"] * bool(self._left)
        returned = self.result(self.program.results)
        if (stores or roots) and not graded:
            self._body.append(_STAYS)
        self._stays_from = len(self._body)
        self._writes += [(self._stays_from + i, False, effect.place) for i, effect in enumerate(effects)]
        self._body += stores
        if roots and not graded:
            self._body.append("_stamp()")
        self._body.append(f"return {returned}")

    def _store(self, effect: Any, made: dict[int, str]) -> str:
        """The line that leaves something at its place; ``made`` has the names of what has been left already."""
        name = made.get(id(effect.tree))
        if name is None:
            name = self.result(effect.tree)
            if type(effect.tree) is tuple:
                self._body.append(f"{(short := self._fresh('left'))} = {name}")
                name = made[id(effect.tree)] = short
        owner: Any = effect.place.container
        wish = re.sub(r"(\.\w+|\[[^\[\]]*\])$", "", effect.place.name)  # what it is kept in
        wish += "_tensor" if isinstance(owner, Handle) else ""  # beside its array
        owner = self.result(owner) if type(owner) is Given else self._bind(owner, wish)
        return str(effect.place.store(owner, name, lambda key: self._bind(key, "key")))

    @property
    def source(self) -> str:
        """The text."""
        return self._lines.text if self._lines is not None else self._text()

    def _text(self) -> str:
        numbers = [self._numbers[id(number)] for number in self.numbers]
        inputs = [value.name for value in self.parameters]
        lines = [f"def build({', '.join(value.name for value in self.static)}):"]
        lines += [f"    {line}" for line in self._setup]
        given = [*inputs, *numbers, *self._stream_names.values(), *self._given_names.values()]
        says = f'"""{self.title}; add(x, y, z) puts the sum into z, and so on"""'
        lines += ["", f"    def step({', '.join(given)}):", f"        {says}"]
        lines += [f"        {_quoted(line)}" for line in self._body]
        end = "    return step"
        if self.program.without_blas_threads:
            end = "    return without_blas_threads(step)  # products are computed by the threads that share the runs"
        return "\n".join([*lines, "", end, ""])

    @property
    def reorders(self) -> bool:
        """Whether calls are made in another order than in the function."""
        return self.program.reorders or any(isinstance(group, Run) for group in self.plan.groups)

    @property
    def adds_by_blocks(self) -> bool:
        """Whether sums are added up in another order than in the function."""
        runs = (group for group in self.plan.groups if isinstance(group, Run))
        return any(rows.total for run in runs for rows in run.rows.values())

    @property
    def rounding(self) -> list[str]:
        """The passes by which last digits may differ from the function's, that have done something."""
        program = self.program
        found = {"join_sums": self.adds_by_blocks, "match_products": program.matches}
        return [name for name, used in {**found, "share_products": program.without_blas_threads}.items() if used]

    def written_before(self, error: BaseException) -> list[str]:
        """The names of what stays and was perhaps overwritten when the program raised this error.

        A call that raises has written nothing; one that was interrupted has.
        """
        at, raised = self._line_of(error), isinstance(error, Exception)
        found = [thing for line, several, thing in self._writes if line < at or (line == at and several >= raised)]
        names: dict[str, None] = {}
        for thing in found:
            whole = thing.storage.whole if type(thing) is Value else None
            names[(whole and whole.name) or thing.name] = None
        return list(names)

    def broken_off(self, error: BaseException, name: str, trial: Any) -> bool:
        """Whether the program of this name left changes behind when this error, or an interrupt, broke it off.

        If so, a note of the error says which. Gradients that it was writing again are taken from their owners.
        """
        interrupted, at = not isinstance(error, Exception), self._line_of(error)
        compared = trial is not None and trial.compares  # what it wrote is put back
        if interrupted and self.kept is not None and (compared or self._graded_from <= at < self._stays_from):
            self.kept.drop()
        written = [] if compared else self.written_before(error)
        if written and "_stamp" in self.namespace:
            self.namespace["_stamp"]()
        if written:
            error.add_note(
                f"(in the program of compiled '{name}', which had begun to overwrite {', '.join(written[:3])}"
                f"{' and others' if len(written) > 3 else ''}: these are not as before the call)"
            )
        return interrupted or trial is not None or bool(written)

    def _line_of(self, error: BaseException) -> int:
        """The line of the program at which an error was raised, counted from its first; below zero if none was."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != f"<compiled {self.title}>":
            trace = trace.tb_next
        return -1 if trace is None else trace.tb_lineno - self._first_line

    def build(self) -> Callable[..., Any]:
        """The function ``step``."""
        text = self._text()
        self._lines = Lines(text)
        self._first_line = text[: text.index("    def step(")].count("\n") + 3
        self._setup, self._body = [], []
        self._taken.clear()
        filename = f"<compiled {self.title}>"
        kept: Any = self._lines  # which is no list, but read like one
        linecache.cache[filename] = (len(text), None, kept, filename)
        place: dict[str, Any] = self.namespace
        exec(compile(text, filename, "exec"), place)
        made: Callable[..., Any] = place.pop("build")(*[value.array for value in self.static])
        return made


def _made_in(tree: Any) -> Iterator[Any]:
    """The Tensors, lists, dicts and dataclasses in a tree of results, each as often as it stands there."""
    if isinstance(tree, (TensorOf, list, dict, Fields)):
        yield tree
    if isinstance(tree, (tuple, list, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _made_in(item)


def _quoted(line: str) -> str:
    """A comment that names a line of a file, with what stands there."""
    found = re.fullmatch(r"( *)# (.+):(\d+)", line)
    if found is None:
        return line
    text = linecache.getline(found[2], int(found[3])).strip()
    return f"{found[1]}# {os.path.basename(found[2])}:{found[3]}{'  ' if text else ''}{text}"
