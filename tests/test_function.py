"""Function, checkpoint and saved_tensors_hooks, by PyTorch's contract; where PyTorch is silently wrong, an error."""

import contextlib
import functools
import weakref

import numpy as np
import pytest

import autograd
import autograd.numpy as anp
from autograd import Function, checkpoint, errors, func, once_differentiable, saved_tensors_hooks
from tests.helpers import leaf, require_same, values


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


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_backward_that_writes_into_its_gradient_raises(create_graph):
    """The gradient of a sum is given to both of its inputs: z would get what was written."""

    class Hasty(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2)

    x, z = leaf(1, 2), leaf(1, 1)
    total = (Hasty.apply(x) + z) * autograd.tensor([1.0, 1.0])
    with pytest.raises(errors.MutationError, match=r"Hasty.backward wrote into gradient 0 .*shape \(2,\).*clone"):
        total.backward(autograd.ones(2, dtype=autograd.float64), create_graph=create_graph)
    assert x.grad is z.grad is None


def test_a_backward_may_write_into_what_is_its_own():
    class Clipped(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(0, 1)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            g = g.clone()
            g[x > 1] = 0
            return g

    x, z = leaf(0.5, 2), leaf(1, 1)
    (Clipped.apply(x) + z).backward(autograd.ones(2, dtype=autograd.float64))
    assert values(x.grad) == [1, 0]
    assert values(z.grad) == [1, 1]


def test_functions_of_arrays():
    """To forward, what stands for an array is a Tensor, so that what it returns is one."""
    assert values(func.grad(lambda x: Square.apply(x).sum())(np.array([1.0, 2.0]))) == [2, 4]
    assert values(func.grad(lambda x: (Square.apply(x).reshape(2, 1).sum(axis=0)).max())(np.array([1.0, 2.0]))) == [
        2,
        4,
    ]
    value, pull = func.vjp(Product.apply, np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    assert type(value) is np.ndarray
    assert [values(g) for g in pull(np.ones(2))] == [[3, 5], [1, 2]]


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


class ExpInPlace(Function):
    @staticmethod
    def forward(ctx, x, times):
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x, times)
        return x, times * 2

    @staticmethod
    def backward(ctx, g, g_times):
        x, _times = ctx.saved_tensors
        return g * x, 2 * g_times


def test_what_was_overwritten_may_be_saved():
    x, times = leaf(0, 1), leaf(3)
    y = x * 1
    ExpInPlace.apply(y[1:], times)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, [1, np.e])
    for late in (0, 1):
        y = x * 1
        out = ExpInPlace.apply(y, times)[0]
        (y, times.data)[late].mul_(2)
        with pytest.raises(errors.MutationError, match=rf"saved its 'saved_tensors\[{late}\]'"):
            out.sum().backward()


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
    constant = autograd.ones(2, dtype="float64")
    same = Same.apply(constant)
    constant.requires_grad_()  # which does not change what was handed back
    assert not same.requires_grad
    assert (same * x[:1]).requires_grad


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


@pytest.mark.parametrize("create_graph", [True, False])
def test_a_checkpointed_function_may_compute_gradients(create_graph):
    """The gradients inside ask for what was saved while the function still runs: they raised a TypeError."""

    def inner(x, weight):
        given = x if create_graph else x.detach().requires_grad_()
        (slope,) = autograd.grad((given * weight).sin().pow(3).sum(), given, create_graph=create_graph)
        return (slope * weight).tanh().sum() + (x**2).sum()

    found = []
    for call in (inner, lambda *args: autograd.checkpoint(inner, *args)):
        x, weight = autograd.tensor([1.0, 2.0], requires_grad=True), autograd.tensor([0.3, -0.2], requires_grad=True)
        call(x, weight).backward()
        first = func.grad(call)(x, weight)
        second = func.hessian(lambda x, call=call, weight=weight: call(x, weight))(x)
        found.append((x.grad, weight.grad, first.detach(), second.detach()))
    require_same(*found)


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


