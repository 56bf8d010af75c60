"""Function, checkpoint and saved_tensors_hooks, by PyTorch's contract; where PyTorch is silently wrong, an error."""

import weakref

import numpy as np
import pytest

import autograd
from autograd import Function, checkpoint, errors, once_differentiable, saved_tensors_hooks
from tests.helpers import leaf, values


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Product(Function):
    @staticmethod
    def forward(x, y):
        return x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * y, g * x


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


# ---- Function -------------------------------------------------------------------------------------------------------


def test_values_and_gradients():
    x = leaf(1, 2)
    y = Square.apply(x)
    assert repr(y.grad_fn) == "<Square>"
    y.sum().backward()
    assert values(x.grad) == [2, 4]


def test_setup_context():
    x, y = leaf(1, 2), leaf(3, 4)
    Product.apply(x, y).sum().backward()
    assert (values(x.grad), values(y.grad)) == ([3, 4], [1, 2])


def test_second_and_third_derivatives():
    x = leaf(2.0, -1.0)
    (g,) = autograd.grad(Square.apply(x * x).sum(), x, create_graph=True)  # x**4
    (h,) = autograd.grad(g.sum(), x, create_graph=True)
    (k,) = autograd.grad(h.sum(), x)
    assert [values(t) for t in (g, h, k)] == [[32, -4], [48, 12], [48, -24]]


def test_mixed_second_derivatives():
    x, y = leaf(1, 2), leaf(3, 4)
    (gx,) = autograd.grad(Product.apply(x, y).sum(), x, create_graph=True)
    assert values(autograd.grad((gx * gx).sum(), y)[0]) == [6, 8]


def test_derivatives_through_a_saved_output():
    x = leaf(1, 2)
    g = Exp.apply(x).sum()
    for _ in range(3):
        (g,) = autograd.grad(g.sum(), x, create_graph=True)
        np.testing.assert_allclose(g.detach().numpy(), np.exp([1, 2]), rtol=1e-15)


def test_derivatives_through_one_of_several_saved_outputs():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(None, y)
            return y, x * 2

        @staticmethod
        def backward(ctx, g, h):
            nothing, y = ctx.saved_tensors
            assert nothing is None
            return g * y + 2 * h

    x = leaf(1, 2)
    y, z = Both.apply(x)
    v, e = np.array([1.0, 2]), np.exp([1, 2])
    (g,) = autograd.grad((y * z).sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x, create_graph=True)
    (k,) = autograd.grad(h.sum(), x)
    for got, expected in ((g, 2 * e * (v + 1)), (h, 2 * e * (v + 2)), (k, 2 * e * (v + 3))):
        np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-14)


def test_gradients_only_where_needed():
    class Scale(Function):
        @staticmethod
        def forward(ctx, x, y, factor):
            ctx.factor = factor
            assert ctx.needs_input_grad == (True, False, False)
            return x * factor + y

        @staticmethod
        def backward(ctx, g):
            assert ctx.needs_input_grad == (True, False, False)
            return g * ctx.factor, None, None

    x = leaf(1, 2)
    Scale.apply(x, autograd.ones(2), 3.0).sum().backward()
    assert values(x.grad) == [3, 3]


def test_outputs_that_are_no_tensors():
    class Mixed(Function):
        @staticmethod
        def forward(ctx, x):
            return autograd.from_numpy(x.detach().numpy() * 3), 7, None

        @staticmethod
        def backward(ctx, g, *rest):
            return g * 3

    x = leaf(1, 2)
    y, seven, nothing = Mixed.apply(x)
    assert (seven, nothing) == (7, None)
    y.sum().backward()
    assert values(x.grad) == [3, 3]


def test_outputs_without_derivative():
    class Largest(Function):
        @staticmethod
        def forward(ctx, x):
            index, bound = x.argmax(), x * 0 + 9
            ctx.index = index.item()
            ctx.mark_non_differentiable(index, bound)
            return x[ctx.index], index, bound

        @staticmethod
        def backward(ctx, g, no_index, no_bound):
            out = np.zeros(3)
            out[ctx.index] = g.item()
            return autograd.tensor(out)

    x = leaf(1, 5, 2)
    value, index, bound = Largest.apply(x)
    assert not index.requires_grad
    assert not bound.requires_grad
    value.backward()
    assert values(x.grad) == [0, 1, 0]


