"""Ready parametrizations: weight normalization, spectral normalization, orthogonal matrices."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd import (
    ArgumentError,
    BoundsError,
    ShapeError,
    Tensor,
    cat,
    eye,
    linalg,
    matrix_exp,
    no_grad,
    randn,
    tensor,
    vdot,
    zeros,
    zeros_like,
)  # fmt: skip

from .. import functional as F
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


# ---- weight normalization ------------------------------------------------------------------------------------------


def _norm_except(v: Tensor, dim: int | None) -> Tensor:
    """The norms of the slices along ``dim``, of the whole for None; dimensions are kept."""
    if dim is None:
        return linalg.vector_norm(v)
    others = tuple(i for i in range(v.ndim) if i != dim % v.ndim)
    return linalg.vector_norm(v, dim=others, keepdim=True) if others else v.abs()


class _WeightNorm(Module):
    """A direction ``v`` and a length ``g`` for each slice."""

    def __init__(self, dim: int | None) -> None:
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """``g * v / |v|``."""
        return v * (g / _norm_except(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction of a weight."""
        return _norm_except(weight, self.dim), weight


def _read_former(name: str, module: Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Give length and direction their names of today in a state dict that has those of PyTorch's former function."""
    former = [f"{prefix}{name}_{part}" for part in "gv"]
    if all(key in state for key in former):
        for i, key in enumerate(former):
            state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(key)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Train length and direction of a weight apart; returns the module.

    Args:
        module: the module.
        name: of the weight. Trained are ``parametrizations.<name>.original0``, the lengths, and ``original1``.
        dim: one length for each index of this dimension; None, or -1, for one in all.

    A state dict with ``<name>_g`` and ``<name>_v``, as PyTorch's former ``weight_norm`` wrote it, can be loaded too.

    Raises:
        IndexError: there is no such dimension.

    Source: Salimans and Kingma 2016.
    """
    weight = _weight(module, name)
    if dim is not None and not -weight.ndim <= dim < weight.ndim:
        raise BoundsError(f"weight_norm: dim {dim} is out of range for a weight of shape {weight.shape}")
    register_parametrization(module, name, _WeightNorm(None if dim == -1 else dim))
    module.register_load_state_dict_pre_hook(functools.partial(_read_former, name))
    return module


# ---- spectral normalization ----------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """A weight over its largest singular value, which power iteration finds."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        if not -weight.ndim <= dim < weight.ndim:
            raise BoundsError(f"spectral_norm: dim {dim} is out of range for a weight of shape {weight.shape}")
        if n_power_iterations <= 0:
            raise ArgumentError(f"spectral_norm: expected n_power_iterations > 0, got {n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach())
            self.register_buffer("_u", F.normalize(randn(matrix.shape[0], dtype=matrix.dtype), dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(randn(matrix.shape[1], dtype=matrix.dtype), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix.detach() @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.detach().mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """``weight`` over its largest singular value."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        return weight / vdot(self._u.clone(), matrix @ self._v.clone())

    def right_inverse(self, value: Tensor) -> Tensor:
        """``value``: the norm of what is trained does not matter."""
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Keep the largest singular value of a weight at 1; returns the module.

    Args:
        module: the module.
        name: of the weight.
        n_power_iterations: steps of power iteration at each use in training mode.
        eps: the least norm to divide by.
        dim: that of the outputs (default: 1 for transposed convolutions, else 0).

    Source: Miyato et al. 2018.
    """
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    weight = _weight(module, name)
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


def _weight(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ArgumentError(f"{type(module).__name__} has no parameter or buffer {name!r} to parametrize")
    return weight


# ---- orthogonal matrices ---------------------------------------------------------------------------------------------


def _reflected(vectors: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of the Householder reflections with these vectors below the diagonal."""
    n, k = vectors.shape[-2:]
    product = eye(n, k, dtype=vectors.dtype)
    unit = eye(n, dtype=vectors.dtype)
    for i in reversed(range(k)):
        v = (vectors[..., i] + unit[:, i]).unsqueeze(-1)
        product = product - tau[..., i, None, None] * (v @ (v.mT @ product))
    return product


class _Orthogonal(Module):
    """A matrix with orthonormal columns (or rows, if these are fewer), from any matrix of its shape."""

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)
        self.use_trivialization = use_trivialization

    def forward(self, x: Tensor) -> Tensor:
        """The orthogonal matrix."""
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            below = x.tril(-1)
            q = _reflected(below, 2.0 / (1.0 + (below * below).sum(-2)))
            q = q * x.detach().diagonal(0, -2, -1).trunc().unsqueeze(-2)
        else:
            lower = x.tril()
            if n != k:
                lower = cat([lower, zeros(*x.shape[:-2], n, n - k, dtype=x.dtype)], -1)
            skew = lower - lower.mH
            if self.orthogonal_map == "matrix_exp":
                q = matrix_exp(skew)
            else:
                unit = eye(n, dtype=x.dtype)
                q = linalg.solve(unit - 0.5 * skew, unit + 0.5 * skew)
            q = q[..., :k] if n != k else q
        if self.use_trivialization:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        """What is trained at the start, such that the matrix is ``q`` (made orthogonal first)."""
        if q.shape != self.shape:
            raise ShapeError(f"orthogonal: expected a matrix of shape {self.shape}, got {q.shape}")
        array = np.array(q.detach().numpy())
        wide = array.shape[-2] < array.shape[-1]
        array = array.swapaxes(-1, -2) if wide else array
        n, k = array.shape[-2:]
        if self.use_trivialization:
            if n != k:
                array = np.concatenate([array, randn(*array.shape[:-1], n - k, dtype=array.dtype).numpy()], -1)
            if n != k or not np.allclose(
                array.conj().swapaxes(-1, -2) @ array, np.eye(k), atol=10 * np.finfo(array.dtype).eps * math.sqrt(n)
            ):
                array = _nearest_orthogonal(array)
            self.register_buffer("base", tensor(array))
            start = zeros_like(q.detach())
            start.diagonal(0, -2, -1).fill_(-1.0)
            return start
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                f"orthogonal: without trivialization a matrix cannot be set with the map {self.orthogonal_map!r}; use "
                "'householder' or use_trivialization=True"
            )
        raw, tau = np.linalg.qr(array, mode="raw")
        found = raw.swapaxes(-1, -2).astype(array.dtype)
        signs = np.where(np.diagonal(found, 0, -2, -1) < 0, -1.0, 1.0) * np.where(tau == 0, -1.0, 1.0)
        found[..., np.arange(k), np.arange(k)] = signs
        return tensor(found.swapaxes(-1, -2).copy() if wide else found)


def _nearest_orthogonal(a: Any) -> Any:
    """The orthogonal factor of a QR decomposition, with the signs that make it continuous."""
    q, r = np.linalg.qr(a)
    ends = np.diagonal(r, 0, -2, -1)
    sizes = np.abs(ends)
    signs = np.where(sizes == 0, 1, ends) / np.where(sizes == 0, 1, sizes)
    return (q * signs[..., None, :]).astype(a.dtype)


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep a matrix, or each of a batch of matrices, orthogonal while it is trained; returns the module.

    Args:
        module: the module.
        name: of the matrix; of one that is not square the columns, or the rows if these are fewer, are orthonormal.
        orthogonal_map: "matrix_exp", "cayley" or "householder" (default: the first for square matrices, else the last).
        use_trivialization: work relative to a fixed orthogonal matrix, which makes training easier.

    A complex matrix is kept unitary, by one of the first two maps.

    Raises:
        ValueError: the Tensor has fewer than two dimensions, or there is no such map (for complex matrices).

    Sources: Lezcano-Casado and Martinez-Rubio 2019; Lezcano-Casado 2019 (trivialization).
    """
    weight = _weight(module, name)
    if weight.ndim < 2:
        raise ArgumentError(f"orthogonal: expected a matrix or several, {name!r} has shape {weight.shape}")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ArgumentError(
            f"orthogonal: orthogonal_map is 'matrix_exp', 'cayley' or 'householder', got {orthogonal_map!r}"
        )
    if orthogonal_map == "householder" and weight.is_complex():
        raise ArgumentError("orthogonal: the map 'householder' is for real matrices; use 'matrix_exp' or 'cayley'")
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
