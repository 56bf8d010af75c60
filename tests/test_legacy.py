"""Names from PyTorch's early days, and the number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import errors

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
    assert (shared is x, shared.data_ptr()) == (False, x.data_ptr())
    (shared * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert not autograd.FloatTensor(x.detach()).requires_grad
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


def test_new_makes_tensors_of_the_same_dtype() -> None:
    weight = autograd.ones(2, dtype="float64", requires_grad=True)
    hidden = weight.new(2, 3, 4).zero_()
    assert (hidden.shape, hidden.dtype, hidden.requires_grad) == ((2, 3, 4), weight.dtype, False)
    assert weight.new().shape == (0,)
    assert weight.new([1, 2]).tolist() == [1.0, 2.0]
    data = np.ones(2)
    made = weight.new(data)
    assert (made.dtype, np.shares_memory(made.numpy(), data)) == (weight.dtype, False)
    with pytest.raises(TypeError, match=r"new\(\(2, 3\)\).*could mean either"):
        weight.new((2, 3))
    with pytest.raises(errors.DtypeError, match="new: this tensor is int64"):
        weight.new(autograd.ones(2, dtype="int64"))
    for name in ("new", "new_zeros", "new_ones", "new_empty"):
        make = getattr(weight, name)
        with pytest.raises(ValueError, match="no device 'cuda'"):
            make(2, device="cuda")
        with pytest.raises(errors.ShapeError, match=f"{name}: a size must not be negative"):
            make(2, -1)
        with pytest.raises(errors.ShapeError, match=f"{name}: a shape consists of integers"):
            make(2.5, 2)


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
    assert x.is_cpu
    assert not (x.is_cuda)
    assert not (x.is_xpu)
    assert not (x.is_mps)
    assert not (x.is_meta)
    assert not (x.is_sparse)
    assert not (x.is_quantized)
    for call in (x.cuda, lambda: x.to("cuda"), lambda: autograd.FloatTensor([1.0], device="cuda")):
        with pytest.raises(ValueError, match="no device 'cuda'"):
            call()


def test_settings_of_other_devices_mean_nothing() -> None:
    autograd.backends.cuda.matmul.allow_tf32 = True
    autograd.backends.cudnn.allow_tf32 = True
    autograd.use_deterministic_algorithms(True, warn_only=True)
    autograd.set_float32_matmul_precision("high")
    assert autograd.get_float32_matmul_precision() == "highest"
    with pytest.raises(errors.ArgumentError, match="'highest', 'high' or 'medium', got 'low'"):
        autograd.set_float32_matmul_precision("low")


def test_memory_formats_mean_nothing() -> None:
    x = autograd.arange(6.0).reshape(1, 2, 3, 1)
    kinds = autograd.contiguous_format, autograd.preserve_format, autograd.channels_last, autograd.channels_last_3d
    for kind in kinds:
        assert isinstance(kind, autograd.memory_format)
        assert x.to(memory_format=kind) is x
        assert x.contiguous(memory_format=kind) is x
        assert autograd.equal(x.clone(memory_format=kind), x)
        for made in (autograd.zeros_like, autograd.ones_like, autograd.empty_like, autograd.randn_like):
            assert made(x, memory_format=kind).shape == x.shape
        assert autograd.full_like(x, 3, memory_format=kind).mean() == 3
