"""autograd.save and autograd.load: what comes back, what is refused, damaged and hostile files; resumed training."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import struct
import sys
import threading
import tracemalloc
import types
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as safe

import autograd
import nn
import optim
from autograd import CheckpointError
from autograd.serialization import archives, files, npz_files, safe_files
from nn import data

FORMATS = ("safetensors", "npz")
DTYPES = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32",
          "float64", "complex64", "complex128")  # fmt: skip


def same(a: Any, b: Any) -> bool:
    """Whether two nested objects are of equal types, dtypes and bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, autograd.Tensor):
        return same(a.numpy(), b.numpy())
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) or (a != a and b != b)


def round_trip(thing: Any, folder: Path, suffix: str) -> Any:
    path = folder / f"saved.{suffix}"
    autograd.save(thing, path)
    return autograd.load(path)


def everything() -> dict[Any, Any]:
    """One of each."""
    return {
        "weight": autograd.arange(6.0).reshape(2, 3),
        "deep": [{"bias": autograd.tensor(1.5), "array": np.arange(3)}, (1, (2.5, None), [])],
        "optimizer": {"state": {0: {"step": 3}, 7: {"step": 4}}, "betas": (0.9, 0.999)},
        "rng": autograd.Generator().manual_seed(3).get_state(),
        "text": "äöü \U0001f600 \n\0 $tensor",
        "$tensor": {"$tensor": "a", "": 1},
        "ordered": OrderedDict([("b", 1), ("a", autograd.ones(0, 3))]),
        "milestones": Counter([30, 80]),
        ("a", 1): True,
        None: math.inf,
        "nan": math.nan,
        "zero": -0.0,
        "complex": 1 - 2j,
        "numbers": [np.float32(0.1), np.int8(-1), np.float64(0.1), np.complex64(1j), np.bool_(True)],
        "dtype": np.dtype("float16"),
        "big": -(2**200),
    }