@pytest.mark.parametrize("materialize", [True, False])
def test_gradients_of_outputs_of_integers_are_zeros_or_none(materialize):
    seen = []

    class Sorted(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            order = x.argsort()
            ctx.mark_non_differentiable(order)
            return x * 2, order, "no tensor"

        @staticmethod
        def backward(ctx, g, g_order, nothing):
            seen.append((g_order, nothing))
            return g * 2

    x = leaf(2, 1)
    y, order, _ = Sorted.apply(x)
    assert not order.requires_grad
    y.sum().backward()
    ((g_order, nothing),) = seen
    assert nothing is None
    assert (g_order.tolist(), g_order.dtype) == ([0, 0], "int64") if materialize else g_order is None


def test_arguments_by_name_and_defaults_are_put_in_their_places():
    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, y, factor=2.0, *, shift=0.0):
            ctx.save_for_backward(x, y)
            ctx.factor = factor
            return x * y * factor + shift

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y * ctx.factor, g * x * ctx.factor, None

    class SetUp(Function):
        @staticmethod
        def forward(x, y, factor=2.0):
            return x * y * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, y, ctx.factor = inputs
            assert ctx.needs_input_grad == (True, True, False)
            ctx.save_for_backward(x, y)

        backward = Scaled.backward

    for function, kwargs, factor in [
        (Scaled, {}, 2),
        (Scaled, {"factor": 3.0}, 3),
        (SetUp, {}, 2),
        (SetUp, {"factor": 3.0}, 3),
    ]:
        x, y = leaf(5), leaf(7)
        for out in (function.apply(x, y, **kwargs), function.apply(y=y, x=x, **kwargs)):
            assert values(out) == [35 * factor]
            x.grad = y.grad = None
            out.backward()
            assert (values(x.grad), values(y.grad)) == ([7 * factor], [5 * factor])
    assert values(Scaled.apply(x, y, shift=1.0)) == [71]
    with pytest.raises(errors.GradientError, match="'shift' can only be given by name"):
        Scaled.apply(x, y, shift=leaf(1))
    with pytest.raises(TypeError, match="'no'"):
        Scaled.apply(x, y, no=1)


@pytest.mark.parametrize("materialize", [True, False])
def test_missing_gradients_are_zeros_or_none(materialize):
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(materialize)
            return x * 2, y * 3

        @staticmethod
        def backward(ctx, a, b):
            seen.append(values(b))
            return a * 2, None if b is None else b * 3

    x, y = leaf(1, 2), leaf(3, 4)
    Two.apply(x, y)[0].sum().backward()
    assert seen == [[0, 0] if materialize else None]
    assert values(x.grad) == [2, 2]
    assert values(y.grad) == ([0, 0] if materialize else None)


def test_nothing_is_recorded_without_need():
    with autograd.no_grad():
        assert not Square.apply(leaf(1)).requires_grad
    assert not Square.apply(autograd.ones(1)).requires_grad


def test_forward_runs_without_recording():
    class Peek(Function):
        @staticmethod
        def forward(ctx, x):
            assert not autograd.is_grad_enabled()
            return x * 1

        @staticmethod
        def backward(ctx, g):
            assert not autograd.is_grad_enabled()
            return g

    x = leaf(1)
    Peek.apply(x).sum().backward()
    assert values(x.grad) == [1]


