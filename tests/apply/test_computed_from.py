"""Between reading the store and writing to it people go on working: no document gets a vector computed from what it no longer is."""

import numpy as np
import pytest

from nudge_core.apply import restore, survey, write


def start(world, origins, seed=1, docs=slice(None)):
    ids = world.ids[docs]
    return write(world.target, world.journal, ids, world.vectors(seed)[docs], origins=origins[docs])


@pytest.fixture(params=[np.float16, np.float32, np.float64])
def any_type(make, request):
    return make(request.param)


def as_read(world):
    """The originals as they are computed with."""
    return world.vectors(0).astype(np.float32)


def test_what_is_as_it_was_is_written(any_type):
    outcome = start(any_type, as_read(any_type))
    assert (outcome.documents, outcome.changed, outcome.missing) == (9, (), ())
    again = start(any_type, as_read(any_type), 2)
    assert (again.documents, again.changed) == (9, ()), "what an earlier run moved still has its original"
    restore(any_type.target, any_type.journal)
    assert any_type.target.bits() == any_type.original


def test_what_was_embedded_again_is_left_alone(any_type):
    world = any_type
    world.target.held["d3"] = again = world.vectors(7, 1)[0]
    del world.target.held["d5"]
    outcome = start(world, as_read(world))
    assert (outcome.documents, outcome.changed, outcome.missing) == (7, ("d3",), ("d5",))
    assert world.target.bits()["d3"] == again.tobytes()
    assert "d5" not in world.target.held
    restore(world.target, world.journal)
    expected = world.original | {"d3": again.tobytes()}
    del expected["d5"]
    assert world.target.bits() == expected


def test_what_an_earlier_run_moved_and_was_embedded_again(world):
    start(world, as_read(world))
    world.target.held["d3"] = again = world.vectors(7, 1)[0]
    outcome = start(world, as_read(world), 2)
    assert (outcome.documents, outcome.changed) == (8, ("d3",))
    assert world.target.bits()["d3"] == again.tobytes()


def test_documents_of_an_earlier_run_still_go_back(world):
    start(world, as_read(world), docs=slice(0, 4))
    world.target.held["d6"] = world.vectors(7, 1)[0]
    start(world, as_read(world), 2, docs=slice(5, 8))
    assert set(survey(world.target, world.journal).originals) == {"d5", "d7"}


def test_all_changed(world):
    for name, vector in zip(world.ids, world.vectors(7), strict=True):
        world.target.held[name] = vector
    outcome = start(world, as_read(world))
    assert (outcome.run, outcome.changed) == (None, tuple(world.ids))
    assert world.target.writes == []


def test_a_last_bit_that_single_precision_does_not_show_is_no_change(make):
    world = make(np.float64)
    exact = world.vectors(0)
    assert (exact.astype(np.float32) != exact).any()
    assert start(world, exact.astype(np.float32)).changed == ()
