"""FAISS: an index in memory, of a kind that holds vectors as they are. A write fills another one and puts it in its place."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError, StoreError
from nudge_integrations.stores.base import Ids, LookUp, Metric, ScoringAdapter, Texts, holding, node_in, pages, texts_by
from nudge_integrations.stores.searching import NOTHING, Hits, scores_of, search_without

_METRICS: dict[int, Metric] = {faiss.METRIC_L2: "l2", faiss.METRIC_INNER_PRODUCT: "dot"}
_MAPS = (faiss.IndexIDMap, faiss.IndexIDMap2)
_FLAT = r"IndexFlat(L2|IP)?"
_KINDS = rf"(IndexIDMap2? of )?({_FLAT}|IndexHNSWFlat of {_FLAT})|IndexIVFFlat of ArrayInvertedLists by (?!.*mapped).*"


_NAPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)  # seconds: somebody who adds is done then
_MOMENT = 0.01  # seconds
_CHUNK = 1 << 16
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
        if not re.fullmatch(_KINDS, _kind_of(index)):
            raise InputError(
                f"the FAISS index is an {_kind_of(index)}; expected one in memory that holds vectors as they are: flat, IndexHNSWFlat or "
                "IndexIVFFlat (or IndexIDMap of one of the first two). Fill such an index with the documents"
            )
        if index.metric_type not in _METRICS:
            raise InputError(
                f"the FAISS index ranks by metric type {index.metric_type}; expected METRIC_L2 or METRIC_INNER_PRODUCT"
            )
        self.metric = _METRICS[index.metric_type]
        self.dim = index.d
        self.approximate = not re.fullmatch(_FLAT, _kind_of(_base_of(index)))
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
            return dict(zip(there, _rows_of(index, _places_of(index, [labels[name] for name in there])), strict=True))

        return self._steadily(read)

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Fill an index of the same kind in the same order, with other vectors for these documents, and bind it.

        Where others add or delete meanwhile it is begun anew. FAISS itself takes no two writers at a time: whoever adds in the very moment of
        binding leaves an index of another size than its mapping, which every later call refuses.
        """
        for nap in _NAPS:
            time.sleep(nap)
            draft = self._steadily(partial(self._draft, ids, np.asarray(vectors, self.dtype)))
            if self._index is not draft.index or not draft.stands(self._names()):
                continue
            setattr(self._holder, self._attribute, draft.new)
            time.sleep(_MOMENT)
            if draft.stands(self._names()):
                return
            if self._index is draft.new and draft.new.ntotal == len(draft.rows):
                setattr(self._holder, self._attribute, draft.index)
        raise StoreError(_CHANGING)

    def _draft(self, ids: Ids, vectors: NDArray[Any], index: Any, labels: Mapping[str, int]) -> _Draft:
        names, wanted = dict(self._names()), list(ids)
        there = [name for name in wanted if name in labels]
        held = dict(zip(there, _rows_of(index, _places_of(index, [labels[name] for name in there])), strict=True))
        kept = holding(ids, held)
        places = _places_of(index, [labels[wanted[i]] for i in kept])
        rows = _rows_of(index, np.arange(index.ntotal))
        old, rows[places] = rows[places], vectors[kept]
        return _Draft(index, _filled(index, rows), names, rows, places, old)

    def _steadily(self, do: Callable[[Any, Mapping[str, int]], Found]) -> Found:
        """What this makes of the index and its labels, while nobody adds or deletes."""
        failed: Exception = StoreError(_CHANGING)
        for nap in _NAPS:
            time.sleep(nap)
            index, names = self._index, self._names()
            count, known = index.ntotal, len(names)
            try:
                found = do(index, self._labels(index))
            except (InputError, RuntimeError) as error:  # the mapping lags behind the index; FAISS misses a row
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
        labels, names, base, count = self._labels(index), self._names(), _base_of(index), index.ntotal
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
            held = np.sort(_labels_of(index))
            if len(labels) < len(held) or not np.array_equal(held, sorted(names)):
                raise InputError(
                    f"the FAISS index holds {len(held)} vectors, but its mapping names {len(labels)} documents or others than the index does. In "
                    "LangChain adding an id twice does that, and deleting from an index that is not flat. Fill a new store with the documents"
                )
            self._known = names, labels
        return self._known[1]


