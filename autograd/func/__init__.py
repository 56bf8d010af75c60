"""Transforms: functions that take a function and return another, such as its gradient, as in ``torch.func``.

They work on functions of Tensors, of arrays (written with plain ``numpy``), and of pytrees of both, and nest freely.
"""

from .forward import jvp as jvp
from .forward import linearize as linearize
from .jacobians import hessian as hessian
from .jacobians import hvp as hvp
from .jacobians import jacfwd as jacfwd
from .jacobians import jacobian as jacobian
from .jacobians import jacrev as jacrev
from .jacobians import vhp as vhp
from .modules import functional_call as functional_call
from .modules import stack_module_state as stack_module_state
from .reverse import elementwise_grad as elementwise_grad
from .reverse import grad as grad
from .reverse import grad_and_value as grad_and_value
from .reverse import value_and_grad as value_and_grad
from .reverse import vjp as vjp
