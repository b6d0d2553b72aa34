"""pgvector: a table of PostgreSQL, through SQLAlchemy. Serves LangChain's PGVector and PGVectorStore."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from nudge_core.apply.server import engine_of
from nudge_core.errors import InputError
from nudge_integrations.stores import _postgres as sql
from nudge_integrations.stores._postgres import Transactions, transactions
from nudge_integrations.stores.base import Ids, Metric, ScoringAdapter, Texts, pages
from nudge_integrations.stores.searching import NOTHING, Hits, scores_of

__all__ = ["PGVectorAdapter", "transactions"]

_OPERATORS: dict[Metric, str] = {"cosine": "<=>", "dot": "<#>", "l2": "<->"}
_CLASSES: dict[Metric, str] = {"cosine": "_cosine_ops", "dot": "_ip_ops", "l2": "_l2_ops"}
_METRICS: dict[str, Metric] = {"cosine": "cosine", "inner": "dot", "l2": "l2"}
_ROWS = 500  # in one statement: some megabytes of text
_COUNTED = 20_000


class PGVectorAdapter(ScoringAdapter):
    """The rows of a table, or those that meet a condition, in which neither id nor vector is NULL. A write is one transaction."""

    kind = "pgvector"
    remedy = "run VACUUM on the table, then REINDEX on its vector index"
    batch = None
    workers = 4  # connections
    keeps_mark = True

    def __init__(
        self,
        run: Transactions,
        table: str,
        id_column: str,
        vector_column: str,
        metric: Metric,
        *,
        schema: str | None = None,
        condition: str = "TRUE",
        parameters: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        text_column: str | None = None,
        json_column: str | None = None,
        metadata_columns: Sequence[str] = (),
        called: str | None = None,
    ) -> None:
        """Look the table up.

        Args:
            run: Calls a function with a connection, in one transaction: `transactions(engine)` of an SQLAlchemy engine.
            table: Its name, not quoted.
            id_column: Ids that are unique: of type uuid, text, varchar or an integer; others serve too, more slowly.
            vector_column: Vectors of type vector or halfvec.
            metric: How the application searches.
            schema: The table's schema; None for the search path.
            condition: SQL that says which rows of the table, called t, take part; with named parameters such as :collection.
            parameters: Their values, which become part of the fingerprint.
            settings: What the application sets for a search, for example {"hnsw.ef_search": "100"}.
            text_column: The texts, if the table holds them.
            json_column: Metadata of type json or jsonb.
            metadata_columns: Columns of single metadata.
            called: How messages name the rows that take part; the table where None.
        """
        self.metric, self._run, self._given = metric, run, dict(parameters or {})
        self._text_columns = text_column, json_column, metadata_columns
        self._twice = f"several rows of table {table!r} have the same {id_column!r}: remove the duplicates, then make it the primary key"

        def look(c: Connection) -> None:
            self._table = own = sql.look_up(c, schema, table, id_column, vector_column)
            self._where = f"WHERE {own.key} IS NOT NULL AND t.{own.vector} IS NOT NULL AND ({condition})"
            self._from = f"FROM {own.name} AS t {self._where}"
            self._read = f"SELECT {own.key_text}, {own.vector_bytes} {self._from}"
            self._settings = {**sql.index_settings(c), **(settings or {})}
            # of all would be a walk; `fetch` looks at what it meets
            some = f"SELECT {own.key} AS id {self._from} LIMIT {_COUNTED}"
            twice = f"SELECT count(*) <> count(DISTINCT id) FROM ({some}) AS beginning"  # noqa: S608
            if not own.unique and sql.select(c, twice, self._given)[0][0]:
                raise InputError(self._twice)
            first = sql.select(c, f"SELECT vector_dims(t.{own.vector}) {self._from} LIMIT 1", self._given)
            if not (own.dim or first):
                raise InputError(
                    f"{called or f'table {table!r}'} holds no documents, and its column no dimension: add some documents first"
                )
            self.dtype, self.dim = own.dtype, own.dim or first[0][0]
            self.approximate = any(name.endswith(_CLASSES[metric]) for name in own.indexes)
            self.fingerprint = "/".join([sql.database_of(c), str(own.oid), *self._given.values()])

        run(look)

    @classmethod
    def of_langchain(cls, store: Any) -> PGVectorAdapter:
        """The adapter of a LangChain `PGVector` or `PGVectorStore`."""
        if not hasattr(store, "session_maker"):
            inner = store._PGVectorStore__vs
            metric = next(name for name, sign in _OPERATORS.items() if sign == inner.distance_strategy.operator)
            names = inner.table_name, inner.id_column, inner.embedding_column
            run, options = sql.transactions_in_loop(store._engine), inner.index_query_options
            settings = dict(line.split(" = ") for line in options.to_parameter()) if options else None
            held = {"text_column": inner.content_column, "json_column": inner.metadata_json_column}
            held["metadata_columns"] = inner.metadata_columns
            return cls(run, *names, metric, schema=inner.schema_name, settings=settings, **held)
        run = sql.transactions_in_callers_loop(store._async_engine) if store.async_mode else transactions(store._engine)
        if not hasattr(store, "EmbeddingStore"):
            raise InputError(
                "this PGVector has not been used yet, so its tables are not known: add or search a document first"
            )
        rows, collections = store.EmbeddingStore.__table__, store.CollectionStore.__table__
        mine = collections.select().where(collections.c.name == store.collection_name)
        found = run(lambda c: c.execute(mine).first())
        if found is None:
            raise InputError(f"table {collections.name!r} has no collection {store.collection_name!r}: was it deleted?")
        metric = _METRICS[getattr(store._distance_strategy, "value", store._distance_strategy)]
        return cls(
            run,
            rows.name,
            "id",
            "embedding",
            metric,
            schema=rows.schema,
            condition="t.collection_id = CAST(:collection AS uuid)",
            parameters={"collection": str(found.uuid)},
            text_column="document",
            json_column="cmetadata",
            called=f"collection {store.collection_name!r} in table {rows.name!r}",
        )

    @classmethod
    def of_llama_index(cls, index: Any) -> PGVectorAdapter:
        """The adapter of a `VectorStoreIndex` on LlamaIndex's `PGVectorStore`: its table data_NAME by node_id, which it searches by cosine."""
        store = index.vector_store
        if store._engine is None:  # it connects when it is first used
            store._connect()
        search = (store.hnsw_kwargs or {}).get("hnsw_ef_search")
        return cls(
            transactions(store._engine),
            store._table_class.__tablename__,
            "node_id",
            "embedding",
            "cosine",
            schema=store.schema_name,
            settings={"hnsw.ef_search": str(search)} if search else None,
            text_column="text",
            json_column="metadata_",
        )

    @contextmanager
    def within(self, connection: Connection) -> Iterator[None]:
        """Read and write on this connection, in the transaction that it is in."""
        run, self._run = self._run, lambda function: function(connection)
        try:
            yield
        finally:
            self._run = run

    def engine(self) -> Any:
        """The SQLAlchemy engine of the database, for a journal beside the vectors; another one where that of the store works in coroutines."""
        own = self._run(lambda c: c.engine)
        return engine_of(own.url.render_as_string(hide_password=False)) if own.dialect.is_async else own

    def mark(self) -> str | None:
        """In the comment on the column of vectors, which a dump holds; for each collection of the table another one."""
        found = re.search(self._mark("([^ \\]]*)"), self._run(lambda c: sql.comment_of(c, self._table)))
        return found[1] if found else None

    def put_mark(self, mark: str) -> None:
        """After what else the comment says. Only the owner of the table may."""
        own = self._table

        def put(c: Connection) -> None:
            others = re.sub(" ?" + self._mark("[^ \\]]*"), "", sql.comment_of(c, own))
            said = sql.string(f"{others} {self._mark(mark, '[')}".strip())
            c.execute(text(f"COMMENT ON COLUMN {own.name}.{own.vector} IS {said}"))

        self._run(put)

    def _mark(self, value: str, left: str = "\\[") -> str:
        given = "".join(f"/{value}" for value in self._given.values())
        return f"{left}nudge{given if left == '[' else re.escape(given)} {value}]"

    def count(self) -> int:
        """Number of documents."""
        return int(self._select(f"SELECT count(*) {self._from}")[0][0])

    def about(self) -> int:
        """Up to some ten thousand as they are, above as the planner guesses, who reads no row."""
        some = f"SELECT 1 {self._from} LIMIT {_COUNTED}"
        few = int(self._select(f"SELECT count(*) FROM ({some}) AS beginning")[0][0])  # noqa: S608
        if few < _COUNTED:
            return few
        plan = self._select(f"EXPLAIN (FORMAT JSON) SELECT 1 {self._from}")[0][0]
        plan = json.loads(plan) if isinstance(plan, str) else plan
        return max(few, int(plan[0]["Plan"]["Plan Rows"]))

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there, all of one moment."""
        query = f"{self._read} AND {self._table.key} = ANY({self._table.array('ids')})"
        wanted = self._table.possible(ids)

        def read(c: Connection) -> list[Any]:
            c.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return [
                row for page in pages(wanted, 10 * _ROWS) for row in sql.select(c, query, {**self._given, "ids": page})
            ]

        names, vectors = self._table.decoded(self._run(read), self.dim) if wanted else ([], ())
        if len(set(names)) < len(names):
            raise InputError(self._twice)
        return dict(zip(names, vectors, strict=True))

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Update the rows in one transaction, with text that names each number exactly: every driver can send that.

        What a row must hold is compared, by the hash of its bits, in the statement that updates it: PostgreSQL locks the row, and looks at it
        again where another transaction has changed it. So nothing can come between.

        Neighbours follow one another, as an index reads the surroundings of each: those are in caches then.
        """
        own = self._table
        query = text(
            f"UPDATE {own.name} AS t SET {own.vector} = CAST(given.vector AS {own.vector_type}) "  # noqa: S608  # quoted names
            f"FROM unnest({own.array('ids')}, CAST(:vectors AS text[]), CAST(:held AS text[])) AS given(id, vector, held) "
            f"{self._where} AND {own.key} = given.id AND (given.held = '' OR {own.vector_hash} = given.held)"
        )
        names, must = list(ids), ids if isinstance(ids, Mapping) else {}
        row = {name: i for i, name in enumerate(names)}
        turn = [names[i] for i in sql.neighbours_in_turn(vectors)] if own.indexes else names

        def write(c: Connection) -> None:
            for page in pages(own.possible(turn), _ROWS):
                given = [sql.literal(vectors[row[name]]) for name in page]
                held = [sql.hash_of(must[name]) if name in must else "" for name in page]
                c.execute(query, {**self._given, "ids": page, "vectors": given, "held": held})

        self._run(write)

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages by id."""
        for page in self._pages(self._read, size):
            yield self._table.decoded(page, self.dim)

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all documents, in pages by id."""
        text_column, json_column, columns = self._text_columns
        if text_column is None:
            yield from super().texts(size)
            return
        held = f"{self._table.key_text}, {sql.payload(text_column, json_column, columns)}"
        for page in self._pages(f"SELECT {held} {self._from}", size):
            yield [row[0] for row in page], [row[1] or "" for row in page], [json.loads(row[2]) for row in page]

    def _pages(self, query: str, size: int) -> Iterator[Sequence[Any]]:
        """Each page is a transaction, so that none stays open between them."""
        own, after, last = self._table, "", ""
        while page := self._select(f"{query} {after} ORDER BY {own.key} LIMIT :size", size=size, last=[last]):
            yield page
            if len(page) < size:
                return
            after, last = f"AND {own.key} > ({own.array('last')})[1]", page[-1][0]

    def hits(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[Hits]:
        """The application's operator, by its index if there is one, for all questions in one statement. Excluded rows are passed over on the way."""
        own = self._table
        distance = f"t.{own.vector} {_OPERATORS[self.metric]} given.query"
        # OFFSET 0 keeps the planner from reading the text of a query anew for every row
        query = (
            f"SELECT given.place, found.ids, found.distances FROM (SELECT CAST(q AS {own.vector_type}) AS query, place "  # noqa: S608
            "FROM unnest(CAST(:queries AS text[])) WITH ORDINALITY AS g(q, place) OFFSET 0) AS given CROSS JOIN LATERAL ("
            "SELECT array_agg(id ORDER BY distance, id) AS ids, array_agg(distance ORDER BY distance, id) AS distances "
            f"FROM (SELECT {own.key_text} AS id, {distance} AS distance {self._from} "
            f"AND NOT ({own.key} = ANY({own.array('excluded')})) ORDER BY {distance} LIMIT :k) AS near) AS found"
        )
        left_out = own.possible(exclude)
        parameters = {"queries": [sql.literal(vector) for vector in vectors], "excluded": left_out, "k": k}

        def search(c: Connection) -> Sequence[Any]:
            sql.prepare_search(c, self._settings, k, len(left_out))
            return sql.select(c, query, {**self._given, **parameters})

        found = [NOTHING for _ in vectors]
        for place, names, distances in self._run(search) if len(vectors) else ():
            vector = vectors[place - 1]
            found[place - 1] = Hits(names or [], scores_of(np.asarray(distances or []), vector, self.metric))
        return found

    def _select(self, query: str, **parameters: Any) -> Sequence[Any]:
        return self._run(lambda c: sql.select(c, query, {**self._given, **parameters}))  # type: ignore[no-any-return]
