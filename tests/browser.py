"""Chromium, driven by Selenium, with one of our pages in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograd import Graph

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--window-size=1100,800",
)  # fmt: skip


class Page:
    """A browser with one of our pages in it."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self.folder = folder

    def open(self, picture: Graph) -> Page:
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        path = picture.render(self.folder / "graph.html")
        self.driver.get(path.as_uri())
        self.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})  # as in front of a user
        assert self.run("return document.documentElement.dataset.ready") == "true", self.driver.get_log("browser")
        return self

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def ids(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.dataset.id)", selector)

    def step_to(self, number: int) -> None:
        self.run(
            "const s = document.getElementById('slider'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
            number,
        )

    def press(self, *keys: str, on: str = "body") -> None:
        self.one(on).send_keys(*keys)

    def visible(self, selector: str) -> list[bool]:
        return self.run(
            """return [...document.querySelectorAll(arguments[0])].map((e) =>
                getComputedStyle(e).visibility == 'visible')""",
            selector,
        )

    def close_module(self, group: str) -> None:
        self.one("#fit").click()
        self.one(f"[data-group={group}] .frame-title").click()


def start(profile: Path) -> Any:
    """A browser with a new profile; without one, or its driver, the test that asks for it skips."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    program = shutil.which("chromedriver")
    if not browser or not program:
        pytest.skip("Chromium and its driver are not installed (on Debian: apt install chromium chromium-driver)")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return selenium.Chrome(options=options, service=Service(program))


def requests(driver: Any) -> list[str]:
    """What our page asked for since the last look (the browser's own first page asks too)."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    own = ("chrome:", "chrome-untrusted:")
    return [one["request"]["url"] for one in sent if not one["documentURL"].startswith(own)]


def contrast(one: list[int], other: list[int]) -> float:
    """The contrast ratio of two colours, as the Web Content Accessibility Guidelines define it."""

    def light(colour: list[int]) -> float:
        parts = [c / 255 for c in colour[:3]]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    low, high = sorted([light(one), light(other)])
    return high / low
