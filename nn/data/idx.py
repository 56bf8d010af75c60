"""IDX files, the format of MNIST: a header of big-endian sizes, then the elements. Nothing is ever downloaded."""

from __future__ import annotations

import math
import os
import zlib
from typing import Any, NamedTuple

import numpy as np

from autograd import ArgumentError

__all__ = ["MNIST", "mnist", "read_idx"]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_DIMS = 8
MAX_RATIO = 1032
"""No deflated byte can stand for more than this many."""
CHUNK = 1 << 20


class MNIST(NamedTuple):
    """The four arrays of an MNIST-like folder: images (N, height, width) and labels (N,)."""

    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any


def read_idx(path: str | os.PathLike[str]) -> Any:
    """The array in an IDX file, which may be gzipped.

    Args:
        path: of the file.

    Raises:
        ValueError: it is not an IDX file, or its header does not fit its size; nothing large has then been allocated.
    """
    import gzip

    path = os.fspath(path)
    with open(path, "rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not zipped:
            return _read(raw, path, size, exact=True)
        try:
            with gzip.open(raw) as file:
                return _read(file, path, size * MAX_RATIO, exact=False)
        except (OSError, EOFError, zlib.error) as error:
            raise ArgumentError(f"read_idx: {path} is a damaged gzip file ({error})") from error


def _read(file: Any, path: str, size: int, exact: bool) -> Any:
    """Read the array from a file of ``size`` bytes (or at most that many)."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not magic[3] <= MAX_DIMS:
        raise ArgumentError(
            f"read_idx: {path} is not an IDX file: expected two zero bytes, a type ({', '.join(map(hex, DTYPES))}) and "
            f"at most {MAX_DIMS} dimensions, got {magic.hex(' ') or 'nothing'}"
        )
    dtype, dims = np.dtype(DTYPES[magic[2]]), magic[3]
    header = file.read(4 * dims)
    if len(header) < 4 * dims:
        raise ArgumentError(f"read_idx: {path} ends in its header")
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, 4 * dims, 4))
    needed = math.prod(shape) * dtype.itemsize
    there = size - 4 - 4 * dims
    if needed > there or (exact and needed < there):
        limit = "" if exact else "at most "
        raise ArgumentError(
            f"read_idx: the header of {path} says shape {shape} of {dtype.newbyteorder('=')}, {needed:,} bytes, but "
            f"the file has {limit}{max(there, 0):,}"
        )
    buffer: Any = np.empty(needed, np.uint8)
    view, done = memoryview(buffer), 0
    while done < needed:
        count = file.readinto(view[done : done + CHUNK])
        if not count:
            raise ArgumentError(f"read_idx: {path} ends after {done:,} of {needed:,} bytes")
        done += count
    if file.read(1):
        raise ArgumentError(f"read_idx: {path} goes on after the {needed:,} bytes of its shape {shape}")
    return buffer.view(dtype).astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def mnist(folder: str | os.PathLike[str]) -> MNIST:
    """The arrays of MNIST, or of a data set in its form (Fashion-MNIST, KMNIST), from a folder that has its files.

    Args:
        folder: with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each as it is or gzipped (``.gz``).

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or images and labels do not fit each other.
    """
    folder = os.fspath(folder)
    arrays = []
    for part in ("train", "t10k"):
        images, labels = (
            read_idx(_find(folder, f"{part}-{kind}", dims)) for kind, dims in (("images", 3), ("labels", 1))
        )
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ArgumentError(
                f"mnist: expected {part} images (N, height, width) and labels (N,) in {folder}, got shapes "
                f"{images.shape} and {labels.shape}"
            )
        arrays += [images, labels]
    return MNIST(*arrays)


def _find(folder: str, name: str, dims: int) -> str:
    names = [f"{name}{mark}idx{dims}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for candidate in names:
        if os.path.isfile(os.path.join(folder, candidate)):
            return os.path.join(folder, candidate)
    raise FileNotFoundError(f"mnist: {folder} has none of {', '.join(names)}")
