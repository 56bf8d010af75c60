"""Recurrent layers over whole sequences."""

from __future__ import annotations

import math
from typing import Any

from autograd import ArgumentError, DtypeError, ShapeError, Tensor, cat, empty, stack, zeros
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.ops.recurrence import gru, lstm, rnn

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RNNBase(Module):
    """What the recurrent layers share: parameters, layers and directions, packed sequences.

    The parameters are ``weight_ih_l0`` (gates * hidden_size, input_size), ``weight_hh_l0``, ``bias_ih_l0``,
    ``bias_hh_l0``, with a projection ``weight_hr_l0``; the same with ``_reverse`` for the other direction; then those
    of the layers l1, l2, ... All are drawn uniformly within 1 / sqrt(hidden_size).
    """

    @explained
    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if mode not in _GATES:
            raise ArgumentError(f"RNNBase: mode is one of {', '.join(_GATES)}, got {mode!r}")
        kind = type(self).__name__
        _check_sizes(kind, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        for name, value in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(value, bool):
                raise TypeError(f"{kind}: {name} must be True or False, got {type(value).__name__} {value!r}")
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ArgumentError(f"{kind}: dropout is a probability between 0 and 1, got {dropout!r}")
        if dropout > 0 and num_layers == 1:
            warn(f"{kind}: dropout={dropout} acts between layers, and with num_layers=1 there is no such place")
        if not 0 <= proj_size < hidden_size:
            raise ArgumentError(f"{kind}: proj_size must be from 0 (none) to less than {hidden_size=}, got {proj_size}")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        gates, width = _GATES[mode] * hidden_size, proj_size or hidden_size
        directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else width * directions
            shapes = [(gates, inputs), (gates, width), (gates,), (gates,), (proj_size, hidden_size)]
            for direction in range(directions):
                for name, shape in zip(_names(layer, direction), shapes, strict=True):
                    if self._has(name):
                        setattr(self, name, Parameter(empty(*shape, dtype=dtype, device=device)))
        self.reset_parameters()

    def _has(self, name: str) -> bool:
        """Whether these settings give it this parameter."""
        return self.bias if name.startswith("bias") else self.proj_size > 0 or not name.startswith("weight_hr")

    def _weights(self, layer: int, direction: int) -> list[Any]:
        """w_ih, w_hh, b_ih, b_hh, w_hr; None for what there is not."""
        return [getattr(self, name, None) for name in _names(layer, direction)]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        directions = 2 if self.bidirectional else 1
        every = [self._weights(layer, direction) for layer in range(self.num_layers) for direction in range(directions)]
        return [[weight for weight in weights if weight is not None] for weights in every]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of the parameters, for PyTorch's programs that initialize them one by one."""
        return list(self._parameters)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: here for programs that call it. Parameters need no special place in memory."""

    def extra_repr(self) -> str:
        """The sizes, and the settings that are not the default."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        defaults["bidirectional"] = False
        parts += [f"{name}={value}" for name, given in defaults.items() if (value := getattr(self, name)) != given]
        return ", ".join(parts)

    # ---- forward -------------------------------------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The output, and the last h of all layers and directions.

        Raises: ShapeError, DtypeError.
        """
        output, (h,) = self._run(input, None if hx is None else (hx,))
        return output, h

    def _sweep(self, x: Any, states: list[Any], weights: list[Any], sizes: Any, reverse: bool) -> Any:
        """One layer in one direction: a result with ``output``, ``h`` and perhaps ``c``."""
        raise NotImplementedError

    def _run(self, input: Any, hx: tuple[Any, ...] | None) -> tuple[Any, list[Any]]:
        """The output, and the last states: h, or h and c, of all layers."""
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        self._check_input(x, packed)
        order = input.sorted_indices if packed else None
        sizes = tuple(input.batch_sizes.tolist()) if packed else None
        alone = not packed and x.ndim == 2
        if alone:
            x = x.unsqueeze(1)
        elif self.batch_first and not packed:
            x = x.transpose(0, 1)
        directions = 2 if self.bidirectional else 1
        count = self.num_layers * directions
        firsts = self._first_states(hx, count, sizes[0] if sizes else x.shape[1], alone, order, x.dtype)
        lasts = []
        for layer in range(self.num_layers):
            made = []
            for direction in range(directions):
                k = layer * directions + direction
                result = self._sweep(
                    x, [first[k] for first in firsts], self._weights(layer, direction), sizes, direction == 1
                )
                made.append(result.output)
                lasts.append([result.h, result.c] if len(firsts) == 2 else [result.h])
            x = made[0] if directions == 1 else cat(made, -1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout)
        states = [stack(parts) if count > 1 else parts[0].unsqueeze(0) for parts in zip(*lasts, strict=True)]
        if packed:
            if order is not None:
                states = [state.index_select(1, input.unsorted_indices) for state in states]
            return PackedSequence(x, *input[1:]), states
        if alone:
            return x.squeeze(1), [state.squeeze(1) for state in states]
        return (x.transpose(0, 1) if self.batch_first else x), states

    def _check_input(self, x: Any, packed: bool) -> None:
        kind = type(self).__name__
        dims = (2,) if packed else (2, 3)
        if x.ndim not in dims:
            what = "packed data (rows, features)" if packed else "(time, batch, features), or (time, features)"
            raise ShapeError(f"{kind}: expected input of shape {what}, got shape {tuple(x.shape)}")
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{kind}: the last dimension of the input must be input_size={self.input_size}, got shape "
                f"{tuple(x.shape)}"
            )
        weight = self._weights(0, 0)[0]
        if x.dtype != weight.dtype:
            raise DtypeError(
                f"{kind}: the input is {x.dtype}, but the weights are {weight.dtype}; convert the input, "
                f"input.to({str(weight.dtype)!r}), or the model, model.to({str(x.dtype)!r})"
            )
        if not x.shape[1 if self.batch_first and x.ndim == 3 else 0]:
            raise ShapeError(f"{kind}: the sequence is empty: input of shape {tuple(x.shape)} has no steps")

    def _first_states(
        self, hx: tuple[Any, ...] | None, count: int, batch: int, alone: bool, order: Any, dtype: Any
    ) -> list[Any]:
        """For h (and c) the first state of each layer and direction, in the order of the sequences."""
        widths = [self.proj_size or self.hidden_size] + ([self.hidden_size] if self.mode == "LSTM" else [])
        if hx is None:
            return [[zeros(batch, width, dtype=dtype)] * count for width in widths]
        for name, state, width in zip(("h_0", "c_0"), hx, widths, strict=False):
            expected = (count, width) if alone else (count, batch, width)
            if tuple(state.shape) != expected:
                raise ShapeError(
                    f"{type(self).__name__}: {name} has shape {tuple(state.shape)}; expected {expected}, that is "
                    f"(layers * directions, {'' if alone else 'batch, '}features)"
                )
        states = [state.unsqueeze(1) if alone else state for state in hx]
        return states if order is None else [state.index_select(1, order) for state in states]


def _names(layer: int, direction: int) -> list[str]:
    end = f"_l{layer}{'_reverse' if direction else ''}"
    return [name + end for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")]


def _check_sizes(kind: str, **sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{kind}: {name} must be an int, got {type(size).__name__} {size!r}")
        if size <= 0:
            raise ArgumentError(f"{kind}: {name} must be greater than zero, got {size}")


class RNN(RNNBase):
    """``h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, step by step; or with ReLU.

    Args:
        input_size, hidden_size: features of the input and of the state.
        num_layers: of which each takes the output of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, time, features), and not (time, batch, features).
        dropout: its probability on the outputs of all layers but the last.
        bidirectional: a second set of weights runs from the end; the outputs stand side by side.
        device: None or "cpu".
        dtype: of the parameters.

    Shape: input (time, batch, input_size), (time, input_size), or a PackedSequence; output the same with features
        directions * hidden_size; states (num_layers * directions, batch, hidden_size), or without batch.

    >>> import autograd, nn
    >>> output, h = nn.RNN(3, 4)(autograd.zeros(5, 2, 3))
    >>> output.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"RNN: nonlinearity is 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip

    def _sweep(self, x: Any, states: list[Any], weights: list[Any], sizes: Any, reverse: bool) -> Any:
        w_ih, w_hh, b_ih, b_hh, _ = weights
        return rnn(x, states[0], w_ih, w_hh, b_ih, b_hh, self.nonlinearity, sizes, reverse)


