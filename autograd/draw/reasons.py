"""``why``: says in words why a gradient is None, zero or NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.modes import Mode
from ..engine.nodes import RELEASED, Handle, Leaf, Node
from ..engine.sweep import sweep
from ..engine.views import node_of
from .boxes import Values
from .events import Event, Record, event_of
from .plan import collected
from .recording import Replay
from .tracing import births, cuts, kills, reached, site
from .values import summarise

__all__ = ["why"]

_WATCH = "Run forward and backward inside `with autograd.watch():` and ask again, then the place is known exactly."


def why(param: Any, output: Any = None) -> str:
    """Say why the gradient of a Tensor is None, zero or NaN, or what it is.

    Of what ran inside ``autograd.watch()`` it knows the op and the line at which a gradient's path was cut, or at which
    it became zero or NaN. Otherwise it looks at the graph and, if that still has what backward needs, runs backward
    through it once more without changing any ``.grad``.

    Args:
        param: the Tensor, mostly a parameter.
        output: the loss. Default: what the last backward that was recorded began with.

    Raises:
        TypeError: one of them is not a Tensor.

    >>> import autograd
    >>> w = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w.round() * w.detach()).sum()
    >>> loss.backward(retain_graph=True)
    >>> print(autograd.why(w, loss))
    The gradient is zero everywhere. It ends at op 'round': it is a step function, whose derivative is zero.
    """
    for name, tensor in (("param", param), ("output", output)):
        if not isinstance(tensor, Handle) and not (name == "output" and tensor is None):
            raise TypeError(f"why: {name} must be a Tensor, got {type(tensor).__name__}")
    place = node_of(param)
    if place is None:
        return _no_place(param, output)
    event = event_of(place)
    root, record = _root(event, output)
    given: Any = param._grad
    gradient = None if given is None else summarise(given._data)
    seen = event.gradients[0] if event is not None and event.gradients and len(event.gradients) == 1 else None
    if gradient is None and seen is not None and root is not None and reached(root, event)[0]:
        return f"{_not_kept(place)} {_about(seen, param, place, root, event, output)}"
    if gradient is None:
        return f"The gradient is None: {_none(param, place, event, root, record, output)}"
    return _about(gradient, param, place, root, event, output)


def _root(event: Event | None, output: Any) -> tuple[Event | None, Record | None]:
    """The event of the output, and the record to look in."""
    if output is None:
        return (None, None) if event is None else (event.record.root, event.record)
    node = node_of(output)
    found = event_of(node) if node is not None else None
    if found is None and node is None and event is not None:
        found = event.record.origin(output._data)
    return found, None if found is None else found.record


def _not_kept(place: Any) -> str:
    """Why there is no ``.grad`` though backward computed a gradient at ``place``."""
    if type(place) is Leaf:
        return (
            ".grad is None, though backward did compute a gradient: it was computed by autograd.grad, which returns "
            "it, or .grad was set to None since, as zero_grad() does."
        )
    return f".grad is None, for this is not a leaf, but the result of {site(event_of(place), place)}: {_RETAIN}"


_RETAIN = "backward keeps the gradients of leaves only. Call .retain_grad() on it before backward."


# ---- None ------------------------------------------------------------------------------------------------------------


def _no_place(param: Any, output: Any) -> str:
    if param._data.dtype.kind not in "fcV":
        return (
            f"The gradient is None: its dtype is {param._data.dtype}, and only floating and complex numbers have "
            "gradients."
        )
    origin = None
    node = node_of(output) if output is not None else None
    if node is not None and (event := event_of(node)) is not None:
        origin = event.record.origin(param._data)
    if origin is not None and origin.kind in ("node", "plain") and (origin.cut or origin.kind == "node"):
        cause = {"no_grad": "ran under no_grad", "integer": "gives integers"}.get(origin.cut, "was detached")
        return f"The gradient is None: requires_grad is False, because {site(origin)}, which computed it, {cause}."
    return (
        "The gradient is None: requires_grad is False. If it is to be learned, call .requires_grad_() before computing "
        "with it. If it was computed, then under no_grad, after .detach(), or from nothing that requires grad."
    )


def _none(param: Any, place: Any, event: Event | None, root: Event | None, record: Record | None, output: Any) -> str:
    """Why there is no gradient, of a Tensor that requires one."""
    if type(place) is not Leaf:
        return f"this is not a leaf, but the result of {site(event, place)}: {_RETAIN}"
    if root is not None and record is not None and (event is None or event.record is not record):
        event = record.origin(param._data)  # of its data, which may have been used without it
    if root is not None and event is not None and event.record is record:
        way, path = reached(root, event)
        if way and output is not None and node_of(output) is None:
            return (
                f"the path from the output back to it is cut. What {site(root)} computed was detached to be the "
                "output: by .detach(), .data or .numpy()."
            )
        if way:
            if record is not None and record.sweeps == 0:
                return "no backward has run yet. The output does depend on it: call .backward() on the output."
            return "the last backward took another path, or .grad was set to None since, as zero_grad() does."
        if path:
            return "the path from the output back to it is cut. " + " ".join(cuts(root, event))
        return (
            f"{_UNUSED}. While it was watched, it was used, but not for this output, unless its numbers went on as "
            "those of a new Tensor: through .numpy(), .item(), .tolist() or tensor(...), which cut the path."
        )
    if output is None:
        if record is not None and record.sweeps == 0:
            return "no backward has run yet: call .backward() on the loss."
        return f"no backward has reached it. Give the loss too: why(param, loss). {_WATCH}"
    return _none_by_graph(place, root, output)


_UNUSED = "the output was not computed from it"


def _none_by_graph(place: Any, root: Event | None, output: Any) -> str:
    """The same without a record of both."""
    node = node_of(output)
    if node is None:
        what = f"its dtype is {output._data.dtype}" if output._data.dtype.kind not in "fcV" else (
            "it was detached, or computed under no_grad, or from nothing that requires grad"
        )  # fmt: skip
        return f"the output does not require grad itself: {what}. {_WATCH}"
    ops, leaves = collected([node])
    if place in leaves:
        if any(op.saved is RELEASED for op in ops):
            return (
                "a backward ran through this output, which does depend on it: so .grad was set to None since, as "
                "zero_grad() does, or it was computed by autograd.grad, which returns it."
            )
        return "no backward has run yet. The output does depend on it: call .backward() on the output."
    if root is not None:
        return f"{_UNUSED}: it was not used at all while that was watched. Does the program use another tensor?"
    names = [str((leaf.note or {}).get("name") or f"one of shape {leaf.shape}") for leaf in leaves]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"the output's graph does not lead to it, only to {', '.join(names[:3])}{more}. Either the program used "
        f"another tensor, or something in between cut the path: .detach(), .data, .numpy(), no_grad, integers. {_WATCH}"
    )


# ---- zero, NaN, or neither -------------------------------------------------------------------------------------------


def _about(gradient: Values, param: Any, place: Any, root: Event | None, event: Event | None, output: Any) -> str:
    """What a gradient is, and why, if it is zero or not finite."""
    if not gradient.bad and gradient.norm:
        return f"The gradient is there, finite and not zero: norm {gradient.norm:.4g}, {gradient.text}."
    if root is None or event is None or root.gradients is None or not reached(root, event)[0]:
        root, event = (None, None) if output is None else _replayed(place, output)
    if gradient.bad:
        size = param._data.size
        text = f"The gradient is NaN or infinite in {gradient.bad:,} of {size:,} places." if size > 1 else (
            f"The gradient is {gradient.text}."
        )  # fmt: skip
        return f"{text} {_WATCH if root is None or event is None else ' '.join(births(root, event))}"
    if not param._data.size:
        return "The Tensor has no elements, nor has its gradient."
    return (
        f"The gradient is zero everywhere. {_WATCH if root is None or event is None else ' '.join(kills(root, event))}"
    )


def _replayed(place: Any, output: Any) -> tuple[Event | None, Event | None]:
    """The events of output and leaf from a backward that changes nothing, if the graph still has what it needs."""
    end = node_of(output)
    if type(end) is not Node or output._data.size != 1:
        return None, None
    ops, leaves = collected([end])
    if place not in leaves or any(op.hooks or op.saved is RELEASED for op in ops):
        return None, None
    replay = Replay(ops)
    with Mode(observers=(replay,)):
        sweep([end], [np.ones_like(output._data)], retain=True)
    return replay.events[end], replay.leaves[place]
