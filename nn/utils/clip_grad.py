"""Clipping of gradients, between ``backward`` and the optimizer's step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.engine.callsite import warn
from autograd.engine.failures import explained
from autograd.engine.mutation import stamp
from autograd.engine.nodes import array_of, new_tensor
from autograd.errors import AnomalyError, ArgumentError, DtypeError

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Tensor]:
    if not isinstance(tensors, Iterable) or hasattr(tensors, "parameters"):
        hint = "; give its .parameters()" if hasattr(tensors, "parameters") else ""
        raise TypeError(f"clip_grad: expected parameters, a Tensor or several, got {type(tensors).__name__}{hint}")
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _parameters(parameters: Tensors) -> list[Tensor]:
    found = _listed(parameters)
    if not found and isinstance(parameters, Iterator):
        warn("clip_grad: there are no parameters, so nothing is clipped; was the iterator used up before? Give a list")
    return found


def _grads(parameters: Tensors) -> list[Tensor]:
    return [p.grad for p in _parameters(parameters) if p.grad is not None]


def _norm(array: Any, order: float) -> Any:
    """The norm of all elements, in double precision."""
    flat = np.ravel(array)
    if not flat.size:
        return 0.0
    if order == 2:
        total = np.float64(1) * _square(flat)
        if 1e-30 < total < 1e36:
            return np.sqrt(total)
    sizes = np.abs(flat).astype(np.float64)
    if order == math.inf:
        return np.max(sizes)
    if order == -math.inf:
        return np.min(sizes)
    if order == 0:
        return np.sum(sizes != 0, dtype=np.float64)
    return np.sum(sizes**order) ** (1 / order)


def _square(array: Any) -> Any:
    """The sum of the squares of all elements."""
    if array.dtype.itemsize < 4:
        array = array.astype(np.float32)
    return np.vdot(array, array).real


def _norms(arrays: list[Any], order: float) -> Any:
    """The norm of each array."""
    if not arrays:
        return np.zeros(0)
    like = np.asanyarray(arrays[0])
    if order == 2:
        squares = np.array([_square(array) for array in arrays], np.float64, like=like)
        if np.minimum.reduce(squares) > 1e-30 and np.maximum.reduce(squares) < 1e36:
            return np.sqrt(squares)
    return np.array([_norm(array, order) for array in arrays], like=like)


@explained
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of the norms of Tensors: for ``norm_type`` 2 that of all their elements as one vector.

    Args:
        tensors: a Tensor or several.
        norm_type: the power; ``float("inf")`` for the largest element.
        error_if_nonfinite: raise if it is not finite.
        foreach: changes nothing here.

    Raises:
        AnomalyError: it is not finite, and ``error_if_nonfinite`` is set.
        DtypeError: a Tensor of integers.
    """
    found = _listed(tensors)
    order = float(norm_type)
    for tensor in found:
        if tensor._data.dtype.kind not in "fcV":
            raise DtypeError(f"get_total_norm: expected floating or complex Tensors, got one of {tensor._data.dtype}")
    with np.errstate(all="ignore"):
        total = _norm(_norms([t._data for t in found], order), order)
    if error_if_nonfinite and not np.isfinite(total):
        raise AnomalyError(
            f"get_total_norm: the total norm of order {order:g} is {total}; look for the first non-finite value with "
            "autograd.detect_anomaly(), or pass error_if_nonfinite=False to clip all the same"
        )
    kinds = {t._data.dtype for t in found}
    reals = [np.dtype(f"f{kind.itemsize // 2}") if kind.kind == "c" else kind for kind in kinds]
    dtype = np.result_type(*reals or [np.float32])
    with np.errstate(over="ignore"):
        return new_tensor(np.asanyarray(total, dtype))


@explained
def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Multiply the gradients by ``max_norm / total_norm`` if that is below 1 (or NaN, which then all become).

    Args:
        parameters: a Tensor or several.
        max_norm: the largest norm they may have.
        total_norm: the norm that they have.
        foreach: changes nothing here.
    """
    total = total_norm.item() if hasattr(total_norm, "item") else total_norm
    share = max_norm / (total + 1e-6)
    factor = (1.0 if share >= 1 else share) if type(share) is float else np.minimum(1.0, share).item()  # NaN is kept
    for grad in _grads(parameters):
        array = array_of(grad)
        stamp(array)
        with np.errstate(invalid="ignore"):  # infinity times 0, where the norm is infinite
            np.multiply(array, factor, out=array)


@explained
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shorten the gradients of all parameters, as if they were one vector, to the norm ``max_norm`` at most.

    Args:
        parameters: a Tensor or several.
        max_norm: the largest norm.
        norm_type: the power; ``float("inf")`` for the largest element.
        error_if_nonfinite: raise, and change nothing, if the norm is not finite.
        foreach: changes nothing here.

    Returns:
        The norm that the gradients had.

    Raises:
        AnomalyError: it is not finite, and ``error_if_nonfinite`` is set.

    >>> import autograd, nn
    >>> w = autograd.tensor([1.0, 1.0], requires_grad=True)
    >>> (w * autograd.tensor([3.0, 4.0])).sum().backward()
    >>> nn.utils.clip_grad_norm_([w], 1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    found = _parameters(parameters)
    total = get_total_norm(_grads(found), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(found, max_norm, total)
    return total


@explained
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of the gradients to between ``-clip_value`` and ``clip_value``.

    Args:
        parameters: a Tensor or several.
        clip_value: the largest size of an element.
        foreach: changes nothing here.

    >>> import autograd, nn
    >>> w = autograd.tensor([1.0, 1.0], requires_grad=True)
    >>> (w * autograd.tensor([3.0, -0.5])).sum().backward()
    >>> nn.utils.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([ 1.0000, -0.5000])
    """
    limit: Any = clip_value
    limit = limit.item() if hasattr(limit, "item") else limit
    if not limit >= 0:
        raise ArgumentError(f"clip_grad_value_: clip_value must not be negative, got {clip_value}")
    for grad in _grads(parameters):
        array = array_of(grad)
        stamp(array)
        np.clip(array, -limit, limit, out=array)
