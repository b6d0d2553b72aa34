"""What is done to a `VectorStoreIndex` that exists: its vectors are moved in place, measured, and put back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from llama_index.core import VectorStoreIndex

from nudge_core import Evaluation, Nudge
from nudge_core.apply import Outcome, Run
from nudge_core.apply.pruning import KEEP
from nudge_core.apply.records import Direction
from nudge_core.arguments import expect
from nudge_core.corpus.base import Missing
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_integrations.collection.collection import Collection
from nudge_integrations.collection.report import LLAMA_INDEX, NudgeReport
from nudge_integrations.llama_index.learning import LlamaIndexEmbedder
from nudge_integrations.stores.reading import Background
from nudge_integrations.stores.registry import adapter_of_index, check_known_of_index


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
    progress: bool = True,
    journal: str | Path | None = None,
    recover: Direction | None = None,
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
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal; the URL of a PostgreSQL database, which several machines share; or "store": in the database of the vectors,
            for PGVectorStore. Without it one is kept for each collection in $NUDGE_HOME/journals, else in
            ~/.local/share/nudge/journals, and found again there.
        recover: What to do first with a run that was interrupted: finish it ("finish") or undo it ("rollback"). Without it such a run is an error.

    Returns:
        What was done, with scores on questions held out before and after: all, seen and unseen. Print it.

    Raises:
        InputError: An index, questions, options or vectors that cannot be used. Nothing is written.
        UnknownIdError: Labels that name nodes that the store does not hold. Nothing is written.
        LockedError: Another process is writing to this collection.
        UnfinishedRunError: A run was interrupted: `recover_index` first.
        JournalError: The journal cannot be written. Nothing is written to the store.
        StoreError: The store failed: `recover_index` when it is back. Nothing is lost.
    """
    return _collection(index, journal, recover).nudge(
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
        progress=progress,
    )


async def anudge_index(
    index: VectorStoreIndex, questions: Any = None, validation: Any = None, **options: Any
) -> NudgeReport:
    """`nudge_index`, in a thread of its own."""
    return await asyncio.to_thread(nudge_index, index, questions, validation, **options)


def restore_index(
    index: VectorStoreIndex, run: int | None = None, *, progress: bool = True, journal: str | Path | None = None
) -> Outcome:
    """Put every original vector of an index back, bit for bit.

    Args:
        index: The index, or another one on the same collection, also one that was loaded since.
        run: The number of a run in `index_history`, whose vectors shall stand again; without it the originals.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal, if it is not in the usual place.

    Returns:
        How many nodes stand as wanted, and those left alone, because they were embedded again since, or that are gone.

    Raises:
        InputError: There is no such run.
        LockedError: Another process is writing to this collection.
        UnfinishedRunError: A run was interrupted: `recover_index` first.
        StoreError: The store failed: `recover_index` when it is back.
    """
    return _collection(index, journal).restore(run, progress=progress)


def undo_index(index: VectorStoreIndex, *, progress: bool = True, journal: str | Path | None = None) -> Outcome:
    """Take back the last run over the collection of an index: what stood before it stands again. Called again, the one before.

    Raises:
        InputError: No run stands.
        LockedError, UnfinishedRunError, StoreError: As for `restore_index`.
    """
    return _collection(index, journal).undo(progress=progress)


def apply_to_index(
    index: VectorStoreIndex, tuned: Nudge | str | Path, *, progress: bool = True, journal: str | Path | None = None
) -> Outcome:
    """Write vectors that were fine-tuned elsewhere into an index, as safely as `nudge_index` writes its own. Nothing is measured.

    Args:
        index: The index.
        tuned: What `finetune` returned, or the path of a saved `Nudge`; its ids are those of the nodes.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal, if it is not in the usual place.

    Raises:
        InputError: Vectors of another dimension or metric, or that were not computed from those of this index.
        UnknownIdError: Nodes that the store does not hold.
        LockedError, UnfinishedRunError, StoreError: As for `nudge_index`.
    """
    return _collection(index, journal).apply(tuned, progress=progress)


def recover_index(
    index: VectorStoreIndex, direction: Direction, *, progress: bool = True, journal: str | Path | None = None
) -> Outcome:
    """Finish a run that was interrupted ("finish"), or undo it ("rollback"). Without such a run nothing happens.

    Args:
        index: The index.
        direction: "finish" or "rollback"; "forward" and "back" mean the same.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal, if it is not in the usual place.

    Raises:
        InputError: Another direction.
        LockedError: The run is still under way in another process.
        StoreError: The store failed: call it again when the store is back.
    """
    return _collection(index, journal).recover(direction, progress=progress)


