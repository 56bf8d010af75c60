"""Sequences of various lengths: packed without padding for recurrent layers, or padded to a common length.

A ``PackedSequence`` holds the first steps of all sequences, then the second steps of those that have one, and so on,
the longest sequence first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import ArgumentError, DtypeError, ShapeError, Tensor, cat, full, tensor
from autograd.engine.failures import explained

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Fields(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Fields):
    """Sequences of various lengths without padding; made by ``pack_padded_sequence`` or ``pack_sequence``.

    Attributes:
        data: all steps as rows, (rows, ...).
        batch_sizes: int64, how many rows each step has; never more than the step before.
        sorted_indices: int64, which sequence comes first, second, ...; None if they were in that order.
        unsorted_indices: int64, the inverse: where each sequence is.
    """

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise ArgumentError("PackedSequence needs data and batch_sizes, as two arguments or as one pair")
            data, batch_sizes = data
        if not isinstance(batch_sizes, Tensor):
            batch_sizes = tensor(batch_sizes)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with data converted as by ``Tensor.to``."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else PackedSequence(data, *self[1:])

    def double(self) -> PackedSequence:
        """With data in float64."""
        return self.to("float64")

    def float(self) -> PackedSequence:
        """With data in float32."""
        return self.to("float32")

    def half(self) -> PackedSequence:
        """With data in float16."""
        return self.to("float16")

    def long(self) -> PackedSequence:
        """With data in int64."""
        return self.to("int64")

    def int(self) -> PackedSequence:
        """With data in int32."""
        return self.to("int32")

    def short(self) -> PackedSequence:
        """With data in int16."""
        return self.to("int16")

    def char(self) -> PackedSequence:
        """With data in int8."""
        return self.to("int8")

    def byte(self) -> PackedSequence:
        """With data in uint8."""
        return self.to("uint8")

    def cpu(self) -> PackedSequence:
        """Itself: there is one device."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: there is no such device here."""
        return False


@explained
def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one; None for None."""
    return None if permutation is None else tensor(np.argsort(permutation.numpy(), kind="stable"))


def _lengths(lengths: Any) -> Any:
    return np.asanyarray(lengths.detach().numpy() if isinstance(lengths, Tensor) else lengths, np.int64)


@explained
def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack padded sequences.

    Args:
        input: (time, batch, ...), or (batch, time, ...) with ``batch_first``.
        lengths: of each sequence: a Tensor, an array or a list.
        enforce_sorted: the longest comes first, as given; otherwise they are sorted, and recurrent layers give their
            states back in the order of the input.

    Raises:
        ShapeError: the lengths do not fit the input.
        ValueError: they are not sorted (with ``enforce_sorted``).

    >>> import autograd, nn
    >>> from nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    >>> batch = pack_padded_sequence(autograd.randn(2, 5, 3), [5, 2], batch_first=True)
    >>> output, lengths = pad_packed_sequence(nn.GRU(3, 4, batch_first=True)(batch)[0], batch_first=True)
    >>> output.shape, lengths.tolist()
    ((2, 5, 4), [5, 2])
    """
    order = (1, 0) if batch_first else (0, 1)
    if input.ndim < 2:
        raise ShapeError(f"pack_padded_sequence: input needs dimensions of time and batch, got shape {input.shape}")
    longest, batch = input.shape[order[0]], input.shape[order[1]]
    given = _lengths(lengths)
    if given.shape != (batch,):
        raise ShapeError(
            f"pack_padded_sequence: lengths have shape {given.shape}, but input of shape {input.shape} has a batch of "
            f"{batch}" + ("" if batch_first or given.shape != (longest,) else "; did you mean batch_first=True?")
        )
    if not batch or given.min() < 1 or given.max() > longest:
        raise ShapeError(
            f"pack_padded_sequence: lengths {given.tolist()} must be between 1 and the {longest} steps of the input, "
            "and at least one"
        )
    by_length = None
    if not enforce_sorted:
        by_length = np.argsort(-given, kind="stable")
        given = given[by_length]
    elif np.any(np.diff(given) > 0):
        raise ArgumentError(
            f"pack_padded_sequence: with enforce_sorted=True the longest sequence comes first, but the lengths are "
            f"{given.tolist()}; pass enforce_sorted=False"
        )
    there = np.arange(int(given[0]))[:, None] < given
    time, member = np.nonzero(there)
    if by_length is not None:
        member = by_length[member]
    data = input[(member, time) if batch_first else (time, member)]
    return PackedSequence(data, tensor(there.sum(1)), None if by_length is None else tensor(by_length))


