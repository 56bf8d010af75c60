"""detect_anomaly: the first op that makes a non-finite number of finite ones is named, with its inputs and its line."""

import inspect
import re
import threading

import numpy as np
import pytest

import autograd
from autograd import errors
from tests.helpers import leaf, values


def here(offset=0):
    """``file:line in function`` of the caller's line, as the messages give it."""
    frame = inspect.currentframe().f_back
    return re.escape(f"{frame.f_code.co_filename}:{frame.f_lineno + offset} in {frame.f_code.co_name}")


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


def test_the_first_bad_forward_is_named():
    x = leaf(1, 0, 4)
    with autograd.detect_anomaly():
        y = x - 1
        line = here(2)
        with pytest.raises(errors.AnomalyError, match=line) as caught:
            y.log()
    text = str(caught.value)
    assert text.startswith("the forward of op 'log' made -inf at index (0,) and 1 more from finite inputs")
    assert "log(x=float64[3])" in text


def test_all_inputs_are_described():
    with autograd.detect_anomaly(), pytest.raises(errors.AnomalyError, match=r"div\(x=float64\[1\], y=float64\[1\]"):
        leaf(1) / leaf(0)


@pytest.mark.parametrize("other", [0.0, 0, np.zeros(1)])
def test_numbers_and_arrays_are_inputs_too(other):
    with autograd.detect_anomaly(), pytest.raises(errors.AnomalyError, match="op 'div' made inf"):
        leaf(1) / other


def test_what_was_not_finite_before_is_not_blamed():
    x = leaf(np.inf, 1)
    with autograd.detect_anomaly():
        y = (x * 2 - x).exp()
    assert np.isnan(values(y)[0])
    with autograd.detect_anomaly():
        assert values(autograd.tensor([1.0]) * np.nan)[0] != 0


def test_ops_without_gradient_are_watched_too():
    with autograd.detect_anomaly(), pytest.raises(errors.AnomalyError, match="op 'log' made -inf"):
        autograd.zeros(1).log()


def test_the_first_bad_rule_is_named_with_the_line_of_its_forward():
    x = leaf(0, 1)
    with autograd.detect_anomaly():
        line = here(1)
        y = x.sqrt()
        z = (y * 2).sum()
        with pytest.raises(errors.AnomalyError, match=line) as caught:
            z.backward()
    text = str(caught.value)
    assert text.startswith(
        "the backward of op 'sqrt' made inf at index (0,) in the gradient of its input 0 (shape (2,))"
    )
    assert x.grad is None


def test_a_forward_before_the_block_has_no_line():
    x = leaf(0, 1)
    y = x.sqrt().sum()
    with (
        autograd.detect_anomaly(),
        pytest.raises(errors.AnomalyError, match="a line that ran before detect_anomaly was on"),
    ):
        y.backward()


def test_second_order_is_watched():
    x = leaf(0.0)
    with autograd.detect_anomaly():
        (g,) = autograd.grad((x * x.abs().sqrt().detach()).sum(), x, create_graph=True)
        assert values(g) == [0]
        y = (x**1.5).sum()
        (g,) = autograd.grad(y, x, create_graph=True)
        with pytest.raises(errors.AnomalyError, match="backward"):
            autograd.grad(g.sum(), x)


def test_a_mutation_is_blamed_on_its_line():
    x = leaf(1, 2)
    with autograd.detect_anomaly():
        y = x * 1
        z = y * y
        line = here(1)
        y.add_(1)
        with pytest.raises(errors.MutationError, match=line):
            z.sum().backward()
    with autograd.detect_anomaly():
        y = x * 1
        z = y * y
        line = here(1)
        y[0] = 3.0
        with pytest.raises(errors.MutationError, match=line):
            z.sum().backward()


def test_without_it_the_mutation_error_says_how_to_find_the_line():
    y = leaf(1, 2) * 1
    z = y * y
    y.add_(1)
    with pytest.raises(errors.MutationError, match=r"to see which line did it, run under autograd.detect_anomaly\(\)"):
        z.sum().backward()


def test_nothing_is_changed_where_all_is_finite():
    def run():
        x = leaf(0.5, 2)
        y = (x.exp() * x).reshape(2, 1)
        a, b = y.unbind(0)
        (a * b).sum().backward()
        return values(x.grad)

    plain = run()
    with autograd.detect_anomaly():
        assert run() == plain


def test_integers_are_always_finite():
    with autograd.detect_anomaly():
        assert values(autograd.tensor([1, 2]) * 3) == [3, 6]
        assert values(autograd.tensor([True]) & autograd.tensor([False])) == [False]


def test_zero_dimensions_and_several_outputs():
    x = leaf(1, 0)
    with autograd.detect_anomaly():
        with pytest.raises(errors.AnomalyError, match=r"made -inf from finite inputs"):
            x.prod().log()
        a, _ = x.unbind(0)
        with pytest.raises(errors.AnomalyError):
            (a - 1).log()


def test_it_ends_with_the_block_and_after_the_error():
    x = leaf(0)
    with pytest.raises(errors.AnomalyError), autograd.detect_anomaly():
        x.log()
    assert values(x.log()) == [-np.inf]


def test_check_nan_false_notes_lines_only():
    x = leaf(0)
    with autograd.detect_anomaly(check_nan=False):
        assert values(x.log()) == [-np.inf]
        y = x * 1
        z = y * y
        line = here(1)
        y.add_(1)
        with pytest.raises(errors.MutationError, match=line):
            z.sum().backward()


def test_as_a_decorator():
    @autograd.detect_anomaly()
    def f(x):
        return x.log()

    with pytest.raises(errors.AnomalyError):
        f(leaf(0))
    assert values(leaf(0).log()) == [-np.inf]


def test_made_earlier_and_entered_inside_another():
    early = autograd.detect_anomaly(check_nan=False)
    with autograd.detect_anomaly(), early, pytest.raises(errors.AnomalyError):
        leaf(0).log()


def test_the_switch():
    try:
        autograd.set_detect_anomaly(True)
        with pytest.raises(errors.AnomalyError):
            leaf(0).log()
    finally:
        autograd.set_detect_anomaly(False)
    leaf(0).log()
    with autograd.set_detect_anomaly(True), pytest.raises(errors.AnomalyError):
        leaf(0).log()
    leaf(0).log()
    with autograd.detect_anomaly(), autograd.set_detect_anomaly(False):
        leaf(0).log()
    watched = autograd.set_detect_anomaly(True)(lambda x: x.log())
    leaf(0).log()  # outside of the function it is off
    with pytest.raises(errors.AnomalyError):
        watched(leaf(0))


def test_it_belongs_to_its_thread():
    found = []
    with autograd.detect_anomaly():
        thread = threading.Thread(target=np.errstate(all="ignore")(lambda: found.append(values(leaf(0).log()))))
        thread.start()
        thread.join()
    assert found == [[-np.inf]]


def test_functions_are_watched():
    class Log(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return autograd.from_numpy(np.log(x.detach().numpy()))

        @staticmethod
        def backward(ctx, g):
            return g / 0.0

    with autograd.detect_anomaly():
        with pytest.raises(errors.AnomalyError, match="forward of op 'Log'"):
            Log.apply(leaf(0))
        y = Log.apply(leaf(1)).sum()
        with pytest.raises(errors.AnomalyError, match=r"(backward of op 'Log'|forward of op 'div')"):
            y.backward()
