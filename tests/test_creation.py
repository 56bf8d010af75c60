"""Tensors from nothing and from data. Expected values and dtypes are PyTorch 2.13's."""

import numpy as np
import pytest

import autograd
from autograd import errors
from tests.helpers import leaf, values

f32, f64, i64 = np.dtype("f4"), np.dtype("f8"), np.dtype("i8")

MADE = {
    "zeros(2, 3)": (lambda: autograd.zeros(2, 3), [[0, 0, 0]] * 2, f32),
    "zeros((2,))": (lambda: autograd.zeros((2,)), [0, 0], f32),
    "zeros([2])": (lambda: autograd.zeros([2]), [0, 0], f32),
    "zeros(())": (lambda: autograd.zeros(()), 0, f32),
    "zeros(0)": (lambda: autograd.zeros(0), [], f32),
    "zeros(shape)": (lambda: autograd.zeros(leaf(1, 2).shape), [0, 0], f32),
    "ones int": (lambda: autograd.ones(2, dtype=autograd.int64), [1, 1], i64),
    "full int": (lambda: autograd.full((2,), 3), [3, 3], i64),
    "full float": (lambda: autograd.full((2,), 3.5), [3.5, 3.5], f32),
    "full bool": (lambda: autograd.full((2,), True), [True, True], np.dtype(bool)),
    "full complex": (lambda: autograd.full((1,), 1j), [1j], np.dtype("c8")),
    "full tensor": (lambda: autograd.full((2,), autograd.tensor(3.0)), [3, 3], f32),
    "full ()": (lambda: autograd.full((), 2), 2, i64),
    "eye": (lambda: autograd.eye(2), [[1, 0], [0, 1]], f32),
    "eye(2, 3)": (lambda: autograd.eye(2, 3), [[1, 0, 0], [0, 1, 0]], f32),
    "arange(3)": (lambda: autograd.arange(3), [0, 1, 2], i64),
    "arange(1, 4)": (lambda: autograd.arange(1, 4), [1, 2, 3], i64),
    "arange step": (lambda: autograd.arange(1, 6, 2), [1, 3, 5], i64),
    "arange down": (lambda: autograd.arange(3, 0, -1), [3, 2, 1], i64),
    "arange float": (lambda: autograd.arange(3.0), [0, 1, 2], f32),
    "arange quarter": (lambda: autograd.arange(0, 1, 0.25), [0, 0.25, 0.5, 0.75], f32),
    "arange half": (lambda: autograd.arange(0.5, 3), [0.5, 1.5, 2.5], f32),
    "arange empty": (lambda: autograd.arange(1, 1), [], i64),
    "arange dtype": (lambda: autograd.arange(2, dtype=autograd.float64), [0, 1], f64),
    "arange tensor": (lambda: autograd.arange(autograd.tensor(2)), [0, 1], i64),
    "linspace": (lambda: autograd.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1], f32),
    "linspace int": (lambda: autograd.linspace(0, 10, 5, dtype=autograd.int64), [0, 2, 5, 7, 10], i64),
    "linspace one": (lambda: autograd.linspace(1, 2, 1), [1], f32),
    "linspace none": (lambda: autograd.linspace(0, 1, 0), [], f32),
    "logspace": (lambda: autograd.logspace(0, 2, 3), [1, 10, 100], f32),
    "logspace base": (lambda: autograd.logspace(0, 2, 3, base=2), [1, 2, 4], f32),
    "tril_indices": (lambda: autograd.tril_indices(3, 3), [[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]], i64),
    "tril_indices offset": (lambda: autograd.tril_indices(2, 3, -1), [[1], [0]], i64),
    "triu_indices": (lambda: autograd.triu_indices(3, 4, 1), [[0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 3, 3]], i64),
    "zeros_like": (lambda: autograd.zeros_like(autograd.ones(2, dtype="f8")), [0, 0], f64),
    "ones_like int": (lambda: autograd.ones_like(autograd.tensor([3, 4])), [1, 1], i64),
    "ones_like dtype": (lambda: autograd.ones_like(autograd.tensor([3, 4]), dtype=autograd.float64), [1, 1], f64),
    "full_like": (lambda: autograd.full_like(autograd.ones(2), 3), [3, 3], f32),
    "full_like int": (lambda: autograd.full_like(autograd.tensor([1, 2]), 3.7), [3, 3], i64),
    "scalar_tensor": (lambda: autograd.scalar_tensor(3), 3, f32),
    "new_zeros": (lambda: leaf(1).new_zeros(2), [0, 0], f64),
    "new_ones": (lambda: leaf(1).new_ones((2,)), [1, 1], f64),
    "new_full": (lambda: autograd.tensor([1]).new_full((2,), 3.7), [3, 3], i64),
    "new_tensor": (lambda: leaf(1).new_tensor([1, 2]), [1, 2], f64),
    "tensor float": (lambda: autograd.tensor([1, 2.5]), [1, 2.5], f32),
    "tensor int": (lambda: autograd.tensor([[1, 2], [3, 4]]), [[1, 2], [3, 4]], i64),
    "tensor bool": (lambda: autograd.tensor([True, False]), [True, False], np.dtype(bool)),
    "tensor mixed": (lambda: autograd.tensor([1, True]), [1, 1], i64),
    "tensor complex": (lambda: autograd.tensor([1, 2j]), [1, 2j], np.dtype("c8")),
    "tensor range": (lambda: autograd.tensor(range(3)), [0, 1, 2], i64),
    "tensor tuple": (lambda: autograd.tensor((1.0, 2.0)), [1, 2], f32),
    "tensor numpy": (lambda: autograd.tensor(np.float64(2)), 2, f64),
    "tensor numpy list": (lambda: autograd.tensor([np.float64(2)]), [2], f64),
    "tensor dtype": (lambda: autograd.tensor(3.7, dtype=autograd.int64), 3, i64),
    "tensor of tensors": (lambda: autograd.tensor([autograd.tensor(1.0), autograd.tensor(2.0)]), [1, 2], f32),
    "numbers beside a scalar": (lambda: autograd.tensor([np.float32(2), 1.0]), [2, 1], f32),
    "a scalar behind numbers": (lambda: autograd.tensor([[1.0, 2.0], [np.float64(3), 4]]), [[1, 2], [3, 4]], f64),
    "numbers beside half": (lambda: autograd.tensor([np.float16(2), np.int32(1)]), [2, 1], np.dtype("f2")),
    "a row of numbers": (lambda: autograd.tensor([np.zeros(2, "f4"), [1.0, 2.0]]), [[0, 0], [1, 2]], f32),
    "an array behind a row": (lambda: autograd.as_tensor([[1.0, 2.0], np.zeros(2)]), [[1, 2], [0, 0]], f64),
    "numbers beside complex": (lambda: autograd.tensor([np.complex64(1j), 1.0]), [1j, 1], np.dtype("c8")),
    "numbers beside a tensor": (lambda: autograd.tensor([autograd.tensor(1.0).half(), 2.0]), [1, 2], f32),
    "a tensor in a late row": (lambda: autograd.tensor([[1.0], [autograd.tensor(2.0).double()]]), [[1], [2]], f64),
    "tensor nothing": (lambda: autograd.tensor([]), [], f32),
    "as_tensor": (lambda: autograd.as_tensor([1, 2]), [1, 2], i64),
    "foreign byte order": (lambda: autograd.tensor(np.array([1.5], ">f4")), [1.5], f32),
}


