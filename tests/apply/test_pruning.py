"""Journals stay small: moves of old runs go, originals stay, and what a store holds is still known for moved."""

import numpy as np
import pytest

from nudge_core.apply import prune, restore, survey, write
from nudge_core.apply.memory import current_map, keep_map
from nudge_core.apply.pruning import KEEP, KNOWN, SLACK
from nudge_core.errors import InputError, LockedError


def run(world, seed, **options):
    return write(world.target, world.journal, world.ids, world.vectors(seed), progress=False, **options)


def kept(world):
    return sorted({number for (number,) in world.journal.rows("SELECT run FROM changes")})


def test_originals_stay_and_old_runs_are_told_but_not_had_again(world):
    states = []
    for seed in range(1, 6):
        run(world, seed)
        states.append(dict(world.target.held))
    assert prune(world.journal, 2) == 3
    assert kept(world) == [4, 5]
    assert [(r.number, r.documents, r.written, r.state) for r in world.journal.runs()] == [
        (n, 9, 9, "done") for n in range(1, 6)
    ]
    with pytest.raises(InputError, match=r"run is 1; expected the number of a run that was done: 4, 5; .*pruned"):
        restore(world.target, world.journal, 1)
    restore(world.target, world.journal, 4)
    assert world.target.bits() == {name: vector.tobytes() for name, vector in states[3].items()}
    world.target.held = states[0]  # a backup of the store of the first day
    assert set(survey(world.target, world.journal).originals) == set(world.ids)
    restore(world.target, world.journal)
    assert world.target.bits() == world.original
    assert prune(world.journal, 100) == 0


def test_vectors_that_nothing_speaks_of_go_and_the_file_shrinks(make):
    world = make(docs=300, dim=64, batch=None)
    for seed in range(1, 6):
        run(world, seed)
    before = world.journal.path.stat().st_size
    prune(world.journal, 1)
    assert world.journal.rows("SELECT count(*) FROM vectors") == [(900,)], (
        "originals, and what the last run found and wrote"
    )
    assert world.journal.path.stat().st_size < 0.6 * before
    restore(world.target, world.journal)
    assert world.target.bits() == world.original


@pytest.mark.parametrize("moves", ["the same", "others"])
def test_the_size_is_bounded_over_200_cycles(make, moves):
    world = make(docs=40, dim=64, batch=None)
    sizes = []
    for cycle in range(200):
        run(world, 1 + cycle * (moves == "others"))
        restore(world.target, world.journal, progress=False)
        sizes.append(world.journal.path.stat().st_size)
        assert len(kept(world)) <= KEEP + SLACK
    assert sizes[-1] <= 1.1 * sizes[30] + 200 * 400, "a run takes a line, even where its moves are gone"
    assert world.target.bits() == world.original
    assert world.journal.rows("PRAGMA integrity_check") == [("ok",)]
    assert len({n for (n,) in world.journal.rows("SELECT run FROM past")}) <= KNOWN


def test_documents_that_come_and_go_leave_nothing(make):
    world = make(docs=5, batch=None)
    for day in range(60):
        world.journal.forget(world.ids)
        world.ids = [f"{day}-{i}" for i in range(5)]
        world.target.held = dict(zip(world.ids, world.vectors(day), strict=True))
        run(world, day + 100)
    prune(world.journal, 1)
    assert world.journal.rows("SELECT count(*) FROM documents")[0][0] <= 5 * (KNOWN + 1)


def test_the_map_that_stands_is_kept(world):
    """Whichever run it is of."""
    maps = [np.eye(3, dtype=np.float32) * scale for scale in (1, 2, 3)]
    names = [keep_map(world.journal, matrix) for matrix in maps]
    for seed, name in enumerate(names, 1):
        run(world, seed, settings={"map": name})
    restore(world.target, world.journal, 1)
    prune(world.journal, 1)
    assert current_map(world.journal) == (4, names[0])
    assert world.journal.rows("SELECT name FROM maps") == [(names[0],)]


def test_an_interrupted_run_is_kept(world):
    run(world, 1)
    world.target.on_replace = world.stopping(1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(world, 2)
    prune(world.journal, 1)
    assert 2 in kept(world)
    assert world.journal.unfinished().number == 2


@pytest.mark.parametrize("keep", [0, -1, True, "all", 1.5])
def test_how_many_are_kept_is_a_number(world, keep):
    with pytest.raises(InputError, match="keep is .*expected how many runs are kept, 1 or more"):
        prune(world.journal, keep)


def test_while_another_writes_nothing_is_pruned(world):
    with world.open().lock("nudge"), pytest.raises(LockedError):
        prune(world.journal)
