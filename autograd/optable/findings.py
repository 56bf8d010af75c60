"""What measuring gave, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Finding", "Measured", "PROBLEMS"]

PROBLEMS = ("wrong", "failed", "undecided")
"""The verdicts that ask for attention."""


@dataclass(frozen=True)
class Finding:
    """What one comparison of derivatives gave, over all cases and draws.

    Attributes:
        verdict: "proven" (equal to the differences), "wrong", "failed" (an error was raised), "undecided" (of some case
            the differences do not converge), "none" (there is no derivative); of complex numbers also "value" (they
            are taken, but no gradient is given), "refused", and "internal" of an op that only other functions of the
            library use: it meets complex numbers only if these take them.
        error: the worst relative difference; None where nothing was compared, infinite for a NaN.
        cases: how many cases were compared, for "refused" and "value" tried.
        where: the call of the worst difference or the first failure.
        message: what is wrong, or why it was refused.
    """

    verdict: str
    error: float | None = None
    cases: int = 0
    where: str = ""
    message: str = ""


@dataclass(frozen=True)
class Measured:
    """What came out when an op was run on its samples.

    Attributes:
        first: the gradient.
        second: the gradient's gradient.
        complex: both where floating inputs are complex.
        dtypes: for floating inputs of a dtype, the dtypes of the results that are floating for float64 (of all, if none
            is); empty where no case took it.
        refusals: why a dtype was not taken, by some case at least.
        cases: how many the op has.
        draws: how often each was drawn.
    """

    first: Finding
    second: Finding
    complex: Finding
    dtypes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    cases: int = 0
    draws: int = 0

    @property
    def problems(self) -> list[tuple[str, Finding]]:
        """The findings that ask for attention, with what was measured."""
        named = (("gradient", self.first), ("second order", self.second), ("complex", self.complex))
        return [(what, finding) for what, finding in named if finding.verdict in PROBLEMS]
