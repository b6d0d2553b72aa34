"""What child processes do: make a collection, run on it what may be killed, and look at what is left of it."""

import os
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from killing import steps
from killing.documents import questions
from killing.places import Place
from nudge_core import NudgeN
from nudge_core.errors import UnfinishedRunError
from nudge_integrations.langchain import NudgeVectorStore
from nudge_integrations.llama_index.runs import collection_of
from nudge_integrations.stores import adapter_of
from nudge_integrations.stores.simple import SimpleAdapter


@dataclass
class Seen:
    """Every vector of a collection, and every text with its metadata."""

    vectors: dict[str, bytes]
    payloads: dict[str, tuple[str, dict]]


@dataclass
class Left:
    """What was found after a kill.

    Attributes:
        seen: The collection.
        unfinished: Whether the last run was.
        refused: What was refused therefore.
        ended: The state of the last run after recovery; None where there is no run.
        journal: What SQLite says of the journal's file.
    """

    seen: Seen
    unfinished: bool
    refused: list[str]
    ended: str | None
    journal: str


def nudge(store: NudgeVectorStore, which: str) -> None:
    parts = questions(which, range(2)), questions(which, range(2, 4))
    assert store.nudge(*parts, method=NudgeN(gammas=0.3), progress=False).applied


ACTIONS = {
    "nudge": lambda store: nudge(store, "first"),
    "nudge-again": lambda store: nudge(store, "second"),
    "restore": lambda store: store.restore(progress=False),
    "forward": lambda store: store.recover("forward", progress=False),
    "back": lambda store: store.recover("back", progress=False),
}


def wrap(place: Place, journal: Path | None = None, recover: str | None = None) -> NudgeVectorStore:
    os.environ["NUDGE_HOME"] = str(place.home)
    adapter = import_module("nudge_integrations.stores." + place.engine.split(".")[0])
    for name, value in place.pieces.items():
        assert hasattr(adapter, name)
        setattr(adapter, name, value)
    inner = place.open()
    journal = place.always or journal
    if place.indexed:
        return Indexed(inner, journal, recover)
    return NudgeVectorStore(inner, journal=journal, recover=recover)


class Indexed:
    """An index of LlamaIndex with the calls of a `NudgeVectorStore`."""

    def __init__(self, inner: Any, journal: Path | None, recover: str | None) -> None:
        self.inner = inner
        self.collection = collection_of(inner, journal, recover)

    def nudge(self, questions: Any, validation: Any, **options: Any) -> Any:
        others = {"measure": None, "background": None, "allow_map": False, "folds": 5}
        return self.collection.nudge(questions, validation, **others, **options)

    def restore(self, **options: Any) -> Any:
        return self.collection.restore(**options)

    def recover(self, direction: str, **options: Any) -> Any:
        return self.collection.recover(direction, **options)

    def history(self) -> list:
        return self.collection.history()

    @property
    def journal(self) -> Path | None:
        return self.collection.journal


def look(store: NudgeVectorStore, place: Place) -> Seen:
    adapter = SimpleAdapter.of_llama_index(store.inner) if place.indexed else adapter_of(store.inner)
    pages = list(adapter.walk(1000))
    vectors = {name: row.tobytes() for names, rows in pages for name, row in zip(names, rows, strict=True)}
    return Seen(vectors, place.helper().payloads(store.inner))


def make(place: Place) -> Seen:
    """A new collection."""
    place.make()
    return look(wrap(place), place)


def undisturbed(place: Place, action: str) -> Seen:
    """The collection after a run that nobody disturbs."""
    store = wrap(place)
    ACTIONS[action](store)
    place.save(store.inner)
    return look(wrap(place), place)


def lines(place: Place, journal: Path | None, action: str) -> list[steps.Line]:
    """The lines of a run."""
    store = wrap(place, journal)
    found = steps.record(1 if action in ("forward", "back") else 0)
    ACTIONS[action](store)
    sys.settrace(None)
    return found


def seconds(place: Place, action: str) -> float:
    """How long a run writes."""
    store, started = wrap(place), []
    steps.call_at("carry_out", lambda: started.append(time.perf_counter()))
    ACTIONS[action](store)
    return time.perf_counter() - started[0]


def die_at_a_line(place: Place, journal: Path | None, action: str, line: int) -> None:
    """Run it, and die before this of its `lines`."""
    store = wrap(place, journal)
    steps.die_at(line)
    ACTIONS[action](store)


def whole_seconds(place: Place, action: str) -> float:
    """How long it takes to open the collection, run it, and save."""
    started = time.perf_counter()
    store = wrap(place)
    ACTIONS[action](store)
    place.save(store.inner)
    return time.perf_counter() - started


def wait_for_death_from_the_beginning(place: Place, journal: Path | None, action: str, pipe: Connection) -> None:
    """Say that it begins, open the collection, run it, save, and do nothing more."""
    pipe.send("begins")
    store = wrap(place, journal)
    ACTIONS[action](store)
    place.save(store.inner)
    time.sleep(600)


def wait_for_death(place: Place, journal: Path | None, action: str, pipe: Connection) -> None:
    """Run it, say when it writes and when it has ended, and do nothing more."""
    store = wrap(place, journal)
    steps.call_at("carry_out", lambda: pipe.send("writes"))
    ACTIONS[action](store)
    place.save(store.inner)
    pipe.send("ended")
    time.sleep(600)


def find_and_recover(place: Place, journal: Path | None, direction: str, at_once: bool) -> Left:
    """Open what is left, try what must be refused, and recover; by the constructor, or by calling it."""
    store = wrap(place, journal)
    seen, refused = look(store, place), []
    unfinished = [run.state for run in store.history()][-1:] == ["writing"]
    for action in ("nudge", "nudge-again", "restore") if unfinished else ():
        try:
            ACTIONS[action](store)
        except UnfinishedRunError:
            refused.append(action)
    if at_once:
        store = wrap(place, journal, direction)
    else:
        store.recover(direction, progress=False)
    place.save(store.inner)
    ended = next((run.state for run in reversed(store.history())), None)
    return Left(seen, unfinished, refused, ended, _health(store.journal))


def _health(journal: Path | str | None) -> str:
    if isinstance(journal, str):  # in a database, which looks after itself
        return "ok"
    if journal is None or not journal.exists():
        return "none"
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def go_on(place: Place, journal: Path | None) -> list[Seen]:
    """The collection as it is, after a nudge, and after the originals were put back."""
    store = wrap(place, journal)
    found = [look(store, place)]
    for action in ("nudge", "restore"):
        ACTIONS[action](store)
        found.append(look(store, place))
    return found
