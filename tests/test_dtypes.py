"""Which dtype a result has. The tables are PyTorch 2.13's; for its complex32, which NumPy lacks, complex64 stands."""

import operator
import pickle

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import dtypes, errors
from tests.helpers import leaf, values

PROMOTED = """
    b1   b1  u1  i1  i2  i4  i8  f2  f4  f8  c8  c16
    u1   u1  u1  i2  i2  i4  i8  f2  f4  f8  c8  c16
    i1   i1  i2  i1  i2  i4  i8  f2  f4  f8  c8  c16
    i2   i2  i2  i2  i2  i4  i8  f2  f4  f8  c8  c16
    i4   i4  i4  i4  i4  i4  i8  f2  f4  f8  c8  c16
    i8   i8  i8  i8  i8  i8  i8  f2  f4  f8  c8  c16
    f2   f2  f2  f2  f2  f2  f2  f2  f4  f8  c8  c16
    f4   f4  f4  f4  f4  f4  f4  f4  f4  f8  c8  c16
    f8   f8  f8  f8  f8  f8  f8  f8  f8  f8  c16 c16
    c8   c8  c8  c8  c8  c8  c8  c8  c8  c16 c8  c16
    c16  c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16
"""
"""torch.promote_types(row, column); also result_type of two tensors with dimensions, or of two without."""

BESIDE_A_SCALAR_TENSOR = """
    b1   b1  u1  i1  i2  i4  i8  f2  f4  f8  c8  c16
    u1   u1  u1  u1  u1  u1  u1  f2  f4  f8  c8  c16
    i1   i1  i1  i1  i1  i1  i1  f2  f4  f8  c8  c16
    i2   i2  i2  i2  i2  i2  i2  f2  f4  f8  c8  c16
    i4   i4  i4  i4  i4  i4  i4  f2  f4  f8  c8  c16
    i8   i8  i8  i8  i8  i8  i8  f2  f4  f8  c8  c16
    f2   f2  f2  f2  f2  f2  f2  f2  f2  f2  c8  c8
    f4   f4  f4  f4  f4  f4  f4  f4  f4  f4  c8  c8
    f8   f8  f8  f8  f8  f8  f8  f8  f8  f8  c16 c16
    c8   c8  c8  c8  c8  c8  c8  c8  c8  c8  c8  c8
    c16  c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16
"""
"""torch.result_type(tensor of dtype row with dimensions, 0-d tensor of dtype column)."""

BESIDE_A_NUMBER = """
    b1   b1  i8  f4  c8
    u1   u1  u1  f4  c8
    i1   i1  i1  f4  c8
    i2   i2  i2  f4  c8
    i4   i4  i4  f4  c8
    i8   i8  i8  f4  c8
    f2   f2  f2  f2  c8
    f4   f4  f4  f4  c8
    f8   f8  f8  f8  c16
    c8   c8  c8  c8  c8
    c16  c16 c16 c16 c16
"""
"""torch.result_type(tensor of dtype row, the number True, 2, 2.5 or 2j), with dimensions or without."""

ROWS = [line.split()[0] for line in PROMOTED.strip().splitlines()]
NUMBERS = (True, 2, 2.5, 2j)


def cells(table, columns):
    rows = [line.split() for line in table.strip().splitlines()]
    return [(row, column, dtype) for row, *expected in rows for column, dtype in zip(columns, expected, strict=True)]


def made(dtype, shape):
    """The tensor and, where a result that is a NumPy scalar inside may behave otherwise, that."""
    t = autograd.tensor(np.ones(shape, dtype))
    return [t] if shape else [t, autograd.tensor(np.ones((1,), dtype)).sum(dtype=np.dtype(dtype))]


@pytest.mark.parametrize(("a", "b", "expected"), cells(PROMOTED, ROWS))
def test_two_of_a_kind(a, b, expected):
    assert autograd.promote_types(a, b) == expected
    assert autograd.promote_types(np.dtype(b), np.dtype(a)) == expected
    for shape in ((2,), ()):
        for x in made(a, shape):
            for y in made(b, shape):
                assert autograd.result_type(x, y) == expected
                assert (x * y).dtype == expected
                assert (y + x).dtype == expected


