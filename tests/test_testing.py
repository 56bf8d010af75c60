"""The test kit itself: a checker is as good as what it rejects, so most tests here are of ops made to be wrong."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import autograd
from autograd import op
from autograd._op import composed
from autograd.samples import booleans, case, elementwise, integers, reals
from autograd.testing import PROPERTIES, Subject, assert_close, check_op, check_property, op_tests, properties_of
from autograd.testing.differences import Comparison, InconclusiveError, gradient_by_differences, one_sided
from autograd.testing.recording import LostError, Recording
from autograd.testing.strategies import LAYOUTS, arguments, edges, tensors, with_layout
from tests.helpers import run_python


@op(x=lambda g, x: 3 * x * x * g, samples=reals(-2, 2))
def cube(x: Any) -> Any:
    """The third power."""
    return x * x * x


@op(
    x=lambda g, x, y: g * y * np.cos(x * y),
    y=lambda g, x, y: g * x * np.cos(x * y),
    promote="float",
    samples=elementwise(x=reals(), y=reals(0.5, 2)),
)
def waves(x: Any, y: Any) -> Any:
    """Sine of a product."""
    return np.sin(x * y)


@composed(samples=[case(x=reals(shape=(2, 3)), power=2), case(x=reals(shape=()), power=3)])
def raised(x: Any, power: int) -> Any:
    """A power, multiplied out."""
    result = x
    for _ in range(power - 1):
        result = result * x
    return result


test_right_ops = op_tests(cube, waves, raised)


def test_check_op_passes_right_ops(check_op: Any) -> None:
    check_op(cube, waves, raised)
    check_op(cube.op, properties="gradient", max_examples=1)


def test_without_hypothesis_the_plugin_loads_and_check_op_says_what_is_missing() -> None:
    said = run_python("""
import sys
sys.modules["hypothesis"] = None
import autograd.testing.plugin
try:
    autograd.testing.check_op
except ImportError as error:
    print(error)
""")
    assert said == "autograd.testing.check_op needs Hypothesis: pip install hypothesis\n"


@pytest.fixture
def few_examples() -> Iterator[None]:
    """Few examples, not drawn at random, whatever the profile."""
    hypothesis.settings.load_profile("fast")
    yield
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.mark.usefixtures("few_examples")
def test_properties_of_an_op_are_shown_the_same_examples_each_its_own_copy() -> None:
    subject, seen = Subject(waves), []

    def spoil(a: Any) -> None:
        seen.append((repr(a), a.seed))
        for array in (*a.raw, *a.made):
            array[...] = np.nan

    for _ in range(2):
        check_property(subject, dataclasses.replace(PROPERTIES["gradient"], check=spoil))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert len(set(seen[:half])) > 5


def test_ops_can_be_checked_where_python_drops_docstrings() -> None:
    program = """
from autograd import op
from autograd.samples import reals
from autograd.testing import check_op

@op(x=lambda g, x: 2 * x * g, samples=reals(-2, 2))
def square(x):
    "The second power."
    return x * x