def test_checkpoint_runs_in_the_contexts_that_it_is_given():
    entered = []

    @contextlib.contextmanager
    def context(name):
        entered.append(name)
        yield

    x = autograd.ones(2, requires_grad=True)
    y = autograd.checkpoint(
        lambda x: x.exp().sin(), x, context_fn=lambda: (context("first"), context("again")),
        determinism_check="none", debug=False, early_stop=False,
    )  # fmt: skip
    assert entered == ["first"]
    y.sum().backward()
    assert entered == ["first", "again"]
    np.testing.assert_allclose(x.grad, np.e * np.cos(np.e) * np.ones(2), rtol=1e-6)


@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_checkpoint_of_functions_in_segments(segments):
    calls = []

    def step(i):
        return lambda x: (calls.append(i), x.sin() * (i + 1))[1]

    steps = [step(i) for i in range(5)]
    x, y = (autograd.tensor([0.3, 2.0], requires_grad=True) for _ in range(2))
    autograd.checkpoint_sequential(steps, segments, x, use_reentrant=False).sum().backward()
    last = 5 // segments * (segments - 1)
    assert sorted(calls) == sorted([*range(5), *range(last)])
    functools.reduce(lambda value, each: each(value), steps, y).sum().backward()
    np.testing.assert_array_equal(x.grad, y.grad)
    with pytest.raises(ValueError, match="5 functions can be cut into 1 to 5 segments, got 6"):
        autograd.checkpoint_sequential(steps, 6, x)


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


def test_a_checkpointed_function_may_ask_for_gradients():
    runs = []

    def penalty(x, w):
        runs.append(1)
        h = (x**3 * w).tanh()
        (g,) = autograd.grad(h.sum(), x, create_graph=True)
        return (g * h).sum()

    x, w, z, v = leaf(0.5, -0.25), leaf(1, 2), leaf(0.5, -0.25), leaf(1, 2)
    checkpoint(penalty, x, w).backward()
    assert len(runs) == 3  # the call, once more for the gradient within it, once more for backward
    penalty(z, v).backward()
    np.testing.assert_allclose(x.grad, z.grad, rtol=1e-12)
    np.testing.assert_allclose(w.grad, v.grad, rtol=1e-12)


@pytest.mark.parametrize("name", ["x", "w"])
def test_an_argument_of_a_checkpoint_must_not_be_overwritten(name):
    given = {"x": leaf(1, 2) * 1, "w": leaf(3, 4) * 1}
    out = checkpoint(lambda x, w: (x * w).tanh(), given["x"], w=given["w"])
    given[name].add_(1)
    with pytest.raises(errors.MutationError, match=r"argument .* \(shape \(2,\)\) was overwritten in place since"):
        out.sum().backward()


def test_a_checkpointed_function_must_not_overwrite_its_argument():
    out = checkpoint(lambda x: x.mul_(2).tanh(), leaf(1, 2) * 1)  # a second time it would compute something else
    with pytest.raises(errors.MutationError, match="argument 0 of the function"):
        out.sum().backward()


# ---- saved_tensors_hooks --------------------------------------------------------------------------------------------


def test_a_pack_hook_records_nothing():
    w = leaf(2, 3)
    with autograd.saved_tensors_hooks(lambda t: (t * w * w, autograd.is_grad_enabled()), lambda pair: pair[0]):
        x = leaf(1, 2)
        y = (x * x).sum()
    y.backward()
    assert values(x.grad) == [8, 36]
    assert w.grad is None


def test_a_pack_hook_must_not_overwrite_what_it_is_given():
    with (
        autograd.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t),
        pytest.raises(errors.MutationError, match="clone"),
    ):
        leaf(1, 2) ** 2


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


# ---- forward mode ----------------------------------------------------------------------------------------------------


class Scaled(Function):
    """The product of its arguments, whose tangents are ten times too long: so one sees what was called."""

    @staticmethod
    def forward(x, y, times=1):
        return x * y * times

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, ctx.times = inputs
        ctx.save_for_forward(x, y)
        ctx.save_for_backward(x)

    @staticmethod
    def jvp(ctx, tx, ty, times):
        x, y = ctx.saved_tensors
        assert times is None
        return 10 * ctx.times * (tx * y + x * ty)

    @staticmethod
    def vjp(ctx, g):
        (x,) = ctx.saved_tensors
        return None, g * x, None