@pytest.mark.parametrize(("a", "b", "expected"), cells(BESIDE_A_SCALAR_TENSOR, ROWS))
def test_beside_a_tensor_without_dimensions(a, b, expected):
    (x,) = made(a, (2,))
    for y in made(b, ()):
        assert autograd.result_type(x, y) == autograd.result_type(y, x) == expected
        assert (x * y).dtype == expected
        assert (y * x).dtype == expected
        assert (x * y.numpy()).dtype == expected
        assert (y.numpy() * x).dtype == expected


@pytest.mark.parametrize(("a", "number", "expected"), cells(BESIDE_A_NUMBER, NUMBERS))
def test_beside_a_number(a, number, expected):
    for shape in ((2,), ()):
        for x in made(a, shape):
            assert autograd.result_type(x, number) == autograd.result_type(number, x) == expected
            assert (x * number).dtype == (number * x).dtype == expected
            assert (x + number).dtype == expected


@pytest.mark.parametrize("a", ROWS)
def test_division_and_elementary_functions_give_floats(a):
    expected = a if a[0] in "fc" else "f4"
    for shape in ((2,), ()):
        for x in made(a, shape):
            assert (x / x).dtype == expected
            assert x.exp().dtype == expected
            assert autograd.sin(x).dtype == expected


@pytest.mark.parametrize("a", ROWS)
def test_sums_of_integers_are_int64(a):
    x = autograd.tensor(np.ones(3, a))
    expected = a if a[0] in "fc" else "i8"
    assert x.sum().dtype == x.prod().dtype == x.cumsum(0).dtype == expected
    assert x.sum(dtype="f8" if a[0] != "c" else "c16").dtype == ("f8" if a[0] != "c" else "c16")


def test_numpy_scalars_that_are_python_numbers_are_weak():
    x = leaf(1, 2, dtype="float32")
    for y in (np.float64(2) * x, x * np.float64(2), x + np.float64(2), np.float64(2) - x, x / np.float64(2)):
        assert isinstance(y, autograd.Tensor)
        assert y.dtype == np.float32
    assert (np.complex128(2j) * x).dtype == np.complex64
    assert autograd.result_type(x, np.float64(2)) == np.float32
    assert (x * np.array([2.0, 3.0])).dtype == np.float64


two = np.float64(2)
SETTINGS = {
    "leaky_relu": lambda x: F.leaky_relu(x, two),
    "rrelu": lambda x: F.rrelu(x, two / 8, two / 4),
    "elu": lambda x: F.elu(x, two),
    "celu": lambda x: F.celu(x, alpha=two),
    "softplus": lambda x: F.softplus(x, two, two),
    "softshrink": lambda x: F.softshrink(x, two / 4),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, x * 2, beta=two),
    "huber_loss": lambda x: F.huber_loss(x, x * 2, delta=two),
    "margin_ranking_loss": lambda x: F.margin_ranking_loss(x, x + 1, autograd.ones(2), margin=two),
    "gaussian_nll_loss": lambda x: F.gaussian_nll_loss(x, x + 1, x * x, eps=two),
    "addcmul": lambda x: autograd.addcmul(x, x, x, value=two),
    "addcdiv": lambda x: autograd.addcdiv(x, x, x, value=two),
    "add": lambda x: autograd.add(x, x, alpha=two),
    "sub": lambda x: x.sub(x, alpha=two),
    "addmm": lambda x: autograd.addmm(x, x[None], x.outer(x), alpha=two, beta=two),
    "logit": lambda x: x.sigmoid().logit(two / 4),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_numpy_scalars_as_settings_are_numbers(name):
    x = leaf(1, -2, dtype="float32")
    y = SETTINGS[name](x)
    assert y.dtype == np.float32
    (g,) = autograd.grad(y.sum(), x)
    assert g.dtype == np.float32


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_float32_stays_float32(op):
    x = leaf(1, 2, dtype="float32")
    for other in (2, 2.5, np.float64(2.5), np.float32(2.5), np.int64(2), np.array(2.5), autograd.tensor([1, 2]), True):
        for result in (op(x, other), op(other, x)):
            assert result.dtype == np.float32
            (g,) = autograd.grad(result.sum(), x)
            assert g.dtype == np.float32


