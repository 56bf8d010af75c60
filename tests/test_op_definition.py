"""The rule language: what an op may be made of, what a node saves, how it is called, which mistakes are named."""

import functools
import inspect
import types

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import MANY, errors, op
from autograd.ops.indexing import scatter_index
from autograd.samples import Case, reals
from tests.helpers import leaf, values

# ---- what a node saves ----------------------------------------------------------------------------------------------


def saved_by(function, *args, **kwargs):
    """What the node of a call saved, by name."""
    node = function(*args, **kwargs)._node
    return dict(zip(node.op.saved_names, node.saved, strict=True))


def test_exactly_what_the_rules_name_is_saved():
    x, y = leaf(1, 2), leaf(3, 4)
    assert saved_by(autograd.add, x, y) == {"alpha": 1}
    assert list(saved_by(autograd.exp, x)) == ["out"]
    assert list(saved_by(autograd.log, x)) == ["x"]
    both = saved_by(autograd.mul, x, y)
    assert both["x"] is x.numpy(force=True)
    assert both["y"] is y.numpy(force=True)


def test_nothing_is_saved_for_a_rule_that_will_not_run():
    x, c = leaf(1, 2), autograd.tensor(np.array([3.0, 4.0]))
    one = saved_by(autograd.mul, x, c)
    assert one["x"] is None
    assert one["y"] is not None
    other = saved_by(autograd.mul, c, x)
    assert other["y"] is None


def test_nothing_at_all_is_made_without_gradient():
    c = autograd.ones(2)
    assert (c * c)._node is None
    with autograd.no_grad():
        assert (leaf(1, 2) * 2)._node is None


def test_shapes_instead_of_arrays():
    @op(x=lambda g, x_shape: np.broadcast_to(g, x_shape), y=lambda g, y_shape: np.broadcast_to(g, y_shape))
    def total(x, y):
        return np.sum(x) + np.sum(y)

    x, y = autograd.ones(2, 3, requires_grad=True), autograd.ones(4, requires_grad=True)
    assert saved_by(total, x, y) == {"x_shape": (2, 3), "y_shape": (4,)}
    assert saved_by(total, x, 1.0) == {"x_shape": (2, 3), "y_shape": None}
    total(x, y).backward()
    assert x.grad.shape == (2, 3)
    assert y.grad.shape == (4,)


@pytest.mark.parametrize("slow", [False, True])
def test_rules_get_what_they_name_in_any_order(slow):
    seen = {}

    def rule(scale, out, needs, x_shape, y, g, x):
        seen.update(scale=scale, out=out, needs=needs, x_shape=x_shape, y=y, g=g, x=x)
        return g * y * scale

    @op(x=rule, y=lambda x, scale, g: g * x * scale)
    def scaled(x, y, scale=2.0):
        return x * y * scale

    x, y = leaf(1, 2), leaf(3, 4)
    with autograd.detect_anomaly() if slow else autograd.enable_grad():
        scaled(x, y, scale=5.0).sum().backward()
    assert seen["scale"] == 5
    assert seen["needs"] == (True, True)
    assert seen["x_shape"] == (2,)
    assert seen["out"].tolist() == [15, 40]
    assert seen["g"].tolist() == [1, 1]
    assert (values(x.grad), values(y.grad)) == ([15, 20], [5, 10])


def test_needs_says_which_inputs_need_a_gradient():
    seen = []

    def both(g, x, y, needs):
        seen.append(needs)
        return g * y if needs[0] else None, g * x if needs[1] else None

    @op(joint=both)
    def product(x, y):
        return x * y

    x, y = leaf(1, 2), leaf(3, 4)
    product(x, y).sum().backward()
    product(x, 5.0).sum().backward()
    autograd.grad(product(x, y).sum(), y)
    assert seen == [(True, True), (True, False), (False, True)]
    assert (values(x.grad), values(y.grad)) == ([8, 9], [1, 2])


