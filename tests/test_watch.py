"""``autograd.watch``: what it records of a program, that it changes nothing, and how ``graph`` shows it."""

from __future__ import annotations

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import Graph, Tensor, graph, no_grad, tensor, watch
from autograd.engine.modes import local, status
from tests.helpers import leaf


def named(picture: Graph, title: str):
    """The box with a title."""
    (box,) = [box for box in picture.boxes if box.title == title]
    return box


def kinds(picture: Graph) -> list[str]:
    return [box.title for box in picture.boxes if box.kind == "op"]


class TestValues:
    def test_micrograd(self):
        a, b = tensor(2.0, requires_grad=True), tensor(-3.0, requires_grad=True)
        with watch():
            out = a * b + 10.0
            out.backward()
        picture = graph(out, {"a": a, "b": b})
        assert named(picture, "a").lines == ("scalar", "value 2", "grad -3")
        assert named(picture, "b").lines == ("scalar", "value -3", "grad 2")
        assert named(picture, "mul").lines == ("value -6", "grad 1")
        assert named(picture, "add").lines == ("y = 10", "value 4", "grad 1")
        assert named(picture, "output").lines == ("value 4", "grad 1")

    def test_large_arrays_are_summed_up(self):
        x = Tensor(np.linspace(-1.0, 3.0, 100, dtype=np.float32), requires_grad=True)
        with watch():
            (x * 2.0).sum().backward()
        out = None
        with watch():
            out = (x * 2.0).sum()
        value = named(graph(out, {"x": x}), "x").value
        assert value.text == "mean 1, -1 to 3"
        assert (value.shape, value.dtype, value.low, value.high, value.bad) == ("100", "float32", -1.0, 3.0, 0)
        assert sum(value.histogram) == 100
        assert len(value.histogram) == 16
        assert value.norm == pytest.approx(float(np.linalg.norm(x.detach().numpy())))

    @pytest.mark.parametrize(
        ("array", "text"),
        [
            (np.float32(0.1), "0.1"),
            (np.array([1.0, -2.5]), "[1, -2.5]"),
            (np.array([[1.0], [2.0]]), "[[1], [2]]"),
            (np.array([[[1.0, 2.0]]]), "1, 2 (flat)"),
            (np.array([np.nan, np.inf]), "[nan, inf]"),
            (np.array([True, False]), "[True, False]"),
            (np.array([1 + 2j]), "[1+2j]"),
            (np.empty((0, 3)), "no elements"),
            (np.full(9, 2.0), "all 2"),
            (np.full(9, np.nan), "all 9 NaN"),
            (np.array([np.inf] * 9), "all 9 NaN or infinite"),
            (np.array([1.0] * 8 + [np.nan]), "all 1, 1 NaN or infinite"),
            (np.arange(9) % 2 == 0, "56% true"),
            (np.array([1.0, -1.0] * 5), "mean 0, -1 to 1"),
            (np.array([3 + 4j] * 9), "all |z| 5"),
            (np.array([1e308, -1e308] * 5), "mean 0, -1e+308 to 1e+308"),
            (np.arange(9, dtype=np.float16), "mean 4, 0 to 8"),
        ],
    )
    def test_texts(self, array, text):
        value = autograd.draw.values.summarise(array)
        assert value.text == text
        assert sum(value.histogram) in (0, np.size(array) - value.bad)

    def test_dtypes_from_elsewhere(self):
        value = autograd.draw.values.summarise(np.ones(2, ml_dtypes.bfloat16))
        assert (value.text, value.dtype) == ("[1, 1]", "bfloat16")

    def test_what_is_no_number_has_no_values(self):
        assert autograd.draw.values.summarise(np.array(["a"])) is None

    def test_values_of_then_and_gradients_of_this_backward(self):
        w = leaf(1.0, 2.0)
        with watch():
            loss = (w * w).sum()
            loss.backward()
        with no_grad():
            w.mul_(100.0)
        w.grad = None
        box = named(graph(loss, {"w": w}), "w")
        assert (box.value.text, box.gradient.text) == ("[1, 2]", "[2, 4]")

    def test_a_leaf_in_another_graph_shows_nothing_of_this_one(self):
        w = leaf(1.0, 2.0)
        with watch():
            (w * w).sum().backward()
        box = named(graph((w * 3.0).sum(), {"w": w}), "w")
        assert box.value is box.gradient is None

    def test_small_pictures_only(self):
        x = leaf(1.0)
        with watch():
            out = x
            for _ in range(100):
                out = out.tanh()
        assert not any("value" in line for box in graph(out).boxes for line in box.lines)
        assert all(box.value is not None for box in graph(out).boxes)
        assert any("value" in line for box in graph(out, values=True).boxes for line in box.lines)

    def test_without_values(self):
        x = leaf(1.0)
        with watch(values=False):
            out = x * x
            out.backward()
        picture = graph(out)
        assert all(box.value is box.gradient is None for box in picture.boxes)
        assert dict(named(picture, "mul").facts)["line"].startswith("test_watch.py:")

    def test_several_outputs(self):
        cell, x = nn.LSTMCell(2, 3), tensor([[1.0, 2.0]])
        with watch(cell):
            h, c = cell(x)
            (h.sum() + c.sum()).backward()
        lines = named(graph(h.sum() + c.sum()), "lstm").lines
        assert any(line.startswith("value h [[") for line in lines)
        assert any(line.startswith("grad c [[") for line in lines)

    def test_complex_gradients_are_the_users(self):
        z = tensor([1.0 + 2.0j], requires_grad=True)
        with watch():
            out = (z * z.conj()).real.sum()
            out.backward()
        assert z.grad.tolist() == [2 + 4j]
        assert named(graph(out, {"z": z}), "z").gradient.text == "[2+4j]"


