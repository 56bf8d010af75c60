"""What type checkers know of results: ``make types`` reads this file too, and ``assert_type`` fails there."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from autograd._op import COMPOSED
from autograd.testing.check import check_property
from autograd.testing.properties import Property
from nn import functional as F

Array = np.ndarray[Any, Any]


def test_results_are_tensors_to_type_checkers() -> None:
    x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Linear(2, 2)
    for made in [
        assert_type(autograd.exp(x), Tensor),
        assert_type(x.exp(), Tensor),
        assert_type(x.exp_(), Tensor),
        assert_type(x.sum(), Tensor),
        assert_type(x.sum(axis=0, keepdims=True), Tensor),  # NumPy's names of arguments
        assert_type(x.max(), Tensor),
        assert_type(x + 1, Tensor),
        assert_type(2**x, Tensor),
        assert_type(-x @ x, Tensor),
        assert_type(x > 1, Tensor),
        assert_type(x[0], Tensor),
        assert_type(x.T, Tensor),
        assert_type(x.view(-1, 1), Tensor),
        assert_type(x.to(autograd.float64), Tensor),
        assert_type(x.new_zeros(3), Tensor),
        assert_type(autograd.mm(x, mat2=x), Tensor),  # PyTorch's
        assert_type(autograd.where(x > 0, x, 0.0), Tensor),
        assert_type(autograd.linalg.inv(autograd.eye(2)), Tensor),
        assert_type(autograd.fft.fft2(x), Tensor),
        assert_type(autograd.special.erf(x), Tensor),
        assert_type(F.relu(x), Tensor),
        assert_type(F.mse_loss(x, x), Tensor),
        assert_type(layer.forward(x), Tensor),
    ]:
        assert isinstance(made, Tensor)
    parts = assert_type(x.chunk(2), tuple[Tensor, ...])
    assert [type(part) for part in parts] == [Tensor, Tensor]
    assert isinstance(assert_type(x.detach().numpy(), Array), np.ndarray)


def test_an_op_of_ones_own_returns_a_tensor_to_type_checkers() -> None:
    @autograd.op(x=lambda g, x: 3 * x * x * g)
    def cube(x: Any, scale: float = 1.0) -> Any:
        return x * x * x * scale

    made = assert_type(cube(autograd.ones(2), scale=2.0), Tensor)
    assert made.tolist() == [2.0, 2.0]


@pytest.mark.hypothesis
@pytest.mark.parametrize("name", [name for name, made in COMPOSED.items() if made.__annotations__["return"] != "Any"])
def test_composed_functions_return_what_they_say(name: str) -> None:
    said = COMPOSED[name].__annotations__["return"]

    def returns_what_it_says(found: Any) -> None:
        made = [autograd.tensor(array) if isinstance(array, np.ndarray) else array for array in found.made]
        result = found.call(made)
        assert type(result) is (tuple if said.startswith("tuple") else Tensor)
        assert all(type(part) is Tensor for part in (result if type(result) is tuple else [result]))

    check_property(COMPOSED[name], Property(returns_what_it_says, lambda subject: True), max_examples=2)
