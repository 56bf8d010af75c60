"""Forward mode: tangents pushed along the recorded graph, op by op, and where they take another way."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import autograd
import autograd.numpy as anp
import nn
from autograd import func, make_jvp, tensor
from autograd.engine.nodes import new_tensor
from autograd.extend import defjvp, defvjp, primitive
from autograd.func.calls import Call
from autograd.func.forward import Push, _Transposes
from autograd.func.pytrees import map_leaves
from autograd.samples import Domain, case, elementwise, reals
from autograd.testing import check_op

X = np.array([0.3, -1.2, 2.0])
V = np.array([1.0, 0.5, -2.0])


def is_array(value: Any) -> bool:
    """Whether a sample's argument is drawn, alone or in a list."""
    return isinstance(value, Domain) or (isinstance(value, list) and all(isinstance(item, Domain) for item in value))


def listed(tree: Any) -> list[Any]:
    """What is in a list or tuple, or the value itself."""
    return list(tree) if isinstance(tree, (list, tuple)) else [tree]


def by_both_ways(function: Any, primals: Any, directions: Any) -> tuple[list[Any], list[Any]]:
    """How the outputs move, pushed and by two transposes."""
    call = Call("jvp", function, primals)
    outputs, _ = call.outputs(call.run(call.tree, {})[0])
    moves = [new_tensor(np.asarray(d)) for d in directions]
    return tuple([move._data for move in way(call, outputs)(moves, False)] for way in (Push, _Transposes))


# ---- what is said of ops ---------------------------------------------------------------------------------------------

ELEMENTWISE_BUT_NOT_SYMMETRIC = {
    "frexp": "has two outputs",
    "sign": "its rule for complex numbers conjugates the gradient",
    "sign_or_nan": "as sign",
    "softsign": "its rule for complex numbers conjugates the gradient",
    "cast": "it is linear, and may turn complex numbers into real ones",
}


def test_all_that_works_element_by_element_is_known_to():
    unsaid = {
        op.name
        for op in autograd.OPS.values()
        if op.differentiable and op.jvp != "symmetric" and op.cases and all(case.free for case in op.cases)
    }
    assert unsaid == set(ELEMENTWISE_BUT_NOT_SYMMETRIC)


def complex_calls(op: Any) -> Any:
    """Calls of an op with its samples, some inputs complex: the function of these inputs, and their values."""
    rng = np.random.default_rng(0)

    def drawn(domain: Any, is_complex: bool) -> Any:
        shape = (2, 3) if domain.shape is None else domain.shape
        if domain.kind == "b":
            return rng.random(shape) < 0.5
        if domain.kind == "i":
            return rng.integers(domain.low, domain.high + 1, shape)
        array = rng.uniform(max(domain.low, -9), min(domain.high, 9), shape)
        array = array + 1j * rng.uniform(-1, 1, shape) if is_complex else array
        return np.asarray(array if domain.make is None else domain.make(array))

    for sample in op.cases:
        names = [name for name, value in sample.arguments.items() if name in op.inputs and is_array(value)]
        for chosen in ({*names}, *[{name} for name in names if len(names) > 1]):
            arguments = dict(sample.arguments)
            for name, value in sample.arguments.items():
                if not is_array(value):
                    continue
                items = [drawn(item, name in chosen) for item in (value if isinstance(value, list) else [value])]
                arguments[name] = items if isinstance(value, list) else items[0]
            moving = {n: arguments[n] for n in names if listed(arguments[n])[0].dtype.kind in "fc"}
            yield (lambda tree, arguments=arguments: op.call(**{**arguments, **tree})), moving


REFUSED_BEFORE = {f"{name}_norm{form}" for name in ("batch", "group", "layer") for form in ("", "_backward")}
REFUSED_BEFORE |= {"scale_channels", "scale_channels_backward", "convolution_weight", "attend_backward"}
"""Ops whose functions let no complex numbers through to them, or none beside real ones."""


