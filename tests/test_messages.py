"""Every message that users are promised: it exists, it is of the class they would catch, it says what to do."""

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd import errors
from autograd.errors import ArgumentError, BoundsError, ShapeError
from tests.helpers import leaf


def message(program, *classes):
    """The text of the error that ``program`` raises, which is of all these classes and not long."""
    with pytest.raises(classes[0]) as caught:
        program()
    for cls in classes:
        assert isinstance(caught.value, cls)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


def test_errors_are_the_builtins_that_a_user_would_catch():
    assert issubclass(errors.ShapeError, ValueError)
    assert issubclass(errors.ShapeError, RuntimeError)
    assert issubclass(errors.DtypeError, TypeError)
    assert issubclass(errors.DtypeError, RuntimeError)
    for name in ("GradientError", "FreedGraphError", "MutationError", "RuleError", "AnomalyError"):
        assert issubclass(getattr(errors, name), RuntimeError)
    assert issubclass(errors.NotDifferentiableError, TypeError)
    for name in errors.__all__:
        assert getattr(autograd, name) is getattr(errors, name)


# ---- requires_grad --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_integers_do_not_require_grad(dtype):
    text = message(lambda: autograd.tensor(np.ones(2, dtype), requires_grad=True), TypeError, RuntimeError)
    assert text == (
        f"only floating and complex tensors can require grad, this one is {dtype}; convert it first: .float() or "
        "tensor(..., dtype=autograd.float32)"
    )


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_integers_are_not_put_where_a_gradient_is_required(dtype):
    x, y = leaf(1, 2), leaf(1, 2) * 2
    for t in (x, y):
        text = message(lambda t=t: setattr(t, "data", autograd.ones(2, dtype=dtype)), TypeError, RuntimeError)
        assert text == (
            f"data: this tensor requires grad, so its data must be floating or complex, not {dtype}: convert it first, "
            "or requires_grad_(False)"
        )
        assert t.dtype == np.float64
    constant = autograd.ones(2)
    constant.data = autograd.ones(3, dtype=dtype)
    assert constant.dtype == dtype


def test_a_result_without_gradient_is_warned_of_where_the_user_asks_for_it():
    x = leaf(1, 2)
    y, z = x * 2, x * 3
    z.retain_grad()
    assert x.grad is z.grad is y.detach().grad is None  # without a warning: they may have one
    with pytest.warns(UserWarning, match=r"\.grad of the result of <mul> is None.* if retain_grad\(\) was") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__
    (y + z).sum().backward()
    assert z.grad.tolist() == [1, 1]
    y.grad = autograd.ones_like(y)
    assert y.grad.tolist() == [1, 1]


# ---- in place -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (autograd.ones(4, 4).t(), autograd.int16),
        (autograd.ones(4, 4)[:, ::2], autograd.float64),
        (autograd.ones(4, 3), autograd.float64),
        (autograd.tensor(1.0), autograd.int16),
    ],
)
def test_bytes_that_cannot_be_read_as_another_dtype(x, dtype):
    text = message(lambda: x.view(dtype), ShapeError, ValueError, RuntimeError)
    assert text.startswith(f"view: the bytes of float32 of shape {x.shape} cannot be read as {dtype}, whose elements")


@pytest.mark.parametrize("value", [2, autograd.ones(7)])
@pytest.mark.parametrize(
    ("index", "kind"),
    [
        ([[1, 2], [0]], BoundsError),
        ((slice(None), [[1], [2, 3]]), BoundsError),
        (([0, 1], [1, 2, 3]), BoundsError),
        ((0, 4), BoundsError),
        (slice("a"), errors.DtypeError),
    ],
)
def test_an_assignment_at_a_wrong_index_says_that_it_is_the_index(index, kind, value):
    x = autograd.zeros(4, 4)
    with pytest.raises(kind, match=r"^item assignment to a tensor of shape \(4, 4\): .*ind(ex|ices)"):
        x[index] = value
    assert not x.any()