class TestWithoutARecord:
    def test_what_is_known_is_shown_if_asked_for(self):
        x = leaf(1.0, 2.0, dtype="float32")
        out = (x * x).tanh().sum()
        picture = graph(out, {"x": x}, values=True)
        assert named(picture, "x").lines == ("2", "value [1, 2]")
        assert named(picture, "tanh").lines == ("value [0.7616, 0.9993]",)
        assert named(picture, "mul").value is None
        assert named(picture, "output").lines == ("value 1.761",)
        out.backward()
        assert "grad [" in named(graph(out, {"x": x}, gradients=True), "x").lines[1]

    def test_nothing_unasked(self):
        x = leaf(1.0, 2.0)
        out = (x * x).sum()
        out.backward()
        assert all(box.value is box.gradient is None for box in graph(out, {"x": x}).boxes)

    def test_a_retained_gradient(self):
        x = leaf(1.0, 2.0)
        h = x * 3.0
        h.retain_grad()
        (h * h).sum().backward()
        picture = graph((h * h).sum(), {"h": h}, values=True, gradients=True)
        assert named(picture, "h = mul").lines == ("value [3, 6]", "grad [6, 12]")


class TestSteps:
    def test_forward_then_backward(self):
        x = leaf(2.0)
        with watch():
            out = (x * x).exp().sum()
            out.backward()
        picture = graph(out, {"x": x})
        steps = {box.title: (box.forward, box.backward) for box in picture.boxes}
        assert steps == {"x": (0, 4), "mul": (1, 3), "exp": (2, 2), "sum": (3, 1), "output": (4, 0)}

    def test_a_leaf_is_complete_at_its_last_contribution(self):
        x = leaf(2.0)
        with watch():
            a = x * 2.0
            out = a + x
            out.backward()
        picture = graph(out, {"x": x})
        assert named(picture, "x").backward == max(box.backward for box in picture.boxes)
        assert named(picture, "x").gradient.text == "[3]"

    def test_nothing_backward_without_backward(self):
        with watch():
            out = leaf(1.0) * 2.0
        assert all(box.backward is None and box.gradient is None for box in graph(out).boxes)


