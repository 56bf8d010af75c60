"""PyTorch's ``.pt`` files of weights, without PyTorch and without trusting them.

The pickle inside is read by an unpickler that knows a handful of names. What they stand for are inert records, which
nothing in the pickle can call, change or look into; arrays are built from them afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import NAMES
from ..engine.nodes import new_tensor
from ..errors import CheckpointError
from .archives import members, read_bytes

__all__ = ["is_torch_archive", "read"]

STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "u2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
    "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip
OPCODES = {
    "PROTO", "FRAME", "MEMOIZE", "STOP", "MARK", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1",
    "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET",
    "LONG_BINGET", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID",
}  # fmt: skip
"""All that torch.save writes for dicts of weights."""
MAX_DIMS = 32
MAX_EXPANDED = 2**24
"""Elements of an expanded tensor, whose storage is smaller."""


class _Inert:
    """Something in the pickle that stands for something else."""

    def __setstate__(self, state: Any) -> None:
        raise CheckpointError("load: refused a pickle that changes what it has built")


class _Kind(_Inert):
    """A storage class or a dtype, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Storage(_Inert):
    """The elements of some tensors."""

    def __init__(self, kind: str, key: str, count: int) -> None:
        self.kind = kind
        self.key = key
        self.count = count


class _Piece(_Inert):
    """A tensor: where it lies in its storage, and whether that holds its conjugate or its negative."""

    def __init__(
        self, storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], conj: bool, neg: bool
    ) -> None:
        self.storage = storage
        self.offset = offset
        self.size = size
        self.stride = stride
        self.conj = conj
        self.neg = neg


class _Maker(_Inert):
    """A function that the pickle may call."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


class _Ordered(OrderedDict[Any, Any]):
    """An OrderedDict that leaves out the attributes (of state dicts: versions of modules) in the pickle."""

    def __setstate__(self, state: Any) -> None:
        pass


def _is_size(value: Any) -> bool:
    return type(value) is tuple and len(value) <= MAX_DIMS and all(type(n) is int and 0 <= n < 2**62 for n in value)


def _tensor(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any = False, hooks: Any = None, flags: Any = None
) -> _Piece:
    """The tensor of ``torch._utils._rebuild_tensor_v2``, if it lies within its storage."""
    if not (type(storage) is _Storage and _is_size((offset,)) and _is_size(size) and _is_size(stride)):
        raise CheckpointError("load: refused a tensor whose storage, offset, size or stride is none")
    count = math.prod(size)
    end = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1 if count else offset
    distinct = math.prod([n for n, step in zip(size, stride, strict=True) if step or not n])
    if max(end, distinct) > storage.count or count > max(storage.count, MAX_EXPANDED):
        raise CheckpointError(
            f"load: refused a tensor of size {size}, stride {stride} and offset {offset} that does not lie within its "
            f"storage of {storage.count} elements"
        )
    flags = {} if flags is None else flags
    if type(flags) is not dict or not flags.items() <= {("conj", True), ("neg", True)}:
        raise CheckpointError(f"load: refused a tensor with the properties {flags!r:.80}")
    return _Piece(storage, offset, size, stride, "conj" in flags, "neg" in flags)


def _parameter(data: Any, *others: Any) -> _Piece:
    """The tensor of ``torch._utils._rebuild_parameter``."""
    if type(data) is not _Piece:
        raise CheckpointError("load: refused a parameter that is not a tensor")
    return data


def _size(sizes: Any = ()) -> tuple[int, ...]:
    """The tuple for ``torch.Size``."""
    if not _is_size(sizes):
        raise CheckpointError("load: refused a shape that is none")
    made: tuple[int, ...] = sizes
    return made


def _ordered(*args: Any) -> _Ordered:
    return _Ordered(*args)


def _counter(counts: Any = None) -> Counter[Any]:
    """The Counter of a scheduler's milestones."""
    if type(counts) is not dict:
        raise CheckpointError("load: refused a Counter without counts")
    return Counter(counts)


def _complex(real: Any, imag: Any) -> complex:
    """The number for ``complex``."""
    if type(real) is not float or type(imag) is not float:
        raise CheckpointError("load: refused a complex number of other parts than two numbers")
    return complex(real, imag)


def _known(module: str, name: str) -> Any:
    """What a name in the pickle stands for."""
    if (module, name) in MAKERS:
        return MAKERS[module, name]
    if module == "torch" and (name in STORAGES or name in NAMES):
        return _Kind(name)
    raise CheckpointError(
        f"load: refused {module}.{name}: only tensors, numbers, text, and dicts, lists and tuples of them are read "
        "from a PyTorch file; save the model's state_dict() there, not the model"
    )


MAKERS = {
    ("collections", "OrderedDict"): _Maker(_ordered),
    ("collections", "Counter"): _Maker(_counter),
    ("__builtin__", "complex"): _Maker(_complex),
    ("torch", "Size"): _Maker(_size),
    ("torch._utils", "_rebuild_tensor_v2"): _Maker(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Maker(_parameter),
}


class _Unpickler(pickle.Unpickler):
    """Knows those names and no others."""

    def find_class(self, module: str, name: str) -> Any:
        return _known(module, name)

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _Kind(name=kind), str(key), str(), int(count)) if kind in STORAGES and count >= 0:
                return _Storage(kind, key, count)
        raise CheckpointError("load: refused a reference to something that is not a storage")


