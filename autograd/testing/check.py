"""``check_op``: every property on every case of an op; ``op_tests``: the same as pytest tests, one a property."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, Unsatisfiable

from ..errors import ArgumentError
from .differences import InconclusiveError
from .drawing import TYPICAL
from .properties import PROPERTIES, Property
from .strategies import arguments, edges
from .subject import Arguments, Subject

__all__ = ["check_op", "check_property", "op_tests", "properties_of"]

EXAMPLES = 4
"""How many times each case of an op is drawn by default, for each property."""

hypothesis.settings.register_profile("chainrule", deadline=None, derandomize=True, max_examples=EXAMPLES, database=None)


def properties_of(op: Any) -> list[Property]:
    """The properties that apply to an op (or composed function).

    >>> import autograd
    >>> from autograd.testing import properties_of
    >>> [found.name for found in properties_of(autograd.exp)][:3]
    ['documented', 'plain_rules', 'inputs_unchanged']
    """
    subject = op if isinstance(op, Subject) else Subject(op)
    return [prop for prop in PROPERTIES.values() if prop.applies(subject)]


def check_op(*ops: Any, max_examples: int | None = None, properties: Iterable[str] | None = None) -> None:
    """Put ops through every property that they must have.

    Args:
        *ops: functions made by ``autograd.op`` or ``autograd.composed``, the library's or yours.
        max_examples: how often each case is drawn (default: 4, or what the active Hypothesis profile says
            if it is not Hypothesis's own default).
        properties: names from ``autograd.testing.PROPERTIES`` (default: all that apply).

    Raises:
        AssertionError: names the op, the property, the case and the numbers.
        TypeError: this is not an op.
        ValueError: there is no such property.

    >>> import autograd
    >>> from autograd.samples import reals
    >>> from autograd.testing import check_op
    >>> @autograd.op(x=lambda g, x: 3 * x * x * g, samples=reals(-2, 2))
    ... def cube(x):
    ...     '''The third power.'''
    ...     return x * x * x
    >>> check_op(cube)
    """
    __tracebackhide__ = True  # pytest shows the message and the test, not this
    for op in ops:
        subject = Subject(op)
        chosen = properties_of(subject)
        if properties is not None:
            names = [properties] if isinstance(properties, str) else list(properties)
            for name in names:
                if name not in PROPERTIES:
                    raise ArgumentError(f"check_op: there is no property {name!r}; there are {', '.join(PROPERTIES)}")
            chosen = [prop for prop in chosen if prop.name in names]
        for prop in chosen:
            check_property(subject, prop, max_examples)


def check_property(op: Any, prop: Property | str, max_examples: int | None = None) -> None:
    """Check one property of an op on all its cases; errors as for ``check_op``."""
    __tracebackhide__ = True  # pytest shows the message, not this
    subject = op if isinstance(op, Subject) else Subject(op)
    prop = PROPERTIES[prop] if isinstance(prop, str) else prop
    if prop.draws is None:
        try:
            prop.check(subject)
        except AssertionError as error:
            raise AssertionError(f"{subject!r} fails '{prop.name}': {error}") from None
        return
    conclusive = [0] * len(subject.cases)
    reasons: list[str] = [""] * len(subject.cases)

    def check(drawn: Sequence[Arguments]) -> None:
        for (number, _), found in zip(_parts(subject), drawn, strict=True):
            try:
                prop.check(found)
                conclusive[number] += 1
            except InconclusiveError as error:
                reasons[number] = str(error)
            except HypothesisException:
                raise
            except Exception as error:  # noqa: BLE001 (whatever an op raises is a failure of the op)
                failed = isinstance(error, AssertionError)
                title = f"fails '{prop.name}' ({prop.doc})" if failed else f"raises where '{prop.name}' is tested"
                what = str(error) if failed else f"{type(error).__name__}: {error}"
                notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
                raise AssertionError(
                    f"{subject!r} {title}\nin case {number} of {len(subject.cases)}: {found!r}\n{what}{notes}"
                ) from (None if failed else error)

    settings = _settings(max_examples)
    try:
        _show(subject, prop.draws, settings, check)
    except Unsatisfiable as error:
        raise AssertionError(f"{subject!r}, '{prop.name}': Hypothesis found no arguments: {error}") from None
    except AssertionError as error:
        raise AssertionError(str(error)) from error.__cause__  # without Hypothesis's note, which only repeats it
    for number, count in enumerate(conclusive):
        if not count and reasons[number]:
            raise AssertionError(
                f"{subject!r}, '{prop.name}': no example of case {number} ({subject.cases[number].arguments}) proved "
                f"anything: {reasons[number]}. If there is a kink or a jump, name it in the domain's avoid=(...). "
                "A forward that writes into its inputs or draws random numbers is not smooth either"
            )


def _parts(subject: Subject) -> list[tuple[int, Any]]:
    """What one example consists of: the numbers of cases, with a shape, or None for any."""
    # simple shapes come first and a few examples may hold no others, so where shapes are free one that is not simple
    # stands beside the one drawn
    return [(n, shape) for n, case in enumerate(subject.cases) for shape in ((TYPICAL, None) if case.free else (None,))]


def _show(subject: Subject, draws: str, settings: Any, check: Callable[[Sequence[Arguments]], None]) -> None:
    """Call ``check`` with examples: if they are not drawn at random, with the same for all properties of an op."""
    if settings.derandomize and Phase.shrink not in settings.phases:
        try:
            for drawn in _examples(subject, draws, settings.max_examples):
                check([replace(found, raw=[array.copy() for array in found.raw]) for found in drawn])
            return
        except HypothesisException:
            pass  # what a domain's make() asks of Hypothesis, assume() say, works only inside it
    _draw(subject, draws, settings, check)


def _draw(subject: Subject, draws: str, settings: Any, run: Callable[[Sequence[Arguments]], None]) -> None:
    """Have Hypothesis call ``run`` with examples."""
    draw = arguments if draws == "arguments" else edges
    strategy = st.tuples(*[draw(subject, subject.cases[n], shape) for n, shape in _parts(subject)])

    def example(drawn: Any) -> None:
        run(drawn)

    settings(given(strategy)(example))()


@lru_cache(maxsize=2)
def _examples(subject: Subject, draws: str, count: int) -> list[Sequence[Arguments]]:
    """The examples that Hypothesis draws for an op when not at random."""
    found: list[Sequence[Arguments]] = []
    _draw(subject, draws, _settings(count), found.append)
    return found


def _settings(max_examples: int | None) -> Callable[[Any], Any]:
    active = hypothesis.settings.default
    assert active is not None
    if active.max_examples == hypothesis.settings.get_profile("default").max_examples and active.database is not None:
        active = hypothesis.settings.get_profile("chainrule")
    phases = active.phases if active.max_examples > 50 else (Phase.explicit, Phase.generate)
    return hypothesis.settings(
        active,
        max_examples=active.max_examples if max_examples is None else max_examples,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def op_tests(
    *ops: Any, max_examples: int | None = None, properties: Iterable[str] | None = None
) -> Callable[..., None]:
    """A pytest test of ops, in one line: each property of each op is a test item of its own.

    In a test module::

        from autograd.testing import op_tests
        from mine import cube, spread

        test_ops = op_tests(cube, spread)        # test_ops[cube-gradient], test_ops[cube-second_order], ...

    Arguments are those of ``check_op``. The items are made by the library's pytest plugin.
    """
    names = None if properties is None else set(properties)
    items = [
        (subject, prop)
        for subject in map(Subject, ops)
        for prop in properties_of(subject)
        if names is None or prop.name in names
    ]

    def test(op: Subject, prop: Property) -> None:
        __tracebackhide__ = True
        check_property(op, prop, max_examples)

    test.op_properties = items  # type: ignore[attr-defined]
    return test
