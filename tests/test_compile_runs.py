"""Runs of compiled programs: large arrays are worked through in blocks of rows, and no number changes by it."""

from __future__ import annotations

import io
import runpy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
import optim
from autograd.compiler import sharing
from autograd.compiler.passes import PASSES
from autograd.compiler.runs import LARGE
from autograd.engine import blas
from autograd.errors import CompileError
from tests.helpers import code_of

WIDTH = 512
ROWS = 2 * LARGE // WIDTH


def draw(*shape: int, seed: int = 0, grad: bool = False, dtype: Any = np.float32) -> Any:
    numbers = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return autograd.tensor(numbers, requires_grad=grad)


def blocks(program: Any) -> int:
    """How many runs a program has."""
    return code_of(program).count("in_blocks(")


def same_as_eager(step: Callable[[], Any], exactly: bool = True, **options: Any) -> Any:
    """The compiled step, after each of three calls gave what the step gives."""
    program = autograd.compile(step, fullgraph=True, **options)
    for _ in range(3):
        found, true = program(), step()
        for a, b in zip(found, true, strict=True):
            if exactly:
                np.testing.assert_array_equal(a.numpy(), b.numpy())
            else:
                assert abs(a - b).amax() <= 2e-6 * abs(b).amax()
    return program


def gradients(*tensors: Any) -> list[Any]:
    found = [tensor.grad for tensor in tensors]
    for tensor in tensors:
        tensor.grad = None
    return found


def test_layer_norm_is_one_run_forward_and_backward():
    x, w, b = draw(ROWS, WIDTH, grad=True), draw(WIDTH, seed=1, grad=True), draw(WIDTH, seed=2, grad=True)
    g = draw(ROWS, WIDTH, seed=3)

    def step():
        y = F.layer_norm(x, (WIDTH,), w, b)
        y.backward(g)
        return [y.detach(), *gradients(x, w, b)]

    assert blocks(same_as_eager(step, exactly=False)) == 1


def test_cross_entropy_reads_its_scores_once():
    x, target = draw(ROWS, WIDTH, grad=True), autograd.tensor(np.arange(ROWS) % WIDTH)

    def step():
        loss = F.cross_entropy(x, target)
        loss.backward()
        return [loss.detach(), *gradients(x)]

    assert blocks(same_as_eager(step, exactly=False)) == 1


def test_what_forward_left_backward_finds_in_the_same_block():
    x = draw(2 * LARGE, grad=True)

    def step():
        y = 0.5 * x * (1 + autograd.tanh(0.8 * (x + 0.045 * x**3)))
        loss = y.sum()
        loss.backward()
        return [loss.detach(), y.detach(), *gradients(x)]

    program = same_as_eager(step, exactly=False)
    assert blocks(program) == 1
    without_sums = same_as_eager(step, exactly=False, passes=set(PASSES) - {"join_sums"})
    assert blocks(without_sums) == 1
    assert blocks(same_as_eager(step, exactly=False, passes=set(PASSES) - {"join_sums", "join_runs"})) == 2
    found = program.explain()
    assert found.bytes_after < 2 * LARGE * 4  # all in between is scratch space
    assert max(found.costs, key=lambda cost: cost.seconds).call.startswith("in blocks: ")


@pytest.mark.parametrize("dim", [None, 0])
def test_sums_over_all_rows_are_added_up_block_by_block(dim):
    x = draw(ROWS, WIDTH)

    def step():
        return [(x.exp() * 2).sum(dim)]

    program = same_as_eager(step, exactly=False)
    assert blocks(program) == 1
    assert "add.reduce(sums" in code_of(program)
    whole = same_as_eager(step, exactly=False, passes=set(PASSES) - {"join_sums"})
    assert "add.reduce(sums" not in code_of(whole)


def test_where_sums_cancel_they_are_added_as_the_function_adds_them():
    x, weight = draw(ROWS, WIDTH), draw(WIDTH, WIDTH, seed=1)
    bias = autograd.zeros(WIDTH, requires_grad=True)

    def step():
        F.batch_norm(x @ weight + bias, None, None, training=True).square().sum().backward()
        return gradients(bias)  # mathematically 0: rounding is all there is

    program = autograd.compile(step, fullgraph=True)
    for _ in range(5):
        np.testing.assert_array_equal(program()[0].numpy(), step()[0].numpy())
    assert blocks(program)
    assert "sums" not in code_of(program)


