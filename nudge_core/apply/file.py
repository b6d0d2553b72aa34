"""The file of a journal: an SQLite database that belongs to one collection, and is held by one thread of one process while it is written."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np
from filelock import FileLock, Timeout

from nudge_core.errors import JournalError, LockedError

if TYPE_CHECKING:
    from typing_extensions import Self

_ELSEWHERE = "choose another place with journal=…"

VERSION = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- every vector once, by the hash of its bytes
CREATE TABLE vectors (hash BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL);
-- every document that a run ever concerned: its original vector, and the one that the last run left; both empty once it is forgotten
CREATE TABLE documents (id TEXT PRIMARY KEY, original BLOB NOT NULL, current BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT, settings TEXT NOT NULL
);
-- what a run wants: the whole state that it leaves, unchanged documents included
CREATE TABLE changes (
    run INTEGER NOT NULL, id TEXT NOT NULL, original BLOB NOT NULL, old BLOB NOT NULL, new BLOB NOT NULL, written INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
-- what people said of single answers, and questions that were embedded before
CREATE TABLE feedback (
    question TEXT NOT NULL, document TEXT NOT NULL, relevant INTEGER NOT NULL, given TEXT NOT NULL, PRIMARY KEY (question, document)
) WITHOUT ROWID;
CREATE TABLE models (number INTEGER PRIMARY KEY, name TEXT NOT NULL, probe BLOB NOT NULL);
CREATE TABLE questions (model INTEGER NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, text));
"""
"""Tables that hold vectors keep them out of the tree of their keys, where a large row takes pages of its own."""

LATER = {
    "maps": "CREATE TABLE IF NOT EXISTS maps (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "learned": "CREATE TABLE IF NOT EXISTS learned (question BLOB PRIMARY KEY) WITHOUT ROWID",
    "learned_about": "CREATE TABLE IF NOT EXISTS learned_about (document TEXT PRIMARY KEY) WITHOUT ROWID",
}
"""Tables that came later: a journal of this version has each of them from its first use on."""


class JournalFile:
    """The file of the journal of one collection.

    It is on disk before anything is written to the store, and every step of a run is one transaction of it, so that a process which is killed
    at any moment leaves a journal that tells what to do.

    Attributes:
        path: The file. Beside it stands PATH.lock while the journal is in use.
        dtype: The number type of the vectors.
        process: The number of the process that opened it; one that is forked from it opens it `again`.
    """

    def __init__(self, path: str | Path, *, kind: str, fingerprint: str, dim: int, dtype: np.dtype[Any]) -> None:
        """Open the journal, or make a new one.

        Args:
            path: The file; its folder is made if it is not there.
            kind: The kind of store, for example "Chroma".
            fingerprint: What tells the collection from others.
            dim: Dimension of its vectors.
            dtype: Their number type.

        Raises:
            JournalError: The file cannot be opened or made, is no journal, or belongs to another collection.
        """
        self.path, self.dtype, self.process = Path(path), dtype, os.getpid()
        self._made_with = {"kind": kind, "fingerprint": fingerprint, "dim": dim, "dtype": dtype}
        self._mutex = threading.RLock()
        self._lock = FileLock(f"{self.path}.lock", mode=0o600)
        about = {"version": str(VERSION), "kind": kind, "fingerprint": fingerprint, "dim": str(dim), "dtype": dtype.str}
        try:
            self.path.parent.mkdir(
                mode=0o700, parents=True, exist_ok=True
            )  # users' questions are nobody else's business
            if not self.path.exists():
                self.path.touch(mode=0o600)
        except OSError as error:
            raise JournalError(
                f"the folder of the journal {str(self.path)!r} cannot be made ({error}): {_ELSEWHERE}"
            ) from error
        with self._guard():
            self.connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        finalize(self, _close, self.connection, self.process)
        try:
            with self._guard():
                self.connection.execute("PRAGMA synchronous = FULL")
            with self.transaction():
                self._make(about)
            self._check(about)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def again(self) -> Self:
        """The same journal, opened once more."""
        return type(self)(self.path, **self._made_with)  # type: ignore[arg-type]

    def _make(self, about: Mapping[str, str]) -> None:
        if self.rows("SELECT 1 FROM sqlite_master WHERE name = 'meta'"):
            return
        if self.rows("SELECT 1 FROM sqlite_master"):
            raise JournalError(f"{str(self.path)!r} is a database of something else: {_ELSEWHERE}")
        for statement in SCHEMA.split(";\n"):
            self.connection.execute(statement)
        self.connection.executemany("INSERT INTO meta VALUES (?, ?)", about.items())

    def _check(self, about: Mapping[str, str]) -> None:
        held = dict(self.rows("SELECT key, value FROM meta"))
        words = {"version": "a journal of version", "kind": "the journal of a store of kind"}
        words["fingerprint"] = "the journal of collection"
        for key, value in about.items():
            if held.get(key) != value:
                what = words.get(key, f"the journal of vectors with {key}")
                raise JournalError(
                    f"{str(self.path)!r} is {what} {held.get(key)!r}, this is {value!r}: the collection was made anew or embedded by another "
                    f"model since, or the journal is that of another one. {_ELSEWHERE.capitalize()}; keep this one if you need its originals"
                )

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the collection for one thread of one process; may be nested."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            holder = dict(self.rows("SELECT key, value FROM meta")).get("holder", "another process")
            raise LockedError(
                f"{holder} on this collection since its last start, so {purpose} cannot begin: wait until it has ended, or stop it "
                f"(journal {str(self.path)!r})"
            ) from None
        except OSError as error:
            raise JournalError(f"{str(self.path)!r}.lock cannot be made ({error}): {_ELSEWHERE}") from error
        try:
            if self._lock.lock_counter == 1:
                who = f"process {os.getpid()} on {socket.gethostname()} does {purpose!r}"
                self.execute("INSERT OR REPLACE INTO meta VALUES ('holder', ?)", [(f"{who} (begun {now()})",)])
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with self._mutex:
                yield
        except sqlite3.DatabaseError as error:
            remedy = "free some space" if "full" in str(error) else "check the file and its permissions"
            raise JournalError(
                f"the journal {str(self.path)!r} cannot be used ({error}): {remedy}, or {_ELSEWHERE}. Nothing is written to a store "
                "without its journal"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, also when the process is killed."""
        with self._guard():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._guard():
            return self.connection.execute(query, values).fetchall()

    def rows_of(self, query: str, keys: Sequence[Any], before: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """What a query finds that has `IN ({})` for keys at its end, asked for some of them at a time."""
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            yield from self.rows(query.format(", ".join("?" * len(part))), (*before, *part))

    def execute(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """One statement for many values, in one transaction."""
        with self.transaction() as connection:
            connection.executemany(statement, values)


def _close(connection: sqlite3.Connection, process: int) -> None:
    if os.getpid() == process:  # SQLite forbids to touch, in a process that was forked, what was open before
        connection.close()


def now() -> str:
    """This moment in ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
