"""A PostgreSQL database that holds journals: how it is reached, which there are, and its dialect of the journal's SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nudge_core.apply.belonging import Rows
from nudge_core.errors import InputError, JournalError, MissingExtraError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

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
        place = f"postgresql://{url.host or url.query.get('host') or ''}/{url.database or ''}"
        return f"{place}, schema {self.schema}" if self.schema else place

    def exists(self) -> bool:
        """Whether there is a journal."""
        with self.reading() as rows:
            query = "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'meta'"
            return bool(rows(query, (self.schema,)))

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """Read what may be a journal, without making one."""
        with told_as_ours(self), connected(self) as connection:
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
    if not parts.database and not {"service", "dbname"} & set(parts.query):
        raise InputError(
            f"journal is {parts.render_as_string()!r}, which names no database; expected postgresql://user@host/database"
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


@contextmanager
def told_as_ours(place: DatabasePlace) -> Iterator[None]:
    """Say what goes wrong in the database as an error of the journal."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise JournalError(
            f"the journal {place} cannot be used ({said[0] if said else type(error).__name__}): see that the database is up, and that its user may "
            "create schemas, or choose another place with journal=…. Nothing is written to a store without its journal"
        ) from error


def connected(place: DatabasePlace) -> Connection:
    """A connection that commits when it is told, also where the application's commit each statement."""
    return place.engine.connect().execution_options(isolation_level="READ COMMITTED")


def _named(values: Sequence[Any]) -> Mapping[str, Any]:
    return {f"p{i}": value for i, value in enumerate(values)}
