"""The processor: its name, its clock, its SIMD instructions, and how many of its cores this process may use.

Files that a system does not have, or does not let one read, leave that part unknown.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .findings import Processor, Simd

__all__ = [
    "ARM",
    "X86",
    "cgroup_cores",
    "examine_processor",
    "examine_simd",
    "level_of",
    "read",
    "spoken",
    "vector_bytes",
]

X86 = ("sse", "avx", "avx2", "avx512")
ARM = ("neon", "sve")
"""Levels of SIMD instructions from the narrowest up."""

_NEEDS = {
    "avx512": ({"avx512f", "avx512vl", "avx512dq", "avx512bw"}, {"x86_v4"}, {"avx512_skx"}),
    "avx2": ({"avx2", "fma"}, {"avx2", "fma3"}, {"x86_v3"}),
    "avx": ({"avx"},),
    "sse": ({"sse2"}, {"x86_v2"}),
    "sve": ({"sve"},),
    "neon": ({"asimd"}, {"neon"}),
}
"""By which names, Linux's or NumPy's, a level is known: all of one set."""


def read(root: Path, name: str) -> str:
    """The text of a file of the system, empty if there is none to read."""
    try:
        return (root / name).read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""


def level_of(names: Iterable[str]) -> str:
    """The widest SIMD level among the names of a processor's features.

    >>> from autograd.doctor.processor import level_of
    >>> level_of(["sse2", "avx", "avx2", "fma"])
    'avx2'
    """
    known = {name.lower() for name in names}
    return next((level for level, ways in _NEEDS.items() if any(way <= known for way in ways)), "unknown")


def spoken(level: str) -> str:
    """A level as one writes it."""
    return {"avx512": "AVX-512"}.get(level, level.upper())


def vector_bytes(level: str, vendor: str = "", family: int = 0, model: int = 0, name: str = "") -> int:
    """About how many bytes of numbers one core can multiply and add in a clock.

    That is a vector's width times the units that take one in each clock. Their number is no feature that a processor
    tells; where makers differ, the smaller one stands here.
    """
    if level == "avx512":
        two = family >= 26 if vendor == "AuthenticAMD" else "xeon" in name.lower()
        return 128 if two else 64
    if level == "avx2":
        return 32 if vendor == "AuthenticAMD" and (family, model) < (23, 0x30) else 64  # the first Zen halves vectors
    return {"avx": 32, "sse": 16, "sve": 32, "neon": 32}.get(level, 0)


def cgroup_cores(root: Path) -> float | None:
    """How many cores' time Linux grants the groups (containers) that this process is in; None if it sets no limit."""
    found = []
    for line in read(root, "proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers or "cpu" in controllers.split(","):
            for group in _group_and_those_around(path.strip("/")):
                for base in ("sys/fs/cgroup", "sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"):
                    found += _quota(root, f"{base}/{group}")
    return min(found, default=None)


def _group_and_those_around(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _quota(root: Path, folder: str) -> list[float]:
    words = read(root, f"{folder}/cpu.max").split() or [
        read(root, f"{folder}/cpu.cfs_quota_us"),
        read(root, f"{folder}/cpu.cfs_period_us"),
    ]
    try:
        quota, period = (int(word) for word in words)
    except ValueError:
        return []
    return [quota / period] if quota > 0 and period > 0 else []


def examine_processor(root: Path, system: str, features: Iterable[str] | None = None) -> Processor:
    """What this system tells of its processor.

    Args:
        root: where ``proc`` and ``sys`` are looked for.
        system: as ``platform.system`` says it.
        features: those that NumPy found (default: it is asked), for systems that do not list them.
    """
    fields = _cpuinfo(root)
    flags = fields.get("flags", fields.get("features", "")).split()
    level = level_of(flags or (_numpy_says("__cpu_features__") if features is None else features))
    name = fields.get("model name", "")
    translated = False
    if system == "Darwin":
        name = _sysctl("machdep.cpu.brand_string") or name
        translated = _sysctl("sysctl.proc_translated") == "1"
    name = name or platform.processor() or "unknown"
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    granted = cgroup_cores(root)
    usable = max(1, min(allowed, cores if granted is None else int(granted)))
    family, model = (int(fields.get(key, "0")) for key in ("cpu family", "model"))
    return Processor(
        name=name,
        system=system,
        machine=platform.machine(),
        cores=cores,
        usable=usable,
        bound="" if usable == cores else "affinity" if usable == allowed else "cgroup",
        gigahertz=_clock(root, system, fields.get("cpu mhz", "")),
        level=level,
        vector_bytes=vector_bytes(level, fields.get("vendor_id", ""), family, model, name),
        governor=_governor(root),
        translated=translated,
    )


def _cpuinfo(root: Path) -> dict[str, str]:
    """What Linux says of the first processor; of the clocks, which change, the highest."""
    fields: dict[str, str] = {}
    for line in read(root, "proc/cpuinfo").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        key = name.lower()
        if key == "cpu mhz":
            fields[key] = max(fields.get(key, "0"), value, key=_number)
        elif key not in ("cpu family", "model") or value.isdigit():
            fields.setdefault(key, value)
    return fields


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _governor(root: Path) -> str:
    """How the clock is set. Some drivers' "powersave" raises it as needed: their name is added."""
    governor, driver = (
        read(root, f"sys/devices/system/cpu/cpu0/cpufreq/scaling_{name}") for name in ("governor", "driver")
    )
    return f"{governor} of {driver}" if driver.startswith(("intel_pstate", "amd-pstate", "amd_pstate")) else governor


def _clock(root: Path, system: str, megahertz: str) -> float | None:
    """The highest clock that the system reports, in GHz."""
    kilohertz = read(root, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    hertz = _sysctl("hw.cpufrequency_max") if system == "Darwin" else ""
    clocks = (_number(kilohertz) / 1e6, _number(megahertz) / 1e3, _number(hertz) / 1e9)
    return next((clock for clock in clocks if clock > 0), None)


def _sysctl(name: str) -> str:
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def examine_simd() -> Simd:
    """Which SIMD instructions NumPy's own loops use, as far as it tells."""
    features = _numpy_says("__cpu_features__")
    baseline, dispatch = (tuple(_numpy_says(f"__cpu_{name}__")) for name in ("baseline", "dispatch"))
    found = tuple(name for name in dispatch if name in features)
    return Simd(baseline, found, tuple(name for name in dispatch if name not in features), level_of(baseline + found))


def _numpy_says(name: str) -> list[str]:
    """A list, or what is true in a dictionary, that is private to NumPy: it may be gone in another version."""
    try:
        said: Any = getattr(importlib.import_module("numpy._core._multiarray_umath"), name, ())
    except ImportError:
        return []
    return [feature for feature in said if not isinstance(said, dict) or said[feature]]
