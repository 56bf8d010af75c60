"""Depth, memory and threads: no recursion, no reference cycles, no growth, few bytes a node, one order."""

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd.engine import mutation, nodes, views
from tests.helpers import leaf, run_python, values

OURS = (nodes.Node, nodes.Pick, nodes.Leaf, nodes.Packed, views.View, autograd.Tensor)


@pytest.fixture(autouse=True)
def without_collector():
    """The garbage collector is off: what is freed here is freed by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive():
    """How many objects of ours there are, by class."""
    found = [type(thing) for thing in gc.get_objects() if issubclass(type(thing), OURS)]
    return {cls.__name__: found.count(cls) for cls in set(found)}


# ---- depth ----------------------------------------------------------------------------------------------------------


def deep(x, n, step):
    for _ in range(n):
        x = step(x)
    return x


def test_a_million_nodes():
    x = leaf(1.0, 2.0)
    before = alive()
    y = deep(x, 1_000_000, lambda t: t * 1.0000001)
    assert alive()["Node"] == before.get("Node", 0) + 1_000_000
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(0.1), rtol=1e-6)
    x.grad = None
    del y
    assert alive() == before


STEPS = {
    "number": lambda t: t * 1.00001,
    "saved output": lambda t: t.tanh(),
    "diamond": lambda t: (t + t) * 0.5,
    "in place": lambda t: t.clone().mul_(1.00001),
    "written view": lambda t: t.clone().__setitem__(0, t[1]) or t * 1.0,
    "view": lambda t: t.reshape(1, 2).reshape(2),
    "several outputs": lambda t: autograd.stack(t.unbind(0)),
    "getitem": lambda t: t[:],
}


@pytest.mark.parametrize("name", STEPS)
def test_deep_graphs_are_built_and_dropped_without_recursion(name):
    x = leaf(0.5, 0.25)
    before = alive()
    y = deep(x, 30_000, STEPS[name])
    assert y.requires_grad
    del y
    assert alive() == before


@pytest.mark.parametrize("name", STEPS)
def test_deep_graphs_are_differentiated_without_recursion(name):
    x = leaf(0.5, 0.25)
    before = alive()
    y = deep(x, 10_000, STEPS[name])
    y.sum().backward()
    assert np.all(np.isfinite(values(x.grad)))
    x.grad = None
    del y
    assert alive() == before


def test_a_hundred_thousand_nodes_after_a_failure():
    x = leaf(0.5)
    before = alive()
    y = deep(x, 100_000, lambda t: t * 1.0)
    with pytest.raises(autograd.GradientError):
        autograd.grad(y.sum(), [leaf(1.0)])
    del y
    assert alive() == before


def test_second_derivatives_of_deep_graphs():
    x = leaf(0.5, 0.25)
    before = alive()
    y = deep(x, 20_000, lambda t: t * 0.9999 + 0.0001 * t.tanh())
    (g,) = autograd.grad(y.sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x)
    assert np.all(np.isfinite(values(h)))
    assert values(h) != [0, 0]
    del y, g, h
    assert alive() == before


def test_the_recursion_limit_does_not_matter():
    limit = sys.getrecursionlimit()
    x = leaf(1.0)
    sys.setrecursionlimit(300)
    try:
        y = deep(x, 5_000, lambda t: (t * 1.0).reshape(1))
        y.backward(create_graph=True)
    finally:
        sys.setrecursionlimit(limit)
    assert values(x.grad) == [1]
    x.grad = None


# ---- no reference cycles --------------------------------------------------------------------------------------------


class Twice(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * 2
        ctx.save_for_backward(x, y)
        return y, y.argmax()

    @staticmethod
    def backward(ctx, g, _):
        return g * 2


def programs():
    def in_place(x):
        y = x * 1
        v = y[1:]
        v.mul_(x[:1])
        y[0] = v[0]
        (v.sum() + y.sum()).backward()

    def failing(x):
        y = (x * x).sum()
        y.backward()
        try:
            y.backward()
        except autograd.FreedGraphError:
            return

    def second_order(x):
        (g,) = autograd.grad((x * x * x).sum(), x, create_graph=True)
        (g * g).sum().backward()

    def hooks(x):
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g * 2)
        y.sum().backward()

    def anomaly(x):
        with autograd.detect_anomaly():
            y = x * x
            y.detach().add_(1)
            try:
                y.sum().backward()
            except autograd.MutationError:
                return

    def hooked(x):
        kept = []
        with autograd.saved_tensors_hooks(lambda t: kept.append(t) or len(kept) - 1, lambda i: kept[i]):
            y = x * x
        y.sum().backward()

    def views_only(x):
        base = autograd.zeros(3, dtype="float64")
        top = base[:2]
        base[1:] = x[0]
        top.mul_(x[1])
        top.sum().backward()

    return {
        "in place": in_place,
        "failing": failing,
        "second order": second_order,
        "hooks": hooks,
        "anomaly": anomaly,
        "saved hooks": hooked,
        "views": views_only,
        "function": lambda x: Twice.apply(x)[0].sum().backward(),
        "checkpoint": lambda x: autograd.checkpoint(lambda t: (t * t).tanh(), x).sum().backward(),
        "dropped": lambda x: (x * x).reshape(2, 1)[0].mul_(x[0]),
        "inputs": lambda x: autograd.backward((x * x).sum(), inputs=[x]),
        "several outputs": lambda x: x.sort()[0].sum().backward(),
        "repr": lambda x: repr((x * 2)[0]),
    }


@pytest.mark.parametrize("name", programs())
def test_every_program_frees_what_it_made(name):
    program = programs()[name]
    x = leaf(0.5, 2.0)
    program(x)
    x.grad = None
    before, stamps = alive(), len(mutation._stamps)
    for _ in range(3):
        program(x)
        x.grad = None
    assert alive() == before
    assert len(mutation._stamps) == stamps


def test_a_leaf_dies_with_its_last_reference():
    x = leaf(1, 2)
    ref = weakref.ref(x)
    y = (x * x).sum()
    del x
    assert ref() is None
    y.backward()  # nobody is left to get the gradient


# ---- few bytes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["number", "saved output", "diamond", "in place"])
def test_bytes_of_a_node(name):
    """All that is kept for a node, its array of two numbers included."""
    x, step, n = leaf(0.5, 0.25), STEPS[name], 4000
    before = alive().get("Node", 0)
    tracemalloc.start()
    try:
        deep(x, n, step)  # the interpreter keeps some thousand tuples for later
        start = tracemalloc.get_traced_memory()[0]
        y = deep(x, n, step)
        used = tracemalloc.get_traced_memory()[0] - start
        made = alive()["Node"] - before
        assert made >= n
        assert used / made < 600
        del y
        assert tracemalloc.get_traced_memory()[0] - start < 2_000
    finally:
        tracemalloc.stop()


def test_saved_arrays_are_not_copied():
    small = autograd.ones(4, requires_grad=True)
    (small * small).reshape(2, -1).exp().sum().backward()  # what is made once for all
    x = autograd.ones(1 << 20, requires_grad=True)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        y = x * x
        z = y.reshape(1 << 10, -1)
        w = z.exp()
        used = tracemalloc.get_traced_memory()[0] - start
        assert used < 2.01 * (4 << 20)  # y and w
        loss = w.sum()
        del y, z, w
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1] - start
        assert peak < 5.01 * (4 << 20)
        assert tracemalloc.get_traced_memory()[0] - start < 1.01 * (4 << 20)  # x.grad
    finally:
        tracemalloc.stop()


def test_gradients_are_added_up_in_the_memory_they_have():
    x, factors = autograd.ones(1 << 20, requires_grad=True), [autograd.ones(1 << 20) for _ in range(4)]
    y = sum(x * factor for factor in factors)
    tracemalloc.start()
    try:
        y.backward(factors[0])
        assert tracemalloc.get_traced_memory()[1] < 2.01 * (4 << 20)  # what is added, and what is added to it
    finally:
        tracemalloc.stop()
    assert (x.grad == 4).all()


@pytest.mark.parametrize("shape", [(1000, 200), (4, 250, 200)])
@pytest.mark.parametrize("f", [lambda x, w: (x @ w).sum(), lambda x, w: (x @ w).tanh().sum()])
def test_the_gradient_of_a_vector_takes_no_array_of_the_size_of_the_matrix(shape, f):
    x, w = autograd.ones(*shape), autograd.ones(200, requires_grad=True)
    out = f(x, w)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        out.backward()
        assert tracemalloc.get_traced_memory()[1] - start < x.numel()
    finally:
        tracemalloc.stop()


# ---- no growth ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.01, momentum=0.9), lambda p: optim.Adam(p)])
def test_training_does_not_grow(make):
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = make(model.parameters())
    x, y = autograd.randn(16, 4), autograd.randn(16, 2)

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = ((model(x) - y) * (model(x) - y)).mean()
            loss.backward()
            optimizer.step()
        return loss.item()

    first = train(50)
    before, stamps = alive(), len(mutation._stamps)
    tracemalloc.start()
    try:
        train(50)
        start = tracemalloc.get_traced_memory()[0]
        last = train(500)
        assert tracemalloc.get_traced_memory()[0] - start < 5_000
    finally:
        tracemalloc.stop()
    assert last < first
    assert alive() == before
    assert len(mutation._stamps) == stamps


# ---- threads --------------------------------------------------------------------------------------------------------


def test_eight_threads_backward_at_once_on_one_leaf():
    x = leaf(*range(1, 51))
    start = threading.Barrier(8)
    rounds, failures = 100, []

    def run(factor):
        try:
            start.wait()
            for _ in range(rounds):
                (x * x * factor).sum().backward()
        except BaseException as error:  # noqa: BLE001 (a thread's error would be lost)
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for attempt in range(3):
            x.grad = None
            threads = [threading.Thread(target=run, args=(float(i),)) for i in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []
            np.testing.assert_array_equal(
                x.grad.numpy(), 2 * np.arange(1, 51) * rounds * 28, err_msg=f"attempt {attempt}"
            )
    finally:
        sys.setswitchinterval(interval)


def test_eight_threads_through_one_shared_part_of_a_graph():
    x = leaf(1, 2, 3)
    shared = x * x
    outs = [(shared * float(i)).sum() for i in range(8)]
    start = threading.Barrier(8)

    def run(out):
        start.wait()
        out.backward(retain_graph=True)

    threads = [threading.Thread(target=run, args=(out,)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(x.grad) == [56, 112, 168]


def test_a_thread_that_ends_inside_a_mode_changes_nothing_for_the_others():
    thread = threading.Thread(target=lambda: autograd.set_grad_enabled(False))
    thread.start()
    thread.join()
    x = leaf(1, 2)
    (x * x).sum().backward()
    assert values(x.grad) == [2, 4]


# ---- order ----------------------------------------------------------------------------------------------------------

ORDER = """
import numpy as np
import autograd
rng = np.random.default_rng(0)
leaves = [autograd.tensor(rng.standard_normal(5).astype("f4"), requires_grad=True) for _ in range(6)]
seen = []
for i, x in enumerate(leaves):
    x.register_hook(lambda g, i=i: seen.append(i))
    x.register_post_accumulate_grad_hook(lambda t, i=i: seen.append(-i))
