"""Plan: what a nudge would write, found but not written yet. A preview keeps it, and a saved `Nudge` becomes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core import Nudge
from nudge_core.apply import Journal, Outcome, survey, write
from nudge_core.apply.memory import keep_learned, keep_map
from nudge_core.clock import Clock
from nudge_core.data.moves import UNIT
from nudge_core.errors import InputError, StoreError, UnknownIdError, counted, first_few
from nudge_integrations.collection.embedding import Embedder
from nudge_integrations.collection.repair import embedded_again
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.reading import unreachable


@dataclass(frozen=True, eq=False)
class Plan:
    """New vectors for documents of a store, and what they were computed from.

    Attributes:
        ids: The documents that move.
        vectors: (documents, dim) what they shall hold.
        origins: (documents, dim) float32, the originals that these were computed from.
        told: What the journal keeps of it.
        matrix: The map that documents added later go through; None where there is none.
        model: The number of the embedding model, for the map.
        questions: The questions that were learned from.
        documents: The documents that were learned about.
        runs: How many runs the journal held.
        only: The documents that passed the filter; None without one.
    """

    ids: Sequence[str]
    vectors: NDArray[Any]
    origins: NDArray[np.float32]
    told: Mapping[str, Any]
    matrix: NDArray[np.float32] | None = None
    model: int | None = None
    questions: Sequence[str] = ()
    documents: Sequence[str] = ()
    runs: int = 0
    only: frozenset[str] | None = None


@dataclass(frozen=True)
class Written:
    """What became of a plan.

    Attributes:
        outcome: The run.
        unreachable: Documents out of a sample of those moved that the index no longer finds by their own vector.
        remedy: What to do about these.
    """

    outcome: Outcome
    unreachable: tuple[str, ...]
    remedy: str


def carry_out(
    plan: Plan,
    adapter: StoreAdapter,
    journal: Journal,
    mark: Callable[[], None],
    documents_by: Embedder | None,
    clock: Clock,
    *,
    progress: bool,
) -> Written:
    """Write a plan; the journal is locked.

    Args:
        plan: What to write.
        adapter: The store.
        journal: Its journal.
        mark: Notes in the store which journal is its own.
        documents_by: What embeds documents, for those that somebody changed in the very moment; None where a vector is not that of a text alone.
        clock: Takes the time.
        progress: Whether a bar is shown.
    """
    with clock("writing"):
        told = dict(plan.told)
        if plan.matrix is not None:
            told["map"] = keep_map(journal, plan.matrix)
            told["embedded_by"] = plan.model
        mark()
        keep_learned(journal, plan.questions, plan.documents)
        outcome = write(
            adapter,
            journal,
            plan.ids,
            plan.vectors,
            origins=plan.origins,
            settings=told,
            only=plan.only,
            progress=progress,
        )
        outcome = embedded_again(adapter, documents_by, outcome)
    with clock("checking the index"):
        left = {*outcome.changed, *outcome.missing, *outcome.overwritten}
        kept = [row for row, name in enumerate(plan.ids) if name not in left]
        lost = unreachable(adapter, [plan.ids[row] for row in kept], plan.vectors[kept]) if kept else ()
    return Written(outcome, lost, adapter.remedy)


def check_unchanged(plan: Plan, adapter: StoreAdapter, journal: Journal) -> None:
    """Refuse a plan that was made of another state of the store.

    Raises:
        StoreError: A run was made since, or a document that shall move has changed or is gone.
    """
    again = "make a new one: nudge(…, dry_run=True)"
    if len(journal.runs()) != plan.runs:
        raise StoreError(f"the collection was written by another run since this preview: {again}")
    found = survey(adapter, journal)
    held = adapter.fetch(list(plan.ids))
    changed = [
        name
        for name, origin in zip(plan.ids, plan.origins, strict=True)
        if (now := found.originals.get(name, held.get(name))) is None
        or not np.array_equal(now.astype(np.float32), origin)
    ]
    if changed:
        raise StoreError(
            f"{counted(len(changed), 'document has', 'documents have')} changed since this preview: {first_few(changed, 3)}. "
            f"Nothing was written; {again}"
        )


def plan_of(tuned: Nudge, adapter: StoreAdapter, journal: Journal) -> Plan:
    """The plan of vectors that were fine-tuned elsewhere, such as those of a file.

    Raises:
        InputError: Vectors of another dimension or for another metric, or that were not computed from those of the store.
        UnknownIdError: Documents that the store does not hold.
    """
    if tuned.dim != adapter.dim:
        raise InputError(
            f"the moved vectors have dimension {tuned.dim}, those of the {adapter.kind} collection {adapter.dim}: they were made for another one"
        )
    if tuned.metric == "dot" and adapter.metric != "dot":
        raise InputError(
            f"{tuned.method} vectors are searched by dot product, and this {adapter.kind} collection ranks by {adapter.metric}: fine-tune with "
            "NudgeN(), or make the collection anew with the metric dot product"
        )
    if not len(tuned):
        raise InputError("no document moved in this fine-tuning, so there is nothing to write")
    ids = [adapter.spelled(str(name)) for name in tuned.ids.tolist()]
    if tuned.ids.dtype.kind in "iu" and not adapter.fetch(ids):
        raise UnknownIdError(
            f"these moves name documents by numbers ({first_few(tuned.ids.tolist(), 3)}), as fine-tuning without ids does by the rows, and none of "
            f"these is an id of the {adapter.kind} collection: fine-tune with the ids of the store, finetune(open_corpus(X, ids=ids), …)"
        )
    adapter.read(ids)  # refuses ids that are not there
    found, held = survey(adapter, journal), adapter.fetch(ids)
    origins = np.stack([found.originals.get(name, held[name]) for name in ids]).astype(np.float32)
    tuned.check_origin(torch.from_numpy(origins))
    vectors = tuned.vectors
    if adapter.metric == "cosine":
        norms = np.linalg.norm(origins, axis=1, keepdims=True)
        vectors = np.where(np.abs(norms - 1) < UNIT, vectors, vectors * norms)
    return Plan(ids, vectors.astype(adapter.dtype), origins, told(tuned), tuned.matrix, documents=ids)


def told(tuned: Nudge, measure: object = None) -> dict[str, Any]:
    """What the journal keeps of a fine-tuning."""
    kept = {name: getattr(tuned, name) for name in ("method", "gamma", "gamma_unit", "before", "after")}
    if tuned.settings:
        kept["settings"] = {name: dict(setting) for name, setting in tuned.settings.items()}
    if measure is None and tuned.curve is not None:
        measure = tuned.curve.measure
    return kept | {"measure": None if measure is None else str(measure)}
