"""The map of a run: which one stands, and documents that are added while it does, in any number type and any batches."""

import numpy as np
import pytest

from nudge_core.apply import recover, restore, survey, write
from nudge_core.apply.memory import current_map, keep_map, map_added

MATRIX = np.asarray([[1, 0.2, 0], [0, 1, 0.3], [-0.1, 0, 1]], np.float32)


def through(vectors):
    values = np.asarray(vectors, np.float64)
    moved = values @ MATRIX
    return moved / np.linalg.norm(moved, axis=-1, keepdims=True) * np.linalg.norm(values, axis=-1, keepdims=True)


def run(world, *, mapped=True):
    """Every document moves; with a map its name is among the settings."""
    settings = {"map": keep_map(world.journal, MATRIX)} if mapped else {}
    moved = through(world.vectors(0)).astype(world.dtype)
    return write(world.target, world.journal, world.ids, moved, settings=settings, progress=False).run.number


def add(world, names, vectors):
    """Documents come into the store, as its own `add` would bring them."""
    world.target.held |= dict(zip(names, vectors, strict=True))
    world.journal.forget(names)
    return map_added(world.target, world.journal, names)


def number(world):
    found = current_map(world.journal)
    return None if found is None else found[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("batch", [None, 1, 2])
def test_documents_that_are_added_follow(make, dtype, batch):
    world = make(dtype=dtype, batch=batch)
    run(world)
    names, raw = [f"n{i}" for i in range(5)], world.vectors(7, 5)
    assert add(world, names, raw) == 5
    held = np.stack([world.target.held[name] for name in names])
    assert held.dtype == dtype
    np.testing.assert_allclose(held.astype(float), through(raw), atol=5e-3 if dtype == np.float16 else 1e-5)
    restore(world.target, world.journal, progress=False)
    assert world.target.bits() == world.original | {n: v.tobytes() for n, v in zip(names, raw, strict=True)}
    restore(world.target, world.journal, 1, progress=False)
    assert all(np.array_equal(world.target.held[name], v) for name, v in zip(names, held, strict=True))


def test_which_map_stands(make):
    world = make()
    assert number(world) is None
    assert run(world) == 1 == number(world)
    assert run(world, mapped=False) == 2
    assert number(world) is None
    restore(world.target, world.journal, 1, progress=False)
    assert number(world) == 3, "run 3 put the vectors of run 1 back"
    restore(world.target, world.journal, 3, progress=False)
    assert number(world) == 3, "there was nothing to do"
    restore(world.target, world.journal, progress=False)
    assert number(world) is None
    assert run(world) == 5 == number(world)


def test_while_a_run_is_interrupted_none_stands(make):
    world = make()
    run(world)

    def dies(ids):
        raise KeyboardInterrupt

    world.target.on_replace = dies
    with pytest.raises(KeyboardInterrupt):
        restore(world.target, world.journal, progress=False)
    assert current_map(world.journal) is None
    assert add(world, ["n0"], world.vectors(7, 1)) == 0
    world.target.on_replace = lambda ids: None
    recover(world.target, world.journal, "back", progress=False)
    assert number(world) == 1, "as before the run that was undone"
    world.target.on_replace = dies
    with pytest.raises(KeyboardInterrupt):
        restore(world.target, world.journal, progress=False)
    world.target.on_replace = lambda ids: None
    recover(world.target, world.journal, "forward", progress=False)
    assert number(world) is None


def test_what_a_run_moved_meanwhile_is_not_mapped_twice(make):
    world = make()
    run(world)
    state = world.target.bits()
    world.journal.forget(world.ids[:3])
    assert map_added(world.target, world.journal, world.ids) == 0
    assert world.target.bits() == state


def test_a_zero_vector_stays(make):
    world = make()
    run(world)
    raw = np.stack([np.zeros(3), np.ones(3)]).astype(world.dtype)
    assert add(world, ["n0", "n1"], raw) == 1
    assert not world.target.held["n0"].any()


def test_documents_that_are_gone_again(make):
    world = make()
    run(world)
    assert map_added(world.target, world.journal, ["n0"]) == 0


def test_a_store_that_rounds_what_it_is_given(make):
    """As one that scales to unit length itself: what it holds is noted, so that it counts as moved."""
    world = make()
    run(world)
    world.target.rounding = 1e-6
    world.target.takes = lambda name, vector: vector * np.float32(1 + 3e-7)
    raw = world.vectors(7, 1)
    add(world, ["n0"], raw)
    found = survey(world.target, world.journal)
    assert found.originals["n0"].tobytes() == raw[0].tobytes()
    world.target.takes = lambda name, vector: vector
    restore(world.target, world.journal, progress=False)
    assert world.target.held["n0"].tobytes() == raw[0].tobytes()


@pytest.mark.parametrize("written", [0, 1, 2])
def test_killed_on_the_way(make, written):
    world = make(batch=1)
    run(world)
    left = [written]

    def dies(ids):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1

    world.target.on_replace = dies
    names, raw = ["n0", "n1", "n2"], world.vectors(7, 3)
    with pytest.raises(KeyboardInterrupt):
        add(world, names, raw)
    world.target.on_replace = lambda ids: None
    world.journal = world.open()
    outcome = restore(world.target, world.journal, progress=False)
    assert outcome.changed == ()
    assert world.target.bits() == world.original | {n: v.tobytes() for n, v in zip(names, raw, strict=True)}
