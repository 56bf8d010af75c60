"""Recurrent layers: ``rnn``, ``lstm`` and ``gru`` each sweep a whole layer over time, in one direction, as one op.

The products of the input for all steps are one matrix product before the loop over time, and the gradients of the
weights one after it; in between, a step is a small product and a few elementwise calls. All three share
``recurrence_backward``. That is an op itself, whose own derivative is that of the recurrence written out step by step.

Shape, of every op here: x (time, batch, features); or (rows, features), which is one step for a batch of that many
rows or, with ``batch_sizes``, what a ``PackedSequence`` holds. Weights and biases are PyTorch's, with its order of
gates. The output is shaped as x; h, c are the last states (batch, hidden); ``gates`` and ``cells`` (what was in c all
the time) are kept for backward, as rows.
"""

from __future__ import annotations

from typing import Any

from .._op import op
from ..errors import DtypeError
from ..samples import Case, case, reals
from .pullback import pull_back
from .recurrent_sweeps import plain_gradient, sizes_of, sweep, sweep_along, sweep_back

__all__ = ["gru", "lstm", "recurrence_backward", "rnn"]


def _arrays(gates: int, *shape: int, hidden: int = 2, bias: bool = True, width: int | None = None) -> dict[str, Any]:
    """Inputs to test with; ``width`` is that of a projection."""
    batch = shape[-2]
    found = {
        "x": reals(shape=shape),
        "h0": reals(-1, 1, shape=(batch, width or hidden)),
        "w_ih": reals(-1, 1, shape=(gates * hidden, shape[-1])),
        "w_hh": reals(-1, 1, shape=(gates * hidden, width or hidden)),
    }
    if gates == 4:
        found["c0"] = reals(-1, 1, shape=(batch, hidden))
    if bias:
        found |= {name: reals(-1, 1, shape=(gates * hidden,)) for name in ("b_ih", "b_hh")}
    if width:
        found["w_hr"] = reals(-1, 1, shape=(width, hidden))
    return found


def _packed(arrays: dict[str, Any], batch: int) -> dict[str, Any]:
    """The same for sequences of various lengths: fewer in a batch than there are rows."""
    states = {name: reals(-1, 1, shape=(batch, arrays[name].shape[1])) for name in ("h0", "c0") if name in arrays}
    return arrays | states


def _samples(gates: int, **others: Any) -> list[Case]:
    return [
        case(**_arrays(gates, 3, 2, 2, hidden=1), **others),
        case(**_arrays(gates, 2, 1, 2, bias=False), reverse=True, **others),
        case(**_arrays(gates, 2, 1), **others),
        case(**_packed(_arrays(gates, 4, 2), 2), batch_sizes=(2, 1, 1), **others),
        case(**_packed(_arrays(gates, 3, 1), 2), batch_sizes=(2, 1), reverse=True, **others),
        case(**_arrays(gates, 2, 0, 1), **others),
    ]


def _by_need(found: list[Any], needs: tuple[bool, ...]) -> tuple[Any, ...]:
    """What there is for the inputs that need it, None for the others."""
    rest = iter(found)
    return tuple([next(rest) if need else None for need in needs])


# ---- the gradient ----------------------------------------------------------------------------------------------------


def _second(
    g: Any, x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, c0: Any, w_hr: Any,
    g_output: Any, g_h: Any, g_c: Any, g_gates: Any, g_cells: Any, cell: str, batch_sizes: Any,
    reverse: bool, wanted: Any, needs: Any,
) -> tuple[Any, ...]:  # fmt: skip
    sizes = sizes_of(x, batch_sizes)
    values = [g_output, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr]
    d = pull_back.kernel(lambda points: plain_gradient(cell, points, sizes, reverse, wanted), values, g)
    ordered = (*d[5:7], *d[8:12], d[7], d[12], *d[:5])
    return tuple([each if need else None for each, need in zip(ordered, needs, strict=True)])


_ALL = (True, True, False, True, True, True, True, False)


