"""What stands in the brackets of ``Dataset[...]``, ``DataLoader[...]`` and ``Sampler[...]`` in typed programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import TypeVar

    T = TypeVar("T", covariant=True, default=Any)  # without brackets it is Any
else:
    from typing import TypeVar

    T = TypeVar("T", covariant=True)

__all__ = ["T"]
