"""What PostgreSQL says of a table of vectors, and transactions on both kinds of SQLAlchemy engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from nudge_core.errors import InputError, first_few
from nudge_integrations.stores.place import host_of

CHAINED = 2048
"""Vectors among which the next is the nearest; more are halved first, so that the cost is linear in the number of vectors."""

Transactions: TypeAlias = Callable[[Callable[[Connection], Any]], Any]

_DTYPES = {"vector": np.float32, "halfvec": np.float16}
# Columns of these types are compared as they are; those of any other type as text, which is slower. And what an id looks like in them.
_IDS = {
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "text": r"[^\0\ud800-\udfff]*",
    **dict.fromkeys(("smallint", "integer", "bigint"), r"0|-?[1-9][0-9]{0,18}"),
}
_BITS = {"smallint": 15, "integer": 31, "bigint": 63}


def transactions(engine: Engine) -> Transactions:
    """What calls a function with a connection of this engine, in one transaction even where the engine commits each statement."""

    def run(function: Callable[[Connection], Any]) -> Any:
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as c, c.begin():
            return function(c)

    return run


def transactions_in_loop(engine: Any) -> Transactions:
    """The same of a `PGEngine` of langchain-postgres, whose connections live in an event loop of another thread, or in that of the application."""
    if engine._loop is None:
        return transactions_beside(engine._pool)

    def run(function: Callable[[Connection], Any]) -> Any:
        async def inside() -> Any:
            async with engine._pool.connect() as c:
                await c.execution_options(isolation_level="READ COMMITTED")
                async with c.begin():
                    return await c.run_sync(function)

        return engine._run_as_sync(inside())

    return run


def transactions_beside(engine: Any) -> Transactions:
    """The same of the asynchronous engine of an application, by connections of our own to its database, so that its event loop is left alone.

    Arguments of `connect` that the engine was made with are not known here: what they say must stand in its URL.
    """
    url = engine.url
    if not url.drivername.endswith("psycopg"):
        url = url.set(drivername="postgresql+psycopg")
    return transactions(create_engine(url, poolclass=NullPool))


def select(c: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """All rows of a query."""
    return c.execute(text(query), dict(parameters or {})).all()


def quoted(name: str) -> str:
    """An identifier for `text`, where a colon would start a parameter."""
    return '"' + name.replace('"', '""').replace(":", "\\:") + '"'


@dataclass(frozen=True)
class Table:
    """A table as the database knows it.

    Attributes:
        name: Quoted, with its schema.
        oid: Its number, which another table of the same name does not get.
        key: The expression by which ids are compared and ordered, in a query that calls the table t.
        key_type: The type of `key`.
        vector: The column of vectors, quoted.
        vector_type: Its type as SQL writes it.
        dtype: The numbers that it holds.
        dim: How many; None where the column does not say.
        key_text: The id as text.
        vector_bytes: The vector as the database sends it.
        vector_hash: The SHA-256 of these bytes, in hexadecimal digits.
        unique: Whether the database keeps ids unique.
        indexes: The operator classes of the indexes on the column of vectors, such as vector_cosine_ops; all are approximate.
    """

    name: str
    oid: int
    key: str
    key_type: str
    vector: str
    vector_type: str
    dtype: np.dtype[Any]
    dim: int | None
    key_text: str
    vector_bytes: str
    vector_hash: str
    unique: bool
    indexes: tuple[str, ...]

    def possible(self, ids: Sequence[str]) -> list[str]:
        """Those ids that the column can hold, spelled as the database spells them; any other would be an error in a query."""
        pattern, bits = re.compile(_IDS[self.key_type]), _BITS.get(self.key_type)
        fitting = [name for name in ids if pattern.fullmatch(name)]
        return [name for name in fitting if bits is None or -(2**bits) <= int(name) < 2**bits]

    def array(self, parameter: str) -> str:
        """A parameter that is a list of ids: sent as text, which every driver can, and cast so that the column's index serves."""
        return f"CAST(CAST(:{parameter} AS text[]) AS {self.key_type}[])"

    def decoded(self, rows: Sequence[Any], dim: int) -> tuple[list[str], NDArray[Any]]:
        """Ids and vectors of rows of `key_text` and `vector_bytes`: two int16, then the numbers, all of them big-endian."""
        layout = np.dtype([("head", ">i2", 2), ("numbers", self.dtype.newbyteorder(">"), dim)])
        for name, sent in rows:
            if len(sent) != layout.itemsize:
                other = (len(sent) - 4) // self.dtype.itemsize
                raise InputError(
                    f"vectors of {dim} and of {other} dimensions, as of document {name!r}, are mixed: correct them first"
                )
        sent = np.frombuffer(b"".join(row[1] for row in rows), layout)
        return [row[0] for row in rows], sent["numbers"].astype(self.dtype)