@dataclass(frozen=True, eq=False)
class _Draft:
    """Another index to be bound in the place of one.

    Attributes:
        index: The one.
        new: The other.
        names: The mapping of labels.
        rows: (count, dim) the vectors of the other.
        places: Where these are not those of the one.
        old: (len(places), dim) what is there in the one.
    """

    index: Any
    new: Any
    names: Mapping[int, str]
    rows: NDArray[np.float32]
    places: NDArray[np.int64]
    old: NDArray[np.float32]

    def stands(self, names: Mapping[int, str]) -> bool:
        """Whether the one and the mapping are still what the other was made of."""
        count = len(self.rows)
        which = np.full(count, -1)
        which[self.places] = np.arange(len(self.places))
        if self.index.ntotal != count or names != self.names:
            return False
        for start in range(0, count, _CHUNK):
            wanted, row = self.rows[start : start + _CHUNK].copy(), which[start : start + _CHUNK]
            wanted[row >= 0] = self.old[row[row >= 0]]
            if _rows_of(self.index, np.arange(start, start + len(wanted))).tobytes() != wanted.tobytes():
                return False
        return self.index.ntotal == count  # type: ignore[no-any-return]


def _filled(index: Any, rows: NDArray[np.float32]) -> Any:
    """An index like this one, with other vectors."""
    new, held = faiss.clone_index(index), _labels_of(index)
    new.reset()
    order = np.argsort(held) if isinstance(index, faiss.IndexIVF) else np.arange(len(rows))
    if np.array_equal(held[order], np.arange(len(rows))) and not isinstance(index, _MAPS):
        new.add(rows[order])
    else:
        new.add_with_ids(rows[order], held[order])
    return new


def _base_of(index: Any) -> Any:
    """The index that holds the vectors."""
    return faiss.downcast_index(index.index) if isinstance(index, _MAPS) else index


def _kind_of(index: Any) -> str:
    """The types of an index and of what it is made of."""
    name = type(index).__name__
    if not getattr(getattr(index, "codes", None), "is_owned", True):
        return f"{name} mapped from a file"  # FAISS ends the process when such an index is cleared
    if isinstance(index, _MAPS):
        return f"{name} of {_kind_of(_base_of(index))}"
    if isinstance(index, faiss.IndexHNSW):
        return f"{name} of {_kind_of(faiss.downcast_index(index.storage))}"
    if isinstance(index, faiss.IndexIVF):
        lists = type(faiss.downcast_InvertedLists(index.invlists)).__name__
        return f"{name} of {lists} by {_kind_of(faiss.downcast_index(index.quantizer))}"
    return name


def _labels_of(index: Any) -> NDArray[np.int64]:
    """The labels of an index in the order of its places."""
    if isinstance(index, _MAPS):
        return np.asarray(faiss.vector_to_array(index.id_map))
    if isinstance(index, faiss.IndexIVF):
        return np.concatenate([np.zeros(0, np.int64), *(labels for labels, _ in _lists(index))])
    return np.arange(index.ntotal)


def _places_of(index: Any, labels: Sequence[int]) -> NDArray[np.int64]:
    """Where these labels are."""
    if not isinstance(index, (*_MAPS, faiss.IndexIVF)):
        return np.asarray(labels, np.int64)
    held = _labels_of(index)
    order = np.argsort(held)
    return order[np.searchsorted(held, np.asarray(labels, np.int64), sorter=order)]


def _rows_of(index: Any, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """The vectors at these places, every bit as it was added."""
    base = _base_of(index)
    rows = np.empty((len(places), index.d), np.float32)
    if isinstance(base, faiss.IndexIVF):  # without a direct map, with which it could not delete
        order, seen = np.argsort(places), 0
        for labels, vectors in _lists(base):
            chosen = order[slice(*np.searchsorted(places, [seen, seen + len(labels)], sorter=order))]
            rows[chosen] = vectors[places[chosen] - seen]
            seen += len(labels)
    elif len(places):
        base.reconstruct_batch(places, rows)
    return rows


def _lists(index: Any) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The labels and vectors of an inverted file, list by list, as they lie in memory."""
    lists = index.invlists
    for number in range(index.nlist):
        if size := lists.list_size(number):
            codes = faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size)
            yield faiss.rev_swig_ptr(lists.get_ids(number), size), codes.view(np.float32).reshape(size, -1)
