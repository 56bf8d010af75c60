"""The two forms in which Graphviz comes: the program ``dot``, and the library in pygraphviz's wheel."""

from __future__ import annotations

import threading

__all__ = ["RenderError", "drawn"]


class RenderError(RuntimeError):
    """A picture could not be drawn: Graphviz is missing, or failed."""


def drawn(text: str, kind: str) -> bytes:
    """The picture that the DOT ``text`` describes, in the format ``kind``: "svg", "png" or "pdf".

    Raises:
        RenderError: says what to install, or why Graphviz failed.
    """
    failures = []
    for back_end in (_by_program, _by_library):
        try:
            picture = back_end(text, kind)
        except Exception as error:  # noqa: BLE001 (each has errors of its own; what they say is reported)
            failures.append(f"{back_end.__name__[4:]}: {error}")
        else:
            if picture is not None:
                return picture
    if failures:
        raise RenderError(f"Graphviz failed ({'; '.join(failures)})")
    raise RenderError(
        f"drawing a {kind.upper()} needs Graphviz (.svg, .html and .dot do not). Install it with "
        "`pip install 'chainrule[examples]'` (pygraphviz, whose wheel carries it), or install your system's package "
        "graphviz"
    )


def _by_program(text: str, kind: str) -> bytes | None:
    """Through the package graphviz, if the program ``dot`` is found."""
    import shutil  # which would take a twentieth of `import autograd`'s time

    if shutil.which("dot") is None:
        return None
    try:
        import graphviz
    except ImportError:
        return None
    return bytes(graphviz.Source(text).pipe(format=kind, encoding=None))


def _by_library(text: str, kind: str) -> bytes | None:
    """Through pygraphviz, in this process."""
    try:
        import pygraphviz
    except ImportError:
        return None
    with _one_at_a_time:
        return bytes(pygraphviz.AGraph(string=text).draw(format=kind, prog="dot"))


_one_at_a_time = threading.Lock()
"""Graphviz's library is not made for threads."""
