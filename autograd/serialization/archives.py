"""Zip archives from outside: looked at before anything is allocated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import CheckpointError
from .damage import MAX_MEMBERS, MAX_RATIO, SMALL

__all__ = ["check_end", "members", "read_bytes", "read_into"]

STORED, DEFLATED = 0, 8
DEFLATE_RATIO = 1032
"""No deflated byte can stand for more than this many."""
CHUNK = 1 << 24
END = 22
"""Bytes of the record at an archive's end, without its comment."""


def check_end(archive: Any, file: Any, size: int) -> None:
    """Raise CheckpointError unless the archive's list of members is as long as its end says: none is hidden by damage.

    Args:
        archive: a ZipFile.
        file: that it reads.
        size: of the file.
    """
    file.seek(max(0, size - END - len(archive.comment)))
    end = file.read(END)
    count = int.from_bytes(end[10:12], "little")
    if end[:4] != b"PK\5\6" or count not in (len(archive.infolist()), 0xFFFF):
        raise CheckpointError(
            f"load: the archive is damaged: its end tells of {count} members, {len(archive.infolist())} are listed"
        )


def members(archive: Any, size: int) -> dict[str, Any]:
    """The members of an archive by name.

    Args:
        archive: a ZipFile.
        size: of the file.

    Raises:
        CheckpointError: there are too many, or they claim more than such a file can hold.
    """
    infos = archive.infolist()
    found = {info.filename: info for info in infos}
    if len(infos) > MAX_MEMBERS or len(found) < len(infos):
        raise CheckpointError(f"load: the archive has {len(infos)} members, too many or some of equal name")
    for info in infos:
        possible = info.compress_size * (DEFLATE_RATIO if info.compress_type == DEFLATED else 1)
        if info.compress_type not in (STORED, DEFLATED) or info.flag_bits & 1 or info.file_size > possible:
            raise CheckpointError(
                f"load: member {info.filename!r} of the archive is encrypted, compressed in a way that is not read, or "
                f"claims {info.file_size:,} bytes in {info.compress_size:,}"
            )
    total, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if packed > size or (total > SMALL and total > MAX_RATIO * size):
        raise CheckpointError(
            f"load: the archive claims {total:,} bytes (packed {packed:,}) in a file of {size:,}; at most {MAX_RATIO} "
            "times the file's size is read"
        )
    return found


def read_into(file: Any, buffer: Any) -> None:
    """Fill a byte array from an open member, which must end with it.

    Raises:
        CheckpointError: the member has more or fewer bytes.
    """
    view, done = memoryview(buffer), 0
    while done < len(view):
        count = file.readinto(view[done : done + CHUNK])
        if not count:
            raise CheckpointError(f"load: a member of the archive ends after {done:,} of {len(view):,} bytes")
        done += count
    if file.read(1):
        raise CheckpointError(f"load: a member of the archive goes on after its {len(view):,} bytes")


def read_bytes(archive: Any, info: Any) -> Any:
    """The bytes of a member, as an array."""
    buffer = np.empty(info.file_size, np.uint8)
    with archive.open(info) as file:
        read_into(file, buffer)
    return buffer
