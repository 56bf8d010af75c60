"""NumPy on Tensors, both ways round: what has an op is recorded, the rest refused loudly, nothing is lost silently."""

import numpy as np
import pytest
import scipy.special

import autograd
from autograd import errors
from tests.helpers import leaf, values

UNARY = [
    np.exp, np.log, np.sin, np.cos, np.tanh, np.sqrt, np.negative, np.absolute, np.square, np.reciprocal, np.log1p,
    np.arctan, np.sign, np.floor, np.rint, np.isnan, np.isfinite, np.signbit, np.positive, np.fabs, np.expm1,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum, np.arctan2, np.hypot, np.greater,
    np.equal, np.logaddexp, np.fmod, np.remainder, np.floor_divide, np.copysign, np.logical_and,
]  # fmt: skip


@pytest.mark.parametrize("ufunc", UNARY)
def test_ufuncs_of_one_tensor(ufunc):
    x = leaf(0.5, 2.5)
    y = ufunc(x)
    assert isinstance(y, autograd.Tensor)
    np.testing.assert_allclose(y.detach().numpy(), ufunc(np.array([0.5, 2.5])), rtol=1e-15)
    assert y.requires_grad is (y.dtype.kind == "f" and ufunc not in (np.isnan, np.isfinite, np.signbit))


@pytest.mark.parametrize("ufunc", BINARY)
@pytest.mark.parametrize("other", [np.array([2.0, 0.5]), np.float64(2.0), np.float32(2.0), 2.0, 2, np.array(2.0)])
def test_ufuncs_of_a_tensor_and_something_else_in_both_orders(ufunc, other):
    data = np.array([0.5, 2.5])
    x = leaf(*data)
    for got, expected in ((ufunc(x, other), ufunc(data, other)), (ufunc(other, x), ufunc(other, data))):
        assert isinstance(got, autograd.Tensor)
        np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-15)
        assert got.dtype == expected.dtype


def test_operators_with_an_array_on_either_side():
    a, x = np.array([3.0, 4.0]), leaf(1, 2)
    for y in (
        a + x,
        a - x,
        a * x,
        a / x,
        a**x,
        x + a,
        x - a,
        x * a,
        x / a,
        x**a,
        np.float64(2) * x,
        np.float64(2) ** x,
    ):
        assert isinstance(y, autograd.Tensor)
        assert y.requires_grad
    for y in (a < x, a == x, x >= a):
        assert isinstance(y, autograd.Tensor)
        assert y.dtype == bool
    (a * x - a / x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [6, 5])


def test_matrix_products_with_an_array_on_either_side():
    m, x = np.array([[1.0, 2], [3, 4]]), leaf(1, 2)
    assert values(m @ x) == [5, 11]
    assert values(x @ m) == [7, 10]
    (m @ x).sum().backward()
    assert values(x.grad) == [4, 6]


def test_numpy_functions_are_our_ops():
    x = leaf(3, 1, 2)
    calls = [
        np.sum, np.mean, np.transpose, np.cumsum, np.prod, np.max, np.squeeze, np.copy, np.sort, np.std, np.var,
        np.flip, np.diag,
    ]  # fmt: skip
    calls += [
        lambda x: np.reshape(x, (3, 1)),
        lambda x: np.concatenate([x, np.ones(2)]),
        lambda x: np.stack([x, x]),
        lambda x: np.where(x > 1, x, 0),
        lambda x: np.sum(x, axis=0, keepdims=True),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.expand_dims(x, 0),
        lambda x: np.tile(x, 2),
        lambda x: np.broadcast_to(x, (2, 3)),
        lambda x: np.dot(x, x),
        lambda x: np.matmul(x, x),
        lambda x: np.roll(x, 1),
        lambda x: np.outer(x, x),
    ]
    for call in calls:
        got = call(x)
        assert isinstance(got, autograd.Tensor)
        assert got.requires_grad
        np.testing.assert_allclose(got.detach().numpy(), call(np.array([3.0, 1, 2])), rtol=1e-15)


