"""Transforms of functions: values, structures, nesting, what stays connected, and messages."""

from __future__ import annotations

import gc
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import autograd
import nn
from autograd import func, numerical
from autograd.boxes import ArrayBox
from autograd.func.pytrees import flatten, map_leaves, unflatten

Layer = namedtuple("Layer", ["w", "b"])
X = np.array([1.0, 2.0, 3.0])


def wave(x: Any) -> Any:
    """A function of plain NumPy, for arrays and Tensors alike."""
    return np.sum(np.sin(x) * x)


def wave_slope(x: Any) -> Any:
    return np.sin(x) + x * np.cos(x)


def wave_bend(x: Any) -> Any:
    return 2 * np.cos(x) - x * np.sin(x)


# ---- values and kinds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_grad_nests_to_any_order(order):
    f: Callable[..., Any] = np.sin
    for _ in range(order):
        f = func.grad(f)
    assert f(0.5) == pytest.approx([np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin, np.cos][order - 1](0.5))


def test_third_derivatives_of_fused_ops_are_arrays():
    rows = func.jacrev(lambda x: np.mean(nn.functional.scaled_dot_product_attention(x, np.sin(x), x), axis=0))
    x = np.random.default_rng(0).standard_normal((2, 1, 2))
    found = func.jacfwd(func.grad(lambda x: np.sum(np.sin(rows(x)))))(x)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found.reshape(4, 4), found.reshape(4, 4).T, atol=1e-12)


OUTSIDE = autograd.tensor([1.0, 2.0, 3.0], dtype=autograd.float64, requires_grad=True)


def constant_in_part(x):
    with autograd.no_grad():
        c = np.sum(x)
    return c * np.sum(x * x)


def hooked(x):
    y = x * x
    y.register_hook(lambda g: 10 * g)
    return np.sum(y)


@pytest.mark.parametrize("x", [X, X.astype(np.float32), X[:1], 0.7, np.float64(0.7), np.float32(0.7), np.array(0.7)])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x * x), lambda x: x, lambda x: np.reshape(x, -1)[:1], lambda x: np.max(x), lambda x: 3.0,
        lambda x: np.array([3]), lambda x: np.argmax(x), lambda x: np.sum(x.astype(np.float32)), constant_in_part,
        lambda x: np.sum(x * OUTSIDE), lambda x: np.sum(func.grad(lambda y: np.sum(y**3 * x))(x)), hooked,
        lambda x: np.sum(np.broadcast_to(x, (2, 3))), lambda x: np.real(np.sum(np.exp(1j * x))), lambda x: x / 0 + "",
        lambda x: np.sum(x * 1j), lambda x: (x, x), lambda x: np.stack([x, x]), lambda x: 1 / 0, lambda x: float(x),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_argument_is_as_one_of_several(f, x):
    def found(argnums):
        try:
            value, slope = func.value_and_grad(f, argnums)(x)
        except Exception as error:  # noqa: BLE001
            return type(error), str(error)
        slope = slope[0] if argnums == (0,) else slope
        return [(type(y), str(y), y.dtype, np.shape(y)) for y in (value, slope)]

    assert found(0) == found((0,))


def test_arrays_give_arrays_and_tensors_tensors():
    array, tensor = func.grad(wave)(X), func.grad(wave)(autograd.tensor(X))
    assert type(array) is np.ndarray
    assert type(tensor) is autograd.Tensor
    assert not tensor.requires_grad
    np.testing.assert_allclose(array, wave_slope(X), rtol=1e-14)
    np.testing.assert_allclose(tensor.numpy(), wave_slope(X), rtol=1e-14)
    assert isinstance(func.grad(np.tanh)(0.25), np.float64)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradients_keep_the_dtype(dtype):
    assert func.grad(wave)(X.astype(dtype)).dtype == dtype
    assert func.grad(wave)(autograd.tensor(X, dtype=dtype)).dtype == dtype
    assert func.hessian(wave)(X.astype(dtype)).dtype == dtype


def test_the_function_sees_what_it_was_given():
    seen = []

    def f(a, b, c):
        seen.extend([type(a), type(b), c])
        return (a * b).sum()

    func.grad(f, argnums=(0, 1))(X, autograd.tensor(X), "third")
    assert seen == [ArrayBox, autograd.Tensor, "third"]


