"""Qdrant: a server, or the local mode of its client in a folder or in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from nudge_core.errors import InputError, first_few
from nudge_integrations.stores._between import Marks, compare_and_put, payload_mark
from nudge_integrations.stores._qdrant_local import place, remote, steady
from nudge_integrations.stores.base import Ids, Metric, ScoringAdapter, Texts, holding, pages
from nudge_integrations.stores.searching import Hits, scores_of, search_without

_METRICS: dict[str, Metric] = {"Cosine": "cosine", "Dot": "dot", "Euclid": "l2"}
_QUERIES = 100  # in one request
_LISTED, _MOST_LISTED = 500, 400_000  # ids in a filter; a server refuses requests of more than 32 MB


class QdrantAdapter(ScoringAdapter):
    """One dense vector of the points of a collection.

    Cosine collections hold unit vectors. A server keeps one that it is given as it is, so what was read can be written back bit for bit.
    The local mode does not: writes, searches and opening change last bits. There this adapter reads and writes vectors that are next to
    those it holds, or is to hold, and that nothing changes.
    """

    kind = "Qdrant"
    remedy = "let Qdrant build the index again: update_collection with another hnsw_config, or copy the points to a new collection"
    keeps_mark = True

    def __init__(
        self,
        client: Any,
        collection: str,
        vector: str | None = None,
        *,
        text_key: str = "page_content",
        metadata_key: str = "metadata",
        read_text: Callable[[Any], str] = str,
    ) -> None:
        """Take a `QdrantClient`.

        Args:
            client: The client.
            collection: Name of the collection, or an alias of it.
            vector: Name of the vector, "" for the one without a name; needed if there are several.
            text_key: Where payloads hold the text.
            metadata_key: Where payloads hold metadata; "" if these are beside the text.
            read_text: What makes a text of what is held there.
        """
        self._text_key, self._metadata_key, self._read_text = text_key, metadata_key, read_text
        aliases = {alias.alias_name: alias.collection_name for alias in client.get_aliases().aliases}
        self._client, self._name = client, aliases.get(collection, collection)
        if not client.collection_exists(self._name):
            raise InputError(f"there is no Qdrant collection {collection!r}: add documents first")
        params = client.get_collection(self._name).config.params
        unnamed = isinstance(params.vectors, models.VectorParams)
        vectors = {"": params.vectors} if unnamed else dict(params.vectors or {})
        named = next(iter(vectors)) if vector is None and len(vectors) == 1 else vector
        if named not in vectors:
            raise InputError(
                f"the Qdrant collection {collection!r} has the dense vectors {first_few(vectors) or 'none'}, and the one asked for is {vector!r}: "
                "give the name of one that it has"
            )
        self._vector, of = str(named), vectors[named]
        _refuse(collection, of, params)
        where = place(client)
        self.fingerprint = where and f"qdrant {where} {self._name} {self._vector}"
        self.metric, self.dim = _METRICS[of.distance], of.size
        self.batch = self._page = max(1, min(1000, 2**19 // self.dim))  # a server refuses requests of more than 32 MB
        self._rescales = self.metric == "cosine" and not remote(client)
        self._remote = remote(client)
        epsilon = np.finfo(np.float16 if of.datatype == "float16" and self._remote else np.float32).eps
        self.rounding = 0.0 if self.metric != "cosine" else float((4 if self._remote else 32) * epsilon)
        self.workers = 4 if self._remote else 1
        if of.datatype == "float16" and remote(client):  # local mode takes no notice of it
            self.dtype = np.dtype(np.float16)

    @classmethod
    def of_langchain(cls, store: Any) -> QdrantAdapter:
        """The adapter of a LangChain `QdrantVectorStore`."""
        if store.retrieval_mode == "sparse":
            raise InputError(
                "the QdrantVectorStore is in retrieval mode 'sparse', without dense vectors: use 'dense' or 'hybrid'"
            )
        keys = {"text_key": store.content_payload_key, "metadata_key": store.metadata_payload_key}
        return cls(store.client, store.collection_name, store.vector_name, **keys)

    @classmethod
    def of_llama_index(cls, index: Any) -> QdrantAdapter:
        """The adapter of a `VectorStoreIndex` on a `QdrantVectorStore`, whose vector "text-dense" it is unless told otherwise."""
        store = index.vector_store
        if store.client is None:
            raise InputError(
                "the QdrantVectorStore has an asynchronous client only: give it a QdrantClient too, QdrantVectorStore(…, client=…, aclient=…)"
            )
        held = {"text_key": "_node_content", "metadata_key": ""}
        return cls(store.client, store.collection_name, store.dense_vector_name, **held, read_text=_text_of_node)

    @staticmethod
    def spelled(name: str) -> str:
        """A UUID with hyphens, in small letters, however it is written."""
        try:
            return name if name.isdigit() else str(UUID(name))
        except ValueError:
            return name

    def count(self) -> int:
        """Number of points that have this vector."""
        has = models.Filter(must=[models.HasVectorCondition(has_vector=self._vector)])
        return int(self._client.count(self._name, count_filter=has, exact=True).count)

    def about(self) -> int:
        """As the server guesses, who then reads no payload."""
        return int(self._client.count(self._name, exact=False).count)

    def mark(self) -> str | None:
        """In the metadata of the collection, which Qdrant knows since 1.16."""
        return self._metadata().get(f"nudge:{self._vector}")

    def put_mark(self, mark: str) -> None:
        """Beside what else is there."""
        metadata = {**self._metadata(), f"nudge:{self._vector}": mark}
        self._client.update_collection(self._name, metadata=metadata)

    def _metadata(self) -> dict[str, Any]:
        return getattr(self._client.get_collection(self._name).config, "metadata", None) or {}

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""
        self._settle()
        found: dict[str, NDArray[Any]] = {}
        for page in pages([name for name in dict.fromkeys(ids) if _native(name) is not None], self._page):
            records = self._client.retrieve(
                self._name, [_native(name) for name in page], with_payload=False, with_vectors=[self._vector]
            )
            found.update(zip(*self._rows(records), strict=True))
        return found

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> list[str]:
        """Update the vectors of points that are there, whatever they hold: see `_between` for those that must hold something."""
        rows = (steady(vectors) if self._rescales else vectors).astype(np.float64)
        if isinstance(ids, Mapping):
            return compare_and_put(
                ids, vectors, self._marks, lambda names, some: self._put(names, rows[some]), self.rounding
            )
        there = holding(ids, self.fetch(ids))
        self._put([ids[i] for i in there], rows[there])
        return []

    def _put(self, ids: Sequence[str], rows: NDArray[Any]) -> None:
        """Qdrant adds no points so, but fails at those that are not there: what it left out then is seen when all is read again."""
        points = [
            models.PointVectors(id=_native(name), vector={self._vector: row} if self._vector else row)
            for name, row in zip(ids, rows.tolist(), strict=True)
        ]
        try:
            if points:
                self._client.update_vectors(self._name, points, wait=True)
        except Exception:
            if len(self.fetch(ids)) == len(ids):
                raise

    def _marks(self, ids: Sequence[str]) -> Marks:
        """Vectors and payloads of those of these points that are there."""
        points = [point for name in ids if (point := _native(name)) is not None]
        records = self._client.retrieve(self._name, points, with_payload=True, with_vectors=[self._vector])
        payloads = {str(record.id): payload_mark(record.payload) for record in records}
        names, vectors = self._rows(records)
        return {name: (vector, payloads[name]) for name, vector in zip(names, vectors, strict=True)}

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every point that has this vector once, in pages by id."""
        self._settle()
        for records in self._pages(size, with_payload=False, with_vectors=[self._vector]):
            names, vectors = self._rows(records)
            if names:
                yield names, vectors

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all points that have this vector, in pages by id."""
        has = models.Filter(must=[models.HasVectorCondition(has_vector=self._vector)])
        wanted = [self._text_key, self._metadata_key] if self._metadata_key else True
        held = self._pages(size, scroll_filter=has, with_payload=wanted, with_vectors=False)
        for number, records in enumerate(held):
            rows = [dict(record.payload or {}) for record in records]
            if number == 0 and not any(self._text_key in row for row in rows):
                raise InputError(
                    f"the payloads of the Qdrant collection {self._name!r} hold no {self._text_key!r}: name the key of the text, text_key=…"
                )
            texts = [self._read_text(row.pop(self._text_key, None) or "") for row in rows]
            data = [row.get(self._metadata_key) or {} if self._metadata_key else row for row in rows]
            yield [str(record.id) for record in records], texts, data

    def _pages(self, size: int, **what: Any) -> Iterator[list[models.Record]]:
        """All records by id, in pages that are not empty."""
        offset, first = None, True
        while first or offset is not None:
            records, offset = self._client.scroll(self._name, limit=size, offset=offset, **what)
            if records:
                yield records
            first = False

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """The store's own search. A filter travels with every question, so a long list is kept for those that need it."""
        points = [point for name in exclude if (point := _native(name)) is not None]
        listed = None
        if self._remote and len(points) <= _MOST_LISTED:  # the local mode goes through the list for each of its points
            listed = partial(self._search, points=points)
            if len(points) <= _LISTED:
                return listed(vectors, k)
        return search_without(self._search, vectors, k, exclude, self.about() + len(exclude), listed)

    def _search(self, vectors: NDArray[np.float32], k: int, points: Sequence[str | int] = ()) -> list[Hits]:
        without = models.Filter(must_not=[models.HasIdCondition(has_id=list(points))]) if points else None
        exact = models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True))
        found: list[Hits] = []
        step = max(1, min(_QUERIES, _MOST_LISTED // max(1, len(points))))
        for start in range(0, len(vectors), step):
            some = vectors[start : start + step]
            asked = [
                models.QueryRequest(
                    query=vector,
                    using=self._vector or None,
                    limit=k,
                    filter=without,
                    params=exact if self._remote else None,
                )
                for vector in some.tolist()
            ]
            answers = self._client.query_batch_points(self._name, asked)
            for vector, answer in zip(some, answers, strict=True):
                told = np.asarray([point.score for point in answer.points])
                distances = {"cosine": 1 - told, "dot": -told, "l2": told}[self.metric]
                names = [str(point.id) for point in answer.points]
                found.append(Hits(names, scores_of(distances, vector, self.metric)))
        return found

    def _rows(self, records: Sequence[Any]) -> tuple[list[str], NDArray[Any]]:
        """Ids and vectors of those records that have the vector."""
        rows = {}
        for record in records:
            held = record.vector.get(self._vector) if isinstance(record.vector, dict) else record.vector
            if held is not None:
                rows[str(record.id)] = held
        vectors = np.asarray(list(rows.values()), np.float64).reshape(len(rows), self.dim)
        return list(rows), steady(vectors) if self._rescales else vectors.astype(self.dtype)

    def _settle(self) -> None:
        """Have the local mode rescale everything that was added since the last search, or lies as it was read from its file."""
        if self._rescales:
            self._client.query_points(self._name, [1.0] * self.dim, using=self._vector or None, limit=1)


def _refuse(collection: str, of: models.VectorParams, params: models.CollectionParams) -> None:
    """Refuse what cannot be moved, or not put back."""
    kind = models.Datatype(of.datatype or "float32").value
    for bad, what, remedy in (
        (of.multivector_config is not None, "several vectors for each point", "one vector for each point"),
        (of.distance not in _METRICS, f"the distance {of.distance}", f"the distance {', '.join(_METRICS)}"),
        (kind not in ("float32", "float16"), f"vectors of {kind}", "vectors of float32 or float16"),
        (params.sharding_method == "custom", "shards by a key", "automatic sharding"),
    ):
        if bad:
            raise InputError(
                f"the Qdrant collection {collection!r} has {what}, so its vectors cannot be moved: copy it to one with {remedy}"
            )


def _native(name: str) -> str | int | None:
    """A point id of this name: unsigned integer or UUID, in the spelling in which the store returns it; None if it cannot be one."""
    if name.isdecimal() and name.isascii():
        return int(name) if str(int(name)) == name and int(name) < 2**64 else None
    try:
        return name if str(UUID(name)) == name else None
    except ValueError:
        return None


def _text_of_node(held: str) -> str:
    """The text in what LlamaIndex keeps of a node."""
    node = json.loads(held) if held else {}
    return node.get("text") or (node.get("text_resource") or {}).get("text") or ""
