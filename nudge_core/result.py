"""Nudge: what fine-tuning returns. The new vectors of the documents that moved, and how they were found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.corpus.copying import copy_moved
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.moves import Moves
from nudge_core.data.storage import read_file, write_file
from nudge_core.display import Block, Reported
from nudge_core.errors import FileFormatError
from nudge_core.methods.base import Curve

FORMAT, VERSION = "nudge", "1"
_ARRAYS = ("ids", "rows", "vectors", "matrix", "angles")


@dataclass(frozen=True, eq=False, repr=False)
class Nudge(Moves, Reported):
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

    before: float | None = None
    after: float | None = None
    curve: Curve | None = None
    refit: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    angles: NDArray[np.float32] | None = None

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

    def copy_files(
        self, source: CorpusLike, target: str | Path, *, overwrite: bool = False, progress: bool = True
    ) -> None:
        """Write a copy of the files of a corpus with the moved vectors in place, block by block, so that it may be larger than memory.

        All other rows and columns are copied as they are. The copy gets its name when it is complete.

        Args:
            source: The files that were fine-tuned: a path or URL as for `open_corpus`, or a corpus of files.
            target: A file where the source is one, else a folder; on this machine. Neither may be there yet.
            overwrite: Whether a file that is there is replaced.
            progress: Whether a copy that takes longer than two seconds shows a bar.

        Raises:
            InputError: A source that is not in files, or is not the corpus that was fine-tuned; or a target that cannot be written.
            FileFormatError: A file that changed meanwhile.
            WriteError: There was no room; nothing of the copy is left.
        """
        copy_moved(self, source, target, overwrite=overwrite, progress=progress)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file; never pickle.

        Args:
            path: The file, for example "tuned.safetensors". An existing file is replaced at once, when the new one is complete.
        """
        header = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*_ARRAYS, "curve")}
        header["seconds"] = dict(self.seconds)
        header["settings"] = {name: dict(setting) for name, setting in self.settings.items()}
        arrays: dict[str, Any] = {"rows": self.rows, "vectors": self.vectors}
        if self.ids.dtype.kind in "iu":
            arrays["ids"] = self.ids
        else:
            header["ids"] = self.ids.tolist()
        arrays |= {name: array for name in ("matrix", "angles") if (array := getattr(self, name)) is not None}
        if self.curve is not None:
            header["measure"] = self.curve.measure
            arrays |= {"curve_gamma": self.curve.gamma, "curve_score": self.curve.score}
        write_file(path, arrays, {"format": FORMAT, "version": VERSION, "nudge": json.dumps(header)})

    @classmethod
    def load(cls, path: str | Path, *, dim: int | None = None) -> Nudge:
        """Read a file that `save` wrote.

        Args:
            path: The file.
            dim: The dimension that is expected; None for any.

        Raises:
            FileFormatError: No such format, another version, a truncated or damaged file, or another dimension than `dim`.
        """
        metadata, arrays = read_file(path, FORMAT, VERSION, "Nudge.save or `nudge tune --out`")
        try:
            header = json.loads(metadata["nudge"])
            measure = header.pop("measure", None)
            if measure is not None:
                header["curve"] = Curve(arrays.pop("curve_gamma"), arrays.pop("curve_score"), measure)
            if "ids" in header:
                header["ids"] = np.asarray(header["ids"], dtype=object)
            tuned = cls(**{**header, **arrays})
            fault = next(tuned._faults(), None)
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            fault = f"{type(error).__name__}: {error}"
        if fault is not None:
            raise FileFormatError(f"{str(path)!r} is damaged ({fault}): write it again")
        if dim is not None and tuned.dim != dim:
            raise FileFormatError(
                f"{str(path)!r} holds vectors of dimension {tuned.dim}, expected {dim}: it belongs to another embedding model"
            )
        return tuned

    def _faults(self) -> Iterator[str]:
        """What no fine-tuning gives, so that nothing of it is taken."""
        if not len(self.ids) == len(self.rows) == len(self.vectors) or self.vectors.ndim != 2:
            yield f"it holds {len(self.ids)} ids for vectors of shape {self.vectors.shape}"
        if self.rows.dtype != np.int64 or (self.rows < 0).any() or (self.rows >= self.docs).any():
            yield f"its rows are not whole numbers from 0 to {self.docs - 1}"
        if (np.diff(self.rows) <= 0).any() or len(set(self.ids.tolist())) < len(self.ids):
            yield "a document stands in it twice, or out of order"
        if self.angles is not None and self.angles.shape != self.rows.shape:
            yield f"it holds angles of shape {self.angles.shape} for {len(self)} documents"
        if self.matrix is not None and self.matrix.shape != (self.dim, self.dim):
            yield f"it holds a map of shape {self.matrix.shape} for vectors of dimension {self.dim}"
        for array in (self.vectors, self.matrix):
            if array is not None and (array.dtype != np.float32 or not np.isfinite(array).all()):
                yield "its vectors or its map are not finite numbers of 32 bits"
        if self.metric not in ("cosine", "dot") or not 0 <= self.gamma < math.inf:
            yield f"it has the metric {self.metric!r} and γ {self.gamma!r}"