def test_argnums_keywords_and_aux():
    def f(a, b, *, power):
        return np.sum(a**power * b), {"note": "aux", "a": a}

    (da, db), aux = func.grad(f, argnums=(0, -1), has_aux=True)(X, 2 * X, power=2)
    np.testing.assert_allclose(da, 4 * X**2)
    np.testing.assert_allclose(db, X**2)
    assert aux["note"] == "aux"
    assert type(aux["a"]) is np.ndarray
    (value, _), gradient = func.value_and_grad(f, has_aux=True)(X, 2 * X, power=1)
    assert value == 28.0
    np.testing.assert_allclose(gradient, 2 * X)
    assert func.grad_and_value(wave)(1.0) == (pytest.approx(wave_slope(1.0)), pytest.approx(wave(1.0)))


def test_pytrees_keep_their_structure():
    params = {"layers": [Layer(autograd.tensor([1.0, 2.0]), None)], "scale": OrderedDict(s=2.0), "pair": (X, ())}

    def f(p):
        return (p["layers"][0].w ** 2).sum() * p["scale"]["s"] + np.sum(p["pair"][0]) * 3

    gradient = func.grad(f)(params)
    assert isinstance(gradient["layers"][0], Layer)
    assert gradient["layers"][0].b is None
    assert gradient["layers"][0].w.tolist() == [4.0, 8.0]
    assert type(gradient["scale"]) is OrderedDict
    assert gradient["scale"]["s"] == 5.0
    assert gradient["pair"][0].tolist() == [3.0, 3.0, 3.0]
    assert list(gradient) == list(params)


def test_trees_are_put_together_as_they_were():
    tree = {"b": [1, (2, None)], "a": Layer(3, OrderedDict(z=4, y=5))}
    leaves, spec = flatten(tree)
    assert leaves == [1, 2, 3, 4, 5]
    assert unflatten(leaves, spec) == tree
    assert repr(spec) == "{'b': [*, (*, None)], 'a': Layer(w=*, b=OrderedDict({'z': *, 'y': *}))}".replace(
        "OrderedDict({'z': *, 'y': *})", repr(OrderedDict(z=0, y=0)).replace("0", "*")
    )
    assert map_leaves(lambda a, b: a + b, [1, {"k": 2}], [10, {"k": 20}]) == [11, {"k": 22}]
    with pytest.raises(ValueError, match="one structure"):
        map_leaves(max, [1], (1,))
    with pytest.raises(ValueError, match="has 5 leaves, got 1"):
        unflatten([1], spec)


# ---- what stays connected ------------------------------------------------------------------------------------------


