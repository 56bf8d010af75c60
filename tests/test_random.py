"""Random numbers: their streams, their distributions, their arguments."""

import copy
import pickle

import numpy as np
import pytest

import autograd
from autograd import Generator, errors
from tests.helpers import leaf, run_python, values

DRAWS = {
    "rand": lambda g: autograd.rand(5, generator=g),
    "rand f8": lambda g: autograd.rand(5, generator=g, dtype=autograd.float64),
    "rand f2": lambda g: autograd.rand(5, generator=g, dtype=autograd.float16),
    "randn": lambda g: autograd.randn(5, generator=g),
    "randint": lambda g: autograd.randint(10, (5,), generator=g),
    "randperm": lambda g: autograd.randperm(5, generator=g),
    "normal": lambda g: autograd.normal(1.0, 2.0, (5,), generator=g),
    "bernoulli": lambda g: autograd.bernoulli(autograd.full((20,), 0.5), generator=g),
    "multinomial": lambda g: autograd.multinomial(autograd.ones(9), 5, generator=g),
    "multinomial again": lambda g: autograd.multinomial(autograd.ones(9), 5, True, generator=g),
    "rand_like": lambda g: autograd.rand_like(autograd.ones(5), generator=g),
    "randn_like": lambda g: autograd.randn_like(autograd.ones(5), generator=g),
    "randint_like": lambda g: autograd.randint_like(autograd.ones(5), 0, 100, generator=g),
    "uniform_": lambda g: autograd.zeros(5).uniform_(-1, 1, generator=g),
    "normal_": lambda g: autograd.zeros(5).normal_(1, 2, generator=g),
    "bernoulli_": lambda g: autograd.zeros(20).bernoulli_(0.5, generator=g),
    "exponential_": lambda g: autograd.zeros(5).exponential_(2, generator=g),
    "random_": lambda g: autograd.zeros(5).random_(1000, generator=g),
    "geometric_": lambda g: autograd.zeros(5).geometric_(0.01, generator=g),
    "cauchy_": lambda g: autograd.zeros(5).cauchy_(1, 2, generator=g),
    "log_normal_": lambda g: autograd.zeros(5).log_normal_(0, 1, generator=g),
}


@pytest.fixture(autouse=True)
def stream():
    """The default stream goes on afterwards as if nothing had been drawn."""
    state = autograd.get_rng_state()
    yield
    autograd.set_rng_state(state)


