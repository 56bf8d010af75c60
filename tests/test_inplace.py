"""In-place operations, views, item assignment, the mutation clock: right as PyTorch, or a clear error.

Expected gradients are PyTorch 2.13's where it allows the program, else those of the formula beside them.
"""

import weakref

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import errors
from autograd._inplace import inplace
from autograd.engine import mutation
from tests.helpers import leaf, values


def weighted(y):
    """A scalar that tells the elements of ``y`` apart."""
    weights = autograd.tensor(10.0 ** np.arange(y.numel()).reshape(y.shape))
    return (y * weights).sum()


# ---- in-place operations --------------------------------------------------------------------------------------------


def test_some_are_functions_too():
    x = leaf(0.5, -2.0)
    y = x * 2
    assert autograd.relu_(y) is y
    assert autograd.exp_(autograd.clamp_(y, max=3.0)) is y
    weighted(y).backward()
    assert values(x.grad) == pytest.approx([2 * np.e, 0.0])
    for name in autograd._IN_PLACE:
        assert getattr(autograd, name) is getattr(autograd.Tensor, name)
        assert name in dir(autograd)
    assert not hasattr(autograd, "add_")  # nor has PyTorch


def test_they_return_the_tensor_itself():
    y = leaf(1, 2) * 1
    assert y.add_(1) is y
    before = y
    y += 1
    assert y is before
    assert values(y) == [3, 4]


def test_augmented_assignments():
    x = leaf(1, 2, 3)
    y = x * 1
    y += y
    y *= y
    y -= 1
    y.sum().backward()  # 4 x**2 - 1
    assert values(y) == [3, 15, 35]
    assert values(x.grad) == [8, 16, 24]


def test_gradients_reach_the_other_operand():
    x, w = leaf(1, 2), leaf(3, 4)
    y = x * 1
    y.mul_(w).add_(w)
    y.sum().backward()
    assert (values(x.grad), values(w.grad)) == ([3, 4], [2, 3])


def test_a_plain_tensor_takes_over_the_graph_of_what_is_written():
    w, y = leaf(3, 4), autograd.ones(2, dtype="float64")
    y.mul_(w)
    assert y.requires_grad
    assert not y.is_leaf
    (y * y).sum().backward()
    assert values(w.grad) == [6, 8]


def test_zero_dimensions():
    x = autograd.tensor(np.array(3.0), requires_grad=True)
    y = x * x
    y.mul_(y)
    y.add_(1)
    y.backward()  # x**4 + 1
    assert values(y) == 82
    assert values(x.grad) == 108


def test_zero_dimensions_share_memory_once_they_are_shared():
    x = autograd.tensor(np.array(3.0), requires_grad=True)
    y = x * x
    d, n = y.detach(), y.detach().numpy()
    y.add_(1)
    assert values(d) == n == 10
    v = y.reshape(1)
    v.mul_(2)
    assert values(y) == 20
    (y * y).backward()  # (2 x**2 + 2)**2
    assert values(x.grad) == 2 * 20 * 4 * 3


def test_second_derivatives_through_in_place_operations():
    x = leaf(0.5, -1.0)
    y = x * 1
    y.mul_(y)
    y.mul_(x)
    (g,) = autograd.grad(y.sum(), x, create_graph=True)  # x**3
    np.testing.assert_allclose(g.detach().numpy(), [0.75, 3])
    np.testing.assert_allclose(autograd.grad(g.sum(), x)[0].numpy(), [3, -6])


@pytest.mark.parametrize(
    "name", ["tanh_", "exp_", "sigmoid_", "sqrt_", "square_", "reciprocal_", "neg_", "sin_", "log_"]
)
def test_they_agree_with_the_operation_out_of_place(name):
    x, z = leaf(0.5, 2.0), leaf(0.5, 2.0)
    y = x * 1
    getattr(y, name)()
    weighted(y).backward()
    expected = getattr(z * 1, name[:-1])()
    weighted(expected).backward()
    assert values(y) == values(expected)
    assert values(x.grad) == values(z.grad)


def test_the_dtype_of_the_memory_stays():
    x = leaf(1, 2, dtype="float32")
    y = x * 1
    y.mul_(np.array([2.0, 3.0]))
    assert y.dtype == np.float32
    y.sum().backward()
    assert values(x.grad) == [2, 3]


def test_broadcasting_cannot_enlarge():
    y = leaf(1, 2, 3) * 1
    with pytest.raises(errors.ShapeError, match=r"add_: the result has shape \(2, 3\).*shape \(3,\).*x = x.add"):
        y.add_(np.ones((2, 3)))
    assert values(y) == [1, 2, 3]
    assert repr(y.grad_fn) == "<mul>"