X, V = np.array([1.0, 2.0]), np.array([1.0, -1.0])
Y = autograd.tensor([3.0, 5.0], dtype=autograd.float64)


def test_jvp_is_called_in_forward_mode_and_vjp_is_backward():
    both = func.jvp(Scaled.apply, (X, Y.numpy()), (V, np.ones(2)))
    assert values(both[0]) == [3.0, 10.0]
    assert values(both[1]) == [40.0, -30.0]
    push = func.linearize(lambda x: Scaled.apply(x, Y, 2) + x, X)[1]
    assert values(push(V)) == [61.0, -101.0]
    assert values(push(2 * V)) == [122.0, -202.0]
    many = np.arange(1.0, 7.0)  # so many that all columns are computed at once
    assert values(func.jacfwd(lambda x: Scaled.apply(x, x))(many)) == np.diag(20 * many).tolist()
    y = leaf(3, 5)
    Scaled.apply(autograd.tensor(X), y).sum().backward()
    assert values(y.grad) == [1, 2]


def test_jvp_of_tensors_and_beside_what_requires_grad():
    x, y = autograd.tensor(X), leaf(3, 5)
    _, move = func.jvp(lambda x: Scaled.apply(x, y), (x,), (autograd.tensor(V),))
    assert type(move) is autograd.Tensor
    assert values(move) == [30, -50]
    move.sum().backward()
    assert values(y.grad) == [10, -10]


