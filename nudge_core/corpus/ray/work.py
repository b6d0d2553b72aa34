"""Work: what a worker does with a piece, and what travels there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.corpus.background import Background
from nudge_core.corpus.mapped import Mapped
from nudge_core.corpus.ray.piece import Layout, Piece


@dataclass(frozen=True)
class Asked:
    """A background that is asked for.

    Attributes:
        queries: (queries, dim).
        k: How many documents for each question.
        left_out: Ascending rows that take no part.
        temperature: τ of the log-sum-exp, if it is asked for.
        cosine: Whether documents are scaled to unit length.
        collect: Whether the vectors of the rows left out are asked for too.
        matrix: (dim, dim) map that documents go through first.
    """

    queries: NDArray[np.float32]
    k: int
    left_out: NDArray[np.int64]
    temperature: float | None
    cosine: bool
    collect: bool
    matrix: NDArray[np.float32] | None


@dataclass(frozen=True)
class Found:
    """What a piece answers: its background, in rows of the corpus, and the vectors of its rows that were left out."""

    background: Background
    passed: NDArray[np.float32] | None


def background(layout: Layout, asked: Asked) -> Found:
    """One pass over a piece, on the GPU that Ray gave this worker, else on the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    piece = Piece(layout)
    corpus = piece if asked.matrix is None else Mapped(piece, torch.from_numpy(asked.matrix.copy()))
    inside = asked.left_out[layout.within(asked.left_out)] - layout.first
    passed = torch.empty((len(inside), layout.dim), dtype=torch.float32) if asked.collect else None
    queries = torch.from_numpy(asked.queries.copy()).to(device)
    found = corpus._pass(queries, asked.k, inside, asked.temperature, asked.cosine, False, passed)
    rows = torch.where(found.rows < 0, -1, found.rows + layout.first).cpu()
    sums = None if found.logsumexp is None else found.logsumexp.cpu()
    return Found(Background(found.scores.cpu(), rows, sums, found.lengths), None if passed is None else passed.numpy())


def rows(wanted: tuple[Layout, NDArray[np.int64]], _: None) -> NDArray[np.float32]:
    """The vectors of these rows of one piece."""
    layout, asked = wanted
    vectors: NDArray[np.float32] = Piece(layout).rows(asked - layout.first).numpy()
    return vectors