@pytest.mark.parametrize(("data", "other"), [([1, 2], 1.5), ([True, False], 1), ([1.0, 2.0], 1j)])
def test_a_result_of_a_higher_category_is_refused(data, other):
    y = autograd.tensor(data)
    with pytest.raises(errors.DtypeError, match=rf"mul_: .*cannot be written into a tensor of dtype {y.dtype}"):
        y *= other
    assert values(y) == data


def test_an_operation_that_raises_has_changed_nothing():
    x = leaf(1, 2)
    y = x * 2
    with pytest.raises(errors.ShapeError):
        y.add_(np.ones(3))
    with pytest.raises(TypeError):
        y.add_("a")
    with pytest.raises(errors.ShapeError):
        y[:] = np.ones(3)
    with pytest.raises(IndexError):
        y[5] = 1.0
    with autograd.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(errors.AnomalyError):
        y.div_(0.0)
    assert values(y) == [2, 4]
    y.sum().backward()
    assert values(x.grad) == [2, 2]


def test_composed_operations_in_place():
    double = inplace(lambda x: (x * x + x).tanh())
    x = leaf(0.25, 0.5)
    y = double(x * 1)
    y.sum().backward()
    v = np.array([0.25, 0.5])
    np.testing.assert_allclose(x.grad.numpy(), (1 - np.tanh(v * v + v) ** 2) * (2 * v + 1), rtol=1e-14)


# ---- leaves ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.add_(1),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x.copy_(x * 2),
        lambda x: x.zero_(),
        lambda x: x.normal_(),
        lambda x: x[:1].mul_(2),
        lambda x: x.reshape(2, 1).mul_(2),
        lambda x: x.view(2, 1)[0].zero_(),
    ],
)
def test_a_leaf_that_requires_grad_is_not_overwritten_while_recording(write):
    x = leaf(1, 2)
    with pytest.raises(errors.MutationError, match=r"shape .*leaf that requires grad.*autograd.no_grad\(\)"):
        write(x)
    assert values(x) == [1, 2]
    with autograd.no_grad():
        write(x)
    assert values(x) != [1, 2]
    assert x.is_leaf
    assert x.requires_grad


def test_a_view_that_is_itself_a_leaf_is_not_overwritten_either():
    base = autograd.zeros(2, 3)
    row = base[0]
    row.requires_grad_()
    with pytest.raises(errors.MutationError, match="is a leaf that requires grad"):
        row.add_(1)
    with pytest.raises(errors.MutationError, match="is a view of a leaf that requires grad"):
        row[1:] += 1
    assert values(row) == [0, 0, 0]


def test_updates_under_no_grad():
    x = leaf(1, 2)
    (x * x).sum().backward()
    with autograd.no_grad():
        x -= 0.5 * x.grad
    assert values(x) == [0, 0]
    x.data += 1
    assert values(x) == [1, 1]
    assert x.is_leaf
    assert x.requires_grad


# ---- views ----------------------------------------------------------------------------------------------------------


def test_a_write_through_a_view_reaches_the_base():
    x = leaf(1, 2, 3)
    y = x * 1
    y[1:].mul_(10)
    (y * y).sum().backward()
    assert values(y) == [1, 20, 30]
    assert values(x.grad) == [2, 400, 600]


def test_a_write_to_the_base_reaches_the_views():
    x = leaf(1, 2, 3)
    y = x * 1
    v = y[1:]
    y.mul_(10)
    assert values(v) == [20, 30]
    (v * v).sum().backward()
    assert values(x.grad) == [0, 400, 600]


def test_a_view_of_a_view():
    x = leaf(1, 2, 3)
    y = x * 1
    inner = y.reshape(3, 1)[1:]
    inner.mul_(3.0)
    y.mul_(2.0)
    (inner * inner).sum().backward()
    assert values(y) == [2, 12, 18]
    assert values(x.grad) == [0, 144, 216]


def test_one_view_is_written_another_read():
    x = leaf(1, 2, 3)
    y = x * 1
    a, b = y[:2], y[1:]
    a.mul_(5)
    (b * b).sum().backward()  # (5 x1)**2 + x2**2
    assert values(b) == [10, 3]
    assert values(x.grad) == [0, 100, 6]