check_op(square)
print(square.__doc__)
"""
    assert run_python(program, PYTHONOPTIMIZE="2") == "None\n"


def test_a_domain_may_assume_things() -> None:
    tried = []

    def positive(x: Any) -> Any:
        tried.append(len(tried))
        assume(tried[-1] != 12)
        return x

    @op(x=lambda g, x: 2 * x * g, samples=reals(-2, 2, make=positive))
    def square(x: Any) -> Any:
        """The second power."""
        return x * x

    check_property(square, "gradient")
    assert len(tried) > 50


def test_op_tests_makes_an_item_of_each_property() -> None:
    items = op_tests(cube).op_properties  # type: ignore[attr-defined]
    names = {prop.name for _, prop in items}
    assert {"gradient", "second_order", "documented", "recordable", "layouts"} <= names
    assert "broadcasting" not in names  # one input
    assert "kinks" not in names  # nothing to avoid
    some = op_tests(cube, waves, properties=["gradient", "quiet"])
    assert len(some.op_properties) == 4  # type: ignore[attr-defined]


def rejects(wrong: Any, property: str, words: str = "fails") -> str:
    """Assert that exactly this property, at least, rejects the op; return the message."""
    with pytest.raises(AssertionError, match=words) as caught:
        check_property(wrong, property)
    text = str(caught.value)
    assert f"'{property}'" in text
    assert f"'{Subject(wrong).name}'" in text
    with pytest.raises(AssertionError):
        check_op(wrong)
    return text


# ---- rules that are wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, x: 3.003 * x * x * g,
        lambda g, x: -3 * x * x * g,
        lambda g, x: 3 * x * x * g + 1e-6,
        lambda g, x: 3 * x * x * (g * 0 + 1),
        lambda g, x: 0 * g,
        lambda g, x: 2 * x * x * g,
        lambda g, x: 3 * (1 + 1e-7) * x * x * g,
    ],
    ids=["scaled", "sign", "constant added", "g ignored", "zeros", "another power", "scaled by 1 + 1e-7"],
)
def test_a_wrong_rule_is_rejected(rule: Any) -> None:
    @op(x=rule, samples=reals(-2, 2))
    def wrong(x: Any) -> Any:
        """The third power, wrongly."""
        return x * x * x

    text = rejects(wrong, "gradient", "the differences give")
    assert "x=array(" in text  # the numbers


def test_tiny_gradients_do_not_pass_unseen() -> None:
    @op(x=lambda g: 1.001e-9 * g, samples=reals())
    def tiny(x: Any) -> Any:
        """A billionth."""
        return 1e-9 * x

    rejects(tiny, "gradient")


def test_a_rule_that_is_right_only_to_first_order_is_rejected() -> None:
    @op(x=lambda g, x: 3 * np.square(getattr(x, "_data", x)) * g, samples=reals())
    def cut(x: Any) -> Any:
        """The third power; the rule leaves the graph."""
        return x * x * x

    check_op(cut, properties=["gradient"])
    rejects(cut, "second_order", "the second derivative")


def test_the_derivative_by_the_seed_is_checked() -> None:
    @op(x=lambda g, x: 3 * x * x * getattr(g, "_data", g), samples=reals())
    def deaf(x: Any) -> Any:
        """The third power; the rule cuts the gradient's graph."""
        return x * x * x

    rejects(deaf, "second_order", "with respect to the seed")


def test_a_rule_that_writes_into_the_gradient_is_rejected() -> None:
    def rule(g: Any, x: Any) -> Any:
        g *= 3 * x * x
        return g

    @op(x=rule, samples=reals())
    def greedy(x: Any) -> Any:
        """The third power."""
        return x * x * x

    rejects(greedy, "inputs_unchanged", "wrote into the gradient|second backward")
    rejects(greedy, "plain_rules", "in place")


def test_a_forward_that_writes_into_its_input_is_rejected() -> None:
    @op(x=lambda g: g, samples=reals())
    def shift(x: Any) -> Any:
        """One more."""
        x += 1
        return x.copy()

    rejects(shift, "inputs_unchanged", "input x was written|read-only")
    with pytest.raises(AssertionError, match="input x was written"):  # the cause, before what follows from it
        check_op(shift)


def test_a_forward_that_draws_random_numbers_is_rejected() -> None:
    noise = np.random.default_rng(0)

    @op(x=lambda g, x: g * 2 * x, samples=reals(-2, 2))
    def noisy(x: Any) -> Any:
        """The square, with noise."""
        return x * x + 1e-3 * noise.normal()

    rejects(noisy, "gradient", "proved anything: .* draws random numbers")
    with pytest.raises(AssertionError, match=r"a second time .does it draw random numbers"):
        check_op(noisy)


def test_a_rule_that_draws_random_numbers_is_rejected() -> None:
    noise = np.random.default_rng(0)

    @op(x=lambda g, x: g * 2 * x * (1 + 1e-9 * noise.normal()), samples=reals(-2, 2))
    def noisy(x: Any) -> Any:
        """The square, whose gradient has noise that differences do not show."""
        return x * x

    rejects(noisy, "inputs_unchanged", r"a second time [\s\S]*\nat \[.*\] np.float64\(\S+ instead of .* differ")


def test_aliasing_gradients_are_kept_apart_by_the_engine() -> None:
    """Both rules return g itself, and one the saved array: the gradients handed out are copies."""

    @op(x=lambda g: g, y=lambda g: g, samples=reals(), promote="common")
    def total(x: Any, y: Any) -> Any:
        """A sum."""
        return x + y

    check_op(total)
    seed = autograd.tensor([1.0, 2.0])
    x, y = (autograd.tensor([0.0, 0.0], requires_grad=True) for _ in range(2))
    total(x, y).backward(seed)
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    assert not np.shares_memory(x.grad.numpy(), seed.numpy())