def test_inner_and_outer_derivatives_are_not_confused():
    assert func.grad(lambda x: x * func.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert func.grad(lambda x: x * func.grad(lambda y: x * y)(1.0))(3.0) == 6.0
    assert func.grad(lambda x: func.jvp(lambda y: x * y**2, (x,), (1.0,))[1])(3.0) == 12.0


def test_results_depend_on_tracked_tensors_from_outside():
    w = autograd.tensor(2.0, requires_grad=True)
    x = autograd.tensor([1.0, 2.0])
    gradient = func.grad(lambda x: (w * x * x).sum())(x)
    gradient.sum().backward()
    assert w.grad == 6.0
    value, same = func.value_and_grad(lambda x: (w * x * x).sum())(x)
    assert value.requires_grad
    assert same.requires_grad
    y = x.clone().requires_grad_()
    (second,) = autograd.grad(func.grad(lambda x: (x**3).sum())(y).sum(), y)
    assert second.tolist() == [6.0, 12.0]
    with autograd.no_grad():
        cut = func.grad(lambda x: (w * x * x).sum())(y)
    assert not cut.requires_grad
    assert cut.tolist() == [4.0, 8.0]
    assert not func.vjp(lambda x: x * 2, x)[0].requires_grad
    assert y.grad is None
    assert x.grad is None


@pytest.mark.parametrize("tracked", [False, True])
def test_a_tree_without_leaves_has_a_gradient_without_leaves(tracked):
    w = autograd.tensor([1.0, 2.0], requires_grad=tracked)
    gradient, value = func.grad_and_value(lambda p: (w * w).sum())({"layers": []})
    assert gradient == {"layers": []}
    assert type(value) is autograd.Tensor
    assert value.requires_grad is tracked
    assert func.vjp(lambda p, q: w * w, (), {})[1](w) == ((), {})
    assert func.jacrev(lambda p: w * w)({}) == func.jacfwd(lambda p: w * w)({}) == func.hessian(lambda p: w)({}) == {}
    assert func.jvp(lambda: w * w, (), ())[1].tolist() == [0.0, 0.0]
    assert autograd.grad(lambda p: 1.0)([]) == []


def test_a_result_that_does_not_depend_on_the_argument_has_zero_gradient():
    assert func.grad(lambda x: 3.0)(X).tolist() == [0.0, 0.0, 0.0]
    assert func.grad(lambda x, y: y.sum(), argnums=0)(X, X).tolist() == [0.0, 0.0, 0.0]
    assert func.jvp(lambda x: autograd.tensor(1.0), (autograd.tensor(X),), (X,))[1] == 0.0
    assert func.jacrev(lambda x: np.ones(2))(X).tolist() == [[0.0] * 3] * 2


# ---- products, Jacobians, Hessians -----------------------------------------------------------------------------------


def many(a: Any, b: Any) -> Any:
    return {"outer": a[:, None] * b, "sum": (a.sum(), b**2)}


@pytest.mark.parametrize("make", [func.jacrev, func.jacfwd])
def test_jacobians_have_the_structure_of_outputs_then_inputs(make):
    a, b = X, np.array([4.0, 5.0])
    found = make(many, argnums=(0, 1))(a, b)
    np.testing.assert_allclose(found["outer"][0], np.einsum("ik,j->ijk", np.eye(3), b))
    np.testing.assert_allclose(found["outer"][1], np.einsum("i,jk->ijk", a, np.eye(2)))
    assert found["sum"][0][0].tolist() == [1.0, 1.0, 1.0]
    assert found["sum"][0][1].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found["sum"][1][1], np.diag(2 * b))
    value, aux = make(lambda x: (x**2, "aux"), has_aux=True)(X)
    np.testing.assert_allclose(value, np.diag(2 * X))
    assert aux == "aux"


@pytest.mark.parametrize("make", [func.jacrev, func.jacfwd])
@pytest.mark.parametrize("outer", [func.jacrev, func.jacfwd])
def test_second_derivatives_agree_whichever_way(make, outer):
    np.testing.assert_allclose(outer(make(wave))(X), np.diag(wave_bend(X)), atol=1e-12)
    np.testing.assert_allclose(func.hessian(wave)(X), np.diag(wave_bend(X)), atol=1e-12)


def test_vjp_and_jvp_are_transposes():
    rng = np.random.default_rng(0)
    a, b, u, v = (rng.normal(size=n) for n in (3, 2, 3, 2))
    outputs, pull = func.vjp(many, a, b)
    weights = map_leaves(lambda out: rng.normal(size=np.shape(out)), outputs)
    same, moved = func.jvp(many, (a, b), (u, v))
    da, db = pull(weights)
    product = sum(np.sum(w * m) for w, m in zip(flatten(weights)[0], flatten(moved)[0], strict=True))
    assert product == pytest.approx(da @ u + db @ v, rel=1e-12)
    assert same["sum"][0] == outputs["sum"][0]
    again = pull(weights)
    np.testing.assert_array_equal(again[0], da)
    _, push = func.linearize(many, a, b)
    np.testing.assert_allclose(push(u, v)["outer"], moved["outer"])
    np.testing.assert_allclose(push(2 * u, 2 * v)["outer"], 2 * moved["outer"])


def test_hessian_vector_products():
    value, product = func.hvp(wave, X, np.ones(3))
    assert value == pytest.approx(wave(X))
    np.testing.assert_allclose(product, wave_bend(X), rtol=1e-12)
    a, b = autograd.tensor([1.0, 2.0]), autograd.tensor([3.0, 4.0])
    _, (pa, pb) = func.vhp(lambda a, b: (a**2 * b).sum(), (a, b), (autograd.ones(2), autograd.zeros(2)))
    assert pa.tolist() == [6.0, 8.0]
    assert pb.tolist() == [2.0, 4.0]
    third = func.grad(lambda x: func.hvp(wave, x, np.ones(3))[1].sum())(X)
    np.testing.assert_allclose(third, -3 * np.sin(X) - X * np.cos(X), rtol=1e-12)


def test_empty_arrays_have_empty_jacobians():
    assert func.jacrev(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)
    assert func.jacfwd(lambda x: x[:, None] * x)(np.zeros(0)).shape == (0, 0, 0)
    assert func.jacrev(lambda x: x[:0])(X).shape == (0, 3)