@explained
def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undo ``pack_padded_sequence``.

    Args:
        sequence: what was packed, or what a recurrent layer made of that.
        batch_first: return (batch, time, ...) and not (time, batch, ...).
        padding_value: what stands after the end of a sequence.
        total_length: pad to this length, and not to that of the longest.

    Returns:
        The padded sequences, and their lengths (int64).

    Raises:
        ValueError: ``total_length`` is too short.
    """
    if not isinstance(sequence, PackedSequence):
        raise DtypeError(f"pad_packed_sequence: expected a PackedSequence, got {type(sequence).__name__}")
    sizes = sequence.batch_sizes.numpy()
    steps = len(sizes)
    if total_length is not None:
        if total_length < steps:
            raise ArgumentError(
                f"pad_packed_sequence: total_length={total_length}, but the longest sequence has {steps} steps"
            )
        steps = total_length
    batch, rows = int(sizes[0]), len(sequence.data)
    places = np.full((steps, batch), rows, like=sizes)  # the row after the last one is padding
    there = np.zeros((steps, batch), bool, like=sizes)
    there[: len(sizes)] = np.arange(batch) < sizes[:, None]
    places[there] = np.arange(rows)
    lengths = there.sum(0)
    if sequence.unsorted_indices is not None:
        back = sequence.unsorted_indices.numpy()
        places, lengths = places[:, back], lengths[back]
    data = sequence.data
    if not there.all():
        data = cat([data, full((1, *data.shape[1:]), padding_value, dtype=data.dtype)])
    return data[places.T if batch_first else places], tensor(lengths)


@explained
def pad_sequence(
    sequences: Sequence[Tensor] | Tensor,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, ...) side by side, padded to the length of the longest.

    Args:
        sequences: Tensors that differ in their first size only.
        batch_first: return (batch, time, ...) and not (time, batch, ...).
        padding_value: what stands where a sequence is over.
        padding_side: "right", or "left" for padding before a sequence.

    Raises:
        ValueError: there is none, or the side is another.
        ShapeError: they differ in other sizes too.

    >>> import autograd
    >>> from nn.utils.rnn import pad_sequence
    >>> pad_sequence([autograd.ones(3), autograd.ones(1)], batch_first=True)
    tensor([[1., 1., 1.],
            [1., 0., 0.]])
    """
    sequences = list(sequences)
    if not sequences:
        raise ArgumentError("pad_sequence: received no sequences")
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"pad_sequence: padding_side is 'left' or 'right', got {padding_side!r}")
    rest = sequences[0].shape[1:]
    for i, each in enumerate(sequences):
        if not each.ndim or each.shape[1:] != rest:
            raise ShapeError(
                f"pad_sequence: sequence 0 has shape {sequences[0].shape}, sequence {i} has {each.shape}; they may "
                "differ in their first size only"
            )
    lengths = np.array([len(each) for each in sequences])
    starts = np.cumsum(lengths) - lengths
    steps = np.arange(lengths.max())[:, None]
    if padding_side == "left":
        steps = steps - (lengths.max() - lengths)
    there = (steps >= 0) & (steps < lengths)
    places = np.where(there, starts + steps, lengths.sum())
    data = cat([*sequences, full((1, *rest), padding_value, dtype=sequences[0].dtype)])
    return data[places.T if batch_first else places]


@explained
def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """Undo ``pad_sequence``: a list of sequences (length, ...)."""
    parts = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [part[: int(n)] for part, n in zip(parts, _lengths(lengths), strict=True)]


@explained
def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (length, ...); see ``pack_padded_sequence``.

    >>> import autograd
    >>> from nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([autograd.tensor([1, 2, 3]), autograd.tensor([4])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    return pack_padded_sequence(pad_sequence(sequences), [len(each) for each in sequences], False, enforce_sorted)


@explained
def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo ``pack_sequence``: a list of sequences (length, ...)."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