def test_shared_memory_is_noticed() -> None:
    from autograd.testing.invariants import _require_apart

    a = np.arange(4.0)
    with pytest.raises(AssertionError, match="0 and 1 share memory"):
        _require_apart([a, a[1:]], {})
    with pytest.raises(AssertionError, match="with a seed"):
        _require_apart([a], {"a seed": [a[::2]]})
    _require_apart([a, a.copy()], {"a seed": [a.copy()]})


def test_a_wrong_dtype_is_rejected() -> None:
    @op(x=lambda g: 2 * g, samples=reals())
    def widened(x: Any) -> Any:
        """Twice, in float64."""
        return x.astype(np.float64) * 2

    rejects(widened, "dtypes", "float32 inputs gave float64")


def test_results_that_lose_digits_are_rejected() -> None:
    @op(x=lambda g: g, samples=reals())
    def rough(x: Any) -> Any:
        """What was x, had it not been moved up and down."""
        return (x + x.dtype.type(1000)) - x.dtype.type(1000) if x.dtype != np.float64 else x + 0

    rejects(rough, "dtypes", "in float32|in float16")


@op(x=lambda g, x: g * 30 * np.cos(30 * x), samples=reals(-3, 3))
def fast(x: Any) -> Any:
    """A sine that makes the rounding of its input large."""
    return np.sin(30 * x)


@op(x=lambda g, x: g * (3 * x * x - 1), samples=reals(-1e4, 1e4))
def steep(x: Any) -> Any:
    """A polynomial whose values float16 does not have."""
    return x * x * x - x


@op(x=lambda g: g, samples=reals(1e6, 1e6 + 10))
def far(x: Any) -> Any:
    """Numbers that float16 does not have."""
    return x + 1


@op(x=lambda g, x: -g / (x * x), samples=reals(-2, 2, avoid=(0.0,)))
def pole(x: Any) -> Any:
    """A reciprocal."""
    return 1 / x


@op(x=lambda g, x: g * 1e6 * np.cos(x * x.dtype.type(1e6)), samples=reals(1e-6, 1e-5))
def narrow(x: Any) -> Any:
    """A sine of numbers that are all small."""
    return np.sin(x * x.dtype.type(1e6))


@op(x=lambda g, x: g * np.where(x > 0, 1, 0.01), samples=reals(-2, 2, avoid=(0.0,)))
def leaky(x: Any) -> Any:
    """A leaky relu: two numbers in a where have all their digits, also in the gradient's gradient."""
    return np.where(x > 0, x, 0.01 * x)


@pytest.mark.parametrize("right", [fast, steep, far, pole, leaky], ids=lambda right: right.op.name)
def test_no_right_op_is_accused_for_what_its_numbers_are_like(right: Any) -> None:
    """Not where all warnings are errors, as they are here, either."""
    check_op(right)


def test_ties_of_small_numbers_are_compared_at_their_own_distance() -> None:
    check_op(narrow, properties=["ties", "gradient", "second_order"])


def test_a_forward_that_trusts_the_layout_is_rejected() -> None:
    @op(x=lambda g: g, samples=reals(shape=(2, 3)))
    def raw(x: Any) -> Any:
        """The numbers as they lie in memory."""
        return np.reshape(x, x.shape, order="A" if x.flags.f_contiguous else "C").ravel(order="K").reshape(x.shape)

    rejects(raw, "layouts", "with (fortran|negative|strided)")


def test_an_op_that_fails_on_empty_inputs_is_rejected() -> None:
    @op(x=lambda g, x: g * (np.max(x) * 0 + 2), samples=reals())
    def twice(x: Any) -> Any:
        """Twice."""
        return x * 2

    rejects(twice, "shapes", "zero-size")


def test_a_wrong_unbroadcasting_is_rejected() -> None:
    def rule(g: Any, y: Any, x_shape: Any) -> Any:
        full = np.broadcast_to(g * y, np.shape(g))
        axes = len(np.shape(g)) - len(x_shape)
        return np.mean(full, axis=tuple(range(axes))) if axes else full

    @op(x=rule, y=lambda g, x: g * x, samples=reals(), promote="common")
    def product(x: Any, y: Any) -> Any:
        """A product."""
        return x * y

    rejects(product, "broadcasting", r"x of shape \(\) broadcast")