@pytest.mark.parametrize("name", DRAWS)
def test_the_seed_decides(name):
    draw = DRAWS[name]
    first, again, other = (values(draw(Generator().manual_seed(seed))) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    g = Generator().manual_seed(7)
    assert values(draw(g)) == first
    assert values(draw(g)) != first


@pytest.mark.parametrize("name", DRAWS)
def test_the_default_generator(name):
    draw = DRAWS[name]
    autograd.manual_seed(3)
    first = values(draw(None))
    state = autograd.get_rng_state()
    second = values(draw(None))
    autograd.manual_seed(3)
    assert values(draw(None)) == first == values(draw(Generator().manual_seed(3)))
    autograd.set_rng_state(state)
    assert values(draw(None)) == second


def test_a_generator_of_its_own_leaves_the_default_alone():
    autograd.manual_seed(0)
    expected = values(autograd.rand(3))
    autograd.manual_seed(0)
    autograd.rand(100, generator=Generator())
    assert values(autograd.rand(3)) == expected


def test_a_state_may_be_set_in_another_generator():
    a, b = Generator().manual_seed(1), Generator()
    autograd.randn(3, generator=a)
    assert b.set_state(a.get_state()) is b
    assert b.initial_seed() == 1
    assert values(autograd.randn(3, generator=a)) == values(autograd.randn(3, generator=b))


def test_seeds():
    assert autograd.manual_seed(5) is autograd.default_generator
    assert autograd.initial_seed() == 5
    seed = autograd.seed()
    assert autograd.initial_seed() == seed != autograd.seed()
    assert values(autograd.rand(2, generator=Generator().manual_seed(-1))) != values(
        autograd.rand(2, generator=Generator().manual_seed(1))
    )


# ---- distributions --------------------------------------------------------------------------------------------------

N = 20_000


def close(sample, mean, deviation):
    """Mean and deviation within five standard errors."""
    error = deviation / np.sqrt(sample.size)
    assert abs(sample.mean() - mean) < 5 * error
    assert abs(sample.std() - deviation) < 5 * deviation * np.sqrt(2 / sample.size)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_moments(dtype):
    g = Generator().manual_seed(0)
    uniform = autograd.rand(N, generator=g, dtype=dtype)
    assert uniform.dtype == dtype
    u = uniform.numpy().astype("f8")
    assert u.min() >= 0
    assert u.max() < 1 or dtype == "float16"
    close(u, 0.5, 12**-0.5)
    n = autograd.randn(N, generator=g, dtype=dtype)
    assert n.dtype == dtype
    close(n.numpy().astype("f8"), 0, 1)
    close(autograd.zeros(N, dtype=dtype).normal_(3, 2, generator=g).numpy().astype("f8"), 3, 2)
    close(autograd.zeros(N, dtype=dtype).uniform_(-2, 4, generator=g).numpy().astype("f8"), 1, 6 * 12**-0.5)


def test_exponential_and_bernoulli():
    g = Generator().manual_seed(0)
    e = autograd.zeros(N).exponential_(2.0, generator=g).numpy()
    assert abs(e.mean() - 0.5) < 5 * 0.5 / N**0.5
    assert e.min() >= 0
    p = autograd.tensor(np.repeat([0.0, 0.25, 1.0], N))
    b = autograd.bernoulli(p, generator=g)
    assert b.dtype == p.dtype
    zero, quarter, one = b.numpy().reshape(3, N).mean(1)
    assert (zero, one) == (0, 1)
    assert abs(quarter - 0.25) < 5 * (0.25 * 0.75 / N) ** 0.5
    assert autograd.zeros(3, dtype="i8").bernoulli_(1.0, generator=g).tolist() == [1, 1, 1]


def test_geometric_counts_trials():
    g = Generator().manual_seed(0)
    drawn = autograd.zeros(N, dtype="i4").geometric_(0.25, generator=g).numpy()
    assert drawn.min() == 1
    close(drawn.astype("f8"), 4, 12**0.5)
    assert abs((drawn == 2).mean() - 0.1875) < 5 * (0.1875 * 0.8125 / N) ** 0.5


def test_log_normal_and_cauchy():
    g = Generator().manual_seed(0)
    close(np.log(autograd.zeros(N, dtype="f8").log_normal_(0.5, 0.25, generator=g).numpy()), 0.5, 0.25)
    c = autograd.zeros(N, dtype="f8").cauchy_(3, 2, generator=g).numpy()
    below = np.array([(c < edge).mean() for edge in (1, 3, 5)])
    np.testing.assert_allclose(below, [0.25, 0.5, 0.75], atol=5 * 0.5 / N**0.5)


def test_randint_covers_its_range_and_not_its_end():
    g = Generator().manual_seed(0)
    drawn = autograd.randint(-2, 3, (1000,), generator=g)
    assert drawn.dtype == np.int64
    assert sorted(set(values(drawn))) == [-2, -1, 0, 1, 2]
    assert set(values(autograd.randint(2, (100,), generator=g))) == {0, 1}
    assert set(values(autograd.randint(2, size=(100,), generator=g))) == {0, 1}
    assert set(values(autograd.randint(high=2, size=(100,), generator=g))) == {0, 1}
    assert set(values(autograd.randint(1, high=3, size=(100,), generator=g))) == {1, 2}
    assert autograd.randint(0, 5, (2, 3), generator=g, dtype=autograd.float32).dtype == np.float32
    assert values(autograd.randint_like(autograd.ones(3), 1, generator=g)) == [0, 0, 0]


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: autograd.rand(3, dtype=x.dtype),
        autograd.rand_like,
        autograd.randn_like,
        lambda x: x.uniform_(),
        lambda x: x.normal_(),
        lambda x: x.exponential_(),
        lambda x: x.cauchy_(),
        lambda x: x.log_normal_(),
    ],
)
def test_integers_do_not_cut_off_what_is_drawn(draw):
    x = autograd.ones(3, dtype=autograd.int64)
    with pytest.raises(autograd.errors.DtypeError, match="int64 would cut"):
        draw(x)
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize("rate", [0, -1.0, float("nan")])
def test_a_rate_that_is_not_positive(rate):
    with pytest.raises(ValueError, match="rate must be positive"):
        autograd.zeros(3).exponential_(rate)


