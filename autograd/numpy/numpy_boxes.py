"""``ArrayBox``, the class of what a transform passes to the function that it differentiates."""

from ..boxes import ArrayBox as ArrayBox

__all__ = ["ArrayBox"]