def test_a_leaf_overwritten_while_recording_names_the_tensor_and_the_remedy():
    text = message(lambda: leaf(1, 2).add_(1), errors.MutationError)
    assert text == (
        "add_: the tensor of shape (2,) is a leaf that requires grad, which must not be changed in place while "
        "recording: do it under `with autograd.no_grad():` (a parameter update), or out of place on a new name"
    )


@pytest.mark.parametrize("transform", [
    lambda f, x: autograd.func.grad(f)(x),
    lambda f, x: autograd.func.jvp(f, (x,), (x,)),
    lambda f, x: autograd.func.jacfwd(f)(x),
])  # fmt: skip
def test_an_argument_of_a_transform_that_is_overwritten_is_no_parameter(transform):
    """Inside ``no_grad``, the remedy for a parameter, what is written would count as constant."""
    x = autograd.ones(2)
    for write, what in ((lambda x: x.mul_(2), "an input"), (lambda x: x[1:].mul_(2), "a view of an input")):
        text = message(lambda write=write: transform(lambda x: write(x).sum(), x), errors.MutationError)
        assert f"is {what} of what is being differentiated" in text
        assert ".clone() it first" in text
        assert "no_grad" not in text
    assert x.tolist() == [1.0, 1.0]
    assert transform(lambda x: x.clone().mul_(2).sum(), x) is not None


def test_the_largest_of_no_elements():
    text = message(lambda: autograd.zeros(0).max(), IndexError)
    assert text == "a tensor of shape (0,) has no elements of which one could be chosen"
    assert "has no elements along dim 0 of" in message(lambda: autograd.zeros(0, 2).amax(0), IndexError)


def test_an_enlargement():
    text = message(lambda: (leaf(1, 2) * 1).add_(np.ones((3, 2))), ValueError, RuntimeError)
    assert text == (
        "add_: the result has shape (3, 2), but it is to be written into a tensor of shape (2,); an in-place operation "
        "cannot enlarge its tensor: use x = x.add(...)"
    )


def overwritten(write):
    x = leaf(1, 2)
    y = x * 1
    z = y * y
    write(y)
    return z.sum().backward


@pytest.mark.parametrize(
    "write",
    [lambda y: y.add_(1), lambda y: y[:1].zero_(), lambda y: y.data.add_(1), lambda y: y.detach().zero_()],
    ids=["tensor", "view", "data", "detach"],
)
def test_an_overwritten_value_names_the_op_that_saved_it(write):
    text = message(overwritten(write), errors.MutationError)
    assert text.startswith(
        "op 'mul' saved its 'x' (shape (2,)) for backward, but that array was overwritten in place since"
    )
    assert "out of place (x = x + 1 instead of x += 1)" in text
    assert ".clone()" in text
    assert "autograd.detect_anomaly()" in text


def test_an_overwritten_value_in_debug_mode_names_the_line():
    with autograd.detect_anomaly():
        text = message(overwritten(lambda y: y.add_(1)), errors.MutationError)
    assert f"({__file__}:" in text
    assert " in <lambda>)" in text


def test_an_optimizer_that_overwrites():
    w = leaf(1, 2)
    sgd = optim.SGD([w], lr=0.1)
    (w * 2).sum().backward()
    sgd.step()
    z = (w * w).sum()
    sgd.step()
    assert message(z.backward, errors.MutationError).startswith("op 'mul' saved its 'x' (shape (2,))")


# ---- backward -------------------------------------------------------------------------------------------------------


def test_a_second_backward_asks_first_what_is_carried_over():
    y = (leaf(1, 2) * leaf(1, 2)).sum()
    y.backward()
    text = message(y.backward, errors.FreedGraphError, RuntimeError)
    assert text == (
        "backward through op 'mul' a second time, but its saved arrays were released by the first. Is a loss, or a "
        "hidden state, carried from one iteration to the next? Then .detach() it at the end of the iteration. To "
        "backpropagate twice through the same graph on purpose, call the first backward with retain_graph=True."
    )


