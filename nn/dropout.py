"""Dropout layers: they do something in training only."""

from __future__ import annotations

from autograd import ArgumentError, Tensor

from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if not hasattr(p, "__float__") or not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: the probability p must lie between 0 and 1, got {p!r}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The settings."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, sets each element to 0 with probability ``p`` and divides the others by ``1 - p``.

    In evaluation (``model.eval()``) the input is passed on as it is.

    Args:
        p: a probability.
        inplace: overwrite the input.

    Raises: ValueError for an impossible ``p``.

    Source: N. Srivastava et al., Dropout, 2014.

    >>> import autograd, nn
    >>> drop = nn.Dropout(0.5)
    >>> drop.eval()(autograd.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Drops whole channels of (examples, channels, places) or (channels, places).

    Args:
        p, inplace: as for ``Dropout``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Drops whole channels of (examples, channels, height, width) or, with a warning, (examples, channels, length).

    Args:
        p, inplace: as for ``Dropout``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Drops whole channels of (examples, channels, depth, height, width) or (channels, depth, height, width).

    Args:
        p, inplace: as for ``Dropout``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout for ``SELU`` networks: keeps mean and variance.

    Args:
        p, inplace: as for ``Dropout``.

    Source: G. Klambauer et al., Self-Normalizing Neural Networks, 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """``AlphaDropout`` of whole channels of (examples, channels, ...).

    Args:
        p, inplace: as for ``Dropout``.
    """

    def forward(self, input: Tensor) -> Tensor:
        """``input`` with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