def test_the_sign_may_be_overwritten():
    x, z = leaf(-1.0, 2.0), autograd.tensor([3 + 4j], requires_grad=True)
    weighted(x.sign().mul_(2) * x).backward()
    assert values(x.grad) == [-2, 20]
    expected = autograd.grad((z.sign() * 2).real.sum(), z)[0]
    assert values(autograd.grad(z.sign().mul_(2).real.sum(), z)[0]) == values(expected)


def test_overlapping_operands():
    x = leaf(1, 2, 3)
    y = x * 1
    y[:2].mul_(y[1:])
    weighted(y).backward()  # x0 x1 + 10 x1 x2 + 100 x2
    assert values(y) == [2, 6, 3]
    assert values(x.grad) == [2, 31, 120]


def test_an_element_is_a_view():
    x = leaf(1, 2, 3)
    y = x * 1
    y[0].mul_(5)
    for element in y[1:]:
        element.mul_(2)
    assert values(y) == [5, 4, 6]
    weighted(y).backward()
    assert values(x.grad) == [5, 20, 200]


def test_writing_the_sum_of_rows():
    x = autograd.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = x * 1
    y[0].add_(y[1])
    y.t()[2].mul_(7)
    assert values(y) == [[3, 5, 49], [3, 4, 35]]
    weighted(y).backward()
    assert values(x.grad) == [[1, 10, 700], [1001, 10010, 700700]]


