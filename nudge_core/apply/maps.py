"""Maps: a run that took every document through a map keeps it in the journal, and documents that are added later go through it too."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.apply.journal import Change, Journal, hash_of
from nudge_core.apply.schema import LATER
from nudge_core.apply.target import Target
from nudge_core.data.vectors import mapped
from nudge_core.errors import LockedError, StoreError, counted

CHUNK = 1000
_log = logging.getLogger(__name__)


def keep_map(journal: Journal, matrix: NDArray[np.float32]) -> str:
    """Keep a map, (dim, dim), and give the name by which the settings of a run speak of it."""
    name = hash_of(matrix).hex()
    with journal.transaction() as connection:
        connection.execute(LATER["maps"])
        connection.execute("INSERT OR IGNORE INTO maps VALUES (?, ?)", (name, np.ascontiguousarray(matrix).tobytes()))
    return name


def standing(journal: Journal) -> tuple[int, str] | None:
    """The run that left the store as it is, and the name of the map that its documents went through; None where there was no map.

    While a run is under way, or interrupted, there is none.
    """
    runs = journal.rows("SELECT number, state FROM runs WHERE state <> 'undone' ORDER BY number DESC LIMIT 1")
    if not runs or runs[0][1] != "done":
        return None
    name = map_of(journal, runs[0][0])
    return None if name is None else (runs[0][0], name)


def map_of(journal: Journal, run: int | None) -> str | None:
    """The name of the map of a run, or of the run to which it restored; None where there is none."""
    while run is not None:
        found = journal.rows("SELECT settings FROM runs WHERE number = ?", (run,))
        told = json.loads(found[0][0]) if found else {}
        if told.get("map") is not None:
            return str(told["map"])
        earlier = told.get("to")
        run = earlier if isinstance(earlier, int) and earlier < run else None
    return None


def follow(target: Target, journal: Journal, ids: Sequence[str]) -> int:
    """Take documents that were just added through the map that stands; how many went.

    What they held becomes their original in the journal, before anything is written, so that `restore` brings it back. Where another process
    writes to the collection they stay as they are, with a warning.

    Raises:
        StoreError: The store failed; the documents are there, and some have not gone through the map.
    """
    if standing(journal) is None:
        return 0
    try:
        with journal.lock("add"):
            found = standing(journal)
            if found is None:
                return 0
            number, name = found
            value = journal.rows("SELECT value FROM maps WHERE name = ?", (name,))[0][0]
            matrix = np.frombuffer(value, np.float32).reshape(target.dim, target.dim)
            done = 0
            for start in range(0, len(ids), target.batch or CHUNK):
                done += _follow(target, journal, number, matrix, ids[start : start + (target.batch or CHUNK)])
            return done
    except LockedError as error:
        _log.warning(
            "%s and did not go through the map that the others went through: nudge again (%s)",
            counted(len(ids), "document was added", "documents were added"),
            error,
        )
        return 0


def _follow(target: Target, journal: Journal, run: int, matrix: NDArray[np.float32], ids: Sequence[str]) -> int:
    held = target.fetch(ids)
    went = {
        name for name, vector in held.items() if journal.hash(vector) in {new for _, new in journal.written(name)}
    }  # by a run meanwhile
    lengths = {name: float(np.linalg.norm(vector.astype(np.float32))) for name, vector in held.items()}
    names = [name for name in held if name not in went and 0 < lengths[name] < np.inf]
    if not names:
        return 0
    old = np.stack([held[name] for name in names])
    moved = mapped(torch.from_numpy(old.astype(np.float32)), torch.from_numpy(matrix.copy()))
    new = moved.numpy().astype(target.dtype)
    hashes = [(journal.hash(before), journal.hash(after)) for before, after in zip(old, new, strict=True)]
    vectors = {
        h: v for (a, b), before, after in zip(hashes, old, new, strict=True) for h, v in ((a, before), (b, after))
    }
    journal.amend(run, [Change(name, a, a, b) for name, (a, b) in zip(names, hashes, strict=True)], vectors)
    try:
        target.replace(names, new)
        written = target.fetch(names)
    except Exception as error:
        raise StoreError(
            f"the {target.kind} store failed ({type(error).__name__}: {error}) after {len(names)} documents were added: they are there, but did not "
            "all go through the map that the others went through. When the store is back, add them again, or nudge again"
        ) from error
    journal.note({name: journal.hash(vector) for name, vector in written.items()})
    return len(written)
