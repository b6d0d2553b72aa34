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
    return Path(os.environ.get("NUDGE_HOME") or Path.home() / ".local" / "share" / "nudge") / "journals"


def find_journal(adapter: StoreAdapter, store: object) -> Path | None:
    """The journal that a collection already has in the usual place.

    A collection that lives in memory only is known by what it holds: its journal is the one that knows most of its vectors; where none does,
    the one that was made for this very object.

    Args:
        adapter: The collection.
        store: The object that holds it, where it lives in memory.
    """
    if adapter.fingerprint is not None:
        path = _path(adapter, adapter.fingerprint)
        return path if path.is_file() else None
    known = {path: _vectors_known(path, adapter) for path in sorted(home().glob(f"{_slug(adapter.kind)}-*.sqlite"))}
    best = max(known, key=lambda path: known[path], default=None)
    return best if best is not None and known[best] else _made.get(store, {}).get((adapter.dim, adapter.dtype.str))


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


def _vectors_known(path: Path, adapter: StoreAdapter, sample: int = 50) -> int:
    """How many of the first documents of a journal hold a vector of it."""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)
        try:
            ids = [name for (name,) in connection.execute("SELECT id FROM documents ORDER BY id LIMIT ?", (sample,))]
            hashes = [hash_of(vector) for vector in adapter.fetch(ids).values()]
            return sum(
                bool(connection.execute("SELECT 1 FROM vectors WHERE hash = ?", (h,)).fetchone()) for h in hashes
            )
        finally:
            connection.close()
    except sqlite3.DatabaseError:  # no journal, or one of another version: not this collection's
        return 0
