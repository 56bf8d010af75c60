"""How Tensors print: as PyTorch 2.13, which printed the expected texts (without its ``torch.``)."""

import pickle

import numpy as np
import pytest

import autograd
from tests.helpers import leaf

inf, nan = float("inf"), float("nan")

PRINTED = [
    ([1.0, 2.0], "tensor([1., 2.])"),
    ([0.1, 0.25], "tensor([0.1000, 0.2500])"),
    ([1e-5, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
    ([1e10, 1.0], "tensor([1.0000e+10, 1.0000e+00])"),
    ([1.0, 2000.0], "tensor([1.0000e+00, 2.0000e+03])"),
    ([1.5, 2000.0], "tensor([1.5000e+00, 2.0000e+03])"),
    ([1.5, 200.0], "tensor([  1.5000, 200.0000])"),
    ([nan, 1.0], "tensor([nan, 1.])"),
    ([0.0] * 25, f"tensor([{', '.join(['0.'] * 24)},\n        0.])"),
    ([-0.0] * 25, f"tensor([{', '.join(['-0.'] * 24)},\n        -0.])"),
    ([nan] * 25, f"tensor([{', '.join(['nan'] * 24)},\n        nan])"),
    ([0j] * 15, f"tensor([{', '.join(['0.+0.j'] * 14)},\n        0.+0.j])"),
    ([1j] * 13, f"tensor([{', '.join(['0.+1.j'] * 12)},\n        0.+1.j])"),
    ([inf, -inf, 1.5], "tensor([   inf,   -inf, 1.5000])"),
    ([0.0, -0.0], "tensor([0., -0.])"),
    ([], "tensor([])"),
    ([[1.0, 2.0], [3.0, 4.0]], "tensor([[1., 2.],\n        [3., 4.]])"),
    (3.0, "tensor(3.)"),
    (3.14159, "tensor(3.1416)"),
    (1e-7, "tensor(1.0000e-07)"),
    (1e9, "tensor(1.0000e+09)"),
    (nan, "tensor(nan)"),
    ([1, 2, 3], "tensor([1, 2, 3])"),
    ([-1, 100], "tensor([ -1, 100])"),
    (5, "tensor(5)"),
    (True, "tensor(True)"),
    ([True, False], "tensor([ True, False])"),
    ([1 + 2j, 3.5 - 1j], "tensor([1.0000+2.j, 3.5000-1.j])"),
    (1j, "tensor(0.+1.j)"),
    ([0.1 + 0.2j, 1e5j], "tensor([0.1000+2.0000e-01j, 0.0000+1.0000e+05j])"),
    (
        [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.5]]],
        ("tensor([[[1.0000, 2.0000],\n         [3.0000, 4.0000]],\n\n"
         "        [[5.0000, 6.0000],\n         [7.0000, 8.5000]]])"),
    ),
    ([12345678.0], "tensor([12345678.])"),
    ([1e8, 1.0], "tensor([1.0000e+08, 1.0000e+00])"),
    ([99999999.0], "tensor([100000000.])"),
    ([9e-5], "tensor([9.0000e-05])"),
    ([[nan, 1.5], [inf, 2.0]], "tensor([[   nan, 1.5000],\n        [   inf, 2.0000]])"),
    ([1e38], "tensor([1.0000e+38])"),
    (np.zeros((0, 3), "f4"), "tensor([], size=(0, 3))"),
    (np.zeros((2, 0)), "tensor([], size=(2, 0), dtype=float64)"),
    (np.zeros(0, "i8"), "tensor([], dtype=int64)"),
    (np.zeros((3, 2, 0), "i4"), "tensor([], size=(3, 2, 0), dtype=int32)"),
    (np.array([1.5], "f2"), "tensor([1.5000], dtype=float16)"),
    (np.array([6e4, 1.0], "f2"), "tensor([6.0000e+04, 1.0000e+00], dtype=float16)"),
    (np.array([1, 2], "u1"), "tensor([1, 2], dtype=uint8)"),
    (
        np.arange(2000.0),
        ("tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, 1.9980e+03,\n        1.9990e+03],"
         " dtype=float64)"),
    ),
    (
        np.arange(1200).reshape(30, 40),
        ("tensor([[   0,    1,    2,  ...,   37,   38,   39],\n        [  40,   41,   42,  ...,   77,   78,   79],\n"
        "        [  80,   81,   82,  ...,  117,  118,  119],\n        ...,\n"
        "        [1080, 1081, 1082,  ..., 1117, 1118, 1119],\n        [1120, 1121, 1122,  ..., 1157, 1158, 1159],\n"
        "        [1160, 1161, 1162,  ..., 1197, 1198, 1199]])"),
    ),
    (
        np.arange(1001) / 7,
        ("tensor([0.0000e+00, 1.4286e-01, 2.8571e-01,  ..., 1.4257e+02, 1.4271e+02,\n        1.4286e+02],"
         " dtype=float64)"),
    ),
    (
        np.arange(30) / 10,
        ("tensor([0.0000, 0.1000, 0.2000, 0.3000, 0.4000, 0.5000, 0.6000, 0.7000, 0.8000,\n"
        "        0.9000, 1.0000, 1.1000, 1.2000, 1.3000, 1.4000, 1.5000, 1.6000, 1.7000,\n"
        "        1.8000, 1.9000, 2.0000, 2.1000, 2.2000, 2.3000, 2.4000, 2.5000, 2.6000,\n"
        "        2.7000, 2.8000, 2.9000], dtype=float64)"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), PRINTED)
def test_printed_as_pytorch(data, expected):
    assert repr(autograd.tensor(data)) == expected
    assert str(autograd.tensor(data)) == expected


def test_the_place_in_the_graph():
    x = leaf(1, 2, dtype="float32")
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<mul>)"
    assert repr((x * 2).sum()) == "tensor(6., grad_fn=<sum>)"
    assert repr((x * 2).unbind(0)[1]) == "tensor(4., grad_fn=<unbind[1]>)"
    assert repr(x.double() * 1) == "tensor([1., 2.], dtype=float64, grad_fn=<mul>)"