def test_a_hidden_state_that_is_carried_over():
    w = leaf(0.5)
    hidden = leaf(1.0) * 1

    def train():
        nonlocal hidden
        for _ in range(2):
            hidden = (hidden * w).tanh()
            hidden.sum().backward()

    assert message(train, errors.FreedGraphError).index("detach") < 250


def test_backward_of_something_that_is_no_scalar():
    text = message((leaf(1, 2) * 2).backward, errors.GradientError, RuntimeError)
    assert text == (
        "backward: the tensor has shape (2,), not one element; reduce it first with .sum() or .mean(), or give the "
        "gradient to start from: .backward(gradient) with shape (2,)"
    )
    assert "complex64" in message(autograd.tensor(1j, requires_grad=True).backward, errors.GradientError)


def test_nothing_requires_grad_because_of_no_leaf():
    text = message(autograd.ones(2).sum().backward, errors.GradientError)
    assert text.startswith(
        "backward: the tensor of shape () does not require grad. One of these is the reason: no leaf"
    )
    for reason in ("requires_grad=True", "autograd.no_grad()", ".detach()", "integer dtype"):
        assert reason in text


def test_nothing_requires_grad_because_of_the_dtype():
    text = message((leaf(1, 2) > 0).sum().backward, errors.GradientError)
    assert "its dtype is int64, and only floating and complex numbers have gradients" in text


def test_nothing_requires_grad_because_of_no_grad_here():
    with autograd.no_grad():
        text = message((leaf(1, 2) * 2).sum().backward, errors.GradientError)
    assert "nothing is recorded here, inside autograd.no_grad() or inference_mode()" in text


def test_unused_inputs_of_grad():
    x, w = leaf(1, 2), leaf(3)
    text = message(lambda: autograd.grad(x.sum(), [x, w]), errors.GradientError)
    assert text == (
        "grad: the outputs do not depend on input 1 (shape (1,)), so it has no gradient; pass allow_unused=True to get "
        "None for it, or materialize_grads=True to get zeros"
    )


# ---- shapes ---------------------------------------------------------------------------------------------------------


def test_shapes_that_do_not_broadcast():
    text = message(lambda: autograd.ones(4, 3) + autograd.ones(4, 5), ValueError, RuntimeError)
    assert text.startswith("add(x=float32[4, 3], y=float32[4, 5]")
    assert text.endswith(
        "shapes (4, 3) and (4, 5) do not broadcast: dimension -1 (counted from the end) is 3 and 5; sizes must be "
        "equal or 1"
    )
    text = message(lambda: autograd.ones(5, 2, 3) * autograd.ones(4, 3), ValueError)
    assert "dimension -2 (counted from the end) is 2 and 4" in text


def test_the_likely_transpose():
    text = message(lambda: autograd.ones(2, 3) - autograd.ones(3, 2), ValueError)
    assert "is 3 and 2" in text
    assert text.endswith("The second is the transpose of the first: did you mean y.T?")


def test_the_likely_reshape():
    text = message(lambda: autograd.ones(3) / autograd.ones(3, 4), ValueError)
    assert text.endswith("To align along the first dimension, use x.reshape((3, 1))")
    text = message(lambda: autograd.ones(3, 4, 5) / autograd.ones(3), ValueError)
    assert text.endswith("To align along the first dimension, use y.reshape((3, 1, 1))")


