"""Small real data sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import ArgumentError

__all__ = ["Bundle", "bundled"]

NAMES = ("digits", "iris", "wine", "breast_cancer", "diabetes")


class Bundle(NamedTuple):
    """A data set: features (N, D) in float32, targets (N,) in int64 (classes) or float32, and their names."""

    x: Any
    y: Any
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]


def bundled(name: str) -> Bundle:
    """A real data set that comes with scikit-learn, as arrays.

    Args:
        name: "digits" (1,797 images of 8 x 8 in 10 classes), "iris" (150 flowers, 3), "wine" (178, 3),
            "breast_cancer" (569, 2), or "diabetes" (442 patients, whose target is a number).

    Raises:
        ValueError: there is none of this name.
        ImportError: scikit-learn is not installed.

    >>> from nn import data
    >>> digits = data.bundled("digits")
    >>> digits.x.shape, digits.y.shape
    ((1797, 64), (1797,))
    """
    if name not in NAMES:
        raise ArgumentError(f"bundled: expected one of {', '.join(NAMES)}, got {name!r}")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "bundled: the data sets come with scikit-learn, which is not installed: pip install 'chainrule[sklearn]'"
        ) from error
    found = getattr(datasets, f"load_{name}")()
    kind = np.int64 if found.target.dtype.kind in "iu" else np.float32
    return Bundle(
        found.data.astype(np.float32),
        found.target.astype(kind),
        tuple(map(str, found.feature_names)),
        tuple(map(str, found.get("target_names", ()))),
    )
