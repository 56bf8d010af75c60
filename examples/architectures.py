"""Three models written for ``torch.nn`` and for ``nn`` alike: each function takes the package to build them with."""

from __future__ import annotations

from typing import Any

__all__ = ["MODELS", "cnn", "encoder", "lstm"]


def cnn(nn: Any) -> Any:
    """A convolutional network with batch normalisation, for images (N, 1, 12, 12)."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


def lstm(nn: Any) -> Any:
    """A bidirectional LSTM of two layers, for sequences (N, 9, 5)."""
    return nn.LSTM(5, 12, num_layers=2, bidirectional=True, batch_first=True)


def encoder(nn: Any) -> Any:
    """A transformer encoder of two layers, for sequences (N, 7, 16)."""
    layer = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, activation="gelu", batch_first=True)
    return nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(16))


MODELS = {"cnn": (cnn, (4, 1, 12, 12)), "lstm": (lstm, (4, 9, 5)), "encoder": (encoder, (4, 7, 16))}
"""By name: the function, and the shape of an input."""
