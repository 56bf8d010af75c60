"""The properties that every op must have, by name, and where each applies.

Each is a small function of one drawn call (``Arguments``) that raises AssertionError. ``check_op`` runs them
all; ``op_tests`` makes each a pytest test of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import derivatives, interpretation, invariants
from .subject import Subject

__all__ = ["PROPERTIES", "Property"]


@dataclass(frozen=True)
class Property:
    """One thing that must hold for an op.

    Attributes:
        check: a function of a drawn call, or of the Subject if ``draws`` is None.
        applies: whether the op can have it at all.
        draws: "arguments" or "edges" (see ``strategies``): where the calls come from.
    """

    check: Callable[[Any], None]
    applies: Callable[[Subject], bool]
    draws: str | None = "arguments"

    @property
    def name(self) -> str:
        """Its name."""
        return self.check.__name__

    @property
    def doc(self) -> str:
        """One line of what it says."""
        return (self.check.__doc__ or "").split("\n")[0]


def _always(subject: Subject) -> bool:
    return True


def _sampled(subject: Subject) -> bool:
    return bool(subject.cases)


def _has_gradient(subject: Subject) -> bool:
    return subject.differentiable and any(slot.leaf for case in subject.cases for slot in subject.slots(case))


def _is_op(subject: Subject) -> bool:
    return subject.op is not None and subject.differentiable


def _is_free(subject: Subject) -> bool:
    return any(case.free for case in subject.cases)


def _broadcasts(subject: Subject) -> bool:
    return any(case.free and len(subject.slots(case)) > 1 for case in subject.cases) and _has_gradient(subject)


def _has_kinks(subject: Subject) -> bool:
    return _has_gradient(subject) and any(
        slot.leaf and slot.domain.avoid and slot.domain.make is None
        for case in subject.cases
        for slot in subject.slots(case)
    )


def _has_ties(subject: Subject) -> bool:
    return _has_gradient(subject) and any(subject.tieable(case) for case in subject.cases)


PROPERTIES: dict[str, Property] = {
    prop.name: prop
    for prop in (
        Property(interpretation.documented, _always, None),
        Property(interpretation.plain_rules, _is_op, None),
        Property(invariants.inputs_unchanged, _sampled),
        Property(derivatives.gradient, _has_gradient),
        Property(derivatives.second_order, _has_gradient),
        Property(derivatives.forward_mode, _has_gradient),
        Property(derivatives.forward_again, _has_gradient),
        Property(derivatives.kinks, _has_kinks),
        Property(derivatives.ties, _has_ties, "edges"),
        Property(invariants.dtypes, _sampled),
        Property(invariants.layouts, _sampled),
        Property(invariants.shapes, _is_free),
        Property(invariants.broadcasting, _broadcasts),
        Property(invariants.separate_memory, _has_gradient),
        Property(interpretation.interpreters, _sampled),
        Property(interpretation.recordable, _sampled),
        Property(interpretation.quiet, _sampled),
    )
}
"""All properties by name."""
