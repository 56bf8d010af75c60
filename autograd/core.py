"""The names of HIPS autograd's ``core`` that programs use: those of ``extend``, and products for one argument."""

from .differential_operators import _jvp as make_jvp
from .differential_operators import _vjp as make_vjp
from .extend import JVPNode as JVPNode
from .extend import VJPNode as VJPNode
from .extend import VSpace as VSpace
from .extend import def_linear as def_linear
from .extend import defjvp as defjvp
from .extend import defjvp_argnum as defjvp_argnum
from .extend import defjvp_argnums as defjvp_argnums
from .extend import defvjp as defvjp
from .extend import defvjp_argnum as defvjp_argnum
from .extend import defvjp_argnums as defvjp_argnums
from .extend import primitive as primitive
from .extend import vspace as vspace
from .tracer import Box as Box
from .tracer import getval as getval
from .tracer import isbox as isbox

__all__ = [
    "Box", "JVPNode", "VJPNode", "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp",
    "defvjp_argnum", "defvjp_argnums", "getval", "isbox", "make_jvp", "make_vjp", "primitive", "vspace",
]  # fmt: skip