def _check_opcodes(content: bytes) -> None:
    """Raise CheckpointError for instructions beyond those needed, or that would need much memory."""
    import pickletools

    argument: Any
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
        if opcode.name == "GLOBAL":
            _known(*argument.split(" ", 1))
        if opcode.name not in OPCODES:
            raise CheckpointError(f"load: refused the instruction {opcode.name} in the pickle of a PyTorch file")
        if opcode.name.endswith("BINPUT") and argument > count:
            raise CheckpointError(f"load: refused a pickle that numbers its objects up to {argument}")


class _Loader:
    """Builds the arrays of an archive."""

    def __init__(self, archive: Any, infos: dict[str, Any], prefix: str) -> None:
        self.archive = archive
        self.infos = infos
        self.prefix = prefix
        self.storages: dict[str, tuple[str, Any]] = {}
        self.done: dict[int, Any] = {}
        order = (
            read_bytes(archive, infos[f"{prefix}byteorder"]).tobytes() if f"{prefix}byteorder" in infos else b"little"
        )
        if order not in (b"little", b"big"):
            raise CheckpointError(f"load: unknown byte order {order[:20]!r}")
        self.order: Any = "<" if order == b"little" else ">"

    def load(self) -> Any:
        """What the pickle describes, with Tensors."""
        content = read_bytes(self.archive, self.infos[f"{self.prefix}data.pkl"]).tobytes()
        _check_opcodes(content)
        return self.build(_Unpickler(io.BytesIO(content)).load())

    def build(self, value: Any) -> Any:
        """Replace the records in an object; what occurs twice in it is built once."""
        if id(value) not in self.done:
            self.done[id(value)] = (self._built(value), value)  # the value is kept, so that its id stays its own
        return self.done[id(value)][0]

    def _built(self, value: Any) -> Any:
        if isinstance(value, dict):
            items = {self.build(key): self.build(item) for key, item in value.items()}
            kind = type(value)
            return OrderedDict(items) if kind is _Ordered else Counter(items) if kind is Counter else items
        if isinstance(value, (list, tuple)):
            return type(value)([self.build(item) for item in value])
        if isinstance(value, _Piece):
            return self._tensor(value)
        if isinstance(value, _Kind) and value.name in NAMES:
            return NAMES[value.name]
        if isinstance(value, _Inert):
            raise CheckpointError("load: refused a pickle with a part of a tensor where a value is expected")
        return value

    def _tensor(self, piece: _Piece) -> Any:
        elements = self._elements(piece.storage)
        step = elements.itemsize
        if not math.prod(piece.size):
            return new_tensor(np.empty(piece.size, elements.dtype))
        array = np.ndarray(piece.size, elements.dtype, elements, piece.offset * step, [n * step for n in piece.stride])
        # read-only where it is expanded, as what is expanded here
        array.flags.writeable = all(step or n == 1 for n, step in zip(piece.size, piece.stride, strict=True))
        if piece.conj:
            array = np.conjugate(array)
        return new_tensor(np.negative(array) if piece.neg else array)

    def _elements(self, storage: _Storage) -> Any:
        """The elements of a storage, read when they are first needed; tensors that share it share its memory."""
        if storage.key not in self.storages:
            info = self.infos.get(f"{self.prefix}data/{storage.key}")
            dtype = np.dtype(STORAGES[storage.kind]).newbyteorder(self.order)
            if info is None or info.file_size != storage.count * dtype.itemsize:
                raise CheckpointError(
                    f"load: storage {storage.key!r} should have {storage.count} elements of {dtype.itemsize} bytes, "
                    f"the archive has {'none' if info is None else f'{info.file_size:,} bytes'}"
                )
            elements = read_bytes(self.archive, info).view(dtype)
            elements = elements.astype(dtype.newbyteorder("="), copy=False)
            if storage.kind == "BFloat16Storage":  # the upper half of a float32
                elements = (elements.astype(np.uint32) << 16).view(np.float32)
            self.storages[storage.key] = storage.kind, elements
        kind, elements = self.storages[storage.key]
        if kind != storage.kind or len(elements) != storage.count:
            raise CheckpointError(f"load: refused a pickle that describes storage {storage.key!r} in two ways")
        return elements


def is_torch_archive(archive: Any) -> bool:
    """Whether a ZipFile is one that torch.save wrote."""
    return any(name.endswith("/data.pkl") for name in archive.namelist())


def read(archive: Any, size: int) -> Any:
    """What torch.save was given: dicts, lists and tuples of Tensors, numbers and text.

    Args:
        archive: a ZipFile.
        size: of the file.

    Raises:
        CheckpointError: it is damaged, or holds more than that.
    """
    infos = members(archive, size)
    pickles = [name for name in infos if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise CheckpointError(f"load: expected one data.pkl in the archive, got {len(pickles)}")
    return _Loader(archive, infos, pickles[0].removesuffix("data.pkl")).load()
