"""Stores that do not do what they were told: it is noticed by reading back, and can be recovered."""

import numpy as np
import pytest

from nudge_core.apply import recover, restore, survey, write
from nudge_core.errors import StoreError, UnfinishedRunError


def refuse(*names):
    """A store that silently does not take these."""
    return lambda name, vector: None if name in names else vector


def start(world, seed=1):
    return write(world.target, world.journal, world.ids, world.vectors(seed))


def test_a_vector_that_was_not_taken_is_named(world):
    world.target.takes = refuse("d3", "d7")
    with pytest.raises(
        StoreError, match=r"2 documents do not hold what was written to the Dict store: 'd3', 'd7'.*recover"
    ):
        start(world)
    with pytest.raises(UnfinishedRunError):
        start(world)


@pytest.mark.parametrize("direction", ["forward", "back"])
def test_recovering_later_works(world, direction):
    world.target.takes = refuse("d3")
    with pytest.raises(StoreError):
        start(world)
    with pytest.raises(StoreError, match="'d3'"):
        recover(world.target, world.journal, "forward")  # it still does not
    world.target.takes = refuse()
    recover(world.target, world.journal, direction)
    goal = dict(zip(world.ids, map(np.ndarray.tobytes, world.vectors(1)), strict=True))
    assert world.target.bits() == (goal if direction == "forward" else world.original)


def test_originals_that_were_not_taken_are_named(world):
    start(world)
    world.target.takes = refuse("d2")
    with pytest.raises(StoreError, match=r"1 document does not hold.*'d2'"):
        restore(world.target, world.journal)
    world.target.takes = refuse()
    recover(world.target, world.journal, "forward")
    assert world.target.bits() == world.original


def test_an_original_that_loses_its_last_bit_is_no_original(world):
    start(world)
    world.target.takes = lambda name, vector: vector if name != "d2" else np.nextafter(vector, np.float32(9))
    with pytest.raises(StoreError, match="'d2'"):
        restore(world.target, world.journal)
    world.target.takes = refuse()
    recover(world.target, world.journal, "forward")
    assert world.target.bits() == world.original


def test_minus_zero_that_becomes_zero_is_no_original(world):
    world.target.held["d2"] = np.asarray([-0.0, 1.0, 0.0], np.float32)
    start(world)
    world.target.takes = lambda name, vector: vector + 0.0
    with pytest.raises(StoreError, match="'d2'"):
        restore(world.target, world.journal)


def test_a_vector_in_the_wrong_place_is_no_success(world):
    """Two ids mixed up by the store: neither holds what was meant for it, so neither is called done."""
    world.target.batch = None
    rows = dict(zip(world.ids, world.vectors(1), strict=True))
    world.target.takes = lambda name, vector: rows[{"d1": "d2", "d2": "d1"}.get(name, name)]
    outcome = start(world)
    assert outcome.changed == ("d1", "d2")
    assert outcome.documents == 7


def scale(name, vector):
    """A store that scales to unit length itself, as Qdrant does for cosine."""
    return (vector / np.linalg.norm(vector)).astype(vector.dtype)


@pytest.fixture(params=[np.float16, np.float32, np.float64])
def scaling(make, request):
    """Documents as such a store returns them, and other directions nearly of unit length."""
    world = make(request.param, docs=200, dim=5, batch=64)
    world.target.takes = scale
    world.target.rounding = 4 * float(np.finfo(request.param).eps)
    world.target.replace(world.ids[:64], world.vectors(0)[:64])
    for name, vector in world.target.held.items():
        world.target.held[name] = scale(name, scale(name, vector))
    world.target.writes.clear()
    world.original = world.target.bits()
    world.unit = lambda seed: (lambda X: X / np.linalg.norm(X, axis=1, keepdims=True))(
        world.vectors(seed).astype(np.float64)
    )
    return world


def test_a_store_that_scales_takes_moves(scaling):
    outcome = write(scaling.target, scaling.journal, scaling.ids, scaling.unit(1))
    assert (outcome.documents, outcome.changed) == (200, ())
    assert set(survey(scaling.target, scaling.journal).originals) == set(scaling.ids)
    assert scaling.known_originals() == scaling.original


def test_a_store_that_scales_recovers(scaling):
    write(scaling.target, scaling.journal, scaling.ids, scaling.unit(1))
    state = scaling.target.bits()
    scaling.target.on_replace = scaling.stopping(1, ConnectionError())
    with pytest.raises(StoreError):
        write(scaling.target, scaling.journal, scaling.ids, scaling.unit(2))
    scaling.target.on_replace = lambda ids: None
    outcome = recover(scaling.target, scaling.journal, "back")
    assert (outcome.documents, outcome.changed) == (200, ())
    near = np.stack([scaling.target.held[name] for name in scaling.ids]).astype(np.float64)
    before = np.stack([np.frombuffer(state[name], scaling.dtype) for name in scaling.ids]).astype(np.float64)
    np.testing.assert_allclose(near, before, atol=3 * np.finfo(scaling.dtype).eps)
    assert scaling.known_originals() == scaling.original


def test_writing_twice_to_a_store_that_scales_equals_writing_once(scaling):
    write(scaling.target, scaling.journal, scaling.ids, scaling.unit(1))
    state = scaling.target.bits()
    outcome = write(scaling.target, scaling.journal, scaling.ids, scaling.unit(1))
    assert (outcome.documents, outcome.changed) == (200, ())
    assert scaling.target.bits() == state
    assert scaling.known_originals() == scaling.original