def test_the_source_shows_the_two_functions():
    text = autograd.add.op.source
    assert text.startswith("def add(x=None, y=None, *, alpha=1, input=None, other=None):")
    assert "def backward(" in text
    assert repr(autograd.add.op).startswith("<op add(")


def test_the_public_function_looks_like_the_forward():
    @op(x=lambda g: g)
    def renamed_(x):
        """What it does."""
        return x * 1.0

    assert renamed_.__name__ == "renamed_"
    assert renamed_.op.name == "renamed"
    assert renamed_.__doc__ == "What it does."
    assert renamed_.__module__ == __name__
    assert list(inspect.signature(renamed_).parameters) == ["x"]


# ---- double backward of user ops ------------------------------------------------------------------------------------


def cube_op():
    @op(x=lambda g, x: 3 * x * x * g, samples=reals(-2, 2))
    def cube(x):
        return x * x * x

    return cube


def test_derivatives_of_every_order():
    cube = cube_op()
    x = leaf(2.0, -1.0)
    g = cube(x)
    for factor in ([12, 3], [12, -6], [6, 6]):
        (g,) = autograd.grad(g.sum(), x, create_graph=True)
        assert values(g) == factor


def test_second_derivatives_through_a_saved_output():
    @op(x=lambda g, out: g * out)
    def my_exp(x):
        return np.exp(x)

    x = leaf(0.5, -1.0)
    g = my_exp(x).sum()
    for _ in range(4):
        (g,) = autograd.grad(g.sum(), x, create_graph=True)
        np.testing.assert_allclose(g.detach().numpy(), np.exp(x.detach().numpy()), rtol=1e-15)


def test_second_derivatives_through_two_inputs():
    @op(x=lambda g, x, y: 2 * x * y * g, y=lambda g, x: x * x * g)
    def f(x, y):
        return x * x * y

    x, y = leaf(2.0), leaf(3.0)
    gx, gy = autograd.grad(f(x, y).sum(), [x, y], create_graph=True)
    assert [values(t) for t in autograd.grad(gx.sum(), [x, y], retain_graph=True)] == [[6], [4]]
    gyx, gyy = autograd.grad(gy.sum(), [x, y], allow_unused=True)
    assert values(gyx) == [4]
    assert gyy is None


def test_second_derivatives_of_several_outputs():
    @op(x=lambda g_a, g_b, x, b: 2 * x * g_a + b * g_b, outputs=("a", "b"))
    def parts(x):
        return x * x, np.exp(x)

    x = leaf(0.5)
    r = parts(x)
    (g,) = autograd.grad((r.a * r.b).sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x)
    v, e = 0.5, np.exp(0.5)
    np.testing.assert_allclose(g.item(), (2 * v + v * v) * e, rtol=1e-14)
    np.testing.assert_allclose(h.item(), (2 + 4 * v + v * v) * e, rtol=1e-14)


def test_second_derivatives_of_a_list():
    @op(
        tensors=lambda g, tensors: [g * np.prod(np.stack([t for j, t in enumerate(tensors) if j != i]), axis=0)
                                    for i in range(len(tensors))],
        lists=("tensors",),
    )  # fmt: skip
    def product(tensors):
        return np.prod(np.stack(tensors), axis=0)

    x, y, z = leaf(2.0), leaf(3.0), leaf(5.0)
    gx, gy = autograd.grad(product([x, y, z]).sum(), [x, y], create_graph=True)
    assert (values(gx), values(gy)) == ([15], [10])
    assert [values(g) for g in autograd.grad(gx.sum(), [y, z])] == [[5], [3]]


def test_a_rule_that_uses_another_op():
    @op(x=lambda g, index, x_shape: scatter_index.kernel(g, index, x_shape), constants=("index",))
    def pick(x, index):
        return x[index]

    x = leaf(1, 2, 3)
    y = pick(x, autograd.tensor([0, 0, 2]))
    (g,) = autograd.grad((y * y).sum(), x, create_graph=True)
    assert values(g) == [4, 0, 6]
    assert values(autograd.grad((g * g).sum(), x)[0]) == [32, 0, 24]