def test_random_fills_what_the_dtype_can_count():
    g = Generator().manual_seed(0)
    small = autograd.zeros(N, dtype="i1").random_(generator=g).numpy()
    assert (small.min(), small.max()) == (0, 127)
    assert set(values(autograd.zeros(100).random_(5, 7, generator=g))) == {5, 6}
    big = autograd.zeros(N).random_(generator=g).numpy()
    assert big.max() <= 2**24
    assert np.all(big == np.floor(big))


def test_randperm_is_a_permutation():
    p = autograd.randperm(100, generator=Generator().manual_seed(0))
    assert sorted(values(p)) == list(range(100))
    assert p.dtype == np.int64
    assert values(autograd.randperm(0)) == []


def test_normal_takes_tensors_and_broadcasts():
    g = Generator().manual_seed(0)
    means = autograd.tensor(np.array([[0.0], [100.0]]))
    drawn = autograd.normal(means, autograd.tensor(np.array([1.0, 2.0, 0.0])), generator=g)
    assert drawn.shape == (2, 3)
    assert drawn.dtype == np.float64
    assert values(drawn)[1][2] == 100
    assert autograd.normal(0.0, 1.0, (3,), generator=g).dtype == np.float32
    assert autograd.normal(means, 1.0, requires_grad=True).requires_grad


def test_normal_of_a_size_takes_a_device_and_may_require_grad():
    drawn = autograd.normal(0.0, 1.0, (3,), device="cpu", requires_grad=True)
    assert drawn.requires_grad
    assert drawn.is_leaf
    with pytest.raises(autograd.ArgumentError, match="no device 'cuda'"):
        autograd.normal(0.0, 1.0, (3,), device="cuda")


def test_multinomial():
    g = Generator().manual_seed(0)
    weights = autograd.tensor([1.0, 0.0, 3.0])
    drawn = autograd.multinomial(weights, N, replacement=True, generator=g).numpy()
    assert set(drawn) == {0, 2}
    assert abs((drawn == 2).mean() - 0.75) < 5 * (0.75 * 0.25 / N) ** 0.5
    assert sorted(values(autograd.multinomial(weights, 2, generator=g))) == [0, 2]
    rows = autograd.multinomial(autograd.tensor([[1.0, 0.0], [0.0, 1.0]]), 3, True, generator=g)
    assert values(rows) == [[0, 0, 0], [1, 1, 1]]
    first = [values(autograd.multinomial(autograd.tensor([1.0, 3.0]), 2, generator=g))[0] for _ in range(2000)]
    assert abs(np.mean(first) - 0.75) < 5 * (0.75 * 0.25 / 2000) ** 0.5


@pytest.mark.parametrize(
    "draw",
    [
        lambda x, y: autograd.normal(x, y),
        lambda x, y: autograd.normal(x, 1.0) + autograd.normal(0.0, y),
        lambda x, y: autograd.bernoulli(x) * y.bernoulli(),
        *[
            lambda x, y, name=name: getattr(x * y, name)()
            for name in ("uniform_", "normal_", "bernoulli_", "exponential_", "random_", "cauchy_", "log_normal_")
        ],
    ],
)
def test_the_gradient_of_what_was_drawn_by_is_zero(draw):
    x, y = autograd.full((3,), 0.5, requires_grad=True), autograd.full((2, 1), 0.25, requires_grad=True)
    drawn = draw(x, y)
    assert drawn.shape == (2, 3)
    drawn.sum().backward()
    assert x.grad.tolist() == [0.0] * 3
    assert y.grad.tolist() == [[0.0]] * 2
    with autograd.no_grad():
        assert not draw(x, y).requires_grad


def test_a_view_of_a_recorded_tensor_that_is_drawn_anew():
    x = autograd.ones(2, 2, requires_grad=True)
    y = x * 3
    y[0].normal_()
    y.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [3.0, 3.0]]


# ---- arguments ------------------------------------------------------------------------------------------------------