@pytest.mark.parametrize(
    ("a", "b", "end"),
    [
        ((4, 3), (4, 5), "of the second is 4; they must be equal. Did you mean x.mT @ y (the first transposed)?"),
        ((2, 3), (2, 3), "Did you mean x @ y.mT (the second transposed)?"),
        ((3,), (4,), "is 3, the only dimension of the second is 4; they must be equal"),
        ((2, 3, 4), (3, 4, 5), "the batch dimensions of (2, 3, 4) and (3, 4, 5) do not broadcast: (2,) and (3,)"),
        ((), (3,), "shapes () and (3,): a matrix product needs at least one dimension on each side; use * for numbers"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_multiply(a, b, end):
    text = message(lambda: autograd.ones(a) @ autograd.ones(b), ValueError, RuntimeError)
    assert text.startswith(f"matmul(x=float32{list(a)}, y=float32{list(b)}): ")
    assert str(a) in text
    assert str(b) in text
    assert text.endswith(end)


def test_an_axis_that_is_not_there():
    text = message(lambda: autograd.ones(2, 3).sum(5), IndexError, ValueError, RuntimeError)
    assert text.startswith("sum(x=float32[2, 3], dim=5")
    assert "axis 5 is out of bounds for array of dimension 2" in text


@pytest.mark.parametrize("name", ["std", "var"])
def test_the_op_behind_a_composed_function_has_its_name(name):
    text = message(lambda: getattr(autograd, name)(autograd.ones(2, 3), 7), BoundsError)
    assert text.startswith(f"{name}(x=float32[2, 3], dim=7")


@pytest.mark.parametrize("name", ["diff", "trapezoid", "cumulative_trapezoid", "gradient", "flatten"])
def test_a_composed_function_names_itself(name):
    given = {"start_dim" if name == "flatten" else "dim": 7}
    text = message(lambda: getattr(autograd, name)(autograd.ones(2, 3), **given), BoundsError)
    assert text == f"{name}: axis 7 is out of bounds for array of dimension 2"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda wrong: F.dropout(wrong), "dropout"),
        (lambda wrong: F.nll_loss(autograd.zeros(2, 3), wrong), "nll_loss"),
        (lambda wrong: F.scaled_dot_product_attention(wrong, wrong, wrong), "scaled_dot_product_attention"),
        (lambda wrong: F.embedding(wrong, wrong), "embedding"),
        (lambda wrong: F.relu_(wrong), "relu_"),
        (lambda wrong: F.gumbel_softmax(wrong), "gumbel_softmax"),
        (lambda wrong: autograd.numel(wrong), "numel"),
        (lambda wrong: autograd.is_floating_point(wrong), "is_floating_point"),
    ],
)
@pytest.mark.parametrize("wrong", [None, "a", object()], ids=["None", "a text", "an object"])
def test_what_is_no_tensor_is_said_to_be_none(call, name, wrong):
    text = message(lambda: call(wrong), TypeError)
    assert text.startswith(f"{name}: ")
    assert "a Tensor" in text
    assert type(wrong).__name__ in text


def test_an_attribute_error_in_a_composed_function_stays_what_it_is():
    with pytest.raises(AttributeError, match="no_such_name"):
        autograd.op(x=lambda g: g)(lambda x: x.no_such_name)(leaf(2))


def test_an_index_that_is_not_there():
    assert message(lambda: autograd.ones(2)[7], IndexError).startswith(
        "getitem(x=float32[2], index=7): index 7 is out of"
    )


def test_other_errors_of_the_forward_are_not_taken_for_shape_trouble():
    @autograd.op(x=lambda g: g, y=lambda g: g)
    def picky(x, y):
        raise ValueError("x must be sorted")

    assert message(lambda: picky(leaf(1, 2), leaf(1, 2, 3)), ValueError).endswith(": x must be sorted")


def test_inside_nn_the_module_is_named():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Sequential(nn.Linear(6, 2)))
    with pytest.raises(ValueError, match="linear") as caught:
        model(autograd.ones(3, 4))
    text = str(caught.value)
    assert "float32[3, 5]" in text
    assert "the last dimension of x is 5, but the weight takes 6 inputs" in text
    assert "[in module Sequential.2.0, a Linear]" in text


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "binary_cross_entropy"])
@pytest.mark.parametrize(("a", "b"), [((4, 1), (4,)), ((4,), (4, 1))])
def test_a_loss_between_n_and_n_by_1(loss, a, b):
    text = message(lambda: getattr(F, loss)(autograd.ones(a), autograd.ones(b)), ValueError, RuntimeError)
    assert text.startswith(
        f"{loss}: the input has shape {a} and the target {b}: together they would broadcast to (4, 4)"
    )
    assert "squeeze(-1)" in text


