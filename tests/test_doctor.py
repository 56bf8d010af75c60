"""python -m autograd.doctor: advice for machines made up, what is read of systems' files, the forms, a quick run."""

from __future__ import annotations

import configparser
import dataclasses
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from autograd.doctor import (
    Blas,
    Kernel,
    Package,
    Processor,
    Product,
    Report,
    Simd,
    Surroundings,
    Timings,
    advise,
    examine,
    to_json,
    to_text,
)
from autograd.doctor.__main__ import main
from autograd.doctor.advice import kernel_level
from autograd.doctor.blas import describe, gflops
from autograd.doctor.processor import cgroup_cores, examine_processor, examine_simd, level_of, vector_bytes
from autograd.doctor.software import VARIABLES, examine_packages, examine_surroundings, version_numbers
from autograd.doctor.timing import Worker, candidates, compare_kernels, measure
from tests.helpers import ROOT, run_python

DOT = Package("dot", "found", "", "pictures", "install graphviz")
HEALTHY = Report(
    version="1.2",
    python="CPython 3.13.0",
    packages=(Package("numpy", "2.4.0", "2.0", "all arrays", "pip install -U 'numpy>=2.0'", True), DOT),
    processor=Processor("Some Xeon", "Linux", "x86_64", 8, 8, "", 2.5, "avx512", 128, "performance"),
    simd=Simd(("X86_V2",), ("X86_V3", "X86_V4"), ("AVX512_SPR",), "avx512"),
    blas=Blas("scipy-openblas", "0.3.31", "SkylakeX", 8, "threadpoolctl"),
    surroundings=Surroundings({}, 4, "glibc 2.39", "madvise", 0.2),
    timings=Timings(
        products=(Product(512, "float32", 140.0, 900.0), Product(512, "float64", 70.0, 450.0)),
        kernels=(Kernel("", "SkylakeX", 140.0, True), Kernel("Haswell", "Haswell", 75.0)),
        copy=20.0,
        ufunc=0.3,
        op=1.5,
        numpy_import=80.0,
        own_import=60.0,
    ),
)


def but(**changes):
    """The healthy machine with changes: of a part's fields, or of a whole part that is not a dataclass."""
    parts = {
        name: dataclasses.replace(getattr(HEALTHY, name), **change) if isinstance(change, dict) else change
        for name, change in changes.items()
    }
    return dataclasses.replace(HEALTHY, **parts)


def env(**variables):
    return {"environment": variables}


FORCED = (Kernel("Haswell", "Haswell", 75.0, True), Kernel("", "SkylakeX", 140.0), Kernel("Zen", "Zen", 74.0))

# ---- advice ----------------------------------------------------------------------------------------------------------


def test_a_healthy_machine_needs_nothing():
    assert advise(HEALTHY) == ()
    assert to_text(HEALTHY, ()).endswith("\n\nNothing to fix\n")