def test_complex_gradients_are_pytorchs_of_tensors_and_conjugates_of_arrays():
    z = 1 + 2j
    assert func.grad(lambda z: z.abs() ** 2)(autograd.tensor(z, dtype=autograd.complex128)).item() == 2 * z
    assert func.grad(lambda z: np.abs(z) ** 2)(z) == pytest.approx(2 * z.conjugate())
    _, pull = func.vjp(lambda z: z**3, z)
    assert pull(1.0 + 0j)[0] == pytest.approx(3 * z**2)
    assert func.jvp(lambda z: z**3, (z,), (1j,))[1] == pytest.approx(3j * z**2)


# ---- the top level, modules ------------------------------------------------------------------------------------------


def test_autograd_grad_of_a_function_is_the_functional_form():
    np.testing.assert_allclose(autograd.grad(wave)(X), wave_slope(X))
    assert autograd.grad(lambda a, b: a * b, 1)(2.0, 3.0) == 2.0
    assert autograd.grad(lambda a, b: a * b, argnum=(0, 1))(2.0, 3.0) == (3.0, 2.0)
    assert autograd.grad(wave).__name__ == "grad_of_wave"


def test_modules_are_functions_of_their_parameters():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = autograd.randn(5, 2)
    params = {name: p.detach() for name, p in model.named_parameters()}
    gradient = func.grad(lambda p: func.functional_call(model, p, x).sum())(params)
    model(x).sum().backward()
    for name, p in model.named_parameters():
        np.testing.assert_allclose(gradient[name].numpy(), p.grad.numpy(), rtol=1e-6)
    halves = dict(list(params.items())[:2]), dict(list(params.items())[2:])
    assert func.functional_call(model, halves, (x,)).tolist() == model(x).tolist()
    with pytest.raises(ValueError, match="stand in more than one dict"):
        func.functional_call(model, (params, params), x)
    with pytest.raises(autograd.StateDictError, match=r"unknown paths \['no'\]"):
        func.functional_call(model, {"no": x}, x)
    with pytest.raises(TypeError, match=r"a Tensor for '0.weight', got float 3\.0"):
        func.functional_call(model, {"0.weight": 3.0}, x)


def test_tied_parameters_are_replaced_in_all_places():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    one, two = autograd.eye(2), 2 * autograd.eye(2)
    x = autograd.ones(1, 2)
    for given in ({"0.weight": two}, {"1.weight": two}, {"0.weight": two, "1.weight": two}):
        assert func.functional_call(model, given, x).tolist() == [[4.0, 4.0]]
    both = {"0.weight": one, "1.weight": two}
    assert func.functional_call(model, both, x, tie_weights=False).tolist() == [[2.0, 2.0]]
    with pytest.raises(ValueError, match=r"'0\.weight' and '1.weight' are one parameter of Sequential"):
        func.functional_call(model, both, x)


def test_strict_is_content_with_one_path_of_tied_parameters():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    given, x = {"0.weight": 2 * autograd.eye(2)}, autograd.ones(1, 2)
    assert func.functional_call(model, given, x, strict=True).tolist() == [[4.0, 4.0]]
    with pytest.raises(autograd.StateDictError, match=r"missing paths \['1.weight'\]"):
        func.functional_call(model, given, x, strict=True, tie_weights=False)


class Decayed(nn.Module):
    """A layer that adds the squares of all its parameters to its result, and says what it sees of its state."""

    def __init__(self):
        self.layer = nn.Linear(2, 2, bias=False)
        self.register_buffer("shift", autograd.zeros(2))
        self.seen = None

    def forward(self, x=None):
        x = autograd.ones(1, 2) if x is None else x
        self.seen = {**dict(self.named_parameters()), **dict(self.named_buffers())}, list(self.state_dict())
        out = func.functional_call(self.layer, {"weight": 2 * self.layer.weight}, (x,)) + self.shift
        return out + sum((p**2).sum() for p in self.parameters())


