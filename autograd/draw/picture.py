"""``Graph``: a picture that can be looked at in a notebook or a browser, read as DOT text, or written to a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ArgumentError
from .backends import RenderError, drawn
from .boxes import Arrow, Box, Group, counted
from .dot import dot_text
from .page import page_text
from .svg import svg_text

__all__ = ["Graph"]

_SUFFIXES = (".svg", ".png", ".pdf", ".html", ".dot", ".gv")
_MOST_FOR_GRAPHVIZ = 1500
"""Of more boxes, Graphviz would take minutes to find the places: our own layout finds them."""


class Graph:
    """A picture of a graph. ``autograd.graph`` makes it.

    Attributes:
        boxes, arrows: what is drawn, inputs first.
        direction: where the arrows point: "TB", "LR", "BT" or "RL".
        counts: the numbers of "ops", "leaves", "constants" and "outputs": ops and leaves with those not drawn.
        hidden: how many of the ops are not drawn.
        unreached: the given names that do not occur in the graph: of unused parameters, say.
        groups: the modules around boxes and other groups.
        depth: how many modules lie in each other before those inside are drawn as one box; None: all are drawn.
        heat: what the colours mean: None, "gradient" or "time".
        caption: what stands under the picture.
    """

    def __init__(
        self,
        boxes: Iterable[Box],
        arrows: Iterable[Arrow],
        direction: str,
        counts: Mapping[str, int],
        hidden: int = 0,
        unreached: Sequence[str] = (),
        *,
        groups: Iterable[Group] = (),
        depth: int | None = None,
        heat: str | None = None,
        caption: str = "",
    ) -> None:
        self.boxes = tuple(boxes)
        self.arrows = tuple(arrows)
        self.direction = direction
        self.counts = dict(counts)
        self.hidden = hidden
        self.unreached = tuple(unreached)
        self.groups = tuple(groups)
        self.depth = depth
        self.heat = heat
        self.caption = caption

    def __repr__(self) -> str:
        return f"<Graph: {self._summary()}>"

    def _summary(self) -> str:
        text = ", ".join([counted(n, kind) for kind, n in self.counts.items() if n])
        if self.hidden:
            text += f"; {counted(self.hidden, 'ops')} not drawn"
        if self.depth is not None:
            text += f"; modules folded at depth {self.depth}"
        if self.unreached:
            more = f" and {len(self.unreached) - 3} more" if len(self.unreached) > 3 else ""
            text += f"; not in the graph: {', '.join(map(repr, self.unreached[:3]))}{more}"
        return text

    @property
    def dot(self) -> str:
        """The picture in Graphviz's language DOT."""
        return self._text({})

    @property
    def html(self) -> str:
        """A page for a browser, which needs no network and no other file.

        There modules open and close, boxes are found by a search and tell more when pointed at, and a player walks
        through the steps: forward, as values are computed, and backward, as gradients arrive.
        """
        return page_text(self, self._summary())

    def show(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Open the page in a browser.

        Args:
            path: where to write it; else to a new file among the temporary ones.

        Returns:
            The path.
        """
        import tempfile
        import webbrowser
        from pathlib import Path

        target = Path(tempfile.mkdtemp(prefix="graph-"), "graph.html") if path is None else Path(path)
        self.render(target)
        webbrowser.open(target.resolve().as_uri())
        return target

    def render(self, *paths: str | os.PathLike[str], dpi: int = 144) -> Any:
        """Write the picture to files; the suffix says how.

        ``.html`` is the page that ``html`` describes, ``.dot`` and ``.gv`` are text for Graphviz; these need nothing
        else. ``.svg`` is drawn by Graphviz if it is installed and the graph is not large, else by ourselves. ``.png``
        and ``.pdf`` need Graphviz.

        Args:
            paths: one file, or several.
            dpi: dots per inch of a PNG.

        Returns:
            The path; a list of them if there are several.

        Raises:
            ValueError: another suffix.
            RenderError: for a PNG or PDF, Graphviz is not installed (the message says how to), or failed. The DOT
                text is then written beside the file that could not be drawn.
        """
        if not paths:
            raise TypeError("render: expected a path, such as 'graph.svg'")
        from pathlib import Path  # which would take a tenth of `import autograd`'s time

        targets = [Path(path) for path in paths]
        for path in targets:
            if path.suffix.lower() not in _SUFFIXES:
                raise ArgumentError(
                    f"render: the file name must end in one of {', '.join(_SUFFIXES)}, got {path.name!r}"
                )
        for path in targets:
            kind = path.suffix.lower()[1:]
            texts = {"dot": lambda: self.dot, "gv": lambda: self.dot, "html": lambda: self.html, "svg": self._repr_svg_}
            if kind in texts:
                path.write_bytes(texts[kind]().encode())
                continue
            try:
                text = self._text({"dpi": str(int(dpi))} if kind == "png" else {})
                picture = drawn(text, kind, self._remedy())
            except RenderError as error:
                beside = path.with_suffix(".dot")
                beside.write_bytes(self.dot.encode())
                raise RenderError(f"{path} was not drawn, but its DOT text was written to {beside}: {error}") from None
            path.write_bytes(picture)
        return targets[0] if len(targets) == 1 else targets

    def _text(self, attributes: Mapping[str, str]) -> str:
        return dot_text(self, attributes)

    def _remedy(self) -> str:
        """How to get a smaller picture of the same."""
        named = {group.id for group in self.groups if group.path}
        levels = max((len(named.intersection(box.group)) for box in self.boxes), default=0)
        if levels > 1:
            return f"fold modules with depth={levels - 1}"
        return f"draw fewer nodes with max_nodes={max(len(self.boxes) // 2, 1)}"

    def _repr_svg_(self) -> str:
        if len(self.boxes) <= _MOST_FOR_GRAPHVIZ:
            try:
                return drawn(self.dot, "svg", self._remedy()).decode()
            except RenderError:
                pass  # it is missing, or failed: then we draw
        return svg_text(self, self._summary())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture."""
        return {"text/plain": repr(self), "image/svg+xml": self._repr_svg_()}
