"""Writing a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """The name of a temporary file beside ``path`` to write to, which then takes its place; nothing is left on failure.

    A reader, or a crash at any time, finds either the old file or the new one.
    """
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name[:80]}.{os.urandom(6).hex()}.part")
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to; make it first", folder)
    mode = 0o666
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode & 0o777
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield temporary
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # the new name is in the folder, which has to reach the disk too
        with contextlib.suppress(OSError):
            _flush(folder, os.O_RDONLY)


def _flush(path: str, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
