"""Embeddings: a learned vector for each of a number of things, one by one or in bags."""

from __future__ import annotations

from typing import Any

from autograd import ArgumentError, BoundsError, ShapeError, Tensor, empty, no_grad
from autograd.engine.failures import explained

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding", "EmbeddingBag"]


class _Rows(Module):
    """What both have: the matrix and its settings."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    weight: Parameter

    def _set_up(
        self,
        rows: int,
        size: int,
        padding_idx: int | None,
        weight: Any,
        freeze: bool,
        sparse: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        if sparse:
            raise ArgumentError(f"{name}: there are no sparse gradients; leave sparse=True out, dense ones are as good")
        if padding_idx is not None and not -rows <= padding_idx < rows:
            raise BoundsError(f"{name}: padding_idx {padding_idx} is out of range: there are {rows} rows")
        if weight is not None and tuple(weight.shape) != (rows, size):
            raise ShapeError(f"{name}: the given weight has shape {tuple(weight.shape)}; expected {(rows, size)}")
        self.num_embeddings = rows
        self.embedding_dim = size
        self.padding_idx = None if padding_idx is None else padding_idx % rows
        if weight is None:
            self.weight = Parameter(empty(rows, size, device=device, dtype=dtype), not freeze)
            self.reset_parameters()
        else:
            self.weight = Parameter(weight, not freeze)

    def reset_parameters(self) -> None:
        """Draw the vectors anew, normal; that of ``padding_idx`` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def _told(self, names: tuple[str, ...]) -> str:
        """The settings, but for those that are as usual."""
        usual = {"padding_idx": None, "max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        told = [
            f"{name}={getattr(self, name)!r}" for name in names if name == "mode" or getattr(self, name) != usual[name]
        ]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *told])


class Embedding(_Rows):
    """A vector for each of ``num_embeddings`` things, looked up by their numbers.

    Args:
        num_embeddings: how many.
        embedding_dim: the size of a vector.
        padding_idx: the number of one that is zero at first and gets no gradient.
        max_norm: vectors that are used and longer than this are shortened to it first, in place.
        norm_type: the exponent of that norm.
        scale_grad_by_freq: divide the gradient of each vector by how often it was used.
        sparse: must be False: gradients are dense.
        device, dtype: of the weight.

    Shape: integers (...), output (..., embedding_dim); weight (num_embeddings, embedding_dim), normal at first.

    Raises: ValueError for ``sparse=True``; IndexError, ShapeError.

    >>> import autograd, nn
    >>> vectors = nn.Embedding.from_pretrained(autograd.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> vectors(autograd.tensor([1, 0]))
    tensor([[3., 4.],
            [1., 2.]])
    """

    @explained
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, _freeze, sparse, device, dtype)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse

    def forward(self, input: Tensor) -> Tensor:
        """The vectors with the numbers ``input``."""
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    @classmethod
    @explained
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An embedding with the vectors of a matrix, which are not learned further if ``freeze``.

        Raises: ShapeError.
        """
        return cls(
            *_matrix(cls.__name__, embeddings), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            embeddings, freeze,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        return self._told(("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq"))


class EmbeddingBag(_Rows):
    """Sums, means or maxima over bags of vectors that are looked up by their numbers.

    Args:
        num_embeddings: how many vectors.
        embedding_dim: the size of a vector.
        max_norm: vectors that are used and longer than this are shortened to it first, in place.
        norm_type: the exponent of that norm.
        scale_grad_by_freq: divide the gradient of each vector by how often it was used.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        sparse: must be False: gradients are dense.
        include_last_offset: the offsets end with the end of the last bag.
        padding_idx: the number of a vector that does not count and gets no gradient.
        device, dtype: of the weight.

    Shape: integers (bags, n), or (entries,) with offsets (bags,); output (bags, embedding_dim).

    Raises: ValueError for ``sparse=True``; IndexError, ShapeError.
    """

    @explained
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._set_up(num_embeddings, embedding_dim, padding_idx, _weight, False, sparse, device, dtype)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """One vector for each bag; ``per_sample_weights`` are factors, of the shape of ``input``."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Bags of the vectors of a matrix, which are not learned further if ``freeze``.

        Raises: ShapeError.
        """
        made = cls(
            *_matrix(cls.__name__, embeddings), max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        made.weight.requires_grad_(not freeze)
        return made

    def extra_repr(self) -> str:
        """The sizes, the mode, and what is not as usual."""
        return self._told(("max_norm", "norm_type", "scale_grad_by_freq", "mode", "padding_idx"))


def _matrix(name: str, embeddings: Any) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise ShapeError(f"{name}: expected a matrix (rows, size), got shape {tuple(embeddings.shape)}")
    return tuple(embeddings.shape)