VIEWS = {
    "slice": lambda t: t[1:],
    "step": lambda t: t[:, ::-2],
    "int": lambda t: t[0],
    "ellipsis": lambda t: t[..., 1],
    "newaxis": lambda t: t[:, None],
    "reshape": lambda t: t.reshape(3, 2),
    "view": lambda t: t.view(6),
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.permute(1, 0),
    "T": lambda t: t.T,
    "squeeze": lambda t: t.unsqueeze(0).squeeze(0),
    "flatten": lambda t: t.flatten(),
    "diagonal": lambda t: t.diagonal(),
    "chain": lambda t: t.T[1:].reshape(2, 2)[0],
    "narrow": lambda t: t.narrow(1, 1, 2),
    "select": lambda t: t.select(1, 2),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_reads_and_writes_as_a_function_of_the_base(name):
    """``v = view(y); v *= w; y *= 2`` against the same without views: a mask says what the view covers."""
    view = VIEWS[name]
    cover = autograd.zeros(2, 3, dtype="float64")
    view(cover).fill_(1.0)
    x, w = autograd.tensor(np.arange(1.0, 7.0).reshape(2, 3), requires_grad=True), leaf(3.0)
    y = x * 1
    v = view(y)
    shares = np.shares_memory(v._data, y._data)
    v.mul_(w)
    y.mul_(2)
    weighted(y).backward(retain_graph=True)
    m = np.asarray(cover) if shares else np.zeros((2, 3))
    weights, base = 10.0 ** np.arange(6).reshape(2, 3), np.arange(1.0, 7.0).reshape(2, 3)
    np.testing.assert_array_equal(y.detach().numpy(), 2 * base * (1 + 2 * m))
    np.testing.assert_allclose(x.grad.numpy(), 2 * weights * (1 + 2 * m), rtol=1e-15)
    np.testing.assert_allclose(w.grad.numpy(), [(2 * weights * base * m).sum()], rtol=1e-15)
    x.grad = None
    v.sum().backward()
    if shares:
        np.testing.assert_array_equal(v.detach().numpy(), np.asarray(view(y.detach())))
        np.testing.assert_allclose(x.grad.numpy(), 6 * m, rtol=1e-15)


def test_second_derivatives_through_a_written_view():
    x = leaf(0.5, 2.0)
    y = x * x
    y[1:].mul_(x[:1])
    (g,) = autograd.grad(y.sum(), x, create_graph=True)  # x0**2 + x1**2 x0
    assert values(g) == [5, 2]
    hessian = [values(autograd.grad(g[i], x, retain_graph=True)[0]) for i in range(2)]
    assert hessian == [[2, 4], [4, 1]]


def test_a_buffer_filled_row_by_row():
    x = leaf(1, 2, 3)
    buffer = autograd.zeros(3, 3, dtype="float64")
    for i in range(3):
        buffer[i] = x * i
    assert buffer.requires_grad
    (buffer * buffer).sum().backward()
    assert values(x.grad) == [10, 20, 30]


def test_a_buffer_filled_through_a_view():
    x = leaf(1, 2, 3)
    buffer = autograd.zeros(3, dtype="float64")
    rest = buffer[1:]
    rest[0] = x[1]
    rest[1] = x[2]
    buffer[0] = x[0]
    assert (rest * 1).requires_grad
    weighted(buffer).backward()
    assert values(x.grad) == [1, 10, 100]


def test_a_view_made_before_requires_grad():
    x = autograd.tensor(np.array([1.0, 2.0]))
    v = x[:1]
    x.requires_grad_()
    (v * 3).sum().backward()
    assert values(x.grad) == [3, 0]


def test_a_view_knows_that_its_base_now_requires_grad():
    x = autograd.zeros(2, 3, dtype="float64")
    v = x[0]
    x.add_(leaf(1, 2, 3))
    assert v.requires_grad
    assert not v.is_leaf
    with pytest.raises(errors.GradientError):
        v.numpy()


def test_views_of_several_outputs_are_not_overwritten():
    y = leaf(1, 2) * 1
    a, _ = y.unbind(0)
    with pytest.raises(errors.MutationError, match=r"mul_: .*'unbind'.*clone"):
        a.mul_(2)
    assert values(y) == [1, 2]


def test_expanded_tensors_and_windows_are_not_overwritten():
    x = autograd.tensor([1.0, 2.0])
    y = x.expand(2, 2)
    for write in (lambda: y.mul_(2), lambda: y.__setitem__(0, 1.0), lambda: y[0].add_(1), x.unfold(0, 1, 1).zero_):
        with pytest.raises(errors.MutationError, match=r"read-only.*clone"):
            write()


@pytest.mark.parametrize("part", ["real", "imag"])
def test_parts_of_complex_tensors_are_not_overwritten(part):
    y = autograd.tensor(np.array([1 + 2j]), requires_grad=True) * 1
    with pytest.raises(errors.MutationError, match=f"{part}.* part of another one: .clone"):
        getattr(y, part).mul_(2)


def test_read_only_arrays_are_not_overwritten():
    data = np.ones(2)
    data.flags.writeable = False
    with pytest.raises(errors.MutationError, match="read-only"):
        autograd.from_numpy(data).add_(1)


def test_a_view_made_under_no_grad_is_not_overwritten_while_recording():
    y = leaf(1, 2, 3) * 1
    with autograd.no_grad():
        v = y[:2]
    with pytest.raises(errors.MutationError, match=r"made by 'getitem' where no graph was recorded.*clone"):
        v.mul_(2)
    with autograd.no_grad():
        v.mul_(2)
    assert values(y) == [2, 4, 3]


def test_a_copy_is_no_view():
    x = leaf(1, 2, 3)
    y = x * 1
    y[[0, 1]].mul_(5)
    y.clone().mul_(5)
    (y + 0).mul_(5)
    assert values(y) == [1, 2, 3]
    y.sum().backward()
    assert values(x.grad) == [1, 1, 1]


def test_one_dimension_is_flat_already_and_ravelled_ones_lie_side_by_side():
    x = leaf(1, 2, 3, 4)
    assert x.flatten() is x
    assert x.flatten(0, 0).is_leaf
    assert autograd.flatten(np.arange(3)).tolist() == [0, 1, 2]
    apart = autograd.arange(4.0)[::2]
    flat = apart.ravel()
    assert flat.is_contiguous()
    flat.zero_()
    assert values(apart) == [0, 2]
    apart.flatten().zero_()
    assert values(apart) == [0, 0]


def test_views_do_not_keep_what_is_gone():
    y = leaf(1, 2) * 1
    v = y[:1]
    ref = weakref.ref(v)
    del v
    assert ref() is None
    v = y[:1]
    v.mul_(2)
    ref = weakref.ref(v)
    del v
    assert ref() is None
    ref = weakref.ref(y)
    del y
    assert ref() is None


def test_detach_shares_and_writes_without_record():
    x = leaf(1, 2)
    y = x * 1
    y.detach().mul_(2)
    (y * 3).sum().backward()
    assert values(y) == [2, 4]
    assert values(x.grad) == [3, 3]  # as PyTorch: what is written outside the graph is a constant factor of nobody


# ---- item assignment ------------------------------------------------------------------------------------------------


def test_gradients_of_item_assignment():
    x = leaf(1, 2, 3)
    y = x * 2
    y[0] = y[1]
    y[1] = 7
    weighted(y).backward()
    assert values(y) == [4, 7, 6]
    assert values(x.grad) == [0, 2, 200]


def test_masks():
    x = leaf(1, 2, 3)
    y = x * 1
    y[y > 1] = 0.0
    (y * y).sum().backward()
    assert values(y) == [1, 0, 0]
    assert values(x.grad) == [2, 0, 0]


def test_a_repeated_index_keeps_the_last_and_gives_only_it_a_gradient():
    x = leaf(1, 2, 3)
    y = x * 1
    y[[0, 0, 1]] = x * x
    weighted(y).backward()  # x1**2 + 10 x2**2 + 100 x2 (PyTorch also gives x0 a gradient, which it does not have)
    assert values(y) == [4, 9, 3]
    assert values(x.grad) == [0, 4, 160]


def test_values_broadcast_to_the_place():
    x, w = autograd.tensor(np.zeros((2, 3)), requires_grad=True), leaf(5.0)
    y = x * 1
    y[:, 1:] = w
    y.sum().backward()
    assert values(w.grad) == [4]
    assert values(x.grad) == [[1, 0, 0], [1, 0, 0]]


def test_a_value_that_does_not_fit_is_refused():
    y = leaf(1, 2, 3) * 1
    with pytest.raises(errors.ShapeError, match=r"a value of shape \(3,\) does not broadcast to .* of shape \(2,\)"):
        y[1:] = np.ones(3)
    assert values(y) == [1, 2, 3]


def test_overlapping_assignment_reads_before_it_writes():
    x = leaf(1, 2, 3)
    y = x * 1
    y[1:] = y[:-1]
    weighted(y).backward()
    assert values(y) == [1, 1, 2]
    assert values(x.grad) == [11, 100, 0]


def test_integers_take_values_without_gradient():
    i, w = autograd.tensor([1, 2]), leaf(3.7)
    i[0] = w[0]
    assert values(i) == [3, 2]
    assert not i.requires_grad
    assert i.is_leaf


def test_copy_and_fill():
    x, s = leaf(1, 2), autograd.tensor(np.array(4.0), requires_grad=True)
    y = x * 1
    y.copy_(x * x)
    y.sum().backward()
    assert values(x.grad) == [2, 4]
    y = x * 1
    y.fill_(s)
    y.sum().backward()
    assert values(s.grad) == 2
    assert values(x.grad) == [2, 4]


# ---- the mutation clock ---------------------------------------------------------------------------------------------

WRITES = {
    "in place": lambda y, x: y.add_(1),
    "item": lambda y, x: y.__setitem__(0, 5.0),
    "view": lambda y, x: y[1:].mul_(2),
    "view of a view": lambda y, x: y.reshape(2, 1)[0].add_(1),
    "data": lambda y, x: y.data.mul_(2),
    "detach": lambda y, x: y.detach().add_(1),
    "random": lambda y, x: y.detach().normal_(),
    "no_grad": lambda y, x: autograd.no_grad(y.zero_)(),
    "out": lambda y, x: np.add(y.detach(), 1.0, out=y.detach()),
    "array": lambda y, x: autograd.from_numpy(y.detach().numpy()).add_(1),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_saved_array_that_is_overwritten_is_an_error_that_names_the_op(write):
    x = leaf(1, 2)
    y = x * 1
    z = y * y
    WRITES[write](y, x)
    with pytest.raises(errors.MutationError, match=r"op 'mul' saved its 'x' \(shape \(2,\)\).*overwritten in place"):
        z.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("windows", [
    lambda y: y.unfold(0, 2, 1), lambda y: y.unfold(0, 1, 1)[1:],
    lambda y: np.lib.stride_tricks.sliding_window_view(y, 3),
    lambda y: autograd.from_numpy(np.frombuffer(memoryview(y.detach().numpy()))),
])  # fmt: skip
@pytest.mark.parametrize("through", ["base", "window"])
def test_windows_are_the_memory_that_they_are_cut_from(windows, through):
    x = leaf(1, 2, 3)
    y = x * 1
    part = windows(y) * x[:1]
    (y if through == "base" else y.detach()[1:]).mul_(2)
    with pytest.raises(errors.MutationError, match="op 'mul' saved"):
        part.sum().backward()


def test_a_saved_output_that_is_overwritten():
    x = leaf(1, 2)
    y = x.exp()
    y.mul_(2)
    with pytest.raises(errors.MutationError, match="op 'exp' saved its 'out'"):
        y.sum().backward()


def test_an_optimizer_step_between_forward_and_backward():
    import optim

    w = leaf(1, 2)
    sgd = optim.SGD([w], lr=0.1)
    (w * 2).sum().backward()
    sgd.step()
    stale = (w * w).sum()
    (w * 2).sum().backward()
    sgd.step()
    with pytest.raises(errors.MutationError, match="op 'mul' saved its 'x'"):
        stale.backward()


def test_writing_elsewhere_is_no_error():
    x = autograd.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    buffer = x * 1
    top = buffer[0]
    z = (top * top).sum()
    buffer.detach()[1].fill_(9)  # other bytes of the same buffer
    other = autograd.ones(3)
    other.add_(1)
    z.backward()
    assert values(x.grad) == [[0, 2, 4], [0, 0, 0]]


def test_writing_what_nobody_saved_is_no_error():
    x = leaf(1, 2)
    y = x * 1
    z = y + 1
    y.mul_(3)
    (z.sum() + y.sum()).backward()
    assert values(x.grad) == [4, 4]


def test_a_write_before_saving_is_no_error():
    x = leaf(1, 2)
    y = x * 1
    y.mul_(3)
    (y * y).sum().backward()
    assert values(x.grad) == [18, 36]


def test_many_writes_to_one_buffer_are_remembered_well_enough():
    x = leaf(1, 2)
    buffer = autograd.zeros(4 * mutation.MAX_RANGES, dtype="float64")
    saved = buffer[:2]
    z = (x * saved).sum()
    for i in range(2, buffer.numel()):
        buffer[i] = 1.0
    late = (x * buffer[:2]).sum()
    late.backward()
    buffer[0] = 7.0
    with pytest.raises(errors.MutationError):
        z.backward()


def test_stamps_do_not_pile_up():
    before = len(mutation._stamps)
    for _ in range(100):
        autograd.ones(3).add_(1)
    assert len(mutation._stamps) == before


def test_the_clock_is_safe_while_other_threads_write():
    import threading

    x = leaf(1, 2)
    buffer = autograd.zeros(1000, dtype="float64")
    failures = []
    done = threading.Event()

    def write():
        i = 0
        while not done.is_set():
            buffer[2 + i % 998] = 1.0
            i += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(200):
            try:
                z = (x * buffer[:2]).sum()
                z.backward()
            except errors.MutationError:
                pass  # ranges were merged: an error too many is allowed, a crash is not
            except RuntimeError as error:
                failures.append(error)
    finally:
        done.set()
        thread.join()
    assert failures == []


# ---- shapes changed in place ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "change", "expected"),
    [
        ((1, 3, 1), lambda x: x.squeeze_(), (3,)),
        ((1, 3, 1), lambda x: x.squeeze_(-1), (1, 3)),
        ((2, 3), lambda x: x.squeeze_(0), (2, 3)),
        ((2, 3), lambda x: x.unsqueeze_(1), (2, 1, 3)),
        ((), lambda x: x.unsqueeze_(0), (1,)),
        ((2, 3), lambda x: x.t_(), (3, 2)),
        ((4,), lambda x: x.t_(), (4,)),
        ((2, 3, 4), lambda x: x.transpose_(0, -1), (4, 3, 2)),
        ((2, 3, 4), lambda x: x.swapdims_(0, 1), (3, 2, 4)),
        ((2, 3, 4), lambda x: x.swapaxes_(axis0=1, axis1=2), (2, 4, 3)),
        ((0, 3), lambda x: x.t_(), (3, 0)),
    ],
)
def test_shapes_change_in_place_and_memory_stays(shape, change, expected):
    x = autograd.zeros(shape)
    pointer = x.data_ptr()
    assert change(x) is x
    assert (x.shape, x.data_ptr()) == (expected, pointer)
    w = autograd.tensor(2.0, requires_grad=True)
    y = autograd.ones(shape) * w
    change(y)
    assert y.shape == expected
    y.sum().backward()
    assert values(w.grad) == y.numel()


def test_views_of_a_tensor_whose_shape_changed_stay_views_of_what_it_was():
    w, u = leaf([1, 2], [3, 4]), leaf(10.0)
    x = w * 1
    row = x[0]  # elements 1 and 2
    x.t_()
    column = x[0]  # elements 1 and 3
    row.mul_(u)
    assert (values(x), values(column)) == ([[10, 3], [20, 4]], [10, 3])
    (x * autograd.tensor([[1.0, 100], [10, 1000]], dtype="float64")).sum().backward()
    assert values(w.grad) == [[10, 100], [100, 1000]]
    assert values(u.grad) == [21]


def test_a_write_through_an_older_view_records_on_a_plain_tensor():
    x, u = autograd.ones(2, 3, dtype="float64"), leaf(10.0)
    row = x[1]
    x.t_().unsqueeze_(0)
    row.mul_(u)
    x[:, 2].sum().backward()
    assert values(u.grad) == [1]


def test_a_write_to_the_changed_tensor_reaches_older_views():
    w = leaf([1, 2], [3, 4])
    x = w * 1
    row = x[0]
    x.t_()
    x[1].mul_(5)  # elements 2 and 4
    row.sum().backward()
    assert values(w.grad) == [[1, 5], [0, 0]]


def test_a_shape_changes_without_recording_too():
    w = leaf([1, 2], [3, 4])
    x = w * 2
    with autograd.no_grad():
        x.t_()
    weighted(x).backward()
    assert values(w.grad) == [[2, 200], [20, 2000]]


def test_what_was_saved_before_a_change_of_shape_is_still_right():
    w = leaf([1, 2], [3, 4])
    x = w * w
    y = x * x
    x.t_()
    y.sum().backward()
    assert values(w.grad) == [[4, 32], [108, 256]]


def test_changing_the_shape_again_and_again_costs_no_memory():
    x = autograd.ones(2, 3) * 1
    for _ in range(3):
        x.t_().unsqueeze_(0).squeeze_()
    assert x._view is None  # no chain of what it was


@pytest.mark.parametrize("recording", [True, False])
def test_the_shape_of_a_leaf_that_requires_grad_stays(recording):
    w = leaf([1, 2], [3, 4])
    with autograd.set_grad_enabled(recording), pytest.raises(errors.MutationError, match=r"transpose_: .*leaf.*x = x"):
        w.transpose_(0, 1)
    assert w.shape == (2, 2)
    assert w.is_leaf


def test_nothing_changes_if_the_new_shape_is_impossible():
    x = autograd.ones(2, 3, 4)
    for change in (lambda: x.t_(), lambda: x.transpose_(0, 3), lambda: x.squeeze_(5)):
        with pytest.raises((errors.ShapeError, IndexError)):
            change()
    assert x.shape == (2, 3, 4)


def test_a_python_function_applied_to_each_element():
    x = autograd.tensor([[1, 2], [3, 4]])
    assert x.t().apply_(lambda v: v * 1.5) is not x
    assert values(x) == [[1, 3], [4, 6]]
    with pytest.raises(errors.GradientError, match="detach"):
        leaf(1.0).apply_(abs)


# ---- saved-array hooks and in-place operations ----------------------------------------------------------------------


def test_in_place_operations_under_saved_tensors_hooks():
    kept = []
    x = leaf(1, 2, 3)

    def pack(t):
        kept.append(t)
        return len(kept) - 1

    with autograd.saved_tensors_hooks(pack, kept.__getitem__):
        y = x * 1
        y.mul_(y)
        y.mul_(x)
    y.sum().backward()  # x**3
    assert values(x.grad) == [3, 12, 27]
    assert kept


@pytest.mark.parametrize("cut", [lambda t: t.reshape(-1), lambda t: t.view(-1), lambda t: t.flatten()])
def test_what_is_written_through_a_view_of_another_layout_is_that_part(cut):
    """A tensor laid out by columns has views that one laid out by rows, as a gradient may be, has not."""
    x = autograd.from_numpy(np.arange(12.0).reshape(4, 3).T).requires_grad_()
    y = x * 1
    cut(y.T)[::2].mul_(3)
    factors = np.where(np.arange(12).reshape(4, 3).T % 2, 1.0, 3.0)
    np.testing.assert_array_equal(y.detach().numpy(), factors * x.detach().numpy())
    y.backward(autograd.ones(3, 4, dtype=autograd.float64))
    np.testing.assert_array_equal(x.grad.numpy(), factors)


def test_a_gradient_is_laid_out_as_it_likes():
    x = autograd.ones(3, 4, requires_grad=True)
    y = x.clone()
    y.view(-1)[1:].mul_(2)
    weights = autograd.arange(12.0).reshape(4, 3)
    (y.T * weights).sum().backward()
    factors = np.full((3, 4), 2.0)
    factors[0, 0] = 1
    np.testing.assert_array_equal(x.grad.numpy(), weights.numpy().T * factors)


# ---- the whole table ------------------------------------------------------------------------------------------------


def test_no_op_hands_out_the_memory_of_its_inputs_unless_it_is_a_view():
    """What an op returns may be written to: then its inputs must not change behind their graph."""
    faults = []
    for record in autograd.OPS.values():
        if record.view or record.lists or not record.inputs:
            continue
        for case in record.cases:
            arguments = {}
            for name, value in case.arguments.items():
                if hasattr(value, "kind"):
                    shape = (2, 3) if value.shape is None else value.shape
                    drawn = np.random.default_rng(0).uniform(value.low, value.high, shape)
                    drawn = drawn.astype({"f": np.float64, "i": np.int64, "b": np.bool_}[value.kind])
                    value = np.asarray(drawn if value.make is None else value.make(drawn))
                arguments[name] = value
            given = [a for a in arguments.values() if isinstance(a, np.ndarray) and a.size]
            with np.errstate(all="ignore"):
                out = record.call(**arguments)
            results = out if isinstance(out, tuple) else [out]
            if any(np.shares_memory(result._data, a) for result in results for a in given):
                faults.append(f"{record.name}{[getattr(a, 'shape', a) for a in arguments.values()]}")
    assert faults == []


@pytest.mark.parametrize(
    ("equation", "shape"),
    [
        ("ii->i", (3, 3)), ("iij->ji", (2, 2, 3)), ("iii->i", (2, 2, 2)), ("iijik->kij", (2, 2, 3, 2, 4)),
        ("ijij->ji", (2, 3, 2, 3)), ("...ii->...i", (2, 3, 3)), ("i...i->i...", (3, 2, 3)), ("ba", (2, 3)),
        ("ii->i", (1, 1)), ("ii->i", (0, 0)),
    ],
)  # fmt: skip
def test_einsum_of_one_operand_without_sums_is_a_view(equation, shape):
    """As in PyTorch and NumPy: what is written to it is written to the operand, and gradients follow."""
    data = np.random.default_rng(0).normal(size=shape)
    x = autograd.tensor(data, requires_grad=True)
    whole = x * 1.0
    part = autograd.einsum(equation, whole)
    expected = data.copy()
    view = np.einsum(equation, expected)
    np.testing.assert_array_equal(part.detach().numpy(), view)
    factors = np.random.default_rng(1).normal(size=view.shape)
    part *= autograd.tensor(factors)
    view *= factors
    np.testing.assert_array_equal(whole.detach().numpy(), expected)
    weights = np.ones(shape)
    np.einsum(equation, weights)[...] = factors
    (g,) = autograd.grad((whole**3).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), 3 * expected**2 * weights)
    (h,) = autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), 6 * expected * weights**2)


