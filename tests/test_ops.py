"""The whole op table through every property: an item is ``test_op[tanh-second_order]``.

An op without docstring or samples fails here, so that none can join the table untested.
"""

from __future__ import annotations

import autograd
import nn  # noqa: F401 (its functions bring in the ops that autograd itself does not offer)
from autograd.testing import op_tests
from autograd.testing.subject import table

test_op = op_tests(*table())


def test_every_op_is_tested() -> None:
    """Nothing of the library's table is left out, and each is tested for more than its documentation."""
    tested = {subject.name: set() for subject, _ in test_op.op_properties}  # type: ignore[attr-defined]
    for subject, prop in test_op.op_properties:  # type: ignore[attr-defined]
        tested[subject.name].add(prop.name)
    assert {op.name for op in autograd.OPS.values()} <= set(tested)
    for op in autograd.OPS.values():
        assert "interpreters" in tested[op.name], op.name
        assert not op.differentiable or {"gradient", "second_order", "recordable"} <= tested[op.name], op.name
