"""Write vectors into a store so that nothing is lost, whatever happens; take them back; and finish what was interrupted.

The steps of a run: the plan with every old and every new vector goes into the journal; batches are written, each only where the document still
holds what the plan says, and noted; all are read back and compared; the journal notes what stands. Killed between any two of them, `recover`
sees from the journal and the store what is left to do.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.apply.journal import Change, Journal
from nudge_core.apply.records import Outcome, Run, Survey
from nudge_core.apply.target import Target
from nudge_core.errors import InputError, NudgeError, StoreError, counted, first_few

_log = logging.getLogger(__name__)

CHUNK = 1000
"""How many documents are held at a time where the store takes any number at once."""


def survey(target: Target, journal: Journal) -> Survey:
    """Compare what the journal says with what the store holds. Only documents that a run once concerned are read.

    A document that holds what an earlier run than the last wrote stands moved too: as after a backup of the store was played back, or where two
    stores in memory hold the same documents.
    """
    known = journal.documents()
    stored = target.fetch(list(known))
    moved: dict[str, bytes] = {}
    unmoved, changed = [], []
    for name, vector in stored.items():
        original, current = known[name]
        held = journal.hash(vector)
        if held == original:
            unmoved.append(name)
        elif held == current:
            moved[name] = original
        elif (earlier := _original_of(journal, name, vector)) is not None:
            moved[name] = earlier
        elif original:
            changed.append(name)
    originals = journal.vectors(moved.values())
    return Survey(
        {name: originals[moved[name]] for name in known if name in moved},
        tuple(unmoved),
        tuple(changed),
        tuple(name for name, (original, _) in known.items() if original and name not in stored),
    )


def _original_of(journal: Journal, name: str, held: NDArray[Any]) -> bytes | None:
    """The hash of the original of a document that holds what some run wrote; None where no run did."""
    written = journal.written(name)
    vectors = journal.vectors(new for _, new in written)
    return next((original for original, new in written if _near(held, vectors[new])), None)


def write(
    target: Target,
    journal: Journal,
    ids: Sequence[str],
    vectors: NDArray[Any],
    *,
    origins: NDArray[Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Outcome:
    """Put moved vectors into the store. Documents that an earlier run moved, and this one does not, get their originals back.

    Args:
        target: The collection.
        journal: Its journal.
        ids: Distinct ids of documents that are there.
        vectors: (len(ids), dim) what they shall hold.
        origins: (len(ids), dim) the originals from which they were computed, perhaps rounded to float32. A document that was embedded again
            since, or deleted, does not take part, and is listed.
        settings: What to tell of the run later; JSON.
        progress: Whether a bar is shown after two seconds.

    Raises:
        LockedError: Another process writes to the collection.
        UnfinishedRunError: An earlier run was interrupted.
        InputError: Vectors of another dimension, or that are not finite in the number type of the collection; a document twice.
        StoreError: The store failed or did not take the vectors.
        JournalError: The journal cannot be written; then nothing is written to the store.
    """
    matrix = _checked(target, ids, vectors)
    with journal.lock("nudge"):
        journal.refuse_unfinished()
        found = survey(target, journal)
        stored = target.fetch(list({**found.originals, **dict.fromkeys(ids)}))
        changed, missing = ([], []) if origins is None else _stale(found, stored, ids, np.asarray(origins))
        left = {*changed, *missing}
        new = {name: vector for name, vector in zip(ids, matrix, strict=True) if name not in left}
        done = _run(target, journal, "nudge", dict(found.originals) | new, stored, found, settings or {}, progress)
        return replace(done, changed=(*changed, *done.changed), missing=(*missing, *done.missing))


def restore(target: Target, journal: Journal, run: int | None = None, *, progress: bool = True) -> Outcome:
    """Put every original vector back, or the vectors as run number `run` left them.

    A document that was embedded again since is left alone, and listed.

    Raises:
        InputError: There is no such run, or it was undone.
        LockedError: Another process writes to the collection.
        UnfinishedRunError: An earlier run was interrupted.
        StoreError: The store failed, or did not take a vector bit for bit.
    """
    with journal.lock("restore"):
        journal.refuse_unfinished()
        found = survey(target, journal)
        wanted = dict(found.originals)
        if run is not None:
            wanted |= _state_after(journal, run, found)
        stored = target.fetch(list(wanted))
        return _run(target, journal, "restore", wanted, stored, found, {"to": run}, progress)


def recover(
    target: Target, journal: Journal, direction: Literal["forward", "back"], *, progress: bool = True
) -> Outcome:
    """Finish an interrupted run ("forward"), or undo it ("back"); nothing where none was interrupted.

    Raises:
        InputError: Another direction.
        LockedError: The run is still under way in another process.
        StoreError: The store failed again; nothing is lost, try again.
    """
    if direction not in ("forward", "back"):
        raise InputError(f'direction is {direction!r}; expected "forward" to finish the run or "back" to undo it')
    with journal.lock("recover"):
        run = journal.unfinished()
        return Outcome(None, 0) if run is None else _carry_out(target, journal, run, direction == "forward", progress)


def _checked(target: Target, ids: Sequence[str], vectors: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what overflows is not finite
        matrix = np.asarray(vectors).astype(target.dtype)
    if matrix.shape != (len(ids), target.dim) or not np.isfinite(matrix).all():
        raise InputError(
            f"vectors of shape {matrix.shape} for {len(ids)} documents of dimension {target.dim}: expected finite ones of {target.dtype}, "
            "one a document"
        )
    if twice := [name for name, count in Counter(ids).items() if count > 1]:
        raise InputError(f"documents that are given more than once: {first_few(twice)}. Give one vector a document")
    return matrix


def _stale(
    found: Survey, stored: Mapping[str, NDArray[Any]], ids: Sequence[str], origins: NDArray[Any]
) -> tuple[list[str], list[str]]:
    """Documents whose original is another than that which was computed with, and those that are gone."""
    changed, missing = [], []
    for name, origin in zip(ids, origins, strict=True):
        now = found.originals.get(name, stored.get(name))
        if now is None:
            missing.append(name)
        elif not np.array_equal(now.astype(origin.dtype), origin):
            changed.append(name)
    return changed, missing


def _state_after(journal: Journal, number: int, found: Survey) -> dict[str, NDArray[Any]]:
    run = next((run for run in journal.runs() if run.number == number), None)
    if run is None or run.state != "done":
        done = [run.number for run in journal.runs() if run.state == "done"]
        raise InputError(
            f"run is {number!r}; expected the number of a run that was done: {first_few(done) or 'there is none'}; history() lists them"
        )
    known = journal.documents()
    originals = {name: journal.hash(vector) for name, vector in found.originals.items()}
    originals |= {name: known[name][0] for name in found.unmoved}
    changes = [change for change in journal.changes(number) if originals.get(change.id) == change.original]
    vectors = journal.vectors(c.new for c in changes)
    return {c.id: vectors[c.new] for c in changes}


def _run(
    target: Target,
    journal: Journal,
    kind: str,
    wanted: Mapping[str, NDArray[Any]],
    old: Mapping[str, NDArray[Any]],
    found: Survey,
    settings: Mapping[str, Any],
    progress: bool,
) -> Outcome:
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

    changes = [
        Change(name, keep(found.originals.get(name, old[name])), keep(old[name]), keep(wanted[name])) for name in ids
    ]
    left = {
        "changed": found.changed if kind == "restore" else (),
        "missing": found.missing if kind == "restore" else (),
    }
    if all(change.old == change.new for change in changes) and (kind == "restore" or not changes):
        return Outcome(None, len(changes), **left)
    number = journal.begin(kind, changes, vectors, settings)
    run = next(run for run in journal.runs() if run.number == number)
    done = _carry_out(target, journal, run, True, progress)
    return Outcome(done.run, done.documents, left["changed"] + done.changed, left["missing"] + done.missing)


def _carry_out(target: Target, journal: Journal, run: Run, forward: bool, progress: bool) -> Outcome:
    changes = journal.changes(run.number)
    size = target.batch or max(1, len(changes))
    with tqdm(total=len(changes), unit=" vectors", desc=run.kind, delay=2, disable=not progress, leave=False) as bar:
        try:
            for start in range(0, len(changes), size):
                batch = changes[start : start + size]
                todo = _still_to_write(target, journal, batch, forward)
                if todo:
                    target.replace(list(todo), np.stack(list(todo.values())))
                    journal.mark(run.number, todo)
                bar.update(len(batch))
            return _verify(target, journal, run, changes, forward)
        except NudgeError:
            raise
        except KeyboardInterrupt:
            _log.warning(
                '%s: run %d was interrupted; recover("forward") finishes it, recover("back") undoes it',
                target.kind,
                run.number,
            )
            raise
        except Exception as error:
            raise StoreError(
                f"the {target.kind} store failed during {run.kind} ({type(error).__name__}: {error}). Nothing is lost: the journal "
                f'{str(journal.path)!r} holds every vector of run {run.number}. When the store is back, recover("forward") finishes it, '
                'recover("back") undoes it'
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
            if held != goal and (held in sides or any(_near(stored[change.id], vectors[side]) for side in sides)):
                todo[change.id] = vectors[goal]
    return todo


def _verify(target: Target, journal: Journal, run: Run, changes: Sequence[Change], forward: bool) -> Outcome:
    current: dict[str, bytes] = {}
    wrong: list[str] = []
    changed: list[str] = []
    missing: list[str] = []
    for batch in _pieces(changes, CHUNK):
        stored = target.fetch([change.id for change in batch])
        current |= {name: journal.hash(vector) for name, vector in stored.items()}
        missing += [change.id for change in batch if change.id not in stored]
        goals = {change.id: change.new if forward else change.old for change in batch}
        odd = [change for change in batch if change.id in stored and current[change.id] != goals[change.id]]
        vectors = journal.vectors({change.old for change in odd} | {change.new for change in odd})
        for change in odd:
            held, goal = stored[change.id], goals[change.id]
            if goal != change.original and _near(held, vectors[goal]):
                continue
            ours = _near(held, vectors[change.old]) or _near(held, vectors[change.new])
            (wrong if ours else changed).append(change.id)
            del current[change.id]
    if wrong:
        what = counted(len(wrong), "document does", "documents do")
        raise StoreError(
            f"{what} not hold what was written to the {target.kind} store: {first_few(wrong)}. Nothing is lost: the journal "
            f'{str(journal.path)!r} holds every vector. recover("forward") tries again, recover("back") undoes run {run.number}'
        )
    journal.finish(run.number, "done" if forward else "undone", current)
    ended = next(one for one in journal.runs() if one.number == run.number)
    return Outcome(ended, len(current), tuple(changed), tuple(missing))


def _near(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Equal but for the rounding of a store that scales to unit length itself."""
    tolerance = 2e-3 if a.dtype == np.float16 else 1e-6
    if a.shape != b.shape:
        return False
    return bool(np.abs(a.astype(np.float64) - b).max() <= tolerance * max(1.0, float(np.abs(b).max())))


def _pieces(items: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
