"""A journal in a PostgreSQL database: several machines share it and its lock, and a dump of the database holds it.

Each journal is a schema of its own. Its lock is an advisory lock of the session, which the server takes back when the process or its machine is gone.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from filelock import FileLock

from nudge_core.apply.belonging import Rows
from nudge_core.apply.file import LATER, META, SCHEMA, VERSION, holder, now
from nudge_core.apply.journal import Journal
from nudge_core.errors import InputError, JournalError, LockedError, MissingExtraError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from typing_extensions import Self

PREFIX = "nudge_"
"""How the schemas of journals begin."""
_TABLES = "meta|vectors|documents|runs|changes|feedback|models|questions|maps|learned|learned_about|past"
_TABLE = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN|TABLE IF NOT EXISTS|TABLE) ({_TABLES})\b")
_TYPES = {
    "BLOB": "BYTEA",
    "TEXT": 'TEXT COLLATE "C"',
    "INTEGER": "BIGINT",
    " WITHOUT ROWID": "",
}


@dataclass(frozen=True)
class DatabasePlace:
    """Where a journal is in a database.

    Attributes:
        engine: How the database is reached.
        schema: The schema of its tables.
        joined: Whether the vectors are in the same database, so that both can be written in one transaction.
    """

    engine: Engine = field(compare=False)
    schema: str
    joined: bool = False

    def __str__(self) -> str:
        url = self.engine.url
        return f"postgresql://{url.host or url.query.get('host')}/{url.database}, schema {self.schema}"

    def exists(self) -> bool:
        """Whether there is a journal."""
        with self.reading() as rows:
            query = "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'meta'"
            return bool(rows(query, (self.schema,)))

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Read what may be a journal, without making one."""
        with _told(self), _connected(self) as connection:
            yield Statements(connection, self.schema).rows


def places_in(engine: Engine, *, joined: bool = False) -> list[DatabasePlace]:
    """The journals in a database, by name."""
    place = DatabasePlace(engine, "", joined)
    with place.reading() as rows:
        found = rows("SELECT schemaname FROM pg_tables WHERE tablename = 'meta' ORDER BY schemaname", ())
    return [DatabasePlace(engine, name, joined) for (name,) in found if name.startswith(PREFIX)]


