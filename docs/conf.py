"""Sphinx's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import autograd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from docs import docstrings

project = "chainrule"
author = "The chainrule authors"
release = version = autograd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_made"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3

autosummary_generate = False  # docs/reference_pages.py writes the pages
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "chainrule"
html_static_path = ["_static"]
html_css_files = ["chainrule.css"]
html_extra_path = ["_made/written"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

nitpick_ignore_regex = [
    ("py:.*", r"(?!(autograd|nn|optim)\.).*"),  # of Python, of NumPy, parameters: nothing here describes them
    ("py:class", r"(autograd|nn|optim)\.([a-z_]+\.)+[A-Z]\w*"),  # types in signatures that have no public name
]


def setup(app: Any) -> None:
    """Have docstrings pass through ours before and after Napoleon reads them, and signatures of ops, too."""
    app.connect("autodoc-process-docstring", docstrings.before_napoleon, priority=100)
    app.connect("autodoc-process-docstring", docstrings.after_napoleon, priority=900)
    app.connect("autodoc-process-signature", docstrings.signature_of_op)
