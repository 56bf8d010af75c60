"""Modes of recording: as blocks, decorators and switches, in generators, in threads, after exceptions."""

import threading

import numpy as np
import pytest

import autograd
from autograd.engine.modes import status
from tests.helpers import leaf, values

OFF = {
    "no_grad": autograd.no_grad,
    "inference_mode": autograd.inference_mode,
    "set_grad_enabled": lambda: autograd.set_grad_enabled(False),
}


def records():
    """Whether an operation on a leaf is recorded here and now."""
    assert autograd.is_grad_enabled() is (leaf(1) * 2).requires_grad
    return autograd.is_grad_enabled()


@pytest.fixture(autouse=True)
def unchanged():
    """Every test leaves the thread as it found it."""
    assert records()
    special = status.special
    yield
    assert records()
    assert not autograd.is_inference_mode_enabled()
    assert status.special == special


@pytest.mark.parametrize("mode", OFF)
def test_a_block_records_nothing(mode):
    with OFF[mode]():
        assert not records()
        with autograd.enable_grad():
            assert records()
            with OFF[mode]():
                assert not records()
            assert records()
        assert not records()


@pytest.mark.parametrize("mode", OFF)
def test_an_exception_ends_the_block(mode):
    with pytest.raises(KeyError), OFF[mode]():
        raise KeyError
    assert records()


@pytest.mark.parametrize("mode", OFF)
def test_a_decorated_function_records_nothing(mode):
    @OFF[mode]()
    def f(x):
        """What it does."""
        return x * 2, records()

    y, recording = f(leaf(1))
    assert not y.requires_grad
    assert not recording
    assert f.__name__ == "f"
    assert f.__doc__ == "What it does."


@pytest.mark.parametrize("decorator", [autograd.no_grad, autograd.inference_mode])
def test_a_decorator_without_brackets(decorator):
    @decorator
    def f():
        return records()

    assert f() is False


def test_enable_grad_as_a_decorator():
    @autograd.enable_grad
    def f():
        return records()

    with autograd.no_grad():
        assert f() is True
        assert not records()


def test_a_decorated_function_may_call_itself():
    @autograd.no_grad()
    def f(n):
        assert not records()
        return 0 if n == 0 else 1 + f(n - 1)

    assert f(5) == 5


def test_a_decorated_function_that_raises():
    @autograd.no_grad
    def f():
        raise KeyError

    with pytest.raises(KeyError):
        f()


def test_one_object_in_nested_blocks():
    off = autograd.no_grad()
    with off, off:
        assert not records()


def test_a_decorated_method():
    class Thing:
        @autograd.no_grad()
        def method(self):
            return self, records()

    thing = Thing()
    assert thing.method() == (thing, False)


@pytest.mark.parametrize("decorator", [autograd.no_grad, autograd.no_grad(), autograd.inference_mode()])
def test_a_class_is_not_decorated(decorator):
    class Layer:
        pass

    with pytest.raises(TypeError, match=r"got the class Layer: .* decorate its methods"):
        decorator(Layer)


@pytest.mark.parametrize("mode", [autograd.no_grad, autograd.inference_mode])
def test_without_record_a_tensor_is_an_array_although_it_requires_grad(mode):
    w = autograd.ones(2, requires_grad=True)
    with mode():
        assert np.shares_memory(w.numpy(), w.detach().numpy())
        assert np.asarray(w).tolist() == [1.0, 1.0]
        assert np.array(w, dtype=np.float64).dtype == np.float64
    for convert in (lambda: w.numpy(), lambda: np.asarray(w)):
        with pytest.raises(autograd.GradientError):
            convert()