# ---- outputs, lists, constants, views -------------------------------------------------------------------------------


def test_several_outputs_are_a_named_tuple():
    @op(x=lambda g_low, g_high: g_low + 10 * g_high, outputs=("low", "high"))
    def split(x):
        return x - 1.0, x + 1.0

    x = leaf(1, 2)
    result = split(x)
    low, high = result
    assert result.low is low
    assert result.high is high
    assert type(result).__name__ == "split_result"
    low.sum().backward()
    assert values(x.grad) == [1, 1]
    x.grad = None
    (split(x).high * 2 + split(x).low).sum().backward()
    assert values(x.grad) == [21, 21]


def test_an_integer_output_has_no_gradient():
    @op(x=lambda g_value, index, x_shape: scatter_index.kernel(g_value, index, x_shape), outputs=("value", "index"))
    def largest(x):
        index = np.argmax(x)
        return x[index], index

    x = leaf(1, 5, 2)
    value, index = largest(x)
    assert not index.requires_grad
    assert index.item() == 1
    value.backward()
    assert values(x.grad) == [0, 1, 0]


def test_many_outputs():
    @op(x=lambda g: g[0] + 2 * g[1] + 3 * g[2], outputs=MANY)
    def three(x):
        return [x * 1.0, x * 2.0, x * 3.0]

    x = leaf(1, 2)
    a, _, c = three(x)
    (a + c).sum().backward()
    assert values(x.grad) == [4, 4]


def list_op():
    @op(
        tensors=lambda g, tensors_shape: np.split(g, np.cumsum([s[0] for s in tensors_shape])[:-1]),
        lists=("tensors",),
    )
    def join(tensors):
        return np.concatenate(tensors)

    return join


def test_a_list_input_mixes_tensors_arrays_and_duplicates():
    join = list_op()
    x, y = leaf(1, 2), leaf(3)
    out = join([x, y, np.array([7.0]), x])
    assert values(out) == [1, 2, 3, 7, 1, 2]
    (out * autograd.tensor(np.arange(6.0))).sum().backward()
    assert (values(x.grad), values(y.grad)) == ([4, 6], [2])


@pytest.mark.parametrize("wrong", [5, "ab", None, leaf(1, 2)])
def test_a_list_input_must_be_a_list(wrong):
    with pytest.raises(TypeError):
        list_op()(wrong)


def test_a_list_with_something_strange_in_it_names_the_place():
    with pytest.raises(TypeError, match=r"tensors\[1\].*got str"):
        list_op()([leaf(1), "a"])


def test_constants_may_be_tensors_and_are_watched():
    @op(x=lambda g, mask: g * mask, constants=("mask",))
    def masked(x, mask):
        return x * mask

    x, mask = leaf(1, 2), autograd.tensor(np.array([1.0, 0.0]))
    y = masked(x, mask)
    y.sum().backward()
    assert values(x.grad) == [1, 0]
    y = masked(x, mask)
    mask.add_(1)
    with pytest.raises(errors.MutationError, match="saved its 'mask'"):
        y.sum().backward()


def test_an_op_may_be_a_view():
    @op(x=lambda g, x_shape: np.reshape(g, x_shape), view=True)
    def flat(x):
        return np.reshape(x, (-1,))

    x = autograd.tensor(np.ones((2, 2)), requires_grad=True)
    y = x * 1
    flat(y).mul_(3)
    assert values(y) == [[3, 3], [3, 3]]
    y.sum().backward()
    assert values(x.grad) == [[3, 3], [3, 3]]


