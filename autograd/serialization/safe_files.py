"""safetensors files: raw arrays behind a header of names, dtypes and shapes, through the format's own library."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import CheckpointError
from .bundle import UNTOLD, Bundle
from .damage import reported
from .structure import describe, encode, understand

__all__ = ["read", "write"]

TEXT, CHECKSUM = "chainrule.structure", "chainrule.crc32"
LACKING = {"complex64": "float32", "complex128": "float64"}
"""Complex numbers are stored as pairs of real ones, in a last dimension of 2."""


def write(bundle: Bundle, path: str) -> None:
    """Write a bundle; the aliases of tied weights are entries of the metadata, as PyTorch's tools write them."""
    from safetensors.numpy import save_file

    stored, encoded = encode(bundle, LACKING)
    text, checksum = describe(stored, encoded)
    save_file(stored.arrays, path, {**stored.aliases, "format": "pt", TEXT: text, CHECKSUM: checksum})


def read(path: str) -> Bundle:
    """Read a file of ours or of another program.

    Raises:
        CheckpointError: it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    with reported(path, (SafetensorError,)):
        with safe_open(path, "numpy") as file:
            metadata = dict(file.metadata() or {})
            arrays = {name: _array(file, name) for name in list(file.keys())}
        missing = [name for name, array in arrays.items() if array is None]
        if missing:
            arrays |= _widened(path, missing)
        text, checksum = metadata.pop(TEXT, None), metadata.pop(CHECKSUM, None)
        metadata.pop("format", None)
        aliases = {name: target for name, target in metadata.items() if text is not None or target in arrays}
        return understand(Bundle(UNTOLD, arrays, aliases), text, checksum)


def _array(file: Any, name: str) -> Any:
    """An array; None for bfloat16, if there is no package for it."""
    dtype = file.get_slice(name).get_dtype()
    if dtype == "F4" or dtype.startswith(("F6_", "F8_")):
        raise CheckpointError(
            f"load: {name!r} has numbers of the format {dtype}, which NumPy lacks; save it as float16 or float32"
        )
    if dtype == "BF16":
        try:
            import ml_dtypes  # noqa: F401 (it makes the dtype known to NumPy)
        except ImportError:
            return None
    return np.require(file.get_tensor(name), requirements=["C", "A", "W"])


def _widened(path: str, names: list[str]) -> dict[str, Any]:
    """bfloat16 arrays as float32, of which they are the upper half."""
    from safetensors import deserialize

    with open(path, "rb") as file:
        found = dict(deserialize(file.read()))  # type: ignore[no-untyped-call]
    if any(name not in found for name in names):
        raise CheckpointError("load: the file was changed while it was read")
    halves = {name: np.frombuffer(found[name]["data"], "<u2").astype(np.uint32) for name in names}
    return {name: (half << 16).view(np.float32).reshape(found[name]["shape"]) for name, half in halves.items()}
