"""A store put back to an earlier day, or two stores with one journal: what any run ever wrote is known for moved."""

import pytest

from nudge_core.apply import restore, survey, write


@pytest.fixture
def runs(world):
    """Three runs over the same documents, and what the store held after each; 0 is before the first."""
    states = {0: dict(world.target.held)}
    for number in (1, 2, 3):
        write(world.target, world.journal, world.ids[: 3 * number], world.vectors(number, 3 * number))
        states[number] = dict(world.target.held)
    return states


@pytest.mark.parametrize("day", [0, 1, 2, 3])
def test_a_backup_of_any_day_can_be_restored(world, runs, day):
    world.target.held = dict(runs[day])
    assert world.known_originals() == world.original
    assert restore(world.target, world.journal).changed == ()
    assert world.target.bits() == world.original


@pytest.mark.parametrize("day", [0, 1, 2, 3])
def test_a_run_over_a_backup_takes_no_moved_vector_for_an_original(world, runs, day):
    world.target.held = dict(runs[day])
    write(world.target, world.journal, world.ids[:1], world.vectors(9, 1))
    assert set(survey(world.target, world.journal).originals) == {"d0"}
    assert world.known_originals() == world.original
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


def test_a_backup_after_a_restore(world, runs):
    restore(world.target, world.journal)
    world.target.held = dict(runs[3])
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


def test_a_run_had_again_over_a_backup(world, runs):
    world.target.held = dict(runs[1])
    restore(world.target, world.journal, 2)
    assert world.target.bits() == {name: vector.tobytes() for name, vector in runs[2].items()}


def test_a_backup_of_a_store_that_scales(world):
    """What stands is not bit for bit what was written."""
    world.target.rounding = 1e-6
    world.target.takes = lambda name, vector: vector * vector.dtype.type(1 + 2e-7)
    write(world.target, world.journal, world.ids, world.vectors(1))
    backup = dict(world.target.held)
    write(world.target, world.journal, world.ids, world.vectors(2))
    world.target.held = backup
    assert set(survey(world.target, world.journal).originals) == set(world.ids)
    assert world.known_originals() == world.original


def test_two_stores_of_the_same_documents_with_one_journal(world):
    """Stores that live in memory are known by their vectors, so two of the same documents share a journal."""
    other = world.target.__class__(world.target.held, world.target.batch)
    write(world.target, world.journal, world.ids[:5], world.vectors(1, 5))
    write(other, world.journal, world.ids[3:], world.vectors(2, 6))
    for target in (world.target, other):
        assert restore(target, world.journal).changed == ()
        assert target.bits() == world.original


def test_a_backup_with_documents_that_were_forgotten_since(world, runs):
    """Added anew or deleted through the wrapper, before the backup is played back."""
    world.target.held["d0"] = world.vectors(7, 1)[0]
    del world.target.held["d1"]
    world.journal.forget(["d0", "d1"])
    outcome = restore(world.target, world.journal)
    assert (outcome.changed, outcome.missing) == ((), ())
    world.target.held = dict(runs[2])
    assert set(survey(world.target, world.journal).originals) == set(world.ids[:6])
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


def test_what_one_of_two_stores_forgets_the_other_does_not_lose(world):
    other = world.target.__class__(world.target.held, world.target.batch)
    for target in (world.target, other):
        write(target, world.journal, world.ids, world.vectors(1))
    world.target.held["d0"] = world.vectors(0)[0].copy()
    world.journal.forget(["d0"])
    restore(world.target, world.journal)
    restore(other, world.journal)
    assert world.target.bits() == other.bits() == world.original
