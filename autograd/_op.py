"""``op``: one block states an op's value, its derivative rules, its NumPy identity, its samples and its docs.

From the block, ``op`` writes two small functions, as ``dataclasses`` does, specialised to the op's signature:

* the public function: takes Tensors apart, runs the forward on plain arrays and records a node that saves
  exactly what the needed rules will ask for;
* ``backward``: calls the rules of the inputs that need a gradient.

``print(add.op.source)`` shows both.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec

import numpy as np

from . import dtypes
from .engine.failures import explain, operand_error
from .engine.modes import local, status
from .engine.mutation import clock
from .engine.nodes import Handle, Leaf, Node, Packed, Pick, array_of, make_node, next_rank
from .engine.views import View, current, shares_memory
from .errors import DtypeError, RuleError
from .samples import Case, as_cases

__all__ = ["COMPOSED", "MANY", "NUMPY", "OPS", "Op", "composed", "new_tensor", "op"]

P = ParamSpec("P")

OPS: dict[str, Op] = {}
"""Every op of the library by name, in the order of definition."""
COMPOSED: dict[str, Callable[..., Any]] = {}
"""Every function that is composed of ops and has samples of its own, by name."""
NUMPY: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For each NumPy function and ufunc the function that computes it on Tensors."""

ALIASES = {"dim": "axis", "keepdim": "keepdims", "correction": "ddof", "x": "input", "y": "other"}
"""Second spellings of arguments that every op accepts: NumPy's of PyTorch's names, and PyTorch's of x and y."""

MANY = "many"
"""``outputs=MANY``: as many outputs as the forward returns."""


def op(
    *numpy: Callable[..., Any],
    samples: Any = None,
    promote: str | None = None,
    view: bool | str = False,
    outputs: tuple[str, ...] | str | None = None,
    lists: tuple[str, ...] = (),
    constants: tuple[str, ...] = (),
    joint: Callable[..., Any] | None = None,
    inputs: tuple[str, ...] | None = None,
    register: bool | None = None,
    **rules: Callable[..., Any],
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Define an op: the decorated function is its forward on plain arrays, written in plain NumPy.

    Args:
        numpy: the NumPy functions that this op is, so that they too work on Tensors. They are called with
            NumPy's arguments: the op must accept these (``axis`` and ``keepdims`` are accepted for ``dim`` and ``keepdim``).
        **rules: for each differentiable input, by its name, the derivative: a function that names what it uses, in
            any order, among ``g`` (the gradient of the output), ``out``, the inputs, the arguments, ``x_shape`` for an
            input ``x``, ``needs`` (which inputs need a gradient). It returns the gradient of its input; broadcasting is
            undone and the dtype restored by the engine. It must be plain NumPy functions and operators, nothing that
            looks at the type of an array: then second derivatives, compilation and the rest work by themselves.
        samples: where to test it (see ``autograd.samples``); ``autograd.testing.check_op`` needs them.
        promote: ``"common"`` computes in the common dtype of the inputs by PyTorch's rules, ``"float"`` also turns
            integers into the default float dtype. For a ufunc it is found from the ufunc's loops.
        view: the result may share memory with its first input. A text says why it must not be written to.
        outputs: names of the outputs, if there are several (then a rule asks for ``g_name``, and for ``name``);
            ``"many"`` if their number varies (then ``g`` is a list).
        lists: the inputs that are a list of arrays; their rule returns a list.
        constants: inputs that may be Tensors, but through which no derivative flows (indices, masks).
        joint: one rule for all inputs, where they share work: returns a tuple, None for what is not in ``needs``.
        inputs: the differentiable inputs, where ``joint`` or no rule at all names them.
        register: whether the op joins the library's table ``OPS`` (default: only the library's own ops do).

    Raises:
        TypeError: a rule asks for something that does not exist, or names no input.

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

    def define(forward: Callable[P, Any]) -> Callable[P, Any]:
        record = Op(
            forward, numpy, rules, samples, promote, view, outputs, lists, constants, joint, inputs
        )
        function = record.write()
        if register or (register is None and record.module.startswith("autograd.ops.")):
            if record.name in OPS:
                raise TypeError(f"op '{record.name}' is defined twice: in {OPS[record.name].module} and {record.module}")
            OPS[record.name] = record
        for identity in numpy:
            NUMPY[identity] = function
        return function

    return define


