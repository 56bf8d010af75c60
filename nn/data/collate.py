"""Collating: a list of samples becomes a batch of Tensors."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from autograd import ArgumentError, ShapeError, Tensor, as_tensor, result_type, stack, tensor
from autograd.engine.failures import describe
from autograd.engine.nodes import array_of, new_tensor

__all__ = ["default_collate", "default_convert"]


def default_convert(data: Any) -> Any:
    """Arrays and NumPy scalars as Tensors, in dicts, lists and tuples too; all else as it is."""
    if isinstance(data, (np.ndarray, np.generic)):
        return as_tensor(data) if data.dtype.kind in "biufcV" else data
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(item) for item in data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _listed(data, [default_convert(item) for item in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples: Tensors, arrays and numbers become Tensors with a first dimension more, text becomes a list.

    Args:
        batch: the samples, of equal structure: dicts become a dict of batches, tuples and lists a list of batches.

    Raises:
        ShapeError: samples whose shapes differ.
        TypeError: samples of a type that cannot be stacked.

    >>> from nn.data import default_collate
    >>> default_collate([{"x": 1.5, "y": "a"}, {"x": 2.5, "y": "b"}])
    {'x': tensor([1.5000, 2.5000], dtype=float64), 'y': ['a', 'b']}
    """
    if not isinstance(batch, Sequence) or not batch:
        raise ArgumentError(f"default_collate: expected a list of samples, at least one, got {describe(batch)}")
    first = batch[0]
    if isinstance(first, Tensor):
        other = next((sample for sample in batch if not isinstance(sample, Tensor)), None)
        if other is not None:
            raise TypeError(
                f"default_collate: some samples are Tensors, one is {type(other).__name__} {other!r}; make them alike, "
                "or give collate_fn"
            )
        if any(sample.requires_grad for sample in batch):
            return stack(list(batch))
        return _stacked([array_of(sample) for sample in batch])
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biufcV":
        return _stacked(batch)
    if isinstance(first, (bool, int, float, complex)):
        return tensor(batch, dtype=np.float64 if isinstance(first, float) else None)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        if any(first.keys() - sample.keys() for sample in batch):
            raise ArgumentError(
                "default_collate: samples without the keys of the first, "
                f"{[sorted(sample, key=str) for sample in batch]}; make them alike, or give collate_fn"
            )
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise ShapeError(
                f"default_collate: samples of different lengths {sorted(lengths)}; pad them, or give collate_fn"
            )
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else _listed(first, columns)
    raise TypeError(
        "default_collate: expected Tensors, arrays, numbers, text, dicts or sequences, got "
        f"{type(first).__name__}; give collate_fn"
    )


def _stacked(arrays: Sequence[Any]) -> Tensor:
    dtypes = {array.dtype for array in arrays if hasattr(array, "dtype")}
    try:
        stacked = np.stack(arrays, dtype=result_type(*dtypes) if len(dtypes) > 1 else None)
    except ValueError:
        shapes = sorted({np.shape(array) for array in arrays})
        raise ShapeError(
            f"default_collate: samples of different shapes {', '.join(map(str, shapes))} cannot be stacked; "
            "pad them, or give collate_fn"
        ) from None
    made: Tensor = new_tensor(stacked)
    return made


def _listed(source: Sequence[Any], items: list[Any]) -> Any:
    """``items`` in the class of ``source`` if that takes a list; a tuple becomes a list, as in PyTorch."""
    if type(source) is list or isinstance(source, tuple):
        return items
    try:
        return type(source)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _like(source: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """``items`` in the class of ``source`` if that takes a dict, or in a copy of it."""
    if type(source) is dict:
        return items
    try:
        if isinstance(source, MutableMapping):  # which may have settings of its own, such as a default
            found = copy.copy(source)
            found.update(items)
            return found
        return type(source)(items)  # type: ignore[call-arg]
    except TypeError:
        return items
