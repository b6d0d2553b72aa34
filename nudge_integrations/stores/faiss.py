"""FAISS: an index in memory, of a kind that holds vectors as they are. A write fills another one and puts it in its place."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError, StoreError
from nudge_integrations.stores._faiss_index import Draft, base_of, filled, kind_of, labels_of, places_of, rows_of
from nudge_integrations.stores.base import Ids, LookUp, Metric, ScoringAdapter, Texts, holding, node_in, pages, texts_by
from nudge_integrations.stores.searching import NOTHING, Hits, scores_of, search_without

_METRICS: dict[int, Metric] = {faiss.METRIC_L2: "l2", faiss.METRIC_INNER_PRODUCT: "dot"}
FLAT = r"IndexFlat(L2|IP)?"
_KINDS = rf"(IndexIDMap2? of )?({FLAT}|IndexHNSWFlat of {FLAT})|IndexIVFFlat of ArrayInvertedLists by (?!.*mapped).*"


_NAPS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.1, 0.2, 0.2)  # seconds: somebody who adds is done then
_MOMENT = 0.01  # seconds
_CHANGING = "the FAISS index has been changed meanwhile; nothing was written to it: try again"
Found = TypeVar("Found")


class FaissAdapter(ScoringAdapter):
    """The index of an object that has one. A write gives the object another index, so readers see all of it or nothing."""

    kind = "FAISS"
    remedy = "raise efSearch or nprobe of the index, or train and fill a new one"
    batch = None
    fingerprint = None

    def __init__(
        self,
        holder: Any,
        names: Callable[[], Mapping[int, str]],
        attribute: str = "index",
        document: LookUp | None = None,
    ) -> None:
        """Take the object whose attribute is the index.

        Args:
            holder: It gets another index at every write.
            names: Called for the ids of the labels of the index: {label: id}. Labels are positions, except in an IndexIDMap.
            attribute: The attribute that is the index.
            document: Called for the text and metadata of an id; None where they are kept elsewhere.
        """
        self._holder, self._names, self._attribute, self._document = holder, names, attribute, document
        self._known: tuple[Mapping[int, str] | None, dict[str, int]] = None, {}
        index = self._index
        if not re.fullmatch(_KINDS, kind_of(index)):
            raise InputError(
                f"the FAISS index is an {kind_of(index)}; expected one in memory that holds vectors as they are: flat, IndexHNSWFlat or "
                "IndexIVFFlat (or IndexIDMap of one of the first two). Fill such an index with the documents"
            )
        if index.metric_type not in _METRICS:
            raise InputError(
                f"the FAISS index ranks by metric type {index.metric_type}; expected METRIC_L2 or METRIC_INNER_PRODUCT"
            )
        self.metric = _METRICS[index.metric_type]
        self.dim = index.d
        self.approximate = not re.fullmatch(FLAT, kind_of(base_of(index)))
        self._labels(index)

    @classmethod
    def of_langchain(cls, store: Any) -> FaissAdapter:
        """The adapter of a `langchain_community.vectorstores.FAISS`, which binds another mapping at every delete."""

        def document(name: str) -> tuple[str, Mapping[str, Any]]:
            found = store.docstore.search(name)
            none = isinstance(found, str)  # which says so
            return ("", {}) if none else (found.page_content, found.metadata)

        return cls(store, lambda: store.index_to_docstore_id, document=document)

    @classmethod
    def of_llama_index(cls, index: Any) -> FaissAdapter:
        """The adapter of a `VectorStoreIndex` on a `FaissVectorStore`, whose nodes the index knows by position, or a `FaissMapVectorStore`."""
        store = index.vector_store
        if hasattr(store, "_faiss_id_to_node_id_map"):
            return cls(store, lambda: store._faiss_id_to_node_id_map, "_faiss_index", node_in(index.docstore))
        known: dict[int, str] = {}

        def names() -> Mapping[int, str]:
            held = index.index_struct.nodes_dict  # grows, but never shrinks, as the store cannot delete
            if len(held) != len(known):
                known.clear()
                known.update((int(label), name) for label, name in held.items())
            return known

        return cls(store, names, "_faiss_index", node_in(index.docstore))

    def count(self) -> int:
        """Number of documents."""
        return int(self._index.ntotal)

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""

        def read(index: Any, labels: Mapping[str, int]) -> dict[str, NDArray[Any]]:
            there = list(dict.fromkeys(name for name in ids if name in labels))
            return dict(zip(there, rows_of(index, places_of(index, [labels[name] for name in there])), strict=True))

        return self._steadily(read)

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Fill an index of the same kind in the same order, with other vectors for these documents, and bind it.

        Where others add or delete meanwhile it is begun anew. FAISS itself takes no two writers at a time: whoever adds in the very moment of
        binding leaves an index of another size than its mapping, which every later call refuses.
        """
        for nap in _NAPS:
            time.sleep(nap)
            draft = self._steadily(partial(self._draft, ids, np.asarray(vectors, self.dtype)))
            if not draft.stands() or self._names() != draft.names or self._index is not draft.index:
                continue
            setattr(self._holder, self._attribute, draft.new)
            stood = draft.stands()
            if stood:  # who asks for the index from now on finds the other one: wait for those who have asked before
                time.sleep(_MOMENT)
                stood = draft.stands()
            if stood:
                return
            if self._index is not draft.new or not draft.untouched():
                raise StoreError(
                    "somebody changed the FAISS index in the very moment in which it was written: its vectors may no longer be those of its "
                    "documents. Load it again from where it was saved, and change it by one thread at a time"
                )
            setattr(self._holder, self._attribute, draft.index)
        raise StoreError(_CHANGING)

    def _draft(self, ids: Ids, vectors: NDArray[Any], index: Any, labels: Mapping[str, int]) -> Draft:
        names, wanted = dict(self._names()), list(ids)
        there = [name for name in wanted if name in labels]
        held = dict(zip(there, rows_of(index, places_of(index, [labels[name] for name in there])), strict=True))
        kept = holding(ids, held)
        places = places_of(index, [labels[wanted[i]] for i in kept])
        rows = rows_of(index, np.arange(index.ntotal))
        old, rows[places] = rows[places], vectors[kept]
        return Draft(index, filled(index, rows), names, rows, places, old)

    def _steadily(self, do: Callable[[Any, Mapping[str, int]], Found]) -> Found:
        """What this makes of the index and its labels, while nobody adds or deletes."""
        failed: Exception = StoreError(_CHANGING)
        for nap in _NAPS:
            time.sleep(nap)
            index, names = self._index, self._names()
            count, known = index.ntotal, len(names)
            try:
                found = do(index, self._labels(index))
            except (
                InputError,
                RuntimeError,
                IndexError,
            ) as error:  # the mapping lags behind the index; FAISS misses a row
                failed = error
                continue
            now = self._names()
            if self._index is index and index.ntotal == count and len(now) == known and (now is names or now == names):
                return found
        raise failed

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages."""
        for page in pages(list(self._labels(self._index)), size):
            found = self.fetch(page)
            if found:
                yield list(found), np.stack(list(found.values()))

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all documents, in pages, from where the holder keeps them."""
        return (
            texts_by(self._document, list(self._labels(self._index)), size) if self._document else super().texts(size)
        )

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """FAISS's own search. A selector excludes documents, except in HNSW indexes, which find fewer with one."""
        index = self._index
        labels, names, base, count = self._labels(index), self._names(), base_of(index), index.ntotal
        dropped = np.asarray([labels[name] for name in exclude if name in labels], np.int64)
        kept = {"sel": faiss.IDSelectorNot(faiss.IDSelectorBatch(dropped))} if len(dropped) else {}

        def search(part: NDArray[np.float32], wanted: int) -> list[Hits]:
            wanted = min(wanted, count)
            if not wanted:
                return [NOTHING for _ in part]
            if isinstance(base, faiss.IndexHNSW):  # ends after efSearch steps, however many are wanted
                options = faiss.SearchParametersHNSW(efSearch=max(base.hnsw.efSearch, wanted))
            elif isinstance(base, faiss.IndexIVF):
                options = faiss.SearchParametersIVF(nprobe=base.nprobe, max_codes=base.max_codes, **kept)
            else:
                options = faiss.SearchParameters(**kept)
            distances, found = index.search(np.ascontiguousarray(part, self.dtype), wanted, params=options)
            distances = -distances if self.metric == "dot" else np.sqrt(np.maximum(distances, 0))
            return [
                Hits([names[label] for label in row[row >= 0].tolist()], scores_of(told[row >= 0], vector, self.metric))
                for vector, row, told in zip(part, found, distances, strict=True)
            ]

        if isinstance(base, faiss.IndexHNSW):
            return search_without(search, vectors, k, exclude, count)
        return search(vectors, k)

    @property
    def _index(self) -> Any:
        return getattr(self._holder, self._attribute)

    def _labels(self, index: Any) -> dict[str, int]:
        """The label of every document; worked out anew when the mapping is another one or has grown."""
        names = self._names()
        if names is not self._known[0] or not len(names) == len(self._known[1]) == index.ntotal:
            labels = {name: label for label, name in names.items()}
            held = np.sort(labels_of(index))
            if len(labels) < len(held) or not np.array_equal(held, sorted(names)):
                raise InputError(
                    f"the FAISS index holds {len(held)} vectors, but its mapping names {len(labels)} documents or others than the index does. In "
                    "LangChain adding an id twice does that, and deleting from an index that is not flat. Fill a new store with the documents"
                )
            self._known = names, labels
        return self._known[1]