@pytest.mark.filterwarnings("ignore")
def test_complex_numbers_move_as_by_two_transposes():
    rng = np.random.default_rng(0)
    tried = set()
    for op in autograd.OPS.values():
        for function, tree in complex_calls(op) if op.jvp is not None and op.name not in REFUSED_BEFORE else ():
            tree = map_leaves(lambda item: new_tensor(item), tree)
            leaves = map_leaves(lambda item: item._data, tree)
            directions: list[Any] = []
            map_leaves(
                lambda item, directions=directions: directions.append(
                    (rng.standard_normal(item.shape) + 1j * rng.standard_normal(item.shape)).astype(item.dtype)
                    if item.dtype.kind == "c"
                    else rng.standard_normal(item.shape)
                ),
                leaves,
            )
            try:
                function(tree)
            except (TypeError, ValueError, RuntimeError):
                continue  # there is none of complex numbers
            for pushed, expected in zip(*by_both_ways(function, (tree,), directions), strict=True):
                assert (pushed.shape, pushed.dtype) == (expected.shape, expected.dtype), op.name
                np.testing.assert_allclose(pushed, expected, rtol=1e-9, atol=1e-11, err_msg=op.name)
                tried.add(op.name)
    assert len(tried) > 120
    assert {"mul", "exp", "abs", "real", "angle", "matmul", "vecdot", "fft", "irfft", "norm", "view_as_real"} <= tried


def cube(x):
    return x * x * x


def quotient(x, y):
    return x / y


def running(x):
    return np.cumsum(x, 1)


def from_end(g):
    return np.flip(np.cumsum(np.flip(g, 1), 1), 1)


OVER = elementwise(x=reals(0.5, 3), y=reals(0.5, 3))
ROWS = case(x=reals(shape=(2, 3)))
FALSE = {
    "a power is not linear": (cube, {"x": lambda g, x: 3 * x * x * g}, "linear", reals(-2, 2)),
    "a quotient is not multilinear": (
        quotient, {"x": lambda g, y: g / y, "y": lambda g, x, y: -g * x / (y * y)}, "multilinear", OVER
    ),
    "a running sum is not symmetric": (running, {"x": from_end}, "symmetric", ROWS),
    "a running sum is no reduction": (running, {"x": from_end}, "reduction", ROWS),
    "a running sum moves by the running sum of a tangent": (running, {"x": from_end}, lambda t_x: t_x, ROWS),
}  # fmt: skip


@pytest.mark.parametrize(("forward", "rules", "jvp", "samples"), FALSE.values(), ids=FALSE)
def test_what_is_not_true_of_an_op_is_found_out(forward, rules, jvp, samples):
    check_op(autograd.op(**rules, samples=samples)(forward), properties=["gradient", "forward_mode"])
    with pytest.raises(AssertionError, match="forward_mode"):
        check_op(autograd.op(**rules, samples=samples, jvp=jvp)(forward), properties=["forward_mode"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jvp": "diagonal"}, "jvp is one of 'symmetric', .*, got 'diagonal'"),
        ({"jvp": "symmetric", "outputs": ("a", "b")}, "one output and a rule for each"),
        ({"jvp": "reduction", "lists": ("x",)}, "one output and a rule for each"),
        ({"jvp": "multilinear", "lists": ("x",)}, "one output and no lists"),
        (
            {"jvp": lambda t_x: t_x, "lists": ("x",)},
            "a rule as jvp is for ops of one output, or of outputs with names; no lists",
        ),
        ({"jvp": lambda t_y: t_y}, "jvp asks for 't_y'; it may ask for t_x, x, x_shape, out"),
    ],
)
def test_a_word_that_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(TypeError, match=message):
        autograd.op(x=lambda g: g, **settings)(lambda x: x)


def test_a_rule_gets_the_tangents_of_the_inputs_that_move():
    seen = []

    def rule(t_x, t_y, x, y, times):
        seen.append((t_x is not None, t_y is not None))
        return times * ((0 if t_x is None else t_x * y) + (0 if t_y is None else t_y * x))

    @autograd.op(x=lambda g, y, times: g * y * times, y=lambda g, x, times: g * x * times, jvp=rule, samples=OVER)
    def product(x, y, times=2):
        """The product, some times."""
        return x * y * times

    check_op(product)
    seen.clear()
    assert func.jvp(lambda x: product(x, 3.0), (X,), (V,))[1].tolist() == [6, 3, -12]
    np.testing.assert_allclose(func.jvp(product, (X, X), (V, V))[1], 4 * X * V)
    assert func.jvp(lambda y: product(np.ones((2, 1)), y), (X,), (V,))[1].tolist() == [[2, 1, -4]] * 2
    assert seen == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize("wrong", [None, 3.0])