class GRU(RNNBase):
    """Gated recurrent units: reset gate r, update gate z, new state n; ``h = (1 - z) * n + z * h``, step by step.

    Args:
        input_size, hidden_size: features of the input and of the state.
        num_layers: of which each takes the output of the one before.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, time, features), and not (time, batch, features).
        dropout: its probability on the outputs of all layers but the last.
        bidirectional: a second set of weights runs from the end; the outputs stand side by side.
        device: None or "cpu".
        dtype: of the parameters.

    Shape: as for ``RNN``; the rows of the weights are those for r, z, n.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.

    >>> import autograd, nn
    >>> output, h = nn.GRU(3, 4)(autograd.zeros(5, 2, 3))  # five steps, a batch of two
    >>> output.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    def _sweep(self, x: Any, states: list[Any], weights: list[Any], sizes: Any, reverse: bool) -> Any:
        w_ih, w_hh, b_ih, b_hh, _ = weights
        return gru(x, states[0], w_ih, w_hh, b_ih, b_hh, sizes, reverse)


class LSTM(RNNBase):
    """Long short-term memory: gates i, f, g, o; ``c = f * c + i * g``, ``h = o * tanh(c)``, step by step.

    Call it with the input, and optionally with the states ``(h, c)`` to start from (zeros by default); it returns
    ``(output, (h, c))``: the last layer's h at every step, and the states of all layers after the last step.

    Args:
        input_size, hidden_size: features of the input and of the state.
        num_layers: how many layers; each takes the output of the one before.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, time, features), and not (time, batch, features).
        dropout: its probability on the outputs of all layers but the last.
        bidirectional: a second set of weights runs from the end; the outputs stand side by side.
        proj_size: how many features h is projected to; 0 for no projection.
        device: None or "cpu".
        dtype: of the parameters.

    Shape: input (time, batch, input_size), (time, input_size), or a PackedSequence; output the same with features
        directions * hidden_size; states (num_layers * directions, batch, hidden_size), or without batch. With
        proj_size, h and the output have proj_size features. The rows of the weights are those for i, f, g, o.

    Source: F. A. Gers et al., Learning to forget: continual prediction with LSTM, 2000; the projection: H. Sak et al.,
    Long short-term memory recurrent neural network architectures for large scale acoustic modeling, 2014.

    >>> import autograd, nn
    >>> output, (h, c) = nn.LSTM(3, 4, num_layers=2)(autograd.zeros(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    ((5, 2, 4), (2, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device,
            dtype,
        )  # fmt: skip

    def _sweep(self, x: Any, states: list[Any], weights: list[Any], sizes: Any, reverse: bool) -> Any:
        w_ih, w_hh, b_ih, b_hh, w_hr = weights
        return lstm(x, states[0], states[1], w_ih, w_hh, b_ih, b_hh, w_hr, sizes, reverse)

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """The output, and the last (h, c) of all layers and directions.

        Raises: ShapeError, DtypeError; TypeError if ``hx`` is not a pair.
        """
        if hx is not None and (isinstance(hx, Tensor) or len(hx) != 2):
            raise TypeError("LSTM: hx must be a pair (h_0, c_0) of Tensors")
        output, (h, c) = self._run(input, None if hx is None else tuple(hx))
        return output, (h, c)