def test_a_wrong_gradient_at_a_kink_is_rejected() -> None:
    def bent(value: float) -> Any:
        @op(x=lambda g, x: np.where(x == 0, value * g, np.sign(x) * g), samples=reals(avoid=(0.0,)))
        def bend(x: Any) -> Any:
            """The absolute value."""
            return np.abs(x)

        return bend

    for value in (-1.0, 0.0, 0.3, 1.0):
        check_op(bent(value), properties=["kinks", "gradient"])
    for value in (1.5, -2.0, np.nan, np.inf):
        rejects(bent(value), "kinks", "slopes on the two sides")


def test_a_wrong_share_at_ties_is_rejected() -> None:
    @op(
        x=lambda g, x, y: np.where(x >= y, g, 0 * g),
        y=lambda g, x, y: np.where(y >= x, g, 0 * g),
        samples=reals(),
        promote="common",
    )
    def greatest(x: Any, y: Any) -> Any:
        """The greater; at a tie both are given all."""
        return np.maximum(x, y)

    check_op(greatest, properties=["gradient"])
    rejects(greatest, "ties", "all numbers grow alike")


def test_a_kink_that_is_not_declared_is_asked_for() -> None:
    @op(x=lambda g, x: g * np.cos(1e6 * x), samples=reals())
    def noise(x: Any) -> Any:
        """Too wild to be differenced."""
        return np.sin(1e6 * x) * 1e-6 + np.floor(1e5 * x)

    with pytest.raises(AssertionError, match=r"avoid=|the differences give"):
        check_op(noise, properties=["gradient"])


# ---- what is not plain -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda g, x: g * x.sum(), r"\.sum"),
        (lambda g, x: g * x if isinstance(x, np.ndarray) else g, "isinstance"),
        (lambda g, x: g * float(x), "float"),
        (lambda g, x: g * x.data, r"\.data"),
        (lambda g, x: np.multiply(g, x, out=g), "in place"),
        (lambda g, x: np.asarray(g) * x, "asarray"),
        (lambda g, x: g.flat * x, r"\.flat"),
    ],
)
def test_rules_that_are_not_plain_numpy_are_rejected(rule: Any, words: str) -> None:
    @op(x=rule, samples=reals(shape=(1,)))
    def wrong(x: Any) -> Any:
        """Half a square."""
        return x * x / 2

    rejects(wrong, "plain_rules", words)


def test_a_forward_that_leaves_numpys_protocols_is_rejected() -> None:
    @op(x=lambda g, x: 2 * x * g, samples=reals())
    def opaque(x: Any) -> Any:
        """A square."""
        return np.asarray(x) ** 2

    rejects(opaque, "recordable", "np.asarray")


def test_interpreters_that_disagree_are_rejected() -> None:
    @op(x=lambda g, x: (2.0 + hasattr(g, "_data") * 1e-6) * x * g, samples=reals())
    def moody(x: Any) -> Any:
        """A square."""
        return x * x

    rejects(moody, "interpreters", "create_graph=True")


def test_a_joint_rule_that_confuses_what_is_needed_is_rejected() -> None:
    @op(joint=lambda g, x, y, needs: (g * y, g * x if needs[0] else g * y), inputs=("x", "y"), samples=reals())
    def product(x: Any, y: Any) -> Any:
        """A product."""
        return x * y

    rejects(product, "interpreters", "the gradient of y alone, where no other is asked for")
    rejects(product, "forward_mode", r"when y moves alone by -?[\d.]+ along")


def test_warnings_are_rejected() -> None:
    @op(x=lambda g: g, samples=reals())
    def noisy(x: Any) -> Any:
        """Itself, after a division by zero."""
        np.divide(1.0, np.zeros_like(x))
        return x + 0

    rejects(noisy, "quiet", "divide by zero")


def test_samples_and_docstring_are_required() -> None:
    @op(x=lambda g: g)
    def bare(x: Any) -> Any:
        """Itself."""
        return x + 0

    rejects(bare, "documented", "no samples")

    @op(x=lambda g: g, samples=reals())
    def silent(x: Any) -> Any:
        return x + 0

    rejects(silent, "documented", "docstring")


