"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from autograd import ShapeError, Tensor, cat
from autograd.engine.failures import explained

__all__ = ["parameters_to_vector", "vector_to_parameters"]


@explained
def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters in one vector; gradients flow back to them.

    >>> import nn
    >>> model = nn.Linear(3, 2)
    >>> vector = nn.utils.parameters_to_vector(model.parameters())
    >>> vector.shape
    (8,)
    """
    return cat([parameter.reshape(-1) for parameter in parameters])


@explained
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make the parameters views of the elements of a vector, in order.

    Raises:
        TypeError: ``vec`` is not a Tensor.
        ShapeError: it has another number of elements than the parameters; none is then changed.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: vec must be a Tensor, got {type(vec).__name__}")
    found = list(parameters)
    count = sum(parameter.numel() for parameter in found)
    if vec.ndim != 1 or vec.numel() != count:
        raise ShapeError(
            f"vector_to_parameters: the parameters have {count} elements, so vec must have shape ({count},), got "
            f"{vec.shape}"
        )
    data, start = vec.detach(), 0
    for parameter in found:
        end = start + parameter.numel()
        parameter.data = data[start:end].reshape(parameter.shape)
        start = end
