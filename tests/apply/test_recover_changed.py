"""Between an interrupted run and its recovery people go on working: what they did is never written over, and nothing is lost."""

import pytest

from nudge_core.apply import recover, restore, survey, write
from nudge_core.errors import StoreError


@pytest.fixture
def half_way(world):
    """A run over nine documents, four written."""
    world.target.on_replace = world.stopping(2, ConnectionError("gone"))
    with pytest.raises(StoreError):
        write(world.target, world.journal, world.ids, world.vectors(1))
    world.target.on_replace = lambda ids: None
    return world


directions = pytest.mark.parametrize("direction", ["forward", "back"])
documents = pytest.mark.parametrize("name", ["d0", "d8"], ids=["written", "not-yet-written"])


@directions
@documents
def test_embedded_again(half_way, direction, name):
    half_way.target.held[name] = again = half_way.vectors(7, 1)[0]
    outcome = recover(half_way.target, half_way.journal, direction)
    assert (outcome.changed, outcome.missing, outcome.documents) == ((name,), (), 8)
    assert half_way.target.bits()[name] == again.tobytes()
    restore(half_way.target, half_way.journal)
    assert half_way.target.bits() == half_way.original | {name: again.tobytes()}


@directions
@documents
def test_deleted(half_way, direction, name):
    del half_way.target.held[name]
    outcome = recover(half_way.target, half_way.journal, direction)
    assert (outcome.changed, outcome.missing, outcome.documents) == ((), (name,), 8)
    restore(half_way.target, half_way.journal)
    expected = dict(half_way.original)
    del expected[name]
    assert half_way.target.bits() == expected


@directions
@documents
def test_added_anew_and_forgotten(half_way, direction, name):
    """The same text, so the same vector; what the run then does to it must be known."""
    original = dict(zip(half_way.ids, half_way.vectors(0), strict=True))[name]
    half_way.target.held[name] = original.copy()
    half_way.journal.forget([name])
    recover(half_way.target, half_way.journal, direction)
    assert half_way.known_originals() == half_way.original
    restore(half_way.target, half_way.journal)
    assert half_way.target.bits() == half_way.original


@directions
def test_everything_deleted(half_way, direction):
    half_way.target.held.clear()
    outcome = recover(half_way.target, half_way.journal, direction)
    assert (outcome.documents, len(outcome.missing), half_way.target.held) == (0, 9, {})
    assert half_way.journal.unfinished() is None


def test_forgotten_while_a_run_is_under_way(world):
    """Somebody adds a document anew through the wrapper between two writes."""

    def add(ids):
        if "d4" in ids:
            world.target.held["d8"] = world.vectors(0)[8].copy()
            world.journal.forget(["d8"])

    world.target.on_replace = add
    write(world.target, world.journal, world.ids, world.vectors(1))
    world.target.on_replace = lambda ids: None
    assert world.known_originals() == world.original
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


@pytest.mark.parametrize("name", ["d0", "d8"])
def test_embedded_again_while_a_run_is_under_way(world, name):
    """Before its write it is left alone; after it too, and both are told."""
    again = world.vectors(7, 1)[0]

    def embed(ids):
        if "d4" in ids:
            world.target.held[name] = again.copy()

    world.target.on_replace = embed
    outcome = write(world.target, world.journal, world.ids, world.vectors(1))
    assert (outcome.changed, outcome.documents) == ((name,), 8)
    assert world.target.bits()[name] == again.tobytes()
    assert name not in survey(world.target, world.journal).originals


def test_deleted_while_a_run_is_under_way(world):
    def delete(ids):
        if "d4" in ids:
            world.target.held.pop("d4", None)

    world.target.on_replace = delete
    outcome = write(world.target, world.journal, world.ids, world.vectors(1))
    assert (outcome.missing, outcome.documents) == (("d4",), 8)
    assert "d4" not in world.target.held
