"""The loops over time of recurrent layers: forward and backward fast, and forward plainly, as the definition.

A sequence is (time, batch, features). Sequences of various lengths come as rows (all steps, features), step after step
with the longest sequence first, and ``batch_sizes`` says how many rows each step has (a ``PackedSequence``). Inside,
all is rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..errors import ShapeError
from .axes import widened
from .pullback import pull_back
from .recurrent_cells import CELLS, Cell

__all__ = ["INPUTS", "plain_gradient", "plain_sweep", "sizes_of", "sweep", "sweep_along", "sweep_back"]

INPUTS = ("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr")
"""What goes into a sweep, in this order; None for what there is not."""

# ---- time ------------------------------------------------------------------------------------------------------------


def sizes_of(x: Any, batch_sizes: Sequence[int] | None) -> Sequence[int]:
    """How many rows each step has."""
    if x.ndim == 3:
        return (x.shape[1],) * x.shape[0]
    return (x.shape[0],) if batch_sizes is None else batch_sizes


def _steps(sizes: Sequence[int], reverse: bool) -> list[tuple[slice, int]]:
    """Which rows belong to each step, and how many these are, in the order in which the steps are made."""
    steps = [(slice(end - n, end), n) for n, end in zip(sizes, accumulate(sizes), strict=True)]
    return steps[::-1] if reverse else steps


def _updated(state: Any, new: Any) -> Any:
    """The state of all sequences, when the first ones (those that are not over, or have begun) have a new one."""
    n = new.shape[0]
    return new if n == state.shape[0] else np.concatenate([new, state[n:]])


def _previous(states: Any, first: Any, steps: list[tuple[slice, int]], reverse: bool) -> Any:
    """For each row the state before its step."""
    pieces = []
    for rows, n in steps:
        pieces.append(first[:n])
        first = _updated(first, states[rows])
    return np.concatenate(pieces[::-1] if reverse else pieces) if pieces else states


def _widened(*arrays: Any) -> list[Any]:
    """Those that are not None in the dtype to accumulate in."""
    return [None if array is None else widened(array) for array in arrays]


def _as_rows(array: Any) -> Any:
    return array if array is None or array.ndim == 2 else np.reshape(array, (-1, array.shape[-1]))


def _check(name: str, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, biases: Any, w_hr: Any, sizes: Any) -> None:
    """Raise ShapeError unless everything fits."""
    gates = CELLS.get(name, CELLS["tanh"]).gates
    if x.ndim not in (2, 3):
        raise ShapeError(f"{name}: x must be (time, batch, features) or (rows, features), got shape {x.shape}")
    batch, hidden = max(sizes, default=0), w_hh.shape[0] // gates
    if sum(sizes) != x.size // max(x.shape[-1], 1) and x.shape[-1]:
        raise ShapeError(f"{name}: batch_sizes are {sum(sizes)} rows together, but x has shape {x.shape}")
    width = hidden if w_hr is None else w_hr.shape[0]
    expected: dict[str, Any] = {"w_ih": (w_ih, (gates * hidden, x.shape[-1])), "w_hh": (w_hh, (gates * hidden, width))}
    expected |= {f"bias {i}": (b, (gates * hidden,)) for i, b in enumerate(biases) if b is not None}
    if w_hr is not None:
        expected["w_hr"] = (w_hr, (width, hidden))
    if sizes:
        expected["h0"] = (h0, (batch, width))
        if c0 is not None:
            expected["c0"] = (c0, (batch, hidden))
    for what, (array, shape) in expected.items():
        if array.shape != shape:
            raise ShapeError(f"{name}: {what} has shape {array.shape}; for x of shape {x.shape} expected {shape}")


# ---- small products ------------------------------------------------------------------------------------------

_UNTHREADED = 2**18
"""Up to this many multiplications OpenBLAS keeps a product to one thread. Just above, threads gain nothing, and lose
much where other programs keep the cores busy: they wait for each other in each of the steps."""


def _parts(n: int, work: int) -> int:
    """Into how many equal parts to cut ``n`` rows of ``work`` multiplications each, so that no part is threaded."""
    wanted = -(-n * work // _UNTHREADED)
    return next((parts for parts in range(max(wanted, 1), 5) if n % parts == 0), 1)


def _multiply(a: Any, b: Any, out: Any, parts: int) -> None:
    """``out = a @ b``, in ``parts``."""
    if parts == 1:
        np.matmul(a, b, out=out)
    else:
        rows = a.shape[0] // parts
        np.matmul(a.reshape(parts, rows, a.shape[1]), b, out=out.reshape(parts, rows, out.shape[1]))


# ---- forward and backward, fast --------------------------------------------------------------------------------------


def sweep(
    name: str, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any, batch_sizes: Any,
    reverse: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """Outputs, last h, last c, gates, all c."""
    shape, dtype, cell = x.shape, x.dtype, CELLS[name]
    sizes = sizes_of(x, batch_sizes)
    _check(name, x, h0, c0, w_ih, w_hh, (b_ih, b_hh), w_hr, sizes)
    x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = _widened(_as_rows(x), h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)
    hidden, batch = w_hh.shape[0] // cell.gates, h.shape[0]
    pre, w_hh = _projected(cell, x, w_ih, w_hh, b_ih, b_hh)
    columns = cell.h_columns(hidden)
    inner = np.empty((x.shape[0], hidden), x.dtype, like=x)
    output = inner if w_hr is None else np.empty((x.shape[0], w_hr.shape[0]), x.dtype, like=x)
    cells = None if c is None else np.empty_like(inner)
    count = -1
    for rows, n in _steps(sizes, reverse):
        if n != count:
            count = n
            step = cell.stepper(n, hidden, x)
            sums = np.empty((n, cell.gates * hidden), x.dtype, like=x)
            parts = _parts(n, w_hh.size)
        old_h, old_c = (h, c) if n == batch else (h[:n], None if c is None else c[:n])
        now, new_h, new_c = pre[rows], inner[rows], None if cells is None else cells[rows]
        _multiply(old_h, w_hh, sums, parts)
        target = now[:, columns]
        np.add(target, sums, out=target)
        step(now, old_h, old_c, new_h, new_c)
        if w_hr is not None:
            new_h = np.matmul(new_h, w_hr.T, out=output[rows])
        h = _updated(h, new_h)
        if c is not None:
            c = _updated(c, new_c)
    output = np.reshape(output, (*shape[:-1], output.shape[-1]))
    gates = None if cell.blocks == 1 else pre  # the one gate of a simple cell is its output
    made = (output, h.copy(), None if c is None else c.copy(), gates, cells)
    return tuple([None if array is None else array.astype(dtype, copy=False) for array in made])


def _projected(cell: Cell, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> tuple[Any, Any]:
    """``pre`` of all rows but for the products of the state, and the matrix for these; scaled as the cell wants it."""
    hidden = w_hh.shape[0] // cell.gates
    x_columns, h_columns = cell.x_columns(hidden), cell.h_columns(hidden)
    scale = cell.scale(hidden, x.dtype)
    w_ih, w_hh = cell.arrange(w_ih).T, w_hh.T
    if scale is not None:
        w_ih, w_hh = w_ih * scale[x_columns], np.multiply(w_hh, scale[h_columns], order="C")
    pre = np.empty((x.shape[0], cell.blocks * hidden), x.dtype, like=x)
    if cell.blocks != cell.gates:
        pre[:, x_columns.stop :] = 0
    np.matmul(x, w_ih, out=pre[:, x_columns])
    if b_ih is not None:
        bias = np.zeros(cell.blocks * hidden, x.dtype, like=x)
        bias[x_columns] += cell.arrange(b_ih)
        bias[h_columns] += b_hh
        pre += bias if scale is None else bias * scale
    return pre, w_hh


def sweep_back(
    name: str, seeds: Sequence[Any], inputs: Sequence[Any], sizes: Sequence[int], reverse: bool,
    wanted: Sequence[bool], output: Any, gates: Any, cells: Any,
) -> list[Any]:  # fmt: skip
    """The gradients of the wanted inputs (x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)."""
    cell, shape = CELLS[name], inputs[0].shape
    x, h0, c0, w_ih, w_hh, _, _, w_hr = _widened(_as_rows(inputs[0]), *inputs[1:])
    output, gates, cells = _widened(_as_rows(output), gates, cells)
    g_output, g_h, g_c, g_gates, g_cells = _widened(_as_rows(seeds[0]), *seeds[1:])
    hidden, batch = w_hh.shape[0] // cell.gates, h0.shape[0]
    steps, blocks = _steps(sizes, reverse), (x.shape[0], cell.blocks, hidden)
    old_h = _previous(output, h0, steps, reverse)
    old_c = None if cells is None else _previous(cells, c0, steps, reverse)

    gates = np.reshape(output if gates is None else gates, blocks)
    slopes, other = cell.partials(gates, old_h, old_c, cells)
    slopes = cell.through(slopes, gates)
    d_pre = np.reshape(slopes, (x.shape[0], cell.blocks * hidden))  # the loop turns the one into the other
    extra = (
        None if g_gates is None else np.reshape(cell.through(np.reshape(g_gates, blocks).copy(), gates), d_pre.shape)
    )
    dh = np.zeros_like(h0) if g_h is None else g_h.copy()
    dc = None if c0 is None else np.zeros_like(c0) if g_c is None else g_c.copy()
    d_out: Any = None if w_hr is None else np.empty_like(output)
    columns = cell.h_columns(hidden)
    for rows, n in reversed(steps):
        d, dcn = (dh, dc) if n == batch else (dh[:n], None if dc is None else dc[:n])
        if g_output is not None:
            d += g_output[rows]
        if g_cells is not None:
            dcn += g_cells[rows]
        inner = d
        if w_hr is not None:
            d_out[rows] = d
            inner = np.matmul(d, w_hr)
        cell.step_back(inner, dcn, slopes[rows], other, rows)
        now = d_pre[rows]
        if extra is not None:
            now += extra[rows]
        around = d.copy() if cell.keeps else None
        _multiply(now[:, columns], w_hh, d, _parts(n, w_hh.size))
        if around is not None:
            d += around

    d_x, d_h = d_pre[:, cell.x_columns(hidden)], d_pre[:, columns]
    gradients: dict[str, Callable[[], Any]] = {
        "x": lambda: np.reshape(np.matmul(d_x, cell.arrange(w_ih)), shape),
        "h0": lambda: dh,
        "c0": lambda: dc,
        "w_ih": lambda: cell.arrange(np.matmul(d_x.T, x), back=True),
        "w_hh": lambda: np.matmul(d_h.T, old_h),
        "b_ih": lambda: cell.arrange(np.add.reduce(d_x, 0), back=True),
        "b_hh": lambda: np.add.reduce(d_h, 0),
        "w_hr": lambda: np.matmul(d_out.T, gates[:, 3] * np.tanh(cells)),
    }
    asked = [(gradients[name], like) for name, like, want in zip(INPUTS, inputs, wanted, strict=True) if want]
    return [gradient().astype(like.dtype, copy=False) for gradient, like in asked]


# ---- step by step, plainly -------------------------------------------------------------------------------------------


def plain_sweep(name: str, inputs: Sequence[Any], sizes: Sequence[int], reverse: bool) -> tuple[Any, ...]:
    """As ``sweep``, in plain NumPy that works on Tensors: the definition."""
    x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = inputs
    cell, shape = CELLS[name], x.shape
    sums = np.matmul(_as_rows(x), np.swapaxes(w_ih, 0, 1))
    if b_ih is not None:
        sums = sums + b_ih
    parts: list[Any] = np.split(sums, list(accumulate(sizes))[:-1])
    made: list[tuple[Any, ...]] = []
    for part in parts[::-1] if reverse else parts:
        n = part.shape[0]
        recurrent = np.matmul(h[:n], np.swapaxes(w_hh, 0, 1))
        if b_hh is not None:
            recurrent = recurrent + b_hh
        gates, new_h, new_c = cell.plain(part, recurrent, h[:n], None if c is None else c[:n])
        if w_hr is not None:
            new_h = np.matmul(new_h, np.swapaxes(w_hr, 0, 1))
        h = _updated(h, new_h)
        c = None if c is None else _updated(c, new_c)
        made.append((new_h, gates, new_c))
    if reverse:
        made = made[::-1]
    parts = [None if row[0] is None else np.concatenate(row) for row in zip(*made, strict=True)]
    output, gates, cells = parts
    return np.reshape(output, (*shape[:-1], output.shape[-1])), h, c, gates, cells


def sweep_along(
    name: str, tangents: Sequence[Any], inputs: Sequence[Any], sizes: Sequence[int], reverse: bool,
    output: Any, gates: Any, cells: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """How what ``sweep`` returns moves, when its inputs move along ``tangents`` (None: not at all); in plain NumPy."""
    x, h, c, w_ih, w_hh, _, _, w_hr = inputs
    t_x, t_h, t_c, t_ih, t_hh, t_b_ih, t_b_hh, t_hr = tangents
    shape, x, output = output.shape, _as_rows(x), _as_rows(output)
    steps, cell = _steps(sizes, reverse), CELLS[name]
    gates = output if gates is None else gates
    old_h = _previous(output, h, steps, reverse)
    old_c = [] if c is None else _previous(cells, c, steps, reverse)
    a = _sums_along(x, w_ih, _as_rows(t_x), t_ih, t_b_ih)
    b = _sums_along(old_h, w_hh, None, t_hh, t_b_hh)
    t_h = np.zeros_like(h) if t_h is None else t_h
    t_c = np.zeros_like(c) if c is not None and t_c is None else t_c
    made: list[tuple[Any, ...]] = []
    for rows, n in steps:
        now = b[rows] + np.matmul(t_h[:n], np.swapaxes(w_hh, 0, 1))
        states = (None, None) if c is None else (old_c[rows], cells[rows])
        t_gates, new_h, new_c = cell.along(
            a[rows], now, t_h[:n], None if c is None else t_c[:n], gates[rows], old_h[rows], *states
        )
        if w_hr is not None:
            inner = np.split(gates[rows], 4, 1)[3] * np.tanh(cells[rows])
            new_h = _sums_along(inner, w_hr, new_h, t_hr, None)
        t_h = _updated(t_h, new_h)
        t_c = None if c is None else _updated(t_c, new_c)
        made.append((new_h, t_gates, new_c))
    parts: list[Any] = [np.zeros_like(output), np.zeros_like(gates), None if c is None else np.zeros_like(cells)]
    if made:
        columns = zip(*(made[::-1] if reverse else made), strict=True)
        parts = [None if column[0] is None else np.concatenate(column) for column in columns]
    t_output, t_gates, t_cells = parts
    return np.reshape(t_output, shape), t_h, t_c, t_gates, t_cells


def _sums_along(left: Any, weight: Any, t_left: Any, t_weight: Any, t_bias: Any) -> Any:
    """How ``left @ weight.T + bias`` moves."""
    if t_weight is None and t_left is None:
        t_weight = np.zeros_like(weight)
    parts = [] if t_left is None else [np.matmul(t_left, np.swapaxes(weight, 0, 1))]
    if t_weight is not None:
        parts.append(np.matmul(left, np.swapaxes(t_weight, 0, 1)))
    return sum(parts if t_bias is None else [*parts, t_bias])


def plain_gradient(
    name: str, values: Sequence[Any], sizes: Sequence[int], reverse: bool, wanted: Sequence[bool]
) -> list[Any]:
    """As ``sweep_back``: found by the engine. The first five values are the seeds."""
    found = pull_back(lambda inputs: plain_sweep(name, inputs, sizes, reverse), values[5:], values[:5])
    return [g for g, want in zip(found, wanted, strict=True) if want]
