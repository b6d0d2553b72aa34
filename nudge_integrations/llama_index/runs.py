"""The runs over the collection of an index: told, taken back, finished; and feedback that is kept for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import BaseNode

from nudge_core import Nudge
from nudge_core.apply import Outcome, Run
from nudge_core.apply.pruning import KEEP
from nudge_core.apply.records import Direction
from nudge_core.arguments import expect
from nudge_core.errors import InputError
from nudge_integrations.collection.asking import Requests
from nudge_integrations.collection.collection import Collection
from nudge_integrations.collection.words import LLAMA_INDEX
from nudge_integrations.llama_index.learning import LlamaIndexEmbedder
from nudge_integrations.stores.registry import adapter_of_index, check_known_of_index

_memories: WeakKeyDictionary[VectorStoreIndex, dict[str, Any]] = WeakKeyDictionary()
"""The vectors of questions about indexes that have no journal."""


def collection_of(
    index: VectorStoreIndex,
    journal: str | Path | None,
    recover: Direction | None = None,
    requests: Requests | None = None,
) -> Collection:
    """The collection of an index, with its journal."""
    expect(
        index,
        VectorStoreIndex,
        "index",
        "for a store that has texts VectorStoreIndex.from_vector_store(store, embed_model=…)",
    )
    check_known_of_index(index.vector_store)
    requests = requests or Requests()
    requests.memory = _memories.setdefault(index, {})
    embedder = LlamaIndexEmbedder(index._embed_model, requests)
    adapt = partial(adapter_of_index, index)
    return Collection(adapt, embedder, store=index, journal=journal, recover=recover, words=LLAMA_INDEX)


@LLAMA_INDEX.telling()
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
    return collection_of(index, journal).restore(run, progress=progress)


@LLAMA_INDEX.telling()
def undo_index(index: VectorStoreIndex, *, progress: bool = True, journal: str | Path | None = None) -> Outcome:
    """Take back the last run over the collection of an index: what stood before it stands again. Called again, the one before.

    Raises:
        InputError: No run stands.
        LockedError, UnfinishedRunError, StoreError: As for `restore_index`.
    """
    return collection_of(index, journal).undo(progress=progress)


@LLAMA_INDEX.telling()
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
    return collection_of(index, journal).apply(tuned, progress=progress)


@LLAMA_INDEX.telling()
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
    return collection_of(index, journal).recover(direction, progress=progress)


@LLAMA_INDEX.telling()
def index_history(index: VectorStoreIndex, *, journal: str | Path | None = None) -> list[Run]:
    """All runs over the collection of an index, the first first, from LangChain too."""
    return collection_of(index, journal).history()


@LLAMA_INDEX.telling()
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
    return collection_of(index, journal).prune(keep)


@LLAMA_INDEX.telling()
def begin_index_anew(index: VectorStoreIndex, *, journal: str | Path | None = None) -> None:
    """Take what the store of an index holds now for original, where its journal is lost: only then.

    Raises:
        InputError: The journal is there, and vectors stand moved: `restore_index` puts the originals back.
    """
    collection_of(index, journal).begin_anew()


@LLAMA_INDEX.telling()
def map_inserted(index: VectorStoreIndex, ids: Iterable[str | BaseNode], *, journal: str | Path | None = None) -> int:
    """Let nodes that were inserted after a map go through it, as all others did: call it after `insert_nodes`.

    What they held becomes their original. They stay as they are, with a warning, where another embedding model embedded them, where the store does
    not hold what the run of the map wrote, or where another process writes to the collection.

    Args:
        index: The index.
        ids: Ids of the nodes, or the nodes.
        journal: The file of the journal, if it is not in the usual place.

    Returns:
        How many went through the map; 0 where none stands.

    Raises:
        InputError: What is neither ids nor nodes.
        UnknownIdError: Nodes that the store does not hold.
    """
    given: list[Any] = list(ids) if isinstance(ids, Iterable) and not isinstance(ids, str | bytes) else [None]
    names = [node.node_id if isinstance(node, BaseNode) else node for node in given]
    if not all(isinstance(name, str) for name in names):
        raise InputError(
            f"ids is {repr(ids)[:60]}; expected a list of the ids of nodes, for example [node.node_id for node in nodes]"
        )
    collection = collection_of(index, journal)
    collection.adapt().read(names)  # refuses ids that are not there
    return collection.added(names)


@LLAMA_INDEX.telling()
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
    collection_of(index, journal).add_feedback(question, relevant, irrelevant)


@LLAMA_INDEX.telling()
def remove_index_feedback(index: VectorStoreIndex, question: str, *, journal: str | Path | None = None) -> None:
    """Forget what was said of the answers to a question.

    Raises:
        InputError: Nothing was.
    """
    collection_of(index, journal).remove_feedback(question)


@LLAMA_INDEX.telling()
def index_feedback(index: VectorStoreIndex, *, journal: str | Path | None = None) -> list[dict[str, Any]]:
    """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
    return collection_of(index, journal).feedback()
