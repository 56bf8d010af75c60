"""The pytest plugin, installed with the library: ops are tested in one line.

Each property of each op as a test item of its own::

    test_ops = autograd.testing.op_tests(cube, spread)        # test_ops[cube-gradient], test_ops[cube-ties], ...

or one test of all of them, where it belongs among others::

    def test_cube(check_op):
        check_op(cube)

How many examples are drawn is up to Hypothesis: ``--hypothesis-profile=chainrule-deep`` draws 200 of each case.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from autograd import testing

__all__ = ["check_op"]

# pytest loads this wherever the library is installed: without Hypothesis, tests of other things must still run
if find_spec("hypothesis") is not None:
    import hypothesis

    hypothesis.settings.register_profile(
        "chainrule-deep", max_examples=200, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )


def pytest_generate_tests(metafunc: Any) -> None:
    """Make the items of ``op_tests``."""
    items = getattr(metafunc.function, "op_properties", None)
    if items is not None:
        metafunc.parametrize(("op", "prop"), items, ids=[f"{subject.name}-{prop.name}" for subject, prop in items])


@pytest.fixture(name="check_op")
def check_op() -> Callable[..., None]:
    """``autograd.testing.check_op``: puts ops through every property."""

    def run(*ops: Any, **options: Any) -> None:
        __tracebackhide__ = True
        testing.check_op(*ops, **options)

    return run
