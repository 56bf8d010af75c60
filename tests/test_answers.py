"""Answers of PyTorch 2.13 at edges of ops that their samples do not reach: a line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import tensor

ANSWERS: list[tuple[Callable[[], Any], Any, str]] = [
    # no dimension
    (lambda: autograd.gather(tensor(3.0), 0, tensor([0])), [3.0], "float32"),
    (lambda: autograd.scatter(tensor(3.0), 0, tensor(0), tensor(2.0)), 2.0, "float32"),
    (lambda: autograd.scatter_add(tensor(3.0), 0, tensor(0), tensor(2.0)), 5.0, "float32"),
    (lambda: autograd.scatter_reduce(tensor(3.0), 0, tensor(0), tensor(2.0), "prod"), 6.0, "float32"),
    (lambda: autograd.index_add(tensor(3.0), 0, tensor([0]), tensor(2.0)), 5.0, "float32"),
    (lambda: autograd.index_add(tensor(3.0), 0, tensor([0]), tensor(2.0), alpha=3), 9.0, "float32"),
    (lambda: autograd.index_copy(tensor(3.0), 0, tensor([0]), tensor(2.0)), 2.0, "float32"),
    (lambda: autograd.index_fill(tensor(3.0), 0, tensor([0]), 2.0), 2.0, "float32"),
    (lambda: autograd.index_select(tensor(3.0), 0, tensor([0])), 3.0, "float32"),
    (lambda: autograd.take(tensor(3.0), tensor([0, 0])), [3.0, 3.0], "float32"),
    (lambda: autograd.take_along_dim(tensor(3.0), tensor([0])), [3.0], "float32"),
    (lambda: tensor(3.0).unfold(0, 1, 1), [3.0], "float32"),
    (lambda: autograd.squeeze(tensor(3.0), 0), 3.0, "float32"),
    (lambda: autograd.cartesian_prod(tensor([1, 2])), [1, 2], "int64"),
    (lambda: autograd.atleast_3d(tensor([1.0, 2.0])), [[[1.0], [2.0]]], "float32"),
    # whole numbers
    (lambda: tensor([2, -3, 0, 1]) ** tensor([0, 1, 2, 3]), [1, -3, 0, 1], "int64"),
    (lambda: tensor([2, -3, 1, -1]) ** tensor([-1, -2, -5, -3]), [0, 0, 1, -1], "int64"),
    (lambda: tensor([2, -3]) ** 3, [8, -27], "int64"),
    (lambda: autograd.float_power(tensor([2, -3]), 2), [4.0, 9.0], "float64"),
    (lambda: autograd.float_power(2, tensor([1.0, -1.0])), [2.0, 0.5], "float64"),
    (
        lambda: autograd.scatter_reduce(tensor([2, -3, 0]), 0, tensor([0, 0, 1]), tensor([5, 4, 7]), "mean"),
        [3, 2, 0],
        "int64",
    ),
    (lambda: autograd.cov(tensor([2, -3, 1])), 7.0, "float32"),
    (lambda: tensor([1.0, 2.0]).type_as(tensor([1])), [1, 2], "int64"),
    # choices of elements
    (lambda: autograd.cartesian_prod(tensor([1, 2]), tensor([3, 4])), [[1, 3], [1, 4], [2, 3], [2, 4]], "int64"),
    (lambda: autograd.combinations(tensor([1, 2, 3])), [[1, 2], [1, 3], [2, 3]], "int64"),
    (
        lambda: autograd.combinations(tensor([1, 2, 3]), 2, True),
        [[1, 1], [1, 2], [1, 3], [2, 2], [2, 3], [3, 3]],
        "int64",
    ),
    (lambda: autograd.combinations(tensor([1, 2, 3]), 0), [], "int64"),
    (lambda: autograd.scatter(tensor([1.0, 2.0]), 0, tensor([1, 1]), 3.0, reduce="add"), [1.0, 8.0], "float32"),
    (lambda: autograd.scatter(tensor([1.0, 2.0]), 0, tensor([1]), np.float64(3), reduce="add"), [1.0, 5.0], "float32"),
    (
        lambda: autograd.scatter(tensor([1.0, 2.0]), 0, tensor([1, 1]), tensor([3.0, 5.0]), reduce="multiply"),
        [1.0, 30.0],
        "float32",
    ),
    (lambda: autograd.bucketize(tensor([0.0, 1.0, 1.5]), tensor([0.0, 1.0]), right=True), [1, 2, 2], "int64"),
    (lambda: autograd.unravel_index(tensor([7, 11]), (3, 4))[0], [1, 2], "int64"),
    (
        lambda: F.bilinear(*(autograd.ones(*sizes, dtype=autograd.int32) for sizes in [(1, 3), (1, 2), (1, 3, 2)])),
        [[6]],
        "int32",
    ),
    (lambda: F.feature_alpha_dropout(tensor([1.0, 2.0]), 0.5, training=False), [1.0, 2.0], "float32"),
    (lambda: autograd.conv1d(tensor([[1.0, 2.0, 4.0]]), tensor([[[1.0, 1.0]]])), [[3.0, 6.0]], "float32"),
    (lambda: F.one_hot(tensor([0, 2])), [[1, 0, 0], [0, 0, 1]], "int64"),
    (lambda: autograd.median(tensor([3.0, 1.0, 2.0, 4.0])), 2.0, "float32"),
    # shapes of others
    (lambda: tensor([[1.0, 2.0]]).expand_as(autograd.zeros(2, 2)), [[1.0, 2.0], [1.0, 2.0]], "float32"),
    (lambda: tensor([[1.0, 2.0]]).view_as(autograd.zeros(2, 1)), [[1.0], [2.0]], "float32"),
    (lambda: tensor([[1.0, 2.0]]).reshape_as(autograd.zeros(2)), [1.0, 2.0], "float32"),
    (lambda: tensor([[1.0, 2.0], [3.0, 4.0]]).sum_to_size(2, 1), [[3.0], [7.0]], "float32"),
    (lambda: tensor([[True, True], [True, False]]).sum_to_size(1, 2), [[2, 1]], "int64"),
    (lambda: tensor([200, 100], dtype=autograd.uint8).sum_to_size(1), [300], "int64"),
    (lambda: tensor([200, 100], dtype=autograd.uint8).sum_to_size(2), [200, 100], "uint8"),
    # products
    (
        lambda: autograd.einsum(tensor([[1.0, 2.0], [3.0, 4.0]]), [0, 1], tensor([5.0, 6.0]), [1], [0]),
        [17.0, 39.0],
        "float32",
    ),
    (
        lambda: autograd.einsum("ij,j->i", [tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([5.0, 6.0])]),
        [17.0, 39.0],
        "float32",
    ),
    (
        lambda: autograd.einsum("ij,jk,kl,lm,m->i", *[tensor([[1.0, 2.0], [3.0, 4.0]])] * 4, tensor([1.0, 1.0])),
        [489.0, 1069.0],
        "float32",
    ),
    (lambda: autograd.chain_matmul(tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]]), tensor([[5.0]])), [[55.0]], "float32"),
    (lambda: autograd.div(tensor([1.0, -1.0]), 0.3, rounding_mode="floor"), [3.0, -4.0], "float32"),
    (lambda: autograd.linalg.pinv(tensor([[2.0, 0.0], [0.0, 0.25]]), atol=0.5), [[0.5, 0.0], [0.0, 0.0]], "float32"),
    (lambda: autograd.linalg.norm(tensor([[3.0, 0.0], [0.0, 4.0]]), "nuc"), 7.0, "float32"),
    (lambda: autograd.linalg.vector_norm(tensor([[3.0, 0.0], [1.0, 4.0]]), 0, 1), [1.0, 2.0], "float32"),
    # statistics
    (lambda: autograd.std(tensor([1.0, 3.0]), False), 1.0, "float32"),
    (lambda: autograd.corrcoef(tensor([1.0, 3.0])), 1.0, "float32"),
    (lambda: autograd.cov(tensor([1.0, 3.0]), fweights=tensor([1, 3])), 1.0, "float32"),
    (lambda: F.softmax(tensor([1.0, 1.0]), 0, dtype=autograd.float64), [0.5, 0.5], "float64"),
    (lambda: F.log_softmax(tensor([0.0, 0.0]), 0, dtype=autograd.float64), [-0.693147181, -0.693147181], "float64"),
    (lambda: F.dropout(tensor([1.0, 2.0]), 1.0), [0.0, 0.0], "float32"),
]


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_answers(number: int) -> None:
    call, expected, dtype = ANSWERS[number]
    np.testing.assert_allclose(call().numpy(), np.array(expected, dtype), rtol=1e-6, strict=True)
