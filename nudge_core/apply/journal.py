"""Journal: one SQLite file a collection that knows every original vector, every run, and how far it came."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import blake2b
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from nudge_core.apply.records import Run, State
from nudge_core.apply.schema import SCHEMA, VERSION
from nudge_core.errors import JournalError, LockedError, UnfinishedRunError


@dataclass(frozen=True)
class Change:
    """What a run wants for one document; the vectors by their hashes."""

    id: str
    original: bytes
    old: bytes
    new: bytes


class Journal:
    """The journal of one collection.

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
        self._lock = FileLock(f"{self.path}.lock")
        about = {"version": str(VERSION), "kind": kind, "fingerprint": fingerprint, "dim": str(dim), "dtype": dtype.str}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
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

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r}, runs={len(self.runs())})"

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def again(self) -> Journal:
        """The same journal, opened once more."""
        return Journal(self.path, **self._made_with)  # type: ignore[arg-type]

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
        words = {
            "version": "a journal of version",
            "kind": "the journal of a store of kind",
            "fingerprint": "the journal of collection",
        }
        for key, value in about.items():
            if held.get(key) != value:
                what = words.get(key, f"the journal of vectors with {key}")
                raise JournalError(
                    f"{str(self.path)!r} is {what} {held.get(key)!r}, this is {value!r}: the collection was made anew or embedded by another "
                    f"model since, or the journal is that of another one. {_ELSEWHERE.capitalize()}; keep this one if you need its originals"
                )

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the collection for one thread of one process; may be nested.

        Raises:
            LockedError: Another one holds it; the message names it.
        """
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
                self.execute("INSERT OR REPLACE INTO meta VALUES ('holder', ?)", [(f"{who} (begun {_now()})",)])
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with self._mutex:
                yield
        except sqlite3.DatabaseError as error:
            remedy = (
                "free some space, or choose"
                if "full" in str(error)
                else "check the file and its permissions, or choose"
            )
            raise JournalError(
                f"the journal {str(self.path)!r} cannot be used ({error}): {remedy} another place with journal=…. Nothing is written to a store "
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

    def execute(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """One statement for many values, in one transaction."""
        with self.transaction() as connection:
            connection.executemany(statement, values)

    # Vectors and documents

    def hash(self, vector: NDArray[Any]) -> bytes:
        """The hash of the bits of a vector."""
        return hash_of(vector.astype(self.dtype, copy=False))

    def documents(self) -> dict[str, tuple[bytes, bytes]]:
        """{id: (hash of the original vector, hash of the one that the last run left)}; both empty where a document was forgotten."""
        return {
            name: (original, current)
            for name, original, current in self.rows("SELECT id, original, current FROM documents")
        }

    def vectors(self, hashes: Iterable[bytes]) -> dict[bytes, NDArray[Any]]:
        """{hash: (dim,) vector}.

        Raises:
            JournalError: The file is damaged: a vector is not there, or is not what its hash says.
        """
        wanted = list(set(hashes))
        found: dict[bytes, NDArray[Any]] = {}
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows = self.rows(f"SELECT hash, value FROM vectors WHERE hash IN ({marks})", part)  # noqa: S608  # marks only
            found |= {name: np.frombuffer(value, self.dtype) for name, value in rows}
        if any(one not in found or hash_of(found[one]) != one for one in wanted):
            raise JournalError(
                f"the journal {str(self.path)!r} is damaged: it does not hold a vector that it speaks of. Put a backup of the file in its place"
            )
        return found

    def knows_documents(self) -> bool:
        """Whether any run was begun."""
        return bool(self.rows("SELECT 1 FROM documents LIMIT 1"))

    def forget(self, ids: Iterable[str]) -> None:
        """Documents that were added anew or deleted: nothing more is told of them, unless one turns up that holds what a run wrote."""
        self.execute("UPDATE documents SET original = x'', current = x'' WHERE id = ?", [(name,) for name in ids])

    # Runs

    def runs(self) -> list[Run]:
        """All runs, the first first."""
        found = self.rows(
            "SELECT number, kind, state, started, finished, count(id), coalesce(sum(written), 0), settings "
            "FROM runs LEFT JOIN changes ON run = number GROUP BY number ORDER BY number"
        )
        return [
            Run(n, kind, state, begun, ended, docs, done, json.loads(made))
            for n, kind, state, begun, ended, docs, done, made in found
        ]

    def unfinished(self) -> Run | None:
        """The run that was interrupted, if there is one."""
        return next((run for run in reversed(self.runs()) if run.state == "writing"), None)

    def refuse_unfinished(self) -> None:
        """Go on only where every run has ended.

        Raises:
            UnfinishedRunError: One has not.
        """
        run = self.unfinished()
        if run is not None:
            raise UnfinishedRunError(
                f"run {run.number} ({run.kind}, begun {run.started}) was interrupted after {run.written} of {run.documents} documents: call "
                'recover("forward") to finish it, or recover("back") to undo it'
            )

    def begin(
        self, kind: str, changes: Sequence[Change], vectors: Mapping[bytes, NDArray[Any]], settings: Mapping[str, Any]
    ) -> int:
        """Put a run with all its vectors on disk, before anything is written to the store; the number of the run."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)", ((h, v.tobytes()) for h, v in vectors.items())
            )
            number = connection.execute(
                "INSERT INTO runs (kind, state, started, settings) VALUES (?, 'writing', ?, ?)",
                (kind, _now(), json.dumps(settings)),
            ).lastrowid
            connection.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)",
                ((number, c.id, c.original, c.old, c.new, int(c.old == c.new)) for c in changes),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", ((c.id, c.original, c.old) for c in changes)
            )
        return int(number or 0)

    def changes(self, run: int) -> list[Change]:
        """What a run wants, in the order of ids."""
        return [
            Change(*row)
            for row in self.rows("SELECT id, original, old, new FROM changes WHERE run = ? ORDER BY id", (run,))
        ]

    def written(self, name: str) -> list[tuple[bytes, bytes]]:
        """(original, new) of every run that wanted to move a document, the last first."""
        return self.rows(
            "SELECT original, new FROM runs CROSS JOIN changes ON run = number WHERE id = ? AND new <> original ORDER BY run DESC",
            (name,),
        )

    def mark(self, run: int, ids: Iterable[str]) -> None:
        """Note that these documents were written."""
        self.execute("UPDATE changes SET written = 1 WHERE run = ? AND id = ?", [(run, name) for name in ids])

    def finish(self, run: int, state: State, current: Mapping[str, bytes]) -> None:
        """End a run, and note what stands in the store now; also of documents that were forgotten while it was under way."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO documents SELECT id, original, ? FROM changes WHERE run = ? AND id = ?",
                ((h, run, name) for name, h in current.items()),
            )
            connection.execute("UPDATE runs SET state = ?, finished = ? WHERE number = ?", (state, _now(), run))


def _close(connection: sqlite3.Connection, process: int) -> None:
    if os.getpid() == process:  # SQLite forbids to touch, in a process that was forked, what was open before
        connection.close()


def hash_of(vector: NDArray[Any]) -> bytes:
    """16 bytes that tell a vector from every other."""
    return blake2b(np.ascontiguousarray(vector).tobytes(), digest_size=16).digest()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


_ELSEWHERE = "choose another place with journal=…"
