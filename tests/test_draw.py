"""Pictures of the graph: what they show, that names are data, and that no graph is too large."""

from __future__ import annotations

import os
import shutil
import sys
import weakref
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import Tensor, graph, op, tensor
from autograd.draw import backends
from tests.helpers import run_python

SVG = "{http://www.w3.org/2000/svg}"


def leaf(*shape: int, dtype: type = np.float32) -> Tensor:
    return Tensor(np.ones(shape, dtype), requires_grad=True)


def boxes(picture: autograd.Graph, kind: str) -> list[str]:
    """The text of each box of a kind."""
    return [" / ".join([box.title, *box.lines]) for box in picture.boxes if box.kind == kind]


def links(picture: autograd.Graph) -> set[tuple[str, str, str]]:
    """The arrows, by the titles of their boxes."""
    titles = {box.id: box.title for box in picture.boxes}
    return {(titles[arrow.tail], titles[arrow.head], arrow.label) for arrow in picture.arrows}


def svg_texts(picture: autograd.Graph) -> list[str]:
    svg = picture._repr_svg_()
    return ["".join(text.itertext()).replace("\xa0", " ") for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@op(x=lambda g, weight: g @ weight, weight=lambda g, x: np.swapaxes(g, 0, 1) @ x, bias=lambda g: g)
def layer(x, weight, bias=None):
    """A layer. It is linear."""
    return x @ np.swapaxes(weight, 0, 1) + (0 if bias is None else bias)


@op(x=lambda g_top, g_rest: np.concatenate([g_top, g_rest]), outputs=("top", "rest"))
def halves(x):
    """Two halves."""
    return x[: len(x) // 2], x[len(x) // 2 :]


@op(parts=lambda g, parts: [g for _ in parts], lists=("parts",))
def total(parts):
    """The sum of a list."""
    return np.add.reduce(parts)


class Model:
    def __init__(self) -> None:
        self.parameters = {"fc.weight": leaf(3, 4), "fc.bias": leaf(3), "unused": leaf(2)}

    def named_parameters(self):
        return iter(self.parameters.items())

    def __call__(self, x):
        return layer(x, self.parameters["fc.weight"], self.parameters["fc.bias"]).tanh()


class TestWhatIsShown:
    def test_a_small_expression(self):
        x, y = leaf(3, 4), leaf(4)
        picture = graph((x * y + y).tanh(), {"x": x, "y": y})
        assert boxes(picture, "op") == ["mul", "add", "tanh"]
        assert boxes(picture, "parameter") == ["x / 3 \u00d7 4", "y / 4"]
        assert links(picture) == {
            ("x", "mul", ""),
            ("y", "mul", ""),
            ("y", "add", ""),
            ("mul", "add", "3 \u00d7 4"),
            ("add", "tanh", "3 \u00d7 4"),
            ("tanh", "output", "3 \u00d7 4"),
        }
        assert repr(picture) == "<Graph: 3 ops, 2 leaves, 1 output>"

    def test_the_method_is_the_function(self):
        x = leaf(2)
        out = x * x
        assert out.graph({"x": x}, direction="LR").dot == graph(out, {"x": x}, direction="LR").dot

    def test_a_model_with_its_data(self):
        model, data = Model(), np.ones((5, 4), np.float32)
        picture = graph(model(data), model)
        assert boxes(picture, "parameter") == ["fc.weight / 3 \u00d7 4", "fc.bias / 3"]
        assert boxes(picture, "constant") == ["constant / 5 \u00d7 4"]
        assert ("constant", "layer", "") in links(picture)
        assert picture.unreached == ("unused",)
        assert "not in the graph: 'unused'" in repr(picture)

    def test_params_in_all_forms(self):
        x = leaf(2)
        for params in ({"it": x}, [("it", x)], (pair for pair in [("it", x)])):
            assert boxes(graph(x * x, params), "parameter") == ["it / 2"]

    def test_data_and_results_can_be_named(self):
        x, data = leaf(3), tensor([1.0, 2.0, 3.0])
        hidden = x * data
        picture = graph(hidden.tanh(), {"data": data, "hidden": hidden})
        assert boxes(picture, "constant") == ["data / 3"]
        assert boxes(picture, "op") == ["hidden = mul", "tanh"]
        assert boxes(picture, "input") == ["input / 3"]

    def test_a_tensor_with_two_names(self):
        x = leaf(2)
        assert boxes(graph(x * x, [("a", x), ("b", x)]), "parameter") == ["a = b / 2"]

    def test_unnamed_leaves_and_unknown_dtypes(self):
        assert boxes(graph(leaf(2, dtype=np.float64) * 1.0), "input") == ["leaf / 2, float64"]

    def test_the_dtype_is_shown_where_it_is_not_the_default(self):
        x = leaf(2, dtype=np.float64)
        out = (x * x).to(autograd.float32)
        picture = graph(out, {"x": x})
        assert boxes(picture, "parameter") == ["x / 2, float64"]
        assert [text for text in boxes(picture, "op") if "float32" in text] == [boxes(picture, "op")[-1]]
        assert boxes(picture, "output") == ["output"]
        assert boxes(graph(x * x), "output") == ["output / float64"]

    def test_numbers_and_arguments_stand_in_the_box(self):
        x = leaf(4, 3)
        picture = graph((x * 2.5)[1:, 0], {"x": x})
        assert boxes(picture, "op") == ["mul / y = 2.5", "getitem / index = (1:, 0)"]
        assert not boxes(picture, "constant")
        assert boxes(graph(F.elu(x, 1 / 3)), "op") == ["elu / alpha = 0.333333"]

    @pytest.mark.parametrize(
        ("settings", "line"),
        [
            ({}, ""),
            ({"padding": 1}, " / padding = 1"),
            ({"stride": 2, "dilation": (1, 2)}, " / stride = 2, dilation = (1, 2)"),
            ({"padding": (0, 1)}, " / padding = ((0, 0), (1, 1))"),
        ],
    )
    def test_what_is_the_same_for_every_dimension_is_one_number(self, settings, line):
        picture = graph(F.conv2d(leaf(1, 1, 6, 6), leaf(1, 1, 2, 2), **settings))
        assert boxes(picture, "op") == [f"convolution{line}"]

    def test_an_input_that_was_not_given_is_not_drawn(self):
        x, weight = leaf(5, 4), leaf(3, 4)
        assert not boxes(graph(layer(x, weight)), "constant")

    def test_index_arrays_are_drawn(self):
        picture = graph(leaf(4)[np.array([0, 0, 1])])
        assert boxes(picture, "constant") == ["constant / 3, int64"]

    def test_one_array_is_one_constant(self):
        x, mask = leaf(3), np.ones(3, np.float32)
        picture = graph(x * mask * mask)
        assert boxes(picture, "constant") == ["constant / 3"]
        assert sum(arrow.tail == picture.boxes[1].id for arrow in picture.arrows) == 2

    def test_outputs_of_one_op_are_named_on_its_arrows(self):
        top, rest = halves(leaf(5))
        picture = graph({"a": top * 2.0, "b": rest})
        assert boxes(picture, "op") == ["halves", "mul / y = 2"]
        assert {("halves", "mul", "top: 2"), ("halves", "b", "rest: 3")} < links(picture)

    def test_lists_and_their_constants(self):
        x = leaf(3)
        picture = graph(total([x, np.ones(3, np.float32), x * x]), {"x": x})
        assert boxes(picture, "constant") == ["constant / 3"]
        assert {("x", "total", ""), ("constant", "total", ""), ("mul", "total", "3")} < links(picture)

    def test_parallel_arrows_of_a_list_are_one(self):
        x = leaf()
        picture = graph(total([x] * 1000))
        assert [arrow.label for arrow in picture.arrows] == ["1,000 times", "scalar"]

    def test_several_outputs(self):
        x = leaf(2)
        assert boxes(graph([x * x, x.tanh()]), "output") == ["output 1", "output 2"]
        assert boxes(graph([x * x, tensor([1.0])]), "constant") == ["constant / 1"]

    def test_a_leaf_is_a_graph(self):
        x = leaf(2, 2)
        assert links(graph(x, {"x": x})) == {("x", "output", "")}

    def test_after_backward(self):
        x = leaf(3)
        out = (x * np.ones(3, np.float32))[0]
        out.backward()
        picture = graph(out, {"x": x})
        assert boxes(picture, "parameter") == ["x / 3"]
        assert boxes(picture, "constant") == ["constant"]

    def test_a_recorded_gradient(self):
        x = leaf(3)
        (gradient,) = autograd.grad(x.tanh()[0], [x], create_graph=True)
        picture = gradient.graph({"x": x})
        assert "x / 3" in boxes(picture, "parameter")
        assert "tanh" in boxes(picture, "op")

    def test_in_place_and_views(self):
        x = leaf(3)
        y = x * 2.0
        y[0] = x[1] * 3.0
        z = y[1:]
        z.mul_(2.0)
        picture = graph(y, {"x": x})
        assert len(boxes(picture, "parameter")) == 1
        assert picture.dot

    def test_saved_tensors_under_hooks_are_left_alone(self):
        called = []
        x = leaf(3)
        with autograd.saved_tensors_hooks(lambda t: t, called.append):
            out = x * np.ones(3, np.float32)
        assert boxes(graph(out), "constant") == ["constant"]
        assert not called

    def test_the_picture_keeps_nothing_alive(self):
        x = leaf(3)
        out = x * x
        node = out.grad_fn
        picture = graph(out, {"x": x})
        watch = weakref.ref(x)
        del x, out, node
        assert watch() is None
        assert picture.dot


class TestText:
    def test_it_is_deterministic(self):
        def make() -> str:
            model = Model()
            return graph(model(np.ones((2, 4), np.float32)), model).dot

        assert make() == make()

    def test_it_is_deterministic_across_processes(self):
        program = (
            "from autograd import tensor, graph\n"
            "ws = [tensor([1.0], requires_grad=True) for _ in range(40)]\n"
            "h = ws[0]\n"
            "for _ in range(3):\n"
            "    for w in ws: h = h * w + ws[7]\n"
            "print(graph(h, max_nodes=90).dot)"
        )
        runs = {run_python(program, PYTHONHASHSEED=seed) for seed in ("1", "2")}
        assert len(runs) == 1

    def test_ids_are_counters_in_order(self):
        x = leaf(2)
        picture = graph((x * x).tanh())
        assert [box.id for box in picture.boxes] == ["n0", "n1", "n2", "n3"]
        assert 'label="mul"' in picture.dot

    @pytest.mark.parametrize("direction", ["TB", "LR", "BT", "RL"])
    def test_direction(self, direction):
        assert f'rankdir="{direction}"' in graph(leaf() * 1.0, direction=direction).dot


HOSTILE = [
    "<b>bold</b>",
    "<table>",
    "a:0",
    'say "x"',
    '"',
    "back\\slash",
    "end\\",
    "\\",
    "\\\\",
    "\\N",
    "\\l\\r\\G\\E\\T\\H\\L",
    '\\"',
    "&lt;b&gt;",
    "&amp;",
    "&#60;",
    "AT&T",
    "na\u00efve \u2192 \u65e5\u672c",
    "-->",
    "]]>",
    "{a|b}",
    '"]; evil [label="',
    'charset="latin1"',
    "%s $HOME `id`",
    "x -> y;",
    "// no /* comment */ #",
]


@pytest.mark.usefixtures("graphviz")
class TestNamesAreData:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_name_draws_as_it_is(self, name):
        x = leaf(2)
        assert name in svg_texts(graph(x * 1.0, {name: x}))

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_name_of_an_output_and_of_a_result(self, name):
        x = leaf(2)
        y = x * 1.0
        texts = svg_texts(graph({name: y.tanh()}, {name: y}))
        assert name in texts
        assert f"{name} = mul" in texts

    def test_all_at_once(self):
        leaves = {name: leaf(2) for name in HOSTILE}
        assert set(HOSTILE) < set(svg_texts(graph(total(list(leaves.values())), leaves)))

    @pytest.mark.parametrize(
        ("name", "drawn"),
        [
            ("two\nlines", "two\u21b5lines"),
            ("a\tb", "a\u21e5b"),
            ("nul\0esc\x1b", "nul\ufffdesc\ufffd"),
            ("lone \ud800", "lone \ufffd"),
            ("\ufffe", "\ufffd"),
        ],
    )
    def test_what_cannot_be_printed_has_a_sign(self, name, drawn):
        x = leaf(2)
        assert drawn in svg_texts(graph(x * 1.0, {name: x}))

    def test_a_long_name_is_cut_in_the_middle(self):
        x = leaf(2)
        (text,) = [text for text in svg_texts(graph(x * 1.0, {"a" * 5000 + "z": x})) if "aaa" in text]
        assert len(text) <= 80
        assert "\u2026" in text
        assert text.endswith("az")

    def test_tooltips_draw_backslashes_as_text_too(self):
        svg = graph({"\\N\\G": leaf(2) * 1.0})._repr_svg_()
        tips = [a.get("{http://www.w3.org/1999/xlink}title") for a in ElementTree.fromstring(svg).iter(f"{SVG}a")]
        assert "\u29f5N\u29f5G" in tips

    def test_an_empty_name(self):
        x = leaf(2)
        assert "2" in svg_texts(graph(x * 1.0, {"": x}))


class TestSize:
    def test_the_newest_are_drawn_and_the_others_counted(self):
        x = leaf(2)
        for _ in range(20):
            x = x.tanh()
        picture = graph(x, max_nodes=5)
        assert boxes(picture, "op") == ["tanh"] * 5
        assert boxes(picture, "hidden") == ["\u2026 15 more ops / and 1 input"]
        assert picture.hidden == 15
        assert repr(picture) == "<Graph: 20 ops, 1 leaf, 1 output; 15 ops not drawn>"

    def test_exactly_max_nodes_hides_nothing(self):
        x = leaf(2)
        assert not boxes(graph(x.tanh().tanh(), max_nodes=3), "hidden")
        assert boxes(graph(x.tanh().tanh(), max_nodes=2), "hidden") == ["\u2026 1 more input"]

    def test_a_hidden_parameter_is_not_called_unreached(self):
        x = leaf(2)
        assert graph(x.tanh().tanh().tanh(), {"x": x}, max_nodes=1).unreached == ()

    def test_a_list_of_very_many(self):
        picture = graph(total([leaf() for _ in range(50_000)]), max_nodes=10)
        assert len(picture.boxes) < 20
        assert boxes(picture, "hidden") == ["\u2026 49,991 more inputs"]

    def test_of_a_deep_graph_the_newest_nodes_are_drawn(self):
        x = leaf(1)
        for _ in range(100_000):
            x = x.tanh()
        text = graph(x).dot
        assert text.count("tanh") < 2000
        assert "99,500 more ops" in text

    def test_a_shared_weight_is_drawn_once_in_a_small_graph(self):
        h = x = leaf(2)
        w = leaf(2)
        for _ in range(4):
            h = h * w
        assert boxes(graph(h, {"w": w, "x": x}), "parameter").count("w / 2") == 1

    def test_far_away_it_is_drawn_again(self):
        h = x = leaf(2)
        w = leaf(2)
        for _ in range(200):
            h = h * w
        picture = graph(h, {"w": w, "x": x})
        again = [box.again for box in picture.boxes if box.title == "w"]
        assert again.count(False) == 1
        assert 10 < again.count(True) < 200

    def test_a_result_used_far_away_is_referred_to_by_number(self):
        x = leaf(2)
        steps = [x]
        for _ in range(60):
            steps.append(steps[-1].tanh())
        out = steps.pop()
        while steps:
            out = out + steps.pop()
        picture = graph(out, {"x": x})
        references = {box.title for box in picture.boxes if box.again and box.kind == "op"}
        originals = {box.title for box in picture.boxes if not box.again and "#" in box.title}
        assert references
        assert references == originals

    @pytest.mark.usefixtures("graphviz")
    @pytest.mark.parametrize("shape", ["recurrent", "random", "all to all"])
    def test_the_layout_of_a_tangle_ends(self, shape, tmp_path):
        generator = np.random.default_rng(0)
        steps = [leaf(2)]
        weights = [leaf(2) for _ in range(4)]
        for i in range(400):
            if shape == "recurrent":
                steps.append(steps[-1] * weights[i % 4])
            elif shape == "random":
                a, b = generator.integers(0, len(steps), 2)
                steps.append(steps[a] * steps[b])
            elif i < 60:
                steps.append(total(list(steps)))
        picture = graph(total(steps) if shape == "random" else steps[-1])
        assert len(picture.arrows) <= 4 * 500 + 500  # what Graphviz can lay out in seconds
        assert picture.render(tmp_path / "tangle.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.usefixtures("graphviz")
class TestRendering:
    def test_every_suffix(self, tmp_path):
        x = leaf(2)
        picture = graph(x * x)
        starts = {
            "svg": b"<?xml",
            "png": b"\x89PNG",
            "pdf": b"%PDF",
            "dot": b"digraph",
            "gv": b"digraph",
            "PNG": b"\x89PNG",
            "html": b"<!DOCTYPE html>",
        }
        for suffix, start in starts.items():
            path = picture.render(tmp_path / f"picture.{suffix}")
            assert path == tmp_path / f"picture.{suffix}"
            assert path.read_bytes().startswith(start)

    def test_several_paths(self, tmp_path):
        paths = [str(tmp_path / "a.svg"), str(tmp_path / "a.png")]
        assert [str(path) for path in graph(leaf(2) * 1.0).render(*paths)] == paths

    def test_dpi(self, tmp_path):
        picture = graph(leaf(2) * 1.0)
        low = picture.render(tmp_path / "low.png", dpi=72).read_bytes()
        high = picture.render(tmp_path / "high.png", dpi=288).read_bytes()
        width = slice(16, 20)
        assert 3.9 < int.from_bytes(high[width], "big") / int.from_bytes(low[width], "big") < 4.1

    def test_unicode_in_every_format(self, tmp_path):
        x = leaf(2)
        picture = graph(x * 1.0, {"\u03b8\u2081": x})
        picture.render(*(tmp_path / f"u.{suffix}" for suffix in ("svg", "png", "pdf", "dot")))
        assert "\u03b8\u2081" in (tmp_path / "u.svg").read_text("utf-8")
        assert "\u03b8\u2081" in (tmp_path / "u.dot").read_text("utf-8")

    def test_notebook(self):
        bundle = graph(leaf(2) * 1.0)._repr_mimebundle_()
        assert bundle["text/plain"] == "<Graph: 1 op, 1 leaf, 1 output>"
        ElementTree.fromstring(bundle["image/svg+xml"])

    def test_the_written_file_is_deterministic(self, tmp_path):
        def make(name: str) -> bytes:
            model = Model()
            return graph(model(np.ones((2, 4), np.float32)), model).render(tmp_path / name).read_bytes()

        assert make("a.svg") == make("b.svg")


class TestBackEnds:
    @pytest.fixture
    def no_graphviz(self, monkeypatch):
        monkeypatch.setattr(backends, "_by_program", lambda text, kind: None)
        monkeypatch.setattr(backends, "_by_library", lambda text, kind: None)

    @pytest.mark.usefixtures("no_graphviz")
    @pytest.mark.parametrize("kind", ["png", "pdf"])
    def test_without_graphviz_the_text_is_written(self, kind, tmp_path):
        picture = graph(leaf(2) * 1.0)
        match = rf"drawing a {kind.upper()} needs Graphviz \(\.svg, \.html and \.dot do not\).*chainrule\[examples\]"
        with pytest.raises(autograd.RenderError, match=match) as caught:
            picture.render(tmp_path / f"picture.{kind}")
        assert str(tmp_path / "picture.dot") in str(caught.value)
        assert (tmp_path / "picture.dot").read_text("utf-8") == picture.dot
        assert not (tmp_path / f"picture.{kind}").exists()

    @pytest.mark.usefixtures("no_graphviz")
    def test_without_graphviz_we_draw(self, tmp_path):
        picture = graph(leaf(2).tanh())
        text = picture.render(tmp_path / "picture.svg").read_text("utf-8")
        assert text == picture._repr_mimebundle_()["image/svg+xml"] == picture._repr_svg_()
        assert "tanh" in svg_texts(picture)
        for suffix in ("html", "gv"):
            assert "tanh" in picture.render(tmp_path / f"picture.{suffix}").read_text("utf-8")

    def test_neither_form_is_installed(self, monkeypatch):
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
        with pytest.raises(autograd.RenderError, match="package graphviz"):
            backends.drawn("digraph {}", "svg")

    def test_a_library_that_cannot_be_loaded_is_not_said_to_be_missing(self, monkeypatch, tmp_path):
        (tmp_path / "pygraphviz.py").write_text("raise ImportError('libXrender.so.1: cannot open shared object file')")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)
        monkeypatch.setattr(shutil, "which", lambda name: None)
        with pytest.raises(autograd.RenderError, match=r"cannot be loaded: libXrender\.so\.1.*libxrender1"):
            backends.drawn("digraph {}", "png")

    def test_importing_autograd_imports_no_graphviz(self):
        program = "import autograd, sys; print([m for m in ('graphviz', 'pygraphviz') if m in sys.modules])"
        assert run_python(program).strip() == "[]"

    @pytest.fixture
    def program(self, tmp_path, monkeypatch):
        """Puts a program named dot first on the path."""
        pytest.importorskip("graphviz")
        if sys.platform == "win32":
            pytest.skip("the stand-in is a shell script")

        def place(script: str) -> None:
            (tmp_path / "dot").write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / "dot").chmod(0o755)
            monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

        return place

    def test_the_program_comes_first(self, program):
        program('echo "$@"; cat')
        drawn = backends.drawn("digraph { \u03b8 }", "png").decode()
        assert "-Tpng" in drawn
        assert "digraph { \u03b8 }" in drawn

    def test_a_program_that_fails_is_passed_over(self, program, monkeypatch):
        program("exit 3")
        monkeypatch.setattr(backends, "_by_library", lambda text, kind: b"drawn")
        assert backends.drawn("digraph {}", "svg") == b"drawn"

    def test_the_failure_is_told_if_nothing_else_draws(self, program, monkeypatch):
        program("echo 'no such font' >&2; exit 3")
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
        with pytest.raises(autograd.RenderError, match="no such font"):
            backends.drawn("digraph {}", "svg")


class TestMessages:
    def test_no_graph(self):
        with pytest.raises(autograd.GradientError, match=r"shape \(2,\) does not require grad.*no_grad.*detach"):
            graph(tensor([1.0, 2.0]))
        with autograd.no_grad():
            out = leaf(2) * 1.0
        with pytest.raises(autograd.GradientError, match="does not require grad"):
            out.graph()

    @pytest.mark.parametrize("bad", [3, "x", None, [1.0], {"a": "b"}])
    def test_outputs_that_are_no_tensors(self, bad):
        with pytest.raises(TypeError, match="graph: "):
            graph(bad)

    def test_no_outputs(self):
        with pytest.raises(ValueError, match="no Tensor"):
            graph([])

    @pytest.mark.parametrize("bad", [3, "x", [1], {"w": 2.0}, [("w", None)], ["ab"]])
    def test_params(self, bad):
        with pytest.raises(TypeError, match=r"params must be a Module, a dict of names to Tensors or Modules"):
            graph(leaf(2) * 1.0, bad)

    def test_params_that_is_a_tensor(self):
        x = leaf(2)
        with pytest.raises(TypeError, match="got Tensor"):
            graph(x * 1.0, x)

    @pytest.mark.parametrize("bad", ["down", "", None, 'TB"; evil="'])
    def test_direction(self, bad):
        with pytest.raises(ValueError, match="direction must be one of"):
            graph(leaf(2) * 1.0, direction=bad)

    @pytest.mark.parametrize("bad", [0, -1, 2.5, None])
    def test_max_nodes(self, bad):
        with pytest.raises(ValueError, match="max_nodes"):
            graph(leaf(2) * 1.0, max_nodes=bad)

    def test_suffix(self, tmp_path):
        for name in ("picture", "picture.txt", "picture.svg.bak"):
            with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.html, \.dot, \.gv"):
                graph(leaf(2) * 1.0).render(tmp_path / name)
        assert not list(tmp_path.iterdir())

    def test_no_path(self):
        with pytest.raises(TypeError, match="path"):
            graph(leaf(2) * 1.0).render()