def test_complex_gradients_are_in_pytorchs_convention():
    class ComplexSquare(Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            (z,) = ctx.saved_tensors
            return 2 * z.conj() * g

    data = np.array([1 + 2j, -3j])
    z, w = autograd.tensor(data, requires_grad=True), autograd.tensor(data, requires_grad=True)
    seed = np.array([1 + 1j, 2.0])
    (ComplexSquare.apply(z * 1j) * 2).backward(seed)
    ((w * 1j) * (w * 1j) * 2).backward(seed)
    assert values(z.grad) == values(w.grad)


def test_it_may_be_used_again_if_it_saved_nothing():
    class Triple(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.factor = 3.0
            return x * ctx.factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor

    x = leaf(1, 2)
    y = Triple.apply(x).sum()
    y.backward()
    y.backward()
    assert values(x.grad) == [6, 6]
    z = Square.apply(x).sum()
    z.backward()
    with pytest.raises(errors.FreedGraphError, match="op 'Square'"):
        z.backward()


def test_a_saved_tensor_that_is_overwritten():
    h = leaf(1, 2) * 1
    y = Square.apply(h)
    h.mul_(2)
    with pytest.raises(errors.MutationError, match=r"op 'Square' saved its 'saved_tensors\[0\]'"):
        y.sum().backward()


def test_it_makes_no_reference_cycle():
    x = leaf(1, 2)
    y = Exp.apply(x)
    ref = weakref.ref(y._data)
    del y
    assert ref() is None


# ---- mark_dirty -----------------------------------------------------------------------------------------------------


class Double(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_an_input_may_be_overwritten():
    x = leaf(1, 2)
    h = x * 1
    y = Double.apply(h)
    assert y is h
    (y * y).sum().backward()
    assert values(h) == [2, 4]
    assert values(x.grad) == [8, 16]


def test_a_view_may_be_overwritten():
    x = leaf(1, 2)
    h = x * 1
    Double.apply(h[:1])
    (h * h).sum().backward()
    assert values(h) == [2, 2]
    assert values(x.grad) == [8, 4]


def test_a_leaf_must_not_be_overwritten():
    with pytest.raises(errors.MutationError, match=r"Double .*is a leaf that requires grad"):
        Double.apply(leaf(1, 2))


def test_what_is_dirty_must_be_returned():
    class Forgets(Double):
        @staticmethod
        def forward(ctx, x):
            return Double.forward(ctx, x) * 1

    with pytest.raises(errors.GradientError, match=r"Forgets: .*dirty"):
        Forgets.apply(leaf(1, 2) * 1)


@pytest.mark.parametrize("part", [lambda x: x, lambda x: x[:1], lambda x: x.reshape(2, 1)])
def test_an_input_handed_back_is_not_overwritten_later(part):
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return part(x)

        @staticmethod
        def backward(ctx, g):
            return autograd.ones(2, dtype="float64") * 10

    x = leaf(1, 2)
    h = x * 1
    y = Same.apply(h)
    assert y is not h
    with pytest.raises(errors.MutationError, match="forward of Same returned an input"):
        y.mul_(2)
    h.mul_(2)
    with pytest.raises(errors.MutationError, match=r"return a \.clone"):
        y * 1
    z = Same.apply(x)
    z.sum().backward()
    assert values(x.grad) == [10, 10]


# ---- mistakes -------------------------------------------------------------------------------------------------------


def bad(result):
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Bad


def test_extra_nones_are_forgiven():
    x = leaf(1, 2)
    bad(lambda g: (g, None, None)).apply(x).sum().backward()
    assert values(x.grad) == [1, 1]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (lambda g: (g, g), "Bad.backward returned 2 gradients, but forward took 1 arguments"),
        (lambda g: (), "returned 0 gradients"),
        (lambda g: np.ones(2), "Bad.backward returned ndarray as gradient 0; expected a Tensor or None"),
        (lambda g: autograd.ones(3), r"returned a gradient of shape \(3,\) for an input of shape \(2,\)"),
    ],
)
def test_wrong_gradients(result, text):
    x = leaf(1, 2)
    with pytest.raises(errors.RuleError, match=text):
        bad(result).apply(x).sum().backward()
    assert x.grad is None


def test_functions_that_are_not_complete():
    class Nothing(Function):
        pass

    class OneWay(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(TypeError, match="Nothing needs a static method forward"):
        Nothing.apply(leaf(1))
    with pytest.raises(TypeError, match=r"call it as OneWay.apply\(...\)"):
        OneWay(leaf(1))
    y = OneWay.apply(leaf(1))
    with pytest.raises(errors.GradientError, match="defines no backward"):
        y.sum().backward()


def test_only_tensors_are_saved():
    class Saves(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3.0)
            return x

    with pytest.raises(TypeError, match="got float; others can be attributes"):
        Saves.apply(leaf(1))


# ---- once_differentiable --------------------------------------------------------------------------------------------


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        assert not autograd.is_grad_enabled()
        (x,) = ctx.saved_tensors
        return 2 * x * g


def test_once_differentiable_the_first_time():
    x = leaf(1, 2)
    Once.apply(x).sum().backward()
    assert values(x.grad) == [2, 4]
    assert not x.grad.requires_grad


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: y.sum(),  # PyTorch says nothing here and returns a wrong second derivative
        lambda x, y: (y * y).sum(),
        lambda x, y: (y * x).sum(),
    ],
)
def test_once_differentiable_the_second_time(loss):
    x = leaf(1, 2)
    (g,) = autograd.grad(loss(x, Once.apply(x)), x, create_graph=True)
    with pytest.raises(errors.GradientError, match="once_differentiable"):
        autograd.grad((g * x).sum(), x)