@pytest.mark.parametrize("name", MADE)
def test_values_and_dtypes(name):
    make, expected, dtype = MADE[name]
    t = make()
    assert type(t) is autograd.Tensor
    assert values(t) == expected
    assert t.dtype == dtype
    assert t.dtype.isnative
    assert not t.requires_grad


REFUSED = {
    "step 0": (lambda: autograd.arange(1, 5, 0), ValueError, "step must not be 0"),
    "without end": (lambda: autograd.arange(0, float("inf")), ValueError, "finite numbers, got start=0, end=inf"),
    "to nowhere": (lambda: autograd.arange(float("nan")), ValueError, "finite numbers, got start=0, end=nan"),
    "step sign": (lambda: autograd.arange(5, 1), ValueError, "from 5 to 1 the step must have the other sign, got 1"),
    "negative": (lambda: autograd.zeros(-1), errors.ShapeError, r"zeros: a size must not be negative, got \(-1,\)"),
    "fraction": (lambda: autograd.ones(2.5), errors.ShapeError, r"ones: a shape consists of integers, got \(2.5,\)"),
    "text size": (lambda: autograd.zeros("a"), errors.ShapeError, "a shape consists of integers"),
    "ragged": (lambda: autograd.tensor([[1, 2], [3]]), errors.ShapeError, "rows of different lengths"),
    "ragged scalars": (lambda: autograd.tensor([1, [np.float32(2)]]), errors.ShapeError, "rows of different lengths"),
    "None": (lambda: autograd.tensor(None), errors.DtypeError, "dtype object.*None"),
    "text": (lambda: autograd.tensor("a"), errors.DtypeError, "<U1.*text"),
    "objects": (lambda: autograd.Tensor(np.array([object()])), errors.DtypeError, "dtype object"),
    "dates": (lambda: autograd.tensor(np.array(["2020-01-01"], "M8[D]")), errors.DtypeError, "datetime64"),
    "records": (lambda: autograd.tensor(np.zeros(2, [("a", "f4")])), errors.DtypeError, "holds bool, integer"),
    "huge int": (lambda: autograd.tensor([2**70]), errors.DtypeError, "dtype object"),
    "device": (lambda: autograd.zeros(2, device="cuda"), ValueError, "no device 'cuda'.*CPU"),
    "tensor device": (lambda: autograd.tensor(1.0, device="mps:0"), ValueError, "no device 'mps:0'"),
    "to device": (lambda: autograd.ones(1).to("cuda"), ValueError, "no device 'cuda'"),
    "cuda": (lambda: autograd.ones(1).cuda(), ValueError, "no device 'cuda'"),
    "int grad": (lambda: autograd.zeros(2, dtype="i8", requires_grad=True), errors.DtypeError, "this one is int64"),
    "dtype": (lambda: autograd.zeros(2, dtype="nonsense"), errors.DtypeError, "'nonsense' is not a dtype"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_is_refused(name):
    make, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: autograd.zeros(2, **k),
        lambda **k: autograd.ones(2, **k),
        lambda **k: autograd.empty(2, **k),
        lambda **k: autograd.full((2,), 1.0, **k),
        lambda **k: autograd.eye(2, **k),
        lambda **k: autograd.arange(2.0, **k),
        lambda **k: autograd.linspace(0, 1, 2, **k),
        lambda **k: autograd.logspace(0, 1, 2, **k),
        lambda **k: autograd.zeros_like(autograd.ones(2), **k),
        lambda **k: autograd.ones_like(autograd.ones(2), **k),
        lambda **k: autograd.empty_like(autograd.ones(2), **k),
        lambda **k: autograd.full_like(autograd.ones(2), 1, **k),
        lambda **k: autograd.scalar_tensor(1.0, **k),
        lambda **k: autograd.tensor([1.0, 2.0], **k),
    ],
)
def test_common_options(make):
    x = make(requires_grad=True, dtype=autograd.float64, device="cpu")
    assert x.requires_grad
    assert x.is_leaf
    assert x.dtype == np.float64
    (x * 2).sum().backward()
    assert np.all(x.grad.numpy() == 2)


