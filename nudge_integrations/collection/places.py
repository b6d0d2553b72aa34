"""The places of journals: where one is made, and how that of a collection is found again, also where both were moved.

A collection is known by the id of its journal, where the store keeps it; by its fingerprint, where another collection cannot come to have it; and
by its vectors: a sample of them is what a run wrote.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4
from weakref import WeakKeyDictionary

from nudge_core.apply import Journal
from nudge_core.apply.belonging import Known, Rows, Told, known, known_of_all, reading, told
from nudge_core.apply.database import DatabaseJournal
from nudge_core.apply.server import PREFIX, DatabasePlace, places_in
from nudge_core.errors import JournalError
from nudge_integrations.stores import StoreAdapter

IN_MEMORY = "in memory"
_THOROUGH = 20
"""Journals of which all documents are compared, where those of the sample say nothing."""
Place: TypeAlias = Path | DatabasePlace
_made: WeakKeyDictionary[Any, dict[tuple[int, str], Place]] = WeakKeyDictionary()
_making = threading.Lock()


def home() -> Path:
    """The folder of all journals: journals in $NUDGE_HOME, else in ~/.local/share/nudge."""
    place = os.environ.get("NUDGE_HOME") or Path.home() / ".local" / "share" / "nudge"
    return Path(place).expanduser().absolute() / "journals"


def usual_name(adapter: StoreAdapter) -> str | None:
    """How the names of journals of a collection at this place begin; None in memory."""
    if adapter.fingerprint is None:
        return None
    return f"{_slug(adapter.kind)}-{blake2b(adapter.fingerprint.encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True)
class Database:
    """A database that holds journals, in the place of the folder.

    Attributes:
        engine: How it is reached.
        joined: Whether it is that of the vectors.
    """

    engine: Any
    joined: bool = False


def find(
    adapter: StoreAdapter, store: object, *, thorough: bool = True, database: Database | None = None
) -> Place | None:
    """The journal that a collection already has.

    A collection that lives in memory only has the journal that was made for this very object; loaded anew it is known by what it holds.

    Args:
        adapter: The collection.
        store: The object that holds it.
        thorough: Whether all journals are looked into where none is found by name or mark.
        database: Where to look; without it in the folder.
    """
    name, mark = usual_name(adapter), mark_of(adapter)
    empty: Place | None = None
    if name is None:
        made = _made.get(store, {}).get((adapter.dim, adapter.dtype.str))
        if made is not None and isinstance(made, DatabasePlace) == (database is not None) and made.exists():
            return made
    else:
        first = home() / f"{name}.sqlite"
        for path in named(name, database):
            about = _told(path)
            if about is None and path == first:  # which is opened, and says what is wrong
                return path
            if about is not None and belongs(path, adapter, about, mark):
                if about.documents:
                    return path
                empty = empty or path
    others = _all(adapter, database)
    if mark is not None:
        for path in others:
            about = _told(path)
            if about is not None and about.id == mark and belongs(path, adapter, about, mark):
                return path
    return _by_vectors(adapter, others) if thorough and empty is None else empty


def mark_of(adapter: StoreAdapter) -> str | None:
    """The id of a journal that is kept with a collection."""
    return (adapter.mark() or None) if adapter.keeps_mark else None


def may_be(name: str | None, store: object) -> bool:
    """Whether a collection of this usual name, or of this object, may have a journal, at little cost."""
    return bool(named(name)) if name is not None else bool(_made.get(store))


def _all(adapter: StoreAdapter, database: Database | None) -> list[Place]:
    """All journals of stores of this kind."""
    begins = f"{_slug(adapter.kind)}-"
    if database is not None:
        places = places_in(database.engine, joined=database.joined)
        return [place for place in places if place.schema.startswith(_schema(begins))]
    return [*sorted(home().glob(f"{begins}*.sqlite"), key=_age)]


def _schema(name: str) -> str:
    return PREFIX + name.replace("-", "_")


def named(name: str, database: Database | None = None) -> list[Place]:
    """The journals of collections at this place, also those that were made elsewhere."""
    if database is not None:
        places = places_in(database.engine, joined=database.joined)
        return [place for place in places if place.schema.startswith(_schema(name))]
    found: list[Place] = [*sorted(home().glob(f"{name}*.sqlite"))]
    with suppress(OSError):
        lines = (home() / f"{name}.places").read_text(encoding="utf-8").splitlines()
        found += [path for path in map(Path, lines) if path.is_file() and path not in found]
    return found


def belongs(path: Place, adapter: StoreAdapter, about: Told | None, mark: str | None) -> bool:
    """Whether a journal is that of a collection, which may have been moved, copied, or made anew at its place."""
    if about is None or (about.kind, about.dim, about.dtype) != (adapter.kind, adapter.dim, adapter.dtype.str):
        return False
    here = adapter.fingerprint is not None and about.fingerprint == adapter.fingerprint
    if mark is not None and mark == about.id:
        return here or not about.documents or bool(_known(path, adapter))
    if here and not about.marked and mark is None:
        return not adapter.keeps_mark or not about.documents or bool(_known(path, adapter, known_of_all))
    found = _known(path, adapter)
    return found.moved > 0 or (about.cut and bool(found))


def _by_vectors(adapter: StoreAdapter, paths: list[Place]) -> Place | None:
    """The journal whose runs wrote most of what a store holds; the newest of several. One that holds originals only needs none."""
    best: Place | None = None
    most, unsure = 0, []
    for path in paths:
        about = _told(path)
        if about is None or (about.kind, about.dim, about.dtype) != (adapter.kind, adapter.dim, adapter.dtype.str):
            continue
        found = _known(path, adapter)
        count = found.moved + (found.original if about.cut else 0)
        if count > most:
            best, most = path, count
        if not count and (found.other or not found):
            unsure.append((path, about))
    for path, about in unsure[:_THOROUGH] if best is None else ():
        found = _known(path, adapter, known_of_all)
        count = found.moved + (found.original if about.cut else 0)
        if count > most:
            best, most = path, count
    return best


def has_runs(path: Place) -> bool:
    """Whether a file is a journal that knows documents, or may be one that is damaged."""
    about = _told(path)
    return about is None or about.documents


def check(path: Path, adapter: StoreAdapter) -> None:
    """Refuse a journal that somebody chose, and that is one of another collection."""
    about, mark = _told(path), mark_of(adapter)
    if (
        about is not None
        and about.fingerprint == (adapter.fingerprint or IN_MEMORY)
        and not belongs(path, adapter, about, mark)
    ):
        if adapter.fingerprint is None:  # what lives in memory is new each time
            return
        raise JournalError(
            f"{str(path)!r} is the journal of a collection that was at this place before: this one was made anew since, and holds none of its "
            "vectors. Choose another place with journal=…; keep this one if you need its originals"
        )


def open_journal(adapter: StoreAdapter, path: Place) -> Journal:
    """Open the journal of a collection, or make it. It serves a collection that was moved since, too."""
    fingerprint, about = adapter.fingerprint or IN_MEMORY, _told(path) if path.exists() else None
    mark = mark_of(adapter)
    if about is not None and about.fingerprint != fingerprint and belongs(path, adapter, about, mark):
        fingerprint = about.fingerprint
    about_it: dict[str, Any] = {
        "kind": adapter.kind,
        "fingerprint": fingerprint,
        "dim": adapter.dim,
        "dtype": adapter.dtype,
    }
    if isinstance(path, DatabasePlace):
        return DatabaseJournal(path, **about_it, also=_lock_of(adapter))
    return Journal(path, **about_it, also=_lock_of(adapter))


def new(adapter: StoreAdapter, store: object, database: Database | None = None) -> Place:
    """Where the journal of a collection that has none is made: one place, whoever asks first, for a store in memory too."""
    name = usual_name(adapter)
    if name is not None:
        tries = (_at(f"{name}{'' if number == 1 else f'-{number}'}", database) for number in count(1))
        return next(path for path in tries if not path.exists())  # that of a collection that was here before is kept
    with _making:
        made = _made.setdefault(store, {})
        digest = blake2b(uuid4().hex.encode(), digest_size=8).hexdigest()
        return made.setdefault((adapter.dim, adapter.dtype.str), _at(f"{_slug(adapter.kind)}-{digest}", database))


def _at(name: str, database: Database | None) -> Place:
    if database is not None:
        return DatabasePlace(database.engine, _schema(name), database.joined)
    return home() / f"{name}.sqlite"


def remember(adapter: StoreAdapter, path: Place) -> None:
    """Note where a journal is that is not in the usual place, so that whoever does not name it finds it."""
    name = usual_name(adapter)
    if name is None or isinstance(path, DatabasePlace) or path.parent == home() or path in named(name):
        return
    with suppress(OSError):  # without a home it has to be named each time
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        with (home() / f"{name}.places").open("a", encoding="utf-8") as file:
            file.write(f"{path}\n")


def same_file(one: Place, other: Place) -> bool:
    """Whether two paths lead to one file."""
    if isinstance(one, DatabasePlace) or isinstance(other, DatabasePlace):
        return one == other
    return one == other or (one.exists() and other.exists() and one.samefile(other))


@cache
def _locks() -> Path | None:
    """The folder of the locks of collections: one for all journals and homes of a user."""
    user = os.getuid() if hasattr(os, "getuid") else ""
    folder = Path(tempfile.gettempdir()) / f"nudge-{user}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_symlink() and folder.stat().st_uid == (user or folder.stat().st_uid):
            return folder
    return None


def _lock_of(adapter: StoreAdapter) -> Path | None:
    name, folder = usual_name(adapter), _locks()
    return None if name is None or folder is None else folder / f"{name}.lock"


def _told(path: Place) -> Told | None:
    try:
        with _reading(path) as rows:
            return told(rows)
    except (sqlite3.DatabaseError, OSError):
        return None


def _reading(path: Place) -> AbstractContextManager[Rows]:
    return path.reading() if isinstance(path, DatabasePlace) else reading(path)


def _known(path: Place, adapter: StoreAdapter, compare: Callable[..., Known] = known) -> Known:
    with suppress(sqlite3.DatabaseError, OSError), _reading(path) as rows:
        return compare(rows, adapter.fetch)
    return Known()


def _age(path: Path) -> float:
    """The newest first."""
    with suppress(OSError):
        return -path.stat().st_mtime
    return 0.0


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
