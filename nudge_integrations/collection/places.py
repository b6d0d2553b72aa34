"""The places of journals: where one is made, and how that of a collection is found again, also where both were moved.

A collection is known by the id of its journal, where the store keeps it; by its fingerprint, where another collection cannot come to have it; and
by its vectors: a sample of them is what a run wrote.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from weakref import WeakKeyDictionary

from nudge_core.apply import Journal
from nudge_core.apply.database import DatabaseJournal
from nudge_core.apply.server import PREFIX, DatabasePlace, places_in
from nudge_integrations.collection import notes
from nudge_integrations.collection.fitting import (
    IN_MEMORY,
    Place,
    belongs,
    by_vectors,
    check,
    fits,
    has_runs,
    mark_of,
    same_file,
    takes,
    told_of,
)
from nudge_integrations.stores import StoreAdapter

__all__ = [
    "Database",
    "Place",
    "check",
    "find",
    "has_runs",
    "home",
    "let_go",
    "mark_of",
    "may_be",
    "missed",
    "named",
    "new",
    "note",
    "open_journal",
    "remember",
    "same_file",
    "takes",
    "usual_name",
]


class _Made(NamedTuple):
    """The journal of an object that holds a store in memory; `own` where it was made for this very object, and can be of no other."""

    place: Place
    own: bool


_made: WeakKeyDictionary[Any, dict[tuple[int, str], _Made]] = WeakKeyDictionary()
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
        made = _made.get(store, {}).get(_numbers(adapter))
        if made is not None and made.place.exists() and (made.own or fits(made.place, adapter)):
            asked = isinstance(made.place, DatabasePlace) == (database is not None)
            if asked or has_runs(made.place):  # what knows originals, wherever it is
                return made.place
    else:
        first = home() / f"{name}.sqlite"
        for path in named(name, database):
            about = told_of(path)
            if about is None and path == first:  # which is opened, and says what is wrong
                return path
            if about is not None and belongs(path, adapter, about, mark):
                if about.documents:
                    return path
                empty = empty or path
    others = _all(adapter, database)
    if mark is not None:
        for path in others:
            about = told_of(path)
            if about is not None and about.id == mark and belongs(path, adapter, about, mark):
                return path
    return by_vectors(adapter, others) if thorough and empty is None else empty


def may_be(name: str | None, store: object) -> bool:
    """Whether a collection of this usual name, or of this object, may have a journal, at little cost."""
    return bool(named(name)) if name is not None else bool(_made.get(store))


def _all(adapter: StoreAdapter, database: Database | None) -> list[Place]:
    """All journals of stores of this kind."""
    begins = f"{_slug(adapter.kind)}-"
    if database is not None:
        places = places_in(database.engine, joined=database.joined)
        return [place for place in places if place.schema.startswith(_schema(begins))]
    found = list(home().glob(f"{begins}*.sqlite"))
    if adapter.fingerprint is None:
        found += [path for path in notes.noted(home(), begins) if path not in found]
    return [*sorted(found, key=_age)]


def _schema(name: str) -> str:
    return PREFIX + name.replace("-", "_")


def named(name: str, database: Database | None = None) -> list[Place]:
    """The journals of collections at this place, also those that were made elsewhere."""
    if database is not None:
        places = places_in(database.engine, joined=database.joined)
        return [place for place in places if place.schema.startswith(_schema(name))]
    found: list[Place] = [*sorted(home().glob(f"{name}*.sqlite"))]
    return [*found, *(path for path in _lines(name) if path.is_file() and path not in found)]


def _lines(name: str) -> list[Path]:
    """The journals that were chosen for collections at this place."""
    with suppress(OSError):
        return [*map(Path, (home() / f"{name}.places").read_text(encoding="utf-8").splitlines())]
    return []


def _numbers(adapter: StoreAdapter) -> tuple[int, str]:
    return adapter.dim, adapter.dtype.str


def open_journal(adapter: StoreAdapter, path: Place) -> Journal:
    """Open the journal of a collection, or make it. It serves a collection that was moved since, too."""
    fingerprint, about = adapter.fingerprint or IN_MEMORY, told_of(path) if path.exists() else None
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
        made, key = _made.setdefault(store, {}), _numbers(adapter)
        held = made.get(key)
        usable = held is not None and isinstance(held.place, DatabasePlace) == (database is not None)
        if held is None or not usable or not (held.own or (held.place.exists() and fits(held.place, adapter))):
            digest = blake2b(uuid4().hex.encode(), digest_size=8).hexdigest()
            held = made[key] = _Made(_at(f"{_slug(adapter.kind)}-{digest}", database), own=True)
        return held.place


def _at(name: str, database: Database | None) -> Place:
    if database is not None:
        return DatabasePlace(database.engine, _schema(name), database.joined)
    return home() / f"{name}.sqlite"


def remember(adapter: StoreAdapter, store: object, journal: Journal) -> None:
    """Note where a journal is that is not in the usual place, so that whoever does not name it finds it."""
    name, path = usual_name(adapter), journal.path
    if name is None:
        with _making:
            made, key = _made.setdefault(store, {}), _numbers(adapter)
            if key not in made or made[key].place != path:
                made[key] = _Made(path, own=False)
        note(adapter, journal, anew=False)
    elif not isinstance(path, DatabasePlace) and path.parent != home() and path not in named(name):
        with suppress(OSError):  # without a home it has to be named each time
            home().mkdir(mode=0o700, parents=True, exist_ok=True)
            with (home() / f"{name}.places").open("a", encoding="utf-8") as file:
                file.write(f"{path}\n")


def note(adapter: StoreAdapter, journal: Journal, *, anew: bool = True) -> None:
    """Note a journal that was chosen for a collection in memory, and what its last run left there."""
    path = journal.path
    if adapter.fingerprint is None and not isinstance(path, DatabasePlace) and path.parent != home():
        notes.note(home(), f"{_slug(adapter.kind)}-", adapter, journal, anew=anew)


def missed(adapter: StoreAdapter) -> Path | None:
    """The journal that was chosen for a collection, where its file is gone; of one in memory only while it stands moved."""
    name = usual_name(adapter)
    if name is None:
        return notes.missed(home(), f"{_slug(adapter.kind)}-", adapter)
    return next((path for path in reversed(_lines(name)) if not path.is_file()), None)


def let_go(adapter: StoreAdapter) -> None:
    """Forget the journals that were chosen for a collection in memory, and are gone."""
    if adapter.fingerprint is None:
        notes.let_go(home(), f"{_slug(adapter.kind)}-", adapter)


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


def _age(path: Path) -> float:
    """The newest first."""
    with suppress(OSError):
        return -path.stat().st_mtime
    return 0.0


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
