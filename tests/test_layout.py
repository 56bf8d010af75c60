"""Our own layout: rows, places, and the SVG that is drawn from them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import pytest

from autograd import Graph
from autograd.draw import layout
from autograd.draw.boxes import Arrow, Box, Group
from autograd.draw.layout import Level, levels
from autograd.draw.places import Drawing, placed
from autograd.draw.svg import svg_text
from autograd.draw.text import legible, text_width
from tests.pictures import HOSTILE, expression, hostile, network, tangle

SVG = "{http://www.w3.org/2000/svg}"
SIZE = (60.0, 30.0)


def picture(*arrows: str, groups: dict[str, tuple[str, ...]] | None = None) -> Graph:
    """Boxes and arrows from texts such as "a b c": an arrow from a to b, and one from b to c."""
    chains = [text.split() for text in arrows]
    names = list(dict.fromkeys(name for chain in chains for name in chain))
    found = [Box(name, "op", name, group=(groups or {}).get(name, ())) for name in names]
    return Graph(found, [Arrow(a, b) for chain in chains for a, b in pairwise(chain)], "TB", {})


def ranks(level: Level) -> dict[str, int]:
    """The row of each box and group."""
    nodes = ((level.nodes[n], number) for number, row in enumerate(level.rows) for n in row)
    return {node.id: number for node, number in nodes if node.kind in ("box", "group")}


def drawing(graph: Graph, direction: str = "TB") -> Drawing:
    sizes = {box.id: SIZE for box in graph.boxes}
    found = levels(graph.boxes, graph.arrows)
    return placed(found, sizes, dict.fromkeys(found, 50.0), direction)


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    (x, y, w, h), (u, v, a, b) = one, other
    return x + w <= u or u + a <= x or y + h <= v or v + b <= y


def inside(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    (x, y, w, h), (u, v, a, b) = inner, outer
    return u <= x and v <= y and x + w <= u + a + 1e-6 and y + h <= v + b + 1e-6


class TestRows:
    def test_arrows_go_down(self):
        graph = picture("a b d", "a c d e", "b e")
        level = levels(graph.boxes, graph.arrows)[""]
        assert ranks(level) == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 3}
        row = {n: number for number, row in enumerate(level.rows) for n in row}
        assert all(row[link.lower] == row[link.upper] + 1 for link in level.links)

    def test_what_nothing_leads_to_stands_near_to_its_use(self):
        graph = picture("a b c d", "w d")
        assert ranks(levels(graph.boxes, graph.arrows)[""])["w"] == 2

    def test_arrows_of_one_box_share_their_way(self):
        graph = picture("a b c d e", "a d", "a e")
        level = levels(graph.boxes, graph.arrows)[""]
        assert [node.kind for node in level.nodes].count("via") == 3

    def test_crossings_are_removed(self):
        graph = picture("a x", "b y", "c z", "a2 z2")
        shuffled = [graph.boxes[i] for i in (0, 2, 4, 6, 7, 5, 3, 1)]
        level = levels(shuffled, graph.arrows)[""]
        above, below = ([level.nodes[n].id for n in row] for row in level.rows)
        heads = {arrow.tail: arrow.head for arrow in graph.arrows}
        assert [heads[tail] for tail in above] == below

    def test_cycles_are_cut(self):
        graph = picture("a b c a", "c d", "b b")
        level = levels(graph.boxes, graph.arrows)[""]
        assert ranks(level) == {"a": 0, "b": 1, "c": 2, "d": 3}
        assert [(level.nodes[tail].id, level.nodes[head].id) for tail, head, _ in level.loose] == [("c", "a")]

    def test_modules_that_need_each_other(self):
        graph = picture("a b c", groups={"a": ("g",), "c": ("g",)})
        level = levels(graph.boxes, graph.arrows)[""]
        assert len(level.loose) == 1
        assert drawing(graph).ways[0].loose != drawing(graph).ways[1].loose

    def test_an_arrow_passes_frames_through_ports(self):
        graph = picture("a b", groups={"a": ("g", "h"), "b": ("k",)})
        found = levels(graph.boxes, graph.arrows)
        assert list(found) == ["", "g", "h", "k"]
        kinds = {group: [node.kind for node in level.nodes] for group, level in found.items()}
        assert kinds == {"": ["group", "group"], "g": ["group", "out"], "h": ["box", "out"], "k": ["box", "in"]}

    def test_a_group_has_one_place(self):
        boxes = [Box("a", "op", "a", group=("g", "h")), Box("b", "op", "b", group=("h",))]
        assert list(levels(boxes, [Arrow("a", "b")])) == ["", "g", "h"]

    def test_too_long_arrows_go_across(self, monkeypatch):
        monkeypatch.setattr(layout, "_MOST_VIAS", 3)
        graph = picture("a b c d e f g", "a d", "a g")
        short = picture("a b c d", "a d")
        assert len(levels(graph.boxes, graph.arrows)[""].loose) == 3
        assert not levels(short.boxes, short.arrows)[""].loose

    def test_nothing(self):
        assert levels([], [])[""].rows == []
        assert drawing(Graph([], [], "TB", {})).boxes == {}

    def test_deep_chains_need_no_recursion(self):
        graph = picture(" ".join(f"n{i}" for i in range(5000)))
        assert len(levels(graph.boxes, graph.arrows)[""].rows) == 5000
        nested = Graph([Box("a", "op", "a", group=tuple(f"g{i}" for i in range(1500)))], [], "TB", {})
        assert len(levels(nested.boxes, nested.arrows)) == 1501


class TestPlaces:
    @pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
    @pytest.mark.parametrize("make", [lambda: network(3), lambda: tangle(60, 110, 12), expression])
    def test_nothing_overlaps(self, make, direction):
        graph = make()
        found = drawing(graph, direction)
        assert len(found.boxes) == len(graph.boxes)
        for one, other in combinations(found.boxes.values(), 2):
            assert apart(one, other)
        groups = {box.id: set(box.group) for box in graph.boxes}
        for group, frame in found.frames.items():
            assert inside(frame, (0, 0, found.width, found.height))
            for box, place in found.boxes.items():
                assert inside(place, frame) if group in groups[box] else apart(place, frame)

    @pytest.mark.parametrize(("direction", "axis", "sign"), [("TB", 1, 1), ("BT", 1, -1), ("LR", 0, 1), ("RL", 0, -1)])
    def test_direction(self, direction, axis, sign):
        found = drawing(network(2), direction)
        first, last = found.boxes["n0"], found.boxes[f"n{len(found.boxes) - 1}"]
        assert (last[axis] - first[axis]) * sign > 0
        for way in found.ways:
            assert (way.end[axis] - way.start[axis]) * sign > 0

    @pytest.mark.parametrize("direction", ["TB", "RL"])
    def test_arrows_are_whole(self, direction):
        graph = network(2)
        ways = drawing(graph, direction).ways
        starts = {(way.source, round(way.start[0], 3), round(way.start[1], 3)) for way in ways}
        heads = {}
        for way in ways:
            if way.head:
                heads.setdefault(way.source, set()).add(way.head)
            else:
                assert (way.source, round(way.end[0], 3), round(way.end[1], 3)) in starts
        assert heads == {
            tail: {arrow.head for arrow in graph.arrows if arrow.tail == tail}
            for tail in {arrow.tail for arrow in graph.arrows}
        }

    def test_a_chain_is_straight(self):
        found = drawing(picture("a b c d"))
        assert len({round(x, 3) for x, _, _, _ in found.boxes.values()}) == 1

    def test_a_long_arrow_is_straight_and_avoids_boxes(self):
        found = drawing(picture("a b c d e", "a e"))
        middle = [way for way in found.ways if way.source == "a" and not way.tail and not way.head]
        assert len({round(way.start[0], 3) for way in middle}) == 1
        x = middle[0].start[0]
        for name in "bcd":
            left, _, width, _ = found.boxes[name]
            assert not left <= x <= left + width

    @pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
    def test_an_arrow_back_passes_beside_all_boxes(self, direction):
        found = drawing(picture("a b c d e", "e b", "d a", groups={"c": ("g",)}), direction)
        across = int(direction in ("TB", "BT"))
        lanes = {way.source: way.aside for way in found.ways if way.aside}
        assert lanes.keys() == {"d", "e"}
        edge = max(place[1 - across] + place[3 - across] for place in (*found.boxes.values(), *found.frames.values()))
        for start, end in lanes.values():
            assert start[1 - across] == end[1 - across] > edge
            assert max(start[1 - across], end[1 - across]) <= (found.height, found.width)[across]
        assert len({start[1 - across] for start, _ in lanes.values()}) == 2

    def test_frames_are_wide_enough_for_their_titles(self):
        graph = picture("a b", groups={"a": ("g",), "b": ("g",)})
        for direction in ("TB", "LR"):
            found = placed(levels(graph.boxes, graph.arrows), {"a": SIZE, "b": SIZE}, {"g": 400.0}, direction)
            assert found.frames["g"][2] >= 400

    def test_it_is_deterministic(self):
        assert drawing(tangle(80, 160, 20)) == drawing(tangle(80, 160, 20))


def svg(graph: Graph) -> ElementTree.Element:
    return ElementTree.fromstring(svg_text(graph, "a & b"))


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


class TestSvg:
    def test_what_is_in_it(self):
        root = svg(network(2))
        assert {"images", "blocks.0: Block", "blocks.1: Block  \u00d712", "Net", "linear", "8 \u00d7 4"} < set(
            texts(root)
        )
        assert root.findtext(f"{SVG}title") == "a & b"

    def test_hostile_names_are_text(self):
        root = svg(hostile())
        shown = [legible(name) for name in HOSTILE]
        assert set(shown) - {""} <= set(texts(root))
        assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
            "svg", "title", "defs", "marker", "path", "rect", "g", "text",
        }  # fmt: skip

    def test_each_kind_has_its_look(self):
        kinds = ["op", "parameter", "input", "constant", "output", "hidden"]
        root = svg(Graph([Box(kind, kind, kind) for kind in kinds], [], "TB", {}))
        looks = {
            group.get("id"): ElementTree.tostring(next(c for c in group if c.tag[len(SVG) :] in ("rect", "ellipse")))
            for group in root.iter(f"{SVG}g")
            if group.get("id")
        }
        plain = {re.sub(rb'\b(x|y|cx|cy|width|height|rx|ry)="[^"]*" ?', b"", look) for look in looks.values()}
        assert len(looks) == len(plain) == len(kinds)

    def test_labels_stand_once_where_they_are_the_same(self):
        boxes = [Box(name, "op", name) for name in "abcd"]
        same = Graph(boxes, [Arrow("a", "b", "3"), Arrow("a", "c", "3")], "TB", {})
        other = Graph(boxes, [Arrow("a", "b", "top: 3"), Arrow("a", "c", "rest: 4")], "TB", {})
        assert texts(svg(same)).count("3") == 1
        assert {"top: 3", "rest: 4"} < set(texts(svg(other)))

    def test_parallel_arrows_are_one_that_says_so(self):
        boxes = [Box(name, "op", name) for name in "abcd"]
        arrows = [Arrow("a", "b", "Q: 2"), Arrow("a", "b", "R: 2"), *[Arrow("b", "c", "2")] * 2, *[Arrow("c", "d")] * 3]
        assert {"Q: 2, R: 2", "2, twice", "3 times"} < set(texts(svg(Graph(boxes, arrows, "TB", {}))))

    def test_heat_and_caption(self):
        boxes = [Box("cold", "op", "a", heat=0.0), Box("hot", "op", "b", heat=1.0), Box("none", "op", "c")]
        root = svg(Graph(boxes, [], "TB", {}, heat="time", caption="colour: time & more " + "and so on " * 20))
        fills = {
            group.get("id"): group.find(f"{SVG}rect").get("fill") for group in root.iter(f"{SVG}g") if group.get("id")
        }
        assert fills == {"cold": "#FFF7EC", "hot": "#B30000", "none": "white"}
        lines = [text for text in root.iter(f"{SVG}text") if "so on" in text.text]
        assert len(lines) > 1
        assert lines[0].text.startswith("colour: time & more")
        assert all(text_width(text.text, 11) < float(root.get("width")) for text in lines)
        assert float(lines[-1].get("y")) < float(root.get("height")) - 16

    def test_marks_look_as_in_graphviz(self):
        boxes = [
            Box("a", "parameter", "w"),
            Box("b", "op", "exp", marks=("cut",)),
            Box("c", "op", "log", marks=("nan",)),
        ]
        root = svg(Graph(boxes, [Arrow("a", "b", "no gradient"), Arrow("b", "c", "2")], "TB", {}))
        looks = {group.get("id"): group[1] for group in root.iter(f"{SVG}g") if group.get("id")}
        assert (looks["b"].tag, looks["b"].get("stroke")) == (f"{SVG}path", "#8A4B00")  # an octagon
        assert (looks["c"].get("stroke"), looks["c"].get("fill")) == ("#C4001A", "#FFE3E3")
        assert [way.get("stroke") for way in root.iter(f"{SVG}path") if way.get("marker-end")] == ["#8A4B00"] * 2

    @pytest.mark.parametrize("seed", [3, 15, 18])
    def test_no_arrow_ends_in_a_line_without_length(self, seed):
        """Its tip would point to the right, whatever way the arrow comes."""
        ways = [way.get("d") for way in svg(tangle(30, 60, 10, seed)).iter(f"{SVG}path") if way.get("marker-end")]
        ends = [re.findall(r"[-\d.]+,[-\d.]+", way)[-2:] for way in ways]
        assert len(ends) > 30
        assert all(before != end for before, end in ends)

    def test_frames_say_which_call(self):
        groups = [Group("g", "rnn", "RNNCell", facts=(("call", "2"), ("backward", "")))]
        assert "rnn: RNNCell, backward (call 2)" in texts(
            svg(Graph([Box("a", "op", "a", group=("g",))], [], "TB", {}, groups=groups))
        )

    @pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
    def test_labels_lie_in_the_picture_and_on_no_box(self, direction):
        graph = Graph([Box(n, "op", n) for n in "ab"], [Arrow("a", "b", "32 \u00d7 64 \u00d7 64")], direction, {})
        root = svg(graph)
        (label,) = [text for text in root.iter(f"{SVG}text") if text.text == "32 \u00d7 64 \u00d7 64"]
        width = text_width(label.text or "", 9)
        left = float(label.get("x", "")) - (width if label.get("text-anchor") == "end" else 0)
        place = (left, float(label.get("y", "")) - 7, width, 7)
        for node in root.iter(f"{SVG}g"):
            if node.get("id"):
                (rect,) = node.iter(f"{SVG}rect")
                assert apart(place, tuple(float(rect.get(name, "")) for name in ("x", "y", "width", "height")))

    @pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
    def test_labels_of_arrows_to_one_box_can_be_read(self, direction):
        arrows = [Arrow(tail, head, f"{tail}: to {head}") for tail in "abc" for head in "xy"]
        arrows += [Arrow(tail, "z", "output: 2 \u00d7 6") for tail in "abc"]
        graph = Graph([Box(n, "op", f"op {n}") for n in "abcxyz"], arrows, direction, {})
        places = []
        for text in svg(graph).iter(f"{SVG}text"):
            if ": " in (text.text or ""):
                width = text_width(text.text, 9)
                left = float(text.get("x")) - (width if text.get("text-anchor") == "end" else 0)
                places.append((text.text, (left, float(text.get("y")) - 7, width, 8)))
        assert sorted(text for text, _ in places) == sorted(
            ["output: 2 \u00d7 6", *[f"{tail}: to {head}" for tail in "abc" for head in "xy"]]
        )
        for (text, place), (other, near) in combinations(places, 2):
            assert text[-1] != other[-1] or apart(place, near)

    def test_large_graphs_are_drawn_by_us(self, tmp_path, monkeypatch):
        def fail(text: str, kind: str) -> bytes:
            raise AssertionError("Graphviz would take minutes")

        monkeypatch.setattr("autograd.draw.picture.drawn", fail)
        path = tangle(1600, 3000, 60).render(tmp_path / "large.svg")
        assert len([g for g in ElementTree.parse(path).iter(f"{SVG}g") if g.get("id")]) == 1600


@pytest.mark.parametrize(
    ("text", "least", "most"), [("", 0, 0), ("iii", 0.5, 1.2), ("WWW", 2.5, 3), ("\u65e5\u672c", 2, 2)]
)
def test_text_width(text, least, most):
    assert least <= text_width(text, 1) <= most