def test_a_text_says_why_a_view_must_not_be_written_to():
    @op(x=lambda g: g, view="because of its nature")
    def same(x):
        return x[...]

    y = leaf(1, 2) * 1
    with pytest.raises(errors.MutationError, match=r"mul_: because of its nature: \.clone"):
        same(y).mul_(2)


def test_ops_without_rules_are_not_differentiable():
    @op()
    def sign_bit(x):
        return x < 0

    result = sign_bit(leaf(1, -2))
    assert values(result) == [False, True]
    assert not result.requires_grad


def test_a_gradient_that_arrives_where_no_derivative_is_says_so():
    @op(outputs=("low", "high"))
    def halves(x):
        return x[:1], x[1:]

    x = leaf(1, 2)
    low, _ = halves(x)
    with pytest.raises(errors.NotDifferentiableError, match=r"halves: its results have no derivative.*detach"):
        (low + x).sum().backward()
    assert x.grad is None


SETTINGS = {
    "alpha": lambda t: autograd.add(leaf(1, 2), leaf(3, 4), alpha=t),
    "beta": lambda t: autograd.addmv(leaf(1, 2), autograd.ones(2, 2), autograd.ones(2), beta=t),
    "negative_slope": lambda t: F.leaky_relu(leaf(-1, 2), t),
    "eps": lambda t: F.layer_norm(leaf(1, 3), (2,), eps=t),
    "rtol": lambda t: autograd.isclose(leaf(1, 2), leaf(1, 3), rtol=t),
    "correction": lambda t: leaf(1, 2, 4).var(correction=t),
    "p": lambda t: leaf(1, 2).norm(t),
    "spacing": lambda t: autograd.gradient(leaf(1, 2, 4), spacing=t)[0],
    "fill_value": lambda t: leaf(1, 2).new_full((2,), t),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_may_be_a_tensor_without_gradient(name):
    call = SETTINGS[name]
    np.testing.assert_array_equal(call(autograd.tensor(1.0)).detach().numpy(), call(1.0).detach().numpy())
    with pytest.raises(errors.NotDifferentiableError, match=f"no derivative with respect to '{name}'.*requires grad"):
        call(autograd.tensor(1.0, requires_grad=True))


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (lambda w: F.cross_entropy(autograd.ones(1, 2), autograd.tensor([1]), weight=w), "weight"),
        (lambda w: F.nll_loss(autograd.ones(1, 2), autograd.tensor([1]), weight=w), "weight"),
        (lambda w: F.multi_margin_loss(autograd.ones(1, 2), autograd.tensor([1]), weight=w), "weight"),
        (lambda w: F.binary_cross_entropy(autograd.ones(2), autograd.ones(2), weight=w), "weight"),
        (lambda w: F.binary_cross_entropy_with_logits(autograd.ones(2), autograd.ones(2), pos_weight=w), "pos_weight"),
    ],
)
def test_a_weight_that_would_lose_its_gradient_is_refused(loss, name):
    assert loss(autograd.ones(2)).shape == ()
    with pytest.raises(errors.NotDifferentiableError, match=f"no derivative with respect to '{name}'"):
        loss(autograd.ones(2, requires_grad=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda w: autograd.ones(2) * [w, w], lambda w: autograd.sum([w, 1.0]), lambda w: [w, w] - leaf(1, 2),
        lambda w: autograd.stack([leaf(1, 2), [w, w]]), lambda w: autograd.softmax([[w], [w]], 0),
        lambda w: autograd.zeros(2).copy_([w, w]), lambda w: autograd.zeros(2).add_([w, w]),
        lambda w: autograd.zeros(2).__setitem__(..., [w, w]),
    ],
)  # fmt: skip
def test_a_list_of_tensors_that_require_grad_loses_no_gradient(call):
    with pytest.raises(errors.GradientError, match=r"is a list that contains a tensor that requires grad.*stack"):
        call(autograd.tensor(2.0, requires_grad=True))
    call(autograd.tensor(2.0))
    assert (leaf(1, 2) == [leaf(1)[0], 2]).tolist() == [True, True]


