"""What to mend, given what was found. Nothing is measured or read here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .findings import Advice, Kernel, Product, Report
from .processor import ARM, X86, spoken
from .software import THREAD_LIMITS, version_numbers

__all__ = ["FASTER", "advise", "kernel_level"]

FASTER = 1.15
"""How much faster another kernel must be to be worth a word: less is the machine's noise."""

_KERNELS = {
    "sse": "prescott core2 penryn dunnington nehalem atom nano opteron opteron_sse3 barcelona bobcat athlon",
    "avx": "sandybridge bulldozer piledriver steamroller",
    "avx2": "haswell zen excavator",
    "avx512": "skylakex cooperlake sapphirerapids",
    "neon": "armv8 cortexa53 cortexa55 cortexa57 cortexa72 cortexa73 neoversen1 vortex falkor thunderx thunderx2t99 "
    "tsv110 emag8180 ft2000",
    "sve": "armv8sve neoversev1 neoversen2 a64fx armv9sme vortexm4",
}  # fmt: skip


def kernel_level(kernel: str) -> str:
    """The SIMD instructions for which a kernel of OpenBLAS was written.

    >>> from autograd.doctor.advice import kernel_level
    >>> kernel_level("Haswell")
    'avx2'
    """
    return next((level for level, names in _KERNELS.items() if kernel.lower() in names.split()), "unknown")


def _compare(kernel: str, processor: str) -> int:
    """Whether a kernel's level is below (-1), at (0), or above (1) a processor's; 0 where that cannot be said."""
    for order in (X86, ARM):
        if kernel in order and processor in order:
            return (order.index(kernel) > order.index(processor)) - (order.index(kernel) < order.index(processor))
    return 0


def _set(report: Report, name: str, value: object) -> str:
    return f"$Env:{name} = '{value}'" if report.processor.system == "Windows" else f"export {name}={value}"


def _unset(report: Report, *names: str) -> str:
    if report.processor.system == "Windows":
        return "; ".join(f"Remove-Item Env:{name}" for name in names)
    return f"unset {' '.join(names)}"


def _packages(report: Report) -> Iterator[Advice]:
    found = {package.name: package for package in report.packages}
    for package in report.packages:
        if package.version is None:
            if package.required:
                yield Advice(f"{package.name} is missing ({package.purpose}).", package.install)
        elif package.minimum and _older(package.version, package.minimum):
            yield Advice(f"{package.name} {package.version} is older than {package.minimum}.", package.install)
    drawing = [found[name] for name in ("dot", "pygraphviz") if name in found]
    if drawing and not any(package.version for package in drawing):
        yield Advice(
            "Graphviz is missing: graphs can be written as SVG and HTML, but not as PNG or PDF.",
            "pip install 'chainrule[examples]' (or install your system's package graphviz)",
            note=True,
        )
    control = found.get("threadpoolctl")
    if control and control.version is None:
        yield Advice(
            "threadpoolctl is missing: set_num_threads does not reach matrix products.", control.install, note=True
        )


def _older(version: str, minimum: str) -> bool:
    return version[:1].isdigit() and version_numbers(version) < version_numbers(minimum)


def _forced_beside_best(report: Report) -> int:
    """Whether the kernel that was forced is below (-1) or above (1) the processor's level; 0 also where none was."""
    forced = report.surroundings.environment.get("OPENBLAS_CORETYPE", "")
    return _compare(kernel_level(forced), report.processor.level) if forced and report.blas.is_openblas else 0


def _kernel(report: Report) -> Iterator[Advice]:
    """A kernel that was forced, or one that OpenBLAS chose, and that is not the processor's best."""
    forced = report.surroundings.environment.get("OPENBLAS_CORETYPE", "")
    current = next((kernel for kernel in report.timings.kernels if kernel.current), None)
    if not report.blas.is_openblas:
        return
    order = _forced_beside_best(report)
    if order > 0:
        yield Advice(
            f"OPENBLAS_CORETYPE={forced} asks for {spoken(kernel_level(forced))} instructions, which this processor "
            "does not have: matrix products crash.",
            _unset(report, "OPENBLAS_CORETYPE"),
        )
    elif current:
        yield from _faster(report, current, forced)
    elif order < 0:
        yield Advice(
            f"OPENBLAS_CORETYPE={forced} forces kernels for {spoken(kernel_level(forced))}, but this processor has "
            f"{spoken(report.processor.level)}, with which matrix products may be twice as fast.",
            _unset(report, "OPENBLAS_CORETYPE"),
        )


