"""The methods that the accuracy benchmarks compare, each called as it would be used."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import nudge
import numpy as np
from labelled import LabelledSet
from numpy.typing import NDArray

from nudge_core import Auto, Contrastive, LinearMap, NudgeN, QuerySet, finetune
from nudge_core.methods import Method
from nudge_core.relevance import Relevance


@dataclass(frozen=True)
class Run:
    """What a method made of a set.

    Attributes:
        X: (docs, dim) the documents after fine-tuning.
        seconds: CPU seconds of the process / 2, what two cores take at the least.
        chosen: What was chosen on questions held out.
    """

    X: NDArray[Any]
    seconds: float
    chosen: dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A method with its way to take labels.

    Attributes:
        method: Ours; None for a peer or for leaving the documents as they are.
        cross_validates: Whether it is given training and validation questions as one set.
        refit: Whether all labels are learned from after the choice, where validation questions are given.
        labelled_only: Whether it is told of the documents with labels only, so that no other one is a negative.
        peer: A class of nudge-ft.
    """

    method: Method | None = None
    cross_validates: bool = False
    refit: bool = True
    labelled_only: bool = False
    peer: Callable[[], Any] | None = None

    def run(self, labelled: LabelledSet) -> Run:
        """Fine-tune the documents of a set."""
        start = time.process_time()
        X, chosen = self._documents(labelled)
        return Run(X, round((time.process_time() - start) / 2, 2), chosen)

    def _documents(self, labelled: LabelledSet) -> tuple[NDArray[Any], dict[str, Any]]:
        if self.peer is not None:
            with redirect_stdout(io.StringIO()):
                sets = (_as_peer(part) for part in (labelled.train, labelled.validation))
                return self.peer().finetune_embeddings(labelled.X, *sets), {}
        if self.method is None:
            return labelled.X, {}
        rows = np.unique(labelled.learned.relevance.documents) if self.labelled_only else np.arange(len(labelled.X))
        train, validation = (_among(part, rows) for part in (labelled.train, labelled.validation))
        given = (train + validation,) if self.cross_validates else (train, validation)
        tuned = finetune(labelled.X[rows], *given, method=self.method, refit=self.refit, progress=False)
        X = tuned.map_new(labelled.X).copy()
        X[rows] = tuned.apply_to(labelled.X[rows])
        return X, {"method": tuned.method, **(tuned.settings or {"gamma": tuned.gamma})}


def _among(queries: QuerySet, rows: NDArray[np.int64]) -> QuerySet:
    """The same questions over some rows."""
    relevance = queries.relevance
    found = Relevance(relevance.offsets, np.searchsorted(rows, relevance.documents), relevance.grades)
    return QuerySet(queries.embeddings, found, ids=queries.ids)


def _as_peer(queries: QuerySet) -> dict[str, Any]:
    """Questions as nudge-ft takes them."""
    return {
        "q_embs": queries.embeddings.numpy(),
        "q_ans_indx": [list(queries.relevance[i]) for i in range(len(queries))],
    }


class MapThenContrastive(Auto):
    """No choice between methods: contrastive steps after a map."""

    @property
    def chains(self) -> tuple[tuple[Any, ...], ...]:
        """The last that `Auto` tries."""
        return ((LinearMap(), Contrastive()),)


CANDIDATES = {
    "none": Candidate(),
    "nudge-ft M": Candidate(peer=nudge.NUDGEM),
    "nudge-ft N": Candidate(peer=nudge.NUDGEN),
    "NUDGE-N": Candidate(NudgeN("fine", "nDCG@10")),
    "contrastive": Candidate(Contrastive(), cross_validates=True),
    "map": Candidate(LinearMap(), cross_validates=True),
    "map, then contrastive": Candidate(MapThenContrastive(allow_map=True), cross_validates=True),
    "Auto": Candidate(Auto(), cross_validates=True),
    "Auto, map allowed": Candidate(Auto(allow_map=True), cross_validates=True),
}
