"""``op``: one block states an op's value, its derivative rules, its NumPy identity, its samples and its docs.

From the block, ``op`` writes two small functions, as ``dataclasses`` does, specialised to the op's signature:

* the public function: takes Tensors apart, runs the forward on plain arrays and records a node that saves
  exactly what the needed rules will ask for;
* ``backward``: calls the rules of the inputs that need a gradient.

``print(add.op.source)`` shows both. A third is written at its first use: ``push``, which carries tangents on in forward
mode (see ``autograd._pushing``).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import _pushing, _saving
from ._composed import COMPOSED, NUMPY
from ._composed import composed as composed
from ._op_function import OpFunction, P
from ._operands import promotion_of
from ._operands import unwrap as unwrap
from ._signatures import asks, required, title_of
from ._writing import become, stub, taken, write
from .engine.failures import rescue
from .engine.foreign import ForeignArray
from .engine.modes import local
from .engine.nodes import Handle, NodeOp, Packed, Pick, make_node
from .engine.nodes import new_tensor as new_tensor
from .engine.views import View, shares_memory
from .errors import DtypeError
from .return_types import named_tuple
from .samples import Case, as_cases

if TYPE_CHECKING:
    from ._tensor import Tensor

__all__ = ["COMPOSED", "MANY", "NUMPY", "OPS", "Op", "composed", "op"]

OPS: dict[str, Op] = {}
"""Every op of the library by name, in the order of definition."""

MANY: Literal["many"] = "many"
"""``outputs=MANY``: as many outputs as the forward returns."""


@overload
def op(
    *numpy: Callable[..., Any], outputs: None = None, **settings: Any
) -> Callable[[Callable[P, Any]], OpFunction[P, Tensor]]: ...
@overload
def op(
    *numpy: Callable[..., Any], outputs: Literal["many"], **settings: Any
) -> Callable[[Callable[P, Any]], OpFunction[P, tuple[Tensor, ...]]]: ...
@overload
def op(
    *numpy: Callable[..., Any], outputs: tuple[str, ...], **settings: Any
) -> Callable[[Callable[P, Any]], OpFunction[P, Any]]: ...
def op(
    *numpy: Callable[..., Any],
    samples: Any = None,
    promote: str | None = None,
    view: bool | str = False,
    outputs: tuple[str, ...] | str | None = None,
    lists: tuple[str, ...] = (),
    constants: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    tied: bool = False,
    joint: Callable[..., Any] | None = None,
    inputs: tuple[str, ...] | None = None,
    jvp: str | Callable[..., Any] | None = None,
    register: bool | None = None,
    **rules: Callable[..., Any],
) -> Callable[[Callable[P, Any]], OpFunction[P, Any]]:
    """Define an op: the decorated function is its forward on plain arrays, written in plain NumPy.

    Args:
        numpy: the NumPy functions that this op is, so that they too work on Tensors. They are called with
            NumPy's arguments: the op must accept these (``axis`` and ``keepdims`` it accepts for ``dim``, ``keepdim``).
        **rules: for each differentiable input, by its name, the derivative: a function that names what it uses, in
            any order, among ``g`` (the gradient of the output), ``out``, the inputs, the arguments, ``x_shape`` for an
            input ``x``, ``needs`` (which inputs need a gradient). It returns the gradient of its input; broadcasting is
            undone and the dtype restored by the engine. It must be plain NumPy functions and operators, nothing that
            looks at the type of an array: then second derivatives, compilation and the rest work by themselves.
        samples: where to test it (see ``autograd.samples``); ``autograd.testing.check_op`` needs them.
        promote: ``"common"`` computes in the common dtype of the inputs by PyTorch's rules, ``"float"`` also turns
            integers into the default float dtype, ``"real"`` also refuses complex numbers. For a ufunc it is found from
            the ufunc's loops.
        view: the result may share memory with its first input. A text says why it must not be written to.
        outputs: names of the outputs, if there are several (then a rule asks for ``g_name``, and for ``name``);
            ``"many"`` if their number varies (then ``g`` is a list).
        lists: the inputs that are a list of arrays; their rule returns a list.
        constants: inputs that may be Tensors, but through which no derivative flows (indices, masks).
        refused: those of the constants that must not require grad, since one would expect a gradient (weights).
        tied: the derivatives vary with the inputs by jumps only (``relu``), or not at all (average pooling); taken with
            ``create_graph`` they require grad all the same, and their derivative is zero. So it is in PyTorch.
        joint: one rule for all inputs, where they share work: returns a tuple, None for what is not in ``needs``.
        inputs: the differentiable inputs, where ``joint`` or no rule at all names them.
        jvp: what makes forward mode fast, if it is true of the op. ``"symmetric"``: its Jacobian is symmetric, as that
            of all that works element by element, ufuncs for instance, of which it need not be said: a rule carries
            tangents on as it carries gradients back (of complex numbers, if it takes ``g`` as a factor). ``"linear"``:
            in all its inputs together; ``"multilinear"``: in each of them by itself, while inputs with a default are
            added: the forward is called on tangents. ``"reduction"``: each element of an input goes into one element of
            the output, by ``dim`` and ``keepdim`` if it has them: the rule gives the weights of a sum. ``"unknown"``,
            as where nothing is said: the rules are transposed. Or a rule: a function that names ``t_x``, the tangent of
            an input ``x`` (None if it does not move), and what other rules may name (with the default None that is only
            there where a rule that names it can run), and returns that of the output;
            of several outputs a tuple, with None for one that has no derivative, and perhaps functions that return what
            takes much work: they are called if something depends on it.
        register: whether the op joins the library's table ``OPS`` (default: only the library's own ops do).

    Raises:
        TypeError: a rule asks for something that does not exist, or something is said of an input that does not.

    >>> import numpy as np
    >>> from autograd import op, tensor
    >>> from autograd.samples import reals
    >>> @op(x=lambda g, x: 3 * x * x * g, samples=reals(-2, 2))
    ... def cube(x):
    ...     '''The third power.'''
    ...     return x * x * x
    >>> t = tensor([2.0], requires_grad=True)
    >>> cube(t).backward()
    >>> t.grad
    tensor([12.])
    """
    if len(numpy) == 1 and inspect.isfunction(numpy[0]) and not rules and joint is None and samples is None:
        name = numpy[0].__name__
        raise TypeError(f"op: takes the rules first, then the forward: write @op(x=lambda g, ...: ...) above {name}")
    for name, rule in (*rules.items(), *[("the NumPy identity", function) for function in numpy]):
        if not callable(rule):
            raise TypeError(f"op: expected a function for {name}, got {type(rule).__name__} {rule!r}")

    def define(forward: Callable[P, Any]) -> OpFunction[P, Any]:
        if not callable(forward):
            raise DtypeError(
                f"op: expected the forward, a function of arrays, got {type(forward).__name__} {forward!r}"
            )
        record: Any = Op(
            forward, numpy, rules, samples=samples, promote=promote, view=view, outputs=outputs, lists=lists,
            constants=constants, refused=refused, tied=tied, joint=joint, inputs=inputs, jvp=jvp,
        )  # fmt: skip
        function: OpFunction[P, Any] = record.call
        if register or (register is None and record.module.startswith("autograd.ops.")):
            if record.name in OPS:
                raise TypeError(
                    f"op '{record.name}' is defined twice: in {OPS[record.name].module} and {record.module}"
                )
            OPS[record.name] = record
        for identity in numpy:
            NUMPY[identity] = function
        return function

    return define


class Op(NodeOp):
    """What is known of an op; ``add.op`` is that of ``autograd.add``.

    Attributes:
        name, module, doc, params, signature: of the forward; ``title`` is its name with any underscore at the end.
        forward: the value, on plain arrays.
        call: the public function.
        rules: the derivative rules by input; ``joint`` the common one.
        jvp: what is known of the Jacobian; ``settings``: what a node saves beside what rules ask for, because of that.
        inputs: the differentiable inputs; ``constants`` those without derivative; ``lists`` those that are lists.
        outputs: None, the names, or "many".
        saved_names: what a node of this op saves, in this order.
        trusted: an op of the library, whose rules the test suite has proven to keep shapes and dtypes.
        cases: the samples, as a list of ``Case``.
        source: the text of the two functions written for it.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        numpy: tuple[Callable[..., Any], ...],
        rules: dict[str, Callable[..., Any]],
        *,
        samples: Any,
        promote: str | None,
        view: bool | str,
        outputs: tuple[str, ...] | str | None,
        lists: tuple[str, ...],
        constants: tuple[str, ...],
        refused: tuple[str, ...],
        tied: bool,
        joint: Callable[..., Any] | None,
        inputs: tuple[str, ...] | None,
        jvp: str | Callable[..., Any] | None,
    ) -> None:
        self.forward = forward
        self.title = title_of(forward)
        self.name = self.title.rstrip("_")
        self.module = getattr(forward, "__module__", None) or ""
        self.params = asks(forward)
        self.numpy = numpy
        self.rules = rules
        self.joint = joint
        self.differentiable = bool(rules) or joint is not None
        self.lists, self.constants, self.refused = lists, constants, refused
        self.tied = tied
        self.view = view
        self.outputs = outputs
        self.elaborate = outputs is not None
        self._promote = promote
        named = [p for p in self.params if p in rules or p in (inputs or ())]
        if not named:  # no rules: the inputs are what has no default
            named = [name for name in required(forward) if name not in constants]
        self.inputs = tuple(named)
        self._samples = samples
        self.jvp = _pushing.kind_of(self, jvp)
        self.jvp_rule: Any = jvp if callable(jvp) else None
        self.push: Any = None if self.jvp is None else self._first_push
        self.trusted = self.module.startswith(("autograd.ops.", "autograd.scipy."))
        if not self.trusted:
            self._check_rules()
        self.call: Callable[..., Any] = stub(self)
        self.backward: Callable[..., None] = self._first_backward
        self._source: str | None = None
        call: Any = self.call
        call.__module__ = self.module
        call.__qualname__ = self.title
        call.__doc__ = forward.__doc__
        call.__wrapped__ = forward
        call.op = self
        call.kernel = self.kernel

    def __repr__(self) -> str:
        return f"<op {self.name}{self.signature}>"

    # ---- read at first need: reading all at import would take as long as the rest of it --------------------------

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The forward's signature."""
        return inspect.signature(self.forward)

    @functools.cached_property
    def doc(self) -> str | None:
        """The forward's docstring, without its indentation."""
        return inspect.getdoc(self.forward)

    @functools.cached_property
    def result(self) -> Callable[[list[Any]], Any]:
        """What makes the result of several outputs: a named tuple if they have names."""
        if not isinstance(self.outputs, tuple):
            return tuple
        if self.module.startswith(f"{__package__}."):
            return named_tuple(self.name, self.outputs)._make
        return named_tuple(f"{self.name}_result", self.outputs, self.module)._make

    @functools.cached_property
    def promote(self) -> str | None:
        """How the inputs are brought to a common dtype."""
        return self._promote if self._promote is not None else promotion_of(self.numpy)

    @functools.cached_property
    def cases(self) -> list[Case]:
        """The samples, as a list of cases."""
        return as_cases(self._samples, self.inputs)

    settings = functools.cached_property(_pushing.settings)
    saved_names = functools.cached_property(_saving.saved_names)
    saves_arrays = functools.cached_property(_saving.saves_arrays)
    _saving_plan = functools.cached_property(_saving.saving_plan)

    @functools.cached_property
    def operator(self) -> Callable[[Any, Any], Tensor]:
        """The public function as a method like ``__add__``: NotImplemented for an operand of a foreign type."""
        made: Any = stub(self, as_operator=True)
        made.__module__, made.__doc__, made.op = self.module, self.forward.__doc__, self
        return made

    # ---- the two functions ----------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the public function and ``backward``: at the first call, and again after a rule was replaced."""
        self._check_rules()
        written, self.backward, self._source = write(self)
        become(self.call, written)
        if self.jvp is not None:
            self.push = self._first_push
        if "operator" in self.__dict__:
            become(self.operator, written)

    @property
    def source(self) -> str:
        """The text of the two functions."""
        if self._source is None:
            self.write()
        return str(self._source)

    def _first_backward(self, *args: Any) -> None:
        self.write()
        self.backward(*args)

    def _first_push(self, *args: Any) -> Any:
        self.push = _pushing.write_push(self)[0]
        return self.push(*args)

    # ---- what the rules ask for -----------------------------------------------------------------------------

    def all_rules(self) -> list[Callable[..., Any]]:
        """The derivative rules, joint or one by one."""
        return [self.joint] if self.joint is not None else list(self.rules.values())

    def _check_rules(self) -> None:
        for said, names, there in (
            ("there is a rule for", self.rules, self.params),
            ("lists names", self.lists, self.params),
            ("constants names", self.constants, self.params),
            ("refused names", self.refused, self.constants),
        ):
            unknown = [name for name in names if name not in there]
            if unknown:
                what = "inputs" if there is self.params else "constants"
                raise TypeError(
                    f"op '{self.name}': {said} {unknown[0]!r}, but the {what} are {', '.join(there) or 'none'}"
                )
        for name, meaning in taken(self):
            raise TypeError(f"op '{self.name}': the parameter {name!r} has a name that {meaning}; rename it")
        grads = [f"g_{name}" for name in self.outputs] if isinstance(self.outputs, tuple) else ["g"]
        allowed = [*grads, *_saving.savable(self), "needs"]
        for rule in self.all_rules():
            for name in asks(rule):
                if name not in allowed:
                    raise TypeError(f"op '{self.name}': a rule asks for {name!r}; it may ask for {', '.join(allowed)}")

    # ---- recording: the plain form of what the written function does inline -----------------------------------

    def record(self, out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...], source: Any = None) -> Any:
        """Wrap what the forward returned into Tensors, and make the node.

        Args:
            out: the forward's result.
            nodes: of each differentiable input (lists spread out) its node or None.
            values: the forward's arguments in the order of ``params``.
            source: the Tensor that ``out`` may be a view of.
        """
        needed = any(nodes)
        node = None
        if needed and local.grad and (self.outputs is not None or (self.differentiable and out.dtype.kind in "fcV")):
            node = make_node(self, nodes, _saving.save(self, out, nodes, values), out)
            if local.pack is not None:
                node.saved = Packed(node.saved, local.pack)
                node.hooks = {}  # none, but the sweep has to look closer
        for observer in local.observers:
            observer.after_forward(self, values, out, node)
            if needed and node is None:
                observer.after_cut(self, values, out, nodes)
        obstacle = self.view if isinstance(self.view, str) else None
        if source is not None and needed and node is None:
            obstacle = (
                f"this view was made by '{self.name}' where no graph was recorded, from a tensor that requires grad; "
                "writing to it now would change that tensor behind its graph"
            )
        if self.outputs is None:
            return self._wrap(out, node, source, values, None, obstacle)
        picks = [None if node is None or item.dtype.kind not in "fcV" else Pick(node, i) for i, item in enumerate(out)]
        return self.result([self._wrap(item, picks[i], source, values, i, obstacle) for i, item in enumerate(out)])

    def _wrap(
        self, out: Any, node: Any, source: Any, values: tuple[Any, ...], index: int | None, obstacle: str | None
    ) -> Any:
        if not isinstance(out, (np.ndarray, np.generic, ForeignArray)):
            out = np.asarray(out)
        result = new_tensor(out, node)
        if source is not None and shares_memory(out, values[0]):
            result._view = View(source, self, values[1:], index, obstacle)
        return result

    @functools.cached_property
    def _reach(self) -> int:
        """How many of the first parameters can be Tensors: those behind them are settings."""
        places = [self.params.index(name) for name in (*self.inputs, *self.constants, *self.lists)]
        return 1 + max(places, default=-1)

    def kernel(self, *args: Any, **kwargs: Any) -> Any:
        """The op inside a rule: arrays in and arrays out, Tensors in and (recorded) Tensors out."""
        for arg in (*args, *kwargs.values()) if kwargs else args[: self._reach]:
            kind = type(arg)
            if kind is np.ndarray:
                continue
            if kind is tuple or kind is list:
                for item in arg:
                    if isinstance(item, Handle):
                        return self.call(*args, **kwargs)
            elif isinstance(arg, Handle):
                return self.call(*args, **kwargs)
        try:
            return self.forward(*args, **kwargs)
        except Exception as error:
            if not local.levels:
                raise
            if kwargs or len(args) != len(self.params):
                bound = self.signature.bind(*args, **kwargs)
                bound.apply_defaults()
                args = tuple(bound.arguments.values())
            return rescue(self, error, args)

    # ---- what the sweep asks ---------------------------------------------------------------------------------

    renew = _saving.renew
    revive = _saving.revive
    saved_arrays = _saving.saved_arrays
