"""Where the journal of a collection is kept, and how it is found again."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from nudge_core.apply import Journal
from nudge_core.apply.journal import hash_of
from nudge_integrations.stores.base import StoreAdapter

IN_MEMORY = "in memory"
_made: WeakKeyDictionary[Any, dict[tuple[int, str], Path]] = WeakKeyDictionary()
_making = threading.Lock()


def home() -> Path:
    """The folder of all journals: journals in $NUDGE_HOME, else in ~/.local/share/nudge."""
    place = os.environ.get("NUDGE_HOME") or Path.home() / ".local" / "share" / "nudge"
    return Path(place).expanduser().absolute() / "journals"


def find_journal(adapter: StoreAdapter, store: object) -> Path | None:
    """The journal that a collection already has in the usual place.

    A collection that lives in memory only has the journal that was made for this very object; loaded anew it is known by what it holds: its
    journal is the one whose runs wrote most of its vectors.

    Args:
        adapter: The collection.
        store: The object that holds it, where it lives in memory.
    """
    if adapter.fingerprint is not None:
        path = _path(adapter, adapter.fingerprint)
        return path if path.is_file() else None
    made = _made.get(store, {}).get((adapter.dim, adapter.dtype.str))
    if made is not None and made.is_file():
        return made
    known = {path: _vectors_known(path, adapter) for path in sorted(home().glob(f"{_slug(adapter.kind)}-*.sqlite"))}
    best = max(known, key=lambda path: known[path], default=None)
    return best if best is not None and known[best] else None


def new_journal(adapter: StoreAdapter, store: object) -> Path:
    """Where the journal of a collection that has none is made: one place, whoever asks first, for a store in memory too."""
    if adapter.fingerprint is not None:
        return _path(adapter, adapter.fingerprint)
    with _making:
        places = _made.setdefault(store, {})
        return places.setdefault((adapter.dim, adapter.dtype.str), _path(adapter, uuid4().hex))


def open_journal(adapter: StoreAdapter, path: Path) -> Journal:
    """Open the journal of a collection, or make it."""
    return Journal(
        path, kind=adapter.kind, fingerprint=adapter.fingerprint or IN_MEMORY, dim=adapter.dim, dtype=adapter.dtype
    )


def _path(adapter: StoreAdapter, fingerprint: str) -> Path:
    digest = blake2b(fingerprint.encode(), digest_size=8).hexdigest()
    return home() / f"{_slug(adapter.kind)}-{digest}.sqlite"


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")


def _vectors_known(path: Path, adapter: StoreAdapter, enough: int = 50, page: int = 1000) -> int:
    """How many documents hold a vector that a run of this journal wrote, or any vector of it where a run was interrupted; enough are counted.

    A store that holds originals only needs no journal, and may be another one with the same documents.
    """
    count, last = 0, ""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)
        try:
            if dict(connection.execute("SELECT key, value FROM meta")).get("fingerprint") != IN_MEMORY:
                return 0
            cut = connection.execute("SELECT 1 FROM runs WHERE state = 'writing'").fetchone() is not None
            while count < enough:
                query = "SELECT id, original FROM documents WHERE id > ? ORDER BY id LIMIT ?"
                originals = dict(connection.execute(query, (last, page)))
                if not originals:
                    break
                last = list(originals)[-1]
                for name, vector in adapter.fetch(list(originals)).items():
                    held = hash_of(vector)
                    if cut or held != originals[name]:
                        count += (
                            connection.execute("SELECT 1 FROM vectors WHERE hash = ?", (held,)).fetchone() is not None
                        )
        finally:
            connection.close()
    except sqlite3.DatabaseError:  # no journal, or one of another version: not this collection's
        return 0
    return count
