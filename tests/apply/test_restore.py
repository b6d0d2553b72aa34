"""Restoring: every original comes back to the last bit, what is not ours is left alone, and any run can be had again."""

import numpy as np
import pytest

from nudge_core.apply import restore, survey, write
from nudge_core.errors import InputError


def awkward(dtype):
    """(rows, 4) vectors whose bits are lost by anything but a copy."""
    info = np.finfo(dtype)
    rows = [
        [-0.0, 0.0, 1.0, -1.0],
        [info.smallest_subnormal, -info.smallest_subnormal, info.tiny, 1.0],
        [info.max, info.min, 0.0, -0.0],
        [1.0, np.nextafter(dtype(1), dtype(2)), np.nextafter(dtype(1), dtype(0)), dtype(1) / dtype(3)],
        [0.1, 0.2, 0.3, -0.0],
    ]
    return np.asarray(rows, dtype)


@pytest.mark.parametrize("batch", [2, None])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_bit_comes_back(make, dtype, batch):
    world = make(dtype, docs=5, dim=4, batch=batch)
    for name, vector in zip(world.ids, awkward(dtype), strict=True):
        world.target.held[name] = vector
    before = world.target.bits()
    for seed in range(3):
        write(world.target, world.journal, world.ids, world.vectors(seed))
    assert world.known_originals() == before
    assert restore(world.target, world.journal).documents == 5
    assert world.target.bits() == before


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_bit_is_written(make, dtype):
    """Zero moved to minus zero and back: near is not equal."""
    world = make(dtype, docs=5, dim=4)
    before, moved = world.target.bits(), awkward(dtype)
    write(world.target, world.journal, world.ids, moved)
    for goal in (moved, np.where(moved == 0, -moved, moved)):
        write(world.target, world.journal, world.ids, goal)
        assert world.target.bits() == dict(zip(world.ids, map(np.ndarray.tobytes, goal), strict=True))
    restore(world.target, world.journal)
    assert world.target.bits() == before


def test_restoring_is_a_run_of_its_own_and_twice_is_once(world):
    write(world.target, world.journal, world.ids[:3], world.vectors(1, 3))
    first, second = restore(world.target, world.journal), restore(world.target, world.journal)
    assert (first.run.number, first.run.kind, first.documents) == (2, "restore", 3)
    assert (second.run, second.documents) == (None, 0)
    assert [run.kind for run in world.journal.runs()] == ["nudge", "restore"]


def test_before_any_run_there_is_nothing_to_restore(world):
    outcome = restore(world.target, world.journal)
    assert (outcome.run, outcome.documents, world.target.writes) == (None, 0, [])


def test_what_was_embedded_again_is_left_alone_and_listed(world):
    write(world.target, world.journal, world.ids[:4], world.vectors(1, 4))
    world.target.held["d1"] = again = world.vectors(7, 1)[0]
    outcome = restore(world.target, world.journal)
    assert (outcome.changed, outcome.missing, outcome.documents) == (("d1",), (), 3)
    assert world.target.bits() == world.original | {"d1": again.tobytes()}
    assert restore(world.target, world.journal).changed == ("d1",), "told again, though there is nothing to do"


def test_what_was_embedded_again_is_the_original_of_the_next_run(world):
    write(world.target, world.journal, ["d1"], world.vectors(1, 1))
    world.target.held["d1"] = again = world.vectors(7, 1)[0]
    write(world.target, world.journal, ["d1"], world.vectors(2, 1))
    assert restore(world.target, world.journal).changed == ()
    assert world.target.bits() == world.original | {"d1": again.tobytes()}


def test_what_was_deleted_is_listed_and_never_added(world):
    write(world.target, world.journal, world.ids[:4], world.vectors(1, 4))
    del world.target.held["d2"]
    outcome = restore(world.target, world.journal)
    assert (outcome.changed, outcome.missing, outcome.documents) == ((), ("d2",), 3)
    assert "d2" not in world.target.held


def test_what_was_deleted_and_came_back_moved_is_restored(world):
    """As after a backup: the journal still knows it."""
    write(world.target, world.journal, world.ids, world.vectors(1))
    gone = world.target.held.pop("d2")
    restore(world.target, world.journal)
    world.target.held["d2"] = gone
    assert restore(world.target, world.journal).documents == 1
    assert world.target.bits() == world.original


def test_a_run_can_be_had_again_to_the_last_bit(world):
    states = {}
    for number, (first, last) in enumerate([(0, 4), (2, 6), (5, 9)], 1):
        write(world.target, world.journal, world.ids[first:last], world.vectors(number, last - first))
        states[number] = world.target.bits()
    for number in (1, 3, 2, 2, 1):
        restore(world.target, world.journal, number)
        assert world.target.bits() == states[number]
        assert world.known_originals() == world.original
    restore(world.target, world.journal, 4)  # itself a restore of run 1
    assert world.target.bits() == states[1]
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


def test_a_run_had_again_leaves_alone_what_was_embedded_again_since(world):
    write(world.target, world.journal, world.ids[:3], world.vectors(1, 3))
    state = world.target.bits()
    world.target.held["d1"] = again = world.vectors(7, 1)[0]
    write(world.target, world.journal, world.ids[:3], world.vectors(2, 3))
    restore(world.target, world.journal, 1)
    assert world.target.bits() == state | {"d1": again.tobytes()}, "run 1 moved another d1, whose text was another"


@pytest.mark.parametrize("run", [0, 2, -1, 99, "1", None])
def test_a_run_that_there_is_not(world, run):
    write(world.target, world.journal, ["d0"], world.vectors(1, 1))
    if run is None:
        world = type(world)(world.folder / "other")
        with pytest.raises(InputError, match="there is none"):
            restore(world.target, world.journal, 1)
        return
    with pytest.raises(
        InputError, match=rf"run is {run!r}; expected the number of a run that was done: 1; history\(\)"
    ):
        restore(world.target, world.journal, run)
    assert set(survey(world.target, world.journal).originals) == {"d0"}
