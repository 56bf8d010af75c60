"""The op contract table: what each op takes, what it saves, and how right its derivatives are, measured at the call.

``python -m autograd.optable`` prints it; ``op_table`` makes it in a program. ``contracts`` reads definitions,
``measuring`` makes ``findings`` of them, ``tables`` puts all together.

>>> from autograd.optable import op_table
>>> table = op_table(["tanh", "linalg.inv"])
>>> [contract.path for contract in table.contracts]
['autograd.linalg.inv', 'autograd.tanh']
>>> table.problems
[]
"""

from .contracts import Contract as Contract
from .contracts import UnknownOpError as UnknownOpError
from .contracts import contract_of as contract_of
from .findings import Finding as Finding
from .findings import Measured as Measured
from .measuring import measure as measure
from .tables import OpTable as OpTable
from .tables import op_table as op_table