def _faster(report: Report, current: Kernel, forced: str) -> Iterator[Advice]:
    best = max(report.timings.kernels, key=lambda kernel: kernel.gflops)
    for kernel in report.timings.kernels:
        if not kernel.setting and kernel.gflops * 1.05 >= best.gflops:
            best = kernel  # to let OpenBLAS choose is the better cure, if it chooses well
    if best.gflops < FASTER * current.gflops or not best.gflops:
        return
    fix = _set(report, "OPENBLAS_CORETYPE", best.setting) if best.setting else _unset(report, "OPENBLAS_CORETYPE")
    runs = f"OpenBLAS runs its kernel {current.name}{' as OPENBLAS_CORETYPE says' if forced else ''}"
    if not current.gflops:
        yield Advice(f"{runs}, which crashes here; {best.name} does not.", fix)
        return
    yield Advice(
        f"{runs}, but {best.name} is {best.gflops / current.gflops:.1f} times as fast here ({best.gflops:.0f} against "
        f"{current.gflops:.0f} GFLOP/s).",
        fix,
    )


def _failures(report: Report) -> Iterator[Advice]:
    """What could not be measured, where no kernel is forced that the processor cannot run."""
    if _forced_beside_best(report) > 0:
        return
    for failure in report.timings.failures:
        yield Advice(
            f"Not measured: {failure}.",
            'python -c "import numpy as np; a = np.ones((256, 256)); a @ a"   (what does this say?)',
        )


def _speed(report: Report) -> Iterator[Advice]:
    """A product in one thread that is well under the estimate, where no other kernel explains it."""
    if any(_kernel(report)):
        return
    product = _largest(report)
    peak = report.processor.peak(4)
    if product is None or peak is None or product.one >= peak / 2:
        return
    said = f"A matrix product reaches {product.one:.0f} of about {peak:.0f} GFLOP/s in one thread."
    if report.blas.is_openblas or report.blas.name.lower() in ("mkl", "mkl-sdl", "accelerate", "nvpl"):
        yield Advice(
            f"{said} The kernel is no reason; other programs or a lowered clock are.",
            "close other programs, plug in the power supply, and run this again",
        )
    else:
        yield Advice(
            f"{said} BLAS is {report.blas.name!r}, NumPy's wheels have a faster one.",
            "pip install --force-reinstall --only-binary :all: numpy",
        )


def _largest(report: Report) -> Product | None:
    return max((p for p in report.timings.products if p.dtype == "float32"), key=lambda p: p.size, default=None)


