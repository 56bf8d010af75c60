"""The text of a run: a function that works on a block of rows, called for all blocks by several threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.blocks import in_blocks
from ..engine.sums import dot_lines
from .calls import Calls, takes_out_by_place
from .numbers import Number
from .runs import Run
from .values import Instruction, Value

__all__ = ["Blockwise"]


class Blockwise(Calls):
    """Writes runs."""

    def _run(self, run: Run) -> None:
        """All that a run does, block by block."""
        own = {value.storage for value in run.inner}
        flat = self._prepare(run, own)
        name = self._fresh("run")
        self.namespace["in_blocks"] = in_blocks
        lines = [f"def {name}():"]
        names = {value: value.name for value in (*flat, *run.inner)}
        scratch, rooms = self._scratch(run, lines)
        lines += ["    def work(block):"]
        sums = self._sums(run)
        if sums:
            number = self._fresh("number")
            lines.append(f"        {number} = block.start // {run.height}")
        for value, text in flat.items():
            value.name = self._fresh("x")
            lines.append(f"        {value.name} = {text}[block]")
        lead = next(iter(flat))
        cut = {place: self._fresh("t") for place in dict.fromkeys(scratch.values()) if isinstance(place, str)}
        for place, short in cut.items():
            part = f"{place}[:len({lead.name})]" if place not in rooms else f"{rooms[place]}[block]"
            lines.append(f"        {short} = {part}")
        for value, lies in scratch.items():
            value.name = cut[lies] if isinstance(lies, str) else lies.name
        line = run.items[0].line
        for item in run.items:
            if item.line != line and item in run.rows:
                lines.append(f"        # {item.line}")
                line = item.line
            if item in sums:
                lines.append(f"        {self._on_block(item, f'{sums[item]}[{number}]', not item.result.shape)}")
            elif item in run.rows:
                out = self.name(item.result)
                lines.append(f"        {self._on_block(item, out, item.function is np.where)}")
            elif item.kind == "view" and item.outs.storage in own:
                names[item.outs] = ""
                lines.append(f"        {self.name(item.outs)} = {self._call(item)}")
        lines.append("    return work")
        for value, old in names.items():
            value.name = old
        self._body += lines
        widest = max(flat, key=lambda value: value.array.size)  # how long its rows are decides how NumPy takes them
        self._body.append(f"in_blocks({flat[widest]}, {name}, rows={run.height}{', alone=True' * (run.team == 1)})")
        for item, parts in sums.items():
            self._body.append(self._total(item, parts))

    def _scratch(self, run: Run, lines: list[str]) -> tuple[dict[Value, str | Value], dict[str, str]]:
        """Make scratch space, in each thread or once.

        Returns:
            For each value of a run's own where it lies, and for scratch space for all rows the name of its memory.
        """
        scratch: dict[Value, str | Value] = {}
        rooms: dict[str, str] = {}
        turn = ""
        for value, place, row in self.plan.scratch[run]:
            if type(place) is str and place not in scratch.values():
                offset = self.plan.rooms.get((run, place))
                own = f"empty({run.height if run.flat else (run.height, *row)}, '{value.dtype}')"
                if offset is None:
                    lines.append(f"    {place} = {own}")
                else:
                    room = self._fresh("room")
                    whole = ((run.team, run.height) if run.fine else (run.count,)) + row
                    self._setup.append(f"{room} = ndarray({whole}, '{value.dtype}', pools, {offset})")
                    if run.fine:
                        turn = turn or self._turn(run, lines)
                        lines.append(f"    {place} = {room}[{turn}] if {turn} < {run.team} else {own}")
                    else:
                        rooms[place] = room
            scratch[value] = place
        return scratch, rooms

    def _turn(self, run: Run, lines: list[str]) -> str:
        """Tell each thread that begins a run how many began before; returns the name of that."""
        turns, turn = self._fresh("turns"), self._fresh("turn")
        self._body.append(f"{turns} = iter(range({run.team}))")
        lines.append(f"    {turn} = next({turns}, {run.team})")
        return turn

    def _prepare(self, run: Run, own: set[Any]) -> dict[Value, str]:
        """Make the arrays and views of a run; returns those that are cut, with the text of what is cut."""
        for item in run.items:
            if item in run.rows:
                made = item.outs
                if item.target is None and made not in run.inner:
                    if made.storage in self.plan.parts:
                        self._part(made)
                    elif not self.plan.is_fixed(made) and not run.rows[item].total:
                        self._body.append(f"{self.name(made)} = empty({made.shape}, '{made.dtype}')")
                for arg in (*item.args, *item.kwargs.values()):
                    if type(arg) is Number:
                        self.number(arg)
            elif item.kind != "view" or item.outs.storage not in own:
                self._where_it_belongs(item)
        flat: dict[Value, str] = {}
        for value in run.outer():
            flat[value] = self.name(value)
            if run.flat and len(value.shape) > 1:
                flat[value] = self._fresh(f"{self.name(value)}_flat")
                lines = self._setup if self.plan.is_static(value) else self._body
                lines.append(f"{flat[value]} = {self.name(value)}.reshape(-1)")
        return flat

    def _sums(self, run: Run) -> dict[Instruction, str]:
        """For sums of all rows the name of an array that has a place for each block's."""
        found = {}
        for item, rows in run.rows.items():
            if rows.total:
                made = item.result
                found[item] = self._fresh("sums")
                self._setup.append(f"{found[item]} = empty({(run.blocks, *made.shape)}, '{made.dtype}')")
        return found

    def _total(self, item: Instruction, parts: str) -> str:
        """The line that adds up what the blocks gave."""
        made = item.result
        function = item.function if item.name.endswith(".reduce") else np.add.reduce
        owner = getattr(function, "__self__", np.add).__name__
        text = f"np.{owner}.reduce({parts}, axis=0"
        if item.target is not None or self.plan.is_fixed(made):
            return f"{text}, out={self.name(made)})"
        return f"{self.name(made)} = {text})"

    def _on_block(self, item: Instruction, out: str, assigned: bool) -> str:
        """A call inside of a run, on blocks."""
        args = [self._argument(item, arg) for arg in item.args]
        args += [f"{name}={self.text(value)}" for name, value in item.kwargs.items() if name != "out"]
        function = self._function(item)
        if item.function is np.vecdot and self.plan.program.blocked_sums:
            self.namespace["dot_lines"], function = dot_lines, "dot_lines"
        call = f"{function}({', '.join(args)}"
        if assigned:
            return f"{out}{'' if out.endswith(']') else '[...]'} = {call})"
        by_place = len(args) == len(item.args) and takes_out_by_place(item)
        return f"{call}, {out})" if by_place else f"{call}, out={out})"