class TestFacts:
    def test_lines_saved_bytes_and_times(self):
        x = leaf(1.0, 2.0, dtype="float32")
        with watch():
            out = x.tanh().sum()
            out.backward()
        facts = dict(named(graph(out, time=True), "tanh").facts)
        assert facts["saved"] == "8 bytes"
        assert facts["line"].endswith("in test_lines_saved_bytes_and_times")
        assert "/" not in facts["line"]
        assert {"time", "backward"} < facts.keys()
        lines = named(graph(out, time=True, saved=True), "tanh").lines
        assert "saves 8 bytes" in lines
        assert any(", backward " in line for line in lines)
        assert "time" not in dict(named(graph(out), "tanh").facts)

    def test_arguments_are_known_after_backward(self):
        x = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
        with watch():
            out = (x * 2.5).sum(1)[0]
            out.backward()
        assert named(graph(out, values=False, gradients=False), "mul").lines == ("y = 2.5",)

    def test_heat(self):
        x = leaf(1.0, 2.0)
        with watch():
            out = (x * 100.0).tanh().sum()
            out.backward()
        picture = graph(out, {"x": x}, heat="gradient")
        assert {box.heat for box in picture.boxes} >= {0.0, 1.0}
        assert picture.caption.startswith("colour: norm of the gradient")
        assert "#FFF7EC" in picture.dot
        assert "colour: time" in graph(out, heat="time").caption
        assert graph(out).caption == ""

    def test_heat_of_several_outputs(self):
        x = leaf(3.0, 1.0, 2.0)
        with watch():
            values, _ = (x * 2.0).sort()
            whole, part = values.split([2, 1])
            (whole * 3.0).sum().backward()
        heat = {box.title: box.heat for box in graph(whole + part, heat="gradient").boxes}
        assert heat["sort"] == heat["mul"] is not None

    def test_a_gradient_that_is_nan_is_not_drawn_as_a_small_one(self):
        x, y = leaf(-1.0, 4.0), leaf(2.0, 2.0)
        with watch(), np.errstate(invalid="ignore"):
            loss = (x.sqrt() * y).sum()
            loss.backward()
        picture = graph(loss, {"x": x, "y": y}, heat="gradient")
        heat = {box.title: box.heat for box in picture.boxes}
        assert heat["x"] is heat["y"] is None
        assert heat["sum"] is not None
        alone = leaf(2.0)
        with watch():
            loss = alone * 1.0
            loss.backward(tensor([1.0], dtype=autograd.float64))
        assert graph(loss, heat="gradient").caption == "colour: norm of the gradient, 1 (dark)"

    def test_no_heat_of_nothing(self):
        assert graph(leaf(1.0) * 2.0, heat="gradient").caption == ""

    def test_a_nan_is_red_where_it_was_born(self):
        x = leaf(-1.0, 1.0)
        with watch(), np.errstate(all="ignore"):
            out = (x.log() * 2.0).sum()
        picture = graph(out)
        assert [box.title for box in picture.boxes if "nan" in box.marks] == ["log"]
        assert any(line == "NaN born in forward" for line in named(picture, "log").lines)
        assert any(line.startswith("test_watch.py:") for line in named(picture, "log").lines)
        assert "#C4001A" in picture.dot

    def test_born_in_backward(self):
        x = leaf(0.0)
        with watch():
            out = (x * 1.0).sqrt().sum()
            out.backward()
        assert "inf born in backward" in named(graph(out), "sqrt").lines