def test_a_rule_that_returns_no_array_is_named(wrong):
    @autograd.op(x=lambda g: g, jvp=lambda t_x: wrong)
    def bad(x):
        return x * 1

    with pytest.raises(autograd.RuleError, match=type(wrong).__name__):
        func.jvp(bad, (X,), (V,))


def test_a_tangent_of_another_shape_is_refused():
    @autograd.op(x=lambda g: np.broadcast_to(g, (3,)), jvp="symmetric")
    def total(x):
        return np.sum(x)

    @primitive
    def pair(x):
        return x[:2]

    defjvp(pair, lambda g, ans, x: g)
    for function in (lambda x: total(x), pair):
        with pytest.raises(autograd.RuleError, match="moves the result of") as caught:
            func.jvp(function, (X,), (V,))
        assert "in forward mode, at op" in str(caught.value.__notes__)


def test_the_settings_of_a_linear_op_are_kept_for_its_tangents():
    assert {"dim", "keepdim", "dtype"} <= set(autograd.sum.op.saved_names)
    x = np.arange(6.0).reshape(2, 3)
    _, moved = func.jvp(lambda x: autograd.sum(x, 0, True, dtype=np.float32), (tensor(x),), (x,))
    assert moved.shape == (1, 3)
    assert moved.dtype == np.float32


# ---- which way is taken ----------------------------------------------------------------------------------------------


def test_the_function_runs_once_and_its_rules_for_gradients_never_both_ways():
    calls = []

    @autograd.op(x=lambda g, x: calls.append(type(g)) or g * np.cosh(x), jvp="symmetric")
    def counted(x):
        return np.sinh(x)

    _, push = func.linearize(lambda x: counted(x) * 2, X)
    assert calls == []
    np.testing.assert_allclose(push(V), 2 * np.cosh(X) * V)
    assert calls == [np.ndarray]


def test_hooks_and_observers_have_their_say():
    def hooked(x):
        y = autograd.exp(x)
        y.register_hook(lambda g: g * 2)
        return y.sum()

    _, moved = func.jvp(hooked, (tensor(X),), (V,))
    assert float(moved) == pytest.approx(2 * np.sum(np.exp(X) * V), rel=1e-6)
    with autograd.detect_anomaly():
        assert make_jvp(anp.exp)(X)(V)[1] == pytest.approx(np.exp(X) * V)


def test_both_rules_of_a_primitive_are_used_each_in_its_mode():
    @primitive
    def half(x, y):
        return x * y / 2

    defvjp(half, lambda ans, x, y: lambda g: g * y / 2, lambda ans, x, y: lambda g: g * x / 2)
    defjvp(half, lambda g, ans, x, y: g * y * 50)
    assert make_jvp(half)(3.0, 4.0)(1.0)[1] == 200.0
    assert make_jvp(half, 1)(3.0, 4.0)(1.0)[1] == 1.5  # of which there is no other rule
    assert autograd.grad(half)(3.0, 4.0) == 2.0
    assert autograd.grad(lambda x: make_jvp(half)(x * x, x)(1.0)[1])(3.0) == 50.0


# ---- whatever a function does ----------------------------------------------------------------------------------------


def in_place(x):
    y = x * 1.0
    y[1:] *= y[:-1]
    y.sin_()
    return y


def packed(x):
    with autograd.saved_tensors_hooks(lambda t: (t * 1,), lambda kept: kept[0]):
        return autograd.tanh(x).exp() * x


