"""Nudge: what fine-tuning returns. The new vectors of the documents that moved, and how they were found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.errors import InputError
from nudge_core.methods.base import Curve
from nudge_core.report.shown import Block, Reported
from nudge_core.vectors import as_matrix, mapped, unit

if TYPE_CHECKING:
    from nudge_core.corpus.opening import CorpusLike
    from nudge_core.report import Report

UNIT = 1e-2
"""Lengths that differ from 1 by less count as 1: rounding to float16 or bfloat16 does that."""

Matrix = TypeVar("Matrix", NDArray[Any], Tensor)


@dataclass(frozen=True, eq=False, repr=False)
class Nudge(Reported):
    """New vectors for the documents that moved.

    Attributes:
        ids: (moved,) ids of the documents that moved; row numbers where the corpus has no ids.
        rows: (moved,) int64 row numbers of the same documents in the corpus.
        vectors: (moved, dim) float32. Of unit length for NUDGE-N; not for NUDGE-M.
        docs: Number of documents of the corpus.
        method: Name of the method.
        gamma: The bound on the moves; `gamma_unit` says in what unit.
        gamma_unit: "squared distance" (NUDGE-N) or "length" (NUDGE-M).
        angle: The largest angle in degrees by which γ can turn a document.
        metric: How the result must be searched: "cosine" (any metric serves vectors of unit length) or "dot".
        before: Validation score without fine-tuning, from 0 to 1; None where γ was given.
        after: Validation score at γ, from training questions only, also with `refit`.
        curve: The validation score over γ; None where γ was given.
        refit: Whether the vectors were solved once more with training and validation questions.
        seconds: Time spent in each stage.
        settings: For a method that learns, each way that was chosen with its hyper-parameters and its number of steps.
        matrix: (dim, dim) the map of a `LinearMap`, which `map_new` takes new documents through; None where none was learned.
        angles: (moved,) float32, by how many degrees each document turned; None in a file of an earlier version.

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet, finetune
        >>> X = np.eye(3, dtype="float32")
        >>> tuned = finetune(X, QuerySet([[0.6, 0.8, 0.0]], [[0]]), method=NudgeN(gammas=0.1))
        >>> tuned.ids, tuned.apply_to(X).shape
        (array([0]), (3, 3))
    """

    ids: NDArray[Any]
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    docs: int
    method: str
    gamma: float
    gamma_unit: str
    angle: float
    metric: Literal["cosine", "dot"]
    before: float | None = None
    after: float | None = None
    curve: Curve | None = None
    refit: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    matrix: NDArray[np.float32] | None = None
    angles: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Number of documents that moved."""
        return len(self.rows)

    def report(self) -> Report:
        """The report of the moves; with questions held out too it is `Report(after.compare(before), tuned)`."""
        from nudge_core.report import Report

        return Report(tuned=self)

    def blocks(self) -> list[Block]:
        """What moved, in a line."""
        scores = ""
        if self.curve is not None and self.before is not None and self.after is not None:
            scores = f", validation {self.curve.measure} {100 * self.before:.2f} -> {100 * self.after:.2f}"
        return [
            f"Nudge({self.method}: {len(self)} of {self.docs} documents moved, "
            f"γ={self.gamma:.4g} ({self.gamma_unit}), at most {self.angle:.1f}°{scores})"
        ]

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return {
            "documents": self.docs,
            "moved": len(self),
            "method": self.method,
            "gamma": self.gamma,
            "gamma_unit": self.gamma_unit,
            "angle": self.angle,
            "settings": {name: dict(setting) for name, setting in self.settings.items()},
            "refit": self.refit,
            "validation": None
            if self.curve is None
            else {"measure": self.curve.measure, "before": self.before, "after": self.after},
            "seconds": dict(self.seconds),
        }

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

    def copy_files(self, source: CorpusLike, target: str | Path, *, progress: bool = True) -> None:
        """Write a copy of the files of a corpus with the moved vectors in place, block by block, so that it may be larger than memory.

        All other rows and columns are copied as they are. The copy gets its name when it is complete.

        Args:
            source: The files that were fine-tuned: a path or URL as for `open_corpus`, or a corpus of files.
            target: A file where the source is one, else a folder that is not there yet; on this machine.
            progress: Whether a copy that takes longer than two seconds shows a bar.

        Raises:
            InputError: A source that is not in files, or is not the corpus that was fine-tuned; or a target that cannot be written.
            FileFormatError: A file that changed meanwhile.
            WriteError: There was no room; nothing of the copy is left.
        """
        from nudge_core.corpus.copying import copy_moved

        copy_moved(self, source, target, progress=progress)

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

        Args:
            vectors: (moved, dim) what stands in the rows that moved, of any length.
            some: Of which of the moves.

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

    def save(self, path: str | Path) -> None:
        """Write a safetensors file; never pickle.

        Args:
            path: The file, for example "tuned.safetensors". An existing file is replaced at once, when the new one is complete.
        """
        from nudge_core.storage import save

        save(self, path)

    @classmethod
    def load(cls, path: str | Path, *, dim: int | None = None) -> Nudge:
        """Read a file that `save` wrote.

        Args:
            path: The file.
            dim: The dimension that is expected; None for any.

        Raises:
            FileFormatError: No such format, another version, a truncated file, or another dimension than `dim`.
        """
        from nudge_core.storage import load

        return load(path, dim)
