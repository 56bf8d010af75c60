"""The report as text for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator, Sequence

from .findings import Advice, Report
from .processor import spoken

__all__ = ["to_json", "to_text"]

_WIDTH = 110
_LEFT = 14


def to_json(report: Report, advice: Sequence[Advice]) -> str:
    """Everything, with names as in ``autograd.doctor.findings``."""
    made = report.to_dict() | {"advice": [dataclasses.asdict(piece) for piece in advice]}
    return json.dumps(made, indent=2)


def to_text(report: Report, advice: Sequence[Advice]) -> str:
    """A section each for software, processor, BLAS, memory, measured speed; and what to mend."""
    sections = (
        (f"chainrule {report.version}, {report.python}", _packages(report)),
        ("Processor", _processor(report)),
        ("BLAS and threads", _blas(report)),
        ("Memory and environment", _surroundings(report)),
        ("Measured", _timings(report)),
        ("To fix" if advice else "Nothing to fix", _advice(advice)),
    )
    return "\n\n".join("\n".join([title, *lines]) for title, lines in sections) + "\n"


def _row(name: str, text: str) -> str:
    head = f"  {name:<{_LEFT}} "
    rest = " " * len(head)
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=rest, break_on_hyphens=False)


def _packages(report: Report) -> Iterator[str]:
    for package in report.packages:
        if package.version is None:
            yield _row(package.name, f"missing ({package.purpose}): {package.install}")
        else:
            yield _row(package.name, f"{package.version:<12} {package.purpose}")


def _processor(report: Report) -> Iterator[str]:
    processor, simd = report.processor, report.simd
    clock = f", {processor.gigahertz:.2f} GHz reported" if processor.gigahertz else ""
    yield _row("name", f"{processor.name} ({processor.system} {processor.machine}{clock})")
    bound = f" (bound by {processor.bound})" if processor.bound else ""
    yield _row("cores", f"{processor.usable} of {processor.cores} usable{bound}")
    if processor.governor:
        yield _row("governor", processor.governor)
    yield _row("SIMD", f"{spoken(processor.level)}; NumPy's loops use {spoken(simd.level)}")
    yield _row("NumPy", _simd(report))
    peaks = [processor.peak(size) for size in (4, 8)]
    if peaks[0] and peaks[1]:
        yield _row(
            "peak",
            f"about {peaks[0]:.0f} (float32) and {peaks[1]:.0f} (float64) GFLOP/s a core, times "
            f"{processor.usable} with all: an estimate, the reported clock times vector width "
            "times usual number of units; a boosted clock gives more",
        )
    else:
        yield _row("peak", "unknown (the system tells no clock, or no SIMD instructions)")


def _simd(report: Report) -> str:
    parts = [
        f"{word} {' '.join(names)}"
        for word, names in (
            ("baseline", report.simd.baseline), ("found", report.simd.found), ("not found", report.simd.not_found)
        )
        if names
    ]  # fmt: skip
    return "; ".join(parts) or "tells nothing"


def _blas(report: Report) -> Iterator[str]:
    blas = report.blas
    source = f" (says {blas.source})" if blas.source else ""
    threads = "unknown" if blas.threads is None else blas.threads
    yield _row("library", f"{blas.name} {blas.version}".strip())
    yield _row("kernel", f"{blas.kernel}{source}")
    yield _row("threads", f"BLAS {threads}; autograd.get_num_threads() {report.surroundings.threads}")


def _surroundings(report: Report) -> Iterator[str]:
    around = report.surroundings
    ours = around.libc.startswith("glibc") and not any(name.startswith("MALLOC_") for name in around.environment)
    kept = "keeps freed arrays of up to 32 MiB for the next step" if ours else "left as it is"
    yield _row("malloc", f"{around.libc or 'unknown C library'}: {kept}")
    yield _row("huge pages", around.huge_pages or "unknown")
    for name, value in around.environment.items():
        yield f"  {name}={value}"


def _timings(report: Report) -> Iterator[str]:
    timings = report.timings
    if timings.products:
        yield "  matrix product, GFLOP/s    one thread   of estimate   all threads"
        for product in timings.products:
            peak = report.processor.peak(4 if product.dtype == "float32" else 8)
            share = f"{product.one / peak:.0%}" if peak else "?"
            yield f"    {product.dtype} {product.size:>6} {product.one:>22.1f} {share:>13} {product.all:>13.1f}"
    for kernel in timings.kernels:
        setting = f"OPENBLAS_CORETYPE={kernel.setting}" if kernel.setting else "OpenBLAS's own choice"
        speed = f"{kernel.gflops:.1f} GFLOP/s" if kernel.gflops else "failed"
        yield f"  kernel {kernel.name:<14} {speed:>14}   {setting}{' (now)' if kernel.current else ''}"
    for name, value, unit in (
        ("copy", timings.copy, "GB/s read and written, in one thread"),
        ("NumPy call", timings.ufunc, "us, 16 numbers"),
        ("op", timings.op, "us forward and backward, 16 numbers, in a chain of 100"),
        ("import", timings.own_import, "ms autograd, after NumPy's"),
        ("", timings.numpy_import, "ms NumPy"),
    ):
        if value is not None:
            yield _row(name, f"{value:.{1 if value >= 10 else 2}f} {unit}")
    for failure in timings.failures:
        yield _row("failed", failure)


def _advice(advice: Sequence[Advice]) -> Iterator[str]:
    for piece in advice:
        mark = "note" if piece.note else "warning"
        yield textwrap.fill(f"{mark}: {piece.what}", _WIDTH, initial_indent="  ", subsequent_indent="    ",
                            break_on_hyphens=False, break_long_words=False)  # fmt: skip
        yield f"      {piece.fix}"