class Cubed(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


FUNCTIONS = {
    "in_place": in_place,
    "checkpoint": lambda x: autograd.checkpoint(lambda x: autograd.exp(autograd.sin(x)) * x.cumprod(0), x),
    "saved elsewhere": packed,
    "views": lambda x: x.reshape(3, 1).expand(3, 2).T[1].flip(0) * x,
    "several outputs": lambda x: autograd.sort(autograd.sin(x))[0] * autograd.topk(x, 2)[0].sum(),
    "no output moves": lambda x: x.sign() * autograd.ones(3),
    "integers between": lambda x: x[(x > 0).nonzero().flatten()].sum() * x.argmax().to(np.float64),
    "Function": lambda x: Cubed.apply(x) + Cubed.apply(x * 2),
    "linear algebra": lambda x: autograd.linalg.inv(autograd.outer(x, x) + autograd.eye(3, dtype=np.float64)) @ x,
    "decomposition": lambda x: autograd.linalg.svd(autograd.outer(x, x.cos()) + autograd.eye(3, dtype=np.float64))[1],
    "vmap": lambda x: func.vmap(lambda row: autograd.log_softmax(row * x, 0)[0])(autograd.outer(x, x)),
    "gradient": lambda x: func.grad(lambda x: (autograd.tanh(x) * x).sum())(x),
    "tangent": lambda x: func.jvp(lambda x: autograd.tanh(x) * x, (x,), (x * x,))[1],
    "Jacobian": lambda x: func.jacfwd(lambda x: autograd.cumprod(x, 0))(x),
    "the input itself": lambda x: x,
    "the same twice": lambda x: (x * 2, x * 2),
    "joined": lambda x: autograd.cat([x[:2], autograd.ones(1, dtype=np.float64), autograd.stack([x[0], x[1]])]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_function_can_be_pushed_and_differentiated_again(name):
    function, x = FUNCTIONS[name], tensor(X)

    def outputs(x):
        found = function(x)
        return found if isinstance(found, tuple) else (found,)

    values, pull = func.vjp(outputs, x)
    _, push = func.linearize(outputs, x)
    rng = np.random.default_rng(0)
    weights = tuple([tensor(rng.standard_normal(out.shape)) for out in values])
    for v in (V, X):
        moved = push(tensor(v))
        assert [(m.shape, m.dtype, m.requires_grad) for m in moved] == [(o.shape, o.dtype, False) for o in values]
        found = sum(float((m * w).sum()) for m, w in zip(moved, weights, strict=True))
        assert found == pytest.approx(float((pull(weights)[0] * v).sum()), rel=1e-12, abs=1e-14)

    def along(x):  # the same number, by forward and by reverse mode
        return sum((m * w).sum() for m, w in zip(func.jvp(outputs, (x,), (tensor(V),))[1], weights, strict=True))

    def against(x):
        return (func.vjp(outputs, x)[1](weights)[0] * tensor(V)).sum()

    for outer in (func.grad, lambda f: func.jacfwd(f), lambda f: lambda x: func.jvp(f, (x,), (x,))[1]):
        np.testing.assert_allclose(outer(along)(x).numpy(), outer(against)(x).numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("op", ["tanh", "log_softmax", "cumsum", "cumprod"])
def test_forward_mode_is_compiled(op):
    apply = {"tanh": autograd.tanh}.get(op) or (lambda x: getattr(autograd, op)(x, 0))

    def moved(x, v):
        return func.jvp(lambda x: apply(x) * x, (x,), (v,))[1]

    step = autograd.compile(moved)
    for shift in range(4):
        x, v = tensor(X + shift), tensor(V - shift)
        autograd.testing.assert_close(step(x, v), moved(x, v))
    assert step.source


def test_results_share_memory_with_nothing():
    held = tensor(X)
    for function in (
        lambda x: x,
        lambda x: x + 0.0,
        lambda x: x.reshape(3, 1),
        lambda x: (x, x, x[:2]),
        lambda x: x * 1,
    ):
        v = V.copy()
        value, push = func.linearize(function, X)
        moved = push(v)
        again = push(v)
        arrays = [v, X, *listed(value), *listed(moved), *listed(again)]
        for i, one in enumerate(arrays):
            assert not any(np.may_share_memory(one, other) for other in arrays[i + 1 :])
            assert one.flags.writeable
    moved = func.jvp(lambda x: held + x, (tensor(X),), (held,))[1]
    moved += 1
    assert held.tolist() == X.tolist()


def test_overwritten_and_freed_arrays_are_noticed():
    x, w = tensor(X), tensor(X.copy())
    _, push = func.linearize(lambda x: x * w, x)
    w += 1
    with pytest.raises(autograd.MutationError, match="overwritten in place"):
        push(tensor(V))

    def frees(x):
        y = autograd.exp(x)
        autograd.grad(y.sum(), x)
        return y * 2

    with pytest.raises(autograd.FreedGraphError, match="a second time"):
        func.jvp(frees, (tensor(X),), (tensor(V),))


def test_only_what_moves_is_looked_at():
    """A graph from outside, freed by an earlier backward, is no obstacle."""
    w = tensor(X, requires_grad=True)
    outside = autograd.exp(w)
    outside.sum().backward()
    _, moved = func.jvp(lambda x: x * outside, (tensor(X),), (tensor(V),))
    np.testing.assert_allclose(moved.detach().numpy(), V * np.exp(X))
    assert moved.requires_grad


DIRECTIONS = {
    "float32": V.astype(np.float32),
    "a list's array": np.asarray([1, 0, -2]),
    "Fortran's order": np.asfortranarray(V),
    "a view": np.broadcast_to(1.5, (3,)),
}


@pytest.mark.parametrize("v", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_direction_may_be_any_array_of_the_shape(v):
    moved = make_jvp(lambda x: anp.sin(x) * x)(X)(v)[1]
    np.testing.assert_allclose(moved, (np.cos(X) * X + np.sin(X)) * v, rtol=1e-12)
    assert moved.dtype == np.float64


def test_a_view_moves_by_a_direction_laid_out_otherwise():
    x, v = autograd.ones(3, 4), autograd.arange(12.0).reshape(4, 3).T
    assert func.jvp(lambda x: (x * 1).view(-1), (x,), (v,))[1].tolist() == v.reshape(-1).tolist()
    assert func.jvp(lambda x: x.sum().view(1), (x,), (v,))[1].tolist() == [66]


def test_numbers_move_by_numbers():
    assert make_jvp(anp.square)(3.0)(2.0) == (9.0, 12.0)
    assert make_jvp(anp.square)(np.float32(3))(2.0)[1].dtype == np.float32
    value, moved = make_jvp(lambda x: x)(3.0)(1)
    assert (value, moved) == (3.0, 1.0)
    with pytest.raises(autograd.ShapeError, match=r"linearize: expected tangents of the shapes of the primals, \(3,\)"):
        make_jvp(anp.square)(X)(1.0)
    with pytest.raises(autograd.ShapeError, match="jvp: expected tangents"):
        func.jvp(anp.square, (X,), (1.0,))


@pytest.mark.parametrize("kind", [complex, str])
def test_real_numbers_do_not_move_by_others(kind):
    v = X.astype(kind)
    with pytest.raises(autograd.DtypeError, match="jvp: expected tangents of the dtypes of the primals, float64, got"):
        func.jvp(anp.square, (X,), (v,))
    with pytest.raises(autograd.DtypeError, match="linearize: expected tangents of the dtypes"):
        func.linearize(anp.square, X)[1](v)
    with pytest.raises(autograd.DtypeError, match="vjp: expected weights of the dtypes of the outputs, float64, got"):
        func.vjp(anp.square, X)[1](v)
    assert func.jvp(anp.square, (X + 0j,), (V,))[1].dtype == np.complex128  # the other way round they do


def test_a_captured_value_that_is_differentiated_outside_is_reached():
    def outer(w):
        return make_jvp(lambda x: anp.sum(anp.sin(x * w)))(X)(V)[1]

    found = autograd.grad(outer)(np.array(0.7))
    assert found == pytest.approx(np.sum(V * (np.cos(0.7 * X) - 0.7 * X * np.sin(0.7 * X))))
    moved = make_jvp(lambda x: anp.sum(x * tensor(X, requires_grad=True)))(X)(V)[1]
    assert moved.requires_grad


@pytest.mark.parametrize("batched", [False, True])
def test_large_tangents_are_kept_no_longer_than_they_are_needed(batched):
    x = np.linspace(-1, 1, 4 if batched else 50_000)
    wide = np.ones((12_500 if batched else 1, 1))

    def deep(x):
        for _ in range(20):
            x = anp.sin(x * wide)[:1] * x
        return x, x * 2

    _, push = func.linearize(deep, x)
    units = np.eye(4) if batched else None
    run = (lambda: func.vmap(push)(units)) if batched else (lambda: push(np.ones_like(x)))
    expected = [np.array(part) for part in run()]
    tracemalloc.start()
    found = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 400_000 * (4 if batched else 1)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_left_behind():
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            make_jvp(lambda x: anp.tanh(x) * x)(X)(V)
            func.jvp(
                lambda x: autograd.linalg.inv(autograd.outer(x, x) + 1), (tensor([1.0, 2.0]),), (tensor([1.0, 0.0]),)
            )
        before = len(gc.get_objects())
        for _ in range(50):
            make_jvp(lambda x: anp.tanh(x) * x)(X)(V)
            func.jvp(lambda x: autograd.log_softmax(x, 0), (tensor(X),), (tensor(V),))
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()


# ---- rules of several outputs ----------------------------------------------------------------------------------------


def both_moves(t_x, x):
    return 2 * x * t_x, lambda: 3 * x * x * t_x


def powers(x):
    """The second and the third power."""
    return x * x, x * x * x


POWERS: Any = {
    "x": lambda g_square, g_cube, x: 2 * x * g_square + 3 * x * x * g_cube,
    "outputs": ("square", "cube"),
    "samples": reals(-2, 2),
}


def test_a_rule_of_several_outputs_returns_tangents_or_functions_that_do():
    op = autograd.op(jvp=both_moves, **POWERS)(powers)
    check_op(op)
    _, moved = func.jvp(op, (X,), (V,))
    np.testing.assert_allclose(moved.square, 2 * X * V)
    np.testing.assert_allclose(moved.cube, 3 * X**2 * V)
    np.testing.assert_allclose(func.hessian(lambda x: anp.sum(op(x).cube))(X), np.diag(6 * X))
    np.testing.assert_allclose(func.jacfwd(func.jacfwd(lambda x: op(x)[1]))(X)[1, 1, 1], 6 * X[1])
    wrong = autograd.op(jvp=lambda t_x, x: (2 * x * t_x, lambda: x * t_x), **POWERS)(powers)
    with pytest.raises(AssertionError, match="forward_mode"):
        check_op(wrong, properties=["forward_mode"])


def test_what_nothing_depends_on_is_not_computed():
    called = []

    def moves(t_x, x):
        return 2 * x * t_x, lambda: called.append(1) or 3 * x * x * t_x

    op = autograd.op(jvp=moves, **POWERS)(powers)
    np.testing.assert_allclose(func.jvp(lambda x: op(x).square, (X,), (V,))[1], 2 * X * V)
    assert not called
    np.testing.assert_allclose(func.jvp(lambda x: op(x).cube + op(x).cube, (X,), (V,))[1], 6 * X * X * V)
    assert called == [1, 1]
    large = np.ones(20000)
    func.jvp(lambda x: [op(x).cube * 2, op(x).square], (large,), (large,))
    assert len(called) == 3


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda t_x: (t_x,), "must return the tangents of its 2 outputs .*, got 1 of them"),
        (lambda t_x: t_x, "must return the tangents of its 2 outputs .*, got ndarray"),
        (lambda t_x: (t_x[:2], t_x), "moves the result of 'powers', of shape \\(3,\\), by an array of shape \\(2,\\)"),
        (lambda t_x: (t_x, lambda: 3.0), "float"),
    ],
)
def test_a_rule_that_returns_other_than_its_outputs_is_told(returned, message):
    op = autograd.op(jvp=returned, **POWERS)(powers)
    with pytest.raises(autograd.RuleError, match=message):
        func.jvp(lambda x: op(x), (X,), (V,))


DECOMPOSED = {
    "svd": lambda x: autograd.linalg.svd(x)[1],
    "eigh": lambda x: autograd.linalg.eigh(x)[0],
    "eig": lambda x: autograd.linalg.eig(x)[0],
}


@pytest.mark.parametrize("name", DECOMPOSED)
def test_values_that_coincide_move_though_their_vectors_do_not(name):
    """In forward mode the tangents of the vectors were computed, and raised, though nobody asked for them."""
    t = np.array([[1.0, 2.0, 0.0], [2.0, -3.0, 1.0], [0.0, 1.0, 5.0]])
    _, moved = func.jvp(DECOMPOSED[name], (2 * np.eye(3),), (t,))
    expected = autograd.grad(DECOMPOSED[name](x := tensor(2 * np.eye(3), requires_grad=True)).real.sum(), x)[0]
    np.testing.assert_allclose(np.sum(moved), np.sum(expected.numpy() * t))
    with pytest.raises(autograd.errors.GradientError, match="coincide"):
        func.jvp(lambda x: autograd.linalg.eigh(x)[1], (2 * np.eye(3),), (t,))


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (2, 4, 3)])
def test_all_columns_of_a_full_decomposition_have_tangents(shape):
    """Those that are not determined have zeros."""
    x, t = np.random.default_rng(0).normal(size=(2, *shape))
    k = min(shape[-2:])
    for function in (autograd.linalg.svd, lambda x: autograd.linalg.lu(x)[1:]):
        pushed, expected = by_both_ways(function, (tensor(x),), (t,))
        for found, wanted in zip(pushed, expected, strict=True):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, atol=1e-10)
    u, _, vh = func.jvp(autograd.linalg.svd, (x,), (t,))[1]
    assert not u[..., k:].any()
    assert not vh[..., k:, :].any()


