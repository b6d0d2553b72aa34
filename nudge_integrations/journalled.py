"""Journalled: a vector store whose journal is looked for, made when it is first needed, and opened once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from nudge_core.apply import Journal
from nudge_core.errors import InputError
from nudge_integrations.journals import find_journal, new_journal, open_journal
from nudge_integrations.stores import StoreAdapter

_Key: TypeAlias = tuple[str | None, int, str]


class Journalled:
    """What knows the journal of a store."""

    def __init__(self, store: object, journal: str | Path | None) -> None:
        """Open nothing yet.

        Args:
            store: The framework's own store, by which a collection that lives in memory is known.
            journal: Where the journal is kept, if not in the usual place.

        Raises:
            InputError: The place is no path.
        """
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