def evaluate_index(
    index: VectorStoreIndex,
    questions: Any,
    measures: Iterable[str] = DEFAULT_MEASURES,
    *,
    background: Background | None = None,
    missing: Missing = "skip",
    progress: bool = True,
    journal: str | Path | None = None,
) -> Evaluation:
    """Measure an index as it stands now, on questions that it has not learned from.

    Args:
        index: The index.
        questions: In the forms of `nudge_index`; of a source that names its splits the test questions.
        measures: Names such as nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.
        background: "exact" ranks every vector of the store; "search" what the store's own search finds, with scores computed anew.
        missing: As for `nudge_index`; what is left out is logged.
        progress: Whether work that takes longer than two seconds shows a bar.
        journal: The file of the journal, if it is not in the usual place.

    Returns:
        The value of each measure for each question. Questions about nodes that stand moved count as *seen*.

    Raises:
        InputError: An index, questions or vectors that cannot be used.
        UnknownIdError: Labels that name nodes that the store does not hold.
    """
    return _collection(index, journal).evaluate(
        questions, measures, background=background, missing=missing, progress=progress
    )


def index_history(index: VectorStoreIndex, *, journal: str | Path | None = None) -> list[Run]:
    """All runs over the collection of an index, the first first, from LangChain too."""
    return _collection(index, journal).history()


def prune_index(index: VectorStoreIndex, keep: int = KEEP, *, journal: str | Path | None = None) -> int:
    """Make the journal of an index smaller: forget the moves of all but the last runs, to which `restore_index(index, run)` then no longer goes back.

    Every original stays, and so does the line of a run in `index_history`. A journal is pruned by itself where more runs than this have vectors.

    Args:
        index: The index.
        keep: How many runs are kept as they are, 1 or more.
        journal: The file of the journal, if it is not in the usual place.

    Returns:
        How many runs were pruned.

    Raises:
        InputError: Fewer than one run is to be kept.
        LockedError: Another process is writing to this collection.
    """
    return _collection(index, journal).prune(keep)


def begin_index_anew(index: VectorStoreIndex, *, journal: str | Path | None = None) -> None:
    """Take what the store of an index holds now for original, where its journal is lost: only then.

    Raises:
        InputError: The journal is there, and vectors stand moved: `restore_index` puts the originals back.
    """
    _collection(index, journal).begin_anew()


def map_inserted(index: VectorStoreIndex, ids: Sequence[str], *, journal: str | Path | None = None) -> int:
    """Let nodes that were inserted after a map go through it, as all others did: call it after `insert_nodes`.

    What they held becomes their original. They stay as they are, with a warning, where another embedding model embedded them, where the store does
    not hold what the run of the map wrote, or where another process writes to the collection.

    Args:
        index: The index.
        ids: Ids of the nodes.
        journal: The file of the journal, if it is not in the usual place.

    Returns:
        How many went through the map; 0 where none stands.
    """
    return _collection(index, journal).added([str(name) for name in ids])


def add_index_feedback(
    index: VectorStoreIndex,
    question: str,
    relevant: Sequence[str] = (),
    irrelevant: Sequence[str] = (),
    *,
    journal: str | Path | None = None,
) -> None:
    """Keep, in the journal, what somebody said of the answers to a question; the next `nudge_index` uses it, also without other questions.

    It goes before other labels of the same question, and a later word before an earlier one, from LangChain too.

    Args:
        index: The index.
        question: The text of the question.
        relevant: The ids of nodes that answer it.
        irrelevant: The ids of nodes that do not.
        journal: The file of the journal, if it is not in the usual place.

    Raises:
        InputError: No question, or no nodes.
        UnknownIdError: Relevant nodes that the store does not hold.
    """
    _collection(index, journal).add_feedback(question, relevant, irrelevant)


def remove_index_feedback(index: VectorStoreIndex, question: str, *, journal: str | Path | None = None) -> None:
    """Forget what was said of the answers to a question.

    Raises:
        InputError: Nothing was.
    """
    _collection(index, journal).remove_feedback(question)


def index_feedback(index: VectorStoreIndex, *, journal: str | Path | None = None) -> list[dict[str, Any]]:
    """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
    return _collection(index, journal).feedback()


def _collection(index: VectorStoreIndex, journal: str | Path | None, recover: Direction | None = None) -> Collection:
    expect(
        index,
        VectorStoreIndex,
        "index",
        "for a store that has texts VectorStoreIndex.from_vector_store(store, embed_model=…)",
    )
    check_known_of_index(index.vector_store)
    embedder = LlamaIndexEmbedder(index._embed_model)
    adapt = partial(adapter_of_index, index)
    return Collection(adapt, embedder, store=index, journal=journal, recover=recover, words=LLAMA_INDEX)