def test_tensor_copies_and_the_class_shares():
    a = np.array([1.0, 2.0])
    assert not np.shares_memory(autograd.tensor(a).numpy(), a)
    assert np.shares_memory(autograd.Tensor(a).numpy(), a)
    x = leaf(1, 2)
    copied = autograd.tensor(x)
    assert not copied.requires_grad
    assert not np.shares_memory(copied.numpy(), x.detach().numpy())


def test_likes_share_nothing_with_their_model():
    x = leaf(1, 2) * 1
    y = autograd.zeros_like(x)
    y.add_(5)
    assert values(x) == [1, 2]
    assert not y.requires_grad


WINDOWS = {
    "bartlett_window": ([0, 0.5, 1, 0.5], [0, 2 / 3, 2 / 3, 0]),
    "blackman_window": ([0, 0.34, 1, 0.34], [0, 0.63, 0.63, 0]),
    "hamming_window": ([0.08, 0.54, 1, 0.54], [0.08, 0.77, 0.77, 0.08]),
    "hann_window": ([0, 0.5, 1, 0.5], [0, 0.75, 0.75, 0]),
    "kaiser_window": ([5.2773e-05, 2.1567e-01, 1, 2.1567e-01], [5.2773e-05, 5.1884e-01, 5.1884e-01, 5.2773e-05]),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name):
    make = getattr(autograd, name)
    for periodic, expected in zip((True, False), WINDOWS[name], strict=True):
        np.testing.assert_allclose(values(make(4, periodic, dtype=f64)), expected, rtol=1e-4, atol=1e-12)
    numpy_window = getattr(np, {"hann_window": "hanning"}.get(name, name.removesuffix("_window")))
    more = (12.0,) if name == "kaiser_window" else ()
    for length in (1, 2, 7):
        expected = numpy_window(length, *more)
        np.testing.assert_allclose(values(make(length, False, dtype=f64)), expected, atol=1e-15)
    assert make(4).dtype == f32
    assert make(0).shape == (0,)
    assert make(3, requires_grad=True).requires_grad
    with pytest.raises(errors.ShapeError, match=f"{name}: window_length must not be negative, got -1"):
        make(-1)
    with pytest.raises(errors.DtypeError, match=f"{name}: expected a floating dtype, got int64"):
        make(3, dtype=i64)


