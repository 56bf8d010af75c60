"""What happens in one step of a recurrent layer: the cells RNN, LSTM and GRU, each in three forms.

The inputs of a step are its sums ``x @ w_ih.T + b_ih`` and ``h @ w_hh.T + b_hh``. Their total, ``pre``, becomes the
``gates``, and these turn the state (h, or h and c) into the next one. A cell says this

* fast: ``step`` does it in place, in few NumPy calls;
* backwards: ``partials`` are the derivatives of the new state with respect to the gates, for all steps at once;
  ``through`` leads gradients of the gates to gradients of ``pre``; ``step_back`` is what is left to do step by step;
* plainly: ``plain`` is the definition, in plain NumPy that also works on Tensors, and ``along`` its derivative in
  forward mode.

Everything is laid out in blocks of the hidden size: an LSTM's gates are four blocks, (rows, 4 * hidden).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .exponential import sigmoid

__all__ = ["CELLS", "Cell"]


class Cell:
    """A kind of cell.

    Attributes:
        gates: blocks of the weights ``w_ih`` and ``w_hh``.
        blocks: blocks of ``pre`` and of the gates.
        x_blocks, h_blocks: to which of these blocks the two sums belong: the first and the last ones.
        keeps: whether the gradient of the new h also reaches the old one around the gates.
    """

    gates = 1
    blocks = 1
    keeps = False

    def x_columns(self, hidden: int) -> slice:
        """The columns of ``pre`` to which the sums of the input belong: the first."""
        return slice(0, self.gates * hidden)

    def h_columns(self, hidden: int) -> slice:
        """The columns of ``pre`` to which the sums of the state belong: the last."""
        return slice((self.blocks - self.gates) * hidden, self.blocks * hidden)

    def arrange(self, w: Any, back: bool = False) -> Any:
        """The rows of ``w_ih`` in the order of the blocks of ``pre``; or back in PyTorch's."""
        return w

    def scale(self, hidden: int, dtype: Any) -> Any:
        """What ``step`` wants ``pre`` to be multiplied by, a number for each column; None for 1."""
        return None

    def stepper(self, n: int, hidden: int, like: Any) -> Callable[..., None]:
        """A function ``step(pre, h, c, new_h, new_c)`` for ``n`` rows: makes gates of ``pre``, and the new state."""
        raise NotImplementedError

    def partials(self, gates: Any, old_h: Any, old_c: Any, new_c: Any) -> tuple[Any, Any]:
        """The derivatives with respect to the gates (of what, ``step_back`` knows), and what else that needs."""
        raise NotImplementedError

    def through(self, g: Any, gates: Any) -> Any:
        """From a gradient of the gates to that of ``pre``; both (rows, blocks, hidden). Writes over ``g``."""
        raise NotImplementedError

    def step_back(self, dh: Any, dc: Any, slopes: Any, other: Any, rows: slice) -> None:
        """Multiply ``slopes`` (n, blocks, hidden) by the gradient of the new state, and make that the old one's."""
        np.multiply(dh[:, None], slopes, out=slopes)

    def plain(self, a: Any, b: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        """From the sums ``a`` of the input and ``b`` of the state: gates, new h, new c."""
        raise NotImplementedError

    def along(self, a: Any, b: Any, t_h: Any, t_c: Any, gates: Any, h: Any, c: Any, new_c: Any) -> tuple[Any, Any, Any]:
        """How gates, new h and new c move, if sums move along ``a`` and ``b`` and states along ``t_h`` and ``t_c``."""
        raise NotImplementedError


class Elman(Cell):
    """``h' = tanh(a + b)``, or with ReLU. Source: J. L. Elman, Finding structure in time, 1990."""

    def __init__(self, relu: bool) -> None:
        self.relu = relu

    def stepper(self, n: int, hidden: int, like: Any) -> Callable[..., None]:
        """See ``Cell``."""
        relu = self.relu

        def step(pre: Any, h: Any, c: Any, new_h: Any, new_c: Any) -> None:
            if relu:
                np.maximum(pre, 0, out=new_h)
            else:
                np.tanh(pre, out=new_h)

        return step

    def partials(self, gates: Any, old_h: Any, old_c: Any, new_c: Any) -> tuple[Any, Any]:
        """1: the gate is the new state."""
        return np.ones_like(gates), None

    def through(self, g: Any, gates: Any) -> Any:
        """See ``Cell``."""
        g *= gates > 0 if self.relu else 1 - gates * gates
        return g

    def plain(self, a: Any, b: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        new = np.maximum(a + b, 0) if self.relu else np.tanh(a + b)
        return new, new, None

    def along(self, a: Any, b: Any, t_h: Any, t_c: Any, gates: Any, h: Any, c: Any, new_c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        new = (a + b) * (gates > 0 if self.relu else 1 - gates * gates)
        return new, new, None


class Lstm(Cell):
    """Gates i, f, g, o; ``c' = f * c + i * g``, ``h' = o * tanh(c')``. Source: F. A. Gers et al., 2000."""

    gates = blocks = 4

    def scale(self, hidden: int, dtype: Any) -> Any:
        """1/2 for the sigmoids, for sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: so one tanh is all that a step needs."""
        return np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype), hidden)

    def stepper(self, n: int, hidden: int, like: Any) -> Callable[..., None]:
        """See ``Cell``."""
        scale = self.scale(hidden, like.dtype)
        shift = 1 - scale
        shift[2 * hidden : 3 * hidden] = 0
        product = np.empty((n, hidden), like.dtype, like=like)
        i, f, g, o = [slice(k * hidden, (k + 1) * hidden) for k in range(4)]

        def step(pre: Any, h: Any, c: Any, new_h: Any, new_c: Any) -> None:
            np.tanh(pre, out=pre)
            np.multiply(pre, scale, out=pre)
            np.add(pre, shift, out=pre)
            np.multiply(pre[:, f], c, out=new_c)
            np.multiply(pre[:, i], pre[:, g], out=product)
            np.add(new_c, product, out=new_c)
            np.tanh(new_c, out=product)
            np.multiply(pre[:, o], product, out=new_h)

        return step

    def partials(self, gates: Any, old_h: Any, old_c: Any, new_c: Any) -> tuple[Any, Any]:
        """Of c' by i, f, g and of h' by o; with the derivatives of h' by c' and of c' by c."""
        i, f, g, o = [gates[:, k] for k in range(4)]
        squashed = np.tanh(new_c)
        slopes = np.empty_like(gates)
        slopes[:, 0], slopes[:, 1], slopes[:, 2], slopes[:, 3] = g, old_c, i, squashed
        return slopes, (o * (1 - squashed * squashed), f)

    def through(self, g: Any, gates: Any) -> Any:
        """See ``Cell``."""
        slope = gates - gates * gates
        slope[:, 2] = 1 - gates[:, 2] * gates[:, 2]
        g *= slope
        return g

    def step_back(self, dh: Any, dc: Any, slopes: Any, other: Any, rows: slice) -> None:
        """See ``Cell``."""
        by_c, f = other
        dc += dh * by_c[rows]
        np.multiply(dc[:, None], slopes[:, :3], out=slopes[:, :3])
        np.multiply(dh, slopes[:, 3], out=slopes[:, 3])
        dc *= f[rows]

    def plain(self, a: Any, b: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        i, f, g, o = np.split(a + b, 4, 1)
        i, f, g, o = sigmoid.kernel(i), sigmoid.kernel(f), np.tanh(g), sigmoid.kernel(o)
        c = f * c + i * g
        return np.concatenate([i, f, g, o], 1), o * np.tanh(c), c

    def along(self, a: Any, b: Any, t_h: Any, t_c: Any, gates: Any, h: Any, c: Any, new_c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        i, f, g, o = _blocks(gates, 4)
        sums = a + b
        t_i, t_f, _, t_o = _blocks(sums * (gates - gates * gates), 4)
        t_g = _blocks(sums, 4)[2] * (1 - g * g)
        squashed = np.tanh(new_c)
        t_new = t_f * c + f * t_c + t_i * g + i * t_g
        return np.concatenate([t_i, t_f, t_g, t_o], 1), t_o * squashed + o * (1 - squashed * squashed) * t_new, t_new


class Gru(Cell):
    """Gates r, z, n; ``h' = n + z * (h - n)``. Source: Cho et al., Learning phrase representations, 2014.

    In ``n = tanh(a + r * b)`` the two sums do not meet before r is known, so each has a block of ``pre``: these are n
    (from the input), r, z, and the b of n, which counts as a gate too.
    """

    gates = 3
    blocks = 4
    keeps = True

    def arrange(self, w: Any, back: bool = False) -> Any:
        """From r, z, n to n, r, z; or back."""
        return np.roll(w, w.shape[0] // 3 * (-1 if back else 1), 0)

    def scale(self, hidden: int, dtype: Any) -> Any:
        """1/2 for the sigmoids."""
        return np.repeat(np.array([1, 0.5, 0.5, 1], dtype), hidden)

    def stepper(self, n: int, hidden: int, like: Any) -> Callable[..., None]:
        """See ``Cell``."""
        half = like.dtype.type(0.5)
        product = np.empty((n, hidden), like.dtype, like=like)
        new, r, z, b = [slice(k * hidden, (k + 1) * hidden) for k in range(4)]
        sigmoids = slice(hidden, 3 * hidden)

        def step(pre: Any, h: Any, c: Any, new_h: Any, new_c: Any) -> None:
            logistic = pre[:, sigmoids]
            np.tanh(logistic, out=logistic)
            np.multiply(logistic, half, out=logistic)
            np.add(logistic, half, out=logistic)
            candidate = pre[:, new]
            np.multiply(pre[:, r], pre[:, b], out=product)
            np.add(candidate, product, out=product)
            np.tanh(product, out=candidate)
            np.subtract(h, candidate, out=product)
            np.multiply(pre[:, z], product, out=product)
            np.add(candidate, product, out=new_h)

        return step

    def partials(self, gates: Any, old_h: Any, old_c: Any, new_c: Any) -> tuple[Any, Any]:
        """Of h' by n, r, z, b; with that by h around the gates."""
        n, z = gates[:, 0], gates[:, 2]
        slopes = np.zeros_like(gates)
        slopes[:, 0], slopes[:, 2] = 1 - z, old_h - n
        return slopes, z

    def through(self, g: Any, gates: Any) -> Any:
        """See ``Cell``."""
        n, r, b = gates[:, 0], gates[:, 1], gates[:, 3]
        sigmoids = gates[:, 1:3]
        g[:, 0] *= 1 - n * n
        g[:, 1] += g[:, 0] * b
        g[:, 1:3] *= sigmoids - sigmoids * sigmoids
        g[:, 3] += g[:, 0] * r
        return g

    def step_back(self, dh: Any, dc: Any, slopes: Any, other: Any, rows: slice) -> None:
        """See ``Cell``."""
        np.multiply(dh[:, None], slopes, out=slopes)
        dh *= other[rows]

    def plain(self, a: Any, b: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3, 1), np.split(b, 3, 1)
        r, z = sigmoid.kernel(a_r + b_r), sigmoid.kernel(a_z + b_z)
        n = np.tanh(a_n + r * b_n)
        return np.concatenate([n, r, z, b_n], 1), n + z * (h - n), None

    def along(self, a: Any, b: Any, t_h: Any, t_c: Any, gates: Any, h: Any, c: Any, new_c: Any) -> tuple[Any, Any, Any]:
        """See ``Cell``."""
        (a_r, a_z, a_n), (b_r, b_z, b_n) = _blocks(a, 3), _blocks(b, 3)
        n, r, z, before = _blocks(gates, 4)
        t_r, t_z = (a_r + b_r) * (r - r * r), (a_z + b_z) * (z - z * z)
        t_n = (a_n + t_r * before + r * b_n) * (1 - n * n)
        return np.concatenate([t_n, t_r, t_z, b_n], 1), t_n + t_z * (h - n) + z * (t_h - t_n), None


def _blocks(array: Any, count: int) -> list[Any]:
    """So many equal blocks of columns: as ``np.split``, which takes longer than a step."""
    width = array.shape[1] // count
    return [array[:, k * width : (k + 1) * width] for k in range(count)]


CELLS: dict[str, Cell] = {"tanh": Elman(relu=False), "relu": Elman(relu=True), "lstm": Lstm(), "gru": Gru()}
"""The kinds of cells by name."""