def test_ufunc_methods():
    x = leaf(1, 2, 3)
    assert values(np.add.reduce(x)) == 6
    assert np.add.reduce(x).requires_grad
    assert values(np.subtract.outer(x, [1.0, 2.0])) == [[0, -1], [1, 0], [2, 1]]
    assert np.add.outer([1.0, 2.0], x).shape == (2, 3)
    for call in (lambda: np.add.at(x, [0], 1.0), lambda: np.subtract.reduce(x)):
        with pytest.raises(errors.NotDifferentiableError):
            call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.dot(x, [0.1, 0.2]), lambda x: np.matmul([[0.1, 0.2]], x), lambda x: np.power([0.1, 0.2], x),
        lambda x: np.hypot(x, (0.1, 0.2)), lambda x: np.concatenate([x, [0.1]]), lambda x: np.gradient(x, [0.1, 0.4]),
        lambda x: np.where([True, False], x, [0.1, 0.2]), lambda x: np.linalg.solve([[0.1, 0.0], [0.3, 0.4]], x),
        lambda x: np.vstack([[0.1, 0.2], x]), lambda x: np.inner([0.1, 0.2], x), lambda x: np.diff(x, append=[0.1]),
        lambda x: np.sum(x, dtype=float), lambda x: np.mean(x, None, float), lambda x: np.add(x, [0.1, 2], dtype=float),
    ],
)  # fmt: skip
def test_lists_and_python_types_are_in_double_precision_as_in_numpy(call):
    data = np.array([0.3, 0.7])
    got, expected = call(leaf(*data)), call(data)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, initial=3.0), lambda x: np.sum(x, where=[True, False, True], keepdims=True),
        lambda x: np.prod(np.outer(x, x), 0, where=[True, False, True]), lambda x: np.max(x, initial=0.5),
        lambda x: np.min(x, where=[True, True, False], initial=0.6), lambda x: np.add.reduce(x, initial=2.0),
        lambda x: np.maximum.reduce(np.outer(x, x), 1, initial=0.2, where=[False, True, True]),
        lambda x: np.inner(x, 2.0), lambda x: np.inner([1, 2, 3], x), lambda x: np.kron([1, 2], x),
        lambda x: np.tensordot([[1, 2, 3]], x, 1), lambda x: np.cross(x, [[1, 2, 3], [4, 5, 7]]),
        lambda x: np.linalg.solve([[2, 0, 1], [0, 1, 0], [1, 1, 3]], x),
        lambda x: np.linalg.solve(np.diag(x), [1, 2, 3]),
        lambda x: np.linalg.lstsq([[2, 0, 1], [0, 1, 0], [1, 1, 3], [1, 0, 0]], np.append(x, 1.0))[0],
        lambda x: np.linalg.tensorsolve([[2, 0, 1], [0, 1, 0], [1, 1, 3]], x),
        lambda x: np.linalg.multi_dot([[[1, 2, 3]], x]), lambda x: np.vstack([[1, 2, 3], x]),
        lambda x: np.concatenate([[1], x]), lambda x: np.diff(x, prepend=0, append=1.5),
        lambda x: np.diff(np.outer(x, x), axis=0, append=0), lambda x: np.cov(np.outer(x, x), fweights=[1, 2, 3]),
        lambda x: np.cov(np.outer(x, x), aweights=[1, 2, 3]),
    ],
)  # fmt: skip
def test_numbers_and_lists_beside_a_tensor_are_arrays(call):
    data = np.array([0.3, 0.7, 0.2])
    got, expected = call(leaf(*data)), call(data)
    assert got.requires_grad
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-11, strict=True)


def test_sums_of_weights_have_a_gradient():
    w = leaf(1, 2, 3)
    np.bincount([2, 0, 2], weights=w)[2].backward()
    assert values(w.grad) == [1, 0, 1]
    assert np.bincount(autograd.tensor([2, 0, 2])).tolist() == [1, 0, 2]
    with pytest.raises(errors.NotDifferentiableError, match="unique: its results have no derivative"):
        np.unique(w).sum().backward()


