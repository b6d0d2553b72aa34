"""NudgeVectorStore: the vector store that a chain, a retriever or an agent uses as before, and whose vectors can be moved and put back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from nudge_core import Evaluation
from nudge_core.apply.records import Direction
from nudge_core.arguments import expect
from nudge_core.corpus.base import Missing
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.methods.base import Method
from nudge_integrations.collection.asking import Requests
from nudge_integrations.collection.collection import Collection
from nudge_integrations.collection.report import NudgeReport
from nudge_integrations.langchain.embedder import LangChainEmbedder
from nudge_integrations.langchain.runs import RunsOfStore
from nudge_integrations.langchain.wrapping import WrappingVectorStore, in_thread
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.reading import Background
from nudge_integrations.stores.registry import check_known


class NudgeVectorStore(RunsOfStore, WrappingVectorStore):
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
        self,
        inner: VectorStore,
        *,
        journal: str | Path | None = None,
        recover: Direction | None = None,
        batch_size: int | None = None,
        concurrency: int | None = None,
        patience: float | None = None,
    ) -> None:
        """Wrap a store.

        Args:
            inner: The store. Chroma, FAISS, InMemory, LanceDB, Milvus, PGVector, PGVectorStore and Qdrant are known; others by `register_adapter`.
            journal: The file of the journal; the URL of a PostgreSQL database, which several machines share; or "store": in the database of the
                vectors, for PGVector and PGVectorStore. Without it one is kept for each collection in $NUDGE_HOME/journals, else in
                ~/.local/share/nudge/journals, and found again there.
            recover: What to do at once with a run that was interrupted: finish it ("finish") or undo it ("rollback"); one that is under way in
                another process is left alone. Without it `nudge` and `restore` refuse until `recover` is called.
            batch_size: Questions in one request to the embedding model, 128 if not given. It gets smaller by itself where the model refuses.
            concurrency: Requests under way at a time where questions are embedded one by one, 8 if not given.
            patience: Seconds to wait in all, as long as no vector comes, for a model that limits its rate, 60 if not given.

        Raises:
            InputError: No adapter is known for this kind of store.
        """
        if isinstance(inner, NudgeVectorStore):
            inner = inner.inner
        expect(
            inner,
            VectorStore,
            "inner",
            "for example NudgeVectorStore(Chroma(…)), retriever.vectorstore; of LlamaIndex nudge_index",
        )
        check_known(inner)
        self.inner = inner
        embedding = inner.embeddings
        self._nudging = Collection(
            partial(adapter_of, inner),
            None if embedding is None else LangChainEmbedder(embedding, Requests(batch_size, concurrency, patience)),
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
            texts: The texts, and for each one of `metadatas` and `ids`; without `ids` they are drawn at random.
            embedding: What embeds texts and questions.
            metadatas: See texts.
            ids: See texts.
            **kwargs: As for the constructor.
        """
        store = cls(InMemoryVectorStore(embedding), **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def __repr__(self) -> str:
        place: Path | str | None = None
        try:
            inner, place = repr(adapter_of(self.inner)), self._nudging.place()
            cut = next((run.number for run in self.history() if run.state == "writing"), None)
        except Exception as error:  # noqa: BLE001  # a repr never raises, whatever the store does
            inner, cut, place = f"{type(self.inner).__name__}: {error}", None, self.journal
        state = "" if cut is None else f", run {cut} was interrupted: call recover('finish') or recover('rollback')"
        will = "" if self.journal or place is None else " (to be made)"
        return f"NudgeVectorStore({inner}, journal={None if place is None else str(place)!r}{will}{state})"

    @property
    def journal(self) -> Path | str | None:
        """The file with the originals, or where they are in a database; None where nothing was ever moved."""
        return self._nudging.journal

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
        filter: Any = None,  # noqa: A002
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
            filter: What every search is filtered by, such as {"tenant": "a"}: only documents that pass take part and move. In the store's own
                words for Chroma, elsewhere {key: value} of metadata, a list of values meaning any of them; or a function of a document's
                metadata, or of a document, as InMemory has it.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            What was done, with scores on questions held out before and after: all, seen and unseen. Print it.

        Raises:
            InputError: Questions, options or vectors that cannot be used. Nothing is written.
            EmbeddingError: The embedding model failed. Nothing is written; vectors that came are kept, the same call goes on.
            UnknownIdError: Labels that name documents that the store does not hold. Nothing is written.
            LockedError: Another process is writing to this collection.
            UnfinishedRunError: A run was interrupted: `recover` first.
            JournalError: The journal cannot be written. Nothing is written to the store.
            StoreError: The store failed: `recover` when it is back. Nothing is lost.
        """
        return self._nudging.nudge(
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
            filter=filter,
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
        filter: Any = None,  # noqa: A002
        progress: bool = True,
    ) -> Evaluation:
        """Measure the store as it stands now, on questions that it has not learned from.

        Args:
            questions: In the forms of `nudge`; of a source that names its splits the test questions.
            measures: Names such as nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.
            background: "exact" ranks every vector of the store; "search" what the store's own search finds, with scores computed anew.
            missing: As for `nudge`; what is left out is logged.
            filter: As for `nudge`: the figures are those of a search under it.
            progress: Whether work that takes longer than two seconds shows a bar.

        Returns:
            The value of each measure for each question. Questions about documents that stand moved count as *seen*.

        Raises:
            InputError: Questions or vectors that cannot be used.
            UnknownIdError: Labels that name documents that the store does not hold.
        """
        return self._nudging.evaluate(
            questions, measures, background=background, missing=missing, filter=filter, progress=progress
        )

    aevaluate = in_thread(evaluate)

    def _added(self, ids: list[str]) -> list[str]:
        self._nudging.added(ids or [])
        return ids

    def _deleted(self, ids: list[str] | None) -> None:
        self._nudging.forget(ids or [])
