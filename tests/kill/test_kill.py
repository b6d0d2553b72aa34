"""Kill nudge, restore and recover with SIGKILL, and look for vectors that were lost.

Some processes die before a chosen line of safe writing or of an adapter, spread over all steps of a run; others at a moment drawn at random while
it writes, most of it inside the store's native code. What is left is opened by a new process. NUDGE_KILL_POINTS=all kills more often.
"""

import os

import numpy as np
import pytest
from killing import children, jobs
from killing.arena import RUNS, Arena
from killing.documents import DIM
from killing.steps import STEPS, Line

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")

PLACES = ("Chroma", "FAISS", "LanceDB", "pgvector", "pgvector with its journal")
ALL = os.environ.get("NUDGE_KILL_POINTS") == "all"
LINES, MOMENTS, RECOVERIES = (20, 4, 6) if ALL else (3, 1, 1)
"""For each store: kills before a line and at a moment of each kind of run, and before a line of each kind of recovery."""


def points(actions, count):
    """(store, action, number): the numbers go on from one run to the next, so that each has kills at other steps."""
    each = [(store, action) for store in PLACES for action in actions]
    return [(*one, number) for i, one in enumerate(each) for number in range(i * count, (i + 1) * count)]


class After:
    """How to go on after a kill: which way, whether by the constructor, and whether the journal is named."""

    def __init__(self, number: int) -> None:
        self.direction = "back" if number % 2 else "forward"
        self.at_once, self.given = number // 2 % 2 == 1, number // 4 % 2 == 1


def check(arena: Arena, action: str, after: After, line: Line | None, store: str, tally) -> None:
    """Open what is left of a process that was killed before this line, recover, nudge, restore, and compare every time."""
    place, run, journal = arena.place, RUNS[action], arena.journal(after.given)
    old, new, fresh = (arena.seen[name] for name in (run.old, run.new, "fresh"))
    tally.kills[store] += 1
    tally.steps["any" if line is None else line.step] += 1
    tally.unchecked += 1
    left = children.call(jobs.find_and_recover, place, journal, after.direction, after.at_once)
    now, nudged, restored = children.call(jobs.go_on, place, journal)

    forward = after.direction == "forward" if left.unfinished else now == new
    goal = new if forward else old
    lost = {name for name in fresh.vectors if now.vectors.get(name) != goal.vectors[name]}
    lost |= {name for name in fresh.vectors if restored.vectors.get(name) != fresh.vectors[name]}
    tally.unchecked -= 1
    tally.payloads += any(seen.payloads != fresh.payloads for seen in (left.seen, now, restored))
    tally.unfinished += left.unfinished
    tally.lost += len(lost)

    assert not lost
    assert (nudged, restored) == (arena.seen["once"], fresh)
    for seen in (left.seen, now):
        assert seen.payloads == fresh.payloads
        for name, vector in seen.vectors.items():
            assert any(near(vector, side.vectors[name]) for side in (old, new))
    assert left.journal == "ok" or (left.journal == "none" and not left.unfinished)
    assert left.refused == (["nudge", "nudge-again", "restore"] if left.unfinished else [])
    if left.unfinished:
        assert left.ended == ("done" if forward else "undone")
    if line is not None:
        assert left.unfinished == (line.state == 1)
        stays = line.state == 2 and action != "back" and store != "FAISS"  # which was killed before it was saved
        assert left.unfinished or now == (new if stays else old)


def near(one: bytes, other: bytes) -> bool:
    """Whether it is the same vector; in the middle of a write Chroma may hold it with other last bits."""
    kind = np.float64 if len(one) == 8 * DIM else np.float32
    return np.allclose(np.frombuffer(one, kind), np.frombuffer(other, kind), rtol=0, atol=1e-6)


@pytest.mark.parametrize("store", PLACES)
def test_a_nudge_has_every_step(arena, store):
    lines = arena(store).lines("nudge", False)
    assert {line.step for line in lines} == set(STEPS)
    assert {line.state for line in lines} == {0, 1, 2}


def kill_before_a_line(arena, store, action, number, tally):
    place, after = arena(store), After(number)
    row, line = place.pick(action, number, after.given)
    assert place.kill_at_a_line(action, row, after.given), f"not killed before {line}"
    check(place, action, after, line, store, tally)


@pytest.mark.parametrize(("store", "action", "number"), points(("nudge", "nudge-again", "restore"), LINES))
def test_killed_before_a_line(arena, store, action, number, tally):
    kill_before_a_line(arena, store, action, number, tally)


@pytest.mark.parametrize(("store", "action", "number"), points(("forward", "back"), RECOVERIES))
def test_killed_again_during_recovery(arena, store, action, number, tally):
    kill_before_a_line(arena, store, action, number, tally)


@pytest.mark.parametrize(("store", "action", "number"), points(("nudge", "nudge-again", "restore"), MOMENTS))
def test_killed_at_any_moment_of_writing(arena, store, action, number, tally):
    place, after = arena(store), After(number)
    far = np.random.default_rng(number).uniform()
    assert place.kill_after(action, far * place.seconds(action), after.given)
    check(place, action, after, None, store, tally)
