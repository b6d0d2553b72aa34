"""LanceDB: a table of a local database or one in an object store. Serves LangChain's LanceDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from lancedb.table import LanceTable
from numpy.typing import NDArray

from nudge_core.errors import InputError, first_few
from nudge_integrations.stores.base import Ids, Metric, ScoringAdapter, Texts, holding, pages
from nudge_integrations.stores.searching import NOTHING, Hits, scores_of, search_without

_METRICS: dict[str, Metric] = {"cosine": "cosine", "dot": "dot", "l2": "l2"}
_ROWS = 5000  # ids in one filter
_MARK = "nudge:journal"


class LanceDBAdapter(ScoringAdapter):
    """The rows of a table that have an id; those without a vector only count. A write is one new version of the table."""

    kind = "LanceDB"
    remedy = "run table.optimize(), or create the vector index anew"
    batch = None
    keeps_mark = True

    def __init__(
        self,
        table: LanceTable,
        id_column: str = "id",
        vector_column: str = "vector",
        metric: Metric | None = None,
        *,
        text_column: str = "text",
        metadata_column: str | None = "metadata",
    ) -> None:
        """Take a table, whose handle from now on moves to its latest version.

        Args:
            table: Not of LanceDB Cloud.
            id_column: Strings that are unique.
            vector_column: Lists of one length, of float16, float32 or float64.
            metric: How the application searches; None for how LanceDB does unless told otherwise, which is by the metric of the vector
                index, or by "l2" where there is none.
            text_column: The texts.
            metadata_column: A struct of metadata; None if these are columns of their own.
        """
        if not isinstance(table, LanceTable):
            raise InputError(
                f"the table is a {type(table).__name__}; expected a LanceTable, of lancedb.connect(path or object store)"
            )
        self._table, self._id, self._vector = table, id_column, vector_column
        self._text, self._metadata = text_column, metadata_column
        self._latest()
        self._there = f"`{id_column}` IS NOT NULL"  # to ask the same of vectors would be to read them all
        names, types = table.schema.names, {field.name: field.type for field in table.schema}
        missing = [name for name in (id_column, vector_column) if name not in names]
        if missing:
            raise InputError(
                f"table {table.name!r} has no columns {first_few(missing)}, only {first_few(names)}: name its columns"
            )
        self._types = types[id_column], types[vector_column]
        numbers = {pa.float16(): np.float16, pa.float32(): np.float32, pa.float64(): np.float64}
        if not pa.types.is_fixed_size_list(self._types[1]) or self._types[1].value_type not in numbers:
            raise InputError(
                f"column {vector_column!r} of table {table.name!r} is of type {self._types[1]}; expected fixed_size_list of float16, "
                "float32 or float64: name the column that holds the embeddings"
            )
        if self._types[0] not in (pa.string(), pa.large_string()):
            raise InputError(
                f"column {id_column!r} of table {table.name!r} is of type {self._types[0]}; expected string ids"
            )
        self.dtype, self.dim = np.dtype(numbers[self._types[1].value_type]), self._types[1].list_size
        indexes = self._index_metrics()
        self.metric, self.approximate = metric or _METRICS.get(next(iter(indexes.values()), "l2"), "l2"), bool(indexes)
        for index, other in indexes.items():
            if other != self.metric:
                raise InputError(
                    f"the index {index!r} of table {table.name!r} is for the metric {other!r}; expected {self.metric!r}: search with the "
                    "metric of the index, or create it anew with that of the search"
                )
        uri = table.uri if "://" in table.uri else Path(table.uri).resolve()
        self.fingerprint = None if table.uri.startswith("memory:") else f"lancedb/{uri}"
        self._only_once(self._search([id_column], self._there)[id_column])

    @classmethod
    def of_langchain(cls, store: Any) -> LanceDBAdapter:
        """The adapter of a LangChain `LanceDB`.

        Its `distance` does not count: the class reads it for relevance scores only, and searches by LanceDB's own choice.
        """
        table = store.get_table()
        if table is None:
            raise InputError(f"the LanceDB store has no table {store._table_name!r} yet: add documents first")
        return cls(table, store._id_key, store._vector_key, text_column=store._text_key)

    @classmethod
    def of_llama_index(cls, index: Any) -> LanceDBAdapter:
        """The adapter of a `VectorStoreIndex` on a `LanceDBVectorStore`."""
        store = index.vector_store
        if store._table is None:
            raise InputError(f"the LanceDB store has no table {store._table_name!r} yet: insert nodes first")
        return cls(store._table, "id", store.vector_column_name, text_column=store.text_key)

    def count(self) -> int:
        """Number of documents."""
        return int(self._latest().count_rows(self._there))

    def about(self) -> int:
        """With rows that have no id, which reads none of them."""
        return int(self._latest().count_rows())

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there, all of one version."""
        return self._of(self._latest(), ids)

    def _of(self, table: LanceTable, ids: Iterable[str]) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {}
        for page in pages(list(dict.fromkeys(ids)), _ROWS):
            rows = table.search().where(self._in(page)).select([self._id, self._vector]).to_arrow()
            self._only_once(rows[self._id])
            found.update(zip(*self._decoded(rows), strict=True))
        return found

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Merge two columns into the rows that match.

        A merge knows no condition on a column that it changes. But every write is a version of the table, and each version can be read: where
        the one before this write is not the one that was compared, what others wrote in between is found in it and written back.
        """
        new = dict(zip(ids, vectors, strict=True))
        if not isinstance(ids, Mapping):
            self._merge(self._latest(), new)
            return
        must: Mapping[str, NDArray[Any]] = ids
        while new:
            table = self._latest()
            seen = table.version
            names = list(new)
            there = holding({name: must[name] for name in names}, self._of(table, names))
            new = {names[i]: new[names[i]] for i in there}
            version = self._merge(table, new)
            if version in (None, seen + 1):
                return
            before = self._table._conn.open_table(table.name)  # another handle: this one stays at the latest version
            before.checkout(version - 1)
            own = {name: held for name, held in self._of(before, new).items() if held.tobytes() != must[name].tobytes()}
            must, new = {name: new[name] for name in own}, own

    def _merge(self, table: LanceTable, new: Mapping[str, NDArray[Any]]) -> int | None:
        """Put these vectors into their rows; the version of the table that this made."""
        names = [name for name in new if _unicode(name)]
        if not names:
            return None
        numbers = pa.array(
            np.stack([new[name] for name in names]).astype(self.dtype).ravel(), self._types[1].value_type
        )
        column = pa.FixedSizeListArray.from_arrays(numbers, self.dim)
        given = {self._id: pa.array(names, self._types[0]), self._vector: column}
        return int(table.merge_insert(self._id).when_matched_update_all().execute(pa.table(given)).version)

    def mark(self) -> str | None:
        """In the metadata of the column of vectors."""
        held = (self._latest().schema.field(self._vector).metadata or {}).get(_MARK.encode())
        return None if held is None else str(held.decode())

    def put_mark(self, mark: str) -> None:
        """One new version of the table."""
        self._latest().update_field_metadata({"path": self._vector, "metadata": {_MARK: mark}})

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages, all of one version."""
        for batch in self._latest().search().where(self._there).select([self._id, self._vector]).to_batches(size):
            if len(batch):
                yield self._decoded(pa.Table.from_batches([batch]))

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all rows, in pages, all of one version."""
        names = self._latest().schema.names
        if self._text not in names:
            raise InputError(
                f"table {self._table.name!r} has no column {self._text!r}, only {first_few(names)}: name that of the texts, text_column=…"
            )
        others = [name for name in names if name not in (self._id, self._vector, self._text)]
        wanted = [name for name in others if self._metadata in (None, name)]
        for batch in self._table.search().where(self._there).select([self._id, self._text, *wanted]).to_batches(size):
            rows = batch.to_pylist()
            if rows:
                data = [row if self._metadata is None else row.get(self._metadata) or {} for row in rows]
                yield [row.pop(self._id) for row in rows], [row.pop(self._text) or "" for row in rows], data

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """LanceDB's own search, without the index where that looks at too few rows to find k.

        A filter by id reads the ids of all rows, so it is kept for the questions that need it.
        """
        self._latest()
        where = f"NOT {self._in(exclude)}" if len(exclude) else None

        def search(part: NDArray[np.float32], wanted: int) -> list[Hits]:
            return self._near(part, wanted, None)

        def excluding(part: NDArray[np.float32], wanted: int) -> list[Hits]:
            return self._near(part, wanted, where)

        if not self.approximate:  # every row is compared anyway
            return excluding(vectors, k)
        return search_without(search, vectors, k, exclude, self.about(), excluding)

    def _near(self, vectors: NDArray[np.float32], k: int, where: str | None, bypass: bool = False) -> list[Hits]:
        """One query for all, in which LanceDB uses every core."""
        if not len(vectors) or not k:
            return [NOTHING for _ in vectors]
        query = self._table.search(list(vectors), self._vector, "vector").distance_type(self.metric).limit(k)
        query = query.where(where, prefilter=True) if where else query
        query = query.bypass_vector_index() if bypass else query.refine_factor(1) if self.approximate else query
        rows = query.select([self._id, "_distance"]).to_arrow()
        told = rows["_distance"].to_numpy()
        of = rows["query_index"].to_numpy() if "query_index" in rows.column_names else np.zeros(len(rows), int)
        names, found = rows[self._id].to_pylist(), []
        for number, vector in enumerate(vectors):
            places = [place for place in np.flatnonzero(of == number).tolist() if names[place] is not None]
            distances = told[places] - 1 if self.metric == "dot" else told[places]
            distances = np.sqrt(np.maximum(distances, 0)) if self.metric == "l2" else distances
            found.append(Hits([names[place] for place in places], scores_of(distances, vector, self.metric)))
        few = [place for place, hits in enumerate(found) if len(hits.ids) < k]
        if self.approximate and not bypass and few:
            for place, hits in zip(few, self._near(vectors[few], k, where, bypass=True), strict=True):
                found[place] = hits
        return found

    def _latest(self) -> LanceTable:
        """The table as it is now: a handle stays at the version that it has seen last."""
        self._table.checkout_latest()
        return self._table

    def _index_metrics(self) -> dict[str, str]:
        """The metric of each index of the vectors."""
        found = [index for index in self._table.list_indices() if index.columns == [self._vector]]
        return {index.name: str(index.index_details["metric_type"]).lower() for index in found}

    def _search(self, columns: list[str], where: str) -> pa.Table:
        return self._table.search().where(where).select(columns).to_arrow()

    def _in(self, ids: Iterable[str]) -> str:
        """A filter for these ids."""
        quoted = ["'" + name.replace("'", "''") + "'" for name in ids if _unicode(name)]
        return f"(`{self._id}` IN ({', '.join(quoted)}))" if quoted else "(false)"

    def _only_once(self, ids: pa.ChunkedArray) -> None:
        """A write would give all rows of one id the same vector."""
        if len(ids.unique()) < len(ids):
            twice = [entry["values"] for entry in ids.value_counts().to_pylist() if entry["counts"] > 1]
            raise InputError(
                f"table {self._table.name!r} holds several rows of the same id: {first_few(twice)}. LanceDB adds a row again rather "
                "than replace it: delete these documents, then add them once"
            )

    def _decoded(self, rows: pa.Table) -> tuple[list[str], NDArray[Any]]:
        """Ids and vectors of the rows that have one."""
        rows = rows.filter(rows[self._vector].is_valid()) if rows[self._vector].null_count else rows
        parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in rows[self._vector].chunks]
        return rows[self._id].to_pylist(), np.concatenate([np.empty(0, self.dtype), *parts]).reshape(-1, self.dim)


def _unicode(name: str) -> bool:
    """Whether a string is one that a table can hold: half of a surrogate pair is not."""
    return not re.search("[\ud800-\udfff]", name)