# ---- checkpoint -----------------------------------------------------------------------------------------------------


def block(x, w):
    h = (x * w).tanh()
    return h * h * x


def test_checkpoint_gives_the_same():
    x, w = leaf(0.5, -1.0), leaf(2.0, 3.0)
    block(x, w).sum().backward()
    plain = values(x.grad), values(w.grad)
    x.grad = w.grad = None
    checkpoint(block, x, w).sum().backward()
    assert (values(x.grad), values(w.grad)) == plain


def test_checkpoint_keeps_nothing_and_runs_again():
    runs = []

    def f(x):
        runs.append(1)
        h = x * x
        refs.append(weakref.ref(h._data))
        return h * h

    refs = []
    x = leaf(1, 2)
    y = checkpoint(f, x)
    assert len(runs) == 1
    assert refs[0]() is None
    y.sum().backward(retain_graph=True)
    assert len(runs) == 2
    y.sum().backward()
    assert len(runs) == 3
    assert values(x.grad) == [8, 64]


def test_checkpoints_nest():
    def inner(x):
        return (x * x).tanh()

    def outer(x):
        return checkpoint(inner, x * 2) * x

    x, z = leaf(0.25, 0.5), leaf(0.25, 0.5)
    checkpoint(outer, x).sum().backward()
    (inner(z * 2) * z).sum().backward()
    assert values(x.grad) == values(z.grad)


def test_second_derivatives_through_checkpoint():
    x, z = leaf(0.5, -1.0), leaf(0.5, -1.0)
    results = []
    for run, v in ((lambda v: checkpoint(block, v, v), x), (lambda v: block(v, v), z)):
        (g,) = autograd.grad(run(v).sum(), v, create_graph=True)
        results.append(values(autograd.grad(g.sum(), v)[0]))
    assert results[0] == results[1]


def test_checkpoint_draws_the_same_random_numbers_and_leaves_the_stream_alone():
    def noisy(x):
        mask = autograd.rand(4, dtype="float64")
        masks.append(values(mask))
        return x * x * mask

    masks = []
    x = leaf(1, 2, 3, 4)
    autograd.manual_seed(1)
    y = checkpoint(noisy, x)
    expected = values(autograd.rand(3))
    autograd.manual_seed(1)
    checkpoint(noisy, x)
    y.sum().backward()
    assert values(autograd.rand(3)) == expected
    assert masks[0] == masks[1] == masks[2]
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.arange(1, 5) * masks[0])


def test_checkpoint_notices_a_function_that_does_something_else():
    count = []

    def changes(x):
        count.append(1)
        return x * x if len(count) == 1 else x * x * x

    y = checkpoint(changes, leaf(1, 2))
    with pytest.raises(errors.GradientError, match="saved 2 arrays in the forward pass but 4"):
        y.sum().backward()


def test_checkpoint_works_on_zero_dimensional_tensors_that_are_shared_meanwhile():
    x = leaf(1, 2, 3)
    s = x.sum()
    y = checkpoint(lambda v: v * v * s, x).sum()
    s.detach()
    y.backward()
    assert values(x.grad) == [26, 38, 50]


def test_checkpoint_takes_keyword_arguments_and_passes_structures():
    x = leaf(1, 2)
    a, b = checkpoint(lambda x, factor: (x * x, x * factor), x, factor=3.0, use_reentrant=False)
    (a + b).sum().backward()
    assert values(x.grad) == [5, 7]