def payload(text_column: str, json_column: str | None, columns: Sequence[str]) -> str:
    """The expressions of a row's text, and of its metadata as the text of one JSON object."""
    single = ", ".join(f"{string(name)}, t.{quoted(name)}" for name in columns)
    held = f"COALESCE(to_jsonb(t.{quoted(json_column)}), '{{}}')" if json_column else "CAST('{}' AS jsonb)"
    return f"t.{quoted(text_column)}, CAST({held} || jsonb_strip_nulls(jsonb_build_object({single})) AS text)"


def string(name: str) -> str:
    """A string for `text`, where a colon would start a parameter."""
    return "'" + name.replace("'", "''").replace(":", "\\:") + "'"


def literal(vector: NDArray[Any]) -> str:
    """A vector as pgvector reads it. Its numbers, written as those of float64, are rounded back to the same bits."""
    return str(vector.tolist())


def hash_of(vector: NDArray[Any]) -> str:
    """The `vector_hash` of a row that holds this vector."""
    head = np.asarray([len(vector), 0], ">i2").tobytes()
    return sha256(head + vector.astype(vector.dtype.newbyteorder(">")).tobytes()).hexdigest()


def look_up(c: Connection, schema: str | None, table: str, id_column: str, vector_column: str) -> Table:
    """Read the catalogue."""
    name = f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table)
    rows = select(
        c,
        "SELECT attname, typname, atttypmod, format_type(atttypid, NULL) AS type, CAST(attrelid AS bigint) AS oid, EXISTS ("
        "SELECT 1 FROM pg_index WHERE indrelid = attrelid AND indisunique AND indisvalid AND indpred IS NULL "
        "AND indnkeyatts = 1 AND indkey[0] = attnum) AS is_unique, "
        "ARRAY(SELECT CAST(opcname AS text) FROM pg_index JOIN pg_opclass ON pg_opclass.oid = indclass[0] "
        "WHERE indrelid = attrelid AND attnum = indkey[0] AND indisvalid) AS indexes "
        "FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid "
        "WHERE attrelid = to_regclass(CAST(:name AS text)) AND attname = ANY(CAST(:columns AS text[]))",
        {"name": name.replace("\\:", ":"), "columns": [id_column, vector_column]},
    )
    columns = {row.attname: row for row in rows}
    missing = [column for column in (id_column, vector_column) if column not in columns]
    if missing:
        raise InputError(
            f"the database has no table {table!r} with the columns {first_few(missing)}: check these names"
        )
    ids, vector = columns[id_column], columns[vector_column]
    if vector.typname not in _DTYPES:
        raise InputError(
            f"column {vector_column!r} of table {table!r} is of type {vector.type}; expected vector or halfvec, whose numbers can be "
            "read and written exactly: name the column that holds the embeddings"
        )
    key = f"t.{quoted(id_column)}"
    as_text, kind = f"CAST({key} AS text)", "text" if ids.type == "character varying" else ids.type
    return Table(
        name=name,
        oid=ids.oid,
        key=key if kind in _IDS else f'{as_text} COLLATE "C"',
        key_type=kind if kind in _IDS else "text",
        vector=quoted(vector_column),
        vector_type=vector.type,
        dtype=np.dtype(_DTYPES[vector.typname]),
        dim=vector.atttypmod if vector.atttypmod > 0 else None,
        key_text=as_text,
        vector_bytes=(sent := f"{vector.typname}_send(t.{quoted(vector_column)})"),
        vector_hash=f"encode(sha256({sent}), 'hex')",
        unique=ids.is_unique,
        indexes=tuple(vector.indexes),
    )