def engine_of(url: str) -> Engine:
    """The connections to a PostgreSQL database.

    Raises:
        MissingExtraError: SQLAlchemy or its driver is not installed.
        InputError: A URL of something else.
    """
    try:
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.exc import ArgumentError
        from sqlalchemy.pool import NullPool
    except ModuleNotFoundError as error:
        raise MissingExtraError("sqlalchemy", "database", "a journal in a database") from error
    try:
        parts = make_url(re.sub("^postgres://", "postgresql://", url))
    except ArgumentError as error:
        raise InputError(
            f"journal is a URL that cannot be read ({error}); expected postgresql://user@host/database"
        ) from error
    if parts.get_backend_name() != "postgresql":
        raise InputError(
            f"journal is a URL of {parts.get_backend_name()}; expected postgresql://user@host/database, sqlite:///FILE or the path of a file"
        )
    try:
        return create_engine(parts.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise MissingExtraError("psycopg", "database", "a journal in PostgreSQL") from error


class Statements:
    """SQL of the journal on a connection: its placeholders, types and tables as this database has them."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection, self._schema = connection, schema

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        """One statement."""
        from sqlalchemy import text

        return self.connection.execute(text(self._translated(query)), _named(values))

    def executemany(self, query: str, values: Iterable[Sequence[Any]]) -> None:
        """One statement for many values."""
        from sqlalchemy import text

        rows = [_named(row) for row in values]
        if rows:
            self.connection.execute(text(self._translated(query)), rows)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        found = self.execute(query, values).fetchall()
        return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found]

    def _translated(self, query: str) -> str:
        if query.lstrip().startswith(("CREATE", "--")):
            for ours, theirs in _TYPES.items():
                query = query.replace(ours, theirs)
        query = _TABLE.sub(rf'\1 "{self._schema}".\2', query)
        parts = query.split("?")
        return parts[0] + "".join(f":p{i}{part}" for i, part in enumerate(parts[1:]))


class DatabaseJournal(Journal):
    """The journal of one collection, in a database."""

    def __init__(
        self,
        place: DatabasePlace,
        *,
        kind: str,
        fingerprint: str,
        dim: int,
        dtype: np.dtype[Any],
        also: Path | None = None,
    ) -> None:
        """Open the journal, or make a new one; the arguments are those of `Journal`.

        Raises:
            JournalError: The database cannot be reached, or the journal belongs to another collection.
        """
        self.place, self.path, self.dtype, self.process = place, place, dtype, os.getpid()
        self._made_with = {"kind": kind, "fingerprint": fingerprint, "dim": dim, "dtype": dtype, "also": also}
        self._mutex = threading.RLock()
        self._locks = [] if also is None else [FileLock(also, mode=0o600)]
        self._holding: Connection | None = None
        self._current: Statements | None = None
        self._owner, self._depth = 0, 0
        about = {"version": str(VERSION), "kind": kind, "fingerprint": fingerprint, "dim": str(dim), "dtype": dtype.str}
        with self.transaction() as statements:
            statements.execute("SELECT pg_advisory_xact_lock(?)", (self._key ^ 1,))  # who makes it as well waits
            if not self.has("meta"):
                statements.execute(f'CREATE SCHEMA IF NOT EXISTS "{place.schema}"')
                for statement in [*SCHEMA.split(";\n"), *LATER.values()]:
                    statements.execute(statement)
                statements.executemany(META, {**about, "id": uuid4().hex}.items())
        self._check(about)

    def close(self) -> None:
        """Close what is open."""
        if self._holding is not None:
            self._holding.close()

    def again(self) -> Self:
        """The same journal, opened once more."""
        self.place.engine.dispose(close=False)  # of connections that belong to the process before
        return type(self)(self.place, **self._made_with)  # type: ignore[arg-type]

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return bool(
            self.rows("SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = ?", (self.place.schema, table))
        )

    def compact(self) -> None:
        """PostgreSQL does it by itself."""

    @property
    def _key(self) -> int:
        digest = blake2b(f"nudge {self.place.schema}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the collection for one thread of one process, on whatever machine; may be nested."""
        with ExitStack() as held:
            with self._mutex:
                if self._depth and self._owner != threading.get_ident():
                    self._refuse(purpose)
                if not self._depth:
                    self._hold(purpose)
                self._owner, self._depth = threading.get_ident(), self._depth + 1
            held.callback(self._release)
            for lock in self._locks:
                self._acquire(lock, purpose)
                held.callback(lock.release)
            if self._depth == 1:
                self.note_meta("holder", f"{holder(purpose)} (begun {now()})")
            yield

    def _hold(self, purpose: str) -> None:
        with self._guard():
            connection = _connected(self.place)
            try:
                with connection.begin():
                    statements = Statements(connection, self.place.schema)
                    # a server that waits for a machine without power for two hours, as by default, holds its lock as long
                    for name, seconds in (("idle", 30), ("interval", 10), ("count", 3)):
                        statements.execute("SELECT set_config(?, ?, FALSE)", (f"tcp_keepalives_{name}", str(seconds)))
                    free = statements.rows("SELECT pg_try_advisory_lock(?)", (self._key,))[0][0]
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
        if not free:
            connection.close()
            self._refuse(purpose)
        self._holding = connection

    def _refuse(self, purpose: str) -> None:
        who = self.meta().get("holder", "another process")
        raise LockedError(
            f"{who} on this collection since its last start, so {purpose} cannot begin: wait until it has ended, or stop it (journal {self.place})"
        )

    def _release(self) -> None:
        with self._mutex:
            self._depth -= 1
            connection = self._holding
            if self._depth or connection is None:
                return
            self._holding = None
            try:
                with connection.begin():
                    Statements(connection, self.place.schema).execute("SELECT pg_advisory_unlock(?)", (self._key,))
            except Exception:  # noqa: BLE001  # it is gone, and the lock with it
                connection.invalidate()
            finally:
                connection.close()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with self._mutex, _told(self.place):
            yield

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """All or nothing, also when the process is killed. While the collection is held all goes over the session that holds it."""
        with self._guard():
            if self._current is not None:
                yield self._current
                return
            connection = self._holding or _connected(self.place)
            try:
                with connection.begin() as begun:
                    self._current = Statements(connection, self.place.schema)
                    yield self._current
                    begun.commit()
            finally:
                self._current = None
                if connection is not self._holding:
                    connection.close()

    @contextmanager
    def together(self, target: object) -> Iterator[None]:
        """What is written to the store and to the journal in one transaction, where both are in one database."""
        within = getattr(target, "within", None)
        if not self.place.joined or within is None:
            yield
            return
        try:
            with self.transaction() as statements, within(statements.connection):
                try:
                    yield
                except Exception as error:
                    raise _OfStoreError(error) from error
        except _OfStoreError as error:
            raise error.args[0] from error.args[0].__cause__

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self.transaction() as statements:
            return statements.rows(query, values)  # type: ignore[no-any-return]


class _OfStoreError(Exception):
    """An error of what is written to the store, which is not to be told as one of the journal."""


@contextmanager
def _told(place: DatabasePlace) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise JournalError(
            f"the journal {place} cannot be used ({said[0] if said else type(error).__name__}): see that the database is up, and that its user may "
            "create schemas, or choose another place with journal=…. Nothing is written to a store without its journal"
        ) from error


def _connected(place: DatabasePlace) -> Connection:
    """A connection that commits when it is told, also where the application's commit each statement."""
    return place.engine.connect().execution_options(isolation_level="READ COMMITTED")


def _named(values: Sequence[Any]) -> Mapping[str, Any]:
    return {f"p{i}": value for i, value in enumerate(values)}
