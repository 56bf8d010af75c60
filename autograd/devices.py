"""Where Tensors lie: the CPU. The names by which programs ask for other devices are here to say that there are none.

So are those by which programs choose how arrays lie in memory, and how exactly products are computed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .errors import ArgumentError

__all__ = [
    "accelerator", "backends", "channels_last", "channels_last_3d", "check_device", "contiguous_format", "cuda",
    "device", "get_default_device", "get_float32_matmul_precision", "memory_format", "preserve_format",
    "set_default_device", "set_float32_matmul_precision", "use_deterministic_algorithms",
]  # fmt: skip


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

    def __enter__(self) -> device:
        """PyTorch's ``with device:`` says where new Tensors lie: they lie on the CPU anyway."""
        return self

    def __exit__(self, *error: object) -> None:
        """The end of ``with device:``."""

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")


class memory_format(str):
    """How PyTorch may lay out an array, for its scripts: it means nothing here, where arrays lie as NumPy lays them."""

    __slots__ = ()


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


class Absent:
    """A kind of device that does not exist here, asked as PyTorch is asked on a machine without it.

    Seeding it and emptying its cache do nothing, as there.
    """

    def __init__(self) -> None:
        self.matmul = SimpleNamespace(allow_tf32=False)

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


class NoAccelerator(Absent):
    """The device that is faster than the CPU, of which programs ask what it is: there is none."""

    def current_accelerator(self, check_available: bool = False) -> None:
        """None, as in PyTorch where there is none."""


def get_default_device() -> device:
    """Where new Tensors lie: the CPU."""
    return device("cpu")


def set_default_device(device: Any) -> None:
    """Nothing, for PyTorch's scripts: new Tensors lie on the CPU. Raises: ValueError for another device."""
    check_device(device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing, for PyTorch's scripts: what is computed here is the same at every run."""


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing, for PyTorch's scripts: products of float32 are computed in float32 (``precision`` is what suffices).

    Args:
        precision: ``'highest'``, ``'high'`` or ``'medium'``.

    Raises: ValueError for another.
    """
    if precision not in ("highest", "high", "medium"):
        raise ArgumentError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")


def get_float32_matmul_precision() -> str:
    """``'highest'``, whatever was said to suffice."""
    return "highest"


cuda = Absent()
accelerator = NoAccelerator()
backends = SimpleNamespace(
    cuda=cuda,
    mps=Absent(),
    cudnn=SimpleNamespace(enabled=False, deterministic=False, benchmark=False, allow_tf32=False),
)
"""PyTorch's settings of other devices, for its scripts: they may be set, and mean nothing."""
