"""Moves: which documents move and where to, and how to put them into vectors. How they were found is told in `nudge_core.result`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.data.vectors import as_matrix, mapped, unit
from nudge_core.errors import InputError

UNIT = 1e-2
"""Lengths that differ from 1 by less count as 1: rounding to float16 or bfloat16 does that."""

Matrix = TypeVar("Matrix", NDArray[Any], Tensor)


@dataclass(frozen=True, eq=False, repr=False)
class Moves:
    """New vectors for the documents that moved; `nudge_core.result.Nudge` tells what each attribute is."""

    ids: NDArray[Any]
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    docs: int
    method: str
    gamma: float
    gamma_unit: str
    angle: float
    metric: Literal["cosine", "dot"]
    matrix: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Number of documents that moved."""
        return len(self.rows)

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return int(self.vectors.shape[1])

    def apply_to(self, vectors: Matrix) -> Matrix:
        """A full copy of the corpus with the moved vectors in place; all other rows are bit-equal.

        A moved vector keeps the length that its row had, so that cosine similarity ranks it right beside vectors of any length.

        Args:
            vectors: (docs, dim) the vectors that were fine-tuned, array or tensor.

        Returns:
            The same type, dtype and shape.

        Raises:
            InputError: Another shape than that of the corpus; or NUDGE-M vectors into a corpus that is not of unit length.
        """
        matrix = as_matrix(vectors, "vectors")
        if tuple(matrix.shape) != (self.docs, self.dim):
            raise InputError(
                f"the vectors have shape {tuple(matrix.shape)}; the moves are for {(self.docs, self.dim)}: pass the vectors that were fine-tuned"
            )
        copy = self.change(matrix, 0)
        copy = matrix.clone() if copy is matrix else copy
        return copy if isinstance(vectors, Tensor) else copy.numpy()

    def change(self, block: Tensor, first: int) -> Tensor:
        """Some rows of the corpus, with the moved vectors in place: the block itself where none of them moved.

        Args:
            block: (rows, dim) of any floating type, the vectors that were fine-tuned.
            first: The row of the corpus that the block begins with.

        Raises:
            InputError: As for `apply_to`.
        """
        if self.metric != "cosine":
            self._check_unit(block)
        some = slice(*np.searchsorted(self.rows, [first, first + len(block)]).tolist())
        if some.start == some.stop:
            return block
        rows = torch.from_numpy(self.rows[some] - first).to(block.device)
        moved = torch.from_numpy(self.vectors[some]).to(block.device)
        self.check_origin(block[rows], some)
        if self.metric == "cosine":
            norms = torch.linalg.vector_norm(block[rows].to(torch.float32), dim=1, keepdim=True)
            moved = torch.where((norms - 1).abs() < UNIT, moved, moved * norms)
        copy = block.clone()
        copy[rows] = moved.to(block.dtype)
        return copy

    def map_new(self, vectors: Matrix) -> Matrix:
        """Documents that were not in the corpus, taken through the map that was learned; as they are where none was.

        Args:
            vectors: (docs, dim) array or tensor; each keeps its length.

        Returns:
            The same type, dtype and shape.

        Raises:
            InputError: Another dimension than that of the corpus; a row with NaN, infinity or zeros only.
        """
        matrix = as_matrix(vectors, "vectors")
        if matrix.shape[1] != self.dim:
            raise InputError(
                f"the vectors have dimension {matrix.shape[1]}, the corpus {self.dim}: embed both with one model"
            )
        if self.matrix is None:
            return vectors
        moved = mapped(matrix, torch.from_numpy(self.matrix))
        result: Matrix = moved if isinstance(vectors, Tensor) else moved.numpy()
        return result

    def check_origin(self, vectors: Tensor, some: slice = slice(None)) -> None:
        """Refuse vectors that these moves cannot have been made from.

        Raises:
            InputError: A vector lies further from its moved one than γ allows.
        """
        distance = torch.linalg.vector_norm(unit(vectors).cpu() - torch.from_numpy(self.vectors[some]), dim=1)
        bound = math.sqrt(self.gamma) if self.gamma_unit == "squared distance" else self.gamma
        far = torch.nonzero(~(distance <= bound + 0.03)).reshape(-1)  # float16 rounds by a hundredth
        if len(far):
            name = self.ids[some][int(far[0]) : int(far[0]) + 1].tolist()[0]
            raise InputError(
                f"document {name!r} lies {float(distance[far[0]]):.3f} from its moved vector, more than γ allows ({bound:.3f}); {len(far)} do: "
                "these are other vectors, or in another order, than those that were fine-tuned; pass those"
            )

    def _check_unit(self, matrix: Tensor) -> None:
        norms = torch.cat([torch.linalg.vector_norm(part.to(torch.float32), dim=1) for part in matrix.split(65536)])
        if float((norms - 1).abs().max()) > UNIT:
            raise InputError(
                f"{self.method} vectors are searched by dot product beside vectors of unit length; these have lengths from {float(norms.min()):.4g} "
                f"to {float(norms.max()):.4g}: normalise them first, or use NudgeN"
            )