@op(
    joint=_second,
    inputs=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "c0", "w_hr", "g_output", "g_h", "g_c", "g_gates", "g_cells"),
    constants=("output", "gates", "cells"),
    outputs="many",
    samples=[
        case(**_arrays(1, 2, 1, 2), g_output=reals(shape=(2, 1, 2)), cell="tanh", wanted=_ALL),
        case(**_arrays(3, 2, 1, 1), g_output=reals(shape=(2, 1, 2)), g_gates=reals(shape=(2, 8)), cell="gru",
             wanted=_ALL),
        case(**_packed(_arrays(4, 3, 1, width=1), 2), g_output=reals(shape=(3, 1)), g_cells=reals(shape=(3, 2)),
             g_h=reals(shape=(2, 1)), g_c=reals(shape=(2, 2)), batch_sizes=(2, 1), cell="lstm", wanted=(True,) * 8),
        case(**_arrays(4, 2, 1, 1, bias=False), g_output=reals(shape=(2, 1, 2)), cell="lstm", reverse=True,
             wanted=(True, *(False,) * 7)),
        case(**_arrays(1, 2, 1, 1), g_h=reals(shape=(1, 2)), cell="tanh", wanted=_ALL),
    ],
)  # fmt: skip
def recurrence_backward(
    x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, c0: Any = None, w_hr: Any = None,
    g_output: Any = None, g_h: Any = None, g_c: Any = None, g_gates: Any = None, g_cells: Any = None,
    cell: str = "tanh", batch_sizes: Any = None, reverse: bool = False, wanted: tuple[bool, ...] = _ALL,
    output: Any = None, gates: Any = None, cells: Any = None,
) -> Any:  # fmt: skip
    """The gradients of a recurrent layer's inputs, from those of its outputs (each of which may be None).

    Args:
        cell: tanh, relu, gru or lstm.
        wanted: whether to return the gradient of x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr.
        output, gates, cells: what the layer made of the inputs; made again if ``output`` is not given.
    """
    inputs = (x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)
    if output is None:
        output, _, _, gates, cells = sweep(cell, *inputs, batch_sizes, reverse)
    seeds = (g_output, g_h, g_c, g_gates, g_cells)
    return sweep_back(cell, seeds, inputs, sizes_of(x, batch_sizes), reverse, wanted, output, gates, cells)


# ---- the layers ------------------------------------------------------------------------------------------------------


def _rnn_rule(
    g_output: Any, g_h: Any, x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, nonlinearity: str,
    batch_sizes: Any, reverse: bool, output: Any, needs: Any,
) -> tuple[Any, ...]:  # fmt: skip
    wanted = (*needs[:2], False, *needs[2:], False)
    found = recurrence_backward.kernel(
        x, h0, w_ih, w_hh, b_ih, b_hh, g_output=g_output, g_h=g_h, cell=nonlinearity, batch_sizes=batch_sizes,
        reverse=reverse, wanted=wanted, output=output,
    )  # fmt: skip
    return _by_need(found, needs)


def _rnn_along(
    t_x: Any, t_h0: Any, t_w_ih: Any, t_w_hh: Any, t_b_ih: Any, t_b_hh: Any, x: Any, h0: Any, w_ih: Any, w_hh: Any,
    nonlinearity: str, batch_sizes: Any, reverse: bool, output: Any,
) -> tuple[Any, ...]:  # fmt: skip
    tangents = (t_x, t_h0, None, t_w_ih, t_w_hh, t_b_ih, t_b_hh, None)
    inputs = (x, h0, None, w_ih, w_hh, None, None, None)
    return sweep_along(nonlinearity, tangents, inputs, sizes_of(x, batch_sizes), reverse, output, None, None)[:2]


