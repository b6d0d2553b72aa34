"""The file of a journal: an SQLite database that belongs to one collection, and is held by one thread of one process while it is written."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import finalize

import numpy as np
from filelock import BaseFileLock, FileLock, Timeout

from nudge_core.errors import JournalError, LockedError

if TYPE_CHECKING:
    from typing_extensions import Self

ELSEWHERE = "choose another place with journal=…"

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

META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"

LATER = {
    "maps": "CREATE TABLE IF NOT EXISTS maps (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "learned": "CREATE TABLE IF NOT EXISTS learned (question BLOB PRIMARY KEY) WITHOUT ROWID",
    "learned_about": "CREATE TABLE IF NOT EXISTS learned_about (document TEXT PRIMARY KEY) WITHOUT ROWID",
    "past": "CREATE TABLE IF NOT EXISTS past (id TEXT NOT NULL, held BLOB NOT NULL, original BLOB NOT NULL, run INTEGER NOT NULL, "
    "PRIMARY KEY (id, held)) WITHOUT ROWID",
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

    def __init__(
        self, path: str | Path, *, kind: str, fingerprint: str, dim: int, dtype: np.dtype[Any], also: Path | None = None
    ) -> None:
        """Open the journal, or make a new one.

        Args:
            path: The file, perhaps by way of links; its folder is made if it is not there.
            kind: The kind of store, for example "Chroma".
            fingerprint: What tells the collection from others.
            dim: Dimension of its vectors.
            dtype: Their number type.
            also: A file that is locked as well: the lock of the collection, whichever journal it is written with.

        Raises:
            JournalError: The file cannot be opened or made, is empty or no journal, or belongs to another collection.
        """
        self.path: Any = Path(path)  # or the place in a database
        self.dtype, self.process = dtype, os.getpid()
        self._made_with = {"kind": kind, "fingerprint": fingerprint, "dim": dim, "dtype": dtype, "also": also}
        self._mutex = threading.RLock()
        about = {"version": str(VERSION), "kind": kind, "fingerprint": fingerprint, "dim": str(dim), "dtype": dtype.str}
        try:
            file = self.path.resolve()
            # users' questions are nobody else's business
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            raise JournalError(
                f"the folder of the journal {str(self.path)!r} cannot be made ({error}): {ELSEWHERE}"
            ) from error
        if file.is_dir():
            raise JournalError(
                f"{str(self.path)!r} is a folder, and a journal is a file: name one in it, journal={str(self.path / 'originals.sqlite')!r}, or "
                f"{ELSEWHERE}"
            )
        with self._guard():
            if not file.exists():
                _make(file, {**about, "id": uuid4().hex})
        _keep_private(file)
        if file.is_file() and not file.stat().st_size:
            raise JournalError(
                f"the journal {str(self.path)!r} is empty, so that it knows no original: put a backup of it in its place, or delete it to begin a "
                "new one, for which what the store holds now is original"
            )
        self._locks = [FileLock(name, mode=0o600) for name in (f"{file}.lock", also) if name is not None]
        with self._guard():
            self.connection = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
        finalize(self, _close, self.connection, self.process)
        try:
            with self._guard():
                self.connection.execute("PRAGMA synchronous = FULL")
            if not self.has("meta"):
                raise JournalError(f"{str(self.path)!r} is a database of something else: {ELSEWHERE}")
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

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)))

    def meta(self) -> dict[str, str]:
        """What the journal says of itself."""
        return dict(self.rows("SELECT key, value FROM meta"))

    def compact(self) -> None:
        """Give the room of what was deleted back to the disk; where that takes more room than there is, later runs use it."""
        with self._guard(), suppress(sqlite3.OperationalError):
            self.connection.execute("VACUUM")

    def note_meta(self, key: str, value: str) -> None:
        """Say something more of the journal."""
        self.execute(META, [(key, value)])

    @property
    def id(self) -> str:
        """What tells this journal, and copies of it, from all others."""
        if "id" not in self.meta():  # an older one
            self.execute("INSERT INTO meta VALUES ('id', ?) ON CONFLICT DO NOTHING", [(uuid4().hex,)])
        return self.meta()["id"]

    def _check(self, about: Mapping[str, str]) -> None:
        held = self.meta()
        version = held.get("version", "")
        if version.isdecimal() and int(version) > VERSION:
            raise JournalError(
                f"{str(self.path)!r} is a journal of version {version}, and this program knows {VERSION} and older: install the nudge-integrations "
                "that wrote it, or a newer one. Nothing was changed"
            )
        words = {"version": "a journal of version", "kind": "the journal of a store of kind"}
        words["fingerprint"] = "the journal of collection"
        for key, value in about.items():
            if held.get(key) != value:
                what = words.get(key, f"the journal of vectors with {key}")
                raise JournalError(
                    f"{str(self.path)!r} is {what} {held.get(key)!r}, this is {value!r}: the collection was made anew or embedded by another "
                    f"model since, or the journal is that of another one. {ELSEWHERE.capitalize()}; keep this one if you need its originals"
                )

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the collection for one thread of one process; may be nested."""
        with ExitStack() as held:
            for lock in self._locks:
                self._acquire(lock, purpose)
                held.callback(lock.release)
            if self._locks[0].lock_counter == 1:
                self.note_meta("holder", f"{holder(purpose)} (begun {now()})")
            yield

    def _acquire(self, lock: BaseFileLock, purpose: str) -> None:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = self.meta().get("holder", "another process")
            if lock is not self._locks[0]:
                who = "another process, with another journal, is at work"
            raise LockedError(
                f"{who} on this collection since its last start, so {purpose} cannot begin: wait until it has ended, or stop it "
                f"(journal {str(self.path)!r})"
            ) from None
        except OSError as error:
            raise JournalError(f"{str(lock.lock_file)!r} cannot be made ({error}): {ELSEWHERE}") from error

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with self._mutex:
                yield
        except JournalError:
            raise
        except (sqlite3.DatabaseError, OSError) as error:
            remedy = "free some space" if "full" in str(error) else "check the file and its permissions"
            raise JournalError(
                f"the journal {str(self.path)!r} cannot be used ({error}): {remedy}, or {ELSEWHERE}. Nothing is written to a store "
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

    @contextmanager
    def together(self, target: object) -> Iterator[None]:  # noqa: ARG002  # one in a database needs it
        """What is written to the store and to the journal as one, where that can be."""
        yield

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


def _make(file: Path, about: Mapping[str, str]) -> None:
    """A new journal, which is there as a whole or not at all; that of another process if it was quicker."""
    draft = file.with_name(f"{file.name}.{uuid4().hex}.new")
    try:
        draft.touch(mode=0o600)
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.executemany(META, about.items())
            connection.execute("COMMIT")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)


def _keep_private(file: Path) -> None:
    """Take from others what older versions gave them. Where the group may write, somebody wants to share the journal with it."""
    for path in (file, Path(f"{file}.lock")):
        with suppress(OSError):  # it belongs to another user, say, who shares it
            mode = path.stat().st_mode
            path.chmod(mode & (0o770 if mode & 0o020 else 0o700))


def holder(purpose: str) -> str:
    """Who does something, in words."""
    return f"process {os.getpid()} on {socket.gethostname()} does {purpose!r}"


def _close(connection: sqlite3.Connection, process: int) -> None:
    if os.getpid() == process:  # SQLite forbids to touch, in a process that was forked, what was open before
        connection.close()


def now() -> str:
    """This moment in ISO 8601, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