def test_pytest_shows_the_test_that_failed_and_not_the_kit() -> None:
    @op(x=lambda g, x: 2 * x * g, samples=reals())
    def wrong(x: Any) -> Any:
        """The third power, wrongly."""
        return x**3

    with pytest.raises(AssertionError) as caught:
        check_op(wrong, properties="gradient")
    shown = [entry for entry in caught.traceback if not entry.ishidden(caught)]
    assert {entry.path.name for entry in shown} == {"test_testing.py"}


def test_what_is_no_op_is_refused() -> None:
    with pytest.raises(TypeError, match=r"made by autograd\.op.*autograd.gradcheck"):
        check_op(np.tanh)
    with pytest.raises(ValueError, match="no property 'gradeint'"):
        check_op(cube, properties=["gradeint"])


def test_an_error_of_the_op_is_reported_with_its_arguments() -> None:
    @op(x=lambda g: g, samples=[case(x=reals(shape=(2,)), flag=True)])
    def broken(x: Any, flag: bool) -> Any:
        """Raises."""
        raise KeyError("inside")

    with pytest.raises(
        AssertionError, match=r"(?s)op 'broken' raises where 'interpreters' .*flag=True.*KeyError: 'inside'"
    ):
        check_op(broken, properties=["interpreters"])


# ---- strategies --------------------------------------------------------------------------------------------------


@op(
    x=lambda g, y: g * y,
    y=lambda g, x: g * x,
    constants=("mask",),
    samples=[
        elementwise(x=reals(-3, 3, avoid=(0.0, 1.0)), y=reals(0.9, 1.5), mask=booleans(), n=integers(-2, 2)),
        case(x=reals(shape=(3, 4), avoid=(0.0,)), y=reals(0, 1, shape=(12,)), mask=booleans(shape=(2,)), n=4),
    ],
)
def varied(x: Any, y: Any, mask: Any, n: Any) -> Any:
    """Only its samples matter here."""
    return x * y


@given(st.data())
def test_numbers_are_spaced_and_keep_away_from_kinks(data: Any) -> None:
    found = data.draw(arguments(varied))
    by_name = dict(zip([slot.name for slot in found.slots], found.raw, strict=True))
    domains = {slot.name: slot.domain for slot in found.slots}
    numbers = np.concatenate([by_name[name].ravel() for name in ("x", "y")])
    if numbers.size > 1:
        assert np.diff(np.sort(numbers)).min() >= found.spacing / 2 * (1 - 1e-9)
    for name in ("x", "y"):
        domain = domains[name]
        edge = found.spacing / 4 * (1 - 1e-9)
        assert np.all(by_name[name] >= domain.low + edge)
        assert np.all(by_name[name] <= domain.high - edge)
        for point in domain.avoid:
            assert np.all(np.abs(by_name[name] - point) >= edge)
    assert by_name["mask"].dtype == np.bool_
    if "n" in by_name:
        assert by_name["n"].dtype == np.int64
        assert np.all(np.abs(by_name["n"]) <= 2)
        np.broadcast_shapes(*[array.shape for array in found.raw])


def test_edges_repeat_numbers() -> None:
    repeated = []

    @given(edges(raised, raised.cases[0]))
    def look(found: Any) -> None:
        repeated.append(len(np.unique(found.raw[0])) < found.raw[0].size)

    look()
    assert all(repeated)


