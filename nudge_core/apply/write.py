"""Write vectors into a store so that nothing is lost, whatever happens; take them back; and finish what was interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from nudge_core.apply.equality import near
from nudge_core.apply.journal import Journal
from nudge_core.apply.memory import current_map, map_of
from nudge_core.apply.pruning import prune_old
from nudge_core.apply.records import Direction, Outcome, Survey, Target
from nudge_core.apply.running import carry_out, plan_and_carry_out
from nudge_core.errors import InputError, first_few


def survey(target: Target, journal: Journal) -> Survey:
    """Compare what the journal says with what the store holds. Only documents that a run once concerned are read.

    A document that holds what an earlier run than the last wrote stands moved too: as after a backup of the store was played back, or where two
    stores in memory hold the same documents.
    """
    known = journal.documents()
    stored = target.fetch(list(known))
    moved: dict[str, bytes] = {}
    unmoved, changed = [], []
    hashes = {name: journal.hash(vector) for name, vector in stored.items()}
    for name, vector in stored.items():
        original, current = known[name]
        held = hashes[name]
        if held == original:
            unmoved.append(name)
        elif held == current:
            moved[name] = original
        elif (earlier := _original_of(target, journal, name, vector)) is not None:
            moved[name] = earlier
        elif original:
            changed.append(name)
    originals = journal.vectors(moved.values())
    return Survey(
        {name: originals[moved[name]] for name in known if name in moved},
        tuple(unmoved),
        tuple(changed),
        tuple(name for name, (original, _) in known.items() if original and name not in stored),
        {name: hashes[name] for name in (*moved, *unmoved)},
    )


def _changed_since(found: Survey, journal: Journal, stored: Mapping[str, NDArray[Any]]) -> list[str]:
    """The ids that hold another vector now than when the survey read them."""
    return [name for name, held in found.held.items() if name in stored and journal.hash(stored[name]) != held]


def _original_of(target: Target, journal: Journal, name: str, held: NDArray[Any]) -> bytes | None:
    """The hash of the original of a document that holds what some run wrote; None where no run did."""
    written, own = journal.written(name), journal.hash(held)
    if not target.rounding:
        kept = next((original for original, new in written if new == own), None)
        return journal.original_of_past(name, own) if kept is None else kept
    vectors = journal.vectors(new for _, new in written)
    kept = next((original for original, new in written if near(held, vectors[new], target.rounding)), None)
    return journal.original_of_past(name, own) if kept is None else kept


def write(
    target: Target,
    journal: Journal,
    ids: Sequence[str],
    vectors: NDArray[Any],
    *,
    origins: NDArray[Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
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
        only: The documents that this run is about; what an earlier run moved beside them stays as it is. All where it is None.
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
        changed += [name for name in _changed_since(found, journal, stored) if name not in changed]
        missing += [name for name in found.originals if name not in stored and name not in missing]
        left = {*changed, *missing}
        beside = set() if only is None else {name for name in found.originals if name not in only and name in stored}
        standing = {name: stored[name] for name in beside}
        wanted = dict(found.originals) | standing | dict(zip(ids, matrix, strict=True))
        wanted = {name: vector for name, vector in wanted.items() if name not in left}
        done = plan_and_carry_out(target, journal, "nudge", wanted, stored, found, settings or {}, progress)
        prune_old(journal)
        back = len(found.originals.keys() - set(ids) - left - beside)
        return replace(done, changed=(*changed, *done.changed), missing=(*missing, *done.missing), put_back=back)


def restore(
    target: Target,
    journal: Journal,
    run: int | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Outcome:
    """Put every original vector back, or the vectors as run number `run` left them.

    A document that was embedded again since is left alone, and listed. `settings` is what to tell of the run later.

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
        changed = {name for name in _changed_since(found, journal, stored) if wanted.pop(name, None) is not None}
        missing = {name for name in list(wanted) if name not in stored and wanted.pop(name) is not None}
        now = current_map(journal)
        other = (None if now is None else now[1]) != map_of(journal, run)  # it is a run too where only the map changes
        told = {**(settings or {}), "to": run}
        always = other or settings is not None
        done = plan_and_carry_out(target, journal, "restore", wanted, stored, found, told, progress, always=always)
        prune_old(journal)
        return replace(done, changed=(*changed, *done.changed), missing=(*missing, *done.missing))


def recover(target: Target, journal: Journal, direction: Direction, *, progress: bool = True) -> Outcome:
    """Finish an interrupted run ("finish", or "forward"), or undo it ("rollback", or "back"); nothing where none was interrupted.

    Raises:
        InputError: Another direction.
        LockedError: The run is still under way in another process.
        StoreError: The store failed again; nothing is lost, try again.
    """
    check_direction(direction)
    with journal.lock("recover"):
        run = journal.unfinished()
        forward = direction in ("finish", "forward")
        return Outcome(None, 0) if run is None else carry_out(target, journal, run, forward, progress, again=True)


def check_direction(direction: object) -> None:
    """Refuse another word than those of `Direction`."""
    if direction not in get_args(Direction):
        raise InputError(f'direction is {direction!r}; expected "finish" to finish the run or "rollback" to undo it')


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
    run = journal.run(number)
    if run is None or run.state != "done" or "pruned" in run.settings:
        done = [run.number for run in journal.runs() if run.state == "done" and "pruned" not in run.settings]
        raise InputError(
            f"run is {number!r}; expected the number of a run that was done: {first_few(done) or 'there is none'}; history() lists "
            "them, and those that were pruned, whose moves are no longer kept"
        )
    known = journal.documents()
    originals = {name: journal.hash(vector) for name, vector in found.originals.items()}
    originals |= {name: known[name][0] for name in found.unmoved}
    changes = [change for change in journal.changes(number) if originals.get(change.id) == change.original]
    vectors = journal.vectors(c.new for c in changes)
    return {c.id: vectors[c.new] for c in changes}