def test_the_forward_of_a_function_may_use_arrays():
    class Exponential(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            out = autograd.from_numpy(np.exp(x.numpy()))
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = autograd.tensor([0.0, 1.0], dtype=float, requires_grad=True)
    assert autograd.gradgradcheck(Exponential.apply, x)


def test_set_grad_enabled_as_a_switch():
    autograd.set_grad_enabled(False)
    assert not records()
    autograd.set_grad_enabled(True)
    assert records()


def test_set_grad_enabled_takes_effect_at_once_and_the_block_restores():
    switch = autograd.set_grad_enabled(False)
    assert not records()
    with switch:
        assert not records()
    assert records()


def test_set_grad_enabled_as_a_decorator_does_not_stay():
    @autograd.set_grad_enabled(False)
    def f():
        return records()

    assert records()
    assert f() is False


@pytest.mark.parametrize("on", [True, False])
def test_set_grad_enabled_depends_on_its_argument(on):
    with autograd.no_grad(), autograd.set_grad_enabled(on):
        assert records() is on


def test_inference_mode_says_so():
    with autograd.inference_mode():
        assert autograd.is_inference_mode_enabled()
        with autograd.inference_mode(False):
            assert not autograd.is_inference_mode_enabled()
            assert records()
        assert autograd.is_inference_mode_enabled()
        with autograd.no_grad():
            assert autograd.is_inference_mode_enabled()


def test_results_made_without_record_are_constants():
    x = leaf(1, 2)
    with autograd.no_grad():
        c = x * 3
    assert c.is_leaf
    (x * c).sum().backward()
    assert values(x.grad) == [3, 6]


def test_new_leaves_may_require_grad_under_no_grad():
    with autograd.no_grad():
        x = leaf(1, 2)
        assert x.requires_grad
        assert x.is_leaf
    (x * 2).sum().backward()
    assert values(x.grad) == [2, 2]


# ---- generators -----------------------------------------------------------------------------------------------------


def test_a_mode_does_not_leak_out_of_a_generator():
    @autograd.no_grad()
    def generate():
        for i in range(3):
            assert not records()
            yield i

    for _ in generate():
        assert records()


def test_the_consumers_mode_does_not_leak_into_a_generator():
    @autograd.enable_grad()
    def generate():
        while True:
            yield records()

    generator = generate()
    with autograd.no_grad():
        assert next(generator) is True
        assert not records()
    assert next(generator) is True
    generator.close()


def test_generators_receive_values_and_return():
    @autograd.no_grad()
    def generate():
        total = 0
        while True:
            got = yield total
            if got is None:
                return total
            assert not records()
            total += got

    generator = generate()
    assert next(generator) == 0
    assert generator.send(2) == 2
    assert generator.send(3) == 5
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == 5


def test_exceptions_are_thrown_into_generators():
    seen = []

    @autograd.no_grad()
    def generate():
        try:
            yield 1
        except KeyError:
            seen.append(records())
            yield 2

    generator = generate()
    next(generator)
    assert generator.throw(KeyError()) == 2
    assert seen == [False]
    with pytest.raises(ValueError, match="out"):
        generator.throw(ValueError("out"))


def test_closing_a_generator_runs_its_end_in_its_own_mode():
    seen = []

    @autograd.no_grad()
    def generate():
        try:
            yield 1
        finally:
            seen.append(records())

    generator = generate()
    next(generator)
    generator.close()
    assert seen == [False]


def test_a_generator_that_is_dropped():
    seen = []

    @autograd.no_grad()
    def generate():
        try:
            yield 1
        finally:
            seen.append(records())

    generator = generate()
    next(generator)
    del generator
    assert seen == [False]


# ---- threads --------------------------------------------------------------------------------------------------------


def in_thread(function):
    """What a function returns in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_a_mode_belongs_to_its_thread():
    with autograd.no_grad():
        assert in_thread(records) is True
        assert not records()

    def other():
        with autograd.no_grad():
            barrier.wait()
            barrier.wait()
            return records()

    barrier = threading.Barrier(2)
    found = []
    thread = threading.Thread(target=lambda: found.append(other()))
    thread.start()
    barrier.wait()
    assert records()
    barrier.wait()
    thread.join()
    assert found == [False]


def test_one_decorated_function_in_many_threads():
    start = threading.Barrier(8)
    wrong = []

    @autograd.no_grad()
    def inside():
        return records()

    def run():
        start.wait()
        wrong.extend(1 for _ in range(200) if inside() or not records())

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_saved_tensors_hook_belongs_to_its_thread():
    seen = []
    with autograd.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        y = in_thread(lambda: leaf(2) * leaf(3))
    assert seen == []
    y.sum().backward()


def test_the_slow_path_of_one_mode_gives_the_same_as_the_fast():
    def run():
        x = leaf(0.5, -1.0)
        y = (x * x + x.tanh()).reshape(2, 1)[0] * x[1]
        y.sum().backward()
        return values(x.grad)

    fast = run()
    with autograd.detect_anomaly():
        assert run() == fast
    with autograd.saved_tensors_hooks(lambda t: t, lambda t: t):
        assert run() == fast
    with autograd.no_grad():
        assert in_thread(run) == fast
    np.testing.assert_array_equal(run(), fast)
