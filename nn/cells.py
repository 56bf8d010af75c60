"""Recurrent cells: one step of a recurrent layer."""

from __future__ import annotations

import math
from typing import Any

from autograd import ArgumentError, ShapeError, Tensor, empty, zeros
from autograd.ops.recurrence import gru, lstm, rnn

from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share.

    The parameters are ``weight_ih``, ``weight_hh``, ``bias_ih``, ``bias_hh``, uniform within 1 / sqrt(hidden_size).
    """

    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, dtype=dtype, device=device))
        self.weight_hh = Parameter(empty(rows, hidden_size, dtype=dtype, device=device))
        self.register_parameter("bias_ih", Parameter(empty(rows, dtype=dtype, device=device)) if bias else None)
        self.register_parameter("bias_hh", Parameter(empty(rows, dtype=dtype, device=device)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and the settings that are not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += ", bias=False"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _batched(self, x: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
        """Input and states as batches of rows; of what is None, zeros."""
        kind = type(self).__name__
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{kind}: expected input of shape (batch, {self.input_size}) or ({self.input_size},), got "
                f"{tuple(x.shape)}"
            )
        expected = (*x.shape[:-1], self.hidden_size)
        for state in states:
            if state is not None and tuple(state.shape) != expected:
                raise ShapeError(
                    f"{kind}: for input of shape {tuple(x.shape)} a state has shape {expected}, got "
                    f"{tuple(state.shape)}"
                )
        found = [zeros(*expected, dtype=x.dtype) if state is None else state for state in states]
        return tuple([each.unsqueeze(0) if x.ndim == 1 else each for each in (x, *found)])


class RNNCell(RNNCellBase):
    """``tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, or with ReLU.

    Args:
        input_size, hidden_size: features of the input and of the state.
        bias: whether there are b_ih and b_hh.
        nonlinearity: "tanh" or "relu".
        device: None or "cpu".
        dtype: of the parameters.

    Shape: input (batch, input_size) or (input_size,), state and output with hidden_size.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNNCell: nonlinearity is 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state.

        Raises: ShapeError.
        """
        x, h = self._batched(input, (hx,))
        h = rnn(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.nonlinearity).h
        return h.squeeze(0) if input.ndim == 1 else h


class GRUCell(RNNCellBase):
    """One step of ``GRU``.

    Args:
        input_size, hidden_size: features of the input and of the state.
        bias: whether there are b_ih and b_hh.
        device: None or "cpu".
        dtype: of the parameters.

    Shape: input (batch, input_size) or (input_size,), state and output with hidden_size.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state.

        Raises: ShapeError.
        """
        x, h = self._batched(input, (hx,))
        h = gru(x, h, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh).h
        return h.squeeze(0) if input.ndim == 1 else h


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``.

    Args:
        input_size, hidden_size: features of the input and of the state.
        bias: whether there are b_ih and b_hh.
        device: None or "cpu".
        dtype: of the parameters.

    Shape: input (batch, input_size) or (input_size,), h and c with hidden_size.

    >>> import autograd, nn
    >>> h, c = nn.LSTMCell(3, 4)(autograd.zeros(2, 3))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The new (h, c).

        Raises: ShapeError; TypeError if ``hx`` is not a pair.
        """
        if hx is not None and (isinstance(hx, Tensor) or len(hx) != 2):
            raise TypeError("LSTMCell: hx must be a pair (h_0, c_0) of Tensors")
        x, h, c = self._batched(input, (None, None) if hx is None else tuple(hx))
        made = lstm(x, h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return (made.h.squeeze(0), made.c.squeeze(0)) if input.ndim == 1 else (made.h, made.c)
