"""How this machine, its NumPy and its settings suit the library: what is slow for no need, and the line that mends it.

``python -m autograd.doctor`` prints it (``--quick``: in about a second); ``examine`` and ``advise`` do it in a program.
``examining`` asks for all ``findings`` (``software``, ``processor``, ``blas``, ``timing``), ``advice`` judges them,
``text`` writes the report.

>>> from autograd.doctor import Blas, Processor, Report, advise
>>> made_up = Report("1.0", "CPython 3.13", processor=Processor(usable=4), blas=Blas("openblas", threads=8))
>>> [advice.fix for advice in advise(made_up)]
['export OPENBLAS_NUM_THREADS=4']
"""

from .advice import advise as advise
from .examining import examine as examine
from .findings import Advice as Advice
from .findings import Blas as Blas
from .findings import Kernel as Kernel
from .findings import Package as Package
from .findings import Processor as Processor
from .findings import Product as Product
from .findings import Report as Report
from .findings import Simd as Simd
from .findings import Surroundings as Surroundings
from .findings import Timings as Timings
from .text import to_json as to_json
from .text import to_text as to_text