# ---- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [autograd.add, autograd.mul, autograd.maximum, autograd.matmul])
def test_a_broadcast_that_needs_absurd_memory(op):
    n = 1 << 24
    text = message(lambda: op(autograd.ones(n, 1), autograd.ones(1, n)), MemoryError)
    assert text.startswith(f"{op.op.name}(x=float32[16777216, 1], y=float32[1, 16777216]")
    assert "The inputs broadcast to (16777216, 16777216), 1,125,899,906,842,624 bytes: is a dimension of size 1" in text


def test_one_operand_alone_is_not_said_to_broadcast():
    text = message(lambda: autograd.ones(3).expand(1 << 50, 3).clone(), MemoryError)
    assert "float32[1125899906842624, 3]" in text
    assert "broadcast" not in text


# ---- NumPy, copies, numbers -----------------------------------------------------------------------------------------


def test_a_numpy_function_without_op():
    assert message(lambda: np.interp(leaf(1), leaf(1), leaf(1)), TypeError) == (
        "numpy.interp has no differentiable op in autograd, so it was not applied to a Tensor. If no gradient is to "
        "flow through it, use numpy.interp(t.detach().numpy()); else write it with autograd's ops, or define an op "
        "with autograd.op"
    )


def test_a_tensor_that_would_become_an_array():
    assert message(lambda: np.asarray(leaf(1, 2)), RuntimeError) == (
        "a tensor that requires grad (shape (2,)) is not turned into an array silently: its graph would be lost. "
        "Use .detach().numpy(), or an op of autograd"
    )


def test_numbers_of_many_elements():
    assert "use .any() or .all()" in message(lambda: bool(leaf(1, 2)), ValueError)
    assert "2 elements, not one; use tolist()" in message(lambda: leaf(1, 2).item(), ValueError, RuntimeError)


# ---- what is missing or of another type ------------------------------------------------------------------------------


def test_a_missing_input_names_what_the_function_takes_and_nothing_internal():
    text = message(lambda: F.cross_entropy(None, autograd.tensor([1])), TypeError)
    assert text.endswith(
        "it was left out or None. It takes (x, target, weight=None, ignore_index=-100, reduction='mean', "
        "label_smoothing=0.0)"
    )
    text = message(lambda: F.cross_entropy(autograd.ones(1, 2), autograd.tensor([7])), errors.BoundsError, IndexError)
    assert text.endswith("label_smoothing=0.0): class 7 is out of range: there are 2, from 0 to 1")
    assert "'target'" in message(lambda: F.cross_entropy(autograd.ones(1, 2), None), TypeError)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.max_pool2d(x, 2, padding=2),
        lambda x: F.cross_entropy(x, x, label_smoothing=2.0),
        lambda x: F.softshrink(x, -1.0),
        lambda x: F.hardtanh(x, 2.0, 1.0),
        lambda x: autograd.linspace(0, 1, -1),
        lambda x: nn.Dropout(2.0),
        lambda x: optim.SGD([x], lr=-1.0),
        lambda x: nn.init.calculate_gain("no"),
    ],
)
def test_arguments_that_make_no_sense_raise_what_users_of_numpy_and_of_pytorch_catch(call):
    message(lambda: call(leaf([[[1.0, 2.0], [3.0, 4.0]]])), ValueError, RuntimeError)


def test_a_module_called_with_none_is_named():
    with pytest.raises(AttributeError) as caught:
        nn.Sequential(nn.Identity(), nn.BatchNorm1d(3))(None)
    assert caught.value.__notes__ == ["(BatchNorm1d was called with None; it expects a Tensor)"]