def test_optional_inputs():
    @op(x=lambda g, w: g * 2.0 if w is None else g * w, w=lambda g, x: g * x)
    def scaled(x, w=None):
        return x * 2.0 if w is None else x * w

    x, w = leaf(1, 2), leaf(3, 4)
    scaled(x).sum().backward()
    assert values(x.grad) == [2, 2]
    scaled(x, w).sum().backward()
    assert (values(x.grad), values(w.grad)) == ([5, 6], [1, 2])
    (g,) = autograd.grad(scaled(x, w).sum(), x, create_graph=True)
    assert values(autograd.grad(g.sum(), w)[0]) == [1, 1]


# ---- how it is called -----------------------------------------------------------------------------------------------


def reduction():
    @op(x=lambda g, x_shape: np.broadcast_to(g, x_shape))
    def total(x, dim=None, keepdim=False):
        return np.sum(x, axis=dim, keepdims=keepdim)

    return total


def test_second_spellings_of_arguments():
    total = reduction()
    x = autograd.ones(2, 3)
    assert total(x, axis=0).shape == total(x, dim=0).shape == (3,)
    assert total(x, axis=0, keepdims=True).shape == total(x, 0, True).shape == (1, 3)
    assert total(input=x).item() == total(x=x).item() == 6
    y = leaf(1.0)
    assert values(autograd.add(input=y, other=2.0)) == [3]
    assert autograd.add(y, other=y).requires_grad


def test_an_op_may_use_a_second_spelling_itself():
    @op(x=lambda g: g)
    def shifted(x, axis=5, input=7):
        return x + axis + input

    assert values(shifted(leaf(1.0))) == [13]
    assert values(shifted(leaf(1.0), axis=1, input=2)) == [4]


@pytest.mark.parametrize("convert", [np.asarray, list, tuple])
def test_arrays_and_lists_are_operands(convert):
    cube = cube_op()
    result = cube(convert([1.0, 2.0]))
    assert isinstance(result, autograd.Tensor)
    assert values(result) == [1, 8]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("a", "got str 'a'"),
        ({}, "got dict {}"),
        (object, "got type"),
        (np.array(["a"]), "dtype <U1"),
        (None, "left out or None"),
    ],
)
def test_operands_that_are_no_numbers(wrong, text):
    with pytest.raises(TypeError, match=text):
        cube_op()(wrong)


