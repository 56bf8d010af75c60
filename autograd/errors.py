"""The errors this library raises: each also is the builtin that a NumPy or PyTorch user would catch.

A message says what came, what was expected and what to do.
"""

import numpy as np

__all__ = [
    "AnomalyError",
    "ArgumentError",
    "BatchingError",
    "BoundsError",
    "CheckpointError",
    "CompileError",
    "DtypeError",
    "FreedGraphError",
    "GradcheckError",
    "GradientError",
    "LinAlgError",
    "MutationError",
    "NotDifferentiableError",
    "RuleError",
    "ShapeError",
    "StateDictError",
]


class ArgumentError(ValueError, RuntimeError):
    """An argument whose value makes no sense to the operation (for this PyTorch uses both of these errors)."""


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not fit the operation (NumPy says ValueError, PyTorch RuntimeError: this is both)."""


class BoundsError(ShapeError, IndexError):
    """An index beyond the end of a dimension, or a dimension that is not there (PyTorch: IndexError, RuntimeError)."""


class DtypeError(TypeError, RuntimeError):
    """A dtype that the operation cannot take, or to which a result cannot be cast."""


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix without the property that the operation needs: singular, or not positive definite."""


class GradientError(RuntimeError):
    """A gradient was asked for where there is none, or in a form that does not fit."""


class FreedGraphError(GradientError):
    """Backward through a graph whose saved arrays were already released."""


class MutationError(GradientError):
    """An array was overwritten that must not be, or that backward still needs."""


class RuleError(GradientError):
    """A derivative rule returned something that cannot be the gradient of its input."""


class AnomalyError(GradientError):
    """A non-finite value, found by ``detect_anomaly``."""


class GradcheckError(RuntimeError):
    """A derivative that differs from the differences of its function, or from itself computed in another way."""


class BatchingError(RuntimeError):
    """Something that cannot be done for a whole batch at once, inside a function that ``func.vmap`` maps."""


class NotDifferentiableError(TypeError, NotImplementedError):
    """A function without a derivative was called on a Tensor (HIPS autograd says NotImplementedError)."""


class StateDictError(ShapeError, KeyError):
    """Keys or shapes of a state dict are not those of the module (PyTorch says RuntimeError: this is that too)."""

    __str__ = Exception.__str__


class CompileError(RuntimeError):
    """A function that cannot be compiled whole (``fullgraph=True``), or a program that cannot be exported."""


class CheckpointError(ValueError):
    """A file of saved values that is damaged or holds what is not read, or a value that cannot be saved."""