def test_a_hyper_parameter_that_is_no_number():
    text = message(lambda: optim.SGD([leaf(1)], lr="fast"), TypeError)
    assert text == "SGD: lr must be a number, got str 'fast'"


@pytest.mark.parametrize("operands", [(), ("i,i->",), (autograd.ones(2),)])
def test_einsum_without_operands(operands):
    text = message(lambda: autograd.einsum(*operands), ValueError)
    assert text == "einsum: expected an equation and operands, such as einsum('ij,jk->ik', x, y)"


W = nn.Parameter(autograd.ones(3))
MISTAKES = [
    # of Tensors
    (lambda: autograd.ones(2, 3).permute(0), ShapeError, "permute: dims must name each of the 2 dimensions once, got"),
    (lambda: autograd.ones(2, 3).permute(0, 0), ShapeError, "each of the 2 dimensions once, got (0, 0)"),
    (lambda: autograd.ones(2, 3).transpose(0), TypeError, "transpose() needs the argument 'dim1'; it was left out"),
    (lambda: autograd.ones(3).expand(4), ShapeError, "expand: shape (3,) does not broadcast to (4,): counted from"),
    (lambda: autograd.ones(3).scatter(0, autograd.tensor([0])), TypeError, "scatter: expected src, a Tensor, or value"),
    (lambda: autograd.ones(3).__setitem__(5, 1), BoundsError, "item assignment to a tensor of shape (3,): index 5 is"),
    (lambda: autograd.ones(3).sum(2), BoundsError, "sum(x=float32[3], dim=2"),
    (lambda: autograd.ones(3).to("gpu"), ArgumentError, "there is no device 'gpu' here: chainrule computes on the CPU"),
    (lambda: autograd.ones(3).to(0), ArgumentError, "there is no device '0' here"),
    (lambda: nn.Linear(1, 1).to(device=1), ArgumentError, "there is no device '1' here"),
    (lambda: autograd.Generator("cuda"), ArgumentError, "there is no device 'cuda' here"),
    (lambda: autograd.arange("3"), TypeError, "arange: expected numbers, got str '3'"),
    (lambda: autograd.manual_seed("3"), TypeError, "manual_seed: expected an integer, got str '3'"),
    (lambda: F.one_hot(autograd.tensor([5]), 3), BoundsError, "one_hot: class 5 is out of range: there are 3, from 0"),
    (lambda: F.interpolate(autograd.ones(1, 1, 2, 2), 4, mode="best"), ArgumentError, "one of nearest, nearest-exact"),
    (lambda: autograd.zeros((2, 3), "float64"), ShapeError, "a dtype is given by name: zeros(shape, dtype=...)"),
    (
        lambda: autograd.tensor({1, 2}),
        errors.DtypeError,
        "tensor: expected numbers or a list of them, got set; use list",
    ),
    (
        lambda: autograd.linspace(0, 1, 2.5),
        TypeError,
        "linspace: the number of steps must be an integer, got float 2.5",
    ),
    (lambda: autograd.randint(0, 5), TypeError, "randint: expected a size such as (3,), got 5: randint(high, size) or"),
    (lambda: autograd.randn(3, generator=5), TypeError, "generator must be an autograd.Generator, got int 5"),
    # of gradients and transforms
    (lambda: (W * 2).backward("1"), TypeError, "backward: the gradient must be a Tensor, an array or a number, got '1"),
    (lambda: autograd.grad(W * 2, W), errors.GradientError, "give the gradient to start from: grad_outputs with shape"),
    (lambda: W.register_hook(3), TypeError, "register_hook: expected a function of the gradient, got int"),
    (lambda: W.register_post_accumulate_grad_hook(3), TypeError, "expected a function, got int"),
    (lambda: autograd.grad(W.sum(), "x"), TypeError, "grad: input 0 must be a Tensor, got str"),
    (lambda: autograd.func.grad(3.0), TypeError, "grad: expected a function to transform, got float 3.0"),
    (lambda: autograd.func.jacrev(W), TypeError, "jacobian: expected a function to transform, got Parameter float32[3"),
    (lambda: autograd.func.functional_call(3, {}, W), TypeError, "functional_call: expected a Module, got int"),
    (lambda: autograd.func.functional_call(nn.Linear(3, 2), 3, W), TypeError, "expected a dict of Tensors by path, go"),
    (lambda: autograd.op(lambda x: x), TypeError, "op: takes the rules first, then the forward: write @op(x=lambda g"),
    (lambda: autograd.op(x=3), TypeError, "op: expected a function for x, got int 3"),
    # of modules, optimizers and data
    (lambda: nn.Sequential(nn.ReLU())["0"], TypeError, "Sequential: an index must be an int or a slice, got '0'"),
    (lambda: nn.Sequential(nn.ReLU), TypeError, "item 0 must be a Module, got the class ReLU: write ReLU(...)"),
    (lambda: nn.graph(nn.ReLU(), W, loss=3), TypeError, "nn.graph: loss must be a function of the output, got int"),
    (
        lambda: autograd.watch(nn.ReLU),
        TypeError,
        "watch: expected a Module (anything with named_modules), got the class",
    ),
    (lambda: nn.ModuleDict([nn.ReLU()]), TypeError, "ModuleDict: expected a dict or pairs, got ReLU in the list"),
    (lambda: nn.Dropout("0.5"), ArgumentError, "Dropout: the probability p must lie between 0 and 1, got '0.5'"),
    (lambda: nn.summary(3), TypeError, "nn.summary: expected a Module, got int"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), BoundsError, "Embedding: padding_idx 3 is out of range: there are 3"),
    (lambda: nn.utils.clip_grad_norm_(nn.Linear(3, 2), 1.0), TypeError, "got Linear; give its .parameters()"),
    (lambda: optim.Adam([W], betas=0.9), TypeError, "Adam: betas must be a pair of numbers, such as (0.9, 0.999), got"),
    (lambda: optim.SGD([W]).step(W.sum()), TypeError, "after loss.backward() call step() without arguments"),
    (lambda: optim.lr_scheduler.StepLR(optim.SGD([W]), 0), ArgumentError, "StepLR: step_size must be positive, got 0"),
    (lambda: optim.lr_scheduler.MultiStepLR(optim.SGD([W]), 3), TypeError, "milestones must be several epochs, in a"),
    (lambda: nn.data.DataLoader(3), TypeError, "DataLoader: expected a data set, with __getitem__ and __len__, or"),
    (lambda: nn.data.default_collate([W, "a"]), TypeError, "default_collate: some samples are Tensors, one is str 'a'"),
    (lambda: nn.data.random_split([1, 2, 3], 2), TypeError, "random_split: lengths must be several numbers, one for e"),
    (lambda: nn.data.ConcatDataset(3), TypeError, "ConcatDataset: expected several data sets, got int"),
]


@pytest.mark.parametrize(("call", "error", "text"), MISTAKES, ids=[text for _, _, text in MISTAKES])
def test_mistakes_of_beginners_are_named(call, error, text):
    assert text in message(call, error)


@pytest.mark.parametrize("module", [autograd, autograd.testing])
def test_a_misspelt_name_of_a_module_is_told_to_who_suggests_the_right_one(module):
    with pytest.raises(AttributeError, match="has no attribute 'graaph'") as caught:
        module.graaph  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("graaph", module)


@pytest.mark.parametrize(("name", "place"), [("nn", "import nn"), ("optim", "import optim"), ("utils", r"nn\.data")])
def test_what_is_in_another_package_than_torch_s_is_told(name, place):
    assert not hasattr(autograd, name)
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; .*{place}"):
        getattr(autograd, name)
