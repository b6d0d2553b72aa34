"""Ten thousand documents: no step may cost more than its share."""

import time

import pytest

from nudge_core.apply import restore, survey, write


@pytest.mark.parametrize("batch", [1000, None])
def test_ten_thousand_documents(make, batch):
    """Measured in the time of this process, which other programs do not change."""
    world = make(docs=10_000, dim=64, batch=batch)
    began = time.process_time()
    write(world.target, world.journal, world.ids, world.vectors(1))
    write(world.target, world.journal, world.ids[5000:], world.vectors(2, 5000))
    restore(world.target, world.journal)
    assert time.process_time() - began < 3 * 3, "three runs of three seconds each"
    assert world.target.bits() == world.original


def test_many_that_were_embedded_again(make):
    """Each is looked for among earlier runs."""
    world = make(docs=5_000, dim=64, batch=None)
    for seed in (1, 2, 3):
        write(world.target, world.journal, world.ids, world.vectors(seed))
    world.target.held = dict(zip(world.ids, world.vectors(9), strict=True))
    began = time.process_time()
    assert len(survey(world.target, world.journal).changed) == 5_000
    assert time.process_time() - began < 3


def test_few_documents_among_many_cost_little(make):
    """A run reads what it moves and what was moved before, never the whole collection."""
    world = make(docs=10_000, dim=8, batch=None)
    read = []
    world.target.on_fetch = read.extend
    write(world.target, world.journal, world.ids[:10], world.vectors(1, 10))
    restore(world.target, world.journal)
    assert set(read) == set(world.ids[:10])
    assert len(read) <= 10 * 10