REFUSED = {
    "interp": lambda x: np.interp(x, x, x),
    "convolve": lambda x: np.convolve(x, x),
    "histogram": lambda x: np.histogram(x),
    "piecewise": lambda x: np.piecewise(x, [True], [1.0]),
    "modf": lambda x: np.modf(x),
    "spacing": lambda x: np.spacing(x),
    "fill_diagonal": lambda x: np.fill_diagonal(x.reshape(1, -1), 0),
    "copyto": lambda x: np.copyto(x, 1.0),
    "put": lambda x: np.put(x, 0, 1.0),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
    "save": lambda x: np.save("nowhere", x),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_function_without_an_op_is_refused(name, requires_grad):
    x = leaf(1, 2).requires_grad_(requires_grad)
    with pytest.raises(TypeError, match=rf"numpy.{name} has no differentiable op.*t.detach\(\).numpy\(\).*autograd.op"):
        REFUSED[name](x)


@pytest.mark.parametrize(
    "convert",
    [
        np.array,
        np.asarray,
        np.ascontiguousarray,
        lambda x: np.asarray(x, "f4"),
        lambda x: np.array([x, x]),
        lambda x: np.array([x[0], x[1]]),
        lambda x: np.zeros(2).__setitem__(slice(None), x),
        lambda x: np.from_dlpack(x),
        lambda x: x.numpy(),
        lambda x: np.vectorize(lambda v: v)(x),
    ],
)
def test_a_tensor_that_requires_grad_never_becomes_an_array_silently(convert):
    with pytest.raises((errors.GradientError, errors.NotDifferentiableError), match=r"\.detach\(\)\.numpy\(\)"):
        convert(leaf(1, 2))


def test_a_tensor_without_gradient_becomes_an_array():
    x = autograd.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, "f8").dtype == np.float64
    assert np.array([x[0], x[1]]).tolist() == [1, 2]
    y = leaf(1, 2)
    assert np.shares_memory(y.numpy(force=True), y.detach().numpy())


@pytest.mark.parametrize("mode", [autograd.no_grad, autograd.inference_mode])
def test_where_nothing_is_recorded_any_tensor_becomes_an_array(mode):
    x = leaf(1, 2)
    product = x * 3
    with mode():
        assert np.shares_memory(x.numpy(), x.detach().numpy())
        assert np.asarray(product).tolist() == [3, 6]
        target = np.zeros(2)
        target[:] = product
    assert target.tolist() == [3, 6]
    product.sum().backward()
    assert values(x.grad) == [3, 3]


def test_arrays_are_not_changed_by_tensors_that_require_grad():
    a = np.array([3.0, 4.0])
    for write in (
        lambda: a.__iadd__(leaf(1, 2)),
        lambda: a.__imul__(leaf(1, 2)),
        lambda: np.add(leaf(1, 2), 1, out=a),
        lambda: np.sum(leaf(1, 2).reshape(2, 1), axis=1, out=a),
    ):
        with pytest.raises(errors.NotDifferentiableError, match=r"cannot be written into an array.*array \+= tensor"):
            write()
    assert a.tolist() == [3, 4]


def test_arrays_take_tensors_without_gradient():
    a = np.array([3.0, 4.0])
    b = a
    a += autograd.tensor([1.0, 2.0])
    assert a is b
    assert a.tolist() == [4, 6]
    assert np.multiply(autograd.tensor([2.0, 3.0]), 2, out=a) is a
    assert a.tolist() == [4, 6]


def test_out_may_be_a_tensor():
    x, out = leaf(1, 2), autograd.zeros(2, dtype="float64")
    assert np.multiply(x, x, out=out) is out
    out.sum().backward()
    assert values(x.grad) == [2, 4]
    with pytest.raises(errors.MutationError):
        np.add(1.0, 2.0, out=leaf(1, 2))


@pytest.mark.parametrize("target", [np.zeros(2, int), autograd.zeros(2, dtype=autograd.int64)])
@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: np.multiply(x, 0.5, out=out),
        lambda x, out: np.multiply(x, 0.5, out=out, where=[True, False]),
        lambda x, out: np.sum(x[None] / 2, axis=0, out=out),
        lambda x, out: np.add.reduce(x[None] / 2, axis=0, out=out),
    ],
)
def test_fractions_are_not_written_as_integers(call, target):
    with pytest.raises(TypeError, match="the result is float64, which does not go into an out= of int64"):
        call(autograd.from_numpy(np.array([1.0, 2.0])), target)
    assert target.tolist() == [0, 0]


