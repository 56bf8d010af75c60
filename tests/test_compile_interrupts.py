"""``autograd.compile``: a program that is interrupted leaves all as it was, or says what it had begun to overwrite."""

from __future__ import annotations

import copy
import random
import signal
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd import compiler

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # an interrupt while something dies
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that interrupt"),
    pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go elsewhere"),
]


class Training:
    """A model, its optimizer, and a step of training on always the same numbers."""

    def __init__(self, width: int) -> None:
        autograd.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Linear(width, 3))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.01)
        rng = np.random.default_rng(0)
        self.x = autograd.tensor(rng.normal(size=(8, width)).astype(np.float32))
        self.y = autograd.tensor(rng.integers(0, 3, 8))

    def step(self) -> Any:
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def state(self) -> list[Any]:
        """Copies of all numbers that a step changes, but for gradients."""
        states = self.optimizer.state_dict()["state"]
        kept = [entry[name] for entry in states.values() for name in entry]
        return [np.array(value.numpy()) for value in (*self.model.state_dict().values(), *kept)]

    def arrays(self) -> list[Any]:
        """The arrays themselves."""
        return [tensor._data for tensor in (*self.model.parameters(), *self.model.buffers())]


def same(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(np.allclose(x, y, rtol=1e-5, atol=1e-6) for x, y in zip(a, b, strict=True))


def interrupted(step: Any, seconds: float) -> KeyboardInterrupt | None:
    """What a call raised that was interrupted after some time; None if it was done before."""
    waiting = True

    def interrupt(*_: Any) -> None:
        if waiting:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        step()
        waiting = False
    except KeyboardInterrupt as error:
        waiting = False
        return error
    finally:
        waiting = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return None


def runs(error: BaseException, function: Any) -> bool:
    """Whether an error was raised while a function of Python's ran."""
    return any(frame.f_code is function.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


@pytest.mark.parametrize("width", [16, 400])
def test_an_interrupted_step_leaves_all_as_it_was_or_says_otherwise(width: int) -> None:
    """At any moment: parameters, running statistics and the optimizer's state are of before, of after, or named."""
    training = Training(width)
    compiled = compiler.compile(training.step, fullgraph=True)
    for i in range(500):
        if i % 2:  # as they are after an interrupt: there is a program for this too
            training.optimizer.zero_grad()
        compiled()
    start = time.perf_counter()
    compiled()
    took = time.perf_counter() - start
    draw, settings = random.Random(0), np.geterr()
    found = {"before": 0, "after": 0, "named": 0, "plain": 0}
    for _ in range(200):
        before = training.state()
        twin = copy.deepcopy(training)
        twin.step()
        error = interrupted(compiled, 1e-6 + took * draw.random() * draw.choice((1, 3)))
        now = training.state()
        notes = "".join(getattr(error, "__notes__", ()))
        if error is None or same(now, twin.state()):
            assert same(now, twin.state())
            found["after"] += 1
        elif same(now, before):
            found["before"] += 1
        elif runs(error, Training.step):  # as it is, to be compared: some gradients were gone, some not
            found["plain"] += 1
        else:
            assert "begun to overwrite" in notes, "changed, and not said"
            found["named"] += 1
        assert np.geterr() == settings
        twin = copy.deepcopy(training)
        start = time.perf_counter()
        loss = compiled()
        took = time.perf_counter() - start  # of the last call: other work on the machine comes and goes
        np.testing.assert_allclose(loss.numpy(), twin.step().numpy(), rtol=1e-5)
        assert same(training.state(), twin.state())
    assert found["before"] * found["named"], found
    assert found["plain"] < 10, found


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="`with` may be interrupted before its body, NumPy's too")
def test_an_interrupted_recording_leaves_arrays_in_their_places() -> None:
    """Nothing that records stays behind, and the next calls record, compare and run."""
    draw, known = random.Random(1), np.geterr()
    training = Training(16)
    start = time.perf_counter()
    compiler.compile(training.step)()
    took = time.perf_counter() - start
    count, functions = 0, dict(vars(np))
    for _ in range(40):
        compiled = compiler.compile(training.step, fullgraph=True)
        for _ in range(5):
            count += interrupted(compiled, draw.uniform(1e-4, 2 * took)) is not None
            assert all(type(array) is np.ndarray for array in training.arrays())
            assert all(vars(np)[name] is function for name, function in functions.items())
        for _ in range(4):
            twin = copy.deepcopy(training)
            np.testing.assert_allclose(compiled().numpy(), twin.step().numpy(), rtol=1e-5)
            assert same(training.state(), twin.state())
        assert np.geterr() == known
    assert count > 20


def test_an_interrupt_inside_of_c_code_is_one() -> None:
    """Python makes a SystemError of it, which is no reason to give up recording."""
    cause: list[BaseException] = [KeyboardInterrupt()]

    @compiler.compile(fullgraph=True)
    def double(x: Any) -> Any:
        if cause:
            raise SystemError("a function returned a result with an exception set") from cause.pop()
        return 2 * x

    with pytest.raises(KeyboardInterrupt):
        double(autograd.ones(2))
    for _ in range(3):
        np.testing.assert_array_equal(double(autograd.ones(2)).numpy(), [2, 2])
