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
import torch
from labelled import LabelledSet
from numpy.typing import NDArray

from nudge_core import Auto, NudgeN, QuerySet, finetune
from nudge_core.data.relevance import Relevance
from nudge_core.data.vectors import unit
from nudge_core.methods import Method
from nudge_core.methods.problem import Part
from nudge_core.selection.candidate import Stage, reach
from nudge_core.selection.fit import Fit


@dataclass(frozen=True)
class Run:
    """What a method made of a set.

    Attributes:
        X: (docs, dim) the documents after fine-tuning.
        seconds: CPU seconds of the process / 2, what two cores take at the least; None where it was a part of another run.
        chosen: What was chosen on questions held out.
    """

    X: NDArray[Any]
    seconds: float | None
    chosen: dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A method with its way to take labels.

    Attributes:
        method: Ours; None for a peer or for leaving the documents as they are.
        refit: Whether all labels are learned from after the choice, where validation questions are given.
        labelled_only: Whether it is told of the documents with labels only, so that no other one is a negative.
        peer: A class of nudge-ft.
    """

    method: Method | None = None
    refit: bool = True
    labelled_only: bool = False
    peer: Callable[[], Any] | None = None

    def runs(self, labelled: LabelledSet, name: str) -> dict[str, Run]:
        """Fine-tune the documents of a set: one run, or what it brings beside it."""
        start = time.process_time()
        X, chosen = self._documents(labelled)
        return {name: Run(X, _seconds(start), chosen)}

    def _documents(self, labelled: LabelledSet) -> tuple[NDArray[Any], dict[str, Any]]:
        if self.peer is not None:
            with redirect_stdout(io.StringIO()):
                sets = (_as_peer(part) for part in (labelled.train, labelled.validation))
                return self.peer().finetune_embeddings(labelled.X, *sets), {}
        if self.method is None:
            return labelled.X, {}
        rows = np.unique(labelled.learned.relevance.documents) if self.labelled_only else np.arange(len(labelled.X))
        train, validation = (_among(part, rows) for part in (labelled.train, labelled.validation))
        tuned = finetune(labelled.X[rows], train, validation, method=self.method, refit=self.refit, progress=False)
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


@dataclass(frozen=True)
class Search(Candidate):
    """`Auto` with maps, and beside its choice each way that it has tried: one search for all."""

    def runs(self, labelled: LabelledSet, name: str) -> dict[str, Run]:
        """The runs by name; the time of the search stands with `Auto`'s own."""
        start = time.process_time()
        fit = Fit(
            labelled.X,
            labelled.train,
            labelled.validation,
            Auto(allow_map=True),
            refit=True,
            device="cpu",
            progress=False,
        ).run()
        chosen = _moved(fit, fit.chosen, labelled.X)
        found = {name: Run(chosen.X, _seconds(start), chosen.chosen)}
        ways = zip(WAYS, fit.candidates[2:], strict=True)
        return found | {way: _moved(fit, candidate.stages, labelled.X) for way, candidate in ways}


def _moved(fit: Fit, stages: tuple[Stage, ...], X: NDArray[Any]) -> Run:
    """The documents where stages bring them with all labels."""
    problem = fit.problem
    state = reach(stages, problem, Part(torch.arange(len(problem.labels)), problem.labels))
    vectors = torch.from_numpy(X.copy())
    vectors = vectors if state.matrix is None else unit(vectors @ state.matrix)
    vectors[problem.rows] = state.pool
    settings = {stage.steps.name: {**stage.setting, "point": stage.point} for stage in stages}
    return Run(vectors.numpy(), None, {"method": " + ".join(settings) or "none", **settings})


def _seconds(start: float) -> float:
    return round((time.process_time() - start) / 2, 2)


WAYS = ("contrastive", "map", "map, then contrastive")
NAMES = ("none", "nudge-ft M", "nudge-ft N", "NUDGE-N", *WAYS, "Auto", "Auto, map allowed")
CANDIDATES = {
    "none": Candidate(),
    "nudge-ft M": Candidate(peer=nudge.NUDGEM),
    "nudge-ft N": Candidate(peer=nudge.NUDGEN),
    "NUDGE-N": Candidate(NudgeN("fine", "nDCG@10")),
    "Auto": Candidate(Auto()),
    "Auto, map allowed": Search(),
}
