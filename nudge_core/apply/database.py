"""A journal in a PostgreSQL database: several machines share it and its lock, and a dump of the database holds it.

Each journal is a schema of its own. Its lock is an advisory lock of the session, which the server takes back when the process or its machine is gone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from filelock import FileLock

from nudge_core.apply.file import LATER, META, SCHEMA, VERSION, holder, now
from nudge_core.apply.journal import Journal
from nudge_core.apply.server import DatabasePlace, Statements, connected, told_as_ours
from nudge_core.errors import LockedError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from typing_extensions import Self


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
            connection = connected(self.place)
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
        with self._mutex, told_as_ours(self.place):
            yield

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """All or nothing, also when the process is killed. While the collection is held all goes over the session that holds it."""
        with self._guard():
            if self._current is not None:
                yield self._current
                return
            connection = self._holding or connected(self.place)
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
