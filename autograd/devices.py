"""Where Tensors lie: the CPU. The names by which programs ask for other devices are here to say that there are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .errors import ArgumentError

__all__ = ["accelerator", "backends", "check_device", "cuda", "device"]


def check_device(device: Any) -> None:
    """Raise ValueError unless ``device`` is the CPU, the only one there is."""
    if device is not None and str(device).split(":")[0] != "cpu":
        raise ArgumentError(f"there is no device {str(device)!r} here: chainrule computes on the CPU, with NumPy")


class device(str):
    """The CPU, as an object with PyTorch's attributes; also the string ``'cpu'``.

    Args:
        type: ``'cpu'``, ``'cpu:0'`` or a device.
        index: a number, always 0 if there is one.

    Raises:
        ValueError: another device.

    >>> import autograd
    >>> device = autograd.device("cuda" if autograd.cuda.is_available() else "cpu")
    >>> autograd.ones(2).to(device).device == device
    True
    """

    __slots__ = ()

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> device:
        check_device(type)
        return super().__new__(cls, type if index is None else f"{type}:{index}")

    @property
    def type(self) -> str:
        """Its name without the number: ``'cpu'``."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Its number, None if it was given none."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")


class Absent:
    """A kind of device that does not exist here, asked as PyTorch is asked on a machine without it.

    Seeding it and emptying its cache do nothing, as there.
    """

    def is_available(self) -> bool:
        """False."""
        return False

    is_built = is_available

    def device_count(self) -> int:
        """0."""
        return 0

    def manual_seed(self, seed: int) -> None:
        """Nothing: it draws no numbers."""

    def manual_seed_all(self, seed: int) -> None:
        """Nothing: it draws no numbers."""

    def empty_cache(self) -> None:
        """Nothing: it holds no memory."""

    def synchronize(self, device: Any = None) -> None:
        """Nothing: it computes nothing."""


cuda = Absent()
accelerator = Absent()
backends = SimpleNamespace(
    cuda=cuda, mps=Absent(), cudnn=SimpleNamespace(enabled=False, deterministic=False, benchmark=False)
)
