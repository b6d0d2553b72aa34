"""Which journal fits a collection: told by the mark that the collection keeps, by where it is, and by a sample of what it holds."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

from nudge_core.apply.belonging import Known, Rows, Told, known, known_of_all, reading, told
from nudge_core.apply.server import DatabasePlace
from nudge_core.errors import JournalError
from nudge_integrations.stores import StoreAdapter

IN_MEMORY = "in memory"
"""The place of a collection that has none."""
_THOROUGH = 20
"""Journals of which all documents are compared, where those of the sample say nothing."""
Place: TypeAlias = Path | DatabasePlace


def mark_of(adapter: StoreAdapter) -> str | None:
    """The id of a journal that is kept with a collection."""
    return (adapter.mark() or None) if adapter.keeps_mark else None


def belongs(path: Place, adapter: StoreAdapter, about: Told | None, mark: str | None) -> bool:
    """Whether a journal is that of a collection, which may have been moved, copied, or made anew at its place."""
    if about is None or (about.kind, about.dim, about.dtype) != (adapter.kind, adapter.dim, adapter.dtype.str):
        return False
    here = adapter.fingerprint is not None and about.fingerprint == adapter.fingerprint
    if mark is not None and mark == about.id:
        return here or not about.documents or bool(_compared(path, adapter))
    if here and not about.marked and mark is None:
        return not adapter.keeps_mark or not about.documents or bool(_compared(path, adapter, known_of_all))
    found = _compared(path, adapter)
    return found.moved > 0 or (about.cut and bool(found))


def by_vectors(adapter: StoreAdapter, paths: list[Place]) -> Place | None:
    """The journal whose runs wrote most of what a store holds; the newest of several. One that holds originals only needs none."""
    best: Place | None = None
    most, unsure = 0, []
    for path in paths:
        about = told_of(path)
        if about is None or (about.kind, about.dim, about.dtype) != (adapter.kind, adapter.dim, adapter.dtype.str):
            continue
        found = _compared(path, adapter)
        count = found.moved + (found.original if about.cut else 0)
        if count > most:
            best, most = path, count
        if not count and (found.other or not found):
            unsure.append((path, about))
    for path, about in unsure[:_THOROUGH] if best is None else ():
        found = _compared(path, adapter, known_of_all)
        count = found.moved + (found.original if about.cut else 0)
        if count > most:
            best, most = path, count
    return best


def has_runs(path: Place) -> bool:
    """Whether a file is a journal that knows documents, or may be one that is damaged."""
    about = told_of(path)
    return about is None or about.documents


def fits(path: Place, adapter: StoreAdapter) -> bool:
    """Whether what a collection in memory holds is what a journal knows of it: some of it as it was moved, or most as it was before."""
    if adapter.rounding:  # bits tell nothing
        return True
    found = _compared(path, adapter)
    if not found.moved and (found.other or found.gone):
        found = _compared(path, adapter, known_of_all)
    return found.moved > 0 or (found.original >= found.other and (found.original > 0 or not found.gone))


def takes(chosen: Place, found: Place | None, adapter: StoreAdapter) -> bool:
    """Whether a journal that somebody chose is taken, and not that which was found: in memory where it knows as much of what stands moved."""
    if found is None or same_file(chosen, found):
        return True
    if not has_runs(chosen):
        return False
    if adapter.fingerprint is not None:
        return True
    return fits(chosen, adapter) and _standing(chosen, adapter) >= _standing(found, adapter)


def _standing(path: Place, adapter: StoreAdapter) -> int:
    found = _compared(path, adapter, partial(known_of_all, enough=sys.maxsize))
    about = told_of(path)
    return found.moved + (found.original if about is not None and about.cut else 0)


def check(path: Place, adapter: StoreAdapter) -> None:
    """Refuse a journal that somebody chose, and that is one of another collection.

    Raises:
        JournalError: It is.
    """
    about, mark = told_of(path), mark_of(adapter)
    if (
        about is None
        or about.fingerprint != (adapter.fingerprint or IN_MEMORY)
        or (about.kind, about.dim, about.dtype)
        != (adapter.kind, adapter.dim, adapter.dtype.str)  # which is told when it is opened
        or belongs(path, adapter, about, mark)
    ):
        return
    if adapter.fingerprint is not None:
        raise JournalError(
            f"{str(path)!r} is the journal of a collection that was at this place before: this one was made anew since, and holds none of its "
            "vectors. Choose another place with journal=…; keep this one if you need its originals"
        )
    if not fits(path, adapter):
        raise JournalError(
            f"{str(path)!r} is the journal of another {adapter.kind} collection: this one, of {adapter.count():,} documents, holds neither the "
            "originals that the journal knows nor what its runs wrote, or was embedded anew since. Give this one a journal of its own, journal=…, "
            "and keep that file for the other"
        )


def same_file(one: Place, other: Place) -> bool:
    """Whether two paths lead to one file."""
    if isinstance(one, DatabasePlace) or isinstance(other, DatabasePlace):
        return one == other
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def told_of(path: Place) -> Told | None:
    """What a file says of itself; None where it is no journal, or cannot be read."""
    try:
        with _reading(path) as rows:
            return told(rows)
    except (sqlite3.DatabaseError, OSError):
        return None


def _reading(path: Place) -> AbstractContextManager[Rows]:
    return path.reading() if isinstance(path, DatabasePlace) else reading(path)


def _compared(path: Place, adapter: StoreAdapter, compare: Callable[..., Known] = known) -> Known:
    with suppress(sqlite3.DatabaseError, OSError), _reading(path) as rows:
        return compare(rows, adapter.fetch)
    return Known()
