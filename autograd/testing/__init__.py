"""Proof for ops, the library's and yours: properties, Hypothesis strategies, ``assert_close``, a pytest plugin.

Needs Hypothesis (``pip install chainrule[test]``); nothing else in the library does.
"""

from .check import check_op as check_op
from .check import check_property as check_property
from .check import op_tests as op_tests
from .check import properties_of as properties_of
from .compare import assert_close as assert_close
from .properties import PROPERTIES as PROPERTIES
from .properties import Property as Property
from .subject import Arguments as Arguments
from .subject import Subject as Subject