def test_a_float32_leaf_never_gets_a_float64_gradient():
    x = leaf(1, 2, dtype="float32")
    y = (x * np.array([1.0, 2.0])).to(autograd.float64).exp() * leaf(3, 4)
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("made", [np.array, np.float64, lambda c: autograd.tensor(c, dtype=autograd.float64)])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (autograd.pow, lambda x, c: c * x ** (c - 1)),
        (lambda x, c: autograd.pow(c, x), lambda x, c: np.log(c) * c**x),
        (autograd.xlogy, lambda x, c: np.log(c)),
        (autograd.special.xlog1py, lambda x, c: np.log1p(c)),
    ],
)
def test_gradients_by_constants_without_dimensions_are_as_precise_when_they_are_recorded(f, slope, made):
    x = leaf(0.3)
    (recorded,) = autograd.grad(f(x, made(1.3)), x, create_graph=True)
    assert recorded.item() == pytest.approx(slope(0.3, 1.3), rel=1e-15)


def test_numpys_where_keeps_the_dtype_of_numpys_scalars():
    assert np.where(autograd.tensor(True), np.float64(1.3), 0).item() == 1.3
    assert np.where(autograd.tensor([True]), 0, np.complex128(1.3j)).dtype == np.complex128


def test_numbers_that_do_not_fit_wrap_around():
    x = autograd.tensor(np.array([1], np.uint8))
    assert values(x + 300) == [45]
    assert values(x - 3) == [254]
    with pytest.raises(OverflowError, match=r"add\(x=uint8\[1\], y="):
        x + 2**70


def test_the_default_dtype():
    before = autograd.get_default_dtype()
    try:
        autograd.set_default_dtype(autograd.float64)
        assert autograd.tensor([1.0]).dtype == autograd.ones(1).dtype == autograd.arange(0.5, 1).dtype == np.float64
        assert autograd.tensor([1j]).dtype == np.complex128
        assert (autograd.tensor([1]) / 2).dtype == (autograd.tensor([1]) * 2.5).dtype == np.float64
        assert autograd.tensor([1]).dtype == np.int64
        assert autograd.rand(1).dtype == np.float64
        assert "dtype" not in repr(autograd.ones(1))
        for wrong in (autograd.int64, "complex64", bool):
            with pytest.raises(errors.DtypeError, match="expected a floating dtype"):
                autograd.set_default_dtype(wrong)
    finally:
        autograd.set_default_dtype(before)
    assert autograd.tensor([1.0]).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float", "float32", np.float32, np.dtype("f4"), autograd.float32])
def test_names_of_a_dtype(dtype):
    assert dtypes.as_dtype(dtype) == np.float32


@pytest.mark.parametrize(
    ("name", "expected"),
    [("half", "f2"), ("double", "f8"), ("long", "i8"), ("int", "i4"), ("short", "i2"), ("char", "i1"), ("byte", "u1"),
     ("bool", "b1"), (int, "i8"), (bool, "b1"), (float, "f8"), (complex, "c16"), ("cdouble", "c16")],
)  # fmt: skip
def test_pytorchs_names(name, expected):
    assert dtypes.as_dtype(name) == expected


def test_pythons_float_is_float64_in_every_call_as_in_numpy_and_pytorch() -> None:
    x = autograd.ones(2, requires_grad=True)
    made = [
        autograd.tensor([1], dtype=float), autograd.zeros(2, dtype=float), autograd.randn(2, dtype=float),
        autograd.zeros_like(x, dtype=float), x.to(float), x.type(float), x.astype(float), x.sum(dtype=float),
        np.sum(x, dtype=float), autograd.tensor(np.ones(2, "f4"), dtype=float),
    ]  # fmt: skip
    assert {t.dtype for t in made} == {np.dtype(np.float64)}
    assert autograd.tensor([1], dtype=complex).dtype == np.complex128
    assert x.double().to(float).dtype == np.float64  # and nothing that is in double precision loses it


@pytest.mark.parametrize("wrong", ["nonsense", object, "U3", "M8[s]", 3.5])
def test_what_is_no_dtype(wrong):
    with pytest.raises(errors.DtypeError):
        dtypes.as_dtype(wrong)


def test_can_cast_never_to_a_lower_category():
    order = ["b1", "i8", "f2", "c8"]
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            assert autograd.can_cast(a, b) is (i <= j)
    assert autograd.can_cast("f8", "f2")
    assert autograd.can_cast("i8", "u1")


@pytest.mark.parametrize("name", ["float", "double", "half", "int", "long", "short", "char", "byte", "bool", "cfloat"])
def test_casts_take_a_memory_format(name):
    x = autograd.tensor([0.0, 1.0])
    cast = getattr(x, name)
    assert autograd.equal(cast(memory_format=autograd.preserve_format), cast())


