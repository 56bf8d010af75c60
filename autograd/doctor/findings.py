"""What the doctor finds out, as plain data: every part can be made up, which is how the advice is tested."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["Advice", "Blas", "Kernel", "Package", "Processor", "Product", "Report", "Simd", "Surroundings", "Timings"]


@dataclasses.dataclass(frozen=True)
class Package:
    """A package or program that this library uses.

    Attributes:
        version: None if it is missing.
        minimum: the oldest version that will do; empty if any.
        purpose: what it is for.
        install: the command that installs it.
        required: the library cannot do without it.
    """

    name: str
    version: str | None
    minimum: str
    purpose: str
    install: str
    required: bool = False


@dataclasses.dataclass(frozen=True)
class Processor:
    """The processor, and how much of it this process may use.

    Attributes:
        cores: that the system has (with simultaneous threads each counts).
        usable: how many this process may use.
        bound: what sets that number, if anything does: "affinity", "cgroup".
        gigahertz: the clock that the system reports, None if it reports none.
        level: its widest SIMD instructions: "sse", "avx", "avx2", "avx512", "neon", "sve", "unknown".
        vector_bytes: about how many bytes its fused multiply-adds can take in a clock, on one core; 0 if unknown.
        governor: how Linux sets the clock ("performance", "powersave", ...), empty if unknown.
        translated: this Python is one for Intel's processors, run by a translator on Apple's.
    """

    name: str = "unknown"
    system: str = ""
    machine: str = ""
    cores: int = 1
    usable: int = 1
    bound: str = ""
    gigahertz: float | None = None
    level: str = "unknown"
    vector_bytes: int = 0
    governor: str = ""
    translated: bool = False

    def peak(self, itemsize: int) -> float | None:
        """An estimate of one core's GFLOP/s at the reported clock, for numbers of ``itemsize`` bytes."""
        if not self.gigahertz or not self.vector_bytes:
            return None
        return self.gigahertz * self.vector_bytes / itemsize * 2


@dataclasses.dataclass(frozen=True)
class Simd:
    """The SIMD instructions that NumPy's own loops use: always, because it found them, or not because it did not."""

    baseline: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()
    level: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Blas:
    """The library behind NumPy's matrix products; ``source`` says who told its kernel and its threads."""

    name: str = "unknown"
    version: str = ""
    kernel: str = "unknown"
    threads: int | None = None
    source: str = ""

    @property
    def is_openblas(self) -> bool:
        """Whether OPENBLAS_CORETYPE and the like mean something to it."""
        return "openblas" in self.name.lower()


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What else slows programs down.

    Attributes:
        environment: the variables that matter and are set.
        threads: ``autograd.get_num_threads()``.
        libc: the C library, whose ``malloc`` holds the arrays; empty if unknown.
        huge_pages: Linux's setting of transparent huge pages, empty if unknown.
        load: how many programs wanted to compute in the last minute, None if unknown.
        compiled: the library's modules are kept as bytecode, or can be.
        debug: this Python checks itself (a debug build, or ``-X dev``).
    """

    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    threads: int = 1
    libc: str = ""
    huge_pages: str = ""
    load: float | None = None
    compiled: bool = True
    debug: bool = False


@dataclasses.dataclass(frozen=True)
class Product:
    """A matrix product's GFLOP/s: of square matrices, in one thread and in as many as BLAS takes."""

    size: int
    dtype: str
    one: float
    all: float


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel of OpenBLAS, tried in a process of its own, in one thread.

    Attributes:
        setting: OPENBLAS_CORETYPE; empty: as OpenBLAS itself chooses.
        name: what OpenBLAS says it runs.
        gflops: 0 if it failed.
        current: it is what this environment gives.
    """

    setting: str
    name: str
    gflops: float
    current: bool = False


@dataclasses.dataclass(frozen=True)
class Timings:
    """What was measured; None and empty where it was not.

    Attributes:
        copy: GB/s read and written, in one thread.
        ufunc: microseconds of one NumPy call on 16 numbers.
        op: microseconds of one op on 16 numbers, forward and backward, in a chain of 100.
        numpy_import: milliseconds of ``import numpy`` in a fresh process.
        own_import: milliseconds of ``import autograd`` after that.
        failures: what could not be measured, and why.
    """

    products: tuple[Product, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    copy: float | None = None
    ufunc: float | None = None
    op: float | None = None
    numpy_import: float | None = None
    own_import: float | None = None
    failures: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Advice:
    """What is to be mended, and the command or the line that mends it; a note is not about speed lost now."""

    what: str
    fix: str
    note: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything that was found."""

    version: str
    python: str
    packages: tuple[Package, ...] = ()
    processor: Processor = Processor()
    simd: Simd = Simd()
    blas: Blas = Blas()
    surroundings: Surroundings = dataclasses.field(default_factory=Surroundings)
    timings: Timings = Timings()

    def to_dict(self) -> dict[str, Any]:
        """Dictionaries, tuples, strings and numbers: what JSON can hold."""
        return dataclasses.asdict(self)
