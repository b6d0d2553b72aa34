"""Maps: a run that took every document through a map keeps it in the journal, and documents that are added later go through it too."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.apply.file import LATER
from nudge_core.apply.journal import Change, Journal, hash_of
from nudge_core.apply.records import Target
from nudge_core.apply.running import CHUNK
from nudge_core.data.vectors import mapped
from nudge_core.errors import LockedError, StoreError, counted

_log = logging.getLogger(__name__)


def keep_map(journal: Journal, matrix: NDArray[np.float32]) -> str:
    """Keep a map, (dim, dim), and give the name by which the settings of a run speak of it."""
    name = hash_of(matrix).hex()
    with journal.transaction() as connection:
        connection.execute(LATER["maps"])
        connection.execute("INSERT OR IGNORE INTO maps VALUES (?, ?)", (name, np.ascontiguousarray(matrix).tobytes()))
    return name


def current_map(journal: Journal) -> tuple[int, str] | None:
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
        run_settings = json.loads(found[0][0]) if found else {}
        if run_settings.get("map") is not None:
            return str(run_settings["map"])
        earlier = run_settings.get("to")
        run = earlier if isinstance(earlier, int) and earlier < run else None
    return None


def map_added(target: Target, journal: Journal, ids: Sequence[str]) -> int:
    """Apply the current map to newly added documents; return how many were changed.

    What they held becomes their original in the journal, before anything is written, so that `restore` brings it back. Where another process
    writes to the collection they stay as they are, with a warning.
    """
    if current_map(journal) is None:
        return 0
    try:
        with journal.lock("add"):
            found = current_map(journal)
            if found is None:
                return 0
            number, name = found
            value = journal.rows("SELECT value FROM maps WHERE name = ?", (name,))[0][0]
            matrix = np.frombuffer(value, np.float32).reshape(target.dim, target.dim)
            size = target.batch or CHUNK
            parts = (ids[start : start + size] for start in range(0, len(ids), size))
            return sum(_map_added(target, journal, number, matrix, part) for part in parts)
    except LockedError as error:
        _log.warning(
            "%s and did not go through the map that the others went through: nudge again (%s)",
            counted(len(ids), "document was added", "documents were added"),
            error,
        )
        return 0


def _map_added(target: Target, journal: Journal, run: int, matrix: NDArray[np.float32], ids: Sequence[str]) -> int:
    held = target.fetch(ids)
    lengths = {name: float(np.linalg.norm(vector.astype(np.float32))) for name, vector in held.items()}
    names = [
        name
        for name, vector in held.items()
        if 0 < lengths[name] < np.inf and journal.hash(vector) not in {new for _, new in journal.written(name)}
    ]  # without those that a run wrote meanwhile
    if not names:
        return 0
    old = np.stack([held[name] for name in names])
    moved = mapped(torch.from_numpy(old.astype(np.float32)), torch.from_numpy(matrix.copy()))
    new = moved.numpy().astype(target.dtype)
    before, after = ([journal.hash(vector) for vector in vectors] for vectors in (old, new))
    changes = [Change(name, a, a, b) for name, a, b in zip(names, before, after, strict=True)]
    journal.amend(run, changes, dict(zip([*before, *after], [*old, *new], strict=True)))
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
