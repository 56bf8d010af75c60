"""The text beside the arrays of a file: the structure, what the format could not hold as it is, and a checksum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import CheckpointError
from .bundle import Bundle

__all__ = ["describe", "encode", "understand"]

VERSION = 1


def encode(bundle: Bundle, as_stored: dict[str, str]) -> tuple[Bundle, dict[str, str]]:
    """Replace arrays of dtypes that a format lacks by the same bytes in another dtype.

    Args:
        bundle: the arrays.
        as_stored: for each dtype lacking the name of the one to store.

    Returns:
        The new bundle, and by name the dtypes replaced.
    """
    arrays, encoded = dict(bundle.arrays), {}
    for name, array in bundle.arrays.items():
        kind = as_stored.get(array.dtype.name)
        if kind is not None:
            encoded[name] = array.dtype.name
            arrays[name] = array.reshape(*array.shape, 1).view(kind)
    return Bundle(bundle.tree, arrays, bundle.aliases), encoded


def describe(bundle: Bundle, encoded: dict[str, str]) -> tuple[str, str]:
    """The text, and the checksum of all."""
    import json

    text = json.dumps({"version": VERSION, "encoded": encoded, "tree": bundle.tree})
    return text, bundle.checksum(text)


def understand(bundle: Bundle, text: str | None, checksum: str | None) -> Bundle:
    """The bundle with the tree and the dtypes that a file's text tells; as it is if another program wrote the file.

    Raises:
        CheckpointError: the checksum is not that of the contents.
    """
    import json

    if text is None and checksum is None:
        return bundle
    if text is None or bundle.checksum(text) != checksum:
        raise CheckpointError("load: the file is damaged: its checksum is not that of its contents")
    found = json.loads(text)
    if found["version"] != VERSION:
        raise CheckpointError(f"load: the file has version {found['version']} of the structure, expected {VERSION}")
    for name, kind in found["encoded"].items():
        array = bundle.arrays[name]
        bundle.arrays[name] = array.view(_dtype(kind)).reshape(array.shape[:-1])
    return Bundle(found["tree"], bundle.arrays, bundle.aliases)


def _dtype(name: str) -> Any:
    if name == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            raise CheckpointError("load: the file has bfloat16 arrays, which need the package ml_dtypes") from None
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
