"""A run: planned in the journal, carried out in the store batch by batch, read back, and ended.

The steps: the plan with every old and every new vector goes into the journal; batches are written, each only where the document still holds what
the plan says, and noted; all are read back and compared; the journal notes what stands. Killed between any two of them, `recover` sees from the
journal and the store what is left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.journal import REMEDY, Change, Journal
from nudge_core.apply.records import Outcome, Run, Survey, Target
from nudge_core.clock import progress_bar
from nudge_core.errors import NudgeError, StoreError, counted, first_few

_log = logging.getLogger(__name__)

CHUNK = 1000
"""How many documents are held at a time where the store takes any number at once."""


def plan_and_carry_out(
    target: Target,
    journal: Journal,
    kind: str,
    wanted: Mapping[str, NDArray[Any]],
    old: Mapping[str, NDArray[Any]],
    found: Survey,
    settings: Mapping[str, Any],
    progress: bool,
    *,
    always: bool = False,
) -> Outcome:
    """Put the plan of a run in the journal, and carry it out.

    Args:
        target: The collection.
        journal: Its journal, locked.
        kind: "nudge" or "restore".
        wanted: {id: (dim,) what a document shall hold}.
        old: {id: (dim,) what it holds now}, of each of them.
        found: The survey, for the originals of documents that stand moved.
        settings: What to tell of the run later.
        progress: Whether a bar is shown.
        always: Whether it is a run also where nothing is to be written.
    """
    ids = list(wanted)
    if gone := [name for name in ids if name not in old]:
        raise StoreError(
            f"{counted(len(gone), 'document is', 'documents are')} not in the {target.kind} collection: {first_few(gone)}. Nothing was written"
        )
    vectors: dict[bytes, NDArray[Any]] = {}

    def keep(vector: NDArray[Any]) -> bytes:
        name = journal.hash(vector)
        vectors[name] = vector
        return name

    first = {**old, **found.originals}
    changes = [Change(name, keep(first[name]), keep(old[name]), keep(wanted[name])) for name in ids]
    changed, missing = (found.changed, found.missing) if kind == "restore" else ((), ())
    if not always and all(change.old == change.new for change in changes) and (kind == "restore" or not changes):
        return Outcome(None, len(changes), changed, missing)
    journal.begin(kind, changes, vectors, settings)
    done = carry_out(target, journal, journal.runs()[-1], True, progress)
    return replace(done, changed=changed + done.changed, missing=missing + done.missing)


def carry_out(target: Target, journal: Journal, run: Run, forward: bool, progress: bool) -> Outcome:
    """Bring the store to what a run wants, or back to what was before it; whatever was done of it already."""
    changes = journal.changes(run.number)
    size = target.batch or max(1, len(changes))
    with progress_bar(len(changes), run.kind, progress, unit=" vectors", unit_scale=False) as bar:
        try:
            for start in range(0, len(changes), size):
                batch = changes[start : start + size]
                todo = _still_to_write(target, journal, batch, forward)
                if todo:
                    with journal.together(target):
                        target.replace(list(todo), np.stack(list(todo.values())))
                        journal.mark(run.number, todo)
                bar.update(len(batch))
            return _verify(target, journal, run, changes, forward)
        except NudgeError:
            raise
        except KeyboardInterrupt:
            _log.warning("%s: run %d was interrupted; %s", target.kind, run.number, REMEDY)
            raise
        except Exception as error:
            raise StoreError(
                f"the {target.kind} store failed during {run.kind} ({type(error).__name__}: {error}). Nothing is lost: the journal "
                f"{str(journal.path)!r} holds every vector of run {run.number}. When the store is back, {REMEDY}"
            ) from error


def _still_to_write(
    target: Target, journal: Journal, batch: Sequence[Change], forward: bool
) -> dict[str, NDArray[Any]]:
    """Of a batch what does not hold its goal yet. What neither this run nor the one before it wrote is left alone.

    Before anything is written over, the journal gives both vectors of each document: what is lost there must stay in the store.
    """
    stored = target.fetch([change.id for change in batch])
    vectors = journal.vectors({change.old for change in batch} | {change.new for change in batch})
    todo = {}
    for change in batch:
        if change.id in stored:
            held, goal = journal.hash(stored[change.id]), change.new if forward else change.old
            sides = (change.old, change.new)
            if held != goal and (held in sides or any(near(stored[change.id], vectors[side]) for side in sides)):
                todo[change.id] = vectors[goal]
    return todo


def _verify(target: Target, journal: Journal, run: Run, changes: Sequence[Change], forward: bool) -> Outcome:
    current: dict[str, bytes] = {}
    wrong: list[str] = []
    changed: list[str] = []
    missing: list[str] = []
    for batch in (changes[start : start + CHUNK] for start in range(0, len(changes), CHUNK)):
        stored = target.fetch([change.id for change in batch])
        current |= {name: journal.hash(vector) for name, vector in stored.items()}
        missing += [change.id for change in batch if change.id not in stored]
        goals = {change.id: change.new if forward else change.old for change in batch}
        odd = [change for change in batch if change.id in stored and current[change.id] != goals[change.id]]
        vectors = journal.vectors({change.old for change in odd} | {change.new for change in odd})
        for change in odd:
            held, goal = stored[change.id], goals[change.id]
            if goal != change.original and near(held, vectors[goal]):
                continue
            ours = near(held, vectors[change.old]) or near(held, vectors[change.new])
            (wrong if ours else changed).append(change.id)
            del current[change.id]
    if wrong:
        what = counted(len(wrong), "document does", "documents do")
        raise StoreError(
            f"{what} not hold what was written to the {target.kind} store: {first_few(wrong)}. Nothing is lost: the journal "
            f"{str(journal.path)!r} holds every vector of run {run.number}: {REMEDY}"
        )
    journal.finish(run.number, "done" if forward else "undone", current)
    return Outcome(journal.run(run.number), len(current), tuple(changed), tuple(missing))


def near(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Equal but for the rounding of a store that scales to unit length itself."""
    tolerance = 2e-3 if a.dtype == np.float16 else 1e-6
    if a.shape != b.shape:
        return False
    return bool(np.abs(a.astype(np.float64) - b).max() <= tolerance * max(1.0, float(np.abs(b).max())))