def attending(hidden: Any = None) -> tuple[Callable[[], Any], Any, Any]:
    """A training step of attention whose keys have a bias, of which the softmax takes no notice; bias and input."""
    x, bias = draw(4, 320, 16), autograd.zeros(16, requires_grad=True)
    weight = draw(16, 16, seed=1, grad=True)
    optimizer = optim.Adam([weight, bias], lr=0.01)

    def step():
        optimizer.zero_grad()
        scores = x @ weight @ (x @ weight + bias).transpose(-1, -2)
        loss = (F.softmax(scores / 4, -1) @ x).square().mean()
        if hidden is not None:
            loss = loss + (bias * hidden(x)).sum() * 1e-5
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, bias, x


def test_what_is_left_where_numbers_cancel_is_rounding():
    step, bias, x = attending()
    given = x.numpy().copy()
    eager, _, _ = attending()
    program = autograd.compile(step, fullgraph=True)
    for _ in range(5):
        found, true = program(), eager()
        assert abs(found - true) <= 1e-5 * true
    assert 0 < abs(bias.grad).amax() < 1e-6
    assert abs(bias.detach()).amax() > 1e-3  # by rounding alone, as Adam makes all gradients equally large
    np.testing.assert_array_equal(x.numpy(), given)


def test_what_is_more_than_rounding_is_no_rounding():
    calls = io.BytesIO()

    def hidden(x):
        return float(calls.write(b"1") * calls.tell())

    step, _, _ = attending(hidden)
    program = autograd.compile(step, fullgraph=True)
    program()  # the optimizer's state grows
    program()
    with pytest.raises(CompileError, match="did not do the same as the function"):
        program()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("turned", [False, True])
def test_as_many_channels_as_examples(turned: bool, backend: str):
    """Of one array some calls of a run take a number for each of their rows, others all numbers for every row."""
    x, y = draw(32, 32, 1024), draw(32, 32 * 1024, seed=1)
    scale = draw(32, 1, seed=2)

    def step():
        if turned:
            other = (y * scale).cos()
            return [(x * scale).exp(), other]
        return [(x * scale).exp(), (y * scale).cos()]

    same_as_eager(step, backend=backend, exactly=backend == "numpy")


def test_extremes_of_rows_may_have_something_to_begin_with():
    x = draw(16, 200, 16)

    def step():
        return [F.scaled_dot_product_attention(x, x, x)]

    code = code_of(same_as_eager(step, exactly=False))
    assert "initial=" in code[code.index("def work(") : code.index("return work")]


def test_bits_decide_together_what_blocks_decided():
    x = draw(2 * LARGE)

    def step():
        return [(x > 100).any(), (x < 100).all(), x.abs().amax(), x.amin()]

    assert blocks(same_as_eager(step)) == 1


def test_rows_that_need_other_rows_are_not_cut():
    x, start = draw(2 * LARGE), draw(2 * LARGE)

    def step():
        x.copy_(start)
        x[1:] += x[:-1]  # NumPy reads all before it writes
        x.mul_(2)
        return [x.clone()]

    same_as_eager(step)


def test_buffers_of_other_dtypes_are_not_shared_inside_of_a_run():
    x = draw(2 * LARGE, dtype=np.float64)

    def step():
        a = autograd.linalg.matmul(x.reshape(2, -1).mT, x.reshape(2, -1)[:, :2]).reshape(-1)
        b = (a * 2).to(autograd.float32)
        return [(b.exp() - 1).flip(0), b + b.flip(0)]

    same_as_eager(step)


def _multiplied(x, y):
    z = x * 1  # a copy, that is left out
    x += y
    return z * y


def _copied(x, y):
    z = x.clone()
    y += 1
    return (z * 2).sum()


def _twice(x, y):
    before = (x * 2).sum()
    y += 1
    return before - (x * 2).sum()


def _late(x, y):
    z = x * 2
    w, total = z.exp(), (x + 1).sum()
    y += 1
    return total + (w * w).sum() + x.abs().sum() + z.sum()