def test_what_a_functional_call_is_given_counts_as_parameters_and_buffers_inside():
    model = Decayed()
    before = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    given = {"layer.weight": autograd.eye(2), "shift": autograd.ones(2)}
    assert func.functional_call(model, given).tolist() == [[5.0, 5.0]]
    seen, names = model.seen
    assert all(seen[name] is tensor for name, tensor in given.items())
    assert sorted(names) == sorted(before)
    assert all(tensor is before[name] for name, tensor in (*model.named_parameters(), *model.named_buffers()))
    assert "_stand_for" not in model.__dict__
    slope = func.grad(lambda w: func.functional_call(model, {"layer.weight": w}).sum())(autograd.eye(2))
    assert slope.tolist() == [[6.0, 2.0], [2.0, 6.0]]


def test_places_without_a_tensor_take_one_and_tensors_can_be_left_out():
    layer, x = nn.Linear(2, 2, bias=False), autograd.ones(1, 2)
    weight = {"weight": autograd.eye(2)}
    assert func.functional_call(layer, {**weight, "bias": autograd.ones(2)}, x).tolist() == [[2.0, 2.0]]
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    layer = nn.Linear(2, 2)
    assert func.functional_call(layer, {**weight, "bias": None}, x).tolist() == [[1.0, 1.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_states_of_models_are_stacked():
    models = [nn.BatchNorm1d(3) for _ in range(4)]
    params, buffers = func.stack_module_state(models)
    assert params["weight"].shape == (4, 3)
    assert params["weight"].is_leaf
    assert params["weight"].requires_grad
    assert buffers["running_mean"].shape == (4, 3)
    x = autograd.randn(4, 5, 3)
    found = func.vmap(lambda params, buffers, x: func.functional_call(models[0], (params, buffers), x))(
        params, buffers, x
    )
    expected = [model(rows) for model, rows in zip(models, x, strict=True)]
    assert autograd.allclose(found, autograd.stack(expected))
    assert autograd.equal(buffers["running_var"], autograd.stack([model.running_var for model in models]))
    assert buffers["num_batches_tracked"].tolist() == [1, 1, 1, 1]
    with pytest.raises(autograd.GradientError, match="at least one"):
        func.stack_module_state([])
    with pytest.raises(autograd.GradientError, match="one class"):
        func.stack_module_state([nn.ReLU(), nn.Tanh()])
    with pytest.raises(autograd.GradientError, match="differ in names or shapes"):
        func.stack_module_state([nn.Linear(1, 2), nn.Linear(2, 2)])
    with pytest.raises(autograd.GradientError, match="in what requires grad"):
        func.stack_module_state([nn.Linear(1, 2), nn.Linear(1, 2).requires_grad_(False)])


def test_batch_norms_without_running_statistics_can_be_mapped():
    norm, lazy, other = nn.BatchNorm1d(2), nn.LazyBatchNorm1d(), nn.InstanceNorm1d(2, track_running_stats=True)
    model = nn.Sequential(norm, nn.Sequential(lazy, other))
    assert func.replace_all_batch_norm_modules_(model) is model
    assert [name for name, _ in model.named_buffers()] == [
        "1.1.running_mean", "1.1.running_var", "1.1.num_batches_tracked",
    ]  # fmt: skip
    parameters, x = dict(norm.named_parameters()), autograd.randn(5, 4, 2)
    for mode in (True, False):
        model.train(mode)
        mapped = func.vmap(lambda rows: func.functional_call(norm, parameters, rows))(x)
        each = autograd.stack([lazy(rows) for rows in x])
        assert np.allclose(mapped.tolist(), each.tolist(), atol=1e-6)
        assert np.allclose(mapped.mean(1).tolist(), 0, atol=1e-6)
    with pytest.raises(TypeError, match="expected a Module, got list"):
        func.replace_all_batch_norm_modules_([norm])


# ---- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: func.grad(np.sin)(X), autograd.GradientError, r"to return one number, got shape \(3,\)"),
        (lambda: func.grad(lambda x: (x, x))(1.0), autograd.GradientError, "got tuple; .* has_aux=True"),
        (lambda: func.grad(lambda x: "no")(1.0), autograd.GradientError, "to return Tensors, arrays or numbers"),
        *[
            (lambda t=t: t(lambda x: None)(1.0), autograd.GradientError, "got NoneType: does it lack a return")
            for t in (func.grad, func.jacrev, func.jacfwd, func.hessian, func.elementwise_grad)
        ],
        (lambda: func.vjp(lambda x: None, 1.0), autograd.GradientError, "got NoneType: does it lack"),
        (lambda: func.jvp(lambda x: None, (1.0,), (1.0,)), autograd.GradientError, "got NoneType: does it lack"),
        (lambda: func.linearize(lambda x: None, 1.0), autograd.GradientError, "got NoneType: does it lack"),
        (lambda: func.hessian(wave)(3), autograd.DtypeError, "^hessian: .* to differentiate wave with respect to"),
        (lambda: func.hessian(wave, 1)(X), autograd.GradientError, "^hessian: argument number 1 of wave"),
        (lambda: func.grad(lambda x: x * 1j)(1.0), autograd.GradientError, "a real number, got complex128"),
        (lambda: func.grad(wave, has_aux=True)(X), autograd.GradientError, r"must return a pair \(output, aux\)"),
        (lambda: func.grad(wave)(3), autograd.DtypeError, r"got int 3; write 3\.0"),
        (lambda: func.grad(wave)(np.arange(3)), autograd.DtypeError, "with respect to an array of int64"),
        (lambda: func.grad(wave)("text"), autograd.DtypeError, "got str 'text'"),
        (
            lambda: func.grad(wave)(None),
            autograd.GradientError,
            "nothing to differentiate wave with respect to: got None",
        ),
        (lambda: func.grad(wave, 1)(X), autograd.GradientError, "argument number 1 of wave"),
        (lambda: func.grad(wave, (0, 0))(X), autograd.GradientError, "different argument numbers"),
        (lambda: func.grad(wave, "x")(X), TypeError, "argnums is the number of an argument"),
        (lambda: func.vjp(np.sin, X)[1](np.ones(2)), autograd.ShapeError, r"\(3,\), got \(2,\)"),
        (lambda: func.vjp(lambda x: (x, x), X)[1](X), autograd.GradientError, r"outputs, \(\*, \*\), got \*"),
        (lambda: func.jvp(np.sin, X, X), TypeError, r"primals to be the tuple of arguments, got ndarray"),
        (lambda: func.jvp(np.sin, (X,), (X, X)), autograd.GradientError, r"primals, \(\*,\), got \(\*, \*\)"),
        (lambda: func.jvp(lambda x: 1.0, (X,), (X,), strict=True), autograd.GradientError, "strict=True"),
        (lambda: func.jacrev(lambda x: x * 1j)(X), autograd.DtypeError, "more than one meaning"),
        (lambda: func.jacrev(np.sin, chunk_size=0), ValueError, "chunk_size is a number of rows"),
        (lambda: func.jacfwd(np.sin, randomness="some"), ValueError, "randomness is"),
        (lambda: func.hvp(wave, X), autograd.GradientError, "v may be left out only where"),
    ],
)
def test_errors_say_what_came_and_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- what outlives a transform ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.exp, np.sin, lambda x: x, lambda x: x[::-1], lambda x: (np.exp(x), x)])
def test_writing_into_arrays_does_not_change_a_vjp_or_a_linearization(f):
    x = X.copy()
    outputs, pull = func.vjp(f, x)
    linear, push = func.linearize(f, x)
    weights = map_leaves(np.ones_like, outputs)
    before = pull(weights)[0].copy(), map_leaves(np.copy, push(X))
    for array in (x, *flatten(outputs)[0], *flatten(linear)[0], *flatten(pull(weights))[0], *flatten(push(X))[0]):
        array[...] = 99.0
    np.testing.assert_array_equal(pull(weights)[0], before[0])
    map_leaves(np.testing.assert_array_equal, push(X), before[1])


