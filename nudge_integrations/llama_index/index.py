"""What is done to a `VectorStoreIndex` that exists: its vectors are moved in place, measured, and put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.vector_stores import MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from nudge_core import Evaluation
from nudge_core.apply.records import Direction
from nudge_core.arguments import expect
from nudge_core.corpus.base import Missing
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_integrations.collection.asking import Requests
from nudge_integrations.collection.report import NudgeReport
from nudge_integrations.collection.words import LLAMA_INDEX
from nudge_integrations.llama_index.runs import collection_of
from nudge_integrations.stores.loops import in_thread
from nudge_integrations.stores.reading import Background


@LLAMA_INDEX.telling()
def nudge_index(
    index: VectorStoreIndex,
    questions: Any = None,
    validation: Any = None,
    *,
    method: Method | None = None,
    measure: str | None = None,
    background: Background | None = None,
    allow_map: bool = False,
    folds: int = 5,
    missing: Missing = "skip",
    dry_run: bool = False,
    force: bool = False,
    note: str = "",
    filters: MetadataFilters | None = None,
    progress: bool = True,
    journal: str | Path | None = None,
    recover: Direction | None = None,
    batch_size: int | None = None,
    concurrency: int | None = None,
    patience: float | None = None,
) -> NudgeReport:
    """Move the vectors of an index, in place, toward the questions that its nodes answer. Retrievers made before see them at once.

    It starts from the original vectors, whatever an earlier call did. They are in a journal before anything is written, a file on this machine or
    in a database: the one that `NudgeVectorStore` of nudge_integrations.langchain keeps for the same collection. Nothing is written where
    questions held out do not support a gain: 10 of them or more, and a lower bound of their mean gain above zero. What lives in memory,
    SimpleVectorStore and FAISS, is on disk after `index.storage_context.persist()`.

    Args:
        index: On SimpleVectorStore, Chroma, FAISS, LanceDB, Milvus, PGVectorStore or Qdrant; other stores by `register_adapter`.
        questions: Labelled questions, by node id: pairs (question, ids), dicts {"question": …, "relevant": ids}, {question: ids} or a `QuerySet`;
            or all that `read_labels` reads, where labels may be texts, answer spans or metadata: they are matched to the nodes, and `report.match`
            says how. Of a source that names its splits the train and dev questions are taken. With them goes the feedback kept.
        validation: Questions that choose how far nodes move, in the same forms. Without them the questions are cut in folds, each held out once:
            the setting that is best on questions held out is used once more with all questions.
        method: `Auto()` if not given: leave nodes as they are, `NudgeN("angles", "nDCG@10")`, or `Contrastive()`, whichever questions held out speak
            for. `NudgeM` is for stores that rank by dot product only.
        measure: By what the setting is chosen, in place of the measure of the method.
        background: "exact" reads every vector of the store once; "search" asks the store's own search instead, so that the cost does not grow with
            the collection. Without it 200,000 nodes and fewer are read.
        allow_map: Whether a method may map *every* node, so that the whole collection is written anew; without a method `Auto` tries it. Nodes that
            are inserted into the index later go through the map by `map_inserted`.
        folds: How many folds.
        missing: What to do with labels whose node is not in the store: "skip" leaves them out and lists them in the report, up to a half of all;
            "error" refuses them.
        dry_run: Whether nothing is written: `report.apply()` writes what the report shows, if the store has not changed since.
        force: Whether vectors are written without evidence: from fewer than 10 questions held out, or where the gain may be chance.
        note: What `index_history` tells of the run.
        filters: What every search is filtered by: only nodes that pass take part and move.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal; the URL of a PostgreSQL database, which several machines share; or "store": in the database of the vectors,
            for PGVectorStore. Without it one is kept for each collection in $NUDGE_HOME/journals, else in
            ~/.local/share/nudge/journals, and found again there.
        recover: What to do first with a run that was interrupted: finish it ("finish") or undo it ("rollback"). Without it such a run is an error.
        batch_size: Questions in one request to the embed model, 128 if not given. It gets smaller by itself where the model refuses.
        concurrency: Requests under way at a time where questions are embedded one by one, 8 if not given.
        patience: Seconds to wait in all, as long as no vector comes, for a model that limits its rate, 60 if not given.

    Returns:
        What was done, with scores on questions held out before and after: all, seen and unseen. Print it.

    Raises:
        InputError: An index, questions, options or vectors that cannot be used. Nothing is written.
        EmbeddingError: The embed model failed. Nothing is written; vectors that came are kept, the same call goes on.
        UnknownIdError: Labels that name nodes that the store does not hold. Nothing is written.
        LockedError: Another process is writing to this collection.
        UnfinishedRunError: A run was interrupted: `recover_index` first.
        JournalError: The journal cannot be written. Nothing is written to the store.
        StoreError: The store failed: `recover_index` when it is back. Nothing is lost.
    """
    return collection_of(index, journal, recover, Requests(batch_size, concurrency, patience)).nudge(
        questions,
        validation,
        method=method,
        measure=measure,
        background=background,
        allow_map=allow_map,
        folds=folds,
        missing=missing,
        dry_run=dry_run,
        force=force,
        note=note,
        filter=_passes(filters),
        progress=progress,
    )


async def anudge_index(
    index: VectorStoreIndex, questions: Any = None, validation: Any = None, **options: Any
) -> NudgeReport:
    """`nudge_index`, in a thread of its own."""
    return await in_thread(nudge_index, index, questions, validation, **options)


@LLAMA_INDEX.telling()
def evaluate_index(
    index: VectorStoreIndex,
    questions: Any,
    measures: Iterable[str] = DEFAULT_MEASURES,
    *,
    background: Background | None = None,
    missing: Missing = "skip",
    filters: MetadataFilters | None = None,
    progress: bool = True,
    journal: str | Path | None = None,
    batch_size: int | None = None,
    concurrency: int | None = None,
    patience: float | None = None,
) -> Evaluation:
    """Measure an index as it stands now, on questions that it has not learned from.

    Args:
        index: The index.
        questions: In the forms of `nudge_index`; of a source that names its splits the test questions.
        measures: Names such as nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.
        background: "exact" ranks every vector of the store; "search" what the store's own search finds, with scores computed anew.
        missing: As for `nudge_index`; what is left out is logged.
        filters: As for `nudge_index`: the figures are those of a search under them.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal, if it is not in the usual place.
        batch_size: As of `nudge_index`.
        concurrency: As of `nudge_index`.
        patience: As of `nudge_index`.

    Returns:
        The value of each measure for each question. Questions about nodes that stand moved count as *seen*.

    Raises:
        InputError: An index, questions or vectors that cannot be used.
        UnknownIdError: Labels that name nodes that the store does not hold.
    """
    requests = Requests(batch_size, concurrency, patience)
    return collection_of(index, journal, requests=requests).evaluate(
        questions, measures, background=background, missing=missing, filter=_passes(filters), progress=progress
    )


class _Passes:
    """Filters as a function of a node's metadata."""

    def __init__(self, filters: MetadataFilters) -> None:
        self.filters = filters

    def __call__(self, metadata: Mapping[str, Any]) -> bool:
        return build_metadata_filter_fn(lambda _: metadata, self.filters)("")

    def __repr__(self) -> str:
        return repr(self.filters)


def _passes(filters: MetadataFilters | None) -> _Passes | None:
    """The filters as a function of a node's metadata."""
    if filters is None:
        return None
    expect(filters, MetadataFilters, "filters", "MetadataFilters(filters=[MetadataFilter(key=…, value=…)])")
    return _Passes(filters)
