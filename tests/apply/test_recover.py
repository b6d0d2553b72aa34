"""A run that is interrupted: refused until it is finished or undone, and both are possible wherever it stopped."""

import numpy as np
import pytest

from nudge_core.apply import recover, restore, write
from nudge_core.errors import InputError, StoreError, UnfinishedRunError

GONE = ConnectionError("the server went away")


def start(world, seed=1):
    return write(world.target, world.journal, world.ids, world.vectors(seed))


def wanted(world, seed=1):
    return dict(zip(world.ids, map(np.ndarray.tobytes, world.vectors(seed)), strict=True))


def back_in_service(world, reopened=True):
    world.target.on_replace = world.target.on_fetch = lambda ids: None
    if reopened:
        world.journal = world.open()


@pytest.fixture(params=range(5), ids=lambda n: f"after-{n}-writes")
def interrupted(world, request):
    """The store is gone before write number n of five."""
    world.target.on_replace = world.stopping(request.param, GONE)
    with pytest.raises(StoreError, match="ConnectionError: the server went away"):
        start(world)
    back_in_service(world)
    assert len(world.target.writes) == request.param
    return world


@pytest.mark.parametrize("direction", ["finish", "rollback", "forward", "back"])
def test_it_is_finished_or_undone(interrupted, direction):
    outcome = recover(interrupted.target, interrupted.journal, direction)
    finished = direction in ("finish", "forward")
    assert interrupted.target.bits() == (wanted(interrupted) if finished else interrupted.original)
    assert (outcome.documents, outcome.run.state) == (9, "done" if finished else "undone")
    assert recover(interrupted.target, interrupted.journal, direction).run is None, "nothing is left to do"
    restore(interrupted.target, interrupted.journal)
    assert interrupted.target.bits() == interrupted.original


def test_nothing_is_written_twice(interrupted):
    recover(interrupted.target, interrupted.journal, "forward")
    assert sorted(name for ids in interrupted.target.writes for name in ids) == interrupted.ids


def test_nothing_else_begins_before(interrupted):
    before = interrupted.target.bits()
    said = r'run 1 \(nudge, begun .*\) was interrupted after \d of 9 documents: recover\("finish"\) finishes.*recover\("rollback"\) undoes'
    with pytest.raises(UnfinishedRunError, match=said):
        start(interrupted, 2)
    with pytest.raises(UnfinishedRunError, match=said):
        restore(interrupted.target, interrupted.journal)
    with pytest.raises(UnfinishedRunError, match=said):
        restore(interrupted.target, interrupted.journal, 1)
    assert interrupted.target.bits() == before
    assert interrupted.known_originals() == interrupted.original, "known all the while"


def test_how_far_it_came_is_told(interrupted):
    run = interrupted.journal.unfinished()
    done = sum(map(len, interrupted.target.writes))
    assert (run.number, run.state, run.documents, run.written, run.finished) == (1, "writing", 9, done, None)


def test_the_message_says_where_everything_is_and_what_to_do(world):
    world.target.on_replace = world.stopping(1, GONE)
    with pytest.raises(StoreError) as caught:
        start(world)
    for part in ("Dict store failed during nudge", str(world.journal.path), 'recover("finish")', 'recover("rollback")'):
        assert part in str(caught.value)
    assert caught.value.__cause__ is GONE


@pytest.mark.parametrize("reads", range(2, 8))
@pytest.mark.parametrize("direction", ["forward", "back"])
def test_reading_fails(world, reads, direction):
    """Before the first write, between writes, or while all are read back."""
    world.target.on_fetch = world.stopping(reads, GONE)
    with pytest.raises(StoreError, match=r"ConnectionError.*recover\("):
        start(world)
    back_in_service(world)
    recover(world.target, world.journal, direction)
    assert world.target.bits() == (wanted(world) if direction == "forward" else world.original)


@pytest.mark.parametrize("reads", [0, 1])
def test_reading_fails_before_the_run_begins(world, reads):
    world.target.on_fetch = world.stopping(reads, GONE)
    with pytest.raises(ConnectionError):
        start(world)
    assert (world.target.writes, world.journal.runs()) == ([], [])


@pytest.mark.parametrize("direction", ["forward", "back"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError("no memory")])
def test_stopped_by_hand(world, error, direction):
    world.target.on_replace = world.stopping(3, error)
    with pytest.raises((type(error), StoreError)):
        start(world)
    back_in_service(world, reopened=False)
    with pytest.raises(UnfinishedRunError):
        start(world)
    recover(world.target, world.journal, direction)
    assert world.target.bits() == (wanted(world) if direction == "forward" else world.original)


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_half_a_batch_was_written(world, direction):
    """The store took the first of two and then failed."""

    def half(ids):
        if "d4" in ids:
            world.target.held["d4"] = world.vectors(1)[4].copy()
            raise GONE

    world.target.on_replace = half
    with pytest.raises(StoreError):
        start(world)
    back_in_service(world)
    recover(world.target, world.journal, direction)
    assert world.target.bits() == (wanted(world) if direction == "forward" else world.original)


def test_recovering_fails_too_again_and_again(world):
    for _ in range(4):
        world.target.on_replace = world.stopping(1, GONE)
        with pytest.raises(StoreError):
            recover(world.target, world.journal, "forward") if world.journal.runs() else start(world)
        back_in_service(world)
    world.target.on_replace = world.stopping(1, GONE)
    with pytest.raises(StoreError):
        recover(world.target, world.journal, "back")
    back_in_service(world)
    recover(world.target, world.journal, "back")
    assert world.target.bits() == world.original
    assert [run.state for run in world.journal.runs()] == ["undone"]


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_a_restore_is_interrupted(world, direction):
    start(world)
    world.target.on_replace = world.stopping(2, GONE)
    with pytest.raises(StoreError, match="during restore"):
        restore(world.target, world.journal)
    back_in_service(world)
    recover(world.target, world.journal, direction)
    assert world.target.bits() == (world.original if direction == "forward" else wanted(world))
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


def test_undoing_the_second_run_gives_the_first(world):
    start(world)
    world.target.on_replace = world.stopping(2, GONE)
    with pytest.raises(StoreError):
        write(world.target, world.journal, world.ids[3:], world.vectors(2, 6))
    back_in_service(world)
    recover(world.target, world.journal, "back")
    assert world.target.bits() == wanted(world)
    assert [run.state for run in world.journal.runs()] == ["done", "undone"]
    with pytest.raises(InputError, match=r"run is 2; expected .* done: 1;"):
        restore(world.target, world.journal, 2)


@pytest.mark.parametrize("direction", ["forwards", "", None, "undo", 1])
def test_another_direction(world, direction):
    with pytest.raises(InputError, match=r'expected "finish" to finish the run or "rollback" to undo it'):
        recover(world.target, world.journal, direction)


def test_nothing_to_recover(world):
    start(world)
    outcome = recover(world.target, world.journal, "back")
    assert (outcome.run, outcome.documents) == (None, 0)
    assert world.target.bits() == wanted(world)
