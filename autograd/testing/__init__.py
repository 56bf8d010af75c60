"""Proof for ops, the library's and yours: properties, Hypothesis strategies, ``assert_close``, a pytest plugin.

Needs Hypothesis (``pip install hypothesis``), except for ``assert_close``; nothing else in the library does.

``check_op`` and ``op_tests`` (in ``check``) run the ``properties`` of one op (``subject``) on drawn calls of it
(``strategies``, with numbers from ``drawing``). The properties themselves: ``derivatives`` (against ``differences``),
``invariants`` (dtypes, layouts, memory), ``interpretation`` (with ``recording``, and with ``lint``, which reads the
rules' source); all make their calls by ``calls``. ``compare`` has ``assert_close``, ``plugin`` what pytest loads.
"""

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .compare import assert_close as assert_close
from .subject import Arguments as Arguments
from .subject import Subject as Subject

if _TYPE_CHECKING:
    from .check import check_op as check_op
    from .check import check_property as check_property
    from .check import op_tests as op_tests
    from .check import properties_of as properties_of
    from .properties import PROPERTIES as PROPERTIES
    from .properties import Property as Property

_LATER = {
    "check_op": ".check", "check_property": ".check", "op_tests": ".check", "properties_of": ".check",
    "PROPERTIES": ".properties", "Property": ".properties",
}  # fmt: skip
"""What needs Hypothesis: imported when it is first asked for."""


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=_sys.modules[__name__])
    try:
        module = _import_module(_LATER[name], __name__)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(f"autograd.testing.{name} needs Hypothesis: pip install hypothesis") from error
    globals()[name] = found = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
