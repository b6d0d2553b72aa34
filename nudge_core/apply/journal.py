"""Journal: one SQLite file a collection that knows every original vector, every run, and how far it came."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.file import JournalFile, now
from nudge_core.apply.records import Run, State
from nudge_core.errors import JournalError, UnfinishedRunError

REMEDY = 'recover("finish") finishes it, recover("rollback") undoes it'
"""What to do with a run that was interrupted."""

_VECTORS = "INSERT OR IGNORE INTO vectors VALUES (?, ?)"
_DOCUMENTS = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)"


@dataclass(frozen=True)
class Change:
    """What a run wants for one document; the vectors by their hashes."""

    id: str
    original: bytes
    old: bytes
    new: bytes


class Journal(JournalFile):
    """The journal of one collection: its documents, their vectors, and the runs over them."""

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r}, runs={len(self.runs())})"

    # Vectors and documents

    def hash(self, vector: NDArray[Any]) -> bytes:
        """The hash of the bits of a vector."""
        return hash_of(vector.astype(self.dtype, copy=False))

    def documents(self) -> dict[str, tuple[bytes, bytes]]:
        """{id: (hash of the original vector, hash of the one that the last run left)}; both empty where a document was forgotten."""
        return {name: (first, last) for name, first, last in self.rows("SELECT id, original, current FROM documents")}

    def vectors(self, hashes: Iterable[bytes]) -> dict[bytes, NDArray[Any]]:
        """{hash: (dim,) vector}."""
        wanted = list(set(hashes))
        rows = self.rows_of("SELECT hash, value FROM vectors WHERE hash IN ({})", wanted)
        found: dict[bytes, NDArray[Any]] = {name: np.frombuffer(value, self.dtype) for name, value in rows}
        if any(one not in found or hash_of(found[one]) != one for one in wanted):
            raise JournalError(
                f"the journal {str(self.path)!r} is damaged: it does not hold a vector that it speaks of. Put a backup of the file in its place"
            )
        return found

    def knows_documents(self) -> bool:
        """Whether any run was begun."""
        return bool(self.rows("SELECT 1 FROM documents LIMIT 1"))

    def forget(self, ids: Iterable[str]) -> None:
        """Forget re-added or deleted documents, unless one still holds a vector that a run wrote."""
        self.execute("UPDATE documents SET original = x'', current = x'' WHERE id = ?", [(name,) for name in ids])

    def disown(self, ids: Iterable[str]) -> None:
        """Forget documents of which no run is to say what they hold: they are as if never written."""
        for statement in ("DELETE FROM changes WHERE id = ?", "DELETE FROM documents WHERE id = ?"):
            self.execute(statement, [(name,) for name in ids])

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

    def run(self, number: int) -> Run | None:
        """One run, if there is one of this number."""
        return next((run for run in self.runs() if run.number == number), None)

    def unfinished(self) -> Run | None:
        """The run that was interrupted, if there is one."""
        return next((run for run in reversed(self.runs()) if run.state == "writing"), None)

    def refuse_unfinished(self) -> None:
        """Go on only where every run has ended."""
        run = self.unfinished()
        if run is not None:
            raise UnfinishedRunError(
                f"run {run.number} ({run.kind}, begun {run.started}) was interrupted after {run.written} of {run.documents} documents: "
                f"{REMEDY}"
            )

    def begin(
        self, kind: str, changes: Sequence[Change], vectors: Mapping[bytes, NDArray[Any]], settings: Mapping[str, Any]
    ) -> int:
        """Put a run with all its vectors on disk, before anything is written to the store; the number of the run."""
        begin = "INSERT INTO runs (kind, state, started, settings) VALUES (?, 'writing', ?, ?)"
        with self.transaction() as connection:
            connection.executemany(_VECTORS, ((h, v.tobytes()) for h, v in vectors.items()))
            number = connection.execute(begin, (kind, now(), json.dumps(settings))).lastrowid
            planned = ((number, c.id, c.original, c.old, c.new, int(c.old == c.new)) for c in changes)
            connection.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)", planned)
            connection.executemany(_DOCUMENTS, ((c.id, c.original, c.old) for c in changes))
        return int(number or 0)

    def amend(self, run: int, changes: Sequence[Change], vectors: Mapping[bytes, NDArray[Any]]) -> None:
        """Put more documents into a run that has ended, before they are written to the store."""
        with self.transaction() as connection:
            connection.executemany(_VECTORS, ((h, v.tobytes()) for h, v in vectors.items()))
            written = ((run, c.id, c.original, c.old, c.new) for c in changes)
            connection.executemany("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, 1)", written)
            connection.executemany(_DOCUMENTS, ((c.id, c.original, c.new) for c in changes))

    def note(self, current: Mapping[str, bytes]) -> None:
        """Note what documents hold now."""
        self.execute("UPDATE documents SET current = ? WHERE id = ?", [(h, name) for name, h in current.items()])

    def changes(self, run: int) -> list[Change]:
        """What a run wants, in the order of ids."""
        query = "SELECT id, original, old, new FROM changes WHERE run = ? ORDER BY id"
        return [Change(*row) for row in self.rows(query, (run,))]

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
            connection.execute("UPDATE runs SET state = ?, finished = ? WHERE number = ?", (state, now(), run))


def hash_of(vector: NDArray[Any]) -> bytes:
    """16 bytes that tell a vector from every other."""
    return blake2b(np.ascontiguousarray(vector).tobytes(), digest_size=16).digest()


def vectors_known(
    path: Path,
    fetch: Callable[[list[str]], Mapping[str, NDArray[Any]]],
    fingerprint: str,
    *,
    enough: int = 50,
    page: int = 1000,
) -> int:
    """How many documents of a store hold a vector that a run of this journal wrote, or any vector of it where a run was interrupted.

    A store that holds originals only needs no journal, and may be another one with the same documents. The count ends at `enough`; it is 0 for
    a file that is no journal, or that of another collection or version. `fetch` gives the vectors of the store by id, of a page at a time.
    """
    count, last = 0, ""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
            if dict(connection.execute("SELECT key, value FROM meta")).get("fingerprint") != fingerprint:
                return 0
            cut = connection.execute("SELECT 1 FROM runs WHERE state = 'writing'").fetchone() is not None
            while count < enough:
                query = "SELECT id, original FROM documents WHERE id > ? ORDER BY id LIMIT ?"
                originals = dict(connection.execute(query, (last, page)))
                if not originals:
                    break
                last = list(originals)[-1]
                for name, vector in fetch(list(originals)).items():
                    held = hash_of(vector)
                    if cut or held != originals[name]:
                        known = connection.execute("SELECT 1 FROM vectors WHERE hash = ?", (held,)).fetchone()
                        count += known is not None
    except sqlite3.DatabaseError:
        return 0
    return count
