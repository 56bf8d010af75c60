"""Flat buffers: the parameters of a group one behind the other in one array, and their optimizer state alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.engine.mutation import stamp

__all__ = ["Block"]

PIECE = 1 << 16
"""Elements updated at a time: the arrays of a piece stay in the processor's cache through the whole formula."""


def _shared_buffer(params: Sequence[Tensor], bounds: Sequence[int]) -> Any:
    """The buffer in which another optimizer keeps exactly these parameters, in this order; None if there is none."""
    buffer = params[0]._data.base
    if not isinstance(buffer, np.ndarray) or buffer.shape != (bounds[-1],) or buffer.dtype != params[0].dtype:
        return None
    if not buffer.flags.c_contiguous:
        return None
    start = buffer.ctypes.data
    for p, bound in zip(params, bounds, strict=False):
        array = p._data
        if array.base is not buffer or not array.flags.c_contiguous:
            return None
        if array.ctypes.data != start + bound * array.itemsize:
            return None
    return buffer


class Block:
    """Parameters of one dtype in one buffer, of which each is a view.

    Attributes:
        params: the parameters, in order.
        data: the buffer.
        state: for each name an array as long as the buffer.
        steps: for each parameter how often it was updated.
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self.params = list(params)
        self.count = len(self.params)
        sizes = [p.numel() for p in self.params]
        self.bounds = [0, *np.cumsum(sizes).tolist()]
        self.dtype = self.params[0].dtype
        self.views: list[Any] = [None] * self.count
        shared = _shared_buffer(self.params, self.bounds)
        if shared is None:
            self.data = np.empty(self.bounds[-1], self.dtype)
        else:
            self.data, self.views = shared, [p._data for p in self.params]
        self.state: dict[str, Any] = {}
        self.steps = [0] * self.count
        self._adopt()

    @staticmethod
    def of(params: Sequence[Tensor]) -> list[Block]:
        """The blocks of a group: one for each dtype."""
        kinds: dict[Any, list[Tensor]] = {}
        for p in params:
            kinds.setdefault(p.dtype, []).append(p)
        return [Block(members) for members in kinds.values()]

    def _adopt(self) -> None:
        """Make each parameter that is not a view of this buffer one."""
        for i, p in enumerate(self.params):
            if p._data is not self.views[i]:
                view = self.data[self.bounds[i] : self.bounds[i + 1]].reshape(p.shape)
                view[...] = p._data
                p._data = self.views[i] = view

    def pieces(self, names: Sequence[str]) -> Iterator[tuple[Any, Any, dict[str, Any], int]]:
        """What to update: values, gradients, state and step number, a cache-sized stretch at a time.

        A stretch joins neighbouring parameters that have a gradient and the same number of steps behind them.
        """
        self._adopt()
        self._written = False
        for name in names:
            if name not in self.state:
                self.state[name] = np.zeros(self.data.shape, self.dtype)
        for first, last in self._runs():
            step = self.steps[first] + 1
            self.steps[first:last] = [step] * (last - first)
            start, end = self.bounds[first], self.bounds[last]
            g = self._gradient(first, last)
            self._written = True
            for low in range(start, end, PIECE):
                high = min(low + PIECE, end)
                state = {name: self.state[name][low:high] for name in names}
                yield self.data[low:high], g[low - start : high - start], state, step

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Neighbouring parameters with gradients and equal step numbers; a large parameter is a run of its own."""
        first = 0
        while first < self.count:
            if self.params[first]._grad is None:
                first += 1
                continue
            last, step = first + 1, self.steps[first]
            while (
                last < self.count
                and self.params[last]._grad is not None
                and self.steps[last] == step
                and self.bounds[last + 1] - self.bounds[first] <= PIECE
            ):
                last += 1
            yield first, last
            first = last

    def _gradient(self, first: int, last: int) -> Any:
        """The gradients of neighbouring parameters as one flat array."""
        grads = [np.ravel(p._grad._data) for p in self.params[first:last]]
        return grads[0] if len(grads) == 1 else np.concatenate(grads)

    def written(self) -> None:
        """Tell the mutation clock that the parameters were overwritten."""
        if self._written:
            stamp(self.data)

    def states(self) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        """For each parameter that was updated its step number and its state, as Tensors that share memory."""
        for i, p in enumerate(self.params):
            if self.steps[i]:
                place = slice(self.bounds[i], self.bounds[i + 1])
                arrays = {name: Tensor(array[place].reshape(p.shape)) for name, array in self.state.items()}
                yield p, {"step": self.steps[i], **arrays}

    def load(self, found: dict[int, tuple[int, dict[str, Any]]], names: Sequence[str]) -> None:
        """Take over step numbers and arrays, given by the parameters' ids."""
        for name in names:
            self.state[name] = np.zeros(self.data.shape, self.dtype)
        for i, p in enumerate(self.params):
            self.steps[i], arrays = found.get(id(p), (0, {}))
            for name, array in arrays.items():
                if name in self.state:
                    self.state[name][self.bounds[i] : self.bounds[i + 1]] = array.reshape(-1)
