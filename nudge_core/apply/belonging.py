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

from nudge_core.apply.file import VERSION
from nudge_core.apply.journal import hash_of

SAMPLE = 64
"""Documents by which a journal is told from others."""
MARKED = "marked"
"""What a journal notes of itself once its id is kept with the collection."""

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
    """Of a sample of a journal's documents: how many hold their original, and how many what a run wrote."""

    original: int = 0
    moved: int = 0
    other: int = 0

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
        part = rows("SELECT id, original, current FROM documents WHERE id > ? ORDER BY id LIMIT ?", (last, page))
        if not part:
            break
        more, last = _compared(rows, fetch, part, past), part[-1][0]
        found = Known(found.original + more.original, found.moved + more.moved, found.other + more.other)
    return found


def _compared(rows: Rows, fetch: Fetch, documents: Sequence[tuple[Any, ...]], past: bool) -> Known:
    original, moved, other = 0, 0, 0
    expected = {name: (bytes(first), bytes(last)) for name, first, last in documents}
    for name, vector in fetch(list(expected)).items():
        held = hash_of(np.asarray(vector))
        first, last = expected[name]
        if held == first:
            original += 1
        elif (
            held == last
            or rows("SELECT 1 FROM vectors WHERE hash = ?", (held,))
            or (past and rows("SELECT 1 FROM past WHERE id = ? AND held = ?", (name, held)))
        ):
            moved += 1
        else:
            other += 1
    return Known(original, moved, other)


def _has_past(rows: Rows) -> bool:
    try:
        return bool(rows("SELECT 1 FROM past LIMIT 1", ()))
    except sqlite3.DatabaseError:
        return False
