"""Activations as modules; each is the function of the same name in ``nn.functional``.

Where there is an argument ``inplace``, the result is written over the input.
"""

from __future__ import annotations

from typing import Any

from autograd import ArgumentError, Tensor, empty
from autograd.engine.callsite import warn as _warn

from . import functional as F
from . import init as _init
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign",
    "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _InPlace(Module):
    """An activation that may write over its input."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether it writes over its input."""
        return "inplace=True" if self.inplace else ""


def _and_inplace(settings: str, module: Any) -> str:
    return f"{settings}, inplace=True" if module.inplace else settings


# ---- without settings ------------------------------------------------------------------------------------------------


class ReLU(_InPlace):
    """``max(x, 0)``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.relu(input, self.inplace)


class SELU(_InPlace):
    """The self-normalizing ``ELU`` (G. Klambauer et al., 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.selu(input, self.inplace)


class SiLU(_InPlace):
    """``x * sigmoid(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """``x * tanh(softplus(x))``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.mish(input, self.inplace)


class Hardsigmoid(Module):
    """``x / 6 + 1 / 2``, clipped to 0 .. 1."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """``x * hardsigmoid(x)``."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.hardswish(input, self.inplace)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """The logarithm of ``Sigmoid``, without overflow."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.logsigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.tanh(input)


class Tanhshrink(Module):
    """``x - tanh(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.tanhshrink(input)


class Softsign(Module):
    """``x / (1 + |x|)``."""

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.softsign(input)


# ---- with settings ---------------------------------------------------------------------------------------------------


class LeakyReLU(Module):
    """``x`` where it is positive, else ``negative_slope * x``.

    Args:
        negative_slope: the slope for negative inputs.
        inplace: write the result over the input.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return _and_inplace(f"negative_slope={self.negative_slope}", self)


class RReLU(Module):
    """``LeakyReLU`` with a random slope for each element in training, and its mean in evaluation.

    Args:
        lower: the least slope.
        upper: the largest.
        inplace: write the result over the input.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return _and_inplace(f"lower={self.lower}, upper={self.upper}", self)


class ELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    Args:
        alpha: minus the limit for large negative inputs.
        inplace: write the result over the input.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return _and_inplace(f"alpha={self.alpha}", self)


class CELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.

    Args:
        alpha: minus the limit for large negative inputs.
        inplace: write the result over the input.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return _and_inplace(f"alpha={self.alpha}", self)


class Threshold(Module):
    """``x`` where it exceeds the threshold, else ``value``.

    Args:
        threshold: what to exceed.
        value: what to put in place of the others.
        inplace: write the result over the input.
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        return _and_inplace(f"threshold={self.threshold}, value={self.value}", self)


class Hardtanh(Module):
    """``x`` clipped to between ``min_val`` and ``max_val``.

    Args:
        min_val, max_val: the bounds.
        inplace: write the result over the input.
        min_value, max_value: older names of the bounds.

    Raises:
        ValueError: the bounds are in the wrong order.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        if min_value is not None or max_value is not None:
            _warn("min_value and max_value are now min_val and max_val", FutureWarning)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise ArgumentError(f"Hardtanh: max_val, {self.max_val}, must be greater than min_val, {self.min_val}")

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The bounds."""
        return _and_inplace(f"min_val={self.min_val}, max_val={self.max_val}", self)


class ReLU6(Hardtanh):
    """``min(max(x, 0), 6)``.

    Args:
        inplace: write the result over the input.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Whether it writes over its input."""
        return "inplace=True" if self.inplace else ""


class GELU(Module):
    """``x`` times the normal distribution function at ``x``.

    Args:
        approximate: "none", or "tanh" for the usual approximation.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The settings."""
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``; ``x`` itself where ``beta * x`` exceeds the threshold.

    Args:
        beta: how sharp the bend is.
        threshold: from where on it is linear.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(Module):
    """``x`` moved towards 0 by ``lambd``, 0 within that distance of it.

    Args:
        lambd: that distance.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The settings."""
        return str(self.lambd)


class Hardshrink(Module):
    """``x`` where its magnitude exceeds ``lambd``, else 0.

    Args:
        lambd: what to exceed.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The settings."""
        return str(self.lambd)


class GLU(Module):
    """The first half of the input along a dimension times the sigmoid of the second.

    Args:
        dim: the dimension.
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The settings."""
        return f"dim={self.dim}"


class PReLU(Module):
    """``x`` where it is positive, else ``weight * x`` with a weight that is learned.

    Args:
        num_parameters: 1, or as many as there are channels (dimension 1).
        init: the weights' first value.
        device: ``'cpu'``.
        dtype: of the weights.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to their first value."""
        _init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """The function, elementwise."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many weights."""
        return f"num_parameters={self.num_parameters}"