REFUSED = {
    "randint empty": (lambda: autograd.randint(3, 3, (2,)), ValueError, "expected low < high, got low=3 and high=3"),
    "randint size": (lambda: autograd.randint(3), TypeError, "expected a size"),
    "randint bound": (lambda: autograd.randint(size=(3,)), TypeError, "expected a bound"),
    "normal std": (lambda: autograd.normal(0.0, -1.0, (2,)), ValueError, "std must not be negative"),
    "normal_ std": (lambda: autograd.zeros(2).normal_(0, -1), ValueError, "std must not be negative"),
    "uniform_": (lambda: autograd.zeros(2).uniform_(1, 0), ValueError, "low <= high"),
    "bernoulli": (lambda: autograd.bernoulli(autograd.tensor([1.5])), ValueError, "between 0 and 1"),
    "bernoulli nan": (lambda: autograd.bernoulli(autograd.tensor([np.nan])), ValueError, "between 0 and 1"),
    "bernoulli_": (lambda: autograd.zeros(2).bernoulli_(-0.1), ValueError, "between 0 and 1"),
    **{
        f"complex {name}": (
            lambda name=name, args=args: getattr(autograd.zeros(2, dtype="complex64"), name)(*args),
            errors.DtypeError,
            f"{name}: .*real numbers, but the dtype is complex64",
        )
        for name, args in (
            ("bernoulli", ()),
            ("bernoulli_", (0.5,)),
            ("exponential_", ()),
            ("random_", (3,)),
            ("geometric_", (0.5,)),
            ("cauchy_", ()),
            ("log_normal_", ()),
        )
    },
    "geometric_": (lambda: autograd.zeros(2).geometric_(1.0), ValueError, "between 0 and 1"),
    "cauchy_": (lambda: autograd.zeros(2).cauchy_(0, 0), ValueError, "sigma must be positive"),
    "log_normal_": (lambda: autograd.zeros(2).log_normal_(0, -1), ValueError, "std must be positive"),
    "complex randint": (lambda: autograd.randint(3, (2,), dtype="complex64"), errors.DtypeError, "real numbers"),
    "multinomial negative": (lambda: autograd.multinomial(autograd.tensor([1.0, -1.0]), 1), ValueError, "negative"),
    "multinomial zero": (lambda: autograd.multinomial(autograd.zeros(2), 1), ValueError, "positive sum"),
    "multinomial few": (lambda: autograd.multinomial(autograd.tensor([1.0, 0.0]), 2), ValueError, "replacement=True"),
    "multinomial 3-d": (
        lambda: autograd.multinomial(autograd.ones(1, 1, 1), 1),
        errors.ShapeError,
        "1 or 2 dimensions",
    ),
    "device": (lambda: autograd.rand(2, device="cuda"), ValueError, "no device"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_and_changes_no_stream(name):
    make, error, text = REFUSED[name]
    state = autograd.get_rng_state()
    with pytest.raises(error, match=text):
        make()
    if name != "device":
        assert autograd.get_rng_state() == state


def test_shapes_and_options():
    for make in (autograd.rand, autograd.randn):
        assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == (2, 3)
        assert make(()).shape == ()
        x = make(2, requires_grad=True)
        assert x.is_leaf
        assert x.requires_grad
    assert autograd.rand_like(leaf(1, 2)).dtype == np.float64
    assert not autograd.rand_like(leaf(1, 2)).requires_grad
    assert autograd.randn_like(autograd.ones(2, 3), dtype=autograd.float64).shape == (2, 3)


def test_filling_a_leaf_needs_no_grad_and_cuts_no_graph():
    x = leaf(1, 2)
    with pytest.raises(errors.MutationError, match="normal_"):
        x.normal_()
    y = x * 1
    z = y * 2
    y.uniform_()
    assert autograd.grad(y.sum(), x, retain_graph=True)[0].tolist() == [0, 0]  # it depends on nothing any more
    z.sum().backward()
    assert values(x.grad) == [2, 2]


# ---- processes ------------------------------------------------------------------------------------------------------


def test_the_same_seed_in_another_process():
    autograd.manual_seed(11)
    assert run_python("import autograd; autograd.manual_seed(11); print(autograd.rand(3).tolist())").strip() == str(
        values(autograd.rand(3))
    )


FORKS = """
import os, sys
import autograd

def child():
    read, write = os.pipe()
    if os.fork() == 0:
        x = autograd.ones(2, requires_grad=True)
        (x * x).sum().backward()
        os.write(write, repr((autograd.rand(2).tolist(), x.grad.tolist())).encode())
        os._exit(0)
    os.close(write)
    text = os.read(read, 1000).decode()
    os.wait()
    return text

autograd.manual_seed(5)
print(child(), child(), autograd.rand(2).tolist(), sep="\\n")
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system cannot fork")
def test_forked_processes_work_and_draw_their_own_numbers():
    first, second, parent = run_python(FORKS).splitlines()
    (a, grad_a), (b, grad_b) = eval(first), eval(second)
    assert grad_a == grad_b == [2, 2]
    assert a != b
    autograd.manual_seed(5)
    assert str(values(autograd.rand(2))) == parent
    assert str(a) != parent
    assert run_python(FORKS).splitlines()[:2] == [first, second]  # and the same ones in the next run


SPAWNS = """
import multiprocessing
import autograd

def child(scale):
    x = autograd.ones(2, requires_grad=True)
    (x * x * scale).sum().backward()
    return autograd.rand(2).tolist(), x.grad

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.map(child, [1.0, 2.0, 3.0], chunksize=1)
    print([g.tolist() for _, g in results])
    print(len({str(r) for r, _ in results}))
"""


def test_spawned_processes_work_and_draw_their_own_numbers(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SPAWNS)
    out = run_python(f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')", PYTHONWARNINGS="error")
    assert out.splitlines() == ["[[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]]", "3"]


@pytest.mark.parametrize("state", [{}, {"seed": 1}, {"seed": 1, "stream": {}}, {"seed": "x", "stream": {}}])
def test_a_bad_state_changes_nothing(state):
    generator = autograd.Generator().manual_seed(5)
    before = generator.get_state()
    with pytest.raises((KeyError, ValueError)):
        generator.set_state(state)
    assert generator.get_state() == before


@pytest.mark.parametrize("dtype", [autograd.complex64, autograd.complex128])
@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (lambda n, dtype: autograd.randn(n, dtype=dtype), 0, 0.5**0.5),
        (lambda n, dtype: autograd.randn_like(autograd.zeros(n, dtype=dtype)), 0, 0.5**0.5),
        (lambda n, dtype: autograd.rand(n, dtype=dtype), 0.5, 12**-0.5),
        (lambda n, dtype: autograd.zeros(n, dtype=dtype).uniform_(2, 4), 3, 2 * 12**-0.5),
        (lambda n, dtype: autograd.zeros(n, dtype=dtype).normal_(1, 3), 1, 3 * 0.5**0.5),
        (lambda n, dtype: autograd.normal(2.0, 3.0, (n,), dtype=dtype), 2, 3 * 0.5**0.5),
        (lambda n, dtype: autograd.normal(autograd.full((n,), 1 + 1j, dtype=dtype), 2.0), 1, 2 * 0.5**0.5),
    ],
)
def test_both_parts_of_complex_numbers_are_random(draw, mean, deviation, dtype):
    autograd.manual_seed(0)
    drawn = draw(20_000, dtype)
    assert drawn.dtype == dtype
    for part in (drawn.real, drawn.imag):
        assert abs(part.mean().item() - mean) < 0.1
        assert part.std().item() == pytest.approx(deviation, rel=0.05)
    assert abs(((drawn.real - mean) * (drawn.imag - mean)).mean().item()) < 0.1


def test_complex_numbers_are_random_in_compiled_functions_and_for_each_example():
    autograd.manual_seed(0)
    step = autograd.compile(lambda: autograd.randn(3, dtype=autograd.complex64))
    seen = {step().imag.sum().item() for _ in range(5)}
    assert len(seen) == 5
    each = autograd.func.vmap(lambda x: autograd.randn(2, dtype=autograd.complex64) + x, randomness="different")(
        autograd.zeros(4)
    )
    assert len({*each.imag.flatten().tolist()}) == 8


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_a_copied_generator_goes_on_by_itself(how):
    g = autograd.Generator().manual_seed(1)
    autograd.rand(2, generator=g)
    other = how(g)
    expected = autograd.rand(4, generator=other)
    assert (autograd.rand(4, generator=g) == expected).all()