@pytest.mark.parametrize(("f", "changed"), [(np.sin, 0), (np.exp, 1)])
def test_writing_into_tensors_is_noticed(f, changed):
    x = autograd.tensor(X)
    y, pull = func.vjp(f, x)
    (x, y)[changed].mul_(2)
    with pytest.raises(autograd.MutationError, match="overwritten in place"):
        pull(autograd.ones(3))


@pytest.mark.parametrize("kind", [np.asarray, autograd.tensor], ids=["arrays", "tensors"])
@pytest.mark.parametrize(
    "inner",
    [
        lambda x, v: func.jvp(wave, (v,), (x,))[1],
        lambda x, v: func.linearize(wave, v)[1](x),
        lambda x, v: func.hvp(wave, v, x)[1].sum(),
        lambda x, v: func.vjp(np.sin, v)[1](x)[0].sum(),
    ],
    ids=["jvp", "linearize", "hvp", "vjp"],
)
@pytest.mark.parametrize("outer", [func.grad, func.jacrev, func.jacfwd])
def test_what_is_differentiated_by_a_direction_has_no_graph_left(inner, outer, kind):
    x, v = kind(X), kind(2 * X)
    found = outer(lambda x: inner(x, v))(x)
    assert type(found) is type(x)
    assert not getattr(found, "requires_grad", False)
    along = [inner(kind(unit), v) for unit in np.eye(3)]
    np.testing.assert_allclose(np.asarray(found), np.array([float(slope) for slope in along]), rtol=1e-12)