def test_gradients_pass_casts():
    x = leaf(1.5, 2.5, dtype="float32")
    (x.double().half().to(autograd.float32) * 2).sum().backward()
    assert values(x.grad) == [2, 2]
    assert x.grad.dtype == np.float32
    z = x.to(autograd.complex64)
    x.grad = None
    (z * (1 + 2j)).backward(np.array([1 + 0j, 0]))
    assert values(x.grad) == [1, 0]


def test_result_type_needs_an_operand():
    with pytest.raises(TypeError, match="at least one operand"):
        autograd.result_type()
    assert autograd.result_type(autograd.int8, np.float32) == np.float32


def test_second_names_are_pytorchs() -> None:
    names = {"bool": "bool", "short": "int16", "int": "int32", "long": "int64", "half": "float16", "float": "float32",
             "double": "float64", "cfloat": "complex64", "cdouble": "complex128"}  # fmt: skip
    for name, dtype in names.items():
        assert getattr(autograd, name) == np.dtype(dtype)


def test_limits() -> None:
    assert autograd.finfo().eps == np.finfo(np.float32).eps
    assert autograd.finfo(autograd.double).max == np.finfo(np.float64).max
    assert autograd.iinfo("uint8").max == 255
    with pytest.raises(autograd.DtypeError, match="finfo: expected a floating dtype, got int64; iinfo"):
        autograd.finfo(autograd.long)
    with pytest.raises(autograd.DtypeError, match="iinfo: expected an integer dtype, got float32; finfo"):
        autograd.iinfo(autograd.float)


def test_limits_of_floats_are_pythons_floats() -> None:
    limits = autograd.finfo(autograd.half)
    assert [type(value) for value in (limits.eps, limits.max, limits.tiny, limits.resolution)] == [float] * 4
    assert (autograd.ones(1, dtype=autograd.half) * autograd.finfo(autograd.float).eps).dtype == np.float16
    assert (limits.resolution, limits.bits, limits.dtype) == (0.001, 16, "float16")
    assert autograd.finfo(autograd.cfloat) == autograd.finfo() != limits
    assert {autograd.finfo(): 1}[pickle.loads(pickle.dumps(autograd.finfo()))] == 1
    assert repr(limits) == (
        "finfo(resolution=0.001, min=-65504, max=65504, eps=0.000976562, smallest_normal=6.10352e-05, "
        "tiny=6.10352e-05, dtype=float16)"
    )


def test_questions() -> None:
    x = autograd.tensor([[1.0, 0.0]])
    assert autograd.is_tensor(x)
    assert not autograd.is_tensor(x.numpy())
    assert autograd.is_floating_point(x)
    assert not autograd.is_floating_point(x.long())
    assert autograd.is_complex(x.to("cfloat"))
    assert not autograd.is_complex(x)
    assert autograd.numel(x) == 2
    assert autograd.is_nonzero(x[0, 0])
    assert not autograd.is_nonzero(x[0, 1])
    with pytest.raises(ValueError, match="ambiguous"):
        autograd.is_nonzero(x)


def test_to_heeds_its_flags():
    x = autograd.ones(2)
    assert x.to("cpu", True) is x
    assert x.to("cpu", autograd.float32, non_blocking=True) is x
    for copy in (x.to("cpu", False, True), x.to(autograd.float32, False, True), x.to(x, copy=True)):
        assert copy is not x
    with pytest.raises(TypeError, match="dtpye"):
        x.to(dtpye=autograd.float64)
    with pytest.raises(TypeError, match="at most two bools"):
        x.to("cpu", False, True, True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("shape", [(40, 90), (90, 60, 70)])
@pytest.mark.filterwarnings("ignore:.*encountered in cast:RuntimeWarning", "ignore:Casting complex")
def test_many_numbers_in_half_precision(shape, dtype):
    """They are converted in blocks; values and order in memory are those of NumPy."""
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    x.reshape(-1)[:4] = np.nan, np.inf, 1e9, 1e-9
    with np.errstate(invalid="ignore"):
        x = x.astype(dtype)
        for array in (x, x.T, x[:, ::2], np.swapaxes(x, 0, 1)):
            for source, target in ((array, np.float16), (array.astype(np.float16), x.dtype)):
                found, expected = autograd.from_numpy(source).to(target).numpy(), source.astype(target)
                assert found.strides == expected.strides
                np.testing.assert_array_equal(found, expected, strict=True)