@pytest.mark.parametrize("equation", ["ii->i", "ii->", "ii,i->i"])
def test_einsum_refuses_a_repeated_letter_of_different_sizes(equation):
    operands = [autograd.ones(1, 3), autograd.ones(3)][: 1 + equation.count(",")]
    with pytest.raises(errors.ShapeError, match=r"'i' has size 1, but 3 in operand 0 of shape \(1, 3\)"):
        autograd.einsum(equation, *operands)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (7, 3), (2, 2, 2), (0, 3)])
@pytest.mark.parametrize("wrap", [False, True])
def test_fill_diagonal(shape, wrap):
    x = autograd.randn(*shape, requires_grad=True)
    value = autograd.tensor(5.0, requires_grad=True)
    y = x * 2
    assert y.fill_diagonal_(value, wrap=wrap) is y
    expected = x.detach().numpy() * 2
    if 0 not in shape:
        np.fill_diagonal(expected, 5.0, wrap=wrap)
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    y.sum().backward()
    on_it = expected == 5.0
    np.testing.assert_array_equal(x.grad.numpy(), np.where(on_it, 0, 2))
    assert value.grad.item() == on_it.sum()


def test_fill_diagonal_errors():
    for shape in ((3,), (2, 3, 2)):
        with pytest.raises(errors.ShapeError, match="fill_diagonal_: expected a matrix"):
            autograd.zeros(*shape).fill_diagonal_(1)
    with pytest.raises(errors.ShapeError, match="expected a number or a 0-d tensor, got shape"):
        autograd.zeros(2, 2).fill_diagonal_(autograd.ones(2))
    mask = autograd.ones(2, 2, dtype=autograd.bool)
    assert mask.fill_diagonal_(0).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.interpolate(x, size=(4, 4)),
        lambda x: F.interpolate(x, scale_factor=1, mode="bicubic"),
        lambda x: F.pad(x, (0, 0), mode="circular"),
        lambda x: F.pixel_shuffle(x, 1),
        lambda x: F.pixel_unshuffle(x, 1),
        lambda x: F.channel_shuffle(x, 1),
        lambda x: autograd.diff(x, n=0),
    ],
)
def test_a_result_that_equals_the_input_is_a_copy_of_it(function):
    x = autograd.ones(2, 3, 4, 4, requires_grad=True)
    y = x * 2
    function(y).mul_(5)
    assert y.detach().tolist() == (2 * np.ones((2, 3, 4, 4))).tolist()
    y.sum().backward()
    assert x.grad.tolist() == (2 * np.ones((2, 3, 4, 4))).tolist()