@pytest.mark.parametrize("n", [8, 40000, 2 * LARGE])
@pytest.mark.parametrize("step", [_multiplied, _copied, _twice, _late])
def test_arguments_that_overlap_later_are_noticed(step, n):
    program = autograd.compile(step, fullgraph=True)
    for shift in (None, None, None, n, 1, 1, 0, n):
        found = []
        for function in (program, step):
            both = np.arange(2.0 * n) / n
            x, y = both[:n], both[n:].copy() if shift is None else both[shift : shift + n]
            result = function(autograd.from_numpy(x), autograd.from_numpy(y))
            found.append((result.numpy(), x, y))
        for one, two in zip(*found, strict=True):
            np.testing.assert_allclose(one, two)


def test_a_state_given_as_an_argument_is_noticed():
    weight = draw(2 * LARGE)
    start = weight.clone()

    def step(x):
        weight.mul_(2)
        return x.detach() + 1

    program = autograd.compile(step, fullgraph=True)
    for x in (draw(2 * LARGE, seed=1), draw(2 * LARGE, seed=2), draw(2 * LARGE, seed=3), weight, weight):
        weight.copy_(start)
        found = program(x)
        weight.copy_(start)
        np.testing.assert_array_equal(found.numpy(), step(x).numpy())


def test_a_check_in_between_holds_before_anything_is_written():
    x, log = draw(2 * LARGE), draw(2 * LARGE, seed=1)

    def step(limit):
        y = x * limit
        if y.max() > 50:
            y = y / 2
        log.copy_(y + 1)
        return y

    program = autograd.compile(step)
    for limit in (1.0, 1.0, 1.0, 100.0, 1.0):
        found, left = program(limit), log.clone()
        np.testing.assert_array_equal(found.numpy(), step(limit).numpy())
        np.testing.assert_array_equal(left.numpy(), log.numpy())


def test_copies_in_another_order_stay_so():
    x = draw(2, 3, LARGE)

    def step():
        y = np.array(np.swapaxes(x.numpy(), 0, 1), order="C")
        y[1:] += y[:-1] * 2
        return [autograd.tensor(y)]

    same_as_eager(step)


def test_what_an_array_is_made_like_is_there():
    x = draw(ROWS, WIDTH)

    def step():
        a = x.numpy() * 2
        like = np.zeros_like(a)
        return [autograd.from_numpy((a + 1) * (like + x.numpy()))]

    for passes in (None, ["join_runs"]):
        assert blocks(same_as_eager(step, passes=passes)) == 1


def test_views_of_what_is_computed_again_are_cut_from_that():
    """The first array is in nobody's use around the peak: what names a part of it leaves the run of elements."""

    def step(x):
        a = x + 1
        part, b = a[:, : WIDTH // 2], a * 2
        many = autograd.cat([b @ b, b, b, b, b])
        return part @ many[: WIDTH // 2] + (many @ b).sum(0)

    compiled = autograd.compile(step, verify=False, passes=set(PASSES) - {"join_sums"})
    for i in range(3):
        x = draw(WIDTH, WIDTH, seed=i)
        np.testing.assert_array_equal(compiled(x).numpy(), step(x).numpy())
        compiled.function = None  # from now on it is the program


@pytest.mark.parametrize(("shape", "dim"), [((200_000, 4), 0), ((20, 30_000, 2), 1), ((3_000, 2, 3), (0, 1))])
@pytest.mark.parametrize("verify", [True, False])
def test_sums_of_many_rows_keep_their_digits(shape, dim, verify, tmp_path):
    def step(x):
        return x.sum(dim), x.mean(dim, keepdim=True)

    compiled = autograd.compile(step, verify=verify, fullgraph=True)
    for i in range(3):
        x = draw(*shape, seed=i) + 1
        for found, expected in zip(compiled(x), step(x), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=3e-7)
    assert compiled.recordings == 1
    path = tmp_path / "tall.py"
    compiled.export(str(path))
    space = {"__file__": str(path)}
    exec(path.read_text(encoding="utf-8"), space)
    for found, expected in zip(space["step"](x.numpy()), step(x), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=3e-7)


def test_sums_of_many_rows_of_what_blocks_compute_keep_their_digits():
    def step(x):
        return (x * 2 + 1).sum(0)

    compiled = autograd.compile(step, verify=False, fullgraph=True)
    for i in range(3):
        x = draw(400_000, 4, seed=i) + 1
        expected = step(x.double())
        assert (compiled(x).double() - expected).abs().amax() <= 2e-7 * expected.abs().amax()
    assert blocks(compiled) == 1


def _large_step() -> tuple[Any, list[Any]]:
    """A training step of a layer with half a million weights, and its parameters."""
    layer, x = nn.Linear(512, 1024), draw(64, 512)
    with autograd.no_grad():
        layer.weight.copy_(draw(1024, 512, seed=1) / 20)
        layer.bias.zero_()
    optimizer = optim.Adam(layer.parameters())

    def step():
        optimizer.zero_grad()
        loss = layer(x).tanh().sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, [layer.weight, layer.bias]


@pytest.mark.parametrize(
    ("blas", "ours", "shares"), [(2, 2, True), (2, 3, True), (3, 2, False), (1, 2, False), (0, 2, False)]
)
def test_large_products_beside_runs_are_computed_by_the_same_threads(
    monkeypatch: pytest.MonkeyPatch, blas: int, ours: int, shares: bool
):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: blas)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: ours)
    (step, found), (eager, true) = _large_step(), _large_step()
    program = autograd.compile(step, fullgraph=True)
    for _ in range(4):
        np.testing.assert_allclose(program(), eager(), 1e-5)
    for a, b in zip(found, true, strict=True):
        np.testing.assert_allclose(a.grad, b.grad, 1e-4, 1e-5)
    assert code_of(program).count("large_product(") == 2 * shares
    assert ("without_blas_threads(step)" in program.source) is shares