WRITES = {
    "all": lambda kept, x: kept.copy_(x * 2),
    "a sum": lambda kept, x: kept.add_(x),
    "a part": lambda kept, x: kept[:2].copy_(x[:2]),
    "an item": lambda kept, x: kept.__setitem__(1, x.sum()),
}
CALLS = {
    "grad": lambda f, x: func.grad(f)(x),
    "vjp": lambda f, x: func.vjp(f, x)[1](None)[0],
    "jacrev": lambda f, x: func.jacrev(f)(x),
    "jacfwd": lambda f, x: func.jacfwd(f)(x),
    "jvp": lambda f, x: np.stack([np.asarray(func.jvp(f, (x,), (unit,))[1]) for unit in np.eye(3)]),
    "linearize": lambda f, x: np.stack([np.asarray(func.linearize(f, x)[1](unit)) for unit in np.eye(3)]),
}


@pytest.mark.parametrize("kind", [np.asarray, autograd.tensor], ids=["array", "tensor"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_captured_tensor_keeps_what_was_written_into_it_and_no_graph(write, call, kind):
    kept = autograd.ones(3, dtype="float64")
    part = kept[1:]

    def f(x):
        with autograd.no_grad():
            kept.fill_(1)
        write(kept, autograd.tensor(x) if isinstance(x, np.ndarray) else x)
        return (kept * x).sum()

    expected = autograd.ones(3, dtype="float64")
    leaf = autograd.tensor(X, requires_grad=True)
    write(expected, leaf)
    (expected * leaf).sum().backward()
    np.testing.assert_allclose(np.asarray(call(f, kind(X))), leaf.grad, rtol=1e-12)
    np.testing.assert_array_equal(kept.numpy(), expected.detach())
    assert kept.grad_fn is part.grad_fn is None
    assert not (part * 2).requires_grad


def test_a_captured_tensor_that_is_returned_has_its_derivative():
    kept = autograd.zeros(3, dtype="float64")

    def f(x):
        kept.copy_(x**2)
        return kept, {"part": kept[1:], "kept": kept}

    jacobian, _ = func.jacrev(f, has_aux=True)(autograd.tensor(X))
    np.testing.assert_array_equal(jacobian, np.diag(2 * X))
    assert not kept.requires_grad
    y, pull = func.vjp(lambda x: f(x)[1], autograd.tensor(X))
    ones = {"part": autograd.ones(2), "kept": autograd.ones(3)}
    np.testing.assert_array_equal(pull(ones)[0], 2 * X * [1, 2, 2])
    assert [t.requires_grad for t in (kept, y["kept"], y["part"])] == [False] * 3


def test_a_captured_tensor_through_which_something_else_can_be_differentiated_keeps_its_graph():
    weight = autograd.tensor(X, requires_grad=True)
    kept = weight * 2

    def f(x):
        kept.mul_(x)
        return kept.sum()

    np.testing.assert_array_equal(func.grad(f)(autograd.tensor(X)).detach(), 2 * X)
    kept.sum().backward()
    np.testing.assert_array_equal(weight.grad, 2 * X)

    def outer(x):
        noted = autograd.zeros(3, dtype="float64")

        def inner(y):
            noted.copy_(x * y**2)
            return noted.sum()

        return func.grad(inner)(x).sum() + noted.sum()  # 2 x^2 and x^3

    np.testing.assert_array_equal(func.grad(outer)(autograd.tensor(X)), 4 * X + 3 * X**2)


def test_an_exception_leaves_nothing_behind():
    def fails(x):
        raise KeyError("inside")

    for transform in (func.grad, func.jacrev, func.jacfwd, func.hessian, func.value_and_grad):
        with autograd.no_grad():
            with pytest.raises(KeyError, match="inside"):
                transform(fails)(X)
            assert not autograd.is_grad_enabled()
        with pytest.raises(KeyError, match="inside"):
            transform(lambda x, transform=transform: transform(fails)(x).sum())(X)
        assert autograd.is_grad_enabled()


def test_graphs_go_with_their_functions():
    alive = []

    def f(x):
        y = np.exp(x)
        alive.append(weakref.ref(y._data))
        return (np.sin(y) * y).sum()

    gc.collect()
    gc.disable()
    try:
        _, pull = func.vjp(f, X)
        assert alive[0]() is not None
        del pull
        for call in (func.grad(f), func.hessian(f), func.jacfwd(f), lambda x: func.hvp(f, x, x)):
            call(X)
        assert [ref() for ref in alive] == [None] * len(alive)
        assert gc.collect() == 0
    finally:
        gc.enable()


# ---- SciPy -----------------------------------------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("L-BFGS-B", {"jac": func.grad(rosenbrock)}),
        ("BFGS", {"jac": lambda x: numerical.gradient(rosenbrock, x)}),
        ("Newton-CG", {"jac": func.grad(rosenbrock), "hessp": lambda x, v: func.hvp(rosenbrock, x, v)[1]}),
        ("trust-ncg", {"jac": func.grad(rosenbrock), "hessp": lambda x, v: func.vhp(rosenbrock, x, v)[1]}),
        ("trust-exact", {"jac": func.grad(rosenbrock), "hess": func.hessian(rosenbrock)}),
        ("trust-exact", {"jac": func.grad(rosenbrock), "hess": lambda x: numerical.jacobian(func.grad(rosenbrock), x)}),
        (
            "SLSQP",
            {
                "jac": func.grad(rosenbrock),
                "constraints": {"type": "eq", "fun": lambda x: x.sum() - 4, "jac": func.grad(lambda x: x.sum() - 4)},
            },
        ),
    ],
)
def test_derivatives_for_scipys_minimize(method, more):
    found = optimize.minimize(rosenbrock, np.zeros(4), method=method, **more)
    np.testing.assert_allclose(found.x, 1, atol=1e-3)
    both = optimize.minimize(func.value_and_grad(rosenbrock), np.zeros(4), jac=True, method="BFGS")
    np.testing.assert_allclose(both.x, 1, atol=1e-4)


