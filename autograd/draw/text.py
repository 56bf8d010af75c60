"""Text from outside, made fit to be drawn: every way of writing a picture takes it through here."""

from __future__ import annotations

import re

__all__ = ["legible", "text_width"]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def legible(text: str, longest: int = 80) -> str:
    """The text with a sign for each character that cannot be printed, and without the middle of what is too long.

    A line break has no place in a name: it draws as an arrow.

    >>> from autograd.draw.text import legible
    >>> legible("two" + chr(10) + "lines")
    'two↵lines'
    """
    text = _UNPRINTABLE.sub(_symbol, text)
    if len(text) > longest:
        text = f"{text[: longest * 2 // 3]}\u2026{text[1 - longest // 3 :]}"
    return text


def _symbol(match: re.Match[str]) -> str:
    """A visible sign for what has none."""
    return {"\t": "\u21e5", "\n": "\u21b5", "\r": "\u21b5"}.get(match.group(), "\ufffd")


def text_width(text: str, size: float) -> float:
    """About how wide a text is in Helvetica or Arial of this size."""
    return size * sum([_WIDTHS.get(sign, 0.58) if sign < "\u1100" else 1.0 for sign in text])


_WIDTHS = {
    sign: width
    for signs, width in (
        ("ijl'|", 0.23),
        ('ft.,:;!/\\I()[]r- "`{}*', 0.34),
        ("ABCDEFGHKLNOPQRSUVXYZw&", 0.72),
        ("mMW@%\u2026\u2192", 0.94),
    )
    for sign in signs
}
"""Of signs that are narrower or wider than most."""