def database_of(c: Connection) -> str:
    """The identity of the cluster, or its address where that may not be read, and the database."""
    may = "SELECT has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE')"
    url = c.engine.url
    cluster = f"{host_of(url.host) or url.query.get('host')}:{url.port or (5432 if url.host else None)}"
    if select(c, may)[0][0]:
        cluster = select(c, "SELECT CAST(system_identifier AS text) FROM pg_control_system()")[0][0]
    return f"postgresql/{cluster}/{select(c, 'SELECT CAST(current_database() AS text)')[0][0]}"


def comment_of(c: Connection, table: Table) -> str:
    """The comment on the column of vectors."""
    query = "SELECT col_description(CAST(:oid AS oid), attnum) FROM pg_attribute WHERE attrelid = CAST(:oid AS oid) AND attname = :name"
    found = select(c, query, {"oid": table.oid, "name": table.vector[1:-1].replace('""', '"').replace("\\:", ":")})
    return (found[0][0] if found else None) or ""


def index_settings(c: Connection) -> dict[str, str]:
    """What makes a search with a filter find enough rows.

    An index filters what it has found. Since pgvector 0.8 it then goes on; before, only a search without it is right.
    """
    version = select(c, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")[0][0]
    if tuple(int(part) for part in version.split(".")[:2]) < (0, 8):
        return {"enable_indexscan": "off"}
    return {"hnsw.iterative_scan": "strict_order", "ivfflat.iterative_scan": "relaxed_order"}


def prepare_search(c: Connection, settings: Mapping[str, str], k: int, excluded: int) -> None:
    """Set for this transaction what a search for k rows needs, above what the application sets.

    An HNSW index finds at most ef_search rows at a time; past those excluded it goes on until it has looked at max_scan_tuples.
    """
    # to compile a query costs more than it does; a plan without the excluded ids compares each row with one after the other
    wanted = {"jit": "off", "plan_cache_mode": "force_custom_plan", **settings}
    if excluded and "hnsw.iterative_scan" in settings:
        wanted = {"hnsw.max_scan_tuples": str(20_000 + 2 * excluded), "hnsw.scan_mem_multiplier": "4", **wanted}
    for name, value in wanted.items():
        c.execute(text("SELECT set_config(:name, :value, TRUE)"), {"name": name, "value": value})
    c.execute(
        text(
            "SELECT set_config('hnsw.ef_search', CAST(LEAST(1000, GREATEST(:k, "
            "CAST(COALESCE(NULLIF(current_setting('hnsw.ef_search', TRUE), ''), '40') AS integer))) AS text), TRUE)"
        ),
        {"k": k},
    )


def neighbours_in_turn(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """Rows so ordered that vectors of similar directions follow one another: what one touches in an index, the next finds in caches.

    Args:
        vectors: (rows, dim), finite.

    Returns:
        (rows,) each row once, the first one first; the same for the same vectors.
    """
    unit = np.asarray(vectors, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order: list[int] = []
    waiting = [np.arange(len(unit))] if len(unit) else []
    while waiting:
        rows = waiting.pop()
        last = unit[order[-1] if order else 0]
        if len(rows) > CHAINED:  # by what lies between its two ends, the half nearer to the last one first
            one = unit[rows[int((unit[rows] @ last).argmax())]]
            other = unit[rows[int((unit[rows] @ one).argmin())]]
            far, near = np.array_split(rows[np.argsort(unit[rows] @ (one - other), kind="stable")], 2)
            waiting += [far, near]
        else:
            order += rows[_chain(unit[rows], int((unit[rows] @ last).argmax()))].tolist()
    return np.asarray(order, dtype=np.int64)


def _chain(unit: NDArray[np.float32], start: int) -> list[int]:
    """From `start` on always to the nearest that is left."""
    similar = unit @ unit.T
    chain = [start]
    taken = np.zeros(len(unit), np.float32)
    for _ in range(len(unit) - 1):
        taken[chain[-1]] = -np.inf
        chain.append(int((similar[chain[-1]] + taken).argmax()))
    return chain