def test_missing_and_superfluous_arguments():
    cube = cube_op()
    with pytest.raises(TypeError, match=r"cube\(\) needs the argument 'x'"):
        cube()
    with pytest.raises(TypeError, match="takes from 0 to 1 positional arguments but 2"):
        cube(1, 2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dim'"):
        cube(leaf(1.0), dim=0)


def test_zero_dimensional_tensors():
    cube = cube_op()
    x = autograd.tensor(np.array(2.0), requires_grad=True)
    y = cube(x * 1)
    assert y.shape == ()
    y.backward()
    assert x.grad.item() == 12
    assert x.grad.shape == ()


# ---- NumPy identities -----------------------------------------------------------------------------------------------


@pytest.fixture
def registered():
    """The table of NumPy functions, restored afterwards."""
    from autograd._op import NUMPY

    before = dict(NUMPY)
    yield NUMPY
    NUMPY.clear()
    NUMPY.update(before)


def test_a_user_op_answers_for_a_numpy_function(registered):
    assert np.spacing not in registered
    assert np.trim_zeros not in registered

    @op(np.spacing, x=lambda g: g * 5)
    def spacing(x):
        return np.spacing(x)

    @op(np.trim_zeros, filt=lambda g, filt_shape: np.broadcast_to(np.sum(g), filt_shape))
    def trimmed(filt):
        return np.trim_zeros(filt)

    x = leaf(1, 2)
    np.spacing(x).sum().backward()
    assert values(x.grad) == [5, 5]
    assert np.trim_zeros(leaf(0, 1, 0)).shape == (1,)


def test_the_kernel_takes_what_it_is_given():
    cube = cube_op()
    assert type(cube.kernel(np.array([2.0]))) is np.ndarray
    assert cube.kernel(leaf(2.0)).requires_grad


def test_only_the_librarys_own_ops_join_the_table():
    cube = cube_op()
    assert cube.op.name not in autograd.OPS
    assert cube.op.cases == [Case({"x": reals(-2, 2)}, free=True)]
    with pytest.raises(TypeError, match="op 'add' is defined twice"):
        op(register=True, x=lambda g: g)(autograd.add.__wrapped__)


# ---- mistakes at definition -----------------------------------------------------------------------------------------


def test_a_rule_for_something_that_is_no_input():
    with pytest.raises(TypeError, match=r"op 'f': there is a rule for 'z', but the inputs are x, y"):

        @op(z=lambda g: g)
        def f(x, y):
            return x


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"lists": ("z",)}, "op 'f': lists names 'z', but the inputs are x, y"),
        ({"constants": ("z",)}, "op 'f': constants names 'z', but the inputs are x, y"),
        ({"refused": ("y",)}, "op 'f': refused names 'y', but the constants are none"),
    ],
)
def test_what_is_said_of_an_input_that_does_not_exist_is_refused(said, message):
    with pytest.raises(TypeError, match=message):

        @op(x=lambda g: g, **said)
        def f(x, y):
            return x + y


def test_a_tensor_as_an_argument_that_takes_none_is_named():
    @op(x=lambda g, scale: g * scale)
    def f(x, scale=1.0):
        return x * scale

    with pytest.raises(errors.RuleError, match="got Tensor; 'scale' came as a Tensor: annotate it as float"):
        f(autograd.ones(2), autograd.tensor(2.0))


def test_a_rule_that_asks_for_something_unknown():
    with pytest.raises(TypeError, match=r"op 'f': a rule asks for 'z'; it may ask for g, x, x_shape, out, needs"):

        @op(x=lambda g, z: g)
        def f(x):
            return x


def test_a_rule_of_several_outputs_asks_for_each_by_name():
    with pytest.raises(TypeError, match="a rule asks for 'g'; it may ask for g_a, g_b"):

        @op(x=lambda g: g, outputs=("a", "b"))
        def f(x):
            return x, x


# ---- mistakes in rules ----------------------------------------------------------------------------------------------


def broken(rule, **options):
    @op(x=rule, **options)
    def doubled(x):
        return x * 2.0

    return doubled


def test_a_gradient_of_the_wrong_shape():
    x = leaf(1, 2)
    with pytest.raises(errors.RuleError, match=r"op 'doubled' returned a gradient of shape \(5,\) for .* shape \(2,\)"):
        broken(lambda g: np.ones(5))(x).sum().backward()
    assert x.grad is None


def test_no_gradient_at_all():
    with pytest.raises(errors.RuleError, match="op 'doubled' returned NoneType"):
        broken(lambda g: None)(leaf(1, 2)).sum().backward()


@pytest.mark.parametrize(("found", "kind"), [((np.ones(2),), "tuple"), ([1.0, 2.0], "list"), (2.0, "float")])
def test_a_gradient_that_is_no_array(found, kind):
    with pytest.raises(errors.RuleError, match=rf"'doubled' returned {kind} .*shape \(2,\); expected an array of that"):
        broken(lambda g: found)(leaf(1, 2)).sum().backward()