def _threads(report: Report) -> Iterator[Advice]:
    processor, blas = report.processor, report.blas
    limits = [name for name in THREAD_LIMITS if report.surroundings.environment.get(name) == "1"]
    wanted = "OPENBLAS_NUM_THREADS" if blas.is_openblas else "OMP_NUM_THREADS"
    product = _largest(report)
    if processor.usable > 1 and (blas.threads == 1 or (blas.threads is None and limits)):
        yield Advice(
            f"Matrix products run in one thread, and {processor.usable} cores may be used. (For small models, and for "
            "many programs side by side, that is as it should be.)",
            _unset(report, *limits) if limits else _set(report, wanted, processor.usable),
        )
    elif blas.threads and blas.threads > processor.usable:
        why = " (its container's share)" if processor.bound == "cgroup" else ""
        yield Advice(
            f"BLAS starts {blas.threads} threads, but this process may use {_cores(processor.usable)}{why}: they wait "
            "for each other.",
            _set(report, wanted, processor.usable),
        )
    elif product and (blas.threads or 1) > 1 and product.all < 0.9 * product.one:
        yield Advice(
            f"A matrix product in {blas.threads} threads is slower than in one ({product.all:.0f} against "
            f"{product.one:.0f} GFLOP/s): the cores are busy with other programs.",
            f"close them, or {_set(report, wanted, max(1, processor.usable // 2))}",
        )


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def _simd(report: Report) -> Iterator[Advice]:
    environment = report.surroundings.environment
    if report.processor.translated:
        yield Advice(
            "This Python is one for Intel's processors, translated as it runs.",
            "install Python for arm64, and the packages in it anew",
        )
    elif environment.get("NPY_DISABLE_CPU_FEATURES"):
        yield Advice(
            f"NPY_DISABLE_CPU_FEATURES={environment['NPY_DISABLE_CPU_FEATURES']} keeps NumPy's loops from using them.",
            _unset(report, "NPY_DISABLE_CPU_FEATURES"),
        )
    elif report.simd.level in ("sse", "avx") and report.processor.level in ("avx2", "avx512"):
        yield Advice(
            f"NumPy's loops know no more than {spoken(report.simd.level)}, and this processor has "
            f"{spoken(report.processor.level)}.",
            "pip install --force-reinstall --only-binary :all: numpy",
        )


_MALLOC = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")


def _memory(report: Report) -> Iterator[Advice]:
    environment = report.surroundings.environment
    if "debug" in environment.get("PYTHONMALLOC", ""):
        yield Advice("PYTHONMALLOC checks every piece of memory.", _unset(report, "PYTHONMALLOC"))
    if environment.get("PYTHONTRACEMALLOC", "0") != "0":
        yield Advice("PYTHONTRACEMALLOC notes where all memory came from.", _unset(report, "PYTHONTRACEMALLOC"))
    ours = [name for name in _MALLOC if name in environment]
    if ours:
        yield Advice(
            f"{' and '.join(ours)} set how much freed memory is kept, so that this library does not: large arrays may "
            "come anew from the system in every step.",
            _unset(report, *ours),
            note=True,
        )
    if environment.get("NUMPY_MADVISE_HUGEPAGE") == "0":
        yield Advice(
            "NUMPY_MADVISE_HUGEPAGE=0: large arrays get small pages, and more of them.",
            _unset(report, "NUMPY_MADVISE_HUGEPAGE"),
        )
    if report.surroundings.huge_pages == "never":
        yield Advice(
            "Huge pages are switched off: large arrays take longer to make.",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
            note=True,
        )


def _python(report: Report) -> Iterator[Advice]:
    around = report.surroundings
    if around.debug:
        yield Advice(
            "This Python checks itself (development mode, or a debug build): all calls take longer.",
            _unset(report, "PYTHONDEVMODE") if around.environment.get("PYTHONDEVMODE") else "run it without -X dev",
        )
    if not around.compiled:
        yield Advice(
            "No bytecode is kept, so that `import autograd` compiles all modules each time.",
            _unset(report, "PYTHONDONTWRITEBYTECODE")
            if around.environment.get("PYTHONDONTWRITEBYTECODE")
            else "run python without -B",
        )
    if report.processor.governor == "powersave":
        yield Advice("The clock is held low (governor powersave).", "sudo cpupower frequency-set -g performance")
    load = around.load
    if load is not None and load > max(1.5, report.processor.cores * 0.75):
        yield Advice(
            f"Other programs are computing (load {load:.1f} on {_cores(report.processor.cores)}): figures are low and "
            "change.",
            "run this again when they are done",
            note=True,
        )


_CHECKS: tuple[Callable[[Report], Iterator[Advice]], ...] = (
    _packages, _kernel, _failures, _speed, _threads, _simd, _memory, _python,
)  # fmt: skip


def advise(report: Report) -> tuple[Advice, ...]:
    """What is to be mended, warnings first."""
    found = [advice for check in _CHECKS for advice in check(report)]
    return tuple(sorted(found, key=lambda advice: advice.note))