def test_what_does_not_fit_in_the_line_goes_to_the_next():
    x = autograd.tensor(np.arange(8) / 7, requires_grad=True)
    assert repr(x) == (
        "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000],\n"
        "       dtype=float64, requires_grad=True)"
    )


@pytest.fixture
def options():
    yield
    autograd.set_printoptions(profile="default")


@pytest.mark.usefixtures("options")
def test_options():
    x = autograd.tensor([1.23456, 2.0])
    autograd.set_printoptions(precision=2)
    assert repr(x) == "tensor([1.23, 2.00])"
    autograd.set_printoptions(sci_mode=True)
    assert repr(x) == "tensor([1.23e+00, 2.00e+00])"
    autograd.set_printoptions(sci_mode=False)
    assert repr(autograd.tensor([1e-6, 1.5])) == "tensor([0.00, 1.50])"
    autograd.set_printoptions(profile="short")
    assert repr(autograd.arange(1001)) == "tensor([   0,    1,  ...,  999, 1000])"
    autograd.set_printoptions(profile="full")
    assert "..." not in repr(autograd.arange(1001))
    autograd.set_printoptions(profile="default", threshold=4, edgeitems=1)
    assert repr(autograd.arange(5)) == "tensor([0,  ..., 4])"
    autograd.set_printoptions(profile="default", linewidth=20)
    assert repr(autograd.arange(5)) == "tensor([0, 1, 2, 3,\n        4])"
    with pytest.raises(ValueError, match="'default', 'full', 'short'"):
        autograd.set_printoptions(profile="long")


