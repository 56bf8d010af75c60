"""``autograd.save`` and ``autograd.load``."""

from __future__ import annotations

import os
from typing import IO, Any

from ..devices import check_device
from ..errors import ArgumentError, CheckpointError
from ..ops.shapes import also_named
from . import npz_files, safe_files, torch_files
from .archives import check_end
from .atomic import handing_on, replacing
from .bundle import Bundle
from .damage import reported

__all__ = ["load", "save"]

FOREIGN = (".pt", ".pth", ".bin", ".pkl", ".pickle")


@also_named(f="path")
def save(obj: Any, path: str | os.PathLike[str] | IO[bytes]) -> None:
    """Save Tensors and plain Python values to a file, whole or not at all.

    Args:
        obj: Tensors, arrays, numbers, text, None, dtypes, and dicts, lists and tuples of them, nested as you like: the
            state dicts of model, optimizer, scheduler and loader, with ``get_rng_state()``, go into one file.
        path: ending in ``.npz`` for NumPy's format; else the file is in that of safetensors, and so is what is written
            to an open file (``io.BytesIO()``) instead.

    Raises:
        CheckpointError: something in ``obj`` cannot be saved; a file that was there is then as it was.

    A flat dict of Tensors is a safetensors file as PyTorch's tools read and write it. Tensors that lie on the same
    memory (tied weights) are stored once and tied again by ``load``; other views of one memory are stored each by
    itself. Complex numbers are stored by safetensors as pairs of real ones. What ``load`` returns requires no grad.

    >>> import autograd, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
    >>> autograd.save({"weight": autograd.tensor([1.0, 2.0]), "epoch": 3}, path)
    >>> autograd.load(path)
    {'weight': tensor([1., 2.]), 'epoch': 3}
    """
    if hasattr(path, "write"):
        with handing_on(path) as name:
            save(obj, name)
        return
    path = os.fspath(path)
    if path.endswith(FOREIGN):
        raise ArgumentError(
            f"save: {path} is named like a pickle of PyTorch's, which is not written here; name it .safetensors (which "
            "PyTorch reads through the package safetensors) or .npz"
        )
    bundle = Bundle.of(obj)
    write = npz_files.write if path.endswith(".npz") else safe_files.write
    with replacing(path) as temporary:
        write(bundle, temporary)


@also_named(f="path")
def load(path: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Load what ``save`` saved; or a safetensors, npz or PyTorch file of another program.

    Args:
        path: of the file, or an open one, of which the rest is read; its contents tell the format.
        map_location: ``'cpu'``, for PyTorch's scripts.
        weights_only: for PyTorch's scripts: nothing else is ever read.

    Returns:
        The object that was saved; of another program's safetensors or npz file a dict of Tensors by name.

    Raises:
        CheckpointError: the file is damaged, or holds something else; nothing in it was executed.
        FileNotFoundError: there is none.

    bfloat16 arrays become float32 unless the package ml_dtypes is installed (always, from a PyTorch file).
    """
    import zipfile

    check_device(map_location)
    if hasattr(path, "read"):
        return _load_open(path)
    path = os.fspath(path)
    with open(path, "rb") as file:
        if not os.path.isfile(path):  # a pipe, which cannot be read twice
            return _load_open(file)
        start, size = file.read(8), os.fstat(file.fileno()).st_size
        if start[:2] == b"PK":
            with reported(path, (zipfile.BadZipFile,)), zipfile.ZipFile(file) as archive:
                check_end(archive, file, size)
                if torch_files.is_torch_archive(archive):
                    return torch_files.read(archive, size)
                return npz_files.read(archive, size).thing()
    if start[:1] == b"\x80" and int.from_bytes(start, "little") > size:  # else it is the length of a header
        raise CheckpointError(
            f"load: {path} is a bare pickle, which can run any program and is never read; save it anew with a PyTorch "
            "since 1.6, or as safetensors"
        )
    bundle = safe_files.read(path)
    with reported(path):
        return bundle.thing()


def _load_open(file: Any) -> Any:
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "open-file")
        with open(name, "wb") as copy:
            shutil.copyfileobj(file, copy)
        return load(name)
