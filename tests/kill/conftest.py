"""`import killing` and `import engines` work here; and the figure of the kill test is printed at the end of the tests."""

import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest

collect_ignore = ["killing"]  # has no examples, and imports what only child processes need
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]


class Tally:
    """What the figure is made of: kills by store and by step, how many left a run unfinished or were not checked, and vectors that were lost."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.random: Counter[tuple[str, str]] = Counter()
        self.unfinished = self.unchecked = self.lost = self.payloads = 0

    def __str__(self) -> str:
        stores, failed = ", ".join(sorted(self.kills)), f" ({self.unchecked} not checked)" if self.unchecked else ""
        steps = ", ".join(f"{step} {count}" for step, count in self.steps.items())
        return (
            f"killed {self.kills.total()} times over {stores}{failed}, {self.unfinished} runs left unfinished: {self.lost} vectors lost\n"
            f"the steps in which it was killed: {steps}\n"
            f"stuck, that is neither finished nor undone afterwards: {self.unchecked}; texts or metadata changed: {self.payloads}"
            f"{self.table()}"
        )

    def table(self) -> str:
        """Of kills at random times, how many by store and by what was killed."""
        if not self.random:
            return ""
        kinds = ("nudge", "restore", "recovery")
        stores = dict.fromkeys(store for store, _ in self.random)
        lines = ["", "| killed at random times | nudges | restores | recoveries |", "|---|--:|--:|--:|"]
        lines += [f"| {store} | {' | '.join(str(self.random[store, kind]) for kind in kinds)} |" for store in stores]
        every = [sum(self.random[store, kind] for store in stores) for kind in kinds]
        return "\n".join([*lines, f"| all {sum(every)} | {' | '.join(map(str, every))} |"])


PLACES = {
    "pgvector": "PGVector",
    "pgvector with its journal": "PGVectorInStore",
    "Milvus Lite": "Milvus",
    "SimpleVectorStore": "Simple",
}

TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def tally(pytestconfig):
    """The one tally of all tests."""
    return pytestconfig.stash.setdefault(TALLY, Tally())


@pytest.fixture(scope="session")
def arena(tmp_path_factory):
    """The arena of a store, by its name."""
    from engines.pgvector import rows, server
    from killing import children, places
    from killing.arena import Arena

    children.start()
    known = {}

    def find(store):
        if store not in known:
            folder, more = tmp_path_factory.mktemp(store.replace(" ", "")), ()
            if store.startswith("pgvector"):
                more = server().get_uri(driver="psycopg"), f"s_{uuid.uuid4().hex}"
            if store == "pgvector":
                rows(f"CREATE SCHEMA {more[1]}")
            known[store] = Arena(getattr(places, f"{PLACES.get(store, store)}Place")(folder, *more))
        return known[store]

    return find


def pytest_terminal_summary(terminalreporter, config):
    tally = config.stash.get(TALLY, Tally())
    if tally.kills:
        terminalreporter.write_line(str(tally))
