"""Chroma: a collection of a persistent client or of a server."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.errors import InputError
from nudge_integrations.stores._between import Marks, compare_and_put, payload_mark
from nudge_integrations.stores._hnswlib import preimage
from nudge_integrations.stores.base import Ids, Metric, ScoringAdapter, Texts, pages
from nudge_integrations.stores.searching import Hits, scores_of, search_without

_METRICS: dict[str, Metric] = {"cosine": "cosine", "ip": "dot", "l2": "l2"}
_EPSILON = float(np.finfo(np.float32).eps)
_PAGE = 1000  # below SQLite's 32,766 variables in a read, and below a server's 40 MiB in a write of 4,096 dimensions
_QUERIES = 100


class ChromaAdapter(ScoringAdapter):
    """A `chromadb.Collection`. No embedding function is called, and nothing but embeddings is sent."""

    kind = "Chroma"
    remedy = "copy all records with their embeddings into a new collection, whose HNSW index is then built anew"

    def __init__(self, collection: Any) -> None:
        """Take a `chromadb.Collection`."""
        if inspect.iscoroutinefunction(collection.get):
            raise InputError(
                f"the Chroma collection {collection.name!r} belongs to an AsyncHttpClient: open it with chromadb.HttpClient"
            )
        self._collection = collection
        # The id of a collection is a random UUID, which stays when the collection is renamed, moved or opened by another client.
        client = collection._client
        settings = client.get_settings()
        memory_only = "fastapi" not in str(settings.chroma_api_impl) and not settings.is_persistent
        self.fingerprint = None if memory_only else str(collection.id)
        # Not `collection.configuration`, which would load the embedding function.
        config = collection.configuration_json or {}
        index = config.get("hnsw") or config.get("spann") or {}
        space = index.get("space") or (collection.metadata or {}).get("hnsw:space", "l2")
        if space not in _METRICS:
            raise InputError(
                f"the Chroma collection {collection.name!r} ranks by {space!r}; expected one of {', '.join(_METRICS)}"
            )
        self.metric = _METRICS[space]
        self.rounding = 4 * _EPSILON if space == "cosine" else 0.0
        largest = client.get_max_batch_size()
        self.batch = min(_PAGE, largest) if largest > 0 else _PAGE
        self.workers = 4 if "fastapi" in str(settings.chroma_api_impl) else 1
        first = collection.get(limit=1, include=["embeddings"])["embeddings"]
        if first is None or len(first) == 0 or first[0] is None:
            raise InputError(f"the Chroma collection {collection.name!r} holds no embeddings: add some documents first")
        self.dim = len(first[0])

    @classmethod
    def of_langchain(cls, store: Any) -> ChromaAdapter:
        """The adapter of a `langchain_chroma.Chroma`."""
        return cls(store._collection)

    @classmethod
    def of_llama_index(cls, index: Any) -> ChromaAdapter:
        """The adapter of a `VectorStoreIndex` on a `ChromaVectorStore`."""
        return cls(index.vector_store._collection)

    def count(self) -> int:
        """Number of documents."""
        return int(self._collection.count())

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""
        found: dict[str, NDArray[Any]] = {}
        for page in pages(list(dict.fromkeys(ids)), _PAGE):
            found.update(zip(*self._decoded(self._collection.get(ids=page, include=["embeddings"])), strict=True))
        return found

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> list[str]:
        """Update the embeddings of these records, so that they are read as they are given here.

        Chroma updates whatever a record holds: see `_between` for those that must hold something.

        A cosine index gives back other bits than were written (see `_hnswlib`). So what comes out right there is written, and read back. Where
        it did not come out right, the index is of another kind: one that keeps what is written, or one compiled otherwise.
        """
        vectors = np.asarray(vectors, self.dtype)
        written, solved = preimage(vectors) if self.metric == "cosine" else (vectors, np.ones(len(vectors), bool))
        if not isinstance(ids, Mapping):
            self._put(ids, vectors, written, solved)
            return []

        def put(names: Sequence[str], rows: Sequence[int]) -> None:
            self._put(names, vectors[rows], written[rows], solved[rows])

        return compare_and_put(ids, vectors, self._marks, put, self.rounding)

    def _marks(self, ids: Sequence[str]) -> Marks:
        """Embeddings, documents and metadata of those of these records that are there."""
        held = self._collection.get(ids=list(ids), include=["embeddings", "documents", "metadatas"])
        payloads = map(payload_mark, held["documents"], held["metadatas"])
        names, vectors = self._decoded(held)
        return dict(zip(names, zip(vectors, payloads, strict=True), strict=True))

    def _put(self, ids: Sequence[str], vectors: NDArray[Any], written: NDArray[Any], solved: NDArray[Any]) -> None:
        self._update(ids, written)
        if self.metric != "cosine":
            return
        for guess in (lambda part: part, lambda part: preimage(part, fused=True)[0]):
            wrong = self._wrong(ids, vectors)
            if not any(solved[place] for place in wrong):
                return
            self._update([ids[place] for place in wrong], guess(vectors[wrong]))

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages. Their order is that of insertion, and updates keep it."""
        yield from map(self._decoded, self._pages(size, "embeddings"))

    def texts(self, size: int) -> Iterator[Texts]:
        """The records' documents and metadata, in pages."""
        for page in self._pages(size, "documents", "metadatas"):
            yield page["ids"], [text or "" for text in page["documents"]], [data or {} for data in page["metadatas"]]

    def passing(self, given: Any) -> Iterable[str] | None:
        """What Chroma's own `where` lets through."""
        if not isinstance(given, Mapping):
            return None
        from chromadb.errors import InvalidArgumentError

        try:
            return self._collection.get(where=dict(given), include=[])["ids"]  # type: ignore[no-any-return]
        except (InvalidArgumentError, TypeError, ValueError) as error:
            joined: Any = [
                {key: {"$in": list(value)} if isinstance(value, list | tuple | set) else value}
                for key, value in given.items()
            ]
            remedy = joined[0] if len(joined) == 1 else {"$and": joined}
            known = remedy != given and not any(str(key).startswith("$") for key in given)
            raise InputError(
                f"filter is {dict(given)!r}, which is no `where` of Chroma ({error}): "
                + (
                    f"say {remedy!r}"
                    if known
                    else "its operators are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, and $and, $or over lists of conditions"
                )
            ) from error

    def _pages(self, size: int, *include: str) -> Iterator[Any]:
        start = 0
        while (page := self._collection.get(limit=min(size, _PAGE), offset=start, include=[*include]))["ids"]:
            yield page
            start += len(page["ids"])

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """Chroma's query. It knows no filter that excludes ids, and a list of all others would be as long as the collection: so more is asked for."""

        def search(part: NDArray[np.float32], wanted: int) -> list[Hits]:
            found = []
            for start in range(0, len(part), _QUERIES):
                asked = part[start : start + _QUERIES]
                answer = self._collection.query(query_embeddings=asked, n_results=wanted, include=["distances"])
                for vector, names, distances in zip(asked, answer["ids"], answer["distances"], strict=True):
                    found.append(Hits(names, scores_of(self._distances(distances), vector, self.metric)))
            return found

        return search_without(search, vectors, k, exclude, self.count())

    def _distances(self, told: Sequence[float]) -> NDArray[Any]:
        """Chroma tells 1 − dot product, and L2 distances squared."""
        distances = np.asarray(told, np.float64)
        if self.metric == "dot":
            return distances - 1
        return distances if self.metric == "cosine" else np.sqrt(np.maximum(distances, 0))

    def _decoded(self, rows: Any) -> tuple[list[str], NDArray[Any]]:
        """Ids and vectors in the order that Chroma has chosen."""
        vectors = np.asarray(rows["embeddings"], self.dtype)  # Chroma gives the float32 that it holds as float64
        return rows["ids"], vectors.reshape(len(rows["ids"]), self.dim)

    def _update(self, ids: Sequence[str], vectors: NDArray[Any]) -> None:
        """Chroma leaves out ids that are not there."""
        if len(ids):
            self._collection.update(ids=list(ids), embeddings=vectors)

    def _wrong(self, ids: Sequence[str], vectors: NDArray[Any]) -> list[int]:
        """The places of those documents that are read as vectors next to these. Whoever holds another was changed meanwhile."""
        held = self.fetch(ids)
        return [
            i
            for i, name in enumerate(ids)
            if name in held
            and held[name].tobytes() != vectors[i].tobytes()
            and near(held[name], vectors[i], 16 * _EPSILON)
        ]