@pytest.mark.parametrize("options", [{"where": np.array([True, False])}, {"casting": "no"}, {"order": "F"}])
def test_options_that_ops_do_not_have_are_refused(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        np.add(leaf(1, 2), 1.0, **options)


def test_a_ufunc_writes_only_where_it_is_told_to():
    x, y = leaf(1, 2, 3), leaf(0, 2, 4)
    out = np.divide(x, y, out=np.zeros_like(x), where=y != 0)
    out.sum().backward()  # of nothing that was divided by 0
    assert values(out) == [0, 1, 0.75]
    assert values(x.grad) == [0, 0.5, 0.25]
    assert values(y.grad) == [0, -0.5, -0.1875]
    array = np.full((2, 3), 7.0)
    assert np.negative(x.detach(), array, where=[True, False, True]) is array
    assert array.tolist() == [[-1, 7, -3]] * 2
    with pytest.raises(errors.NotDifferentiableError):
        np.negative(x, out=array, where=[True, False, True])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.multiply(x, x, dtype=np.float64), lambda x: np.true_divide(x, 3, dtype="f8"),
        lambda x: np.maximum(x, np.array([3272.5]), dtype=float), lambda x: np.less(x, 2.5, dtype=bool),
        lambda x: np.add.reduce(x, dtype=np.float64), lambda x: np.add.reduce(x, dtype=int),
        lambda x: np.multiply.accumulate(x, dtype=np.float64),
        lambda x: np.subtract.outer(x, x, dtype=np.float64), lambda x: np.divmod(x, 0.3, dtype=np.float64)[0],
    ],
)  # fmt: skip
def test_ufuncs_compute_in_the_dtype_asked_for(call):
    data = np.array([0.1, 3.3, 3271], np.float16)
    found, expected = call(autograd.tensor(data)), call(data)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-15, strict=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.true_divide(x, 3, dtype=np.int8), lambda x: np.add(x * 1j, 1, dtype=np.float64),
        lambda x: np.logical_not(x, dtype=np.float32),
    ],
)  # fmt: skip
def test_dtypes_in_which_a_ufunc_does_not_compute_are_refused(call):
    for x in (np.ones(2), leaf(1, 2)):
        with pytest.raises(TypeError):
            call(x)


@pytest.mark.parametrize(
    ("call", "shape", "dtype"),
    [
        (lambda x, out: np.clip(x, 1.5, 2.5, out), (3,), float), (lambda x, out: np.dot(x, x, out), (), float),
        (lambda x, out: np.sum(x, 0, None, out), (), float), (lambda x, out: np.median(x, 0, out), (), float),
        (lambda x, out: np.percentile(x, 5, None, out, False, "lower"), (), float),
        (lambda x, out: np.argmax(x, 0, out), (), int), (lambda x, out: np.cumsum(x, 0, None, out), (3,), float),
    ],
)  # fmt: skip
def test_out_may_stand_among_the_arguments(call, shape, dtype):
    out, expected = np.full(shape, 7, dtype), np.full(shape, 7, dtype)
    call(np.array([1.0, 3.0, 2.0]), expected)
    assert call(leaf(1, 3, 2).detach(), out) is out
    assert out.tolist() == expected.tolist()


def test_options_that_mean_nothing_are_taken():
    x = leaf(1, 2)
    assert values(np.add(x, 1.0, where=True)) == [2, 3]
    assert np.sum(x, dtype="f4").dtype == np.float32


def test_new_arrays_like_a_tensor_are_tensors():
    x = leaf(1, 2, dtype="float32")
    for made in (np.zeros_like(x), np.ones_like(x), np.full_like(x, 3), np.empty_like(x), np.zeros((2,), like=x)):
        assert isinstance(made, autograd.Tensor)
        assert made.shape == (2,)
        assert not made.requires_grad
    assert np.zeros_like(x, dtype="f8").dtype == np.float64


def test_facts_about_a_tensor():
    x = autograd.ones(2, 3)
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2
    assert np.size(x) == 6
    assert np.size(x, 1) == 3
    assert not np.iscomplexobj(x)
    assert len(x) == 2


def test_operands_of_other_kinds():
    x = leaf(1, 2)
    assert values(x + [1.0, 2.0]) == [2, 4]
    for wrong in ("a", {}, {1}, None, object(), np.array(["a", "b"]), np.array([1, None])):
        with pytest.raises(TypeError):
            x + wrong
        with pytest.raises(TypeError):
            wrong * x


def test_builtins_on_tensors():
    x = leaf(3, 1, 2)
    assert values(sum(x)) == 6
    assert values(max(x)) == 3
    assert [t.item() for t in sorted(x)] == [1, 2, 3]
    assert 2 in x
    assert 5 not in x
    assert float(x[0]) == 3
    assert int(x[0]) == 3
    assert [10, 20, 30, 40][autograd.tensor(2)] == 30
    assert bool(autograd.tensor([True])) is True
    with pytest.raises(TypeError, match="index"):
        [1, 2][x[0]]
    for empty in (autograd.tensor(1.0),):
        with pytest.raises(TypeError, match="0-d"):
            len(empty)
        with pytest.raises(TypeError, match="0-d"):
            iter(empty)


# ---- DLPack ---------------------------------------------------------------------------------------------------------


