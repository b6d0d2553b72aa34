"""NudgeVectorStore: the vector store that a chain, a retriever or an agent uses as before, and whose vectors can be moved and put back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_core import Evaluation, Nudge
from nudge_core.apply import Outcome, Run
from nudge_core.apply.pruning import KEEP
from nudge_core.apply.records import Direction
from nudge_core.arguments import expect
from nudge_core.corpus.base import Missing
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_integrations.collection.collection import Collection
from nudge_integrations.collection.report import NudgeReport
from nudge_integrations.langchain.embedder import LangChainEmbedder
from nudge_integrations.langchain.wrapping import WrappingVectorStore, in_thread
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.reading import Background
from nudge_integrations.stores.registry import check_known


class NudgeVectorStore(WrappingVectorStore):
    """A LangChain vector store, wrapped. It is searched, filled and emptied as before; `nudge` moves its vectors, `restore` puts them back.

    Before the first write every original vector is in a journal, whose place `repr` shows. Several programs may search at once; one at a time may
    nudge. Two machines that nudge one collection need one journal: in a database.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> from nudge_integrations.langchain import NudgeVectorStore
        >>> store = NudgeVectorStore.from_texts(["a text", "another"], DeterministicFakeEmbedding(size=8), ids=["a", "b"])
        >>> [document.id for document in store.similarity_search("a text", k=1)]
        ['a']
    """

    def __init__(
        self, inner: VectorStore, *, journal: str | Path | None = None, recover: Direction | None = None
    ) -> None:
        """Wrap a store.

        Args:
            inner: The store. Chroma, FAISS, InMemory, LanceDB, Milvus, PGVector, PGVectorStore and Qdrant are known; others by `register_adapter`.
            journal: The file of the journal; the URL of a PostgreSQL database, which several machines share; or "store": in the database of the
                vectors, for PGVector and PGVectorStore. Without it one is kept for each collection in $NUDGE_HOME/journals, else in
                ~/.local/share/nudge/journals, and found again there.
            recover: What to do at once with a run that was interrupted: finish it ("finish") or undo it ("rollback"); one that is under way in
                another process is left alone. Without it `nudge` and `restore` refuse until `recover` is called.

        Raises:
            InputError: No adapter is known for this kind of store.
        """
        if isinstance(inner, NudgeVectorStore):
            inner = inner.inner
        expect(inner, VectorStore, "inner", "for example NudgeVectorStore(Chroma(…))")
        check_known(inner)
        self.inner = inner
        embedding = inner.embeddings
        self._collection = Collection(
            partial(adapter_of, inner),
            None if embedding is None else LangChainEmbedder(embedding),
            store=inner,
            journal=journal,
            recover=recover,
            of_text_alone=True,
        )

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> NudgeVectorStore:
        """A new store in memory that holds these texts; `from_documents` for documents.

        Args:
            texts: The texts.
            embedding: What embeds texts and questions.
            metadatas: One for each text.
            ids: One for each text; drawn at random without.
            **kwargs: `journal` and `recover`, as for the constructor.
        """
        store = cls(InMemoryVectorStore(embedding), **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def __repr__(self) -> str:
        place: Path | str | None = None
        try:
            inner, place = repr(adapter_of(self.inner)), self._collection.place()
            cut = next((run.number for run in self.history() if run.state == "writing"), None)
        except Exception as error:  # noqa: BLE001  # a repr never raises, whatever the store does
            inner, cut, place = f"{type(self.inner).__name__}: {error}", None, self.journal
        state = "" if cut is None else f", run {cut} was interrupted: call recover('finish') or recover('rollback')"
        will = "" if self.journal or place is None else " (to be made)"
        return f"NudgeVectorStore({inner}, journal={None if place is None else str(place)!r}{will}{state})"

    def __getattr__(self, name: str) -> Any:
        inner = self.__dict__.get("inner")
        if inner is not None and not name.startswith("_") and hasattr(inner, name):
            raise AttributeError(f"{name!r} belongs to the store inside: call store.inner.{name}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def journal(self) -> Path | str | None:
        """The file with the originals, or where they are in a database; None where nothing was ever moved."""
        return self._collection.journal

    def nudge(
        self,
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
    ) -> NudgeReport:
        """Move the documents' vectors, in place, toward the questions that they answer.

        It starts from the original vectors, whatever an earlier run did: running it twice gives what running it once gives. Nothing is written
        where questions held out do not support a gain: 10 of them or more, and a lower bound of their mean gain above zero.

        Args:
            questions: Labelled questions: pairs (question, ids), dicts {"question": …, "relevant": ids}, {question: ids} or a `QuerySet`; or all
                that `read_labels` reads, where labels may be texts, answer spans or metadata: they are matched to the documents, and `report.match`
                says how. Of a source that names its splits the train and dev questions are taken. With them goes the feedback kept; without them
                it is all there is.
            validation: Questions that choose how far documents move, in the same forms. Without them the questions are cut in folds, each held
                out once: the setting that is best on questions held out is used once more with all questions.
            method: `Auto()` if not given: leave documents as they are, `NudgeN("angles", "nDCG@10")`, or `Contrastive()`, whichever questions held
                out speak for. `NudgeM` is for stores that rank by dot product only.
            measure: By what the setting is chosen, in place of the measure of the method.
            background: "exact" reads every vector of the store once; "search" asks the store's own search instead, so that the cost does not
                grow with the collection. Without it 200,000 documents and fewer are read.
            allow_map: Whether a method may map *every* document, so that the whole collection is written anew; without a method `Auto` tries it.
                Documents that are added to this store later go through the map too. `restore` brings all originals back, theirs as well.
            folds: How many folds.
            missing: What to do with labels whose document is not in the store: "skip" leaves them out and lists them in the report, up to a half of
                all; "error" refuses them.
            dry_run: Whether nothing is written: `report.apply()` writes what the report shows, if the store has not changed since.
            force: Whether vectors are written without evidence: from fewer than 10 questions held out, or where the gain may be chance.
            note: What `history` tells of the run.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            What was done, with scores on questions held out before and after: all, seen and unseen. Print it.

        Raises:
            InputError: Questions, options or vectors that cannot be used. Nothing is written.
            UnknownIdError: Labels that name documents that the store does not hold. Nothing is written.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            JournalError: The journal cannot be written. Nothing is written to the store.
            StoreError: The store failed: `recover` when it is back. Nothing is lost.
        """
        return self._collection.nudge(
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

    anudge = in_thread(nudge)

    def evaluate(
        self,
        questions: Any,
        measures: Iterable[str] = DEFAULT_MEASURES,
        *,
        background: Background | None = None,
        missing: Missing = "skip",
        progress: bool = True,
    ) -> Evaluation:
        """Measure the store as it stands now, on questions that it has not learned from.

        Args:
            questions: In the forms of `nudge`; of a source that names its splits the test questions.
            measures: Names such as nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.
            background: "exact" ranks every vector of the store; "search" what the store's own search finds, with scores computed anew.
            missing: As for `nudge`; what is left out is logged.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            The value of each measure for each question. Questions about documents that stand moved count as *seen*.

        Raises:
            InputError: Questions or vectors that cannot be used.
            UnknownIdError: Labels that name documents that the store does not hold.
        """
        return self._collection.evaluate(questions, measures, background=background, missing=missing, progress=progress)

    aevaluate = in_thread(evaluate)

    def restore(self, run: int | None = None, *, progress: bool = True) -> Outcome:
        """Put every original vector back, bit for bit.

        Args:
            run: The number of a run in `history`, whose vectors shall stand again; without it the originals.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            How many documents stand as wanted, and those left alone, because they were embedded again since, or that are gone.

        Raises:
            InputError: There is no such run, or no journal.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            StoreError: The store failed: `recover` when it is back.
        """
        return self._collection.restore(run, progress=progress)

    arestore = in_thread(restore)

    def undo(self, *, progress: bool = True) -> Outcome:
        """Take back the last run, a `nudge`, `apply` or `restore`: what stood before it stands again. Called again, the one before.

        Raises:
            InputError: No run stands.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            StoreError: The store failed: `recover` when it is back.
        """
        return self._collection.undo(progress=progress)

    aundo = in_thread(undo)

    def apply(self, tuned: Nudge | str | Path, *, progress: bool = True) -> Outcome:
        """Write vectors that were fine-tuned elsewhere, as safely as `nudge` writes its own. Nothing is measured.

        Args:
            tuned: What `finetune` returned, or the path of a saved `Nudge`; its ids are those of this store.
            progress: Whether work that takes longer than two seconds shows a bar.

        Raises:
            InputError: Vectors of another dimension or metric, or that were not computed from those of this store.
            UnknownIdError: Documents that the store does not hold.
            LockedError, UnfinishedRunError, StoreError: As for `nudge`.
        """
        return self._collection.apply(tuned, progress=progress)

    aapply = in_thread(apply)

    def recover(self, direction: Direction, *, progress: bool = True) -> Outcome:
        """Finish a run that was interrupted ("finish"), or undo it ("rollback"). Without such a run nothing happens.

        Raises:
            InputError: Another direction.
            LockedError: The run is still under way in another process.
            StoreError: The store failed: call it again when the store is back.
        """
        return self._collection.recover(direction, progress=progress)

    arecover = in_thread(recover)

    def history(self) -> list[Run]:
        """All runs over this collection, the first first."""
        return self._collection.history()

    ahistory = in_thread(history)

    def prune(self, keep: int = KEEP) -> int:
        """Make the journal smaller: forget the moves of all but the last runs, to which `restore(run=…)` then no longer goes back.

        It returns how many runs were pruned. Every original stays, and each run in `history`. A journal is pruned by itself where more runs than
        this have vectors.

        Raises:
            InputError: `keep`, how many runs are kept as they are, is not 1 or more.
            LockedError: Another process is writing to this collection.
        """
        return self._collection.prune(keep)

    aprune = in_thread(prune)

    def begin_anew(self) -> None:
        """Take what the store holds now for original, where its journal is lost; an InputError where it is there and vectors stand moved."""
        self._collection.begin_anew()

    abegin_anew = in_thread(begin_anew)

    def add_feedback(self, question: str, relevant: Sequence[str] = (), irrelevant: Sequence[str] = ()) -> None:
        """Keep, in the journal, what somebody said of the answers to a question; the next `nudge` uses it.

        It goes before other labels of the same question, and a later word before an earlier one.

        Args:
            question: The text of the question.
            relevant: The ids of documents that answer it.
            irrelevant: The ids of documents that do not.

        Raises:
            InputError: No question, or no documents.
            UnknownIdError: Relevant documents that the store does not hold.
        """
        self._collection.add_feedback(question, relevant, irrelevant)

    aadd_feedback = in_thread(add_feedback)

    def remove_feedback(self, question: str) -> None:
        """Forget what was said of the answers to a question.

        Raises:
            InputError: Nothing was.
        """
        self._collection.remove_feedback(question)

    aremove_feedback = in_thread(remove_feedback)

    def labels(self) -> list[dict[str, Any]]:
        """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
        return self._collection.feedback()

    alabels = in_thread(labels)

    def _added(self, ids: list[str]) -> list[str]:
        self._collection.added(ids or [])
        return ids

    def _deleted(self, ids: list[str] | None) -> None:
        self._collection.forget(ids or [])
