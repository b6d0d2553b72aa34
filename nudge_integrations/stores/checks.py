"""What a store must be for its vectors to be moved, and whether it still finds them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.data.moves import UNIT
from nudge_core.errors import InputError
from nudge_core.methods.base import Method
from nudge_core.result import Nudge
from nudge_integrations.stores.base import StoreAdapter
from nudge_integrations.stores.reading import WalkedCorpus
from nudge_integrations.stores.searched_corpus import SearchedCorpus

SAMPLE, DEPTH = 200, 10


def check_method(adapter: StoreAdapter, method: Method) -> None:
    """Refuse a method whose vectors the store would rank wrongly."""
    if method.metric == "dot" and adapter.metric != "dot":
        raise InputError(
            f"{method.name} moves vectors off the unit sphere, so they must be searched by dot product; this {adapter.kind} collection "
            f"ranks by {adapter.metric}: use NudgeN(), or make the collection anew with the metric dot product"
        )


def check_lengths(adapter: StoreAdapter, corpus: WalkedCorpus | SearchedCorpus) -> None:
    """Refuse vectors that are not of unit length where the metric takes length into account."""
    if adapter.metric == "cosine":
        return
    vectors = corpus.vectors if isinstance(corpus, WalkedCorpus) else corpus.read_so_far()
    norms = torch.cat([torch.linalg.vector_norm(part, dim=1) for part in vectors.split(1 << 16)])
    low, high = float(norms.min()), float(norms.max())
    if low < 1 - UNIT or high > 1 + UNIT:
        raise InputError(
            f"the vectors of this {adapter.kind} collection have lengths from {low:.4g} to {high:.4g} and are ranked by {adapter.metric}, "
            "where length counts: normalise them (for most models an option, such as normalize_embeddings) and fill the collection "
            "anew, or let it rank by cosine"
        )


def scaled(adapter: StoreAdapter, corpus: WalkedCorpus | SearchedCorpus, tuned: Nudge) -> NDArray[Any]:
    """The moved vectors as they are written: on cosine each keeps the length that its document had."""
    if adapter.metric != "cosine":
        return tuned.vectors
    norms = torch.linalg.vector_norm(corpus.rows(tuned.rows), dim=1, keepdim=True).numpy()
    return np.where(np.abs(norms - 1) < UNIT, tuned.vectors, tuned.vectors * norms).astype(adapter.dtype)


def unreachable(adapter: StoreAdapter, ids: Sequence[str], vectors: NDArray[Any]) -> tuple[str, ...]:
    """Of a sample of documents those that are not among the ten nearest of their own vector: the index has lost them."""
    if not adapter.approximate:
        return ()
    chosen = np.random.default_rng(0).permutation(len(ids))[:SAMPLE]
    found = adapter.nearest(np.asarray(vectors[chosen], np.float32), DEPTH)
    missed = [row for row, names in zip(chosen.tolist(), found, strict=True) if ids[row] not in names]
    return tuple(ids[row] for row in missed)