def test_dlpack_shares_memory_both_ways():
    x = autograd.tensor([1.0, 2.0])
    a = np.from_dlpack(x)
    assert np.shares_memory(a, x.numpy())
    b = np.array([3.0, 4.0])
    y = autograd.from_dlpack(b)
    y.add_(1)
    assert b.tolist() == [4, 5]
    z = autograd.from_dlpack(x)
    z.mul_(10)
    assert values(x) == [10, 20]
    assert x.__dlpack_device__() == (1, 0)


@pytest.mark.parametrize("given", [lambda y: y.detach(), lambda y: y.detach().numpy()[1:]])
def test_what_is_overwritten_through_dlpack_is_noticed(given):
    y = autograd.ones(3, requires_grad=True) * 1
    z = (y * y).sum()
    autograd.from_dlpack(given(y)).mul_(2)
    with pytest.raises(autograd.MutationError, match="op 'mul' saved"):
        z.backward()


def test_from_numpy_shares_memory():
    a = np.array([1.0, 2.0])
    t = autograd.from_numpy(a)
    t.add_(1)
    assert a.tolist() == [2, 3]
    assert autograd.as_tensor(t) is t
    assert np.shares_memory(autograd.as_tensor(a).numpy(), a)
    assert not np.shares_memory(autograd.tensor(a).numpy(), a)
    with pytest.raises(TypeError, match="from_numpy: expected a NumPy array, got list"):
        autograd.from_numpy([1.0])


def test_where_of_two_numbers_is_numpys():
    mask = leaf(1, -1) > 0
    for x, y in ((1.0, 0.1), (1, 0.1), (1, 0), (True, False)):
        found, expected = np.where(mask, x, y), np.where([True, False], x, y)
        assert found.dtype == expected.dtype
        assert values(found) == expected.tolist()
    assert autograd.where(mask, 1.0, 0.1).dtype == np.float32  # PyTorch's


def test_what_heaviside_gives_at_0_is_not_lost_silently():
    with pytest.raises(
        errors.NotDifferentiableError, match="heaviside: there is no derivative with respect to 'values'"
    ):
        autograd.heaviside(autograd.zeros(2), leaf(0.5))
    assert autograd.heaviside(leaf(0, 1), autograd.tensor(0.5)).tolist() == [0.5, 1]
    assert np.heaviside(leaf(-1, 2), 1).dtype == np.heaviside(leaf(-1, 2).detach().numpy(), 1).dtype


def test_a_function_of_another_package_is_not_called_numpys():
    with pytest.raises(errors.NotDifferentiableError, match=r"^hyp2f1 has no differentiable op"):
        scipy.special.hyp2f1(1.0, 2.0, 3.0, leaf(0.5))


def test_signs_and_steps_of_nan_are_nan_to_numpy():
    data = np.array([np.nan, -2.0, 0.0, 3.0])
    x = autograd.tensor(data, requires_grad=True)
    for call in (np.sign, lambda a: np.heaviside(a, 0.5)):
        np.testing.assert_array_equal(call(x).detach().numpy(), call(data))
    assert values(autograd.sign(x)) == [0, -1, 0, 1]  # as in PyTorch
    assert np.heaviside(autograd.tensor([1, 0]), 1).dtype == np.float64


def test_a_real_array_has_an_imaginary_part_of_zeros():
    assert values(np.imag(leaf(1, 2))) == [0, 0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.linalg.norm(x, None, (0, 1, 2)), lambda x: np.broadcast_to(x[0, 0], -1),
        lambda x: np.inner(x[..., :1], x), lambda x: np.tensordot(x[..., :1], x, 1),
        lambda x: np.tensordot(x[:1], x, ([0, 1], [1, 0])), lambda x: np.linalg.tensordot(x[..., :1], x, ([2], [1])),
        lambda x: np.linalg.matrix_rank(x, tol=0.1, rtol=0.1), lambda x: np.concatenate([x, x], dtype="i8"),
        lambda x: np.stack([x, x], dtype="i8", casting="safe"), lambda x: np.quantile(x + 0j, 0.5),
        lambda x: np.quantile(x, 0.5, weights=np.ones((2, 2, 2))), lambda x: np.percentile(x, 10, weights=[1, 2]),
    ],
)  # fmt: skip
def test_what_numpy_refuses_is_refused(call):
    for given in (np.ones((2, 2, 2)), autograd.ones((2, 2, 2))):
        with pytest.raises((TypeError, ValueError)):
            call(given)