ONE_SWEEP = (
    "inv solve solve_triangular cholesky qr lu svd eigh eig pinv matrix_exp logcumsumexp cummax cummin sort topk "
)
ONE_SWEEP += (
    "kthvalue median_along nanmedian_along mode max_along min_along max_pool max_pool_with_indices attend frexp "
)
ONE_SWEEP += "constant_pad_nd rnn gru lstm softmax_backward log_softmax_backward cross_entropy_backward "
ONE_SWEEP += "layer_norm_backward batch_norm_backward group_norm_backward scale_channels_backward "
ONE_SWEEP += "euclidean_distances recurrence shifted window_maxima attend_backward"


@pytest.mark.parametrize("name", ONE_SWEEP.split())
def test_what_took_two_sweeps_has_a_rule(name):
    assert autograd.OPS[name].jvp == "rule"
    assert autograd.OPS[name].cases


def test_a_complex_recurrent_layer_has_no_relu():
    layer = nn.RNN(2, 2, nonlinearity="relu").to(autograd.complex64)
    with pytest.raises(TypeError, match="complex numbers have no order"):
        layer(autograd.ones(3, 1, 2, dtype=autograd.complex64))


@pytest.mark.parametrize("solve", [
    autograd.linalg.solve, lambda a, b: autograd.linalg.solve_triangular(a, b, upper=True)
], ids=["solve", "solve_triangular"])  # fmt: skip
def test_what_only_forward_mode_asks_for_by_default_none_is_not_kept(solve):
    """The solution is only needed if the matrix moves: else it may be overwritten."""
    a, b = tensor(np.eye(3) * 2.0), tensor(np.ones((3, 2)), requires_grad=True)
    out = solve(a, b)
    out += 1.0
    out.sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), 0.5)
    np.testing.assert_allclose(func.jvp(lambda b: solve(a, b), (b,), (b,))[1].detach().numpy(), 0.5)
    a.requires_grad_()
    out = solve(a, b.detach())
    out += 1.0
    with pytest.raises(autograd.errors.MutationError):
        out.sum().backward()


