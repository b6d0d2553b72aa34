"""Kill whole nudges, restores and recoveries with SIGKILL at random times, opening and saving included, over every store that outlives a process.

NUDGE_KILLS says how often; `make test-kill` prints the table.
"""

import os

import numpy as np
import pytest
from test_kill import After, check

KILLS = int(os.environ.get("NUDGE_KILLS", "16"))
STORES = (
    "Chroma",
    "FAISS",
    "LanceDB",
    "pgvector",
    "pgvector with its journal",
    "Qdrant",
    "Milvus Lite",
    "SimpleVectorStore",
)
TURN = ("nudge", "forward", "restore", "nudge-again", "back", "nudge", "restore")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")


@pytest.mark.parametrize("number", sorted(range(KILLS), key=lambda number: number % len(STORES)))
def test_killed_at_a_random_time(arena, number, tally):
    store, turn = STORES[number % len(STORES)], number // len(STORES)
    action, place, after = TURN[(turn + number) % len(TURN)], arena(store), After(turn)
    tally.random[store, "recovery" if action in ("forward", "back") else action.partition("-")[0]] += 1
    assert place.kill_at_random(action, np.random.default_rng(number).uniform(), after.given)
    check(place, action, after, None, store, tally)
