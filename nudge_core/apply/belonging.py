"""Whether a journal belongs to a store: told by what it says of itself, and by a sample of the vectors that the store holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.apply.file import VERSION
from nudge_core.apply.journal import Journal, hash_of
from nudge_core.apply.records import Target

SAMPLE = 64
"""Documents by which a journal is told from others."""
MARKED = "marked"
"""What a journal notes of itself once its id is kept with the collection."""

_WROTE = "SELECT 1 FROM changes WHERE run IN (SELECT number FROM runs) AND id = ? AND new = ? AND new <> original"

Rows: TypeAlias = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
Fetch: TypeAlias = Callable[[list[str]], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Told:
    """What a journal says of itself.

    Attributes:
        id: What tells it from other journals; None for one of an older version.
        kind: The kind of store.
        fingerprint: Where the collection was when the journal was made.
        dim: Dimension of the vectors.
        dtype: Their number type, as numpy writes it.
        marked: Whether its id was kept with the collection.
        documents: Whether a run was begun.
        cut: Whether a run was interrupted, or is under way.
    """

    id: str | None
    kind: str
    fingerprint: str
    dim: int
    dtype: str
    marked: bool
    documents: bool
    cut: bool


@dataclass(frozen=True)
class Known:
    """Of a sample of a journal's documents: how many hold their original, what a run wrote, or something else, and how many are gone."""

    original: int = 0
    moved: int = 0
    other: int = 0
    gone: int = 0

    def __bool__(self) -> bool:
        return self.original + self.moved > 0


@contextmanager
def reading(path: Path) -> Iterator[Rows]:
    """Read a file that may be a journal, without making one."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:

        def rows(query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            return connection.execute(query, values).fetchall()

        yield rows


def told(rows: Rows) -> Told | None:
    """What a journal says of itself; None for what is no journal, or one of a newer version."""
    try:
        meta: dict[str, str] = dict(rows("SELECT key, value FROM meta", ()))
        if int(meta["version"]) > VERSION:
            return None
        documents = bool(rows("SELECT 1 FROM documents LIMIT 1", ()))
        cut = bool(rows("SELECT 1 FROM runs WHERE state = 'writing'", ()))
        about = {name: meta[name] for name in ("kind", "fingerprint", "dtype")}
        return Told(meta.get("id"), **about, dim=int(meta["dim"]), marked=MARKED in meta, documents=documents, cut=cut)
    except (sqlite3.DatabaseError, KeyError, ValueError):
        return None


def known(rows: Rows, fetch: Fetch) -> Known:
    """Compare what a store holds with a sample of the documents of a journal, drawn at random."""
    query = "SELECT id, original, current FROM documents WHERE original <> ? ORDER BY random() LIMIT ?"
    return _compared(rows, fetch, rows(query, (b"", SAMPLE)), _has_past(rows))


def known_of_all(rows: Rows, fetch: Fetch, enough: int = 50, page: int = 1000) -> Known:
    """The same of all documents, until `enough` of them stand moved."""
    found, last, past = Known(), "", _has_past(rows)
    while found.moved < enough:
        query = "SELECT id, original, current FROM documents WHERE id > ? AND original <> ? ORDER BY id LIMIT ?"
        part = rows(query, (last, b"", page))
        if not part:
            break
        more, last = _compared(rows, fetch, part, past), part[-1][0]
        found = Known(
            found.original + more.original,
            found.moved + more.moved,
            found.other + more.other,
            found.gone + more.gone,
        )
    return found


def stands(target: Target, journal: Journal, run: int, page: int = 1000) -> bool:
    """Whether any document holds what a run gave it; true of a run that gave none another vector."""
    moved = {change.id: change.new for change in journal.changes(run) if change.new != change.old}
    names = list(moved)
    for start in range(0, len(names), page):
        for name, vector in target.fetch(names[start : start + page]).items():
            wanted = moved[name]
            if journal.hash(vector) == wanted:
                return True
            if target.rounding and near(vector, journal.vectors([wanted])[wanted], target.rounding):
                return True
    return not moved


def _compared(rows: Rows, fetch: Fetch, documents: Sequence[tuple[Any, ...]], past: bool) -> Known:
    original, moved, other = 0, 0, 0
    expected = {name: (bytes(first), bytes(last)) for name, first, last in documents}
    there = fetch(list(expected))
    for name, vector in there.items():
        held = hash_of(np.asarray(vector))
        first, last = expected[name]
        if held == first:
            original += 1
        elif (
            held == last
            or rows(_WROTE, (name, held))
            or (past and rows("SELECT 1 FROM past WHERE id = ? AND held = ?", (name, held)))
        ):
            moved += 1
        else:
            other += 1
    return Known(original, moved, other, len(expected) - len(there))


def _has_past(rows: Rows) -> bool:
    try:
        return bool(rows("SELECT 1 FROM past LIMIT 1", ()))
    except sqlite3.DatabaseError:
        return False