def test_jacobians_for_scipys_roots_and_least_squares():
    def residuals(x):
        return np.stack([x[0] ** 2 + x[1] - 3, x[0] - x[1] ** 2 + 1])

    root = optimize.root(residuals, [1.5, 1.0], jac=func.jacrev(residuals)).x
    np.testing.assert_allclose(residuals(root), 0, atol=1e-9)
    np.testing.assert_allclose(optimize.least_squares(residuals, [1.5, 1.0], func.jacfwd(residuals)).x, root, atol=1e-6)


@pytest.mark.parametrize(
    "nested",
    [
        lambda f, x, y: func.jvp(func.grad(f, (0, 1)), (x, y), (x, y)),
        lambda f, x, y: func.jacrev(func.grad(f, (0, 1)), (0, 1))(x, y),
        lambda f, x, y: func.hessian(f, (0, 1))(x, y),
        lambda f, x, y: func.linearize(func.grad(f, (0, 1)), x, y)[1](x, y),
        lambda f, x, y: func.vjp(lambda *args: func.vjp(f, *args)[1](autograd.tensor(1.0)), x, y)[1]((x, y)),
    ],
)
def test_the_zero_gradient_of_an_unused_argument_is_a_constant(nested: Any) -> None:
    found, _ = flatten(nested(lambda x, y: (x**2).sum(), autograd.tensor([1.0, 2.0]), autograd.tensor([3.0])))
    assert [leaf.requires_grad for leaf in found] == [False] * len(found)


@pytest.mark.parametrize("transform", [
    func.grad, func.jacfwd, lambda f: lambda x: func.jvp(f, (x,), (np.ones_like(x),))[1]
], ids=["grad", "jacfwd", "jvp"])  # fmt: skip
def test_what_is_computed_inside_no_grad_is_constant_in_every_mode(transform):
    def function(x):
        with autograd.no_grad():
            y = x * 2.0
        return (x * y).sum()

    with autograd.no_grad():
        assert np.sum(transform(function)(np.array([1.0, 2.0]))) == 6.0


def test_vmap_stands_beside_the_functions():
    assert autograd.vmap is func.vmap