def test_window_brings_a_signal_back():
    signal = autograd.randn(2, 200, dtype=f64)
    window = autograd.hann_window(32, dtype=f64)
    spectra = autograd.stft(signal, 32, 8, window=window, return_complex=True)
    autograd.testing.assert_close(autograd.istft(spectra, 32, 8, window=window, length=200), signal)


def test_random_tensors_like_another_are_asked_for_a_device():
    x = autograd.zeros(2, 3)
    for made in (autograd.rand_like, autograd.randn_like, lambda x, **given: autograd.randint_like(x, 5, **given)):
        assert made(x, device="cpu").shape == x.shape
        with pytest.raises(errors.ArgumentError, match="no device 'cuda'"):
            made(x, device="cuda")


def test_asarray_shares_memory_unless_told_otherwise():
    x, array = leaf(1, 2), np.zeros(2)
    y = x * 2
    assert autograd.asarray(y) is y
    assert autograd.asarray(array, copy=False).add_(1) is not None
    assert array.tolist() == [1, 1]
    copied = autograd.asarray(array, copy=True, requires_grad=True)
    with autograd.no_grad():
        copied.add_(1)
    assert array.tolist() == [1, 1]
    autograd.backward((autograd.asarray(y, copy=True, dtype=autograd.float32) * copied).sum())
    assert values(x.grad) == [4, 4]
    assert values(copied.grad) == [2, 4]
    assert autograd.asarray([1, 2.5]).dtype == f32
    for source, dtype in ([1.0, 2.0], None), (array, f32), (np.float64(1), None), (y, f32):
        with pytest.raises(errors.ArgumentError, match="cannot share the memory"):
            autograd.asarray(source, dtype=dtype, copy=False)
    with pytest.raises(errors.DtypeError, match="require grad"):
        autograd.asarray([1, 2], requires_grad=True)


def test_frombuffer_reads_numbers_in_the_memory_of_a_buffer():
    buffer = bytearray(np.array([1, 2, 3], np.int16).tobytes())
    found = autograd.frombuffer(buffer, dtype=autograd.int16, count=1, offset=2)
    assert values(found) == [2]
    found.fill_(7)
    assert np.frombuffer(buffer, np.int16).tolist() == [1, 7, 3]
    with pytest.raises(errors.MutationError, match="read-only"):
        autograd.frombuffer(bytes(buffer), dtype=autograd.uint8).zero_()
    for wrong in ({"dtype": i64}, {"dtype": np.dtype("i2"), "count": 4}, {"dtype": i64, "offset": 7}):
        with pytest.raises(ValueError, match="frombuffer"):
            autograd.frombuffer(buffer, **wrong)
    assert autograd.frombuffer(np.ones(1), dtype=f64, requires_grad=True).requires_grad
