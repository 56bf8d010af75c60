"""Fourier transforms, complex pairs, finite differences, norm limits: values that PyTorch gives, edges and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import BoundsError, DtypeError, ShapeError, tensor
from tests.helpers import leaf

REAL = np.array([[1, -2, 0.5], [3, 0.25, -1]])
COMPLEX = REAL + REAL[::-1] * 0.5j
RNG = np.random.default_rng(0)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found.detach().numpy(), np.array(expected), rtol=0, atol=1.5e-6)


# ---- transforms: name, arguments, values, gradients ------------------------------------------------------------------

TRANSFORMS: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    ("fft", {},
     [[-0.5 + 1.125j, 2.291266 + 3.852564j, 1.208734 - 0.477564j],
      [2.25 - 0.25j, 2.292468 - 0.207532j, 4.457532 + 1.957532j]],
     [[6 - 3j, -1.933013 - 0.116025j, -1.066987 + 1.616025j],
      [15 - 7.5j, -1.933013 - 0.116025j, -1.066987 + 1.616025j]]),
    ("fft", {"n": 4, "dim": 0, "norm": "ortho"},
     [[2 + 1j, -0.875 - 0.4375j, -0.25 - 0.125j], [0.75 - 0.75j, -1.5 - 0.0625j, 0.375 + 0.25j],
      [-1 + 0.5j, -1.125 + 0.5625j, 0.75 - 0.375j], [0.25 + 2.25j, -0.5 + 0.1875j, 0.125 - 0.75j]],
     [[11 - 5.5j, 13 - 6.5j, 15 - 7.5j], [-4.5 - 1.5j, -4.5 - 1.5j, -4.5 - 1.5j]]),
    ("ifft", {"n": 2},
     [[-0.5 + 0.8125j, 1.5 + 0.6875j], [1.625 - 0.25j, 1.375 + 0.75j]],
     [[1.5 - 0.75j, -0.5 + 0.25j, 0j], [3.5 - 1.75j, -0.5 + 0.25j, 0j]]),
    ("rfft", {"n": 4, "norm": "forward"},
     [[-0.125, 0.125 + 0.5j, 0.875], [0.5625, 1 - 0.0625j, 0.4375]],
     [[1.5, -0.25, 0.5], [3.75, 0.125, 1.25]]),
    ("irfft", {"n": 3, "norm": "ortho"},
     [[-1.732051, 1.607051, 1.857051], [2.020726, 2.587713, 0.587713]],
     [[3.464102, -1.732051 + 1j, 0j], [8.660254, -1.732051 + 1j, 0j]]),
    ("hfft", {"n": 3},
     [[-3.0, 3.216506, 2.783494], [3.5, 1.017949, 4.482051]],
     [[6, -3 - 1.732051j, 0j], [15, -3 - 1.732051j, 0j]]),
    ("ihfft", {"norm": "forward"},
     [[-0.5, 1.75 - 2.165064j], [2.25, 3.375 + 1.082532j]],
     [[3.0, -0.866025, 0.866025], [7.0, -0.732051, 2.732051]]),
    ("fft2", {},
     [[1.75 + 0.875j, 4.583734 + 3.645032j, 5.666266 + 1.479968j],
      [-2.75 + 1.375j, -0.001202 + 4.060095j, -3.248798 - 2.435095j]],
     [[21 - 10.5j, -3.866025 - 0.232051j, -2.133975 + 3.232051j], [-9 + 4.5j, 0j, 0j]]),
    ("ifft2", {"s": (2, 2)},
     [[0.5625 + 0.28125j, 1.4375 + 0.71875j], [-1.0625 + 0.53125j, 0.0625 - 0.03125j]],
     [[2.5 - 1.25j, -0.5 + 0.25j, 0j], [-1 + 0.5j, 0j, 0j]]),
    ("rfftn", {"s": (3, -1), "dim": (1, 0)},
     [[1.75, 5.125 + 1.082532j, 5.125 - 1.082532j], [-2.75, -1.625 + 3.247595j, -1.625 - 3.247595j]],
     [[21.0, -3.866025, -2.133975], [-9.0, 0.0, 0.0]]),
    ("irfftn", {"s": (3, 3)},
     [[0.055556, 0.807283, 0.470495], [-0.38344, -0.12573, 0.198166], [-0.672115, 0.246278, 0.403508]],
     [[5, -1 + 0.57735j, 0j], [-1.5 + 0.866025j, 0j, 0j]]),
    ("hfftn", {"s": (1, 5)},
     [[-2.0, -1.395106, 5.643088, 3.447082, -0.695064]],
     [[15, -5 - 6.88191j, -5 - 1.624598j], [0j, 0j, 0j]]),
    ("ihfft2", {"norm": "ortho"},
     [[0.714435, 2.092272 - 0.441942j], [-1.122683, -0.663403 - 1.325825j]],
     [[4.082483, -0.652412, 1.468908], [-1.632993, -0.054695, -0.761802]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "values", "gradient"), TRANSFORMS)
def test_transform(name: str, arguments: dict[str, Any], values: list[Any], gradient: list[Any]) -> None:
    """Of a fixed input, real or complex as the transform takes it, with the numbers 1, 2, ... as output gradient."""
    x = tensor(REAL if name.startswith(("rf", "ih")) else COMPLEX, requires_grad=True)
    out = getattr(ag.fft, name)(x, **arguments)
    close(out, values)
    seed = np.arange(1, out.numel() + 1.0).reshape(out.shape)
    (found,) = ag.grad(out, x, tensor(seed * (1 - 0.5j) if out.is_complex() else seed))
    close(found, gradient)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("shape", [(8,), (3, 5), (2, 3, 4)])
def test_inverses(norm: Any, shape: tuple[int, ...]) -> None:
    x = tensor(RNG.standard_normal(shape))
    n = shape[-1]
    close(ag.fft.ifft(ag.fft.fft(x, norm=norm), norm=norm).real, x)
    close(ag.fft.irfft(ag.fft.rfft(x, norm=norm), n, norm=norm), x)
    close(ag.fft.hfft(ag.fft.ihfft(x, norm=norm), n, norm=norm), x)
    close(ag.fft.ifftn(ag.fft.fftn(x, norm=norm), norm=norm).real, x)
    close(ag.fft.irfftn(ag.fft.rfftn(x, norm=norm), shape, norm=norm), x)
    close(ag.fft.hfftn(ag.fft.ihfftn(x, norm=norm), shape, norm=norm), x)
    close(ag.fft.ifftshift(ag.fft.fftshift(x)), x)


def test_numpy_functions_on_tensors_are_these() -> None:
    x = tensor(REAL, requires_grad=True)
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
        function = getattr(np.fft, name)
        close(function(x, 4, axis=0), function(REAL, 4, axis=0))
    for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"):
        function = getattr(np.fft, name)
        close(function(x, (3, 4), axes=(1, 0), norm="ortho"), function(REAL, (3, 4), axes=(1, 0), norm="ortho"))
    close(np.fft.fftshift(x, axes=1), np.fft.fftshift(REAL, axes=1))
    close(np.fft.ifftshift(x), np.fft.ifftshift(REAL))
    assert np.fft.fft(x).grad_fn.op.name == "fft"


@pytest.mark.parametrize(
    ("dtype", "spectrum", "back"),
    [
        (np.float32, "complex64", "float32"),
        (np.float64, "complex128", "float64"),
        (np.float16, "complex64", "float16"),
        (np.int64, "complex64", "float32"),
        (np.bool_, "complex64", "float32"),
    ],
)
def test_dtypes(dtype: Any, spectrum: str, back: str) -> None:
    x = tensor(np.ones((2, 4), dtype))
    for name in ("fft", "ifft", "rfft", "ihfft", "fftn", "rfftn", "fft2"):
        assert getattr(ag.fft, name)(x).dtype == spectrum
    for name in ("irfft", "hfft", "irfftn", "hfft2"):
        assert getattr(ag.fft, name)(x).dtype == back


def test_large_inputs_and_small_ones_are_transformed_alike() -> None:
    """Above a size SciPy does it."""
    x = RNG.standard_normal((300, 512)).astype(np.float32)
    for name in ("fft", "rfft", "ihfft", "fft2", "rfft2"):
        whole = getattr(ag.fft, name)(tensor(x))
        if not name.endswith("2"):
            close(whole[7:9] / 30, getattr(ag.fft, name)(tensor(x[7:9])) / 30)
        expected = getattr(np.fft, name)(x)
        assert whole.dtype == expected.dtype == "complex64"
        assert np.max(np.abs(whole.numpy() - expected)) < 1e-5 * np.max(np.abs(expected))
    y = x + 1j * x[::-1]
    np.testing.assert_allclose(ag.fft.irfft(tensor(y)).numpy(), np.fft.irfft(y), atol=1e-6)
    np.testing.assert_allclose(ag.fft.irfft(tensor(y), 100, 0).numpy(), np.fft.irfft(y, 100, 0), atol=1e-6)


def test_empty_batches_and_no_dimensions() -> None:
    assert ag.fft.fft(ag.zeros(0, 3)).shape == (0, 3)
    assert ag.fft.irfft(ag.zeros(0, 3)).shape == (0, 4)
    assert ag.fft.rfft(ag.zeros(3, 0), 4).tolist() == [[0] * 3] * 3
    assert ag.fft.fftn(tensor(2.0)).item() == 2 + 0j
    assert ag.fft.ifftn(tensor([1, 2]), dim=()).tolist() == [1 + 0j, 2 + 0j]


def test_frequencies() -> None:
    close(ag.fft.fftfreq(5, 0.5), [0, 0.4, 0.8, -0.8, -0.4])
    close(ag.fft.fftfreq(4), [0, 0.25, -0.5, -0.25])
    close(ag.fft.rfftfreq(5), [0, 0.2, 0.4])
    assert ag.fft.fftfreq(3).dtype == "float32"
    assert ag.fft.rfftfreq(3, dtype=ag.complex128).dtype == "complex128"
    assert ag.fft.fftfreq(0).shape == (0,)
    assert ag.fft.fftfreq(3, requires_grad=True).requires_grad


ONE = ag.ones(3)
LONG = ag.ones(8)
SPECTRUM = ag.ones(3, 4) * 1j
MESSAGES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ag.fft.fft(tensor(1.0)), BoundsError, "fft: there is no dimension -1 to transform along: .* has none"),
    (lambda: ag.fft.fft(ONE, dim=1), BoundsError, r"no dimension 1 .* shape \(3,\) has dimensions -1 to 0"),
    (lambda: ag.fft.rfft(ONE, 0), ShapeError, "rfft: the number of elements to transform must be positive, got n = 0"),
    (lambda: ag.fft.fft(ag.ones(2, 0)), ShapeError, r"fft: 0 elements along dimension 1 of \(2, 0\), not one"),
    (lambda: ag.fft.irfft(ag.ones(1)), ShapeError, r"irfft: 0 elements .* give the length of the output"),
    (lambda: ag.fft.fftn(ag.ones(2, 3), dim=(0, -2)), ShapeError, r"must differ, got \(0, -2\)"),
    (lambda: ag.fft.fftn(ONE, s=(2, 2)), ShapeError, r"s = \(2, 2\) has more sizes than the input of shape \(3,\)"),
    (lambda: ag.fft.fft2(ag.ones(2, 3), s=(2,)), ShapeError, r"s = \(2,\) and dim = \(-2, -1\) must have"),
    (lambda: ag.fft.rfftn(tensor(1.0)), ShapeError, "rfftn: needs at least one dimension"),
    (lambda: ag.fft.fft(ONE, norm="x"), ValueError, "norm must be 'backward', 'ortho' or 'forward', got 'x'"),
    (lambda: ag.fft.rfft(ONE * 1j), DtypeError, "rfft: is of real numbers, got complex64; use fft.fft,"),
    (lambda: ag.fft.ihfftn(ONE * 1j), DtypeError, "ihfftn: is of real numbers, got complex64; use fft.ifftn,"),
    (lambda: ag.fft.fftfreq(3, dtype=ag.int64), DtypeError, "fftfreq: .* floating or complex, got int64"),
    (lambda: ag.fft.rfftfreq(-1), ShapeError, "rfftfreq: .* not be negative, got -1"),
    (lambda: ag.stft(LONG, 4), ValueError, "stft: say return_complex=True"),
    (lambda: ag.stft(ag.ones(8, dtype=ag.int64), 4), DtypeError, "stft: expected a floating .* signal, got int64"),
    (lambda: ag.stft(LONG, 0, return_complex=True), ShapeError, "stft: n_fft must be positive, got 0"),
    (lambda: ag.stft(LONG, 3, return_complex=True), ShapeError, "hop_length is n_fft // 4 by default, which is 0"),
    (lambda: ag.stft(LONG, 4, 0, return_complex=True), ShapeError, "hop_length must be positive, got 0"),
    (lambda: ag.stft(LONG, 4, win_length=5, return_complex=True), ShapeError, "between 1 and n_fft = 4, got 5"),
    (lambda: ag.stft(LONG, 4, window=ONE, return_complex=True), ShapeError, r"window of shape \(4,\).*got shape"),
    (lambda: ag.stft(LONG, 9, center=False, return_complex=True), ShapeError, "n_fft = 9 are longer than"),
    (lambda: ag.stft(ag.ones(2, 2, 8), 4, return_complex=True), ShapeError, r"a batch \(batch, length\), got shape"),
    (lambda: ag.stft(ag.ones(8) * 1j, 4, onesided=True), ValueError, "onesided=True needs a real signal and window"),
    (lambda: ag.stft(LONG, 4, return_complex=True, align_to_window=True), ValueError, "for center=False only"),
    (lambda: ag.istft(ag.ones(3, 4), 4), DtypeError, r"istft: expected complex spectra, as from stft\(.*got float32"),
    (lambda: ag.istft(ag.ones(2, 4) * 1j, 4), ShapeError, r"expected 3 frequencies for n_fft = 4 and .* got 2"),
    (lambda: ag.istft(SPECTRUM, 4, 5), ShapeError, "windows of length 4 at a distance of 5 leave gaps"),
    (lambda: ag.istft(ag.ones(3, 0) * 1j, 4), ShapeError, r"got shape \(3, 0\)"),
    (lambda: ag.istft(SPECTRUM, 4, window=ag.zeros(4)), ShapeError, "leave gaps in the signal: at element 0"),
    (lambda: ag.istft(ag.ones(3, 1) * 1j, 4), ShapeError, "istft: nothing is left of 1 pieces"),
    (lambda: ag.istft(SPECTRUM, 4, return_complex=True), ValueError, "return_complex=True needs whole spectra"),
    (lambda: ag.istft(ag.ones(4, 4) * 1j, 4, window=ag.ones(4) * 1j), ValueError, "complex window gives a complex"),
    (lambda: ag.complex(ONE, ONE.double()), DtypeError, "floating tensors of one dtype, got float32 and float64"),
    (lambda: ag.complex(ONE, 1.0), DtypeError, "complex: 'imag' must be a tensor, got 1.0"),
    (lambda: ag.polar(ONE.long(), ONE.long()), DtypeError, "polar: 'abs' and 'angle' must be floating"),
    (lambda: ag.view_as_real(ONE), DtypeError, "view_as_real: expected complex numbers, got float32"),
    (lambda: ag.view_as_complex(ONE), ShapeError, r"a last dimension of size 2, got shape \(3,\)"),
    (lambda: ag.view_as_complex(ag.ones(3, 2).long()), DtypeError, "expected floating numbers, got int64"),
    (lambda: ag.frexp(ONE.long()), DtypeError, "frexp: expected floating numbers, got int64"),
    (lambda: ag.gradient(ag.ones(1)), ShapeError, "has 1 points, at least 2 are needed with edge_order=1"),
    (lambda: ag.gradient(ONE, edge_order=3), ValueError, "edge_order must be 1 or 2, got 3"),
    (lambda: ag.gradient(ag.ones(3, 3), dim=(0, -2)), ShapeError, "names a dimension twice"),
    (lambda: ag.gradient(ag.ones(3, 3), spacing=[1.0]), ShapeError, "got 1, but the input has 2"),
    (lambda: ag.gradient(ag.ones(3, 3), spacing=[1, 2], dim=0), ShapeError, "got 2, but dim names 1"),
    (lambda: ag.gradient(ag.ones(3, 3), spacing=ONE), ShapeError, r"spacing of shape \(3,\): give a number, or a list"),
    (lambda: ag.gradient(ag.ones(4), spacing=[ONE]), ShapeError, r"coordinates of shape \(4,\) .* got \(3,\)"),
    (lambda: ag.gradient(tensor(1.0), dim=0), BoundsError, "gradient: a tensor without dimensions"),
    (lambda: ag.gradient(tensor([True, False])), DtypeError, "gradient: bool has no negative numbers"),
    (lambda: ag.renorm(ONE, 2, 0, 1.0), ShapeError, r"renorm: .* at least 2 dimensions, got shape \(3,\)"),
    (lambda: ag.renorm(ag.ones(2, 2), 0, 0, 1.0), ValueError, "p must be positive and maxnorm not negative, got p=0"),
    (lambda: ag.renorm(ag.ones(2, 2), 2, 0, -1.0), ValueError, "maxnorm=-1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), MESSAGES, ids=[text[:40] for _, _, text in MESSAGES])
def test_messages(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


# ---- short time -----------------------------------------------------------------------------------------------------

SIGNAL = np.array([1, -2, 0.5, 3, 0.25, -1])
WINDOW = np.array([0.25, 0.75, 1, 0.5])
SPECTRA = [
    [-1.375, 0.75, 2.125, 1.0625],
    [-0.875 + 0.5j, -0.25 + 3j, -0.125 - 2.75j, -0.1875 + 2.25j],
    [3.625, 0.75, -1.375, -0.4375],
]


def test_stft() -> None:
    x = tensor(SIGNAL)
    close(x.stft(4, 2, window=tensor(WINDOW), return_complex=True), SPECTRA)
    settings: dict[str, Any] = {"hop_length": 3, "win_length": 3, "window": WINDOW[:3], "center": False}
    out = ag.stft(x, 4, normalized=True, return_complex=False, **settings)
    close(out, [[[-0.375, 0]], [[-0.125, 0.75]], [[1.125, 0]]])
    assert ag.stft(x * 1j, 4).shape == (4, 7)
    assert ag.stft(x.expand(2, 6), 4, 2, pad_mode="constant", onesided=False, return_complex=True).shape == (2, 4, 4)
    first = ag.stft(x, 4, win_length=2, center=False, align_to_window=True, onesided=False, return_complex=True)
    assert first.shape == (4, 5)
    close(first.abs()[:, 0], np.abs(np.fft.fft([0, 1, -2, 0])))


def test_istft() -> None:
    spectra = tensor(np.array(SPECTRA), requires_grad=True)
    out = spectra.istft(4, 2, window=tensor(WINDOW))
    close(out, SIGNAL)
    close(ag.istft(spectra, 4, 2, window=tensor(WINDOW), length=7), [*SIGNAL, 0.25])
    (found,) = ag.grad(out, spectra, ag.arange(1.0, 7, dtype=ag.float64))
    expected = [
        [0.542986, 1.841629, 3.199095, 1.678733],
        [-0.470588 + 0.615385j, -1.294118 + 0.307692j, -2, 0.588235 - 2.769231j],
        [-0.072398, -0.312217, -0.493213, -1.090498],
    ]
    close(found, expected)
    assert ag.istft(spectra, 4, 2, length=20).tolist()[8:] == [0] * 12


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("n", "hop", "win"), [(8, 2, 8), (9, 3, 7), (5, 1, 2), (4, None, None)])
def test_round_trip(n: int, hop: int | None, win: int | None, center: bool, normalized: bool) -> None:
    x = RNG.standard_normal((2, 25))
    window = tensor(RNG.uniform(0.3, 1, n if win is None else win))
    settings: dict[str, Any] = {
        "hop_length": hop, "win_length": win, "window": window, "center": center, "normalized": normalized,
    }  # fmt: skip
    if not center and win is not None and win < n:
        with pytest.raises(ShapeError, match="leave gaps"):  # nothing is known of the first elements
            ag.istft(ag.stft(tensor(x), n, return_complex=True, **settings), n, **settings)
        return
    back = ag.istft(ag.stft(tensor(x), n, return_complex=True, **settings), n, **settings)
    close(back, x[:, : back.shape[1]])
    assert back.shape[1] > 20
    z = x + 1j * x[::-1]
    whole = ag.istft(ag.stft(tensor(z), n, **settings), n, return_complex=True, **settings)
    close(whole, z[:, : whole.shape[1]])
    if center:
        close(ag.istft(ag.stft(tensor(x), n, return_complex=True, **settings), n, length=25, **settings), x)


# ---- pairs, mantissas, differences, norms ---------------------------------------------------------------------------


def test_complex_and_polar() -> None:
    a, b = leaf(1, float("inf")), leaf(2, float("inf"))
    z = ag.complex(a, b)
    assert z.tolist() == [1 + 2j, complex(float("inf"), float("inf"))]
    found = ag.grad(z, [a, b], tensor([3 + 4j, 5 - 6j], dtype=ag.complex128))
    assert [g.tolist() for g in found] == [[3, 5], [4, -6]]
    assert ag.complex(ag.ones(3), ag.ones(2, 1)).shape == (2, 3)
    assert ag.complex(ag.ones(1).half(), ag.ones(1).half()).dtype == "complex64"
    magnitude, angle = leaf(1, 2), leaf(0.5, -2)
    p = ag.polar(magnitude, angle)
    close(p, [0.877583 + 0.479426j, -0.832294 - 1.818595j])
    found = ag.grad(p, [magnitude, angle], tensor([1 + 2j, 3 - 1j], dtype=ag.complex128))
    close(found[0], [1.836434, -0.339143])
    close(found[1], [1.275740, 6.288078])


def test_views_of_pairs_share_memory() -> None:
    z = tensor(np.arange(6).reshape(2, 3) * (1 + 2j))
    pairs = ag.view_as_real(z[:, ::2])
    assert pairs.shape == (2, 2, 2)
    pairs[1, 0, 1] = -1
    assert z[1, 0].item() == 3 - 1j
    x = ag.zeros(2, 2)
    ag.view_as_complex(x)[1] = 5 - 6j
    assert x.tolist() == [[0, 0], [5, -6]]
    assert ag.view_as_complex(ag.ones(2, 3).T).tolist() == [1 + 1j] * 3
    w = tensor([1 + 1j], requires_grad=True) * 1
    with pytest.raises(ag.MutationError, match="the tensor holds the parts of a complex one"):
        ag.view_as_real(w).zero_()


def test_frexp() -> None:
    x = tensor([3.0, -0.15625, 0.0, -0.0, 1e-45, float("inf"), float("nan")])
    mantissa, exponent = x.frexp()
    np.testing.assert_array_equal(mantissa.numpy(), np.float32([0.75, -0.625, 0, -0.0, 0.5, np.inf, np.nan]))
    assert exponent[:5].tolist() == [2, -2, 0, 0, -148]
    assert exponent.dtype == "int32"
    assert ag.frexp(x.half()).mantissa.dtype == "float16"
    y = leaf(3, -0.15625, 0)
    np.frexp(y)[0].sum().backward()
    assert y.grad.tolist() == [0.25, 4, 1]


DIFFERENCES: list[tuple[dict[str, Any], list[float], list[float]]] = [
    ({}, [3, 4, 10.5, 16], [-2, -0.5, -3, 5.5]),
    ({"spacing": 2.0}, [1.5, 2, 5.25, 8], [-1, -0.25, -1.5, 2.75]),
    ({"spacing": [tensor(2)], "dim": -1}, [1.5, 2, 5.25, 8], [-1, -0.25, -1.5, 2.75]),
    ({"edge_order": 2}, [2, 4, 10.5, 21.5], [-2.5, 2.5, -7.5, 7.5]),
    ({"spacing": ([0, 1, 3, 4],)}, [3, 2.833333, 11.5, 16], [-2.333333, 1.5, -5.166667, 6]),
    ({"spacing": (np.array([0.0, 1, 3, 4]),), "edge_order": 2},
     [3.166667, 2.833333, 11.5, 20.5], [-2.666667, 2.666667, -7.333333, 7.333333]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "values", "gradient"), DIFFERENCES)
def test_gradient(arguments: dict[str, Any], values: list[float], gradient: list[float]) -> None:
    x = leaf(1, 4, 9, 25)
    (out,) = ag.gradient(x, **arguments)
    close(out, values)
    (found,) = ag.grad(out, x, tensor([1.0, 2, 3, 4], dtype=ag.float64))
    close(found, gradient)


def test_gradient_flows_to_coordinates() -> None:
    c = leaf(0, 1, 3, 4)
    (out,) = ag.gradient(leaf(1, 4, 9, 25), spacing=(c,))
    (found,) = ag.grad(out, c, tensor([1.0, 2, 3, 4], dtype=ag.float64))
    close(found, [7.222222, -9.75, 107.527778, -105])


def test_gradient_along_dimensions() -> None:
    x = tensor([[1, 2, 4, 8], [10, 20, 40, 80]])
    rows, columns = ag.gradient(x)
    close(rows, [[9, 18, 36, 72]] * 2)
    close(columns, [[1, 1.5, 3, 4], [10, 15, 30, 40]])
    assert rows.dtype == "float32"
    assert [g.shape for g in ag.gradient(x, spacing=[3.0, 2.0], dim=(1, 0))] == [(2, 4)] * 2
    close(ag.gradient(x, spacing=[3.0, 2.0], dim=(1, 0))[1], rows / 2)
    assert ag.gradient(x, dim=()) == ag.gradient(tensor(1.0)) == ()
    assert np.isnan(ag.gradient(ag.ones(3), spacing=0)[0].numpy()).all()
    array = RNG.standard_normal((4, 5))
    for ours, theirs in zip(np.gradient(tensor(array), 2.0, 0.5), np.gradient(array, 2.0, 0.5), strict=True):
        close(ours, theirs)
    close(np.gradient(tensor(array), axis=1, edge_order=2), np.gradient(array, axis=1, edge_order=2))
    at = np.array([0.0, 1, 1.5, 4])
    close(np.gradient(tensor(array), at, axis=0), np.gradient(array, at, axis=0))


def test_renorm() -> None:
    x = tensor(np.array([[3, 4], [0.3, 0.4], [0, 0]]), requires_grad=True)
    out = x.renorm(2, 0, 1.0)
    close(out, [[0.6, 0.8], [0.3, 0.4], [0, 0]])
    (found,) = ag.grad(out, x, tensor([[1.0, 2]] * 3, dtype=ag.float64))
    close(found, [[-0.064, 0.048], [1, 2], [1, 2]])
    y = ag.ones(2, 2)
    assert y.renorm_(1, 1, 1.0) is y
    close(y, [[0.5, 0.5]] * 2)
    close(ag.renorm(tensor([[3.0, -4], [1, 0]]), float("inf"), 0, 2), [[1.5, -2], [1, 0]])
    assert ag.renorm(ag.ones(0, 3), 2, 0, 1.0).shape == (0, 3)
    assert ag.renorm(ag.ones(2, 2).half(), 2, 0, 1.0).dtype == "float16"
