"""The page in a real browser, Chromium: what one sees, and what mouse and keyboard do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograd import Graph
from autograd.draw.boxes import Arrow, Box
from autograd.draw.layout import levels
from autograd.draw.places import placed
from tests.browser import Page, contrast, requests, start
from tests.pictures import HOSTILE, back_and_forth, expression, hostile, network, nothing_recorded, tangle


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: Any, tmp_path: Path) -> Page:
    return Page(driver, tmp_path)


class TestBrowser:
    @pytest.mark.parametrize("make", [expression, network, nothing_recorded, hostile, lambda: Graph([], [], "TB", {})])
    def test_it_loads_without_a_complaint_and_without_the_network(self, page, make):
        picture = make()
        page.open(picture)
        assert page.driver.get_log("browser") == []
        assert requests(page.driver) == [(page.folder / "graph.html").as_uri()]
        assert len(page.all("#picture .box")) == len(picture.boxes)

    def test_the_player_walks_forward(self, page):
        page.open(expression())
        assert page.one("#sentence").text.startswith("Press Play")
        assert all(page.visible("#picture .row"))
        page.one("#next").click()
        assert page.ids(".box.now") == ["n0"]
        assert page.ids(".box.later") == ["n1", "n2", "n3", "n4"]
        page.step_to(3)
        assert page.one("#sentence").text == "forward 3 of 5: mul(x, w, y = 3) = [1.0, -3.0]"
        assert page.ids(".box.now") == ["n2"]
        assert page.visible("[data-id=n2] .row") == [True, False]
        assert page.visible("[data-id=n3] .row") == [False, False]
        assert page.texts("[data-id=n2] .row.value .value") == ["[1.0, -3.0]"]
        assert len(page.all(".way.now")) == 2
        assert page.one("#slider").get_attribute("aria-valuetext") == page.one("#sentence").text

    def test_and_then_backward(self, page):
        page.open(expression())
        page.step_to(7)
        assert page.one("#sentence").text.startswith("backward 2 of 3: the gradient of mul's result arrives from h")
        assert page.ids(".box.now") == ["n2"]
        assert page.ids(".box.back") == ["n2", "n3"]
        assert page.ids(".box.later") == []
        assert page.visible(".row.grad") == [False, True, True]
        assert page.texts("[data-id=n2] .row.grad .value") == ["[0.2, 0.1]"]
        page.one("#next").click()
        assert page.ids(".box.now") == ["n1"]
        page.one("#next").click()
        assert page.one("#slider").get_property("value") == "8"
        page.one("#back").click()
        assert page.ids(".box.now") == ["n2"]
        page.one("#first").click()
        assert page.ids(".box.now, .box.later") == []
        page.one("#last").click()
        assert page.ids(".box.now") == ["n1"]

    def test_play_and_pause(self, page):
        page.open(expression())
        page.run("window.ticks = []; window.setInterval = (tick) => { ticks.push(tick); return 1; }; ")
        page.one("#play").click()
        assert page.one("#play").text == "Pause"
        assert page.ids(".box.now") == ["n0"]
        page.run("ticks[0]()")
        assert page.ids(".box.now") == ["n1"]
        page.one("#play").click()
        assert page.one("#play").text == "Play"
        page.one("#play").click()
        page.run("for (let i = 0; i < 20; i++) ticks[1]()")
        assert page.one("#play").text == "Play"

    def test_steps_by_keys(self, page):
        from selenium.webdriver.common.keys import Keys

        page.open(expression())
        page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        assert page.ids(".box.now") == ["n1"]
        page.press(Keys.ARROW_LEFT)
        assert page.ids(".box.now") == ["n0"]
        page.press(Keys.END)
        assert page.one("#sentence").text.startswith("backward 3 of 3")
        page.press(Keys.HOME)
        assert page.one("#sentence").text.startswith("Press Play")
        page.press(Keys.ARROW_RIGHT, on="#search")
        assert page.one("#sentence").text.startswith("Press Play")

    def test_without_records_it_still_walks(self, page):
        page.open(nothing_recorded())
        page.step_to(3)
        assert page.one("#sentence").text == "forward 3 of 6: mul(tanh, y = 2), of shape 3 \u00d7 4"
        assert len(page.ids(".box.later")) == 3

    @pytest.mark.parametrize("direction", ["TB", "LR", "BT", "RL"])
    def test_arrows_go_where_the_direction_says(self, page, direction):
        page.open(network(1, direction))
        first, last = (page.one(f"[data-id={id}] rect.shape").rect for id in ("n0", "n6"))
        axis = "x" if direction in ("LR", "RL") else "y"
        assert (first[axis] < last[axis]) == (direction in ("LR", "TB"))

    def test_boxes_and_frames_do_not_overlap(self, page):
        page.open(network(3))
        script = """return [...document.querySelectorAll(arguments[0])].map((e) => {
            const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })"""

        def check() -> None:
            places = page.run(script, ".box > .shape, .closed > .shape:not(.behind)")
            assert len(places) > 2
            for i, (left, top, right, bottom) in enumerate(places):
                for x, y, u, v in places[:i]:
                    assert right <= x or u <= left or bottom <= y or v <= top

        check()
        page.close_module("b1")
        check()
        page.one("#close-all").click()
        page.one("[data-group=g0]").click()
        check()

    def test_frames_hold_their_boxes(self, page):
        picture = network()
        page.open(picture)
        places = page.run("""const place = (element) => {
                const r = element.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
            const frame = (bar) => [place(bar.querySelector('.grip')), place(bar.parentNode.querySelector('.border'))];
            const all = (selector) => [...document.querySelectorAll('#picture ' + selector)];
            return [Object.fromEntries(all('.box').map((e) => [e.dataset.id, place(e.querySelector('.shape'))])),
                Object.fromEntries(all('.bar').map((e) => [e.dataset.group, frame(e)]))]""")
        for box in picture.boxes:
            left, top, right, bottom = places[0][box.id]
            for group in box.group:
                bar, frame = places[1][group]
                assert frame[0] < left
                assert bar[3] < top
                assert right < frame[2]
                assert bottom < frame[3]

    @pytest.mark.parametrize(
        "make", [network, lambda: tangle(60, 110, 12), back_and_forth], ids=["net", "tangle", "back"]
    )
    def test_the_layout_is_that_of_the_svg(self, page, make):
        picture = make()
        found = levels(picture.boxes, picture.arrows)
        sizes = {box.id: (40.0 + 7 * (number % 9), 20.0 + 5 * (number % 4)) for number, box in enumerate(picture.boxes)}
        titles = {group: 150.0 for group in found if group}
        page.open(Graph([], [], "TB", {}))
        for direction in ("TB", "BT", "LR", "RL"):
            ours = placed(found, sizes, titles, direction, 50.0)
            boxes, frames, ways = page.run(
                """const [levels, sizes, titles, direction] = arguments;
                const entries = (map) => new Map(Object.entries(map));
                const found = arrange(levels, entries(sizes), entries(titles), new Set(), direction, 50);
                return [Object.fromEntries(found.boxes), Object.fromEntries(found.frames),
                    found.ways.map((way) => [
                        way.source, ...way.points, way.tail ?? '', way.head ?? '', way.loose, way.aside ?? []])]""",
                *({group: level._asdict() for group, level in found.items()}, sizes, titles, direction),
            )
            assert boxes == {box: pytest.approx(place, abs=1e-6) for box, place in ours.boxes.items()}
            assert frames == {group: pytest.approx(place, abs=1e-6) for group, place in ours.frames.items()}
            expected = sorted([(*way[:8], way.aside or ()) for way in ours.ways])
            for theirs, way in zip(sorted(ways), expected, strict=True):
                assert (theirs[0], *theirs[5:8]) == (way[0], *way[5:8])
                points = [x for point in [*theirs[1:5], *theirs[8]] for x in point]
                assert points == pytest.approx([x for point in [*way[1:5], *way[8]] for x in point], abs=1e-6)

    def test_modules_close_and_open(self, page):
        page.open(network())
        everything = len(page.all(".box"))
        assert page.texts(".frame-title")[0] == "\u2212 Net"
        page.close_module("b1")
        assert len(page.all(".box")) == everything - 5
        assert page.texts(".closed text")[:2] == ["+ blocks.1", "Block"]
        assert "\u00d712, one is drawn" in page.texts(".closed text")
        assert page.one(".closed").get_attribute("aria-expanded") == "false"
        page.one(".closed").click()
        assert len(page.all(".box")) == everything
        page.one("#close-all").click()
        assert page.ids(".box") == ["n0", f"n{everything - 1}"]
        page.one("#open-all").click()
        assert len(page.all(".box")) == everything

    def test_and_by_keyboard(self, page):
        from selenium.webdriver.common.keys import Keys

        page.open(network())
        page.run("document.querySelector('[data-group=b0]').focus()")
        page.driver.switch_to.active_element.send_keys(Keys.ENTER)
        assert page.run("return document.activeElement.getAttribute('aria-expanded')") == "false"
        page.driver.switch_to.active_element.send_keys(" ")
        assert page.run("return document.activeElement.getAttribute('aria-expanded')") == "true"

    def test_a_step_in_a_closed_module_lights_the_module(self, page):
        page.open(network())
        page.close_module("b0")
        page.step_to(3)
        assert page.one(".closed.now").get_attribute("data-group") == "b0"

    def test_search(self, page):
        from selenium.webdriver.common.keys import Keys

        page.open(network())
        page.close_module("b1")
        page.press("fc1.WEIGHT", on="#search")
        assert page.one("#found").text == "2 found"
        assert page.ids(".box.hit") == ["n3"]
        assert len(page.all(".closed.hit")) == 1
        page.press(Keys.ENTER, Keys.ENTER, on="#search")
        assert page.one("#found").text == "2 of 2 found"
        assert page.one("#panel h2").text == "blocks.1.fc1.weight"
        assert not page.all(".closed")
        page.press("nowhere", on="#search")
        assert page.one("#found").text == "none found"
        page.press(Keys.ESCAPE, on="#search")
        assert not page.all(".hit")

    def test_facts_are_found(self, page):
        page.open(expression())
        page.press("model.py:12", on="#search")
        assert page.ids(".box.hit") == ["n2"]

    def test_pointing_at_a_box_tells_more(self, page):
        from selenium.webdriver import ActionChains

        page.open(expression())
        assert not page.one("#panel").is_displayed()
        ActionChains(page.driver).move_to_element(page.one("[data-id=n2] .title")).perform()
        text = page.one("#panel").text
        for part in ("mul", "[1.0, -3.0]", "[0.2, 0.1]", "float32", "16 B", "model.py:12"):
            assert part in text
        page.step_to(1)
        page.run("document.querySelector('[data-id=n2]').focus()")
        assert page.texts("#panel em") == ["not there yet", "not there yet"]
        page.all(".neighbour")[0].click()
        assert page.one("#panel h2").text == "x"
        page.one("#close").click()
        assert not page.one("#panel").is_displayed()

    def test_large_arrays_have_histograms(self, page):
        page.open(network())
        assert page.one("[data-id=n1] .row.value .bars").get_attribute("d").count("M") == 5
        page.run("document.querySelector('[data-id=n1]').focus()")
        assert len(page.all("#panel .histogram")) == 2

    def test_colour_by_gradient(self, page):
        page.open(expression())
        heat = page.all(".heat")
        assert [float(rect.get_attribute("fill-opacity")) for rect in heat] == sorted(
            [float(rect.get_attribute("fill-opacity")) for rect in heat], reverse=True
        )
        assert [rect.is_displayed() for rect in heat] == [False, False]
        page.one("#heat input").click()
        assert [rect.is_displayed() for rect in heat] == [True, True]
        page.open(network())
        assert not page.all("#heat")

    def test_colours_that_were_asked_for(self, page):
        boxes = [Box("a", "op", "a", heat=1.0), Box("b", "op", "b", heat=0.0)]
        page.open(Graph(boxes, [Arrow("a", "b", "2")] * 2, "TB", {}, heat="time", caption="colour: time & <b>"))
        assert [rect.is_displayed() for rect in page.all(".heat")] == [True, True]
        assert (page.one("#heat").text, page.one("#caption").text) == ("colour by time", "colour: time & <b>")
        assert "2, twice" in [text.text for text in page.all("text.label")]
        page.one("#heat input").click()
        assert [rect.is_displayed() for rect in page.all(".heat")] == [False, False]

    @pytest.mark.parametrize("wish", ["reduce", "no-preference"])
    def test_what_moves_can_rest(self, page, wish):
        feature = {"name": "prefers-reduced-motion", "value": wish}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        page.open(network(4))
        place = "return document.getElementById('layer').getAttribute('transform')"
        before = page.run(place)
        page.run("window.requestAnimationFrame = () => {}")
        page.step_to(15)
        assert (page.run(place) != before) == (wish == "reduce")
        moving = page.run("return getComputedStyle(document.querySelector('.way.now')).animationName")
        assert (moving == "none") == (wish == "reduce")

    def test_pan_and_zoom(self, page):
        from selenium.webdriver import ActionChains

        page.open(network())

        def view() -> list[float]:
            found = re.findall(r"-?[\d.]+", page.one("#layer").get_attribute("transform"))
            return [float(number) for number in found]

        before = view()
        page.one("#zoom-in").click()
        assert view()[2] > before[2]
        page.one("#zoom-out").click()
        assert view() == pytest.approx(before, abs=0.1)
        ActionChains(page.driver).move_to_element_with_offset(
            page.one("main"), -400, 0
        ).click_and_hold().move_by_offset(40, 25).release().perform()
        assert view()[:2] == pytest.approx([before[0] + 40, before[1] + 25], abs=1)
        page.run("document.getElementById('picture').dispatchEvent(new WheelEvent('wheel', {deltaY: -200}))")
        assert view()[2] > before[2]
        page.one("#fit").click()
        drawn, room = page.one("#layer").rect, page.one("#picture").rect
        assert drawn["height"] <= room["height"]
        assert drawn["width"] <= room["width"]

    def test_hostile_names_are_text(self, page):
        page.open(hostile())
        for _ in range(2):
            assert page.driver.title == "Graph"
            assert page.run("return document.scripts.length") == 2
            assert not page.all("img, b, i, script:not([id]) + script")
            for step in range(1, 6):
                page.step_to(step)
            page.run("for (const box of document.querySelectorAll('.box')) box.focus()")
            page.press("<img", on="#search")
            page.one("#close-all").click()
            page.one("#open-all").click()
        titles = page.texts(".box .title")
        assert HOSTILE[5] in titles
        assert "__proto__" in titles
        assert max(map(len, titles)) <= 44
        assert [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"] == []

    def test_what_would_run_is_stopped_by_the_policy(self, page):
        page.open(expression())
        page.run("""const s = document.createElement('script'); s.textContent = "document.title = 'hacked'";
            document.body.append(s)""")
        page.run("document.body.setAttribute('onclick', \"document.title = 'hacked'\"); document.body.click()")
        assert page.driver.title == "Graph"
        assert "Content Security Policy" in page.driver.get_log("browser")[0]["message"]

    def test_a_large_page(self, page):
        page.open(tangle(2000, 3000, 40))
        assert len(page.all("#picture .box")) == 2000
        page.step_to(2100)
        assert page.one("#sentence").text.startswith("backward 100 of 2,000")
        assert page.driver.get_log("browser") == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_text_has_contrast(self, page, scheme):
        page.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        page.open(expression())
        texts = ("ink", "muted", "value", "back")
        colours = page.run(
            """const style = getComputedStyle(document.documentElement);
            const probe = document.body.appendChild(document.createElement('span'));
            return Object.fromEntries(arguments[0].map((name) => {
                probe.style.color = style.getPropertyValue('--' + name);
                return [name, getComputedStyle(probe).color.match(/\\d+/g).map(Number)]; }))""",
            [*(grounds := ["paper", "ground", "op", "parameter", "output", "input", "now-soft", "back-soft"]), *texts],
        )
        for ground in grounds:
            for text in texts:
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)

    def test_controls_have_names(self, page):
        page.open(network())
        unnamed = page.run("""return [...document.querySelectorAll('button, input, [tabindex]')]
            .filter((e) => !e.getAttribute('aria-label') && !e.labels?.length).map((e) => e.outerHTML)""")
        assert unnamed == []