@pytest.mark.parametrize(
    ("report", "what", "fix"),
    [
        (but(surroundings=env(OPENBLAS_CORETYPE="Haswell"), timings={"kernels": FORCED}),
         r"Haswell as OPENBLAS_CORETYPE says, but SkylakeX is 1\.9 times as fast here \(140 against 75 GFLOP/s\)",
         "unset OPENBLAS_CORETYPE"),
        (but(surroundings=env(OPENBLAS_CORETYPE="Haswell"), timings={"kernels": ()}),
         "forces kernels for AVX2, but this processor has AVX-512", "unset OPENBLAS_CORETYPE"),
        (but(surroundings=env(OPENBLAS_CORETYPE="Haswell"), timings={"kernels": ()}, processor={"system": "Windows"}),
         "forces kernels", "Remove-Item Env:OPENBLAS_CORETYPE"),
        (but(surroundings=env(OPENBLAS_CORETYPE="skylakex"), processor={"level": "avx2"},
             timings={"failures": ("matrix products: SIGILL",)}),
         "asks for AVX-512 instructions, which this processor does not have", "unset OPENBLAS_CORETYPE"),
        (but(timings={"kernels": (Kernel("", "Haswell", 75.0, True), Kernel("SkylakeX", "SkylakeX", 140.0))}),
         r"its kernel Haswell, but SkylakeX is 1\.9 times", "export OPENBLAS_CORETYPE=SkylakeX"),
        (but(surroundings=env(OPENBLAS_CORETYPE="Odd"),
             timings={"kernels": (Kernel("Odd", "Odd", 0.0, True), *FORCED[1:])}),
         "which crashes here; SkylakeX does not", "unset OPENBLAS_CORETYPE"),
        (but(timings={"failures": ("matrix products: the process was ended by SIGILL",)}),
         "Not measured: matrix products: the process was ended by SIGILL", "a @ a"),
        (but(timings={"products": (Product(512, "float32", 60.0, 400.0),)}),
         "60 of about 160 GFLOP/s in one thread. The kernel is no reason", "close other programs"),
        (but(timings={"products": (Product(512, "float32", 6.0, 6.0),)}, blas=Blas("blas", "3.9")),
         "BLAS is 'blas', NumPy's wheels have a faster one", "--only-binary :all: numpy"),
        (but(surroundings=env(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"), blas={"threads": 1}),
         "in one thread, and 8 cores may be used", "unset OPENBLAS_NUM_THREADS OMP_NUM_THREADS"),
        (but(surroundings=env(MKL_NUM_THREADS="1"), blas=Blas("mkl")), "in one thread", "unset MKL_NUM_THREADS"),
        (but(blas={"threads": 1}), "in one thread", "export OPENBLAS_NUM_THREADS=8"),
        (but(processor={"usable": 2, "bound": "cgroup"}),
         r"starts 8 threads, but this process may use 2 cores \(its container's share\)",
         "export OPENBLAS_NUM_THREADS=2"),
        (but(timings={"products": (Product(512, "float32", 140.0, 20.0),)}),
         r"in 8 threads is slower than in one \(20 against 140", "export OPENBLAS_NUM_THREADS=4"),
        (but(processor={"translated": True}), "for Intel's processors", "arm64"),
        (but(surroundings=env(NPY_DISABLE_CPU_FEATURES="X86_V3")), "keeps NumPy's loops", "unset NPY_DISABLE"),
        (but(simd=Simd(("X86_V2",), (), (), "sse")), "no more than SSE, and this processor has AVX-512", "pip install"),
        (but(surroundings=env(PYTHONMALLOC="malloc_debug")), "PYTHONMALLOC", "unset PYTHONMALLOC"),
        (but(surroundings=env(PYTHONTRACEMALLOC="1")), "TRACEMALLOC", "unset PYTHONTRACEMALLOC"),
        (but(surroundings=env(NUMPY_MADVISE_HUGEPAGE="0")), "small pages", "unset NUMPY_MADVISE_HUGEPAGE"),
        (but(surroundings={"debug": True}), "checks itself", "without -X dev"),
        (but(surroundings={"debug": True, **env(PYTHONDEVMODE="1")}), "checks itself", "unset PYTHONDEVMODE"),
        (but(surroundings={"compiled": False, **env(PYTHONDONTWRITEBYTECODE="1")}), "bytecode", "unset PYTHONDONT"),
        (but(surroundings={"compiled": False}), "bytecode", "without -B"),
        (but(processor={"governor": "powersave"}), "held low", "frequency-set -g performance"),
        (but(packages=(Package("numpy", "1.26.4", "2.0", "", "pip install -U 'numpy>=2.0'", True), DOT)),
         "numpy 1.26.4 is older than 2.0", "pip install -U 'numpy>=2.0'"),
        (but(packages=(Package("scipy", None, "1.13", "FFTs", "pip install scipy", True), DOT)),
         r"scipy is missing \(FFTs\)", "pip install scipy"),
    ],
)  # fmt: skip
def test_a_fault_is_a_warning_with_its_fix(report, what, fix):
    (advice,) = advise(report)
    assert re.search(what, advice.what)
    assert fix in advice.fix
    assert not advice.note
    shown = " ".join(to_text(report, [advice]).split())
    assert f"To fix warning: {advice.what} {' '.join(advice.fix.split())}" in shown


@pytest.mark.parametrize(
    ("report", "what", "fix"),
    [
        (but(packages=(dataclasses.replace(DOT, version=None), Package("pygraphviz", None, "2.0", "", ""))),
         "Graphviz is missing", "chainrule[examples]"),
        (but(packages=(Package("threadpoolctl", None, "3.1", "", "pip install threadpoolctl"),)),
         "set_num_threads does not reach", "pip install threadpoolctl"),
        (but(surroundings=env(MALLOC_TRIM_THRESHOLD_="1")), "how much freed memory", "unset MALLOC_TRIM_THRESHOLD_"),
        (but(surroundings={"huge_pages": "never"}), "Huge pages", "transparent_hugepage/enabled"),
        (but(surroundings={"load": 9.0}), "load 9.0 on 8 cores", "run this again"),
    ],
)  # fmt: skip
def test_what_costs_no_speed_now_is_a_note(report, what, fix):
    (advice,) = advise(report)
    assert (bool(re.search(what, advice.what)), fix in advice.fix, advice.note) == (True, True, True)


@pytest.mark.parametrize(
    "report",
    [
        but(surroundings=env(OPENBLAS_CORETYPE="SkylakeX"), timings={"kernels": ()}),
        but(surroundings=env(OPENBLAS_CORETYPE="Unheard"), timings={"kernels": ()}),
        but(surroundings=env(OPENBLAS_CORETYPE="Haswell"), blas={"name": "mkl"}, timings={"kernels": ()}),
        but(timings={"kernels": (Kernel("", "SkylakeX", 140.0, True), Kernel("Zen", "Zen", 150.0))}),
        but(timings=Timings(), processor=Processor(), blas=Blas()),
        but(packages=(dataclasses.replace(DOT, version=None), Package("pygraphviz", "2.0.4", "2.0", "", ""))),
        but(processor={"usable": 1}, blas={"threads": 1}),
        but(processor={"governor": "powersave of intel_pstate"}),
        but(processor={"level": "sve"}, simd=Simd(("NEON",), (), (), "neon")),
        but(timings={"products": (Product(512, "float32", 1.0, 8.0),)}, processor={"gigahertz": None}),
    ],
)
def test_what_is_no_fault_is_not_mentioned(report):
    assert advise(report) == ()


def test_a_slower_kernel_does_not_explain_a_failure():
    failed = {"kernels": (), "failures": ("matrix products: the process ended with status 1",)}
    slower, failure = advise(but(surroundings=env(OPENBLAS_CORETYPE="Haswell"), timings=failed))
    assert "forces kernels for AVX2" in slower.what
    assert failure.what == "Not measured: matrix products: the process ended with status 1."


def test_warnings_come_before_notes():
    report = but(surroundings={"load": 99.0, **env(PYTHONMALLOC="debug", MALLOC_TOP_PAD_="1")})
    assert [advice.note for advice in advise(report)] == [False, True, True]


# ---- what is read ----------------------------------------------------------------------------------------------------


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


CPU = "sys/devices/system/cpu/cpu0/cpufreq"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 1\n"
          "model name\t: EPYC\ncpu MHz\t: 1500.0\nflags\t: sse2 avx avx2 fma\n"
          "\nprocessor\t: 1\ncpu MHz\t: 2500.0\nmodel\t: 1\n"},
         {"name": "EPYC", "gigahertz": 2.5, "level": "avx2", "vector_bytes": 64, "governor": ""}),
        ({"proc/cpuinfo": "cpu MHz : 800\nflags : avx512f avx512vl avx512dq avx512bw\nmodel name: Intel Xeon\n",
          f"{CPU}/cpuinfo_max_freq": "3900000\n", f"{CPU}/scaling_governor": "powersave\n",
          f"{CPU}/scaling_driver": "intel_pstate\n"},
         {"gigahertz": 3.9, "level": "avx512", "vector_bytes": 128, "governor": "powersave of intel_pstate"}),
        ({"proc/cpuinfo": "BogoMIPS : 50.00\nFeatures : fp asimd sve\nCPU part : 0xd40\n",
          f"{CPU}/scaling_governor": "powersave"},
         {"gigahertz": None, "level": "sve", "governor": "powersave"}),
        ({}, {"gigahertz": None, "level": "avx", "vector_bytes": 32, "governor": ""}),
        ({"proc/cpuinfo": "cpu family : unknown\ncpu MHz : ?\nflags :\n"}, {"gigahertz": None, "level": "avx"}),
    ],
)  # fmt: skip
def test_the_processor(files, expected, tmp_path):
    write(tmp_path, files)
    found = examine_processor(tmp_path, "Linux", ["SSE2", "AVX"])
    assert {name: getattr(found, name) for name in expected} == expected
    assert 1 <= found.usable <= found.cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "400000 100000\n",
          "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, 4.0),
        ({"proc/self/cgroup": "3:cpu,cpuacct:/a\n0::/\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "200000\n",
          "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"proc/self/cgroup": "3:memory:/a\n", "sys/fs/cgroup/a/cpu.max": "100000 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_containers_share(files, cores, tmp_path):
    write(tmp_path, files)
    assert cgroup_cores(tmp_path) == cores


def test_a_small_share_bounds_the_cores(tmp_path):
    write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"})
    assert examine_processor(tmp_path, "Linux").usable == 1


@pytest.mark.parametrize(
    ("names", "level"),
    [
        (["X86_V2", "X86_V3"], "avx2"),
        (["SSE", "SSE2", "AVX", "F16C", "FMA3", "AVX2", "AVX512F"], "avx2"),
        (["X86_V4"], "avx512"),
        (["AVX512_SKX", "AVX2", "FMA3"], "avx512"),
        (["avx2"], "unknown"),
        (["NEON", "ASIMD"], "neon"),
        ([], "unknown"),
    ],
)
def test_levels(names, level):
    assert level_of(names) == level


@pytest.mark.parametrize(
    ("arguments", "width"),
    [
        (("avx2", "AuthenticAMD", 23, 1), 32),
        (("avx2", "AuthenticAMD", 23, 0x31), 64),
        (("avx2", "GenuineIntel", 6, 60), 64),
        (("avx512", "AuthenticAMD", 25, 17), 64),
        (("avx512", "AuthenticAMD", 26, 2), 128),
        (("avx512", "GenuineIntel", 6, 85, "Intel(R) Xeon(R) Gold"), 128),
        (("avx512", "GenuineIntel", 6, 140, "11th Gen Core"), 64),
        (("unknown",), 0),
    ],
)
def test_vector_bytes(arguments, width):
    assert vector_bytes(*arguments) == width


def test_the_peak_is_clock_times_width():
    processor = Processor(gigahertz=2.5, vector_bytes=64)
    assert (processor.peak(4), processor.peak(8), Processor().peak(4)) == (80.0, 40.0, None)


def test_surroundings(tmp_path):
    write(tmp_path, {"sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n"})
    found = examine_surroundings(tmp_path, {"OMP_NUM_THREADS": "3", "HOME": "/", "PYTHONMALLOC": ""})
    assert (found.huge_pages, dict(found.environment)) == ("never", {"OMP_NUM_THREADS": "3"})
    assert examine_surroundings(tmp_path / "none", {}).huge_pages == ""
    assert len(set(VARIABLES)) == len(VARIABLES)


def test_numpys_private_names_may_be_gone(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy._core._multiarray_umath", None)
    assert examine_simd() == Simd()
    monkeypatch.setitem(sys.modules, "numpy._core._multiarray_umath", SimpleNamespace(__cpu_baseline__=["SSE2"]))
    assert examine_simd() == Simd(("SSE2",), level="sse")


def test_minima_are_those_of_the_installation():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    text = "\n".join([config["options"]["install_requires"], *config["options.extras_require"].values()])
    listed = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", text, re.MULTILINE))
    needed = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", config["options"]["install_requires"], re.MULTILINE))
    packages = {package.name: package for package in examine_packages() if package.name != "dot"}
    assert {name: package.minimum for name, package in packages.items()}.items() <= listed.items()
    assert {name for name, package in packages.items() if package.required} == set(needed)
    assert packages["numpy"].version is not None


@pytest.mark.parametrize(
    ("text", "numbers"), [("2.4.0", (2, 4, 0)), ("3.0.dev1", (3, 0)), ("1.26rc1", (1, 26)), ("", ()), ("x", ())]
)
def test_version_numbers(text, numbers):
    assert version_numbers(text) == numbers


# ---- BLAS ------------------------------------------------------------------------------------------------------------


def test_openblas_tells_itself_what_threadpoolctl_tells(monkeypatch):
    pytest.importorskip("threadpoolctl")
    first = describe()
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    second = describe()
    assert second["source"] == ("the library" if "openblas" in first["name"] else "")
    if second["source"]:
        assert {**second, "source": ""} == {**first, "source": ""}


@pytest.mark.parametrize(
    ("built", "loaded", "name"),
    [("blas", "openblas", "openblas"), ("scipy-openblas", "openblas", "scipy-openblas"), ("mkl-sdl", "mkl", "mkl-sdl")],
)
def test_what_is_loaded_counts_not_what_numpy_was_built_with(built, loaded, name, monkeypatch):
    pool = {"user_api": "blas", "internal_api": loaded, "version": "1", "num_threads": 2, "filepath": "numpy/lib.so"}
    other = {**pool, "num_threads": 9, "filepath": "scipy/lib.so"}
    told = SimpleNamespace(threadpool_info=lambda: [{"user_api": "openmp"}, other, pool])
    monkeypatch.setitem(sys.modules, "threadpoolctl", told)
    config = {"Build Dependencies": {"blas": {"name": built, "version": "3.9"}}}
    monkeypatch.setattr("numpy.show_config", lambda mode: config)
    found = describe()
    assert (found["name"], found["version"]) == (name, "1" if name == loaded else "3.9")
    assert (found["kernel"], found["threads"], found["source"]) == ("unknown", 2, "threadpoolctl")


@pytest.mark.parametrize(
    ("level", "forced", "expected"),
    [
        ("avx512", "", ("SkylakeX", "Haswell", "Zen")),
        ("avx512", "haswell", ("", "SkylakeX", "Zen")),
        ("avx2", "SkylakeX", ("", "Haswell", "Zen")),
        ("unknown", "", ()),
    ],
)
def test_kernels_to_try(level, forced, expected):
    assert candidates(level, forced) == expected


@pytest.mark.parametrize(
    ("kernel", "level"), [("SKYLAKEX", "avx512"), ("ARMV8", "neon"), ("zen", "avx2"), ("", "unknown")]
)
def test_kernel_levels(kernel, level):
    assert kernel_level(kernel) == level


def test_a_kernel_is_tried_once():
    def worker(kernel, *speeds):
        answers = iter(speeds)
        return SimpleNamespace(kernel=kernel, ask=lambda *asked: next(answers, 1.0))

    workers = [worker("Haswell", 70.0, 75.0), worker("SkylakeX", 140.0), worker("haswell", 999.0), worker("unknown")]
    found = compare_kernels(workers, ("Haswell", "", "Zen", "Odd"), iter([]))
    assert found == (
        Kernel("Haswell", "Haswell", 75.0, True),
        Kernel("", "SkylakeX", 140.0),
        Kernel("Odd", "unknown", 1.0),
    )


def test_products_are_measured_here_and_in_a_process():
    assert gflops(16, "float32", 0.0) > 0
    worker = Worker({**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    try:
        worker.hello()
        assert worker.kernel == describe()["kernel"]
        assert worker.ask(16, "float64", 0.0) > 0
    finally:
        worker.close()


def test_a_process_that_dies_is_a_failure_not_an_error(tmp_path):
    found = measure(Processor(), Blas(), {**os.environ, "PYTHONHOME": str(tmp_path)}, quick=True)
    (failure,) = found.failures
    assert re.fullmatch(r"matrix products: the process ended with status \d+", failure)
    assert found.products == ()
    assert found.op is not None


# ---- the command -----------------------------------------------------------------------------------------------------


def test_text_fits_a_terminal():
    report = but(timings={"failures": ("matrix products: lost",)}, processor={"name": "A long name " * 12})
    text = to_text(report, advise(report))
    assert max(map(len, text.splitlines())) <= 110
    assert "float32    512                  140.0           88%         900.0" in text
    assert "SIMD           AVX-512; NumPy's loops use AVX-512" in text
    assert "kernel Haswell          75.0 GFLOP/s   OPENBLAS_CORETYPE=Haswell\n" in text
    assert "keeps freed arrays" in text
    assert "left as it is" in to_text(but(surroundings=env(MALLOC_ARENA_MAX="1", MALLOC_TOP_PAD_="1")), ())


def test_unknowns_are_said():
    text = to_text(Report("1", "CPython"), ())
    assert "unknown C library: left as it is" in text
    assert "peak           unknown" in text
    assert "BLAS unknown" in text


def test_json_has_everything():
    report = but(surroundings=env(PYTHONMALLOC="debug"))
    found = json.loads(to_json(report, advise(report)))
    assert found["processor"]["level"] == "avx512"
    assert found["timings"]["products"][0] == {"size": 512, "dtype": "float32", "one": 140.0, "all": 900.0}
    assert found["advice"][0] == {
        "what": "PYTHONMALLOC checks every piece of memory.",
        "fix": "unset PYTHONMALLOC",
        "note": False,
    }


def test_a_quick_run():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "autograd.doctor", "--quick", "--json"],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [(product["size"], product["dtype"]) for product in found["timings"]["products"]] == [
        (256, "float32"),
        (256, "float64"),
    ]
    assert found["timings"]["kernels"] == []
    assert found["surroundings"]["environment"]["OMP_NUM_THREADS"] == "1"


def test_what_cannot_be_measured_is_the_exit_status(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    assert main(["--quick"]) == 1
    assert "Not measured: matrix products" in capsys.readouterr().out


@pytest.mark.parametrize("system", ["Windows", "Darwin", "Linux"])
def test_systems_without_such_files(system, tmp_path):
    found = examine_processor(tmp_path, system)
    assert found.system == system
    if system != "Darwin":  # which is asked by a program, not by files
        assert (found.gigahertz, found.governor, found.translated) == (None, "", False)
    assert found.level == examine_processor(tmp_path, system, examine_simd().baseline + examine_simd().found).level


def test_an_examination_without_files(tmp_path, monkeypatch):
    for name in ("sched_getaffinity", "getloadavg"):
        monkeypatch.delattr(os, name, raising=False)
    report = examine(quick=True, root=tmp_path)
    assert report.processor.usable == report.processor.cores
    assert (report.processor.bound, report.surroundings.load, report.surroundings.huge_pages) == ("", None, "")
    assert report.timings.failures == ()
    assert to_text(report, advise(report))


def test_import_autograd_does_not_load_it():
    assert run_python("import sys, autograd, nn, optim; print('autograd.doctor' in sys.modules)") == "False\n"