class Power(Function):
    """The third power."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_forward(x)
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def test_jvp_is_differentiated_itself():
    def along(x):
        return func.jvp(Power.apply, (x,), (V,))[1]

    assert values(func.jvp(along, (X,), (V,))[1]) == [6, 12]
    assert values(func.grad(lambda x: anp.sum(along(x)))(X)) == [6, -12]
    assert values(func.jvp(func.grad(lambda x: anp.sum(Power.apply(x))), (X,), (V,))[1]) == [6, -12]
    third = func.jvp(lambda x: func.jvp(along, (x,), (V,))[1], (X,), (V,))[1]
    assert values(third) == [6, -6]


class Kept(Function):
    """Keeps the tangents that its jvp gets."""

    seen: tuple = ()

    @staticmethod
    def forward(ctx, x, y, integers, number, materialize):
        ctx.set_materialize_grads(materialize)
        return x * 2

    @staticmethod
    def jvp(ctx, *tangents):
        Kept.seen = tangents
        return tangents[0] * 2


@pytest.mark.parametrize("materialize", [True, False])
def test_what_does_not_move_has_zeros_or_none(materialize):
    y = autograd.tensor([[1.0, 2.0]], dtype=autograd.float32)
    func.jvp(lambda x: Kept.apply(x, y, autograd.tensor([1, 2]), 3.0, materialize), (autograd.tensor(X),), (V,))
    tx, ty, *rest = Kept.seen
    assert rest == [None, None, None]
    assert values(tx) == [1, -1]
    if materialize:
        assert (values(ty), ty.dtype) == ([[0, 0]], autograd.float32)
    else:
        assert ty is None


class Several(Function):
    """Two outputs that move, one of integers, and one that is declared constant."""

    @staticmethod
    def forward(ctx, x):
        constant = x * 5
        ctx.mark_non_differentiable(constant)
        return x * 2, x.to(autograd.int64), constant, x * 3

    @staticmethod
    def jvp(ctx, t):
        return t * 2, None, None, t * 3


def test_jvp_of_several_outputs():
    _, moves = func.jvp(lambda x: list(Several.apply(x)), (X,), (V,))
    assert [values(move) for move in moves] == [[2, -2], [0, 0], [0, 0], [3, -3]]


def with_jvp(jvp, forward=lambda ctx, x: x * 2):
    """A Function of one argument, without backward."""
    return type("Bad", (Function,), {"forward": staticmethod(forward), "jvp": staticmethod(jvp)})


@pytest.mark.parametrize(
    ("jvp", "text"),
    [
        (lambda ctx, t: (t, t), "Bad.jvp returned 2 tangents, but forward returned 1 outputs; return one for each"),
        (lambda ctx, t: None, r"returned None as the tangent of output 0, of shape \(2,\) and float64; expected a Ten"),
        (lambda ctx, t: 3.0, "returned float as the tangent of output 0"),
        (lambda ctx, t: np.ones(2), "returned ndarray as the tangent of output 0"),
        (lambda ctx, t: t.sum(), r"returned a Tensor of shape \(\) as the tangent of output 0, of shape \(2,\)"),
        (lambda ctx, t: t * 1j, "returned a Tensor of complex128 as the tangent .* float64; expected the same dtype"),
        (lambda ctx, t: t.to(autograd.int64), "returned a Tensor of int64"),
    ],
)
def test_wrong_tangents(jvp, text):
    with pytest.raises(errors.RuleError, match=text):
        func.jvp(with_jvp(jvp).apply, (X,), (V,))


def test_wrong_tangents_of_several_outputs():
    two = with_jvp(lambda ctx, t: t, lambda ctx, x: (x, x))
    with pytest.raises(errors.RuleError, match="returned 1 tangents, but forward returned 2 outputs"):
        func.jvp(lambda x: two.apply(x)[0], (X,), (V,))
    given = type("Given", (Several,), {"jvp": staticmethod(lambda ctx, t: (t, None, t, t))})
    with pytest.raises(errors.RuleError, match="returned a tangent for output 2, which has no derivative; return None"):
        func.jvp(lambda x: given.apply(x)[0], (X,), (V,))


def test_a_tangent_has_the_dtype_of_its_output():
    wide = with_jvp(lambda ctx, t: t.to(autograd.float64))
    move = func.jvp(wide.apply, (X.astype(np.float32),), (V.astype(np.float32),))[1]
    assert move.dtype == np.float32


def test_without_jvp_backward_is_transposed_and_without_both_it_says_so():
    assert values(func.jvp(Square.apply, (X,), (V,))[1]) == [2, -4]
    neither = type("Neither", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    with pytest.raises(errors.GradientError, match=r"no backward.* nor can a tangent, without a jvp") as caught:
        func.jvp(neither.apply, (X,), (V,))
    assert "Neither" in caught.value.__notes__[0]
    with pytest.raises(errors.GradientError, match="defines no backward"):
        with_jvp(lambda ctx, t: t).apply(leaf(1, 2)).sum().backward()


def test_backward_and_vjp_are_two_names_for_one():
    twice = type("Twice", (Square,), {"vjp": staticmethod(lambda ctx, g: g)})
    with pytest.raises(errors.GradientError, match="Twice defines both backward and vjp"):
        twice.apply(leaf(1)).sum().backward()


def test_jvp_may_overwrite_the_tangent_of_what_forward_overwrote():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    inplace = with_jvp(lambda ctx, t: t.mul_(2), forward)
    direction = V.copy()
    _, move = func.jvp(lambda x: inplace.apply(x * 3) + x, (X.copy(),), (direction,))
    assert values(move) == [7, -7]
    assert values(direction) == [1, -1]


def test_jvp_is_called_where_others_are_transposed():
    with autograd.detect_anomaly():
        assert values(func.jvp(Scaled.apply, (X, Y.numpy()), (V, 0 * V))[1]) == [30, -50]

    def hooked(x):
        y = x * 1.0
        y.register_hook(lambda g: g)
        return Scaled.apply(y, Y)

    assert values(func.jvp(hooked, (X,), (V,))[1]) == [30, -50]


def test_what_jvp_saved_must_not_be_overwritten():
    y = autograd.tensor([3.0, 5.0], dtype=autograd.float64)
    _, push = func.linearize(lambda x: Scaled.apply(x, y), X)
    y.mul_(2)
    with pytest.raises(errors.MutationError, match="op 'Scaled' saved its 'saved_tensors"):
        push(V)


def test_save_for_forward_keeps_tensors_only():
    class Saves(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(3)

    with pytest.raises(TypeError, match="save_for_forward keeps Tensors, got int"):
        Saves.apply(leaf(1))


# ---- vmap -----------------------------------------------------------------------------------------------------------


calls_of_vmap = []


class Sorted(Function):
    """The elements in order and their places; computed from plain arrays, whose methods cannot be mapped."""

    @staticmethod
    def forward(x, dim):
        places = np.frombuffer(x.numpy().tobytes()).reshape(x.shape).argsort(dim)
        return x.take_along_dim(autograd.from_numpy(places), dim), autograd.from_numpy(places)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.dim = inputs[1]
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx, g, _):
        (places,) = ctx.saved_tensors
        return autograd.zeros_like(g).scatter(ctx.dim, places, g), None

    @staticmethod
    def jvp(ctx, t, _):
        (places,) = ctx.saved_tensors
        return t.take_along_dim(places, ctx.dim), None

    @staticmethod
    def vmap(info, in_dims, x, dim):
        calls_of_vmap.append((info.batch_size, info.randomness, in_dims))
        ordered, places = Sorted.apply(x.movedim(in_dims[0], -1), dim if dim >= 0 else dim - 1)
        return (ordered, places), (-1, -1)


W = autograd.from_numpy(np.random.default_rng(3).standard_normal((4, 2, 3)))


@pytest.mark.parametrize("maps", [1, 2])
def test_vmap_is_called_for_all_examples(maps):
    calls_of_vmap.clear()
    mapped = lambda x: Sorted.apply(x, -1)  # noqa: E731
    for _ in range(maps):
        mapped = func.vmap(mapped)
    ordered, places = mapped(W)
    assert autograd.equal(ordered, W.sort(-1).values)
    assert autograd.equal(places, W.argsort(-1))
    sizes = [4, 2][:maps]
    assert calls_of_vmap == [(size, "error", (0, None)) for size in reversed(sizes)]


def test_derivatives_through_a_vmap_and_inside_of_it():
    weights = autograd.arange(6.0, dtype=autograd.float64).reshape(2, 3)
    loss = lambda x: (Sorted.apply(x, -1)[0].sin() * weights).sum()  # noqa: E731
    plain = lambda x: (x.sort(-1).values.sin() * weights).sum()  # noqa: E731
    expected = autograd.stack([func.grad(plain)(x) for x in W])
    autograd.testing.assert_close(func.vmap(func.grad(loss))(W), expected)
    autograd.testing.assert_close(func.grad(lambda x: func.vmap(loss)(x).sum())(W), expected)
    moves = func.vmap(lambda x: func.jvp(loss, (x,), (x,))[1])(W)
    autograd.testing.assert_close(moves, (expected * W).sum((1, 2)))
    seconds = func.vmap(lambda x: func.grad(lambda x: (func.grad(loss)(x) * x).sum())(x))(W)
    expected = autograd.stack([func.grad(lambda x: (func.grad(plain)(x) * x).sum())(x) for x in W])
    autograd.testing.assert_close(seconds, expected)


def test_a_map_of_what_is_the_same_for_all_calls_forward():
    calls_of_vmap.clear()
    same = func.vmap(lambda x: x + Sorted.apply(W[0], 0)[0])(W)
    assert autograd.equal(same, W + W[0].sort(0).values)
    assert calls_of_vmap == []


class Doubled(Function):
    @staticmethod
    def forward(x):
        return x * 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"vmap": lambda info, in_dims, x: x}, "must return a pair"),
        ({"vmap": lambda info, in_dims, x: (x, (0, 0))}, "another structure"),
        ({"vmap": lambda info, in_dims, x: (x, 1)}, "there are 4 examples"),
        ({"vmap": lambda info, in_dims, x: (x, 0), "generate_vmap_rule": True}, "keep one"),
        ({"vmap": lambda info, in_dims, x: (x, 0), "setup_context": Function.setup_context}, "needs a setup_context"),
    ],
)
def test_misuse_of_vmap(attributes, message):
    static = {name: staticmethod(value) if callable(value) else value for name, value in attributes.items()}
    made = type("Made", (Doubled,), static)
    with pytest.raises(errors.RuleError, match=message):
        func.vmap(made.apply)(W)


def test_vmap_may_return_what_is_the_same_for_all():
    made = type("Made", (Doubled,), {"vmap": staticmethod(lambda info, in_dims, x: (x[0], None))})
    assert autograd.equal(func.vmap(made.apply)(W), W[:1].expand(4, 2, 3))
    assert func.vmap(made.apply, out_dims=None)(W).shape == (2, 3)