def test_make_is_differentiated_along() -> None:
    @op(x=lambda g, x: 2 * x * g, samples=[case(x=reals(shape=(2, 2), make=lambda a: a @ a.T))])
    def square(x: Any) -> Any:
        """A square."""
        return x * x

    check_op(square, properties=["gradient", "second_order"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_keep_the_numbers(layout: str) -> None:
    array = np.arange(6.0).reshape(2, 3)
    found = with_layout(array, layout)
    assert found.shape == array.shape
    if layout != "broadcast":
        assert np.array_equal(found, array)
    expected = {
        "contiguous": found.flags.c_contiguous,
        "fortran": found.flags.f_contiguous and not found.flags.c_contiguous,
        "strided": found.strides == (48, 16),
        "negative": found.strides == (-24, -8),
        "offset": found.base is not None
        and found.__array_interface__["data"] != found.base.__array_interface__["data"],
        "read_only": not found.flags.writeable,
        "broadcast": found.strides == (0, 0),
    }
    assert expected[layout]


@given(tensors("float32", (2, 3), requires_grad=True), tensors("int64"), tensors("complex64", layout="strided"))
def test_tensors(x: Any, n: Any, z: Any) -> None:
    assert x.shape == (2, 3)
    assert x.dtype == np.float32
    assert x.requires_grad
    assert n.dtype == np.int64
    assert z.dtype == np.complex64
    assert len(n.shape) <= 2


# ---- differences -------------------------------------------------------------------------------------------------


def test_the_complex_step_is_not_trusted_where_the_function_is_not_analytic() -> None:
    x = np.array([0.7, -1.3])
    steps = [np.array([0.01, 0.01])]
    rng = np.random.default_rng(0)

    def dropped(arrays: Any) -> Any:
        return np.sum(np.real(arrays[0]) ** 2 + arrays[0])

    found, error = gradient_by_differences(dropped, [x], steps, rng)
    np.testing.assert_allclose(found, 2 * x + 1, rtol=1e-10)
    assert np.all(error < 1e-9)
    found, _ = gradient_by_differences(lambda a: np.sum(np.sin(a[0])), [x], steps, rng)
    assert np.array_equal(found, np.cos(x))


def test_comparison_scales_with_the_numbers() -> None:
    def compared(found: float, expected: float, error: float) -> Comparison:
        return Comparison("it", ["x"], np.array([found]), np.array([expected]), np.array([error]))

    with pytest.raises(AssertionError, match="are wrong"):
        compared(1.01e-9, 1e-9, 1e-18).require(1e-8)
    compared(1e-9, 1e-9 * (1 + 1e-9), 1e-18).require(1e-8)
    with pytest.raises(InconclusiveError):
        compared(1.0, 1.0, 0.1).require(1e-8)
    with pytest.raises(AssertionError):
        compared(np.nan, 1.0, 1e-15).require(1e-8)
    assert compared(1.01e-9, 1e-9, 1e-18).relative == pytest.approx(0.01 / 1.01)
    assert compared(np.nan, 1.0, 1e-15).relative == np.inf
    assert np.isnan(compared(1.0, 1.0, 0.1).relative)
    assert compared(0.0, 1e-15, 1e-14).relative == 1e-15  # that is 0, and no error of 100 %


@pytest.mark.parametrize(
    ("f", "inside", "outside"),
    [
        (abs, [-1.0, 0.0, 1.0], [1.01, -1.01]),
        (lambda t: max(t, 0.0), [0.0, 0.5, 1.0], [-0.01, 1.01]),
        (lambda t: np.sqrt(t) if t >= 0 else np.nan, [np.inf], [0.0, -1.0]),
        (np.sign, [0.0], [-1.0, np.nan]),
        (lambda t: 3 * t, [3.0], [2.99, 3.01]),
    ],
)
def test_one_sided_slopes(f: Any, inside: list[float], outside: list[float]) -> None:
    low, high = one_sided(f, 1e-3)
    for value in inside:
        assert low <= value <= high
    for value in outside:
        assert not low <= value <= high


# ---- recording ---------------------------------------------------------------------------------------------------


def test_a_recording_is_replayed_on_other_numbers() -> None:
    tape = Recording()
    x = tape.input(np.array([[1.0, 2.0], [3.0, 4.0]]))
    out = np.zeros((2,), x.dtype, like=x)
    out[0] = np.sum(x[0])
    out[1:] = np.max(x.T, axis=0)[1]
    np.add.at(out, [0, 0], 1.0)
    a, b = np.split(x * 2, 2)
    out += np.concatenate([a, b], axis=0).reshape(4)[:2]
    other = np.array([[5.0, -1.0], [0.5, 8.0]])
    (replayed,) = tape.replay({x: other}, [out])
    expected = np.array([other[0].sum(), other[1].max()]) + [2, 0] + 2 * other.reshape(4)[:2]
    np.testing.assert_array_equal(replayed, expected)
    assert not tape.escapes
    assert tape.calls[0].name == "zeros"


def test_what_is_lost_is_noticed() -> None:
    tape = Recording()
    x = tape.input(np.array([1.0, 2.0]))
    with pytest.raises(LostError, match=r"np\.asarray"):
        tape.replay({x: np.ones(2)}, [np.asarray(x) * 2])
    copied = np.array(x, subok=True) * 2
    (found,) = tape.replay({x: np.array([5.0, 6.0])}, [copied])
    assert found.tolist() == [10.0, 12.0]


def test_numbers_read_into_python_are_noted() -> None:
    tape = Recording()
    x = tape.input(np.array([1.0, 2.0]))
    assert float(x[0]) == 1.0
    assert bool(np.any(x > 1))
    assert tape.escapes == ["__float__", "__bool__"]


# ---- assert_close ------------------------------------------------------------------------------------------------


def test_assert_close_defaults_are_torchs() -> None:
    for dtype, off in ((np.float16, 5e-4), (np.float32, 1e-6), (np.float64, 5e-8)):
        one = np.ones(3, dtype)
        assert_close(autograd.tensor(one), autograd.tensor((one + dtype(off)).astype(dtype)))
    with pytest.raises(AssertionError):
        assert_close(np.ones(3), np.ones(3) + 3e-7)
    with pytest.raises(AssertionError):
        assert_close(np.ones(3, np.float32), np.full(3, 1.0001, np.float32))
    assert_close(autograd.tensor([1, 2]), autograd.tensor([1, 2]))
    with pytest.raises(AssertionError, match="not equal"):
        assert_close(autograd.tensor([1, 2]), autograd.tensor([1, 3]))


def test_the_module_is_there_without_an_import_and_costs_none() -> None:
    code = "import sys, autograd; print('autograd.testing' in sys.modules); autograd.testing.assert_close(1.0, 1.0)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]


def test_assert_close_messages() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(np.array([1.0, 2.0, 3.0], np.float32), np.array([1.0, 2.5, 3.0], np.float32))
    lines = str(caught.value).split("\n")
    assert lines[0] == "Tensor-likes are not close!"
    assert lines[2] == "Mismatched elements: 1 / 3 (33.3%)"
    assert lines[3] == "Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)"
    assert lines[4].startswith("Greatest relative difference: 0.2 at index (1,) (up to 1.3e-06 allowed)")
    with pytest.raises(AssertionError, match=r"attribute 'shape' do not match: \(1,\) != \(2,\)"):
        assert_close(np.ones(1), np.ones(2))
    with pytest.raises(AssertionError, match="attribute 'dtype' do not match: float32 != float64"):
        assert_close(np.ones(1, np.float32), np.ones(1))
    assert_close(np.ones(1, np.float32), np.ones(1), check_dtype=False)
    with pytest.raises(AssertionError, match=r"Expected 2\.0 but got 1\.0"):
        assert_close(1.0, 2.0)
    with pytest.raises(AssertionError, match="mine: Scalars"):
        assert_close(1.0, 2.0, msg=lambda text: f"mine: {text}")


def test_assert_close_of_nested_things() -> None:
    nested = {"a": [np.ones(2), 3.0], "b": (autograd.tensor([1.0]),)}
    assert_close(nested, {"a": [np.ones(2), 3.0], "b": (autograd.tensor([1.0]),)})
    with pytest.raises(AssertionError, match=r"item \['a'\]\[1\]"):
        assert_close(nested, {"a": [np.ones(2), 4.0], "b": (autograd.tensor([1.0]),)})
    with pytest.raises(AssertionError, match=r"Missing keys in the actual mapping: \['b'\]"):
        assert_close({"a": 1}, {"b": 1})
    with pytest.raises(AssertionError, match="length of the sequences mismatch: 1 != 2"):
        assert_close([1.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close(np.ones(1), [1.0])


def test_assert_close_options() -> None:
    nan = np.array([np.nan, 1.0])
    with pytest.raises(AssertionError):
        assert_close(nan, nan.copy())
    assert_close(nan, nan.copy(), equal_nan=True)
    assert_close(np.array([np.inf]), np.array([np.inf]))
    with pytest.raises(AssertionError):
        assert_close(np.array([np.inf]), np.array([-np.inf]))
    assert_close(np.ones(2), np.ones(2) * 1.05, rtol=0.1, atol=0.0)
    with pytest.raises(ValueError, match="both"):
        assert_close(1.0, 1.0, rtol=0.1)


def test_every_property_says_what_it_is() -> None:
    for prop in PROPERTIES.values():
        assert prop.doc.endswith(".")
        assert prop.applies is not None
    assert {prop.name for prop in properties_of(waves)} >= {"broadcasting", "shapes"}
