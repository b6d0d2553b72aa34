"""Where the journal of a collection is kept, and how it is found again."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4
from weakref import WeakKeyDictionary

from nudge_core.apply import Journal
from nudge_core.apply.journal import vectors_known
from nudge_core.errors import InputError
from nudge_integrations.stores import StoreAdapter

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
    """
    if adapter.fingerprint is not None:
        path = _path(adapter, adapter.fingerprint)
        return path if path.is_file() else None
    made = _made.get(store, {}).get((adapter.dim, adapter.dtype.str))
    if made is not None and made.is_file():
        return made
    known = {
        path: vectors_known(path, adapter.fetch, IN_MEMORY)
        for path in sorted(home().glob(f"{_slug(adapter.kind)}-*.sqlite"))
    }
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


_Key: TypeAlias = tuple[str | None, int, str]


class Journalled:
    """What knows the journal of a store."""

    def __init__(self, store: object, journal: str | Path | None) -> None:
        """Open nothing yet."""
        if journal is not None and (not isinstance(journal, str | Path) or str(journal) in ("", ":memory:")):
            raise InputError(
                f"journal is {journal!r}; expected the path of a file, which holds the originals when this process has ended"
            )
        self._chosen = None if journal is None else Path(journal).expanduser().absolute()
        self._store = self if store is None else store
        self._journal: tuple[_Key, Journal] | None = None
        self._inherited: list[Journal] = []
        self._spelled: Callable[[str], str] = str

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_journal": None, "_inherited": [], "_spelled": str}

    @property
    def journal(self) -> Path | None:
        """The file of the journal; None before the first run where no place was chosen."""
        return self._chosen if self._journal is None else self._journal[1].path

    def _existing(self, adapter: StoreAdapter) -> Journal | None:
        held = self._opened(adapter)
        # two objects may hold one store in memory, so a journal without a run may not be the one
        if held is not None and (self._chosen or adapter.fingerprint is not None or held.knows_documents()):
            return held
        path = self._chosen or find_journal(adapter, self._store)
        if path is None or not path.is_file() or (held is not None and held.path == path):
            return held
        return self._keep(adapter, path)

    def _open(self, adapter: StoreAdapter) -> Journal:
        return self._existing(adapter) or self._keep(adapter, self._chosen or new_journal(adapter, self._store))

    def _keep(self, adapter: StoreAdapter, path: Path) -> Journal:
        self._spelled = adapter.spelled
        held = open_journal(adapter, path)
        self._journal = (_key(adapter), held)
        return held

    def _opened(self, adapter: StoreAdapter | None = None) -> Journal | None:
        """The journal that is open; in a process that was forked since it is opened anew."""
        if self._journal is None or (adapter is not None and self._journal[0] != _key(adapter)):
            return None
        key, held = self._journal
        if held.process != os.getpid():
            self._inherited.append(held)  # never to be closed here
            held = held.again()
            self._journal = (key, held)
        return held

    def forget(self, ids: Iterable[str]) -> None:
        """Hear that documents were added anew or deleted: what the store holds of them now is their original."""
        held = self._opened()
        if held is not None:
            held.forget([self._spelled(str(name)) for name in ids])


def _key(adapter: StoreAdapter) -> _Key:
    return adapter.fingerprint, adapter.dim, adapter.dtype.str
