"""The graph as one HTML page that needs nothing else: it is looked at, searched, and walked through step by step.

The page holds the graph as JSON, and a script and a style of ours (``page*.js``, ``page.css``), which draw it. What
comes from outside is only ever text there: the script makes no markup of it, and the page's policy lets nothing run
but this script, and nothing be fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from .boxes import Arrow, Box, Group, Values, merged
from .layout import levels
from .steps import steps
from .text import legible

__all__ = ["page_text"]

_SCRIPTS = ("page_layout.js", "page_picture.js", "page.js", "page_details.js")
_MOST_OPEN = 150
"""With more boxes than these, the innermost frames are closed at first, and further ones outwards."""
_LONGEST = 2_000

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Graph</title>
<style>{style}</style>
</head>
<body>
<noscript><p>This page draws the graph by a script of its own, so scripts must be allowed to run.</p></noscript>
<script type="application/json" id="graph">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def page_text(graph: Any, summary: str) -> str:
    """A ``Graph`` as a page, with a ``summary`` of what it shows in a few words."""
    style = _file("page.css")
    script = "\n".join([_file(name) for name in _SCRIPTS])
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = _json(_data(graph, summary))
    return _PAGE.format(policy=policy, style=style, data=data, script=script)


def _file(name: str) -> str:
    """The text of a file of this package, which may lie in an archive."""
    import pkgutil  # which takes some time

    return (pkgutil.get_data(__package__, name) or b"").decode().replace("\r\n", "\n")


def _digest(text: str) -> str:
    """How a Content Security Policy names the one script, or style, that it permits."""
    import base64
    import hashlib

    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(data: Any) -> str:
    """JSON in ASCII, in which nothing can end the element around it or be taken for markup."""
    import json

    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _data(graph: Any, summary: str) -> dict[str, Any]:
    boxes, arrows, groups = graph.boxes, graph.arrows, {group.id: group for group in graph.groups}
    drawn, found = set(arrows), levels(boxes, arrows)
    named = {group: groups.get(group) or Group(group, group, "") for group in found if group}
    return {
        "summary": _cut(summary),
        "caption": _cut(graph.caption),
        "direction": graph.direction,
        "heat": graph.heat,
        "boxes": [_box(box) for box in boxes],
        "arrows": [_arrow(arrow) for arrow in arrows],
        "parallel": [_arrow(arrow) for arrow in merged(arrows) if arrow not in drawn],
        "groups": {
            group: {"path": _cut(that.path), "kind": _cut(that.kind), "times": that.times, "facts": _pairs(that.facts)}
            for group, that in named.items()
        },
        "closed": _closed(boxes),
        "levels": {group: level._asdict() for group, level in found.items()},
        "steps": [step._asdict() for step in steps(boxes, arrows)],
    }


def _box(box: Box) -> dict[str, Any]:
    """A box, without what it does not have, and without lines that tell what the player is to show at its time."""
    told = {f"{name} {text}" for name, text in box.facts if name.startswith(("value ", "grad "))}
    told |= {f"value {box.value.text}"} if box.value else set()
    told |= {f"grad {box.gradient.text}"} if box.gradient else set()
    fields = {
        "id": box.id,
        "kind": box.kind,
        "title": _cut(box.title),
        "lines": [_cut(line) for line in box.lines if line not in told],
        "tooltip": _cut(box.tooltip),
        "again": box.again,
        "group": box.group[-1] if box.group else "",
        "value": _values(box.value),
        "gradient": _values(box.gradient),
        "facts": _pairs(box.facts),
        "marks": box.marks,
        "heat": box.heat,
    }
    return {name: field for name, field in fields.items() if field or field == 0 or name in ("id", "group", "title")}


def _arrow(arrow: Arrow) -> tuple[str, str, str]:
    return arrow.tail, arrow.head, _cut(arrow.label)


def _values(values: Values | None) -> dict[str, Any] | None:
    if values is None:
        return None
    fields = values._asdict() | {"text": _cut(" ".join(values.text.split()))}
    # JSON has no name for what is not finite
    return {
        name: field if not isinstance(field, float) or isfinite(field) else str(field) for name, field in fields.items()
    }


def _pairs(facts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_cut(name), _cut(text)) for name, text in facts]


def _cut(text: str) -> str:
    return legible(text, _LONGEST)


def _closed(boxes: Sequence[Box]) -> list[str]:
    """The groups that are closed at first: of a large graph the inner ones, so that what is seen is readable."""
    depth = max((len(box.group) for box in boxes), default=0)
    while depth > 1:
        seen = {box.group[: depth + 1] if len(box.group) > depth else box.id for box in boxes}
        if len(seen) <= _MOST_OPEN:
            break
        depth -= 1
    return sorted({group for box in boxes for group in box.group[depth:]})
