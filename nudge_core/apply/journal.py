"""Journal: one SQLite file a collection that knows every original vector, every run, and how far it came."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.file import JournalFile, now
from nudge_core.apply.records import Run, State
from nudge_core.errors import JournalError, UnfinishedRunError

REMEDY = 'recover("finish") finishes it, recover("rollback") undoes it'
"""What to do with a run that was interrupted."""

# ruff: noqa: S608  # statements are made of these constants
_VECTORS = "INSERT INTO vectors VALUES (?, ?) ON CONFLICT DO NOTHING"
_AFRESH = "ON CONFLICT (id) DO UPDATE SET original = excluded.original, current = excluded.current"
_DOCUMENTS = f"INSERT INTO documents VALUES (?, ?, ?) {_AFRESH}"


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
        self.execute("UPDATE documents SET original = ?, current = ? WHERE id = ?", [(b"", b"", name) for name in ids])

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
        runs = []
        for number, kind, state, begun, ended, documents, written, made in found:
            settings = json.loads(made)
            counts = settings.get("pruned", {"documents": int(documents), "written": int(written)})
            runs.append(Run(number, kind, state, begun, ended, **counts, settings=settings))
        return runs

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
        begin = "INSERT INTO runs (number, kind, state, started, settings) VALUES (?, ?, 'writing', ?, ?)"
        with self.transaction() as connection:
            connection.executemany(_VECTORS, ((h, v.tobytes()) for h, v in vectors.items()))
            number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM runs").fetchone()[0]
            connection.execute(begin, (number, kind, now(), json.dumps(settings)))
            planned = ((number, c.id, c.original, c.old, c.new, int(c.old == c.new)) for c in changes)
            connection.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)", planned)
            connection.executemany(_DOCUMENTS, ((c.id, c.original, c.old) for c in changes))
        return int(number)

    def amend(self, run: int, changes: Sequence[Change], vectors: Mapping[bytes, NDArray[Any]]) -> None:
        """Put more documents into a run that has ended, before they are written to the store."""
        with self.transaction() as connection:
            connection.executemany(_VECTORS, ((h, v.tobytes()) for h, v in vectors.items()))
            written = ((run, c.id, c.original, c.old, c.new) for c in changes)
            connection.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (run, id) "
                "DO UPDATE SET original = excluded.original, old = excluded.old, new = excluded.new, written = 1",
                written,
            )
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
            "SELECT original, new FROM changes WHERE run IN (SELECT number FROM runs) AND id = ? AND new <> original ORDER BY run DESC",
            (name,),
        )

    def original_of_past(self, name: str, held: bytes) -> bytes | None:
        """The hash of the original of a document that holds what a run wrote which was pruned since; None where none did."""
        if not self.has("past"):
            return None
        found = self.rows("SELECT original FROM past WHERE id = ? AND held = ?", (name, held))
        return found[0][0] if found else None

    def mark(self, run: int, ids: Iterable[str]) -> None:
        """Note that these documents were written."""
        self.execute("UPDATE changes SET written = 1 WHERE run = ? AND id = ?", [(run, name) for name in ids])

    def finish(self, run: int, state: State, current: Mapping[str, bytes]) -> None:
        """End a run, and note what stands in the store now; also of documents that were forgotten while it was under way."""
        with self.transaction() as connection:
            connection.executemany(
                f"INSERT INTO documents SELECT id, original, ? FROM changes WHERE run = ? AND id = ? {_AFRESH}",
                ((h, run, name) for name, h in current.items()),
            )
            connection.execute("UPDATE runs SET state = ?, finished = ? WHERE number = ?", (state, now(), run))


def hash_of(vector: NDArray[Any]) -> bytes:
    """16 bytes that tell a vector from every other."""
    return blake2b(np.ascontiguousarray(vector).tobytes(), digest_size=16).digest()