def test_a_rule_may_call_an_op_itself():
    """On arrays it then returns a Tensor, which counts as its array."""

    @op(x=lambda g, x: g * autograd.sigmoid(x))
    def softened(x):
        return np.logaddexp(x, 0)

    @op(joint=lambda g, x, y: (autograd.mul(g, y), g * x))
    def product(x, y):
        return x * y

    @op(tensors=lambda g, tensors: [autograd.mul(g, 2.0) for _ in tensors], lists=("tensors",))
    def doubled_total(tensors):
        return 2 * sum(tensors)

    x, y = leaf(1, 2), leaf(3, 4)
    expected = (1 / (1 + np.exp(-np.array([1.0, 2])))).tolist()
    (first,) = autograd.grad(softened(x).sum(), x)
    assert values(first) == pytest.approx(expected)
    (first,) = autograd.grad(softened(x).sum(), x, create_graph=True)
    assert values(autograd.grad(first.sum(), x)[0]) == pytest.approx([s * (1 - s) for s in expected])
    softened(x).sum().backward()
    assert values(x.grad) == pytest.approx(expected)
    assert [values(g) for g in autograd.grad(product(x, y).sum(), (x, y))] == [[3, 4], [1, 2]]
    assert [values(g) for g in autograd.grad(doubled_total([x, y]).sum(), (x, y))] == [[2, 2], [2, 2]]
    compiled = autograd.compile(lambda t: autograd.grad(softened(t).sum(), t)[0])
    for _ in range(3):
        assert values(compiled(x)) == pytest.approx(expected)


def test_a_gradient_of_another_dtype_is_cast():
    x = leaf(1, 2, dtype="float32")
    broken(lambda g: np.array([1, 2]))(x).sum().backward()
    assert x.grad.dtype == np.float32
    assert values(x.grad) == [1, 2]


@pytest.mark.parametrize("count", [1, 3])
def test_a_joint_rule_with_too_few_or_too_many(count):
    @op(joint=lambda g, x, y: (g,) * count)
    def product(x, y):
        return x * y

    with pytest.raises(errors.RuleError, match=f"op 'product' returned {count} gradients for 2 inputs"):
        product(leaf(1), leaf(2)).sum().backward()


def test_a_list_rule_with_too_few():
    @op(tensors=lambda g: [g], lists=("tensors",))
    def total(tensors):
        return sum(tensors)

    with pytest.raises(errors.RuleError, match="op 'total' returned 1 gradients for 2 inputs"):
        total([leaf(1), leaf(2)]).sum().backward()


# ---- mistakes in forwards -------------------------------------------------------------------------------------------


def failing(error):
    @op(x=lambda g: g, y=lambda g: g)
    def fails(x, y=1.0):
        raise error

    return fails


@pytest.mark.parametrize("error", [ValueError, TypeError, IndexError, OverflowError])
def test_an_error_in_the_forward_keeps_its_class_and_text_and_gains_the_call(error):
    with pytest.raises(error, match=r"fails\(x=float64\[2\], y=float64\[3\]\): my own trouble"):
        failing(error("my own trouble"))(leaf(1, 2), leaf(1, 2, 3))


def test_other_errors_in_the_forward_pass_through_with_a_note():
    with pytest.raises(KeyError) as caught:
        failing(KeyError("k"))(leaf(1, 2))
    assert caught.value.__notes__ == ["(in the forward of op fails(x=float64[2], y=1.0))"]


# ---- names that the written functions use themselves ----------------------------------------------------------------

PLAUSIBLE = ["shape", "node", "source", "result", "new", "status", "clock", "current", "generic", "error", "values"]
PLAUSIBLE += ["promote", "operand", "explain", "saved", "parents", "grads", "held", "p", "d", "conform", "float32"]


@pytest.mark.parametrize("name", PLAUSIBLE)
def test_parameters_may_have_any_name(name):
    space = {"np": np, "__name__": __name__}
    exec(f"def f(x, y, {name}=2.0):\n    return x * y * {name}", space)
    rules = {
        "x": eval(f"lambda g, x_shape, y, {name}: g * y * {name}", space),
        "y": eval(f"lambda g, x, {name}: g * x * {name}", space),
    }
    f = op(**rules)(space["f"])
    x, y = leaf(1, 2), leaf(3, 4)
    out = f(x, y, 3.0)
    assert values(out) == [9, 24]
    out.sum().backward()
    assert (values(x.grad), values(y.grad)) == ([9, 12], [3, 6])


