"""Milvus: a server, Zilliz Cloud, or Milvus Lite in a file."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pymilvus import DataType

from nudge_core.errors import InputError, first_few
from nudge_integrations.stores._between import Marks, compare_and_put, payload_mark
from nudge_integrations.stores.base import Ids, Metric, ScoringAdapter, Texts, holding, pages
from nudge_integrations.stores.place import address
from nudge_integrations.stores.searching import Hits, scores_of

_METRICS: dict[str, Metric] = {"COSINE": "cosine", "IP": "dot", "L2": "l2"}
_VECTORS = {kind for kind in DataType if "VECTOR" in kind.name}
_MOST = 16_384  # rows of one answer, by Milvus's own limit
_QUERIES = 100  # in one search
# Indexes that tell exact distances; AUTOINDEX of Zilliz Cloud does not.
_EXACT = ("FLAT", "IVF_FLAT", "HNSW", "AUTOINDEX")
_STRONG = {"consistency_level": "Strong"}  # sees every write before it, whatever the collection's own level

# Milvus Lite has no such times, and pages are right without. The second is where pymilvus 2 says it.
for _name in ("pymilvus.client.iterator.query_iterator", "pymilvus.orm.iterator"):
    logging.getLogger(_name).addFilter(lambda record: "mvccTs" not in str(record.msg))


class MilvusAdapter(ScoringAdapter):
    """One vector field of a collection. Vectors are replaced by partial upserts, which keep all other fields."""

    kind = "Milvus"
    keeps_mark = True
    remedy = "release the collection, drop the index of the vector field, create it again and load the collection"

    def __init__(
        self, client: Any, collection: str, uri: str, vector: str | None = None, *, text_field: str = "text"
    ) -> None:
        """Take a `MilvusClient`.

        Args:
            client: The client.
            collection: Name of the collection, or an alias of it.
            uri: What the client was made with: a URL, or the file of Milvus Lite.
            vector: Name of the vector field; needed if there are several.
            text_field: The texts; all other fields are metadata.
        """
        if not client.has_collection(collection):
            raise InputError(f"there is no Milvus collection {collection!r}: add documents first")
        about = client.describe_collection(collection)
        self._client, self._name = client, about["collection_name"]
        self._text, self._dynamic = text_field, bool(about.get("enable_dynamic_field"))
        primary = next(field for field in about["fields"] if field.get("is_primary"))
        self._key, self._texts = primary["name"], primary["type"] == DataType.VARCHAR
        dense = {f["name"]: f for f in about["fields"] if f["name"] == vector or f["type"] == DataType.FLOAT_VECTOR}
        named = next(iter(dense)) if vector is None and len(dense) == 1 else vector
        if named not in dense:
            raise InputError(
                f"the Milvus collection {collection!r} has the vector fields {first_few(dense) or 'none of FLOAT_VECTOR'}, and the one asked for "
                f"is {vector!r}: give the name of one that it has"
            )
        self._vector, field = str(named), dense[named]
        indexes = client.list_indexes(self._name, self._vector)
        index = client.describe_index(self._name, indexes[0]) if indexes else {}
        metric = index.get("metric_type")
        if fault := _fault(client, about, primary, field, metric):
            raise InputError(
                f"the Milvus collection {collection!r} has {fault[0]}, so its vectors cannot be moved: {fault[1]}"
            )
        self.metric, self.dim = _METRICS[str(metric)], int(field["params"]["dim"])
        self._exact = index.get("index_type") in _EXACT and "zillizcloud" not in uri
        self.workers = 4 if urlsplit(uri).scheme in ("http", "https", "tcp", "unix") else 1
        self.batch = self._page = max(1, min(1000, 2**22 // self.dim))  # 16 MB: a server may refuse more than 64
        # the server sends each row to the partition of its key; without one, a row goes where the upsert says
        self._keyed = any(each.get("is_partition_key") for each in about["fields"])
        database = getattr(getattr(client, "_config", None), "db_name", "") or "default"
        self.fingerprint = (
            f"milvus {_place(uri)} {database} {self._name} {about.get('collection_id', 0)} {self._vector}"
        )

    @classmethod
    def of_langchain(cls, store: Any) -> MilvusAdapter:
        """The adapter of a LangChain `Milvus`."""
        uri = store._connection_args.get("uri", "http://localhost:19530")
        field = store._vector_field  # a list where there are several, perhaps a dense and a sparse one
        named = field if isinstance(field, str) else None
        return cls(store.client, store.collection_name, uri, named, text_field=store._text_field)

    @classmethod
    def of_llama_index(cls, index: Any) -> MilvusAdapter:
        """The adapter of a `VectorStoreIndex` on a `MilvusVectorStore`, which forgets what it was made with: its connection knows."""
        store = index.vector_store
        if not store.enable_dense:
            raise InputError("the MilvusVectorStore has no dense vectors: make it with enable_dense=True")
        uri = _uri(store.client)
        return cls(store.client, store.collection_name, uri, store.embedding_field, text_field=store.text_key)

    def count(self) -> int:
        """Number of documents."""
        return int(self._client.query(self._name, output_fields=["count(*)"], **_STRONG)[0]["count(*)"])

    def mark(self) -> str | None:
        """Among the properties of the collection."""
        return (self._client.describe_collection(self._name).get("properties") or {}).get(f"nudge.{self._vector}")

    def put_mark(self, mark: str) -> None:
        """Beside the other properties."""
        self._client.alter_collection_properties(self._name, {f"nudge.{self._vector}": mark})

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""
        found: dict[str, NDArray[Any]] = {}
        for page in pages(list(dict.fromkeys(ids)), self._page):
            found |= self._held(page, None)
        return found

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> list[str]:
        """Upsert ids and vectors of rows that are there, in the partition where each is; see `_between` for those that must hold something."""
        lost: list[str] = []
        for partition in [""] if self._keyed else self._client.list_partitions(self._name):
            own, put = [partition] if partition else None, partial(self._put, partition, vectors)
            if isinstance(ids, Mapping):
                lost += compare_and_put(ids, vectors, partial(self._marks, own), put, self.rounding)
            elif there := holding(ids, self._held(ids, own)):
                put([ids[i] for i in there], there)
        return lost

    def _put(self, partition: str, vectors: NDArray[Any], ids: Sequence[str], rows: Sequence[int]) -> None:
        new = [{self._key: self._native(name), self._vector: vectors[row]} for name, row in zip(ids, rows, strict=True)]
        self._client.upsert(self._name, new, partition_name=partition, partial_update=True)

    def _marks(self, partitions: list[str] | None, ids: Sequence[str]) -> Marks:
        """Vectors and all other fields of those of these rows that are there."""
        rows = self._query(ids, partitions, "*")
        payloads = {str(row[self._key]): payload_mark({**row, self._vector: None}) for row in rows}
        return {name: (vector, payloads[name]) for name, vector in self._rows(rows).items()}

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages by id."""
        for page in self._pages(size, [self._vector]):
            held = self._rows(page)
            if held:
                yield list(held), np.stack(list(held.values()))

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and all other fields but vectors, in pages by id."""
        fields = self._client.describe_collection(self._name)["fields"]
        names = [field["name"] for field in fields if field["type"] not in _VECTORS and field["name"] != self._key]
        if self._text not in names and not self._dynamic:
            raise InputError(
                f"the Milvus collection {self._name!r} has no field {self._text!r}, only {first_few(names)}: name that of the texts, text_field=…"
            )
        for page in self._pages(size, names + ["$meta"] * self._dynamic):
            rows: list[dict[str, Any]] = [{**row, **(row.pop("$meta", None) or {})} for row in map(dict, page)]
            yield [str(row.pop(self._key)) for row in rows], [row.pop(self._text, None) or "" for row in rows], [*rows]

    def _pages(self, size: int, fields: list[str]) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while True:
            rows = self._client.query_iterator(
                self._name, min(size, _MOST), filter=after, output_fields=fields, **_STRONG
            )
            try:
                while page := rows.next():
                    yield list(page)
                    last = page[-1][self._key]
                    if self._literal(last) not in (str(last), f'"{last}"'):
                        break  # the iterator goes on after the last id, but does not escape it
                else:
                    return
            finally:
                rows.close()
            after = f"{self._key} > {self._literal(last)}"

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """The store's own search, with a filter. Where the index holds compressed vectors, scores are computed from the vectors themselves."""
        listed = self._list(exclude)
        found: list[Hits] = []
        for start in range(0, len(vectors), _QUERIES):
            some = vectors[start : start + _QUERIES]
            answers = self._client.search(
                self._name,
                some.tolist(),
                filter=f"{self._key} not in {listed}" if listed else "",
                limit=min(k, _MOST),
                output_fields=[self._key],
                anns_field=self._vector,
                **_STRONG,
            )
            for vector, answer in zip(some, answers, strict=True):
                told = np.asarray([hit["distance"] for hit in answer], np.float64)
                distances = {"cosine": 1 - told, "dot": -told, "l2": np.sqrt(np.maximum(told, 0))}[self.metric]
                names = [str(hit["entity"][self._key]) for hit in answer]
                found.append(Hits(names, scores_of(distances, vector, self.metric)))
        return found if self._exact else self.scored(vectors, [list(hits.ids) for hits in found])

    def _held(self, ids: Sequence[str], partitions: list[str] | None) -> dict[str, NDArray[Any]]:
        return self._rows(self._query(ids, partitions, self._vector))

    def _query(self, ids: Sequence[str], partitions: list[str] | None, field: str) -> Sequence[Any]:
        if not (listed := self._list(ids)):
            return []
        asked = {"filter": f"{self._key} in {listed}", "output_fields": [field], "partition_names": partitions}
        return self._client.query(self._name, **asked, **_STRONG)  # type: ignore[no-any-return]

    def _rows(self, rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
        """Ids and vectors of those rows that have one."""
        held = ((str(row[self._key]), row[self._vector]) for row in rows)
        return {name: np.asarray(vector, self.dtype) for name, vector in held if vector is not None}

    def _native(self, name: str) -> str | int | None:
        """The id of this name; None if it cannot be one."""
        if self._texts:
            return name
        return int(name) if re.fullmatch("0|-?[1-9][0-9]{0,18}", name) and -(2**63) <= int(name) < 2**63 else None

    def _list(self, ids: Sequence[str]) -> str:
        """A list of ids for a filter, by escaping: the client's own `ids=` does not escape, and Milvus Lite takes no templates."""
        native = [self._native(name) for name in ids]
        literals = [self._literal(name) for name in native if name is not None]
        return f"[{', '.join(literals)}]" if literals else ""

    @staticmethod
    def _literal(name: str | int) -> str:
        """An id in a filter, with the escapes that both a server and Milvus Lite know."""
        if isinstance(name, int):
            return str(name)
        return '"' + re.sub(r'[\\"]', r"\\\g<0>", name).replace("\n", "\\n").replace("\r", "\\r") + '"'


def _fault(
    client: Any, about: dict[str, Any], primary: dict[str, Any], field: dict[str, Any], metric: Any
) -> tuple[str, str] | None:
    """What keeps vectors from being moved or put back, and what to do about it."""
    version = str(client.get_server_version())  # "2.6.2", "milvus_lite-3.2.2", "… (Compatible with Milvus 2.6)"
    numbers = re.search(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?", version)
    number = tuple(int(part or 99) for part in numbers.groups()) if numbers else (0,)
    if field["type"] != DataType.FLOAT_VECTOR:
        return f"vectors of the type {DataType(field['type']).name}", "copy it to one with FLOAT_VECTOR"
    if field.get("is_function_output"):
        return "vectors that the server makes of its texts", "fill a collection with vectors made outside"
    if metric is None:
        return "no index on the vector field", "create one, which also says the metric"
    if metric not in _METRICS:
        return f"the metric {metric}", f"create the index with {', '.join(_METRICS)}"
    if number < (2, 6, 2):
        return f"a server of version {version}, where vectors cannot be replaced alone", "move to 2.6.2 or newer"
    if number < (3,) and (primary.get("auto_id") or about.get("auto_id")):
        return f"auto_id, and a server of version {version} gives new ids to what is replaced", "move to Milvus 3"
    if client.get_load_state(about["collection_name"])["state"].name != "Loaded":
        return "not been loaded", "call client.load_collection"
    return None


def _uri(client: Any) -> str:
    """What a client was made with, as far as it knows: of Milvus Lite the file, not the port at which it is served this time."""
    uri = str(client._config.uri)
    lite = sys.modules.get("milvus_lite.server_manager")
    servers = {} if lite is None else lite.server_manager_instance._servers
    return next((path for path, (*_, port) in servers.items() if uri == f"http://127.0.0.1:{port}"), uri)


def _place(uri: str) -> str:
    """The address of the server without passwords, or the file."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https", "tcp"):
        return address(uri if parts.port or parts.scheme == "https" else parts._replace(scheme="tcp").geturl(), 19530)
    return uri if parts.scheme == "unix" else str(Path(uri).resolve())
