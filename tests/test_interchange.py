"""Copies and pickles: data, requires_grad, grad and attributes; never the graph."""

import copy
import pickle
import types

import numpy as np
import pytest

import autograd
import nn
from autograd import errors
from tests.helpers import leaf, run_python, values


def pickled(x, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(x, protocol))


COPIES = {"pickle": pickled, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_data(how, dtype, shape):
    x = autograd.tensor(np.arange(int(np.prod(shape))).reshape(shape).astype(dtype))
    y = COPIES[how](x)
    assert type(y) is autograd.Tensor
    assert (values(y), y.dtype, y.shape, y.requires_grad) == (values(x), x.dtype, x.shape, False)
    assert not np.shares_memory(x.numpy(), y.numpy())


@pytest.mark.parametrize("how", COPIES)
def test_a_leaf_with_its_gradient(how):
    x = leaf(1, 2)
    (x * x).sum().backward()
    y = COPIES[how](x)
    assert y.requires_grad
    assert y.is_leaf
    assert (values(y), values(y.grad)) == ([1, 2], [2, 4])
    (y * 3).sum().backward()
    assert (values(y.grad), values(x.grad)) == ([5, 7], [2, 4])


def test_hooks_are_not_copied():
    x = leaf(1, 2)
    x.register_hook(lambda g: g * 100)
    y = copy.deepcopy(x)
    (y * 1).sum().backward()
    assert values(y.grad) == [1, 1]


def test_a_non_leaf_is_pickled_as_a_leaf():
    y = pickled(leaf(1, 2) * 2)
    assert y.is_leaf
    assert y.requires_grad
    assert values(y) == [2, 4]


def test_a_non_leaf_is_not_deep_copied():
    y = leaf(1, 2) * 2
    with pytest.raises(
        errors.GradientError, match=r"only leaves.*shape \(2,\) was made by 'mul'.*detach\(\).*clone\(\)"
    ):
        copy.deepcopy(y)
    assert values(copy.deepcopy(y.detach())) == [2, 4]


def test_what_is_shared_stays_shared():
    x = leaf(1, 2)
    x.grad = autograd.tensor(np.ones(2))
    for again in (copy.deepcopy([x, x, x.grad]), pickled([x, x])):
        assert again[0] is again[1]
    a, _, grad = copy.deepcopy([x, x, x.grad])
    assert a.grad is grad


def test_a_gradient_that_has_a_graph_is_copied_without():
    x = leaf(1, 2)
    (x * x).sum().backward(create_graph=True)
    y = copy.deepcopy(x)
    assert values(y.grad) == [2, 4]
    assert not y.grad.requires_grad


def test_shallow_copies_share_memory():
    x = leaf(1, 2)
    y = copy.copy(x)
    assert y is not x
    assert y.is_leaf
    assert y.requires_grad
    assert np.shares_memory(x.detach().numpy(), y.detach().numpy())
    (y * 2).sum().backward()
    assert x.grad is None
    assert values(y.grad) == [2, 2]


class Named(autograd.Tensor):
    """A Tensor with attributes."""


@pytest.mark.parametrize("how", [*COPIES, "copy"])
def test_subclasses_and_their_attributes(how):
    x = Named([1.0, 2.0], requires_grad=True)
    x.label = ["weights"]
    y = {**COPIES, "copy": copy.copy}[how](x)
    assert type(y) is Named
    assert y.label == ["weights"]
    assert (y.label is x.label) is (how == "copy")


def test_a_view_is_pickled_without_its_base():
    base = autograd.zeros(10_000)
    row = base[3:5]
    assert len(pickle.dumps(row)) < 1000
    again = pickled(row)
    again.add_(1)
    assert values(base[3:5]) == [0, 0]


def test_strides_of_any_kind():
    x = autograd.tensor(np.arange(12.0).reshape(3, 4))
    for view in (x.T, x[:, ::-2], x[1], x.expand(2, 3, 4)):
        assert values(pickled(view)) == values(copy.deepcopy(view)) == values(view)
        copy.deepcopy(view).add_(1)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol):
    assert values(pickled(leaf(1, 2), protocol)) == [1, 2]


def test_the_end_of_a_deep_graph():
    y = leaf(1.0)
    for _ in range(50_000):
        y = y * 1.0
    assert len(pickle.dumps(y)) < 1000


def test_another_process_can_read_it():
    data = pickle.dumps(leaf(1, 2)).hex()
    assert run_python(f"import pickle; print(pickle.loads(bytes.fromhex('{data}')))").strip() == (
        "tensor([1., 2.], dtype=float64, requires_grad=True)"
    )


def test_functions_are_pickled_by_their_names():
    """Models keep functions as attributes, and worker processes get them."""
    for module in (autograd, autograd.linalg, autograd.fft, autograd.special, nn.functional, nn.init):
        for name in dir(module):
            function = getattr(module, name)
            if isinstance(function, types.FunctionType) and not name.startswith("_"):
                assert pickle.loads(pickle.dumps(function)) is function, f"{module.__name__}.{name}"