def test_an_argument_of_a_jvp_with_a_default_is_there_if_no_rule_names_it():
    @autograd.op(x=lambda g: 2 * g, jvp=lambda t_x, times=None: times * t_x)
    def scaled(x, times=2.0):
        return times * x

    assert func.jvp(lambda x: scaled(x), (X,), (V,))[1].tolist() == (2 * V).tolist()


@pytest.mark.parametrize("shapes", [((40, 3), (30, 3)), ((90, 40), (80, 40))], ids=["by differences", "by products"])
def test_distances_move_as_by_two_transposes(shapes):
    x, y, t_x, t_y = [np.random.default_rng(i).normal(size=shapes[i % 2]) for i in range(4)]
    y[0] = x[0]  # where nothing moves
    for moving in ((t_x, t_y), (t_x,), (None, t_y)):
        names = [name for name, t in zip("xy", moving, strict=False) if t is not None]
        given = tuple(tensor({"x": x, "y": y}[name]) for name in names)

        def function(*args, names=names):
            found = {"x": tensor(x), "y": tensor(y), **dict(zip(names, args, strict=True))}
            return autograd.cdist(found["x"], found["y"], compute_mode="use_mm_for_euclid_dist")

        pushed, expected = by_both_ways(function, given, [t for t in moving if t is not None])
        np.testing.assert_allclose(pushed[0], expected[0], rtol=1e-9, atol=1e-11)