@pytest.mark.parametrize("name", ["_p", "_node", "OP", "forward", "joint", "Tensor", "Node"])
def test_names_that_no_parameter_can_have_are_refused(name):
    """A parameter _p was overwritten in backward: a wrong gradient, and no error."""
    with pytest.raises(TypeError, match=f"the parameter '{name}' has a name that the code written for the op has"):
        op(**{name: eval(f"lambda g, {name}: 2 * {name} * g")})(eval(f"lambda {name}: {name} * {name}"))


# ---- forwards that are no functions with a name of their own --------------------------------------------------------


class Squaring:
    def __call__(self, x):
        return x * x

    def squared(self, x):
        return x * x


def named(name):
    space = {}
    exec(f"def {name}(x):\n    return x * x", space)  # with no __name__ around it: no __module__ either
    return space[name]


FORWARDS = {
    "<lambda>": lambda x: x * x,
    "power": functools.partial(lambda x, power: x**power, power=2),
    "Squaring": Squaring(),
    "squared": Squaring().squared,
    "class": types.FunctionType((lambda x: x * x).__code__, globals(), "class"),
    **{name: named(name) for name in ("backward", "forward", "rule_x", "Tensor", "OP", "call")},
}


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward_may_be_anything_that_can_be_called(name):
    for further in ({}, {"jvp": lambda t_x, x: 2 * x * t_x}):
        square = op(x=lambda g, x: 2 * x * g, **further)(FORWARDS[name])
        x = leaf(1, 3)
        out = square(x)
        assert out.grad_fn.name() == (name if name != "power" else "<lambda>")
        (g,) = autograd.grad(out.sum(), x, create_graph=True)
        assert values(g) == [2, 6]
        assert values(autograd.grad(g.sum(), x)[0]) == [2, 2]
        assert values(autograd.func.jvp(square, (x,), (x,))[1]) == [2, 18]
        assert values(autograd.compile(lambda x, f=square: f(x) * 1.0)(leaf(1, 3))) == [1, 9]
        assert values(autograd.func.vmap(square)(x)) == [1, 9]
        assert autograd.gradcheck(square, leaf(1, 3, dtype=np.float64), check_forward_ad=True)


def test_an_op_of_several_outputs_without_a_name_returns_a_named_tuple():
    both = op(outputs=("high", "low"), x=lambda g_high, g_low: g_high - g_low)(lambda x: (x + 1, 1 - x))
    x = leaf(1, 3)
    out = both(x)
    assert (values(out.high), values(out.low)) == ([2, 4], [0, -2])
    out.low.sum().backward()
    assert values(x.grad) == [-1, -1]


def test_an_error_in_an_op_without_a_name_says_what_it_was_given():
    with pytest.raises(ValueError, match=r"<lambda>\(x=float64\[2\]"):
        op(x=lambda g: g)(lambda x: x @ np.ones((3, 3)))(leaf(1, 3))


def test_settings_may_come_one_by_one():
    @op(x=lambda g, x_shape: np.reshape(g, x_shape), samples=reals(-2, 2, shape=(2, 2)))
    def reshaped(x, *sizes):
        """The elements in another shape."""
        return np.reshape(x, sizes or -1).copy()

    t = autograd.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    reshaped(t, 4, 1).backward(autograd.tensor([[1.0], [2.0], [3.0], [4.0]]))
    assert t.grad.tolist() == [[1, 2], [3, 4]]
    assert autograd.func.vmap(lambda row: reshaped(row, 1, 2))(t.detach()).shape == (2, 1, 2)
    assert "def reshaped(x=None, *sizes, input=None):" in reshaped.op.source