@pytest.mark.parametrize(
    "bad", [{"precision": "a"}, {"linewidth": -1}, {"edgeitems": 1.5}, {"threshold": float("nan")}]
)
def test_options_that_make_no_sense_change_nothing(bad):
    x = autograd.tensor([1.0, 2.5])
    with pytest.raises(ValueError, match=f"set_printoptions: {next(iter(bad))} must be a number of at least 0"):
        autograd.set_printoptions(profile="short", sci_mode=True, **bad)
    assert repr(x) == "tensor([1.0000, 2.5000])"


def test_printing_a_huge_tensor_reads_only_its_edges():
    big = autograd.from_numpy(np.broadcast_to(np.float32(1.5), (100_000, 100_000)))
    assert repr(big).count("1.5000") == 36


def test_numbers_format_as_numbers():
    loss = (leaf(1.25, 2) * 1).sum()
    assert f"{loss:.3f}" == "3.250"
    assert f"{autograd.tensor(3):>5}" == "    3"
    assert f"{autograd.tensor([0.5]):.1%}" == "50.0%"
    with pytest.raises(TypeError, match=r"'\.3f' is for one number, not for a tensor of shape"):
        format(leaf(1, 2), ".3f")


def test_a_view_prints_its_present_node():
    x = autograd.zeros(2)
    v = x[:1]
    x.add_(leaf(1, 2, dtype="float32"))
    assert repr(v) == "tensor([1.], grad_fn=<getitem>)"


def test_several_results_are_printed_field_by_field_under_pytorchs_name():
    found = autograd.tensor([[1.0, 5.0], [7.0, 3.0]]).max(dim=1)
    assert repr(found) == "autograd.return_types.max(\nvalues=tensor([5., 7.]),\nindices=tensor([1, 0]))"
    assert isinstance(found, autograd.return_types.max)
    assert str(autograd.linalg.slogdet(autograd.eye(2))).startswith("autograd.return_types.linalg_slogdet(\nsign=")
    with pytest.raises(AttributeError, match=r"has no attribute 'least': it has aminmax, cummax, .*svd, topk"):
        autograd.return_types.least  # noqa: B018


X = [[1.0, 5.0], [7.0, 3.0]]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        *[
            (name, lambda x, name=name: getattr(x, name)(0))
            for name in ["max", "min", "median", "nanmedian", "cummax", "cummin"]
        ],
        ("sort", lambda x: x.sort()),
        ("topk", lambda x: x.topk(1)),
        ("kthvalue", lambda x: x.kthvalue(1)),
        ("mode", lambda x: x.mode()),
        ("frexp", lambda x: x.frexp()),
        ("svd", lambda x: x.svd()),
        ("aminmax", lambda x: x.aminmax()),
        ("histogram", lambda x: autograd.histogram(x, 3)),
        ("histogramdd", lambda x: autograd.histogramdd(x, 3)),
        ("linalg_svd", lambda x: autograd.linalg.svd(x)),
        ("linalg_qr", lambda x: autograd.linalg.qr(x)),
        ("linalg_lu", lambda x: autograd.linalg.lu(x)),
        ("linalg_eig", lambda x: autograd.linalg.eig(x)),
        ("linalg_eigh", lambda x: autograd.linalg.eigh(x)),
        ("linalg_slogdet", lambda x: autograd.linalg.slogdet(x)),
        ("linalg_lstsq", lambda x: autograd.linalg.lstsq(x, x)),
    ],
)
def test_several_results_are_of_a_public_class_and_can_be_pickled(name, made):
    found = made(autograd.tensor(X))
    assert type(found).__name__ == name
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is type(found)
    assert name == "linalg_lstsq" or type(found) is getattr(autograd.return_types, name)
    np.testing.assert_equal([np.asarray(part) for part in again[:1]], [np.asarray(part) for part in found[:1]])


def test_results_of_an_op_of_ones_own_can_be_pickled():
    @autograd.op(outputs=("low", "high"))
    def around(x):
        return x - 1.0, x + 1.0

    again = pickle.loads(pickle.dumps(around(autograd.ones(2))))
    assert (again._fields, again.high.tolist()) == (("low", "high"), [2.0, 2.0])
