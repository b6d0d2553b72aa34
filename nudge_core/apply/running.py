"""A run: planned in the journal, carried out in the store batch by batch, read back, and ended.

The steps: the plan with every old and every new vector goes into the journal; batches are written, each only where the document still holds what
the plan says, and noted; all are read back and compared; the journal notes what stands. Killed between any two of them, `recover` sees from the
journal and the store what is left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.apply.journal import REMEDY, Change, Journal
from nudge_core.apply.records import Outcome, Run, Survey, Target
from nudge_core.clock import progress_bar
from nudge_core.errors import NudgeError, StoreError, counted, first_few

_log = logging.getLogger(__name__)

CHUNK = 1000
"""How many documents are held at a time where the store takes any number at once."""
_LAST_BITS = 4  # so far beside what was written, in units of the number type, is a fault of the store
_ROUNDS = 3  # who adds a document again, as it was, while it is written, is met by the next one


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


def carry_out(
    target: Target, journal: Journal, run: Run, forward: bool, progress: bool, *, again: bool = False
) -> Outcome:
    """Bring the store to what a run wants, or back to what was before it; whatever was done of it already.

    Args:
        target: The collection.
        journal: Its journal, locked.
        run: What it is.
        forward: Which way.
        progress: Whether a bar is shown.
        again: Whether it was tried before, so that a store which changes last bits may hold what it made of what it was given.
    """
    slack = max(target.rounding, _LAST_BITS * float(np.finfo(target.dtype).eps)) if again else target.rounding
    changes = journal.changes(run.number)
    overwritten: set[str] = set()
    with progress_bar(len(changes), run.kind, progress, unit=" vectors", unit_scale=False) as bar:
        try:
            for left in reversed(range(_ROUNDS)):
                overwritten |= _write(target, journal, run, changes, forward, bar.update, slack)
                found = _compare(target, journal, changes, forward, overwritten)
                if not found.wrong:
                    break
                if not left:
                    raise _not_taken(target, journal, run, found.wrong)
            return _end(target, journal, run, found, forward, overwritten)
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


def _write(
    target: Target,
    journal: Journal,
    run: Run,
    changes: Sequence[Change],
    forward: bool,
    tick: Callable[[int], object],
    slack: float,
) -> set[str]:
    """Write what does not stand as wanted yet, batch by batch; the documents that somebody changed in the moment of writing."""
    size = target.batch or max(1, len(changes))
    overwritten: set[str] = set()
    for start in range(0, len(changes), size):
        batch = changes[start : start + size]
        held, new = _still_to_write(target, journal, batch, forward, slack)
        if new:
            with journal.together(target):
                overwritten.update(target.replace(held, np.stack(new)) or ())
                journal.mark(run.number, held)
        tick(len(batch))
    return overwritten


def _still_to_write(
    target: Target, journal: Journal, batch: Sequence[Change], forward: bool, slack: float
) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
    """Of a batch what does not hold its goal yet: what each holds, and what it shall hold.

    What neither this run nor the one before it wrote is left alone. Before anything is written over, the journal gives both vectors of each
    document: what is lost there must stay in the store.
    """
    stored = target.fetch([change.id for change in batch])
    vectors = journal.vectors({change.old for change in batch} | {change.new for change in batch})
    held, new = {}, []
    for change in batch:
        vector, goal = stored.get(change.id), change.new if forward else change.old
        if vector is None or journal.hash(vector) == goal:
            continue
        if any(near(vector, vectors[side], slack) for side in (change.old, change.new)):
            held[change.id] = vector
            new.append(vectors[goal])
    return held, new


@dataclass
class _Compared:
    """What stands in the store beside what a run wants.

    Attributes:
        current: {id: hash of what it holds} of the documents that stand as wanted.
        wrong: ids that hold the other side of their change, or a vector next to the one wanted.
        changed: ids that hold something else.
        missing: ids that are not there.
    """

    current: dict[str, bytes] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _compare(
    target: Target, journal: Journal, changes: Sequence[Change], forward: bool, overwritten: Container[str]
) -> _Compared:
    """Read all documents of a run again."""
    found, beside = _Compared(), max(target.rounding, _LAST_BITS * float(np.finfo(target.dtype).eps))
    for batch in (changes[start : start + CHUNK] for start in range(0, len(changes), CHUNK)):
        stored = target.fetch([change.id for change in batch])
        held = {name: journal.hash(vector) for name, vector in stored.items()}
        goals = {change.id: change.new if forward else change.old for change in batch}
        odd = [change for change in batch if change.id in stored and held[change.id] != goals[change.id]]
        vectors = journal.vectors({change.old for change in odd} | {change.new for change in odd})
        for change in batch:
            name, goal = change.id, goals[change.id]
            if name not in stored:
                found.missing.append(name)
            elif name in overwritten:
                continue
            elif held[name] == goal or (goal != change.original and near(stored[name], vectors[goal], target.rounding)):
                found.current[name] = held[name]
            else:
                ours = near(stored[name], vectors[goal], beside)
                ours |= any(near(stored[name], vectors[side], target.rounding) for side in (change.old, change.new))
                (found.wrong if ours else found.changed).append(name)
    return found


def _end(
    target: Target, journal: Journal, run: Run, found: _Compared, forward: bool, overwritten: Collection[str]
) -> Outcome:
    """Note the end of a run, and say aloud what went wrong."""
    journal.disown(overwritten)
    journal.finish(run.number, "done" if forward else "undone", found.current)
    lost = tuple(sorted(overwritten))
    if lost:
        _log.warning(
            "%s: %s changed by somebody in the very moment of writing, and may hold a vector of the text before: add again %s",
            target.kind,
            counted(len(lost), "document was", "documents were"),
            first_few(lost),
        )
    return Outcome(
        journal.run(run.number), len(found.current), tuple(found.changed), tuple(found.missing), overwritten=lost
    )


def _not_taken(target: Target, journal: Journal, run: Run, wrong: Sequence[str]) -> StoreError:
    what = counted(len(wrong), "document does", "documents do")
    return StoreError(
        f"{what} not hold what was written to the {target.kind} store: {first_few(wrong)}. Nothing is lost: the journal "
        f"{str(journal.path)!r} holds every vector of run {run.number}: {REMEDY}"
    )
