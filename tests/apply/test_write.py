"""Writing: what the run wants stands in the store, and writing it twice equals writing it once."""

import numpy as np
import pytest

from nudge_core.apply import restore, survey, write
from nudge_core.errors import InputError, StoreError


def test_the_vectors_stand_and_all_others_are_left(world):
    moved = world.vectors(1, 3)
    outcome = write(world.target, world.journal, ["d1", "d4", "d7"], moved, settings={"method": "NUDGE-N", "γ": 0.1})
    assert world.target.bits() == world.original | dict(
        zip(["d1", "d4", "d7"], map(np.ndarray.tobytes, moved), strict=True)
    )
    assert (outcome.documents, outcome.changed, outcome.missing) == (3, (), ())
    run = outcome.run
    assert (run.number, run.kind, run.state, run.documents, run.written) == (1, "nudge", "done", 3, 3)
    assert run.settings == {"method": "NUDGE-N", "γ": 0.1}
    assert run.started <= run.finished


@pytest.mark.parametrize("batch", [1, 2, 9, 100, None])
def test_batches_are_as_large_as_the_store_takes(make, batch):
    world = make(batch=batch)
    write(world.target, world.journal, world.ids, world.vectors(1))
    size = batch or world.docs
    assert [len(ids) for ids in world.target.writes] == [
        min(size, world.docs - start) for start in range(0, world.docs, size)
    ]


def test_writing_twice_equals_writing_once(world):
    for _ in range(2):
        write(world.target, world.journal, world.ids[:4], world.vectors(1, 4))
    assert sum(map(len, world.target.writes)) == 4, "what stands already is not written again"
    assert [run.number for run in world.journal.runs()] == [1, 2], "but both are told"
    assert restore(world.target, world.journal).documents == 4
    assert world.target.bits() == world.original


def test_documents_of_an_earlier_run_get_their_originals_back(world):
    write(world.target, world.journal, ["d0", "d1", "d2"], world.vectors(1, 3))
    moved = world.vectors(2, 2)
    outcome = write(world.target, world.journal, ["d2", "d3"], moved)
    wanted = {"d2": moved[0].tobytes(), "d3": moved[1].tobytes()}
    assert world.target.bits() == world.original | wanted
    assert outcome.documents == 4
    assert set(survey(world.target, world.journal).originals) == {"d2", "d3"}
    assert world.known_originals() == world.original


def test_a_run_over_nothing_undoes_the_one_before(world):
    write(world.target, world.journal, ["d0"], world.vectors(1, 1))
    write(world.target, world.journal, [], np.zeros((0, 3)))
    assert world.target.bits() == world.original


def test_a_run_over_nothing_after_nothing_is_no_run(world):
    assert write(world.target, world.journal, [], np.zeros((0, 3))).run is None
    assert world.journal.runs() == []


def test_a_document_may_be_given_its_own_original(world):
    outcome = write(world.target, world.journal, ["d0", "d1"], world.vectors(0)[:2])
    assert (world.target.writes, outcome.documents) == ([], 2)
    assert survey(world.target, world.journal).originals == {}


def test_the_numbers_of_another_type_are_rounded_to_that_of_the_store(make):
    world = make(np.float16)
    moved = world.vectors(1).astype(np.float64) + 1e-5
    write(world.target, world.journal, world.ids, moved)
    assert world.target.bits() == dict(zip(world.ids, map(np.ndarray.tobytes, moved.astype(np.float16)), strict=True))


def test_documents_that_are_not_there_are_named_before_anything_is_written(world):
    with pytest.raises(StoreError, match=r"2 documents are not in the Dict collection: 'x', 'y'. Nothing was written"):
        write(world.target, world.journal, ["d0", "x", "y"], world.vectors(1, 3))
    assert (world.target.writes, world.journal.runs()) == ([], [])


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(world, fault):
    moved = world.vectors(1, 2)
    moved[1, 2] = fault
    with pytest.raises(InputError, match="expected finite ones"):
        write(world.target, world.journal, ["d0", "d1"], moved)
    assert (world.target.writes, world.journal.runs()) == ([], [])


def test_vectors_too_large_for_the_type_of_the_store_are_refused(make):
    world = make(np.float16)
    with pytest.raises(InputError, match="expected finite ones"):
        write(world.target, world.journal, ["d0"], np.asarray([[1.0, 70000.0, 0.0]]))
    assert (world.target.writes, world.journal.runs()) == ([], [])


@pytest.mark.parametrize("shape", [(1, 3), (3, 3), (2, 4), (2,), (2, 3, 1)])
def test_vectors_of_another_shape_are_refused(world, shape):
    with pytest.raises(InputError, match=r"for 2 documents of dimension 3"):
        write(world.target, world.journal, ["d0", "d1"], np.ones(shape))
    assert (world.target.writes, world.journal.runs()) == ([], [])


def test_a_document_named_twice_is_refused(world):
    with pytest.raises(InputError, match="'d1'"):
        write(world.target, world.journal, ["d0", "d1", "d1"], world.vectors(1, 3))
    assert (world.target.writes, world.journal.runs()) == ([], [])