def test_checkpoint_with_operations_in_place():
    def f(x):
        y = x * 1
        y.mul_(y)
        y.add_(x)
        return y.tanh_()

    x, z = leaf(0.25, 0.5), leaf(0.25, 0.5)
    checkpoint(f, x).sum().backward()
    f(z).sum().backward()
    assert values(x.grad) == values(z.grad)


# ---- saved_tensors_hooks --------------------------------------------------------------------------------------------


def test_hooks_see_what_is_saved():
    packed, unpacked = [], []

    def pack(t):
        packed.append(values(t))
        return values(t)

    def unpack(v):
        unpacked.append(v)
        return autograd.tensor(np.array(v))

    x, y = leaf(1, 2), leaf(3, 4)
    with saved_tensors_hooks(pack, unpack):
        z = x * y
    assert packed == [[1, 2], [3, 4]]
    assert unpacked == []
    z.sum().backward()
    assert sorted(unpacked) == [[1, 2], [3, 4]]
    assert (values(x.grad), values(y.grad)) == ([3, 4], [1, 2])


def test_hooks_nest_and_the_innermost_wins():
    outer, inner = [], []
    x = leaf(1, 2)
    with saved_tensors_hooks(lambda t: outer.append(1) or t, lambda t: t):
        a = x * x
        with saved_tensors_hooks(lambda t: inner.append(1) or t, lambda t: t):
            b = a * a
    b.sum().backward()
    assert (len(outer), len(inner)) == (2, 2)
    assert values(x.grad) == [4, 32]


def test_hooks_see_what_a_function_saves():
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, None, y)
            return x * y, y

        @staticmethod
        def backward(ctx, g, _):
            return ctx.saved_tensors[0] * 0 + 3 * g * ctx.saved_tensors[2]

    x, packed, unpacked = leaf(1, 2), [], []
    with saved_tensors_hooks(lambda t: packed.append(values(t)) or t.clone(), lambda t: unpacked.append(1) or t + 1):
        y = Cube.apply(x)[0].sum()
    assert packed == [[1, 2], [1, 4]]
    y.backward(retain_graph=True)
    assert len(unpacked) == 2  # once, though backward asks twice
    assert values(x.grad) == [6, 15]
    y.backward()
    assert (len(unpacked), values(x.grad)) == (4, [12, 30])
    x.grad, alive = None, len(packed)
    checkpoint(lambda x: Cube.apply(x)[0], x).sum().backward()
    assert (values(x.grad), len(packed)) == ([3, 12], alive)


def test_a_checkpoint_keeps_nothing_that_a_function_saves():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            kept = x * 2
            watched.append(weakref.ref(kept._data))
            ctx.save_for_backward(kept)
            return kept.clone()

        @staticmethod
        def backward(ctx, g):
            return g * 2 + ctx.saved_tensors[0] * 0

    watched = []
    x = leaf(1, 2)
    y = checkpoint(Twice.apply, x)
    assert watched[0]() is None
    y.sum().backward()
    assert values(x.grad) == [2, 2]


def test_an_unpack_hook_that_returns_no_tensor_is_named():
    x = leaf(1, 2)
    with saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = x.exp().sum()
    with pytest.raises(TypeError, match="unpack_hook returned int, expected a Tensor"):
        y.backward()
    assert x.grad is None


def test_hooks_and_second_derivatives():
    x = leaf(0.5, 2.0)
    with saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x * x * x
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    assert values(autograd.grad(g.sum(), x)[0]) == [3, 12]


def test_hooks_may_write_to_disk(tmp_path):
    def pack(t):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, t.detach().numpy())
        return path

    x = leaf(1, 2)
    with saved_tensors_hooks(pack, lambda path: autograd.from_numpy(np.load(path))):
        y = x.exp() * x
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) * [2, 3], rtol=1e-15)


def test_a_graph_with_hooks_is_released_too():
    x = leaf(1, 2)
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        y = (x * x).sum()
    y.backward()
    with pytest.raises(errors.FreedGraphError):
        y.backward()