@pytest.mark.parametrize("suffix", FORMATS)
class TestRoundTrip:
    def test_everything(self, suffix: str, tmp_path: Path) -> None:
        assert same(round_trip(everything(), tmp_path, suffix), everything())

    @pytest.mark.parametrize("thing", [None, 1, "a", [], {}, (), autograd.ones(2), np.ones(())])
    def test_small_things(self, thing: Any, suffix: str, tmp_path: Path) -> None:
        assert same(round_trip(thing, tmp_path, suffix), thing)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [(), (3,), (2, 0, 3), (2, 3)])
    def test_dtypes(self, dtype: str, shape: Any, suffix: str, tmp_path: Path) -> None:
        count = math.prod(shape)
        raw = np.arange(count * np.dtype(dtype).itemsize) * 37 % 251
        array = (raw.astype("u1").view(dtype) if dtype != "bool" else raw % 2 == 0).reshape(shape)
        assert same(round_trip({"a": array}, tmp_path, suffix)["a"], array)

    @pytest.mark.parametrize(
        "layout",
        [
            lambda a: a.T,
            lambda a: a[::-1, ::2],
            lambda a: np.asfortranarray(a),
            lambda a: np.broadcast_to(a[:1], (5, 6)),
            lambda a: a.astype(">f8"),
            lambda a: a[1:, 1:],
        ],
    )
    def test_layouts(self, layout: Any, suffix: str, tmp_path: Path) -> None:
        array = layout(np.arange(24.0).reshape(4, 6))
        made = round_trip([array], tmp_path, suffix)[0]
        assert made.dtype == np.float64
        assert np.array_equal(made, array)
        assert made.flags.c_contiguous
        assert made.flags.writeable

    def test_tied_weights_stay_tied(self, suffix: str, tmp_path: Path) -> None:
        w = autograd.rand(40, 50)
        made = round_trip({"a": w, "deep": [w.detach()], "b": w.clone(), "t": w.T}, tmp_path, suffix)
        assert np.shares_memory(made["a"].numpy(), made["deep"][0].numpy())
        assert not np.shares_memory(made["a"].numpy(), made["b"].numpy())
        assert not np.shares_memory(made["a"].numpy(), made["t"].numpy())
        assert same(made["t"].clone(), w.T.clone())
        alone = tmp_path / f"alone.{suffix}"
        autograd.save([w, w.detach(), w.numpy()], alone)
        assert alone.stat().st_size < 1.5 * w.nbytes

    def test_empty_arrays_are_not_tied(self, suffix: str, tmp_path: Path) -> None:
        empty = np.empty((2, 0))
        made = round_trip([empty, empty], tmp_path, suffix)
        assert made[0] is not made[1]

    def test_names_that_meet(self, suffix: str, tmp_path: Path) -> None:
        keys = ["a.b", "__metadata__", "__structure__", "x\0y", "x_y", "\ud800", "n" * 1000, "../up/\\x"]
        thing = {"a": {"b": np.ones(1)}, **{key: np.full(1, i) for i, key in enumerate(keys)}}
        assert same(round_trip(thing, tmp_path, suffix), thing)

    @pytest.mark.parametrize(
        ("thing", "text"),
        [
            ({"a": [1, {2}]}, r"cannot save an object of type set \(at 'a.1'\)"),
            (nn.Linear(1, 1), r"cannot save an object of type Linear \(at the top\).*state_dict"),
            ({"a": np.array(["x"])}, "dtype <U1"),
            ({"a": np.array([None])}, "dtype object"),
            ({b"a": 1}, "a bytes as key"),
            ({"a": np.dtype("V3")}, "cannot save a"),
        ],
    )
    def test_refused(self, thing: Any, text: str, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / f"saved.{suffix}"
        autograd.save(1, path)
        with pytest.raises(CheckpointError, match=text):
            autograd.save(thing, path)
        assert autograd.load(path) == 1
        assert os.listdir(tmp_path) == [path.name]

    def test_loop_is_refused(self, suffix: str, tmp_path: Path) -> None:
        loop: list[Any] = [1]
        loop.append({"again": loop})
        with pytest.raises(CheckpointError, match=r"the list at '1.again' contains itself"):
            autograd.save(loop, tmp_path / f"saved.{suffix}")
        assert round_trip([loop[:1]] * 2, tmp_path, suffix) == [[1], [1]]
        deep: list[Any] = []
        for _ in range(10_000):
            deep = [deep]
        with pytest.raises(CheckpointError, match="nested too deeply"):
            autograd.save(deep, tmp_path / f"saved.{suffix}")

    def test_failed_write_leaves_the_old_file_alone(
        self, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / f"saved.{suffix}"
        autograd.save([1], path)

        def full(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        for target in ("fsync", "replace"):
            with monkeypatch.context() as patch:
                patch.setattr(os, target, full)
                with pytest.raises(OSError, match="No space"):
                    autograd.save([2], path)
            assert os.listdir(tmp_path) == [path.name]
            assert autograd.load(path) == [1]


def test_equal_contents_give_equal_npz_files(tmp_path: Path) -> None:
    for name in "ab":
        autograd.save(everything(), tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_paths(tmp_path: Path) -> None:
    for name in ("a.pt", "a.pth", "a.bin"):
        with pytest.raises(ValueError, match=r"name it \.safetensors"):
            autograd.save({}, tmp_path / name)
    for path in (tmp_path / "no" / "a.npz", tmp_path / "b"):
        with pytest.raises(FileNotFoundError):
            autograd.load(path)
    with pytest.raises(FileNotFoundError):
        autograd.save({}, tmp_path / "no" / "a.npz")
    with pytest.raises(ValueError, match="no device 'cuda'"):
        autograd.load(tmp_path / "b", map_location="cuda")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    autograd.save(1, path)
    os.chmod(path, 0o600)
    autograd.save(2, path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_permissions_are_those_of_other_new_files(suffix: str, tmp_path: Path) -> None:
    path, other = tmp_path / f"a{suffix}", tmp_path / "other"
    other.touch()
    autograd.save(1, path)
    assert path.stat().st_mode == other.stat().st_mode
    for mode in (0o666, 0o640):
        os.chmod(path, mode)
        autograd.save(2, path)
        assert path.stat().st_mode & 0o777 == mode


def test_a_write_protected_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    autograd.save(1, path)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(PermissionError, match="write-protected"):
        autograd.save(2, path)
    assert autograd.load(path) == 1
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name in ("there", "new"):
        (tmp_path / name).symlink_to(Path("runs", name))
    autograd.save(1, tmp_path / "runs" / "there")
    for name in ("there", "new"):
        autograd.save(2, tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert autograd.load(tmp_path / "runs" / name) == 2
    assert sorted(os.listdir(tmp_path / "runs")) == ["new", "there"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_gets_the_bytes(tmp_path: Path) -> None:
    path, got = tmp_path / "pipe.npz", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()
    autograd.save({"a": autograd.ones(2)}, path)
    reader.join(10)
    assert path.is_fifo()
    assert autograd.load(io.BytesIO(got[0]))["a"].tolist() == [1, 1]
    threading.Thread(target=path.write_bytes, args=(got[0],), daemon=True).start()
    assert autograd.load(path)["a"].tolist() == [1, 1]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises((IsADirectoryError, PermissionError)):
        autograd.save(1, tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]


# ---- files of other programs ---------------------------------------------------------------------------------------


def test_safetensors_of_others(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    arrays = {"b": np.ones((2, 3), "f4"), "a": np.arange(3)}
    safe.save_file(arrays, path, {"format": "pt", "tied": "b", "author": "me"})
    made = autograd.load(path)
    assert set(made) == {"a", "b", "tied"}
    assert all(isinstance(tensor, autograd.Tensor) for tensor in made.values())
    assert np.shares_memory(made["tied"].numpy(), made["b"].numpy())
    assert np.array_equal(made["a"].numpy(), arrays["a"])


def test_others_read_our_safetensors(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    model[1].bias = model[0].bias
    path = str(tmp_path / "a")
    autograd.save(model.state_dict(), path)
    made = safe.load_file(path)
    assert set(made) == {"0.weight", "0.bias", "1.weight"}
    assert np.array_equal(made["0.weight"], model[0].weight.detach().numpy())
    with safe_files_metadata(path) as metadata:
        assert metadata["1.bias"] == "0.bias"
        assert metadata["format"] == "pt"


class safe_files_metadata:
    def __init__(self, path: str) -> None:
        self.content = Path(path).read_bytes()

    def __enter__(self) -> dict[str, str]:
        size = int.from_bytes(self.content[:8], "little")
        return json.loads(self.content[8 : 8 + size])["__metadata__"]

    def __exit__(self, *error: object) -> None:
        pass


def test_dtypes_that_numpy_lacks_are_named(tmp_path):
    path = tmp_path / "small.safetensors"
    path.write_bytes(safetensors({"w": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}, b"ab"))
    with pytest.raises(CheckpointError, match="'w' has numbers of the format F8_E4M3, which NumPy lacks"):
        autograd.load(path)


def test_bfloat16_of_others_is_widened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    half = (np.array([[1.5], [-2.0]], "f4").view("u4") >> 16).astype("u2")
    path = tmp_path / "a"
    path.write_bytes(safetensors({"w": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]}}, half.tobytes()))
    assert same(autograd.load(path)["w"].numpy(), np.array([[1.5], [-2.0]], "f4"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_of_others(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.zeros(100_000), "c": np.array(3, ">i2")}
    save(path, **arrays)
    made = autograd.load(path)
    assert list(made) == ["a", "b", "c"]
    assert all(np.array_equal(made[name].numpy(), array) for name, array in arrays.items())
    assert np.array_equal(np.load(path, allow_pickle=False)["a"], arrays["a"])


def test_numpy_reads_our_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    autograd.save({"w": autograd.ones(2)}, path)
    with np.load(path, allow_pickle=False) as file:
        assert file["w"].tolist() == [1, 1]


# ---- PyTorch's files, made without PyTorch -------------------------------------------------------------------------


class Storage:
    def __init__(self, array: Any, kind: str, key: str) -> None:
        self.array, self.kind, self.key = array, kind, key


class Pickled:
    """Something that is pickled as the call of a function of a module."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> Any:
        return self.function, self.args


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules with PyTorch's names, as far as its pickles name them."""
    made = types.ModuleType("torch")
    utils = types.ModuleType("torch._utils")

    def name(module: Any, *names: str) -> None:
        for each in names:
            stand_in = types.new_class(each)
            stand_in.__module__ = module.__name__
            setattr(module, each, stand_in)

    name(utils, "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_wrapper")
    name(
        made,
        "ComplexFloatStorage",
        "FloatStorage",
        "LongStorage",
        "BFloat16Storage",
        "BoolStorage",
        "float32",
        "Size",
        "device",
    )
    made._utils = utils  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", made)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return made


def torch_file(path: Path, thing: Any, order: str = "little", **changes: Any) -> Path:
    """Write what torch.save would."""
    storages: dict[str, Storage] = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if not isinstance(value, Storage):
                return None
            storages[value.key] = value
            kind = getattr(sys.modules["torch"], value.kind)
            return "storage", kind, value.key, "cpu", changes.get("count", len(value.array))

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(thing)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", changes.get("pickle", buffer.getvalue()))
        archive.writestr("model/byteorder", order)
        for storage in storages.values():
            array = storage.array.astype(storage.array.dtype.newbyteorder(order[0].replace("l", "<").replace("b", ">")))
            archive.writestr(f"model/data/{storage.key}", array.tobytes())
        archive.writestr("model/version", "3\n")
    return path


def torch_tensor(torch: Any, storage: Storage, offset: Any, size: Any, stride: Any) -> Pickled:
    return Pickled(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())


@pytest.mark.parametrize("order", ["little", "big"])
def test_torch_file(order: str, torch: Any, tmp_path: Path) -> None:
    weights = Storage(np.arange(12, dtype="f4"), "FloatStorage", "0")
    steps = Storage(np.array([7]), "LongStorage", "1")
    flags = Storage(np.array([True, False]), "BoolStorage", "2")
    nothing = Storage(np.zeros(0, "f4"), "FloatStorage", "4")
    halves = Storage((np.array([1.5, -2], "f4").view("u4") >> 16).astype("u2"), "BFloat16Storage", "3")
    weight = torch_tensor(torch, weights, 0, (3, 4), (4, 1))
    state = OrderedDict(
        [
            ("weight", weight),
            ("tied", weight),
            ("parameter", Pickled(torch._utils._rebuild_parameter, weight, True, OrderedDict())),
            ("transposed", torch_tensor(torch, weights, 0, (4, 3), (1, 4))),
            ("column", torch_tensor(torch, weights, 2, (3,), (4,))),
            ("expanded", torch_tensor(torch, weights, 4, (3, 2), (0, 1))),
            ("empty", torch_tensor(torch, weights, 0, (0, 3), (3, 1))),
            ("of nothing", torch_tensor(torch, nothing, 0, (0,), (0,))),
            ("step", torch_tensor(torch, steps, 0, (), ())),
            ("flags", torch_tensor(torch, flags, 0, (2,), (1,))),
            ("halves", torch_tensor(torch, halves, 0, (2,), (1,))),
        ]
    )
    thing = {"model": state, "epoch": 3, "lr": 0.5, 0: [None, (True, -1, 2**70, "ä")], "dtype": torch.float32}
    thing["shape"] = Pickled(torch.Size, (2, 3))
    made = autograd.load(torch_file(tmp_path / "a.pt", thing, order), weights_only=True)
    assert type(made["model"]) is OrderedDict
    assert list(made["model"]) == list(state)
    assert (made["epoch"], made["lr"], made[0], made["dtype"]) == (3, 0.5, [None, (True, -1, 2**70, "ä")], np.float32)
    arrays = {name: tensor.numpy() for name, tensor in made["model"].items()}
    full = np.arange(12, dtype="f4").reshape(3, 4)
    expected = [full, full, full, full.T, full[:, 2], full[[1, 1, 1], :2],
                np.zeros((0, 3), "f4"), np.zeros(0, "f4"), np.array(7), np.array([True, False]),
                np.array([1.5, -2], "f4")]  # fmt: skip
    for name, value in zip(state, expected, strict=True):
        assert arrays[name].dtype == value.dtype
        assert arrays[name].shape == value.shape
        assert np.array_equal(arrays[name], value)
    for name in ("tied", "transposed", "column", "parameter", "expanded"):
        assert np.shares_memory(arrays["weight"], arrays[name])
    assert made["shape"] == (2, 3)
    with pytest.raises(autograd.MutationError, match="was expanded"):
        made["model"]["expanded"].zero_()


def test_torch_file_of_views_that_stand_for_other_values(torch: Any, tmp_path: Path) -> None:
    storage = Storage(np.array([1 + 2j, 3 - 4j], "c8"), "ComplexFloatStorage", "0")
    thing = [
        Pickled(torch._utils._rebuild_tensor_v2, storage, 0, (2,), (1,), False, OrderedDict(), flags)
        for flags in ({}, {"conj": True}, {"neg": True}, {"conj": True, "neg": True})
    ]
    made = [tensor.tolist() for tensor in autograd.load(torch_file(tmp_path / "a.pt", thing))]
    assert made == [[1 + 2j, 3 - 4j], [1 - 2j, 3 + 4j], [-1 - 2j, -3 + 4j], [-1 + 2j, -3 - 4j]]
    for flags in ({"other": True}, {"conj": 1.5}, [1]):
        odd = Pickled(torch._utils._rebuild_tensor_v2, storage, 0, (2,), (1,), False, OrderedDict(), flags)
        with pytest.raises(CheckpointError, match="refused a tensor with the properties"):
            autograd.load(torch_file(tmp_path / "a.pt", odd))


def test_torch_file_of_a_scheduler(torch: Any, tmp_path: Path) -> None:
    made = autograd.load(torch_file(tmp_path / "a.pt", {"milestones": Counter([3, 5, 5]), "number": 1 - 2j}))
    assert made == {"milestones": Counter([3, 5, 5]), "number": 1 - 2j}
    assert type(made["milestones"]) is Counter
    with pytest.raises(CheckpointError, match="refused a Counter"):
        autograd.load(torch_file(tmp_path / "a.pt", None, pickle=b"\x80\x02ccollections\nCounter\nK\x01\x85R."))


def test_open_files(torch: Any, tmp_path: Path) -> None:
    thing = {"weight": autograd.tensor([1.0, 2.0]), "epoch": 3}
    stream = io.BytesIO(b"before")
    stream.seek(6)
    autograd.save(obj=thing, f=stream)
    stream.seek(6)
    assert str(autograd.load(f=stream)) == str(thing)
    assert not stream.read()
    with open(torch_file(tmp_path / "a.pt", [1, "x"]), "rb") as file:
        assert autograd.load(file) == [1, "x"]
    with pytest.raises(CheckpointError, match="open-file"):
        autograd.load(io.BytesIO(b"nothing of the kind"))


GEOMETRY = [
    (0, (13,), (1,)),
    (1, (3, 4), (4, 1)),
    (-1, (2,), (1,)),
    (0, (2,), (-1,)),
    (0, (2,), (12,)),
    (0, (2**25,), (0,)),
    (0, (2**40,), (0,)),
    (0, (2**61, 2**61), (0, 0)),
    (0, (2, 2), (1,)),
    (0, [2], [1]),
    (0, (True,), (1,)),
    (0.0, (2,), (1,)),
    (13, (0,), (1,)),
    (0, (1,) * 40, (1,) * 40),
]


@pytest.mark.parametrize(("offset", "size", "stride"), GEOMETRY)
def test_torch_tensor_outside_its_storage(offset: Any, size: Any, stride: Any, torch: Any, tmp_path: Path) -> None:
    storage = Storage(np.arange(12, dtype="f4"), "FloatStorage", "0")
    path = torch_file(tmp_path / "a", torch_tensor(torch, storage, offset, size, stride))
    with pytest.raises(CheckpointError, match=r"load: (refused a tensor|.*zip\(\))"):
        autograd.load(path)


EVIL = {
    "os.system": b"cos\nsystem\n(S'true'\ntR.",
    "posix.system via STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
    "builtins.eval": b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    "numpy": b"\x80\x02cnumpy\nones\nK\x05\x85R.",
    "torch.load": b"\x80\x02ctorch\nload\nX\x01\x00\x00\x001\x85R.",
    "dotted": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
    "build on a maker": b"\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.",
    "build on a dtype": b"\x80\x02ctorch\nfloat32\n}b.",
    "call of a dtype": b"\x80\x02ctorch\nfloat32\n)R.",
    "maker as value": b"\x80\x02ccollections\nOrderedDict\n.",
    "huge memo": b"\x80\x02}r\xff\xff\xff\x7f.",
    "long string": b"\x80\x02X\xff\xff\xff\x7fab.",
    "newobj": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "ext": b"\x80\x02\x82\x01.",
    "no stop": b"\x80\x02}",
    "stack": b"\x80\x02R.",
    "loop": b"\x80\x02]q\x00h\x00a.",
    "pid": b"\x80\x02K\x01Q.",
    "unhashable": b"\x80\x02}]K\x01s.",
    "empty": b"",
    "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
}


@pytest.mark.parametrize("name", EVIL)
def test_evil_pickle(name: str, torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda command: pytest.fail("executed"))
    path = torch_file(tmp_path / "a.pt", {}, pickle=EVIL[name])
    with pytest.raises(CheckpointError):
        autograd.load(path)


def test_torch_file_refuses_with_a_name(torch: Any, tmp_path: Path) -> None:
    for thing, name in ((Pickled(torch.device, "cpu"), "torch.device"), (Path("a"), r"pathlib\S*")):
        with pytest.raises(CheckpointError, match=f"refused {name}: only tensors"):
            autograd.load(torch_file(tmp_path / "a.pt", thing))
    bare = tmp_path / "bare.pt"
    bare.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CheckpointError, match="is a bare pickle"):
        autograd.load(bare)


def test_doubling_pickle_is_read_once(torch: Any, tmp_path: Path) -> None:
    thing: Any = []
    for _ in range(60):
        thing = [thing, thing]
    made = autograd.load(torch_file(tmp_path / "a.pt", thing))
    assert made[0] is made[1]


def test_torch_storage_lies(torch: Any, tmp_path: Path) -> None:
    storage = Storage(np.arange(12, dtype="f4"), "FloatStorage", "0")
    tensor = torch_tensor(torch, storage, 0, (12,), (1,))
    with pytest.raises(CheckpointError, match="should have 13 elements of 4 bytes, the archive has 48 bytes"):
        autograd.load(torch_file(tmp_path / "a.pt", tensor, count=13))
    other = Storage(storage.array.view("u2"), "BFloat16Storage", "0")
    with pytest.raises(CheckpointError, match=r"in two ways|should have"):
        autograd.load(torch_file(tmp_path / "a.pt", [tensor, torch_tensor(torch, other, 0, (12,), (1,))]))
    with pytest.raises(CheckpointError, match="byte order"):
        autograd.load(torch_file(tmp_path / "a.pt", tensor, order="lost"))


# ---- damaged and hostile files -------------------------------------------------------------------------------------


def safetensors(header: Any, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE = {
    "empty": b"",
    "short": b"\x08\0\0\0",
    "header longer than the file": struct.pack("<Q", 1 << 20) + b"{}",
    "huge header": struct.pack("<Q", 1 << 62) + b"{}",
    "no json": safetensors(b"{[}"),
    "no object": safetensors([1]),
    "overlapping": safetensors({"a": ENTRY, "b": ENTRY}, bytes(8)),
    "hole": safetensors({"a": ENTRY, "b": {**ENTRY, "data_offsets": [16, 24]}}, bytes(24)),
    "beyond the end": safetensors({"a": {**ENTRY, "data_offsets": [0, 8]}}, bytes(4)),
    "shape does not fit": safetensors({"a": {**ENTRY, "shape": [3]}}, bytes(8)),
    "huge shape": safetensors({"a": {**ENTRY, "shape": [1 << 62, 1 << 62]}}, bytes(8)),
    "negative": safetensors({"a": {**ENTRY, "shape": [-2]}}, bytes(8)),
    "many dimensions": safetensors({"a": {**ENTRY, "shape": [1] * 99 + [2]}}, bytes(8)),
    "unknown dtype": safetensors({"a": {**ENTRY, "dtype": "F99"}}, bytes(8)),
    "dtype that NumPy lacks": safetensors({"a": {**ENTRY, "dtype": "F8_E4M3", "shape": [8]}}, bytes(8)),
    "rest": safetensors({"a": ENTRY}, bytes(9)),
    "deep": safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "no checksum": safetensors({"__metadata__": {safe_files.TEXT: "{}"}}),
    "wrong checksum": safetensors({"__metadata__": {safe_files.TEXT: "{}", safe_files.CHECKSUM: "00000000"}}),
    "text": b"hello, this is no checkpoint at all",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_safetensors(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(CheckpointError, match=r"load: .*a"):
        autograd.load(path)


def checked(tree: Any, arrays: Any = None, **changes: Any) -> bytes:
    """A file with a true checksum whose structure is ``tree``."""
    text = json.dumps({"version": 1, "encoded": {}, "tree": tree, **changes})
    bundle = files.Bundle(None, arrays or {}, {})
    return safe.save(arrays or {}, {safe_files.TEXT: text, safe_files.CHECKSUM: bundle.checksum(text)})


STRUCTURES = {
    "Tensor that is not there": checked({"$tensor": "a"}),
    "Tensor without name": checked({"$tensor": 1}),
    "array of no number": checked({"$array": ["a"]}),
    "number that is none": checked({"$number": None}),
    "unknown kind": checked({"$what": 1}),
    "tuple of one number": checked({"$tuple": 1}),
    "dict without pairs": checked({"$dict": [1]}),
    "key that is a list": checked({"$dict": [[[], 1]]}),
    "complex that is a text": checked({"$complex": "ab"}),
    "dtype of objects": checked({"$dtype": "object"}),
    "later version": checked(1, version=2),
    "encoded array that is not there": checked(1, encoded={"a": "complex128"}),
    "real numbers as complex ones": checked({"$tensor": "a"}, {"a": np.ones(3)}, encoded={"a": "complex128"}),
    "bytes as objects": checked({"$tensor": "a"}, {"a": np.ones(8, "u1")}, encoded={"a": "O"}),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_hostile_structure(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(STRUCTURES[name])
    with pytest.raises(CheckpointError):
        autograd.load(path)


def test_hand_made_structure_can_be_right(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(checked({"$tuple": [{"$array": "a"}]}, {"a": np.ones(2)}))
    assert same(autograd.load(path), (np.ones(2),))


def npy(header: str, content: bytes = b"", version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header.encode() + content


def npz(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    return buffer.getvalue()


NPY = "{'descr': '<f8', 'fortran_order': False, 'shape': %s}\n"
HOSTILE_NPZ = {
    "empty archive": b"PK",
    "no npy": npz(a_txt=b"hello"),
    "no magic": npz(a_npy=b"hello world"),
    "objects": npz(a_npy=object_array()),
    "text": npz(a_npy=npy("{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}\n", bytes(8))),
    "short": npz(a_npy=npy(NPY % "(2,)", bytes(8))),
    "long": npz(a_npy=npy(NPY % "(2,)", bytes(24))),
    "huge": npz(a_npy=npy(NPY % "(1152921504606846976, 16)", bytes(8))),
    "negative": npz(a_npy=npy(NPY % "(-1, -1)", bytes(8))),
    "program": npz(a_npy=npy("__import__('os').system('true')\n")),
    "structured": npz(a_npy=npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}\n", bytes(8))),
    "version": npz(a_npy=npy(NPY % "(1,)", bytes(8), version=9)),
    "endless": npz(a_npy=npy("{'descr': '<f8', 'shape': (1L,\n")),
}


@pytest.mark.parametrize("name", HOSTILE_NPZ)
def test_hostile_npz(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(HOSTILE_NPZ[name])
    with pytest.raises(CheckpointError, match=r"load: "):
        autograd.load(path)


@pytest.mark.parametrize("about", [b"", b"{}", b"[]", b'{"structure": null, "crc32": "", "aliases": {}}', b"\xff"])
def test_hostile_npz_structure(about: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.ones(2), __structure__=np.frombuffer(about, np.uint8))
    with pytest.raises(CheckpointError, match="load: "):
        autograd.load(path)


def _no_memory(*args: Any) -> Any:
    raise MemoryError("Unable to allocate 4.00 GiB")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_file_for_which_there_is_no_memory_is_not_called_damaged(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a{suffix}"
    autograd.save({"a": autograd.ones(2)}, path)
    for module in (safe_files, npz_files):
        monkeypatch.setattr(module, "_array", _no_memory)
    with pytest.raises(MemoryError, match="GiB"):
        autograd.load(path)


def test_zip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros(10**6))
    assert autograd.load(path)["a"].shape == (10**6,)
    monkeypatch.setattr(archives, "SMALL", 1 << 20)
    with pytest.raises(CheckpointError, match=r"claims 8,000,128 bytes.*at most 200 times"):
        autograd.load(path)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    np.savez(path, a=1, b=2)
    with pytest.raises(CheckpointError, match="2 members"):
        autograd.load(path)


def small_files(folder: Path) -> dict[str, tuple[Path, Any]]:
    """A small valid file of each format, and what it holds."""
    w = np.arange(4, dtype="f4")
    thing = {"w": autograd.tensor(w), "t": [w, (1, "a")], "c": np.array(1j)}
    thing["again"] = thing["w"].detach()
    found = {}
    for suffix in FORMATS:
        autograd.save(thing, folder / f"a.{suffix}")
        found[suffix] = folder / f"a.{suffix}", thing
    return found


def check_damaged(path: Path, content: bytes, thing: Any) -> None:
    path.write_bytes(content)
    tracemalloc.start()
    try:
        made = autograd.load(path)
    except CheckpointError:
        pass
    else:
        assert same(made, thing), content
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1 << 22


@pytest.mark.parametrize("kind", [*FORMATS, "pt"])
def test_every_damage_is_noticed(kind: str, torch: Any, tmp_path: Path) -> None:
    """Each byte of a file changed, and the file cut off everywhere: the same object comes back, or the error."""
    if kind == "pt":
        storage = Storage(np.arange(12, dtype="f4"), "FloatStorage", "0")
        path = torch_file(tmp_path / "a.pt", {"w": torch_tensor(torch, storage, 0, (3, 4), (4, 1)), "n": [1, 2.5]})
        thing = autograd.load(path)
    else:
        path, thing = small_files(tmp_path)[kind]
    whole = path.read_bytes()
    assert same(autograd.load(path), thing)
    flips, rng = (16 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1), np.random.default_rng(0)
    for i in range(len(whole)):
        for flip in rng.integers(1, 256, flips):
            check_damaged(path, whole[:i] + bytes([whole[i] ^ flip]) + whole[i + 1 :], thing)
    for i in range(0, len(whole), 20 // flips + 1):
        check_damaged(path, whole[:i], thing)
        check_damaged(path, whole[:i] + whole[i + 1 :], thing)
        check_damaged(path, whole[:i] + bytes(5) + whole[i:], thing)
        check_damaged(path, whole[:i] + rng.bytes(len(whole) - i), thing)


# ---- models and training -------------------------------------------------------------------------------------------


def test_damaged_file_leaves_the_model_untouched(tmp_path: Path) -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    path = tmp_path / "a"
    autograd.save(other.state_dict(), path)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="checksum"):
        model.load_state_dict(autograd.load(path))
    assert same({name: value.clone() for name, value in model.state_dict().items()}, before)
    path.write_bytes(whole)
    model.load_state_dict(autograd.load(path))
    assert same(model.weight.detach(), other.weight.detach())


class Run:
    """A small training with everything that has a state."""

    def __init__(self, seed: int) -> None:
        autograd.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), Dropout(), nn.Linear(16, 3))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.01)
        found = np.random.default_rng(0)
        pairs = data.TensorDataset(found.random((50, 4), "f4"), found.integers(0, 3, 50))
        self.loader = data.DataLoader(pairs, batch_size=8, shuffle=True)
        self.losses: list[float] = []

    def train(self, batches: int) -> None:
        """Go on for some batches, through as many epochs as that takes."""
        while batches:
            for x, y in self.loader:
                self.optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                self.losses.append(loss.item())
                batches -= 1
                if not batches:
                    return

    def save(self, path: Path) -> None:
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "loader")}
        autograd.save({**parts, "losses": self.losses, "rng": autograd.get_rng_state()}, path)

    def load(self, path: Path) -> None:
        saved = autograd.load(path)
        for name in ("model", "optimizer", "loader"):
            getattr(self, name).load_state_dict(saved[name])
        self.losses = saved["losses"]
        autograd.set_rng_state(saved["rng"])


class Dropout(nn.Module):
    """Dropout by the function."""

    def forward(self, x: Any) -> Any:
        return nn.functional.dropout(x, 0.3, self.training)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("stop", [21, 17])  # after three epochs, and in the middle of the third
def test_resumed_training_is_bitwise_the_same(suffix: str, stop: int, tmp_path: Path) -> None:
    path = tmp_path / f"run.{suffix}"
    straight = Run(1)
    straight.train(42)
    first = Run(1)
    first.train(stop)
    first.save(path)
    second = Run(2)
    second.load(path)
    second.train(42 - stop)
    assert second.losses == straight.losses
    assert same(second.model.state_dict(), straight.model.state_dict())
    assert same(second.optimizer.state_dict(), straight.optimizer.state_dict())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no such folder to write to; make it first: .*nowhere'"):
        autograd.save({"a": 1}, tmp_path / "nowhere" / "a.safetensors")
