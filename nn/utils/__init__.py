"""Helpers for models, as in ``torch.nn.utils``."""

from . import rnn as rnn
