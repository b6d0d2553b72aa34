"""Keep a journal small: moves of old runs go, originals and the names of runs stay.

Of the last `KEEP` runs all is kept. Of `KNOWN` runs a journal keeps the hashes of what they wrote, by which a store that was put back to that day is
known for moved.
"""

from __future__ import annotations

import json
import logging

from nudge_core.apply.file import LATER
from nudge_core.apply.journal import Journal
from nudge_core.apply.memory import map_of
from nudge_core.errors import InputError, JournalError

_log = logging.getLogger(__name__)

KEEP = 10
"""Runs of which a journal keeps every vector."""
SLACK = 4
"""So many more are let come before a journal is pruned by itself."""
KNOWN = 40
"""Runs of which a journal keeps the hashes of what they wrote."""


def prune(journal: Journal, keep: int = KEEP) -> int:
    """Forget the moves of all but the last runs: `restore(run=…)` no longer goes back to those. Every original stays.

    Args:
        journal: The journal.
        keep: How many runs are kept as they are, 1 or more.

    Returns:
        How many runs were pruned.

    Raises:
        InputError: Fewer than one run is to be kept.
        LockedError: Another process writes to the collection.
    """
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise InputError(f"keep is {keep!r}; expected how many runs are kept, 1 or more")
    with journal.lock("prune"):
        count = _prune(journal, keep)
        journal.compact()
    return count


def prune_old(journal: Journal) -> None:
    """Prune where `SLACK` more runs than `KEEP` have vectors; the journal is locked."""
    if len(_whole(journal)) > KEEP + SLACK:
        try:
            _prune(journal, KEEP)
        except JournalError as error:  # the run itself is done
            _log.warning("old moves are kept: %s", error)


def _whole(journal: Journal) -> list[int]:
    """The runs that have their changes."""
    return [int(number) for (number,) in journal.rows("SELECT DISTINCT run FROM changes ORDER BY run")]


def _prune(journal: Journal, keep: int) -> int:
    runs = journal.runs()
    kept = {run.number for run in runs[-keep:]} | {run.number for run in runs if run.state == "writing"}
    old = [run for run in runs if run.number not in kept and "pruned" not in run.settings and run.documents]
    maps = {map_of(journal, number) for number in kept}
    oldest = runs[-KNOWN].number if len(runs) > KNOWN else 0
    with journal.transaction() as connection:
        connection.execute(LATER["past"])
        for run in old:
            connection.execute(
                "INSERT INTO past SELECT id, new, original, run FROM changes WHERE run = ? AND new <> original "
                "ON CONFLICT (id, held) DO UPDATE SET original = excluded.original, run = excluded.run",
                (run.number,),
            )
            connection.execute("DELETE FROM changes WHERE run = ?", (run.number,))
            told = {**run.settings, "pruned": {"documents": run.documents, "written": run.written}}
            connection.execute("UPDATE runs SET settings = ? WHERE number = ?", (json.dumps(told), run.number))
        connection.execute("DELETE FROM past WHERE run < ?", (oldest,))
        needed = (
            "SELECT original FROM documents UNION SELECT current FROM documents UNION SELECT original FROM past "
            "UNION SELECT original FROM changes UNION SELECT old FROM changes UNION SELECT new FROM changes"
        )
        connection.execute(f"DELETE FROM vectors WHERE hash NOT IN ({needed})")  # noqa: S608  # no value of anybody's
        connection.execute(
            "DELETE FROM documents WHERE original = ? AND id NOT IN (SELECT id FROM changes) AND id NOT IN (SELECT id FROM past)",
            (b"",),
        )
        if journal.has("maps"):
            for (name,) in connection.execute("SELECT name FROM maps").fetchall():
                if name not in maps:
                    connection.execute("DELETE FROM maps WHERE name = ?", (name,))
    return len(old)
