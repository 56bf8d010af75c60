"""The op contract table: what is selected, what is measured, that faults are found, and the forms in which it comes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import autograd
from autograd._op import composed
from autograd.optable import OpTable, UnknownOpError, contract_of, measure, op_table
from autograd.optable.__main__ import main
from autograd.optable.contracts import everything, families, name_of, select
from autograd.samples import case, elementwise, reals
from tests.helpers import run_python


@autograd.op(x=lambda g, x: 3.01 * x * x * g, samples=reals(-2, 2))
def wrong_cube(x):
    """The third power, with a wrong rule."""
    return x * x * x


@autograd.op(x=lambda g, x: g * np.cbrt(x), samples=reals(-2, 2))
def unruly(x):
    """Its rule calls what has no op, so that there is no second order."""
    return 0.75 * np.cbrt(x) ** 4


@autograd.op(x=lambda g, x: g * np.where(x > 0, np.nan, 1.0), samples=reals(-2, 2))
def not_a_number(x):
    """Its rule gives NaN."""
    return x * 1.0


@autograd.op(x=lambda g: g, samples=reals(-2, 2))
def unfair(x):
    """The real part, whose rule forgets that complex numbers have another."""
    return x + np.conj(x) - x


@autograd.op(x=lambda g: g, samples=[case(x=reals(shape=(2,))), case(x=reals(shape=(3,)))])
def failing(x):
    """It raises for three numbers."""
    if x.shape == (3,):
        raise ValueError("three is too many")
    return x * 1.0


@autograd.op(x=lambda g: g, y=lambda g: -g, samples=elementwise(x=reals(), y=reals()))
def widening(x, y):
    """A difference in float64, whatever comes."""
    return np.subtract(x, y, dtype=np.float64)


# ---- what the definitions say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exp", {"path": "autograd.exp", "rules": "each", "saves": ("out",), "view": False, "inputs": ("x",)}),
        ("transpose", {"view": True, "saves": ("dim0", "dim1")}),
        ("cat", {"lists": ("tensors",), "numpy": ("np.concatenate",), "saves": ("dim", "tensors_shape")}),
        ("concat", {"paths": ("autograd.cat", "autograd.concat", "autograd.concatenate")}),
        ("scaled_dot_product_attention", {"path": "nn.functional.scaled_dot_product_attention", "rules": "composed"}),
        ("linalg.eigh", {"outputs": ("eigenvalues", "eigenvectors"), "family": "eigenvalues"}),
        ("split_with_sizes", {"outputs": ("many",)}),
        ("attend", {"path": "(attend)", "rules": "joint"}),
        ("argmax", {"rules": "none", "differentiable": False}),
        ("cross_entropy", {"path": "nn.functional.cross_entropy", "composed": False}),
        ("pow_number", {"paths": ()}),
    ],
)  # fmt: skip
def test_contract(name, expected):
    (contract,) = op_table([name], measured=False).contracts
    assert {key: getattr(contract, key) for key in expected} == expected


def test_every_op_is_in_the_table_once():
    found = everything()
    assert (
        len({id(target) for target in found})
        == len(found)
        == len(autograd.OPS) + sum(contract_of(target).composed for target in found)
    )
    assert {target.name for target in found if not callable(target)} == set(autograd.OPS)


def test_what_is_no_op_is_refused():
    with pytest.raises(TypeError, match="expected an op"):
        contract_of(np.sin)


# ---- selection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "family", "expected"),
    [
        (["log1*", "tanh"], [], ["log10", "log1p", "tanh"]),
        (["autograd.linalg.inv", "Tensor.tanh"], [], ["inv", "tanh"]),
        (["linalg.*"], ["least_*"], ["pinv"]),
        (["*sin"], ["trigonometric"], ["asin", "sin"]),
        (["arccos"], [], ["acos"]),
    ],
)
def test_selection(patterns, family, expected):
    assert [name_of(found) for found in select(patterns, family)] == expected


@pytest.mark.parametrize(
    ("patterns", "family", "message"),
    [
        (["softmx"], [], r"no op 'softmx'; did you mean softmax, softmin"),
        (["tanh", "arithmetic"], [], "arithmetic is a family: use --family arithmetic"),
        ([], ["trig"], r"no family 'trig'; did you mean trigonometric\?"),
        (["qqqqq*"], [], "--no-measure lists all"),
    ],
)
def test_unknown_names_are_explained(patterns, family, message, capsys):
    with pytest.raises(UnknownOpError, match=message):
        select(patterns, family)
    assert main([*patterns, *[f"--family={name}" for name in family]]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.startswith("python -m autograd.optable: there is no")) == ("", True)


def test_families_are_modules():
    assert {"trigonometric", "fourier"} <= set(families())


# ---- measuring -------------------------------------------------------------------------------------------------------


def test_a_right_op_is_proven():
    found = measure(autograd.mul, draws=2)
    assert [found.first.verdict, found.second.verdict, found.complex.verdict] == ["proven"] * 3
    assert max(found.first.error, found.second.error, found.complex.error) < 1e-10
    assert found.dtypes["float16"] == ("float16",)
    assert found.dtypes["int64"] == ("int64",)
    assert found.dtypes["complex64"] == ("complex64",)
    assert "mul(x=array(" in found.first.where
    assert found == measure(autograd.mul, draws=2)
    assert found != measure(autograd.mul, draws=2, seed=1)


@pytest.mark.parametrize(
    ("op", "what", "verdict", "message"),
    [
        (wrong_cube, "gradient", "wrong", r"the gradient for x.* the differences give"),
        (unruly, "second order", "failed", "NotDifferentiableError: numpy.cbrt has no differentiable op"),
        (not_a_number, "gradient", "wrong", "is nan, the differences give"),
        (unfair, "complex", "wrong", "the differences give"),
        (failing, "gradient", "failed", "ArgumentError: .*three is too many"),
    ],
)
def test_faults_are_found(op, what, verdict, message):
    table = OpTable((contract_of(op, measure(op)),))
    problems = {what: finding for _, what, finding in table.problems}
    assert problems[what].verdict == verdict
    assert re.search(message, problems[what].message)
    assert table.summary["problems"] == len(problems)
    said = " ".join(table.to_text().split())
    assert f"{op.op.name}): {what} {verdict}: " in said
    assert f"{len(problems)} problem" in said
    assert f": {what} {verdict}: " in table.to_markdown()


def test_the_size_of_an_error_is_shown():
    found = measure(wrong_cube)
    assert found.first.error == pytest.approx(0.01 / 3.01, rel=1e-6)
    assert measure(not_a_number).first.error == np.inf
    assert "3e-3 (gradient: (wrong_cube))" in OpTable((contract_of(wrong_cube, found),)).summary_line()


def test_dtypes_are_what_comes_out():
    found = measure(widening)
    assert {dtype: found.dtypes[dtype] for dtype in ("float16", "float64")} == {
        "float16": ("float64",),
        "float64": ("float64",),
    }
    assert "f16 f64" in OpTable((contract_of(widening, found),)).to_text()
    assert found.complex.verdict == "refused"
    assert found.dtypes["complex64"] == ()
    assert "complex" in found.refusals["complex64"]


@pytest.mark.parametrize("op", [autograd.softmax, autograd.log_softmax])
def test_softmax_of_complex_numbers_is_proven(op):
    found = measure(op)
    assert (found.complex.verdict, found.problems) == ("proven", [])


def test_a_gradient_that_is_refused_for_complex_numbers_is_no_fault():
    found = measure(autograd.linalg.eigh)
    assert (found.complex.verdict, found.first.verdict, found.problems) == ("value", "proven", [])
    assert "up to a phase" in found.complex.message


def _hermitian(a):
    return (a + np.swapaxes(a, -1, -2)) * 0.15 + np.eye(3) * np.arange(3.0) * 3


@pytest.mark.parametrize(
    "sizes",
    [
        lambda x: np.abs(autograd.linalg.eigh(x).eigenvectors),
        lambda x: np.abs(autograd.linalg.eig(x).eigenvectors),
        lambda x: np.abs(autograd.linalg.svd(x).U),
    ],
)
def test_what_does_not_depend_on_a_phase_is_proven(sizes):
    found = measure(composed(samples=case(x=reals(shape=(3, 3), make=_hermitian)))(sizes))
    assert (found.first.verdict, found.second.verdict, found.complex.verdict) == ("proven", "proven", "proven")


def test_ops_without_derivatives_have_dtypes():
    found = measure(autograd.eq)
    assert (found.first.verdict, found.second.verdict, found.complex.verdict) == ("none", "none", "value")
    assert found.dtypes["float16"] == found.dtypes["complex128"] == ("bool",)
    assert measure(autograd.bitwise_and).dtypes["float32"] == ()


# ---- forms -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> OpTable:
    chosen = op_table(["exp", "linalg.eig", "broadcast_to", "argmax", "attend"]).contracts
    return OpTable((*chosen, contract_of(not_a_number, measure(not_a_number))))


def test_json_comes_back(table):
    text = table.to_json()
    assert OpTable.from_json(text) == table
    found = json.loads(text)
    assert found["summary"]["differentiable"] == 5
    assert found["contracts"][-1]["measured"]["first"]["error"] == "inf"
    plain = op_table(["exp"], measured=False)
    assert OpTable.from_json(plain.to_json()) == plain


def test_text_fits_a_terminal(table):
    lines = table.to_text().splitlines()
    assert max(map(len, lines)) <= 119
    assert lines[0].split() == ["op", "NumPy", "inputs", "rules", "saves", "dtypes", "ints", "complex", "1st", "2nd"]
    (row,) = [line for line in lines if line.startswith("exp ")]
    assert row.split()[:7] == ["exp", "np.exp", "x", "each", "out", "all", "f32"]
    assert "(attend)" in table.to_text()


def test_markdown_has_a_table_for_each_family(table):
    text = table.to_markdown(level=3)
    assert text.count("| op |") == text.count("### ") - text.count("### Problems") == 6
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {11}
    assert "| [exp] |" in table.to_markdown(lambda contract: f"[{contract.name}]")


def test_no_measuring_is_instant_and_says_so(capsys):
    assert main(["exp", "argmax", "--no-measure"]) == 0
    said = capsys.readouterr().out
    assert said.endswith("2 ops and 0 functions composed of them; 1 differentiable; nothing measured\n")
    assert main(["exp", "--markdown", "--no-measure"]) == 0
    assert "| `exp` | np.exp | x | each | out |" in capsys.readouterr().out


def test_the_command_measures(capsys):
    assert main(["tanh", "--json", "--draws", "2", "--seed", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["contracts"][0]["measured"]["draws"], found["summary"]["first_proven"]) == (2, 1)
    with pytest.raises(SystemExit):
        main(["tanh", "--draws", "0"])
    assert "expected a positive whole number, got '0'" in capsys.readouterr().err


def test_neither_pytest_nor_hypothesis_is_needed():
    program = (
        "import sys; sys.modules['hypothesis'] = sys.modules['pytest'] = None\n"
        "from autograd.optable.__main__ import main; sys.exit(main(['neg']))"
    )
    assert "No problems." in run_python(program)
