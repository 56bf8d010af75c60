"""npz files: zip archives of npy files, never with pickles in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import CheckpointError
from .archives import members, read_into
from .bundle import KINDS, UNTOLD, Bundle
from .structure import describe, encode, understand

__all__ = ["read", "write"]

TEXT = "__structure__"
LACKING = {"bfloat16": "uint16"}
MARK = b"chainrule"
"""The archive's comment, which tells that there must be a structure even where damage hides it."""


def write(bundle: Bundle, path: str) -> None:
    """Write a bundle, uncompressed; its structure is the member ``__structure__``, JSON as bytes."""
    import json
    import zipfile

    stored, encoded = encode(bundle, LACKING)
    text, checksum = describe(stored, encoded)
    about = json.dumps({"structure": text, "crc32": checksum, "aliases": stored.aliases})
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in [*stored.arrays.items(), (TEXT, np.frombuffer(about.encode(), np.uint8))]:
            info = zipfile.ZipInfo(f"{name}.npy")  # with no time in it: equal contents give equal files
            with archive.open(info, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
        archive.comment = MARK


def read(archive: Any, size: int) -> Bundle:
    """Read a file of ours or of NumPy.

    Args:
        archive: a ZipFile.
        size: of the file.

    Raises:
        CheckpointError: it is damaged, or holds what is not an array of numbers.
    """
    import json

    arrays = {}
    for name, info in members(archive, size).items():
        if not name.endswith(".npy"):
            raise CheckpointError(f"load: member {name!r} is not an array; expected an npz file or PyTorch's weights")
        with archive.open(info) as file:
            arrays[name.removesuffix(".npy")] = _array(file, name, info.file_size)
    about = arrays.pop(TEXT, None)
    if about is None:
        if archive.comment == MARK:
            raise CheckpointError(f"load: the archive is damaged: it lacks its member {TEXT}.npy")
        return Bundle(UNTOLD, arrays, {})
    found = json.loads(about.tobytes())
    return understand(Bundle(UNTOLD, arrays, found["aliases"]), found["structure"], found["crc32"])


def _array(file: Any, name: str, size: int) -> Any:
    """Read one npy file of ``size`` bytes, whose header must fit that."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise CheckpointError(f"load: member {name!r} has version {version} of the npy format, which is not read")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(file)
    if dtype.name not in KINDS:
        raise CheckpointError(f"load: member {name!r} holds {dtype}, not numbers")
    needed, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if needed != there or any(n < 0 for n in shape):
        raise CheckpointError(
            f"load: the header of member {name!r} says shape {shape} of {dtype}, {needed:,} bytes, but it has {there:,}"
        )
    buffer: Any = np.empty(needed, np.uint8)
    read_into(file, buffer)
    array = buffer.view(dtype).reshape(shape, order="F" if fortran else "C")
    return np.asarray(array, dtype.newbyteorder("="), order="C")
