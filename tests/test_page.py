"""The page as text: what it holds, that nothing from outside can run in it, and what its player says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

import autograd
from autograd import Graph
from autograd.draw.boxes import Box
from autograd.draw.steps import steps
from tests.pictures import HOSTILE, expression, hostile, network, nothing_recorded, values

# ---- text ----------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Reads a page: its elements, and the text in its scripts and styles."""

    VOID = ("meta", "link", "br", "input", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data))

    @property
    def scripts(self) -> list[str]:
        return [text for tag, text in self.texts if tag == "script"]

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


class TestText:
    @pytest.mark.parametrize("make", [expression, network, hostile, nothing_recorded])
    def test_it_is_one_page_with_one_script(self, make):
        reader = Reader(make().html)
        tags = [tag for tag, _ in reader.elements]
        assert {tag: tags.count(tag) for tag in ("html", "head", "body", "style", "script")} == {
            "html": 1, "head": 1, "body": 1, "style": 1, "script": 2,
        }  # fmt: skip
        assert not [
            attributes for _, attributes in reader.elements if {"src", "href", "onload", "style"} & set(attributes)
        ]

    @pytest.mark.parametrize("make", [expression, hostile])
    def test_the_policy_permits_its_script_and_style_and_nothing_else(self, make):
        reader = Reader(make().html)
        (policy,) = [a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy"]
        (style,) = [text for tag, text in reader.texts if tag == "style"]
        hashes = [
            base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, reader.scripts[1])
        ]
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
            "base-uri 'none'; form-action 'none'"
        )

    def test_the_script_makes_no_markup_of_text(self):
        script = Reader(expression().html).scripts[1]
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|https?://(?!www\.w3)", script
        )

    def test_what_is_in_it(self):
        picture = network()
        data = Reader(picture.html).data
        assert [box["title"] for box in data["boxes"]] == [box.title for box in picture.boxes]
        assert data["boxes"][1]["value"]["histogram"] == [1, 5, 9, 4, 1]
        assert data["groups"]["b1"] == {
            "path": "blocks.1",
            "kind": "Block",
            "times": 12,
            "facts": [["parameters", "40"]],
        }
        assert data["summary"] == "6 ops, 1 output"
        assert data["closed"] == []

    def test_hostile_names_are_in_it_as_they_are(self):
        text = hostile().html
        titles = [box["title"] for box in Reader(text).data["boxes"]]
        printable = [name for name in HOSTILE if name.isprintable()]
        assert len(printable) > 8
        assert set(printable) < set(titles)
        assert "lone \ufffd" in titles
        assert "two\u21b5lines" in titles
        assert max(map(len, titles)) <= 2000
        assert re.search(r'<script type="application/json" id="graph">([^<>&\u2028]*)</script>', text)
        assert Reader(text).data["boxes"][0]["title"] == HOSTILE[0]

    def test_numbers_that_json_does_not_know(self):
        what = values("nan", low=float("-inf"), high=float("inf"), norm=float("nan"))
        data = Reader(Graph([Box("n0", "op", "f", value=what)], [], "TB", {}).html).data
        assert (data["boxes"][0]["value"]["low"], data["boxes"][0]["value"]["norm"]) == ("-inf", "nan")

    def test_of_a_large_graph_the_inner_modules_are_closed(self):
        assert Reader(network(14).html).data["closed"] == []
        closed = Reader(network(40).html).data["closed"]
        assert {"l0.0", "l39.1"} < set(closed)
        assert "g0" not in closed

    def test_it_is_deterministic(self):
        assert network().html == network().html

    def test_it_is_written(self, tmp_path):
        picture = expression()
        assert picture.render(tmp_path / "graph.html").read_text("utf-8") == picture.html

    def test_it_is_shown(self, tmp_path, monkeypatch):
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", opened.append)
        for path in (None, tmp_path / "graph.html"):
            shown = expression().show(path)
            assert opened.pop() == shown.resolve().as_uri()
            assert shown.read_text("utf-8").startswith("<!DOCTYPE html>")


class TestSteps:
    def test_forward_then_backward(self):
        picture = expression()
        assert [step.text for step in steps(picture.boxes, picture.arrows)] == [
            "forward 1 of 5: x is given: [2.0, -1.0]",
            "forward 2 of 5: w is given: [0.5, 3.0]",
            "forward 3 of 5: mul(x, w, y = 3) = [1.0, -3.0]",
            "forward 4 of 5: h = tanh(mul) = [0.76, -1.0]",
            "forward 5 of 5: the result is out = [0.76, -1.0]",
            "backward 1 of 3: it starts at h, whose gradient with respect to itself is [1.0, 1.0]",
            "backward 2 of 3: the gradient of mul's result arrives from h: [0.2, 0.1]",
            "backward 3 of 3: the gradient of w arrives from mul: [0.4, -0.1]",
        ]
        assert [step.boxes for step in steps(picture.boxes, picture.arrows)][4:6] == [("n4",), ("n3",)]

    def test_without_records_names_and_shapes_are_told(self):
        picture = nothing_recorded()
        assert [step.text for step in steps(picture.boxes, picture.arrows)] == [
            "forward 1 of 6: x is given, of shape 3 \u00d7 4",
            "forward 2 of 6: tanh(x), of shape 3 \u00d7 4",
            "forward 3 of 6: mul(tanh, y = 2), of shape 3 \u00d7 4",
            "forward 4 of 6: add(mul, mul), of shape 3 \u00d7 4",
            "forward 5 of 6: sum(add), a scalar",
            "forward 6 of 6: the result is output",
            "backward 1 of 6: it starts at output, whose gradient with respect to itself is 1",
            "backward 2 of 6: the gradient of sum's result arrives from output",
            "backward 3 of 6: the gradient of add's result arrives from sum",
            "backward 4 of 6: the gradient of mul's result arrives, the sum of what add sends 2 times",
            "backward 5 of 6: the gradient of tanh's result arrives from mul",
            "backward 6 of 6: the gradient of x arrives from tanh",
        ]

    def test_what_came_together_is_one_step(self):
        boxes = [Box(f"n{i}", "parameter", f"w{i}", forward=7) for i in range(9)]
        (step,) = [step for step in steps(boxes, []) if step.phase == "forward"]
        assert step.text == f"forward 1 of 1: {'; '.join(f'w{i} is given' for i in range(6))}; and 3 more"
        assert len(step.boxes) == 9

    def test_no_boxes(self):
        assert steps([], []) == []


def test_a_recorded_graph_shows_values_at_their_step_only():
    x = autograd.tensor([2.0], requires_grad=True)
    with autograd.watch():
        loss = (x * x).sum()
        loss.backward()
    picture = autograd.graph(loss, {"x": x})
    told = {box["title"]: box for box in Reader(picture.html).data["boxes"]}
    assert told["mul"]["value"]["text"] == "[4]"
    assert told["mul"]["gradient"]["text"] == "[1]"
    assert "lines" not in told["mul"]
    assert "value [4]" in picture.dot
    assert [step.phase for step in steps(picture.boxes, picture.arrows)].count("backward") == 4
