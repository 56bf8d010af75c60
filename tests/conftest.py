"""How thoroughly the tests draw: Hypothesis's profiles, chosen by ``HYPOTHESIS_PROFILE=deep``."""

from __future__ import annotations

import os

# the matrices of tests are small: threads would only wait for each other (the workers inherit this)
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import gc
import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

import autograd
from autograd.testing import plugin

COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(hypothesis.HealthCheck), "database": None}

hypothesis.settings.register_profile("fast", max_examples=5, derandomize=True, **COMMON)
hypothesis.settings.register_profile("deep", max_examples=200, **COMMON)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_configure(config: Any) -> None:
    """Use the library's plugin even where the library is not installed but only lies here."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, "chainrule")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """The thousands of tests live to the end: Python's collector need not go through them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """The tests of a file go to one worker, which makes what they share once; only the op table goes op by op.

    Few groups also save time by themselves: after each test xdist goes through all of them.
    """
    from xdist.scheduler import LoadGroupScheduling

    class Scheduling(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0] if "::test_op[" not in nodeid else nodeid.rpartition("-")[0]

    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture
def graphviz() -> None:
    """Skips where Graphviz cannot be had."""
    if shutil.which("dot") is None:
        pytest.importorskip("pygraphviz", exc_type=ImportError)  # it may be there, and a library that it needs not


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Every test draws the same random numbers, alone and in any company."""
    autograd.manual_seed(0)