def composed(
    *numpy: Callable[..., Any], samples: Any = None, inputs: tuple[str, ...] | None = None
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Mark a function that is composed of ops: it accepts ``op``'s second spellings of its arguments.

    Args:
        numpy: the NumPy functions that it is, with their arguments in the same places.
        samples: where to test it, as for ``op``.
        inputs: its differentiable inputs (default: the parameters without default).
    """

    def define(function: Callable[P, Any]) -> Callable[P, Any]:
        signature = inspect.signature(function)
        second = {ALIASES[name]: name for name in signature.parameters if name in ALIASES}
        second = {alias: name for alias, name in second.items() if alias not in signature.parameters}

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                kwargs = {second.get(name, name): value for name, value in kwargs.items()}
            return function(*args, **kwargs)

        call.kernel = call  # type: ignore[attr-defined]
        call.inputs = inputs or tuple(  # type: ignore[attr-defined]
            name for name, parameter in signature.parameters.items() if parameter.default is parameter.empty
        )
        call.cases = as_cases(samples, call.inputs)  # type: ignore[attr-defined]
        if samples is not None and function.__module__.startswith("autograd.ops."):
            COMPOSED[function.__name__] = call
        for identity in numpy:
            NUMPY[identity] = call
        return call  # type: ignore[return-value]

    return define


class Op:
    """What is known of an op; ``add.op`` is that of ``autograd.add``.

    Attributes:
        name, module, doc, params, signature: as of the forward.
        forward: the value, on plain arrays.
        call: the public function.
        rules: the derivative rules by input; ``joint`` the common one.
        inputs: the differentiable inputs; ``constants`` those without derivative; ``lists`` those that are lists.
        outputs: None, the names, or "many".
        saved_names: what a node of this op saves, in this order.
        cases: the samples, as a list of ``Case``.
        source: the text of the two functions written for it.
    """

    always_revive = False

    def __init__(
        self,
        forward: Callable[..., Any],
        numpy: tuple[Callable[..., Any], ...],
        rules: dict[str, Callable[..., Any]],
        samples: Any,
        promote: str | None,
        view: bool | str,
        outputs: tuple[str, ...] | str | None,
        lists: tuple[str, ...],
        constants: tuple[str, ...],
        joint: Callable[..., Any] | None,
        inputs: tuple[str, ...] | None,
    ) -> None:
        self.forward = forward
        self.name = forward.__name__.rstrip("_")
        self.module = forward.__module__
        self.doc = inspect.getdoc(forward)
        self.signature = inspect.signature(forward)
        self.params = tuple(self.signature.parameters)
        self.numpy = numpy
        self.rules = rules
        self.joint = joint
        self.differentiable = bool(rules) or joint is not None
        self.lists = lists
        self.constants = constants
        self.view = view
        self.outputs = outputs
        self.elaborate = outputs is not None
        self.result: Any = tuple
        if isinstance(outputs, tuple):
            self.result = namedtuple(f"{self.name}_result", outputs)._make  # type: ignore[misc]
        self.promote = promote if promote is not None else _promotion_of(numpy)
        named = [p for p in self.params if p in rules or p in (inputs or ())]
        if not named:  # no rules: the inputs are what has no default
            named = [
                p.name
                for p in self.signature.parameters.values()
                if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in constants
            ]
        self.inputs = tuple(named)
        self._check_rules()
        asked = {name for rule in self._rule_list() for name in _asks(rule)}
        self.saved_names = tuple(name for name in self._savable() if name in asked)
        arrays = {*self.inputs, *constants, "out", *(outputs if isinstance(outputs, tuple) else ())}
        self.saves_arrays = bool(arrays & set(self.saved_names))
        self.cases: list[Case] = as_cases(samples, self.inputs)
        self.source = ""
        self.call: Callable[..., Any] = forward
        self.backward: Callable[..., Any] = forward

    def __repr__(self) -> str:
        return f"<op {self.name}{self.signature}>"

    # ---- what the rules ask for -----------------------------------------------------------------------------

    def _rule_list(self) -> list[Callable[..., Any]]:
        return [self.joint] if self.joint is not None else list(self.rules.values())

    def _savable(self) -> list[str]:
        """What a node can save, in the order in which it does."""
        outs = list(self.outputs) if isinstance(self.outputs, tuple) else ["out"]
        return [*self.params, *[f"{name}_shape" for name in self.inputs], *outs]

    def _check_rules(self) -> None:
        unknown = [name for name in self.rules if name not in self.params]
        if unknown:
            raise TypeError(
                f"op '{self.name}': there is a rule for {unknown[0]!r}, but the inputs are {', '.join(self.params)}"
            )
        grads = [f"g_{name}" for name in self.outputs] if isinstance(self.outputs, tuple) else ["g"]
        allowed = [*grads, *self._savable(), "needs"]
        for rule in self._rule_list():
            for name in _asks(rule):
                if name not in allowed:
                    raise TypeError(
                        f"op '{self.name}': a rule asks for {name!r}; it may ask for {', '.join(allowed)}"
                    )

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
        if needed and local.grad:
            node = make_node(self, nodes, self._save(out, nodes, values), out)
        for observer in local.observers:
            observer.after_forward(self, values, out, node)
        if self.outputs is not None:
            return self.result(
                [
                    self._wrap(item, None if node is None or item.dtype.kind not in "fcV" else Pick(node, i), source, values, needed, i)
                    for i, item in enumerate(out)
                ]
            )
        return self._wrap(out, node, source, values, needed, None)

    def _save(self, out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...]) -> Any:
        named = dict(zip(self.params, values, strict=True))
        needing = None
        if self.joint is None and not self.lists:
            needing = {name for name, node in zip(self.inputs, nodes, strict=True) if node is not None}
        saved = []
        for name in self.saved_names:
            if needing is not None and not any(name in _asks(self.rules[i]) for i in needing if i in self.rules):
                saved.append(None)
            elif name in named:
                saved.append(named[name])
            elif name.endswith("_shape") and name[:-6] in named:
                value = named[name[:-6]]
                saved.append(tuple(map(np.shape, value)) if name[:-6] in self.lists else np.shape(value))
            else:
                saved.append(out if name == "out" else out[self.outputs.index(name)])  # type: ignore[union-attr]
        if local.pack is not None:
            return Packed(saved, local.pack, _RUNTIME["Tensor"])
        return tuple(saved)

    def _wrap(
        self, out: Any, node: Any, source: Any, values: tuple[Any, ...], needed: bool, index: int | None
    ) -> Any:
        if not isinstance(out, (np.ndarray, np.generic)):
            out = np.asarray(out)
        result = new_tensor(out, node)
        if source is not None and shares_memory(out, values[0]):
            obstacle = self.view if isinstance(self.view, str) else None
            if needed and node is None:
                obstacle = (
                    f"this view was made by '{self.name}' where no graph was recorded, from a tensor that requires grad; "
                    "writing to it now would change that tensor behind its graph"
                )
            rest = values[1:]

            def cut(base: Any) -> Any:
                made = self.kernel(base, *rest)
                return made if index is None else made[index]

            result._view = View(source, cut, obstacle)
        return result

    def kernel(self, *args: Any, **kwargs: Any) -> Any:
        """The op inside a rule: arrays in and arrays out, Tensors in and (recorded) Tensors out."""
        for arg in itertools.chain(args, kwargs.values()):
            if isinstance(arg, Handle) or (isinstance(arg, (list, tuple)) and any(isinstance(i, Handle) for i in arg)):
                return self.call(*args, **kwargs)
        return self.forward(*args, **kwargs)

    # ---- what the sweep asks ---------------------------------------------------------------------------------

    def revive(self, node: Node, create_graph: bool) -> Any:
        """The saved values; as Tensors connected to the graph if ``create_graph``."""
        saved = node.saved
        if isinstance(saved, Packed):
            saved = saved.unpack()
        if not create_graph:
            return saved
        parents = dict(zip(self.inputs, node.parents, strict=False))
        revived = []
        for name, value in zip(self.saved_names, saved, strict=True):
            if value is None:
                pass
            elif name in self.lists:
                first = self.inputs.index(name)
                value = [_connect(v, p) for v, p in zip(value, node.parents[first:], strict=True)]
            elif name in parents:
                value = _connect(value, parents[name])
            elif name == "out" and self.outputs is None:
                value = _connect(value, node)
            elif isinstance(self.outputs, tuple) and name in self.outputs:
                value = _connect(value, Pick(node, self.outputs.index(name)))
            revived.append(value)
        return tuple(revived)

    def saved_arrays(self, node: Node) -> Iterator[tuple[str, Any]]:
        """The arrays that ``node`` saved, with their names."""
        saved = node.saved
        if isinstance(saved, Packed):
            return
        for name, value in zip(self.saved_names, saved, strict=True):
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, np.ndarray):
                    yield name, item

    # ---- writing the two functions -----------------------------------------------------------------------------

    def write(self) -> Callable[..., Any]:
        """Write and compile the public function and ``backward``; return the former."""
        self.source = "\n".join([*self._call_source(), "", *self._backward_source()])
        body = "\n".join("    " + line if line else "" for line in self.source.split("\n"))
        closed = ["OP", "forward", *[f"rule_{name}" for name in self.rules], "joint"]
        text = f"def _make({', '.join(closed)}):\n{body}\n    return {self.forward.__name__}, backward\n"
        filename = f"<autograd op {self.name}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        place: dict[str, Any] = {}
        exec(compile(text, filename, "exec"), _RUNTIME, place)
        call, self.backward = place["_make"](self, self.forward, *self.rules.values(), self.joint)
        call.__module__ = self.module
        call.__qualname__ = self.forward.__name__
        call.__doc__ = self.forward.__doc__
        call.__wrapped__ = self.forward
        call.op = self
        call.kernel = self.kernel
        self.call = call
        return call

    def _parameters(self) -> str:
        """The public function's parameters: the forward's, required ones made optional for their second spelling."""
        parts = []
        starred = False
        for parameter in self.signature.parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                parts.append(f"*{parameter.name}")
                starred = True
                continue
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            if parameter.default is parameter.empty and ALIASES.get(parameter.name) is None:
                required = all("=" not in part for part in parts)
                parts.append(parameter.name if required or starred else f"{parameter.name}=None")
            elif parameter.default is parameter.empty:
                parts.append(f"{parameter.name}=None")
            else:
                default = f"OP.signature.parameters[{parameter.name!r}].default"
                simple = parameter.default is None or type(parameter.default) in (bool, int, float, str, tuple)
                parts.append(f"{parameter.name}={parameter.default!r}" if simple else f"{parameter.name}={default}")
        aliases = [ALIASES[name] for name in self.params if name in ALIASES and ALIASES[name] not in self.params]
        if aliases and not starred:
            parts.append("*")
        return ", ".join([*parts, *[f"{alias}=None" for alias in aliases]])

    def _call_source(self) -> list[str]:
        lines = [f"def {self.forward.__name__}({self._parameters()}):"]
        add = lines.append
        nodes: list[str] = []
        spread = ""
        for name, parameter in self.signature.parameters.items():
            alias = ALIASES.get(name)
            alias = None if alias in self.params else alias
            if name in self.inputs and name in self.lists:
                add(f"    {name}, {name}_nodes = unpack_list(OP, {name!r}, {name})")
                spread = f", *{name}_nodes" if nodes else f"*{name}_nodes"
            elif name in self.inputs:
                add(f"    if type({name}) is Tensor or isinstance({name}, Handle):")
                if self.view and name == self.inputs[0]:
                    add("        source = x" if name == "x" else f"        source = {name}")
                    add(f"        if isinstance({name}._data, generic): array_of({name})")
                add(f"        {name}_node = {name}._node if {name}._view is None else current({name})")
                add(f"        {name} = {name}._data")
                add(f"        {name}_dtype = {name}.dtype")
                add(f"    elif type({name}) is float:")
                if self.view and name == self.inputs[0]:
                    add("        source = None")
                add(f"        {name}_node = {name}_dtype = None")
                add("    else:")
                if self.view and name == self.inputs[0]:
                    add("        source = None")
                optional = parameter.default is not parameter.empty
                add(f"        {name}, {name}_node, {name}_dtype = operand(OP, {name!r}, {name}, {alias}, {optional})")
                nodes.append(f"{name}_node")
            elif name in self.constants:
                add(f"    if isinstance({name}, Handle):")
                add(f"        {name} = {name}._data")
                add(f"    elif type({name}) is tuple or type({name}) is list:")
                add(f"        {name} = unwrap({name})")
            elif alias is not None:
                add(f"    if {alias} is not None:")
                add(f"        {name} = {alias}")
        lines.extend(self._promotion_source())
        arguments = ", ".join(
            (f"*{p.name}" if p.kind is p.VAR_POSITIONAL else f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else p.name)
            for p in self.signature.parameters.values()
        )
        values = "(" + "".join(f"{name}, " for name in self.params) + ")"
        add("    try:")
        add(f"        out = forward({arguments})")
        add("    except Exception as error:")
        add(f"        raise explain(OP, error, {values}) from None")
        parents = "(" + ", ".join(nodes) + ("," if len(nodes) == 1 and not spread else "") + spread + ("," if spread and not nodes else "") + ")"
        if self.view or self.outputs is not None or self.lists or self.joint is not None:
            add(f"    return OP.record(out, {parents}, {values}{', source' if self.view else ''})")
            return lines
        add("    if status.special:")
        add(f"        return OP.record(out, {parents}, {values})")
        add("    result = new(Tensor)")
        add("    result._data = out")
        add("    result._grad = result._view = None")
        if not self.differentiable:
            add("    result._node = None")
            add("    return result")
            return lines
        add(f"    if {' and '.join(f'{node} is None' for node in nodes)}:")
        add("        result._node = None")
        add("        return result")
        add("    result._node = node = Node()")
        add("    node.op = OP")
        add(f"    node.parents = {parents}")
        add(f"    node.saved = ({''.join(self._saved_expression(name) + ', ' for name in self.saved_names)})")
        add("    node.rank = next_rank()")
        add("    node.time = clock.now")
        add("    node.shape = out.shape")
        add("    node.dtype = out.dtype")
        add("    node.hooks = node.note = None")
        add("    return result")
        return lines

    def _promotion_source(self) -> list[str]:
        """Bring the inputs to a common dtype, unless they visibly have one already."""
        names = [name for name in self.inputs if name not in self.lists]
        if self.promote is None or not names:
            return []
        if len(names) == 1:
            if self.promote == "common":
                return []
            (name,) = names
            return [
                f"    if {name}_dtype is not float32 and {name}_dtype is not float64:",
                f"        {name} = promote_one({name})",
            ]
        joined = ", ".join(names)
        same = " or ".join(f"{names[0]}_dtype is not {name}_dtype" for name in names[1:])
        first = f"{names[0]}_dtype"
        return [
            f"    if {same} or ({first} is not float32 and {first} is not float64):",
            f"        {joined} = promote({joined}, to_float={self.promote == 'float'})",
        ]

    def _saved_expression(self, name: str) -> str:
        """What to save under ``name``: only if a rule that asks for it will run."""
        asking = [f"{i}_node" for i in self.inputs if i in self.rules and name in _asks(self.rules[i])]
        value = name
        if name.endswith("_shape") and name not in self.params:
            value = f"shape({name[:-6]})" if len(self.inputs) > 1 else f"{name[:-6]}.shape"
        if len(asking) == len(self.inputs):
            return value
        return f"({value} if {' or '.join(f'{node} is not None' for node in asking)} else None)"

    def _backward_source(self) -> list[str]:
        lines = ["def backward(g, saved, parents):"]
        if self.saved_names:
            lines.append(f"    ({', '.join(self.saved_names)},) = saved")
        if isinstance(self.outputs, tuple):
            lines.append(f"    ({', '.join(f'g_{name}' for name in self.outputs)},) = g")
        if any("needs" in _asks(rule) for rule in self._rule_list()):
            lines.append("    needs = tuple([parent is not None for parent in parents])")
        if not self.differentiable:
            lines.append("    return (None,) * len(parents)")
        elif self.joint is not None:
            lines.append(f"    return counted(OP, joint({', '.join(_asks(self.joint))}), parents)")
        else:
            calls = []
            for i, name in enumerate(self.inputs):
                rule = self.rules.get(name)
                call = "None" if rule is None else f"rule_{name}({', '.join(_asks(rule))})"
                if name in self.lists:
                    calls.append(f"*counted(OP, {call}, parents[{i}:])")
                elif len(self.inputs) == 1:
                    calls.append(call)
                else:
                    calls.append(f"None if parents[{i}] is None else {call}")
            lines.append(f"    return ({', '.join(calls)},)")
        return lines


def _asks(rule: Callable[..., Any]) -> tuple[str, ...]:
    """The parameter names of a rule: what it uses."""
    found = _asked.get(rule)
    if found is None:
        found = _asked[rule] = tuple(inspect.signature(rule).parameters)
    return found


_asked: dict[Callable[..., Any], tuple[str, ...]] = {}


def new_tensor(data: Any, node: Any = None) -> Any:
    """A Tensor around ``data``, an array or NumPy scalar, taken as it is, at ``node`` of the graph."""
    result = object.__new__(_RUNTIME["Tensor"])
    result._data = data
    result._node = node
    result._grad = result._view = None
    return result


def _connect(value: Any, node: Any) -> Any:
    """A Tensor of ``value`` at ``node`` of the graph; the value itself where there is no node."""
    if node is None or value is None:
        return value
    if type(node) is Leaf and (tensor := node.tensor()) is not None and tensor._data is value:
        return tensor
    return new_tensor(value, node)


def _promotion_of(numpy: Sequence[Callable[..., Any]]) -> str | None:
    """How a ufunc promotes: "float" if it has no loop from integers to integers or bools."""
    for function in numpy:
        if isinstance(function, np.ufunc) and function.signature is None:
            loops = [loop.split("->") for loop in function.types]
            keeps = any(set(a) <= set("lq") and set(b) <= set("lq?") for a, b in loops)
            return "common" if keeps else "float"
    return None


def counted(op: Op, derivatives: Any, inputs: Any) -> Any:
    """``derivatives``, if there is one for each input.

    Raises:
        RuleError: there are more or fewer.
    """
    if not isinstance(derivatives, (tuple, list)) or len(derivatives) != len(inputs):
        found = len(derivatives) if isinstance(derivatives, (tuple, list)) else type(derivatives).__name__
        raise RuleError(f"a rule of op '{op.name}' returned {found} gradients for {len(inputs)} inputs")
    return derivatives


def operand(op: Op, name: str, value: Any, alias: Any, optional: bool) -> tuple[Any, Any, Any]:
    """An input that is no Tensor: its array or number, its node (if ``alias`` is a Tensor after all), its dtype."""
    if value is None and alias is not None:
        value = alias
        if isinstance(value, Handle):
            return value._data, value._node if value._view is None else current(value), value._data.dtype
    if isinstance(value, np.float64):
        return float(value), None, None
    if isinstance(value, np.complex128):
        return complex(value), None, None
    if isinstance(value, (bool, int, float, complex)):
        return value, None, None
    if value is None and optional:
        return None, None, None
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        given = value
        try:
            value = np.asarray(unwrap(value) if isinstance(value, (list, tuple)) else value)
        except ValueError:
            raise operand_error(op, name, given) from None
        if isinstance(given, (list, tuple)) and value.dtype == np.float64:
            value = value.astype(dtypes.default.dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biufcV":
            raise DtypeError(
                f"{op.name}: '{name}' is an array of dtype {value.dtype}; a Tensor holds bool, integer, floating or complex"
            )
        return value, None, value.dtype
    raise operand_error(op, name, value)


def unwrap(value: Any) -> Any:
    """The arrays of the Tensors inside nested tuples, lists and slices."""
    if isinstance(value, Handle):
        return value._data
    if type(value) in (tuple, list):
        return type(value)([unwrap(item) for item in value])
    return value


def unpack_list(op: Op, name: str, values: Any) -> tuple[list[Any], list[Any]]:
    """A list input: the arrays, in their common dtype, and the nodes."""
    if isinstance(values, Handle) or not hasattr(values, "__iter__"):
        raise TypeError(f"{op.name}: '{name}' must be a list or tuple of Tensors, got {type(values).__name__}")
    arrays, nodes = [], []
    for i, value in enumerate(values):
        if isinstance(value, Handle):
            arrays.append(value._data)
            nodes.append(value._node if value._view is None else current(value))
        else:
            arrays.append(operand(op, f"{name}[{i}]", value, None, False)[0])
            nodes.append(None)
    if op.promote is not None and len({getattr(array, "dtype", None) for array in arrays}) > 1:
        arrays = list(promote(*arrays, to_float=op.promote == "float"))
    return arrays, nodes


def promote_one(x: Any) -> Any:
    """An integer, bool or Python number in the default floating dtype; anything else as it is."""
    if not hasattr(x, "dtype"):
        return x if isinstance(x, complex) else dtypes.default.dtype.type(x)
    return x if x.dtype.kind in "fcV" else x.astype(dtypes.default.dtype)


_constants: dict[np.dtype[Any], dict[Any, Any]] = {dtypes.float32: {}, dtypes.float64: {}}
_MAX_CONSTANTS = 1024


def _constant(value: Any, dtype: Any) -> Any:
    """A Python number as a read-only 0-d array: NumPy takes it in half the time of the number itself."""
    cache = _constants[dtype]
    array = cache.get(value)
    if array is None or value == 0:  # 0.0 and -0.0 are one key
        array = np.array(value, dtype)
        array.flags.writeable = False
        if len(cache) < _MAX_CONSTANTS and value != 0:
            cache[value] = array
    return array


def promote(*values: Any, to_float: bool) -> Any:
    """Arrays and Python numbers brought to their common dtype by PyTorch's rules; numbers stay weak."""
    if len(values) == 2:
        x, y = values
        if type(y) in _WEAK and type(x) is np.ndarray and x.dtype in _constants:
            return x, _constant(y, x.dtype)
        if type(x) in _WEAK and type(y) is np.ndarray and y.dtype in _constants:
            return _constant(x, y.dtype), y
        if getattr(x, "dtype", 0) == getattr(y, "dtype", 1) and x.dtype in _constants:
            return x, y
    present = [value for value in values if value is not None]
    dtype = dtypes.common_dtype(present)
    if to_float:
        dtype = dtypes.to_float(dtype)
    return [
        value
        if value is None
        else (value if value.dtype == dtype else value.astype(dtype))
        if hasattr(value, "dtype")
        else dtypes.weak(value, dtype)
        for value in values
    ]


_WEAK = {float, int}

_RUNTIME: dict[str, Any] = {
    "Handle": Handle,
    "Node": Node,
    "Tensor": Handle,
    "array_of": array_of,
    "clock": clock,
    "counted": counted,
    "current": current,
    "explain": explain,
    "float32": dtypes.float32,
    "float64": dtypes.float64,
    "generic": np.generic,
    "new": object.__new__,
    "next_rank": next_rank,
    "operand": operand,
    "promote": promote,
    "promote_one": promote_one,
    "shape": np.shape,
    "status": status,
    "unpack_list": unpack_list,
    "unwrap": unwrap,
}
"""The names that the written functions share. ``Tensor`` is the class that they return: see ``hand_out``."""


def hand_out(tensor_class: type[Handle]) -> None:
    """Tell the ops which class of Tensors to return (once: Tensor is defined after the ops that are its methods)."""
    _RUNTIME["Tensor"] = tensor_class
