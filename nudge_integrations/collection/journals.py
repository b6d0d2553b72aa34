"""Which journal belongs to a collection: known by what both hold, wherever they are; and what keeps it open."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply import Journal, prune, survey
from nudge_core.apply.belonging import MARKED
from nudge_core.apply.memory import current_map, map_added, model_number
from nudge_core.apply.server import engine_of
from nudge_core.errors import InputError, JournalError
from nudge_integrations.collection import nothing, places
from nudge_integrations.collection.embedding import Embedder, probe_of
from nudge_integrations.stores import StoreAdapter

IN_STORE = "store"
"""What is given for a journal that lives in the database of the vectors."""
_log = logging.getLogger(__name__)
_Key: TypeAlias = tuple[str | None, int, str]


class Journalled:
    """What knows the journal of a store."""

    adapt: Callable[[], StoreAdapter]
    embedder: Embedder | None

    def __init__(self, store: object, journal: str | Path | None) -> None:
        """Open nothing yet."""
        if journal is not None and (not isinstance(journal, str | Path) or str(journal) in ("", ":memory:")):
            raise InputError(
                f"journal is {journal!r}; expected the path of a file, which holds the originals when this process has ended; the URL of a "
                'database; or "store" for a store in PostgreSQL'
            )
        if isinstance(journal, str) and journal.startswith("sqlite:///"):
            journal = journal.removeprefix("sqlite:///")
        self._url = journal if isinstance(journal, str) and (journal == IN_STORE or "://" in journal) else None
        self._database = None if self._url in (None, IN_STORE) else places.Database(engine_of(str(self._url)))
        self._chosen = None if journal is None or self._url else Path(journal).expanduser().absolute()
        self._store = self if store is None else store
        self._journal: tuple[_Key, Journal] | None = None
        self._sure = False
        self._inherited: list[Journal] = []
        self._spelled: Callable[[str], str] = str
        self._usual: str | None = None
        self._probe: NDArray[np.float32] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_journal": None, "_inherited": [], "_spelled": str, "_database": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._url not in (None, IN_STORE):
            self._database = places.Database(engine_of(str(self._url)))

    @property
    def journal(self) -> Path | str | None:
        """The file of the journal, or where it is in a database; None before the first run where no file was chosen."""
        place = self._chosen if self._journal is None else self._journal[1].path
        return place if place is None or isinstance(place, Path) else str(place)

    def _home(self, adapter: StoreAdapter) -> places.Database | None:
        """The database in which the journal is to be; None where that is a file."""
        if self._url == IN_STORE and self._database is None:
            engine = getattr(adapter, "engine", None)
            if engine is None:
                raise InputError(
                    f'journal is "store", and a {adapter.kind} store keeps no tables for others: give the path of a file, or the URL of a database'
                )
            self._database = places.Database(engine(), joined=True)
        return self._database

    def _existing(self, adapter: StoreAdapter, *, thorough: bool = True) -> Journal | None:
        """The journal that the collection has.

        Args:
            adapter: The collection.
            thorough: Whether all journals are looked into where none is found by name or mark.
        """
        self._usual = places.usual_name(adapter) or ""
        held = self._opened(adapter)
        if held is not None and self._still(adapter, held):
            return held
        chosen, database, in_memory = self._chosen, self._home(adapter), adapter.fingerprint is None
        found = places.find(
            adapter, self._store, thorough=thorough and (chosen is None or in_memory), database=database
        )
        if found is None and chosen is None and database is None:
            found = self._beside(adapter)
        if chosen is not None and found is not None and not places.has_runs(found):
            found = None  # which knows no original, so that the chosen one may as well be it
        if chosen is not None and chosen.exists() and places.takes(chosen, found, adapter):
            places.check(chosen, adapter)
            found = chosen
        elif found is not None and (
            (chosen is not None and not places.same_file(found, chosen))
            or (database is not None and isinstance(found, Path))
        ):
            self._say_unused(adapter, found)
        if held is not None and (found == held.path or (found is None and not held.knows_documents())):
            self._sure = held.knows_documents()
            return held
        if found is None:
            return None
        held = self._keep(adapter, found)
        if in_memory and self._sure:
            places.remember(adapter, self._store, held)
        return held

    def _beside(self, adapter: StoreAdapter) -> places.Place | None:
        """The journal of a collection that keeps it in its own database."""
        engine = getattr(adapter, "engine", None)
        if engine is None or places.mark_of(adapter) is None:
            return None
        return places.find(adapter, self._store, thorough=False, database=places.Database(engine(), joined=True))

    def _say_unused(self, adapter: StoreAdapter, found: places.Place) -> None:
        _log.warning(
            "journal=%r is not used: the originals of this %s collection are in the journal %r. To have it elsewhere, move the file",
            str(self._chosen or self._url).partition("@")[2] or str(self._chosen or self._url),
            adapter.kind,
            str(found),
        )

    def _still(self, adapter: StoreAdapter, held: Journal) -> bool:
        """Whether the journal that is open is still that of the collection, which may have been made anew since."""
        if adapter.fingerprint is None:
            # two objects may hold one store in memory, so a journal without a run may not be the one; nor one with the run of another
            return self._sure and held.knows_documents()
        mark = places.mark_of(adapter)
        return mark == held.id if mark is not None else MARKED not in held.meta()

    def _open(self, adapter: StoreAdapter) -> Journal:
        """The journal of the collection, or a new one; never one beside that which knows its originals."""
        found = self._existing(adapter)
        if found is not None and found.knows_documents():
            return found
        chosen = self._chosen is not None or self._url is not None
        if found is None or chosen:
            known = places.find(adapter, self._store, thorough=True) or (self._beside(adapter) if chosen else None)
            other = known is not None and (found is None or not places.same_file(known, found.path))
            if known is not None and other and (not chosen or places.has_runs(known)):
                if chosen:
                    self._say_unused(adapter, known)
                return self._keep(adapter, known)
        mark = places.mark_of(adapter)
        if mark is not None and (found is None or found.id != mark):
            raise JournalError(
                f"the vectors of this {adapter.kind} collection may have been moved with a journal that is not here (its id is {mark}): bring that "
                "file and say where it is, journal=FILE. Where it is lost, embed the documents again, and say so by begin_anew()"
            )
        gone = places.missed(adapter) if adapter.fingerprint is None else None
        if gone is not None:
            raise JournalError(
                f"{nothing.gone(adapter, gone)}. Where it is lost, embed the documents again, or say that what they hold now is original, by "
                "begin_anew()"
            )
        held = found or self._keep(adapter, self._chosen or places.new(adapter, self._store, self._home(adapter)))
        places.remember(adapter, self._store, held)
        return held

    def _mark(self, adapter: StoreAdapter, journal: Journal) -> None:
        """Keep the id of the journal with the collection, before the first run; the journal is locked."""
        if adapter.fingerprint is None and not self._sure:
            places.check(journal.path, adapter)  # another collection may have been quicker
            self._sure = True
        if not adapter.keeps_mark or places.mark_of(adapter) == journal.id:
            return
        try:
            adapter.put_mark(journal.id)
        except Exception as error:  # noqa: BLE001  # whatever the store raises: it may forbid it, or be too old
            _log.info("no mark is kept with this %s collection: %s", adapter.kind, error)
            return
        journal.note_meta(MARKED, "1")

    def _keep(self, adapter: StoreAdapter, path: places.Place) -> Journal:
        self._spelled = adapter.spelled
        held = places.open_journal(adapter, path)
        self._journal, self._sure = (_key(adapter), held), held.knows_documents()
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

    def _asked(self) -> Journal | None:
        """The journal, also one that another process has made since; at little cost where there is none."""
        held = self._opened()
        if held is not None:
            return held
        there = self._url is not None or (self._chosen is not None and self._chosen.exists())
        if not (there or self._usual is None or places.may_be(self._usual or None, self._store)):
            return None
        try:
            return self._existing(self.adapt(), thorough=False)
        except InputError as error:
            _log.info("no journal is looked for: %s", error)
            return None
        except JournalError as error:
            if self._usual:
                raise
            _log.info("no map is looked for: %s", error)  # what is being filled may not yet be known by what it holds
            return None

    def forget(self, ids: Iterable[str]) -> None:
        """Hear that documents were added anew or deleted: what the store holds of them now is their original."""
        held = self._opened()
        if held is not None:
            held.forget([self._spelled(str(name)) for name in ids])

    def added(self, ids: Sequence[str]) -> int:
        """Hear that documents were added: they go through the map that the others went through, if there is one; how many did."""
        held = self._asked()
        if held is None or not ids:
            return 0
        names = [self._spelled(str(name)) for name in ids]
        held.forget(names)
        if current_map(held) is not None:
            adapter = self.adapt()
            held = self._existing(adapter, thorough=False)
            if held is not None:
                return map_added(adapter, held, names, self._model(held))
        return 0

    def _model(self, journal: Journal) -> int | None:
        """The number of the embedding model in the journal; None where there is no embedding."""
        if self.embedder is None:
            return None
        if self._probe is None:
            self._probe = probe_of(self.embedder)
        return model_number(journal, self.embedder.name, self._probe)

    def prune(self, keep: int) -> int:
        """Forget the moves of all but the last runs; see `NudgeVectorStore.prune`."""
        journal = self._existing(self.adapt())
        return 0 if journal is None else prune(journal, keep)

    def begin_anew(self) -> None:
        """Take what the store holds for original; see `NudgeVectorStore.begin_anew`."""
        adapter = self.adapt()
        journal = self._existing(adapter)
        if journal is not None and survey(adapter, journal).originals:
            raise InputError(
                f"the originals of this {adapter.kind} collection are in its journal {str(journal.path)!r}: restore() puts them back"
            )
        if places.mark_of(adapter) is not None and journal is None:
            adapter.put_mark("")
        places.let_go(adapter)

    def say_gone(self, adapter: StoreAdapter) -> None:
        """Warn where the journal that was chosen for a store in memory is gone."""
        gone = places.missed(adapter) if adapter.fingerprint is None else None
        if gone is not None:
            _log.warning("%s", nothing.gone(adapter, gone))

    def why_none(self, adapter: StoreAdapter, journal: Journal | None) -> str:
        """Why there is no run to speak of, and what to do where there should be one."""
        return nothing.why_none(adapter, journal, self.journal, self.place)

    def place(self, adapter: StoreAdapter | None = None) -> Path | str:
        """Where the journal is or will be: a file, or the folder of journals for a store that lives in memory only."""
        if self.journal is not None or self._chosen is not None:
            return self.journal or str(self._chosen)
        adapter = adapter or self.adapt()
        return places.home() if adapter.fingerprint is None else str(places.new(adapter, self._store))


def _key(adapter: StoreAdapter) -> _Key:
    return adapter.fingerprint, adapter.dim, adapter.dtype.str