@op(
    joint=_rnn_rule,
    jvp=_rnn_along,
    inputs=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh"),
    outputs=("output", "h"),
    samples=[*_samples(1), case(**_arrays(1, 2, 1, 2), nonlinearity="relu")],
)
def rnn(
    x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, nonlinearity: str = "tanh",
    batch_sizes: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """``h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, step by step.

    Args:
        x, h0, w_ih, w_hh, b_ih, b_hh: sequence, first state, weights and biases (both or none).
        nonlinearity: tanh or relu.
        batch_sizes: how many rows each step has, if their number varies.
        reverse: from the last step to the first.

    Raises: ShapeError; DtypeError for complex numbers with relu.

    Source: J. L. Elman, Finding structure in time, 1990.
    """
    if nonlinearity == "relu" and x.dtype.kind == "c":
        raise DtypeError("rnn: complex numbers have no order, which relu needs; use nonlinearity='tanh'")
    return sweep(nonlinearity, x, h0, None, w_ih, w_hh, b_ih, b_hh, None, batch_sizes, reverse)[:2]


def _gru_rule(
    g_output: Any, g_h: Any, g_gates: Any, x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    batch_sizes: Any, reverse: bool, output: Any, gates: Any, needs: Any,
) -> tuple[Any, ...]:  # fmt: skip
    wanted = (*needs[:2], False, *needs[2:], False)
    found = recurrence_backward.kernel(
        x, h0, w_ih, w_hh, b_ih, b_hh, g_output=g_output, g_h=g_h, g_gates=g_gates, cell="gru", batch_sizes=batch_sizes,
        reverse=reverse, wanted=wanted, output=output, gates=gates,
    )  # fmt: skip
    return _by_need(found, needs)


def _gru_along(
    t_x: Any, t_h0: Any, t_w_ih: Any, t_w_hh: Any, t_b_ih: Any, t_b_hh: Any, x: Any, h0: Any, w_ih: Any, w_hh: Any,
    batch_sizes: Any, reverse: bool, output: Any, gates: Any,
) -> tuple[Any, ...]:  # fmt: skip
    tangents = (t_x, t_h0, None, t_w_ih, t_w_hh, t_b_ih, t_b_hh, None)
    inputs = (x, h0, None, w_ih, w_hh, None, None, None)
    moved = sweep_along("gru", tangents, inputs, sizes_of(x, batch_sizes), reverse, output, gates, None)
    return moved[0], moved[1], moved[3]


@op(
    joint=_gru_rule,
    jvp=_gru_along,
    inputs=("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh"),
    outputs=("output", "h", "gates"),
    samples=_samples(3),
)
def gru(
    x: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, batch_sizes: Any = None,
    reverse: bool = False,
) -> Any:  # fmt: skip
    """Gated recurrent units: gates r, z, n from the sums a of x and b of h; ``h = n + z * (h - n)``, step by step.

    r and z are ``sigmoid(a + b)`` each of its own part, ``n = tanh(a + r * b)``.

    Args:
        x, h0, w_ih, w_hh, b_ih, b_hh: sequence, first state, weights and biases (both or none).
        batch_sizes: how many rows each step has, if their number varies.
        reverse: from the last step to the first.

    Raises: ShapeError.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    """
    output, h, _, gates, _ = sweep("gru", x, h0, None, w_ih, w_hh, b_ih, b_hh, None, batch_sizes, reverse)
    return output, h, gates


def _lstm_rule(
    g_output: Any, g_h: Any, g_c: Any, g_gates: Any, g_cells: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any,
    b_ih: Any, b_hh: Any, w_hr: Any, batch_sizes: Any, reverse: bool, output: Any, gates: Any, cells: Any, needs: Any,
) -> tuple[Any, ...]:  # fmt: skip
    found = recurrence_backward.kernel(
        x, h0, w_ih, w_hh, b_ih, b_hh, c0, w_hr, g_output, g_h, g_c, g_gates, g_cells, "lstm", batch_sizes, reverse,
        needs, output, gates, cells,
    )  # fmt: skip
    return _by_need(found, needs)


def _lstm_along(
    t_x: Any, t_h0: Any, t_c0: Any, t_w_ih: Any, t_w_hh: Any, t_b_ih: Any, t_b_hh: Any, t_w_hr: Any,
    x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, w_hr: Any, batch_sizes: Any, reverse: bool,
    output: Any, gates: Any, cells: Any,
) -> tuple[Any, ...]:  # fmt: skip
    tangents = (t_x, t_h0, t_c0, t_w_ih, t_w_hh, t_b_ih, t_b_hh, t_w_hr)
    inputs = (x, h0, c0, w_ih, w_hh, None, None, w_hr)
    return sweep_along("lstm", tangents, inputs, sizes_of(x, batch_sizes), reverse, output, gates, cells)


@op(
    joint=_lstm_rule,
    jvp=_lstm_along,
    inputs=("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr"),
    outputs=("output", "h", "c", "gates", "cells"),
    samples=[
        *_samples(4),
        case(**_arrays(4, 2, 2, 1, width=1)),
        case(**_packed(_arrays(4, 3, 1, width=1), 2), batch_sizes=(2, 1), reverse=True),
    ],
)
def lstm(
    x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, w_hr: Any = None,
    batch_sizes: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    """Long short-term memory: ``c = f * c + i * g``, ``h = o * tanh(c)`` (times ``w_hr.T``), step by step.

    The gates are parts of ``x @ w_ih.T + b_ih + h @ w_hh.T + b_hh``: i, f, o its sigmoid and g its tanh.

    Args:
        x, h0, c0, w_ih, w_hh, b_ih, b_hh: sequence, first states, weights and biases (both or none).
        w_hr: the projection of h, or None.
        batch_sizes: how many rows each step has, if their number varies.
        reverse: from the last step to the first.

    Raises: ShapeError.

    Source: F. A. Gers et al., Learning to forget: continual prediction with LSTM, 2000.
    """
    return sweep("lstm", x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, reverse)


for _layer in (rnn, gru, lstm):
    _layer.op.fills_absent = False  # most of the outputs have no gradient, and zeros in their place would cost time