total = 0
for i in range(40):  # sums of many float32 terms, whose last bits depend on the order
    a, b, c = (leaves[j] for j in rng.integers(0, 6, 3))
    total = total + (a * b).tanh() * c + autograd.stack([a, b, c]).unbind(0)[1] * a
y = total.sum()
grads = autograd.grad(y, leaves, create_graph=True)
sum((g * g).sum() for g in grads).backward()
print(seen, [x.grad.numpy().tobytes().hex() for x in leaves])
"""


def test_gradients_do_not_depend_on_the_hash_seed():
    results = {run_python(ORDER, PYTHONHASHSEED=str(seed)) for seed in (0, 1, 12345)}
    assert len(results) == 1


def test_an_op_that_nobody_has_is_freed_with_what_its_rules_hold():
    def define():
        held = np.zeros(3)

        @autograd.op(x=lambda g: g + held)
        def shifted(x):
            """As it is."""
            return x + held

        x = autograd.ones(3, requires_grad=True)
        shifted(x).sum().backward()
        assert values(x.grad) == [1, 1, 1]
        return weakref.ref(held)

    ref = define()
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("dim", [None, 0, (0, 1)])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32"])
def test_the_sum_of_a_mask_takes_no_array_of_int64(dtype, dim):
    x = autograd.from_numpy((np.arange(1 << 20) % 3 == 1).astype(dtype).reshape(1024, 1024))
    tracemalloc.start()
    total = x.sum(dim)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total.dtype == autograd.int64
    assert total.sum().item() == (1 << 20) // 3
    assert peak < 1 << 20
