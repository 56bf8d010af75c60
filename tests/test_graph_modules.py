"""Modules in pictures of graphs: clusters, folding, scale, names from outside, and ``nn.graph``."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd import Graph, Tensor, graph, tensor, watch
from autograd.draw import backends
from tests.helpers import run_python

SVG = "{http://www.w3.org/2000/svg}"


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        self.gain = nn.Parameter(np.ones(width, np.float32))

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return x / ((x * x).mean(-1, keepdim=True) + 1e-5).sqrt() * self.gain


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x):
        q, k, v = self.query(x), self.key(x), self.value(x)
        width = q.shape[-1] // self.heads
        parts = [slice(i * width, (i + 1) * width) for i in range(self.heads)]
        found = [(q[..., s] @ k[..., s].transpose(-1, -2) * width**-0.5).softmax(-1) @ v[..., s] for s in parts]
        return self.out(autograd.cat(found, -1))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        self.norm1, self.attention = Norm(width), Attention(width, heads)
        self.norm2, self.up, self.down = Norm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(self.up(self.norm2(x)).tanh())


class GPT(nn.Module):
    def __init__(self, layers: int, width: int = 8, heads: int = 2) -> None:
        self.embedding = nn.Embedding(10, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.head = nn.Linear(width, 10)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


TOKENS = np.arange(8).reshape(2, 4)


def trained(layers: int = 12, record: bool = True, second: bool = False) -> tuple[Tensor, GPT]:
    """The loss of a small transformer, maybe with a penalty on its gradients."""
    autograd.random.manual_seed(0)
    model = GPT(layers)

    def run() -> Tensor:
        loss = F.cross_entropy(model(tensor(TOKENS)).reshape(-1, 10), tensor(TOKENS.reshape(-1)))
        if second:
            grads = autograd.grad(loss, list(model.parameters()), create_graph=True)
            return loss + sum((g * g).sum() for g in grads)
        loss.backward()
        return loss

    if not record:
        return run(), model
    with watch(model):
        return run(), model


def titles(picture: Graph, kind: str) -> list[str]:
    return [box.title for box in picture.boxes if box.kind == kind]


class TestByNames:
    @pytest.mark.parametrize("form", [dict, lambda named: list(named.items())])
    def test_models_and_data_are_named_together(self, form):
        x, y, model = autograd.ones(2, 3), autograd.zeros(2, 1), nn.Sequential(nn.Linear(3, 1))
        picture = graph({"loss": F.mse_loss(model(x), y)}, form({"x": x, "y": y, "net": model}))
        assert titles(picture, "constant") == ["x", "y"]
        assert titles(picture, "parameter") == ["net.0.weight", "net.0.bias"]
        assert [(group.path, group.kind) for group in picture.groups] == [("net", "Sequential"), ("net.0", "Linear")]

    """Without a record, modules are known by the names of their parameters."""

    def test_an_op_belongs_to_the_module_of_its_parameter(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        picture = graph(model(tensor([[1.0, 2.0]])).sum(), model)
        assert [(group.path, group.kind) for group in picture.groups] == [
            ("", "Sequential"), ("0", "Linear"), ("2", "Linear"),
        ]  # fmt: skip
        depth = {box.title: len(box.group) for box in picture.boxes if box.kind == "op"}
        assert depth == {"linear": 2, "relu": 1, "sum": 0}
        assert all(("module", "known by the names of its parameters") in group.facts for group in picture.groups)

    def test_what_is_between_two_of_its_ops(self):
        model = Attention(4, 1)
        picture = graph(model(tensor(np.ones((1, 2, 4), np.float32))).sum(), model)
        (softmax,) = [box for box in picture.boxes if box.title == "softmax"]
        assert len(softmax.group) == 1
        assert not next(box for box in picture.boxes if box.title == "sum").group

    def test_dicts_and_pairs_have_dotted_names_too(self):
        w = tensor([1.0], requires_grad=True)
        picture = graph((w * 2.0).exp(), {"a.b.w": w})
        assert [(group.path, group.kind) for group in picture.groups] == [("a", ""), ("a.b", "")]
        assert [len(box.group) for box in picture.boxes if box.title in ("mul", "exp")] == [2, 0]

    def test_data_that_enters_the_first_op_of_a_model_comes_from_outside(self):
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Bilinear(3, 2, 1))
        features, more = autograd.randn(5, 4), autograd.randn(5, 2)
        hidden = model[1](model[0](features))
        picture = graph(model[2](hidden, more), model)
        depths = {box.lines[0]: len(box.group) for box in picture.boxes if box.kind == "constant"}
        assert depths == {"5 \u00d7 4": 0, "5 \u00d7 1 \u00d7 2": 1}  # the other may be the model's own

    def test_names_without_dots_make_no_groups(self):
        w = tensor([1.0], requires_grad=True)
        assert graph(w * 2.0, {"w": w}).groups == ()


class TestFolding:
    def test_equal_blocks_are_drawn_once(self):
        loss, model = trained()
        picture = graph(loss, model)
        assert [(group.path, group.times) for group in picture.groups if group.times > 1] == [("blocks.0", 12)]
        assert "blocks.0 \u2026 11: Block  \u00d712" in picture.dot
        assert len(picture.boxes) < 100
        assert not picture.hidden

    def test_what_leads_in_and_out_is_kept(self):
        loss, model = trained()
        picture = graph(loss, model, depth=0)
        names = {box.id: box.title for box in picture.boxes}
        links = [(names[arrow.tail], names[arrow.head]) for arrow in picture.arrows if arrow.tail in names]
        block = "blocks.0 \u2026 11: Block  \u00d712"
        assert links[:3] == [
            ("constant", "embedding: Embedding"),
            ("embedding: Embedding", block),
            (block, "head: Linear"),
        ]
        picture = graph(loss, model, depth=1)
        names = {box.id: box.title for box in picture.boxes}
        links = {(names[arrow.tail], names[arrow.head]) for arrow in picture.arrows}
        assert ("embedding", "blocks.0.norm1: Norm") in links
        assert ("add", "linear") in links
        assert [(names[a.tail], names[a.head]) for a in picture.arrows if a.label == "next"] == [
            ("add", "blocks.0.norm1: Norm"),
            ("add", "add"),
        ]
        assert 'constraint="false"' in picture.dot
        assert len([title for title in titles(picture, "module") if title.startswith("blocks.0.")]) == 5

    def test_not_if_it_is_not_wanted(self):
        loss, model = trained(4)
        assert all(group.times == 1 for group in graph(loss, model, fold=False).groups)

    def test_not_if_they_differ(self):
        model = nn.Sequential(*[nn.Linear(i, i + 1) for i in range(1, 7)])
        with watch(model):
            loss = model(tensor([[1.0]])).sum()
        assert all(group.times == 1 for group in graph(loss, model, fold=True).groups)

    def test_two_in_a_small_picture_are_both_drawn(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        with watch(model):
            loss = model(tensor([[1.0, 2.0]])).sum()
        assert len(graph(loss, model).groups) == 3
        assert [group.times for group in graph(loss, model, fold=True).groups] == [1, 2]

    def test_two_side_by_side_are_both_drawn(self):
        loss, model = trained(1)
        paths = [group.path for group in graph(loss, model, fold=True).groups]
        assert {"blocks.0.attention.query", "blocks.0.attention.key"} < set(paths)

    def test_a_pattern_of_several(self):
        embedding, cell = nn.Embedding(10, 3), nn.GRUCell(3, 4)
        model = nn.ModuleList([embedding, cell])
        with watch(model):
            h = autograd.zeros(2, 4)
            for i in range(4):
                h = cell(embedding(tensor(TOKENS[:, i])), h)
        picture = graph(h.sum(), model)
        assert [(group.kind, group.times) for group in picture.groups] == [("", 4), ("Embedding", 1), ("GRUCell", 1)]
        assert len([box for box in picture.boxes if box.kind == "parameter"]) == 5

    def test_values_are_those_of_the_first(self):
        loss, model = trained()
        picture = graph(loss, model)
        box = next(box for box in picture.boxes if box.title == "blocks.0.up.weight")
        assert box.value == autograd.draw.values.summarise(model.blocks[0].up.weight.detach().numpy())

    def test_a_nan_in_a_later_one_is_seen(self):
        model = nn.Sequential(*[nn.Sequential(nn.Linear(2, 2)) for _ in range(5)])
        with autograd.no_grad():
            model[3][0].weight.fill_(1e38)
        with watch(model), np.errstate(all="ignore"):
            loss = model(tensor([[1e10, 2.0]])).sum()
        picture = graph(loss, model, depth=0)
        assert [box.marks for box in picture.boxes if box.kind == "module"] == [("nan",)]


class TestDepth:
    def test_modules_become_boxes(self):
        loss, model = trained(2)
        for depth, count in ((0, 4), (1, 10)):
            picture = graph(loss, model, depth=depth, fold=False)
            assert len(titles(picture, "module")) == count
            assert picture.depth == depth
            assert f"folded at depth {depth}" in repr(picture)
        box = next(box for box in picture.boxes if box.title == "blocks.0.up: Linear")
        assert box.lines[:2] == ("1 op", "2 parameters, 144 numbers")

    def test_data_that_enter_a_box(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
        for record in (True, False):
            x = tensor([[1.0, 2.0]])
            if record:
                with watch(model):
                    loss = model(x).sum()
            else:
                loss = model(x).sum()
            picture = graph(loss, model, depth=0)
            assert len(titles(picture, "constant")) == (1 if record else 2)  # nothing tells whose the mask is
            names = {box.id: box.title for box in picture.boxes}
            assert "0: Linear" in {names[arrow.head] for arrow in picture.arrows if names[arrow.tail] == "constant"}

    def test_as_deep_as_is_readable(self):
        loss, model = trained(6)
        assert graph(loss, model).depth is None
        assert graph(loss, model, fold=False).depth == 1
        assert graph(loss, model, max_nodes=40).depth is not None

    def test_many_ops_beside_modules_are_one_box(self):
        loss, model = trained(second=True)
        picture = graph(loss, model)
        assert not picture.hidden
        assert any("outside of modules" in title for title in titles(picture, "module"))
        assert len(picture.boxes) < 250

    @pytest.mark.parametrize("bad", [-1, 1.5, "2"])
    def test_messages(self, bad):
        x = tensor([1.0], requires_grad=True)
        with pytest.raises(ValueError, match="depth must be"):
            graph(x * 1.0, depth=bad)

    def test_heat_messages(self):
        with pytest.raises(ValueError, match="heat must be one of"):
            graph(tensor([1.0], requires_grad=True) * 1.0, heat="hot")


@pytest.mark.usefixtures("graphviz")
class TestScale:
    @pytest.mark.parametrize("second", [False, True])
    @pytest.mark.parametrize("record", [True, False])
    def test_a_transformer(self, record, second, tmp_path):
        loss, model = trained(record=record, second=second)
        for depth in (None, 1, 2):
            picture = graph(loss, model, depth=depth)
            assert picture.counts["ops"] > (1000 if second else 400)
            assert len(picture.boxes) < 500
            ElementTree.parse(picture.render(tmp_path / "graph.svg"))

    def test_far_too_many_ops_are_counted(self, monkeypatch):
        x = tensor([1.0, 2.0], requires_grad=True)
        h = x
        for _ in range(100):
            h = (h * x).tanh()
        monkeypatch.setattr(sys.modules[graph.__module__], "TOO_MANY", 150)
        picture = graph(h.sum())
        assert repr(picture) == "<Graph: 201 ops, 1 leaf, 1 output; 201 ops not drawn>"
        assert titles(picture, "module") == ["mul \u00d7100", "tanh \u00d7100", "sum \u00d71"]
        assert {arrow.label for arrow in picture.arrows} == {"101", "99", "100", "1"}
        assert "too many to draw" in picture.caption
        assert "too many to draw" in picture.dot
        assert "too many to draw" not in graph(h.sum(), depth=1).dot

    def test_thousands_of_modules_in_each_other(self):
        class Nest(nn.Module):
            def __init__(self, inner):
                self.inner = inner

            def forward(self, x):
                return x.tanh() if self.inner is None else self.inner(x)

        model = Nest(None)
        for _ in range(150):
            model = Nest(model)
        with watch(model):
            out = model(tensor([1.0], requires_grad=True))
        assert graph(out, model).dot.count("subgraph") == 151
        assert len(graph(out, model, depth=3).groups) == 4

    def test_a_layout_that_takes_too_long(self, monkeypatch, tmp_path):
        loss, model = trained(2)
        monkeypatch.setattr(backends, "_LARGE", 0)
        monkeypatch.setattr(backends, "_LONG_PATIENCE", 1e-3)
        monkeypatch.setattr(backends, "_PATIENCE", {"svg": 1e-3})
        with pytest.raises(autograd.RenderError, match=r"0\.001 seconds; fold modules with depth=2, draw it as \.svg"):
            graph(loss, model).render(tmp_path / "graph.png")
        with pytest.raises(autograd.RenderError, match="draw fewer nodes with max_nodes=1"):
            graph(tensor([1.0], requires_grad=True) * 1.0).render(tmp_path / "graph.png")
        drawn = graph(loss, model).render(tmp_path / "graph.svg").read_text()  # then we draw it
        assert "blocks.0" in drawn

    def test_in_a_process_of_its_own(self, monkeypatch):
        picture = graph(trained(1)[0])
        before = picture._repr_svg_()
        monkeypatch.setattr(backends, "_LARGE", 0)
        assert picture._repr_svg_() == before

    def test_what_that_process_says_is_told(self, monkeypatch):
        monkeypatch.setattr(backends, "_LARGE", 0)
        monkeypatch.setattr(backends, "_by_program", lambda text, kind: None)
        with pytest.raises(autograd.RenderError, match="Graphviz failed"):
            backends.drawn("no picture", "svg")


class TestSame:
    def test_in_two_runs(self):
        texts = {graph(*trained(3)).dot for _ in range(2)}
        assert len(texts) == 1

    @pytest.mark.usefixtures("graphviz")
    def test_in_two_processes(self):
        program = (
            "import autograd, nn\n"
            "autograd.random.manual_seed(0)\n"
            "model = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(5)], nn.Dropout(0.5))\n"
            "picture = nn.graph(model, autograd.ones(2, 4), loss=lambda out: out.sum(), heat='gradient')\n"
            "print(picture.dot, picture._repr_svg_())"
        )
        runs = {run_python(program, PYTHONHASHSEED=seed) for seed in ("1", "2")}
        assert len(runs) == 1
        assert len(runs.pop()) > 10_000


HOSTILE = [
    "<b>",
    "a:0",
    'say "x"',
    "back\\slash\\N\\G",
    "&lt;&amp;",
    "</script>",
    "two\nlines",
    "\u03b8",
    '"]; evil [',
    "x" * 10_000,
]


@pytest.mark.usefixtures("graphviz")
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_of_modules_are_data(name):
    model = nn.Module()
    kind = type(name, (nn.Module,), {"forward": lambda self, x: x * self.w})
    inner = kind()
    inner.w = nn.Parameter([1.0])
    model.__dict__[name] = inner
    with watch(model):
        out = inner(tensor([2.0])).sum()
        out.backward()
    for depth in (None, 0):
        svg = graph(out, model, depth=depth)._repr_svg_()
        texts = [
            "".join(text.itertext()).replace("\xa0", " ") for text in ElementTree.fromstring(svg).iter(f"{SVG}text")
        ]
        shown = name.replace("\n", "\u21b5") if len(name) < 80 else f"{name[:53]}\u2026"
        assert any(text.startswith(f"{shown}: {shown}" if len(name) < 30 else shown) for text in texts)


class TestOfAModel:
    def test_forward(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        picture = nn.graph(model, np.ones((4, 2), np.float32))
        assert [group.path for group in picture.groups] == ["", "0", "1"]
        assert titles(picture, "constant") == ["input"]
        assert all(box.gradient is None for box in picture.boxes)

    def test_with_a_loss(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        picture = nn.graph(model, tensor([[1.0, 2.0]]), loss=lambda out: out.sum(), direction="LR")
        assert titles(picture, "output") == ["loss"]
        assert all(box.gradient is not None for box in picture.boxes if box.kind == "parameter")
        assert picture.direction == "LR"
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_what_the_loss_uses_is_called_as_there(self):
        model = nn.Linear(2, 3)
        x, classes = autograd.randn(4, 2), tensor([0, 1, 2, 0])
        picture = nn.graph(model, x, loss=lambda out: F.cross_entropy(out, classes))
        assert sorted(titles(picture, "constant")) == ["classes", "input"]

    def test_the_model_stays_as_it_is(self):
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        for parameter in model.parameters():
            parameter.grad = autograd.ones(*parameter.shape)
        x = autograd.random.randn(4, 2)
        before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
        state = autograd.random.get_rng_state()
        nn.graph(model, x, loss=lambda out: (out * out).sum())
        assert autograd.random.get_rng_state() == state
        assert all(np.array_equal(value.numpy(), before[name]) for name, value in model.state_dict().items())
        assert all(parameter.grad.tolist() == np.ones(parameter.shape).tolist() for parameter in model.parameters())
        assert model.training
        assert not any("_hooks" in module.__dict__ for module in model.modules())

    def test_also_if_it_fails(self):
        model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(2, 1))
        with pytest.raises(autograd.ShapeError):
            nn.graph(model, tensor(np.ones((4, 3), np.float32)))
        assert model[0].num_batches_tracked.item() == 0

    def test_outputs_of_every_form(self):
        class Several(nn.Module):
            def __init__(self):
                self.w = nn.Parameter([1.0])

            def forward(self, x, scale=2.0):
                return {"a": x * self.w, "b": [self.w * scale, None]}

        picture = nn.graph(Several(), tensor([3.0]))
        assert titles(picture, "output") == ["a", "b 1"]
        assert titles(picture, "constant") == ["x"]

    def test_a_lazy_model(self):
        picture = nn.graph(nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()), autograd.ones(2, 4))
        assert Counter(box.kind for box in picture.boxes)["parameter"] == 4

    def test_an_lstm(self):
        picture = nn.graph(nn.LSTM(2, 3), autograd.ones(4, 1, 2), loss=lambda out: out[0].sum())
        assert titles(picture, "op")[-1] == "sum"

    def test_frozen(self):
        with pytest.raises(autograd.GradientError, match="does not require grad"):
            nn.graph(nn.Linear(2, 1).requires_grad_(False), autograd.ones(1, 2))


def test_what_is_no_model_and_what_is_no_loss():
    x = autograd.ones(1, 2)
    with pytest.raises(TypeError, match=r"expected a Module, got Tensor; of a Tensor use autograd\.graph"):
        nn.graph(x)
    for loss, got in ((lambda out: out, r"\(1, 3\)"), (lambda out: 1.0, "float")):
        with pytest.raises(TypeError, match=f"loss must give a Tensor of one element, got {got}"):
            nn.graph(nn.Linear(2, 3), x, loss=loss)


def test_what_ops_keep_for_backward_is_no_input():
    model = nn.Sequential(nn.LayerNorm(3), nn.BatchNorm1d(3))
    picture = nn.graph(
        model, autograd.randn(4, 3), loss=lambda out: F.cross_entropy(out, autograd.tensor([0, 1, 2, 0]))
    )
    assert [box.title for box in picture.boxes if box.kind == "constant"] == ["input", "constant"]  # images, classes


def test_heat_reaches_over_four_decades():
    x = autograd.tensor([1.0, 1.0], requires_grad=True)
    with autograd.watch():
        loss = (x.exp() * 1e-1).sum() + (x.sin() * 1e-30).sum()
        loss.backward()
    heat = {box.title: box.heat for box in autograd.graph(loss, heat="gradient").boxes}
    assert max(level for level in heat.values() if level is not None) == 1.0
    assert heat["sin"] == 0.0
    assert 0.5 < heat["exp"] < 0.8


class Residual(nn.Module):
    def __init__(self) -> None:
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.first(x)
        return x + self.second(x.relu())


class Shortcut(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


@pytest.mark.parametrize(("block", "outside"), [(Residual, 0), (Shortcut, 3)])
def test_residual_connections_without_a_record(block, outside):
    model = nn.Sequential(nn.Linear(3, 3), *[block() for _ in range(3)], nn.Linear(3, 1))
    x = autograd.ones(2, 3)

    def places(picture: Graph) -> list[tuple[str, str]]:
        path = {group.id: group.path for group in picture.groups}
        return [(box.title, path[box.group[-1]]) for box in picture.boxes if box.kind == "op" and box.group]

    found = places(graph(model(x), model, fold=False))
    recorded = places(nn.graph(model, x, fold=False))
    assert len(found) == len(recorded)
    wrong = [pair for pair in zip(found, recorded, strict=True) if pair[0] != pair[1]]
    # What adds a module's input to its result may stand in it or after it: that cannot be told.
    assert wrong == [(("add", ""), ("add", str(number))) for number in range(1, outside + 1)]


@pytest.mark.usefixtures("graphviz")
def test_arrows_that_lead_in_circles_are_told_to_dot(capfd):
    loss, model = trained(2, record=False, second=True)  # without a record, backward uses the same modules again
    picture = graph(loss, model, depth=1)
    assert 'newrank="true"' in picture.dot
    backends.drawn(picture.dot, "svg")
    assert "Error" not in capfd.readouterr().err


def test_where_none_do_dot_ranks_each_cluster_by_itself():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    assert "newrank" not in nn.graph(model, autograd.ones(2, 4)).dot
