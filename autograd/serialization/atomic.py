"""Writing a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

__all__ = ["handing_on", "replacing"]


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """The name of a temporary file beside ``path`` to write to, which then takes its place; nothing is left on failure.

    A reader, or a crash at any time, finds either the old file or the new one. Of a link it is the file that it leads
    to; a pipe or a device gets the bytes instead.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file, handing_on(file) as temporary:
            yield temporary
        return
    path = os.path.realpath(path) if os.path.islink(path) else os.path.abspath(path)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:80]}.{os.urandom(6).hex()}.part")
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to; make it first", folder)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode & 0o777
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "the file is write-protected", path)
    try:
        made = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if mode is None else mode)
        mode = mode or os.fstat(made).st_mode & 0o777  # what the system leaves of it
        os.close(made)
        yield temporary
        with contextlib.suppress(OSError):  # some file systems know no permissions
            os.chmod(temporary, mode)  # safetensors makes a file of its own, which nobody else may read
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # the new name is in the folder, which has to reach the disk too
        with contextlib.suppress(OSError):
            _flush(folder, os.O_RDONLY)


@contextlib.contextmanager
def handing_on(file: Any) -> Iterator[str]:
    """The name of a temporary file to write to, of which the bytes then go to an open one."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "open-file")
        yield name
        with open(name, "rb") as written:
            shutil.copyfileobj(written, file)


def _flush(path: str, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
