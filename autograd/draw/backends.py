"""The two forms in which Graphviz comes: the program ``dot``, and the library in pygraphviz's wheel."""

from __future__ import annotations

import sys
import threading

from ..engine.forks import held_at_forks

__all__ = ["RenderError", "drawn"]


class RenderError(RuntimeError):
    """A picture could not be drawn: Graphviz is missing, or failed."""


_PATIENCE = {"svg": 5.0}
_LONG_PATIENCE = 30.0
"""Seconds that Graphviz may take for a large picture. An SVG we can draw ourselves."""
_LARGE = 60_000
"""A text this long or longer is drawn by another process, which can be ended."""


def drawn(text: str, kind: str, remedy: str = "draw a smaller part") -> bytes:
    """The picture that the DOT ``text`` describes, in the format ``kind``: "svg", "png" or "pdf".

    Args:
        text: a picture.
        kind: the format.
        remedy: what the message advises if Graphviz takes too long.

    Raises:
        RenderError: says what to install, why Graphviz failed, or that it takes too long.
    """
    failures = []
    for back_end in (_by_program, _by_library):
        try:
            picture = back_end(text, kind)
        except _TooSlow:
            raise RenderError(
                f"Graphviz did not lay out this picture in {_PATIENCE.get(kind, _LONG_PATIENCE):g} seconds; {remedy}, "
                "draw it as .svg or .html, or write a .dot file for a program with more patience"
            ) from None
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
    if len(text) < _LARGE:
        return bytes(graphviz.Source(text).pipe(format=kind, encoding=None))
    return _in_time(["dot", f"-T{kind}"], text, kind)


def _by_library(text: str, kind: str) -> bytes | None:
    """Through pygraphviz, in this process."""
    try:
        import pygraphviz
    except ModuleNotFoundError:
        return None
    except ImportError as error:  # its wheel carries all but what few systems lack
        raise RenderError(
            f"pygraphviz is there, but cannot be loaded: {error}. That library comes with your system (Debian's are in "
            "libglib2.0-0 and libxrender1); its package graphviz does as well"
        ) from None
    if len(text) >= _LARGE:
        return _in_time([sys.executable, "-c", _PROGRAM, kind], text, kind)
    with _one_at_a_time:
        return bytes(pygraphviz.AGraph(string=text).draw(format=kind, prog="dot"))


class _TooSlow(Exception):
    """Graphviz took too long."""


_PROGRAM = (
    "import sys, pygraphviz; text = sys.stdin.buffer.read().decode(); "
    "sys.stdout.buffer.write(pygraphviz.AGraph(string=text).draw(format=sys.argv[1], prog='dot'))"
)


def _in_time(command: list[str], text: str, kind: str) -> bytes:
    """What a program makes of a text, unless it takes too long."""
    import subprocess  # which would take time at `import autograd`

    patience = _PATIENCE.get(kind, _LONG_PATIENCE)
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=patience, check=True)
    except subprocess.TimeoutExpired:
        raise _TooSlow from None
    except subprocess.CalledProcessError as error:
        raise RenderError(error.stderr.decode(errors="replace").strip()[-1000:]) from None
    return done.stdout


_one_at_a_time = held_at_forks(threading.Lock())
"""Graphviz's library is not made for threads."""