def test_thin_products_beside_large_ones_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)
    x, w, few, z = draw(128, 1024), draw(1024, 512, seed=1), draw(10, 1024, seed=2), draw(1024, 1024, seed=3)

    def step(large: bool = True) -> Any:
        a = z
        for _ in range(40):
            a = (a + 1) * 0.5
        return x @ few.T, a, x @ w if large else x

    for large in (True, False):
        program = autograd.compile(step)
        for _ in range(3):
            for found, true in zip(program(large), step(large), strict=True):
                np.testing.assert_allclose(found, true, 1e-5, 1e-4)
        assert code_of(program).count("large_product(") == 2 * large


def test_large_products_alone_are_left_to_blas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)
    x, y = draw(512, 512), draw(512, 512, seed=1)
    assert "large_product(" not in code_of(same_as_eager(lambda: (x @ y,)))
    step, _ = _large_step()
    program = autograd.compile(step, passes=set(PASSES) - {"share_products"})
    for _ in range(3):
        program()
    assert "large_product(" not in code_of(program)


def test_products_of_many_matrices_and_those_written_in_place_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)
    many, x, y, z = draw(3, 320, 320), draw(512, 512, seed=1), draw(512, 512, seed=2), draw(1024, 1024, seed=3)

    def step():
        w, a = z, x.numpy() * 1
        for _ in range(40):
            w = (w + 1) * 0.5
        np.matmul(a, y.numpy(), out=a)
        return w, many @ many, x @ y, autograd.tensor(a)

    program = autograd.compile(step)
    for _ in range(3):
        for a, b in zip(program(), step(), strict=True):
            np.testing.assert_allclose(a, b, 1e-5, 1e-4)
    assert code_of(program).count("large_product(") == 1


def test_a_product_with_an_array_of_no_dimensions_is_no_product_of_matrices(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)
    program = autograd.compile(np.dot)
    for _ in range(3):
        np.testing.assert_array_equal(program(np.array(2.0), np.arange(3.0)), [0, 2, 4])


def test_programs_that_share_products_are_exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setattr(sharing, "threads_of_blas", lambda: 2)
    monkeypatch.setattr(sharing, "get_num_threads", lambda: 2)
    x, w = draw(64, 512), draw(512, 1024, seed=1)

    def step(x):
        y = x @ w
        z = w
        for _ in range(30):
            z = (z + 1) * 0.5
        return y, z

    program = autograd.compile(step)
    for _ in range(3):
        found = program(x)
    assert "large_product(" in code_of(program)
    space = runpy.run_path(program.export(tmp_path / "step.py"))
    for a, b in zip(space["step"](x.numpy()), found, strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-4)


def test_without_blas_threads_each_product_is_computed_in_one():
    inside = []
    blas.without_blas_threads(lambda number: inside.append((number, blas.threads_of_blas())))(3)
    assert inside in ([(3, 1)], [(3, 0)])  # 0: another BLAS