class TestCuts:
    @pytest.mark.parametrize(
        ("cut", "title", "line"),
        [
            (lambda h: h.detach(), "detach", "no gradient passes"),
            (lambda h: h.argmax(), "argmax", "integers have no gradient"),
            (lambda h: no_grad()(lambda: h.exp())(), "exp", "under no_grad"),
            (lambda h: h > 0.0, "gt", "integers have no gradient"),
        ],
    )
    def test_marked(self, cut, title, line):
        x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
        with watch():
            h = x.tanh() * 2.0
            out = (y * cut(h)).sum() + h.sum()
            out.backward()
        picture = graph(out, {"x": x, "y": y})
        box = named(picture, title)
        assert box.marks == ("cut",)
        assert line in box.lines
        (arrow,) = [arrow for arrow in picture.arrows if arrow.head == box.id]
        assert arrow.label == "no gradient"
        assert {b.id: b.title for b in picture.boxes}[arrow.tail] == "mul"
        assert "dotted" in picture.dot

    def test_detached_beside_itself(self):
        x = leaf(1.0, 2.0)
        with watch():
            h = x.tanh()
            out = (h * h.detach()).sum()
        picture = graph(out)
        assert named(picture, "detach").marks == ("cut",)
        assert sum(arrow.head == named(picture, "mul").id for arrow in picture.arrows) == 2

    def test_in_a_list(self):
        x, y = leaf(1.0, 2.0), leaf(3.0)
        with watch():
            h = x.tanh()
            out = autograd.cat([h.detach(), y, h, tensor([1.0])]).sum()
        picture = graph(out)
        assert named(picture, "detach").marks == ("cut",)
        assert named(picture, "constant").value.text == "[1]"
        assert sum(arrow.head == named(picture, "cat").id for arrow in picture.arrows) == 4

    def test_of_what_is_not_drawn(self):
        x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
        with watch():
            out = (y * x.tanh().detach()).sum()
        assert named(graph(out, {"y": y}), "detach").marks == ("cut",)

    def test_data_are_not_cut(self):
        y = leaf(3.0, 4.0)
        with watch():
            out = (y * (tensor([1.0, 2.0]) / 255.0)).sum()
        assert not any(box.marks for box in graph(out).boxes)


