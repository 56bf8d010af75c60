"""Calling a module with other parameters than its own."""

from autograd.func.modules import functional_call as functional_call

__all__ = ["functional_call"]
