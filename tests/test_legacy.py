"""Names from PyTorch's early days, and the number of threads."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

import autograd
from autograd import errors
from autograd.engine import blocks

DTYPES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "ByteTensor": "uint8",
    "CharTensor": "int8", "ShortTensor": "int16", "IntTensor": "int32", "LongTensor": "int64", "BoolTensor": "bool",
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), DTYPES.items())
def test_types_of_tensors(name: str, dtype: str) -> None:
    kind = getattr(autograd, name)
    assert kind([1, 0]).dtype == dtype
    assert kind(2, 3).shape == (2, 3)
    assert kind().shape == (0,)
    assert kind(np.ones(2)).tolist() == [1, 1]
    x = autograd.ones(2, dtype=dtype)
    assert isinstance(x, kind)
    assert not isinstance(x.cfloat(), kind)
    other = autograd.ones(2, dtype="int64" if dtype == "float32" else "float32")
    assert x.type() == f"torch.{name}"
    assert other.type(kind).dtype == other.type(name).dtype == other.type(x.type()).dtype == dtype


def test_legacy_types_share_and_refuse() -> None:
    x = autograd.ones(2, requires_grad=True)
    shared = autograd.FloatTensor(x)
    assert (shared.requires_grad, shared.data_ptr()) == (False, x.data_ptr())
    assert autograd.LongTensor([1.7]).tolist() == [1]
    with pytest.raises(errors.DtypeError, match="LongTensor: this tensor is float32"):
        autograd.LongTensor(x)
    for ambiguous in ((2, 3), 3.0):
        with pytest.raises(TypeError, match=r"FloatTensor.*could mean either"):
            autograd.FloatTensor(ambiguous)
    with pytest.raises(ValueError, match="no device"):
        x.type("torch.cuda.FloatTensor")
    with pytest.raises(errors.DtypeError, match="NoTensor"):
        x.type("NoTensor")


def test_variable() -> None:
    x = autograd.ones(2)
    v = autograd.Variable(x, requires_grad=True)
    assert (v.requires_grad, x.requires_grad, v.data_ptr() == x.data_ptr()) == (True, False, True)
    assert isinstance(x, autograd.Variable)
    assert not isinstance(1.0, autograd.Variable)
    assert autograd.Variable(v * 2).grad_fn is None
    with pytest.raises(TypeError, match="Variable: expected a Tensor, got list"):
        autograd.Variable([1.0])


def test_no_other_device() -> None:
    x = autograd.ones(2)
    assert not x.is_cuda
    for call in (x.cuda, lambda: x.to("cuda"), lambda: autograd.FloatTensor([1.0], device="cuda")):
        with pytest.raises(ValueError, match="no device 'cuda'"):
            call()


def test_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_wanted", None)
    monkeypatch.setattr(blocks, "_team", None)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # BLAS, of the whole process, stays as it is
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(8), raising=False)
    for text, number in {"": 2, "many": 2, "1": 1, "6": 6, "9": 8}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert autograd.get_num_threads() == number
    x = np.zeros((64, 10))
    for number in (3, 1, 2):
        autograd.set_num_threads(number)
        assert autograd.get_num_threads() == number
        barrier = threading.Barrier(number, timeout=10)
        seen = set()

        def start(barrier=barrier, seen=seen):  # type: ignore[no-untyped-def]
            seen.add(threading.get_ident())
            barrier.wait()  # passes only if as many threads are at work
            return lambda rows: None

        blocks.in_blocks(x, start, 10)
        assert len(seen) == number
    with pytest.raises(ValueError, match="at least one thread, got 0"):
        autograd.set_num_threads(0)
    assert autograd.get_num_threads() == 2


def test_blas_follows_if_threadpoolctl_is_there() -> None:
    pytest.importorskip("threadpoolctl")
    code = (
        "import numpy, autograd, threadpoolctl; autograd.set_num_threads(1); "
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{1}"