class TestModules:
    def test_groups_are_calls(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        x = tensor([[1.0, 2.0]])
        with watch(model):
            loss = model(x).sum()
        picture = graph(loss, model)
        assert [(group.path, group.kind) for group in picture.groups] == [
            ("", "Sequential"), ("0", "Linear"), ("1", "ReLU"), ("2", "Linear"),
        ]  # fmt: skip
        groups = {group.id: group.path for group in picture.groups}
        assert [groups[id] for id in named(picture, "0.weight").group] == ["", "0"]
        assert [groups[id] for id in named(picture, "relu").group] == ["", "1"]
        assert named(picture, "sum").group == named(picture, "constant").group == ()

    def test_a_module_called_twice(self):
        layer = nn.Linear(2, 2)
        with watch(layer):
            out = layer(layer(tensor([[1.0, 2.0]]))).sum()
        picture = graph(out, layer)
        assert [dict(group.facts).get("call") for group in picture.groups] == [None, "2"]
        assert named(picture, "weight").group == ()
        assert "(call 2)" in picture.dot

    def test_an_input_that_is_a_leaf_stands_outside(self):
        layer, x = nn.Linear(2, 2), Tensor(np.ones((1, 2), np.float32), requires_grad=True)
        with watch(layer):
            out = layer(x).sum()
        assert named(graph(out, layer), "input").group == ()

    def test_masks_stand_inside(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
        with watch(model):
            out = model(tensor([[1.0, 2.0]])).sum()
        picture = graph(out, model)
        assert sorted(len(box.group) for box in picture.boxes if box.kind == "constant") == [0, 2]

    def test_of_a_recorded_backward(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        with watch(model):
            loss = model(tensor([[1.0, 2.0]])).sum()
            (g,) = autograd.grad(loss, [model[0].weight], create_graph=True)
            penalty = (g * g).sum()
        picture = graph(penalty, model)
        backward = {group.id: group.path for group in picture.groups if "backward" in dict(group.facts)}
        assert set(backward.values()) == {"", "0", "1"}
        assert named(picture, "sum").group == ()
        assert "1: Tanh, backward" in picture.dot

    def test_the_model_is_as_before(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        called = []
        handle = model[1].register_forward_hook(lambda *args: called.append(1))
        before = [dict(module.__dict__) for module in model.modules()]
        with pytest.raises(autograd.ShapeError), watch(model):
            model(tensor([[1.0, 2.0, 3.0]]))
        assert [dict(module.__dict__) for module in model.modules()] == before
        model(tensor([[1.0, 2.0]]))
        assert called == [1]
        handle.remove()

    def test_what_has_no_modules(self):
        with pytest.raises(TypeError, match="named_modules"):
            watch(3)


class TestMode:
    def test_it_ends(self):
        with watch():
            assert status.special
        assert not local.observers
        assert (leaf(1.0) * 2.0).grad_fn.note is None

    def test_nested_and_as_a_decorator(self):
        @watch()
        def run() -> Tensor:
            return leaf(1.0) * 2.0

        assert named(graph(run()), "mul").value.text == "[2]"
        x = leaf(1.0)
        with watch():
            h = x * 2.0
            with watch():
                out = h.tanh() * 3.0
                out.sum().backward()
            last = x * 4.0
        picture = graph(out, {"h": h})
        assert named(picture, "tanh").gradient.text == "[3]"
        assert [box.value.text for box in picture.boxes if box.title == "mul"] == ["[2.892]"]
        assert named(graph(last), "mul").value.text == "[4]"

    def test_with_detect_anomaly(self):
        with watch(), autograd.detect_anomaly():
            out = leaf(1.0) * 2.0
        assert named(graph(out), "mul").value.text == "[2]"

    def test_nothing_is_kept_alive(self):
        x = leaf(1.0, 2.0)
        gc.disable()
        try:
            with watch():
                h = x * 2.0
                array = weakref.ref(h.detach().numpy())
                out = h.tanh().sum()
                out.backward()
            del h
            assert array() is None
            leaf_watch = weakref.ref(x)
            del out, x
            assert leaf_watch() is None
        finally:
            gc.enable()

    def test_a_deep_graph(self):
        x = leaf(1.0)
        with watch():
            out = x
            for _ in range(5000):
                out = out + 1.0
            out.backward()
        assert "5,000 ops" in repr(graph(out))
        del out

    def test_gradients_are_the_same(self):
        x = leaf(1.0, 2.0)

        def run() -> list[float]:
            x.grad = None
            h = (x * x).exp()
            F.dropout(h, 0.0).sum().backward()
            return x.grad.tolist()

        plain = run()
        with watch():
            assert run() == plain

    def test_checkpoints_and_in_place_operations(self):
        x = leaf(0.1, 0.2)

        def run() -> Tensor:
            h = x * 2.0
            h[0] = x[1]
            h.mul_(3.0)
            out = autograd.checkpoint(lambda t: t.tanh() * 2.0, h).sum()
            out.backward()
            return out

        run()
        plain, x.grad = x.grad, None
        with watch():
            out = run()
        assert x.grad.tolist() == plain.tolist()
        box = named(graph(out, {"x": x}), "x")
        assert box.gradient == autograd.draw.values.summarise(plain.numpy())

    @pytest.mark.parametrize(
        "transform", [autograd.func.vmap, autograd.func.jacrev, autograd.func.jacfwd, autograd.func.hessian]
    )
    def test_function_transforms(self, transform):
        x, w = leaf(0.5, -2.0, 3.0), leaf(1.0, 2.0, 4.0)

        def run() -> tuple[Tensor, Tensor]:
            w.grad = None
            out = transform(lambda t: ((t * w).tanh() * t).sum())(x)
            out.sum().backward()
            return out, w.grad

        plain = run()
        with watch():
            out, gradient = run()
        assert (out.tolist(), gradient.tolist()) == (plain[0].tolist(), plain[1].tolist())
        assert graph(out.sum(), {"w": w}).counts["leaves"] == 2


def test_an_array_that_is_saved_twice_counts_once():
    x = leaf(1.0, 2.0, dtype="float32")
    with watch():
        square = x * x
    for picture in (graph(square), graph(leaf(1.0, 2.0, dtype="float32").reshape(1, 2).pow(2).sum() + (x * x).sum())):
        assert ("saved", "8 bytes") in {fact for box in picture.boxes for fact in box.facts}
        assert ("saved", "16 bytes") not in {fact for box in picture.boxes if box.title == "mul" for fact in box.facts}
